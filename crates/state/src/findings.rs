//! Findings: what is asked of them and what people do with them.

use crate::assets::{Page, Paging};
use crate::db::{Conn, Row, V, marks, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::store::Store;
use crate::text;
use model::access::{HandleFindings, ViewFindings};
use model::event::Deed;
use model::{AssetId, Authorised, EventId, Fact, Finding, FindingId, FindingStatus, Severity, SiteId, Span, Time, ZoneId};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// By what a list of findings is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FindingSort {
    /// Most urgent first, newest among equals.
    #[default]
    Severity,
    /// Newest last time first.
    Last,
    /// Newest first time first.
    First,
    /// Most often first.
    Count,
    /// Open, acknowledged, explained, closed.
    Status,
}

/// Which findings. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// One of these; empty: any.
    pub statuses: Vec<FindingStatus>,
    /// One of these; empty: any.
    pub severities: Vec<Severity>,
    /// One of these rules; empty: any.
    pub rules: Vec<String>,
    /// About this asset, or with its part in it.
    pub asset: Option<AssetId>,
    /// Every word must occur in key, rule, facts, explanation or the asset's names.
    pub text: String,
    /// Last happened at or after.
    pub since: Option<Time>,
    /// Order.
    pub sort: FindingSort,
    /// Turned round.
    pub reversed: bool,
    /// Which stretch.
    pub paging: Paging,
}

/// How many findings there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingCounts {
    /// Open ones by severity; every severity is there.
    pub open: BTreeMap<Severity, u64>,
    /// All by status; every status is there.
    pub by_status: BTreeMap<FindingStatus, u64>,
}

/// A moment in a finding's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingMoment {
    /// When.
    pub at: Time,
    /// Who; empty where the watch itself did it (raised, opened again).
    pub who: String,
    /// Before; absent at the beginning.
    pub from: Option<FindingStatus>,
    /// After.
    pub to: FindingStatus,
    /// A person's words.
    pub note: String,
    /// End of an explanation.
    pub until: Option<Time>,
    /// The event by which the watch did it.
    pub because: Option<EventId>,
}

/// What a person does with a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Seen, somebody is at it.
    Acknowledge,
    /// There is a reason for it, until a time.
    Explain {
        /// The reason; must say something.
        note: String,
        /// Must lie ahead, at most [`LONGEST_EXPLANATION_DAYS`].
        until: Time,
    },
    /// Done.
    Close {
        /// What was done; may be empty.
        note: String,
    },
    /// Not done after all.
    Reopen {
        /// Why; may be empty.
        note: String,
    },
}

/// How far ahead an explanation may reach, days.
pub const LONGEST_EXPLANATION_DAYS: i64 = 400;

/// How many events are kept by id for one finding.
pub const KEPT_EVENTS: usize = 256;

/// The most characters of a person's note.
pub const LONGEST_NOTE: usize = 2_000;

/// Severities and statuses are numbers in the database, so that lists sort by them.
pub(crate) fn severity_number(severity: Severity) -> i64 {
    Severity::ALL.iter().position(|s| *s == severity).unwrap_or_default() as i64
}
pub(crate) fn severity_of(row: &Row, i: usize) -> Result<Severity> {
    usize::try_from(row.int(i)?).ok().and_then(|n| Severity::ALL.get(n).copied()).ok_or_else(|| row.damaged("an unknown severity"))
}
pub(crate) fn status_number(status: FindingStatus) -> i64 {
    FindingStatus::ALL.iter().position(|s| *s == status).unwrap_or_default() as i64
}
pub(crate) fn status_of(row: &Row, i: usize) -> Result<FindingStatus> {
    usize::try_from(row.int(i)?).ok().and_then(|n| FindingStatus::ALL.get(n).copied()).ok_or_else(|| row.damaged("an unknown status"))
}

/// What a search looks through.
pub(crate) fn search_text(key: &str, rule: &str, facts: &BTreeMap<String, Fact>, explanation: &str) -> String {
    let mut all = format!("{rule} {key} {explanation}");
    for fact in facts.values() {
        match fact {
            Fact::Text(t) => {
                all.push(' ');
                all.push_str(t);
            }
            Fact::List(list) => {
                for t in list {
                    all.push(' ');
                    all.push_str(t);
                }
            }
            Fact::Count(n) => {
                let _ = write!(all, " {n}");
            }
            _ => {}
        }
    }
    text::fold(&all, 4_000)
}

const COLUMNS: &str = "SELECT f.id, f.rev, f.key, f.rule, f.revision, f.parameters, f.severity, f.status, f.first_at, f.last_at, \
    f.ceased_at, f.times, f.asset, f.facts, f.explanation, f.explained_until, f.reopened, f.events_total FROM findings f";

