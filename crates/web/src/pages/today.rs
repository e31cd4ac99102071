//! 今日: what is known, handed to the page that makes one sentence and at most three things to do of it.

use super::assets::{hour, watched};
use super::speak::{self, Names};
use crate::ask::Ask;
use crate::problem::{Problem, page as render};
use crate::view::chart::usual_band;
use crate::view::{Change, Changed, Learned, Page, StockDue, TodayFacts, TodayPage, TodaySensor, TopFinding, Traffic, When};
use axum::response::Response;
use catalogue::Value;
use model::access::{ViewAssets, ViewEvents, ViewFindings, ViewSettings, ViewToday};
use model::event::Deed;
use model::{AssetState, Authorised, FindingId, FindingStatus, Severity, Span, Time};
use state::today::{self as facts_of, Changed as Was};
use state::{AssetFilter, FindingFilter};
use std::collections::BTreeMap;

/// Lines of what changed.
const CHANGES: usize = 8;
/// Of these, findings; the rest of them is a number.
const FINDINGS_TOLD: usize = 4;
/// New devices that are told by name; more are a number.
const DEVICES_TOLD: u64 = 2;
/// How long like deeds of one person are one line.
const GATHERED: Span = Span::hours(1);
/// Weeks that make a habit worth comparing with.
pub(crate) const WEEKS: u32 = 2;

/// `GET /`
pub(crate) async fn page(ask: Ask, proof: Authorised<ViewToday>) -> Result<Response, Problem> {
    let facts = ask.store.today_as_of(&proof, ask.data_now(), ask.now).await?;
    let open = |s: Severity| facts.open.get(&s).copied().unwrap_or(0);
    let by_state = async |states: Vec<AssetState>| -> Result<u64, Problem> {
        let Ok(seeing) = ask.also(ViewAssets) else { return Ok(0) };
        let filter = AssetFilter { states, paging: state::Paging { page: 1, per_page: 1 }, ..AssetFilter::default() };
        Ok(ask.store.assets(&seeing, &filter).await?.total)
    };
    let in_ledger = by_state(vec![AssetState::Registered, AssetState::Unused, AssetState::Faulty]).await?;
    let denied = by_state(vec![AssetState::Denied]).await?;
    let top = top(&ask).await?;
    let sensors: Vec<TodaySensor> = sensors(&ask).await;
    let mut kept = super::settings::kept(&ask);
    if ask.also(ViewSettings).is_ok() {
        kept.outside = super::vault::outside(&ask).await;
        kept.encryption = super::encryption::question(&ask);
    }
    let view = TodayFacts {
        today: open(Severity::Today),
        week: open(Severity::Week),
        check: open(Severity::Check),
        top,
        assets: facts.assets,
        discovered: facts.assets_unregistered,
        in_ledger,
        denied,
        seen: facts.assets_seen,
        sensors,
        learned: learned(&ask),
        changes: changes(&ask, &facts).await?,
        traffic: traffic(&ask, &facts),
        kept,
        as_of: ask.as_of.map(|at| ask.when(at)),
        stock: stock(&ask).await?,
        archive: super::archives::late(&ask).await?.map(|l| super::archives::late_words(&ask, &l)).unwrap_or_default(),
    };
    let shell = ask.shell(Page::Today, "").await?;
    render(&TodayPage::new(shell, view))
}

/// Days before a stocktake's end, and before the next one, from which the front page tells of it.
const STOCK_DAYS: (i64, i64) = (7, 14);

/// The stocktake that is due, or will be soon. By the clock on the wall, not by what old captures show: people do it.
async fn stock(ask: &Ask) -> Result<Option<StockDue>, Problem> {
    let Ok(seeing) = ask.also(ViewAssets) else { return Ok(None) };
    let today = ask.format.iso_date(ask.now);
    let soon = |days: i64| ask.format.iso_date(ask.now + Span::hours(24 * days));
    let (running, next) = (soon(STOCK_DAYS.0), soon(STOCK_DAYS.1));
    let due = ask.store.stocktakes_due(&seeing).await?;
    Ok(due.into_iter().find(|d| d.day <= *if d.running { &running } else { &next }).map(|d| StockDue {
        href: if d.running { format!("/stocktakes/{}", d.stocktake) } else { String::from("/stocktakes") },
        day: ask.format.end_of_day(&d.day).map_or_else(|| d.day.clone(), |at| ask.format.date(at)),
        late: d.day < today,
        name: d.name,
        running: d.running,
        open: d.open,
    }))
}

async fn top(ask: &Ask) -> Result<Vec<TopFinding>, Problem> {
    let Ok(seeing) = ask.also(ViewFindings) else { return Ok(Vec::new()) };
    let filter = FindingFilter {
        statuses: vec![FindingStatus::Open],
        severities: vec![Severity::Today, Severity::Week],
        paging: state::Paging { page: 1, per_page: 6 },
        ..FindingFilter::default()
    };
    let found = ask.store.findings(&seeing, &filter).await?.items;
    let names = Names::of(ask, &found.iter().collect::<Vec<_>>()).await?;
    Ok(found
        .iter()
        .map(|f| {
            let words = speak::words(ask, &names, f);
            TopFinding {
                href: format!("/findings/{}", f.id),
                severity: f.severity,
                title: words.title,
                what: words.what,
                last: ask.when(f.last),
            }
        })
        .collect())
}

