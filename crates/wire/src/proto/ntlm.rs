//! NTLM (MS-NLMP): who logs in, from where, and what the server tells of itself before anybody has logged in.
//!
//! The three messages ride inside SMB, HTTP, LDAP, RDP and others, mostly wrapped into SPNEGO (RFC 4178), whose wrapping is not read: the
//! signature is searched ([`find`]). The answers to the challenge are looked at for their length only; nothing of them is kept, since
//! passwords can be guessed from them offline.

use super::text;
use model::activity::Ntlm;

/// What every message begins with.
const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
/// Bytes kept of each name.
pub const MAX_NAME: usize = 128;
/// Attribute-value pairs of a challenge that are read.
const MAX_PAIRS: usize = 16;

const UNICODE: u32 = 0x0000_0001;
const ANONYMOUS: u32 = 0x0000_0800;
const VERSION: u32 = 0x0200_0000;

/// Which of the three messages it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The client begins.
    Negotiate,
    /// The server names itself and asks.
    Challenge,
    /// The client says who it is.
    Authenticate,
}

/// Where a message begins in a wrapping of any kind, of which the first 4 KiB are searched.
pub fn find(blob: &[u8]) -> Option<&[u8]> {
    let window = blob.get(..4096).unwrap_or(blob);
    let at = window.windows(SIGNATURE.len()).position(|w| w == SIGNATURE)?;
    blob.get(at..)
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}
fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The bytes that the length and offset at `at` point to.
fn field(message: &[u8], at: usize) -> Option<&[u8]> {
    let (length, offset) = (usize::from(le16(message, at)?), usize::try_from(le32(message, at.checked_add(4)?)?).ok()?);
    message.get(offset..offset.checked_add(length)?)
}

fn name(out: &mut String, bytes: Option<&[u8]>, unicode: bool) {
    match bytes {
        Some(bytes) if unicode => text::set_utf16(out, bytes, MAX_NAME),
        Some(bytes) => text::set(out, bytes, MAX_NAME),
        None => out.clear(),
    }
}

/// Forgets everything, keeping the memory.
pub fn clear(out: &mut Ntlm) {
    let Ntlm { user, domain, host, server, server_dns, server_domain, server_version, version1, anonymous } = out;
    for s in [user, domain, host, server, server_dns, server_domain, server_version] {
        s.clear();
    }
    (*version1, *anonymous) = (false, false);
}

/// Reads a message that begins with the signature. What it tells is written over what `out` held; what it does not tell stays, so that one
/// `out` gathers the whole exchange. `None` where it is no such message.
pub fn read(message: &[u8], out: &mut Ntlm) -> Option<Message> {
    let rest = message.strip_prefix(SIGNATURE)?;
    match le32(rest, 0)? {
        1 => Some(Message::Negotiate),
        2 => {
            challenge(message, out)?;
            Some(Message::Challenge)
        }
        3 => {
            authenticate(message, out)?;
            Some(Message::Authenticate)
        }
        _ => None,
    }
}

fn challenge(message: &[u8], out: &mut Ntlm) -> Option<()> {
    let flags = le32(message, 20)?;
    if flags & VERSION != 0
        && let (Some(&major), Some(&minor), Some(build)) = (message.get(48), message.get(49), le16(message, 50))
    {
        use std::fmt::Write;
        out.server_version.clear();
        // Writing to a String cannot fail.
        let _ = write!(out.server_version, "{major}.{minor}.{build}");
    }
    let mut pairs = field(message, 40).unwrap_or_default();
    for _ in 0..MAX_PAIRS {
        let (Some(id), Some(length)) = (le16(pairs, 0), le16(pairs, 2)) else { break };
        let Some(value) = pairs.get(4..4 + usize::from(length)) else { break };
        match id {
            0 => break,
            1 => name(&mut out.server, Some(value), true),
            3 => name(&mut out.server_dns, Some(value), true),
            4 => name(&mut out.server_domain, Some(value), true),
            _ => {}
        }
        pairs = pairs.get(4 + usize::from(length)..).unwrap_or_default();
    }
    Some(())
}

