//! A customer's profile: paths, words and patterns, compiled once from TOML.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};

use jiff::tz::TimeZone;
use toml::de::DeTable;

use super::path::Path;
use super::sections::{Fault, Faults, Section, Source};
use super::words::{Normal, normal};
use crate::model::{Amount, Currency};

const J1P: &str = include_str!("j1p.toml");

/// How one customer's JAGGAER is asked and read. Immutable once loaded; share it in an `Arc`.
#[derive(Clone, Debug)]
pub struct Profile {
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
        Profile::parse(PathBuf::from("j1p (built in)"), J1P.to_owned())
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
        let profile = read(Section::root(&source, table.get_ref(), base, &faults));
        let faults = faults.into_inner();
        if faults.is_empty() { Ok(profile) } else { Err(faults) }
    }
}

fn read(mut root: Section<'_>) -> Profile {
    if root.text("extends").is_some_and(|name| name != "j1p") {
        root.fault("extends", "only `j1p` can be extended");
    }
    if root.number("version", 0) != 1 {
        root.fault("version", "it must be 1");
    }
    root.ignore_case = root.flag("case_insensitive", false);
    let (per_line, base) = tolerance(&root.section("tolerance"));
    let profile = Profile {
        null_words: root.texts("null_words").iter().map(|w| w.trim().to_lowercase()).collect(),
        true_words: root.texts("true_words").iter().map(|w| w.trim().to_lowercase()).collect(),
        false_words: root.texts("false_words").iter().map(|w| w.trim().to_lowercase()).collect(),
        auth: auth(&root.section("auth")),
        answer: answer(&root.section("answer")),
        invoices: invoices(&root.section("invoices")),
        paging: paging(&root.section("paging")),
        delta: delta(&root.section("delta")),
        number: number(&root.section("number")),
        dates: dates(&root.section("dates")),
        fields: fields(&root.section("fields")),
        custom: custom(&root.section("custom")),
        lines: lines(&root.section("lines")),
        status: status(&root.section("status")),
        credit: credit(&root.section("credit")),
        splits: splits(&root.section("splits")),
        charges: charges(&root.section("charges")),
        per_line,
        base,
        on_missing: on_missing(&root.section("on_missing")),
    };
    root.finish();
    profile
}

fn auth(s: &Section<'_>) -> Auth {
    let words = [("oauth2", AuthStyle::OAuth2), ("basic", AuthStyle::Basic), ("header", AuthStyle::Header)];
    let style = s.word("style", &words, AuthStyle::OAuth2);
    let header = s.text("header").map(|h| h.to_ascii_lowercase());
    // The network takes names that live as long as the program; these are the ones in use.
    let known = ["authorization", "x-api-key", "apikey", "api-key", "x-auth-token", "ocp-apim-subscription-key"];
    let header = match (&header, style) {
        (None, AuthStyle::Header) => {
            s.fault("header", "auth style `header` needs the name of a header");
            "authorization"
        }
        (None, _) => "authorization",
        (Some(name), _) => known.into_iter().find(|k| k == name).unwrap_or_else(|| {
            s.fault("header", format!("it must be one of {}", known.join(", ")));
            "authorization"
        }),
    };
    let read = Auth {
        style,
        header,
        basic_token_call: s.word("credentials", &[("form", false), ("basic", true)], false),
        id_name: s.text("id_name").unwrap_or_else(|| "client_id".to_owned()),
        secret_name: s.text("secret_name").unwrap_or_else(|| "client_secret".to_owned()),
        token_hosts: s.texts("token_hosts").iter().map(|h| h.to_ascii_lowercase()).collect(),
    };
    s.finish();
    read
}

fn answer(s: &Section<'_>) -> Answer {
    let read = Answer { code: s.path("code"), message: s.path("message"), ok_codes: s.texts("ok_codes") };
    s.finish();
    read
}

