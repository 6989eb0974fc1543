//! What must come out, written down by the generator together with the data.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What must come of a whole world.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The JAGGAER instance's name, part of every document key.
    pub instance: String,
    /// One entry for each invoice.
    pub invoices: Vec<ExpectedInvoice>,
    /// Count and totals per state.
    pub states: BTreeMap<String, StateTotals>,
    /// Bills that people typed: they must still stand, unchanged in number.
    pub typed_by_hand: Vec<ExpectedBill>,
}

/// How many invoices are in a state, and their totals by currency (only of those that state both).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateTotals {
    /// Invoices.
    pub count: u64,
    /// Sums by currency.
    pub totals: BTreeMap<String, Decimal>,
}

/// What must come of one invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExpectedInvoice {
    /// invoiceId.
    pub jaggaer_id: u64,
    /// `{instance}/invoice/{invoiceId}`.
    pub key: String,
    /// Supplier's number in JAGGAER.
    pub supplier: String,
    /// Supplier's invoice number, if there is one.
    pub number: Option<String>,
    /// Currency, if there is one.
    pub currency: Option<String>,
    /// Total as JAGGAER states it, if it can be read.
    pub total: Option<Decimal>,
    /// `posted`, `held`, `failed`, `not_approved`, `before_cutover`.
    pub state: String,
    /// Codes of every reason of a hold.
    pub reasons: BTreeSet<String>,
    /// For `failed`: `data`, `permission`, `configuration`, `bug`, `unknown`.
    pub class: Option<String>,
    /// The story, for people.
    pub story: String,
    /// Changes in JAGGAER after the bill stands.
    pub changed_after_posting: bool,
    /// A bill of ours stood there already.
    pub adopted: bool,
    /// What must stand in the books, once; nothing if nothing may.
    pub bill: Option<ExpectedBill>,
}

/// A bill that must stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExpectedBill {
    /// VENDORID.
    pub vendor: String,
    /// Bill number.
    pub number: String,
    /// Currency.
    pub currency: String,
    /// Total.
    pub total: Decimal,
    /// Invoice date.
    pub invoice_date: Date,
    /// GL date.
    pub gl_date: Date,
    /// Due date.
    pub due_date: Date,
    /// Sum of the lines by account.
    pub accounts: BTreeMap<String, Decimal>,
    /// The first part of the mark, `TG-` and 16 letters; empty for a bill typed by hand.
    pub mark_stem: String,
}

impl Expected {
    /// Adds up the states.
    pub(super) fn add_up(&mut self) {
        self.states.clear();
        for invoice in &self.invoices {
            let state = self.states.entry(invoice.state.clone()).or_default();
            state.count += 1;
            if let (Some(currency), Some(total)) = (&invoice.currency, invoice.total) {
                *state.totals.entry(currency.clone()).or_default() += total;
            }
        }
    }

    /// The entry of an invoice.
    pub fn of(&self, jaggaer_id: u64) -> Option<&ExpectedInvoice> {
        self.invoices.iter().find(|invoice| invoice.jaggaer_id == jaggaer_id)
    }
}

/// `TG-` and 16 letters that every posting of a document carries: the first 80 bits of a hash of the document's key.
pub fn mark_stem(document_key: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(format!("tollgate mark\n{document_key}").as_bytes());
    let first: Vec<u8> = hash.iter().copied().take(10).collect();
    format!("TG-{}", data_encoding::BASE32_NOPAD.encode(&first))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_mark_has_80_bits_in_capital_letters_and_digits() {
        let stem = super::mark_stem("demo/invoice/2600417");
        assert_eq!(stem.len(), 19);
        assert!(stem.starts_with("TG-"));
        assert!(stem.chars().skip(3).all(|c| c.is_ascii_uppercase() || ('2'..='7').contains(&c)));
        assert_ne!(stem, super::mark_stem("demo/invoice/2600418"));
    }
}
