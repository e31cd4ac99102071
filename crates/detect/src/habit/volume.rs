//! Links and zones against their own habit: the bytes that a sensor read in an hour, and the bytes of the conversations of a zone.

use super::book::{Book, Verdict};
use crate::gather::{Settings, Spark};
use crate::identity::Identity;
use crate::site::{Place, Site, Slot};
use model::asset::Party;
use model::coverage::Health;
use model::{Flow, SourceId, Span, ZoneId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What has a habit here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    Link(SourceId),
    Zone(ZoneId),
}

/// Hours of links and zones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Volumes {
    open: BTreeMap<i64, BTreeMap<Part, u64>>,
    books: BTreeMap<Part, Book>,
}

/// Hours that can be open at the same time.
const OPEN: usize = 48;
/// Links and zones of which a habit is kept.
const MOST: usize = 512;

impl Volumes {
    fn add(&mut self, part: Part, hour: i64, bytes: u64) {
        if self.open.len() >= OPEN && !self.open.contains_key(&hour) {
            return;
        }
        let b = self.open.entry(hour).or_default().entry(part).or_default();
        *b = b.saturating_add(bytes);
    }
    /// A sensor's report: the bytes that it read.
    pub fn covered(&mut self, h: &Health) {
        self.add(Part::Link(h.sensor), (h.to - Span::millis(1)).hour(), h.bytes);
    }
    /// A part of a conversation, counted once for each zone that takes part in it.
    pub fn flow(&mut self, f: &Flow, client: Option<Party>, server: Option<Party>, site: &Site, identity: &Identity) {
        if site.zones.is_empty() {
            return;
        }
        let zone = |p: Option<Party>| match site.place(identity, p?) {
            Some(Place::Zone(id)) => Some(id),
            _ => None,
        };
        let (c, s) = (zone(client), zone(server));
        let bytes = f.up.bytes.saturating_add(f.down.bytes);
        for id in [c, s.filter(|s| Some(*s) != c)].into_iter().flatten() {
            self.add(Part::Zone(id), f.last.hour(), bytes);
        }
    }
    /// An hour is over. `full` tells whether a sensor watched all of it, `all` whether every sensor did.
    pub fn close(&mut self, hour: i64, slot: Slot, site: &Site, rule: &Settings, full: impl Fn(SourceId) -> bool, all: bool) -> Vec<Spark> {
        let volumes = self.open.remove(&hour).unwrap_or_default();
        let mut out = vec![];
        let parts: Vec<Part> =
            volumes.keys().chain(self.books.keys()).copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        for part in parts {
            let (watched, name) = match part {
                Part::Link(sensor) => (full(sensor), sensor.0.to_string()),
                Part::Zone(id) if !site.zones.contains_key(&id) => {
                    self.books.remove(&part);
                    continue;
                }
                Part::Zone(id) => (all, site.name(Place::Zone(id))),
            };
            if !watched || (self.books.len() >= MOST && !self.books.contains_key(&part)) {
                continue;
            }
            let bytes = volumes.get(&part).copied().unwrap_or(0);
            let book = self.books.entry(part).or_insert_with(|| Book::new(hour));
            // Nothing at all is as little as can be, where a usual hour is more than the floor.
            let floor = rule.number("below_floor_kib").unsigned_abs().saturating_mul(1024);
            if let Some(v) = book.judge(site, slot, bytes, rule).filter(|v| v.kind != "silent" || v.usual >= floor) {
                out.push(spark(part, &name, &v, rule, hour, book.since));
            }
            book.learn(slot, bytes);
        }
        out
    }
    pub fn clock_back(&mut self) {
        self.open.clear();
    }
}

fn spark(part: Part, name: &str, v: &Verdict, rule: &Settings, hour: i64, learned: i64) -> Spark {
    let kind = if v.kind == "silent" { "below" } else { v.kind };
    let (what, key) = match part {
        Part::Link(s) => ("link", format!("volume-habit/link-{}/{kind}", s.0)),
        Part::Zone(id) => ("zone", format!("volume-habit/{id}/{kind}")),
    };
    let extreme = v.percent >= 10_000;
    let s = Spark::new(key, rule.severity(if extreme { "extreme" } else { kind }), kind).text("what", what).text("name", name);
    v.told(s, hour, learned)
}
