//! `query`: its schema, its order, its page (developer.intacct.com, "Queries").

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::errors::GatewayError;
use super::filter::{Filter, read_filter};
use super::rows::{Object, Row, Value};
use super::xml::Element;

/// A query as sent.
#[derive(Debug)]
pub struct Query<'a> {
    /// Name of the object, as it stands in the answer.
    pub name: &'a str,
    /// The object.
    pub object: Object,
    /// Plain fields and aggregates in their order.
    pub select: Vec<Column<'a>>,
    /// What rows must satisfy.
    pub filter: Option<Filter<'a>>,
    /// Field, and whether ascending.
    pub order: Vec<(&'a str, bool)>,
    /// Letters' case does not matter.
    pub case_insensitive: bool,
    /// Private records of entities are seen from the top level.
    pub show_private: bool,
    /// Rows in a page.
    pub page_size: usize,
    /// Rows before the page.
    pub offset: usize,
}

/// What is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column<'a> {
    /// A field.
    Field(&'a str),
    /// How many rows have a value in the field.
    Count(&'a str),
    /// The sum.
    Sum(&'a str),
    /// The smallest value.
    Min(&'a str),
    /// The greatest value.
    Max(&'a str),
}

/// What a failing query means for the request.
#[derive(Debug)]
pub enum QueryError {
    /// The schema refuses the whole request.
    Schema(GatewayError),
    /// The function fails.
    Function(GatewayError),
}

/// An element stands where none is expected.
pub fn expected(element: &Element<'_>) -> QueryError {
    QueryError::Schema(GatewayError::not_expected(&element.name))
}

fn number(element: &Element<'_>, least: usize, most: usize) -> Result<usize, QueryError> {
    let text = element.text.trim();
    match text.parse::<usize>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(QueryError::Schema(GatewayError::not_in_set(&element.name, text))),
    }
}

impl<'a> Query<'a> {
    /// Reads the element strictly.
    ///
    /// # Errors
    /// What is wrong, and whether it concerns the request or the function.
    pub fn read(element: &'a Element<'a>, custom: &BTreeSet<String>) -> Result<Self, QueryError> {
        let mut seen: Vec<&str> = Vec::new();
        for child in &element.children {
            let known = ["object", "select", "filter", "orderby", "options", "pagesize", "offset", "docparid"];
            if !known.contains(&child.name.as_ref()) || seen.contains(&child.name.as_ref()) {
                return Err(expected(child));
            }
            seen.push(&child.name);
        }
        let missing = |name: &str| {
            QueryError::Schema(GatewayError::schema(format!(
                "XML Parse schema error. Error 1871: Element 'query': Missing child element(s). Expected is ( {name} )."
            )))
        };
        let name = element.text_of("object").ok_or_else(|| missing("object"))?;
        let select = element.child("select").ok_or_else(|| missing("select"))?;
        let object = Object::named(name).ok_or_else(|| {
            QueryError::Function(GatewayError::new("Query Failed", format!("Object definition {name} not found")))
        });
        let mut columns = Vec::with_capacity(select.children.len());
        for column in &select.children {
            let field = column.text.trim();
            columns.push(match column.name.as_ref() {
                "field" => Column::Field(field),
                "count" => Column::Count(field),
                "sum" => Column::Sum(field),
                "min" => Column::Min(field),
                "max" => Column::Max(field),
                _ => return Err(expected(column)),
            });
        }
        if columns.is_empty() {
            return Err(missing("select"));
        }
        let filter = match element.child("filter") {
            None => None,
            Some(filter) => match filter.children.as_slice() {
                [only] => Some(read_filter(only)?),
                [] => return Err(missing("filter")),
                [_, second, ..] => return Err(expected(second)),
            },
        };
        let order = element.child("orderby").map(read_order).transpose()?.unwrap_or_default();
        let (case_insensitive, show_private) = element.child("options").map_or(Ok((false, false)), read_options)?;
        let page_size = element.child("pagesize").map_or(Ok(100), |size| number(size, 1, 2000))?;
        let offset = element.child("offset").map_or(Ok(0), |offset| number(offset, 0, usize::MAX))?;
        let query = Query {
            name,
            object: object?,
            select: columns,
            filter,
            order,
            case_insensitive,
            show_private,
            page_size,
            offset,
        };
        query.check_fields(custom)?;
        Ok(query)
    }

    fn check_fields(&self, custom: &BTreeSet<String>) -> Result<(), QueryError> {
        let Some(known) = self.object.fields() else { return Ok(()) };
        let unknown = |field: &str| QueryError::Function(GatewayError::unknown_field(self.name, field));
        let has = |field: &str| {
            known.contains(&field) || (matches!(self.object, Object::Bill | Object::Line) && custom.contains(field))
        };
        for column in &self.select {
            let (Column::Field(field)
            | Column::Count(field)
            | Column::Sum(field)
            | Column::Min(field)
            | Column::Max(field)) = column;
            if !has(field) {
                return Err(unknown(field));
            }
        }
        for (field, _) in &self.order {
            if !has(field) {
                return Err(unknown(field));
            }
        }
        let mut fields = Vec::new();
        if let Some(filter) = &self.filter {
            filter.fields(&mut fields);
        }
        match fields.into_iter().find(|field| !has(field)) {
            Some(field) => Err(unknown(field)),
            None => Ok(()),
        }
    }

    /// Whether rows are counted together rather than given one by one.
    pub fn aggregates(&self) -> bool {
        self.select.iter().any(|column| !matches!(column, Column::Field(_)))
    }

    /// Brings rows into the asked order; without one into an order that nobody should rely on.
    pub fn sort(&self, rows: &mut [Row<'_>]) {
        if self.order.is_empty() {
            rows.sort_by_key(|row| std::cmp::Reverse(row.record_no()));
            return;
        }
        rows.sort_by(|a, b| {
            self.order
                .iter()
                .map(|(field, ascending)| {
                    let order = compare(&a.get(field), &b.get(field));
                    if *ascending { order } else { order.reverse() }
                })
                .find(|order| order.is_ne())
                .unwrap_or_else(|| a.record_no().cmp(&b.record_no()))
        });
    }

    /// Whether a row satisfies the filter.
    ///
    /// # Errors
    /// A value cannot be compared with the field.
    pub fn admits(&self, row: &Row<'_>) -> Result<bool, GatewayError> {
        self.filter.as_ref().map_or(Ok(true), |filter| filter.admits(row, self.case_insensitive))
    }
}

fn compare(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Instant(a), Value::Instant(b)) => a.cmp(b),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        _ => a.show().cmp(&b.show()),
    }
}

fn read_order<'a>(element: &'a Element<'a>) -> Result<Vec<(&'a str, bool)>, QueryError> {
    element
        .children
        .iter()
        .map(|order| match (order.name.as_ref(), order.children.as_slice()) {
            ("order", [field, way]) if field.name == "field" => match way.name.as_ref() {
                "ascending" => Ok((field.text.trim(), true)),
                "descending" => Ok((field.text.trim(), false)),
                _ => Err(expected(way)),
            },
            _ => Err(expected(order)),
        })
        .collect()
}

fn read_options(element: &Element<'_>) -> Result<(bool, bool), QueryError> {
    super::request::in_order(element, &[("caseinsensitive", false), ("showprivate", false), ("returnformat", false)])
        .map_err(QueryError::Schema)?;
    let flag = |name: &str| match element.text_of(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(QueryError::Schema(GatewayError::not_in_set(name, other))),
    };
    match element.text_of("returnformat") {
        None | Some("xml") => Ok((flag("caseinsensitive")?, flag("showprivate")?)),
        Some(other) => Err(QueryError::Schema(GatewayError::not_in_set("returnformat", other))),
    }
}
