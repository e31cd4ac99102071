//! A sheet of A4 with a checkpoint, in both languages: for the safe, the accountant, the wall. Everything is drawn into one SVG; the HTML is the
//! same drawing with a page size around it. No script, no address, nothing from outside.

use crate::qr::Code;
use crate::words::Words;
use model::Time;
use proof::base64;
use proof::checkpoint::Checkpoint;
use proof::note::VerifierKey;
use std::fmt::Write;

/// What stands on it.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The note with the log's own signature.
    pub note: String,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The log's key.
    pub key: VerifierKey,
    /// When the sheet was made.
    pub made: Time,
}

/// Columns of the typed text on one line; longer lines of the note are wrapped, which the reader of paper undoes.
const COLUMNS: usize = 64;

/// The sheet as SVG, in millimetres.
pub fn svg(c: &Contents, ja: &Words, en: &Words) -> String {
    let mut d = Drawing::default();
    d.text(20.0, 24.0, 7.5, "b", &ja.say("checkpoint-title"));
    d.text(20.0, 31.0, 4.2, "", &en.say("checkpoint-title"));
    let mut y = 41.0;
    for (words, columns) in [(ja, 44), (en, 96)] {
        for key in ["checkpoint-about", "checkpoint-keep"] {
            for line in wrap(&words.say(key), columns) {
                d.text(20.0, y, 3.6, "", &line);
                y += 5.2;
            }
        }
        y += 1.5;
    }
    let size = c.checkpoint.size.to_string();
    let root = base64::encode(&c.checkpoint.root);
    let made = c.made.rfc3339();
    let made = made.split('.').next().map_or(made.clone(), |t| format!("{} UTC", t.replace('T', " ")));
    let fingerprint = c.key.fingerprint();
    let (first, second) = fingerprint.split_at_checked(39).unwrap_or((&fingerprint, ""));
    y += 3.0;
    let rows: [(&str, Vec<&str>); 5] = [
        ("checkpoint-log", vec![&c.checkpoint.origin]),
        ("checkpoint-size", vec![&size]),
        ("checkpoint-root", vec![&root]),
        ("checkpoint-fingerprint", vec![first, second.trim_start()]),
        ("checkpoint-made", vec![&made]),
    ];
    for (key, values) in rows {
        d.text(20.0, y, 3.2, "", &format!("{} / {}", ja.say(key), en.say(key)));
        for value in values {
            d.text(84.0, y, 3.6, "m", value);
            y += 5.4;
        }
        y += 1.0;
    }
    y += 3.0;
    // The code takes the width that is left beside nothing: a photograph from half a metre reads it.
    if let Some(code) = Code::of(&c.note) {
        let side = 72.0;
        let scale = side / code.side() as f64;
        let _ = write!(d.0, "<path transform=\"translate(69 {y:.1}) scale({scale:.4})\" d=\"{}\" fill=\"#000\"/>", code.path());
        y += side + 6.0;
    }
    d.text(20.0, y, 3.2, "", &format!("{} / {}", ja.say("checkpoint-text"), en.say("checkpoint-text")));
    y += 5.6;
    for line in c.note.lines() {
        let chars: Vec<char> = line.chars().collect();
        let mut pieces: Vec<String> = chars.chunks(COLUMNS).map(|p| p.iter().collect()).collect();
        // The name of a signature stays on one line with its dash.
        if let Some((name, bytes)) = line.rsplit_once(' ').filter(|_| line.starts_with('\u{2014}')) {
            let bytes: Vec<char> = bytes.chars().collect();
            pieces = std::iter::once(name.to_owned()).chain(bytes.chunks(COLUMNS).map(|p| p.iter().collect())).collect();
        }
        if pieces.is_empty() {
            y += 2.5;
        }
        for piece in pieces {
            d.text(20.0, y, 3.9, "m", &piece);
            y += 5.2;
        }
    }
    y += 3.0;
    for words in [(ja, 46), (en, 100)] {
        for line in wrap(&words.0.say("checkpoint-again"), words.1) {
            d.text(20.0, y, 3.3, "", &line);
            y += 4.8;
        }
    }
    let sign = format!("{} / {}", ja.say("checkpoint-sign"), en.say("checkpoint-sign"));
    let _ = write!(d.0, "<path d=\"M20 284h170\" stroke=\"#000\" stroke-width=\".25\"/>");
    d.text(20.0, 288.5, 3.0, "", &sign);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" height=\"297mm\" viewBox=\"0 0 210 297\" lang=\"ja\" role=\"img\"><title>{}</title>\
         <style>text{{font-family:'Noto Sans CJK JP','Noto Sans JP','Hiragino Sans','Yu Gothic',Meiryo,sans-serif;fill:#000}}.b{{font-weight:700}}\
         .m{{font-family:'Noto Sans Mono','DejaVu Sans Mono',Consolas,Menlo,monospace}}</style><rect width=\"210\" height=\"297\" fill=\"#fff\"/>{}</svg>\n",
        escape(&format!("{} {}", c.checkpoint.origin, c.checkpoint.size)),
        d.0
    )
}

