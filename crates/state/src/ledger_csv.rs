//! The ledger as a CSV file, as spreadsheets in Japan write and read it. Pure: bytes in, rows out, and back.
//!
//! Excel in Japan saves "CSV" as Shift_JIS (Windows-31J) and opens a file as that unless it begins with a byte order mark; older
//! Unix systems give EUC-JP; Excel's "Unicode text" is UTF-16 with tabs. A file says nowhere which it is, so we look: byte order
//! mark, then whether it is UTF-8, then which of the two legacy encodings makes known column names of the first line.
//!
//! A cell that begins with `=`, `+`, `-`, `@` or a control character would be run as a formula by the spreadsheet that opens it,
//! and names come from the wire. Such cells are written with an apostrophe before them, and lose it again when they are read.

use crate::ledger::{ImportRow, RowProblem, RowReason};
use crate::text::{cut, fold};
use encoding_rs::{DecoderResult, EUC_JP, SHIFT_JIS, UTF_16BE, UTF_16LE};
use model::asset::{Importance, InternetNeed, Kind, Property};
use model::{Asset, AssetState, Lang, Mac, Time, ZoneId};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How a file's text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without byte order mark; written with one, for Excel.
    Utf8,
    /// Shift_JIS as Windows has it (CP932).
    ShiftJis,
    /// EUC-JP; read only.
    EucJp,
    /// UTF-16 with byte order mark (Excel's "Unicode text"); read only.
    Utf16,
    /// No text: an Excel workbook.
    Excel,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// How it was written.
    pub encoding: Encoding,
    /// Rows that are in order.
    pub rows: Vec<ImportRow>,
    /// Rows that are not.
    pub problems: Vec<RowProblem>,
    /// Headers that we do not know; their columns were not read.
    pub ignored: Vec<String>,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub bytes: Vec<u8>,
    /// Characters that the encoding lacks, with how often they were replaced by `〓` (geta, as printers do).
    pub replaced: BTreeMap<char, u64>,
}

/// Why a file could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// Larger than we take.
    #[error("the file has {bytes} bytes; at most {MOST_BYTES} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// More rows than we take.
    #[error("the file has more than {MOST_ROWS} rows; split it")]
    TooManyRows,
    /// The text is in no encoding that we read.
    #[error("line {line} is neither UTF-8 nor Shift_JIS nor EUC-JP; save the file as CSV UTF-8")]
    Encoding {
        /// Where the first wrong byte is.
        line: u64,
    },
    /// Nothing in it.
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    /// No column that we know.
    #[error("the first line names no column that Hinomi knows; take an export as a pattern")]
    NoHeader,
    /// An Excel workbook that cannot be read.
    #[error(transparent)]
    Sheet(#[from] crate::sheet::SheetError),
    /// A column twice.
    #[error("the column {0} stands twice in the first line")]
    DoubleColumn(String),
}

/// The largest file that is read, bytes.
pub const MOST_BYTES: usize = 32 << 20;
/// The most rows that are read.
pub const MOST_ROWS: usize = 50_000;
/// The most characters of a cell.
pub const MOST_CELL: usize = 2_000;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Id,
    Name,
    Mac,
    Ip,
    State,
    Kind,
    Maker,
    ModelNumber,
    Serial,
    SoftwareVersion,
    SupportEnd,
    Owner,
    Administrator,
    Place,
    Purpose,
    Zone,
    Importance,
    Notes,
    Internet,
    InternetDestinations,
    InternetReason,
    InternetProtection,
    InternetApprovedBy,
    InternetUntil,
    // Written for the reader, not read back.
    SeenKind,
    SeenMaker,
    FirstSeen,
    LastSeen,
}

