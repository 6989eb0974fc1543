//! What the gateway's errors mean and what to do about them: data in `errors.toml`, which an installation may extend.
//!
//! The same number serves many causes, so place and text decide too. Sources: the public error pages of developer.intacct.com and
//! what public clients have coded into theirs; texts are matched by their stable parts only.

use std::sync::LazyLock;

use serde::Deserialize;
use toml::Spanned;

use crate::model::{Class, Text};

use super::answer::GatewayError;

/// Where in an answer an error stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Under the response: the control block was refused.
    Control,
    /// Under the operation: the authentication was refused.
    Authentication,
    /// In a result: one function failed.
    Function,
}

/// One known error.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Number in lower case, with `*` at its end for a prefix; any without it.
    errorno: Option<String>,
    ids: Vec<String>,
    place: Option<Place>,
    /// Each a list of pieces that must follow each other.
    patterns: Vec<Vec<String>>,
    alone: bool,
    /// What it means for what to do next.
    pub class: Class,
    /// A few words: `vendor missing or inactive`.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// What to do.
    pub advice: String,
}

/// What is wrong with an entry of a file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    /// Line, from 1.
    pub line: usize,
    /// What, in words.
    pub what: String,
}

/// An error explained.
#[derive(Clone, Debug)]
pub struct Explained<'e> {
    /// Its class; [`Class::Unknown`] for what is not in the catalogue, [`Class::Wrapper`] where there are only wrappers.
    pub class: Class,
    /// A few words.
    pub title: Text,
    /// What it means.
    pub meaning: Text,
    /// What to do.
    pub advice: Text,
    /// The error that names the cause: the first that is not a wrapper. `None` if there was no error at all.
    pub cause: Option<&'e GatewayError>,
}

/// All known errors, in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    error: Vec<Spanned<RawEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    errorno: Option<String>,
    #[serde(default)]
    ids: Vec<String>,
    place: Option<Place>,
    #[serde(default)]
    patterns: Vec<String>,
    #[serde(default)]
    alone: bool,
    class: Class,
    title: String,
    meaning: String,
    advice: String,
}

impl Catalogue {
    /// The built-in entries.
    pub fn builtin() -> Self {
        // A test reads the same text; an unreadable one would leave every error unknown, which holds documents and loses none.
        static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| read(include_str!("errors.toml")).unwrap_or_default());
        Catalogue { entries: ENTRIES.clone() }
    }

    /// The built-in entries behind those of a file, which win.
    pub fn with_file(text: &str) -> Result<Self, Vec<Fault>> {
        let mut entries = read(text)?;
        entries.extend(Self::builtin().entries);
        Ok(Catalogue { entries })
    }

    /// The entries, in the order in which they are tried.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Explains the errors of one place: the first that is not a wrapper names the cause.
    pub fn explain<'e>(&self, errors: &'e [GatewayError], place: Place) -> Explained<'e> {
        let found = |error: &GatewayError| self.entries.iter().find(|entry| !entry.alone && entry.fits(error, place));
        let cause = errors.iter().find(|error| found(error).is_none_or(|entry| entry.class != Class::Wrapper));
        if let Some(error) = cause {
            return explained(found(error), Some(error));
        }
        let alone = errors.iter().find_map(|error| {
            let entry = self.entries.iter().find(|entry| entry.alone && entry.fits(error, place))?;
            Some((entry, error))
        });
        match (alone, errors.first()) {
            (Some((entry, error)), _) => explained(Some(entry), Some(error)),
            (None, Some(first)) => explained(found(first), Some(first)),
            (None, None) => explained(None, None),
        }
    }
}

fn explained<'e>(entry: Option<&Entry>, cause: Option<&'e GatewayError>) -> Explained<'e> {
    match (entry, cause) {
        (Some(entry), _) => Explained {
            class: entry.class,
            title: Text::new(&entry.title),
            meaning: Text::new(&entry.meaning),
            advice: Text::new(&entry.advice),
            cause,
        },
        (None, Some(_)) => Explained {
            class: Class::Unknown,
            title: "not in the catalogue".into(),
            meaning: "Intacct refused it with an error that Tollgate does not know.".into(),
            advice: "Read the error's own text, mend the cause and replay; add the error to your catalogue file."
                .into(),
            cause,
        },
        (None, None) => Explained {
            class: Class::Unknown,
            title: "no reason given".into(),
            meaning: "Intacct reported a failure without an error.".into(),
            advice: "Look in Intacct whether it is there before doing anything.".into(),
            cause,
        },
    }
}

