use super::*;

#[test]
fn what_is_no_request_is_refused_as_a_whole() {
    let good = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    let mut gateway = gateway();
    assert!(post(&mut gateway, at(0), &good).contains("<status>success</status>"));
    let swapped = good.replace(
        "<controlid>req</controlid><uniqueid>false</uniqueid>",
        "<uniqueid>false</uniqueid><controlid>req</controlid>",
    );
    let long_id = "x".repeat(257);
    for bad in [
        good.replace("</request>", ""),
        good.replace("<controlid>req</controlid>", ""),
        good.replace("<controlid>req</controlid>", "<controlid></controlid>"),
        good.replace("<controlid>req</controlid>", &format!("<controlid>{long_id}</controlid>")),
        swapped,
        good.replace("<uniqueid>false</uniqueid>", "<uniqueid>no</uniqueid>"),
        good.replace("<uniqueid>false</uniqueid>", "<hello/>"),
        good.replace("transaction=\"false\"", "transaction=\"0\""),
        good.replace("<dtdversion>3.0</dtdversion>", "<dtdversion>9</dtdversion>"),
        good.replace(" controlid=\"s\"", ""),
        good.replace("controlid=\"s\"", "controlid=\"\""),
        good.replace("controlid=\"s\"", &format!("controlid=\"{long_id}\"")),
        good.replace("<getAPISession/>", ""),
        good.replace("<getAPISession/>", "<getAPISession/><getAPISession/>"),
        good.replace("<getAPISession/>", "<frobnicate/>"),
        good.replace("<function controlid=\"s\"><getAPISession/></function>", ""),
        good.replace("<userid>ws_tollgate</userid><companyid>DEMOCO</companyid>", "<companyid>DEMOCO</companyid><userid>ws_tollgate</userid>"),
        good.replace(LOGIN, ""),
        good.replace(LOGIN, &format!("{LOGIN}<sessionid>x</sessionid>")),
        good.replace("<content>", "<content>\u{1}"),
        good.replace("<content>", "<content>&#2;"),
        good.replace("request>", "Request>"),
        good.replace(
            "</function>",
            "</function><function controlid=\"b\"><query><object>VENDOR</object><select><field>NAME</field></select></query></function>",
        ),
    ] {
        let answer = post(&mut gateway, at(1), &bad);
        assert!(answer.contains("<errorno>XL03000003</errorno>"), "{bad}\n{answer}");
        assert!(!answer.contains("<operation>"), "{answer}");
    }
    assert_eq!(gateway.stats().logins, 1);
}

#[test]
fn a_forbidden_character_in_one_bill_stops_all_of_them() {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(0));
    let functions = create("a", "N-1", &[]) + &create("b", "N-2", &[("Glass", "Gl\u{b}ass")]);
    let answer = post(&mut gateway, at(0), &envelope(true, false, &auth, &functions));
    assert!(answer.contains("XL03000003"));
    assert!(gateway.ledger().is_empty());
}

#[test]
fn sender_and_user_are_refused_in_their_places() {
    let mut gateway = gateway();
    let good = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    let answer = post(&mut gateway, at(0), &good.replace("sender-Secret-demo", "wrong"));
    assert!(answer.contains("Incorrect Intacct XML Partner ID or password.") && !answer.contains("<operation>"));
    assert!(
        answer.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><control><status>failure</status>")
    );
    let answer = post(&mut gateway, at(0), &good.replace("user-Secret-demo", "wrong"));
    assert!(answer.contains("<authentication><status>failure</status><userid>ws_tollgate</userid>"), "{answer}");
    assert!(answer.contains("XL03000006") && answer.contains("Sign-in information is incorrect"));
    gateway.options_mut().sender_authorized = false;
    let answer = post(&mut gateway, at(0), &good);
    assert!(answer.contains("<description>Invalid Web Services Authorization</description>"));
    let answer = post(
        &mut gateway,
        at(0),
        &good.replace("<dtdversion>3.0</dtdversion>", "<dtdversion>3.0</dtdversion><policyid>P</policyid>"),
    );
    assert!(answer.contains("is not a valid transport policy"));
}

