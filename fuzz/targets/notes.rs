//! What a witness, a time-stamp authority, a sheet of paper and the log itself give: notes, entries, tiles, stamps.
#![no_main]

use proof::entry::Entry;
use proof::note::Note;
use proof::{paper, stamp, tiles, witness};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(note) = Note::parse(data) {
        let _ = proof::note::verify(&note, &[]);
    }
    if let Some(entry) = Entry::parse(data) {
        assert_eq!(Entry::parse(&entry.to_bytes()), Some(entry), "an entry is read as it was written");
    }
    if let Ok(request) = witness::Request::parse(data) {
        assert!(witness::Request::parse(request.body().as_bytes()).is_ok());
    }
    let _ = paper::Paper::parse(data);
    let _ = stamp::Request::parse(data);
    if let (Ok(reply), Ok(request)) = (stamp::Reply::parse(data), stamp::Request::parse(data)) {
        let _ = reply.answers(&request);
    }
    for width in [1, 3, 256] {
        if let Ok(entries) = tiles::decode_bundle(data, width) {
            assert_eq!(tiles::encode_bundle(&entries).as_deref(), Ok(data), "a bundle has one form");
        }
        let _ = tiles::decode_hashes(data, width);
    }
});
