//! WS-Discovery: SOAP in datagrams on port 3702, in the form of April 2005 (Windows, printers, ONVIF cameras) and of OASIS WS-DD 1.1. The
//! names of the elements are the same in both; only their namespaces differ, and those are not asked.

use super::xml::{self, Event, Reader};
use super::{push_url, text};
use crate::parse::{Cx, Dir, Parser, ProbeInput, Spec, Step, Verdict};
use crate::proto::Pool;
use model::ActRef;
use model::activity::{Discovery, DiscoveryKind, Protocol};

/// WS-Discovery.
pub const SPEC: Spec =
    Spec { protocol: Protocol::Wsd, tcp: false, udp: true, ports: &[3702], probe, start: || Box::<WsdParser>::default() };

/// Types, scopes and addresses kept.
pub const MAX_TYPES: usize = 16;
/// See above.
pub const MAX_SCOPES: usize = 32;
/// See above.
pub const MAX_ADDRESSES: usize = 8;
/// Bytes kept of each text.
const MAX_TEXT: usize = 512;

fn probe(i: &ProbeInput<'_>) -> Verdict {
    let bytes = if i.up.is_empty() { i.down } else { i.up };
    let usual = [i.client_port, i.server_port].contains(&3702);
    if Reader::new(bytes).is_none() || !text::contains(bytes, b"envelope") {
        return Verdict::No;
    }
    // The namespace of either form stands in the envelope or in the action.
    if text::contains(bytes, b"/ws/2005/04/discovery") || text::contains(bytes, b"/ws-dd/ns/discovery") {
        Verdict::Sure(95)
    } else if usual {
        Verdict::Sure(40)
    } else {
        Verdict::No
    }
}

#[derive(Default)]
struct WsdParser {
    act: Discovery,
    pool: Pool,
}

/// The element whose text is awaited.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Endpoint,
    Types,
    Scopes,
    Addresses,
}

impl Parser for WsdParser {
    fn data(&mut self, dir: Dir, bytes: &[u8], cx: &mut Cx<'_>) -> Step {
        if !self.read(bytes) {
            return Step::More;
        }
        let answer = matches!(self.act.kind, DiscoveryKind::ProbeMatch | DiscoveryKind::ResolveMatch);
        let asked = matches!(self.act.kind, DiscoveryKind::Probe | DiscoveryKind::Resolve);
        cx.emit_turned((answer && dir == Dir::Up) || (asked && dir == Dir::Down), ActRef::Discovery(&self.act));
        Step::Used(bytes.len())
    }
    fn reset(&mut self) {
        self.clear();
    }
}

impl WsdParser {
    fn clear(&mut self) {
        let a = &mut self.act;
        for list in [&mut a.types, &mut a.scopes, &mut a.addresses] {
            list.drain(..).for_each(|s| self.pool.give(s));
        }
        a.endpoint.clear();
        a.kind = DiscoveryKind::Other;
    }

    /// False where the bytes are no envelope.
    fn read(&mut self, bytes: &[u8]) -> bool {
        self.clear();
        let Some(reader) = Reader::new(bytes) else { return false };
        let (mut depth, mut body, mut reference) = (0u32, None, None);
        let mut field = None;
        for event in reader {
            match event {
                Event::Start(name) => {
                    let name = xml::local(name);
                    depth = depth.saturating_add(1);
                    if depth == 1 && name != b"Envelope" {
                        return false;
                    }
                    field = None;
                    match name {
                        b"Body" if depth == 2 => body = Some(depth),
                        _ if body.is_none() => {}
                        b"EndpointReference" => reference = Some(depth),
                        b"Address" if reference.is_some() => field = Some(Field::Endpoint),
                        b"Types" => field = Some(Field::Types),
                        b"Scopes" => field = Some(Field::Scopes),
                        b"XAddrs" => field = Some(Field::Addresses),
                        _ if depth == 3 => self.act.kind = kind(name),
                        _ => {}
                    }
                }
                Event::End => {
                    field = None;
                    if reference == Some(depth) {
                        reference = None;
                    }
                    if body == Some(depth) {
                        body = None;
                    }
                    depth = depth.saturating_sub(1);
                }
                Event::Text(text) => {
                    if let Some(field) = field.take() {
                        self.take(field, text);
                    }
                }
            }
        }
        depth > 0 || self.act.kind != DiscoveryKind::Other || !self.act.endpoint.is_empty()
    }

