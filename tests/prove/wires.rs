//! The network between the engine and both simulated systems. Every request passes the points at which the process may end, and
//! is held against the rules of sending.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tollgate::engine::Networks;
use tollgate::model::{Document, MasterStep, MasterWrite, Side, State, Timestamp};
use tollgate::seams::{Boxed, Clock, Method, NetError, Network, Purpose, Request, Response, Sent};
use tollgate::simulator::gateway::Gateway;
use tollgate::simulator::procurement::{Call, Procurement};
use tollgate::simulator::wire::{Chance, Delivery, Reply};
use tollgate::store::{Store, StoreError};

use crate::exec::{EngineClock, SimClock};
use crate::fate::{Fate, Phase, Point};
use crate::lock;

/// How bad the network is, each in so many of 1000 requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// No connection.
    pub refused: u32,
    /// Cut when half of the request has left: nothing is executed.
    pub cut_request: u32,
    /// Cut behind the request: it is executed some time later.
    pub cut_behind: u32,
    /// Cut in the answer.
    pub cut_answer: u32,
    /// Longest time that an answer takes, in milliseconds.
    pub slow: u64,
    /// Longest time after which a cut request is executed.
    pub late: Duration,
}

/// Both systems and what lies between.
pub struct Wires {
    pub gateway: Mutex<Gateway>,
    pub procurement: Mutex<Procurement>,
    pub clock: Arc<SimClock>,
    pub fate: Arc<Fate>,
    pub weather: Mutex<Weather>,
    chance: Mutex<Chance>,
    store: Mutex<Option<Store>>,
    /// Requests under way whose sender is gone: when they arrive.
    late: Mutex<Vec<(Duration, Vec<u8>)>>,
    /// What was sent under each control id: it never changes.
    sent: Mutex<BTreeMap<String, String>>,
    /// Marks of what must not be sent: it lost its approval before this life began.
    pub forbidden: Mutex<BTreeSet<String>>,
    /// Rules of sending that were broken.
    pub broken: Mutex<Vec<String>>,
    /// When vendors were asked for, each with the question.
    pub looks: Mutex<Vec<(Timestamp, String)>>,
    /// When each function was sent.
    pub posts: Mutex<BTreeMap<String, Vec<Timestamp>>>,
}

const GATEWAY: &str = "http://127.0.0.1:8081";
const PROCUREMENT: &str = "http://127.0.0.1:8082";

impl Wires {
    pub fn new(
        gateway: Gateway,
        procurement: Procurement,
        clock: Arc<SimClock>,
        fate: Arc<Fate>,
        seed: u64,
    ) -> Arc<Wires> {
        Arc::new(Wires {
            gateway: Mutex::new(gateway),
            procurement: Mutex::new(procurement),
            clock,
            fate,
            weather: Mutex::default(),
            chance: Mutex::new(Chance::new(seed ^ 0x317E)),
            store: Mutex::default(),
            late: Mutex::default(),
            sent: Mutex::default(),
            forbidden: Mutex::default(),
            broken: Mutex::default(),
            looks: Mutex::default(),
            posts: Mutex::default(),
        })
    }

    /// Networks for an engine whose store is this one.
    pub fn networks(self: &Arc<Self>, store: Store) -> Networks {
        *lock(&self.store) = Some(store);
        Networks { jaggaer: self.clone(), intacct: self.clone() }
    }

