//! Accounting splits: which group counts, what each split's part is, and amounts that make exactly the line.

use std::collections::BTreeMap;

use super::json::Json;
use super::path::{Found, Path};
use super::profile::{Profile, SplitStyle};
use super::words::normal;
use crate::model::{Amount, Split, SplitShare, Text};

/// A split as it stands in the document; `share` is `None` where it carries no figure.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct RawSplit {
    index: Option<String>,
    pub(super) share: Option<SplitShare>,
    pub(super) segments: BTreeMap<String, Text>,
}

/// All of a path, or the node itself where the profile has none.
fn all_or_self<'t>(path: &Option<Path>, node: &'t Json<'t>) -> Vec<Found<'t>> {
    match path {
        Some(path) => path.all(node),
        None => vec![Found::Borrowed(node)],
    }
}

impl Profile {
    /// The splits of a header or line; none if it has no values. `Err` says what is unclear.
    pub(super) fn raw_splits(&self, node: &Json<'_>) -> Result<Vec<RawSplit>, String> {
        if self.splits.style == SplitStyle::None {
            return Ok(Vec::new());
        }
        let mut groups = Vec::new();
        for group in all_or_self(&self.splits.groups, node) {
            let splits = self.group_splits(&group)?;
            let counts = match &self.splits.group {
                Some(segment) => splits.iter().any(|s| s.segments.contains_key(segment)),
                None => splits.iter().any(|s| !s.segments.is_empty()),
            };
            if counts {
                groups.push(splits);
            }
        }
        match groups.len() {
            0 | 1 => Ok(groups.pop().unwrap_or_default()),
            n => {
                let names: Vec<_> =
                    groups.iter().flatten().flat_map(|s| s.segments.keys()).map(String::as_str).collect();
                Err(format!(
                    "{n} groups of splits have values (segments {}); `splits.group` of the profile must name a segment \
                     that only one has",
                    names.join(", ")
                ))
            }
        }
    }

    fn group_splits(&self, group: &Json<'_>) -> Result<Vec<RawSplit>, String> {
        let mut sets = Vec::new();
        for set in all_or_self(&self.splits.sets, group) {
            let mut splits = Vec::new();
            for (position, item) in all_or_self(&self.splits.items, &set).iter().enumerate() {
                splits.push(self.raw_split(item, &set, position)?);
            }
            sets.push(splits);
        }
        if self.splits.by_field {
            return join_fields(sets);
        }
        sets.retain(|splits| match &self.splits.group {
            Some(segment) => splits.iter().any(|s| s.segments.contains_key(segment)),
            None => splits.iter().any(|s| !s.segments.is_empty()),
        });
        match sets.len() {
            0 | 1 => Ok(sets.pop().unwrap_or_default()),
            n => Err(format!("{n} sets of splits have values")),
        }
    }

    fn raw_split(&self, item: &Json<'_>, set: &Json<'_>, position: usize) -> Result<RawSplit, String> {
        let s = &self.splits;
        let mut segments = BTreeMap::new();
        match &s.values {
            Some(values) => {
                for value in values.all(item) {
                    if let (Some((_, key)), Some((_, text))) = (self.find(&value, &s.key), self.find(&value, &s.value))
                    {
                        self.segment(key.into_owned(), &text, &mut segments);
                    }
                }
            }
            // Flat splits: every plain member is a segment by its own name.
            None => {
                if let Json::Object(members) = item {
                    for (key, value) in members {
                        let plain = !matches!(value, Json::Object(_) | Json::Array(_));
                        if let (true, Some(text)) = (plain, self.scalar(value)) {
                            self.segment(key.to_string(), &text, &mut segments);
                        }
                    }
                }
            }
        }
        let figure = self.amount(item, &s.share)?;
        let share = match (figure, s.style) {
            (None, _) => None,
            (Some(figure), SplitStyle::Percent) => Some(self.percent(figure)),
            (Some(figure), SplitStyle::Amount) => Some(SplitShare::Amount(figure)),
            (Some(figure), SplitStyle::Quantity) => Some(SplitShare::Quantity(figure)),
            (Some(figure), _) => {
                let Some((path, word)) = self.find(item, &s.kind).or_else(|| self.find(set, &s.kind)) else {
                    return Err(format!("a split has the figure {figure}, but no type says what it is"));
                };
                let kind = normal(&word);
                if s.percent_words.contains(&kind) {
                    Some(self.percent(figure))
                } else if s.amount_words.contains(&kind) {
                    Some(SplitShare::Amount(figure))
                } else if s.quantity_words.contains(&kind) {
                    Some(SplitShare::Quantity(figure))
                } else {
                    return Err(format!("{}: the split type `{word}` is not known", path.as_str()));
                }
            }
        };
        let index = s.by_field.then(|| match self.find(item, &s.index) {
            Some((_, index)) => index.into_owned(),
            None => position.to_string(),
        });
        Ok(RawSplit { index, share, segments })
    }

