//! DHCPv6.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hinomi_fuzz::conversation(&[&wire::proto::dhcp6::SPEC], data);
});
