//! What the client does with every kind of answer.

use std::time::Duration;

use futures_util::future::join_all;

use super::testing::{CANARY, Seen, answer, config, profile, rig, token};
use super::{JaggaerError, Profile};
use crate::model::{Class, Secret};
use crate::seams::{Clock, Method, NetError, Response, Sent};

fn is_token((method, url, ..): &Seen) -> bool {
    *method == Method::Post && url.ends_with("/token")
}

const GOOD: &str = r#"{"header":{"invoiceId":1}}"#;

#[tokio::test]
async fn ten_waiting_calls_that_meet_401_make_one_token_call() {
    let mut tokens = 0;
    let rig = rig(Profile::builtin().unwrap(), config(), move |seen| {
        if is_token(seen) {
            tokens += 1;
            return Ok(token(&format!("t{tokens}")));
        }
        // The first token has been revoked at the other side.
        Ok(if seen.2 == "Bearer t1" { answer(401, "") } else { answer(200, GOOD) })
    });
    rig.client.login().await.unwrap();
    let results = join_all((0..10).map(|i| rig.client.detail(Box::leak(i.to_string().into_boxed_str())))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(rig.network.calls("/token"), 2, "one at login, one for all ten");
    assert_eq!(rig.client.counters().token_calls, 2);
}

#[tokio::test]
async fn a_second_refusal_stops_the_flow_until_somebody_retries() {
    let rig = rig(Profile::builtin().unwrap(), config(), |seen| {
        Ok(if is_token(seen) { token("t") } else { answer(401, "") })
    });
    let error = rig.client.detail("1").await.unwrap_err();
    assert!(matches!(error, JaggaerError::AccessRefused { status: 401, .. }), "{error:?}");
    assert!(error.stops_flow() && error.is_unreachable());
    assert_eq!(error.class(), Class::Permission);
    let before = rig.network.seen.lock().unwrap().len();
    assert_eq!(rig.client.detail("2").await.unwrap_err(), error);
    assert_eq!(rig.network.seen.lock().unwrap().len(), before, "nobody knocks again");
    rig.client.retry();
    let _ = rig.client.detail("2").await;
    assert!(rig.network.seen.lock().unwrap().len() > before);
}

#[tokio::test]
async fn a_record_that_is_refused_while_the_list_is_answered_stops_no_other() {
    let rig = rig(Profile::builtin().unwrap(), config(), |seen| {
        Ok(match seen.1.as_str() {
            _ if is_token(seen) => token("t"),
            url if url.ends_with("/invoices/1") || url.contains("BRAVOID==1") => answer(403, ""),
            url if url.contains("BRAVOID==2") => {
                answer(200, r#"{"returnCode":"0","returnCompanyData":[{"returnCompanyInfo":{"bravoId":"2"}}]}"#)
            }
            url if url.contains("companyprofiles") => answer(200, r#"{"returnCode":"0","returnCompanyData":[]}"#),
            url if url.contains("invoices?") => answer(200, r#"{"jiinvoiceList":{"jiinvoice":[]}}"#),
            _ => answer(200, GOOD),
        })
    });
    // The token is no longer new: it is renewed once.
    rig.client.login().await.unwrap();
    rig.clock.pass(Duration::from_secs(100));
    for error in [rig.client.detail("1").await.unwrap_err(), rig.client.supplier("1").await.unwrap_err()] {
        assert!(matches!(error, JaggaerError::RecordRefused { status: 403, .. }), "{error:?}");
        assert!(!error.stops_flow() && !error.is_unreachable() && error.class() == Class::Permission);
    }
    assert_eq!(rig.client.refusal(), None);
    assert!(rig.client.detail("2").await.is_ok() && rig.client.supplier("2").await.is_ok());
    assert_eq!((rig.network.calls("/token"), rig.network.calls("invoices?")), (2, 1));
}

#[tokio::test]
async fn refused_credentials_are_not_asked_with_again_until_they_change() {
    let rig = rig(Profile::builtin().unwrap(), config(), |seen| {
        Ok(if !is_token(seen) {
            answer(200, GOOD)
        } else if seen.3.contains("new-secret") {
            token("t")
        } else {
            answer(401, &format!(r#"{{"error":"invalid_client","error_description":"bad {CANARY}"}}"#))
        })
    });
    let results = join_all(["1", "2", "3"].map(|id| rig.client.detail(id))).await;
    assert!(results.iter().all(|r| matches!(r, Err(JaggaerError::CredentialsRefused { .. }))), "{results:?}");
    assert!(!format!("{results:?}").contains(CANARY), "the secret never comes back out");
    assert_eq!(rig.network.calls("/token"), 1);
    rig.client.set_secret(Secret::new("new-secret".into()));
    assert!(rig.client.detail("1").await.is_ok());
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_its_end() {
    let rig = rig(Profile::builtin().unwrap(), config(), |seen| {
        Ok(if is_token(seen) { token("t") } else { answer(200, GOOD) })
    });
    rig.client.detail("1").await.unwrap();
    let left = rig.client.token_remaining().unwrap();
    rig.clock.pass(left - Duration::from_secs(31));
    rig.client.detail("1").await.unwrap();
    assert_eq!(rig.network.calls("/token"), 1);
    rig.clock.pass(Duration::from_secs(2));
    rig.client.detail("1").await.unwrap();
    assert_eq!(rig.network.calls("/token"), 2);
    assert!(rig.network.seen.lock().unwrap().iter().all(|s| is_token(s) == (s.0 == Method::Post)));
}

#[tokio::test]
async fn discovery_hands_the_secret_only_to_https_on_the_issuers_host() {
    for (endpoint, good) in [
        ("https://id.example/realm/token", true),
        ("https://tokens.example/token", true),
        ("https://evil.example/token", false),
        ("http://id.example/realm/token", false),
        ("https://user:pw@id.example/token", false),
        ("http://127.0.0.1/token", false),
    ] {
        let issuer = config::with_issuer("https://id.example/realm/");
        let rig = rig(profile("[auth]\ntoken_hosts = [\"tokens.example\"]"), issuer, move |seen| {
            Ok(if seen.1 == "https://id.example/realm/.well-known/openid-configuration" {
                answer(200, &format!(r#"{{"token_endpoint":"{endpoint}"}}"#))
            } else if is_token(seen) {
                token("t")
            } else {
                answer(200, GOOD)
            })
        });
        assert_eq!(rig.client.login().await.is_ok(), good, "{endpoint}");
        let posts = rig.network.seen.lock().unwrap().iter().filter(|s| s.0 == Method::Post).count();
        assert_eq!(posts, usize::from(good), "{endpoint}");
    }
}

mod config {
    pub(super) fn with_issuer(issuer: &str) -> crate::config::Jaggaer {
        crate::config::Jaggaer { issuer: Some(issuer.into()), token_url: None, ..super::config() }
    }
}

#[tokio::test]
async fn a_429_waits_as_long_as_it_is_told() {
    for (header, least) in
        [(Some("20"), 20), (Some("Thu, 01 Jan 2026 00:18:00 GMT"), 70), (None, 7), (Some("99999"), 900)]
    {
        let mut refused = false;
        let rig = rig(Profile::builtin().unwrap(), super::testing::config(), move |seen| {
            if is_token(seen) {
                return Ok(answer(200, r#"{"access_token":"t","expires_in":86400}"#));
            }
            if refused {
                return Ok(answer(200, GOOD));
            }
            refused = true;
            let headers = header.iter().map(|h| ("retry-after".to_owned(), h.to_string())).collect();
            Ok(Response { status: 429, headers, body: Vec::new() })
        });
        let start = rig.clock.monotonic();
        rig.client.detail("1").await.unwrap();
        let waited = (rig.clock.monotonic() - start).as_secs();
        assert!((least..=least + 10).contains(&waited), "{header:?}: {waited}");
        assert_eq!(rig.client.counters().throttled, 1);
    }
}

#[tokio::test]
async fn a_busy_or_silent_server_is_asked_four_times() {
    for silent in [false, true] {
        let rig = rig(Profile::builtin().unwrap(), super::testing::config(), move |seen| {
            if is_token(seen) {
                return Ok(token("t"));
            }
            if silent { Err(NetError { sent: Sent::Maybe, what: "no answer".into() }) } else { Ok(answer(503, "")) }
        });
        let error = rig.client.detail("1").await.unwrap_err();
        assert!(error.is_unreachable(), "{error}");
        assert_eq!(error.class(), Class::Backoff);
        assert_eq!(rig.client.counters().requests, 4);
    }
}

#[tokio::test]
async fn a_page_a_refusal_in_words_and_an_odd_content_type_are_told_apart() {
    let cases = [
        ("<!DOCTYPE html><html>Sign in \u{1b}[2J</html>", Some("a web page instead of JSON")),
        ("", Some("an empty body")),
        ("OK", Some("what is no JSON")),
        (r#"{"returnCode":-7,"returnMessage":"no right \u202e here"}"#, Some("return code -7: no right ‹U+202E› here")),
        (r#"{"returnCode":"0","returnMessage":"OK"}"#, None),
        (r#"{"returnCode":0}"#, None),
    ];
    for (body, wanted) in cases {
        let rig = rig(Profile::builtin().unwrap(), super::testing::config(), move |seen| {
            if is_token(seen) {
                return Ok(token("t"));
            }
            let headers = vec![("content-type".to_owned(), "; charset=UTF-8".to_owned())];
            Ok(Response { status: 200, headers, body: body.as_bytes().to_vec() })
        });
        match (rig.client.detail("1").await, wanted) {
            (Ok(_), None) => {}
            (Err(error), Some(wanted)) => {
                let text = error.sentence();
                assert!(text.contains(wanted) && text.contains("/ji/v1/invoices/1"), "{text}");
                assert!(!text.contains('\u{1b}') && !error.advice().is_empty());
            }
            (other, _) => panic!("{body}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_next_page_elsewhere_is_never_asked() {
    let rig = rig(profile("[paging]\nstyle = \"link\"\ncursor_path = \"$.next\""), super::testing::config(), |seen| {
        Ok(if is_token(seen) {
            token("t")
        } else {
            answer(
                200,
                r#"{"next":"https://evil.example/x","jiinvoiceList":{"jiinvoice":[{"header":{"invoiceId":1}}]}}"#,
            )
        })
    });
    let result = super::changed_since(&rig.client, None, &|_, _| true, |_| async { Ok::<_, ()>(()) }).await;
    assert!(result.unwrap_err().to_string().contains("another host"));
    assert_eq!(rig.network.calls("evil"), 0);
}

#[tokio::test]
async fn basic_and_header_credentials_need_no_token() {
    for (toml, wanted) in [
        ("[auth]\nstyle = \"basic\"", "Basic dG9sbGdhdGU6Y2FuYXJ5LXNlY3JldC03NzMx"),
        ("[auth]\nstyle = \"header\"\nheader = \"Authorization\"", CANARY),
    ] {
        let rig = rig(profile(toml), super::testing::config(), |_| Ok(answer(200, GOOD)));
        rig.client.detail("a b").await.unwrap();
        let seen = rig.network.seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].2, wanted);
        assert_eq!(seen[0].1, "https://acme.example/j1p/api/public/ji/v1/invoices/a%20b");
    }
}
