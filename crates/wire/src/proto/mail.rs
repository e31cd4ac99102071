//! What SMTP, IMAP and POP3 have in common: a server that greets first, a log-in that is told once its outcome is known, and a
//! session or message that is told when it is over.

use super::sasl;
use super::telnet::{MAX_BANNER, banner};
use crate::parse::{Cx, Dir};
use model::ActRef;
use model::activity::{Banner, Login, Mail, Outcome};

/// One conversation with a mail server.
#[derive(Default)]
pub(super) struct Talk {
    /// The direction of the server's replies, once known.
    pub server: Option<Dir>,
    pub login: Login,
    /// The log-in has not been told.
    pub open: bool,
    greeting: Vec<u8>,
    /// The server's greeting was told, or is not to come any more.
    pub greeted: bool,
    banner: Banner,
    pub act: Mail,
    told: bool,
}

impl Talk {
    /// As new, keeping its memory.
    pub fn reset(&mut self) {
        (self.server, self.open, self.greeted, self.told) = (None, false, false, false);
        self.greeting.clear();
        self.banner.text.clear();
        sasl::clear(&mut self.login);
        let a = &mut self.act;
        a.helo.clear();
        a.server.clear();
        (a.status, a.bytes, a.encrypted) = (0, 0, false);
    }

    /// The greeting is not told yet and has room for more.
    pub fn listening(&self) -> bool {
        !self.greeted && self.greeting.len() < MAX_BANNER * 3
    }

    /// Words of the greeting.
    pub fn hear(&mut self, words: &[u8]) {
        self.greeting.extend_from_slice(words.get(..MAX_BANNER * 3).unwrap_or(words));
    }

    /// The greeting is complete.
    pub fn greet(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.greeted, true) {
            return;
        }
        banner(&self.greeting, &mut self.banner.text);
        self.greeting.clear();
        self.act.server.clone_from(&self.banner.text);
        if !self.banner.text.is_empty() {
            self.emit(ActRef::Banner(&self.banner), cx);
        }
    }

    /// The log-in that is under way, if any, ended so.
    pub fn judge(&mut self, outcome: Outcome, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.open) {
            self.login.outcome = outcome;
            self.emit(ActRef::Login(&self.login), cx);
        }
    }

    /// Tells the session, once.
    pub fn tell(&mut self, cx: &mut Cx<'_>) {
        if self.server.is_some() && !std::mem::replace(&mut self.told, true) {
            self.emit(ActRef::Mail(&self.act), cx);
        }
    }

    /// The conversation ended: what is half told is told.
    pub fn end(&mut self, cx: &mut Cx<'_>) {
        self.greet(cx);
        self.judge(Outcome::Unknown, cx);
        self.tell(cx);
    }

    /// Tells an act with the server at the right end.
    pub fn emit(&self, act: ActRef<'_>, cx: &mut Cx<'_>) {
        cx.emit_turned(self.server == Some(Dir::Up), act);
    }
}

#[cfg(test)]
pub(super) mod testing {
    use model::activity::Act;

    /// Acts of a session with IMAP or POP3, a line each.
    pub fn told(acts: &[Act]) -> Vec<String> {
        acts.iter()
            .map(|a| match a {
                Act::Login(l) => {
                    format!("login {} {:?} {} clear={}", l.user, l.outcome, l.secret.map_or(0, |s| s.length), l.clear_text)
                }
                Act::Banner(b) => format!("banner {}", b.text),
                Act::Mail(m) => format!("mail {} {}B encrypted={}", m.server, m.bytes, m.encrypted),
                other => format!("{other:?}"),
            })
            .collect()
    }
}
