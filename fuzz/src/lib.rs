//! What fuzz targets share. Inputs of conversations are pieces: a byte whose lowest bit says the direction (0 from the client) and whose
//! second bit asks for a hole behind the piece, two bytes of length, and so many bytes (or what is left). Inputs of the engine are frames:
//! a byte of time in hundredths of a second, two bytes of length, and so many bytes.

use model::activity::{Act, ActRef, Head, Protocol};
use model::{Endpoint, Flow, FlowId, Observation, Segment, SourceId, Time, Transport};
use wire::engine::{Config, Engine};
use wire::packet::{LinkType, RawPacket};
use wire::parse::{Cx, Dir, Options, Parser, ProbeInput, Spec, Step};
use wire::sink::Sink;

#[path = "../../crates/hinomi/src/config.rs"]
#[allow(dead_code, missing_docs)]
mod configuration;

/// What a parser may wait for at most, with room for a line end.
const MAX_HELD: usize = wire::proto::MAX_WAIT + 1024;

#[derive(Default)]
struct Heard(Vec<Act>);
impl Sink for Heard {
    fn activity(&mut self, _: &Head, act: ActRef<'_>) {
        self.0.push(act.to_owned());
    }
    fn flow(&mut self, _: &Flow) {}
    fn observation(&mut self, _: Time, _: &Observation) {}
}

fn options() -> Options {
    Options { secret_key: [3; 32], raw_targets: false, is_default: |user, secret| user == secret }
}

fn head(protocol: Protocol, transport: Transport) -> Head {
    let end = |last: u8, port| Endpoint { mac: None, ip: Some([192, 0, 2, last].into()), port: Some(port) };
    Head { flow: FlowId(1), segment: Segment::default(), time: Time(0), transport, protocol, client: end(1, 40000), server: end(2, 9) }
}

/// Takes the next piece off.
fn piece<'a>(data: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[control, high, low], rest) = data.split_first_chunk::<3>()?;
    let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
    let (bytes, rest) = rest.split_at(length);
    *data = rest;
    Some((control, bytes))
}

fn run(parser: &mut dyn Parser, spec: &Spec, transport: Transport, mut data: &[u8]) -> Vec<Act> {
    let (mut heard, options) = (Heard::default(), options());
    let mut held: [Vec<u8>; 2] = Default::default();
    let mut skip = [0u64; 2];
    let head = head(spec.protocol, transport);
    'talk: while let Some((control, bytes)) = piece(&mut data) {
        let (dir, i) = if control & 1 == 0 { (Dir::Up, 0) } else { (Dir::Down, 1) };
        let mut cx = Cx { head, sink: &mut heard, options: &options };
        if skip[i] == u64::MAX {
            parser.passed(dir, bytes.len() as u64, &mut cx);
        } else {
            let over = skip[i].min(bytes.len() as u64);
            skip[i] -= over;
            held[i].extend_from_slice(&bytes[over as usize..]);
        }
        while !held[i].is_empty() {
            let shown = held[i].len();
            match parser.data(dir, &held[i], &mut cx) {
                Step::Used(n) => {
                    assert!(n > 0 && n <= shown, "used {n} of {shown}");
                    held[i].drain(..n);
                }
                Step::More => {
                    assert!(shown < MAX_HELD || transport == Transport::Udp, "waits with {shown}");
                    break;
                }
                Step::Skip(n) => {
                    held[i].clear();
                    skip[i] = n;
                }
                Step::Done | Step::Become(_) => break 'talk,
            }
        }
        if transport == Transport::Udp {
            held[i].clear();
        }
        if control & 2 != 0 {
            held[i].clear();
            match parser.gap(dir, u64::from(control >> 2) * 7, &mut cx) {
                Step::Skip(n) => skip[i] = n,
                Step::Done | Step::Become(_) => break,
                Step::Used(_) | Step::More => skip[i] = 0,
            }
        }
    }
    parser.end(&mut Cx { head, sink: &mut heard, options: &options });
    heard.0
}

