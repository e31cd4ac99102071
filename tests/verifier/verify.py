#!/usr/bin/env python3
"""Verifies evidence packs and data folders, written from docs/store-format.md alone: no line is shared with the Rust code or with
crates/proof/page/verify.html, so that three hands must agree on every pack.

    verify.py PACK [--fingerprint F] [--since CHECKPOINT] [--witness VKEY]… [--names names.tsv] [--json]
    verify.py --folder DIR [--fingerprint F] [--witness VKEY]… [--json]

Ends with 0 where all that was asked holds, 1 where something does not hold (or could not be compared, though it was asked for),
2 on wrong usage, 3 where the input is not readable as what it should be.

Python 3.9 or newer and `cryptography` (for Ed25519 only).
"""

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import struct
import sys
import unicodedata
import zlib
from datetime import datetime, timedelta, timezone

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stderr.write("The Python package 'cryptography' is missing (for Ed25519). Run: pip install cryptography\n")
    sys.exit(3)

# Bounds. The page has the same ones, so that both say the same of every pack.
PACK = 512 << 20  # a pack
NOTE = 1 << 20  # pack.note
CHECKPOINT = 64 << 10  # checkpoint
KEY = 1 << 10  # key
STAMP = 1 << 20  # stamp.tsr
DOCUMENT = 256 << 20  # proof.json, records.json
RECORD = 16 << 20  # the canonical bytes of one group
ENTRY = 65535  # an entry of the log: its length has two bytes in a bundle
DEPTH = 64  # arrays and maps inside each other, in CBOR
JSON_DEPTH = 72
SIGNATURES = 100  # lines of signatures in a note
SAFE = 1 << 53

TABLES = ["flow", "activity", "observation", "finding", "audit", "health", "log", "evidence"]
GROUPS = ["core", "addresses", "names", "text"]
STEPS = ["container", "note", "key", "checkpoint", "entries", "tables", "records", "readable", "consistency", "complete"]
ORIGIN = re.compile(r"hinomi\.local/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NUMBER = r"(?:0|[1-9][0-9]{0,15})"
# What a name in a signed note must not have: Unicode spaces and plus.
NAME = r"[^+\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"

WORDS = {
    "not_zip": "this is not a ZIP file",
    "too_large": "this is larger than a verifier reads (512 MiB)",
    "zip_header": "a local header is not in the one form that packs have; another program may have written the ZIP file anew",
    "zip_compressed": "this is compressed; a pack holds its files as they are. Another program may have written the ZIP file anew",
    "zip_crc": "the CRC-32 does not fit the content",
    "zip_cut": "the file ends too early",
    "zip_name": "a name in the ZIP file has characters that names in packs do not have",
    "zip_twice": "this name stands in the ZIP file twice",
    "zip_directory": "the directory of the ZIP file is not the one that its contents ask for",
    "zip_trailing": "something stands behind the end of the ZIP file",
    "note_missing": "the first file of the pack is not pack.note",
    "note_form": "this is not a note in the form of a pack",
    "note_signer": "not signed by the key that the pack names, or by others as well",
    "note_signature": "the signature does not fit the text: one of the two was changed",
    "file_required": "this file is missing; every pack has it",
    "file_missing": "pack.note lists this file, and it is not there",
    "file_extra": "pack.note does not list this file",
    "file_twice": "pack.note lists this file twice",
    "file_order": "the files stand in another order than pack.note lists them",
    "file_unknown": "packs have no file of this name",
    "file_length": "the length is not the one that pack.note states",
    "file_digest": "the content is not the one that pack.note states: it was changed",
    "blob_name": "the attachment's name is not the digest of its content",
    "key_form": "this is not a public key line",
    "key_id": "the key's number does not belong to the key",
    "key_origin": "the key's name is not that of the log",
    "key_weak": "this key is not one that can be trusted to be unique",
    "fingerprint_other": "the fingerprint is not the one that you gave: this pack was signed by another key",
    "checkpoint_form": "this is not a checkpoint",
    "checkpoint_origin": "the checkpoint is one of another log",
    "checkpoint_signer": "the checkpoint is not signed by the key of the pack",
    "checkpoint_signature": "the signature does not fit the checkpoint",
    "cosignature_bad": "a witness that you know is named, and its signature does not fit",
    "stamp_form": "this is not a time stamp (RFC 3161)",
    "stamp_imprint": "the time stamp is one of something else",
    "json_form": "this is not JSON in the form that packs have",
    "proof_form": "this part is not in the form that packs have",
    "proof_origin": "the proofs are those of another log",
    "proof_size": "the proofs are for another size of the log than the checkpoint's",
    "entry_path": "this entry is not in the log that the checkpoint signs",
    "entry_form": "this entry of the log is not in its form",
    "entry_handover": "the key handed over to another without the signature of the old one",
    "entries_sequence": "the batches of the log do not follow each other",
    "table_twice": "the same batch and table stands here twice",
    "table_entry": "no entry shown here committed this table",
    "table_count": "the count is not the one that the log committed",
    "table_root": "the leaves do not make the root that the log committed",
    "position_beyond": "the position lies beyond the count",
    "records_order": "the records are not in order",
    "seq_range": "the record's number cannot be where it is said to be",
    "record_leaf": "the record is not what the log committed at this place",
    "cbor_form": "the bytes are not in the canonical form",
    "group_wrong": "a value stands in a group in which it must not stand",
    "group_twice": "a value stands in two groups",
    "name_twice": "a name stands twice",
    "record_root": "this does not have the form of a record of its table",
    "record_received": "the record was received at another time than the log committed for its batch",
    "records_form": "this is not the list of records",
    "records_count": "there are more or fewer records than in proof.json",
    "records_seq": "another record stands here than in proof.json",
    "records_table": "the record is said to be of another table",
    "records_differ": "the readable text is not what the proven bytes say",
    "consistency_path": "the log of this pack does not continue the earlier one",
    "since_differs": "the log was rewritten: your earlier checkpoint has another root at the same size",
    "complete_range": "the range that is said to be complete is not one",
    "complete_missing": "an entry of the log within the range is missing",
    "complete_neighbour": "the entry beside the range is missing",
    "complete_records": "records of a batch within the range are missing",
    "complete_overlap": "a batch outside what is shown has records within the range",
    # Of folders only.
    "file_absent": "this file is missing",
    "file_long": "this file is longer than it can be",
    "bundle_cut": "the bundle of entries ends too early",
    "bundle_long": "something stands behind the last entry of the bundle",
    "tile_other": "the tile does not have the hashes of the entries",
    "root_other": "the entries do not make the root that the checkpoint signs",
    "segment_other": "the segment file is not the one that the log says is in force",
}


class Fails(Exception):
    """Something does not hold: which entry of the pack (or file of the folder), where in it, and why."""

    def __init__(self, entry, code, place="", detail=""):
        super().__init__(code)
        self.entry, self.code, self.place, self.detail = entry, code, place, detail

    def shape(self):
        why = WORDS[self.code] + (f" ({self.detail})" if self.detail else "")
        return {"entry": self.entry, "place": self.place, "code": self.code, "detail": self.detail, "why": why}


class Unreadable(Exception):
    """The input is not of the kind at all."""


class Usage(Exception):
    """What was given beside the pack is not in its form."""


# ---------------------------------------------------------------------------------------------------------------- small things


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b"\x01" + left + right)