    fn percent(&self, figure: Amount) -> SplitShare {
        let scaled = if self.splits.fraction { figure.times(Amount::from(100)) } else { Some(figure) };
        SplitShare::Percent(scaled.unwrap_or(figure))
    }

    /// Notes a segment; a combined account is cut into its parts first.
    fn segment(&self, key: String, value: &str, segments: &mut BTreeMap<String, Text>) {
        let s = &self.splits;
        if s.cut_segment.as_deref() == Some(key.as_str()) {
            let mut rest = value;
            for (index, name) in s.cut_parts.iter().enumerate() {
                let last = index + 1 == s.cut_parts.len();
                let (part, after) =
                    if last { (rest, "") } else { rest.split_once(&s.cut_separator).unwrap_or((rest, "")) };
                if let Some(text) = self.scalar(&Json::Text(part.into())) {
                    self.stripped(name.clone(), &text, segments);
                }
                rest = after;
            }
        }
        self.stripped(key, value, segments);
    }

    fn stripped(&self, key: String, value: &str, segments: &mut BTreeMap<String, Text>) {
        let value = match self.splits.strip_suffix.get(&key) {
            Some(mark) if !mark.is_empty() => value.split_once(mark.as_str()).map_or(value, |(before, _)| before),
            _ => value,
        };
        if !value.trim().is_empty() {
            segments.insert(key, Text::new(value.trim()));
        }
    }
}

/// Sets that each hold one segment's values become splits: what has the same index belongs together.
fn join_fields(sets: Vec<Vec<RawSplit>>) -> Result<Vec<RawSplit>, String> {
    let mut joined: Vec<RawSplit> = Vec::new();
    for split in sets.into_iter().flatten() {
        match joined.iter_mut().find(|known| known.index == split.index) {
            Some(known) => {
                if let (Some(one), Some(two)) = (known.share, split.share)
                    && one != two
                {
                    return Err(format!("split {} has two different parts", split.index.unwrap_or_default()));
                }
                known.share = known.share.or(split.share);
                known.segments.extend(split.segments);
            }
            None => joined.push(split),
        }
    }
    Ok(joined)
}

/// What the splits are parts of.
pub(super) struct Whole {
    pub(super) amount: Amount,
    pub(super) quantity: Option<Amount>,
    pub(super) digits: u32,
    pub(super) tolerance: Amount,
}

