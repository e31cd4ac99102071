//! Named questions: what people ask again and again, with values that are bound and never become part of the SQL.
//!
//! Each is written so that its cost follows what is asked for and not how much there is: a time range that lets files and row groups go, addresses that bloom
//! filters know, the first of many rows instead of all of them.

use super::error::{AskError, nearest};
use super::{Answer, Cancel, Limits, Scope, Source, Value, ask_with};
use model::{Mac, Time};
use std::net::IpAddr;

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A point in time: RFC 3339, or a day (its beginning in UTC).
    Time,
    /// An Internet or hardware address.
    Address,
    /// A whole number.
    Number,
    /// Hours from UTC, −14 to 14: where night is.
    Offset,
    /// Text that is compared as a whole.
    Text,
    /// Words that are looked for.
    Words,
}

/// A parameter of a question.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// As in the SQL, without `$`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it is where it is not given.
    pub default: Option<&'static str>,
}

/// A named question.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Its name on the command line and in addresses of pages.
    pub name: &'static str,
    /// What it asks, in English.
    pub en: &'static str,
    /// What it asks, in Japanese.
    pub ja: &'static str,
    /// The SQL with `$` parameters.
    pub sql: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
}

const fn must(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, default: None }
}
const fn may(name: &'static str, kind: Kind, default: &'static str) -> Param {
    Param { name, kind, default: Some(default) }
}
const FROM: Param = must("from", Kind::Time);
const TO: Param = must("to", Kind::Time);
const ADDRESS: Param = must("address", Kind::Address);

