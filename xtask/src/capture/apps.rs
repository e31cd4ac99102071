//! What programs say: application messages as bytes.

use super::frame::Mac;
use super::rng::Rng;
use std::net::{Ipv4Addr, Ipv6Addr};

fn name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|l| !l.is_empty()) {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
}

/// A DNS query for an address (RFC 1035).
pub fn dns_query(id: u16, host: &str) -> Vec<u8> {
    let mut m = Vec::new();
    for n in [id, 0x0100, 1, 0, 0, 0] {
        m.extend_from_slice(&n.to_be_bytes());
    }
    name(&mut m, host);
    m.extend_from_slice(&[0, 1, 0, 1]);
    m
}

/// Its answer.
pub fn dns_answer(id: u16, host: &str, ip: Ipv4Addr) -> Vec<u8> {
    let mut m = dns_query(id, host);
    m[2..4].copy_from_slice(&0x8180u16.to_be_bytes());
    m[7] = 1;
    m.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4]);
    m.extend_from_slice(&ip.octets());
    m
}

/// An mDNS announcement of a service with its host (RFC 6762): PTR, SRV and A records.
pub fn mdns(service: &str, instance: &str, host: &str, port: u16, ip: Ipv4Addr) -> Vec<u8> {
    let mut m = Vec::new();
    for n in [0u16, 0x8400, 0, 3, 0, 0] {
        m.extend_from_slice(&n.to_be_bytes());
    }
    let mut record = |owner: &dyn Fn(&mut Vec<u8>), rtype: u16, class: u16, ttl: u32, data: Vec<u8>| {
        owner(&mut m);
        m.extend_from_slice(&rtype.to_be_bytes());
        m.extend_from_slice(&class.to_be_bytes());
        m.extend_from_slice(&ttl.to_be_bytes());
        m.extend_from_slice(&(data.len() as u16).to_be_bytes());
        m.extend_from_slice(&data);
    };
    let full = |out: &mut Vec<u8>| {
        out.push(instance.len() as u8);
        out.extend_from_slice(instance.as_bytes());
        name(out, service);
    };
    let mut ptr = Vec::new();
    full(&mut ptr);
    record(&|o| name(o, service), 12, 1, 4500, ptr);
    let mut srv = vec![0, 0, 0, 0];
    srv.extend_from_slice(&port.to_be_bytes());
    name(&mut srv, host);
    record(&full, 33, 0x8001, 120, srv);
    record(&|o| name(o, host), 1, 0x8001, 120, ip.octets().to_vec());
    m
}

/// What a DHCP client says of itself.
pub struct DhcpClient<'a> {
    /// Hardware address.
    pub mac: Mac,
    /// Option 12.
    pub host: &'a str,
    /// Option 60.
    pub class: &'a str,
    /// Option 55.
    pub wants: &'a [u8],
}

/// A DHCPv4 message (RFC 2131). `ip` is what is requested, offered or acknowledged; the server is the way out.
pub fn dhcp(kind: u8, xid: u32, c: &DhcpClient<'_>, ip: Ipv4Addr, server: Ipv4Addr) -> Vec<u8> {
    dhcp_by(kind, xid, c, ip, server, server)
}

/// The same from a server that names another way out and name server than itself.
pub fn dhcp_by(kind: u8, xid: u32, c: &DhcpClient<'_>, ip: Ipv4Addr, server: Ipv4Addr, way: Ipv4Addr) -> Vec<u8> {
    let reply = matches!(kind, 2 | 5 | 6);
    let mut m = vec![if reply { 2 } else { 1 }, 1, 6, 0];
    m.extend_from_slice(&xid.to_be_bytes());
    m.extend_from_slice(&[0; 8]);
    m.extend_from_slice(&if reply { ip.octets() } else { [0; 4] });
    m.extend_from_slice(&if reply { server.octets() } else { [0; 4] });
    m.extend_from_slice(&[0; 4]);
    m.extend_from_slice(&c.mac);
    m.extend_from_slice(&[0; 10 + 192]);
    m.extend_from_slice(&[99, 130, 83, 99, 53, 1, kind]);
    let mut option = |code: u8, data: &[u8]| {
        m.push(code);
        m.push(data.len() as u8);
        m.extend_from_slice(data);
    };
    if reply {
        option(54, &server.octets());
        option(51, &86_400u32.to_be_bytes());
        option(1, &[255, 255, 255, 0]);
        option(3, &way.octets());
        option(6, &way.octets());
    } else {
        option(61, &[&[1], &c.mac[..]].concat());
        if !c.host.is_empty() {
            option(12, c.host.as_bytes());
        }
        if !c.class.is_empty() {
            option(60, c.class.as_bytes());
        }
        if kind == 3 {
            option(50, &ip.octets());
            option(54, &server.octets());
        }
        option(55, c.wants);
    }
    m.push(255);
    m.resize(m.len().max(300), 0);
    m
}

