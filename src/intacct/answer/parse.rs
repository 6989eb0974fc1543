//! Reading an answer in one pass. Total: every byte string is an [`Answer`] or [`Malformed`].

use std::borrow::Cow;

use crate::model::{RecordNo, Secret, Text};

use super::super::xml::{Element, Limits, Malformed, Reader, Token};
use super::row::RowBuilder;
use super::{Answer, ApiSession, AuthPart, ControlPart, Data, FunctionResult, GatewayError, Status};

/// Reads an answer to its last byte. What is cut, has another root, or says a thing twice that may be said once is malformed.
pub fn parse(bytes: &[u8]) -> Result<Answer, Malformed> {
    let mut reader = Reader::new(bytes, Limits::ANSWER)?;
    match reader.next_token()? {
        Token::Open(root) if root.name == "response" => {}
        Token::Open(root) => {
            let why = format!("the root element is `{}`, not `response`", crate::model::safe(root.name));
            return Err(Malformed { why, at: root.at });
        }
        _ => return Err(reader.malformed("it has no root element")),
    }
    let mut control = None;
    let mut control_errors = None;
    let mut operation = None;
    while let Some(element) = reader.child()? {
        match element.name {
            "control" => once(&mut control, element, read_control(&mut reader)?)?,
            "errormessage" => once(&mut control_errors, element, read_errors(&mut reader)?)?,
            "operation" => once(&mut operation, element, read_operation(&mut reader)?)?,
            _ => reader.skip()?,
        }
    }
    match reader.next_token()? {
        Token::End => {}
        _ => return Err(reader.malformed("something follows the root element")),
    }
    let Some(mut control) = control else { return Err(reader.malformed("it has no `control` block")) };
    control.errors = control_errors.unwrap_or_default();
    let (authentication, results) = operation.unwrap_or_default();
    Ok(Answer { control, authentication, results })
}

/// Keeps what may be said only once.
fn once<T>(slot: &mut Option<T>, element: Element<'_>, value: T) -> Result<(), Malformed> {
    if slot.replace(value).is_some() {
        let why = format!("`{}` stands twice where it may stand once", crate::model::safe(element.name));
        return Err(Malformed { why, at: element.at });
    }
    Ok(())
}

fn status_of(word: Option<Cow<'_, str>>) -> Status {
    word.map(|word| Status::read(word.trim())).unwrap_or_default()
}

fn plain(text: Option<Cow<'_, str>>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn read_control(reader: &mut Reader<'_>) -> Result<ControlPart, Malformed> {
    let (mut status, mut control_id) = (None, None);
    while let Some(element) = reader.child()? {
        match element.name {
            "status" => once(&mut status, element, reader.text_inside()?)?,
            "controlid" => once(&mut control_id, element, reader.text_inside()?)?,
            _ => reader.skip()?,
        }
    }
    Ok(ControlPart { status: status_of(status), control_id: plain(control_id), errors: Vec::new() })
}

type Operation = (Option<AuthPart>, Vec<FunctionResult>);

fn read_operation(reader: &mut Reader<'_>) -> Result<Operation, Malformed> {
    let mut authentication = None;
    let mut errors: Option<Vec<GatewayError>> = None;
    let mut results = Vec::new();
    let mut rows = RowBuilder::default();
    while let Some(element) = reader.child()? {
        match element.name {
            "authentication" => once(&mut authentication, element, read_authentication(reader)?)?,
            "errormessage" => once(&mut errors, element, read_errors(reader)?)?,
            "result" => results.push(read_result(reader, element.at, &mut rows)?),
            _ => reader.skip()?,
        }
    }
    if let Some(errors) = errors {
        authentication.get_or_insert_default().errors = errors;
    }
    Ok((authentication, results))
}

fn read_authentication(reader: &mut Reader<'_>) -> Result<AuthPart, Malformed> {
    let (mut status, mut company, mut timestamp, mut timeout) = (None, None, None, None);
    while let Some(element) = reader.child()? {
        match element.name {
            "status" => once(&mut status, element, reader.text_inside()?)?,
            "companyid" => once(&mut company, element, reader.text_inside()?)?,
            "sessiontimestamp" => once(&mut timestamp, element, reader.text_inside()?)?,
            "sessiontimeout" => once(&mut timeout, element, reader.text_inside()?)?,
            _ => reader.skip()?,
        }
    }
    Ok(AuthPart {
        status: status_of(status),
        company: plain(company).map(Text::new),
        session_timestamp: plain(timestamp),
        session_timeout: plain(timeout),
        errors: Vec::new(),
    })
}

