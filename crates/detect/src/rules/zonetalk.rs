//! Zones that talk to each other for the first time. Who asks and who answers are kept apart: that the office reads from the server room
//! says nothing about the other direction.
//!
//! Learning takes `learning_h` of *watched* time, for the site and again for a zone that was made or whose addresses were changed. Only
//! answered conversations count: what a firewall stops is no talk.

use super::around::Around;
use super::{asset_of, shown};
use crate::Cx;
use crate::gather::Spark;
use crate::site::Place;
use model::asset::Party;
use model::event::Deed;
use model::flow::FlowState;
use model::{Fact, Flow, Span, ZoneId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs of zones that are remembered; beyond, new pairs are not told.
const MOST: usize = 8192;
/// Repeats are told once in this time.
const EVERY: Span = Span::hours(1);

/// Which zones have talked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Zones {
    known: BTreeSet<(Place, Place)>,
    told: BTreeSet<(Place, Place)>,
    /// How long the site had been watched when a zone was made or changed; absent for those that were there from the start.
    met: BTreeMap<ZoneId, Span>,
}

impl Zones {
    /// A zone was made or changed: it is learned anew.
    pub fn deed(&mut self, deed: &Deed, watched: Span) {
        if let Deed::Setting { key, .. } = deed
            && let Some(Ok(zone)) = key.strip_prefix("zone.").map(str::parse::<ZoneId>)
        {
            let other = |p: &(Place, Place)| p.0 != Place::Zone(zone) && p.1 != Place::Zone(zone);
            self.known.retain(other);
            self.told.retain(other);
            self.met.insert(zone, watched);
            while self.met.len() > MOST {
                self.met.pop_first();
            }
        }
    }

    pub fn flow(&mut self, f: &Flow, client: Party, server: Party, around: &Around<'_>, cx: &mut Cx<'_>) {
        // Of what was seen only in part nobody knows who asked.
        let talk = matches!(f.state, FlowState::Established | FlowState::Closed | FlowState::Reset);
        if around.site.zones.is_empty() || f.up.packets == 0 || f.down.packets == 0 || !talk {
            return;
        }
        let (Some(from), Some(to)) = (around.site.place(around.identity, client), around.site.place(around.identity, server)) else {
            return;
        };
        if from == to {
            return;
        }
        let watched = around.watched.total(f.segment.sensor);
        let rules = cx.rules;
        let rule = &rules.traffic.zone_talk;
        let learning = Span::hours(rule.number("learning_h"));
        let mut young = watched < learning;
        for place in [from, to] {
            if let Place::Zone(id) = place
                && let Some(met) = self.met.get(&id)
            {
                young |= Span(watched.0.saturating_sub(met.0)) < learning;
            }
        }
        let pair = (from, to);
        if self.known.contains(&pair) {
            return;
        }
        if young {
            if self.known.len() < MOST {
                self.known.insert(pair);
                self.told.remove(&pair);
            }
            return;
        }
        if !self.told.contains(&pair) {
            if self.told.len() >= MOST {
                return;
            }
            self.told.insert(pair);
        }
        let control = around.site.is_control(from) || around.site.is_control(to);
        let outside = from == Place::Outside || to == Place::Outside;
        let when = match (control, outside) {
            (true, true) => "control-outside",
            (true, false) => "control",
            _ => "new",
        };
        let kind = if to == Place::Outside {
            "to-outside"
        } else if from == Place::Outside {
            "from-outside"
        } else {
            "zones"
        };
        let place = |p: Place| match p {
            Place::Zone(id) => id.to_string(),
            Place::Outside => String::from("outside"),
        };
        let protocol = f.protocol.map_or_else(|| String::from("–"), |p| p.name().to_owned());
        let mut s = Spark::new(format!("zone-talk/{}/{}", place(from), place(to)), rule.severity(when), kind)
            .text("from", around.site.name(from))
            .text("to", around.site.name(to))
            .fact("device", shown(client))
            .fact("target", shown(server))
            .text("service", format!("{protocol} {}", f.server.port.map_or_else(String::new, |p| p.to_string())).trim().to_owned())
            .fact("learned", Fact::Span(watched))
            .fact("time", Fact::Time(f.first));
        s.asset = asset_of(client).or_else(|| asset_of(server));
        s.others = asset_of(server).filter(|t| Some(*t) != s.asset).into_iter().collect();
        s.every = EVERY;
        s.events = vec![cx.now.id];
        cx.raise(rule, s);
    }
}
