//! The two supplier masters: which fields are kept in agreement, and what each system says of one supplier.
//!
//! A *supplier* is JAGGAER's, a *vendor* is Intacct's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, RecordNo, Text, Timestamp};

/// One of the two systems.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// JAGGAER: procurement.
    Jaggaer,
    /// Sage Intacct: accounting.
    Intacct,
}

impl Side {
    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Side::Jaggaer => "jaggaer",
            Side::Intacct => "intacct",
        }
    }

    /// The name shown to a person.
    pub fn label(self) -> &'static str {
        match self {
            Side::Jaggaer => "JAGGAER",
            Side::Intacct => "Intacct",
        }
    }

    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::Jaggaer => Side::Intacct,
            Side::Intacct => Side::Jaggaer,
        }
    }

    /// Reads the stable word.
    pub fn parse(word: &str) -> Option<Side> {
        [Side::Jaggaer, Side::Intacct].into_iter().find(|side| side.word() == word)
    }
}

/// Who decides a field that both sides changed, or that differs at the first meeting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldPolicy {
    /// JAGGAER's value goes to Intacct.
    Jaggaer,
    /// Intacct's value goes to JAGGAER.
    Intacct,
    /// The value of the record that was changed last.
    Newest,
    /// A person.
    Ask,
}

impl FieldPolicy {
    /// All of them.
    pub const ALL: [FieldPolicy; 4] =
        [FieldPolicy::Jaggaer, FieldPolicy::Intacct, FieldPolicy::Newest, FieldPolicy::Ask];

    /// The stable word, as in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            FieldPolicy::Jaggaer => "jaggaer",
            FieldPolicy::Intacct => "intacct",
            FieldPolicy::Newest => "newest",
            FieldPolicy::Ask => "ask",
        }
    }

    /// Reads the stable word.
    pub fn parse(word: &str) -> Option<FieldPolicy> {
        FieldPolicy::ALL.into_iter().find(|policy| policy.word() == word)
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal, $label:literal, $policy:ident;)*) => {
        /// A field of the supplier master that is kept in agreement.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum MasterField { $($(#[$doc])* #[serde(rename = $word)] $name = $number,)* }

        impl MasterField {
            /// All fields, in the order in which they are shown.
            pub const ALL: [MasterField; MASTER_FIELDS] = [$(MasterField::$name,)*];
            /// The stable word: `tax_id`.
            pub fn word(self) -> &'static str { match self { $(MasterField::$name => $word,)* } }
            /// The words shown to a person: `tax id`.
            pub fn label(self) -> &'static str { match self { $(MasterField::$name => $label,)* } }
            /// Who decides where nothing is configured: procurement owns names, addresses and contacts, accounting owns terms,
            /// 1099 and hold; what identifies or blocks a vendor is asked.
            pub fn default_policy(self) -> FieldPolicy { match self { $(MasterField::$name => FieldPolicy::$policy,)* } }
        }
    };
}

/// How many fields there are.
pub const MASTER_FIELDS: usize = 17;

fields! {
    /// The supplier's name.
    Name = 0, "name", "name", Jaggaer;
    /// `active` or `inactive`.
    Status = 1, "status", "status", Ask;
    /// Tax id: EIN, VAT number.
    TaxId = 2, "tax_id", "tax id", Ask;
    /// Default currency, ISO 4217.
    Currency = 3, "currency", "currency", Ask;
    /// Payment terms, by their name in Intacct.
    Terms = 4, "terms", "terms", Intacct;
    /// Form 1099 type.
    Form1099 = 5, "form_1099", "form 1099", Intacct;
    /// `true` while payments are on hold.
    OnHold = 6, "on_hold", "on hold", Intacct;
    /// E-mail address.
    Email = 7, "email", "e-mail", Jaggaer;
    /// Telephone.
    Phone = 8, "phone", "phone", Jaggaer;
    /// Fax.
    Fax = 9, "fax", "fax", Jaggaer;
    /// Web site.
    Website = 10, "website", "web site", Jaggaer;
    /// Street, first line.
    Address1 = 11, "address_1", "address", Jaggaer;
    /// Street, second line.
    Address2 = 12, "address_2", "address 2", Jaggaer;
    /// City.
    City = 13, "city", "city", Jaggaer;
    /// State or province.
    State = 14, "state", "state", Jaggaer;
    /// Postal code.
    Zip = 15, "zip", "postal code", Jaggaer;
    /// Country, two letters of ISO 3166.
    Country = 16, "country", "country", Jaggaer;
}

impl MasterField {
    /// Reads the stable word.
    pub fn parse(word: &str) -> Option<MasterField> {
        MasterField::ALL.into_iter().find(|field| field.word() == word)
    }

    /// Whether postings need it to agree: a conflict on it holds the supplier's invoices.
    pub fn concerns_postings(self) -> bool {
        matches!(self, MasterField::Status | MasterField::Currency)
    }

    /// Whether it says how the supplier is reached: changed together with bank data it is a warning of fraud.
    pub fn is_contact(self) -> bool {
        use MasterField::{Address1, Address2, City, Country, Email, Fax, Phone, State, Website, Zip};
        matches!(self, Email | Phone | Fax | Website | Address1 | Address2 | City | State | Zip | Country)
    }
}

impl fmt::Display for MasterField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A value for each field, or none where a system does not offer the field. Present and empty means that it is offered and
/// nothing stands in it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MasterValues([Option<Text>; MASTER_FIELDS]);