fn read_result(reader: &mut Reader<'_>, at: usize, rows: &mut RowBuilder) -> Result<FunctionResult, Malformed> {
    let (mut status, mut function, mut control_id, mut key) = (None, None, None, None);
    let (mut data, mut errors) = (None, None);
    while let Some(element) = reader.child()? {
        match element.name {
            "status" => once(&mut status, element, reader.text_inside()?)?,
            "function" => once(&mut function, element, reader.text_inside()?)?,
            "controlid" => once(&mut control_id, element, reader.text_inside()?)?,
            "key" => once(&mut key, element, reader.text_inside()?)?,
            "data" => once(&mut data, element, read_data(reader, element, rows)?)?,
            "errormessage" => once(&mut errors, element, read_errors(reader)?)?,
            _ => reader.skip()?,
        }
    }
    let (data, api) = data.unwrap_or_default();
    let function = plain(function).unwrap_or_default();
    let record = match data.rows.as_slice() {
        [only] if function == "create" || function == "update" => only.get("RECORDNO").and_then(RecordNo::parse),
        _ => None,
    };
    Ok(FunctionResult {
        status: status_of(status),
        function,
        control_id: plain(control_id).unwrap_or_default(),
        record,
        data,
        key: plain(key).map(Text::new),
        api,
        errors: errors.unwrap_or_default(),
        source: at..reader.position(),
    })
}

fn read_data(
    reader: &mut Reader<'_>,
    element: Element<'_>,
    builder: &mut RowBuilder,
) -> Result<(Data, Option<ApiSession>), Malformed> {
    let number = |name: &str| element.attribute(name).and_then(|text| text.trim().parse().ok());
    let mut data = Data {
        list_type: plain(element.attribute("listtype")),
        total_count: number("totalcount"),
        count: number("count"),
        num_remaining: number("numremaining"),
        offset: number("offset"),
        rows: Vec::new(),
    };
    let mut api = None;
    while let Some(object) = reader.child()? {
        if object.name == "api" {
            once(&mut api, object, read_api(reader)?)?;
            continue;
        }
        while let Some(field) = reader.child()? {
            let value = reader.text_inside()?;
            builder.push(field.name, &value);
        }
        data.rows.push(builder.finish());
    }
    Ok((data, api.flatten()))
}

fn read_api(reader: &mut Reader<'_>) -> Result<Option<ApiSession>, Malformed> {
    let (mut id, mut endpoint, mut location) = (None, None, None);
    while let Some(element) = reader.child()? {
        match element.name {
            "sessionid" => once(&mut id, element, reader.text_inside()?)?,
            "endpoint" => once(&mut endpoint, element, reader.text_inside()?)?,
            "locationid" => once(&mut location, element, reader.text_inside()?)?,
            _ => reader.skip()?,
        }
    }
    let location = location.map(|text| text.trim().to_owned());
    Ok(plain(id).zip(plain(endpoint)).map(|(id, endpoint)| ApiSession {
        session_id: Secret::new(id),
        endpoint,
        location,
    }))
}

fn read_errors(reader: &mut Reader<'_>) -> Result<Vec<GatewayError>, Malformed> {
    let mut errors = Vec::new();
    while let Some(element) = reader.child()? {
        match element.name {
            "error" => errors.push(read_error(reader)?),
            _ => reader.skip()?,
        }
    }
    Ok(errors)
}

fn read_error(reader: &mut Reader<'_>) -> Result<GatewayError, Malformed> {
    let mut error = GatewayError::default();
    while let Some(element) = reader.child()? {
        if element.name == "additionalinfo" {
            read_additional(reader, &mut error)?;
            continue;
        }
        let (text, support) = without_tail(&reader.text_inside()?);
        match element.name {
            "errorno" => error.errorno = text,
            "description" => error.description = text,
            "description2" => error.description2 = text,
            "correction" => error.correction = text,
            _ => continue,
        }
        error.support_id = error.support_id.or(support);
    }
    Ok(error)
}

