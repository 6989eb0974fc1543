//! Compares what stands in the books, and what the product says, with what must come out.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gateway::{Bill, marks_in};
use super::world::{Expected, ExpectedBill, ExpectedInvoice};

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What sort of thing.
    pub kind: FindingKind,
    /// The invoice concerned.
    pub jaggaer_id: Option<u64>,
    /// The whole of it in a sentence.
    pub sentence: String,
}

/// What sort of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// More than one bill stands for one invoice.
    Duplicate,
    /// No bill stands, and no person is asked.
    Lost,
    /// The product says posted and no bill stands.
    FalseClaim,
    /// A bill stands that must not.
    Stray,
    /// The bill is not as it must be.
    WrongBill,
    /// A bill that a person typed is gone.
    HandBillGone,
    /// The product does not know the invoice.
    Unknown,
    /// The product is not done with it.
    Unsettled,
    /// The product shows another state.
    WrongState,
    /// The product does not give every reason that there is.
    WrongReasons,
    /// The product gives more reasons than there are: consequences of the true ones.
    MoreReasons,
    /// The product gives another class of error.
    WrongClass,
    /// The change after posting was not seen.
    ChangeUnseen,
}

impl FindingKind {
    /// Whether the books themselves are wrong, rather than what is shown of them.
    pub fn is_grave(self) -> bool {
        matches!(
            self,
            FindingKind::Duplicate
                | FindingKind::Lost
                | FindingKind::FalseClaim
                | FindingKind::Stray
                | FindingKind::WrongBill
                | FindingKind::HandBillGone
        )
    }
}

/// What the product says of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shown {
    state: String,
    reasons: BTreeSet<String>,
    class: Option<String>,
    changed: bool,
}

/// Judges the books and what the product says of its documents.
///
/// `documents` are objects with `jaggaer_id` (number or text) or `key`, with `state`, `reasons` (words, or objects with
/// `code`), and if known `class` and `changed_after_posting`.
pub fn judge<'a>(expected: &Expected, bills: impl IntoIterator<Item = &'a Bill>, documents: &[Value]) -> Vec<Finding> {
    let standing: Vec<&Bill> = bills.into_iter().filter(|bill| bill.state.stands()).collect();
    let books = Books::new(&standing);
    let shown = read_documents(documents);
    let mut findings = Vec::new();
    for invoice in &expected.invoices {
        let says = shown.get(&invoice.jaggaer_id.to_string()).or_else(|| shown.get(&invoice.key));
        books.judge(invoice, says, &mut findings);
        if let Some(says) = says {
            compare(invoice, says, &mut findings);
        } else {
            let sentence = format!("The product does not know {}.", name(invoice));
            findings.push(Finding { kind: FindingKind::Unknown, jaggaer_id: Some(invoice.jaggaer_id), sentence });
        }
    }
    books.strays(expected, &mut findings);
    books.by_hand(expected, &mut findings);
    findings
}

/// Judges the books alone.
pub fn judge_books<'a>(expected: &Expected, bills: impl IntoIterator<Item = &'a Bill>) -> Vec<Finding> {
    let posted: Vec<Value> = expected
        .invoices
        .iter()
        .map(|invoice| {
            serde_json::json!({
                "key": invoice.key, "state": invoice.state, "reasons": invoice.reasons, "class": invoice.class,
                "changed_after_posting": invoice.changed_after_posting,
            })
        })
        .collect();
    judge(expected, bills, &posted)
}

fn name(invoice: &ExpectedInvoice) -> String {
    let number = invoice.number.as_deref().unwrap_or("without a number");
    format!("invoice {} ({} of supplier {}: {})", invoice.jaggaer_id, number, invoice.supplier, invoice.story)
}

