//! The guards that keep a bill from being posted twice or lost, and what a person typed from being overwritten, each with a name, so that a proof can leave one out and see
//! that it is missed.

use std::fmt;

macro_rules! guards {
    ($($(#[$doc:meta])* $name:ident = $words:literal;)*) => {
        /// A guard of the way of a bill, a vendor or a supplier.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Guard { $($(#[$doc])* $name,)* }

        impl Guard {
            /// All guards.
            pub const ALL: &[Guard] = &[$(Guard::$name,)*];
            /// For people.
            pub fn words(self) -> &'static str { match self { $(Guard::$name => $words,)* } }
        }
    };
}

guards! {
    /// The mark moves only behind documents that are stored.
    MarkBehindDocuments = "the mark moves only behind its documents";
    /// After a start or a pause nothing is sent before JAGGAER was polled.
    PolledFirst = "JAGGAER is polled before anything is sent";
    /// Two documents with the same natural key do not both go.
    OneNaturalKey = "at most one document for a natural key";
    /// The ledger is looked at before a first send.
    PreFlight = "the ledger is looked at before sending";
    /// A vendor or a supplier is looked at before each write: it must still say what the write was made for.
    RecordSeen = "a vendor or supplier is looked at before it is written";
    /// A bill without our mark is somebody else's.
    OwnMark = "a bill without our mark is not ours";
    /// The intent is durable before a byte leaves.
    Intent = "the intent is durable before a byte leaves";
    /// What is sent is what is frozen and approved at that moment.
    StillWanted = "what changed or lost its approval is not sent";
    /// Who no longer holds its data directory sends nothing.
    Fence = "who was replaced sends nothing";
    /// Writes ask the gateway to refuse a control id that it knows.
    UniqueId = "uniqueid is asked for";
    /// What has no clear outcome is not sent again at once.
    SendOnce = "nothing unclear is sent again at once";
    /// What was sent when the process died is in doubt.
    Recovery = "what a dead process sent is in doubt";
    /// An answer counts only for the request whose control id it carries.
    RequestEcho = "an answer belongs to the request that it names";
    /// A result counts only for the function whose control id it carries.
    FunctionEcho = "a result belongs to the function that it names";
    /// An error of the edge says nothing about execution.
    ServerError = "a 5xx says nothing about execution";
    /// A refusal because it exists already says nothing about whose it is.
    ExistsIsUnclear = "no error number means posted";
    /// Nothing is called absent before the quiet time is over.
    QuietTime = "absent only after the quiet time";
    /// Posted is written from a read-back alone.
    ReadBack = "posted is written from a read-back only";
    /// What is read back is compared with what was frozen.
    Compared = "what is read back is compared";
    /// Reversed and declined bills do not stand.
    Standing = "reversed and declined bills do not stand";
    /// Ours twice stops everything.
    DoubledStops = "ours twice stops the sending";
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Which guards hold. It is chosen by type and has no size: the program is built with [`Kept`] alone, so nothing that can be
/// configured or told to it switches one off; a proof brings a type of its own.
pub trait Guards: Clone + Send + Sync + 'static {
    /// Whether this guard holds.
    fn hold(guard: Guard) -> bool;
}

/// All guards hold.
#[derive(Clone, Copy, Debug)]
pub enum Kept {}

impl Guards for Kept {
    #[inline(always)]
    fn hold(_: Guard) -> bool {
        true
    }
}
