//! The classifier: each row of its table, and that every byte string has one class that never claims too much.

use proptest::prelude::*;

use crate::intacct::catalogue::Catalogue;
use crate::lane::{Classified, Verdict, Whole, classify};
use crate::model::{Class, ControlId};
use crate::seams::{Kept, NetError, Response, Sent};

const REQUEST: &str = "tg-w-1-1";

fn ids() -> Vec<ControlId> {
    ["tg-one", "tg-two"].map(|id| ControlId::fresh(id.to_owned())).to_vec()
}

fn judged(status: u16, body: &[u8]) -> Classified {
    let response = Response { status, headers: Vec::new(), body: body.to_vec() };
    classify::<Kept>(&Catalogue::builtin(), REQUEST, &ids(), &Ok(response))
}

fn answer(request: &str, results: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><control><status>success</status>\
         <controlid>{request}</controlid><uniqueid>true</uniqueid></control><operation><authentication>\
         <status>success</status><userid>u</userid><companyid>c</companyid></authentication>{results}</operation></response>"
    )
}

fn created(id: &str, record: &str) -> String {
    format!(
        "<result><status>success</status><function>create</function><controlid>{id}</controlid>\
         <data listtype=\"objects\" count=\"1\"><apbill><RECORDNO>{record}</RECORDNO></apbill></data></result>"
    )
}

fn failed(id: &str, status: &str, errors: &[(&str, &str)]) -> String {
    let errors: String = errors
        .iter()
        .map(|(number, text)| format!("<error><errorno>{number}</errorno><description2>{text}</description2></error>"))
        .collect();
    let errors = if errors.is_empty() { String::new() } else { format!("<errormessage>{errors}</errormessage>") };
    format!(
        "<result><status>{status}</status><function>create</function><controlid>{id}</controlid>\
         <data listtype=\"objects\" count=\"0\"/>{errors}</result>"
    )
}

fn control_failure(id: &str, number: &str, text: &str) -> String {
    format!(
        "<response><control><status>failure</status><controlid>{id}</controlid></control><errormessage><error>\
         <errorno>{number}</errorno><description2>{text}</description2></error></errormessage></response>"
    )
}

fn authentication_failure(text: &str) -> String {
    format!(
        "<response><control><status>success</status><controlid>{REQUEST}</controlid></control><operation>\
         <authentication><status>failure</status></authentication><errormessage><error><errorno>XL03000006</errorno>\
         <description2>{text}</description2></error></errormessage></operation></response>"
    )
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Claimed { .. } => "claimed",
        Verdict::NotExecuted { .. } => "not executed",
        Verdict::Refused { .. } => "refused",
        Verdict::Unclear { .. } => "unclear",
    }
}

fn words(of: &Classified) -> Vec<&'static str> {
    of.verdicts.iter().map(word).collect()
}

const ROLLED_BACK: (&str, &str) = ("XL03000009", "The entire transaction in this operation has been rolled back");

#[test]
fn what_never_left_was_not_sent_and_silence_after_the_first_byte_is_unclear() {
    for (sent, whole, expected) in [(Sent::No, true, "not executed"), (Sent::Maybe, false, "unclear")] {
        let outcome = Err(NetError { sent, what: "x".to_owned() });
        let of = classify::<Kept>(&Catalogue::builtin(), REQUEST, &ids(), &outcome);
        assert_eq!(words(&of), [expected; 2]);
        assert_eq!(matches!(of.whole, Whole::NotSent(_)), whole);
        assert_eq!(matches!(of.whole, Whole::Unclear(_)), !whole);
    }
}

#[test]
fn success_at_three_levels_with_its_control_id_and_a_record_is_claimed() {
    let body = answer(REQUEST, &(created("tg-one", "60214") + &created("tg-two", "60215")));
    let of = judged(200, body.as_bytes());
    assert_eq!(words(&of), ["claimed"; 2]);
    assert!(matches!(&of.verdicts[1], Verdict::Claimed { record, .. } if record.0 == "60215"));
    // The order of the answer does not matter, the control ids do.
    let body = answer(REQUEST, &(created("tg-two", "60215") + &created("tg-one", "60214")));
    assert!(
        matches!(&judged(200, body.as_bytes()).verdicts[0], Verdict::Claimed { record, .. } if record.0 == "60214")
    );
}

