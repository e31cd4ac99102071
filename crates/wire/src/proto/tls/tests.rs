use super::super::testing::{self, hostile, script};
use super::super::x509;
use super::*;
use model::Transport;
use model::activity::Act;

fn u16s(v: &[u16]) -> Vec<u8> {
    v.iter().flat_map(|n| n.to_be_bytes()).collect()
}
fn vec8(v: &[u8]) -> Vec<u8> {
    [&[v.len() as u8], v].concat()
}
fn vec16(v: &[u8]) -> Vec<u8> {
    [&(v.len() as u16).to_be_bytes(), v].concat()
}
fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), vec16(value)].concat()
}
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [vec![kind, 3, 1], vec16(body)].concat()
}
/// The client hello of FoxIO's example, with GREASE where Chrome puts it.
pub fn client_hello() -> Vec<u8> {
    let sig = u16s(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]);
    let sni = [&[0][..], &vec16(b"PLC.Example.jp")].concat();
    let extensions = [
        extension(0x2a2a, &[]),
        extension(0x001b, &[2, 0, 2]),
        extension(0, &vec16(&sni)),
        extension(0x33, &[0, 0]),
        extension(0x10, &vec16(&[vec8(b"h2"), vec8(b"http/1.1")].concat())),
        extension(0x4469, &[]),
        extension(0x17, &[]),
        extension(0x2d, &[1, 1]),
        extension(0x0d, &vec16(&sig)),
        extension(5, &[1, 0, 0, 0, 0]),
        extension(0x23, &[]),
        extension(0x12, &[]),
        extension(0x2b, &vec8(&u16s(&[0x5a5a, 0x0304, 0x0303]))),
        extension(0xff01, &[0]),
        extension(0x0b, &[1, 0]),
        extension(0x0a, &vec16(&u16s(&[0x3a3a, 29, 23]))),
        extension(0x15, &[0; 40]),
        extension(0xdada, &[0]),
    ]
    .concat();
    let ciphers = u16s(&[
        0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
    ]);
    message(1, &[vec![3, 3], vec![9; 32], vec8(&[8; 32]), vec16(&ciphers), vec8(&[0]), vec16(&extensions)].concat())
}
fn server_hello(version: u16, extensions: &[u8]) -> Vec<u8> {
    message(2, &[version.to_be_bytes().to_vec(), vec![7; 32], vec8(&[]), vec![0xc0, 0x2f, 0], vec16(extensions)].concat())
}
fn tls(acts: &[Act]) -> Vec<&Tls> {
    acts.iter()
        .map(|a| match a {
            Act::Tls(t) => t,
            other => panic!("{other:?}"),
        })
        .collect()
}
fn certificates() -> Vec<u8> {
    let der = x509::tests::sample("cam", b"20511231235959Z");
    let one = [&(der.len() as u32).to_be_bytes()[1..], &der].concat();
    let list = [one.clone(), one].concat();
    message(11, &[&(list.len() as u32).to_be_bytes()[1..], &list].concat())
}
fn twelve() -> (Vec<u8>, Vec<u8>) {
    // The hello cut into two records, the server's messages all in one and the last one cut by a record's end.
    let hello = client_hello();
    let (a, b) = hello.split_at(100);
    let up =
        [record(22, a), record(22, b), record(22, &message(16, &[1; 70])), record(20, &[1]), record(22, &[0xee; 40]), record(23, &[3; 99])]
            .concat();
    let flight =
        [server_hello(0x0303, &extension(16, &vec16(&vec8(b"http/1.1")))), certificates(), message(12, &[5; 300]), message(14, &[])]
            .concat();
    let (a, b) = flight.split_at(500);
    let down = [record(22, a), record(22, b), record(20, &[1]), record(22, &[0xdd; 40])].concat();
    (up, down)
}

