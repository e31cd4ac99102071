//! Writes the seeds of every target into `fuzz/seeds/NAME/`: small inputs made here, none of them captured.

use std::path::Path;

/// A piece as `hinomi_fuzz` reads it.
fn piece(control: u8, bytes: &[u8]) -> Vec<u8> {
    [&[control][..], &(bytes.len() as u16).to_be_bytes(), bytes].concat()
}
fn up(bytes: &[u8]) -> Vec<u8> {
    piece(0, bytes)
}
fn down(bytes: &[u8]) -> Vec<u8> {
    piece(1, bytes)
}
fn v8(v: &[u8]) -> Vec<u8> {
    [&[v.len() as u8], v].concat()
}
fn v16(v: &[u8]) -> Vec<u8> {
    [&(v.len() as u16).to_be_bytes()[..], v].concat()
}
fn v24(v: &[u8]) -> Vec<u8> {
    [&(v.len() as u32).to_be_bytes()[1..], v].concat()
}
fn der(tag: u8, v: &[u8]) -> Vec<u8> {
    let length = if v.len() < 128 { vec![v.len() as u8] } else { vec![0x82, (v.len() >> 8) as u8, v.len() as u8] };
    [&[tag][..], &length, v].concat()
}

fn certificate() -> Vec<u8> {
    let name = der(0x30, &der(0x31, &der(0x30, &[der(6, &[0x55, 4, 3]), der(12, "カメラ".as_bytes())].concat())));
    let key = der(0x30, &[der(2, &[0, 0x80, 1, 1]), der(2, &[1, 0, 1])].concat());
    let rsa = der(0x30, &[der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), vec![5, 0]].concat());
    let san = der(0x30, &[der(0x82, b"cam.example"), der(0x87, &[192, 0, 2, 1])].concat());
    let extension = der(0x30, &[der(6, &[0x55, 0x1d, 17]), der(4, &san)].concat());
    let algorithm = der(0x30, &der(6, &[0x2a, 3]));
    let tbs = [
        der(0xa0, &der(2, &[2])),
        der(2, &[1]),
        algorithm.clone(),
        name.clone(),
        der(0x30, &[der(0x17, b"200101000000Z"), der(0x18, b"20500101000000Z")].concat()),
        name,
        der(0x30, &[rsa, der(3, &[&[0][..], &key].concat())].concat()),
        der(0xa3, &der(0x30, &extension)),
    ]
    .concat();
    der(0x30, &[der(0x30, &tbs), algorithm, der(3, &[0, 1])].concat())
}

fn tls() -> Vec<u8> {
    let ext = |kind: u16, v: &[u8]| [&kind.to_be_bytes()[..], &v16(v)].concat();
    let message = |kind: u8, v: &[u8]| [&[kind][..], &v24(v)].concat();
    let record = |kind: u8, v: &[u8]| [&[kind, 3, 1][..], &v16(v)].concat();
    let sni = ext(0, &v16(&[&[0][..], &v16(b"a.example")].concat()));
    let exts = [sni, ext(16, &v16(&v8(b"h2"))), ext(43, &v8(&[0x0a, 0x0a, 3, 4])), ext(13, &v16(&[4, 3]))].concat();
    let client = message(1, &[vec![3, 3], vec![0; 32], v8(&[]), v16(&[0x13, 1, 0xc0, 0x2f]), v8(&[0]), v16(&exts)].concat());
    let server = message(2, &[vec![3, 3], vec![0; 32], v8(&[]), vec![0xc0, 0x2f, 0], v16(&ext(16, &v16(&v8(b"h2"))))].concat());
    let certs = message(11, &v24(&v24(&certificate())));
    let flight = [server, certs, message(14, &[])].concat();
    [up(&record(22, &client)), down(&record(22, &flight)), up(&record(20, &[1]))].concat()
}

fn dns() -> Vec<u8> {
    b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\x01\x03www\x02jp\0\0\x01\0\x01\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01a\xc0\x10\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x03\x02hi\0\0\x29\x10\0\0\0\0\0\0\0".to_vec()
}

/// An Ethernet frame with IPv4 and UDP or TCP.
fn frame(protocol: u8, transport: &[u8]) -> Vec<u8> {
    let length = (20 + transport.len()) as u16;
    let ip = [&[0x45, 0][..], &length.to_be_bytes(), &[0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]].concat();
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], &ip, transport].concat()
}
fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len() as u16;
    frame(17, &[&from.to_be_bytes()[..], &to.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat())
}
fn tcp(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(6, &[&[0x9c, 0x40, 0, 80][..], &seq.to_be_bytes(), &[0; 4], &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0], payload].concat())
}

