#!/usr/bin/env python3
"""Makes evidence packs from docs/store-format.md alone (nothing of the Rust code, nothing of verify.py): good ones of every kind, and
forged ones of each, with what a verifier must say of them.

    make_packs.py OUT [--page crates/proof/page/verify.html] [--names crates/proof/names.tsv]

OUT gets `good/`, `forged/`, `folders/` and `manifest.json`: a list of {file, good, kind, options: {fingerprint, since, witness},
expect: {verdict, state, entry, codes}}. The same OUT every time: keys, salts and times come from fixed seeds.

A forger here is often the company itself, with its own key ("resigned"): it must fail at the check that is about that, and not
only because a digest in pack.note is another.
"""

import argparse
import base64
import copy
import hashlib
import hmac
import io
import json
import os
import random
import shutil
import struct
import zipfile
import zlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = ["flow", "activity", "observation", "finding", "audit", "health", "log", "evidence"]
GROUPS = ["core", "addresses", "names", "text"]
S = 1_000_000_000
T0 = 1_763_596_800 * S  # 2025-11-20T00:00:00Z
SITE = "3f1c9a52-7d04-4e6b-9b1e-5a0c2d8e4f71"
ORIGIN = f"hinomi.local/{SITE}"


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


# ---------------------------------------------------------------------------------------------------------------------------- CBOR


class Tag39:
    def __init__(self, value):
        self.value = value


class Raw(bytes):
    """Bytes that go into CBOR as they are: for forgers."""


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 256**width:
            return bytes([major << 5 | info]) + n.to_bytes(width, "big")
    raise ValueError(n)


def cbor(v):
    if isinstance(v, Raw):
        return bytes(v)
    if v is None or v is True or v is False:
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[v]
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(cbor, v))
    if isinstance(v, dict):
        return head(5, len(v)) + b"".join(k + x for k, x in sorted((cbor(k), cbor(x)) for k, x in v.items()))
    if isinstance(v, Tag39):
        return head(6, 39) + cbor(v.value)
    raise TypeError(v)


# ------------------------------------------------------------------------------------------------------------------- trees of records


class Struct:
    """Fields by name; a whole number as name stands for one that is newer than the table of names."""

    def __init__(self, **fields):
        self.fields = fields

    def plus(self, name, value):
        self.fields[name] = value
        return self


class Enum:
    """An enumeration: its name, and its content where it has one (several: a list)."""

    def __init__(self, name, content=None):
        self.name, self.content = name, content


class Address(bytes):
    pass


class Uuid(bytes):
    pass


class Dictionary(dict):
    pass


class Names:
    def __init__(self, path):
        self.number, self.letter, self.time = {}, {}, set()
        for line in open(path, encoding="utf-8"):
            if not line.startswith("#"):
                number, name, letter, kind = line.rstrip("\n").split("\t")
                self.number[name], self.letter[name] = int(number), letter
                if kind == "time":
                    self.time.add(name)

    def key(self, name):
        return name if isinstance(name, int) else self.number.get(name, name)


def order(key):
    return cbor(key)


class Canon:
    """Typed tree → four groups, and → the readable form; both straight from the page."""

    def __init__(self, names):
        self.names = names

    def whole(self, v):
        """A subtree that stands in one group, as CBOR values."""
        n = self.names
        if isinstance(v, Struct):
            return {n.key(k): self.whole(x) for k, x in v.fields.items()}
        if isinstance(v, Enum):
            return Tag39(n.key(v.name)) if v.content is None else {n.key(v.name): self.whole(v.content)}
        if isinstance(v, Dictionary):
            return {k: self.whole(x) for k, x in v.items()}
        if isinstance(v, list):
            return [self.whole(x) for x in v]
        return bytes(v) if isinstance(v, bytes) else v

    def split(self, v):
        """A subtree where nothing is decided yet → what of it stands in which group."""
        pairs = v.fields.items() if isinstance(v, Struct) else [(v.name, v.content)] if isinstance(v, Enum) and v.content is not None else None
        if pairs is None:
            group = "addresses" if isinstance(v, Address) else "names" if isinstance(v, str) else "core"
            return {group: self.whole(v)}
        out = {"core": {}}
        for name, x in pairs:
            letter = self.names.letter.get(name, "-")
            parts = self.split(x) if letter == "-" else {{"c": "core", "a": "addresses", "n": "names", "t": "text"}[letter]: self.whole(x)}
            for group, part in parts.items():
                out.setdefault(group, {})[self.names.key(name)] = part
        return out

    def groups(self, root):
        parts = self.split(root)
        return [cbor(parts.get(g, {})) for g in GROUPS]

    def readable(self, v, shown, group=None, time=False):
        """What is shown of a subtree, or `...` (Ellipsis) where nothing of it is. `group`: the group that is decided above."""
        if group is not None and group not in shown:
            return ...
        pairs = list(v.fields.items()) if isinstance(v, Struct) else list(v.items()) if isinstance(v, Dictionary) else [(v.name, v.content)] if isinstance(v, Enum) and v.content is not None else None
        if isinstance(v, Dictionary) and group is None:
            group = "core"
            if group not in shown:
                return ...
        if pairs is not None:
            out = {}
            free = isinstance(v, Dictionary)
            for name, x in sorted(pairs, key=lambda p: order(p[0] if free else self.names.key(p[0]))):
                letter = "-" if free else self.names.letter.get(name, "-")
                inner = group or {"c": "core", "a": "addresses", "n": "names", "t": "text"}.get(letter)
                got = self.readable(x, shown, inner, not free and name in self.names.time)
                if got is not ...:
                    out[f"#{name}" if isinstance(name, int) else name] = got
            # Where nothing is decided, the map itself stands in core, and in the other groups where a member of it does.
            return out if out or group is not None or "core" in shown else ...
        if group is None:
            group = "addresses" if isinstance(v, Address) else "names" if isinstance(v, str) else "core"
            if group not in shown:
                return ...
        if isinstance(v, list):
            return [self.readable(x, shown, group, time) for x in v]
        if isinstance(v, Enum):
            return v.name
        if isinstance(v, bytes):
            return written(v, group)
        if isinstance(v, int) and not isinstance(v, bool):
            if time:
                return clock(v)
            return v if abs(v) < 2**53 else str(v)
        return v


def clock(ns):
    import datetime

    s, rest = divmod(ns, S)
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=s)).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:09d}Z"


def written(v, group):
    if len(v) == 4:
        return "%d.%d.%d.%d" % tuple(v)
    if len(v) == 6:
        return ":".join("%02x" % b for b in v)
    if len(v) == 16 and group == "addresses":
        import ipaddress

        if v.startswith(bytes(10) + b"\xff\xff"):
            return "::ffff:%d.%d.%d.%d" % tuple(v[12:])
        return ipaddress.IPv6Address(bytes(v)).compressed
    if len(v) == 16:
        import uuid

        return str(uuid.UUID(bytes=bytes(v)))
    return v.hex()


def ip(text):
    import ipaddress

    return Address(ipaddress.ip_address(text).packed)


def mac(text):
    return Address(bytes.fromhex(text.replace(":", "")))


def records_of_every_table(t):
    """(table, received, tree) of all eight tables, with Japanese text and every kind of value."""

    def root(table, received, content, source=1, happened=None):
        tree = Struct(source=source, received=received)
        if happened:
            tree.plus("happened", happened)
        return (TABLES.index(table), received, tree.plus("body", Enum(table, content)))

    segment = Struct(sensor=1, vlan=210)
    plc, pc = Struct(mac=mac("00:1b:1b:2c:3d:4e"), ip=ip("192.168.2.10"), port=502), Struct(mac=mac("3c:52:82:1f:aa:07"), ip=ip("10.2.0.57"), port=50112)
    flow = Struct(segment=segment, transport=Enum("tcp"), client=pc, server=plc, protocol=Enum("modbus"), first=t, last=t + 7 * S, up=Struct(packets=12, bytes=3456), down=Struct(packets=11, bytes=9007199254740991), flags=24, state=Enum("established"), end=Enum("closed"), gaps=0)
    six = Struct(segment=Struct(sensor=2), transport=Enum("udp"), client=Struct(ip=ip("2001:db8:0:0:1:0:0:1"), port=5353), server=Struct(ip=ip("::ffff:192.0.2.33"), port=5353), first=t + 1, last=t + 2, up=Struct(packets=1, bytes=9007199254740992), down=Struct())
    dns = Struct(id=Uuid(bytes.fromhex("0193463c1a2b7cdd8eef001122334455")), time=t + 3 * S, client=Struct(ip=ip("fe80::1"), port=40000), server=Struct(ip=ip("::1"), port=53), act=Enum("dns", Struct(query="plc-第2ライン.local", rtype=Enum("aaaa"), answer=Enum("list", ["192.168.2.10", None, 3]), ttl=300, snake_case=True)))
    moved = Struct(time=t + 4 * S, act=Enum("moved", [1, "移動"]), banner="", certificates=[Struct(issuer="工場CA", not_after=t + 365 * 86400 * S)], hassh="ec7378c1a92f5a8dde7e8b7a1ddf33d1", ips=[ip("10.2.0.57"), ip("2001:db8::")], macs=[])
    seen = Struct(segment=segment, mac=mac("3c:52:82:1f:aa:07"), ip=ip("10.2.0.57"), via=Enum("dhcp"), hostname="LAPTOP-K7", vendor="日本電子")
    finding = Struct(id=Uuid(bytes(range(16))), rule="new-device", revision=4, severity=Enum("today"), status=Enum("open"), note="知らない機器が制御ネットワークにつながりました。😀\n\"12番\" \\ </script>", addresses=[mac("3c:52:82:1f:aa:07"), ip("10.2.0.57")], parameters=Dictionary({"しきい値": 5, "unit": "件", "": None or False, "nested": Dictionary({"a": [1, 2]})}), explained_until=t + 86400 * S, because=[Struct(text="初めて見た", at=t)])
    audit = Struct(actor=Enum("user", Struct(account="tanaka", name="田中")), action="asset_edited", client_ip=ip("192.168.10.5"), outcome=Enum("success"), comment="点検のため、名前を直しました", changes=Enum("rename", Struct(value="プレス1号", previous="pc-7")))
    health = Struct(sensor=1, **{"from": t - 60 * S, "to": t}).plus("packets", 1 << 60).plus("drops", 0).plus("offset_ms", -12).plus("lost", -(1 << 60)).plus("both_ways", True).plus("one_way", False).plus("trouble", "ミラーポートが1分止まりました").plus("differences", Dictionary({"eth0": 3, "状態": "良い", "address": "192.0.2.1"})).plus("empty", Struct()).plus(9999, 7)
    log = Struct(facility="daemon", severity=Enum("check"), host="炉-1", message="温度が上限をこえました: 812℃", kiln_temperature=812, kiln_state=Enum("overheated"), kiln_operator="佐藤", address=ip("192.168.5.5"))
    evidence = Struct(objective="jpcert-l3", status=Enum("met"), because="12番ポートの写真を撮りました", photo=sha256(PHOTO).hex(), looked_at=t - S)
    when = Struct(at=t - 3 * S, text="Nov 20 08:59:57", assumed="年は受信の年、時差は+9時間とした")
    return [root("flow", t, flow), root("flow", t + 1, six, 2), root("activity", t + 2, dns), root("activity", t + 3, moved), root("observation", t + 4, seen), root("finding", t + 5, finding),
            root("audit", t + 6, audit, 0), root("health", t + 7, health), root("log", t + 8, log, 12, when), root("evidence", t + 9, evidence)]  # fmt: skip


PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def flows(t, n, step=S):
    out = []
    for i in range(n):
        content = Struct(segment=Struct(sensor=1), transport=Enum("tcp"), client=Struct(ip=ip(f"10.2.{i % 250}.{i % 99 + 1}"), port=40000 + i), server=Struct(ip=ip("192.168.2.10"), port=502), first=t + i, last=t + i + 1, up=Struct(packets=i, bytes=i * 60), down=Struct(packets=i, bytes=i * 70))
        out.append((0, t + i * step, Struct(source=1, received=t + i * step, body=Enum("flow", content))))
    return out


# --------------------------------------------------------------------------------------------------------------------------- Merkle


def mth(leaves):
    if len(leaves) == 1:
        return leaves[0]
    if not leaves:
        return sha256(b"")
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def inclusion(m, leaves):
    if len(leaves) <= 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return inclusion(m, leaves[:k]) + [mth(leaves[k:])] if m < k else inclusion(m - k, leaves[k:]) + [mth(leaves[:k])]


def consistency(m, leaves, whole=True):
    n = len(leaves)
    if m == n:
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < n:
        k *= 2
    return consistency(m, leaves[:k], whole) + [mth(leaves[k:])] if m <= k else consistency(m - k, leaves[k:], False) + [mth(leaves[:k])]


