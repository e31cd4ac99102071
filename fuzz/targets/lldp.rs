//! LLDP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut lldp = model::activity::Lldp::default();
    wire::proto::lldp::parse(data, &mut lldp);
    assert!(lldp.name.len() <= wire::proto::lldp::MAX_TEXT && lldp.addresses.len() <= wire::proto::lldp::MAX_ADDRESSES);
});
