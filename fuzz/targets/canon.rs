//! The canonical form of records: what is read again is written the same, and columns with their rest are the record.
//! Input: three lengths of two bytes, then the four groups.
#![no_main]

use model::NewEvent;
use proof::canon::columns::{Column, Kind, Layout};
use proof::canon::{self, Groups};
use proof::names;
use std::sync::LazyLock;

/// Columns as a segment file of conversations and of acts has them, in all groups.
static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
    let path = |names: &[&str]| names.iter().map(|n| names::by_name(n).expect("a known name").number).collect();
    let column = |name, kind, group, at: &[&str]| Column { name, kind, group, path: path(at) };
    Layout::new(vec![
        column("source", Kind::Number, 0, &["source"]),
        column("received", Kind::Time, 0, &["received"]),
        column("happened", Kind::Time, 0, &["happened", "at"]),
        column("flow", Kind::Number, 0, &["body", "flow", "id"]),
        column("protocol", Kind::Name, 0, &["body", "flow", "protocol"]),
        column("client_ip", Kind::Bytes, 1, &["body", "flow", "client", "ip"]),
        column("clear_text", Kind::Flag, 0, &["body", "activity", "act", "login", "clear_text"]),
        column("user", Kind::Text, 2, &["body", "activity", "act", "login", "user"]),
        column("text", Kind::Text, 3, &["body", "log", "text"]),
    ])
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((lengths, mut rest)) = data.split_first_chunk::<6>() else { return };
    let mut groups = [&[][..]; 4];
    for (group, length) in groups.iter_mut().zip(lengths.chunks(2)) {
        let (head, tail) = rest.split_at(usize::from(u16::from_be_bytes([length[0], length[1]])).min(rest.len()));
        (*group, rest) = (head, tail);
    }
    groups[3] = rest;
    let _ = canon::source_and_received(groups[0]);
    let _ = canon::variant_at(groups, &["body", "activity", "act"]);
    let _ = canon::text_at(groups, &["body", "activity", "act", "dns", "questions"]);
    let _ = canon::readable(groups);
    let (mut values, mut rests) = (Vec::new(), Default::default());
    let apart = LAYOUT.take_apart(groups, &mut values, &mut rests);
    if canon::check(groups.map(Some)).is_ok() {
        canon::readable(groups).expect("what is canonical can be read");
        apart.expect("what is canonical can be taken apart");
        let mut again = Groups::default();
        LAYOUT.put_together(&values, [&rests[0], &rests[1], &rests[2], &rests[3]], &mut again).expect("and put together");
        let whole = |g: &[u8]| if g.is_empty() { canon::EMPTY.to_vec() } else { g.to_vec() };
        assert_eq!(again.all().map(whole), groups.map(whole), "rest and columns are the record");
    }
    if let Ok(event) = canon::from_groups::<NewEvent>(groups) {
        let mut written = Groups::default();
        if canon::write(&event, &mut written).is_ok() {
            canon::check(written.all().map(Some)).expect("what was written is canonical");
            let again = canon::from_groups::<NewEvent>(written.all()).expect("what was written can be read");
            assert_eq!(again, event);
        }
    }
});
