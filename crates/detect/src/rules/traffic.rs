//! Rules about who talks to whom and how much: zones, beacons, tunnels, outgoing transfers, orders to controllers. One struct, so that the
//! watch knows one memory and one set of settings for all of them.

use super::around::Around;
use super::{beacon, dnstunnel, icmptunnel, outflow, writes, zonetalk};
use crate::Cx;
use crate::gather::Settings;
use crate::site::Watched;
use catalogue::Catalogue;
use model::activity::Activity;
use model::event::Deed;
use model::{Act, Flow, Time};
use serde::{Deserialize, Serialize};

/// What these rules remember.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Traffic {
    zones: zonetalk::Zones,
    beacons: beacon::Beacons,
    names: dnstunnel::Names,
    echoes: icmptunnel::Echoes,
    outflows: outflow::Outflows,
    writers: writes::Writers,
}

/// Their settings.
#[derive(Clone, Debug)]
pub struct Rules {
    pub zone_talk: Settings,
    pub volume: Settings,
    pub beacon: Settings,
    pub dns_tunnel: Settings,
    pub icmp_tunnel: Settings,
    pub outflow: Settings,
    pub modbus_write: Settings,
}

impl Rules {
    pub fn of(catalogue: &Catalogue) -> Rules {
        let of = |id| Settings::of(catalogue, id);
        Rules {
            zone_talk: of("zone-talk"),
            volume: of("volume-habit"),
            beacon: of("beacon"),
            dns_tunnel: of("dns-tunnel"),
            icmp_tunnel: of("icmp-tunnel"),
            outflow: of("outflow"),
            modbus_write: of("modbus-write"),
        }
    }
    pub fn all(&self) -> [&Settings; 7] {
        [&self.zone_talk, &self.volume, &self.beacon, &self.dns_tunnel, &self.icmp_tunnel, &self.outflow, &self.modbus_write]
    }
}

impl Traffic {
    pub fn activity(&mut self, a: &Activity, around: &Around<'_>, cx: &mut Cx<'_>) {
        match &a.act {
            Act::Dns(d) => {
                self.beacons.names(d);
                self.names.query(&a.head, d, around, cx);
            }
            Act::Echo(e) => self.echoes.echo(&a.head, e, around, cx),
            Act::Modbus(m) => self.writers.act(&a.head, m, around, cx),
            _ => {}
        }
    }
    pub fn flow(&mut self, f: &Flow, around: &Around<'_>, cx: &mut Cx<'_>) {
        let identity = around.identity;
        let (Some(client), Some(server)) = (identity.end(f.segment, &f.client), identity.end(f.segment, &f.server)) else { return };
        self.zones.flow(f, client.party, server.party, around, cx);
        self.beacons.flow(f, client, server.party, around, cx);
        self.outflows.flow(f, client, server, around, cx);
    }
    pub fn deed(&mut self, deed: &Deed, watched: &Watched) {
        let longest = watched.sensors().map(|s| watched.total(s)).max().unwrap_or_default();
        self.zones.deed(deed, longest);
    }
    /// Time has passed.
    pub fn time(&mut self, now: Time, around: &Around<'_>) {
        self.outflows.time(now, around);
    }
    pub fn clock_back(&mut self) {
        self.beacons.clock_back();
        self.outflows.clock_back();
    }
}
