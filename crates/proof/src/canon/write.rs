//! Serde's way from a record to its four groups.

use super::{ADDRESSES, CORE, CanonError, EMPTY, NAMES};
use crate::cbor::{self, ARRAY, BYTES, MAP, NAME_TAG, SIMPLE, TAG, TEXT, UINT};
use crate::names;
use serde::ser::{self, Serialize};

/// The four groups of a record, as bytes. Reuse one: the buffers keep their room.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    bytes: [Vec<u8>; 4],
    scratch: Scratch,
}

impl PartialEq for Groups {
    fn eq(&self, other: &Groups) -> bool {
        self.bytes == other.bytes
    }
}
impl Eq for Groups {}

impl Groups {
    /// A group's canonical bytes; an empty group is [`EMPTY`].
    pub fn get(&self, group: usize) -> &[u8] {
        self.bytes.get(group).filter(|b| !b.is_empty()).map_or(EMPTY, Vec::as_slice)
    }
    pub(super) fn buffers(&mut self) -> &mut [Vec<u8>; 4] {
        &mut self.bytes
    }
    /// All four.
    pub fn all(&self) -> [&[u8]; 4] {
        [self.get(0), self.get(1), self.get(2), self.get(3)]
    }
}

/// Writes a record into its groups.
pub fn write<T: Serialize + ?Sized>(record: &T, out: &mut Groups) -> Result<(), CanonError> {
    for b in &mut out.bytes {
        b.clear();
    }
    // What an earlier record left when it was refused.
    out.scratch.levels.clear();
    out.scratch.pairs.iter_mut().for_each(Vec::clear);
    let mut w = Writer { buf: &mut out.bytes, scratch: &mut out.scratch, depth: [0; 4] };
    record.serialize(At { w: &mut w, key: None, group: None })
}

#[derive(Clone, Copy, Debug)]
enum Key {
    Number(u16),
    Text(&'static str),
}

/// What writing needs besides the groups, kept from record to record so that none allocates.
#[derive(Clone, Debug, Default)]
struct Scratch {
    levels: Vec<Level>,
    /// In each group, the pairs of the maps that are open: a numbered key and where it stands.
    pairs: [Vec<(u16, usize)>; 4],
    sorted: Vec<u8>,
    known: Known,
}

/// Places of [`Known`].
const KNOWN: usize = 1024;

/// What is known of names, by where they stand in the program: a name is looked up once, and not for each record.
#[derive(Clone, Debug, Default)]
struct Known(Vec<(Place, Option<Number>)>);

/// Where a name begins in the program, and its length.
type Place = (usize, usize);
/// The number of a name, and the group that it decides.
type Number = (u16, Option<u8>);

impl Known {
    fn of(&mut self, name: &'static str) -> (Key, Option<usize>) {
        if self.0.is_empty() {
            self.0.resize(KNOWN, ((0, 0), None));
        }
        let (at, len) = (name.as_ptr().addr(), name.len());
        // Names lie close together: their lowest bits tell them apart.
        let slot = self.0.get_mut((at ^ (len << 5)) % KNOWN);
        let found = match slot {
            // The same bytes of the program: it never changes.
            Some(s) if s.0 == (at, len) => s.1,
            slot => {
                let found = names::by_name(name).map(|n| (n.number, n.group));
                if let Some(s) = slot {
                    *s = ((at, len), found);
                }
                found
            }
        };
        match found {
            Some((number, group)) => (Key::Number(number), group.map(usize::from)),
            None => (Key::Text(name), None),
        }
    }
}

/// A map that is open in some groups.
#[derive(Clone, Debug)]
struct Level {
    key: Option<Key>,
    marks: [Mark; 4],
}

/// A map within one group.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    head_at: u32,
    /// Its first place in the list of pairs.
    pairs_from: u32,
    count: u32,
    last: u16,
    unsorted: bool,
    /// There are keys that are text.
    texts: bool,
}

struct Writer<'b> {
    buf: &'b mut [Vec<u8>; 4],
    scratch: &'b mut Scratch,
    /// In each group: how many levels, from the root on, are open there.
    depth: [usize; 4],
}

fn at<T: Default + Copy>(list: &[T; 4], g: usize) -> T {
    list.get(g).copied().unwrap_or_default()
}

