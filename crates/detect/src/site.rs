//! What people have set that detection reasons with: zones and the company's calendar. Both come as the state of things at the start and
//! then as deeds in the log, so that folding again gives the same.

use crate::identity::{Identity, Known};
use jiff::tz::TimeZone;
use model::asset::Party;
use model::calendar::{Calendar, DayKind};
use model::event::{Deed, FieldChange};
use model::net::{is_private, is_unicast};
use model::zone::{Layer, ZoneFields, zone_of};
use model::{AssetId, Kind, SourceId, Time, ZoneId};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where somebody stands: in a zone, or outside of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A zone of the site.
    Zone(ZoneId),
    /// A public address.
    Outside,
}

/// The settings of the site.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Site {
    pub zones: BTreeMap<ZoneId, ZoneFields>,
    pub calendar: Calendar,
    /// Assets whose zone the ledger gives.
    entered: FxHashMap<AssetId, ZoneId>,
}

/// An hour as habits see it: the class of its day and the hour of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// `DayClass::index` × 24 + hour.
    pub index: u16,
    pub kind: DayKind,
}

impl Site {
    /// What state holds at the start.
    pub fn new(zones: &[(ZoneId, ZoneFields)], calendar: &Calendar, known: &[model::Asset]) -> Site {
        Site {
            zones: zones.iter().cloned().collect(),
            calendar: calendar.clone(),
            entered: known.iter().filter_map(|a| Some((a.id, a.ledger.zone?))).collect(),
        }
    }

    /// Somebody changed something.
    pub fn deed(&mut self, deed: &Deed) {
        match deed {
            Deed::Setting { key, to, .. } if key == "calendar" => {
                if let Ok(calendar) = to.parse() {
                    self.calendar = calendar;
                }
            }
            Deed::Setting { key, to, .. } => {
                let Some(Ok(zone)) = key.strip_prefix("zone.").map(str::parse::<ZoneId>) else { return };
                match to.parse::<ZoneFields>() {
                    Ok(fields) => {
                        self.zones.insert(zone, fields);
                    }
                    Err(_) => {
                        self.zones.remove(&zone);
                        self.entered.retain(|_, z| *z != zone);
                    }
                }
            }
            Deed::AssetEntered { asset, ledger: Some(ledger), .. } => {
                if let Some(zone) = ledger.zone {
                    self.entered.insert(*asset, zone);
                }
            }
            Deed::AssetEdited { asset, changes } => {
                for FieldChange { field, to, .. } in changes {
                    if field == "zone" {
                        match to.parse() {
                            Ok(zone) => self.entered.insert(*asset, zone),
                            Err(_) => self.entered.remove(asset),
                        };
                    }
                }
            }
            _ => {}
        }
    }

    /// The zone of an asset: the ledger's word, else its addresses.
    pub fn zone(&self, a: &Known) -> Option<ZoneId> {
        if self.zones.is_empty() {
            return None;
        }
        if let Some(zone) = self.entered.get(&a.id).filter(|z| self.zones.contains_key(z)) {
            return Some(*zone);
        }
        let zones = self.zones.iter().map(|(id, z)| (*id, z.ranges.as_slice(), z.vlans.as_slice()));
        zone_of(zones, a.ips.iter().rev().map(|b| b.ip), Some(a.segment))
    }

    /// Where a party stands; absent for what is inside and in no zone.
    pub fn place(&self, identity: &Identity, party: Party) -> Option<Place> {
        match party {
            Party::Asset(id) => self.zone(identity.get(id)?).map(Place::Zone),
            Party::Address(ip) if is_private(ip) => {
                let zones = self.zones.iter().map(|(id, z)| (*id, z.ranges.as_slice(), z.vlans.as_slice()));
                zone_of(zones, std::iter::once(ip), None).map(Place::Zone)
            }
            Party::Address(ip) => is_unicast(ip).then_some(Place::Outside),
        }
    }

    pub fn name(&self, place: Place) -> String {
        match place {
            Place::Zone(id) => self.zones.get(&id).map_or_else(|| id.to_string(), |z| z.name.clone()),
            Place::Outside => String::from("–"),
        }
    }