fn pcap() -> Vec<u8> {
    let f = udp(4000, 53, &dns());
    let n = (f.len() as u32).to_le_bytes();
    [&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0][..], &[1, 0, 0, 0, 2, 0, 0, 0], &n, &n, &f]
        .concat()
}
fn pcapng() -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let padded = [body, &vec![0; (4 - body.len() % 4) % 4]].concat();
        let n = (padded.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &n, &padded, &n].concat()
    };
    let f = udp(4000, 53, &dns());
    let n = (f.len() as u32).to_le_bytes();
    [
        block(0x0a0d_0d0a, &[&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0][..], &[0xff; 8]].concat()),
        block(1, &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]),
        block(4, &[1, 0, 8, 0, 192, 0, 2, 1, b'p', b'l', b'c', 0, 0, 0, 0, 0]),
        block(6, &[&[0; 12][..], &n, &n, &f].concat()),
    ]
    .concat()
}

/// Conversations of office networks.
fn office() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mqtt = [
        up(b"\x10\x1a\0\x04MQTT\x04\xc2\0\x3c\0\x02c1\0\x04user\0\x04pass"),
        down(b"\x20\x02\0\0"),
        up(b"\x82\x08\0\x01\0\x03a/#\x01\x30\x06\0\x03a/bx"),
        down(b"\x90\x03\0\x01\x01"),
    ];
    let mqtt5 = [
        up(b"\x10\x16\0\x04MQTT\x05\x82\0\x3c\x05\x11\0\0\0\x09\0\x01c\0\x01u\x30\x0a\0\x01t\x03\x23\0\x01abc"),
        down(b"\x20\x03\0\x86\0"),
    ];
    let init = b"\x04\0\x03\0\x20\x18\0\x01\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\x02ab";
    let vnc = [
        down(b"RFB 003.008\n"),
        up(b"RFB 003.008\n"),
        down(&[1, 2]),
        up(&[2]),
        down(&[1; 16]),
        up(&[2; 16]),
        down(&[0; 4]),
        up(&[1]),
        down(init),
    ];
    let old = [down(b"RFB 003.003\n"), up(b"RFB 003.003\n"), down(&[0, 0, 0, 1]), up(&[1]), down(init)];
    let core = [&[1u8, 0xc0, 60, 0, 4, 0, 8, 0][..], &[0; 12], &[0x61, 0x4a, 0, 0, b'P', 0, b'C', 0], &[0; 32]].concat();
    let mcs = [&[0x7f, 0x65, 2][..], b"Duca\x3c", &core].concat();
    let tpkt = |x224: &[u8]| [&[3, 0][..], &(x224.len() as u16 + 4).to_be_bytes(), x224].concat();
    let rdp = [
        up(&tpkt(b"\x26\xe0\0\0\0\0\0Cookie: mstshash=a\r\n\x01\0\x08\0\x03\0\0\0")),
        down(&tpkt(b"\x0e\xd0\0\0\0\0\0\x02\0\x08\0\0\0\0\0")),
        up(&tpkt(&[&[2, 0xf0, 0x80][..], &mcs].concat())),
        down(&tpkt(&[2, 0xf0, 0x80, 0x7f, 0x66, 0])),
    ];
    let bind = der(0x30, &[der(2, &[1]), der(0x60, &[der(2, &[3]), der(4, b"cn=a"), der(0x80, b"b")].concat())].concat());
    let bound = der(0x30, &[der(2, &[1]), der(0x61, &[der(0x0a, &[49]), der(4, b""), der(4, b"")].concat())].concat());
    let entry = der(0x30, &der(0x30, &[der(4, b"javaFactory"), der(0x31, &der(4, b"v"))].concat()));
    let entry = der(0x30, &[der(2, &[2]), der(0x64, &[der(4, b"cn=b"), entry].concat())].concat());
    let ldap =
        [up(&bind), down(&bound), down(&entry), up(&der(0x30, &[der(2, &[3]), der(0x77, &der(0x80, b"1.3.6.1.4.1.1466.20037"))].concat()))];
    let one = |tag: u8, n: u8| der(tag, &der(2, &[n]));
    let name = |s: &[u8]| der(0x30, &[one(0xa0, 1), der(0xa1, &der(0x30, &der(0x1b, s)))].concat());
    let proof = der(0xa3, &der(0x30, &der(0x30, &[one(0xa1, 2), der(0xa2, &der(4, b"x"))].concat())));
    let body = [der(0xa1, &name(b"a")), der(0xa2, &der(0x1b, b"R")), der(0xa3, &name(b"krbtgt")), der(0xa8, &der(0x30, &der(2, &[23])))];
    let ask = der(0x6a, &der(0x30, &[one(0xa1, 5), one(0xa2, 10), proof, der(0xa4, &der(0x30, &body.concat()))].concat()));
    let refused = der(0x7e, &der(0x30, &[one(0xa0, 5), one(0xa1, 30), one(0xa6, 24), der(0xa9, &der(0x1b, b"R"))].concat()));
    let framed = |m: &[u8]| [&(m.len() as u32).to_be_bytes()[..], m].concat();
    let kerberos = [up(&framed(&ask)), down(&framed(&refused))];
    let ntlm = [b"NTLMSSP\0\x03\0\0\0".to_vec(), [1u8, 0, 1, 0, 64, 0, 0, 0].repeat(6), vec![1, 0, 0, 0, 0x41]].concat();
    let header = |command: u8, flags: u8, id: u8| {
        [&b"\xfeSMB\x40\0\0\0\0\0\0\0"[..], &[command, 0, 0, 0, flags, 0, 0, 0, 0, 0, 0, 0, id], &[0; 39]].concat()
    };
    let setup = [header(1, 0, 1), vec![25, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 88, 0, ntlm.len() as u8, 0], vec![0; 8], ntlm.clone()].concat();
    let create = [header(5, 0, 2), vec![57], vec![0; 43], vec![120, 0, 2, 0], vec![0; 8], vec![b'f', 0]].concat();
    let opened = [header(5, 1, 2), vec![89], vec![0; 87]].concat();
    let smb = [
        up(&framed(&setup)),
        down(&framed(&[header(1, 1, 1), vec![9, 0, 0, 0, 0, 0, 0, 0]].concat())),
        up(&framed(&create)),
        down(&framed(&opened)),
    ];
    let negotiate = [&b"\xffSMB\x72\0\0\0\0\x18\x01\xc8"[..], &[0; 20], b"\0\x0c\0\x02NT LM 0.12\0"].concat();
    let session = [&b"\xffSMB\x73\0\0\0\0\x18\x01\x40"[..], &[0; 20], b"\x0d\xff\0\0\0", &[0; 22], b"\x08\0a\0b\0c\0d\0"].concat();
    vec![
        ("mqtt", vec![mqtt.concat(), mqtt5.concat()]),
        ("vnc", vec![vnc.concat(), old.concat()]),
        ("rdp", vec![rdp.concat()]),
        ("ldap", vec![ldap.concat()]),
        ("kerberos", vec![kerberos.concat(), [up(&ask), down(&refused)].concat()]),
        ("smb", vec![smb.concat(), [up(&framed(&negotiate)), up(&framed(&session))].concat()]),
        ("ntlm", vec![ntlm, [b"\x60\x10".to_vec(), refused].concat()]),
    ]
}

