//! The gateway: reads that know what their answers mean, and writes that are sent once and judged elsewhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::config::Intacct;
use crate::model::{Class, ControlId, RecordNo, Text, Timestamp};
use crate::seams::{NetError, Network, Purpose, Response, Seams};

use super::answer::{Answer, AuthPart, Data, Row, Status};
use super::catalogue::{Catalogue, Place};
use super::envelope::{Auth, ControlBlock, Envelope, Function};
use super::query::{Query, RECORDNO};
use super::session::{Session, SessionError, Sessions};
use super::wire::{Counts, Credentials, Refusal, Trouble, Wire};

/// Why a read brought nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// No session.
    #[error("{0}")]
    Session(#[from] SessionError),
    /// No answer.
    #[error("{0}")]
    Network(NetError),
    /// Not now.
    #[error("{what}")]
    Busy {
        /// What Intacct said.
        what: String,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The answer could not be read or does not belong to the request.
    #[error("the answer cannot be used: {0}")]
    Unreadable(String),
    /// Refused, explained.
    #[error("refused by Intacct: {}", .0.sentence())]
    Refused(Box<Refusal>),
    /// Rows are missing: the counts of the answer and its rows disagree.
    #[error("an answer about {object} is not complete: {what}")]
    Incomplete {
        /// Object.
        object: String,
        /// What disagrees.
        what: String,
    },
}

impl ReadError {
    /// Its class.
    pub fn class(&self) -> Class {
        match self {
            ReadError::Session(error) => error.class(),
            ReadError::Refused(refusal) => refusal.class,
            ReadError::Network(_)
            | ReadError::Busy { .. }
            | ReadError::Unreadable(_)
            | ReadError::Incomplete { .. } => Class::Backoff,
        }
    }

    /// What to do.
    pub fn advice(&self) -> Text {
        match self {
            ReadError::Session(error) => error.advice(),
            ReadError::Refused(refusal) => refusal.advice.clone(),
            ReadError::Network(_) => {
                "Check the network between this machine and the gateway; it is tried again.".into()
            }
            ReadError::Busy { .. } => "Nothing to do: it is tried again.".into(),
            ReadError::Unreadable(_) | ReadError::Incomplete { .. } => {
                "It is tried again; if it lasts, look at what stands between this machine and the gateway.".into()
            }
        }
    }

    /// How long the gateway asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            ReadError::Session(error) => error.retry_after(),
            ReadError::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Why writes have no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendFailure {
    /// No session, so nothing was sent.
    #[error("{0}")]
    Session(SessionError),
    /// The exchange failed; whether a byte may have left is in it.
    #[error("{0}")]
    Network(NetError),
}

/// One exchange with writes, not judged.
#[derive(Debug)]
pub struct Exchange {
    /// The raw answer, or why there is none.
    pub outcome: Result<Response, SendFailure>,
    /// The session it was sent with.
    pub session: Option<Arc<Session>>,
    /// Host of the endpoint; empty if nothing was sent.
    pub endpoint: String,
    /// Control id of the request.
    pub request_control_id: String,
    /// Functions in it.
    pub functions: usize,
    /// Bytes of the request; 0 if nothing was sent.
    pub request_bytes: usize,
    /// When it was started, wall clock.
    pub started: Timestamp,
    /// The same on the monotonic clock, for [`Gateway::touched`].
    pub started_monotonic: Duration,
    /// How long it took.
    pub elapsed: Duration,
}

/// A company's gateway. How many requests are in flight at once is the caller's to decide.
pub struct Gateway {
    wire: Arc<Wire>,
    sessions: Sessions,
}

impl Gateway {
    /// A gateway; nothing is sent yet.
    pub fn new(
        config: Intacct,
        network: Arc<dyn Network>,
        seams: Seams,
        credentials: Credentials,
        catalogue: Catalogue,
    ) -> Self {
        let wire = Arc::new(Wire::new(config, network, seams, credentials, catalogue));
        Gateway { sessions: Sessions::new(Arc::clone(&wire)), wire }
    }

    /// Its session, for display, for retrying a refused login and for new credentials.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Its catalogue of errors.
    pub fn catalogue(&self) -> &Catalogue {
        &self.wire.catalogue
    }

    /// What was asked since the start.
    pub fn counts(&self) -> &Counts {
        &self.wire.counts
    }

    fn count(&self, functions: usize) {
        let functions = functions as u64;
        self.wire.counts.functions.fetch_add(functions, Ordering::Relaxed);
        self.wire.counts.transactions.fetch_add(functions, Ordering::Relaxed);
    }

    /// A control id for a read: never used before.
    pub fn fresh_control_id(&self) -> ControlId {
        ControlId::fresh(self.wire.fresh("read"))
    }

    /// Sends reads in one request. An ended session is renewed and the request repeated once, because nothing of it ran. The
    /// answer's control block and authentication say success; each result is still to be judged.
    pub async fn read(&self, functions: Vec<(ControlId, Vec<u8>)>) -> Result<Answer, ReadError> {
        let list: Vec<Function<'_>> =
            functions.iter().map(|(control_id, body)| Function { control_id, body }).collect();
        let mut renewed = false;
        loop {
            let session = self.sessions.get().await?;
            let request_id = self.wire.fresh("request");
            let body = self.envelope(&request_id, &session, &list, false);
            let started = self.wire.seams.clock.monotonic();
            self.count(list.len());
            let response = self
                .wire
                .exchange(Purpose::Look, session.endpoint().url(), body, self.wire.config.read_timeout)
                .await
                .map_err(ReadError::Network)?;
            match self.wire.judge(&response, &request_id) {
                Ok(answer) => {
                    if let Some(auth) = &answer.authentication {
                        self.sessions.touched(&session, auth, started);
                    }
                    return Ok(answer);
                }
                Err(Trouble::Authentication(_)) if !renewed => {
                    renewed = true;
                    self.sessions.invalidate(&session);
                }
                Err(Trouble::Busy { what, retry_after }) => return Err(ReadError::Busy { what, retry_after }),
                Err(Trouble::Unreadable(what)) => return Err(ReadError::Unreadable(what)),
                // A session that was opened a moment ago is not taken: another login would not help.
                Err(Trouble::Authentication(refusal)) if refusal.class == Class::Refresh => {
                    return Err(ReadError::Busy { what: refusal.sentence(), retry_after: None });
                }
                Err(Trouble::Control(refusal)) if refusal.class == Class::Configuration => {
                    return Err(ReadError::Session(self.sessions.refuse(&session, *refusal)));
                }
                Err(Trouble::Control(refusal) | Trouble::Authentication(refusal)) => {
                    return Err(ReadError::Refused(refusal));
                }
            }
        }
    }

    /// One page of a query, checked against its own counts.
    pub async fn query_page(&self, query: &Query) -> Result<Data, ReadError> {
        let id = self.fresh_control_id();
        let mut answer = self.read(vec![(id.clone(), query.body())]).await?;
        if answer.result(&id).is_none() {
            return Err(ReadError::Unreadable("it has no result for the query".to_owned()));
        }
        let Some(at) = answer.results.iter().position(|result| result.control_id == id.as_str()) else {
            return Err(ReadError::Unreadable("it has no result for the query".to_owned()));
        };
        let result = answer.results.swap_remove(at);
        if result.status != Status::Success {
            let refusal = self.wire.refusal(&result.errors, Place::Function);
            return Err(match refusal.class {
                Class::Backoff => ReadError::Busy { what: refusal.sentence(), retry_after: None },
                _ => ReadError::Refused(refusal),
            });
        }
        complete(query, &result.data)?;
        Ok(result.data)
    }

    /// All rows of a query, page after page: by record number where it is selected and ordered by, else by offset. Either all
    /// rows or an error: a list that is silently cut would make bills look missing.
    pub async fn query_all(&self, query: &Query) -> Result<Vec<Row>, ReadError> {
        let mut pages = self.pages(query);
        let mut rows: Vec<Row> = Vec::new();
        while let Some(mut page) = pages.next().await? {
            rows.append(&mut page);
        }
        Ok(rows)
    }

    /// The pages of a query, read one after the other: for what is too much to be held at once.
    pub fn pages(&self, query: &Query) -> Pages<'_> {
        Pages { gateway: self, query: query.clone(), page: query.clone(), last: None, done: false }
    }

    /// Sends writes once, in one exchange, and judges nothing. `transaction` is false; `unique` is what `uniqueid` says: that a
    /// control id which was used is refused. Without a session nothing is sent.
    pub async fn send_writes(
        &self,
        request_control_id: &str,
        functions: &[(ControlId, Arc<[u8]>)],
        unique: bool,
    ) -> Exchange {
        let clock = &self.wire.seams.clock;
        let mut exchange = Exchange {
            outcome: Err(SendFailure::Session(SessionError::Unreadable(String::new()))),
            session: None,
            endpoint: String::new(),
            request_control_id: request_control_id.to_owned(),
            functions: functions.len(),
            request_bytes: 0,
            started: clock.now(),
            started_monotonic: clock.monotonic(),
            elapsed: Duration::ZERO,
        };
        let session = match self.sessions.get().await {
            Ok(session) => session,
            Err(error) => {
                exchange.outcome = Err(SendFailure::Session(error));
                exchange.elapsed = clock.monotonic().saturating_sub(exchange.started_monotonic);
                return exchange;
            }
        };
        // A login may have come first; what counts from here is the writes' own.
        exchange.started = clock.now();
        exchange.started_monotonic = clock.monotonic();
        let list: Vec<Function<'_>> =
            functions.iter().map(|(control_id, body)| Function { control_id, body }).collect();
        let body = self.envelope(request_control_id, &session, &list, unique);
        self.count(list.len());
        exchange.request_bytes = body.len();
        exchange.endpoint = session.endpoint().host().to_owned();
        let url = session.endpoint().url();
        exchange.outcome = self
            .wire
            .exchange(Purpose::Post, url, body, self.wire.config.write_timeout)
            .await
            .map_err(SendFailure::Network);
        exchange.elapsed = clock.monotonic().saturating_sub(exchange.started_monotonic);
        exchange.session = Some(session);
        exchange
    }

    /// The request of these writes as it may be kept: sender password and session id were never in it.
    pub fn redacted_writes(&self, request_control_id: &str, functions: &[(ControlId, Arc<[u8]>)]) -> Vec<u8> {
        let list: Vec<Function<'_>> =
            functions.iter().map(|(control_id, body)| Function { control_id, body }).collect();
        let credentials = self.wire.credentials();
        let none = crate::model::Secret::new(String::new());
        Envelope {
            control: ControlBlock {
                sender_id: &self.wire.config.sender_id,
                sender_password: &credentials.sender_password,
                control_id: request_control_id,
                unique_id: true,
            },
            auth: Auth::Session(&none),
            functions: &list,
        }
        .redacted()
    }

    /// The answer to an exchange stated the session's timeout anew.
    pub fn touched(&self, exchange: &Exchange, stated: &AuthPart) {
        if let Some(session) = &exchange.session {
            self.sessions.touched(session, stated, exchange.started_monotonic);
        }
    }

    /// A session that the gateway did not take: logs in again, once for all who ask.
    pub async fn renew(&self, session: &Session) -> Result<Arc<Session>, SessionError> {
        self.sessions.invalidate(session);
        self.sessions.get().await
    }

    fn envelope(&self, request_id: &str, session: &Session, functions: &[Function<'_>], unique_id: bool) -> Vec<u8> {
        let credentials = self.wire.credentials();
        Envelope {
            control: ControlBlock {
                sender_id: &self.wire.config.sender_id,
                sender_password: &credentials.sender_password,
                control_id: request_id,
                unique_id,
            },
            auth: Auth::Session(session.id()),
            functions,
        }
        .bytes()
    }
}

/// The pages of a query that are still to be read.
pub struct Pages<'g> {
    gateway: &'g Gateway,
    query: Query,
    page: Query,
    last: Option<u128>,
    done: bool,
}

impl Pages<'_> {
    /// The next page's rows; `None` behind the last. After an error the rest is unknown, and nothing may be concluded from what
    /// was read.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, ReadError> {
        if self.done {
            return Ok(None);
        }
        let data = self.gateway.query_page(&self.page).await?;
        let got = data.rows.len();
        let more = match data.num_remaining {
            Some(left) => left > 0,
            None => got >= self.page.page_size,
        };
        self.done = !more;
        if more {
            self.turn(got, data.rows.last().and_then(record_number))?;
        }
        Ok(Some(data.rows))
    }

    /// Turns to the page behind a row.
    fn turn(&mut self, got: usize, last: Option<u128>) -> Result<(), ReadError> {
        let object = self.query.object.clone();
        let incomplete = |what: &str| ReadError::Incomplete { object, what: what.to_owned() };
        if got == 0 {
            return Err(incomplete("an empty page says that rows remain"));
        }
        if !self.query.has_record_numbers() {
            self.page.offset += got;
            return Ok(());
        }
        let Some(last) = last.filter(|last| self.last.is_none_or(|before| *last > before)) else {
            return Err(incomplete("its record numbers do not rise"));
        };
        self.last = Some(last);
        self.page = self.query.after(&RecordNo(last.to_string()));
        Ok(())
    }
}

fn record_number(row: &Row) -> Option<u128> {
    row.get(RECORDNO)?.trim().parse().ok()
}

/// Checks a page against its own counts.
fn complete(query: &Query, data: &Data) -> Result<(), ReadError> {
    let incomplete = |what: String| Err(ReadError::Incomplete { object: query.object.clone(), what });
    let rows = data.rows.len() as u64;
    if let Some(count) = data.count.filter(|count| *count != rows) {
        return incomplete(format!("it states {count} rows and holds {rows}"));
    }
    if let (Some(total), Some(left)) = (data.total_count, data.num_remaining) {
        let skipped = data.offset.unwrap_or(query.offset as u64);
        if skipped.saturating_add(rows).saturating_add(left) < total {
            return incomplete(format!("of {total} rows it holds {rows} and leaves {left}"));
        }
    }
    Ok(())
}
