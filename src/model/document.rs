//! A document on its way: its state, what is known of it and what a person may have to decide.

use serde::{Deserialize, Serialize};

use super::{
    Class, ControlId, Date, DocumentId, DocumentKey, DocumentKind, Generation, LedgerBill, Mark, Money, Reason,
    ReasonCode, RecordNo, Revision, Text, Timestamp,
};

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal, $label:literal;)*) => {
        /// Where a document stands. Every document is in exactly one state.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum State { $($(#[$doc])* $name = $number,)* }

        impl State {
            /// All states, in the order of the way.
            pub const ALL: [State; 13] = [$(State::$name,)*];
            /// The stable word: `in_doubt`.
            pub fn word(self) -> &'static str { match self { $(State::$name => $word,)* } }
            /// The words shown to a person: `in doubt`.
            pub fn label(self) -> &'static str { match self { $(State::$name => $label,)* } }
            /// The number used in the store's indexes.
            pub fn number(self) -> u8 { self as u8 }
            /// Reads the stable word or the label.
            pub fn parse(text: &str) -> Option<State> {
                match text { $($word => Some(State::$name),)* _ => State::ALL.into_iter().find(|s| s.label() == text) }
            }
        }
    };
}

states! {
    /// JAGGAER does not approve it (yet).
    NotApproved = 0, "not_approved", "not approved";
    /// Its date is before the configured start.
    BeforeCutover = 1, "before_cutover", "before cut-over";
    /// It cannot be posted as it stands; all reasons are listed.
    Held = 2, "held", "held";
    /// The posting is frozen and waits its turn.
    Queued = 3, "queued", "queued";
    /// Approval was lost before anything was sent.
    Withdrawn = 4, "withdrawn", "withdrawn";
    /// The intent is on disk and the request may have left.
    Sent = 5, "sent", "sent";
    /// Intacct answered with a record number; not yet read back.
    Claimed = 6, "claimed", "claimed";
    /// No trustworthy answer.
    InDoubt = 7, "in_doubt", "in doubt";
    /// Read back from Intacct and equal to what was frozen.
    Posted = 8, "posted", "posted";
    /// The same, as a draft.
    Drafted = 9, "drafted", "drafted";
    /// Our bill is there, but not as frozen.
    Differs = 10, "differs", "differs";
    /// Intacct refused it.
    Failed = 11, "failed", "failed";
    /// A person said that it shall not be posted, and why.
    Dismissed = 12, "dismissed", "dismissed";
}

impl State {
    /// Whether a person is needed, or time: these make exit code 3.
    pub fn needs_attention(self) -> bool {
        matches!(self, State::Held | State::Failed | State::Differs | State::InDoubt | State::Sent | State::Claimed)
    }

    /// Whether a request for it may have left and is not settled.
    pub fn is_unsettled(self) -> bool {
        matches!(self, State::Sent | State::Claimed | State::InDoubt)
    }

    /// Whether a bill of ours is known to stand in the ledger.
    pub fn is_in_ledger(self) -> bool {
        matches!(self, State::Posted | State::Drafted | State::Differs)
    }

    /// Whether the step from `self` to `next` is one of the design's.
    pub fn may_become(self, next: State) -> bool {
        use State::*;
        match self {
            NotApproved | BeforeCutover | Held | Withdrawn => {
                matches!(next, NotApproved | BeforeCutover | Held | Queued | Withdrawn | Dismissed)
                    || (self == Held && matches!(next, Posted | Drafted | Differs))
            }
            // From the queue: sent, withdrawn, evaluated anew, adopted by the pre-flight.
            Queued => matches!(
                next,
                Sent | Withdrawn | Held | Queued | BeforeCutover | Posted | Drafted | Differs | InDoubt | Dismissed
            ),
            Sent => matches!(next, Claimed | Failed | Queued | InDoubt | Held),
            Claimed => matches!(next, Posted | Drafted | Differs | InDoubt),
            InDoubt => matches!(next, Posted | Drafted | Differs | Sent | Held | InDoubt | Queued | Failed | Dismissed),
            Posted | Drafted => matches!(next, Posted | Drafted | Differs),
            Differs => matches!(next, Posted | Drafted | Differs | Queued | Dismissed | Held),
            Failed => matches!(next, Queued | Held | Dismissed | Withdrawn | NotApproved | BeforeCutover | Failed),
            Dismissed => matches!(next, Held | Queued | NotApproved | BeforeCutover | Dismissed),
        }
    }
}

/// What JAGGAER says about approval, read through the profile.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It may be posted.
    Approved,
    /// Not (yet).
    NotApproved,
    /// Cancelled or deleted at the source.
    Cancelled,
    /// A word that the profile does not know.
    Unknown,
}

impl Approval {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Approval::Approved => "approved",
            Approval::NotApproved => "not approved",
            Approval::Cancelled => "cancelled",
            Approval::Unknown => "unknown",
        }
    }
}

/// The few fields that lists show.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Supplier's number at JAGGAER.
    pub supplier_number: Option<Text>,
    /// Supplier's name.
    pub supplier_name: Option<Text>,
    /// Supplier invoice number: the bill number.
    pub number: Option<Text>,
    /// JAGGAER's own number.
    pub buyer_number: Option<Text>,
    /// The total as stated, where it and its currency are known. A credit memo's is negative.
    pub total: Option<Money>,
    /// Invoice date.
    pub date: Option<Date>,
    /// Business unit.
    pub entity: Option<Text>,
}

