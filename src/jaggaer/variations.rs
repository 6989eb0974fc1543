//! How customers' payloads differ: each difference is a small change of the profile, or of none.

use proptest::prelude::*;

use super::testing::profile;
use super::{Converted, Profile, raw_value};
use crate::model::{Amount, Approval, InvoiceKind, LineKind, ReasonCode, SplitShare};

const DETAIL: &str = include_str!("../../fixtures/jaggaer/detail.json");
const CREDIT: &str = include_str!("../../fixtures/jaggaer/credit_memo.json");
const BY_AMOUNT: &str = include_str!("../../fixtures/jaggaer/splits_by_amount.json");
const CHARGES: &str = include_str!("../../fixtures/jaggaer/charges_differ.json");
const HOSTILE: &str = include_str!("../../fixtures/jaggaer/hostile_text.json");
const LIST: &str = include_str!("../../fixtures/jaggaer/list.json");

fn read(toml: &str, json: &str) -> Converted {
    profile(toml).read_detail(json.as_bytes()).unwrap()
}

/// The sample with some text replaced; each must stand there.
fn detail(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(DETAIL.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// Kind, line number, amount and the segments' accounts of each line.
fn lines(converted: &Converted) -> Vec<String> {
    let line = |line: &crate::model::Line| {
        assert_eq!(line.splits.iter().map(|s| s.amount).sum::<Amount>(), line.amount);
        let splits: Vec<_> = (line.splits.iter())
            .map(|s| format!("{} {}", s.amount.fixed(2), s.segments.get("Account").map_or("?", |a| a.raw())))
            .collect();
        format!("{} {} {} [{}]", line.number, line.kind.word(), line.amount.fixed(2), splits.join(", "))
    };
    converted.invoice.lines.iter().map(line).collect()
}

fn codes(converted: &Converted) -> Vec<ReasonCode> {
    converted.faults.iter().map(|f| f.code).collect()
}

#[test]
fn the_sample_becomes_the_canonical_invoice() {
    let c = Profile::builtin().unwrap().read_detail(DETAIL.as_bytes()).unwrap();
    assert_eq!(c.faults, [], "{:?}", c.faults);
    assert_eq!(c.warnings, []);
    let i = &c.invoice;
    let text = |t: &Option<crate::model::Text>| t.as_ref().map(|t| t.raw().to_owned()).unwrap_or_default();
    assert_eq!(
        (i.id.as_str(), text(&i.number), text(&i.buyer_number)),
        ("2600417", "HL-20417".into(), "I0004711".into())
    );
    assert_eq!((text(&i.entity), text(&i.terms)), ("0004".into(), "Net 30".into()));
    assert_eq!((text(&i.supplier.number), text(&i.supplier.network_id)), ("V-10233".into(), "1002003004".into()));
    assert_eq!(i.invoice_date, Some("2025-03-10".parse().unwrap()));
    assert_eq!(i.due_date, Some("2025-04-09".parse().unwrap()));
    assert_eq!(i.posting_date, Some("2025-03-12".parse().unwrap()));
    assert_eq!((c.approval, c.paid), (Approval::Approved, false));
    assert_eq!(i.totals.total, Some(Amount::new(72672, 2)));
    assert_eq!(i.totals.tolerance, Amount::new(4, 2));
    assert_eq!(i.custom.len(), 1, "an empty custom field is none");
    assert_eq!(i.custom["ProjectCode"].raw(), "PX-7");
    assert_eq!(
        lines(&c),
        [
            "1 item 502.00 [301.20 6100, 200.80 6100]",
            "2 item 160.00 [160.00 6250]",
            "1 freight 18.96 [11.38 6100, 7.58 6100]",
            "1 tax 30.12 [18.07 6100, 12.05 6100]",
            "2 freight 6.04 [6.04 6250]",
            "2 tax 9.60 [9.60 6250]",
        ]
    );
    assert_eq!(i.lines[0].po.as_ref().unwrap().line.as_ref().unwrap().raw(), "1");
    assert_eq!(c.stamp.unwrap().raw(), "2025-03-12T17:04:09.120Z");
}

#[test]
fn variations_3_and_4_envelope_and_root() {
    let flat = r#"{"data":{"invoiceId":1,"invoiceType":"Invoice","paymentStatus":"Payable","workflowStatus":"Completed",
        "rows":{"quantity":1,"unitPrice":2},"total":{"currency":"USD","value":2}}}"#;
    let c = read("[invoices]\nheader_path = \"$.data\"\nlines_path = \"$.data.rows\"", flat);
    assert_eq!((codes(&c), lines(&c)), (vec![], vec!["1 item 2.00 [2.00 ?]".to_owned()]));
    let bare = profile("[invoices]\nitems_path = \".\"\nitem_id = \"$.id\"\nitem_stamp = \"$.at\"");
    let page = bare.read_page(br#"[{"id":1,"at":"20250312170409"},{"id":2}]"#).unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.items[0].stamp_time, Some("2025-03-12T17:04:09Z".parse().unwrap()));
    let page = Profile::builtin().unwrap().read_page(LIST.as_bytes()).unwrap();
    assert_eq!((page.items.len(), page.total, page.faults.len()), (2, Some(2), 0));
    assert!(std::str::from_utf8(&page.items[1].raw).unwrap().contains(r#""value":-118.4}"#));
}

#[test]
fn variations_5_and_7_one_many_nothing() {
    for empty in ["{}", "[{}]", "\"\"", "null", "\"none\"", "\"DNP\"", "\" - \""] {
        let c = read("", &detail(&[("\"HL-20417\"", empty), ("\"0004\"", empty)]));
        assert_eq!((c.invoice.number, c.invoice.entity, c.faults.len()), (None, None, 0), "{empty}");
    }
    let plain = detail(&[
        ("\"lineList\": {\"invoiceLine\": [", "\"lineList\": [{\"invoiceLine\": ["),
        ("}\n  ]}\n}", "}\n  ]}]\n}"),
    ]);
    assert_eq!(lines(&read("", &plain)).len(), 6);
}

#[test]
fn variation_6_casing() {
    let upper = detail(&[("invoiceId", "INVOICEID"), ("\"header\"", "\"Header\""), ("quantity", "Quantity")]);
    assert!(Profile::builtin().unwrap().read_detail(upper.as_bytes()).is_err());
    let c = read("case_insensitive = true", &upper);
    assert_eq!((codes(&c), lines(&c).len()), (vec![], 6));
}

#[test]
fn variations_8_and_9_flags_and_ids() {
    for (written, taxable) in
        [("true", true), ("\"Yes\"", true), ("1", true), ("\"Y\"", true), ("\"false\"", false), ("0", false)]
    {
        let c = read("", &detail(&[("\"taxable\": \"true\"", &format!("\"taxable\": {written}"))]));
        assert_eq!(c.invoice.lines[0].taxable, Some(taxable), "{written}");
    }
    let c = read("", &detail(&[("\"taxable\": \"true\"", "\"taxable\": \"perhaps\"")]));
    assert!(c.faults[0].detail.raw().contains("line 1 $.taxable: `perhaps` is neither yes nor no"));
    let c = read("", &detail(&[("\"invoiceId\": 2600417", "\"invoiceId\": 90071992547409931234")]));
    assert_eq!(c.invoice.id, "90071992547409931234");
    let c = read("", HOSTILE);
    assert_eq!((c.invoice.id.as_str(), c.invoice.supplier.number.as_ref().unwrap().raw()), ("000777", "0042"));
    for id in ["\"a/b\"", "\"a b\"", "\"\"", "null", "\"\\u0007\"", "{}"] {
        let json = detail(&[("\"invoiceId\": 2600417", &format!("\"invoiceId\": {id}"))]);
        assert!(Profile::builtin().unwrap().read_detail(json.as_bytes()).is_err(), "{id}");
    }
}

#[test]
fn variation_10_amounts() {
    let at = |toml: &str, written: &str| {
        let c = read(toml, &detail(&[("\"value\": 726.72", &format!("\"value\": {written}"))]));
        (c.invoice.totals.total.map(|t| t.fixed(2)), codes(&c))
    };
    let good = (Some("726.72".to_owned()), vec![]);
    assert_eq!(at("", "\"726.72\""), good);
    assert_eq!(at("", "7.2672e2"), good);
    assert_eq!(at("[number]\ndecimal = \",\"\ngrouping = \".\"", "\"0.726,72\"").1, [], "groups of three");
    assert_eq!(
        at("[fields]\ntotal = \"$.total\"", "{\"money\": \"726.72\"}").1,
        [ReasonCode::Unreadable, ReasonCode::TotalsDisagree]
    );
    assert_eq!(at("[fields]\ntotal = \"$.total.value\"", "{\"currency\": \"USD\", \"money\": 726.72}"), good);
    for wrong in ["\"726,72\"", "\"1,50\"", "\"7 26.72\"", "\"0x10\"", "\"1_000\"", "true", "[1]"] {
        for toml in ["", "[number]\ngrouping = \",\""] {
            assert_eq!(at(toml, wrong).1.first(), Some(&ReasonCode::Unreadable), "{wrong} {toml}");
        }
    }
    let c = read("[number]\ngrouping = \",\"", &detail(&[("125.5,", "\"1,125.50\",")]));
    assert_eq!(c.invoice.lines[0].amount, Amount::from(4502));
}

#[test]
fn variation_11_currency() {
    let of = |toml: &str, changes: &[(&str, &str)]| {
        let c = read(toml, &detail(changes));
        (c.invoice.currency.map(|c| c.code().to_owned()), codes(&c))
    };
    let total = ("\"currency\": \"USD\", ", "");
    assert_eq!(of("", &[total]), (None, vec![]), "absent is not guessed");
    assert_eq!(of("[fields.entity_currency]\n0004 = \"EUR\"", &[total]).0.as_deref(), Some("EUR"));
    assert_eq!(
        of("", &[("\"invoiceSource\"", "\"currency\": \"GBP\", \"invoiceSource\""), total]).0.as_deref(),
        Some("GBP")
    );
    let line = ("\"unitPrice\": 80", "\"unitPrice\": {\"currency\": \"CAD\", \"money\": 80}");
    assert_eq!(of("", &[line]), (None, vec![ReasonCode::NoCurrency]), "line and total disagree");
    assert_eq!(of("", &[line, total]).0.as_deref(), Some("CAD"));
    assert_eq!(of("", &[("\"USD\"", "\"US$\"")]), (None, vec![ReasonCode::NoCurrency]));
    let none = &[(",\n    \"total\": {\"currency\": \"USD\", \"value\": 726.72}", "")];
    assert_eq!(of("", none).1, [ReasonCode::TotalsDisagree]);
    assert_eq!(of("[on_missing]\ntotal = \"fallback\"", none).1, []);
}

#[test]
fn variation_12_dates() {
    let date = |toml: &str, written: &str| {
        let c = read(toml, &detail(&[("\"2025-03-10T00:00:00.000Z\"", written)]));
        assert_eq!(c.invoice.invoice_date.is_none(), codes(&c) == [ReasonCode::Unreadable], "{written}");
        c.invoice.invoice_date.map(|d| d.to_string())
    };
    let zone = "[dates]\nzone = \"America/Chicago\"";
    let day = Some("2025-03-10".to_owned());
    for written in [
        "\"2025-03-10T00:00:00.000Z\"",
        "\"2025-03-10\"",
        "\"20250310\"",
        "20250310",
        "\"20250310235959\"",
        "\"2025-03-10T08:00:00\"",
    ] {
        assert_eq!(date("", written), day, "{written}");
        assert_eq!(date(zone, written), day, "no zone moves a calendar date: {written}");
    }
    assert_eq!(date(zone, "\"2025-03-11T03:00:00Z\""), day, "a true instant is the day it was in the zone");
    assert_eq!(date("[dates]\npatterns = [\"epoch_ms\"]", "1741564800000"), day);
    assert_eq!(date("[dates]\npatterns = [\"%d.%m.%Y\"]", "\"10.03.2025\""), day);
    assert_eq!(date("[dates]\npatterns = [\"%m/%d/%Y\"]", "\"03/10/2025\""), day);
    for wrong in ["\"10.03.2025\"", "\"2025-02-30\"", "\"soon\"", "\"2025-3-1\"", "20251399"] {
        assert_eq!(date("", wrong), None, "{wrong}");
    }
}

#[test]
fn variations_15_and_26_whole_objects_in_the_list_and_extra_members() {
    let page = format!(r#"{{"jiinvoiceList":{{"jiinvoice":[{DETAIL}]}}}}"#);
    let p = profile("[invoices]\ndetail_fetch = \"never\"");
    let page = p.read_page(page.as_bytes()).unwrap();
    assert!(page.items[0].has_lines);
    let (whole, detail) = (p.read_detail(&page.items[0].raw).unwrap(), p.read_detail(DETAIL.as_bytes()).unwrap());
    assert_eq!(whole, detail);
    assert_eq!(raw_value(DETAIL.as_bytes(), "header.remitTo.address.city").unwrap().raw(), "Portland");
}

#[test]
fn variation_16_status_words() {
    let judge = |toml: &str, payment: &str, workflow: &str| {
        let c = read(toml, &detail(&[("\"Payable\"", payment), ("\"Completed\"", workflow)]));
        assert_eq!(c.approval == Approval::Unknown, codes(&c).contains(&ReasonCode::UnknownStatus));
        c.approval
    };
    assert_eq!(judge("", "\"PAY_ABLE\"", "\"com-pleted \""), Approval::Approved);
    assert_eq!(judge("", "\"Payable\"", "\"Pending\""), Approval::NotApproved);
    assert_eq!(judge("", "\"In Process\"", "\"Completed\""), Approval::NotApproved);
    assert_eq!(judge("", "\"Paid\"", "\"Completed\""), Approval::NotApproved);
    assert_eq!(judge("[status]\ninclude_paid = true", "\"Paid\"", "\"Completed\""), Approval::Approved);
    assert_eq!(judge("", "\"Cancelled\"", "\"whatever\""), Approval::Cancelled);
    assert_eq!(judge("", "\"Freigegeben\"", "\"Completed\""), Approval::Unknown);
    assert_eq!(judge("", "null", "\"Completed\""), Approval::Unknown);
    assert_eq!(
        judge("[status]\npayment_approved = [\"freigegeben\", \"40\"]", "40", "\"Completed\""),
        Approval::Approved
    );
    assert_eq!(judge("[status]\nworkflow = \"\"", "\"Payable\"", "\"?\""), Approval::Approved);
    let required = "[status]\nmatch_required = [\"matched\"]";
    assert_eq!(judge(required, "\"Payable\"", "\"Completed\""), Approval::Approved);
    assert_eq!(read(required, &detail(&[("\"Matched\"", "\"Do Not Match\"")])).approval, Approval::NotApproved);
}

#[test]
fn variation_17_splits() {
    let c = read("", BY_AMOUNT);
    assert_eq!(codes(&c), []);
    assert_eq!(lines(&c), ["1 item 100.00 [33.33 6400, 66.67 6410]", "1 tax 10.00 [3.33 6400, 6.67 6410]"]);
    assert!(!c.invoice.lines[0].splits[0].segments.contains_key("Fund"), "`none` is no value");
    assert_eq!(c.invoice.lines[0].splits[1].segments["Fund"].raw(), "001");
    let fraction = detail(&[
        ("\"distributionValue\": 60", "\"distributionValue\": 0.6"),
        ("\"distributionValue\": 40", "\"distributionValue\": 0.4"),
    ]);
    assert_eq!(codes(&read("", &fraction)), [ReasonCode::SplitsUnclear]);
    assert_eq!(
        lines(&read("[splits]\nscale = \"fraction\"", &fraction))[0],
        "1 item 502.00 [301.20 6100, 200.80 6100]"
    );
    let quantity = detail(&[("PercentOfPrice", "Quantity"), (": 60,", ": 3,"), (": 40,", ": 1,")]);
    assert_eq!(lines(&read("", &quantity))[0], "1 item 502.00 [376.50 6100, 125.50 6100]");
    assert_eq!(read("", &quantity).invoice.lines[0].splits[0].share, SplitShare::Quantity(Amount::from(3)));
    for unclear in ["PercentOfMoon", "AmountOfPrice"] {
        assert_eq!(codes(&read("", &detail(&[("PercentOfPrice", unclear)]))), [ReasonCode::SplitsUnclear], "{unclear}");
    }
    let bare = detail(&[("\"distributionValue\": 60, ", ""), ("\"distributionValue\": 40, ", "")]);
    assert_eq!(codes(&read("", &bare)), [ReasonCode::SplitsUnclear], "several splits without figures");
    assert_eq!(lines(&read("[splits]\nstyle = \"none\"", DETAIL))[0], "1 item 502.00 [502.00 ?]");
}

#[test]
fn variation_17_groups_headers_and_orientation() {
    let legacy = r#"{"splittableFieldIndexSet":[{"splittableFieldIndexList":{"splittableFieldIndex":[{"customFieldValueList":{"customFieldValue":[{"internalName":"Old","value":"9"}]}}]}}]},"#;
    let two = DETAIL.replacen("\"splittableFieldSetGroup\": [", &format!("\"splittableFieldSetGroup\": [{legacy}"), 1);
    assert_eq!(codes(&read("", &two)), [ReasonCode::SplitsUnclear]);
    let c = read("[splits]\ngroup = \"Account\"", &two);
    assert_eq!((codes(&c), lines(&c)), (vec![], lines(&read("", DETAIL))));

    let on_header = r#"{"header":{"invoiceId":1,"invoiceType":"Invoice","paymentStatus":"Payable","workflowStatus":"Completed",
        "shippingCharge":1, "total":{"currency":"USD","value":11},"splits":[{"Account":"1","pct":50},{"Account":"2","pct":50}]},
        "lineList":{"invoiceLine":[{"quantity":1,"unitPrice":10}]}}"#;
    let flat = "[splits]\nstyle = \"percent\"\ngroups = \"\"\nsets = \"\"\nitems = \"$.splits\"\nvalues = \"\"\nshare = \"$.pct\"";
    assert_eq!(lines(&read(flat, on_header)), ["1 item 10.00 [5.00 1, 5.00 2]", "0 freight 1.00 [0.50 1, 0.50 2]"]);

    let by_field = r#"{"header":{"invoiceId":1,"invoiceType":"Invoice","paymentStatus":"Payable","workflowStatus":"Completed",
        "total":{"currency":"USD","value":10}},"lineList":{"invoiceLine":[{"quantity":1,"unitPrice":10,"f":[
          {"x":[{"i":0,"p":25,"k":"Account","value":"1"},{"i":1,"p":75,"k":"Account","value":"2"}]},
          {"x":[{"i":1,"k":"Dept","value":"B"},{"i":0,"k":"Dept","value":"A"}]}]}]}}"#;
    let c = read(
        "[splits]\nstyle = \"percent\"\norientation = \"by_field\"\ngroups = \"\"\nsets = \"$.f\"\nitems = \"$.x\"\nvalues = \"$\"\nkey = \"$.k\"\nshare = \"$.p\"\nindex = \"$.i\"",
        by_field,
    );
    assert_eq!((codes(&c), lines(&c)), (vec![], vec!["1 item 10.00 [2.50 1, 7.50 2]".to_owned()]));
    assert_eq!(c.invoice.lines[0].splits[0].segments["Dept"].raw(), "A");
}

