//! `hinomi inspect`: reads captures, keeps nothing, and says what was in them.
//!
//! The counting is that of protocol analysers, so that the figures can be held against theirs: a frame counts once for each layer that it
//! contains anywhere, tunnels included; packets quoted inside ICMP errors give their addresses and count as nothing; a fragment counts
//! as TCP or UDP only on the frame that completes the datagram; conversations are pairs of addresses and ports, and a new SYN on a
//! used pair opens a new one. Where we differ, docs/oracle-differences.md says why.

mod human;
mod lanes;
mod mirror;
mod roles;
mod tally;

use model::{Lang, Time};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What was in the captures: the document that `--json` prints. Keys that cannot be known are absent.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Each file by itself.
    pub files: Vec<FileSummary>,
    /// How much of all.
    #[serde(flatten)]
    pub amount: Amount,
    /// Frames with IPv4.
    pub ipv4_packets: u64,
    /// Frames with IPv6.
    pub ipv6_packets: u64,
    /// Frames with TCP.
    pub tcp_packets: u64,
    /// Frames with UDP.
    pub udp_packets: u64,
    /// Frames with ARP.
    pub arp_packets: u64,
    /// Frames with neither IP nor ARP.
    pub other_packets: u64,
    /// Hardware addresses of every layer.
    pub macs: Vec<model::Mac>,
    /// Internet addresses of every layer, quoted packets included.
    pub ips: Vec<std::net::IpAddr>,
    /// VLAN identifiers.
    pub vlans: Vec<u16>,
    /// TCP conversations; a reused pair counts again.
    pub tcp_conversations: u64,
    /// UDP conversations.
    pub udp_conversations: u64,
    /// What was recognised by content.
    pub protocols: BTreeMap<&'static str, ProtocolCount>,
    /// Names, addresses and discovery.
    #[serde(flatten)]
    pub names: tally::Names,
    /// The web, and what travels like it.
    #[serde(flatten)]
    pub web: tally::Web,
    /// Log-ins, files and remote screens.
    #[serde(flatten)]
    pub office: tally::Office,
    /// Control, management and small devices.
    #[serde(flatten)]
    pub control: tally::Control,
    /// Devices by hardware address.
    pub assets: Vec<AssetSummary>,
    /// What the mirror port and the network cards behind it do to frames.
    pub mirror: mirror::MirrorSummary,
    /// What could not be read or kept.
    pub counters: CounterSummary,
}

/// A capture file.
#[derive(Debug, Serialize)]
pub struct FileSummary {
    /// As given.
    pub path: String,
    /// `pcap`, `pcapng`, with its packing.
    pub format: String,
    /// LINKTYPE numbers.
    pub link_types: Vec<u16>,
    /// How much of it.
    #[serde(flatten)]
    pub amount: Amount,
    /// Where the file is not what it should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<DamageSummary>,
}

/// How much there is, of one file or of all.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Amount {
    /// Frames.
    pub packets: u64,
    /// Bytes that were captured of them.
    pub captured_bytes: u64,
    /// Bytes that they had on the wire.
    pub wire_bytes: u64,
    /// Time of the first frame in order of reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Time>,
    /// Time of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
}

impl Amount {
    /// Adds the frames of another lane. Each lane knows first and last of all.
    fn join(&mut self, other: Amount) {
        self.packets += other.packets;
        self.captured_bytes += other.captured_bytes;
        self.wire_bytes += other.wire_bytes;
    }
}

