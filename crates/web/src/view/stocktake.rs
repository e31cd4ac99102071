//! 棚卸し: the rounds, one round, one of its entries, and labels to print.

use super::shell::{Choice, Paging, Shell, When};
use super::words::{T, Tag};
use askama::Template;
use model::{Kind, StockResult};

/// A round, as lists and its own page show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundRow {
    /// Its id.
    pub id: String,
    /// Its revision, for closing.
    pub rev: i64,
    /// What it is called.
    pub name: String,
    /// What it covers, in words.
    pub scope: String,
    /// Who goes and looks.
    pub assignee: String,
    /// Until when, in words; empty where no day was set.
    pub due: String,
    /// That day has passed.
    pub overdue: bool,
    /// Words of whoever started it.
    pub note: String,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started: When,
    /// Assets in it.
    pub assets: u64,
    /// Looked for.
    pub done: u64,
    /// Not yet.
    pub open: u64,
    /// Results by kind: name of the result, how many.
    pub results: Vec<(StockResult, u64)>,
    /// What the ledger does not say.
    pub differences: u64,
    /// Words to be settled.
    pub conflicts: u64,
    /// When it was closed.
    pub closed: Option<When>,
    /// By whom.
    pub closed_by: String,
    /// With which words.
    pub close_note: String,
    /// When the next one is due, in words.
    pub next_due: String,
}

impl RoundRow {
    /// Hundredths that are done.
    pub fn percent(&self) -> u64 {
        (self.done * 100).checked_div(self.assets).unwrap_or(100)
    }
    /// Where it stands: shape, word, colour.
    pub fn tag(&self, t: &T) -> Tag {
        let (tone, mark, key) = if self.closed.is_some() {
            ("", "－", "stock-closed")
        } else if self.overdue {
            ("look", "▲", "stock-overdue")
        } else if self.open == 0 {
            ("ok", "●", "stock-all-done")
        } else {
            ("blue", "●", "stock-running")
        };
        Tag { tone, mark, word: t.say(key) }
    }
}

impl Tag {
    /// What was said of an asset; absent while nobody looked.
    pub fn stock(t: T, result: Option<StockResult>) -> Tag {
        let (tone, mark) = match result {
            None => ("", "？"),
            Some(StockResult::Found) => ("ok", "●"),
            Some(StockResult::Missing) => ("act", "■"),
            Some(StockResult::Moved) => ("look", "▲"),
            Some(StockResult::Changed) => ("look", "▲"),
            Some(StockResult::Retired) => ("", "◇"),
            Some(StockResult::Extra) => ("look", "＋"),
        };
        Tag { tone, mark, word: t.of("stock-result", result.map_or("open", StockResult::name)) }
    }
}

/// 棚卸しの一覧
#[derive(Clone, Debug, Default, Template)]
#[template(path = "stocktakes.html")]
pub struct StocktakesPage {
    /// Around it.
    pub shell: Shell,
    /// Those that go on.
    pub running: Vec<RoundRow>,
    /// Those that are over.
    pub over: Vec<RoundRow>,
    /// Which part.
    pub paging: Paging,
    /// Zones to choose from.
    pub zones: Vec<Choice>,
    /// Places to choose from.
    pub places: Vec<Choice>,
    /// What was typed: name, assignee, due, note.
    pub typed: [String; 4],
    /// What is wrong, in words.
    pub problem: Option<String>,
}

/// A line of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StockRow {
    /// Its id.
    pub id: String,
    /// Its page.
    pub href: String,
    /// Its revision.
    pub rev: i64,
    /// A fresh id for the quick tick.
    pub tick: String,
    /// What it is called.
    pub label: String,
    /// What sort of thing.
    pub kind: Option<Kind>,
    /// Where it stands by the ledger.
    pub place: String,
    /// Its zone.
    pub zone: String,
    /// What was said.
    pub result: Option<StockResult>,
    /// The words to it, in one line.
    pub said: String,
    /// Who said it.
    pub by: String,
    /// When.
    pub at: Option<When>,
    /// There is a photo.
    pub photo: bool,
}

/// A tab over the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tab {
    /// The words.
    pub text: String,
    /// Where it leads.
    pub href: String,
    /// How many.
    pub n: u64,
    /// It is the one shown.
    pub here: bool,
}

