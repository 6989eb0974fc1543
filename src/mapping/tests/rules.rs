//! Which rule decides: conditions, fall-through, look-ups.

use super::*;

/// The department of the first line under one rule with this condition, else `none`.
#[track_caller]
fn matches(condition: &str, invoice: &Invoice) -> bool {
    let rules = rules(&format!(
        "[[rule]]\nwhen = {{ {condition} }}\nset = {{ department = \"210\" }}\n[[rule]]\nset = {{ account = \"6100\" }}\n"
    ));
    bill(&rules, invoice).lines[0].dimensions.department.is_some()
}

#[test]
fn every_condition_holds_and_fails() {
    let invoice = invoice();
    for (condition, expected) in [
        (r#"entity = "0004""#, true),
        (r#"entity = "4""#, false),
        (r#"entity = { equal = "0004" }"#, true),
        (r#"entity = { one_of = ["0003", "0004"] }"#, true),
        (r#"entity = { one_of = ["0003"] }"#, false),
        (r#"entity = { not = "0004" }"#, false),
        (r#"entity = { not = ["0003", "0005"] }"#, true),
        (r#""supplier.name" = { glob = "Harbor*" }"#, true),
        (r#""supplier.name" = { glob = "harbor*" }"#, false),
        (r#""supplier.name" = { glob = ["x", "*Supply"] }"#, true),
        (r#"total = { from = 726.72, to = "726.72" }"#, true),
        (r#"total = { from = 726.73 }"#, false),
        (r#"total = 726.720"#, true),
        (r#"entity = { from = 1, to = 9 }"#, true),
        (r#""supplier.name" = { from = 1 }"#, false),
        (r#""dates.invoice" = 2026-12-03"#, true),
        (r#""dates.invoice" = { from = 2026-12-01, to = "2026-12-31" }"#, true),
        (r#""dates.due" = { to = 2026-12-31 }"#, false),
        (r#""dates.posting" = { present = true }"#, false),
        (r#""dates.posting" = { present = false }"#, true),
        (r#""line.taxable" = true"#, true),
        (r#""line.taxable" = false"#, false),
        (r#"currency = "usd""#, true),
        (r#"kind = "invoice""#, true),
        (r#""line.kind" = "item""#, true),
        (r#""line.number" = 1"#, true),
        (r#""line.po.number" = "PO-5541""#, true),
        (r#""line.po.line" = "2""#, false),
        (r#""line.unit" = "EA""#, true),
        (r#""line.amount" = { from = 500 }"#, true),
        (r#""line.custom.Cost Centre" = "CC 7""#, true),
        (r#""custom.Fund" = { from = 8999.5, to = 9000 }"#, true),
        (r#""custom.None" = { not = "x" }"#, true),
        (r#""custom.None" = { glob = "*" }"#, false),
        (r#""split.percent" = 100"#, true),
        (r#""split.amount" = { to = 499.99 }"#, false),
        (r#""split.segments.Account" = { not = "6100" }"#, false),
        (r#"number = "HL-20417", buyer_number = "JI-10023", "supplier.network_id" = "1234567890""#, true),
        (r#"number = "HL-20417", buyer_number = "other""#, false),
    ] {
        assert_eq!(matches(condition, &invoice), expected, "{condition}");
    }
}

#[test]
fn a_field_of_blanks_is_missing() {
    let mut invoice = invoice();
    invoice.entity = Some("  ".into());
    assert!(matches(r#"entity = { present = false }"#, &invoice));
}

#[test]
fn raw_fields_are_asked_once_for_a_document() {
    struct Source(std::cell::Cell<u32>);
    impl RawFields for Source {
        fn raw(&self, path: &str) -> Option<Text> {
            self.0.set(self.0.get() + 1);
            (path == "header.plant[0].code").then(|| Text::new("210"))
        }
    }
    let rules = rules("[[rule]]\nset = { account = \"6100\", department = \"{raw.header.plant[0].code}\" }\n");
    let source = Source(0.into());
    let bill = rules.map(&invoice(), &source, &reference(), &options()).bill.unwrap();
    assert!(bill.lines.iter().all(|line| line.dimensions.department.as_deref() == Some("210")));
    assert_eq!(source.0.get(), 1);
}

#[test]
fn each_value_comes_from_the_first_rule_that_has_it() {
    let rules = rules(
        r#"
[[rule]]
name = "segments"
set = { account = "{split.segments.Account}", department = "{split.segments.Department}", class = "{custom.Class}" }
[[rule]]
name = "rest"
set = { account_label = "Supplies", department = "210", class = "C1", memo = "{supplier.name}: {line.description} {{{total}}}" }
"#,
    );
    let bill = bill(&rules, &invoice());
    let shown: Vec<_> = bill
        .lines
        .iter()
        .map(|line| (line.account.as_deref(), line.account_label.as_deref(), line.dimensions.department.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            (Some("6100"), None, Some("210")),
            (Some("6100"), None, Some("210")),
            (Some("6200"), None, Some("210")),
            (None, Some("Supplies"), Some("210")),
        ]
    );
    assert!(bill.lines.iter().all(|line| line.dimensions.class.as_deref() == Some("C1")));
    assert_eq!(bill.lines[0].memo.as_deref(), Some("Harbor Lab Supply: item 1 {726.72}"));
}

const TABLE: &str = r#"
[[rule]]
name = "plant"
set = { location = "{table.t[entity].location}" }
ON_MISSING
[[rule]]
name = "else"
set = { account = "6100", location = "200" }
[table.t]
key = "code"
rows = [{ code = "0004", location = "100" }, { code = "0005" }]
"#;

#[test]
fn a_key_without_a_row_holds_and_names_table_and_key() {
    let mut invoice = invoice();
    invoice.entity = Some("0009".into());
    let mapped = map(&rules(&TABLE.replace("ON_MISSING", "")), &invoice);
    assert_eq!(codes(&mapped), [ReasonCode::TableNoRow]);
    assert_eq!(
        details(&mapped, ReasonCode::TableNoRow),
        [
            r#"line 1, line 2 split 1 of 2, line 2 split 2 of 2, freight of the document: location: table "t" has no row for "0009" (rule 1 "plant")"#
        ]
    );
}

#[test]
fn on_missing_next_asks_the_later_rules() {
    let mut invoice = invoice();
    invoice.entity = Some("0009".into());
    let bill = bill(&rules(&TABLE.replace("ON_MISSING", "on_missing = \"next\"")), &invoice);
    assert_eq!(bill.lines[0].dimensions.location.as_deref(), Some("200"));
}

#[test]
fn a_missing_key_or_an_empty_cell_leaves_the_value_open() {
    let rules = rules(&TABLE.replace("ON_MISSING", ""));
    for (entity, location) in [(None, "200"), (Some("0005"), "200"), (Some("0004"), "100")] {
        let mut invoice = invoice();
        invoice.entity = entity.map(Text::from);
        assert_eq!(bill(&rules, &invoice).lines[0].dimensions.location.as_deref(), Some(location));
    }
}

#[test]
fn dates_and_terms_come_from_rules_before_the_document() {
    let mut invoice = invoice();
    invoice.posting_date = Some(date("2026-12-10"));
    invoice.due_date = None;
    invoice.terms = Some("Net 30".into());
    let accounts = "[[rule]]\nset = { account = \"6100\" }\n";
    let plain = bill(&rules(accounts), &invoice);
    assert_eq!((plain.posting_date, plain.due_date), (date("2026-12-10"), date("2027-01-02")));
    assert_eq!(plain.term.as_deref(), Some("Net 30"), "the document's terms count where they are Intacct's");

    let ruled = rules(&format!(
        "{accounts}[[rule]]\nset = {{ posting_date = \"{{dates.invoice}}\", term = \"{{table.terms[terms].term}}\" }}\n[table.terms]\nkey = \"code\"\nrows = [{{ code = \"30 days\", term = \"Net 30\" }}]\n"
    ));
    invoice.terms = Some("30 days".into());
    let bill = bill(&ruled, &invoice);
    assert_eq!((bill.posting_date, bill.due_date), (date("2026-12-03"), date("2027-01-02")));
    assert_eq!(bill.term.as_deref(), Some("Net 30"));
}

#[test]
fn terms_that_intacct_does_not_know_do_not_matter_beside_a_due_date() {
    let mut invoice = invoice();
    invoice.terms = Some("0% 0, Net 30".into());
    assert_eq!(bill(&example(), &invoice).term, None);
}

#[test]
fn all_dimensions_reach_the_bill() {
    let rules = rules(
        r#"[[rule]]
set = { account = "6100", department = "210", location = "100", class = "C1", project = "P1", task = "10", item = "I1", customer = "CU1", employee = "E1" }
"#,
    );
    let some = |text: &str| Some(text.to_owned());
    let expected = Dimensions {
        location: some("100"),
        department: some("210"),
        class: some("C1"),
        project: some("P1"),
        task: some("10"),
        item: some("I1"),
        customer: some("CU1"),
        employee: some("E1"),
    };
    assert_eq!(bill(&rules, &invoice()).lines[0].dimensions, expected);
}

#[test]
fn lines_of_nothing_are_left_out() {
    let mut invoice = invoice();
    // It could not be mapped either: no rule gives it an account.
    invoice.lines.push(line(3, LineKind::Item, "0.00", &[]));
    assert_eq!(bill(&example(), &invoice).lines.len(), 4);
}

#[test]
fn the_reference_is_the_order_if_there_is_exactly_one_that_fits() {
    let with = |orders: [&str; 2]| {
        let mut invoice = invoice();
        for (line, order) in invoice.lines.iter_mut().zip(orders) {
            line.po = Some(PurchaseOrderLine { number: order.into(), line: None });
        }
        bill(&example(), &invoice).reference
    };
    assert_eq!(with(["PO-1", " PO-1"]).as_deref(), Some("PO-1"));
    assert_eq!(with(["PO-1", ""]).as_deref(), Some("PO-1"));
    assert_eq!(with(["PO-1", "PO-2"]), None);
    assert_eq!(with(["123456789012345678901"; 2]), None, "half a number would name another order");
}