/// Records, notes and what is inside packs.
fn proofs() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    use model::event::{Happened, LogRecord};
    use model::{Body, NewEvent, SourceId, Time};
    let line = |text: &str| {
        let log = LogRecord { host: "plc-1".into(), text: text.into(), level: Some(3), ..LogRecord::default() };
        let happened = Some(Happened { at: Time(1), text: Some("Jan  1 00:00:00".into()), assumed: None });
        let event = NewEvent { source: SourceId(1), received: Time(2), happened, body: Body::Log(Box::new(log)) };
        let mut groups = proof::canon::Groups::default();
        proof::canon::write(&event, &mut groups).expect("a record");
        let lengths: Vec<u8> = groups.all()[..3].iter().flat_map(|g| (g.len() as u16).to_be_bytes()).collect();
        [&lengths[..], &groups.all().concat()].concat()
    };
    let key = proof::note::SigningKey::from_seed("hinomi.local/x", [7; 32]).expect("a key");
    let text = "hinomi.local/x\n2\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n";
    let note = key.note(text).expect("a note").to_string();
    let asked = format!("old 0\n\n{note}");
    let commit = proof::entry::Entry::Commit { epoch: 1, batch: 0, at: 3, first_seq: 1, last_seq: 2, tables: Vec::new() };
    let json = br#"{"format":1,"origin":"hinomi.local/00000000-0000-0000-0000-000000000007","size":2,"entries":[{"index":0,"entry":"oA==","path":["CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="]}],"tables":[{"index":0,"table":6,"count":1,"records":[{"seq":1,"position":0,"path":[],"core":{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","cbor":"oA=="},"addresses":{"hash":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="},"names":{"hash":""},"text":{"hash":""}}]}]}"#;
    vec![
        ("canon", vec![line("起動しました"), line("")]),
        ("notes", vec![note.clone().into_bytes(), asked.into_bytes(), commit.to_bytes(), text.as_bytes().to_vec()]),
        ("pack", vec![[&json[..], b"\0[]"].concat()]),
    ]
}

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dhcp =
        [vec![1, 1, 6, 0], vec![0; 232], vec![0x63, 0x82, 0x53, 0x63], b"\x35\x01\x01\x34\x01\x03\x0c\x03plc\x37\x02\x01\x03\xff".to_vec()]
            .concat();
    let modbus = b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x01";
    let ssh_packet = |kind: u8| [&[0, 0, 0, 12, 4, kind][..], &[0; 10]].concat();
    let ssh = [
        up(b"SSH-2.0-a\r\n"),
        down(b"hi\r\nSSH-2.0-b\r\n"),
        up(&ssh_packet(21)),
        down(&ssh_packet(21)),
        up(&[1; 44]),
        down(&[1; 44]),
        up(&[1; 60]),
        down(&[1; 52]),
        up(&[1; 140]),
        down(&[1; 28]),
        up(&[1; 60]),
    ]
    .concat();
    let lldp = b"\x02\x07\x04\x02\0\0\0\0\x01\x04\x03\x05p1\x06\x02\0\x78\x0a\x03sw1\x0e\x04\0\x04\0\x04\x10\x0c\x05\x01\xc0\0\x02\x01\x02\0\0\0\x01\0\0\0";
    let letters =
        |name: &[u8; 16]| [&[32][..], &name.iter().flat_map(|b| [b'A' + (b >> 4), b'A' + (b & 15)]).collect::<Vec<_>>(), &[0]].concat();
    let nbns = [
        b"\0\x07\x29\x10\0\x01\0\0\0\0\0\x01".to_vec(),
        letters(b"PLANT-PC        "),
        b"\0\x20\0\x01\xc0\x0c\0\x20\0\x01\0\0\0\x09\0\x06\0\0\xc0\0\x02\x01".to_vec(),
    ]
    .concat();
    let nbdgm = [
        b"\x11\x02\0\x01\xc0\0\x02\x01\0\x8a\0\0\0\0".to_vec(),
        letters(b"HMI-2           "),
        letters(b"GROUP           "),
        b"\xffSMB\x25".to_vec(),
    ]
    .concat();
    let option = |code: u8, v: &[u8]| [&[0, code][..], &v16(v)].concat();
    let dhcp6 = [
        vec![1, 1, 2, 3],
        option(1, &[0, 3, 0, 1, 2, 0, 0, 0, 0, 1]),
        option(6, &[0, 23]),
        option(16, b"\0\0\x01\x37\0\x02hi"),
        option(39, b"\0\x03hmi"),
    ]
    .concat();
    let ntp = |first: u8| [&[first, 1, 6, 0xec][..], &[0; 8], b"GPS\0", &[0; 24], &[0xe9, 0, 0, 0, 0x80, 0, 0, 0]].concat();
    let binding = der(0x30, &[der(6, &[0x2b, 6, 1, 2, 1, 1, 1, 0]), der(4, b"Switch")].concat());
    let pdu = der(0xa2, &[der(2, &[1]), der(2, &[0]), der(2, &[0]), der(0x30, &binding)].concat());
    let snmp = der(0x30, &[der(2, &[1]), der(4, b"public"), pdu.clone()].concat());
    let header = der(0x30, &[der(2, &[1]), der(2, &[5, 0]), der(4, &[1]), der(2, &[3])].concat());
    let user = der(4, &der(0x30, &[der(4, &[1, 2]), der(2, &[0]), der(2, &[0]), der(4, b"u"), der(4, &[]), der(4, &[])].concat()));
    let snmp3 = der(0x30, &[der(2, &[3]), header, user, der(0x30, &[der(4, &[]), der(4, &[]), pdu].concat())].concat());
    let read = |path: &str| std::fs::read(root.join("..").join(path)).unwrap_or_default();
    let mut rules: Vec<Vec<u8>> = Vec::new();
    for entry in std::fs::read_dir(root.join("../catalogue/rules")).into_iter().flatten().flatten() {
        rules.push(std::fs::read(entry.path())?);
    }
    rules.sort();
    let engine = [vec![0], up(&tcp(1, 2, &[])), up(&tcp(2, 0x18, b"GET /a HTTP/1.1\r\n\r\n")), up(&udp(4000, 53, &dns()))].concat();
    let seeds: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("dns", vec![up(&dns()), up(&v16(&dns()))]),
        ("dhcp", vec![up(&dhcp)]),
        ("tls", vec![tls()]),
        ("x509", vec![certificate()]),
        ("http", vec![
            [up(b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n\r\nuser=a&password=b"), down(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")].concat(),
            [up(b"GET / HTTP/1.1\r\nAuthorization: Basic YTpi\r\n\r\nHEAD / HTTP/1.0\r\n\r\n"), down(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nContent-Length: 1\r\n\r\nxHTTP/1.0 302 F\r\nLocation: /b\r\n\r\n")].concat(),
        ]),
        ("ssh", vec![ssh]),
        ("telnet", vec![[down(b"\xff\xfd\x18login: "), up(b"root\r\n"), down(b"root\r\nPassword: "), up(b"abc\r\n"), down(b"\r\nLogin incorrect\r\nlogin: ")].concat()]),
        ("ftp", vec![[down(b"220-a\r\n220 b\r\n"), up(b"USER a\r\nPASS b\r\n"), down(b"331 x\r\n530 y\r\n"), up(b"AUTH TLS\r\n"), down(b"234 z\r\n")].concat()]),
        ("smtp", vec![
            [down(b"220 m ESMTP\r\n"), up(b"EHLO a\r\nAUTH LOGIN\r\n"), down(b"250-a\r\n250 b\r\n334 VXNlcg==\r\n"), up(b"YQ==\r\n"), down(b"334 UGFz\r\n"), up(b"Yg==\r\n"), down(b"235 c\r\n"), up(b"MAIL FROM:<a@b>\r\nRCPT TO:<@r:c@d>\r\nDATA\r\n"), down(b"250 d\r\n250 e\r\n354 f\r\n"), up(b"a\r\n..\r\n.\r\nBDAT 3 LAST\r\nabcSTARTTLS\r\n"), down(b"250 g\r\n250 h\r\n220 i\r\n")].concat(),
        ]),
        ("imap", vec![
            [down(b"* OK IMAP\r\n"), up(b"a LOGIN \"b\\\"\" {3+}\r\nabc\r\n"), down(b"a OK x\r\n* 1 FETCH (BODY[] {4}\r\nabcd)\r\n"), up(b"b AUTHENTICATE PLAIN\r\n"), down(b"+ \r\n"), up(b"AGEAYg==\r\n"), down(b"b NO x\r\n"), up(b"c STARTTLS\r\n"), down(b"c OK x\r\n")].concat(),
        ]),
        ("pop3", vec![
            [down(b"+OK pop\r\n"), up(b"CAPA\r\nUSER a\r\nPASS b\r\nRETR 1\r\n"), down(b"+OK\r\nUSER\r\n.\r\n+OK\r\n+OK\r\n+OK\r\na\r\n.\r\n"), up(b"AUTH PLAIN\r\n"), down(b"+ \r\n"), up(b"AGEAYg==\r\nSTLS\r\n"), down(b"+OK\r\n+OK\r\n")].concat(),
        ]),
        ("rtsp", vec![
            [up(b"DESCRIBE rtsp://u:p@h/user=a&password=b?c=d RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic YTpi\r\n\r\n"), down(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nab$\0\0\x02cdOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n"), up(b"$\x01\0\x01aRTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n")].concat(),
        ]),
        ("sip", vec![
            [up(b"REGISTER sip:h SIP/2.0\r\nf: <sip:a:b@c;d?e>;tag=f\r\nTo: a@b\r\nCSeq: 1 REGISTER\r\nAuthorization: Digest username=\"a\"\r\nl: 1\r\n\r\nx"), down(b"SIP/2.0 401 No\r\nCSeq: 1 REGISTER\r\nWWW-Authenticate: Digest stale=true\r\n\r\n")].concat(),
        ]),
        ("quic", vec![
// Lengths, then frames: half a hello, an acknowledgement, the other half.
            [&[11u8, 6, 0, 8, 1, 0, 0, 12, 3, 3, 0, 0][..], &[7, 2, 1, 0, 1, 0, 0, 0], &[11, 6, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8]].concat(),
            up(&[&[0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x40, 40][..], &[7; 40]].concat()),
        ]),
        ("modbus", vec![[up(modbus), down(b"\0\x01\0\0\0\x05\x01\x03\x02\0\x01\0\x02\0\0\0\x03\x01\x83\x02")].concat()]),
        ("lldp", vec![lldp.to_vec()]),
        ("cdp", vec![b"\x02\xb4\0\0\0\x01\0\x06s1\0\x02\0\x11\0\0\0\x01\x01\x01\xcc\0\x04\xc0\0\x02\x01\0\x03\0\x07Fa0\0\x04\0\x08\0\0\0\x28\0\x06\0\x08c350\0\x0a\0\x06\0\x14".to_vec()]),
        ("stp", vec![[&[1, 0, 0, 2, 2, 0x3d, 0x80, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 0, 2, 0, 0, 0, 0, 2, 0x80, 5][..], &[0; 9], &[0, 0, 0, 2, 0, 7]].concat(), vec![0, 0, 0, 0, 0x80]]),
        ("membership", vec![vec![0x22, 0, 0, 0, 0, 0, 0, 1, 4, 1, 0, 1, 239, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0], [&[143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0xff, 2][..], &[0; 13], &[0xfb]].concat()]),
        ("router", vec![[&[134, 0, 0, 0, 64, 0x88, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1, 5, 1, 0, 0, 0, 0, 5, 0xdc, 3, 4, 64, 0xc0][..], &[1; 28], &[25, 3, 0, 0, 0, 0, 0, 9], &[2; 16], &[31, 2, 0, 0, 0, 0, 0, 9], b"\x03lab\0\0\0\0"].concat()]),
        ("wlan", vec![[&[8][..], &[0; 10], &[0x11, 4], b"\0\x04shop\x03\x01\x06\x30\x14\x01\0\0\x0f\xac\x04\x01\0\0\x0f\xac\x04\x01\0\0\x0f\xac\x02\0\0"].concat(), [&[0x20, 2, 3, 0, 95, 2, 0, 0x8a][..], &[0; 92]].concat(), vec![12, 7, 0]]),
        ("nbns", vec![up(&nbns), up(&nbdgm)]),
        ("dhcp6", vec![up(&dhcp6), up(&[&[12u8; 34][..], &[0, 9], &v16(&dhcp6)].concat())]),
        ("ssdp", vec![[up(b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n"), down(b"HTTP/1.1 200 OK\r\nST: a\r\nUSN: b\r\nLocation: http://h/d?k=v\r\nCache-Control: max-age=9\r\n\r\n"), up(b"NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\n\r\n")].concat()]),
        ("wsd", vec![up(b"<e:Envelope xmlns:d='http://schemas.xmlsoap.org/ws/2005/04/discovery'><e:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:1</a:Address></a:EndpointReference><d:Types>p:q</d:Types><d:Scopes>onvif://x</d:Scopes><d:XAddrs>http://h/?a=b</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>")]),
        ("upnp", vec![b"<?xml version='1.0'?><root><device><deviceType>t</deviceType><friendlyName>a &amp; &#x41;</friendlyName><UDN><![CDATA[u]]></UDN></device></root>".to_vec()]),
        ("ntp", vec![[up(&ntp(0x23)), down(&ntp(0x24))].concat(), up(&[0x17, 0, 3, 42, 0, 0, 0, 0])]),
        ("snmp", vec![up(&snmp), up(&snmp3)]),
        ("coap", vec![[up(b"\x42\x01\x12\x34\xaa\xbb\x33plc\x84line\x04temp"), down(b"\x62\x45\x12\x34\xaa\xbb\xc1\x32\xff{}")].concat()]),
        ("frame", vec![[vec![0], udp(4000, 53, &dns())].concat(), [vec![0], tcp(1, 2, &[])].concat()]),
        ("engine", vec![engine]),
        ("capture", vec![pcap(), pcapng()]),
        ("rules", rules),
        ("phrases", vec![b"a = x { $n }\n\0a = y { $n }\n".to_vec()]),
        ("config", vec![b"[console]\nlisten = \"127.0.0.1:1\"\n[capture]\ninterfaces = [\"eth0\"]\n".to_vec(), read("docs/hinomi.toml")]),
    ];
    for (target, inputs) in seeds.into_iter().chain(office()).chain(proofs()) {
        let folder = root.join("seeds").join(target);
        std::fs::create_dir_all(&folder)?;
        for (i, input) in inputs.iter().filter(|i| !i.is_empty()).enumerate() {
            std::fs::write(folder.join(i.to_string()), input)?;
        }
    }
    Ok(())
}