/// A word that was kept aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictRow {
    /// Its id.
    pub id: String,
    /// The entry's page.
    pub href: String,
    /// The entry's name.
    pub label: String,
    /// What stands.
    pub stands: Option<StockResult>,
    /// By whom.
    pub stands_by: String,
    /// The words to it.
    pub stands_said: String,
    /// What was said besides.
    pub said: Option<StockResult>,
    /// By whom.
    pub by: String,
    /// The words to it.
    pub words: String,
}

/// One round.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "stocktake.html")]
pub struct StocktakePage {
    /// Around it.
    pub shell: Shell,
    /// The round.
    pub round: RoundRow,
    /// Tabs.
    pub tabs: Vec<Tab>,
    /// Which of them, as in the address.
    pub which: String,
    /// Words looked for.
    pub q: String,
    /// Lines shown.
    pub rows: Vec<StockRow>,
    /// Which part.
    pub paging: Paging,
    /// Words to be settled.
    pub conflicts: Vec<ConflictRow>,
    /// Proposed day of the next one, `YYYY-MM-DD`.
    pub next_due: String,
    /// Fresh ids for a thing that the ledger lacks: the tick and the entry.
    pub fresh: (String, String),
    /// What is wrong, in words.
    pub problem: Option<String>,
}

impl StocktakePage {
    /// It goes on.
    pub fn runs(&self) -> bool {
        self.round.closed.is_none()
    }
    /// The tag of a result.
    pub fn tag(&self, result: &Option<StockResult>) -> Tag {
        Tag::stock(self.shell.t, *result)
    }
    /// The name of a result.
    pub fn result(&self, result: &StockResult) -> String {
        self.shell.t.of("stock-result", result.name())
    }
}

/// One entry.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "stocktake_entry.html")]
pub struct StockEntryPage {
    /// Around it.
    pub shell: Shell,
    /// The round's name.
    pub round: String,
    /// The round's id.
    pub round_id: String,
    /// It goes on: something can be said.
    pub runs: bool,
    /// The entry.
    pub row: StockRow,
    /// Facts to recognise it by: heading and value.
    pub facts: Vec<(String, String)>,
    /// The asset's page; absent where the ledger lacks it.
    pub asset: Option<String>,
    /// Its ports are asked for.
    pub network: bool,
    /// What stands or was typed.
    pub said: state::stocktake::Said,
    /// What the form proposes.
    pub chosen: Option<StockResult>,
    /// Words to be settled.
    pub conflicts: Vec<ConflictRow>,
    /// The next entry's page.
    pub next: Option<String>,
    /// The one before.
    pub before: Option<String>,
    /// What is wrong, in words.
    pub problem: Option<String>,
}

impl StockEntryPage {
    /// Results to choose from, with whether it is chosen.
    pub fn choices(&self) -> Vec<(StockResult, String, bool)> {
        let all: &[StockResult] = if self.asset.is_some() {
            &[StockResult::Found, StockResult::Missing, StockResult::Moved, StockResult::Changed, StockResult::Retired]
        } else {
            &[StockResult::Extra]
        };
        all.iter().map(|r| (*r, self.shell.t.of("stock-result", r.name()), self.chosen == Some(*r))).collect()
    }
    /// The tag of a result.
    pub fn tag(&self, result: &Option<StockResult>) -> Tag {
        Tag::stock(self.shell.t, *result)
    }
}

/// A label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// What it is called.
    pub label: String,
    /// Maker and model, or where it stands.
    pub line: String,
    /// The end of its id, to tell labels apart by eye.
    pub short: String,
    /// The code.
    pub code: crate::qr::Code,
}

/// Labels to print.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "labels.html")]
pub struct LabelsPage {
    /// Around it.
    pub shell: Shell,
    /// Labels.
    pub labels: Vec<Label>,
    /// The address that the codes lead to, without the asset's part.
    pub base: String,
    /// Zones to choose from.
    pub zones: Vec<Choice>,
    /// Places to choose from.
    pub places: Vec<Choice>,
    /// Assets that are not among them, since there are too many for one print.
    pub left: u64,
}
