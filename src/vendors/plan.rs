//! What a start would do: pairs as they were evaluated, counted one by one.

use super::candidates::is_inactive;
use crate::messages::{FieldPlan, VendorsPlan};
use crate::model::{Course, MasterField, MasterWriteKind, Pair, PairState, Side, Timestamp};

use super::settle::write_to;

/// Counts pairs into a plan.
#[derive(Clone, Debug)]
pub struct Planner(VendorsPlan);

impl Planner {
    /// Nothing counted yet. Every field is in the plan, also those without a difference.
    pub fn new(at: Timestamp) -> Self {
        let fields = MasterField::ALL.into_iter().map(|field| (field, FieldPlan::default())).collect();
        Planner(VendorsPlan { at, fields, ..VendorsPlan::default() })
    }

    /// Counts a pair as it was evaluated last.
    pub fn add(&mut self, pair: &Pair) {
        let plan = &mut self.0;
        plan.suppliers += 1;
        plan.linked += u64::from(pair.vendor.is_some());
        match pair.state {
            PairState::Held => {
                if let Some(reason) = pair.reasons.first() {
                    *plan.held.entry(reason.code.word().to_owned()).or_default() += 1;
                }
                return;
            }
            PairState::Suggested => plan.suggested += 1,
            PairState::Closed => plan.closed += 1,
            PairState::Agreed => plan.agreed += 1,
            PairState::New => plan.create += u64::from(!is_inactive(pair)),
            _ => {
                let creates = write_to(pair, Side::Intacct).is_some_and(|it| it.kind == MasterWriteKind::Create);
                plan.create += u64::from(creates && pair.vendor.is_none());
            }
        }
        let mut courses = [false; 3];
        for difference in &pair.differences {
            let field = plan.fields.entry(difference.field).or_default();
            match difference.course {
                Course::ToIntacct => (field.to_intacct, courses[0]) = (field.to_intacct + 1, true),
                Course::ToJaggaer => (field.to_jaggaer, courses[1]) = (field.to_jaggaer + 1, true),
                Course::Conflict => (field.conflict, courses[2]) = (field.conflict + 1, true),
                Course::Left => field.left += 1,
            }
        }
        plan.update_intacct += u64::from(courses[0]);
        plan.update_jaggaer += u64::from(courses[1]);
        plan.conflicts += u64::from(courses[2]);
    }

    /// The plan, with what only the store knows: how many vendors there are, and how many without a supplier.
    pub fn finish(mut self, vendors: u64, unlinked_vendors: u64) -> VendorsPlan {
        self.0.vendors = vendors;
        self.0.unlinked_vendors = unlinked_vendors;
        self.0.phrase = phrase(&self.0);
        self.0
    }
}

/// What is typed to let it start: the counts that a person should have read. Other counts need another phrase.
pub fn phrase(plan: &VendorsPlan) -> String {
    let mut parts = vec![format!("create {}", plan.create), format!("change {}", plan.update_intacct)];
    if plan.update_jaggaer > 0 {
        parts.push(format!("change {} in jaggaer", plan.update_jaggaer));
    }
    parts.join(", ")
}