fn authenticate(message: &[u8], out: &mut Ntlm) -> Option<()> {
    let (lm, nt) = (le16(message, 12)?, le16(message, 20)?);
    // Old clients leave out the flags; their first field then begins where these would stand.
    let flags = le32(message, 60).unwrap_or(UNICODE);
    let unicode = flags & UNICODE != 0;
    name(&mut out.domain, field(message, 28), unicode);
    name(&mut out.user, field(message, 36), unicode);
    name(&mut out.host, field(message, 44), unicode);
    // An NTLMv2 answer has 16 bytes of proof and at least 28 of what was proven; an NTLMv1 answer has 24 (MS-NLMP, 2.2.2.6 and 2.2.2.8).
    out.version1 = nt == 24 || (nt == 0 && lm == 24);
    out.anonymous = flags & ANONYMOUS != 0 || (nt == 0 && lm <= 1);
    Some(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn wide(s: &str) -> Vec<u8> {
        s.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// A message of type 3 with an answer of `nt` bytes.
    pub fn authenticate_message(domain: &str, user: &str, host: &str, nt: usize) -> Vec<u8> {
        let parts = [vec![0x4c; 24], vec![0x4e; nt], wide(domain), wide(user), wide(host), vec![]];
        let mut fields = Vec::new();
        let mut offset = 64u32;
        for part in &parts {
            let n = part.len() as u16;
            fields.extend([n.to_le_bytes(), n.to_le_bytes()].concat());
            fields.extend(offset.to_le_bytes());
            offset += u32::from(n);
        }
        [&SIGNATURE[..], &3u32.to_le_bytes(), &fields, &UNICODE.to_le_bytes(), &parts.concat()].concat()
    }

    pub fn challenge_message() -> Vec<u8> {
        let pair = |id: u16, s: &str| [&id.to_le_bytes()[..], &(wide(s).len() as u16).to_le_bytes(), &wide(s)].concat();
        let info = [pair(2, "DOM"), pair(1, "SRV"), pair(4, "dom.example"), pair(3, "srv.dom.example"), vec![0; 4]].concat();
        let n = info.len() as u16;
        [
            &SIGNATURE[..],
            &2u32.to_le_bytes(),
            &[0; 8],
            &(UNICODE | VERSION).to_le_bytes(),
            &[0xcc; 8],
            &[0; 8],
            &n.to_le_bytes(),
            &n.to_le_bytes(),
            &56u32.to_le_bytes(),
            &[10, 0, 0x63, 0x45, 0, 0, 0, 15],
            &info,
        ]
        .concat()
    }

    #[test]
    fn names_of_both_ends_are_read_and_no_answer_is() {
        let mut out = Ntlm::default();
        let wrapped = [&[0x60, 0x48, 6, 6][..], &challenge_message()].concat();
        assert_eq!(read(find(&wrapped).unwrap(), &mut out), Some(Message::Challenge));
        assert_eq!(read(&authenticate_message("工場", "tanaka", "PC-1", 200), &mut out), Some(Message::Authenticate));
        assert_eq!((out.server.as_str(), out.server_dns.as_str(), out.server_domain.as_str()), ("SRV", "srv.dom.example", "dom.example"));
        assert_eq!(out.server_version, "10.0.17763");
        assert_eq!((out.domain.as_str(), out.user.as_str(), out.host.as_str()), ("工場", "tanaka", "PC-1"));
        assert!(!out.version1 && !out.anonymous);
        let told = format!("{out:?}");
        assert!(!told.contains("NNNN") && !told.contains("LLLL"), "{told}");
    }

    #[test]
    fn the_broken_first_version_is_told_by_its_length() {
        let mut out = Ntlm::default();
        read(&authenticate_message("", "a", "", 24), &mut out).unwrap();
        assert!(out.version1);
        clear(&mut out);
        assert_eq!(out, Ntlm::default());
    }

    #[test]
    fn truncated_and_lying_messages_are_survived() {
        for whole in [challenge_message(), authenticate_message("d", "u", "h", 100)] {
            for n in 0..whole.len() {
                let mut out = Ntlm::default();
                let _ = read(&whole[..n], &mut out);
                let mut bent = whole.clone();
                bent[n] = 0xff;
                let _ = read(&bent, &mut out);
                assert!(out.user.len() <= MAX_NAME);
            }
        }
        assert_eq!(read(b"NTLMSSP\0\x09\0\0\0", &mut Ntlm::default()), None);
        assert_eq!(find(&[0; 10000]), None);
    }
}
