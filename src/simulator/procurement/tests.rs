use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + seconds).unwrap()
}

fn invoice(id: u64, updated: i64) -> Value {
    json!({"header": {
        "invoiceId": id, "supplierInvoiceNumber": format!("N-{id}"), "invoiceType": "Invoice", "paymentStatus": "Payable",
        "workflowStatus": "Completed", "lastUpdate": stamp(at(updated)), "total": {"currency": "USD", "value": 1.5},
        "terms": {"type": "Net"},
    }, "lineList": {"invoiceLine": []}})
}

fn jaggaer(count: u64) -> Procurement {
    let mut procurement = Procurement::new(ProcurementOptions { page_size: 10, ..ProcurementOptions::default() }, 1);
    (1..=count).for_each(|id| procurement.put(invoice(id, id as i64).to_string()));
    procurement
}

const TOKEN: &str = "/auth/realms/J1p-integrations/protocol/openid-connect/token";
const FORM: &str = "application/x-www-form-urlencoded";
const GOOD: &[u8] = b"grant_type=client_credentials&client_id=tollgate&client_secret=jaggaer-Secret-demo";

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn token(procurement: &mut Procurement, now: Timestamp) -> String {
    let call = Call { method: "POST", target: TOKEN, content_type: FORM, body: GOOD, ..Call::default() };
    let reply = procurement.handle(now, &call);
    format!("Bearer {}", body(&reply)["access_token"].as_str().unwrap())
}

fn get(procurement: &mut Procurement, now: Timestamp, rest: &str) -> Reply {
    let token = token(procurement, now);
    let target = format!("/j1p/api/public/ji/v1/invoices{rest}");
    procurement.handle(now, &Call { method: "GET", target: &target, authorization: Some(&token), ..Call::default() })
}

