use super::super::testing::{self, hostile};
use super::super::tls::tests::client_hello;
use super::*;
use model::Transport;
use model::activity::Act;

const ID: &[u8] = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";

fn varint(n: usize) -> Vec<u8> {
    (n as u16 | 0x4000).to_be_bytes().to_vec()
}
fn crypto(from: usize, data: &[u8]) -> Vec<u8> {
    [&[6][..], &varint(from), &varint(data.len()), data].concat()
}
/// A client's Initial packet under keys of the id `of`, sent to the id `to`.
fn initial_to(version: u32, of: &[u8], to: &[u8], packet: u8, frames: &[u8]) -> Vec<u8> {
    let known = Version::from_number(version).unwrap();
    let first = if known == Version::V2 { 0xd0 } else { 0xc0 };
    let header = [&[first][..], &version.to_be_bytes(), &[to.len() as u8], to, &[0, 0], &varint(1 + frames.len() + 16), &[packet]].concat();
    Keys::of_client(known, of).unwrap().seal(&header, 1, frames)
}
fn initial(version: u32, packet: u8, frames: &[u8]) -> Vec<u8> {
    initial_to(version, ID, ID, packet, frames)
}
fn padded(mut datagram: Vec<u8>) -> Vec<u8> {
    datagram.resize(MIN_INITIAL, 0);
    datagram
}
/// A Handshake packet from the server: encrypted with keys that nobody else has.
fn answer() -> Vec<u8> {
    [&[0xe0, 0, 0, 0, 1, 0, 2, 1, 1][..], &varint(100), &[0xee; 100]].concat()
}
fn run(datagrams: &[(Dir, &[u8])]) -> Vec<Act> {
    let mut parser = (SPEC.start)();
    let mut acts = Vec::new();
    for _ in 0..2 {
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Quic, Transport::Udp, testing::options());
        for (dir, bytes) in datagrams {
            drive.feed(*dir, bytes);
        }
        drive.end();
        acts = drive.acts();
        parser.reset();
    }
    acts
}
fn one(datagrams: &[(Dir, &[u8])]) -> Quic {
    match run(datagrams).as_slice() {
        [Act::Quic(q)] => q.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn hellos_of_every_version() {
    for version in [1, 0x6b33_43cf, 0xff00_001d] {
        let up = initial(version, 0, &[crypto(0, &client_hello()), vec![0; 600]].concat());
        let q = one(&[(Dir::Up, &up), (Dir::Down, &answer())]);
        assert_eq!((q.version, q.sni.as_str(), q.alpn.as_str(), q.answered), (version, "plc.example.jp", "h2", true));
        assert_eq!(q.ja4, "q13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(q.ja3.len(), 32);
        assert!(!one(&[(Dir::Up, &up)]).answered);
    }
}

#[test]
fn a_hello_in_pieces_over_packets_and_datagrams_in_any_order() {
    let hello = client_hello();
    let parts: Vec<Vec<u8>> = hello.chunks(60).enumerate().map(|(i, c)| crypto(i * 60, c)).collect();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    // Every other piece in the first datagram, the others in two coalesced packets of the second; one piece comes twice.
    parts.iter().step_by(2).rev().for_each(|p| a.extend(p));
    parts.iter().skip(1).step_by(2).for_each(|p| b.extend(p));
    let first = initial(1, 0, &[&[2, 0, 0, 0, 0, 1][..], &a, &[0; 30]].concat());
    let second = [initial(1, 1, &b), initial(1, 2, &[crypto(0, &hello[..30]), vec![0; 9]].concat()), vec![0x40; 20]].concat();
    assert_eq!(one(&[(Dir::Up, &first), (Dir::Up, &second), (Dir::Down, &answer())]).sni, "plc.example.jp");
    assert_eq!(one(&[(Dir::Up, &second), (Dir::Up, &first)]).sni, "plc.example.jp");
    // With one datagram alone only that it is QUIC can be told.
    let q = one(&[(Dir::Up, &first), (Dir::Down, &answer())]);
    assert_eq!((q.version, q.sni.as_str(), q.answered), (1, "", true));
}

#[test]
fn a_retry_gives_new_keys_and_later_packets_go_to_the_servers_id() {
    let hello = client_hello();
    let (head, tail) = hello.split_at(100);
    let retry = [&[0xf0, 0, 0, 0, 1, 0, 4][..], b"abcd", &[9; 40]].concat();
    let up = [
        initial(1, 0, &crypto(0, head)),
        initial_to(1, b"abcd", b"abcd", 1, &crypto(0, head)),
        // The id is another one by now, the keys stay.
        initial_to(1, b"abcd", b"server-id", 2, &crypto(100, tail)),
    ];
    let q = one(&[(Dir::Up, &up[0]), (Dir::Down, &retry), (Dir::Up, &up[1]), (Dir::Up, &up[2])]);
    assert_eq!((q.sni.as_str(), q.answered), ("plc.example.jp", true));
}

#[test]
fn a_capture_that_begins_with_the_server_has_its_ends_turned() {
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Quic, Transport::Udp, testing::options());
    drive.feed(Dir::Up, &answer());
    drive.feed(Dir::Down, &initial(1, 0, &[crypto(0, &client_hello()), vec![0; 99]].concat()));
    drive.feed(Dir::Up, &answer());
    assert!(drive.done);
    assert!(matches!(drive.heard.0.as_slice(), [(h, Act::Quic(q))] if h.client.port == Some(80) && q.sni == "plc.example.jp"));
}

#[test]
fn what_lies_or_never_ends_is_given_up_within_bounds() {
    // A message that is no client hello, a hello longer than what is kept, a piece far away, too many pieces, frames that lie.
    let far = [&[6, 0x80, 1, 0, 0][..], &varint(4), b"far."].concat();
    let holes: Vec<u8> = (0..=MAX_PIECES).flat_map(|i| crypto(i * 2, b"x")).collect();
    for frames in [crypto(0, &[2, 0, 0, 9, 1, 2, 3]), crypto(0, &[1, 1, 0, 0, 3, 3]), far, holes] {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Quic, Transport::Udp, testing::options());
        drive.feed(Dir::Up, &initial(1, 0, &[frames, vec![0; 20]].concat()));
        assert!(drive.done);
        assert!(matches!(drive.acts().as_slice(), [Act::Quic(q)] if q.version == 1 && q.sni.is_empty()));
    }
    for frames in [[&[2, 0, 0, 0xff, 0xff][..], &[0xff; 20]].concat(), crypto(0, b"")[..3].to_vec(), vec![6, 0, 0x7f, 0xff, 1]] {
        one(&[(Dir::Up, &initial(1, 0, &[frames, vec![0; 20]].concat()))]);
    }
    // Packets that no key opens.
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Quic, Transport::Udp, testing::options());
    let mut bad = initial(1, 0, &crypto(0, &client_hello()));
    *bad.last_mut().unwrap() ^= 1;
    for _ in 0..100 {
        drive.feed(Dir::Up, &bad);
    }
    assert!(drive.done && drive.acts().is_empty());
    // Cut at each byte.
    let whole = initial(1, 0, &crypto(0, &client_hello()));
    for cut in 0..whole.len() {
        assert!(run(&[(Dir::Up, &whole[..cut])]).is_empty(), "cut at {cut}");
    }
}

#[test]
fn probes() {
    let ask = |up: &[u8]| probe(&ProbeInput { up, down: &[], client_port: 1, server_port: 443, datagram: true });
    let whole = initial(1, 0, &crypto(0, &client_hello()));
    assert_eq!(ask(&padded(whole.clone())), Verdict::Sure(95));
    assert_eq!(ask(&initial(0x6b33_43cf, 0, &[0; 1200])), Verdict::Sure(95));
    assert_eq!(ask(&answer()), Verdict::Sure(60));
    for other in [&whole[..30], &[0x40; 50], b"", &[0xc0, 0, 0, 0, 9, 0, 0, 0, 0], &[0x80, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], b"GET / HTTP"] {
        assert_eq!(ask(other), Verdict::No, "{other:?}");
    }
}

hostile!(
    SPEC,
    vec![
        (true, initial(1, 0, &[crypto(0, &client_hello()), vec![0; 99]].concat()), 1),
        (false, answer(), 1),
        (true, initial(1, 1, &[0; 30]), 1)
    ],
);
