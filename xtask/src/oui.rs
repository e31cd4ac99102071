//! `cargo xtask oui`: the maker names of hardware addresses, anew from the registry as Debian packages it.

use crate::shell;
use anyhow::{Context, Result};
use std::path::PathBuf;

pub fn run(args: &[String]) -> Result<()> {
    let folder = args.first().map_or_else(|| PathBuf::from("/usr/share/ieee-data"), PathBuf::from);
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(name))
            .with_context(|| format!("cannot read {}: apt-get install ieee-data, or name the folder", folder.join(name).display()))
    };
    let version = shell::output("dpkg-query", &["-W", "-f=${Version}", "ieee-data"]).unwrap_or_else(|_| "of unknown version".into());
    let header = format!(
        "# Makers by hardware address: IEEE registries MA-L, MA-M and MA-S (https://standards.ieee.org/products-programs/regauth/).\n\
         # From the Debian package ieee-data {version}, files oui.csv, mam.csv, oui36.csv.\n\
         # IEEE asserts no copyright in the public listing and does not restrict its distribution (debian/copyright of that package: public domain).\n"
    );
    let (tsv, skipped) = catalogue::oui::convert(&[&read("oui.csv")?, &read("mam.csv")?, &read("oui36.csv")?], &header);
    let to = shell::root().join("catalogue/data/oui.tsv");
    std::fs::write(&to, &tsv)?;
    println!("{}: {} lines, {skipped} rows passed over", to.display(), tsv.lines().count());
    Ok(())
}