    pub fn gateway(&self) -> MutexGuard<'_, Gateway> {
        lock(&self.gateway)
    }

    pub fn procurement(&self) -> MutexGuard<'_, Procurement> {
        lock(&self.procurement)
    }

    /// When the next request arrives whose sender is gone, or the next late effect is due.
    pub fn next_late(&self) -> Option<Duration> {
        lock(&self.late).iter().map(|(at, _)| *at).min()
    }

    /// Lets everything arrive that was under way until now.
    pub fn arrive(&self) {
        let now = self.clock.passed();
        let mut due = Vec::new();
        lock(&self.late).retain(|(at, body)| {
            let is_due = *at <= now;
            if is_due {
                due.push(body.clone());
            }
            !is_due
        });
        for body in due {
            self.ask_gateway(self.clock.true_now(), &body);
        }
        self.gateway().tick(self.clock.true_now());
    }

    fn ask_gateway(&self, now: Timestamp, body: &[u8]) -> Reply {
        self.gateway().handle(now, "/ia/xml/xmlgw.phtml", "application/xml", body)
    }

    fn execute(&self, request: &Request) -> Option<Reply> {
        let now = self.clock.true_now();
        if request.url.starts_with(GATEWAY) {
            self.arrive();
            let asks = request.purpose == Purpose::Look && contains(&request.body, b"<object>VENDOR</object>");
            if asks && contains(&request.body, b"<value>") {
                lock(&self.looks).push((now, String::from_utf8_lossy(&request.body).into_owned()));
            }
            return Some(self.ask_gateway(now, &request.body));
        }
        let target = request.url.strip_prefix(PROCUREMENT)?;
        let header = |name: &str| request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value);
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        let call = Call {
            method,
            target,
            authorization: header("authorization"),
            content_type: header("content-type").unwrap_or_default(),
            body: &request.body,
        };
        Some(self.procurement().handle(now, &call))
    }

    /// Each write has an intent that is durable, asks for `uniqueid`, and has the bytes that it always had.
    fn check(&self, body: &str) {
        let request = between(body, "<controlid>", "</controlid>").unwrap_or_default();
        let mut broken = Vec::new();
        if !body.contains("<uniqueid>true</uniqueid>") {
            broken.push(format!("{request} does not ask for uniqueid"));
        }
        if body.contains("<query>") {
            broken.push(format!("{request} holds writes and reads"));
        }
        let mut seen = BTreeSet::new();
        let store = lock(&self.store).clone();
        for function in body.split("<function controlid=\"").skip(1) {
            let Some((id, rest)) = function.split_once("\">") else { continue };
            let bytes = rest.split("</function>").next().unwrap_or_default().to_owned();
            if !seen.insert(id.to_owned()) {
                broken.push(format!("{id} stands twice in a request"));
            }
            for mark in lock(&self.forbidden).iter().filter(|mark| bytes.contains(mark.as_str())) {
                broken.push(format!("{mark} was sent although it had lost its approval before this life began"));
            }
            lock(&self.posts).entry(id.to_owned()).or_default().push(self.clock.true_now());
            let before = lock(&self.sent).insert(id.to_owned(), bytes.clone());
            if before.is_some_and(|before| before != bytes) {
                broken.push(format!("{id} was sent with other bytes before"));
            }
            let seen = store.as_ref().map(|store| (vendor_write(store, id, request), bill_write(store, id, request)));
            // A store that is being opened anew, because its disk failed, says nothing for a moment.
            let Some((Ok(vendor), Ok(bill))) = seen else { continue };
            if let Some(write) = vendor {
                if bytes.as_bytes() != write {
                    broken.push(format!("{id} was sent otherwise than it is frozen"));
                }
                continue;
            }
            match bill {
                None => broken.push(format!("{id} was sent without a durable intent")),
                Some(frozen) if bytes.as_bytes() != &*frozen => {
                    broken.push(format!("{id} was sent otherwise than it is frozen"));
                }
                Some(_) => {}
            }
        }
        lock(&self.broken).extend(broken);
    }

    /// Whether the intent of a supplier's write is durable. The writer sends one after the other.
    fn is_supply_intended(&self) -> bool {
        let store = lock(&self.store).clone();
        let pairs = store.and_then(|store| store.read_now(|reader| reader.unsettled_writes(Side::Jaggaer)).ok());
        let sent = |write: Box<MasterWrite>| write.step == MasterStep::Sent;
        pairs.unwrap_or_default().into_iter().filter_map(|pair| pair.to_jaggaer).any(sent)
    }

    async fn pass(&self, purpose: Purpose, phase: Phase) {
        if self.fate.reached(Point::Wire(purpose, phase)) {
            std::future::pending::<()>().await;
        }
    }

    async fn run(&self, request: Request) -> Result<Response, NetError> {
        let clock = EngineClock(self.clock.clone());
        let purpose = request.purpose;
        let weather = *lock(&self.weather);
        let (refused, cut_request, cut_behind, cut_answer, slow, late) = {
            let mut chance = lock(&self.chance);
            let of_gateway = request.url.starts_with(GATEWAY);
            (
                chance.per_mille(weather.refused),
                chance.per_mille(weather.cut_request),
                of_gateway && chance.per_mille(weather.cut_behind),
                chance.per_mille(weather.cut_answer),
                Duration::from_millis(chance.below(weather.slow + 1)),
                Duration::from_millis(chance.below(weather.late.as_millis() as u64 + 1)),
            )
        };
        self.pass(purpose, Phase::BeforeConnect).await;
        clock.sleep(Duration::from_millis(1) + slow / 4).await;
        if refused {
            return Err(NetError { sent: Sent::No, what: "no connection".to_owned() });
        }
        self.pass(purpose, Phase::HalfRequest).await;
        let broke = |what: &str| Err(NetError { sent: Sent::Maybe, what: what.to_owned() });
        if purpose == Purpose::Post {
            self.check(&String::from_utf8_lossy(&request.body));
        }
        if purpose == Purpose::Supply && !self.is_supply_intended() {
            lock(&self.broken).push("a supplier was sent without a durable intent".to_owned());
        }
        if cut_request {
            return broke("the connection broke in the request");
        }
        // A host that is none of ours answers to nobody.
        if !request.url.starts_with(GATEWAY) && !request.url.starts_with(PROCUREMENT) {
            lock(&self.broken).push(format!("asked {}", request.url));
            return broke("an unknown host");
        }
        clock.sleep(Duration::from_millis(1) + slow / 4).await;
        if self.fate.reached(Point::Wire(purpose, Phase::WholeRequest)) || cut_behind {
            // It is on its way, whoever sent it.
            if request.url.starts_with(GATEWAY) {
                let at = self.clock.passed() + Duration::from_millis(700) + late;
                lock(&self.late).push((at, request.body));
            }
            if self.fate.is_dead() {
                std::future::pending::<()>().await;
            }
            return broke("the connection broke behind the request");
        }
        let Some(reply) = self.execute(&request) else { return broke("an unknown place") };
        self.pass(purpose, Phase::Executed).await;
        let (bounds, delay) = (request.bounds, reply.delay + slow / 2);
        if delay > bounds.first_byte || reply.delivery == Delivery::Never {
            clock.sleep(bounds.first_byte).await;
            return broke("no answer in time");
        }
        clock.sleep(delay + Duration::from_millis(1)).await;
        if let Delivery::Trickle { chunk, pause } = reply.delivery {
            let pieces = u32::try_from(reply.body.len() / chunk.max(1) + 1).unwrap();
            clock.sleep((pause * pieces).min(bounds.total)).await;
            if pause * pieces > bounds.total {
                return broke("the answer did not end in time");
            }
        }
        self.pass(purpose, Phase::HalfAnswer).await;
        match reply.delivery {
            Delivery::Drop => broke("the connection was closed"),
            Delivery::CloseAfter(_) => broke("the connection was closed in the answer"),
            _ if cut_answer => broke("the connection broke in the answer"),
            _ => Ok(Response {
                status: reply.status,
                headers: reply.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
                body: reply.body,
            }),
        }
    }
}

