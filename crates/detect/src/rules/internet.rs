//! An asset on the Internet without a stated need. People state per asset what it needs: nothing, or these destinations. Only assets
//! with such a statement are judged; of the others nobody has said what is right.
//!
//! What a destination is, and how it is held against an address, a name and a day: `model::asset::Internet`. Which name an address
//! belongs to is known from the DNS answers that were seen and from what the conversation itself said (server name of TLS and
//! QUIC, HTTP host). Where a destination was stated by name and no name is known, that is told as such.

use crate::Cx;
use crate::gather::Spark;
use crate::identity::{Identity, Known};
use crate::rules::{make_room, shown};
use jiff::civil::Date;
use model::activity::Activity;
use model::asset::{Destination, Internet, InternetVerdict, Party};
use model::flow::{FlowEnd, FlowState};
use model::net::{is_private, is_unicast};
use model::{Act, Fact, Flow, Span, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Addresses of which a name is remembered.
const MAX_NAMES: usize = 8_192;
/// Names of one address.
const MAX_PER_ADDRESS: usize = 8;

/// Names of addresses on the Internet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Destinations {
    names: FxHashMap<IpAddr, (Vec<String>, Time)>,
}

/// The day at the site.
fn today(cx: &Cx<'_>) -> Date {
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(cx.now.at.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    cx.time_zone.to_datetime(stamp).date()
}

impl Destinations {
    /// Names that an act tells.
    pub fn activity(&mut self, a: &Activity, cx: &mut Cx<'_>) {
        match &a.act {
            Act::Dns(d) if d.response => {
                let Some((asked, _)) = d.questions.first() else { return };
                for r in d.records.iter().filter(|r| matches!(r.rtype, 1 | 28)) {
                    if let Some(ip) = r.ip {
                        self.learn(ip, asked, cx);
                        // An alias leads to another owner's name; both are names of it.
                        self.learn(ip, &r.name, cx);
                    }
                }
            }
            Act::Tls(t) => self.learn_end(a, &t.sni, cx),
            Act::Quic(q) => self.learn_end(a, &q.sni, cx),
            Act::Http(h) => self.learn_end(a, h.host.rsplit_once(':').map_or(h.host.as_str(), |(host, _)| host), cx),
            _ => {}
        }
    }

    fn learn_end(&mut self, a: &Activity, name: &str, cx: &mut Cx<'_>) {
        if let Some(ip) = a.head.server.ip {
            self.learn(ip, name, cx);
        }
    }

    fn learn(&mut self, ip: IpAddr, name: &str, cx: &mut Cx<'_>) {
        if name.is_empty() || name.len() > 253 || is_private(ip) || !is_unicast(ip) || name.parse::<IpAddr>().is_ok() {
            return;
        }
        let at = cx.now.at;
        if !self.names.contains_key(&ip) {
            cx.counters.claims_let_go += make_room(&mut self.names, MAX_NAMES.min(cx.limits.claims), |(_, t)| *t);
        }
        let (names, last) = self.names.entry(ip).or_insert_with(|| (vec![], at));
        *last = at;
        if let Some(i) = names.iter().position(|n| n == name) {
            // The newest last.
            let name = names.remove(i);
            names.push(name);
            return;
        }
        if names.len() >= MAX_PER_ADDRESS {
            names.remove(0);
        }
        names.push(name.to_owned());
    }

    /// How talk with an address stands to what was stated: the most favourable of the names by which it is known.
    fn verdict(&self, need: &Internet, ip: IpAddr, today: Date) -> InternetVerdict {
        let names = self.names.get(&ip).map_or(&[][..], |(n, _)| n.as_slice());
        let mut verdicts = names.iter().map(String::as_str).chain([""]).map(|name| need.verdict(Some(ip), name, today));
        let first = verdicts.next().unwrap_or(InternetVerdict::Unstated);
        verdicts.fold(first, |best, v| if best == InternetVerdict::OtherDestination { v } else { best })
    }

    /// Only a name could allow it, and none is known.
    fn is_nameless(&self, need: &Internet, ip: IpAddr) -> bool {
        let named = |word| matches!(Destination::read(word), Some(Destination::Name(_) | Destination::Below(_)));
        !self.names.contains_key(&ip) && need.words().any(named)
    }

    /// A conversation or a part of one.
    pub fn flow(&mut self, f: &Flow, identity: &Identity, cx: &mut Cx<'_>) {
        let (Some(client), Some(server)) = (identity.end(f.segment, &f.client), identity.end(f.segment, &f.server)) else { return };
        let outside = |ip: IpAddr| !is_private(ip) && is_unicast(ip);
        // A part of a long conversation is told with its end, or with the first part that was answered.
        if f.part > 0 && f.end == FlowEnd::Interim {
            return;
        }
        let answered = f.up.packets > 0 && f.down.packets > 0 && !matches!(f.state, FlowState::Attempted | FlowState::Rejected);
        match (client.party, server.party) {
            (Party::Asset(id), far @ Party::Address(ip)) if outside(ip) => {
                let Some(a) = identity.get(id).filter(|a| a.in_ledger() && !a.internet.is_unstated()) else { return };
                let kind = match self.verdict(&a.internet, ip, today(cx)) {
                    InternetVerdict::Unstated | InternetVerdict::Stated => return,
                    InternetVerdict::NotNeeded if answered => "none",
                    InternetVerdict::NotNeeded => "tried",
                    InternetVerdict::Expired => "lapsed",
                    InternetVerdict::OtherDestination if !answered => return,
                    InternetVerdict::OtherDestination if self.is_nameless(&a.internet, ip) => "unnamed",
                    InternetVerdict::OtherDestination => "other",
                };
                self.tell(kind, a, far, ip, f, cx);
            }
            (far @ Party::Address(ip), Party::Asset(id)) if outside(ip) && answered => {
                let Some(a) = identity.get(id).filter(|a| a.in_ledger()) else { return };
                if matches!(self.verdict(&a.internet, ip, today(cx)), InternetVerdict::Unstated | InternetVerdict::Stated) {
                    return;
                }
                self.tell("inbound", a, far, ip, f, cx);
            }
            _ => {}
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn tell(&self, kind: &str, a: &Known, far: Party, ip: IpAddr, f: &Flow, cx: &mut Cx<'_>) {
        let rules = cx.rules;
        let rule = &rules.internet;
        let control = cx.site.is_control_asset(a) && matches!(kind, "none" | "other" | "inbound");
        let name = self.names.get(&ip).and_then(|(n, _)| n.last()).map_or("–", String::as_str);
        let mut s = Spark::new(format!("internet-need/{}/{kind}", a.id), rule.severity(if control { "control" } else { kind }), kind)
            .fact("device", Fact::Asset(a.id))
            .fact("target", shown(far))
            .text("address", ip.to_string())
            .text("name", name)
            .text("service", f.protocol.map_or_else(|| f.server.port.unwrap_or(0).to_string(), |p| p.name().to_uppercase()))
            .fact("bytes", Fact::Bytes(f.up.bytes.saturating_add(f.down.bytes)))
            .fact("time", Fact::Time(f.started));
        s.every = Span::hours(1);
        s.asset = Some(a.id);
        s.events = vec![cx.now.id];
        cx.raise(rule, s);
    }
}
