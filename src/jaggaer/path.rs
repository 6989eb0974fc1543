//! Paths of a profile: RFC 9535 JSONPath, compiled once.
//!
//! Paths of member names and `[*]` alone are walked directly: they are nearly all of them, and the walk is what makes a
//! conversion fast. It is more tolerant than RFC 9535 in one point: `[*]` reads one or many, so an object where an array is
//! usual counts as its only element, and a name asked of an array is asked of each element.

use std::borrow::Cow;

use serde_json_path::JsonPath;

use super::json::Json;

/// A value that a path found: borrowed from the document, or made by the JSONPath engine.
pub(crate) type Found<'t> = Cow<'t, Json<'t>>;

/// Where a value of a supplier stands.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// At a path.
    Path(Path),
    /// In the customer-defined field of this name.
    Custom(String),
}

/// One compiled path.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    text: String,
    way: Way,
    ignore_case: bool,
}

#[derive(Clone, Debug)]
enum Way {
    Plain(Vec<Step>),
    Engine(Box<JsonPath>),
}

#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Each,
}

impl Path {
    /// Compiles a path; `.` is short for `$`.
    pub(crate) fn compile(text: &str, ignore_case: bool) -> Result<Path, String> {
        let standard = if text == "." { "$" } else { text };
        let parsed = JsonPath::parse(standard).map_err(|e| format!("it is no JSONPath (RFC 9535): {e}"))?;
        let way = match plain(standard) {
            Some(steps) => Way::Plain(steps),
            None if ignore_case => {
                return Err("with case_insensitive only plain paths of names and [*] can be used".to_owned());
            }
            None => Way::Engine(Box::new(parsed)),
        };
        Ok(Path { text: standard.to_owned(), way, ignore_case })
    }

    /// As it stands in the profile.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The names on the way and whether their case is ignored; `None` for a path that the JSONPath engine walks.
    pub(super) fn names(&self) -> Option<(impl Iterator<Item = &str>, bool)> {
        let Way::Plain(steps) = &self.way else { return None };
        let names = steps.iter().filter_map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Each => None,
        });
        Some((names, self.ignore_case))
    }

    /// The first value found.
    pub(crate) fn first<'t>(&self, node: &'t Json<'t>) -> Option<Found<'t>> {
        match &self.way {
            Way::Plain(steps) => walk_first(node, steps, self.ignore_case).map(Cow::Borrowed),
            Way::Engine(_) => self.all(node).into_iter().next(),
        }
    }

    /// All values found; an array at the end is taken apart, so that one and many look the same. Nulls are left out.
    pub(crate) fn all<'t>(&self, node: &'t Json<'t>) -> Vec<Found<'t>> {
        let mut found = Vec::new();
        match &self.way {
            Way::Plain(steps) => walk_all(node, steps, self.ignore_case, &mut found),
            Way::Engine(path) => {
                let value = node.to_value();
                for hit in path.query(&value).all() {
                    match Json::from_value(hit) {
                        Json::Array(items) => found.extend(items.into_iter().map(Cow::Owned)),
                        Json::Null => {}
                        other => found.push(Cow::Owned(other)),
                    }
                }
            }
        }
        found
    }

    /// Whether anything stands there, be it empty.
    pub(crate) fn exists(&self, node: &Json<'_>) -> bool {
        match &self.way {
            Way::Plain(steps) => {
                let end = steps.iter().rposition(|s| matches!(s, Step::Name(_))).map_or(0, |i| i + 1);
                walk_first(node, steps.get(..end).unwrap_or(steps), self.ignore_case).is_some()
            }
            Way::Engine(path) => !path.query(&node.to_value()).is_empty(),
        }
    }

    /// The deepest object on the way, to tell what is there instead.
    pub(crate) fn members_there(&self, node: &Json<'_>) -> String {
        let mut here = node;
        if let Way::Plain(steps) = &self.way {
            for step in steps {
                let Step::Name(name) = step else { break };
                match here.member(name, self.ignore_case) {
                    Some(next) => here = next,
                    None => break,
                }
            }
        }
        here.member_names()
    }
}

