//! When a sensor really watched. Silence, volume, habits and every check ask this first: a dead mirror is never a quiet
//! factory (decisions, Coverage).

use crate::ids::SourceId;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// How well a stretch of time was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Frames came and none were lost.
    #[default]
    Full,
    /// Frames were lost: the kernel or a queue dropped some.
    Drops,
    /// The interface was up, and not a single frame came: the mirror may be dead.
    Nothing,
    /// The interface was down or gone.
    Down,
}

/// A stretch of capture time of one sensor with its counters. Sensors tell one every ten seconds and at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Which sensor.
    pub sensor: SourceId,
    /// From, by the sensor's clock.
    pub from: Time,
    /// Until.
    pub to: Time,
    /// Frames read.
    pub packets: u64,
    /// Bytes on the wire of those frames.
    pub bytes: u64,
    /// Frames that the kernel dropped for want of room (`tp_drops`).
    pub kernel_drops: u64,
    /// Frames or events that a queue of ours let go.
    pub queue_drops: u64,
    /// Frames that could not be read to their end.
    pub decode_errors: u64,
    /// How well this stretch was watched.
    pub quality: Quality,
}

/// A sensor as it stands now, for the settings page and the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorStatus {
    /// Number in events.
    pub id: SourceId,
    /// Interface or file name.
    pub name: String,
    /// `live` or `file`.
    pub kind: SensorKind,
    /// Frames since start.
    pub packets: u64,
    /// Bytes since start.
    pub bytes: u64,
    /// Kernel drops since start.
    pub kernel_drops: u64,
    /// Queue drops since start.
    pub queue_drops: u64,
    /// Frames that could not be read to their end.
    pub decode_errors: u64,
    /// Frames in the last whole ten seconds.
    pub recent_packets: u64,
    /// Time of the newest frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_frame: Option<Time>,
    /// How well the sensor watches now.
    pub quality: Quality,
    /// What is wrong and what to do, in the words of the log (English); pages render by `quality`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Flows in the table now.
    pub flows: u64,
    /// Flows let go because the table was full.
    pub flows_evicted: u64,
    /// Holes in TCP streams.
    pub gaps: u64,
}

/// Where a sensor's frames come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensorKind {
    /// A network interface.
    #[default]
    Live,
    /// A capture file or a folder of them.
    File,
}
