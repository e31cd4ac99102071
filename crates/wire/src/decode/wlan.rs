//! IEEE 802.11 frames, with or without a radiotap header. Management frames are handed on with their addresses; data frames that are not
//! encrypted are read on.

use super::{Damage, Frame, Net, be32, link, mac, rest};
use crate::facts::{FrameFacts, Radio};
use model::Mac;

/// Radiotap (radiotap.org): length, then fields by a chain of bitmaps, each aligned to its own size from the start of the header. Of the
/// fields the first six are of use: time, flags, rate, channel, hopping, signal.
pub(super) fn radiotap<'a>(data: &'a [u8], facts: &mut FrameFacts) -> Result<Frame<'a>, Damage> {
    let &[_, _, l0, l1, p0, p1, p2, p3, ..] = data else { return Err(Damage) };
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    let present = u32::from_le_bytes([p0, p1, p2, p3]);
    let mut at = 8usize;
    let mut more = present;
    // Further bitmaps stand before the fields.
    while more & 0x8000_0000 != 0 {
        more = be32(data, at)?.swap_bytes();
        at += 4;
        if at > length {
            return Err(Damage);
        }
    }
    let header = data.get(..length).ok_or(Damage)?;
    let mut radio = Radio::default();
    let mut flags = 0;
    if present & 1 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    if present & 1 << 1 != 0 {
        flags = *header.get(at).ok_or(Damage)?;
        at += 1;
    }
    if present & 1 << 2 != 0 {
        at += 1;
    }
    if present & 1 << 3 != 0 {
        at = at.next_multiple_of(2);
        radio.channel = header.get(at..at + 2).and_then(|b| b.try_into().ok()).and_then(|b| channel(u16::from_le_bytes(b)));
        at += 4;
    }
    if present & 1 << 4 != 0 {
        at += 2;
    }
    if present & 1 << 5 != 0 {
        radio.signal = header.get(at).map(|b| *b as i8);
    }
    facts.radio = Some(radio);
    let mut body = rest(data, length)?;
    if flags & 0x10 != 0 {
        // The frame check sequence is at the end.
        body = body.get(..body.len().saturating_sub(4)).ok_or(Damage)?;
    }
    frame(body, flags & 0x20 != 0, facts)
}

/// The number of the channel at this frequency in MHz (IEEE 802.11-2020, annex E).
fn channel(mhz: u16) -> Option<u16> {
    match mhz {
        2484 => Some(14),
        2412..=2472 => Some((mhz - 2407) / 5),
        5005..=5900 => Some((mhz - 5000) / 5),
        5955..=7115 => Some((mhz - 5950) / 5),
        _ => None,
    }
}

/// IEEE 802.11-2020, 9.2.
pub(super) fn frame<'a>(data: &'a [u8], padded: bool, facts: &mut FrameFacts) -> Result<Frame<'a>, Damage> {
    let &[control, flags, ..] = data else { return Err(Damage) };
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    let (to_ds, from_ds) = (flags & 1 != 0, flags & 2 != 0);
    let nothing = |src, dst| Frame { src, dst, vlan: 0, net: Net::Nothing };
    let first = mac(data, 4)?;
    match kind {
        // Control frames name stations of the radio, not senders and receivers.
        1 => Ok(nothing(None, None)),
        0 => {
            let source = mac(data, 10)?;
            facts.macs.push(first);
            facts.macs.push(source);
            cell(facts, mac(data, 16).ok());
            // A control field for high throughput may stand between header and body.
            let header = if flags & 0x80 != 0 { 28 } else { 24 };
            let net = data.get(header..).map_or(Net::Nothing, |body| Net::Management { subtype, body, sealed: flags & 0x40 != 0 });
            Ok(Frame { src: Some(source), dst: Some(first), vlan: 0, net })
        }
        2 => {
            let (second, third) = (mac(data, 10)?, mac(data, 16)?);
            let mut header = 24;
            let (dst, src, bssid) = match (to_ds, from_ds) {
                (false, false) => (first, second, Some(third)),
                (true, false) => (third, second, Some(first)),
                (false, true) => (first, third, Some(second)),
                (true, true) => {
                    header = 30;
                    (third, mac(data, 24)?, None)
                }
            };
            // The address of the radio cell is no sender's and no receiver's.
            facts.macs.push(dst);
            facts.macs.push(src);
            cell(facts, bssid);
            let qos = subtype & 8 != 0;
            let mut aggregate = false;
            if qos {
                aggregate = data.get(header).is_some_and(|b| b & 0x80 != 0);
                header += 2;
                if flags & 0x80 != 0 {
                    header += 4;
                }
            }
            if padded {
                header = header.next_multiple_of(4);
            }
            // Subtypes with bit 2 carry no data; protected frames cannot be read; aggregates are not taken apart.
            if subtype & 4 != 0 || flags & 0x40 != 0 || aggregate {
                return Ok(nothing(Some(src), Some(dst)));
            }
            let net = link::llc(rest(data, header)?, facts)?;
            Ok(Frame { src: Some(src), dst: Some(dst), vlan: 0, net })
        }
        _ => Ok(nothing(None, None)),
    }
}

fn cell(facts: &mut FrameFacts, bssid: Option<Mac>) {
    let radio = facts.radio.get_or_insert_default();
    radio.bssid = bssid;
}
