//! 今日: what is known, handed to the page that makes one sentence and at most three things to do of it.

use super::assets::{hour, hour_time, watched};
use super::speak::{self, Names};
use crate::ask::Ask;
use crate::problem::{Problem, page as render};
use crate::view::chart::usual_band;
use crate::view::{Change, Changed, Learned, Page, TodayFacts, TodayPage, TodaySensor, TopFinding, Traffic};
use axum::response::Response;
use model::access::{ViewAssets, ViewFindings, ViewSettings, ViewToday};
use model::event::Deed;
use model::{AssetState, Authorised, FindingStatus, Severity, Span};
use state::today::{self as facts_of, Changed as Was};
use state::{AssetFilter, FindingFilter};
use std::collections::BTreeMap;

/// Lines of what changed.
const CHANGES: usize = 8;
/// Weeks that make a habit worth comparing with.
const WEEKS: u32 = 2;

/// `GET /`
pub(crate) async fn page(ask: Ask, proof: Authorised<ViewToday>) -> Result<Response, Problem> {
    let facts = ask.store.today(&proof, ask.now).await?;
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
    let limit = match ask.also(ViewSettings) {
        Ok(seeing) => ask.store.setting(&seeing, "retention_days").await?.value.parse().ok(),
        Err(_) => None,
    };
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
        learned: learned(&facts),
        changes: changes(&ask, &facts).await?,
        traffic: traffic(&ask, &facts),
        kept: super::settings::kept(&ask, limit),
    };
    let shell = ask.shell(Page::Today, "").await?;
    render(&TodayPage::new(shell, view))
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

/// Weeks behind the habit, in days, against what a comparison needs.
fn learned(facts: &facts_of::TodayFacts) -> Learned {
    let weeks = facts.habit.iter().map(|h| h.weeks).max().unwrap_or(0);
    Learned { days: u64::from(weeks) * 7, needed: u64::from(WEEKS) * 7 }
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
            // The hour that is not over yet is told, and compared with nothing.
            let whole = hour_time(h.hour + 1) <= ask.now;
            let bytes = h.bytes_in.saturating_add(h.bytes_out);
            hour(ask, h.hour, bytes, watched(&facts.coverage, h.hour) || bytes > 0, usual.filter(|_| whole))
        })
        .collect();
    let learned = learned(facts);
    Some(Traffic { hours, learned_days: learned.days, needed_days: learned.needed })
}

async fn changes(ask: &Ask, facts: &facts_of::TodayFacts) -> Result<Vec<Change>, Problem> {
    let seeing = ask.also(ViewFindings).ok();
    let may_assets = ask.also(ViewAssets).is_ok();
    let mut out: Vec<Change> = Vec::new();
    let mut discovered = 0usize;
    for change in &facts.changes {
        if out.len() >= CHANGES {
            break;
        }
        let (what, href) = match &change.what {
            Was::Discovered { asset, label, .. } => {
                discovered += 1;
                // After three, the rest is told as a number below.
                if discovered > 3 {
                    continue;
                }
                (Changed::DiscoveredOne(label.clone()), may_assets.then(|| format!("/assets/{asset}")))
            }
            Was::Finding { finding, rule, from, to, who, .. } => {
                let title = match &seeing {
                    Some(proof) => match ask.store.finding(proof, *finding).await {
                        Ok(f) => {
                            let names = Names::of(ask, &[&f]).await?;
                            speak::title(ask, &names, &f)
                        }
                        Err(_) => rule.clone(),
                    },
                    None => ask.shared.catalogue.rule(rule).map_or_else(|| rule.clone(), |r| r.name(ask.lang)),
                };
                let what = match (from, who.is_empty()) {
                    (None, _) => Changed::Raised(title),
                    (Some(_), true) => Changed::Reopened(title),
                    (Some(_), false) => Changed::Handled { who: who.clone(), title, to: *to },
                };
                (what, seeing.is_some().then(|| format!("/findings/{finding}")))
            }
            Was::Deed { who, deed, label } => match deed {
                Deed::AssetState { asset, to, .. } => {
                    (Changed::State { who: who.clone(), label: label.clone(), to: *to }, may_assets.then(|| format!("/assets/{asset}")))
                }
                Deed::AssetEntered { asset, .. } => {
                    (Changed::Entered { who: who.clone(), n: 1 }, may_assets.then(|| format!("/assets/{asset}")))
                }
                Deed::AssetEdited { asset, .. } => {
                    (Changed::Other(ask.t().xy("changed-edited", who, label)), may_assets.then(|| format!("/assets/{asset}")))
                }
                Deed::Setting { .. } => (Changed::Other(ask.t().x("changed-setting", who)), None),
                Deed::Account { .. } => (Changed::Other(ask.t().x("changed-account", who)), None),
                Deed::Started { .. } => (Changed::Started, None),
                _ => continue,
            },
        };
        out.push(Change { when: ask.when(change.at), what, href });
    }
    if discovered > 3 {
        let rest = (discovered - 3) as u64;
        let href = may_assets.then(|| String::from("/assets?sort=first&dir=desc"));
        let at = ask.now - Span::ZERO;
        out.truncate(CHANGES - 1);
        out.push(Change { when: ask.when(facts.changes.last().map_or(at, |c| c.at)), what: Changed::Discovered(rest), href });
    }
    Ok(out)
}