/// Gives every split its amount. The amounts make exactly the whole. `Err` says what is unclear.
pub(super) fn resolve(raws: Vec<RawSplit>, whole: &Whole) -> Result<Vec<Split>, String> {
    let shares: Vec<SplitShare> = match raws.as_slice() {
        [one] if one.share.is_none() => vec![SplitShare::Whole],
        _ => raws.iter().filter_map(|raw| raw.share).collect(),
    };
    if shares.len() != raws.len() {
        return Err(format!(
            "{} of {} splits have no percentage, amount or quantity",
            raws.len() - shares.len(),
            raws.len()
        ));
    }
    let figures: Vec<Amount> = shares.iter().map(|share| figure(*share)).collect();
    let sum: Amount = figures.iter().copied().sum();
    let one_kind = shares.windows(2).all(|pair| match pair {
        [a, b] => std::mem::discriminant(a) == std::mem::discriminant(b),
        _ => true,
    });
    let amounts = match shares.first() {
        _ if !one_kind => return Err("percentages, amounts and quantities are mixed".to_owned()),
        None => return Ok(Vec::new()),
        Some(SplitShare::Whole) => Some(vec![whole.amount]),
        Some(SplitShare::Percent(_)) => {
            if figures.iter().any(|f| f.is_negative()) {
                return Err("a percentage is below zero".to_owned());
            }
            if (sum - Amount::from(100)).abs() > Amount::new(1, 2) {
                return Err(format!("the percentages make {sum}, not 100"));
            }
            allocate(whole.amount, &figures, whole.digits)
        }
        Some(SplitShare::Amount(_)) => {
            if (sum - whole.amount).abs() > whole.tolerance {
                return Err(format!("the amounts of the splits make {sum}, the line is {}", whole.amount));
            }
            let rounded = figures.iter().map(|f| f.rounded(whole.digits)).collect();
            Some(with_rest(whole.amount, rounded))
        }
        Some(SplitShare::Quantity(_)) => match whole.quantity {
            Some(quantity) if quantity == sum && !sum.is_zero() => allocate(whole.amount, &figures, whole.digits),
            Some(quantity) => return Err(format!("the quantities of the splits make {sum}, the line has {quantity}")),
            None => return Err("the splits have quantities, the line has none".to_owned()),
        },
    };
    let amounts = amounts.ok_or("the parts are too large to be computed")?;
    let parts = raws.into_iter().zip(shares).zip(amounts);
    Ok(parts.map(|((raw, share), amount)| Split { share, amount, segments: raw.segments }).collect())
}

/// Spreads an amount, such as a charge, over the splits of a line in their proportion.
pub(super) fn spread(amount: Amount, like: &[Split], digits: u32) -> Result<Vec<Split>, String> {
    let weights: Vec<Amount> = like.iter().map(|split| figure(split.share)).collect();
    let amounts = allocate(amount, &weights, digits)
        .ok_or("the splits of the line add up to nothing, so a charge cannot be spread over them")?;
    let spread = like.iter().zip(amounts).map(|(split, amount)| {
        let share = match split.share {
            SplitShare::Amount(_) => SplitShare::Amount(amount),
            other => other,
        };
        Split { share, amount, segments: split.segments.clone() }
    });
    Ok(spread.collect())
}

/// The header's splits on one line of it: percentages as they are, amounts in their proportion.
pub(super) fn inherit(raws: &[RawSplit], whole: &Whole, total: Option<Amount>) -> Result<Vec<Split>, String> {
    let amounts: Vec<Amount> = raws
        .iter()
        .filter_map(|raw| match raw.share {
            Some(SplitShare::Amount(amount)) => Some(amount),
            _ => None,
        })
        .collect();
    if amounts.len() != raws.len() || raws.is_empty() {
        return resolve(raws.to_vec(), whole);
    }
    let sum: Amount = amounts.iter().copied().sum();
    match total {
        Some(total) if (total - sum).abs() <= whole.tolerance => {}
        _ => return Err(format!("the header's splits make {sum}, which is not the total")),
    }
    let parts = allocate(whole.amount, &amounts, whole.digits).ok_or("the header's splits add up to nothing")?;
    let parts = raws.iter().zip(parts);
    Ok(parts
        .map(|(raw, amount)| Split { share: SplitShare::Amount(amount), amount, segments: raw.segments.clone() })
        .collect())
}

/// Turns figures of a flipped credit memo.
pub(super) fn turned(raws: Vec<RawSplit>, flip: bool) -> Vec<RawSplit> {
    let turn = |share| match share {
        SplitShare::Amount(amount) => SplitShare::Amount(-amount),
        SplitShare::Quantity(quantity) if quantity.is_negative() => SplitShare::Quantity(-quantity),
        other => other,
    };
    if !flip {
        return raws;
    }
    raws.into_iter().map(|raw| RawSplit { share: raw.share.map(turn), ..raw }).collect()
}

fn figure(share: SplitShare) -> Amount {
    match share {
        SplitShare::Whole => Amount::from(1),
        SplitShare::Percent(figure) | SplitShare::Amount(figure) | SplitShare::Quantity(figure) => figure,
    }
}

