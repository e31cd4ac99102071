//! Line by line through a conversation of text (SMTP, IMAP, POP3 …), with a bound on what is waited for.

use super::text;
use crate::parse::Dir;

/// What comes next of a direction.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A line without its end, cut to the bound, and the bytes that it takes up.
    Line(&'a [u8], usize),
    /// Bytes of a line beyond the bound, to be passed over.
    Over(usize),
    /// The line's end has not come yet.
    Wait,
}

/// Where the two directions stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    overlong: [bool; 2],
}

const fn index(dir: Dir) -> usize {
    match dir {
        Dir::Up => 0,
        Dir::Down => 1,
    }
}

impl Lines {
    /// The next line of `bytes`, which must not be empty. Of a line longer than `max` the first `max` bytes are given as soon as they are
    /// there, and the rest is passed over.
    pub fn next<'a>(&mut self, dir: Dir, bytes: &'a [u8], max: usize) -> Next<'a> {
        let Some(overlong) = self.overlong.get_mut(index(dir)) else { return Next::Wait };
        match text::line(bytes) {
            Some((_, used)) if std::mem::take(overlong) => Next::Over(used),
            Some((line, used)) => Next::Line(line.get(..max).unwrap_or(line), used),
            None if *overlong => Next::Over(bytes.len()),
            None if bytes.len() <= max => Next::Wait,
            None => {
                *overlong = true;
                Next::Line(bytes.get(..max).unwrap_or(bytes), bytes.len())
            }
        }
    }

    /// Bytes were lost: what comes until the next line's end is the rest of a broken line.
    pub fn broken(&mut self, dir: Dir) {
        if let Some(overlong) = self.overlong.get_mut(index(dir)) {
            *overlong = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_long_lines_and_broken_lines() {
        let mut l = Lines::default();
        assert_eq!(l.next(Dir::Up, b"ab\r\ncd", 4), Next::Line(b"ab", 4));
        assert_eq!(l.next(Dir::Up, b"cd", 4), Next::Wait);
        assert_eq!(l.next(Dir::Up, b"cdefg", 4), Next::Line(b"cdef", 5));
        assert_eq!(l.next(Dir::Down, b"x\n", 4), Next::Line(b"x", 2));
        assert_eq!(l.next(Dir::Up, b"hi", 4), Next::Over(2));
        assert_eq!(l.next(Dir::Up, b"j\r\nk\n", 4), Next::Over(3));
        assert_eq!(l.next(Dir::Up, b"k\n", 4), Next::Line(b"k", 2));
        l.broken(Dir::Down);
        assert_eq!(l.next(Dir::Down, b"rest\n", 4), Next::Over(5));
        assert_eq!(l.next(Dir::Down, b"123456\n", 4), Next::Line(b"1234", 7));
    }
}
