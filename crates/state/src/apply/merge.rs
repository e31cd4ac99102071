//! Two assets turn out to be one. What was seen moves; what people wrote fills the fields that are empty; the one that goes stays
//! behind as a tombstone that leads to the one that stays, so that old links still work.

use super::Work;
use crate::db::{Conn, V, v};
use crate::error::Result;
use model::asset::Ledger;
use model::{AssetId, Time};

/// Columns that people write as text, each by itself. The statement about the Internet goes as a whole.
fn words() -> impl Iterator<Item = &'static str> {
    Ledger::TEXTS.iter().copied().filter(|c| !c.starts_with("internet_")).chain(["kind", "importance"])
}

/// Columns of the statement about the Internet.
fn internet() -> impl Iterator<Item = &'static str> {
    Ledger::TEXTS.iter().copied().filter(|c| c.starts_with("internet_")).chain(["internet"])
}

pub(super) async fn merge(work: &mut Work, gone: AssetId, stays: AssetId, at: Time) -> Result<()> {
    seen(&mut work.tx, gone, stays).await?;
    rollups(&mut work.tx, gone, stays).await?;
    super::clocks::merge(&mut work.tx, gone, stays).await?;
    written(&mut work.tx, gone, stays, at).await?;
    let tx = &mut work.tx;
    tx.run("UPDATE findings SET asset = $1 WHERE asset = $2", v![stays, gone]).await?;
    tx.run("UPDATE finding_others SET asset = $1 WHERE asset = $2", v![stays, gone]).await?;
    tx.run("UPDATE lately SET asset = $1 WHERE asset = $2", v![stays.to_string(), gone.to_string()]).await?;
    tx.run("UPDATE assets SET merged_into = $1 WHERE merged_into = $2 OR id = $2", v![stays, gone]).await?;
    tx.run("UPDATE assets SET zone_now = NULL, zone = NULL, search = '' WHERE id = $1", v![gone]).await?;
    work.lead(gone, stays);
    Ok(())
}

async fn seen(tx: &mut Conn, gone: AssetId, stays: AssetId) -> Result<()> {
    tx.run(
        "INSERT INTO asset_addresses (asset, sensor, vlan, mac, ip, first_at, last_at, by_hand) \
         SELECT $1, sensor, vlan, mac, ip, first_at, last_at, by_hand FROM asset_addresses WHERE asset = $2 \
         ON CONFLICT (asset, sensor, vlan, mac, ip) DO UPDATE SET \
         first_at = CASE WHEN asset_addresses.first_at > excluded.first_at THEN excluded.first_at ELSE asset_addresses.first_at END, \
         last_at = CASE WHEN asset_addresses.last_at < excluded.last_at THEN excluded.last_at ELSE asset_addresses.last_at END",
        v![stays, gone],
    )
    .await?;
    tx.run("DELETE FROM asset_addresses WHERE asset = $1", v![gone]).await?;
    tx.run(
        "INSERT INTO asset_names (asset, name, protocol, because_epoch, because_seq, last_at) \
         SELECT $1, name, protocol, because_epoch, because_seq, last_at FROM asset_names WHERE asset = $2 \
         ON CONFLICT (asset, name, protocol) DO UPDATE SET \
         last_at = CASE WHEN asset_names.last_at < excluded.last_at THEN excluded.last_at ELSE asset_names.last_at END",
        v![stays, gone],
    )
    .await?;
    tx.run("DELETE FROM asset_names WHERE asset = $1", v![gone]).await?;
    tx.run(
        "INSERT INTO asset_services (asset, port, udp, protocol, product, first_at, last_at) \
         SELECT $1, port, udp, protocol, product, first_at, last_at FROM asset_services WHERE asset = $2 \
         ON CONFLICT (asset, port, udp) DO UPDATE SET \
         protocol = CASE WHEN asset_services.protocol = '' THEN excluded.protocol ELSE asset_services.protocol END, \
         product = CASE WHEN asset_services.product = '' THEN excluded.product ELSE asset_services.product END, \
         first_at = CASE WHEN asset_services.first_at > excluded.first_at THEN excluded.first_at ELSE asset_services.first_at END, \
         last_at = CASE WHEN asset_services.last_at < excluded.last_at THEN excluded.last_at ELSE asset_services.last_at END",
        v![stays, gone],
    )
    .await?;
    tx.run("DELETE FROM asset_services WHERE asset = $1", v![gone]).await?;
    tx.run(
        "INSERT INTO asset_guesses (asset, property, value, confidence, reason, protocol, because_epoch, because_seq) \
         SELECT $1, property, value, confidence, reason, protocol, because_epoch, because_seq FROM asset_guesses WHERE asset = $2 \
         ON CONFLICT (asset, property, reason) DO UPDATE SET value = excluded.value, confidence = excluded.confidence, \
         protocol = excluded.protocol, because_epoch = excluded.because_epoch, \
         because_seq = excluded.because_seq WHERE excluded.confidence > asset_guesses.confidence",
        v![stays, gone],
    )
    .await?;
    tx.run("DELETE FROM asset_guesses WHERE asset = $1", v![gone]).await?;
    Ok(())
}

