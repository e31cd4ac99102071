//! `hinomi assets list/show/import/export`

use super::{block_on, configuration, open_state, path};
use crate::clock::now;
use crate::ledger::import_csv;
use crate::outcome::{Verdict, bad_input, state_error, unreachable};
use crate::terminal;
use crate::words::Words;
use anyhow::Result;
use catalogue::phrases::Value;
use clap::ArgMatches;
use model::access::{ExportAssets, ViewAssets, ViewSettings, authorise};
use model::{Asset, AssetState, Mac, Principal};
use state::ledger_csv::{self, Encoding};
use state::{AssetFilter, AssetList, Paging, Store};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Every asset that a filter finds, page by page.
pub async fn every(store: &Store, filter: AssetFilter) -> Result<Vec<Asset>> {
    let proof = authorise(&Principal::machine(), ViewAssets, store.site().id, None)?;
    let mut all = Vec::new();
    let mut filter = filter;
    filter.paging = Paging { page: 1, per_page: Paging::MOST };
    loop {
        let page = store.assets(&proof, &filter).await.map_err(state_error)?;
        let done = u64::from(filter.paging.page) >= page.pages();
        all.extend(page.items);
        if done {
            return Ok(all);
        }
        filter.paging.page += 1;
    }
}

/// A row for the terminal.
pub fn row(asset: &Asset, words: &Words) -> Vec<String> {
    let address = asset.addresses.iter().find_map(|a| a.ip).map(|ip| ip.to_string()).unwrap_or_default();
    let mac = asset.addresses.iter().find_map(|a| a.mac).map(|m| m.to_string()).unwrap_or_default();
    let kind = asset.kind().map_or_else(|| String::from("?"), |k| words.say(&format!("kind-{}", k.name().replace('_', "-"))));
    vec![
        asset.label(),
        words.say(&format!("state-{}", asset.state)),
        kind,
        address,
        mac,
        asset.last_seen.map(model::Time::rfc3339).unwrap_or_default(),
    ]
}

pub fn list(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let mut filter = AssetFilter { text: matches.get_one::<String>("text").cloned().unwrap_or_default(), ..AssetFilter::default() };
    if let Some(name) = matches.get_one::<String>("state") {
        let state = AssetState::from_name(name)
            .ok_or_else(|| crate::outcome::usage(format!("'{name}' is no state; {}", words.say("arg-state"))))?;
        filter.states.push(state);
    }
    let days = match matches.get_one::<String>("days") {
        None => AssetList::DAYS,
        Some(days) => days
            .parse()
            .ok()
            .filter(|d| (1..=3_650).contains(d))
            .ok_or_else(|| crate::outcome::usage(format!("'{days}': {}", words.say("arg-days"))))?,
    };
    if let Some(name) = matches.get_one::<String>("list") {
        let list =
            AssetList::named(name, days, now()).ok_or_else(|| crate::outcome::usage(format!("'{name}': {}", words.say("arg-list"))))?;
        filter.list = Some(list);
    }
    let assets = block_on(async { every(&open_state(&config).await?, filter).await })?;
    print(&assets, matches.get_flag("json"), words)?;
    Ok(Verdict::Holds)
}

/// Prints assets as lines of JSON or as a table.
pub fn print(assets: &[Asset], json: bool, words: &Words) -> Result<()> {
    if json {
        return assets.iter().try_for_each(terminal::json);
    }
    let rows: Vec<Vec<String>> = assets.iter().map(|a| row(a, words)).collect();
    if rows.is_empty() { terminal::line(&words.say("assets-none")) } else { terminal::line(terminal::table(&rows).trim_end()) }
}

pub fn show(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let asked = matches.get_one::<String>("asset").cloned().unwrap_or_default();
    let asset = block_on(async {
        let store = open_state(&config).await?;
        let proof = authorise(&Principal::machine(), ViewAssets, store.site().id, None)?;
        if let Ok(id) = asked.parse() {
            return store.asset(&proof, id).await.map_err(state_error);
        }
        let (mac, ip) = (asked.parse::<Mac>().ok(), asked.parse::<IpAddr>().ok());
        if (mac.is_some() || ip.is_some())
            && let Some(id) = store.asset_at(&proof, None, mac, ip).await.map_err(state_error)?
        {
            return store.asset(&proof, id).await.map_err(state_error);
        }
        let mut found = every(&store, AssetFilter { text: asked.clone(), ..AssetFilter::default() }).await?;
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(bad_input(words.with("assets-unknown", &[("asked", Value::Text(&asked))]))),
            _ => Err(bad_input(words.with(
                "assets-several",
                &[
                    ("asked", Value::Text(&asked)),
                    ("names", Value::Text(&found.iter().take(8).map(Asset::label).collect::<Vec<_>>().join(", "))),
                ],
            ))),
        }
    })?;
    terminal::line(&if matches.get_flag("json") { serde_json::to_string(&asset)? } else { serde_json::to_string_pretty(&asset)? })?;
    Ok(Verdict::Holds)
}

