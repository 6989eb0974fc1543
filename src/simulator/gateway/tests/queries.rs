use super::*;

fn filled() -> Gateway {
    let mut gateway = gateway();
    let mut functions = String::new();
    for n in 1..=25 {
        let stem = format!("TG-AAAABBBBCCCCDD{n:02}");
        let vendor = if n % 2 == 0 { "V-1" } else { "V-2" };
        functions.push_str(&create(
            &format!("c{n}"),
            &format!("N-{n:02}"),
            &[("TG-AAAABBBBCCCCDDDD", &stem), (">V-1<", &format!(">{vendor}<")), ("412.50", &format!("{n}.00"))],
        ));
    }
    write(&mut gateway, at(0), &functions);
    assert_eq!(gateway.ledger().len(), 25);
    gateway
}

fn bills(gateway: &mut Gateway, filter: &str) -> Vec<String> {
    let answer = query(
        gateway,
        at(10),
        &format!(
            "<object>APBILL</object><select><field>RECORDID</field></select><filter>{filter}</filter>\
             <orderby><order><field>RECORDNO</field><ascending/></order></orderby><pagesize>2000</pagesize>"
        ),
    );
    assert!(answer.contains("<data listtype=\"APBILL\""), "{answer}");
    all(&answer, "RECORDID")
}

fn test(operator: &str, field: &str, values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
    format!("<{operator}><field>{field}</field>{values}</{operator}>")
}

#[test]
fn every_operator_finds_what_it_says() {
    let mut gateway = filled();
    let cases: &[(String, usize)] = &[
        (test("equalto", "RECORDID", &["N-07"]), 1),
        (test("equalto", "RECORDID", &["n-07"]), 0),
        (test("notequalto", "RECORDID", &["N-07"]), 24),
        (test("lessthan", "RECORDNO", &["60003"]), 2),
        (test("lessthanorequalto", "RECORDNO", &["60003"]), 3),
        (test("greaterthan", "RECORDNO", &["60023"]), 2),
        (test("greaterthanorequalto", "RECORDNO", &["60023"]), 3),
        (test("like", "RECORDID", &["N-1%"]), 10),
        (test("like", "RECORDID", &["N-_1"]), 3),
        (test("notlike", "RECORDID", &["N-1%"]), 15),
        (test("like", "DESCRIPTION", &["%[TG-AAAABBBBCCCCDD07-%"]), 1),
        (test("like", "DESCRIPTION", &["%TG-AAAABBBBCCCCDD07%"]), 1),
        (test("like", "DESCRIPTION", &["%TG-AAAABBBBCCCCDD1%"]), 10),
        (test("like", "DESCRIPTION", &["%glass%"]), 0),
        (test("between", "RECORDNO", &["60002", "60004"]), 3),
        (test("in", "RECORDID", &["N-01", "N-02", "X"]), 2),
        (test("in", "RECORDNO", &["60001", "60009"]), 2),
        (test("notin", "RECORDID", &["N-01", "N-02", "X"]), 23),
        (test("isnull", "DOCNUMBER", &[]), 25),
        (test("isnotnull", "DOCNUMBER", &[]), 0),
        (test("equalto", "STATE", &["Posted"]), 25),
        (test("equalto", "WHENCREATED", &["10/26/2025"]), 25),
        (test("greaterthan", "WHENCREATED", &["10/26/2025"]), 0),
        (test("greaterthanorequalto", "WHENMODIFIED", &["11/24/2025 16:00:00"]), 25),
        (test("greaterthan", "TRX_TOTALENTERED", &["40"]), 3),
        (
            format!(
                "<and>{}{}</and>",
                test("equalto", "VENDORID", &["V-1"]),
                test("in", "RECORDID", &["N-01", "N-02"])
            ),
            1,
        ),
        (format!("<or>{}{}</or>", test("equalto", "RECORDID", &["N-01"]), test("equalto", "RECORDNO", &["60002"])), 2),
        (
            format!("<or>{}{}</or>", test("equalto", "RECORDID", &["N-01"]), test("like", "DESCRIPTION", &["Glass%"])),
            25,
        ),
    ];
    for (filter, found) in cases {
        assert_eq!(bills(&mut gateway, filter).len(), *found, "{filter}");
    }
}

