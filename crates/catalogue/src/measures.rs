//! The numbered measures of the guidance documents, so that a rule can only claim to serve one that exists.

use model::Lang;

static TABLE: &str = include_str!(concat!(env!("OUT_DIR"), "/measures.tsv"));

/// A document's numbered measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its id, for example `jpcert:P5-4b`.
    pub id: &'static str,
    /// The document's number in measures.yaml.
    pub document: &'static str,
    /// Title in Japanese.
    pub title_ja: &'static str,
    /// Title in English.
    pub title_en: &'static str,
    /// The layer it belongs to.
    pub layer: &'static str,
}

impl Measure {
    /// Title in a language.
    pub fn title(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ja => self.title_ja,
            Lang::En => self.title_en,
        }
    }
}

/// Every measure, sorted by id.
#[derive(Clone, Debug)]
pub struct Measures(Vec<Measure>);

impl Measures {
    /// Those built into the program.
    pub fn built_in() -> Measures {
        Measures(
            TABLE
                .lines()
                .filter_map(|line| {
                    let mut f = line.split('\t');
                    Some(Measure { id: f.next()?, document: f.next()?, title_ja: f.next()?, title_en: f.next()?, layer: f.next()? })
                })
                .collect(),
        )
    }
    /// The measure of this id.
    pub fn get(&self, id: &str) -> Option<&Measure> {
        self.0.binary_search_by(|m| m.id.cmp(id)).ok().and_then(|i| self.0.get(i))
    }
    /// All of them, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Measure> {
        self.0.iter()
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_there() {
        let m = Measures::built_in();
        assert_eq!(m.len(), 526);
        assert_eq!(m.get("m23:22").unwrap().title_ja, "重要システムの接続端末を限定");
        assert!(m.get("jpcert:P5-4b").is_some() && m.get("jpcert:P5-4z").is_none());
    }
}