#[test]
fn tls_1_2_with_certificates() {
    let (up, down) = twelve();
    let acts = testing::tcp(&SPEC, &[(Dir::Up, &up), (Dir::Down, &down)]);
    let [hellos, certs] = tls(&acts)[..] else { panic!("{acts:?}") };
    assert_eq!(hellos.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert_eq!((hellos.sni.as_str(), hellos.alpn.as_str(), hellos.offered), ("plc.example.jp", "http/1.1", 0x0304));
    assert_eq!((hellos.version, hellos.cipher, hellos.answered, hellos.certificates.len()), (0x0303, 0xc02f, true, 0));
    assert_eq!(certs.certificates.len(), 2);
    assert_eq!(certs.certificates[0].names, ["cam.example.jp", "192.0.2.9"]);
    assert_eq!(certs.certificates[0].signature, "sha256WithRSAEncryption");
    // MD5 of 771,4865-4866-…-53,27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23,0 and of 771,49199,16
    assert_eq!((hellos.ja3.as_str(), hellos.ja3s.as_str()), ("c7240d90981bb4a546a859dd3bd5457c", "896415616b22361262d7a961b6325cfd"));
    assert_eq!((&hellos.ja3, &hellos.ja3s), (&certs.ja3, &certs.ja3s));
}

#[test]
fn tls_1_3_ends_with_the_server_hello() {
    let up = record(22, &client_hello());
    for answer in [server_hello(0x0303, &extension(0x2b, &[3, 4])), server_hello(0x0303, &extension(0x2b, &[0x7f, 0x1c]))] {
        let down = [record(22, &answer), record(20, &[1]), record(23, &[1; 500])].concat();
        let acts = testing::tcp(&SPEC, &[(Dir::Up, &up), (Dir::Down, &down)]);
        let [t] = tls(&acts)[..] else { panic!("{acts:?}") };
        assert_eq!((t.version, t.answered), (0x0304, true));
    }
}

#[test]
fn one_direction_alone() {
    let (up, down) = twelve();
    let acts = testing::tcp(&SPEC, &[(Dir::Up, &up)]);
    let [t] = tls(&acts)[..] else { panic!("{acts:?}") };
    assert_eq!((t.sni.as_str(), t.answered, t.version), ("plc.example.jp", false, 0));
    let acts = testing::tcp(&SPEC, &[(Dir::Down, &down)]);
    assert_eq!(tls(&acts).len(), 2);
    assert!(tls(&acts).iter().all(|t| t.answered && t.ja4.is_empty()));
    // The server seen as if it had spoken first.
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Tls, Transport::Tcp, testing::options());
    drive.feed(Dir::Up, &down);
    assert!(drive.heard.0.iter().all(|(h, _)| h.client.port == Some(80)));
}

#[test]
fn ssl_2() {
    let hello = [&[0x80, 9 + 6 + 16, 1, 0, 2, 0, 6, 0, 0, 0, 16][..], &[1, 0, 0x80, 2, 0, 0x80], &[7; 16]].concat();
    let der = x509::tests::sample("old", b"20511231235959Z");
    let length = 11 + der.len() + 6 + 16;
    let answer =
        [&(length as u16 | 0x8000).to_be_bytes()[..], &[4, 0, 1, 0, 2], &(der.len() as u16).to_be_bytes(), &[0, 6, 0, 16], &der, &[1; 22]]
            .concat();
    let acts = testing::tcp(&SPEC, &[(Dir::Up, &hello), (Dir::Down, &answer)]);
    let [t] = tls(&acts)[..] else { panic!("{acts:?}") };
    assert_eq!((t.offered, t.version, t.certificates.len()), (2, 2, 1));
    // The same hello offering TLS 1.0, answered in records.
    let mut compatible = hello.clone();
    compatible[3..5].copy_from_slice(&[3, 1]);
    let acts = testing::tcp(&SPEC, &[(Dir::Up, &compatible), (Dir::Down, &record(22, &server_hello(0x0301, &[])))]);
    let [t] = tls(&acts)[..] else { panic!("{acts:?}") };
    assert_eq!((t.offered, t.version, t.cipher), (0x0301, 0x0301, 0xc02f));
    let ask = |up: &[u8]| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 1, server_port: 443, datagram: false });
    assert_eq!(ask(&hello), Verdict::Sure(90));
}

#[test]
fn a_huge_message_is_passed_over() {
    let (up, _) = twelve();
    let big: Vec<u8> = message(11, &vec![0; 200_000]).chunks(16000).flat_map(|c| record(22, c)).collect();
    let down = [record(22, &server_hello(0x0303, &[])), big, record(22, &message(14, &[]))].concat();
    let mut parser = (SPEC.start)();
    let acts = testing::run_on(&mut *parser, &SPEC, &[(Dir::Up, &up), (Dir::Down, &down)], testing::Cut::Random(3), testing::options());
    assert_eq!(tls(&acts).len(), 1);
}

#[test]
fn a_hole_in_the_certificates_keeps_the_hellos() {
    let (up, down) = twelve();
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Tls, Transport::Tcp, testing::options());
    drive.feed(Dir::Up, &up);
    drive.feed(Dir::Down, &down[..200]);
    drive.gap(Dir::Down, 100);
    drive.feed(Dir::Down, &down[300..]);
    drive.end();
    assert_eq!(drive.heard.0.len(), 1);
}

#[test]
fn probes() {
    let ask = |up: &[u8]| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 1, server_port: 9, datagram: false });
    assert_eq!(ask(&record(22, &client_hello())), Verdict::Sure(98));
    assert_eq!(ask(&[22, 3]), Verdict::Unsure);
    assert_eq!(ask(&record(23, &[5; 50])), Verdict::Sure(50));
    for other in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"SSH-2.0-x\r\n",
        &[22, 9, 9, 9],
        &[23, 3, 3, 0xff, 0xff, 1],
        &[0, 1, 0, 0, 0, 6, 1, 3],
        &[0xff, 0xfd, 0x18, 0xff, 0xfb, 1, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(ask(other), Verdict::No, "{other:?}");
    }
}

hostile!(SPEC, script(&[(Dir::Up, &twelve().0), (Dir::Down, &twelve().1)]), script(&[(Dir::Down, &twelve().1), (Dir::Up, &twelve().0)]));
