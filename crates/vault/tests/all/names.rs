//! Names that got their numbers later: what was stored with the text stays, byte for byte.

use crate::*;
use model::event::{Dispute, Table};
use proof::canon::{self, Groups};
use proof::{cbor, leaf, names};
use vault::columns::{RowBuilder, RowReader};

const LATE: [&str; 8] = ["witness", "dispute", "size", "theirs", "log_disputed", "fork", "rollback", "unproven"];

fn key(out: &mut Vec<u8>, name: &str) {
    match names::by_name(name).filter(|_| !LATE.contains(&name)) {
        Some(n) => cbor::uint(out, u64::from(n.number)),
        None => cbor::text(out, name),
    }
}

/// A record as a program wrote it that knew no numbers for [`LATE`].
fn stored_before() -> [Vec<u8>; 4] {
    let mut core = Vec::new();
    cbor::map(&mut core, 3);
    cbor::uint(&mut core, 1);
    cbor::uint(&mut core, 0);
    cbor::uint(&mut core, 2);
    cbor::int(&mut core, 1_700_000_000_000_000_000);
    key(&mut core, "body");
    cbor::map(&mut core, 1);
    key(&mut core, "audit");
    let mut inside = vec![("action", 0u8), ("deed", 1), ("number", 2)];
    inside.sort_by_key(|(n, _)| names::by_name(n).unwrap().number);
    cbor::map(&mut core, 3);
    for (name, what) in inside {
        key(&mut core, name);
        match what {
            0 => cbor::text(&mut core, "witness"),
            2 => cbor::uint(&mut core, 9),
            _ => {
                cbor::map(&mut core, 1);
                key(&mut core, "log_disputed");
                cbor::map(&mut core, 3);
                key(&mut core, "size");
                cbor::uint(&mut core, 5);
                key(&mut core, "theirs");
                cbor::uint(&mut core, 7);
                key(&mut core, "dispute");
                cbor::head(&mut core, 6, 39);
                key(&mut core, "fork");
            }
        }
    }
    let mut words = Vec::new();
    cbor::map(&mut words, 1);
    key(&mut words, "body");
    cbor::map(&mut words, 1);
    key(&mut words, "audit");
    cbor::map(&mut words, 2);
    let actor_first = names::by_name("actor").unwrap().number < names::by_name("deed").unwrap().number;
    for actor in [actor_first, !actor_first] {
        if actor {
            key(&mut words, "actor");
            cbor::text(&mut words, "witness");
        } else {
            key(&mut words, "deed");
            cbor::map(&mut words, 1);
            key(&mut words, "log_disputed");
            cbor::map(&mut words, 1);
            key(&mut words, "witness");
            cbor::text(&mut words, "w.example/1");
        }
    }
    [core, canon::EMPTY.to_vec(), words, canon::EMPTY.to_vec()]
}

fn event() -> NewEvent {
    let deed = Deed::LogDisputed { witness: String::from("w.example/1"), dispute: Dispute::Fork, size: 5, theirs: Some(7) };
    NewEvent {
        source: SourceId(0),
        received: Time(1_700_000_000_000_000_000),
        happened: None,
        body: Body::Audit(Box::new(Audit {
            number: Some(9),
            user: None,
            actor: String::from("witness"),
            from: None,
            action: String::from("witness"),
            deed,
        })),
    }
}

#[test]
fn a_record_stored_before_its_names_had_numbers_keeps_its_bytes_and_its_leaf() {
    let old = stored_before();
    let groups = [&old[0][..], &old[1], &old[2], &old[3]];
    canon::check(groups.map(Some)).unwrap();
    assert_eq!(canon::from_groups::<NewEvent>(groups).unwrap(), event(), "it reads as the same record");
    // Into columns and back: the same bytes, so the same leaf.
    let mut rows = RowBuilder::new(Table::Audit);
    rows.push(1, 0, groups).unwrap();
    let batch = rows.finish().unwrap();
    let reader = RowReader::new(Table::Audit, &batch).unwrap();
    let mut back = Groups::default();
    reader.groups(0, &mut back).unwrap();
    assert_eq!(back.all(), groups);
    let salter = leaf::Salter::new(&[5; 32]);
    let leaf_of = |g: [&[u8]; 4]| leaf::of_record(&salter, Table::Audit as u8, 1, g);
    assert_eq!(leaf_of(back.all()), leaf_of(groups));
    // What is written now has numbers, and is another leaf.
    let mut now = Groups::default();
    canon::write(&event(), &mut now).unwrap();
    assert!(now.get(0).len() < old[0].len());
    assert_ne!(leaf_of(now.all()), leaf_of(groups));
    assert_eq!(canon::readable(now.all()).unwrap().contains("log_disputed"), canon::readable(groups).unwrap().contains("log_disputed"));
    for name in LATE {
        let known = names::by_name(name).unwrap();
        assert_eq!((names::by_number(u64::from(known.number)), known.group), (Some(known), None), "{name}: its group is decided as before");
    }
}