impl Entry {
    fn fits(&self, error: &GatewayError, place: Place) -> bool {
        if self.place.is_some_and(|wanted| wanted != place) {
            return false;
        }
        if let Some(wanted) = &self.errorno
            && !glob(wanted, &plain(error.errorno.raw()))
        {
            return false;
        }
        if !self.ids.is_empty() {
            let given = [&error.error_id, &error.message_id];
            let given: Vec<String> = given.into_iter().flatten().map(|id| plain(id.raw())).collect();
            if !self.ids.iter().any(|wanted| given.iter().any(|id| glob(wanted, id))) {
                return false;
            }
        }
        if self.patterns.is_empty() {
            return true;
        }
        let texts =
            [&error.errorno, &error.description, &error.description2, &error.correction].map(|text| plain(text.raw()));
        self.patterns.iter().any(|pieces| texts.iter().any(|text| in_order(pieces, text)))
    }
}

/// Exact, or the beginning if the pattern ends with `*`.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    }
}

/// Whether the pieces stand in the text one after the other.
fn in_order(pieces: &[String], text: &str) -> bool {
    let mut rest = text;
    pieces.iter().all(|piece| match rest.find(piece.as_str()) {
        Some(at) => {
            rest = rest.get(at + piece.len()..).unwrap_or_default();
            true
        }
        None => false,
    })
}

/// Lower case, blanks collapsed, typographic apostrophes plain.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase().replace(['\u{2018}', '\u{2019}', '`'], "'")
}

