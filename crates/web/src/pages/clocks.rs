//! 時計: our own clock, those of the sources, and which devices ask a time server. And our own starts, stops, gaps and clock in words.

use super::assets::{sensor_name, sensor_names};
use super::export::{csv_file, shift_jis, stamp};
use super::speak::{Names, cut};
use crate::ask::Ask;
use crate::problem::{Problem, page_with};
use crate::view::clocks::{AskerGroup, AskerRow, ClockRow, ClocksPage};
use crate::view::vault::Concern;
use crate::view::words::Tag;
use crate::view::{Amount, Link, Page, RawRow};
use axum::http::StatusCode;
use axum::response::Response;
use catalogue::Value;
use model::access::{ExportAssets, ViewAssets, ViewSettings};
use model::clock::{Asker, Asking, ClockEstimate, ClockLook, ClockOf, ENOUGH_HOURS, OwnClock};
use model::event::Deed;
use model::{Authorised, Span, Time};
use state::clocks::OwnLook;
use state::sheet::Table;
use std::collections::BTreeMap;

/// Devices of one group that are shown.
const SHOWN: usize = 200;
/// A look at our own clock that is older tells nothing of now: it is looked at every minute.
const FRESH: Span = Span::minutes(10);

/// A length of time that may be shorter than a second.
fn length(ask: &Ask, ms: u64) -> String {
    if ms < 1_000 { ask.say("clock-under-a-second") } else { ask.format.span(Span::millis(i64::try_from(ms).unwrap_or(i64::MAX))) }
}

/// Our own clock: colour, shape, sentence, what to do.
fn own(ask: &Ask, look: Option<&OwnLook>) -> (&'static str, &'static str, String, String) {
    let t = ask.t();
    let fresh = look.filter(|l| ask.now.since(l.at).0.saturating_abs() <= FRESH.0);
    match fresh.and_then(|l| Some((l.clock.synchronised?, &l.clock))) {
        Some((true, _)) => ("ok", "●", t.say("own-clock-good"), String::new()),
        Some((false, clock)) => {
            let lasting = Span::seconds(i64::try_from(clock.lasting_s).unwrap_or(i64::MAX));
            ("look", "▲", t.x("own-clock-bad", &ask.format.span(lasting)), t.say("own-clock-bad-do"))
        }
        None => {
            ("", "？", t.say("own-clock-unknown"), t.say(if fresh.is_some() { "own-clock-not-allowed" } else { "own-clock-not-looked" }))
        }
    }
}

/// For the vault's page: records whose times nobody keeps right are weaker evidence.
pub(crate) async fn concern(ask: &Ask, proof: &Authorised<ViewSettings>) -> Result<Option<Concern>, Problem> {
    let (tone, _, what, todo) = own(ask, ask.store.own_clock(proof).await?.as_ref());
    Ok((tone == "look").then(|| Concern { tone, what, todo, said: String::new() }))
}

fn own_facts(ask: &Ask, look: &OwnLook) -> Vec<RawRow> {
    let t = ask.t();
    let fact = |key: &str, value: String| RawRow { key: t.say(key), value: Link::plain(value) };
    let mut out = vec![fact("own-clock-keeper", t.of("clock-keeper", look.clock.keeper.name()))];
    let error = |us: u64| if us < 1_000_000 { format!("{} ms", us.div_ceil(1_000)) } else { length(ask, us / 1_000) };
    // While it is not synchronised the kernel's account is of a clock that nobody keeps.
    if look.clock.synchronised == Some(true) {
        out.extend(look.clock.est_error_us.map(|us| fact("own-clock-error", error(us))));
        out.extend(look.clock.max_error_us.map(|us| fact("own-clock-most", error(us))));
    }
    out.push(fact("own-clock-at", ask.format.precise(look.at)));
    out
}

fn source(ask: &Ask, e: &ClockEstimate, limit: u64, names: &Names, sensors: &BTreeMap<u16, String>) -> ClockRow {
    let t = ask.t();
    let (name, by) = match &e.of {
        ClockOf::Sensor(id) => (Link::plain(sensor_name(sensors, *id)), "clock-by-sensor"),
        ClockOf::Host(id, host) if host.is_empty() => (Link::plain(sensor_name(sensors, *id)), "clock-by-log"),
        ClockOf::Host(_, host) => (Link::plain(cut(host)), "clock-by-log"),
        ClockOf::Asset(id) => (names.link(*id), "clock-by-ntp"),
        ClockOf::Address(ip) => (Link::plain(ip.to_string()), "clock-by-ntp"),
    };
    let off = e.skew_ms.map_or(0, i64::unsigned_abs);
    let skew = match e.skew_ms {
        None => t.say("clock-unknown"),
        Some(_) if off <= e.spread_ms => t.say("clock-even"),
        Some(ms) => t.x(if ms > 0 { "clock-ahead" } else { "clock-behind" }, &length(ask, off)),
    };
    let (tone, mark, word) = match e.skew_ms {
        None => ("", "？", "clock-tag-unknown"),
        Some(_) if off.saturating_sub(e.spread_ms) > limit => ("look", "▲", "clock-tag-off"),
        Some(_) => ("ok", "●", "clock-tag-good"),
    };
    ClockRow {
        name,
        by: t.say(by),
        tag: Tag { tone, mark, word: t.say(word) },
        skew,
        spread: if e.skew_ms.is_some() { t.x("clock-within", &length(ask, e.spread_ms)) } else { String::new() },
        look: match e.look {
            ClockLook::Plain => String::new(),
            ClockLook::Unset => t.say("clock-looks-unset"),
            ClockLook::Zone(hours) => t.n("clock-looks-zone", hours.unsigned_abs()),
        },
        since: e.skew_ms.map(|_| ask.when(e.since)),
        last: ask.when(e.last),
        samples: Amount::count(e.samples),
    }
}