pub fn import(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let file = path(matches, "file").unwrap_or_default();
    let (read, report) = block_on(async { import_csv(&open_state(&config).await?, &file, matches.get_flag("dry-run")).await })?;
    let problems: Vec<String> = read.problems.iter().chain(&report.problems).map(ToString::to_string).collect();
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({
            "dry_run": report.dry_run, "entered": report.entered, "changed": report.changed, "unchanged": report.unchanged,
            "problems": problems, "ignored_columns": read.ignored,
        }))?;
    } else {
        let count = |n: usize| Value::Number(i64::try_from(n).unwrap_or(i64::MAX));
        terminal::line(&words.with(
            "assets-imported",
            &[
                ("entered", count(report.entered.len())),
                ("changed", count(report.changed.len())),
                ("unchanged", Value::Number(i64::try_from(report.unchanged).unwrap_or(i64::MAX))),
                ("problems", count(problems.len())),
            ],
        ))?;
        for problem in &problems {
            eprintln!("{}: {problem}", file.display());
        }
    }
    Ok(if problems.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold })
}

pub fn export(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let encoding = match matches.get_one::<String>("encoding").map(String::as_str) {
        Some("shift_jis") => Encoding::ShiftJis,
        _ => Encoding::Utf8,
    };
    let written = block_on(async {
        let store = open_state(&config).await?;
        let machine = Principal::machine();
        let proof = authorise(&machine, ExportAssets, store.site().id, None)?;
        let settings = authorise(&machine, ViewSettings, store.site().id, None)?;
        let zones: BTreeMap<_, _> = store.zones(&settings).await.map_err(state_error)?.into_iter().map(|z| (z.id, z.fields.name)).collect();
        let assets = store.export_assets(&proof, &AssetFilter::default(), now()).await.map_err(state_error)?;
        Ok(ledger_csv::write(&assets, &zones, words.lang, encoding))
    })?;
    if !written.replaced.is_empty() {
        let signs: String = written.replaced.keys().collect();
        eprintln!("{}", words.with("assets-replaced", &[("signs", Value::Text(&signs))]));
    }
    match path(matches, "out") {
        Some(file) => std::fs::write(&file, &written.bytes).map_err(|e| unreachable(format!("cannot write {}: {e}", file.display())))?,
        None => std::io::Write::write_all(&mut std::io::stdout(), &written.bytes)?,
    }
    Ok(Verdict::Holds)
}

/// Which devices ask a time server.
pub fn clocks(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let all = block_on(async {
        let store = open_state(&config).await?;
        let proof = authorise(&Principal::machine(), ViewAssets, store.site().id, None)?;
        store.askers(&proof).await.map_err(state_error)
    })?;
    if matches.get_flag("json") {
        all.iter().try_for_each(terminal::json)?;
        return Ok(Verdict::Holds);
    }
    let head = ["clocks-device", "clocks-address", "clocks-standing", "clocks-last", "clocks-servers", "clocks-hours"];
    let head: Vec<String> = head.iter().map(|key| words.say(key)).collect();
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|a| {
            vec![
                a.name.clone(),
                a.address.clone(),
                words.say(&format!("clocks-{}", a.standing)),
                a.last.map(model::Time::rfc3339).unwrap_or_default(),
                a.servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
                a.hours.to_string(),
            ]
        })
        .collect();
    if let Some(file) = path(matches, "csv") {
        let table = state::sheet::Table { title: String::new(), head, rows };
        let bytes = state::sheet::write_csv(&table, false);
        if file.as_os_str() == "-" {
            std::io::Write::write_all(&mut std::io::stdout(), &bytes)?;
        } else {
            std::fs::write(&file, &bytes).map_err(|e| unreachable(format!("cannot write {}: {e}", file.display())))?;
        }
    } else if rows.is_empty() {
        terminal::line(&words.say("assets-none"))?;
    } else {
        terminal::line(terminal::table(&[vec![head], rows].concat()).trim_end())?;
    }
    Ok(Verdict::Holds)
}
