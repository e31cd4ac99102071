//! QR codes for terminals and for paper (ISO/IEC 18004).

use std::fmt::Write;

/// A code as rows of squares, dark ones true, without quiet zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code(Vec<Vec<bool>>);

/// Squares of the quiet zone (9.1).
const QUIET: usize = 4;

impl Code {
    /// The code of a text; correction level M. `None` where it is too long for one.
    pub fn of(text: &str) -> Option<Code> {
        let code = qrcode::QrCode::with_error_correction_level(text.as_bytes(), qrcode::EcLevel::M).ok()?;
        let width = code.width();
        Some(Code(code.to_colors().chunks(width).map(|row| row.iter().map(|c| *c == qrcode::Color::Dark).collect()).collect()))
    }

    /// Squares from edge to edge, quiet zone included.
    pub fn side(&self) -> usize {
        self.0.len() + 2 * QUIET
    }

    fn dark(&self, x: usize, y: usize) -> bool {
        let at = |n: usize| n.checked_sub(QUIET);
        at(y).and_then(|y| self.0.get(y)).is_some_and(|row| at(x).and_then(|x| row.get(x)).copied().unwrap_or(false))
    }

    /// Two rows of squares on one line of text; dark ones are drawn, so it is meant for dark letters on a light ground.
    pub fn lines(&self) -> String {
        let mut out = String::new();
        for y in (0..self.side()).step_by(2) {
            for x in 0..self.side() {
                out.push(match (self.dark(x, y), self.dark(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            out.push('\n');
        }
        out
    }

    /// Dark squares as the `d` of an SVG path, in units of one square, quiet zone included.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for (y, row) in self.0.iter().enumerate() {
            let mut x = 0;
            while x < row.len() {
                let run = row.iter().skip(x).take_while(|dark| **dark).count();
                if run > 0 {
                    let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
                }
                x += run.max(1);
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads squares as a camera sees them.
    fn read(side: usize, dark: impl Fn(usize, usize) -> bool) -> Vec<String> {
        let mut image = rqrr::PreparedImage::prepare_from_bitmap(side * 5, side * 5, |x, y| dark(x / 5, y / 5));
        image.detect_grids().into_iter().map(|g| g.decode().unwrap().1).collect()
    }

    #[test]
    fn a_camera_reads_what_the_terminal_and_the_sheet_show() {
        let text = "hinomi.local/019ab000-0000-7000-8000-000000000001\n12345\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— a b\n";
        let code = Code::of(text).unwrap();
        assert_eq!(read(code.side(), |x, y| code.dark(x, y)), [text]);
        let lines: Vec<Vec<char>> = code.lines().lines().map(|l| l.chars().collect()).collect();
        let drawn = |x: usize, y: usize| match lines[y / 2][x] {
            '█' => true,
            '▀' => y.is_multiple_of(2),
            '▄' => !y.is_multiple_of(2),
            _ => false,
        };
        assert_eq!(read(code.side(), drawn), [text]);
        let mut dark = vec![vec![false; code.side()]; code.side()];
        for part in code.path().split('z').filter(|p| !p.is_empty()) {
            let (place, size) = part.trim_start_matches('M').split_once('h').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            let run: usize = size.split('v').next().unwrap().parse().unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            dark[y][x..x + run].fill(true);
        }
        assert_eq!(read(code.side(), |x, y| dark[y][x]), [text]);
        assert_eq!(Code::of(&"x".repeat(3000)), None);
    }
}
