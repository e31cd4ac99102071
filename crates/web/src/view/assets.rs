//! 資産: the list, one asset, one entered by hand.

use super::chart::Traffic;
use super::findings::FindingRow;
use super::shell::{Amount, Choice, Column, Link, Paging, Shell, When};
use super::words::{T, Tag};
use askama::Template;
use model::asset::{AssetState, Importance, InternetNeed, Kind, Ledger, Property};
use model::finding::Severity;

/// A row of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetRow {
    /// Its id, for the tick box.
    pub id: String,
    /// Its page.
    pub href: String,
    /// What to call it.
    pub label: String,
    /// Its state; absent only in tests.
    pub state: Option<AssetState>,
    /// What sort of thing.
    pub kind: Option<Kind>,
    /// How sure, 1–100, where it is a guess; absent where a person said so.
    pub kind_guess: Option<u8>,
    /// Maker and model in one line.
    pub model: String,
    /// Its newest Internet address, or empty.
    pub ip: String,
    /// Its newest hardware address, or empty.
    pub mac: String,
    /// Further addresses.
    pub more: u64,
    /// Its zone's name, or empty.
    pub zone: String,
    /// Place and owner in one line, or empty.
    pub place: String,
    /// Last seen.
    pub last: Option<When>,
    /// Open findings about it.
    pub findings: u64,
    /// The worst of them.
    pub worst: Option<Severity>,
}

/// 資産
#[derive(Clone, Debug, Default, Template)]
#[template(path = "assets.html")]
pub struct AssetsPage {
    /// Around it.
    pub shell: Shell,
    /// The part shown.
    pub rows: Vec<AssetRow>,
    /// Headings in the order name, state, kind, address, zone, place, last, findings (see [`AssetsPage::columns`]).
    pub columns: Vec<Column>,
    /// Which part.
    pub paging: Paging,
    /// Filter: words.
    pub q: String,
    /// Filter: states, with counts. The first entry is "all" with an empty value.
    pub states: Vec<Choice>,
    /// Filter: sorts of things. The first entry is "all".
    pub kinds: Vec<Choice>,
    /// Filter: lists, with counts. The first entry is "all".
    pub lists: Vec<Choice>,
    /// What the chosen list is, and how far it can be trusted; empty where none is chosen.
    pub list_how: Vec<String>,
    /// Filter: zones. The first entry is "all".
    pub zones: Vec<Choice>,
    /// Zones that several may be registered into. The first entry is "none" with an empty value.
    pub into_zones: Vec<Choice>,
    /// The list is filtered.
    pub filtered: bool,
    /// The filter, url-encoded, for export links; empty where there is none.
    pub query: String,
    /// Assets there are, filter or not.
    pub all: u64,
    /// A live sensor is there: the empty page says what to check instead of how to begin.
    pub watching: bool,
}

impl AssetsPage {
    /// Names in `sort=` with the heading's key and whether it is a number.
    pub const SORTS: &'static [(&'static str, &'static str, bool)] = &[
        ("name", "col-name", false),
        ("state", "col-state", false),
        ("kind", "col-kind", false),
        ("address", "col-address", false),
        ("zone", "col-zone", false),
        ("place", "col-place", false),
        ("last", "col-last", false),
        ("findings", "col-findings", true),
    ];

    /// The headings. `query` is the filter without `sort`, `dir`, `page`, url-encoded.
    pub fn columns(query: &str, sort: &str, descending: bool) -> Vec<Column> {
        columns("/assets", query, AssetsPage::SORTS, sort, descending)
    }

    /// Some row can be registered from here.
    pub fn can_register(&self) -> bool {
        self.shell.may.edit_assets && self.rows.iter().any(AssetRow::is_discovered)
    }
}

/// Headings of a list that sorts by `sorts` (name in the address, key of the heading, number).
pub fn columns(path: &str, query: &str, sorts: &'static [(&'static str, &'static str, bool)], sort: &str, descending: bool) -> Vec<Column> {
    let join = if query.is_empty() { "" } else { "&" };
    sorts
        .iter()
        .map(|&(name, key, number)| {
            let here = name == sort;
            let dir = if here && !descending { "desc" } else { "asc" };
            Column {
                key,
                href: Some(format!("{path}?{query}{join}sort={name}&dir={dir}")),
                sorted: match (here, descending) {
                    (false, _) => "",
                    (true, false) => "ascending",
                    (true, true) => "descending",
                },
                number,
            }
        })
        .collect()
}

