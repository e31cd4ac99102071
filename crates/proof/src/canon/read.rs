//! Serde's way from four groups to a record: the four maps are walked side by side, and nothing is built in between.

use super::CanonError;
use crate::cbor::{self, ARRAY, BYTES, MAP, MAX_DEPTH, NAME_TAG, NEGATIVE, SIMPLE, TAG, TEXT, UINT};
use crate::names;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

fn wrong(what: &str) -> CanonError {
    CanonError(format!("a record cannot be read: {what}"))
}

/// Reads a record from its four groups ([`super::GROUPS`]).
pub fn from_groups<T: DeserializeOwned>(groups: [&[u8]; 4]) -> Result<T, CanonError> {
    let mut at = [None; 4];
    for (slot, group) in at.iter_mut().zip(groups) {
        let group = if group.is_empty() { super::EMPTY } else { group };
        let (item, rest) = cbor::split(group).ok_or_else(|| wrong("a group is not deterministic CBOR"))?;
        if !rest.is_empty() {
            return Err(wrong("there is something behind a group"));
        }
        *slot = Some(item);
    }
    T::deserialize(Node { at, depth: 0 })
}

/// One value, as far as each group tells of it. Each slice holds one whole item that [`cbor::skip`] has stepped over, so heads
/// inside are sound.
#[derive(Clone, Copy)]
pub(super) struct Node<'de> {
    pub at: [Option<&'de [u8]>; 4],
    pub depth: usize,
}

/// The members of a map that stands in several groups, in order of their keys.
#[derive(Clone, Copy)]
pub(super) struct Members<'de> {
    rest: [&'de [u8]; 4],
    depth: usize,
}

impl<'de> Members<'de> {
    /// The next key (its encoded bytes) with its value. `Err` where the bytes are no map.
    pub fn next(&mut self) -> Result<Option<(&'de [u8], Node<'de>)>, CanonError> {
        let mut least: Option<&'de [u8]> = None;
        let mut keys: [Option<(&'de [u8], &'de [u8])>; 4] = [None; 4];
        for (slot, rest) in keys.iter_mut().zip(self.rest) {
            if rest.is_empty() {
                continue;
            }
            let (key, after) = cbor::split(rest).ok_or_else(|| wrong("a key"))?;
            *slot = Some((key, after));
            if least.is_none_or(|l| key < l) {
                least = Some(key);
            }
        }
        let Some(least) = least else { return Ok(None) };
        let mut node = Node { at: [None; 4], depth: self.depth + 1 };
        for ((slot, key), rest) in node.at.iter_mut().zip(keys).zip(&mut self.rest) {
            if let Some((key, after)) = key.filter(|(k, _)| *k == least) {
                let (value, behind) = cbor::split(after).ok_or_else(|| wrong("a value"))?;
                if cbor::split(behind).is_some_and(|(next, _)| next <= key) {
                    return Err(wrong("the keys of a map are not in order"));
                }
                *slot = Some(value);
                *rest = behind;
            }
        }
        Ok(Some((least, node)))
    }
}

impl<'de> Node<'de> {
    /// The one item that it is; `None` where several groups tell of it.
    pub fn single(&self) -> Option<&'de [u8]> {
        let mut found = self.at.iter().flatten();
        let first = found.next()?;
        found.next().is_none().then_some(*first)
    }

    /// The group that a single item stands in.
    pub fn group(&self) -> Option<usize> {
        self.at.iter().position(Option::is_some)
    }

    /// Its members, where it is a map in every group that tells of it.
    pub fn members(&self) -> Result<Option<Members<'de>>, CanonError> {
        if self.depth > MAX_DEPTH {
            return Err(wrong("it is nested too deeply"));
        }
        let mut rest: [&[u8]; 4] = [&[]; 4];
        let mut maps = 0;
        for (slot, item) in rest.iter_mut().zip(self.at) {
            let Some(item) = item else { continue };
            let (major, _, inside) = cbor::read_head(item).ok_or_else(|| wrong("a head"))?;
            if major != MAP {
                return if self.single().is_some() { Ok(None) } else { Err(wrong("a value stands in two groups")) };
            }
            *slot = inside;
            maps += 1;
        }
        Ok((maps > 0).then_some(Members { rest, depth: self.depth }))
    }

    fn head(&self) -> Result<(u8, u64, &'de [u8]), CanonError> {
        let item = self.single().ok_or_else(|| wrong("a value stands in two groups"))?;
        cbor::read_head(item).ok_or_else(|| wrong("a head"))
    }

    fn name(n: u64, rest: &'de [u8]) -> Result<&'de str, CanonError> {
        if n != NAME_TAG {
            return Err(wrong("an unknown tag"));
        }
        key_name(rest).ok_or_else(|| wrong("a name without meaning"))
    }
}

