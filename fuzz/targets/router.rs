//! IPv6 router advertisements.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut router = wire::proto::router::Reader::default();
    router.read(data);
    let first = router.act.clone();
    assert!(first.prefixes.len() <= wire::proto::router::MAX_PREFIXES && first.domains.len() <= wire::proto::router::MAX_NAMES);
    if router.read(data) {
        assert!(router.act == first, "reading leaves something behind");
    }
});
