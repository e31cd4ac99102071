//! SMB 1 (MS-CIFS, MS-SMB) and SMB 2 and 3 (MS-SMB2), over NetBIOS sessions (RFC 1002, 4.3) and directly over TCP: who logs in, which shares are
//! connected, which files and pipes are opened, deleted and renamed, each with the server's answer.
//!
//! A message is up to 16 MiB long, but what is read here stands at its beginning: of reads, writes and whatever else is not told only the
//! header is looked at, and the rest is passed over. Requests wait in a table for their answers ([`MAX_WAITING`]), with file
//! handles ([`MAX_HANDLES`]), shares ([`MAX_TREES`]) and sessions ([`MAX_SESSIONS`]) in others; when one is full, the oldest entry makes
//! room, and what hung on it is told with less.
//!
//! Encrypted messages (SMB 3) and compressed ones are passed over. At the first encrypted one a session without status is told, if no
//! session said before that it is encrypted.
//!
//! Log-ins: the answer to the last step of a session set-up decides. The user's name comes from NTLM ([`super::ntlm`]); with Kerberos it is
//! inside the ticket and stays unknown. What is kept of passwords: their trace where SMB 1 sends them in clear, and nothing of the answers
//! to challenges.

#[cfg(test)]
mod tests;
mod v1;
mod v2;

use super::{be24, kerberos, ntlm, server_first, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use model::ActRef;
use model::activity::{Kerberos, Login, Ntlm, Outcome, Protocol, SecretTrace, Smb, SmbKind};

/// SMB.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Smb, tcp: true, udp: false, ports: &[445, 139], probe, start: || Box::<SmbParser>::default() };

/// Requests that wait for their answers.
pub const MAX_WAITING: usize = 64;
/// Open files whose names are remembered.
pub const MAX_HANDLES: usize = 64;
/// Connected shares that are remembered.
pub const MAX_TREES: usize = 32;
/// Sessions of one connection that are remembered.
pub const MAX_SESSIONS: usize = 8;
/// Bytes kept of a path.
pub const MAX_PATH: usize = 512;
/// Bytes kept of another name.
const MAX_NAME: usize = 128;
/// Bytes of a message that are waited for.
const MAX_MESSAGE: usize = 12 * 1024;
/// Bytes that are enough to know whether the rest is wanted: session header and SMB header.
const ENOUGH: usize = 4 + 64;
/// Greatest message: 24 bits of length.
const SESSION_MESSAGE: u8 = 0;
const SESSION_REQUEST: u8 = 0x81;
/// Pieces in a row that begin with something else before the conversation is given up.
const MAX_LOST: u32 = 64;

/// NT status values (MS-ERREF, 2.3).
mod status {
    pub const PENDING: u32 = 0x0000_0103;
    pub const MORE_PROCESSING: u32 = 0xc000_0016;
    /// Those by which a log-in is refused: wrong password or name, disabled, expired, locked, at the wrong time or place, not allowed.
    pub const REFUSED: [u32; 17] = [
        0xc000_0022,
        0xc000_0064,
        0xc000_006a,
        0xc000_006d,
        0xc000_006e,
        0xc000_006f,
        0xc000_0070,
        0xc000_0071,
        0xc000_0072,
        0xc000_015b,
        0xc000_0192,
        0xc000_0193,
        0xc000_0199,
        0xc000_0224,
        0xc000_0234,
        0xc000_0413,
        0xc000_018b,
    ];
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}
fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// Which SMB a message is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    One,
    Two,
    Encrypted,
    Compressed,
}

fn sort(message: &[u8]) -> Option<Sort> {
    match message {
        [0xff, b'S', b'M', b'B', ..] => Some(Sort::One),
        [0xfe, b'S', b'M', b'B', ..] => Some(Sort::Two),
        [0xfd, b'S', b'M', b'B', ..] => Some(Sort::Encrypted),
        [0xfc, b'S', b'M', b'B', ..] => Some(Sort::Compressed),
        _ => None,
    }
}

