//! よくある問い: the named questions of the vault with fields for what they ask for, answered within limits and as far as the asker may see.

use super::events::{at_zone, questioned};
use super::records::{self, Reach};
use super::search;
use crate::ask::{Ask, escape};
use crate::problem::{Problem, page};
use crate::view::questions::{QuestionAnswer, QuestionField, QuestionsPage};
use crate::view::{Link, Page};
use axum::response::Response;
use model::access::ViewEvents;
use model::{Authorised, Span, Time};
use serde_json::Value;
use std::time::Duration;
use vault::ask::questions::{self, Kind, Question};
use vault::ask::{Answer, AskError, Limits, format};

/// Rows of an answer.
const ROWS: usize = 1000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a question stands.
pub(crate) fn href(q: &Question) -> String {
    format!("/events/questions?name={}", escape(q.name))
}

fn asks(ask: &Ask, q: &Question) -> String {
    String::from(if ask.lang == model::Lang::Ja { q.ja } else { q.en })
}

/// Every question with the way to it.
pub(crate) fn all(ask: &Ask) -> Vec<Link> {
    questions::ALL.iter().map(|q| Link::to(asks(ask, q), href(q))).collect()
}

/// What stands in a field before anybody wrote into it.
fn beginning(ask: &Ask, name: &str, default: Option<&str>) -> String {
    let now = ask.data_now();
    let local = |t: Time| at_zone(ask, t);
    match name {
        "to" => local(now),
        "from" | "since" => local(now - Span::days(1)),
        "before" => local(now - Span::days(8)),
        // Where the reader's night is.
        "offset" => {
            let stamp = jiff::Timestamp::from_second(now.0.div_euclid(1_000_000_000)).unwrap_or_default();
            (ask.format.zone.to_offset(stamp).seconds() / 3600).to_string()
        }
        _ => default.unwrap_or_default().to_owned(),
    }
}

/// `GET /events/questions`
pub(crate) async fn list(ask: Ask, proof: Authorised<ViewEvents>) -> Result<Response, Problem> {
    let name = ask.query.get("name");
    let question = questions::ALL.iter().find(|q| q.name == name);
    if question.is_none() && !name.is_empty() {
        return Err(Problem::NotFound);
    }
    let mut view = QuestionsPage {
        shell: ask.shell(Page::Events, &ask.say("questions")).await?,
        all: questions::ALL.iter().map(|q| (Link::to(asks(&ask, q), href(q)), q.name == name)).collect(),
        explain: !ask.query.get("explain").is_empty(),
        ..QuestionsPage::default()
    };
    view.shell.q.clear();
    if let Some(q) = question {
        let asked = !ask.query.get("ask").is_empty();
        view.chosen = Some((q.name, asks(&ask, q)));
        // As it is asked, without the indentation that it has in the source.
        view.sql = q.sql.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        for p in q.params {
            let written = ask.query.get(p.name);
            let value = if asked { written.to_owned() } else { beginning(&ask, p.name, p.default) };
            let kind = match p.kind {
                Kind::Time => "datetime-local",
                Kind::Number | Kind::Offset => "number",
                _ => "text",
            };
            view.fields.push(QuestionField {
                name: p.name,
                label: ask.say(&format!("param-{}", p.name)),
                kind,
                value,
                needed: p.default.is_none(),
            });
        }
        if asked {
            match answered(&ask, &proof, q, &view).await {
                Ok(answer) => view.answer = Some(answer),
                Err(Problem::Bad(words)) => view.problems.push(words),
                Err(Problem::Denied) => view.problems.push(ask.say("question-denied")),
                Err(other) => return Err(other),
            }
        }
    }
    page(&view)
}

