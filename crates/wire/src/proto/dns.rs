//! DNS (RFC 1035) over UDP and TCP (RFC 7766), with EDNS (RFC 6891); and with the same form mDNS (RFC 6762) and LLMNR (RFC 4795).
//!
//! The three share every byte of their form, so content alone cannot tell them apart: the ports 5353 and 5355, which their standards
//! oblige them to use, decide between them once the content is a well-formed message. NetBIOS name service has the form too; its names
//! (RFC 1001, 14.1: 32 letters from A to P) give it away and are refused.
//!
//! Compression: a pointer must point before the name it stands in, and before the last pointer followed (RFC 1035, 4.1.4 says 'a prior
//! occurrence'), so that following them ends.
//!
//! What the data of a record says is read in [`rdata`], by type.

mod rdata;

use super::{MAX_WAIT, Pool, be16, be32, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Dns, DnsRecord, Protocol};
use model::net::Transport;
use rdata::Scratch;

/// Records kept of one message; more are counted.
pub const MAX_RECORDS: usize = 64;
/// Questions kept of one message.
pub const MAX_QUESTIONS: usize = 64;
/// Bytes of a name on the wire (RFC 1035, 2.3.4).
const MAX_NAME: usize = 255;
/// Bytes kept of a TXT record.
pub const MAX_TEXT: usize = 255;
const HEADER: usize = 12;

/// DNS.
pub const DNS: Spec = Spec { protocol: Protocol::Dns, tcp: true, udp: true, ports: &[53], probe: probe_dns, start };
/// Multicast DNS.
pub const MDNS: Spec = Spec { protocol: Protocol::Mdns, tcp: false, udp: true, ports: &[5353], probe: probe_mdns, start };
/// Link-local multicast name resolution.
pub const LLMNR: Spec = Spec { protocol: Protocol::Llmnr, tcp: true, udp: true, ports: &[5355], probe: probe_llmnr, start };

fn start() -> Box<dyn Parser> {
    Box::<DnsParser>::default()
}

fn on_port(i: &ProbeInput<'_>, port: u16) -> bool {
    i.client_port == port || i.server_port == port
}

fn probe_dns(i: &ProbeInput<'_>) -> Verdict {
    if on_port(i, 5353) || on_port(i, 5355) { Verdict::No } else { probe(i, on_port(i, 53)) }
}

fn probe_mdns(i: &ProbeInput<'_>) -> Verdict {
    if on_port(i, 5353) { probe(i, true) } else { Verdict::No }
}

fn probe_llmnr(i: &ProbeInput<'_>) -> Verdict {
    if on_port(i, 5355) { probe(i, true) } else { Verdict::No }
}

/// `usual` (the port is the one of the standard) lowers what is asked for: a message may then be damaged behind its first name.
fn probe(i: &ProbeInput<'_>, usual: bool) -> Verdict {
    let mut best = Verdict::Unsure;
    for bytes in [i.up, i.down] {
        if bytes.is_empty() {
            continue;
        }
        let message = if i.datagram {
            bytes
        } else {
            match be16(bytes, 0) {
                Some(length) if usize::from(length) < HEADER => return Verdict::No,
                Some(length) => {
                    let rest = bytes.get(2..).unwrap_or_default();
                    rest.get(..usize::from(length)).unwrap_or(rest)
                }
                None => continue,
            }
        };
        // The engine shows at most 512 bytes, and a segment may hold only a part.
        let cut = if i.datagram { bytes.len() >= 512 } else { message.len() + 2 == bytes.len() };
        match judge(message, cut, usual) {
            Verdict::No => return Verdict::No,
            sure => best = best.max(sure),
        }
    }
    best
}

