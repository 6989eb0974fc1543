//! The names of all commits. Each [`super::Store::write`] takes one, so none is without a name: a proof lets the process end
//! before, inside and after each. A name is a type without size and costs nothing in the program.

/// The name of a commit.
pub trait Commit: Send + 'static {
    /// In the proof's words.
    const NAME: &'static str;
}

/// Where in a commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Moment {
    /// Nothing of it was done yet.
    Before,
    /// Its steps were taken, nothing of it is durable.
    Inside,
    /// It is durable, and nobody was told.
    After,
}

macro_rules! commits {
    ($($(#[$doc:meta])* $type:ident = $name:literal;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $type;

        impl Commit for $type {
            const NAME: &'static str = $name;
        })*

        /// All names.
        pub const ALL: &[&str] = &[$($name,)*];
    };
}

commits! {
    /// The store is made for a pair of systems.
    Claimed = "store claimed";
    /// A new epoch.
    Started = "engine started";
    /// The end in order.
    Stopped = "engine stopped";
    /// Documents from JAGGAER.
    Intake = "intake";
    /// What could not be read and waits to be sent is held.
    HeldUnread = "unread ones held";
    /// The mark moves behind its documents.
    MarkMoved = "mark moved";
    /// The end of a flow's run.
    FlowEnded = "flow ended";
    /// Reference data of a kind.
    Reference = "reference data";
    /// Documents are to be evaluated again.
    Marked = "marked for evaluation";
    /// What came of an evaluation: held, or frozen and queued.
    Evaluated = "evaluated";
    /// Closed periods are asked again.
    PeriodsProbed = "periods probed";
    /// Intents, with the outcomes before them.
    Intents = "intents";
    /// Outcomes alone.
    Outcomes = "outcomes";
    /// One outcome by itself.
    OneOutcome = "one outcome";
    /// What a dead process sent is in doubt.
    Recovered = "recovered";
    /// Vendors' writes that a dead process sent are in doubt.
    VendorsRecovered = "vendors recovered";
    /// What was seen of vendors before they are written.
    VendorsFound = "vendors found";
    /// Intents of vendors' writes.
    VendorIntents = "vendor intents";
    /// Outcomes of vendors' writes.
    VendorOutcomes = "vendor outcomes";
    /// What vendors' writes came to, as read back.
    VendorsSettled = "vendors settled";
    /// Suppliers' writes that a dead process sent are in doubt.
    SuppliersRecovered = "suppliers recovered";
    /// What was seen of a supplier before it is written.
    SupplierFound = "supplier found";
    /// The intent of a supplier's write.
    SupplierIntent = "supplier intent";
    /// The outcome of a supplier's write.
    SupplierOutcome = "supplier outcome";
    /// What a supplier's write came to, as read back.
    SupplierSettled = "supplier settled";
    /// A store that failed is opened anew.
    Reopened = "reopened";
    /// An order is looked up by its key.
    OrderSought = "order sought";
    /// What came of an order.
    OrderKept = "order kept";
    /// Decisions of a person.
    Decided = "decisions";
    /// Documents to be looked up again at the next start.
    RechecksKept = "rechecks kept";
    /// The queue is paused.
    QueuePaused = "queue paused";
    /// The queue goes on.
    QueueResumed = "queue resumed";
    /// A person starts posting.
    PostingStarted = "posting started";
    /// A person stops posting.
    PostingStopped = "posting stopped";
    /// A flow is paused or goes on.
    FlowPaused = "flow paused";
    /// What the audit saw of documents.
    Audited = "audited";
    /// What an audit found in all.
    AuditEnded = "audit ended";
    /// Vendors as Intacct has them.
    VendorsTaken = "vendors taken";
    /// Suppliers as JAGGAER has them.
    SuppliersTaken = "suppliers taken";
    /// Vendors or suppliers were read up to here.
    MastersRead = "masters read";
    /// Vendors that are gone from Intacct.
    VendorsGone = "vendors gone";
    /// The key of the marks of payment values.
    PaymentKeyMade = "payment key made";
    /// Pairs are to be evaluated by other rules.
    PairsMarked = "pairs marked";
    /// What came of evaluating pairs: linked, merged, writes frozen or withdrawn.
    PairsMerged = "pairs merged";
    /// A decision of a person about a pair.
    PairDecided = "pair decided";
    /// A person lets vendors be written.
    VendorsStarted = "vendors started";
    /// A person stops it.
    VendorsStopped = "vendors stopped";
    /// An entry of the trail by itself.
    Noted = "noted";
    /// Whatever was sealed before is stored.
    SealBarrier = "seal barrier";
    /// Raw documents under another data key.
    Resealed = "resealed";
}