impl Network for Wires {
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>> {
        Box::pin(self.run(request))
    }
}

/// The frozen function of a vendor's write that is on its way under this control id in this request.
fn vendor_write(store: &Store, id: &str, request: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let pairs = store.read_now(|reader| reader.unsettled_writes(Side::Intacct))?;
    let mut writes = pairs.into_iter().filter_map(|pair| pair.to_intacct.map(|write| *write));
    let is_it = |write: &MasterWrite| {
        let attempt = write.last_attempt.as_ref().map(|attempt| attempt.request.as_str());
        write.step == MasterStep::Sent && write.control_id.as_str() == id && attempt == Some(request)
    };
    Ok(writes.find(is_it).map(|write| write.body))
}

/// The same of a bill.
fn bill_write(store: &Store, id: &str, request: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let bills = store.read_now(|reader| {
        let sent = reader.in_state(State::Sent, 0, usize::MAX)?;
        reader.with_frozen(&sent)
    })?;
    let is_it = |document: &Document| {
        document.posting.as_ref().is_some_and(|head| {
            let attempt = head.last_attempt.as_ref().map(|attempt| attempt.request.as_str());
            head.control_id.as_str() == id && attempt == Some(request)
        })
    };
    Ok(bills.into_iter().find(|(document, _)| is_it(document)).map(|(_, frozen)| frozen.function.to_vec()))
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let start = text.find(open)? + open.len();
    text[start..].split(close).next()
}