def unbase64(text):
    """Base64 in its one form (RFC 4648 section 4, with padding, unused bits zero), or None."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text) or len(text) % 4:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def safe(text):
    """Text of others for a terminal: what moves the cursor or turns the direction of writing is shown as its number."""
    return "".join(c if c.isprintable() and unicodedata.category(c) not in ("Cf", "Cc") else f"\\u{{{ord(c):x}}}" for c in str(text))


def rfc3339(ns):
    seconds, rest = divmod(ns, 1_000_000_000)
    when = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    return f"{when.year:04}-{when.month:02}-{when.day:02}T{when.hour:02}:{when.minute:02}:{when.second:02}.{rest:09}Z"


def posix(seconds):
    """Seconds since 1970 as a time, or None beyond the year 9999."""
    if seconds > 253402300799:
        return None
    return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_rfc3339(text):
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?(Z|[+-]([0-9]{2}):([0-9]{2}))", text)
    if not found:
        return False
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    zone = found[8] == "Z" or (int(found[9]) < 24 and int(found[10]) < 60)
    return year > 0 and 1 <= month <= 12 and 1 <= day <= days[month - 1] and hour < 24 and minute < 60 and second < 60 and zone


def i64(value):
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def uint(value):
    return type(value) is int and value >= 0


# ------------------------------------------------------------------------------------------------------------- Ed25519 and keys

P = (1 << 255) - 19
# The y of the points of small order: a key there would "sign" everything.
SMALL = {0, 1, P - 1, 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826, 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7}


def weak(public):
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    return y >= P or y in SMALL


def signed(public, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


class Key:
    """A public key line: NAME+KEYID+BASE64(type ‖ public key)."""

    def __init__(self, line, kind, entry="key"):
        found = re.fullmatch(rf"({NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/=]+)", line)
        data = unbase64(found[3]) if found else None
        if data is None or len(data) != 33 or data[0] != kind:
            raise Fails(entry, "key_form")
        self.line, self.name, self.public = line, found[1], data[1:]
        self.id = sha256(self.name.encode() + b"\n" + data)[:4]
        if self.id.hex() != found[2]:
            raise Fails(entry, "key_id")
        if weak(self.public):
            raise Fails(entry, "key_weak")

    def fingerprint(self):
        whole = sha256(self.line.encode()).hex().upper()
        return " ".join(whole[i : i + 4] for i in range(0, 64, 4))

    def made(self, name, blob):
        return name == self.name and blob[:4] == self.id


def plain_fingerprint(text):
    """A fingerprint as people write it: spaces, colons and hyphens between, full-width letters; or the whole key line."""
    text = unicodedata.normalize("NFKC", text).strip()
    if "+" in text:
        return sha256(text.encode()).hex().upper()
    bare = re.sub(r"[\s:\-‐–]", "", text).upper()
    if not re.fullmatch(r"[0-9A-F]{64}", bare):
        raise Usage("a fingerprint has 64 hexadecimal digits, in sixteen groups of four")
    return bare


# ---------------------------------------------------------------------------------------------------------------- signed notes


class Note:
    """A C2SP signed note: its body (with the last line end) and its signatures, as (name, bytes)."""

    def __init__(self, data, entry, code):
        def wrong(detail):
            raise Fails(entry, code, "", detail)

        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            wrong("not UTF-8")
        if any(c < " " and c != "\n" for c in text):
            wrong("control characters")
        cut = text.rfind("\n\n")
        if cut < 0 or not text.endswith("\n") or cut + 2 == len(text):
            wrong("no signatures")
        self.body = text[: cut + 1]
        lines = text[cut + 2 : -1].split("\n")
        if len(lines) > SIGNATURES:
            wrong("too many signatures")
        self.signatures = []
        for line in lines:
            found = re.fullmatch(rf"\u2014 ({NAME}) ([A-Za-z0-9+/=]+)", line)
            blob = unbase64(found[2]) if found else None
            if blob is None or len(blob) < 5:
                wrong("a signature line")
            self.signatures.append((found[1], blob))

    def of(self, key):
        return [blob[4:] for name, blob in self.signatures if key.made(name, blob)]

    def holds(self, key):
        """None where the key has not signed, else whether every signature of it fits."""
        mine = self.of(key)
        return all(len(s) == 64 and signed(key.public, s, self.body.encode()) for s in mine) if mine else None


class Checkpoint:
    def __init__(self, data, entry="checkpoint"):
        if len(data) > CHECKPOINT:
            raise Fails(entry, "checkpoint_form", "", "too long")
        self.note = Note(data, entry, "checkpoint_form")
        lines = self.note.body[:-1].split("\n")
        root = unbase64(lines[2]) if len(lines) == 3 else None
        if root is None or len(root) != 32 or not re.fullmatch(NUMBER, lines[1]) or int(lines[1]) >= SAFE:
            raise Fails(entry, "checkpoint_form", "", "its three lines")
        self.origin, self.size, self.root = lines[0], int(lines[1]), root

    def cosignatures(self, witnesses, entry="checkpoint"):
        """The lines of witnesses (C2SP tlog-cosignature, cosignature/v1): name, number of the key, time, and whether it was checked."""
        found = []
        for name, blob in self.note.signatures:
            known = [w for w in witnesses if w.made(name, blob)]
            if len(blob) != 76:
                if known:
                    raise Fails(entry, "cosignature_bad", name)
                continue
            (time,) = struct.unpack(">Q", blob[4:12])
            message = f"cosignature/v1\ntime {time}\n{self.note.body}".encode()
            if known and (time >= 1 << 63 or not signed(known[0].public, blob[12:], message)):
                raise Fails(entry, "cosignature_bad", name)
            found.append({"name": name, "key_id": blob[:4].hex(), "time": posix(time), "verified": bool(known)})
        return found


# ------------------------------------------------------------------------------------------------------------------------ CBOR


class Tag:
    """An enumeration without content: tag 39 around a number or a text."""

    def __init__(self, value):
        self.value = value


class NotCanonical(Exception):
    pass


def cbor(data):
    """One CBOR item in the deterministic form (RFC 8949, 4.2.1), of the kinds that the store has; maps have numbers or texts as keys."""
    value, at = cbor_item(data, 0, 0)
    if at != len(data):
        raise NotCanonical("trailing")
    return value


def cbor_head(data, at):
    if at >= len(data):
        raise NotCanonical("cut")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24 or major == 7:
        return major, info, at
    if info == 31:
        raise NotCanonical("indefinite")
    if info > 27:
        raise NotCanonical("reserved")
    width = 1 << (info - 24)
    if at + width > len(data):
        raise NotCanonical("cut")
    number = int.from_bytes(data[at : at + width], "big")
    if number < (24 if width == 1 else 1 << (4 * width)):
        raise NotCanonical("longer")
    return major, number, at + width


def cbor_item(data, at, depth, item=False):
    major, number, at = cbor_head(data, at)
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        if number > len(data) - at:
            raise NotCanonical("cut")
        piece = bytes(data[at : at + number])
        if major == 3:
            try:
                piece = piece.decode("utf-8")
            except UnicodeDecodeError:
                raise NotCanonical("utf8") from None
        return piece, at + number
    if major in (4, 5):
        if depth >= DEPTH:
            raise NotCanonical("deep")
        if number * (major - 3) > len(data) - at:
            raise NotCanonical("cut")
    if major == 4:
        items = []
        for _ in range(number):
            value, at = cbor_item(data, at, depth + 1, True)
            items.append(value)
        return items, at
    if major == 5:
        pairs, before = {}, b""
        for _ in range(number):
            if at < len(data) and data[at] >> 5 not in (0, 3):
                raise NotCanonical("key")
            start = at
            key, at = cbor_item(data, at, depth + 1)
            raw = bytes(data[start:at])
            if raw <= before:
                raise NotCanonical("unsorted")
            before = raw
            pairs[key], at = cbor_item(data, at, depth + 1)
        return pairs, at
    if major == 6:
        if number != 39:
            raise NotCanonical("tag")
        if at < len(data) and data[at] >> 5 not in (0, 3):
            raise NotCanonical("tag")
        value, at = cbor_item(data, at, depth)
        return Tag(value), at
    if number in (20, 21):
        return number == 21, at
    if number == 22 and item:
        return None, at
    if number == 31:
        raise NotCanonical("indefinite")
    raise NotCanonical("float" if 25 <= number <= 27 else "null" if number == 22 else "simple")


# ------------------------------------------------------------------------------------------------------------------------ JSON


def parse_json(data, entry, code="json_form"):
    """JSON without what may be read in two ways: no member twice, whole numbers below 2^53 only, no broken surrogates, not too deep."""

    def wrong(detail):
        raise Fails(entry, code, "", detail)

    def pairs(found):
        members = dict(found)
        if len(members) != len(found):
            wrong("a member twice")
        return members

    def whole(text):
        if len(text) > 17 or text == "-0" or abs(int(text)) >= SAFE:
            wrong("a number")
        return int(text)

    if len(data) > DOCUMENT:
        wrong("too long")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        wrong("not UTF-8")
    depth = 0
    for found in re.finditer(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', text, re.S):
        first = found[0][0]
        if first in "[{":
            depth += 1
            if depth > JSON_DEPTH:
                wrong("too deep")
        elif first in "]}":
            depth -= 1
    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_int=whole, parse_float=lambda _: wrong("a number"), parse_constant=lambda _: wrong("a number"))
    except (ValueError, RecursionError):
        wrong("syntax")
    if re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            wrong("half a surrogate")
    return value


class Shape:
    """Reads members of proof.json and says where the form is left."""

    def __init__(self, entry):
        self.entry = entry

    def wrong(self, place, detail):
        raise Fails(self.entry, "proof_form", place, detail)

    def object(self, value, place, needed, optional=()):
        if not isinstance(value, dict):
            self.wrong(place, "not an object")
        for name in needed:
            if name not in value:
                self.wrong(place, f"{name} is missing")
        for name in value:
            if name not in needed and name not in optional:
                self.wrong(place, "unknown member")
        return value

    def array(self, value, place):
        if not isinstance(value, list):
            self.wrong(place, "not an array")
        return value

    def number(self, value, place):
        if not uint(value):
            self.wrong(place, "not a number")
        return value

    def bytes(self, value, place, length=None):
        data = unbase64(value)
        if data is None or (length is not None and len(data) != length):
            self.wrong(place, "not base64 of its length")
        return data

    def hashes(self, value, place):
        if len(self.array(value, place)) > 64 and place.endswith("path"):
            self.wrong(place, "too long")
        return [self.bytes(h, f"{place}[{i}]", 32) for i, h in enumerate(value)]

    def time(self, value, place):
        if not isinstance(value, str) or not re.fullmatch(r"-?(?:0|[1-9][0-9]{0,18})", value) or value == "-0" or not i64(int(value)):
            self.wrong(place, "not a time")
        return int(value)


# -------------------------------------------------------------------------------------------------------- Merkle trees, RFC 9162


def included(leaf, index, size, path, root):
    """RFC 9162, 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(first, first_root, second, second_root, path):
    """RFC 9162, 2.1.4.2."""
    if first == second:
        return not path and first_root == second_root
    if not 0 < first < second or not path:
        return False
    if first & (first - 1) == 0:
        path = [first_root] + path
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_root and sr == second_root and sn == 0


