//! By what the records found can be narrowed, with how many of them there are.

use super::{Asked, at};
use crate::ask::Ask;
use crate::pages::assets::{sensor_name, sensor_names};
use crate::pages::speak::Names;
use crate::problem::Problem;
use crate::view::{Amount, Facet, Link};
use model::AssetId;
use model::access::ViewAssets;
use model::event::{AddressKey, Table};
use std::collections::BTreeMap;
use vault::ask::{Clause, Hit};

/// Values of one facet.
const VALUES: usize = 8;
/// Addresses whose assets are looked up.
const ADDRESSES: usize = 24;

fn top<K: Ord + Clone>(counts: BTreeMap<K, u64>, most: usize) -> Vec<(K, u64)> {
    let mut all: Vec<(K, u64)> = counts.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(most);
    all
}

pub(super) async fn of(ask: &Ask, asked: &Asked, hits: &[Hit]) -> Result<Vec<Facet>, Problem> {
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let t = ask.t();
    let (mut tables, mut protocols, mut sources, mut places) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::<AddressKey, u64>::new());
    for h in hits {
        *tables.entry(h.table).or_insert(0) += 1;
        *sources.entry(h.source.0).or_insert(0) += 1;
        if let Some(p) = h.protocol {
            *protocols.entry(p.name()).or_insert(0) += 1;
        }
        for k in &h.addresses {
            *places.entry(*k).or_insert(0) += 1;
        }
    }
    let mut out = Vec::new();
    let mut add = |name: &str, values: Vec<(Link, u64)>, chosen: Vec<Link>| {
        if values.len() > 1 || !chosen.is_empty() {
            let values = values.into_iter().map(|(l, n)| (l, Amount::count(n))).collect();
            out.push(Facet { name: t.say(name), values, chosen });
        }
    };
    let q = ask.query.get("q");
    let chosen: Vec<Link> =
        ask.query.all("table").filter_map(Table::from_name).map(|x| Link::to(t.of("table", x.name()), at(ask, &[("table", "")]))).collect();
    let values = top(tables, VALUES).into_iter().map(|(x, n)| (Link::to(t.of("table", x.name()), at(ask, &[("table", x.name())])), n));
    add("event-table", if chosen.is_empty() { values.collect() } else { Vec::new() }, chosen);
    let values = top(protocols, VALUES).into_iter().map(|(p, n)| (Link::to(p, at(ask, &[("q", format!("{q} {p}").trim())])), n));
    add(
        "facet-protocol",
        if asked.find.all.iter().all(|c| !matches!(c, Clause::Protocols(_))) { values.collect() } else { Vec::new() },
        Vec::new(),
    );
    let names = sensor_names(ask).await;
    let name = |id: u16| sensor_name(&names, model::SourceId(id));
    let chosen: Vec<Link> = ask.query.number("sensor").map(|s| Link::to(name(s), at(ask, &[("sensor", "")]))).into_iter().collect();
    let values = top(sources, VALUES).into_iter().map(|(s, n)| (Link::to(name(s), at(ask, &[("sensor", &s.to_string())])), n));
    add("event-source", if chosen.is_empty() { values.collect() } else { Vec::new() }, chosen);
    if asked.about.is_none() {
        add("facet-asset", assets(ask, places).await?, Vec::new());
    }
    Ok(out)
}

/// The assets at the most frequent addresses. One that has several is counted by the most frequent of them.
async fn assets(ask: &Ask, places: BTreeMap<AddressKey, u64>) -> Result<Vec<(Link, u64)>, Problem> {
    let Ok(proof) = ask.also(ViewAssets) else { return Ok(Vec::new()) };
    let mut counts: BTreeMap<AssetId, u64> = BTreeMap::new();
    for (key, n) in top(places, ADDRESSES) {
        let (mac, ip) = match key {
            AddressKey::Mac(m) => (Some(m), None),
            AddressKey::Ip(i) => (None, Some(i)),
        };
        if let Some(id) = ask.store.asset_at(&proof, None, mac, ip).await? {
            let slot = counts.entry(id).or_insert(0);
            *slot = (*slot).max(n);
        }
    }
    let names = Names::ids(ask, counts.keys().copied().collect()).await?;
    Ok(top(counts, VALUES).into_iter().map(|(id, n)| (Link::to(names.name(id), at(ask, &[("asset", &id.to_string())])), n)).collect())
}
