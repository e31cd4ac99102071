//! Small makers of events. Time is given in seconds after a Monday midnight.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::too_many_arguments, missing_docs)]

use catalogue::Catalogue;
use detect::{Config, Effect, Watch};
use model::activity::{Act, Activity, Arp, Dhcp, Head, Login, Modbus, Outcome, SecretKind, SecretTrace};
use model::asset::AssetFact;
use model::coverage::{Health, Quality};
use model::event::{Audit, Body, Deed, Event, Happened};
use model::finding::Step;
use model::flow::{Direction, FlowEnd, FlowState};
use model::observation::Via;
use model::*;
use std::net::IpAddr;
use std::sync::LazyLock;

pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load().unwrap());

/// Monday 2026-06-01T00:00:00Z.
pub const MONDAY: i64 = 1_780_272_000;
pub const SITE: SiteId = SiteId(uuid::Uuid::from_u128(7));

pub fn at(s: i64) -> Time {
    Time::from_unix(MONDAY + s, 0)
}
pub fn mac(n: u32) -> Mac {
    let b = n.to_be_bytes();
    // 3c:52:82 belongs to Hewlett Packard.
    Mac([0x3c, 0x52, 0x82, b[1], b[2], b[3]])
}
pub fn random_mac(n: u32) -> Mac {
    let b = n.to_be_bytes();
    Mac([0x02, 0xaa, b[0], b[1], b[2], b[3]])
}
pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
pub fn seg() -> Segment {
    Segment { sensor: SourceId(1), vlan: 0 }
}
pub fn end(m: Mac, i: &str, port: u16) -> Endpoint {
    Endpoint { mac: Some(m), ip: Some(ip(i)), port: (port > 0).then_some(port) }
}
pub fn config() -> Config {
    Config::new(SITE, jiff::tz::TimeZone::UTC)
}

/// A log that grows, and a watch that folds it.
pub struct Log {
    pub watch: Watch,
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    /// Events that are no longer kept.
    pub skipped: u64,
}

impl Default for Log {
    fn default() -> Log {
        Log::with(config())
    }
}

