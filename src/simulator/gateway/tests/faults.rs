use super::*;

/// Two bills under one fault; what the client gets, and how many bills stand then.
fn under(does: Behaviour) -> (Reply, usize, Gateway) {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(0));
    add(&mut gateway, does);
    let both = create("a", "N-1", &[]) + &create("b", "N-2", &[]);
    let reply = reply(&mut gateway, at(0), &envelope(true, false, &auth, &both));
    let stand = gateway.ledger().len();
    (reply, stand, gateway)
}

#[test]
fn what_prevents_execution_leaves_the_books_as_they_were() {
    let (reply, stand, _) = under(Behaviour::Refuse);
    assert_eq!((reply.delivery, stand), (Delivery::Drop, 0));
    let (reply, stand, _) = under(Behaviour::Unavailable(503));
    assert_eq!((reply.status, stand), (503, 0));
    let (reply, stand, _) = under(Behaviour::HtmlOk);
    assert_eq!((reply.status, stand), (200, 0));
    assert!(reply.text().contains("<html>"));
    let (reply, stand, _) = under(Behaviour::Throttle(Some(7)));
    assert_eq!((reply.status, stand), (429, 0));
    assert!(reply.headers.contains(&("Retry-After".to_owned(), "7".to_owned())));
    let (reply, stand, _) = under(Behaviour::SessionExpired);
    assert_eq!(stand, 0);
    assert!(reply.text().contains("Invalid session"));
    let (reply, stand, _) = under(Behaviour::Poison);
    assert_eq!(stand, 0);
    assert!(reply.text().contains("XL03000003"));
    let (reply, stand, gateway) = under(Behaviour::RolledBack);
    assert_eq!(stand, 0);
    assert_eq!(all(&reply.text(), "errorno"), ["XL03000009", "XL03000009"]);
    assert!(reply.text().contains("<status>aborted</status>"));
    assert!(gateway.ledger().is_empty());
}

#[test]
fn what_spoils_the_answer_leaves_the_bills_standing() {
    let (reply, stand, _) = under(Behaviour::Drop);
    assert_eq!((reply.delivery, stand), (Delivery::Drop, 2));
    let (reply, stand, _) = under(Behaviour::BadGateway(502));
    assert_eq!((reply.status, stand), (502, 2));
    let (reply, stand, _) = under(Behaviour::AnswerLate(60_000));
    assert_eq!((reply.delay, stand), (Duration::from_secs(60), 2));
    let (reply, stand, _) = under(Behaviour::Silent);
    assert_eq!((reply.delivery, stand), (Delivery::Never, 2));
    let (reply, stand, _) = under(Behaviour::Cut(100));
    assert_eq!((reply.delivery, stand), (Delivery::CloseAfter(100), 2));
    let (reply, stand, _) = under(Behaviour::Malformed);
    assert_eq!(stand, 2);
    assert!(xml::parse(&reply.body).is_err());
    let (reply, stand, _) = under(Behaviour::Trickle(10, 5));
    assert_eq!((reply.delivery, stand), (Delivery::Trickle { chunk: 10, pause: Duration::from_millis(5) }, 2));
    let (reply, stand, _) = under(Behaviour::ForeignControlId);
    assert_eq!(stand, 2);
    assert!(
        reply.text().contains("<controlid>foreign-0</controlid>") && !reply.text().contains("<controlid>a</controlid>")
    );
    let (reply, stand, _) = under(Behaviour::MissingResult);
    assert_eq!((stand, reply.text().matches("<result>").count()), (2, 1));
    let (reply, _, _) = under(Behaviour::Latency(100, 0));
    assert_eq!(reply.delay, Duration::from_millis(100));
}

#[test]
fn a_swapped_answer_is_the_one_before() {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(0));
    gateway.faults_mut().add(Fault { when: Trigger::Always, skip: 1, times: Some(1), does: Behaviour::SwapAnswer });
    let first = post(&mut gateway, at(0), &envelope(true, false, &auth, &create("a", "N-1", &[])));
    let second = post(&mut gateway, at(0), &envelope(true, false, &auth, &create("b", "N-2", &[])));
    assert_eq!(first, second);
    assert_eq!(gateway.ledger().len(), 2);
}

