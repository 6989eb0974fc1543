//! The `query` function: what to select, which records, in which order, which page.
//!
//! Source: developer.intacct.com/web-services/queries/.

use crate::model::RecordNo;

use super::xml::Writer;

/// Most rows of a page.
pub const MAX_PAGE: usize = 2000;
/// Most values of one `in`.
const MAX_VALUES: usize = 1000;
/// The field that grows for ever and that pages are ordered by.
pub const RECORDNO: &str = "RECORDNO";

/// What is selected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Select {
    /// A field.
    Field(String),
    /// The number of records in the group that the plain fields form.
    Count(String),
}

/// Which records. Values are text in the gateway's own forms (dates `MM/DD/YYYY`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    /// Equal.
    Equal(String, String),
    /// Not equal.
    NotEqual(String, String),
    /// Greater.
    Greater(String, String),
    /// Greater or equal.
    GreaterOrEqual(String, String),
    /// Less.
    Less(String, String),
    /// Less or equal.
    LessOrEqual(String, String),
    /// `%` any run, `_` one character.
    Like(String, String),
    /// From and to, both included.
    Between(String, String, String),
    /// One of these; more than 1,000 are split, none at all matches nothing.
    In(String, Vec<String>),
    /// Empty.
    IsNull(String),
    /// Not empty.
    IsNotNull(String),
    /// All of these; none at all matches everything.
    And(Vec<Filter>),
    /// One of these; none at all matches nothing.
    Or(Vec<Filter>),
}

impl Filter {
    /// `field` is one of `values`.
    pub fn within(field: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
        Filter::In(field.to_owned(), values.into_iter().map(Into::into).collect())
    }

    /// `field` is like `pattern`.
    pub fn like(field: &str, pattern: impl Into<String>) -> Filter {
        Filter::Like(field.to_owned(), pattern.into())
    }

    /// `field` equals `value`.
    pub fn equal(field: &str, value: impl Into<String>) -> Filter {
        Filter::Equal(field.to_owned(), value.into())
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Filter::Equal(field, value) => compare(out, "equalto", field, [value]),
            Filter::NotEqual(field, value) => compare(out, "notequalto", field, [value]),
            Filter::Greater(field, value) => compare(out, "greaterthan", field, [value]),
            Filter::GreaterOrEqual(field, value) => compare(out, "greaterthanorequalto", field, [value]),
            Filter::Less(field, value) => compare(out, "lessthan", field, [value]),
            Filter::LessOrEqual(field, value) => compare(out, "lessthanorequalto", field, [value]),
            Filter::Like(field, value) => compare(out, "like", field, [value]),
            Filter::Between(field, from, to) => compare(out, "between", field, [from, to]),
            Filter::IsNull(field) => compare(out, "isnull", field, []),
            Filter::IsNotNull(field) => compare(out, "isnotnull", field, []),
            Filter::In(_, values) if values.is_empty() => nothing(out),
            Filter::In(field, values) if values.len() <= MAX_VALUES => compare(out, "in", field, values),
            Filter::In(field, values) => {
                out.open("or");
                for part in values.chunks(MAX_VALUES) {
                    compare(out, "in", field, part);
                }
                out.close("or");
            }
            Filter::And(parts) => several(out, "and", parts),
            Filter::Or(parts) => several(out, "or", parts),
        }
    }

    /// Whether it lets everything through, so that no element may be written for it.
    fn is_everything(&self) -> bool {
        matches!(self, Filter::And(parts) if parts.iter().all(Filter::is_everything))
    }
}

fn compare<'v>(out: &mut Writer, operator: &str, field: &str, values: impl IntoIterator<Item = &'v String>) {
    out.open(operator);
    out.element("field", field);
    for value in values {
        out.element("value", value);
    }
    out.close(operator);
}

/// No record is without a record number.
fn nothing(out: &mut Writer) {
    compare(out, "isnull", RECORDNO, []);
}

/// The schema wants two or more parts inside `and` and `or`.
fn several(out: &mut Writer, operator: &str, parts: &[Filter]) {
    let and = operator == "and";
    if !and && parts.iter().any(Filter::is_everything) {
        return compare(out, "isnotnull", RECORDNO, []);
    }
    let parts: Vec<&Filter> = parts.iter().filter(|part| !part.is_everything()).collect();
    match parts.as_slice() {
        [] if and => compare(out, "isnotnull", RECORDNO, []),
        [] => nothing(out),
        [one] => one.write(out),
        parts => {
            out.open(operator);
            parts.iter().for_each(|part| part.write(out));
            out.close(operator);
        }
    }
}

/// A query. It always sees the private records of all entities (`showprivate`): a duplicate check without them misses some.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// Object, in upper case: `APBILL`.
    pub object: String,
    /// What is selected.
    pub select: Vec<Select>,
    /// Which records; all without it.
    pub filter: Option<Filter>,
    /// The fields that order the rows, ascending.
    pub order: Vec<String>,
    /// Rows of a page, at most [`MAX_PAGE`].
    pub page_size: usize,
    /// Rows to leave out at the beginning.
    pub offset: usize,
    /// Letters' case does not matter in comparisons.
    pub any_case: bool,
}