#[test]
fn variation_18_keys_suffixes_and_combined_accounts() {
    let toml = "[splits.strip_suffix]\nAccount = \"-\"\n[splits.cut]\nsegment = \"String\"\nseparator = \".\"\nparts = [\"Fund\", \"Account\"]";
    let c = read(
        toml,
        &detail(&[(
            "\"internalName\": \"Account\", \"value\": \"6250\"",
            "\"label\": \"String\", \"value\": \"F1.6250-LOW\"",
        )]),
    );
    let segments = &c.invoice.lines[1].splits[0].segments;
    assert_eq!((segments["Fund"].raw(), segments["Account"].raw()), ("F1", "6250"));
    let c = read("[custom]\nkey = \"$.label\"", DETAIL);
    assert_eq!(c.invoice.custom["Project"].raw(), "PX-7");
}

#[test]
fn variations_19_23_24_orders_fallbacks_entities() {
    let header_po = detail(&[
        ("\"poNumber\": \"P0008801\", ", ""),
        ("\"invoiceSource\"", "\"poNumber\": \"P9\", \"invoiceSource\""),
        ("\"poLineNumber\": \"1\"", "\"poLineNumber\": \"0010\""),
    ]);
    let c = read("[lines]\npo_line_trim = true", &header_po);
    let po = c.invoice.lines[0].po.as_ref().unwrap();
    assert_eq!((po.number.raw(), po.line.as_ref().unwrap().raw()), ("P9", "10"));
    let missing = detail(&[("\"HL-20417\"", "null"), ("\"V-10233\"", "\"\"")]);
    let c = read("", &missing);
    assert_eq!((c.invoice.number, c.invoice.supplier.number, c.faults.len()), (None, None, 0));
    let c = read("[on_missing]\nnumber = \"fallback\"\nsupplier_number = \"fallback\"", &missing);
    assert_eq!((c.invoice.number.unwrap().raw(), c.invoice.supplier.number.unwrap().raw()), ("I0004711", "1002003004"));
    let entity =
        |toml: &str, changes: &[(&str, &str)]| read(toml, &detail(changes)).invoice.entity.map(|e| e.raw().to_owned());
    let header_unit = "\"businessUnit\": \"0004\",\n    \"supplier\"";
    assert_eq!(entity("", &[(header_unit, "\"supplier\"")]).as_deref(), Some("0004"), "from the lines, which agree");
    assert_eq!(
        entity("", &[(header_unit, "\"businessUnit\": {\"internalName\": \"0017\"}, \"supplier\"")]).as_deref(),
        Some("0017")
    );
    assert_eq!(
        entity("[fields]\nentity_first = \"line\"", &[(header_unit, "\"businessUnit\": \"9\", \"supplier\"")])
            .as_deref(),
        Some("0004")
    );
    assert_eq!(entity("[fields.entity_map]\n0004 = \"US1\"", &[]).as_deref(), Some("US1"));
}

