#!/usr/bin/env python3
"""Runs verify.py over what make_packs.py made, compares with what the manifest expects, and writes the verdicts down, so that
run.mjs can compare the page's with them.

    check.py DIR [--verdicts FILE]

Ends with 1 where a verdict is not the expected one.
"""

import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import verify  # noqa: E402

NAMES = os.path.join(HERE, "..", "..", "crates", "proof", "names.tsv")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def options(given, folder):
    """Options of the manifest → arguments of verify.verify."""
    fingerprint = verify.plain_fingerprint(given["fingerprint"]) if "fingerprint" in given else None
    since = verify.Checkpoint(read(os.path.join(folder, given["since"]))) if "since" in given else None
    return {"fingerprint": fingerprint, "since": since, "witnesses": [verify.Key(w, 4) for w in given.get("witness", [])]}


def verdict(data, names, **given):
    try:
        return verify.verify(data, names, **given)
    except verify.Unreadable as why:
        return {"verdict": "unreadable", "state": "red", "problem": {"entry": "", "place": "", "code": str(why)}}


def short(report):
    """What must be the same on the page."""
    p = report.get("problem") or {}
    c = report.get("complete") or {}
    return {"verdict": report["verdict"], "state": report["state"], "entry": p.get("entry", ""), "place": p.get("place", ""), "code": p.get("code", ""), "missing": report.get("missing", []), "since": report.get("since"),
            "earlier": (report.get("earlier") or {}).get("result"), "closed": [c.get("closed_before"), c.get("closed_after")] if c else None,
            "batches": [[b["index"], b["table"], b["shown"], b["count"]] for b in report.get("batches", [])], "records": [[r["seq"], r["table"], r["hidden"]] for r in report.get("records", [])],
            "cosignatures": [[x["name"], x["time"], x["verified"]] for x in report.get("cosignatures", [])], "fingerprint": (report.get("key") or {}).get("fingerprint"), "stamp": (report.get("stamp") or {}).get("time")}  # fmt: skip


def differs(expect, report):
    """What is not as expected, or None."""
    p = report.get("problem") or {}
    for key in ("verdict", "state", "since"):
        if key in expect and report.get(key) != expect[key]:
            return f"{key} is {report.get(key)}, not {expect[key]}"
    if expect.get("entry") is not None and p.get("entry", p.get("file")) != expect["entry"]:
        return f"fails at {p.get('entry')}, not {expect['entry']}"
    if expect.get("codes") and p.get("code") not in expect["codes"]:
        return f"code is {p.get('code')} ({p.get('place')}), not {' or '.join(expect['codes'])}"
    c = report.get("complete") or {}
    if "closed" in expect and [c.get("closed_before"), c.get("closed_after")] != expect["closed"]:
        return f"complete is {c}"
    if "earlier" in expect and (report.get("earlier") or {}).get("result") != expect["earlier"]:
        return f"earlier is {report.get('earlier')}"
    return None


def hostile():
    """Bytes that never were a pack: (name, bytes). The answer must be a sentence and never a traceback."""
    chosen = random.Random(7)
    yield "zeros", bytes(100)
    yield "only the magic", b"PK\x03\x04"
    yield "header and no more", b"PK\x03\x04" + b"\xff" * 26
    yield "empty archive", b"PK\x05\x06" + bytes(18)
    for i in range(200):
        yield f"noise {i}", b"PK\x03\x04" + chosen.randbytes(chosen.randrange(400))


