//! Columns: leaves of the tree that stand in a column of their own in a segment file, and what is left over.
//!
//! A record is taken apart into the values of its columns and four rests (CBOR maps as before, without what the columns took), and
//! put together again from them, byte for byte: rest ∪ columns is the canonical form. A value that its column cannot hold
//! stays in the rest, so nothing is ever lost.

use super::CanonError;
use super::write::Groups;
use crate::cbor::{self, BYTES, MAP, NAME_TAG, NEGATIVE, SIMPLE, TAG, TEXT, UINT};
use crate::names;

/// What a column holds, and how a leaf becomes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number without sign.
    Number,
    /// A whole number with sign: a time.
    Time,
    /// True or false.
    Flag,
    /// A text string.
    Text,
    /// The name of an enumeration's value.
    Name,
    /// A byte string: an address or a UUID.
    Bytes,
}

/// A column: where its value stands in the tree.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The group.
    pub group: usize,
    /// Names from the root to the leaf.
    pub path: Vec<u16>,
}

/// A value of a column, borrowed from canonical bytes or from a stored row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A whole number without sign.
    Number(u64),
    /// A time.
    Time(i64),
    /// True or false.
    Flag(bool),
    /// A text string.
    Text(&'a str),
    /// A name's number.
    Name(u16),
    /// A byte string.
    Bytes(&'a [u8]),
}

/// The columns of one table as a tree.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// In the order in which they were given.
    pub columns: Vec<Column>,
    roots: [Trie; 4],
}

#[derive(Clone, Debug, Default)]
struct Trie {
    column: Option<usize>,
    /// Ascending by key.
    children: Vec<(u16, Trie)>,
}

impl Layout {
    /// From columns.
    pub fn new(columns: Vec<Column>) -> Layout {
        let mut roots: [Trie; 4] = Default::default();
        for (i, c) in columns.iter().enumerate() {
            let Some(mut node) = roots.get_mut(c.group) else { continue };
            for key in &c.path {
                let place = match node.children.binary_search_by_key(key, |(k, _)| *k) {
                    Ok(p) => p,
                    Err(p) => {
                        node.children.insert(p, (*key, Trie::default()));
                        p
                    }
                };
                match node.children.get_mut(place) {
                    Some((_, child)) => node = child,
                    None => break,
                }
            }
            node.column = Some(i);
        }
        Layout { columns, roots }
    }

    /// Takes a record apart. `values` gets a value for each column, `rest` what is left; an empty rest is left empty.
    pub fn take_apart<'a>(
        &self,
        groups: [&'a [u8]; 4],
        values: &mut Vec<Option<Value<'a>>>,
        rest: &mut [Vec<u8>; 4],
    ) -> Result<(), CanonError> {
        values.clear();
        values.resize(self.columns.len(), None);
        for ((group, root), out) in groups.into_iter().zip(&self.roots).zip(rest) {
            out.clear();
            if group.is_empty() || group == super::EMPTY {
                continue;
            }
            if root.children.is_empty() {
                out.extend_from_slice(group);
                continue;
            }
            let behind = apart(self, root, group, values, out).filter(|rest| rest.is_empty());
            behind.ok_or_else(|| CanonError(String::from("a group is not in canonical form")))?;
            if out.as_slice() == super::EMPTY {
                out.clear();
            }
        }
        Ok(())
    }

    /// Puts a record together again.
    pub fn put_together(&self, values: &[Option<Value<'_>>], rest: [&[u8]; 4], out: &mut Groups) -> Result<(), CanonError> {
        for ((rest, root), buf) in rest.into_iter().zip(&self.roots).zip(out.buffers()) {
            buf.clear();
            let rest = if rest.is_empty() { super::EMPTY } else { rest };
            together(root, rest, values, buf).ok_or_else(|| CanonError(String::from("a stored row is not in canonical form")))?;
            if buf.as_slice() == super::EMPTY {
                buf.clear();
            }
        }
        Ok(())
    }
}

/// A key that is a number, with what follows it; `None` as number where it is text.
fn key(b: &[u8]) -> Option<(Option<u16>, &[u8], &[u8])> {
    let (major, n, behind) = cbor::read_head(b)?;
    if major == UINT {
        let key = b.get(..b.len() - behind.len())?;
        return Some((u16::try_from(n).ok(), key, behind));
    }
    let (key, after) = cbor::split(b)?;
    Some((None, key, after))
}

/// The value of a column, where the item is of its kind.
fn value_of(kind: Kind, item: &[u8]) -> Option<Value<'_>> {
    let (major, n, rest) = cbor::read_head(item)?;
    Some(match (kind, major) {
        (Kind::Number, UINT) => Value::Number(n),
        (Kind::Time, UINT) => Value::Time(i64::try_from(n).ok()?),
        (Kind::Time, NEGATIVE) => Value::Time(!i64::try_from(n).ok()?),
        (Kind::Flag, SIMPLE) if n == 20 || n == 21 => Value::Flag(n == 21),
        (Kind::Text, TEXT) => Value::Text(std::str::from_utf8(rest).ok()?),
        (Kind::Bytes, BYTES) if matches!(n, 4 | 6 | 16) => Value::Bytes(rest),
        (Kind::Name, TAG) if n == NAME_TAG => match cbor::read_head(rest)? {
            (UINT, n, _) => Value::Name(names::by_number(n)?.number),
            _ => return None,
        },
        _ => return None,
    })
}

