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
    /// What the mirror port and the cards behind it do to frames.
    #[serde(default)]
    pub truths: Truths,
    /// Other sensors that see the same conversations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<Twin>,
}

/// Another sensor that sees conversations of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Which.
    pub sensor: SourceId,
    /// Conversations that both saw since the start.
    pub flows: u64,
    /// Conversations that this sensor saw.
    pub of: u64,
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

/// What a mirror port and the network cards behind it do to frames: counters since the start. [`Truths::told`] says what is worth knowing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truths {
    /// Packets that were compared with those just before (a sample, where there are no copies).
    #[serde(default)]
    pub looked: u64,
    /// Of these, copies of a packet within a millisecond before. They are not counted in conversations.
    #[serde(default)]
    pub duplicates: u64,
    /// Of these, copies with another time to live: seen on both sides of a router.
    #[serde(default)]
    pub routed_twice: u64,
    /// TCP conversations of which both directions were seen.
    #[serde(default)]
    pub both_ways: u64,
    /// TCP conversations that went on although only one direction was seen.
    #[serde(default)]
    pub one_way: u64,
    /// Packets whose TCP or UDP checksum was computed (a sample).
    #[serde(default)]
    pub checksums_looked: u64,
    /// Of these, left to the network card of the sender: the capture is on the machine that sends.
    #[serde(default)]
    pub checksums_offloaded: u64,
    /// Of these, wrong in another way.
    #[serde(default)]
    pub checksums_bad: u64,
    /// Packets without a length, or in frames longer than 1,522 bytes: segments that a card merged, or jumbo frames.
    #[serde(default)]
    pub super_packets: u64,
    /// Frames whose VLAN tag the card or the kernel took out; it is read from beside the frame.
    #[serde(default)]
    pub vlan_stripped: u64,
    /// Frames that the capture cut short.
    #[serde(default)]
    pub cut: u64,
}

/// A truth about the way frames come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// Packets come twice.
    Duplicates,
    /// Packets come twice because both sides of a router are mirrored.
    RoutedTwice,
    /// Mostly one direction of conversations is seen.
    OneWay,
    /// Checksums are left to the card.
    ChecksumOffload,
    /// Segments are merged before they are captured.
    SuperPackets,
    /// VLAN tags are taken out.
    VlanStripped,
    /// Frames are cut short.
    Cut,
}

impl Truth {
    /// Every truth.
    pub const ALL: [Truth; 7] = [
        Truth::Duplicates,
        Truth::RoutedTwice,
        Truth::OneWay,
        Truth::ChecksumOffload,
        Truth::SuperPackets,
        Truth::VlanStripped,
        Truth::Cut,
    ];
    /// The name in JSON and of its phrase.
    pub const fn name(self) -> &'static str {
        match self {
            Truth::Duplicates => "duplicates",
            Truth::RoutedTwice => "routed_twice",
            Truth::OneWay => "one_way",
            Truth::ChecksumOffload => "checksum_offload",
            Truth::SuperPackets => "super_packets",
            Truth::VlanStripped => "vlan_stripped",
            Truth::Cut => "cut",
        }
    }
}

impl Truths {
    /// How often this truth was met, and of how many.
    pub fn share(&self, truth: Truth, packets: u64) -> (u64, u64) {
        match truth {
            Truth::Duplicates => (self.duplicates, self.looked),
            Truth::RoutedTwice => (self.routed_twice, self.looked),
            Truth::OneWay => (self.one_way, self.one_way + self.both_ways),
            Truth::ChecksumOffload => (self.checksums_offloaded, self.checksums_looked),
            Truth::SuperPackets => (self.super_packets, packets),
            Truth::VlanStripped => (self.vlan_stripped, packets),
            Truth::Cut => (self.cut, packets),
        }
    }

    /// Adds what another lane of the same sensor counted.
    pub fn join(&mut self, other: Truths) {
        // Every field by name, so that a new one cannot be forgotten here.
        let Truths {
            looked,
            duplicates,
            routed_twice,
            both_ways,
            one_way,
            checksums_looked,
            checksums_offloaded,
            checksums_bad,
            super_packets,
            vlan_stripped,
            cut,
        } = other;
        self.looked += looked;
        self.duplicates += duplicates;
        self.routed_twice += routed_twice;
        self.both_ways += both_ways;
        self.one_way += one_way;
        self.checksums_looked += checksums_looked;
        self.checksums_offloaded += checksums_offloaded;
        self.checksums_bad += checksums_bad;
        self.super_packets += super_packets;
        self.vlan_stripped += vlan_stripped;
        self.cut += cut;
    }

    /// What is worth knowing after `packets` frames. Copies from five on, where they are one in a hundred; one direction from half of at least five conversations
    /// on; the others wherever they were met at all.
    pub fn told(&self, packets: u64) -> impl Iterator<Item = Truth> + '_ {
        Truth::ALL.into_iter().filter(move |t| {
            let (met, of) = self.share(*t, packets);
            match t {
                Truth::Duplicates | Truth::RoutedTwice => met >= 5 && met.saturating_mul(100) >= of,
                Truth::OneWay => of >= 5 && met.saturating_mul(2) >= of,
                _ => met > 0,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truths_are_told_from_where_they_matter() {
        let few = Truths { looked: 1000, duplicates: 9, one_way: 4, both_ways: 0, ..Truths::default() };
        assert_eq!(few.told(1000).count(), 0);
        let many = Truths { looked: 1000, duplicates: 10, routed_twice: 10, one_way: 5, both_ways: 5, cut: 1, ..Truths::default() };
        assert_eq!(many.told(1000).collect::<Vec<_>>(), [Truth::Duplicates, Truth::RoutedTwice, Truth::OneWay, Truth::Cut]);
    }
}