#[test]
fn variation_20_credit_memos() {
    let c = read("", CREDIT);
    assert_eq!((codes(&c), c.invoice.kind), (vec![], InvoiceKind::CreditMemo));
    assert_eq!(c.invoice.totals.total, Some(Amount::new(1212, 1)));
    assert_eq!(c.invoice.lines[0].quantity, Some(Amount::from(2)));
    assert_eq!(
        c.invoice.lines.iter().map(|l| l.amount.fixed(2)).collect::<Vec<_>>(),
        ["111.40", "1.70", "6.70", "1.40"]
    );
    let wrong = CREDIT.replace("Credit memo", "Invoice");
    assert!(codes(&read("", &wrong)).contains(&ReasonCode::KindDisagrees));
    let positive = detail(&[("\"invoiceType\": \"Invoice\"", "\"invoiceType\": \"credit-memo\"")]);
    assert_eq!(codes(&read("", &positive)), [ReasonCode::KindDisagrees]);
    for sign in ["positive", "auto"] {
        let c = read(&format!("[credit]\nsign = \"{sign}\""), &positive);
        assert_eq!(
            (codes(&c), c.invoice.kind, c.invoice.lines[0].amount),
            (vec![], InvoiceKind::CreditMemo, Amount::from(502))
        );
    }
    assert_eq!(codes(&read("[credit]\nsign = \"positive\"", CREDIT)), [ReasonCode::KindDisagrees]);
    assert_eq!(
        codes(&read("", &detail(&[("\"invoiceType\": \"Invoice\"", "\"invoiceType\": \"Nota\"")]))),
        [ReasonCode::KindDisagrees]
    );
}

