//! What was done on the web, in mail, over SSH, by telephone and by camera, in one line for people.

use crate::format::Format;
use crate::view::T;
use model::Act;
use model::activity::{Outcome, Tls};

/// The line of an act of this family; `None` for others.
pub(super) fn line(t: T, format: &Format, act: &Act) -> Option<String> {
    let status = |s: u16| s.to_string();
    Some(match act {
        Act::Tls(tls) => encrypted(t, format, tls),
        Act::Quic(q) => {
            let key = if q.answered { "act-quic" } else { "act-quic-unanswered" };
            t.xy(key, &known(t, &q.sni), &q.ja4)
        }
        Act::Http(h) => {
            let asked = format!("{} {}{}", h.method, h.host, h.path);
            let mut line = match h.status {
                Some(s) => t.xy("act-http", asked.trim(), &status(s)),
                None => t.x("act-http-unanswered", asked.trim()),
            };
            if !h.body.is_empty() {
                more(&mut line, &t.x("act-body", &h.body));
            }
            line
        }
        Act::Ssh(s) => t.xy("act-ssh", &known(t, &s.client), &known(t, &s.server)),
        Act::Banner(b) => t.x("act-banner", &b.text),
        Act::Login(l) => {
            let user = if l.anonymous { t.say("act-login-anonymous") } else { known(t, &l.user) };
            let mut line = match l.outcome {
                Outcome::Success => t.x("act-login-success", &user),
                Outcome::Failure => t.x("act-login-failure", &user),
                Outcome::Unknown => t.x("act-login-unknown", &user),
            };
            if l.clear_text {
                more(&mut line, &t.say("act-login-clear"));
            }
            line
        }
        Act::Mail(m) if m.from.is_empty() && m.recipients == 0 => {
            let key = if m.encrypted { "act-mailbox-encrypted" } else { "act-mailbox" };
            t.x(key, &known(t, &m.server))
        }
        Act::Mail(m) => {
            let others = usize::from(m.recipients).saturating_sub(m.to.len());
            let to = if others > 0 { format!("{} +{others}", m.to.join(", ")) } else { m.to.join(", ") };
            let mut line = t.xy("act-mail", &known(t, &m.from), &known(t, &to));
            if m.status != 0 {
                more(&mut line, &t.x("act-status", &status(m.status)));
            }
            line
        }
        Act::Rtsp(r) => answered(t, "act-rtsp", &format!("{} {}", r.method, r.uri), r.status),
        Act::Sip(s) => match s.status {
            Some(code) => t.xy("act-sip-answer", &s.method, &status(code)),
            None => t.xy("act-sip", &format!("{} {}", s.method, s.uri), &known(t, &s.from)),
        },
        _ => return None,
    })
}

fn more(line: &mut String, text: &str) {
    line.push_str(" · ");
    line.push_str(text);
}

fn known(t: T, text: &str) -> String {
    if text.is_empty() { t.say("act-unnamed") } else { text.to_owned() }
}

fn answered(t: T, key: &str, what: &str, status: Option<u16>) -> String {
    let mut line = t.x(key, what.trim());
    if let Some(status) = status {
        more(&mut line, &t.x("act-status", &status.to_string()));
    }
    line
}

fn encrypted(t: T, format: &Format, tls: &Tls) -> String {
    if let Some(c) = tls.certificates.first() {
        return t.xy("act-tls-certificate", &known(t, &c.subject), &format.date(c.not_after));
    }
    let version = match if tls.version == 0 { tls.offered } else { tls.version } {
        0x0002 => "SSL 2".to_owned(),
        0x0300 => "SSL 3".to_owned(),
        v @ 0x0301..=0x0304 => format!("TLS 1.{}", v - 0x0301),
        other => format!("0x{other:04x}"),
    };
    t.xy(if tls.answered { "act-tls" } else { "act-tls-unanswered" }, &known(t, &tls.sni), &version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::activity::{Certificate, Http, Login, Mail, Sip};
    use model::{Lang, Time};

    const NOW: Time = Time(1_700_000_000_000_000_000);

    fn said(act: &Act) -> [String; 2] {
        [Lang::Ja, Lang::En].map(|lang| line(T::new(lang), &Format::new(lang, "UTC", NOW), act).unwrap())
    }

    #[test]
    fn every_act_of_the_family_has_a_line_in_both_languages() {
        let tls = Tls { sni: "plc.example".into(), version: 0x0303, answered: true, ..Tls::default() };
        assert_eq!(
            said(&Act::Tls(tls.clone())),
            ["暗号化された接続：plc.example（TLS 1.2）", "Encrypted connection to plc.example (TLS 1.2)"]
        );
        let certificate = Certificate { subject: "CN=cam".into(), ..Certificate::default() };
        assert!(said(&Act::Tls(Tls { certificates: vec![certificate], ..tls })).iter().all(|l| l.contains("CN=cam") && l.contains("1970")));
        let http =
            Http { method: "GET".into(), host: "h".into(), path: "/a".into(), status: Some(404), body: "html".into(), ..Http::default() };
        assert!(said(&Act::Http(http)).iter().all(|l| l.contains("GET h/a") && l.contains("404") && l.contains("html")));
        let login = Login { outcome: Outcome::Failure, clear_text: true, ..Login::default() };
        assert_eq!(said(&Act::Login(login))[1], "Log-in of unnamed refused · password readable by others");
        let mail = Mail { from: "a@b".into(), to: vec!["c@d".into()], recipients: 3, status: 250, ..Mail::default() };
        assert!(said(&Act::Mail(mail)).iter().all(|l| l.contains("c@d +2") && l.contains("250")));
        for act in [
            Act::Quic(model::activity::Quic::default()),
            Act::Ssh(model::activity::Ssh::default()),
            Act::Banner(model::activity::Banner::default()),
            Act::Mail(Mail::default()),
            Act::Mail(Mail { encrypted: true, ..Mail::default() }),
            Act::Rtsp(model::activity::Rtsp::default()),
            Act::Sip(Sip::default()),
            Act::Sip(Sip { status: Some(200), ..Sip::default() }),
        ] {
            assert!(said(&act).iter().all(|l| !l.is_empty() && !l.contains('⟦')), "{act:?}");
        }
        assert!(line(T::new(Lang::Ja), &Format::new(Lang::Ja, "UTC", NOW), &Act::Modbus(model::activity::Modbus::default())).is_none());
    }
}
