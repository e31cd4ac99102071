//! MQTT 3.1, 3.1.1 and 5 (OASIS) over TCP in clear: who logs in at the broker, and which topics go through it.
//!
//! What is published can be a great many small messages to few topics, so each topic is told when it is first seen in a conversation and
//! then at most once a minute, with the number of messages and bytes that the telling stands for. The memory for that holds
//! [`MAX_TOPICS`] topics; the one that was told longest ago makes room. Payloads are never looked at.
//!
//! The password goes over the wire as it is, so a log-in here is always in clear text. Whether it was good says CONNACK: return codes 4 and 5
//! of MQTT 3 and reason codes 0x86, 0x87, 0x8a and 0x8c of MQTT 5 refuse the user; the others (wrong version, server busy …) say
//! nothing about the password.

use super::{be16, server_first, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::activity::{Login, Mqtt, Outcome, Protocol, SecretKind};
use model::{ActRef, Span, Time};

/// MQTT.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Mqtt, tcp: true, udp: false, ports: &[1883], probe, start: || Box::<MqttParser>::default() };

/// Topics of one conversation that are remembered.
pub const MAX_TOPICS: usize = 32;
/// Bytes kept of a topic, client identifier or user name.
pub const MAX_NAME: usize = 256;
/// Topic filters of a SUBSCRIBE that are told.
const MAX_FILTERS: usize = 16;
/// Aliases of topics (MQTT 5) that are remembered for each direction.
const MAX_ALIASES: usize = 16;
/// Bytes of a packet that are waited for; the rest is passed over.
const MAX_PACKET: usize = 12 * 1024;
/// How often one topic is told.
const EVERY: Span = Span::seconds(60);

const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;
const SUBACK: u8 = 9;
const UNSUBSCRIBE: u8 = 10;
const UNSUBACK: u8 = 11;
const DISCONNECT: u8 = 14;

enum Fixed {
    /// Type, flags, bytes of the header, bytes that follow it.
    Packet(u8, u8, usize, usize),
    More,
    Bad,
}

/// The fixed header (3.1.1, 2.2).
fn fixed(bytes: &[u8]) -> Fixed {
    let Some((&first, rest)) = bytes.split_first() else { return Fixed::More };
    let (kind, flags) = (first >> 4, first & 0x0f);
    let right = match kind {
        PUBLISH => flags & 6 != 6,
        // MQTT 3.1 sets DUP where something is sent again.
        6 | SUBSCRIBE | UNSUBSCRIBE => flags & 7 == 2,
        0 => false,
        _ => flags == 0,
    };
    if !right {
        return Fixed::Bad;
    }
    match varint(rest) {
        Some((length, n)) => Fixed::Packet(kind, flags, 1 + n, length),
        None if rest.len() < 4 => Fixed::More,
        None => Fixed::Bad,
    }
}

/// A variable byte integer and the bytes it takes.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (i, &b) in bytes.iter().take(4).enumerate() {
        value |= usize::from(b & 0x7f) << (7 * i);
        if b & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

/// A string or binary field with its length before it.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(be16(bytes, 0)?);
    let value = bytes.get(2..2 + length)?;
    *bytes = bytes.get(2 + length..)?;
    Some(value)
}

/// Passes over the properties of MQTT 5 (2.2.2). Gives the topic alias among them, 0 where
/// none is (3.3.2.3.4 forbids that one).
fn properties(bytes: &mut &[u8]) -> Option<u16> {
    let (length, n) = varint(bytes)?;
    let mut list = bytes.get(n..n.checked_add(length)?)?;
    *bytes = bytes.get(n + length..)?;
    let mut alias = 0;
    while let Some((&id, rest)) = list.split_first() {
        list = rest;
        let used = match id {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => 1,
            0x23 => {
                alias = be16(list, 0)?;
                2
            }
            0x13 | 0x21 | 0x22 => 2,
            0x02 | 0x11 | 0x18 | 0x27 => 4,
            0x0b => varint(list)?.1,
            0x26 => {
                field(&mut list)?;
                field(&mut list)?;
                0
            }
            _ => {
                field(&mut list)?;
                0
            }
        };
        list = list.get(used..)?;
    }
    Some(alias)
}