# ------------------------------------------------------------------------------------------------------------------------ keys, notes


class Signer:
    def __init__(self, seed, name=ORIGIN, kind=1):
        self.seed, self.name, self.kind = seed, name, kind

    @property
    def private(self):
        return Ed25519PrivateKey.from_private_bytes(sha256(self.seed.encode()))

    @property
    def public(self):
        return bytes([self.kind]) + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def id(self):
        return sha256(self.name.encode() + b"\n" + self.public)[:4]

    @property
    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{b64(self.public)}"

    @property
    def fingerprint(self):
        whole = sha256(self.vkey.encode()).hex().upper()
        return " ".join(whole[i : i + 4] for i in range(0, 64, 4))

    def line(self, body):
        return f"\u2014 {self.name} {b64(self.id + self.private.sign(body.encode()))}\n"

    def cosign(self, body, time):
        message = f"cosignature/v1\ntime {time}\n{body}".encode()
        return f"\u2014 {self.name} {b64(self.id + struct.pack('>Q', time) + self.private.sign(message))}\n"


COMPANY = Signer("the company's key")
FORGER = Signer("another key")
WITNESS = Signer("witness one", "witness.example/東京支援", 4)
OTHER_WITNESS = Signer("witness two", "witness.example/w2", 4)
WHEN = 1_763_700_000


# ------------------------------------------------------------------------------------------------------------------------------- log


class Hooks:
    """What a lying company changes before it commits: groups of a record, an entry."""

    def __init__(self, seq=None, group=None, change=None, entry=None, entry_change=None):
        self.seq, self.group, self.change, self.entry, self.entry_change = seq, group, change, entry, entry_change


class Record:
    def __init__(self, seq, table, received, tree, groups, salts):
        self.seq, self.table, self.received, self.tree, self.groups, self.salts = seq, table, received, tree, groups, salts

    def hashes(self):
        return [sha256(s + g) for s, g in zip(self.salts, self.groups)]

    def leaf(self):
        return sha256(b"\x00" + cbor([self.table, 1, self.seq, *self.hashes()]))


class Log:
    def __init__(self, canon, hooks=None, signer=COMPANY):
        self.canon, self.hooks, self.signer = canon, hooks or Hooks(), signer
        self.entries, self.batches, self.seq, self.number = [], {}, 1, 0
        self.append({1: 5, 2: 1, 4: T0 - 10 * S, 10: "新しいフォルダー"})

    def append(self, entry):
        index = len(self.entries)
        if self.hooks.entry == index:
            entry = self.hooks.entry_change(entry)
        self.entries.append(entry if isinstance(entry, bytes) else cbor(entry))
        return index

    def commit(self, found, time):
        secret = hmac.digest(b"secrets for tests", struct.pack("<Q", self.number), "sha256")
        tables, first = {}, self.seq
        for table, received, tree in found:
            seq, self.seq = self.seq, self.seq + 1
            # HKDF-Expand, RFC 5869: two blocks of 32 bytes.
            info = b"hinomi salt" + struct.pack(">Q", seq)
            t1 = hmac.digest(secret, info + b"\x01", "sha256")
            okm = t1 + hmac.digest(secret, t1 + info + b"\x02", "sha256")
            groups = self.canon.groups(tree)
            if self.hooks.seq == seq:
                groups[GROUPS.index(self.hooks.group)] = self.hooks.change(groups[GROUPS.index(self.hooks.group)], tree)
            tables.setdefault(table, []).append(Record(seq, table, received, tree, groups, [okm[i : i + 16] for i in range(0, 64, 16)]))
        rows = [[t, len(r), mth([x.leaf() for x in r]), min(x.received for x in r), max(x.received for x in r)] for t, r in sorted(tables.items())]
        index = self.append({1: 1, 2: 1, 3: self.number, 4: time, 5: first, 6: self.seq - 1, 7: rows})
        self.batches[index] = tables
        self.number += 1
        return index

    def sealed(self, time, n):
        return self.append({1: 2, 4: time, 8: [[f"flow-1-{n}-0.parquet", sha256(b"file %d" % n), 4096 + n, 0, n, 1, n, T0, time]]})

    def leaves(self, size=None):
        return [sha256(b"\x00" + e) for e in self.entries[:size]]

    def body(self, size=None):
        size = len(self.entries) if size is None else size
        return f"{self.signer.name}\n{size}\n{b64(mth(self.leaves(size)))}\n"

    def checkpoint(self, size=None):
        body = self.body(size)
        return body + "\n" + self.signer.line(body)


def factory(canon, hooks=None, signer=COMPANY, batches=8):
    """The log that most packs are from: every second entry a commit, some of other kinds between."""
    log = Log(canon, hooks, signer)
    log.commit(records_of_every_table(T0), T0 + 5 * S)  # entry 1
    log.sealed(T0 + 6 * S, 2)  # entry 2
    for i in range(batches):
        t = T0 + (i + 1) * 60 * S
        found = flows(t, 3 + i)
        if i % 2:
            found += records_of_every_table(t + 10 * S)[4:8]
        log.commit(found, t + 30 * S)
        if i == 2:
            log.append({1: 8, 4: t + 40 * S, 8: [], 10: "四半期の控え", 16: "usb:控え-1"})
        if i == 4:
            log.append({1: 7, 4: t + 40 * S, 8: [], 9: [], 10: "本人の求め", 15: [0], 17: [[1, 1], [3, 3]]})
    return log


# ------------------------------------------------------------------------------------------------------------------------------ packs


def zip_file(files, tweak=None):
    """The exact form. `tweak(i, fields)` lets forgers change header fields; files: list of (name, content)."""
    out, directory = b"", b""
    for i, (name, content) in enumerate(files):
        f = {"version": 20, "flags": 0x0800, "method": 0, "time": 0, "date": 0x0021, "crc": zlib.crc32(content), "packed": len(content), "size": len(content), "name": name.encode("utf-8", "surrogateescape"), "extra": b"", "content": content, "made": 20, "attributes": 0, "internal": 0, "disk": 0, "comment": b"", "offset": len(out), "central": {}}
        if tweak:
            tweak(i, f)
        at = len(out)
        f["offset"] = f["offset"] if f["offset"] != at else at
        out += struct.pack("<IHHHHHIIIHH", 0x04034B50, f["version"], f["flags"], f["method"], f["time"], f["date"], f["crc"], f["packed"], f["size"], len(f["name"]), len(f["extra"])) + f["name"] + f["extra"] + f["content"]
        c = {**f, **f["central"]}
        directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, c["made"], c["version"], c["flags"], c["method"], c["time"], c["date"], c["crc"], c["packed"], c["size"], len(c["name"]), len(c["extra"]), len(c["comment"]), c["disk"], c["internal"], c["attributes"], c["offset"]) + c["name"] + c["extra"] + c["comment"]
    return out + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(files), len(files), len(directory), len(out), 0)


class Pack:
    """A pack before it is bytes: forgers change its parts and build it again."""

    def __init__(self):
        self.signer, self.origin, self.made, self.by, self.asked = COMPANY, ORIGIN, "2025-11-21T09:00:00Z", "田中 (監査)", "第2ライン 11月20日の通信"
        self.key = COMPANY.vkey + "\n"
        self.checkpoint = self.proof = self.records = None
        self.other = {}  # stamps, blobs, verify.html
        self.raw = {}  # contents instead of what would be written
        self.lines = lambda lines: lines  # changes the lines of pack.note's body
        self.signatures = lambda text: text  # changes the lines of signatures
        self.sign = None  # signs the body, where not `signer`
        self.listed = None  # order of files in pack.note

    def contents(self):
        files = {"checkpoint": self.checkpoint.encode(), "proof.json": json.dumps(self.proof, ensure_ascii=False).encode(), "records.json": json.dumps(self.records, ensure_ascii=False, indent=1).encode(), "key": self.key.encode()}
        stamps = {k: v for k, v in self.other.items() if k != "verify.html"}
        files.update(stamps)
        files["verify.html"] = self.other["verify.html"]
        files.update(self.raw)
        return files

    def note(self, files):
        lines = ["hinomi evidence pack v1", f"origin {self.origin}", f"made {self.made}", f"by {json.dumps(self.by, ensure_ascii=False)}", f"asked {json.dumps(self.asked)}"]
        lines += [f"file {sha256(c).hex()} {len(c)} {n}" for n, c in files.items()]
        body = "\n".join(self.lines(lines)) + "\n"
        return body + "\n" + self.signatures((self.sign or self.signer.line)(body))

    def files(self):
        files = self.contents()
        return [("pack.note", self.note(files).encode("utf-8", "surrogateescape"))] + list(files.items())

    def build(self):
        return zip_file(self.files())


PAGE = b"<!doctype html><title>verify</title><p>a page for tests\n"


def prove(log, shown, size=None, hide=(), leaves=(), complete=None, since=None, cosign=(), stamp=False, blobs=(), page=PAGE):
    """`shown`: {entry: {table: [positions]}}; `hide`: {seq: [groups]}; `leaves`: {(entry, table)} or True; complete: (table, from, to, first, last)."""
    size = len(log.entries) if size is None else size
    pack = Pack()
    pack.signer, pack.key, pack.origin = log.signer, log.signer.vkey + "\n", log.signer.name
    body = log.body(size)
    pack.checkpoint = body + "\n" + log.signer.line(body) + "".join(w.cosign(body, t) for w, t in cosign)
    hashes = log.leaves(size)
    indices = set(shown)
    if complete:
        indices |= set(range(max(0, complete[3] - 1), min(size, complete[4] + 2)))
    entries = [{"index": i, "entry": b64(log.entries[i]), "path": [b64(h) for h in inclusion(i, hashes)]} for i in sorted(indices)]
    tables, records = [], []
    for index, by_table in sorted(shown.items()):
        for table, positions in sorted(by_table.items()):
            batch = log.batches[index][table]
            all_leaves = [r.leaf() for r in batch]
            whole = leaves is True or (index, table) in leaves
            mine = []
            for p in positions:
                r = batch[p]
                hidden = dict(hide).get(r.seq, ())
                item = {"seq": r.seq, "position": p}
                if not whole:
                    item["path"] = [b64(h) for h in inclusion(p, all_leaves)]
                for g, salt, data, digest in zip(GROUPS, r.salts, r.groups, r.hashes()):
                    item[g] = {"hash": b64(digest)} if g in hidden else {"salt": b64(salt), "cbor": b64(data)}
                mine.append(item)
                readable = log.canon.readable(r.tree, [g for g in GROUPS if g not in hidden])
                records.append({"seq": r.seq, "table": TABLES[table], "record": {} if readable is ... else readable})
            t = {"index": index, "table": table, "count": len(batch), "records": mine}
            if whole:
                t["leaves"] = [b64(h) for h in all_leaves]
            tables.append(t)
    pack.proof = {"format": 1, "origin": log.signer.name, "size": size, "entries": entries, "tables": tables}
    if complete:
        pack.proof["complete"] = {"table": complete[0], "from": str(complete[1]), "to": str(complete[2]), "first": complete[3], "last": complete[4]}
    if since:
        pack.proof["consistency"] = {"size": since, "root": b64(mth(log.leaves(since))), "path": [b64(h) for h in consistency(since, hashes)]}
    pack.records = sorted(records, key=lambda r: r["seq"])
    if stamp:
        pack.other["stamp.tsr"], pack.other["stamp.tsq"] = stamp_of(body.encode()), b"0\x03\x02\x01\x01"
    for blob in blobs:
        pack.other["blobs/" + sha256(blob).hex()] = blob
    pack.other["verify.html"] = page
    return pack