def tree_root(leaves):
    """RFC 9162, 2.1.1, with a stack of whole subtrees."""
    if not leaves:
        return sha256(b"")
    stack = []
    for i, leaf in enumerate(leaves):
        stack.append(leaf)
        while (i + 1) % 2 == 0:
            right = stack.pop()
            stack[-1] = node(stack[-1], right)
            i >>= 1
    while len(stack) > 1:
        right = stack.pop()
        stack[-1] = node(stack[-1], right)
    return stack[0]


# ------------------------------------------------------------------------------------------------------------ entries of the log

# Kind of an entry → keys that it has.
KINDS = {1: (2, 3, 4, 5, 6, 7), 2: (4, 8), 3: (4, 8, 9), 4: (4, 8, 10), 5: (2, 4, 10), 6: (4, 12, 13, 14), 7: (4, 8, 9, 10, 15, 17), 8: (4, 8, 10, 16)}


def text_of(value):
    return isinstance(value, str)


def rows(value):
    """Key 7: [table, count, root, first received, last received], ascending by table."""
    if not isinstance(value, list) or not value:
        return False
    before = -1
    for row in value:
        if not isinstance(row, list) or len(row) != 5 or not uint(row[0]) or row[0] <= before or not uint(row[1]) or row[1] == 0:
            return False
        if not isinstance(row[2], bytes) or len(row[2]) != 32 or not i64(row[3]) or not i64(row[4]) or row[3] > row[4]:
            return False
        before = row[0]
    return True


def files(value):
    """Key 8: [name, SHA-256, bytes, table, rows, first seq, last seq, least received, greatest received]."""
    return isinstance(value, list) and all(
        isinstance(f, list) and len(f) == 9 and text_of(f[0]) and isinstance(f[1], bytes) and len(f[1]) == 32 and all(uint(n) for n in f[2:7]) and i64(f[7]) and i64(f[8])
        for f in value
    )


def runs(value):
    """Key 17: [first, last] of runs of records, ascending."""
    before = -1
    for run in value if isinstance(value, list) else [None]:
        if not isinstance(run, list) or len(run) != 2 or not uint(run[0]) or not uint(run[1]) or not before < run[0] <= run[1]:
            return False
        before = run[1]
    return True


KEYS = {
    1: uint, 2: uint, 3: uint, 4: i64, 5: uint, 6: uint, 7: rows, 8: files, 9: lambda v: isinstance(v, list) and all(map(text_of, v)), 10: text_of, 11: text_of,
    12: text_of, 13: text_of, 14: lambda v: isinstance(v, bytes) and len(v) == 64, 15: lambda v: isinstance(v, list) and all(map(uint, v)), 16: text_of, 17: runs,
}  # fmt: skip


def read_entry(data, entry, place):
    """An entry of the log, checked in itself."""
    try:
        value = cbor(data)
    except NotCanonical as why:
        raise Fails(entry, "entry_form", place, str(why)) from None
    if not isinstance(value, dict) or any(k not in KEYS for k in value) or value.get(1) not in KINDS:
        raise Fails(entry, "entry_form", place, "kind")
    for k in sorted(set(value) | set(KINDS[value[1]])):
        if k not in value or not KEYS[k](value[k]):
            raise Fails(entry, "entry_form", place, f"key {k}")
    if value[1] == 1 and not value[5] <= value[6]:
        raise Fails(entry, "entry_form", place, "key 6")
    if value[1] == 1 and sum(row[1] for row in value[7]) > value[6] - value[5] + 1:
        raise Fails(entry, "entry_form", place, "key 7")
    if value[1] == 6:
        try:
            old, new = Key(value[12], 1), Key(value[13], 1)
        except Fails:
            raise Fails(entry, "entry_handover", place) from None
        if old.name != new.name or not signed(old.public, value[14], f"hinomi key handover v1\n{old.line}\n{new.line}\n".encode()):
            raise Fails(entry, "entry_handover", place)
    return value


def follow(commits, contiguous, entry, place):
    """Batches are counted on, their records too, epochs never go back. `commits`: (index, value) of two commits, the earlier first."""
    (i, a), (j, b) = commits
    step = b[3] - a[3]
    if step < 1 or step > j - i or (contiguous and step != 1) or b[5] <= a[6] or b[2] < a[2]:
        raise Fails(entry, "entries_sequence", place)


# ---------------------------------------------------------------------------------------------------------------------- records


class Names:
    """crates/proof/names.tsv: numbers, names, groups, kinds of numbers."""

    LETTERS = {"c": "core", "a": "addresses", "n": "names", "t": "text", "-": None}

    def __init__(self, path):
        self.name, self.group, self.time, self.number = {}, {}, set(), {}
        try:
            with open(path, encoding="utf-8") as f:
                lines = f.read().split("\n")
        except (OSError, UnicodeDecodeError) as why:
            raise Usage(f"{path}: {why}. Give the table of names with --names") from None
        for line in lines:
            if not line or line.startswith("#"):
                continue
            parts = line.split("\t")
            if len(parts) != 4 or not parts[0].isdigit() or parts[2] not in self.LETTERS:
                raise Usage(f"{path}: not a table of names: {line[:60]!r}")
            number = int(parts[0])
            self.name[number], self.number[parts[1]] = parts[1], number
            self.group[number] = self.LETTERS[parts[2]]
            if parts[3] == "time":
                self.time.add(number)

    def of(self, key):
        return key if isinstance(key, str) else self.name.get(key, f"#{key}")


def canonical_order(key):
    return (0, key, b"") if isinstance(key, int) else (1, len(key.encode()), key.encode())


def join(path, name):
    return f"{path}.{name}" if path else name