fn invoices(s: &Section<'_>) -> Invoices {
    let fetch = [
        ("always", DetailFetch::Always),
        ("never", DetailFetch::Never),
        ("if_lines_missing", DetailFetch::IfLinesMissing),
    ];
    let read = Invoices {
        list_path: s.text("list_path").unwrap_or_default(),
        list_query: s.text("list_query").unwrap_or_default(),
        detail_path: s.text("detail_path").unwrap_or_default(),
        items: s.path("items_path"),
        item_id: s.paths("item_id"),
        item_stamp: s.paths("item_stamp"),
        detail_fetch: s.word("detail_fetch", &fetch, DetailFetch::Always),
        header: s.path("header_path"),
        lines: s.path("lines_path"),
    };
    if read.list_path.is_empty() {
        s.fault("list_path", "it is needed: the path of the list of invoices");
    }
    if read.detail_fetch != DetailFetch::Never && !read.detail_path.contains("{id}") {
        s.fault("detail_path", "it is needed and must contain {id}");
    }
    if read.items.is_none() {
        s.fault("items_path", "it is needed: where the items of the list stand");
    }
    if read.item_id.is_empty() {
        s.fault("item_id", "it is needed: where an item's id stands");
    }
    s.finish();
    read
}

fn paging(s: &Section<'_>) -> Paging {
    let words = [
        ("start", PagingStyle::Start),
        ("page", PagingStyle::Page),
        ("offset", PagingStyle::Offset),
        ("cursor", PagingStyle::Cursor),
        ("link", PagingStyle::Link),
        ("none", PagingStyle::None),
    ];
    let read = Paging {
        style: s.word("style", &words, PagingStyle::Start),
        start_param: s.text("start_param").unwrap_or_default(),
        first: s.number("first", 1),
        size_param: s.text("size_param").unwrap_or_default(),
        size: s.number("size", 0),
        total: s.path("total_path"),
        count: s.path("count_path"),
        cursor: s.path("cursor_path"),
        overlap: s.number("overlap", 0),
        max_pages: s.number("max_pages", 10_000).max(1),
    };
    let named = matches!(read.style, PagingStyle::Link | PagingStyle::None);
    if !named && read.start_param.is_empty() {
        s.fault("start_param", "this paging style needs the name of its parameter");
    }
    if read.style == PagingStyle::Cursor && read.cursor.is_none() {
        s.fault("cursor_path", "paging by cursor needs the place of the next cursor");
    }
    s.finish();
    read
}

fn delta(s: &Section<'_>) -> Delta {
    let minutes = i64::try_from(s.number("overlap_minutes", 10)).unwrap_or(10);
    let read = Delta {
        template: s.text("template").unwrap_or_default(),
        from_pattern: s.text("from_pattern").unwrap_or_default(),
        overlap: jiff::SignedDuration::from_mins(minutes.min(525_600)),
        encode_all: s.flag("encode_all", false),
    };
    if !read.template.is_empty() && !read.template.contains("{from}") {
        s.fault("template", "it must contain {from}, or be empty");
    }
    if !read.template.is_empty() && read.from_pattern != "epoch_ms" {
        let tried =
            jiff::fmt::strtime::format(&read.from_pattern, &jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC));
        if let Err(error) = tried {
            s.fault("from_pattern", format!("it is no date pattern: {error}"));
        }
    }
    s.finish();
    read
}

fn number(s: &Section<'_>) -> Number {
    let one = |key| s.text(key).and_then(|t| t.chars().next());
    let read = Number {
        decimal: one("decimal").unwrap_or('.'),
        grouping: one("grouping"),
        amount_members: s.texts("amount_members"),
        currency_members: s.texts("currency_members"),
    };
    if read.grouping == Some(read.decimal) {
        s.fault("grouping", "it must differ from the decimal sign");
    }
    s.finish();
    read
}