fn read_documents(documents: &[Value]) -> BTreeMap<String, Shown> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    documents
        .iter()
        .filter_map(|document| {
            let key = document.get("jaggaer_id").or_else(|| document.get("key")).and_then(text)?;
            let reasons = document.get("reasons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let shown = Shown {
                state: document.get("state").and_then(text).unwrap_or_default(),
                reasons: reasons.iter().filter_map(|reason| text(reason.get("code").unwrap_or(reason))).collect(),
                class: document.get("class").and_then(text),
                changed: document.get("changed_after_posting").and_then(Value::as_bool).unwrap_or(false),
            };
            Some((key, shown))
        })
        .collect()
}

fn compare(invoice: &ExpectedInvoice, says: &Shown, findings: &mut Vec<Finding>) {
    let mut find = |kind, sentence: String| {
        findings.push(Finding { kind, jaggaer_id: Some(invoice.jaggaer_id), sentence });
    };
    if says.state != invoice.state {
        let pending = ["queued", "sent", "claimed", "in_doubt"].contains(&says.state.as_str());
        let kind = if pending { FindingKind::Unsettled } else { FindingKind::WrongState };
        let why = if says.reasons.is_empty() { String::new() } else { format!(" with {:?}", says.reasons) };
        find(
            kind,
            format!("The product shows {} as {}{why}; it must be {}.", name(invoice), says.state, invoice.state),
        );
        return;
    }
    if invoice.state == "held" && says.reasons != invoice.reasons {
        let kind = if says.reasons.is_superset(&invoice.reasons) {
            FindingKind::MoreReasons
        } else {
            FindingKind::WrongReasons
        };
        find(
            kind,
            format!("The product holds {} for {:?}; it must be {:?}.", name(invoice), says.reasons, invoice.reasons),
        );
    }
    if let (Some(must), Some(is)) = (&invoice.class, &says.class)
        && must != is
    {
        find(
            FindingKind::WrongClass,
            format!("The product calls the error of {} {is}; it must be {must}.", name(invoice)),
        );
    }
    if invoice.changed_after_posting && !says.changed {
        find(
            FindingKind::ChangeUnseen,
            format!("The product has not seen that {} changed after posting.", name(invoice)),
        );
    }
}

struct Books<'a> {
    by_stem: BTreeMap<String, Vec<&'a Bill>>,
    by_number: BTreeMap<(&'a str, &'a str), Vec<&'a Bill>>,
}

/// `TG-` and the 16 letters after it.
fn stem(mark: &str) -> Option<String> {
    mark.get(..19).map(str::to_owned)
}

fn stems(bill: &Bill) -> BTreeSet<String> {
    marks_in(&bill.description).chain(bill.custom.values().flat_map(|value| marks_in(value))).filter_map(stem).collect()
}

