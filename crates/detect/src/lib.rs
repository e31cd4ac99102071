//! Events, folded in order of `seq`, become assets and findings. Pure: no clock, no disk, no chance; the same events give the
//! same effects, so that a crash is mended by folding again from the last snapshot.
//!
//! The way of an event: [`Watch::event`] first lets [`identity`] decide which device the addresses belong to, then the rules
//! look at it ([`rules`], one module each), then the traffic is counted ([`habit`]). [`gather`] keeps one finding per key.
//! Silence makes no events, so time is also told by [`Watch::advance`]; who calls it must call it at the same places when
//! events are folded again (the binary does so at each sensor's health record, which is an event itself).
//!
//! Why folding and not asking a database: a rule's answer then depends on nothing but the log, which is what is proven.
//!
//! Everything that grows has a bound in [`Limits`]; what is let go is the oldest, and is counted in [`Counters`].

mod clocks;
mod gather;
mod habit;
mod identity;
mod learn;
mod rules;
mod site;
mod skew;

use catalogue::{Catalogue, Recognition};
use gather::{Gather, Moment, Settings};
use identity::Identity;
use model::asset::{HourDelta, PeerDelta};
use model::calendar::Calendar;
use model::clock::{ClockEstimate, TimeAsk};
use model::coverage::Health;
use model::event::Deed;
use model::finding::FindingStatus;
use model::zone::ZoneFields;
use model::{Act, Asset, AssetChange, Body, Event, EventId, FindingChange, SiteId, Span, Time, ZoneId};
pub use rules::moved::Vantage;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// What follows from an event, for state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Something became known about an asset.
    Asset(AssetChange),
    /// A finding was raised, changed or is over.
    Finding(FindingChange),
    /// Traffic of an asset in an hour.
    Hour(HourDelta),
    /// Traffic between two parties.
    Peer(PeerDelta),
    /// How well a stretch of time was watched.
    Coverage(Health),
    /// A source's clock against ours.
    Clock(ClockEstimate),
    /// An asset asked a time server.
    Asked(TimeAsk),
}

/// How much is remembered at most. What is over is let go, oldest first, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Assets. Beyond, new devices are counted and not made into assets until others were away for a week.
    pub assets: usize,
    /// Assets with made-up (locally administered) hardware addresses.
    pub random_assets: usize,
    /// Addresses of which it is remembered who claimed them (ARP, neighbour discovery).
    pub claims: usize,
    /// Sources whose failed connections are counted.
    pub sources: usize,
    /// Failed targets per source.
    pub targets: usize,
    /// Pairs of client and service whose failed logins are counted.
    pub attempts: usize,
    /// Findings whose repeats gather.
    pub findings: usize,
    /// Sources whose clocks are held against ours.
    pub clocks: usize,
    /// Pairs of asset and time server of which it is remembered when they were told last.
    pub asks: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            assets: 20_000,
            random_assets: 1_024,
            claims: 32_768,
            sources: 2_048,
            targets: 1_024,
            attempts: 4_096,
            findings: 4_096,
            clocks: 4_096,
            asks: 16_384,
        }
    }
}

/// What a watch needs to know from the start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The site whose log is folded.
    pub site: SiteId,
    /// Hours of the week are those of this time zone.
    pub time_zone: jiff::tz::TimeZone,
    /// The zones that state holds at the start; changes come with the log.
    pub zones: Vec<(ZoneId, ZoneFields)>,
    /// The company's calendar at the start; changes come with the log.
    pub calendar: Calendar,
    /// Bounds.
    pub limits: Limits,
}

impl Config {
    /// With the usual bounds.
    pub fn new(site: SiteId, time_zone: jiff::tz::TimeZone) -> Config {
        Config { site, time_zone, zones: vec![], calendar: Calendar::default(), limits: Limits::default() }
    }
}

/// What was let go or could not be taken, since the watch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// New devices that were not made into assets because there were too many.
    pub assets_refused: u64,
    /// Assets forgotten here (state keeps them).
    pub assets_let_go: u64,
    /// Claims of addresses forgotten.
    pub claims_let_go: u64,
    /// Sources, or targets of a source, whose failures were forgotten.
    pub sources_let_go: u64,
    /// Pairs of client and service whose failures were forgotten.
    pub attempts_let_go: u64,
    /// Findings whose repeats will not gather any more.
    pub findings_let_go: u64,
    /// Clocks, and askers of time servers, that were forgotten here.
    pub clocks_let_go: u64,
    /// Times when the clock of the events went back for good.
    pub clock_back: u64,
}