async fn sensors(ask: &Ask) -> Vec<TodaySensor> {
    let names = super::assets::sensor_names(ask).await;
    (ask.shared.sensors)()
        .into_iter()
        .map(|s| TodaySensor {
            name: names.get(&s.id.0).cloned().unwrap_or(s.name),
            quality: s.quality,
            live: s.kind == model::coverage::SensorKind::Live,
        })
        .collect()
}

/// Days of records against the days that the rule on habits needs before it compares.
fn learned(ask: &Ask) -> Learned {
    let needed = ask.shared.catalogue.rule("habit").map_or(0, |r| r.parameter("days_min"));
    Learned { days: super::settings::kept(ask).days, needed: u64::try_from(needed).unwrap_or(0) }
}

fn traffic(ask: &Ask, facts: &facts_of::TodayFacts) -> Option<Traffic> {
    if facts.day.iter().all(|h| h.bytes_in == 0 && h.bytes_out == 0) {
        return None;
    }
    let habit: BTreeMap<i64, _> = facts.habit.iter().map(|h| (h.hour, h)).collect();
    let hours = facts
        .day
        .iter()
        .map(|h| {
            let usual = habit.get(&h.hour).and_then(|u| usual_band(u.low, u.median, u.high, u.weeks));
            let bytes = h.bytes_in.saturating_add(h.bytes_out);
            hour(ask, h.hour, bytes, watched(&facts.coverage, h.hour) || bytes > 0, usual)
        })
        .collect();
    let weeks = facts.habit.iter().map(|h| h.weeks).max().unwrap_or(0);
    Some(Traffic { hours, learned_days: u64::from(weeks) * 7, needed_days: u64::from(WEEKS) * 7 })
}

/// What somebody did again and again within [`GATHERED`] is one line.
struct Deeds<'a> {
    newest: Time,
    who: &'a str,
    deed: &'a Deed,
    label: &'a str,
    times: u64,
}

