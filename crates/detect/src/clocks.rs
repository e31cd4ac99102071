//! Clocks, and who keeps them right: our own by what the watch tells of it, the sources' by what they send ([`crate::skew`]), and the devices that ask a
//! time server.
//!
//! **Whose clock is read from what.** Log records that say when they were written, by the machine that wrote them. A sensor's reports, where it has another
//! clock than we (a capture is read by its own clock: there the two are the same and nothing is to be learned). Answers of time servers (NTP modes 4 and 5),
//! which tell their clock beside ours. What other protocols tell (HTTP `Date`, SMB, DHCP) is not read.
//!
//! **Our own first.** While our own clock is known not to be synchronised nobody else's is called wrong, and when it is set everything measured
//! against it is forgotten.

use crate::gather::Spark;
use crate::identity::Identity;
use crate::rules::make_room;
use crate::skew::Skew;
use crate::{Cx, Effect};
use model::activity::{Head, Ntp};
use model::asset::Party;
use model::clock::{ClockEstimate, ClockLook, ClockOf, OwnClock, TimeAsk};
use model::coverage::Health;
use model::event::LogRecord;
use model::net::is_private;
use model::{AssetId, Event, Fact, Span, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// An asset that asks is told once in this time.
const ASKED_EVERY: Span = Span::hours(1);
/// Characters of the name by which a machine calls itself in its logs.
const LONGEST: usize = 64;

/// The one finding about our own clock.
const KEY: &str = "own-clock";

/// Asking that is not told yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    told: Time,
    first: Time,
    last: Time,
    times: u64,
}

/// What is remembered of clocks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Clocks {
    /// Our own clock is synchronised, as told last.
    own: Option<bool>,
    skews: FxHashMap<ClockOf, Skew>,
    asked: FxHashMap<(AssetId, IpAddr), Asked>,
}

impl Clocks {
    /// How many are remembered: clocks, and pairs of asker and server.
    pub fn len(&self) -> (usize, usize) {
        (self.skews.len(), self.asked.len())
    }

    /// How our own clock stands.
    pub fn own(&mut self, clock: &OwnClock, cx: &mut Cx<'_>) {
        self.own = clock.synchronised;
        let rules = cx.rules;
        let rule = &rules.own_clock;
        match clock.synchronised {
            Some(true) => cx.gather.cease(rule, KEY, cx.now, cx.out),
            Some(false) => {
                let lasting = Span::seconds(i64::try_from(clock.lasting_s).unwrap_or(i64::MAX));
                if lasting >= Span::minutes(rule.number("grace_m")) {
                    let mut spark = Spark::new(KEY.into(), rule.severity(""), clock.keeper.name())
                        .fact("lasting", Fact::Span(lasting))
                        .fact("time", Fact::Time(cx.now.at));
                    spark.every = rule.seconds("quiet_s");
                    spark.events = vec![cx.now.id];
                    cx.raise(rule, spark);
                }
            }
            // Not allowed to ask: nothing is claimed either way.
            None => {}
        }
    }

    /// Our own clock was set.
    pub fn jumped(&mut self, was: Time, is: Time, cx: &mut Cx<'_>) {
        for skew in self.skews.values_mut() {
            skew.forget();
        }
        let rules = cx.rules;
        let rule = &rules.clock_jump;
        let by = is.since(was);
        if by.0.saturating_abs() < rule.seconds("jump_s").0 {
            return;
        }
        let kind = if by > Span::ZERO { "ahead" } else { "back" };
        let mut spark = Spark::new(String::from("clock-jump"), rule.severity(kind), kind)
            .fact("clock_was", Fact::Time(was))
            .fact("clock_is", Fact::Time(is))
            .fact("by", Fact::Span(Span(by.0.saturating_abs())));
        // Each is told: there are few, and every one changes how times before and after are read.
        spark.every = Span::ZERO;
        spark.events = vec![cx.now.id];
        cx.raise(rule, spark);
    }

    /// A sensor's report, by its clock.
    pub fn sensor(&mut self, health: &Health, received: Time, cx: &mut Cx<'_>) {
        // By the capture's own clock: there is no other to hold it against.
        if received != health.to {
            self.told(ClockOf::Sensor(health.sensor), health.to, received, cx);
        }
    }

    /// A record of another system.
    pub fn log(&mut self, event: &Event, log: &LogRecord, cx: &mut Cx<'_>) {
        let Some(happened) = &event.happened else { return };
        if happened.at == event.received {
            return;
        }
        let host = match (log.host.as_str(), log.sender) {
            ("", None) => String::new(),
            ("", Some(ip)) => ip.to_string(),
            (host, _) => host.chars().filter(|c| !c.is_control()).take(LONGEST).collect(),
        };
        self.told(ClockOf::Host(event.source, host), happened.at, event.received, cx);
    }

    fn told(&mut self, of: ClockOf, happened: Time, received: Time, cx: &mut Cx<'_>) {
        let own = self.own;
        let skew = self.skew(&of, cx);
        if skew.told(happened, received) {
            look(&of, skew, own, cx);
        }
    }

