//! What people decide about documents, and what they do in Intacct meanwhile.

use serde_json::{Value, json};
use tollgate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use tollgate::simulator::gateway::{Amendment, BillState, HandBill, Line, Person};
use tollgate::simulator::procurement::Change;

use crate::site::{Running, Site, held, plain, posted, until};

/// The bill that must come of the nth invoice, as a person types it from the paper copy.
fn typed(site: &Site, nth: usize, total: Option<rust_decimal::Decimal>) -> HandBill {
    let must = site.world.expected.invoices[nth].bill.clone().unwrap();
    HandBill {
        vendor_id: must.vendor,
        record_id: must.number,
        description: "Typed in by Dana from the paper copy".to_owned(),
        currency: must.currency,
        invoice_date: must.invoice_date,
        gl_date: must.gl_date,
        due_date: must.due_date,
        entity: String::new(),
        lines: vec![Line {
            account: "6100".to_owned(),
            amount: total.unwrap_or(must.total),
            department: "210".to_owned(),
            location: "110".to_owned(),
            ..Line::default()
        }],
    }
}

fn events(site: &Site, nth: usize) -> Vec<String> {
    site.trail(nth).iter().map(|record| record["event"].as_str().unwrap().to_owned()).collect()
}

fn becomes(site: &Site, engine: &mut Running, nth: usize, what: (String, Vec<String>)) {
    until(&format!("document {nth} becomes {what:?}"), || {
        assert!(engine.runs(), "{}", engine.log());
        site.stands(nth) == what
    });
}

#[test]
fn twins_are_adopted_posted_beside_or_dismissed_by_a_person_and_by_nobody_else() {
    let site = Site::started(plain(41, 5));
    let twins: Vec<u64> = (0..3).map(|nth| site.person(Person::Type(typed(&site, nth, None)))).collect();
    site.settle().exits(3);
    for (nth, record) in twins.iter().enumerate() {
        assert_eq!(site.stands(nth), held("twin_by_hand"));
        // Both are shown.
        let shown = site.run(&format!("failures show {} --json", site.id(nth))).exits(0).json();
        assert_eq!(shown["ledger"]["record"], json!(record.to_string()), "{shown}");
        assert_eq!(shown["posting"]["bill"]["number"], json!(site.number(nth)), "{shown}");
    }
    assert_eq!((site.stands(3), site.stands(4)), (posted(), posted()));
    let writes = site.writes();

    // Adopting is read back first: without an engine, with a record that is not there, it is refused.
    let adopt = |nth: usize, record: u64| format!("failures adopt {} --record {record}", site.id(nth));
    assert_ne!(site.run(&adopt(0, twins[0])).says("engine").code, 0);
    let mut engine = site.engine();
    assert_ne!(site.run(&adopt(0, 999_999)).says("nothing was done").code, 0);
    assert_eq!(site.stands(0), held("twin_by_hand"));
    site.run(&adopt(0, twins[0])).exits(0);
    assert_eq!(site.stands(0), posted());
    assert_eq!(site.document(0)["record"], json!(twins[0].to_string()));
    assert_eq!(site.document(0)["flags"], json!(["adopted"]));

    // Post anyway: the second bill stands beside the first, with the reason in the trail.
    let anyway = |reason: &str| site.command(&["failures", "post-anyway", &site.id(1), "--reason", reason]);
    anyway("  ").exits(2);
    anyway("another delivery under the same number, says Dana").exits(0);
    becomes(&site, &mut engine, 1, posted());
    assert_eq!(site.standing(&site.number(1)).len(), 2);
    let trail = site.trail(1);
    let decided = trail.iter().find(|record| record["event"] == "post_anyway").expect("in the trail");
    assert!(decided["what"].as_str().unwrap().contains("says Dana") && decided["who"].to_string().contains("person"));

    // Dismissed, with words; and taken back.
    site.run(&format!("failures dismiss {}", site.id(2))).exits(2).says("--reason");
    site.command(&["failures", "dismiss", &site.id(2), "--reason", " "]).exits(2);
    assert_eq!(site.stands(2), held("twin_by_hand"));
    site.command(&["failures", "dismiss", &site.id(2), "--reason", "paid by card"]).exits(0);
    assert_eq!(site.stands(2), ("dismissed".to_owned(), vec![]));
    site.run("flow run invoices").exits(0);
    site.run("reload").exits(0);
    assert_eq!(site.stands(2).0, "dismissed", "nothing but a person takes it back");
    site.person(Person::Delete(twins[2]));
    site.run(&format!("failures reopen {}", site.id(2))).exits(0);
    becomes(&site, &mut engine, 2, posted());
    assert_eq!(site.standing(&site.number(2)).len(), 1);
    assert_eq!(site.writes(), writes + 2, "one for each that was posted since");
    engine.terminate().exits(0);
    site.run("audit verify").exits(0);
}