impl Writer<'_> {
    fn buf(&mut self, g: usize) -> &mut Vec<u8> {
        let [a, b, c, d] = &mut *self.buf;
        match g {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        }
    }

    /// Opens every map on the way to here in this group.
    fn open_all(&mut self, g: usize) {
        while at(&self.depth, g) < self.scratch.levels.len() {
            let i = at(&self.depth, g);
            let key = self.scratch.levels.get(i).and_then(|l| l.key);
            if let (Some(key), Some(parent)) = (key, i.checked_sub(1)) {
                self.put_key(parent, g, key);
            }
            self.open(i, g);
        }
    }

    fn open(&mut self, level: usize, g: usize) {
        // A record is far smaller than what 32 bits count; one that is not is refused by its length afterwards.
        let head_at = self.buf(g).len() as u32;
        self.buf(g).push(MAP << 5);
        let pairs_from = self.scratch.pairs.get(g).map_or(0, Vec::len) as u32;
        if let Some(m) = self.scratch.levels.get_mut(level).and_then(|l| l.marks.get_mut(g)) {
            *m = Mark { head_at, pairs_from, ..Mark::default() };
        }
        if let Some(d) = self.depth.get_mut(g) {
            *d = level + 1;
        }
    }

    fn put_key(&mut self, level: usize, g: usize, key: Key) {
        let place = self.buf(g).len();
        match key {
            Key::Number(n) => {
                cbor::uint(self.buf(g), u64::from(n));
                if let Some(pairs) = self.scratch.pairs.get_mut(g) {
                    pairs.push((n, place));
                }
            }
            Key::Text(t) => cbor::text(self.buf(g), t),
        }
        if let Some(m) = self.scratch.levels.get_mut(level).and_then(|l| l.marks.get_mut(g)) {
            m.count += 1;
            match key {
                Key::Number(n) if n > m.last || m.count == 1 => m.last = n,
                Key::Number(_) => m.unsorted = true,
                Key::Text(_) => (m.unsorted, m.texts) = (true, true),
            }
        }
    }

    fn push(&mut self, key: Option<Key>) -> Result<(), CanonError> {
        if self.scratch.levels.len() >= cbor::MAX_DEPTH / 2 {
            return Err(CanonError(String::from("a record is nested too deeply")));
        }
        self.scratch.levels.push(Level { key, marks: [Mark::default(); 4] });
        Ok(())
    }

    /// Closes the innermost map wherever it is open.
    fn pop(&mut self) -> Result<(), CanonError> {
        let depth = self.scratch.levels.len();
        let Some(level) = self.scratch.levels.pop() else { return Ok(()) };
        for ((g, buf), m) in self.buf.iter_mut().enumerate().zip(level.marks) {
            if at(&self.depth, g) < depth {
                continue;
            }
            if let Some(d) = self.depth.get_mut(g) {
                *d = depth - 1;
            }
            let Some(pairs) = self.scratch.pairs.get_mut(g) else { continue };
            if m.texts || m.unsorted && m.count > MOST_PAIRS as u32 {
                sort(buf, m)?;
            } else if m.unsorted {
                order(buf, pairs.get_mut(m.pairs_from as usize..).unwrap_or_default(), &mut self.scratch.sorted)?;
            }
            pairs.truncate(m.pairs_from as usize);
            close(buf, m);
        }
        Ok(())
    }
}

/// Puts the number of pairs into a map's head.
fn close(buf: &mut Vec<u8>, m: Mark) {
    if m.count < 24 {
        if let Some(h) = buf.get_mut(m.head_at as usize) {
            *h = MAP << 5 | m.count as u8;
        }
    } else {
        let mut head = Vec::with_capacity(9);
        cbor::map(&mut head, u64::from(m.count));
        let at = m.head_at as usize;
        buf.splice(at..=at, head);
    }
}

fn twice() -> CanonError {
    CanonError(String::from("a map has the same key twice"))
}

/// Pairs that [`order`] takes: more than any struct has.
const MOST_PAIRS: usize = 64;

