//! 設定: sensors, zones, language, own password, accounts, what is kept, what this is.

use super::calendar::CalendarView;
use super::shell::{Amount, Choice, Shell, When};
use super::today::Kept;
use super::words::{T, Tag};
use askama::Template;
use model::access::Role;
use model::coverage::{Quality, SensorKind};

/// A sensor with its counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SensorRow {
    /// Its number.
    pub id: u16,
    /// The guard against lost updates.
    pub rev: i64,
    /// Interface or file.
    pub name: String,
    /// What people call it; as `name` where nobody has said.
    pub shown: String,
    /// Interface or file?
    pub kind: SensorKind,
    /// How well it watches now.
    pub quality: Quality,
    /// Frames since start.
    pub packets: Amount,
    /// Bytes since start.
    pub bytes: Amount,
    /// Frames a second, as words.
    pub rate: String,
    /// Kernel drops.
    pub kernel_drops: Amount,
    /// Queue drops.
    pub queue_drops: Amount,
    /// Frames that could not be read.
    pub decode_errors: Amount,
    /// Holes in TCP streams.
    pub gaps: Amount,
    /// Conversations in the table.
    pub flows: Amount,
    /// Conversations let go because the table was full.
    pub flows_evicted: Amount,
    /// Newest frame.
    pub last: Option<When>,
    /// What is wrong, in the log's words; shown small beside ours.
    pub trouble: String,
    /// What the mirror port and the network cards do to frames, a sentence each.
    pub truths: Vec<String>,
}

impl SensorRow {
    /// How well it watches, as a tag.
    pub fn tag(&self, t: &T) -> Tag {
        if self.kind == SensorKind::File && self.quality == Quality::Full {
            return Tag { tone: "", mark: "－", word: t.say("quality-file") };
        }
        Tag::quality(*t, self.quality)
    }
    /// It is a network interface.
    pub fn live(&self) -> bool {
        self.kind == SensorKind::Live
    }
    /// The key of what to do; empty where there is nothing.
    pub fn todo(&self) -> &'static str {
        match self.quality {
            Quality::Full => "",
            Quality::Drops => "sensor-drops-todo",
            Quality::Nothing => "sensor-nothing-todo",
            Quality::Down => "sensor-down-todo",
        }
    }
}

/// A zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The guard against lost updates.
    pub rev: i64,
    /// Its layer's name in the database, or empty.
    pub layer: String,
    /// Its address ranges, with spaces between.
    pub ranges: String,
    /// Its VLANs, with spaces between.
    pub vlans: String,
    /// Assets in it.
    pub assets: u64,
}

impl ZoneRow {
    /// Layers to choose from.
    pub fn layers(&self, t: &T) -> Vec<Choice> {
        layers(*t, &self.layer)
    }
}

/// The layers of a site, as architecture names them: a device itself, the office LAN, the control network, servers, WAN, cloud.
pub const LAYERS: &[&str] = &["device", "lan", "control", "server", "wan", "cloud"];

fn layers(t: T, chosen: &str) -> Vec<Choice> {
    LAYERS.iter().map(|l| Choice::new(*l, t.of("layer", l), *l == chosen)).collect()
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRow {
    /// Its id.
    pub id: String,
    /// The guard against lost updates.
    pub rev: i64,
    /// Its login name.
    pub name: String,
    /// Their roles.
    pub roles: Vec<Role>,
    /// It may log in.
    pub enabled: bool,
    /// The one-time password was not changed yet.
    pub must_change: bool,
    /// Last login.
    pub last: Option<When>,
    /// It is the reader's own.
    pub own: bool,
}

impl UserRow {
    /// The roles in words.
    pub fn role_words(&self, t: &T) -> String {
        self.roles.iter().map(|r| t.of("role", r.name())).collect::<Vec<_>>().join(t.comma())
    }
}

/// A setting of the site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingRow {
    /// Its key.
    pub key: String,
    /// The guard against lost updates.
    pub rev: i64,
    /// What people call it.
    pub label: String,
    /// Its value as the form sends it.
    pub value: String,
    /// Its value in words.
    pub shown: String,
    /// Its unit in words, or empty.
    pub unit: String,
    /// What it does, its default, its bounds.
    pub how: String,
    /// Least and most, where it is a number.
    pub bounds: Option<(i64, i64)>,
    /// Characters at most, where it is text.
    pub most: usize,
    /// What to choose from, where it is a word.
    pub choices: Vec<Choice>,
    /// What to ask before it is changed, or empty.
    pub sure: String,
}

/// What this is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Version.
    pub version: String,
    /// SHA-256 fingerprint of the certificate, in pairs with colons; empty where TLS is off.
    pub fingerprint: String,
    /// Folder of the data.
    pub folder: String,
    /// Since when it runs.
    pub started: Option<When>,
    /// The database: `SQLite` or `PostgreSQL`.
    pub database: String,
}

/// 設定
#[derive(Clone, Debug, Default, Template)]
#[template(path = "settings.html")]
pub struct SettingsPage {
    /// Around it.
    pub shell: Shell,
    /// Sensors.
    pub sensors: Vec<SensorRow>,
    /// Zones.
    pub zones: Vec<ZoneRow>,
    /// The company's calendar.
    pub calendar: CalendarView,
    /// Accounts, where the reader may see them.
    pub users: Option<Vec<UserRow>>,
    /// A one-time password that was made just now: for whom, and it. Shown once.
    pub new_password: Option<(String, String)>,
    /// What is kept.
    pub kept: Kept,
    /// Every setting of the site.
    pub values: Vec<SettingRow>,
    /// What this is.
    pub about: About,
    /// What is wrong with a form: its section (`zones`, `sensors`, `users`, or a setting's key) and the words.
    pub problems: Vec<(String, String)>,
}

impl SettingsPage {
    /// What is wrong with a section's form.
    pub fn problem(&self, section: &str) -> Option<&str> {
        self.problems.iter().find(|(s, _)| s == section).map(|(_, p)| p.as_str())
    }
    /// Layers for a new zone.
    pub fn layers(&self) -> Vec<Choice> {
        layers(self.shell.t, "lan")
    }
    /// Roles for a new account.
    pub fn roles(&self) -> Vec<Choice> {
        Role::ALL.iter().map(|r| Choice::new(r.name(), self.shell.t.of("role", r.name()), false)).collect()
    }
    /// The theme in force?
    pub fn theme_is(&self, name: &str) -> bool {
        self.shell.theme.name() == name
    }
    /// The language in force?
    pub fn lang_is(&self, tag: &str) -> bool {
        self.shell.lang() == tag
    }
}
