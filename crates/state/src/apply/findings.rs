//! The life of a finding.
//!
//! | step \ status | open, acknowledged | explained, in force | explained, past its date | closed |
//! | --- | --- | --- | --- | --- |
//! | happened | gathers | gathers, stays explained | opens again | opens again |
//! | changed | gathers | opens again | opens again | opens again |
//! | ceased | is marked as over | is marked as over | is marked as over | is marked as over |
//!
//! There is one finding for each key. *After* is meant in the order of the log, not by anybody's clock.

use super::Work;
use crate::db::{to_json, v};
use crate::error::Result;
use crate::findings::{KEPT_EVENTS, search_text, severity_number};
use crate::pipeline::Applied;
use crate::text::cut;
use model::finding::Step;
use model::{AssetId, Fact, FindingChange, FindingId, FindingStatus, Time};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Characters of a key that are kept as they are; longer ones end in a digest (PostgreSQL indexes at most 2,700 bytes).
const LONGEST_KEY: usize = 400;
/// Other assets that are kept of one finding.
const MOST_OTHERS: usize = 64;
/// Characters of one fact's text, and entries of one fact's list, that are kept.
const LONGEST_FACT: usize = 2_000;
const LONGEST_LIST: usize = 256;
/// Facts that are kept of one finding.
const MOST_FACTS: usize = 64;

pub(super) async fn apply(work: &mut Work, changes: Vec<FindingChange>, applied: &mut Applied) -> Result<()> {
    let mut touched = BTreeSet::new();
    let mut opened = BTreeSet::new();
    for change in changes {
        if let Some((id, open)) = one(work, change).await? {
            touched.insert(id);
            if open {
                opened.insert(id);
            }
        }
    }
    applied.findings = touched.into_iter().collect();
    applied.opened = opened.into_iter().collect();
    Ok(())
}

struct Stored {
    id: FindingId,
    status: FindingStatus,
    until: Option<Time>,
    places: i64,
}

async fn one(work: &mut Work, mut change: FindingChange) -> Result<Option<(FindingId, bool)>> {
    change.key = bounded_key(&change.key);
    bound(&mut change.facts);
    bound(&mut change.parameters);
    let asset = match change.asset {
        Some(id) => Some(work.asset(id, change.at, change.because).await?),
        None => None,
    };
    let mut others: Vec<AssetId> = Vec::new();
    for id in change.others.iter().take(MOST_OTHERS) {
        let id = work.asset(*id, change.at, change.because).await?;
        if !others.contains(&id) {
            others.push(id);
        }
    }
    let opened = match find(work, &change).await? {
        None if change.step == Step::Ceased => return Ok(None),
        None => {
            raise(work, &change, asset).await?;
            true
        }
        Some(stored) => {
            change.id = stored.id;
            gather(work, &change, asset, &stored).await?
        }
    };
    if !others.is_empty() || change.step != Step::Ceased {
        work.tx.run("DELETE FROM finding_others WHERE finding = $1", v![change.id]).await?;
        let rows = others.into_iter().zip(0i64..).map(|(asset, place)| v![change.id, place, asset]).collect();
        work.tx.run_many("INSERT INTO finding_others (finding, place, asset)", "", rows).await?;
    }
    events(work, &change).await?;
    Ok(Some((change.id, opened)))
}

async fn find(work: &mut Work, change: &FindingChange) -> Result<Option<Stored>> {
    let sql = "SELECT id, status, explained_until, (SELECT COUNT(*) FROM finding_history WHERE finding = findings.id) FROM findings";
    let mut rows = work.tx.rows_built(format!("{sql} WHERE key = $1"), v![&change.key]).await?;
    if rows.is_empty() {
        rows = work.tx.rows_built(format!("{sql} WHERE id = $1"), v![change.id]).await?;
    }
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Stored { id: row.parsed(0)?, status: crate::findings::status_of(row, 1)?, until: row.opt_time(2)?, places: row.int(3)? }))
}

async fn raise(work: &mut Work, change: &FindingChange, asset: Option<AssetId>) -> Result<()> {
    let parameters = to_json(&change.parameters, work.tx.place())?;
    let facts = to_json(&change.facts, work.tx.place())?;
    let search = search_text(&change.key, &change.rule, &change.facts, "");
    work.tx
        .run(
            "INSERT INTO findings (id, rev, key, rule, revision, parameters, severity, status, first_at, last_at, times, asset, facts, \
             explanation, reopened, events_total, search, changed_by, changed_at) \
             VALUES ($1, 1, $2, $3, $4, $5, $6, 0, $7, $7, $8, $9, $10, '', 0, 0, $11, '', $7)",
            v![
                change.id,
                &change.key,
                cut(&change.rule, 200),
                change.revision,
                parameters,
                severity_number(change.severity),
                change.at,
                change.happened.max(1),
                asset,
                facts,
                search
            ],
        )
        .await?;
    moment(work, change, 0, None, FindingStatus::Open).await
}

