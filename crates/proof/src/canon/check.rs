//! Whether bytes are in canonical form: deterministic, keys in order, every value in the group where it belongs.

use super::read::{Members, Node};
use super::{ADDRESSES, CORE, CanonError, EMPTY, NAMES};
use crate::cbor::{self, ARRAY, BYTES, MAP, SIMPLE, TAG, TEXT, UINT};
use crate::names;

fn wrong(what: &str) -> CanonError {
    CanonError(format!("it is not in canonical form: {what}"))
}

/// Checks the groups that are there.
pub fn check(groups: [Option<&[u8]>; 4]) -> Result<(), CanonError> {
    for (number, group) in groups.into_iter().enumerate() {
        let Some(g) = group else { continue };
        let g = if g.is_empty() { EMPTY } else { g };
        let (item, rest) = cbor::split(g).ok_or_else(|| wrong("not deterministic CBOR"))?;
        if !rest.is_empty() || cbor::read_head(item).is_none_or(|(major, _, _)| major != MAP) {
            return Err(wrong("a group is one map"));
        }
        let mut at = [None; 4];
        if let Some(slot) = at.get_mut(number) {
            *slot = Some(item);
        }
        open(&Node { at, depth: 0 }, number)?;
    }
    let mut at = [None; 4];
    for (slot, group) in at.iter_mut().zip(groups) {
        *slot = group.map(|g| if g.is_empty() { EMPTY } else { g });
    }
    apart(&Node { at, depth: 0 })
}

/// No value stands in two groups.
fn apart(node: &Node<'_>) -> Result<(), CanonError> {
    if node.single().is_some() || node.group().is_none() {
        return Ok(());
    }
    let mut members = node.members()?.ok_or_else(|| wrong("a value stands in two groups"))?;
    while let Some((_, value)) = members.next()? {
        apart(&value)?;
    }
    Ok(())
}

/// Below here the group is not decided yet.
fn open(node: &Node<'_>, group: usize) -> Result<(), CanonError> {
    let Some(mut members) = node.members()? else { return Ok(()) };
    while let Some((key, value)) = members.next()? {
        let decided = match cbor::read_head(key) {
            Some((UINT, n, _)) => names::by_number(n).and_then(|n| n.group).map(usize::from),
            Some((TEXT, ..)) => None,
            _ => return Err(wrong("a key is neither number nor text")),
        };
        let item = value.single().ok_or_else(|| wrong("a value stands in two groups"))?;
        let (major, n, _) = cbor::read_head(item).ok_or_else(|| wrong("a head"))?;
        if let Some(g) = decided {
            if g != group {
                return Err(wrong("a value stands in another group than its own"));
            }
            below(&value)?;
            continue;
        }
        let right = match major {
            MAP => {
                if group == CORE || item != EMPTY {
                    open(&value, group)?;
                    true
                } else {
                    false
                }
            }
            TEXT => group == NAMES,
            BYTES if n == 4 || n == 6 => group == ADDRESSES,
            BYTES if n == 16 => group == ADDRESSES || group == CORE,
            _ => group == CORE,
        };
        if !right {
            return Err(wrong("a value stands in another group than its own"));
        }
        if major == ARRAY {
            below(&value)?;
        }
    }
    Ok(())
}

/// Below here everything is of this group: only the form matters.
fn below(node: &Node<'_>) -> Result<(), CanonError> {
    if let Some(mut members) = node.members()? {
        return each(&mut members);
    }
    let item = node.single().ok_or_else(|| wrong("a value stands in two groups"))?;
    let (major, n, mut rest) = cbor::read_head(item).ok_or_else(|| wrong("a head"))?;
    match major {
        ARRAY => {
            for _ in 0..n {
                let (item, behind) = cbor::split(rest).ok_or_else(|| wrong("an item"))?;
                rest = behind;
                let mut at = [None; 4];
                at[0] = Some(item);
                below(&Node { at, depth: node.depth + 1 })?;
            }
            Ok(())
        }
        TAG if n == cbor::NAME_TAG => Ok(()),
        TAG => Err(wrong("an unknown tag")),
        SIMPLE if !(20..=22).contains(&n) => Err(wrong("an unknown simple value")),
        _ => Ok(()),
    }
}

fn each(members: &mut Members<'_>) -> Result<(), CanonError> {
    while let Some((_, value)) = members.next()? {
        below(&value)?;
    }
    Ok(())
}