fn group(ask: &Ask, standing: Asking, all: &[Asker]) -> AskerGroup {
    let of_it = || all.iter().filter(move |a| a.standing == standing);
    let row = |a: &Asker| AskerRow {
        device: Link::to(&a.name, format!("/assets/{}", a.asset)),
        address: a.address.clone(),
        last: a.last.map(|at| ask.when(at)),
        servers: a.servers.iter().map(ToString::to_string).collect(),
        hours: Amount::count(a.hours),
    };
    AskerGroup { name: standing.name(), all: of_it().count() as u64, rows: of_it().take(SHOWN).map(row).collect() }
}

/// `GET /clocks`
pub(crate) async fn page(ask: Ask, proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let look = ask.store.own_clock(&proof).await?;
    let (tone, mark, sentence, todo) = own(&ask, look.as_ref());
    // Sources stand in no zone: who sees only one does not see them.
    let sources = if proof.zone().is_none() { Some(sources(&ask, &proof).await?) } else { None };
    let devices = match ask.also(ViewAssets) {
        Ok(seeing) => {
            let all = ask.store.askers(&seeing).await?;
            Some([Asking::Never, Asking::Unknown, Asking::Asks].into_iter().map(|s| group(&ask, s, &all)).collect())
        }
        Err(_) => None,
    };
    let view = ClocksPage {
        shell: ask.shell(Page::Settings, &ask.say("clocks")).await?,
        tone,
        mark,
        sentence,
        todo,
        facts: look.as_ref().map(|l| own_facts(&ask, l)).unwrap_or_default(),
        sources,
        devices,
        enough: ENOUGH_HOURS,
    };
    page_with(StatusCode::OK, &view)
}

async fn sources(ask: &Ask, proof: &Authorised<ViewSettings>) -> Result<Vec<ClockRow>, Problem> {
    let all = ask.store.clocks(proof).await?;
    let ids = all.iter().filter_map(|e| if let ClockOf::Asset(id) = e.of { Some(id) } else { None }).collect();
    let names = Names::ids(ask, ids).await?;
    let sensors = sensor_names(ask).await;
    let rule = ask.shared.catalogue.rule("source-clock");
    let off_s = rule.and_then(|r| r.parameters.iter().find(|p| p.name == "off_s")).and_then(|p| u64::try_from(p.value).ok());
    let limit = off_s.unwrap_or(u64::MAX).saturating_mul(1_000);
    Ok(all.iter().map(|e| source(ask, e, limit, &names, &sensors)).collect())
}

/// `GET /clocks/devices.csv`: every device, with whom it asks.
pub(crate) async fn csv(ask: Ask, proof: Authorised<ExportAssets>) -> Result<Response, Problem> {
    let sjis = shift_jis(&ask)?;
    let seeing = ask.also(ViewAssets)?;
    let all = ask.store.askers(&seeing).await?;
    let t = ask.t();
    let head = ["col-asset", "clocks-address", "clocks-standing", "clocks-asked", "clocks-servers", "clocks-hours"];
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|a| {
            vec![
                a.name.clone(),
                a.address.clone(),
                t.of("clocks-is", a.standing.name()),
                a.last.map(|at| ask.format.precise(at)).unwrap_or_default(),
                a.servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
                a.hours.to_string(),
            ]
        })
        .collect();
    ask.store.did(&proof, Deed::Exported { what: String::from("time servers"), rows: rows.len() as u64 }, ask.now).await?;
    let table = Table { title: t.say("clocks-devices"), head: head.iter().map(|k| t.say(k)).collect(), rows };
    Ok(csv_file(&table, sjis, &format!("hinomi-time-servers-{}", stamp(&ask))))
}

/// What Hinomi did or saw of itself, in words.
pub(crate) fn deed(ask: &Ask, deed: &Deed) -> String {
    let t = ask.t();
    let clock = |c: &OwnClock| {
        let keeper = t.of("clock-keeper", c.keeper.name());
        match c.synchronised {
            Some(true) => t.x("deed-clock-good", &keeper),
            Some(false) => {
                let lasting = Span::seconds(i64::try_from(c.lasting_s).unwrap_or(i64::MAX));
                t.xy("deed-clock-bad", &keeper, &ask.format.span(lasting))
            }
            None => t.say("deed-clock-unknown"),
        }
    };
    let at = |time: Time| ask.format.precise(time);
    match deed {
        Deed::Started { version, before, clock: own, .. } => {
            let mut parts = vec![t.say("deed-started"), cut(version)];
            parts.extend(before.map(|b| t.of("deed-started-after", b.name())));
            parts.extend(own.as_deref().map(clock));
            parts.join(" · ")
        }
        Deed::Stopping { reason } => format!("{} · {}", t.say("deed-stopped"), t.of("deed-stopped", reason.name())),
        Deed::NotWatched { from, to, cause } => {
            let back = if to < from { "deed-not-watched-back" } else { "deed-not-watched" };
            let args =
                [("x", Value::Text(&at(*from))), ("y", Value::Text(&at(*to))), ("span", Value::Text(&ask.format.span(to.since(*from))))];
            format!("{} · {}", t.with(back, &args), t.of("deed-gap", cause.name()))
        }
        Deed::Clock(own) => clock(own),
        Deed::ClockJumped { clock_was, clock_is, .. } => t.xy("deed-clock-jumped", &at(*clock_was), &at(*clock_is)),
        _ => t.say("deed-stopped"),
    }
}
