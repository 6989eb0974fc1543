//! Pairs of supplier and vendor in words, the same in commands and console. Every text that is returned is safe to show.

use super::differ::{Part, differing, marked};
use super::{ExplainedReason, FieldView, PairDetail, PairRow, SuggestionView, VendorsPlan, VendorsStatus};
use crate::model::{Course, MasterField, PairState, ReasonCode, Side, Text};

/// What stands where a side does not offer a field.
pub const NOT_OFFERED: &str = "–";
/// What stands where a value is empty.
pub const EMPTY: &str = "(empty)";

impl PairRow {
    /// Whether a field waits for a person's word.
    pub fn in_conflict(&self) -> bool {
        self.differences.iter().any(|(_, course)| *course == Course::Conflict)
    }

    /// Whether a person is needed: by its state, or to look at a bank alert.
    pub fn needs_attention(&self) -> bool {
        self.state.needs_attention() || self.in_conflict() || self.alerts > 0
    }

    /// Why it stands where it stands, in a few words, the gravest first.
    pub fn why(&self) -> String {
        let of = |wanted: Course| -> Vec<&str> {
            self.differences.iter().filter(|(_, course)| *course == wanted).map(|(field, _)| field.label()).collect()
        };
        let mut words = Vec::new();
        match (self.alerts, self.high) {
            (0, _) => {}
            (_, true) => words.push("HIGH ALERT: bank data and contact changed".to_owned()),
            (_, false) => words.push("bank data changed".to_owned()),
        }
        let conflicts = of(Course::Conflict);
        if !conflicts.is_empty() {
            words.push(format!("decide: {}", conflicts.join(", ")));
        }
        match self.suggestions {
            0 => {}
            1 => words.push("1 vendor looks like it".to_owned()),
            count => words.push(format!("{count} vendors look like it")),
        }
        words.extend(self.detail.as_ref().filter(|detail| !detail.is_blank()).map(|detail| detail.safe().into_owned()));
        for (course, to) in
            [(Course::ToIntacct, "to Intacct"), (Course::ToJaggaer, "to JAGGAER"), (Course::Left, "left different")]
        {
            let fields = of(course);
            if !fields.is_empty() {
                words.push(format!("{to}: {}", fields.join(", ")));
            }
        }
        words.join(" · ")
    }
}

impl PairDetail {
    /// The reasons that are not told by the refusal itself; each side may have refused something, and one is told at length.
    pub fn other_reasons(&self) -> impl Iterator<Item = &ExplainedReason> {
        let told = |reason: &ExplainedReason| {
            let said = self.error.as_ref().is_some_and(|error| reason.detail.raw().ends_with(error.said.raw()));
            reason.code == ReasonCode::Refused && said
        };
        self.reasons.iter().filter(move |reason| !told(reason))
    }

    /// Its fields, those that differ first and among them those in conflict, with the number of those that differ.
    pub fn ordered(&self) -> (Vec<&FieldView>, usize) {
        let rank = |field: &FieldView| match field.course {
            Some(Course::Conflict) => 0,
            Some(_) => 1,
            None => 2,
        };
        let mut fields: Vec<&FieldView> = self.fields.iter().collect();
        fields.sort_by_key(|field| rank(field));
        let differing = fields.iter().filter(|field| field.differs()).count();
        (fields, differing)
    }

    /// The supplier beside a vendor that looks like it, field by field; what differs has a course, though nothing becomes of it.
    pub fn beside(&self, suggestion: &SuggestionView) -> Vec<FieldView> {
        let fields = MasterField::ALL.into_iter().filter_map(|field| {
            let own = self.fields.iter().find(|own| own.field == field);
            let jaggaer = own.and_then(|own| own.jaggaer.clone());
            let intacct = suggestion.fields.iter().find(|(of, _)| *of == field).map(|(_, value)| value.clone());
            if jaggaer.is_none() && intacct.is_none() {
                return None;
            }
            let differs = matches!((&jaggaer, &intacct), (Some(a), Some(b)) if rough(field, a) != rough(field, b));
            let course = differs.then_some(Course::Conflict);
            let policy = own.map_or(field.default_policy(), |own| own.policy);
            Some(FieldView { field, agreed: None, jaggaer, intacct, course, policy, decided: None })
        });
        fields.collect()
    }
}

