//! What a start needs, and nothing else: where to listen, where to keep things, what to watch, how much memory. Everything else
//! is state, set on pages (docs/adr/0005-configuration.md). Unknown keys are refused with the nearest known one.

use anyhow::{Result, anyhow, bail};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A key of the file: its name, its default as written in TOML, its unit, and what it is for (English; docs carry both languages).
pub struct Key {
    /// `table.key`
    pub name: &'static str,
    /// The default, as it would stand in the file.
    pub default: &'static str,
    /// The unit, or what sort of value it is.
    pub unit: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// Every key there is. `hinomi config show`, the check of the docs and the suggestion for misspelt keys all read this.
pub const KEYS: &[Key] = &[
    Key { name: "console.listen", default: "\"127.0.0.1:8443\"", unit: "address:port", about: "where the console answers" },
    Key {
        name: "console.names",
        default: "[]",
        unit: "host names",
        about: "names by which browsers may reach the console, besides its addresses",
    },
    Key { name: "console.certificate", default: "\"\"", unit: "file (PEM)", about: "certificate chain; empty: Hinomi makes its own" },
    Key { name: "console.key", default: "\"\"", unit: "file (PEM)", about: "private key of the certificate" },
    Key { name: "data.folder", default: "\"/var/lib/hinomi\"", unit: "folder", about: "where everything is kept" },
    Key {
        name: "data.state",
        default: "\"\"",
        unit: "URL",
        about: "postgres://… keeps the state in PostgreSQL; empty: SQLite in the data folder",
    },
    Key {
        name: "capture.interfaces",
        default: "[\"auto\"]",
        unit: "interface names",
        about: "mirror ports to listen on; \"auto\": every wired interface that is up",
    },
    Key { name: "capture.folder", default: "\"\"", unit: "folder", about: "a folder that is being filled with captures" },
    Key { name: "capture.ring", default: "32", unit: "MiB per interface", about: "kernel ring for frames that wait to be read" },
    Key {
        name: "vault.key_file",
        default: "\"\"",
        unit: "file",
        about: "key of an encrypted vault, outside of the data folder; empty: where it was when encryption was turned on",
    },
    Key { name: "memory.ceiling", default: "512", unit: "MiB", about: "what tables of flows, streams and devices may take together" },
];

/// The configuration of a start, complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the console answers.
    pub listen: SocketAddr,
    /// Names by which browsers may reach the console.
    pub names: Vec<String>,
    /// Certificate and key files, where given.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where everything is kept.
    pub data: PathBuf,
    /// PostgreSQL address, where the state is kept there.
    pub state: Option<String>,
    /// Mirror ports; `auto` stands for every wired interface that is up.
    pub interfaces: Vec<String>,
    /// A folder that is being filled with captures.
    pub folder: Option<PathBuf>,
    /// Kernel ring per interface, MiB.
    pub ring_mib: u32,
    /// The key of an encrypted vault, where it is named.
    pub key_file: Option<PathBuf>,
    /// Memory ceiling, MiB.
    pub ceiling_mib: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            names: Vec::new(),
            tls: None,
            data: PathBuf::from("/var/lib/hinomi"),
            state: None,
            interfaces: vec![String::from("auto")],
            folder: None,
            ring_mib: 32,
            key_file: None,
            ceiling_mib: 512,
        }
    }
}

