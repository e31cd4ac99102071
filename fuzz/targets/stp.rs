//! Spanning tree; the first byte says whether in the form for each VLAN.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some((form, bytes)) = data.split_first() {
        let mut tree = model::activity::SpanningTree::default();
        wire::proto::stp::parse(bytes, form & 1 != 0, &mut tree);
        assert!(tree.vlan.is_none_or(|v| v < 4096));
    }
});
