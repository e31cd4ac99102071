//! NetBIOS over UDP: the name service on port 137 and the datagram service on port 138 (RFC 1001, RFC 1002), the latter with what hosts
//! announce of themselves to the browser service (MS-BRWS over mailslots).
//!
//! Names are sixteen bytes, written as 32 letters from A to P (RFC 1001, 14.1): fifteen padded with spaces and a sixteenth that says what
//! service the name stands for. They are in a code page that nobody tells; bytes beyond ASCII become `\xNN`.

use super::{be16, ip4, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::activity::{Announcement, NetbiosName, Protocol};
use model::{ActRef, Mac};

/// Name service.
pub const NAMES: Spec = Spec { protocol: Protocol::Nbns, tcp: false, udp: true, ports: &[137], probe: probe_names, start: start_names };
/// Datagram service.
pub const DATAGRAMS: Spec =
    Spec { protocol: Protocol::Nbdgm, tcp: false, udp: true, ports: &[138], probe: probe_datagrams, start: start_datagrams };

/// Addresses kept of one message.
pub const MAX_ADDRESSES: usize = 16;
/// Names kept of a node status answer.
pub const MAX_NAMES: usize = 32;
/// Bytes kept of a name: fifteen, each of which may become four.
const MAX_NAME: usize = 60;
/// Bytes kept of a comment (MS-BRWS, 2.2.1: at most 43 with its NUL).
const MAX_COMMENT: usize = 256;
const HEADER: usize = 12;

fn start_names() -> Box<dyn Parser> {
    Box::<NameParser>::default()
}
fn start_datagrams() -> Box<dyn Parser> {
    Box::<DatagramParser>::default()
}

/// Decodes the name at `at` into `name`; its sixteenth byte, and where what follows begins. A scope behind it is passed over.
fn name_at(message: &[u8], at: usize, name: &mut String) -> Option<(u8, usize)> {
    name.clear();
    let first = *message.get(at)?;
    if first & 0xc0 == 0xc0 {
        // A pointer (records of answers point to the question): only one step, backwards, and to a whole name.
        let to = usize::from(be16(message, at)? & 0x3fff);
        if to >= at || message.get(to)? & 0xc0 == 0xc0 {
            return None;
        }
        return name_at(message, to, name).map(|(suffix, _)| (suffix, at + 2));
    }
    if first != 32 {
        return None;
    }
    let letters = message.get(at + 1..at + 33)?;
    let mut bytes = [0u8; 16];
    for (byte, pair) in bytes.iter_mut().zip(letters.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        if !(b'A'..=b'P').contains(&high) || !(b'A'..=b'P').contains(&low) {
            return None;
        }
        *byte = (high - b'A') << 4 | (low - b'A');
    }
    let (text, suffix) = bytes.split_at(15);
    padded(name, text);
    // Scope labels, until the empty one.
    let mut here = at + 33;
    loop {
        let length = usize::from(*message.get(here)?);
        if length > 63 {
            return None;
        }
        here += 1 + length;
        if length == 0 {
            return Some((suffix.first().copied().unwrap_or(0), here));
        }
    }
}

/// Text without the spaces and NULs behind it. The two bytes before `__MSBROWSE__` are control characters and stay visible as such.
fn padded(out: &mut String, text: &[u8]) {
    let end = text.iter().rposition(|b| *b != b' ' && *b != 0).map_or(0, |at| at + 1);
    text::set(out, text.get(..end).unwrap_or_default(), MAX_NAME);
}

fn probe_names(i: &ProbeInput<'_>) -> Verdict {
    let bytes = if i.up.is_empty() { i.down } else { i.up };
    let usual = [i.client_port, i.server_port].contains(&137);
    let counts = [4, 6, 8, 10].map(|at| be16(bytes, at).unwrap_or(u16::MAX));
    let opcode = bytes.get(2).map_or(16, |b| b >> 3 & 15);
    if counts.iter().any(|n| *n > 8) || counts == [0; 4] || !matches!(opcode, 0 | 5..=9 | 15) {
        return Verdict::No;
    }
    // 32 letters from A to P are sign enough on any port. (Not decoded into a String: probes do not allocate.)
    let encoded = bytes.get(HEADER) == Some(&32)
        && bytes.get(HEADER + 1..HEADER + 33).is_some_and(|n| n.iter().all(|b| (b'A'..=b'P').contains(b)))
        && bytes.get(HEADER + 33).is_some();
    if encoded { Verdict::Sure(if usual { 95 } else { 85 }) } else { Verdict::No }
}

#[derive(Default)]
struct NameParser {
    act: NetbiosName,
    spare: Vec<(String, u8, bool)>,
    record: String,
}

impl Parser for NameParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        if self.read(bytes).is_none() {
            return Step::More;
        }
        cx.emit_turned(self.act.response == (dir == Dir::Up), ActRef::NetbiosName(&self.act));
        Step::Used(bytes.len())
    }
    fn reset(&mut self) {
        self.clear();
    }
}