/// Puts the pairs of the map that ends the buffer into the order of their keys, which are numbers.
fn order(buf: &mut [u8], pairs: &mut [(u16, usize)], sorted: &mut Vec<u8>) -> Result<(), CanonError> {
    let Some(from) = pairs.first().map(|p| p.1) else { return Ok(()) };
    sorted.clear();
    // Each pair ends where the one written behind it begins; few pairs, most of them in place.
    let mut ends = [0usize; MOST_PAIRS];
    for (end, next) in ends.iter_mut().zip(pairs.iter().skip(1).map(|p| p.1).chain([buf.len()])) {
        *end = next;
    }
    let mut places = [(0u16, 0usize, 0usize); MOST_PAIRS];
    for ((place, (key, at)), end) in places.iter_mut().zip(pairs.iter()).zip(ends) {
        *place = (*key, *at, end);
    }
    let places = places.get_mut(..pairs.len()).unwrap_or_default();
    places.sort_unstable();
    if places.windows(2).any(|w| w.first().map(|p| p.0) == w.get(1).map(|p| p.0)) {
        return Err(twice());
    }
    for (_, at, end) in places {
        sorted.extend_from_slice(buf.get(*at..*end).unwrap_or_default());
    }
    if let Some(body) = buf.get_mut(from..).filter(|b| b.len() == sorted.len()) {
        body.copy_from_slice(sorted);
    }
    Ok(())
}

/// The same where keys are text as well.
fn sort(buf: &mut Vec<u8>, m: Mark) -> Result<(), CanonError> {
    let wrong = || CanonError(String::from("a map cannot be put into order"));
    let from = m.head_at as usize + 1;
    let body = buf.get(from..).ok_or_else(wrong)?.to_vec();
    let mut pairs = Vec::with_capacity(m.count as usize);
    let mut rest = body.as_slice();
    while !rest.is_empty() {
        let (key, after) = cbor::split(rest).ok_or_else(wrong)?;
        let (value, after) = cbor::split(after).ok_or_else(wrong)?;
        pairs.push((key, value));
        rest = after;
    }
    pairs.sort_unstable_by_key(|(k, _)| *k);
    if pairs.windows(2).any(|w| w.first().map(|p| p.0) == w.get(1).map(|p| p.0)) {
        return Err(twice());
    }
    buf.truncate(from);
    for (k, v) in pairs {
        buf.extend_from_slice(k);
        buf.extend_from_slice(v);
    }
    Ok(())
}

/// The place of a value: under a key of the innermost map (or an item of an array), in a group or where it is still open.
struct At<'a, 'b> {
    w: &'a mut Writer<'b>,
    key: Option<Key>,
    group: Option<usize>,
}

impl<'a, 'b> At<'a, 'b> {
    /// Decides the group, and writes the key there.
    fn start(self, default: usize) -> (&'a mut Writer<'b>, usize) {
        let g = self.group.unwrap_or(default);
        self.w.open_all(g);
        if let (Some(key), Some(level)) = (self.key, self.w.scratch.levels.len().checked_sub(1)) {
            self.w.put_key(level, g, key);
        }
        (self.w, g)
    }

    fn struct_(self) -> Result<InMap<'a, 'b>, CanonError> {
        let group = self.group;
        if let Some(g) = group {
            let (w, _) = self.start(g);
            w.push(None)?;
            w.open(w.scratch.levels.len() - 1, g);
            Ok(InMap { w, group, key: None })
        } else {
            self.w.push(self.key)?;
            self.w.open_all(CORE);
            Ok(InMap { w: self.w, group, key: None })
        }
    }

    /// An enumeration with content: a map of one pair.
    fn variant(self, name: &'static str) -> Result<InMap<'a, 'b>, CanonError> {
        let mut m = self.struct_()?;
        m.key = Some(name);
        Ok(m)
    }
}

fn no_float<T>() -> Result<T, CanonError> {
    Err(CanonError(String::from("a record has no fractions")))
}