/// Deeds of one sort: two imports, two registrations, two changed settings.
fn alike(a: &Deed, b: &Deed) -> bool {
    match (a, b) {
        (Deed::AssetState { to: x, .. }, Deed::AssetState { to: y, .. }) => x == y,
        // Each hold has a name of its own.
        (Deed::HoldPlaced { name: x, .. }, Deed::HoldPlaced { name: y, .. })
        | (Deed::HoldLifted { name: x, .. }, Deed::HoldLifted { name: y, .. }) => x == y,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn gather(changes: &[facts_of::Change]) -> Vec<Deeds<'_>> {
    let mut out: Vec<Deeds<'_>> = Vec::new();
    for change in changes {
        let Was::Deed { who, deed, label } = &change.what else { continue };
        match out.last_mut() {
            Some(last) if last.who == who && alike(last.deed, deed) && last.newest - change.at <= GATHERED => last.times += 1,
            _ => out.push(Deeds { newest: change.at, who, deed, label, times: 1 }),
        }
    }
    out
}

/// Words for what somebody did, once or several times, with the page behind it; `None` where the page has better words for it.
fn deed(ask: &Ask, d: &Deeds<'_>) -> Option<(Changed, Option<String>)> {
    let t = ask.t();
    let who = speak::who(ask, d.who);
    let asset = |id: &model::AssetId| ask.also(ViewAssets).is_ok().then(|| format!("/assets/{id}"));
    let several = |key: &str, extra: &str| {
        let n = Value::Number(i64::try_from(d.times).unwrap_or(i64::MAX));
        let words = t.with(key, &[("x", Value::Text(&who)), ("y", Value::Text(extra)), ("n", n)]);
        (Changed::Other(words), ask.also(ViewEvents).is_ok().then(|| String::from("/events?table=audit")))
    };
    Some(match d.deed {
        Deed::AssetState { to, .. } if d.times > 1 => several("changed-states", &t.of("state", to.name())),
        Deed::AssetState { asset: id, to, .. } => (Changed::State { who, label: d.label.to_owned(), to: *to }, asset(id)),
        Deed::AssetEntered { .. } if d.times > 1 => several("changed-entered", ""),
        Deed::AssetEntered { asset: id, .. } => (Changed::Entered { who, n: 1 }, asset(id)),
        Deed::AssetEdited { .. } if d.times > 1 => several("changed-edits", ""),
        Deed::AssetEdited { asset: id, .. } => (Changed::Other(t.xy("changed-edited", &who, d.label)), asset(id)),
        Deed::AssetsMerged { stays: id, .. } => (Changed::Other(t.xy("changed-merged", &who, d.label)), asset(id)),
        Deed::AssetSplit { from: id, .. } => (Changed::Other(t.xy("changed-split", &who, d.label)), asset(id)),
        Deed::Setting { .. } if d.times > 1 => several("changed-settings", ""),
        Deed::Setting { .. } => (Changed::Other(t.x("changed-setting", &who)), None),
        Deed::HoldPlaced { name, .. } => (Changed::Other(t.xy("changed-hold-placed", &who, name)), None),
        Deed::HoldLifted { name, .. } => (Changed::Other(t.xy("changed-hold-lifted", &who, name)), None),
        Deed::RecordsErased { .. } => (Changed::Other(t.x("changed-records-erased", &who)), None),
        Deed::Account { .. } if d.times > 1 => several("changed-accounts", ""),
        Deed::Account { .. } => (Changed::Other(t.x("changed-account", &who)), None),
        Deed::Started { .. } => (Changed::Started, None),
        _ => return None,
    })
}

async fn finding_line(
    ask: &Ask,
    id: FindingId,
    rule: &str,
    from: Option<FindingStatus>,
    to: FindingStatus,
    who: &str,
) -> Result<(Changed, Option<String>), Problem> {
    let seeing = ask.also(ViewFindings).ok();
    let found = match &seeing {
        Some(proof) => ask.store.finding(proof, id).await.ok(),
        None => None,
    };
    let title = match &found {
        Some(f) => speak::title(ask, &Names::of(ask, &[f]).await?, f),
        None => ask.shared.catalogue.rule(rule).map_or_else(|| rule.to_owned(), |r| r.name(ask.lang)),
    };
    let what = match (from, who.is_empty()) {
        (None, _) => Changed::Raised(title),
        (Some(_), true) => Changed::Reopened(title),
        (Some(_), false) => Changed::Handled { who: speak::who(ask, who), title, to },
    };
    Ok((what, seeing.is_some().then(|| format!("/findings/{id}"))))
}

/// The lines of what changed: findings before devices before deeds, as many as fit; then newest first.
async fn changes(ask: &Ask, facts: &facts_of::TodayFacts) -> Result<Vec<Change>, Problem> {
    let may_assets = ask.also(ViewAssets).is_ok();
    let mut out: Vec<(Time, Changed, Option<String>)> = Vec::new();
    let of_findings = facts.changes.iter().filter(|c| matches!(c.what, Was::Finding { .. })).count();
    let told = if of_findings > FINDINGS_TOLD { FINDINGS_TOLD - 1 } else { of_findings };
    let mut rest = 0u64;
    for change in &facts.changes {
        let Was::Finding { finding, rule, from, to, who, .. } = &change.what else { continue };
        if out.len() < told {
            let (what, href) = finding_line(ask, *finding, rule, *from, *to, who).await?;
            out.push((change.at, what, href));
        } else {
            rest += 1;
            if rest == 1 {
                let href = ask.also(ViewFindings).is_ok().then(|| String::from("/findings?status=all&sort=last"));
                out.push((change.at, Changed::Other(String::new()), href));
            }
        }
    }
    if rest > 0
        && let Some(last) = out.last_mut()
    {
        last.1 = Changed::Other(ask.t().n("changed-raised-more", rest));
    }
    let mut devices = facts.changes.iter().filter_map(|c| match &c.what {
        Was::Discovered { asset, label, .. } => Some((c.at, asset, label)),
        _ => None,
    });
    if facts.discovered > DEVICES_TOLD {
        if let Some((at, ..)) = devices.next() {
            let href = may_assets.then(|| String::from("/assets?sort=first&dir=desc"));
            out.push((at, Changed::Discovered(facts.discovered), href));
        }
    } else {
        out.extend(
            devices.map(|(at, id, label)| (at, Changed::DiscoveredOne(speak::cut(label)), may_assets.then(|| format!("/assets/{id}")))),
        );
    }
    for d in gather(&facts.changes) {
        if let Some((what, href)) = deed(ask, &d) {
            out.push((d.newest, what, href));
        }
    }
    out.truncate(CHANGES);
    out.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    // Beside an old capture, "22:03" of today would be misread.
    let when = |at| if ask.as_of.is_some() { When::new(at, ask.format.date_time(at)) } else { ask.when(at) };
    Ok(out.into_iter().map(|(at, what, href)| Change { when: when(at), what, href }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::AssetId;

    fn entered(at: i64, who: &str) -> facts_of::Change {
        let deed =
            Deed::AssetEntered { asset: AssetId::NIL, state: AssetState::Registered, macs: Vec::new(), ips: Vec::new(), ledger: None };
        facts_of::Change { at: Time::from_unix(at, 0), what: Was::Deed { who: who.to_owned(), deed, label: String::from("PLC 1") } }
    }

    #[test]
    fn an_import_is_one_line() {
        let mut all: Vec<_> = (0..20).map(|i| entered(100_000 - i, "hinomi command line")).collect();
        all.push(entered(99_000, "tanaka"));
        all.push(entered(98_000, "hinomi command line"));
        let gathered = gather(&all);
        assert_eq!(
            gathered.iter().map(|d| (d.who, d.times)).collect::<Vec<_>>(),
            [("hinomi command line", 20), ("tanaka", 1), ("hinomi command line", 1)]
        );
        assert_eq!(gather(&[entered(100_000, "a"), entered(90_000, "a")]).len(), 2, "hours apart");
    }
}
