//! What can go wrong between here and JAGGAER, what it means and what to do.

use super::listing::PageFault;
use crate::model::{Class, Text};

/// An error of asking JAGGAER. Its text is safe to show; it never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JaggaerError {
    /// No answer.
    #[error("JAGGAER could not be reached for {target}: {what}")]
    Unreachable {
        /// What was asked for: path without query.
        target: String,
        /// What happened.
        what: String,
    },
    /// Answers that say "not now", as often as they were asked.
    #[error("JAGGAER is busy: {target} was answered with HTTP {status} {attempts} times")]
    Busy {
        /// What was asked for.
        target: String,
        /// HTTP status.
        status: u16,
        /// How often it was tried.
        attempts: u32,
    },
    /// The token call was refused. Nothing is asked any more until credentials change or somebody retries.
    #[error("JAGGAER's token endpoint refused the credentials with HTTP {status}: {what}")]
    CredentialsRefused {
        /// HTTP status.
        status: u16,
        /// Error code of the answer, made safe.
        what: String,
    },
    /// A fresh token was refused too. Nothing is asked any more until somebody retries.
    #[error("JAGGAER refused access to {target} with HTTP {status}, with a fresh token too")]
    AccessRefused {
        /// What was asked for.
        target: String,
        /// HTTP status.
        status: u16,
    },
    /// A fresh token was refused too, for this record; the list that names it is answered. Everything else is asked all the same.
    #[error("JAGGAER refused access to {target} with HTTP {status}, with a fresh token too, and answers for others")]
    RecordRefused {
        /// What was asked for.
        target: String,
        /// HTTP status.
        status: u16,
    },
    /// The token endpoint could not be found out, or its answer made no sense.
    #[error("no token from JAGGAER: {what}")]
    Token {
        /// Why.
        what: String,
    },
    /// Another status than 200.
    #[error("JAGGAER answered {target} with HTTP {status}: {excerpt}")]
    Status {
        /// What was asked for.
        target: String,
        /// HTTP status.
        status: u16,
        /// Beginning of the answer, made safe.
        excerpt: String,
    },
    /// HTTP 200 with a web page or anything else that is no JSON.
    #[error("JAGGAER answered {target} with {what}: {excerpt}")]
    NotJson {
        /// What was asked for.
        target: String,
        /// What it is instead.
        what: String,
        /// Beginning of the answer, made safe.
        excerpt: String,
    },
    /// HTTP 200 with a return code that is no success.
    #[error("JAGGAER refused {target} with return code {code}: {message}")]
    Code {
        /// What was asked for.
        target: String,
        /// The code.
        code: String,
        /// The message, at most 500 characters, made safe.
        message: String,
    },
    /// A page of a list that cannot be read, or a list that cannot be walked.
    #[error("{target}: {fault}")]
    Page {
        /// What was asked for.
        target: String,
        /// What is wrong.
        fault: PageFault,
    },
    /// The configuration or profile asks for what is not allowed.
    #[error("JAGGAER is not configured soundly: {what}")]
    Configuration {
        /// What is wrong.
        what: String,
    },
}

impl JaggaerError {
    /// Its class.
    pub fn class(&self) -> Class {
        match self {
            JaggaerError::Unreachable { .. } | JaggaerError::Busy { .. } => Class::Backoff,
            JaggaerError::CredentialsRefused { .. } | JaggaerError::Configuration { .. } => Class::Configuration,
            JaggaerError::Token { .. } | JaggaerError::Page { .. } | JaggaerError::NotJson { .. } => {
                Class::Configuration
            }
            JaggaerError::AccessRefused { .. } | JaggaerError::RecordRefused { .. } => Class::Permission,
            JaggaerError::Status { status: 404, .. } => Class::Data,
            JaggaerError::Status { .. } | JaggaerError::Code { .. } => Class::Unknown,
        }
    }

    /// Whether the other side did not answer or refused the credentials: exit code 4.
    pub fn is_unreachable(&self) -> bool {
        self.stops_flow() || matches!(self, JaggaerError::Unreachable { .. } | JaggaerError::Busy { .. })
    }

    /// Whether nothing more will be asked until a person or a timer retries.
    pub fn stops_flow(&self) -> bool {
        matches!(self, JaggaerError::CredentialsRefused { .. } | JaggaerError::AccessRefused { .. })
    }

    /// What happened, as one sentence.
    pub fn sentence(&self) -> String {
        self.to_string()
    }

    /// What happened and what to do, as two sentences.
    pub fn told(&self) -> String {
        format!("{}. {}", self.sentence().trim_end_matches('.'), self.advice())
    }

    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self {
            JaggaerError::Unreachable { .. } => {
                "Nothing is lost: it is asked again at the next run. Check base_url, proxy and firewall with `tollgate ping jaggaer`."
            }
            JaggaerError::Busy { .. } => {
                "It is asked again at the next run. If it lasts, lower requests_per_second or ask JAGGAER for the limits."
            }
            JaggaerError::CredentialsRefused { .. } => {
                "Check client_id and the realm, set the secret again with `tollgate secret set jaggaer.client_secret`, then `tollgate ping jaggaer`."
            }
            JaggaerError::AccessRefused { .. } => {
                "Ask JAGGAER to allow this client to read this resource, then `tollgate flow run invoices`."
            }
            JaggaerError::RecordRefused { .. } => {
                "Ask JAGGAER to allow this client to read it too: it may be of another business unit. It is asked for again at the next run."
            }
            JaggaerError::Token { .. } => "Check `issuer` or set `token_url` in [jaggaer].",
            JaggaerError::Status { status: 404, .. } => {
                "For one record: it was deleted in JAGGAER. For the list: check base_url and the paths in the profile."
            }
            JaggaerError::Status { .. } => {
                "Check base_url, the paths and the filter in the profile with `tollgate ping jaggaer`."
            }
            JaggaerError::NotJson { .. } => {
                "A web page instead of data usually is a login page, a proxy or a wrong base_url: check with `tollgate ping jaggaer`."
            }
            JaggaerError::Code { .. } => {
                "The message is JAGGAER's own. If the code means success at your instance, add it to answer.ok_codes of the profile."
            }
            JaggaerError::Page { .. } => {
                "Correct the path or the paging in the profile; `tollgate ping jaggaer` shows what comes."
            }
            JaggaerError::Configuration { .. } => {
                "Correct tollgate.toml or the profile; `tollgate check` names line and key."
            }
        }
    }
}

/// The beginning of a text from outside, on one line and made safe.
pub(super) fn excerpt(text: &str, max: usize) -> String {
    let start: String = text.trim().chars().take(max).collect();
    Text::new(start).safe().into_owned()
}
