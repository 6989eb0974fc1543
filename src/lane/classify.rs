//! The classifier: every possible answer to a request with writes has exactly one class, for each of its functions.
//!
//! It is the guard that keeps a lost answer from becoming a lost or a doubled bill, so it leans one way: whatever is not
//! certainly one thing is unclear, and unclear is settled by reading back.

use std::time::Duration;

use crate::intacct::answer::{Answer, AuthPart, FunctionResult, GatewayError, Status, parse};
use crate::intacct::catalogue::{Catalogue, Place};
use crate::intacct::xml::Malformed;
use crate::model::{Class, ControlId, Fault, RecordNo, Text, safe};
use crate::seams::{Guard, Guards, NetError, Response, Sent};

/// What became of one function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Success at all three levels, its control id echoed once, a record number: to be read back.
    Claimed {
        /// The record number.
        record: RecordNo,
        /// The result element, for the trail.
        answer: String,
    },
    /// Certainly not executed: it may be sent again.
    NotExecuted {
        /// Why.
        why: String,
        /// The result element, where there is one.
        answer: Option<String>,
    },
    /// Refused with an error of its own.
    Refused {
        /// Class of the first error that is not a wrapper.
        class: Class,
        /// The gateway's words.
        fault: Fault,
        /// Our title for it.
        title: String,
        /// The result element.
        answer: String,
    },
    /// Nobody knows: to be read back.
    Unclear {
        /// Why.
        why: String,
        /// What there was of an answer.
        answer: Option<String>,
    },
}

/// What became of the request as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whole {
    /// It was answered, each function for itself.
    Answered,
    /// Not a byte of it left.
    NotSent(String),
    /// Control block or authentication failed, or the gateway was busy: nothing ran.
    NotExecuted {
        /// Class of the cause.
        class: Class,
        /// In words.
        why: String,
        /// What to do.
        advice: String,
        /// What the gateway asked to wait.
        retry_after: Option<Duration>,
    },
    /// Refused for its content: one of its functions is the offender, none ran.
    ContentRefused {
        /// The gateway's words.
        fault: Fault,
        /// The body, for the trail.
        answer: String,
    },
    /// No trustworthy answer.
    Unclear(String),
}

/// A classified exchange: one verdict for each function, in the order sent.
#[derive(Clone, Debug)]
pub struct Classified {
    /// The request.
    pub whole: Whole,
    /// The functions.
    pub verdicts: Vec<Verdict>,
    /// What the answer says of the session, where functions ran.
    pub session: Option<AuthPart>,
}

/// Longest answer text kept in the trail for one function.
const KEPT: usize = 4_000;

