//! Tokens: OAuth 2.0 client credentials, one token call for all who wait.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use data_encoding::BASE64;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::client::Counters;
use super::error::{JaggaerError, excerpt};
use super::gate::Gate;
use super::listing::{Keep, encode};
use super::profile::{AuthStyle, Profile};
use crate::config;
use crate::model::Secret;
use crate::seams::{Bounds, Method, Purpose, Request, Response, Seams};

/// Life of a token whose answer does not say.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

/// What stands in the header, and which token it is.
pub(super) struct Pass {
    pub(super) header: (&'static str, String),
    /// Generation of the token; a refusal names it, so that it is renewed once however many were refused.
    pub(super) generation: u64,
    /// How old it is.
    pub(super) age: Duration,
}

/// The token of one connection.
pub(super) struct Tokens {
    config: config::Jaggaer,
    profile: Arc<Profile>,
    gate: Arc<Gate>,
    seams: Seams,
    /// Held over the token call: whoever comes second finds what the first fetched.
    fetch: tokio::sync::Mutex<Fetching>,
    view: Mutex<View>,
    counters: Arc<Mutex<Counters>>,
}

#[derive(Default)]
struct Fetching {
    endpoint: Option<Url>,
}

/// What is known without waiting.
struct View {
    secret: Secret,
    token: Option<Token>,
    generation: u64,
    /// Token calls that ended, well or not.
    calls: u64,
    /// The last failure: shared by those who waited for that call; kept if it is a refusal.
    failure: Option<JaggaerError>,
}

struct Token {
    value: Secret,
    since: Duration,
    refresh_at: Duration,
    ends_at: Duration,
}

impl Tokens {
    pub(super) fn new(
        config: config::Jaggaer,
        profile: Arc<Profile>,
        gate: Arc<Gate>,
        seams: Seams,
        secret: Secret,
        counters: Arc<Mutex<Counters>>,
    ) -> Self {
        let view = Mutex::new(View { secret, token: None, generation: 0, calls: 0, failure: None });
        Tokens { config, profile, gate, seams, fetch: tokio::sync::Mutex::default(), view, counters }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes new credentials; an earlier refusal is forgotten.
    pub(super) fn set_secret(&self, secret: Secret) {
        let mut view = self.view();
        view.secret = secret;
        view.token = None;
        view.failure = None;
    }

    /// Forgets an earlier refusal.
    pub(super) fn retry(&self) {
        self.view().failure = None;
    }

    /// The refusal that stops everything, if there is one.
    pub(super) fn refusal(&self) -> Option<JaggaerError> {
        self.view().failure.clone().filter(JaggaerError::stops_flow)
    }

    /// Time left of the token; `None` where there is none or none is needed.
    pub(super) fn remaining(&self) -> Option<Duration> {
        let now = self.seams.clock.monotonic();
        self.view().token.as_ref().map(|token| token.ends_at.saturating_sub(now))
    }

    /// The header to send; a token is fetched if there is none, or if it ends soon.
    pub(super) async fn pass(&self) -> Result<Pass, JaggaerError> {
        match self.profile.auth.style {
            AuthStyle::OAuth2 => {}
            AuthStyle::Basic => {
                let header = basic(&self.config.client_id, &self.view().secret);
                return Ok(Pass { header: ("authorization", header), generation: 0, age: Duration::ZERO });
            }
            AuthStyle::Header => {
                let header = (self.profile.auth.header, self.view().secret.expose().to_owned());
                return Ok(Pass { header, generation: 0, age: Duration::ZERO });
            }
        }
        self.pass_unless(None).await
    }

    /// As [`Tokens::pass`], but the token of this generation was refused: it is renewed, once for all who say so.
    pub(super) async fn renewed(&self, refused: u64) -> Result<Pass, JaggaerError> {
        match self.profile.auth.style {
            AuthStyle::OAuth2 => self.pass_unless(Some(refused)).await,
            _ => self.pass().await,
        }
    }

    async fn pass_unless(&self, refused: Option<u64>) -> Result<Pass, JaggaerError> {
        let calls = match self.ready(refused) {
            Ok(pass) => return Ok(pass),
            Err(calls) => calls,
        };
        let mut fetching = self.fetch.lock().await;
        if let Ok(pass) = self.ready(refused) {
            return Ok(pass);
        }
        if let Some(failure) = {
            let view = self.view();
            let mine = view.calls > calls;
            view.failure.clone().filter(|failure| mine || failure.stops_flow())
        } {
            return Err(failure);
        }
        let fetched = self.fetch_token(&mut fetching).await;
        let mut view = self.view();
        view.calls += 1;
        match fetched {
            Ok(token) => {
                view.generation += 1;
                view.token = Some(token);
                view.failure = None;
            }
            Err(error) => {
                view.token = None;
                view.failure = Some(error.clone());
                return Err(error);
            }
        }
        drop(view);
        self.ready(None)
            .map_err(|_| JaggaerError::Token { what: "the token's life is too short to be used".to_owned() })
    }

    /// A usable token, or the number of token calls so far.
    fn ready(&self, refused: Option<u64>) -> Result<Pass, u64> {
        let view = self.view();
        let now = self.seams.clock.monotonic();
        match &view.token {
            Some(token) if now < token.refresh_at && refused != Some(view.generation) => Ok(Pass {
                header: ("authorization", format!("Bearer {}", token.value.expose())),
                generation: view.generation,
                age: now.saturating_sub(token.since),
            }),
            _ => Err(view.calls),
        }
    }

    async fn fetch_token(&self, fetching: &mut Fetching) -> Result<Token, JaggaerError> {
        let endpoint = match &fetching.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => self.find_endpoint().await?,
        };
        let (auth, id) = (&self.profile.auth, &self.config.client_id);
        let secret = self.view().secret.clone();
        let mut form = Zeroizing::new("grant_type=client_credentials".to_owned());
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        if auth.basic_token_call {
            headers.push(("authorization", basic(id, &secret)));
        } else {
            for (name, value) in [(&auth.id_name, id.as_str()), (&auth.secret_name, secret.expose())] {
                let value = Zeroizing::new(encode(value, Keep::Nothing));
                form.push_str(&format!("&{}={}", encode(name, Keep::Nothing), value.as_str()));
            }
        }
        if let Some(scope) = &self.config.scope {
            form.push_str(&format!("&scope={}", encode(scope, Keep::Nothing)));
        }
        let body = form.as_bytes().to_vec();
        self.counters.lock().unwrap_or_else(|p| p.into_inner()).token_calls += 1;
        let since = self.seams.clock.monotonic();
        let response = self.ask(Method::Post, endpoint.as_str(), headers, body).await?;
        let text = String::from_utf8_lossy(&response.body);
        match response.status {
            200 => {}
            // RFC 6749, 5.2: these say that asking again with the same credentials is useless.
            400 | 401 | 403 => {
                #[derive(Deserialize)]
                struct Refusal {
                    error: Option<String>,
                    error_description: Option<String>,
                }
                let what = match serde_json::from_str::<Refusal>(&text) {
                    Ok(Refusal { error: Some(error), error_description }) => {
                        let more = error_description.map(|d| format!(" ({d})")).unwrap_or_default();
                        format!("{error}{more}")
                    }
                    _ => text.into_owned(),
                };
                let what = what.replace(secret.expose(), "…");
                return Err(JaggaerError::CredentialsRefused { status: response.status, what: excerpt(&what, 200) });
            }
            status => {
                let target = "the token".to_owned();
                return Err(match status {
                    429 | 500.. => JaggaerError::Busy { target, status, attempts: 1 },
                    _ => JaggaerError::Token { what: format!("its endpoint answered with HTTP {status}") },
                });
            }
        }
        let (value, life) = read_token(&text).ok_or_else(|| JaggaerError::Token {
            what: "the answer holds neither `access_token` nor `token`".to_owned(),
        })?;
        fetching.endpoint = Some(endpoint);
        let early = Duration::from_secs(30).min(life / 5);
        Ok(Token { value, since, refresh_at: since + (life - early), ends_at: since + life })
    }

