//! What belongs to the document as a whole: number, kind, currency, vendor, dates and term.

use super::build::{Mapper, as_check, decision, describe_open};
use super::check::{Place, quoted, unusable};
use super::choose::{Choices, Trail};
use super::explain::{Check, Decision, FellThrough, Origin, Why};
use super::field::parse_date;
use super::reference::Found;
use super::rules::Target;
use crate::model::{Date, InvoiceKind, ReasonCode, ReferenceKind, ReferenceRecord, Text, bill_number_faults};

impl<'a> Mapper<'a> {
    /// Number, kind, currency and date of the invoice.
    pub(super) fn head(&mut self) {
        match &self.invoice.number {
            Some(number) if !number.is_blank() => {
                let number = number.raw();
                let mut faults = bill_number_faults(number, self.options.bill_number_length);
                if number.trim() != number {
                    faults.push("it begins or ends with a blank, which Intacct would not keep".to_owned());
                }
                for fault in faults {
                    self.problem(ReasonCode::BadBillNumber, format!("number {}: {fault}", quoted(number)));
                }
            }
            _ => self.problem(ReasonCode::NoBillNumber, "the document has no supplier invoice number"),
        }
        if self.invoice.kind == InvoiceKind::CreditMemo {
            self.problem(ReasonCode::CreditMemo, "the document is a credit memo");
        }
        if self.invoice.currency.is_none() {
            self.problem(ReasonCode::NoCurrency, "the document states no currency");
        }
        match (self.invoice.invoice_date, self.options.from) {
            (None, _) => self.problem(ReasonCode::NoInvoiceDate, "the document has no invoice date"),
            (Some(date), Some(from)) if date < from => {
                self.note(|| format!("the invoice date {date} is before the cut-over of {from}: it is not posted"));
            }
            _ => {}
        }
    }

    /// The first candidate that names an active vendor.
    pub(super) fn vendor(&mut self) -> Option<String> {
        let context = self.context(None);
        let mut fell_through = Vec::new();
        let mut tried = Vec::new();
        let mut values = Vec::new();
        let mut inactive = false;
        for (index, template) in self.rules.vendor.iter().enumerate() {
            let mut inserted = Vec::new();
            let told = self.explanation.as_ref().map(|_| &mut inserted);
            let why = match template.render(&self.rules.tables, &context, told) {
                Err(open) => {
                    tried.push(describe_open(&open));
                    Why::from(open)
                }
                Ok(value) => match self.check.reference.find(ReferenceKind::Vendor, &value) {
                    Found::Record(record) if record.active => {
                        let number = index + 1;
                        self.decide(|| Decision {
                            target: Target::Vendor,
                            value: Some(Text::new(&*value)),
                            origin: Origin::Candidate { number },
                            template: Some(template.source.to_string()),
                            inserted,
                            check: Check::Active { name: record.name.clone() },
                            fell_through,
                        });
                        return Some(value.into_owned());
                    }
                    Found::Record(_) => {
                        tried.push(format!("vendor {} is inactive in Intacct", quoted(&value)));
                        inactive = true;
                        values.push(value.clone().into_owned());
                        Why::Inactive { value: Text::new(value) }
                    }
                    Found::Missing => {
                        tried.push(format!("vendor {} is not in Intacct", quoted(&value)));
                        values.push(value.clone().into_owned());
                        Why::NotThere { value: Text::new(value) }
                    }
                    Found::NotLoaded => {
                        self.check.needs.insert((ReferenceKind::Vendor, value.into_owned()));
                        let (code, what) = self.check.not_loaded(ReferenceKind::Vendor);
                        self.no_vendor(code, what, fell_through);
                        return None;
                    }
                },
            };
            fell_through.push(FellThrough { number: index + 1, name: template.source.to_string(), why });
        }
        let tried = tried.join("; ");
        let code = if inactive { ReasonCode::VendorInactive } else { ReasonCode::VendorUnknown };
        self.check.needs.extend(values.into_iter().map(|value| (ReferenceKind::Vendor, value)));
        self.problem(code, tried.clone());
        self.no_vendor(code, tried, fell_through);
        None
    }

    fn no_vendor(&mut self, code: ReasonCode, what: String, fell_through: Vec<FellThrough>) {
        let check = Check::Bad { code, what: what.into() };
        self.decide(|| Decision { fell_through, ..Decision::nothing(Target::Vendor, check) });
    }

