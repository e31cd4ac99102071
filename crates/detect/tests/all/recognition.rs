//! Signs become guesses, by hand-made acts. Real captures: oracles.rs.

use crate::common::*;
use model::activity::*;
use model::asset::{AssetFact, Guess, Property, weigh};
use model::*;

/// Everything that was guessed about the device with this hardware address, weighed.
fn about(log: &Log, m: Mac) -> Vec<Guess> {
    let owner = log.asset_of_mac(m);
    weigh(
        log.facts()
            .into_iter()
            .filter(|(a, _)| **a == owner)
            .filter_map(|(_, f)| if let AssetFact::Guess { guess } = f { Some(guess.clone()) } else { None })
            .collect(),
    )
}
fn best(guesses: &[Guess], property: Property) -> String {
    guesses.iter().find(|g| g.property == property).map(|g| g.value.clone()).unwrap_or_default()
}

fn act(log: &mut Log, protocol: Protocol, server_port: u16, act: Act) {
    // Both ends have claimed their addresses.
    log.arp(0, 1, mac(1), "192.168.1.1", "192.168.1.2");
    log.arp(0, 1, mac(2), "192.168.1.2", "192.168.1.1");
    log.act(1, protocol, end(mac(1), "192.168.1.1", 50_000), end(mac(2), "192.168.1.2", server_port), act);
}

#[test]
fn a_printer_is_recognised_by_its_snmp_answer() {
    let mut log = Log::default();
    let bindings = vec![
        (String::from("1.3.6.1.2.1.1.1.0"), String::from("RICOH IM C3000 1.12 / RICOH Network Printer C model")),
        (String::from("1.3.6.1.2.1.1.2.0"), String::from(".1.3.6.1.4.1.367.1.1")),
        (String::from("1.3.6.1.2.1.1.5.0"), String::from("RNP583879A1B2C3")),
    ];
    act(&mut log, Protocol::Snmp, 161, Act::Snmp(Snmp { version: 2, pdu: SnmpPdu::Response, bindings, ..Snmp::default() }));
    let g = about(&log, mac(2));
    assert_eq!((best(&g, Property::Kind).as_str(), best(&g, Property::Maker).as_str()), ("printer", "Ricoh"), "{g:?}");
    let kind = g.iter().find(|x| x.property == Property::Kind).unwrap();
    assert!(kind.confidence > 82 && !kind.also.is_empty(), "signs that agree make it surer: {kind:?}");
    assert!(about(&log, mac(1)).iter().all(|x| x.reason != "snmp-description"), "who asks is not the printer");
}

#[test]
fn an_answer_with_an_error_or_a_question_says_nothing() {
    for (pdu, error) in [(SnmpPdu::Get, 0), (SnmpPdu::Response, 2), (SnmpPdu::Trap, 0)] {
        let mut log = Log::default();
        let bindings = vec![(String::from("1.3.6.1.2.1.1.1.0"), String::from("RICOH IM C3000"))];
        act(&mut log, Protocol::Snmp, 161, Act::Snmp(Snmp { pdu, error, bindings, ..Snmp::default() }));
        assert_eq!(best(&about(&log, mac(2)), Property::Kind), best(&about(&log, mac(1)), Property::Kind), "{pdu:?}");
    }
}

#[test]
fn a_camera_is_recognised_by_ws_discovery() {
    let mut log = Log::default();
    let d = Discovery {
        kind: DiscoveryKind::Hello,
        types: vec!["dn:NetworkVideoTransmitter".into()],
        scopes: vec!["onvif://www.onvif.org/hardware/P3245%2dV".into(), "onvif://www.onvif.org/name/AXIS%20P3245".into()],
        ..Discovery::default()
    };
    log.arp(0, 1, mac(1), "192.168.1.1", "192.168.1.2");
    let group = Endpoint { mac: Some(Mac([1, 0, 0x5e, 0x7f, 0xff, 0xfa])), ip: Some(ip("239.255.255.250")), port: Some(3702) };
    log.act(1, Protocol::Wsd, end(mac(1), "192.168.1.1", 3702), group, Act::Discovery(d));
    let g = about(&log, mac(1));
    assert_eq!(
        (best(&g, Property::Kind), best(&g, Property::Maker), best(&g, Property::Model)),
        ("camera".into(), "Axis Communications".into(), "P3245-V".into()),
        "{g:?}"
    );
}

