//! The rules of sessions, reads and writes, on a scripted network and a clock that stands still.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::config::Intacct;
use crate::model::{Class, ControlId, Secret, Timestamp};
use crate::seams::{Boxed, Clock, NetError, Network, Request, Response, RuntimeTasks, Seams, SeededChance, Sent};

use super::catalogue::Catalogue;
use super::query::{Filter, Query};
use super::{Credentials, Gateway, ReadError, SendFailure, SessionError};

const FIRST: &str = "https://api.intacct.com/ia/xml/xmlgw.phtml";
const SECOND: &str = "https://eu07.intacct.com/ia/xml/xmlgw.phtml";
const CANARIES: [&str; 3] = ["canary-sender-81", "canary-user-82", "canary-session-83"];

struct StillClock(AtomicU64);

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
    fn sleep(&self, _: Duration) -> Boxed<'static, ()> {
        Box::pin(async {})
    }
}

type Script = Box<dyn Fn(&Asked) -> Result<Response, NetError> + Send + Sync>;

/// One request as the network saw it.
struct Asked {
    url: String,
    body: String,
    /// How many requests of the same kind (login or not) came before.
    before: usize,
}

impl Asked {
    fn is_login(&self) -> bool {
        self.body.contains("<getAPISession")
    }
    /// The text of the n-th element of that name.
    fn text(&self, name: &str) -> &str {
        let (_, rest) = self.body.split_once(&format!("<{name}>")).unwrap();
        rest.split('<').next().unwrap()
    }
    fn function(&self) -> &str {
        self.body.split("<function controlid=\"").nth(1).unwrap().split('"').next().unwrap()
    }
}

struct Scripted {
    seen: Mutex<Vec<(String, String)>>,
    script: Script,
}

impl Network for Scripted {
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>> {
        Box::pin(async move {
            // Lets others come in between, as a real network would.
            tokio::task::yield_now().await;
            let mut asked = Asked { url: request.url, body: String::from_utf8(request.body).unwrap(), before: 0 };
            {
                let mut seen = self.seen.lock().unwrap();
                asked.before =
                    seen.iter().filter(|(_, body)| body.contains("<getAPISession") == asked.is_login()).count();
                seen.push((asked.url.clone(), asked.body.clone()));
            }
            (self.script)(&asked)
        })
    }
}

struct World {
    gateway: Gateway,
    network: Arc<Scripted>,
    clock: Arc<StillClock>,
}

impl World {
    fn new(script: impl Fn(&Asked) -> Result<Response, NetError> + Send + Sync + 'static) -> World {
        Self::with(|_| {}, script)
    }

    fn with(
        change: impl FnOnce(&mut Intacct),
        script: impl Fn(&Asked) -> Result<Response, NetError> + Send + Sync + 'static,
    ) -> World {
        let mut config = Intacct {
            gateway_url: FIRST.to_owned(),
            sender_id: "quillbridge".to_owned(),
            company_id: "NORTHFJORD".to_owned(),
            user_id: "ws".to_owned(),
            entity: Some("E20-OSLO".to_owned()),
            session_lifetime: Duration::from_secs(3000),
            max_in_flight: 1,
            functions_per_request: 50,
            allowed_hosts: vec!["*.intacct.com".to_owned()],
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(300),
            base_currency: None,
            bill_number_length: 30,
            description_length: 80,
            error_catalogue: None,
        };
        change(&mut config);
        let network = Arc::new(Scripted { seen: Mutex::default(), script: Box::new(script) });
        let clock = Arc::new(StillClock(AtomicU64::new(100_000)));
        let seams =
            Seams { clock: clock.clone(), chance: Arc::new(SeededChance::new(7)), tasks: Arc::new(RuntimeTasks) };
        let gateway = Gateway::new(config, network.clone(), seams, credentials(), Catalogue::builtin());
        World { gateway, network, clock }
    }

    fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn logins(&self) -> usize {
        self.network.seen.lock().unwrap().iter().filter(|(_, body)| body.contains("<getAPISession")).count()
    }

    fn requests(&self) -> usize {
        self.network.seen.lock().unwrap().len()
    }
}

fn credentials() -> Credentials {
    Credentials {
        sender_password: Secret::new(CANARIES[0].to_owned()),
        user_password: Secret::new(CANARIES[1].to_owned()),
    }
}

