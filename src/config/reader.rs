//! Reads keys from the file or the environment, and remembers what was asked for: what nobody asked for is unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::Environment;
use super::fault::{Fault, nearest};
use super::written::{Item, Value, convert, line_of};

/// Where a value came from: for faults about it.
#[derive(Clone)]
pub(super) struct At {
    /// `false`: from the variable that `key` names.
    in_file: bool,
    line: Option<usize>,
    key: String,
}

/// Tables and lists that are commas in a variable.
#[derive(Clone, Copy)]
enum Shape {
    Plain,
    List,
    Table,
}

pub(super) struct Reader<'a> {
    file: String,
    env: Environment<'a>,
    /// Top level under the empty name.
    sections: BTreeMap<String, Section>,
    known: BTreeMap<&'static str, BTreeSet<&'static str>>,
    missing: Vec<(&'static str, &'static str)>,
    /// Sections that are no tables; reported once the known ones are known.
    no_section: Vec<String>,
    faults: Vec<Fault>,
    pub warnings: Vec<String>,
}

#[derive(Default)]
struct Section {
    line: Option<usize>,
    items: BTreeMap<String, Item>,
}

impl<'a> Reader<'a> {
    /// Parses the text. What is not TOML is told alone, since nothing after it can be trusted.
    pub fn new(file: String, text: &str, env: Environment<'a>) -> Result<Self, Vec<Fault>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let mut faults: Vec<Fault> = errors
                .iter()
                .map(|error| Fault {
                    file: file.clone(),
                    line: error.span().map(|span| line_of(text, span.start)),
                    key: String::new(),
                    what: error.message().replace('\n', ", "),
                    nearest: None,
                })
                .collect();
            faults.sort_by_key(|fault| fault.line);
            return Err(faults);
        }
        let mut sections = BTreeMap::from([(String::new(), Section::default())]);
        for (key, value) in table.get_ref() {
            let line = line_of(text, key.span().start);
            match convert(value.get_ref(), text, line) {
                Value::Table(entries) => {
                    let items = entries.into_iter().collect();
                    sections.insert(key.get_ref().to_string(), Section { line: Some(line), items });
                }
                value => {
                    let top = sections.entry(String::new()).or_default();
                    top.items.insert(key.get_ref().to_string(), Item { value, line: Some(line) });
                }
            }
        }
        Ok(Reader {
            file,
            env,
            sections,
            known: BTreeMap::from([("", BTreeSet::new())]),
            missing: Vec::new(),
            no_section: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
        })
    }

    pub fn fault(&mut self, at: &At, what: impl Into<String>) {
        self.fault_near(at, what, None);
    }

    pub fn fault_near(&mut self, at: &At, what: impl Into<String>, nearest: Option<String>) {
        let file = if at.in_file { self.file.clone() } else { "environment".to_owned() };
        self.faults.push(Fault { file, line: at.line, key: at.key.clone(), what: what.into(), nearest });
    }

    /// Where a key stands, or where it would: for rules that join several keys.
    pub fn at(&self, section: &'static str, key: &'static str) -> At {
        let variable = variable(section, key);
        if (self.env)(&variable).is_some_and(|value| !value.is_empty()) {
            return At { in_file: false, line: None, key: variable };
        }
        let place = self.sections.get(section);
        let line = place.and_then(|section| section.items.get(key).map_or(section.line, |item| item.line));
        At { in_file: true, line, key: qualified(section, key) }
    }

    /// Whether a key is neither in the file nor in the environment.
    pub fn is_absent(&self, section: &'static str, key: &'static str) -> bool {
        let at = self.at(section, key);
        at.in_file && !self.sections.get(section).is_some_and(|section| section.items.contains_key(key))
    }

    fn item(&mut self, section: &'static str, key: &'static str, shape: Shape) -> Option<(Item, At)> {
        self.known.entry(section).or_default().insert(key);
        let at = self.at(section, key);
        if at.in_file {
            let item = self.sections.get(section)?.items.get(key)?.clone();
            return Some((item, at));
        }
        let text = (self.env)(&at.key)?;
        let trimmed = text.trim();
        let as_toml = match shape {
            Shape::Plain => false,
            Shape::List => trimmed.starts_with('['),
            Shape::Table => trimmed.starts_with('{'),
        };
        let value = if as_toml {
            match DeValue::parse(trimmed) {
                Ok(value) => convert(value.get_ref(), "", 0),
                Err(error) => {
                    self.fault(&at, format!("is not TOML: {}", error.message().replace('\n', ", ")));
                    return None;
                }
            }
        } else {
            match shape {
                Shape::Plain => Value::Text(text),
                Shape::List => Value::List(
                    trimmed
                        .split(',')
                        .map(|part| Item { value: Value::Text(part.trim().to_owned()), line: None })
                        .collect(),
                ),
                Shape::Table => {
                    let pairs: Option<Vec<_>> = trimmed
                        .split(',')
                        .map(|part| {
                            let (key, value) = part.split_once('=')?;
                            let value = Value::Text(value.trim().trim_matches('"').to_owned());
                            Some((key.trim().trim_matches('"').to_owned(), Item { value, line: None }))
                        })
                        .collect();
                    let Some(pairs) = pairs else {
                        self.fault(&at, "must be a table: `{ key = \"value\" }` or `key=value,key=value`");
                        return None;
                    };
                    Value::Table(pairs)
                }
            }
        };
        Some((Item { value, line: None }, at))
    }

    /// Text as it stands; `None` also where it is faulty, which is then told.
    pub fn text(&mut self, section: &'static str, key: &'static str) -> Option<(String, At)> {
        let (item, at) = self.item(section, key, Shape::Plain)?;
        let text = self.plain(&item.value, &at, false)?;
        Some((text, at))
    }

    /// Text that must be there. Empty where it is not, which is then told.
    pub fn required(&mut self, section: &'static str, key: &'static str) -> Option<(String, At)> {
        if self.item(section, key, Shape::Plain).is_none() {
            self.missing.push((section, key));
            return None;
        }
        let (text, at) = self.text(section, key)?;
        if text.trim().is_empty() {
            self.fault(&at, "must not be empty");
            return None;
        }
        Some((text, at))
    }

    /// Told at the end, unless an unknown key was probably meant for it.
    pub fn missing(&mut self, section: &'static str, key: &'static str) {
        self.missing.push((section, key));
    }

    fn plain(&mut self, value: &Value, at: &At, date: bool) -> Option<String> {
        let text = match value {
            Value::Text(text) => text,
            Value::Date(text) if date => text,
            other => {
                self.fault(at, format!("must be text in quotes, is {}", other.kind()));
                return None;
            }
        };
        if text.contains('…') || text.trim() == "..." {
            self.fault(at, "still holds the … of the template; put your own value there");
            return None;
        }
        Some(text.clone())
    }

    /// Text read by `parse`; the fault says what `parse` says.
    pub fn parsed<T>(
        &mut self,
        section: &'static str,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<(T, At)> {
        let (text, at) = self.text(section, key)?;
        match parse(&text) {
            Ok(value) => Some((value, at)),
            Err(what) => {
                self.fault(&at, what);
                None
            }
        }
    }

    /// The same for a date, which may stand without quotes.
    pub fn date(&mut self, section: &'static str, key: &'static str) -> Option<crate::model::Date> {
        let (item, at) = self.item(section, key, Shape::Plain)?;
        self.date_of(&item.value, &at)
    }

    fn date_of(&mut self, value: &Value, at: &At) -> Option<crate::model::Date> {
        let text = self.plain(value, at, true)?;
        match super::values::date(&text) {
            Ok(date) => Some(date),
            Err(what) => {
                self.fault(at, what);
                None
            }
        }
    }

    /// A whole number within a range.
    pub fn number(
        &mut self,
        section: &'static str,
        key: &'static str,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> u32 {
        let Some((item, at)) = self.item(section, key, Shape::Plain) else { return default };
        let number = match &item.value {
            Value::Integer(number) => *number,
            Value::Text(text) if !at.in_file => text.trim().parse::<i64>().ok(),
            other => {
                self.fault(&at, format!("must be a whole number without quotes, is {}", other.kind()));
                return default;
            }
        };
        match number.and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n)) {
            Some(number) => number,
            None => {
                self.fault(&at, format!("must be a whole number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, section: &'static str, key: &'static str, default: bool) -> bool {
        let Some((item, at)) = self.item(section, key, Shape::Plain) else { return default };
        self.flag_of(&item.value, &at).unwrap_or(default)
    }

    fn flag_of(&mut self, value: &Value, at: &At) -> Option<bool> {
        match value {
            Value::Flag(flag) => Some(*flag),
            Value::Text(text) if !at.in_file && text.trim() == "true" => Some(true),
            Value::Text(text) if !at.in_file && text.trim() == "false" => Some(false),
            Value::Text(_) => {
                self.fault(at, "must be true or false, without quotes");
                None
            }
            other => {
                self.fault(at, format!("must be true or false, is {}", other.kind()));
                None
            }
        }
    }

    /// A list of texts.
    pub fn list(&mut self, section: &'static str, key: &'static str) -> Option<Vec<(String, At)>> {
        let (item, at) = self.item(section, key, Shape::List)?;
        self.list_of(&item.value, &at)
    }

    fn list_of(&mut self, value: &Value, at: &At) -> Option<Vec<(String, At)>> {
        let Value::List(items) = value else {
            self.fault(at, format!("must be a list of texts, `[\"…\"]`, is {}", value.kind()));
            return None;
        };
        let mut list = Vec::new();
        for item in items {
            let at = At { line: item.line.or(at.line), ..at.clone() };
            if let Some(text) = self.plain(&item.value, &at, false) {
                list.push((text, at));
            }
        }
        Some(list)
    }

    /// A table of dates.
    pub fn dates(&mut self, section: &'static str, key: &'static str) -> Option<Vec<(String, crate::model::Date)>> {
        let entries = self.table(section, key)?;
        let mut dates = Vec::new();
        for (name, item, at) in entries {
            if let Some(date) = self.date_of(&item.value, &at) {
                dates.push((name, date));
            }
        }
        Some(dates)
    }

    /// A table of lists with the given keys only; each list in the order of `keys`, empty where it is left out.
    pub fn lists<const N: usize>(
        &mut self,
        section: &'static str,
        key: &'static str,
        keys: [&'static str; N],
    ) -> Option<[Vec<(String, At)>; N]> {
        let entries = self.table(section, key)?;
        let mut lists = [const { Vec::new() }; N];
        for (name, item, at) in entries {
            match keys.iter().position(|key| *key == name).and_then(|index| lists.get_mut(index)) {
                Some(list) => *list = self.list_of(&item.value, &at).unwrap_or_default(),
                None => self.unknown(&name, &at, &keys),
            }
        }
        Some(lists)
    }

    /// A table of texts with the given keys only.
    pub fn words(&mut self, section: &'static str, key: &'static str, keys: &[&str]) -> Vec<(String, String, At)> {
        let mut words = Vec::new();
        for (name, item, at) in self.table(section, key).unwrap_or_default() {
            if !keys.contains(&name.as_str()) {
                self.unknown(&name, &at, keys);
            } else if let Some(text) = self.plain(&item.value, &at, false) {
                words.push((name, text, at));
            }
        }
        words
    }

    /// A table of `true` and `false` with the given keys only.
    pub fn flags(&mut self, section: &'static str, key: &'static str, keys: &[&str]) -> Vec<(String, bool)> {
        let mut flags = Vec::new();
        for (name, item, at) in self.table(section, key).unwrap_or_default() {
            if !keys.contains(&name.as_str()) {
                self.unknown(&name, &at, keys);
            } else if let Some(flag) = self.flag_of(&item.value, &at) {
                flags.push((name, flag));
            }
        }
        flags
    }

    fn unknown(&mut self, name: &str, at: &At, keys: &[&str]) {
        let near = nearest(name, keys.iter().copied()).map(str::to_owned);
        let what = match &near {
            None => format!("unknown key; known are {}", keys.join(", ")),
            Some(_) => "unknown key".to_owned(),
        };
        self.fault_near(at, what, near);
    }

    fn table(&mut self, section: &'static str, key: &'static str) -> Option<Vec<(String, Item, At)>> {
        let (item, at) = self.item(section, key, Shape::Table)?;
        let Value::Table(entries) = item.value else {
            self.fault(&at, format!("must be a table, `{{ key = … }}`, is {}", item.value.kind()));
            return None;
        };
        Some(
            entries
                .into_iter()
                .map(|(name, item)| {
                    let at = At { line: item.line.or(at.line), key: format!("{}.{name}", at.key), ..at.clone() };
                    (name, item, at)
                })
                .collect(),
        )
    }

    /// Every variable that was asked for.
    pub fn variables(&self) -> Vec<String> {
        self.known.iter().flat_map(|(section, keys)| keys.iter().map(|key| variable(section, key))).collect()
    }

    /// Everything that is wrong, in the order of the file; unknown keys and missing ones are found here, when all known
    /// keys have been asked for.
    pub fn finish(mut self) -> (Vec<Fault>, Vec<String>) {
        let mut meant: BTreeSet<(&'static str, Option<&'static str>)> = BTreeSet::new();
        let mut unknown = Vec::new();
        let top = self.known.get("").cloned().unwrap_or_default();
        for (name, section) in &self.sections {
            let Some((&known_name, keys)) = self.known.get_key_value(name.as_str()) else {
                let near = nearest(name, self.known.keys().copied().filter(|name| !name.is_empty()));
                meant.extend(near.map(|near| (near, None)));
                let what = if top.contains(name.as_str()) { "must be a value, is a table" } else { "unknown section" };
                unknown.push((name.clone(), section.line, what.to_owned(), near.map(str::to_owned)));
                continue;
            };
            for (key, item) in &section.items {
                if keys.contains(key.as_str()) {
                    continue;
                }
                if known_name.is_empty() && self.known.contains_key(key.as_str()) {
                    self.no_section.push(key.clone());
                    let what = format!("must be a section, [{key}], is {}", item.value.kind());
                    unknown.push((key.clone(), item.line, what, None));
                    continue;
                }
                let (what, near) = self.judge(known_name, keys, key, &mut meant);
                unknown.push((qualified(known_name, key), item.line, what, near));
            }
        }
        for (key, line, what, nearest) in unknown {
            self.faults.push(Fault { file: self.file.clone(), line, key, what, nearest });
        }
        for (section, key) in std::mem::take(&mut self.missing) {
            let explained = meant.contains(&(section, Some(key)))
                || (meant.contains(&(section, None)) && !self.sections.contains_key(section))
                || self.no_section.iter().any(|name| name == section);
            if !explained {
                let other = if key == "issuer" { ", and no token_url stands in its place" } else { "" };
                let what = format!("missing; it has no default{other} ({} sets it too)", variable(section, key));
                let at = self.at(section, key);
                self.fault(&at, what);
            }
        }
        self.faults.sort_by_key(|fault| (fault.line.is_none(), fault.line));
        (self.faults, self.warnings)
    }

    fn judge(
        &self,
        section: &'static str,
        keys: &BTreeSet<&'static str>,
        key: &str,
        meant: &mut BTreeSet<(&'static str, Option<&'static str>)>,
    ) -> (String, Option<String>) {
        if let Some((secret, variable)) = secret_of(section, key) {
            let what = format!(
                "a secret does not belong into this file; take it out, then `tollgate secret set {secret}`, or set {variable}"
            );
            return (what, None);
        }
        let near = nearest(key, keys.iter().copied());
        let elsewhere = self.known.iter().find_map(|(section, keys)| Some((*section, *keys.get(key)?)));
        match (near, elsewhere) {
            (_, Some((home, word))) => {
                meant.insert((home, Some(word)));
                let what = if home.is_empty() {
                    "belongs to the top of the file, before the first [section]".to_owned()
                } else {
                    format!("unknown key here; it belongs under [{home}]")
                };
                (what, None)
            }
            (Some(near), None) => {
                meant.insert((section, Some(near)));
                ("unknown key".to_owned(), Some(near.to_owned()))
            }
            (None, None) => {
                let known: Vec<_> = keys.iter().copied().collect();
                let place = if section.is_empty() { "at the top" } else { "here" };
                (format!("unknown key; known {place} are {}", known.join(", ")), None)
            }
        }
    }
}

/// Secrets that people are likely to write into the file, and their names.
fn secret_of(section: &str, key: &str) -> Option<(&'static str, &'static str)> {
    match (section, key) {
        ("jaggaer", "client_secret" | "secret" | "password") => {
            Some(("jaggaer.client_secret", "TOLLGATE_JAGGAER_CLIENT_SECRET"))
        }
        ("intacct", "sender_password" | "sender_pass") => {
            Some(("intacct.sender_password", "TOLLGATE_INTACCT_SENDER_PASSWORD"))
        }
        ("intacct", "user_password" | "password" | "user_pass") => {
            Some(("intacct.user_password", "TOLLGATE_INTACCT_USER_PASSWORD"))
        }
        _ => None,
    }
}

/// The variable that overrides a key.
pub(super) fn variable(section: &str, key: &str) -> String {
    let section = if section.is_empty() { String::new() } else { format!("{section}_") };
    format!("TOLLGATE_{section}{key}").to_uppercase()
}

fn qualified(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}
