//! An invoice as it is kept: as text, because a hundred thousand of them shall fit.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::list::header_of_list;

/// An invoice.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The detail document as JSON.
    pub text: Arc<str>,
    /// The header as the list shows it, as JSON.
    pub listed: String,
    /// lastUpdate.
    pub updated: Option<Timestamp>,
}

impl Stored {
    /// Reads the id and what the list needs; nothing if there is no id.
    pub fn read(text: Arc<str>) -> Option<(u64, Stored)> {
        let detail: Value = serde_json::from_str(&text).ok()?;
        let header = detail.get("header")?;
        let id = header.get("invoiceId").and_then(Value::as_u64)?;
        let updated = header.get("lastUpdate").and_then(Value::as_str).and_then(|at| at.parse().ok());
        Some((id, Stored { listed: header_of_list(header).to_string(), updated, text }))
    }

    /// The detail document.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A text field of the header, of those that the list shows.
    pub fn field(&self, name: &str) -> Option<String> {
        let header: Value = serde_json::from_str(&self.listed).ok()?;
        header.get(name).and_then(Value::as_str).map(str::to_owned)
    }
}
