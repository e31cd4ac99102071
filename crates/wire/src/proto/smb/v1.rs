//! SMB 1 (MS-CIFS, with the extensions of MS-SMB). Section numbers are those of MS-CIFS.

use super::{MAX_NAME, MAX_PATH, SmbParser, Waiting, Wish, le16, le32, status, text};
use crate::parse::{Cx, Dir};
use model::activity::SecretKind;

const HEADER: usize = 32;
const DELETE_DIRECTORY: u8 = 0x01;
const OPEN: u8 = 0x02;
const CREATE: u8 = 0x03;
const CLOSE: u8 = 0x04;
const DELETE: u8 = 0x06;
const RENAME: u8 = 0x07;
const OPEN_ANDX: u8 = 0x2d;
const TRANSACTION2: u8 = 0x32;
const TREE_CONNECT: u8 = 0x70;
const TREE_DISCONNECT: u8 = 0x71;
const NEGOTIATE: u8 = 0x72;
const SESSION_SETUP: u8 = 0x73;
const LOGOFF: u8 = 0x74;
const TREE_CONNECT_ANDX: u8 = 0x75;
const NT_CREATE: u8 = 0xa2;
/// Commands in one chain that are read (2.2.3.4).
const MAX_CHAIN: usize = 8;
/// What dialect SMB 1 is told as.
pub(super) const DIALECT: u16 = 0x0100;
const DELETE_ON_CLOSE: u32 = 0x1000;

/// Whether the command is told, so that more than its header is wanted.
pub(super) fn wanted(command: u8) -> bool {
    !matches!(command, 0x0a..=0x0f | 0x1a..=0x24 | 0x2b | 0x2e | 0x2f | 0xa0 | 0xa1)
}

/// One command of a message: its words and bytes, and where its bytes begin in the message.
struct Block<'a> {
    words: &'a [u8],
    bytes: &'a [u8],
    at: usize,
}

/// The command block that begins at `at` (2.2.3.2, 2.2.3.3); its bytes as far as they are there.
fn block(message: &[u8], at: usize) -> Option<Block<'_>> {
    let words = 2 * usize::from(*message.get(at)?);
    let after = at.checked_add(1 + words)?;
    let count = usize::from(le16(message, after)?);
    let bytes = message.get(after + 2..)?;
    Some(Block { words: message.get(at + 1..after)?, bytes: bytes.get(..count).unwrap_or(bytes), at: after + 2 })
}

/// Reads strings of a block one after the other.
struct Strings<'a> {
    rest: &'a [u8],
    /// Place in the message, since wide characters are aligned to it.
    at: usize,
    wide: bool,
}

impl<'a> Strings<'a> {
    fn new(block: &Block<'a>, skip: usize, wide: bool) -> Self {
        Strings { rest: block.bytes.get(skip..).unwrap_or_default(), at: block.at + skip.min(block.bytes.len()), wide }
    }

    fn skip(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or_default();
        self.at += n;
    }

    /// The next string's bytes without its end.
    fn next(&mut self) -> &'a [u8] {
        if self.wide && self.at % 2 == 1 {
            self.skip(1);
        }
        let rest = self.rest;
        let (length, end) = if self.wide {
            rest.chunks_exact(2).position(|c| c == [0, 0]).map_or((rest.len(), 0), |n| (n * 2, 2))
        } else {
            rest.iter().position(|b| *b == 0).map_or((rest.len(), 0), |n| (n, 1))
        };
        self.skip(length + end);
        rest.get(..length).unwrap_or_default()
    }

    fn read(&mut self, out: &mut String, max: usize) {
        let bytes = self.next();
        if self.wide { text::set_utf16(out, bytes, max) } else { text::set(out, bytes, max) }
    }
}

impl SmbParser {
    pub(super) fn one(&mut self, dir: Dir, message: &[u8], cx: &mut Cx<'_>) -> Option<()> {
        let response = message.get(9)? & 0x80 != 0;
        let mut command = *message.get(4)?;
        let mut at = HEADER;
        for _ in 0..MAX_CHAIN {
            let block = block(message, at)?;
            if response {
                let _ = self.answer(dir, command, message, &block, cx);
            } else {
                let _ = self.ask(command, message, &block, cx);
            }
            // Chained commands only go forward, so that a chain ends.
            let chained = matches!(command, OPEN_ANDX | SESSION_SETUP | LOGOFF | TREE_CONNECT_ANDX | NT_CREATE);
            match (block.words.first(), le16(block.words, 2).map(usize::from)) {
                (Some(&next), Some(offset)) if chained && next != 0xff && offset > at => (command, at) = (next, offset),
                _ => return Some(()),
            }
        }
        None
    }

    /// Number under which a command waits: message, process and command.
    fn number(command: u8, message: &[u8]) -> Option<u64> {
        let (pid, mid) = (u64::from(le16(message, 26)?), u64::from(le16(message, 30)?));
        Some(1 << 63 | u64::from(command) << 32 | pid << 16 | mid)
    }