def tlv(tag, *parts):
    content = b"".join(parts)
    n = len(content)
    return bytes([tag]) + (bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")) + content


def stamp_of(body, algorithm="608648016503040201", digest=None, status=b"\x00", time=b"20251120091500.25Z"):
    """An RFC 3161 answer with everything but certificates and signers: its imprint is what a verifier here looks at."""
    oid = lambda h: tlv(6, bytes.fromhex(h))
    imprint = tlv(0x30, tlv(0x30, oid(algorithm), tlv(5)), tlv(4, digest or sha256(body)))
    tst = tlv(0x30, tlv(2, b"\x01"), oid("2a0304"), imprint, tlv(2, b"\x2a"), tlv(0x18, time))
    encap = tlv(0x30, oid("2a864886f70d0109100104"), tlv(0xA0, tlv(4, tst)))
    signed = tlv(0x30, tlv(2, b"\x03"), tlv(0x31), encap, tlv(0x31))
    return tlv(0x30, tlv(0x30, tlv(2, status)), tlv(0x30, oid("2a864886f70d010702"), tlv(0xA0, signed)))


class Good:
    """A good pack: how to make it (again with a lie in the log, or by another signer), and what a reader gives, with the state that
    follows."""

    def __init__(self, name, make, checks):
        self.name, self.make, self.checks = name, make, checks


def good_packs(canon, page):
    """name → (make(hooks, signer) → Pack, [(options, state)])."""
    w = {"witness": [WITNESS.vkey]}
    f = {"fingerprint": COMPANY.fingerprint}
    base = lambda hooks=None, signer=COMPANY: factory(canon, hooks, signer)
    every = {1: {t: [0, 1] if t < 2 else [0] for t in range(8)}}

    def large(hooks=None, signer=COMPANY):
        log = factory(canon, hooks, signer, batches=2)
        for i in range(300):
            t = T0 + 7200 * S + i * 10 * S
            log.commit(flows(t, 1), t + 5 * S)
        log.commit(flows(T0 + 40000 * S, 300), T0 + 40400 * S)
        return log

    def tiny(hooks=None, signer=COMPANY):
        log = Log(canon, hooks, signer)
        log.commit(flows(T0, 1), T0 + 5 * S)
        return log

    def single(hooks=None, signer=COMPANY):
        return Log(canon, hooks, signer)

    def handed(hooks=None, signer=COMPANY):
        log, old = Log(canon, hooks, signer), Signer("the key before", signer.name)
        log.append({1: 6, 4: T0, 12: old.vkey, 13: signer.vkey, 14: old.private.sign(f"hinomi key handover v1\n{old.vkey}\n{signer.vkey}\n".encode())})
        log.commit(flows(T0, 3), T0 + 5 * S)
        log.commit(flows(T0 + 60 * S, 1), T0 + 65 * S)
        return log

    minute = T0 + 180 * S  # batch 3 of the factory: entry 5
    since = lambda size: {"since": size}
    return [
        Good("plain", lambda **k: prove(base(**k), every), [({}, "amber"), (f, "amber"), ({**f, **w}, "amber"), ({**f, **since(5)}, "amber"), ({**f, "since": 13}, "green")]),
        Good("hidden", lambda **k: prove(base(**k), every, hide={1: ["addresses", "names"], 3: ["core"], 5: ["addresses", "names", "text"], 6: ["text"], 7: GROUPS, 9: ["core", "addresses", "text"]}), [({}, "amber")]),
        Good("leaves", lambda **k: prove(base(**k), {1: every[1], 8: {0: [0, 2, 5]}}, leaves=True), [({}, "amber"), (f, "amber")]),
        Good("complete", lambda **k: prove(base(**k), {i: {0: list(range(n))} for i, n in ((4, 4), (5, 5))}, leaves=True, complete=(0, T0 + 120 * S, minute + 20 * S, 4, 5)), [({}, "amber")]),
        Good("complete-paths", lambda **k: prove(base(**k), {i: {0: list(range(n)), **({4: [0]} if i == 7 else {})} for i, n in ((4, 4), (5, 5), (7, 6), (8, 7))}, complete=(0, T0 + 120 * S, T0 + 310 * S, 4, 8)), [({}, "amber")]),
        Good("complete-none", lambda **k: prove(base(**k), {}, complete=(7, T0 + 120 * S, minute + 20 * S, 4, 5)), [({}, "amber")]),
        Good("complete-end", lambda **k: prove(base(**k), {11: {0: list(range(9))}, 12: {0: list(range(10))}}, complete=(0, T0 + 450 * S, T0 + 9000 * S, 11, 12)), [({}, "amber")]),
        Good("consistency", lambda **k: prove(base(**k), every, since=6), [({}, "amber"), ({**f, **since(6)}, "green"), (since(6), "amber"), ({**f, **since(5)}, "amber"), ({**f, "since": 13}, "green")]),
        Good("consistency-newer", lambda **k: prove(base(**k), {8: {0: [0]}}, since=8), [({**f, **since(8)}, "amber"), ({**f, **since(8), **w}, "amber")]),
        Good("cosigned", lambda **k: prove(base(**k), every, cosign=[(WITNESS, WHEN), (OTHER_WITNESS, WHEN + 60)]), [({}, "amber"), (f, "amber"), ({**f, **w}, "green"), (w, "amber")]),
        Good("large", lambda **k: prove(large(**k), {4: {4: [0]}, 100: {0: [0]}, 305: {0: [*range(0, 128, 2), 128, 255, 256, 299]}}, size=306, since=256), [({}, "amber"), ({**f, **since(256)}, "amber")]),
        Good("handover", lambda **k: prove(handed(**k), {2: {0: [0, 1, 2]}}, complete=(0, T0 - S, T0 + 30 * S, 1, 2)), [({}, "amber")]),
        Good("tiny", lambda **k: prove(tiny(**k), {1: {0: [0]}}, since=1), [({}, "amber"), ({**f, **since(1)}, "amber")]),
        Good("empty", lambda **k: prove(single(**k), {}), [({}, "amber"), ({**f, **since(1)}, "green")]),
        Good("all", lambda **k: prove(base(**k), {1: every[1], **{i: {0: list(range(n))} for i, n in ((4, 4), (5, 5))}}, hide={1: ["addresses"], 15: ["names", "text"]}, leaves={(4, 0)}, complete=(0, T0 + 120 * S, minute + 20 * S, 4, 5), since=7, cosign=[(WITNESS, WHEN)], stamp=True, blobs=[PHOTO], page=page),
             [({}, "amber"), ({**f, **since(7), **w}, "green"), ({**f, **since(7)}, "green")]),
    ]  # fmt: skip


# Of complete packs: whether what stands before and behind the range shows that its time ends there.
CLOSED = {"complete": [True, False], "complete-paths": [True, False], "complete-none": [True, False], "complete-end": [True, True], "handover": [True, True], "all": [True, False]}


# ---------------------------------------------------------------------------------------------------------------------------- forgers


class Skip(Exception):
    """This forgery has nothing to work on in this pack."""


def some(found):
    for x in found:
        return x
    raise Skip


def first_record(pack, group=None, need=lambda r: True):
    """(table, record) of the first record of proof.json that shows `group`."""
    return some((t, r) for t in pack.proof["tables"] for r in t["records"] if (group is None or "cbor" in r[group]) and need(r))


def flip(text64, at=0):
    data = bytearray(base64.b64decode(text64))
    if not data:
        raise Skip
    data[at % len(data)] ^= 1
    return b64(bytes(data))


def leaf_of(value, path=()):
    """The path of the first scalar in a JSON value."""
    if isinstance(value, dict):
        for k, v in value.items():
            found = leaf_of(v, path + (k,))
            if found:
                return found
        return None
    if isinstance(value, list):
        for i, v in enumerate(value):
            found = leaf_of(v, path + (i,))
            if found:
                return found
        return None
    return path, value


def all_leaves(value, path=()):
    if isinstance(value, (dict, list)):
        for k, v in value.items() if isinstance(value, dict) else enumerate(value):
            yield from all_leaves(v, path + (k,))
    else:
        yield path, value


def put(value, path, new):
    for k in path[:-1]:
        value = value[k]
    value[path[-1]] = new


def replace(old, new, count=1):
    """Changes the built ZIP file's bytes and leaves all else."""

    def work(data):
        if old not in data:
            raise Skip
        return data.replace(old, new, count)

    return work


def forgeries():
    """kind → (function, entry where it fails or None where it depends, codes). The function gets a Pack that it may change and returns bytes, or None to build
    the pack anew (signed by the company)."""
    out = {}

    def forge(entry, *codes, **options):
        def keep(work):
            out[work.__name__.replace("_", "-")] = (work, entry, codes, options)
            return work

        return keep

    # --- files changed behind the signature's back
    def unsigned(pack, name, content):
        files = dict(pack.files())
        if name not in files or files[name] == content:
            raise Skip
        files[name] = content
        return zip_file(list(files.items()))

    @forge("records.json", "file_digest", "file_length")
    def readable_text_changed(pack):
        text = json.dumps(pack.records, ensure_ascii=False, indent=1)
        some(1 for _ in pack.records)
        return unsigned(pack, "records.json", text.replace("sensor", "sens0r").replace("flow", "f1ow").encode())

    @forge("proof.json", "file_digest")
    def proof_changed(pack):
        data = dict(pack.files())["proof.json"]
        return unsigned(pack, "proof.json", data.replace(b'"count"', b'"c0unt"', 1) if b'"count"' in data else data.replace(b'"size"', b'"s1ze"', 1))

    @forge("checkpoint", "file_digest")
    def checkpoint_changed(pack):
        return unsigned(pack, "checkpoint", pack.checkpoint.replace("hinomi", "hinom1", 1).encode())

    @forge("verify.html", "file_length")
    def page_changed(pack):
        return unsigned(pack, "verify.html", pack.other["verify.html"] + b"<p>all is well")

    @forge("pack.note", "note_signature")
    def note_by_changed(pack):
        note = dict(pack.files())["pack.note"]
        return unsigned(pack, "pack.note", note.replace("田中".encode(), "佐藤".encode(), 1))

    @forge("pack.note", "note_signature")
    def note_digest_changed(pack):
        """The file and its line in pack.note are changed; only the signature is the old one."""
        old, new = copy.deepcopy(pack), copy.deepcopy(pack)
        new.other["verify.html"] += b"<p>all is well"
        files, signature = dict(new.files()), old.files()[0][1].split(b"\n\n")[-1]
        files["pack.note"] = files["pack.note"].split(b"\n\n")[0] + b"\n\n" + signature
        return zip_file(list(files.items()))

    @forge("pack.note", "note_signature")
    def note_signature_flipped(pack):
        pack.signatures = lambda s: s[: s.rindex(" ") + 1] + flip(s[s.rindex(" ") + 1 : -1], 40) + "\n"

    @forge("pack.note", "note_form")
    def note_signature_with_unused_bits(pack):
        pack.signatures = lambda s: s[:-3] + chr(ord(s[-3]) + 1) + "=\n" if s[-3] in "AEIMQUYcgkosw048" else s[:-3] + "!=\n"

    @forge("pack.note", "note_signer")
    def note_signed_twice(pack):
        pack.sign = lambda body: pack.signer.line(body) + FORGER.line(body)

    @forge("pack.note", "note_signer")
    def note_same_signature_twice(pack):
        pack.sign = lambda body: pack.signer.line(body) * 2

    @forge("pack.note", "note_signer")
    def note_signed_by_other(pack):
        pack.sign = FORGER.line

    @forge("pack.note", "note_signature")
    def note_signed_by_other_under_our_number(pack):
        pack.sign = lambda body: f"\u2014 {pack.signer.name} {b64(pack.signer.id + FORGER.private.sign(body.encode()))}\n"

    @forge("pack.note", "note_form")
    def note_with_carriage_returns(pack):
        note = dict(pack.files())["pack.note"]
        return unsigned(pack, "pack.note", note.replace(b"\n", b"\r\n"))

    @forge("pack.note", "note_form")
    def note_not_utf8(pack):
        note = dict(pack.files())["pack.note"]
        return unsigned(pack, "pack.note", note.replace("田".encode(), b"\xe7\x94\xff", 1))

    @forge("pack.note", "note_form")
    def note_without_signature(pack):
        note = dict(pack.files())["pack.note"]
        return unsigned(pack, "pack.note", note.split(b"\n\n")[0] + b"\n\n")

    def note_line(i, text):
        def work(pack):
            pack.lines = lambda lines: lines[:i] + ([] if text is None else [text]) + lines[i + 1 :]

        return work

    for name, i, text in [("note-of-version-2", 0, "hinomi evidence pack v2"), ("note-origin-shouted", 1, f"origin hinomi.local/{SITE.upper()}"), ("note-time-impossible", 2, "made 2025-02-29T09:00:00Z"), ("note-time-without-zone", 2, "made 2025-11-20T09:00:00"),
                          ("note-by-not-json", 3, "by 田中"), ("note-by-number", 3, "by 12"), ("note-by-two-strings", 3, 'by "a" "b"'), ("note-by-broken-surrogate", 3, 'by "\\ud800"'), ("note-asked-missing", 4, None),
                          ("note-file-line-short", 5, "file abc 1 checkpoint"), ("note-file-negative", 5, f"file {'0' * 64} -1 checkpoint"), ("note-file-leading-zero", 5, f"file {'0' * 64} 01 checkpoint")]:  # fmt: skip
        out[name] = (note_line(i, text), "pack.note", ("note_form",), {})

    # --- the ZIP file
    def zipped(tweak):
        return lambda pack: zip_file(pack.files(), tweak)

    def field(name, value, which=1, central=False):
        def tweak(i, f):
            if i == which:
                if central:
                    f["central"][name] = value
                else:
                    f[name] = value

        return tweak

    for name, tweak, code in [("zip-version", field("version", 10), "zip_header"), ("zip-flags", field("flags", 0), "zip_header"), ("zip-flag-descriptor", field("flags", 0x0808), "zip_header"), ("zip-flag-encrypted", field("flags", 0x0801), "zip_header"), ("zip-time", field("time", 1), "zip_header"),
                              ("zip-date", field("date", 0x5B74), "zip_header"), ("zip-extra", field("extra", b"\x01\x00\x00\x00"), "zip_header"), ("zip-crc", field("crc", 1), "zip_crc"), ("zip-packed-size", field("packed", 3), "zip_header"),
                              ("zip-made-by", field("made", 0x0314), "zip_directory"), ("zip-attributes", field("attributes", 0o644 << 16), "zip_directory"), ("zip-internal", field("internal", 1), "zip_directory"), ("zip-disk", field("disk", 1), "zip_directory"), ("zip-file-comment", field("comment", b"hi"), "zip_directory"),
                              ("zip-central-name", field("name", b"checkpoinT", 1, True), "zip_directory"), ("zip-central-offset", field("offset", 0, 1, True), "zip_directory"), ("zip-central-size", field("size", 1, 1, True), "zip_directory"), ("zip-central-crc", field("crc", 1, 1, True), "zip_directory"),
                              ("zip-name-not-ascii", field("name", "鍵".encode(), 4), "zip_name"), ("zip-name-space", field("name", b"a key", 4), "zip_name"), ("zip-name-empty", field("name", b"", 4), "zip_name"), ("zip-name-zero", field("name", b"key\0", 4), "zip_name")]:  # fmt: skip
        out[name] = (zipped(tweak), None, (code,), {})

    @forge(None, "zip_compressed")
    def zip_deflated(pack):
        def tweak(i, f):
            if i == 2:
                squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
                f["content"] = squeeze.compress(f["content"]) + squeeze.flush()
                f["packed"], f["method"] = len(f["content"]), 8

        return zip_file(pack.files(), tweak)

    @forge(None, "zip_compressed")
    def zip_bomb(pack):
        """A thousand million zeros, deflated: no verifier may unpack it."""

        def tweak(i, f):
            if i == 2:
                f["content"] = b"\xed\xc1\x01\x01\x00\x00\x00\x80\x90\xfe\xaf\xee\x08\x0a"
                f["packed"], f["size"], f["method"] = len(f["content"]), 0xFFFFFFF0, 8

        return zip_file(pack.files(), tweak)

    @forge(None, "zip_cut")
    def zip_length_huge(pack):
        def tweak(i, f):
            if i == 2:
                f["packed"] = f["size"] = 0xFFFFFFFF

        return zip_file(pack.files(), tweak)

    @forge(None, "zip_twice")
    def zip_file_twice(pack):
        files = pack.files()
        return zip_file(files + [files[2]])

    @forge(None, "zip_header", "zip_compressed")
    def zip_made_anew(pack):
        """What an ordinary program makes when somebody unpacks a pack and packs it again."""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as z:
            for name, content in pack.files():
                z.writestr(zipfile.ZipInfo(name, (2025, 11, 20, 9, 0, 0)), content)
        return stream.getvalue()

    @forge("container", "zip_trailing")
    def zip_trailing(pack):
        return pack.build() + b"\0"

    @forge("container", "zip_trailing", "zip_directory")
    def zip_second_behind(pack):
        return pack.build() + zip_file([("pack.note", b"other")])

    @forge("container", "zip_cut", "zip_directory")
    def zip_cut(pack):
        return pack.build()[:-1]

    @forge(None, "zip_cut")
    def zip_cut_in_the_middle(pack):
        data = pack.build()
        return data[: len(data) // 3]

    @forge("container", "zip_directory")
    def zip_comment(pack):
        return pack.build()[:-2] + b"\x02\x00hi"

    @forge("container", "zip_directory")
    def zip_count(pack):
        data = bytearray(pack.build())
        data[-14] += 1
        return bytes(data)

    @forge("", "not_zip")
    def zip_behind_a_program(pack):
        return b"MZ" + pack.build()

    @forge("", "not_zip")
    def not_a_zip(pack):
        return dict(pack.files())["records.json"]

    @forge("", "not_zip")
    def nothing_at_all(pack):
        return b""

    @forge("readme.txt", "file_extra")
    def file_extra(pack):
        return zip_file(pack.files() + [("readme.txt", "安全です".encode())])

    @forge("../verify.html", "file_extra")
    def file_extra_above(pack):
        return zip_file(pack.files() + [("../verify.html", b"x")])

    @forge("verify.html", "file_missing")
    def file_missing(pack):
        return zip_file([f for f in pack.files() if f[0] != "verify.html"])

    @forge("key", "file_required")
    def file_key_missing(pack):
        return zip_file([f for f in pack.files() if f[0] != "key"])

    @forge("pack.note", "note_missing")
    def file_note_missing(pack):
        return zip_file([f for f in pack.files() if f[0] != "pack.note"])

    @forge("pack.note", "note_missing")
    def file_note_not_first(pack):
        files = pack.files()
        return zip_file([files[1], files[0]] + files[2:])

    @forge("pack.note", "file_order")
    def file_order(pack):
        files = pack.files()
        return zip_file([files[0], files[2], files[1]] + files[3:])

    @forge("records.json", "file_required")
    def file_not_listed_at_all(pack):
        pack.lines = lambda lines: [x for x in lines if not x.endswith(" records.json")]

    @forge("readme.txt", "file_unknown")
    def file_unknown(pack):
        pack.raw["readme.txt"] = b"signed, and still not a pack's"

    @forge("blobs/..", "file_unknown")
    def file_blob_above(pack):
        pack.raw["blobs/.."] = b"x"

    @forge("key", "file_twice")
    def file_listed_twice(pack):
        pack.lines = lambda lines: lines + [x for x in lines if x.endswith(" key")]

    @forge("verify.html", "file_length")
    def file_length_wrong(pack):
        n = len(pack.other["verify.html"])
        pack.lines = lambda lines: [x.replace(f" {n} verify.html", f" {n + 1} verify.html") for x in lines]

    @forge("blobs/" + "0" * 64, "blob_name")
    def blob_name(pack):
        pack.other = {"blobs/" + "0" * 64: PHOTO, **pack.other}

    # --- keys
    @forge("key", "fingerprint_other", fingerprint=True)
    def other_key_and_its_own_page(pack):
        """Everything made anew by somebody with a key of their own. Only the fingerprint tells."""
        raise Skip  # made in `packs`, from a log of the forger

    @forge("pack.note", "note_signer")
    def key_swapped(pack):
        pack.key = FORGER.vkey + "\n"

    @forge("checkpoint", "checkpoint_signer")
    def key_swapped_and_note_signed(pack):
        pack.key, pack.signer = FORGER.vkey + "\n", FORGER

    @forge("key", "key_form")
    def key_without_line_end(pack):
        pack.key = pack.key.strip()

    @forge("key", "key_form")
    def key_of_a_witness(pack):
        pack.key = Signer("the company's key", ORIGIN, 4).vkey + "\n"

    @forge("key", "key_form")
    def key_nonsense(pack):
        pack.raw["key"] = b"\xff\xfe\n"

    @forge("key", "key_id")
    def key_number(pack):
        parts = pack.key.split("+", 2)
        pack.key = f"{parts[0]}+00000000+{parts[2]}"

    @forge("key", "key_origin")
    def key_of_another_name(pack):
        pack.key = Signer("the company's key", "hinomi.local/00000000-0000-4000-8000-000000000000").vkey + "\n"

    def weak(y):
        def work(pack):
            public = b"\x01" + y
            name = ORIGIN
            pack.key = f"{name}+{sha256(name.encode() + bytes([10]) + public)[:4].hex()}+{b64(public)}\n"
            pack.sign = lambda body: f"\u2014 {name} {b64(sha256(name.encode() + bytes([10]) + public)[:4] + bytes([1]) + bytes(63))}\n"

        return work

    out["key-of-small-order"] = (weak(b"\x01" + bytes(31)), "key", ("key_weak",), {})
    out["key-of-order-eight"] = (weak(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")), "key", ("key_weak",), {})
    out["key-not-reduced"] = (weak(bytes.fromhex("ee" + "ff" * 30 + "7f")), "key", ("key_weak",), {})

    # --- checkpoints, signed anew by the company where it can
    def checkpoint(pack, change, signer=None):
        body = pack.checkpoint.split("\n\n")[0] + "\n"
        body = change(body)
        pack.checkpoint = body + "\n" + (signer or pack.signer).line(body)

    @forge(None, "entry_path", "consistency_path", "stamp_imprint")
    def checkpoint_root(pack):
        lines = pack.checkpoint.split("\n")
        if not pack.proof["entries"] and "consistency" not in pack.proof:
            raise Skip
        checkpoint(pack, lambda body: body.replace(lines[2], flip(lines[2])))

    @forge(None, "proof_size", "stamp_imprint")
    def checkpoint_size(pack):
        n = pack.proof["size"]
        checkpoint(pack, lambda body: body.replace(f"\n{n}\n", f"\n{n + 1}\n"))

    @forge("checkpoint", "checkpoint_origin")
    def checkpoint_of_another_log(pack):
        checkpoint(pack, lambda body: body.replace(SITE, "00000000-0000-4000-8000-000000000000"))

    @forge("checkpoint", "checkpoint_signature")
    def checkpoint_signature(pack):
        line = pack.checkpoint.split("\n\n")[1].split("\n")[0]
        blob = line[line.rindex(" ") + 1 :]
        pack.checkpoint = pack.checkpoint.replace(blob, flip(blob, 30))

    @forge("checkpoint", "checkpoint_signature")
    def checkpoint_other_root_old_signature(pack):
        lines = pack.checkpoint.split("\n")
        pack.checkpoint = pack.checkpoint.replace(lines[2], flip(lines[2]))

    @forge("checkpoint", "checkpoint_signer")
    def checkpoint_signed_by_other(pack):
        checkpoint(pack, lambda body: body, FORGER)

    @forge("checkpoint", "checkpoint_form")
    def checkpoint_with_a_fourth_line(pack):
        checkpoint(pack, lambda body: body + "安全\n")

    @forge("checkpoint", "checkpoint_form")
    def checkpoint_size_with_a_zero(pack):
        n = pack.proof["size"]
        checkpoint(pack, lambda body: body.replace(f"\n{n}\n", f"\n0{n}\n"))

    @forge("checkpoint", "checkpoint_form")
    def checkpoint_size_huge(pack):
        n = pack.proof["size"]
        checkpoint(pack, lambda body: body.replace(f"\n{n}\n", f"\n{1 << 63}\n"))

    @forge("checkpoint", "checkpoint_form")
    def checkpoint_root_short(pack):
        lines = pack.checkpoint.split("\n")
        checkpoint(pack, lambda body: body.replace(lines[2], b64(bytes(31))))

    # --- witnesses and time stamps
    def cosigned(pack):
        body, lines = pack.checkpoint.split("\n\n")
        if lines.count("\n") < 2:
            raise Skip
        return body + "\n", lines.split("\n")

    @forge("checkpoint", "cosignature_bad", witness=True)
    def cosignature_flipped(pack):
        body, lines = cosigned(pack)
        name, blob = lines[1].rsplit(" ", 1)
        pack.checkpoint = pack.checkpoint.replace(blob, flip(blob, 50))

    @forge("checkpoint", "cosignature_bad", witness=True)
    def cosignature_time_earlier(pack):
        body, lines = cosigned(pack)
        name, blob = lines[1].rsplit(" ", 1)
        pack.checkpoint = pack.checkpoint.replace(blob, flip(blob, 10))

    @forge("checkpoint", "cosignature_bad", witness=True)
    def cosignature_of_another_root(pack):
        body, lines = cosigned(pack)
        pack.checkpoint = pack.checkpoint.replace(lines[1] + "\n", WITNESS.cosign(body.replace("\n", "x\n", 1), WHEN))

    @forge("checkpoint", "cosignature_bad", witness=True)
    def cosignature_by_another_under_its_number(pack):
        body, lines = cosigned(pack)
        fake = FORGER.private.sign(f"cosignature/v1\ntime {WHEN}\n{body}".encode())
        pack.checkpoint = pack.checkpoint.replace(lines[1], f"\u2014 {WITNESS.name} {b64(WITNESS.id + struct.pack('>Q', WHEN) + fake)}")

    @forge("checkpoint", "cosignature_bad", witness=True)
    def cosignature_too_short(pack):
        body, lines = cosigned(pack)
        pack.checkpoint = pack.checkpoint.replace(lines[1], f"\u2014 {WITNESS.name} {b64(WITNESS.id + bytes(64))}")

    def stamped(value):
        def work(pack):
            if "stamp.tsr" not in pack.other:
                raise Skip
            pack.other["stamp.tsr"] = value(pack.checkpoint.split("\n\n")[0].encode() + b"\n")

        return work

    for name, value, code in [("stamp-of-something-else", lambda b: stamp_of(b"other"), "stamp_imprint"), ("stamp-nonsense", lambda b: b"not a stamp", "stamp_form"), ("stamp-refused", lambda b: stamp_of(b, status=b"\x02"), "stamp_form"), ("stamp-time-nonsense", lambda b: stamp_of(b, time=b"20251320091500Z"), "stamp_form"),
                              ("stamp-weak-digest", lambda b: stamp_of(b, "2b0e03021a", hashlib.sha1(b).digest()), "stamp_form"), ("stamp-length-huge", lambda b: b"\x30\x84\xff\xff\xff\xff" + b, "stamp_form"), ("stamp-of-another-kind", lambda b: stamp_of(b).replace(bytes.fromhex("2a864886f70d0109100104"), bytes.fromhex("2a864886f70d0109100105")), "stamp_form"), ("stamp-cut", lambda b: stamp_of(b)[:-20], "stamp_form"), ("stamp-trailing", lambda b: stamp_of(b) + b"\0", "stamp_form"), ("stamp-indefinite", lambda b: b"\x30\x80" + stamp_of(b)[2:] + b"\0\0", "stamp_form"),
                              ("stamp-other-512", lambda b: stamp_of(b, "608648016503040203", hashlib.sha512(b"x").digest()), "stamp_imprint"), ("stamp-other-384", lambda b: stamp_of(b, "608648016503040202", hashlib.sha384(b"x").digest()), "stamp_imprint")]:  # fmt: skip
        out[name] = (stamped(value), "stamp.tsr", (code,), {})

    @forge("stamp.tsr", "stamp_form")
    def stamp_question_alone(pack):
        some(1 for n in pack.other if n == "stamp.tsr")
        del pack.other["stamp.tsr"]

    # --- proof.json, signed anew by the company
    def in_text(name, old, new):
        def work(pack):
            text = dict(pack.files())[name].decode()
            if old not in text:
                raise Skip
            pack.raw[name] = text.replace(old, new, 1).encode("utf-8", "surrogatepass")

        return work

    for name, file, old, new in [("proof-json-key-twice", "proof.json", '"size":', '"size": 0, "size":'), ("proof-json-escaped-key-twice", "proof.json", '"size":', '"s\\u0069ze": 0, "size":'), ("proof-json-float", "proof.json", '"format": 1', '"format": 1.0'), ("proof-json-exponent", "proof.json", '"format": 1', '"format": 1e0'), ("proof-json-huge", "proof.json", '"format": 1', f'"format": {1 << 64}'),
                                 ("proof-json-nan", "proof.json", '"format": 1', '"format": NaN'), ("proof-json-leading-zero", "proof.json", '"format": 1', '"format": 01'), ("proof-json-minus-zero", "proof.json", '"format": 1', '"format": -0'), ("proof-json-comment", "proof.json", "{", "{ /* */"), ("proof-json-deep", "proof.json", '"format": 1', '"format": ' + "[" * 100000 + "]" * 100000), ("proof-json-trailing-comma", "proof.json", "]}", "],}"),
                                 ("proof-json-bom", "proof.json", "{", "\ufeff{"), ("proof-json-no-break-space", "proof.json", "{", "{\u00a0"), ("proof-json-cut", "proof.json", '"tables"', '"tables'), ("records-json-key-twice", "records.json", '"table":', '"table": "x", "table":'), ("records-json-surrogate", "records.json", '"table": "', '"table": "\\ud83d'), ("records-json-tab", "records.json", '"table": "', '"table": "\t'),
                                 ("records-json-bad-escape", "records.json", '"table": "', '"table": "\\x'), ("records-json-number-long", "records.json", '"seq": ', '"seq": ' + "9" * 5000), ("records-json-two-documents", "records.json", "[", "[] [")]:  # fmt: skip
        out[name] = (in_text(file, old, new), file, ("json_form",), {})

    @forge("records.json", "json_form")
    def records_json_not_utf8(pack):
        text = json.dumps(pack.records, ensure_ascii=False).encode()
        pack.raw["records.json"] = text[:1] + b"\xff" + text[1:]

    @forge("records.json", "json_form")
    def records_json_overlong(pack):
        pack.raw["records.json"] = b'["\xc0\xaf"]'

    @forge("records.json", "json_form")
    def records_json_deep(pack):
        pack.raw["records.json"] = b"[" * 200000

    @forge("records.json", "records_form")
    def records_not_a_list(pack):
        pack.records = {"records": pack.records}

    def member(change):
        def work(pack):
            change(pack.proof)

        return work

    def proof_entry(p):
        return some(p["entries"])

    for name, change in [("proof-format-2", lambda p: p.update(format=2)), ("proof-member-unknown", lambda p: p.update(note="ok")), ("proof-member-missing", lambda p: p.pop("tables")), ("proof-entries-object", lambda p: p.update(entries={})), ("proof-index-text", lambda p: proof_entry(p).update(index="1")), ("proof-index-true", lambda p: proof_entry(p).update(index=True)), ("proof-index-negative", lambda p: proof_entry(p).update(index=-1)),
                         ("proof-entry-not-base64", lambda p: proof_entry(p).update(entry="A" * 7)), ("proof-entry-base64-url", lambda p: proof_entry(p).update(entry="_" + proof_entry(p)["entry"][1:])), ("proof-entry-base64-unpadded", lambda p: proof_entry(p).update(entry=proof_entry(p)["entry"].rstrip("=") + "A" * 3)), ("proof-entry-base64-spaces", lambda p: proof_entry(p).update(entry=proof_entry(p)["entry"] + "\n")), ("proof-path-short", lambda p: proof_entry(p).update(path=[b64(bytes(31))])), ("proof-path-long", lambda p: proof_entry(p).update(path=[b64(bytes(32))] * 65)), ("proof-entry-huge", lambda p: proof_entry(p).update(entry=b64(bytes(70000)))),
                         ("proof-entries-unordered", lambda p: p.update(entries=p["entries"][::-1] if len(p["entries"]) > 1 else some(()))), ("proof-entry-twice", lambda p: p.update(entries=[proof_entry(p)] + p["entries"])),
                         ("proof-complete-null", lambda p: p.update(complete=None)), ("proof-consistency-null", lambda p: p.update(consistency=None)), ("proof-table-unknown", lambda p: some(p["tables"]).update(table=8)), ("proof-table-member-unknown", lambda p: some(p["tables"]).update(total=1)),
                         ("proof-not-an-object", None)]:  # fmt: skip
        out[name] = (member(change) if change else (lambda pack: setattr(pack, "proof", [])), "proof.json", ("proof_form",), {})

    def record_form(change):
        def work(pack):
            t, r = first_record(pack, "core")
            change(t, r)

        return work

    for name, change in [("record-member-missing", lambda t, r: r.pop("text")), ("record-member-unknown", lambda t, r: r.update(more=1)), ("record-salt-short", lambda t, r: r["core"].update(salt=b64(bytes(15)))), ("record-hash-and-salt", lambda t, r: r["core"].update(hash=b64(bytes(32)))), ("record-group-null", lambda t, r: r.update(core=None)), ("record-group-without-salt", lambda t, r: r["core"].pop("salt")),
                         ("record-cbor-not-base64", lambda t, r: r["core"].update(cbor="oh no")), ("record-path-and-leaves", lambda t, r: r.update(path=[]) if "leaves" in t else t.update(leaves=[b64(bytes(32))] * t["count"]))]:  # fmt: skip
        expected = ("proof_form", "table_root") if name == "record-path-and-leaves" else ("proof_form",)
        out[name] = (record_form(change), "proof.json", expected, {})

    @forge("proof.json", "proof_origin")
    def proof_of_another_log(pack):
        pack.proof["origin"] = "hinomi.local/00000000-0000-4000-8000-000000000000"

    @forge("proof.json", "proof_size")
    def proof_of_another_size(pack):
        pack.proof["size"] += 1

    @forge("proof.json", "entry_path")
    def entry_changed(pack):
        e = some(pack.proof["entries"])
        e["entry"] = flip(e["entry"], -1)

    @forge("proof.json", "entry_path")
    def entry_at_another_index(pack):
        e = pack.proof["entries"][-1] if pack.proof["entries"] else some(())
        e["index"] += 1

    @forge("proof.json", "entry_path")
    def entry_path_changed(pack):
        e = some(x for x in pack.proof["entries"] if x["path"])
        e["path"][0] = flip(e["path"][0])

    @forge("proof.json", "entry_path")
    def entry_path_cut(pack):
        some(x for x in pack.proof["entries"] if x["path"])["path"].pop()

    @forge("proof.json", "entry_path")
    def entry_path_longer(pack):
        some(pack.proof["entries"])["path"].append(b64(bytes(32)))

    @forge("proof.json", "entry_path")
    def entry_beyond(pack):
        e = pack.proof["entries"][-1] if pack.proof["entries"] else some(())
        e["index"] = (1 << 53) - 1

    @forge("proof.json", "table_entry")
    def entry_left_out(pack):
        t = some(t for t in pack.proof["tables"])
        pack.proof["entries"] = [e for e in pack.proof["entries"] if e["index"] != t["index"]]

    @forge("proof.json", "table_entry", "table_twice")
    def table_other(pack):
        t = pack.proof["tables"][0] if pack.proof["tables"] else some(())
        t["index"] = some(e["index"] for e in pack.proof["entries"] if base64.b64decode(e["entry"])[:3] != b"\xa7\x01\x01")

    @forge("proof.json", "table_twice")
    def table_twice(pack):
        pack.proof["tables"].append({**some(pack.proof["tables"]), "records": []})

    @forge("proof.json", "table_count")
    def count_more(pack):
        some(pack.proof["tables"])["count"] += 1

    @forge("proof.json", "table_count")
    def count_less(pack):
        t = some(t for t in pack.proof["tables"])
        t["count"] -= 1

    @forge("proof.json", "table_root")
    def leaf_changed(pack):
        t = some(t for t in pack.proof["tables"] if "leaves" in t)
        t["leaves"][0] = flip(t["leaves"][0])

    @forge("proof.json", "table_root")
    def leaves_swapped(pack):
        t = some(t for t in pack.proof["tables"] if len(t.get("leaves", ())) > 1)
        t["leaves"][0], t["leaves"][1] = t["leaves"][1], t["leaves"][0]

    @forge("proof.json", "table_count")
    def leaf_left_out(pack):
        some(t for t in pack.proof["tables"] if "leaves" in t)["leaves"].pop()

    @forge("proof.json", "record_leaf")
    def cbor_changed(pack):
        _, r = first_record(pack, "core")
        r["core"]["cbor"] = flip(r["core"]["cbor"], 5)

    @forge("proof.json", "record_leaf")
    def cbor_names_changed(pack):
        _, r = first_record(pack, "names", lambda r: len(r["names"]["cbor"]) > 8)
        r["names"]["cbor"] = flip(r["names"]["cbor"], -1)

    @forge("proof.json", "record_leaf")
    def salt_changed(pack):
        _, r = first_record(pack, "text")
        r["text"]["salt"] = flip(r["text"]["salt"])

    @forge("proof.json", "record_leaf")
    def salts_swapped(pack):
        _, r = first_record(pack, "core", lambda r: "salt" in r["text"])
        r["core"]["salt"], r["text"]["salt"] = r["text"]["salt"], r["core"]["salt"]

    @forge("proof.json", "record_leaf")
    def groups_swapped(pack):
        _, r = first_record(pack, "addresses", lambda r: "salt" in r["names"])
        r["addresses"], r["names"] = r["names"], r["addresses"]

    @forge("proof.json", "record_leaf")
    def hash_wrong(pack):
        _, r = first_record(pack)
        r["text"] = {"hash": b64(sha256(b"\xa0"))}

    @forge("proof.json", "record_leaf")
    def hash_of_bytes_without_salt(pack):
        _, r = first_record(pack, "addresses")
        r["addresses"] = {"hash": b64(sha256(base64.b64decode(r["addresses"]["cbor"])))}

    @forge("proof.json", "record_leaf", "seq_range", "records_order")
    def seq_changed(pack):
        t, r = some((t, t["records"][-1]) for t in pack.proof["tables"] if t["records"])
        r["seq"] += 1

    @forge("proof.json", "record_leaf", "records_order", "seq_range", "position_beyond")
    def position_changed(pack):
        t, r = some((t, r) for t in pack.proof["tables"] for r in t["records"] if t["count"] > 1)
        r["position"] = (r["position"] + 1) % t["count"]

    @forge("proof.json", "position_beyond")
    def position_beyond(pack):
        t, r = some((t, r) for t in pack.proof["tables"] for r in t["records"])
        r["position"] = t["count"]

    @forge("proof.json", "record_leaf")
    def record_path_changed(pack):
        _, r = first_record(pack, None, lambda r: r.get("path"))
        r["path"][-1] = flip(r["path"][-1])

    @forge("proof.json", "record_leaf")
    def record_path_cut(pack):
        _, r = first_record(pack, None, lambda r: r.get("path"))
        r["path"].pop(0)

    @forge("proof.json", "record_leaf")
    def record_path_longer(pack):
        _, r = first_record(pack, None, lambda r: "path" in r)
        r["path"].append(b64(bytes(32)))

    @forge("proof.json", "records_order")
    def records_unordered(pack):
        t = some(t for t in pack.proof["tables"] if len(t["records"]) > 1)
        t["records"].reverse()

    @forge("proof.json", "records_order")
    def record_twice(pack):
        t = some(t for t in pack.proof["tables"] if t["records"])
        t["records"].append(t["records"][-1])

    # --- records.json, signed anew by the company
    @forge("records.json", "records_count")
    def readable_left_out(pack):
        some(pack.records)
        pack.records.pop()

    @forge("records.json", "records_count")
    def readable_invented(pack):
        pack.records = pack.records + [{"seq": 9999, "table": "flow", "record": {}}]

    @forge("records.json", "records_seq")
    def readable_swapped(pack):
        if len(pack.records) < 2:
            raise Skip
        pack.records[0], pack.records[1] = pack.records[1], pack.records[0]

    @forge("records.json", "records_table")
    def readable_table(pack):
        r = some(pack.records)
        r["table"] = "audit" if r["table"] != "audit" else "flow"

    @forge("records.json", "records_form")
    def readable_more_members(pack):
        some(pack.records)["note"] = "ok"

    def readable(match, new):
        def work(pack):
            r, (path, value) = some((r, p) for r in pack.records for p in all_leaves(r["record"]) if match(p[1]))
            put(r["record"], path, new(value))

        return work

    is_int = lambda v: type(v) is int
    is_text = lambda v: isinstance(v, str) and not v[:1].isdigit()
    for name, match, new in [("readable-number-changed", is_int, lambda v: v + 1), ("readable-number-as-text", is_int, str), ("readable-text-changed", is_text, lambda v: v + "。"), ("readable-text-lookalike", lambda v: isinstance(v, str) and "e" in v, lambda v: v.replace("e", "е", 1)), ("readable-time-changed", lambda v: isinstance(v, str) and v.endswith("Z"), lambda v: v[:-2] + "9Z" if v[-2] != "9" else v[:-2] + "8Z"),
                             ("readable-time-shorter", lambda v: isinstance(v, str) and v.endswith("000Z"), lambda v: v.split(".")[0] + "Z"), ("readable-truth-as-number", lambda v: v is True, lambda v: 1), ("readable-null-as-false", lambda v: v is None, lambda v: False), ("readable-address-shouted", lambda v: isinstance(v, str) and v.count(":") == 5 and v != v.upper(), lambda v: v.upper()), ("readable-big-number-as-number", lambda v: v == "9007199254740992", lambda v: 9007199254740991),
                             ("readable-ipv6-long", lambda v: v == "fe80::1", lambda v: "fe80:0:0:0:0:0:0:1")]:  # fmt: skip
        out[name] = (readable(match, new), "records.json", ("records_differ",), {})

    def some_map(pack, need):
        def maps(v):
            if isinstance(v, dict):
                yield v
            for x in v.values() if isinstance(v, dict) else v if isinstance(v, list) else ():
                yield from maps(x)

        return some(m for r in pack.records for m in maps(r["record"]) if need(m))

    @forge("records.json", "records_differ")
    def readable_order(pack):
        m = some_map(pack, lambda m: len(m) > 1)
        pairs = list(m.items())[::-1]
        m.clear()
        m.update(pairs)

    @forge("records.json", "records_differ")
    def readable_member_left_out(pack):
        m = some_map(pack, lambda m: len(m) > 1)
        m.popitem()

    @forge("records.json", "records_differ")
    def readable_member_invented(pack):
        some_map(pack, lambda m: True)["__proto__"] = {"note": "安全"}

    @forge("records.json", "records_differ")
    def readable_hidden_group_told(pack):
        """What is hidden, told in words and not proven."""
        r = some(r for t in pack.proof["tables"] for r in t["records"] if "hash" in r["text"] and "cbor" in r["core"])
        some(x for x in pack.records if x["seq"] == r["seq"])["record"]["note"] = "本当は何もなかった"

    # --- consistency
    def older(pack):
        if "consistency" not in pack.proof:
            raise Skip
        return pack.proof["consistency"]

    @forge("proof.json", "consistency_path")
    def consistency_root(pack):
        c = older(pack)
        c["root"] = flip(c["root"])

    @forge("proof.json", "consistency_path")
    def consistency_path(pack):
        c = older(pack)
        some(c["path"])
        c["path"][0] = flip(c["path"][0])

    @forge("proof.json", "consistency_path")
    def consistency_longer(pack):
        older(pack)["path"].append(b64(bytes(32)))

    @forge("proof.json", "consistency_path")
    def consistency_empty(pack):
        c = older(pack)
        some(c["path"])
        c["path"] = []

    @forge("proof.json", "consistency_path")
    def consistency_size(pack):
        c = older(pack)
        c["size"] = c["size"] + 1 if c["size"] + 1 < pack.proof["size"] else c["size"] - 1

    @forge("proof.json", "consistency_path")
    def consistency_with_nothing(pack):
        older(pack).update(size=0, root=b64(sha256(b"")), path=[])

    @forge("proof.json", "consistency_path")
    def consistency_beyond(pack):
        older(pack)["size"] = pack.proof["size"] + 1

    # --- complete
    def whole(pack):
        if "complete" not in pack.proof:
            raise Skip
        return pack.proof["complete"]

    @forge("proof.json", "complete_missing", "table_entry")
    def complete_entry_left_out(pack):
        c = whole(pack)
        pack.proof["entries"] = [e for e in pack.proof["entries"] if e["index"] != c["last"]]
        pack.proof["tables"] = [t for t in pack.proof["tables"] if t["index"] != c["last"]]
        seqs = {r["seq"] for t in pack.proof["tables"] for r in t["records"]}
        pack.records = [r for r in pack.records if r["seq"] in seqs]

    @forge("proof.json", "complete_records")
    def complete_record_left_out(pack):
        c = whole(pack)
        t = some(t for t in pack.proof["tables"] if t["table"] == c["table"] and c["first"] <= t["index"] <= c["last"] and len(t["records"]) > 1)
        gone = t["records"].pop(1)
        pack.records = [r for r in pack.records if r["seq"] != gone["seq"]]

    @forge("proof.json", "complete_records")
    def complete_batch_left_out(pack):
        c = whole(pack)
        t = some(t for t in pack.proof["tables"] if t["table"] == c["table"] and c["first"] <= t["index"] <= c["last"])
        pack.proof["tables"].remove(t)
        gone = {r["seq"] for r in t["records"]}
        pack.records = [r for r in pack.records if r["seq"] not in gone]

    @forge("proof.json", "complete_records")
    def complete_of_another_table(pack):
        c = whole(pack)
        some(t for t in pack.proof["tables"] if t["table"] == 0)
        c["table"] = 4
        c["first"], c["last"] = 4, 4
        # Batch 2 of the factory has records of audit that are not here; the entries beside it are.
        some(e for e in pack.proof["entries"] if e["index"] == 3)
        c["from"], c["to"] = str(T0 + 100 * S), str(T0 + 130 * S)
        some(1 for e in pack.proof["entries"] if e["index"] == 5)

    @forge("proof.json", "complete_neighbour")
    def complete_neighbour_before(pack):
        c = whole(pack)
        pack.proof["entries"] = [e for e in pack.proof["entries"] if e["index"] != c["first"] - 1]

    @forge("proof.json", "complete_neighbour")
    def complete_neighbour_after(pack):
        c = whole(pack)
        some(e for e in pack.proof["entries"] if e["index"] == c["last"] + 1)
        pack.proof["entries"] = [e for e in pack.proof["entries"] if e["index"] != c["last"] + 1]

    @forge("proof.json", "complete_overlap")
    def complete_range_wider_before(pack):
        c = whole(pack)
        if c["table"] or int(c["to"]) < T0 + 61 * S:
            raise Skip
        c["from"] = str(T0 + 61 * S)

    @forge("proof.json", "complete_overlap")
    def complete_range_wider_after(pack):
        c = whole(pack)
        some(e for e in pack.proof["entries"] if e["index"] == c["last"] + 1 and c["table"] == 0 and base64.b64decode(e["entry"])[:3] == b"\xa7\x01\x01")
        c["to"] = str(T0 + 9000 * S)

    @forge("proof.json", "complete_range")
    def complete_backwards(pack):
        c = whole(pack)
        c["from"], c["to"] = c["to"], c["from"]

    @forge("proof.json", "complete_range")
    def complete_indices_backwards(pack):
        c = whole(pack)
        c["first"] = c["last"] + 1

    @forge("proof.json", "complete_range")
    def complete_beyond(pack):
        whole(pack)["last"] = pack.proof["size"]

    @forge("proof.json", "complete_missing")
    def complete_huge(pack):
        c = whole(pack)
        c["first"] = 0
        c["last"] = pack.proof["size"] - 1
        if len(pack.proof["entries"]) == pack.proof["size"]:
            raise Skip

    @forge("proof.json", "proof_form")
    def complete_time_as_number(pack):
        c = whole(pack)
        c["from"] = 5

    @forge("proof.json", "proof_form")
    def complete_time_beyond(pack):
        c = whole(pack)
        c["to"] = str(1 << 63)

    # --- hostile, in other ways
    @forge("pack.note", "note_form")
    def note_huge(pack):
        pack.lines = lambda lines: lines[:4] + ['asked "' + "あ" * 400000 + '"'] + lines[5:]

    @forge("checkpoint", "checkpoint_form")
    def checkpoint_huge(pack):
        pack.checkpoint += FORGER.line("x") * 500

    @forge("checkpoint", "checkpoint_form")
    def checkpoint_many_signatures(pack):
        pack.checkpoint += FORGER.line("x") * 100

    return out


def lies(pack, canon):
    """Lies that the company committed to its log: kind → (Hooks, entry, codes). `pack` is the good one, for its shown records."""
    n = canon.names.number
    t, r = first_record(pack, "core", lambda r: all("cbor" in r[g] for g in GROUPS) and base64.b64decode(r["core"]["cbor"]) != b"\xa0")
    seq, table = r["seq"], t["table"]
    content = n[TABLES[table]]

    def hook(group, change):
        return Hooks(seq=seq, group=group, change=lambda data, tree: change(data, tree))

    def parts(tree):
        return canon.split(tree)

    def core(change):
        """Changes the core's map before it is written."""

        def work(data, tree):
            m = parts(tree)["core"]
            return cbor(change(m) or m)

        return hook("core", work)

    def other(group, value):
        return hook(group, lambda data, tree: cbor(value(parts(tree)) if callable(value) else value))

    def body(m):
        return m[n["body"]][content]

    def member(key, value):
        return core(lambda m: body(m).update({key: value}))

    free = n["zone"]  # a name without a group that the records here do not use
    received = lambda m: m[n["received"]]
    out = {}
    for name, hooks in {
        "cbor-longer-int": core(lambda m: m.update({n["source"]: Raw(b"\x18\x01")})),
        "cbor-longer-length": member(free, Raw(b"\x98\x01\x01")),
        "cbor-unsorted": hook("core", lambda d, tree: bytes([0xA0 | len(parts(tree)["core"])]) + b"".join(cbor(k) + cbor(v) for k, v in sorted(parts(tree)["core"].items(), reverse=True))),
        "cbor-key-twice": hook("core", lambda d, tree: bytes([d[0] + 1]) + cbor(n["source"]) + cbor(1) + d[1:]),
        "cbor-indefinite-map": hook("core", lambda d, tree: b"\xbf" + d[1:] + b"\xff"),
        "cbor-indefinite-array": member(free, Raw(b"\x9f\x01\xff")),
        "cbor-indefinite-bytes": member(free, Raw(b"\x5f\x41\x01\xff")),
        "cbor-float": member(free, Raw(b"\xf9\x3c\x00")),
        "cbor-double": member(free, Raw(b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00")),
        "cbor-undefined": member(free, Raw(b"\xf7")),
        "cbor-simple": member(free, Raw(b"\xf8\x20")),
        "cbor-null-in-map": member(free, None),
        "cbor-other-tag": member(free, Raw(b"\xc1\x01")),
        "cbor-tag-of-array": member(free, Raw(b"\xd8\x27\x80")),
        "cbor-bytes-as-key": member(free, Raw(b"\xa1\x41\x01\x01")),
        "cbor-negative-key": member(free, Raw(b"\xa1\x20\x01")),
        "cbor-text-not-utf8": other("names", {n["body"]: {content: {free: Raw(b"\x61\xff")}}}),
        "cbor-surrogate": other("names", {n["body"]: {content: {free: Raw(b"\x63\xed\xa0\x80")}}}),
        "cbor-trailing": hook("core", lambda d, tree: d + b"\x00"),
        "cbor-cut": hook("core", lambda d, tree: d[:-1]),
        "cbor-length-huge": member(free, Raw(b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff")),
        "cbor-array-huge": member(free, Raw(b"\x9a\xff\xff\xff\xff")),
        "cbor-map-huge": member(free, Raw(b"\xbb\x00\x00\x00\xff\xff\xff\xff\xff")),
        "cbor-deep": member(free, Raw(b"\x81" * 5000 + b"\x01")),
        "cbor-reserved": member(free, Raw(b"\x1c")),
        "cbor-not-a-map": hook("text", lambda d, tree: b"\x80"),
        "cbor-empty": hook("text", lambda d, tree: b""),
    }.items():
        out[name] = (hooks, "proof.json", ("cbor_form",))
    for name, hooks in {
        "group-text-in-core": member(free, "東棟"),
        "group-address-in-core": member(free, b"\x0a\x00\x00\x01"),
        "group-hardware-address-in-core": member(free, b"\x0a\x00\x00\x01\x02\x03"),
        "group-note-in-core": member(n["note"], "メモ"),
        "group-note-in-names": other("names", lambda p: {n["body"]: {content: {n["note"]: "x"}}}),
        "group-addresses-in-core": member(n["ips"], [b"\x0a\x00\x00\x01"]),
        "group-rule-in-text": other("text", lambda p: {n["body"]: {content: {n["facility" if table != 6 else "rule"]: "x"}}}),
        "group-number-in-names": other("names", {n["body"]: {content: {free: 1}}}),
        "group-array-in-addresses": other("addresses", {n["body"]: {content: {free: [b"\x0a\x00\x00\x01"]}}}),
        "group-empty-map-in-names": other("names", {n["body"]: {content: {}}}),
        "group-map-not-in-core": other("names", {n["body"]: {content: {free: {n["name"]: "x"}}}}),
        "group-uuid-in-names": other("names", {n["body"]: {content: {free: bytes(16)}}}),
    }.items():
        out[name] = (hooks, "proof.json", ("group_wrong",))
    out["record-note-at-the-root"] = (other("text", {n["note"]: "x"}), "proof.json", ("record_root",))
    out["group-number-twice"] = (other("text", {n["source"]: 1}), "proof.json", ("group_twice",))
    out["group-value-twice"] = (other("names", lambda p: {n["body"]: {content: {some(k for k, v in body(p["core"]).items() if isinstance(v, (int, Tag39, list)) or isinstance(v, bool)): "x"}}}), "proof.json", ("group_twice",))
    out["group-decided-twice"] = (other("text", lambda p: {n["body"]: {content: {some(k for k, v in body(p["core"]).items() if isinstance(v, dict)): "x"}}}), "proof.json", ("group_twice",))
    out["record-of-another-table"] = (core(lambda m: m.update({n["body"]: {n["audit" if table != 4 else "flow"]: {}}})), "proof.json", ("record_root", "group_wrong"))
    out["record-two-bodies"] = (core(lambda m: m[n["body"]].update({n["audit" if table != 4 else "flow"]: {}})), "proof.json", ("record_root",))
    out["record-without-body"] = (core(lambda m: {k: v for k, v in m.items() if k != n["body"]}), "proof.json", ("record_root", "group_wrong"))
    out["record-without-source"] = (core(lambda m: {k: v for k, v in m.items() if k != n["source"]}), "proof.json", ("record_root",))
    out["record-without-received"] = (core(lambda m: {k: v for k, v in m.items() if k != n["received"]}), "proof.json", ("record_root",))
    out["record-source-negative"] = (core(lambda m: m.update({n["source"]: -1})), "proof.json", ("record_root",))
    out["record-more-at-the-root"] = (core(lambda m: m.update({n["rule"]: 1})), "proof.json", ("record_root",))
    out["record-received-huge"] = (core(lambda m: m.update({n["received"]: 1 << 63})), "proof.json", ("record_root",))
    out["record-happened-without-time"] = (core(lambda m: m.update({n["happened"]: {}})), "proof.json", ("record_root",))
    out["record-received-later"] = (core(lambda m: m.update({n["received"]: received(m) + 3600 * S})), "proof.json", ("record_received",))
    out["record-received-earlier"] = (core(lambda m: m.update({n["received"]: received(m) - 3600 * S})), "proof.json", ("record_received",))
    out["record-name-twice"] = (core(lambda m: body(m).update({free: {n["count"]: 1, "count": 2}})), "proof.json", ("name_twice",))

    index = t["index"]

    def entry(change):
        return Hooks(entry=index, entry_change=change)

    def changed(**keys):
        return entry(lambda e: {k: v for k, v in {**e, **{int(k[1:]): v for k, v in keys.items()}}.items() if v is not ...})

    def row(change):
        def work(e):
            e[7] = change([list(x) for x in e[7]])
            return e

        return entry(work)

    def touch(rows, i, value):
        rows[[x[0] for x in rows].index(table)][i] = value(rows[[x[0] for x in rows].index(table)][i])
        return rows

    for name, hooks in {
        "entry-kind-unknown": changed(k1=9), "entry-kind-missing": changed(k1=...), "entry-batch-missing": changed(k3=...), "entry-key-unknown": changed(k18=1), "entry-time-text": changed(k4="now"), "entry-seqs-backwards": changed(k5=99, k6=98), "entry-not-a-map": entry(lambda e: b"\x80"), "entry-not-cbor": entry(lambda e: b"\xff\xff"),
        "entry-empty": entry(lambda e: b""), "entry-trailing": entry(lambda e: cbor(e) + b"\0"), "entry-longer-int": entry(lambda e: cbor({**e, 2: Raw(b"\x18\x01")})), "entry-text-key": entry(lambda e: {**e, "note": 1}), "entry-deep": entry(lambda e: {**e, 17: Raw(b"\x81" * 9000 + b"\x01")}), "entry-without-tables": changed(k7=[]),
        "entry-rows-twice": row(lambda rows: rows + [rows[-1]]), "entry-rows-unordered": row(lambda rows: [[9, *rows[0][1:]]] + rows), "entry-root-short": row(lambda rows: touch(rows, 2, lambda v: v[:31])), "entry-received-backwards": row(lambda rows: touch(rows, 3, lambda v: v + 86400 * S)), "entry-counts-beyond-seqs": row(lambda rows: touch(rows, 1, lambda v: v + 100000)), "entry-count-zero": row(lambda rows: touch(rows, 1, lambda v: 0)),
    }.items():  # fmt: skip
        out[name] = (hooks, "proof.json", ("entry_form",))
    out["entry-count-other"] = (row(lambda rows: [x if x[0] != table else [x[0], x[1] - 1 or 2, *x[2:]] for x in rows]), "proof.json", ("table_count", "entry_form"))
    out["entry-root-other"] = (row(lambda rows: touch(rows, 2, lambda v: sha256(v))), "proof.json", ("record_leaf", "table_root"))
    out["entry-table-other"] = (row(lambda rows: [x for x in rows if x[0] != table] or [[7, *rows[0][1:]]]), "proof.json", ("table_entry",))
    out["entry-batch-beyond"] = (changed(k3=500), "proof.json", ("entries_sequence",))
    if t["count"] == len(t["records"]) and all("cbor" in r["core"] for r in t["records"]):  # else nobody can tell
        out["entry-received-wider"] = (row(lambda rows: touch(rows, 3, lambda v: v - S)), "proof.json", ("record_received",))
    out["entry-received-narrower"] = (row(lambda rows: touch(touch(rows, 3, lambda v: v - 7200 * S), 4, lambda v: v - 3600 * S)), "proof.json", ("record_received",))
    # Lies about the entry before the last commit that is shown: the batches no longer follow each other.
    commits = [e["index"] for e in pack.proof["entries"] if base64.b64decode(e["entry"])[:3] == b"\xa7\x01\x01"]
    if len(commits) > 1:
        last = commits[-1]
        for name, change in {"sequence-batch-again": lambda e: {**e, 3: e[3] - 1 if commits[-2] == last - 1 else 0}, "sequence-records-again": lambda e: {**e, 5: 1}, "sequence-epoch-back": lambda e: {**e, 2: 0}}.items():
            out[name] = (Hooks(entry=last, entry_change=change), "proof.json", ("entries_sequence",))
    return out


# ---------------------------------------------------------------------------------------------------------------------------- folders


def tile_path(n):
    if n < 1000:
        return f"{n:03}"
    return "/".join([f"x{int(p):03}" for p in _thousands(n // 1000)] + [f"{n % 1000:03}"])


def _thousands(n):
    return (_thousands(n // 1000) if n >= 1000 else []) + [str(n % 1000)]


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def write_folder(path, log, segments, cosign=()):
    """log/ as C2SP tlog-tiles, and segments/."""
    log_dir = os.path.join(path, "log")
    write(os.path.join(log_dir, "vkey"), (log.signer.vkey + "\n").encode())
    body = log.body()
    write(os.path.join(log_dir, "checkpoint"), (body + "\n" + log.signer.line(body) + "".join(w.cosign(body, t) for w, t in cosign)).encode())
    for n in range(0, len(log.entries), 256):
        bundle = log.entries[n : n + 256]
        end = "" if len(bundle) == 256 else f".p/{len(bundle)}"
        write(os.path.join(log_dir, "tile", "entries", tile_path(n // 256) + end), b"".join(struct.pack(">H", len(e)) + e for e in bundle))
    level, hashes = 0, log.leaves()
    while hashes:
        for n in range(0, len(hashes), 256):
            mine = hashes[n : n + 256]
            write(os.path.join(log_dir, "tile", str(level), tile_path(n // 256) + ("" if len(mine) == 256 else f".p/{len(mine)}")), b"".join(mine))
        hashes = [mth(hashes[n : n + 256]) for n in range(0, len(hashes) - 255, 256)]
        level += 1
    for name, content in segments.items():
        write(os.path.join(path, "segments", name), content)


def folder_log(canon, change=None, batches=300):
    """A log with seals, a compaction, a let-go and a new key; `change(log, entry)` may lie."""
    old = Signer("the key before")
    files = {f"flow-{i}-{i + 9}-0.parquet": b"PAR1 %d" % i for i in range(1, 61, 10)}
    item = lambda name, data: [name, sha256(data), len(data), 0, 10, 1, 10, T0, T0 + S]
    log = Log(canon)
    if change:
        log.append_honest, log.append = log.append, lambda entry: log.append_honest(change(entry) if isinstance(entry, dict) else entry)
    log.append({1: 6, 4: T0, 12: old.vkey, 13: COMPANY.vkey, 14: old.private.sign(f"hinomi key handover v1\n{old.vkey}\n{COMPANY.vkey}\n".encode())})
    for i in range(batches):
        log.commit(flows(T0 + i * 5 * S, 2), T0 + (i * 5 + 4) * S)
    log.append({1: 2, 4: T0, 8: [item(k, v) for k, v in files.items()]})
    names = list(files)
    big = b"PAR1 both"
    log.append({1: 3, 4: T0, 8: [item("flow-1-20-1.parquet", big)], 9: names[:2]})
    log.append({1: 4, 4: T0, 8: [item(names[2], files[names[2]])], 10: "保存期間"})
    log.append({1: 5, 2: 2, 4: T0, 10: "戻した", 11: log.checkpoint()})
    on_disk = {k: files[k] for k in names[3:]}
    on_disk["flow-1-20-1.parquet"] = big
    return log, on_disk


def folders(canon, out):
    """Good and forged folders → lines of the manifest."""
    found = []

    def make(name, codes, work=lambda path: None, change=None, batches=300, options=None, state=None):
        path = os.path.join(out, "folders", name)
        log, segments = folder_log(canon, change, batches)
        write_folder(path, log, segments, cosign=[(WITNESS, WHEN)])
        work(path)
        expect = {"verdict": "fails", "codes": codes} if codes else {"verdict": "holds", "state": state or "amber"}
        found.append({"folder": f"folders/{name}", "kind": name, "options": options or {}, "expect": expect})

    def edit(name, change):
        def work(path):
            file = os.path.join(path, name)
            with open(file, "rb") as f:
                data = f.read()
            write(file, change(data))

        return work

    def byte(at):
        return lambda d: d[:at] + bytes([d[at] ^ 1]) + d[at + 1 :]

    f = {"fingerprint": COMPANY.fingerprint, "witness": [WITNESS.vkey]}
    entries = 306
    last, tile = f"log/tile/entries/001.p/{entries - 256}", f"log/tile/0/001.p/{entries - 256}"
    make("good", (), options=f, state="green")
    make("good-plain", ())
    make("good-256", (), batches=250)
    make("good-wider-tile", (), lambda p: [os.rename(os.path.join(p, x), os.path.join(p, x.split(".p/")[0])) for x in (last, tile)])
    make("good-stray-segment", (), lambda p: write(os.path.join(p, "segments", "flow-9-9-9.parquet"), b"half"))
    make("bad-fingerprint", ["fingerprint_other"], options={"fingerprint": FORGER.fingerprint})
    make("bad-entry", ["tile_other", "entry_form", "entries_sequence"], edit("log/tile/entries/000", byte(5000)))
    make("bad-bundle-cut", ["bundle_cut"], edit(last, lambda d: d[:-1]))
    make("bad-bundle-long", ["bundle_long"], edit(last, lambda d: d + b"\0"))
    make("bad-bundle-missing", ["file_absent"], lambda p: os.remove(os.path.join(p, last)))
    make("bad-tile", ["tile_other"], edit("log/tile/0/000", byte(77)))
    make("bad-tile-long", ["tile_other"], edit(tile, lambda d: d + bytes(32)))
    make("bad-tile-cut", ["tile_other"], edit(tile, lambda d: d[:-1]))
    make("bad-tile-above", ["tile_other"], edit("log/tile/1/000.p/1", byte(3)))
    make("bad-tile-missing", ["file_absent"], lambda p: os.remove(os.path.join(p, "log/tile/0/000")))
    make("bad-root", ["root_other"], lambda p: resign(p, lambda b: "\n".join([*b.split("\n")[:2], flip(b.split("\n")[2]), ""])))
    make("bad-size", ["root_other", "file_absent", "bundle_long", "tile_other"], lambda p: resign(p, lambda b: b.replace(f"\n{entries}\n", f"\n{entries - 1}\n")))
    make("bad-size-huge", ["bundle_cut", "file_absent"], lambda p: resign(p, lambda b: b.replace(f"\n{entries}\n", f"\n{(1 << 53) - 1}\n")))
    make("bad-signature", ["checkpoint_signature"], edit("log/checkpoint", lambda d: d.replace(b"\n%d\n" % entries, b"\n%d\n" % (entries - 1))))
    make("bad-origin", ["checkpoint_origin"], lambda p: resign(p, lambda b: b.replace("3f1c", "4f1c")))
    make("bad-segment", ["segment_other"], edit("segments/flow-31-40-0.parquet", byte(4)))
    make("bad-segment-long", ["segment_other"], edit("segments/flow-31-40-0.parquet", lambda d: d + b"\0"))
    make("bad-segment-missing", ["file_absent"], lambda p: os.remove(os.path.join(p, "segments/flow-31-40-0.parquet")))
    make("bad-handover", ["entry_handover"], change=lambda e: {**e, 14: bytes(64)} if e[1] == 6 else e)
    make("bad-handover-to-other", ["entry_handover"], change=lambda e: {**e, 13: FORGER.vkey, 14: Signer("the key before").private.sign(f"hinomi key handover v1\n{e[12]}\n{FORGER.vkey}\n".encode())} if e[1] == 6 else e)
    make("bad-let-go-of-nothing", ["entry_form"], change=lambda e: {**e, 8: [["flow-7-7-7.parquet", *e[8][0][1:]]]} if e[1] == 4 else e)
    make("bad-name", ["entry_form"], change=lambda e: {**e, 8: [["../../etc/passwd", *e[8][0][1:]]]} if e[1] == 3 else e)
    make("bad-batch-again", ["entries_sequence"], change=lambda e: {**e, 3: 3} if e.get(3) == 9 else e)
    make("bad-checkpoint-missing", ["file_absent"], lambda p: os.remove(os.path.join(p, "log/checkpoint")))
    make("bad-vkey", ["key_form", "key_id"], edit("log/vkey", byte(60)))
    return found


def resign(path, change):
    file = os.path.join(path, "log", "checkpoint")
    with open(file, encoding="utf-8") as f:
        body = change(f.read().split("\n\n")[0] + "\n")
    write(file, (body + "\n" + COMPANY.line(body)).encode())


# ------------------------------------------------------------------------------------------------------------------------------- all


def main():
    parser = argparse.ArgumentParser(description="Makes good and forged evidence packs.")
    parser.add_argument("out")
    parser.add_argument("--page", default=os.path.join(HERE, "..", "..", "crates", "proof", "page", "verify.html"))
    parser.add_argument("--names", default=os.path.join(HERE, "..", "..", "crates", "proof", "names.tsv"))
    args = parser.parse_args()
    canon = Canon(Names(args.names))
    with open(args.page, encoding="utf-8") as p, open(args.names, encoding="utf-8") as n:
        page = p.read().replace("/*NAMES*/", n.read()).encode()
    for part in ("good", "forged", "folders", "since"):
        shutil.rmtree(os.path.join(args.out, part), ignore_errors=True)
    manifest = []

    def keep(file, data, good, kind, options, expect):
        write(os.path.join(args.out, file), data)
        manifest.append({"file": file, "good": good, "kind": kind, "options": options, "expect": expect})

    # Earlier checkpoints that a reader kept, of the honest log and of others.
    logs = {"factory": factory(canon)}

    def earlier(name, text):
        write(os.path.join(args.out, "since", name), text.encode())
        return f"since/{name}"

    for good in good_packs(canon, page):
        pack = good.make()
        data = pack.build()
        log = None
        for i, (options, state) in enumerate(good.checks):
            given = dict(options)
            if "since" in given:
                size = given["since"]
                log = log or logs["factory"]
                source = {"tiny": lambda: _tiny(canon), "empty": lambda: Log(canon), "large": lambda: None}.get(good.name, lambda: logs["factory"])()
                text = (source.checkpoint(size) if source else _from_pack(pack)) if size <= (len(source.entries) if source else size) else None
                given["since"] = earlier(f"{good.name}-{size}", text)
            closed = {"closed": CLOSED[good.name]} if good.name in CLOSED else {}
            keep(f"good/{good.name}.zip", data, good.name, f"good-{i}", given, {"verdict": "holds", "state": state, **closed})
        for kind, (work, entry, codes, options) in forgeries().items():
            fresh = good.make()
            try:
                forged = work(fresh)
                forged = fresh.build() if forged is None else forged
            except Skip:
                continue
            given = {"witness": [WITNESS.vkey]} if options.get("witness") else {}
            verdict = "unreadable" if codes == ("not_zip",) else "fails"
            keep(f"forged/{good.name}/{kind}.zip", forged, good.name, kind, given, {"verdict": verdict, "state": "red", "entry": entry, "codes": list(codes)})
            if given:  # who knows no witness cannot see that its line is false: shown, never counted
                keep(f"forged/{good.name}/{kind}.zip", forged, good.name, kind + "-witness-unknown", {"fingerprint": COMPANY.fingerprint}, {"verdict": "holds", "state": "amber"})
        try:
            told = lies(pack, canon) if good.name != "large" else {}
        except Skip:
            told = {}
        for kind, (hooks, entry, codes) in told.items():
            try:
                forged = good.make(hooks=hooks).build()
            except (Skip, KeyError, IndexError):
                continue
            keep(f"forged/{good.name}/{kind}.zip", forged, good.name, kind, {}, {"verdict": "fails", "state": "red", "entry": entry, "codes": list(codes)})
        if good.name == "handover":
            for kind, change in {"handover-not-signed": lambda e: {**e, 14: bytes(64)}, "handover-to-other": lambda e: {**e, 13: FORGER.vkey}, "handover-nonsense": lambda e: {**e, 12: "a key"}}.items():
                forged = good.make(hooks=Hooks(entry=1, entry_change=change)).build()
                keep(f"forged/{good.name}/{kind}.zip", forged, good.name, kind, {}, {"verdict": "fails", "state": "red", "entry": "proof.json", "codes": ["entry_handover"]})
        # Everything made anew under another key: nothing inside is wrong.
        other = good.make(signer=FORGER).build()
        keep(f"forged/{good.name}/other-key.zip", other, good.name, "other-key-not-compared", {}, {"verdict": "holds", "state": "amber"})
        keep(f"forged/{good.name}/other-key.zip", other, good.name, "other-key", {"fingerprint": COMPANY.fingerprint}, {"verdict": "fails", "state": "red", "entry": "key", "codes": ["fingerprint_other"]})
    # A log that was rewritten: the reader's checkpoint tells.
    honest = earlier("rewritten-6", logs["factory"].checkpoint(6))
    rewritten = factory(canon, Hooks(entry=2, entry_change=lambda e: {**e, 4: e[4] + 1}))
    shown = {1: {0: [0, 1]}}
    f = {"fingerprint": COMPANY.fingerprint}
    red = lambda entry: {"verdict": "fails", "state": "red", "entry": entry, "codes": ["since_differs"]}
    keep("forged/rewritten.zip", prove(rewritten, shown, since=6).build(), "consistency", "log-rewritten", {**f, "since": honest}, red("proof.json"))
    keep("forged/rewritten-same-size.zip", prove(rewritten, shown, size=6).build(), "consistency", "log-rewritten-same-size", {**f, "since": honest}, red("checkpoint"))
    keep("forged/rewritten-no-proof.zip", prove(rewritten, shown).build(), "consistency", "log-rewritten-no-proof", {**f, "since": honest}, {"verdict": "holds", "state": "amber", "earlier": "no_proof"})
    good = prove(logs["factory"], shown, since=6).build()
    for name, text, result in [("newer", logs["factory"].checkpoint(13), None), ("other-log", Log(canon, signer=Signer("x", "hinomi.local/00000000-0000-4000-8000-000000000000")).checkpoint(), "other_log"), ("not-signed", Log(canon, signer=FORGER).checkpoint(), "not_signed"), ("changed", logs["factory"].checkpoint(6).replace("\n6\n", "\n5\n"), "not_signed"), ("of-nothing", logs["factory"].checkpoint(0), "empty")]:
        if result:
            keep("forged/since.zip", good, "consistency", f"since-{name}", {**f, "since": earlier(name, text)}, {"verdict": "holds", "state": "amber", "earlier": result})
    small = prove(logs["factory"], shown, size=6).build()
    keep("forged/since-newer.zip", small, "consistency", "since-newer", {**f, "since": earlier("newer", logs["factory"].checkpoint(13))}, {"verdict": "holds", "state": "amber", "earlier": "newer"})
    # A witness's time on the reader's own checkpoint says since when.
    body = logs["factory"].body(6)
    vouched = earlier("witnessed-6", logs["factory"].checkpoint(6) + WITNESS.cosign(body, WHEN - 86400))
    keep("forged/since-witnessed.zip", good, "consistency", "since-witnessed", {**f, "since": vouched, "witness": [WITNESS.vkey]}, {"verdict": "holds", "state": "green", "since": "2025-11-20T04:40:00Z"})
    # The company as its own witness counts for nothing.
    own = Signer("the company's key", "witness.example/own", 4)
    keep("forged/own-witness.zip", prove(logs["factory"], shown, cosign=[(own, WHEN)]).build(), "cosigned", "own-witness", {**f, "witness": [own.vkey]}, {"verdict": "holds", "state": "amber"})
    # Every byte of a small pack, each in one bit: done by the checkers from this file and seed.
    write(os.path.join(args.out, "flips.json"), json.dumps({"file": "good/tiny.zip", "flips": sample(os.path.join(args.out, "good", "tiny.zip"))}).encode())
    manifest += folders(canon, args.out)
    write(os.path.join(args.out, "manifest.json"), json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    packs = [m for m in manifest if "file" in m]
    print(f"{len({m['file'] for m in packs})} packs, {len(packs)} readings of them, {len({m['kind'] for m in packs})} kinds; {len(manifest) - len(packs)} folders → {args.out}")


def sample(path, n=400):
    """Places and bits for flips: 400 of them, by a fixed seed, and each header byte."""
    size = os.path.getsize(path)
    chosen = random.Random(20251120)
    places = set(range(30)) | set(range(size - 22, size)) | {chosen.randrange(size) for _ in range(n)}
    return [[p, 1 << chosen.randrange(8)] for p in sorted(places)]


def _tiny(canon):
    log = Log(canon)
    log.commit(flows(T0, 1), T0 + 5 * S)
    return log


def _from_pack(pack):
    """The checkpoint that a reader of the large log kept."""
    c = pack.proof["consistency"]
    body = f"{ORIGIN}\n{c['size']}\n{c['root']}\n"
    return body + "\n" + COMPANY.line(body)


if __name__ == "__main__":
    main()