fn dates(s: &Section<'_>) -> Dates {
    let mut patterns = Vec::new();
    for word in s.texts("patterns") {
        match word.as_str() {
            "iso" => patterns.push(DatePattern::Iso),
            "compact" => patterns.push(DatePattern::Compact),
            "epoch_ms" => patterns.push(DatePattern::EpochMs),
            "epoch_s" => patterns.push(DatePattern::EpochS),
            pattern if pattern.contains('%') => patterns.push(DatePattern::Pattern(word)),
            other => s.fault("patterns", format!("`{}` is no date pattern", crate::model::safe(other))),
        }
    }
    let zone = s.text("zone").and_then(|name| match TimeZone::get(&name) {
        Ok(zone) => Some(zone),
        Err(_) => {
            s.fault("zone", format!("`{}` is no IANA time zone", crate::model::safe(&name)));
            None
        }
    });
    s.finish();
    Dates { patterns, zone }
}

fn fields(s: &Section<'_>) -> Fields {
    let mut currencies = BTreeMap::new();
    for (entity, code) in s.table("entity_currency") {
        match Currency::parse(&code) {
            Some(currency) => {
                currencies.insert(entity, currency);
            }
            None => s.fault("entity_currency", format!("`{}` is no currency code", crate::model::safe(&code))),
        }
    }
    let read = Fields {
        id: s.paths("id"),
        stamp: s.paths("stamp"),
        number: s.paths("number"),
        buyer_number: s.paths("buyer_number"),
        invoice_date: s.paths("invoice_date"),
        due_date: s.paths("due_date"),
        posting_date: s.paths("posting_date"),
        entity: s.paths("entity"),
        line_entity_first: s.word("entity_first", &[("header", false), ("line", true)], false),
        supplier_number: s.paths("supplier_number"),
        supplier_network_id: s.paths("supplier_network_id"),
        supplier_name: s.paths("supplier_name"),
        terms: s.paths("terms"),
        total: s.paths("total"),
        total_currency: s.paths("total_currency"),
        currency: s.paths("currency"),
        po_number: s.paths("po_number"),
        text_members: s.texts("text_members"),
        entity_map: s.table("entity_map").into_iter().collect(),
        entity_currency: currencies,
    };
    if read.id.is_empty() {
        s.fault("id", "it is needed: the invoice's immutable id");
    }
    s.finish();
    read
}

fn custom(s: &Section<'_>) -> Custom {
    let read = Custom { items: s.path("items"), key: s.paths("key"), value: s.path("value") };
    s.finish();
    read
}

fn lines(s: &Section<'_>) -> Lines {
    let read = Lines {
        number: s.paths("number"),
        description: s.paths("description"),
        quantity: s.paths("quantity"),
        unit: s.paths("unit"),
        unit_price: s.paths("unit_price"),
        amount: s.paths("amount"),
        currency: s.paths("currency"),
        taxable: s.paths("taxable"),
        po_number: s.paths("po_number"),
        po_line: s.paths("po_line"),
        po_line_trim: s.flag("po_line_trim", false),
        entity: s.paths("entity"),
    };
    if read.amount.is_empty() && (read.quantity.is_empty() || read.unit_price.is_empty()) {
        s.fault("amount", "lines need `amount`, or `quantity` and `unit_price`");
    }
    s.finish();
    read
}

fn words(s: &Section<'_>, key: &'static str) -> Vec<Normal> {
    s.texts(key).iter().map(|word| normal(word)).collect()
}

fn status(s: &Section<'_>) -> Status {
    let read = Status {
        payment: s.paths("payment"),
        workflow: s.paths("workflow"),
        matching: s.paths("match"),
        payment_approved: words(s, "payment_approved"),
        payment_not_approved: words(s, "payment_not_approved"),
        payment_paid: words(s, "payment_paid"),
        workflow_approved: words(s, "workflow_approved"),
        workflow_not_approved: words(s, "workflow_not_approved"),
        cancelled: words(s, "cancelled"),
        include_paid: s.flag("include_paid", false),
        match_required: words(s, "match_required"),
    };
    if read.payment.is_empty() && read.workflow.is_empty() {
        s.fault("payment", "`payment` or `workflow` is needed: nothing would ever be approved");
    }
    s.finish();
    read
}