/// Classifies what came back for a request with these writes.
pub fn classify<G: Guards>(
    catalogue: &Catalogue,
    request: &str,
    sent: &[ControlId],
    outcome: &Result<Response, NetError>,
) -> Classified {
    let all = |whole: Whole, verdict: Verdict| Classified { whole, verdicts: vec![verdict; sent.len()], session: None };
    let unclear =
        |why: String, answer: Option<String>| all(Whole::Unclear(why.clone()), Verdict::Unclear { why, answer });
    let response = match outcome {
        Err(NetError { sent: Sent::No, what }) => {
            return all(Whole::NotSent(what.clone()), Verdict::NotExecuted { why: what.clone(), answer: None });
        }
        Err(NetError { sent: Sent::Maybe, what }) => return unclear(what.clone(), None),
        Ok(response) => response,
    };
    let kept = || Some(excerpt(&response.body, 0..response.body.len()));
    let retry_after = retry_after(response);
    if response.status == 429 {
        let why = "the gateway answered 429, too many requests".to_owned();
        return all(
            Whole::NotExecuted {
                class: Class::Backoff,
                why: why.clone(),
                advice: "It is sent again after a pause; raise the company's performance tier if it happens often."
                    .to_owned(),
                retry_after,
            },
            Verdict::NotExecuted { why, answer: kept() },
        );
    }
    if response.status >= 500 {
        if !G::hold(Guard::ServerError) {
            let why = format!("the gateway answered {}", response.status);
            return all(Whole::NotSent(why.clone()), Verdict::NotExecuted { why, answer: kept() });
        }
        return unclear(format!("the gateway answered {}", response.status), kept());
    }
    let answer = match parse(&response.body) {
        Ok(answer) => answer,
        Err(_) if response.status == 413 => {
            let said = "the gateway answered 413, request too large".to_owned();
            let fault = Fault { errorno: Text::from("413"), said: Text::new(said.clone()) };
            return all(
                Whole::ContentRefused { fault, answer: kept().unwrap_or_default() },
                Verdict::NotExecuted { why: said, answer: None },
            );
        }
        Err(malformed) => return unclear(not_an_answer(response, &malformed), kept()),
    };
    // Another request's answer says nothing about ours. Failures may come with an empty control id.
    let echoed = answer.control.control_id.as_deref().unwrap_or_default();
    let ours = echoed == request || !G::hold(Guard::RequestEcho);
    if !ours && (!echoed.is_empty() || answer.control.status.is_success()) {
        return unclear(format!("the answer carries the control id {} of another request", safe(echoed)), kept());
    }
    if let Some(whole) = refused_as_a_whole(catalogue, &answer, response, retry_after) {
        let verdict = match &whole {
            Whole::NotExecuted { why, .. } => Verdict::NotExecuted { why: why.clone(), answer: kept() },
            Whole::ContentRefused { fault, .. } => {
                Verdict::NotExecuted { why: fault.said.safe().into_owned(), answer: kept() }
            }
            _ => Verdict::Unclear { why: "the answer cannot be understood".to_owned(), answer: kept() },
        };
        return all(whole, verdict);
    }
    if response.status != 200 {
        return unclear(format!("the gateway answered {} with a success inside", response.status), kept());
    }
    let verdicts =
        sent.iter().enumerate().map(|(place, id)| judge::<G>(catalogue, &answer, response, id, place)).collect();
    Classified { whole: Whole::Answered, verdicts, session: answer.authentication }
}

/// A failure of the control block or of the authentication; `None` where both say success.
fn refused_as_a_whole(
    catalogue: &Catalogue,
    answer: &Answer,
    response: &Response,
    retry_after: Option<Duration>,
) -> Option<Whole> {
    let unclear = || Some(Whole::Unclear("the answer cannot be understood".to_owned()));
    let (place, errors) = match (&answer.control.status, &answer.authentication) {
        // An answer that refuses the request and tells of results contradicts itself.
        (Status::Failure, None) if answer.results.is_empty() => (Place::Control, &answer.control.errors),
        (Status::Success, Some(auth)) => match auth.status {
            Status::Success => return None,
            Status::Failure if answer.results.is_empty() => (Place::Authentication, &auth.errors),
            _ => return unclear(),
        },
        _ => return unclear(),
    };
    let explained = catalogue.explain(errors, place);
    let fault = fault_of(errors);
    let content = place == Place::Control
        && errors.iter().any(|error| error.errorno.raw().trim() == "XL03000003" || too_large(error));
    if content {
        return Some(Whole::ContentRefused { fault, answer: excerpt(&response.body, 0..response.body.len()) });
    }
    Some(Whole::NotExecuted {
        class: explained.class,
        why: format!("{}: {}", explained.title.safe(), fault.said.safe()),
        advice: explained.advice.safe().into_owned(),
        retry_after,
    })
}

fn too_large(error: &GatewayError) -> bool {
    let said = format!("{} {}", error.description.raw(), error.description2.raw()).to_lowercase();
    said.contains("too large") || said.contains("exceeds the maximum")
}

/// The verdict on one function of an answered request.
fn judge<G: Guards>(
    catalogue: &Catalogue,
    answer: &Answer,
    response: &Response,
    id: &ControlId,
    place: usize,
) -> Verdict {
    let is_its = |at: usize, result: &FunctionResult| match G::hold(Guard::FunctionEcho) {
        true => result.control_id == id.as_str(),
        false => at == place,
    };
    let mut matching = answer.results.iter().enumerate().filter(|(at, one)| is_its(*at, one)).map(|(_, one)| one);
    let (Some(result), None) = (matching.next(), matching.next()) else {
        return Verdict::Unclear { why: "the answer has no single result for it".to_owned(), answer: None };
    };
    let text = excerpt(&response.body, result.source.clone());
    match &result.status {
        Status::Success => match &result.record {
            Some(record) if result.errors.is_empty() => Verdict::Claimed { record: record.clone(), answer: text },
            _ => Verdict::Unclear { why: "success without a record number".to_owned(), answer: Some(text) },
        },
        Status::Aborted | Status::Failure => failed::<G>(catalogue, result, text),
        Status::Other(word) => {
            Verdict::Unclear { why: format!("its result has the status '{}'", word.safe()), answer: Some(text) }
        }
    }
}

