//! Makers by hardware address: the public registries of the IEEE (MA-L 24 bits, MA-M 28 bits, MA-S 36 bits).
//!
//! catalogue/data/oui.tsv holds one line per assignment, `hex digits TAB maker`, sorted; its header states origin, date and
//! licence. It is kept as text and searched by bisection over line starts, so that it costs its own size and nothing at start.

use model::Mac;
use std::collections::BTreeMap;

static TABLE: &str = include_str!("../../../catalogue/data/oui.tsv");

/// The maker to whom the longest matching prefix was assigned. Group addresses and locally administered ones have none.
pub fn vendor(mac: Mac) -> Option<&'static str> {
    if mac.is_group() || mac.is_local() {
        return None;
    }
    let hex = mac.0.iter().fold(String::with_capacity(12), |mut s, b| {
        s.push(char::from_digit(u32::from(b >> 4), 16).unwrap_or('0').to_ascii_uppercase());
        s.push(char::from_digit(u32::from(b & 15), 16).unwrap_or('0').to_ascii_uppercase());
        s
    });
    [9, 7, 6].into_iter().find_map(|n| find(hex.get(..n)?))
}

/// Bisects the sorted lines for `prefix TAB`.
fn find(prefix: &str) -> Option<&'static str> {
    let (mut low, mut high) = (0, TABLE.len());
    while low < high {
        let middle = low + (high - low) / 2;
        // Lines are ASCII or whole UTF-8: step back to the start of the line that holds `middle`.
        let bytes = TABLE.as_bytes();
        let start = bytes.get(low..middle)?.iter().rposition(|b| *b == b'\n').map_or(low, |i| low + i + 1);
        let end = bytes.get(middle..high)?.iter().position(|b| *b == b'\n').map_or(high, |i| middle + i);
        let line = TABLE.get(start..end)?;
        let (key, name) = line.split_once('\t').unwrap_or(("", line));
        let key = if line.starts_with('#') { "" } else { key };
        match key.cmp(prefix) {
            std::cmp::Ordering::Equal => return Some(name),
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    None
}

/// Makes oui.tsv from the registries' CSV files (`Registry,Assignment,Organization Name,…`). `header` is written first, each
/// line after `# `; it must state origin, date and licence. Lines that are no assignment are passed over and counted.
pub fn convert(csv: &[&str], header: &str) -> (String, usize) {
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    let mut passed = 0;
    for text in csv {
        for record in records(text).into_iter().skip(1) {
            let (Some(hex), Some(name)) = (record.get(1), record.get(2)) else {
                passed += 1;
                continue;
            };
            let hex = hex.trim().to_ascii_uppercase();
            let name = tidy(name);
            if !matches!(hex.len(), 6 | 7 | 9) || !hex.bytes().all(|b| b.is_ascii_hexdigit()) || name.is_empty() || name == "Private" {
                passed += 1;
                continue;
            }
            // The same first 24 bits stand in MA-L as "IEEE Registration Authority" when they are divided further.
            if name != "IEEE Registration Authority" {
                rows.insert(hex, name);
            }
        }
    }
    let mut out = String::new();
    for line in header.lines() {
        out.push_str("# ");
        out.push_str(line);
        out.push('\n');
    }
    for (hex, name) in rows {
        out.push_str(&hex);
        out.push('\t');
        out.push_str(&name);
        out.push('\n');
    }
    (out, passed)
}

/// Records of a CSV text (RFC 4180).
fn records(text: &str) -> Vec<Vec<String>> {
    let mut out = vec![];
    let mut record = vec![];
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                out.push(std::mem::take(&mut record));
            }
            '\r' => {}
            c => field.push(c),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        out.push(record);
    }
    out
}

/// One line, single spaces, without the legal form that fills the screen, at most 40 characters.
fn tidy(name: &str) -> String {
    let mut s = name.split_whitespace().collect::<Vec<_>>().join(" ");
    loop {
        let before = s.len();
        s.truncate(s.trim_end_matches([',', '.', ' ']).len());
        for form in [" co", " ltd", " inc", " llc", " corp", " corporation", " limited", " gmbh", " company", ",ltd", " kg", " & co"] {
            let cut = s.len().saturating_sub(form.len());
            if cut > 2 && s.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(form)) {
                s.truncate(cut);
            }
        }
        if s.len() == before {
            break;
        }
    }
    s.chars().take(40).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(mac: &str) -> Option<&'static str> {
        vendor(mac.parse().unwrap())
    }

    #[test]
    fn longest_prefix_wins() {
        assert_eq!(v("00:00:0c:12:34:56"), Some("Cisco Systems"));
        assert!(v("3c:52:82:1f:aa:07").unwrap().contains("Hewlett Packard"));
        // 00:55:DA is divided into 28-bit blocks; 00:55:DA:0 is Shinko Technos.
        assert!(v("00:55:da:01:02:03").unwrap().to_lowercase().contains("shinko"));
        assert_eq!(v("00:01:02:03:04:05"), v("00:01:02:ff:ff:ff"));
    }

    #[test]
    fn random_and_group_addresses_have_no_maker() {
        assert_eq!(v("02:00:0c:12:34:56"), None);
        assert_eq!(v("01:00:5e:00:00:01"), None);
        assert_eq!(v("ff:ff:ff:ff:ff:ff"), None);
    }

    #[test]
    fn every_line_is_found_by_its_own_prefix() {
        let mut n = 0;
        for line in TABLE.lines().filter(|l| !l.starts_with('#')) {
            let (key, name) = line.split_once('\t').unwrap();
            assert_eq!(find(key), Some(name), "{key}");
            n += 1;
        }
        assert!(n > 30_000, "{n}");
        assert!(TABLE.len() <= 1_500_000, "{}", TABLE.len());
    }

    #[test]
    fn converts_quoted_and_damaged_lines() {
        let csv = "Registry,Assignment,Organization Name,Organization Address\r\nMA-L,AABBCC,\"A \"\"B\"\", Inc.\",\"x, y\r\nz\"\r\nMA-L,XYZ,bad,\nMA-M,AABBCC1,C Co.;Ltd.,\n";
        let (text, passed) = convert(&[csv], "origin\ndate");
        assert_eq!(text, "# origin\n# date\nAABBCC\tA \"B\"\nAABBCC1\tC Co.;Ltd\n");
        assert_eq!(passed, 1);
    }
}