#[test]
fn variations_21_and_22_charges_and_taxes_are_taken_once() {
    let c = read("", CHARGES);
    assert_eq!(codes(&c), []);
    assert_eq!(
        lines(&c),
        [
            "1 item 100.00 [100.00 ?]",
            "1 tax 8.25 [8.25 ?]",
            "0 freight 12.00 [12.00 ?]",
            "0 discount -5.00 [-5.00 ?]",
            "0 fee 3.50 [3.50 ?]"
        ]
    );
    assert_eq!(c.invoice.lines[4].description.as_ref().unwrap().raw(), "Pallet");
    assert!(c.warnings[0].raw().starts_with("freight: the header says 12, the lines together 11.5"));
    assert_eq!(codes(&read("[charges]\nlevel = \"lines\"", CHARGES)), [ReasonCode::TotalsDisagree]);
    assert_eq!(codes(&read("[charges]\ndiscount_sign = \"negative\"", CHARGES)), [ReasonCode::TotalsDisagree]);
    let turned = CHARGES.replace("\"discountAmount\": 5", "\"discountAmount\": -5");
    for sign in ["negative", "either"] {
        assert_eq!(lines(&read(&format!("[charges]\ndiscount_sign = \"{sign}\""), &turned)), lines(&c));
    }
    let c = read("[charges]\ntax_source = \"engine\"", DETAIL);
    assert!(c.invoice.lines.iter().all(|l| l.kind != LineKind::Tax) && codes(&c) == [ReasonCode::TotalsDisagree]);
    let c = read("[charges]\ntax_source = \"supplier\"", DETAIL);
    assert_eq!(lines(&c).last().unwrap(), "0 tax 39.72 [39.72 ?]");
    let use_tax = detail(&[("\"invoiceSource\"", "\"selfAssessed\": \"Y\", \"invoiceSource\""), ("726.72", "687.00")]);
    assert_eq!(codes(&read("[charges]\nuse_tax = \"$.selfAssessed\"", &use_tax)), []);
}

