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
        form(item).ok_or_else(|| wrong("a text, a key or a name"))?;
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

/// What stands behind an item whose texts are UTF-8, whose keys are numbers or text, and whose only tags are names. It was found whole before, so it is not
/// nested deeper than [`cbor::MAX_DEPTH`].
fn form(item: &[u8]) -> Option<&[u8]> {
    let (major, n, mut rest) = cbor::read_head(item)?;
    match major {
        TEXT => {
            let (text, behind) = rest.split_at_checked(usize::try_from(n).ok()?)?;
            str::from_utf8(text).ok().map(|_| behind)
        }
        BYTES => rest.get(usize::try_from(n).ok()?..),
        ARRAY => {
            for _ in 0..n {
                rest = form(rest)?;
            }
            Some(rest)
        }
        MAP => {
            for _ in 0..n {
                let key = cbor::read_head(rest)?.0;
                rest = form(rest).filter(|_| matches!(key, UINT | TEXT))?;
                rest = form(rest)?;
            }
            Some(rest)
        }
        TAG => {
            let name = cbor::read_head(rest)?.0;
            form(rest).filter(|_| n == cbor::NAME_TAG && matches!(name, UINT | TEXT))
        }
        _ => Some(rest),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keys_and_names_have_their_form() {
        let core = |bytes: &[u8]| check([Some(bytes), None, None, None]);
        assert_eq!(core(b"\xa1\x01\x05"), Ok(()));
        assert_eq!(core(b"\xa1\x01\xd8\x27\x05"), Ok(()), "a name by its number");
        // A key that is no UTF-8 (found by fuzzing), a key that is neither number nor text, a name that is neither, another tag.
        for bytes in [&b"\xa1\x62\xf2\xf2\x00"[..], b"\xa1\x41\x01\x00", b"\xa1\x01\xd8\x27\x41\x01", b"\xa1\x01\xc1\x05"] {
            assert!(core(bytes).is_err(), "{bytes:x?}");
        }
        // Text inside of an array.
        assert!(core(b"\xa1\x01\x81\x61\xff").is_err());
    }
}
