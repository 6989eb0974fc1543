//! The session of one company and entity: opened once, shared by all, renewed when it ends.
//!
//! Never more than one login is in flight, and refused credentials are remembered: repeating them could lock the user. What may
//! pass by itself never is, however often it repeats. Life is counted on the monotonic clock from the difference of the server's
//! own two stamps, so that no wall clock needs to agree with another.
//!
//! Source: developer.intacct.com/api/company-console/api-sessions/. That a session may end earlier than promised is assumed.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::model::{Class, ControlId, Secret, Text, Timestamp};
use crate::seams::{NetError, Purpose};

use super::answer::{AuthPart, Status};
use super::catalogue::Place;
use super::clock::WrongClock;
use super::endpoint::{Endpoint, EndpointRefused, check_endpoint, first_endpoint};
use super::envelope::{Auth, ControlBlock, Envelope, Function};
use super::wire::{Credentials, Refusal, Trouble, Wire};
use super::xml::Writer;

/// A session and the endpoint that belongs to it.
pub struct Session {
    id: Secret,
    endpoint: Endpoint,
    opened: Duration,
    ends: Mutex<Duration>,
}

impl Session {
    /// Its id, for the envelope alone.
    pub(super) fn id(&self) -> &Secret {
        &self.id
    }

    /// Where its requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// When it ends, on the monotonic clock.
    fn ends(&self) -> Duration {
        *lock(&self.ends)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("endpoint", &self.endpoint).field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// Why there is no session.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionError {
    /// The login was not answered.
    #[error("no login: {0}")]
    Network(NetError),
    /// Not now.
    #[error("no login now: {what}")]
    Busy {
        /// What Intacct said.
        what: String,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The answer could not be read.
    #[error("the answer to the login cannot be used: {0}")]
    Unreadable(String),
    /// Refused; remembered until a person acts.
    #[error("login refused: {}", .0.sentence())]
    Refused(Box<Refusal>),
    /// The session's endpoint, or the configured gateway, is not one that may have credentials; remembered. A security event.
    #[error("security event: the session's endpoint was refused: {why} ({})", .offered.safe())]
    Endpoint {
        /// Why.
        why: EndpointRefused,
        /// What was offered.
        offered: Text,
    },
    /// The session is for another entity than configured; remembered.
    #[error("the session is for entity `{}`, not for the configured `{}`", .given.safe(), .wanted.safe())]
    Entity {
        /// Configured.
        wanted: Text,
        /// What Intacct gave.
        given: Text,
    },
}

impl SessionError {
    /// Its class.
    pub fn class(&self) -> Class {
        match self {
            SessionError::Network(_) | SessionError::Busy { .. } | SessionError::Unreadable(_) => Class::Backoff,
            SessionError::Refused(refusal) => refusal.class,
            SessionError::Endpoint { .. } | SessionError::Entity { .. } => Class::Configuration,
        }
    }

    /// Whether it is remembered: nothing is sent until a person has acted.
    pub fn is_latched(&self) -> bool {
        matches!(self, SessionError::Refused(_) | SessionError::Endpoint { .. } | SessionError::Entity { .. })
    }

    /// Whether somebody may be after our credentials.
    pub fn is_security_event(&self) -> bool {
        matches!(self, SessionError::Endpoint { .. })
    }

    /// How long the gateway asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            SessionError::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What to do.
    pub fn advice(&self) -> Text {
        match self {
            SessionError::Network(_) => "Check the network between this machine and the gateway; it is tried again.".into(),
            SessionError::Busy { .. } => "Nothing to do: it is tried again.".into(),
            SessionError::Unreadable(_) => "Check `gateway_url` and what stands between; it is tried again.".into(),
            SessionError::Refused(refusal) => refusal.advice.clone(),
            SessionError::Endpoint { .. } => {
                "Nothing was sent there. Find out who answers for the gateway; only if the host is Sage's, add it to `allowed_hosts`.".into()
            }
            SessionError::Entity { .. } => "Check `entity` and which entities the Web Services user may use.".into(),
        }
    }
}

/// The cached session.
pub struct Sessions {
    wire: Arc<Wire>,
    current: Mutex<Option<Arc<Session>>>,
    latched: Mutex<Option<SessionError>>,
    /// Held while a login is in flight.
    flight: tokio::sync::Mutex<()>,
    /// Logins that ended, and the error of the last.
    ended: AtomicU64,
    last_error: Mutex<Option<SessionError>>,
}

impl Sessions {
    pub(super) fn new(wire: Arc<Wire>) -> Self {
        Sessions {
            wire,
            current: Mutex::new(None),
            latched: Mutex::new(None),
            flight: tokio::sync::Mutex::new(()),
            ended: AtomicU64::new(0),
            last_error: Mutex::new(None),
        }
    }

    /// A session that is not known to have ended; logs in where there is none. All who wait for the same login get its outcome.
    pub async fn get(&self) -> Result<Arc<Session>, SessionError> {
        if let Some(known) = self.known() {
            return known;
        }
        let before = self.ended.load(Ordering::Acquire);
        let _flight = self.flight.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        if self.ended.load(Ordering::Acquire) != before
            && let Some(error) = lock(&self.last_error).clone()
        {
            return Err(error);
        }
        let credentials = self.wire.credentials();
        let outcome = self.login(&credentials).await;
        match &outcome {
            Ok(session) => {
                *lock(&self.current) = Some(Arc::clone(session));
                *lock(&self.last_error) = None;
            }
            Err(error) => {
                // What was refused with passwords that were replaced meanwhile says nothing about the new ones.
                if error.is_latched() && Arc::ptr_eq(&credentials, &self.wire.credentials()) {
                    *lock(&self.latched) = Some(error.clone());
                }
                *lock(&self.last_error) = Some(error.clone());
            }
        }
        self.ended.fetch_add(1, Ordering::AcqRel);
        outcome
    }

    /// Forgets a session that the gateway does not take any more. A newer one stays.
    pub fn invalidate(&self, session: &Session) {
        let mut current = lock(&self.current);
        if current.as_ref().is_some_and(|known| std::ptr::eq(&**known, session)) {
            *current = None;
        }
    }

    /// A request of a session was refused for its credentials, as the sender's password may be replaced while a session is
    /// open: remembered like a refused login, unless the session was given up or got new passwords meanwhile.
    pub fn refuse(&self, session: &Session, refusal: Refusal) -> SessionError {
        let error = SessionError::Refused(Box::new(refusal));
        let current = lock(&self.current);
        if current.as_ref().is_some_and(|known| std::ptr::eq(&**known, session)) {
            *lock(&self.latched) = Some(error.clone());
        }
        error
    }

    /// A session was used at `started` (monotonic) and the answer states its timeout anew: it slides, but never beyond the
    /// configured life since the login.
    pub fn touched(&self, session: &Session, stated: &AuthPart, started: Duration) {
        self.wire.watch.heard(stated, started, &*self.wire.seams.clock);
        if let Some(life) = stated_life(stated) {
            *lock(&session.ends) = self.end(session.opened, started, Some(life));
        }
    }

    /// How long the session will still be trusted; `None` without one.
    pub fn remaining(&self) -> Option<Duration> {
        let now = self.wire.seams.clock.monotonic();
        lock(&self.current).as_ref().and_then(|session| session.ends().checked_sub(now)).filter(|left| !left.is_zero())
    }

    /// That this machine's clock is not Intacct's, as its last answer showed.
    pub fn wrong_clock(&self) -> Option<WrongClock> {
        self.wire.watch.wrong(&*self.wire.seams.clock)
    }

    /// Why the last login failed, where none succeeded since.
    pub fn last_error(&self) -> Option<SessionError> {
        lock(&self.last_error).clone()
    }

    /// The remembered refusal.
    pub fn latched(&self) -> Option<SessionError> {
        lock(&self.latched).clone()
    }

    /// A person wants a refused login to be tried again.
    pub fn retry_login(&self) {
        *lock(&self.latched) = None;
    }

    /// New passwords: the session is forgotten, and so is a refusal.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.wire.set_credentials(credentials);
        *lock(&self.current) = None;
        *lock(&self.last_error) = None;
        self.retry_login();
    }

    /// What can be said without a login.
    fn known(&self) -> Option<Result<Arc<Session>, SessionError>> {
        if let Some(error) = self.latched() {
            return Some(Err(error));
        }
        let now = self.wire.seams.clock.monotonic();
        lock(&self.current).as_ref().filter(|session| session.ends() > now).map(|session| Ok(Arc::clone(session)))
    }

    /// The sooner of the configured life since the login and the stated one since the exchange began, less a margin.
    fn end(&self, opened: Duration, started: Duration, stated: Option<Duration>) -> Duration {
        let own = opened.saturating_add(self.wire.config.session_lifetime);
        match stated {
            Some(life) => {
                let margin = Duration::from_secs(60).min(life / 10);
                own.min(started.saturating_add(life.saturating_sub(margin)))
            }
            None => own,
        }
    }

    /// One login. `getAPISession` stands alone in its request, and goes to the configured gateway only.
    async fn login(&self, credentials: &Credentials) -> Result<Arc<Session>, SessionError> {
        let wire = &self.wire;
        let config = &wire.config;
        let first = first_endpoint(&config.gateway_url)
            .map_err(|why| SessionError::Endpoint { why, offered: Text::new(&config.gateway_url) })?;
        let request_id = wire.fresh("login");
        let function_id = ControlId::fresh(wire.fresh("session"));
        let mut body = Writer::with_capacity(128);
        match &config.entity {
            Some(entity) => {
                body.open("getAPISession");
                body.element("locationid", entity);
                body.close("getAPISession");
            }
            None => body.empty("getAPISession"),
        }
        let body = body.finish();
        let functions = [Function { control_id: &function_id, body: &body }];
        let envelope = Envelope {
            control: ControlBlock {
                sender_id: &config.sender_id,
                sender_password: &credentials.sender_password,
                control_id: &request_id,
                unique_id: false,
            },
            auth: Auth::Login {
                user: &config.user_id,
                company: &config.company_id,
                password: &credentials.user_password,
                location: None,
            },
            functions: &functions,
        };
        let started = wire.seams.clock.monotonic();
        wire.counts.logins.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        wire.counts.functions.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let response = wire
            .exchange(Purpose::Login, first.url(), envelope.bytes(), config.read_timeout)
            .await
            .map_err(SessionError::Network)?;
        let answer = wire.judge(&response, &request_id).map_err(|trouble| match trouble {
            Trouble::Busy { what, retry_after } => SessionError::Busy { what, retry_after },
            Trouble::Unreadable(what) => SessionError::Unreadable(what),
            Trouble::Control(mut refusal) | Trouble::Authentication(mut refusal) => {
                // By user and password there is no session that could have ended.
                if refusal.class == Class::Refresh {
                    refusal.class = Class::Configuration;
                }
                SessionError::Refused(refusal)
            }
        })?;
        if let Some(stated) = &answer.authentication {
            wire.watch.heard(stated, started, &*wire.seams.clock);
        }
        let Some(result) = answer.result(&function_id) else {
            return Err(SessionError::Unreadable("it has no result for the login".to_owned()));
        };
        match result.status {
            Status::Success => {}
            Status::Failure | Status::Aborted => {
                // The credentials were taken, so trying again locks nobody out.
                let refusal = wire.refusal(&result.errors, Place::Function);
                return Err(match refusal.class {
                    Class::Backoff => SessionError::Busy { what: refusal.sentence(), retry_after: None },
                    _ => SessionError::Refused(refusal),
                });
            }
            Status::Other(_) => {
                return Err(SessionError::Unreadable("the login's result says neither success nor failure".to_owned()));
            }
        }
        let Some(api) = &result.api else {
            return Err(SessionError::Unreadable("it gives no session".to_owned()));
        };
        let endpoint = check_endpoint(&config.gateway_url, &config.allowed_hosts, &api.endpoint)
            .map_err(|why| SessionError::Endpoint { why, offered: Text::new(&api.endpoint) })?;
        let wanted = config.entity.as_deref().unwrap_or_default();
        if let Some(given) = &api.location
            && !given.eq_ignore_ascii_case(wanted)
            && !wanted.is_empty()
        {
            return Err(SessionError::Entity { wanted: Text::new(wanted), given: Text::new(given) });
        }
        let life = answer.authentication.as_ref().and_then(stated_life);
        Ok(Arc::new(Session {
            id: api.session_id.clone(),
            endpoint,
            opened: started,
            ends: Mutex::new(self.end(started, started, life)),
        }))
    }
}

/// How long the session lives by the server's own clock: its stated timeout less its stated time.
fn stated_life(auth: &AuthPart) -> Option<Duration> {
    let at: Timestamp = auth.session_timestamp.as_deref()?.parse().ok()?;
    let until: Timestamp = auth.session_timeout.as_deref()?.parse().ok()?;
    Some(Duration::from_secs(u64::try_from(until.duration_since(at).as_secs()).unwrap_or_default()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}