fn walk_first<'t>(node: &'t Json<'t>, steps: &[Step], ignore_case: bool) -> Option<&'t Json<'t>> {
    let Some((step, rest)) = steps.split_first() else { return Some(node) };
    match (step, node) {
        (_, Json::Array(items)) => {
            let rest = if matches!(step, Step::Each) { rest } else { steps };
            items.iter().find_map(|item| walk_first(item, rest, ignore_case))
        }
        (_, Json::Null) => None,
        (Step::Each, one) => walk_first(one, rest, ignore_case),
        (Step::Name(name), node) => walk_first(node.member(name, ignore_case)?, rest, ignore_case),
    }
}

fn walk_all<'t>(node: &'t Json<'t>, steps: &[Step], ignore_case: bool, found: &mut Vec<Found<'t>>) {
    let split = steps.split_first();
    match (split, node) {
        (_, Json::Null) => {}
        (None, Json::Array(items)) => {
            found.extend(items.iter().filter(|i| !matches!(i, Json::Null)).map(Cow::Borrowed));
        }
        (None, node) => found.push(Cow::Borrowed(node)),
        (Some((step, rest)), Json::Array(items)) => {
            let rest = if matches!(step, Step::Each) { rest } else { steps };
            for item in items {
                walk_all(item, rest, ignore_case, found);
            }
        }
        (Some((Step::Each, rest)), one) => walk_all(one, rest, ignore_case, found),
        (Some((Step::Name(name), rest)), node) => {
            if let Some(next) = node.member(name, ignore_case) {
                walk_all(next, rest, ignore_case, found);
            }
        }
    }
}

/// The steps of a path made of names and `[*]` only: `$.a.b[*].c`, `$['a b'].c`.
fn plain(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[*]") {
            steps.push(Step::Each);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\"")) {
            let quote = rest.get(1..2)?;
            let (name, after) = after.split_once(&format!("{quote}]"))?;
            if name.contains(['\\', '\'', '"']) {
                return None;
            }
            steps.push(Step::Name(name.to_owned()));
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            if name.is_empty() || name.contains(['*', '?', ' ', '(']) {
                return None;
            }
            steps.push(Step::Name(name.to_owned()));
            rest = after;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let json = Json::parse(text.as_bytes()).unwrap();
        let path = Path::compile(path, false).unwrap();
        let mut all = Vec::new();
        for hit in path.all(&json) {
            let mut out = String::new();
            hit.write(&mut out);
            all.push(out);
        }
        all
    }

    #[test]
    fn one_and_many_look_the_same() {
        for text in [r#"{"l":{"x":[{"v":1}]}}"#, r#"{"l":{"x":{"v":1}}}"#, r#"{"l":[{"x":{"v":1}}]}"#] {
            assert_eq!(found("$.l.x[*].v", text), ["1"], "{text}");
            assert_eq!(found("$.l.x", text), [r#"{"v":1}"#], "{text}");
        }
        for text in [r#"{}"#, r#"{"l":null}"#, r#"{"l":{"x":null}}"#, r#"{"l":{"x":[]}}"#, r#"{"l":7}"#] {
            assert!(found("$.l.x[*].v", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn whatever_is_not_plain_goes_to_the_engine() {
        let text = r#"{"f":[{"n":"a","v":1},{"n":"b","v":2}]}"#;
        assert_eq!(found("$.f[?@.n == 'b'].v", text), ["2"]);
        assert_eq!(found("$.f[1].v", text), ["2"]);
        assert_eq!(found("$..v", text), ["1", "2"]);
    }

    #[test]
    fn case_is_ignored_only_on_demand() {
        let json = Json::parse(br#"{"Header":{"INVOICEID":7}}"#).unwrap();
        assert!(Path::compile("$.header.invoiceId", false).unwrap().first(&json).is_none());
        assert!(Path::compile("$.header.invoiceId", true).unwrap().first(&json).is_some());
        assert!(Path::compile("$..x", true).is_err());
    }

    #[test]
    fn names_with_blanks_are_quoted() {
        assert_eq!(found("$['Wire Transfer'].v", r#"{"Wire Transfer":{"v":"x"}}"#), ["\"x\""]);
    }
}
