//! ログ・記録: all that happened, newest first, with what it is searched by; and one record in full with its proof.

mod brush;
mod facets;
mod names;
mod office;
mod take;
mod web;

use super::assets::{event_href, record_keys, sensor_name, sensor_names};
use super::records;
use super::search;
use super::speak::{Names, cut};
use crate::ask::{Ask, Fields, escape};
use crate::problem::{Problem, page};
use crate::view::vault::Past;
use crate::view::words::Tag;
use crate::view::{Choice, EventPage, EventRow, EventsPage, Link, Page, ProofCard, RawRow, When};
use axum::response::Response;
use catalogue::phrases::Value;
use model::access::{OwnSettings, ViewAssets, ViewEvents, ViewFindings};
use model::event::{Body, Deed, Table};
use model::net::Endpoint;
use model::{Act, AssetId, AssetState, Authorised, Event, EventId, FindingId, Time};
use std::collections::BTreeMap;
use std::time::Duration;
use vault::Query;
use vault::ask::{Clause, Find, Found};

/// Records on a page.
const ROWS: usize = 100;
/// Records that are found for a page: what its picture and its counts are of, and what is taken out.
const FOUND: usize = 5000;
/// Characters of a search that are written down.
const MOST_ASKED: usize = 1000;
/// Fields of a record that are shown one by one; the JSON beneath holds all.
const MOST_FIELDS: usize = 400;

/// What an address asks for.
pub(crate) struct Asked {
    find: Find,
    said: Vec<(String, String)>,
    about: Option<Link>,
    problems: Vec<String>,
}

/// A time as a form sends it (`YYYY-MM-DDTHH:MM` in the reader's zone) or RFC 3339.
pub(crate) fn time(ask: &Ask, text: &str) -> Option<Time> {
    Time::parse_rfc3339(text).or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let at = civil.to_zoned(ask.format.zone.clone()).ok()?;
        i64::try_from(at.timestamp().as_nanosecond()).ok().map(Time)
    })
}