#[test]
fn an_index_finds_what_looking_at_every_bill_finds() {
    let mut gateway = filled();
    gateway.person(at(1), Person::Delete(60_003)).unwrap();
    let amendment = Amendment { description: Some("moved TG-ZZZZBBBBCCCCDDDD-1".to_owned()), ..Amendment::default() };
    gateway.person(at(1), Person::Amend(60_004, amendment)).unwrap();
    for filter in [
        test("like", "DESCRIPTION", &["%TG-AAAABBBBCCCCDD0%"]),
        test("like", "DESCRIPTION", &["%TG-ZZZZBBBBCCCCDDDD-%"]),
        test("in", "RECORDID", &["N-03", "N-04", "N-05"]),
        test("equalto", "VENDORID", &["V-2"]),
        test("greaterthan", "RECORDNO", &["60020"]),
    ] {
        // An additional condition that no index answers, in an `or`, makes the gateway look at every bill.
        let never = test("equalto", "DOCNUMBER", &["nothing has this"]);
        let slow = bills(&mut gateway, &format!("<or>{filter}{never}</or>"));
        assert_eq!(bills(&mut gateway, &filter), slow, "{filter}");
    }
}

#[test]
fn pages_say_how_much_remains() {
    let mut gateway = filled();
    let page = |gateway: &mut Gateway, offset: usize| {
        query(
            gateway,
            at(1),
            &format!(
                "<object>APBILL</object><select><field>RECORDNO</field></select><orderby><order><field>RECORDNO</field>\
                 <descending/></order></orderby><pagesize>10</pagesize><offset>{offset}</offset>"
            ),
        )
    };
    let first = page(&mut gateway, 0);
    assert!(
        first.contains("<data listtype=\"APBILL\" totalcount=\"25\" offset=\"0\" count=\"10\" numremaining=\"15\">")
    );
    assert_eq!(all(&first, "RECORDNO")[0], "60025");
    let last = page(&mut gateway, 20);
    assert!(last.contains("totalcount=\"25\" offset=\"20\" count=\"5\" numremaining=\"0\""));
    let beyond = page(&mut gateway, 30);
    assert!(
        beyond.contains("<data listtype=\"APBILL\" totalcount=\"25\" offset=\"30\" count=\"0\" numremaining=\"0\"/>")
    );
}

#[test]
fn the_schema_of_a_query_is_strict() {
    let mut gateway = filled();
    let good = "<object>APBILL</object><select><field>RECORDNO</field></select>";
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for bad in [
        good.replace("<object>APBILL</object>", ""),
        good.replace("<select><field>RECORDNO</field></select>", ""),
        good.replace("<field>RECORDNO</field>", ""),
        good.replace("<field>RECORDNO</field>", "<fields>RECORDNO</fields>"),
        format!("{good}<pagesize>0</pagesize>"),
        format!("{good}<pagesize>2001</pagesize>"),
        format!("{good}<offset>-1</offset>"),
        format!("{good}<object>VENDOR</object>"),
        format!("{good}<limit>5</limit>"),
        format!("{good}<filter></filter>"),
        format!("{good}<filter>{0}{0}</filter>", test("isnull", "RECORDID", &[])),
        format!("{good}<filter><and>{}</and></filter>", test("isnull", "RECORDID", &[])),
        format!("{good}<filter>{}</filter>", test("is", "RECORDID", &["x"])),
        format!("{good}<filter>{}</filter>", test("equalto", "RECORDID", &["x", "y"])),
        format!("{good}<filter>{}</filter>", test("in", "RECORDID", &[])),
        format!("{good}<filter>{}</filter>", test("in", "RECORDID", &many)),
        format!("{good}<options><returnformat>json</returnformat></options>"),
        format!("{good}<options><showprivate>true</showprivate><caseinsensitive>true</caseinsensitive></options>"),
        format!("{good}<orderby><order><field>RECORDNO</field></order></orderby>"),
    ] {
        let answer = query(&mut gateway, at(1), &bad);
        assert!(answer.contains("XL03000003") && !answer.contains("<operation>"), "{bad}\n{answer}");
    }
    let thousand = format!("{good}<filter>{}</filter>", test("in", "RECORDID", &many[..1000]));
    assert!(query(&mut gateway, at(1), &thousand).contains("totalcount=\"0\""));
}

