//! A password that anyone on the way can read. One finding per device and service: it is a property of the device, not an
//! incident. What the maker shipped is [`super::default`]'s matter, and is then not told here as well.

use crate::Cx;
use crate::gather::Spark;
use crate::identity::Identity;
use crate::rules::{asset_of, is_control, keyed, shown};
use model::Fact;
use model::activity::{Head, Login, Outcome};

/// An attempt to log in.
pub fn login(head: &Head, login: &Login, identity: &Identity, cx: &mut Cx<'_>) {
    let (Some(client), Some(server)) = (identity.end(head.segment, &head.client), identity.end(head.segment, &head.server)) else { return };
    if login.outcome == Outcome::Failure || !(login.clear_text || login.anonymous) {
        return;
    }
    let (client, server) = (client.party, server.party);
    let rules = cx.rules;
    let rule = &rules.login;
    let (kind, when) = if login.anonymous {
        ("anonymous", "anonymous")
    } else if login.secret.is_none() {
        return;
    } else if is_control(identity, cx.site, server) {
        ("clear", "control")
    } else {
        ("clear", "clear")
    };
    let named = if login.user.is_empty() { "no" } else { "yes" };
    let user = if login.user.is_empty() { String::from("–") } else { login.user.chars().take(64).collect() };
    let outcome = match login.outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Unknown => "unknown",
    };
    let mut s = Spark::new(format!("clear-login/{}/{}", keyed(server), head.protocol), rule.severity(when), kind)
        .fact("device", shown(client))
        .fact("target", shown(server))
        .text("service", head.protocol.name().to_uppercase())
        .text("user", user)
        .text("named", named)
        .text("outcome", outcome)
        .fact("time", Fact::Time(head.time));
    s.every = rule.seconds("quiet_s");
    s.asset = asset_of(server).or(asset_of(client));
    s.others = [client, server].into_iter().filter_map(asset_of).filter(|a| Some(*a) != s.asset).collect();
    s.events = vec![cx.now.id];
    cx.raise(rule, s);
}
