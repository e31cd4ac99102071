//! How the memory ceiling (`memory.ceiling`) is shared among the tables that grow with what is on the wire.

/// The shares of one start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Conversations in the table of each sensor.
    pub flows: usize,
    /// Bytes that streams of each sensor may hold back.
    pub streams: usize,
    /// Bytes that unfinished IP datagrams of each sensor may hold.
    pub fragments: usize,
    /// Addresses that each sensor remembers as told.
    pub observations: usize,
    /// Events that each sensor may keep while the vault has no room.
    pub backlog: usize,
    /// Devices and addresses that detection follows.
    pub devices: usize,
    /// Bytes that may wait in the vault's queue.
    pub queue: usize,
}

/// Bytes of one conversation with its bookkeeping (measured: `cargo xtask bench memory`).
const FLOW: usize = 640;
/// Bytes of one remembered address.
const OBSERVATION: usize = 96;
/// Bytes of one event that waits.
const EVENT: usize = 400;
/// Bytes of one device with its habit.
const DEVICE: usize = 3000;

/// Shares of a ceiling in MiB among so many sensors. The program itself, the console and the database take about 100 MiB.
pub fn shares(ceiling_mib: u32, sensors: usize) -> Shares {
    let free = (ceiling_mib as usize).saturating_sub(100).max(32) << 20;
    let each = free * 6 / 10 / sensors.max(1);
    Shares {
        flows: each * 4 / 10 / FLOW,
        streams: each * 2 / 10,
        fragments: each / 20,
        observations: each / 10 / OBSERVATION,
        backlog: each / 5 / EVENT,
        devices: free * 3 / 10 / DEVICE,
        queue: free / 20,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_stay_below_the_ceiling_for_any_number_of_sensors() {
        for ceiling in [64, 128, 512, 4096] {
            for sensors in [1, 2, 8] {
                let s = shares(ceiling, sensors);
                let all = sensors * (s.flows * FLOW + s.streams + s.fragments + s.observations * OBSERVATION + s.backlog * EVENT)
                    + s.devices * DEVICE
                    + s.queue;
                assert!(all <= (ceiling.max(132) as usize - 100) << 20, "{ceiling} MiB, {sensors} sensors: {all}");
                assert!(s.flows > 1000 / sensors && s.devices > 1000);
            }
        }
    }
}