/// The name that a key or a tagged value stands for.
pub(super) fn key_name(key: &[u8]) -> Option<&str> {
    match cbor::read_head(key)? {
        (UINT, n, _) => names::by_number(n).map(|n| n.name),
        (TEXT, n, rest) => std::str::from_utf8(rest.get(..usize::try_from(n).ok()?)?).ok(),
        _ => None,
    }
}

pub(super) fn slice(n: u64, rest: &[u8]) -> Result<&[u8], CanonError> {
    usize::try_from(n).ok().and_then(|n| rest.get(..n)).ok_or_else(|| wrong("a length"))
}

/// The value at a path of names, in any group.
fn node_at<'a>(groups: [&'a [u8]; 4], path: &[&str]) -> Option<Node<'a>> {
    let mut node = Node { at: groups.map(|g| cbor::split(g).map(|(item, _)| item)), depth: 0 };
    for wanted in path {
        let mut members = node.members().ok()??;
        node = loop {
            let (key, value) = members.next().ok()??;
            if key_name(key) == Some(*wanted) {
                break value;
            }
        };
    }
    Some(node)
}

/// The name of the enumeration's value at a path of names; of one with content its first key.
pub fn variant_at(groups: [&[u8]; 4], path: &[&str]) -> Option<String> {
    let node = node_at(groups, path)?;
    if let Ok(Some(mut members)) = node.members() {
        let (key, _) = members.next().ok()??;
        return key_name(key).map(String::from);
    }
    let (major, n, rest) = node.head().ok()?;
    if major == TAG { Node::name(n, rest).ok().map(String::from) } else { None }
}

/// The text at a path of names; the first text inside where there is an array.
pub fn text_at(groups: [&[u8]; 4], path: &[&str]) -> Option<String> {
    let mut item = node_at(groups, path)?.single()?;
    for _ in 0..4 {
        let (major, n, rest) = cbor::read_head(item)?;
        match major {
            TEXT => return std::str::from_utf8(slice(n, rest).ok()?).ok().map(String::from),
            ARRAY if n > 0 => item = rest,
            _ => return None,
        }
    }
    None
}

/// `source` and `received` of a record, from its core: the first two members of its root.
pub fn source_and_received(core: &[u8]) -> Option<(u64, i64)> {
    let mut r = cbor::Reader(core);
    r.map()?;
    if r.uint()? != 1 {
        return None;
    }
    let source = r.uint()?;
    if r.uint()? != 2 {
        return None;
    }
    Some((source, r.int()?))
}