#[test]
fn a_header_charge_carries_the_segments_only_if_all_lines_agree() {
    let alike = detail(&[
        ("\"6250\"", "\"6100\""),
        ("\"340\"", "\"210\""),
        ("\"shippingCharge\": 18.96", "\"shippingCharge\": 18"),
    ]);
    let freight = |json: &str| lines(&read("", json)).into_iter().find(|l| l.contains("freight")).unwrap();
    assert_eq!(freight(&alike), "0 freight 25.00 [25.00 6100]");
    assert_eq!(
        freight(&detail(&[("\"shippingCharge\": 18.96", "\"shippingCharge\": 18")])),
        "0 freight 25.00 [25.00 ?]"
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_path_and_value() {
    let json = detail(&[
        ("\"2025-03-10T00:00:00.000Z\"", "\"soon\""),
        ("\"quantity\": 4", "\"quantity\": \"four\""),
        ("\"unitPrice\": 80", "\"price\": 80"),
        ("\"Payable\"", "\"Maybe\""),
        ("\"distributionValue\": 40", "\"distributionValue\": 30"),
    ]);
    let told: Vec<_> =
        read("", &json).faults.iter().map(|f| format!("{}: {}", f.code.word(), f.detail.raw())).collect();
    for part in [
        "unreadable: header $.invoiceDate: `soon` is no date",
        "unreadable: line 1 $.quantity: `four` is no amount",
        "unreadable: line 2 $.unitPrice: no value",
        "unknown_status: payment status, header $.paymentStatus: `Maybe` is not known",
        "splits_unclear: line 1: the percentages make 90, not 100",
        "totals_disagree: header $.total.value states 726.72",
    ] {
        assert!(told.iter().any(|t| t.starts_with(part)), "{part}: {told:#?}");
    }
    let c = read("[invoices]\nlines_path = \"$.lineList.rows\"", DETAIL);
    assert!(c.faults[0].detail.raw().contains("finds nothing; members there: invoiceLine"), "{:?}", c.faults);
}

#[test]
fn hostile_text_stays_data() {
    let c = read("", HOSTILE);
    assert_eq!(codes(&c), []);
    assert_eq!(c.invoice.number.as_ref().unwrap().raw(), "A\0B-1");
    assert!(!format!("{c:?}").contains('\u{1b}'));
}

#[test]
fn ten_thousand_lines_are_read() {
    let line = r#"{"quantity": 3, "unitPrice": 0.3333, "shippingCharge": 0.01}"#;
    let all = vec![line; 10_000].join(",");
    let json = format!(
        r#"{{"header":{{"invoiceId":1,"invoiceType":"Invoice","paymentStatus":"Payable","workflowStatus":"Completed",
        "shippingCharge":100.00,"total":{{"currency":"USD","value":10100.00}}}},"lineList":{{"invoiceLine":[{all}]}}}}"#
    );
    let c = read("", &json);
    assert_eq!((codes(&c), c.invoice.lines.len()), (vec![], 20_000));
    let c = read("", &json.replace("\"quantity\": 3", "\"quantity\": \"x\""));
    assert_eq!(c.faults.len(), 102, "a hundred, the total, and how many more: {:?}", c.faults.last());
}