/// The twelve.
pub const ALL: &[Question] = &[
    Question {
        name: "talked",
        en: "Who talked to whom, most bytes first",
        ja: "だれがだれと通信したか（通信量の多い順）",
        sql: "select client_ip, server_ip, server_port, protocol, sum(bytes_up + bytes_down) as bytes, sum(cast(part = 0 as bigint)) as conversations,
                min(first) as first, max(last) as last
              from flow where time >= $from and time < $to
              group by client_ip, server_ip, server_port, protocol order by bytes desc, client_ip, server_ip, server_port limit 200",
        params: &[FROM, TO],
    },
    Question {
        name: "first_seen",
        en: "When an address was first and last seen, and with whom",
        ja: "あるアドレスが最初・最後に現れた時刻と相手",
        sql: "select * from (
                (select 'first' as which, time, client_ip, client_mac, server_ip, server_mac, server_port, protocol, seq from flow
                 where client_ip = $address or server_ip = $address or client_mac = $address or server_mac = $address order by seq limit 1)
                union all
                (select 'last' as which, time, client_ip, client_mac, server_ip, server_mac, server_port, protocol, seq from flow
                 where client_ip = $address or server_ip = $address or client_mac = $address or server_mac = $address order by seq desc limit 1)
              ) order by which, seq",
        params: &[ADDRESS],
    },
    Question {
        name: "hour",
        en: "What one address did, in order of time",
        ja: "あるアドレスが何をしたか（時刻順）",
        sql: "select * from (
                select time, 'flow' as what, cast(protocol as varchar) as kind, client_ip, server_ip, server_port, cast(null as varchar) as about,
                  bytes_up, bytes_down, seq from flow
                where time >= $from and time < $to
                  and (client_ip = $address or server_ip = $address or client_mac = $address or server_mac = $address)
                union all
                select time, 'activity' as what, kind, client_ip, server_ip, server_port, about, cast(null as bigint unsigned), cast(null as bigint unsigned), seq
                from activity where time >= $from and time < $to
                  and (client_ip = $address or server_ip = $address or client_mac = $address or server_mac = $address)
              ) order by time, seq limit 5000",
        params: &[ADDRESS, FROM, TO],
    },
    Question {
        name: "logins",
        en: "Log-ins of an account",
        ja: "あるアカウントのログイン",
        sql: "select time, protocol, client_ip, server_ip, server_port, login_outcome as outcome, login_clear_text as clear_text, seq
              from activity where kind = 'login' and login_user = $user and time >= $from and time < $to
              order by time desc, seq desc limit 1000",
        params: &[must("user", Kind::Text), FROM, TO],
    },
    Question {
        name: "clear_text",
        en: "Log-ins in clear text, by account and server",
        ja: "平文でのログイン（アカウント・サーバー別）",
        sql: "select protocol, server_ip, server_port, login_user as account, sum(n) as times, count(*) as clients, max(last) as last
              from (select protocol, server_ip, server_port, login_user, client_ip, count(*) as n, max(time) as last from activity
                    where kind = 'login' and login_clear_text and time >= $from and time < $to
                    group by protocol, server_ip, server_port, login_user, client_ip)
              group by protocol, server_ip, server_port, login_user order by times desc, server_ip, account limit 1000",
        params: &[FROM, TO],
    },
    Question {
        name: "writes",
        en: "Who wrote to a controller, and where",
        ja: "制御機器への書き込み（だれが、どこへ）",
        sql: "select client_ip, modbus_unit as unit, modbus_function as function, modbus_address as address, count(*) as times,
                min(time) as first, max(time) as last
              from activity where server_ip = $address and modbus_write and not modbus_response and time >= $from and time < $to
              group by client_ip, modbus_unit, modbus_function, modbus_address order by times desc, client_ip, address limit 1000",
        params: &[ADDRESS, FROM, TO],
    },
    Question {
        name: "names",
        en: "Who asked for a name (DNS), or reached it by name (TLS, HTTP, QUIC)",
        ja: "ある名前を問い合わせた・名前で接続した機器",
        sql: "select client_ip, kind, count(*) as times, min(time) as first, max(time) as last
              from activity where about = $name and kind in ('dns', 'tls', 'http', 'quic') and time >= $from and time < $to
              group by client_ip, kind order by times desc, client_ip, kind limit 1000",
        params: &[must("name", Kind::Text), FROM, TO],
    },
    Question {
        name: "new",
        en: "Conversations (client, server, port) that are new: not seen between `before` and `since`",
        ja: "新しい通信（以前の期間には見られなかった組み合わせ）",
        sql: "select n.client_ip, n.server_ip, n.server_port, n.first, n.conversations, n.bytes from
                (select client_ip, server_ip, server_port, min(time) as first, sum(cast(part = 0 as bigint)) as conversations, sum(bytes_up + bytes_down) as bytes
                 from flow where time >= $since and time < $to group by client_ip, server_ip, server_port) n
              left anti join
                (select client_ip, server_ip, server_port from flow where time >= $before and time < $since
                 group by client_ip, server_ip, server_port) o
              on n.client_ip = o.client_ip and n.server_ip = o.server_ip and n.server_port = o.server_port
              order by n.first, n.client_ip, n.server_ip limit 1000",
        params: &[must("before", Kind::Time), must("since", Kind::Time), TO],
    },
    Question {
        name: "outside",
        en: "Talk with addresses outside, by inside address",
        ja: "外部アドレスとの通信（内部アドレス別）",
        sql: "select * from (
                select client_ip, server_ip, sum(bytes_up) as bytes_up, sum(bytes_down) as bytes_down, sum(cast(part = 0 as bigint)) as conversations, max(last) as last
                from flow where time >= $from and time < $to group by client_ip, server_ip)
              where not is_inside(client_ip) or not is_inside(server_ip)
              order by bytes_up desc, client_ip, server_ip limit 500",
        params: &[FROM, TO],
    },
    Question {
        name: "night",
        en: "Large uploads at night (22 to 6 o'clock, local time), summed up for each night",
        ja: "夜間（22時〜6時）の大きな送信（夜ごとの合計）",
        sql: "select date_trunc('day', time + cast($offset as interval) - interval '12 hours') as night, client_ip, server_ip, server_port, protocol,
                sum(bytes_up) as bytes_up, sum(bytes_down) as bytes_down, min(time) as first, max(time) as last
              from flow where time >= $from and time < $to
                and (date_part('hour', time + cast($offset as interval)) >= 22 or date_part('hour', time + cast($offset as interval)) < 6)
              group by 1, client_ip, server_ip, server_port, protocol having sum(bytes_up) >= $bytes
              order by bytes_up desc, first, client_ip limit 500",
        params: &[FROM, TO, may("bytes", Kind::Number, "10000000"), may("offset", Kind::Offset, "9")],
    },
    Question {
        name: "words",
        en: "Lines of logs with these words, newest first",
        ja: "ログの検索（すべての語を含む行、新しい順）",
        sql: "select time, host, application, level, text, seq from log
              where has_words(text, $words) and time >= $from and time < $to order by seq desc limit 500",
        params: &[must("words", Kind::Words), may("from", Kind::Time, "1970-01-01"), may("to", Kind::Time, "2200-01-01")],
    },
    Question {
        name: "gaps",
        en: "When a sensor did not see everything",
        ja: "センサーがすべてを観測できなかった時間",
        sql: "select sensor, date_trunc('hour', time) as hour, quality, count(*) as stretches, sum(kernel_drops + queue_drops) as lost, sum(packets) as packets
              from health where quality <> 'full' and time >= $from and time < $to
              group by sensor, date_trunc('hour', time), quality order by hour, sensor, quality limit 2000",
        params: &[FROM, TO],
    },
];

