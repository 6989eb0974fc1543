//! Answers about the two masters, from the store alone: with an engine and without.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{both_read, plan};
use super::rules::{Base, Rules};
use crate::intacct::answer::GatewayError;
use crate::intacct::catalogue::{Catalogue, Place};
use crate::messages::{
    ExplainedError, ExplainedReason, FieldView, PairDetail, PairFilter, PairPage, PairRequest, PairRow, Refusal,
    RefusalKind, SuggestionView, VendorsPlan, VendorsStatus, WriteView,
};
use crate::model::{
    MasterField, MasterValues, MasterVendor, MasterWriteKind, Pair, PairId, PairState, Side, Text, Timestamp,
};
use crate::store::{Meta, PairCounts, Reader, StoreError, VendorStart};
use crate::vendors::{same, write_to};

/// Pairs looked at for one page at most: a rare match far away is found by asking on.
const LOOKED_AT: usize = 20_000;
/// Pairs read at once.
const PIECE: usize = 500;
/// Lines of the trail in a detail.
const LINES: usize = 50;

/// A page of pairs, in the order of their numbers.
pub fn page(reader: &Reader, request: &PairRequest, at: Timestamp) -> Result<PairPage, StoreError> {
    let PairRequest { filter, after, limit } = request;
    let limit = (*limit).clamp(1, 1_000) as usize;
    let (mut rows, mut looked, mut last) = (Vec::new(), 0, after.map_or(0, |after| after.0));
    let wanted = filter.text.as_deref().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
    let mut more = false;
    'reading: loop {
        let piece = candidates(reader, filter, last)?;
        if piece.is_empty() {
            break;
        }
        for pair in piece {
            if rows.len() >= limit || looked >= LOOKED_AT {
                more = true;
                break 'reading;
            }
            (looked, last) = (looked + 1, pair.id.0);
            let fits = filter.states.is_empty() || filter.states.contains(&pair.state);
            if fits && (!filter.alerted || pair.is_alerted()) && wanted.as_deref().is_none_or(|text| says(&pair, text))
            {
                rows.push(row(&pair));
            }
        }
    }
    let total = known_total(filter, &reader.pair_counts()?);
    Ok(PairPage { rows, next: more.then_some(PairId(last)), total, at })
}

/// The next pairs that may fit, by the best index there is.
fn candidates(reader: &Reader, filter: &PairFilter, after: u64) -> Result<Vec<Pair>, StoreError> {
    if filter.alerted {
        return reader.alerted(after, PIECE);
    }
    if filter.states.is_empty() {
        return reader.pairs(after, PIECE);
    }
    let mut found = BTreeMap::new();
    let states: BTreeSet<PairState> = filter.states.iter().copied().collect();
    for state in states {
        found.extend(reader.pairs_in_state(state, after, PIECE)?.into_iter().map(|pair| (pair.id, pair)));
    }
    Ok(found.into_values().take(PIECE).collect())
}

fn known_total(filter: &PairFilter, counts: &PairCounts) -> Option<u64> {
    match (filter.text.is_some(), filter.alerted, filter.states.is_empty()) {
        (true, ..) | (_, true, false) => None,
        (false, true, true) => Some(counts.alerted),
        (false, false, true) => Some(counts.pairs()),
        (false, false, false) => {
            let states: BTreeSet<PairState> = filter.states.iter().copied().collect();
            Some(states.into_iter().map(|state| counts.of(state)).sum())
        }
    }
}

/// Whether a text stands in a number, an id or the name.
fn says(pair: &Pair, text: &str) -> bool {
    let supplier = &pair.supplier;
    let name = supplier.values.get(MasterField::Name);
    let places = [Some(&supplier.number), Some(&supplier.id), pair.vendor.as_ref(), name];
    places.into_iter().flatten().any(|place| place.raw().to_lowercase().contains(text)) || pair.id.to_string() == text
}

/// A pair as a list shows it.
pub fn row(pair: &Pair) -> PairRow {
    let unseen = || pair.alerts.iter().filter(|alert| alert.seen.is_none());
    let said = pair.faults.first().map(|(_, _, fault)| fault.said.clone());
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    PairRow {
        id: pair.id,
        version: pair.version,
        state: pair.state,
        since: pair.since,
        number: if pair.supplier.number.is_blank() { pair.supplier.id.clone() } else { pair.supplier.number.clone() },
        name: pair.supplier.values.get(MasterField::Name).cloned().unwrap_or_default(),
        vendor: pair.vendor.clone(),
        differences: pair.differences.iter().map(|difference| (difference.field, difference.course)).collect(),
        suggestions: count(pair.suggestions.len()),
        alerts: count(unseen().count()),
        high: unseen().any(|alert| alert.high),
        detail: pair.reasons.first().map(|reason| reason.detail.clone()).or(said),
    }
}