/// Whether a session message with SMB in it, or the request for a NetBIOS session, begins here.
fn begins(bytes: &[u8]) -> Verdict {
    match bytes.first() {
        Some(&SESSION_MESSAGE) => match bytes.get(4..) {
            None => Verdict::Unsure,
            Some(message) if message.len() < 4 => {
                let mark = message.iter().zip([&[0xfc, 0xfd, 0xfe, 0xff][..], b"S", b"M", b"B"]).all(|(b, may)| may.contains(b));
                if mark { Verdict::Unsure } else { Verdict::No }
            }
            Some(message) if sort(message).is_some() && be24(bytes, 1).is_some_and(|n| n >= 32) => Verdict::Sure(96),
            Some(_) => Verdict::No,
        },
        Some(&SESSION_REQUEST) => match bytes.get(..6) {
            None => Verdict::Unsure,
            // Two names in their first-level coding (RFC 1001, 14.1): 32 letters from A to P each.
            Some([_, 0 | 1, _, 68..=255, 32, b'A'..=b'P']) => Verdict::Sure(85),
            Some(_) => Verdict::No,
        },
        _ => Verdict::No,
    }
}

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let mut best = Verdict::No;
    for bytes in [i.up, i.down].into_iter().filter(|b| !b.is_empty()) {
        best = best.max(match bytes.strip_prefix(&[0x82, 0, 0, 0]) {
            // The server's assent to a NetBIOS session, if nothing else was seen.
            Some(rest) if [i.client_port, i.server_port].contains(&139) => {
                if rest.is_empty() {
                    Verdict::Unsure
                } else {
                    begins(rest)
                }
            }
            _ => begins(bytes),
        });
    }
    best
}

/// What a request wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wish {
    #[default]
    Negotiate,
    Session,
    Tree,
    /// True where the file goes away when it is closed.
    Open(bool),
    Delete,
    Rename,
    Logoff,
}

/// A request that waits for its answer.
#[derive(Default)]
struct Waiting {
    used: bool,
    /// Number of the message, and for SMB 1 the command and process as well.
    id: u64,
    wish: Wish,
    tree: u32,
    session: u64,
    /// Path of the share, or file name.
    name: String,
    target: String,
    /// Session set-up.
    user: String,
    domain: String,
    host: String,
    os: String,
    secret: Option<SecretTrace>,
    clear_text: bool,
    anonymous: bool,
    /// There is somebody who logs in: not only the first step.
    named: bool,
}

impl Waiting {
    fn clear(&mut self) {
        for s in [&mut self.name, &mut self.target, &mut self.user, &mut self.domain, &mut self.host, &mut self.os] {
            s.clear();
        }
        (self.secret, self.clear_text, self.anonymous, self.named) = (None, false, false, false);
    }
}

/// Something remembered by its number.
#[derive(Default)]
struct Named<K> {
    key: Option<K>,
    name: String,
}

#[derive(Default)]
struct Session {
    key: Option<u64>,
    user: String,
    domain: String,
    host: String,
    encrypted: bool,
}

/// Remembers up to a number of things; the oldest makes room.
struct Table<T, const N: usize> {
    rows: Vec<T>,
    next: usize,
}
impl<T, const N: usize> Default for Table<T, N> {
    fn default() -> Self {
        Table { rows: Vec::new(), next: 0 }
    }
}
impl<T: Default, const N: usize> Table<T, N> {
    /// The place for a new entry: a free one, or the oldest.
    fn place(&mut self, free: impl Fn(&T) -> bool) -> Option<&mut T> {
        let at = match self.rows.iter().position(free) {
            Some(at) => at,
            None if self.rows.len() < N => {
                self.rows.push(T::default());
                self.rows.len() - 1
            }
            None => {
                self.next = (self.next + 1) % N;
                self.next
            }
        };
        self.rows.get_mut(at)
    }
}

impl<K: PartialEq, const N: usize> Table<Named<K>, N>
where
    Named<K>: Default,
{
    fn name(&self, key: &K) -> &str {
        self.rows.iter().find(|r| r.key.as_ref() == Some(key)).map_or("", |r| &r.name)
    }
    fn set(&mut self, key: K, name: &str) {
        if let Some(row) = self.rows.iter().position(|r| r.key.as_ref() == Some(&key)) {
            if let Some(row) = self.rows.get_mut(row) {
                row.name.clear();
                row.name.push_str(name);
            }
        } else if let Some(row) = self.place(|r| r.key.is_none()) {
            row.key = Some(key);
            row.name.clear();
            row.name.push_str(name);
        }
    }
    fn forget(&mut self, key: &K) {
        if let Some(row) = self.rows.iter_mut().find(|r| r.key.as_ref() == Some(key)) {
            row.key = None;
        }
    }
    fn clear(&mut self) {
        for row in &mut self.rows {
            row.key = None;
        }
        self.next = 0;
    }
}