impl AssetRow {
    /// Nobody has registered it.
    pub fn is_discovered(&self) -> bool {
        self.state == Some(AssetState::Discovered)
    }
    /// Its state as a tag.
    pub fn tag(&self, t: &T) -> Tag {
        self.state.map(|s| Tag::state(*t, s)).unwrap_or_default()
    }
    /// Its worst finding as a tag, with the number of findings.
    pub fn finding_tag(&self, t: &T) -> Option<Tag> {
        self.worst.filter(|_| self.findings > 0).map(|s| Tag::severity(*t, s))
    }
}

/// A guess with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuessRow {
    /// What about.
    pub property: Property,
    /// The value in words (a kind's name in the reader's language).
    pub value: String,
    /// 1–100.
    pub confidence: u8,
    /// The reason in words.
    pub reason: String,
    /// The event that told.
    pub because: Option<String>,
    /// Further signs that agree: the reason in words and the event.
    pub also: Vec<Link>,
    /// It contradicts a surer guess of the same property.
    pub against: bool,
}

/// An address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRow {
    /// Internet address, or empty.
    pub ip: String,
    /// Hardware address, or empty.
    pub mac: String,
    /// Whom the hardware address was given to, or empty.
    pub maker: String,
    /// The hardware address was chosen by software (randomised).
    pub local: bool,
    /// Sensor and VLAN.
    pub place: String,
    /// First seen.
    pub first: When,
    /// Last seen.
    pub last: When,
    /// What a tick box sends.
    pub value: String,
}

/// A decision that the asset is one with another, or apart from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinRow {
    /// Its id.
    pub id: String,
    /// What was decided, linked to the other asset.
    pub what: Link,
    /// When.
    pub at: When,
    /// Who.
    pub who: String,
    /// It was taken back.
    pub undone: bool,
    /// This asset is the one that stayed: it can be taken back here.
    pub here: bool,
}

/// A name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameRow {
    /// The name.
    pub name: String,
    /// Who told.
    pub protocol: String,
    /// Last told.
    pub last: When,
    /// The event that told first.
    pub because: Option<String>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRow {
    /// `502/tcp`
    pub port: String,
    /// The protocol, or empty.
    pub protocol: String,
    /// Software, or empty.
    pub product: String,
    /// First answer.
    pub first: When,
    /// Last answer.
    pub last: When,
}

/// Somebody that it talks to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerRow {
    /// Who, linked where it is an asset.
    pub peer: Link,
    /// The asset asked; the peer answered.
    pub asks: bool,
    /// The protocol and port.
    pub protocol: String,
    /// Conversations.
    pub flows: Amount,
    /// Bytes both ways.
    pub bytes: Amount,
    /// First.
    pub first: When,
    /// Last.
    pub last: When,
    /// Seen for the first time within the last day.
    pub new: bool,
}

/// The form of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerForm {
    /// What stands there, or what was typed before it was refused.
    pub ledger: Ledger,
    /// Zones; the first entry is "none" with an empty value.
    pub zones: Vec<Choice>,
    /// What is wrong: field name and words.
    pub problems: Vec<(String, String)>,
}

