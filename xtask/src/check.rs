//! `cargo xtask check`: format, lints, who may import whom, licences, locale keys, and docs that name only what exists.

use crate::shell;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub fn run() -> Result<()> {
    shell::run("cargo", &["fmt", "--all", "--check"])?;
    let metadata: Value = serde_json::from_str(&shell::output("cargo", &["metadata", "--format-version", "1"])?)?;
    report("import rules", imports(&metadata))?;
    report("pure crates", pure_sources())?;
    report("licences and bans", licences(&metadata))?;
    report("locale keys", locales())?;
    shell::run("cargo", &["clippy", "--workspace", "--all-targets", "--profile", "quick", "--", "-D", "warnings"])?;
    let binary = shell::hinomi("quick")?;
    report("docs", docs(&binary))
}

fn report(name: &str, problems: Result<Vec<String>>) -> Result<()> {
    let problems = problems.with_context(|| name.to_owned())?;
    if problems.is_empty() {
        eprintln!("== {name}: ok");
        return Ok(());
    }
    bail!("{name}:\n  {}", problems.join("\n  "))
}

/// Who may import whom among our own crates (docs/adr/0001-rooms.md).
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("catalogue", &["model"]),
    ("wire", &["model"]),
    ("proof", &[]),
    ("vault", &["model", "proof"]),
    ("state", &["model"]),
    ("detect", &["model", "catalogue"]),
    ("intake", &["model", "wire"]),
    ("web", &["model", "catalogue", "proof", "state", "vault"]),
    ("hinomi", &["model", "catalogue", "proof", "wire", "intake", "vault", "state", "detect", "web"]),
    ("xtask", &["model", "catalogue", "wire", "intake", "vault", "state"]),
    ("end-to-end", &["model", "xtask", "proof"]),
];

/// Crates that are pure: no runtime, SQL, sockets; and who alone may use a heavy crate.
const PURE: &[&str] = &["model", "catalogue", "wire", "detect", "proof"];
const IMPURE: &[&str] = &["tokio", "sqlx", "axum", "hyper", "rustls", "rustix", "libc", "getrandom"];
const ONLY_IN: &[(&str, &[&str])] = &[("sqlx", &["state"]), ("axum", &["web"]), ("askama", &["web"]), ("libc", &["intake"])];

fn imports(metadata: &Value) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let members: BTreeSet<&str> = metadata["workspace_members"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for package in metadata["packages"].as_array().context("no packages")? {
        if !package["id"].as_str().is_some_and(|id| members.contains(id)) {
            continue;
        }
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(n, _)| *n == name) else {
            problems.push(format!("crate '{name}' has no place in the plan: add it to xtask/src/check.rs with an ADR"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = dependency["name"].as_str().unwrap_or_default();
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            if MAY_IMPORT.iter().any(|(n, _)| *n == other) && !allowed.contains(&other) {
                problems.push(format!("'{name}' imports '{other}', which it may not; it may import: {}", allowed.join(", ")));
            }
            if PURE.contains(&name) && IMPURE.contains(&other) {
                problems.push(format!("'{name}' is pure and must not depend on '{other}'"));
            }
            if let Some((_, rooms)) = ONLY_IN.iter().find(|(c, _)| *c == other)
                && !rooms.contains(&name)
            {
                problems.push(format!("'{other}' belongs in {} only, not in '{name}'", rooms.join(", ")));
            }
        }
    }
    Ok(problems)
}

/// Words that a pure crate does not say outside its tests.
const NOT_PURE: &[&str] =
    &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "std::fs::", "TcpStream", "UdpSocket", "TcpListener"];

fn pure_sources() -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for name in PURE {
        for file in files_under(&shell::root().join("crates").join(name).join("src"), "rs")? {
            let text = std::fs::read_to_string(&file)?;
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (n, line) in code.lines().enumerate() {
                let bare = line.trim_start();
                if let Some(word) = NOT_PURE.iter().find(|w| line.contains(**w))
                    && !bare.starts_with("//")
                    && !file.ends_with("catalogue/src/load.rs")
                {
                    problems.push(format!("{}:{}: a pure crate says {word}; pass it in", file.display(), n + 1));
                }
            }
        }
    }
    Ok(problems)
}

/// Licences by deny.toml: by cargo-deny where it is installed, else by our own reading of the same list.
fn licences(metadata: &Value) -> Result<Vec<String>> {
    if shell::has("cargo-deny") {
        return match shell::run("cargo", &["deny", "--offline", "check", "bans", "licenses", "sources"]) {
            Ok(()) => Ok(vec![]),
            Err(e) => Ok(vec![e.to_string()]),
        };
    }
    let deny: toml::Table = std::fs::read_to_string(shell::root().join("deny.toml"))?.parse()?;
    let allowed: BTreeSet<&str> = deny["licenses"]["allow"].as_array().into_iter().flatten().filter_map(toml::Value::as_str).collect();
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let expression = package["license"].as_str().unwrap_or_default();
        if !licence_holds(expression, &allowed) {
            problems.push(format!(
                "{name} {}: licence '{expression}' is not on deny.toml's list",
                package["version"].as_str().unwrap_or_default()
            ));
        }
        if let Some(source) = package["source"].as_str()
            && !source.starts_with("registry+https://github.com/rust-lang/crates.io-index")
        {
            problems.push(format!("{name}: comes from {source}, not from crates.io"));
        }
    }
    Ok(problems)
}

