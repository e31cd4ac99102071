//! Certificates.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut certificate = model::activity::Certificate::default();
    wire::proto::x509::parse(data, &mut certificate);
    assert!(certificate.subject.len() <= wire::proto::x509::MAX_DN && certificate.names.len() <= wire::proto::x509::MAX_NAMES);
});