    fn take(&mut self, field: Field, text: &[u8]) {
        let a = &mut self.act;
        let (list, most) = match field {
            Field::Endpoint => {
                if a.endpoint.is_empty() {
                    xml::set(&mut a.endpoint, text, MAX_TEXT);
                }
                return;
            }
            Field::Types => (&mut a.types, MAX_TYPES),
            Field::Scopes => (&mut a.scopes, MAX_SCOPES),
            Field::Addresses => (&mut a.addresses, MAX_ADDRESSES),
        };
        for part in text.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty()) {
            if list.len() >= most {
                return;
            }
            let mut kept = self.pool.take();
            if field == Field::Addresses {
                push_url(&mut kept, part, MAX_TEXT);
            } else {
                xml::set(&mut kept, part, MAX_TEXT);
            }
            list.push(kept);
        }
    }
}

fn kind(name: &[u8]) -> DiscoveryKind {
    match name {
        b"Hello" => DiscoveryKind::Hello,
        b"Bye" => DiscoveryKind::Bye,
        b"Probe" => DiscoveryKind::Probe,
        b"ProbeMatches" => DiscoveryKind::ProbeMatch,
        b"Resolve" => DiscoveryKind::Resolve,
        b"ResolveMatches" => DiscoveryKind::ResolveMatch,
        _ => DiscoveryKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, hostile, script};
    use super::*;
    use model::activity::Act;

    const MATCH: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><SOAP-ENV:Header><wsa:ReplyTo><wsa:Address>urn:other</wsa:Address></wsa:ReplyTo></SOAP-ENV:Header><SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch><wsa:EndpointReference><wsa:Address>urn:uuid:1419d68a</wsa:Address></wsa:EndpointReference><d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>onvif://www.onvif.org/name/CAM-1 onvif://www.onvif.org/hardware/DS-2CD</d:Scopes><d:XAddrs>http://192.0.2.5/onvif/device_service?u=sesame http://[2001:db8::5]/onvif</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>"#;
    const PROBE: &[u8] = b"<soap:Envelope xmlns:soap='http://www.w3.org/2003/05/soap-envelope' xmlns:d='http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01'><soap:Header/><soap:Body><d:Probe><d:Types>wsdp:Device</d:Types></d:Probe></soap:Body></soap:Envelope>";

    fn one(bytes: &[u8]) -> Discovery {
        match testing::udp(&SPEC, Dir::Up, bytes).as_slice() {
            [Act::Discovery(d)] => d.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_camera_answers_with_types_scopes_and_addresses() {
        let d = one(MATCH);
        assert_eq!((d.kind, d.endpoint.as_str()), (DiscoveryKind::ProbeMatch, "urn:uuid:1419d68a"));
        assert_eq!(d.types, ["dn:NetworkVideoTransmitter", "tds:Device"]);
        assert_eq!(d.scopes, ["onvif://www.onvif.org/name/CAM-1", "onvif://www.onvif.org/hardware/DS-2CD"]);
        assert_eq!(d.addresses, ["http://192.0.2.5/onvif/device_service?u", "http://[2001:db8::5]/onvif"]);
    }

    #[test]
    fn a_probe_in_the_later_form() {
        let d = one(PROBE);
        assert_eq!((d.kind, d.types.as_slice()), (DiscoveryKind::Probe, &["wsdp:Device".to_string()][..]));
    }

    #[test]
    fn lists_are_bounded() {
        let many = format!("<Envelope><Body><Hello><Scopes>{}</Scopes></Hello></Body></Envelope>", "a ".repeat(500));
        assert_eq!(one(many.as_bytes()).scopes.len(), MAX_SCOPES);
    }

    #[test]
    fn is_recognised_by_its_namespace() {
        let ask = |up: &[u8], port| (SPEC.probe)(&ProbeInput { up, down: &[], client_port: 40000, server_port: port, datagram: true });
        assert_eq!((ask(MATCH, 9), ask(PROBE, 3702)), (Verdict::Sure(95), Verdict::Sure(95)));
        for other in [&b"<html></html>"[..], b"NOTIFY * HTTP/1.1\r\n", &[0x3c; 40], &[0; 40]] {
            assert_eq!(ask(other, 3702), Verdict::No);
        }
        assert!(testing::udp(&SPEC, Dir::Up, b"<html><Body><Hello/></Body></html>").is_empty());
        for cut in 0..MATCH.len() {
            testing::udp(&SPEC, Dir::Up, &MATCH[..cut]);
        }
    }

    hostile!(SPEC, script(&[(Dir::Up, PROBE), (Dir::Down, MATCH)]));
}