impl LedgerForm {
    /// What is wrong with a field.
    pub fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|(f, _)| f == field).map(|(_, p)| p.as_str())
    }
    /// Sorts of things to choose from.
    pub fn kinds(&self, t: &T) -> Vec<Choice> {
        let mut out = vec![Choice::new("", t.say("choice-not-said"), self.ledger.kind.is_none())];
        out.extend(Kind::ALL.iter().map(|k| Choice::new(k.name(), t.of("kind", k.name()), self.ledger.kind == Some(*k))));
        out
    }
    /// Importances to choose from.
    pub fn importances(&self, t: &T) -> Vec<Choice> {
        let mut out = vec![Choice::new("", t.say("choice-not-said"), self.ledger.importance.is_none())];
        out.extend(Importance::ALL.iter().map(|i| Choice::new(i.name(), t.of("importance", i.name()), self.ledger.importance == Some(*i))));
        out
    }
    /// The value of a text field.
    pub fn field(&self, name: &str) -> &str {
        self.ledger.text(name)
    }
    /// What may be said about the need for the Internet.
    pub fn needs(&self, t: &T) -> Vec<Choice> {
        let now = self.ledger.internet.need;
        let mut out = vec![Choice::new("", t.say("choice-not-said"), now.is_none())];
        out.extend(InternetNeed::ALL.iter().map(|n| Choice::new(n.name(), t.of("internet-need", n.name()), now == Some(*n))));
        out
    }
    /// The need for the Internet in words.
    pub fn need(&self, t: &T) -> String {
        self.ledger.internet.need.map(|n| t.of("internet-need", n.name())).unwrap_or_default()
    }
}

/// 資産: one of them.
#[derive(Clone, Debug, Template)]
#[template(path = "asset.html")]
pub struct AssetPage {
    /// Around it.
    pub shell: Shell,
    /// Its id.
    pub id: String,
    /// The guard against lost updates.
    pub rev: i64,
    /// What to call it.
    pub label: String,
    /// Where it stands in its life.
    pub state: AssetState,
    /// What sort of thing.
    pub kind: Option<Kind>,
    /// How sure, where that is a guess.
    pub kind_guess: Option<u8>,
    /// Zone's name, or empty.
    pub zone: String,
    /// First seen.
    pub first_seen: Option<When>,
    /// Last seen.
    pub last_seen: Option<When>,
    /// The event that told of it first.
    pub because: Option<String>,
    /// Guesses, best first per property.
    pub guesses: Vec<GuessRow>,
    /// The ledger.
    pub form: LedgerForm,
    /// Somebody else has changed it since the form was opened: what was typed stands in the form, and `rev` is the new one.
    pub conflict: bool,
    /// Decisions about who it is, newest first.
    pub joins: Vec<JoinRow>,
    /// Addresses, newest first.
    pub addresses: Vec<AddressRow>,
    /// Names, newest first.
    pub names: Vec<NameRow>,
    /// Services.
    pub services: Vec<ServiceRow>,
    /// Whom it talks to, most bytes first.
    pub peers: Vec<PeerRow>,
    /// Whom it talks to beyond those shown.
    pub more_peers: u64,
    /// The last seven days by the hour.
    pub traffic: Option<Traffic>,
    /// Findings about it, newest first.
    pub findings: Vec<FindingRow>,
}

impl AssetPage {
    /// Its state as a tag.
    pub fn state_tag(&self) -> Tag {
        Tag::state(self.shell.t, self.state)
    }
    /// Is it in this state?
    pub fn is(&self, state: &str) -> bool {
        self.state.name() == state
    }
    /// The surest guess of a property, for the hint beside the form's field.
    pub fn hint(&self, property: &str) -> Option<&GuessRow> {
        self.guesses.iter().find(|g| g.property.name() == property)
    }
    /// Maker, model and place in one line, a person's word first.
    pub fn line(&self) -> String {
        let said = |word: &str, property: &str| {
            if word.is_empty() { self.hint(property).map(|g| g.value.clone()).unwrap_or_default() } else { word.to_owned() }
        };
        let l = &self.form.ledger;
        let mut parts = vec![
            [said(&l.maker, "maker"), said(&l.model_number, "model")]
                .iter()
                .filter(|x| !x.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join(" "),
            l.place.clone(),
            l.owner.clone(),
        ];
        parts.retain(|p| !p.is_empty());
        parts.join(" · ")
    }
}

/// 資産: enter one by hand.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "asset_new.html")]
pub struct AssetNewPage {
    /// Around it.
    pub shell: Shell,
    /// The ledger.
    pub form: LedgerForm,
    /// Hardware addresses as typed, one a line.
    pub macs: String,
    /// Internet addresses as typed, one a line.
    pub ips: String,
}