/// Finds a pair by its number here, a supplier number, JAGGAER's id or a VENDORID.
pub fn find(reader: &Reader, text: &str) -> Result<Result<PairId, Refusal>, StoreError> {
    let text = text.trim();
    if let Some(id) = PairId::parse(text)
        && reader.pair(id)?.is_some()
    {
        return Ok(Ok(id));
    }
    let mut found: BTreeSet<PairId> = reader.pairs_of_number(text)?.into_iter().collect();
    found.extend(reader.pairs_linked_with(text)?);
    if found.is_empty() {
        found.extend(reader.pair_of_supplier(text)?);
    }
    if found.is_empty() {
        found.extend(reader.pairs_of_vendor(text, usize::MAX)?);
    }
    let shown = crate::model::safe(text).into_owned();
    Ok(match found.iter().collect::<Vec<_>>().as_slice() {
        [] => {
            let known = reader.master_vendor(text)?.is_some();
            let what = match known {
                true => format!("vendor {shown} is in Intacct, and no supplier has to do with it"),
                false => format!("no supplier or vendor is `{shown}`"),
            };
            Err(Refusal::new(RefusalKind::NotFound, what))
        }
        [one] => Ok(**one),
        several => {
            let list: Vec<String> = several.iter().take(10).map(ToString::to_string).collect();
            let what = format!("`{shown}` is {} pairs: {}; name one of them", several.len(), list.join(", "));
            Err(Refusal::new(RefusalKind::Invalid, what))
        }
    })
}

/// A pair side by side. `trail` are its lines, oldest first.
pub fn detail(
    reader: &Reader,
    base: &Base,
    pair: &Pair,
    mut trail: Vec<crate::messages::AuditLine>,
) -> Result<PairDetail, StoreError> {
    let rules = base.in_reader(reader)?;
    let vendor = match &pair.vendor {
        Some(id) => reader.master_vendor(id.raw())?,
        None => None,
    };
    trail.reverse();
    trail.truncate(LINES);
    let modified =
        [(Side::Jaggaer, pair.supplier.modified), (Side::Intacct, vendor.as_ref().and_then(|it| it.modified))];
    let writes = [Side::Intacct, Side::Jaggaer].into_iter().filter_map(|side| write_to(pair, side));
    Ok(PairDetail {
        row: row(pair),
        supplier: pair.supplier.id.clone(),
        record: vendor.as_ref().map(|vendor| vendor.record.to_string()),
        basis: pair.basis.clone(),
        first_seen: pair.first_seen,
        modified: modified.into_iter().filter_map(|(side, at)| Some((side, at?))).collect(),
        fields: fields(pair, vendor.as_ref(), &rules),
        suggestions: suggestions(reader, pair)?,
        refused: pair.refused.clone(),
        rivals: rivals(reader, pair)?,
        writes: writes
            .map(|write| WriteView {
                to: write.to,
                creates: write.kind == MasterWriteKind::Create,
                step: write.step,
                fields: listed(&write.set),
                attempts: write.attempts,
            })
            .collect(),
        alerts: pair.alerts.iter().rev().cloned().collect(),
        reasons: pair.reasons.iter().map(ExplainedReason::from).collect(),
        error: error(pair),
        writes_jaggaer: rules.base.writes_jaggaer,
        trail,
    })
}

fn listed(values: &MasterValues) -> Vec<(MasterField, Text)> {
    values.iter().map(|(field, value)| (field, value.clone())).collect()
}

fn fields(pair: &Pair, vendor: Option<&MasterVendor>, rules: &Rules) -> Vec<FieldView> {
    let mut fields = Vec::new();
    for field in MasterField::ALL {
        let jaggaer = pair.supplier.values.get(field).cloned();
        let intacct = vendor.and_then(|vendor| vendor.values.get(field).cloned());
        if jaggaer.is_none() && intacct.is_none() {
            continue;
        }
        let differs = match (&jaggaer, &intacct) {
            (Some(jaggaer), Some(intacct)) => !same(field, jaggaer, intacct, &rules.base.comparing),
            _ => false,
        };
        let course = pair.differences.iter().find(|it| it.field == field && differs).map(|it| it.course);
        let decided = pair.decisions.iter().find(|it| it.field == field).map(|it| (it.value.clone(), it.by.clone()));
        let (agreed, policy) = (pair.agreed.get(field).cloned(), rules.policies.of(field));
        fields.push(FieldView { field, agreed, jaggaer, intacct, course, policy, decided });
    }
    fields
}

fn suggestions(reader: &Reader, pair: &Pair) -> Result<Vec<SuggestionView>, StoreError> {
    let mut views = Vec::new();
    for suggestion in &pair.suggestions {
        let vendor = reader.master_vendor(suggestion.vendor.raw())?;
        let others = others(reader, pair, &suggestion.vendor)?;
        views.push(SuggestionView {
            vendor: suggestion.vendor.clone(),
            tier: suggestion.tier,
            fields: vendor.map(|vendor| listed(&vendor.values)).unwrap_or_default(),
            others,
        });
    }
    Ok(views)
}