class Record:
    """One record of a pack: which groups are shown, and what they say."""

    def __init__(self, table, seq, place):
        self.table, self.seq, self.place, self.maps, self.hidden = table, seq, place, {}, []

    def wrong(self, code, path, detail=""):
        raise Fails("proof.json", code, f"{self.place} {path}".strip(), detail)

    def read(self, shown, names):
        """The canonical bytes of the groups that are shown → trees, checked against the rules of the canonical form."""
        for group in GROUPS:
            if group not in shown:
                self.hidden.append(group)
                continue
            try:
                value = cbor(shown[group])
            except NotCanonical as why:
                raise Fails("proof.json", "cbor_form", f"{self.place}.{group}", str(why)) from None
            if not isinstance(value, dict):
                raise Fails("proof.json", "cbor_form", f"{self.place}.{group}", "map")
            self.maps[group] = value
        self.walk(self.maps, "", names, "core" in self.maps)
        self.root(names)

    def walk(self, nodes, path, names, core_shown, lenient=False):
        """Each value in its group and in one only. `nodes`: the maps that stand at this path, by group."""
        keys = sorted({k for m in nodes.values() for k in m}, key=canonical_order)
        if set(nodes) == {"core"} and keys and all(isinstance(k, str) for k in keys):
            return  # a dictionary: all of it is core
        for k in keys:
            holders = [g for g in GROUPS if g in nodes and k in nodes[g]]
            at = join(path, names.of(k))
            values = [nodes[g][k] for g in holders]
            maps = all(isinstance(v, dict) for v in values)
            # Below a name that is newer than our table, we can only say that nothing stands in two groups.
            newer = lenient or (isinstance(k, int) and k not in names.group)
            group = None if newer or isinstance(k, str) else names.group[k]
            if len(holders) > 1 and (group or not maps):
                self.wrong("group_twice", at)
            if group:
                if holders[0] != group:
                    self.wrong("group_wrong", at)
            elif newer:
                if maps:
                    self.walk(dict(zip(holders, values)), at, names, core_shown, True)
            elif maps:
                if (core_shown and "core" not in holders) or any(not v and g != "core" for g, v in zip(holders, values)):
                    self.wrong("group_wrong", at)
                self.walk(dict(zip(holders, values)), at, names, core_shown)
            elif holders[0] not in self.allowed(values[0]):
                self.wrong("group_wrong", at)

    @staticmethod
    def allowed(value):
        """The groups in which a value may stand where nothing above decided."""
        if isinstance(value, str):
            return ("names",)
        if isinstance(value, bytes) and len(value) in (4, 6):
            return ("addresses",)
        if isinstance(value, bytes) and len(value) == 16:
            return ("core", "addresses")  # a UUID or an IPv6 address: the bytes do not tell
        return ("core",)

    def root(self, names):
        source, received, happened, body = (names.number[n] for n in ("source", "received", "happened", "body"))
        content = names.number[TABLES[self.table]]
        for group, m in self.maps.items():
            inner = m.get(body)
            if any(k not in (source, received, happened, body) for k in m) or (inner is not None and (not isinstance(inner, dict) or any(k != content for k in inner))):
                self.wrong("record_root", group)
        if "core" in self.maps:
            core = self.maps["core"]
            inner = core.get(body)
            if not uint(core.get(source)) or not i64(core.get(received)) or not isinstance(inner, dict) or len(inner) != 1:
                self.wrong("record_root", "core")
            if happened in core and (not isinstance(core[happened], dict) or not i64(core[happened].get(names.number["at"]))):
                self.wrong("record_root", "core")

    def received(self, names):
        return self.maps["core"][names.number["received"]] if "core" in self.maps else None

    def readable(self, names):
        return self.merge(self.maps, "", names)

    def merge(self, nodes, path, names):
        out = {}
        for k in sorted({k for m in nodes.values() for k in m}, key=canonical_order):
            name = names.of(k)
            holders = {g: m[k] for g, m in nodes.items() if k in m}
            if name in out:
                self.wrong("name_twice", join(path, name))
            out[name] = self.value(holders, isinstance(k, int) and k in names.time, join(path, name), names)
        return out

    def value(self, holders, time, path, names):
        group, value = next(iter(holders.items()))
        if isinstance(value, dict):
            return self.merge(holders, path, names)
        if isinstance(value, list):
            return [self.value({group: v}, time, f"{path}[{i}]", names) for i, v in enumerate(value)]
        if isinstance(value, Tag):
            return names.of(value.value)
        if isinstance(value, bytes):
            return address(value, group)
        if type(value) is int:
            return rfc3339(value) if time and i64(value) else value if abs(value) < SAFE else str(value)
        return value


def address(value, group):
    if len(value) == 4:
        return ".".join(map(str, value))
    if len(value) == 6:
        return ":".join(f"{b:02x}" for b in value)
    if len(value) != 16:
        return value.hex()
    if group != "addresses":
        h = value.hex()
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
    if value[:12] == bytes(10) + b"\xff\xff":  # RFC 5952, section 5
        return "::ffff:" + ".".join(map(str, value[12:]))
    parts = [int.from_bytes(value[i : i + 2], "big") for i in range(0, 16, 2)]
    best, start = 1, None  # the longest run of two or more zeros, the first of them
    for i in range(8):
        run = 0
        while i + run < 8 and parts[i + run] == 0:
            run += 1
        if run > best:
            best, start = run, i
    words = [f"{p:x}" for p in parts]
    return ":".join(words) if start is None else ":".join(words[:start]) + "::" + ":".join(words[start + best :])


def difference(wanted, found, path):
    """The path of the first place where two JSON values differ (the order of members counts), or None."""
    if type(wanted) is not type(found):
        return path
    if isinstance(wanted, dict):
        if list(wanted) != list(found):
            return path
        pairs = [(wanted[k], found[k], join(path, k)) for k in wanted]
    elif isinstance(wanted, list):
        if len(wanted) != len(found):
            return path
        pairs = [(w, f, f"{path}[{i}]") for i, (w, f) in enumerate(zip(wanted, found))]
    else:
        return None if wanted == found else path
    return next((d for d in (difference(*p) for p in pairs) if d is not None), None)


# -------------------------------------------------------------------------------------------------------------------- container


def container(data):
    """The files of the pack, in order; the ZIP file must be the one form that its names and contents ask for."""

    def wrong(code, place="", entry="container"):
        raise Fails(entry, code, place)

    found, at, directory = {}, 0, b""
    while data[at : at + 4] == b"PK\x03\x04":
        place = f"byte {at}"
        if at + 30 > len(data):
            wrong("zip_cut", place)
        version, flags, method, time, date, crc, packed, size, name_length, extra = struct.unpack("<HHHHHIIIHH", data[at + 4 : at + 30])
        name = data[at + 30 : at + 30 + name_length]
        if len(name) < name_length:
            wrong("zip_cut", place)
        if not 0 < name_length <= 255 or any(not 0x21 <= b <= 0x7E for b in name):
            wrong("zip_name", place)
        name = name.decode("ascii")
        if method:
            wrong("zip_compressed", place, name)
        if (version, flags, time, date, extra) != (20, 0x0800, 0, 0x0021, 0) or packed != size:
            wrong("zip_header", place, name)
        start = at + 30 + name_length
        content = data[start : start + size]
        if len(content) < size:
            wrong("zip_cut", place, name)
        if zlib.crc32(content) != crc:
            wrong("zip_crc", place, name)
        if name in found:
            wrong("zip_twice", place, name)
        found[name] = content
        directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, flags, 0, 0, date, crc, size, size, name_length, 0, 0, 0, 0, 0, at) + name.encode()
        at = start + size
        if len(found) > 65534:
            wrong("zip_directory", place)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(found), len(found), len(directory), at, 0)
    rest = data[at:]
    if rest != directory + end:
        place = f"byte {at}"
        if rest.startswith(directory + end):
            wrong("zip_trailing", place)
        wrong("zip_cut" if (directory + end).startswith(rest) else "zip_directory", place)
    return found


# --------------------------------------------------------------------------------------------------------------- RFC 3161, a little


def der(data, at=0):
    """One TLV of DER: (tag, content, where the next begins)."""
    if at + 2 > len(data):
        raise ValueError
    tag, length = data[at], data[at + 1]
    at += 2
    if length >= 0x80:
        width = length & 0x7F
        if not 1 <= width <= 4 or at + width > len(data):
            raise ValueError
        length = int.from_bytes(data[at : at + width], "big")
        at += width
    if length > len(data) - at:
        raise ValueError
    return tag, data[at : at + length], at + length


def der_all(data):
    out, at = [], 0
    while at < len(data):
        tag, content, at = der(data, at)
        out.append((tag, content))
    return out


SIGNED_DATA, TST_INFO = bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d0109100104")
DIGESTS = {bytes.fromhex("608648016503040201"): hashlib.sha256, bytes.fromhex("608648016503040202"): hashlib.sha384, bytes.fromhex("608648016503040203"): hashlib.sha512}


