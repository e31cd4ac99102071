//! DNS, mDNS and LLMNR.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hinomi_fuzz::conversation(&[&wire::proto::dns::DNS, &wire::proto::dns::MDNS, &wire::proto::dns::LLMNR], data);
});
