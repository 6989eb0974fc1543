//! Who looks like whom: the keys under which suppliers and vendors are found, in tiers.
//!
//! A key is text with a letter in front: `k` the number, `t` the tax id, `z` name and postal code, `c` name and city. All but the
//! number only suggest. The number's key is the same for numbers that differ in case or blanks alone, so that these are found too;
//! only equal ones are linked.

use crate::model::{MasterField, MasterSupplier, MasterVendor, MatchTier, Text};

/// What links a supplier with a vendor by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MatchKey {
    /// The supplier's number is the VENDORID.
    #[default]
    Number,
    /// Nothing: the same number suggests, and every link is confirmed by a person.
    Nothing,
}

impl MatchKey {
    /// All of them.
    pub const ALL: [MatchKey; 2] = [MatchKey::Number, MatchKey::Nothing];

    /// The stable word, as in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            MatchKey::Number => "number",
            MatchKey::Nothing => "none",
        }
    }

    /// Reads the stable word.
    pub fn parse(word: &str) -> Option<MatchKey> {
        MatchKey::ALL.into_iter().find(|key| key.word() == word)
    }
}

/// The longest key: of longer names the rest is not looked at.
const LONGEST: usize = 160;
/// Keys that more vendors share than this say nothing.
pub const COMMON: usize = 24;

/// The keys of a supplier, best first.
pub fn supplier_keys(supplier: &MasterSupplier) -> Vec<String> {
    keys(supplier.number.raw(), |field| supplier.values.raw(field))
}

/// The key of a supplier's tax id alone.
pub(super) fn tax_key(supplier: &MasterSupplier) -> Option<String> {
    tax_id(supplier.values.raw(MasterField::TaxId)).map(|id| format!("t{id}"))
}

/// The keys of a vendor, best first.
pub fn vendor_keys(vendor: &MasterVendor) -> Vec<String> {
    keys(vendor.id.raw(), |field| vendor.values.raw(field))
}

/// The tier of a key; `None` for text that is no key.
pub fn tier(key: &str) -> Option<MatchTier> {
    match key.as_bytes() {
        [b'k', ..] => Some(MatchTier::Key),
        [b't', ..] => Some(MatchTier::TaxId),
        [b'z' | b'c', ..] => Some(MatchTier::NameAddress),
        _ => None,
    }
}

/// Whether an id is this one, blanks around it aside.
pub fn is_exactly(id: &str, other: &str) -> bool {
    id.trim() == other.trim()
}

fn keys<'v>(number: &str, says: impl Fn(MasterField) -> &'v str) -> Vec<String> {
    let mut keys = Vec::with_capacity(4);
    keys.extend(Some(folded(number)).filter(|id| !id.is_empty()).map(|id| format!("k{id}")));
    keys.extend(tax_id(says(MasterField::TaxId)).map(|id| format!("t{id}")));
    if let Some(name) = name(says(MasterField::Name)) {
        keys.extend(postal_code(says(MasterField::Zip)).map(|zip| format!("z{name}|{zip}")));
        keys.extend(words(says(MasterField::City)).map(|city| format!("c{name}|{city}")));
    }
    keys
}

/// An id without its case and without any blank.
fn folded(id: &str) -> String {
    id.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).take(LONGEST).collect()
}

/// Words that stand where there is no tax id.
const NO_TAX_ID: &[&str] = &[
    "NA",
    "NONE",
    "NULL",
    "NIL",
    "UNKNOWN",
    "TBD",
    "PENDING",
    "EXEMPT",
    "FOREIGN",
    "APPLIEDFOR",
    "NOTAPPLICABLE",
    "DNP",
    "123456789",
    "987654321",
    "012345678",
    "1234567890",
];

/// A tax id without punctuation; `None` where it says nothing: too short, too few digits, one digit over and over, a word.
fn tax_id(value: &str) -> Option<String> {
    let bare: String =
        value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(40).collect();
    let digits: Vec<char> = bare.chars().filter(char::is_ascii_digit).collect();
    let varied = digits.iter().any(|digit| Some(digit) != digits.first());
    (bare.len() >= 6 && digits.len() >= 4 && varied && !NO_TAX_ID.contains(&bare.as_str())).then_some(bare)
}

/// Legal forms, which are written or left out.
const LEGAL_FORMS: &[&str] = &[
    "inc",
    "incorporated",
    "llc",
    "llp",
    "lp",
    "ltd",
    "limited",
    "corp",
    "corporation",
    "co",
    "company",
    "plc",
    "gmbh",
    "ag",
    "kg",
    "mbh",
    "sa",
    "sas",
    "sarl",
    "srl",
    "spa",
    "bv",
    "nv",
    "ab",
    "as",
    "oy",
    "pty",
    "the",
    "and",
    "und",
    "et",
];

/// A name as words, without case, punctuation and legal forms; `None` where that says nothing.
fn name(value: &str) -> Option<String> {
    let all = words(value)?;
    let kept: Vec<&str> = all.split(' ').filter(|word| !LEGAL_FORMS.contains(word)).collect();
    let name = if kept.is_empty() { all } else { kept.join(" ") };
    let says_something = name.chars().count() >= if name.is_ascii() { 3 } else { 2 };
    (says_something && !["unknown", "none", "null", "test", "n a", "tbd"].contains(&name.as_str())).then_some(name)
}

/// Letters and digits in lower case, words apart by one blank: nothing invisible and nothing that turns text around remains.
fn words(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if (c.is_whitespace() || c.is_ascii_punctuation()) && !matches!(c, '\'' | '.') && !out.ends_with(' ') {
            // `O'Neill` and `A.G.` are one word each; what is left out here is invisible or a mark of the letter before.
            out.push(' ');
        }
    }
    let out = out.trim_start();
    let cut: String = out.chars().take(LONGEST).collect();
    Some(cut.trim_end().to_owned()).filter(|words| !words.is_empty())
}

/// A postal code without blanks and case; of a nine-digit ZIP code the first five digits. `None` for zeros and nothing.
fn postal_code(value: &str) -> Option<String> {
    let trimmed = value.trim();
    let head = match trimmed.split_once('-') {
        Some((head, tail)) if head.len() == 5 && tail.len() == 4 => head,
        _ => trimmed,
    };
    let bare: String = head.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).take(16).collect();
    (bare.len() >= 3 && bare.chars().any(|c| c != '0')).then_some(bare)
}

/// Keeps the best tier of each vendor, best first.
pub(super) fn best(mut found: Vec<(MatchTier, Text)>) -> Vec<(MatchTier, Text)> {
    found.sort_by(|one, other| (&one.1, one.0).cmp(&(&other.1, other.0)));
    found.dedup_by(|later, kept| later.1 == kept.1);
    found.sort();
    found
}
