use super::*;

#[test]
fn a_bill_stands_as_sent_with_its_lines_to_the_cent() {
    let mut gateway = gateway();
    let answer = write(&mut gateway, at(0), &create("a-1", "BT-1", &[]));
    assert!(
        answer.contains(
            "<result><status>success</status><function>create</function><controlid>a-1</controlid>\
             <data listtype=\"objects\" count=\"1\"><apbill><RECORDNO>60001</RECORDNO><RECORD_URL>"
        ),
        "{answer}"
    );
    let bill = gateway.ledger().get(60_001).unwrap();
    assert_eq!((bill.total.to_string(), bill.state), ("430.50".to_owned(), BillState::Posted));
    assert_eq!((bill.currency.as_str(), bill.control_id.as_deref()), ("EUR", Some("a-1")));
    assert_eq!(bill.gl_date, jiff::civil::date(2025, 10, 27));
    assert_eq!(bill.lines.len(), 2);
}

#[test]
fn every_rule_refuses_the_bill_that_breaks_it_and_no_other() {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (&[("V-1", "V-X")], "BL01001973", "Invalid Vendor &apos;V-X&apos; specified."),
        (&[("V-1", "V-OLD")], "BL01001973", "Activate the vendor V-OLD"),
        (&[("<VENDORID>V-1</VENDORID>", "")], "BL03000018", "Missing vendor"),
        (&[("<WHENCREATED>10/26/2025</WHENCREATED>", "")], "BL03000018", "WHENCREATED is required"),
        (&[("10/26/2025", "2025-10-26")], "BL03000018", "Invalid date"),
        (&[("10/26/2025", "13/26/2025")], "BL03000018", "Invalid date"),
        (&[("<WHENDUE>11/25/2025</WHENDUE>", "")], "BL03000018", "Missing due date"),
        (&[("11/25/2025", "10/25/2025")], "BL01001973", "earlier than date of transaction"),
        (&[("<RECORDID>N</RECORDID>", "")], "PL01000127", "Document Number is missing"),
        (&[("<RECORDID>N</RECORDID>", "<RECORDID>A#1</RECORDID>")], "BL03000018", "not allowed"),
        (
            &[("<RECORDID>N</RECORDID>", "<RECORDID>0123456789012345678901234567890123456789012345</RECORDID>")],
            "BL03000018",
            "too long",
        ),
        (&[("<ACTION>Submit", "<TERMNAME>Net 31</TERMNAME><ACTION>Submit")], "BL01001973", "Invalid Term"),
        (&[("<ACTION>Submit", "<ACTION>Send")], "BL03000018", "Invalid ACTION"),
        (&[("<CURRENCY>EUR", "<CURRENCY>XXX")], "BL01001973", "Invalid Currency"),
        (&[("6000", "6999")], "BL01001973", "Account 6999 is not valid"),
        (&[("6000", "6990")], "BL01001973", "Account 6990 is not valid"),
        (&[("6000", "1010")], "BL01001973", "is associated to the Bank account"),
        (&[("6000", "6900")], "BL01001973", "GL account is restricted by"),
        (&[("<ACCOUNTNO>6000</ACCOUNTNO>", "")], "BL03000018", "Missing account"),
        (
            &[("<LOCATIONID>L1</LOCATIONID></APBILLITEM>", "</APBILLITEM>")],
            "BL03000018",
            "Missing the Location dimension for Account 6000",
        ),
        (&[("L1", "LX")], "BL01001973", "The location &apos;LX&apos; is invalid"),
        (&[("L1", "L9")], "BL01001973", "The location &apos;L9&apos; is inactive"),
        (&[("<DEPARTMENTID>D1</DEPARTMENTID>", "")], "BL03000018", "Missing the Department dimension for Account 6100"),
        (&[("D1", "DX")], "BL01001973", "The department &apos;DX&apos; is invalid"),
        (&[("D1", "D9")], "BL01001973", "The department &apos;D9&apos; is inactive"),
        (&[("6000", "6200")], "BL03000018", "Missing the Class dimension"),
        (&[("6000", "6300")], "BL03000018", "Missing the Project dimension"),
        (
            &[("<DEPARTMENTID>D1", "<PROJECTID>PX</PROJECTID><DEPARTMENTID>D1")],
            "BL01001973",
            "Invalid Project &apos;PX&apos;",
        ),
        (
            &[("<DEPARTMENTID>D1", "<PROJECTID>P9</PROJECTID><DEPARTMENTID>D1")],
            "BL01001973",
            "Project &apos;P9&apos; specified is not valid",
        ),
        (
            &[("<DEPARTMENTID>D1", "<CLASSID>C9</CLASSID><DEPARTMENTID>D1")],
            "BL01001973",
            "The class &apos;C9&apos; is inactive",
        ),
        (&[("412.50", "412,50")], "BL03000018", "Invalid amount"),
        (&[("<TRX_AMOUNT>412.50</TRX_AMOUNT>", "")], "BL03000018", "Missing amount"),
        (&[("412.50", "-18.00")], "BL01001973", "greater than zero"),
        (&[("<ACTION>", "<COLOUR>red</COLOUR><ACTION>")], "XL03000010", "does not have a field"),
        (&[("<ACTION>", "<CURRENCY>EUR</CURRENCY><ACTION>")], "XL03000010", "stands twice"),
        (&[("<ACCOUNTNO>6000", "<SHADE>red</SHADE><ACCOUNTNO>6000")], "XL03000010", "does not have a field"),
        (&[("APBILLITEMS>", "ITEMS>")], "XL03000010", "does not have a field"),
    ];
    for (change, errorno, text) in cases {
        let mut gateway = gateway();
        let functions = create("bad", "N", change) + &create("good", "G", &[]);
        let answer = write(&mut gateway, at(0), &functions);
        let errors = all(&answer, "errorno");
        assert_eq!(errors, [*errorno, "BL01001973"], "{change:?}\n{answer}");
        assert!(answer.contains(text), "{text}\n{answer}");
        assert!(answer.contains("[Support ID: ") && answer.contains("%7E"));
        assert!(answer.contains("<data listtype=\"objects\" count=\"0\"/><errormessage>"));
        assert!(all(&answer, "description2")[1].ends_with("Could not create Document record!"));
        let standing: Vec<_> = gateway.ledger().bills().map(|bill| bill.record_id.clone()).collect();
        assert_eq!(standing, ["G"], "{change:?}");
    }
}

