//! One exchange with the gateway, and what an answer means before any function is looked at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use crate::config::Intacct;
use crate::model::{Class, Secret, Text};
use crate::seams::{Bounds, Method, NetError, Network, Purpose, Request, Response, Seams};

use super::answer::{Answer, GatewayError, Status, parse};
use super::catalogue::{Catalogue, Explained, Place};
use super::clock::ClockWatch;

/// Bound for name look-up, connecting and TLS.
const CONNECT: Duration = Duration::from_secs(10);
/// The largest answer taken; a full page of a query is a few megabytes.
const MAX_ANSWER: usize = 64 << 20;

/// The two passwords.
#[derive(Clone)]
pub struct Credentials {
    /// Of the sender id.
    pub sender_password: Secret,
    /// Of the Web Services user.
    pub user_password: Secret,
}

/// A refusal, explained.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its class.
    pub class: Class,
    /// A few words.
    pub title: Text,
    /// What it means.
    pub meaning: Text,
    /// What to do.
    pub advice: Text,
    /// The error that names the cause.
    pub error: Option<GatewayError>,
}

impl Refusal {
    /// One sentence for a person: title, and the error's own words.
    pub fn sentence(&self) -> String {
        match &self.error {
            Some(error) => format!("{} ({})", self.title.safe(), error.line()),
            None => self.title.safe().into_owned(),
        }
    }
}

impl From<Explained<'_>> for Refusal {
    fn from(explained: Explained<'_>) -> Self {
        Refusal {
            class: explained.class,
            title: explained.title,
            meaning: explained.meaning,
            advice: explained.advice,
            error: explained.cause.cloned(),
        }
    }
}

/// Why no function of an answer may be looked at.
pub(super) enum Trouble {
    Busy { what: String, retry_after: Option<Duration> },
    Unreadable(String),
    Control(Box<Refusal>),
    Authentication(Box<Refusal>),
}

/// What sessions and the gateway share.
pub(super) struct Wire {
    pub config: Intacct,
    pub network: Arc<dyn Network>,
    pub seams: Seams,
    pub catalogue: Catalogue,
    credentials: RwLock<Arc<Credentials>>,
    /// Requests at once, over all that read and write: the company's performance tier allows no more.
    permits: tokio::sync::Semaphore,
    pub counts: Counts,
    pub watch: ClockWatch,
}

/// What was asked of the gateway since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests.
    pub requests: AtomicU64,
    /// Functions in them.
    pub functions: AtomicU64,
    /// API transactions: one for each object written and each query.
    pub transactions: AtomicU64,
    /// Logins.
    pub logins: AtomicU64,
}

impl Wire {
    pub fn new(
        config: Intacct,
        network: Arc<dyn Network>,
        seams: Seams,
        credentials: Credentials,
        catalogue: Catalogue,
    ) -> Self {
        let permits = tokio::sync::Semaphore::new(config.max_in_flight.clamp(1, 64));
        let credentials = RwLock::new(Arc::new(credentials));
        Wire {
            config,
            network,
            seams,
            catalogue,
            credentials,
            permits,
            counts: Counts::default(),
            watch: ClockWatch::default(),
        }
    }

