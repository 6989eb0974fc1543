//! The fields of an invoice that rules may name, and how each is read.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use super::fault::Wrong;
use crate::model::{Amount, Date, Invoice, InvoiceKind, Line, LineKind, Split, SplitShare, Text};

/// Reads any field of the source document by its path, for `raw.<path>`.
pub trait RawFields {
    /// The value at `path`, or `None` where it has none. The path's language is the source's.
    fn raw(&self, path: &str) -> Option<Text>;
}

/// No source document at hand: every `raw.<path>` is missing.
impl RawFields for () {
    fn raw(&self, _path: &str) -> Option<Text> {
        None
    }
}

/// How far a field reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Scope {
    Document,
    Line,
    Split,
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FieldType {
    Text,
    Number,
    Date,
    Bool,
    Currency,
    /// One of a closed set of words.
    Word(&'static [&'static str]),
}

/// Words of `kind`.
pub(super) const KINDS: &[&str] = &["invoice", "credit_memo"];
/// Words of `line.kind`.
pub(super) const LINE_KINDS: &[&str] = &["item", "freight", "handling", "tax", "discount", "fee"];

/// A field that a rule names. `Raw` holds the number of its path in the rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Field {
    SupplierNumber,
    SupplierNetworkId,
    SupplierName,
    Entity,
    Number,
    BuyerNumber,
    Kind,
    Currency,
    Terms,
    InvoiceDate,
    DueDate,
    PostingDate,
    Total,
    Custom(Box<str>),
    LineNumber,
    LineKind,
    LineDescription,
    LineUnit,
    LineAmount,
    LineTaxable,
    LinePoNumber,
    LinePoLine,
    LineCustom(Box<str>),
    SplitSegment(Box<str>),
    SplitPercent,
    SplitAmount,
    Raw(usize),
}

/// Fields with fixed names; `custom.`, `line.custom.`, `split.segments.` and `raw.` carry a name of the customer's.
const NAMED: &[(&str, Field)] = &[
    ("supplier.number", Field::SupplierNumber),
    ("supplier.network_id", Field::SupplierNetworkId),
    ("supplier.name", Field::SupplierName),
    ("entity", Field::Entity),
    ("number", Field::Number),
    ("buyer_number", Field::BuyerNumber),
    ("kind", Field::Kind),
    ("currency", Field::Currency),
    ("terms", Field::Terms),
    ("dates.invoice", Field::InvoiceDate),
    ("dates.due", Field::DueDate),
    ("dates.posting", Field::PostingDate),
    ("total", Field::Total),
    ("line.number", Field::LineNumber),
    ("line.kind", Field::LineKind),
    ("line.description", Field::LineDescription),
    ("line.unit", Field::LineUnit),
    ("line.amount", Field::LineAmount),
    ("line.taxable", Field::LineTaxable),
    ("line.po.number", Field::LinePoNumber),
    ("line.po.line", Field::LinePoLine),
    ("split.percent", Field::SplitPercent),
    ("split.amount", Field::SplitAmount),
];
const OPEN: [&str; 4] = ["line.custom.", "split.segments.", "custom.", "raw."];

impl Field {
    /// Reads a field's name; `raw_paths` collects the paths of raw fields.
    pub fn parse(name: &str, raw_paths: &mut Vec<Box<str>>) -> Result<Field, Wrong> {
        if let Some((_, field)) = NAMED.iter().find(|(known, _)| *known == name) {
            return Ok(field.clone());
        }
        for prefix in OPEN {
            let Some(rest) = name.strip_prefix(prefix) else { continue };
            if rest.trim().is_empty() {
                return Err(Wrong::new(format!("the field `{prefix}` needs a name behind the point")));
            }
            return Ok(match prefix {
                "custom." => Field::Custom(rest.into()),
                "line.custom." => Field::LineCustom(rest.into()),
                "split.segments." => Field::SplitSegment(rest.into()),
                _ => {
                    let known = raw_paths.iter().position(|path| **path == *rest);
                    Field::Raw(known.unwrap_or_else(|| {
                        raw_paths.push(rest.into());
                        raw_paths.len() - 1
                    }))
                }
            });
        }
        let mut wrong = Wrong::unknown(format!("unknown field `{name}`"), name, NAMED.iter().map(|(known, _)| *known));
        // `split.segment.Account` is most likely `split.segments.Account`.
        if let (None, Some((head, tail))) = (&wrong.nearest, name.rsplit_once('.')) {
            wrong.nearest = super::fault::nearest(&format!("{head}."), OPEN).map(|prefix| format!("{prefix}{tail}"));
        }
        Err(wrong)
    }

