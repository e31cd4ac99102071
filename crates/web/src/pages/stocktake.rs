//! 棚卸し: rounds, their entries, what is said of them, photos, labels. Everything works by plain forms; the script adds the queue of a
//! phone that is offline (ui/stocktake.ts), which talks to [`crate::api::stocktake`].

use super::assets::{zone_choices, zones};
use super::export::file;
use super::{ROWS, speak};
use crate::ask::{Ask, with_done};
use crate::picture;
use crate::problem::{Problem, page, page_with, redirect};
use crate::view::{
    Choice, ConflictRow, Label, LabelsPage, Page, Paging, RoundRow, StockEntryPage, StockRow, StocktakePage, StocktakesPage, Tab,
};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HOST};
use axum::response::{IntoResponse, Response};
use model::access::{EditAssets, ExportAssets, ViewAssets};
use model::asset::Property;
use model::{AssetId, AssetState, Authorised, Kind, StockEntryId, StockResult, StocktakeId, Time};
use state::sheet::Table;
use state::stocktake::{Closing, Conflict, Entry, EntryFilter, NewStocktake, Outcome, Said, Stocktake, Tick, Which};
use state::{AssetFilter, StateError};
use uuid::Uuid;

/// Entries on a page: a phone that scrolls is quicker than one that turns pages.
const ENTRIES: u32 = 100;
/// Labels of one print.
const LABELS: u32 = 500;

