//! 保管庫: how the vault is doing, the newest checkpoint on paper, a look through everything, holds, and how long records are kept.

use super::settings::{misfit, value_row};
use crate::ask::{Ask, with_done};
use crate::problem::{Problem, page_with, redirect};
use crate::qr;
use crate::view::vault::{CheckpointPage, Concern, Confirmed, DamageRow, HoldRow, LookRow, Past, Running, VaultPage, VaultTable};
use crate::view::words::Tag;
use crate::view::{Amount, Choice, Link, Page, RawRow, When};
use axum::http::StatusCode;
use axum::response::Response;
use catalogue::Value;
use model::access::{EditSettings, ViewSettings};
use model::event::{Deed, Table};
use model::{Authorised, Span, Time};
use state::StateError;
use state::settings::{EXPORT_SETTINGS, SETTINGS, retention_of};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use vault::{Confirmation, ConfirmationKind, Depth, Hold, LastVerified, PRESSURE, VaultStatus, Writing};

/// Confirmations that are shown.
const CONFIRMED: usize = 8;
/// Places of damage that are shown.
const DAMAGE: usize = 50;
/// Characters of a hold's name and of its reason.
const NAME: usize = 60;
const REASON: usize = 200;
/// Holds at most.
const HOLDS: usize = 200;
/// The disk is looked at when it would be full within so many days.
const SOON: f64 = 30.0;
/// Without a confirmation from outside, or a look, for so long, the page says so.
const LONG: Span = Span::days(31);

/// A look through everything that was asked for on the page.
#[derive(Debug, Default)]
pub(crate) struct Looking {
    state: Mutex<LookState>,
    bytes: AtomicU64,
}

#[derive(Clone, Debug, Default)]
enum LookState {
    #[default]
    Idle,
    Running {
        since: Time,
        all: u64,
    },
    Done(LastVerified),
    Failed(String),
}

impl Looking {
    fn now(&self) -> LookState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn set(&self, state: LookState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
    /// Begins, unless one goes on.
    fn begin(&self, since: Time, all: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, LookState::Running { .. }) {
            return false;
        }
        self.bytes.store(0, Ordering::Relaxed);
        *state = LookState::Running { since, all };
        true
    }
}

/// What outsiders said, newest first. On a thread for files.
pub(crate) async fn confirmations(ask: &Ask) -> Vec<Confirmation> {
    let vault = ask.shared.vault.clone();
    tokio::task::spawn_blocking(move || vault.confirmations()).await.unwrap_or_default()
}

/// How old the newest word from outside is, in one sentence.
pub(crate) async fn outside(ask: &Ask) -> String {
    match confirmations(ask).await.first() {
        Some(c) => ask.t().x("vault-outside-newest", &ask.format.ago(c.at)),
        None => ask.say("vault-outside-short"),
    }
}

pub(super) fn past(ask: &Ask, at: Time) -> Past {
    Past { ago: ask.format.ago(at), when: When::new(at, ask.format.date_time(at)) }
}

/// `GET /vault`
pub(crate) async fn page(ask: Ask, proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    page_with(StatusCode::OK, &fill(&ask, &proof, None).await?)
}

