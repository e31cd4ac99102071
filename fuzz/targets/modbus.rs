//! Modbus/TCP.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hinomi_fuzz::conversation(&[&wire::proto::modbus::SPEC], data);
});