    /// Whether machines are steered in it.
    pub fn is_control(&self, place: Place) -> bool {
        matches!(place, Place::Zone(id) if self.zones.get(&id).is_some_and(|z| matches!(z.layer, Layer::Control | Layer::Device)))
    }

    /// Whether an asset is control equipment: it answers as such, the ledger says so, or it stands where machines are steered and
    /// is not there to carry traffic.
    pub fn is_control_asset(&self, a: &Known) -> bool {
        let carries = a.router || matches!(a.kind, Some(Kind::Router | Kind::Switch | Kind::AccessPoint));
        let steered = || self.zone(a).is_some_and(|z| self.is_control(Place::Zone(z)));
        a.control || matches!(a.kind, Some(Kind::Plc | Kind::Hmi | Kind::Control)) || (!carries && steered())
    }

    /// The slot of an hour (hours since 1970) in a time zone.
    pub fn slot(&self, hour: i64, zone: &TimeZone) -> Slot {
        let at = jiff::Timestamp::from_second(hour.saturating_mul(3600)).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
        let class = self.calendar.class(at.date());
        let index = u16::from(class.index()) * 24 + u16::from(at.hour().unsigned_abs().min(23));
        Slot { index, kind: self.calendar.kind_of(class) }
    }

    /// The kind of day that a slot's class stands for.
    pub fn kind_of(&self, slot: u16) -> DayKind {
        use model::calendar::DayClass;
        let class = match u8::try_from(slot / 24).unwrap_or(0) {
            d @ 0..=6 => DayClass::Weekday(d),
            7 => DayClass::Off,
            8 => DayClass::Work,
            n => DayClass::Shift(n - 8),
        };
        self.calendar.kind_of(class)
    }
}

/// The day (days since 1970) on which a moment falls in a time zone.
pub fn day_of(at: Time, zone: &TimeZone) -> i64 {
    let Ok(ts) = jiff::Timestamp::from_second(at.seconds()) else { return 0 };
    let offset = i64::from(zone.to_offset(ts).seconds());
    at.seconds().saturating_add(offset).div_euclid(86_400)
}

/// Stretches that each sensor has watched without a hole, and how long in all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Watched {
    /// Beginning of the stretch that lasts until `until`, per sensor.
    stretch: BTreeMap<SourceId, (Time, Time)>,
    /// Fully watched time in all, nanoseconds, per sensor.
    total: BTreeMap<SourceId, i64>,
}

/// A hole of this length between two reports is none: reports come every ten seconds.
const HOLE: model::Span = model::Span::seconds(30);

impl Watched {
    /// A sensor's report.
    pub fn covered(&mut self, h: &model::coverage::Health) {
        if h.to <= h.from {
            return;
        }
        if h.quality != model::coverage::Quality::Full {
            self.stretch.remove(&h.sensor);
            return;
        }
        let total = self.total.entry(h.sensor).or_default();
        let (since, until) = self.stretch.entry(h.sensor).or_insert((h.from, h.from));
        if h.from > *until + HOLE || h.to < *since {
            *since = h.from;
            *until = h.from;
        }
        *total = total.saturating_add(h.to.since(h.from.max(*until)).0.max(0));
        *until = (*until).max(h.to);
    }
    /// Since when a sensor has watched without a hole, until now.
    pub fn since(&self, sensor: SourceId) -> Option<Time> {
        self.stretch.get(&sensor).map(|(since, _)| *since)
    }
    /// Until when its newest report goes.
    pub fn until(&self, sensor: SourceId) -> Option<Time> {
        self.stretch.get(&sensor).map(|(_, until)| *until)
    }
    /// How long a sensor has watched in all.
    pub fn total(&self, sensor: SourceId) -> model::Span {
        model::Span(self.total.get(&sensor).copied().unwrap_or(0))
    }
    /// Every sensor that has ever watched.
    pub fn sensors(&self) -> impl Iterator<Item = SourceId> {
        self.total.keys().copied()
    }
    /// Nothing was watched for a while: every stretch ends.
    pub fn gap(&mut self) {
        self.stretch.clear();
    }
    pub fn clock_back(&mut self) {
        self.stretch.clear();
    }
}
