//! Kerberos (RFC 4120) over UDP and TCP: who asks the key distribution centre for tickets to which services, and what it refuses.
//!
//! What can be said of log-ins: a client proves that it knows its key by pre-authentication (5.2.7), so an AS-REP to a request with such
//! a proof is a log-in that **worked**; the errors 24 (the proof was wrong) and 6 (no such name), 18 (account revoked) and 23
//! (password expired) are log-ins that **failed**. Error 25 only asks for the proof and is part of every log-in. An AS-REP to a request
//! without proof tells nothing about who asked, and is told as no log-in.
//!
//! Messages are DER with few levels, which are read one by one, each within the one around it. Tickets and keys are never looked into.

use super::ber::{Reader, Start, start};
use super::{be32, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Kerberos, Login, Outcome, Protocol};

/// Kerberos.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Kerberos, tcp: true, udp: true, ports: &[88], probe, start: || Box::<KerberosParser>::default() };

/// Bytes kept of a realm or name.
pub const MAX_NAME: usize = 256;
/// Parts of a name that are joined.
const MAX_PARTS: usize = 8;
/// Bytes of a message that are waited for; the rest is passed over.
const MAX_MESSAGE: usize = 12 * 1024;
/// A message said to be longer than this is none.
const MAX_LENGTH: usize = 1 << 20;

const AS_REQ: u8 = 10;
const AS_REP: u8 = 11;
const TGS_REQ: u8 = 12;
const TGS_REP: u8 = 13;
const AP_REQ: u8 = 14;
const AP_REP: u8 = 15;
const ERROR: u8 = 30;
/// Kinds of pre-authentication that prove knowledge of a key: encrypted timestamp, public key (old and new), encrypted challenge.
const PROOFS: [i32; 4] = [2, 14, 16, 138];

/// Forgets everything, keeping the memory.
fn clear(out: &mut Kerberos) {
    let Kerberos { message, realm, client, service, error, etype, preauth } = out;
    for s in [realm, client, service] {
        s.clear();
    }
    (*message, *error, *etype, *preauth) = (0, None, None, false);
}

/// Message type and whole length, where a message begins with its two constants: version 5 and its own type (5.4.1, 5.4.2, 5.9.1).
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let Start::Element(tag, head, length) = start(bytes) else { return None };
    let kind = tag.checked_sub(0x60)?;
    if !matches!(kind, AS_REQ..=AP_REP | ERROR) || length > MAX_LENGTH {
        return None;
    }
    let Start::Element(0x30, inner, _) = start(bytes.get(head..)?) else { return None };
    let first = bytes.get(head + inner..)?;
    // Requests to the centre begin at [1], everything else at [0].
    let at = if matches!(kind, AS_REQ | TGS_REQ) { 0xa1 } else { 0xa0 };
    (first.get(..10)? == [at, 3, 2, 1, 5, at + 1, 3, 2, 1, kind]).then_some((kind, head + length))
}

/// Reads a message that is there as far as `bytes` go, alone or inside SPNEGO or LDAP. False where it is none.
pub fn read(bytes: &[u8], out: &mut Kerberos) -> bool {
    clear(out);
    let Some((kind, _)) = header(bytes) else { return false };
    out.message = kind;
    let _ = fields(kind, bytes, out);
    true
}

/// Where a message for a service (AP-REQ, AP-REP or an error) begins in a GSS-API token (RFC 4121, 4.1), of which the first 4 KiB are searched.
pub fn find(blob: &[u8]) -> Option<&[u8]> {
    let window = blob.get(..4096).unwrap_or(blob);
    let mut from = 0;
    while let Some(n) = window.get(from..)?.iter().position(|b| matches!(b, 0x6e | 0x6f | 0x7e)) {
        let rest = blob.get(from + n..)?;
        if header(rest).is_some() {
            return Some(rest);
        }
        from += n + 1;
    }
    None
}

fn fields(kind: u8, bytes: &[u8], out: &mut Kerberos) -> Option<()> {
    let (_, content) = Reader(bytes).element_cut()?;
    let mut message = Reader(content).expect_cut(0x30)?;
    while let Some((tag, content)) = message.element_cut() {
        let mut r = Reader(content);
        match (kind, tag) {
            (AS_REQ | TGS_REQ, 0xa3) => out.preauth = proven(&mut r),
            (AS_REQ | TGS_REQ, 0xa4) => {
                let _ = body(&mut r.expect_cut(0x30)?, out);
            }
            (AS_REP | TGS_REP, 0xa3) => string(&mut out.realm, &mut r),
            (AS_REP | TGS_REP, 0xa4) => name(&mut out.client, &mut r),
            (AS_REP | TGS_REP, 0xa5) | (AP_REQ, 0xa3) => {
                let _ = ticket(&mut r, out);
            }
            (ERROR, 0xa6) => out.error = r.int(2),
            (ERROR, 0xa8) => name(&mut out.client, &mut r),
            (ERROR, 0xa9) => string(&mut out.realm, &mut r),
            (ERROR, 0xaa) => name(&mut out.service, &mut r),
            _ => {}
        }
    }
    Some(())
}