impl PairRow {
    /// The name for questions and notices: number, name, vendor.
    pub fn title(&self) -> String {
        let vendor = match &self.vendor {
            Some(vendor) if *vendor != self.number => format!(" ↔ vendor {}", vendor.safe()),
            _ => String::new(),
        };
        let name = if self.name.is_blank() { "(no name)".into() } else { self.name.safe() };
        format!("{} {name}{vendor} ({})", self.number.safe(), self.id)
    }
}

impl FieldView {
    /// Whether the two sides differ in it.
    pub fn differs(&self) -> bool {
        self.course.is_some()
    }

    /// The value of a side.
    pub fn value(&self, side: Side) -> Option<&Text> {
        match side {
            Side::Jaggaer => self.jaggaer.as_ref(),
            Side::Intacct => self.intacct.as_ref(),
        }
    }

    /// JAGGAER's and Intacct's value, safe, each in runs; where they differ, the runs that the other has not got are marked.
    pub fn sides(&self) -> (Vec<Part>, Vec<Part>) {
        let (jaggaer, intacct) = (shown(self.jaggaer.as_ref()), shown(self.intacct.as_ref()));
        let filled = |value: &Option<Text>| value.as_ref().is_some_and(|value| !value.is_blank());
        if self.differs() && filled(&self.jaggaer) && filled(&self.intacct) {
            return differing(&jaggaer, &intacct);
        }
        // A value against none differs as a whole.
        let whole = |text: String, differs: bool| vec![Part { text, differs }];
        (
            whole(jaggaer, self.differs() && filled(&self.jaggaer)),
            whole(intacct, self.differs() && filled(&self.intacct)),
        )
    }

    /// Agreed, JAGGAER's, Intacct's, as texts with the marks in them.
    pub fn columns(&self) -> [String; 3] {
        let (jaggaer, intacct) = self.sides();
        let agreed = self.agreed.as_ref().map(|value| shown(Some(value))).unwrap_or_default();
        [agreed, marked(&jaggaer), marked(&intacct)]
    }

    /// What becomes of it, and why; empty where both agree.
    pub fn verdict(&self) -> String {
        let Some(course) = self.course else { return String::new() };
        if let Some((value, who)) = &self.decided {
            return format!("decided by {}, not sent yet: {}", crate::model::safe(who), shown(Some(value)));
        }
        let changed = match (&self.agreed, self.changed(Side::Jaggaer), self.changed(Side::Intacct)) {
            (None, ..) => "they never agreed",
            (_, true, true) => "both changed it",
            (_, true, false) => "JAGGAER changed it",
            (_, false, true) => "Intacct changed it",
            (_, false, false) => "no side changed it since",
        };
        match course {
            Course::Conflict => format!("CONFLICT: {changed}; a person decides"),
            Course::ToIntacct => format!("{changed}: goes to Intacct"),
            Course::ToJaggaer => format!("{changed}: goes to JAGGAER"),
            Course::Left => format!("{changed}: left, JAGGAER cannot be written"),
        }
    }

    /// Whether a side says something else than what was agreed, apart from case and blanks.
    fn changed(&self, side: Side) -> bool {
        match (&self.agreed, self.value(side)) {
            (Some(agreed), Some(value)) => plain(agreed) != plain(value),
            _ => false,
        }
    }
}

impl VendorsPlan {
    /// Why suppliers are held, in words, with how many.
    pub fn held_for(&self) -> Vec<(String, u64)> {
        let title = |word: &String| match ReasonCode::ALL.iter().find(|code| code.word() == word) {
            Some(code) => code.title().to_owned(),
            None => crate::model::safe(word).into_owned(),
        };
        self.held.iter().map(|(word, count)| (title(word), *count)).collect()
    }
}

/// A value as [`plain`], without what means nothing in its field: punctuation of numbers, scheme and last slash of addresses.
fn rough(field: MasterField, text: &Text) -> String {
    let plain = plain(text);
    match field {
        MasterField::Phone | MasterField::Fax => plain.chars().filter(char::is_ascii_alphanumeric).collect(),
        MasterField::Website => {
            let rest = plain.split_once("://").map_or(plain.as_str(), |(_, rest)| rest);
            rest.trim_end_matches('/').to_owned()
        }
        _ => plain,
    }
}

