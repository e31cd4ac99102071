//! Repeats gather: one finding per key, told at once the first time and when it grows worse, otherwise at most once in a while
//! with the number of happenings since. A finding never sinks to a milder severity by itself; a person closes it.

use crate::Effect;
use catalogue::{Catalogue, Rule};
use model::finding::Step;
use model::{AssetId, EventId, Fact, FindingChange, FindingId, Severity, Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Events that one step names at most; `happened` counts all (model::finding).
pub const MAX_EVENTS: usize = 64;
/// A step is told at most this often per key.
pub const EVERY: Span = Span::minutes(1);

/// What a detector needs of its rule.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    id: String,
    revision: u32,
    severity: Option<Severity>,
    escalations: BTreeMap<String, Severity>,
    parameters: BTreeMap<String, i64>,
}

impl Settings {
    pub fn of(catalogue: &Catalogue, id: &str) -> Settings {
        catalogue.rule(id).map(Settings::from_rule).unwrap_or_default()
    }
    fn from_rule(rule: &Rule) -> Settings {
        Settings {
            id: rule.id.clone(),
            revision: rule.revision,
            severity: Some(rule.severity),
            escalations: rule.escalations.iter().map(|e| (e.when.clone(), e.severity)).collect(),
            parameters: rule.parameters.iter().map(|p| (p.name.clone(), p.value)).collect(),
        }
    }
    /// Absent rules are switched off.
    pub fn on(&self) -> bool {
        self.severity.is_some()
    }
    pub fn severity(&self, when: &str) -> Severity {
        self.escalations.get(when).copied().or(self.severity).unwrap_or(Severity::Record)
    }
    pub fn number(&self, name: &str) -> i64 {
        self.parameters.get(name).copied().unwrap_or(i64::MAX)
    }
    pub fn count(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(usize::MAX)
    }
    pub fn seconds(&self, name: &str) -> Span {
        Span::seconds(self.number(name))
    }
}

/// What happened, as a detector tells it.
#[derive(Clone, Debug)]
pub struct Spark {
    pub key: String,
    pub severity: Severity,
    /// It is worse than before even if the severity is the same.
    pub worse: bool,
    pub asset: Option<AssetId>,
    pub others: Vec<AssetId>,
    pub events: Vec<EventId>,
    pub happened: u64,
    pub every: Span,
    pub facts: BTreeMap<String, Fact>,
}

impl Spark {
    pub fn new(key: String, severity: Severity, kind: &str) -> Spark {
        let mut facts = BTreeMap::new();
        facts.insert(String::from("kind"), Fact::Text(kind.into()));
        Spark { key, severity, worse: false, asset: None, others: vec![], events: vec![], happened: 1, every: EVERY, facts }
    }
    pub fn fact(mut self, name: &str, fact: Fact) -> Spark {
        self.facts.insert(name.into(), fact);
        self
    }
    pub fn text(self, name: &str, text: impl Into<String>) -> Spark {
        self.fact(name, Fact::Text(text.into()))
    }
}

/// When and by which event.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub at: Time,
    pub id: EventId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    id: FindingId,
    rule: String,
    told: Time,
    every: Span,
    severity: Severity,
    closed: bool,
    ceased: bool,
    asset: Option<AssetId>,
    others: Vec<AssetId>,
    facts: BTreeMap<String, Fact>,
    pending: u64,
    restate: bool,
    events: Vec<EventId>,
    last: Time,
    because: EventId,
}

/// Findings by key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gather {
    entries: BTreeMap<String, Entry>,
    pending: usize,
    pub let_go: u64,
}

impl Gather {
    /// Tells a happening, now or with the next ones.
    pub fn raise(&mut self, rule: &Settings, spark: Spark, now: Moment, limit: usize, out: &mut Vec<Effect>) {
        if !rule.on() {
            return;
        }
        let Some(entry) = self.entries.get_mut(&spark.key) else {
            self.make_room(limit, out, rule);
            let id = FindingId::derived(now.at, now.id, spark.key.as_bytes());
            let mut entry = Entry {
                id,
                rule: rule.id.clone(),
                told: now.at,
                every: spark.every,
                severity: spark.severity,
                closed: false,
                ceased: false,
                asset: spark.asset,
                others: spark.others,
                facts: spark.facts,
                pending: spark.happened,
                restate: false,
                events: spark.events,
                last: now.at,
                because: now.id,
            };
            entry.events.truncate(MAX_EVENTS);
            out.push(entry.tell(&spark.key, rule, Step::Happened));
            self.entries.insert(spark.key, entry);
            return;
        };
        let was_pending = entry.pending > 0 || entry.restate;
        // Severity is ordered with Today first.
        let graver = spark.severity < entry.severity;
        let reopened = entry.closed;
        if spark.severity <= entry.severity || entry.closed {
            entry.severity = spark.severity;
            entry.facts = spark.facts;
            entry.asset = spark.asset.or(entry.asset);
            for o in spark.others {
                if !entry.others.contains(&o) && entry.others.len() < MAX_EVENTS {
                    entry.others.push(o);
                }
            }
        }
        entry.pending = entry.pending.saturating_add(spark.happened);
        entry.events.extend(spark.events);
        entry.events.truncate(MAX_EVENTS);
        entry.last = now.at;
        entry.because = now.id;
        entry.closed = false;
        entry.every = spark.every;
        let due = entry.due(now.at) || entry.ceased;
        if graver || reopened || spark.worse || due {
            entry.told = now.at;
            entry.ceased = false;
            let step = if graver || reopened || spark.worse { Step::Changed } else { Step::Happened };
            out.push(entry.tell(&spark.key, rule, step));
            self.pending -= usize::from(was_pending);
        } else {
            self.pending += usize::from(!was_pending);
        }
    }