#[test]
fn a_refused_bill_is_replayed_as_the_next_generation_once_its_cause_is_mended() {
    let site = Site::started(plain(42, 4));
    let account = site.world.expected.invoices[1].bill.clone().unwrap().accounts.keys().next().cloned().unwrap();
    let others: Vec<usize> = [0, 2, 3]
        .into_iter()
        .filter(|nth| !site.world.expected.invoices[*nth].bill.as_ref().unwrap().accounts.contains_key(&account))
        .collect();
    // Restricted by a rule that no list shows.
    site.stage(|stage| {
        let accounts = &mut stage.gateway.masters_mut().accounts;
        accounts.get_mut(&account).unwrap().restricted_by = Some("the rule 'Only with approval'".to_owned());
    });
    site.settle().exits(3);
    let (state, reasons) = site.stands(1);
    assert_eq!((state.as_str(), reasons), ("failed", vec!["refused".to_owned()]));
    for nth in others {
        assert_eq!(site.stands(nth), posted(), "one that is refused stops no other");
    }
    let shown = site.run(&format!("failures show {} --json", site.id(1))).json();
    for part in ["title", "meaning", "advice"] {
        assert!(!shown["error"][part].as_str().unwrap().is_empty(), "{shown}");
    }
    assert_eq!(shown["posting"]["generation"], 0);
    let first_mark = shown["posting"]["mark"].as_str().unwrap().to_owned();

    // Nothing is tried again by itself, however often it passes.
    let writes = site.writes();
    site.settle().exits(3);
    assert_eq!(site.writes(), writes);
    // Replayed before it is mended, it is refused again, as another generation.
    site.run(&format!("failures replay {}", site.id(1))).exits(0);
    site.settle().exits(3);
    assert_eq!(site.stands(1).0, "failed");
    site.stage(|stage| {
        stage.gateway.masters_mut().accounts.get_mut(&account).unwrap().restricted_by = None;
    });
    site.command(&["failures", "replay", "--all", "--where", "state:failed", "--yes"]).exits(0);
    site.settle().exits(0);
    assert_eq!(site.stands(1), posted());
    let shown = site.run(&format!("invoices show {} --json", site.id(1))).json();
    assert_eq!(shown["posting"]["generation"], 2);
    let mark = shown["posting"]["mark"].as_str().unwrap();
    assert!(
        mark.ends_with("-2") && first_mark.ends_with("-0") && mark[..19] == first_mark[..19],
        "{first_mark} {mark}"
    );
    let [bill] = &site.standing(&site.number(1))[..] else { panic!("once") };
    assert!(bill.description.contains(mark));
    assert!(site.judged().is_empty());
}