/// Other suppliers that have to do with a vendor, in words.
fn others(reader: &Reader, pair: &Pair, vendor: &Text) -> Result<Vec<Text>, StoreError> {
    let mut others = Vec::new();
    for id in reader.pairs_of_vendor(vendor.raw(), 11)?.into_iter().filter(|id| *id != pair.id).take(10) {
        let Some(other) = reader.pair(id)? else { continue };
        let (vendor, other_is) = (vendor.raw(), named(&other));
        let words = match other.vendor.as_ref().is_some_and(|linked| linked.raw() == vendor) {
            true => format!("vendor {vendor} is linked with {}", other_is.raw()),
            false => format!("vendor {vendor} also looks like {}", other_is.raw()),
        };
        others.push(Text::new(words));
    }
    Ok(others)
}

fn named(pair: &Pair) -> Text {
    Text::new(format!("{}: {}", pair.label(), pair.supplier.values.raw(MasterField::Name)))
}

fn rivals(reader: &Reader, pair: &Pair) -> Result<Vec<Text>, StoreError> {
    let mut rivals = Vec::new();
    if let Some(vendor) = &pair.vendor {
        rivals = others(reader, pair, vendor)?;
    }
    if let Some(into) = pair.supplier.merged_into.as_ref().filter(|into| !into.is_blank()) {
        let survivor = match reader.pair_of_supplier(into.raw())? {
            Some(id) => reader.pair(id)?.map(|survivor| named(&survivor)),
            None => None,
        };
        let survivor = survivor.unwrap_or_else(|| Text::new(format!("supplier {}", into.raw())));
        rivals.push(Text::new(format!("merged into {}", survivor.raw())));
    }
    Ok(rivals)
}

fn error(pair: &Pair) -> Option<ExplainedError> {
    let (side, class, fault) = pair.faults.first()?;
    // Nobody refused it: it was given up, and what is said are our own words.
    if fault.errorno.is_blank() {
        return Some(ExplainedError {
            class: *class,
            errorno: Text::default(),
            said: fault.said.clone(),
            title: format!("given up, to {}", side.label()),
            meaning: "Nothing more of it is sent by itself.".to_owned(),
            advice: "Look at the record on both sides; then decide, or retry.".to_owned(),
        });
    }
    if *side == Side::Jaggaer {
        return Some(ExplainedError {
            class: *class,
            errorno: fault.errorno.clone(),
            said: fault.said.clone(),
            title: "refused by JAGGAER".to_owned(),
            meaning: "JAGGAER did not take the change of the supplier.".to_owned(),
            advice: "Correct what it names, in JAGGAER or in Intacct; then retry.".to_owned(),
        });
    }
    let error =
        GatewayError { errorno: fault.errorno.clone(), description2: fault.said.clone(), ..GatewayError::default() };
    let (catalogue, errors) = (Catalogue::builtin(), [error]);
    let explained = catalogue.explain(&errors, Place::Function);
    Some(ExplainedError {
        class: *class,
        errorno: fault.errorno.clone(),
        said: fault.said.clone(),
        title: format!("refused by Intacct: {}", explained.title.safe()),
        meaning: explained.meaning.safe().into_owned(),
        // The catalogue speaks of bills, and these are replayed.
        advice: explained.advice.safe().replace("replay", "retry"),
    })
}

/// What a start would do, from the pairs as they were evaluated last.
pub fn plan_now(reader: &Reader, at: Timestamp) -> Result<Result<VendorsPlan, Refusal>, StoreError> {
    if !both_read(|which| Ok(reader.meta::<Option<Timestamp>>(which)?.is_some()))? {
        let what = "there is no plan yet: both masters must have been read once; run the flow `vendors`";
        return Ok(Err(Refusal::new(RefusalKind::Unavailable, what)));
    }
    let counts = reader.pair_counts()?;
    let mut plan = plan(|after| reader.pairs(after, PIECE), (counts.vendors, counts.unlinked()), at)?;
    plan.started = started(reader)?.map(|start| (start.by, start.at));
    Ok(Ok(plan))
}

fn started(reader: &Reader) -> Result<Option<VendorStart>, StoreError> {
    reader.meta(Meta::VendorStart)
}

/// How the two masters stand as a whole.
pub fn status(reader: &Reader, base: Option<&Base>, creates: bool) -> Result<VendorsStatus, StoreError> {
    let (counts, start) = (reader.pair_counts()?, started(reader)?);
    let all = || MasterField::ALL.to_vec();
    let fields = start.as_ref().map(|start| start.fields.clone()).filter(|fields| !fields.is_empty());
    Ok(VendorsStatus {
        states: PairState::ALL.into_iter().map(|state| (state, counts.of(state))).collect(),
        alerted: counts.alerted,
        high: counts.high,
        unlinked_vendors: counts.unlinked(),
        fields: fields.unwrap_or_else(all),
        creates: creates && start.as_ref().is_none_or(|start| start.creates),
        started: start.map(|start| (start.by, start.at)),
        reads_jaggaer: base.is_some_and(|base| base.reads_jaggaer),
        writes_jaggaer: base.is_some_and(|base| base.writes_jaggaer),
    })
}