fn judge(message: &[u8], cut: bool, usual: bool) -> Verdict {
    let (Some(flags), Some(questions)) = (be16(message, 2), be16(message, 4)) else {
        return if cut { Verdict::Unsure } else { Verdict::No };
    };
    let opcode = flags >> 11 & 0xf;
    if !matches!(opcode, 0..=2 | 4..=6) || questions > 256 {
        return Verdict::No;
    }
    if message.len() < HEADER {
        return if cut { Verdict::Unsure } else { Verdict::No };
    }
    // A query without a question says nothing, an error answer may (RFC 2308 allows FORMERR with an empty body).
    let counts: u32 = [4, 6, 8, 10].into_iter().map(|at| u32::from(be16(message, at).unwrap_or(0))).sum();
    if counts == 0 && !(usual && flags & 0x8000 != 0) {
        return Verdict::No;
    }
    if let Some(name) = message.get(HEADER..HEADER + 34)
        && name.first() == Some(&32)
        && name.last() == Some(&0)
        && name.get(1..33).is_some_and(|n| n.iter().all(|b| (b'A'..=b'P').contains(b)))
    {
        return Verdict::No;
    }
    // Elsewhere the form alone has to convince, and binary protocols of machines have it now and then.
    if !usual && !convinces(message, flags) {
        return if cut && message.len() < 64 { Verdict::Unsure } else { Verdict::No };
    }
    match walk(message) {
        Read::Whole if usual || questions == 1 => Verdict::Sure(90),
        Read::Whole => Verdict::Sure(70),
        Read::Part if cut => Verdict::Sure(if usual || questions == 1 { 80 } else { 50 }),
        Read::Part if usual => Verdict::Sure(40),
        Read::Nothing if cut => Verdict::Unsure,
        Read::Part | Read::Nothing => Verdict::No,
    }
}

/// Whether a message off its port looks meant: a question (or a first record) with a readable name, a type and a class that exist, and a
/// header whose fields go together.
fn convinces(message: &[u8], flags: u16) -> bool {
    let [questions, answers, authority] = [4, 6, 8].map(|at| be16(message, at).unwrap_or(0));
    let query = flags & 0x8000 == 0;
    // A query has no response code and no AA bit, and answers only in updates and notifications (RFC 2136, RFC 1996); the Z bit is zero.
    let (opcode, answered) = (flags >> 11 & 0xf, answers > 0 || authority > 0);
    if flags & 0x40 != 0 || questions > 4 || (query && (flags & 0x040f != 0 || (opcode == 0 && answered))) {
        return false;
    }
    let mut at = HEADER;
    while let Some(&length) = message.get(at) {
        match usize::from(length) {
            0 => {
                at += 1;
                break;
            }
            n @ 1..64 => {
                if !message.get(at + 1..at + 1 + n).is_some_and(|label| label.iter().all(|b| *b >= 0x20 && *b != 0x7f)) {
                    return false;
                }
                at += 1 + n;
            }
            _ => return false,
        }
    }
    let class = be16(message, at + 2).map(|c| c & 0x7fff);
    be16(message, at).is_some_and(|kind| kind != 0) && matches!(class, Some(1 | 3 | 4 | 254 | 255))
}

/// Goes through a message without keeping anything: probes are asked for every new conversation and must not allocate.
fn walk(message: &[u8]) -> Read {
    let [Some(questions), Some(answers), Some(authority), Some(additional)] = [4, 6, 8, 10].map(|at| be16(message, at)) else {
        return Read::Nothing;
    };
    let mut at = HEADER;
    for n in 0..questions {
        match name_at(message, at, None, false).filter(|next| message.len() >= next + 4) {
            Some(next) => at = next + 4,
            None => return if n > 0 { Read::Part } else { Read::Nothing },
        }
    }
    for n in 0..u32::from(answers) + u32::from(authority) + u32::from(additional) {
        let next = name_at(message, at, None, false).and_then(|body| Some(body + 10 + usize::from(be16(message, body + 8)?)));
        match next.filter(|next| *next <= message.len()) {
            Some(next) => at = next,
            None => return if questions > 0 || n > 0 { Read::Part } else { Read::Nothing },
        }
    }
    Read::Whole
}

/// How far a message could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// To its end.
    Whole,
    /// All questions, or one record at least.
    Part,
    /// Less.
    Nothing,
}

#[derive(Default)]
struct DnsParser {
    act: Dns,
    pool: Pool,
    scratch: Scratch,
}

