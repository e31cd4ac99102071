//! Traffic by the hour against the usual band, drawn as SVG by the server, with the same facts as a sentence and as a table.
//!
//! The picture stretches to any width: only shapes are inside the SVG (`preserveAspectRatio="none"`, strokes that do not scale),
//! words stand around it as text of the page. An hour that was not watched is hatched and has no line, since nothing seen is not
//! nothing there. Colours come from classes, so that dark and print follow.

use super::shell::When;
use super::words::{T, bytes};
use catalogue::phrases::Value;
use std::fmt::Write as _;

/// An hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning; `text` is what the table shows (`11/20 9:00`).
    pub when: When,
    /// Its name under the picture (`9時`, `9:00`).
    pub short: String,
    /// Its day under a picture of several days (`11/20（金）`).
    pub day: String,
    /// Bytes.
    pub bytes: u64,
    /// It was watched, at least for the most part.
    pub watched: bool,
    /// Lowest and highest usual value, where enough is learned.
    pub usual: Option<(u64, u64)>,
    /// It is not over yet: its amount is told, drawn dashed, and compared with nothing.
    pub begun: bool,
}

impl Hour {
    /// Above (1), below (-1) or within the band; `None` where there is nothing to compare.
    pub fn against(&self) -> Option<i8> {
        let (low, high) = self.usual.filter(|_| self.watched && !self.begun)?;
        Some(if self.bytes > high { 1 } else { -i8::from(self.bytes < low) })
    }
    /// Bytes in words.
    pub fn amount(&self) -> String {
        bytes(self.bytes)
    }
    /// The band in words, or empty.
    pub fn band(&self) -> String {
        self.usual.map_or_else(String::new, |(l, h)| format!("{} – {}", bytes(l), bytes(h)))
    }
}

/// A stretch of hours: a day, or a week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The hours in order, none left out; at most 24 × 62.
    pub hours: Vec<Hour>,
    /// Whole days that were watched so far, and days that the habit needs. Where it is learned, nothing is said of it.
    pub learned_days: u64,
    /// Days needed.
    pub needed_days: u64,
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 160.0;
const TOP: f64 = 6.0;

/// The picture's band from the quartiles of the same hour in past weeks: Tukey's fences (one and a half times the distance of the
/// quartiles beyond them), at least a fifth of the median to each side, since the quartiles alone leave out half of all ordinary
/// hours. For the picture only: the rules have their own parameters. `None` where fewer than two weeks were seen.
pub fn usual_band(low: u64, median: u64, high: u64, weeks: u32) -> Option<(u64, u64)> {
    if weeks < 2 {
        return None;
    }
    let fence = high.saturating_sub(low).saturating_mul(3) / 2;
    let least = median / 5;
    let lower = low.saturating_sub(fence).min(median.saturating_sub(least));
    let upper = high.saturating_add(fence).max(median.saturating_add(least));
    Some((lower, upper))
}

impl Traffic {
    /// Something was watched.
    pub fn any(&self) -> bool {
        self.hours.iter().any(|h| h.watched)
    }

    /// The band stands for at least one hour.
    pub fn has_band(&self) -> bool {
        self.hours.iter().any(|h| h.usual.is_some())
    }

    /// Some hour was not watched.
    pub fn has_gap(&self) -> bool {
        self.hours.iter().any(|h| !h.watched)
    }

    /// The highest value in the picture.
    fn top(&self) -> u64 {
        self.hours.iter().map(|h| h.bytes.max(h.usual.map_or(0, |u| u.1))).max().unwrap_or(0).max(1)
    }

    /// The highest value in words: the upper edge.
    pub fn top_words(&self) -> String {
        bytes(self.top())
    }

    /// Words under the picture, each at the beginning of an equal part: every sixth hour of a day, or each day.
    pub fn ticks(&self) -> Vec<&str> {
        if self.hours.len() <= 48 {
            self.hours.iter().step_by(6).map(|h| h.short.as_str()).collect()
        } else {
            self.hours.iter().step_by(24).map(|h| h.day.as_str()).collect()
        }
    }

