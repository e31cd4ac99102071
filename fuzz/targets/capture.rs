//! Capture files: pcap, pcapng, compressed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hinomi_fuzz::capture(data);
});