impl Parser for DnsParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        if cx.head.transport != Transport::Tcp {
            self.tell(dir, bytes, cx);
            return Step::Used(bytes.len());
        }
        let Some(length) = be16(bytes, 0).map(usize::from) else { return Step::More };
        if length < HEADER {
            return Step::Done;
        }
        let shown = bytes.get(2..).unwrap_or_default();
        if let Some(message) = shown.get(..length) {
            return if self.tell(dir, message, cx) { Step::Used(2 + length) } else { Step::Done };
        }
        if shown.len() < MAX_WAIT {
            return Step::More;
        }
        // A zone transfer's message of up to 64 KiB: more records than are kept have come already.
        if self.tell(dir, shown, cx) { Step::Skip((length - shown.len()) as u64) } else { Step::Done }
    }

    fn reset(&mut self) {
        self.clear();
    }
}

impl DnsParser {
    /// False where the bytes are no message.
    fn tell(&mut self, dir: Dir, message: &[u8], cx: &mut Cx<'_>) -> bool {
        let utf8 = cx.head.protocol != Protocol::Dns;
        if self.read(message, utf8) == Read::Nothing {
            return false;
        }
        // mDNS answers without being asked; for the others an answer that came first was sent by the server.
        cx.emit_turned(cx.head.protocol != Protocol::Mdns && self.act.response == (dir == Dir::Up), ActRef::Dns(&self.act));
        true
    }

    fn clear(&mut self) {
        for (name, _) in self.act.questions.drain(..) {
            self.pool.give(name);
        }
        for record in self.act.records.drain(..) {
            self.pool.give(record.name);
            self.pool.give(record.text);
            self.scratch.give(record.keys);
        }
        (self.act.omitted, self.act.udp_size, self.act.dnssec) = (0, None, false);
    }

    fn read(&mut self, message: &[u8], utf8: bool) -> Read {
        self.clear();
        let (Some(id), Some(flags), Some(questions)) = (be16(message, 0), be16(message, 2), be16(message, 4)) else { return Read::Nothing };
        let sections = [6, 8, 10].map(|at| be16(message, at));
        let [Some(answers), Some(authority), Some(additional)] = sections else { return Read::Nothing };
        self.act.id = id;
        self.act.response = flags & 0x8000 != 0;
        self.act.opcode = (flags >> 11 & 0xf) as u8;
        self.act.rcode = (flags & 0xf) as u8;
        self.act.authoritative = flags & 0x400 != 0;
        self.act.truncated = flags & 0x200 != 0;

        let mut at = HEADER;
        for n in 0..questions {
            let mut name = self.pool.take();
            let kind = name_at(message, at, Some(&mut name), utf8)
                .and_then(|next| Some((next + 4, be16(message, next)?, be16(message, next + 2)?)));
            let Some((next, kind, _class)) = kind else {
                self.pool.give(name);
                return if n > 0 { Read::Part } else { Read::Nothing };
            };
            at = next;
            if self.act.questions.len() < MAX_QUESTIONS {
                self.act.questions.push((name, kind));
            } else {
                self.pool.give(name);
            }
        }
        let total = u32::from(answers) + u32::from(authority) + u32::from(additional);
        for n in 0..total {
            match self.record(message, at, utf8) {
                Some(next) => at = next,
                None => return if questions > 0 || n > 0 { Read::Part } else { Read::Nothing },
            }
        }
        Read::Whole
    }