/// A time as a form shows it, in the reader's zone.
pub(crate) fn at_zone(ask: &Ask, at: Time) -> String {
    let stamp = jiff::Timestamp::from_second(at.0.div_euclid(1_000_000_000)).unwrap_or_default();
    stamp.to_zoned(ask.format.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

pub(crate) async fn asked(ask: &Ask) -> Result<Asked, Problem> {
    let q = &ask.query;
    let words = search::understood(ask, q.get("q")).await?;
    let mut out = Asked {
        find: words.find,
        said: words.said.into_iter().map(|(raw, key, meant)| (raw, ask.t().x(key, &meant))).collect(),
        about: None,
        problems: words.wrong.iter().map(|w| ask.t().x("events-word-wrong", &cut(w))).collect(),
    };
    for (name, slot) in [("from", &mut out.find.from), ("to", &mut out.find.to)] {
        let text = q.get(name);
        if !text.is_empty() {
            *slot = search::time(ask, text, false);
            if slot.is_none() {
                out.problems.push(ask.t().x("events-time-wrong", &cut(text)));
            }
        }
    }
    for name in q.all("table") {
        match Table::ALL.iter().find(|t| t.name() == name) {
            Some(table) => out.find.tables |= table.bit(),
            None => out.problems.push(ask.t().x("events-table-wrong", &cut(name))),
        }
    }
    out.find.before_seq = q.number("before");
    out.find.after_seq = q.number("after");
    if !q.get("sensor").is_empty() {
        out.find.all.push(Clause::Source(model::SourceId(q.number("sensor").ok_or(Problem::NotFound)?)));
    }
    if !q.get("asset").is_empty() {
        let id: AssetId = q.get("asset").parse().map_err(|_| Problem::NotFound)?;
        let (asset, keys) = record_keys(ask, id).await?;
        out.about = Some(Link::to(asset.label(), format!("/assets/{id}")));
        // An asset that was never seen has no records: nothing has one of no addresses.
        out.find.all.push(Clause::Addresses(keys));
    } else if !q.get("finding").is_empty() {
        let id: FindingId = q.get("finding").parse().map_err(|_| Problem::NotFound)?;
        let seeing = ask.also(ViewFindings)?;
        let finding = ask.store.finding(&seeing, id).await?;
        let names = Names::of(ask, &[&finding]).await?;
        out.about = Some(Link::to(super::speak::title(ask, &names, &finding), format!("/findings/{id}")));
        // At most KEPT_EVENTS are kept for a finding: all of them are looked at.
        let paging = state::Paging { page: 1, per_page: state::Paging::MOST };
        let kept = ask.store.finding_events(&seeing, id, paging).await?.items;
        out.find.all.push(Clause::Numbers(kept.into_iter().map(|i| i.seq).collect()));
    }
    Ok(out)
}

/// Finds what is asked for, and writes down that it was asked.
pub(crate) async fn find(ask: &Ask, proof: &Authorised<ViewEvents>, asked: &Asked, limit: usize) -> Result<Found, Problem> {
    let found = find_within(ask, proof, asked, limit, search::PATIENCE).await?;
    questioned(ask, proof, &spoken(&ask.query), found.hits.len()).await?;
    Ok(found)
}

/// The same without writing it down, for as long as is given.
async fn find_within(ask: &Ask, proof: &Authorised<ViewEvents>, asked: &Asked, limit: usize, patience: Duration) -> Result<Found, Problem> {
    records::find(ask, proof, Find { most: limit, patience, ..asked.find.clone() }).await
}

/// Writes down that somebody asked the vault.
pub(crate) async fn questioned(ask: &Ask, proof: &Authorised<ViewEvents>, question: &str, rows: usize) -> Result<(), Problem> {
    Ok(ask.store.did(proof, Deed::Asked { question: question.to_owned(), rows: rows as u64 }, ask.now).await?)
}

/// A search as people read it: its fields, without what only serves the page.
fn spoken(query: &Fields) -> String {
    let fields = query.0.iter().filter(|(n, v)| !v.is_empty() && !matches!(n.as_str(), "lang" | "done" | "encoding" | "page" | "limit"));
    let all: Vec<String> = fields.map(|(n, v)| format!("{n}={v}")).collect();
    all.join(" ").chars().take(MOST_ASKED).collect()
}

/// The page's address with other fields in its query: `set` replaces what stands there, an empty value takes it out.
pub(crate) fn at(ask: &Ask, set: &[(&str, &str)]) -> String {
    let mut without = vec!["before", "after", "page", "done", "lang", "encoding"];
    without.extend(set.iter().map(|(n, _)| *n));
    let mut parts: Vec<String> = vec![ask.query.without(&without)];
    parts.extend(set.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| format!("{n}={}", escape(v))));
    parts.retain(|p| !p.is_empty());
    if parts.is_empty() { String::from("/events") } else { format!("/events?{}", parts.join("&")) }
}

/// The query of what is taken out.
fn anchor(ask: &Ask, before: u64, after: &str) -> String {
    let query = at(ask, &[("before", &before.to_string()), ("after", after)]);
    query.strip_prefix("/events?").unwrap_or_default().to_owned()
}

/// `GET /events`
pub(crate) async fn list(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let asked = asked(&ask).await?;
    let found = if asked.problems.is_empty() { find(&ask, &proof, &asked, FOUND).await? } else { Found::default() };
    let t = ask.t();
    let mut tables = vec![Choice::new("", ask.say("choice-all"), ask.query.get("table").is_empty())];
    let chosen: Vec<&str> = ask.query.all("table").collect();
    tables.extend(Table::ALL.iter().map(|x| Choice::new(x.name(), t.of("table", x.name()), chosen.contains(&x.name()))));
    let keep = ["asset", "finding", "sensor"]
        .iter()
        .map(|n| ((*n).to_owned(), ask.query.get(n).to_owned()))
        .filter(|(_, v)| !v.is_empty())
        .collect();
    let hits = &found.hits;
    // What is shown is a part of what was found; the parts hang on the first record, so that new ones do not move them.
    let part = ask.query.number::<usize>("page").unwrap_or(1).clamp(1, hits.len().div_ceil(ROWS).max(1));
    let shown = hits.get((part - 1) * ROWS..(part * ROWS).min(hits.len())).unwrap_or_default();
    let events = records::read(&ask, shown.iter().map(|h| h.seq).collect()).await?;
    let ends = hits.first().zip(hits.last()).map(|(a, b)| (a.seq + 1, b.seq.saturating_sub(1)));
    let anchored = |page: usize| {
        let before = ends.map(|(before, _)| before.to_string()).unwrap_or_default();
        at(&ask, &[("before", &before), ("after", ask.query.get("after")), ("page", &page.to_string())])
    };
    let stopped = match found.stopped {
        Some(seq) => stopped_at(&ask, seq).await?,
        None => None,
    };
    let older = if found.more { hits.last().map(|h| h.seq) } else { found.stopped };
    let query = at(&ask, &[]).strip_prefix("/events?").unwrap_or_default().to_owned();
    let searches = match ask.also(OwnSettings) {
        Ok(own) => ask.store.searches(&own).await?,
        Err(_) => Vec::new(),
    };
    let mut shell = ask.shell(Page::Events, "").await?;
    // The field above every page asks for assets; this page has its own.
    shell.q.clear();
    let view = EventsPage {
        shell,
        about: asked.about.clone(),
        keep,
        q: ask.query.get("q").to_owned(),
        said: asked.said.clone(),
        brush: brush::of(&ask, &asked.find, hits),
        facets: facets::of(&ask, &asked, hits).await?,
        found: crate::view::Amount::count(hits.len() as u64),
        more: found.more || found.stopped.is_some(),
        stopped,
        questions: super::questions::all(&ask),
        erased: erased_among(&ask, &proof, &asked.find, &found),
        searches: searches.into_iter().map(|s| (Link::to(s.name, format!("/events?{}", s.query)), s.id)).collect(),
        // Everything that fits, up to the newest record that is shown; a pack is of what was found for the page.
        export: ends.map(|(before, _)| anchor(&ask, before, ask.query.get("after"))),
        pack: ends.map(|(before, after)| anchor(&ask, before, &after.to_string())).unwrap_or_default(),
        query,
        shown: (((part - 1) * ROWS + 1) as u64, ((part - 1) * ROWS + shown.len()) as u64),
        tables,
        from: ask.query.get("from").to_owned(),
        to: ask.query.get("to").to_owned(),
        rows: rows(&ask, &events).await?,
        next: (part * ROWS < hits.len()).then(|| anchored(part + 1)),
        older: older.map(|seq| at(&ask, &[("before", &seq.to_string()), ("after", ask.query.get("after"))])),
        newest: (!ask.query.get("before").is_empty() || part > 1).then(|| at(&ask, &[])),
        all: ask.shared.vault.status().events,
        problems: asked.problems,
    };
    page(&view)
}

/// When the newest record was received that was not looked at, in words.
async fn stopped_at(ask: &Ask, seq: u64) -> Result<Option<String>, Problem> {
    let vault = ask.shared.vault.clone();
    let before = Query { before_seq: Some(seq), newest_first: true, limit: Some(1), ..Query::default() };
    let found = records::in_turn(ask, move || vault.read(&before).find_map(Result::ok)).await?;
    Ok(found.map(|e| ask.format.date_time(e.received)))
}

pub(crate) use take::{csv, json, json_lines, pack, pack_of_one, searches};

/// Rows of records, with names for addresses that are assets now.
pub(crate) async fn rows(ask: &Ask, events: &[Event]) -> Result<Vec<EventRow>, Problem> {
    let sensors = sensor_names(ask).await;
    let ends = Ends::of(ask, events).await?;
    Ok(events.iter().map(|e| row(ask, &sensors, &ends, e)).collect())
}

/// What to call the ends of conversations.
struct Ends(BTreeMap<Endpoint3, Link>);
type Endpoint3 = (Option<model::Mac>, Option<std::net::IpAddr>);

/// Ends that are looked up for one page.
const MOST_ENDS: usize = 64;

impl Ends {
    async fn of(ask: &Ask, events: &[Event]) -> Result<Ends, Problem> {
        let mut out = BTreeMap::new();
        let Ok(proof) = ask.also(ViewAssets) else { return Ok(Ends(out)) };
        let mut labels = std::collections::BTreeSet::new();
        let mut found = Vec::new();
        for event in events {
            let (segment, a, b) = match &event.body {
                Body::Flow(f) => (f.segment, f.client, f.server),
                Body::Activity(a) => (a.head.segment, a.head.client, a.head.server),
                Body::Observation(o) => (o.segment, Endpoint { mac: o.mac, ip: o.ip, port: None }, Endpoint::default()),
                _ => continue,
            };
            for end in [a, b] {
                let key = (end.mac, end.ip);
                if key == (None, None) || out.contains_key(&key) || out.len() >= MOST_ENDS {
                    continue;
                }
                out.insert(key, Link::default());
                if let Some(id) = ask.store.asset_at(&proof, Some(segment), end.mac, end.ip).await? {
                    labels.insert(id);
                    found.push((key, id));
                }
            }
        }
        let names = Names::ids(ask, labels).await?;
        for (key, id) in found {
            out.insert(key, names.link(id));
        }
        Ok(Ends(out))
    }

    fn link(&self, end: Endpoint) -> Link {
        let address = match (end.ip, end.mac) {
            (Some(ip), _) => ip.to_string(),
            (None, Some(mac)) => mac.to_string(),
            (None, None) => return Link::default(),
        };
        let text = match end.port {
            Some(port) if end.ip.is_some_and(|i| i.is_ipv6()) => format!("[{address}]:{port}"),
            Some(port) => format!("{address}:{port}"),
            None => address,
        };
        match self.0.get(&(end.mac, end.ip)) {
            Some(link) if link.href.is_some() && !text.starts_with(&link.text) => {
                Link { text: format!("{} ({text})", link.text), href: link.href.clone() }
            }
            Some(link) => Link { text, href: link.href.clone() },
            None => Link::plain(text),
        }
    }
}

fn row(ask: &Ask, sensors: &BTreeMap<u16, String>, ends: &Ends, e: &Event) -> EventRow {
    let (from, to, protocol) = match &e.body {
        Body::Flow(f) => (ends.link(f.client), ends.link(f.server), f.protocol.map(|p| p.name().to_owned()).unwrap_or_default()),
        Body::Activity(a) => (ends.link(a.head.client), ends.link(a.head.server), a.head.protocol.name().to_owned()),
        Body::Observation(o) => (ends.link(Endpoint { mac: o.mac, ip: o.ip, port: None }), Link::default(), String::new()),
        Body::Audit(a) => (Link::plain(a.actor.clone()), Link::default(), String::new()),
        Body::Log(l) => {
            let host = if l.host.is_empty() { l.sender.map(|s| s.to_string()).unwrap_or_default() } else { cut(&l.host) };
            (Link::plain(host), Link::default(), cut(&l.application))
        }
        _ => (Link::default(), Link::default(), String::new()),
    };
    EventRow {
        href: event_href(e.id),
        seq: e.id.seq,
        when: crate::view::When::new(e.time(), ask.format.precise(e.time())),
        table: e.body.table().name(),
        source: sensor_name(sensors, e.source),
        from,
        to,
        protocol,
        summary: summary(ask, e),
    }
}

/// One line on a record: mostly its own words.
pub(crate) fn summary(ask: &Ask, e: &Event) -> String {
    let text = match &e.body {
        Body::Flow(f) => {
            let packets = f.up.packets.saturating_add(f.down.packets);
            format!(
                "↑ {} ↓ {} · {} pkt · {}",
                ask.format.bytes(f.up.bytes),
                ask.format.bytes(f.down.bytes),
                ask.format.number(packets),
                snake(&f.state)
            )
        }
        Body::Activity(a) => names::line(ask.t(), &a.act)
            .or_else(|| office::line(ask.t(), &a.act))
            .or_else(|| web::line(ask.t(), &ask.format, &a.act))
            .unwrap_or_else(|| act(ask, &a.act)),
        Body::Observation(o) => match (o.ip, o.mac) {
            (Some(ip), Some(mac)) => format!("{ip} = {mac} ({})", ask.t().of("via", &snake(&o.via))),
            (Some(ip), None) => format!("{ip} ({})", ask.t().of("via", &snake(&o.via))),
            (None, Some(mac)) => format!("{mac} ({})", ask.t().of("via", &snake(&o.via))),
            (None, None) => String::new(),
        },
        Body::Finding(f) => {
            let name = ask.shared.catalogue.rule(&f.rule).map_or_else(|| f.rule.clone(), |r| r.name(ask.lang));
            format!("{name} · {}", ask.t().of("step", &snake(&f.step)))
        }
        Body::Audit(a) => deed(ask, &a.deed),
        Body::Log(l) => l.text.clone(),
        Body::Evidence(e) => {
            let verdict = ask.t().of("verdict", e.verdict.name());
            [e.objective.as_str(), verdict.as_str(), e.note.as_str()].into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" · ")
        }
        Body::Health(h) => ask.t().with(
            "event-health",
            &[
                ("packets", Value::Text(&ask.format.number(h.packets))),
                ("bytes", Value::Text(&ask.format.bytes(h.bytes))),
                ("kernel", Value::Text(&ask.format.number(h.kernel_drops))),
                ("queue", Value::Text(&ask.format.number(h.queue_drops))),
                ("quality", Value::Text(&ask.t().of("quality", &snake(&h.quality)))),
            ],
        ),
        _ => String::new(),
    };
    cut(&text)
}

