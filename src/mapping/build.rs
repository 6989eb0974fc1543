//! From an invoice to a bill: everything that can be wrong is found in one go, and a bill comes out only if nothing is.

use std::collections::BTreeMap;

use super::check::{Checked, Checker, Place, quoted};
use super::choose::{Choice, Trail, choose};
use super::explain::{Check, Decision, Explanation, Origin};
use super::field::{Context, RawCache, RawFields};
use super::reference::{Found, Reference};
use super::rules::{Rules, Target};
use super::template::Open;
use crate::model::{
    Bill, BillAction, BillLine, Currency, Date, Invoice, Line, Reason, ReasonCode, ReferenceKind, Split, Text,
    one_line, without_forbidden,
};

/// Longest description that the mapping makes; the mark is added later.
const DESCRIPTION: usize = 200;
/// Longest reference (DOCNUMBER, nominally 20).
const REFERENCE: usize = 20;

/// What the mapping has to know besides rules and reference data.
#[derive(Clone, Debug)]
pub struct MapOptions {
    /// Longest bill number that Intacct takes.
    pub bill_number_length: usize,
    /// The cut-over. It decides nothing here; explanations mention it for earlier invoices.
    pub from: Option<Date>,
    /// Last closed day by entity or location of Intacct; `*` stands for the whole company.
    pub closed_through: BTreeMap<String, Date>,
    /// The company's base currency, where it is configured.
    pub base_currency: Option<Currency>,
    /// What Intacct shall do with the bill.
    pub action: BillAction,
    /// The entity that bills are posted in, where the session is at entity level.
    pub entity: Option<String>,
    /// Whether to explain; it costs time and memory.
    pub explain: bool,
}

impl Default for MapOptions {
    fn default() -> Self {
        MapOptions {
            bill_number_length: 30,
            from: None,
            closed_through: BTreeMap::new(),
            base_currency: None,
            action: BillAction::Submit,
            entity: None,
            explain: false,
        }
    }
}

/// What became of an invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapped {
    /// The bill; there is one if and only if there is no reason against it.
    pub bill: Option<Bill>,
    /// Everything that holds the document.
    pub reasons: Vec<Reason>,
    /// Characters that XML forbids and that were removed from texts of the bill.
    pub cleaned: u32,
    /// Why everything is as it is, if it was asked for.
    pub explanation: Option<Explanation>,
    /// Values that reference data lack or call unusable, sorted: reading them again may release the document.
    pub needs: Vec<(ReferenceKind, String)>,
}

impl Rules {
    /// Maps an invoice. The same arguments always give the same result.
    pub fn map(
        &self,
        invoice: &Invoice,
        raw: &dyn RawFields,
        reference: &dyn Reference,
        options: &MapOptions,
    ) -> Mapped {
        let raw = RawCache::new(raw, &self.raw_paths);
        let explanation =
            options.explain.then(|| Explanation { mapping: self.version().to_owned(), ..Explanation::default() });
        let digits = invoice.currency.map_or(2, |currency| currency.digits());
        let check = Checker::new(reference);
        Mapper { rules: self, invoice, options, raw: &raw, digits, check, explanation, cleaned: 0 }.map()
    }
}

/// Maps one invoice. Its parts are the document (`document.rs`) and the lines (`lines.rs`).
pub(super) struct Mapper<'a> {
    pub(super) rules: &'a Rules,
    pub(super) invoice: &'a Invoice,
    pub(super) options: &'a MapOptions,
    pub(super) raw: &'a RawCache<'a>,
    pub(super) digits: u32,
    pub(super) check: Checker<'a>,
    pub(super) explanation: Option<Explanation>,
    pub(super) cleaned: u32,
}

impl<'a> Mapper<'a> {
    fn map(mut self) -> Mapped {
        self.head();
        let vendor = self.vendor();
        let context = self.context(None);
        let mut trail = self.explanation.as_ref().map(|_| Trail::default());
        let choices = choose(self.rules, &context, trail.as_mut());
        let posting_date = self.posting_date(&choices, trail.as_mut());
        self.check.on = posting_date;
        let (term, due_date) = self.term_and_due_date(&choices, trail.as_mut());
        self.totals();
        let lines = self.lines();
        self.periods(posting_date, &lines);
        let bill = self.bill(vendor, posting_date, term, due_date, lines);
        Mapped {
            bill,
            reasons: self.check.problems.into_reasons(),
            cleaned: self.cleaned,
            explanation: self.explanation,
            needs: self.check.needs.into_iter().collect(),
        }
    }

