//! 保存時の暗号化: the question, the answer, and the recovery key once.

use super::shell::{Amount, Shell, When};
use super::words::Tag;
use askama::Template;

/// How it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptionRow {
    /// On, off, or not answered.
    pub tag: Tag,
    /// What opens it, or why it is off.
    pub what: String,
    /// Files that are brought after a change, in words; empty where none are.
    pub rewriting: String,
    /// Since when.
    pub since: Option<When>,
    /// Who decided.
    pub by: String,
}

/// 保存時の暗号化
#[derive(Clone, Debug, Default, Template)]
#[template(path = "encryption.html")]
pub struct EncryptionPage {
    /// Around it.
    pub shell: Shell,
    /// `open`, `off`, `on`.
    pub answer: &'static str,
    /// How it stands.
    pub row: EncryptionRow,
    /// Files done and in all, after a change.
    pub files: Option<(Amount, Amount)>,
    /// There is a recovery key.
    pub recovery: bool,
    /// The key file as entered, or as proposed.
    pub key_file: String,
    /// systemd handed a credential over.
    pub credential: bool,
    /// What was chosen: `file`, `passphrase`, `credential`.
    pub how: String,
    /// The reason as entered.
    pub reason: String,
    /// The configuration names a key file.
    pub configured: bool,
    /// The recovery key, this once.
    pub shown: Option<String>,
    /// What went wrong, with what the system said.
    pub problem: Option<(String, String)>,
}
