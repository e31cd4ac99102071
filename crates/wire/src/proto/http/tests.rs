use super::super::testing::{self, hostile, script};
use super::*;
use model::activity::Act;
use std::fmt::Write;

fn told(acts: &[Act]) -> String {
    let mut out = String::new();
    for a in acts {
        match a {
            Act::Http(h) => writeln!(out, "{} {}{} {:?} {}>{}", h.method, h.host, h.path, h.status, h.request_bytes, h.response_bytes),
            Act::Login(l) => writeln!(out, "login {} {:?} clear={}", l.user, l.outcome, l.clear_text),
            other => writeln!(out, "{other:?}"),
        }
        .unwrap();
    }
    out
}

const PIPELINED: (&[u8], &[u8]) = (
    b"\r\nGET /a?id=7&t=x HTTP/1.1\r\nHost: h.example\r\nUser-Agent: Mozilla/5.0 \xe5\xb7\xa5\xff\r\n\r\nHEAD /b HTTP/1.1\r\nhost: h.example\r\n\r\nPOST /c HTTP/1.1\r\nHost:h.example\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nDELETE /d HTTP/1.1\r\n\r\nGET /e HTTP/1.0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\n\0\0\0\0\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.0 404 Not Found\r\n\r\nuntil the end",
);

#[test]
fn pipelined_requests_are_paired_with_their_answers() {
    let acts = testing::tcp(&SPEC, &[(Dir::Up, PIPELINED.0), (Dir::Down, PIPELINED.1)]);
    same(
        &told(&acts),
        "GET h.example/a?id=*&t=* Some(200) 0>5
HEAD h.example/b Some(200) 0>0
POST h.example/c Some(201) 13>4
DELETE /d Some(204) 0>0
GET /e Some(404) 0>13
",
    );
    assert!(
        matches!(&acts[0], Act::Http(h) if h.user_agent == "Mozilla/5.0 工\\xff" && h.server == "nginx" && h.content_type == "text/html")
    );
}

fn same(got: &str, want: &str) {
    assert_eq!(got, want);
}

