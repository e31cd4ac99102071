//! The two languages of the product. Japanese comes first.

use serde::{Deserialize, Serialize};

/// A language in which Hinomi speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// 日本語
    #[default]
    Ja,
    /// English
    En,
}

impl Lang {
    /// Both, in the order in which the product speaks.
    pub const ALL: [Lang; 2] = [Lang::Ja, Lang::En];

    /// The BCP 47 tag: `ja` or `en`.
    pub const fn tag(self) -> &'static str {
        match self {
            Lang::Ja => "ja",
            Lang::En => "en",
        }
    }

    /// From a BCP 47 tag, a POSIX locale (`ja_JP.UTF-8`) or an `Accept-Language` header: the first that we speak.
    pub fn from_tags(text: &str) -> Option<Lang> {
        text.split([',', ':']).find_map(|tag| {
            let t = tag.trim().to_ascii_lowercase();
            if t.starts_with("ja") {
                Some(Lang::Ja)
            } else if t.starts_with("en") || t == "c" || t.starts_with("c.") || t == "posix" {
                Some(Lang::En)
            } else {
                None
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        assert_eq!(Lang::from_tags("ja_JP.UTF-8"), Some(Lang::Ja));
        assert_eq!(Lang::from_tags("fr-FR, en-GB;q=0.8, ja;q=0.5"), Some(Lang::En));
        assert_eq!(Lang::from_tags("fr"), None);
    }
}
