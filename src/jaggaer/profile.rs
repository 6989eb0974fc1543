//! A customer's profile: paths, words and patterns, compiled once from TOML.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use toml::de::DeTable;

use super::keys::read;
use super::path::Path;
use super::sections::{Fault, Faults, Section, Source};
use super::shape::Shape;
use super::suppliers::Suppliers;
use super::words::Normal;
use crate::model::{Amount, Currency};

const J1P: &str = include_str!("j1p.toml");

/// How one customer's JAGGAER is asked and read. Immutable once loaded; share it in an `Arc`.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(super) version: String,
    pub(super) null_words: Vec<String>,
    pub(super) true_words: Vec<String>,
    pub(super) false_words: Vec<String>,
    pub(super) auth: Auth,
    pub(super) answer: Answer,
    pub(super) invoices: Invoices,
    pub(super) paging: Paging,
    pub(super) delta: Delta,
    pub(super) number: Number,
    pub(super) dates: Dates,
    pub(super) fields: Fields,
    pub(super) custom: Custom,
    pub(super) lines: Lines,
    pub(super) status: Status,
    pub(super) credit: Credit,
    pub(super) splits: Splits,
    pub(super) charges: Charges,
    pub(super) per_line: Amount,
    pub(super) base: Amount,
    pub(super) on_missing: OnMissing,
    pub(super) suppliers: Suppliers,
    /// What all these ask of an invoice document.
    pub(super) shape: Shape,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AuthStyle {
    OAuth2,
    Basic,
    Header,
}

