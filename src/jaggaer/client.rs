//! The client: reads, at a pace, with patience. Here it can only GET; the one write is in `update.rs`, and what may leave at
//! all is decided in `gate.rs`.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::Semaphore;

use super::error::{JaggaerError, excerpt};
use super::gate::Gate;
use super::json::Json;
use super::listing::{Feed, Keep, NextPage, Page, PageFault, Position, encode, encoded};
use super::oauth::{Tokens, bounds, is_safe};
use super::pace::{Pace, backoff, retry_after};
use super::profile::{PagingStyle, Profile};
use crate::config;
use crate::model::{Secret, Timestamp};
use crate::seams::{Method, NetError, Network, Purpose, Request, Response, Seams, Sent};

/// Tries of one read that meets 5xx or no answer.
pub(super) const ATTEMPTS: u32 = 4;
/// Tries of one read that meets 429.
const THROTTLED_ATTEMPTS: u32 = 8;
/// A token younger than this is not renewed because of a 403.
pub(super) const YOUNG: Duration = Duration::from_secs(60);
/// The largest answer taken.
pub(super) const MAX_ANSWER: usize = 64 << 20;

/// What was asked so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Requests sent, without token calls.
    pub requests: u64,
    /// Token calls.
    pub token_calls: u64,
    /// Requests repeated after 5xx or no answer.
    pub retries: u64,
    /// Answers of 429.
    pub throttled: u64,
}

/// Whom a refusal concerns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    /// A list: whoever may not read it reads nothing.
    List,
    /// A record, which may be the only one that this client may not read.
    Record,
}

/// A connection to one JAGGAER instance.
pub struct Client {
    config: config::Jaggaer,
    base: Url,
    profile: Arc<Profile>,
    gate: Arc<Gate>,
    seams: Seams,
    tokens: Tokens,
    pace: Pace,
    permits: Semaphore,
    counters: Arc<Mutex<Counters>>,
    refused: Mutex<Option<JaggaerError>>,
}

impl Client {
    /// A client; nothing is sent yet. `secret` is `jaggaer.client_secret`.
    ///
    /// # Errors
    /// `base_url` is no address, or neither https nor loopback.
    pub fn new(
        config: config::Jaggaer,
        profile: Arc<Profile>,
        network: Arc<dyn Network>,
        seams: Seams,
        secret: Secret,
    ) -> Result<Client, JaggaerError> {
        let base = Url::parse(&config.base_url).ok().filter(is_safe).ok_or_else(|| JaggaerError::Configuration {
            what: format!("base_url `{}` must be an https address", excerpt(&config.base_url, 200)),
        })?;
        let counters = Arc::<Mutex<Counters>>::default();
        let gate = Arc::new(Gate::new(network, base.clone(), &profile.suppliers.update.path));
        let (p, g, s) = (profile.clone(), gate.clone(), seams.clone());
        let tokens = Tokens::new(config.clone(), p, g, s, secret, counters.clone());
        let pace = Pace::new(config.requests_per_second);
        let permits = Semaphore::new(config.max_parallel.clamp(1, 64));
        let refused = Mutex::new(None);
        Ok(Client { config, base, profile, gate, seams, tokens, pace, permits, counters, refused })
    }

