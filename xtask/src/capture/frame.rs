//! Frames from the link up, with correct lengths and checksums.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Six bytes of a hardware address.
pub type Mac = [u8; 6];

/// FIN, SYN, RST, PSH, ACK (RFC 9293, 3.1).
pub const FIN: u8 = 1;
/// Synchronise.
pub const SYN: u8 = 2;
/// Reset.
pub const RST: u8 = 4;
/// Push.
pub const PSH: u8 = 8;
/// Acknowledge.
pub const ACK: u8 = 16;

/// Ethernet II.
pub fn ether(dst: Mac, src: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut f = Vec::with_capacity(14 + payload.len());
    f.extend_from_slice(&dst);
    f.extend_from_slice(&src);
    f.extend_from_slice(&ethertype.to_be_bytes());
    f.extend_from_slice(payload);
    f
}

/// The Internet checksum (RFC 1071) of several pieces, each of even length but the last.
pub fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for p in pieces {
        let (pairs, rest) = p.as_chunks::<2>();
        for b in pairs {
            sum += u64::from(u16::from_be_bytes(*b));
        }
        if let [last] = rest {
            sum += u64::from(*last) << 8;
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// IPv4 in Ethernet. `id` is the identification field.
pub fn ipv4(macs: (Mac, Mac), src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, ttl: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut h = [0u8; 20];
    h[0] = 0x45;
    h[2..4].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    h[4..6].copy_from_slice(&id.to_be_bytes());
    h[6] = 0x40;
    h[8] = ttl;
    h[9] = protocol;
    h[12..16].copy_from_slice(&src.octets());
    h[16..20].copy_from_slice(&dst.octets());
    let sum = checksum(&[&h]);
    h[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut packet = Vec::with_capacity(34 + payload.len());
    packet.extend_from_slice(&h);
    packet.extend_from_slice(payload);
    ether(macs.1, macs.0, 0x0800, &packet)
}

fn pseudo(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, len: usize) -> [u8; 12] {
    let mut p = [0u8; 12];
    p[..4].copy_from_slice(&src.octets());
    p[4..8].copy_from_slice(&dst.octets());
    p[9] = protocol;
    p[10..].copy_from_slice(&(len as u16).to_be_bytes());
    p
}

/// A UDP datagram with its checksum.
pub fn udp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len();
    let mut d = Vec::with_capacity(len);
    d.extend_from_slice(&src.1.to_be_bytes());
    d.extend_from_slice(&dst.1.to_be_bytes());
    d.extend_from_slice(&(len as u16).to_be_bytes());
    d.extend_from_slice(&[0, 0]);
    d.extend_from_slice(payload);
    let sum = checksum(&[&pseudo(src.0, dst.0, 17, len), &d]);
    let sum = if sum == 0 { 0xffff } else { sum };
    d[6..8].copy_from_slice(&sum.to_be_bytes());
    d
}

/// A TCP segment with its checksum. A SYN carries MSS, SACK-permitted and window scale.
pub fn tcp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let options: &[u8] = if flags & SYN != 0 { &[2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7, 0, 0] } else { &[] };
    let header = 20 + options.len();
    let mut s = Vec::with_capacity(header + payload.len());
    s.extend_from_slice(&src.1.to_be_bytes());
    s.extend_from_slice(&dst.1.to_be_bytes());
    s.extend_from_slice(&seq.to_be_bytes());
    s.extend_from_slice(&ack.to_be_bytes());
    s.push((header as u8 / 4) << 4);
    s.push(flags);
    s.extend_from_slice(&64_240u16.to_be_bytes());
    s.extend_from_slice(&[0, 0, 0, 0]);
    s.extend_from_slice(options);
    s.extend_from_slice(payload);
    let sum = checksum(&[&pseudo(src.0, dst.0, 6, s.len()), &s]);
    s[16..18].copy_from_slice(&sum.to_be_bytes());
    s
}

/// IPv6 in Ethernet (RFC 8200).
pub fn ipv6(macs: (Mac, Mac), src: Ipv6Addr, dst: Ipv6Addr, next: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let mut p = vec![0x60, 0, 0, 0];
    p.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    p.extend_from_slice(&[next, hops]);
    p.extend_from_slice(&src.octets());
    p.extend_from_slice(&dst.octets());
    p.extend_from_slice(payload);
    ether(macs.1, macs.0, 0x86dd, &p)
}

/// An ICMPv6 message with its checksum (RFC 4443, 2.3). `message` begins with type and code, its checksum is filled in.
pub fn icmpv6(src: Ipv6Addr, dst: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let mut pseudo = [src.octets(), dst.octets()].concat();
    pseudo.extend_from_slice(&(message.len() as u32).to_be_bytes());
    pseudo.extend_from_slice(&[0, 0, 0, 58]);
    message[2..4].fill(0);
    let sum = checksum(&[&pseudo, &message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// The same frame with an IEEE 802.1Q tag.
pub fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    [addresses, &[0x81, 0x00], &vlan.to_be_bytes(), rest].concat()
}

/// An ARP frame (RFC 826).
pub fn arp(link: (Mac, Mac), operation: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut a = vec![0, 1, 8, 0, 6, 4];
    a.extend_from_slice(&operation.to_be_bytes());
    a.extend_from_slice(&sender.0);
    a.extend_from_slice(&sender.1.octets());
    a.extend_from_slice(&target.0);
    a.extend_from_slice(&target.1.octets());
    ether(link.1, link.0, 0x0806, &a)
}