/// The name of a variant as JSON has it.
fn snake<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn act(ask: &Ask, act: &Act) -> String {
    let say = |key: &str, x: &dyn ToString, y: &dyn ToString| ask.t().xy(key, &x.to_string(), &y.to_string());
    match act {
        Act::Arp(a) if a.operation == 2 => say("act-arp-answer", &a.sender_ip, &a.sender_mac),
        Act::Arp(a) => say("act-arp-question", &a.target_ip, &a.sender_ip),
        Act::Neighbour(n) => say("act-neighbour", &n.icmp_type, &n.target.map(|t| t.to_string()).unwrap_or_default()),
        Act::Unreachable(u) => say("act-unreachable", &u.icmp_type, &u.code),
        _ => String::new(),
    }
}

/// What somebody did, in words; every detail stands on the record's own page.
fn deed(ask: &Ask, deed: &Deed) -> String {
    let arrow = |from: &str, to: &str| format!("{from} → {to}");
    let state = |s: AssetState| ask.t().of("state", s.name());
    let (key, detail) = match deed {
        Deed::AssetState { from, to, .. } => ("deed-asset-state", arrow(&state(*from), &state(*to))),
        Deed::AssetEntered { .. } => ("deed-asset-entered", String::new()),
        Deed::AssetEdited { .. } => ("deed-asset-edited", String::new()),
        Deed::AssetsMerged { .. } => ("deed-assets-merged", String::new()),
        Deed::AssetSplit { .. } => ("deed-asset-split", String::new()),
        Deed::FindingHandled { from, to, .. } => {
            let t = ask.t();
            ("deed-finding-handled", arrow(&t.of("status", from.name()), &t.of("status", to.name())))
        }
        Deed::Setting { key, from, to } => ("deed-setting", format!("{key} {}", arrow(from, to))),
        Deed::HoldPlaced { name, query, reason } => ("deed-hold-placed", format!("{name} ({query}) {reason}")),
        Deed::HoldLifted { name, reason, .. } => ("deed-hold-lifted", format!("{name} {reason}")),
        Deed::RecordsErased { rows, reason, .. } => ("deed-records-erased", format!("{} · {reason}", ask.format.number(*rows))),
        Deed::Login { name, success: true, .. } => ("deed-login", name.clone()),
        Deed::Login { name, .. } => ("deed-login-refused", name.clone()),
        Deed::Logout => ("deed-logout", String::new()),
        Deed::PasswordSet { .. } => ("deed-password-set", String::new()),
        Deed::Account { name, .. } => ("deed-account", name.clone()),
        Deed::Asked { question, rows } => ("deed-asked", format!("{} · {question}", ask.t().n("events-count", *rows))),
        Deed::Exported { what, rows } => ("deed-exported", format!("{what} {}", ask.format.number(*rows))),
        Deed::StocktakeStarted { name, .. } => ("deed-stocktake-started", name.clone()),
        Deed::StocktakeTicked { label, to, .. } => ("deed-stocktake-ticked", format!("{label} {}", ask.t().of("stock-result", to.name()))),
        Deed::StocktakeConflict { said, .. } => ("deed-stocktake-conflict", ask.t().of("stock-result", said.name())),
        Deed::StocktakeClosed { name, .. } => ("deed-stocktake-closed", name.clone()),
        Deed::ImportMapping { .. } => ("deed-import-mapping", String::new()),
        Deed::LogDisputed { witness, dispute, .. } => ("deed-log-disputed", format!("{witness} {dispute}")),
        Deed::Started { .. }
        | Deed::Stopped
        | Deed::Stopping { .. }
        | Deed::NotWatched { .. }
        | Deed::Clock(_)
        | Deed::ClockJumped { .. } => {
            return super::clocks::deed(ask, deed);
        }
        Deed::Dropped { table, rows, .. } => {
            ("deed-dropped", format!("{} {}", ask.t().of("table", table.name()), ask.format.number(*rows)))
        }
        // A deed of a later version: its own page shows all of it.
        _ => ("table-audit", String::new()),
    };
    if detail.is_empty() { ask.say(key) } else { format!("{} · {}", ask.say(key), cut(&detail)) }
}