/// Why a snapshot cannot be used. The remedy is the same for all: fold the log from its start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// It is not a snapshot of a watch.
    #[error("this is no snapshot of detection; rebuild from the start of the log")]
    NotASnapshot,
    /// It was written by another version.
    #[error("the snapshot has version {found}, this program reads {wanted}; rebuild from the start of the log")]
    Version {
        /// Version of the snapshot.
        found: u16,
        /// The one that is read.
        wanted: u16,
    },
    /// It belongs to another site.
    #[error("the snapshot belongs to another site; rebuild from the start of the log")]
    Site,
    /// It is damaged.
    #[error("the snapshot is damaged ({0}); rebuild from the start of the log")]
    Damaged(String),
}

const MAGIC: &[u8; 4] = b"HWch";
/// Version of the snapshot: counted up with every change of what is remembered.
const VERSION: u16 = 4;
/// So many events in a row that lie far behind the newest time mean that the clock was set back.
const BEHIND_FOR_GOOD: u32 = 256;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Memory {
    site: SiteId,
    cursor: Option<EventId>,
    began: Option<Time>,
    now: Time,
    behind: u32,
    /// The number of the last deed that was folded.
    deed: u64,
    identity: Identity,
    gather: Gather,
    habits: habit::Habits,
    newcomers: rules::unregistered::Newcomers,
    claims: rules::spoof::Claims,
    scans: rules::scan::Scans,
    guesses: rules::guess::Guesses,
    defaults: rules::default::Defaults,
    conflicts: rules::conflict::Conflicts,
    gates: rules::gateway::Gates,
    providers: rules::provider::Providers,
    moves: rules::moved::Moves,
    destinations: rules::internet::Destinations,
    site_set: site::Site,
    watched: site::Watched,
    traffic: rules::traffic::Traffic,
    clocks: clocks::Clocks,
    counters: Counters,
}

/// The rules' settings.
#[derive(Clone, Debug)]
struct RuleSet {
    unregistered: Settings,
    spoof: Settings,
    scan: Settings,
    guess: Settings,
    login: Settings,
    default: Settings,
    resting: Settings,
    gateway: Settings,
    dhcp: Settings,
    advert: Settings,
    moved: Settings,
    encryption: Settings,
    internet: Settings,
    conflict: Settings,
    habit: Settings,
    fork: Settings,
    own_clock: Settings,
    clock_jump: Settings,
    source_clock: Settings,
    drops: Settings,
    traffic: rules::traffic::Rules,
}

impl RuleSet {
    fn of(catalogue: &Catalogue) -> RuleSet {
        let of = |id| Settings::of(catalogue, id);
        RuleSet {
            unregistered: of("unregistered-device"),
            spoof: of("arp-spoofing"),
            scan: of("port-scan"),
            guess: of("password-guessing"),
            login: of("clear-login"),
            default: of("default-credentials"),
            resting: of("resting-device"),
            gateway: of("gateway-changed"),
            dhcp: of("rogue-dhcp"),
            advert: of("rogue-router"),
            moved: of("device-moved"),
            encryption: of("old-encryption"),
            internet: of("internet-need"),
            conflict: of("content-conflict"),
            habit: of("habit"),
            fork: of("vault-fork"),
            own_clock: of("own-clock"),
            clock_jump: of("clock-jump"),
            source_clock: of("source-clock"),
            drops: of("vault-drops"),
            traffic: rules::traffic::Rules::of(catalogue),
        }
    }

    fn all(&self) -> Vec<&Settings> {
        let mut all = vec![
            &self.unregistered,
            &self.spoof,
            &self.scan,
            &self.guess,
            &self.login,
            &self.default,
            &self.resting,
            &self.gateway,
            &self.dhcp,
            &self.advert,
            &self.moved,
            &self.encryption,
            &self.internet,
            &self.conflict,
            &self.habit,
            &self.fork,
            &self.own_clock,
            &self.clock_jump,
            &self.source_clock,
            &self.drops,
        ];
        all.extend(self.traffic.all());
        all
    }
}

/// Folds events.
#[derive(Clone, Debug)]
pub struct Watch {
    config: Config,
    rules: RuleSet,
    recognition: Arc<Recognition>,
    memory: Memory,
}

