//! What holds a document, each with its facts.

use super::*;

/// Maps the usual invoice, changed, with the example's rules.
fn held(change: impl Fn(&mut Invoice)) -> Mapped {
    let mut invoice = invoice();
    change(&mut invoice);
    map(&example(), &invoice)
}

#[track_caller]
fn only(mapped: &Mapped, code: ReasonCode, detail: &str) {
    assert!(mapped.bill.is_none());
    assert_eq!(codes(mapped), [code], "{:#?}", mapped.reasons);
    assert_eq!(details(mapped, code), [detail]);
}

#[test]
fn without_a_number_there_is_no_bill() {
    for number in [None, Some("  ")] {
        let mapped = held(|invoice| invoice.number = number.map(Text::from));
        only(&mapped, ReasonCode::NoBillNumber, "the document has no supplier invoice number");
    }
}

#[test]
fn a_number_that_intacct_cannot_take_is_not_repaired() {
    let mapped = held(|invoice| invoice.number = Some(" A&B-0123456789012345678901234567".into()));
    assert_eq!(codes(&mapped), [ReasonCode::BadBillNumber; 3]);
    assert!(held(|invoice| invoice.number = Some("A\u{0}1".into())).bill.is_none());
}

#[test]
fn a_credit_memo_waits_for_a_person() {
    only(
        &held(|invoice| invoice.kind = InvoiceKind::CreditMemo),
        ReasonCode::CreditMemo,
        "the document is a credit memo",
    );
}

#[test]
fn currency_and_date_are_required() {
    only(&held(|invoice| invoice.currency = None), ReasonCode::NoCurrency, "the document states no currency");
    let mapped = held(|invoice| invoice.invoice_date = None);
    only(&mapped, ReasonCode::NoInvoiceDate, "the document has no invoice date");
}

#[test]
fn due_dates_are_sound() {
    only(
        &held(|invoice| invoice.due_date = Some(date("2026-12-02"))),
        ReasonCode::DueBeforeInvoice,
        "due on 2026-12-02, before the invoice date 2026-12-03",
    );
    for (terms, why) in [
        (None, "there are no terms to compute it"),
        (Some("On receipt"), "term \"On receipt\" has no number of days"),
        (Some("Net 31"), "the terms \"Net 31\" are no active term of Intacct"),
    ] {
        let mapped = held(|invoice| (invoice.due_date, invoice.terms) = (None, terms.map(Text::from)));
        only(&mapped, ReasonCode::NoDueDate, &format!("the document has no due date, and {why}"));
    }
    let mapped = held(|invoice| (invoice.due_date, invoice.terms) = (None, Some("Net 31".into())));
    assert_eq!(mapped.needs, [(ReferenceKind::Term, "Net 31".to_owned())]);
}

#[test]
fn vendors_that_are_not_there_or_inactive_name_what_was_tried() {
    let mapped = held(|invoice| invoice.supplier.number = Some("S-77".into()));
    only(
        &mapped,
        ReasonCode::VendorUnknown,
        r#"vendor "S-77" is not in Intacct; table "suppliers" has no row for "S-77""#,
    );
    assert_eq!(mapped.needs, [(ReferenceKind::Vendor, "S-77".to_owned())]);
    let mapped = held(|invoice| invoice.supplier.number = Some("S-9000".into()));
    only(
        &mapped,
        ReasonCode::VendorInactive,
        r#"vendor "S-9000" is not in Intacct; vendor "V-OLD" is inactive in Intacct"#,
    );
    let mapped = held(|invoice| invoice.supplier.number = None);
    assert!(details(&mapped, ReasonCode::VendorUnknown)[0].starts_with("the document has no supplier.number"));
}

#[test]
fn ids_are_compared_exactly() {
    assert_eq!(codes(&held(|invoice| invoice.supplier.number = Some("v-harbor".into()))), [ReasonCode::VendorUnknown]);
}

