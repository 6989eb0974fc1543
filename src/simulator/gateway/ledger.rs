//! The books: bills by record number, with indexes for what is asked often.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A bill as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bill {
    /// RECORDNO.
    pub record_no: u64,
    /// VENDORID.
    pub vendor_id: String,
    /// RECORDID, the bill number.
    pub record_id: String,
    /// DOCNUMBER.
    pub doc_number: String,
    /// DESCRIPTION.
    pub description: String,
    /// TERMNAME.
    pub term: String,
    /// CURRENCY.
    pub currency: String,
    /// BASECURR.
    pub base_currency: String,
    /// STATE.
    pub state: BillState,
    /// WHENCREATED: the invoice date.
    pub invoice_date: Date,
    /// WHENPOSTED: the GL date.
    pub gl_date: Date,
    /// WHENDUE.
    pub due_date: Date,
    /// TRX_TOTALENTERED.
    pub total: Decimal,
    /// MEGAENTITYID; empty at the top level.
    pub entity: String,
    /// The lines in the order sent.
    pub lines: Vec<Line>,
    /// Custom fields by name.
    pub custom: BTreeMap<String, String>,
    /// The control id of the function that created it; nothing if a person typed it.
    pub control_id: Option<String>,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// WHENMODIFIED.
    pub modified_at: Timestamp,
}

/// A line of a bill.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// RECORDNO of the line.
    pub record_no: u64,
    /// ACCOUNTNO.
    pub account: String,
    /// TRX_AMOUNT.
    pub amount: Decimal,
    /// ENTRYDESCRIPTION.
    pub memo: String,
    /// LOCATIONID.
    pub location: String,
    /// DEPARTMENTID.
    pub department: String,
    /// CLASSID.
    pub class: String,
    /// PROJECTID.
    pub project: String,
    /// Everything else that was sent, by element name (TASKID, ITEMID, CUSTOMERID…).
    pub other: BTreeMap<String, String>,
}

/// STATE of a bill, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BillState {
    /// Not in the books yet.
    Draft,
    /// Waits for approval.
    Submitted,
    /// Approved in part.
    #[serde(rename = "Partially Approved")]
    PartiallyApproved,
    /// Refused by an approver.
    Declined,
    /// In the books.
    Posted,
    /// Chosen for payment.
    Selected,
    /// Paid in part.
    #[serde(rename = "Partially Paid")]
    PartiallyPaid,
    /// Paid.
    Paid,
    /// Taken back.
    Reversed,
}

impl BillState {
    /// The label, and the letter in RAWSTATE.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            BillState::Draft => ("Draft", "D"),
            BillState::Submitted => ("Submitted", "S"),
            BillState::PartiallyApproved => ("Partially Approved", "PA"),
            BillState::Declined => ("Declined", "U"),
            BillState::Posted => ("Posted", "A"),
            BillState::Selected => ("Selected", "A"),
            BillState::PartiallyPaid => ("Partially Paid", "A"),
            BillState::Paid => ("Paid", "A"),
            BillState::Reversed => ("Reversed", "V"),
        }
    }

    /// Whether a bill in this state stands in the books or will without anybody redoing it.
    pub fn stands(self) -> bool {
        !matches!(self, BillState::Reversed | BillState::Declined)
    }
}

impl Bill {
    /// Every `TG-…` mark in the description and the custom fields.
    pub fn marks(&self) -> impl Iterator<Item = &str> {
        marks_in(&self.description).chain(self.custom.values().flat_map(|value| marks_in(value)))
    }
}

/// Every run that begins with `TG-` and goes on with letters, digits and dashes.
pub fn marks_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("TG-").filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len());
        rest.get(..end)
    })
}

/// All bills. Iteration goes by record number.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    bills: BTreeMap<u64, Bill>,
    by_number: HashMap<String, BTreeSet<u64>>,
    by_vendor: HashMap<String, BTreeSet<u64>>,
    by_mark: BTreeMap<String, BTreeSet<u64>>,
    by_line: BTreeMap<u64, u64>,
    deleted: Vec<Bill>,
    last_record: u64,
}

