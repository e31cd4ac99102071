//! What every page has around it, and the small parts that pages share.

use super::words::T;
use askama::Template;
use askama::filters::HtmlSafe;
use model::Lang;
use model::time::Time;
pub use state::people::Theme;

/// A page of the rail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// 今日
    #[default]
    Today,
    /// 検知
    Findings,
    /// 資産
    Assets,
    /// 記録
    Events,
    /// 設定
    Settings,
    /// None of them: login, errors.
    Outside,
}

/// A point in time, for machines and for the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(ext = "html", source = "<time datetime=\"{{ iso }}\">{{ text }}</time>")]
pub struct When {
    /// RFC 3339.
    pub iso: String,
    /// In the reader's language and the site's time zone, as short as the place asks for.
    pub text: String,
}

impl When {
    /// From a time and its words.
    pub fn new(at: Time, text: impl Into<String>) -> When {
        When { iso: at.rfc3339(), text: text.into() }
    }
}

/// A quantity, for sorting and for the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// The number.
    pub n: u64,
    /// With its unit.
    pub text: String,
}

impl Amount {
    /// Bytes.
    pub fn bytes(n: u64) -> Amount {
        Amount { n, text: super::words::bytes(n) }
    }
    /// The words, or the number where none were given.
    pub fn show(&self) -> String {
        if self.text.is_empty() { Amount::count(self.n).text } else { self.text.clone() }
    }
    /// A count.
    pub fn count(n: u64) -> Amount {
        Amount { n, text: catalogue::phrases::group(i64::try_from(n).unwrap_or(i64::MAX)) }
    }
}

/// Words with an address behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = "{% if let Some(to) = href %}<a href=\"{{ to }}\"><bdi>{{ text }}</bdi></a>{% else %}<bdi>{{ text }}</bdi>{% endif %}"
)]
pub struct Link {
    /// The words.
    pub text: String,
    /// Where they lead; nowhere where absent.
    pub href: Option<String>,
}

impl Link {
    /// Words that lead somewhere.
    pub fn to(text: impl Into<String>, href: impl Into<String>) -> Link {
        Link { text: text.into(), href: Some(href.into()) }
    }
    /// Words alone.
    pub fn plain(text: impl Into<String>) -> Link {
        Link { text: text.into(), href: None }
    }
}

/// An entry of a selection list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = "<option value=\"{{ value }}\"{% if chosen %} selected{% endif %}>{{ label }}{% if let Some(n) = count %} ({{ n }}){% endif %}</option>"
)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What the reader sees.
    pub label: String,
    /// It is the one chosen.
    pub chosen: bool,
    /// How many there are, where it is a filter and that is known.
    pub count: Option<u64>,
}

impl Choice {
    /// An entry without a count.
    pub fn new(value: impl Into<String>, label: impl Into<String>, chosen: bool) -> Choice {
        Choice { value: value.into(), label: label.into(), chosen, count: None }
    }
}

/// A message above the page after something was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flash {
    /// `ok`, `look` or `act`.
    pub tone: &'static str,
    /// The words.
    pub text: String,
}

/// Which part of a list is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// First row shown, from 1; 0 where there is none.
    pub from: u64,
    /// Last row shown.
    pub to: u64,
    /// Rows that fit the filter.
    pub total: u64,
    /// The address of the part before.
    pub before: Option<String>,
    /// The address of the part after.
    pub after: Option<String>,
}

impl Paging {
    /// The part of `total` rows that page `page` (from 1) of `size` shows. `query` is the filter without `page`, url-encoded and
    /// without `?`.
    pub fn new(path: &str, query: &str, page: u64, size: u64, total: u64) -> Paging {
        let size = size.max(1);
        let pages = total.div_ceil(size).max(1);
        let page = page.clamp(1, pages);
        let join = if query.is_empty() { "" } else { "&" };
        let at = |p: u64| format!("{path}?{query}{join}page={p}");
        Paging {
            from: if total == 0 { 0 } else { (page - 1) * size + 1 },
            to: (page * size).min(total),
            total,
            before: (page > 1).then(|| at(page - 1)),
            after: (page < pages).then(|| at(page + 1)),
        }
    }
}

