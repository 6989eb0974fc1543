//! That nothing but reads, token calls and updates of suppliers can leave, whatever the profile says.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::gate::Gate;
use super::testing::{answer, config, rig, token};
use super::{Profile, SupplierAnswer};
use crate::model::{MasterField, Text};
use crate::seams::{Bounds, Boxed, Method, NetError, Network, Purpose, Request, Response, Sent};

const BASE: &str = "https://acme.example/j1p/api/public";

/// A profile whose updates go there.
fn aimed(path: &str) -> Result<Profile, String> {
    let text = format!("version = 1\nextends = \"j1p\"\n[suppliers.update]\npath = {path:?}");
    Profile::parse("hostile.toml".into(), text)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// A network that only counts.
#[derive(Default)]
struct Counting(Mutex<Vec<(Method, String)>>);

impl Network for Counting {
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>> {
        self.0.lock().unwrap().push((request.method, request.url));
        Box::pin(async { Ok(answer(200, "{}")) })
    }
}

fn post(purpose: Purpose, url: &str, form: bool) -> Request {
    let content_type = if form { "application/x-www-form-urlencoded" } else { "application/json" };
    let wait = std::time::Duration::from_secs(1);
    Request {
        purpose,
        method: Method::Post,
        url: url.to_owned(),
        headers: vec![("content-type", content_type.to_owned())],
        body: if form { b"grant_type=client_credentials".to_vec() } else { b"{}".to_vec() },
        bounds: Bounds { connect: wait, first_byte: wait, total: wait },
        max_answer: 1 << 20,
    }
}

/// What reaches the network of a gate whose updates go to `update`.
async fn leaves(update: &str, request: Request) -> usize {
    let network = Arc::<Counting>::default();
    let gate = Gate::new(network.clone(), BASE.parse().unwrap(), update);
    let outcome = gate.exchange(request).await;
    let left = network.0.lock().unwrap().len();
    assert!(left == 1 || matches!(outcome, Err(NetError { sent: Sent::No, .. })), "a refusal says that nothing left");
    left
}

#[tokio::test]
async fn of_all_writes_only_the_update_of_a_supplier_and_the_token_call_leave() {
    let good = "ja/v1/companyprofiles";
    assert_eq!(leaves(good, post(Purpose::Supply, &format!("{BASE}/{good}"), false)).await, 1);
    assert_eq!(leaves(good, post(Purpose::Token, "https://acme.example/token", true)).await, 1);
    for target in [
        "ji/v1/invoices",
        "ji/v1/invoices/1",
        "ji/v1/invoices/ocr",
        "ji/v1/purchaseorders",
        "ja/v1/companyprofiles/",
        "ja/v1/companyprofiles/1",
        "ja/v1/companyprofiles?x=1",
        "ja/v1/companyprofiles#x",
        "ja/v1/../../ji/v1/invoices",
        "ja/v1/companyprofiles/../../../ji/v1/invoices",
        "ja/v1/companyprofiles/%2e%2e/invoices",
        "ja/v1/companyprofiles%2F..%2Finvoices",
        "JA/V1/companyprofiles",
        "ja/v1/contracts",
        "",
    ] {
        for purpose in Purpose::ALL {
            for form in [false, true] {
                let left = leaves(good, post(purpose, &format!("{BASE}/{target}"), form)).await;
                let is_token_call = purpose == Purpose::Token && form;
                let documents = ["ji/", "invoice", "order", "contract"].iter().any(|part| target.contains(part));
                assert!(left == 0 || (is_token_call && !documents), "{purpose:?} {form} {target}");
            }
        }
    }
    for url in [
        "https://evil.example/j1p/api/public/ja/v1/companyprofiles",
        "http://acme.example/j1p/api/public/ja/v1/companyprofiles",
        "https://acme.example:444/j1p/api/public/ja/v1/companyprofiles",
        "https://x@acme.example/j1p/api/public/ja/v1/companyprofiles",
        "https://acme.example/ja/v1/companyprofiles",
        "not an address",
    ] {
        assert_eq!(leaves(good, post(Purpose::Supply, url, false)).await, 0, "{url}");
    }
    let mut read = post(Purpose::Fetch, &format!("{BASE}/ji/v1/invoices"), false);
    read.method = Method::Get;
    assert_eq!(leaves(good, read).await, 0, "a read with a body is none");
}

#[test]
fn a_hostile_update_path_is_a_fault_of_the_profile() {
    for path in [
        "ji/v1/invoices",
        "ji/v1/invoices/{id}",
        "ji/v1/companyprofiles",
        "ja/v1/invoices/suppliers",
        "ja/v1/INVOICES/suppliers",
        "ja/v1/purchase-orders/suppliers",
        "ja/v1/purchase_Orders/companyprofiles",
        "ja/v1/companyprofiles/../invoices",
        "../ja/v1/companyprofiles",
        "ja/./companyprofiles",
        "ja/v1/%69nvoices/companyprofiles",
        "ja/v1%2Finvoices/companyprofiles",
        "ja\\v1\\companyprofiles",
        "/ja/v1/companyprofiles",
        "//evil.example/companyprofiles",
        "https://evil.example/companyprofiles",
        "https://acme.example/j1p/api/public/ja/v1/companyprofiles",
        "ja/v1/companyprofiles?flt=x",
        "ja/v1/companyprofiles#x",
        "ja/v1/companyprofiles/",
        "ja//companyprofiles",
        "ja/v1/x{id}/companyprofiles",
        "ja/v1/contracts",
        "ja/v1/сompanyprofiles",
        "companyprofiles @evil.example",
    ] {
        let faults = aimed(path).expect_err(path);
        assert!(faults.contains("suppliers.update.path"), "{path}: {faults}");
    }
    for path in [
        "ja/v1/companyprofiles",
        "ja/v1/companyprofiles/{id}",
        "tsm/v2/suppliers",
        "api/suppliers/{id}/update-supplier",
    ] {
        assert!(aimed(path).is_ok(), "{path}: {:?}", aimed(path));
    }
}

#[test]
fn no_profile_can_ask_for_another_operation_than_an_update() {
    for body in [
        r#"{"company":{"operationCode":"CREATE"}}"#,
        r#"{"company":{"operationcode":"UPDATE_RESET"}}"#,
        r#"{"a":[{"OPERATION_CODE":"CREATEUPDATE"}]}"#,
        r#"{"operationCode":["CREATE"]}"#,
        "[]",
        "no JSON",
    ] {
        let text = format!("version = 1\nextends = \"j1p\"\n[suppliers.update]\nbody = '{body}'");
        assert!(Profile::parse("hostile.toml".into(), text).is_err(), "{body}");
    }
    let text = "version = 1\nextends = \"j1p\"\n[suppliers.update.fields]\ncity = \"company.operationCode\"";
    let profile = Profile::parse("hostile.toml".into(), text.to_owned()).unwrap();
    let set = [(MasterField::City, Text::from("CREATE"))].into_iter().collect();
    assert!(profile.supplier_update("1", &set, None).is_err());
}

#[tokio::test]
async fn an_id_cannot_lead_an_update_elsewhere() {
    for id in ["..", ".", "../../ji/v1/invoices", "a/b", "invoices", "%2e%2e", "1?x", "1#x", "\\", "", "é"] {
        let rig = rig(aimed("ja/v1/suppliers/{id}").unwrap(), config(), |seen| {
            Ok(if seen.1.ends_with("/token") { token("t") } else { answer(200, r#"{"returnCode":"0"}"#) })
        });
        let set = [(MasterField::City, Text::from("X"))].into_iter().collect();
        let answer = rig.client.update_supplier(id, &set, None).await;
        for (method, url, ..) in rig.network.seen.lock().unwrap().iter().filter(|seen| !seen.1.ends_with("/token")) {
            let under = url.strip_prefix(&format!("{BASE}/ja/v1/suppliers/")).expect(url);
            assert!(!under.is_empty() && !under.contains(['/', '.', '?', '#']), "{method:?} {url}");
            assert!(matches!(answer, SupplierAnswer::Done { .. }), "{id}: {answer:?}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_path_a_profile_names_nothing_leaves_for_a_document(
        parts in proptest::collection::vec(
            prop_oneof![
                "(ja|ji|v1|companyprofiles|suppliers|invoices|Purchase-Orders|ocr|\\.\\.|\\.|\\{id\\}|%2e%2e|%69nvoices|)",
                "[ -~]{0,12}",
                any::<String>(),
            ],
            0..6,
        ),
        separator in prop_oneof!["/", "//", "\\\\", "%2f"],
        id in prop_oneof!["[0-9]{1,6}", any::<String>()],
    ) {
        let update = parts.join(&separator);
        let gate = Gate::new(Arc::<Counting>::default(), BASE.parse().unwrap(), &update);
        if let Some(url) = gate.update_address(&id) {
            let lower = url.as_str().to_ascii_lowercase();
            let path = lower.strip_prefix(&format!("{BASE}/")).expect("it is below the base");
            prop_assert!(path.contains("companyprofile") || path.contains("supplier") || path.contains("vendor") || path.contains("compan"));
            for bad in ["invoice", "order", "ocr", "..", "%2f", "%2e", "?", "#", "//", "\\", "@"] {
                prop_assert!(!path.contains(bad), "{}", url);
            }
            prop_assert!(!path.split('/').any(|segment| segment == "ji"));
        }
    }
}