#[test]
fn too_many_wrong_passwords_lock_the_user_out() {
    let mut gateway = gateway();
    let good = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    for _ in 0..gateway.options().lock_after {
        post(&mut gateway, at(0), &good.replace("user-Secret-demo", "wrong"));
    }
    assert!(post(&mut gateway, at(0), &good).contains("Sign-in information is incorrect"));
}

#[test]
fn path_content_type_and_size_are_looked_at_first() {
    let mut gateway = gateway();
    let body = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    assert_eq!(gateway.handle(at(0), "/elsewhere", "application/xml", body.as_bytes()).status, 404);
    let reply = gateway.handle(at(0), "/ia/xml/xmlgw.phtml", "application/json", body.as_bytes());
    assert!(reply.status == 400 && reply.text().contains("GW-0014"));
    gateway.options_mut().max_body = 10;
    assert_eq!(super::reply(&mut gateway, at(0), &body).status, 413);
}

#[test]
fn answers_are_one_line_or_many_as_asked() {
    let mut gateway = gateway();
    let body = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    assert!(!post(&mut gateway, at(0), &body).contains('\n'));
    let many = body.replace("<includewhitespace>false</includewhitespace>", "");
    assert!(post(&mut gateway, at(0), &many).contains("\n      <status>success</status>"));
}

#[test]
fn additional_error_information_is_given_when_asked_for() {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(0));
    let body = envelope(true, false, &auth, &create("a", "N-1", &[("V-1", "V-X")]));
    assert!(!post(&mut gateway, at(0), &body).contains("additionalinfo"));
    let asked = body
        .replace("</includewhitespace>", "</includewhitespace><showadditionalerrorinfo>true</showadditionalerrorinfo>");
    let answer = post(&mut gateway, at(0), &asked);
    assert!(answer.contains("<additionalinfo><errorid>AP-0114</errorid>"), "{answer}");
}

#[test]
fn more_requests_at_a_time_than_allowed_are_told_to_wait() {
    let mut gateway = gateway();
    gateway.options_mut().latency = Duration::from_secs(10);
    let body = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    for _ in 0..2 {
        assert_eq!(reply(&mut gateway, at(0), &body).status, 200);
    }
    let third = reply(&mut gateway, at(5), &body);
    assert_eq!(third.status, 429);
    assert!(third.text().contains("<errorno>GW-0010</errorno>"));
    assert!(third.headers.contains(&("Retry-After".to_owned(), "1".to_owned())));
    assert_eq!(reply(&mut gateway, at(11), &body).status, 200);
    assert_eq!(gateway.stats().most_in_flight, 3);
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let run = || {
        let mut gateway = gateway();
        gateway.faults_mut().add(Fault::always(Trigger::PerMille(300), Behaviour::Drop));
        let mut bytes = Vec::new();
        for n in 0..40 {
            let auth = session_or_none(&mut gateway, at(n));
            let reply = reply(&mut gateway, at(n), &envelope(true, false, &auth, &create(&format!("c{n}"), "N", &[])));
            bytes.push((reply.body, reply.delivery));
        }
        (bytes, gateway.ledger().bills().cloned().collect::<Vec<_>>())
    };
    assert_eq!(run(), run());
}

fn session_or_none(gateway: &mut Gateway, now: Timestamp) -> String {
    let body = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    format!("<sessionid>{}</sessionid>", inner(&reply(gateway, now, &body).text(), "sessionid"))
}

proptest::proptest! {
    #[test]
    fn whatever_is_sent_gets_an_answer_and_only_what_is_in_order_gets_a_bill(
        at_byte in 0_usize..3000, replaced in 0_usize..40, by in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..12),
    ) {
        let mut gateway = gateway();
        let auth = session(&mut gateway, at(0));
        let mut body = envelope(true, false, &auth, &create("a", "N-1", &[])).into_bytes();
        let from = at_byte.min(body.len());
        let to = (from + replaced).min(body.len());
        body.splice(from..to, by);
        let reply = gateway.handle(at(0), "/ia/xml/xmlgw.phtml", "application/xml", &body);
        proptest::prop_assert_eq!(reply.status, 200);
        let answered = reply.text().contains("<RECORDNO>60001</RECORDNO>");
        proptest::prop_assert_eq!(gateway.ledger().len(), usize::from(answered));
        proptest::prop_assert!(xml::parse(&reply.body).is_ok());
    }
}
