//! Whole conversations of ordinary programs.

use super::apps;
use super::hosts::{Host, ROUTER, outside};
use super::net::{ALL, Conn, MS, Net, SEC, Side};
use std::net::Ipv4Addr;

/// Names outside with their addresses (documentation ranges).
pub const SITES: &[(&str, [u8; 4])] = &[
    ("mail.example.jp", [198, 51, 100, 25]),
    ("update.example.com", [203, 0, 113, 40]),
    ("portal.shinonome.example", [198, 51, 100, 80]),
    ("cad-licence.example.net", [203, 0, 113, 77]),
    ("bank.example.jp", [198, 51, 100, 111]),
    ("news.example.org", [203, 0, 113, 9]),
];

/// A port from the range that clients use.
pub fn client_port(net: &mut Net) -> u16 {
    49_152 + net.rng.below(16_000) as u16
}

/// A name is looked up at the router.
pub fn lookup(net: &mut Net, at: i64, who: &Host, name: &str, ip: Ipv4Addr) {
    let (port, id) = (client_port(net), net.rng.bits() as u16);
    net.udp(at, who.at(port), ROUTER.at(53), &apps::dns_query(id, name));
    net.udp(at + 6 * MS, ROUTER.at(53), who.at(port), &apps::dns_answer(id, name, ip));
}

/// A visit to a site outside by TLS. An old server shows its certificate.
pub fn https(net: &mut Net, at: i64, who: &Host, site: usize) -> i64 {
    let (name, ip) = SITES[site % SITES.len()];
    lookup(net, at, who, name, ip.into());
    let port = client_port(net);
    let mut c = net.connect(at + 20 * MS, who.at(port), outside(ip.into(), 443));
    tls(net, &mut c, name, site % SITES.len() == 4);
    c.close(net)
}

/// TLS inside a conversation: hellos and some data.
pub fn tls(net: &mut Net, c: &mut Conn, name: &str, old: bool) {
    let hello = apps::client_hello(&mut net.rng, name);
    let certificate = old.then(|| apps::certificate(&mut net.rng, name, "Example KK", "250401000000Z", "280401000000Z"));
    let answer = apps::server_hello(&mut net.rng, certificate.as_deref());
    let (ask, reply) = (apps::tls_data(&mut net.rng, 310), apps::tls_data(&mut net.rng, 700));
    c.say(net, &hello).hear(net, &answer).say(net, &ask).hear(net, &reply);
}

/// An encrypted visit to a server inside that shows a certificate with these dates, by a version (0x0303: TLS 1.2).
pub fn inside_tls(net: &mut Net, at: i64, who: Side, server: Side, version: u16, name: &str, dates: (&str, &str)) -> i64 {
    let mut c = net.connect(at, who, server);
    let hello = apps::client_hello(&mut net.rng, name);
    let der = apps::certificate(&mut net.rng, name, "Shinonome Seiki", dates.0, dates.1);
    let answer = match version {
        0x0303 => apps::server_hello(&mut net.rng, Some(&der)),
        old => apps::old_server_hello(&mut net.rng, old, &der),
    };
    let (ask, reply) = (apps::tls_data(&mut net.rng, 310), apps::tls_data(&mut net.rng, 700));
    c.say(net, &hello).hear(net, &answer).say(net, &ask).hear(net, &reply);
    c.close(net)
}

/// A page without encryption and without a login.
pub fn http(net: &mut Net, at: i64, who: Side, server: Side, host: &str, path: &str, agent: &str) -> i64 {
    let mut c = net.connect(at, who, server);
    let ask = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    let answer = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nOK\n";
    c.say(net, ask.as_bytes()).hear(net, answer.as_bytes());
    c.close(net)
}

/// What a kind of device says of itself in DHCP.
fn client(who: &Host) -> apps::DhcpClient<'_> {
    let (class, wants): (&str, &[u8]) = match (who.kind, who.name) {
        ("phone", "iPhone") => ("", &[1, 121, 3, 6, 15, 108, 114, 119, 252]),
        ("phone", _) => ("android-dhcp-14", &[1, 3, 6, 15, 26, 28, 51, 58, 59, 43]),
        _ => ("MSFT 5.0", &[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252]),
    };
    apps::DhcpClient { mac: who.mac, host: who.name, class, wants }
}

/// A lease: discover, offer, request, acknowledge; then the address is probed and announced (RFC 5227).
pub fn lease(net: &mut Net, at: i64, who: &Host) -> i64 {
    lease_by(net, at, who, ROUTER.at(67), ROUTER.ip(), ROUTER.ip());
    net.ask(at + 200 * MS, (who.mac, Ipv4Addr::UNSPECIFIED), who.ip(), None);
    net.ask(at + SEC, who.both(), who.ip(), None);
    net.ask(at + SEC + 100 * MS, who.both(), ROUTER.ip(), Some(ROUTER.mac));
    at + 2 * SEC
}

/// The four messages of a lease from a server that sends from an end, calls itself by an address and names a way out.
pub fn lease_by(net: &mut Net, at: i64, who: &Host, from: Side, server: Ipv4Addr, way: Ipv4Addr) {
    let xid = net.rng.bits() as u32;
    let c = client(who);
    let nobody = Side { mac: who.mac, ip: Ipv4Addr::UNSPECIFIED, port: 68, ttl: 64 };
    let everybody = Ipv4Addr::BROADCAST;
    for (kind, delay) in [(1, 0), (2, 30), (3, 60), (5, 75)] {
        let m = apps::dhcp_by(kind, xid, &c, who.ip(), server, way);
        if kind % 2 == 1 && kind != 5 {
            net.shout(at + delay * MS, nobody, ALL, everybody, 67, &m);
        } else {
            net.shout(at + delay * MS, from, ALL, everybody, 68, &m);
        }
    }
}