/// A value for a rough comparison: without its case and surplus blanks.
fn plain(text: &Text) -> String {
    text.raw().split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A value, safe: what a side does not offer and what is empty have signs of their own.
pub fn shown(value: Option<&Text>) -> String {
    match value {
        None => NOT_OFFERED.to_owned(),
        Some(value) if value.is_blank() => EMPTY.to_owned(),
        Some(value) => value.safe().into_owned(),
    }
}

impl VendorsStatus {
    /// Pairs in a state.
    pub fn count(&self, state: PairState) -> u64 {
        self.states.get(&state).copied().unwrap_or(0)
    }

    /// All pairs.
    pub fn total(&self) -> u64 {
        self.states.values().sum()
    }

    /// Pairs that need a person by their state.
    pub fn attention(&self) -> u64 {
        PairState::ALL.into_iter().filter(|state| state.needs_attention()).map(|state| self.count(state)).sum()
    }

    /// Whether a person is needed: for a pair, or to look at a bank alert. Before the start nothing waits for anybody.
    pub fn needs_attention(&self) -> bool {
        self.started.is_some() && (self.attention() > 0 || self.alerted > 0)
    }

    /// Whether there is anything to say: suppliers are read, or were.
    pub fn is_known(&self) -> bool {
        self.reads_jaggaer || self.total() > 0 || self.started.is_some()
    }

    /// What is carried over, in words; what it says holds once it was started.
    pub fn scope(&self) -> String {
        let all = self.fields.is_empty() || self.fields.len() == MasterField::ALL.len();
        let fields = match all {
            true => "all fields".to_owned(),
            false => self.fields.iter().map(|field| field.label()).collect::<Vec<_>>().join(", "),
        };
        let creates = if self.creates { "new suppliers become vendors" } else { "no vendor is created" };
        let ways = if self.writes_jaggaer { "both ways" } else { "to Intacct only: JAGGAER cannot be written" };
        format!("{fields}; {creates}; {ways}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FieldPolicy;

    fn field(agreed: Option<&str>, jaggaer: Option<&str>, intacct: Option<&str>, course: Option<Course>) -> FieldView {
        let text = |value: Option<&str>| value.map(Text::from);
        FieldView {
            field: MasterField::Phone,
            agreed: text(agreed),
            jaggaer: text(jaggaer),
            intacct: text(intacct),
            course,
            policy: FieldPolicy::Ask,
            decided: None,
        }
    }

    #[test]
    fn what_differs_is_marked_and_what_is_no_difference_is_not() {
        let conflict = field(Some("+1 555 0100"), Some("+1 555 0101"), Some("+1 555 0102"), Some(Course::Conflict));
        assert_eq!(conflict.columns(), ["+1 555 0100", "+1 555 [0101]", "+1 555 [0102]"]);
        let punctuation = field(Some("5550100"), Some("555-0100"), Some("555 0100"), None);
        assert_eq!(punctuation.columns(), ["5550100", "555-0100", "555 0100"]);
        let blank = field(None, Some("5550100"), Some(" "), Some(Course::ToIntacct));
        assert_eq!(blank.columns(), ["", "[5550100]", "(empty)"]);
        let missing = field(None, Some("5550100"), None, None);
        assert_eq!(missing.columns(), ["", "5550100", "–"]);
        let hostile = field(None, Some("A\u{202e}B"), Some("A\u{202e}C"), Some(Course::Conflict));
        assert_eq!(hostile.columns()[1], "A‹U+202E›[B]");
    }

    #[test]
    fn the_verdict_says_who_changed_it_and_where_it_goes() {
        let said = |agreed, jaggaer, intacct, course| field(agreed, jaggaer, intacct, Some(course)).verdict();
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        assert_eq!(said(a, b, c, Course::Conflict), "CONFLICT: both changed it; a person decides");
        assert_eq!(said(a, b, Some("A "), Course::ToIntacct), "JAGGAER changed it: goes to Intacct");
        assert_eq!(said(a, a, c, Course::Left), "Intacct changed it: left, JAGGAER cannot be written");
        assert_eq!(said(None, a, c, Course::Conflict), "CONFLICT: they never agreed; a person decides");
        let mut decided = field(a, b, c, Some(Course::Conflict));
        decided.decided = Some(("b".into(), "anna\u{1b}[2J".into()));
        assert_eq!(decided.verdict(), "decided by anna‹U+001B›[2J, not sent yet: b");
    }
}