#[derive(Default)]
struct SmbParser {
    act: Smb,
    login: Login,
    ntlm: Ntlm,
    kerberos: Kerberos,
    dialect: u16,
    signing: bool,
    /// The server of SMB 1 wants passwords as they are.
    clear_passwords: bool,
    /// That there is encryption has been told.
    told_encryption: bool,
    /// Name by which the client called itself when it asked for a NetBIOS session.
    caller: String,
    waiting: Table<Waiting, MAX_WAITING>,
    handles: Table<Named<[u8; 16]>, MAX_HANDLES>,
    trees: Table<Named<u32>, MAX_TREES>,
    sessions: Table<Session, MAX_SESSIONS>,
    /// Name of the file that the last open of a chain of requests was about.
    chained: String,
    /// Native system of the server, from the answer being read.
    server_os: String,
    lost: [bool; 2],
    losses: u32,
    spare: Waiting,
}

impl Parser for SmbParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Step::Used(at);
            }
            let wait = if at > 0 { Step::Used(at) } else { Step::More };
            if *self.lost(dir) {
                if !matches!(begins(rest), Verdict::Sure(_)) {
                    self.losses += 1;
                    if self.losses > MAX_LOST {
                        self.end(cx);
                        return Step::Done;
                    }
                    return Step::Used(bytes.len());
                }
                *self.lost(dir) = false;
                self.losses = 0;
            }
            let (Some(&kind), Some(length)) = (rest.first(), be24(rest, 1)) else { return wait };
            let mut length = length as usize;
            match kind {
                SESSION_MESSAGE => {}
                // Session services have 17 bits of length; the other flags are reserved.
                SESSION_REQUEST | 0x82..=0x85 if length <= 0x1ffff => length &= 0x1ffff,
                _ => {
                    *self.lost(dir) = true;
                    continue;
                }
            }
            let total = 4 + length;
            if rest.len() < total.min(ENOUGH) {
                return wait;
            }
            let start = rest.get(4..total.min(rest.len())).unwrap_or_default();
            if kind == SESSION_MESSAGE && length > 0 && sort(start).is_none() {
                *self.lost(dir) = true;
                continue;
            }
            let wanted = if kind != SESSION_MESSAGE || wanted(start) { total.min(MAX_MESSAGE) } else { total.min(ENOUGH) };
            if rest.len() < wanted {
                return wait;
            }
            let message = rest.get(4..wanted).unwrap_or_default();
            if kind == SESSION_REQUEST {
                self.called(message);
            } else if kind == SESSION_MESSAGE {
                self.message(dir, message, cx);
            }
            if rest.len() < total {
                return Step::Skip((total - rest.len()) as u64);
            }
            at += total;
        }
    }

    fn gap(&mut self, dir: Dir, _missing: u64, _cx: &mut Cx<'_>) -> Step {
        *self.lost(dir) = true;
        Step::More
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        for i in 0..self.waiting.rows.len() {
            if let Some(waiting) = self.take(i) {
                self.tell(&waiting, None, Dir::Down, cx);
                self.give(waiting);
            }
        }
    }

    fn reset(&mut self) {
        for row in &mut self.waiting.rows {
            row.used = false;
        }
        for row in &mut self.sessions.rows {
            row.key = None;
        }
        (self.waiting.next, self.sessions.next) = (0, 0);
        self.handles.clear();
        self.trees.clear();
        ntlm::clear(&mut self.ntlm);
        for s in [&mut self.caller, &mut self.chained, &mut self.server_os] {
            s.clear();
        }
        (self.dialect, self.signing, self.clear_passwords, self.told_encryption) = (0, false, false, false);
        (self.act.guest, self.act.encrypted) = (false, false);
        (self.lost, self.losses) = ([false; 2], 0);
    }
}

/// Whether more than the header is to be read.
fn wanted(message: &[u8]) -> bool {
    match sort(message) {
        Some(Sort::One) => message.get(4).is_none_or(|c| v1::wanted(*c)),
        Some(Sort::Two) => v2::wanted(message),
        _ => false,
    }
}

impl SmbParser {
    fn lost(&mut self, dir: Dir) -> &mut bool {
        let [up, down] = &mut self.lost;
        if dir == Dir::Up { up } else { down }
    }

