//! 資産: the list and one asset.

use super::{ROWS, records, speak};
use crate::ask::Ask;
use crate::problem::{Problem, page, page_with};
use crate::view::chart::usual_band;
use crate::view::{
    AddressRow, Amount, AssetPage, AssetRow, AssetsPage, Choice, GuessRow, Hour, JoinRow, LedgerForm, Link, NameRow, Page, Paging, PeerRow,
    ServiceRow, Traffic,
};
use axum::http::StatusCode;
use axum::response::Response;
use catalogue::oui;
use model::access::{ViewAssets, ViewEvents, ViewFindings};
use model::asset::{Asset, AssetState, Kind, Ledger, Party, Property};
use model::coverage::{Quality, SensorKind};
use model::{AssetId, Authorised, EventId, FindingStatus, Lang, Severity, Span, Time, ZoneId};
use state::today::{HabitHour, SensorCoverage};
use state::{AssetFilter, AssetHour, AssetList, AssetSort, FindingFilter, FindingSort, JoinKind, Zone};
use std::collections::BTreeMap;

/// Links of an asset that are shown.
const PEERS: u32 = 50;
/// In an hour in which an asset is usually silent, less than this is nothing to point at: bytes.
const SPEAKS: u64 = 1_000_000;
/// Hours in the picture of an asset.
const WEEK_HOURS: i64 = 24 * 7;

/// The filter that an address asks for; unknown values count as not given.
pub(crate) fn filter(ask: &Ask) -> AssetFilter {
    let q = &ask.query;
    AssetFilter {
        text: q.get("q").chars().take(200).collect(),
        states: q.all("state").filter_map(AssetState::from_name).collect(),
        kinds: q.all("kind").filter_map(Kind::from_name).collect(),
        zone: q.get("zone").parse::<ZoneId>().ok(),
        seen_since: q.number::<i64>("seen_hours").map(|h| ask.data_now() - Span::hours(h.clamp(0, 100_000))),
        not_seen_since: q.number::<i64>("silent_hours").map(|h| ask.data_now() - Span::hours(h.clamp(0, 100_000))),
        list: AssetList::named(q.get("list"), list_days(ask), ask.data_now()),
        sort: match q.get("sort") {
            "address" => AssetSort::Address,
            "kind" => AssetSort::Kind,
            "maker" => AssetSort::Maker,
            "state" => AssetSort::State,
            "zone" => AssetSort::Zone,
            "importance" => AssetSort::Importance,
            "first" => AssetSort::FirstSeen,
            "last" => AssetSort::LastSeen,
            _ => AssetSort::Label,
        },
        descending: q.get("dir") == "desc",
        paging: state::Paging { page: q.number("page").unwrap_or(1).max(1), per_page: ROWS },
    }
}

/// Days that a list looks back.
fn list_days(ask: &Ask) -> i64 {
    ask.query.number::<i64>("days").unwrap_or(AssetList::DAYS).clamp(1, 3_650)
}

/// How much of the time since `from` some sensor watched, in whole per cents.
async fn watched_share(ask: &Ask, from: Time) -> Result<Option<u64>, Problem> {
    let Ok(seeing) = ask.also(model::access::ViewToday) else { return Ok(None) };
    let to = ask.data_now();
    let coverage = ask.store.coverage(&seeing, from, to).await?;
    let mut stretches: Vec<(Time, Time)> = coverage
        .iter()
        .flat_map(|s| s.stretches.iter())
        .filter(|s| matches!(s.quality, Quality::Full | Quality::Drops))
        .map(|s| (s.from, s.to))
        .collect();
    stretches.sort_unstable();
    let (mut end, mut seconds) = (from, 0i64);
    for (a, b) in stretches {
        let a = a.max(end);
        if b > a {
            seconds = seconds.saturating_add((b - a).as_seconds());
            end = b;
        }
    }
    let whole = (to - from).as_seconds().max(1);
    Ok(u64::try_from(seconds.saturating_mul(100) / whole).ok().map(|p| p.min(100)))
}

/// What stands over a list: what it is, since when, and how much of that time was watched.
async fn list_words(ask: &Ask, list: AssetList) -> Result<Vec<String>, Problem> {
    let t = ask.t();
    let mut out = vec![t.n(&format!("list-how-{}", list.name()), list_days(ask))];
    if let Some(since) = list.since() {
        out.push(t.xy("list-since", &ask.format.date_time(since), &ask.format.date_time(ask.data_now())));
        match watched_share(ask, since).await? {
            None => {}
            Some(share) if share < 10 => out.push(ask.say("list-not-watched")),
            Some(share) => out.push(t.x("list-coverage", &share.to_string())),
        }
    }
    Ok(out)
}

