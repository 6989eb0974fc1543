use std::collections::BTreeSet;

use super::*;
use crate::simulator::gateway::Person;
use crate::simulator::judge::{FindingKind, judge_books};

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let text = |seed| {
        let world = World::demo(seed);
        (world.invoices.clone(), serde_json::to_string(&world.expected).unwrap())
    };
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

#[test]
fn the_demo_has_every_reason_class_and_state() {
    for seed in 0..6 {
        let world = World::demo(seed);
        assert!(world.invoices.len() >= 120, "{}", world.invoices.len());
        assert_eq!(world.invoices.len(), world.expected.invoices.len());
        let reasons: BTreeSet<&str> =
            world.expected.invoices.iter().flat_map(|one| one.reasons.iter().map(String::as_str)).collect();
        for reason in [
            "no_bill_number",
            "bad_bill_number",
            "totals_disagree",
            "credit_memo",
            "kind_disagrees",
            "no_currency",
            "no_invoice_date",
            "due_before_invoice",
            "no_due_date",
            "unknown_status",
            "splits_unclear",
            "unreadable",
            "vendor_unknown",
            "vendor_inactive",
            "value_missing",
            "value_unknown",
            "value_inactive",
            "dimension_required",
            "table_no_row",
            "period_closed",
            "twin_by_hand",
            "duplicate_here",
        ] {
            assert!(reasons.contains(reason), "{reason}");
        }
        let classes: BTreeSet<&str> = world.expected.invoices.iter().filter_map(|one| one.class.as_deref()).collect();
        assert_eq!(classes, BTreeSet::from(["data", "permission", "configuration", "bug", "unknown"]));
        let states: Vec<&str> = world.expected.states.keys().map(String::as_str).collect();
        assert_eq!(states, ["before_cutover", "failed", "held", "not_approved", "posted"]);
    }
}

#[test]
fn ids_and_natural_keys_are_unique_but_for_the_one_duplicate() {
    for seed in 0..6 {
        let world = World::demo(seed);
        let ids: BTreeSet<u64> = world.expected.invoices.iter().map(|one| one.jaggaer_id).collect();
        assert_eq!(ids.len(), world.invoices.len());
        let numbers: BTreeSet<_> = world.expected.invoices.iter().map(|one| one.number.clone()).collect();
        // One number is missing, one comes twice: a set counts the missing one once, and the twice once.
        assert_eq!(numbers.len(), world.invoices.len() - 1, "seed {seed}");
    }
}

#[test]
fn expected_accounts_add_up_to_the_total() {
    let world = World::demo(3);
    for bill in world.expected.invoices.iter().filter_map(|one| one.bill.as_ref()) {
        assert_eq!(bill.accounts.values().sum::<rust_decimal::Decimal>(), bill.total, "{}", bill.number);
    }
}

#[test]
fn only_the_closed_period_has_september_dates() {
    let world = World::demo(5);
    for invoice in &world.expected.invoices {
        if let Some(bill) = &invoice.bill {
            assert!(bill.gl_date >= jiff::civil::date(2025, 10, 1), "{}", invoice.story);
        }
    }
}

#[test]
fn later_invoices_come_up_by_and_by_and_all_in_the_end() {
    let world = World::demo(1);
    let now = long_ago(1_000_000);
    let (mut gateway, mut jaggaer, mut play) = world.open(now, true);
    let before = jaggaer.len();
    assert!(before < world.invoices.len());
    play.step(now.checked_add(jiff::SignedDuration::from_secs(10)).unwrap(), &mut gateway, &mut jaggaer);
    assert_eq!(jaggaer.len(), world.invoices.len());
    assert_eq!(play.next(), None);
    let approved = |id| jaggaer.invoice(id).unwrap()["header"]["paymentStatus"] == "Payable";
    for invoice in world.expected.invoices.iter().filter(|one| one.state == "posted") {
        assert!(approved(invoice.jaggaer_id), "{}", invoice.story);
    }
}

