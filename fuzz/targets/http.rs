//! HTTP/1.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hinomi_fuzz::conversation(&[&wire::proto::http::SPEC], data);
});