#[test]
fn what_the_company_does_not_have_fails_the_function() {
    let mut gateway = filled();
    let answer = query(&mut gateway, at(1), "<object>UNICORN</object><select><field>RECORDNO</field></select>");
    assert!(answer.contains("<errorno>Query Failed</errorno>"), "{answer}");
    for bad in [
        "<object>APBILL</object><select><field>COLOUR</field></select>".to_owned(),
        format!(
            "<object>APBILL</object><select><field>RECORDNO</field></select><filter>{}</filter>",
            test("equalto", "COLOUR", &["x"])
        ),
        "<object>GLACCOUNT</object><select><field>WHENMODIFIED</field></select>".to_owned(),
    ] {
        assert!(query(&mut gateway, at(1), &bad).contains("<errorno>XL03000010</errorno>"), "{bad}");
    }
    let nonsense = format!(
        "<object>APBILL</object><select><field>RECORDNO</field></select><filter>{}</filter>",
        test("greaterthan", "WHENCREATED", &["2025-10-26"])
    );
    assert!(query(&mut gateway, at(1), &nonsense).contains("<errorno>DL02000001</errorno>"));
}

#[test]
fn lists_show_what_a_connector_needs() {
    let mut gateway = gateway();
    for (object, fields, text) in [
        ("VENDOR", &["VENDORID", "STATUS", "WHENMODIFIED"][..], "<VENDORID>V-OLD</VENDORID><STATUS>inactive</STATUS>"),
        (
            "GLACCOUNT",
            &["ACCOUNTNO", "REQUIREDEPT", "REQUIREPROJECT"],
            "<ACCOUNTNO>6100</ACCOUNTNO><REQUIREDEPT>true</REQUIREDEPT><REQUIREPROJECT>false</REQUIREPROJECT>",
        ),
        (
            "DEPARTMENT",
            &["DEPARTMENTID", "TITLE", "STATUS"],
            "<DEPARTMENTID>D9</DEPARTMENTID><TITLE>D9</TITLE><STATUS>inactive</STATUS>",
        ),
        ("LOCATION", &["LOCATIONID", "PARENTID"], "<LOCATIONID>L1</LOCATIONID><PARENTID>E1</PARENTID>"),
        ("CLASS", &["CLASSID", "STATUS"], "<CLASSID>C1</CLASSID><STATUS>active</STATUS>"),
        ("PROJECT", &["PROJECTID", "STATUS"], "<PROJECTID>P9</PROJECTID><STATUS>inactive</STATUS>"),
        ("APTERM", &["NAME", "DUEDATE"], "<NAME>Net 30</NAME><DUEDATE>30</DUEDATE>"),
        ("LOCATIONENTITY", &["LOCATIONID"], "<LOCATIONID>E2</LOCATIONID>"),
    ] {
        let fields: String = fields.iter().map(|field| format!("<field>{field}</field>")).collect();
        let answer = query(&mut gateway, at(0), &format!("<object>{object}</object><select>{fields}</select>"));
        assert!(answer.contains(text), "{object}\n{answer}");
    }
}

#[test]
fn private_bills_of_an_entity_are_seen_from_the_top_only_when_asked_for() {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(0));
    let enter = "<function controlid=\"s\"><getAPISession><locationid>E1</locationid></getAPISession></function>";
    let answer = post(&mut gateway, at(0), &envelope(false, false, &auth, enter));
    let inside = format!("<sessionid>{}</sessionid>", inner(&answer, "sessionid"));
    post(&mut gateway, at(0), &envelope(true, false, &inside, &create("a", "N", &[])));
    let plain = "<object>APBILL</object><select><field>MEGAENTITYID</field></select>";
    assert!(query(&mut gateway, at(1), plain).contains("totalcount=\"0\""));
    let private = format!("{plain}<options><showprivate>true</showprivate></options>");
    assert!(query(&mut gateway, at(1), &private).contains("<MEGAENTITYID>E1</MEGAENTITYID>"));
}