/// An id of its own for a form, so that sending it twice counts once.
fn fresh() -> Uuid {
    let mut bytes = [0u8; 16];
    // Without randomness the form has no id, and is refused when it comes back.
    if getrandom::fill(&mut bytes).is_err() {
        return Uuid::nil();
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// The words for what state refused, by the field it names.
pub(crate) fn wrong(ask: &Ask, field: &str) -> String {
    const KNOWN: &[&str] =
        &["name", "scope", "due", "next_due", "place_now", "note", "label", "result", "photo", "closed", "open", "rest", "conflicts"];
    let field = if KNOWN.contains(&field) { field } else { "other" };
    ask.t().of("stock-wrong", field)
}

fn day(ask: &Ask, text: &str) -> String {
    ask.format.end_of_day(text).map_or_else(|| text.to_owned(), |at| ask.format.date(at))
}

fn round(ask: &Ask, s: &Stocktake) -> RoundRow {
    let t = ask.t();
    let mut scope = Vec::new();
    if !s.zone_name.is_empty() {
        scope.push(t.x("stock-scope-zone", &s.zone_name));
    }
    if !s.place.is_empty() {
        scope.push(t.x("stock-scope-place", &s.place));
    }
    if scope.is_empty() {
        scope.push(t.say("stock-scope-all"));
    }
    let c = &s.counts;
    RoundRow {
        id: s.id.to_string(),
        rev: s.rev,
        name: s.name.clone(),
        scope: scope.join(t.comma()),
        assignee: s.assignee.clone(),
        due: if s.due.is_empty() { String::new() } else { day(ask, &s.due) },
        overdue: s.closed.is_none() && !s.due.is_empty() && s.due < ask.format.iso_date(ask.now),
        note: s.note.clone(),
        started_by: s.started_by.clone(),
        started: ask.when(s.started_at),
        assets: c.assets,
        done: c.done(),
        open: c.open,
        results: [
            (StockResult::Found, c.found),
            (StockResult::Missing, c.missing),
            (StockResult::Moved, c.moved),
            (StockResult::Changed, c.changed),
            (StockResult::Retired, c.retired),
            (StockResult::Extra, c.extra),
        ]
        .to_vec(),
        differences: c.differences(),
        conflicts: c.conflicts,
        closed: s.closed.as_ref().map(|x| ask.when(x.at)),
        closed_by: s.closed.as_ref().map(|x| x.by.clone()).unwrap_or_default(),
        close_note: s.closed.as_ref().map(|x| x.note.clone()).unwrap_or_default(),
        next_due: s.closed.as_ref().filter(|x| !x.next_due.is_empty()).map(|x| day(ask, &x.next_due)).unwrap_or_default(),
    }
}

/// The words to a result in one line.
fn said_line(ask: &Ask, said: &Said) -> String {
    let mut parts = Vec::new();
    if !said.place_now.is_empty() {
        parts.push(ask.t().x("stock-place-now-is", &said.place_now));
    }
    for (key, text) in [
        ("", &said.note),
        ("stock-console", &said.console_ports),
        ("stock-blocked", &said.blocked_ports),
        ("stock-plugs", &said.unknown_plugs),
    ] {
        if !text.is_empty() {
            parts.push(if key.is_empty() { text.clone() } else { format!("{}: {text}", ask.say(key)) });
        }
    }
    parts.join(" / ")
}

fn row(ask: &Ask, e: &Entry) -> StockRow {
    StockRow {
        id: e.id.to_string(),
        href: format!("/stocktakes/{}/entries/{}", e.stocktake, e.id),
        rev: e.rev,
        tick: fresh().to_string(),
        label: e.label.clone(),
        kind: e.kind,
        place: e.place.clone(),
        zone: e.zone_name.clone(),
        result: e.said.result,
        said: said_line(ask, &e.said),
        by: e.by.clone(),
        at: e.at.map(|t| ask.when(t)),
        photo: !e.said.photo.is_empty(),
    }
}

fn place_choices(ask: &Ask, places: &[String], chosen: &str) -> Vec<Choice> {
    let mut out = vec![Choice::new("", ask.say("stock-place-all"), chosen.is_empty())];
    out.extend(places.iter().map(|p| Choice::new(p.clone(), p.clone(), p == chosen)));
    out
}

async fn rounds_page(ask: &Ask, proof: &Authorised<ViewAssets>, problem: Option<String>) -> Result<StocktakesPage, Problem> {
    let paging = state::Paging { page: ask.query.number("page").unwrap_or(1).max(1), per_page: ROWS };
    let found = ask.store.stocktakes(proof, paging).await?;
    let all_zones = zones(ask, proof).await?;
    let places = ask.store.places(proof).await?;
    let (running, over): (Vec<RoundRow>, Vec<RoundRow>) = found.items.iter().map(|s| round(ask, s)).partition(|r| r.closed.is_none());
    let typed = ["name", "assignee", "due", "note"].map(|n| ask.form.get(n).to_owned());
    Ok(StocktakesPage {
        shell: ask.shell(Page::Assets, &ask.say("stock")).await?,
        running,
        over,
        paging: Paging::new("/stocktakes", "", u64::from(paging.page), u64::from(ROWS), found.total),
        zones: zone_choices(ask, &all_zones, ask.form.get("zone").parse().ok(), "stock-zone-all"),
        places: place_choices(ask, &places, ask.form.get("place")),
        typed,
        problem,
    })
}

/// `GET /stocktakes`
pub(crate) async fn list(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    page(&rounds_page(&ask, &proof, None).await?)
}

/// `POST /stocktakes`
pub(crate) async fn start(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let f = &ask.form;
    let new = NewStocktake {
        name: f.get("name").to_owned(),
        zone: f.get("zone").parse().ok(),
        place: f.get("place").to_owned(),
        assignee: f.get("assignee").to_owned(),
        due: f.get("due").to_owned(),
        note: f.get("note").replace("\r\n", "\n"),
        discovered: f.get("discovered") == "yes",
    };
    match ask.store.start_stocktake(&proof, new, ask.now).await {
        Ok(s) => Ok(redirect(&with_done(&format!("/stocktakes/{}?which=open", s.id), "stock-started"))),
        Err(StateError::Invalid { field, .. }) => {
            let seeing = ask.also(ViewAssets)?;
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &rounds_page(&ask, &seeing, Some(wrong(&ask, field))).await?)
        }
        Err(other) => Err(other.into()),
    }
}

async fn conflict_rows(
    ask: &Ask,
    proof: &Authorised<ViewAssets>,
    id: StocktakeId,
    entry: Option<StockEntryId>,
) -> Result<Vec<ConflictRow>, Problem> {
    let mut out = Vec::new();
    for Conflict { id: tick, said, by, .. } in ask.store.conflicts(proof, id, entry).await? {
        let e = ask.store.stocktake_entry(proof, id, said.entry).await?;
        let words = Said {
            result: Some(said.result),
            note: said.note,
            place_now: said.place_now,
            console_ports: said.console_ports,
            blocked_ports: said.blocked_ports,
            unknown_plugs: said.unknown_plugs,
            photo: said.photo,
        };
        out.push(ConflictRow {
            id: tick.to_string(),
            href: format!("/stocktakes/{id}/entries/{}", e.id),
            label: e.label.clone(),
            stands: e.said.result,
            stands_by: e.by.clone(),
            stands_said: said_line(ask, &e.said),
            said: words.result,
            by,
            words: said_line(ask, &words),
        });
    }
    Ok(out)
}

async fn round_page(ask: &Ask, proof: &Authorised<ViewAssets>, id: StocktakeId, problem: Option<String>) -> Result<StocktakePage, Problem> {
    let s = ask.store.stocktake(proof, id).await?;
    let q: String = ask.query.get("q").chars().take(200).collect();
    let asked = ask.query.get("which");
    let which = match (asked, s.closed.is_some()) {
        ("", true) => Which::Differences,
        ("", false) => Which::Open,
        (name, _) => Which::from_name(name),
    };
    let paging = state::Paging { page: ask.query.number("page").unwrap_or(1).max(1), per_page: ENTRIES };
    let found = ask.store.stocktake_entries(proof, id, &EntryFilter { which, text: q.clone(), paging }).await?;
    let r = round(ask, &s);
    let c = &s.counts;
    let tabs = [
        (Which::Open, "stock-tab-open", c.open),
        (Which::Done, "stock-tab-done", c.done() + c.extra),
        (Which::Differences, "stock-tab-differences", c.differences()),
        (Which::All, "stock-tab-all", c.assets + c.extra),
    ]
    .into_iter()
    .filter(|(w, _, n)| r.closed.is_none() || *w != Which::Open || *n > 0)
    .map(|(w, key, n)| Tab { text: ask.say(key), href: format!("/stocktakes/{id}?which={}", w.name()), n, here: w == which })
    .collect();
    let query = crate::ask::Fields(vec![(String::from("which"), which.name().into()), (String::from("q"), q.clone())]).without(&[]);
    Ok(StocktakePage {
        shell: ask.shell(Page::Assets, &s.name).await?,
        tabs,
        which: which.name().to_owned(),
        q,
        rows: found.items.iter().map(|e| row(ask, e)).collect(),
        paging: Paging::new(&format!("/stocktakes/{id}"), &query, u64::from(paging.page), u64::from(ENTRIES), found.total),
        conflicts: conflict_rows(ask, proof, id, None).await?,
        next_due: half_a_year_on(&ask.format.iso_date(ask.now)),
        fresh: (fresh().to_string(), fresh().to_string()),
        round: r,
        problem,
    })
}

/// The day half a year after one, both as `YYYY-MM-DD`.
fn half_a_year_on(day: &str) -> String {
    let day: Option<jiff::civil::Date> = day.parse().ok();
    day.and_then(|d| d.checked_add(jiff::Span::new().months(6)).ok()).map(|d| d.to_string()).unwrap_or_default()
}

/// `GET /stocktakes/{id}`
pub(crate) async fn one(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    page(&round_page(&ask, &proof, ask.id("id")?, None).await?)
}

/// What stands on an entry's page besides the form: by what a person recognises the thing in front of them.
async fn facts(ask: &Ask, proof: &Authorised<ViewAssets>, e: &Entry) -> Result<Vec<(String, String)>, Problem> {
    let mut out = Vec::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            out.push((ask.say(key), value));
        }
    };
    put("stock-place", e.place.clone());
    put("col-zone", e.zone_name.clone());
    put("col-kind", e.kind.map(|k| ask.t().of("kind", k.name())).unwrap_or_default());
    if let Some(id) = e.asset {
        match ask.store.asset(proof, id).await {
            Ok(a) => {
                let said = |word: &str, p: Property| {
                    if word.is_empty() { a.guess(p).map(|g| g.value.clone()).unwrap_or_default() } else { word.to_owned() }
                };
                put("ledger-maker", said(&a.ledger.maker, Property::Maker));
                put("ledger-model-number", said(&a.ledger.model_number, Property::Model));
                put("ledger-serial", a.ledger.serial.clone());
                put("ledger-owner", a.ledger.owner.clone());
                let mut addresses: Vec<String> = Vec::new();
                for x in a.addresses.iter().take(8) {
                    for text in [x.ip.map(|i| i.to_string()), x.mac.map(|m| m.to_string())].into_iter().flatten() {
                        if !addresses.contains(&text) {
                            addresses.push(text);
                        }
                    }
                }
                put("col-address", addresses.join(" "));
                put("ledger-notes", a.ledger.notes.clone());
            }
            Err(StateError::NotFound { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(out)
}

async fn entry_page(
    ask: &Ask,
    proof: &Authorised<ViewAssets>,
    id: StocktakeId,
    entry: StockEntryId,
    typed: Option<(Said, String)>,
) -> Result<StockEntryPage, Problem> {
    let s = ask.store.stocktake(proof, id).await?;
    let e = ask.store.stocktake_entry(proof, id, entry).await?;
    let (before, next) = ask.store.stocktake_neighbours(proof, id, entry).await?;
    let at = |e: StockEntryId| format!("/stocktakes/{id}/entries/{e}");
    let (said, problem) = typed.map_or((e.said.clone(), None), |(said, problem)| (said, Some(problem)));
    Ok(StockEntryPage {
        shell: ask.shell(Page::Assets, &e.label).await?,
        round: s.name,
        round_id: id.to_string(),
        runs: s.closed.is_none(),
        facts: facts(ask, proof, &e).await?,
        asset: e.asset.map(|a| format!("/assets/{a}")),
        network: e.network,
        chosen: said.result.or(if e.asset.is_none() { Some(StockResult::Extra) } else { None }),
        said,
        conflicts: conflict_rows(ask, proof, id, Some(entry)).await?,
        next: next.map(at),
        before: before.map(at),
        row: row(ask, &e),
        problem,
    })
}

/// `GET /stocktakes/{id}/entries/{entry}`
pub(crate) async fn entry(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    page(&entry_page(&ask, &proof, ask.id("id")?, ask.id("entry")?, None).await?)
}

/// Keeps a photo; its name, or the key of the words why not.
pub(crate) async fn keep_photo(ask: &Ask, bytes: axum::body::Bytes) -> Result<String, &'static str> {
    let vault = ask.shared.vault.clone();
    let work = move || {
        let (_, clean) = picture::cleaned(&bytes).map_err(picture::PictureError::key)?;
        vault.put_blob(&clean).map(|id| id.to_string()).map_err(|e| {
            tracing::warn!("a photo could not be kept: {e}");
            "photo-full"
        })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(Err("photo-broken"))
}

/// `POST /stocktakes/{id}/entries/{entry}`
pub(crate) async fn say(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let (id, entry): (StocktakeId, StockEntryId) = (ask.id("id")?, ask.id("entry")?);
    let seeing = ask.also(ViewAssets)?;
    let f = &ask.form;
    let text = |name: &str| f.get(name).replace("\r\n", "\n");
    let result = StockResult::from_name(f.get("result"));
    let typed = Said {
        result,
        note: text("note"),
        place_now: text("place_now"),
        console_ports: text("console_ports"),
        blocked_ports: text("blocked_ports"),
        unknown_plugs: text("unknown_plugs"),
        photo: String::new(),
    };
    let again = async |words: String, typed: Said| -> Result<Response, Problem> {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        match entry_page(&ask, &seeing, id, entry, Some((typed, words.clone()))).await {
            Ok(view) => page_with(status, &view),
            // A thing that the ledger lacks and that was not noted has no page of its own yet.
            Err(Problem::NotFound) if result == Some(StockResult::Extra) => {
                page_with(status, &round_page(&ask, &seeing, id, Some(words)).await?)
            }
            Err(other) => Err(other),
        }
    };
    let Some(result) = result else { return again(wrong(&ask, "result"), typed).await };
    let mut photo = String::new();
    if let Some(upload) = ask.files.iter().find(|u| u.field == "photo" && !u.bytes.is_empty()) {
        match keep_photo(&ask, upload.bytes.clone()).await {
            Ok(name) => photo = name,
            Err(key) => return again(ask.say(key), typed).await,
        }
    }
    let tick = Tick {
        id: f.get("tick").parse().unwrap_or_default(),
        entry,
        base: f.number("rev").unwrap_or(0),
        result,
        label: f.get("label").to_owned(),
        note: typed.note.clone(),
        place_now: typed.place_now.clone(),
        console_ports: typed.console_ports.clone(),
        blocked_ports: typed.blocked_ports.clone(),
        unknown_plugs: typed.unknown_plugs.clone(),
        photo,
        at: None,
    };
    match ask.store.tick(&proof, id, tick, ask.now).await {
        Ok(done) => {
            let back = ask.back("back", &format!("/stocktakes/{id}/entries/{entry}"));
            Ok(redirect(&match done.outcome {
                Outcome::Saved => with_done(&back, "ticked"),
                Outcome::Conflict => with_done(&format!("/stocktakes/{id}/entries/{entry}"), "tick-conflict"),
            }))
        }
        Err(StateError::Invalid { field, .. }) => again(wrong(&ask, field), typed).await,
        Err(other) => Err(other.into()),
    }
}

/// `POST /stocktakes/{id}/settle`
pub(crate) async fn settle(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let id: StocktakeId = ask.id("id")?;
    let tick: Uuid = ask.form.get("tick").parse().map_err(|_| Problem::NotFound)?;
    let entry = ask.store.settle(&proof, id, tick, ask.form.get("take") == "yes", ask.now).await;
    match entry {
        Ok(entry) => Ok(redirect(&with_done(&ask.back("back", &format!("/stocktakes/{id}/entries/{entry}")), "settled"))),
        Err(StateError::Invalid { field, .. }) => Err(Problem::Bad(wrong(&ask, field))),
        Err(other) => Err(other.into()),
    }
}

/// `POST /stocktakes/{id}/close`
pub(crate) async fn close(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let id: StocktakeId = ask.id("id")?;
    let f = &ask.form;
    let closing = Closing {
        note: f.get("note").replace("\r\n", "\n"),
        next_due: f.get("next_due").to_owned(),
        rest: (f.get("rest") == "yes").then(|| f.get("rest_why").to_owned()),
        apply: f.get("apply") == "yes",
    };
    let rev = f.number("rev").ok_or_else(|| Problem::Bad(String::new()))?;
    match ask.store.close_stocktake(&proof, id, rev, closing, ask.now).await {
        Ok(_) => Ok(redirect(&with_done(&format!("/stocktakes/{id}"), "stock-closed"))),
        Err(StateError::Invalid { field, .. }) => {
            let seeing = ask.also(ViewAssets)?;
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &round_page(&ask, &seeing, id, Some(wrong(&ask, field))).await?)
        }
        Err(other) => Err(other.into()),
    }
}

/// `GET /stocktakes/{id}/entries/{entry}/photo`
pub(crate) async fn photo(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let e = ask.store.stocktake_entry(&proof, ask.id("id")?, ask.id("entry")?).await?;
    let name: vault::BlobId = e.said.photo.parse().map_err(|_| Problem::NotFound)?;
    let vault = ask.shared.vault.clone();
    let read = tokio::task::spawn_blocking(move || vault.get_blob(name)).await.map_err(|e| Problem::Broken(e.to_string()))?;
    let bytes = read?.ok_or(Problem::NotFound)?;
    let kind = picture::Kind::of(&bytes).ok_or(Problem::NotFound)?;
    let head = [(CONTENT_TYPE, kind.mime()), (CACHE_CONTROL, "private, max-age=3600"), (CONTENT_DISPOSITION, "inline")];
    Ok((head, bytes).into_response())
}

/// `GET /stocktakes/tag/{id}`: where a label leads. The address is printed and stuck on machines: it stays.
pub(crate) async fn tag(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let asset: AssetId = ask.id("id")?;
    Ok(match ask.store.stocktake_of_asset(&proof, asset).await? {
        Some((round, entry)) => redirect(&format!("/stocktakes/{round}/entries/{entry}")),
        None => redirect(&format!("/assets/{asset}")),
    })
}

/// `GET /stocktakes/labels`
pub(crate) async fn labels(ask: Ask, proof: Authorised<ViewAssets>) -> Result<Response, Problem> {
    let all_zones = zones(&ask, &proof).await?;
    let places = ask.store.places(&proof).await?;
    let place = ask.query.get("place").to_owned();
    let filter = AssetFilter {
        states: vec![AssetState::Registered, AssetState::Unused, AssetState::Faulty],
        zone: ask.query.get("zone").parse().ok(),
        paging: state::Paging { page: 1, per_page: LABELS },
        text: ask.query.get("q").chars().take(200).collect(),
        ..AssetFilter::default()
    };
    let mut found = ask.store.assets(&proof, &filter).await?;
    let mut left = found.total.saturating_sub(found.items.len() as u64);
    if let Ok(round) = ask.query.get("stocktake").parse::<StocktakeId>() {
        let filter = EntryFilter { paging: state::Paging { page: 1, per_page: LABELS }, ..EntryFilter::default() };
        let entries = ask.store.stocktake_entries(&proof, round, &filter).await?;
        left = entries.total.saturating_sub(entries.items.len() as u64);
        found.items = Vec::new();
        for e in entries.items {
            let Some(id) = e.asset else { continue };
            match ask.store.asset(&proof, id).await {
                Ok(asset) => found.items.push(asset),
                Err(StateError::NotFound { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }
    if !place.is_empty() {
        found.items.retain(|a| a.ledger.place == place);
    }
    // The name by which this reader came: it was checked at the door, and it is the one that phones of this factory use.
    let host = ask.headers.get(HOST).and_then(|h| h.to_str().ok()).or_else(|| ask.uri.authority().map(axum::http::uri::Authority::as_str));
    let base = format!("https://{}/stocktakes/tag/", host.unwrap_or_default());
    let mut out = Vec::with_capacity(found.items.len());
    for a in &found.items {
        let id = a.id.to_string();
        let code =
            crate::qr::code(&format!("{base}{id}")).ok_or_else(|| Problem::Broken(String::from("the address is too long for a code")))?;
        let line = if a.ledger.place.is_empty() { a.ledger.model_number.clone() } else { a.ledger.place.clone() };
        let short = id.get(id.len().saturating_sub(8)..).unwrap_or_default().to_owned();
        out.push(Label { label: speak::cut(&a.label()), line: speak::cut(&line), short, code });
    }
    page(&LabelsPage {
        shell: ask.shell(Page::Assets, &ask.say("labels")).await?,
        labels: out,
        base,
        zones: zone_choices(&ask, &all_zones, ask.query.get("zone").parse().ok(), "stock-zone-all"),
        places: place_choices(&ask, &places, &place),
        left,
    })
}

/// The entries as a table for a file.
async fn table(ask: &Ask, proof: &Authorised<ExportAssets>) -> Result<(Stocktake, Table), Problem> {
    let (s, entries) = ask.store.export_stocktake(proof, ask.id("id")?, Which::from_name(ask.query.get("which")), ask.now).await?;
    let t = ask.t();
    let head = [
        "col-name",
        "col-kind",
        "stock-place",
        "stock-file-zone",
        "stock-file-state",
        "stock-result",
        "stock-place-now",
        "stock-words",
        "stock-console",
        "stock-blocked",
        "stock-plugs",
        "stock-who",
        "col-when",
        "stock-file-photo",
    ];
    let when = |at: Option<Time>| at.map(|t| ask.format.precise(t)).unwrap_or_default();
    let rows = entries
        .iter()
        .map(|e| {
            vec![
                e.label.clone(),
                e.kind.map(|k: Kind| t.of("kind", k.name())).unwrap_or_default(),
                e.place.clone(),
                e.zone_name.clone(),
                if e.asset.is_some() { t.of("state", e.state.name()) } else { String::new() },
                t.of("stock-result", e.said.result.map_or("open", StockResult::name)),
                e.said.place_now.clone(),
                e.said.note.clone(),
                e.said.console_ports.clone(),
                e.said.blocked_ports.clone(),
                e.said.unknown_plugs.clone(),
                e.by.clone(),
                when(e.at),
                e.said.photo.clone(),
            ]
        })
        .collect();
    Ok((s, Table { title: ask.say("stock"), head: head.iter().map(|k| ask.say(k)).collect(), rows }))
}

/// `GET /stocktakes/{id}/export.csv`
pub(crate) async fn csv(ask: Ask, proof: Authorised<ExportAssets>) -> Result<Response, Problem> {
    let sjis = super::export::shift_jis(&ask)?;
    let (_, table) = table(&ask, &proof).await?;
    Ok(super::export::csv_file(&table, sjis, &format!("hinomi-stocktake-{}", super::export::stamp(&ask))))
}

/// `GET /stocktakes/{id}/export.xlsx`
pub(crate) async fn xlsx(ask: Ask, proof: Authorised<ExportAssets>) -> Result<Response, Problem> {
    let (_, table) = table(&ask, &proof).await?;
    let bytes = super::export::xlsx_bytes(table).await?;
    Ok(file(super::export::XLSX, &format!("hinomi-stocktake-{}.xlsx", super::export::stamp(&ask)), bytes))
}
