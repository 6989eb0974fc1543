//! Reference data read from Intacct: what a bill may name.

use serde::{Deserialize, Serialize};

use super::Text;

/// A kind of reference record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// General ledger account (GLACCOUNT).
    Account,
    /// AP account label (APACCOUNTLABEL).
    AccountLabel,
    /// Department (DEPARTMENT).
    Department,
    /// Location or entity (LOCATION).
    Location,
    /// Class (CLASS).
    Class,
    /// Project (PROJECT).
    Project,
    /// Payment term (APTERM).
    Term,
    /// Vendor (VENDOR).
    Vendor,
    /// Item (ITEM).
    Item,
    /// Customer (CUSTOMER).
    Customer,
    /// Employee (EMPLOYEE).
    Employee,
    /// Task of a project (TASK).
    Task,
}

impl ReferenceKind {
    /// All kinds.
    pub const ALL: [ReferenceKind; 12] = [
        ReferenceKind::Account,
        ReferenceKind::AccountLabel,
        ReferenceKind::Department,
        ReferenceKind::Location,
        ReferenceKind::Class,
        ReferenceKind::Project,
        ReferenceKind::Term,
        ReferenceKind::Vendor,
        ReferenceKind::Item,
        ReferenceKind::Customer,
        ReferenceKind::Employee,
        ReferenceKind::Task,
    ];

    /// The word shown to a person and used in the mapping.
    pub fn word(self) -> &'static str {
        match self {
            ReferenceKind::Account => "account",
            ReferenceKind::AccountLabel => "account_label",
            ReferenceKind::Department => "department",
            ReferenceKind::Location => "location",
            ReferenceKind::Class => "class",
            ReferenceKind::Project => "project",
            ReferenceKind::Term => "term",
            ReferenceKind::Vendor => "vendor",
            ReferenceKind::Item => "item",
            ReferenceKind::Customer => "customer",
            ReferenceKind::Employee => "employee",
            ReferenceKind::Task => "task",
        }
    }
}

/// What an account requires on each line (GLACCOUNT's REQUIRE flags).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Required {
    /// REQUIREDEPT
    pub department: bool,
    /// REQUIRELOC
    pub location: bool,
    /// REQUIRECLASS
    pub class: bool,
    /// REQUIREPROJECT
    pub project: bool,
    /// REQUIRETASK
    pub task: bool,
    /// REQUIREITEM
    pub item: bool,
    /// REQUIRECUSTOMER
    pub customer: bool,
    /// REQUIREEMPLOYEE
    pub employee: bool,
    /// REQUIREVENDOR
    pub vendor: bool,
}

/// One reference record as it stood at the last reading.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReferenceRecord {
    /// What it is.
    pub kind: ReferenceKind,
    /// Its id, as a bill names it.
    pub id: String,
    /// Its name or title.
    pub name: Text,
    /// Whether it may be used.
    pub active: bool,
    /// Accounts: what each line must carry.
    pub required: Required,
    /// Terms: days until due and the base they count from (`from` invoice date unless said otherwise), where known.
    pub due_days: Option<u32>,
    /// Vendors: default term; others: parent or owner.
    pub parent: Option<String>,
    /// Vendors and locations: currency, where set.
    pub currency: Option<String>,
    /// Projects, locations, entities: first day of use.
    pub starts: Option<super::Date>,
    /// Projects, locations, entities: last day of use.
    pub ends: Option<super::Date>,
}