/// Japanese header, English header, and what else people call it (folded, without spaces and marks).
const COLUMNS: [(Column, &str, &str, &[&str]); 28] = [
    (Column::Id, "ID", "ID", &["資産id", "assetid"]),
    (Column::Name, "名称", "Name", &["名前", "資産名", "機器名", "機器名称", "ホスト名", "hostname", "devicename", "assetname"]),
    (Column::Mac, "MACアドレス", "MAC address", &["mac", "物理アドレス", "hardwareaddress"]),
    (Column::Ip, "IPアドレス", "IP address", &["ip", "ipv4アドレス", "ipv4", "address"]),
    (Column::State, "状態", "State", &["status", "ステータス"]),
    (Column::Kind, "種別", "Kind", &["種類", "機器種別", "分類", "type", "category"]),
    (Column::Maker, "メーカー", "Maker", &["メーカ", "製造元", "製造者", "製造会社", "manufacturer", "vendor"]),
    (Column::ModelNumber, "型番", "Model number", &["型式", "品番", "機種", "model", "modelno"]),
    (Column::Serial, "シリアル番号", "Serial number", &["製造番号", "シリアル", "serial", "serialno", "sn"]),
    (
        Column::SoftwareVersion,
        "ソフトウェア版",
        "Software version",
        &["バージョン", "ソフトウェアバージョン", "ファームウェア", "ファームウェア版", "版", "version", "firmware"],
    ),
    (Column::SupportEnd, "サポート期限", "Support end", &["サポート終了", "サポート終了日", "保守期限", "endofsupport", "eos"]),
    (Column::Owner, "所有者", "Owner", &["責任者"]),
    (Column::Administrator, "管理者", "Administrator", &["担当", "担当者", "管理担当", "admin"]),
    (Column::Place, "設置場所", "Place", &["場所", "location"]),
    (Column::Purpose, "用途", "Purpose", &["目的", "use"]),
    (Column::Zone, "区域", "Zone", &["ゾーン", "エリア"]),
    (Column::Importance, "重要度", "Importance", &["priority"]),
    (Column::Notes, "備考", "Notes", &["メモ", "注記", "note", "remarks"]),
    (Column::Internet, "インターネット", "Internet", &["インターネット接続", "外部接続", "internetneed"]),
    (Column::InternetDestinations, "接続先", "Internet destinations", &["インターネット接続先", "通信先", "外部接続先", "destinations"]),
    (Column::InternetReason, "接続の理由", "Internet reason", &["接続理由", "接続目的"]),
    (Column::InternetProtection, "接続の保護", "Internet protected by", &["保護手段", "防護手段"]),
    (Column::InternetApprovedBy, "接続の承認者", "Internet approved by", &["承認者"]),
    (Column::InternetUntil, "接続の期限", "Internet until", &["接続期限", "承認期限"]),
    (Column::SeenKind, "種別（推定）", "Kind (guess)", &[]),
    (Column::SeenMaker, "メーカー（推定）", "Maker (guess)", &[]),
    (Column::FirstSeen, "初めて見た日時", "First seen", &[]),
    (Column::LastSeen, "最後に見た日時", "Last seen", &[]),
];

const STATES: [(AssetState, &str, &str); 6] = [
    (AssetState::Discovered, "発見", "Discovered"),
    (AssetState::Registered, "登録済み", "Registered"),
    (AssetState::Unused, "未使用", "Unused"),
    (AssetState::Faulty, "故障", "Faulty"),
    (AssetState::Retired, "廃棄済み", "Retired"),
    (AssetState::Denied, "拒否", "Denied"),
];
const KINDS: [(Kind, &str, &str); 18] = [
    (Kind::Pc, "パソコン", "PC"),
    (Kind::Server, "サーバー", "Server"),
    (Kind::Nas, "NAS", "NAS"),
    (Kind::Printer, "複合機・プリンター", "Printer"),
    (Kind::Camera, "カメラ", "Camera"),
    (Kind::Phone, "電話・タブレット", "Phone"),
    (Kind::Router, "ルーター", "Router"),
    (Kind::Switch, "スイッチ", "Switch"),
    (Kind::AccessPoint, "アクセスポイント", "Access point"),
    (Kind::Plc, "PLC", "PLC"),
    (Kind::Hmi, "表示器", "HMI"),
    (Kind::Control, "制御機器", "Control equipment"),
    (Kind::Iot, "IoT機器", "IoT device"),
    (Kind::Medium, "記録媒体", "Removable medium"),
    (Kind::Cloud, "クラウドサービス", "Cloud service"),
    (Kind::Account, "アカウント", "Account"),
    (Kind::Information, "情報", "Information"),
    (Kind::Other, "その他", "Other"),
];
const IMPORTANCES: [(Importance, &str, &str); 3] =
    [(Importance::High, "高", "High"), (Importance::Middle, "中", "Middle"), (Importance::Low, "低", "Low")];

