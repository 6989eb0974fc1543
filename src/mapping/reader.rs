//! Reads `mapping.toml` into [`Rules`], collecting every fault with its line.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::condition::Condition;
use super::fault::{Fault, Faults, Wrong};
use super::field::{Scope, parse_date};
use super::rules::{Rule, Rules, SLOTS, Setting, Target};
use super::table::Table;
use super::template::{Names, Template};

pub(super) type Item<'i> = Spanned<DeValue<'i>>;

/// Reads the text of a mapping and the tables beside it.
pub(super) fn read(text: &str, path: &Path) -> Result<Rules, Vec<Fault>> {
    let mut reader = Reader {
        faults: Faults::new(path, text),
        path,
        digest: Sha256::new(),
        files: vec![path.to_owned()],
        tables: Vec::new(),
        broken: Vec::new(),
        raw_paths: Vec::new(),
    };
    reader.hash(text.as_bytes());
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            let position = error.span().map_or(0, |span| span.start);
            reader.faults.at(position, "", Wrong::new(format!("not readable as TOML: {}", error.message())));
        }
        return Err(reader.faults.finish());
    }
    let (vendor, rules) = reader.document(document.get_ref());
    let Reader { faults, digest, files, tables, raw_paths, .. } = reader;
    let faults = faults.finish();
    if !faults.is_empty() {
        return Err(faults);
    }
    let digest = HEXLOWER.encode(&digest.finalize());
    let version = digest.get(..12).unwrap_or(&digest).to_owned();
    Ok(Rules { version, files, vendor, rules, tables, raw_paths })
}

pub(super) struct Reader<'a> {
    pub(super) faults: Faults<'a>,
    pub(super) path: &'a Path,
    digest: Sha256,
    pub(super) files: Vec<PathBuf>,
    pub(super) tables: Vec<Table>,
    /// Tables that could not be read.
    pub(super) broken: Vec<String>,
    pub(super) raw_paths: Vec<Box<str>>,
}