    pub fn credentials(&self) -> Arc<Credentials> {
        match self.credentials.read() {
            Ok(credentials) => Arc::clone(&credentials),
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    pub fn set_credentials(&self, credentials: Credentials) {
        let mut slot = match self.credentials.write() {
            Ok(slot) => slot,
            Err(poisoned) => poisoned.into_inner(),
        };
        *slot = Arc::new(credentials);
    }

    /// A control id that was never used: for reads and logins.
    pub fn fresh(&self, purpose: &str) -> String {
        format!("{purpose}-{:016x}{:016x}", self.seams.chance.bits(), self.seams.chance.bits())
    }

    pub async fn exchange(
        &self,
        purpose: Purpose,
        url: &str,
        body: Vec<u8>,
        bound: Duration,
    ) -> Result<Response, NetError> {
        let request = Request {
            purpose,
            method: Method::Post,
            url: url.to_owned(),
            headers: vec![
                ("content-type", "application/xml; charset=utf-8".to_owned()),
                ("accept", "application/xml, text/xml".to_owned()),
            ],
            body,
            bounds: Bounds { connect: CONNECT, first_byte: bound, total: bound + CONNECT },
            max_answer: MAX_ANSWER,
        };
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await.ok();
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        self.network.exchange(request).await
    }

    pub fn refusal(&self, errors: &[GatewayError], place: Place) -> Box<Refusal> {
        Box::new(self.catalogue.explain(errors, place).into())
    }

    /// An answer to a read or a login, if its functions ran.
    pub fn judge(&self, response: &Response, control_id: &str) -> Result<Answer, Trouble> {
        let busy = |what: String| Trouble::Busy { what, retry_after: retry_after(response, self.seams.clock.now()) };
        let status = response.status;
        if status == 429 || status >= 500 {
            let detail = parse(&response.body).ok().and_then(|answer| Some(answer.control.errors.first()?.line()));
            let detail = detail.map(|line| format!(" ({line})")).unwrap_or_default();
            return Err(busy(format!("Intacct answered with HTTP status {status}{detail}")));
        }
        let answer = parse(&response.body).map_err(|malformed| {
            let kind = response.header("content-type").unwrap_or("no content type");
            let kind = crate::model::safe(kind);
            Trouble::Unreadable(format!("HTTP status {status}, {kind}, is not a gateway answer: {malformed}"))
        })?;
        match answer.control.status {
            Status::Success => {}
            Status::Failure => {
                let refusal = self.refusal(&answer.control.errors, Place::Control);
                return Err(match refusal.class {
                    Class::Backoff => busy(format!("Intacct is busy: {}", refusal.sentence())),
                    _ => Trouble::Control(refusal),
                });
            }
            _ => return Err(Trouble::Unreadable("its control block says neither success nor failure".to_owned())),
        }
        if answer.control.control_id.as_deref() != Some(control_id) {
            return Err(Trouble::Unreadable("it is the answer to another request".to_owned()));
        }
        match answer.authentication.as_ref().map(|auth| (&auth.status, &auth.errors)) {
            Some((Status::Success, _)) => Ok(answer),
            Some((Status::Failure, errors)) => {
                let refusal = self.refusal(errors, Place::Authentication);
                Err(match refusal.class {
                    Class::Backoff => busy(format!("Intacct is busy: {}", refusal.sentence())),
                    _ => Trouble::Authentication(refusal),
                })
            }
            _ => Err(Trouble::Unreadable("its authentication says neither success nor failure".to_owned())),
        }
    }
}

/// How long the gateway asks us to wait: `Retry-After` in seconds or as a date, or the throttle header of Sage's other interface.
/// At most an hour: a wrong header must not stop a lane for longer.
pub fn retry_after(response: &Response, now: crate::model::Timestamp) -> Option<Duration> {
    let text = response.header("retry-after").or_else(|| response.header("x-ia-throttle-retryafter"))?.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            u64::try_from(at.duration_since(now).as_secs()).unwrap_or_default()
        }
    };
    Some(Duration::from_secs(seconds.min(3600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_read_from_seconds_and_dates_and_has_a_bound() {
        let now: crate::model::Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        for (name, value, seconds) in [
            ("retry-after", "17", Some(17)),
            ("retry-after", "999999999", Some(3600)),
            ("retry-after", "Mon, 02 Mar 2026 08:01:00 GMT", Some(60)),
            ("retry-after", "Mon, 02 Mar 2026 07:01:00 GMT", Some(0)),
            ("retry-after", "soon", None),
            ("x-ia-throttle-retryafter", "60", Some(60)),
        ] {
            let response = Response { status: 429, headers: vec![(name.to_owned(), value.to_owned())], body: vec![] };
            assert_eq!(retry_after(&response, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
