//! One device or two: merging assets, splitting addresses off, and taking either back.

use crate::ask::{Ask, with_done};
use crate::problem::{Problem, redirect};
use axum::response::Response;
use model::access::{EditAssets, ViewAssets};
use model::asset::Place;
use model::{AssetId, Authorised, JoinId, Segment, SourceId};
use state::AssetFilter;

fn rev(ask: &Ask) -> Result<i64, Problem> {
    ask.form.number("rev").ok_or_else(|| Problem::Bad(String::new()))
}

/// The asset that somebody means: by id, by one of its addresses, or by the name that lists show, where only one has it.
async fn meant(ask: &Ask, seeing: &Authorised<ViewAssets>, text: &str) -> Result<AssetId, Problem> {
    let text = text.trim();
    if let Ok(id) = text.parse::<AssetId>() {
        return Ok(id);
    }
    let (mac, ip) = (text.parse().ok(), text.parse().ok());
    if (mac.is_some() || ip.is_some())
        && let Some(id) = ask.store.asset_at(seeing, None, mac, ip).await?
    {
        return Ok(id);
    }
    let filter =
        AssetFilter { text: text.chars().take(200).collect(), paging: state::Paging { page: 1, per_page: 100 }, ..AssetFilter::default() };
    let found = if text.is_empty() { Vec::new() } else { ask.store.assets(seeing, &filter).await?.items };
    let mut named = found.iter().filter(|a| a.label().eq_ignore_ascii_case(text));
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one.id),
        _ => Err(Problem::Bad(ask.t().x("no-such-asset", &super::speak::cut(text)))),
    }
}

/// A ticked address, as the page writes it: sensor, VLAN, hardware address, Internet address.
pub(crate) fn place(text: &str) -> Option<Place> {
    let mut parts = text.split('|');
    let (sensor, vlan, mac, ip) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let segment = Segment { sensor: SourceId(sensor.parse().ok()?), vlan: vlan.parse().ok()? };
    let mac = if mac.is_empty() { None } else { Some(mac.parse().ok()?) };
    let ip = if ip.is_empty() { None } else { Some(ip.parse().ok()?) };
    (mac.is_some() || ip.is_some()).then_some(Place { segment, mac, ip })
}

/// What [`place`] reads.
pub(crate) fn place_text(p: &Place) -> String {
    let mac = p.mac.map(|m| m.to_string()).unwrap_or_default();
    let ip = p.ip.map(|i| i.to_string()).unwrap_or_default();
    format!("{}|{}|{mac}|{ip}", p.segment.sensor.0, p.segment.vlan)
}

/// `POST /assets/{id}/merge`
pub(crate) async fn merge(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let id: AssetId = ask.id("id")?;
    let other = meant(&ask, &ask.also(ViewAssets)?, ask.form.get("other")).await?;
    let stays = ask.store.merge_assets(&proof, id, rev(&ask)?, other, ask.now).await?;
    Ok(redirect(&with_done(&format!("/assets/{}", stays.id), "merged")))
}

/// `POST /assets/{id}/split`
pub(crate) async fn split(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let id: AssetId = ask.id("id")?;
    let places: Vec<Place> = ask.form.all("place").take(256).filter_map(place).collect();
    let new = ask.store.split_asset(&proof, id, rev(&ask)?, &places, ask.now).await?;
    Ok(redirect(&with_done(&format!("/assets/{new}"), "split")))
}

/// `POST /assets/{id}/undo`
pub(crate) async fn undo(ask: Ask, proof: Authorised<EditAssets>) -> Result<Response, Problem> {
    let id: AssetId = ask.id("id")?;
    let join: JoinId = ask.form.get("join").parse().map_err(|_| Problem::NotFound)?;
    let stays = ask.store.undo_join(&proof, id, rev(&ask)?, join, ask.now).await?;
    Ok(redirect(&with_done(&format!("/assets/{}", stays.id), "undone")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticked_address_is_read_as_it_was_written() {
        for text in ["1|20|3c:52:82:1f:aa:07|192.168.1.20", "0|0||fe80::1", "3|0|3c:52:82:1f:aa:07|"] {
            assert_eq!(place(text).map(|p| place_text(&p)).as_deref(), Some(text));
        }
        for bad in ["", "|||", "1|0||", "1|0|zz|", "x|0||1.2.3.4", "1|70000||1.2.3.4", "1|0"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