async fn answered(
    ask: &Ask,
    proof: &Authorised<ViewEvents>,
    q: &'static Question,
    view: &QuestionsPage,
) -> Result<QuestionAnswer, Problem> {
    let mut given = Vec::new();
    for (p, field) in q.params.iter().zip(&view.fields) {
        let text = field.value.trim();
        let value = if p.kind == Kind::Time && !text.is_empty() {
            let time = search::time(ask, text, false).ok_or_else(|| Problem::Bad(ask.t().x("events-time-wrong", text)))?;
            time.rfc3339()
        } else {
            search::fold_plain(p.kind == Kind::Address, text)
        };
        given.push((p.name, value));
    }
    let scope = Reach::of(ask, proof).await?.scope();
    let (vault, gone, explain) = (ask.shared.vault.clone(), ask.gone.clone(), view.explain);
    let limits = Limits { rows: ROWS, time: PATIENCE, ..Limits::default() };
    let said = given.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ");
    let answer = records::in_turn(ask, move || {
        let pairs: Vec<(&str, &str)> = given.iter().map(|(n, v)| (*n, v.as_str())).collect();
        q.ask(&*vault, &scope, &pairs, &limits, &gone, explain)
    })
    .await?;
    let answer = answer.map_err(|e| match e {
        AskError::Parameter { name, .. } => Problem::Bad(ask.t().x("question-wrong", &ask.say(&format!("param-{name}")))),
        other => records::unanswered(ask, other),
    })?;
    questioned(ask, proof, &format!("{} {said}", q.name), answer.rows).await?;
    shown(ask, &answer)
}

/// An answer as people read it: times in their zone, bytes with their unit, records to be opened.
fn shown(ask: &Ask, answer: &Answer) -> Result<QuestionAnswer, Problem> {
    let mut bytes = Vec::new();
    format::write(answer, format::Format::Json, &mut bytes).map_err(|e| Problem::Broken(e.to_string()))?;
    let rows: Vec<Value> = serde_json::from_slice(&bytes).map_err(|e| Problem::Broken(e.to_string()))?;
    let columns = answer.columns();
    let numbers: Vec<bool> = columns.iter().map(|c| c != "seq" && rows.iter().any(|r| r.get(c).is_some_and(Value::is_number))).collect();
    let cell = |name: &str, value: Option<&Value>| match value {
        None | Some(Value::Null) => Link::default(),
        Some(Value::Number(n)) => match n.as_u64() {
            Some(seq) if name == "seq" => Link::to(format!("#{seq}"), super::assets::event_href(ask.shared.vault.id_of(seq))),
            Some(bytes) if name.starts_with("bytes") => Link::plain(ask.format.bytes(bytes)),
            Some(n) if n > 9999 && !name.ends_with("port") => Link::plain(ask.format.number(n)),
            _ => Link::plain(n.to_string()),
        },
        Some(Value::Bool(b)) => Link::plain(ask.say(if *b { "answer-yes" } else { "answer-no" })),
        Some(Value::String(text)) => match is_time(text) {
            Some(at) => Link::plain(ask.format.precise(at)),
            None => Link::plain(super::speak::cut(text)),
        },
        Some(other) => Link::plain(other.to_string()),
    };
    let ms = i64::try_from(answer.took.as_millis()).unwrap_or(i64::MAX);
    Ok(QuestionAnswer {
        head: columns.iter().zip(&numbers).map(|(c, n)| (ask.say(&format!("column-{}", c.replace('_', "-"))), *n)).collect(),
        rows: rows.iter().map(|r| columns.iter().zip(&numbers).map(|(c, n)| (cell(c, r.get(c)), *n)).collect()).collect(),
        cut: answer.cut,
        said: ask.t().nm("question-took", answer.rows as u64, u64::try_from(ms).unwrap_or(0)),
        explain: answer.explain.clone(),
    })
}

/// A time as the vault writes it; nothing that merely looks a little like one.
fn is_time(text: &str) -> Option<Time> {
    let looks = text.len() >= 19 && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(10) == Some(&b'T');
    looks.then(|| Time::parse_rfc3339(text).or_else(|| Time::parse_rfc3339(&format!("{text}Z")))).flatten()
}
