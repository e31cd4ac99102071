//! 検知: the list, one finding, and handling it.

use super::speak::{self, Names};
use super::{ROWS, events, records};
use crate::ask::{Ask, with_done};
use crate::problem::{Problem, page, page_with, redirect};
use crate::view::{Choice, FindingPage, FindingsPage, Link, MeasureRow, Page, Paging, RuleInfo, StoryLine, StoryStep};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::{HandleFindings, ViewAssets, ViewEvents, ViewFindings};
use model::{AssetId, AssetState, Authorised, Finding, FindingId, FindingStatus, Severity, Span};
use state::{FindingFilter, FindingSort, Handling, StateError};

/// Events shown on the page of a finding.
const EVENTS: u32 = 20;
/// How far ahead an explanation is suggested to reach.
const SUGGEST: Span = Span::days(30);

/// The filter that an address asks for. Without `status`, what is not settled.
pub(crate) fn filter(ask: &Ask) -> FindingFilter {
    let q = &ask.query;
    let statuses = match q.get("status") {
        "all" => Vec::new(),
        "" | "open" => vec![FindingStatus::Open],
        _ => q.all("status").filter_map(FindingStatus::from_name).collect(),
    };
    FindingFilter {
        statuses,
        severities: q.all("severity").filter_map(Severity::from_name).collect(),
        rules: q.all("rule").take(20).map(str::to_owned).collect(),
        asset: q.get("asset").parse::<AssetId>().ok(),
        text: q.get("q").chars().take(200).collect(),
        since: q.number::<i64>("hours").map(|h| ask.data_now() - Span::hours(h.clamp(0, 100_000))),
        sort: match q.get("sort") {
            "last" => FindingSort::Last,
            "first" => FindingSort::First,
            "count" => FindingSort::Count,
            "status" => FindingSort::Status,
            _ => FindingSort::Severity,
        },
        reversed: reversed(q.get("sort"), q.get("dir")),
        paging: state::Paging { page: q.number("page").unwrap_or(1).max(1), per_page: ROWS },
    }
}

/// Times and counts begin with the newest and most: for them `asc` is the turned order.
fn reversed(sort: &str, dir: &str) -> bool {
    if matches!(sort, "last" | "first" | "count") { dir == "asc" } else { dir == "desc" }
}

/// `GET /findings`
pub(crate) async fn list(ask: Ask, proof: Authorised<ViewFindings>) -> Result<Response, Problem> {
    let filter = filter(&ask);
    let found = ask.store.findings(&proof, &filter).await?;
    let counts = ask.store.finding_counts(&proof).await?;
    let names = Names::of(&ask, &found.items.iter().collect::<Vec<_>>()).await?;
    let t = ask.t();
    let all: u64 = counts.by_status.values().sum();
    let mut severities = vec![Choice::new("", ask.say("choice-all"), filter.severities.is_empty())];
    severities.extend(Severity::ALL.iter().map(|s| Choice {
        count: counts.open.get(s).copied(),
        ..Choice::new(s.name(), t.of("severity", s.name()), filter.severities.contains(s))
    }));
    let mut statuses: Vec<Choice> = FindingStatus::ALL
        .iter()
        .map(|s| Choice {
            count: counts.by_status.get(s).copied(),
            ..Choice::new(s.name(), t.of("status", s.name()), filter.statuses == [*s])
        })
        .collect();
    statuses.push(Choice { count: Some(all), ..Choice::new("all", ask.say("choice-all"), filter.statuses.is_empty()) });
    let rules_there = ask.shared.catalogue.rules();
    let mut rules = vec![Choice::new("", ask.say("choice-all"), filter.rules.is_empty())];
    rules.extend(rules_there.iter().map(|r| Choice::new(r.id.clone(), r.name(ask.lang), filter.rules.contains(&r.id))));
    let query = ask.query.without(&["page", "done", "lang"]);
    let unsorted = ask.query.without(&["page", "sort", "dir", "done", "lang"]);
    let (sort, descending) = match ask.query.get("sort") {
        s @ ("last" | "first" | "count") => (s, ask.query.get("dir") != "asc"),
        "status" => ("status", filter.reversed),
        _ => ("severity", filter.reversed),
    };
    let view = FindingsPage {
        shell: ask.shell(Page::Findings, "").await?,
        rows: found.items.iter().map(|f| speak::row(&ask, &names, f)).collect(),
        columns: FindingsPage::columns(&unsorted, &["severity", "status", "count", "first", "last"], sort, descending),
        paging: Paging::new("/findings", &query, u64::from(found.page), u64::from(found.per_page), found.total),
        severities,
        statuses,
        rules,
        asset: match filter.asset {
            Some(id) => Some(Names::ids(&ask, [id].into()).await?.link(id)),
            None => None,
        },
        asset_id: filter.asset.map(|id| id.to_string()).unwrap_or_default(),
        filtered: !unsorted.is_empty() && unsorted != "status=open",
        all,
        rules_count: rules_there.len() as u64,
    };
    page(&view)
}

