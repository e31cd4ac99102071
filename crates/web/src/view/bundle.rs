//! Script, style and sign of the console, as built by `crates/web/ui/build.mjs` and carried in the program.

use std::io::Write;
use std::sync::LazyLock;

/// A file served under `/ui/`.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub mime: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// The service worker of the stocktake's pages.
pub const WORKER: &str = "stocktake-worker.js";

/// Every file.
pub const FILES: &[File] = &[
    File { name: "console.js", mime: "text/javascript; charset=utf-8", bytes: include_bytes!("../../assets/console.js") },
    File { name: "console.css", mime: "text/css; charset=utf-8", bytes: include_bytes!("../../assets/console.css") },
    File { name: WORKER, mime: "text/javascript; charset=utf-8", bytes: include_bytes!("../../assets/stocktake-worker.js") },
    File { name: "favicon.svg", mime: "image/svg+xml", bytes: include_bytes!("../../assets/favicon.svg") },
];

/// First half of the SHA-256 of the files, written by the build: the `v` of their addresses. A new version has new addresses, so
/// that each may be cached for ever.
pub const VERSION: &str = include_str!("../../assets/version.txt").trim_ascii();

/// The files packed by gzip, at the first use and once: they are the same until Hinomi ends.
static PACKED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| FILES.iter().map(|f| pack(f.bytes)).collect());

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory cannot fail; if it did, the file would be served as it is.
    if out.write_all(bytes).is_ok() { out.finish().unwrap_or_default() } else { Vec::new() }
}

/// The file packed by gzip, where that makes it smaller.
pub fn packed(name: &str) -> Option<&'static [u8]> {
    let (file, packed) = FILES.iter().zip(PACKED.iter()).find(|(f, _)| f.name == name)?;
    (!packed.is_empty() && packed.len() < file.bytes.len()).then_some(packed.as_slice())
}

/// The file of that name.
pub fn file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|f| f.name == name)
}
