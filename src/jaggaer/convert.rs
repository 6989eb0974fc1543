//! From a customer's document to the canonical invoice. Everything that a person must mend is listed at once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use super::charges::{KINDS, Stated};
use super::json::Json;
use super::path::{Found, Path};
use super::profile::{CreditSign, Profile};
use super::revision::revision_of;
use super::splits::{RawSplit, Whole, inherit, resolve, spread, turned};
use super::status::StatusWords;
use super::words::normal;
use crate::model::{
    Amount, Approval, Currency, Invoice, InvoiceKind, Line, LineKind, PurchaseOrderLine, Reason, ReasonCode, Revision,
    Split, SplitShare, Supplier, Text, Totals,
};

/// Reasons of one code kept of one document; the rest is counted, so that many of one kind hide none of another.
const MAX_FAULTS: usize = 100;

/// A document that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Converted {
    /// The canonical invoice.
    pub invoice: Invoice,
    /// What the profile makes of its status words.
    pub approval: Approval,
    /// Whether JAGGAER says that it is paid; without `include_paid` that is not approved.
    pub paid: bool,
    /// The status words as they stand.
    pub status_words: StatusWords,
    /// The source's modification stamp.
    pub stamp: Option<Text>,
    /// What a person may wonder about, though nothing must be mended. May quote text from outside.
    pub warnings: Vec<Text>,
    /// What a person must mend before it can be posted, all of it.
    pub faults: Vec<Reason>,
    /// Hash of what can reach a posting.
    pub revision: Revision,
}

/// A document that cannot be an invoice at all: no JSON object, or no usable id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the document cannot be read: {}", what.safe())]
pub struct Unreadable {
    /// Why. May quote text from outside.
    pub what: Text,
}

impl Unreadable {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Unreadable { what: Text::new(what) }
    }
}

impl Profile {
    /// Reads one invoice document.
    ///
    /// # Errors
    /// Only where it is no JSON object or has no usable id; everything else is listed in [`Converted::faults`].
    pub fn read_detail(&self, bytes: &[u8]) -> Result<Converted, Unreadable> {
        // Whatever is out of the ordinary is told from the whole document, with what stands there.
        let part = Json::parse_part(bytes, &self.shape).ok().filter(|part| self.is_ordinary(part));
        #[cfg(test)]
        if let Some(part) = &part {
            let whole = Json::parse(bytes).map(|whole| self.read_document(&whole));
            assert_eq!(Ok(self.read_document(part)), whole, "something that is asked for was left out");
        }
        let document = match part {
            Some(part) => part,
            None => Json::parse(bytes).map_err(|what| Unreadable::new(format!("it is no JSON: {what}")))?,
        };
        self.read_document(&document)
    }

    /// Whether header, id and lines stand where the profile says.
    fn is_ordinary(&self, document: &Json<'_>) -> bool {
        let has_id = |header: Found<'_>| self.find(&header, &self.fields.id).is_some();
        let header = match &self.invoices.header {
            None => Some(Found::Borrowed(document)),
            Some(path) => path.first(document),
        };
        header.is_some_and(has_id) && self.invoices.lines.as_ref().is_none_or(|path| path.exists(document))
    }

    fn read_document(&self, document: &Json<'_>) -> Result<Converted, Unreadable> {
        if !matches!(document, Json::Object(_)) {
            return Err(Unreadable::new(format!("it is {}, not a JSON object", document.type_name())));
        }
        let header = match &self.invoices.header {
            None => Found::Borrowed(document),
            Some(path) => path.first(document).filter(|h| matches!(h.as_ref(), Json::Object(_))).ok_or_else(|| {
                let there = path.members_there(document);
                Unreadable::new(format!("header_path {} finds no object; members there: {there}", path.as_str()))
            })?,
        };
        let id = self.usable_id(&header, &self.fields.id).map_err(Unreadable::new)?;
        let mut reading =
            Reading { profile: self, header: &header, faults: Vec::new(), dropped: 0, warnings: Vec::new() };
        Ok(reading.read(document, id))
    }

