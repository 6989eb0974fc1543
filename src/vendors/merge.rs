//! The three-way merge: what both last agreed on, what JAGGAER says, what Intacct says, field by field.
//!
//! A field that one side does not offer is not compared. What one side alone changed, the other follows; what both changed is
//! decided by the field's policy or by a person. A value is never made up: what is written is what one side says or a person said.

use super::compare::{Comparing, fit, is_blank, same};
use super::policy::Policies;
use crate::model::{
    Course, Difference, FieldDecision, FieldPolicy, MasterField, MasterSupplier, MasterValues, MasterVendor, Side,
    Text, Timestamp,
};

/// What a merge is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// What both last agreed on; no value where they never did.
    pub agreed: &'a MasterValues,
    /// What JAGGAER says.
    pub jaggaer: &'a MasterValues,
    /// What Intacct says.
    pub intacct: &'a MasterValues,
    /// When JAGGAER changed its record last.
    pub jaggaer_modified: Option<Timestamp>,
    /// When Intacct changed its record last.
    pub intacct_modified: Option<Timestamp>,
    /// What a person decided and is not yet carried out.
    pub decisions: &'a [FieldDecision],
    /// A vendor to whom something is owed is not set inactive, and one of which nobody knows not without a person.
    pub owed: Owed,
    /// Cheques go to the vendor's address: it is never changed without a person.
    pub paid_at_address: bool,
}

impl<'a> Sides<'a> {
    /// Of a linked supplier and vendor.
    pub fn new(
        agreed: &'a MasterValues,
        supplier: &'a MasterSupplier,
        vendor: &'a MasterVendor,
        decisions: &'a [FieldDecision],
    ) -> Self {
        Sides {
            agreed,
            jaggaer: &supplier.values,
            intacct: &vendor.values,
            jaggaer_modified: supplier.modified,
            intacct_modified: vendor.modified,
            decisions,
            owed: Owed::to(vendor),
            paid_at_address: vendor.paid_at_address,
        }
    }

    fn says(&self, side: Side, field: MasterField) -> Option<&'a Text> {
        match side {
            Side::Jaggaer => self.jaggaer.get(field),
            Side::Intacct => self.intacct.get(field),
        }
    }

    fn modified_last(&self) -> Option<Side> {
        let (jaggaer, intacct) = (self.jaggaer_modified?, self.intacct_modified?);
        match jaggaer.cmp(&intacct) {
            std::cmp::Ordering::Greater => Some(Side::Jaggaer),
            std::cmp::Ordering::Less => Some(Side::Intacct),
            std::cmp::Ordering::Equal => None,
        }
    }
}

/// By which rules it is merged.
#[derive(Clone, Copy, Debug)]
pub struct MergeRules<'a> {
    /// Who decides.
    pub policies: &'a Policies,
    /// What is no difference.
    pub comparing: &'a Comparing,
    /// Whether JAGGAER can be written; what should go there is left otherwise.
    pub writes_jaggaer: bool,
}

impl MergeRules<'_> {
    fn goes_to_jaggaer(&self, field: MasterField) -> bool {
        self.writes_jaggaer && self.policies.goes_to_jaggaer(field)
    }
}

/// A value that a policy overwrites although its side changed it: named in the trail, because nobody was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overruled {
    /// Which field.
    pub field: MasterField,
    /// Whose value is overwritten.
    pub side: Side,
    /// The value.
    pub value: Text,
}

/// What a merge comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Merged {
    /// What both agree on now; what they agreed on before where they do not.
    pub agreed: MasterValues,
    /// Fields that differ, with what becomes of each, in the order of the fields.
    pub differences: Vec<Difference>,
    /// Values for Intacct.
    pub to_intacct: MasterValues,
    /// Values for JAGGAER.
    pub to_jaggaer: MasterValues,
    /// What policies overwrite.
    pub overruled: Vec<Overruled>,
    /// Decisions that still hold, and are not yet carried out.
    pub decisions: Vec<FieldDecision>,
    /// Decisions that do not hold any more: a side changed since, and the person is asked again.
    pub dropped: Vec<FieldDecision>,
    /// The vendor would be set inactive, and something is owed to it or nobody knows.
    pub owed: bool,
}