/// A column by which a list can be sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Locale key of its heading.
    pub key: &'static str,
    /// The address of the list sorted by it (the other way round where it is sorted so already); absent where it cannot be.
    pub href: Option<String>,
    /// `ascending`, `descending` or empty: how it is sorted now.
    pub sorted: &'static str,
    /// Numbers: set to the right.
    pub number: bool,
}

/// What the reader may do: buttons that would be refused are not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct May {
    /// See assets.
    pub view_assets: bool,
    /// Change assets.
    pub edit_assets: bool,
    /// Take the ledger out.
    pub export_assets: bool,
    /// See findings.
    pub view_findings: bool,
    /// Handle findings.
    pub handle_findings: bool,
    /// See raw records.
    pub view_events: bool,
    /// See settings.
    pub view_settings: bool,
    /// Change settings.
    pub edit_settings: bool,
    /// Make accounts.
    pub manage_users: bool,
}

impl May {
    /// Everything.
    pub const ALL: May = May {
        view_assets: true,
        edit_assets: true,
        export_assets: true,
        view_findings: true,
        handle_findings: true,
        view_events: true,
        view_settings: true,
        edit_settings: true,
        manage_users: true,
    };
}

/// The sensors in one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SensorLine {
    /// Sensors there are.
    pub all: u64,
    /// Of these, watching without loss.
    pub watching: u64,
    /// Of these, losing frames.
    pub dropping: u64,
    /// Of these, seeing nothing or down.
    pub blind: u64,
}

// Each of these is made by its own template, which escapes what it is given.
impl HtmlSafe for When {}
impl HtmlSafe for Link {}
impl HtmlSafe for Choice {}

/// What stands around every page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shell {
    /// The reader's language.
    pub t: T,
    /// The page of the rail.
    pub page: Page,
    /// The title in the window's bar: name of the thing shown; the page's own name where empty.
    pub title: String,
    /// The site's name.
    pub site: String,
    /// The reader's name; empty where nobody is logged in.
    pub user: String,
    /// What the reader may do.
    pub may: May,
    /// Light or dark.
    pub theme: Theme,
    /// The token that every form sends back.
    pub csrf: String,
    /// Open findings of severity today and week, for the rail.
    pub open_findings: u64,
    /// Of these, severity today: the number is red.
    pub open_today: u64,
    /// Devices that nobody has registered, for the rail.
    pub discovered: u64,
    /// The sensors.
    pub sensors: SensorLine,
    /// The clock of the site when the page was made.
    pub now: When,
    /// The time that the data shown is of, where it is not now.
    pub as_of: Option<When>,
    /// The page may follow `/live`.
    pub live: bool,
    /// This page's own path with its query, to come back to.
    pub here: String,
    /// A message after something was done.
    pub flash: Option<Flash>,
    /// Words in the search field.
    pub q: String,
}

impl Shell {
    /// `lang` attribute.
    pub fn lang(&self) -> &'static str {
        self.t.lang.tag()
    }
    /// `data-theme` attribute.
    pub fn theme_name(&self) -> &'static str {
        self.theme.name()
    }
    /// Somebody is logged in.
    pub fn inside(&self) -> bool {
        !self.user.is_empty()
    }
    /// The key of the page's own name.
    pub fn page_key(&self) -> &'static str {
        match self.page {
            Page::Today => "nav-today",
            Page::Findings => "nav-findings",
            Page::Assets => "nav-assets",
            Page::Events => "nav-events",
            Page::Settings => "nav-settings",
            Page::Outside => "product",
        }
    }
    /// The title in the window's bar.
    pub fn full_title(&self) -> String {
        let page = if self.title.is_empty() { self.t.say(self.page_key()) } else { self.title.clone() };
        let product = self.t.say("product");
        if page == product { product } else { format!("{page} - {product}") }
    }
    /// `page` or nothing, for `aria-current`.
    pub fn current(&self, page: &str) -> bool {
        self.page_key().strip_prefix("nav-").is_some_and(|p| p == page)
    }
    /// The tag of the other language.
    pub fn other_lang(&self) -> &'static str {
        self.t.other().tag()
    }
    /// The name of the other language, in itself.
    pub fn other_lang_name(&self) -> &'static str {
        match self.t.other() {
            Lang::Ja => "日本語",
            Lang::En => "English",
        }
    }
    /// The version of script and style, for their addresses.
    pub fn assets_version(&self) -> &'static str {
        super::bundle::VERSION
    }
}
