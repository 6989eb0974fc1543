//! The one write: fields of a supplier, sent once.

use std::time::Duration;

use super::client::{Client, MAX_ANSWER, YOUNG, target_of};
use super::error::excerpt;
use super::json::Json;
use super::oauth::bounds;
use super::pace::retry_after;
use crate::model::{Class, MasterValues, Text};
use crate::seams::{Method, Purpose, Request, Response, Sent};

/// What became of an update. Nothing is repeated here: whoever sent it reads the supplier again and decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SupplierAnswer {
    /// JAGGAER says that it is done; to be read back.
    Done {
        /// Its words, where there are any: it may warn.
        said: Text,
    },
    /// Refused with words, or it could not be sent at all: it was not executed, and would not be another time.
    Refused {
        /// Its class.
        class: Class,
        /// Return code or HTTP status.
        code: Text,
        /// JAGGAER's words, at most 500 characters.
        said: Text,
    },
    /// The record was changed meanwhile: its token is no longer good, and nothing was executed.
    Stale {
        /// JAGGAER's words.
        said: Text,
    },
    /// Certainly not executed: it may be sent again.
    NotExecuted {
        /// Why.
        why: String,
        /// How long JAGGAER asks to wait.
        retry_after: Option<Duration>,
    },
    /// Nobody knows: the supplier is to be read.
    Unclear {
        /// Why.
        why: String,
    },
}

/// Nothing leaves, now or later: it is as good as refused, and stands in no other supplier's way.
fn impossible(class: Class, why: String) -> SupplierAnswer {
    SupplierAnswer::Refused { class, code: Text::from("not sent"), said: Text::new(why) }
}

impl Client {
    /// Sets these fields of a supplier, and no other, with the token of its last reading where the interface has one. Sent
    /// once: only after a 401, and a 403 with an old token, which come before anything is executed, a new token is fetched and
    /// the same bytes leave once more.
    pub async fn update_supplier(&self, id: &str, set: &MasterValues, token: Option<&Text>) -> SupplierAnswer {
        match self.profile().supplier_update(id, set, token) {
            Ok(body) => self.send_supplier(id, body).await,
            Err(why) => impossible(Class::Data, why),
        }
    }

    async fn send_supplier(&self, id: &str, body: Vec<u8>) -> SupplierAnswer {
        let not_executed = |why: String| SupplierAnswer::NotExecuted { why, retry_after: None };
        let Some(url) = self.gate().update_address(id) else {
            let why = "the profile names no address to which an update of this supplier may be sent";
            return impossible(Class::Configuration, why.to_owned());
        };
        let target = target_of(url.as_str());
        let mut refused = None;
        loop {
            let pass = match self.pass(refused).await {
                Ok(pass) => pass,
                Err(error) => return not_executed(error.sentence()),
            };
            let answer = self
                .in_turn(|| Request {
                    purpose: Purpose::Supply,
                    method: Method::Post,
                    url: url.to_string(),
                    headers: vec![
                        ("accept", "application/json".to_owned()),
                        ("accept-charset", "utf-8".to_owned()),
                        ("content-type", "application/json".to_owned()),
                        (pass.header.0, pass.header.1.clone()),
                    ],
                    body: body.clone(),
                    bounds: bounds(self.timeout()),
                    max_answer: MAX_ANSWER,
                })
                .await;
            let response = match answer {
                Ok(response) => response,
                Err(error) => {
                    let what = format!("{target}: {}", excerpt(&error.what, 300));
                    return match error.sent {
                        Sent::No => not_executed(what),
                        Sent::Maybe => SupplierAnswer::Unclear { why: what },
                    };
                }
            };
            match response.status {
                status @ (401 | 403) if refused.is_none() && (status == 401 || pass.age >= YOUNG) => {
                    refused = Some(pass.generation);
                }
                _ => return self.judge(id, &target, &response),
            }
        }
    }

    /// What an answer to an update means. What is not certainly one thing is unclear.
    fn judge(&self, id: &str, target: &str, response: &Response) -> SupplierAnswer {
        let status = response.status;
        let begins = || excerpt(&String::from_utf8_lossy(response.body.get(..600).unwrap_or(&response.body)), 200);
        let said = || Text::new(begins());
        let unclear =
            || SupplierAnswer::Unclear { why: format!("JAGGAER answered {target} with HTTP {status}: {}", begins()) };
        let refused = |class| SupplierAnswer::Refused { class, code: Text::new(status.to_string()), said: said() };
        match status {
            200 | 201 => self.judge_words(id, target, response),
            401 => SupplierAnswer::NotExecuted {
                why: format!("JAGGAER refused access to {target} with HTTP 401, with a fresh token too"),
                retry_after: None,
            },
            403 => refused(Class::Permission),
            409 | 412 => SupplierAnswer::Stale { said: said() },
            429 => SupplierAnswer::NotExecuted {
                why: format!("JAGGAER answered {target} with HTTP 429"),
                retry_after: retry_after(response, self.seams()),
            },
            404 | 405 => refused(Class::Configuration),
            // Somebody on the way gave up waiting: it may have been passed on.
            408 | 425 | 499 => unclear(),
            400..=499 => refused(Class::Data),
            _ => unclear(),
        }
    }

    fn judge_words(&self, id: &str, target: &str, response: &Response) -> SupplierAnswer {
        let profile = self.profile();
        let (answer, update) = (&profile.answer, &profile.suppliers.update);
        let unclear = |what: &str| SupplierAnswer::Unclear { why: format!("JAGGAER answered {target} with {what}") };
        let Ok(json) = Json::parse(&response.body) else { return unclear("what is no JSON") };
        let text = |path: &Option<super::path::Path>| {
            let found = path.as_ref()?.first(&json)?;
            profile.scalar(&found).map(|text| excerpt(&text, 500))
        };
        let Some(code) = text(&answer.code) else { return unclear("no return code") };
        let said = Text::new(text(&answer.message).unwrap_or_default());
        if update.stale_codes.contains(&code) {
            return SupplierAnswer::Stale { said };
        }
        if !update.ok_codes.contains(&code) {
            return SupplierAnswer::Refused { class: Class::Data, code: Text::new(code), said };
        }
        match profile.text(&json, &update.answered_id) {
            Some(other) if other.raw() != id => unclear("a success for another supplier"),
            _ => SupplierAnswer::Done { said },
        }
    }
}
