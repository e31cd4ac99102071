//! docs/store-columns.md says what columns.rs does.

use model::event::Table;
use proof::canon::columns::Kind;
use std::fmt::Write;
use vault::columns::{self, TableColumns};

const BEGIN: &str = "<!-- tables: written by `HINOMI_WRITE_DOCS=1 cargo test -p vault --test ask` -->\n";

fn place(table: &TableColumns, name: &str) -> Option<(String, &'static str, String)> {
    let column = table.layout.columns.iter().find(|c| c.name == name)?;
    let path = column.path.iter().map(|n| proof::names::by_number(u64::from(*n)).map_or("?", |n| n.name)).collect::<Vec<_>>().join(".");
    let what = match column.kind {
        Kind::Number => "whole number",
        Kind::Time => "time",
        Kind::Flag => "true or false",
        Kind::Text => "text",
        Kind::Name => "name of an enumeration",
        Kind::Bytes => "address or UUID as text",
    };
    Some((path, proof::canon::GROUPS[column.group], what.into()))
}

fn tables() -> String {
    let mut out = String::from(BEGIN);
    for table in Table::ALL {
        let t = columns::of(table);
        let _ = write!(out, "\n## {}\n\n| column | place in the tree | group | what |\n| --- | --- | --- | --- |\n", table.name());
        for field in t.schema.fields() {
            let name = field.name().as_str();
            let _ = match place(t, name) {
                Some((path, group, what)) => writeln!(out, "| `{name}` | `{path}` | {group} | {what} |"),
                None => writeln!(out, "| `{name}` | | | {} |", beside(name)),
            };
        }
    }
    out
}

fn beside(name: &str) -> &'static str {
    match name {
        "seq" => "number of the record; not in the tree",
        "batch" => "number of the batch that it was committed in; not in the tree",
        "time" => "help: `happened` where there is one, else `received`",
        "kind" => "help: which sort of act or deed",
        "about" => "help: what it was about (host, name, account, file, topic; the actor in audit)",
        "erased" => {
            "absent; where the batch's secret was destroyed: of an erased record the salt of the core (16 bytes) and the hashes of the three other groups (32 bytes each); of another record of the batch its four salts (16 bytes each)"
        }
        _ => "CBOR of what has no column of its own in this group",
    }
}

#[test]
fn the_page_of_columns_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/store-columns.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (words, written) = page.split_at(page.find(BEGIN).expect("the mark before the tables"));
    let expected = tables();
    if std::env::var_os("HINOMI_WRITE_DOCS").is_some() {
        std::fs::write(path, format!("{words}{expected}")).unwrap();
        return;
    }
    assert!(written == expected, "docs/store-columns.md is not what columns.rs does: run with HINOMI_WRITE_DOCS=1");
}