fn tls_record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    let mut r = vec![kind];
    r.extend_from_slice(&version.to_be_bytes());
    r.extend_from_slice(&(body.len() as u16).to_be_bytes());
    r.extend_from_slice(body);
    r
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut h = vec![kind];
    h.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    h.extend_from_slice(body);
    h
}

fn extension(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
}

/// A TLS client hello (RFC 8446 with 1.2 compatibility), as a browser's.
pub fn client_hello(rng: &mut Rng, sni: &str) -> Vec<u8> {
    let mut b = vec![3, 3];
    let mut random = [0u8; 64];
    rng.fill(&mut random);
    b.extend_from_slice(&random[..32]);
    b.push(32);
    b.extend_from_slice(&random[32..]);
    let suites: [u16; 10] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009c];
    b.extend_from_slice(&(suites.len() as u16 * 2).to_be_bytes());
    for s in suites {
        b.extend_from_slice(&s.to_be_bytes());
    }
    b.extend_from_slice(&[1, 0]);
    let mut e = Vec::new();
    let mut host = (sni.len() as u16 + 3).to_be_bytes().to_vec();
    host.push(0);
    host.extend_from_slice(&(sni.len() as u16).to_be_bytes());
    host.extend_from_slice(sni.as_bytes());
    extension(&mut e, 0, &host);
    extension(&mut e, 23, &[]);
    extension(&mut e, 0xff01, &[0]);
    extension(&mut e, 10, &[0, 6, 0, 29, 0, 23, 0, 24]);
    extension(&mut e, 11, &[1, 0]);
    extension(&mut e, 16, &[0, 12, 2, b'h', b'2', 8, b'h', b't', b't', b'p', b'/', b'1', b'.', b'1']);
    extension(&mut e, 13, &[0, 12, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1]);
    extension(&mut e, 43, &[4, 3, 4, 3, 3]);
    let mut share = [0u8; 38];
    rng.fill(&mut share[6..]);
    share[..6].copy_from_slice(&[0, 36, 0, 29, 0, 32]);
    extension(&mut e, 51, &share);
    b.extend_from_slice(&(e.len() as u16).to_be_bytes());
    b.extend_from_slice(&e);
    tls_record(22, 0x0301, &handshake(1, &b))
}

/// The server's answer: TLS 1.3, or 1.2 with a certificate in clear.
pub fn server_hello(rng: &mut Rng, certificate: Option<&[u8]>) -> Vec<u8> {
    let mut b = vec![3, 3];
    let mut random = [0u8; 64];
    rng.fill(&mut random);
    b.extend_from_slice(&random[..32]);
    b.push(32);
    b.extend_from_slice(&random[32..]);
    let suite: u16 = if certificate.is_some() { 0xc02f } else { 0x1301 };
    b.extend_from_slice(&suite.to_be_bytes());
    b.push(0);
    let mut e = Vec::new();
    if certificate.is_none() {
        extension(&mut e, 43, &[3, 4]);
        let mut share = [0u8; 36];
        rng.fill(&mut share[4..]);
        share[..4].copy_from_slice(&[0, 29, 0, 32]);
        extension(&mut e, 51, &share);
    } else {
        extension(&mut e, 0xff01, &[0]);
    }
    b.extend_from_slice(&(e.len() as u16).to_be_bytes());
    b.extend_from_slice(&e);
    let mut out = tls_record(22, 0x0303, &handshake(2, &b));
    match certificate {
        Some(der) => {
            let mut list = Vec::new();
            list.extend_from_slice(&(der.len() as u32 + 3).to_be_bytes()[1..]);
            list.extend_from_slice(&(der.len() as u32).to_be_bytes()[1..]);
            list.extend_from_slice(der);
            out.extend(tls_record(22, 0x0303, &handshake(11, &list)));
            out.extend(tls_record(22, 0x0303, &handshake(14, &[])));
        }
        None => {
            out.extend(tls_record(20, 0x0303, &[1]));
            out.extend(tls_data(rng, 900));
        }
    }
    out
}

/// A server's answer of an old version (0x0300 SSL 3.0, 0x0301 TLS 1.0, 0x0302 TLS 1.1) with its certificate in clear.
pub fn old_server_hello(rng: &mut Rng, version: u16, certificate: &[u8]) -> Vec<u8> {
    let mut out = server_hello(rng, Some(certificate));
    // Every record and the hello itself carry the version.
    let mut at = 0;
    while let Some(head) = out.get(at..at + 5) {
        let (kind, len) = (head[0], usize::from(u16::from_be_bytes([head[3], head[4]])));
        out[at + 1..at + 3].copy_from_slice(&version.to_be_bytes());
        if kind == 22 && out.get(at + 5) == Some(&2) {
            out[at + 9..at + 11].copy_from_slice(&version.to_be_bytes());
            // TLS_RSA_WITH_AES_128_CBC_SHA, which those versions have (RFC 3268).
            let session = usize::from(out[at + 43]);
            out[at + 44 + session..at + 46 + session].copy_from_slice(&[0, 0x2f]);
        }
        at += 5 + len;
    }
    out
}

