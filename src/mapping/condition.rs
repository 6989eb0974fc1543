//! Conditions of a rule: one field, and everything that must hold for it.

use std::fmt::Write as _;

use globset::{GlobBuilder, GlobMatcher};

use super::field::{Context, Field, FieldType, Value};
use crate::model::{Amount, Date};

/// All tests of one field; every one that is set must hold.
#[derive(Debug)]
pub(super) struct Condition {
    pub field: Field,
    /// The field as the file names it.
    pub name: Box<str>,
    pub tests: Tests,
}

/// The tests. A missing field passes `present = false` and `not`, and fails every other.
#[derive(Debug, Default)]
pub(super) struct Tests {
    pub equal: Option<Literal>,
    pub one_of: Option<Vec<Literal>>,
    pub not: Vec<Literal>,
    /// Any of these patterns.
    pub glob: Vec<Pattern>,
    pub from: Option<Literal>,
    pub to: Option<Literal>,
    pub present: Option<bool>,
}

/// A pattern with `*`, `?`, `[…]` and `{a,b}`; case counts, `*` matches everything.
#[derive(Debug)]
pub(super) struct Pattern(GlobMatcher);

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let glob = GlobBuilder::new(text).literal_separator(false).backslash_escape(true).build();
        glob.map(|glob| Pattern(glob.compile_matcher())).map_err(|error| error.kind().to_string())
    }
}

/// A value that a field is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Literal {
    Text(Box<str>),
    Number(Amount),
    Date(Date),
    Bool(bool),
}

impl Literal {
    pub fn value(&self) -> Value<'_> {
        match self {
            Literal::Text(text) => Value::Text(text),
            Literal::Number(number) => Value::Number(*number),
            Literal::Date(date) => Value::Date(*date),
            Literal::Bool(bool) => Value::Bool(*bool),
        }
    }

    fn equals(&self, value: &Value<'_>) -> bool {
        match self {
            Literal::Text(text) => matches!(value, Value::Text(other) if **text == **other),
            Literal::Number(number) => value.number() == Some(*number),
            Literal::Date(date) => value.date() == Some(*date),
            Literal::Bool(bool) => matches!(value, Value::Bool(other) if bool == other),
        }
    }

    fn is_at_most(&self, value: &Value<'_>) -> bool {
        match self {
            Literal::Number(number) => value.number().is_some_and(|other| *number <= other),
            Literal::Date(date) => value.date().is_some_and(|other| *date <= other),
            _ => false,
        }
    }

    fn is_at_least(&self, value: &Value<'_>) -> bool {
        match self {
            Literal::Number(number) => value.number().is_some_and(|other| *number >= other),
            Literal::Date(date) => value.date().is_some_and(|other| *date >= other),
            _ => false,
        }
    }
}

impl Condition {
    pub fn holds(&self, context: &Context<'_>) -> bool {
        self.tests.hold(self.field.value(context).as_ref())
    }

    /// Why it can never hold, if so.
    pub fn contradiction(&self) -> Option<String> {
        let tests = &self.tests;
        if tests.one_of.as_ref().is_some_and(Vec::is_empty) {
            return Some("`one_of` is empty, so that it never matches".to_owned());
        }
        if let (Some(from), Some(to)) = (&tests.from, &tests.to)
            && !from.is_at_most(&to.value())
        {
            let (from, to) = (from.value(), to.value());
            return Some(format!("`from` {from} is after `to` {to}, so that it never matches"));
        }
        if tests.present == Some(false) {
            if self.field.is_always_present() {
                return Some(format!("`{}` is always present, so that it never matches", self.name));
            }
            return tests
                .needs_value()
                .then(|| "`present = false` beside a test of the value, so that it never matches".to_owned());
        }
        // Where only a known few values can pass, at least one of them must.
        let words = match self.field.field_type() {
            FieldType::Word(words) => words.iter().map(|word| Literal::Text((*word).into())).collect(),
            _ => Vec::new(),
        };
        let possible = match (&tests.equal, &tests.one_of) {
            (Some(equal), _) => std::slice::from_ref(equal),
            (None, Some(list)) => list.as_slice(),
            (None, None) if !words.is_empty() && self.field.is_always_present() => &words,
            (None, None) => return None,
        };
        let none = !possible.iter().any(|literal| tests.hold(Some(&literal.value())));
        none.then(|| "its tests exclude each other, so that it never matches".to_owned())
    }

    /// The condition in words: `line.kind is one of freight, handling`.
    pub fn describe(&self) -> String {
        let tests = &self.tests;
        let mut out = self.name.to_string();
        let mut and = " ";
        let mut say = |text: std::fmt::Arguments<'_>| {
            let _ = write!(out, "{and}{text}");
            and = " and ";
        };
        let list = |list: &[Literal]| list.iter().map(|one| one.value().to_string()).collect::<Vec<_>>().join(", ");
        if let Some(equal) = &tests.equal {
            say(format_args!("is {}", equal.value()));
        }
        if let Some(one_of) = &tests.one_of {
            say(format_args!("is one of {}", list(one_of)));
        }
        if !tests.not.is_empty() {
            say(format_args!("is not {}", list(&tests.not)));
        }
        if !tests.glob.is_empty() {
            let patterns: Vec<_> = tests.glob.iter().map(|pattern| pattern.0.glob().glob()).collect();
            say(format_args!("is like {}", patterns.join(", ")));
        }
        if let Some(from) = &tests.from {
            say(format_args!("is from {}", from.value()));
        }
        if let Some(to) = &tests.to {
            say(format_args!("is to {}", to.value()));
        }
        match tests.present {
            Some(true) => say(format_args!("is present")),
            Some(false) => say(format_args!("is missing")),
            None => {}
        }
        out
    }
}

impl Tests {
    /// Whether nothing is tested.
    pub fn is_empty(&self) -> bool {
        !self.needs_value() && self.not.is_empty() && self.present.is_none()
    }

    fn needs_value(&self) -> bool {
        self.equal.is_some()
            || self.one_of.is_some()
            || !self.glob.is_empty()
            || self.from.is_some()
            || self.to.is_some()
    }

    fn hold(&self, value: Option<&Value<'_>>) -> bool {
        if self.present.is_some_and(|present| present != value.is_some()) {
            return false;
        }
        let Some(value) = value else { return !self.needs_value() };
        self.equal.as_ref().is_none_or(|equal| equal.equals(value))
            && self.one_of.as_ref().is_none_or(|list| list.iter().any(|one| one.equals(value)))
            && !self.not.iter().any(|one| one.equals(value))
            && self.from.as_ref().is_none_or(|from| from.is_at_most(value))
            && self.to.as_ref().is_none_or(|to| to.is_at_least(value))
            && (self.glob.is_empty() || {
                let text = value.text();
                self.glob.iter().any(|pattern| pattern.0.is_match(&*text))
            })
    }
}
