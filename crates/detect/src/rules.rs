//! The rules that need code; their settings and words are in catalogue/rules/.

pub mod around;
pub mod beacon;
pub mod conflict;
pub mod default;
pub mod dnstunnel;
pub mod drops;
pub mod encryption;
pub mod fork;
pub mod gateway;
pub mod guess;
pub mod icmptunnel;
pub mod internet;
pub mod login;
pub mod moved;
pub mod outflow;
pub mod provider;
pub mod resting;
pub mod scan;
pub mod spoof;
pub mod traffic;
pub mod unregistered;
pub mod writes;
pub mod zonetalk;

use crate::identity::Identity;
use crate::site::Site;
use model::asset::Party;
use model::{AssetId, Fact, Segment};

/// How a party appears in a finding: an asset is linked, an address is text.
pub fn shown(party: Party) -> Fact {
    match party {
        Party::Asset(id) => Fact::Asset(id),
        Party::Address(ip) => Fact::Text(ip.to_string()),
    }
}

/// A sensor and VLAN in a finding.
pub fn place(segment: Segment) -> String {
    if segment.vlan == 0 { format!("#{}", segment.sensor.0) } else { format!("#{} VLAN {}", segment.sensor.0, segment.vlan) }
}

/// The asset of a party.
pub fn asset_of(party: Party) -> Option<AssetId> {
    match party {
        Party::Asset(id) => Some(id),
        Party::Address(_) => None,
    }
}

/// Whether a party is control equipment.
pub fn is_control(identity: &Identity, site: &Site, party: Party) -> bool {
    asset_of(party).and_then(|id| identity.get(id)).is_some_and(|a| site.is_control_asset(a))
}

/// A party as part of a key.
pub fn keyed(party: Party) -> String {
    match party {
        Party::Asset(id) => id.to_string(),
        Party::Address(ip) => ip.to_string(),
    }
}

/// Keeps the newest of a table that is over its bound: lets the oldest eighth go. `age` must order every entry differently or
/// the key decides, so that the same events always let the same entries go.
pub fn make_room<K: Ord + Clone + std::hash::Hash, V>(
    table: &mut rustc_hash::FxHashMap<K, V>,
    limit: usize,
    age: impl Fn(&V) -> model::Time,
) -> u64 {
    let limit = limit.max(8);
    if table.len() < limit {
        return 0;
    }
    let mut by_age: Vec<(model::Time, K)> = table.iter().map(|(k, v)| (age(v), k.clone())).collect();
    let n = limit / 8;
    if n < by_age.len() {
        by_age.select_nth_unstable(n);
    }
    let mut gone = 0;
    for (_, key) in by_age.into_iter().take(n) {
        table.remove(&key);
        gone += 1;
    }
    gone
}