fn read(text: &str) -> Result<Vec<Entry>, Vec<Fault>> {
    let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    let file: RawFile = toml::from_str(text).map_err(|error| {
        vec![Fault { line: error.span().map_or(1, |span| line(span.start)), what: error.message().to_owned() }]
    })?;
    let mut faults = Vec::new();
    let mut entries = Vec::new();
    for raw in file.error {
        let line = line(raw.span().start);
        let raw = raw.into_inner();
        if raw.errorno.is_none() && raw.ids.is_empty() && raw.patterns.is_empty() {
            faults.push(Fault { line, what: "an entry needs `errorno`, `ids` or `patterns`".to_owned() });
        }
        let patterns: Vec<Vec<String>> = raw
            .patterns
            .iter()
            .map(|pattern| pattern.split("...").map(plain).filter(|piece| !piece.is_empty()).collect())
            .collect();
        if patterns.iter().any(Vec::is_empty) {
            faults.push(Fault { line, what: "a pattern of nothing but `...` would fit every error".to_owned() });
        }
        let errorno = raw.errorno.as_deref().map(plain);
        if errorno.iter().chain(&raw.ids).any(|id| id.trim_end_matches('*').is_empty()) {
            faults.push(Fault { line, what: "an empty number or id would fit every error".to_owned() });
        }
        entries.push(Entry {
            errorno,
            ids: raw.ids.iter().map(|id| plain(id)).collect(),
            place: raw.place,
            patterns,
            alone: raw.alone,
            class: raw.class,
            title: raw.title,
            meaning: raw.meaning,
            advice: raw.advice,
        });
    }
    if faults.is_empty() { Ok(entries) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(errorno: &str, text: &str) -> GatewayError {
        GatewayError { errorno: errorno.into(), description2: text.into(), ..Default::default() }
    }

    fn class(errorno: &str, text: &str, place: Place) -> Class {
        Catalogue::builtin().explain(&[error(errorno, text)], place).class
    }

    #[test]
    fn every_known_error_has_its_class() {
        use Class::*;
        use Place::{Authentication, Control, Function};
        for (errorno, text, place, expected) in [
            ("GW-0001", "Unable to process request", Control, Backoff),
            ("GW-0010", "API rate limit exceeded", Control, Backoff),
            ("GW-0011", "Invalid Request", Control, Configuration),
            ("GW-0012", "", Control, Configuration),
            ("GW-0014", "", Control, Bug),
            ("GW-0015", "", Control, Bug),
            ("GW-0035", "", Control, Configuration),
            ("GW-0042", "Forbidden", Control, Configuration),
            ("GW-9999", "", Control, Unknown),
            ("invalidRequest", "", Control, Configuration),
            ("XL03000003", "XML Parse schema error 1871", Control, Bug),
            ("XL03000006", "Incorrect Intacct XML Partner ID or password.", Control, Configuration),
            ("XL03000006", "p1 is not a valid transport policy.", Control, Configuration),
            ("XL03000006", "Invalid session Zk9v....", Authentication, Refresh),
            ("XL03000006", "Sign-in information is incorrect", Authentication, Configuration),
            ("XL03000006", "Login information is incorrect", Authentication, Configuration),
            (
                "XL03000006",
                "The sender ID 'q' is not authorized to make Web Services requests to company ID 'N'.",
                Authentication,
                Configuration,
            ),
            (
                "XL03000006",
                "You are not authorized to use Web Services under the company N",
                Authentication,
                Configuration,
            ),
            ("XL03000006", "etwas anderes", Authentication, Configuration),
            ("XL03000009", "rolled back", Function, Wrapper),
            ("XL03000010", "no such field", Function, Bug),
            ("PL01000127", "Document Number is missing", Function, Data),
            (
                "PL04000005",
                "You do not have permission for API operation CREATE on objects of type apbill",
                Function,
                Permission,
            ),
            ("PL04000055", "expired", Control, Configuration),
            ("PL05000104", "", Function, Duplicate),
            ("BL01001973", "Could not create Document record!", Function, Wrapper),
            ("BL01001973", "Could not update APBILL record", Function, Wrapper),
            ("BL01001973", "Currently, we can\u{2019}t create the transaction", Function, Wrapper),
            ("BL01001973", "Duplicate bill number X already exists", Function, Duplicate),
            ("BL01001973", "Invalid Vendor 'JG-9' specified.", Function, Data),
            ("BL01001973", "Invalid Project 'P' specified", Function, Data),
            ("BL01001973", "Cannot find APBILL with key '5' to delete", Function, Data),
            ("BL03000018", "Missing unit", Function, Data),
            ("BL03000018", "Missing the Location dimension for Account 6510", Function, Data),
            ("BL03000018", "Illegal format for Contactversion : Primary Email Address", Function, Data),
            ("BL03000025", "Login ID x does not exist", Function, Data),
            ("BL03000130", "", Function, Duplicate),
            ("BL03002028", "", Function, Data),
            ("BL03002185", "", Function, Duplicate),
            ("BL34000061", "Another Project with the given value(s) P already exists", Function, Duplicate),
            ("", "Another record with the value V already exists", Function, Duplicate),
            ("DL02000001", "There was an error processing the request", Function, Backoff),
            ("AR-0148", "", Function, Configuration),
            ("AR-0279", "", Function, Configuration),
            ("Query Failed", "Object definition X not found", Function, Permission),
            ("Invalid fields list X", "", Function, Bug),
            ("Cannot update non-existing CLASS with CLASSID=1", "", Function, Data),
            ("Get API Session Failed", "", Function, Backoff),
            ("", "The vendor 'V' is invalid", Function, Data),
            ("", "Activate the vendor V", Function, Data),
            ("", "Account 6999 is not valid", Function, Data),
            ("", "The account number '6510' requires a Department", Function, Data),
            ("", "missing the Class dimension for the Account 6510", Function, Data),
            ("", "GL account is restricted by department", Function, Configuration),
            ("", "Department is restricted by GL account", Function, Configuration),
            ("", "The location 'L' is invalid", Function, Data),
            ("", "Location must be set or auto-filled", Function, Data),
            ("", "The department 'D' is invalid", Function, Data),
            ("", "Project 'P' specified is not valid", Function, Data),
            ("", "The accounting period for 01/31/2026 is closed", Function, Period),
            ("", "Books closed: period 2026-01", Function, Period),
            ("", "Date must be on or after 02/01/2026", Function, Period),
            ("", "Transaction with the number 'X' already exists", Function, Duplicate),
            ("", "due date is earlier than date of transaction", Function, Data),
            ("", "The account number 1000 is associated to the Bank account B", Function, Data),
            ("", "Enable foreign-currency transactions", Function, Configuration),
            ("", "enable GL account override", Function, Configuration),
            ("", "allow AP or AR account override", Function, Configuration),
            ("", "API operation 'CREATE' cannot be performed on objects of type x", Function, Bug),
            ("", "You are not subscribed to Projects", Function, Configuration),
            ("", "Please try  again\nlater", Function, Backoff),
            ("", "The Service is Temporarily Off-line", Function, Backoff),
            ("XL03000006", "A function with controlid tg-1 has already been run", Function, Duplicate),
            ("", "This request has already been executed", Function, Duplicate),
            ("", "Etwas ganz Neues", Function, Unknown),
        ] {
            assert_eq!(class(errorno, text, place), expected, "{errorno} {text}");
        }
    }

    #[test]
    fn the_first_error_that_is_not_a_wrapper_is_the_cause() {
        let catalogue = Catalogue::builtin();
        let wrapper = error("BL01001973", "Could not create Document record!");
        let errors = [wrapper.clone(), error("BL01001973", "Invalid Vendor 'X' specified."), error("XL03000009", "")];
        let explained = catalogue.explain(&errors, Place::Function);
        assert_eq!((explained.class, explained.cause), (Class::Data, errors.get(1)));

        let errors = [error("XL03000009", "")];
        assert_eq!(catalogue.explain(&errors, Place::Function).class, Class::Wrapper);

        let mut random = wrapper.clone();
        random.correction = "Check the transaction for errors or inconsistencies, then try again.".into();
        assert_eq!(catalogue.explain(&[random.clone()], Place::Function).class, Class::Backoff);
        let errors = [random, error("", "Invalid Vendor 'X' specified.")];
        assert_eq!(catalogue.explain(&errors, Place::Function).class, Class::Data, "alone means alone");

        let nothing = catalogue.explain(&[], Place::Function);
        assert_eq!((nothing.class, nothing.cause), (Class::Unknown, None));
    }

    #[test]
    fn language_neutral_ids_decide_where_they_are_given() {
        let known = GatewayError {
            message_id: Some("IA.DUPLICATE_BILL_NUMBER".into()),
            description2: "Numéro connu".into(),
            ..Default::default()
        };
        assert_eq!(Catalogue::builtin().explain(&[known], Place::Function).class, Class::Duplicate);
    }

    #[test]
    fn an_installation_adds_its_own_and_they_win() {
        let own = "[[error]]\nerrorno = \"BL01001973\"\npatterns = [\"our ... rule\"]\nclass = \"data\"\ntitle = \"t\"\nmeaning = \"m\"\nadvice = \"a\"\n";
        let catalogue = Catalogue::with_file(own).unwrap();
        let errors = [error("BL01001973", "Our approval RULE says no, it already exists")];
        assert_eq!(catalogue.explain(&errors, Place::Function).title.raw(), "t");
        assert_eq!(catalogue.entries().len(), Catalogue::builtin().entries().len() + 1);
    }

    #[test]
    fn faults_of_a_file_name_their_lines() {
        let head = "[[error]]\nclass = \"data\"\ntitle = \"t\"\nmeaning = \"m\"\nadvice = \"a\"\n";
        let faults = Catalogue::with_file(&format!("{head}\n{head}patterns = [\" ... \"]\n")).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [1, 7]);
        let typo = Catalogue::with_file(&format!("{head}pattern = []\n")).unwrap_err();
        assert_eq!(typo[0].line, 6);
        assert!(typo[0].what.contains("pattern"), "{}", typo[0]);
        let class = Catalogue::with_file("[[error]]\nclass = \"dta\"\n").unwrap_err();
        assert_eq!(class[0].line, 2);
    }

    #[test]
    fn the_built_in_catalogue_is_sound_and_speaks() {
        let entries = read(include_str!("errors.toml")).unwrap();
        assert!(entries.len() > 50);
        assert!(
            entries
                .iter()
                .all(|entry| !entry.title.is_empty() && entry.meaning.ends_with('.') && entry.advice.ends_with('.'))
        );
    }
}