fn finding(row: &Row) -> Result<Finding> {
    Ok(Finding {
        id: row.parsed(0)?,
        rev: row.int(1)?,
        key: row.text(2)?,
        rule: row.text(3)?,
        revision: u32::try_from(row.int(4)?).map_err(|_| row.damaged("a revision is out of range"))?,
        parameters: row.json(5)?,
        severity: severity_of(row, 6)?,
        status: status_of(row, 7)?,
        first: row.time(8)?,
        last: row.time(9)?,
        ceased: row.opt_time(10)?,
        count: row.count(11)?,
        asset: row.opt_parsed(12)?,
        others: Vec::new(),
        facts: row.json(13)?,
        explanation: row.text(14)?,
        explained_until: row.opt_time(15)?,
        reopened: u32::try_from(row.int(16)?).unwrap_or(u32::MAX),
    })
}

async fn with_others(conn: &mut Conn, mut findings: Vec<Finding>) -> Result<Vec<Finding>> {
    let mut others: HashMap<FindingId, Vec<AssetId>> = HashMap::new();
    for chunk in findings.chunks(200) {
        let sql = format!("SELECT finding, asset FROM finding_others WHERE finding IN ({}) ORDER BY finding, place", marks(1, chunk.len()));
        for row in conn.rows_built(sql, chunk.iter().map(|f| f.id.into()).collect()).await? {
            others.entry(row.parsed(0)?).or_default().push(row.parsed(1)?);
        }
    }
    for f in &mut findings {
        f.others = others.remove(&f.id).unwrap_or_default();
        f.others.dedup();
    }
    Ok(findings)
}

/// Conditions on `f`, with their values.
#[derive(Default)]
struct Where {
    sql: String,
    values: Vec<V>,
}
impl Where {
    fn and(&mut self, condition: &str) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
    }
    fn value(&mut self, value: impl Into<V>) -> usize {
        self.values.push(value.into());
        self.values.len()
    }
    fn one_of(&mut self, column: &str, values: Vec<V>) {
        if !values.is_empty() {
            let list = marks(self.values.len() + 1, values.len());
            self.values.extend(values);
            self.and(&format!("{column} IN ({list})"));
        }
    }
    /// Only findings about an asset of the zone. One about another zone's device that merely names one of ours stays out: its
    /// facts are the other zone's.
    fn zone(&mut self, zone: Option<ZoneId>) {
        if let Some(zone) = zone {
            let n = self.value(zone);
            self.and(&format!("EXISTS (SELECT 1 FROM assets z WHERE z.id = f.asset AND z.zone_now = ${n})"));
        }
    }
}

fn conditions(filter: &FindingFilter, zone: Option<ZoneId>) -> Where {
    let mut w = Where::default();
    w.zone(zone);
    w.one_of("f.status", filter.statuses.iter().map(|s| status_number(*s).into()).collect());
    w.one_of("f.severity", filter.severities.iter().map(|s| severity_number(*s).into()).collect());
    w.one_of("f.rule", filter.rules.iter().map(V::from).collect());
    if let Some(asset) = filter.asset {
        let n = w.value(asset);
        // The id may be that of an asset that was merged.
        let same = format!("(SELECT COALESCE(m.merged_into, m.id) FROM assets m WHERE m.id = ${n})");
        w.and(&format!("(f.asset = {same} OR EXISTS (SELECT 1 FROM finding_others o WHERE o.finding = f.id AND o.asset = {same}))"));
    }
    for word in text::words(&filter.text) {
        let n = w.value(text::like(&word));
        w.and(&format!(
            "(f.search LIKE ${n} ESCAPE '!' OR EXISTS (SELECT 1 FROM assets s WHERE s.id = f.asset AND s.search LIKE ${n} ESCAPE '!'))"
        ));
    }
    if let Some(since) = filter.since {
        let n = w.value(since);
        w.and(&format!("f.last_at >= ${n}"));
    }
    w
}

fn order(filter: &FindingFilter) -> &'static str {
    match (filter.sort, filter.reversed) {
        (FindingSort::Severity, false) => "f.severity, f.last_at DESC, f.id",
        (FindingSort::Severity, true) => "f.severity DESC, f.last_at, f.id DESC",
        (FindingSort::Last, false) => "f.last_at DESC, f.id",
        (FindingSort::Last, true) => "f.last_at, f.id DESC",
        (FindingSort::First, false) => "f.first_at DESC, f.id",
        (FindingSort::First, true) => "f.first_at, f.id DESC",
        (FindingSort::Count, false) => "f.times DESC, f.last_at DESC, f.id",
        (FindingSort::Count, true) => "f.times, f.last_at, f.id DESC",
        (FindingSort::Status, false) => "f.status, f.severity, f.last_at DESC, f.id",
        (FindingSort::Status, true) => "f.status DESC, f.severity DESC, f.last_at, f.id DESC",
    }
}