    /// Reads the record at `at` and says where the next begins.
    fn record(&mut self, message: &[u8], at: usize, utf8: bool) -> Option<usize> {
        let keep = self.act.records.len() < MAX_RECORDS;
        let mut name = self.pool.take();
        let fixed = name_at(message, at, Some(&mut name), utf8).and_then(|body| {
            let end = body + 10 + usize::from(be16(message, body + 8)?);
            let fixed = (body + 10, be16(message, body)?, be16(message, body + 2)?, be32(message, body + 4)?, end);
            (end <= message.len()).then_some(fixed)
        });
        let Some((data, rtype, class, ttl, next)) = fixed else {
            self.pool.give(name);
            return None;
        };
        if rtype == 41 {
            // OPT is no record of anything: its TTL field carries the upper bits of the response code (RFC 6891, 6.1.3).
            let upper = (ttl >> 24) as u8;
            self.act.rcode = if upper < 16 { upper << 4 | (self.act.rcode & 0xf) } else { u8::MAX };
            self.act.udp_size = Some(class);
            self.act.dnssec = ttl & 0x8000 != 0;
            self.pool.give(name);
            return Some(next);
        }
        if !keep {
            self.act.omitted = self.act.omitted.saturating_add(1);
            self.pool.give(name);
            return Some(next);
        }
        let mut record = DnsRecord { name, rtype, ttl, ip: None, text: self.pool.take(), port: None, keys: self.scratch.take() };
        rdata::read(&mut record, &rdata::Data { message, start: data, end: next, utf8 }, &mut self.scratch, &mut self.pool);
        self.act.records.push(record);
        Some(next)
    }
}

/// Reads the name at `at` into `out` in lower case without the final dot, and says where what follows it begins. Bytes that are not
/// printable ASCII become `\xNN`, or stay UTF-8 where `utf8` is set (RFC 6762, 16; RFC 4795, 3.1); a dot inside a label becomes `\x2e`.
fn name_at(message: &[u8], at: usize, mut out: Option<&mut String>, utf8: bool) -> Option<usize> {
    if let Some(out) = out.as_deref_mut() {
        out.clear();
    }
    let (mut here, mut limit) = (at, at);
    let mut after = None;
    let mut length = 0usize;
    loop {
        let first = usize::from(*message.get(here)?);
        match first >> 6 {
            0 if first == 0 => return Some(after.unwrap_or(here + 1)),
            0 => {
                let label = message.get(here + 1..here + 1 + first)?;
                length += first + 1;
                if length > MAX_NAME {
                    return None;
                }
                if let Some(out) = out.as_deref_mut() {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    push_label(out, label, utf8);
                }
                here += 1 + first;
            }
            3 => {
                let to = (first & 0x3f) << 8 | usize::from(*message.get(here + 1)?);
                after = after.or(Some(here + 2));
                if to >= limit {
                    return None;
                }
                limit = to;
                here = to;
            }
            _ => return None,
        }
    }
}

