//! What a capture shows of the mirror port and the network cards behind it, in words.

use super::number;
use model::Lang;
use model::coverage::{Truth, Truths};
use serde::Serialize;

/// Counters, with the names of those that matter.
#[derive(Debug, Default, Serialize)]
pub struct MirrorSummary {
    /// Names of what is worth knowing (`model::coverage::Truth`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<&'static str>,
    /// The counters.
    #[serde(flatten)]
    pub counters: Truths,
}

impl MirrorSummary {
    /// Of the engine's counters after `packets` frames.
    pub fn new(counters: Truths, packets: u64) -> Self {
        MirrorSummary { told: counters.told(packets).map(Truth::name).collect(), counters }
    }
}

/// One line for each truth.
pub fn lines(s: &MirrorSummary, packets: u64, lang: Lang) -> Vec<String> {
    let line = |t: Truth| {
        let (met, of) = s.counters.share(t, packets);
        let (met, of) = (number(met), number(of));
        match (t, lang) {
            (Truth::Duplicates, Lang::En) => format!("packets come twice: {met} of {of} compared; a copy is not counted in conversations"),
            (Truth::Duplicates, Lang::Ja) => format!("同じパケットが2回届いています: 調べた{of}のうち{met}。写しは通信の量に数えません"),
            (Truth::RoutedTwice, Lang::En) => format!("both sides of a router are mirrored: {met} of {of} compared; mirror one side"),
            (Truth::RoutedTwice, Lang::Ja) => {
                format!("ルーターの両側がミラーされています: 調べた{of}のうち{met}。片側だけをミラーしてください")
            }
            (Truth::OneWay, Lang::En) => {
                format!("one direction only: {met} of {of} TCP conversations; mirror what is sent and what is received")
            }
            (Truth::OneWay, Lang::Ja) => {
                format!("片方向しか見えていません: TCP通信{of}のうち{met}。送信と受信の両方をミラーしてください")
            }
            (Truth::ChecksumOffload, Lang::En) => {
                format!(
                    "checksums left to the network card: {met} of {of} checked; captured on a machine that sends. Nothing is judged by it"
                )
            }
            (Truth::ChecksumOffload, Lang::Ja) => {
                format!(
                    "チェックサムがネットワークカード任せです: 調べた{of}のうち{met}。送信する機器の上で取った記録です。判断には使いません"
                )
            }
            (Truth::SuperPackets, Lang::En) => format!("merged segments or jumbo frames: {met} of {of} packets"),
            (Truth::SuperPackets, Lang::Ja) => format!("結合されたパケットまたはジャンボフレーム: {of}のうち{met}"),
            (Truth::VlanStripped, Lang::En) => {
                format!("VLAN tags taken out by the card, read from beside the frame: {met} of {of} packets")
            }
            (Truth::VlanStripped, Lang::Ja) => format!("VLANタグがカードで外されています（別途読み取り済み）: {of}のうち{met}"),
            (Truth::Cut, Lang::En) => format!("frames cut short: {met} of {of} packets; capture whole frames"),
            (Truth::Cut, Lang::Ja) => format!("途中で切れたパケット: {of}のうち{met}。全長で記録してください"),
        }
    };
    s.counters.told(packets).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truth_has_words_in_both_languages() {
        let all = Truths {
            looked: 100,
            duplicates: 50,
            routed_twice: 50,
            one_way: 50,
            checksums_looked: 9,
            checksums_offloaded: 9,
            super_packets: 1,
            vlan_stripped: 1,
            cut: 1,
            ..Truths::default()
        };
        let s = MirrorSummary::new(all, 100);
        assert_eq!(s.told.len(), Truth::ALL.len());
        for lang in Lang::ALL {
            assert_eq!(lines(&s, 100, lang).len(), Truth::ALL.len());
        }
        assert!(lines(&MirrorSummary::default(), 100, Lang::Ja).is_empty());
    }
}