/// What was typed and refused, to be shown again.
#[derive(Default)]
struct Typed {
    note: String,
    until: String,
    problems: Vec<String>,
    conflict: bool,
}

/// `GET /findings/{id}`
pub(crate) async fn one(ask: Ask, proof: Authorised<ViewFindings>) -> Result<Response, Problem> {
    let finding = ask.store.finding(&proof, ask.id::<FindingId>("id")?).await?;
    let view = fill(&ask, &proof, finding, Typed::default()).await?;
    page(&view)
}

async fn fill(ask: &Ask, proof: &Authorised<ViewFindings>, f: Finding, typed: Typed) -> Result<FindingPage, Problem> {
    let names = Names::of(ask, &[&f]).await?;
    let words = speak::words(ask, &names, &f);
    let kept = ask.store.finding_events(proof, f.id, state::Paging { page: 1, per_page: EVENTS }).await?;
    let events = match ask.also(ViewEvents) {
        Ok(seeing) => {
            let mut found = records::several(ask, &seeing, kept.items.clone()).await?;
            found.sort_by_key(|e| e.id.seq);
            events::rows(ask, &found).await?
        }
        Err(_) => Vec::new(),
    };
    let history = ask.store.finding_history(proof, f.id).await?;
    let mut story: Vec<StoryLine> = Vec::new();
    for m in &history {
        let step = match (&m.from, m.who.is_empty()) {
            (None, _) => StoryStep::First,
            (Some(_), true) => StoryStep::Reopened,
            (Some(_), false) => StoryStep::Handled {
                who: speak::who(ask, &m.who),
                to: m.to,
                note: m.note.clone(),
                until: m.until.map(|u| ask.format.date(u)).unwrap_or_default(),
            },
        };
        story.push(StoryLine { when: ask.when(m.at), step, href: m.because.map(super::assets::event_href) });
    }
    if f.count > 1 {
        story.push(StoryLine { when: ask.when(f.last), step: StoryStep::Again(f.count), href: None });
    }
    if let Some(at) = f.ceased {
        story.push(StoryLine { when: ask.when(at), step: StoryStep::Ceased, href: None });
    }
    story.sort_by(|a, b| a.when.iso.cmp(&b.when.iso));
    let rule = ask.shared.catalogue.rule(&f.rule);
    let measures = rule
        .map(|r| {
            r.measures
                .iter()
                .filter_map(|id| ask.shared.catalogue.measures().get(id))
                .map(|m| MeasureRow {
                    document: m.document.to_owned(),
                    number: m.id.split_once(':').map_or(m.id, |(_, n)| n).to_owned(),
                    title: m.title(ask.lang).to_owned(),
                })
                .collect()
        })
        .unwrap_or_default();
    let parameters = f
        .parameters
        .iter()
        .map(|(name, value)| {
            let text = match value {
                model::Fact::Count(n) | model::Fact::Bytes(n) => n.to_string(),
                model::Fact::Percent(n) => format!("{n} %"),
                model::Fact::Span(s) => ask.format.span(*s),
                model::Fact::Time(t) => ask.format.date_time(*t),
                model::Fact::Text(t) => speak::cut(t),
                model::Fact::Asset(id) => names.name(*id),
                model::Fact::List(l) => speak::cut(&l.join(", ")),
            };
            (name.clone(), text)
        })
        .collect();
    let info = RuleInfo {
        id: f.rule.clone(),
        name: rule.map_or_else(|| f.rule.clone(), |r| r.name(ask.lang)),
        revision: f.revision,
        parameters,
        cannot_see: rule
            .map(|r| r.cannot_see(ask.lang).lines().filter(|l| !l.trim().is_empty()).map(str::to_owned).collect())
            .unwrap_or_default(),
        attack: rule.map(|r| r.attack.iter().chain(&r.attack_ics).cloned().collect()).unwrap_or_default(),
    };
    let register = match (f.asset, ask.also(ViewAssets)) {
        (Some(id), Ok(seeing)) => {
            ask.store.asset(&seeing, id).await.ok().filter(|a| a.state == AssetState::Discovered).map(|a| (a.id.to_string(), a.rev))
        }
        _ => None,
    };
    Ok(FindingPage {
        shell: ask.shell(Page::Findings, &words.title).await?,
        id: f.id.to_string(),
        rev: f.rev,
        severity: f.severity,
        status: f.status,
        first: ask.when(f.first),
        last: ask.when(f.last),
        count: f.count,
        reopened: f.reopened,
        ceased: f.ceased.map(|t| ask.when(t)),
        asset: f.asset.map(|id| names.link(id)),
        register,
        others: f.others.iter().filter(|id| !speak::told(&f, **id)).take(50).map(|id| names.link(*id)).collect::<Vec<Link>>(),
        facts: speak::facts(ask, &names, &f),
        events,
        events_total: kept.total,
        events_href: format!("/events?finding={}", f.id),
        story,
        measures,
        rule: info,
        explanation: f.explanation.clone(),
        explained_until: f.explained_until.map(|t| ask.when(t)),
        note: typed.note,
        until: if typed.until.is_empty() { ask.format.iso_date(ask.now + SUGGEST) } else { typed.until },
        problems: typed.problems,
        conflict: typed.conflict,
        words,
    })
}