fn ids(reply: &Reply) -> Vec<u64> {
    let page = body(reply);
    page["jiinvoiceList"]["jiinvoice"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["header"]["invoiceId"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_token_is_given_for_the_right_form_alone() {
    let mut procurement = jaggaer(0);
    let mut ask = |method: &str, content_type: &str, body: &[u8]| {
        procurement.handle(at(0), &Call { method, target: TOKEN, content_type, body, ..Call::default() }).status
    };
    assert_eq!(ask("POST", FORM, GOOD), 200);
    assert_eq!(ask("GET", FORM, GOOD), 405);
    assert_eq!(ask("POST", "application/json", GOOD), 415);
    assert_eq!(ask("POST", FORM, b"grant_type=password&client_id=tollgate&client_secret=jaggaer-Secret-demo"), 400);
    assert_eq!(ask("POST", FORM, b"grant_type=client_credentials&client_id=tollgate&client_secret=wrong"), 401);
    assert_eq!(
        ask("POST", FORM, b"grant_type=client_credentials&client_id=tollgate&client_secret=jaggaer%2DSecret%2ddemo"),
        200
    );
    assert_eq!(procurement.stats().tokens, 2);
}

#[test]
fn discovery_leads_to_the_token_address() {
    let mut procurement = jaggaer(0);
    let target = "/auth/realms/J1p-integrations/.well-known/openid-configuration";
    let reply = procurement.handle(at(0), &Call { method: "GET", target, ..Call::default() });
    assert_eq!(body(&reply)["token_endpoint"], format!("http://127.0.0.1:8082{TOKEN}"));
}

#[test]
fn without_a_good_token_the_answer_is_401_of_the_odd_kind() {
    let mut procurement = jaggaer(1);
    procurement.options_mut().token_life = Duration::from_secs(60);
    let good = token(&mut procurement, at(0));
    let mut ask = |now, authorization: Option<&str>| {
        procurement.handle(
            now,
            &Call { method: "GET", target: "/j1p/api/public/ji/v1/invoices/1", authorization, ..Call::default() },
        )
    };
    let refused = ask(at(0), None);
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers, [("Content-Type".to_owned(), "; charset=UTF-8".to_owned())]);
    assert_eq!(ask(at(0), Some("Bearer nonsense")).status, 401);
    assert_eq!(ask(at(59), Some(&good)).status, 200);
    assert_eq!(ask(at(60), Some(&good)).status, 401);
}

#[test]
fn the_list_has_headers_only_and_goes_by_pages() {
    let mut procurement = jaggaer(23);
    let first = get(&mut procurement, at(0), "?start=1");
    let page = body(&first);
    assert_eq!(
        (page["returnCode"].as_u64(), page["totRecords"].as_u64(), page["returnedRecords"].as_u64()),
        (Some(0), Some(23), Some(10))
    );
    assert!(page["jiinvoiceList"]["jiinvoice"][0].get("lineList").is_none());
    assert!(page["jiinvoiceList"]["jiinvoice"][0]["header"].get("terms").is_none());
    assert_eq!(ids(&first), (1..=10).collect::<Vec<_>>());
    let last = get(&mut procurement, at(0), "?start=21");
    assert_eq!(ids(&last), [21, 22, 23]);
    assert_eq!(ids(&get(&mut procurement, at(0), "?start=24")), Vec::<u64>::new());
    assert_eq!(body(&get(&mut procurement, at(0), "?start=0"))["returnCode"], "-102");
}

#[test]
fn the_filter_keeps_what_changed_since_and_what_has_no_date() {
    let mut procurement = jaggaer(9);
    let mut undated = invoice(100, 0);
    undated["header"].as_object_mut().unwrap().remove("lastUpdate");
    procurement.put(undated.to_string());
    let from = stamp(at(8));
    assert_eq!(ids(&get(&mut procurement, at(0), &format!("?start=1&flt=lastUpdate>={from}"))), [8, 9, 100]);
    let encoded = format!("?start=1&flt=LASTUPDATE%3E%3D{}", from.replace(':', "%3A"));
    assert_eq!(ids(&get(&mut procurement, at(0), &encoded)), [8, 9, 100]);
    assert_eq!(
        ids(&get(&mut procurement, at(0), &format!("?flt=paymentStatus==Paid;lastUpdate>={from}"))),
        Vec::<u64>::new()
    );
    assert_eq!(ids(&get(&mut procurement, at(0), "?flt=paymentStatus=in=(Paid,Payable)")).len(), 10);
    assert_eq!(body(&get(&mut procurement, at(0), "?flt=colour==red"))["returnCode"], "-103");
    assert_eq!(body(&get(&mut procurement, at(0), "?flt=lastUpdate>=soon"))["returnCode"], "-103");
}

#[test]
fn a_detail_has_no_envelope() {
    let mut procurement = jaggaer(1);
    assert_eq!(body(&get(&mut procurement, at(0), "/1")), invoice(1, 1));
    assert_eq!(get(&mut procurement, at(0), "/7").status, 404);
}

#[test]
fn nothing_but_reading_is_possible() {
    let mut procurement = jaggaer(1);
    let token = token(&mut procurement, at(0));
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for target in ["/j1p/api/public/ji/v1/invoices", "/j1p/api/public/ji/v1/invoices/1"] {
            let call = Call { method, target, authorization: Some(&token), ..Call::default() };
            assert_eq!(procurement.handle(at(0), &call).status, 405);
        }
    }
    assert_eq!(procurement.stats().writes_refused, 8);
}

#[test]
fn what_people_do_changes_the_invoice_and_its_last_update() {
    let mut procurement = jaggaer(2);
    assert!(procurement.withdraw(at(50), 1));
    let header = procurement.invoice(1).unwrap()["header"].clone();
    assert_eq!(
        (header["workflowStatus"].as_str(), header["lastUpdate"].as_str()),
        (Some("Pending"), Some(stamp(at(50)).as_str()))
    );
    procurement.approve(at(60), 1);
    assert_eq!(procurement.invoice(1).unwrap()["header"]["paymentStatus"], "Payable");
    procurement.amend(at(70), 1, &json!({"header": {"total": {"value": 9}, "dueDate": null}}));
    assert_eq!(procurement.invoice(1).unwrap()["header"]["total"], json!({"currency": "USD", "value": 9}));
    assert!(procurement.delete(2));
    assert!(!procurement.approve(at(80), 2));
    assert_eq!(procurement.len(), 1);
}

#[test]
fn each_trouble_happens_where_and_as_often_as_it_says() {
    let mut procurement = jaggaer(23);
    procurement.add_trouble(Trouble::once(Resource::List, Mishap::Throttle(Some(3))));
    procurement.add_trouble(Trouble::once(Resource::Detail(0), Mishap::ReturnCode("-1".to_owned(), "busy".to_owned())));
    procurement.add_trouble(Trouble::once(Resource::Detail(5), Mishap::TokenExpired));
    let throttled = get(&mut procurement, at(0), "?start=1");
    assert_eq!(throttled.status, 429);
    assert!(throttled.headers.contains(&("Retry-After".to_owned(), "3".to_owned())));
    assert_eq!(get(&mut procurement, at(0), "?start=1").status, 200);
    assert_eq!(body(&get(&mut procurement, at(0), "/4"))["returnCode"], "-1");
    assert_eq!(get(&mut procurement, at(0), "/4").status, 200);
    assert_eq!(get(&mut procurement, at(0), "/5").status, 401);
    assert_eq!(get(&mut procurement, at(0), "/5").status, 200);
    for (mishap, status) in [
        (Mishap::Unauthorized, 401),
        (Mishap::Forbidden, 403),
        (Mishap::Unavailable(503), 503),
        (Mishap::HtmlOk, 200),
        (Mishap::Malformed, 200),
    ] {
        procurement.add_trouble(Trouble::once(Resource::Detail(1), mishap.clone()));
        let reply = get(&mut procurement, at(0), "/1");
        assert_eq!(reply.status, status);
        assert!(serde_json::from_slice::<Value>(&reply.body).is_err() || status != 200, "{mishap:?}");
    }
    for (mishap, delivery) in
        [(Mishap::Drop, Delivery::Drop), (Mishap::Silent, Delivery::Never), (Mishap::Cut(5), Delivery::CloseAfter(5))]
    {
        procurement.add_trouble(Trouble::once(Resource::Detail(1), mishap));
        assert_eq!(get(&mut procurement, at(0), "/1").delivery, delivery);
    }
    procurement.add_trouble(Trouble::once(Resource::Detail(1), Mishap::Latency(70)));
    assert_eq!(get(&mut procurement, at(0), "/1").delay, Duration::from_millis(70));
}

#[test]
fn a_shifted_page_repeats_the_last_record_of_the_one_before() {
    let mut procurement = jaggaer(23);
    procurement.add_trouble(Trouble { on: Resource::List, skip: 1, times: Some(1), does: Mishap::ShiftPage });
    assert_eq!(ids(&get(&mut procurement, at(0), "?start=1")).last(), Some(&10));
    assert_eq!(ids(&get(&mut procurement, at(0), "?start=11")), (10..=19).collect::<Vec<_>>());
    assert_eq!(ids(&get(&mut procurement, at(0), "?start=21")), [21, 22, 23]);
}
