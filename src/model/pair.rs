//! A supplier and the vendor it belongs to: how they found each other, what they last agreed on, and where they stand.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Attempt, Class, ControlId, Fault, MasterField, MasterSupplier, MasterValues, PaymentItem, Reason, RecordNo, Side,
    Text, Timestamp,
};

/// Number of a pair in this store: ascending in the order in which suppliers were first seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PairId(pub u64);

impl fmt::Display for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl PairId {
    /// Reads `p12`.
    pub fn parse(text: &str) -> Option<PairId> {
        text.strip_prefix('p')?.parse().ok().map(PairId)
    }
}

macro_rules! pair_states {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal;)*) => {
        /// Where a pair stands: the gravest of what is open.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum PairState { $($(#[$doc])* $name = $number,)* }

        impl PairState {
            /// All states.
            pub const ALL: [PairState; PAIR_STATES] = [$(PairState::$name,)*];
            /// The stable word, which is also what a person sees.
            pub fn word(self) -> &'static str { match self { $(PairState::$name => $word,)* } }
            /// The number used in the store's indexes.
            pub fn number(self) -> u8 { self as u8 }
        }
    };
}

/// How many states there are.
pub const PAIR_STATES: usize = 9;

pair_states! {
    /// Linked, and equal in every field that both sides offer.
    Agreed = 0, "agreed";
    /// Linked; a difference that nothing carries over: before the start, or JAGGAER cannot be written.
    Differs = 1, "differs";
    /// A write to one of the sides is queued or under way.
    Writing = 2, "writing";
    /// Not linked; vendors that look like it wait for a person's word.
    Suggested = 3, "suggested";
    /// Not linked, and no vendor looks like it: a vendor will be created once vendors were started.
    New = 4, "new";
    /// Linked; both sides changed the same field, and a person decides.
    Conflict = 5, "conflict";
    /// A write was refused.
    Failed = 6, "failed";
    /// It cannot be carried over as it stands; all reasons are listed.
    Held = 7, "held";
    /// Inactive or merged away without a vendor: nothing to do.
    Closed = 8, "closed";
}

impl PairState {
    /// Reads the stable word.
    pub fn parse(word: &str) -> Option<PairState> {
        PairState::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether a person is needed.
    pub fn needs_attention(self) -> bool {
        matches!(self, PairState::Suggested | PairState::Conflict | PairState::Failed | PairState::Held)
    }
}

/// Why two records are thought to be the same business partner: the tiers of matching.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchTier {
    /// The configured key: the only one that links by itself.
    Key,
    /// The same tax id.
    TaxId,
    /// The same name and address, after normalising.
    NameAddress,
}

impl MatchTier {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            MatchTier::Key => "same number",
            MatchTier::TaxId => "same tax id",
            MatchTier::NameAddress => "same name and address",
        }
    }
}

/// How a link came about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkBasis {
    /// We created the vendor for this supplier.
    Created,
    /// The configured key is the same on both sides.
    SameKey,
    /// A person confirmed it: who.
    Person(String),
}

impl LinkBasis {
    /// For people.
    pub fn label(&self) -> String {
        match self {
            LinkBasis::Created => "created by Tollgate".to_owned(),
            LinkBasis::SameKey => "same number".to_owned(),
            LinkBasis::Person(who) => format!("confirmed by {}", super::safe(who)),
        }
    }
}

/// A vendor that looks like the supplier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Suggestion {
    /// The best tier by which they match.
    pub tier: MatchTier,
    /// VENDORID.
    pub vendor: Text,
}

/// What becomes of a field that differs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// Intacct gets JAGGAER's value.
    ToIntacct,
    /// JAGGAER gets Intacct's value.
    ToJaggaer,
    /// Both changed it: a person decides.
    Conflict,
    /// It is left: JAGGAER cannot be written.
    Left,
}

/// A field on which the two sides differ now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// Which.
    pub field: MasterField,
    /// What becomes of it.
    pub course: Course,
}

/// What a person decided about one field: valid as long as both sides still say what the person saw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldDecision {
    /// Which field.
    pub field: MasterField,
    /// The value that both shall have.
    pub value: Text,
    /// JAGGAER's value that the person saw.
    pub jaggaer: Text,
    /// Intacct's value that the person saw.
    pub intacct: Text,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a write does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MasterWriteKind {
    /// Creates the vendor.
    Create,
    /// Changes fields.
    Update,
}

impl MasterWriteKind {
    /// The word used in control ids and in the trail.
    pub fn word(self) -> &'static str {
        match self {
            MasterWriteKind::Create => "vendor-create",
            MasterWriteKind::Update => "vendor-update",
        }
    }
}

/// How far a write is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MasterStep {
    /// Frozen, and waits its turn.
    Queued,
    /// The intent is on disk and the request may have left.
    Sent,
    /// The other side said yes; not yet read back.
    Claimed,
    /// No trustworthy answer.
    InDoubt,
}

impl MasterStep {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            MasterStep::Queued => "queued",
            MasterStep::Sent => "sent",
            MasterStep::Claimed => "claimed",
            MasterStep::InDoubt => "in doubt",
        }
    }
}