#[test]
fn a_failure_of_the_control_block_or_the_authentication_is_not_executed() {
    let control = control_failure(REQUEST, "GW-0012", "no");
    let anonymous = control_failure("", "GW-0001", "Unable to process request");
    for (body, class) in [
        (control, Class::Configuration),
        (anonymous, Class::Backoff),
        (authentication_failure("Invalid session Zk9v...."), Class::Refresh),
        (authentication_failure("Sign-in information is incorrect"), Class::Configuration),
    ] {
        let of = judged(200, body.as_bytes());
        assert_eq!(words(&of), ["not executed"; 2], "{body}");
        assert!(matches!(&of.whole, Whole::NotExecuted { class: found, .. } if *found == class), "{body}");
    }
}

#[test]
fn aborted_and_the_roll_back_notice_alone_are_not_executed() {
    for results in [
        failed("tg-one", "aborted", &[]),
        failed("tg-one", "aborted", &[ROLLED_BACK]),
        failed("tg-one", "failure", &[ROLLED_BACK]),
    ] {
        let of = judged(200, answer(REQUEST, &(results.clone() + &created("tg-two", "9"))).as_bytes());
        assert_eq!(words(&of), ["not executed", "claimed"], "{results}");
    }
    let of = judged(200, answer(REQUEST, &failed("tg-one", "failure", &[])).as_bytes());
    assert_eq!(words(&of), ["unclear"; 2], "a failure without an error says nothing");
}

#[test]
fn a_request_refused_for_its_content_is_not_executed_and_names_its_cause() {
    let content = control_failure(REQUEST, "XL03000003", "XML Parse schema error");
    for (status, body) in [(200, content.as_bytes()), (400, content.as_bytes()), (413, b"<html>" as &[u8])] {
        let of = judged(status, body);
        assert_eq!(words(&of), ["not executed"; 2]);
        assert!(matches!(of.whole, Whole::ContentRefused { .. }), "{status}");
    }
    // 413 from the edge and a whole answer do not go together.
    let whole = answer(REQUEST, &(created("tg-one", "1") + &created("tg-two", "2")));
    assert_eq!(words(&judged(413, whole.as_bytes())), ["unclear"; 2]);
}

#[test]
fn a_failure_with_errors_of_its_own_is_refused_and_the_first_that_is_no_wrapper_names_the_cause() {
    let errors =
        [("BL01001973", "Could not create Document record!"), ("BL01001973", "Invalid Vendor 'V-9' specified.")];
    let of = judged(200, answer(REQUEST, &failed("tg-one", "failure", &errors)).as_bytes());
    assert_eq!(words(&of), ["refused", "unclear"], "the second has no result");
    assert!(
        matches!(&of.verdicts[0], Verdict::Refused { class: Class::Data, fault, answer, .. }
            if fault.said.raw().starts_with("Invalid Vendor") && answer.contains("Could not create")),
        "{of:?}"
    );
    let period = [("BL01001973", "The accounting period for 01/31/2026 is closed")];
    let of = judged(200, answer(REQUEST, &failed("tg-one", "failure", &period)).as_bytes());
    assert!(matches!(&of.verdicts[0], Verdict::Refused { class: Class::Period, .. }));
}

#[test]
fn too_many_requests_is_not_executed_and_says_how_long_to_wait() {
    let response = Response { status: 429, headers: vec![("retry-after".to_owned(), "17".to_owned())], body: vec![] };
    let of = classify::<Kept>(&Catalogue::builtin(), REQUEST, &ids(), &Ok(response));
    assert_eq!(words(&of), ["not executed"; 2]);
    assert!(
        matches!(of.whole, Whole::NotExecuted { class: Class::Backoff, retry_after: Some(wait), .. } if wait.as_secs() == 17)
    );
    let of = judged(200, control_failure("", "GW-0010", "API rate limit exceeded").as_bytes());
    assert!(matches!(of.whole, Whole::NotExecuted { class: Class::Backoff, .. }));
}

