//! IEEE 802.11 management frames (IEEE 802.11-2020, 9.3.3) and the four-way handshake (12.7.2): which networks there are, how they protect
//! themselves, who joins, who is sent away.

use super::be16;
use super::text;
use model::activity::{Wlan, WlanKind, WlanSecurity};

/// Bytes of a network name as text: 32 bytes, each of them escaped at worst.
pub const MAX_SSID: usize = 128;

/// Reads frames into one act that is used again. The addresses and the radio's own words (channel, signal) are the caller's to fill in
/// afterwards.
#[derive(Default)]
pub struct Reader {
    /// What was read last.
    pub act: Wlan,
    spare: String,
}

impl Reader {
    fn clear(&mut self, kind: WlanKind) {
        if let Some(ssid) = self.act.ssid.take() {
            self.spare = ssid;
        }
        let spare = Wlan { kind, ..Wlan::default() };
        self.act = spare;
    }

    /// Reads the body of a management frame with this subtype. `sealed` where it is encrypted (IEEE 802.11w), so that only the addresses
    /// speak. False for subtypes that are not told (actions, timing, acknowledgements) and for bodies that are cut before their fixed part.
    pub fn management(&mut self, subtype: u8, body: &[u8], sealed: bool) -> bool {
        // Where the elements begin; none in frames that end the relation.
        let (kind, elements) = match subtype {
            0 => (WlanKind::Association, 4),
            1 | 3 => (WlanKind::Association, 6),
            2 => (WlanKind::Association, 10),
            4 => (WlanKind::ProbeRequest, 0),
            5 => (WlanKind::ProbeResponse, 12),
            8 => (WlanKind::Beacon, 12),
            10 => (WlanKind::Disassociation, usize::MAX),
            11 => (WlanKind::Authentication, usize::MAX),
            12 => (WlanKind::Deauthentication, usize::MAX),
            _ => return false,
        };
        self.clear(kind);
        if sealed {
            return matches!(subtype, 10 | 12);
        }
        let word = |at: usize| body.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes);
        match subtype {
            10 | 12 => {
                self.act.code = word(0);
                return self.act.code.is_some();
            }
            // Algorithm, number of the step, status.
            11 => {
                self.act.code = word(4);
                return self.act.code.is_some();
            }
            1 | 3 => self.act.code = word(2),
            _ => {}
        }
        let Some(elements) = body.get(elements..) else { return false };
        let private = match subtype {
            5 | 8 => word(10).is_some_and(|capabilities| capabilities & 0x10 != 0),
            _ => false,
        };
        self.elements(elements, private, matches!(subtype, 5 | 8));
        true
    }

    /// Elements: number, length, value. What follows a damaged one is left out.
    fn elements(&mut self, mut left: &[u8], private: bool, announces: bool) {
        let (mut rsn, mut wpa) = (None, None);
        while let &[number, length, ref rest @ ..] = left {
            let Some(value) = rest.get(..usize::from(length)) else { break };
            left = rest.get(usize::from(length)..).unwrap_or_default();
            match number {
                // A hidden name is empty or zeros.
                0 if self.act.ssid.is_none() && value.len() <= 32 && value.iter().any(|b| *b != 0) => {
                    let mut ssid = std::mem::take(&mut self.spare);
                    text::set(&mut ssid, value, MAX_SSID);
                    self.act.ssid = Some(ssid);
                }
                // Parameter set of the channel, and of high throughput.
                3 | 61 => self.act.channel = self.act.channel.or(value.first().map(|c| u16::from(*c))),
                48 => rsn = rsn.or(Some(value)),
                221 => {
                    if let Some(value) = value.strip_prefix(&[0x00, 0x50, 0xf2, 0x01]) {
                        wpa = wpa.or(Some(value));
                    }
                }
                _ => {}
            }
        }
        let keys = Keys::of(rsn, [0x00, 0x0f, 0xac]).and(Keys::of(wpa, [0x00, 0x50, 0xf2]));
        self.act.security = match (rsn.is_some(), wpa.is_some()) {
            (false, false) if !announces => WlanSecurity::Unknown,
            (false, false) if private => WlanSecurity::Wep,
            (false, false) => WlanSecurity::Open,
            _ if keys.enterprise => WlanSecurity::Enterprise,
            // The weakest way in counts: who can break that one is in.
            (_, true) => WlanSecurity::Wpa,
            _ if keys.tkip_only => WlanSecurity::Wpa,
            _ if keys.shared => WlanSecurity::Wpa2,
            _ if keys.sae => WlanSecurity::Wpa3,
            _ if keys.owe => WlanSecurity::Owe,
            _ => WlanSecurity::Unknown,
        };
    }

    /// Reads an EAPOL frame (IEEE 802.1X-2020, 11.3). False where it is no message of the key exchange.
    pub fn key_exchange(&mut self, data: &[u8]) -> bool {
        let &[_, 3, _, _, descriptor, i0, i1, ..] = data else { return false };
        if !matches!(descriptor, 2 | 254) {
            return false;
        }
        // IEEE 802.11-2020, 12.7.2: bit 3 pairwise, 6 install, 7 acknowledge, 8 integrity code present, 9 secure.
        let info = u16::from_be_bytes([i0, i1]);
        let (pairwise, ack, mic, secure) = (info & 1 << 3 != 0, info & 1 << 7 != 0, info & 1 << 8 != 0, info & 1 << 9 != 0);
        // Where older stations do not set `secure` in the last message, only its empty key data tells it from the second.
        let keyless = be16(data, 97) == Some(0);
        self.clear(WlanKind::KeyExchange);
        self.act.message = match (pairwise, ack, mic) {
            (true, true, false) => Some(1),
            (true, true, true) => Some(3),
            (true, false, true) if secure || keyless => Some(4),
            (true, false, true) => Some(2),
            _ => None,
        };
        true
    }
}

