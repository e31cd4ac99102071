//! Cisco Discovery Protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut cdp = model::activity::Cdp::default();
    wire::proto::cdp::parse(data, &mut cdp);
    assert!(cdp.software.len() <= wire::proto::cdp::MAX_TEXT && cdp.addresses.len() <= wire::proto::cdp::MAX_ADDRESSES);
});