/// An SSH conversation with so many refused passwords and, at the end, a success or not.
pub fn ssh(net: &mut Net, at: i64, who: Side, server: Side, failures: usize, success: bool) -> i64 {
    let mut c = net.connect(at, who, server);
    c.say(net, b"SSH-2.0-OpenSSH_9.6\r\n").hear(net, b"SSH-2.0-OpenSSH_8.4p1 Debian-5+deb11u3\r\n");
    let (a, b) = (apps::ssh_kexinit(&mut net.rng), apps::ssh_kexinit(&mut net.rng));
    c.say(net, &a).hear(net, &b);
    let (init, reply) = (apps::ssh_message(&mut net.rng, 30, &[32]), apps::ssh_message(&mut net.rng, 31, &[51, 32, 83]));
    let reply = [reply, apps::ssh_message(&mut net.rng, 21, &[])].concat();
    c.say(net, &init).hear(net, &reply);
    let keys = apps::ssh_message(&mut net.rng, 21, &[]);
    c.say(net, &keys);
    let mut sealed = |net: &mut Net, up: bool, len: usize| {
        let bytes = apps::sealed(&mut net.rng, len);
        if up {
            c.say(net, &bytes)
        } else {
            c.hear(net, &bytes)
        };
        c.wait(30 * MS);
    };
    sealed(net, true, 44); // SERVICE_REQUEST
    sealed(net, false, 44); // SERVICE_ACCEPT
    sealed(net, true, 60); // method none
    sealed(net, false, 52); // refused, with the methods that can continue
    for _ in 0..failures {
        sealed(net, true, 148);
        sealed(net, false, 52);
    }
    if success {
        sealed(net, true, 148);
        sealed(net, false, 28); // USERAUTH_SUCCESS
        for _ in 0..8 {
            sealed(net, true, 100);
            sealed(net, false, 180);
        }
    }
    c.close(net)
}

/// A Telnet conversation with logins; the last may be good.
pub fn telnet(net: &mut Net, at: i64, who: Side, server: Side, tries: &[(&str, &str)], success: bool) -> i64 {
    let mut c = net.connect(at, who, server);
    c.hear(net, &[255, 253, 24, 255, 253, 32, 255, 251, 1]).say(net, &[255, 252, 24, 255, 252, 32, 255, 253, 1]);
    c.hear(net, b"\r\nWV-S1536L login: ");
    for (i, (user, password)) in tries.iter().enumerate() {
        c.wait(300 * MS).say(net, format!("{user}\r\n").as_bytes()).hear(net, format!("{user}\r\nPassword: ").as_bytes());
        c.wait(300 * MS).say(net, format!("{password}\r\n").as_bytes());
        if i + 1 == tries.len() && success {
            c.hear(net, b"\r\n\r\nBusyBox v1.31.1 built-in shell (ash)\r\n\r\n# ")
                .say(net, b"uname -a\r\n")
                .hear(net, b"uname -a\r\nLinux cam 4.9.84\r\n# ");
        } else {
            c.hear(net, b"\r\nLogin incorrect\r\nWV-S1536L login: ");
        }
    }
    c.close(net)
}

/// An FTP conversation with one login.
pub fn ftp(net: &mut Net, at: i64, who: Side, server: Side, user: &str, password: &str, success: bool) -> i64 {
    let mut c = net.connect(at, who, server);
    c.hear(net, b"220 nas-zumen FTP server ready.\r\n").say(net, format!("USER {user}\r\n").as_bytes());
    c.hear(net, format!("331 Password required for {user}\r\n").as_bytes()).say(net, format!("PASS {password}\r\n").as_bytes());
    if success {
        c.hear(net, format!("230 User {user} logged in\r\n").as_bytes())
            .say(net, b"PWD\r\n")
            .hear(net, b"257 \"/\" is current directory.\r\n");
    } else {
        c.hear(net, b"530 Login incorrect.\r\n");
    }
    c.say(net, b"QUIT\r\n").hear(net, b"221 Goodbye.\r\n");
    c.close(net)
}

/// An HTTP page behind Basic authentication, asked with a user and password.
pub fn basic(net: &mut Net, at: i64, who: Side, server: Side, user: &str, password: &str, success: bool) -> i64 {
    let mut c = net.connect(at, who, server);
    let word = apps::base64(format!("{user}:{password}").as_bytes());
    let host = server.ip;
    let ask = format!(
        "GET /admin/ HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64)\r\nAuthorization: Basic {word}\r\n\r\n"
    );
    let answer = if success {
        "HTTP/1.1 200 OK\r\nServer: lighttpd/1.4.55\r\nContent-Type: text/html\r\nContent-Length: 17\r\n\r\n<h1>WV-S1536L</h1"
    } else {
        "HTTP/1.1 401 Unauthorized\r\nServer: lighttpd/1.4.55\r\nWWW-Authenticate: Basic realm=\"WV-S1536L\"\r\nContent-Length: 0\r\n\r\n"
    };
    c.say(net, ask.as_bytes()).hear(net, answer.as_bytes());
    c.close(net)
}