#[test]
fn the_revision_follows_the_posting_and_nothing_else() {
    let revision = |changes: &[(&str, &str)]| read("", &detail(changes)).revision;
    let first = revision(&[]);
    assert_eq!(first, revision(&[("17:04:09.120Z", "18:00:00.000Z"), ("\"Matched\"", "\"Unmatched\"")]));
    assert_eq!(
        first,
        revision(&[("\"Payable\"", "\"In Process\""), ("\"shippingCharge\": 25", "\"shippingCharge\": 25.00")])
    );
    assert_ne!(first, revision(&[("\"0004\"", "\"0005\"")]));
    assert_ne!(first, revision(&[("\"6250\"", "\"6251\"")]));
    assert_ne!(first, revision(&[("\"Calibration visit\"", "\"Calibration\"")]));
}

/// A stored revision must be met again by every later release, or what is posted would look amended.
#[test]
fn the_revisions_of_the_samples_are_known_for_good() {
    let samples = [DETAIL, CREDIT, BY_AMOUNT, CHARGES, HOSTILE];
    let revisions = samples.map(|text| read("", text).revision.to_string());
    assert_eq!(
        revisions,
        [
            "b7e30faf161f1be51c2bbe88e6570c99",
            "97bfa7736cc126ed05522cf28e86f04b",
            "863efa204e2c3f6dcc18318a3969317d",
            "56f994ded1997d5403c741618d8adeac",
            "bca8e094cdee551b1c6dc4b5f3936675",
        ]
    );
}

