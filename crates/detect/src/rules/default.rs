//! A device that opens with what its maker shipped, or with nothing. `wire` compares what is sent with the list
//! (catalogue/data/default-credentials.txt) and passes on only that it stands there. One finding per device and service: a
//! password that worked stays the gravest word until a person closes it.
//!
//! An SNMP community is asked for by everyone on the segment and answered by most printers, so reading with `public` is a matter
//! for the next review; writing with it, or control equipment that answers to it, is not.

use crate::Cx;
use crate::gather::{Settings, Spark};
use crate::identity::Identity;
use crate::rules::{asset_of, is_control, keyed, make_room, shown};
use model::activity::{Head, Login, Outcome, SecretKind, Snmp, SnmpPdu};
use model::asset::Party;
use model::{Fact, Time};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Requests with a default community that wait for their answer.
const MAX_ASKED: usize = 1_024;

/// SNMP requests with a maker's community, by client and server: whether it was to write, and when.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Defaults {
    asked: FxHashMap<(Party, Party), (bool, Time)>,
}

/// What a login is to this rule; none where it is none of its business.
pub fn kind(login: &Login) -> Option<&'static str> {
    if login.anonymous || login.outcome == Outcome::Failure {
        return None;
    }
    let success = login.outcome == Outcome::Success;
    let secret = login.secret?;
    match (secret.default, secret.kind == SecretKind::Empty, success) {
        (true, _, true) => Some("default"),
        (true, _, false) => Some("unsure"),
        (false, true, true) => Some("empty"),
        _ => None,
    }
}

/// An attempt to log in. True where it was told.
pub fn login(head: &Head, login: &Login, identity: &Identity, cx: &mut Cx<'_>) -> bool {
    let Some(kind) = kind(login) else { return false };
    let (Some(client), Some(server)) = (identity.end(head.segment, &head.client), identity.end(head.segment, &head.server)) else {
        return false;
    };
    let rules = cx.rules;
    let s = spark(head, client.party, server.party, kind, kind, &login.user, &rules.default);
    raise(s, client.party, server.party, cx);
    true
}

impl Defaults {
    /// An SNMP message of version 1 or 2c.
    pub fn snmp(&mut self, head: &Head, m: &Snmp, identity: &Identity, cx: &mut Cx<'_>) {
        if !m.community.is_some_and(|c| c.default) {
            return;
        }
        let (Some(client), Some(server)) = (identity.end(head.segment, &head.client), identity.end(head.segment, &head.server)) else {
            return;
        };
        let (client, server) = (client.party, server.party);
        match m.pdu {
            SnmpPdu::Get | SnmpPdu::GetNext | SnmpPdu::GetBulk | SnmpPdu::Set => {
                if !self.asked.contains_key(&(client, server)) {
                    cx.counters.attempts_let_go += make_room(&mut self.asked, MAX_ASKED.min(cx.limits.attempts), |(_, t)| *t);
                }
                self.asked.insert((client, server), (m.pdu == SnmpPdu::Set, head.time));
            }
            // Without the question it could be a trap's acknowledgement; only what was asked for was answered.
            SnmpPdu::Response => {
                let Some((write, _)) = self.asked.remove(&(client, server)) else { return };
                let kind = if write && m.error == 0 { "write" } else { "read" };
                let when = match kind {
                    "read" if is_control(identity, cx.site, server) => "control",
                    kind => kind,
                };
                let rules = cx.rules;
                let s = spark(head, client, server, kind, when, "", &rules.default);
                raise(s, client, server, cx);
            }
            _ => {}
        }
    }
}

fn spark(head: &Head, client: Party, server: Party, kind: &str, when: &str, user: &str, rule: &Settings) -> Spark {
    let named = if user.is_empty() { "no" } else { "yes" };
    let user: String = if user.is_empty() { String::from("–") } else { user.chars().take(64).collect() };
    let mut s = Spark::new(format!("default-credentials/{}/{}", keyed(server), head.protocol), rule.severity(when), kind)
        .fact("device", shown(client))
        .fact("target", shown(server))
        .text("service", head.protocol.name().to_uppercase())
        .text("user", user)
        .text("named", named)
        .fact("time", Fact::Time(head.time));
    s.every = rule.seconds("quiet_s");
    s
}

fn raise(mut s: Spark, client: Party, server: Party, cx: &mut Cx<'_>) {
    s.asset = asset_of(server).or(asset_of(client));
    s.others = [client, server].into_iter().filter_map(asset_of).filter(|a| Some(*a) != s.asset).collect();
    s.events = vec![cx.now.id];
    let rules = cx.rules;
    cx.raise(&rules.default, s);
}