#[test]
fn what_changes_in_jaggaer_after_posting_is_flagged_and_changes_no_bill() {
    let site = Site::started(plain(43, 3));
    site.settle().exits(0);
    let (before, status) = (site.bills(), site.run("status --json").json());
    let id = site.world.invoices[1].id;
    let mut amended = site.world.invoices[1].value();
    let first = &mut amended["lineList"]["invoiceLine"][0];
    let quantity: rust_decimal::Decimal = first["quantity"].to_string().parse().unwrap();
    let price: rust_decimal::Decimal = first["unitPrice"].to_string().parse().unwrap();
    let old: rust_decimal::Decimal = amended["header"]["total"]["value"].to_string().parse().unwrap();
    let first = &mut amended["lineList"]["invoiceLine"][0];
    first["quantity"] =
        json!((quantity + rust_decimal::Decimal::ONE).to_string().parse::<serde_json::Number>().unwrap());
    let cents = |value: rust_decimal::Decimal| {
        value.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
    };
    let one = rust_decimal::Decimal::ONE;
    let total = old - cents(quantity * price) + cents((quantity + one) * price);
    amended["header"]["total"]["value"] = json!(total.to_string().parse::<serde_json::Number>().unwrap());
    site.jaggaer(Change::Amend(id, amended));
    site.jaggaer(Change::Withdraw(site.world.invoices[2].id));
    site.settle();
    assert_eq!(site.bills(), before, "the books are left alone");
    for nth in [1, 2] {
        let row = site.document(nth);
        assert_eq!(row["state"], "posted", "{row}");
        let said = row["flags"][0]["changed_after_posting"].as_str().expect("flagged").to_owned();
        let must = if nth == 1 { total.to_string() } else { "approval".to_owned() };
        assert!(said.contains(must.trim_end_matches('0')), "{said}");
    }
    // Posted is what stands in Intacct, not what JAGGAER says since.
    let after = site.run("status --json").json();
    assert_eq!(after["states"]["posted"], status["states"]["posted"]);
    let flagged = site.run("failures list --flagged --json").exits(0).lines();
    assert_eq!(flagged.len(), 2, "{flagged:?}");
    // What matters to no bill is flagged by nobody.
    site.jaggaer(Change::Amend(site.world.invoices[0].id, json!({"header": {"invoiceSource": "Scanned"}})));
    site.settle();
    assert_eq!(site.document(0)["flags"], json!([]));
}

#[test]
fn approval_that_is_lost_before_sending_withdraws_and_given_again_posts() {
    let site = Site::started(plain(44, 2));
    site.run("queue pause --reason month-end").exits(0);
    site.settle().exits(3);
    assert_eq!(site.run("status --json").exits(3).json()["pause"]["why"], "month-end");
    assert_eq!(site.writes(), 0);
    site.jaggaer(Change::Withdraw(site.world.invoices[0].id));
    site.run("queue resume").exits(0);
    site.settle();
    assert_eq!((site.stands(0).0.as_str(), site.stands(1)), ("withdrawn", posted()));
    assert!(site.standing(&site.number(0)).is_empty());
    site.jaggaer(Change::Approve(site.world.invoices[0].id));
    site.settle().exits(0);
    assert_eq!(site.stands(0), posted());
}

