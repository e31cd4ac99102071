//! What the command line says, in the language of the person at the terminal.

use catalogue::phrases::{Phrasebook, Value};
use model::Lang;
use std::sync::Arc;

/// The command line's phrases in one language.
pub struct Words {
    book: Arc<Phrasebook>,
    /// The language.
    pub lang: Lang,
}

impl Words {
    /// The phrases in `lang`.
    pub fn new(lang: Lang) -> anyhow::Result<Words> {
        let book = Phrasebook::new(&[
            (Lang::Ja, "locales/ja/cli.ftl", include_str!("../locales/ja/cli.ftl")),
            (Lang::En, "locales/en/cli.ftl", include_str!("../locales/en/cli.ftl")),
            (Lang::Ja, "locales/ja/vault.ftl", include_str!("../locales/ja/vault.ftl")),
            (Lang::En, "locales/en/vault.ftl", include_str!("../locales/en/vault.ftl")),
            (Lang::Ja, "locales/ja/said.ftl", include_str!("../locales/ja/said.ftl")),
            (Lang::En, "locales/en/said.ftl", include_str!("../locales/en/said.ftl")),
            (Lang::Ja, "locales/ja/witness.ftl", include_str!("../locales/ja/witness.ftl")),
            (Lang::En, "locales/en/witness.ftl", include_str!("../locales/en/witness.ftl")),
        ])?;
        Ok(Words { book: Arc::new(book), lang })
    }

    /// The language asked for: `--lang`, else the locale, else Japanese.
    pub fn language(args: &[String]) -> Lang {
        let mut given = args.iter().skip(1);
        while let Some(arg) = given.next() {
            let value = if arg == "--lang" { given.next().map(String::as_str) } else { arg.strip_prefix("--lang=") };
            if let Some(lang) = value.and_then(Lang::from_tags) {
                return lang;
            }
        }
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|v| std::env::var(v).ok())
            .find(|v| !v.is_empty())
            .and_then(|v| Lang::from_tags(&v))
            .unwrap_or_default()
    }

    /// A phrase.
    pub fn say(&self, key: &str) -> String {
        self.book.say(self.lang, key, &[])
    }

    /// A phrase for later, in another thread.
    pub fn template(&self, key: &'static str) -> impl Fn(&[(&str, Value<'_>)]) -> String + Send + 'static {
        let (book, lang) = (Arc::clone(&self.book), self.lang);
        move |args| book.say(lang, key, args)
    }

    /// A phrase with values.
    pub fn with(&self, key: &str, args: &[(&str, Value<'_>)]) -> String {
        self.book.say(self.lang, key, args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_help_text_exists_in_both_languages() {
        for lang in Lang::ALL {
            let words = Words::new(lang).unwrap();
            let mut todo = vec![crate::cli::command(&words)];
            while let Some(mut command) = todo.pop() {
                let help = command.render_long_help().to_string();
                assert!(!help.contains('⟦'), "{lang:?} {}: {help}", command.get_name());
                todo.extend(command.get_subcommands().cloned());
            }
        }
    }

    #[test]
    fn the_language_is_the_one_asked_for() {
        let args = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(Words::language(&args(&["hinomi", "run", "--lang", "en"])), Lang::En);
        assert_eq!(Words::language(&args(&["hinomi", "--lang=ja"])), Lang::Ja);
    }
}