/// Whether something is owed to a vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owed {
    /// Nothing, or the vendor owes us.
    Nothing,
    /// Bills are open.
    Something,
    /// What is owed was not asked for, or cannot be read.
    Unknown,
}

impl Owed {
    /// What Intacct says of this vendor.
    pub fn to(vendor: &MasterVendor) -> Owed {
        match vendor.due {
            None => Owed::Unknown,
            Some(due) if due.is_zero() || due.is_negative() => Owed::Nothing,
            Some(_) => Owed::Something,
        }
    }
}

/// Whether Intacct needs a value in the field: it is never emptied.
pub fn needs_value(field: MasterField) -> bool {
    matches!(field, MasterField::Name | MasterField::Status | MasterField::Currency | MasterField::OnHold)
}

/// Whether a value of the status says inactive.
pub fn says_inactive(field: MasterField, value: &Text) -> bool {
    field == MasterField::Status && fit(field, value).raw() == "inactive"
}

/// Whether a field is part of the address to which cheques may go.
pub fn is_address(field: MasterField) -> bool {
    use MasterField::{Address1, Address2, City, Country, State, Zip};
    matches!(field, Address1 | Address2 | City | State | Zip | Country)
}

/// How a field is decided that differs.
enum Verdict {
    /// The value of a side goes to the other.
    Follow(Side),
    /// The value of a side goes to the other, which had changed it too.
    Overrule(Side),
    /// A person decides.
    Ask,
}

/// Merges field by field.
pub fn merge(sides: &Sides<'_>, rules: &MergeRules<'_>) -> Merged {
    let mut merged = Merged { agreed: sides.agreed.clone(), ..Merged::default() };
    for field in MasterField::ALL {
        let decision = sides.decisions.iter().find(|decision| decision.field == field);
        let (Some(jaggaer), Some(intacct)) = (sides.jaggaer.get(field), sides.intacct.get(field)) else {
            merged.dropped.extend(decision.cloned());
            continue;
        };
        let same = |one: &Text, other: &Text| same(field, one, other, rules.comparing);
        if same(jaggaer, intacct) {
            if !sides.agreed.get(field).is_some_and(|agreed| same(agreed, jaggaer)) {
                merged.agreed.set(field, Some(jaggaer.clone()));
            }
            // Carried out, or both came to something else by themselves.
            merged.dropped.extend(decision.filter(|decision| !same(&decision.value, jaggaer)).cloned());
            continue;
        }
        if let Some(decision) = decision {
            let stands = |seen: &Text, now: &Text| same(seen, now) || same(&decision.value, now);
            let empties = needs_value(field) && is_blank(field, &decision.value);
            if stands(&decision.jaggaer, jaggaer) && stands(&decision.intacct, intacct) && !empties {
                decided(&mut merged, sides, rules, decision);
                continue;
            }
            merged.dropped.push(decision.clone());
        }
        let verdict = match sides.agreed.get(field) {
            Some(agreed) => changed(sides, rules, field, agreed, (jaggaer, intacct)),
            None => met(sides, rules, field, (jaggaer, intacct)),
        };
        carry(&mut merged, sides, rules, field, verdict);
    }
    merged
}

/// What a person decided and still holds: each side that does not say it gets it.
fn decided(merged: &mut Merged, sides: &Sides<'_>, rules: &MergeRules<'_>, decision: &FieldDecision) {
    let field = decision.field;
    let lacks = |side| sides.says(side, field).is_some_and(|now| !same(field, now, &decision.value, rules.comparing));
    let mut course = Course::Left;
    if lacks(Side::Jaggaer) && rules.goes_to_jaggaer(field) {
        merged.to_jaggaer.set(field, Some(fit(field, &decision.value)));
        course = Course::ToJaggaer;
    }
    if lacks(Side::Intacct) {
        if sides.owed == Owed::Something && says_inactive(field, &decision.value) {
            merged.owed = true;
            course = Course::Conflict;
        } else {
            merged.to_intacct.set(field, Some(fit(field, &decision.value)));
            course = Course::ToIntacct;
        }
    }
    merged.differences.push(Difference { field, course });
    merged.decisions.push(decision.clone());
}

