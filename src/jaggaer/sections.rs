//! Reading a profile's TOML table by table: every fault with file, line and key, all at once.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::path::{Path, Place};

/// What is wrong with a profile, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1; 0 where it concerns the whole file.
    pub line: usize,
    /// The key with its sections: `paging.style`.
    pub key: String,
    /// What is wrong and what would be right.
    pub what: String,
    /// The nearest known key, for an unknown one.
    pub nearest: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

/// One TOML file, for turning spans into lines.
pub(super) struct Source {
    pub(super) file: PathBuf,
    pub(super) text: String,
}

impl Source {
    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
    }

    pub(super) fn fault(&self, span: Option<std::ops::Range<usize>>, key: String, what: String) -> Fault {
        let line = span.map_or(0, |span| self.line(span.start));
        Fault { file: self.file.clone(), line, key, what, nearest: None }
    }
}

/// Faults as they are found.
pub(super) type Faults = RefCell<Vec<Fault>>;

type Entry<'s> = &'s Spanned<DeValue<'s>>;

/// One table of the profile over the same table of the profile that it extends, if any.
pub(super) struct Section<'s> {
    name: String,
    source: &'s Source,
    own: Option<&'s DeTable<'s>>,
    base: Option<&'s DeTable<'s>>,
    known: RefCell<Vec<&'static str>>,
    faults: &'s Faults,
    pub(super) ignore_case: bool,
}

impl<'s> Section<'s> {
    pub(super) fn root(
        source: &'s Source,
        own: &'s DeTable<'s>,
        base: Option<&'s DeTable<'s>>,
        faults: &'s Faults,
    ) -> Section<'s> {
        let known = RefCell::new(Vec::new());
        Section { name: String::new(), source, own: Some(own), base, known, faults, ignore_case: false }
    }

    fn key(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Notes a fault of a key.
    pub(super) fn fault(&self, key: &str, what: impl Into<String>) {
        let span = self.own.and_then(|t| t.get(key)).map(Spanned::span);
        self.faults.borrow_mut().push(self.source.fault(span, self.key(key), what.into()));
    }

    fn entry(&self, key: &'static str) -> Option<Entry<'s>> {
        self.known.borrow_mut().push(key);
        self.own.and_then(|t| t.get(key)).or_else(|| self.base.and_then(|t| t.get(key)))
    }

    fn typed<T>(&self, key: &'static str, wanted: &str, read: impl Fn(&DeValue<'s>) -> Option<T>) -> Option<T> {
        let entry = self.entry(key)?;
        let value = read(entry.get_ref());
        if value.is_none() {
            self.fault(key, format!("it must be {wanted}"));
        }
        value
    }

    /// A text; empty counts as absent.
    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        self.typed(key, "a text", |v| v.as_str().map(str::to_owned)).filter(|t| !t.is_empty())
    }

    pub(super) fn flag(&self, key: &'static str, default: bool) -> bool {
        self.typed(key, "true or false", DeValue::as_bool).unwrap_or(default)
    }

    pub(super) fn number(&self, key: &'static str, default: u64) -> u64 {
        let read = |v: &DeValue<'s>| v.as_integer().and_then(|i| u64::from_str_radix(i.as_str(), i.radix()).ok());
        self.typed(key, "a whole number, 0 or more", read).unwrap_or(default)
    }

    /// Texts: one, or a list.
    pub(super) fn texts(&self, key: &'static str) -> Vec<String> {
        let read = |v: &DeValue<'s>| match v {
            DeValue::String(text) => Some(vec![text.to_string()]),
            DeValue::Array(items) => items.iter().map(|i| i.get_ref().as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        let mut texts = self.typed(key, "a text or a list of texts", read).unwrap_or_default();
        if texts.len() == 1 {
            texts.retain(|t| !t.is_empty());
        }
        texts
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)], default: T) -> T {
        let Some(text) = self.text(key) else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        self.fault(key, format!("`{}` is not one of {}", crate::model::safe(&text), known.join(", ")));
        default
    }

    /// A path, if there is one.
    pub(super) fn path(&self, key: &'static str) -> Option<Path> {
        let text = self.text(key)?;
        self.compile(key, &text)
    }

    /// Paths in order: one, or a list.
    pub(super) fn paths(&self, key: &'static str) -> Vec<Path> {
        self.texts(key).iter().filter_map(|text| self.compile(key, text)).collect()
    }

    /// Places in order: paths, or `#NAME` for customer-defined fields.
    pub(super) fn places(&self, key: &'static str) -> Vec<Place> {
        let place = |text: &String| match text.strip_prefix('#') {
            Some(name) => Some(Place::Custom(name.to_owned())),
            None => self.compile(key, text).map(Place::Path),
        };
        self.texts(key).iter().filter_map(place).collect()
    }

    fn compile(&self, key: &str, text: &str) -> Option<Path> {
        match Path::compile(text, self.ignore_case) {
            Ok(path) => Some(path),
            Err(what) => {
                self.fault(key, format!("`{}`: {what}", crate::model::safe(text)));
                None
            }
        }
    }

    /// A table of texts, whatever its keys.
    pub(super) fn table(&self, key: &'static str) -> Vec<(String, String)> {
        let read = |v: &DeValue<'s>| -> Option<Vec<(String, String)>> {
            v.as_table()?
                .iter()
                .map(|(k, v)| Some((k.get_ref().to_string(), v.get_ref().as_str()?.to_owned())))
                .collect()
        };
        self.typed(key, "a table of texts", read).unwrap_or_default()
    }

    /// A table inside this one.
    pub(super) fn section(&self, key: &'static str) -> Section<'s> {
        self.known.borrow_mut().push(key);
        let inside =
            |table: Option<&'s DeTable<'s>>| table.and_then(|t| t.get(key)).and_then(|v| v.get_ref().as_table());
        let own = inside(self.own);
        if own.is_none() && self.own.is_some_and(|t| t.contains_key(key)) {
            self.fault(key, "it must be a table");
        }
        Section {
            name: self.key(key),
            source: self.source,
            own,
            base: inside(self.base),
            known: RefCell::new(Vec::new()),
            faults: self.faults,
            ignore_case: self.ignore_case,
        }
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for (key, _) in self.own.into_iter().flatten() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let nearest = known
                .iter()
                .map(|known| (strsim::jaro_winkler(name, known), *known))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(score, _)| *score > 0.7)
                .map(|(_, known)| self.key(known));
            let name = crate::model::safe(name);
            let mut fault = self.source.fault(Some(key.span()), self.key(&name), "this key is unknown".to_owned());
            fault.nearest = nearest;
            self.faults.borrow_mut().push(fault);
        }
    }
}
