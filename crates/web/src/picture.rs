//! Pictures that phones send: what they are is looked at, not believed, and what they tell besides the picture is taken out.
//!
//! A phone writes into a photo where it was taken, when, by which phone, sometimes by whom (EXIF, XMP, IPTC, comments, a small film
//! after the end). None of that is needed to recognise a machine, and a place outside the factory is nobody's business. So a JPEG is
//! copied segment by segment and only what a decoder needs goes over; of EXIF one number stays, which way up the picture is, in a
//! block of our own making. PNG and WebP likewise, chunk by chunk. Nothing is decoded here: what is broken inside stays broken, and is
//! the browser's to refuse. Formats: ITU-T T.81 annex B, JEITA CP-3451 (EXIF), PNG (ISO/IEC 15948) 5.3, WebP container (RFC 9649).

/// The largest picture that is taken, bytes.
pub const MOST_BYTES: usize = 8 << 20;
/// The most points of a picture: a browser makes four bytes of each.
pub const MOST_POINTS: u64 = 60_000_000;

/// What a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
}

impl Kind {
    /// The type that is served.
    pub const fn mime(self) -> &'static str {
        match self {
            Kind::Jpeg => "image/jpeg",
            Kind::Png => "image/png",
            Kind::Webp => "image/webp",
        }
    }

    /// By its first bytes.
    pub fn of(bytes: &[u8]) -> Option<Kind> {
        if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Kind::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Kind::Png)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Kind::Webp)
        } else {
            None
        }
    }
}

/// Why a picture is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Larger than we take.
    #[error("the picture is too large")]
    TooLarge,
    /// More points than we take.
    #[error("the picture has too many points")]
    TooManyPoints,
    /// Neither JPEG nor PNG nor WebP.
    #[error("the file is no JPEG, PNG or WebP picture")]
    Kind,
    /// It ends too early, or its parts lie about their length.
    #[error("the picture is broken")]
    Broken,
}

impl PictureError {
    /// Key of the wording in locale files.
    pub const fn key(self) -> &'static str {
        match self {
            PictureError::TooLarge => "photo-too-large",
            PictureError::TooManyPoints => "photo-too-many-points",
            PictureError::Kind => "photo-kind",
            PictureError::Broken => "photo-broken",
        }
    }
}

/// The picture without what it tells besides.
pub fn cleaned(bytes: &[u8]) -> Result<(Kind, Vec<u8>), PictureError> {
    if bytes.len() > MOST_BYTES {
        return Err(PictureError::TooLarge);
    }
    let kind = Kind::of(bytes).ok_or(PictureError::Kind)?;
    let clean = match kind {
        Kind::Jpeg => jpeg(bytes)?,
        Kind::Png => png(bytes)?,
        Kind::Webp => webp(bytes)?,
    };
    Ok((kind, clean))
}

