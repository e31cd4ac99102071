//! 今日: one true sentence, at most three things to do, what changed.
//!
//! The sentence is chosen by the rules of [`TodayPage::judge`], first that fits, from what is known and from nothing else. It never
//! says that the factory is safe: only that nothing was found, and how well we looked. A sensor that sees nothing comes before
//! a quiet list of findings, since silence is then no news.

use super::chart::Traffic;
use super::shell::{Amount, Link, Shell, When};
use super::words::{T, Tag};
use askama::Template;
use catalogue::phrases::Value;
use model::asset::AssetState;
use model::coverage::Quality;
use model::finding::{FindingStatus, Severity};

/// An open finding, as the front page needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopFinding {
    /// Its page.
    pub href: String,
    /// How soon.
    pub severity: Severity,
    /// What the rule calls it, filled.
    pub title: String,
    /// What happened, in the rule's words.
    pub what: String,
    /// Last time.
    pub last: When,
}

/// A sensor, as the front page needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TodaySensor {
    /// Its name.
    pub name: String,
    /// How well it watches now.
    pub quality: Quality,
    /// A network interface, not a file.
    pub live: bool,
}

/// How far the habits are learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Whole days watched.
    pub days: u64,
    /// Days needed before the rules compare.
    pub needed: u64,
}

impl Learned {
    /// Enough to compare with.
    pub fn enough(&self) -> bool {
        self.days >= self.needed
    }
}

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Records.
    pub events: Amount,
    /// Days from the oldest to the newest.
    pub days: u64,
    /// Time of the oldest.
    pub since: Option<When>,
    /// Room that they take.
    pub disk: Amount,
    /// Room that is left, where known.
    pub free: Option<Amount>,
    /// How old the newest confirmation from outside is, in a sentence; empty where the reader sees no settings.
    pub outside: String,
    /// That nobody has decided yet whether it is encrypted, in a sentence; empty where it was, or where the reader sees no settings.
    pub encryption: String,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// So many devices were seen for the first time.
    Discovered(u64),
    /// One device was seen for the first time: its label.
    DiscoveredOne(String),
    /// A finding was raised: its title.
    Raised(String),
    /// A finding opened again: its title.
    Reopened(String),
    /// What a finding told of is over: its title.
    Ceased(String),
    /// Somebody handled a finding.
    Handled {
        /// Who.
        who: String,
        /// Its title.
        title: String,
        /// What they made of it.
        to: FindingStatus,
    },
    /// Somebody set the state of an asset.
    State {
        /// Who.
        who: String,
        /// The asset's label.
        label: String,
        /// Now.
        to: AssetState,
    },
    /// Somebody entered or imported assets.
    Entered {
        /// Who.
        who: String,
        /// How many.
        n: u64,
    },
    /// A sensor got into trouble or out of it.
    Sensor {
        /// Its name.
        name: String,
        /// Since then.
        quality: Quality,
    },
    /// Hinomi started.
    Started,
    /// Something else, in words.
    Other(String),
}

/// A line of what changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub when: When,
    /// What.
    pub what: Changed,
    /// What stands behind it.
    pub href: Option<String>,
}

impl Change {
    /// The words.
    pub fn words(&self, t: &T) -> String {
        match &self.what {
            Changed::Discovered(n) => t.n("changed-discovered", *n),
            Changed::DiscoveredOne(x) => t.x("changed-discovered-one", x),
            Changed::Raised(x) => t.x("changed-raised", x),
            Changed::Reopened(x) => t.x("changed-reopened", x),
            Changed::Ceased(x) => t.x("changed-ceased", x),
            Changed::Handled { who, title, to } => t.xy(&format!("changed-handled-{}", to.name()), who, title),
            Changed::State { who, label, to } => t.xy(&format!("changed-state-{}", to.name()), who, label),
            Changed::Entered { who, n } => {
                t.with("changed-entered", &[("x", Value::Text(who)), ("n", Value::Number(i64::try_from(*n).unwrap_or(i64::MAX)))])
            }
            Changed::Sensor { name, quality } => t.x(
                match quality {
                    Quality::Full => "changed-sensor-full",
                    Quality::Drops => "changed-sensor-drops",
                    Quality::Nothing => "changed-sensor-nothing",
                    Quality::Down => "changed-sensor-down",
                },
                name,
            ),
            Changed::Started => t.say("changed-started"),
            Changed::Other(words) => words.clone(),
        }
    }
}