impl<'a, 'b> ser::Serializer for At<'a, 'b> {
    type Ok = ();
    type Error = CanonError;
    type SerializeSeq = InArray<'a, 'b>;
    type SerializeTuple = InTuple<'a, 'b>;
    type SerializeTupleStruct = InArray<'a, 'b>;
    type SerializeTupleVariant = InVariantArray<'a, 'b>;
    type SerializeMap = InDictionary<'a, 'b>;
    type SerializeStruct = InMap<'a, 'b>;
    type SerializeStructVariant = InVariantMap<'a, 'b>;

    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_bool(self, v: bool) -> Result<(), CanonError> {
        let (w, g) = self.start(CORE);
        w.buf(g).push(SIMPLE << 5 | if v { 21 } else { 20 });
        Ok(())
    }
    fn serialize_i8(self, v: i8) -> Result<(), CanonError> {
        self.serialize_i64(i64::from(v))
    }
    fn serialize_i16(self, v: i16) -> Result<(), CanonError> {
        self.serialize_i64(i64::from(v))
    }
    fn serialize_i32(self, v: i32) -> Result<(), CanonError> {
        self.serialize_i64(i64::from(v))
    }
    fn serialize_i64(self, v: i64) -> Result<(), CanonError> {
        let (w, g) = self.start(CORE);
        cbor::int(w.buf(g), v);
        Ok(())
    }
    fn serialize_u8(self, v: u8) -> Result<(), CanonError> {
        self.serialize_u64(u64::from(v))
    }
    fn serialize_u16(self, v: u16) -> Result<(), CanonError> {
        self.serialize_u64(u64::from(v))
    }
    fn serialize_u32(self, v: u32) -> Result<(), CanonError> {
        self.serialize_u64(u64::from(v))
    }
    fn serialize_u64(self, v: u64) -> Result<(), CanonError> {
        let (w, g) = self.start(CORE);
        cbor::head(w.buf(g), UINT, v);
        Ok(())
    }
    fn serialize_f32(self, _: f32) -> Result<(), CanonError> {
        no_float()
    }
    fn serialize_f64(self, _: f64) -> Result<(), CanonError> {
        no_float()
    }
    fn serialize_char(self, v: char) -> Result<(), CanonError> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, v: &str) -> Result<(), CanonError> {
        let (w, g) = self.start(NAMES);
        let buf = w.buf(g);
        cbor::head(buf, TEXT, v.len() as u64);
        buf.extend_from_slice(v.as_bytes());
        Ok(())
    }
    fn serialize_bytes(self, v: &[u8]) -> Result<(), CanonError> {
        let (w, g) = self.start(CORE);
        cbor::bytes(w.buf(g), v);
        Ok(())
    }
    fn serialize_none(self) -> Result<(), CanonError> {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, v: &T) -> Result<(), CanonError> {
        v.serialize(self)
    }
    /// What is absent is left out under a key, and null in an array.
    fn serialize_unit(self) -> Result<(), CanonError> {
        if self.key.is_none() && self.group.is_some() {
            let (w, g) = self.start(CORE);
            w.buf(g).push(SIMPLE << 5 | 22);
        }
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CanonError> {
        self.serialize_unit()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), CanonError> {
        let (w, g) = self.start(CORE);
        let (known, _) = w.scratch.known.of(variant);
        let buf = w.buf(g);
        cbor::head(buf, TAG, NAME_TAG);
        match known {
            Key::Number(n) => cbor::uint(buf, u64::from(n)),
            Key::Text(t) => cbor::text(buf, t),
        }
        Ok(())
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, v: &T) -> Result<(), CanonError> {
        v.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        v: &T,
    ) -> Result<(), CanonError> {
        if name == "IpAddr" {
            // The number of bytes tells the version.
            return v.serialize(self);
        }
        let mut m = self.variant(variant)?;
        let key = m.key.take().unwrap_or(variant);
        m.field(key, v)?;
        m.w.pop()
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<InArray<'a, 'b>, CanonError> {
        let n = len.ok_or_else(|| CanonError(String::from("an array without length")))?;
        let (w, group) = self.start(CORE);
        cbor::head(w.buf(group), ARRAY, n as u64);
        Ok(InArray { w, group })
    }
    fn serialize_tuple(self, len: usize) -> Result<InTuple<'a, 'b>, CanonError> {
        Ok(InTuple { place: Some(self), len, bytes: [0; 16], have: 0, array: None })
    }
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<InArray<'a, 'b>, CanonError> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<InVariantArray<'a, 'b>, CanonError> {
        let m = self.variant(variant)?;
        let (key, group) = m.w.scratch.known.of(variant);
        let inner = At { w: m.w, key: Some(key), group: m.group.or(group) };
        let array = ser::Serializer::serialize_seq(inner, Some(len))?;
        Ok(InVariantArray(array))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<InDictionary<'a, 'b>, CanonError> {
        let (w, g) = self.start(CORE);
        w.push(None)?;
        w.open(w.scratch.levels.len() - 1, g);
        Ok(InDictionary { w, group: g })
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<InMap<'a, 'b>, CanonError> {
        self.struct_()
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<InVariantMap<'a, 'b>, CanonError> {
        let m = self.variant(variant)?;
        let (key, group) = m.w.scratch.known.of(variant);
        let inner = At { w: m.w, key: Some(key), group: m.group.or(group) };
        Ok(InVariantMap(inner.struct_()?))
    }
}

/// Inside a struct.
pub(super) struct InMap<'a, 'b> {
    w: &'a mut Writer<'b>,
    group: Option<usize>,
    key: Option<&'static str>,
}

impl InMap<'_, '_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, v: &T) -> Result<(), CanonError> {
        let (key, group) = self.w.scratch.known.of(name);
        v.serialize(At { w: self.w, key: Some(key), group: self.group.or(group) })
    }
}

impl ser::SerializeStruct for InMap<'_, '_> {
    type Ok = ();
    type Error = CanonError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, v: &T) -> Result<(), CanonError> {
        self.field(name, v)
    }
    fn end(self) -> Result<(), CanonError> {
        self.w.pop()
    }
}

/// Inside a struct that is the content of an enumeration: two maps to close.
pub(super) struct InVariantMap<'a, 'b>(InMap<'a, 'b>);

impl ser::SerializeStructVariant for InVariantMap<'_, '_> {
    type Ok = ();
    type Error = CanonError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, v: &T) -> Result<(), CanonError> {
        self.0.field(name, v)
    }
    fn end(self) -> Result<(), CanonError> {
        self.0.w.pop()?;
        self.0.w.pop()
    }
}