/// `GET /events/{epoch}/{seq}`
pub(crate) async fn one(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let id = EventId { site: proof.site(), epoch: ask.id("epoch")?, seq: ask.id("seq")? };
    let event = match records::one(&ask, &proof, id).await {
        // What was erased on request is not a record that never was.
        Err(Problem::NotFound) => return erased(&ask, &proof, id).await,
        other => other?,
    };
    let sensors = sensor_names(&ask).await;
    let value = serde_json::to_value(&event).map_err(|e| Problem::Broken(e.to_string()))?;
    let readable = vault::readable(&event)?;
    let json = serde_json::from_str::<serde_json::Value>(&readable).and_then(|v| serde_json::to_string_pretty(&v)).unwrap_or(readable);
    let mut fields = Vec::new();
    flatten(&mut fields, String::new(), value.get("body").unwrap_or(&value));
    let last = ask.shared.vault.last_seq();
    let whole = proof.zone().is_none();
    let view = EventPage {
        shell: ask.shell(Page::Events, &format!("#{}", id.seq)).await?,
        id: id.to_string(),
        seq: id.seq,
        table: event.body.table().name(),
        summary: summary(&ask, &event),
        happened: event.happened.as_ref().map(|h| crate::view::When::new(h.at, ask.format.precise(h.at))),
        received: crate::view::When::new(event.received, ask.format.precise(event.received)),
        source: sensor_name(&sensors, event.source),
        rows: fields,
        proof: proven(&ask, id, event.body.table()).await?,
        json,
        before: (whole && id.seq > 1).then(|| event_href(EventId { seq: id.seq - 1, ..id })),
        after: (whole && id.seq < last).then(|| event_href(EventId { seq: id.seq + 1, ..id })),
    };
    page(&view)
}