/// Something to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Todo {
    /// How soon.
    pub tag: Tag,
    /// Where it comes from, and when.
    pub from: String,
    /// When, where it has a time.
    pub when: Option<When>,
    /// What to do.
    pub title: String,
    /// Why, in a sentence or two.
    pub why: String,
    /// Where it is done; the first is the main one.
    pub links: Vec<Link>,
}

/// The sentence on the state of things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// `ok`, `look`, `act` or empty.
    pub tone: &'static str,
    /// The shape beside it.
    pub mark: &'static str,
    /// The sentence.
    pub sentence: String,
    /// What stands behind it.
    pub rest: String,
}

/// What the front page is told. Counts are of what the reader may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TodayFacts {
    /// Open findings of severity today.
    pub today: u64,
    /// Open findings of severity week.
    pub week: u64,
    /// Open findings of severity check.
    pub check: u64,
    /// The worst open ones, severity today and week only, worst and newest first, at least three where there are.
    pub top: Vec<TopFinding>,
    /// Assets that are not retired.
    pub assets: u64,
    /// Of these, discovered and not registered.
    pub discovered: u64,
    /// Of these, registered, unused or faulty: in the ledger.
    pub in_ledger: u64,
    /// Of these, denied.
    pub denied: u64,
    /// Of all, seen in the last 24 hours of watching.
    pub seen: u64,
    /// The sensors.
    pub sensors: Vec<TodaySensor>,
    /// How far the habits are learned.
    pub learned: Learned,
    /// What changed since yesterday, newest first, at most eight.
    pub changes: Vec<Change>,
    /// The last 24 hours by the hour; absent where nothing was recorded.
    pub traffic: Option<Traffic>,
    /// What is kept.
    pub kept: Kept,
    /// The time that all this is of, where it is not now.
    pub as_of: Option<When>,
    /// The stocktake that is due, or will be soon.
    pub stock: Option<StockDue>,
    /// That no archive of the records was written for longer than was set, in words; empty where one was.
    pub archive: String,
}

/// A stocktake that is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StockDue {
    /// Its page; the list of stocktakes where the next one is meant.
    pub href: String,
    /// Its name, or that of the last one.
    pub name: String,
    /// The day, in words.
    pub day: String,
    /// It goes on.
    pub running: bool,
    /// Assets not yet looked for.
    pub open: u64,
    /// The day has passed.
    pub late: bool,
}

/// 今日
#[derive(Clone, Debug, Template)]
#[template(path = "today.html")]
pub struct TodayPage {
    /// Around it.
    pub shell: Shell,
    /// What is known.
    pub facts: TodayFacts,
    /// The sentence.
    pub judged: Judged,
    /// At most three things to do.
    pub todos: Vec<Todo>,
    /// Findings of severity today and week that are not among them.
    pub more: u64,
}

impl TodayPage {
    /// Things to do that fit a minute's look.
    pub const MOST_TODOS: usize = 3;

    /// The page of these facts.
    pub fn new(shell: Shell, facts: TodayFacts) -> TodayPage {
        let judged = TodayPage::judge(&shell.t, &facts);
        let todos = TodayPage::todos(&shell, &facts);
        let shown = todos.iter().filter(|t| t.when.is_some()).count() as u64;
        let more = (facts.today + facts.week).saturating_sub(shown);
        TodayPage { shell, facts, judged, todos, more }
    }

    /// The sentence: the first rule that fits.
    pub fn judge(t: &T, f: &TodayFacts) -> Judged {
        let live: Vec<&TodaySensor> = f.sensors.iter().filter(|s| s.live).collect();
        let blind = live.iter().filter(|s| matches!(s.quality, Quality::Nothing | Quality::Down)).count();
        let dropping = f.sensors.iter().filter(|s| s.quality == Quality::Drops).count();
        let (tone, mark, sentence) = if f.sensors.is_empty() && f.assets == 0 {
            ("", "－", t.say("today-nothing-yet"))
        } else if f.today > 0 {
            ("act", "■", t.n("today-act", f.today))
        } else if !live.is_empty() && blind == live.len() {
            ("act", "■", t.say("today-blind"))
        } else if blind > 0 {
            ("look", "▲", t.nm("today-partly-blind", blind as u64, live.len() as u64))
        } else if f.week > 0 {
            ("look", "▲", t.n("today-week", f.week))
        } else if dropping > 0 {
            ("look", "▲", t.say("today-dropping"))
        } else if f.discovered > 0 && f.in_ledger == 0 {
            ("look", "▲", t.n("today-first-devices", f.discovered))
        } else if f.assets == 0 {
            ("", "－", t.say("today-no-devices-yet"))
        } else {
            ("ok", "●", t.say("today-quiet"))
        };
        let mut rest = Vec::new();
        if let Some(at) = &f.as_of {
            rest.push(t.x("today-as-of", &at.text));
        }
        if f.assets > 0 {
            rest.push(t.nm(if f.as_of.is_some() { "today-seen-as-of" } else { "today-seen" }, f.assets, f.seen));
        }
        if f.today > 0 && blind > 0 {
            rest.push(t.nm("today-and-blind", blind as u64, live.len() as u64));
        }
        if live.is_empty() && !f.sensors.is_empty() && f.as_of.is_none() {
            rest.push(t.say("today-from-files"));
        }
        if f.assets > 0 && !f.learned.enough() {
            rest.push(t.nm("today-learning", f.learned.days, f.learned.needed));
        }
        if f.sensors.is_empty() && f.assets == 0 {
            rest.push(t.say("today-nothing-yet-how"));
        }
        let joint = if t.lang == model::Lang::Ja { "" } else { " " };
        Judged { tone, mark, sentence, rest: rest.join(joint) }
    }