/// What the key management part of an element allows.
#[derive(Clone, Copy, Default)]
struct Keys {
    enterprise: bool,
    shared: bool,
    sae: bool,
    owe: bool,
    tkip_only: bool,
}

impl Keys {
    fn and(self, other: Keys) -> Keys {
        Keys {
            enterprise: self.enterprise || other.enterprise,
            shared: self.shared || other.shared,
            sae: self.sae,
            owe: self.owe,
            tkip_only: self.tkip_only,
        }
    }

    /// Version, group cipher, pairwise ciphers, key management (9.4.2.24); what is missing at the end stands for the default, which names
    /// 802.1X.
    fn of(element: Option<&[u8]>, ours: [u8; 3]) -> Keys {
        let Some(element) = element else { return Keys::default() };
        let mut at = 6;
        let mut suites = || -> Option<&[u8]> {
            let count = usize::from(u16::from_le_bytes(element.get(at..at + 2)?.try_into().ok()?));
            let list = element.get(at + 2..(at + 2).checked_add(count.checked_mul(4)?)?)?;
            at += 2 + list.len();
            Some(list)
        };
        let pairwise = suites().unwrap_or_default();
        let management = suites().unwrap_or_default();
        let mut keys = Keys {
            tkip_only: !pairwise.is_empty() && pairwise.chunks_exact(4).all(|s| s.starts_with(&ours) && s.get(3) == Some(&2)),
            ..Keys::default()
        };
        for suite in management.chunks_exact(4).filter(|s| s.starts_with(&ours)) {
            match suite.get(3) {
                Some(1 | 3 | 5 | 11 | 12 | 13) => keys.enterprise = true,
                Some(2 | 4 | 6) => keys.shared = true,
                Some(8 | 9 | 24 | 25) => keys.sae = true,
                Some(18) => keys.owe = true,
                _ => {}
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rsn(pairwise: u8, management: &[u8]) -> Vec<u8> {
        let mut v = vec![1, 0, 0, 0x0f, 0xac, pairwise, 1, 0, 0, 0x0f, 0xac, pairwise, management.len() as u8, 0];
        for m in management {
            v.extend([0, 0x0f, 0xac, *m]);
        }
        v.extend([0, 0]);
        [vec![48, v.len() as u8], v].concat()
    }
    fn beacon(private: bool, extra: &[u8]) -> Vec<u8> {
        let mut b = vec![0; 10];
        b.extend([if private { 0x11 } else { 1 }, 4]);
        b.extend(b"\x00\x07factory\x01\x02\x82\x84\x03\x01\x06");
        b.extend(extra);
        b
    }

    #[test]
    fn a_network_says_its_name_channel_and_protection() {
        let wpa = [221, 22, 0, 0x50, 0xf2, 1, 1, 0, 0, 0x50, 0xf2, 2, 1, 0, 0, 0x50, 0xf2, 2, 1, 0, 0, 0x50, 0xf2, 2];
        let mut r = Reader::default();
        let cases: [(bool, Vec<u8>, WlanSecurity); 9] = [
            (false, vec![], WlanSecurity::Open),
            (true, vec![], WlanSecurity::Wep),
            (true, wpa.to_vec(), WlanSecurity::Wpa),
            (true, rsn(4, &[2]), WlanSecurity::Wpa2),
            (true, rsn(2, &[2]), WlanSecurity::Wpa),
            (true, rsn(4, &[8]), WlanSecurity::Wpa3),
            (true, rsn(4, &[8, 2]), WlanSecurity::Wpa2),
            (true, rsn(4, &[1]), WlanSecurity::Enterprise),
            (true, rsn(4, &[18]), WlanSecurity::Owe),
        ];
        for (private, extra, security) in cases {
            assert!(r.management(8, &beacon(private, &extra), false));
            assert_eq!((r.act.security, r.act.channel, r.act.ssid.as_deref()), (security, Some(6), Some("factory")));
        }
        assert!(r.management(4, b"\x00\x00\x01\x01\x82", false));
        assert_eq!(r.act, Wlan { kind: WlanKind::ProbeRequest, ..Wlan::default() });
    }

    #[test]
    fn reasons_and_results_are_read_and_sealed_frames_have_none() {
        let mut r = Reader::default();
        assert!(r.management(12, &[7, 0], false) && r.act.code == Some(7) && r.act.kind == WlanKind::Deauthentication);
        assert!(r.management(12, &[0xaa, 0x55, 3], true) && r.act.code.is_none());
        assert!(r.management(11, &[3, 0, 2, 0, 15, 0], false) && r.act.code == Some(15));
        assert!(r.management(1, &[1, 0, 17, 0, 0, 0], false) && r.act.code == Some(17));
        assert!(!r.management(13, &[7, 0, 1, 1], false) && !r.management(12, &[7], false) && !r.management(8, &[0; 11], false));
    }

    #[test]
    fn the_four_messages_are_told_apart() {
        let message = |info: u16, data: u16| {
            let mut m = vec![2, 3, 0, 95, 2];
            m.extend(info.to_be_bytes());
            m.resize(97, 0);
            m.extend(data.to_be_bytes());
            m
        };
        let mut r = Reader::default();
        for (info, data, number) in [(0x008a, 0, 1), (0x010a, 22, 2), (0x13ca, 56, 3), (0x030a, 0, 4), (0x0109 | 8, 0, 4)] {
            assert!(r.key_exchange(&message(info, data)));
            assert_eq!((r.act.kind, r.act.message), (WlanKind::KeyExchange, Some(number)));
        }
        assert!(!r.key_exchange(&[1, 0, 0, 4, 2, 0, 0]) && !r.key_exchange(&[2, 3, 0, 95, 2]));
    }

    #[test]
    fn every_cut_is_survived() {
        let (mut r, whole) = (Reader::default(), beacon(true, &rsn(4, &[2, 8])));
        for cut in 0..whole.len() {
            assert_eq!(r.management(8, &whole[..cut], false), cut >= 12, "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(subtype in 0u8..16, sealed in any::<bool>(), bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut r = Reader::default();
            r.management(subtype, &bytes, sealed);
            r.key_exchange(&bytes);
            r.management(8, &beacon(true, &bytes), false);
            prop_assert!(r.act.ssid.is_none_or(|s| s.len() <= MAX_SSID));
        }
    }
}