/// Both agreed once, and differ now.
fn changed(
    sides: &Sides<'_>,
    rules: &MergeRules<'_>,
    field: MasterField,
    agreed: &Text,
    (jaggaer, intacct): (&Text, &Text),
) -> Verdict {
    let kept = |now: &Text| same(field, agreed, now, rules.comparing);
    let changed_by = match (kept(jaggaer), kept(intacct)) {
        (true, false) => Some(Side::Intacct),
        (false, true) => Some(Side::Jaggaer),
        _ => None,
    };
    if sides.paid_at_address && is_address(field) {
        return Verdict::Ask;
    }
    if needs_value(field) && (is_blank(field, jaggaer) || is_blank(field, intacct)) {
        return Verdict::Ask;
    }
    match changed_by {
        Some(side) if field == MasterField::Status => match by_policy(sides, rules.policies.inactive()) {
            // The side that stayed wins over the one that changed.
            Verdict::Overrule(winner) if winner == side => Verdict::Follow(winner),
            verdict => verdict,
        },
        Some(side) => Verdict::Follow(side),
        None => by_policy(sides, rules.policies.of(field)),
    }
}

/// They differ, and never agreed.
fn met(sides: &Sides<'_>, rules: &MergeRules<'_>, field: MasterField, (jaggaer, intacct): (&Text, &Text)) -> Verdict {
    if sides.paid_at_address && is_address(field) {
        return Verdict::Ask;
    }
    match (is_blank(field, jaggaer), is_blank(field, intacct)) {
        (true, false) => Verdict::Follow(Side::Intacct),
        (false, true) => Verdict::Follow(Side::Jaggaer),
        _ => by_policy(sides, rules.policies.of(field)),
    }
}

fn by_policy(sides: &Sides<'_>, policy: FieldPolicy) -> Verdict {
    match policy {
        FieldPolicy::Jaggaer => Verdict::Overrule(Side::Jaggaer),
        FieldPolicy::Intacct => Verdict::Overrule(Side::Intacct),
        FieldPolicy::Newest => sides.modified_last().map_or(Verdict::Ask, Verdict::Overrule),
        FieldPolicy::Ask => Verdict::Ask,
    }
}

/// Carries a verdict out, as far as the other side may be written.
fn carry(merged: &mut Merged, sides: &Sides<'_>, rules: &MergeRules<'_>, field: MasterField, verdict: Verdict) {
    let (winner, overrules) = match verdict {
        Verdict::Ask => return merged.differences.push(Difference { field, course: Course::Conflict }),
        Verdict::Follow(winner) => (winner, false),
        Verdict::Overrule(winner) => (winner, true),
    };
    let (Some(value), Some(loser)) = (sides.says(winner, field), sides.says(winner.other(), field)) else { return };
    let course = match winner {
        Side::Jaggaer if sides.owed != Owed::Nothing && says_inactive(field, value) => {
            merged.owed = true;
            Course::Conflict
        }
        Side::Jaggaer => {
            merged.to_intacct.set(field, Some(fit(field, value)));
            Course::ToIntacct
        }
        Side::Intacct if rules.goes_to_jaggaer(field) => {
            merged.to_jaggaer.set(field, Some(fit(field, value)));
            Course::ToJaggaer
        }
        Side::Intacct => Course::Left,
    };
    if overrules && matches!(course, Course::ToIntacct | Course::ToJaggaer) {
        merged.overruled.push(Overruled { field, side: winner.other(), value: loser.clone() });
    }
    merged.differences.push(Difference { field, course });
}
