//! Settings: a table of known keys, each with default, unit and bounds.

use crate::db::{Conn, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::pipeline::Pipeline;
use crate::store::{Store, read_site};
use model::access::{EditSettings, ViewSettings};
use model::event::{Deed, Table};
use model::{Authorised, Time};

/// What a setting may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A whole number between two bounds, inclusive.
    Number(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text of at most so many characters.
    Text(usize),
    /// An IANA time zone.
    TimeZone,
    /// A company calendar in the text form of [`model::calendar::Calendar`].
    Calendar,
    /// Empty, or an address of HTTP or HTTPS.
    Url,
    /// Empty, or a folder of the machine, from its root.
    Folder,
    /// Public keys of age recipients (`age1…`), parted by spaces.
    Recipients,
    /// Pairs of an address and the public key line of a witness (C2SP signed-note: `NAME+KEYID+KEY`).
    Witnesses,
}

/// A known key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its value until somebody sets it.
    pub default: &'static str,
    /// Unit, or what sort of value it is.
    pub unit: &'static str,
    /// What it may hold.
    pub holds: Holds,
    /// What it is for (English; locale files carry both languages under `setting-NAME`).
    pub about: &'static str,
}

/// Every setting there is. Only what is read somewhere belongs here: what the rules learn from stands with the rules.
pub const SETTINGS: &[Key] = &[
    Key { name: "site_name", default: "", unit: "text", holds: Holds::Text(80), about: "name of this site on pages and reports" },
    Key {
        name: "time_zone",
        default: "Asia/Tokyo",
        unit: "IANA name",
        holds: Holds::TimeZone,
        about: "time zone of pages, habits and reports",
    },
    Key {
        name: "calendar",
        default: "days mon tue wed thu fri; holidays japan",
        unit: "calendar",
        holds: Holds::Calendar,
        about: "working days, public holidays, days off and shifts of the company, for habits",
    },
    Key {
        name: "language",
        default: "ja",
        unit: "ja or en",
        holds: Holds::Word(&["ja", "en"]),
        about: "language for those who have not chosen one",
    },
    // Every table has days of its own, and nothing stands over them: what proves something is kept seven years, whatever becomes of the rest.
    // Conversations are due after six months, and after twelve where a device has no log of its own. A segment file holds those of many devices, and is let go as
    // a whole; controllers and printers that write no log are in every factory: so all are kept for the longer time unless somebody chooses less.
    Key {
        name: "retention_flow_days",
        default: "366",
        unit: "days",
        holds: Holds::Number(1, 3660),
        about: "how long the vault keeps conversations (184 days will do where every device has a log of its own)",
    },
    Key {
        name: "retention_activity_days",
        default: "366",
        unit: "days",
        holds: Holds::Number(1, 3660),
        about: "how long the vault keeps protocol-level acts",
    },
    Key {
        name: "retention_observation_days",
        default: "366",
        unit: "days",
        holds: Holds::Number(1, 3660),
        about: "how long the vault keeps addresses seen",
    },
    Key {
        name: "retention_finding_days",
        default: "366",
        unit: "days",
        holds: Holds::Number(1, 3660),
        about: "how long the vault keeps what detectors said",
    },
    Key {
        name: "retention_audit_days",
        default: "366",
        unit: "days",
        holds: Holds::Number(1, 3660),
        about: "how long the vault keeps what people and programs did in Hinomi",
    },
    Key {
        name: "retention_health_days",
        default: "366",
        unit: "days",
        holds: Holds::Number(1, 3660),
        about: "how long the vault keeps sensor counters",
    },
    Key {
        name: "retention_log_days",
        default: "366",
        unit: "days",
        holds: Holds::Number(1, 3660),
        about: "how long the vault keeps records that other systems wrote",
    },
    Key {
        name: "retention_evidence_days",
        default: "2562",
        unit: "days",
        holds: Holds::Number(1, 3660),
        about: "how long the vault keeps what shows that an objective is met or not, attestations and what incidents leave among them",
    },
    Key {
        name: "retention_bytes",
        default: "107374182400",
        unit: "bytes",
        holds: Holds::Number(67_108_864, 1 << 50),
        about: "how much room the vault may take",
    },
    Key {
        name: "hours_kept_days",
        default: "731",
        unit: "days",
        holds: Holds::Number(31, 3660),
        about: "how long hourly traffic of each asset is kept",
    },
    Key {
        name: "peers_kept_days",
        default: "400",
        unit: "days",
        holds: Holds::Number(7, 3660),
        about: "how long a link without traffic is kept",
    },
    Key {
        name: "findings_kept_days",
        default: "1100",
        unit: "days",
        holds: Holds::Number(30, 3660),
        about: "how long closed findings are kept",
    },
    Key {
        name: "session_idle_minutes",
        default: "120",
        unit: "minutes",
        holds: Holds::Number(5, 1_440),
        about: "how long a session lives without a request",
    },
    Key { name: "session_hours", default: "12", unit: "hours", holds: Holds::Number(1, 168), about: "how long a session lives at most" },
    Key {
        name: "login_failures",
        default: "5",
        unit: "attempts",
        holds: Holds::Number(3, 20),
        about: "wrong passwords before an account is locked for a while",
    },
    Key {
        name: "export_days",
        default: "31",
        unit: "days",
        holds: Holds::Number(0, 3660),
        about: "how often everything is exported to an archive; without a folder somebody is reminded; 0 for never",
    },
    Key {
        name: "export_folder",
        default: "",
        unit: "folder",
        holds: Holds::Folder,
        about: "where archives go by themselves: a folder or a mounted share",
    },
    Key {
        name: "export_volume_mb",
        default: "0",
        unit: "megabytes",
        holds: Holds::Number(0, 100_000_000),
        about: "size of one volume of an archive (4700 for a DVD); 0 for one volume",
    },
    Key {
        name: "export_recipients",
        default: "",
        unit: "age recipients",
        holds: Holds::Recipients,
        about: "who can read archives: public keys of age; empty: archives are not encrypted",
    },
    Key {
        name: "witnesses",
        default: "",
        unit: "URL and key line, pairs parted by semicolons",
        holds: Holds::Witnesses,
        about: "witnesses that cosign the vault's checkpoints (C2SP tlog-witness)",
    },
    Key { name: "witness_minutes", default: "10", unit: "minutes", holds: Holds::Number(1, 1_440), about: "how often witnesses are asked" },
    Key {
        name: "timestamp_url",
        default: "",
        unit: "URL",
        holds: Holds::Url,
        about: "time-stamp authority that is asked once a day (RFC 3161)",
    },
    Key {
        name: "timestamp_ca",
        default: "",
        unit: "file (PEM)",
        holds: Holds::Text(200),
        about: "certificates that the time-stamp authority's own must be issued by",
    },
    Key {
        name: "outside_ca",
        default: "",
        unit: "file (PEM)",
        holds: Holds::Text(200),
        about: "further certificates trusted for HTTPS to witnesses and to the time-stamp authority",
    },
];

