//! Which vendor a supplier is, which ones look like it, and who else claims them.

use super::evaluate::{Context, Masters};
use super::matching::{self, COMMON, MatchKey, is_exactly, supplier_keys, tier};
use super::merge::says_inactive;
use crate::model::{LinkBasis, MasterField, MasterVendor, MatchTier, Pair, Reason, ReasonCode, Side, Suggestion, Text};

/// Vendors that are suggested at most.
pub const SUGGESTIONS: usize = 8;

/// What is found for a supplier without a vendor.
#[derive(Default)]
pub(super) struct Candidates {
    /// The vendor that it is.
    pub link: Option<MasterVendor>,
    /// Vendors that look like it, best first.
    pub suggestions: Vec<Suggestion>,
    /// Why it can neither be linked nor become a vendor.
    pub holds: Vec<Reason>,
    /// What a person should know about the suggestions.
    pub alike: Vec<Reason>,
}

impl Candidates {
    pub fn of<M: Masters>(pair: &Pair, masters: &M, context: &Context<'_>) -> Result<Self, M::Error> {
        let mut found = Candidates::default();
        let mut near = Vec::new();
        for key in supplier_keys(&pair.supplier) {
            if tier(&key) == Some(MatchTier::Key) {
                found.by_number(pair, &key, masters, context)?;
                if found.link.is_some() {
                    return Ok(found);
                }
                near.extend(found.suggestions.drain(..).map(|it| (it.tier, it.vendor)));
                continue;
            }
            let ids = masters.matches(&key, Side::Intacct, COMMON + 1)?;
            // What so many share says nothing about one of them.
            if let Some(tier) = tier(&key).filter(|_| ids.len() <= COMMON) {
                near.extend(
                    ids.into_iter().map(Text::new).filter(|id| !pair.refused.contains(id)).map(|id| (tier, id)),
                );
            }
        }
        for (tier, vendor) in matching::best(near) {
            if found.suggestions.len() < SUGGESTIONS && found.is_free(pair, tier, &vendor, masters, context)? {
                found.suggestions.push(Suggestion { tier, vendor });
            }
        }
        if found.suggestions.len() > 1 {
            let list: Vec<_> = found.suggestions.iter().map(|it| it.vendor.safe()).collect();
            let detail = format!("vendors {} look like supplier {}", list.join(", "), pair.label());
            found.alike.push(Reason::new(ReasonCode::VendorsAlike, detail));
        }
        Ok(found)
    }

    /// The first tier: the number is the VENDORID.
    fn by_number<M: Masters>(
        &mut self,
        pair: &Pair,
        key: &str,
        masters: &M,
        context: &Context<'_>,
    ) -> Result<(), M::Error> {
        let number = pair.supplier.number.raw();
        let vendors: Vec<Text> = masters.matches(key, Side::Intacct, COMMON)?.into_iter().map(Text::new).collect();
        let exact = vendors.iter().find(|id| is_exactly(id.raw(), number));
        if let Some(exact) = exact.filter(|exact| !pair.refused.contains(exact)) {
            for other in others(pair, exact, masters)?.iter().filter(|other| other.vendor.as_ref() == Some(exact)) {
                let detail = format!("{} is linked with vendor {} already", other.label(), exact.safe());
                self.holds.push(Reason::new(ReasonCode::VendorClaimedTwice, detail));
            }
        }
        let numbered = masters.matches(key, Side::Jaggaer, COMMON + 1)?;
        if numbered.len() > COMMON {
            // Who of so many is over is not looked at one by one.
            let detail = format!("more than {COMMON} suppliers have number {}", pair.supplier.number.safe());
            self.holds.push(Reason::new(ReasonCode::SupplierNumberTwice, detail));
        }
        for other in numbered.iter().filter(|_| numbered.len() <= COMMON) {
            let Some(other) = of_supplier(masters, other)?.filter(|other| other.id != pair.id) else { continue };
            let settled = exact.is_some_and(|exact| other.refused.contains(exact)) || other.vendor.is_some();
            if !settled && !is_over(&other) && (is_exactly(other.supplier.number.raw(), number) || exact.is_none()) {
                let detail = match is_exactly(other.supplier.number.raw(), number) {
                    true => format!("{} has the same number", other.label()),
                    false => format!("{} has a number that differs in case or blanks alone", other.label()),
                };
                self.holds.push(Reason::new(ReasonCode::SupplierNumberTwice, detail));
            }
        }
        let suggested = |id: &Text| Suggestion { tier: MatchTier::Key, vendor: id.clone() };
        match exact {
            Some(exact) if pair.refused.contains(exact) => {}
            Some(exact) if self.holds.is_empty() && context.key == MatchKey::Number => {
                self.link = masters.vendor(exact.raw())?;
            }
            Some(exact) => self.suggestions.push(suggested(exact)),
            None => {
                for alike in vendors.iter().filter(|id| !pair.refused.contains(id)) {
                    let detail = format!(
                        "supplier number {} and vendor {} differ in case or blanks alone",
                        pair.supplier.number.safe(),
                        alike.safe()
                    );
                    self.holds.push(Reason::new(ReasonCode::VendorIdAlike, detail));
                    self.suggestions.push(suggested(alike));
                }
            }
        }
        Ok(())
    }