async fn fill(ask: &Ask, proof: &Authorised<ViewSettings>, problem: Option<(&str, String)>) -> Result<VaultPage, Problem> {
    let t = ask.t();
    let vault = ask.shared.vault.clone();
    let (status, confirmed, holds) = tokio::task::spawn_blocking(move || (vault.status(), vault.confirmations(), vault.holds()))
        .await
        .map_err(|e| Problem::Broken(e.to_string()))?;
    let shell = ask.shell(Page::Settings, &t.say("vault")).await?;
    let events = shell.may.view_events;
    let settings = ask.store.settings(proof).await?;
    let number = |name: &str| settings.iter().find(|s| s.key.name == name).and_then(|s| s.value.parse::<u64>().ok());
    let (looking, look) = looked(ask, &status);
    let growth = match (status.free, status.days_left) {
        (Some(free), Some(days)) if days > 0.0 => Some(free as f64 / days),
        _ => None,
    };
    let exports = super::archives::section(ask, &status, &settings);
    let mut concerns = concerns(ask, &status, &confirmed, &looking, look.as_ref());
    if !exports.late.is_empty() {
        concerns.push(Concern { tone: "look", what: exports.late.clone(), todo: t.say("export-late-do"), said: String::new() });
    }
    concerns.extend(super::clocks::concern(ask, proof).await?);
    let (tone, mark, sentence) = match () {
        () if concerns.iter().any(|c| c.tone == "act") => ("act", "■", "vault-act"),
        () if !concerns.is_empty() => ("look", "▲", "vault-attend"),
        () => ("ok", "●", "vault-fine"),
    };
    Ok(VaultPage {
        tone,
        mark,
        sentence: t.say(sentence),
        concerns,
        records: Amount::count(status.events),
        bytes: Amount::bytes(status.bytes),
        free: status.free.map(Amount::bytes),
        growth: growth.map(|g| Amount::bytes(g as u64)),
        full: full(ask, &status, growth, number("retention_bytes")),
        oldest: status.oldest.map(|o| When::new(o, ask.format.date_time(o))),
        newest: status.newest.map(|o| When::new(o, ask.format.date_time(o))),
        tail: Amount::count(status.last_seq.saturating_sub(status.sealed_to)),
        uncommitted: Amount::count(status.last_seq.saturating_sub(status.log.covered)),
        let_go: if status.let_go.events == 0 {
            String::new()
        } else {
            t.with(
                "vault-let-go-sum",
                &[
                    ("n", Value::Text(&ask.format.number(status.let_go.events))),
                    ("x", Value::Text(&ask.format.bytes(status.let_go.bytes))),
                    ("y", Value::Text(&ask.format.date(status.let_go.last_received))),
                ],
            )
        },
        dropped: Amount::count(status.dropped),
        pressure: pressure(ask),
        encryption: super::encryption::row(ask, &status.encryption),
        write_errors: Amount::count(status.write_errors),
        last_sync: status.last_sync.map(|at| past(ask, at)),
        tables: tables(ask, &status, events, &number),
        last_seal: status.log.last_seal.map(|at| past(ask, at)),
        last_checkpoint: status.log.last_checkpoint.map(|at| past(ask, at)),
        entries: Amount::count(status.log.size),
        batches: Amount::count(status.log.batches),
        covered: match status.log.covered {
            0 => Link::plain(t.say("vault-not-yet")),
            seq if events => Link::to(t.x("event-number", &seq.to_string()), format!("/events/{}/{seq}", status.epoch)),
            seq => Link::plain(t.x("event-number", &seq.to_string())),
        },
        fingerprint: status.log.fingerprint.clone(),
        origin: status.log.origin.clone(),
        confirmed: confirmed.iter().take(CONFIRMED).map(|c| confirmation(ask, c)).collect(),
        look,
        running: match &looking {
            LookState::Running { since, all } => {
                let done = ask.shared.looking.bytes.load(Ordering::Relaxed);
                let all = (*all).max(done).max(1);
                Some(Running { since: ask.when(*since), done: Amount::bytes(done), all: Amount::bytes(all) })
            }
            _ => None,
        },
        exports,
        damage: status.damage.iter().take(DAMAGE).map(|d| damage(ask, d, events)).collect(),
        damage_more: status.damage.len().saturating_sub(DAMAGE) as u64,
        notes: status.notes.clone(),
        holds: holds.iter().enumerate().map(|(n, h)| hold_row(ask, n, h, events)).collect(),
        hold_tables: hold_tables(ask, ""),
        hold_entered: std::array::from_fn(|_| String::new()),
        retention: Table::ALL
            .into_iter()
            .filter_map(|table| settings.iter().find(|s| s.key.name == retention_of(table)))
            .map(|s| value_row(ask, s))
            .collect(),
        problems: problem.map(|(s, p)| vec![(s.to_owned(), p)]).unwrap_or_default(),
        shell,
    })
}

