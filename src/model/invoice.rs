//! The canonical invoice: what a customer's document says, in one shape whatever its source was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Amount, Currency, Date, Text};

/// Whether money is owed to the supplier or by the supplier.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceKind {
    /// An invoice.
    Invoice,
    /// A credit memo; its amounts are kept as absolute values.
    CreditMemo,
}

/// An invoice or credit memo. Amounts are in `currency`, dates are calendar dates, codes are text with their leading zeros.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invoice {
    /// The source's immutable id.
    pub id: String,
    /// Invoice or credit memo.
    pub kind: InvoiceKind,
    /// The number that the supplier printed: Intacct's bill number.
    pub number: Option<Text>,
    /// JAGGAER's own number.
    pub buyer_number: Option<Text>,
    /// Invoice date.
    pub invoice_date: Option<Date>,
    /// Due date.
    pub due_date: Option<Date>,
    /// Accounting date.
    pub posting_date: Option<Date>,
    /// Business unit, as JAGGAER says it.
    pub entity: Option<Text>,
    /// Who sent it.
    pub supplier: Supplier,
    /// Payment terms code.
    pub terms: Option<Text>,
    /// Currency of all amounts.
    pub currency: Option<Currency>,
    /// The totals that the document states.
    pub totals: Totals,
    /// Goods lines; header charges follow as lines of their own kind, each charge once.
    pub lines: Vec<Line>,
    /// Customer-defined header fields that have a value.
    pub custom: BTreeMap<String, Text>,
}

/// The supplier as the invoice names it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Supplier {
    /// The ERP's vendor number, the sensible key.
    pub number: Option<Text>,
    /// JAGGAER's network id.
    pub network_id: Option<Text>,
    /// Name.
    pub name: Option<Text>,
}

/// What the document itself states; absent where it says nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// The total owed. Never recomputed: lines are checked against it.
    pub total: Option<Amount>,
    /// How far the sum of the lines may be from it: 0.01 per line plus 0.02 unless the profile says otherwise.
    pub tolerance: Amount,
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Goods or services.
    Item,
    /// Freight or shipping.
    Freight,
    /// Handling.
    Handling,
    /// Tax owed to the supplier.
    Tax,
    /// A discount: its amount is negative on an invoice.
    Discount,
    /// A miscellaneous fee.
    Fee,
}

impl LineKind {
    /// The word used in the mapping.
    pub fn word(self) -> &'static str {
        match self {
            LineKind::Item => "item",
            LineKind::Freight => "freight",
            LineKind::Handling => "handling",
            LineKind::Tax => "tax",
            LineKind::Discount => "discount",
            LineKind::Fee => "fee",
        }
    }
}

/// A charge kind is a line kind other than `item`.
pub type ChargeKind = LineKind;

/// A charge of a header or a line before it becomes a line of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Charge {
    /// Which charge.
    pub kind: ChargeKind,
    /// Its name, for fees.
    pub name: Option<Text>,
    /// How much.
    pub amount: Amount,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Its number in the document; charges carry the number of the line they belong to, or 0 for the header's.
    pub number: u32,
    /// What it is.
    pub kind: LineKind,
    /// Description.
    pub description: Option<Text>,
    /// Quantity, where the source gives one.
    pub quantity: Option<Amount>,
    /// Unit of measure.
    pub unit: Option<Text>,
    /// Price of one unit.
    pub unit_price: Option<Amount>,
    /// What it adds to the total, rounded to the currency; discounts are negative.
    pub amount: Amount,
    /// Whether the source calls it taxable.
    pub taxable: Option<bool>,
    /// The order that it bills.
    pub po: Option<PurchaseOrderLine>,
    /// Accounting splits whose amounts together make exactly `amount`. Never empty: a line without splits has one without segments.
    pub splits: Vec<Split>,
    /// Customer-defined line fields that have a value.
    pub custom: BTreeMap<String, Text>,
}

/// Reference to a purchase order's line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PurchaseOrderLine {
    /// Order number.
    pub number: Text,
    /// Line number, as text.
    pub line: Option<Text>,
}

/// How the source said what part of a line a split is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitShare {
    /// The whole line.
    Whole,
    /// Per cent of the line.
    Percent(Amount),
    /// An amount.
    Amount(Amount),
    /// A quantity of the line's.
    Quantity(Amount),
}

/// One accounting split of a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Split {
    /// How the source said it.
    pub share: SplitShare,
    /// Its amount, rounded; rounding leaves went to the largest split.
    pub amount: Amount,
    /// Accounting segments that have a value, by name.
    pub segments: BTreeMap<String, Text>,
}
