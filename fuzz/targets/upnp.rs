//! UPnP descriptions.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut upnp = model::activity::Upnp::default();
    let told = wire::proto::upnp::description(data, &mut upnp);
    assert!(upnp.name.len() <= wire::proto::upnp::MAX_TEXT && (!told || !upnp.device_type.is_empty() || !upnp.name.is_empty()));
});