/// What is left of a record that was erased on request: when and why, its core, and its proof.
async fn erased(ask: &Ask, proof: &Authorised<ViewEvents>, id: EventId) -> Result<Response, Problem> {
    // Whose zone it was stood in what is gone.
    whole(proof)?;
    let vault = ask.shared.vault.clone();
    let found = tokio::task::spawn_blocking(move || vault.remains(id)).await.map_err(|e| Problem::Broken(e.to_string()))??;
    let left = found.ok_or(Problem::NotFound)?;
    let value: serde_json::Value = serde_json::from_str(&left.readable).map_err(|e| Problem::Broken(e.to_string()))?;
    let mut rows = Vec::new();
    flatten(&mut rows, String::new(), value.get("body").unwrap_or(&value));
    let at = value.get("happened").and_then(|h| h.get("at")).and_then(|a| Time::parse_rfc3339(a.as_str()?));
    let source = model::SourceId(u16::try_from(left.source).map_err(|e| Problem::Broken(e.to_string()))?);
    let last = ask.shared.vault.last_seq();
    let view = EventPage {
        shell: ask.shell(Page::Events, &format!("#{}", id.seq)).await?,
        id: id.to_string(),
        seq: id.seq,
        table: left.table.name(),
        summary: match &left.erasure {
            Some(e) => ask.t().xy("event-erased-why", &ask.format.date_time(Time(e.at)), &e.reason),
            None => ask.say("event-erased"),
        },
        happened: at.map(|at| When::new(at, ask.format.precise(at))),
        received: When::new(left.received, ask.format.precise(left.received)),
        source: sensor_name(&sensor_names(ask).await, source),
        rows,
        proof: proven(ask, id, left.table).await?,
        json: serde_json::to_string_pretty(&value).unwrap_or(left.readable),
        before: (id.seq > 1).then(|| event_href(EventId { seq: id.seq - 1, ..id })),
        after: (id.seq < last).then(|| event_href(EventId { seq: id.seq + 1, ..id })),
    };
    page(&view)
}

