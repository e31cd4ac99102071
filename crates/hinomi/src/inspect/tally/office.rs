//! Log-ins, files and remote screens.

use super::{MAX_LIST, add_up};
use model::ActRef;
use model::activity::{Head, Outcome, Protocol};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// What was heard, in the form of the document.
#[derive(Debug, Default, Serialize)]
pub struct Office {
    /// Attempts to log in, without secrets: one key for each protocol.
    #[serde(flatten, serialize_with = "by_protocol")]
    logins: BTreeMap<(Protocol, String, &'static str), u64>,
}

/// Attempts to log in that look the same.
#[derive(Debug, Serialize)]
struct Login<'a> {
    /// User name.
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    /// `success`, `failure` or `unknown`.
    outcome: &'static str,
    /// How many.
    count: u64,
}

/// Protocols whose key holds log-ins. The others (HTTP, MQTT …) have a key of their own with other things in it; theirs are under
/// `logins`.
const PLAIN: [Protocol; 2] = [Protocol::Telnet, Protocol::Ftp];

fn by_protocol<S: Serializer>(logins: &BTreeMap<(Protocol, String, &'static str), u64>, s: S) -> Result<S::Ok, S::Error> {
    let mut map = s.serialize_map(None)?;
    let rows = |protocol: Protocol| -> Vec<Login<'_>> {
        let of = logins.iter().filter(|((p, _, _), _)| *p == protocol);
        of.map(|((_, user, outcome), count)| Login { user, outcome, count: *count }).collect()
    };
    let mut rest = BTreeMap::new();
    let mut last = None;
    for (protocol, _, _) in logins.keys() {
        if last.replace(*protocol) == Some(*protocol) {
            continue;
        }
        if PLAIN.contains(protocol) {
            map.serialize_entry(protocol.name(), &rows(*protocol))?;
        } else {
            rest.insert(protocol.name(), rows(*protocol));
        }
    }
    if !rest.is_empty() {
        map.serialize_entry("logins", &rest)?;
    }
    map.end()
}

impl Office {
    /// Adds what another lane heard.
    pub fn join(&mut self, other: Office, omitted: &mut u64) {
        let Office { logins } = other;
        add_up(&mut self.logins, logins, omitted);
    }

    /// Takes up what is of this family; what no longer fits is counted in `omitted`.
    pub fn hear(&mut self, head: &Head, act: ActRef<'_>, omitted: &mut u64) {
        if let ActRef::Login(login) = act {
            let outcome = match login.outcome {
                Outcome::Success => "success",
                Outcome::Failure => "failure",
                Outcome::Unknown => "unknown",
            };
            if self.logins.len() < MAX_LIST {
                *self.logins.entry((head.protocol, login.user.clone(), outcome)).or_default() += 1;
            } else {
                *omitted += 1;
            }
        }
    }
}
