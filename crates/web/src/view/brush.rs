//! How many records when: bars above a list, each of which narrows the list to its time. The same as a table stands beneath.

use super::shell::{Amount, Link};
use std::fmt::Write as _;

/// A stretch of time with the records in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Its beginning in words, with the way to the list of this stretch.
    pub when: Link,
    /// Records in it.
    pub n: Amount,
}

/// Bars of equal width, oldest first, none left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brush {
    /// The bars.
    pub bars: Vec<Bar>,
    /// How long each is, in words.
    pub step: String,
    /// The earliest time in the picture, in words.
    pub first: String,
    /// The latest.
    pub last: String,
    /// The list without its times, where it has any.
    pub wider: Option<String>,
}

/// Units of a bar's width and of the height.
const BAR: usize = 10;
const HEIGHT: u64 = 80;

impl Brush {
    /// Bars that hold anything, for the table.
    pub fn filled(&self) -> impl Iterator<Item = &Bar> {
        self.bars.iter().filter(|b| b.n.n > 0)
    }

    /// The picture. Links in it are for the mouse: the table beneath has the same ones for the keyboard.
    pub fn svg(&self) -> String {
        let top = self.bars.iter().map(|b| b.n.n).max().unwrap_or(0).max(1);
        let width = self.bars.len().max(1) * BAR;
        let mut out = format!("<svg class=\"brush\" viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
        for (i, bar) in self.bars.iter().enumerate() {
            // Something is never nothing: at least two units.
            let high = if bar.n.n == 0 { 0 } else { (bar.n.n.saturating_mul(HEIGHT - 2) / top).max(2) };
            let x = i * BAR;
            let words = escaped(&format!("{} · {}", bar.when.text, bar.n.show()));
            let shapes = format!(
                "<title>{words}</title><rect class=\"back\" x=\"{x}\" y=\"0\" width=\"{BAR}\" height=\"{HEIGHT}\"/>\
                 <rect class=\"bar\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{high}\"/>",
                x + 1,
                HEIGHT - high,
                BAR - 2
            );
            let _ = match &bar.when.href {
                Some(href) if bar.n.n > 0 => write!(out, "<a href=\"{}\" tabindex=\"-1\">{shapes}</a>", escaped(href)),
                _ => write!(out, "<g>{shapes}</g>"),
            };
        }
        out.push_str("</svg>");
        out
    }
}

/// As text of HTML or within an attribute in double quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_the_ground_and_lead_somewhere() {
        let bar = |n, href: &str| Bar { when: Link::to("8:00", href), n: Amount::count(n) };
        let brush = Brush { bars: vec![bar(4, "/events?a=1&b=\"<"), bar(0, "/x"), bar(1, "/y")], ..Brush::default() };
        let svg = brush.svg();
        assert!(svg.contains("viewBox=\"0 0 30 80\"") && svg.contains("href=\"/events?a=1&amp;b=&quot;&lt;\""), "{svg}");
        assert!(svg.contains("y=\"2\" width=\"8\" height=\"78\"") && svg.contains("height=\"19\""), "{svg}");
        assert!(!svg.contains("/x") && svg.matches("<a ").count() == 2, "an empty bar leads nowhere");
        assert_eq!(brush.filled().count(), 2);
        assert!(Brush::default().svg().contains("viewBox"));
    }
}