    /// Whether a vendor may be suggested; who else has to do with it is told.
    fn is_free<M: Masters>(
        &mut self,
        pair: &Pair,
        tier: MatchTier,
        vendor: &Text,
        masters: &M,
        context: &Context<'_>,
    ) -> Result<bool, M::Error> {
        let mut told = Vec::new();
        for other in others(pair, vendor, masters)? {
            let linked = other.vendor.as_ref() == Some(vendor);
            // Made of another supplier of the first meeting: the plan said that this one becomes a vendor too, and so it does.
            let of_the_first_meeting = context.started.is_some_and(|started| pair.id < started.next);
            if linked && other.basis == Some(LinkBasis::Created) && of_the_first_meeting && tier != MatchTier::Key {
                return Ok(false);
            }
            let how = if linked { "is linked with" } else { "looks like" };
            let detail = format!("{} {how} vendor {} too ({})", other.label(), vendor.safe(), tier.label());
            told.push(Reason::new(ReasonCode::SuppliersAlike, detail));
        }
        self.alike.extend(told);
        Ok(true)
    }
}

/// Other pairs that are linked with a vendor, then those for which it is suggested, without those that are over; of the first
/// [`COMMON`]: whom it belongs to is seen however many look like it.
pub(super) fn others<M: Masters>(pair: &Pair, vendor: &Text, masters: &M) -> Result<Vec<Pair>, M::Error> {
    let mut others = Vec::new();
    let first = masters.pairs_of_vendor(vendor.raw(), COMMON + 1)?;
    for id in first.into_iter().filter(|id| *id != pair.id).take(COMMON) {
        others.extend(masters.pair(id)?.filter(|other| !is_over(other)));
    }
    Ok(others)
}

/// Vendors that have the tax id of a linked supplier too and belong to nobody: the same vendor twice.
pub(super) fn doubles<M: Masters>(pair: &Pair, vendor: &Text, masters: &M) -> Result<Vec<Suggestion>, M::Error> {
    let mut found = Vec::new();
    if let Some(key) = matching::tax_key(&pair.supplier) {
        let ids = masters.matches(&key, Side::Intacct, COMMON + 1)?;
        if ids.len() > COMMON {
            return Ok(found);
        }
        for id in ids.into_iter().map(Text::new).filter(|id| id != vendor && !pair.refused.contains(id)) {
            let belongs = others(pair, &id, masters)?.iter().any(|other| other.vendor.as_ref() == Some(&id));
            if !belongs && found.len() < SUGGESTIONS {
                found.push(Suggestion { tier: MatchTier::TaxId, vendor: id });
            }
        }
    }
    Ok(found)
}

/// Whether another pair claims a vendor: it is linked with it, or its number is the vendor's and nothing but this keeps it from
/// being linked.
pub(super) fn claims(other: &Pair, vendor: &Text, key: MatchKey) -> bool {
    match &other.vendor {
        Some(linked) => linked == vendor,
        None => {
            key == MatchKey::Number
                && is_exactly(other.supplier.number.raw(), vendor.raw())
                && !other.refused.contains(vendor)
        }
    }
}

/// Whether a supplier is inactive in JAGGAER.
pub(super) fn is_inactive(pair: &Pair) -> bool {
    pair.supplier.values.get(MasterField::Status).is_some_and(|status| says_inactive(MasterField::Status, status))
}

/// Whether a pair claims nothing any more: merged into another, or inactive without a vendor.
fn is_over(pair: &Pair) -> bool {
    pair.supplier.merged_into.as_ref().is_some_and(|into| !into.is_blank())
        || (pair.vendor.is_none() && is_inactive(pair))
}

fn of_supplier<M: Masters>(masters: &M, supplier: &str) -> Result<Option<Pair>, M::Error> {
    match masters.pair_of_supplier(supplier)? {
        Some(id) => masters.pair(id),
        None => Ok(None),
    }
}

/// A supplier as it is named to a person, by JAGGAER's id.
pub(super) fn name<M: Masters>(masters: &M, supplier: &Text) -> Result<String, M::Error> {
    let pair = of_supplier(masters, supplier.raw())?;
    Ok(pair.map_or_else(|| format!("supplier {}", supplier.safe()), |pair| pair.label()))
}