    /// The rule's, else the document's accounting date, else the invoice date.
    pub(super) fn posting_date(&mut self, choices: &Choices<'a>, trail: Option<&mut Trail>) -> Option<Date> {
        let target = Target::PostingDate;
        let choice = choices.get(target)?;
        let mut check = self.hold_without_row(Place::Document, target, choice);
        let mut otherwise = None;
        let date = match (&choice.value, choice.by) {
            (Some(value), Some(by)) => parse_date(value).or_else(|| {
                let what = format!("posting_date {} is no date ({})", quoted(value), by.name());
                self.problem(ReasonCode::ValueUnknown, what.clone());
                check = Check::Bad { code: ReasonCode::ValueUnknown, what: what.into() };
                None
            }),
            (None, Some(_)) => None,
            _ => {
                let what = if self.invoice.posting_date.is_some() {
                    "the document's accounting date"
                } else {
                    "the invoice date"
                };
                otherwise = Some(what);
                self.invoice.posting_date.or(self.invoice.invoice_date)
            }
        };
        let value = date.map(|date| date.to_string());
        if let Some(trail) = trail {
            let otherwise = otherwise.filter(|_| date.is_some());
            self.decide(|| decision(target, choice, trail, value, otherwise, check));
        }
        date
    }

    /// The term by rule, else the document's own where it is one of Intacct's; and the due date of the document, else by
    /// the term.
    pub(super) fn term_and_due_date(
        &mut self,
        choices: &Choices<'a>,
        trail: Option<&mut Trail>,
    ) -> (Option<String>, Option<Date>) {
        let target = Target::Term;
        let mut record: Option<&ReferenceRecord> = None;
        let mut check = Check::None;
        let mut otherwise = None;
        let mut held = false;
        let mut value = None;
        if let Some(choice) = choices.get(target) {
            check = self.hold_without_row(Place::Document, target, choice);
            held = choice.by.is_some();
            if let (Some(chosen), Some(by)) = (&choice.value, choice.by) {
                let checked = self.check.value(Place::Document, (target, ReferenceKind::Term), chosen, None, by);
                record = checked.as_ref().ok().copied();
                check = as_check(&checked);
                value = Some(chosen.clone().into_owned());
            }
        }
        if !held && let Some(terms) = self.invoice.terms.as_ref().filter(|terms| !terms.is_blank()) {
            match self.check.reference.find(ReferenceKind::Term, terms.raw()) {
                Found::Record(found) if unusable(found, self.check.on).is_none() => {
                    record = Some(found);
                    check = Check::Active { name: found.name.clone() };
                    value = Some(terms.raw().to_owned());
                    otherwise = Some("the document's terms");
                }
                Found::NotLoaded => {
                    held = true;
                    self.check.needs.insert((ReferenceKind::Term, terms.raw().to_owned()));
                    let (code, what) = self.check.not_loaded(ReferenceKind::Term);
                    check = Check::Bad { code, what: what.into() };
                }
                Found::Record(_) | Found::Missing => {
                    if self.invoice.due_date.is_none() {
                        self.check.needs.insert((ReferenceKind::Term, terms.raw().to_owned()));
                    }
                    let terms = quoted(terms.raw());
                    self.note(|| format!("the document's terms {terms} are no active term of Intacct: no term is set"));
                }
            }
        }
        if let (Some(choice), Some(trail)) = (choices.get(target), trail) {
            self.decide(|| decision(target, choice, trail, value.clone(), otherwise, check));
        }
        // What holds the term already explains why there is no due date.
        let due = self.due_date(record, value.as_deref(), held && record.is_none());
        (value, due)
    }

    fn due_date(&mut self, term: Option<&ReferenceRecord>, name: Option<&str>, held: bool) -> Option<Date> {
        let invoice_date = self.invoice.invoice_date;
        let days = term.and_then(|term| term.due_days);
        let computed = || invoice_date?.checked_add(jiff::Span::new().try_days(i64::from(days?)).ok()?).ok();
        let (due, what) = match self.invoice.due_date {
            Some(due) => (Some(due), "the document's due date".to_owned()),
            None => (computed(), format!("the invoice date and {} days", days.unwrap_or_default())),
        };
        let mut check = Check::None;
        let bad = match (due, invoice_date) {
            (Some(due), Some(date)) if due < date => {
                Some((ReasonCode::DueBeforeInvoice, format!("due on {due}, before the invoice date {date}")))
            }
            (None, Some(_)) if !held => {
                let why = match (term, days, name.or(self.invoice.terms.as_ref().map(Text::raw))) {
                    (Some(_), Some(days), Some(name)) => format!("term {} of {days} days leads nowhere", quoted(name)),
                    (Some(_), None, Some(name)) => format!("term {} has no number of days", quoted(name)),
                    (None, _, Some(name)) => format!("the terms {} are no active term of Intacct", quoted(name)),
                    _ => "there are no terms to compute it".to_owned(),
                };
                Some((ReasonCode::NoDueDate, format!("the document has no due date, and {why}")))
            }
            _ => None,
        };
        if let Some((code, what)) = bad {
            self.problem(code, what.clone());
            check = Check::Bad { code, what: what.into() };
        }
        let origin = if due.is_some() { Origin::Default { what } } else { Origin::Nothing };
        let value = due.map(|due| Text::new(due.to_string()));
        self.decide(|| Decision { value, origin, ..Decision::nothing(Target::DueDate, check) });
        due
    }
}