/// Columns of the page that can be sorted by.
const SORTABLE: &[&str] = &["name", "state", "kind", "address", "zone", "last"];

pub(crate) async fn zones(ask: &Ask, proof: &Authorised<ViewAssets>) -> Result<Vec<Zone>, Problem> {
    Ok(ask.store.zones_of_assets(proof).await?)
}

fn zone_name(zones: &[Zone], asset: &Asset) -> String {
    zones.iter().find(|z| asset.ledger.zone == Some(z.id)).map(|z| z.fields.name.clone()).unwrap_or_default()
}

pub(crate) fn zone_choices(ask: &Ask, zones: &[Zone], chosen: Option<ZoneId>, none: &str) -> Vec<Choice> {
    let mut out = vec![Choice::new("", ask.say(none), chosen.is_none())];
    out.extend(zones.iter().map(|z| Choice::new(z.id.to_string(), z.fields.name.clone(), chosen == Some(z.id))));
    out
}

/// Open and acknowledged findings by asset: how many, and the worst.
async fn findings_by_asset(ask: &Ask) -> Result<BTreeMap<AssetId, (u64, Severity)>, Problem> {
    let Ok(proof) = ask.also(ViewFindings) else { return Ok(BTreeMap::new()) };
    let filter = FindingFilter {
        statuses: vec![FindingStatus::Open, FindingStatus::Acknowledged],
        paging: state::Paging { page: 1, per_page: state::Paging::MOST },
        ..FindingFilter::default()
    };
    let mut out = BTreeMap::new();
    for f in ask.store.findings(&proof, &filter).await?.items {
        if let Some(id) = f.asset {
            let entry = out.entry(id).or_insert((0, f.severity));
            entry.0 += 1;
            entry.1 = entry.1.min(f.severity);
        }
    }
    Ok(out)
}

fn joined(parts: &[&str], joint: &str) -> String {
    parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(joint)
}

fn row(ask: &Ask, zones: &[Zone], findings: &BTreeMap<AssetId, (u64, Severity)>, a: &Asset) -> AssetRow {
    let said =
        |word: &str, p: Property| if word.is_empty() { a.guess(p).map(|g| g.value.clone()).unwrap_or_default() } else { word.to_owned() };
    let (maker, model) = (said(&a.ledger.maker, Property::Maker), said(&a.ledger.model_number, Property::Model));
    let ip = a.addresses.iter().find_map(|x| x.ip).map(|i| i.to_string()).unwrap_or_default();
    let mac = a.addresses.iter().find_map(|x| x.mac).map(|m| m.to_string()).unwrap_or_default();
    let mut distinct: Vec<_> = a.addresses.iter().filter_map(|x| x.ip).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let found = findings.get(&a.id);
    AssetRow {
        id: a.id.to_string(),
        href: format!("/assets/{}", a.id),
        label: a.label(),
        state: Some(a.state),
        kind: a.kind(),
        kind_guess: if a.ledger.kind.is_none() { a.guess(Property::Kind).map(|g| g.confidence) } else { None },
        model: joined(&[&maker, &model], " "),
        ip,
        mac,
        more: distinct.len().saturating_sub(1) as u64,
        zone: zone_name(zones, a),
        place: joined(&[&a.ledger.place, &a.ledger.owner], " ・ "),
        last: a.last_seen.map(|t| ask.when(t)),
        findings: found.map_or(0, |f| f.0),
        worst: found.map(|f| f.1),
    }
}