/// Whether a CONNECT stands at the beginning.
fn connects(bytes: &[u8]) -> Verdict {
    let (head, length) = match fixed(bytes) {
        Fixed::Packet(CONNECT, _, head, length) if length >= 10 => (head, length),
        Fixed::More if bytes.first() == Some(&0x10) || bytes.is_empty() => return Verdict::Unsure,
        _ => return Verdict::No,
    };
    let body = bytes.get(head..).unwrap_or_default();
    for name in [&b"\0\x04MQTT"[..], b"\0\x06MQIsdp"] {
        if body.starts_with(name) && length > name.len() {
            return Verdict::Sure(96);
        }
        if name.starts_with(body) {
            return Verdict::Unsure;
        }
    }
    Verdict::No
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let usual = i.server_port == 1883 || i.client_port == 1883;
    let mut best = Verdict::No;
    for bytes in [i.up, i.down] {
        if bytes.is_empty() {
            continue;
        }
        match connects(bytes) {
            Verdict::No if usual => best = best.max(later(bytes)),
            v => best = best.max(v),
        }
    }
    best
}

/// A conversation on the usual port of which the beginning was not seen.
fn later(bytes: &[u8]) -> Verdict {
    let Fixed::Packet(kind, flags, head, length) = fixed(bytes) else { return Verdict::No };
    let mut body = bytes.get(head..).unwrap_or_default();
    let whole = body.len() >= length;
    let right = match kind {
        CONNACK => length == 2 || (length > 2 && body.first().is_some_and(|f| *f < 2)),
        PUBLISH => {
            let least = if flags & 6 == 0 { 2 } else { 4 };
            length >= least && field(&mut body).is_some_and(|t| t.len() + least <= length && topic(t))
        }
        SUBSCRIBE | UNSUBSCRIBE => length >= 5 && whole,
        SUBACK => length >= 3 && whole,
        4..=7 => length == 2 && whole,
        12 | 13 => length == 0,
        _ => false,
    };
    if right { Verdict::Sure(55) } else { Verdict::No }
}

/// What can be the name of a topic (4.7): text without wildcards.
fn topic(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_ok_and(|t| !t.contains(['+', '#', '\0']))
}

#[derive(Default)]
struct Topic {
    name: String,
    from_server: bool,
    told: Time,
    /// Not told yet.
    count: u32,
    bytes: u32,
    qos: u8,
    retain: bool,
}

#[derive(Default)]
struct Alias {
    from_server: bool,
    number: u16,
    name: String,
}

#[derive(Default)]
struct MqttParser {
    act: Mqtt,
    version: u8,
    /// Client identifier of the conversation.
    client: String,
    server: Option<Dir>,
    lost: [bool; 2],
    login: Login,
    /// A CONNECT with a user name waits for its answer.
    open: bool,
    topics: Vec<Topic>,
    known: usize,
    aliases: Vec<Alias>,
    aliased: usize,
    name: String,
    /// Strings that filters used.
    spare: Vec<String>,
}

impl Parser for MqttParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Step::Used(at);
            }
            let wait = if at > 0 { Step::Used(at) } else { Step::More };
            if *self.lost(dir) {
                // Whole packets mostly begin where a segment does; anything else is passed over.
                if later(rest) == Verdict::No && connects(rest) == Verdict::No {
                    return Step::Used(bytes.len());
                }
                *self.lost(dir) = false;
            }
            let (kind, flags, head, length) = match fixed(rest) {
                Fixed::Packet(kind, flags, head, length) => (kind, flags, head, length),
                Fixed::More => return wait,
                Fixed::Bad => {
                    self.end(cx);
                    return Step::Done;
                }
            };
            let total = head + length;
            if rest.len() < total.min(MAX_PACKET) {
                return wait;
            }
            let body = rest.get(head..total.min(rest.len()).min(MAX_PACKET)).unwrap_or_default();
            self.packet(dir, kind, flags, body, length, cx);
            if rest.len() < total {
                return Step::Skip((total - rest.len()) as u64);
            }
            at += total;
        }
    }

    fn gap(&mut self, dir: Dir, _missing: u64, cx: &mut Cx<'_>) -> Step {
        *self.lost(dir) = true;
        self.finish(Outcome::Unknown, cx);
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        self.finish(Outcome::Unknown, cx);
        for i in 0..self.known {
            self.tell_topic(i, cx);
        }
        self.known = 0;
    }

    fn reset(&mut self) {
        self.clear();
        self.client.clear();
        self.login.user.clear();
        self.login.secret = None;
        (self.version, self.server, self.lost, self.open) = (0, None, [false; 2], false);
        (self.known, self.aliased) = (0, 0);
    }
}

