//! The readable form of canonical bytes (docs/store-format.md, Readable form): JSON that is made from the bytes that are proven, and
//! not from the record that they were made of.

use super::read::{Node, key_name, slice};
use super::{ADDRESSES, CanonError};
use crate::cbor::{self, ARRAY, BYTES, NEGATIVE, SIMPLE, TAG, TEXT, UINT};
use crate::names;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

fn wrong(what: &str) -> CanonError {
    CanonError(format!("a record cannot be shown: {what}"))
}

/// Numbers from here on lose digits in JavaScript.
const SAFE: u64 = 1 << 53;

/// All four groups as one JSON object.
pub fn readable(groups: [&[u8]; 4]) -> Result<String, CanonError> {
    readable_of(groups.map(Some))
}

/// The groups that are there (not hidden) as one JSON object.
pub fn readable_of(groups: [Option<&[u8]>; 4]) -> Result<String, CanonError> {
    let mut at = [None; 4];
    for (slot, group) in at.iter_mut().zip(groups) {
        if let Some(g) = group {
            let g = if g.is_empty() { super::EMPTY } else { g };
            let (item, rest) = cbor::split(g).ok_or_else(|| wrong("a group is not deterministic CBOR"))?;
            if !rest.is_empty() {
                return Err(wrong("there is something behind a group"));
            }
            *slot = Some(item);
        }
    }
    let mut out = String::new();
    if at.iter().all(Option::is_none) {
        return Ok(String::from("{}"));
    }
    value(&Node { at, depth: 0 }, false, &mut out)?;
    Ok(out)
}

fn quoted(text: &str, out: &mut String) -> Result<(), CanonError> {
    out.push_str(&serde_json::to_string(text).map_err(|_| wrong("text"))?);
    Ok(())
}

fn value(node: &Node<'_>, is_time: bool, out: &mut String) -> Result<(), CanonError> {
    if let Some(mut members) = node.members()? {
        out.push('{');
        let mut first = true;
        while let Some((key, v)) = members.next()? {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            let time = match (cbor::read_head(key), key_name(key)) {
                (Some((UINT, n, _)), name) => {
                    match name {
                        Some(name) => quoted(name, out)?,
                        None => quoted(&format!("#{n}"), out)?,
                    }
                    names::by_number(n).is_some_and(|n| n.is_time)
                }
                (_, Some(name)) => {
                    quoted(name, out)?;
                    false
                }
                _ => return Err(wrong("a key is neither number nor text")),
            };
            out.push(':');
            value(&v, time, out)?;
        }
        out.push('}');
        return Ok(());
    }
    let item = node.single().ok_or_else(|| wrong("a value stands in two groups"))?;
    let (major, n, rest) = cbor::read_head(item).ok_or_else(|| wrong("a head"))?;
    match major {
        UINT | NEGATIVE => {
            let v = if major == UINT { i128::from(n) } else { -1 - i128::from(n) };
            if is_time && let Ok(t) = i64::try_from(v) {
                out.push('"');
                out.push_str(&rfc3339(t));
                out.push('"');
            } else if v.unsigned_abs() < u128::from(SAFE) {
                let _ = write!(out, "{v}");
            } else {
                let _ = write!(out, "\"{v}\"");
            }
        }
        BYTES => {
            let b = slice(n, rest)?;
            out.push('"');
            match (<[u8; 4]>::try_from(b), <[u8; 16]>::try_from(b)) {
                (Ok(v4), _) => {
                    let _ = write!(out, "{}", Ipv4Addr::from(v4));
                }
                (_, Ok(v6)) if node.group() == Some(ADDRESSES) => {
                    let _ = write!(out, "{}", Ipv6Addr::from(v6));
                }
                (_, Ok(id)) => {
                    for (i, x) in id.iter().enumerate() {
                        let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
                        let _ = write!(out, "{dash}{x:02x}");
                    }
                }
                _ => {
                    for (i, x) in b.iter().enumerate() {
                        let colon = if i > 0 && b.len() == 6 { ":" } else { "" };
                        let _ = write!(out, "{colon}{x:02x}");
                    }
                }
            }
            out.push('"');
        }
        TEXT => quoted(std::str::from_utf8(slice(n, rest)?).map_err(|_| wrong("text that is not UTF-8"))?, out)?,
        ARRAY => {
            if node.depth > cbor::MAX_DEPTH {
                return Err(wrong("it is nested too deeply"));
            }
            out.push('[');
            let mut rest = rest;
            for i in 0..n {
                let (item, behind) = cbor::split(rest).ok_or_else(|| wrong("an item"))?;
                rest = behind;
                if i > 0 {
                    out.push(',');
                }
                let mut at = [None; 4];
                if let Some(slot) = node.group().and_then(|g| at.get_mut(g)) {
                    *slot = Some(item);
                }
                value(&Node { at, depth: node.depth + 1 }, is_time, out)?;
            }
            out.push(']');
        }
        TAG => quoted(key_name(rest).filter(|_| n == cbor::NAME_TAG).ok_or_else(|| wrong("a name without meaning"))?, out)?,
        SIMPLE => out.push_str(match n {
            20 => "false",
            21 => "true",
            _ => "null",
        }),
        _ => return Err(wrong("an item of an unknown kind")),
    }
    Ok(())
}

/// RFC 3339 in UTC with nine digits (years 1677 to 2262; Howard Hinnant's days-to-civil).
fn rfc3339(ns: i64) -> String {
    let (seconds, nanos) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{nanos:09}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}