def stamp(data, body):
    """What a time stamp says: its time, and that it is one of the checkpoint. The authority's own signature is not checked here
    (`openssl ts -verify` does that), so a stamp is told and never counted."""
    try:
        if len(data) > STAMP:
            raise ValueError
        tag, outer, end = der(data)
        status, content = der_all(outer)
        granted = der_all(status[1])[0]
        oid, explicit = der_all(content[1])
        signed_data = der_all(der(explicit[1])[1])
        info_oid, info = der_all(signed_data[2][1])
        if tag != 0x30 or end != len(data) or granted[0] != 2 or granted[1] not in (b"\0", b"\1") or oid != (6, SIGNED_DATA) or info_oid != (6, TST_INFO):
            raise ValueError
        tst = der_all(der(der(info[1])[1])[1])
        algorithm, imprint = der_all(tst[2][1])
        digest = DIGESTS[der_all(algorithm[1])[0][1]]
        time = tst[4][1].decode("ascii")
        parts = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(\.[0-9]{1,9})?Z", time)
        when = f"{parts[1]}-{parts[2]}-{parts[3]}T{parts[4]}:{parts[5]}:{parts[6]}{parts[7] or ''}Z"
        if tst[4][0] != 0x18 or imprint[0] != 4 or not is_rfc3339(when):
            raise ValueError
    except (ValueError, IndexError, KeyError, TypeError, UnicodeDecodeError):
        raise Fails("stamp.tsr", "stamp_form") from None
    if digest(body).digest() != imprint[1]:
        raise Fails("stamp.tsr", "stamp_imprint")
    return {"time": when, "verified": False}


# -------------------------------------------------------------------------------------------------------------------------- pack


