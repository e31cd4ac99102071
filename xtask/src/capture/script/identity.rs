//! Devices that move, pose or should not be there; services that anyone can enter; old encryption.

use super::Scenario;

/// The scenarios of this family.
pub const SCENARIOS: &[Scenario] = &[];
