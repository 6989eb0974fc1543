//! Why a document stands in front of a person: every reason has a code, the facts and the advice.

use serde::{Deserialize, Serialize};

use super::Text;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $title:literal, $advice:literal;)*) => {
        /// The code of a reason, stable in scripts.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ReasonCode { $($(#[$doc])* $name,)* }

        impl ReasonCode {
            /// All codes.
            pub const ALL: &'static [ReasonCode] = &[$(ReasonCode::$name,)*];
            /// The stable word.
            pub fn word(self) -> &'static str { match self { $(ReasonCode::$name => $word,)* } }
            /// A short title for a list.
            pub fn title(self) -> &'static str { match self { $(ReasonCode::$name => $title,)* } }
            /// What to do about it.
            pub fn advice(self) -> &'static str { match self { $(ReasonCode::$name => $advice,)* } }
        }
    };
}

codes! {
    /// It has not been evaluated since it arrived or since something changed.
    NotEvaluated = "not_evaluated", "not yet evaluated", "Nothing to do: it is evaluated in a moment, or as soon as reference data have been read.";
    /// The source document could not be turned into an invoice.
    Unreadable = "unreadable", "unreadable document", "Correct the field in JAGGAER, or its path in the profile.";
    /// A status word that the profile does not know.
    UnknownStatus = "unknown_status", "unknown status word", "Add the word to the profile's status lists, as approved or not.";
    /// No supplier invoice number.
    NoBillNumber = "no_bill_number", "no supplier invoice number", "Enter the supplier's invoice number in JAGGAER; Intacct's own numbering is never used.";
    /// The number cannot be an Intacct bill number.
    BadBillNumber = "bad_bill_number", "bill number not possible", "Correct the supplier's invoice number in JAGGAER; nothing is removed, because two numbers could become equal.";
    /// Lines and charges do not add up to the total.
    TotalsDisagree = "totals_disagree", "totals do not add up", "Correct the invoice in JAGGAER; no line is ever plugged to make a total fit.";
    /// A credit memo.
    CreditMemo = "credit_memo", "credit memo", "Credit memos are not posted yet: enter it in Intacct by hand and dismiss it here.";
    /// Type and sign disagree.
    KindDisagrees = "kind_disagrees", "type and sign disagree", "An invoice must be above zero, a credit memo below: correct the type or the amounts in JAGGAER.";
    /// No currency.
    NoCurrency = "no_currency", "no currency", "Enter the currency in JAGGAER, or a default for the entity in the profile.";
    /// No invoice date.
    NoInvoiceDate = "no_invoice_date", "no invoice date", "Enter the invoice date in JAGGAER.";
    /// Due before the invoice.
    DueBeforeInvoice = "due_before_invoice", "due before its date", "Correct the due date or the terms in JAGGAER.";
    /// Neither a due date nor a term to compute it.
    NoDueDate = "no_due_date", "no due date", "Enter a due date or payment terms in JAGGAER, or set `term` in the mapping.";
    /// Splits that cannot be understood.
    SplitsUnclear = "splits_unclear", "accounting splits unclear", "Give each split a percentage, amount or quantity that together make the line.";
    /// No rule names an active vendor.
    VendorUnknown = "vendor_unknown", "vendor not in Intacct", "Create the vendor in Intacct, or add the supplier to the mapping table.";
    /// The vendor is inactive.
    VendorInactive = "vendor_inactive", "vendor inactive", "Activate the vendor in Intacct, or map the supplier to another.";
    /// No rule set a value that a bill needs.
    ValueMissing = "value_missing", "no rule sets a value", "Add a rule to the mapping; `map explain` shows what fell through.";
    /// The value does not exist in Intacct.
    ValueUnknown = "value_unknown", "value not in Intacct", "Create it in Intacct, or correct the rule or the source.";
    /// The value is inactive in Intacct.
    ValueInactive = "value_inactive", "value inactive in Intacct", "Activate it in Intacct, or correct the rule or the source.";
    /// The account requires a dimension that no rule set.
    DimensionRequired = "dimension_required", "account requires a dimension", "Add a rule that sets the dimension for this account.";
    /// A table has no row for a key that is present.
    TableNoRow = "table_no_row", "table has no row", "Add the row to the table and reload.";
    /// The accounting period is closed.
    PeriodClosed = "period_closed", "period closed", "Reopen the period in Intacct, or let the mapping set another posting date; it is asked again daily.";
    /// A bill with the same number was typed by hand.
    TwinByHand = "twin_by_hand", "same bill already in Intacct", "Compare both: adopt the bill in Intacct, or post anyway.";
    /// Another document here has the same vendor and number.
    DuplicateHere = "duplicate_here", "same number twice in JAGGAER", "Compare both: dismiss one, or post anyway.";
    /// The bill of this document was reversed or declined in Intacct.
    NotStanding = "not_standing", "bill reversed or declined", "Decide: dismiss it, or post anyway as a new generation.";
    /// Our mark with other content.
    LedgerDiffers = "ledger_differs", "ledger differs", "Compare both: correct the bill in Intacct and check again, or adopt it as it stands.";
    /// Our bill was there and is gone.
    LedgerGone = "ledger_gone", "bill gone from Intacct", "Somebody deleted it: dismiss the document, or post anyway as a new generation.";
    /// Our mark stands twice.
    Doubled = "doubled", "DOUBLED in Intacct", "Reverse one of the bills in Intacct, then resume the queue.";
    /// No clear outcome after three rounds.
    Unsettled = "unsettled", "no clear outcome", "Look for the bill in Intacct; adopt it, or replay once you are certain that it is not there.";
    /// The gateway refused it.
    Refused = "refused", "refused by Intacct", "Read the error's meaning, mend its cause, replay.";
    /// A vendor conflict on a field that postings need.
    VendorConflict = "vendor_conflict", "vendor in conflict", "Settle the conflict first.";
    /// A configured limit of Tollgate.
    TooLarge = "too_large", "too large", "Split the invoice in JAGGAER.";
    /// A bill in Intacct that could be this document's cannot be read.
    LedgerUnreadable = "ledger_unreadable", "bill in Intacct unreadable", "Look at that bill in Intacct: adopt it if it is this one's; otherwise replay once it can be read.";
    /// A supplier without a name.
    SupplierUnnamed = "supplier_unnamed", "supplier without a name", "Enter the supplier's name in JAGGAER.";
    /// A supplier without a number.
    SupplierUnnumbered = "supplier_unnumbered", "supplier without a number", "Enter the supplier's number in JAGGAER: it becomes the vendor's id. Or link the supplier with its vendor.";
    /// A supplier's number that cannot be a vendor's id.
    VendorIdImpossible = "vendor_id_impossible", "number not possible as vendor id", "Correct the supplier's number in JAGGAER, or link the supplier with its vendor; nothing is removed, because two numbers could become equal.";
    /// Two suppliers with one number.
    SupplierNumberTwice = "supplier_number_twice", "number used by two suppliers", "Give one of them another number in JAGGAER, merge them there, or link one with its vendor.";
    /// A supplier and a vendor whose ids differ in case or blanks alone.
    VendorIdAlike = "vendor_id_alike", "ids differ in case or blanks", "Link them if they are the same, or refuse and correct the supplier's number in JAGGAER.";
    /// The vendor id of a supplier belongs to a vendor that it is not.
    VendorIdTaken = "vendor_id_taken", "vendor id is another's", "Give the supplier another number in JAGGAER, or link it with its vendor.";
    /// Two suppliers claim one vendor.
    VendorClaimedTwice = "vendor_claimed_twice", "two suppliers claim one vendor", "Refuse the vendor for the one that it does not belong to, or merge both suppliers in JAGGAER.";
    /// Two suppliers look like one vendor.
    SuppliersAlike = "suppliers_alike", "two suppliers look like one vendor", "Link the vendor with the supplier that it belongs to and refuse it for the other; if both are one supplier, merge them in JAGGAER.";
    /// Two vendors look like one supplier.
    VendorsAlike = "vendors_alike", "two vendors look like one supplier", "Link the supplier with one of them and refuse the other; if both are one vendor, make one inactive in Intacct.";
    /// A merged supplier that has a vendor.
    SupplierMerged = "supplier_merged", "supplier merged in JAGGAER", "Link the vendor with the surviving supplier, or refuse it for this one.";
    /// Merged suppliers that point at each other.
    MergeCycle = "merge_cycle", "merged suppliers in a circle", "Correct the merge in JAGGAER: one of the suppliers must survive.";
    /// The linked vendor is no longer in Intacct.
    VendorGone = "vendor_gone", "vendor gone from Intacct", "Somebody deleted it: link the supplier with another vendor, or refuse it and a new one is created.";
    /// A vendor to whom something is owed would become inactive.
    VendorOwed = "vendor_owed", "vendor with open bills", "Pay or reverse its bills in Intacct first, or keep it active.";
}

/// One reason: the code, and what exactly is wrong with which value.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// Which reason.
    pub code: ReasonCode,
    /// What, where: `line 3: account 6999 is not in Intacct`. May quote text from outside.
    pub detail: Text,
}

impl Reason {
    /// A reason with its facts.
    pub fn new(code: ReasonCode, detail: impl Into<String>) -> Self {
        Reason { code, detail: Text::new(detail) }
    }
}
