//! The twelve named questions, each on records made for it.

use super::*;
use vault::ask::questions::by_name;

fn asked(made: &Made, name: &str, given: &[(&str, &str)]) -> String {
    let q = by_name(name).unwrap();
    let a = q.ask(made, &Scope::all(), given, &Limits::default(), &Cancel::new(), false).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(!a.cut && a.notes.is_empty());
    csv(&a)
}

const MAY: (&str, &str) = ("from", "2026-05-01");
const JUNE: (&str, &str) = ("to", "2026-06-01");

/// Half sealed, half not.
fn of(dir: &Path, events: Vec<NewEvent>) -> Made {
    let mut made = Made::default();
    let (sealed, head) = events.split_at(events.len() / 2);
    if !sealed.is_empty() {
        made.seal(dir, sealed);
    }
    made.head(head);
    made
}

#[test]
fn talked() {
    let dir = tempfile::tempdir().unwrap();
    let made = of(
        dir.path(),
        vec![
            a_flow(10, end(1, 1000), end(9, 443), 100),
            a_flow(20, end(2, 1000), end(9, 443), 5000),
            a_flow(30, end(1, 1001), end(9, 443), 50),
            a_flow(90_000, end(3, 1), end(9, 443), 999_999),
        ],
    );
    assert_eq!(
        asked(&made, "talked", &[MAY, ("to", "2026-05-02")]),
        "192.168.0.2,192.168.0.9,443,tls,5010,1,2026-05-01T00:00:20Z,2026-05-01T00:00:20Z\n\
         192.168.0.1,192.168.0.9,443,tls,170,2,2026-05-01T00:00:10Z,2026-05-01T00:00:30Z"
    );
}

#[test]
fn first_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut flows: Vec<_> = (0..1000).map(|n| a_flow(n, end((n % 90) as u8, 1), end(99, 443), 1)).collect();
    flows[321] = a_flow(321, end(200, 1), end(99, 443), 1);
    flows[654] = a_flow(654, end(5, 1), end(200, 22), 1);
    let made = of(dir.path(), flows);
    let expected = "first,2026-05-01T00:05:21Z,192.168.0.200,02:00:00:00:00:c8,192.168.0.99,02:00:00:00:00:63,443,tls,322\n\
                    last,2026-05-01T00:10:54Z,192.168.0.5,02:00:00:00:00:05,192.168.0.200,02:00:00:00:00:c8,22,tls,655";
    assert_eq!(asked(&made, "first_seen", &[("address", "192.168.0.200")]), expected);
    assert_eq!(asked(&made, "first_seen", &[("address", "02:00:00:00:00:C8")]), expected);
    assert_eq!(asked(&made, "first_seen", &[("address", "192.168.0.201")]), "");
}

#[test]
fn hour() {
    let dir = tempfile::tempdir().unwrap();
    let events = vec![
        a_flow(5, end(7, 1), end(9, 443), 11),
        dns(6, 7, "example.com"),
        dns(7, 8, "other.example.com"),
        modbus(8, 7, true, 100),
        a_flow(4000, end(7, 1), end(9, 443), 12),
    ];
    let made = of(dir.path(), events);
    assert_eq!(
        asked(&made, "hour", &[("address", "192.168.0.7"), MAY, ("to", "2026-05-01T01:00:00Z")]),
        "2026-05-01T00:00:05Z,flow,tls,192.168.0.7,192.168.0.9,443,,11,10,1\n\
         2026-05-01T00:00:06Z,activity,dns,192.168.0.7,192.168.0.1,53,example.com,,,2\n\
         2026-05-01T00:00:08Z,activity,modbus,192.168.0.7,192.168.0.50,502,,,,4"
    );
}

