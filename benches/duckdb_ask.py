"""The twelve questions of `hinomi vault query --list` in DuckDB, over the same Parquet files: `python3 duckdb_ask.py FOLDER/segments [ROUNDS]`.

A line for each: `question NAME: p50 N ms, p99 N ms; R rows`. DuckDB (PyPI) is a peer for speed here and not a part of Hinomi. The values are those of
`vault_tool ask`. What Hinomi answers by its own functions is written with DuckDB's: `is_inside` by ranges of addresses, words by LIKE.
"""

import re
import sys
import time
from pathlib import Path

try:
    import duckdb
except ImportError:
    sys.exit("skipped: DuckDB (PyPI) is not installed")

FROM, TO, BEFORE = "2025-06-02", "2025-06-09", "2025-05-26"
ADDRESS, USER, NAME, WORDS = "10.20.1.150", "operator3", "update.example", ["invalid", "user", "13f"]
WEEK = f"time >= timestamptz_ns '{FROM} 00:00:00+00' and time < timestamptz_ns '{TO} 00:00:00+00'"
# DuckDB computes with microseconds only.
MICROS = "(time::timestamptz)"
NIGHT = f"date_part('hour', {MICROS} + interval '9 hours')"
ANY = " or ".join(f"{c} = '{ADDRESS}'" for c in ("client_ip", "server_ip", "client_mac", "server_mac"))


def inside(column):
    """RFC 1918, loopback and link-local, as far as text shows it."""
    return f"regexp_matches({column}, '^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|127\\.|169\\.254\\.|fe80|f[cd])')"


EDGE = "time, client_ip, client_mac, server_ip, server_mac, server_port, protocol, seq"
QUESTIONS = {
    "talked": f"""select client_ip, server_ip, server_port, protocol, sum(bytes_up + bytes_down) as bytes, sum(cast(part = 0 as bigint)), min(first), max(last)
        from flow where {WEEK} group by all order by bytes desc, client_ip, server_ip, server_port limit 200""",
    "first_seen": f"""select * from (select 'first' as which, {EDGE} from flow where {ANY} order by seq limit 1)
        union all select * from (select 'last' as which, {EDGE} from flow where {ANY} order by seq desc limit 1)""",
    "hour": f"""select * from (
        select time, 'flow' as what, protocol as kind, client_ip, server_ip, server_port, null::varchar as about, bytes_up, bytes_down, seq
        from flow where {WEEK} and ({ANY})
        union all select time, 'activity', kind, client_ip, server_ip, server_port, about, null, null, seq from activity where {WEEK} and ({ANY}))
        order by time, seq limit 5000""",
    "logins": f"""select time, protocol, client_ip, server_ip, server_port, login_outcome, login_clear_text, seq from activity
        where kind = 'login' and login_user = '{USER}' and {WEEK} order by time desc, seq desc limit 1000""",
    "clear_text": f"""select protocol, server_ip, server_port, login_user, sum(n) as times, count(*), max(last) from (
        select protocol, server_ip, server_port, login_user, client_ip, count(*) as n, max(time) as last from activity
        where kind = 'login' and login_clear_text and {WEEK} group by protocol, server_ip, server_port, login_user, client_ip)
        group by protocol, server_ip, server_port, login_user order by times desc, server_ip, login_user limit 1000""",
    "writes": f"""select client_ip, modbus_unit, modbus_function, modbus_address, count(*) as times, min(time), max(time) from activity
        where server_ip = '{ADDRESS}' and modbus_write and not modbus_response and {WEEK}
        group by client_ip, modbus_unit, modbus_function, modbus_address order by times desc, client_ip, modbus_address limit 1000""",
    "names": f"""select client_ip, kind, count(*) as times, min(time), max(time) from activity
        where about = '{NAME}' and kind in ('dns', 'tls', 'http', 'quic') and {WEEK} group by client_ip, kind order by times desc, client_ip, kind limit 1000""",
    "new": f"""select n.client_ip, n.server_ip, n.server_port, n.first, n.conversations, n.bytes from (
        select client_ip, server_ip, server_port, min(time) as first, sum(cast(part = 0 as bigint)) as conversations, sum(bytes_up + bytes_down) as bytes
        from flow where {WEEK} group by client_ip, server_ip, server_port) n
        anti join (select client_ip, server_ip, server_port from flow
        where time >= timestamptz_ns '{BEFORE} 00:00:00+00' and time < timestamptz_ns '{FROM} 00:00:00+00' group by client_ip, server_ip, server_port) o
        on n.client_ip = o.client_ip and n.server_ip = o.server_ip and n.server_port = o.server_port order by n.first, n.client_ip, n.server_ip limit 1000""",
    "outside": f"""select * from (select client_ip, server_ip, sum(bytes_up) as bytes_up, sum(bytes_down), sum(cast(part = 0 as bigint)), max(last)
        from flow where {WEEK} group by client_ip, server_ip) where not {inside('client_ip')} or not {inside('server_ip')}
        order by bytes_up desc, client_ip, server_ip limit 500""",
    "night": f"""select date_trunc('day', {MICROS} + interval '9 hours' - interval '12 hours') as night, client_ip, server_ip, server_port, protocol,
        sum(bytes_up) as up, sum(bytes_down), min(time) as first, max(time) from flow where {WEEK} and ({NIGHT} >= 22 or {NIGHT} < 6)
        group by 1, client_ip, server_ip, server_port, protocol having sum(bytes_up) >= 10000000 order by up desc, first, client_ip limit 500""",
    "words": "select time, host, application, level, text, seq from log where "
    + " and ".join(f"text ilike '%{w}%'" for w in WORDS)
    + " order by seq desc limit 500",
    "gaps": f"""select sensor, date_trunc('hour', {MICROS}) as hour, quality, count(*), sum(kernel_drops + queue_drops), sum(packets) from health
        where quality <> 'full' and {WEEK} group by 1, 2, 3 order by 2, 1, 3 limit 2000""",
}


def main():
    folder = Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    db.execute("set threads = 2")
    tables = [t for t in ("flow", "activity", "log", "health") if any(folder.glob(f"{t}-*.parquet"))]
    for table in tables:
        db.execute(f"create view {table} as select * from read_parquet('{folder}/{table}-*.parquet', union_by_name = true)")
    for name, sql in QUESTIONS.items():
        missing = [t for t in ("flow", "activity", "log", "health") if re.search(rf"from {t}\b", sql) and t not in tables]
        if missing:
            print(f"skipped {name}: no records of {missing[0]}")
            continue
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            # Into a table: rows as Python objects would be measured otherwise.
            db.execute(f"create or replace temp table answer as {sql}")
            times.append((time.perf_counter() - began) * 1e3)
        rows = db.execute("select count(*) from answer").fetchone()[0]
        times.sort()
        print(f"question {name}: p50 {times[len(times) // 2]:.0f} ms, p99 {times[-1]:.0f} ms; {rows} rows")


if __name__ == "__main__":
    main()
