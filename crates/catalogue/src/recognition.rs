//! What a sign on the wire says about a device (catalogue/data/recognition.toml): a banner, a vendor class, an offered service
//! become guesses of kind, maker, model, operating system and version, each with how sure it is and why.
//!
//! The steps of confidence: 90 and more, the device says so itself in a field made for it (LLDP, DHCP vendor class of a
//! maker); 70, a protocol that only such devices serve; 50, a product that is usually such a device; 30, the maker of the
//! network card. docs/en/recognition.md has the list.

use crate::text::{CatalogueError, line_at, toml_error};
use model::Kind;
use model::asset::Property;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use toml::Spanned;

static TEXT: &str = include_str!("../../../catalogue/data/recognition.toml");

/// Where a sign stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// DHCP option 60.
    DhcpVendor,
    /// DHCP option 12 or 81, or another name that the device gives itself.
    HostName,
    /// LLDP system description.
    LldpDescription,
    /// LLDP capabilities: the text is `bridge`, `access-point`, `router`, `telephone` or `station`.
    LldpCapability,
    /// SSH version string of a server.
    SshServer,
    /// SSH version string of a client.
    SshClient,
    /// HTTP `Server`.
    HttpServer,
    /// HTTP `User-Agent`.
    UserAgent,
    /// Greeting of an FTP or Telnet service.
    Banner,
    /// A service type that it announces by mDNS (`_ipp._tcp.local`).
    MdnsService,
    /// Maker of the network card.
    Vendor,
    /// A protocol that it serves: the text is the protocol's name, or `tcp/PORT` or `udp/PORT`.
    Service,
    /// It routes for others.
    Routes,
    /// DHCP option 55: numbers of the parameters that it asks for, in its order, divided by commas (`1,3,6,15`).
    DhcpParameters,
    /// DHCPv6 vendor class: the enterprise number.
    DhcpEnterprise,
    /// A key of DNS-SD text that tells what the device is: `key=value`, the key in lower case.
    MdnsText,
    /// SSDP `SERVER` or `USER-AGENT`.
    SsdpServer,
    /// SSDP notification type or search target that it answers to.
    SsdpType,
    /// UPnP device description: type, maker, model and number, divided by ` / `.
    Upnp,
    /// WS-Discovery type (local name).
    WsdType,
    /// ONVIF scope.
    OnvifScope,
    /// LLDP-MED inventory: maker, model and asset name, divided by ` / `.
    LldpInventory,
    /// CDP platform and software, divided by ` / `.
    Cdp,
    /// CDP capabilities: the text is `router`, `bridge`, `switch`, `host` or `phone`.
    CdpCapability,
    /// SNMP sysDescr, hrDeviceDescr or entPhysicalDescr.
    SnmpDescription,
    /// SNMP sysObjectID, without a dot before it and with one behind it.
    SnmpObject,
    /// Subject of a certificate that it shows.
    Certificate,
    /// Names on the Internet that it asks for, by DNS, TLS or QUIC.
    AsksFor,
    /// NetBIOS: `suffix xx` in hexadecimal of a name of its own.
    Netbios,
    /// Native operating system of SMB 1, version of NTLM (`10.0.17763`), of the browser service (`browser 6.1`) or of Remote
    /// Desktop (`build 19041`).
    WindowsVersion,
    /// Modbus device identification: maker, product and model, divided by ` / `.
    ModbusIdentity,
    /// RTSP `Server`.
    RtspServer,
    /// SIP `User-Agent` or `Server`.
    SipAgent,
    /// What it does: `polls-controllers`, `polls-many-controllers`, `serves-many`.
    Behaviour,
}

