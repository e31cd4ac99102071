//! Who may see what.

use super::*;

fn made(dir: &Path) -> Made {
    let mut made = Made::default();
    let mut events = Vec::new();
    for n in 0..300i64 {
        let segment = Segment { sensor: SourceId(1 + (n % 2) as u16), vlan: 10 * (1 + (n % 3) as u16) };
        events.push(on_segment(n, end(7, 1), end(9, 443), n as u64, segment));
    }
    events.push(login(400, "tanaka-secret", true));
    events.push(line(401, "a line"));
    events.push(audit(402));
    events.push(observation(403, 5));
    made.seal(dir, &events);
    made.head(&[on_segment(500, end(8, 1), end(9, 443), 500, Segment { sensor: SourceId(2), vlan: 20 })]);
    made
}

fn asked(made: &Made, scope: &Scope, sql: &str) -> Result<String, AskError> {
    ask(made, scope, sql, &Limits::default(), &Cancel::new(), false).map(|a| csv(&a))
}

#[test]
fn tables_are_opened_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let scope = Scope::site([Table::Flow, Table::Log]);
    assert_eq!(asked(&made, &scope, "select count(*) from flow").unwrap(), "301");
    assert_eq!(asked(&made, &scope, "select count(*) from vault.log").unwrap(), "1");
    for sql in [
        "select * from audit",
        "select * from vault.audit",
        "select * from hinomi.vault.audit",
        "select * from \"audit\"",
        "select * from flow where exists (select 1 from audit)",
        "with x as (select * from audit) select 1 from x",
        "select (select count(*) from activity)",
        "select * from flow union all select * from activity",
        "describe audit",
        "explain select * from audit",
        "select * from raw.flow",
        "select * from raw.audit",
    ] {
        let e = asked(&made, &scope, sql).unwrap_err();
        assert!(matches!(e, AskError::NotAllowed { .. }), "{sql}: {e:?}");
    }
    let listed = asked(&made, &scope, "show tables").unwrap();
    assert!(listed.contains("flow") && !listed.contains("audit") && !listed.contains("raw"), "{listed}");
    let columns = asked(&made, &scope, "select distinct table_name from information_schema.columns where table_schema = 'vault'").unwrap();
    assert!(!columns.contains("audit"), "{columns}");
}

#[test]
fn a_zone_sees_its_segments_only() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let every = [Table::Flow, Table::Activity, Table::Observation, Table::Log, Table::Audit, Table::Health];
    let zone = Scope::segments(every, vec![(1, 10), (2, 20)]);
    assert_eq!(asked(&made, &zone, "select count(*) from flow").unwrap(), "101");
    assert_eq!(asked(&made, &zone, "select count(*) from flow where client_ip = '192.168.0.8'").unwrap(), "1");
    assert_eq!(asked(&made, &zone, "select distinct sensor, vlan from flow order by 1, 2").unwrap(), "1,10\n2,20");
    assert_eq!(asked(&made, &zone, "select bytes_up from flow order by bytes_up desc limit 2").unwrap(), "500\n295");
    assert_eq!(asked(&made, &zone, "select count(*) from flow a join flow b on a.flow = b.flow").unwrap(), "101");
    assert_eq!(asked(&made, &zone, "select max(s) from (select sensor * 100 + vlan as s from flow)").unwrap(), "220");
    assert_eq!(asked(&made, &Scope::segments(every, vec![(3, 10)]), "select count(*) from flow").unwrap(), "0");
    assert_eq!(asked(&made, &Scope::segments(every, vec![]), "select count(*) from flow").unwrap(), "0");
    for sql in ["select * from log", "select * from audit", "select * from health", "select * from raw.flow"] {
        let e = asked(&made, &zone, sql).unwrap_err();
        assert!(matches!(e, AskError::NotAllowed { .. }), "{sql}: {e:?}");
        assert!(e.to_string().contains("ask somebody whose role reaches the whole site"), "{e}");
    }
}

/// A condition that fails on a value must not meet rows of another zone: neither by its words nor by failing at all.
#[test]
fn failing_tells_nothing_about_other_zones() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let other = Scope::segments([Table::Flow, Table::Activity], vec![(9, 9)]);
    for sql in [
        "select count(*) from activity where cast(login_user as bigint) > 0",
        "select count(*) from activity where case when login_user like 'tanaka%' then 1/0 = 1 else false end",
        "select count(*) from activity where 1 / (login_clear_text::int - 1) = 0",
        "select sum(cast(login_user as bigint)) from activity",
        "select count(*) from flow where 100 / (bytes_up - 5) = 0",
        "select * from activity order by cast(login_user as bigint) limit 1",
    ] {
        let answer = asked(&made, &other, sql);
        assert!(answer.is_ok(), "{sql}: {answer:?}");
    }
    let mine = Scope::segments([Table::Activity], vec![(1, 10)]);
    let e = asked(&made, &mine, "select cast(login_user as bigint) from activity").unwrap_err();
    assert!(!e.to_string().contains("tanaka"), "{e}");
    let e = asked(&made, &Scope::all(), "select cast(login_user as bigint) from activity").unwrap_err();
    assert!(e.to_string().contains("tanaka-secret"), "{e}");
}

/// Whether filters let row groups go tells whether an address is anywhere.
#[test]
fn what_was_read_is_not_told_to_a_zone() {
    let dir = tempfile::tempdir().unwrap();
    let made = made(dir.path());
    let zone = Scope::segments([Table::Flow], vec![(9, 9)]);
    let asked = |ip: &str| {
        let sql = format!("select count(*) from flow where client_ip = '192.168.0.{ip}'");
        let a = ask(&made, &zone, &sql, &Limits::default(), &Cancel::new(), true).unwrap();
        (csv(&a), a.scanned, a.explain.unwrap().replace(ip, "?"))
    };
    let (count, scanned, plan) = asked("7");
    assert_eq!((count.as_str(), scanned), ("0", vault::ask::Scanned::default()));
    assert!(plan.contains("Fence") && !plan.contains("output_rows"), "{plan}");
}
