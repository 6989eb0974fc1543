//! A scripted network and a clock that only waiting moves, for the tests of this room.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::{Client, Profile};
use crate::config;
use crate::model::Secret;
use crate::seams::{Boxed, Clock, Method, NetError, Network, Request, Response, RuntimeTasks, Seams, SeededChance};

pub(super) const CANARY: &str = "canary-secret-7731";

/// The built-in profile with some keys of the test's own.
pub(super) fn profile(toml: &str) -> Profile {
    let text = format!("version = 1\nextends = \"j1p\"\n{toml}");
    Profile::parse("test.toml".into(), text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

pub(super) fn config() -> config::Jaggaer {
    config::Jaggaer {
        base_url: "https://acme.example/j1p/api/public".into(),
        instance: "acme".into(),
        issuer: None,
        token_url: Some("https://acme.example/token".into()),
        client_id: "tollgate".into(),
        scope: None,
        profile: "j1p".into(),
        requests_per_second: 5,
        max_parallel: 4,
        timeout: Duration::from_secs(120),
    }
}

pub(super) fn answer(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// What a test saw of one request: method, address, the authorization header, the body.
pub(super) type Seen = (Method, String, String, String);
type Script = dyn FnMut(&Seen) -> Result<Response, NetError> + Send;

pub(super) struct Fake {
    script: Mutex<Box<Script>>,
    pub(super) seen: Mutex<Vec<Seen>>,
}

impl Fake {
    pub(super) fn calls(&self, part: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|(_, url, ..)| url.contains(part)).count()
    }
}

impl Network for Fake {
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>> {
        Box::pin(async move {
            // Others get their turn while this one is on its way.
            tokio::task::yield_now().await;
            let header = request.headers.iter().find(|(name, _)| *name == "authorization");
            let header = header.map(|(_, value)| value.clone()).unwrap_or_default();
            let body = String::from_utf8(request.body).unwrap();
            let seen = (request.method, request.url, header, body);
            self.seen.lock().unwrap().push(seen.clone());
            (self.script.lock().unwrap())(&seen)
        })
    }
}

pub(super) struct TestClock(Mutex<Duration>);

impl TestClock {
    pub(super) fn pass(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + *self.0.lock().unwrap()
    }
    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }
    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        self.pass(duration);
        Box::pin(tokio::task::yield_now())
    }
}

pub(super) struct Rig {
    pub(super) client: Client,
    pub(super) network: Arc<Fake>,
    pub(super) clock: Arc<TestClock>,
}

/// A client on a script.
pub(super) fn rig(
    profile: Profile,
    config: config::Jaggaer,
    script: impl FnMut(&Seen) -> Result<Response, NetError> + Send + 'static,
) -> Rig {
    let network = Arc::new(Fake { script: Mutex::new(Box::new(script)), seen: Mutex::default() });
    let clock = Arc::new(TestClock(Mutex::new(Duration::from_secs(1000))));
    let seams = Seams { clock: clock.clone(), chance: Arc::new(SeededChance::new(7)), tasks: Arc::new(RuntimeTasks) };
    let client = Client::new(config, Arc::new(profile), network.clone(), seams, Secret::new(CANARY.into())).unwrap();
    Rig { client, network, clock }
}

pub(super) fn token(name: &str) -> Response {
    answer(200, &format!(r#"{{"access_token":"{name}","expires_in":300}}"#))
}