impl Config {
    /// Reads a file. Errors name the file, the line and what to do.
    pub fn read(path: &Path) -> Result<Config> {
        let bytes = std::fs::read(path).map_err(|e| anyhow!("cannot read the configuration {}: {e}", path.display()))?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let line = e.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
            anyhow!("{}:{line}: not UTF-8 text; save the file as UTF-8", path.display())
        })?;
        Config::parse(&text, &path.display().to_string())
    }

    /// Reads the text of a file; `name` is for messages.
    pub fn parse(text: &str, name: &str) -> Result<Config> {
        let line_of = |offset: usize| text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1;
        let table: toml::Table = toml::from_str(text).map_err(|e: toml::de::Error| {
            let line = e.span().map_or(1, |s| line_of(s.start));
            anyhow!("{name}:{line}: not valid TOML: {}", e.message())
        })?;
        let mut config = Config::default();
        let mut certificate = String::new();
        let mut key_file = String::new();
        for (section, value) in &table {
            let Some(entries) = value.as_table() else {
                let line = line_of(find_key(text, None, section));
                bail!("{name}:{line}: '{section}' stands outside a section; {}", suggest(section));
            };
            for (key, value) in entries {
                let full = format!("{section}.{key}");
                let line = line_of(find_key(text, Some(section), key));
                let wrong = |what: &str| anyhow!("{name}:{line}: {full} must be {what}, not {value}");
                let word = || value.as_str().map(str::to_owned).ok_or_else(|| wrong("a text in quotes"));
                let words = || -> Result<Vec<String>> {
                    let list = value.as_array().ok_or_else(|| wrong("a list of texts, like [\"eth1\"]"))?;
                    list.iter().map(|v| v.as_str().map(str::to_owned).ok_or_else(|| wrong("a list of texts, like [\"eth1\"]"))).collect()
                };
                let number = |from: u32, to: u32| -> Result<u32> {
                    let n = value.as_integer().and_then(|n| u32::try_from(n).ok()).filter(|n| (from..=to).contains(n));
                    n.ok_or_else(|| wrong(&format!("a whole number from {from} to {to}")))
                };
                match full.as_str() {
                    "console.listen" => {
                        config.listen =
                            word()?.parse().map_err(|_| wrong("an address with a port, like \"127.0.0.1:8443\" or \"[::]:8443\""))?;
                    }
                    "console.names" => config.names = words()?,
                    "console.certificate" => certificate = word()?,
                    "console.key" => key_file = word()?,
                    "data.folder" => config.data = PathBuf::from(word()?),
                    "data.state" => {
                        let url = word()?;
                        if !(url.is_empty() || url.starts_with("postgres://") || url.starts_with("postgresql://")) {
                            return Err(wrong("empty or a postgres:// address"));
                        }
                        config.state = Some(url).filter(|u| !u.is_empty());
                    }
                    "capture.interfaces" => config.interfaces = words()?,
                    "capture.folder" => config.folder = Some(word()?).filter(|f| !f.is_empty()).map(PathBuf::from),
                    "capture.ring" => config.ring_mib = number(1, 4096)?,
                    "vault.key_file" => config.key_file = Some(word()?).filter(|f| !f.is_empty()).map(PathBuf::from),
                    "memory.ceiling" => config.ceiling_mib = number(64, 1 << 20)?,
                    _ => bail!("{name}:{line}: there is no setting '{full}'; {}", suggest(&full)),
                }
            }
        }
        config.tls = match (certificate.is_empty(), key_file.is_empty()) {
            (true, true) => None,
            (false, false) => Some((certificate.into(), key_file.into())),
            _ => bail!("{name}: console.certificate and console.key go together; give both or neither"),
        };
        Ok(config)
    }

    /// The configuration as a file, for `hinomi config show`.
    pub fn to_toml(&self) -> String {
        let quote = |s: &str| toml::Value::String(s.to_owned()).to_string();
        let list = |l: &[String]| toml::Value::Array(l.iter().map(|s| toml::Value::String(s.clone())).collect()).to_string();
        let path = |p: Option<&PathBuf>| quote(&p.map(|p| p.display().to_string()).unwrap_or_default());
        let value = |name: &str| match name {
            "console.listen" => quote(&self.listen.to_string()),
            "console.names" => list(&self.names),
            "console.certificate" => path(self.tls.as_ref().map(|t| &t.0)),
            "console.key" => path(self.tls.as_ref().map(|t| &t.1)),
            "data.folder" => path(Some(&self.data)),
            "data.state" => quote(self.state.as_deref().map(hide_password).unwrap_or_default().as_str()),
            "capture.interfaces" => list(&self.interfaces),
            "capture.folder" => path(self.folder.as_ref()),
            "capture.ring" => self.ring_mib.to_string(),
            "vault.key_file" => path(self.key_file.as_ref()),
            _ => self.ceiling_mib.to_string(),
        };
        let mut out = String::new();
        let mut section = "";
        for key in KEYS {
            let (table, name) = key.name.split_once('.').unwrap_or(("", key.name));
            if table != section {
                if !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(&format!("[{table}]\n"));
                section = table;
            }
            out.push_str(&format!("# {} ({}; default {})\n{name} = {}\n", key.about, key.unit, key.default, value(key.name)));
        }
        out
    }
}