/// A guess that a sign leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// What about.
    pub property: Property,
    /// The value: a name of [`Kind`] for kind.
    pub value: &'a str,
    /// 1–100.
    pub confidence: u8,
    /// Key of the reason's wording without `reason-`.
    pub reason: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    rule: Vec<Spanned<RawEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawEntry {
    on: Vec<Sign>,
    #[serde(default)]
    contains: Vec<String>,
    #[serde(default)]
    starts: Vec<String>,
    #[serde(default)]
    equals: Vec<String>,
    reason: String,
    confidence: u8,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    maker: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    os: Option<String>,
    /// The version is what follows this, up to a space or another mark that ends a version.
    #[serde(default)]
    version_after: Option<String>,
    /// The model is what follows this, up to a comma, semicolon or bracket.
    #[serde(default)]
    model_after: Option<String>,
}

/// Rules by sign.
#[derive(Debug)]
pub struct Recognition {
    entries: Vec<RawEntryChecked>,
    by_sign: FxHashMap<Sign, Vec<usize>>,
}

#[derive(Debug)]
struct RawEntryChecked {
    contains: Vec<String>,
    starts: Vec<String>,
    equals: Vec<String>,
    reason: String,
    confidence: u8,
    kind: Option<Kind>,
    maker: Option<String>,
    model: Option<String>,
    os: Option<String>,
    version_after: Option<String>,
    model_after: Option<String>,
}

impl Recognition {
    /// Those built into the program.
    pub fn built_in() -> Result<Recognition, CatalogueError> {
        Recognition::read("catalogue/data/recognition.toml", TEXT)
    }

    /// Reads and checks a file of rules.
    pub fn read(file: &str, text: &str) -> Result<Recognition, CatalogueError> {
        let raw: RawFile = toml::from_str(text).map_err(|e| toml_error(file, text, &e))?;
        let mut entries = Vec::new();
        let mut by_sign: FxHashMap<Sign, Vec<usize>> = FxHashMap::default();
        for spanned in raw.rule {
            let line = line_at(text, spanned.span().start);
            let r = spanned.into_inner();
            let wrong = |what: String| CatalogueError { file: file.into(), line, what };
            if !(1..=100).contains(&r.confidence) {
                return Err(wrong(format!("confidence is 1 to 100, not {}", r.confidence)));
            }
            if r.contains.is_empty() && r.starts.is_empty() && r.equals.is_empty() {
                return Err(wrong(String::from("say what to look for: 'contains', 'starts' or 'equals'")));
            }
            let kind = match &r.kind {
                None => None,
                Some(k) => Some(Kind::from_name(k).ok_or_else(|| wrong(format!("'{k}' is no kind of device")))?),
            };
            let says = [&r.maker, &r.model, &r.os, &r.version_after, &r.model_after].iter().any(|o| o.is_some());
            if kind.is_none() && !says {
                return Err(wrong(String::from("the rule concludes nothing: give kind, maker, model, os, version-after or model-after")));
            }
            for sign in &r.on {
                by_sign.entry(*sign).or_default().push(entries.len());
            }
            let lower = |v: Vec<String>| v.into_iter().map(|s| s.to_lowercase()).collect::<Vec<_>>();
            entries.push(RawEntryChecked {
                contains: lower(r.contains),
                starts: lower(r.starts),
                equals: lower(r.equals),
                reason: r.reason,
                confidence: r.confidence,
                kind,
                maker: r.maker,
                model: r.model,
                os: r.os,
                version_after: r.version_after,
                model_after: r.model_after,
            });
        }
        Ok(Recognition { entries, by_sign })
    }