async fn rollups(tx: &mut Conn, gone: AssetId, stays: AssetId) -> Result<()> {
    tx.run(
        "INSERT INTO asset_hours (asset, hour, packets_out, packets_in, bytes_out, bytes_in) \
         SELECT $1, hour, packets_out, packets_in, bytes_out, bytes_in FROM asset_hours WHERE asset = $2 \
         ON CONFLICT (asset, hour) DO UPDATE SET packets_out = asset_hours.packets_out + excluded.packets_out, \
         packets_in = asset_hours.packets_in + excluded.packets_in, bytes_out = asset_hours.bytes_out + excluded.bytes_out, \
         bytes_in = asset_hours.bytes_in + excluded.bytes_in",
        v![stays, gone],
    )
    .await?;
    tx.run("DELETE FROM asset_hours WHERE asset = $1", v![gone]).await?;
    let (gone, stays) = (gone.to_string(), stays.to_string());
    // What the two said to each other, a device said to itself.
    tx.run("DELETE FROM peers WHERE (client = $1 AND server = $2) OR (client = $2 AND server = $1)", v![&gone, &stays]).await?;
    for (select, delete) in [
        (
            "SELECT $1, server, protocol, port, flows, bytes, first_at, last_at FROM peers WHERE client = $2",
            "DELETE FROM peers WHERE client = $1",
        ),
        (
            "SELECT client, $1, protocol, port, flows, bytes, first_at, last_at FROM peers WHERE server = $2",
            "DELETE FROM peers WHERE server = $1",
        ),
    ] {
        tx.run_built(
            format!(
                "INSERT INTO peers (client, server, protocol, port, flows, bytes, first_at, last_at) {select} {}",
                super::rollups::PEERS_ADD
            ),
            v![&stays, &gone],
        )
        .await?;
        tx.run(delete, v![&gone]).await?;
    }
    Ok(())
}

/// People's words: empty fields are filled, and what somebody said about the state of the one that goes is not lost.
async fn written(tx: &mut Conn, gone: AssetId, stays: AssetId, at: Time) -> Result<()> {
    let columns = words().chain(internet()).collect::<Vec<_>>();
    let sql = format!(
        "SELECT zone, state, first_seen, last_seen, because_epoch, because_seq, last_active, {} FROM assets WHERE id = $1",
        columns.join(", ")
    );
    let from = tx.rows_built(sql.clone(), v![gone]).await?;
    let to = tx.rows_built(sql, v![stays]).await?;
    let (Some(from), Some(to)) = (from.first(), to.first()) else { return Ok(()) };
    let mut sets: Vec<String> = Vec::new();
    let mut values: Vec<V> = Vec::new();
    let mut people = false;
    let mut unstated = true;
    for (i, column) in (7..).zip(&columns) {
        let (mine, theirs) = (to.text(i)?, from.text(i)?);
        let about_internet = column.starts_with("internet");
        if about_internet && unstated {
            for n in i..(7 + columns.len()) {
                unstated &= to.text(n)?.is_empty();
            }
        }
        if mine.is_empty() && !theirs.is_empty() && (!about_internet || unstated) {
            values.push(theirs.into());
            sets.push(format!("{column} = ${}", values.len()));
            people = true;
        }
    }
    if to.opt_text(0)?.is_none()
        && let Some(zone) = from.opt_text(0)?
    {
        values.push(zone.into());
        sets.push(format!("zone = ${}", values.len()));
        people = true;
    }
    let (mine, theirs) = (to.text(1)?, from.text(1)?);
    if mine == "discovered" && theirs != "discovered" {
        values.push(theirs.into());
        sets.push(format!("state = ${}", values.len()));
        people = true;
    }
    let first = |a: Option<i64>, b: Option<i64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let (mine_first, their_first) = (to.opt_int(2)?, from.opt_int(2)?);
    values.push(first(mine_first, their_first).into());
    sets.push(format!("first_seen = ${}", values.len()));
    for (i, column) in [(3, "last_seen"), (6, "last_active")] {
        values.push(to.opt_int(i)?.max(from.opt_int(i)?).into());
        sets.push(format!("{column} = ${}", values.len()));
    }
    if to.opt_int(5)?.is_none() || their_first.is_some_and(|t| mine_first.is_none_or(|m| t < m)) {
        for (i, column) in [(4, "because_epoch"), (5, "because_seq")] {
            if let Some(n) = from.opt_int(i)? {
                values.push(n.into());
                sets.push(format!("{column} = ${}", values.len()));
            }
        }
    }
    if people {
        // Somebody who has the form of the asset open must look again before they save.
        values.push(at.into());
        sets.push(format!("rev = rev + 1, changed_by = 'hinomi', changed_at = ${}", values.len()));
    }
    values.push(stays.into());
    tx.run_built(format!("UPDATE assets SET {} WHERE id = ${}", sets.join(", "), values.len()), values).await?;
    Ok(())
}