/// A damage of a file.
#[derive(Debug, Serialize)]
pub struct DamageSummary {
    /// Bytes from the start of the unpacked file.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

/// How often a protocol was met.
#[derive(Debug, Default, Serialize)]
pub struct ProtocolCount {
    /// Frames on which something of it was read to its end.
    pub packets: u64,
    /// Acts that were told.
    pub activities: u64,
}

/// A device.
#[derive(Debug, Serialize)]
pub struct AssetSummary {
    /// Hardware address.
    pub mac: model::Mac,
    /// Addresses that it used on this link.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<std::net::IpAddr>,
    /// Names that it gave itself or that others know it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Maker by the first half of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<&'static str>,
    /// What it seems to be; absent where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// The observations behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<roles::Why>,
}

/// What could not be read or kept.
#[derive(Debug, Default, Serialize)]
pub struct CounterSummary {
    /// Frames with a layer that could not be read.
    pub decode_errors: u64,
    /// Conversations in the engine's table, of any kind.
    pub flows: u64,
    /// Conversations let go because the table was full.
    pub flows_evicted: u64,
    /// Holes in TCP streams.
    pub reassembly_gaps: u64,
    /// Bytes let go because of a bound.
    pub bytes_dropped: u64,
    /// Frames with tunnels too deep to be read.
    pub tunnel_depth_exceeded: u64,
    /// Conversations left unread because too many were read at once and none was idle.
    #[serde(skip_serializing_if = "is_zero")]
    pub parsers_refused: u64,
    /// Idle conversations that were no longer read because new ones came.
    #[serde(skip_serializing_if = "is_zero")]
    pub parsers_evicted: u64,
    /// Copies of the same bytes of a stream or datagram that differ in content.
    #[serde(skip_serializing_if = "is_zero")]
    pub conflicts: u64,
    /// Entries of the lists above that were left out because a list was full.
    #[serde(skip_serializing_if = "is_zero")]
    pub entries_omitted: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What serde asks for.
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Summary {
    /// A file was damaged or cut.
    pub fn is_damaged(&self) -> bool {
        self.files.iter().any(|f| !f.damage.is_empty())
    }

    /// The quiet form for people.
    pub fn human(&self, lang: Lang) -> String {
        human::text(self, lang)
    }
}

/// A count with its thousands grouped.
fn number(n: u64) -> String {
    catalogue::phrases::group(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Reads the files as one stream in time order. Fails only where a file cannot be read at all; damage is part of the summary.
pub fn run(files: &[PathBuf]) -> anyhow::Result<Summary> {
    lanes::run(files, lanes::fitting(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A capture of one DNS question over Ethernet, written into a folder of its own; the caller removes it.
    fn capture(name: &str, cut: usize) -> PathBuf {
        let dns = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04Demo\x07example\0\0\x01\0\x01";
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 8, 0, 0x45, 0];
        frame.extend((28 + dns.len() as u16).to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, 17, 0, 0, 192, 168, 1, 1, 192, 168, 1, 2, 0xc0, 0, 0, 53]);
        frame.extend((8 + dns.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(dns);
        let mut file = Vec::new();
        for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65535, 1] {
            file.extend(word.to_le_bytes());
        }
        for second in [1_700_000_000u32, 1_700_000_001] {
            for word in [second, 500_000, frame.len() as u32, frame.len() as u32] {
                file.extend(word.to_le_bytes());
            }
            file.extend(&frame);
        }
        file.truncate(file.len() - cut);
        let folder = std::env::temp_dir().join(format!("hinomi-inspect-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.pcap");
        std::fs::write(&path, file).unwrap();
        path
    }

    #[test]
    fn the_document_has_the_keys_and_forms_of_the_design() {
        let path = capture("whole", 0);
        let summary = run(std::slice::from_ref(&path)).unwrap();
        let v = serde_json::to_value(&summary).unwrap();
        assert_eq!((&v["packets"], &v["udp_packets"], &v["udp_conversations"]), (&2.into(), &2.into(), &1.into()));
        assert_eq!(v["first"], "2023-11-14T22:13:20.500000000Z");
        assert_eq!(v["macs"], serde_json::json!(["02:00:00:00:00:01", "02:00:00:00:00:02"]));
        assert_eq!(v["ips"], serde_json::json!(["192.168.1.1", "192.168.1.2"]));
        assert_eq!((&v["vlans"], &v["dns_queries"]), (&serde_json::json!([5]), &serde_json::json!(["demo.example"])));
        assert_eq!(v["protocols"]["dns"], serde_json::json!({"packets": 2, "activities": 2}));
        assert_eq!(v["assets"][0]["role"], "client");
        assert_eq!(v["files"][0]["link_types"], serde_json::json!([1]));
        assert!(v.get("http").is_none() && v["files"][0].get("damage").is_none());
        assert!(!summary.is_damaged());
        for lang in Lang::ALL {
            assert!(summary.human(lang).contains("192.168.1.1"));
        }
        // Twice the same file is one stream with the same conversation.
        let twice = run(&[path.clone(), path.clone()]).unwrap();
        assert_eq!((twice.amount.packets, twice.udp_conversations, twice.files.len()), (4, 1, 2));
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_cut_file_is_read_to_the_cut_and_says_where_it_is() {
        let path = capture("cut", 3);
        let summary = run(std::slice::from_ref(&path)).unwrap();
        assert_eq!(summary.amount.packets, 1);
        assert!(summary.is_damaged());
        assert!(summary.files[0].damage[0].offset > 24);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        assert!(run(&[PathBuf::from("/nonexistent.pcap")]).is_err());
    }
}