async fn read_one(conn: &mut Conn, id: FindingId, zone: Option<ZoneId>) -> Result<(Finding, u64)> {
    let mut w = Where::default();
    let n = w.value(id);
    w.and(&format!("f.id = ${n}"));
    w.zone(zone);
    let rows = conn.rows_built(format!("{COLUMNS}{}", w.sql), w.values).await?;
    let Some(row) = rows.first() else { return Err(StateError::NotFound { what: "finding", id: id.to_string() }) };
    let total = row.count(17)?;
    let found = with_others(conn, vec![finding(row)?]).await?;
    found.into_iter().next().map(|f| (f, total)).ok_or_else(|| row.damaged("a finding was lost"))
}

/// Counts by severity and status.
pub(crate) async fn counts(conn: &mut Conn, zone: Option<ZoneId>) -> Result<FindingCounts> {
    let mut out = FindingCounts {
        open: Severity::ALL.iter().map(|s| (*s, 0)).collect(),
        by_status: FindingStatus::ALL.iter().map(|s| (*s, 0)).collect(),
    };
    let mut w = Where::default();
    w.zone(zone);
    let sql = format!("SELECT f.status, f.severity, COUNT(*) FROM findings f{} GROUP BY f.status, f.severity", w.sql);
    for row in conn.rows_built(sql, w.values).await? {
        let (status, severity, n) = (status_of(&row, 0)?, severity_of(&row, 1)?, row.count(2)?);
        *out.by_status.entry(status).or_default() += n;
        if status == FindingStatus::Open {
            *out.open.entry(severity).or_default() += n;
        }
    }
    Ok(out)
}

