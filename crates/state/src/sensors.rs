//! Names of sensors.

use crate::error::Result;
use crate::store::Store;
use model::access::{EditSettings, ViewSettings};
use model::coverage::SensorKind;
use model::{Authorised, SourceId, Time};

/// A sensor that was ever used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// Number in events.
    pub id: SourceId,
    /// Interface or folder.
    pub name: String,
    /// What people call it; the interface's name until somebody has said.
    pub shown: String,
    /// Live or file.
    pub kind: SensorKind,
    /// For changes.
    pub rev: i64,
}

impl Store {
    /// Every sensor that was ever used.
    pub async fn sensors(&self, _proof: &Authorised<ViewSettings>) -> Result<Vec<Sensor>> {
        unimplemented!()
    }
    /// Gives a sensor another name on the pages.
    pub async fn rename_sensor(&self, _proof: &Authorised<EditSettings>, _id: SourceId, _rev: i64, _shown: &str, _now: Time) -> Result<()> {
        unimplemented!()
    }
}
