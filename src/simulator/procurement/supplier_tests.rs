use std::collections::BTreeMap;

use super::*;

fn supplier(id: u64, updated: Option<&str>) -> Value {
    let mut record = json!({"returnCompanyInfo": {
        "bravoId": id.to_string(), "companyName": format!("Supplier {id}"), "extCode": format!("V-{id}"), "status": "ACTIVE",
        "isoCountry": "NO", "type": "SELLER", "version": 1,
    }});
    if let Some(at) = updated {
        record["returnCompanyInfo"]["lastModTime"] = json!(at);
    }
    record
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + seconds).unwrap()
}

fn jaggaer(count: u64) -> Procurement {
    let mut procurement = Procurement::new(ProcurementOptions { page_size: 10, ..ProcurementOptions::default() }, 1);
    (1..=count).for_each(|id| procurement.suppliers_mut().put(supplier(id, Some(&format!("202503{id:02}")))));
    procurement
}

fn ask(procurement: &mut Procurement, method: &str, rest: &str, body: &str) -> Reply {
    let form = "application/x-www-form-urlencoded";
    let good = b"grant_type=client_credentials&client_id=tollgate&client_secret=jaggaer-Secret-demo";
    let target = "/auth/realms/J1p-integrations/protocol/openid-connect/token";
    let call = Call { method: "POST", target, content_type: form, body: good, ..Call::default() };
    let answer: Value = serde_json::from_slice(&procurement.handle(at(0), &call).body).unwrap();
    let token = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let target = format!("/j1p/api/public/ja/v1/companyprofiles{rest}");
    let authorization = Some(token.as_str());
    let call = Call { method, target: &target, authorization, content_type: "application/json", body: body.as_bytes() };
    procurement.handle(at(0), &call)
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn ids(procurement: &mut Procurement, query: &str) -> Vec<u64> {
    let page = json_of(&ask(procurement, "GET", query, ""));
    let list = page["returnCompanyData"].as_array().unwrap_or_else(|| panic!("{page}"));
    list.iter().map(|one| one["returnCompanyInfo"]["bravoId"].as_str().unwrap().parse().unwrap()).collect()
}

fn update(info: Value) -> String {
    json!({"company": {"operationCode": "UPDATE", "sendEMail": false, "companyInfo": info}}).to_string()
}

#[test]
fn suppliers_are_listed_by_pages_and_filters_and_read_by_id() {
    let mut procurement = jaggaer(23);
    procurement.suppliers_mut().put(supplier(100, None));
    assert_eq!(ids(&mut procurement, "?start=1"), (1..=10).collect::<Vec<_>>());
    assert_eq!(ids(&mut procurement, "?start=21&flt=TYPE==SELLER"), [21, 22, 23, 100]);
    assert_eq!(ids(&mut procurement, "?flt=type==SELLER;LASTMODTIME%3E=20250322000000"), [22, 23, 100]);
    assert_eq!(ids(&mut procurement, "?flt=BRAVOID==7"), [7]);
    assert_eq!(ids(&mut procurement, "?flt=TYPE==BUYER"), Vec::<u64>::new());
    for wrong in ["?flt=colour==red", "?flt=LASTMODTIME>=soon", "?start=0", "?page=2"] {
        assert_ne!(json_of(&ask(&mut procurement, "GET", wrong, ""))["returnCode"], "0", "{wrong}");
    }
    assert_eq!(json_of(&ask(&mut procurement, "GET", "/7", ""))["returnCompanyInfo"]["extCode"], "V-7");
    assert_eq!(ask(&mut procurement, "GET", "/700", "").status, 404);
}

#[test]
fn an_update_sets_its_fields_alone_and_moves_version_and_date() {
    let mut procurement = jaggaer(2);
    let body = update(json!({"bravoId": "2", "version": "1", "city": "Bath", "bizFax": ""}));
    let answer = json_of(&ask(&mut procurement, "POST", "", &body));
    assert_eq!((answer["returnCode"].as_str(), answer["bravoId"].as_str()), (Some("0"), Some("2")));
    let info = procurement.supplier(2).unwrap()["returnCompanyInfo"].clone();
    assert_eq!((info["city"].as_str(), info["version"].as_u64()), (Some("Bath"), Some(2)));
    assert_eq!(
        (info["lastModTime"].as_str(), info["companyName"].as_str()),
        (Some("20251124160000"), Some("Supplier 2"))
    );
    let again = json_of(&ask(&mut procurement, "POST", "", &body));
    assert_eq!(again["returnCode"], "-409", "the version is no longer good");
    assert_eq!(procurement.supplier_changes().len(), 1);
    assert!(procurement.supplier_changes()[0].by_interface && procurement.supplier_changes()[0].field == "city");
}

#[test]
fn whatever_an_update_says_that_is_not_known_is_refused() {
    let mut procurement = jaggaer(2);
    let change = |key: &str, value: &str| update(json!({"bravoId": "1", "version": "1", key: value}));
    for (body, code) in [
        (change("colour", "red"), "-110"),
        (change("status", "ASLEEP"), "-113"),
        (change("isoCountry", "Norway"), "-113"),
        (change("companyName", " "), "-113"),
        (change("bizEmail", "nobody"), "-113"),
        (change("city", &"x".repeat(256)), "-113"),
        (change("bravoId", "9"), "-404"),
        (change("version", "7"), "-409"),
        (update(json!({"bravoId": "1", "city": "X"})), "-409"),
        (update(json!({"bravoId": "1", "version": "1", "city": 7})), "-111"),
        (change("city", "X").replace("UPDATE", "CREATE"), "-120"),
        (change("city", "X").replace("sendEMail", "sendMail"), "-110"),
    ] {
        let answer = json_of(&ask(&mut procurement, "POST", "", &body));
        assert_eq!(answer["returnCode"].as_str(), Some(code), "{body}: {answer}");
    }
    procurement.merge_supplier(at(1), 2, 1);
    let merged = update(json!({"bravoId": "2", "version": "2", "city": "X"}));
    assert_eq!(json_of(&ask(&mut procurement, "POST", "", &merged))["returnCode"], "-130");
    assert_eq!(ask(&mut procurement, "POST", "", "{").status, 400);
    for method in ["PUT", "PATCH", "DELETE"] {
        assert_eq!(ask(&mut procurement, method, "/1", "{}").status, 405);
    }
    assert_eq!(procurement.supplier(1).unwrap(), &supplier(1, Some("20250301")));
}

#[test]
fn what_people_do_with_suppliers_changes_them_and_is_known_as_theirs() {
    let mut procurement = jaggaer(3);
    let bank = BTreeMap::from([("IBAN".to_owned(), "NO93".to_owned())]);
    for change in [
        Change::AddSupplier(supplier(9, None)),
        Change::AmendSupplier(1, json!({"returnCompanyInfo": {"city": "Oslo", "extCode": null}})),
        Change::SetSupplierFields(1, bank),
        Change::DeactivateSupplier(2),
        Change::MergeSupplier(3, 1),
    ] {
        assert!(procurement.change(at(5), change));
    }
    assert!(!procurement.change(at(5), Change::DeactivateSupplier(77)));
    assert_eq!(ids(&mut procurement, "?flt=LASTMODTIME>=20251124160005"), [1, 2, 3, 9]);
    let all = procurement.supplier_changes();
    assert!(all.iter().all(|change| !change.by_interface));
    let line =
        |change: &SupplierChange| format!("{} {} {} -> {}", change.id, change.field, change.before, change.after);
    let lines: Vec<String> = all.iter().map(line).collect();
    let wanted = [
        "1 city  -> Oslo",
        "1 extCode V-1 -> ",
        "1 #IBAN  -> NO93",
        "2 status ACTIVE -> INACTIVE",
        "3 mergedInto  -> 1",
    ];
    for one in wanted {
        assert!(lines.contains(&one.to_owned()), "{one}: {lines:#?}");
    }
    assert!(procurement.change(at(6), Change::DeleteSupplier(9)));
    assert!(procurement.supplier(9).is_none());
}

#[test]
fn troubles_act_on_suppliers_too() {
    let mut procurement = jaggaer(23);
    procurement.add_trouble(Trouble::once(Resource::SupplierList, Mishap::Throttle(Some(3))));
    assert_eq!(ask(&mut procurement, "GET", "?start=1", "").status, 429);
    procurement.add_trouble(Trouble { on: Resource::SupplierList, skip: 1, times: Some(1), does: Mishap::ShiftPage });
    assert_eq!(ids(&mut procurement, "?start=1").last(), Some(&10));
    assert_eq!(ids(&mut procurement, "?start=11")[0], 10);
    let body = update(json!({"bravoId": "1", "version": "1", "city": "Bath"}));
    procurement.add_trouble(Trouble::once(Resource::SupplierUpdate, Mishap::Unavailable(503)));
    assert_eq!(ask(&mut procurement, "POST", "", &body).status, 503);
    assert!(procurement.supplier_changes().is_empty());
    procurement.add_trouble(Trouble::once(Resource::SupplierUpdate, Mishap::LostAnswer));
    assert_eq!(ask(&mut procurement, "POST", "", &body).delivery, Delivery::Drop);
    assert_eq!(procurement.supplier_changes().len(), 1, "it was executed and nobody was told");
}