fn points(width: u64, height: u64) -> Result<(), PictureError> {
    match width.checked_mul(height) {
        Some(0) => Err(PictureError::Broken),
        Some(n) if n <= MOST_POINTS => Ok(()),
        _ => Err(PictureError::TooManyPoints),
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at.checked_add(2)?).map(|b| b.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
}
fn be32(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(4)?).map(|b| b.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}
fn le(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(width)?).map(|b| b.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

fn jpeg(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let broken = PictureError::Broken;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(b"\xff\xd8");
    let (mut at, mut framed, mut turned) = (2usize, false, None);
    loop {
        // Any number of 0xff may stand before a marker.
        if bytes.get(at) != Some(&0xff) {
            return Err(broken);
        }
        while bytes.get(at) == Some(&0xff) {
            at += 1;
        }
        let marker = *bytes.get(at).ok_or(broken)?;
        at += 1;
        match marker {
            // The end: what comes after it is no part of the picture.
            0xd9 => {
                out.extend_from_slice(b"\xff\xd9");
                return if framed { Ok(out) } else { Err(broken) };
            }
            // Without a length: TEM and restart marks.
            0x01 | 0xd0..=0xd7 => continue,
            0x00 | 0xd8 => return Err(broken),
            _ => {}
        }
        let length = be16(bytes, at).filter(|n| *n >= 2).ok_or(broken)?;
        let body = bytes.get(at..at.checked_add(length).ok_or(broken)?).ok_or(broken)?;
        let keep = match marker {
            // Frames of all sorts (C4, C8 and CC are none): here stands the size.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let (height, width) = (be16(body, 3).ok_or(broken)?, be16(body, 5).ok_or(broken)?);
                points(width as u64, height as u64)?;
                framed = true;
                true
            }
            // APP0 with JFIF: the density. APP14 with Adobe: which colours are meant.
            0xe0 => body.get(2..7) == Some(b"JFIF\0"),
            0xee => body.get(2..7) == Some(b"Adobe"),
            0xe1 => {
                if turned.is_none() {
                    turned = orientation(body.get(2..).unwrap_or_default());
                }
                false
            }
            0xe2..=0xed | 0xef | 0xfe => false,
            _ => true,
        };
        if keep {
            // JFIF wants to be the first; our own EXIF comes before everything else.
            if marker != 0xe0
                && let Some(way) = turned.take_if(|w| *w != 0)
            {
                out.extend_from_slice(&exif(way));
                turned = Some(0);
            }
            // A thumbnail in JFIF could be of another picture.
            if marker == 0xe0 {
                let mut jfif = body.get(..16).ok_or(broken)?.to_vec();
                for (slot, value) in jfif.iter_mut().zip([0u8, 16]) {
                    *slot = value;
                }
                for size in jfif.iter_mut().skip(14) {
                    *size = 0;
                }
                out.extend_from_slice(&[0xff, marker]);
                out.extend_from_slice(&jfif);
            } else {
                out.extend_from_slice(&[0xff, marker]);
                out.extend_from_slice(body);
            }
        }
        at += length;
        if marker == 0xda {
            // The scan goes to the next marker that is neither a stuffed byte nor a restart.
            let rest = bytes.get(at..).unwrap_or_default();
            let end = rest.windows(2).position(|w| matches!(w, [0xff, m] if !matches!(m, 0x00 | 0xff | 0xd0..=0xd7))).ok_or(broken)?;
            out.extend_from_slice(rest.get(..end).unwrap_or_default());
            at += end;
        }
    }
}

/// Which way up, of an EXIF block: 1 to 8, where it says so.
fn orientation(body: &[u8]) -> Option<u8> {
    let tiff = body.strip_prefix(b"Exif\0\0")?;
    let big = match tiff.get(..4)? {
        b"MM\0\x2a" => true,
        b"II\x2a\0" => false,
        _ => return None,
    };
    let number = |at: usize, width: usize| -> Option<u64> {
        let bytes = tiff.get(at..at.checked_add(width)?)?;
        Some(if big { bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)) } else { le(bytes, 0, width)? })
    };
    let first = usize::try_from(number(4, 4)?).ok()?;
    let entries = usize::try_from(number(first, 2)?).ok()?.min(200);
    (0..entries).find_map(|i| {
        let at = first.checked_add(2)?.checked_add(i * 12)?;
        (number(at, 2)? == 0x0112).then(|| number(at + 8, 2))?.and_then(|v| u8::try_from(v).ok()).filter(|v| (1..=8).contains(v))
    })
}

/// An EXIF block that says only which way up.
fn exif(way: u8) -> Vec<u8> {
    let mut out = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    out.extend_from_slice(&[way, 0, 0, 0, 0, 0, 0]);
    out
}

fn png(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let broken = PictureError::Broken;
    let mut out = bytes.get(..8).ok_or(broken)?.to_vec();
    let mut at = 8usize;
    loop {
        let length = usize::try_from(be32(bytes, at).ok_or(broken)?).map_err(|_| broken)?;
        let whole = bytes.get(at..at.checked_add(length).and_then(|n| n.checked_add(12)).ok_or(broken)?).ok_or(broken)?;
        let name = whole.get(4..8).ok_or(broken)?;
        if (at == 8) != (name == b"IHDR") {
            return Err(broken);
        }
        if name == b"IHDR" {
            points(be32(whole, 8).ok_or(broken)?, be32(whole, 12).ok_or(broken)?)?;
        }
        // What a decoder needs, and the colours; no text, no time, no EXIF, nothing that moves.
        if matches!(name, b"IHDR" | b"PLTE" | b"IDAT" | b"IEND" | b"tRNS" | b"gAMA" | b"cHRM" | b"sRGB") {
            out.extend_from_slice(whole);
        }
        at += whole.len();
        if name == b"IEND" {
            return Ok(out);
        }
    }
}

