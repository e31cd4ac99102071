//! Turns catalogue/documents/measures.yaml into a table that costs nothing to read at start: one line per measure,
//! `id TAB document TAB title_ja TAB title_en TAB layer`, sorted by id.

use serde::Deserialize;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

#[derive(Deserialize)]
struct File {
    controls: Vec<Measure>,
}

#[derive(Deserialize)]
struct Measure {
    id: String,
    doc: String,
    title_ja: String,
    title_en: String,
    layer: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    println!("cargo::rerun-if-changed=build.rs");
    let source = root.join("documents/measures.yaml");
    println!("cargo::rerun-if-changed={}", source.display());
    let text = std::fs::read_to_string(&source).map_err(|e| format!("{}: {e}", source.display()))?;
    let mut file: File = serde_saphyr::from_str(&text).map_err(|e| format!("{}: {e}", source.display()))?;
    file.controls.sort_by(|a, b| a.id.cmp(&b.id));
    let mut table = String::new();
    for pair in file.controls.windows(2) {
        if pair.first().map(|m| &m.id) == pair.get(1).map(|m| &m.id) {
            return Err(format!("{}: a measure id stands twice: {}", source.display(), pair.first().map_or("", |m| &m.id)).into());
        }
    }
    for m in &file.controls {
        for field in [&m.id, &m.doc, &m.title_ja, &m.title_en, &m.layer] {
            if field.contains(['\t', '\n']) {
                return Err(format!("{}: {}: a field holds a tab or a line break", source.display(), m.id).into());
            }
        }
        writeln!(table, "{}\t{}\t{}\t{}\t{}", m.id, m.doc, m.title_ja, m.title_en, m.layer)?;
    }
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("measures.tsv"), table)?;
    Ok(())
}
