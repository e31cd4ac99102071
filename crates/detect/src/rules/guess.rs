//! Failed logins per client, server and service. The same wrong secret again and again is a device with an old password, not
//! a guesser. A success soon after is the gravest thing that this rule can say.
//!
//! Two services have no logins that can be read. An SNMP agent does not answer a wrong community at all (RFC 3584, 5.2.1), so
//! what counts is how many different ones one client sent without an answer; a version 3 agent reports wrong users and digests
//! (RFC 3414, 3.2). RDP decides inside its encryption, so only the number of conversations can be seen.

use crate::Cx;
use crate::gather::{MAX_EVENTS, Spark};
use crate::identity::Identity;
use crate::rules::{asset_of, keyed, make_room, shown};
use model::activity::{Head, Login, Outcome, Rdp, Snmp, SnmpPdu};
use model::asset::Party;
use model::{EventId, Fact, FlowId, Protocol, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const MAX_USERS: usize = 12;
const MAX_SECRETS: usize = 32;
const MAX_SPRAYED: usize = 256;
const MAX_CONVERSATIONS: usize = 64;
/// usmStatsUnknownUserNames and usmStatsWrongDigests (RFC 3414, 5).
const REFUSED: [&str; 2] = ["1.3.6.1.6.3.15.1.1.3", "1.3.6.1.6.3.15.1.1.5"];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tries {
    start: Time,
    last: Time,
    failures: u64,
    /// Of all windows since the guessing began, for the success after it.
    total: u64,
    users: BTreeSet<String>,
    secrets: BTreeSet<u64>,
    unread: bool,
    fired: Option<Time>,
    events: Vec<EventId>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Spray {
    start: Time,
    last: Time,
    hosts: BTreeMap<Party, u64>,
    users: BTreeSet<String>,
    events: Vec<EventId>,
    fired: Option<Time>,
}

/// SNMP communities that a client tried at an agent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Communities {
    start: Time,
    last: Time,
    waiting: BTreeSet<u64>,
    answered: BTreeSet<u64>,
    fired: Option<Time>,
    events: Vec<EventId>,
}

/// Conversations whose outcome cannot be seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sealed {
    start: Time,
    last: Time,
    flows: BTreeSet<FlowId>,
    users: BTreeSet<String>,
    events: Vec<EventId>,
}

/// Failed logins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Guesses {
    tries: FxHashMap<(Party, Party, Protocol), Tries>,
    sprays: FxHashMap<(Party, Protocol), Spray>,
    communities: FxHashMap<(Party, Party), Communities>,
    sealed: FxHashMap<(Party, Party), Sealed>,
}

fn parties(head: &Head, identity: &Identity) -> Option<(Party, Party)> {
    let (client, server) = (identity.end(head.segment, &head.client)?.party, identity.end(head.segment, &head.server)?.party);
    (client != server).then_some((client, server))
}

fn user_list(users: &BTreeSet<String>) -> Fact {
    Fact::List(if users.is_empty() { vec![String::from("–")] } else { users.iter().cloned().collect() })
}

impl Guesses {
    /// An attempt to log in.
    pub fn login(&mut self, head: &Head, login: &Login, identity: &Identity, cx: &mut Cx<'_>) {
        let Some((client, server)) = parties(head, identity).filter(|_| !login.anonymous) else { return };
        let key = (client, server, head.protocol);
        let at = head.time;
        match login.outcome {
            Outcome::Failure => self.failure(key, login, at, cx),
            Outcome::Success => self.success(key, login, at, cx),
            Outcome::Unknown => {}
        }
    }