    /// The sentence that says what the picture shows.
    pub fn summary(&self, t: &T) -> String {
        if !self.any() {
            return t.say("traffic-not-watched");
        }
        let mut out = Vec::new();
        let total: u64 = self.hours.iter().filter(|h| h.watched).fold(0, |a, h| a.saturating_add(h.bytes));
        out.push(t.x("traffic-total", &bytes(total)));
        if self.has_band() {
            let unknown = self.hours.iter().filter(|h| h.watched && h.usual.is_none() && h.bytes > 0).count();
            let unknown = i64::try_from(unknown).unwrap_or(i64::MAX);
            let outside: Vec<&Hour> = self.hours.iter().filter(|h| h.against().is_some_and(|a| a != 0)).collect();
            match outside.first() {
                // Hours whose habit is not known yet are not called usual.
                None if unknown > 0 => out.push(t.with("traffic-within-known", &[("n", Value::Number(unknown))])),
                None => out.push(t.say("traffic-within")),
                Some(first) => {
                    let n = Value::Number(i64::try_from(outside.len()).unwrap_or(i64::MAX));
                    out.push(t.with("traffic-outside", &[("n", n), ("x", Value::Text(&first.when.text))]));
                }
            }
        } else if self.learned_days < self.needed_days {
            out.push(t.nm("traffic-learning", self.learned_days, self.needed_days));
        }
        if self.hours.iter().any(|h| h.begun && h.watched) {
            out.push(t.say("traffic-begun"));
        }
        let unwatched = self.hours.iter().filter(|h| !h.watched).count();
        if unwatched > 0 {
            out.push(t.n("traffic-gaps", unwatched as u64));
        }
        out.join(if t.lang == model::Lang::Ja { "" } else { " " })
    }

    /// The picture. All of it is made here: shapes with classes, no words, nothing from the network.
    pub fn svg(&self) -> String {
        let n = self.hours.len().clamp(1, 24 * 62);
        let step = WIDTH / n as f64;
        let top = self.top() as f64;
        let x = |i: usize| i as f64 * step;
        let y = |v: u64| HEIGHT - (v as f64 / top).min(1.0) * (HEIGHT - TOP);
        let mut out = format!(
            "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">"
        );
        let every = if n <= 48 { 6 } else { 24 };
        for i in (0..n).step_by(every) {
            let _ = write!(out, "<path class=\"plot-grid\" d=\"M{0:.1} 0V{HEIGHT}\"/>", x(i));
        }
        for (from, to) in runs(&self.hours, |h| !h.watched) {
            let (a, b) = (x(from), x(to));
            let _ = write!(out, "<rect class=\"plot-gap\" x=\"{a:.1}\" y=\"0\" width=\"{:.1}\" height=\"{HEIGHT}\"/>", b - a);
            let mut hatch = a - HEIGHT;
            while hatch < b {
                // A stroke from the lower left to the upper right, cut at the edges of the gap.
                let (x0, x1) = (hatch.max(a), (hatch + HEIGHT).min(b));
                let _ = write!(
                    out,
                    "<path class=\"plot-hatch\" d=\"M{x0:.1} {:.1}L{x1:.1} {:.1}\"/>",
                    HEIGHT - (x0 - hatch),
                    HEIGHT - (x1 - hatch)
                );
                hatch += 12.0;
            }
        }
        for (i, h) in self.hours.iter().enumerate() {
            if h.against().is_some_and(|a| a != 0) {
                let _ = write!(out, "<rect class=\"plot-out\" x=\"{:.1}\" y=\"0\" width=\"{step:.1}\" height=\"{HEIGHT}\"/>", x(i));
            }
        }
        for (from, to) in runs(&self.hours, |h| h.usual.is_some()) {
            let part = self.hours.get(from..to).unwrap_or_default();
            let mut d = String::new();
            for (i, h) in part.iter().enumerate() {
                let v = y(h.usual.map_or(0, |u| u.1));
                let _ = write!(d, "{}{:.1} {v:.1}H{:.1}", if i == 0 { "M" } else { "L" }, x(from + i), x(from + i + 1));
            }
            for (i, h) in part.iter().enumerate().rev() {
                let v = y(h.usual.map_or(0, |u| u.0));
                let _ = write!(d, "L{:.1} {v:.1}H{:.1}", x(from + i + 1), x(from + i));
            }
            let _ = write!(out, "<path class=\"plot-band\" d=\"{d}Z\"/>");
        }
        for (from, to) in runs(&self.hours, |h| h.watched && !h.begun) {
            let part = self.hours.get(from..to).unwrap_or_default();
            let mut d = String::new();
            for (i, h) in part.iter().enumerate() {
                let v = y(h.bytes);
                let _ = write!(d, "{}{:.1} {v:.1}H{:.1}", if i == 0 { "M" } else { "L" }, x(from + i), x(from + i + 1));
            }
            let _ = write!(out, "<path class=\"plot-line\" vector-effect=\"non-scaling-stroke\" d=\"{d}\"/>");
        }
        for (i, h) in self.hours.iter().enumerate().filter(|(_, h)| h.begun && h.watched) {
            let _ = write!(
                out,
                "<path class=\"plot-line plot-begun\" vector-effect=\"non-scaling-stroke\" d=\"M{:.1} {:.1}H{:.1}\"/>",
                x(i),
                y(h.bytes),
                x(i + 1)
            );
        }
        let _ = write!(out, "<path class=\"plot-base\" vector-effect=\"non-scaling-stroke\" d=\"M0 {HEIGHT}H{WIDTH}\"/></svg>");
        out
    }
}