const NEEDS: [(InternetNeed, &str, &str); 2] =
    [(InternetNeed::NotNeeded, "不要", "None"), (InternetNeed::Destinations, "必要", "Destinations")];

/// Folded, without spaces and marks: 「ＭＡＣ アドレス」 and `mac_address` are what they look like.
pub(crate) fn plain(text: &str) -> String {
    fold(text, 200).chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '.' | '・' | '(' | ')' | ':')).collect()
}

pub(crate) fn column(header: &str) -> Option<Column> {
    let header = plain(header);
    COLUMNS
        .iter()
        .find(|(_, ja, en, others)| plain(ja) == header || plain(en) == header || others.contains(&header.as_str()))
        .map(|(column, ..)| *column)
}

/// A word in either language, or its name in the database.
fn word<T: Copy>(table: &[(T, &str, &str)], cell: &str, by_name: impl Fn(&str) -> Option<T>) -> Option<T> {
    let cell = plain(cell);
    let found = table.iter().find(|(_, ja, en)| plain(ja) == cell || plain(en) == cell).map(|(value, ..)| *value);
    found.or_else(|| by_name(&cell)).or_else(|| by_name(&cell.replace(' ', "_")))
}

/// Reads a CSV file whose first line names columns that we know. Wrong rows are told, the others are there.
pub fn read(bytes: &[u8]) -> Result<Read, CsvError> {
    let list = crate::ledger_list::read_csv(bytes)?;
    let mut seen = Vec::new();
    for name in &list.header {
        let Some(c) = column(name) else { continue };
        if seen.contains(&c) {
            return Err(CsvError::DoubleColumn(cut(name.trim(), 60).to_owned()));
        }
        seen.push(c);
    }
    if seen.is_empty() {
        return Err(CsvError::NoHeader);
    }
    let mapping = crate::ledger_list::guess(&list.header);
    list.rows(&mapping)
}