/// What a form or the API asks to be done. `Err` is the key of what is wrong.
pub(crate) fn handling(ask: &Ask, act: &str, note: &str, until: &str) -> Result<Handling, &'static str> {
    let note: String = note.trim().chars().take(2000).collect();
    match act {
        "acknowledge" => Ok(Handling::Acknowledge),
        "close" => Ok(Handling::Close { note }),
        "reopen" => Ok(Handling::Reopen { note }),
        "explain" if note.is_empty() => Err("handle-note-missing"),
        "explain" => match ask.format.end_of_day(until) {
            Some(until) if until > ask.now && until < ask.now + Span::days(state::findings::LONGEST_EXPLANATION_DAYS) => {
                Ok(Handling::Explain { note, until })
            }
            _ => Err("handle-until-wrong"),
        },
        _ => Err("handle-what"),
    }
}

/// `POST /findings/{id}`
pub(crate) async fn handle(ask: Ask, proof: Authorised<HandleFindings>) -> Result<Response, Problem> {
    let id: FindingId = ask.id("id")?;
    let (note, until) = (ask.form.get("note"), ask.form.get("until"));
    let rev = ask.form.number("rev").ok_or_else(|| Problem::Bad(String::new()))?;
    let typed = |problems: Vec<String>, conflict| Typed { note: note.to_owned(), until: until.to_owned(), problems, conflict };
    let seeing = ask.also(ViewFindings)?;
    let how = match handling(&ask, ask.form.get("act"), note, until) {
        Ok(how) => how,
        Err(key) => {
            let finding = ask.store.finding(&seeing, id).await?;
            return page_with(StatusCode::UNPROCESSABLE_ENTITY, &fill(&ask, &seeing, finding, typed(vec![ask.say(key)], false)).await?);
        }
    };
    match ask.store.handle_finding(&proof, id, rev, how, ask.now).await {
        Ok(_) => Ok(redirect(&with_done(&format!("/findings/{id}"), "handled"))),
        Err(StateError::Changed { .. }) => {
            let finding = ask.store.finding(&seeing, id).await?;
            page_with(StatusCode::CONFLICT, &fill(&ask, &seeing, finding, typed(Vec::new(), true)).await?)
        }
        Err(StateError::Invalid { .. }) => {
            let finding = ask.store.finding(&seeing, id).await?;
            let words = vec![ask.say("handle-not-now")];
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &fill(&ask, &seeing, finding, typed(words, false)).await?)
        }
        Err(other) => Err(other.into()),
    }
}