impl<'a> Books<'a> {
    fn new(standing: &[&'a Bill]) -> Self {
        let mut books = Books { by_stem: BTreeMap::new(), by_number: BTreeMap::new() };
        for &bill in standing {
            for stem in stems(bill) {
                books.by_stem.entry(stem).or_default().push(bill);
            }
            books.by_number.entry((bill.vendor_id.as_str(), bill.record_id.as_str())).or_default().push(bill);
        }
        books
    }

    fn judge(&self, invoice: &ExpectedInvoice, says: Option<&Shown>, findings: &mut Vec<Finding>) {
        let mut find = |kind, sentence: String| {
            findings.push(Finding { kind, jaggaer_id: Some(invoice.jaggaer_id), sentence });
        };
        let ours = self.by_stem.get(&super::world::mark_stem(&invoice.key)).map(Vec::as_slice).unwrap_or_default();
        let Some(must) = &invoice.bill else {
            if let Some(bill) = ours.first() {
                find(
                    FindingKind::Stray,
                    format!("Bill {} stands for {}, which must not be posted.", bill.record_no, name(invoice)),
                );
            }
            return;
        };
        let twins =
            self.by_number.get(&(must.vendor.as_str(), must.number.as_str())).map(Vec::as_slice).unwrap_or_default();
        let all: BTreeSet<u64> = ours.iter().chain(twins).map(|bill| bill.record_no).collect();
        if all.len() > 1 {
            find(FindingKind::Duplicate, format!("{} bills stand for {}: {all:?}.", all.len(), name(invoice)));
        }
        let state = says.map(|says| says.state.as_str()).unwrap_or_default();
        match ours.first().or(twins.first()) {
            Some(bill) => {
                for difference in differences(must, bill) {
                    find(
                        FindingKind::WrongBill,
                        format!("Bill {} of {}: {difference}.", bill.record_no, name(invoice)),
                    );
                }
            }
            None if state == "posted" => {
                find(
                    FindingKind::FalseClaim,
                    format!("The product shows {} as posted and no bill stands.", name(invoice)),
                );
            }
            None if ["held", "failed", "differs"].contains(&state) => {}
            // Not found in several rounds, and given to a person.
            None if state == "in_doubt" && says.is_some_and(|says| says.reasons.contains("unsettled")) => {}
            None => find(
                FindingKind::Lost,
                format!("No bill stands for {} and no person is asked (state: '{state}').", name(invoice)),
            ),
        }
    }

    fn strays(&self, expected: &Expected, findings: &mut Vec<Finding>) {
        let known: BTreeSet<String> =
            expected.invoices.iter().map(|invoice| super::world::mark_stem(&invoice.key)).collect();
        for (stem, bills) in self.by_stem.iter().filter(|(stem, _)| !known.contains(*stem)) {
            let records: Vec<u64> = bills.iter().map(|bill| bill.record_no).collect();
            let sentence = format!("Bills {records:?} carry the mark {stem}, which belongs to no invoice.");
            findings.push(Finding { kind: FindingKind::Stray, jaggaer_id: None, sentence });
        }
    }

    fn by_hand(&self, expected: &Expected, findings: &mut Vec<Finding>) {
        for typed in &expected.typed_by_hand {
            let there = self
                .by_number
                .get(&(typed.vendor.as_str(), typed.number.as_str()))
                .is_some_and(|bills| bills.iter().any(|bill| stems(bill).is_empty() && bill.total == typed.total));
            if !there {
                let sentence =
                    format!("The bill {} of vendor {} that a person typed is gone.", typed.number, typed.vendor);
                findings.push(Finding { kind: FindingKind::HandBillGone, jaggaer_id: None, sentence });
            }
        }
    }
}

fn differences(must: &ExpectedBill, is: &Bill) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: &str, must: String, is: String| {
        if must != is {
            found.push(format!("{what} is {is} and must be {must}"));
        }
    };
    check("the vendor", must.vendor.clone(), is.vendor_id.clone());
    check("the number", must.number.clone(), is.record_id.clone());
    check("the currency", must.currency.clone(), is.currency.clone());
    check("the total", must.total.normalize().to_string(), is.total.normalize().to_string());
    check("the invoice date", must.invoice_date.to_string(), is.invoice_date.to_string());
    check("the GL date", must.gl_date.to_string(), is.gl_date.to_string());
    check("the due date", must.due_date.to_string(), is.due_date.to_string());
    let mut accounts: BTreeMap<&str, Decimal> = BTreeMap::new();
    for line in &is.lines {
        *accounts.entry(line.account.as_str()).or_default() += line.amount;
    }
    let all: BTreeSet<&str> = must.accounts.keys().map(String::as_str).chain(accounts.keys().copied()).collect();
    for account in all {
        let wanted = must.accounts.get(account).copied().unwrap_or_default();
        let booked = accounts.get(account).copied().unwrap_or_default();
        check(&format!("account {account}"), wanted.normalize().to_string(), booked.normalize().to_string());
    }
    if !must.mark_stem.is_empty() && !stems(is).contains(&must.mark_stem) {
        found.push(format!("the mark {} is missing", must.mark_stem));
    }
    found
}