class Pack:
    """The checks, in the order of the page. `run` returns the report."""

    def __init__(self, data, names, fingerprint=None, since=None, witnesses=()):
        self.data, self.names, self.fingerprint, self.since, self.witnesses = data, names, fingerprint, since, witnesses
        self.passed = []
        self.report = {}

    def run(self):
        steps = [self.read_container, self.read_note, self.read_key, self.read_checkpoint, self.read_entries, self.read_tables, self.read_records, self.read_readable, self.read_consistency, self.read_complete]
        try:
            for name, step in zip(STEPS, steps):
                step()
                self.passed.append(name)
        except Fails as why:
            return {"verdict": "fails", "state": "red", "problem": why.shape(), "passed": self.passed}
        return self.conclude()

    def read_container(self):
        self.files = container(self.data)

    # pack.note, its signature, and each file's length and digest
    def read_note(self):
        if next(iter(self.files), None) != "pack.note":
            raise Fails("pack.note", "note_missing")
        if len(self.files["pack.note"]) > NOTE:
            raise Fails("pack.note", "note_form", "", "too long")
        note = Note(self.files["pack.note"], "pack.note", "note_form")
        lines = note.body[:-1].split("\n")

        def wrong(i):
            raise Fails("pack.note", "note_form", f"line {i + 1}")

        def quoted(i, word):
            text = lines[i][len(word) + 1 :]
            if not lines[i].startswith(word + " ") or text[:1] != '"' or text[-1:] != '"':
                wrong(i)
            try:
                value = parse_json(text.encode(), "pack.note")
            except Fails:
                wrong(i)
            if not isinstance(value, str):
                wrong(i)
            return value

        if len(lines) < 5 or lines[0] != "hinomi evidence pack v1":
            wrong(0)
        self.origin = lines[1][7:]
        if not lines[1].startswith("origin ") or not ORIGIN.fullmatch(self.origin):
            wrong(1)
        if not lines[2].startswith("made ") or not is_rfc3339(lines[2][5:]):
            wrong(2)
        by, asked = quoted(3, "by"), quoted(4, "asked")
        listed = {}
        for i in range(5, len(lines)):
            found = re.fullmatch(rf"file ([0-9a-f]{{64}}) ({NUMBER}) ([\x21-\x7e]{{1,255}})", lines[i])
            if not found:
                wrong(i)
            if found[3] in listed:
                raise Fails(found[3], "file_twice")
            listed[found[3]] = (int(found[2]), found[1])
        # The key first: the signature is checked with it.
        if "key" not in self.files:
            raise Fails("key", "file_required")
        if len(self.files["key"]) > KEY:
            raise Fails("key", "key_form")
        try:
            line = self.files["key"].decode("utf-8")
        except UnicodeDecodeError:
            raise Fails("key", "key_form") from None
        if not line.endswith("\n"):
            raise Fails("key", "key_form")
        self.key = Key(line[:-1], 1)
        if self.key.name != self.origin:
            raise Fails("key", "key_origin")
        if len(note.signatures) != 1 or not note.of(self.key):
            raise Fails("pack.note", "note_signer")
        if not note.holds(self.key):
            raise Fails("pack.note", "note_signature")
        # Files: those that are listed, no others, in this order, with this content.
        for name in listed:
            if name not in ("checkpoint", "proof.json", "records.json", "key", "stamp.tsr", "stamp.tsq", "verify.html") and not re.fullmatch(r"blobs/[0-9a-f]{64}", name):
                raise Fails(name, "file_unknown")
        for name in ("checkpoint", "proof.json", "records.json", "key", "verify.html"):
            if name not in listed:
                raise Fails(name, "file_required")
        for name in listed:
            if name not in self.files:
                raise Fails(name, "file_missing")
        for name in self.files:
            if name != "pack.note" and name not in listed:
                raise Fails(name, "file_extra")
        if list(listed) != list(self.files)[1:]:
            raise Fails("pack.note", "file_order")
        for name, (length, digest) in listed.items():
            if len(self.files[name]) != length:
                raise Fails(name, "file_length")
            if sha256(self.files[name]).hex() != digest:
                raise Fails(name, "file_digest")
        for name, (_, digest) in listed.items():
            if name.startswith("blobs/") and name[6:] != digest:
                raise Fails(name, "blob_name")
        made = lines[2][5:]
        self.report["pack"] = {"origin": self.origin, "made": made, "by": by, "asked": asked, "files": [{"name": n, "bytes": l, "sha256": d} for n, (l, d) in listed.items()]}

    def read_key(self):
        if self.fingerprint and self.fingerprint != self.key.fingerprint().replace(" ", ""):
            raise Fails("key", "fingerprint_other")
        self.report["key"] = {"vkey": self.key.line, "fingerprint": self.key.fingerprint(), "compared": bool(self.fingerprint)}

    def read_checkpoint(self):
        self.checkpoint = Checkpoint(self.files["checkpoint"])
        if self.checkpoint.origin != self.origin:
            raise Fails("checkpoint", "checkpoint_origin")
        holds = self.checkpoint.note.holds(self.key)
        if holds is None:
            raise Fails("checkpoint", "checkpoint_signer")
        if not holds:
            raise Fails("checkpoint", "checkpoint_signature")
        # The company's own key is no outsider, whatever name it takes.
        outsiders = [w for w in self.witnesses if w.public != self.key.public]
        self.report["checkpoint"] = {"size": self.checkpoint.size, "root": base64.b64encode(self.checkpoint.root).decode()}
        self.report["cosignatures"] = self.checkpoint.cosignatures(outsiders)
        self.report["stamp"] = None
        if "stamp.tsr" in self.files:
            self.report["stamp"] = stamp(self.files["stamp.tsr"], self.checkpoint.note.body.encode())
        elif "stamp.tsq" in self.files:
            raise Fails("stamp.tsr", "stamp_form")

    def read_entries(self):
        shape = self.shape = Shape("proof.json")
        proof = self.proof = shape.object(parse_json(self.files["proof.json"], "proof.json"), "", ("format", "origin", "size", "entries", "tables"), ("complete", "consistency"))
        if shape.number(proof["format"], "format") != 1:
            shape.wrong("format", "unknown format")
        if proof["origin"] != self.origin:
            raise Fails("proof.json", "proof_origin", "origin")
        if shape.number(proof["size"], "size") != self.checkpoint.size:
            raise Fails("proof.json", "proof_size", "size")
        self.entries = {}
        before = commit = None
        for i, item in enumerate(shape.array(proof["entries"], "entries")):
            place = f"entries[{i}]"
            shape.object(item, place, ("index", "entry", "path"))
            index = shape.number(item["index"], f"{place}.index")
            if before is not None and index <= before:
                shape.wrong(f"{place}.index", "not ascending")
            data = shape.bytes(item["entry"], f"{place}.entry")
            path = shape.hashes(item["path"], f"{place}.path")
            if len(data) > ENTRY:
                shape.wrong(f"{place}.entry", "too long")
            if not included(sha256(b"\0" + data), index, self.checkpoint.size, path, self.checkpoint.root):
                raise Fails("proof.json", "entry_path", place)
            value = self.entries[index] = read_entry(data, "proof.json", place)
            if value[1] == 1:
                if value[3] > index:
                    raise Fails("proof.json", "entries_sequence", place)
                if commit is not None:
                    follow([commit, (index, value)], all(n in self.entries for n in range(commit[0], index)) if index - commit[0] <= len(self.entries) else False, "proof.json", place)
                commit = (index, value)
            before = index

    def read_tables(self):
        """Each table's root against the root that its entry names, with the count; each record's leaf."""
        shape = self.shape
        self.records, self.tables, seqs = [], {}, set()
        for ti, item in enumerate(shape.array(self.proof["tables"], "tables")):
            place = f"tables[{ti}]"
            shape.object(item, place, ("index", "table", "count", "records"), ("leaves",))
            index, table, count = (shape.number(item[n], f"{place}.{n}") for n in ("index", "table", "count"))
            if table >= len(TABLES):
                shape.wrong(f"{place}.table", "unknown table")
            if (index, table) in self.tables:
                raise Fails("proof.json", "table_twice", place)
            commit = self.entries.get(index)
            row = next((r for r in commit[7] if r[0] == table), None) if commit and commit[1] == 1 else None
            if row is None:
                raise Fails("proof.json", "table_entry", place)
            if count != row[1]:
                raise Fails("proof.json", "table_count", place)
            leaves = None
            if "leaves" in item:
                leaves = shape.hashes(item["leaves"], f"{place}.leaves")
                if len(leaves) != count:
                    raise Fails("proof.json", "table_count", f"{place}.leaves")
                if tree_root(leaves) != row[2]:
                    raise Fails("proof.json", "table_root", f"{place}.leaves")
            mine, before = [], None
            for ri, r in enumerate(shape.array(item["records"], f"{place}.records")):
                at = f"{place}.records[{ri}]"
                shape.object(r, at, ("seq", "position", *GROUPS) if leaves is not None else ("seq", "position", "path", *GROUPS))
                seq, position = shape.number(r["seq"], f"{at}.seq"), shape.number(r["position"], f"{at}.position")
                if position >= count:
                    raise Fails("proof.json", "position_beyond", at)
                if (before and (seq <= before[0] or position <= before[1])) or seq in seqs:
                    raise Fails("proof.json", "records_order", at)
                before = (seq, position)
                seqs.add(seq)
                # So many of this table stand before and behind it, each with a number of its own.
                if seq < commit[5] + position or seq + (count - 1 - position) > commit[6]:
                    raise Fails("proof.json", "seq_range", at)
                shown, hashes = {}, []
                for group in GROUPS:
                    g, where = r[group], f"{at}.{group}"
                    if isinstance(g, dict) and "hash" in g:
                        shape.object(g, where, ("hash",))
                        hashes.append(shape.bytes(g["hash"], f"{where}.hash", 32))
                        continue
                    shape.object(g, where, ("salt", "cbor"))
                    salt = shape.bytes(g["salt"], f"{where}.salt", 16)
                    shown[group] = shape.bytes(g["cbor"], f"{where}.cbor")
                    if len(shown[group]) > RECORD:
                        shape.wrong(f"{where}.cbor", "too long")
                    hashes.append(sha256(salt + shown[group]))
                leaf = record_leaf(table, seq, hashes)
                if leaves is not None:
                    held = leaves[position] == leaf
                else:
                    held = included(leaf, position, count, shape.hashes(r["path"], f"{at}.path"), row[2])
                if not held:
                    raise Fails("proof.json", "record_leaf", at)
                record = Record(table, seq, at)
                mine.append((record, shown))
            self.tables[(index, table)] = mine
            self.records += mine

    def read_records(self):
        """Each record's canonical bytes in themselves, and its time of receipt within what its batch states."""
        for (index, table), mine in self.tables.items():
            row = next(r for r in self.entries[index][7] if r[0] == table)
            times = []
            for record, shown in mine:
                record.read(shown, self.names)
                received = record.received(self.names)
                if received is not None:
                    if not row[3] <= received <= row[4]:
                        raise Fails("proof.json", "record_received", record.place)
                    times.append(received)
            if len(times) == row[1] and (min(times) != row[3] or max(times) != row[4]):
                raise Fails("proof.json", "record_received", mine[-1][0].place)

    def read_readable(self):
        """records.json against the canonical bytes."""
        self.records.sort(key=lambda r: r[0].seq)
        found = parse_json(self.files["records.json"], "records.json")
        if not isinstance(found, list):
            raise Fails("records.json", "records_form")
        if len(found) != len(self.records):
            raise Fails("records.json", "records_count")
        for i, (item, (record, _)) in enumerate(zip(found, self.records)):
            if not isinstance(item, dict) or list(item) != ["seq", "table", "record"]:
                raise Fails("records.json", "records_form", f"[{i}]")
            if type(item["seq"]) is not int or item["seq"] != record.seq:
                raise Fails("records.json", "records_seq", f"[{i}]")
            if item["table"] != TABLES[record.table]:
                raise Fails("records.json", "records_table", f"[{i}]")
            place = difference(record.readable(self.names), item["record"], "")
            if place is not None:
                raise Fails("records.json", "records_differ", f"[{i}] {place}".strip())

    def read_consistency(self):
        shape, given = self.shape, self.since
        c = self.proof.get("consistency")
        size = root = None
        if c is not None or "consistency" in self.proof:
            shape.object(c, "consistency", ("size", "root", "path"))
            size, root = shape.number(c["size"], "consistency.size"), shape.bytes(c["root"], "consistency.root", 32)
            path = shape.hashes(c["path"], "consistency.path")
            if not consistent(size, root, self.checkpoint.size, self.checkpoint.root, path):
                raise Fails("proof.json", "consistency_path", "consistency")
        self.report["consistency"] = {"size": size, "root": c["root"]} if c else None
        self.earlier = None
        if given:
            self.earlier = {"size": given.size, "result": None, "cosignatures": []}
            holds = given.note.holds(self.key)
            if given.origin != self.origin:
                result = "other_log"
            elif not holds:
                result = "not_signed"
            elif given.size == 0:
                result = "empty"
            elif given.size > self.checkpoint.size:
                result = "newer"
            elif given.size == self.checkpoint.size:
                if given.root != self.checkpoint.root:
                    raise Fails("checkpoint", "since_differs")
                result = "consistent"
            elif given.size != size:
                result = "no_proof"
            elif given.root != root:
                raise Fails("proof.json", "since_differs", "consistency")
            else:
                result = "consistent"
            self.earlier["result"] = result
            if result == "consistent":
                try:
                    outsiders = [w for w in self.witnesses if w.public != self.key.public]
                    self.earlier["cosignatures"] = [x for x in given.cosignatures(outsiders) if x["verified"]]
                except Fails:
                    self.earlier["result"] = "not_signed"
        self.report["earlier"] = self.earlier

    def read_complete(self):
        shape = self.shape
        self.report["complete"] = None
        if "complete" not in self.proof:
            return
        c = shape.object(self.proof["complete"], "complete", ("table", "from", "to", "first", "last"))
        table, first, last = (shape.number(c[n], f"complete.{n}") for n in ("table", "first", "last"))
        start, end = shape.time(c["from"], "complete.from"), shape.time(c["to"], "complete.to")
        if table >= len(TABLES) or start > end or first > last or last >= self.checkpoint.size:
            raise Fails("proof.json", "complete_range", "complete")
        if last - first >= len(self.entries):
            raise Fails("proof.json", "complete_missing", "complete")
        for index in range(first, last + 1):
            entry = self.entries.get(index)
            if entry is None:
                raise Fails("proof.json", "complete_missing", f"entry {index}")
            row = next((r for r in entry[7] if r[0] == table), None) if entry[1] == 1 else None
            if row and len(self.tables.get((index, table), ())) != row[1]:
                raise Fails("proof.json", "complete_records", f"entry {index}")
        for index in (first - 1, last + 1):
            if 0 <= index < self.checkpoint.size and index not in self.entries:
                raise Fails("proof.json", "complete_neighbour", f"entry {index}")
        for index, entry in self.entries.items():
            if first <= index <= last or entry[1] != 1:
                continue
            for row in entry[7]:
                if row[0] == table and row[3] <= end and row[4] >= start:
                    raise Fails("proof.json", "complete_overlap", f"entry {index}")
        self.report["complete"] = {
            "table": TABLES[table], "from": rfc3339(start), "to": rfc3339(end), "first": first, "last": last,
            # Whether what stands beside the range shows that the time before and behind it is another.
            "closed_before": self.closed(first - 1, -1, lambda row: row[4] < start), "closed_after": self.closed(last + 1, 1, lambda row: row[3] > end),
        }  # fmt: skip

    def closed(self, index, step, outside):
        """Whether the next commit on this side is shown and all of it lies outside, or the log (as of this checkpoint) ends here."""
        while index in self.entries and self.entries[index][1] != 1:
            index += step
        if not 0 <= index < self.checkpoint.size:
            return True
        return index in self.entries and all(map(outside, self.entries[index][7]))

    def conclude(self):
        report = self.report
        batches = []
        for (index, table), mine in self.tables.items():
            commit = self.entries[index]
            row = next(r for r in commit[7] if r[0] == table)
            batches.append({"index": index, "batch": commit[3], "epoch": commit[2], "written": rfc3339(commit[4]), "table": TABLES[table], "shown": len(mine), "count": row[1],
                            "first_received": rfc3339(row[3]), "last_received": rfc3339(row[4])})  # fmt: skip
        newest = max([b["index"] for b in batches] + ([report["complete"]["last"]] if report["complete"] else []), default=-1)
        witnessed = [c["time"] for c in report["cosignatures"] if c["verified"]]
        continued = bool(self.earlier) and self.earlier["result"] == "consistent"
        covered = continued and newest < self.earlier["size"]
        missing = []
        if not self.fingerprint:
            missing.append("fingerprint")
        if not witnessed and not covered:
            missing.append("newer_than_earlier" if continued else "outsider")
        report["batches"] = batches
        erasures = [e for e in self.entries.values() if e[1] == 7]
        report["records"] = [{"seq": r.seq, "table": TABLES[r.table], "hidden": r.hidden} for r, _ in self.records]
        for r in report["records"]:
            # What was erased on request can be shown by nobody any more: the entry that says so tells it apart from what is only hidden.
            found = [e for e in erasures if r["hidden"] and any(a <= r["seq"] <= b for a, b in e[17])]
            if found:
                r["erased"] = {"time": rfc3339(found[0][4]), "reason": found[0][10]}
        since = [t for t in witnessed if t] or ([c["time"] for c in self.earlier["cosignatures"] if c["time"]] if covered else [])
        return {"verdict": "holds", "state": "amber" if missing else "green", "problem": None, "passed": self.passed, "missing": missing, "since": min(since) if since else None, "covered": covered, **report}