/// Whether the pre-authentication data holds a proof.
fn proven(r: &mut Reader<'_>) -> bool {
    let Some(mut list) = r.expect_cut(0x30) else { return false };
    while let Some(mut entry) = list.expect_cut(0x30) {
        if let Some(kind) = entry.expect_cut(0xa1).and_then(|mut k| k.int(2))
            && PROOFS.contains(&kind)
        {
            return true;
        }
    }
    false
}

/// KDC-REQ-BODY (5.4.1).
fn body(r: &mut Reader<'_>, out: &mut Kerberos) -> Option<()> {
    while let Some((tag, content)) = r.element_cut() {
        let mut r = Reader(content);
        match tag {
            0xa1 => name(&mut out.client, &mut r),
            0xa2 => string(&mut out.realm, &mut r),
            0xa3 => name(&mut out.service, &mut r),
            0xa8 => {
                out.etype = r.expect_cut(0x30)?.int(2);
                return Some(());
            }
            _ => {}
        }
    }
    None
}

/// Realm, service and encryption of a ticket (5.3).
fn ticket(r: &mut Reader<'_>, out: &mut Kerberos) -> Option<()> {
    let mut fields = r.expect_cut(0x61)?.expect_cut(0x30)?;
    while let Some((tag, content)) = fields.element_cut() {
        let mut r = Reader(content);
        match tag {
            0xa1 if out.realm.is_empty() => string(&mut out.realm, &mut r),
            0xa2 => name(&mut out.service, &mut r),
            0xa3 => out.etype = r.expect_cut(0x30)?.expect_cut(0xa0)?.int(2),
            _ => {}
        }
    }
    Some(())
}

/// A GeneralString; what is not UTF-8 is escaped.
fn string(out: &mut String, r: &mut Reader<'_>) {
    text::set(out, r.expect(0x1b).map_or(&[], |s| s.0), MAX_NAME);
}

/// A PrincipalName (5.2.2) as its parts with slashes between them.
fn name(out: &mut String, r: &mut Reader<'_>) {
    out.clear();
    let Some(mut fields) = r.expect_cut(0x30) else { return };
    fields.expect(0xa0);
    let Some(mut parts) = fields.expect_cut(0xa1).and_then(|mut p| p.expect_cut(0x30)) else { return };
    for i in 0..MAX_PARTS {
        let Some(part) = parts.expect(0x1b) else { return };
        if i > 0 {
            text::push(out, b"/", MAX_NAME);
        }
        text::push(out, part.0, MAX_NAME);
    }
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut best = Verdict::No;
    for bytes in [i.up, i.down] {
        if bytes.is_empty() {
            continue;
        }
        let verdict = if i.datagram {
            match header(bytes) {
                Some((_, length)) if length == bytes.len() => Verdict::Sure(97),
                _ => Verdict::No,
            }
        } else {
            stream(bytes)
        };
        if verdict == Verdict::No {
            return Verdict::No;
        }
        best = best.max(verdict);
    }
    best
}

/// A message with its length before it (7.2.2).
fn stream(bytes: &[u8]) -> Verdict {
    let Some(length) = be32(bytes, 0).and_then(|l| usize::try_from(l).ok()) else {
        return if bytes.first() == Some(&0) { Verdict::Unsure } else { Verdict::No };
    };
    if !(16..=MAX_LENGTH).contains(&length) {
        return Verdict::No;
    }
    let message = bytes.get(4..).unwrap_or_default();
    match header(message) {
        Some((_, n)) if n == length => Verdict::Sure(97),
        None if message.len() < 20 && message.first().is_none_or(|t| matches!(t, 0x6a..=0x6f | 0x7e)) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct KerberosParser {
    act: Kerberos,
    login: Login,
    /// The last request of a log-in had a proof.
    proven: bool,
    /// Whom it was for.
    client: String,
}

impl Parser for KerberosParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        if cx.head.transport == model::Transport::Udp {
            // One message a datagram. What is none is passed over.
            return if read(bytes, &mut self.act) {
                self.tell(dir, cx);
                Step::Used(bytes.len())
            } else {
                Step::More
            };
        }
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Step::Used(at);
            }
            let wait = if at > 0 { Step::Used(at) } else { Step::More };
            let Some(length) = be32(rest, 0).map(|l| l as usize) else { return wait };
            if !(1..=MAX_LENGTH).contains(&length) {
                return Step::Done;
            }
            if rest.len() < (4 + length).min(MAX_MESSAGE) {
                return wait;
            }
            let shown = rest.get(4..(4 + length).min(rest.len()).min(MAX_MESSAGE)).unwrap_or_default();
            if !read(shown, &mut self.act) {
                return Step::Done;
            }
            self.tell(dir, cx);
            if rest.len() < 4 + length {
                return Step::Skip((4 + length - rest.len()) as u64);
            }
            at += 4 + length;
        }
    }

    fn reset(&mut self) {
        clear(&mut self.act);
        self.proven = false;
        self.client.clear();
    }
}

