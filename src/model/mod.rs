//! What Tollgate speaks of: money, identities, invoices, bills, documents and their states, text from outside.
//!
//! Floor 0. Plain data and the rules that hold for it; nothing here reads a file, a clock or a socket.

mod bill;
mod class;
mod document;
mod ids;
mod invoice;
mod master;
mod money;
mod pair;
mod payment;
mod person;
mod reason;
mod reference;
mod secret;
mod text;

pub use bill::{Bill, BillAction, BillLine, Dimensions, LedgerBill, LedgerState};
pub use class::Class;
pub use document::{Approval, Attempt, Document, Fault, Flag, PostingHead, State, Summary};
pub use ids::{Company, ControlId, DocumentId, DocumentKey, DocumentKind, Generation, Mark, RecordNo, Revision, Stem};
pub use invoice::{
    Charge, ChargeKind, Invoice, InvoiceKind, Line, LineKind, PurchaseOrderLine, Split, SplitShare, Supplier, Totals,
};
pub use master::{
    FieldPolicy, MASTER_FIELDS, MasterField, MasterSupplier, MasterValues, MasterVendor, PAYMENT_ITEMS, PaymentItem,
    PaymentMark, PaymentMarks, Side,
};
pub use money::{Amount, Currency, Money, MoneyTotals};
pub use pair::{
    Course, Difference, FieldDecision, LinkBasis, MasterStep, MasterWrite, MasterWriteKind, MatchTier, PAIR_STATES,
    Pair, PairId, PairState, PaymentAlert, Suggestion,
};
pub use payment::PaymentValues;
pub use person::{Actor, Person};
pub use reason::{Reason, ReasonCode};
pub use reference::{ReferenceKind, ReferenceRecord, Required};
pub use secret::Secret;
pub use text::{Text, bill_number_faults, is_forbidden_in_xml, one_line, safe, without_forbidden};

/// A calendar date: no zone, no time of day.
pub type Date = jiff::civil::Date;
/// An instant on the wall clock, in UTC.
pub type Timestamp = jiff::Timestamp;