/// The settings of exports, which stand on the vault's page.
pub const EXPORT_SETTINGS: [&str; 4] = ["export_days", "export_folder", "export_volume_mb", "export_recipients"];

/// Recipients of an archive at most.
const MOST_RECIPIENTS: usize = 16;

/// Witnesses at most: each is asked every few minutes, and a handful says as much as many.
const MOST_WITNESSES: usize = 16;

/// The setting of how many days records of a table are kept.
pub fn retention_of(table: Table) -> &'static str {
    match table {
        Table::Flow => "retention_flow_days",
        Table::Activity => "retention_activity_days",
        Table::Observation => "retention_observation_days",
        Table::Finding => "retention_finding_days",
        Table::Audit => "retention_audit_days",
        Table::Health => "retention_health_days",
        Table::Log => "retention_log_days",
        Table::Evidence => "retention_evidence_days",
    }
}

/// A setting as it stands.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its key.
    pub key: &'static Key,
    /// Its value.
    pub value: String,
    /// Nobody has set it.
    pub is_default: bool,
    /// For changes; 0 while nobody has set it.
    pub rev: i64,
    /// Who set it last; empty while nobody has.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<Time>,
}

/// The known key of that name.
pub fn key(name: &str) -> Result<&'static Key> {
    SETTINGS.iter().find(|k| k.name == name).ok_or_else(|| StateError::NotFound { what: "setting", id: name.to_owned() })
}