/// Takes the map apart that begins here; what stands behind it comes back.
fn apart<'a>(layout: &Layout, trie: &Trie, item: &'a [u8], values: &mut [Option<Value<'a>>], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (major, pairs, mut inside) = cbor::read_head(item)?;
    if major != MAP {
        return None;
    }
    let head_at = out.len();
    // Counts of members are small; where not, the head grows at the end.
    out.push(MAP << 5);
    let mut count = 0u64;
    let mut children = trie.children.iter().peekable();
    for _ in 0..pairs {
        let (number, key_bytes, after) = key(inside)?;
        let child = number.and_then(|n| {
            while children.next_if(|(k, _)| *k < n).is_some() {}
            children.peek().filter(|(k, _)| *k == n).map(|(_, t)| t)
        });
        if let Some(child) = child {
            if let Some(column) = child.column {
                let (value, behind) = cbor::split(after)?;
                if let (Some(c), Some(slot)) = (layout.columns.get(column), values.get_mut(column))
                    && let Some(v) = value_of(c.kind, value)
                {
                    *slot = Some(v);
                    inside = behind;
                    continue;
                }
            }
            // A map whose members all went into columns comes back by them; one that was empty must stay.
            if !child.children.is_empty() && after.first().is_some_and(|b| b >> 5 == MAP) && !after.starts_with(super::EMPTY) {
                let before = out.len();
                out.extend_from_slice(key_bytes);
                let map_at = out.len();
                inside = apart(layout, child, after, values, out)?;
                if out.get(map_at..) == Some(super::EMPTY) {
                    out.truncate(before);
                } else {
                    count += 1;
                }
                continue;
            }
        }
        let (value, behind) = cbor::split(after)?;
        inside = behind;
        out.extend_from_slice(key_bytes);
        out.extend_from_slice(value);
        count += 1;
    }
    close(out, head_at, count);
    Some(inside)
}

fn close(out: &mut Vec<u8>, head_at: usize, count: u64) {
    if count < 24 {
        if let Some(h) = out.get_mut(head_at) {
            *h = MAP << 5 | count as u8;
        }
    } else {
        let mut head = Vec::with_capacity(9);
        cbor::map(&mut head, count);
        out.splice(head_at..=head_at, head);
    }
}

fn has(trie: &Trie, values: &[Option<Value<'_>>]) -> bool {
    trie.column.is_some_and(|c| values.get(c).copied().flatten().is_some()) || trie.children.iter().any(|(_, t)| has(t, values))
}

fn write_value(v: Value<'_>, out: &mut Vec<u8>) {
    match v {
        Value::Number(n) => cbor::uint(out, n),
        Value::Time(t) => cbor::int(out, t),
        Value::Flag(b) => out.push(SIMPLE << 5 | if b { 21 } else { 20 }),
        Value::Text(t) => cbor::text(out, t),
        Value::Name(n) => {
            cbor::head(out, TAG, NAME_TAG);
            cbor::uint(out, u64::from(n));
        }
        Value::Bytes(b) => cbor::bytes(out, b),
    }
}

fn together(trie: &Trie, rest: &[u8], values: &[Option<Value<'_>>], out: &mut Vec<u8>) -> Option<()> {
    let (major, pairs, mut inside) = cbor::read_head(rest)?;
    if major != MAP {
        return None;
    }
    let head_at = out.len();
    out.push(MAP << 5);
    let mut count = 0u64;
    let mut children = trie.children.iter().peekable();
    let emit = |k: u16, t: &Trie, under: &[u8], out: &mut Vec<u8>| -> Option<bool> {
        if let Some(v) = t.column.and_then(|c| values.get(c).copied().flatten()) {
            cbor::uint(out, u64::from(k));
            write_value(v, out);
        } else if has(t, values) || under != super::EMPTY {
            cbor::uint(out, u64::from(k));
            together(t, under, values, out)?;
        } else {
            return Some(false);
        }
        Some(true)
    };
    for _ in 0..pairs {
        let (number, key_bytes, after) = key(inside)?;
        let (value, behind) = cbor::split(after)?;
        inside = behind;
        while let Some((k, t)) = children.next_if(|(k, _)| number.is_none_or(|n| *k < n)) {
            count += u64::from(emit(*k, t, super::EMPTY, out)?);
        }
        if let Some((k, t)) = children.next_if(|(k, _)| Some(*k) == number)
            && cbor::read_head(value)?.0 == MAP
            && has(t, values)
        {
            count += u64::from(emit(*k, t, value, out)?);
            continue;
        }
        out.extend_from_slice(key_bytes);
        out.extend_from_slice(value);
        count += 1;
    }
    for (k, t) in children {
        count += u64::from(emit(*k, t, super::EMPTY, out)?);
    }
    close(out, head_at, count);
    Some(())
}