    fn ask(&mut self, command: u8, message: &[u8], block: &Block<'_>, cx: &mut Cx<'_>) -> Option<()> {
        let wide = le16(message, 10)? & 0x8000 != 0;
        let (words, bytes) = (block.words, block.bytes);
        let id = Self::number(command, message)?;
        let wish = match command {
            NEGOTIATE => Wish::Negotiate,
            SESSION_SETUP => Wish::Session,
            LOGOFF => Wish::Logoff,
            TREE_CONNECT | TREE_CONNECT_ANDX => Wish::Tree,
            OPEN | CREATE | OPEN_ANDX => Wish::Open(false),
            NT_CREATE => Wish::Open(le32(words, 39)? & DELETE_ON_CLOSE != 0),
            DELETE | DELETE_DIRECTORY => Wish::Delete,
            RENAME => Wish::Rename,
            TRANSACTION2 => return self.transaction(message, block, cx),
            TREE_DISCONNECT => {
                self.trees.forget(&u32::from(le16(message, 24)?));
                return None;
            }
            CLOSE => {
                self.handles.forget(&handle(le16(words, 0)?));
                return None;
            }
            _ => return None,
        };
        let mut waiting = self.blank(id, wish);
        (waiting.tree, waiting.session) = (u32::from(le16(message, 24)?), u64::from(le16(message, 28)?));
        match command {
            SESSION_SETUP => {
                let _ = self.session(block, wide, &mut waiting, cx);
            }
            TREE_CONNECT => {
                // Path, password and service, each as a buffer of kind 4 (2.2.4.50).
                Strings::new(block, 1, wide).read(&mut waiting.name, MAX_PATH);
            }
            TREE_CONNECT_ANDX => Strings::new(block, usize::from(le16(words, 6)?), wide).read(&mut waiting.name, MAX_PATH),
            OPEN_ANDX => Strings::new(block, 0, wide).read(&mut waiting.name, MAX_PATH),
            NT_CREATE => {
                let mut strings = Strings::new(block, 0, wide);
                if wide && block.at % 2 == 1 {
                    strings.skip(1);
                }
                // The name has its length, and no end.
                let name = strings.rest.get(..usize::from(le16(words, 5)?)).unwrap_or(strings.rest);
                let name = if wide { name.strip_suffix(&[0, 0]).unwrap_or(name) } else { name.strip_suffix(&[0]).unwrap_or(name) };
                if wide { text::set_utf16(&mut waiting.name, name, MAX_PATH) } else { text::set(&mut waiting.name, name, MAX_PATH) }
            }
            OPEN | CREATE | DELETE | DELETE_DIRECTORY | RENAME => {
                if bytes.first() != Some(&4) {
                    self.give(waiting);
                    return None;
                }
                let mut strings = Strings::new(block, 1, wide);
                strings.read(&mut waiting.name, MAX_PATH);
                if command == RENAME {
                    strings.skip(1);
                    strings.read(&mut waiting.target, MAX_PATH);
                }
            }
            _ => {}
        }
        self.wait(waiting, cx);
        Some(())
    }

    /// SESSION_SETUP_ANDX (2.2.4.53; with a security blob MS-SMB, 2.2.4.6.1).
    fn session(&mut self, block: &Block<'_>, wide: bool, waiting: &mut Waiting, cx: &mut Cx<'_>) -> Option<()> {
        let (words, bytes) = (block.words, block.bytes);
        if words.len() == 24 {
            let length = usize::from(le16(words, 14)?);
            self.token(bytes.get(..length).unwrap_or(bytes), waiting, cx);
            Strings::new(block, length, wide).read(&mut waiting.os, MAX_NAME);
            return Some(());
        }
        let oem = usize::from(le16(words, 14)?);
        let unicode = if words.len() >= 26 { usize::from(le16(words, 16)?) } else { 0 };
        let mut strings = Strings::new(block, oem.checked_add(unicode)?, wide);
        strings.read(&mut waiting.user, MAX_NAME);
        strings.read(&mut waiting.domain, MAX_NAME);
        strings.read(&mut waiting.os, MAX_NAME);
        waiting.named = true;
        waiting.anonymous = waiting.user.is_empty() || (oem <= 1 && unicode == 0 && waiting.user.eq_ignore_ascii_case("anonymous"));
        if self.clear_passwords && !waiting.anonymous {
            let password = bytes.get(..oem).filter(|p| !p.is_empty()).or_else(|| bytes.get(oem..oem + unicode))?;
            let password = password.strip_suffix(&[0]).unwrap_or(password);
            waiting.secret = Some(cx.options.trace(SecretKind::Password, waiting.user.as_bytes(), password));
            waiting.clear_text = true;
        }
        Some(())
    }