/// What is known of the posting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PostingHead {
    /// Which generation.
    pub generation: Generation,
    /// The function's control id.
    pub control_id: ControlId,
    /// The mark on the bill.
    pub mark: Mark,
    /// The revision that was frozen.
    pub revision: Revision,
    /// Intacct's vendor.
    pub vendor: String,
    /// The frozen total.
    pub total: Money,
    /// SHA-256 of the frozen function, first 16 bytes.
    pub hash: [u8; 16],
    /// Sends so far.
    pub attempts: u32,
    /// The last send.
    pub last_attempt: Option<Attempt>,
    /// Rounds of resolving that ended without finding it.
    pub rounds: u32,
    /// A person has said that the twin in the ledger or here is not this bill.
    pub despite_twin: bool,
    /// Company, entity, vendor, bill number and kind: finding either in the ledger.
    pub natural: String,
    /// Sends in a row that were certainly not executed.
    pub not_executed: u32,
    /// The last send was certainly refused: posting again takes the next generation.
    pub refused: bool,
    /// A send had no clear outcome and was not refused since: a machine keeps this generation and its bytes.
    pub unclear: bool,
}

/// What the gateway said when it refused a posting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Error number, as it came: not always a code.
    pub errorno: Text,
    /// What it said.
    pub said: Text,
}

/// One send, recorded before a byte left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When the intent was recorded.
    pub at: Timestamp,
    /// Epoch of the engine that sent it.
    pub epoch: u64,
    /// Control id of the request.
    pub request: String,
}

/// Something that a person should see about a document that otherwise stands well.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The document changed after it was posted: what differs.
    ChangedAfterPosting(Text),
    /// An unmarked bill with the same number stands beside ours.
    Twin(RecordNo),
    /// Characters were removed before sending: how many.
    TextCleaned(u32),
    /// It was found in the ledger, not posted by this run.
    Adopted,
}

/// A document and where it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Its number here.
    pub id: DocumentId,
    /// What it is.
    pub kind: DocumentKind,
    /// Its identity at the source.
    pub key: DocumentKey,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// Rises with every change: an action that carries an older one is refused.
    pub version: u64,
    /// What JAGGAER last said about approval.
    pub approval: Approval,
    /// The source's modification stamp, to skip what is known; never part of the revision.
    pub stamp: Option<Text>,
    /// Revision of the latest content; `None` while the document is unreadable.
    pub revision: Option<Revision>,
    /// Number of the raw version that is the latest.
    pub raw_version: u32,
    /// SHA-256 of the latest raw version, first 16 bytes: each is stored once, by content.
    pub raw_hash: [u8; 16],
    /// What lists show.
    pub summary: Summary,
    /// Why it stands in front of a person; empty otherwise.
    pub reasons: Vec<Reason>,
    /// The class of the error that refused it, for failed ones.
    pub class: Option<Class>,
    /// The gateway's own words for a refusal.
    pub fault: Option<Fault>,
    /// A bill in the ledger that a person should compare with this document.
    pub ledger: Option<Box<LedgerBill>>,
    /// The posting, once frozen.
    pub posting: Option<PostingHead>,
    /// Intacct's record number, once claimed or found.
    pub record: Option<RecordNo>,
    /// What else a person should see.
    pub flags: Vec<Flag>,
}

impl Document {
    /// What lists show and totals add up: of a bill that is or may be in the ledger, the bill's; else what the source states
    /// now. The source may have changed after the bill was sent.
    pub fn amount(&self) -> Option<Money> {
        let posting = self.posting.as_ref().map(|posting| posting.total);
        match self.state {
            State::Posted | State::Drafted => {
                // One that a person took over as it stands has its own.
                let adopted = self.ledger.as_ref().and_then(|bill| {
                    let currency = bill.currency.or(posting.map(|total| total.currency))?;
                    Some(Money { amount: bill.total?, currency })
                });
                adopted.or(posting).or(self.summary.total)
            }
            State::Sent | State::Claimed | State::InDoubt | State::Differs => posting.or(self.summary.total),
            _ => self.summary.total,
        }
    }

    /// Whether a person was asked about its doubt: by itself it settles only if its bill is seen after all.
    pub fn asks_person(&self) -> bool {
        let asks = |code| matches!(code, ReasonCode::Unsettled | ReasonCode::LedgerUnreadable);
        self.reasons.iter().any(|reason| asks(reason.code))
    }

    /// The reference shown to a person: number and supplier's number, made safe.
    pub fn label(&self) -> String {
        match &self.summary.number {
            Some(number) => format!("{} ({})", self.id, number.safe()),
            None => self.id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_doubt_is_forgotten_and_nothing_posted_goes_back_to_the_queue() {
        assert!(!State::Posted.may_become(State::Queued));
        assert!(!State::Claimed.may_become(State::Queued));
        assert!(!State::Sent.may_become(State::Withdrawn));
        assert!(!State::InDoubt.may_become(State::Withdrawn));
        assert!(!State::Sent.may_become(State::Posted), "posted is only ever written from a read-back");
    }

    #[test]
    fn every_state_reads_back_from_its_word_and_label() {
        for state in State::ALL {
            assert_eq!(State::parse(state.word()), Some(state));
            assert_eq!(State::parse(state.label()), Some(state));
        }
    }
}