    /// The explicit token address, else what discovery says, if it may be trusted with the secret.
    async fn find_endpoint(&self) -> Result<Url, JaggaerError> {
        let refused = |what: String| JaggaerError::Token { what };
        if let Some(explicit) = &self.config.token_url {
            let url = Url::parse(explicit).map_err(|e| refused(format!("token_url is no address: {e}")))?;
            return if is_safe(&url) { Ok(url) } else { Err(refused("token_url must be https".to_owned())) };
        }
        let Some(issuer) = &self.config.issuer else {
            return Err(refused("neither `token_url` nor `issuer` is configured".to_owned()));
        };
        let issuer_url = Url::parse(issuer).map_err(|e| refused(format!("issuer is no address: {e}")))?;
        if !is_safe(&issuer_url) {
            return Err(refused("issuer must be https".to_owned()));
        }
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let response =
            self.ask(Method::Get, &address, vec![("accept", "application/json".to_owned())], Vec::new()).await?;
        if response.status != 200 {
            return Err(match response.status {
                status @ (429 | 500..) => {
                    JaggaerError::Busy { target: "OIDC discovery".to_owned(), status, attempts: 1 }
                }
                status => refused(format!("OIDC discovery at the issuer answered with HTTP {status}")),
            });
        }
        #[derive(Deserialize)]
        struct Discovery {
            token_endpoint: String,
        }
        let found: Discovery = serde_json::from_slice(&response.body)
            .map_err(|_| refused("OIDC discovery at the issuer names no token_endpoint".to_owned()))?;
        let shown = excerpt(&found.token_endpoint, 200);
        let url = Url::parse(&found.token_endpoint)
            .map_err(|_| refused(format!("OIDC discovery names a token_endpoint that is no address: {shown}")))?;
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let listed = issuer_url.host_str() == Some(host.as_str()) || self.profile.auth.token_hosts.contains(&host);
        let same_safety =
            url.scheme() == "https" || (is_safe(&url) && is_safe(&issuer_url) && issuer_url.scheme() == "http");
        if !listed || !same_safety || !url.username().is_empty() || url.password().is_some() {
            return Err(refused(format!(
                "OIDC discovery names the token_endpoint {shown}, which is not https on the issuer's host; \
                 list its host under auth.token_hosts of the profile if it is right"
            )));
        }
        Ok(url)
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Response, JaggaerError> {
        let bounds = bounds(self.config.timeout);
        let request = Request {
            purpose: Purpose::Token,
            method,
            url: url.to_owned(),
            headers,
            body,
            bounds,
            max_answer: 1 << 20,
        };
        self.gate
            .exchange(request)
            .await
            .map_err(|e| JaggaerError::Unreachable { target: "the token".to_owned(), what: excerpt(&e.what, 300) })
    }
}

/// Bounds of one request.
pub(super) fn bounds(timeout: Duration) -> Bounds {
    Bounds { connect: Duration::from_secs(10).min(timeout), first_byte: timeout, total: timeout }
}

/// https, or http to this machine.
pub(super) fn is_safe(url: &Url) -> bool {
    let loopback = || match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    };
    (url.scheme() == "https" && url.host_str().is_some()) || (url.scheme() == "http" && loopback())
}

fn basic(id: &str, secret: &Secret) -> String {
    let pair = Zeroizing::new(format!("{id}:{}", secret.expose()));
    format!("Basic {}", BASE64.encode(pair.as_bytes()))
}

/// Token and life. `expires_in` counts seconds; the older `{token, expire_in}` counts milliseconds.
fn read_token(text: &str) -> Option<(Secret, Duration)> {
    #[derive(Deserialize)]
    struct Answer<'t> {
        access_token: Option<String>,
        token: Option<String>,
        #[serde(borrow)]
        expires_in: Option<&'t RawValue>,
        #[serde(borrow)]
        expire_in: Option<&'t RawValue>,
    }
    let answer: Answer<'_> = serde_json::from_str(text).ok()?;
    let value = answer
        .access_token
        .or(answer.token)
        .filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()))?;
    let number = |raw: &RawValue| raw.get().trim_matches('"').split('.').next()?.parse::<u64>().ok();
    let seconds = answer.expires_in.and_then(number).map(Duration::from_secs);
    let life = seconds.or_else(|| answer.expire_in.and_then(number).map(Duration::from_millis));
    let longest = Duration::from_secs(86_400);
    let life = life.filter(|life| !life.is_zero()).unwrap_or(DEFAULT_LIFE).min(longest);
    Some((Secret::new(value), life))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_token_answer_are_read() {
        let read = |text| read_token(text).map(|(secret, life)| (secret.expose().to_owned(), life.as_millis()));
        assert_eq!(read(r#"{"access_token":"a","expires_in":300,"not-before-policy":0}"#), Some(("a".into(), 300_000)));
        assert_eq!(read(r#"{"access_token":"a","expires_in":"60"}"#), Some(("a".into(), 60_000)));
        assert_eq!(read(r#"{"token":"b","expire_in":90000}"#), Some(("b".into(), 90_000)));
        assert_eq!(read(r#"{"access_token":"a"}"#), Some(("a".into(), 300_000)));
        assert_eq!(read(r#"{"access_token":"a\r\nx: y"}"#), None, "a token that would break a header is none");
        assert_eq!(read("<html>"), None);
    }
}