    /// An SNMP message.
    pub fn snmp(&mut self, head: &Head, m: &Snmp, identity: &Identity, cx: &mut Cx<'_>) {
        let Some((client, server)) = parties(head, identity) else { return };
        let (at, key) = (head.time, (client, server, Protocol::Snmp));
        if m.pdu == SnmpPdu::Report && m.bindings.iter().any(|(oid, _)| REFUSED.iter().any(|r| oid.trim_start_matches('.').starts_with(r)))
        {
            self.failure(key, &Login { user: m.user.clone(), outcome: Outcome::Failure, ..Login::default() }, at, cx);
            return;
        }
        let Some(community) = m.community.map(|c| c.fingerprint) else { return };
        let rules = cx.rules;
        let rule = &rules.guess;
        if !self.communities.contains_key(&(client, server)) {
            cx.counters.attempts_let_go += make_room(&mut self.communities, cx.limits.attempts, |t| t.last);
        }
        let window = rule.seconds("window_s");
        let c = self.communities.entry((client, server)).or_insert_with(|| Communities { start: at, ..Communities::default() });
        if at >= c.start + window || at < c.start - window {
            let fired = c.fired.filter(|f| at <= *f + rule.seconds("after_s") && at >= *f);
            *c = Communities { start: at, fired, answered: std::mem::take(&mut c.answered), ..Communities::default() };
        }
        c.last = at;
        match m.pdu {
            SnmpPdu::Get | SnmpPdu::GetNext | SnmpPdu::GetBulk | SnmpPdu::Set => {
                let fresh = !c.answered.contains(&community) && c.waiting.len() < MAX_SECRETS && c.waiting.insert(community);
                if !fresh {
                    return;
                }
                if c.events.len() < MAX_EVENTS {
                    c.events.push(cx.now.id);
                }
                let failures = c.waiting.len() as u64;
                if c.waiting.len() > rule.count("failures") {
                    // The newest may still be answered.
                    c.fired = Some(at);
                    let mut s = spark(key, rule, "guess", "guess", at, failures, 1, &BTreeSet::new());
                    s.happened = if c.waiting.len() == rule.count("failures") + 1 { failures } else { 1 };
                    s.events = std::mem::take(&mut c.events);
                    cx.raise(rule, s);
                }
            }
            SnmpPdu::Response => {
                let tried = c.waiting.remove(&community);
                if c.answered.len() < MAX_SECRETS {
                    c.answered.insert(community);
                }
                if tried && c.fired.is_some_and(|f| at >= f && at <= f + rule.seconds("after_s")) {
                    let mut s = spark(key, rule, "success", "success", at, c.waiting.len() as u64, 1, &BTreeSet::new());
                    s.events = vec![cx.now.id];
                    s.worse = true;
                    c.fired = None;
                    cx.raise(rule, s);
                }
            }
            _ => {}
        }
    }

    /// A Remote Desktop conversation began.
    pub fn rdp(&mut self, head: &Head, m: &Rdp, identity: &Identity, cx: &mut Cx<'_>) {
        let Some((client, server)) = parties(head, identity) else { return };
        let (at, key) = (head.time, (client, server, Protocol::Rdp));
        let rules = cx.rules;
        let rule = &rules.guess;
        if !self.sealed.contains_key(&(client, server)) {
            cx.counters.attempts_let_go += make_room(&mut self.sealed, cx.limits.attempts, |t| t.last);
        }
        let window = rule.seconds("window_s");
        let c = self.sealed.entry((client, server)).or_insert_with(|| Sealed { start: at, ..Sealed::default() });
        if at >= c.start + window || at < c.start - window {
            *c = Sealed { start: at, ..Sealed::default() };
        }
        c.last = at;
        let user: String = m.cookie.chars().take(64).collect();
        if !user.is_empty() && c.users.len() < MAX_USERS {
            c.users.insert(user);
        }
        if c.flows.len() >= MAX_CONVERSATIONS || !c.flows.insert(head.flow) {
            return;
        }
        if c.events.len() < MAX_EVENTS {
            c.events.push(cx.now.id);
        }
        let needed = rule.count("conversations");
        if c.flows.len() >= needed {
            let mut s = spark(key, rule, "sealed", "sealed", at, c.flows.len() as u64, 1, &c.users);
            s.happened = if c.flows.len() == needed { c.flows.len() as u64 } else { 1 };
            s.events = std::mem::take(&mut c.events);
            cx.raise(rule, s);
        }
    }