/// `GET /assets`
pub(crate) async fn list(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let filter = filter(&ask);
    let zones = zones(&ask, &proof).await?;
    let found = ask.store.assets(&proof, &filter).await?;
    let findings = findings_by_asset(&ask).await?;
    let count = async |states: Vec<AssetState>| -> Result<u64, Problem> {
        let all = AssetFilter { states, paging: state::Paging { page: 1, per_page: 1 }, ..AssetFilter::default() };
        Ok(ask.store.assets(&proof, &all).await?.total)
    };
    let all = count(Vec::new()).await?;
    let t = ask.t();
    let mut states = vec![Choice { count: Some(all), ..Choice::new("", ask.say("choice-all"), filter.states.is_empty()) }];
    for s in AssetState::ALL {
        let n = count(vec![*s]).await?;
        states.push(Choice { count: Some(n), ..Choice::new(s.name(), t.of("state", s.name()), filter.states.contains(s)) });
    }
    let mut kinds = vec![Choice::new("", ask.say("choice-all"), filter.kinds.is_empty())];
    kinds.extend(Kind::ALL.iter().map(|k| Choice::new(k.name(), t.kind(Some(*k)), filter.kinds.contains(k))));
    let mut lists = vec![Choice::new("", ask.say("choice-all"), filter.list.is_none())];
    for name in AssetList::NAMES {
        let all = AssetFilter {
            list: AssetList::named(name, list_days(&ask), ask.data_now()),
            paging: state::Paging { page: 1, per_page: 1 },
            ..AssetFilter::default()
        };
        let n = ask.store.assets(&proof, &all).await?.total;
        let chosen = filter.list.is_some_and(|l| l.name() == name);
        lists.push(Choice { count: Some(n), ..Choice::new(name, t.of("list", name), chosen) });
    }
    let list_how = match filter.list {
        Some(list) => list_words(&ask, list).await?,
        None => Vec::new(),
    };
    let query = ask.query.without(&["page", "done", "lang"]);
    let unsorted = ask.query.without(&["page", "sort", "dir", "done", "lang"]);
    let sort = SORTABLE.iter().find(|s| **s == ask.query.get("sort")).copied().unwrap_or("name");
    let mut columns = AssetsPage::columns(&unsorted, sort, filter.descending);
    for (column, (name, ..)) in columns.iter_mut().zip(AssetsPage::SORTS) {
        if !SORTABLE.contains(name) {
            column.href = None;
        }
    }
    let view = AssetsPage {
        shell: ask.shell(Page::Assets, "").await?,
        rows: found.items.iter().map(|a| row(&ask, &zones, &findings, a)).collect(),
        columns,
        paging: Paging::new("/assets", &query, u64::from(found.page), u64::from(found.per_page), found.total),
        q: filter.text.clone(),
        states,
        kinds,
        lists,
        list_how,
        zones: zone_choices(&ask, &zones, filter.zone, "choice-all"),
        into_zones: zone_choices(&ask, &zones, None, "choice-none"),
        filtered: !ask.query.without(&["page", "sort", "dir", "done", "lang"]).is_empty(),
        query,
        all,
        watching: (ask.shared.sensors)().iter().any(|s| s.kind == SensorKind::Live),
    };
    page(&view)
}

pub(crate) fn event_href(id: EventId) -> String {
    format!("/events/{}/{}", id.epoch, id.seq)
}

/// `GET /assets/{id}`
pub(crate) async fn one(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let asked: AssetId = ask.id("id")?;
    let asset = ask.store.asset(&proof, asked).await?;
    if asset.id != asked {
        return Ok(crate::problem::redirect(&format!("/assets/{}", asset.id)));
    }
    let view = fill(&ask, &proof, asset, None).await?;
    page(&view)
}

/// What was typed and refused, to be shown again.
pub(crate) struct Typed {
    pub(crate) ledger: Ledger,
    pub(crate) problems: Vec<(String, String)>,
    pub(crate) conflict: bool,
}

/// The page again with what was typed.
pub(crate) async fn again(ask: &Ask, id: AssetId, status: StatusCode, typed: Typed) -> Result<Response, Problem> {
    let proof = ask.also(ViewAssets)?;
    let asset = ask.store.asset(&proof, id).await?;
    let view = fill(ask, &proof, asset, Some(typed)).await?;
    page_with(status, &view)
}