impl MasterValues {
    /// The value of a field; `None` where the system does not offer it.
    pub fn get(&self, field: MasterField) -> Option<&Text> {
        self.0.get(field as usize).and_then(Option::as_ref)
    }

    /// The value of a field as it came; empty where there is none.
    pub fn raw(&self, field: MasterField) -> &str {
        self.get(field).map_or("", Text::raw)
    }

    /// Sets or takes away a value.
    pub fn set(&mut self, field: MasterField, value: Option<Text>) {
        if let Some(place) = self.0.get_mut(field as usize) {
            *place = value;
        }
    }

    /// Fields that have a value, with it.
    pub fn iter(&self) -> impl Iterator<Item = (MasterField, &Text)> {
        MasterField::ALL.into_iter().zip(&self.0).filter_map(|(field, value)| Some((field, value.as_ref()?)))
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl FromIterator<(MasterField, Text)> for MasterValues {
    fn from_iter<I: IntoIterator<Item = (MasterField, Text)>>(values: I) -> Self {
        let mut all = MasterValues::default();
        for (field, value) in values {
            all.set(field, Some(value));
        }
        all
    }
}

macro_rules! payment_items {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal, $label:literal;)*) => {
        /// Bank and payment data: never carried over, only watched.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum PaymentItem { $($(#[$doc])* $name = $number,)* }

        impl PaymentItem {
            /// All items.
            pub const ALL: [PaymentItem; PAYMENT_ITEMS] = [$(PaymentItem::$name,)*];
            /// The stable word.
            pub fn word(self) -> &'static str { match self { $(PaymentItem::$name => $word,)* } }
            /// The words shown to a person.
            pub fn label(self) -> &'static str { match self { $(PaymentItem::$name => $label,)* } }
        }
    };
}

/// How many items there are.
pub const PAYMENT_ITEMS: usize = 6;

payment_items! {
    /// Account number.
    Account = 0, "account", "account number";
    /// Routing number or sort code.
    Routing = 1, "routing", "routing number";
    /// IBAN.
    Iban = 2, "iban", "IBAN";
    /// Who is paid.
    PayeeName = 3, "payee_name", "payee name";
    /// Where cheques go.
    RemitTo = 4, "remit_to", "remit-to address";
    /// How it is paid.
    Method = 5, "method", "payment method";
}

/// One payment value as it may be kept and shown: masked, with a keyed digest by which a change is seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PaymentMark {
    /// All but the last characters hidden: `••••4821`.
    pub masked: Text,
    /// Keyed, so that the value cannot be guessed from it.
    pub digest: [u8; 16],
}

/// Payment values of one side; `None` where the system does not offer the item or nothing stands in it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentMarks(pub [Option<PaymentMark>; PAYMENT_ITEMS]);

impl PaymentMarks {
    /// The mark of an item.
    pub fn get(&self, item: PaymentItem) -> Option<&PaymentMark> {
        self.0.get(item as usize).and_then(Option::as_ref)
    }

    /// Sets or takes away one.
    pub fn set(&mut self, item: PaymentItem, mark: Option<PaymentMark>) {
        if let Some(place) = self.0.get_mut(item as usize) {
            *place = mark;
        }
    }
}

/// A supplier as JAGGAER has it, as last read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MasterSupplier {
    /// JAGGAER's immutable id.
    pub id: Text,
    /// The number by which invoices and the ledger know it: the first key of matching. Empty where there is none.
    pub number: Text,
    /// What it says of each field.
    pub values: MasterValues,
    /// The survivor's id, where this one was merged into another.
    pub merged_into: Option<Text>,
    /// When JAGGAER changed it last.
    pub modified: Option<Timestamp>,
    /// Concurrency token for a write, where the interface has one.
    pub token: Option<Text>,
    /// Bank and payment data, masked.
    pub payment: PaymentMarks,
}

/// A vendor as Intacct has it, as last read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MasterVendor {
    /// VENDORID.
    pub id: Text,
    /// RECORDNO.
    pub record: RecordNo,
    /// What it says of each field.
    pub values: MasterValues,
    /// WHENMODIFIED.
    pub modified: Option<Timestamp>,
    /// TOTALDUE: what is owed to it. A vendor to whom something is owed is not deactivated.
    pub due: Option<Amount>,
    /// Cheques go to its display contact: it has no pay-to contact of its own and is paid by cheque, so its address says where
    /// money goes and is never changed without a person.
    pub paid_at_address: bool,
    /// Bank and payment data, masked.
    pub payment: PaymentMarks,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_stands_at_its_number_and_reads_back_from_its_word() {
        for (at, field) in MasterField::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, at);
            assert_eq!(MasterField::parse(field.word()), Some(field));
            assert_eq!(serde_json::to_value(field).unwrap(), field.word());
            let value = Text::new(field.word());
            let values: MasterValues = [(field, value.clone())].into_iter().collect();
            assert_eq!(values.iter().collect::<Vec<_>>(), vec![(field, &value)]);
        }
        for (at, item) in PaymentItem::ALL.into_iter().enumerate() {
            assert_eq!(item as usize, at);
        }
    }

    #[test]
    fn what_identifies_or_blocks_a_vendor_is_asked() {
        for field in MasterField::ALL.into_iter().filter(|field| field.concerns_postings()) {
            assert_eq!(field.default_policy(), FieldPolicy::Ask, "{field}");
        }
    }
}
