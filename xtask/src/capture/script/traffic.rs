//! Traffic that does not fit: new ways between zones, volumes, beacons, tunnels, transfers, writes.

use super::Scenario;

/// The scenarios of this family.
pub const SCENARIOS: &[Scenario] = &[];