    fn message(&mut self, dir: Dir, message: &[u8], cx: &mut Cx<'_>) {
        match sort(message) {
            Some(Sort::One) => {
                let _ = self.one(dir, message, cx);
            }
            Some(Sort::Two) => self.two(dir, message, cx),
            Some(Sort::Encrypted) if !self.told_encryption => {
                // A conversation whose beginning was not seen, or whose session did not say that it is encrypted.
                self.told_encryption = true;
                self.clear_act(SmbKind::Session);
                self.act.encrypted = true;
                if let Some(session) = self.sessions.rows.iter().find(|s| s.key.is_some()) {
                    self.act.user.push_str(&session.user);
                    self.act.domain.push_str(&session.domain);
                    self.act.host.push_str(&session.host);
                }
                cx.emit_turned(server_first(&cx.head, SPEC.ports), ActRef::Smb(&self.act));
            }
            _ => {}
        }
    }

    /// The name of the one who asks for a NetBIOS session, which is the second of two (RFC 1002, 4.3.2).
    fn called(&mut self, names: &[u8]) {
        self.caller.clear();
        let Some(coded) = names.get(35..67).filter(|_| names.get(34) == Some(&32)) else { return };
        let mut name = [0u8; 16];
        for (out, pair) in name.iter_mut().zip(coded.chunks_exact(2)) {
            let (high, low) = match pair {
                &[h @ b'A'..=b'P', l @ b'A'..=b'P'] => (h - b'A', l - b'A'),
                _ => return,
            };
            *out = high << 4 | low;
        }
        // The last byte is the kind of the name.
        text::set(&mut self.caller, name.get(..15).unwrap_or_default().trim_ascii_end(), MAX_NAME);
    }

    fn clear_act(&mut self, kind: SmbKind) {
        let Smb { kind: k, dialect, status, share, file, target, user, domain, host, os, server_os, signing, encrypted, guest } =
            &mut self.act;
        for s in [share, file, target, user, domain, host, os, server_os] {
            s.clear();
        }
        (*k, *dialect, *status, *signing, *encrypted, *guest) = (kind, self.dialect, None, self.signing, false, false);
    }

    /// Puts a request where it waits. The oldest is told without answer if all places are taken.
    fn wait(&mut self, mut waiting: Waiting, cx: &mut Cx<'_>) {
        waiting.used = true;
        let mut old = None;
        if let Some(place) = self.waiting.place(|w| !w.used) {
            old = Some(std::mem::replace(place, waiting));
        }
        if let Some(mut old) = old {
            if std::mem::take(&mut old.used) {
                self.tell(&old, None, Dir::Down, cx);
            }
            self.give(old);
        }
    }

    /// A request to be filled in, with memory of an earlier one.
    fn blank(&mut self, id: u64, wish: Wish) -> Waiting {
        let mut blank = std::mem::take(&mut self.spare);
        blank.clear();
        (blank.id, blank.wish, blank.tree, blank.session) = (id, wish, 0, 0);
        blank
    }

    fn give(&mut self, waiting: Waiting) {
        self.spare = waiting;
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.waiting.rows.iter().position(|w| w.used && w.id == id)
    }

    fn take(&mut self, at: usize) -> Option<Waiting> {
        let row = self.waiting.rows.get_mut(at).filter(|w| w.used)?;
        let mut taken = std::mem::replace(row, std::mem::take(&mut self.spare));
        row.used = false;
        taken.used = false;
        Some(taken)
    }

    /// NTLM or Kerberos in a session set-up, as it goes from the client to the server. What they say is told here.
    fn token(&mut self, blob: &[u8], waiting: &mut Waiting, cx: &mut Cx<'_>) {
        if let Some(message) = ntlm::find(blob) {
            if ntlm::read(message, &mut self.ntlm) == Some(ntlm::Message::Authenticate) {
                text::set(&mut waiting.user, self.ntlm.user.as_bytes(), MAX_NAME);
                text::set(&mut waiting.domain, self.ntlm.domain.as_bytes(), MAX_NAME);
                text::set(&mut waiting.host, self.ntlm.host.as_bytes(), MAX_NAME);
                (waiting.anonymous, waiting.named) = (self.ntlm.anonymous, true);
                cx.emit(ActRef::Ntlm(&self.ntlm));
            }
        } else if let Some(message) = kerberos::find(blob)
            && kerberos::read(message, &mut self.kerberos)
        {
            waiting.named = true;
            cx.emit(ActRef::Kerberos(&self.kerberos));
        }
    }