impl Log {
    pub fn with(config: Config) -> Log {
        Log { watch: Watch::new(&CATALOGUE, config, &[]), events: vec![], effects: vec![], skipped: 0 }
    }
    pub fn put(&mut self, time: Time, body: Body) {
        let id = EventId { site: SITE, epoch: 1, seq: self.skipped + self.events.len() as u64 + 1 };
        let event =
            Event { id, source: SourceId(1), received: time, happened: Some(Happened { at: time, text: None, assumed: None }), body };
        self.watch.event(&event, &mut self.effects);
        if let Body::Health(h) = &event.body {
            self.watch.advance(h.to, &mut self.effects);
        }
        self.events.push(event);
    }
    pub fn see(&mut self, s: i64, m: Mac, i: &str) {
        let o = Observation { segment: seg(), mac: Some(m), ip: Some(ip(i)), via: Via::Frame };
        self.put(at(s), Body::Observation(o));
    }
    pub fn act(&mut self, s: i64, protocol: Protocol, client: Endpoint, server: Endpoint, act: Act) {
        let head = Head { flow: FlowId(0), segment: seg(), time: at(s), transport: Transport::Tcp, protocol, client, server };
        self.put(at(s), Body::Activity(Box::new(Activity { head, act })));
    }
    /// An ARP message: `op` 1 asks for `target`, 2 answers.
    pub fn arp(&mut self, s: i64, op: u16, m: Mac, sender: &str, target: &str) {
        let arp = Arp {
            operation: op,
            sender_mac: m,
            sender_ip: sender.parse().unwrap(),
            target_mac: Mac::ZERO,
            target_ip: target.parse().unwrap(),
        };
        let client = Endpoint { mac: Some(m), ip: None, port: None };
        self.act(s, Protocol::Arp, client, Endpoint::default(), Act::Arp(arp));
    }
    pub fn dhcp(&mut self, s: i64, message: u8, m: Mac, name: &str, your: Option<&str>, router: Option<&str>) {
        let d = Dhcp {
            message,
            mac: m,
            hostname: name.into(),
            your_ip: your.map(|y| y.parse().unwrap()),
            router: router.map(|y| y.parse().unwrap()),
            ..Dhcp::default()
        };
        let client = Endpoint { mac: Some(m), ip: None, port: Some(68) };
        self.act(s, Protocol::Dhcp, client, Endpoint::default(), Act::Dhcp(d));
    }
    pub fn flow(&mut self, s: i64, client: Endpoint, server: Endpoint, state: FlowState, up: Direction, down: Direction) {
        let f = Flow {
            id: FlowId(self.events.len() as u64 + 1),
            segment: seg(),
            transport: Transport::Tcp,
            client,
            server,
            protocol: None,
            first: at(s),
            last: at(s),
            started: at(s),
            part: 0,
            up,
            down,
            state,
            end: FlowEnd::Ended,
            gaps: 0,
        };
        self.put(at(s), Body::Flow(Box::new(f)));
    }
    /// A whole conversation with this many bytes in both directions together.
    pub fn talk(&mut self, s: i64, client: Endpoint, server: Endpoint, bytes: u64) {
        let half = Direction { packets: 10, bytes: bytes / 2, flags: 0x1b };
        self.flow(s, client, server, FlowState::Closed, half, half);
    }
    /// A SYN that was refused, or not answered.
    pub fn knock(&mut self, s: i64, client: Endpoint, server: Endpoint, refused: bool) {
        let up = Direction { packets: 1, bytes: 60, flags: 2 };
        let down = if refused { Direction { packets: 1, bytes: 60, flags: 0x14 } } else { Direction::default() };
        self.flow(s, client, server, if refused { FlowState::Rejected } else { FlowState::Attempted }, up, down);
    }
    pub fn login(&mut self, s: i64, protocol: Protocol, client: Endpoint, server: Endpoint, user: &str, secret: u64, outcome: Outcome) {
        let secret = SecretTrace { kind: SecretKind::Password, length: 8, fingerprint: secret, default: false };
        let login = Login { user: user.into(), secret: Some(secret), outcome, clear_text: protocol != Protocol::Ssh, anonymous: false };
        self.act(s, protocol, client, server, Act::Login(login));
    }
    pub fn modbus(&mut self, s: i64, client: Endpoint, server: Endpoint) {
        let ask = Modbus { function: 3, ..Modbus::default() };
        self.act(s, Protocol::Modbus, client, server, Act::Modbus(ask));
        self.act(s, Protocol::Modbus, client, server, Act::Modbus(Modbus { response: true, ..ask }));
    }
    pub fn health(&mut self, from: i64, to: i64, quality: Quality) {
        let h = Health {
            sensor: SourceId(1),
            from: at(from),
            to: at(to),
            packets: 1,
            bytes: 1,
            kernel_drops: 0,
            queue_drops: 0,
            decode_errors: 0,
            quality,
        };
        self.put(at(to), Body::Health(h));
    }
    pub fn deed(&mut self, s: i64, deed: Deed) {
        let number = Some(self.events.len() as u64 + 1);
        let audit = Audit { number, user: None, actor: "x".into(), from: None, action: "x".into(), deed };
        self.put(at(s), Body::Audit(Box::new(audit)));
    }
    pub fn state(&mut self, s: i64, asset: AssetId, to: AssetState) {
        self.deed(s, Deed::AssetState { asset, from: AssetState::Discovered, to });
    }
    /// Findings told so far of a rule.
    pub fn findings(&self, rule: &str) -> Vec<&FindingChange> {
        self.effects
            .iter()
            .filter_map(|e| match e {
                Effect::Finding(f) if f.rule == rule => Some(f),
                _ => None,
            })
            .collect()
    }
    pub fn facts(&self) -> Vec<(&AssetId, &AssetFact)> {
        self.effects
            .iter()
            .filter_map(|e| match e {
                Effect::Asset(c) => Some((&c.asset, &c.fact)),
                _ => None,
            })
            .collect()
    }
    /// Assets in the order of discovery.
    pub fn discovered(&self) -> Vec<AssetId> {
        self.facts().into_iter().filter(|(_, f)| matches!(f, AssetFact::Discovered)).map(|(a, _)| *a).collect()
    }
    pub fn asset_of_mac(&self, m: Mac) -> AssetId {
        let found = self.facts().into_iter().find(|(_, f)| matches!(f, AssetFact::Address { mac: Some(x), .. } if *x == m));
        *found.unwrap_or_else(|| panic!("no asset has {m}")).0
    }
    /// A ledger of one, and the first days over: new devices are told one by one.
    pub fn settle(&mut self, s: i64) {
        self.see(s, mac(0x00ff_ffff), "192.168.1.250");
        let id = self.asset_of_mac(mac(0x00ff_ffff));
        self.state(s + 1, id, AssetState::Registered);
        self.health(s + 25 * 3600, s + 25 * 3600 + 10, Quality::Full);
    }
}

pub fn kind(f: &FindingChange) -> &str {
    match f.facts.get("kind") {
        Some(Fact::Text(t)) => t,
        _ => "",
    }
}

/// Everything that the rule's words need is there, and nothing undeclared.
pub fn speaks(f: &FindingChange) {
    let rule = CATALOGUE.rule(&f.rule).unwrap();
    let given: Vec<&String> = f.facts.keys().collect();
    let declared: Vec<&String> = rule.facts.keys().collect();
    assert_eq!(given, declared, "{}", f.rule);
    let texts: Vec<(String, String)> =
        f.facts.iter().map(|(k, v)| (k.clone(), if let Fact::Text(t) = v { t.clone() } else { "5".into() })).collect();
    let args: Vec<(&str, catalogue::Value<'_>)> = texts.iter().map(|(k, v)| (k.as_str(), catalogue::Value::Text(v))).collect();
    for lang in Lang::ALL {
        let w = rule.words(lang, &args);
        for text in [&w.title, &w.happened, &w.why, &w.tell].into_iter().chain(&w.steps) {
            assert!(!text.is_empty() && !text.contains(['{', '⟦']), "{}: {text}", f.rule);
        }
    }
    assert!(!f.events.is_empty() && f.events.len() <= 64);
}

pub fn steps(all: &[&FindingChange]) -> Vec<Step> {
    all.iter().map(|f| f.step).collect()
}