/// The question of that name.
pub fn by_name(name: &str) -> Result<&'static Question, AskError> {
    ALL.iter().find(|q| q.name == name).ok_or_else(|| {
        let near = nearest(name, ALL.iter().map(|q| q.name)).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        AskError::Parameter { name: name.into(), what: format!("no question has this name{near}") }
    })
}

impl Question {
    /// Reads the values that people gave.
    pub fn values(&self, given: &[(&str, &str)]) -> Result<Vec<(&'static str, Value)>, AskError> {
        if let Some((unknown, _)) = given.iter().find(|(n, _)| self.params.iter().all(|p| p.name != *n)) {
            let near = nearest(unknown, self.params.iter().map(|p| p.name)).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
            return Err(AskError::Parameter { name: (*unknown).into(), what: format!("this question does not ask for it{near}") });
        }
        let one = |p: &Param| {
            let text = given.iter().find(|(n, _)| *n == p.name).map(|(_, v)| v.trim()).filter(|v| !v.is_empty()).or(p.default);
            let wrong = |what: &str| AskError::Parameter { name: p.name.into(), what: what.into() };
            let text = text.ok_or_else(|| wrong("is missing"))?;
            Ok((p.name, p.kind.read(text).map_err(wrong)?))
        };
        self.params.iter().map(one).collect()
    }

    /// Asks it.
    pub fn ask(
        &self,
        source: &dyn Source,
        scope: &Scope,
        given: &[(&str, &str)],
        limits: &Limits,
        cancel: &Cancel,
        explain: bool,
    ) -> Result<Answer, AskError> {
        ask_with(source, scope, self.sql, &self.values(given)?, limits, cancel, explain)
    }
}

impl Kind {
    fn read(self, text: &str) -> Result<Value, &'static str> {
        match self {
            Kind::Text | Kind::Words => Ok(Value::Text(text.into())),
            Kind::Number => text.parse().map(Value::Number).map_err(|_| "must be a whole number"),
            Kind::Time => {
                let day = || Time::parse_rfc3339(&format!("{text}T00:00:00Z"));
                let time = Time::parse_rfc3339(text).or_else(day);
                time.map(|t| Value::Time(t.0)).ok_or("must be a time such as 2026-05-01T09:00:00+09:00, or a day such as 2026-05-01")
            }
            Kind::Offset => match text.parse::<i64>() {
                Ok(h @ -14..=14) => Ok(Value::Span(h * 3_600_000_000_000)),
                _ => Err("must be hours from UTC, -14 to 14"),
            },
            Kind::Address => {
                // As columns show them.
                let ip = text.parse::<IpAddr>().map(|ip| ip.to_string());
                let mac = || text.parse::<Mac>().map(|m| m.to_string());
                ip.or_else(|_| mac()).map(Value::Text).map_err(|_| "must be an address such as 192.0.2.17, fd00::7 or 02:00:5e:00:53:01")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_in_the_sql_and_every_dollar_is_a_parameter() {
        assert_eq!(ALL.len(), 12);
        for q in ALL {
            for p in q.params {
                assert!(q.sql.contains(&format!("${}", p.name)), "{}: {}", q.name, p.name);
            }
            for piece in q.sql.split('$').skip(1) {
                let name: String = piece.chars().take_while(char::is_ascii_alphanumeric).collect();
                assert!(q.params.iter().any(|p| p.name == name), "{}: ${name}", q.name);
            }
        }
    }

    #[test]
    fn values_are_read_by_kind_and_refused_with_a_reason() {
        let hour = by_name("hour").unwrap();
        let given = [("address", "02-00-5E-00-53-01"), ("from", "2026-05-01"), ("to", "2026-05-01T10:00:00+09:00")];
        let read = hour.values(&given);
        if let Ok(v) = &read {
            assert_eq!(v[0].1, Value::Text("02:00:5e:00:53:01".into()));
        }
        let v = hour.values(&[("address", "FD00:0::7"), given[1], given[2]]).unwrap();
        assert_eq!(v[0].1, Value::Text("fd00::7".into()));
        assert_eq!(v[1].1, Value::Time(1_777_593_600_000_000_000));
        assert_eq!(v[2].1, Value::Time(1_777_597_200_000_000_000));
        for (given, says) in [
            (vec![("address", "x' or 1=1 --"), given[1], given[2]], "address: must be an address"),
            (vec![("address", "192.0.2.1"), given[1]], "to: is missing"),
            (vec![("adress", "192.0.2.1"), given[1], given[2]], "did you mean address?"),
            (vec![("address", "192.0.2.1"), ("from", "yesterday"), given[2]], "from: must be a time"),
        ] {
            let e = hour.values(&given).unwrap_err().to_string();
            assert!(e.contains(says), "{e}");
        }
        assert!(by_name("nights").unwrap_err().to_string().contains("did you mean night?"));
    }
}