fn hold_tables(ask: &Ask, chosen: &str) -> Vec<Choice> {
    let t = ask.t();
    let mut out = vec![Choice::new("", ask.say("choice-all"), chosen.is_empty())];
    out.extend(Table::ALL.iter().map(|x| Choice::new(x.name(), t.of("table", x.name()), chosen == x.name())));
    out
}

/// What is let go under pressure, in order, then what never is.
fn pressure(ask: &Ask) -> Vec<(String, String)> {
    let t = ask.t();
    let mut all = PRESSURE;
    all.sort_by_key(|(_, rank)| rank.unwrap_or(u8::MAX));
    let words = |(table, rank): (Table, Option<u8>)| {
        let when = rank.map_or_else(|| t.say("pressure-never"), |r| t.x("pressure-rank", &(r + 1).to_string()));
        (t.of("table", table.name()), when)
    };
    all.into_iter().map(words).collect()
}

/// How the page's own look stands, and how the last one ended.
fn looked(ask: &Ask, status: &VaultStatus) -> (LookState, Option<LookRow>) {
    let t = ask.t();
    let looking = ask.shared.looking.now();
    let own = if let LookState::Done(d) = &looking { Some(*d) } else { None };
    let last = match (own, status.last_verified) {
        (Some(a), Some(b)) => Some(if a.at > b.at { a } else { b }),
        (a, b) => a.or(b),
    };
    let row = last.map(|l| LookRow {
        tag: if l.damage == 0 {
            Tag { tone: "ok", mark: "●", word: t.say("vault-look-good") }
        } else {
            Tag { tone: "act", mark: "■", word: t.n("vault-look-bad", l.damage) }
        },
        at: past(ask, l.at),
        what: t.with(
            if l.deep { "vault-look-sum-deep" } else { "vault-look-sum" },
            &[
                ("n", Value::Text(&ask.format.number(l.files))),
                ("x", Value::Text(&ask.format.bytes(l.bytes))),
                ("y", Value::Text(&ask.format.span(Span::millis(i64::try_from(l.took_ms).unwrap_or(i64::MAX))))),
            ],
        ),
    });
    (looking, row)
}

/// What somebody should look at, the worst first.
fn concerns(ask: &Ask, s: &VaultStatus, confirmed: &[Confirmation], looking: &LookState, look: Option<&LookRow>) -> Vec<Concern> {
    let t = ask.t();
    let mut out = Vec::new();
    let mut add = |tone, what: String, todo: &str, said: &str| {
        out.push(Concern { tone, what, todo: if todo.is_empty() { String::new() } else { t.say(todo) }, said: said.to_owned() });
    };
    match &s.writing {
        Writing::Ok => {}
        Writing::Stopped { why, since, tries } => {
            let what = t.xy("vault-stopped", &ask.format.date_time(*since), &ask.format.number(u64::from(*tries)));
            add("act", what, "vault-stopped-do", why);
        }
        Writing::Closed => add("act", t.say("vault-closed"), "vault-closed-do", ""),
    }
    if !s.damage.is_empty() {
        add("act", t.n("vault-damaged", s.damage.len()), "vault-damaged-do", "");
    }
    if let Some(trouble) = &s.log.trouble {
        add("act", t.say("vault-log-trouble"), "vault-log-trouble-do", trouble);
    }
    if let LookState::Failed(why) = looking {
        add("look", t.say("vault-look-failed"), "vault-look-failed-do", why);
    }
    if let Some(days) = s.days_left.filter(|d| *d < SOON) {
        add(if days < 3.0 { "act" } else { "look" }, t.n("vault-full-soon", days as u64), "vault-full-soon-do", "");
    }
    if s.dropped > 0 {
        add("look", t.n("vault-dropped-some", s.dropped), "vault-dropped-do", "");
    }
    if s.log.size > 0 {
        match confirmed.first() {
            None => add("look", t.say("vault-outside-none"), "vault-outside-do", ""),
            Some(c) if ask.now - c.at > LONG => {
                add("look", t.x("vault-outside-old", &ask.format.ago(c.at)), "vault-outside-do", "");
            }
            Some(_) => {}
        }
        if look.is_none() && !matches!(looking, LookState::Running { .. }) && s.oldest.is_some_and(|o| ask.now - o > LONG) {
            add("look", t.say("vault-look-never"), "vault-look-never-do", "");
        }
    }
    out
}

