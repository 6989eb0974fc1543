//! Records of the store that are not of the model.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Bill, FieldPolicy, Generation, MasterField, ReferenceKind, Revision, Timestamp};

/// A frozen posting: inside a generation it never changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// Which generation.
    pub generation: Generation,
    /// The function's bytes as they are sent.
    #[serde(with = "super::codec::in_one_piece")]
    pub function: Arc<[u8]>,
    /// SHA-256 of them.
    pub hash: [u8; 32],
    /// The bill, to compare with what is read back.
    pub bill: Bill,
    /// Version of the mapping that made it.
    pub mapping: String,
    /// Revision of the document.
    pub revision: Revision,
    /// When it was frozen.
    pub at: Timestamp,
}

/// What is known of a flow between runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FlowRecord {
    /// Up to where everything was read and stored.
    pub mark: Option<Timestamp>,
    /// Start of the last run.
    pub last_start: Option<Timestamp>,
    /// End of the last run.
    pub last_end: Option<Timestamp>,
    /// What came of it.
    pub last_result: Option<Result<String, String>>,
    /// When it was last due, whether it ran or not: a missed run is made up once.
    pub last_due: Option<Timestamp>,
    /// A person paused it: who, when.
    pub paused: Option<(String, Timestamp)>,
    /// Runs that failed in a row.
    pub failed_in_a_row: u32,
}

/// Who pauses the queue where a bill stands twice.
pub const ALARM: &str = "alarm";

/// A pause of the queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PauseRecord {
    /// Who, or the alarm.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// The start of posting by a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StartRecord {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The start of writing vendors and suppliers by a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VendorStart {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Fields that are carried over; empty: all.
    pub fields: Vec<MasterField>,
    /// Whether new suppliers become vendors.
    pub creates: bool,
}

/// Rules that persons made of decisions: who decides the field, who said so, and when.
pub type VendorOverrides = BTreeMap<MasterField, (FieldPolicy, String, Timestamp)>;

/// A period that Intacct refused as closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClosedPeriod {
    /// When it was refused last.
    pub since: Timestamp,
    /// When a document was last let through to ask again.
    pub probed: Timestamp,
    /// What was said.
    pub said: String,
}

/// An order that was carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderRecord {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What came of it, as one sentence.
    pub message: String,
    /// Done and refused.
    pub done: u64,
    /// Refused.
    pub refused: u64,
}

/// Named single values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meta {
    /// Schema version (u32).
    Schema,
    /// Epoch of the engine (u64).
    Epoch,
    /// Next document number (u64).
    NextDocument,
    /// Documents that were first seen earlier than the one before them, because the wall clock had jumped back (`Vec<u64>`).
    SeenBack,
    /// Number and hash of the last audit entry.
    AuditHead,
    /// [`PauseRecord`] while the queue is paused.
    Pause,
    /// [`StartRecord`] once a person started posting.
    Start,
    /// JAGGAER instance and Intacct company the store belongs to.
    Identity,
    /// Differing documents that a person wants looked up again at the next start (`Vec<DocumentId>`).
    Rechecks,
    /// Which document asks again whether a closed period is open, by its key (`BTreeMap<String, DocumentId>`).
    PeriodsAsked,
    /// Fingerprint of what documents were last evaluated with (text).
    Evaluator,
    /// What the last audit of the bills found ([`crate::messages::BillAudit`]).
    BillAudit,
    /// Rises with each record of reference data that was put by itself (u64).
    ReferenceNews,
    /// [`VendorStart`] once a person let vendors be written.
    VendorStart,
    /// Number that the next new pair had at that start (u64): suppliers with a lower one are of the first meeting.
    FirstMeeting,
    /// Rules that persons made of decisions ([`VendorOverrides`]).
    VendorOverrides,
    /// Fingerprint of the rules by which pairs were last evaluated (text).
    VendorRules,
    /// Key of the marks of bank and payment values, sealed (bytes).
    PaymentKey,
    /// Up to which change vendors were read from Intacct (`Option<Timestamp>`); there once all were read.
    VendorsRead,
    /// Up to which change suppliers were read from JAGGAER (`Option<Timestamp>`); there once all were read.
    SuppliersRead,
    /// How vendors were asked for and understood when all of them were read (text).
    VendorsReadBy,
    /// How suppliers were asked for and understood when all of them were read (text).
    SuppliersReadBy,
    /// Next pair number (u64).
    NextPair,
    /// How many pairs stand where.
    PairCounts,
    /// When reference data of a kind were read last (one value per kind).
    ReferenceRead(ReferenceKind),
}

impl Meta {
    /// The key in the table.
    pub fn key(self) -> &'static str {
        match self {
            Meta::Schema => "schema",
            Meta::Epoch => "epoch",
            Meta::NextDocument => "next_document",
            Meta::SeenBack => "seen_back",
            Meta::AuditHead => "audit_head",
            Meta::Pause => "pause",
            Meta::Start => "start",
            Meta::Identity => "identity",
            Meta::Rechecks => "rechecks",
            Meta::Evaluator => "evaluator",
            Meta::BillAudit => "bill_audit",
            Meta::ReferenceNews => "reference_news",
            Meta::VendorStart => "vendor_start",
            Meta::FirstMeeting => "first_meeting",
            Meta::VendorOverrides => "vendor_overrides",
            Meta::VendorRules => "vendor_rules",
            Meta::PeriodsAsked => "periods_asked",
            Meta::PaymentKey => "payment_key",
            Meta::VendorsRead => "vendors_read",
            Meta::SuppliersRead => "suppliers_read",
            Meta::VendorsReadBy => "vendors_read_by",
            Meta::SuppliersReadBy => "suppliers_read_by",
            Meta::NextPair => "next_pair",
            Meta::PairCounts => "pair_counts",
            Meta::ReferenceRead(kind) => match kind {
                ReferenceKind::Account => "read_account",
                ReferenceKind::AccountLabel => "read_account_label",
                ReferenceKind::Department => "read_department",
                ReferenceKind::Location => "read_location",
                ReferenceKind::Class => "read_class",
                ReferenceKind::Project => "read_project",
                ReferenceKind::Term => "read_term",
                ReferenceKind::Vendor => "read_vendor",
                ReferenceKind::Item => "read_item",
                ReferenceKind::Customer => "read_customer",
                ReferenceKind::Employee => "read_employee",
                ReferenceKind::Task => "read_task",
            },
        }
    }
}