#[test]
fn how_long_to_wait_is_read_from_either_header_and_is_a_quarter_of_an_hour_at_most() {
    let wait = |headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = Response { status: 429, headers, body: b"slow down".to_vec() };
        let of = classify::<Kept>(&Catalogue::builtin(), REQUEST, &ids(), &Ok(response));
        match of.whole {
            Whole::NotExecuted { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(&[]), None);
    assert_eq!(wait(&[("x-ia-throttle-retryafter", "42")]), Some(42));
    assert_eq!(wait(&[("x-ia-throttle-retryafter", "42"), ("retry-after", " 17 ")]), Some(17));
    assert_eq!(wait(&[("retry-after", "Wed, 25 Nov 2026 07:28:00 GMT"), ("x-ia-throttle-retryafter", "5")]), Some(5));
    assert_eq!(wait(&[("retry-after", "-1")]), None);
    assert_eq!(wait(&[("retry-after", "900")]), Some(900));
    assert_eq!(wait(&[("x-ia-throttle-retryafter", "86400")]), Some(900));
    // A refusal of the whole request says it as well.
    let body = control_failure(REQUEST, "GW-0010", "API rate limit exceeded").into_bytes();
    let headers = vec![("x-ia-throttle-retryafter".to_owned(), "30".to_owned())];
    let of = classify::<Kept>(&Catalogue::builtin(), REQUEST, &ids(), &Ok(Response { status: 200, headers, body }));
    assert!(
        matches!(of.whole, Whole::NotExecuted { retry_after: Some(wait), .. } if wait.as_secs() == 30),
        "{:?}",
        of.whole
    );
}

#[test]
fn a_refusal_without_an_error_is_not_executed_and_says_that_none_was_given() {
    let silent =
        control_failure(REQUEST, "", "").replace("<error><errorno></errorno><description2></description2></error>", "");
    let of = judged(200, silent.as_bytes());
    assert_eq!(words(&of), ["not executed"; 2], "{silent}");
    assert!(
        matches!(&of.whole, Whole::NotExecuted { why, .. } if why.ends_with("no error was given")),
        "{:?}",
        of.whole
    );
    // An error without words is told by its number.
    let wordless = control_failure(REQUEST, "GW-0012", "");
    let of = judged(200, wordless.as_bytes());
    assert!(matches!(&of.whole, Whole::NotExecuted { class: Class::Configuration, .. }), "{:?}", of.whole);
}

#[test]
fn a_request_that_is_too_large_is_refused_for_its_content_in_whichever_words() {
    for said in ["Request too large", "The request size exceeds the maximum of 10 MB", "The XML EXCEEDS THE MAXIMUM"] {
        for place in ["description2", "description"] {
            let body = control_failure(REQUEST, "GW-0099", said).replace("description2", place);
            let of = judged(200, body.as_bytes());
            assert!(
                matches!(&of.whole, Whole::ContentRefused { fault, answer } if fault.said.raw() == said && answer == &body),
                "{body}: {:?}",
                of.whole
            );
            assert_eq!(words(&of), ["not executed"; 2]);
        }
    }
    // Who a user is has nothing to do with size.
    let of = judged(200, authentication_failure("The password exceeds the maximum length").as_bytes());
    assert!(matches!(of.whole, Whole::NotExecuted { .. }), "{:?}", of.whole);
}

#[test]
fn an_answer_that_contradicts_itself_is_unclear() {
    let both = created("tg-one", "1") + &created("tg-two", "2");
    let signed_off = |status: &str| {
        answer(REQUEST, &both).replacen(
            "<authentication><status>success",
            &format!("<authentication><status>{status}"),
            1,
        )
    };
    let control = |status: &str| answer(REQUEST, &both).replacen("<status>success", &format!("<status>{status}"), 1);
    let unsigned = answer(REQUEST, &both).replace(
        "<authentication><status>success</status><userid>u</userid><companyid>c</companyid></authentication>",
        "",
    );
    let refused_and_signed = control_failure(REQUEST, "GW-0012", "no").replace(
        "</response>",
        "<operation><authentication><status>success</status></authentication></operation></response>",
    );
    for body in [
        signed_off("failure"),
        signed_off("perhaps"),
        control("failure"),
        control("perhaps"),
        unsigned,
        refused_and_signed,
    ] {
        assert_eq!(words(&judged(200, body.as_bytes())), ["unclear"; 2], "{body}");
    }
}

#[test]
fn a_failure_that_names_a_record_and_a_success_with_errors_are_unclear() {
    let errors = failed("tg-one", "failure", &[("BL01001973", "Invalid Vendor 'V-9' specified.")]);
    let named = created("tg-one", "60214").replace("<status>success", "<status>failure");
    let message =
        errors.split("<data").nth(1).and_then(|rest| rest.split_once("/>")).unwrap().1.replace("</result>", "");
    let both = created("tg-one", "60214").replace("</result>", &(message.clone() + "</result>"));
    for (result, why) in [
        (named.clone(), "names a record"),
        (named.replace("</result>", &(message + "</result>")), "names a record"),
        (both, "without a record number"),
    ] {
        let of = judged(200, answer(REQUEST, &(result.clone() + &created("tg-two", "2"))).as_bytes());
        assert_eq!(words(&of), ["unclear", "claimed"], "{result}");
        assert!(
            matches!(&of.verdicts[0], Verdict::Unclear { why: said, answer: Some(_) } if said.contains(why)),
            "{of:?}"
        );
    }
}

#[test]
fn a_function_that_was_turned_away_for_the_moment_is_not_executed() {
    for text in ["The Service is Temporarily Off-line", "Invalid session"] {
        for number in ["BL01001973", "XL03000006", "GW-0010"] {
            let of = judged(200, answer(REQUEST, &failed("tg-one", "failure", &[(number, text)])).as_bytes());
            if let Verdict::Refused { class, .. } = &of.verdicts[0] {
                assert!(!matches!(class, Class::Backoff | Class::Refresh), "{number} {text}: {class:?}");
            }
        }
    }
    let off = [("BL01001973", "The Service is Temporarily Off-line")];
    let of = judged(200, answer(REQUEST, &failed("tg-one", "failure", &off)).as_bytes());
    assert!(
        matches!(&of.verdicts[0], Verdict::NotExecuted { why, answer: Some(_) } if why.contains("Off-line")),
        "{of:?}"
    );
}

#[test]
fn where_all_errors_are_wrappers_the_first_is_told() {
    let wrappers = [ROLLED_BACK, ("BL01001973", "Could not create Document record!")];
    let of = judged(200, answer(REQUEST, &failed("tg-one", "failure", &wrappers)).as_bytes());
    assert!(matches!(&of.verdicts[0], Verdict::Refused { fault, .. } if fault.errorno.raw() == "XL03000009"), "{of:?}");
    let alone = [("BL01001973", "Could not create Document record!")];
    let of = judged(200, answer(REQUEST, &failed("tg-one", "failure", &alone)).as_bytes());
    assert!(
        matches!(&of.verdicts[0], Verdict::Refused { fault, .. } if fault.said.raw().starts_with("Could not")),
        "{of:?}"
    );
}

#[test]
fn of_a_long_answer_the_beginning_is_kept() {
    let long = "x".repeat(10_000);
    let of = judged(502, long.as_bytes());
    assert!(
        matches!(&of.verdicts[0], Verdict::Unclear { answer: Some(answer), .. } if answer.len() == 4_000),
        "the trail does not keep pages"
    );
}

#[test]
fn a_control_id_used_before_and_already_exists_are_unclear_wherever_they_stand() {
    for text in [
        ("BL03000130", "The function with this control id was executed already"),
        ("BL03002185", "Transaction with the number 'X' already exists"),
        ("PL05000104", "duplicate"),
        ("BL01001973", "Duplicate bill number X already exists"),
        ("DL02000001", "There was an error processing the request"),
    ] {
        let other = ("BL01001973", "Invalid Vendor 'V-9' specified.");
        for errors in [vec![text], vec![other, text], vec![text, other]] {
            for status in ["failure", "aborted"] {
                let of = judged(200, answer(REQUEST, &failed("tg-one", status, &errors)).as_bytes());
                assert_eq!(words(&of)[0], "unclear", "{errors:?}");
            }
        }
    }
}

#[test]
fn anything_else_is_unclear() {
    let good = answer(REQUEST, &(created("tg-one", "1") + &created("tg-two", "2")));
    let foreign = answer("tg-w-1-2", &(created("tg-one", "1") + &created("tg-two", "2")));
    let anonymous = answer("", &(created("tg-one", "1") + &created("tg-two", "2")));
    let contradicts = control_failure(REQUEST, "GW-0001", "no")
        .replace("</response>", &format!("<operation>{}</operation></response>", created("tg-one", "1")));
    for (status, body) in [
        (500, good.as_str()),
        (502, "<html>Bad gateway</html>"),
        (503, &control_failure(REQUEST, "GW-0001", "no")),
        (200, "<html>maintained</html>"),
        (404, "<html>not found</html>"),
        (302, ""),
        (200, ""),
        (204, good.as_str()),
        (200, &foreign),
        (200, &anonymous),
        (200, &contradicts),
        (200, &control_failure("tg-w-1-2", "GW-0001", "of another")),
        (200, &good.replace("<status>success</status><controlid>", "<status>Success</status><controlid>")),
        (200, &answer(REQUEST, "")),
        (200, &answer(REQUEST, &(created("tg-uno", "1") + &created("tg-due", "2")))),
        (200, &answer(REQUEST, &(created("tg-one", "1") + &created("tg-one", "1")))),
        (200, &answer(REQUEST, &(created("tg-one", "") + &created("tg-two", "x")))),
        (200, &answer(REQUEST, &created("tg-one", "1").replace("<status>success", "<status>partial"))),
    ] {
        assert_eq!(words(&judged(status, body.as_bytes())), ["unclear"; 2], "{status} {body}");
    }
}

/// What makes a claim, found without the product's reader: words in the bytes.
fn claims_rightly(body: &[u8], of: &Classified) -> bool {
    let text = String::from_utf8_lossy(body);
    of.verdicts.iter().zip(ids()).all(|(verdict, id)| match verdict {
        Verdict::Claimed { record, answer } => {
            text.contains(REQUEST)
                && text.matches("success").count() >= 3
                && text.contains(id.as_str())
                && text.contains(&record.0)
                && answer.contains(id.as_str())
                && text.contains("</response>")
        }
        _ => true,
    })
}

fn good() -> String {
    answer(REQUEST, &(created("tg-one", "60214") + &failed("tg-two", "failure", &[ROLLED_BACK])))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_byte_string_has_a_class_for_each_function(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let of = judged(status, &body);
        prop_assert_eq!(of.verdicts.len(), 2);
        prop_assert!(claims_rightly(&body, &of));
        prop_assert!(words(&of).iter().all(|word| *word != "claimed"));
    }

    #[test]
    fn no_cut_answer_claims_anything(cut in 0usize..2000) {
        let whole = good();
        let body = &whole.as_bytes()[..cut.min(whole.len() - 1)];
        prop_assert_eq!(words(&judged(200, body)), ["unclear"; 2]);
    }

    #[test]
    fn no_changed_answer_claims_what_it_does_not_say(
        places in prop::collection::vec((0usize..2000, any::<u8>()), 0..4),
        words_changed in prop::collection::vec((0usize..8, 0usize..8), 0..4),
        doubled in prop::bool::ANY,
        status in prop_oneof![Just(200u16), Just(200), Just(200), Just(400), Just(413), Just(429), Just(502)],
    ) {
        const WORDS: [&str; 8] = ["success", "failure", "aborted", "tg-one", "tg-two", REQUEST, "60214", "create"];
        let mut text = good();
        for (from, to) in words_changed {
            text = text.replacen(WORDS[from], WORDS[to], 1);
        }
        if doubled {
            text = text.replace("</operation>", &(created("tg-one", "60214") + "</operation>"));
        }
        let mut body = text.into_bytes();
        for (place, byte) in places {
            let at = place % body.len();
            body[at] = byte;
        }
        let of = judged(status, &body);
        prop_assert_eq!(of.verdicts.len(), 2);
        prop_assert!(claims_rightly(&body, &of), "{:?} {}", of, String::from_utf8_lossy(&body));
        if doubled && String::from_utf8_lossy(&body).matches("<controlid>tg-one</controlid>").count() > 1 {
            prop_assert!(words(&of)[0] != "claimed");
        }
        if status != 200 {
            prop_assert!(words(&of).iter().all(|word| *word != "claimed"));
        }
    }
}