fn ok(body: String) -> Result<Response, NetError> {
    let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
    Ok(Response { status: 200, headers, body: body.into_bytes() })
}

fn http(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Response, NetError> {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Ok(Response { status, headers, body: body.as_bytes().to_vec() })
}

fn response(asked: &Asked, operation: &str) -> Result<Response, NetError> {
    let id = asked.text("controlid");
    ok(format!(
        "<response><control><status>success</status><controlid>{id}</controlid></control><operation>{operation}</operation></response>"
    ))
}

/// The server's clock is years away from ours; a session lives for `life` seconds on it.
fn authenticated(life: i64) -> String {
    let at: Timestamp = "2011-03-02T08:00:00Z".parse().unwrap();
    let until = at.checked_add(jiff::SignedDuration::from_secs(life)).unwrap();
    format!(
        "<authentication><status>success</status><sessiontimestamp>{at}</sessiontimestamp><sessiontimeout>{until}</sessiontimeout></authentication>"
    )
}

fn session_at(asked: &Asked, endpoint: &str, life: i64) -> Result<Response, NetError> {
    let (auth, function) = (authenticated(life), asked.function());
    response(
        asked,
        &format!(
            "{auth}<result><status>success</status><function>getAPISession</function><controlid>{function}</controlid>\
             <data><api><sessionid>{}-{}</sessionid><endpoint>{endpoint}</endpoint><locationid>E20-OSLO</locationid></api></data></result>",
            CANARIES[2], asked.before
        ),
    )
}

fn session(asked: &Asked) -> Result<Response, NetError> {
    session_at(asked, SECOND, 6 * 3600)
}

fn refused(asked: &Asked, text: &str) -> Result<Response, NetError> {
    response(
        asked,
        &format!(
            "<authentication><status>failure</status></authentication><errormessage><error><errorno>XL03000006</errorno>\
             <description2>{text}</description2></error></errormessage>"
        ),
    )
}

fn page(asked: &Asked, records: &[u32], total: usize, left: usize) -> Result<Response, NetError> {
    let (auth, function) = (authenticated(3600), asked.function());
    let rows: String = records.iter().map(|n| format!("<VENDOR><RECORDNO>{n}</RECORDNO></VENDOR>")).collect();
    response(
        asked,
        &format!(
            "{auth}<result><status>success</status><function>query</function><controlid>{function}</controlid>\
             <data listtype=\"VENDOR\" totalcount=\"{total}\" count=\"{}\" numremaining=\"{left}\">{rows}</data></result>",
            records.len()
        ),
    )
}

fn vendors() -> Query {
    Query::new("VENDOR", &["RECORDNO"]).page_size(2)
}

#[tokio::test]
async fn many_who_want_a_session_share_one_login() {
    let world = World::new(session);
    let sessions = world.gateway.sessions();
    let all = futures_util::future::join_all((0..20).map(|_| sessions.get())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(world.logins(), 1);
    let seen = world.network.seen.lock().unwrap();
    let (url, body) = seen.first().unwrap();
    assert_eq!(url, FIRST, "user login goes only to the configured gateway");
    assert_eq!(body.matches("<function ").count(), 1, "getAPISession stands alone");
    assert!(
        body.contains("<uniqueid>false</uniqueid>") && body.contains("<locationid>E20-OSLO</locationid>"),
        "{body}"
    );
}

#[tokio::test]
async fn many_who_wait_for_a_login_that_fails_share_its_failure() {
    let world = World::new(|_| Err(NetError { sent: Sent::No, what: "no connection".to_owned() }));
    let sessions = world.gateway.sessions();
    let all = futures_util::future::join_all((0..20).map(|_| sessions.get())).await;
    assert!(all.iter().all(|outcome| matches!(outcome, Err(SessionError::Network(_)))));
    assert_eq!(world.logins(), 1);
    assert!(sessions.get().await.is_err());
    assert_eq!(world.logins(), 2, "network trouble is not remembered");
}

#[tokio::test]
async fn a_session_is_trusted_for_the_sooner_of_both_lives() {
    let world = World::new(session);
    let sessions = world.gateway.sessions();
    sessions.get().await.unwrap();
    assert_eq!(sessions.remaining(), Some(Duration::from_secs(3000)), "the configured life is sooner");
    world.pass(3000);
    assert_eq!(sessions.remaining(), None);
    sessions.get().await.unwrap();
    assert_eq!(world.logins(), 2);

    for (stated, trusted) in [(1200, 1140), (100, 90)] {
        let world = World::new(move |asked| session_at(asked, SECOND, stated));
        world.gateway.sessions().get().await.unwrap();
        assert_eq!(world.gateway.sessions().remaining(), Some(Duration::from_secs(trusted)), "stated {stated} s");
    }
}

#[tokio::test]
async fn use_lets_the_session_slide_but_never_beyond_the_configured_life() {
    let world = World::new(|asked| match asked.is_login() {
        true => session_at(asked, SECOND, 1200),
        false => page(asked, &[], 0, 0),
    });
    world.gateway.sessions().get().await.unwrap();
    world.pass(1000);
    world.gateway.query_page(&vendors()).await.unwrap();
    assert_eq!(world.gateway.sessions().remaining(), Some(Duration::from_secs(2000)), "3540 stated, 2000 left of 3000");
    assert_eq!(world.logins(), 1);
}

#[tokio::test]
async fn a_refused_login_is_never_repeated_by_itself() {
    let world = World::new(|asked| match asked.before {
        0 => refused(asked, "Sign-in information is incorrect"),
        1 => refused(asked, "Benutzer gesperrt"),
        _ => session(asked),
    });
    let sessions = world.gateway.sessions();
    for _ in 0..5 {
        let error = sessions.get().await.unwrap_err();
        assert_eq!((error.class(), error.is_latched()), (Class::Configuration, true), "{error}");
    }
    assert!(matches!(world.gateway.query_all(&vendors()).await, Err(ReadError::Session(_))));
    assert_eq!(world.requests(), 1);
    sessions.retry_login();
    assert!(sessions.get().await.unwrap_err().is_latched(), "also in words that nobody knows");
    assert_eq!(world.requests(), 2);
    sessions.set_credentials(credentials());
    sessions.get().await.unwrap();
    assert!(sessions.latched().is_none());
}

#[tokio::test]
async fn a_busy_gateway_is_not_remembered_and_says_how_long_to_wait() {
    let world = World::new(|asked| match asked.before {
        0 => http(429, &[("retry-after", "17")], "<response/>"),
        1 => http(502, &[("content-type", "text/html")], "<html><hr></html>"),
        2 => http(200, &[], "<html/>"),
        3 => refused(asked, "The Service is Temporarily Off-line"),
        _ => session(asked),
    });
    let sessions = world.gateway.sessions();
    assert_eq!(sessions.get().await.unwrap_err().retry_after(), Some(Duration::from_secs(17)));
    for _ in 0..3 {
        let error = sessions.get().await.unwrap_err();
        assert_eq!((error.class(), error.is_latched()), (Class::Backoff, false), "{error}");
    }
    sessions.get().await.unwrap();
}

#[tokio::test]
async fn a_login_that_may_work_later_is_tried_again_however_often_it_failed() {
    for error in [
        "<errorno>Get API Session Failed</errorno>",
        "<errorno>BL01001973</errorno><description2>The Service is Temporarily Off-line.</description2>",
    ] {
        let world = World::new(move |asked| {
            if asked.before >= 4 {
                return session(asked);
            }
            let (auth, function) = (authenticated(3600), asked.function());
            response(
                asked,
                &format!(
                    "{auth}<result><status>failure</status><function>getAPISession</function>\
                     <controlid>{function}</controlid><errormessage><error>{error}</error></errormessage></result>"
                ),
            )
        });
        let sessions = world.gateway.sessions();
        for _ in 0..4 {
            let failed = sessions.get().await.unwrap_err();
            assert_eq!((failed.class(), failed.is_latched()), (Class::Backoff, false), "{failed}");
        }
        sessions.get().await.unwrap();
    }
}

#[tokio::test]
async fn a_sender_password_refused_in_an_open_session_is_remembered_at_once() {
    let world = World::new(|asked| match (asked.is_login(), asked.before) {
        (true, _) => session(asked),
        (false, 0) => page(asked, &[1], 1, 0),
        (false, 1) => ok(format!(
            "<response><control><status>failure</status><controlid>{}</controlid></control><errormessage><error>\
             <errorno>XL03000006</errorno><description2>Incorrect Intacct XML Partner ID or password.</description2>\
             </error></errormessage></response>",
            asked.text("controlid")
        )),
        (false, _) => page(asked, &[2], 1, 0),
    });
    world.gateway.query_page(&vendors()).await.unwrap();
    for _ in 0..3 {
        let refused = world.gateway.query_page(&vendors()).await.unwrap_err();
        assert!(matches!(&refused, ReadError::Session(error) if error.is_latched()), "{refused}");
    }
    assert!(world.gateway.sessions().latched().unwrap().to_string().contains("Partner ID"));
    assert_eq!(world.requests(), 3, "the password is not tried over and over");
    world.gateway.sessions().retry_login();
    world.gateway.query_page(&vendors()).await.unwrap();
    assert_eq!(world.logins(), 1, "the session was never refused");
}

#[tokio::test]
async fn a_hostile_endpoint_gets_nothing_and_stops_everything() {
    let world = World::new(|asked| session_at(asked, "https://eu07.intacct.com.evil.example/ia/xml/xmlgw.phtml", 3600));
    for _ in 0..3 {
        let error = world.gateway.sessions().get().await.unwrap_err();
        assert!(error.is_security_event() && error.is_latched(), "{error}");
    }
    let functions = [(ControlId::fresh("w".to_owned()), Arc::from(&b"<create/>"[..]))];
    let exchange = world.gateway.send_writes("req", &functions, true).await;
    assert!(matches!(exchange.outcome, Err(SendFailure::Session(SessionError::Endpoint { .. }))));
    assert_eq!((exchange.request_bytes, world.requests()), (0, 1));
}

#[tokio::test]
async fn a_session_for_another_entity_is_refused() {
    let world = World::with(|config| config.entity = Some("E30".to_owned()), session);
    let error = world.gateway.sessions().get().await.unwrap_err();
    assert!(matches!(error, SessionError::Entity { .. }) && error.is_latched(), "{error}");
}

#[tokio::test]
async fn an_ended_session_is_renewed_once_and_the_read_repeated_once() {
    let world = World::new(|asked| match (asked.is_login(), asked.before) {
        (true, _) => session(asked),
        (false, 0) => refused(asked, "Invalid session canary-s...."),
        (false, _) => page(asked, &[1], 1, 0),
    });
    assert_eq!(world.gateway.query_all(&vendors()).await.unwrap().len(), 1);
    assert_eq!((world.logins(), world.requests()), (2, 4));
    {
        let seen = world.network.seen.lock().unwrap();
        assert!(seen.iter().all(|(url, body)| (url == FIRST) == body.contains("<getAPISession")));
        assert!(seen[1].1.contains("-83-0</sessionid>") && seen[3].1.contains("-83-1</sessionid>"));
        let ids: std::collections::BTreeSet<&str> =
            seen.iter().map(|(_, body)| body.split("<controlid>").nth(1).unwrap().split('<').next().unwrap()).collect();
        assert_eq!(ids.len(), 4, "every request has a fresh control id");
    }
    let never = World::new(|asked| match asked.is_login() {
        true => session(asked),
        false => refused(asked, "Invalid session x"),
    });
    assert_eq!(never.gateway.query_all(&vendors()).await.unwrap_err().class(), Class::Backoff);
    assert_eq!((never.logins(), never.requests()), (2, 4));
}

#[tokio::test]
async fn pages_follow_each_other_by_record_number_to_the_last_row() {
    let world = World::new(|asked| match (asked.is_login(), asked.before) {
        (true, _) => session(asked),
        (false, 0) => page(asked, &[911, 915], 3, 1),
        (false, _) => page(asked, &[920], 1, 0),
    });
    let rows = world.gateway.query_all(&vendors().only(Filter::like("VENDORID", "JG%"))).await.unwrap();
    assert_eq!(rows.iter().filter_map(|row| row.get("RECORDNO")).collect::<Vec<_>>(), ["911", "915", "920"]);
    let seen = world.network.seen.lock().unwrap();
    assert!(
        seen[2].1.contains("<greaterthan><field>RECORDNO</field><value>915</value></greaterthan>"),
        "{}",
        seen[2].1
    );
    assert!(seen[2].1.contains("<uniqueid>false</uniqueid>"));
}

#[tokio::test]
async fn a_list_that_is_cut_or_turns_in_circles_is_an_error_and_not_a_short_list() {
    for (records, total, left) in [(&[1, 2][..], 9, 1), (&[][..], 3, 3)] {
        let world = World::new(move |asked| match asked.is_login() {
            true => session(asked),
            false => page(asked, records, total, left),
        });
        assert!(matches!(world.gateway.query_all(&vendors()).await, Err(ReadError::Incomplete { .. })), "{records:?}");
    }
    let circle = World::new(|asked| match asked.is_login() {
        true => session(asked),
        false => page(asked, &[1, 2], 4, 2),
    });
    assert!(matches!(circle.gateway.query_all(&vendors()).await, Err(ReadError::Incomplete { .. })));
}

#[tokio::test]
async fn an_answer_to_another_request_is_never_taken() {
    let world = World::new(|asked| {
        if asked.is_login() {
            return session(asked);
        }
        let other =
            Asked { url: String::new(), body: asked.body.replace("<controlid>request", "<controlid>other"), before: 0 };
        page(&other, &[1], 1, 0)
    });
    let error = world.gateway.query_all(&vendors()).await.unwrap_err();
    assert!(matches!(&error, ReadError::Unreadable(what) if what.contains("another request")), "{error}");
}

#[tokio::test]
async fn writes_are_sent_once_and_come_back_unjudged() {
    let world = World::new(|asked| match (asked.is_login(), asked.before) {
        (true, _) => session(asked),
        (false, 0) => refused(asked, "Invalid session"),
        (false, _) => Err(NetError { sent: Sent::Maybe, what: "silence".to_owned() }),
    });
    let functions =
        [(ControlId::fresh("tg-1".to_owned()), Arc::from(&b"<create><APBILL><X>1</X></APBILL></create>"[..]))];
    let first = world.gateway.send_writes("req-7", &functions, true).await;
    assert_eq!(first.outcome.unwrap().status, 200, "even an invalid session is for the lane to judge");
    assert_eq!((world.logins(), world.requests()), (1, 2));
    {
        let seen = world.network.seen.lock().unwrap();
        let (url, body) = &seen[1];
        assert_eq!(
            (url.as_str(), first.request_bytes, first.endpoint.as_str()),
            (SECOND, body.len(), "eu07.intacct.com")
        );
        assert!(body.contains("<uniqueid>true</uniqueid>") && body.contains("<controlid>req-7</controlid>"), "{body}");
        assert!(body.contains("<function controlid=\"tg-1\"><create><APBILL><X>1</X></APBILL></create></function>"));
    }
    world.gateway.renew(first.session.as_ref().unwrap()).await.unwrap();
    world.gateway.renew(first.session.as_ref().unwrap()).await.unwrap();
    assert_eq!(world.logins(), 2, "a session that was renewed already is not renewed again");
    let second = world.gateway.send_writes("req-8", &functions, true).await;
    assert!(matches!(second.outcome, Err(SendFailure::Network(NetError { sent: Sent::Maybe, .. }))));
    let kept = String::from_utf8(world.gateway.redacted_writes("req-8", &functions)).unwrap();
    assert!(kept.contains("tg-1") && CANARIES.iter().all(|canary| !kept.contains(canary)), "{kept}");
}

#[tokio::test]
async fn no_error_and_no_debug_text_holds_a_secret() {
    let echoing = World::new(|asked| match asked.is_login() {
        true => session(asked),
        false => ok(asked.body.clone()),
    });
    let error = echoing.gateway.query_all(&vendors()).await.unwrap_err();
    let session = echoing.gateway.sessions().get().await.unwrap();
    let functions = [(ControlId::fresh("w".to_owned()), Arc::from(&b"<create/>"[..]))];
    let mut exchange = echoing.gateway.send_writes("req", &functions, true).await;
    exchange.outcome = Err(SendFailure::Network(NetError { sent: Sent::Maybe, what: String::new() }));
    for text in [error.to_string(), format!("{error:?}"), format!("{session:?}"), format!("{exchange:?}")] {
        assert!(CANARIES.iter().all(|canary| !text.contains(canary)), "{text}");
    }
}