fn failed<G: Guards>(catalogue: &Catalogue, result: &FunctionResult, text: String) -> Verdict {
    let rolled_back = |error: &GatewayError| error.errorno.raw().trim() == "XL03000009";
    if result.record.is_some() {
        return Verdict::Unclear { why: "a failure that names a record".to_owned(), answer: Some(text) };
    }
    if result.errors.iter().all(rolled_back) {
        return match (&result.status, result.errors.is_empty()) {
            (Status::Failure, true) => {
                Verdict::Unclear { why: "a failure without an error".to_owned(), answer: Some(text) }
            }
            _ => Verdict::NotExecuted { why: "rolled back together with others".to_owned(), answer: Some(text) },
        };
    }
    let explained = catalogue.explain(&result.errors, Place::Function);
    let fault = fault_of(&result.errors);
    // Whichever of several errors names the cause: one that says it is there, and a database error in the middle of a write,
    // say nothing certain about what was kept.
    let uncertain = |error: &GatewayError| {
        error.errorno.raw().trim_start().starts_with("DL")
            || catalogue.explain(std::slice::from_ref(error), Place::Function).class == Class::Duplicate
    };
    match explained.class {
        _ if G::hold(Guard::ExistsIsUnclear) && result.errors.iter().any(uncertain) => {
            Verdict::Unclear { why: format!("{}: {}", explained.title.safe(), fault.said.safe()), answer: Some(text) }
        }
        Class::Backoff | Class::Refresh => Verdict::NotExecuted {
            why: format!("{}: {}", explained.title.safe(), fault.said.safe()),
            answer: Some(text),
        },
        class => Verdict::Refused { class, fault, title: explained.title.safe().into_owned(), answer: text },
    }
}

/// The first error that is not a wrapper, in the gateway's words.
fn fault_of(errors: &[GatewayError]) -> Fault {
    let wrapper = |error: &&GatewayError| {
        let text = error.description2.raw();
        error.errorno.raw().trim() == "XL03000009"
            || (error.errorno.raw().trim() == "BL01001973" && text.starts_with("Could not") && errors.len() > 1)
    };
    let cause = errors.iter().find(|error| !wrapper(error)).or_else(|| errors.first());
    match cause {
        Some(error) => {
            let said =
                [&error.description2, &error.description, &error.correction].into_iter().find(|text| !text.is_blank());
            Fault { errorno: error.errorno.clone(), said: said.cloned().unwrap_or_default() }
        }
        None => Fault { errorno: Text::default(), said: Text::from("no error was given") },
    }
}

fn not_an_answer(response: &Response, malformed: &Malformed) -> String {
    let html = response.body.iter().take(512).copied().collect::<Vec<u8>>().to_ascii_lowercase();
    let html = String::from_utf8_lossy(&html).contains("<html");
    match html {
        true => format!("the gateway answered {} with a web page", response.status),
        false => format!("the gateway's answer is not whole: {malformed}"),
    }
}

/// What the answer asks to wait, in whole seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    ["retry-after", "x-ia-throttle-retryafter"]
        .into_iter()
        .find_map(|name| response.header(name)?.trim().parse().ok())
        .map(|seconds: u64| Duration::from_secs(seconds.min(900)))
}

fn excerpt(body: &[u8], range: std::ops::Range<usize>) -> String {
    let part = body.get(range).unwrap_or_default();
    // A session id could only be here if the gateway echoed it; the login's answer never passes this way.
    String::from_utf8_lossy(part.get(..part.len().min(KEPT)).unwrap_or(part)).into_owned()
}
