//! Writes the gateway's answers in the shapes that it is known to give.

use jiff::Timestamp;

use super::errors::GatewayError;
use super::request::Control;

/// Writes elements, on one line or one below the other.
#[derive(Debug)]
pub struct Writer {
    out: String,
    open: Vec<String>,
    whitespace: bool,
    leaf: bool,
}

impl Writer {
    /// Begins a document.
    pub fn new(whitespace: bool) -> Self {
        let out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
        Writer { out, open: Vec::new(), whitespace, leaf: false }
    }

    fn line(&mut self) {
        if self.whitespace {
            self.out.push('\n');
            for _ in &self.open {
                self.out.push_str("  ");
            }
        }
    }

    /// Opens an element; `tag` may carry attributes that are escaped already.
    pub fn open(&mut self, tag: &str) {
        self.line();
        self.out.push('<');
        self.out.push_str(tag);
        self.out.push('>');
        self.open.push(tag.split(' ').next().unwrap_or_default().to_owned());
        self.leaf = true;
    }

    /// Closes the innermost element.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            if !self.leaf {
                self.line();
            }
            self.leaf = false;
            self.out.push_str("</");
            self.out.push_str(&name);
            self.out.push('>');
        }
    }

    /// An element with text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.leaf = false;
        self.line();
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
        push_escaped(&mut self.out, text);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element without content; `tag` may carry attributes.
    pub fn empty(&mut self, tag: &str) {
        self.leaf = false;
        self.line();
        self.out.push('<');
        self.out.push_str(tag);
        self.out.push_str("/>");
    }

    /// Closes what is open and gives the document.
    pub fn finish(mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            self.close();
        }
        self.out.into_bytes()
    }
}

/// Escapes the five characters; what XML forbids cannot stand in an answer and becomes a question mark.
pub fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other if super::xml::allowed(other) => out.push(other),
            _ => out.push('?'),
        }
    }
}

/// The authentication block of a success.
#[derive(Clone, Debug)]
pub struct Granted {
    /// userid.
    pub user: String,
    /// companyid.
    pub company: String,
    /// locationid.
    pub entity: String,
    /// sessiontimestamp.
    pub now: Timestamp,
    /// sessiontimeout.
    pub until: Timestamp,
}

/// The authentication block of a failure.
#[derive(Clone, Debug, Default)]
pub struct Refused {
    /// userid, empty for an unknown session.
    pub user: String,
    /// companyid, likewise.
    pub company: String,
}

/// The three words of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is done.
    Success,
    /// It is not.
    Failure,
    /// Rolled back, or never begun.
    Aborted,
}

/// What one function gives back.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// status.
    pub status: Status,
    /// function.
    pub function: String,
    /// controlid.
    pub control_id: String,
    /// data.
    pub data: Data,
    /// errormessage.
    pub errors: Vec<GatewayError>,
}