#[test]
fn a_bill_that_people_reverse_or_change_before_it_is_read_back_is_never_called_posted() {
    let mut world = plain(45, 4);
    let number = |nth: usize| world.expected.invoices[nth].number.clone().unwrap();
    world.faults = vec![
        Fault::once(Trigger::BillNumber(number(0)), Behaviour::ReversedByHand),
        Fault::once(Trigger::BillNumber(number(1)), Behaviour::WrongAmount(-500)),
        Fault::once(Trigger::BillNumber(number(2)), Behaviour::DeletedByHand),
    ];
    let mut site = Site::new(world);
    site.set("TOLLGATE_INTACCT_FUNCTIONS_PER_REQUEST", "1");
    site.run("run --once");
    site.command(&["posting", "start", "--confirm", crate::site::PHRASE]).exits(0);
    site.settle().exits(3);
    assert_eq!(site.stands(0), ("differs".to_owned(), vec!["not_standing".to_owned()]));
    assert_eq!(site.stands(1), ("differs".to_owned(), vec!["ledger_differs".to_owned()]));
    // One that Intacct named a record for and that vanished is for a person: it was probably deleted.
    assert_eq!(site.stands(2), ("in_doubt".to_owned(), vec!["unsettled".to_owned()]));
    assert_eq!(site.stands(3), posted());
    let detail = site.document(1)["detail"].as_str().unwrap().to_owned();
    let must = site.world.expected.invoices[1].bill.clone().unwrap().total;
    assert!(detail.contains(&must.to_string()), "both amounts are named: {detail}");
    let (writes, reversed) = (site.writes(), site.bills().iter().filter(|bill| !bill.state.stands()).count());
    assert_eq!(reversed, 1);
    site.settle().exits(3);
    assert_eq!(site.writes(), writes, "a machine never posts again what people took back");

    // A person mends the amount and has it looked at again; another decides to post the reversed one again.
    let wrong = site.standing(&site.number(1)).remove(0);
    let mended = wrong.lines[0].amount + rust_decimal::Decimal::from(5);
    site.person(Person::Amend(wrong.record_no, Amendment { first_line: Some(mended), ..Amendment::default() }));
    let mut engine = site.engine();
    site.run(&format!("failures replay {}", site.id(1))).exits(0);
    becomes(&site, &mut engine, 1, posted());
    site.command(&["failures", "post-anyway", &site.id(0), "--reason", "reversed by mistake"]).exits(0);
    becomes(&site, &mut engine, 0, posted());
    let of_first: Vec<_> = site.bills().into_iter().filter(|bill| bill.record_id == site.number(0)).collect();
    assert_eq!(of_first.iter().map(|bill| bill.state).collect::<Vec<_>>(), [BillState::Reversed, BillState::Posted]);
    engine.terminate();
    let shown = site.run(&format!("invoices show {} --json", site.id(0))).json();
    assert_eq!(shown["posting"]["generation"], 1);
    assert!(events(&site, 0).contains(&"not_standing".to_owned()));
}

#[test]
fn a_mark_that_stands_twice_stops_everything_and_names_the_records() {
    let mut world = plain(46, 1);
    // The answer is lost, and for a while no query sees what was taken.
    world.faults = vec![
        Fault::once(Trigger::Kind(Kind::Write), Behaviour::Drop),
        Fault::always(Trigger::Kind(Kind::Read), Behaviour::StaleReads(3_600_000)),
    ];
    let site = Site::started(world);
    site.run("run --once").exits(3);
    assert_eq!(site.stands(0).0, "in_doubt");
    // Meanwhile somebody copies our bill, mark and all.
    let ours = site.bills().remove(0);
    let copy = HandBill { description: ours.description.clone(), ..typed(&site, 0, None) };
    let record = site.person(Person::Type(copy));
    site.stage(|stage| stage.gateway.faults_mut().clear());
    site.settle().exits(3);
    assert_eq!(site.stands(0), ("differs".to_owned(), vec!["doubled".to_owned()]));
    let status: Value = site.run("status --json").exits(3).json();
    let why = status["pause"]["why"].as_str().expect("the queue is stopped").to_owned();
    assert!(why.contains(&record.to_string()) && why.contains(&ours.record_no.to_string()), "{why}");
    // Nothing is sent until a person resumes.
    let writes = site.writes();
    site.jaggaer_gets(3_000_001);
    site.settle().exits(3);
    assert_eq!((site.writes(), site.documents()[&3_000_001]["state"].clone()), (writes, json!("queued")));
    site.person(Person::Reverse(record));
    site.run(&format!("failures replay {}", site.id(0))).exits(0);
    site.run("queue resume").exits(0);
    let mut engine = site.engine();
    becomes(&site, &mut engine, 0, posted());
    until("the other is posted", || site.documents()[&3_000_001]["state"] == "posted");
    assert_eq!(site.standing(&site.number(0)).len(), 1);
}

