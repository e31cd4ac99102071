//! `hinomi vault rollups`: makes the rollups that pages read anew from the records, by the same fold that made them. They are derived and no part of
//! the log; a difference is told and mended.

use super::{count, failed, folder};
use crate::command::{block_on, configuration, open_state};
use crate::outcome::{Verdict, bad_input, state_error, unreachable};
use crate::terminal;
use crate::watcher::{CONSUMER, settings};
use crate::words::Words;
use anyhow::Result;
use catalogue::Catalogue;
use catalogue::phrases::Value;
use clap::ArgMatches;
use detect::{Effect, Watch};
use model::asset::{HourDelta, Party, PeerDelta};
use model::event::Table;
use model::{AssetId, Body, Protocol};
use state::pipeline::{NewRollups, Replaced};
use std::collections::BTreeMap;
use vault::{Options, Query, Vault};

/// Devices that are followed: as many as a watch with a large memory does.
const DEVICES: usize = 100_000;

/// Client, server, protocol and port.
type Link = (Party, Party, Option<Protocol>, u16);

/// Sums as they come, so that memory follows assets and hours and not records.
#[derive(Default)]
struct Sums {
    hours: BTreeMap<(AssetId, i64), HourDelta>,
    links: BTreeMap<Link, PeerDelta>,
}

impl Sums {
    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Hour(d) => {
                let sum = self.hours.entry((d.asset, d.hour)).or_insert(HourDelta {
                    packets_out: 0,
                    packets_in: 0,
                    bytes_out: 0,
                    bytes_in: 0,
                    ..d
                });
                sum.packets_out = sum.packets_out.saturating_add(d.packets_out);
                sum.packets_in = sum.packets_in.saturating_add(d.packets_in);
                sum.bytes_out = sum.bytes_out.saturating_add(d.bytes_out);
                sum.bytes_in = sum.bytes_in.saturating_add(d.bytes_in);
            }
            Effect::Peer(d) => match self.links.get_mut(&(d.client, d.server, d.protocol, d.port)) {
                Some(sum) => {
                    sum.flows = sum.flows.saturating_add(d.flows);
                    sum.bytes = sum.bytes.saturating_add(d.bytes);
                    (sum.first, sum.last) = (sum.first.min(d.first), sum.last.max(d.last));
                }
                None => {
                    self.links.insert((d.client, d.server, d.protocol, d.port), d);
                }
            },
            _ => {}
        }
    }
}

/// Makes them anew.
pub fn rollups(matches: &ArgMatches, words: &Words) -> Result<Verdict> {
    let config = configuration(matches)?;
    let dir = folder(matches)?;
    let catalogue = Catalogue::load().map_err(bad_input)?;
    let done = block_on(async {
        let pipeline = open_state(&config).await?.pipeline().map_err(state_error)?;
        let Some(at) = pipeline.cursor(CONSUMER).await.map_err(state_error)? else { return Ok(Some(Replaced::default())) };
        let vault = Vault::open_read_only(&dir, Options::default()).map_err(failed)?;
        let status = vault.status();
        // From the first record on, the fold comes to the same assets by itself; otherwise those that are known now are where it begins.
        let whole = status.let_go.events == 0 && status.damage.is_empty();
        let known = if whole { Vec::new() } else { pipeline.known_assets().await.map_err(state_error)? };
        let mut watch = Watch::new(&catalogue, settings(&pipeline, DEVICES).await?, &known);
        let (mut sums, mut effects, mut oldest) = (Sums::default(), Vec::new(), None);
        for event in vault.read(&Query { before_seq: Some(at.seq.saturating_add(1)), ..Query::default() }) {
            let event = event.map_err(failed)?;
            if event.body.table() == Table::Flow && oldest.is_none() {
                oldest = Some(event.received.hour());
            }
            watch.event(&event, &mut effects);
            if let Body::Health(health) = &event.body {
                watch.advance(health.to, &mut effects);
            }
            effects.drain(..).for_each(|e| sums.take(e));
        }
        let new = NewRollups {
            // The first hour that is here may be here in part.
            from_hour: if whole { i64::MIN } else { oldest.map_or(i64::MAX, |h| h + 1) },
            hours: sums.hours.into_values().collect(),
            peers: whole.then(|| sums.links.into_values().collect()),
        };
        pipeline.replace_rollups(CONSUMER, at, &new).await.map_err(state_error)
    })?;
    let Some(done) = done else { return Err(unreachable(words.say("vault-rollups-moved"))) };
    if matches.get_flag("json") {
        terminal::json(&serde_json::json!({ "hours": done.hours, "links": done.links, "changed": done.changed }))?;
    } else {
        let (hours, links, changed) = (count(done.hours), count(done.links), count(done.changed));
        terminal::line(&words.with(
            "vault-rollups-done",
            &[("hours", Value::Text(&hours)), ("links", Value::Text(&links)), ("changed", Value::Text(&changed))],
        ))?;
    }
    Ok(Verdict::Holds)
}