def noise_in_files(folder, names):
    """Each file of a good pack replaced by noise, all signed anew: parsers meet bytes that they did not make."""
    sys.path.insert(0, HERE)
    import make_packs

    canon = make_packs.Canon(make_packs.Names(NAMES))
    good = {g.name: g for g in make_packs.good_packs(canon, b"<p>")}
    chosen = random.Random(11)
    for i in range(300):
        pack = good[["plain", "all", "tiny"][i % 3]].make() if i < 3 else packs[i % 3]
        if i < 3:
            packs = (packs if i else []) + [pack]
        pack.raw = {}
        contents = pack.contents()
        name = chosen.choice(["proof.json", "records.json", "checkpoint", "key"] + [n for n in contents if n == "stamp.tsr"])
        data = bytearray(contents[name])
        for _ in range(chosen.randrange(1, 4)):
            at = chosen.randrange(len(data))
            what = chosen.randrange(4)
            if what == 0:
                data[at] = chosen.randrange(256)
            elif what == 1:
                del data[at : at + chosen.randrange(1, 9)]
            elif what == 2:
                data[at:at] = data[max(0, at - chosen.randrange(1, 30)) : at]
            else:
                data[at:at] = chosen.choice([b"[", b"{", b'"', b"0", b"-", b"\xff", b"1e9", b"\\u0000", b"}}", b"null"])
        pack.raw = {name: bytes(data)}
        yield f"noise in {name} {i}", pack.build()
    # CBOR under the proofs: the company commits noise.
    for i in range(300):
        def change(data, tree, i=i):
            data = bytearray(data)
            pick = random.Random(i)
            at = pick.randrange(len(data))
            if i % 3 == 0:
                data[at] = pick.randrange(256)
            elif i % 3 == 1:
                data[at:at] = pick.randbytes(pick.randrange(1, 6))
            else:
                del data[at]
            return bytes(data)

        hooks = make_packs.Hooks(seq=1 + i % 10, group=["core", "core", "names", "text", "addresses"][i % 5], change=change)
        yield f"noise in a record {i}", good["plain"].make(hooks=hooks).build()
    for i in range(100):
        def entry(e, i=i):
            pick = random.Random(i)
            data = bytearray(make_packs.cbor(e))
            data[pick.randrange(len(data))] = pick.randrange(256)
            return bytes(data)

        yield f"noise in an entry {i}", good["plain"].make(hooks=make_packs.Hooks(entry=1, entry_change=entry)).build()


def main():
    parser = argparse.ArgumentParser(description="Checks verify.py against the packs of make_packs.py.")
    parser.add_argument("folder")
    parser.add_argument("--verdicts", help="where the verdicts are written, for run.mjs")
    args = parser.parse_args()
    names, wrong, said = verify.Names(NAMES), [], []
    with open(os.path.join(args.folder, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    for m in manifest:
        what = m.get("file") or m["folder"]
        try:
            given = options(m["options"], args.folder)
            if "folder" in m:
                report = verify.Folder(os.path.join(args.folder, m["folder"]), given["fingerprint"], given["witnesses"]).run()
            else:
                report = verdict(read(os.path.join(args.folder, m["file"])), names, **given)
                said.append({"file": m["file"], "kind": m["kind"], "options": m["options"], "verdict": short(report)})
        except Exception as why:  # the point of the test: there is none
            wrong.append(f"{what} ({m['kind']}): {type(why).__name__}: {why}")
            continue
        other = differs(m["expect"], report)
        if other:
            wrong.append(f"{what} ({m['kind']}): {other}")
    # Flips.
    flips = json.loads(read(os.path.join(args.folder, "flips.json")))
    data = read(os.path.join(args.folder, flips["file"]))
    flipped = []
    for at, bit in flips["flips"]:
        report = verdict(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :], names)
        flipped.append(short(report))
        if report["verdict"] == "holds":
            wrong.append(f"flip of byte {at} (bit {bit}) is not noticed")
    whole = 0
    for at in range(len(data)):
        whole += verdict(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :], names)["verdict"] != "holds"
    if whole != len(data):
        wrong.append(f"{len(data) - whole} of {len(data)} flips of 0x20 are not noticed")
    # Hostile bytes: sentences, no tracebacks. Kept for the page too.
    kept = os.path.join(args.folder, "noise")
    os.makedirs(kept, exist_ok=True)
    count = 0
    for name, bytes_ in [*hostile(), *noise_in_files(args.folder, names)]:
        try:
            report = verdict(bytes_, names)
        except Exception as why:
            wrong.append(f"{name}: {type(why).__name__}: {why}")
            continue
        file = f"noise/{count}.zip"
        with open(os.path.join(args.folder, file), "wb") as f:
            f.write(bytes_)
        said.append({"file": file, "kind": name, "options": {}, "verdict": short(report)})
        count += 1
    commands(args.folder, wrong)
    if args.verdicts:
        with open(args.verdicts, "w", encoding="utf-8") as f:
            json.dump({"packs": said, "flips": {**flips, "verdicts": flipped}}, f, ensure_ascii=False)
    for line in wrong:
        print(f"WRONG {line}")
    print(f"{len(manifest)} readings, {len(flipped)} + {len(data)} flips, {count} hostile: {len(wrong)} wrong")
    return 1 if wrong else 0


