//! IGMP and MLD.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut m = model::activity::Membership::default();
    for read in [wire::proto::membership::igmp, wire::proto::membership::mld] {
        read(data, &mut m);
        assert!(m.groups.len() <= wire::proto::membership::MAX_GROUPS);
    }
});