async fn fill(ask: &Ask, proof: &Authorised<ViewAssets>, a: Asset, typed: Option<Typed>) -> Result<AssetPage, Problem> {
    let zones = zones(ask, proof).await?;
    let t = ask.t();
    let may_events = ask.also(ViewEvents).is_ok();
    let because = |id: EventId| may_events.then(|| event_href(id));
    let sign = |reason: &str, id: EventId| {
        let words = ask.say(&format!("reason-{reason}"));
        because(id).map_or_else(|| Link::plain(words.clone()), |to| Link::to(words.clone(), to))
    };
    let best = |p: Property| a.guesses.iter().find(|g| g.property == p);
    let guesses = a
        .guesses
        .iter()
        .filter_map(|g| {
            let first = best(g.property)?;
            let against = first.contradicts(g);
            // What says less of the same is among the reasons of the fuller word.
            (against || std::ptr::eq(first, g)).then(|| GuessRow {
                property: g.property,
                value: if g.property == Property::Kind { t.kind(Kind::from_name(&g.value)) } else { g.value.clone() },
                confidence: g.confidence,
                reason: ask.say(&format!("reason-{}", g.reason)),
                because: because(g.because),
                also: g.also.iter().map(|s| sign(&s.reason, s.because)).collect(),
                against,
            })
        })
        .collect();
    let sensors = sensor_names(ask).await;
    let addresses = a
        .addresses
        .iter()
        .map(|x| AddressRow {
            ip: x.ip.map(|i| i.to_string()).unwrap_or_default(),
            mac: x.mac.map(|m| m.to_string()).unwrap_or_default(),
            maker: x.mac.and_then(oui::vendor).unwrap_or_default().to_owned(),
            local: x.mac.is_some_and(model::Mac::is_local),
            place: segment(&sensors, x.segment),
            first: ask.when(x.first),
            last: ask.when(x.last),
            value: super::joins::place_text(&model::asset::Place { segment: x.segment, mac: x.mac, ip: x.ip }),
        })
        .collect();
    let joins = ask
        .store
        .asset_joins(proof, a.id)
        .await?
        .into_iter()
        .map(|j| {
            let key = match (j.kind, j.stays == a.id) {
                (JoinKind::Merge, _) => "join-done-merge",
                (JoinKind::Split, true) => "join-done-split",
                (JoinKind::Split, false) => "join-came-split",
            };
            let other = if j.stays == a.id { j.other } else { j.stays };
            JoinRow {
                id: j.id.to_string(),
                what: Link::to(t.x(key, &j.label), format!("/assets/{other}")),
                at: ask.when(j.at),
                who: j.who,
                undone: j.undone.is_some(),
                here: j.stays == a.id,
            }
        })
        .collect();
    let names = a
        .names
        .iter()
        .map(|n| NameRow {
            name: n.name.clone(),
            protocol: n.protocol.name().to_owned(),
            last: ask.when(n.last),
            because: because(n.because),
        })
        .collect();
    let services = a
        .services
        .iter()
        .map(|s| ServiceRow {
            port: format!("{}/{}", s.port, if s.udp { "udp" } else { "tcp" }),
            protocol: s.protocol.map(|p| p.name().to_owned()).unwrap_or_default(),
            product: s.product.clone(),
            first: ask.when(s.first),
            last: ask.when(s.last),
        })
        .collect();
    let mut peers = ask.store.asset_peers(proof, a.id, PEERS + 500).await?;
    let more_peers = peers.len().saturating_sub(PEERS as usize) as u64;
    peers.truncate(PEERS as usize);
    let peers = peers
        .into_iter()
        .map(|p| PeerRow {
            peer: match p.other {
                Party::Asset(id) => Link::to(p.label, format!("/assets/{id}")),
                Party::Address(_) => Link::plain(p.label),
            },
            asks: p.outgoing,
            protocol: match (p.protocol, p.port) {
                (Some(name), 0) => name.name().to_owned(),
                (Some(name), port) => format!("{} {port}", name.name()),
                (None, 0) => String::new(),
                (None, port) => port.to_string(),
            },
            flows: Amount::count(p.flows),
            bytes: Amount::bytes(p.bytes),
            first: ask.when(p.first),
            last: ask.when(p.last),
            new: ask.data_now() - p.first < Span::days(1),
        })
        .collect();
    let to = ask.data_now().hour() + 1;
    let hours = ask.store.asset_hours(proof, a.id, to - WEEK_HOURS, to).await?;
    let traffic = if hours.is_empty() {
        None
    } else {
        let habit = ask.store.asset_habit(proof, a.id, to - WEEK_HOURS, to).await?;
        Some(traffic(ask, &hours, &habit, to - WEEK_HOURS, to).await?)
    };
    let findings = match ask.also(ViewFindings) {
        Ok(seeing) => {
            let filter = FindingFilter {
                asset: Some(a.id),
                sort: FindingSort::Last,
                paging: state::Paging { page: 1, per_page: 20 },
                ..FindingFilter::default()
            };
            let found = ask.store.findings(&seeing, &filter).await?.items;
            let known = speak::Names::of(ask, &found.iter().collect::<Vec<_>>()).await?;
            found.iter().map(|f| speak::row(ask, &known, f)).collect()
        }
        Err(_) => Vec::new(),
    };
    let (ledger, problems, conflict) = match typed {
        Some(typed) => (typed.ledger, typed.problems, typed.conflict),
        None => (a.ledger.clone(), Vec::new(), false),
    };
    let label = a.label();
    Ok(AssetPage {
        shell: ask.shell(Page::Assets, &label).await?,
        id: a.id.to_string(),
        rev: a.rev,
        state: a.state,
        kind: a.kind(),
        kind_guess: if a.ledger.kind.is_none() { a.guess(Property::Kind).map(|g| g.confidence) } else { None },
        zone: zone_name(&zones, &a),
        first_seen: a.first_seen.map(|x| ask.when(x)),
        last_seen: a.last_seen.map(|x| ask.when(x)),
        because: a.because.and_then(because),
        guesses,
        form: LedgerForm { zones: zone_choices(ask, &zones, ledger.zone, "choice-none"), ledger, problems },
        conflict,
        addresses,
        joins,
        names,
        services,
        peers,
        more_peers,
        traffic,
        findings,
        label,
    })
}