impl MqttParser {
    fn lost(&mut self, dir: Dir) -> &mut bool {
        let [up, down] = &mut self.lost;
        if dir == Dir::Up { up } else { down }
    }

    fn clear(&mut self) {
        let Mqtt { packet, version, client, topic, filters, code, qos, retain, bytes, count, will, from_server } = &mut self.act;
        for s in [client, topic, will] {
            s.clear();
        }
        for mut filter in filters.drain(..) {
            filter.clear();
            if self.spare.len() < MAX_FILTERS {
                self.spare.push(filter);
            }
        }
        (*packet, *version, *code, *qos, *retain, *bytes, *count, *from_server) = (0, self.version, None, 0, false, 0, 0, false);
    }

    fn emit(&mut self, packet: u8, from_server: bool, cx: &mut Cx<'_>) {
        (self.act.packet, self.act.from_server, self.act.version) = (packet, from_server, self.version);
        text::set(&mut self.act.client, self.client.as_bytes(), MAX_NAME);
        cx.emit_turned(self.server == Some(Dir::Up), ActRef::Mqtt(&self.act));
    }

    fn finish(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.open) {
            self.login.outcome = outcome;
            cx.emit_turned(self.server == Some(Dir::Up), ActRef::Login(&self.login));
        }
    }

    fn packet(&mut self, dir: Dir, kind: u8, flags: u8, mut body: &[u8], length: usize, cx: &mut Cx<'_>) {
        let other = if dir == Dir::Up { Dir::Down } else { Dir::Up };
        match kind {
            CONNECT | SUBSCRIBE | UNSUBSCRIBE | 12 => self.server = Some(other),
            CONNACK | SUBACK | UNSUBACK | 13 => self.server = Some(dir),
            _ if self.server.is_none() => self.server = Some(if server_first(&cx.head, SPEC.ports) { Dir::Up } else { Dir::Down }),
            _ => {}
        }
        let from_server = self.server == Some(dir);
        self.clear();
        match kind {
            CONNECT => {
                self.finish(Outcome::Unknown, cx);
                let _ = self.connect(&mut body, cx);
                self.emit(kind, false, cx);
            }
            CONNACK => {
                let code = body.get(1).copied();
                self.act.code = code;
                self.emit(kind, true, cx);
                let outcome = match (self.version, code) {
                    (_, Some(0)) => Outcome::Success,
                    (5, Some(0x86 | 0x87 | 0x8a | 0x8c)) | (_, Some(4 | 5)) => Outcome::Failure,
                    _ => Outcome::Unknown,
                };
                self.finish(outcome, cx);
            }
            PUBLISH => {
                let _ = self.publish(flags, body, length, from_server, cx);
            }
            SUBSCRIBE | UNSUBSCRIBE => {
                body = body.get(2..).unwrap_or_default();
                if self.version == 5 {
                    let _ = properties(&mut body);
                }
                while let Some(filter) = field(&mut body) {
                    if self.act.filters.len() < MAX_FILTERS {
                        let mut s = self.spare.pop().unwrap_or_default();
                        text::set(&mut s, filter, MAX_NAME);
                        self.act.filters.push(s);
                    }
                    if kind == SUBSCRIBE {
                        self.act.qos = self.act.qos.max(body.first().map_or(0, |o| o & 3));
                        body = body.get(1..).unwrap_or_default();
                    }
                }
                if let Some(first) = self.act.filters.first() {
                    text::set(&mut self.act.topic, first.as_bytes(), MAX_NAME);
                }
                self.emit(kind, false, cx);
            }
            SUBACK => {
                body = body.get(2..).unwrap_or_default();
                if self.version == 5 {
                    let _ = properties(&mut body);
                }
                // A refusal says more than what was granted.
                self.act.code = body.iter().copied().max();
                self.emit(kind, true, cx);
            }
            DISCONNECT => {
                self.act.code = if self.version == 5 { Some(body.first().copied().unwrap_or(0)) } else { None };
                self.emit(kind, from_server, cx);
            }
            _ => {}
        }
    }

    fn connect(&mut self, body: &mut &[u8], cx: &mut Cx<'_>) -> Option<()> {
        self.client.clear();
        (self.known, self.aliased) = (0, 0);
        field(body)?;
        self.version = *body.first()? & 0x7f;
        let flags = *body.get(1)?;
        *body = body.get(4..)?;
        if self.version == 5 {
            properties(body)?;
        }
        text::set(&mut self.client, field(body)?, MAX_NAME);
        let (has_user, has_password) = (flags & 0x80 != 0, flags & 0x40 != 0);
        if has_user || has_password {
            self.login.user.clear();
            (self.login.secret, self.login.clear_text, self.login.anonymous) = (None, true, false);
            self.open = true;
        }
        if flags & 4 != 0 {
            if self.version == 5 {
                properties(body)?;
            }
            text::set(&mut self.act.will, field(body)?, MAX_NAME);
            field(body)?;
        }
        (self.act.qos, self.act.retain) = (flags >> 3 & 3, flags & 0x20 != 0);
        let user = if has_user { field(body)? } else { &[] };
        text::set(&mut self.login.user, user, MAX_NAME);
        if has_password {
            self.login.secret = Some(cx.options.trace(SecretKind::Password, user, field(body)?));
        }
        Some(())
    }

    fn publish(&mut self, flags: u8, mut body: &[u8], length: usize, from_server: bool, cx: &mut Cx<'_>) -> Option<()> {
        let qos = flags >> 1 & 3;
        let before = body.len();
        // A topic longer than what is waited for is told by its beginning.
        let bytes = match field(&mut body) {
            Some(topic) => topic,
            None => std::mem::take(&mut body).get(2..)?,
        };
        let mut name = std::mem::take(&mut self.name);
        text::set(&mut name, bytes, MAX_NAME);
        if qos > 0 {
            body = body.get(2..).unwrap_or_default();
        }
        if self.version == 5
            && let Some(alias @ 1..) = properties(&mut body)
        {
            self.alias(from_server, alias, &mut name);
        }
        let payload = length.saturating_sub(before - body.len());
        let payload = u32::try_from(payload).unwrap_or(u32::MAX);
        let (now, known) = (cx.now(), self.known);
        let found = self.topics.iter().take(known).position(|t| t.from_server == from_server && t.name == name);
        let (at, fresh) = match found {
            Some(at) => (at, false),
            None if known < MAX_TOPICS => {
                if self.topics.len() == known {
                    self.topics.push(Topic::default());
                }
                self.known += 1;
                (known, true)
            }
            None => {
                let oldest = self.topics.iter().enumerate().min_by_key(|(_, t)| t.told).map_or(0, |(i, _)| i);
                self.tell_topic(oldest, cx);
                (oldest, true)
            }
        };
        if let Some(topic) = self.topics.get_mut(at) {
            if fresh {
                text::set(&mut topic.name, name.as_bytes(), usize::MAX);
                (topic.from_server, topic.count, topic.bytes) = (from_server, 0, 0);
            }
            (topic.qos, topic.retain) = (qos, flags & 1 != 0);
            topic.count = topic.count.saturating_add(1);
            topic.bytes = topic.bytes.saturating_add(payload);
            if fresh || now.since(topic.told) >= EVERY {
                topic.told = now;
                self.tell_topic(at, cx);
            }
        }
        self.name = name;
        Some(())
    }

    /// Learns an alias, or puts the name that it stands for (MQTT 5, 3.3.2.3.4).
    fn alias(&mut self, from_server: bool, number: u16, name: &mut String) {
        let known = self.aliases.iter_mut().take(self.aliased).find(|a| a.from_server == from_server && a.number == number);
        match known {
            Some(alias) if name.is_empty() => name.push_str(&alias.name),
            Some(alias) => alias.name.clone_from(name),
            None if self.aliased < MAX_ALIASES && !name.is_empty() => {
                if self.aliases.len() == self.aliased {
                    self.aliases.push(Alias::default());
                }
                if let Some(alias) = self.aliases.get_mut(self.aliased) {
                    (alias.from_server, alias.number) = (from_server, number);
                    alias.name.clone_from(name);
                }
                self.aliased += 1;
            }
            None => {}
        }
    }

    /// Tells what was published to a topic since it was told last, if anything was.
    fn tell_topic(&mut self, at: usize, cx: &mut Cx<'_>) {
        self.clear();
        let Some(topic) = self.topics.get_mut(at).filter(|t| t.count > 0) else { return };
        self.act.topic.push_str(&topic.name);
        (self.act.qos, self.act.retain) = (topic.qos, topic.retain);
        (self.act.count, self.act.bytes) = (std::mem::take(&mut topic.count), std::mem::take(&mut topic.bytes));
        let from_server = topic.from_server;
        self.emit(PUBLISH, from_server, cx);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, Drive, hostile, script};
    use super::*;
    use model::activity::Act;

    fn text(s: &[u8]) -> Vec<u8> {
        [&(s.len() as u16).to_be_bytes()[..], s].concat()
    }
    fn packet(first: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        let mut n = body.len();
        loop {
            let more = n > 127;
            out.push((n & 0x7f) as u8 | if more { 0x80 } else { 0 });
            n >>= 7;
            if !more {
                return [out, body.to_vec()].concat();
            }
        }
    }
    fn connect(level: u8, user: &[u8], password: &[u8]) -> Vec<u8> {
        let name: &[u8] = if level == 3 { b"MQIsdp" } else { b"MQTT" };
        let properties: &[u8] = if level == 5 { &[5, 0x11, 0, 0, 0, 9] } else { &[] };
        let will: &[u8] = if level == 5 { &[0] } else { &[] };
        let parts = [
            &text(name)[..],
            &[level, 0xc6, 0, 60],
            properties,
            &text(b"cell-1"),
            will,
            &text(b"line/1/dead"),
            &text(b"gone"),
            &text(user),
            &text(password),
        ];
        packet(0x10, &parts.concat())
    }
    fn publish(topic: &[u8], payload: &[u8]) -> Vec<u8> {
        packet(0x30, &[text(topic), payload.to_vec()].concat())
    }
    fn mqtt(acts: &[Act]) -> Vec<&Mqtt> {
        acts.iter().filter_map(|a| if let Act::Mqtt(m) = a { Some(m) } else { None }).collect()
    }
    fn logins(acts: &[Act]) -> Vec<&Login> {
        acts.iter().filter_map(|a| if let Act::Login(l) = a { Some(l) } else { None }).collect()
    }

    #[test]
    fn a_log_in_is_told_with_the_brokers_answer_in_every_version() {
        for (level, code, outcome) in [
            (3, 0, Outcome::Success),
            (4, 5, Outcome::Failure),
            (4, 4, Outcome::Failure),
            (4, 3, Outcome::Unknown),
            (5, 0x86, Outcome::Failure),
            (5, 0x88, Outcome::Unknown),
            (5, 0, Outcome::Success),
        ] {
            let answer = if level == 5 { vec![0x20, 3, 0, code, 0] } else { vec![0x20, 2, 0, code] };
            let acts = testing::tcp(&SPEC, &[(Dir::Up, &connect(level, b"plc", b"geheim")), (Dir::Down, &answer)]);
            let login = logins(&acts)[0];
            assert_eq!((login.user.as_str(), login.outcome, login.clear_text), ("plc", outcome, true), "{level} {code}");
            assert_eq!(login.secret.unwrap().length, 6);
            let told = mqtt(&acts);
            assert_eq!(
                (told[0].packet, told[0].version, told[0].client.as_str(), told[0].will.as_str()),
                (1, level, "cell-1", "line/1/dead")
            );
            assert_eq!((told[1].packet, told[1].code), (2, Some(code)));
            assert!(!format!("{acts:?}").contains("geheim"));
        }
    }

    #[test]
    fn an_attempt_without_answer_is_told_when_the_conversation_ends() {
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &connect(4, b"admin", b"admin"))]);
        assert_eq!(logins(&acts)[0].outcome, Outcome::Unknown);
        assert!(logins(&acts)[0].secret.unwrap().default);
    }

    #[test]
    fn topics_are_told_once_a_minute_with_what_they_stand_for() {
        let mut parser = (SPEC.start)();
        let mut drive = Drive::new(&mut *parser, Protocol::Mqtt, model::Transport::Tcp, testing::options());
        drive.feed(Dir::Up, &connect(4, b"a", b"b"));
        for _ in 0..10 {
            drive.feed(Dir::Up, &publish(b"line/1/temp", b"21.5"));
        }
        drive.feed(Dir::Down, &publish(b"line/1/temp", b"21.5"));
        drive.end();
        let acts = drive.acts();
        let told: Vec<_> =
            mqtt(&acts).iter().filter(|m| m.packet == 3).map(|m| (m.topic.clone(), m.count, m.bytes, m.from_server)).collect();
        let t = || "line/1/temp".to_owned();
        assert_eq!(told, [(t(), 1, 4, false), (t(), 1, 4, true), (t(), 9, 36, false)]);
    }

    #[test]
    fn a_flood_of_topics_stays_within_its_memory_and_loses_no_count() {
        let up: Vec<u8> = (0..500).flat_map(|i| publish(format!("t/{}", i % 100).as_bytes(), b"x")).collect();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &connect(4, b"a", b"b")), (Dir::Up, &up)]);
        assert_eq!(mqtt(&acts).iter().map(|m| m.count).sum::<u32>(), 500);
    }

    #[test]
    fn subscriptions_and_aliases() {
        let subscribe = packet(0x82, &[&[0, 1, 0][..], &text(b"a/#"), &[1], &text(b"b/+"), &[0]].concat());
        let first = packet(0x30, &[&text(b"a/b")[..], &[3, 0x23, 0, 7], b"one"].concat());
        let second = packet(0x30, &[&text(b"")[..], &[3, 0x23, 0, 7], b"two"].concat());
        let acts = testing::tcp(
            &SPEC,
            &[(Dir::Up, &[connect(5, b"a", b"b"), subscribe, first, second].concat()), (Dir::Down, &[0x90, 5, 0, 1, 0, 1, 0x87])],
        );
        let told = mqtt(&acts);
        assert_eq!(told[1].filters, ["a/#", "b/+"]);
        assert_eq!((told[1].topic.as_str(), told[1].qos), ("a/#", 1));
        assert_eq!((told[2].topic.as_str(), told[2].bytes), ("a/b", 3));
        assert_eq!(told[3].code, Some(0x87));
        assert_eq!((told[4].topic.as_str(), told[4].count), ("a/b", 1));
    }

    #[test]
    fn a_payload_of_megabytes_is_passed_over() {
        let big = publish(b"cam/1", &vec![7; 3 << 20]);
        let all = [(Dir::Up, &connect(4, b"a", b"b")[..]), (Dir::Up, &big), (Dir::Up, &publish(b"z", b""))];
        for cut in [testing::Cut::Whole, testing::Cut::Random(5)] {
            let acts = testing::run_on(&mut *(SPEC.start)(), &SPEC, &all, cut, testing::options());
            let told = mqtt(&acts);
            assert_eq!((told[1].topic.as_str(), told[1].bytes), ("cam/1", 3 << 20));
            assert_eq!(told[2].topic, "z");
        }
    }

    #[test]
    fn the_middle_of_a_conversation_is_recognised_on_its_port_only() {
        let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: port, datagram: false });
        assert_eq!(ask(&connect(4, b"", b""), 9), Verdict::Sure(96));
        assert_eq!(ask(&connect(3, b"", b"")[..6], 9), Verdict::Unsure);
        assert_eq!((ask(&publish(b"a/b", b"1"), 1883), ask(&publish(b"a/b", b"1"), 9)), (Verdict::Sure(55), Verdict::No));
        for other in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\x16\x03\x01\x02\0\x01",
            b"0\x05\0\x03\xff\xff\xff",
            &[0; 16],
            &[0x10, 0x0c, 0, 4, b'N', b'A', 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(ask(other, 1883), Verdict::No, "{other:?}");
        }
    }

    hostile!(
        SPEC,
        script(&[(Dir::Up, &[connect(5, b"u", b"p"), publish(b"t", b"1")].concat()), (Dir::Down, &[0x20, 3, 0, 0, 0])]),
        script(&[(Dir::Up, &[connect(4, b"u", b"p"), packet(0x82, b"\0\x01\0\x01a\0")].concat()), (Dir::Down, &[0x90, 3, 0, 1, 0])])
    );
}