/// Who sees one zone only does not learn of what was erased.
fn whole(proof: &Authorised<ViewEvents>) -> Result<(), Problem> {
    if proof.zone().is_none() { Ok(()) } else { Err(Problem::NotFound) }
}

/// Erased records that are named on a page at most.
const ERASED: usize = 20;

/// Records that were erased on request among the numbers that a page is about: no search finds them, so they are named.
fn erased_among(ask: &Ask, proof: &Authorised<ViewEvents>, find: &Find, found: &Found) -> Vec<Link> {
    // What a record had is gone, and with it whose zone it was of.
    if proof.zone().is_some() {
        return Vec::new();
    }
    let vault = &ask.shared.vault;
    let first = find.after_seq.unwrap_or(0) + 1;
    let older = if found.more { found.hits.last().map(|h| h.seq) } else { found.stopped };
    let first = older.map_or(first, |older| older.max(first));
    let last = find.before_seq.unwrap_or(u64::MAX).saturating_sub(1).min(vault.last_seq());
    let (site, epoch) = (vault.site(), vault.epoch());
    let erasures = vault.erasures();
    let seqs = erasures.iter().flat_map(|e| &e.records).flat_map(|(a, b)| (*a).max(first)..=(*b).min(last));
    let link = |seq| Link::to(format!("#{seq}"), event_href(EventId { site, epoch, seq }));
    seqs.take(ERASED).map(link).collect()
}