#[test]
fn an_amendment_follows_its_bill() {
    let world = World::demo(1);
    let (mut gateway, mut jaggaer, mut play) = world.open(long_ago(1_000_000), false);
    let invoice = world.expected.invoices.iter().find(|one| one.changed_after_posting).unwrap();
    let bill = invoice.bill.clone().unwrap();
    let was = jaggaer.invoice(invoice.jaggaer_id).unwrap();
    play.step(long_ago(1_000_001), &mut gateway, &mut jaggaer);
    assert_eq!(jaggaer.invoice(invoice.jaggaer_id).unwrap(), was);
    gateway.type_bill_by_hand(
        long_ago(1_000_002),
        HandBill {
            vendor_id: bill.vendor,
            record_id: bill.number,
            description: format!("x [{}-0]", bill.mark_stem),
            currency: bill.currency,
            invoice_date: bill.invoice_date,
            gl_date: bill.gl_date,
            due_date: bill.due_date,
            entity: String::new(),
            lines: Vec::new(),
        },
    );
    play.step(long_ago(1_000_003), &mut gateway, &mut jaggaer);
    let is = jaggaer.invoice(invoice.jaggaer_id).unwrap();
    assert_ne!(is["header"]["total"], was["header"]["total"]);
    assert_ne!(is["header"]["lastUpdate"], was["header"]["lastUpdate"]);
}

#[test]
fn the_judge_misses_what_is_not_there_and_counts_what_is_there_twice() {
    let world = World::bulk(2, 3, 2);
    let (mut gateway, ..) = world.open(long_ago(0), false);
    let kinds = |gateway: &Gateway| -> Vec<FindingKind> {
        judge_books(&world.expected, gateway.ledger().bills()).into_iter().map(|finding| finding.kind).collect()
    };
    assert_eq!(kinds(&gateway), [FindingKind::FalseClaim; 3]);
    let type_in = |gateway: &mut Gateway, which: usize| {
        let bill = world.expected.invoices[which].bill.clone().unwrap();
        gateway.type_bill_by_hand(
            long_ago(0),
            HandBill {
                vendor_id: bill.vendor,
                record_id: bill.number,
                description: format!("Text [{}-0]", bill.mark_stem),
                currency: bill.currency,
                invoice_date: bill.invoice_date,
                gl_date: bill.gl_date,
                due_date: bill.due_date,
                entity: String::new(),
                lines: bill
                    .accounts
                    .iter()
                    .map(|(account, amount)| crate::simulator::gateway::Line {
                        account: account.clone(),
                        amount: *amount,
                        ..Default::default()
                    })
                    .collect(),
            },
        )
    };
    let records: Vec<u64> = (0..3).map(|which| type_in(&mut gateway, which)).collect();
    assert_eq!(kinds(&gateway), []);
    type_in(&mut gateway, 1);
    assert_eq!(kinds(&gateway), [FindingKind::Duplicate]);
    gateway.person(long_ago(1), Person::Reverse(records[1])).unwrap();
    assert_eq!(kinds(&gateway), []);
    gateway
        .amend(
            long_ago(2),
            records[0],
            crate::simulator::gateway::Amendment { gl_date: Some(jiff::civil::date(2030, 1, 1)), ..Default::default() },
        )
        .unwrap();
    assert_eq!(kinds(&gateway), [FindingKind::WrongBill]);
}

#[test]
fn a_configuration_is_written_with_a_key_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let world = World::demo(1);
    let addresses = Addresses {
        jaggaer_base: "http://127.0.0.1:1/j1p/api/public".to_owned(),
        issuer: "http://127.0.0.1:1/auth/realms/J1p-integrations".to_owned(),
        gateway_url: "http://127.0.0.1:2/ia/xml/xmlgw.phtml".to_owned(),
    };
    let config = world.files(directory.path(), &addresses).unwrap();
    let config: toml::Value = toml::from_str(&std::fs::read_to_string(config).unwrap()).unwrap();
    assert_eq!(config["posting"]["mode"].as_str(), Some("post"));
    let mapping = std::fs::read_to_string(directory.path().join("mapping.toml")).unwrap();
    let mapping: toml::Value = toml::from_str(&mapping).unwrap();
    assert_eq!(mapping["rule"].as_array().unwrap().len(), 9);
    let key = std::fs::metadata(directory.path().join("key")).unwrap();
    assert_eq!((key.len(), key.permissions().mode() & 0o777), (32, 0o600));
}