    pub fn scope(&self) -> Scope {
        match self {
            Field::LineNumber
            | Field::LineKind
            | Field::LineDescription
            | Field::LineUnit
            | Field::LineAmount
            | Field::LineTaxable
            | Field::LinePoNumber
            | Field::LinePoLine
            | Field::LineCustom(_) => Scope::Line,
            Field::SplitSegment(_) | Field::SplitPercent | Field::SplitAmount => Scope::Split,
            _ => Scope::Document,
        }
    }

    pub fn field_type(&self) -> FieldType {
        match self {
            Field::Kind => FieldType::Word(KINDS),
            Field::LineKind => FieldType::Word(LINE_KINDS),
            Field::Currency => FieldType::Currency,
            Field::InvoiceDate | Field::DueDate | Field::PostingDate => FieldType::Date,
            Field::Total | Field::LineNumber | Field::LineAmount | Field::SplitPercent | Field::SplitAmount => {
                FieldType::Number
            }
            Field::LineTaxable => FieldType::Bool,
            _ => FieldType::Text,
        }
    }

    /// Whether every document, line or split has it.
    pub fn is_always_present(&self) -> bool {
        matches!(self, Field::Kind | Field::LineKind | Field::LineNumber | Field::LineAmount | Field::SplitAmount)
    }

    /// Its value, or `None` where it is missing or blank.
    pub fn value<'a>(&self, context: &Context<'a>) -> Option<Value<'a>> {
        let invoice = context.invoice;
        let text = |text: &'a Option<Text>| text.as_ref().and_then(present);
        let date = |date: Option<Date>| date.map(Value::Date);
        let money = |amount| Value::Money(amount, context.digits);
        match self {
            Field::SupplierNumber => text(&invoice.supplier.number),
            Field::SupplierNetworkId => text(&invoice.supplier.network_id),
            Field::SupplierName => text(&invoice.supplier.name),
            Field::Entity => text(&invoice.entity),
            Field::Number => text(&invoice.number),
            Field::BuyerNumber => text(&invoice.buyer_number),
            Field::Kind => Some(Value::Text(kind_word(invoice.kind))),
            Field::Currency => invoice.currency.as_ref().map(|currency| Value::Text(currency.code())),
            Field::Terms => text(&invoice.terms),
            Field::InvoiceDate => date(invoice.invoice_date),
            Field::DueDate => date(invoice.due_date),
            Field::PostingDate => date(invoice.posting_date),
            Field::Total => invoice.totals.total.map(money),
            Field::Custom(name) => invoice.custom.get(&**name).and_then(present),
            Field::Raw(index) => context.raw.get(*index).map(Value::Text),
            Field::LineNumber => context.line.map(|line| Value::Number(Amount::from(i64::from(line.number)))),
            Field::LineKind => context.line.map(|line| Value::Text(line.kind.word())),
            Field::LineDescription => context.line.and_then(|line| text(&line.description)),
            Field::LineUnit => context.line.and_then(|line| text(&line.unit)),
            Field::LineAmount => context.line.map(|line| money(line.amount)),
            Field::LineTaxable => context.line.and_then(|line| line.taxable).map(Value::Bool),
            Field::LinePoNumber => context.line.and_then(|line| line.po.as_ref()).and_then(|po| present(&po.number)),
            Field::LinePoLine => context.line.and_then(|line| line.po.as_ref()).and_then(|po| text(&po.line)),
            Field::LineCustom(name) => context.line.and_then(|line| line.custom.get(&**name)).and_then(present),
            Field::SplitSegment(name) => context.split.and_then(|split| split.segments.get(&**name)).and_then(present),
            Field::SplitPercent => context.split.and_then(|split| match split.share {
                SplitShare::Whole => Some(Value::Number(Amount::from(100))),
                SplitShare::Percent(percent) => Some(Value::Number(percent)),
                SplitShare::Amount(_) | SplitShare::Quantity(_) => None,
            }),
            Field::SplitAmount => context.split.map(|split| money(split.amount)),
        }
    }
}

fn present(text: &Text) -> Option<Value<'_>> {
    (!text.is_blank()).then(|| Value::Text(text.raw()))
}

pub(super) fn kind_word(kind: InvoiceKind) -> &'static str {
    match kind {
        InvoiceKind::Invoice => "invoice",
        InvoiceKind::CreditMemo => "credit_memo",
    }
}