    pub(super) fn problem(&mut self, code: ReasonCode, what: impl Into<String>) {
        self.check.problems.add(code, Place::Document, what.into());
    }

    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(explanation) = &mut self.explanation {
            explanation.notes.push(Text::new(text()));
        }
    }

    pub(super) fn context(&self, at: Option<(&'a Line, &'a Split)>) -> Context<'a> {
        let (line, split) = at.unzip();
        Context { invoice: self.invoice, line, split, digits: self.digits, raw: self.raw }
    }

    pub(super) fn decide(&mut self, decision: impl FnOnce() -> Decision) {
        if let Some(explanation) = &mut self.explanation {
            explanation.document.push(decision());
        }
    }

    /// The period of the posting date, for the company, the entity and every location with its parents.
    fn periods(&mut self, posting_date: Option<Date>, lines: &[BillLine]) {
        let closed = &self.options.closed_through;
        let Some(date) = posting_date.filter(|date| closed.values().any(|last| date <= last)) else { return };
        let is_closed = |name: &str| closed.get(name).copied().filter(|last| date <= *last);
        let mut found: BTreeMap<String, Date> = BTreeMap::new();
        let mut look = |name: &str| {
            if let Some(last) = is_closed(name) {
                found.insert(name.to_owned(), last);
            }
        };
        look("*");
        self.options.entity.iter().for_each(|entity| look(entity));
        for line in lines {
            let mut location = line.dimensions.location.as_deref();
            // Locations stand in a tree of few levels; the bound is for data that form a ring.
            for _ in 0..16 {
                let Some(name) = location else { break };
                look(name);
                location = match self.check.reference.find(ReferenceKind::Location, name) {
                    Found::Record(record) => record.parent.as_deref(),
                    _ => None,
                };
            }
        }
        for (name, last) in found {
            let whose = if name == "*" { "the company".to_owned() } else { format!("entity {}", quoted(&name)) };
            let what = format!("posting date {date}: {whose} is closed through {last}");
            self.problem(ReasonCode::PeriodClosed, what);
        }
    }

    /// The bill, if nothing is against it.
    fn bill(
        &mut self,
        vendor: Option<String>,
        posting_date: Option<Date>,
        term: Option<String>,
        due_date: Option<Date>,
        lines: Vec<BillLine>,
    ) -> Option<Bill> {
        let reference = self.reference();
        let description = self.description();
        if !self.check.problems.is_empty() || lines.is_empty() {
            return None;
        }
        Some(Bill {
            vendor: vendor?,
            number: self.invoice.number.as_ref()?.raw().to_owned(),
            date: self.invoice.invoice_date?,
            posting_date: posting_date?,
            due_date: due_date?,
            term,
            currency: self.invoice.currency?,
            base_currency: self.options.base_currency,
            reference,
            description,
            action: self.options.action,
            lines,
        })
    }

    /// The purchase order, where there is exactly one and its number fits: half a number would name another order.
    fn reference(&mut self) -> Option<String> {
        let mut orders = self.invoice.lines.iter().filter_map(|line| line.po.as_ref()).map(|po| &po.number);
        let first = orders.find(|number| !number.is_blank())?;
        if orders.any(|other| !other.is_blank() && other.raw().trim() != first.raw().trim()) {
            self.note(|| "the lines bill several orders: the bill has no reference".to_owned());
            return None;
        }
        let fits = first.raw().trim().chars().count() <= REFERENCE;
        if !fits {
            let number = quoted(first.raw());
            self.note(|| format!("the order {number} has more than {REFERENCE} characters: the bill has no reference"));
            return None;
        }
        Some(self.one_line(first.raw(), REFERENCE)).filter(|text| !text.is_empty())
    }

    /// Supplier and JAGGAER's number.
    fn description(&mut self) -> String {
        let name = self.invoice.supplier.name.as_ref().map_or("", Text::raw);
        let text = match self.invoice.buyer_number.as_ref().filter(|number| !number.is_blank()) {
            // The number stays whole: a long name gives way.
            Some(number) => {
                let number = self.one_line(number.raw(), DESCRIPTION / 2);
                let name = self.one_line(name, DESCRIPTION - "JAGGAER ".len() - 1 - number.chars().count());
                format!("{name} JAGGAER {number}").trim().to_owned()
            }
            None => self.one_line(name, DESCRIPTION),
        };
        // A supplier's name must not look like our mark.
        text.replace("[TG-", "(TG-")
    }

    /// Text fit for a field of one line; what XML forbids is removed and counted.
    pub(super) fn one_line(&mut self, text: &str, max: usize) -> String {
        let removed = without_forbidden(text).1;
        self.cleaned = self.cleaned.saturating_add(u32::try_from(removed).unwrap_or(u32::MAX));
        one_line(text, max)
    }

    /// Notes a look-up without a row; the value stays open, and no rule behind it is asked.
    pub(super) fn hold_without_row(&mut self, place: Place<'_>, target: Target, choice: &Choice<'_>) -> Check {
        let (Some(open), Some(by)) = (&choice.no_row, choice.by) else { return Check::None };
        let what = format!("{}: {} ({})", target.word(), describe_open(open), by.name());
        self.check.problems.add(ReasonCode::TableNoRow, place, what.clone());
        Check::Bad { code: ReasonCode::TableNoRow, what: what.into() }
    }
}

/// A decision about a target of rules. `otherwise` says where the value comes from if no rule decided.
pub(super) fn decision(
    target: Target,
    choice: &Choice<'_>,
    trail: &mut Trail,
    value: Option<String>,
    otherwise: Option<&str>,
    check: Check,
) -> Decision {
    let origin = match (choice.by, otherwise) {
        (Some(by), _) => Origin::Rule { number: by.number, name: by.rule.name.to_string() },
        (None, Some(what)) => Origin::Default { what: what.to_owned() },
        (None, None) => Origin::Nothing,
    };
    Decision {
        target,
        value: value.map(Text::new),
        origin,
        template: choice.by.map(|by| by.setting.template.source.to_string()),
        inserted: trail.inserted.get_mut(target.slot()).map(std::mem::take).unwrap_or_default(),
        check,
        fell_through: trail.fell_through.get_mut(target.slot()).map(std::mem::take).unwrap_or_default(),
    }
}

/// A look-up or field without a value, in words.
pub(super) fn describe_open(open: &Open) -> String {
    match open {
        Open::FieldMissing(field) => format!("the document has no {field}"),
        Open::CellEmpty { table, key, column } => format!("table \"{table}\" has no {column} for {}", quoted(key)),
        Open::NoRow { table, key } => format!("table \"{table}\" has no row for {}", quoted(key)),
    }
}

/// A checked value as an explanation shows it.
pub(super) fn as_check(checked: &Checked<'_>) -> Check {
    match checked {
        Ok(record) => Check::Active { name: record.name.clone() },
        Err((code, what)) => Check::Bad { code: *code, what: what.as_str().into() },
    }
}
