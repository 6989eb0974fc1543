//! What the gateway answered: control block, authentication, one result per function.
//!
//! Source: developer.intacct.com/web-services/responses/. Only the exact word `success` at all three levels means success. Reading
//! judges nothing: a part that is missing is missing here too, and whoever sent writes decides what that means.

mod parse;
mod row;

pub use parse::parse;
pub use row::Row;

use std::ops::Range;

use crate::model::{ControlId, RecordNo, Secret, Text};

/// A status word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// `success`
    Success,
    /// `failure`
    Failure,
    /// `aborted`: rolled back together with others.
    Aborted,
    /// Any other word, or none.
    Other(Text),
}

impl Status {
    fn read(word: &str) -> Status {
        match word {
            "success" => Status::Success,
            "failure" => Status::Failure,
            "aborted" => Status::Aborted,
            other => Status::Other(Text::new(other)),
        }
    }

    /// Whether it is the one word that means success.
    pub fn is_success(&self) -> bool {
        *self == Status::Success
    }
}

impl Default for Status {
    fn default() -> Self {
        Status::Other(Text::default())
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The control block.
    pub control: ControlPart,
    /// The authentication block; absent after a failure of the control block.
    pub authentication: Option<AuthPart>,
    /// One result per function, in the order of the answer; some may be missing.
    pub results: Vec<FunctionResult>,
}

impl Answer {
    /// The result of a function; `None` where it is missing or there are two.
    pub fn result(&self, control_id: &ControlId) -> Option<&FunctionResult> {
        let mut found = self.results.iter().filter(|result| result.control_id == control_id.as_str());
        found.next().filter(|_| found.next().is_none())
    }

    /// Whether control block and authentication both say success: only then did functions run.
    pub fn ran(&self) -> bool {
        self.control.status.is_success() && self.authentication.as_ref().is_some_and(|a| a.status.is_success())
    }
}

/// `response/control`
#[derive(Clone, Debug, Default)]
pub struct ControlPart {
    /// Its status.
    pub status: Status,
    /// The control id of the request, echoed; may be empty on failure.
    pub control_id: Option<String>,
    /// `response/errormessage`
    pub errors: Vec<GatewayError>,
}

/// `operation/authentication`
#[derive(Clone, Debug, Default)]
pub struct AuthPart {
    /// Its status.
    pub status: Status,
    /// The company that the session belongs to.
    pub company: Option<Text>,
    /// The server's clock when it answered, as text (ISO 8601 with an offset).
    pub session_timestamp: Option<String>,
    /// When the session ends on the server's clock, as text.
    pub session_timeout: Option<String>,
    /// `operation/errormessage`
    pub errors: Vec<GatewayError>,
}

/// `operation/result`
#[derive(Clone, Debug, Default)]
pub struct FunctionResult {
    /// Its status.
    pub status: Status,
    /// Name of the function: `create`.
    pub function: String,
    /// The function's control id, echoed; empty where it is missing.
    pub control_id: String,
    /// Record number of the one object that a `create` made. It stands for something only beside [`Status::Success`].
    pub record: Option<RecordNo>,
    /// `data`
    pub data: Data,
    /// `key`, the answer of legacy functions.
    pub key: Option<Text>,
    /// The new session, from `getAPISession`.
    pub api: Option<ApiSession>,
    /// `errormessage`
    pub errors: Vec<GatewayError>,
    /// Where the element stands in the answer's bytes.
    pub source: Range<usize>,
}

/// `result/data`
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Object, or `objects` after a `create`.
    pub list_type: Option<String>,
    /// Rows that match in all.
    pub total_count: Option<u64>,
    /// Rows of this page.
    pub count: Option<u64>,
    /// Rows after this page.
    pub num_remaining: Option<u64>,
    /// Rows before this page.
    pub offset: Option<u64>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// `data/api`: a session and where it lives. No `Debug` of the id.
#[derive(Clone)]
pub struct ApiSession {
    /// Session id.
    pub session_id: Secret,
    /// Its endpoint, unchecked.
    pub endpoint: String,
    /// The entity it is for: empty at top level, absent in old answers.
    pub location: Option<String>,
}

impl std::fmt::Debug for ApiSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiSession")
            .field("endpoint", &self.endpoint)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// One `error` of an `errormessage`. All texts come without their `[Support ID: …]` tail, which is kept apart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GatewayError {
    /// `errorno`; not always a number, some are sentences.
    pub errorno: Text,
    /// `description`
    pub description: Text,
    /// `description2`, usually the one that says something.
    pub description2: Text,
    /// `correction`
    pub correction: Text,
    /// `additionalinfo/errorid`: `GL-0493`.
    pub error_id: Option<Text>,
    /// The first `messageid` of the additional information: `IA.DUPLICATE_ACCOUNT_NUMBER`.
    pub message_id: Option<Text>,
    /// `additionalinfo/category`
    pub category: Option<Text>,
    /// The support or request id, for Sage's support.
    pub support_id: Option<Text>,
}

impl GatewayError {
    /// One line for a person: number and the text that says most, made safe.
    pub fn line(&self) -> String {
        let text = [&self.description2, &self.description, &self.correction].into_iter().find(|text| !text.is_blank());
        match text {
            Some(text) if self.errorno.is_blank() => text.safe().into_owned(),
            Some(text) => format!("{}: {}", self.errorno.safe(), text.safe()),
            None => self.errorno.safe().into_owned(),
        }
    }
}
