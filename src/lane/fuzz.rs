//! What must hold of every byte string that an answer could be, for a fuzzer to call and a test to run over its corpus.

use std::sync::LazyLock;

use quick_xml::events::Event;

use super::classify::{Verdict, classify};
use crate::intacct::answer::parse;
use crate::intacct::catalogue::Catalogue;
use crate::model::{ControlId, RecordNo};
use crate::seams::{Guards, Kept, Response};

/// Control id of the request that the bytes are taken as the answer to.
pub const REQUEST: &str = "tg-w-1-1";
/// Control ids of its two functions.
pub const FUNCTIONS: [&str; 2] = ["tg-one", "tg-two"];

/// HTTP statuses, chosen by the first byte: `0` is the first of them.
const STATUSES: [u16; 12] = [200, 204, 302, 400, 401, 403, 404, 413, 429, 500, 502, 503];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);

/// Takes the first byte for an HTTP status and the others for a body, and has them judged as an answer and read as one.
///
/// # Panics
/// If there is not exactly one verdict for each function; if one is *claimed* that an answer with status 200, this request's
/// control id, the function's own once, and success at all three levels does not say; if a result is said to stand outside of the
/// body.
pub fn answer(bytes: &[u8]) {
    check::<Kept>(bytes);
}

/// The same with guards of one's own, to see that a missing one is noticed.
pub(super) fn check<G: Guards>(bytes: &[u8]) {
    let (first, body) = bytes.split_first().map_or((b'0', bytes), |(first, body)| (*first, body));
    let place = usize::from(first.wrapping_sub(b'0')) % STATUSES.len();
    let status = STATUSES.get(place).copied().unwrap_or(200);
    let sent = FUNCTIONS.map(|id| ControlId::fresh(id.to_owned()));
    let response = Response { status, headers: Vec::new(), body: body.to_vec() };
    let judged = classify::<G>(&CATALOGUE, REQUEST, &sent, &Ok(response));
    assert_eq!(judged.verdicts.len(), sent.len(), "one verdict for each function");
    for (id, verdict) in sent.iter().zip(&judged.verdicts) {
        if let Verdict::Claimed { record, .. } = verdict {
            let wrong = not_said(status, body, id, record);
            assert!(wrong.is_none(), "{id} is claimed, but {}", wrong.unwrap_or_default());
        }
    }
    if let Ok(read) = parse(body) {
        let inside = read.results.iter().all(|result| body.get(result.source.clone()).is_some());
        assert!(inside, "a result stands outside of the body");
    }
}

/// What is missing for a claim, read without the product's reader: every element's own text, by its path.
fn not_said(status: u16, body: &[u8], id: &ControlId, record: &RecordNo) -> Option<String> {
    let Some(said) = texts(body) else { return Some("the body is no XML".to_owned()) };
    let count = |path: &str, text: &str| said.iter().filter(|(at, own)| at == path && own.trim() == text).count();
    let results = count("/response/operation/result/controlid", id.as_str());
    let wanted = [
        (status == 200, "the status is not 200"),
        (count("/response/control/controlid", REQUEST) == 1, "it does not name the request"),
        (count("/response/control/status", "success") == 1, "the control block is no success"),
        (count("/response/operation/authentication/status", "success") == 1, "the authentication is no success"),
        (results == 1, "there is no single result for it"),
        (count("/response/operation/result/status", "success") >= 1, "no result is a success"),
        (said.iter().any(|(_, own)| own.trim() == record.0), "its record stands nowhere"),
    ];
    wanted.into_iter().find(|(holds, _)| !holds).map(|(_, why)| why.to_owned())
}

/// Path and own text of every element; `None` where the bytes are not XML to the end.
fn texts(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = quick_xml::Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let (mut open, mut done): (Vec<(String, String)>, _) = (Vec::new(), Vec::new());
    let path = |open: &[(String, String)], name: &str| {
        let above = open.last().map_or("", |(path, _)| path.as_str());
        format!("{above}/{name}")
    };
    loop {
        let piece = match reader.read_event().ok()? {
            Event::Start(start) => {
                let at = path(&open, start.name().as_ref());
                open.push((at, String::new()));
                continue;
            }
            Event::Empty(start) => {
                done.push((path(&open, start.name().as_ref()), String::new()));
                continue;
            }
            Event::End(_) => {
                done.push(open.pop()?);
                continue;
            }
            Event::Text(text) => text.into_inner().into_owned(),
            Event::CData(data) => data.into_inner().into_owned(),
            Event::GeneralRef(reference) => match (reference.resolve_char_ref().ok()?, reference.as_ref()) {
                (Some(one), _) => one.to_string(),
                (None, "amp") => "&".to_owned(),
                (None, "lt") => "<".to_owned(),
                (None, "gt") => ">".to_owned(),
                (None, "quot") => "\"".to_owned(),
                (None, "apos") => "'".to_owned(),
                _ => return None,
            },
            Event::Eof if open.is_empty() => return Some(done),
            Event::Eof => return None,
            _ => continue,
        };
        if let Some((_, own)) = open.last_mut() {
            own.push_str(&piece);
        }
    }
}
