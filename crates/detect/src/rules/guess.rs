//! Failed logins per client, server and service. The same wrong secret again and again is a device with an old password, not
//! a guesser. A success soon after is the gravest thing that this rule can say.

use crate::Cx;
use crate::gather::{MAX_EVENTS, Spark};
use crate::identity::Identity;
use crate::rules::{asset_of, keyed, make_room, shown};
use model::activity::{Head, Login, Outcome};
use model::asset::Party;
use model::{EventId, Fact, Protocol, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const MAX_USERS: usize = 12;
const MAX_SECRETS: usize = 32;
const MAX_SPRAYED: usize = 256;

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

/// Failed logins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Guesses {
    tries: FxHashMap<(Party, Party, Protocol), Tries>,
    sprays: FxHashMap<(Party, Protocol), Spray>,
}

fn user_list(users: &BTreeSet<String>) -> Fact {
    Fact::List(if users.is_empty() { vec![String::from("–")] } else { users.iter().cloned().collect() })
}

impl Guesses {
    /// An attempt to log in.
    pub fn login(&mut self, head: &Head, login: &Login, identity: &Identity, cx: &mut Cx<'_>) {
        let (Some(client), Some(server)) = (identity.end(head.segment, &head.client), identity.end(head.segment, &head.server)) else {
            return;
        };
        if login.anonymous || client.party == server.party {
            return;
        }
        let (client, server) = (client.party, server.party);
        let key = (client, server, head.protocol);
        let at = head.time;
        match login.outcome {
            Outcome::Failure => self.failure(key, login, at, cx),
            Outcome::Success => self.success(key, login, at, cx),
            Outcome::Unknown => {}
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
        .fact("window", Fact::Span(rule.seconds("window_s")))
        .fact("time", Fact::Time(at));
    s.asset = asset_of(client).or(asset_of(server));
    s.others = [client, server].into_iter().filter_map(asset_of).filter(|a| Some(*a) != s.asset).collect();
    s
}