impl Key {
    /// The value as it is kept, if it fits.
    pub fn check(&self, value: &str) -> Result<String> {
        let value = value.trim();
        let wrong = |why: String| Err(StateError::invalid(self.name, "invalid-setting", self.name, why));
        match self.holds {
            Holds::Number(least, most) => match value.parse::<i64>() {
                Ok(n) if (least..=most).contains(&n) => Ok(n.to_string()),
                _ => wrong(format!("must be a whole number from {least} to {most} ({})", self.unit)),
            },
            Holds::Word(words) => {
                if words.contains(&value) {
                    Ok(value.to_owned())
                } else {
                    wrong(format!("must be one of {}", words.join(", ")))
                }
            }
            Holds::Text(most) => {
                if value.chars().count() <= most && !value.chars().any(char::is_control) {
                    Ok(value.to_owned())
                } else {
                    wrong(format!("must be one line of at most {most} characters"))
                }
            }
            Holds::Url if value.is_empty() || is_url(value) => Ok(value.to_owned()),
            Holds::Url => wrong(String::from("must be an address like https://host/path")),
            Holds::Folder if value.is_empty() || is_folder(value) => Ok(value.to_owned()),
            Holds::Folder => wrong(String::from("must be a folder from the root, like /mnt/nas/hinomi")),
            Holds::Recipients => match recipients(value) {
                Some(all) => Ok(all),
                None => wrong(format!("must be at most {MOST_RECIPIENTS} age recipients (age1…), parted by spaces")),
            },
            Holds::Witnesses => match witnesses(value) {
                Some(pairs) => Ok(pairs),
                None => {
                    wrong(String::from("must be pairs of an address and the key line of a witness, like http://host:8444 NAME+KEYID+KEY"))
                }
            },
            Holds::Calendar => match value.parse::<model::calendar::Calendar>() {
                Ok(calendar) => Ok(calendar.to_string()),
                Err(why) => wrong(why.to_owned()),
            },
            Holds::TimeZone => match jiff::tz::TimeZone::get(value) {
                Ok(tz) => Ok(tz.iana_name().unwrap_or(value).to_owned()),
                Err(_) => wrong(String::from("must be the name of a time zone, like Asia/Tokyo")),
            },
        }
    }
}

/// An address of HTTP or HTTPS with a host, without user, query and white space.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|r| {
        !r.is_empty() && !r.starts_with('/') && text.len() <= 300 && r.bytes().all(|b| b.is_ascii_graphic() && !b"@?#\"'<>;".contains(&b))
    })
}

/// A path from the root without `..`.
fn is_folder(text: &str) -> bool {
    text.starts_with('/') && text.len() <= 1_000 && !text.chars().any(char::is_control) && !text.split('/').any(|part| part == "..")
}

/// Recipients as they are kept: parted by one space. Their form is looked at here; whether the checksum fits, whoever encrypts to them checks.
fn recipients(text: &str) -> Option<String> {
    let all: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|w| !w.is_empty()).collect();
    let fits = |r: &&str| {
        r.len() == 62 && r.strip_prefix("age1").is_some_and(|d| d.bytes().all(|b| b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(&b)))
    };
    (all.len() <= MOST_RECIPIENTS && all.iter().all(fits)).then(|| all.join(" "))
}

/// Pairs of address and key line as they are kept: `URL LINE; URL LINE`. The line's form is looked at here; whether the key id is that of the key,
/// whoever asks the witness checks.
fn witnesses(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().map(|w| w.trim_end_matches(';')).filter(|w| !w.is_empty()).collect();
    let (pairs, rest) = words.as_chunks::<2>();
    let is_line = |line: &str| {
        let mut parts = line.splitn(3, '+');
        let (name, id, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
        let id = id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit());
        // One byte of type and 32 of key are 44 characters.
        !name.is_empty() && !name.chars().any(char::is_control) && name.len() <= 200 && id && key.len() == 44 && key.bytes().all(base64)
    };
    let good = rest.is_empty() && pairs.len() <= MOST_WITNESSES && pairs.iter().all(|[url, line]| is_url(url) && is_line(line));
    good.then(|| pairs.iter().map(|[url, line]| format!("{url} {line}")).collect::<Vec<_>>().join("; "))
}

/// A setting's value, or its default.
pub(crate) async fn value(conn: &mut Conn, name: &str) -> Result<String> {
    let key = key(name)?;
    match conn.row("SELECT value FROM settings WHERE key = $1", v![key.name]).await? {
        Some(row) => row.text(0),
        None => Ok(key.default.to_owned()),
    }
}

/// A setting's value as a number. A value that somebody wrote past us counts as the default.
pub(crate) async fn number(conn: &mut Conn, name: &str) -> Result<i64> {
    let key = key(name)?;
    let text = value(conn, name).await?;
    let read = key.check(&text).ok().or_else(|| key.check(key.default).ok()).and_then(|t| t.parse().ok());
    read.ok_or_else(|| StateError::invalid(key.name, "invalid-setting", key.name, "is not a number"))
}

async fn one(conn: &mut Conn, key: &'static Key) -> Result<Setting> {
    let row = conn.row("SELECT value, rev, changed_by, changed_at FROM settings WHERE key = $1", v![key.name]).await?;
    Ok(match row {
        Some(r) => {
            Setting { key, value: r.text(0)?, is_default: false, rev: r.int(1)?, changed_by: r.text(2)?, changed_at: Some(r.time(3)?) }
        }
        None => Setting { key, value: key.default.to_owned(), is_default: true, rev: 0, changed_by: String::new(), changed_at: None },
    })
}

