//! Encryption that no longer protects, and certificates that ran out or soon will, at servers of our own. It is the state of a
//! device and not an incident, so it is told once a day at most, one finding per server and trouble; a certificate that was
//! renewed ends it. Versions: RFC 6176 (SSL 2), RFC 7568 (SSL 3), RFC 8996 (TLS 1.0 and 1.1). Keys below 2048 bits and
//! signatures by MD5 or SHA-1: CRYPTREC, and NIST SP 800-131A revision 2.

use crate::Cx;
use crate::gather::{Settings, Spark};
use crate::identity::Identity;
use crate::rules::{is_control, keyed, shown};
use model::activity::{Certificate, Head, Tls};
use model::asset::Party;
use model::{AssetId, Fact, Span, Time};

/// The largest field of an elliptic curve in use (P-521), below which a key length is read as a curve's. RSA keys that short are
/// known by their signature where they signed themselves, and are otherwise taken for curves.
const MAX_CURVE: u16 = 571;
const SHORTEST_RSA: u16 = 2048;

fn version(v: u16) -> String {
    match v {
        0x0002 => "SSL 2.0".into(),
        0x0300 => "SSL 3.0".into(),
        0x0301..=0x0304 => format!("TLS 1.{}", v - 0x0301),
        other => format!("{other:#06x}"),
    }
}

/// Why a key or signature is weak, in a word or two; none where it is not.
fn weakness(c: &Certificate) -> Option<String> {
    let signature = c.signature.to_ascii_lowercase();
    let rsa = c.key_bits > MAX_CURVE || (c.self_signed && signature.contains("rsa"));
    if c.key_bits > 0 && rsa && c.key_bits < SHORTEST_RSA {
        return Some(format!("RSA {} bit", c.key_bits));
    }
    ["md5", "md2", "sha1"].into_iter().find(|w| signature.contains(w)).map(|w| w.to_ascii_uppercase().replace("SHA1", "SHA-1"))
}

/// A handshake.
pub fn tls(head: &Head, t: &Tls, identity: &Identity, cx: &mut Cx<'_>) {
    if !t.answered {
        return;
    }
    let (Some(client), Some(server)) = (identity.end(head.segment, &head.client), identity.end(head.segment, &head.server)) else { return };
    let rules = cx.rules;
    let rule = &rules.encryption;
    let port = head.server.port.unwrap_or(0);
    let about = |kind: &str, when: &str, party: Party| {
        let mut s = Spark::new(format!("old-encryption/{}/{port}/{kind}", keyed(party)), rule.severity(when), kind)
            .fact("device", shown(server.party))
            .fact("client", shown(client.party))
            .text("service", port.to_string())
            .text("version", version(t.version))
            .text("subject", "–")
            .text("weakness", "–")
            .fact("until", Fact::Time(Time::default()))
            .fact("days", Fact::Count(0))
            .fact("time", Fact::Time(head.time));
        s.every = rule.seconds("quiet_s");
        s
    };
    let old = (1..0x0303).contains(&t.version);
    let Party::Asset(id) = server.party else {
        // Not ours to mend, but our device still talks that way.
        if let (true, Party::Asset(ours)) = (old, client.party) {
            raise(about("outside", "outside", client.party), ours, None, rule, cx);
        }
        return;
    };
    if old {
        let when = if t.version <= 0x0300 { "ssl" } else { "old" };
        raise(about("old", when, server.party), id, Some(client.party), rule, cx);
    }
    let Some(leaf) = t.certificates.first() else { return };
    let at = head.time;
    let soon = Span::days(rule.number("soon_d").min(36_500));
    let subject: String = leaf.subject.chars().take(128).collect();
    let left = leaf.not_after.since(at);
    let days = left.as_seconds().unsigned_abs() / 86_400;
    let runs_out = if at > leaf.not_after {
        Some("expired")
    } else if left <= soon {
        Some("expiring")
    } else {
        None
    };
    for kind in ["expired", "expiring"] {
        if runs_out == Some(kind) {
            let when = if is_control(identity, cx.site, server.party) { "control" } else { kind };
            let s = about(kind, when, server.party)
                .text("subject", subject.clone())
                .fact("until", Fact::Time(leaf.not_after))
                .fact("days", Fact::Count(days));
            raise(s, id, Some(client.party), rule, cx);
        } else {
            cx.gather.cease(rule, &format!("old-encryption/{}/{port}/{kind}", keyed(server.party)), cx.now, cx.out);
        }
    }
    match weakness(leaf) {
        Some(weakness) => {
            let s = about("weak", "weak", server.party)
                .text("subject", subject)
                .text("weakness", weakness)
                .fact("until", Fact::Time(leaf.not_after));
            raise(s, id, Some(client.party), rule, cx);
        }
        None => cx.gather.cease(rule, &format!("old-encryption/{}/{port}/weak", keyed(server.party)), cx.now, cx.out),
    }
}

fn raise(mut s: Spark, id: AssetId, other: Option<Party>, rule: &Settings, cx: &mut Cx<'_>) {
    s.asset = Some(id);
    s.others = other.and_then(super::asset_of).filter(|o| *o != id).into_iter().collect();
    s.events = vec![cx.now.id];
    cx.raise(rule, s);
}
