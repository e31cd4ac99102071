//! QR codes as one SVG path, for labels.

use std::fmt::Write;

/// A code: dark squares as an SVG path in a square of `side` units, its quiet zone of four included (ISO/IEC 18004, 9.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// Units from edge to edge.
    pub side: usize,
    /// The path's `d`: digits, and the letters M, h, v, z.
    pub path: String,
}

/// Units of the quiet zone.
const QUIET: usize = 4;

/// The code of an address. `None` where it is too long for one. Correction level M: a label on a machine gets scratched.
pub fn code(text: &str) -> Option<Code> {
    let code = qrcode::QrCode::with_error_correction_level(text.as_bytes(), qrcode::EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        while x < row.len() {
            let dark = |c: &qrcode::Color| *c == qrcode::Color::Dark;
            let run = row.iter().skip(x).take_while(|c| dark(c)).count();
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run.max(1);
        }
    }
    Some(Code { side: width + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a code as a camera sees it: the path drawn with five points to a unit.
    fn read(code: &Code) -> Vec<String> {
        let mut dark = vec![vec![false; code.side]; code.side];
        for part in code.path.split('z').filter(|p| !p.is_empty()) {
            let (place, size) = part.trim_start_matches('M').split_once('h').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            let run: usize = size.split('v').next().unwrap().parse().unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            dark[y][x..x + run].fill(true);
        }
        let mut image = rqrr::PreparedImage::prepare_from_bitmap(code.side * 5, code.side * 5, |x, y| dark[y / 5][x / 5]);
        image.detect_grids().into_iter().map(|g| g.decode().unwrap().1).collect()
    }

    #[test]
    fn a_camera_reads_the_address_that_was_printed() {
        for address in [
            "https://hinomi.local:8443/stocktakes/tag/019ab000-0000-7000-8000-000000000000",
            "https://192.168.10.5/stocktakes/tag/019ab000-0000-7000-8000-0000000000ff",
        ] {
            assert_eq!(read(&code(address).unwrap()), [address]);
        }
        assert_eq!(code(&"x".repeat(3000)), None);
    }
}