/// A router advertisement (RFC 4861, 4.2) with one prefix and, where given, a name server (RFC 8106), from type to the end.
pub fn router_advertisement(mac: Mac, lifetime: u16, prefix: Ipv6Addr, resolver: Option<Ipv6Addr>) -> Vec<u8> {
    let mut m = vec![134, 0, 0, 0, 64, 0];
    m.extend_from_slice(&lifetime.to_be_bytes());
    m.extend_from_slice(&[0; 8]);
    m.extend_from_slice(&[1, 1]);
    m.extend_from_slice(&mac);
    m.extend_from_slice(&[3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0]);
    m.extend_from_slice(&prefix.octets());
    if let Some(ip) = resolver {
        m.extend_from_slice(&[25, 3, 0, 0, 0, 0, 7, 8]);
        m.extend_from_slice(&ip.octets());
    }
    m
}

fn ber(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match body.len() {
        n @ 0..128 => out.push(n as u8),
        n => out.extend_from_slice(&[0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(body);
    out
}

/// An SNMP version 2c message about sysDescr (RFC 3416): a GetRequest (0xa0), or a Response (0xa2) with a text.
pub fn snmp(pdu: u8, community: &str, id: u8, text: &str) -> Vec<u8> {
    let value = if text.is_empty() { vec![5, 0] } else { ber(4, text.as_bytes()) };
    let binding = ber(0x30, &[vec![6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0], value].concat());
    let body = [vec![2, 1, id & 0x7f, 2, 1, 0, 2, 1, 0], ber(0x30, &binding)].concat();
    ber(0x30, &[vec![2, 1, 1], ber(4, community.as_bytes()), ber(pdu, &body)].concat())
}

/// An LDAP simple bind (RFC 4511, 4.2), and its answer with a result code.
pub fn ldap_bind(id: u8, name: &str, password: &str, result: u8) -> (Vec<u8>, Vec<u8>) {
    let bind = [vec![2, 1, 3], ber(4, name.as_bytes()), ber(0x80, password.as_bytes())].concat();
    let ask = ber(0x30, &[vec![2, 1, id], ber(0x60, &bind)].concat());
    let answer = ber(0x30, &[vec![2, 1, id], ber(0x61, &[10, 1, result, 4, 0, 4, 0])].concat());
    (ask, answer)
}

/// Encrypted application data.
pub fn tls_data(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut body = vec![0; len];
    rng.fill(&mut body);
    tls_record(23, 0x0303, &body)
}

/// A self-signed X.509 certificate (RFC 5280) with an elliptic curve key. The signature has the right form and no key behind it.
pub fn certificate(rng: &mut Rng, common_name: &str, organisation: &str, from: &str, to: &str) -> Vec<u8> {
    fn der(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut d = vec![tag];
        match body.len() {
            n @ 0..128 => d.push(n as u8),
            n @ 128..256 => d.extend_from_slice(&[0x81, n as u8]),
            n => d.extend_from_slice(&[0x82, (n >> 8) as u8, n as u8]),
        }
        d.extend_from_slice(body);
        d
    }
    // X.520: a country is a PrintableString, the others may be UTF-8.
    let attribute = |oid: u8, text: &str| {
        let tag = if oid == 6 { 19 } else { 12 };
        der(0x31, &der(0x30, &[der(6, &[0x55, 4, oid]), der(tag, text.as_bytes())].concat()))
    };
    let name = der(0x30, &[attribute(6, "JP"), attribute(10, organisation), attribute(3, common_name)].concat());
    let ecdsa = der(0x30, &der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let mut point = [0u8; 66];
    rng.fill(&mut point[2..]);
    point[1] = 4;
    let curve = [der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])].concat();
    let key = der(0x30, &[der(0x30, &curve), der(3, &point)].concat());
    let mut serial = [0u8; 8];
    rng.fill(&mut serial);
    serial[0] = serial[0] & 0x7f | 1;
    let san = der(0x30, &der(0x82, common_name.as_bytes()));
    let extensions = der(0xa3, &der(0x30, &der(0x30, &[der(6, &[0x55, 0x1d, 0x11]), der(4, &san)].concat())));
    let validity = der(0x30, &[der(0x17, from.as_bytes()), der(0x17, to.as_bytes())].concat());
    let body = [der(0xa0, &der(2, &[2])), der(2, &serial), ecdsa.clone(), name.clone(), validity, name, key, extensions].concat();
    let mut sig = [0u8; 64];
    rng.fill(&mut sig);
    sig[0] = sig[0] & 0x7f | 1;
    sig[32] = sig[32] & 0x7f | 1;
    let signature = der(0x30, &[der(2, &sig[..32]), der(2, &sig[32..])].concat());
    der(0x30, &[der(0x30, &body), ecdsa, der(3, &[&[0], &signature[..]].concat())].concat())
}

/// A Modbus/TCP read of holding registers, and its answer.
pub fn modbus(transaction: u16, unit: u8, address: u16, values: &[u16]) -> (Vec<u8>, Vec<u8>) {
    let head = |len: u16| [&transaction.to_be_bytes()[..], &[0, 0], &len.to_be_bytes()[..], &[unit, 3]].concat();
    let mut q = head(6);
    q.extend_from_slice(&address.to_be_bytes());
    q.extend_from_slice(&(values.len() as u16).to_be_bytes());
    let mut a = head(3 + values.len() as u16 * 2);
    a.push(values.len() as u8 * 2);
    for v in values {
        a.extend_from_slice(&v.to_be_bytes());
    }
    (q, a)
}

/// A Modbus/TCP write of one register; the answer echoes it.
pub fn modbus_write(transaction: u16, unit: u8, address: u16, value: u16) -> Vec<u8> {
    [&transaction.to_be_bytes()[..], &[0, 0, 0, 6, unit, 6], &address.to_be_bytes()[..], &value.to_be_bytes()[..]].concat()
}

/// An LLDP announcement (IEEE 802.1AB), from the chassis identifier to the end.
pub fn lldp(mac: Mac, port: &str, system: &str, description: &str, ip: Ipv4Addr, capabilities: u16) -> Vec<u8> {
    let mut m = Vec::new();
    let mut tlv = |kind: u16, body: &[u8]| {
        m.extend_from_slice(&(kind << 9 | body.len() as u16).to_be_bytes());
        m.extend_from_slice(body);
    };
    tlv(1, &[&[4], &mac[..]].concat());
    tlv(2, &[&[5], port.as_bytes()].concat());
    tlv(3, &120u16.to_be_bytes());
    tlv(5, system.as_bytes());
    tlv(6, description.as_bytes());
    tlv(7, &[capabilities.to_be_bytes(), capabilities.to_be_bytes()].concat());
    tlv(8, &[&[5, 1], &ip.octets()[..], &[2, 0, 0, 0, 1, 0]].concat());
    tlv(0, &[]);
    m
}

/// An SSH key exchange (RFC 4253, 7.1) as one unencrypted packet.
pub fn ssh_kexinit(rng: &mut Rng) -> Vec<u8> {
    let lists = [
        "curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256",
        "ssh-ed25519,rsa-sha2-512,rsa-sha2-256",
        "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-ctr",
        "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-ctr",
        "hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
        "hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
        "none,zlib@openssh.com",
        "none,zlib@openssh.com",
        "",
        "",
    ];
    let mut p = vec![20];
    let mut cookie = [0u8; 16];
    rng.fill(&mut cookie);
    p.extend_from_slice(&cookie);
    for l in lists {
        p.extend_from_slice(&(l.len() as u32).to_be_bytes());
        p.extend_from_slice(l.as_bytes());
    }
    p.extend_from_slice(&[0; 5]);
    ssh_packet(&p)
}

/// A key exchange message of a number with strings of these lengths (RFC 5656, 4; RFC 8731).
pub fn ssh_message(rng: &mut Rng, number: u8, strings: &[usize]) -> Vec<u8> {
    let mut p = vec![number];
    for len in strings {
        p.extend_from_slice(&(*len as u32).to_be_bytes());
        let at = p.len();
        p.resize(at + len, 0);
        rng.fill(&mut p[at..]);
    }
    ssh_packet(&p)
}

fn ssh_packet(payload: &[u8]) -> Vec<u8> {
    let mut padding = 8 - (payload.len() + 5) % 8;
    if padding < 4 {
        padding += 8;
    }
    let mut m = ((payload.len() + padding + 1) as u32).to_be_bytes().to_vec();
    m.push(padding as u8);
    m.extend_from_slice(payload);
    m.resize(m.len() + padding, 0);
    m
}

/// Encrypted bytes of a length.
pub fn sealed(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut b = vec![0; len];
    rng.fill(&mut b);
    b
}

/// Base64 (RFC 4648), for HTTP Basic.
pub fn base64(bytes: &[u8]) -> String {
    const SET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for c in bytes.chunks(3) {
        let n = c.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - c.len()));
        for i in 0..4 {
            out.push(if i <= c.len() { char::from(SET[(n >> (18 - 6 * i)) as usize & 63]) } else { '=' });
        }
    }
    out
}