/// Whether an SPDX expression can be met with the allowed licences (OR, AND, parentheses; `/` as OR for old manifests).
fn licence_holds(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let holds = any(&words, &mut at, allowed);
    holds && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut holds = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        holds |= all(words, at, allowed);
    }
    holds
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut holds = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        holds &= one(words, at, allowed);
    }
    holds
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let holds = any(words, at, allowed);
        *at += 1;
        return holds;
    }
    if words.get(*at) == Some(&"WITH") {
        let full = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
        return allowed.contains(full.as_str());
    }
    allowed.contains(word)
}

/// Both languages have the same phrase files, keys and variables; the phrase book itself refuses anything else.
fn locales() -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for folder in ["crates/web/locales", "crates/hinomi/locales"] {
        let mut texts = Vec::new();
        for lang in model::Lang::ALL {
            for file in files_under(&shell::root().join(folder).join(lang.tag()), "ftl")? {
                texts.push((lang, file.display().to_string(), std::fs::read_to_string(&file)?));
            }
        }
        let sources: Vec<(model::Lang, &str, &str)> = texts.iter().map(|(l, n, t)| (*l, n.as_str(), t.as_str())).collect();
        if let Err(e) = catalogue::phrases::Phrasebook::new(&sources) {
            problems.push(e.to_string());
        }
    }
    Ok(problems)
}

/// Docs name no command, setting, make target or xtask command that does not exist.
fn docs(binary: &Path) -> Result<Vec<String>> {
    let root = shell::root();
    let mut pages: Vec<PathBuf> =
        ["README.md", "README.ja.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].iter().map(|f| root.join(f)).collect();
    pages.extend(files_under(&root.join("docs"), "md")?);
    let binary_name = binary.display().to_string();
    let settings: BTreeSet<String> = setting_names(&shell::output(&binary_name, &["config", "show", "--lang", "en"])?);
    let makefile = std::fs::read_to_string(root.join("Makefile"))?;
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|l| l.split_once(':'))
        .map(|(t, _)| t)
        .filter(|t| t.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect();
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    let mut problems = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        for (line, code) in code_spans(&text) {
            let place = format!("{}:{line}", page.strip_prefix(&root).unwrap_or(&page).display());
            let words: Vec<&str> = code.split_whitespace().collect();
            match words.as_slice() {
                ["hinomi", rest @ ..] => {
                    let nouns: Vec<&str> = rest.iter().copied().take_while(|w| w.chars().all(|c| c.is_ascii_lowercase())).take(2).collect();
                    let options: Vec<&str> =
                        rest.iter().copied().filter(|w| w.starts_with("--")).map(|w| w.split('=').next().unwrap_or(w)).collect();
                    let call = nouns.join(" ");
                    let mut arguments = nouns.clone();
                    arguments.push("--help");
                    let help = std::process::Command::new(binary).args(&arguments).output()?;
                    if !*known.entry(call.clone()).or_insert(help.status.success()) {
                        problems.push(format!("{place}: there is no command 'hinomi {call}'"));
                        continue;
                    }
                    let shown = String::from_utf8_lossy(&help.stdout);
                    for option in options {
                        if !shown.contains(option) {
                            problems.push(format!("{place}: 'hinomi {call}' has no option {option}"));
                        }
                    }
                }
                ["make", target, ..] if !targets.contains(target) => problems.push(format!("{place}: there is no make target '{target}'")),
                [word] => {
                    if let Some((section, key)) = word.split_once('.')
                        && ["console", "data", "capture", "memory", "vault"].contains(&section)
                        && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                        && !["rs", "toml", "md", "csv", "pcap", "css", "js", "json"].contains(&key)
                        && !settings.contains(*word)
                    {
                        problems.push(format!("{place}: there is no setting '{word}'"));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(problems)
}

/// `table.key` of every line of a configuration file.
fn setting_names(text: &str) -> BTreeSet<String> {
    let mut section = String::new();
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if let Some(table) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            table.clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once(" = ")
            && !line.starts_with('#')
        {
            let mut name = section.clone();
            let _ = write!(name, ".{key}");
            names.insert(name);
        }
    }
    names
}

/// Code spans and lines of code blocks, with their line numbers.
fn code_spans(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut block = false;
    for (n, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            block = !block;
            continue;
        }
        if block {
            found.push((n + 1, line.trim().trim_start_matches("$ ").to_owned()));
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(|code| (n + 1, code.to_owned())));
        }
    }
    found
}

fn files_under(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_path_buf()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions() {
        let allowed: BTreeSet<&str> = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-3-Clause"].into();
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-2.0) AND BSD-3-Clause",
            "Unlicense/MIT",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        ] {
            assert!(licence_holds(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT MIT"] {
            assert!(!licence_holds(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn code_is_found_in_spans_and_blocks() {
        let text = "use `hinomi run`\n```\n$ make test\n```\nand `console.listen`";
        assert_eq!(code_spans(text), vec![(1, "hinomi run".into()), (3, "make test".into()), (5, "console.listen".into())]);
    }
}
