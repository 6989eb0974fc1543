//! Checking values against reference data, and collecting every problem with the places where it stands.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use super::choose::Decider;
use super::field::describe_line;
use super::reference::{Found, Reference};
use super::rules::Target;
use crate::model::{Date, Line, Reason, ReasonCode, ReferenceKind, ReferenceRecord};

/// A value is quoted up to so many characters.
const QUOTED: usize = 80;
/// So many places are listed for one problem; the rest are counted.
const LISTED: usize = 5;

/// Where in the document a problem stands.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Document,
    /// A whole line.
    Line(&'a Line),
    /// A split of a line: its number from 1, and how many the line has.
    Split(&'a Line, usize),
}

impl Place<'_> {
    fn describe(self) -> Option<String> {
        match self {
            Place::Document => None,
            Place::Line(line) => Some(describe_line(line.number, line.kind)),
            Place::Split(line, split) => {
                let name = describe_line(line.number, line.kind);
                Some(match line.splits.len() {
                    0 | 1 => name,
                    of => format!("{name} split {split} of {of}"),
                })
            }
        }
    }
}

/// Problems in the order of their discovery; the same problem in many places is one.
#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    known: HashMap<(ReasonCode, String), usize>,
}

struct Problem {
    code: ReasonCode,
    what: String,
    places: Vec<String>,
    more: usize,
}

impl Problems {
    pub fn add(&mut self, code: ReasonCode, place: Place<'_>, what: String) {
        let index = *self.known.entry((code, what.clone())).or_insert(self.list.len());
        if index == self.list.len() {
            self.list.push(Problem { code, what, places: Vec::new(), more: 0 });
        }
        let Some(problem) = self.list.get_mut(index) else { return };
        if problem.places.len() >= LISTED {
            problem.more += 1;
        } else if let Some(place) = place.describe() {
            problem.places.push(place);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn into_reasons(self) -> Vec<Reason> {
        let reason = |problem: Problem| {
            let mut places = problem.places.join(", ");
            if problem.more > 0 {
                places.push_str(&format!(" and {} more", problem.more));
            }
            match places.is_empty() {
                true => Reason::new(problem.code, problem.what),
                false => Reason::new(problem.code, format!("{places}: {}", problem.what)),
            }
        };
        self.list.into_iter().map(reason).collect()
    }
}

/// What a check found: the record, or the problem that was noted.
pub(super) type Checked<'a> = Result<&'a ReferenceRecord, (ReasonCode, String)>;

/// Checks values for one document.
pub(super) struct Checker<'a> {
    pub reference: &'a dyn Reference,
    pub problems: Problems,
    /// Values to ask for again.
    pub needs: BTreeSet<(ReferenceKind, String)>,
    /// The posting date, once known: first and last days of use count for it.
    pub on: Option<Date>,
}

impl<'a> Checker<'a> {
    pub fn new(reference: &'a dyn Reference) -> Self {
        Checker { reference, problems: Problems::default(), needs: BTreeSet::new(), on: None }
    }

    /// Checks the value that a rule chose; tasks are looked for inside `project`.
    pub fn value(
        &mut self,
        place: Place<'_>,
        (target, kind): (Target, ReferenceKind),
        value: &str,
        project: Option<&str>,
        by: Decider<'_>,
    ) -> Checked<'a> {
        let found = match (target, project) {
            (Target::Task, Some(project)) => self.reference.find_task(project, value),
            _ => self.reference.find(kind, value),
        };
        let (code, what) = match found {
            Found::Record(record) => match unusable(record, self.on) {
                None => return Ok(record),
                Some(why) => {
                    let what = format!("{} {} {why} ({})", target.word(), quoted(value), by.name());
                    (ReasonCode::ValueInactive, what)
                }
            },
            Found::NotLoaded => {
                self.needs.insert((kind, value.to_owned()));
                return Err(self.not_loaded(kind));
            }
            Found::Missing => {
                let of = match (target, project) {
                    (Target::Task, Some(project)) => format!(" of project {}", quoted(project)),
                    _ => String::new(),
                };
                let what = format!("{} {}{of} is not in Intacct ({})", target.word(), quoted(value), by.name());
                (ReasonCode::ValueUnknown, what)
            }
        };
        self.needs.insert((kind, value.to_owned()));
        self.problems.add(code, place, what.clone());
        Err((code, what))
    }

    /// Notes that nothing can be said before a kind has been read.
    pub fn not_loaded(&mut self, kind: ReferenceKind) -> (ReasonCode, String) {
        let what = format!("reference data of Intacct have not been read yet: {}", kind.word());
        self.problems.add(ReasonCode::NotEvaluated, Place::Document, what.clone());
        (ReasonCode::NotEvaluated, what)
    }
}

/// Why a record that is there may not be used on a day.
pub(super) fn unusable(record: &ReferenceRecord, on: Option<Date>) -> Option<String> {
    if !record.active {
        return Some("is inactive in Intacct".to_owned());
    }
    let on = on?;
    match (record.starts, record.ends) {
        (Some(starts), _) if on < starts => Some(format!("starts on {starts}, after the posting date {on}")),
        (_, Some(ends)) if on > ends => Some(format!("ended on {ends}, before the posting date {on}")),
        _ => None,
    }
}

/// A value as a reason quotes it: never longer than a person can read.
pub(super) fn quoted(value: &str) -> String {
    let short: Cow<'_, str> = match value.char_indices().nth(QUOTED) {
        Some((at, _)) => Cow::Owned(format!("{}…", value.get(..at).unwrap_or_default())),
        None => Cow::Borrowed(value),
    };
    format!("\"{short}\"")
}