    /// An id that can be part of a key and of an address.
    pub(super) fn usable_id(&self, node: &Json<'_>, paths: &[Path]) -> Result<String, String> {
        let Some((path, id)) = self.find(node, paths) else {
            let path = paths.first().map_or("", Path::as_str);
            let there = node.member_names();
            return Err(format!("it has no id at {path}; members there: {there}"));
        };
        if id.len() > 100 || id.chars().any(|c| c.is_control() || c.is_whitespace() || c == '/') {
            let shown: String = id.chars().take(100).collect();
            return Err(format!("{}: `{shown}` cannot be an id", path.as_str()));
        }
        Ok(id.into_owned())
    }
}

struct Reading<'r> {
    profile: &'r Profile,
    header: &'r Json<'r>,
    faults: Vec<Reason>,
    dropped: usize,
    warnings: Vec<Text>,
}

/// A goods line before charges and splits.
struct Item<'r> {
    node: &'r Json<'r>,
    number: u32,
    quantity: Option<Amount>,
    unit_price: Option<Amount>,
    amount: Amount,
}

/// What a line needs of the whole.
struct Given<'r> {
    order: Option<&'r Text>,
    header_splits: &'r [RawSplit],
    total: Option<Amount>,
    flip: bool,
    digits: u32,
    tolerance: Amount,
}

/// A line in a fault; the words are made only where there is one.
#[derive(Clone, Copy)]
struct LinePlace(u32);

impl Display for LinePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.0)
    }
}

