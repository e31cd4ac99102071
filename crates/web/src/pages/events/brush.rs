//! How many of the records found fall into which stretch of time.

use super::at;
use crate::ask::Ask;
use crate::view::brush::{Bar, Brush};
use crate::view::{Amount, Link};
use model::{Span, Time};
use vault::ask::{Find, Hit};

/// Lengths of a bar, seconds.
const STEPS: [i64; 17] = [1, 5, 15, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000, 31_536_000];
/// Bars at most.
const BARS: i64 = 48;
/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// The picture; nothing where there are fewer than two records.
pub(super) fn of(ask: &Ask, find: &Find, hits: &[Hit]) -> Option<Brush> {
    if hits.len() < 2 {
        return None;
    }
    let seconds = |t: Time| t.0.div_euclid(SECOND);
    let first = hits.iter().map(|h| seconds(h.time)).min()?;
    let last = hits.iter().map(|h| seconds(h.time)).max()?;
    // Bars begin where days and hours begin for the reader.
    let stamp = jiff::Timestamp::from_second(last).ok()?;
    let zone = i64::from(ask.format.zone.to_offset(stamp).seconds());
    let index = |s: i64, step: i64| s.saturating_add(zone).div_euclid(step);
    let step = STEPS.into_iter().find(|step| index(last, *step) - index(first, *step) < BARS).unwrap_or(STEPS[STEPS.len() - 1]);
    let begin = index(first, step);
    let count = usize::try_from((index(last, step) - begin + 1).clamp(1, BARS)).unwrap_or(1);
    let mut counts = vec![0u64; count];
    for h in hits {
        let i = usize::try_from(index(seconds(h.time), step) - begin).unwrap_or(usize::MAX);
        if let Some(slot) = counts.get_mut(i) {
            *slot += 1;
        }
    }
    let start = |i: usize| Time((begin + i as i64).saturating_mul(step).saturating_sub(zone).saturating_mul(SECOND));
    let form = |t: Time| ask.format.precise(t).replace(' ', "T");
    // Words that give a time are replaced by the bar's.
    let words = timeless(ask.query.get("q"));
    let bars = counts
        .into_iter()
        .enumerate()
        .map(|(i, n)| {
            let href = at(ask, &[("from", &form(start(i))), ("to", &form(start(i + 1))), ("q", &words)]);
            Bar { when: Link::to(ask.format.precise(start(i)), href), n: Amount::count(n) }
        })
        .collect();
    let narrowed = find.from.is_some() || find.to.is_some();
    Some(Brush {
        bars,
        step: ask.format.span(Span::seconds(step)),
        first: ask.format.date_time(Time(first.saturating_mul(SECOND))),
        last: ask.format.date_time(Time(last.saturating_mul(SECOND))),
        wider: narrowed.then(|| at(ask, &[("from", ""), ("to", ""), ("q", &words)])),
    })
}

/// A search without its times.
fn timeless(q: &str) -> String {
    use crate::pages::search::{Word, read};
    let words = read(q, |_, _| Some(Time(0)));
    let kept = words.into_iter().filter(|(_, w)| !matches!(w, Word::From(_) | Word::To(_)));
    kept.map(|(raw, _)| raw).collect::<Vec<_>>().join(" ")
}
