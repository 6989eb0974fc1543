//! The bill: what is posted into Intacct, and what is read back.

use serde::{Deserialize, Serialize};

use super::{Amount, Currency, Date, RecordNo, Text};

/// What Intacct shall do with a new bill.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillAction {
    /// Post it, or submit it for approval where the company has approval on.
    Submit,
    /// Keep it as a draft.
    Draft,
}

/// A bill ready to be written as `APBILL`. All texts are already fit for their fields.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bill {
    /// VENDORID
    pub vendor: String,
    /// RECORDID, the bill number: the supplier's invoice number.
    pub number: String,
    /// WHENCREATED, the invoice date.
    pub date: Date,
    /// WHENPOSTED, the GL date.
    pub posting_date: Date,
    /// WHENDUE
    pub due_date: Date,
    /// TERMNAME
    pub term: Option<String>,
    /// CURRENCY, the transaction currency.
    pub currency: Currency,
    /// BASECURR, where the configuration names the company's base currency.
    pub base_currency: Option<Currency>,
    /// DOCNUMBER, the reference: the purchase order, where there is exactly one.
    pub reference: Option<String>,
    /// DESCRIPTION without our mark.
    pub description: String,
    /// ACTION
    pub action: BillAction,
    /// APBILLITEMS, in order; never empty.
    pub lines: Vec<BillLine>,
}

impl Bill {
    /// Sum of the lines: what Intacct must show as TRX_TOTALENTERED.
    pub fn total(&self) -> Amount {
        self.lines.iter().map(|line| line.amount).sum()
    }
}

/// One line of a bill.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BillLine {
    /// ACCOUNTNO
    pub account: Option<String>,
    /// ACCOUNTLABEL; exactly one of the two is set.
    pub account_label: Option<String>,
    /// TRX_AMOUNT
    pub amount: Amount,
    /// ENTRYDESCRIPTION
    pub memo: Option<String>,
    /// Dimensions.
    pub dimensions: Dimensions,
}

/// Dimensions of a bill line, by id.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Dimensions {
    /// LOCATIONID
    pub location: Option<String>,
    /// DEPARTMENTID
    pub department: Option<String>,
    /// CLASSID
    pub class: Option<String>,
    /// PROJECTID
    pub project: Option<String>,
    /// TASKID, only with a project.
    pub task: Option<String>,
    /// ITEMID
    pub item: Option<String>,
    /// CUSTOMERID
    pub customer: Option<String>,
    /// EMPLOYEEID
    pub employee: Option<String>,
}

/// State of a bill in the ledger, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerState {
    /// Posted, submitted, partially approved, selected or paid: it stands.
    Standing,
    /// A draft.
    Draft,
    /// Reversed or declined: it does not stand.
    Fallen,
    /// A word that is not known: it is treated as standing for duplicates, and as a difference for verification.
    Unknown,
}

/// A bill as a query returned it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerBill {
    /// RECORDNO
    pub record: RecordNo,
    /// RECORDID
    pub number: Text,
    /// VENDORID
    pub vendor: Text,
    /// TRX_TOTALENTERED
    pub total: Option<Amount>,
    /// CURRENCY
    pub currency: Option<Currency>,
    /// WHENCREATED
    pub date: Option<Date>,
    /// WHENPOSTED
    pub posting_date: Option<Date>,
    /// WHENDUE
    pub due_date: Option<Date>,
    /// The field that carries our mark.
    pub marked: Text,
    /// STATE, as the label stands.
    pub state_word: Text,
    /// What the label means.
    pub state: LedgerState,
    /// MEGAENTITYID, the owning entity; empty at top level.
    pub entity: Text,
    /// Number of its lines, where it was asked for.
    pub lines: Option<u32>,
    /// What was filled and cannot be read, by the words for the field: `due date`. Such a field is `None` above.
    pub unreadable: Vec<(String, Text)>,
}
