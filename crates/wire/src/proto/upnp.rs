//! The description that a UPnP device gives of itself: XML in the body of an HTTP answer (UPnP Device Architecture 2.0, 2.3). The parser of
//! HTTP calls [`description`] with the beginning of bodies that may be one.

use super::xml::{self, Event, Reader};
use model::activity::Upnp;

/// Bytes kept of each text.
pub const MAX_TEXT: usize = 512;

/// Reads a description, which may be cut, into `out`, whose former content is forgotten. Only the root device is told, not those inside it.
/// False where it is something else.
pub fn description(bytes: &[u8], out: &mut Upnp) -> bool {
    for text in [
        &mut out.device_type,
        &mut out.name,
        &mut out.maker,
        &mut out.model,
        &mut out.number,
        &mut out.description,
        &mut out.serial,
        &mut out.udn,
    ] {
        text.clear();
    }
    let Some(reader) = Reader::new(bytes) else { return false };
    // root > device > the elements wanted; what lies deeper belongs to icons, services and devices inside.
    let (mut depth, mut root, mut device) = (0u32, false, false);
    let mut field: Option<fn(&mut Upnp) -> &mut String> = None;
    for event in reader {
        match event {
            Event::Start(name) => {
                let name = xml::local(name);
                depth += 1;
                match depth {
                    1 => root = name == b"root",
                    2 => device = name == b"device",
                    3 if root && device => field = wanted(name),
                    _ => field = None,
                }
                if !root {
                    return false;
                }
            }
            Event::End => {
                field = None;
                depth = depth.saturating_sub(1);
                if depth < 2 {
                    device = false;
                }
            }
            Event::Text(text) => {
                if let Some(of) = field.take() {
                    let place = of(out);
                    if place.is_empty() {
                        xml::set(place, text, MAX_TEXT);
                    }
                }
            }
        }
    }
    !out.device_type.is_empty() || (!out.name.is_empty() && !out.udn.is_empty())
}

fn wanted(name: &[u8]) -> Option<fn(&mut Upnp) -> &mut String> {
    Some(match name {
        b"deviceType" => |u| &mut u.device_type,
        b"friendlyName" => |u| &mut u.name,
        b"manufacturer" => |u| &mut u.maker,
        b"modelName" => |u| &mut u.model,
        b"modelNumber" => |u| &mut u.number,
        b"modelDescription" => |u| &mut u.description,
        b"serialNumber" => |u| &mut u.serial,
        b"UDN" => |u| &mut u.udn,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<root xmlns="urn:schemas-upnp-org:device-1-0" configId="1">
 <specVersion><major>1</major><minor>0</minor></specVersion>
 <device>
  <deviceType>urn:schemas-upnp-org:device:MediaServer:1</deviceType>
  <friendlyName>第2工場 &amp; NAS</friendlyName>
  <manufacturer>Synology</manufacturer><manufacturerURL>http://www.synology.com/</manufacturerURL>
  <modelDescription>DiskStation</modelDescription><modelName>DS218</modelName><modelNumber>7.1</modelNumber>
  <serialNumber><![CDATA[1830XYZ]]></serialNumber><UDN>uuid:1</UDN>
  <iconList><icon><mimetype>image/png</mimetype></icon></iconList>
  <deviceList><device><friendlyName>inside</friendlyName><serialNumber>other</serialNumber></device></deviceList>
 </device>
</root>"#;

    #[test]
    fn the_root_device_is_told_and_those_inside_are_not() {
        let mut u = Upnp { name: "old".into(), ..Upnp::default() };
        assert!(description(SAMPLE.as_bytes(), &mut u));
        assert_eq!(
            u,
            Upnp {
                device_type: "urn:schemas-upnp-org:device:MediaServer:1".into(),
                name: "第2工場 & NAS".into(),
                maker: "Synology".into(),
                model: "DS218".into(),
                number: "7.1".into(),
                description: "DiskStation".into(),
                serial: "1830XYZ".into(),
                udn: "uuid:1".into(),
            }
        );
    }

    #[test]
    fn a_cut_description_tells_its_beginning_and_other_xml_nothing() {
        let mut u = Upnp::default();
        let cut = SAMPLE.find("<modelName>").unwrap();
        assert!(description(&SAMPLE.as_bytes()[..cut + 14], &mut u));
        assert_eq!((u.maker.as_str(), u.model.as_str()), ("Synology", ""));
        for other in
            ["<html><head><title>x</title></head></html>", "<root><x/></root>", "{}", "", "<!DOCTYPE root [<!ENTITY a 'b'>]><root>"]
        {
            assert!(!description(other.as_bytes(), &mut u), "{other}");
        }
        for cut in 0..SAMPLE.len() {
            description(&SAMPLE.as_bytes()[..cut], &mut u);
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_stay_visible() {
        let mut u = Upnp::default();
        assert!(description(b"<root><device><deviceType>x</deviceType><friendlyName>\x93\xfa</friendlyName>", &mut u));
        assert_eq!(u.name, "\\x93\\xfa");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0..SAMPLE.len()) {
            let mut u = Upnp::default();
            description(&bytes, &mut u);
            let mixed = [SAMPLE.as_bytes().get(..cut).unwrap(), &bytes].concat();
            description(&mixed, &mut u);
            prop_assert!(u.name.len() <= MAX_TEXT);
        }
    }
}
