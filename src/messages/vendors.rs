//! The two supplier masters in the language of the faces: lists of pairs, one pair side by side, the plan, decisions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AuditLine, ExplainedError, ExplainedReason};
use crate::model::{
    Course, FieldPolicy, LinkBasis, MasterField, MasterStep, MatchTier, PairId, PairState, PaymentAlert, Side, Text,
    Timestamp,
};

/// Which pairs. Empty means all; several conditions all hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairFilter {
    /// In one of these states.
    pub states: Vec<PairState>,
    /// With a bank alert that nobody has looked at.
    pub alerted: bool,
    /// Has this text, whatever its case, in a number, an id or a name.
    pub text: Option<String>,
}

/// A page of pairs, in the order of their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PairRequest {
    /// Which.
    pub filter: PairFilter,
    /// Continue behind this one.
    pub after: Option<PairId>,
    /// At most so many rows, 1 to 1,000.
    pub limit: u32,
}

/// A page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PairPage {
    /// The rows.
    pub rows: Vec<PairRow>,
    /// Ask again behind this one; `None` at the end.
    pub next: Option<PairId>,
    /// How many match in all, where that is known without reading them.
    pub total: Option<u64>,
    /// When it was read.
    pub at: Timestamp,
}

/// One pair in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PairRow {
    /// Its number here.
    pub id: PairId,
    /// Its version: an action carries it.
    pub version: u64,
    /// Where it stands.
    pub state: PairState,
    /// Since when.
    pub since: Timestamp,
    /// Supplier number, or JAGGAER's id where there is none.
    pub number: Text,
    /// The supplier's name, at JAGGAER.
    pub name: Text,
    /// VENDORID.
    pub vendor: Option<Text>,
    /// Fields that differ, with what becomes of each.
    pub differences: Vec<(MasterField, Course)>,
    /// Vendors that look like it.
    pub suggestions: u32,
    /// Bank alerts that nobody has looked at; whether one of them is high.
    pub alerts: u32,
    /// One of the alerts is high.
    pub high: bool,
    /// The first reason or refusal, in words.
    pub detail: Option<Text>,
}

/// A pair side by side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PairDetail {
    /// The list's row.
    pub row: PairRow,
    /// JAGGAER's id of the supplier.
    pub supplier: Text,
    /// Intacct's RECORDNO.
    pub record: Option<String>,
    /// How the link came about.
    pub basis: Option<LinkBasis>,
    /// First seen.
    pub first_seen: Timestamp,
    /// When each side changed its record last.
    pub modified: BTreeMap<Side, Timestamp>,
    /// All fields that at least one side offers, in the order of [`MasterField::ALL`].
    pub fields: Vec<FieldView>,
    /// Vendors that look like it, each with its own values to compare.
    pub suggestions: Vec<SuggestionView>,
    /// Vendors that were refused for it.
    pub refused: Vec<Text>,
    /// Another supplier that claims the same vendor, or that this one was merged into; in words.
    pub rivals: Vec<Text>,
    /// Writes under way: to which side, how far, which fields.
    pub writes: Vec<WriteView>,
    /// Bank and payment changes, newest first.
    pub alerts: Vec<PaymentAlert>,
    /// All reasons, with titles and advice.
    pub reasons: Vec<ExplainedReason>,
    /// A refusal, explained.
    pub error: Option<ExplainedError>,
    /// Whether JAGGAER can be written.
    pub writes_jaggaer: bool,
    /// Its trail, newest first, at most 50 lines.
    pub trail: Vec<AuditLine>,
}

/// One field, side by side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldView {
    /// Which.
    pub field: MasterField,
    /// What both last agreed on.
    pub agreed: Option<Text>,
    /// JAGGAER's value; `None` where it does not offer the field.
    pub jaggaer: Option<Text>,
    /// Intacct's value.
    pub intacct: Option<Text>,
    /// What becomes of it, where they differ.
    pub course: Option<Course>,
    /// Who decides it.
    pub policy: FieldPolicy,
    /// A decision that is not yet carried out: the value, and who.
    pub decided: Option<(Text, String)>,
}

/// A vendor that looks like the supplier.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SuggestionView {
    /// VENDORID.
    pub vendor: Text,
    /// By which tier.
    pub tier: MatchTier,
    /// Its values.
    pub fields: Vec<(MasterField, Text)>,
    /// Other suppliers that it is linked with or looks like.
    pub others: Vec<Text>,
}

/// A write under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WriteView {
    /// To which side.
    pub to: Side,
    /// Whether it creates the vendor.
    pub creates: bool,
    /// How far it is.
    pub step: MasterStep,
    /// Fields and values.
    pub fields: Vec<(MasterField, Text)>,
    /// Sends so far.
    pub attempts: u32,
}