/// When the room ends, in words.
fn full(ask: &Ask, s: &VaultStatus, growth: Option<f64>, most: Option<u64>) -> String {
    let t = ask.t();
    let (Some(days), Some(growth)) = (s.days_left, growth) else { return t.say("vault-full-unknown") };
    let day = |days: f64| {
        let seconds = (days.min(36_500.0) * 86_400.0) as i64;
        ask.format.date(ask.now + Span::seconds(seconds))
    };
    // The budget lets the oldest go before the disk is full.
    if let Some(left) = most.map(|m| m.saturating_sub(s.bytes)).filter(|_| growth > 0.0) {
        let until = left as f64 / growth;
        if until < days {
            let most = ask.format.bytes(most.unwrap_or_default());
            return if until > 3650.0 { t.say("vault-full-far") } else { t.xy("vault-full-budget", &day(until), &most) };
        }
    }
    if days > 3650.0 { t.say("vault-full-far") } else { t.x("vault-full-on", &day(days)) }
}

fn tables(ask: &Ask, s: &VaultStatus, events: bool, number: &impl Fn(&str) -> Option<u64>) -> Vec<VaultTable> {
    let t = ask.t();
    let row = |(table, now): (Table, &vault::TableStatus)| {
        let name = t.of("table", table.name());
        let limit = number(retention_of(table));
        VaultTable {
            name: if events { Link::to(name, format!("/events?table={}", table.name())) } else { Link::plain(name) },
            rows: Amount::count(now.rows),
            files: Amount::count(now.files),
            bytes: Amount::bytes(now.bytes),
            oldest: now.oldest.map(|o| When::new(o, ask.format.date(o))),
            kept: limit.map_or_else(|| t.say("vault-kept-always"), |d| t.n("vault-kept-days", d)),
        }
    };
    Table::ALL.into_iter().zip(&s.tables).map(row).collect()
}

fn confirmation(ask: &Ask, c: &Confirmation) -> Confirmed {
    let (kind, who) = match c.kind {
        ConfirmationKind::Witness => ("vault-witness", c.name.clone()),
        ConfirmationKind::Stamp => ("vault-stamp", ask.say("vault-stamp-who")),
    };
    Confirmed { who, kind: ask.say(kind), at: past(ask, c.at), size: Amount::count(c.size) }
}

fn damage(ask: &Ask, d: &vault::Damage, events: bool) -> DamageRow {
    let t = ask.t();
    let name = d.file.display().to_string();
    let last = d.last_seq.unwrap_or(u64::MAX);
    let (records, href) = match d.last_seq {
        Some(l) if l < d.first_seq => (t.say("vault-damage-no-record"), None),
        Some(l) => (t.xy("vault-damage-span", &d.first_seq.to_string(), &l.to_string()), Some(last)),
        None => (t.x("vault-damage-from", &d.first_seq.to_string()), Some(last)),
    };
    let href = href.filter(|_| events).map(|last| {
        let after = d.first_seq.saturating_sub(1);
        if last == u64::MAX { format!("/events?after={after}") } else { format!("/events?after={after}&before={}", last.saturating_add(1)) }
    });
    DamageRow { file: Link { text: name, href }, what: d.what.clone(), records }
}