#[test]
fn what_a_profile_does_not_ask_for_must_be_json_too() {
    let hidden = |value: &str| {
        let text = format!(r#"{{"header":{{"invoiceId":1,"x":{value}}},"lineList":{{"invoiceLine":[]}}}}"#);
        profile("").read_detail(text.as_bytes()).map_err(|fault| fault.what.raw().to_owned())
    };
    for sound in ["1e5", "[{\"y\":[]}]", "\"\\ud83d\\ude00\"", "null", "-0.10"] {
        assert!(hidden(sound).is_ok(), "{sound}");
    }
    let deep = format!("{}{}", "[".repeat(130), "]".repeat(130));
    for broken in ["01", "[1,]", "{\"y\"}", "\"\\ud800\"", "\"\u{7}\"", "nul", "", &deep] {
        assert!(hidden(broken).unwrap_err().starts_with("it is no JSON: "), "{broken}");
    }
    let brackets = format!("[{}1]", "[],".repeat(500));
    assert!(hidden(&brackets).is_ok(), "many brackets are not deep");
}

#[test]
fn faults_of_a_profile_name_line_key_and_the_nearest_known_key() {
    let text = "version = 1\nextends = \"j1p\"\n\n[paging]\nstlye = \"page\"\nstyle = \"pages\"\nsize = \"x\"\n[fields]\ntotal = \"$.total[\"\n[deltas]\n";
    let faults = Profile::parse("own.toml".into(), text.to_owned()).unwrap_err();
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 5, "{told:#?}");
    for part in [
        "own.toml:5: paging.stlye: this key is unknown; did you mean `paging.style`?",
        "own.toml:6: paging.style: `pages` is not one of `start`, `page`",
        "own.toml:7: paging.size: it must be a whole number",
        "own.toml:9: fields.total: `$.total[`: it is no JSONPath",
        "own.toml:10: deltas: this key is unknown; did you mean `delta`?",
    ] {
        assert!(told.iter().any(|t| t.starts_with(part)), "{part}: {told:#?}");
    }
    assert_eq!(Profile::parse("x".into(), "a = [".into()).unwrap_err()[0].line, 1);
    assert!(Profile::load("/nowhere/own.toml").unwrap_err()[0].what.contains("cannot be read"));
    assert!(Profile::parse("copy.toml".into(), Profile::builtin_text().to_owned()).is_ok());
    assert!(Profile::parse("empty.toml".into(), String::new()).unwrap_err().len() > 3);
}