impl NameParser {
    fn clear(&mut self) {
        let a = &mut self.act;
        a.name.clear();
        a.addresses.clear();
        self.spare.append(&mut a.status);
        self.spare.truncate(MAX_NAMES);
        (a.response, a.opcode, a.rcode, a.suffix, a.group, a.mac) = (false, 0, 0, 0, false, None);
    }

    /// RFC 1002, 4.2. `None` where it is no message; what is damaged behind the first name is left out.
    fn read(&mut self, message: &[u8]) -> Option<()> {
        self.clear();
        let flags = be16(message, 2)?;
        let [questions, answers, authority, additional] = [4, 6, 8, 10].map(|at| be16(message, at).unwrap_or(0));
        let a = &mut self.act;
        a.response = flags & 0x8000 != 0;
        a.opcode = (flags >> 11 & 15) as u8;
        a.rcode = (flags & 15) as u8;
        let (suffix, mut at) = name_at(message, HEADER, &mut a.name)?;
        a.suffix = suffix;
        if questions > 0 {
            at += 4;
        }
        // An answer has its first record where the question would be: the name was read, its record begins there.
        let mut first = questions == 0;
        for _ in 0..u32::from(answers) + u32::from(authority) + u32::from(additional) {
            let body = if std::mem::take(&mut first) {
                at
            } else {
                match name_at(message, at, &mut self.record) {
                    Some((_, next)) => next,
                    None => break,
                }
            };
            let (Some(kind), Some(length)) = (be16(message, body), be16(message, body + 8)) else { break };
            let Some(data) = message.get(body + 10..body + 10 + usize::from(length)) else { break };
            match kind {
                0x20 => self.addresses(data),
                0x21 => self.node_status(data),
                _ => {}
            }
            at = body + 10 + data.len();
        }
        Some(())
    }

    /// Flags and an address, for each (4.2.1.3).
    fn addresses(&mut self, data: &[u8]) {
        for entry in data.chunks_exact(6) {
            self.act.group |= be16(entry, 0).is_some_and(|flags| flags & 0x8000 != 0);
            if let Some(ip) = ip4(entry, 2)
                && self.act.addresses.len() < MAX_ADDRESSES
                && !self.act.addresses.contains(&ip)
            {
                self.act.addresses.push(ip);
            }
        }
    }

    /// Names and statistics that begin with the hardware address (4.2.18).
    fn node_status(&mut self, data: &[u8]) {
        let Some((&count, rest)) = data.split_first() else { return };
        let names = usize::from(count) * 18;
        for entry in rest.get(..names).unwrap_or(rest).chunks_exact(18).take(MAX_NAMES) {
            let (Some((text, rest)), Some(flags)) = (entry.split_at_checked(15), be16(entry, 16)) else { return };
            let (mut name, _, _) = self.spare.pop().unwrap_or_default();
            padded(&mut name, text);
            self.act.status.push((name, rest.first().copied().unwrap_or(0), flags & 0x8000 != 0));
        }
        if let Some(mac) = rest.get(names..names + 6).and_then(|b| <[u8; 6]>::try_from(b).ok()).map(Mac)
            && mac.is_device()
        {
            self.act.mac = Some(mac);
        }
    }
}

/// Message types of the datagram service (RFC 1002, 4.4): unique, group, broadcast.
const CARRIES: std::ops::RangeInclusive<u8> = 0x10..=0x12;

fn probe_datagrams(i: &ProbeInput<'_>) -> Verdict {
    let bytes = if i.up.is_empty() { i.down } else { i.up };
    let usual = [i.client_port, i.server_port].contains(&138);
    let kind = bytes.first().copied().unwrap_or(0);
    if CARRIES.contains(&kind) {
        let encoded = bytes.get(14) == Some(&32) && bytes.get(15..47).is_some_and(|n| n.iter().all(|b| (b'A'..=b'P').contains(b)));
        return if encoded { Verdict::Sure(90) } else { Verdict::No };
    }
    // Errors and queries are short and tell nothing.
    if usual && matches!(kind, 0x13..=0x16) && bytes.len() >= 10 { Verdict::Sure(50) } else { Verdict::No }
}

#[derive(Default)]
struct DatagramParser {
    act: NetbiosName,
    /// Memory of what is not in every datagram.
    to: String,
    announced: Announcement,
}

impl Parser for DatagramParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        match bytes.first() {
            Some(kind) if CARRIES.contains(kind) => {}
            Some(0x13..=0x16) => return Step::Used(bytes.len()),
            _ => return Step::More,
        }
        if self.read(bytes).is_none() {
            return Step::More;
        }
        // Whoever sends is the one that speaks of itself.
        cx.emit_turned(dir == Dir::Down, ActRef::NetbiosName(&self.act));
        Step::Used(bytes.len())
    }
    fn reset(&mut self) {
        self.clear();
    }
}

