//! One trait for every protocol: a probe that recognises it by content, and a parser that reads one conversation.
//!
//! A parser is given the bytes of a direction that nobody has consumed yet, in order and without holes, as many as there are.
//! It says how many it used ([`Step::Used`]), or that it wants to wait for more ([`Step::More`]), or to have a number of bytes
//! passed over without seeing them ([`Step::Skip`]), or that it is done with the conversation ([`Step::Done`]), or that
//! from here on another protocol speaks ([`Step::Become`]). The engine keeps
//! the rest, within bounds. So most bytes are read where the network card put them, and no parser keeps a buffer of its own.
//!
//! Parsers are recycled: [`Parser::reset`] makes one as new without giving its memory back.

use crate::proto;
use crate::sink::Sink;
use model::activity::{Head, Protocol, SecretKind, SecretTrace};
use model::net::Transport;
use model::{ActRef, Time};

/// A direction of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// From the client (who spoke first) to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What a probe thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is not this protocol.
    No,
    /// It could be; with these bytes one cannot tell yet.
    Unsure,
    /// It is; 1–100, and the surest wins. A recognised port adds 10.
    Sure(u8),
}

/// What a probe may look at: the first bytes of each direction (at most 512 each), in order.
#[derive(Clone, Copy, Debug)]
pub struct ProbeInput<'a> {
    /// First bytes from the client; empty where none came yet.
    pub up: &'a [u8],
    /// First bytes from the server.
    pub down: &'a [u8],
    /// Port of the client (source of the first frame).
    pub client_port: u16,
    /// Port of the server.
    pub server_port: u16,
    /// True for UDP: `up` or `down` is then one whole datagram.
    pub datagram: bool,
}

/// What a parser did with the bytes it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Used this many (0 < n ≤ shown). The engine calls again if more are there.
    Used(usize),
    /// Cannot go on before more bytes come; nothing was used.
    More,
    /// Used everything shown and does not want the next `n` bytes of this direction either.
    Skip(u64),
    /// Does not want to see any more of this conversation.
    Done,
    /// From here on this conversation speaks another protocol, in both directions (STARTTLS, AUTH TLS, CONNECT): of what was shown nothing
    /// was used, and a new parser of that protocol is shown it instead. Whatever is still to be told has to be told before; `end` is not
    /// called. Where nobody reads that protocol, it is as [`Step::Done`]. Not for datagrams.
    Become(Protocol),
}

/// What a parser may do while it reads.
pub struct Cx<'a> {
    /// Who talks to whom; `time` is that of the frame being read, `protocol` the parser's own.
    pub head: Head,
    /// Where acts go.
    pub sink: &'a mut dyn Sink,
    /// Settings of this installation.
    pub options: &'a Options,
}

impl Cx<'_> {
    /// Tells an act.
    pub fn emit(&mut self, act: ActRef<'_>) {
        self.sink.activity(&self.head, act);
    }
    /// Tells an act, with client and server changed over where `turn` says that this conversation's capture began late or that
    /// the answering end spoke first.
    pub fn emit_turned(&mut self, turn: bool, act: ActRef<'_>) {
        let head = if turn { crate::proto::turned(self.head) } else { self.head };
        self.sink.activity(&head, act);
    }
    /// Capture time of the frame being read.
    pub fn now(&self) -> Time {
        self.head.time
    }
}

/// Settings that parsers need.
#[derive(Clone)]
pub struct Options {
    /// Key of this installation under which secrets are fingerprinted.
    pub secret_key: [u8; 32],
    /// Tell request targets as sent, with their query values. Only for `inspect`, which keeps nothing.
    pub raw_targets: bool,
    /// Whether a user name and password stand on the list of maker defaults.
    pub is_default: fn(user: &[u8], secret: &[u8]) -> bool,
}

impl Options {
    /// What may be kept of a secret.
    pub fn trace(&self, kind: SecretKind, user: &[u8], secret: &[u8]) -> SecretTrace {
        let fingerprint = crate::secret::fingerprint(&self.secret_key, secret);
        let kind = if secret.is_empty() { SecretKind::Empty } else { kind };
        SecretTrace { kind, length: secret.len().min(u16::MAX as usize) as u16, fingerprint, default: (self.is_default)(user, secret) }
    }
}

/// Reads one conversation.
pub trait Parser: Send {
    /// Reads bytes of one direction; see the module's essay. For datagrams the slice is one whole datagram and what is not used is dropped.
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step;
    /// `missing` bytes of this direction were lost (0 where the number is unknown); what comes next starts anywhere.
    /// A parser that does not find its place again gives the stream up, as here; a datagram stands alone.
    fn gap(&mut self, _dir: Dir, _missing: u64, cx: &mut Cx<'_>) -> Step {
        if cx.head.transport == Transport::Tcp { Step::Done } else { Step::More }
    }
    /// Encrypted or unread data passed: told for parsers that asked by `Step::Skip(u64::MAX)`, with the length of each piece.
    fn passed(&mut self, _dir: Dir, _bytes: u64, _cx: &mut Cx<'_>) {}
    /// The conversation ended, or the direction did (FIN): tell what is still half told.
    fn end(&mut self, _cx: &mut Cx<'_>) {}
    /// As new, keeping its memory.
    fn reset(&mut self);
}

/// A protocol that rides on TCP or UDP.
pub struct Spec {
    /// Which.
    pub protocol: Protocol,
    /// May be asked of TCP streams.
    pub tcp: bool,
    /// May be asked of UDP datagrams.
    pub udp: bool,
    /// Ports where it is usually met: a hint that adds to the probe's word, never a proof.
    pub ports: &'static [u16],
    /// Recognises it by content.
    pub probe: fn(&ProbeInput<'_>) -> Verdict,
    /// A new parser.
    pub start: fn() -> Box<dyn Parser>,
}

/// Every protocol that the engine asks for. The next forty are added here.
pub static PROTOCOLS: &[Spec] = &[
    proto::dns::DNS,
    proto::dns::MDNS,
    proto::dns::LLMNR,
    proto::http::SPEC,
    proto::tls::SPEC,
    proto::quic::SPEC,
    proto::dhcp::SPEC,
    proto::dhcp6::SPEC,
    proto::nbns::NAMES,
    proto::nbns::DATAGRAMS,
    proto::ssdp::SPEC,
    proto::wsd::SPEC,
    proto::ntp::SPEC,
    proto::snmp::SPEC,
    proto::coap::SPEC,
    proto::modbus::SPEC,
    proto::ssh::SPEC,
    proto::telnet::SPEC,
    proto::ftp::SPEC,
    proto::mqtt::SPEC,
    proto::rdp::SPEC,
    proto::vnc::SPEC,
    proto::kerberos::SPEC,
    proto::ldap::SPEC,
    proto::smtp::SPEC,
    proto::imap::SPEC,
    proto::pop3::SPEC,
    proto::rtsp::SPEC,
    proto::smb::SPEC,
    proto::sip::SPEC,
];
