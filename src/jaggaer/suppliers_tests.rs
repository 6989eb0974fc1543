//! Suppliers: what a record says, how their list is walked, and the one write.

use std::sync::{Arc, Mutex};

use super::testing::{Rig, Seen, answer, config, profile, rig, token};
use super::{JaggaerError, Profile, SupplierAnswer, SupplierRow, suppliers_changed_since};
use crate::model::{Class, MasterField, MasterValues, PaymentItem, Text, Timestamp};
use crate::seams::{Method, NetError, Response, Sent};

const LIST: &str = include_str!("../../fixtures/jaggaer/suppliers.json");

fn rows(profile: &Profile) -> Vec<SupplierRow> {
    let page = profile.read_list(super::listing::Feed::Suppliers, LIST.as_bytes()).unwrap();
    page.items.iter().map(|item| profile.supplier(&item.raw).unwrap()).collect()
}

fn set(given: &[(MasterField, &str)]) -> MasterValues {
    given.iter().map(|(field, value)| (*field, Text::from(*value))).collect()
}

#[test]
fn a_supplier_says_of_every_offered_field_what_stands_there() {
    let harbor = rows(&Profile::builtin().unwrap()).remove(0);
    assert_eq!((harbor.id.raw(), harbor.number.raw()), ("70412", "V-10233"));
    assert_eq!(harbor.modified, Some("2025-03-01T08:15:00Z".parse::<Timestamp>().unwrap()));
    assert_eq!((harbor.token, harbor.merged_into), (Some(Text::from("7")), None));
    for (field, wanted) in [
        (MasterField::Name, Some("Harbor Lab Supply")),
        (MasterField::Status, Some("active")),
        (MasterField::TaxId, Some("US123456789")),
        (MasterField::Currency, Some("USD")),
        (MasterField::Terms, Some("Net 30")),
        (MasterField::Form1099, None),
        (MasterField::OnHold, None),
        (MasterField::Email, Some("ar@harborlab.example")),
        (MasterField::Phone, Some("+1 207 555 0117")),
        (MasterField::Fax, Some("")),
        (MasterField::Website, Some("www.harborlab.example")),
        (MasterField::Address1, Some("12 Quay Street")),
        (MasterField::Address2, None),
        (MasterField::City, Some("Portland")),
        (MasterField::State, Some("ME")),
        (MasterField::Zip, Some("04101")),
        (MasterField::Country, Some("US")),
    ] {
        assert_eq!(harbor.values.get(field).map(Text::raw), wanted, "{field}");
    }
}

#[test]
fn status_words_merged_suppliers_and_one_without_an_id_are_told_apart() {
    let builtin = Profile::builtin().unwrap();
    let rows = rows(&builtin);
    assert_eq!(rows.len(), 3, "the one without an id is a fault of the page");
    assert_eq!((rows[1].values.raw(MasterField::Status), rows[1].values.raw(MasterField::TaxId)), ("active", "IT0455"));
    assert_eq!(rows[1].values.get(MasterField::Terms), Some(&Text::default()), "offered, and nothing stands there");
    assert_eq!(rows[2].merged_into, Some(Text::from("70412")));
    assert_eq!(
        (rows[2].values.get(MasterField::Status), rows[2].unknown_status.clone()),
        (None, Some("MERGED".into()))
    );
    assert_eq!(rows[2].number, Text::default());
    let page = builtin.read_list(super::listing::Feed::Suppliers, LIST.as_bytes()).unwrap();
    assert!(page.faults[0].to_string().contains("item 4 of the page: it has no id"), "{:?}", page.faults);
}

#[test]
fn bank_data_is_read_and_never_printed() {
    let harbor = rows(&Profile::builtin().unwrap()).remove(0);
    assert_eq!(harbor.payment.get(PaymentItem::Iban), Some("NO9386011117947"));
    assert_eq!(harbor.payment.get(PaymentItem::Account), Some("86011117947"));
    assert_eq!(harbor.payment.get(PaymentItem::PayeeName), None);
    assert!(!format!("{harbor:?}").contains("11117947"));
}