impl DatagramParser {
    fn clear(&mut self) {
        if let Some((to, _)) = self.act.to.take() {
            self.to = to;
        }
        if let Some(announced) = self.act.announced.take() {
            self.announced = announced;
        }
        let a = &mut self.act;
        a.name.clear();
        a.addresses.clear();
        (a.datagram, a.suffix, a.group) = (true, 0, false);
    }

    fn read(&mut self, message: &[u8]) -> Option<()> {
        self.clear();
        let kind = *message.first()?;
        let source = ip4(message, 4)?;
        let (suffix, next) = name_at(message, 14, &mut self.act.name)?;
        self.act.suffix = suffix;
        self.act.group = kind == 0x11;
        if source.is_private() || source.is_link_local() {
            self.act.addresses.push(source);
        }
        let mut to = std::mem::take(&mut self.to);
        match name_at(message, next, &mut to) {
            Some((suffix, data)) => {
                self.act.to = Some((to, suffix));
                self.browser(message.get(data..).unwrap_or_default());
            }
            None => self.to = to,
        }
        Some(())
    }

    /// An SMB transaction to the mailslot `\MAILSLOT\BROWSE` that holds an announcement (MS-MAIL, 2.2.1; MS-BRWS, 2.2).
    fn browser(&mut self, smb: &[u8]) {
        const SLOT: &[u8] = b"\\mailslot\\browse\0";
        if !smb.starts_with(b"\xffSMB\x25") {
            return;
        }
        // After the header of 32 bytes: the count of words, and the words, of which the twelfth and thirteenth are length and place of the data.
        let (Some(length), Some(place)) = (le16(smb, 33 + 22), le16(smb, 33 + 24)) else { return };
        let Some(frame) = smb.get(place..).map(|rest| rest.get(..length).unwrap_or(rest)) else { return };
        if !smb.get(32..place).is_some_and(|head| text::contains(head, SLOT)) {
            return;
        }
        // HostAnnouncement, LocalMasterAnnouncement.
        let Some(master) = frame.first().and_then(|c| match c {
            1 => Some(false),
            15 => Some(true),
            _ => None,
        }) else {
            return;
        };
        let (Some(name), Some(&[major, minor, a, b, c, d])) = (frame.get(6..22), frame.get(22..28)) else {
            return;
        };
        let mut announced = std::mem::take(&mut self.announced);
        let until_nul = |text: &[u8]| text.iter().position(|b| *b == 0).unwrap_or(text.len());
        padded(&mut announced.name, name.get(..until_nul(name)).unwrap_or_default());
        announced.version = (major, minor);
        announced.kinds = u32::from_le_bytes([a, b, c, d]);
        announced.master = master;
        let comment = frame.get(32..).unwrap_or_default();
        text::set(&mut announced.comment, comment.get(..until_nul(comment)).unwrap_or_default(), MAX_COMMENT);
        self.act.announced = Some(announced);
    }
}