/// What people call the sensors.
pub(crate) async fn sensor_names(ask: &Ask) -> BTreeMap<u16, String> {
    let mut out: BTreeMap<u16, String> = (ask.shared.sensors)().into_iter().map(|s| (s.id.0, s.name)).collect();
    if let Ok(proof) = ask.also(model::access::ViewSettings)
        && let Ok(named) = ask.store.sensors(&proof).await
    {
        out.extend(named.into_iter().map(|s| (s.id.0, s.shown)));
    }
    out
}

pub(crate) fn sensor_name(names: &BTreeMap<u16, String>, id: model::SourceId) -> String {
    names.get(&id.0).cloned().unwrap_or_else(|| if id.0 == 0 { String::from("Hinomi") } else { format!("#{}", id.0) })
}

fn segment(names: &BTreeMap<u16, String>, s: model::Segment) -> String {
    let name = sensor_name(names, s.sensor);
    if s.vlan == 0 { name } else { format!("{name} · VLAN {}", s.vlan) }
}

/// Hours as the picture wants them, with what was watched. `hours` may have gaps.
async fn traffic(ask: &Ask, hours: &[AssetHour], habit: &[HabitHour], from: i64, to: i64) -> Result<Traffic, Problem> {
    let seeing = ask.also(model::access::ViewToday)?;
    let coverage = ask.store.coverage(&seeing, hour_time(from), hour_time(to)).await?;
    let bytes: BTreeMap<i64, u64> = hours.iter().map(|h| (h.hour, h.bytes_out.saturating_add(h.bytes_in))).collect();
    let usual: BTreeMap<i64, _> = habit.iter().filter_map(|u| Some((u.hour, usual_band(u.low, u.median, u.high, u.weeks)?))).collect();
    let hours = (from..to)
        .map(|h| {
            let bytes = bytes.get(&h).copied().unwrap_or(0);
            hour(ask, h, bytes, bytes > 0 || watched(&coverage, h), usual.get(&h).copied().filter(|u| u.1 > 0 || bytes >= SPEAKS))
        })
        .collect();
    let weeks = habit.iter().map(|u| u.weeks).max().unwrap_or(0);
    Ok(Traffic { hours, learned_days: u64::from(weeks) * 7, needed_days: u64::from(super::today::WEEKS) * 7 })
}

pub(crate) fn hour_time(hour: i64) -> Time {
    Time::from_unix(hour.saturating_mul(3600), 0)
}

pub(crate) fn hour(ask: &Ask, hour: i64, bytes: u64, watched: bool, usual: Option<(u64, u64)>) -> Hour {
    let at = hour_time(hour);
    let begun = hour_time(hour + 1) > ask.data_now();
    let (of_day, _) = ask.format.hour_and_weekday(hour);
    let short = if ask.lang == Lang::Ja { format!("{of_day}時") } else { format!("{of_day}:00") };
    Hour {
        when: crate::view::When::new(at, ask.format.date_time(at)),
        short,
        day: ask.format.date(at),
        bytes,
        watched,
        usual: usual.filter(|_| !begun),
        begun,
    }
}

/// Whether an hour was watched for its most part by some sensor: frames came, lost or not.
pub(crate) fn watched(coverage: &[SensorCoverage], hour: i64) -> bool {
    let (from, to) = (hour_time(hour), hour_time(hour + 1));
    coverage.iter().any(|sensor| {
        let seen: i64 = sensor
            .stretches
            .iter()
            .filter(|s| matches!(s.quality, Quality::Full | Quality::Drops))
            .map(|s| (s.to.min(to) - s.from.max(from)).as_seconds().max(0))
            .sum();
        seen >= 1800
    })
}

/// The addresses of an asset, for its records.
pub(crate) async fn record_keys(ask: &Ask, id: AssetId) -> Result<(Asset, Vec<model::event::AddressKey>), Problem> {
    let proof = ask.also(ViewAssets)?;
    let asset = ask.store.asset(&proof, id).await?;
    let keys = records::addresses(&asset);
    Ok((asset, keys))
}