fn hold_row(ask: &Ask, n: usize, h: &Hold, events: bool) -> HoldRow {
    let t = ask.t();
    let names: Vec<String> = Table::ALL.iter().filter(|x| h.tables & x.bit() != 0).map(|x| t.of("table", x.name())).collect();
    let tables = if h.tables == 0 { t.say("vault-hold-all") } else { names.join(t.comma()) };
    let day = |at: Option<Time>| at.map(|a| ask.format.date_time(a));
    let span = match (day(h.from), day(h.to)) {
        (None, None) => t.say("vault-hold-always"),
        (a, b) => t.xy("vault-hold-span", &a.unwrap_or_default(), &b.unwrap_or_default()),
    };
    let mut query: Vec<String> = Table::ALL.iter().filter(|x| h.tables & x.bit() != 0).map(|x| format!("table={}", x.name())).collect();
    for (name, at) in [("from", h.from), ("to", h.to)] {
        query.extend(at.map(|a| format!("{name}={}", crate::ask::escape(&a.rfc3339()))));
    }
    let href = if query.is_empty() { String::from("/events") } else { format!("/events?{}", query.join("&")) };
    HoldRow {
        name: if events { Link::to(&h.name, href) } else { Link::plain(&h.name) },
        key: h.name.clone(),
        reason: h.reason.clone(),
        since: When::new(h.since, ask.format.date_time(h.since)),
        what: format!("{tables} · {span}"),
        n,
    }
}

/// `GET /vault/checkpoint`: for paper.
pub(crate) async fn checkpoint(ask: Ask, _: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let t = ask.t();
    let log = ask.shared.vault.status().log;
    let note = ask.shared.vault.checkpoint();
    let root = note.as_deref().and_then(|n| n.lines().nth(2)).unwrap_or_default().to_owned();
    let fact = |key: &str, value: String| RawRow { key: t.say(key), value: Link::plain(value) };
    let view = CheckpointPage {
        shell: ask.shell(Page::Settings, &t.say("vault-paper")).await?,
        code: note.as_deref().and_then(qr::code),
        at: log.last_checkpoint.map(|at| When::new(at, ask.format.date_time(at))),
        facts: vec![
            fact("vault-origin", log.origin.clone()),
            fact("vault-entries", ask.format.number(log.size)),
            fact("vault-root", root),
            fact("vault-key", log.vkey.clone()),
        ],
        fingerprint: log.fingerprint,
        key_code: qr::code(&log.vkey),
        note,
    };
    page_with(StatusCode::OK, &view)
}

/// `POST /vault/verify`: looks through everything, on a thread of its own.
pub(crate) async fn verify(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    whole(&proof)?;
    let depth = if ask.form.get("depth") == "deep" { Depth::Deep } else { Depth::Files };
    let vault = ask.shared.vault.clone();
    let looking = Arc::clone(&ask.shared.looking);
    let clock = ask.shared.clock.clone();
    if looking.begin(ask.now, vault.status().bytes) {
        tracing::info!(by = proof.name(), ?depth, "the vault is looked through");
        let run = move || {
            let began = std::time::Instant::now();
            let result = vault.verify_with(depth, |bytes| {
                looking.bytes.store(bytes, Ordering::Relaxed);
                true
            });
            looking.set(match result {
                Ok(v) => LookState::Done(LastVerified {
                    at: clock(),
                    deep: depth == Depth::Deep,
                    files: v.files,
                    bytes: v.bytes,
                    damage: v.damage.len() as u64,
                    took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                }),
                Err(e) => LookState::Failed(e.to_string()),
            });
        };
        // Detached: it may take an hour, and ends with the program.
        if let Err(e) = std::thread::Builder::new().name(String::from("vault-look")).spawn(run) {
            ask.shared.looking.set(LookState::Failed(e.to_string()));
        }
    }
    Ok(redirect(&with_done("/vault#look", "look-began")))
}

pub(super) fn whole(proof: &Authorised<EditSettings>) -> Result<(), Problem> {
    // The vault belongs to the site: whoever answers for one zone does not decide here.
    if proof.zone().is_some() { Err(Problem::Denied) } else { Ok(()) }
}

pub(super) async fn again(ask: &Ask, section: &str, status: StatusCode, words: String) -> Result<Response, Problem> {
    let seeing = ask.also(ViewSettings)?;
    let mut view = fill(ask, &seeing, Some((section, words))).await?;
    view.hold_entered = ["name", "reason", "from", "to"].map(|n| ask.form.get(n).to_owned());
    view.hold_tables = hold_tables(ask, ask.form.get("table"));
    page_with(status, &view)
}