fn credit(s: &Section<'_>) -> Credit {
    let signs = [("negative", CreditSign::Negative), ("positive", CreditSign::Positive), ("auto", CreditSign::Auto)];
    let read = Credit {
        kind: s.paths("type"),
        credit_words: words(s, "credit_words"),
        invoice_words: words(s, "invoice_words"),
        sign: s.word("sign", &signs, CreditSign::Negative),
    };
    s.finish();
    read
}

fn splits(s: &Section<'_>) -> Splits {
    let styles = [
        ("by_type", SplitStyle::ByType),
        ("percent", SplitStyle::Percent),
        ("amount", SplitStyle::Amount),
        ("quantity", SplitStyle::Quantity),
        ("none", SplitStyle::None),
    ];
    let cut = s.section("cut");
    let read = Splits {
        style: s.word("style", &styles, SplitStyle::ByType),
        by_field: s.word("orientation", &[("by_split", false), ("by_field", true)], false),
        groups: s.path("groups"),
        group: s.text("group"),
        sets: s.path("sets"),
        items: s.path("items"),
        values: s.path("values"),
        key: s.paths("key"),
        value: s.paths("value"),
        kind: s.paths("type"),
        share: s.paths("share"),
        index: s.paths("index"),
        percent_words: words(s, "percent_words"),
        amount_words: words(s, "amount_words"),
        quantity_words: words(s, "quantity_words"),
        fraction: s.word("scale", &[("percent", false), ("fraction", true)], false),
        strip_suffix: s.table("strip_suffix").into_iter().collect(),
        cut_segment: cut.text("segment"),
        cut_separator: cut.text("separator").unwrap_or_else(|| "-".to_owned()),
        cut_parts: cut.texts("parts"),
    };
    if read.cut_segment.is_some() && read.cut_parts.is_empty() {
        cut.fault("parts", "the names of the parts are needed");
    }
    cut.finish();
    s.finish();
    read
}

fn charges(s: &Section<'_>) -> Charges {
    let levels =
        [("lines_if_equal", ChargeLevel::LinesIfEqual), ("header", ChargeLevel::Header), ("lines", ChargeLevel::Lines)];
    let signs =
        [("positive", DiscountSign::Positive), ("negative", DiscountSign::Negative), ("either", DiscountSign::Either)];
    let sources = [("charge", 0), ("supplier", 1), ("current", 2), ("engine", 3)];
    let source = s.word("tax_source", &sources, 0);
    let mut tax = (Vec::new(), Vec::new());
    for (index, name) in ["tax_charge", "tax_supplier", "tax_current", "tax_engine"].into_iter().enumerate() {
        let section = s.section(name);
        let paths = (section.paths("header"), section.paths("line"));
        section.finish();
        if index == source {
            tax = paths;
        }
    }
    let read = Charges {
        level: s.word("level", &levels, ChargeLevel::LinesIfEqual),
        freight: s.paths("freight"),
        handling: s.paths("handling"),
        discount: s.paths("discount"),
        discount_sign: s.word("discount_sign", &signs, DiscountSign::Positive),
        fees: s.path("fees"),
        fee_name: s.paths("fee_name"),
        fee_amount: s.paths("fee_amount"),
        tax_header: tax.0,
        tax_line: tax.1,
        use_tax: s.paths("use_tax"),
    };
    s.finish();
    read
}

fn tolerance(s: &Section<'_>) -> (Amount, Amount) {
    let amount = |key, default| {
        let Some(text) = s.text(key) else { return default };
        Amount::parse(&text).filter(|a| !a.is_negative()).unwrap_or_else(|| {
            s.fault(key, "it must be a decimal number as text: \"0.01\"");
            default
        })
    };
    let read = (amount("per_line", Amount::new(1, 2)), amount("base", Amount::new(2, 2)));
    s.finish();
    read
}

fn on_missing(s: &Section<'_>) -> OnMissing {
    let words = [("hold", false), ("fallback", true)];
    let read = OnMissing {
        number_fallback: s.word("number", &words, false),
        supplier_fallback: s.word("supplier_number", &words, false),
        total_fallback: s.word("total", &words, false),
    };
    s.finish();
    read
}
