//! What belongs to the lines: totals, and the coding of every split.

use std::borrow::Cow;

use super::build::{Mapper, as_check, decision};
use super::check::{Place, quoted};
use super::choose::{Choice, Trail, choose};
use super::explain::{Check, Decision, LineExplanation, SplitExplanation};
use super::rules::Target;
use crate::model::{Amount, BillLine, Dimensions, InvoiceKind, Line, ReasonCode, ReferenceRecord, Split};

/// Longest memo of a line (ENTRYDESCRIPTION; nominally 500).
const MEMO: usize = 400;

impl<'a> Mapper<'a> {
    /// Lines against the stated total, splits against their line, the sign against the kind.
    pub(super) fn totals(&mut self) {
        let digits = self.digits;
        let mut sum = Some(Amount::ZERO);
        for line in &self.invoice.lines {
            let splits = line.splits.iter().try_fold(Amount::ZERO, |sum, split| sum.checked_add(split.amount));
            if splits != Some(line.amount) {
                let what = format!(
                    "its splits make {}, the line is {}",
                    splits.map_or("too much to add".to_owned(), |sum| sum.fixed(digits)),
                    line.amount.fixed(digits)
                );
                self.check.problems.add(ReasonCode::SplitsUnclear, Place::Line(line), what);
            }
            for split in &line.splits {
                sum = sum.and_then(|sum| sum.checked_add(split.amount.rounded(digits)));
            }
        }
        let stated = self.invoice.totals.total;
        let Some(sum) = sum else {
            return self.problem(ReasonCode::TotalsDisagree, "the amounts are too large to add");
        };
        if self.invoice.kind == InvoiceKind::Invoice {
            let shown = stated.unwrap_or(sum);
            if shown <= Amount::ZERO || sum <= Amount::ZERO {
                let low = if shown <= Amount::ZERO { shown } else { sum };
                self.problem(ReasonCode::KindDisagrees, format!("an invoice of {}", low.fixed(digits)));
            }
        }
        let Some(stated) = stated.filter(|stated| *stated != sum) else { return };
        let difference = sum - stated;
        let tolerance = self.invoice.totals.tolerance;
        let (sum, stated, apart) = (sum.fixed(digits), stated.fixed(digits), difference.fixed(digits));
        if difference.abs() > tolerance {
            let allowed = tolerance.fixed(digits);
            let what =
                format!("the lines make {sum}, the document states {stated}: {apart} apart, {allowed} is allowed");
            self.problem(ReasonCode::TotalsDisagree, what);
        } else {
            self.note(|| {
                format!("the bill is the sum of its lines, {sum}; the document states {stated}, {apart} apart")
            });
        }
    }

    /// Every split that is not zero, mapped and checked.
    pub(super) fn lines(&mut self) -> Vec<BillLine> {
        let invoice = self.invoice;
        let digits = self.digits;
        let mut splits = invoice.lines.iter().flat_map(|line| &line.splits);
        let all_zero = splits.all(|split| split.amount.rounded(digits).is_zero());
        let mut lines = Vec::with_capacity(invoice.lines.len());
        for line in &invoice.lines {
            let mut explained = Vec::new();
            for (index, split) in line.splits.iter().enumerate() {
                let amount = split.amount.rounded(digits);
                let mut decisions = self.explanation.as_ref().map(|_| Vec::new());
                let used = all_zero || !amount.is_zero();
                if used {
                    let mapped = self.split(line, split, index + 1, amount, decisions.as_mut());
                    lines.push(mapped);
                }
                if let Some(decisions) = decisions {
                    let bill_line = used.then_some(lines.len());
                    explained.push(SplitExplanation { split: index + 1, amount, bill_line, decisions });
                }
            }
            if let Some(explanation) = &mut self.explanation {
                explanation.lines.push(LineExplanation {
                    line: line.number,
                    kind: line.kind,
                    description: line.description.clone(),
                    amount: line.amount,
                    splits: explained,
                });
            }
        }
        lines
    }
    /// One split: its values chosen, checked, and explained if somebody listens.
    fn split(
        &mut self,
        line: &'a Line,
        split: &'a Split,
        number: usize,
        amount: Amount,
        mut decisions: Option<&mut Vec<Decision>>,
    ) -> BillLine {
        let place = Place::Split(line, number);
        let mut trail = decisions.as_ref().map(|_| Trail::default());
        let choices = choose(self.rules, &self.context(Some((line, split))), trail.as_mut());
        let mut coding = Coding::default();
        for target in CHECKED {
            let Some(choice) = choices.get(target) else { continue };
            let target = choice.by.map_or(target, |by| by.setting.target);
            let mut check = self.hold_without_row(place, target, choice);
            if let (Some(value), Some(by), Some(kind)) = (&choice.value, choice.by, target.kind()) {
                // A task without a project cannot be looked for.
                if target == Target::Task && coding.dimensions.project.is_none() {
                    check = self.task_without_project(place, value, coding.held.contains(&Target::Project));
                } else {
                    let project = coding.dimensions.project.as_deref();
                    let checked = self.check.value(place, (target, kind), value, project, by);
                    if decisions.is_some() {
                        check = as_check(&checked);
                    }
                    if target == Target::Account {
                        coding.account_record = checked.ok();
                    }
                }
            } else if choice.by.is_none() && target == Target::Account {
                check = self.bad(ReasonCode::ValueMissing, place, "no rule sets account or account_label".to_owned());
            }
            if choice.no_row.is_some() {
                coding.held.push(target);
            }
            if let Some(value) = &choice.value {
                coding.set(target, value.clone().into_owned());
            }
            if let (Some(decisions), Some(trail)) = (decisions.as_mut(), trail.as_mut()) {
                let made = decision(target, choice, trail, choice.value.clone().map(Cow::into_owned), None, check);
                if is_worth_showing(&made) {
                    decisions.push(made);
                }
            }
        }
        self.required(place, &coding, decisions.as_deref_mut());
        let memo = choices.get(Target::Memo).and_then(|choice| self.memo(line, place, choice, trail, decisions));
        let Coding { account, account_label, dimensions, .. } = coding;
        BillLine { account, account_label, amount, memo, dimensions }
    }