/// The sheet as a page that prints on A4.
pub fn html(c: &Contents, ja: &Words, en: &Words) -> String {
    let title = escape(&format!("{} {} {}", ja.say("checkpoint-title"), c.checkpoint.origin, c.checkpoint.size));
    format!(
        "<!doctype html>\n<html lang=\"ja\"><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title}</title><style>@page{{size:A4;margin:0}}body{{margin:0;background:#fff}}svg{{display:block;margin:0 auto;max-width:100%;height:auto}}\
         @media print{{svg{{width:210mm;height:296.9mm}}}}</style>\n{}</html>\n",
        svg(c, ja, en)
    )
}

#[derive(Default)]
struct Drawing(String);

impl Drawing {
    fn text(&mut self, x: f64, y: f64, size: f64, class: &str, words: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let _ = write!(self.0, "<text x=\"{x}\" y=\"{y:.1}\" font-size=\"{size}\"{class} xml:space=\"preserve\">{}</text>", escape(words));
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

/// Lines of about so many characters: between words of letters, anywhere in Japanese, but never before a sign that may not begin a line.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for c in text.chars() {
        let no_start = matches!(c, '。' | '、' | '）' | '」' | 'ー' | '.' | ',' | ')' | ' ');
        if line.chars().count() >= columns && !no_start {
            // A word of letters goes to the next line whole.
            let word = if c.is_ascii_graphic() { line.chars().rev().take_while(char::is_ascii_graphic).count() } else { 0 };
            let rest = if word < line.len() { line.split_off(line.len() - word) } else { String::new() };
            lines.push(std::mem::replace(&mut line, rest).trim_end().to_owned());
        }
        line.push(c);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Lang;
    use proof::note::SigningKey;
    use proof::paper::Paper;

    #[test]
    fn the_sheet_fits_and_its_text_is_read_again() {
        let key = SigningKey::from_seed("hinomi.local/019ab000-0000-7000-8000-000000000001", [9; 32]).unwrap();
        let checkpoint = Checkpoint { origin: key.vkey().name().into(), size: 123_456, root: [0xa7; 32], extensions: vec![] };
        let note = checkpoint.sign(&key).unwrap().to_string();
        let made = Time::parse_rfc3339("2026-11-20T08:05:09Z").unwrap();
        let c = Contents { note: note.clone(), checkpoint, key: key.vkey().clone(), made };
        let (ja, en) = (Words::new(Lang::Ja).unwrap(), Words::new(Lang::En).unwrap());
        let sheet = svg(&c, &ja, &en);
        assert!(!sheet.contains('⟦') && sheet.contains("2026-11-20 08:05:09 UTC"), "{sheet}");
        let texts: Vec<(f64, String)> = sheet
            .split("<text ")
            .skip(1)
            .map(|t| {
                let y: f64 = t.split("y=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
                let words = t.split_once('>').unwrap().1.split("</text>").next().unwrap();
                (y, words.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
            })
            .collect();
        // The foot of the page begins at 284.
        assert!(texts.iter().rev().skip(1).all(|(y, _)| *y < 282.0), "{texts:?}");
        // Somebody types what stands under the heading.
        let from = texts.iter().position(|(_, t)| t.contains(&en.say("checkpoint-text"))).unwrap() + 1;
        let to = texts.iter().position(|(_, t)| t.starts_with(&ja.say("checkpoint-again").chars().take(6).collect::<String>())).unwrap();
        let typed: String = texts[from..to].iter().map(|(_, t)| t.clone() + "\n").collect();
        assert_eq!(Paper::parse(typed.as_bytes()).unwrap().note.unwrap().to_string(), note);
        assert!(html(&c, &ja, &en).contains("@page{size:A4"));
    }
}
