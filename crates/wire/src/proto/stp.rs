//! Spanning tree: bridge protocol data units of IEEE 802.1D-2004 (clause 9.3), 802.1Q (clause 14, MSTP) and Cisco's PVST+.

use super::{be16, be32};
use model::Mac;
use model::activity::SpanningTree;

/// Reads what follows the LLC header into `out`. `pvst` where it came under Cisco's SNAP number, with its VLAN behind it. False where it is no
/// bridge protocol data unit or is cut.
pub fn parse(data: &[u8], pvst: bool, out: &mut SpanningTree) -> bool {
    *out = SpanningTree::default();
    let &[0, 0, version, bpdu, ref body @ ..] = data else { return false };
    (out.version, out.bpdu) = (version, bpdu);
    match bpdu {
        // A topology change notification says nothing more.
        0x80 => {
            out.topology_change = true;
            true
        }
        0x00 | 0x02 => {
            let read = || {
                let flags = *body.first()?;
                let (root_priority, root) = (be16(body, 1)?, mac(body, 3)?);
                let (cost, bridge_priority, bridge, port) = (be32(body, 9)?, be16(body, 13)?, mac(body, 15)?, be16(body, 21)?);
                Some((flags, root_priority, root, cost, bridge_priority, bridge, port))
            };
            let Some((flags, root_priority, root, cost, bridge_priority, bridge, port)) = read() else { return false };
            out.topology_change = flags & 1 != 0;
            (out.root_priority, out.root, out.cost, out.port) = (root_priority, Some(root), cost, port);
            (out.bridge_priority, out.bridge) = (bridge_priority, Some(bridge));
            // With MSTP the place of the bridge names the regional root; the bridge itself stands further on (IEEE 802.1Q, 14.2).
            if version >= 3
                && let (Some(priority), Some(bridge)) = (be16(data, 93), mac(data, 95))
            {
                (out.bridge_priority, out.bridge) = (priority, Some(bridge));
            }
            if pvst && be16(data, 36) == Some(0) && be16(data, 38) == Some(2) {
                out.vlan = be16(data, 40).map(|v| v & 0x0fff);
            }
            true
        }
        _ => false,
    }
}

fn mac(bytes: &[u8], at: usize) -> Option<Mac> {
    Some(Mac(bytes.get(at..at.checked_add(6)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rapid() -> Vec<u8> {
        let mut b = vec![0, 0, 2, 2, 0x3d, 0x80, 0x0a, 2, 0, 0, 0, 0, 1, 0, 0, 0x4e, 0x20, 0x80, 0x0a, 2, 0, 0, 0, 0, 2, 0x80, 0x05];
        b.extend([0, 1, 0, 20, 0, 2, 0, 15, 0]);
        b
    }

    #[test]
    fn root_bridge_cost_and_port_are_read() {
        let mut s = SpanningTree::default();
        assert!(parse(&rapid(), false, &mut s));
        assert_eq!((s.version, s.bpdu, s.root_priority, s.cost, s.port), (2, 2, 0x800a, 20_000, 0x8005));
        assert_eq!((s.root, s.bridge, s.topology_change), (Some(Mac([2, 0, 0, 0, 0, 1])), Some(Mac([2, 0, 0, 0, 0, 2])), true));
    }

    #[test]
    fn the_vlan_of_pvst_is_read_and_notifications_are_short() {
        let mut s = SpanningTree::default();
        let pvst = [rapid(), vec![0, 0, 0, 2, 0, 100]].concat();
        assert!(parse(&pvst, true, &mut s));
        assert_eq!(s.vlan, Some(100));
        assert!(parse(&pvst, false, &mut s));
        assert_eq!(s.vlan, None);
        assert!(parse(&[0, 0, 0, 0x80], false, &mut s));
        assert_eq!(s, SpanningTree { bpdu: 0x80, topology_change: true, ..SpanningTree::default() });
    }

    #[test]
    fn every_cut_is_refused_and_survived() {
        let mut s = SpanningTree::default();
        let whole = rapid();
        for cut in 0..27 {
            assert!(!parse(&whole[..cut], true, &mut s), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..120), pvst in any::<bool>()) {
            parse(&bytes, pvst, &mut SpanningTree::default());
            parse(&[&[0, 0, 3, 2], bytes.as_slice()].concat(), pvst, &mut SpanningTree::default());
        }
    }
}