#[test]
fn what_people_do_to_posted_bills_is_found_by_the_next_audit_and_settled_from_there() {
    let mut site = Site::started(plain(47, 6));
    site.settle().exits(0);
    site.set("TOLLGATE_SCHEDULE_AUDIT", "* * * * * *");
    until("all bills are counted", || {
        site.run("run --once").exits(0);
        site.run("status --json").exits(0).json()["audit"]["standing"] == 6
    });
    let record = |nth: usize| -> u64 { site.document(nth)["record"].as_str().unwrap().parse().unwrap() };
    let records: Vec<u64> = (0..6).map(record).collect();
    site.person(Person::Delete(records[0]));
    site.person(Person::Reverse(records[1]));
    let other = Amendment { first_line: Some(rust_decimal::Decimal::from(7)), ..Amendment::default() };
    site.person(Person::Amend(records[2], other));
    let words = site.standing(&site.number(3)).remove(0).description;
    let copy = HandBill { description: words, record_id: "COPIED".to_owned(), ..typed(&site, 3, None) };
    let copy = site.person(Person::Type(copy));
    site.person(Person::Pay(records[4]));
    let stray = HandBill { description: "Somebody's [TG-ABCDEFGHIJKLMNOP-0]".to_owned(), ..typed(&site, 5, None) };
    let stray = site.person(Person::Type(HandBill { record_id: "STRAY".to_owned(), ..stray }));
    let mut done = site.run("run --once");
    until("a run finds it", || {
        if done.code == 0 {
            done = site.run("run --once");
        }
        done.code != 0
    });
    done.exits(3).says("TG-ABCDEFGHIJKLMNOP-0").says(&stray.to_string());
    let differs = |code: &str| ("differs".to_owned(), vec![code.to_owned()]);
    assert_eq!(site.stands(0), differs("ledger_gone"));
    assert_eq!(site.stands(1), differs("not_standing"));
    assert_eq!(site.stands(2), differs("ledger_differs"));
    assert_eq!(site.stands(3), differs("doubled"));
    assert_eq!((site.stands(4), site.stands(5)), (posted(), posted()), "a paid bill stands");
    let status: Value = site.run("status --json").exits(3).json();
    let audit = &status["audit"];
    for (what, count) in [("bills", 7), ("standing", 2), ("gone", 1), ("fallen", 1), ("changed", 1), ("doubled", 1)] {
        assert_eq!(audit[what], count, "{what}: {audit}");
    }
    let why = status["pause"]["why"].as_str().expect("posting is stopped");
    assert!(why.contains(&copy.to_string()) && why.contains(&records[3].to_string()), "{why}");
    site.run("status").exits(3).says("Audit of the bills: 7 bills counted").says("1 gone").says(&stray.to_string());
    assert_eq!(site.run("failures list --json").exits(0).lines().len(), 4);
    assert!(events(&site, 0).contains(&"gone".to_owned()), "{:?}", events(&site, 0));

    // Each is settled by a person, and nothing by itself.
    let writes = site.writes();
    site.person(Person::Reverse(copy));
    site.person(Person::Delete(stray));
    let mut engine = site.engine();
    site.command(&["failures", "post-anyway", &site.id(0), "--reason", "deleted by mistake"]).exits(0);
    site.command(&["failures", "dismiss", &site.id(1), "--reason", "sent back"]).exits(0);
    site.run(&format!("failures adopt {} --record {}", site.id(2), records[2])).exits(0);
    site.run(&format!("failures replay {}", site.id(3))).exits(0);
    site.run("queue resume").exits(0);
    for nth in [0, 2, 3] {
        becomes(&site, &mut engine, nth, posted());
    }
    until("an audit finds nothing any more", || {
        let status = site.ask(json!("status")).unwrap();
        status["audit"]["standing"] == 5 && status["audit"]["open"] == json!([])
    });
    assert_eq!(
        (site.writes(), site.stands(2)),
        (writes + 1, posted()),
        "what was adopted as it stands is compared with that"
    );
    engine.terminate().exits(0);
    site.run("audit verify").exits(0);
}
