//! The container: a ZIP file of stored entries in one exact form. It can be opened by any program, and made again from names and contents,
//! so that no byte of it can differ unnoticed.

/// A file in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: std::borrow::Cow<'a, [u8]>,
}

/// CRC-32 of IEEE 802.3, as ZIP wants it.
fn crc32(bytes: &[u8]) -> u32 {
    static TABLE: std::sync::LazyLock<[u32; 256]> = std::sync::LazyLock::new(|| {
        std::array::from_fn(|i| (0..8).fold(i as u32, |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 }))
    });
    !bytes.iter().fold(!0u32, |c, b| TABLE.get(usize::from((c as u8) ^ b)).copied().unwrap_or(0) ^ (c >> 8))
}

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// What local header and directory have in common: needed version to length of the extra field.
fn common(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    for v in [20u16, 0x0800, 0, 0, 0x0021] {
        out.extend_from_slice(&v.to_le_bytes());
    }
    for v in [crc32(bytes), bytes.len() as u32, bytes.len() as u32] {
        out.extend_from_slice(&v.to_le_bytes());
    }
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(&0u16.to_le_bytes());
}

/// Writes the container. `None` where it would be larger than its form can say.
pub fn write(entries: &[Entry<'_>]) -> Option<Vec<u8>> {
    let total: usize = entries.iter().map(|e| e.bytes.len() + 2 * e.name.len() + 100).sum();
    if total > super::MAX_PACK || entries.len() > 60_000 || entries.iter().any(|e| e.name.len() > 1000) {
        return None;
    }
    let mut out = Vec::with_capacity(total);
    let mut directory = Vec::new();
    for e in entries {
        let offset = out.len() as u32;
        out.extend_from_slice(&LOCAL.to_le_bytes());
        common(&mut out, &e.name, &e.bytes);
        out.extend_from_slice(e.name.as_bytes());
        out.extend_from_slice(&e.bytes);
        directory.extend_from_slice(&CENTRAL.to_le_bytes());
        directory.extend_from_slice(&20u16.to_le_bytes());
        common(&mut directory, &e.name, &e.bytes);
        // Comment length, disk, internal attributes, external attributes, offset.
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&[0; 4]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(e.name.as_bytes());
    }
    let (at, size, count) = (out.len() as u32, directory.len() as u32, entries.len() as u16);
    out.extend_from_slice(&directory);
    out.extend_from_slice(&END.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for v in [count, count] {
        out.extend_from_slice(&v.to_le_bytes());
    }
    for v in [size, at] {
        out.extend_from_slice(&v.to_le_bytes());
    }
    out.extend_from_slice(&[0; 2]);
    Some(out)
}

/// Reads a container that is in exactly this form. The error says where it is not.
pub fn read(bytes: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    if bytes.len() > super::MAX_PACK {
        return Err(format!("it is larger than {} bytes", super::MAX_PACK));
    }
    let u32_at = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let u16_at = |at: usize| bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes);
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut at = 0usize;
    while u32_at(at) == Some(LOCAL) {
        let cut = || format!("the container is cut or changed at byte {at}");
        let size = u32_at(at + 18).ok_or_else(cut)? as usize;
        let name_len = usize::from(u16_at(at + 26).ok_or_else(cut)?);
        let name = bytes.get(at + 30..at + 30 + name_len).and_then(|n| std::str::from_utf8(n).ok()).ok_or_else(cut)?;
        let from = at + 30 + name_len;
        let content = bytes.get(from..from.saturating_add(size)).ok_or_else(cut)?;
        if entries.iter().any(|e| e.name == name) {
            return Err(format!("the container has {name} twice"));
        }
        if entries.len() > 60_000 {
            return Err(String::from("the container has too many entries"));
        }
        entries.push(Entry { name: String::from(name), bytes: std::borrow::Cow::Borrowed(content) });
        at = from + size;
    }
    if entries.is_empty() {
        return Err(String::from("it is no evidence pack: no entry at its start"));
    }
    let again = write(&entries).ok_or_else(|| String::from("the container is larger than its form can say"))?;
    if again != bytes {
        let place = again.iter().zip(bytes).position(|(a, b)| a != b).unwrap_or_else(|| again.len().min(bytes.len()));
        return Err(format!("the container is not in its one form at byte {place}"));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_read_back_and_any_changed_byte_of_its_form_is_told() {
        let entries = [("a", &b"one"[..]), ("b/c", b""), ("日本", b"three")].map(|(n, b)| Entry { name: String::from(n), bytes: b.into() });
        let bytes = write(&entries).unwrap();
        assert_eq!(read(&bytes).unwrap(), entries);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert!(read(&changed).is_err(), "byte {i}");
            assert!(read(&bytes[..i]).is_err(), "cut at {i}");
        }
    }
}
