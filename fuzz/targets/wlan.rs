//! IEEE 802.11 management frames and key exchange; the first byte says which and whether encrypted.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some((kind, bytes)) = data.split_first() {
        let mut reader = wire::proto::wlan::Reader::default();
        if kind & 0x20 != 0 {
            reader.key_exchange(bytes);
        } else {
            reader.management(kind & 15, bytes, kind & 16 != 0);
        }
        assert!(reader.act.ssid.as_ref().is_none_or(|s| s.len() <= wire::proto::wlan::MAX_SSID));
    }
});
