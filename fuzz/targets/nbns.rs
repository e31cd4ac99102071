//! NetBIOS names and datagrams.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hinomi_fuzz::conversation(&[&wire::proto::nbns::NAMES, &wire::proto::nbns::DATAGRAMS], data);
});