/// Divides an amount by weights: each part rounded half up, the rest to the largest. `None` where it cannot be computed.
fn allocate(amount: Amount, weights: &[Amount], digits: u32) -> Option<Vec<Amount>> {
    let mut sum = Amount::ZERO;
    for weight in weights {
        sum = sum.checked_add(*weight)?;
    }
    if sum.is_zero() {
        return None;
    }
    let part = |weight: &Amount| match amount.times(*weight) {
        Some(product) => product.divided_by(sum),
        None => weight.divided_by(sum).and_then(|ratio| amount.times(ratio)),
    };
    let parts: Option<Vec<Amount>> = weights.iter().map(|w| part(w).map(|p| p.rounded(digits))).collect();
    parts.map(|parts| with_rest(amount, parts))
}

/// Gives what rounding left over to the largest part, the first on ties.
fn with_rest(amount: Amount, mut parts: Vec<Amount>) -> Vec<Amount> {
    let rest = amount - parts.iter().copied().sum();
    let mut largest: Option<&mut Amount> = None;
    for part in &mut parts {
        if largest.as_ref().is_none_or(|known| part.abs() > known.abs()) {
            largest = Some(part);
        }
    }
    if let Some(part) = largest {
        *part += rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(share: Option<SplitShare>) -> RawSplit {
        RawSplit { index: None, share, segments: BTreeMap::new() }
    }

    fn whole(amount: Amount) -> Whole {
        Whole { amount, quantity: Some(Amount::from(7)), digits: 2, tolerance: Amount::new(5, 2) }
    }

    #[test]
    fn the_rest_goes_to_the_largest_and_the_first_on_ties() {
        let third = Some(SplitShare::Percent(Amount::parse("33.33").unwrap()));
        let splits = resolve(vec![raw(third), raw(third), raw(third)], &whole(Amount::new(10000, 2))).unwrap();
        let amounts: Vec<_> = splits.iter().map(|s| s.amount.fixed(2)).collect();
        assert_eq!(amounts, ["33.34", "33.33", "33.33"]);
    }

    #[test]
    fn what_does_not_make_the_whole_is_unclear() {
        let percent = |n| raw(Some(SplitShare::Percent(Amount::from(n))));
        assert!(resolve(vec![percent(60), percent(30)], &whole(Amount::from(10))).is_err());
        assert!(resolve(vec![raw(None), raw(None)], &whole(Amount::from(10))).is_err());
        assert!(
            resolve(vec![percent(100), raw(Some(SplitShare::Amount(Amount::from(10))))], &whole(Amount::from(10)))
                .is_err()
        );
        assert!(resolve(vec![raw(Some(SplitShare::Quantity(Amount::from(6))))], &whole(Amount::from(10))).is_err());
        assert!(resolve(vec![raw(Some(SplitShare::Quantity(Amount::from(7))))], &whole(Amount::from(10))).is_ok());
    }

    proptest! {
        #[test]
        fn splits_always_sum_to_the_line_exactly(
            cents in -1_000_000_000i64..1_000_000_000,
            cuts in proptest::collection::vec(1u32..10_000, 1..12),
            charge in -1_000_000i64..1_000_000,
        ) {
            let sum: u32 = cuts.iter().sum();
            let mut left = 10_000i64;
            let mut raws = Vec::new();
            for (i, cut) in cuts.iter().enumerate() {
                let last = i + 1 == cuts.len();
                let part = if last { left } else { i64::from(*cut) * 10_000 / i64::from(sum) };
                left -= part;
                raws.push(raw(Some(SplitShare::Percent(Amount::new(part, 2)))));
            }
            let amount = Amount::new(cents, 2);
            let splits = resolve(raws, &whole(amount)).unwrap();
            prop_assert_eq!(splits.iter().map(|s| s.amount).sum::<Amount>(), amount);
            let charge = Amount::new(charge, 2);
            let spread = spread(charge, &splits, 2).unwrap();
            prop_assert_eq!(spread.iter().map(|s| s.amount).sum::<Amount>(), charge);
        }

        #[test]
        fn amounts_that_are_a_few_cents_off_still_make_the_line(
            parts in proptest::collection::vec(-1_000_000i64..1_000_000, 1..10), off in -5i64..=5,
        ) {
            let raws: Vec<_> = parts.iter().map(|p| raw(Some(SplitShare::Amount(Amount::new(*p, 2))))).collect();
            let amount = Amount::new(parts.iter().sum::<i64>() + off, 2);
            let splits = resolve(raws, &whole(amount)).unwrap();
            prop_assert_eq!(splits.iter().map(|s| s.amount).sum::<Amount>(), amount);
        }
    }
}