    /// The rule's memo, else the line's description.
    fn memo(
        &mut self,
        line: &Line,
        place: Place<'_>,
        choice: &Choice<'_>,
        trail: Option<Trail>,
        decisions: Option<&mut Vec<Decision>>,
    ) -> Option<String> {
        let check = self.hold_without_row(place, Target::Memo, choice);
        let (text, otherwise) = match (&choice.value, choice.by, &line.description) {
            (Some(value), ..) => (Some(&**value), None),
            (None, None, Some(description)) => (Some(description.raw()), Some("the line's description")),
            _ => (None, None),
        };
        let memo = text.map(|text| self.one_line(text, MEMO)).filter(|memo| !memo.is_empty());
        if let (Some(decisions), Some(mut trail)) = (decisions, trail) {
            let otherwise = otherwise.filter(|_| memo.is_some());
            let made = decision(Target::Memo, choice, &mut trail, memo.clone(), otherwise, check);
            if is_worth_showing(&made) {
                decisions.push(made);
            }
        }
        memo
    }

    /// A problem at a place, and the same for the explanation.
    fn bad(&mut self, code: ReasonCode, place: Place<'_>, what: String) -> Check {
        self.check.problems.add(code, place, what.clone());
        Check::Bad { code, what: what.into() }
    }

    fn task_without_project(&mut self, place: Place<'_>, task: &str, project_is_held: bool) -> Check {
        // The look-up that holds the project is the reason then.
        if project_is_held {
            return Check::None;
        }
        let what = format!("task {} needs a project, and no rule sets one", quoted(task));
        self.bad(ReasonCode::DimensionRequired, place, what)
    }

    /// What the account requires must be there, unless a look-up holds it already.
    fn required(&mut self, place: Place<'_>, coding: &Coding<'_>, mut decisions: Option<&mut Vec<Decision>>) {
        let Some(record) = coding.account_record else { return };
        let required = record.required;
        let dimensions = &coding.dimensions;
        // The vendor is on every bill.
        let list = [
            (required.department, &dimensions.department, Target::Department),
            (required.location, &dimensions.location, Target::Location),
            (required.class, &dimensions.class, Target::Class),
            (required.project, &dimensions.project, Target::Project),
            (required.task, &dimensions.task, Target::Task),
            (required.item, &dimensions.item, Target::Item),
            (required.customer, &dimensions.customer, Target::Customer),
            (required.employee, &dimensions.employee, Target::Employee),
        ];
        for (is_required, value, target) in list {
            if is_required && value.is_none() && !coding.held.contains(&target) {
                let account = quoted(&record.id);
                let what = format!("account {account} requires {}, and no rule sets it", target.word());
                let check = self.bad(ReasonCode::DimensionRequired, place, what);
                if let Some(decisions) = decisions.as_deref_mut() {
                    match decisions.iter_mut().find(|decision| decision.target == target) {
                        Some(decision) => decision.check = check,
                        None => decisions.push(Decision::nothing(target, check)),
                    }
                }
            }
        }
    }
}

/// The targets that are checked, the project before its task.
const CHECKED: [Target; 9] = [
    Target::Account,
    Target::Department,
    Target::Location,
    Target::Class,
    Target::Project,
    Target::Task,
    Target::Item,
    Target::Customer,
    Target::Employee,
];

/// The values of one split while they are gathered.
#[derive(Default)]
struct Coding<'a> {
    account: Option<String>,
    account_label: Option<String>,
    dimensions: Dimensions,
    account_record: Option<&'a ReferenceRecord>,
    /// Targets that a look-up without a row holds.
    held: Vec<Target>,
}

impl Coding<'_> {
    fn set(&mut self, target: Target, value: String) {
        let dimensions = &mut self.dimensions;
        let place = match target {
            Target::Account => &mut self.account,
            Target::AccountLabel => &mut self.account_label,
            Target::Department => &mut dimensions.department,
            Target::Location => &mut dimensions.location,
            Target::Class => &mut dimensions.class,
            Target::Project => &mut dimensions.project,
            Target::Task => &mut dimensions.task,
            Target::Item => &mut dimensions.item,
            Target::Customer => &mut dimensions.customer,
            Target::Employee => &mut dimensions.employee,
            Target::Memo | Target::PostingDate | Target::Term | Target::Vendor | Target::DueDate => return,
        };
        *place = Some(value);
    }
}

/// A target that no rule names and nothing asks for is no news.
fn is_worth_showing(decision: &Decision) -> bool {
    decision.value.is_some() || !decision.fell_through.is_empty() || decision.check != Check::None
}
