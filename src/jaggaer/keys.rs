//! The keys of a profile: which there are, in which section, and what each may be.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::profile::{
    Answer, Auth, AuthStyle, ChargeLevel, Charges, Credit, CreditSign, Custom, DatePattern, Dates, Delta, DetailFetch,
    DiscountSign, Fields, Invoices, Lines, Number, OnMissing, Paging, PagingStyle, Profile, SplitStyle, Splits, Status,
};
use super::sections::Section;
use super::shape::Shape;
use super::words::{Normal, normal};
use crate::model::{Amount, Currency};

/// Reads every section; faults are noted in the sections.
pub(super) fn read(mut root: Section<'_>) -> Profile {
    if root.text("extends").is_some_and(|name| name != "j1p") {
        root.fault("extends", "only `j1p` can be extended");
    }
    if root.number("version", 0) != 1 {
        root.fault("version", "it must be 1");
    }
    root.ignore_case = root.flag("case_insensitive", false);
    let (per_line, base) = tolerance(&root.section("tolerance"));
    let profile = Profile {
        version: String::new(),
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
        suppliers: super::suppliers::read(&root.section("suppliers")),
        shape: Shape::default(),
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

pub(super) fn delta(s: &Section<'_>) -> Delta {
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