/// A write of master data to one side: what is frozen never changes until it is settled by read-back or withdrawn unsent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MasterWrite {
    /// To which side.
    pub to: Side,
    /// Create or update.
    pub kind: MasterWriteKind,
    /// The vendor's VENDORID, or the supplier's id at JAGGAER.
    pub target: Text,
    /// RECORDNO, for an update in Intacct.
    pub record: Option<RecordNo>,
    /// What is written.
    pub set: MasterValues,
    /// What the side said of these fields when the write was frozen; empty for a creation. Written only while it still says so.
    pub expected: MasterValues,
    /// The bytes: a gateway function, or the body for JAGGAER.
    pub body: Vec<u8>,
    /// SHA-256 of them.
    pub hash: [u8; 32],
    /// Made from supplier, purpose and content only, so that it is the same after a lost or restored store.
    pub control_id: ControlId,
    /// How far it is.
    pub step: MasterStep,
    /// When it was frozen.
    pub at: Timestamp,
    /// Sends so far.
    pub attempts: u32,
    /// The last send.
    pub last_attempt: Option<Attempt>,
    /// Rounds of resolving that ended without an answer.
    pub rounds: u32,
    /// Sends in a row that were certainly not executed.
    pub not_executed: u32,
}

/// A change of bank or payment data that somebody should look at. Nothing of it was carried over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PaymentAlert {
    /// When it was seen.
    pub at: Timestamp,
    /// Where it changed.
    pub side: Side,
    /// What changed.
    pub item: PaymentItem,
    /// Before, masked; empty where nothing stood there.
    pub old: Text,
    /// After, masked.
    pub new: Text,
    /// Contact data changed within 30 days of it.
    pub high: bool,
    /// Who has looked at it, and when.
    pub seen: Option<(String, Timestamp)>,
}

/// A supplier, the vendor it belongs to, and where they stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pair {
    /// Its number here.
    pub id: PairId,
    /// Rises with every change: an action that carries an older one is refused.
    pub version: u64,
    /// Where it stands.
    pub state: PairState,
    /// Since when.
    pub since: Timestamp,
    /// When the supplier was first seen.
    pub first_seen: Timestamp,
    /// The supplier as JAGGAER last said.
    pub supplier: MasterSupplier,
    /// VENDORID of the vendor it is linked with.
    pub vendor: Option<Text>,
    /// How the link came about.
    pub basis: Option<LinkBasis>,
    /// Vendors that look like it, best first, at most eight.
    pub suggestions: Vec<Suggestion>,
    /// Vendors that a person said are not this supplier: never suggested again.
    pub refused: Vec<Text>,
    /// What both sides last agreed on; no value where they never did.
    pub agreed: MasterValues,
    /// Fields that differ now.
    pub differences: Vec<Difference>,
    /// What a person decided and is not yet carried out.
    pub decisions: Vec<FieldDecision>,
    /// A write to Intacct.
    pub to_intacct: Option<Box<MasterWrite>>,
    /// A write to JAGGAER.
    pub to_jaggaer: Option<Box<MasterWrite>>,
    /// Changes of bank and payment data, newest last, at most 32.
    pub alerts: Vec<PaymentAlert>,
    /// When contact data changed last, on either side, after the first reading.
    pub contact_changed: Option<Timestamp>,
    /// When a write to one of the sides was settled last, its record read back: a reading that began before it is older.
    #[serde(default)]
    pub settled: Option<Timestamp>,
    /// Why it stands in front of a person; empty otherwise.
    pub reasons: Vec<Reason>,
    /// What each side said when it refused a write, and the class of the error; at most one of each side.
    pub faults: Vec<(Side, Class, Fault)>,
}

impl Pair {
    /// The pair of a supplier that was seen for the first time: nothing is known of it but what JAGGAER says.
    pub fn new(id: PairId, supplier: MasterSupplier, at: Timestamp) -> Pair {
        Pair {
            id,
            version: 0,
            state: PairState::New,
            since: at,
            first_seen: at,
            supplier,
            vendor: None,
            basis: None,
            suggestions: Vec::new(),
            refused: Vec::new(),
            agreed: MasterValues::default(),
            differences: Vec::new(),
            decisions: Vec::new(),
            to_intacct: None,
            to_jaggaer: None,
            alerts: Vec::new(),
            contact_changed: None,
            settled: None,
            reasons: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The reference shown to a person: number here, supplier's number, vendor; made safe.
    pub fn label(&self) -> String {
        let number = match self.supplier.number.is_blank() {
            true => self.supplier.id.safe(),
            false => self.supplier.number.safe(),
        };
        match &self.vendor {
            Some(vendor) if *vendor != self.supplier.number => {
                format!("{} (supplier {number}, vendor {})", self.id, vendor.safe())
            }
            _ => format!("{} (supplier {number})", self.id),
        }
    }

    /// Whether a bank alert waits for somebody to look at it.
    pub fn is_alerted(&self) -> bool {
        self.alerts.iter().any(|alert| alert.seen.is_none())
    }

    /// The fields in conflict.
    pub fn conflicts(&self) -> impl Iterator<Item = MasterField> {
        self.differences.iter().filter(|difference| difference.course == Course::Conflict).map(|found| found.field)
    }

    /// Whether its invoices wait: a conflict on a field that postings need.
    pub fn blocks_postings(&self) -> bool {
        self.conflicts().any(MasterField::concerns_postings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_number_reads_back_from_its_word() {
        for state in PairState::ALL {
            assert_eq!(PairState::parse(state.word()), Some(state));
        }
        assert_eq!(PairId::parse(&PairId(12).to_string()), Some(PairId(12)));
        assert_eq!(PairId::parse("12"), None, "a plain number is a supplier's or a vendor's");
    }
}