#[derive(Clone, Debug)]
pub(super) struct Auth {
    pub style: AuthStyle,
    pub header: &'static str,
    pub basic_token_call: bool,
    pub id_name: String,
    pub secret_name: String,
    pub token_hosts: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub code: Option<Path>,
    pub message: Option<Path>,
    pub ok_codes: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DetailFetch {
    Always,
    Never,
    IfLinesMissing,
}

#[derive(Clone, Debug)]
pub(super) struct Invoices {
    pub list_path: String,
    pub list_query: String,
    pub detail_path: String,
    pub items: Option<Path>,
    pub item_id: Vec<Path>,
    pub item_stamp: Vec<Path>,
    pub detail_fetch: DetailFetch,
    pub header: Option<Path>,
    pub lines: Option<Path>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PagingStyle {
    Start,
    Page,
    Offset,
    Cursor,
    Link,
    None,
}

#[derive(Clone, Debug)]
pub(super) struct Paging {
    pub style: PagingStyle,
    pub start_param: String,
    pub first: u64,
    pub size_param: String,
    pub size: u64,
    pub total: Option<Path>,
    pub count: Option<Path>,
    pub cursor: Option<Path>,
    pub overlap: u64,
    pub max_pages: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Delta {
    pub template: String,
    pub from_pattern: String,
    pub overlap: jiff::SignedDuration,
    pub encode_all: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Number {
    pub decimal: char,
    pub grouping: Option<char>,
    pub amount_members: Vec<String>,
    pub currency_members: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum DatePattern {
    Iso,
    Compact,
    EpochMs,
    EpochS,
    Pattern(String),
}

#[derive(Clone, Debug)]
pub(super) struct Dates {
    pub patterns: Vec<DatePattern>,
    pub zone: Option<TimeZone>,
}

#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub id: Vec<Path>,
    pub stamp: Vec<Path>,
    pub number: Vec<Path>,
    pub buyer_number: Vec<Path>,
    pub invoice_date: Vec<Path>,
    pub due_date: Vec<Path>,
    pub posting_date: Vec<Path>,
    pub entity: Vec<Path>,
    pub line_entity_first: bool,
    pub supplier_number: Vec<Path>,
    pub supplier_network_id: Vec<Path>,
    pub supplier_name: Vec<Path>,
    pub terms: Vec<Path>,
    pub total: Vec<Path>,
    pub total_currency: Vec<Path>,
    pub currency: Vec<Path>,
    pub po_number: Vec<Path>,
    pub text_members: Vec<String>,
    pub entity_map: BTreeMap<String, String>,
    pub entity_currency: BTreeMap<String, Currency>,
}

#[derive(Clone, Debug)]
pub(super) struct Custom {
    pub items: Option<Path>,
    pub key: Vec<Path>,
    pub value: Option<Path>,
}

#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub number: Vec<Path>,
    pub description: Vec<Path>,
    pub quantity: Vec<Path>,
    pub unit: Vec<Path>,
    pub unit_price: Vec<Path>,
    pub amount: Vec<Path>,
    pub currency: Vec<Path>,
    pub taxable: Vec<Path>,
    pub po_number: Vec<Path>,
    pub po_line: Vec<Path>,
    pub po_line_trim: bool,
    pub entity: Vec<Path>,
}

#[derive(Clone, Debug)]
pub(super) struct Status {
    pub payment: Vec<Path>,
    pub workflow: Vec<Path>,
    pub matching: Vec<Path>,
    pub payment_approved: Vec<Normal>,
    pub payment_not_approved: Vec<Normal>,
    pub payment_paid: Vec<Normal>,
    pub workflow_approved: Vec<Normal>,
    pub workflow_not_approved: Vec<Normal>,
    pub cancelled: Vec<Normal>,
    pub include_paid: bool,
    pub match_required: Vec<Normal>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CreditSign {
    Negative,
    Positive,
    Auto,
}

#[derive(Clone, Debug)]
pub(super) struct Credit {
    pub kind: Vec<Path>,
    pub credit_words: Vec<Normal>,
    pub invoice_words: Vec<Normal>,
    pub sign: CreditSign,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SplitStyle {
    ByType,
    Percent,
    Amount,
    Quantity,
    None,
}

#[derive(Clone, Debug)]
pub(super) struct Splits {
    pub style: SplitStyle,
    pub by_field: bool,
    pub groups: Option<Path>,
    pub group: Option<String>,
    pub sets: Option<Path>,
    pub items: Option<Path>,
    pub values: Option<Path>,
    pub key: Vec<Path>,
    pub value: Vec<Path>,
    pub kind: Vec<Path>,
    pub share: Vec<Path>,
    pub index: Vec<Path>,
    pub percent_words: Vec<Normal>,
    pub amount_words: Vec<Normal>,
    pub quantity_words: Vec<Normal>,
    pub fraction: bool,
    pub strip_suffix: BTreeMap<String, String>,
    pub cut_segment: Option<String>,
    pub cut_separator: String,
    pub cut_parts: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ChargeLevel {
    LinesIfEqual,
    Header,
    Lines,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DiscountSign {
    Positive,
    Negative,
    Either,
}

#[derive(Clone, Debug)]
pub(super) struct Charges {
    pub level: ChargeLevel,
    pub freight: Vec<Path>,
    pub handling: Vec<Path>,
    pub discount: Vec<Path>,
    pub discount_sign: DiscountSign,
    pub fees: Option<Path>,
    pub fee_name: Vec<Path>,
    pub fee_amount: Vec<Path>,
    pub tax_header: Vec<Path>,
    pub tax_line: Vec<Path>,
    pub use_tax: Vec<Path>,
}

#[derive(Clone, Debug)]
pub(super) struct OnMissing {
    pub number_fallback: bool,
    pub supplier_fallback: bool,
    pub total_fallback: bool,
}

impl Profile {
    /// The built-in profile `j1p`.
    ///
    /// # Errors
    /// None that a user can cause: a test proves that the embedded text is sound.
    pub fn builtin() -> Result<Profile, Vec<Fault>> {
        static BUILTIN: LazyLock<Result<Profile, Vec<Fault>>> =
            LazyLock::new(|| Profile::parse(PathBuf::from("j1p (built in)"), J1P.to_owned()));
        BUILTIN.clone()
    }

    /// The text of the built-in profile: what a customer's own starts from.
    pub fn builtin_text() -> &'static str {
        J1P
    }

    /// Loads `j1p` or the profile in the file of that path.
    ///
    /// # Errors
    /// Every fault of the file, with line and key.
    pub fn load(name: &str) -> Result<Profile, Vec<Fault>> {
        if name == "j1p" {
            return Profile::builtin();
        }
        let file = FilePath::new(name);
        match std::fs::read_to_string(file) {
            Ok(text) => Profile::parse(file.to_path_buf(), text),
            Err(error) => {
                let what = format!("the profile cannot be read: {error}; name `j1p` or the path of a profile");
                Err(vec![Fault { file: file.to_path_buf(), line: 0, key: String::new(), what, nearest: None }])
            }
        }
    }

    /// Twelve hexadecimal digits that change with any byte of the profile or of what it extends.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Reads a profile from text; `file` is named in faults.
    ///
    /// # Errors
    /// Every fault of the text, with line and key.
    pub fn parse(file: PathBuf, text: String) -> Result<Profile, Vec<Fault>> {
        let source = Source { file, text };
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        if !errors.is_empty() {
            return Err(errors.iter().map(|e| source.fault(e.span(), String::new(), e.message().to_owned())).collect());
        }
        let base = DeTable::parse(J1P).ok();
        let faults = Faults::default();
        let extends = table.get_ref().get("extends").and_then(|v| v.get_ref().as_str()) == Some("j1p");
        let base = base.as_ref().filter(|_| extends).map(|t| t.get_ref());
        let mut profile = read(Section::root(&source, table.get_ref(), base, &faults));
        profile.shape = Shape::of_invoice(&profile);
        profile.version = version(&source.text, if extends { J1P } else { "" });
        let faults = faults.into_inner();
        if faults.is_empty() { Ok(profile) } else { Err(faults) }
    }
}

fn version(text: &str, base: &str) -> String {
    let mut digest = Sha256::new();
    for part in [text, base] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let digits = data_encoding::HEXLOWER.encode(&digest.finalize());
    digits.get(..12).unwrap_or(&digits).to_owned()
}