#[test]
fn counts_and_sums_are_grouped_by_the_plain_fields() {
    let mut gateway = filled();
    let answer = query(
        &mut gateway,
        at(1),
        "<object>APBILL</object><select><field>VENDORID</field><count>RECORDNO</count><sum>TRX_TOTALENTERED</sum></select>",
    );
    assert!(answer.contains("totalcount=\"2\""), "{answer}");
    assert!(
        answer.contains(
            "<VENDORID>V-1</VENDORID><COUNT.RECORDNO>12</COUNT.RECORDNO><TRX_TOTALENTERED>372</TRX_TOTALENTERED>"
        ),
        "{answer}"
    );
    let none = query(
        &mut gateway,
        at(1),
        &format!(
            "<object>APBILL</object><select><count>RECORDNO</count></select><filter>{}</filter>",
            test("equalto", "RECORDID", &["X"])
        ),
    );
    assert!(none.contains("<COUNT.RECORDNO>0</COUNT.RECORDNO>"), "{none}");
}

#[test]
fn lines_are_found_by_their_bill() {
    let mut gateway = filled();
    let answer = query(
        &mut gateway,
        at(1),
        &format!(
            "<object>APBILLITEM</object><select><field>RECORDKEY</field><field>LINE_NO</field><field>ACCOUNTNO</field>\
             <field>TRX_AMOUNT</field></select><filter>{}</filter><orderby><order><field>RECORDNO</field><ascending/></order></orderby>",
            test("in", "RECORDKEY", &["60002", "60003"])
        ),
    );
    assert_eq!(all(&answer, "LINE_NO"), ["1", "2", "1", "2"]);
    assert_eq!(all(&answer, "RECORDKEY"), ["60002", "60002", "60003", "60003"]);
    assert_eq!(all(&answer, "TRX_AMOUNT")[..2], ["2", "18"]);
}

#[test]
fn a_bill_is_read_with_its_lines() {
    let mut gateway = filled();
    let auth = session(&mut gateway, at(1));
    let read = |fields: &str, keys: &str| {
        format!(
            "<function controlid=\"r\"><read><object>APBILL</object><keys>{keys}</keys><fields>{fields}</fields></read></function>"
        )
    };
    let answer = post(&mut gateway, at(1), &envelope(false, false, &auth, &read("*", "60002,1")));
    assert!(answer.contains("<data listtype=\"APBILL\" count=\"1\"><APBILL><RECORDNO>60002</RECORDNO>"), "{answer}");
    assert_eq!(all(&answer, "ACCOUNTNO"), ["6000", "6100"]);
    let answer = post(&mut gateway, at(1), &envelope(false, false, &auth, &read("COLOUR", "60002")));
    assert!(answer.contains("Invalid fields list COLOUR"), "{answer}");
}

#[test]
fn inspect_tells_the_lengths() {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(1));
    let inspect = "<function controlid=\"i\"><inspect detail=\"1\"><object>APBILL</object></inspect></function>";
    let answer = post(&mut gateway, at(1), &envelope(false, false, &auth, inspect));
    assert!(answer.contains("<Name>RECORDID</Name>") && answer.contains("<maxLength>45</maxLength>"), "{answer}");
}

#[test]
fn what_was_just_committed_is_not_seen_until_the_lag_is_over() {
    let mut gateway = gateway();
    gateway.options_mut().read_lag = Duration::from_secs(5);
    write(&mut gateway, at(0), &create("a", "N", &[]));
    let ask = "<object>APBILL</object><select><field>RECORDID</field></select>";
    assert!(query(&mut gateway, at(4), ask).contains("totalcount=\"0\""));
    assert!(query(&mut gateway, at(5), ask).contains("totalcount=\"1\""));
}