    /// The profile.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) fn timeout(&self) -> Duration {
        self.config.timeout
    }

    pub(super) fn seams(&self) -> &Seams {
        &self.seams
    }

    pub(super) fn parallel(&self) -> usize {
        self.config.max_parallel.clamp(1, 64)
    }

    /// What was asked so far.
    pub fn counters(&self) -> Counters {
        *self.count()
    }

    fn count(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Time left of the token, for display.
    pub fn token_remaining(&self) -> Option<Duration> {
        self.tokens.remaining()
    }

    /// The refusal because of which nothing is asked any more, if there is one.
    pub fn refusal(&self) -> Option<JaggaerError> {
        self.refused.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone().or_else(|| self.tokens.refusal())
    }

    /// Forgets a refusal: a person or a timer wants to try again.
    pub fn retry(&self) {
        *self.refused.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        self.tokens.retry();
    }

    /// Takes a new client secret and forgets a refusal.
    pub fn set_secret(&self, secret: Secret) {
        self.retry();
        self.tokens.set_secret(secret);
    }

    /// Logs in, or finds a token that is still good: the first step of `ping`.
    ///
    /// # Errors
    /// No token.
    pub async fn login(&self) -> Result<(), JaggaerError> {
        self.tokens.pass().await.map(|_| ())
    }

    /// The first page of the list of invoices changed since `from` (`None`: all).
    ///
    /// # Errors
    /// See [`JaggaerError`].
    pub async fn list_first(&self, from: Option<Timestamp>) -> Result<Page, JaggaerError> {
        self.list_page(Feed::Invoices, &self.profile.first_position(), from).await
    }

    /// The first page of the list of suppliers changed since `from` (`None`: all).
    ///
    /// # Errors
    /// See [`JaggaerError`]; also where the profile names no list of suppliers.
    pub async fn suppliers_first(&self, from: Option<Timestamp>) -> Result<Page, JaggaerError> {
        self.list_page(Feed::Suppliers, &self.profile.first_position(), from).await
    }

    /// One page of a list.
    pub(super) async fn list_page(
        &self,
        feed: Feed,
        position: &Position,
        from: Option<Timestamp>,
    ) -> Result<Page, JaggaerError> {
        let path = self.profile.list_of(feed).path;
        if path.is_empty() {
            let what = "the profile names no list of suppliers (suppliers.list_path)".to_owned();
            return Err(JaggaerError::Configuration { what });
        }
        let resource = self.resource(path)?;
        let url = match position {
            Position::Address(address) => {
                let url = resource.join(address).ok().filter(|url| self.is_home(url));
                url.ok_or_else(|| self.page(feed, PageFault::Elsewhere(excerpt(address, 200))))?.to_string()
            }
            position => {
                let query = self.profile.list_query(feed, position, from);
                if query.is_empty() { resource.to_string() } else { format!("{resource}?{query}") }
            }
        };
        let response = self.get(url, Asked::List, ATTEMPTS).await?;
        let mut page = self.profile.read_list(feed, &response.body).map_err(|fault| self.page(feed, fault))?;
        if self.profile.paging.style == PagingStyle::Link
            && let Some(address) = response.header("link").and_then(next_link)
        {
            page.next = NextPage::Address(address);
        }
        Ok(page)
    }

    pub(super) fn page(&self, feed: Feed, fault: PageFault) -> JaggaerError {
        JaggaerError::Page { target: self.profile.list_of(feed).path.to_owned(), fault }
    }

    /// The whole document of one invoice.
    ///
    /// # Errors
    /// See [`JaggaerError`]. One that is refused is [`JaggaerError::RecordRefused`] as long as the list is answered.
    pub async fn detail(&self, id: &str) -> Result<Vec<u8>, JaggaerError> {
        let read = self.record(Feed::Invoices, id, ATTEMPTS).await;
        self.unless_all_are_refused(Feed::Invoices, read).await
    }

    /// A fresh reading of one supplier, as an item of the list.
    ///
    /// # Errors
    /// See [`JaggaerError`]; a supplier that is not there is [`JaggaerError::Status`] 404. One that is refused is
    /// [`JaggaerError::RecordRefused`] as long as the list is answered.
    pub async fn supplier(&self, id: &str) -> Result<Vec<u8>, JaggaerError> {
        let read = self.record(Feed::Suppliers, id, ATTEMPTS).await;
        self.unless_all_are_refused(Feed::Suppliers, read).await
    }

    /// One that was refused may be the only one: the list says so, or is refused as well.
    async fn unless_all_are_refused(
        &self,
        feed: Feed,
        read: Result<Vec<u8>, JaggaerError>,
    ) -> Result<Vec<u8>, JaggaerError> {
        if matches!(read, Err(JaggaerError::RecordRefused { .. })) {
            self.list_page(feed, &self.profile.first_position(), None).await?;
        }
        read
    }

    /// One record of a list, tried so often where nobody answers. Where it is refused, nothing is concluded for others.
    pub(super) async fn record(&self, feed: Feed, id: &str, attempts: u32) -> Result<Vec<u8>, JaggaerError> {
        match feed {
            Feed::Invoices => {
                let path = self.profile.invoices.detail_path.replace("{id}", &encode(id, Keep::Nothing));
                Ok(self.get(self.resource(&path)?.to_string(), Asked::Record, attempts).await?.body)
            }
            Feed::Suppliers => self.one_supplier(id, attempts).await,
        }
    }

    async fn one_supplier(&self, id: &str, attempts: u32) -> Result<Vec<u8>, JaggaerError> {
        let suppliers = &self.profile.suppliers;
        let asked = suppliers.one_path.replace("{id}", &encode(id, Keep::Nothing));
        let (path, query) = asked.split_once('?').map_or((asked.as_str(), None), |(path, query)| (path, Some(query)));
        if path.is_empty() {
            let what = "the profile names no way to read one supplier (suppliers.one_path)".to_owned();
            return Err(JaggaerError::Configuration { what });
        }
        let mut url = self.resource(path)?;
        url.set_query(query.map(|query| encoded(&suppliers.delta, query)).as_deref());
        let target = excerpt(url.path(), 200);
        let response = self.get(url.to_string(), Asked::Record, attempts).await?;
        let is_it = |bytes: &[u8]| self.profile.supplier(bytes).is_ok_and(|row| row.id.raw() == id);
        if is_it(&response.body) {
            return Ok(response.body);
        }
        // What cannot be read says of nobody that he is not there.
        let unreadable = |fault| self.page(Feed::Suppliers, fault);
        let page = self.profile.read_list(Feed::Suppliers, &response.body).map_err(unreadable)?;
        if let Some(found) = page.items.into_iter().find(|item| item.id == id) {
            return Ok(found.raw);
        }
        Err(match page.faults.into_iter().next() {
            Some(fault) => unreadable(fault),
            None => JaggaerError::Status {
                target,
                status: 404,
                excerpt: format!("it holds no supplier {}", excerpt(id, 100)),
            },
        })
    }

    /// One exchange, in its turn.
    pub(super) async fn in_turn(&self, request: impl FnOnce() -> Request) -> Result<Response, NetError> {
        let _permit = self.permits.acquire().await;
        self.pace.turn(&self.seams).await;
        // Whoever waited while another was refused for good does not knock again.
        if let Some(refusal) = self.refusal() {
            return Err(NetError { sent: Sent::No, what: refusal.sentence() });
        }
        self.count().requests += 1;
        self.gate.exchange(request()).await
    }

    /// The address of a resource: under the base, or a whole address on the same host.
    fn resource(&self, path: &str) -> Result<Url, JaggaerError> {
        let address = if path.contains("://") {
            path.to_owned()
        } else {
            format!("{}/{}", self.config.base_url.trim_end_matches('/'), path.trim_start_matches('/'))
        };
        Url::parse(&address).ok().filter(|url| self.is_home(url)).ok_or_else(|| JaggaerError::Configuration {
            what: format!("`{}` of the profile is no address on the host of base_url", excerpt(path, 200)),
        })
    }

    /// Whether a token may be sent there.
    fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin() && url.username().is_empty() && url.password().is_none()
    }

    /// Reads one address. Statuses are judged before anything else of the answer is looked at.
    async fn get(&self, url: String, asked: Asked, attempts: u32) -> Result<Response, JaggaerError> {
        let target = target_of(&url);
        let (mut failures, mut throttled, mut renewed) = (0u32, 0u32, false);
        let mut pass = self.pass(None).await?;
        loop {
            let permit = self.permits.acquire().await;
            self.pace.turn(&self.seams).await;
            // Whoever waited while another was refused for good does not knock again.
            if let Some(refusal) = self.refusal() {
                return Err(refusal);
            }
            self.count().requests += 1;
            let headers = vec![
                ("accept", "application/json".to_owned()),
                ("accept-charset", "utf-8".to_owned()),
                (pass.header.0, pass.header.1.clone()),
            ];
            let bounds = bounds(self.config.timeout);
            let request = Request {
                purpose: Purpose::Fetch,
                method: Method::Get,
                url: url.clone(),
                headers,
                body: Vec::new(),
                bounds,
                max_answer: MAX_ANSWER,
            };
            let answer = self.gate.exchange(request).await;
            drop(permit);
            let (wait, error) = match answer {
                Ok(response) => match response.status {
                    200 => return self.sound(response, target),
                    401 | 403 if !renewed && (response.status == 401 || pass.age >= YOUNG) => {
                        renewed = true;
                        pass = self.pass(Some(pass.generation)).await?;
                        continue;
                    }
                    status @ (401 | 403) if asked == Asked::Record => {
                        return Err(JaggaerError::RecordRefused { target, status });
                    }
                    status @ (401 | 403) => {
                        let error = JaggaerError::AccessRefused { target, status };
                        *self.refused.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(error.clone());
                        return Err(error);
                    }
                    429 => {
                        self.count().throttled += 1;
                        throttled += 1;
                        if throttled >= THROTTLED_ATTEMPTS {
                            return Err(JaggaerError::Busy { target, status: 429, attempts: throttled });
                        }
                        let (first, longest) = (Duration::from_secs(15), super::pace::LONGEST_WAIT);
                        let wait = retry_after(&response, &self.seams)
                            .unwrap_or_else(|| backoff(&self.seams, throttled - 1, first, longest));
                        self.pace.pause(&self.seams, wait);
                        continue;
                    }
                    status @ 500.. => {
                        let asked = retry_after(&response, &self.seams);
                        (asked, JaggaerError::Busy { target: target.clone(), status, attempts: failures + 1 })
                    }
                    status => {
                        let excerpt = excerpt(&String::from_utf8_lossy(&response.body), 200);
                        return Err(JaggaerError::Status { target, status, excerpt });
                    }
                },
                Err(error) => {
                    (None, JaggaerError::Unreachable { target: target.clone(), what: excerpt(&error.what, 300) })
                }
            };
            failures += 1;
            if failures >= attempts {
                return Err(error);
            }
            self.count().retries += 1;
            let (first, longest) = (Duration::from_secs(2), Duration::from_secs(60));
            let wait = wait.unwrap_or_else(|| backoff(&self.seams, failures - 1, first, longest));
            self.seams.clock.sleep(wait).await;
        }
    }

    pub(super) async fn pass(&self, refused: Option<u64>) -> Result<super::oauth::Pass, JaggaerError> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        match refused {
            None => self.tokens.pass().await,
            Some(generation) => self.tokens.renewed(generation).await,
        }
    }

    /// HTTP 200 may be a web page, or a refusal in words. The content type is not looked at: it is known to be malformed at
    /// times, so what parses is JSON.
    fn sound(&self, response: Response, target: String) -> Result<Response, JaggaerError> {
        let begins = |body: &[u8]| excerpt(&String::from_utf8_lossy(body.get(..600).unwrap_or(body)), 120);
        let failure = {
            match Json::parse(&response.body) {
                Err(what) => {
                    let first = response.body.iter().find(|b| !b.is_ascii_whitespace());
                    let what = match first {
                        Some(b'<') => "a web page instead of JSON".to_owned(),
                        None => "an empty body".to_owned(),
                        _ => format!("what is no JSON ({})", excerpt(&what, 120)),
                    };
                    Some(JaggaerError::NotJson { target, what, excerpt: begins(&response.body) })
                }
                Ok(json) => {
                    let answer = &self.profile.answer;
                    let text = |path: &Option<super::path::Path>| {
                        let found = path.as_ref()?.first(&json)?;
                        match found.as_ref() {
                            Json::Text(text) => Some(text.trim().to_owned()),
                            Json::Number(text) => Some(text.to_string()),
                            _ => None,
                        }
                    };
                    let code = text(&answer.code).filter(|code| !code.is_empty() && !answer.ok_codes.contains(code));
                    code.map(|code| JaggaerError::Code {
                        target,
                        code: excerpt(&code, 40),
                        message: excerpt(&text(&answer.message).unwrap_or_default(), 500),
                    })
                }
            }
        };
        match failure {
            Some(error) => Err(error),
            None => Ok(response),
        }
    }
}

/// The path of an address, without its query: what an error names.
pub(super) fn target_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| "its address".to_owned(), |url| excerpt(url.path(), 200))
}

/// The address of `rel="next"` in a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|p| {
            let p = p.trim().to_ascii_lowercase();
            p == "rel=next" || p == "rel=\"next\""
        });
        next.then(|| address.to_owned())
    })
}