/// Stretches of hours that fit: first, and one past the last.
fn runs(hours: &[Hour], fits: impl Fn(&Hour) -> bool) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (i, h) in hours.iter().enumerate() {
        if !fits(h) {
            continue;
        }
        match out.last_mut() {
            Some(last) if last.1 == i => last.1 = i + 1,
            _ => out.push((i, i + 1)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Lang;

    fn hour(bytes: u64, watched: bool, usual: Option<(u64, u64)>) -> Hour {
        Hour { bytes, watched, usual, when: When { iso: String::new(), text: String::from("13:00") }, ..Hour::default() }
    }

    #[test]
    fn an_hour_not_watched_has_no_line_and_is_never_below_the_band() {
        let t = Traffic {
            hours: vec![hour(5, true, Some((4, 6))), hour(0, false, Some((4, 6))), hour(5, true, Some((4, 6)))],
            ..Traffic::default()
        };
        let svg = t.svg();
        assert_eq!(svg.matches("plot-line").count(), 2, "{svg}");
        assert!(svg.contains("plot-gap") && !svg.contains("plot-out"));
        assert_eq!(t.hours[1].against(), None);
        let words = t.summary(&T::new(Lang::En));
        assert!(words.contains("not watched"), "{words}");
    }

    #[test]
    fn below_and_above_are_told() {
        let t = Traffic {
            hours: vec![hour(1, true, Some((4, 6))), hour(9, true, Some((4, 6))), hour(6, true, Some((4, 6)))],
            ..Traffic::default()
        };
        assert_eq!(t.hours.iter().map(Hour::against).collect::<Vec<_>>(), [Some(-1), Some(1), Some(0)]);
        assert_eq!(t.svg().matches("plot-out").count(), 2);
    }

    #[test]
    fn an_hour_that_is_not_over_is_no_collapse() {
        let begun = Hour { begun: true, ..hour(1, true, Some((4, 6))) };
        let t = Traffic { hours: vec![hour(5, true, Some((4, 6))), begun], ..Traffic::default() };
        assert_eq!(t.hours[1].against(), None);
        let svg = t.svg();
        assert_eq!((svg.matches("plot-begun").count(), svg.matches("plot-out").count()), (1, 0), "{svg}");
        assert!(t.summary(&T::new(Lang::En)).contains("Always within"));
    }

    #[test]
    fn nothing_and_extremes_draw_without_harm() {
        for hours in [vec![], vec![hour(0, true, None)], vec![hour(u64::MAX, true, Some((0, u64::MAX))); 48]] {
            let t = Traffic { hours, ..Traffic::default() };
            let svg = t.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            let _ = (t.summary(&T::default()), t.ticks(), t.top_words());
        }
    }

    #[test]
    fn the_band_is_wider_than_the_quartiles() {
        assert_eq!(usual_band(5, 5, 5, 1), None);
        assert_eq!(usual_band(90, 100, 110, 6), Some((60, 140)));
        assert_eq!(usual_band(100, 100, 100, 6), Some((80, 120)));
        assert_eq!(usual_band(0, 0, 0, 6), Some((0, 0)));
        assert_eq!(usual_band(0, u64::MAX, u64::MAX, 6).map(|b| b.1), Some(u64::MAX));
    }
}