#[test]
fn part_of_a_batch_is_executed_before_the_connection_breaks() {
    let (reply, stand, gateway) = under(Behaviour::Part(1));
    assert_eq!((reply.delivery, stand), (Delivery::Drop, 1));
    assert_eq!(gateway.ledger().bills().next().unwrap().record_id, "N-1");
}

#[test]
fn a_late_commit_comes_after_the_client_gave_up_and_once() {
    let (reply, stand, mut gateway) = under(Behaviour::CommitLate(30_000));
    assert_eq!((reply.delivery, stand), (Delivery::Drop, 0));
    assert_eq!(gateway.next_tick(), Some(at(30)));
    gateway.tick(at(29));
    assert!(gateway.ledger().is_empty());
    gateway.tick(at(30));
    assert_eq!(gateway.ledger().len(), 2);
    assert_eq!(gateway.ledger().bills().next().unwrap().committed_at, at(30));
    gateway.tick(at(99));
    assert_eq!(gateway.ledger().len(), 2);
}

#[test]
fn a_late_commit_is_refused_when_the_same_ids_went_through_meanwhile() {
    let (_, _, mut gateway) = under(Behaviour::CommitLate(30_000));
    write(&mut gateway, at(10), &(create("a", "N-1", &[]) + &create("b", "N-2", &[])));
    gateway.tick(at(31));
    assert_eq!(gateway.ledger().len(), 2);
    let (_, _, mut gateway) = under(Behaviour::CommitLate(30_000));
    add(&mut gateway, Behaviour::UniqueIdIgnored);
    gateway.tick(at(31));
    write(&mut gateway, at(40), &(create("a", "N-1", &[]) + &create("b", "N-2", &[])));
    assert_eq!(gateway.ledger().len(), 4, "a gateway that ignores uniqueid doubles");
}

#[test]
fn a_wrong_amount_is_stored() {
    let (_, _, gateway) = under(Behaviour::WrongAmount(1));
    assert_eq!(gateway.ledger().bills().next().unwrap().total.to_string(), "430.51");
}

#[test]
fn people_are_quick() {
    for (does, state) in [
        (Behaviour::ReversedByHand, BillState::Reversed),
        (Behaviour::DraftedByHand, BillState::Draft),
        (Behaviour::DeclinedByHand, BillState::Declined),
    ] {
        let (_, _, gateway) = under(does);
        assert!(gateway.ledger().bills().all(|bill| bill.state == state));
    }
    let (reply, stand, gateway) = under(Behaviour::DeletedByHand);
    assert!(reply.text().contains("<RECORDNO>60001</RECORDNO>"));
    assert_eq!((stand, gateway.ledger().deleted().len()), (0, 2));
}

#[test]
fn an_error_for_one_bill_leaves_the_others() {
    let mut gateway = gateway();
    gateway.faults_mut().add(Fault::once(Trigger::BillNumber("N-2".to_owned()), Behaviour::Offline));
    gateway.faults_mut().add(Fault::always(
        Trigger::BillNumber("N-3".to_owned()),
        Behaviour::FunctionError {
            errorno: "QX1".to_owned(),
            text: "unheard of".to_owned(),
            correction: String::new(),
        },
    ));
    let three = create("a", "N-1", &[]) + &create("b", "N-2", &[]) + &create("c", "N-3", &[]);
    let answer = write(&mut gateway, at(0), &three);
    assert!(answer.contains("The Service is Temporarily Off-line") && answer.contains("unheard of"), "{answer}");
    assert_eq!(gateway.ledger().len(), 1);
    assert!(write(&mut gateway, at(1), &create("b", "N-2", &[])).contains("60002"), "off-line only once");
    assert!(write(&mut gateway, at(2), &create("c", "N-3", &[])).contains("QX1"));
}

#[test]
fn poison_spoils_every_request_that_holds_it_and_uses_up_no_other_fault() {
    let mut gateway = gateway();
    gateway.faults_mut().add(Fault::once(Trigger::BillNumber("N-1".to_owned()), Behaviour::Drop));
    gateway.faults_mut().add(Fault::always(Trigger::BillNumber("N-9".to_owned()), Behaviour::Poison));
    assert!(write(&mut gateway, at(0), &(create("a", "N-1", &[]) + &create("b", "N-9", &[]))).contains("XL03000003"));
    let auth = session(&mut gateway, at(1));
    let reply = reply(&mut gateway, at(1), &envelope(true, false, &auth, &create("a", "N-1", &[])));
    assert_eq!(reply.delivery, Delivery::Drop);
}