/// The cells of a CSV file with the lines on which they begin, headings first, and how it is written.
pub(crate) fn cells(bytes: &[u8]) -> Result<(Encoding, crate::sheet::Rows), CsvError> {
    if bytes.len() > MOST_BYTES {
        return Err(CsvError::TooLarge { bytes: bytes.len() });
    }
    let (encoding, text) = decode(bytes)?;
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator(&text)).from_reader(text.as_bytes());
    let mut out = Vec::new();
    // Counted here: the reader's own count is one short after CRLF, whose second half it leaves to the next record.
    let (mut counted, mut line) = (0usize, 1u64);
    // The text is UTF-8 by now, and rows may be of any length: nothing is left that the reader could refuse.
    for record in reader.into_records().map_while(Result::ok) {
        if record.iter().all(|c| c.trim().is_empty()) {
            continue;
        }
        // One more than the rows: the headings.
        if out.len() > MOST_ROWS {
            return Err(CsvError::TooManyRows);
        }
        let mut start = record.position().map_or(counted, |p| p.byte() as usize).max(counted);
        while matches!(text.as_bytes().get(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        line += text.get(counted..start).unwrap_or_default().matches('\n').count() as u64;
        counted = start;
        out.push((line, record.iter().map(str::to_owned).collect()));
    }
    if out.is_empty() { Err(CsvError::Empty) } else { Ok((encoding, out)) }
}

impl Column {
    /// Its name in forms and in what is remembered: the English heading in lower case with underscores.
    pub(crate) fn name(self) -> String {
        COLUMNS.iter().find(|c| c.0 == self).map_or_else(String::new, |c| c.2.to_ascii_lowercase().replace(' ', "_"))
    }
    pub(crate) fn from_name(name: &str) -> Option<Column> {
        COLUMNS.iter().map(|c| c.0).find(|c| c.reads() && c.name() == name)
    }
    /// What is written for the reader is not read back.
    fn reads(self) -> bool {
        !matches!(self, Column::SeenKind | Column::SeenMaker | Column::FirstSeen | Column::LastSeen)
    }
}

/// Columns that can be read, with their names and headings in a language.
pub(crate) fn readable_columns(lang: Lang) -> Vec<(String, String)> {
    let heading = |ja: &str, en: &str| if lang == Lang::Ja { ja.to_owned() } else { en.to_owned() };
    COLUMNS.iter().filter(|c| c.0.reads()).map(|(c, ja, en, _)| (c.name(), heading(ja, en))).collect()
}

/// One row; what is wrong with it comes with the place of the cell.
pub(crate) fn row(line: u64, columns: &[Option<Column>], record: &[String]) -> Result<ImportRow, (usize, RowReason)> {
    let mut out = ImportRow { line, ..ImportRow::default() };
    for (at, (column, cell)) in columns.iter().zip(record).enumerate() {
        let Some(column) = column else { continue };
        if cell.chars().nth(MOST_CELL).is_some() {
            return Err((at, RowReason::TooLong(MOST_CELL)));
        }
        let cell = unguarded(cell.trim()).trim();
        if cell.is_empty() {
            continue;
        }
        if !crate::text::is_clean(cell) {
            return Err((at, RowReason::BadCharacter));
        }
        let shown = || cut(cell, 60).to_owned();
        let text = cell.to_owned();
        let l = &mut out.ledger;
        let wrong = match column {
            Column::Id => cell.parse().map(|id| out.id = Some(id)).err().map(|_| RowReason::NotAnId(shown())),
            Column::Name => keep(&mut l.name, text),
            Column::Mac => several(cell, &mut out.macs, |w| w.parse::<Mac>().ok().filter(|m| m.is_device()), RowReason::NotAMac),
            Column::Ip => several(cell, &mut out.ips, |w| w.parse::<IpAddr>().ok(), RowReason::NotAnIp),
            Column::State => set(&mut out.state, word(&STATES, cell, AssetState::from_name), || RowReason::UnknownState(shown())),
            Column::Kind => set(&mut l.kind, word(&KINDS, cell, Kind::from_name), || RowReason::UnknownKind(shown())),
            Column::Maker => keep(&mut l.maker, text),
            Column::ModelNumber => keep(&mut l.model_number, text),
            Column::Serial => keep(&mut l.serial, text),
            Column::SoftwareVersion => keep(&mut l.software_version, text),
            Column::SupportEnd => match date(cell) {
                Some(day) => keep(&mut l.support_end, day),
                None => Some(RowReason::NotADate(shown())),
            },
            Column::Owner => keep(&mut l.owner, text),
            Column::Administrator => keep(&mut l.administrator, text),
            Column::Place => keep(&mut l.place, text),
            Column::Purpose => keep(&mut l.purpose, text),
            Column::Zone => keep(&mut out.zone, text),
            Column::Importance => {
                set(&mut l.importance, word(&IMPORTANCES, cell, Importance::from_name), || RowReason::UnknownImportance(shown()))
            }
            Column::Notes => keep(&mut l.notes, text),
            Column::Internet => set(&mut l.internet.need, word(&NEEDS, cell, InternetNeed::from_name), || RowReason::UnknownNeed(shown())),
            Column::InternetDestinations => keep(&mut l.internet.destinations, text),
            Column::InternetReason => keep(&mut l.internet.reason, text),
            Column::InternetProtection => keep(&mut l.internet.protection, text),
            Column::InternetApprovedBy => keep(&mut l.internet.approved_by, text),
            Column::InternetUntil => match date(cell) {
                Some(day) => keep(&mut l.internet.until, day),
                None => Some(RowReason::NotADate(shown())),
            },
            Column::SeenKind | Column::SeenMaker | Column::FirstSeen | Column::LastSeen => None,
        };
        if let Some(reason) = wrong {
            return Err((at, reason));
        }
    }
    Ok(out)
}

fn keep(place: &mut String, text: String) -> Option<RowReason> {
    *place = text;
    None
}

fn set<T>(place: &mut Option<T>, value: Option<T>, wrong: impl FnOnce() -> RowReason) -> Option<RowReason> {
    match value {
        Some(v) => {
            *place = Some(v);
            None
        }
        None => Some(wrong()),
    }
}

/// Several addresses in one cell, with anything between that is not part of one.
fn several<T: PartialEq>(
    cell: &str,
    out: &mut Vec<T>,
    read: impl Fn(&str) -> Option<T>,
    wrong: impl Fn(String) -> RowReason,
) -> Option<RowReason> {
    let folded = fold(cell, MOST_CELL);
    for w in folded.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '/' | '、' | '|')).filter(|w| !w.is_empty()) {
        match read(w) {
            Some(v) if out.contains(&v) => {}
            Some(v) => out.push(v),
            None => return Some(wrong(cut(w, 60).to_owned())),
        }
    }
    None
}

