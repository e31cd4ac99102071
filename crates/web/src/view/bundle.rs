//! Script, style and sign of the console, as built by `crates/web/ui/build.mjs` and carried in the program.

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

/// Every file.
pub const FILES: &[File] = &[
    File { name: "console.js", mime: "text/javascript; charset=utf-8", bytes: include_bytes!("../../assets/console.js") },
    File { name: "console.css", mime: "text/css; charset=utf-8", bytes: include_bytes!("../../assets/console.css") },
    File { name: "favicon.svg", mime: "image/svg+xml", bytes: include_bytes!("../../assets/favicon.svg") },
];

/// First half of the SHA-256 of the files, written by the build: the `v` of their addresses. A new version has new addresses, so
/// that each may be cached for ever.
pub const VERSION: &str = include_str!("../../assets/version.txt").trim_ascii();

/// The file of that name.
pub fn file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|f| f.name == name)
}