#[test]
fn a_due_date_comes_from_the_term_and_the_gl_date_from_the_invoice() {
    let mut gateway = gateway();
    let change =
        [("<WHENDUE>11/25/2025</WHENDUE>", "<TERMNAME>Net 30</TERMNAME>"), ("<WHENPOSTED>10/27/2025</WHENPOSTED>", "")];
    write(&mut gateway, at(0), &create("a", "N", &change));
    let bill = gateway.ledger().bills().next().unwrap();
    assert_eq!(bill.due_date, jiff::civil::date(2025, 11, 25));
    assert_eq!(bill.gl_date, bill.invoice_date);
}

#[test]
fn a_closed_period_refuses_its_entity_alone_until_it_is_opened() {
    let mut gateway = gateway();
    let (from, to) = (jiff::civil::date(2025, 10, 1), jiff::civil::date(2025, 10, 31));
    gateway.person(at(0), Person::Close(ClosedPeriod { entity: "E1".to_owned(), from, to })).unwrap();
    let answer = write(&mut gateway, at(0), &create("a", "N", &[]));
    assert!(answer.contains("Date must be on or after 11/01/2025") && answer.contains("closed"), "{answer}");
    assert!(write(&mut gateway, at(0), &create("b", "N", &[("L1", "L2")])).contains("60001"));
    gateway.person(at(0), Person::Open("E1".to_owned(), from)).unwrap();
    assert!(write(&mut gateway, at(0), &create("a", "N", &[])).contains("60002"));
}

#[test]
fn duplicates_are_taken_or_refused_as_the_company_is_set_up() {
    let mut gateway = gateway();
    write(&mut gateway, at(0), &create("a", "N", &[]));
    write(&mut gateway, at(0), &create("b", "N", &[]));
    assert_eq!(gateway.ledger().len(), 2);
    gateway.options_mut().refuse_duplicates = true;
    assert!(write(&mut gateway, at(0), &create("c", "N", &[])).contains("<errorno>BL03002185</errorno>"));
    assert!(write(&mut gateway, at(0), &create("d", "N", &[("V-1", "V-2")])).contains("60003"));
    for record_no in [60_001, 60_002] {
        gateway.person(at(1), Person::Reverse(record_no)).unwrap();
    }
    assert!(write(&mut gateway, at(2), &create("e", "N", &[])).contains("60004"));
}

#[test]
fn drafts_and_approvals_give_other_states() {
    let mut gateway = gateway();
    write(&mut gateway, at(0), &create("a", "N-1", &[("<ACTION>Submit", "<ACTION>Draft")]));
    gateway.options_mut().approvals = true;
    write(&mut gateway, at(0), &create("b", "N-2", &[]));
    let states: Vec<_> = gateway.ledger().bills().map(|bill| bill.state).collect();
    assert_eq!(states, [BillState::Draft, BillState::Submitted]);
}

