//! Names of sensors.

use crate::db::{Conn, Row, v};
use crate::error::{Result, StateError};
use crate::outbox::audit;
use crate::pipeline::Pipeline;
use crate::store::Store;
use crate::text;
use model::access::{EditSettings, ViewSettings};
use model::coverage::SensorKind;
use model::event::Deed;
use model::{Authorised, SourceId, Time};

/// The most characters of a sensor's name.
const LONGEST: usize = 200;

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

const COLUMNS: &str = "SELECT id, name, shown, kind, rev, changed_by, changed_at FROM sensors";

fn sensor(row: &Row) -> Result<Sensor> {
    let name = row.text(1)?;
    let shown = row.text(2)?;
    Ok(Sensor {
        id: SourceId(u16::try_from(row.int(0)?).map_err(|_| row.damaged("a sensor's number is out of range"))?),
        shown: if shown.is_empty() { name.clone() } else { shown },
        name,
        kind: if row.text(3)? == "file" { SensorKind::File } else { SensorKind::Live },
        rev: row.int(4)?,
    })
}

pub(crate) async fn all(conn: &mut Conn) -> Result<Vec<Sensor>> {
    conn.rows_built(format!("{COLUMNS} ORDER BY id"), v![]).await?.iter().map(sensor).collect()
}

impl Store {
    /// Every sensor that was ever used.
    pub async fn sensors(&self, proof: &Authorised<ViewSettings>) -> Result<Vec<Sensor>> {
        self.guard(proof)?;
        all(&mut self.read().await?).await
    }

    /// Gives a sensor another name on the pages; empty: its interface's name.
    pub async fn rename_sensor(&self, proof: &Authorised<EditSettings>, id: SourceId, rev: i64, shown: &str, now: Time) -> Result<()> {
        self.guard_whole(proof, "a sensor")?;
        let shown = shown.trim();
        if shown.chars().count() > LONGEST || !text::is_clean(shown) {
            return Err(StateError::invalid(
                "shown",
                "invalid-text",
                LONGEST,
                format!("must be plain text of at most {LONGEST} characters"),
            ));
        }
        let who = self.who(proof);
        let mut tx = self.write().await?;
        let Some(row) = tx.row("SELECT name, shown, rev, changed_by, changed_at FROM sensors WHERE id = $1", v![id.0]).await? else {
            return Err(StateError::NotFound { what: "sensor", id: id.0.to_string() });
        };
        if row.int(2)? != rev {
            return Err(StateError::Changed { by: row.text(3)?, at: row.time(4)?, rev: row.int(2)? });
        }
        tx.run(
            "UPDATE sensors SET shown = $1, rev = rev + 1, changed_by = $2, changed_at = $3 WHERE id = $4",
            v![shown, &who.name, now, id.0],
        )
        .await?;
        let deed = Deed::Setting { key: format!("sensor.{}", row.text(0)?), from: row.text(1)?, to: shown.to_owned() };
        audit(&mut tx, &who, deed, now).await?;
        tx.commit().await
    }
}

impl Pipeline {
    /// The number of a sensor in events, by the name of its interface or folder; the same name gives the same number for ever.
    /// Numbers count from 1; 0 is Hinomi itself.
    pub async fn sensor_id(&self, name: &str, kind: SensorKind, now: Time) -> Result<SourceId> {
        let name = text::cut(name, LONGEST);
        let mut tx = self.store.write().await?;
        if let Some(row) = tx.row("SELECT id FROM sensors WHERE name = $1", v![name]).await? {
            let id = row.int(0)?;
            tx.commit().await?;
            return u16::try_from(id).map(SourceId).map_err(|_| row.damaged("a sensor's number is out of range"));
        }
        let next = tx.number("SELECT COALESCE(MAX(id), 0) + 1 FROM sensors", v![]).await?;
        let id = u16::try_from(next).map_err(|_| {
            StateError::invalid("sensor", "invalid-no-sensor-left", "", "65,535 sensors were used already; no number is left")
        })?;
        let kind = if kind == SensorKind::File { "file" } else { "live" };
        tx.run(
            "INSERT INTO sensors (id, name, shown, kind, rev, changed_by, changed_at) VALUES ($1, $2, '', $3, 1, '', $4)",
            v![id, name, kind, now],
        )
        .await?;
        tx.commit().await?;
        Ok(SourceId(id))
    }
}