impl Store {
    /// A page of findings.
    pub async fn findings(&self, proof: &Authorised<ViewFindings>, filter: &FindingFilter) -> Result<Page<Finding>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let w = conditions(filter, proof.zone());
        let total = conn.number_built(format!("SELECT COUNT(*) FROM findings f{}", w.sql), w.values.clone()).await?;
        let (limit, offset) = filter.paging.bounds();
        let mut values = w.values;
        values.extend(v![limit, offset]);
        let n = values.len();
        let sql = format!("{COLUMNS}{} ORDER BY {} LIMIT ${} OFFSET ${n}", w.sql, order(filter), n - 1);
        let rows = conn.rows_built(sql, values).await?;
        let found = rows.iter().map(finding).collect::<Result<Vec<_>>>()?;
        Ok(filter.paging.page_of(with_others(&mut conn, found).await?, total))
    }

    /// One finding.
    pub async fn finding(&self, proof: &Authorised<ViewFindings>, id: FindingId) -> Result<Finding> {
        self.guard(proof)?;
        Ok(read_one(&mut self.read().await?, id, proof.zone()).await?.0)
    }

    /// Its newest events, newest first. `total` counts all that ever showed it; only the newest [`KEPT_EVENTS`] are kept.
    pub async fn finding_events(&self, proof: &Authorised<ViewFindings>, id: FindingId, paging: Paging) -> Result<Page<EventId>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        let (_, total) = read_one(&mut conn, id, proof.zone()).await?;
        let (limit, offset) = paging.bounds();
        let rows = conn
            .rows(
                "SELECT epoch, seq FROM finding_events WHERE finding = $1 ORDER BY epoch DESC, seq DESC LIMIT $2 OFFSET $3",
                v![id, limit, offset],
            )
            .await?;
        let site = self.site().id;
        let items = rows.iter().map(|r| event(r, 0, site)).collect::<Result<Vec<_>>>()?;
        Ok(Page { items, total, page: paging.page.max(1), per_page: limit })
    }

    /// What became of it, oldest first.
    pub async fn finding_history(&self, proof: &Authorised<ViewFindings>, id: FindingId) -> Result<Vec<FindingMoment>> {
        self.guard(proof)?;
        let mut conn = self.read().await?;
        read_one(&mut conn, id, proof.zone()).await?;
        let rows = conn
            .rows(
                "SELECT at, who, before, after, note, until, because_epoch, because_seq FROM finding_history WHERE finding = $1 \
                 ORDER BY place",
                v![id],
            )
            .await?;
        let site = self.site().id;
        rows.iter()
            .map(|r| {
                Ok(FindingMoment {
                    at: r.time(0)?,
                    who: r.text(1)?,
                    from: if r.opt_int(2)?.is_some() { Some(status_of(r, 2)?) } else { None },
                    to: status_of(r, 3)?,
                    note: r.text(4)?,
                    until: r.opt_time(5)?,
                    because: if r.opt_int(7)?.is_some() { Some(event(r, 6, site)?) } else { None },
                })
            })
            .collect()
    }

    /// How many there are.
    pub async fn finding_counts(&self, proof: &Authorised<ViewFindings>) -> Result<FindingCounts> {
        self.guard(proof)?;
        counts(&mut self.read().await?, proof.zone()).await
    }

    /// A person handles a finding.
    pub async fn handle_finding(
        &self,
        proof: &Authorised<HandleFindings>,
        id: FindingId,
        rev: i64,
        how: Handling,
        now: Time,
    ) -> Result<Finding> {
        self.guard(proof)?;
        let (to, note, until) = checked(how, now)?;
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let (old, _) = read_one(&mut tx, id, proof.zone()).await?;
        if old.rev != rev {
            let by = tx.row("SELECT changed_by, changed_at FROM findings WHERE id = $1", v![id]).await?;
            let (by, at) = by.map_or(Ok((String::new(), now)), |r| Ok::<_, StateError>((r.text(0)?, r.time(1)?)))?;
            return Err(StateError::Changed { by, at, rev: old.rev });
        }
        if to == FindingStatus::Acknowledged && old.status == FindingStatus::Closed {
            return Err(StateError::invalid("status", "invalid-closed", "", "is closed; open it again first"));
        }
        let explanation = if note.is_empty() { old.explanation.clone() } else { note.clone() };
        let search = search_text(&old.key, &old.rule, &old.facts, &explanation);
        tx.run(
            "UPDATE findings SET status = $1, explanation = $2, explained_until = $3, search = $4, rev = rev + 1, changed_by = $5, \
             changed_at = $6, reopened = reopened + $7 WHERE id = $8",
            v![
                status_number(to),
                explanation,
                until,
                search,
                &who.name,
                now,
                i64::from(to == FindingStatus::Open && old.status == FindingStatus::Closed),
                id
            ],
        )
        .await?;
        tx.run(
            "INSERT INTO finding_history (finding, place, at, who, before, after, note, until) \
             VALUES ($1, (SELECT COUNT(*) FROM finding_history WHERE finding = $1), $2, $3, $4, $5, $6, $7)",
            v![id, now, &who.name, status_number(old.status), status_number(to), &note, until],
        )
        .await?;
        audit(&mut tx, &who, Deed::FindingHandled { finding: id, key: old.key, from: old.status, to, note, until }, now).await?;
        let (new, _) = read_one(&mut tx, id, proof.zone()).await?;
        tx.commit().await?;
        Ok(new)
    }
}

fn event(row: &Row, i: usize, site: SiteId) -> Result<EventId> {
    let epoch = u32::try_from(row.int(i)?).map_err(|_| row.damaged("an epoch is out of range"))?;
    Ok(EventId { site, epoch, seq: row.count(i + 1)? })
}

fn checked(how: Handling, now: Time) -> Result<(FindingStatus, String, Option<Time>)> {
    let note = |text: String| {
        let text = text.trim().to_owned();
        if text.chars().count() > LONGEST_NOTE || !text::is_clean(&text) {
            return Err(StateError::invalid(
                "note",
                "invalid-text",
                LONGEST_NOTE,
                format!("must be plain text of at most {LONGEST_NOTE} characters"),
            ));
        }
        Ok(text)
    };
    Ok(match how {
        Handling::Acknowledge => (FindingStatus::Acknowledged, String::new(), None),
        Handling::Close { note: text } => (FindingStatus::Closed, note(text)?, None),
        Handling::Reopen { note: text } => (FindingStatus::Open, note(text)?, None),
        Handling::Explain { note: text, until } => {
            let text = note(text)?;
            if text.is_empty() {
                return Err(StateError::invalid("note", "invalid-no-reason", "", "must say why"));
            }
            if until <= now || until > now + Span::days(LONGEST_EXPLANATION_DAYS) {
                return Err(StateError::invalid(
                    "until",
                    "invalid-until",
                    LONGEST_EXPLANATION_DAYS,
                    format!("must lie ahead, at most {LONGEST_EXPLANATION_DAYS} days"),
                ));
            }
            (FindingStatus::Explained, text, Some(until))
        }
    })
}