/// How the two masters stand as a whole: for the overview, `status` and the panel's head.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct VendorsStatus {
    /// Pairs in each state, also in those that are empty.
    pub states: BTreeMap<PairState, u64>,
    /// Pairs with a bank alert that nobody has looked at.
    pub alerted: u64,
    /// Pairs with a high one.
    pub high: u64,
    /// Vendors in Intacct that no supplier is linked with.
    pub unlinked_vendors: u64,
    /// Who let it start, when; `None` while nothing is written.
    pub started: Option<(String, Timestamp)>,
    /// Fields that are carried over; all where nothing else was said.
    pub fields: Vec<MasterField>,
    /// Whether new suppliers become vendors.
    pub creates: bool,
    /// Whether suppliers are read from JAGGAER at all.
    pub reads_jaggaer: bool,
    /// Whether JAGGAER can be written.
    pub writes_jaggaer: bool,
}

/// What a start would do: the first meeting of the two masters.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct VendorsPlan {
    /// When it was made.
    pub at: Timestamp,
    /// Suppliers read.
    pub suppliers: u64,
    /// Vendors read.
    pub vendors: u64,
    /// Linked by themselves, because the key is the same.
    pub linked: u64,
    /// Of these, equal in every field.
    pub agreed: u64,
    /// Suppliers for which vendors are suggested.
    pub suggested: u64,
    /// Vendors that would be created.
    pub create: u64,
    /// Suppliers that cannot be carried over as they stand, by reason.
    pub held: BTreeMap<String, u64>,
    /// Inactive or merged suppliers without a vendor.
    pub closed: u64,
    /// Vendors that no supplier is linked with.
    pub unlinked_vendors: u64,
    /// For each field: how many values go to Intacct, to JAGGAER, into conflict, or are left.
    pub fields: BTreeMap<MasterField, FieldPlan>,
    /// Vendors that would be updated in Intacct.
    pub update_intacct: u64,
    /// Suppliers that would be updated in JAGGAER.
    pub update_jaggaer: u64,
    /// Pairs with at least one conflict.
    pub conflicts: u64,
    /// What has to be typed to let it start.
    pub phrase: String,
    /// Who let it start already.
    pub started: Option<(String, Timestamp)>,
}

impl VendorsPlan {
    /// How much is written to which side, in words; `number` writes a number.
    pub fn writes(&self, number: impl Fn(u64) -> String) -> String {
        let several = |count: u64, what: &str| format!("{} {what}{}", number(count), if count == 1 { "" } else { "s" });
        format!(
            "{} created and {} updated in Intacct, {} updated at JAGGAER",
            several(self.create, "vendor"),
            number(self.update_intacct),
            several(self.update_jaggaer, "supplier")
        )
    }
}

/// What a start would do with one field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FieldPlan {
    /// Values that go to Intacct.
    pub to_intacct: u64,
    /// Values that go to JAGGAER.
    pub to_jaggaer: u64,
    /// Values that a person decides.
    pub conflict: u64,
    /// Differences that are left, because JAGGAER cannot be written.
    pub left: u64,
}

/// What a person decides about a field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The value of this side.
    Side(Side),
    /// A value of the person's own.
    Value(Text),
}

/// A decision about fields of a pair.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PairDecision {
    /// Which pair.
    pub id: PairId,
    /// The version that the person saw; `None`: whatever it is now.
    pub version: Option<u64>,
    /// Which field; `None`: all that are in conflict.
    pub field: Option<MasterField>,
    /// What is taken.
    pub take: Take,
    /// Make it the field's policy from now on, for all suppliers. Only with a side.
    pub always: bool,
}

/// What a person may order about the two masters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VendorCommand {
    /// Let it start: write what the plan says.
    Start {
        /// What was typed.
        phrase: String,
        /// Only these fields; empty: all.
        fields: Vec<MasterField>,
        /// Whether new suppliers become vendors.
        create: bool,
    },
    /// Write nothing more; what is under way is settled.
    Stop,
    /// The supplier and the vendor belong together.
    Link {
        /// Which supplier's pair.
        id: PairId,
        /// Version seen.
        version: Option<u64>,
        /// VENDORID.
        vendor: Text,
    },
    /// They do not: never suggested again, and a link between them is undone.
    Refuse {
        /// Which supplier's pair.
        id: PairId,
        /// Version seen.
        version: Option<u64>,
        /// VENDORID.
        vendor: Text,
    },
    /// Settle conflicts.
    Resolve(PairDecision),
    /// Take decisions back that were not sent yet.
    Undo {
        /// Which pair.
        id: PairId,
        /// Version seen.
        version: Option<u64>,
        /// Which field; `None`: all.
        field: Option<MasterField>,
    },
    /// The bank alerts of this pair were looked at.
    Seen {
        /// Which pair.
        id: PairId,
        /// Version seen.
        version: Option<u64>,
    },
    /// Try a refused write again.
    Retry {
        /// Which pair.
        id: PairId,
        /// Version seen.
        version: Option<u64>,
    },
}