/// The value of a field.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(Amount),
    /// An amount and the digits of its currency.
    Money(Amount, u32),
    Date(Date),
    Bool(bool),
}

impl<'a> Value<'a> {
    /// As a template inserts it.
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            Value::Text(text) => Cow::Borrowed(text),
            Value::Number(number) => Cow::Owned(number.fixed(0)),
            Value::Money(amount, digits) => Cow::Owned(amount.fixed(*digits)),
            Value::Date(date) => Cow::Owned(date.to_string()),
            Value::Bool(true) => Cow::Borrowed("true"),
            Value::Bool(false) => Cow::Borrowed("false"),
        }
    }

    pub fn number(&self) -> Option<Amount> {
        match self {
            Value::Number(number) | Value::Money(number, _) => Some(*number),
            Value::Text(text) => Amount::parse(text),
            _ => None,
        }
    }

    pub fn date(&self) -> Option<Date> {
        match self {
            Value::Date(date) => Some(*date),
            Value::Text(text) => parse_date(text),
            _ => None,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A calendar date `2026-12-01`; a time behind it is ignored, because JAGGAER dresses dates as midnight UTC.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let day = text.get(..10)?;
    let rest = text.get(10..)?;
    (rest.is_empty() || rest.starts_with('T')).then(|| day.parse().ok()).flatten()
}

/// Where a field is read: the document, and the line and split that a value is chosen for.
pub(super) struct Context<'a> {
    pub invoice: &'a Invoice,
    pub line: Option<&'a Line>,
    pub split: Option<&'a Split>,
    /// Digits of the currency, for amounts inside texts.
    pub digits: u32,
    pub raw: &'a RawCache<'a>,
}

/// Raw fields, each asked for at most once for a document: a path is looked up for every split otherwise.
pub(super) struct RawCache<'a> {
    source: &'a dyn RawFields,
    paths: &'a [Box<str>],
    values: Vec<OnceCell<Option<Text>>>,
}

impl<'a> RawCache<'a> {
    pub fn new(source: &'a dyn RawFields, paths: &'a [Box<str>]) -> Self {
        RawCache { source, paths, values: paths.iter().map(|_| OnceCell::new()).collect() }
    }

    fn get(&self, index: usize) -> Option<&str> {
        let path = self.paths.get(index)?;
        let value = self.values.get(index)?.get_or_init(|| self.source.raw(path).filter(|text| !text.is_blank()));
        value.as_ref().map(Text::raw)
    }
}

/// The kind of line a word names.
pub(super) fn describe_line(number: u32, kind: LineKind) -> String {
    match (number, kind) {
        (number, LineKind::Item) => format!("line {number}"),
        (0, kind) => format!("{} of the document", kind.word()),
        (number, kind) => format!("{} of line {number}", kind.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_field_names_the_nearest() {
        let mut raw = Vec::new();
        let nearest = |name: &str, raw: &mut _| Field::parse(name, raw).unwrap_err().nearest;
        assert_eq!(nearest("supplier.numbr", &mut raw).as_deref(), Some("supplier.number"));
        assert_eq!(nearest("split.segment.Account", &mut raw).as_deref(), Some("split.segments.Account"));
        assert_eq!(nearest("colour", &mut raw), None);
        assert!(Field::parse("custom.", &mut raw).is_err());
    }

    #[test]
    fn customer_names_may_hold_blanks_and_points() {
        let mut raw = Vec::new();
        assert_eq!(Field::parse("custom.Cost Centre 1.2", &mut raw).unwrap(), Field::Custom("Cost Centre 1.2".into()));
        assert_eq!(Field::parse("raw.a.b[0]", &mut raw).unwrap(), Field::Raw(0));
        assert_eq!(Field::parse("raw.c", &mut raw).unwrap(), Field::Raw(1));
        assert_eq!(Field::parse("raw.a.b[0]", &mut raw).unwrap(), Field::Raw(0));
    }

    #[test]
    fn midnight_utc_is_that_day() {
        assert_eq!(parse_date("2026-03-01T00:00:00.000Z"), parse_date("2026-03-01"));
        for text in ["2026-02-30", "01.03.2026", "2026-03-01x", "", "２０２６-03-01"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn words_of_line_kinds_are_the_models() {
        use LineKind::*;
        assert_eq!([Item, Freight, Handling, Tax, Discount, Fee].map(LineKind::word), LINE_KINDS);
    }
}