#[test]
fn what_somebody_looks_for_is_not_what_it_is() {
    let mut log = Log::default();
    let d = Discovery { kind: DiscoveryKind::Probe, types: vec!["dn:NetworkVideoTransmitter".into()], ..Discovery::default() };
    act(&mut log, Protocol::Wsd, 3702, Act::Discovery(d));
    let s = Ssdp { kind: SsdpKind::Search, target: "urn:schemas-upnp-org:device:InternetGatewayDevice:1".into(), ..Ssdp::default() };
    act(&mut log, Protocol::Ssdp, 1900, Act::Ssdp(s));
    for m in [mac(1), mac(2)] {
        let g = about(&log, m);
        assert!(g.iter().all(|x| !matches!(x.value.as_str(), "camera" | "router")), "{g:?}");
    }
}

#[test]
fn a_controller_names_itself_over_modbus() {
    let mut log = Log::default();
    let id = ModbusIdentity {
        vendor: "Schneider Electric".into(),
        product: "BMX P34 2020".into(),
        revision: "v2.6".into(),
        ..ModbusIdentity::default()
    };
    act(&mut log, Protocol::Modbus, 502, Act::ModbusIdentity(id));
    let g = about(&log, mac(2));
    assert_eq!(
        (best(&g, Property::Kind), best(&g, Property::Maker), best(&g, Property::Model), best(&g, Property::Version)),
        ("plc".into(), "Schneider Electric".into(), "BMX P34 2020".into(), "v2.6".into())
    );
}

#[test]
fn windows_is_told_by_its_build_and_the_list_of_dhcp() {
    let mut log = Log::default();
    act(
        &mut log,
        Protocol::Smb,
        445,
        Act::Ntlm(Ntlm { server_version: "10.0.19045".into(), server: "KEIRI-02".into(), ..Ntlm::default() }),
    );
    let d = Dhcp { message: 1, mac: mac(2), parameters: vec![1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252], ..Dhcp::default() };
    let client = Endpoint { mac: Some(mac(2)), ip: None, port: Some(68) };
    log.act(3, Protocol::Dhcp, client, Endpoint::default(), Act::Dhcp(d));
    let g = about(&log, mac(2));
    assert_eq!((best(&g, Property::Os), best(&g, Property::Kind)), ("Windows 10 22H2".into(), "pc".into()), "{g:?}");
}

#[test]
fn contradictory_signs_are_kept_beside_each_other() {
    let mut log = Log::default();
    act(&mut log, Protocol::Http, 80, Act::Http(Http { status: Some(200), server: "KS_HTTP/1.0".into(), ..Http::default() }));
    act(&mut log, Protocol::Modbus, 502, Act::ModbusIdentity(ModbusIdentity { vendor: "WAGO".into(), ..ModbusIdentity::default() }));
    let g = about(&log, mac(2));
    let kinds: Vec<&Guess> = g.iter().filter(|x| x.property == Property::Kind).collect();
    assert_eq!(kinds[0].value, "plc");
    assert!(kinds.iter().any(|k| k.value == "printer" && k.contradicts(kinds[0])), "{kinds:?}");
    assert!(kinds[0].confidence < 92, "what speaks against it makes it less sure");
}

#[test]
fn who_gives_orders_to_several_controllers_is_probably_a_panel() {
    let mut log = Log::default();
    for n in 2..6u32 {
        let (a, b) = ("192.168.1.1", format!("192.168.1.{n}"));
        log.arp(0, 1, mac(1), a, &b);
        log.arp(0, 1, mac(n), &b, a);
        let m = Modbus { response: true, function: 3, ..Modbus::default() };
        log.act(1, Protocol::Modbus, end(mac(1), a, 50_000), end(mac(n), &b, 502), Act::Modbus(m));
    }
    let g = about(&log, mac(1));
    assert!(g.iter().any(|x| x.value == "hmi" && x.also.len() + 1 >= 2), "{g:?}");
}

#[test]
fn a_name_that_repeats_is_told_once_and_hostile_text_is_bounded() {
    let mut log = Log::default();
    let long = "RICOH ".repeat(20_000);
    for _ in 0..20 {
        let bindings =
            vec![(String::from("1.3.6.1.2.1.1.1.0"), long.clone()), (String::from("1.3.6.1.2.1.47.1.1.1.1.13.1"), format!("\u{0}{long}"))];
        act(&mut log, Protocol::Snmp, 161, Act::Snmp(Snmp { pdu: SnmpPdu::Response, bindings, ..Snmp::default() }));
    }
    let told: Vec<_> =
        log.facts().into_iter().filter(|(_, f)| matches!(f, AssetFact::Guess { guess } if guess.reason.starts_with("snmp"))).collect();
    assert!(told.len() <= 6, "{told:?}");
    assert!(told.iter().all(|(_, f)| matches!(f, AssetFact::Guess { guess } if guess.value.chars().count() <= 64)));
}