/// A conversation with one of the protocols: the probe is asked, the parser keeps the promises of its trait, and after `reset` the same
/// input gives the same acts.
pub fn conversation(specs: &[&Spec], data: &[u8]) {
    for spec in specs {
        let transports = [(spec.tcp, Transport::Tcp), (spec.udp, Transport::Udp)];
        for (_, transport) in transports.into_iter().filter(|(rides, _)| *rides) {
            let mut rest = data;
            let up = piece(&mut rest).map_or(&[][..], |p| p.1);
            let down = piece(&mut rest).map_or(&[][..], |p| p.1);
            let (up, down) = (up.get(..512).unwrap_or(up), down.get(..512).unwrap_or(down));
            let port = spec.ports.first().copied().unwrap_or(9);
            for (up, down) in [(up, down), (up, &[][..]), (&[][..], up)] {
                let _ =
                    (spec.probe)(&ProbeInput { up, down, client_port: 40000, server_port: port, datagram: transport == Transport::Udp });
            }
            let mut parser = (spec.start)();
            let first = run(&mut *parser, spec, transport, data);
            parser.reset();
            let second = run(&mut *parser, spec, transport, data);
            assert!(first == second, "reset leaves something behind");
        }
    }
}

/// Link types that the engine reads.
const LINKS: [u16; 18] = [1, 0, 12, 101, 105, 108, 113, 127, 228, 276, 9, 50, 51, 104, 119, 163, 239, 253];

/// One frame, without conversations.
pub fn frame(data: &[u8]) {
    if let Some((&link, bytes)) = data.split_first() {
        let _ = wire::decode::fuzz_frame(LINKS[usize::from(link) % LINKS.len()], bytes);
    }
}

/// Frames through the whole engine, with tables so small that they overflow.
pub fn engine(data: &[u8]) {
    let Some((&link, mut data)) = data.split_first() else { return };
    let config = Config {
        max_flows: 16, // The table holds no fewer, whatever is asked.
        max_stream_bytes: 64 << 10,
        max_hold_bytes: 16 << 10,
        max_pending_bytes: 32 << 10,
        max_fragment_bytes: 64 << 10,
        max_fragments: 4,
        max_observations: 16,
        max_parsers: 2,
        ..Config::default()
    };
    // What is held is the streams' and the fragments' together, and each has a bound of its own.
    let (most_flows, most_bytes) = (config.max_flows, config.max_stream_bytes + config.max_fragment_bytes);
    let mut engine = Engine::new(config, options());
    let mut heard = Heard::default();
    let mut time = 0i64;
    while let Some((delay, bytes)) = piece(&mut data) {
        time += i64::from(delay) * 10_000_000;
        let link = LinkType(LINKS[usize::from(link) % LINKS.len()]);
        engine.packet(
            &RawPacket { time: Time(time), sensor: SourceId(1), link, wire_len: bytes.len() as u32, vlan: None, data: bytes },
            &mut heard,
        );
        let (flows, held) = (engine.flows(), engine.held());
        assert!(flows <= most_flows && held <= most_bytes, "{flows} flows, {held} bytes held");
    }
    engine.finish(&mut heard);
    assert!(engine.flows() == 0 && engine.held() == 0);
}

/// A capture file of any kind.
pub fn capture(data: &[u8]) {
    let options = intake::file::Options { max_packet: 64 << 10, buffer: 16 << 10, ..intake::file::Options::default() };
    let reader = Box::new(std::io::Cursor::new(data.to_vec()));
    if let Ok(mut file) = intake::file::CaptureFile::from_reader_with(reader, "fuzz", options) {
        // Compressed input can unfold to much; what is read of it is bounded here, not there.
        for _ in 0..10_000 {
            match file.next() {
                Ok(Some(record)) => assert!(record.data.len() <= 64 << 10),
                Ok(None) | Err(_) => break,
            }
        }
    }
}

/// A rule file.
pub fn rules(data: &[u8]) {
    static MEASURES: std::sync::LazyLock<catalogue::Measures> = std::sync::LazyLock::new(catalogue::Measures::built_in);
    if let Ok(text) = std::str::from_utf8(data)
        && let Err(e) = catalogue::rules::read_rule("fuzz.toml", text, &MEASURES)
    {
        assert!(e.line >= 1 && !e.what.is_empty());
    }
}

/// Phrase files in both languages, cut at the first NUL.
pub fn phrases(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let (ja, en) = text.split_once('\0').unwrap_or((text, text));
        if let Ok(book) = catalogue::phrases::Phrasebook::new(&[(model::Lang::Ja, "ja.ftl", ja), (model::Lang::En, "en.ftl", en)]) {
            for key in book.keys() {
                let _ = book.say(model::Lang::Ja, key, &[]);
            }
        }
    }
}

/// A configuration file: what is accepted is written and read back as the same. (A database address is written without its password.)
pub fn config(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(config) = configuration::Config::parse(text, "fuzz.toml")
    {
        let again = configuration::Config::parse(&config.to_toml(), "again.toml");
        assert!(again.is_ok_and(|again| again == config || config.state.is_some()));
    }
}