#[test]
fn logins_and_clear_text() {
    let dir = tempfile::tempdir().unwrap();
    let events =
        vec![login(1, "tanaka", true), login(2, "root", true), login(3, "tanaka", false), login(4, "o'hara", true), login(5, "root", true)];
    let made = of(dir.path(), events);
    assert_eq!(
        asked(&made, "logins", &[("user", "tanaka"), MAY, JUNE]),
        "2026-05-01T00:00:03Z,ftp,192.168.0.7,192.168.0.9,21,failure,false,3\n\
         2026-05-01T00:00:01Z,ftp,192.168.0.7,192.168.0.9,21,failure,true,1"
    );
    assert_eq!(asked(&made, "logins", &[("user", "o'hara"), MAY, JUNE]).lines().count(), 1, "a quote is a letter");
    assert_eq!(asked(&made, "logins", &[("user", "' or 1=1 --"), MAY, JUNE]), "");
    assert_eq!(
        asked(&made, "clear_text", &[MAY, JUNE]),
        "ftp,192.168.0.9,21,root,2,1,2026-05-01T00:00:05Z\n\
         ftp,192.168.0.9,21,o'hara,1,1,2026-05-01T00:00:04Z\n\
         ftp,192.168.0.9,21,tanaka,1,1,2026-05-01T00:00:01Z"
    );
}

#[test]
fn writes() {
    let dir = tempfile::tempdir().unwrap();
    let events = vec![modbus(1, 7, true, 100), modbus(2, 7, false, 100), modbus(3, 8, true, 200), modbus(4, 7, true, 100), dns(5, 7, "x")];
    let made = of(dir.path(), events);
    assert_eq!(
        asked(&made, "writes", &[("address", "192.168.0.50"), MAY, JUNE]),
        "192.168.0.7,1,16,100,2,2026-05-01T00:00:01Z,2026-05-01T00:00:04Z\n\
         192.168.0.8,1,16,200,1,2026-05-01T00:00:03Z,2026-05-01T00:00:03Z"
    );
    assert_eq!(asked(&made, "writes", &[("address", "192.168.0.51"), MAY, JUNE]), "");
}

#[test]
fn names() {
    let dir = tempfile::tempdir().unwrap();
    let name = "update.example.com";
    let events = vec![dns(1, 7, name), tls(2, 7, name), http(3, 8, name), dns(4, 8, "example.com"), dns(5, 7, name)];
    let made = of(dir.path(), events);
    assert_eq!(
        asked(&made, "names", &[("name", name), MAY, JUNE]),
        "192.168.0.7,dns,2,2026-05-01T00:00:01Z,2026-05-01T00:00:05Z\n\
         192.168.0.7,tls,1,2026-05-01T00:00:02Z,2026-05-01T00:00:02Z\n\
         192.168.0.8,http,1,2026-05-01T00:00:03Z,2026-05-01T00:00:03Z"
    );
}

#[test]
fn new() {
    let dir = tempfile::tempdir().unwrap();
    let day = 86_400;
    let events = vec![
        a_flow(1, end(1, 1), end(9, 443), 5),
        a_flow(2, end(2, 1), end(9, 443), 5),
        a_flow(3 * day, end(1, 2), end(9, 443), 5),
        a_flow(3 * day + 1, end(1, 2), end(9, 22), 5),
        a_flow(3 * day + 2, end(3, 2), end(9, 443), 5),
        a_flow(3 * day + 3, end(3, 2), end(9, 443), 6),
    ];
    let made = of(dir.path(), events);
    assert_eq!(
        asked(&made, "new", &[("before", "2026-05-01"), ("since", "2026-05-03"), JUNE]),
        "192.168.0.1,192.168.0.9,22,2026-05-04T00:00:01Z,1,15\n\
         192.168.0.3,192.168.0.9,443,2026-05-04T00:00:02Z,2,31"
    );
}