    /// What a sign says. Values that stand in the text itself (versions, models) are slices of it.
    pub fn hits<'a>(&'a self, sign: Sign, text: &'a str, mut each: impl FnMut(Hit<'a>)) {
        let lower = text.to_ascii_lowercase();
        for entry in self.by_sign.get(&sign).into_iter().flatten().filter_map(|i| self.entries.get(*i)) {
            let matches = entry.equals.contains(&lower)
                || entry.starts.iter().any(|s| lower.starts_with(s.as_str()))
                || entry.contains.iter().any(|c| lower.contains(c.as_str()));
            if !matches {
                continue;
            }
            let mut hit = |property, value: &'a str| {
                if !value.is_empty() {
                    each(Hit { property, value, confidence: entry.confidence, reason: &entry.reason });
                }
            };
            if let Some(kind) = entry.kind {
                hit(Property::Kind, kind.name());
            }
            for (property, value) in [(Property::Maker, &entry.maker), (Property::Model, &entry.model), (Property::Os, &entry.os)] {
                if let Some(v) = value {
                    hit(property, v);
                }
            }
            if let Some(mark) = &entry.version_after {
                let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')' | '(');
                hit(Property::Version, after(text, &lower, mark, ends));
            }
            if let Some(mark) = &entry.model_after {
                let ends = |c: char| matches!(c, ',' | ';' | ')' | '(' | '\r' | '\n');
                hit(Property::Model, after(text, &lower, mark, ends));
            }
        }
    }

    /// Every key of a reason that can come out.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.reason.as_str())
    }
}

/// What follows `mark` in `text` (found without regard to case), at most 64 characters.
fn after<'a>(text: &'a str, lower: &str, mark: &str, ends: impl Fn(char) -> bool) -> &'a str {
    let Some(at) = lower.find(&mark.to_ascii_lowercase()) else { return "" };
    let rest = text.get(at + mark.len()..).unwrap_or("");
    let rest = rest.split(ends).next().unwrap_or("").trim();
    rest.char_indices().nth(64).map_or(rest, |(i, _)| rest.get(..i).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phrases::Phrasebook;
    use model::Lang;

    fn all(sign: Sign, text: &str) -> Vec<(Property, String, u8)> {
        let r = Recognition::built_in().unwrap();
        let mut out = vec![];
        r.hits(sign, text, |h| out.push((h.property, h.value.to_owned(), h.confidence)));
        out
    }

    #[test]
    fn signs_lead_to_guesses() {
        assert!(all(Sign::Service, "modbus").contains(&(Property::Kind, "plc".into(), 70)));
        let ssh = all(Sign::SshServer, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3");
        assert!(ssh.iter().any(|(p, v, _)| *p == Property::Version && v == "9.2p1"), "{ssh:?}");
        assert!(ssh.iter().any(|(p, v, _)| *p == Property::Os && v == "Debian Linux"), "{ssh:?}");
        let w = all(Sign::DhcpVendor, "MSFT 5.0");
        assert!(w.iter().any(|(p, v, _)| *p == Property::Os && v == "Windows"), "{w:?}");
        assert!(all(Sign::Banner, "").is_empty());
    }

    #[test]
    fn every_reason_has_words_in_both_languages() {
        let book =
            Phrasebook::new(&[(Lang::Ja, "reasons.ja.ftl", crate::REASONS_JA), (Lang::En, "reasons.en.ftl", crate::REASONS_EN)]).unwrap();
        let r = Recognition::built_in().unwrap();
        for reason in r.reasons() {
            assert!(book.has(&format!("reason-{reason}")), "reason-{reason} has no words");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let e = Recognition::read(
            "r.toml",
            "\n[[rule]]\non = [\"banner\"]\ncontains = [\"x\"]\nreason = \"y\"\nconfidence = 0\nkind = \"pc\"\n",
        )
        .unwrap_err();
        assert_eq!(e.line, 2, "{e}");
        let e = Recognition::read("r.toml", "[[rule]]\non = [\"baner\"]\n").unwrap_err();
        assert!(e.what.contains("banner"), "{e}");
    }

    #[test]
    fn hostile_text_is_cut_at_characters() {
        let long = format!("SSH-2.0-OpenSSH_{}", "é漢".repeat(5000));
        for (_, v, _) in all(Sign::SshServer, &long) {
            assert!(v.chars().count() <= 64);
        }
    }
}