/// `POST /vault/holds`: adds one or lifts one.
pub(crate) async fn holds(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    whole(&proof)?;
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let f = &ask.form;
    let (name, reason) = (f.get("name").trim().to_owned(), f.get("reason").trim().to_owned());
    let line = |s: &str, most: usize| !s.is_empty() && s.chars().count() <= most && !s.chars().any(char::is_control);
    if !line(&name, NAME) || !line(&reason, REASON) {
        return again(&ask, "holds", unfit, ask.say("vault-hold-wrong")).await;
    }
    // One at a time: the list is read, changed and written as a whole.
    let turn = ask.shared.holding.lock().await;
    let mut all = ask.shared.vault.holds();
    let before = all.clone();
    let deed = match f.get("act") {
        "add" => {
            if all.iter().any(|h| h.name == name) || all.len() >= HOLDS {
                drop(turn);
                return again(&ask, "holds", unfit, ask.t().x("field-exists", &name)).await;
            }
            let (mut span, mut wrong) = ([None, None], false);
            for (slot, field) in span.iter_mut().zip(["from", "to"]) {
                let text = f.get(field);
                *slot = super::events::time(&ask, text);
                wrong |= !text.is_empty() && slot.is_none();
            }
            let [from, to] = span;
            let table = Table::from_name(f.get("table"));
            wrong |= matches!((from, to), (Some(a), Some(b)) if a >= b) || (table.is_none() && !f.get("table").is_empty());
            if wrong {
                drop(turn);
                return again(&ask, "holds", unfit, ask.say("vault-hold-wrong-span")).await;
            }
            let hold = Hold {
                name: name.clone(),
                reason: ask.t().xy("vault-hold-said", &reason, proof.name()),
                since: ask.now,
                tables: table.map_or(0, Table::bit),
                from,
                to,
            };
            let deed = Deed::HoldPlaced { name: name.clone(), query: hold.query(), reason };
            all.push(hold);
            deed
        }
        "lift" => {
            let Some(query) = all.iter().find(|h| h.name == name).map(Hold::query) else { return Err(Problem::NotFound) };
            all.retain(|h| h.name != name);
            Deed::HoldLifted { name, query, reason }
        }
        _ => return Err(Problem::Bad(String::new())),
    };
    set_holds(&ask, all).await?;
    if let Err(e) = ask.store.did(&proof, deed, ask.now).await {
        // No change without its deed.
        set_holds(&ask, before).await?;
        return Err(e.into());
    }
    drop(turn);
    Ok(redirect(&with_done("/vault#holds", "saved")))
}

async fn set_holds(ask: &Ask, holds: Vec<Hold>) -> Result<(), Problem> {
    let vault = ask.shared.vault.clone();
    let done = tokio::task::spawn_blocking(move || vault.set_holds(holds)).await.map_err(|e| Problem::Broken(e.to_string()))?;
    done.map_err(|e| Problem::Busy(e.to_string()))
}

/// `POST /vault/retention`: how many days a table is kept, and the settings of exports.
pub(crate) async fn retention(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    let wrong = || Problem::Bad(String::new());
    let mut names = Table::ALL.into_iter().map(retention_of).chain(EXPORT_SETTINGS);
    let name = names.find(|n| *n == ask.form.get("key")).ok_or_else(wrong)?;
    let section = if EXPORT_SETTINGS.contains(&name) { "/vault#exports" } else { "/vault#retention" };
    let known = SETTINGS.iter().find(|k| k.name == name).ok_or_else(wrong)?;
    let rev = ask.form.number("rev").ok_or_else(wrong)?;
    match ask.store.set_setting(&proof, name, rev, ask.form.get("value"), ask.now).await {
        Ok(_) => Ok(redirect(&with_done(section, "saved"))),
        Err(StateError::Invalid { .. }) => again(&ask, name, StatusCode::UNPROCESSABLE_ENTITY, misfit(&ask, known)).await,
        Err(StateError::Changed { by, at, .. }) => {
            again(&ask, name, StatusCode::CONFLICT, ask.t().xy("problem-conflict-by", &by, &ask.format.moment(at))).await
        }
        Err(other) => Err(other.into()),
    }
}
