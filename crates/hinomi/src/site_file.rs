//! What people set, as a file: settings (the company's calendar among them) and zones. For `settings export`, `settings import` and
//! `replay --settings`. TOML; what is not named stays as it is.

use crate::clock::now;
use crate::ledger::read_file;
use crate::outcome::{bad_input, state_error};
use anyhow::Result;
use model::Principal;
use model::access::{EditSettings, ViewSettings, authorise};
use model::zone::{Layer, ZoneFields};
use serde::{Deserialize, Serialize};
use state::Store;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteFile {
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    zone: Vec<ZoneEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneEntry {
    name: String,
    layer: String,
    #[serde(default)]
    ranges: Vec<String>,
    #[serde(default)]
    vlans: Vec<u16>,
}

/// Sets what a file says; settings and zones that are set now are counted.
pub async fn import(store: &Store, file: &Path) -> Result<(usize, usize)> {
    let place = file.display();
    let text = String::from_utf8(read_file(file)?).map_err(|_| bad_input(format!("{place}: is not text in UTF-8")))?;
    let read: SiteFile = toml::from_str(&text).map_err(|e| bad_input(format!("{place}: {e}")))?;
    let mut zones = Vec::new();
    for z in &read.zone {
        let wrong = |what: String| bad_input(format!("{place}: zone '{}': {what}", z.name));
        let layer = Layer::from_name(&z.layer)
            .ok_or_else(|| wrong(format!("'{}' is no layer; there are {}", z.layer, Layer::ALL.map(Layer::name).join(", "))))?;
        let ranges = z.ranges.iter().map(|r| r.parse().map_err(|e| wrong(format!("'{r}': {e}")))).collect::<Result<Vec<_>>>()?;
        zones.push(ZoneFields { name: z.name.clone(), layer, ranges, vlans: z.vlans.clone() });
    }
    let (machine, site) = (Principal::machine(), store.site().id);
    let seeing = authorise(&machine, ViewSettings, site, None)?;
    let editing = authorise(&machine, EditSettings, site, None)?;
    for (name, value) in &read.settings {
        let old = store.setting(&seeing, name).await.map_err(state_error)?;
        store.set_setting(&editing, name, old.rev, value, now()).await.map_err(state_error)?;
    }
    let old = store.zones(&seeing).await.map_err(state_error)?;
    for fields in zones {
        match old.iter().find(|z| z.fields.name == fields.name) {
            Some(z) => store.edit_zone(&editing, z.id, z.rev, fields, now()).await.map_err(state_error)?,
            None => drop(store.create_zone(&editing, fields, now()).await.map_err(state_error)?),
        }
    }
    Ok((read.settings.len(), read.zone.len()))
}

/// Everything that people have set, as [`import`] reads it. Settings that nobody has set stand as comments.
pub async fn export(store: &Store) -> Result<String> {
    let seeing = authorise(&Principal::machine(), ViewSettings, store.site().id, None)?;
    let mut out = String::from("[settings]\n");
    for s in store.settings(&seeing).await.map_err(state_error)? {
        let value = toml::Value::String(s.value);
        let _ = writeln!(out, "{}{} = {value}", if s.is_default { "# " } else { "" }, s.key.name);
    }
    for z in store.zones(&seeing).await.map_err(state_error)? {
        let text = |t: String| toml::Value::String(t);
        let ranges = toml::Value::Array(z.fields.ranges.iter().map(|r| text(r.to_string())).collect());
        let vlans = toml::Value::Array(z.fields.vlans.iter().map(|v| toml::Value::Integer(i64::from(*v))).collect());
        let (name, layer) = (text(z.fields.name), text(z.fields.layer.name().to_owned()));
        let _ = write!(out, "\n[[zone]]\nname = {name}\nlayer = {layer}\nranges = {ranges}\nvlans = {vlans}\n");
    }
    Ok(out)
}
