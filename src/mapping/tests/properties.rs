//! Rules that hold for every invoice.

use proptest::prelude::*;

use super::*;

fn any_text() -> impl Strategy<Value = Option<Text>> {
    prop_oneof![
        Just(None),
        prop::sample::select(vec![
            "6100", "6200", "6999", "210", "OLD", "0004", "0009", "V-HARBOR", "S-2041", "Net 30", " "
        ])
        .prop_map(|text| Some(Text::new(text))),
        any::<String>().prop_map(|text| Some(Text::new(text))),
    ]
}

prop_compose! {
    fn any_line()(
        number in 0u32..4,
        kind in prop::sample::select(vec![LineKind::Item, LineKind::Freight, LineKind::Tax, LineKind::Discount]),
        description in any_text(),
        // Half of the accounts are good, so that many documents become bills.
        splits in prop::collection::vec((0i64..100_000, prop_oneof![Just(Some(Text::new("6100"))), any_text()], any_text()), 1..4),
        po in any_text(),
    ) -> Line {
        let splits: Vec<Split> = splits.into_iter().map(|(cents, account, department)| {
            let mut segments = BTreeMap::new();
            segments.extend(account.map(|text| ("Account".to_owned(), text)));
            segments.extend(department.map(|text| ("Department".to_owned(), text)));
            let amount = Amount::new(if kind == LineKind::Discount { -cents } else { cents }, 2);
            Split { share: SplitShare::Amount(amount), amount, segments }
        }).collect();
        Line {
            number,
            kind,
            description,
            amount: splits.iter().map(|split| split.amount).sum(),
            splits,
            po: po.map(|number| PurchaseOrderLine { number, line: None }),
            ..line(1, LineKind::Item, "0", &[])
        }
    }
}

prop_compose! {
    fn any_invoice()(
        number in prop_oneof![Just(Some(Text::new("HL-1"))), any_text()],
        entity in prop_oneof![Just(Some(Text::new("0004"))), any_text()],
        supplier in prop_oneof![Just(Some(Text::new("V-HARBOR"))), any_text()],
        name in any_text(),
        terms in any_text(),
        lines in prop::collection::vec(any_line(), 0..5),
        off in prop::sample::select(vec![0, 0, 0, 3, 500]),
    ) -> Invoice {
        let sum: Amount = lines.iter().map(|line| line.amount).sum();
        Invoice {
            number,
            entity,
            supplier: Supplier { number: supplier, network_id: None, name },
            terms,
            lines,
            totals: Totals { total: Some(sum + Amount::new(off, 2)), tolerance: amount("0.05") },
            ..invoice()
        }
    }
}

/// The example's rules, and one that leaves fewer documents held.
fn any_rules() -> impl Strategy<Value = bool> {
    any::<bool>()
}

fn chosen(example_rules: bool) -> Rules {
    if example_rules {
        return example();
    }
    rules(
        r#"
[[rule]]
name = "good"
when = { "split.segments.Account" = { one_of = ["6100", "6200"] } }
set = { account = "{split.segments.Account}" }
[[rule]]
name = "rest"
set = { account_label = "Supplies", memo = "{line.description} {split.segments.Department}" }
"#,
    )
}

proptest! {
    #[test]
    fn a_bill_is_the_sum_of_its_splits_and_there_is_one_exactly_without_reasons(
        invoice in any_invoice(), which in any_rules(),
    ) {
        let mapped = map(&chosen(which), &invoice);
        prop_assert_eq!(mapped.bill.is_some(), mapped.reasons.is_empty());
        if let Some(bill) = mapped.bill {
            let sum: Amount = invoice.lines.iter().flat_map(|line| &line.splits).map(|split| split.amount).sum();
            prop_assert_eq!(bill.total(), sum);
            prop_assert!(!bill.lines.is_empty());
            let texts = bill.lines.iter().filter_map(|line| line.memo.as_deref()).chain([bill.description.as_str()]);
            prop_assert!(texts.flat_map(str::chars).all(|c| !is_forbidden_in_xml(c) && !c.is_control()));
            prop_assert!(bill.lines.iter().all(|line| line.account.is_some() != line.account_label.is_some()));
        }
    }

    #[test]
    fn the_same_invoice_always_gives_the_same(invoice in any_invoice(), which in any_rules()) {
        prop_assert_eq!(map(&chosen(which), &invoice), map(&chosen(which), &invoice));
    }

    #[test]
    fn the_explanation_says_what_the_bill_says(invoice in any_invoice(), which in any_rules()) {
        let mapped = map(&chosen(which), &invoice);
        let explanation = mapped.explanation.unwrap();
        prop_assert!(explanation.text().chars().all(|c| !c.is_control() || c == '\n'));
        let Some(bill) = mapped.bill else { return Ok(()) };
        let value = |decisions: &[Decision], target| {
            let decision = decisions.iter().find(|decision| decision.target == target);
            decision.and_then(|decision| decision.value.as_ref()).map(|text| text.raw().to_owned())
        };
        prop_assert_eq!(value(&explanation.document, Target::Vendor), Some(bill.vendor.clone()));
        prop_assert_eq!(value(&explanation.document, Target::PostingDate), Some(bill.posting_date.to_string()));
        prop_assert_eq!(value(&explanation.document, Target::DueDate), Some(bill.due_date.to_string()));
        prop_assert_eq!(value(&explanation.document, Target::Term), bill.term.clone());
        let mut seen = 0;
        for split in explanation.lines.iter().flat_map(|line| &line.splits) {
            let Some(number) = split.bill_line else { continue };
            seen += 1;
            let line = &bill.lines[number - 1];
            let dimensions = &line.dimensions;
            prop_assert_eq!(split.amount, line.amount);
            for (target, expected) in [
                (Target::Account, &line.account),
                (Target::AccountLabel, &line.account_label),
                (Target::Department, &dimensions.department),
                (Target::Location, &dimensions.location),
                (Target::Memo, &line.memo),
            ] {
                prop_assert_eq!(&value(&split.decisions, target), expected);
            }
        }
        prop_assert_eq!(seen, bill.lines.len());
    }

    #[test]
    fn no_text_makes_the_reader_fall(text in any::<String>()) {
        let _ = Rules::parse(&text, Path::new("mapping.toml"));
        let rule = format!("version = 1\n[vendor]\nfind = \"V\"\n[[rule]]\nset = {{ memo = {} }}\n", serde_json::json!(text));
        let _ = Rules::parse(&rule, Path::new("mapping.toml"));
    }
}
