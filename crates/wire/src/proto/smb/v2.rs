//! SMB 2 and 3 (MS-SMB2). Section numbers are those of that document.

use super::{MAX_PATH, SmbParser, Wish, le16, le32, le64, status, text};
use crate::parse::{Cx, Dir};

const HEADER: usize = 64;
const NEGOTIATE: u16 = 0;
const SESSION_SETUP: u16 = 1;
const LOGOFF: u16 = 2;
const TREE_CONNECT: u16 = 3;
const TREE_DISCONNECT: u16 = 4;
const CREATE: u16 = 5;
const CLOSE: u16 = 6;
const SET_INFO: u16 = 17;
const FROM_SERVER: u32 = 1;
const ASYNC: u32 = 2;
const RELATED: u32 = 4;
/// Messages in one chain that are read.
const MAX_CHAIN: usize = 32;
const DELETE_ON_CLOSE: u32 = 0x1000;

/// Whether more than the first header is wanted: a chain, or a command that is told.
pub(super) fn wanted(message: &[u8]) -> bool {
    le32(message, 20).is_none_or(|next| next != 0) || le16(message, 12).is_none_or(|c| matches!(c, NEGOTIATE..=CLOSE | SET_INFO))
}

/// What the offset (from the header) and length at `at` of the body point to.
fn buffer(message: &[u8], at: usize) -> Option<&[u8]> {
    let (offset, length) = (usize::from(le16(message, HEADER + at)?), usize::from(le16(message, HEADER + at + 2)?));
    message.get(offset..offset.checked_add(length)?)
}

impl SmbParser {
    /// One message, or a chain of them (3.2.4.1.4).
    pub(super) fn two(&mut self, dir: Dir, mut chain: &[u8], cx: &mut Cx<'_>) {
        self.chained.clear();
        for _ in 0..MAX_CHAIN {
            let next = le32(chain, 20).map_or(0, |n| n as usize);
            let message = chain.get(..next).filter(|_| next >= HEADER).unwrap_or(chain);
            let Some(command) = le16(message, 12) else { return };
            if le16(message, 4) != Some(64) {
                return;
            }
            let response = le32(message, 16).is_some_and(|f| f & FROM_SERVER != 0);
            let _ = if response { self.response(dir, command, message, cx) } else { self.request(dir, command, message, cx) };
            match chain.get(next..) {
                Some(rest) if next >= HEADER && super::sort(rest) == Some(super::Sort::Two) => chain = rest,
                _ => return,
            }
        }
    }

    fn request(&mut self, _dir: Dir, command: u16, message: &[u8], cx: &mut Cx<'_>) -> Option<()> {
        let id = le64(message, 24)?;
        let (tree, session) = (le32(message, 36)?, le64(message, 40)?);
        let body = message.get(HEADER..)?;
        let handle = |at: usize| body.get(at..at + 16).and_then(|h| <[u8; 16]>::try_from(h).ok());
        let wish = match command {
            NEGOTIATE => Wish::Negotiate,
            SESSION_SETUP => Wish::Session,
            LOGOFF => Wish::Logoff,
            TREE_CONNECT => Wish::Tree,
            CREATE => Wish::Open(le32(body, 40)? & DELETE_ON_CLOSE != 0),
            CLOSE => {
                // Chained requests have the handle of what was opened before them, which is not known yet.
                if let Some(handle) = handle(8) {
                    self.handles.forget(&handle);
                }
                return None;
            }
            TREE_DISCONNECT => {
                self.trees.forget(&tree);
                return None;
            }
            SET_INFO => match (body.get(2)?, body.get(3)?, buffer32(message)?) {
                (1, 13, value) if value.first() == Some(&1) => Wish::Delete,
                (1, 64, value) if value.first().is_some_and(|f| f & 1 != 0) => Wish::Delete,
                (1, 10 | 65, _) => Wish::Rename,
                _ => return None,
            },
            _ => return None,
        };
        let mut waiting = self.blank(id, wish);
        (waiting.tree, waiting.session) = (tree, session);
        match command {
            SESSION_SETUP => {
                if let Some(blob) = buffer(message, 12) {
                    self.token(blob, &mut waiting, cx);
                }
            }
            TREE_CONNECT => text::set_utf16(&mut waiting.name, buffer(message, 4).unwrap_or_default(), MAX_PATH),
            CREATE => {
                text::set_utf16(&mut waiting.name, buffer(message, 44).unwrap_or_default(), MAX_PATH);
                self.chained.clone_from(&waiting.name);
            }
            SET_INFO => {
                let related = le32(message, 16).is_some_and(|f| f & RELATED != 0);
                match handle(16) {
                    Some(handle) if !related || handle != [0xff; 16] => waiting.name.push_str(self.handles.name(&handle)),
                    _ => waiting.name.push_str(&self.chained),
                }
                if wish == Wish::Rename {
                    let value = buffer32(message).unwrap_or_default();
                    let length = le32(value, 16).map_or(0, |n| n as usize);
                    let name = value.get(20..).unwrap_or_default();
                    text::set_utf16(&mut waiting.target, name.get(..length).unwrap_or(name), MAX_PATH);
                }
            }
            _ => {}
        }
        self.wait(waiting, cx);
        Some(())
    }

