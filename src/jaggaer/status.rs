//! Approval: which status words let an invoice through.

use super::json::Json;
use super::profile::Profile;
use super::words::{Normal, normal};
use crate::model::{Approval, Text};

/// The status words as the document has them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatusWords {
    /// Payment status.
    pub payment: Option<Text>,
    /// Workflow status.
    pub workflow: Option<Text>,
    /// Match status.
    pub matching: Option<Text>,
}

/// What the words mean, and which of them the profile does not know.
pub(super) struct Judged {
    pub(super) words: StatusWords,
    pub(super) approval: Approval,
    pub(super) paid: bool,
    pub(super) unknown: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
    Cancelled,
    Unknown,
}

impl Profile {
    /// Judges the header's status words. The gate opens only if payment and workflow both say so.
    pub(super) fn judge(&self, header: &Json<'_>, has_order: bool) -> Judged {
        let s = &self.status;
        let words = StatusWords {
            payment: self.text(header, &s.payment),
            workflow: self.text(header, &s.workflow),
            matching: self.text(header, &s.matching),
        };
        let mut unknown = Vec::new();
        let paid = words.payment.as_ref().is_some_and(|w| s.payment_paid.contains(&normal(w.raw())));
        // What is paid counts as approved only where the profile says so.
        let (open_too, closed_too) =
            if s.include_paid { (&*s.payment_paid, &[][..]) } else { (&[][..], &*s.payment_paid) };
        let mut gates = Vec::new();
        for (name, paths, word, open, closed) in [
            (
                "payment status",
                &s.payment,
                &words.payment,
                [&*s.payment_approved, open_too],
                [&*s.payment_not_approved, closed_too],
            ),
            (
                "workflow status",
                &s.workflow,
                &words.workflow,
                [&*s.workflow_approved, &[]],
                [&*s.workflow_not_approved, &[]],
            ),
        ] {
            let Some(path) = paths.first() else { continue };
            let gate = self.gate(word.as_ref(), open, closed);
            if gate == Gate::Unknown {
                let shown = word.as_ref().map_or("it is absent".to_owned(), |w| format!("`{}` is not known", w.raw()));
                unknown.push(format!("{name}, header {}: {shown}", path.as_str()));
            }
            gates.push(gate);
        }
        if has_order && !s.match_required.is_empty() {
            let matched = words.matching.as_ref().is_some_and(|w| s.match_required.contains(&normal(w.raw())));
            gates.push(if matched { Gate::Open } else { Gate::Closed });
        }
        let approval = if gates.contains(&Gate::Cancelled) {
            Approval::Cancelled
        } else if gates.contains(&Gate::Unknown) || gates.is_empty() {
            Approval::Unknown
        } else if gates.contains(&Gate::Closed) {
            Approval::NotApproved
        } else {
            Approval::Approved
        };
        if approval != Approval::Unknown {
            unknown.clear();
        }
        Judged { words, approval, paid, unknown }
    }

    fn gate(&self, word: Option<&Text>, open: [&[Normal]; 2], closed: [&[Normal]; 2]) -> Gate {
        let Some(word) = word.map(|w| normal(w.raw())) else { return Gate::Unknown };
        let among = |lists: [&[Normal]; 2]| lists.iter().any(|list| list.contains(&word));
        if self.status.cancelled.contains(&word) {
            Gate::Cancelled
        } else if among(open) {
            Gate::Open
        } else if among(closed) {
            Gate::Closed
        } else {
            Gate::Unknown
        }
    }
}