fn webp(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let broken = PictureError::Broken;
    let size = usize::try_from(le(bytes, 4, 4).ok_or(broken)?).map_err(|_| broken)?;
    let body = bytes.get(12..size.checked_add(8).ok_or(broken)?).ok_or(broken)?;
    let mut chunks: Vec<u8> = Vec::with_capacity(body.len());
    let (mut at, mut drawn) = (0usize, false);
    while at < body.len() {
        let length = usize::try_from(le(body, at + 4, 4).ok_or(broken)?).map_err(|_| broken)?;
        let padded = length.checked_add(length % 2).and_then(|n| n.checked_add(8)).ok_or(broken)?;
        // The last chunk's padding is sometimes left out.
        let whole = body.get(at..at.checked_add(padded).ok_or(broken)?.min(body.len())).ok_or(broken)?;
        let data = whole.get(8..8 + length).ok_or(broken)?;
        match whole.get(..4) {
            Some(b"VP8X") => {
                points(le(data, 4, 3).ok_or(broken)? + 1, le(data, 7, 3).ok_or(broken)? + 1)?;
                let mut header = whole.to_vec();
                // Only transparency stays announced: not EXIF, XMP, colour profile, animation (RFC 9649, 2.7).
                if let Some(flags) = header.get_mut(8) {
                    *flags &= 0x10;
                }
                chunks.extend_from_slice(&header);
            }
            Some(b"VP8 ") => {
                points(le(data, 6, 2).ok_or(broken)? & 0x3fff, le(data, 8, 2).ok_or(broken)? & 0x3fff)?;
                chunks.extend_from_slice(whole);
                drawn = true;
            }
            Some(b"VP8L") => {
                let bits = le(data, 1, 4).ok_or(broken)?;
                points((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)?;
                chunks.extend_from_slice(whole);
                drawn = true;
            }
            Some(b"ALPH") => chunks.extend_from_slice(whole),
            _ => {}
        }
        at += padded;
    }
    if !drawn {
        return Err(broken);
    }
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&u32::try_from(chunks.len() + 4).map_err(|_| broken)?.to_le_bytes());
    out.extend_from_slice(b"WEBP");
    out.extend_from_slice(&chunks);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
        [&[0xff, marker][..], &u16::try_from(body.len() + 2).unwrap().to_be_bytes(), body].concat()
    }
    /// A picture as a phone writes it: EXIF with a place, XMP, a comment, a film after the end.
    fn photo() -> Vec<u8> {
        let mut tiff = b"Exif\0\0II\x2a\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x25\x88\x04\0\x01\0\0\0\x40\0\0\0".to_vec();
        tiff.extend_from_slice(b"GPS 35.681236 139.767125 iPhone of Sato");
        let mut out = b"\xff\xd8".to_vec();
        out.extend(segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\x02\x02THUMBNAILxxx"));
        out.extend(segment(0xe1, &tiff));
        out.extend(segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:GPS>35.68</x:GPS>"));
        out.extend(segment(0xe2, b"MPF\0secret"));
        out.extend(segment(0xfe, b"comment of Sato"));
        out.extend(segment(0xdb, &[0; 65]));
        out.extend(segment(0xc0, &[8, 0, 16, 0, 32, 1, 1, 0x11, 0]));
        out.extend(segment(0xc4, &[0; 17]));
        out.extend(segment(0xda, &[1, 1, 0, 0, 63, 0]));
        out.extend_from_slice(b"\x12\xff\x00\x34\xff\xd0\x56");
        out.extend_from_slice(b"\xff\xd9 MOTION PHOTO GPS");
        out
    }
    fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
        [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], &name, data, b"crc!"].concat()
    }
    fn drawing() -> Vec<u8> {
        let head = [&16u32.to_be_bytes()[..], &16u32.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
        let parts = [
            chunk(*b"IHDR", &head),
            chunk(*b"tEXt", b"Author\0Sato"),
            chunk(*b"eXIf", b"GPS"),
            chunk(*b"IDAT", b"x"),
            chunk(*b"IEND", b""),
        ];
        [b"\x89PNG\r\n\x1a\n".to_vec(), parts.concat(), b"GPS after".to_vec()].concat()
    }
    fn web() -> Vec<u8> {
        let riff = |name: &[u8; 4], data: &[u8]| [&name[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data].concat();
        let parts = [
            riff(b"VP8X", &[0x1c, 0, 0, 0, 15, 0, 0, 15, 0, 0]),
            riff(b"VP8 ", &[0, 0, 0, 0x9d, 1, 0x2a, 16, 0, 16, 0]),
            riff(b"EXIF", b"GPS 35.6"),
        ]
        .concat();
        [b"RIFF".to_vec(), u32::try_from(parts.len() + 4).unwrap().to_le_bytes().to_vec(), b"WEBP".to_vec(), parts].concat()
    }
    fn tells(bytes: &[u8], word: &[u8]) -> bool {
        bytes.windows(word.len()).any(|w| w == word)
    }

    #[test]
    fn place_person_and_film_go_and_the_picture_stays_the_right_way_up() {
        let (kind, clean) = cleaned(&photo()).unwrap();
        assert_eq!(kind, Kind::Jpeg);
        for word in [&b"GPS"[..], b"Sato", b"MPF", b"adobe", b"MOTION", b"THUMB", b"comment"] {
            assert!(!tells(&clean, word), "{}", String::from_utf8_lossy(word));
        }
        assert!(tells(&clean, b"\x12\xff\x00\x34\xff\xd0\x56\xff\xd9") && clean.ends_with(b"\xff\xd9"));
        let at = clean.windows(6).position(|w| w == b"Exif\0\0").unwrap();
        assert_eq!(orientation(&clean[at..]), Some(6));
        // Cleaned twice is cleaned once.
        assert_eq!(cleaned(&clean).unwrap().1, clean);
    }

    #[test]
    fn png_and_webp_keep_only_what_draws() {
        for (bytes, kind) in [(drawing(), Kind::Png), (web(), Kind::Webp)] {
            let (found, clean) = cleaned(&bytes).unwrap();
            assert_eq!(found, kind);
            assert!(!tells(&clean, b"GPS") && !tells(&clean, b"Sato"));
            assert_eq!(cleaned(&clean).unwrap().1, clean);
        }
    }

    #[test]
    fn cut_at_each_byte_or_changed_at_each_byte_nothing_falls_over() {
        for whole in [photo(), drawing(), web()] {
            for at in 0..whole.len() {
                let _ = cleaned(&whole[..at]);
                for bit in [0x01, 0x80, 0xff] {
                    let mut other = whole.clone();
                    other[at] ^= bit;
                    let _ = cleaned(&other);
                }
            }
        }
        assert_eq!(cleaned(b"\xff\xd8\xff\xd9").unwrap_err(), PictureError::Broken);
    }

    #[test]
    fn what_is_no_picture_or_too_much_of_one_is_refused() {
        for bad in [&b""[..], b"GIF89a", b"<svg onload=alert(1)>", b"%PDF-1.7", b"\0\0\0\x18ftypheic"] {
            assert_eq!(cleaned(bad).unwrap_err(), PictureError::Kind);
        }
        assert_eq!(cleaned(&vec![0xff; MOST_BYTES + 1]).unwrap_err(), PictureError::TooLarge);
        let mut bomb = photo();
        let at = bomb.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        bomb[at + 5..at + 9].copy_from_slice(&[0xff; 4]);
        assert_eq!(cleaned(&bomb).unwrap_err(), PictureError::TooManyPoints);
    }
}