/// A day as people in Japan write it, as `YYYY-MM-DD`: 2027-03-31, 2027/3/31, 2027.3.31, 2027年3月31日, 令和9年3月31日, R9.3.31.
fn date(cell: &str) -> Option<String> {
    let text = fold(cell, 40);
    let (text, add) = match text.strip_prefix("令和").or_else(|| text.strip_prefix('r')) {
        Some(rest) => (rest.replace('元', "1"), 2018),
        None => (text, 0),
    };
    let mut parts = text.split(['-', '/', '.', '年', '月', '日']).map(str::trim).filter(|p| !p.is_empty());
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || [year, month, day].iter().any(|p| p.len() > 4 || !p.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let year = year.parse::<i16>().ok()?.checked_add(add)?;
    if !(1970..=2200).contains(&year) {
        return None;
    }
    let day = jiff::civil::Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some(day.to_string())
}

/// Comma, or what the first line has more of: tab (Excel's "Unicode text") or semicolon.
fn separator(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |b: u8| first.bytes().filter(|c| *c == b).count();
    [b'\t', b';'].into_iter().filter(|b| count(*b) > count(b',')).max_by_key(|b| count(*b)).unwrap_or(b',')
}

fn decode(bytes: &[u8]) -> Result<(Encoding, String), CsvError> {
    if bytes.is_empty() {
        return Err(CsvError::Empty);
    }
    let line = |at: usize| bytes.iter().take(at).filter(|b| **b == b'\n').count() as u64 + 1;
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return match std::str::from_utf8(rest) {
            Ok(text) => Ok((Encoding::Utf8, text.to_owned())),
            Err(e) => Err(CsvError::Encoding { line: line(3 + e.valid_up_to()) }),
        };
    }
    for (mark, encoding) in [(b"\xff\xfe", UTF_16LE), (b"\xfe\xff", UTF_16BE)] {
        if let Some(rest) = bytes.strip_prefix(mark) {
            // Half a character at the end or a stray surrogate becomes U+FFFD, which the cell then shows.
            return Ok((Encoding::Utf16, encoding.decode_without_bom_handling(rest).0.into_owned()));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok((Encoding::Utf8, text.to_owned()));
    }
    let sjis = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes);
    let euc = EUC_JP.decode_without_bom_handling_and_without_replacement(bytes);
    match (sjis, euc) {
        (Some(s), Some(e)) => {
            if plausible(&e) > plausible(&s) {
                Ok((Encoding::EucJp, e.into_owned()))
            } else {
                Ok((Encoding::ShiftJis, s.into_owned()))
            }
        }
        (Some(s), None) => Ok((Encoding::ShiftJis, s.into_owned())),
        (None, Some(e)) => Ok((Encoding::EucJp, e.into_owned())),
        (None, None) => {
            let at = [SHIFT_JIS, EUC_JP].into_iter().map(|e| readable(bytes, e)).max().unwrap_or(0);
            Err(CsvError::Encoding { line: line(at) })
        }
    }
}