/// A database address without its password.
fn hide_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => match url[scheme + 3..at].find(':') {
            Some(colon) => format!("{}:***{}", &url[..scheme + 3 + colon], &url[at..]),
            None => url.to_owned(),
        },
        _ => url.to_owned(),
    }
}

/// Where a key stands in the text, for messages; 0 where it cannot be found.
fn find_key(text: &str, section: Option<&str>, key: &str) -> usize {
    let mut inside = section.is_none();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with('[') {
            inside = section.is_some_and(|s| bare.trim_matches(['[', ']', ' ']).split('.').next() == Some(s));
            if !inside && bare.contains(key) {
                return offset;
            }
        } else if inside && bare.trim_start_matches(['"', '\'']).starts_with(key) {
            return offset;
        }
        offset += line.len();
    }
    0
}

/// `did you mean …?` for a key that does not exist.
fn suggest(wrong: &str) -> String {
    let nearest = KEYS.iter().map(|k| k.name).min_by_key(|k| {
        let short = k.split_once('.').map_or(*k, |(_, s)| s);
        distance(wrong, k).min(distance(wrong, short) + 1)
    });
    nearest.map_or_else(String::new, |n| format!("did you mean '{n}'?"))
}

/// Levenshtein distance of two short words, in characters.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let best = (diagonal + usize::from(ca != *cb)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("", "x").unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_read_and_shown_again() {
        let mut config = Config {
            listen: "[::1]:9".parse().unwrap(),
            names: vec!["h".into()],
            tls: Some(("a".into(), "b".into())),
            ..Config::default()
        };
        config.state = Some("postgres://u@h/d".into());
        config.folder = Some("/f".into());
        config.ring_mib = 7;
        config.key_file = Some("/k".into());
        config.ceiling_mib = 99;
        assert_eq!(Config::parse(&config.to_toml(), "x").unwrap(), config);
        for key in KEYS {
            let (table, name) = key.name.split_once('.').unwrap();
            Config::parse(&format!("[{table}]\n{name} = {}\n", key.default), "x").unwrap_or_else(|e| {
                assert!(e.to_string().contains("go together"), "{}: {e}", key.name);
                Config::default()
            });
        }
    }

    #[test]
    fn an_unknown_key_names_file_line_and_the_nearest() {
        let e = Config::parse("[console]\nlisten = \"127.0.0.1:1\"\nlissten = 3\n", "h.toml").unwrap_err().to_string();
        assert!(e.starts_with("h.toml:3:") && e.contains("'console.listen'"), "{e}");
        let e = Config::parse("interfaces = [\"eth0\"]\n", "h.toml").unwrap_err().to_string();
        assert!(e.starts_with("h.toml:1:") && e.contains("'capture.interfaces'"), "{e}");
        let e = Config::parse("[capture]\ninterface = [\"eth0\"]\n", "h.toml").unwrap_err().to_string();
        assert!(e.contains("'capture.interfaces'"), "{e}");
    }

    #[test]
    fn wrong_values_say_what_is_wanted() {
        for (text, wanted) in [
            ("[console]\nlisten = \"here\"", "address with a port"),
            ("[capture]\nring = -1", "from 1 to 4096"),
            ("[capture]\ninterfaces = \"eth0\"", "a list of texts"),
            ("[memory]\nceiling = 1e99", "whole number"),
            ("[data]\nstate = \"mysql://x\"", "postgres://"),
            ("[console]\ncertificate = \"x\"", "go together"),
            ("[console\n", "not valid TOML"),
        ] {
            let e = Config::parse(text, "f").unwrap_err().to_string();
            assert!(e.contains(wanted), "{text}: {e}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(hide_password("postgres://u:secret@h/d"), "postgres://u:***@h/d");
        assert_eq!(hide_password("postgres://u@h/d"), "postgres://u@h/d");
    }
}