    /// New values for the wording of a finding that is already told, without a new happening.
    pub fn restate(&mut self, key: &str, change: impl FnOnce(&mut BTreeMap<String, Fact>)) {
        if let Some(entry) = self.entries.get_mut(key) {
            let before = entry.facts.clone();
            change(&mut entry.facts);
            if before != entry.facts {
                self.pending += usize::from(entry.pending == 0 && !entry.restate);
                entry.restate = true;
            }
        }
    }

    /// It is over.
    pub fn cease(&mut self, rule: &Settings, key: &str, now: Moment, out: &mut Vec<Effect>) {
        if let Some(entry) = self.entries.get_mut(key)
            && !entry.ceased
        {
            self.pending -= usize::from(entry.pending > 0 || entry.restate);
            entry.ceased = true;
            entry.told = now.at;
            entry.last = now.at;
            entry.because = now.id;
            entry.events.push(now.id);
            out.push(entry.tell(key, rule, Step::Ceased));
        }
    }

    /// Whether a finding of this key is told and not over.
    pub fn is_open(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|e| !e.ceased && !e.closed)
    }

    /// A person closed it: the next happening is told as a change.
    pub fn handled(&mut self, key: &str, closed: bool) {
        if let Some(e) = self.entries.get_mut(key) {
            e.closed = closed;
        }
    }

    /// Tells what has waited long enough.
    pub fn flush(&mut self, rules: &[&Settings], now: Time, out: &mut Vec<Effect>) {
        if self.pending == 0 {
            return;
        }
        for (key, entry) in &mut self.entries {
            let waiting = entry.pending > 0 || entry.restate;
            if waiting
                && entry.due(now)
                && let Some(rule) = rules.iter().find(|r| r.id == entry.rule)
            {
                entry.told = now;
                out.push(entry.tell(key, rule, Step::Happened));
                self.pending -= 1;
            }
        }
    }

    fn make_room(&mut self, limit: usize, out: &mut Vec<Effect>, rule: &Settings) {
        if self.entries.len() < limit.max(8) {
            return;
        }
        let mut by_age: Vec<(Time, String)> = self.entries.iter().map(|(k, e)| (e.last, k.clone())).collect();
        by_age.sort_unstable();
        for (_, key) in by_age.into_iter().take(limit.max(8) / 8) {
            if let Some(mut e) = self.entries.remove(&key) {
                if e.pending > 0 || e.restate {
                    self.pending -= 1;
                    if e.rule == rule.id {
                        out.push(e.tell(&key, rule, Step::Happened));
                    }
                }
                self.let_go += 1;
            }
        }
    }
}

impl Entry {
    /// Long enough ago, or the clock went back.
    fn due(&self, now: Time) -> bool {
        now >= self.told + self.every || now < self.told - self.every
    }

    fn tell(&mut self, key: &str, rule: &Settings, step: Step) -> Effect {
        self.restate = false;
        let mut events = std::mem::take(&mut self.events);
        if events.is_empty() {
            events.push(self.because);
        }
        events.dedup();
        events.truncate(MAX_EVENTS);
        Effect::Finding(FindingChange {
            id: self.id,
            key: key.to_owned(),
            rule: rule.id.clone(),
            revision: rule.revision,
            parameters: rule.parameters.iter().map(|(k, v)| (k.clone(), Fact::Count(u64::try_from(*v).unwrap_or(0)))).collect(),
            severity: self.severity,
            step,
            at: self.last,
            because: self.because,
            events,
            happened: std::mem::take(&mut self.pending),
            asset: self.asset,
            others: self.others.clone(),
            facts: self.facts.clone(),
        })
    }
}