fn push_label(out: &mut String, label: &[u8], utf8: bool) {
    if label.iter().all(|&b| (0x20..0x7f).contains(&b) && b != b'.' && b != b'\\') {
        for &b in label {
            out.push(char::from(b.to_ascii_lowercase()));
        }
    } else if utf8 && let Ok(valid) = std::str::from_utf8(label) {
        for c in valid.chars() {
            match c {
                '.' => text::escape(out, b'.'),
                _ if c.is_control() => {
                    let mut four = [0u8; 4];
                    c.encode_utf8(&mut four).bytes().for_each(|b| text::escape(out, b));
                }
                _ => out.push(c.to_ascii_lowercase()),
            }
        }
    } else {
        for &b in label {
            if (0x20..0x7f).contains(&b) && b != b'.' && b != b'\\' {
                out.push(char::from(b.to_ascii_lowercase()));
            } else {
                text::escape(out, b);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn name(labels: &[&[u8]]) -> Vec<u8> {
        let mut v: Vec<u8> = labels.iter().flat_map(|l| std::iter::once(l.len() as u8).chain(l.iter().copied())).collect();
        v.push(0);
        v
    }
    fn message(id: u16, flags: u16, counts: [u16; 4], body: &[u8]) -> Vec<u8> {
        let mut v = Vec::new();
        for n in [id, flags].into_iter().chain(counts) {
            v.extend_from_slice(&n.to_be_bytes());
        }
        v.extend_from_slice(body);
        v
    }
    fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
        [owner, &kind.to_be_bytes(), &[0, 1], &ttl.to_be_bytes(), &(data.len() as u16).to_be_bytes(), data].concat()
    }
    fn question(labels: &[&[u8]], kind: u16) -> Vec<u8> {
        [name(labels), kind.to_be_bytes().to_vec(), vec![0, 1]].concat()
    }
    /// A question, four answers of which two are compressed, and EDNS.
    fn answer() -> Vec<u8> {
        let body = [
            question(&[b"WWW", b"Example", b"jp"], 1),
            record(&[0xc0, 12], 5, 300, &[3, b'p', b'l', b'c', 0xc0, 16]),
            record(&[0xc0, 0x2c], 1, 60, &[192, 0, 2, 7]),
            record(&[0xc0, 12], 28, 60, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            record(&[0xc0, 12], 16, 60, b"\x05hello\x05\xe5\xb7\xa5\xff\0"),
            record(&[0], 41, 0x0100_8000, &[]),
        ]
        .concat();
        message(0x1234, 0x8180, [1, 4, 0, 1], &body)
    }

    #[test]
    fn reads_all_sections_with_compression_and_edns() {
        let acts = testing::udp(&DNS, Dir::Down, &answer());
        let [Act::Dns(d)] = acts.as_slice() else { panic!("{acts:?}") };
        assert_eq!((d.id, d.response, d.rcode, d.opcode), (0x1234, true, 16, 0));
        assert_eq!((d.udp_size, d.dnssec, d.authoritative, d.truncated), (Some(1), true, false, false));
        assert_eq!(d.questions, [("www.example.jp".into(), 1)]);
        let r: Vec<_> = d.records.iter().map(|r| (r.name.as_str(), r.rtype, r.ip.map(|i| i.to_string()), r.text.as_str())).collect();
        assert_eq!(
            r,
            [
                ("www.example.jp", 5, None, "plc.example.jp"),
                ("plc.example.jp", 1, Some("192.0.2.7".into()), ""),
                ("www.example.jp", 28, Some("2001:db8::1".into()), ""),
                ("www.example.jp", 16, None, "hello 工\\xff\\x00"),
            ]
        );
    }

    #[test]
    fn several_messages_over_tcp() {
        let q = message(7, 0x0100, [1, 0, 0, 0], &question(&[b"contoso", b"local"], 252));
        let framed = |m: &[u8]| [&(m.len() as u16).to_be_bytes(), m].concat();
        let up = framed(&q);
        let down = [framed(&answer()), framed(&answer())].concat();
        let acts = testing::tcp(&DNS, &[(Dir::Up, &up), (Dir::Down, &down)]);
        assert_eq!(acts.len(), 3);
        assert!(matches!(&acts[0], Act::Dns(d) if d.questions == [("contoso.local".to_string(), 252)]));
    }

    #[test]
    fn service_records_of_mdns_keep_their_utf8() {
        let service = name(&["三菱 PLC".as_bytes(), b"_http", b"_tcp", b"local"]);
        let srv = [&[0, 0, 0, 0, 0, 80][..], &name(&[b"Plc-1", b"local"])].concat();
        let m = message(0, 0x8400, [0, 1, 0, 0], &record(&service, 33, 120, &srv));
        let acts = testing::udp(&MDNS, Dir::Up, &m);
        let [Act::Dns(d)] = acts.as_slice() else { panic!("{acts:?}") };
        assert_eq!(
            d.records,
            [DnsRecord {
                name: "三菱 plc._http._tcp.local".into(),
                rtype: 33,
                ttl: 120,
                ip: None,
                text: "plc-1.local".into(),
                port: Some(80),
                keys: vec![]
            }]
        );
        let acts = testing::udp(&DNS, Dir::Up, &m);
        assert!(matches!(&acts[0], Act::Dns(d) if d.records[0].name.starts_with("\\xe4\\xb8\\x89")));
    }

    /// One record with this data, as it is told.
    fn one(kind: u16, data: &[u8]) -> DnsRecord {
        let m = message(1, 0x8400, [0, 1, 0, 0], &record(&name(&[b"x", b"jp"]), kind, 60, data));
        match testing::udp(&DNS, Dir::Down, &m).as_slice() {
            [Act::Dns(d)] => d.records[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_record_type_met_in_practice_is_told_as_facts() {
        let n = |labels: &[&[u8]]| name(labels);
        let soa = [n(&[b"ns", b"jp"]), n(&[b"admin", b"jp"]), vec![0, 0, 7, 0xe9], vec![0; 16]].concat();
        let naptr = [&[0, 1, 0, 2, 1, b'S', 7][..], b"SIP+D2U", &[0], &n(&[b"_sip", b"_udp", b"x"])].concat();
        let https =
            [&[0, 1, 0][..], &[0, 1, 0, 6, 2, b'h', b'2', 2, b'h', b'3', 0, 3, 0, 2, 0x20, 0xfb, 0, 4, 0, 4, 192, 0, 2, 9]].concat();
        let rrsig = [&[0, 1, 13, 2, 0, 0, 0, 60, 0x65, 0x53, 0xf1, 0, 0x60, 0, 0, 0, 0x12, 0x34][..], &n(&[b"jp"]), &[9; 64]].concat();
        for (kind, data, told) in [
            (6, &soa[..], "ns.jp admin.jp 2025"),
            (15, &[&[0, 10][..], &n(&[b"mail", b"jp"])].concat(), "mail.jp"),
            (35, &naptr, "S SIP+D2U - _sip._udp.x"),
            (257, b"\0\x05issueca.example", "issue ca.example"),
            (65, &https, "1 . alpn=h2,h3"),
            (43, &[0x4f, 0x66, 8, 2, 1, 2, 3], "20326 8 2"),
            (48, &[1, 1, 3, 8, 3, 1, 0, 1], "257 8"),
            (46, &rrsig, "1 13 4660 jp 1700000000"),
            (47, &[&n(&[b"nas", b"local"])[..], &[0, 1, 0x40]].concat(), "nas.local"),
            (13, b"\x05INTEL\x05LINUX", "INTEL LINUX"),
            (44, &[4, 2, 1, 2], "4 2"),
            (99, b"\x06v=spf1", "v=spf1"),
            (65400, &[1, 2, 3], ""),
        ] {
            assert_eq!(one(kind, data).text, told, "type {kind}");
            // A cut one tells what it has, or nothing.
            for cut in 0..data.len() {
                one(kind, &data[..cut]);
            }
        }
        let svcb = one(64, &https);
        assert_eq!((svcb.port, svcb.ip), (Some(8443), Some([192, 0, 2, 9].into())));
    }

    #[test]
    fn what_a_service_says_of_its_device_is_kept_by_key() {
        let txt = b"\x09txtvers=1\x13TY=Brother HL-L2370\x02md\x0fusb_MFG=Brother\x07secret=\x0bpassword=xy\x03ty=";
        let owner = name(&[b"Printer", b"_ipp", b"_tcp", b"local"]);
        let m = message(0, 0x8400, [0, 1, 0, 0], &record(&owner, 16, 60, txt));
        let acts = testing::udp(&MDNS, Dir::Up, &m);
        let [Act::Dns(d)] = acts.as_slice() else { panic!("{acts:?}") };
        let keys: Vec<_> = d.records[0].keys.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(keys, [("ty", "Brother HL-L2370"), ("usb_mfg", "Brother")]);
        // Other text records are no services.
        assert!(one(16, txt).keys.is_empty());
    }

    #[test]
    fn pointers_cannot_loop() {
        let mut out = String::new();
        // To itself, forwards, and a pair that point to each other.
        for m in [&[0xc0, 0][..], &[0xc0, 2, 1, b'a', 0], &[1, b'a', 0xc0, 4, 0xc0, 0], &[1, b'a', 0xc0, 0]] {
            assert_eq!(name_at(m, 0, Some(&mut out), false), None, "{m:?}");
        }
        // A name of more than 255 bytes, made of legal parts.
        let long: Vec<u8> = (0..6).flat_map(|_| std::iter::once(63).chain([b'x'; 63])).chain([0]).collect();
        assert_eq!(name_at(&long, 0, Some(&mut out), false), None);
        // A chain of pointers, each to the one before, is legal and ends.
        let chain: Vec<u8> = [1, b'a', 0].into_iter().chain((0u8..60).flat_map(|i| [0xc0, if i == 0 { 0 } else { 1 + 2 * i }])).collect();
        assert_eq!(name_at(&chain, chain.len() - 2, Some(&mut out), false), Some(chain.len()));
        assert_eq!(out, "a");
    }

    #[test]
    fn records_beyond_the_bound_are_counted() {
        let body: Vec<u8> = (0..100u8).flat_map(|i| record(&name(&[b"a"]), 1, 1, &[10, 0, 0, i])).collect();
        let acts = testing::udp(&DNS, Dir::Down, &message(1, 0x8000, [0, 100, 0, 0], &body));
        assert!(matches!(&acts[0], Act::Dns(d) if d.records.len() == 64 && d.omitted == 36));
    }

    #[test]
    fn a_cut_message_still_tells_its_question() {
        let whole = answer();
        let acts = testing::udp(&DNS, Dir::Down, &whole[..40]);
        assert!(matches!(&acts[0], Act::Dns(d) if d.questions.len() == 1 && d.records.is_empty()));
        assert!(testing::udp(&DNS, Dir::Down, &whole[..20]).is_empty());
    }

    #[test]
    fn an_answer_that_was_seen_first_comes_from_the_server() {
        let mut parser = (DNS.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Dns, Transport::Udp, testing::options());
        drive.feed(Dir::Up, &answer());
        assert_eq!(drive.heard.0[0].0.client.port, Some(80));
    }

    fn probe_of(up: &[u8], port: u16, datagram: bool) -> [Verdict; 3] {
        let i = ProbeInput { up, down: &[], client_port: 40000, server_port: port, datagram };
        [DNS, MDNS, LLMNR].map(|s| (s.probe)(&i))
    }

    #[test]
    fn is_recognised_on_any_port_and_told_apart_by_port_only_then() {
        let q = message(7, 0x0100, [1, 0, 0, 0], &question(&[b"a", b"jp"], 1));
        assert_eq!(probe_of(&q, 9999, true), [Verdict::Sure(90), Verdict::No, Verdict::No]);
        assert_eq!(probe_of(&q, 5353, true), [Verdict::No, Verdict::Sure(90), Verdict::No]);
        assert_eq!(probe_of(&q, 5355, true), [Verdict::No, Verdict::No, Verdict::Sure(90)]);
        let framed = [&(q.len() as u16).to_be_bytes()[..], &q].concat();
        assert_eq!(probe_of(&framed, 53, false)[0], Verdict::Sure(90));
        assert_eq!(probe_of(&framed[..5], 53, false)[0], Verdict::Unsure);
        for other in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", &[0; 40], b"SSH-2.0-x\r\n"] {
            assert!(!matches!(probe_of(other, 53, true)[0], Verdict::Sure(_)), "{other:?}");
            assert!(!matches!(probe_of(other, 9000, false)[0], Verdict::Sure(_)), "{other:?}");
        }
        // What controllers say: no text, no class, fields that do not go together.
        let binary = message(0xd701, 0, [1, 0, 0, 0], &question(&[b"\0\xff\xff", b"\0\0,"], 4));
        let answers_in_a_query = message(7, 0x0100, [1, 1, 0, 0], &[question(&[b"a"], 1), record(&[0xc0, 12], 1, 1, &[1; 4])].concat());
        for other in [binary, answers_in_a_query, message(7, 0x0140, [1, 0, 0, 0], &question(&[b"a"], 1))] {
            assert_eq!(probe_of(&other, 9999, true)[0], Verdict::No, "{other:?}");
            assert!(matches!(probe_of(&other, 53, true)[0], Verdict::Sure(_)), "{other:?}");
        }
        let nbns = message(7, 0x0110, [1, 0, 0, 0], &question(&[b"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], 33));
        assert_eq!(probe_of(&nbns, 137, true)[0], Verdict::No);
    }

    hostile!(DNS, script(&[(Dir::Down, &answer()), (Dir::Up, &answer())]), script(&[(Dir::Up, &[&[0, 130][..], &answer()].concat())]));
}