impl Store {
    /// Every setting.
    pub async fn settings(&self, proof: &Authorised<ViewSettings>) -> Result<Vec<Setting>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let mut out = Vec::with_capacity(SETTINGS.len());
        for key in SETTINGS {
            out.push(one(&mut conn, key).await?);
        }
        Ok(out)
    }

    /// One setting.
    pub async fn setting(&self, proof: &Authorised<ViewSettings>, name: &str) -> Result<Setting> {
        self.guard(proof)?;
        one(&mut self.read().await?, key(name)?).await
    }

    /// Sets one. `rev` is that of the [`Setting`] that was looked at.
    pub async fn set_setting(&self, proof: &Authorised<EditSettings>, name: &str, rev: i64, value: &str, now: Time) -> Result<Setting> {
        self.guard_whole(proof, "a setting")?;
        let key = key(name)?;
        let value = key.check(value)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let old = one(&mut tx, key).await?;
        if old.rev != rev {
            return Err(StateError::Changed { by: old.changed_by, at: old.changed_at.unwrap_or(now), rev: old.rev });
        }
        if old.value == value {
            return Ok(old);
        }
        tx.run(
            "INSERT INTO settings (key, value, rev, changed_by, changed_at) VALUES ($1, $2, 1, $3, $4) ON CONFLICT (key) DO UPDATE SET \
             value = excluded.value, rev = settings.rev + 1, changed_by = excluded.changed_by, changed_at = excluded.changed_at",
            v![key.name, &value, &who.name, now],
        )
        .await?;
        audit(&mut tx, &who, Deed::Setting { key: key.name.to_owned(), from: old.value, to: value }, now).await?;
        let new = one(&mut tx, key).await?;
        let site = read_site(&mut tx).await?;
        tx.commit().await?;
        if let Some(site) = site {
            self.remember(site);
        }
        Ok(new)
    }
}

impl Pipeline {
    /// A setting's value (its default where nobody has set it).
    pub async fn setting(&self, name: &str) -> Result<String> {
        value(&mut self.store.read().await?, name).await
    }

    /// Every zone, for detection.
    pub async fn zones(&self) -> Result<Vec<(model::ZoneId, model::zone::ZoneFields)>> {
        crate::zones::every(&mut self.store.read().await?).await
    }

    /// A setting's value as a number.
    pub async fn setting_number(&self, name: &str) -> Result<i64> {
        number(&mut self.store.read().await?, name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_fits_its_own_bounds() {
        for k in SETTINGS {
            assert_eq!(k.check(k.default).unwrap(), k.default, "{}", k.name);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_reason() {
        for (name, bad) in [
            ("retention_log_days", "0"),
            ("retention_log_days", "many"),
            ("time_zone", "Tokyo"),
            ("language", "fr"),
            ("site_name", "a\nb"),
            ("session_hours", "9999999999999999999"),
            ("timestamp_url", "ftp://x"),
            ("timestamp_url", "https://u:p@x"),
            ("timestamp_url", "https:///x"),
            ("export_days", "-1"),
            ("export_folder", "nas"),
            ("export_folder", "/mnt/../etc"),
            ("export_folder", "/mnt/\na"),
            ("export_recipients", "age1"),
            ("export_recipients", "ssh-ed25519 AAAA"),
            ("witnesses", "http://host"),
            ("witnesses", "http://host w.example+0123456+AAAA"),
            ("witnesses", "w.example+01234567+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA http://host"),
        ] {
            assert!(matches!(key(name).unwrap().check(bad), Err(StateError::Invalid { .. })), "{name} {bad}");
        }
        assert!(key("no_such").is_err());
        for table in Table::ALL {
            assert!(key(retention_of(table)).is_ok(), "{}", table.name());
        }
    }

    #[test]
    fn witnesses_are_kept_in_one_form_however_they_were_typed() {
        let line = format!("w.example/w+01234567+{}", "A".repeat(44));
        let kept = format!("http://a:8444 {line}; https://b/w {line}");
        for typed in [kept.clone(), format!("  http://a:8444\n{line}\n\nhttps://b/w\t{line} ;\n")] {
            assert_eq!(key("witnesses").unwrap().check(&typed).unwrap(), kept);
        }
        assert_eq!(key("witnesses").unwrap().check(" ").unwrap(), "");
        let age = format!("age1{}", "q".repeat(58));
        assert_eq!(key("export_recipients").unwrap().check(&format!("{age},\n {age}")).unwrap(), format!("{age} {age}"));
        assert_eq!(key("export_folder").unwrap().check(" /mnt/nas/火の見 ").unwrap(), "/mnt/nas/火の見");
        assert_eq!(key("timestamp_url").unwrap().check("https://tsa.example/tsr").unwrap(), "https://tsa.example/tsr");
    }
}
