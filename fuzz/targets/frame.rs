//! Frames without conversations: link layer, Internet, transport, tunnels.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hinomi_fuzz::frame(data);
});