#[test]
fn outside() {
    let dir = tempfile::tempdir().unwrap();
    let far = |a: u8| Endpoint { mac: None, ip: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, a))), port: Some(443) };
    let cast = Endpoint { mac: None, ip: Some(IpAddr::V4(Ipv4Addr::new(239, 1, 1, 1))), port: Some(5353) };
    let events = vec![
        a_flow(1, end(1, 1), far(5), 700),
        a_flow(2, end(1, 1), end(9, 443), 5),
        a_flow(3, end(2, 1), cast, 5),
        a_flow(4, far(6), end(3, 22), 9),
    ];
    let made = of(dir.path(), events);
    assert_eq!(
        asked(&made, "outside", &[MAY, JUNE]),
        "192.168.0.1,203.0.113.5,700,10,1,2026-05-01T00:00:01Z\n\
         203.0.113.6,192.168.0.3,9,10,1,2026-05-01T00:00:04Z"
    );
}

#[test]
fn night() {
    let dir = tempfile::tempdir().unwrap();
    let hour = 3600;
    // 23:30 in Japan is 14:30 in UTC, 09:00 is 00:00, 05:59 is 20:59 of the day before.
    let big = 20_000_000;
    let events = vec![
        a_flow(0, end(1, 1), end(9, 443), big),
        a_flow(14 * hour + 1800, end(2, 1), end(9, 443), big),
        a_flow(21 * hour - 60, end(3, 1), end(9, 443), big + 1),
        a_flow(21 * hour, end(4, 1), end(9, 443), big),
        a_flow(15 * hour, end(5, 1), end(9, 443), 100),
    ];
    let made = of(dir.path(), events);
    assert_eq!(
        asked(&made, "night", &[MAY, JUNE]),
        "2026-05-01T00:00:00Z,192.168.0.3,192.168.0.9,443,tls,20000001,10,2026-05-01T20:59:00Z,2026-05-01T20:59:00Z\n\
         2026-05-01T00:00:00Z,192.168.0.2,192.168.0.9,443,tls,20000000,10,2026-05-01T14:30:00Z,2026-05-01T14:30:00Z"
    );
    assert_eq!(asked(&made, "night", &[MAY, JUNE, ("offset", "0"), ("bytes", "50")]).lines().count(), 1);
}

#[test]
fn words() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<_> = (0..1000).map(|n| line(n, &format!("session {n} opened"))).collect();
    lines[300] = line(300, "Firmware download 'started' by 10.0.0.7");
    lines[800] = line(800, "firmware: download failed");
    let made = of(dir.path(), lines);
    assert_eq!(
        asked(&made, "words", &[("words", "firmware DOWNLOAD")]),
        "2026-05-01T00:13:20Z,srv-1,sshd,4,firmware: download failed,801\n\
         2026-05-01T00:05:00Z,srv-1,sshd,4,Firmware download 'started' by 10.0.0.7,301"
    );
    assert_eq!(asked(&made, "words", &[("words", "firmware 'started'"), MAY]).lines().count(), 1);
    assert_eq!(asked(&made, "words", &[("words", "firmware"), JUNE, ("from", "2026-05-02")]), "");
}

#[test]
fn gaps() {
    let dir = tempfile::tempdir().unwrap();
    let events = vec![
        health(0, Quality::Full),
        health(10, Quality::Drops),
        health(20, Quality::Drops),
        health(3600, Quality::Nothing),
        health(3700, Quality::Full),
    ];
    let made = of(dir.path(), events);
    assert_eq!(asked(&made, "gaps", &[MAY, JUNE]), "1,2026-05-01T00:00:00Z,drops,2,14,200\n1,2026-05-01T01:00:00Z,nothing,1,0,100");
}

#[test]
fn the_guides_name_every_question_with_its_values() {
    for lang in ["ja", "en"] {
        let page = std::fs::read_to_string(format!("{}/../../docs/{lang}/cli.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for q in vault::ask::questions::ALL {
            let about = if lang == "ja" { q.ja } else { q.en };
            let line = page.lines().find(|l| l.starts_with(&format!("| `{}` |", q.name))).unwrap_or_else(|| panic!("{lang}: {}", q.name));
            assert!(line.contains(about), "{line}");
            for p in q.params {
                let written = p.default.map_or_else(|| format!("`{}`", p.name), |d| format!("`[{}={d}]`", p.name));
                assert!(line.contains(&written), "{written} in {line}");
            }
        }
    }
}