#[test]
fn an_executed_control_id_is_refused_and_a_failed_one_is_free() {
    let mut gateway = gateway();
    let bad = create("id-1", "N", &[("V-1", "V-X")]);
    assert!(write(&mut gateway, at(0), &bad).contains("Invalid Vendor"));
    assert!(write(&mut gateway, at(1), &create("id-1", "N", &[])).contains("60001"));
    let answer = write(&mut gateway, at(2), &create("id-1", "N", &[]));
    assert!(answer.contains("id-1&apos; was already executed"), "{answer}");
    assert!(answer.contains("<status>failure</status>") && !answer.contains("RECORDNO"));
    let auth = session(&mut gateway, at(3));
    let answer = post(&mut gateway, at(3), &envelope(false, false, &auth, &create("id-1", "N", &[])));
    assert!(answer.contains("60002"), "without uniqueid it is executed again: {answer}");
    let absent = envelope(true, false, &auth, &create("id-1", "N", &[])).replace("<uniqueid>true</uniqueid>", "");
    assert!(post(&mut gateway, at(4), &absent).contains("already"), "absent counts as true");
    assert_eq!(gateway.stats().repeated, 2);
}

#[test]
fn two_functions_of_a_request_with_one_id_are_one_bill() {
    let mut gateway = gateway();
    let answer = write(&mut gateway, at(0), &(create("x", "N", &[]) + &create("x", "N", &[])));
    assert_eq!(gateway.ledger().len(), 1, "{answer}");
}

#[test]
fn as_a_transaction_all_stand_or_none_and_the_ids_stay_free() {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(0));
    let both = create("a", "N-1", &[]) + &create("b", "N-2", &[("V-1", "V-X")]);
    let answer = post(&mut gateway, at(0), &envelope(true, true, &auth, &both));
    assert!(gateway.ledger().is_empty());
    let results: Vec<&str> = answer.split("<result>").skip(1).collect();
    assert!(
        results[0].starts_with("<status>aborted</status>") && results[0].matches("<errorno>").count() == 1,
        "{answer}"
    );
    assert!(results[0].contains("XL03000009") && !results[0].contains("<data"));
    assert!(results[1].starts_with("<status>failure</status>"));
    assert_eq!(all(results[1], "errorno"), ["BL01001973", "XL03000009"]);
    let good = create("a", "N-1", &[]) + &create("b", "N-2", &[]);
    assert!(!post(&mut gateway, at(0), &envelope(true, true, &auth, &good)).contains("error"));
    assert_eq!(gateway.ledger().len(), 2);
}

#[test]
fn other_objects_and_functions_are_not_offered() {
    let mut gateway = gateway();
    for function in ["<create><CUSTOMER/></create>", "<update><APBILL><RECORDNO>1</RECORDNO></APBILL></update>"] {
        let function = format!("<function controlid=\"v\">{function}</function>");
        assert!(write(&mut gateway, at(0), &function).contains("PL04000005"), "{function}");
    }
    let delete = "<function controlid=\"v\"><delete><object>APBILL</object><keys>1</keys></delete></function>";
    assert!(write(&mut gateway, at(0), delete).contains("PL04000005"));
}

#[test]
fn people_change_what_stands() {
    let mut gateway = gateway();
    write(&mut gateway, at(0), &(create("a", "N-1", &[]) + &create("b", "N-2", &[])));
    gateway.person(at(1), Person::Delete(60_001)).unwrap();
    assert_eq!((gateway.ledger().len(), gateway.ledger().deleted().len()), (1, 1));
    let amendment = Amendment {
        record_id: Some("N-9".to_owned()),
        first_line: Some(rust_decimal::Decimal::ONE),
        ..Amendment::default()
    };
    gateway.person(at(2), Person::Amend(60_002, amendment)).unwrap();
    let bill = gateway.ledger().get(60_002).unwrap();
    assert_eq!((bill.record_id.as_str(), bill.total.to_string()), ("N-9", "19.00".to_owned()));
    assert_eq!(gateway.ledger().with_number("N-9").collect::<Vec<_>>(), [60_002]);
    assert_eq!(gateway.ledger().with_number("N-2").count(), 0);
    assert!(gateway.person(at(3), Person::Reverse(1)).is_err());
    gateway.person(at(3), Person::Vendor("V-1".to_owned(), false)).unwrap();
    assert!(write(&mut gateway, at(4), &create("c", "N-3", &[])).contains("Activate the vendor"));
}