#[test]
fn paths_with_filters_work_wherever_a_path_stands() {
    let toml = "[fields]\nterms = \"$.customFieldValueSetList.customFieldValueSet[?@.name == 'ProjectCode'].customFieldValueList.customFieldValue[0].value\"";
    assert_eq!(read(toml, DETAIL).invoice.terms.unwrap().raw(), "PX-7");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let names = prop_oneof![
        Just("header".to_owned()),
        Just("lineList".to_owned()),
        Just("invoiceLine".to_owned()),
        Just("invoiceId".to_owned()),
        Just("quantity".to_owned()),
        Just("unitPrice".to_owned()),
        Just("total".to_owned()),
        Just("value".to_owned()),
        Just("currency".to_owned()),
        Just("invoiceDate".to_owned()),
        Just("jiinvoiceList".to_owned()),
        Just("jiinvoice".to_owned()),
        Just("splittableFieldSetGroupList".to_owned()),
        Just("splittableFieldSetGroup".to_owned()),
        Just("splittableFieldIndexSet".to_owned()),
        Just("distributionValue".to_owned()),
        Just("taxCharge1".to_owned()),
        "\\PC{0,6}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| Value::Number(n.into())),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e[0-9]{1,3})?"
            .prop_map(|t| t.parse().map(Value::Number).unwrap_or(Value::Null)),
        "\\PC{0,12}".prop_map(Value::String),
        "[0-9T:.Zé-]{0,26}".prop_map(Value::String)
    ];
    leaf.prop_recursive(6, 80, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec((names.clone(), inner), 0..8)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic_and_splits_always_make_their_line(header in any_json(), rows in any_json(), list in any_json()) {
        let p = Profile::builtin().unwrap();
        let document = serde_json::json!({"header": header, "lineList": {"invoiceLine": rows}});
        let mut with_id = document.clone();
        if let Some(header) = with_id["header"].as_object_mut() {
            header.insert("invoiceId".to_owned(), serde_json::json!(1));
        }
        for value in [document, with_id, list] {
            let bytes = serde_json::to_vec(&value).unwrap();
            let _ = p.read_page(&bytes);
            if let Ok(c) = p.read_detail(&bytes) {
                for line in &c.invoice.lines {
                    prop_assert!(!line.splits.is_empty());
                    prop_assert_eq!(line.splits.iter().map(|s| s.amount).sum::<Amount>(), line.amount);
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let p = Profile::builtin().unwrap();
        let _ = p.read_page(&bytes);
        let _ = p.read_detail(&bytes);
        let _ = raw_value(&bytes, "a.b");
    }
}