impl Reader<'_> {
    /// Files are hashed with their length, so that moving bytes from one to the next changes the version.
    pub(super) fn hash(&mut self, bytes: &[u8]) {
        self.digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.digest.update(bytes);
    }

    fn document(&mut self, document: &DeTable<'_>) -> (Vec<Template>, Vec<Rule>) {
        self.known_keys(document, "", &["version", "vendor", "rule", "table"]);
        match entry(document, "version") {
            None => self.faults.at(0, "version", Wrong::new("is missing; write `version = 1` at the top")),
            Some(version) if version.get_ref().as_integer().is_some_and(|number| number.as_str() == "1") => {}
            Some(version) => {
                self.faults.at(at(version), "version", Wrong::new("this program reads mappings of version 1 only"));
            }
        }
        // Tables first: templates name them.
        if let Some(item) = entry(document, "table") {
            match item.get_ref().as_table() {
                Some(tables) => tables.iter().for_each(|(name, table)| self.table(name.get_ref(), table)),
                None => self.faults.at(at(item), "table", Wrong::new("write tables as `[table.name]`")),
            }
        }
        let mut rules = Vec::new();
        let mut positions = Vec::new();
        if let Some(item) = entry(document, "rule") {
            match item.get_ref().as_array() {
                Some(list) => {
                    for (index, rule) in list.iter().enumerate() {
                        if let Some(read) = self.rule(index, rule) {
                            rules.push(read);
                            positions.push(at(rule));
                        }
                    }
                }
                None => self.faults.at(at(item), "rule", Wrong::new("write rules as `[[rule]]`, with two brackets")),
            }
        }
        let vendor = self.vendor(document);
        self.shadowed(&rules, &positions);
        (vendor, rules)
    }

    fn vendor(&mut self, document: &DeTable<'_>) -> Vec<Template> {
        let Some(item) = entry(document, "vendor") else {
            let what = "is missing: no document could get a vendor; write `find = [\"{supplier.number}\"]` below it";
            self.faults.at(0, "[vendor]", Wrong::new(what));
            return Vec::new();
        };
        let Some(table) = item.get_ref().as_table() else {
            self.faults.at(at(item), "vendor", Wrong::new("write it as a section `[vendor]`"));
            return Vec::new();
        };
        self.known_keys(table, "vendor", &["find"]);
        let Some(find) = entry(table, "find") else {
            let what = "is missing: list where to look for the vendor, the best first";
            self.faults.at(at(item), "vendor.find", Wrong::new(what));
            return Vec::new();
        };
        let single = std::slice::from_ref(find);
        let candidates: Vec<&Item<'_>> = match find.get_ref().as_array() {
            Some(list) => list.iter().collect(),
            None => single.iter().collect(),
        };
        if candidates.is_empty() {
            self.faults.at(at(find), "vendor.find", Wrong::new("is empty: no document could get a vendor"));
        }
        let mut templates = Vec::new();
        for candidate in candidates {
            if let Some(template) = self.template(candidate, "vendor.find") {
                self.must_be_of_document(&template, candidate, "vendor.find", "the vendor");
                templates.push(template);
            }
        }
        templates
    }

    fn rule(&mut self, index: usize, item: &Item<'_>) -> Option<Rule> {
        let number = index + 1;
        let Some(table) = item.get_ref().as_table() else {
            self.faults.at(at(item), format!("rule {number}"), Wrong::new("write rules as `[[rule]]`"));
            return None;
        };
        let mut key = format!("rule {number}");
        let mut name = key.clone();
        match entry(table, "name").map(|item| (item, item.get_ref().as_str())) {
            None => {}
            Some((_, Some(text))) if !text.trim().is_empty() => {
                name = text.to_owned();
                key = format!("rule {number} \"{text}\"");
            }
            Some((item, _)) => {
                self.faults.at(at(item), format!("{key}, name"), Wrong::new("must be a text that is not empty"));
            }
        }
        self.known_keys(table, &key, &["name", "when", "set", "on_missing"]);
        let holds_without_row = match entry(table, "on_missing").map(|item| (item, item.get_ref().as_str())) {
            None | Some((_, Some("hold"))) => true,
            Some((_, Some("next"))) => false,
            Some((item, word)) => {
                let wrong = Wrong::unknown("must be \"hold\" or \"next\"", word.unwrap_or(""), ["hold", "next"]);
                self.faults.at(at(item), format!("{key}, on_missing"), wrong);
                true
            }
        };
        let when = match entry(table, "when") {
            None => Vec::new(),
            Some(item) => self.when(item, &key),
        };
        let (document, split) = self.set(table, item, &key, &when);
        Some(Rule { name: name.into(), when, document, split, holds_without_row })
    }

    fn set(
        &mut self,
        rule: &DeTable<'_>,
        item: &Item<'_>,
        key: &str,
        when: &[Condition],
    ) -> (Vec<Setting>, Vec<Setting>) {
        let (mut document, mut split) = (Vec::new(), Vec::new());
        let Some(set) = entry(rule, "set") else {
            let what = "is missing: a rule must set something";
            self.faults.at(at(item), format!("{key}, set"), Wrong::new(what));
            return (document, split);
        };
        let Some(table) = set.get_ref().as_table().filter(|table| !table.is_empty()) else {
            let what = "must name what it sets: `set = { account = \"5200\" }`";
            self.faults.at(at(set), format!("{key}, set"), Wrong::new(what));
            return (document, split);
        };
        for (word, value) in table.iter() {
            let place = format!("{key}, set.{}", word.get_ref());
            let target = match Target::parse(word.get_ref()) {
                Ok(target) => target,
                Err(wrong) => {
                    self.faults.at(word.span().start, place, wrong);
                    continue;
                }
            };
            let Some(template) = self.template(value, &place) else { continue };
            if target.is_of_document() {
                let what = format!("`{}`", target.word());
                self.must_be_of_document(&template, value, &place, &what);
                if let Some(condition) = when.iter().find(|condition| condition.field.scope() != Scope::Document) {
                    let what =
                        format!("{what} is chosen once for the document, `{}` belongs to a line", condition.name);
                    self.faults.at(at(value), place.as_str(), Wrong::new(what));
                }
            }
            if let (Target::PostingDate, Some(text)) = (target, template.constant())
                && parse_date(text).is_none()
            {
                self.faults.at(at(value), place, Wrong::new(format!("`{text}` is no date; write `2026-12-31`")));
            }
            if target.is_of_document() { &mut document } else { &mut split }.push(Setting { target, template });
        }
        let sets = |target| split.iter().any(|setting: &Setting| setting.target == target);
        if sets(Target::Account) && sets(Target::AccountLabel) {
            let what = "sets both account and account_label; Intacct takes one of them";
            self.faults.at(at(set), format!("{key}, set"), Wrong::new(what));
        }
        (document, split)
    }

    fn must_be_of_document(&mut self, template: &Template, item: &Item<'_>, key: &str, what: &str) {
        if let (Scope::Line | Scope::Split, field) = template.scope() {
            let what = format!("{what} is chosen once for the document, `{field}` belongs to a line");
            self.faults.at(at(item), key, Wrong::new(what));
        }
    }

    fn template(&mut self, item: &Item<'_>, key: &str) -> Option<Template> {
        let Some(text) = item.get_ref().as_str() else {
            self.faults.at(at(item), key, Wrong::new("must be a text: write it in quotes, so that no zero is lost"));
            return None;
        };
        let mut names = Names { tables: &self.tables, broken: &self.broken, raw_paths: &mut self.raw_paths };
        Template::parse(text, &mut names).map_err(|wrong| self.faults.at(at(item), key, wrong)).ok()
    }

    /// A rule behind unconditional ones that leave it nothing can never decide anything.
    fn shadowed(&mut self, rules: &[Rule], positions: &[usize]) {
        let mut closed: [Option<&str>; SLOTS] = [None; SLOTS];
        for (rule, position) in rules.iter().zip(positions) {
            let settings = || rule.document.iter().chain(&rule.split);
            let by = |setting: &Setting| closed.get(setting.target.slot()).copied().flatten();
            if let Some(first) = settings().next().and_then(by)
                && settings().all(|setting| by(setting).is_some())
            {
                let what = format!("can never decide anything: \"{first}\" above it always sets the same; move it up");
                self.faults.at(*position, format!("rule \"{}\"", rule.name), Wrong::new(what));
            }
            if rule.when.is_empty() {
                for setting in settings() {
                    if setting.template.always_decides(&self.tables, rule.holds_without_row)
                        && let Some(slot) = closed.get_mut(setting.target.slot())
                    {
                        slot.get_or_insert(&rule.name);
                    }
                }
            }
        }
    }

    /// Whether all keys are known; a fault for each that is not.
    pub(super) fn known_keys(&mut self, table: &DeTable<'_>, place: &str, known: &[&str]) -> bool {
        let mut well = true;
        for key in table.keys().filter(|key| !known.contains(&&**key.get_ref())) {
            let word = key.get_ref();
            let place = if place.is_empty() { word.to_string() } else { format!("{place}, {word}") };
            let what = format!("unknown key; known are {}", known.join(", "));
            self.faults.at(key.span().start, place, Wrong::unknown(what, word, known.iter().copied()));
            well = false;
        }
        well
    }
}

/// The value of a key.
pub(super) fn entry<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<&'t Item<'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
}

/// Where an item begins, in bytes.
pub(super) fn at(item: &Item<'_>) -> usize {
    item.span().start
}