fn read_additional(reader: &mut Reader<'_>, error: &mut GatewayError) -> Result<(), Malformed> {
    let depth = reader.depth();
    loop {
        match reader.next_token()? {
            Token::Open(element) => {
                let slot = match element.name {
                    "errorid" => &mut error.error_id,
                    "messageid" => &mut error.message_id,
                    "category" => &mut error.category,
                    _ => continue,
                };
                let text = plain(Some(reader.text_inside()?)).map(Text::new);
                if slot.is_none() {
                    *slot = text;
                }
            }
            Token::Close(_) if reader.depth() < depth => return Ok(()),
            Token::End => return Err(reader.malformed("it ends too early")),
            _ => {}
        }
    }
}

/// The text without its tail `[Support ID: …]` or `[Request ID: …]`, and the id. Some texts were escaped twice.
fn without_tail(text: &str) -> (Text, Option<Text>) {
    let once_more = if text.contains('&') {
        Cow::Owned(
            text.replace("&#039;", "'")
                .replace("&#39;", "'")
                .replace("&apos;", "'")
                .replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
        )
    } else {
        Cow::Borrowed(text)
    };
    let text = once_more.trim();
    for mark in ["[Support ID:", "[Request ID:"] {
        if let Some((before, after)) = text.rsplit_once(mark) {
            let (id, rest) = after.split_once(']').unwrap_or((after, ""));
            let kept = [before.trim_end(), rest.trim_end()].concat();
            return (Text::new(kept), Some(Text::new(id.trim().replace("%7E", "~"))));
        }
    }
    (Text::new(text), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ControlId;
    use proptest::prelude::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/fixtures/intacct/{name}.xml", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn answer(name: &str) -> Answer {
        parse(&fixture(name)).unwrap()
    }

    #[test]
    fn a_session_answer_gives_id_endpoint_entity_and_life() {
        let answer = answer("session");
        assert!(answer.ran());
        let auth = answer.authentication.as_ref().unwrap();
        assert_eq!(auth.session_timestamp.as_deref(), Some("2026-03-02T08:15:01+00:00"));
        assert_eq!(auth.session_timeout.as_deref(), Some("2026-03-02T14:15:01+00:00"));
        let api = answer.results[0].api.as_ref().unwrap();
        assert_eq!(api.session_id.expose(), "canary-session-Zk9v.");
        assert_eq!(api.endpoint, "https://eu07.intacct.com/ia/xml/xmlgw.phtml");
        assert_eq!(api.location.as_deref(), Some("E20-OSLO"));
        assert!(!format!("{answer:?}").contains("canary"));
    }

    #[test]
    fn a_page_of_a_query_gives_its_counts_and_rows() {
        let answer = answer("vendors");
        let data = &answer.results[0].data;
        assert_eq!(
            (data.total_count, data.offset, data.count, data.num_remaining),
            (Some(3), Some(0), Some(2), Some(1))
        );
        assert_eq!(data.list_type.as_deref(), Some("VENDOR"));
        assert_eq!(data.rows[0].get("NAME"), Some("Birch & Tarn Supplies"));
        assert_eq!(data.rows[1].get("STATUS"), Some("inactive"));
        assert_eq!(data.rows[1].get("TERMNAME"), Some(""));
        assert_eq!(data.rows[1].get("CURRENCY"), None);
        assert_eq!(answer.results[0].record, None, "a query makes no record");
    }

    #[test]
    fn of_two_bills_one_stands_and_the_other_tells_why_not() {
        let answer = answer("create-partial");
        let good = answer.result(&ControlId::fresh("tg-good".into())).unwrap();
        assert_eq!((good.status.clone(), good.record.as_ref().unwrap().0.as_str()), (Status::Success, "60214"));
        let bad = answer.result(&ControlId::fresh("tg-bad".into())).unwrap();
        assert_eq!((bad.status.clone(), bad.record.clone()), (Status::Failure, None));
        assert_eq!(bad.errors.len(), 2);
        assert_eq!(bad.errors[0].description2.raw(), "Invalid Vendor 'JG-99999' specified.");
        assert_eq!(bad.errors[0].support_id.as_ref().unwrap().raw(), "demoAAA~111");
        assert_eq!(bad.errors[0].error_id.as_ref().unwrap().raw(), "AP-0101");
        assert_eq!(bad.errors[0].message_id.as_ref().unwrap().raw(), "IA.INVALID_VENDOR");
        let text = fixture("create-partial");
        let source = std::str::from_utf8(&text[bad.source.clone()]).unwrap();
        assert!(
            source.starts_with("<result>") && source.ends_with("</result>") && source.contains("tg-bad"),
            "{source}"
        );
    }

    #[test]
    fn an_aborted_result_is_told_from_the_culprit_by_its_errors() {
        let answer = answer("create-aborted");
        assert_eq!(answer.results[0].status, Status::Aborted);
        assert_eq!(answer.results[0].errors[0].errorno.raw(), "XL03000009");
        assert_eq!(answer.results[1].errors.len(), 2);
    }

    #[test]
    fn failures_above_the_functions_have_their_place() {
        let invalid = answer("invalid-session");
        assert!(invalid.control.status.is_success() && invalid.results.is_empty() && !invalid.ran());
        assert!(invalid.authentication.unwrap().errors[0].description2.raw().starts_with("Invalid session"));
        let sender = answer("sender-unauthorized");
        assert_eq!(sender.authentication.unwrap().errors[0].description.raw(), "Invalid Web Services Authorization");
        let control = answer("bad-sender");
        assert_eq!(control.control.status, Status::Failure);
        assert!(control.authentication.is_none());
        assert_eq!(control.control.errors[0].errorno.raw(), "XL03000006");
        let throttled = answer("throttled");
        assert_eq!(throttled.control.control_id, None);
        assert_eq!(throttled.control.errors[0].description.raw(), "API rate limit exceeded");
        assert_eq!(throttled.control.errors[0].support_id.as_ref().unwrap().raw(), "DEMO01:0001_65E2F0AA.11");
    }

    #[test]
    fn other_shapes_are_read_too() {
        let legacy = answer("legacy");
        assert_eq!(legacy.results[0].key.as_ref().unwrap().raw(), "Purchase Order-PO-5541-A");
        assert_eq!(legacy.results[1].data.rows[0].get("STATE"), Some("Posted"));
        assert_eq!(legacy.results[2].status, Status::Other(Text::new("Success")), "only the exact word counts");
    }

    #[test]
    fn two_objects_in_one_result_are_no_record_of_anything() {
        let text = "<response><control><status>success</status></control><operation><result><status>success</status>\
            <function>create</function><controlid>a</controlid><data><apbill><RECORDNO>1</RECORDNO></apbill>\
            <apbill><RECORDNO>2</RECORDNO></apbill></data></result></operation></response>";
        assert_eq!(parse(text.as_bytes()).unwrap().results[0].record, None);
    }

    #[test]
    fn what_is_not_a_gateway_answer_is_malformed_and_says_why() {
        for (text, why) in [
            ("<html><body>502</body></html>", "root element is `html`"),
            ("<response/>", "no `control`"),
            ("<response><control/><control/></response>", "`control` stands twice"),
            (
                "<response><control/><operation><result><status>success</status><status>failure</status></result></operation></response>",
                "`status` stands twice",
            ),
            ("<!DOCTYPE x><response><control/></response>", "document type"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.why.contains(why), "{error}");
        }
    }

    #[test]
    fn every_cut_of_an_answer_is_malformed() {
        let bytes = fixture("create-partial");
        let end = bytes.trim_ascii_end().len();
        for cut in 0..end {
            assert!(parse(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn an_answer_with_bytes_changed_never_panics(
            which in 0usize..4, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()
        ) {
            let names = ["create-partial", "vendors", "session", "throttled"];
            let mut bytes = fixture(names[which]);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if cut {
                bytes.remove(at / 2);
            }
            let _ = parse(&bytes);
        }

        #[test]
        fn any_text_inside_known_elements_never_panics(text in "(<(/?)(response|control|operation|result|data|api|error|status)>|x|&amp;|<a b='c'/>){0,40}") {
            let _ = parse(text.as_bytes());
        }
    }
}
