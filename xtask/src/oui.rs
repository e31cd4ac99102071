//! `cargo xtask oui`: the maker names of hardware addresses, anew from the registry as Debian packages it.

use crate::shell;
use anyhow::{Context, Result};
use std::path::PathBuf;

pub fn run(args: &[String]) -> Result<()> {
    let folder = args.first().map_or_else(|| PathBuf::from("/usr/share/ieee-data"), PathBuf::from);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).with_context(|| format!("cannot read {}: apt-get install ieee-data, or name the folder", folder.join(name).display()));
    let version = shell::output("dpkg-query", &["-W", "-f=${Version}", "ieee-data"]).unwrap_or_else(|_| "unknown version".into());
    let tsv = catalogue::oui::convert(&read("oui.csv")?, &read("mam.csv")?, &read("oui36.csv")?, &format!("Debian package ieee-data {version}"))?;
    let to = shell::root().join("catalogue/data/oui.tsv");
    std::fs::write(&to, &tsv)?;
    println!("{}: {} lines", to.display(), tsv.lines().count());
    Ok(())
}
