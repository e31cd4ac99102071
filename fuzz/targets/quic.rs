//! QUIC: as datagrams, whose packets no key opens, and as the frames inside packets that one opened.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hinomi_fuzz::conversation(&[&wire::proto::quic::SPEC], data);
    wire::proto::quic::fuzz_frames(data);
});