impl KerberosParser {
    fn tell(&mut self, dir: Dir, cx: &mut Cx<'_>) {
        let answer = matches!(self.act.message, AS_REP | TGS_REP | AP_REP | ERROR);
        if self.act.message == AS_REQ {
            self.proven = self.act.preauth;
            self.client.clone_from(&self.act.client);
        }
        if self.act.message == AS_REP {
            // The answer does not say how it was asked for.
            self.act.preauth = self.proven;
        }
        let turn = answer == (dir == Dir::Up);
        cx.emit_turned(turn, ActRef::Kerberos(&self.act));
        let outcome = match (self.act.message, self.act.error) {
            (AS_REP, _) if self.proven => Some(Outcome::Success),
            (ERROR, Some(6 | 18 | 23 | 24)) => Some(Outcome::Failure),
            _ => None,
        };
        if let Some(outcome) = outcome {
            // Errors mostly leave out the name.
            let user = if self.act.client.is_empty() { &self.client } else { &self.act.client };
            self.login.user.clone_from(user);
            self.login.outcome = outcome;
            cx.emit_turned(turn, ActRef::Login(&self.login));
            self.proven = false;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn der(tag: u8, v: &[u8]) -> Vec<u8> {
        let length = if v.len() < 128 { vec![v.len() as u8] } else { vec![0x82, (v.len() >> 8) as u8, v.len() as u8] };
        [&[tag][..], &length, v].concat()
    }
    fn number(tag: u8, n: u8) -> Vec<u8> {
        der(tag, &der(2, &[n]))
    }
    fn principal(parts: &[&str]) -> Vec<u8> {
        let names: Vec<u8> = parts.iter().flat_map(|p| der(0x1b, p.as_bytes())).collect();
        der(0x30, &[number(0xa0, 1), der(0xa1, &der(0x30, &names))].concat())
    }
    fn request(kind: u8, proof: Option<u8>, client: &str) -> Vec<u8> {
        let data =
            proof.map_or(vec![], |p| der(0xa3, &der(0x30, &der(0x30, &[number(0xa1, p), der(0xa2, &der(4, &[0x77; 40]))].concat()))));
        let body = [
            der(0xa0, &der(3, &[0, 0x40, 0, 0, 0])),
            der(0xa1, &principal(&[client])),
            der(0xa2, &der(0x1b, b"KOJO.EXAMPLE")),
            der(0xa3, &principal(&["krbtgt", "KOJO.EXAMPLE"])),
            der(0xa5, &der(0x18, b"20370913024805Z")),
            der(0xa7, &der(2, &[1])),
            der(0xa8, &der(0x30, &[der(2, &[23]), der(2, &[18])].concat())),
        ];
        der(0x60 + kind, &der(0x30, &[number(0xa1, 5), number(0xa2, kind), data, der(0xa4, &der(0x30, &body.concat()))].concat()))
    }
    fn ticket() -> Vec<u8> {
        let part = der(0x30, &[number(0xa0, 18), der(0xa2, &der(4, &[0x66; 200]))].concat());
        let fields = [number(0xa0, 5), der(0xa1, &der(0x1b, b"KOJO.EXAMPLE")), der(0xa2, &principal(&["cifs", "nas"])), der(0xa3, &part)];
        der(0x61, &der(0x30, &fields.concat()))
    }
    fn reply(kind: u8, client: &str) -> Vec<u8> {
        let parts = [
            number(0xa0, 5),
            number(0xa1, kind),
            der(0xa3, &der(0x1b, b"KOJO.EXAMPLE")),
            der(0xa4, &principal(&[client])),
            der(0xa5, &ticket()),
        ];
        der(0x60 + kind, &der(0x30, &parts.concat()))
    }
    pub fn failure(code: u8) -> Vec<u8> {
        let parts = [
            number(0xa0, 5),
            number(0xa1, ERROR),
            der(0xa4, &der(0x18, b"20240101000000Z")),
            number(0xa5, 1),
            number(0xa6, code),
            der(0xa9, &der(0x1b, b"KOJO.EXAMPLE")),
            der(0xaa, &principal(&["krbtgt", "KOJO.EXAMPLE"])),
        ];
        der(0x60 + ERROR, &der(0x30, &parts.concat()))
    }
    pub fn ap_request() -> Vec<u8> {
        let parts = [number(0xa0, 5), number(0xa1, AP_REQ), der(0xa2, &der(3, &[0; 5])), der(0xa3, &ticket())];
        der(0x60 + AP_REQ, &der(0x30, &parts.concat()))
    }
    fn framed(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u32).to_be_bytes()[..], message].concat()
    }
    fn logins(acts: &[Act]) -> Vec<(&str, Outcome)> {
        acts.iter().filter_map(|a| if let Act::Login(l) = a { Some((l.user.as_str(), l.outcome)) } else { None }).collect()
    }
    fn udp(parts: &[(Dir, Vec<u8>)]) -> Vec<Act> {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Kerberos, model::Transport::Udp, testing::options());
        for (dir, bytes) in parts {
            drive.feed(*dir, bytes);
        }
        drive.acts()
    }

    #[test]
    fn names_services_and_encryption_are_read() {
        let acts = udp(&[(Dir::Up, request(AS_REQ, Some(2), "tanaka")), (Dir::Down, reply(AS_REP, "tanaka"))]);
        assert!(
            matches!(&acts[0], Act::Kerberos(k) if k.message == 10 && k.client == "tanaka" && k.realm == "KOJO.EXAMPLE" && k.service == "krbtgt/KOJO.EXAMPLE" && k.etype == Some(23) && k.preauth),
            "{acts:?}"
        );
        assert!(matches!(&acts[1], Act::Kerberos(k) if k.message == 11 && k.service == "cifs/nas" && k.etype == Some(18)), "{acts:?}");
        assert_eq!(logins(&acts), [("tanaka", Outcome::Success)]);
    }

    #[test]
    fn wrong_passwords_and_unknown_names_fail_and_asking_for_a_proof_does_not() {
        for (code, proof, told) in [(24, Some(2), 1), (6, None, 1), (18, Some(2), 1), (25, None, 0), (37, Some(2), 0)] {
            let acts = udp(&[(Dir::Up, request(AS_REQ, proof, "suzuki")), (Dir::Down, failure(code))]);
            assert_eq!(logins(&acts), vec![("suzuki", Outcome::Failure); told], "{code}");
            assert!(matches!(&acts[1], Act::Kerberos(k) if k.error == Some(i32::from(code))));
        }
        // Nobody proved anything here.
        assert_eq!(logins(&udp(&[(Dir::Up, request(AS_REQ, None, "a")), (Dir::Down, reply(AS_REP, "a"))])), []);
    }

    #[test]
    fn streams_carry_the_same_with_a_length() {
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &framed(&request(TGS_REQ, Some(1), "a"))), (Dir::Down, &framed(&reply(TGS_REP, "a")))]);
        assert!(matches!(&acts[..], [Act::Kerberos(a), Act::Kerberos(b)] if a.message == 12 && b.message == 13), "{acts:?}");
    }

    #[test]
    fn messages_inside_tokens_are_found() {
        let mut out = Kerberos::default();
        let token = [&[0x60, 0x82, 1, 1, 6, 9][..], &[0x6e, 1, 2], &ap_request()].concat();
        assert!(read(find(&token).unwrap(), &mut out));
        assert_eq!((out.message, out.service.as_str(), out.realm.as_str()), (14, "cifs/nas", "KOJO.EXAMPLE"));
        assert!(read(find(&failure(37)).unwrap(), &mut out) && out.error == Some(37));
        assert!(find(&[0x6e; 5000]).is_none());
    }

    #[test]
    fn other_things_are_refused() {
        let ask = |up: &[u8], datagram| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: 88, datagram });
        assert_eq!(ask(&request(AS_REQ, None, "a"), true), Verdict::Sure(97));
        assert_eq!(ask(&framed(&request(AS_REQ, None, "a")), false), Verdict::Sure(97));
        assert_eq!(ask(&framed(&request(AS_REQ, None, "a"))[..9], false), Verdict::Unsure);
        assert_eq!(ask(&request(AS_REQ, None, "a")[..60], true), Verdict::No);
        for other in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 30], &[0x6a; 30], &[0x30, 0x20, 2, 1, 3]] {
            for datagram in [true, false] {
                assert_eq!(ask(other, datagram), Verdict::No, "{other:?}");
            }
        }
    }

    hostile!(
        SPEC,
        script(&[(Dir::Up, &framed(&request(AS_REQ, Some(2), "a"))), (Dir::Down, &framed(&failure(24)))]),
        script(&[(Dir::Up, &request(AS_REQ, Some(2), "a")), (Dir::Down, &reply(AS_REP, "a"))])
    );
}
