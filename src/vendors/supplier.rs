//! What keeps a supplier from becoming a vendor, and where a merged one went.

use std::collections::BTreeSet;

use crate::model::{MasterField, MasterSupplier, Reason, ReasonCode, Text, safe};

/// Longest VENDORID.
pub const VENDOR_ID_LENGTH: usize = 20;

/// So much of a name stands in a sentence about its supplier.
const NAME_SHOWN: usize = 40;

/// Why no vendor can be made of a supplier, whatever else there is: no name, no number, or a number that cannot be a VENDORID.
pub fn faults(supplier: &MasterSupplier) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let label = || if supplier.number.is_blank() { supplier.id.safe() } else { supplier.number.safe() };
    if supplier.values.get(MasterField::Name).is_none_or(Text::is_blank) {
        let detail = format!("supplier {} has no name in JAGGAER", label());
        reasons.push(Reason::new(ReasonCode::SupplierUnnamed, detail));
    }
    if supplier.number.is_blank() {
        let name = supplier.values.raw(MasterField::Name).trim();
        let more = if name.chars().nth(NAME_SHOWN).is_some() { "…" } else { "" };
        let name: String = name.chars().take(NAME_SHOWN).collect();
        let detail = format!("supplier {} ({}{more}) has no number in JAGGAER", supplier.id.safe(), safe(&name));
        reasons.push(Reason::new(ReasonCode::SupplierUnnumbered, detail));
    } else if let Err(why) = vendor_id(supplier.number.raw()) {
        let detail = format!("supplier number {}: {why}", label());
        reasons.push(Reason::new(ReasonCode::VendorIdImpossible, detail));
    }
    reasons
}

/// The VENDORID that a number becomes, or why it cannot be one. Nothing is removed: two numbers could become equal. Intacct takes
/// 20 characters; letters, digits, dash and space are known to be taken everywhere, `_` and `.` without trouble.
pub fn vendor_id(number: &str) -> Result<&str, String> {
    let number = number.trim();
    let length = number.chars().count();
    if length > VENDOR_ID_LENGTH {
        return Err(format!("it has {length} characters, Intacct takes {VENDOR_ID_LENGTH}"));
    }
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ' ' | '_' | '.');
    let bad: BTreeSet<char> = number.chars().filter(|c| !taken(*c)).collect();
    if bad.is_empty() {
        return Ok(number);
    }
    let list: String = bad.iter().map(|c| format!(" {}", safe(&c.to_string()))).collect();
    Err(format!("it holds characters that Intacct does not take in a vendor's id:{list}"))
}

/// Where a merged supplier went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Survivor {
    /// JAGGAER's id of the one that is left at the end of the chain. It may be unknown here.
    Found(Text),
    /// They point at each other in a circle: the ids of the chain.
    Cycle(Vec<Text>),
}

/// Longest chain of merges that is followed.
const CHAIN: usize = 64;

/// Follows a chain of merges to its end. `merged_into` says where a supplier went: `None` where it is the end, or unknown.
pub fn survivor<E>(
    of: &MasterSupplier,
    mut merged_into: impl FnMut(&Text) -> Result<Option<Text>, E>,
) -> Result<Option<Survivor>, E> {
    let Some(mut at) = of.merged_into.clone().filter(|into| !into.is_blank()) else { return Ok(None) };
    let mut chain = vec![of.id.clone()];
    while chain.len() < CHAIN && !chain.contains(&at) {
        chain.push(at.clone());
        match merged_into(&at)?.filter(|into| !into.is_blank()) {
            Some(next) => at = next,
            None => return Ok(Some(Survivor::Found(at))),
        }
    }
    Ok(Some(Survivor::Cycle(chain)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::tests::supplier;

    fn codes(supplier: &MasterSupplier) -> Vec<ReasonCode> {
        faults(supplier).into_iter().map(|reason| reason.code).collect()
    }

    #[test]
    fn a_supplier_without_name_and_number_is_told_both() {
        let nobody = supplier("70412", " ", &[(MasterField::Name, "  ")]);
        assert_eq!(codes(&nobody), [ReasonCode::SupplierUnnamed, ReasonCode::SupplierUnnumbered]);
        assert_eq!(codes(&supplier("70412", "V-10233", &[(MasterField::Name, "Harbor")])), []);
    }

    #[test]
    fn of_a_very_long_name_the_beginning_is_told() {
        let said = |name: String| faults(&supplier("70412", "", &[(MasterField::Name, &name)])).remove(0).detail;
        let detail = said("株\u{202e}".repeat(250));
        assert!(detail.raw().contains("…) has no number") && detail.raw().chars().count() < 300, "{detail:?}");
        assert!(said("Harbor".to_owned()).raw().contains("(Harbor) has no number"));
    }

    #[test]
    fn a_number_is_never_repaired_to_become_a_vendor_id() {
        assert_eq!(vendor_id("  V 10.2_33-A "), Ok("V 10.2_33-A"));
        assert!(vendor_id("V-10233/A").unwrap_err().ends_with(": /"));
        assert!(vendor_id("V\u{202e}1").unwrap_err().contains("‹U+202E›"));
        assert!(vendor_id("Ф-1").is_err(), "a letter that only looks like one of ours");
        assert!(vendor_id(&"9".repeat(21)).unwrap_err().contains("21 characters"));
    }

    #[test]
    fn a_chain_of_merges_leads_to_the_survivor_and_a_circle_is_seen_as_one() {
        let mut merged = supplier("1", "V-1", &[]);
        let next = |at: &Text| {
            Ok::<_, ()>(match at.raw() {
                "2" => Some(Text::new("3")),
                "3" => Some(Text::new("")),
                "8" => Some(Text::new("9")),
                "9" => Some(Text::new("8")),
                _ => None,
            })
        };
        assert_eq!(survivor(&merged, next), Ok(None));
        merged.merged_into = Some(Text::new("2"));
        assert_eq!(survivor(&merged, next), Ok(Some(Survivor::Found(Text::new("3")))));
        merged.merged_into = Some(Text::new("77"));
        assert_eq!(survivor(&merged, next), Ok(Some(Survivor::Found(Text::new("77")))), "unknown here");
        for into in ["8", "1"] {
            merged.merged_into = Some(Text::new(into));
            assert!(matches!(survivor(&merged, next), Ok(Some(Survivor::Cycle(_)))), "{into}");
        }
    }
}
