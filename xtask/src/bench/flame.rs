//! Where the time of `hinomi inspect` goes: samples by `perf`, drawn as a flame graph into docs/flame.svg.

use super::capture::mix;
use crate::shell;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Width of the picture, height of a row, and the narrowest share that is drawn.
const WIDTH: f64 = 1200.0;
const ROW: usize = 18;
const LEAST: f64 = 0.002;

#[derive(Default)]
struct Node {
    samples: u64,
    under: BTreeMap<String, Node>,
}

/// `binary` must have its symbols (profile quick has).
pub fn run(binary: &Path, work: &Path) -> Result<()> {
    if !shell::has("perf") {
        bail!("perf is not installed: apt-get install linux-perf");
    }
    let capture = mix(work, 256)?;
    let data = work.join("perf.data");
    // Once without looking, so that the capture is in memory and its first reading is not what is shown.
    Command::new(binary).args(["inspect", "--json"]).arg(&capture).stdout(Stdio::null()).status()?;
    let recorded = Command::new("perf")
        .args(["record", "-e", "cpu-clock", "-F", "1999", "--call-graph", "dwarf,8192", "-o"])
        .arg(&data)
        .args(["taskset", "-c", "0"])
        .arg(binary)
        .args(["inspect", "--json"])
        .arg(&capture)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot start perf")?;
    if !recorded.success() {
        bail!("perf could not record ({recorded}); is /proc/sys/kernel/perf_event_paranoid above 1?");
    }
    let script =
        Command::new("perf").args(["script", "--no-inline", "-F", "comm,ip,sym", "-i"]).arg(&data).stderr(Stdio::null()).output()?;
    let (tree, own) = fold(&String::from_utf8_lossy(&script.stdout));
    if tree.samples == 0 {
        bail!("perf gave no samples");
    }
    let file = shell::root().join("docs/flame.svg");
    std::fs::write(&file, draw(&tree))?;
    println!("{} samples, drawn into {}; where they fell:", tree.samples, file.display());
    let mut own: Vec<_> = own.into_iter().collect();
    own.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), name.clone()));
    for (name, n) in own.iter().take(25) {
        println!("{:5.1} %  {name}", *n as f64 * 100.0 / tree.samples as f64);
    }
    Ok(())
}

/// Stacks as a tree from the outermost call inwards, and the samples of each function by itself.
fn fold(script: &str) -> (Node, BTreeMap<String, u64>) {
    let (mut tree, mut own) = (Node::default(), BTreeMap::<String, u64>::new());
    // A sample is a line with the program's name, its frames from the innermost on, and an empty line.
    for sample in script.split("\n\n").filter(|s| s.contains("hinomi")) {
        let mut frames: Vec<String> = sample.lines().filter(|l| l.starts_with([' ', '\t'])).filter_map(symbol).collect();
        let Some(inner) = frames.first().cloned() else { continue };
        *own.entry(inner).or_default() += 1;
        // What lies outside of the inspection is start-up and the run-time's own.
        if let Some(at) = frames.iter().rposition(|f| f.starts_with("hinomi::inspect")) {
            frames.truncate(at + 1);
        }
        tree.samples += 1;
        let mut node = &mut tree;
        for frame in frames.into_iter().rev() {
            node = node.under.entry(frame).or_default();
            node.samples += 1;
        }
    }
    (tree, own)
}

/// The function of a line `   ADDRESS NAME+0xOFFSET`, without its hash.
fn symbol(line: &str) -> Option<String> {
    let (_, name) = line.trim().split_once(' ')?;
    let name = name.rsplit_once("+0x").map_or(name, |(n, _)| n);
    let name = name.rsplit_once("::h").filter(|(_, h)| h.len() == 16).map_or(name, |(n, _)| n);
    Some(name.to_owned())
}

fn draw(tree: &Node) -> String {
    fn depth(node: &Node) -> usize {
        node.under.values().map(depth).max().map_or(0, |d| d + 1)
    }
    fn escape(text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }
    fn rows(node: &Node, left: f64, row: usize, all: u64, out: &mut String) {
        let mut x = left;
        for (name, child) in &node.under {
            let width = child.samples as f64 / all as f64 * WIDTH;
            if width >= LEAST * WIDTH {
                let colour = match name {
                    n if n.contains("wire::") => "#f4b183",
                    n if n.contains("intake::") => "#9dc3e6",
                    n if n.contains("hinomi::") => "#ffe08a",
                    n if n.contains("::") => "#c5e0b4",
                    _ => "#d9d9d9",
                };
                let (name, y) = (escape(name), row * ROW);
                let share = child.samples as f64 * 100.0 / all as f64;
                let _ = write!(
                    out,
                    "<g><title>{name}: {share:.1} %</title><rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>",
                    ROW - 1
                );
                let room = (width / 6.6) as usize;
                if room > 5 {
                    let short: String = name.rsplit("::").take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("::");
                    let short: String = short.chars().take(room).collect();
                    let _ = write!(out, "<text x=\"{:.1}\" y=\"{}\">{short}</text>", x + 3.0, y + ROW - 6);
                }
                out.push_str("</g>\n");
                rows(child, x, row + 1, all, out);
            }
            x += width;
        }
    }
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" font-family=\"monospace\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        depth(tree) * ROW
    );
    rows(tree, 0.0, 0, tree.samples, &mut out);
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_become_a_picture() {
        let script = "hinomi\n\t  55 wire::a<T>+0x1\n\t 56 hinomi::inspect::lanes::read::h0123456789abcdef+0x2\n\t 57 main+0x3\n\n\
                      hinomi\n\t 58 wire::b+0x9\n\t 56 hinomi::inspect::lanes::read+0x2\n\nother\n\t 1 x+0x1\n";
        let (tree, own) = fold(script);
        assert_eq!((tree.samples, own["wire::a<T>"], tree.under["hinomi::inspect::lanes::read"].samples), (2, 1, 2));
        let svg = draw(&tree);
        assert!(svg.contains("wire::a&lt;T&gt;: 50.0 %") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