/// Whether it opened again.
async fn gather(work: &mut Work, change: &FindingChange, asset: Option<AssetId>, stored: &Stored) -> Result<bool> {
    let reopens = match (change.step, stored.status) {
        (Step::Ceased, _) | (_, FindingStatus::Open | FindingStatus::Acknowledged) => false,
        (Step::Changed, _) | (Step::Happened, FindingStatus::Closed) => true,
        (Step::Happened, FindingStatus::Explained) => stored.until.is_none_or(|until| change.at > until),
    };
    let parameters = to_json(&change.parameters, work.tx.place())?;
    let facts = to_json(&change.facts, work.tx.place())?;
    let explanation =
        work.tx.row("SELECT explanation FROM findings WHERE id = $1", v![stored.id]).await?.map_or(Ok(String::new()), |r| r.text(0))?;
    let search = search_text(&change.key, &change.rule, &change.facts, &explanation);
    let ceased = (change.step == Step::Ceased).then_some(change.at);
    // What is over did not happen once more: it neither counts nor moves the last time.
    let (times, last) = if change.step == Step::Ceased { (0, Time::MIN) } else { (change.happened, change.at) };
    work.tx
        .run(
            "UPDATE findings SET rule = $1, revision = $2, parameters = $3, severity = $4, facts = $5, search = $6, \
             times = times + $7, last_at = CASE WHEN last_at < $8 THEN $8 ELSE last_at END, \
             first_at = CASE WHEN first_at > $9 THEN $9 ELSE first_at END, \
             ceased_at = $10, asset = COALESCE($11, asset) WHERE id = $12",
            v![
                cut(&change.rule, 200),
                change.revision,
                parameters,
                severity_number(change.severity),
                facts,
                search,
                times,
                last,
                change.at,
                ceased,
                asset,
                stored.id
            ],
        )
        .await?;
    if reopens {
        // `rev` counts on, so that somebody who is just closing it looks at it once more.
        work.tx
            .run(
                "UPDATE findings SET status = 0, reopened = reopened + 1, explained_until = NULL, rev = rev + 1, changed_by = 'hinomi', \
                 changed_at = $1 WHERE id = $2",
                v![change.at, stored.id],
            )
            .await?;
        moment(work, change, stored.places, Some(stored.status), FindingStatus::Open).await?;
    }
    Ok(reopens)
}

async fn moment(work: &mut Work, change: &FindingChange, place: i64, from: Option<FindingStatus>, to: FindingStatus) -> Result<()> {
    work.tx
        .run(
            "INSERT INTO finding_history (finding, place, at, who, before, after, note, because_epoch, because_seq) \
             VALUES ($1, $2, $3, '', $4, $5, '', $6, $7)",
            v![
                change.id,
                place,
                change.at,
                from.map(crate::findings::status_number),
                crate::findings::status_number(to),
                change.because.epoch,
                change.because.seq
            ],
        )
        .await?;
    Ok(())
}

/// Appends events; the newest are kept, all are counted.
async fn events(work: &mut Work, change: &FindingChange) -> Result<()> {
    let all: BTreeSet<(u32, u64)> = change.events.iter().take(KEPT_EVENTS).map(|e| (e.epoch, e.seq)).collect();
    if all.is_empty() {
        return Ok(());
    }
    let mut new = 0;
    for (epoch, seq) in all {
        new += work
            .tx
            .run(
                "INSERT INTO finding_events (finding, epoch, seq) VALUES ($1, $2, $3) ON CONFLICT (finding, epoch, seq) DO NOTHING",
                v![change.id, epoch, seq],
            )
            .await?;
    }
    work.tx.run("UPDATE findings SET events_total = events_total + $1 WHERE id = $2", v![new, change.id]).await?;
    let oldest = work
        .tx
        .row(
            "SELECT epoch, seq FROM finding_events WHERE finding = $1 ORDER BY epoch DESC, seq DESC LIMIT 1 OFFSET $2",
            v![change.id, KEPT_EVENTS as u64],
        )
        .await?;
    if let Some(row) = oldest {
        work.tx
            .run(
                "DELETE FROM finding_events WHERE finding = $1 AND (epoch < $2 OR (epoch = $2 AND seq <= $3))",
                v![change.id, row.int(0)?, row.int(1)?],
            )
            .await?;
    }
    Ok(())
}

fn bounded_key(key: &str) -> String {
    let key = key.replace('\0', "\u{fffd}");
    if key.chars().count() <= LONGEST_KEY {
        return key;
    }
    let digest = Sha256::digest(key.as_bytes());
    let mut out = cut(&key, LONGEST_KEY - 33).to_owned();
    out.push('#');
    for byte in digest.iter().take(16) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn bound(facts: &mut BTreeMap<String, Fact>) {
    while facts.len() > MOST_FACTS {
        facts.pop_last();
    }
    for fact in facts.values_mut() {
        match fact {
            Fact::Text(text) => *text = cut(text, LONGEST_FACT).to_owned(),
            Fact::List(list) => {
                list.truncate(LONGEST_LIST);
                for text in list {
                    *text = cut(text, LONGEST_FACT).to_owned();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_stay_apart_and_short() {
        let a = bounded_key(&"x".repeat(5_000));
        let b = bounded_key(&"x".repeat(5_001));
        assert_ne!(a, b);
        assert_eq!(a.chars().count(), LONGEST_KEY);
        assert_eq!(bounded_key("scan:a"), "scan:a");
    }
}