def commands(folder, wrong):
    """The command itself: exit codes and what it prints."""

    def run(*arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = verify.main([str(a) for a in arguments])
            except SystemExit as end:
                code = end.code
        return code, out.getvalue(), err.getvalue()

    good, since = os.path.join(folder, "good", "consistency.zip"), os.path.join(folder, "since", "consistency-6")
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as f:
        fingerprint = next(m["options"]["fingerprint"] for m in json.load(f) if "fingerprint" in m["options"])
    witness = json.load(open(os.path.join(folder, "manifest.json"), encoding="utf-8"))
    witness = next(w for m in witness for w in m["options"].get("witness", []))
    spread = fingerprint.lower().replace(" ", " : ")
    with tempfile.TemporaryDirectory() as empty:
        huge = os.path.join(empty, "huge.zip")
        with open(huge, "wb") as f:
            f.truncate(verify.PACK + 1)
        bad_names = os.path.join(empty, "names.tsv")
        with open(bad_names, "w") as f:
            f.write("nonsense\n")
        for wanted, arguments in [
            (0, [good]), (0, [good, "--fingerprint", fingerprint, "--since", since]), (0, [good, "--fingerprint", spread]), (0, [good, "--json"]), (0, [os.path.join(folder, "good", "all.zip"), "--witness", witness]), (0, ["--folder", os.path.join(folder, "folders", "good")]),
            (1, [good, "--since", os.path.join(folder, "since", "consistency-5")]), (1, [good, "--fingerprint", "0" * 64]), (1, [os.path.join(folder, "forged", "plain", "zip-trailing.zip")]), (1, ["--folder", os.path.join(folder, "folders", "bad-entry"), "--json"]),
            (2, []), (2, [good, "--fingerprint", "12AB"]), (2, [good, "--since", good]), (2, [good, "--witness", "x"]), (2, [good, "--names", bad_names]), (2, [good, "--since", "/nowhere"]),
            (3, ["/nowhere"]), (3, [folder]), (3, [__file__]), (3, [huge]), (3, [huge, "--json"]), (3, ["--folder", empty]),
        ]:  # fmt: skip
            code, out, err = run(*arguments)
            if code != wanted:
                wrong.append(f"verify.py {' '.join(map(str, arguments))}: ended with {code}, not {wanted}: {out}{err}")
            if "--json" in arguments and code in (0, 1, 3):
                json.loads(out)
            if code in (1, 3) and "--json" not in arguments and "--since" not in arguments and len(out.strip().split("\n")) != 1:
                wrong.append(f"verify.py {arguments}: not one line: {out}")
    # As a process, with nothing of this one's state.
    done = subprocess.run([sys.executable, os.path.join(HERE, "verify.py"), good], capture_output=True, text=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    if done.returncode != 0 or "Traceback" in done.stderr:
        wrong.append(f"verify.py as a process: {done.returncode} {done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