impl Query {
    /// All records of an object, ordered by RECORDNO, in the largest pages.
    pub fn new(object: &str, fields: &[&str]) -> Self {
        Query {
            object: object.to_owned(),
            select: fields.iter().map(|field| Select::Field((*field).to_owned())).collect(),
            filter: None,
            order: vec![RECORDNO.to_owned()],
            page_size: MAX_PAGE,
            offset: 0,
            any_case: false,
        }
    }

    /// The number of records of an object per value of `field`: the counted field comes back as `COUNT.RECORDNO`.
    pub fn counted(object: &str, field: &str) -> Self {
        Query {
            select: vec![Select::Field(field.to_owned()), Select::Count(RECORDNO.to_owned())],
            order: vec![field.to_owned()],
            ..Query::new(object, &[])
        }
    }

    /// Only records that the filter lets through, and all earlier filters too.
    pub fn only(mut self, filter: Filter) -> Self {
        self.filter = Some(match self.filter.take() {
            None => filter,
            Some(Filter::And(mut parts)) => {
                parts.push(filter);
                Filter::And(parts)
            }
            Some(earlier) => Filter::And(vec![earlier, filter]),
        });
        self
    }

    /// Compared without regard to letters' case: of ids that differ only there Intacct may take one for the other.
    pub fn in_any_case(mut self) -> Self {
        self.any_case = true;
        self
    }

    /// Pages of this size.
    pub fn page_size(mut self, size: usize) -> Self {
        self.page_size = size.clamp(1, MAX_PAGE);
        self
    }

    /// The page after the record `last`. Rows that come or go meanwhile shift pages by offset; by record number they do not.
    pub fn after(&self, last: &RecordNo) -> Self {
        self.clone().only(Filter::Greater(RECORDNO.to_owned(), last.0.clone()))
    }

    /// Whether its pages can be told apart by record number.
    pub fn has_record_numbers(&self) -> bool {
        self.order.first().is_some_and(|field| field == RECORDNO)
            && self.select.iter().all(|select| matches!(select, Select::Field(_)))
            && self.select.iter().any(|select| matches!(select, Select::Field(field) if field == RECORDNO))
    }

    /// The function body.
    pub fn body(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(1024);
        out.open("query");
        out.element("object", &self.object);
        out.open("select");
        for select in &self.select {
            match select {
                Select::Field(field) => out.element("field", field),
                Select::Count(field) => out.element("count", field),
            }
        }
        out.close("select");
        if let Some(filter) = self.filter.as_ref().filter(|filter| !filter.is_everything()) {
            out.open("filter");
            filter.write(&mut out);
            out.close("filter");
        }
        if !self.order.is_empty() {
            out.open("orderby");
            for field in &self.order {
                out.open("order");
                out.element("field", field);
                out.empty("ascending");
                out.close("order");
            }
            out.close("orderby");
        }
        out.open("options");
        if self.any_case {
            out.element("caseinsensitive", "true");
        }
        out.element("showprivate", "true");
        out.close("options");
        out.element("pagesize", &self.page_size.clamp(1, MAX_PAGE).to_string());
        out.element("offset", &self.offset.to_string());
        out.close("query");
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(query: &Query) -> String {
        String::from_utf8(query.body()).unwrap()
    }

    #[test]
    fn a_query_asks_as_the_schema_wants_it() {
        let query = Query::new("VENDOR", &["RECORDNO", "VENDORID"])
            .only(Filter::GreaterOrEqual("WHENMODIFIED".into(), "03/01/2026 08:00:00".into()))
            .page_size(5000)
            .after(&RecordNo("915".into()));
        assert_eq!(
            body(&query),
            "<query><object>VENDOR</object><select><field>RECORDNO</field><field>VENDORID</field></select><filter><and>\
             <greaterthanorequalto><field>WHENMODIFIED</field><value>03/01/2026 08:00:00</value></greaterthanorequalto>\
             <greaterthan><field>RECORDNO</field><value>915</value></greaterthan></and></filter>\
             <orderby><order><field>RECORDNO</field><ascending/></order></orderby>\
             <options><showprivate>true</showprivate></options><pagesize>2000</pagesize><offset>0</offset></query>"
        );
    }

    #[test]
    fn an_and_or_or_of_one_is_just_that_one() {
        let one = Filter::And(vec![Filter::Or(vec![Filter::equal("A", "<1>")]), Filter::And(vec![])]);
        let text = body(&Query::new("X", &["A"]).only(one));
        assert!(
            text.contains("<filter><equalto><field>A</field><value>&lt;1&gt;</value></equalto></filter>"),
            "{text}"
        );
    }

    #[test]
    fn nothing_to_look_for_matches_nothing_and_never_everything() {
        for filter in [Filter::within("RECORDID", Vec::<String>::new()), Filter::Or(vec![])] {
            let text = body(&Query::new("APBILL", &["RECORDNO"]).only(filter));
            assert!(text.contains("<filter><isnull><field>RECORDNO</field></isnull></filter>"), "{text}");
        }
    }

    #[test]
    fn more_than_a_thousand_values_are_split() {
        let text = body(
            &Query::new("APBILL", &["RECORDNO"]).only(Filter::within("RECORDID", (0..1001).map(|n| n.to_string()))),
        );
        assert_eq!((text.matches("<or>").count(), text.matches("<in>").count()), (1, 2));
        assert_eq!(text.matches("<value>").count(), 1001);
    }
}