impl<'de> de::Deserializer<'de> for Node<'de> {
    type Error = CanonError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CanonError> {
        if let Some(members) = self.members()? {
            return visitor.visit_map(InMap { members, value: None });
        }
        let (major, n, rest) = self.head()?;
        match major {
            UINT => visitor.visit_u64(n),
            NEGATIVE => visitor.visit_i64(!i64::try_from(n).map_err(|_| wrong("a number below the least"))?),
            BYTES => visitor.visit_borrowed_bytes(slice(n, rest)?),
            TEXT => visitor.visit_borrowed_str(std::str::from_utf8(slice(n, rest)?).map_err(|_| wrong("text that is not UTF-8"))?),
            ARRAY => {
                if self.depth > MAX_DEPTH {
                    return Err(wrong("it is nested too deeply"));
                }
                let group = self.group().unwrap_or(0);
                visitor.visit_seq(InArray { rest, left: n, group, depth: self.depth + 1 })
            }
            TAG => visitor.visit_borrowed_str(Node::name(n, rest)?),
            SIMPLE if n == 20 || n == 21 => visitor.visit_bool(n == 21),
            _ => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CanonError> {
        match self.single().and_then(cbor::read_head) {
            Some((SIMPLE, 22, _)) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, CanonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, CanonError> {
        match self.single().and_then(cbor::read_head) {
            Some((BYTES, n, rest)) if n == len as u64 => visitor.visit_seq(InBytes(slice(n, rest)?.iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(self, name: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, CanonError> {
        if let Some(mut members) = self.members()? {
            let (key, value) = members.next()?.ok_or_else(|| wrong("an enumeration without content"))?;
            if members.next()?.is_some() {
                return Err(wrong("an enumeration with two contents"));
            }
            let name = key_name(key).ok_or_else(|| wrong("a name without meaning"))?;
            return visitor.visit_enum(Chosen { name, value: Some(value) });
        }
        match self.head()? {
            (BYTES, n, _) if name == "IpAddr" => {
                let name = if n == 4 { "V4" } else { "V6" };
                visitor.visit_enum(Chosen { name, value: Some(self) })
            }
            (TAG, n, rest) => visitor.visit_enum(Chosen { name: Node::name(n, rest)?, value: None }),
            _ => Err(wrong("not an enumeration")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple_struct map struct
        identifier ignored_any
    }
}

struct InMap<'de> {
    members: Members<'de>,
    value: Option<Node<'de>>,
}

impl<'de> MapAccess<'de> for InMap<'de> {
    type Error = CanonError;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, CanonError> {
        let Some((key, value)) = self.members.next()? else { return Ok(None) };
        self.value = Some(value);
        // A name that this program does not know is of a newer one: it is passed over, as serde passes over unknown fields.
        let name = key_name(key).unwrap_or("#");
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, CanonError> {
        seed.deserialize(self.value.take().ok_or_else(|| wrong("a value without key"))?)
    }
}

struct InArray<'de> {
    rest: &'de [u8],
    left: u64,
    group: usize,
    depth: usize,
}

impl<'de> SeqAccess<'de> for InArray<'de> {
    type Error = CanonError;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, CanonError> {
        if self.left == 0 {
            return Ok(None);
        }
        let (item, rest) = cbor::split(self.rest).ok_or_else(|| wrong("an item"))?;
        self.rest = rest;
        self.left -= 1;
        let mut at = [None; 4];
        if let Some(slot) = at.get_mut(self.group) {
            *slot = Some(item);
        }
        seed.deserialize(Node { at, depth: self.depth }).map(Some)
    }
    fn size_hint(&self) -> Option<usize> {
        Some(usize::try_from(self.left).unwrap_or(0).min(self.rest.len()).min(4096))
    }
}

struct InBytes<'de>(std::slice::Iter<'de, u8>);

impl<'de> SeqAccess<'de> for InBytes<'de> {
    type Error = CanonError;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, CanonError> {
        use serde::de::IntoDeserializer;
        self.0.next().map(|b| seed.deserialize((*b).into_deserializer())).transpose()
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Chosen<'de> {
    name: &'de str,
    value: Option<Node<'de>>,
}

impl<'de> EnumAccess<'de> for Chosen<'de> {
    type Error = CanonError;
    type Variant = Self;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), CanonError> {
        let v = seed.deserialize(BorrowedStrDeserializer::<CanonError>::new(self.name))?;
        Ok((v, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'de> {
    type Error = CanonError;
    fn unit_variant(self) -> Result<(), CanonError> {
        if self.value.is_none() { Ok(()) } else { Err(wrong("content where none belongs")) }
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, CanonError> {
        seed.deserialize(self.value.ok_or_else(|| wrong("no content where some belongs"))?)
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, CanonError> {
        de::Deserializer::deserialize_tuple(self.value.ok_or_else(|| wrong("no content where some belongs"))?, len, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, CanonError> {
        de::Deserializer::deserialize_any(self.value.ok_or_else(|| wrong("no content where some belongs"))?, visitor)
    }
}