    /// The same from the server to the client.
    fn server_token(&mut self, blob: &[u8], cx: &mut Cx<'_>) {
        if let Some(message) = ntlm::find(blob) {
            let _ = ntlm::read(message, &mut self.ntlm);
        } else if let Some(message) = kerberos::find(blob)
            && kerberos::read(message, &mut self.kerberos)
            && self.kerberos.error.is_some()
        {
            cx.emit(ActRef::Kerberos(&self.kerberos));
        }
    }

    /// Tells a request with the status of its answer.
    fn tell(&mut self, waiting: &Waiting, status: Option<u32>, server: Dir, cx: &mut Cx<'_>) {
        let turn = server == Dir::Up;
        let kind = match waiting.wish {
            Wish::Negotiate => SmbKind::Negotiate,
            Wish::Session => SmbKind::Session,
            Wish::Tree => SmbKind::Tree,
            Wish::Open(_) => SmbKind::Open,
            Wish::Delete => SmbKind::Delete,
            Wish::Rename => SmbKind::Rename,
            Wish::Logoff => SmbKind::Logoff,
        };
        // What the answer said; without one they are those of another message.
        let (guest, encrypted) = (status.is_some() && self.act.guest, status.is_some() && self.act.encrypted);
        self.clear_act(kind);
        self.act.status = status;
        let set = |out: &mut String, from: &str| out.push_str(from);
        match waiting.wish {
            Wish::Negotiate | Wish::Logoff => {}
            Wish::Tree => set(&mut self.act.share, &waiting.name),
            Wish::Session => {
                (self.act.guest, self.act.encrypted) = (guest, encrypted);
                self.told_encryption |= encrypted;
            }
            Wish::Open(_) | Wish::Delete | Wish::Rename => {
                set(&mut self.act.file, &waiting.name);
                set(&mut self.act.target, &waiting.target);
                set(&mut self.act.share, self.trees.name(&waiting.tree));
            }
        }
        if waiting.wish == Wish::Tree {
            self.act.encrypted = encrypted;
        }
        if waiting.wish == Wish::Session {
            set(&mut self.act.user, &waiting.user);
            set(&mut self.act.domain, &waiting.domain);
            set(&mut self.act.host, if waiting.host.is_empty() { &self.caller } else { &waiting.host });
            set(&mut self.act.os, &waiting.os);
            set(&mut self.act.server_os, &self.server_os);
        } else if let Some(session) = self.sessions.rows.iter().find(|s| s.key == Some(waiting.session)) {
            set(&mut self.act.user, &session.user);
            set(&mut self.act.domain, &session.domain);
            set(&mut self.act.host, &session.host);
            self.act.encrypted |= session.encrypted;
        }
        cx.emit_turned(turn, ActRef::Smb(&self.act));
        if waiting.wish == Wish::Session && waiting.named {
            self.login.user.clear();
            self.login.user.push_str(&waiting.user);
            (self.login.secret, self.login.clear_text, self.login.anonymous) = (waiting.secret, waiting.clear_text, waiting.anonymous);
            self.login.outcome = match status {
                // A guest is let in whatever the password was; as good as nobody, but in.
                Some(0) => Outcome::Success,
                Some(s) if status::REFUSED.contains(&s) => Outcome::Failure,
                _ => Outcome::Unknown,
            };
            self.login.anonymous |= guest;
            cx.emit_turned(turn, ActRef::Login(&self.login));
        }
    }

    /// A session was granted: its names go with what is done in it.
    fn granted(&mut self, key: u64, waiting: &Waiting, encrypted: bool) {
        let known = self.sessions.rows.iter().position(|s| s.key == Some(key));
        let row = match known {
            Some(at) => self.sessions.rows.get_mut(at),
            None => self.sessions.place(|s| s.key.is_none()),
        };
        if let Some(row) = row {
            (row.key, row.encrypted) = (Some(key), encrypted);
            for (to, from) in [(&mut row.user, &waiting.user), (&mut row.domain, &waiting.domain), (&mut row.host, &waiting.host)] {
                to.clone_from(from);
            }
        }
    }
}
