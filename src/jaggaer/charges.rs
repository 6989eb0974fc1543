//! Charges: tax, freight, handling, discounts and fees stand on header and lines, and are taken once.

use super::json::Json;
use super::profile::{ChargeLevel, DiscountSign, Profile};
use crate::model::{Amount, Charge, ChargeKind, LineKind};

/// The kinds of charges, in the order of their lines.
pub(super) const KINDS: [ChargeKind; 5] =
    [LineKind::Freight, LineKind::Handling, LineKind::Tax, LineKind::Discount, LineKind::Fee];

/// What one header or line states.
#[derive(Default)]
pub(super) struct Stated {
    /// Charges as stated, zeros too; already with the sign that they add to the total with.
    pub(super) charges: Vec<Charge>,
    /// What could not be read.
    pub(super) faults: Vec<String>,
}

impl Stated {
    /// The sum of one kind; `None` where nothing is stated.
    pub(super) fn sum(&self, kind: ChargeKind) -> Option<Amount> {
        let mut of_kind = self.charges.iter().filter(|c| c.kind == kind).peekable();
        of_kind.peek()?;
        Some(of_kind.map(|c| c.amount).sum())
    }
}

impl Profile {
    /// Reads the charges of a header (or, with `on_line`, of a line). `flip` turns the signs of a credit memo.
    pub(super) fn stated_charges(
        &self,
        node: &Json<'_>,
        on_line: bool,
        flip: bool,
        digits: u32,
        use_tax: bool,
    ) -> Stated {
        let c = &self.charges;
        let mut stated = Stated::default();
        let turn = |amount: Amount| if flip { -amount } else { amount };
        let tax = if on_line { &c.tax_line } else { &c.tax_header };
        for (kind, paths) in [
            (LineKind::Freight, &c.freight),
            (LineKind::Handling, &c.handling),
            (LineKind::Tax, tax),
            (LineKind::Discount, &c.discount),
        ] {
            if kind == LineKind::Tax && use_tax {
                continue;
            }
            // Two tax fields are two taxes: unlike elsewhere, all paths of a list count.
            for path in paths {
                match self.amount(node, std::slice::from_ref(path)) {
                    Ok(None) => {}
                    Ok(Some(amount)) => {
                        let amount = amount.rounded(digits);
                        let amount = match (kind, c.discount_sign) {
                            (LineKind::Discount, DiscountSign::Positive) => -turn(amount),
                            (LineKind::Discount, DiscountSign::Either) => -amount.abs(),
                            _ => turn(amount),
                        };
                        stated.charges.push(Charge { kind, name: None, amount });
                    }
                    Err(what) => stated.faults.push(what),
                }
            }
        }
        for fee in c.fees.iter().flat_map(|path| path.all(node)) {
            match self.amount(&fee, &c.fee_amount) {
                Ok(None) => {}
                Ok(Some(amount)) => {
                    let name = self.text(&fee, &c.fee_name);
                    stated.charges.push(Charge { kind: LineKind::Fee, name, amount: turn(amount.rounded(digits)) });
                }
                Err(what) => stated.faults.push(format!("fee {what}")),
            }
        }
        stated
    }

    /// Whether the lines' charges of a kind are taken, and what a person might wonder about.
    pub(super) fn lines_win(
        &self,
        kind: ChargeKind,
        header: Option<Amount>,
        lines: Option<Amount>,
    ) -> (bool, Option<String>) {
        match (self.charges.level, header, lines) {
            (ChargeLevel::Header, ..) => (false, None),
            (ChargeLevel::Lines, ..) | (_, None, _) => (true, None),
            (_, Some(_), None) => (false, None),
            (_, Some(header), Some(lines)) if header == lines => (true, None),
            (_, Some(header), Some(lines)) => {
                let what = format!(
                    "{}: the header says {header}, the lines together {lines}; the header's is taken",
                    kind.word()
                );
                (false, (!lines.is_zero()).then_some(what))
            }
        }
    }
}