    /// What to do: findings of today, blind sensors, findings of the week, losing sensors, a missing archive, devices to register. At most three.
    fn todos(shell: &Shell, f: &TodayFacts) -> Vec<Todo> {
        let t = &shell.t;
        let finding = |x: &TopFinding| Todo {
            tag: Tag::severity(*t, x.severity),
            from: t.say("nav-findings"),
            when: Some(x.last.clone()),
            title: x.title.clone(),
            why: x.what.clone(),
            links: vec![Link::to(t.say("todo-open"), x.href.clone())],
        };
        let sensor = |q: Quality, tone: &'static str, mark: &'static str, word: &str, title: &str, why: &str| {
            f.sensors.iter().find(|s| s.live && s.quality == q).map(|s| Todo {
                tag: Tag { tone, mark, word: t.say(word) },
                from: t.say("todo-from-sensor"),
                when: None,
                title: t.x(title, &s.name),
                why: t.say(why),
                links: if shell.may.view_settings { vec![Link::to(t.say("todo-open-sensors"), "/settings#sensors")] } else { Vec::new() },
            })
        };
        let mut out: Vec<Todo> = f.top.iter().filter(|x| x.severity == Severity::Today).map(finding).collect();
        out.extend(sensor(Quality::Down, "act", "■", "severity-today", "todo-down", "todo-down-why"));
        out.extend(sensor(Quality::Nothing, "act", "■", "severity-today", "todo-nothing", "todo-nothing-why"));
        out.extend(f.top.iter().filter(|x| x.severity == Severity::Week).map(finding));
        out.extend(sensor(Quality::Drops, "look", "▲", "severity-week", "todo-drops", "todo-drops-why"));
        if !f.archive.is_empty() {
            out.push(Todo {
                tag: Tag { tone: "look", mark: "▲", word: t.say("severity-week") },
                from: t.say("vault"),
                when: None,
                title: f.archive.clone(),
                why: t.say("todo-archive-why"),
                links: if shell.may.view_settings { vec![Link::to(t.say("todo-archive-open"), "/vault#exports")] } else { Vec::new() },
            });
        }
        if f.discovered > 0 {
            out.push(Todo {
                tag: Tag { tone: "blue", mark: "●", word: t.say("severity-check") },
                from: t.say("nav-assets"),
                when: None,
                title: t.n("todo-register", f.discovered),
                why: t.say("todo-register-why"),
                links: if shell.may.view_assets {
                    vec![Link::to(t.n("todo-register-open", f.discovered), "/assets?state=discovered")]
                } else {
                    Vec::new()
                },
            });
        }
        if let Some(due) = &f.stock {
            let args = [
                ("x", Value::Text(&due.name)),
                ("y", Value::Text(&due.day)),
                ("n", Value::Number(i64::try_from(due.open).unwrap_or(i64::MAX))),
            ];
            let [title, why] =
                if due.running { ["todo-stock-running", "todo-stock-running-why"] } else { ["todo-stock-next", "todo-stock-next-why"] };
            out.push(Todo {
                tag: if due.late {
                    Tag { tone: "look", mark: "▲", word: t.say("severity-week") }
                } else {
                    Tag { tone: "blue", mark: "●", word: t.say("severity-check") }
                },
                from: t.say("stock"),
                when: None,
                title: t.with(title, &args),
                why: t.with(why, &args),
                links: vec![Link::to(t.say("todo-stock-open"), due.href.clone())],
            });
        }
        out.truncate(TodayPage::MOST_TODOS);
        out
    }
}
