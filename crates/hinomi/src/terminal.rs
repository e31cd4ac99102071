//! Plain tables for people, JSON for programs.

use std::fmt::Write as _;
use std::io::Write as _;

/// Prints one JSON document, or fails where it cannot be written (a closed pipe ends quietly).
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Prints a line; a closed pipe ends the program quietly, as other tools do.
pub fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Says something while the watch goes on: who closed the terminal does not end it.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Columns of a terminal that a text takes: East Asian wide characters take two (Unicode UAX #11, the ranges that Japanese uses).
pub fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0 => 0,
            0x1100..=0x115f
            | 0x2e80..=0xa4cf
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f
            | 0xff00..=0xff60
            | 0xffe0..=0xffe6
            | 0x1f300..=0x1faff
            | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

/// A table with aligned columns; control characters of names from the wire are shown as `?` so that no name can move the cursor.
pub fn table(rows: &[Vec<String>]) -> String {
    let clean: Vec<Vec<String>> =
        rows.iter().map(|r| r.iter().map(|c| c.chars().map(|ch| if ch.is_control() { '?' } else { ch }).collect()).collect()).collect();
    let columns = clean.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(|i| clean.iter().filter_map(|r| r.get(i)).map(|c| width(c)).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &clean {
        for (i, cell) in row.iter().enumerate() {
            let last = i + 1 == row.len();
            let pad = if last { 0 } else { widths.get(i).copied().unwrap_or(0).saturating_sub(width(cell)) + 2 };
            let _ = write!(out, "{cell}{:pad$}", "");
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_wide_characters() {
        let text = table(&[vec!["資産".into(), "x".into()], vec!["a".into(), "y\x1b[2J".into()]]);
        assert_eq!(text, "資産  x\na     y?[2J\n");
    }
}