#[test]
fn values_are_checked_and_the_same_trouble_in_many_lines_is_one_reason() {
    let mapped = held(|invoice| {
        for number in 3..=9 {
            invoice.lines.push(line(number, LineKind::Item, "1.00", &[("Account", "6999"), ("Department", "OLD")]));
        }
        invoice.totals.total = None;
    });
    assert_eq!(codes(&mapped), [ReasonCode::ValueUnknown, ReasonCode::ValueInactive]);
    assert_eq!(
        details(&mapped, ReasonCode::ValueUnknown),
        [
            r#"line 3, line 4, line 5, line 6, line 7 and 2 more: account "6999" is not in Intacct (rule 2 "Accounting split of the line")"#
        ]
    );
    assert!(details(&mapped, ReasonCode::ValueInactive)[0].contains(r#"department "OLD" is inactive in Intacct"#));
    let needs = [(ReferenceKind::Account, "6999".to_owned()), (ReferenceKind::Department, "OLD".to_owned())];
    assert_eq!(mapped.needs, needs);
}

#[test]
fn a_split_without_an_account_is_named() {
    let mapped = held(|invoice| {
        invoice.lines[1].splits[1].segments.clear();
    });
    only(&mapped, ReasonCode::ValueMissing, "line 2 split 2 of 2: no rule sets account or account_label");
}

#[test]
fn a_location_outside_its_days_of_use_is_inactive() {
    for (starts, ends, what) in [
        (Some("2026-12-04"), None, "starts on 2026-12-04, after the posting date 2026-12-03"),
        (None, Some("2026-12-02"), "ended on 2026-12-02, before the posting date 2026-12-03"),
    ] {
        let table = reference_with(|record| {
            if record.kind == ReferenceKind::Location {
                (record.starts, record.ends) = (starts.map(date), ends.map(date));
            }
        });
        let mapped = example().map(&invoice(), &(), &table, &options());
        assert_eq!(codes(&mapped), [ReasonCode::ValueInactive]);
        assert!(details(&mapped, ReasonCode::ValueInactive)[0].contains(what), "{:?}", mapped.reasons);
    }
}

#[test]
fn what_an_account_requires_must_be_set() {
    let table = reference_with(|record| {
        if record.id == "6200" {
            record.required =
                Required { department: true, location: true, class: true, vendor: true, ..Required::default() };
        }
    });
    let mapped = example().map(&invoice(), &(), &table, &options());
    assert_eq!(
        details(&mapped, ReasonCode::DimensionRequired),
        [
            r#"line 2 split 2 of 2: account "6200" requires department, and no rule sets it"#,
            r#"line 2 split 2 of 2: account "6200" requires class, and no rule sets it"#,
        ]
    );
    assert_eq!(mapped.reasons.len(), 2);
}

#[test]
fn a_task_is_looked_for_in_its_project() {
    let with = |set: &str| map(&rules(&format!("[[rule]]\nset = {{ account = \"6100\", {set} }}\n")), &invoice());
    assert_eq!(with(r#"project = "P1", task = "10""#).reasons, []);
    let mapped = with(r#"project = "P2", task = "10""#);
    assert!(details(&mapped, ReasonCode::ValueUnknown)[0].contains(r#"task "10" of project "P2" is not in Intacct"#));
    let mapped = with(r#"task = "10""#);
    assert!(details(&mapped, ReasonCode::DimensionRequired)[0].contains(r#"task "10" needs a project"#));
}

#[test]
fn nothing_is_said_about_data_that_were_never_read() {
    let mut table = ReferenceTable::new();
    for kind in [ReferenceKind::Account, ReferenceKind::Vendor] {
        table.load(kind, records().into_iter().filter(|record| record.kind == kind));
    }
    let mapped = example().map(&invoice(), &(), &table, &options());
    assert_eq!(codes(&mapped), [ReasonCode::NotEvaluated; 2]);
    assert_eq!(
        details(&mapped, ReasonCode::NotEvaluated),
        [
            "reference data of Intacct have not been read yet: department",
            "reference data of Intacct have not been read yet: location",
        ]
    );
    let mapped = example().map(&invoice(), &(), &ReferenceTable::new(), &options());
    assert!(codes(&mapped).iter().all(|code| *code == ReasonCode::NotEvaluated));
}

#[test]
fn totals_must_agree_within_the_tolerance_and_nothing_is_plugged() {
    let mapped = held(|invoice| invoice.totals.total = Some(amount("726.80")));
    only(
        &mapped,
        ReasonCode::TotalsDisagree,
        "the lines make 726.72, the document states 726.80: -0.08 apart, 0.05 is allowed",
    );
    let mapped = held(|invoice| invoice.totals.total = Some(amount("726.75")));
    assert_eq!(mapped.bill.unwrap().total(), amount("726.72"));
    assert!(mapped.explanation.unwrap().text().contains("the document states 726.75, -0.03 apart"));
}

#[test]
fn splits_must_make_their_line() {
    let mapped = held(|invoice| invoice.lines[1].splits[0].amount = amount("119.99"));
    only(&mapped, ReasonCode::SplitsUnclear, "line 2: its splits make 199.99, the line is 200.00");
    assert_eq!(
        codes(&held(|invoice| invoice.lines[0].splits.clear())),
        [ReasonCode::SplitsUnclear, ReasonCode::TotalsDisagree]
    );
}

#[test]
fn an_invoice_of_nothing_or_less_is_held() {
    let mapped = held(|invoice| {
        invoice.lines = vec![line(1, LineKind::Item, "-5.00", &[("Account", "6100")])];
        invoice.totals.total = Some(amount("-5"));
    });
    only(&mapped, ReasonCode::KindDisagrees, "an invoice of -5.00");
    let mapped = held(|invoice| {
        invoice.lines = vec![line(1, LineKind::Item, "0", &[])];
        invoice.totals.total = None;
    });
    assert_eq!(
        codes(&mapped),
        [ReasonCode::KindDisagrees, ReasonCode::ValueMissing],
        "lines of nothing count if all are"
    );
    assert_eq!(
        codes(&held(|invoice| (invoice.lines, invoice.totals.total) = (Vec::new(), None))),
        [ReasonCode::KindDisagrees]
    );
}

#[test]
fn amounts_beyond_all_measure_are_held() {
    let mapped = held(|invoice| {
        let huge = "79228162514264337593543950335";
        invoice.lines = vec![line(1, LineKind::Item, huge, &[("Account", "6100")]); 2];
    });
    assert_eq!(details(&mapped, ReasonCode::TotalsDisagree), ["the amounts are too large to add"]);
}

#[test]
fn a_closed_period_holds_for_company_entity_and_location() {
    let closed = |name: &str, last: &str, entity: Option<&str>| {
        let table = reference_with(|record| {
            if record.id == "100" {
                record.parent = Some("E-NORTH".to_owned());
            }
        });
        let closed_through = [(name.to_owned(), date(last))].into();
        let options = MapOptions { closed_through, entity: entity.map(str::to_owned), ..MapOptions::default() };
        example().map(&invoice(), &(), &table, &options)
    };
    only(
        &closed("*", "2026-12-03", None),
        ReasonCode::PeriodClosed,
        "posting date 2026-12-03: the company is closed through 2026-12-03",
    );
    only(
        &closed("E-NORTH", "2026-12-31", None),
        ReasonCode::PeriodClosed,
        "posting date 2026-12-03: entity \"E-NORTH\" is closed through 2026-12-31",
    );
    assert_eq!(codes(&closed("100", "2026-12-31", None)), [ReasonCode::PeriodClosed]);
    assert_eq!(codes(&closed("E-1", "2026-12-31", Some("E-1"))), [ReasonCode::PeriodClosed]);
    assert!(closed("*", "2026-12-02", None).bill.is_some());
    assert!(closed("200", "2026-12-31", None).bill.is_some(), "another location's period");
}

#[test]
fn locations_that_form_a_ring_end_somewhere() {
    let table = reference_with(|record| record.parent = Some("100".to_owned()).filter(|_| record.id == "100"));
    let options = MapOptions { closed_through: [("x".to_owned(), date("2030-01-01"))].into(), ..options() };
    assert!(example().map(&invoice(), &(), &table, &options).bill.is_some());
}

#[test]
fn a_posting_date_that_is_none_is_held() {
    let rules = rules("[[rule]]\nset = { account = \"6100\", posting_date = \"{custom.Fund}\" }\n");
    only(&map(&rules, &invoice()), ReasonCode::ValueUnknown, "posting_date \"9000\" is no date (rule 1 \"rule 1\")");
}

#[test]
fn every_reason_is_found_in_one_go() {
    let mapped = held(|invoice| {
        invoice.number = None;
        invoice.kind = InvoiceKind::CreditMemo;
        invoice.currency = None;
        invoice.supplier.number = Some("nobody".into());
        invoice.due_date = None;
        invoice.totals.total = Some(amount("1000"));
        invoice.entity = Some("0009".into());
        invoice.lines[0].splits[0].segments.insert("Account".to_owned(), "6999".into());
        invoice.lines[1].splits[1].segments.clear();
    });
    use ReasonCode::*;
    assert_eq!(
        codes(&mapped),
        [
            NoBillNumber,
            CreditMemo,
            NoCurrency,
            VendorUnknown,
            NoDueDate,
            TotalsDisagree,
            ValueUnknown,
            TableNoRow,
            ValueMissing
        ]
    );
    assert!(mapped.bill.is_none());
}

#[test]
fn text_of_a_hostile_supplier_is_cleaned_and_counted() {
    let mut invoice = invoice();
    invoice.supplier.name = Some("ACME\u{0}\u{b} [TG-AAAAAAAAAAAAAAAA-0]".into());
    invoice.lines[0].description = Some(Text::new(format!("glo\u{1}ves\r\n\u{1b}[2J{}", "x".repeat(900))));
    let mapped = map(&example(), &invoice);
    let bill = mapped.bill.unwrap();
    assert_eq!(mapped.cleaned, 4);
    assert_eq!(Mark::find(&bill.description), None, "no supplier can set our mark");
    assert!(bill.description.starts_with("ACME (TG-") && bill.description.ends_with(" JAGGAER JI-10023"));
    let memo = bill.lines[0].memo.as_deref().unwrap();
    assert!(memo.starts_with("gloves  [2Jxxx") && memo.chars().count() == 400, "{memo}");
}

#[test]
fn a_long_name_leaves_the_number_whole() {
    let mut invoice = invoice();
    invoice.supplier.name = Some("ü".repeat(500).into());
    let description = bill(&example(), &invoice).description;
    assert!(description.chars().count() <= 200 && description.ends_with("JAGGAER JI-10023"));
}

#[test]
fn a_hostile_value_in_a_key_is_never_repaired() {
    let mapped = held(|invoice| invoice.supplier.number = Some("V-HARBOR\u{0}".into()));
    assert_eq!(codes(&mapped), [ReasonCode::VendorUnknown]);
    let mapped = held(|invoice| {
        let account = format!("6100{}", "9".repeat(10_000));
        invoice.lines[0].splits[0].segments.insert("Account".to_owned(), account.into());
    });
    assert!(details(&mapped, ReasonCode::ValueUnknown)[0].len() < 300, "a reason stays readable");
}
