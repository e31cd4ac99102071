//! 会社カレンダー: working days, public holidays, days of the company, shifts. Kept as one setting, so the API changes it too.

use super::settings::{again, answer};
use crate::ask::Ask;
use crate::problem::Problem;
use crate::view::calendar::CalendarView;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use model::Authorised;
use model::access::{EditSettings, ViewSettings};
use model::calendar::{Calendar, DAYS, Entry, Shift, read_hours};
use state::StateError;

const KEY: &str = "calendar";

/// The calendar for the settings page. What somebody wrote past us counts as the default.
pub(crate) async fn view(ask: &Ask, proof: &Authorised<ViewSettings>) -> Result<CalendarView, Problem> {
    let setting = ask.store.setting(proof, KEY).await?;
    let calendar: Calendar = setting.value.parse().unwrap_or_default();
    let today = ask.format.iso_date(ask.now);
    let year = today.get(..4).and_then(|y| y.parse().ok()).unwrap_or_default();
    Ok(CalendarView::new(&calendar, setting.rev, year, ask.t()))
}

/// `GET /settings/calendar.txt`: the calendar as text, to keep or to bring elsewhere.
pub(crate) async fn export(ask: Ask, proof: Authorised<ViewSettings>) -> Result<Response, Problem> {
    let setting = ask.store.setting(&proof, KEY).await?;
    let text = format!("{}\n", setting.value.replace("; ", "\n"));
    let head = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"hinomi-calendar.txt\"")];
    Ok((head, text).into_response())
}

/// `POST /settings/calendar`
pub(crate) async fn change(ask: Ask, proof: Authorised<EditSettings>) -> Result<Response, Problem> {
    let f = &ask.form;
    let rev = f.number("rev").ok_or_else(|| Problem::Bad(String::new()))?;
    let seeing = ask.also(ViewSettings)?;
    let mut calendar: Calendar = ask.store.setting(&seeing, KEY).await?.value.parse().unwrap_or_default();
    let day = |name: &str| f.get(name).trim().parse::<Date>();
    let changed = match f.get("act") {
        "days" => {
            for (works, name) in calendar.days.iter_mut().zip(DAYS) {
                *works = f.all("day").any(|d| d == name);
            }
            calendar.japan = f.get("japan") == "yes";
            Ok(())
        }
        "add" => {
            let to = if f.get("to").trim().is_empty() { day("from") } else { day("to") };
            match (day("from"), to, f.get("kind").parse()) {
                (Ok(from), Ok(to), Ok(kind)) => calendar.add(Entry { from, to, kind, name: f.get("name").to_owned() }),
                _ => Err("a day is missing"),
            }
        }
        "remove" => {
            let (from, to) = (day("from").ok(), day("to").ok());
            calendar.entries.retain(|e| !(from == Some(e.from) && to == Some(e.to)));
            Ok(())
        }
        "shift" => {
            let hours: Option<Vec<_>> = f.get("hours").split_whitespace().map(read_hours).collect();
            match (f.number("number"), hours) {
                (Some(number), Some(hours)) => calendar.set_shift(Shift { number, hours, name: f.get("name").to_owned() }),
                _ => Err("hours are written 06:00-14:00"),
            }
        }
        "unshift" => {
            calendar.drop_shift(f.number("number").unwrap_or(0));
            Ok(())
        }
        "replace" => f.get("text").parse().map(|read| calendar = read),
        _ => return Err(Problem::Bad(String::new())),
    };
    if changed.is_err() {
        return again(&ask, KEY, StatusCode::UNPROCESSABLE_ENTITY, ask.say("calendar-wrong")).await;
    }
    match ask.store.set_setting(&proof, KEY, rev, &calendar.to_string(), ask.now).await {
        Ok(_) => answer(&ask, KEY, Ok("saved")).await,
        Err(StateError::Invalid { .. }) => again(&ask, KEY, StatusCode::UNPROCESSABLE_ENTITY, ask.say("calendar-wrong")).await,
        Err(other) => answer(&ask, KEY, Err(other)).await,
    }
}