    fn failure(&mut self, key: (Party, Party, Protocol), login: &Login, at: Time, cx: &mut Cx<'_>) {
        let rules = cx.rules;
        let rule = &rules.guess;
        let window = rule.seconds("window_s");
        let user: String = login.user.chars().take(64).collect();
        if !self.tries.contains_key(&key) {
            cx.counters.attempts_let_go += make_room(&mut self.tries, cx.limits.attempts, |t| t.last);
        }
        let t = self.tries.entry(key).or_insert_with(|| Tries { start: at, ..Tries::default() });
        if at >= t.start + window || at < t.start - window {
            let forget = t.fired.is_none_or(|f| at > f + rule.seconds("after_s") || at < f);
            let total = if forget { 0 } else { t.total };
            let fired = if forget { None } else { t.fired };
            *t = Tries { start: at, total, fired, ..Tries::default() };
        }
        t.last = at;
        t.failures += 1;
        t.total += 1;
        if !user.is_empty() && t.users.len() < MAX_USERS {
            t.users.insert(user.clone());
        }
        match &login.secret {
            Some(s) if t.secrets.len() < MAX_SECRETS => {
                t.secrets.insert(s.fingerprint);
            }
            Some(_) => {}
            None => t.unread = true,
        }
        if t.events.len() < MAX_EVENTS {
            t.events.push(cx.now.id);
        }
        if t.failures >= rule.number("failures").unsigned_abs() {
            t.fired = Some(at);
            let stale = !t.unread && t.secrets.len() == 1 && t.users.len() <= 1;
            let kind = if stale { "stale" } else { "guess" };
            let mut s = spark(key, rule, kind, kind, at, t.failures, 1, &t.users);
            s.happened = if t.failures == rule.number("failures").unsigned_abs() { t.failures } else { 1 };
            s.events = std::mem::take(&mut t.events);
            cx.raise(rule, s);
        }
        let (client, server, protocol) = key;
        if !self.sprays.contains_key(&(client, protocol)) {
            cx.counters.attempts_let_go += make_room(&mut self.sprays, cx.limits.attempts, |t| t.last);
        }
        let y = self.sprays.entry((client, protocol)).or_insert_with(|| Spray { start: at, ..Spray::default() });
        if at >= y.start + window || at < y.start - window {
            let fired = y.fired.filter(|f| at <= *f + rule.seconds("after_s") && at >= *f);
            *y = Spray { start: at, fired, ..Spray::default() };
        }
        y.last = at;
        if y.hosts.len() < MAX_SPRAYED || y.hosts.contains_key(&server) {
            *y.hosts.entry(server).or_default() += 1;
        }
        if !user.is_empty() && y.users.len() < MAX_USERS {
            y.users.insert(user);
        }
        if y.events.len() < MAX_EVENTS {
            y.events.push(cx.now.id);
        }
        if y.hosts.len() >= rule.count("spray_hosts") {
            y.fired = Some(at);
            let mut s = spark(key, rule, "spray", "spray", at, y.hosts.values().sum(), y.hosts.len() as u64, &y.users);
            s.key = format!("password-guessing/{}/spray/{protocol}", keyed(client));
            s.others = y.hosts.keys().filter_map(|p| asset_of(*p)).take(64).collect();
            s.events = std::mem::take(&mut y.events);
            cx.raise(rule, s);
        }
    }

    fn success(&mut self, key: (Party, Party, Protocol), login: &Login, at: Time, cx: &mut Cx<'_>) {
        let rules = cx.rules;
        let rule = &rules.guess;
        let (client, server, protocol) = key;
        let soon = |fired: Option<Time>| fired.is_some_and(|f| at >= f && at <= f + rule.seconds("after_s"));
        let user: BTreeSet<String> = [login.user.chars().take(64).collect::<String>()].into_iter().filter(|u| !u.is_empty()).collect();
        let sprayed = self.sprays.get(&(client, protocol)).filter(|y| soon(y.fired) && y.hosts.contains_key(&server));
        let mut hit = None;
        if let Some(t) = self.tries.get_mut(&key) {
            if soon(t.fired) {
                hit = Some((t.total, std::mem::take(&mut t.events)));
            }
            // Somebody who mistyped twice and then got it right starts afresh.
            *t = Tries { start: at, last: at, ..Tries::default() };
        }
        if hit.is_none() {
            hit = sprayed.map(|y| (y.hosts.get(&server).copied().unwrap_or(1), vec![]));
        }
        let Some((failures, mut events)) = hit else { return };
        let mut s = spark(key, rule, "success", "success", at, failures, 1, &user);
        events.truncate(MAX_EVENTS - 1);
        events.push(cx.now.id);
        s.events = events;
        s.worse = true;
        cx.raise(rule, s);
    }
}

#[allow(clippy::too_many_arguments)]
fn spark(
    (client, server, protocol): (Party, Party, Protocol),
    rule: &crate::gather::Settings,
    kind: &str,
    when: &str,
    at: Time,
    failures: u64,
    hosts: u64,
    users: &BTreeSet<String>,
) -> Spark {
    let key = format!("password-guessing/{}/{}/{protocol}", keyed(client), keyed(server));
    let mut s = Spark::new(key, rule.severity(when), kind)
        .fact("device", shown(client))
        .fact("target", shown(server))
        .text("service", protocol.name().to_uppercase())
        .fact("failures", Fact::Count(failures))
        .fact("hosts", Fact::Count(hosts))
        .fact("users", user_list(users))
        .text("named", if users.is_empty() { "no" } else { "yes" })
        .fact("window", Fact::Span(rule.seconds("window_s")))
        .fact("time", Fact::Time(at));
    s.asset = asset_of(client).or(asset_of(server));
    s.others = [client, server].into_iter().filter_map(asset_of).filter(|a| Some(*a) != s.asset).collect();
    s
}