#[test]
fn stale_reads_hide_what_is_young() {
    let mut gateway = gateway();
    write(&mut gateway, at(0), &create("a", "N", &[]));
    gateway.faults_mut().add(Fault::once(Trigger::Kind(Kind::Read), Behaviour::StaleReads(10_000)));
    let ask = "<object>APBILL</object><select><field>RECORDID</field></select>";
    assert!(query(&mut gateway, at(5), ask).contains("totalcount=\"0\""));
    assert!(query(&mut gateway, at(5), ask).contains("totalcount=\"1\""));
}

#[test]
fn a_refused_login_is_refused_once() {
    let mut gateway = gateway();
    gateway.faults_mut().add(Fault::once(Trigger::Kind(Kind::Login), Behaviour::LoginRefused));
    let body = envelope(false, false, LOGIN, "<function controlid=\"s\"><getAPISession/></function>");
    assert!(post(&mut gateway, at(0), &body).contains("Sign-in information is incorrect"));
    assert!(post(&mut gateway, at(0), &body).contains("<sessionid>"));
}

#[test]
fn a_culprit_may_be_called_aborted() {
    let mut gateway = gateway();
    let auth = session(&mut gateway, at(0));
    add(&mut gateway, Behaviour::CulpritAborted);
    let both = create("a", "N-1", &[]) + &create("b", "N-2", &[("V-1", "V-X")]);
    let answer = post(&mut gateway, at(0), &envelope(true, true, &auth, &both));
    assert_eq!(answer.matches("<status>aborted</status>").count(), 2, "{answer}");
}

#[test]
fn triggers_act_when_they_say() {
    let mut plan = Plan::new(1);
    let view = |nth, nth_write, seconds| View {
        now: at(seconds),
        nth,
        nth_write,
        kind: Kind::Write,
        bill_numbers: vec!["N-1"],
    };
    for (when, request, acts) in [
        (Trigger::Always, view(1, None, 0), true),
        (Trigger::Nth(2), view(1, None, 0), false),
        (Trigger::Nth(2), view(2, None, 0), true),
        (Trigger::NthWrite(2), view(2, Some(1), 0), false),
        (Trigger::NthWrite(2), view(9, Some(2), 0), true),
        (Trigger::Kind(Kind::Read), view(1, None, 0), false),
        (Trigger::BillNumber("N-2".to_owned()), view(1, None, 0), false),
        (Trigger::Between(at(10), at(20)), view(1, None, 9), false),
        (Trigger::Between(at(10), at(20)), view(1, None, 10), true),
        (Trigger::Between(at(10), at(20)), view(1, None, 20), false),
        (Trigger::PerMille(0), view(1, None, 0), false),
        (Trigger::PerMille(1000), view(1, None, 0), true),
        (Trigger::All(vec![Trigger::Nth(1), Trigger::Kind(Kind::Read)]), view(1, None, 0), false),
    ] {
        plan.clear();
        plan.add(Fault::always(when.clone(), Behaviour::Drop));
        assert_eq!(!plan.choose(&request).is_empty(), acts, "{when:?}");
    }
    plan.clear();
    plan.add(Fault { when: Trigger::Always, skip: 2, times: Some(2), does: Behaviour::Drop });
    let acted: Vec<bool> = (0..6).map(|n| !plan.choose(&view(n, None, 0)).is_empty()).collect();
    assert_eq!(acted, [false, false, true, true, false, false]);
}

#[test]
fn faults_are_written_as_json() {
    let fault: Fault =
        serde_json::from_str(r#"{"when": {"bill_number": "N-1"}, "times": 1, "does": {"commit_late": 500}}"#).unwrap();
    assert_eq!(fault, Fault::once(Trigger::BillNumber("N-1".to_owned()), Behaviour::CommitLate(500)));
    let fault: Fault = serde_json::from_str(r#"{"when": "always", "does": "drop"}"#).unwrap();
    assert_eq!(fault, Fault::always(Trigger::Always, Behaviour::Drop));
}