impl Ledger {
    /// Empty books whose first record number is the next after this.
    pub fn starting_after(record_no: u64) -> Self {
        Ledger { last_record: record_no, ..Ledger::default() }
    }

    /// The next record number; never given twice.
    pub fn next_record(&mut self) -> u64 {
        self.last_record += 1;
        self.last_record
    }

    /// Writes a bill into the books, or puts it in the place of the one with the same record number.
    pub fn put(&mut self, bill: Bill) {
        self.unindex(bill.record_no);
        let record_no = bill.record_no;
        self.by_number.entry(bill.record_id.clone()).or_default().insert(record_no);
        self.by_vendor.entry(bill.vendor_id.clone()).or_default().insert(record_no);
        for mark in bill.marks() {
            self.by_mark.entry(mark.to_owned()).or_default().insert(record_no);
        }
        for line in &bill.lines {
            self.by_line.insert(line.record_no, record_no);
        }
        self.bills.insert(record_no, bill);
    }

    /// Takes a bill out of the books, leaving no trace (a rolled back transaction).
    pub fn take(&mut self, record_no: u64) -> Option<Bill> {
        self.unindex(record_no);
        self.bills.remove(&record_no)
    }

    /// Deletes a bill as a person does; it is remembered as deleted.
    pub fn delete(&mut self, record_no: u64) -> bool {
        match self.take(record_no) {
            Some(bill) => {
                self.deleted.push(bill);
                true
            }
            None => false,
        }
    }

    fn unindex(&mut self, record_no: u64) {
        let Some(bill) = self.bills.get(&record_no) else { return };
        if let Some(set) = self.by_number.get_mut(&bill.record_id) {
            set.remove(&record_no);
        }
        if let Some(set) = self.by_vendor.get_mut(&bill.vendor_id) {
            set.remove(&record_no);
        }
        for mark in bill.marks() {
            if let Some(set) = self.by_mark.get_mut(mark) {
                set.remove(&record_no);
            }
        }
        for line in &bill.lines {
            self.by_line.remove(&line.record_no);
        }
    }

    /// The bill with this record number.
    pub fn get(&self, record_no: u64) -> Option<&Bill> {
        self.bills.get(&record_no)
    }

    /// All bills by record number.
    pub fn bills(&self) -> impl DoubleEndedIterator<Item = &Bill> {
        self.bills.values()
    }

    /// Bills whose record number is greater.
    pub fn after(&self, record_no: u64) -> impl Iterator<Item = u64> + '_ {
        self.bills.range(record_no.saturating_add(1)..).map(|(&number, _)| number)
    }

    /// How many bills there are.
    pub fn len(&self) -> usize {
        self.bills.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bills.is_empty()
    }

    /// What people deleted.
    pub fn deleted(&self) -> &[Bill] {
        &self.deleted
    }

    /// Record numbers of the bills with this bill number.
    pub fn with_number(&self, record_id: &str) -> impl Iterator<Item = u64> + '_ {
        self.by_number.get(record_id).into_iter().flatten().copied()
    }

    /// Record numbers of the vendor's bills.
    pub fn of_vendor(&self, vendor_id: &str) -> impl Iterator<Item = u64> + '_ {
        self.by_vendor.get(vendor_id).into_iter().flatten().copied()
    }

    /// Record numbers of the bills of which a mark begins like this.
    pub fn with_mark(&self, prefix: &str) -> BTreeSet<u64> {
        self.by_mark
            .range(prefix.to_owned()..)
            .take_while(|(mark, _)| mark.starts_with(prefix))
            .flat_map(|(_, set)| set.iter().copied())
            .collect()
    }

    /// The bill that holds this line.
    pub fn of_line(&self, line_record_no: u64) -> Option<u64> {
        self.by_line.get(&line_record_no).copied()
    }
}
