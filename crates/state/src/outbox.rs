//! Deeds on their way to the vault.

use crate::error::Result;
use crate::pipeline::{EventCursor, Pipeline};
use model::event::Deed;
use model::{NewEvent, Time};

impl Pipeline {
    /// The oldest deeds that the vault has not acknowledged, with their numbers. Each event carries its number
    /// ([`model::event::Audit::number`]): the vault gets it at least once.
    pub async fn outbox(&self, _limit: u32) -> Result<Vec<(i64, NewEvent)>> {
        unimplemented!()
    }
    /// The vault has these, fsynced, the newest at `at`. Doing it twice changes nothing.
    pub async fn outbox_done(&self, _numbers: &[i64], _at: EventCursor) -> Result<()> {
        unimplemented!()
    }
    /// A deed of the machine itself: started, stopped.
    pub async fn machine_did(&self, _action: &str, _deed: Deed, _now: Time) -> Result<()> {
        unimplemented!()
    }
}