/// How a record stands in the log, and whether anybody outside saw a log that holds it.
async fn proven(ask: &Ask, id: EventId, table: Table) -> Result<ProofCard, Problem> {
    let t = ask.t();
    let vault = ask.shared.vault.clone();
    let asking = tokio::task::spawn_blocking(move || (vault.proof_state(table, id.seq), vault.confirmations()));
    let (state, confirmed) = asking.await.map_err(|e| Problem::Broken(e.to_string()))?;
    let state = match state {
        Ok(Some(state)) => state,
        Ok(None) => {
            let tag = Tag { tone: "", mark: "？", word: t.say("proof-none") };
            return Ok(ProofCard { tag, outside: t.say("proof-none-how"), ..ProofCard::default() });
        }
        Err(error) => {
            // The record itself can be read; that its batch cannot be is told here and named by the vault's page.
            tracing::warn!(%error, seq = id.seq, "the proof of a record cannot be read");
            let tag = Tag { tone: "act", mark: "■", word: t.say("proof-broken") };
            return Ok(ProofCard { tag, outside: t.say("proof-broken-how"), ..ProofCard::default() });
        }
    };
    // Since when somebody vouches: the oldest confirmation of a log that holds the entry.
    let first = confirmed.iter().filter(|c| c.size > state.entry_index).min_by_key(|c| c.at);
    let (tag, outside) = match first {
        Some(c) => {
            let who = if c.name.is_empty() { t.say("vault-stamp-who") } else { cut(&c.name) };
            let words = t.xy("proof-outside", &who, &ask.format.date_time(c.at));
            (Tag { tone: "ok", mark: "●", word: t.say("proof-outside-tag") }, words)
        }
        None => (Tag { tone: "look", mark: "▲", word: t.say("proof-inside-tag") }, t.say("proof-inside")),
    };
    let number = |n: u64| ask.format.number(n);
    let mut place = t.with(
        "proof-place",
        &[
            ("x", Value::Text(&number(state.batch))),
            ("y", Value::Text(&number(state.entry_index))),
            ("n", Value::Text(&number(state.size))),
        ],
    );
    if let Some(position) = state.position {
        if ask.lang != model::Lang::Ja {
            place.push(' ');
        }
        place.push_str(&t.xy("proof-position", &number(position + 1), &number(state.count)));
    }
    let at = state.committed_at;
    Ok(ProofCard {
        tag,
        committed: Some(Past { ago: ask.format.ago(at), when: When::new(at, ask.format.date_time(at)) }),
        place,
        outside,
        pack: state.position.map(|_| format!("{}/pack.zip", event_href(id))),
    })
}

fn flatten(out: &mut Vec<RawRow>, path: String, value: &serde_json::Value) {
    use serde_json::Value;
    if out.len() >= MOST_FIELDS {
        return;
    }
    let under = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| flatten(out, under(k), v)),
        Value::Array(list) if !list.is_empty() => list.iter().enumerate().for_each(|(i, v)| flatten(out, under(&i.to_string()), v)),
        other => {
            let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            let href = match path.rsplit('.').next() {
                Some("asset") if text.parse::<AssetId>().is_ok() => Some(format!("/assets/{text}")),
                Some("finding") if text.parse::<FindingId>().is_ok() => Some(format!("/findings/{text}")),
                _ => None,
            };
            out.push(RawRow { key: path, value: Link { text: cut(&text), href } });
        }
    }
}

impl Asked {
    /// What is wrong with the question, if anything.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problems.first().map(String::as_str)
    }
}

/// How many records one answer of the API holds.
pub(crate) fn limit(q: &Fields, most: usize) -> usize {
    q.number("limit").unwrap_or(ROWS).clamp(1, most)
}