/// Inside an array.
pub(super) struct InArray<'a, 'b> {
    w: &'a mut Writer<'b>,
    group: usize,
}

impl InArray<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), CanonError> {
        v.serialize(At { w: self.w, key: None, group: Some(self.group) })
    }
}

impl ser::SerializeSeq for InArray<'_, '_> {
    type Ok = ();
    type Error = CanonError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), CanonError> {
        self.item(v)
    }
    fn end(self) -> Result<(), CanonError> {
        Ok(())
    }
}
impl ser::SerializeTupleStruct for InArray<'_, '_> {
    type Ok = ();
    type Error = CanonError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), CanonError> {
        self.item(v)
    }
    fn end(self) -> Result<(), CanonError> {
        Ok(())
    }
}

/// Inside the array of an enumeration with several contents: a map to close behind it.
pub(super) struct InVariantArray<'a, 'b>(InArray<'a, 'b>);

impl ser::SerializeTupleVariant for InVariantArray<'_, '_> {
    type Ok = ();
    type Error = CanonError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), CanonError> {
        self.0.item(v)
    }
    fn end(self) -> Result<(), CanonError> {
        self.0.w.pop()
    }
}

/// Inside a tuple: an address where it is 4, 6 or 16 bytes, else an array.
pub(super) struct InTuple<'a, 'b> {
    place: Option<At<'a, 'b>>,
    len: usize,
    bytes: [u8; 16],
    have: usize,
    array: Option<InArray<'a, 'b>>,
}

impl<'a, 'b> InTuple<'a, 'b> {
    /// It is an array after all: what came so far are its first items.
    fn give_up(&mut self) -> Result<&mut InArray<'a, 'b>, CanonError> {
        if self.array.is_none() {
            let place = self.place.take().ok_or_else(|| CanonError(String::from("a tuple without place")))?;
            let mut array = ser::Serializer::serialize_seq(place, Some(self.len))?;
            for b in self.bytes.get(..self.have).unwrap_or(&[]) {
                array.item(b)?;
            }
            self.array = Some(array);
        }
        self.array.as_mut().ok_or_else(|| CanonError(String::from("a tuple without place")))
    }
}