/// The data of a result.
#[derive(Clone, Debug)]
pub enum Data {
    /// No `data` element.
    None,
    /// A session.
    Session {
        /// sessionid.
        id: String,
        /// endpoint.
        endpoint: String,
        /// locationid.
        entity: String,
    },
    /// A created object: name in lower case, record number, record address.
    Created(&'static str, u64, String),
    /// A create that created nothing.
    NothingCreated,
    /// Rows, written beforehand: attributes of `data`, and elements with leaf texts or nested elements.
    Rows(String, Vec<Node>),
}

/// An element of a row.
#[derive(Clone, Debug)]
pub enum Node {
    /// With text.
    Leaf(String, String),
    /// With elements.
    Branch(String, Vec<Node>),
}

fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn control_block(writer: &mut Writer, control: &Control, success: bool) {
    writer.open("control");
    writer.text("status", if success { "success" } else { "failure" });
    writer.text("senderid", &control.sender);
    writer.text("controlid", &control.id);
    writer.text("uniqueid", if control.unique { "true" } else { "false" });
    writer.text("dtdversion", if control.dtd.is_empty() { "3.0" } else { &control.dtd });
    writer.close();
}

fn error_block(writer: &mut Writer, errors: &[GatewayError], additional: bool) {
    writer.open("errormessage");
    for error in errors {
        writer.open("error");
        writer.text("errorno", &error.errorno);
        writer.text("description", &error.description);
        writer.text("description2", &error.description2);
        writer.text("correction", &error.correction);
        if additional {
            writer.open("additionalinfo");
            writer.text("errorid", &error.errorid);
            writer.text("category", "");
            writer.empty("target domain=\"\" requestinfo=\"\" object=\"\" field=\"\" businessinfo=\"\"");
            let message = if error.errorid.is_empty() { String::new() } else { format!("IA.{}", error.errorid) };
            for part in ["description", "cdescription", "correction"] {
                let mut tag = format!("{part} messageid=\"");
                push_escaped(&mut tag, &message);
                tag.push('"');
                writer.open(&tag);
                writer.empty("placeholders");
                writer.close();
            }
            writer.close();
        }
        writer.close();
    }
    writer.close();
}

/// The control block failed: no operation.
pub fn control_failure(control: &Control, error: &GatewayError) -> Vec<u8> {
    let mut writer = Writer::new(control.whitespace);
    writer.open("response");
    control_block(&mut writer, control, false);
    error_block(&mut writer, std::slice::from_ref(error), control.additional);
    writer.finish()
}

/// What the gateway's front says before it looks at anything (429 and the like).
pub fn front_failure(errorno: &str, description: &str) -> Vec<u8> {
    let mut writer = Writer::new(false);
    writer.open("response");
    writer.open("control");
    writer.text("status", "failure");
    writer.close();
    writer.open("errormessage");
    writer.open("error");
    writer.text("errorno", errorno);
    writer.text("description", description);
    writer.finish()
}

/// Authentication failed: no result.
pub fn auth_failure(control: &Control, refused: &Refused, error: &GatewayError) -> Vec<u8> {
    let mut writer = Writer::new(control.whitespace);
    writer.open("response");
    control_block(&mut writer, control, true);
    writer.open("operation");
    writer.open("authentication");
    writer.text("status", "failure");
    writer.text("userid", &refused.user);
    writer.text("companyid", &refused.company);
    writer.close();
    error_block(&mut writer, std::slice::from_ref(error), control.additional);
    writer.finish()
}

/// Functions ran: one result each.
pub fn results(control: &Control, granted: &Granted, outcomes: &[Outcome]) -> Vec<u8> {
    let mut writer = Writer::new(control.whitespace);
    writer.open("response");
    control_block(&mut writer, control, true);
    writer.open("operation");
    writer.open("authentication");
    writer.text("status", "success");
    writer.text("userid", &granted.user);
    writer.text("companyid", &granted.company);
    writer.text("locationid", &granted.entity);
    writer.text("sessiontimestamp", &iso(granted.now));
    writer.text("sessiontimeout", &iso(granted.until));
    writer.close();
    for outcome in outcomes {
        result(&mut writer, outcome, control.additional);
    }
    writer.finish()
}

fn result(writer: &mut Writer, outcome: &Outcome, additional: bool) {
    writer.open("result");
    writer.text(
        "status",
        match outcome.status {
            Status::Success => "success",
            Status::Failure => "failure",
            Status::Aborted => "aborted",
        },
    );
    writer.text("function", &outcome.function);
    writer.text("controlid", &outcome.control_id);
    match &outcome.data {
        Data::None => {}
        Data::Session { id, endpoint, entity } => {
            writer.open("data");
            writer.open("api");
            writer.text("sessionid", id);
            writer.text("endpoint", endpoint);
            writer.text("locationid", entity);
            writer.close();
            writer.close();
        }
        Data::Created(object, record_no, url) => {
            writer.open("data listtype=\"objects\" count=\"1\"");
            writer.open(object);
            writer.text("RECORDNO", &record_no.to_string());
            writer.text("RECORD_URL", url);
            writer.close();
            writer.close();
        }
        Data::NothingCreated => writer.empty("data listtype=\"objects\" count=\"0\""),
        Data::Rows(attributes, rows) if rows.is_empty() => writer.empty(&format!("data {attributes}")),
        Data::Rows(attributes, rows) => {
            writer.open(&format!("data {attributes}"));
            rows.iter().for_each(|row| node(writer, row));
            writer.close();
        }
    }
    if !outcome.errors.is_empty() {
        error_block(writer, &outcome.errors, additional);
    }
    writer.close();
}

fn node(writer: &mut Writer, part: &Node) {
    match part {
        Node::Leaf(name, text) => writer.text(name, text),
        Node::Branch(name, children) => {
            writer.open(name);
            children.iter().for_each(|child| node(writer, child));
            writer.close();
        }
    }
}