    fn response(&mut self, dir: Dir, command: u16, message: &[u8], cx: &mut Cx<'_>) -> Option<()> {
        let (id, code, flags) = (le64(message, 24)?, le32(message, 8)?, le32(message, 16)?);
        let session = le64(message, 40)?;
        let body = message.get(HEADER..).unwrap_or_default();
        if flags & ASYNC != 0 && code == status::PENDING {
            return None;
        }
        let at = self.find(id);
        // Without its request an answer tells little, but what it tells is kept.
        (self.act.guest, self.act.encrypted) = (false, false);
        match command {
            NEGOTIATE if code == 0 => {
                self.signing = le16(body, 2).is_some_and(|m| m & 2 != 0);
                self.dialect = le16(body, 4)?;
                if at.is_none() {
                    // Asked for in SMB 1 (3.3.5.3.1), whose request waits under another number.
                    return self.negotiated(code, dir, cx);
                }
            }
            SESSION_SETUP => {
                if let Some(blob) = buffer(message, 4) {
                    self.server_token(blob, cx);
                }
                if code == status::MORE_PROCESSING {
                    if let Some(waiting) = at.and_then(|at| self.take(at)) {
                        self.give(waiting);
                    }
                    return None;
                }
                let flags = if code == 0 { le16(body, 2).unwrap_or(0) } else { 0 };
                (self.act.guest, self.act.encrypted) = (flags & 3 != 0, flags & 4 != 0);
            }
            TREE_CONNECT if code == 0 => self.act.encrypted = le32(body, 4).is_some_and(|f| f & 0x8000 != 0),
            _ => {}
        }
        let waiting = self.take(at?)?;
        if code == 0 {
            match waiting.wish {
                Wish::Session => self.granted(session, &waiting, self.act.encrypted),
                Wish::Tree => self.trees.set(le32(message, 36)?, &waiting.name),
                Wish::Open(_) => {
                    if let Some(handle) = body.get(64..80).and_then(|h| <[u8; 16]>::try_from(h).ok()) {
                        self.handles.set(handle, &waiting.name);
                    }
                }
                _ => {}
            }
        }
        self.tell(&waiting, Some(code), dir, cx);
        if code == 0 && waiting.wish == Wish::Open(true) {
            // It will be gone when it is closed.
            let waiting = super::Waiting { wish: Wish::Delete, ..waiting };
            self.tell(&waiting, Some(code), dir, cx);
            self.give(waiting);
        } else {
            self.give(waiting);
        }
        if command == LOGOFF
            && let Some(row) = self.sessions.rows.iter_mut().find(|s| s.key == Some(session))
        {
            row.key = None;
        }
        Some(())
    }

    /// The answer to a negotiation that began in SMB 1.
    fn negotiated(&mut self, code: u32, dir: Dir, cx: &mut Cx<'_>) -> Option<()> {
        let at = self.waiting.rows.iter().position(|w| w.used && w.wish == Wish::Negotiate);
        let waiting = match at {
            Some(at) => self.take(at)?,
            None => self.blank(0, Wish::Negotiate),
        };
        self.tell(&waiting, Some(code), dir, cx);
        self.give(waiting);
        Some(())
    }
}

/// What a SET_INFO request carries: 32 bits of length, then 16 of offset (2.2.39).
fn buffer32(message: &[u8]) -> Option<&[u8]> {
    let (length, offset) = (le32(message, HEADER + 4)? as usize, usize::from(le16(message, HEADER + 8)?));
    let rest = message.get(offset..)?;
    Some(rest.get(..length).unwrap_or(rest))
}