    fn skew(&mut self, of: &ClockOf, cx: &mut Cx<'_>) -> &mut Skew {
        if !self.skews.contains_key(of) {
            cx.counters.clocks_let_go += make_room(&mut self.skews, cx.limits.clocks, |s| s.last);
        }
        self.skews.entry(of.clone()).or_default()
    }

    /// A message of NTP: somebody asks, or somebody tells the time.
    pub fn ntp(&mut self, head: &Head, ntp: &Ntp, received: Time, identity: &Identity, cx: &mut Cx<'_>) {
        match ntp.mode {
            // Symmetric active, client.
            1 | 3 => {
                let Some(Party::Asset(asset)) = identity.end(head.segment, &head.client).map(|e| e.party) else { return };
                let Some(server) = head.server.ip else { return };
                self.asked(asset, server, head.time, cx);
            }
            // Server, broadcast. One that says itself that it has no time (leap 3, stratum 0 or 16) tells nothing.
            4 | 5 if ntp.leap != 3 && (1..16).contains(&ntp.stratum) => {
                let Some(ahead) = ntp.offset_ms else { return };
                let end = if ntp.mode == 5 { &head.client } else { &head.server };
                let of = match identity.end(head.segment, end).map(|e| e.party) {
                    Some(Party::Asset(id)) => ClockOf::Asset(id),
                    Some(Party::Address(ip)) => ClockOf::Address(ip),
                    None => return,
                };
                let own = self.own;
                let skew = self.skew(&of, cx);
                if skew.ahead_by(ahead, received) {
                    look(&of, skew, own, cx);
                }
            }
            _ => {}
        }
    }

    fn asked(&mut self, asset: AssetId, server: IpAddr, at: Time, cx: &mut Cx<'_>) {
        let key = (asset, server);
        if !self.asked.contains_key(&key) {
            cx.counters.clocks_let_go += make_room(&mut self.asked, cx.limits.asks, |a| a.last);
        }
        let asked = self.asked.entry(key).or_insert(Asked { told: Time::MIN, first: at, last: at, times: 0 });
        if asked.times == 0 {
            asked.first = at;
        }
        asked.last = at;
        asked.times += 1;
        if at >= asked.told + ASKED_EVERY || at < asked.told - ASKED_EVERY {
            asked.told = at;
            let ask = TimeAsk { asset, server, first: asked.first, last: at, times: std::mem::take(&mut asked.times) };
            cx.out.push(Effect::Asked(ask));
        }
    }
}

/// A window was closed: tells how the clock stands, and whether that is a matter for somebody.
fn look(of: &ClockOf, skew: &Skew, own: Option<bool>, cx: &mut Cx<'_>) {
    let answer = skew.answer();
    cx.out.push(Effect::Clock(ClockEstimate {
        of: of.clone(),
        skew_ms: answer.map(|a| a.skew_ms),
        spread_ms: answer.map_or(0, |a| a.spread_ms),
        look: answer.map_or(ClockLook::Plain, |a| a.look),
        since: skew.since(),
        last: skew.last,
        samples: skew.samples(),
    }));
    let Some(answer) = answer else { return };
    let rules = cx.rules;
    let rule = &rules.source_clock;
    let key = format!("source-clock/{of}");
    let off = answer.skew_ms.unsigned_abs();
    let limit = u64::try_from(rule.number("off_s")).unwrap_or(u64::MAX).saturating_mul(1_000);
    // A server outside is nobody's to set right; it stands in the table.
    let theirs = matches!(of, ClockOf::Address(ip) if !is_private(*ip));
    if off.saturating_sub(answer.spread_ms) > limit && own != Some(false) && !theirs {
        let (kind, hours) = match answer.look {
            ClockLook::Unset => ("unset", 0),
            ClockLook::Zone(h) => ("zone", u64::from(h.unsigned_abs())),
            ClockLook::Plain if answer.skew_ms > 0 => ("ahead", 0),
            ClockLook::Plain => ("behind", 0),
        };
        let millis = |ms: u64| Fact::Span(Span::millis(i64::try_from(ms).unwrap_or(i64::MAX)));
        let (source, asset) = match of {
            ClockOf::Sensor(id) => (Fact::Text(format!("#{}", id.0)), None),
            ClockOf::Host(id, host) if host.is_empty() => (Fact::Text(format!("#{}", id.0)), None),
            ClockOf::Host(_, host) => (Fact::Text(host.clone()), None),
            ClockOf::Asset(id) => (Fact::Asset(*id), Some(*id)),
            ClockOf::Address(ip) => (Fact::Text(ip.to_string()), None),
        };
        let mut spark = Spark::new(key, rule.severity(kind), kind)
            .fact("source", source)
            .fact("by", millis(off))
            .fact("spread", millis(answer.spread_ms))
            .fact("hours", Fact::Count(hours))
            .fact("since", Fact::Time(skew.since()))
            .fact("time", Fact::Time(cx.now.at));
        spark.asset = asset;
        spark.every = rule.seconds("quiet_s");
        spark.events = vec![cx.now.id];
        cx.raise(rule, spark);
    } else if off.saturating_add(answer.spread_ms) < limit {
        cx.gather.cease(rule, &key, cx.now, cx.out);
    }
}
