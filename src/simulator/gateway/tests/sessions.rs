use super::*;

fn ask(gateway: &mut Gateway, now: Timestamp, auth: &str) -> String {
    let body = "<function controlid=\"q\"><query><object>APTERM</object><select><field>NAME</field></select></query></function>";
    post(gateway, now, &envelope(false, false, auth, body))
}

#[test]
fn a_session_slides_and_ends() {
    let mut gateway = gateway();
    gateway.options_mut().session_life = Duration::from_secs(100);
    let auth = session(&mut gateway, at(0));
    let answer = ask(&mut gateway, at(90), &auth);
    assert!(answer.contains("<sessiontimestamp>2025-11-24T16:01:30+00:00</sessiontimestamp>"), "{answer}");
    assert!(answer.contains("<sessiontimeout>2025-11-24T16:03:10+00:00</sessiontimeout>"));
    assert!(ask(&mut gateway, at(180), &auth).contains("<NAME>Net 30</NAME>"));
    let answer = ask(&mut gateway, at(280), &auth);
    assert!(answer.contains("<userid></userid><companyid></companyid></authentication><errormessage>"), "{answer}");
    assert!(answer.contains("XL03000006") && answer.contains("Invalid session"));
    assert!(!answer.contains("<result>"));
}

#[test]
fn the_endpoint_comes_with_the_session() {
    let mut gateway = gateway();
    gateway.options_mut().endpoint = "http://127.0.0.1:999/ia/xml/xmlgw.phtml".to_owned();
    let body = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    assert_eq!(inner(&post(&mut gateway, at(0), &body), "endpoint"), "http://127.0.0.1:999/ia/xml/xmlgw.phtml");
    gateway.faults_mut().add(Fault::once(
        Trigger::Kind(Kind::Login),
        Behaviour::HostileEndpoint("https://evil.example/ia/xml/xmlgw.phtml".to_owned()),
    ));
    assert_eq!(inner(&post(&mut gateway, at(0), &body), "endpoint"), "https://evil.example/ia/xml/xmlgw.phtml");
}

#[test]
fn a_session_of_an_entity_is_had_from_a_login_or_from_a_session() {
    let mut gateway = gateway();
    let top = session(&mut gateway, at(0));
    let enter = |id: &str| {
        format!("<function controlid=\"s\"><getAPISession><locationid>{id}</locationid></getAPISession></function>")
    };
    let answer = post(&mut gateway, at(0), &envelope(false, false, &top, &enter("E2")));
    let auth = format!("<sessionid>{}</sessionid>", inner(&answer, "sessionid"));
    assert!(answer.contains("<locationid>E2</locationid></api>"), "{answer}");
    let answer = post(&mut gateway, at(0), &envelope(true, false, &auth, &create("a", "N-1", &[("L1", "L2")])));
    assert!(answer.contains("<locationid>E2</locationid><sessiontimestamp>"), "{answer}");
    assert_eq!(gateway.ledger().bills().next().unwrap().entity, "E2");
    let answer = post(&mut gateway, at(0), &envelope(false, false, &top, &enter("L1")));
    assert!(answer.contains("Get API Session Failed"), "{answer}");
}

#[test]
fn an_administrator_can_end_all_sessions() {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(0));
    gateway.person(at(1), Person::EndSessions).unwrap();
    assert!(ask(&mut gateway, at(2), &auth).contains("Invalid session"));
}