/// What rules and identity need while an event is folded.
struct Cx<'a> {
    now: Moment,
    /// Days are those of this time zone.
    time_zone: &'a jiff::tz::TimeZone,
    /// Zones and calendar.
    site: &'a site::Site,
    limits: &'a Limits,
    rules: &'a RuleSet,
    recognition: &'a Recognition,
    gather: &'a mut Gather,
    counters: &'a mut Counters,
    out: &'a mut Vec<Effect>,
}

impl Cx<'_> {
    fn raise(&mut self, rule: &Settings, spark: gather::Spark) {
        self.gather.raise(rule, spark, self.now, self.limits.findings, self.out);
    }
}

/// What the rules about traffic look at; borrows other parts of the memory than the rules' own.
macro_rules! around {
    ($m:expr, $zone:expr) => {
        rules::around::Around {
            identity: &$m.identity,
            site: &$m.site_set,
            watched: &$m.watched,
            time_zone: &$zone,
            settled: $m.newcomers.settled,
        }
    };
}

impl Watch {
    /// A watch that has seen nothing, with the assets that state already holds.
    pub fn new(catalogue: &Catalogue, config: Config, known: &[Asset]) -> Watch {
        let mut identity = Identity::default();
        for asset in known {
            identity.adopt(asset);
        }
        let memory = Memory {
            site: config.site,
            cursor: None,
            began: None,
            now: Time::MIN,
            behind: 0,
            deed: 0,
            newcomers: rules::unregistered::Newcomers { settled: identity.has_ledger() },
            identity,
            gather: Gather::default(),
            habits: habit::Habits::default(),
            claims: rules::spoof::Claims::default(),
            scans: rules::scan::Scans::default(),
            guesses: rules::guess::Guesses::default(),
            defaults: rules::default::Defaults::default(),
            conflicts: rules::conflict::Conflicts::default(),
            gates: rules::gateway::Gates::default(),
            providers: rules::provider::Providers::default(),
            moves: rules::moved::Moves::default(),
            destinations: rules::internet::Destinations::default(),
            site_set: site::Site::new(&config.zones, &config.calendar, known),
            watched: site::Watched::default(),
            traffic: rules::traffic::Traffic::default(),
            clocks: clocks::Clocks::default(),
            counters: Counters::default(),
        };
        Watch::with_memory(catalogue, config, memory)
    }

    fn with_memory(catalogue: &Catalogue, config: Config, memory: Memory) -> Watch {
        let rules = RuleSet::of(catalogue);
        Watch { config, rules, recognition: Arc::clone(catalogue.recognition()), memory }
    }

