//! Query strings, the filter language, and what of a header stands in a list.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::stored::Stored;

/// Pairs of a query string or form, percent-decoded; the last of equal names counts.
pub fn pairs(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Percent-decodes; `+` is a blank; what is not decodable stays as it is.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Conditions that all must hold.
#[derive(Debug, Default)]
pub struct Filter(Vec<(String, Test)>);

#[derive(Debug)]
enum Test {
    Equal(String),
    In(Vec<String>),
    From(Timestamp),
    To(Timestamp),
}

/// Fields that can be filtered, whatever the case of their letters.
const FIELDS: [&str; 6] =
    ["lastUpdate", "paymentStatus", "workflowStatus", "matchStatus", "businessUnit", "invoiceType"];

impl Filter {
    /// Reads `field==value;field>=value;field=in=(a,b)`.
    ///
    /// # Errors
    /// What is not understood.
    pub fn read(text: &str) -> Result<Self, String> {
        text.split(';').filter(|part| !part.is_empty()).map(Self::condition).collect::<Result<_, _>>().map(Filter)
    }

    fn condition(text: &str) -> Result<(String, Test), String> {
        let split = ["=in=", "==", ">=", "<="]
            .iter()
            .filter_map(|operator| text.find(operator).map(|at| (at, *operator)))
            .min_by_key(|(at, _)| *at);
        let (at, operator) = split.ok_or_else(|| format!("filter not understood: {text}"))?;
        let name = text.get(..at).unwrap_or_default().trim();
        let value = text.get(at + operator.len()..).unwrap_or_default().trim();
        let field = FIELDS
            .iter()
            .find(|field| field.eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("unknown filter field: {name}"))?;
        let instant = || {
            value
                .parse::<Timestamp>()
                .or_else(|_| format!("{value}T00:00:00Z").parse())
                .map_err(|_| format!("not a date: {value}"))
        };
        let test = match operator {
            "==" => Test::Equal(value.to_owned()),
            "=in=" => Test::In(value.trim_matches(['(', ')']).split(',').map(|one| one.trim().to_owned()).collect()),
            ">=" | "<=" if *field != "lastUpdate" => return Err(format!("{field} cannot be compared with {operator}")),
            ">=" => Test::From(instant()?),
            _ => Test::To(instant()?),
        };
        Ok(((*field).to_owned(), test))
    }

    /// Whether an invoice satisfies all. One without the asked date satisfies any: nothing is known against it.
    pub fn admits(&self, stored: &Stored) -> bool {
        self.0.iter().all(|(field, test)| match test {
            Test::Equal(wanted) => stored.field(field).as_ref() == Some(wanted),
            Test::In(wanted) => stored.field(field).is_some_and(|text| wanted.contains(&text)),
            Test::From(from) => stored.updated.is_none_or(|at| at >= *from),
            Test::To(to) => stored.updated.is_none_or(|at| at <= *to),
        })
    }
}

/// What of a header stands in the list.
const SHOWN: [&str; 14] = [
    "invoiceId",
    "invoiceNumber",
    "supplierInvoiceNumber",
    "invoiceName",
    "invoiceType",
    "invoiceDate",
    "dueDate",
    "paymentStatus",
    "workflowStatus",
    "matchStatus",
    "lastUpdate",
    "businessUnit",
    "supplier",
    "total",
];

/// The header as the list shows it.
pub fn header_of_list(header: &Value) -> Value {
    let shown: Map<String, Value> =
        SHOWN.iter().filter_map(|field| header.get(*field).map(|value| ((*field).to_owned(), value.clone()))).collect();
    Value::Object(shown)
}
