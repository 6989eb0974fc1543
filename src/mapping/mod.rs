//! Mapping: which vendor, account and dimensions each split of an invoice gets, by ordered rules and tables, checked
//! against reference data, with an explanation of every value.
//!
//! Floor 2. [`Rules`] are read once from `mapping.toml` and its tables; [`Rules::map`] is pure: the same invoice, reference
//! data and options always give the same bill or the same reasons. Nothing here asks a remote system, and nothing is guessed:
//! what cannot be mapped is reported with every reason at once.

mod build;
mod check;
mod choose;
mod condition;
mod document;
mod explain;
mod explain_text;
mod fault;
mod field;
mod lines;
mod reader;
mod reader_table;
mod reader_when;
mod reference;
mod rules;
mod table;
mod template;

#[cfg(test)]
mod tests;

pub use build::{MapOptions, Mapped};
pub use explain::{
    Check, Decision, Explanation, FellThrough, Inserted, LineExplanation, Origin, SplitExplanation, Why,
};
pub use fault::Fault;
pub use field::RawFields;
pub use reference::{Found, Reference, ReferenceTable};
pub use rules::Rules;
pub use rules::Target;