    /// The watch as it was when `bytes` were made by [`Watch::snapshot`]; rules and configuration are those given now.
    pub fn restore(catalogue: &Catalogue, config: Config, bytes: &[u8]) -> Result<Watch, RestoreError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(RestoreError::NotASnapshot)?;
        let (version, body) = rest.split_first_chunk::<2>().ok_or(RestoreError::NotASnapshot)?;
        let found = u16::from_be_bytes(*version);
        if found != VERSION {
            return Err(RestoreError::Version { found, wanted: VERSION });
        }
        let memory: Memory = cbor4ii::serde::from_slice(body).map_err(|e| RestoreError::Damaged(e.to_string()))?;
        if memory.site != config.site {
            return Err(RestoreError::Site);
        }
        Ok(Watch::with_memory(catalogue, config, memory))
    }

    /// Everything that is remembered, for [`Watch::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        debug_assert!(self.memory.identity.is_consistent());
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&VERSION.to_be_bytes());
        // Writing to memory cannot fail; an empty body would be refused as damaged when read.
        cbor4ii::serde::to_vec(head.clone(), &self.memory).unwrap_or(head)
    }

    /// The last event that was folded.
    pub fn cursor(&self) -> Option<EventId> {
        self.memory.cursor
    }

    /// What was let go.
    pub fn counters(&self) -> Counters {
        Counters { findings_let_go: self.memory.gather.let_go, ..self.memory.counters }
    }

    /// By how many places it could be told that a device moved.
    pub fn vantage(&self) -> Vantage {
        self.memory.moves.vantage()
    }

    /// Clocks that are held against ours, and askers of time servers that are remembered.
    pub fn clocks(&self) -> (usize, usize) {
        self.memory.clocks.len()
    }

    /// Assets that are remembered.
    pub fn assets(&self) -> usize {
        self.memory.identity.len()
    }

    /// Folds an event; one that was folded before is passed over.
    pub fn event(&mut self, event: &Event, out: &mut Vec<Effect>) {
        if event.id.site != self.memory.site {
            return;
        }
        if self.memory.cursor.is_some_and(|c| (event.id.epoch, event.id.seq) <= (c.epoch, c.seq)) {
            return;
        }
        self.memory.cursor = Some(event.id);
        let at = event.time();
        if !matches!(event.body, Body::Audit(_) | Body::Finding(_)) {
            self.clock(at);
        }
        let m = &mut self.memory;
        // What people set holds for the rest of this event; a deed that was folded before is passed over.
        if let Body::Audit(audit) = &event.body
            && audit.number.is_none_or(|n| n > m.deed)
        {
            m.site_set.deed(&audit.deed);
        }
        let mut cx = Cx {
            now: Moment { at, id: event.id },
            time_zone: &self.config.time_zone,
            site: &m.site_set,
            limits: &self.config.limits,
            rules: &self.rules,
            recognition: &self.recognition,
            gather: &mut m.gather,
            counters: &mut m.counters,
            out,
        };
        let cx = &mut cx;
        let began = m.began.unwrap_or(at);
        match &event.body {
            Body::Observation(o) => {
                let news = m.identity.observe(o, cx);
                m.habits.spoke(&m.identity, &news.heard);
                m.claims.frame(o, &m.identity, cx);
                m.newcomers.look(&news, &mut m.identity, began, cx);
                rules::resting::look(&news, &m.identity, cx);
            }
            Body::Activity(a) => {
                if let Act::Arp(_) | Act::Neighbour(_) | Act::Dhcp(_) = a.act {
                    m.gates.activity(a, &m.identity, cx);
                    m.claims.activity(a, &m.identity, cx);
                }
                let news = learn::activity(&mut m.identity, a, cx);
                m.habits.spoke(&m.identity, &news.heard);
                m.newcomers.look(&news, &mut m.identity, began, cx);
                rules::resting::look(&news, &m.identity, cx);
                m.destinations.activity(a, cx);
                let around = around!(m, self.config.time_zone);
                m.traffic.activity(a, &around, cx);
                match &a.act {
                    Act::Login(login) => {
                        m.guesses.login(&a.head, login, &m.identity, cx);
                        if !rules::default::login(&a.head, login, &m.identity, cx) {
                            rules::login::login(&a.head, login, &m.identity, cx);
                        }
                    }
                    Act::Snmp(s) => {
                        m.guesses.snmp(&a.head, s, &m.identity, cx);
                        m.defaults.snmp(&a.head, s, &m.identity, cx);
                    }
                    Act::Rdp(r) => m.guesses.rdp(&a.head, r, &m.identity, cx),
                    Act::Arp(arp) => m.scans.arp(&a.head, arp, &m.identity, cx),
                    Act::Dhcp(d) => m.providers.dhcp(&a.head, d, &m.identity, began, cx),
                    Act::RouterAdvertisement(r) => m.providers.advertised(&a.head, r, &m.identity, began, cx),
                    Act::Tls(t) => rules::encryption::tls(&a.head, t, &m.identity, cx),
                    Act::Conflict(c) => m.conflicts.conflict(&a.head, *c, &m.identity, cx),
                    Act::Ntp(n) => m.clocks.ntp(&a.head, n, event.received, &m.identity, cx),
                    _ => {}
                }
            }
            Body::Flow(f) => {
                let news = learn::flow(&mut m.identity, f, cx);
                m.habits.spoke(&m.identity, &news.heard);
                m.newcomers.look(&news, &mut m.identity, began, cx);
                rules::resting::look(&news, &m.identity, cx);
                m.destinations.flow(f, &m.identity, cx);
                m.scans.flow(f, &m.identity, m.newcomers.settled, cx);
                habit::roll_up(&mut m.habits, &m.identity, &m.site_set, f, cx);
                let around = around!(m, self.config.time_zone);
                m.traffic.flow(f, &around, cx);
            }
            Body::Health(h) => {
                m.habits.covered(h);
                m.watched.covered(h);
                m.clocks.sensor(h, event.received, cx);
                cx.out.push(Effect::Coverage(h.clone()));
            }
            Body::Log(log) => m.clocks.log(event, log, cx),
            // The vault gets a deed at least once; state numbers them in order.
            Body::Audit(audit) if audit.number.is_some_and(|n| n <= m.deed) => {}
            Body::Audit(audit) => {
                m.deed = audit.number.unwrap_or(m.deed);
                m.traffic.deed(&audit.deed, &m.watched);
                match &audit.deed {
                    Deed::AssetState { asset, to, .. } => {
                        m.identity.set_state(*asset, *to, at);
                        rules::unregistered::Newcomers::deed(*asset, *to, &m.identity, cx);
                        rules::resting::deed(*asset, *to, cx);
                    }
                    Deed::AssetEdited { asset, changes } => m.identity.edited(*asset, changes),
                    Deed::AssetEntered { asset, state, macs, ips, ledger } => {
                        m.identity.enter(*asset, *state, macs, ips, cx);
                        if let Some(ledger) = ledger {
                            m.identity.wrote(*asset, ledger);
                        }
                        rules::unregistered::Newcomers::deed(*asset, *state, &m.identity, cx);
                        rules::resting::deed(*asset, *state, cx);
                    }
                    Deed::FindingHandled { key, to, .. } => cx.gather.handled(key, *to == FindingStatus::Closed),
                    Deed::AssetsMerged { gone, stays, .. } => m.identity.merge_by_hand(*gone, *stays, cx),
                    Deed::AssetSplit { from, to, places, state, ledger, .. } => {
                        m.identity.split_by_hand(*from, *to, places, *state, cx);
                        if let Some(ledger) = ledger {
                            m.identity.wrote(*to, ledger);
                        }
                    }
                    // A stretch that was not watched is no silence, however short it was.
                    Deed::NotWatched { .. } => m.watched.gap(),
                    Deed::Started { clock: Some(clock), .. } | Deed::Clock(clock) => m.clocks.own(clock, cx),
                    Deed::ClockJumped { clock_was, clock_is, .. } => m.clocks.jumped(*clock_was, *clock_is, cx),
                    Deed::LogDisputed { witness, dispute, size, theirs } => rules::fork::disputed(witness, *dispute, *size, *theirs, cx),
                    Deed::Dropped { table, from, to, rows, reason } => rules::drops::dropped(*table, *rows, (*from, *to), reason, cx),
                    _ => {}
                }
            }
            // Detection's own words come back with the log and teach nothing.
            Body::Finding(_) => {}
            _ => {}
        }
        m.moves.look(&event.body, &m.identity, cx);
        m.habits.heard(&mut m.identity, &self.rules.habit, Moment { at, id: event.id }, &mut m.gather, out);
    }

    /// Time has passed: `now` is the newest capture or receipt time. Closes hours, notices silence, tells what has waited.
    pub fn advance(&mut self, now: Time, out: &mut Vec<Effect>) {
        let Some(id) = self.memory.cursor else { return };
        self.clock(now);
        let m = &mut self.memory;
        let now = m.now;
        m.newcomers.time(m.began.unwrap_or(now), now, &self.rules.unregistered, &m.identity);
        let around = around!(m, self.config.time_zone);
        m.traffic.time(now, &around);
        let mut turn = habit::Turn {
            identity: &m.identity,
            site: &m.site_set,
            watched: &m.watched,
            rule: &self.rules.habit,
            volume_rule: &self.rules.traffic.volume,
            zone: &self.config.time_zone,
            now: Moment { at: now, id },
            gather: &mut m.gather,
            limit: self.config.limits.findings,
            out,
        };
        m.habits.close_hours(&mut turn);
        m.gather.flush(&self.rules.all(), now, out);
    }

    /// The newest time. One event far ahead moves it; it goes back only when events keep lying behind, so that a single wrong
    /// stamp neither stops the watch for good nor rewinds it.
    fn clock(&mut self, at: Time) {
        let m = &mut self.memory;
        if m.began.is_none() {
            m.began = Some(at);
            m.now = at;
        }
        if at >= m.now {
            m.now = at;
            m.behind = 0;
        } else if at < m.now - Span::hours(1) {
            m.behind += 1;
            if m.behind >= BEHIND_FOR_GOOD {
                m.now = at;
                m.behind = 0;
                m.counters.clock_back += 1;
                m.habits.clock_back(at);
                m.watched.clock_back();
                m.traffic.clock_back();
                m.identity.clock_back(at);
                m.moves.clock_back(at);
                if m.began.is_some_and(|b| b > at) {
                    m.began = Some(at);
                }
            }
        } else {
            m.behind = 0;
        }
    }
}