#[test]
fn either_direction_alone_is_read() {
    let up = testing::tcp(&SPEC, &[(Dir::Up, PIPELINED.0)]);
    assert_eq!(up.len(), 5);
    assert!(up.iter().all(|a| matches!(a, Act::Http(h) if h.status.is_none())));
    let down =
        testing::tcp(&SPEC, &[(Dir::Down, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")]);
    assert_eq!(told(&down), "  Some(200) 0>2\n  Some(404) 0>0\n");
}

#[test]
fn a_capture_that_begins_with_an_answer_has_its_ends_turned() {
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Http, Transport::Tcp, testing::options());
    drive.feed(Dir::Up, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    drive.feed(Dir::Down, b"GET / HTTP/1.1\r\n\r\n");
    drive.end();
    assert_eq!(drive.heard.0.len(), 2);
    assert!(drive.heard.0.iter().all(|(h, _)| h.client.port == Some(80)));
}

#[test]
fn basic_logins_are_judged_by_the_status() {
    let ask = b"GET / HTTP/1.1\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\n";
    let acts = testing::tcp(
        &SPEC,
        &[
            (Dir::Up, ask),
            (Dir::Down, b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
            (Dir::Up, ask),
            (Dir::Down, b"HTTP/1.1 200 Yes\r\nContent-Length: 0\r\n\r\n"),
            (Dir::Up, ask),
            (Dir::Down, b"HTTP/1.1 200 Yes\r\nContent-Length: 0\r\n\r\n"),
        ],
    );
    assert_eq!(
        told(&acts),
        "GET / Some(401) 0>0\nlogin admin Failure clear=true\nGET / Some(200) 0>0\nlogin admin Success clear=true\nGET / Some(200) 0>0\n"
    );
    assert!(matches!(&acts[1], Act::Login(l) if l.secret.unwrap().default && l.secret.unwrap().length == 5));
}

#[test]
fn form_logins() {
    let post = b"POST /login.php?lang=ja HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: 31\r\n\r\nusername=bob&password=S3cr3t%21";
    let ask = |answer: &'static [u8]| told(&testing::tcp(&SPEC, &[(Dir::Up, post), (Dir::Down, answer)]));
    assert_eq!(
        ask(b"HTTP/1.1 302 Found\r\nLocation: login.php\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"),
        "POST /login.php?lang=* Some(302) 31>0\nlogin bob Failure clear=true\n"
    );
    assert!(ask(b"HTTP/1.1 302 Found\r\nLocation: /index.php\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n").contains("bob Success"));
    assert!(ask(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").contains("bob Unknown"));
    assert!(ask(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").contains("bob Failure"));
    // An answer that comes before the form was sent in full.
    let acts = testing::tcp(
        &SPEC,
        &[(Dir::Up, &post[..150]), (Dir::Down, b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), (Dir::Up, &post[150..])],
    );
    assert!(told(&acts).starts_with("POST /login.php?lang=* Some(403)"));
    let query =
        testing::tcp(&SPEC, &[(Dir::Up, b"GET /cgi?user=admin&pwd=admin HTTP/1.0\r\n\r\n"), (Dir::Down, b"HTTP/1.0 403 No\r\n\r\n")]);
    assert_eq!(told(&query), "GET /cgi?user=*&pwd=* Some(403) 0>0\nlogin admin Failure clear=true\n");
}

#[test]
fn behind_upgrades_and_tunnels_the_other_protocol_is_read_where_it_is_known() {
    for (up, down, became) in [
        (&b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"[..], &b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello"[..], None),
        (b"CONNECT h:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01", Some(Protocol::Tls)),
        (b"CONNECT h:22 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n", Some(Protocol::Ssh)),
        (b"OPTIONS * HTTP/1.1\r\nUpgrade: TLS/1.2\r\n\r\n", b"HTTP/1.1 101 S\r\n\r\n\x16\x03\x03", Some(Protocol::Tls)),
    ] {
        let mut parser = (SPEC.start)();
        let mut drive = testing::Drive::new(&mut *parser, Protocol::Http, Transport::Tcp, testing::options());
        drive.feed(Dir::Up, up);
        drive.feed(Dir::Down, down);
        assert!(drive.done && drive.heard.0.len() == 1);
        assert_eq!(drive.became, became);
    }
}

#[test]
fn kinds_and_types_of_bodies_of_both_directions() {
    let up = b"POST /a HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 5\r\n\r\nMZ\x90\0\x03PUT /b HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
    let down = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nPK\r\n2\r\n\x03\x04\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>";
    let acts = testing::tcp(&SPEC, &[(Dir::Up, up), (Dir::Down, down)]);
    let said: Vec<_> = acts
        .iter()
        .map(|a| match a {
            Act::Http(h) => [h.request_type.as_str(), &h.request_body, &h.content_type, &h.body],
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said, [["image/png", "executable", "text/plain", "zip"], ["application/json", "json", "text/html", "html"]]);
}

#[test]
fn a_device_describes_itself() {
    let page = "<?xml version=\"1.0\"?>\n<root><device><deviceType>urn:x:Basic:1</deviceType><friendlyName>カメラ</friendlyName><modelName>C1</modelName></device></root>";
    let filler = format!("<!-- {} -->", "x".repeat(500));
    for (extra, head) in [("", "Content-Type: text/xml\r\n"), (filler.as_str(), "")] {
        let page = page.replace("<root>", &format!("<root>{extra}"));
        for end in [format!("Content-Length: {}\r\n\r\n{page}", page.len()), format!("\r\n{page}")] {
            let down = format!("HTTP/1.1 200 OK\r\n{head}{end}");
            let acts = testing::tcp(&SPEC, &[(Dir::Up, b"GET /d.xml HTTP/1.1\r\n\r\n"), (Dir::Down, down.as_bytes())]);
            assert!(matches!(acts.as_slice(), [Act::Http(_), Act::Upnp(u)] if u.model == "C1" && u.name == "カメラ"), "{acts:?}");
        }
    }
    let other = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 7\r\n\r\n<rss/>\n";
    assert_eq!(testing::tcp(&SPEC, &[(Dir::Up, b"GET / HTTP/1.1\r\n\r\n"), (Dir::Down, other)]).len(), 1);
}

#[test]
fn absurd_lines_are_bounded() {
    let long =
        [b"GET /".as_slice(), &vec![b'a'; 20_000], b" HTTP/1.1\r\nX: ", &vec![b'b'; 20_000], b"\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"]
            .concat();
    // Not byte by byte: each would look through the unfinished line again.
    let cut = |cut| testing::run_on(&mut *(SPEC.start)(), &SPEC, &[(Dir::Up, &long)], cut, testing::options());
    let acts = cut(testing::Cut::Whole);
    assert_eq!(acts, cut(testing::Cut::Random(7)));
    assert!(matches!(&acts[0], Act::Http(h) if h.path.len() == target::MAX_TARGET));
    assert!(matches!(acts.last(), Some(Act::Http(h)) if h.path == "/2"));
    let many: Vec<u8> = b"GET / HTTP/1.1\r\n\r\n".repeat(100);
    assert_eq!(testing::tcp(&SPEC, &[(Dir::Up, &many)]).len(), 100);
}

#[test]
fn known_holes_are_counted_and_unknown_ones_resynchronised() {
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Http, Transport::Tcp, testing::options());
    drive.feed(Dir::Up, b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    drive.feed(Dir::Down, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
    drive.gap(Dir::Down, 80);
    drive.feed(Dir::Down, b"0123456789HTTP/1.1 200 OK\r\nConte");
    drive.gap(Dir::Down, 0);
    drive.feed(Dir::Up, b"GET /cut");
    drive.gap(Dir::Up, 0);
    drive.feed(Dir::Down, b"junk");
    drive.feed(Dir::Down, b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    drive.end();
    assert_eq!(told(&drive.acts()), "GET /1 Some(200) 0>20\nGET /2 Some(200) 0>0\nGET /cut Some(500) 0>0\n");
}

#[test]
fn discovery_in_datagrams() {
    let acts = testing::udp(&SPEC, Dir::Up, b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n");
    assert_eq!(told(&acts), "M-SEARCH 239.255.255.250:1900* None 0>0\n");
}

#[test]
fn nothing_secret_is_ever_told() {
    let up = b"POST http://u1:SECRET1@h/x;jsessionid=SECRET2?token=SECRET3&SECRET4#SECRET5 HTTP/1.1\r\nHost: u:SECRET6@h\r\nCookie: sid=SECRET7\r\nAuthorization: SECRET8\r\nProxy-Authorization: Bearer SECRET9\r\nX-Api-Key: SECRET10\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 24\r\n\r\nuser=eve&passwd=SECRET11GET /y HTTP/1.1\r\nAuthorization: Digest username=\"op\", response=\"SECRET12\", nonce=\"SECRET12\"\r\n\r\nGET /z?a=SECRET14 HTTP/1.1\r\nAuthorization: Basic b3A6U0VDUkVUMTM=\r\n\r\nGET /cut?q=SECRET15";
    let down = b"HTTP/1.1 302 F\r\nSet-Cookie: s=SECRET16\r\nLocation: /?t=SECRET17\r\nContent-Length: 0\r\n\r\n";
    let acts = testing::tcp(&SPEC, &[(Dir::Up, up), (Dir::Down, down)]);
    let all = format!("{acts:?}");
    assert!(!all.contains("SECRET"), "{all}");
    assert!(!all.contains("U0VDUkVUMTM"), "{all}");
    assert_eq!(acts.iter().filter(|a| matches!(a, Act::Login(_))).count(), 3, "{all}");
    // Cut by a hole in the middle of the request line.
    let mut parser = (SPEC.start)();
    let mut drive = testing::Drive::new(&mut *parser, Protocol::Http, Transport::Tcp, testing::options());
    drive.feed(Dir::Up, b"GET /cut?q=SECRET15");
    drive.gap(Dir::Up, 10);
    drive.end();
    assert_eq!(told(&drive.acts()), "GET /cut?q=* None 0>0\n");
}

#[test]
fn probes() {
    let ask = |up: &[u8], down: &[u8]| (SPEC.probe)(&ProbeInput { up, down, client_port: 1, server_port: 9, datagram: false });
    assert_eq!(ask(b"GET / HTTP/1.1\r\n", b""), Verdict::Sure(95));
    assert_eq!(ask(b"GE", b""), Verdict::Unsure);
    assert_eq!(ask(b"", b"HTTP/1.1 200 OK\r\n"), Verdict::Sure(95));
    assert_eq!(ask(b"BREW /pot HTTP/1.1\r\n", b""), Verdict::Sure(95));
    for other in [
        &b"OPTIONS rtsp://h RTSP/1.0\r\n"[..],
        b"OPTIONS sip:h SIP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"SSH-2.0-x\r\n",
        b"\x16\x03\x01\0",
        b"USER x\r\n",
    ] {
        assert_eq!(ask(other, b""), Verdict::No, "{other:?}");
    }
}

hostile!(SPEC, script(&[(Dir::Up, PIPELINED.0), (Dir::Down, PIPELINED.1)]));