impl ser::SerializeTuple for InTuple<'_, '_> {
    type Ok = ();
    type Error = CanonError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), CanonError> {
        if self.array.is_none()
            && matches!(self.len, 4 | 6 | 16)
            && let Ok(b) = v.serialize(probe::Byte)
            && let Some(slot) = self.bytes.get_mut(self.have)
        {
            *slot = b;
            self.have += 1;
            return Ok(());
        }
        self.give_up()?.item(v)
    }
    fn end(mut self) -> Result<(), CanonError> {
        if self.array.is_none() && self.have == self.len && self.have > 0 {
            let Some(place) = self.place.take() else { return Ok(()) };
            let (w, g) = place.start(ADDRESSES);
            cbor::head(w.buf(g), BYTES, self.have as u64);
            w.buf(g).extend_from_slice(self.bytes.get(..self.have).unwrap_or(&[]));
            return Ok(());
        }
        self.give_up().map(|_| ())
    }
}

/// Inside a dictionary.
pub(super) struct InDictionary<'a, 'b> {
    w: &'a mut Writer<'b>,
    group: usize,
}

impl ser::SerializeMap for InDictionary<'_, '_> {
    type Ok = ();
    type Error = CanonError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CanonError> {
        let g = self.group;
        let before = self.w.buf(g).len();
        key.serialize(At { w: self.w, key: None, group: Some(g) })?;
        if self.w.buf(g).get(before).is_none_or(|b| b >> 5 != TEXT) {
            return Err(CanonError(String::from("the keys of a dictionary are text")));
        }
        if let Some(m) = self.w.scratch.levels.last_mut().and_then(|l| l.marks.get_mut(g)) {
            m.count += 1;
            (m.unsorted, m.texts) = (true, true);
        }
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), CanonError> {
        v.serialize(At { w: self.w, key: None, group: Some(self.group) })
    }
    fn end(self) -> Result<(), CanonError> {
        self.w.pop()
    }
}

/// Is it a `u8`?
mod probe {
    use serde::Serialize;
    use serde::ser::{Impossible, Serializer};
    use std::fmt;

    pub(super) struct Byte;
    #[derive(Debug)]
    pub(super) struct No;
    impl fmt::Display for No {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not a byte")
        }
    }
    impl std::error::Error for No {}
    impl serde::ser::Error for No {
        fn custom<T: fmt::Display>(_: T) -> Self {
            No
        }
    }

    macro_rules! no {
        ($($name:ident: $ty:ty),+ $(,)?) => { $(fn $name(self, _: $ty) -> Result<u8, No> { Err(No) })+ };
    }
    impl Serializer for Byte {
        type Ok = u8;
        type Error = No;
        type SerializeSeq = Impossible<u8, No>;
        type SerializeTuple = Impossible<u8, No>;
        type SerializeTupleStruct = Impossible<u8, No>;
        type SerializeTupleVariant = Impossible<u8, No>;
        type SerializeMap = Impossible<u8, No>;
        type SerializeStruct = Impossible<u8, No>;
        type SerializeStructVariant = Impossible<u8, No>;
        fn is_human_readable(&self) -> bool {
            false
        }
        fn serialize_u8(self, v: u8) -> Result<u8, No> {
            Ok(v)
        }
        no!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u16: u16,
            serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str,
            serialize_bytes: &[u8], serialize_unit_struct: &'static str);
        fn serialize_none(self) -> Result<u8, No> {
            Err(No)
        }
        fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<u8, No> {
            Err(No)
        }
        fn serialize_unit(self) -> Result<u8, No> {
            Err(No)
        }
        fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<u8, No> {
            Err(No)
        }
        fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<u8, No> {
            Err(No)
        }
        fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Result<u8, No> {
            Err(No)
        }
        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, No> {
            Err(No)
        }
        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, No> {
            Err(No)
        }
        fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, No> {
            Err(No)
        }
        fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self::SerializeTupleVariant, No> {
            Err(No)
        }
        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, No> {
            Err(No)
        }
        fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, No> {
            Err(No)
        }
        fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self::SerializeStructVariant, No> {
            Err(No)
        }
    }
}