fn le16(bytes: &[u8], at: usize) -> Option<usize> {
    be16(bytes, at).map(|n| usize::from(n.swap_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    fn encoded(name: &str, suffix: u8) -> Vec<u8> {
        let mut bytes = [b' '; 16];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        bytes[15] = suffix;
        let letters = bytes.iter().flat_map(|b| [b'A' + (b >> 4), b'A' + (b & 15)]);
        std::iter::once(32).chain(letters).chain([0]).collect()
    }
    fn message(flags: u16, counts: [u16; 4], body: &[u8]) -> Vec<u8> {
        let mut v: Vec<u8> = [7, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect();
        v.extend_from_slice(body);
        v
    }
    fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
        [name, &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 9], &(data.len() as u16).to_be_bytes(), data].concat()
    }
    fn one(spec: &Spec, bytes: &[u8]) -> NetbiosName {
        match testing::udp(spec, Dir::Down, bytes).as_slice() {
            [Act::NetbiosName(n)] => n.clone(),
            other => panic!("{other:?}"),
        }
    }
    fn registration() -> Vec<u8> {
        let question = [encoded("PLANT-PC", 0x20), vec![0, 0x20, 0, 1]].concat();
        message(0x2910, [1, 0, 0, 1], &[question, record(&[0xc0, 12], 0x20, &[0, 0, 192, 168, 0, 9])].concat())
    }
    fn status() -> Vec<u8> {
        let entry = |name: &str, suffix: u8, flags: u16| {
            let mut e = [b' '; 16].to_vec();
            e[..name.len()].copy_from_slice(name.as_bytes());
            e[15] = suffix;
            e.extend(flags.to_be_bytes());
            e
        };
        let data = [vec![2], entry("NAS01", 0, 0x400), entry("KOUJOU", 0, 0x8400), vec![0, 0x11, 0x32, 1, 2, 3], vec![0; 40]].concat();
        message(0x8400, [0, 1, 0, 0], &record(&encoded("*", 0), 0x21, &data))
    }
    fn announcement() -> Vec<u8> {
        let mut frame = vec![1, 0, 0x80, 0xfc, 0x0a, 0];
        frame.extend(b"HMI-2\0\0\0\0\0\0\0\0\0\0\0");
        frame.extend([6, 1, 3, 0x10, 0, 0, 0x0f, 1, 0x55, 0xaa]);
        frame.extend(b"Line 2\0junk");
        let slot = b"\\MAILSLOT\\BROWSE\0";
        let place = 32 + 1 + 34 + 2 + slot.len();
        let mut smb = b"\xffSMB\x25".to_vec();
        smb.resize(32, 0);
        smb.push(17);
        let mut words = [0u8; 34];
        words[22..24].copy_from_slice(&(frame.len() as u16).to_le_bytes());
        words[24..26].copy_from_slice(&(place as u16).to_le_bytes());
        smb.extend(words);
        smb.extend([0, 0]);
        smb.extend(slot);
        smb.extend(frame);
        let mut m = vec![0x11, 2, 0, 1, 192, 168, 0, 9, 0, 138, 0, 0, 0, 0];
        m.extend(encoded("HMI-2", 0));
        m.extend(encoded("KOUJOU", 0x1d));
        m.extend(smb);
        m
    }

    #[test]
    fn a_station_registers_its_name() {
        let n = one(&NAMES, &registration());
        assert_eq!((n.response, n.opcode, n.name.as_str(), n.suffix), (false, 5, "PLANT-PC", 0x20));
        assert_eq!(n.addresses, [std::net::Ipv4Addr::new(192, 168, 0, 9)]);
    }

    #[test]
    fn a_node_tells_all_its_names_and_its_hardware_address() {
        let n = one(&NAMES, &status());
        assert_eq!((n.response, n.name.as_str()), (true, "*"));
        assert_eq!(n.status, [("NAS01".to_string(), 0, false), ("KOUJOU".to_string(), 0, true)]);
        assert_eq!(n.mac, Some(Mac([0, 0x11, 0x32, 1, 2, 3])));
    }

    #[test]
    fn a_datagram_names_its_sender_and_what_it_announces() {
        let n = one(&DATAGRAMS, &announcement());
        assert_eq!((n.name.as_str(), n.suffix, n.datagram, n.group), ("HMI-2", 0, true, true));
        assert_eq!(n.to, Some(("KOUJOU".into(), 0x1d)));
        let a = n.announced.unwrap();
        assert_eq!((a.name.as_str(), a.version, a.kinds, a.comment.as_str(), a.master), ("HMI-2", (6, 1), 0x1003, "Line 2", false));
    }

    #[test]
    fn cut_at_each_byte_tells_a_name_or_nothing() {
        for (spec, whole) in [(&NAMES, registration()), (&NAMES, status()), (&DATAGRAMS, announcement())] {
            for cut in 0..whole.len() {
                let acts = testing::udp(spec, Dir::Up, &whole[..cut]);
                assert!(acts.is_empty() || cut >= 46, "{cut}");
            }
        }
    }

    #[test]
    fn pointers_that_loop_and_other_things_are_refused() {
        let loops = message(0, [0, 1, 0, 0], &[&[0xc0, 12][..], &[0; 40]].concat());
        assert!(testing::udp(&NAMES, Dir::Up, &loops).is_empty());
        let ask = |spec: &Spec, up: &[u8], port| {
            (spec.probe)(&ProbeInput { up, down: &[], client_port: port, server_port: port, datagram: true })
        };
        assert_eq!((ask(&NAMES, &registration(), 137), ask(&NAMES, &registration(), 9)), (Verdict::Sure(95), Verdict::Sure(85)));
        assert_eq!((ask(&DATAGRAMS, &announcement(), 138), ask(&DATAGRAMS, &announcement(), 9)), (Verdict::Sure(90), Verdict::Sure(90)));
        let dns = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x02jp\0\0\x01\0\x01";
        for other in [&dns[..], &[0; 60], &[0x11; 60], b"M-SEARCH * HTTP/1.1\r\n\r\n"] {
            assert_eq!((ask(&NAMES, other, 137), ask(&DATAGRAMS, other, 138)), (Verdict::No, Verdict::No), "{other:?}");
        }
    }

    hostile!(NAMES, script(&[(Dir::Up, &registration()), (Dir::Down, &status())]));
    mod datagrams {
        use super::*;
        hostile!(DATAGRAMS, script(&[(Dir::Up, &announcement())]));
    }
}