/// How far a text can be read in an encoding, in bytes.
fn readable(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> usize {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut sink = [0u8; 4096];
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (result, read, _) = decoder.decode_to_utf8_without_replacement(rest, &mut sink, true);
        at += read;
        match result {
            DecoderResult::OutputFull => {}
            DecoderResult::InputEmpty | DecoderResult::Malformed(..) => return at,
        }
    }
}

/// Of two readings, the better one names more columns; then the one with fewer half-width katakana (what EUC-JP looks like when it
/// is read as Shift_JIS) and more kana.
fn plausible(text: &str) -> i64 {
    let first = text.lines().next().unwrap_or_default();
    let named = cut(first, 10_000).split([',', '\t', ';']).filter(|h| column(h.trim().trim_matches('"')).is_some()).count() as i64;
    let mut score = named * 1_000_000;
    for c in text.chars().take(100_000) {
        score += match c {
            '\u{ff61}'..='\u{ff9f}' => -2,
            '\u{3040}'..='\u{30ff}' => 2,
            '\u{4e00}'..='\u{9fff}' => 1,
            '\u{e000}'..='\u{f8ff}' => -5,
            _ => 0,
        };
    }
    score
}

/// Whether a spreadsheet would run this. Full-width signs too: Excel in Japanese folds them.
pub(crate) fn runs(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
}
/// Adds the apostrophe that keeps it from running. One is added also where some are there, so that reading takes off exactly one.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    if runs(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}
fn unguarded(text: &str) -> &str {
    if runs(text) { text.strip_prefix('\'').unwrap_or(text) } else { text }
}

/// Addresses of each kind that are written of one asset, newest first.
const MOST_ADDRESSES: usize = 16;

/// Writes a file with headers and words of a language; `zones` gives the names of zones. Only [`Encoding::Utf8`] and
/// [`Encoding::ShiftJis`] are written; the others count as UTF-8.
pub fn write(assets: &[Asset], zones: &BTreeMap<ZoneId, String>, lang: Lang, encoding: Encoding) -> Written {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut put = |cells: Vec<String>| {
        // Writing into memory does not fail.
        let _ = writer.write_record(cells.iter().map(|c| guarded(c).into_owned()));
    };
    let pick = |ja: &str, en: &str| match lang {
        Lang::Ja => ja.to_owned(),
        Lang::En => en.to_owned(),
    };
    put(COLUMNS.iter().map(|(_, ja, en, _)| pick(ja, en)).collect());
    for a in assets {
        put(COLUMNS.iter().map(|(column, ..)| cell(a, *column, zones, &pick)).collect());
    }
    let text = writer.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    if encoding == Encoding::ShiftJis {
        return shift_jis(&text);
    }
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    bytes.extend_from_slice(text.as_bytes());
    Written { bytes, replaced: BTreeMap::new() }
}

/// The same as a table, for Excel.
pub fn table(assets: &[Asset], zones: &BTreeMap<ZoneId, String>, lang: Lang, title: String) -> crate::sheet::Table {
    let pick = |ja: &str, en: &str| match lang {
        Lang::Ja => ja.to_owned(),
        Lang::En => en.to_owned(),
    };
    let head = COLUMNS.iter().map(|(_, ja, en, _)| pick(ja, en)).collect();
    let rows = assets.iter().map(|a| COLUMNS.iter().map(|(column, ..)| cell(a, *column, zones, &pick)).collect()).collect();
    crate::sheet::Table { title, head, rows }
}