    /// TRANS2_SET_FILE_INFORMATION that deletes or renames (2.2.6.9; levels of MS-FSCC, 2.4).
    fn transaction(&mut self, message: &[u8], block: &Block<'_>, cx: &mut Cx<'_>) -> Option<()> {
        let words = block.words;
        if le16(words, 28)? != 0x0008 {
            return None;
        }
        let parameters = message.get(usize::from(le16(words, 20)?)..)?;
        let (fid, level) = (le16(parameters, 0)?, le16(parameters, 2)?);
        let value = message.get(usize::from(le16(words, 24)?)..)?;
        let wish = match level {
            0x0102 | 1013 if value.first() == Some(&1) => Wish::Delete,
            1010 => Wish::Rename,
            _ => return None,
        };
        let mut waiting = self.blank(Self::number(TRANSACTION2, message)?, wish);
        (waiting.tree, waiting.session) = (u32::from(le16(message, 24)?), u64::from(le16(message, 28)?));
        waiting.name.push_str(self.handles.name(&handle(fid)));
        if wish == Wish::Rename {
            let length = le32(value, 8).map_or(0, |n| n as usize);
            let name = value.get(12..).unwrap_or_default();
            text::set_utf16(&mut waiting.target, name.get(..length).unwrap_or(name), MAX_PATH);
        }
        self.wait(waiting, cx);
        Some(())
    }

    fn answer(&mut self, dir: Dir, command: u8, message: &[u8], block: &Block<'_>, cx: &mut Cx<'_>) -> Option<()> {
        let flags = le16(message, 10)?;
        let (wide, code) = (flags & 0x8000 != 0, le32(message, 5)?);
        // Old servers answer with a class and a code (2.2.3.1); a wrong password is class 2, code 2.
        let code = match (flags & 0x4000 != 0, code) {
            (true, code) => code,
            (false, 0) => 0,
            (false, code) if code & 0xffff_00ff == 0x0002_0002 => 0xc000_006d,
            (false, code) => code,
        };
        let (words, bytes) = (block.words, block.bytes);
        (self.act.guest, self.act.encrypted) = (false, false);
        match command {
            NEGOTIATE => {
                let chosen = le16(words, 0);
                if chosen == Some(0xffff) || chosen.is_none() {
                    self.dialect = 0;
                } else {
                    self.dialect = DIALECT;
                    let mode = words.get(2).copied().unwrap_or(0);
                    self.signing = words.len() >= 34 && mode & 8 != 0;
                    self.clear_passwords = words.len() >= 26 && mode & 2 == 0;
                }
            }
            SESSION_SETUP => {
                self.dialect = DIALECT;
                let blob = if words.len() >= 8 { usize::from(le16(words, 6)?) } else { 0 };
                self.server_token(bytes.get(..blob).unwrap_or(bytes), cx);
                // A refusal is short; what an earlier step said stays.
                if bytes.len() > blob {
                    Strings::new(block, blob, wide).read(&mut self.server_os, MAX_NAME);
                }
                self.act.guest = code == 0 && le16(words, 4).is_some_and(|a| a & 1 != 0);
            }
            _ => {}
        }
        let found = Self::number(command, message).and_then(|id| self.find(id));
        if code == status::MORE_PROCESSING {
            if let Some(waiting) = found.and_then(|at| self.take(at)) {
                self.give(waiting);
            }
            return None;
        }
        let waiting = match found {
            Some(at) => self.take(at)?,
            // Only the server was heard: what it says of itself is told nevertheless.
            None if command == SESSION_SETUP && !self.server_os.is_empty() => self.blank(0, Wish::Session),
            None if command == NEGOTIATE => self.blank(0, Wish::Negotiate),
            None => return None,
        };
        if code == 0 {
            match waiting.wish {
                Wish::Session => self.granted(u64::from(le16(message, 28)?), &waiting, false),
                Wish::Tree => self.trees.set(u32::from(le16(message, 24)?), &waiting.name),
                Wish::Open(_) => {
                    let fid = match command {
                        NT_CREATE => le16(words, 5),
                        OPEN_ANDX => le16(words, 4),
                        _ => le16(words, 0),
                    };
                    if let Some(fid) = fid {
                        self.handles.set(handle(fid), &waiting.name);
                    }
                }
                _ => {}
            }
        }
        self.tell(&waiting, Some(code), dir, cx);
        if code == 0 && waiting.wish == Wish::Open(true) {
            let waiting = Waiting { wish: Wish::Delete, ..waiting };
            self.tell(&waiting, Some(code), dir, cx);
            self.give(waiting);
        } else {
            self.give(waiting);
        }
        Some(())
    }
}

/// A handle of SMB 1 in the form of those of SMB 2.
fn handle(fid: u16) -> [u8; 16] {
    u128::from(fid).to_le_bytes()
}
