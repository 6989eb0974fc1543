//! The explanation says who decided what, and why others did not.

use super::*;

fn explain(invoice: &Invoice) -> Explanation {
    map(&example(), invoice).explanation.unwrap()
}

#[test]
fn it_is_made_only_when_asked() {
    let mapped = example().map(&invoice(), &(), &reference(), &MapOptions::default());
    assert_eq!(mapped.explanation, None);
    let explained = map(&example(), &invoice());
    assert_eq!(Mapped { explanation: None, ..explained }, mapped, "asking changes nothing else");
}

#[test]
fn it_reads_like_this() {
    let mut invoice = invoice();
    invoice.lines.truncate(2);
    invoice.lines.push(line(0, LineKind::Freight, "26.72", &[]));
    invoice.lines.push(line(3, LineKind::Item, "0.00", &[]));
    invoice.supplier.number = Some("S-2041".into());
    let text = explain(&invoice).text().replace(example().version(), "VERSION");
    let expected = r#"mapping VERSION
document
  vendor        V-HARBOR  by find 2: {table.suppliers[supplier.number].vendor}
                table.suppliers[supplier.number].vendor = "V-HARBOR"
                active in Intacct: vendor V-HARBOR
                passed over 1 "{supplier.number}": "S-2041" is not in Intacct
  posting_date  2026-12-03  the invoice date
  term          -  nothing decides it
  due_date      2027-01-02  the document's due date
line 1 "item 1", 500.00
  becomes line 1 of the bill
  account       6100  by rule 2 "Accounting split of the line": {split.segments.Account}
                split.segments.Account = "6100"
                active in Intacct: account 6100
                passed over 1 "Freight and handling": asks that line.kind is one of freight, handling; it is "item"
  department    210  by rule 2 "Accounting split of the line": {split.segments.Department}
                split.segments.Department = "210"
                active in Intacct: department 210
  location      100  by rule 3 "Plant": {table.plants[entity].location}
                table.plants[entity].location = "100"
                active in Intacct: location 100
  memo          item 1  the line's description
line 2 "item 2", 200.00
  split 1 of 2, 120.00
    becomes line 2 of the bill
"#;
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.contains("passed over 2 \"Accounting split of the line\": the document has no split.segments.Department")
    );
    assert!(text.contains("line 3 \"item 3\", 0.00\n  left out: its amount is zero\n"), "{text}");
    assert!(text.contains("asks that split.segments.Account is present; it is missing"));
}

#[test]
fn what_holds_the_document_stands_at_its_value() {
    let mut invoice = invoice();
    invoice.entity = Some("0009".into());
    invoice.lines[0].splits[0].segments.insert("Account".to_owned(), "6999".into());
    let table = reference_with(|record| record.required.class = record.id == "5200");
    let text = example().map(&invoice, &(), &table, &options()).explanation.unwrap().text();
    assert!(text.contains(r#"HELD, value not in Intacct: account "6999" is not in Intacct"#), "{text}");
    assert!(text.contains(r#"HELD, table has no row: location: table "plants" has no row for "0009""#), "{text}");
    assert!(text.contains(r#"HELD, account requires a dimension: account "5200" requires class"#), "{text}");
}

#[test]
fn it_never_moves_a_terminal() {
    let mut invoice = invoice();
    let hostile = "\u{1b}[2J\u{202e}evil\r\n\u{7}";
    for text in [&mut invoice.supplier.number, &mut invoice.entity, &mut invoice.terms] {
        *text = Some(hostile.into());
    }
    invoice.lines[0].description = Some(hostile.into());
    invoice.lines[0].splits[0].segments.insert("Account".to_owned(), hostile.into());
    let mapped = map(&example(), &invoice);
    let text = mapped.explanation.unwrap().text();
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text}");
    let shown = "‹U+001B›[2J‹U+202E›evil‹U+000D›⏎‹U+0007›";
    assert!(
        text.contains(&format!("line 1 \"{shown}\""))
            && text.contains(&format!("split.segments.Account = \"{shown}\"")),
        "{text}"
    );
}

#[test]
fn json_brings_it_back_whole() {
    let explanation = explain(&invoice());
    let json = serde_json::to_string(&explanation).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), explanation);
    assert!(json.contains(r#"{"rule":{"number":2,"name":"Accounting split of the line"}}"#), "{json}");
}

#[test]
fn an_invoice_before_the_cut_over_is_remarked() {
    let options = MapOptions { from: Some(date("2027-01-01")), ..options() };
    let mapped = example().map(&invoice(), &(), &reference(), &options);
    assert!(mapped.bill.is_some(), "the cut-over is decided elsewhere");
    assert!(mapped.explanation.unwrap().text().contains("before the cut-over of 2027-01-01"));
}
