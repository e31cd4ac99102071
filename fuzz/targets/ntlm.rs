//! NTLM messages, and Kerberos messages inside tokens, wherever they stand.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut ntlm = model::activity::Ntlm::default();
    if let Some(message) = wire::proto::ntlm::find(data) {
        let _ = wire::proto::ntlm::read(message, &mut ntlm);
    }
    let most = wire::proto::ntlm::MAX_NAME;
    assert!([&ntlm.user, &ntlm.domain, &ntlm.host, &ntlm.server_dns].iter().all(|s| s.len() <= most));
    let mut kerberos = model::activity::Kerberos::default();
    if let Some(message) = wire::proto::kerberos::find(data) {
        assert!(wire::proto::kerberos::read(message, &mut kerberos));
    }
    let most = wire::proto::kerberos::MAX_NAME;
    assert!([&kerberos.client, &kerberos.service, &kerberos.realm].iter().all(|s| s.len() <= most));
});