impl Reading<'_> {
    fn fault(&mut self, code: ReasonCode, detail: impl Into<String>) {
        if self.faults.iter().filter(|fault| fault.code == code).count() < MAX_FAULTS {
            self.faults.push(Reason::new(code, detail));
        } else {
            self.dropped += 1;
        }
    }

    fn warn(&mut self, what: impl Into<String>) {
        if self.warnings.len() < MAX_FAULTS {
            self.warnings.push(Text::new(what));
        }
    }

    /// The value, or a fault that names where.
    fn sound<T>(&mut self, place: impl Display, read: Result<Option<T>, String>) -> Option<T> {
        read.unwrap_or_else(|what| {
            self.fault(ReasonCode::Unreadable, format!("{place} {what}"));
            None
        })
    }

    fn read(&mut self, document: &Json<'_>, id: String) -> Converted {
        let p = self.profile;
        let nodes = match &p.invoices.lines {
            Some(path) => {
                if !path.exists(document) {
                    let there = path.members_there(document);
                    self.fault(
                        ReasonCode::Unreadable,
                        format!("lines_path {} finds nothing; members there: {there}", path.as_str()),
                    );
                }
                path.all(document)
            }
            None => Vec::new(),
        };
        let entity = self.entity(&nodes);
        let currency = self.currency(&nodes, entity.as_ref());
        let digits = currency.map_or(2, |c| c.digits());
        let mut items: Vec<Item<'_>> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            items.push(self.item(node, index, digits));
        }
        let stated = self.sound("header", p.amount(self.header, &p.fields.total));
        let goods: Amount = items.iter().map(|i| i.amount).sum();
        let (kind, flip) = self.kind(stated, goods);
        let total = stated.map(|t| if flip { -t } else { t });
        let tolerance = p.per_line.times(Amount::from(items.len() as i64)).unwrap_or_default() + p.base;
        let lines = self.lines(items, total, flip, digits, tolerance);
        self.check_total(&lines, total, tolerance);

        let has_order = lines.iter().any(|line| line.po.is_some());
        let judged = p.judge(self.header, has_order);
        for what in judged.unknown {
            self.fault(ReasonCode::UnknownStatus, what);
        }
        let f = &p.fields;
        let buyer_number = p.text(self.header, &f.buyer_number);
        let mut supplier = Supplier {
            number: p.text(self.header, &f.supplier_number),
            network_id: p.text(self.header, &f.supplier_network_id),
            name: p.text(self.header, &f.supplier_name),
        };
        if p.on_missing.supplier_fallback && supplier.number.is_none() {
            supplier.number = supplier.network_id.clone();
        }
        let number = p.text(self.header, &f.number);
        let number = if p.on_missing.number_fallback { number.or_else(|| buyer_number.clone()) } else { number };
        let invoice = Invoice {
            id,
            kind,
            number,
            buyer_number,
            invoice_date: self.sound("header", p.date(self.header, &f.invoice_date)),
            due_date: self.sound("header", p.date(self.header, &f.due_date)),
            posting_date: self.sound("header", p.date(self.header, &f.posting_date)),
            entity,
            supplier,
            terms: p.text(self.header, &f.terms),
            currency,
            totals: Totals { total, tolerance },
            lines,
            custom: self.custom(self.header),
        };
        if self.dropped > 0 {
            let what = format!("and {} more of such faults", self.dropped);
            self.faults.push(Reason::new(ReasonCode::Unreadable, what));
        }
        Converted {
            revision: revision_of(&invoice),
            invoice,
            approval: judged.approval,
            paid: judged.paid,
            status_words: judged.words,
            stamp: p.text(self.header, &f.stamp),
            warnings: std::mem::take(&mut self.warnings),
            faults: std::mem::take(&mut self.faults),
        }
    }

    fn entity(&mut self, nodes: &[Found<'_>]) -> Option<Text> {
        let p = self.profile;
        let header = p.text(self.header, &p.fields.entity);
        let of_lines = if header.is_some() && !p.fields.line_entity_first {
            None
        } else {
            let mut all: Vec<Text> = nodes.iter().filter_map(|node| p.text(node, &p.lines.entity)).collect();
            all.sort();
            all.dedup();
            if all.len() > 1 {
                self.warn("the lines have different business units, so none of them is taken for the invoice");
                None
            } else {
                all.pop()
            }
        };
        let entity = if p.fields.line_entity_first { of_lines.or(header) } else { header.or(of_lines) }?;
        Some(p.fields.entity_map.get(entity.raw()).map_or(entity, |mapped| Text::new(mapped.as_str())))
    }

    /// Line, total, header, default of the entity. Lines and total must not contradict each other.
    fn currency(&mut self, nodes: &[Found<'_>], entity: Option<&Text>) -> Option<Currency> {
        let p = self.profile;
        let at = |node, paths| p.find(node, paths).map(|(_, word)| word);
        let mut words: Vec<Cow<'_, str>> = Vec::new();
        let of_lines = nodes.iter().map(Found::as_ref).map(|node| (node, &p.lines.currency, &p.lines.amount));
        for (node, own, amount) in of_lines.chain([(self.header, &p.fields.total_currency, &p.fields.total)]) {
            let word = at(node, own).or_else(|| p.currency_beside(node, amount));
            words.extend(word.filter(|word| !words.contains(word)));
        }
        if words.is_empty() {
            words.extend(at(self.header, &p.fields.currency));
        }
        words.sort_unstable();
        let mut currencies: BTreeSet<Currency> = BTreeSet::new();
        for word in &words {
            match Currency::parse(word) {
                Some(currency) => {
                    currencies.insert(currency);
                }
                None => self.fault(ReasonCode::NoCurrency, format!("`{word}` is no currency code")),
            }
        }
        if currencies.len() > 1 {
            let codes: Vec<_> = currencies.iter().map(Currency::code).collect();
            let what = format!("lines and total name different currencies: {}", codes.join(", "));
            self.fault(ReasonCode::NoCurrency, what);
            return None;
        }
        let default = || p.fields.entity_currency.get(entity?.raw()).copied();
        currencies.pop_first().or_else(|| if words.is_empty() { default() } else { None })
    }

    fn item<'n>(&mut self, node: &'n Json<'n>, index: usize, digits: u32) -> Item<'n> {
        let p = self.profile;
        let position = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let number = p.text(node, &p.lines.number).and_then(|text| text.raw().parse().ok()).filter(|n| *n > 0);
        let number = number.unwrap_or(position);
        let place = LinePlace(number);
        if !matches!(node, Json::Object(_)) {
            self.fault(ReasonCode::Unreadable, format!("{place} is {}, not an object", node.type_name()));
            return Item { node, number, quantity: None, unit_price: None, amount: Amount::ZERO };
        }
        let before = self.faults.len() + self.dropped;
        let quantity = self.sound(place, p.amount(node, &p.lines.quantity));
        let unit_price = self.sound(place, p.amount(node, &p.lines.unit_price));
        let amount = match self.sound(place, p.amount(node, &p.lines.amount)) {
            Some(amount) => Some(amount),
            None => match (quantity, unit_price) {
                (Some(quantity), Some(price)) => {
                    let product = quantity.times(price);
                    if product.is_none() {
                        self.fault(ReasonCode::Unreadable, format!("{place}: {quantity} × {price} is too large"));
                    }
                    product
                }
                // What could not be read has been told already.
                _ if self.faults.len() + self.dropped > before => None,
                _ => {
                    let missing = if quantity.is_none() { &p.lines.quantity } else { &p.lines.unit_price };
                    let path = missing.first().or(p.lines.amount.first()).map_or("amount", Path::as_str);
                    self.fault(ReasonCode::Unreadable, format!("{place} {path}: no value, so its amount is not known"));
                    None
                }
            },
        };
        Item { node, number, quantity, unit_price, amount: amount.unwrap_or_default().rounded(digits) }
    }

    /// Invoice or credit memo, and whether the signs of its amounts are to be turned.
    fn kind(&mut self, total: Option<Amount>, goods: Amount) -> (InvoiceKind, bool) {
        let credit = &self.profile.credit;
        let sign = total.unwrap_or(goods);
        let shown = || match total {
            Some(total) => format!("the total is {total}"),
            None => format!("there is no total and the lines make {goods}"),
        };
        let word = self.profile.find(self.header, &credit.kind);
        let Some((path, word)) = word else {
            let negative = sign.is_negative();
            return (if negative { InvoiceKind::CreditMemo } else { InvoiceKind::Invoice }, negative);
        };
        let compared = normal(&word);
        let place = || format!("header {}: `{word}`", path.as_str());
        if credit.credit_words.contains(&compared) {
            let positive = !sign.is_negative() && !sign.is_zero();
            match credit.sign {
                CreditSign::Auto => (InvoiceKind::CreditMemo, sign.is_negative()),
                CreditSign::Positive if !sign.is_negative() => (InvoiceKind::CreditMemo, false),
                CreditSign::Negative if !positive => (InvoiceKind::CreditMemo, true),
                _ => {
                    self.fault(ReasonCode::KindDisagrees, format!("{} is a credit memo, but {}", place(), shown()));
                    (InvoiceKind::CreditMemo, sign.is_negative())
                }
            }
        } else if credit.invoice_words.contains(&compared) {
            if sign.is_negative() {
                self.fault(ReasonCode::KindDisagrees, format!("{} is an invoice, but {}", place(), shown()));
            }
            (InvoiceKind::Invoice, false)
        } else {
            let what =
                format!("{} is neither an invoice nor a credit memo by the profile's words ({})", place(), shown());
            self.fault(ReasonCode::KindDisagrees, what);
            (InvoiceKind::Invoice, false)
        }
    }

    fn lines(
        &mut self,
        items: Vec<Item<'_>>,
        total: Option<Amount>,
        flip: bool,
        digits: u32,
        tolerance: Amount,
    ) -> Vec<Line> {
        let p = self.profile;
        let use_tax = self.sound("header", p.flag(self.header, &p.charges.use_tax)).unwrap_or(false);
        let of_header = p.stated_charges(self.header, false, flip, digits, use_tax);
        let of_lines: Vec<Stated> =
            items.iter().map(|item| p.stated_charges(item.node, true, flip, digits, use_tax)).collect();
        let mut from_lines = Vec::new();
        for kind in KINDS {
            let sum = of_lines.iter().filter_map(|stated| stated.sum(kind)).reduce(|sum, next| sum + next);
            let (lines_win, wonder) = p.lines_win(kind, of_header.sum(kind), sum);
            if lines_win {
                from_lines.push(kind);
            }
            if let Some(what) = wonder {
                self.warn(what);
            }
        }
        for what in &of_header.faults {
            self.fault(ReasonCode::Unreadable, format!("header {what}"));
        }
        let header_splits = match p.raw_splits(self.header) {
            Ok(raws) => turned(raws, flip),
            Err(what) => {
                self.fault(ReasonCode::SplitsUnclear, format!("header: {what}"));
                Vec::new()
            }
        };
        let order = p.text(self.header, &p.fields.po_number);
        let mut lines: Vec<Line> = Vec::with_capacity(items.len() + 4);
        let mut charges: Vec<Line> = Vec::new();
        for (item, stated) in items.into_iter().zip(&of_lines) {
            let given = Given { order: order.as_ref(), header_splits: &header_splits, total, flip, digits, tolerance };
            let line = self.line(item, &given);
            for what in &stated.faults {
                self.fault(ReasonCode::Unreadable, format!("line {} {what}", line.number));
            }
            for charge in stated.charges.iter().filter(|c| from_lines.contains(&c.kind) && !c.amount.is_zero()) {
                let splits = spread(charge.amount, &line.splits, digits).unwrap_or_else(|what| {
                    self.fault(
                        ReasonCode::SplitsUnclear,
                        format!("line {}, {}: {what}", line.number, charge.kind.word()),
                    );
                    whole(charge.amount, BTreeMap::new())
                });
                let po = line.po.clone();
                charges.push(charge_line(line.number, charge.kind, charge.name.clone(), charge.amount, po, splits));
            }
            lines.push(line);
        }
        for charge in of_header.charges {
            if from_lines.contains(&charge.kind) || charge.amount.is_zero() {
                continue;
            }
            let splits = self.header_charge_splits(charge.kind, charge.amount, &header_splits, &lines, digits);
            charges.push(charge_line(0, charge.kind, charge.name, charge.amount, None, splits));
        }
        lines.append(&mut charges);
        lines
    }

    fn header_charge_splits(
        &mut self,
        kind: LineKind,
        amount: Amount,
        raws: &[RawSplit],
        lines: &[Line],
        digits: u32,
    ) -> Vec<Split> {
        if raws.is_empty() {
            return whole(amount, common_segments(lines));
        }
        let percent = |raw: &RawSplit| matches!(raw.share, None | Some(SplitShare::Percent(_)));
        let read = if raws.iter().all(percent) {
            resolve(raws.to_vec(), &Whole { amount, quantity: None, digits, tolerance: Amount::ZERO })
        } else {
            let like: Option<Vec<Split>> = raws
                .iter()
                .map(|raw| Some(Split { share: raw.share?, amount: Amount::ZERO, segments: raw.segments.clone() }))
                .collect();
            like.ok_or("some splits have no figure".to_owned()).and_then(|like| spread(amount, &like, digits))
        };
        read.unwrap_or_else(|what| {
            self.fault(ReasonCode::SplitsUnclear, format!("header, {}: {what}", kind.word()));
            whole(amount, BTreeMap::new())
        })
    }

    fn line(&mut self, item: Item<'_>, given: &Given<'_>) -> Line {
        let p = self.profile;
        let &Given { order, header_splits, total, flip, digits, tolerance } = given;
        let Item { node, number, quantity, unit_price, amount } = item;
        let place = LinePlace(number);
        let amount = if flip { -amount } else { amount };
        // A credit of -2 at 10 and one of 2 at -10 are both two at ten.
        let upright = |value: Option<Amount>| value.map(|v| if flip && v.is_negative() { -v } else { v });
        let (quantity, unit_price) = (upright(quantity), upright(unit_price));
        let whole_line = Whole { amount, quantity, digits, tolerance: Amount::ZERO };
        let own = p.raw_splits(node).map(|raws| turned(raws, flip));
        let splits = own.and_then(|raws| {
            let of_line = !raws.is_empty();
            let parts = if of_line { raws.len() } else { header_splits.len() };
            let parts = Amount::from(i64::try_from(parts).unwrap_or(1));
            let own_tolerance = p.per_line.times(parts).unwrap_or_default() + p.base;
            if of_line {
                resolve(raws, &Whole { tolerance: own_tolerance, ..whole_line })
            } else {
                inherit(header_splits, &Whole { tolerance, ..whole_line }, total)
            }
        });
        let splits = splits.unwrap_or_else(|what| {
            self.fault(ReasonCode::SplitsUnclear, format!("{place}: {what}"));
            Vec::new()
        });
        let po_line = p.text(node, &p.lines.po_line).map(|text| {
            let trimmed = text.raw().trim_start_matches('0');
            if p.lines.po_line_trim && !trimmed.is_empty() { Text::new(trimmed) } else { text }
        });
        let po = p.text(node, &p.lines.po_number).or_else(|| order.cloned());
        Line {
            number,
            kind: LineKind::Item,
            description: p.text(node, &p.lines.description),
            quantity,
            unit: p.text(node, &p.lines.unit),
            unit_price,
            amount,
            taxable: self.sound(place, p.flag(node, &p.lines.taxable)),
            po: po.map(|number| PurchaseOrderLine { number, line: po_line }),
            splits: if splits.is_empty() { whole(amount, BTreeMap::new()) } else { splits },
            custom: self.custom(node),
        }
    }

    fn custom(&self, node: &Json<'_>) -> BTreeMap<String, Text> {
        let (p, c) = (self.profile, &self.profile.custom);
        let mut fields = BTreeMap::new();
        let (Some(items), Some(value)) = (&c.items, &c.value) else { return fields };
        for item in items.all(node) {
            let mut values = String::new();
            for found in value.all(&item) {
                let Some(text) = p.scalar(&found) else { continue };
                if !values.is_empty() {
                    values.push_str(", ");
                }
                values.push_str(&text);
            }
            if let (false, Some((_, key))) = (values.is_empty(), p.find(&item, &c.key)) {
                fields.insert(key.into_owned(), Text::new(values));
            }
        }
        fields
    }

    fn check_total(&mut self, lines: &[Line], total: Option<Amount>, tolerance: Amount) {
        let sum: Amount = lines.iter().map(|line| line.amount).sum();
        let path = self.profile.fields.total.first().map_or("", Path::as_str);
        match total {
            Some(total) if (total - sum).abs() > tolerance => {
                let what =
                    format!("header {path} states {total}, lines and charges make {sum} (tolerance {tolerance})");
                self.fault(ReasonCode::TotalsDisagree, what);
            }
            None if !self.profile.on_missing.total_fallback => {
                let what = format!("header {path} states no total to check against; lines and charges make {sum}");
                self.fault(ReasonCode::TotalsDisagree, what);
            }
            _ => {}
        }
    }
}

fn whole(amount: Amount, segments: BTreeMap<String, Text>) -> Vec<Split> {
    vec![Split { share: SplitShare::Whole, amount, segments }]
}

fn charge_line(
    number: u32,
    kind: LineKind,
    description: Option<Text>,
    amount: Amount,
    po: Option<PurchaseOrderLine>,
    splits: Vec<Split>,
) -> Line {
    let custom = BTreeMap::new();
    Line {
        number,
        kind,
        description,
        quantity: None,
        unit: None,
        unit_price: None,
        amount,
        taxable: None,
        po,
        splits,
        custom,
    }
}

/// The segments that every split of every line has in common as a whole; none if any differs.
fn common_segments(lines: &[Line]) -> BTreeMap<String, Text> {
    let mut all = lines.iter().flat_map(|line| &line.splits).map(|split| &split.segments);
    match all.next() {
        Some(first) if all.all(|other| other == first) => first.clone(),
        _ => BTreeMap::new(),
    }
}