fn cell(a: &Asset, column: Column, zones: &BTreeMap<ZoneId, String>, pick: &impl Fn(&str, &str) -> String) -> String {
    fn named<T: PartialEq>(table: &[(T, &str, &str)], value: Option<T>, pick: &impl Fn(&str, &str) -> String) -> String {
        value.and_then(|v| table.iter().find(|(x, ..)| *x == v)).map_or_else(String::new, |(_, ja, en)| pick(ja, en))
    }
    let l = &a.ledger;
    match column {
        Column::Id => a.id.to_string(),
        Column::Name => l.name.clone(),
        Column::Mac => once(a.addresses.iter().filter_map(|x| x.mac)),
        Column::Ip => once(a.addresses.iter().filter_map(|x| x.ip)),
        Column::State => named(&STATES, Some(a.state), pick),
        Column::Kind => named(&KINDS, l.kind, pick),
        Column::Maker => l.maker.clone(),
        Column::ModelNumber => l.model_number.clone(),
        Column::Serial => l.serial.clone(),
        Column::SoftwareVersion => l.software_version.clone(),
        Column::SupportEnd => l.support_end.clone(),
        Column::Owner => l.owner.clone(),
        Column::Administrator => l.administrator.clone(),
        Column::Place => l.place.clone(),
        Column::Purpose => l.purpose.clone(),
        Column::Zone => l.zone.and_then(|z| zones.get(&z).cloned()).unwrap_or_default(),
        Column::Importance => named(&IMPORTANCES, l.importance, pick),
        Column::Notes => l.notes.clone(),
        Column::Internet => named(&NEEDS, l.internet.need, pick),
        Column::InternetDestinations => l.internet.destinations.clone(),
        Column::InternetReason => l.internet.reason.clone(),
        Column::InternetProtection => l.internet.protection.clone(),
        Column::InternetApprovedBy => l.internet.approved_by.clone(),
        Column::InternetUntil => l.internet.until.clone(),
        Column::SeenKind => named(&KINDS, a.guess(Property::Kind).and_then(|g| Kind::from_name(&g.value)), pick),
        Column::SeenMaker => a.guess(Property::Maker).map(|g| g.value.clone()).unwrap_or_default(),
        Column::FirstSeen => a.first_seen.map(Time::rfc3339).unwrap_or_default(),
        Column::LastSeen => a.last_seen.map(Time::rfc3339).unwrap_or_default(),
    }
}

fn once<T: PartialEq + ToString>(all: impl Iterator<Item = T>) -> String {
    let mut seen: Vec<T> = Vec::new();
    for x in all {
        if seen.len() < MOST_ADDRESSES && !seen.contains(&x) {
            seen.push(x);
        }
    }
    seen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

pub(crate) fn shift_jis(text: &str) -> Written {
    // Windows has these under another code point; they look the same.
    let text: String = text
        .chars()
        .map(|c| match c {
            '\u{301c}' => '\u{ff5e}',
            '\u{2212}' => '\u{ff0d}',
            '\u{2014}' => '\u{2015}',
            '\u{2016}' => '\u{2225}',
            c => c,
        })
        .collect();
    let (bytes, _, lacking) = SHIFT_JIS.encode(&text);
    if !lacking {
        return Written { bytes: bytes.into_owned(), replaced: BTreeMap::new() };
    }
    let mut replaced = BTreeMap::new();
    let mut known: BTreeMap<char, bool> = BTreeMap::new();
    let text: String = text
        .chars()
        .map(|c| {
            let there = c.is_ascii() || *known.entry(c).or_insert_with(|| !SHIFT_JIS.encode(c.encode_utf8(&mut [0; 4])).2);
            if there {
                c
            } else {
                *replaced.entry(c).or_insert(0) += 1;
                '〓'
            }
        })
        .collect();
    Written { bytes: SHIFT_JIS.encode(&text).0.into_owned(), replaced }
}