def record_leaf(table, seq, hashes):
    def head(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        for width, info in ((1, 24), (2, 25), (4, 26), (8, 27)):
            if n < 1 << (8 * width):
                return bytes([major << 5 | info]) + n.to_bytes(width, "big")
        raise AssertionError

    return sha256(b"\0" + head(4, 7) + head(0, table) + head(0, 1) + head(0, seq) + b"".join(head(2, 32) + h for h in hashes))


def verify(data, names, fingerprint=None, since=None, witnesses=()):
    """A pack's bytes → the report, as `--json` prints it."""
    if len(data) > PACK:
        raise Unreadable("too_large")
    if data[:4] != b"PK\x03\x04":
        raise Unreadable("not_zip")
    return Pack(data, names, fingerprint, since, witnesses).run()


# ------------------------------------------------------------------------------------------------------------------------ folder


class Folder:
    """log/ of a data folder, and the segment files that it says are in force."""

    def __init__(self, path, fingerprint=None, witnesses=()):
        self.path, self.fingerprint, self.witnesses = path, fingerprint, witnesses

    def read(self, name, limit):
        try:
            with open(os.path.join(self.path, name), "rb") as f:
                data = f.read(limit + 1)
        except OSError as why:
            raise Fails(name, "file_absent", "", why.strerror or "") from None
        if len(data) > limit:
            raise Fails(name, "file_long")
        return data

    def tile(self, kind, number, width, limit):
        """A tile: its file's name, its bytes, and whether it is exactly of this width. The full one, or a partial one that is wider,
        may stand for it: they are written before the checkpoint that needs them."""
        digits = f"{number:03}" if number < 1000 else None
        if digits is None:
            parts = []
            while True:
                number, low = divmod(number, 1000)
                parts.append(f"{low:03}" if not parts else f"x{low:03}")
                if not number:
                    break
            digits = "/".join(reversed(parts))
        base = f"log/tile/{kind}/{digits}"
        try:
            partial = sorted(int(w) for w in os.listdir(os.path.join(self.path, base + ".p")) if re.fullmatch(r"[1-9][0-9]{0,2}", w))
        except OSError:
            partial = []
        exact = base if width == 256 else f"{base}.p/{width}"
        for name in [exact, base] + [f"{base}.p/{w}" for w in partial if width < w < 256]:
            if os.path.isfile(os.path.join(self.path, name)):
                return name, self.read(name, limit), name == exact
        raise Fails(exact, "file_absent")

    def run(self):
        try:
            return self.check()
        except Fails as why:
            return {"verdict": "fails", "state": "red", "problem": why.shape()}

    def refuse_encrypted(self):
        """A folder that is encrypted at rest needs its key, and an export does not."""
        files = [os.path.join(self.path, "log", "key")]
        segments = os.path.join(self.path, "segments")
        if os.path.isdir(segments):
            files += [os.path.join(segments, name) for name in os.listdir(segments)]
        for name in files:
            try:
                with open(name, "rb") as f:
                    head = f.read(96)
            except OSError:
                continue
            if len(head) == 96 and head[:8] == b"HINOMIEN" and zlib.crc32(head[:92]) == int.from_bytes(head[92:], "little"):
                raise Unreadable("encrypted")

    def check(self):
        if not os.path.isdir(os.path.join(self.path, "log")):
            raise Unreadable("no_log")
        self.refuse_encrypted()
        try:
            line = self.read("log/vkey", KEY).decode("utf-8")
        except UnicodeDecodeError:
            raise Fails("log/vkey", "key_form") from None
        key = Key(line[:-1] if line.endswith("\n") else line, 1, "log/vkey")
        if self.fingerprint and self.fingerprint != key.fingerprint().replace(" ", ""):
            raise Fails("log/vkey", "fingerprint_other")
        checkpoint = Checkpoint(self.read("log/checkpoint", CHECKPOINT), "log/checkpoint")
        if not ORIGIN.fullmatch(checkpoint.origin) or checkpoint.origin != key.name:
            raise Fails("log/checkpoint", "checkpoint_origin")
        holds = checkpoint.note.holds(key)
        if not holds:
            raise Fails("log/checkpoint", "checkpoint_signer" if holds is None else "checkpoint_signature")
        cosignatures = checkpoint.cosignatures([w for w in self.witnesses if w.public != key.public], "log/checkpoint")

        # Entries, in bundles of 256.
        leaves, commit, commits, handover, in_force, events = [], None, 0, None, {}, {}
        for number in range((checkpoint.size + 255) // 256):
            width = min(256, checkpoint.size - 256 * number)
            name, data, exact = self.tile("entries", number, width, 256 * (ENTRY + 2))
            at = 0
            for i in range(width):
                index = 256 * number + i
                place = f"entry {index}"
                if at + 2 > len(data) or at + 2 + int.from_bytes(data[at : at + 2], "big") > len(data):
                    raise Fails(name, "bundle_cut", place)
                length = int.from_bytes(data[at : at + 2], "big")
                raw = data[at + 2 : at + 2 + length]
                at += 2 + length
                leaves.append(sha256(b"\0" + raw))
                value = read_entry(raw, name, place)
                kind = value[1]
                events[kind] = events.get(kind, 0) + 1
                if kind == 1:
                    if value[3] != commits:
                        raise Fails(name, "entries_sequence", place)
                    if commit:
                        follow([commit, (index, value)], False, name, place)
                    commit, commits = (index, value), commits + 1
                if kind == 6:
                    if handover is not None and handover != value[12]:
                        raise Fails(name, "entry_handover", place)
                    handover = value[13]
                if kind in (3, 4):
                    for gone in value[9] if kind == 3 else [f[0] for f in value[8]]:
                        if in_force.pop(gone, None) is None:
                            raise Fails(name, "entry_form", place, "removes a file that is not in force")
                if kind in (2, 3):
                    for f in value[8]:
                        if f[0] in in_force or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", f[0]):
                            raise Fails(name, "entry_form", place, "names a file that is in force, or not a file's name")
                        in_force[f[0]] = f
            if exact and at != len(data):
                raise Fails(name, "bundle_long")
        if handover is not None and handover != key.line:
            raise Fails("log/vkey", "entry_handover")

        # Hash tiles of every level, then the root.
        level, hashes = 0, leaves
        while hashes:
            for number in range((len(hashes) + 255) // 256):
                mine = b"".join(hashes[256 * number : 256 * number + 256])
                name, data, exact = self.tile(str(level), number, len(mine) // 32, 8192)
                if data[: len(mine)] != mine or (exact and len(data) != len(mine)):
                    raise Fails(name, "tile_other")
            hashes = [tree_root(hashes[i : i + 256]) for i in range(0, len(hashes) - 255, 256)]
            level += 1
        if tree_root(leaves) != checkpoint.root:
            raise Fails("log/checkpoint", "root_other")

        # Segment files in force.
        total = 0
        for name, f in in_force.items():
            path = os.path.join(self.path, "segments", name)
            digest, length = hashlib.sha256(), 0
            try:
                with open(path, "rb") as file:
                    while piece := file.read(1 << 20):
                        digest.update(piece)
                        length += len(piece)
            except OSError:
                raise Fails(f"segments/{name}", "file_absent") from None
            if length != f[2]:
                raise Fails(f"segments/{name}", "segment_other", "", "its length")
            if digest.digest() != f[1]:
                raise Fails(f"segments/{name}", "segment_other")
            total += length
        try:
            there = set(os.listdir(os.path.join(self.path, "segments")))
        except OSError:
            there = set()
        return {
            "verdict": "holds", "state": "green" if self.fingerprint and any(c["verified"] for c in cosignatures) else "amber", "problem": None,
            "key": {"vkey": key.line, "fingerprint": key.fingerprint(), "compared": bool(self.fingerprint)},
            "checkpoint": {"origin": checkpoint.origin, "size": checkpoint.size, "root": base64.b64encode(checkpoint.root).decode()}, "cosignatures": cosignatures,
            "entries": {str(k): events[k] for k in sorted(events)}, "last_seq": commit[1][6] if commit else None,
            "segments": {"in_force": len(in_force), "bytes": total, "not_in_log": sorted(there - set(in_force))},
        }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------------ command


def tell(report, pack):
    """The report for people, in lines."""
    problem = report.get("problem")
    if problem:
        where = f"{safe(problem['entry'])}{': ' + safe(problem['place']) if problem['place'] else ''}"
        print(f"does not hold: {where}: {safe(problem['why'])}")
        return
    print(f"holds: {safe(pack)}")
    print(f"  log          {report['checkpoint'].get('origin') or report['pack']['origin']}, {report['checkpoint']['size']} entries")
    print(f"  fingerprint  {report['key']['fingerprint']} ({'as you gave it' if report['key']['compared'] else 'NOT COMPARED: give --fingerprint, from a place that the company cannot change'})")
    for c in report["cosignatures"]:
        print(f"  cosigned     {safe(c['name'])} at {c['time']} ({'verified' if c['verified'] else 'NOT VERIFIED: give --witness'})")
    if "pack" not in report:
        print(f"  entries      {', '.join(f'{n} of kind {k}' for k, n in report['entries'].items())}; last record {report['last_seq']}")
        print(f"  segments     {report['segments']['in_force']} files in force, {report['segments']['bytes']} bytes, all as the log says")
        for name in report["segments"]["not_in_log"]:
            print(f"  note         segments/{safe(name)} is not in force")
        return
    print(f"  made         {report['pack']['made']} by {safe(report['pack']['by'])}")
    print(f"  asked        {safe(report['pack']['asked'])}")
    if report["stamp"]:
        print(f"  time stamp   {report['stamp']['time']} (its imprint fits; the authority's signature is not checked here: openssl ts -verify)")
    earlier = report["earlier"]
    if earlier:
        words = {"consistent": "continues your earlier checkpoint", "other_log": "NOT COMPARED: your checkpoint is one of another log", "not_signed": "NOT COMPARED: your checkpoint is not signed by this key",
                 "empty": "NOT COMPARED: your checkpoint is one of an empty log", "newer": "NOT COMPARED: your checkpoint is newer than the pack", "no_proof": "NOT COMPARED: the pack has no proof from that size; ask for one"}  # fmt: skip
        print(f"  earlier      size {earlier['size']}: {words[earlier['result']]}")
    for b in report["batches"]:
        print(f"  batch        {b['batch']} (entry {b['index']}, written {b['written']}): {b['shown']} of {b['count']} {b['table']}")
    for r in report["records"]:
        if r.get("erased"):
            print(f"  erased       {r['seq']}: {r['erased']['time']}, {r['erased']['reason']}")
        elif r["hidden"]:
            print(f"  hidden       {r['seq']}: {', '.join(r['hidden'])}")
    c = report["complete"]
    if c:
        sides = [w for w, closed in (("before", c["closed_before"]), ("after", c["closed_after"])) if not closed]
        print(f"  complete     {c['table']} from {c['from']} to {c['to']}{': but what stands ' + ' and '.join(sides) + ' does not show that the range ends there' if sides else ''}")
    else:
        print("  complete     no: what is shown is proven; that nothing was left out is not said")
    for m in report["missing"]:
        print({"fingerprint": "  missing      the fingerprint was not compared", "outsider": "  missing      nobody outside vouches for the log",
               "newer_than_earlier": "  missing      the records are newer than your earlier checkpoint, and nobody else vouches for them"}[m])  # fmt: skip


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="verify.py", description="Verifies an evidence pack, or the log of a data folder.")
    parser.add_argument("pack", nargs="?", help="the pack, a ZIP file")
    parser.add_argument("--folder", metavar="DIR", help="verify log/ and the segments of a data folder instead")
    parser.add_argument("--fingerprint", help="of the log's key, from a place that the company cannot change")
    parser.add_argument("--since", metavar="FILE", help="an earlier checkpoint that you kept")
    parser.add_argument("--witness", metavar="VKEY", action="append", default=[], help="the public line of a witness that you know (repeatable)")
    parser.add_argument("--names", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "crates", "proof", "names.tsv"), help="the table of names (crates/proof/names.tsv)")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    args = parser.parse_args(arguments)
    if (args.pack is None) == (args.folder is None):
        parser.error("give a pack, or --folder")
    try:
        fingerprint = plain_fingerprint(args.fingerprint) if args.fingerprint else None
        witnesses = []
        for line in args.witness:
            try:
                witnesses.append(Key(line.strip(), 4))
            except Fails:
                raise Usage(f"--witness: not the public line of a witness: {safe(line)}") from None
        since = None
        if args.since:
            try:
                with open(args.since, "rb") as f:
                    since = Checkpoint(f.read(CHECKPOINT + 1))
            except OSError as why:
                raise Usage(f"--since: {why}") from None
            except Fails as why:
                raise Usage(f"--since: {WORDS[why.code]}") from None
        if args.folder:
            report = Folder(args.folder, fingerprint, witnesses).run()
        else:
            try:
                if os.path.getsize(args.pack) > PACK:
                    raise Unreadable("too_large")
                with open(args.pack, "rb") as f:
                    data = f.read(PACK + 1)
            except OSError as why:
                raise Unreadable(why.strerror or str(why)) from None
            report = verify(data, Names(args.names), fingerprint, since, witnesses)
    except Usage as why:
        sys.stderr.write(f"{why}\n")
        return 2
    except Unreadable as why:
        code = str(why)
        of_folder = {
            "no_log": "there is no log/ in this folder",
            "encrypted": "this folder is encrypted at rest; export it first (hinomi vault export --to DIR) and give the archive's folder",
        }
        text = WORDS.get(code, of_folder.get(code, code))
        if args.json:
            print(json.dumps({"verdict": "unreadable", "state": "red", "problem": {"entry": "", "place": "", "code": code, "detail": "", "why": text}, "passed": []}))
        else:
            print(f"not readable: {safe(args.pack or args.folder)}: {safe(text)}")
        return 3
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        tell(report, args.pack or args.folder)
    if report["verdict"] != "holds":
        return 1
    return 1 if args.since and report["earlier"]["result"] != "consistent" else 0


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main())