#[test]
fn a_profile_of_its_own_can_switch_suppliers_and_their_writing_off() {
    let builtin = Profile::builtin().unwrap();
    assert!(builtin.reads_suppliers() && builtin.writes_suppliers());
    assert!(builtin.writes_supplier_field(MasterField::City) && !builtin.writes_supplier_field(MasterField::OnHold));
    let off = profile("[suppliers]\nlist_path = \"\"");
    assert!(!off.reads_suppliers() && !off.writes_suppliers());
    let one_way = profile("[suppliers.update]\npath = \"\"");
    assert!(one_way.reads_suppliers() && !one_way.writes_suppliers());
    assert!(one_way.supplier_update("1", &set(&[(MasterField::City, "X")]), None).is_err());
    let no_city = profile("[suppliers.fields]\ncity = \"\"\n[suppliers.update.fields]\ncity = \"\"");
    assert!(!no_city.writes_supplier_field(MasterField::City));
    assert_eq!(rows(&no_city)[0].values.get(MasterField::City), None);
    assert_eq!(rows(&no_city)[0].values.raw(MasterField::Zip), "04101", "the others keep their places");
}

#[test]
fn an_update_holds_its_fields_alone_and_its_token() {
    let profile = Profile::builtin().unwrap();
    let values = set(&[(MasterField::City, "Bath \"X\""), (MasterField::Fax, ""), (MasterField::Terms, "Net 45")]);
    let body = profile.supplier_update("70412", &values, Some(&Text::from("7"))).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let wanted = serde_json::json!({"company": {
        "operationCode": "UPDATE", "sendEMail": false,
        "companyInfo": {"bravoId": "70412", "version": "7", "city": "Bath \"X\"", "bizFax": ""},
        "deBasic": {"deInfo": [{"name": "PAYMENT_TERMS", "values": {"value": [{"deValue": "Net 45"}]}}]},
    }});
    assert_eq!(body, wanted);
    for (field, value) in [(MasterField::OnHold, "true"), (MasterField::Status, "asleep")] {
        assert!(profile.supplier_update("1", &set(&[(field, value)]), None).is_err(), "{field}");
    }
    let status = profile.supplier_update("1", &set(&[(MasterField::Status, "inactive")]), None).unwrap();
    assert!(String::from_utf8(status).unwrap().contains(r#""status":"INACTIVE""#));
}

/// Suppliers in list order, id and stamp, `size` a page; what is done before the n-th list call.
struct Server {
    records: Vec<(u32, Option<&'static str>)>,
    size: usize,
    lists: usize,
    before_second: Option<fn(&mut Server)>,
}

impl Server {
    fn answer(&mut self, seen: &Seen) -> Response {
        if seen.0 == Method::Post {
            return token("t");
        }
        self.lists += 1;
        if self.lists == 2
            && let Some(change) = self.before_second.take()
        {
            change(self);
        }
        let query = seen.1.split_once('?').map_or("", |(_, query)| query);
        let start = query.split('&').find_map(|one| one.strip_prefix("start=")?.parse().ok()).unwrap_or(1usize);
        let only = query.split_once("BRAVOID==").map(|(_, id)| id.to_owned());
        let shown = |(id, stamp): &(u32, Option<&str>)| {
            let stamp = stamp.map(|at| format!(r#","lastModTime":"{at}""#)).unwrap_or_default();
            format!(r#"{{"returnCompanyInfo":{{"bravoId":"{id}"{stamp}}}}}"#)
        };
        let of = self.records.iter().filter(|(id, _)| only.as_ref().is_none_or(|only| *only == id.to_string()));
        let all: Vec<String> = of.map(shown).collect();
        let page: Vec<String> = all.iter().skip(start - 1).take(self.size).cloned().collect();
        let (total, count, page) = (all.len(), page.len(), page.join(","));
        let text = format!(
            r#"{{"returnCode":"0","totRecords":{total},"returnedRecords":{count},"returnCompanyData":[{page}]}}"#
        );
        answer(200, &text)
    }
}

async fn walk(server: Server, mark: Option<&str>) -> (Vec<u32>, super::Outcome, Rig) {
    let server = Arc::new(Mutex::new(server));
    let rig = rig(Profile::builtin().unwrap(), config(), move |seen| Ok(server.lock().unwrap().answer(seen)));
    let got = Mutex::new(Vec::new());
    let mark = mark.map(|mark| mark.parse().unwrap());
    let outcome = suppliers_changed_since(&rig.client, mark, &|_, _| false, |batch| {
        got.lock().unwrap().extend(batch.iter().map(|one| one.listed.id.parse::<u32>().unwrap()));
        async { Ok::<_, ()>(()) }
    });
    let outcome = outcome.await.unwrap();
    (got.into_inner().unwrap(), outcome, rig)
}

#[tokio::test]
async fn the_list_of_suppliers_is_walked_as_that_of_invoices() {
    let records = (1..=9).map(|id| (id, Some("20250301081500"))).collect();
    let server = Server { records, size: 4, lists: 0, before_second: None };
    let (got, outcome, rig) = walk(server, Some("2025-02-01T00:00:00Z")).await;
    assert_eq!(got, (1..=9).collect::<Vec<_>>());
    assert_eq!((outcome.shifting, outcome.mark), (false, Some("2025-03-01T08:15:00Z".parse().unwrap())));
    let first = rig.network.seen.lock().unwrap().iter().find(|seen| seen.1.contains("flt=")).unwrap().1.clone();
    assert!(
        first.ends_with("companyprofiles?start=1&flt=TYPE==SELLER;LASTMODTIME%3E=20250131235000"),
        "ten minutes earlier: {first}"
    );
    let posts = rig.network.seen.lock().unwrap().iter().filter(|seen| seen.0 == Method::Post).count();
    assert_eq!(posts, 1, "the token");
}

#[tokio::test]
async fn a_list_that_shifts_and_suppliers_without_a_date_lose_nothing() {
    let records = vec![(1, Some("20250301")), (2, None), (3, Some("20250303")), (4, Some("20250304")), (5, None)];
    let before_second: Option<fn(&mut Server)> = Some(|server| {
        server.records.remove(0);
    });
    let (mut got, outcome, _) = walk(Server { records, size: 2, lists: 0, before_second }, None).await;
    got.sort_unstable();
    got.dedup();
    assert_eq!(got, [1, 2, 3, 4, 5]);
    assert!(!outcome.shifting, "the second walk held still");
    assert_eq!(outcome.mark, Some("2025-03-04T00:00:00Z".parse().unwrap()));
}

#[tokio::test]
async fn one_supplier_is_read_afresh_and_one_that_is_gone_is_told() {
    let server = Mutex::new(Server { records: vec![(7, None), (70, None)], size: 9, lists: 0, before_second: None });
    let rig = rig(Profile::builtin().unwrap(), config(), move |seen| Ok(server.lock().unwrap().answer(seen)));
    let bytes = rig.client.supplier("70").await.unwrap();
    assert_eq!(rig.client.profile().supplier(&bytes).unwrap().id.raw(), "70");
    let asked = rig.network.seen.lock().unwrap().last().unwrap().1.clone();
    assert!(asked.ends_with("/ja/v1/companyprofiles?start=1&flt=BRAVOID==70"), "{asked}");
    let gone = rig.client.supplier("8&x=1").await.unwrap_err();
    assert_eq!(gone.class(), Class::Data);
    let asked = rig.network.seen.lock().unwrap().last().unwrap().1.clone();
    assert!(asked.ends_with("BRAVOID==8%26x%3D1"), "an id never becomes a parameter: {asked}");
}

async fn updated(script: impl FnMut(usize) -> Result<Response, NetError> + Send + 'static) -> (SupplierAnswer, usize) {
    let (mut script, mut nth) = (script, 0);
    let rig = rig(Profile::builtin().unwrap(), config(), move |seen| {
        if seen.1.ends_with("/token") {
            return Ok(token("t"));
        }
        assert_eq!(
            (seen.0, seen.1.as_str()),
            (Method::Post, "https://acme.example/j1p/api/public/ja/v1/companyprofiles")
        );
        assert!(seen.3.contains(r#""city":"Bath""#) && seen.3.contains(r#""version":"7""#), "{}", seen.3);
        nth += 1;
        script(nth)
    });
    let values = set(&[(MasterField::City, "Bath")]);
    let answer = rig.client.update_supplier("70412", &values, Some(&Text::from("7"))).await;
    (answer, rig.network.calls("companyprofiles"))
}

#[tokio::test]
async fn every_answer_to_an_update_has_one_meaning_and_nothing_is_sent_twice() {
    let http = |status: u16, body: &'static str| move |_| Ok(answer(status, body));
    let broke = |sent: Sent| move |_| Err(NetError { sent, what: "broke".to_owned() });
    let word = |answer: &SupplierAnswer| match answer {
        SupplierAnswer::Done { .. } => "done",
        SupplierAnswer::Refused { .. } => "refused",
        SupplierAnswer::Stale { .. } => "stale",
        SupplierAnswer::NotExecuted { .. } => "not executed",
        SupplierAnswer::Unclear { .. } => "unclear",
    };
    for (status, body, wanted) in [
        (200, r#"{"returnCode":"0","returnMessage":"OK","bravoId":"70412"}"#, "done"),
        (200, r#"{"returnCode":1,"returnMessage":"with warnings","bravoId":70412}"#, "done"),
        (200, r#"{"returnCode":"0","bravoId":"70413"}"#, "unclear"),
        (200, r#"{"returnCode":"-7","returnMessage":"fiscalCode not unique"}"#, "refused"),
        (200, r#"{"returnCode":"-409","returnMessage":"changed"}"#, "stale"),
        (200, r#"{"bravoId":"70412"}"#, "unclear"),
        (200, "<html>Sign in</html>", "unclear"),
        (200, "", "unclear"),
        (302, "", "unclear"),
        (400, "no", "refused"),
        (403, "no", "refused"),
        (404, "no", "refused"),
        (408, "", "unclear"),
        (409, "no", "stale"),
        (429, "", "not executed"),
        (500, "", "unclear"),
        (503, "", "unclear"),
    ] {
        let (answer, sent) = updated(http(status, body)).await;
        assert_eq!((word(&answer), sent), (wanted, 1), "{status} {body}: {answer:?}");
    }
    let (answer, sent) = updated(broke(Sent::No)).await;
    assert_eq!((word(&answer), sent), ("not executed", 1));
    let (answer, sent) = updated(broke(Sent::Maybe)).await;
    assert_eq!((word(&answer), sent), ("unclear", 1));
}

#[tokio::test]
async fn a_401_renews_the_token_once_and_no_more() {
    let ok = r#"{"returnCode":"0","bravoId":"70412"}"#;
    let (answer_, sent) = updated(move |nth| Ok(if nth == 1 { answer(401, "") } else { answer(200, ok) })).await;
    assert_eq!((answer_, sent), (SupplierAnswer::Done { said: Text::default() }, 2));
    let (answer_, sent) = updated(|_| Ok(answer(401, ""))).await;
    assert!(matches!(answer_, SupplierAnswer::NotExecuted { .. }) && sent == 2, "{answer_:?} {sent}");
}

#[tokio::test]
async fn what_can_never_be_sent_is_as_good_as_refused_and_nothing_leaves() {
    let rig = rig(Profile::builtin().unwrap(), config(), |_| Ok(token("t")));
    // Intacct has a third status, which JAGGAER does not.
    let values = set(&[(MasterField::Status, "active non-posting")]);
    let answer = rig.client.update_supplier("70412", &values, None).await;
    let SupplierAnswer::Refused { class: Class::Data, said, .. } = &answer else { panic!("{answer:?}") };
    assert!(said.raw().contains("active or inactive"), "{said:?}");
    assert_eq!(rig.network.calls("companyprofiles"), 0);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_does_not_say_that_a_supplier_is_gone() {
    let gone = |error: &JaggaerError| matches!(error, JaggaerError::Status { status: 404, .. });
    for (body, is_gone) in [
        (r#"{"returnCode":"0","returnCompanyData":[]}"#, true),
        (r#"{"returnCode":"0","companies":[]}"#, false),
        (r#"{"returnCode":"0","returnCompanyData":[{"returnCompanyInfo":{"companyName":"Bath"}}]}"#, false),
    ] {
        let rig = rig(Profile::builtin().unwrap(), config(), move |seen| {
            Ok(if seen.0 == Method::Post { token("t") } else { answer(200, body) })
        });
        let error = rig.client.supplier("70412").await.unwrap_err();
        assert_eq!(gone(&error), is_gone, "{body}: {error:?}");
    }
}

#[test]
fn no_field_is_read_or_written_where_bank_data_stand() {
    let load = |text: &str| {
        let text = format!("version = 1\nextends = \"j1p\"\n{text}");
        Profile::parse("own.toml".into(), text)
            .map(drop)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    for (section, place) in [("suppliers.fields", "#IBAN"), ("suppliers.update.fields", "#BANK_ACCOUNT")] {
        let faults = load(&format!("[{section}]\nphone = \"{place}\"")).expect_err(section);
        assert!(faults.contains(&format!("{section}.phone")) && faults.contains("never carried over"), "{faults}");
    }
    assert_eq!(load("[suppliers.fields]\nphone = \"#PHONE\""), Ok(()));
}
