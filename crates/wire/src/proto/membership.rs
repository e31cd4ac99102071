//! Who listens to which multicast group: IGMP (RFC 1112, RFC 2236, RFC 3376) and MLD (RFC 2710, RFC 3810).

use super::{be16, ip4};
use model::activity::{Membership, MembershipKind};
use std::net::{IpAddr, Ipv6Addr};

/// Groups kept of one message.
pub const MAX_GROUPS: usize = 32;

/// Reads an IGMP message into `out`. False for other types (DVMRP, PIM version 1) and what is cut.
pub fn igmp(data: &[u8], out: &mut Membership) -> bool {
    let &[kind, delay, _, _, ref body @ ..] = data else { return false };
    let Some(group) = ip4(body, 0) else { return false };
    let one = (!group.is_unspecified()).then_some(IpAddr::V4(group));
    match kind {
        // A query of version 3 is at least 12 bytes long (RFC 3376, 7.1).
        0x11 => set(
            out,
            if data.len() >= 12 {
                3
            } else if delay == 0 {
                1
            } else {
                2
            },
            MembershipKind::Query,
            one,
        ),
        0x12 => set(out, 1, MembershipKind::Report, one),
        0x16 => set(out, 2, MembershipKind::Report, one),
        0x17 => set(out, 2, MembershipKind::Leave, one),
        0x22 => return records(data, 3, 4, out),
        _ => return false,
    }
    true
}

/// Reads an ICMPv6 message of type 130, 131, 132 or 143 into `out`. False for others and what is cut.
pub fn mld(data: &[u8], out: &mut Membership) -> bool {
    let Some(&kind) = data.first() else { return false };
    if kind == 143 {
        return records(data, 2, 16, out);
    }
    let Some(IpAddr::V6(group)) = address(data, 8, 16) else { return false };
    let one = (!group.is_unspecified()).then_some(IpAddr::V6(group));
    match kind {
        130 => set(out, if data.len() >= 28 { 2 } else { 1 }, MembershipKind::Query, one),
        131 => set(out, 1, MembershipKind::Report, one),
        132 => set(out, 1, MembershipKind::Leave, one),
        _ => return false,
    }
    true
}

fn set(out: &mut Membership, version: u8, kind: MembershipKind, group: Option<IpAddr>) {
    (out.version, out.kind) = (version, kind);
    out.groups.clear();
    out.groups.extend(group);
}

/// Group records (RFC 3376, 4.2; RFC 3810, 5.2): sort, length of extra data, number of sources, group, sources, extra data. A station that now
/// includes no source has left the group.
fn records(data: &[u8], version: u8, size: usize, out: &mut Membership) -> bool {
    let Some(count) = be16(data, 6) else { return false };
    set(out, version, MembershipKind::Report, None);
    let (mut left, mut read, mut leaves) = (data.get(8..).unwrap_or_default(), 0u16, 0u16);
    while read < count
        && let (Some(&[sort, extra]), Some(sources), Some(group)) = (left.get(..2), be16(left, 2), address(left, 4, size))
    {
        read += 1;
        leaves += u16::from(sources == 0 && matches!(sort, 1 | 3));
        if out.groups.len() < MAX_GROUPS && !out.groups.contains(&group) {
            out.groups.push(group);
        }
        left = left.get(4 + size + usize::from(sources) * size + usize::from(extra) * 4..).unwrap_or_default();
    }
    if read > 0 && leaves == read {
        out.kind = MembershipKind::Leave;
    }
    read > 0 || count == 0
}

fn address(bytes: &[u8], at: usize, size: usize) -> Option<IpAddr> {
    if size == 4 {
        return ip4(bytes, at).map(IpAddr::V4);
    }
    let octets: [u8; 16] = bytes.get(at..at.checked_add(16)?)?.try_into().ok()?;
    Some(IpAddr::V6(Ipv6Addr::from(octets)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(data: &[u8]) -> Option<(u8, MembershipKind, Vec<String>)> {
        let mut m = Membership::default();
        igmp(data, &mut m).then(|| (m.version, m.kind, m.groups.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn the_three_versions_of_igmp_are_told_apart() {
        use MembershipKind::{Leave, Query, Report};
        assert_eq!(read(&[0x11, 0, 0, 0, 0, 0, 0, 0]), Some((1, Query, vec![])));
        assert_eq!(read(&[0x11, 100, 0, 0, 239, 1, 2, 3]), Some((2, Query, vec!["239.1.2.3".into()])));
        assert_eq!(read(&[0x11, 100, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0]), Some((3, Query, vec![])));
        assert_eq!(read(&[0x16, 0, 0, 0, 239, 1, 2, 3]), Some((2, Report, vec!["239.1.2.3".into()])));
        assert_eq!(read(&[0x17, 0, 0, 0, 239, 1, 2, 3]), Some((2, Leave, vec!["239.1.2.3".into()])));
        let joins = [0x22, 0, 0, 0, 0, 0, 0, 2, 4, 1, 0, 1, 239, 0, 0, 1, 10, 0, 0, 1, 9, 9, 9, 9, 2, 0, 0, 0, 239, 0, 0, 2];
        assert_eq!(read(&joins), Some((3, Report, vec!["239.0.0.1".into(), "239.0.0.2".into()])));
        assert_eq!(read(&[0x22, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 239, 0, 0, 1]), Some((3, Leave, vec!["239.0.0.1".into()])));
        assert_eq!(read(&[0x13, 0, 0, 0, 0, 0, 0, 0]), None);
        for cut in 0..16 {
            assert_eq!(read(&joins[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn both_versions_of_mld_are_told_apart() {
        let group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb];
        let mut m = Membership::default();
        assert!(mld(&[&[131, 0, 0, 0, 0, 0, 0, 0][..], &group].concat(), &mut m));
        assert_eq!((m.version, m.kind, m.groups.len()), (1, MembershipKind::Report, 1));
        assert!(mld(&[&[143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0][..], &group].concat(), &mut m));
        assert_eq!((m.version, m.kind, m.groups[0].to_string().as_str()), (2, MembershipKind::Report, "ff02::fb"));
        assert!(mld(&[&[130, 0, 0, 0, 0, 0, 0, 0][..], &[0; 20]].concat(), &mut m));
        assert_eq!((m.version, m.kind, m.groups.len()), (2, MembershipKind::Query, 0));
        assert!(!mld(&[130, 0, 0, 0, 0, 0, 0, 0, 1], &mut m) && !mld(&[], &mut m));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut m = Membership::default();
            igmp(&bytes, &mut m);
            mld(&bytes, &mut m);
            igmp(&[&[0x22], bytes.as_slice()].concat(), &mut m);
            mld(&[&[143], bytes.as_slice()].concat(), &mut m);
            prop_assert!(m.groups.len() <= MAX_GROUPS);
        }
    }
}
