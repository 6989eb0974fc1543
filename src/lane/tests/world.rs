//! A lane in a world of its own: simulated gateway, manual clock, a disk that fails on order; one thread, no waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, mpsc, watch};

use crate::config::Intacct;
use crate::intacct::bill::{DESCRIPTION, create_bill};
use crate::intacct::catalogue::Catalogue;
use crate::intacct::vendor::VendorForm;
use crate::intacct::{Credentials, Gateway};
use crate::lane::{Again, Gate, Lane, LaneOptions, Step, VendorTools};
use crate::model::{
    Amount, Approval, Bill, BillAction, BillLine, Company, ControlId, Currency, Dimensions, Document, DocumentId,
    DocumentKey, DocumentKind, Generation, Mark, MasterStep, Money, PairId, PostingHead, ReasonCode, Revision, Secret,
    Side, State, Summary, Timestamp,
};
use crate::seams::{Boxed, Clock, Kept, NetError, Network, Request, Response, RuntimeTasks, Seams, SeededChance, Sent};
use crate::simulator::disk::Disk;
use crate::simulator::gateway as sim;
use crate::simulator::wire::Delivery;
use crate::store::{Frozen, Store, StoreError};
use crate::vault::PaymentMarker;
use crate::vendors::Comparing;

pub const QUIET: Duration = Duration::from_secs(600);
pub const READ_LAG: Duration = Duration::from_secs(10);
const URL: &str = "http://127.0.0.1:8081/ia/xml/xmlgw.phtml";

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Time that moves only when somebody waits; its wall clock may be moved apart.
pub struct ManualClock {
    passed: Mutex<Duration>,
    apart: Mutex<i64>,
}

pub fn true_time(passed: Duration) -> Timestamp {
    Timestamp::from_second(1_764_000_000).unwrap() + jiff::SignedDuration::try_from(passed).unwrap()
}

impl ManualClock {
    pub fn pass(&self, time: Duration) {
        *lock(&self.passed) += time;
    }

    pub fn jump(&self, seconds: i64) {
        *lock(&self.apart) += seconds;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        true_time(*lock(&self.passed)) + jiff::SignedDuration::from_secs(*lock(&self.apart))
    }

    fn monotonic(&self) -> Duration {
        *lock(&self.passed)
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        self.pass(duration);
        Box::pin(std::future::ready(()))
    }
}

/// When the process dies in a write request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// Before a byte of the nth write request reached the gateway.
    BeforeWrite(u64),
    /// After the gateway took it.
    AfterWrite(u64),
    /// In the nth read request after the first write.
    InRead(u64),
}

pub struct SimNetwork {
    pub gateway: Mutex<sim::Gateway>,
    clock: Arc<ManualClock>,
    death: Mutex<Option<Death>>,
    pub writes: Mutex<u64>,
    pub reads: Mutex<u64>,
    /// What was sent under each control id: it never changes.
    sent: Mutex<BTreeMap<String, String>>,
    store: Mutex<Option<Store>>,
    /// Rules of sending that were broken.
    pub broken: Mutex<Vec<String>>,
    /// What answers to reads leave out.
    pub erased: Mutex<Vec<String>>,
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let start = text.find(open)? + open.len();
    text[start..].split(close).next()
}

impl SimNetwork {
    /// Each write has an intent that is durable, and its bytes never change.
    fn check(&self, body: &str) {
        let request = between(body, "<controlid>", "</controlid>").unwrap_or_default();
        assert!(body.contains("<uniqueid>true</uniqueid>") && !body.contains("<query>"), "writes stand alone");
        let mut seen = BTreeSet::new();
        for function in body.split("<function controlid=\"").skip(1) {
            let (id, rest) = function.split_once("\">").unwrap();
            let bytes = rest.split("</function>").next().unwrap().to_owned();
            let mut broken = lock(&self.broken);
            if !seen.insert(id.to_owned()) {
                broken.push(format!("{id} stands twice in a request"));
            }
            let before = lock(&self.sent).insert(id.to_owned(), bytes.clone());
            if before.is_some_and(|before| before != bytes) {
                broken.push(format!("{id} was sent with other bytes before"));
            }
            let intent = lock(&self.store).as_ref().is_some_and(|store| {
                store
                    .read_now(|reader| {
                        let of_vendor = reader.unsettled_writes(Side::Intacct)?.into_iter().any(|pair| {
                            pair.to_intacct.is_some_and(|write| {
                                let attempt = write.last_attempt.as_ref().map(|attempt| attempt.request.as_str());
                                write.step == MasterStep::Sent
                                    && write.control_id.as_str() == id
                                    && attempt == Some(request)
                            })
                        });
                        if of_vendor {
                            return Ok(true);
                        }
                        let sent = reader.in_state(State::Sent, 0, usize::MAX)?;
                        Ok(reader.documents(&sent)?.iter().any(|document| {
                            document.posting.as_ref().is_some_and(|head| {
                                head.control_id.as_str() == id
                                    && head.last_attempt.as_ref().is_some_and(|attempt| attempt.request == request)
                            })
                        }))
                    })
                    .unwrap()
            });
            if !intent {
                broken.push(format!("{id} was sent without a durable intent"));
            }
        }
    }
}

impl Network for SimNetwork {
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>> {
        Box::pin(async move {
            let body = String::from_utf8(request.body).unwrap();
            let writes = body.contains("<create>") || body.contains("<update>");
            let begun = writes || *lock(&self.writes) > 0;
            let nth = {
                let mut count = lock(if writes { &self.writes } else { &self.reads });
                *count += u64::from(begun);
                *count
            };
            let death = *lock(&self.death);
            let dies = match death {
                Some(Death::BeforeWrite(at)) => writes && nth == at,
                Some(Death::InRead(at)) => !writes && nth == at && nth > 0,
                _ => false,
            };
            if dies {
                *lock(&self.death) = None;
                std::future::pending::<()>().await;
            }
            if writes {
                self.check(&body);
            }
            let path = request.url.strip_prefix("http://127.0.0.1:8081").unwrap();
            let now = true_time(*lock(&self.clock.passed));
            let mut reply = lock(&self.gateway).handle(now, path, "application/xml", body.as_bytes());
            if !writes {
                let text = String::from_utf8(reply.body).unwrap();
                let erased = lock(&self.erased);
                reply.body = erased.iter().fold(text, |text, erased| text.replace(erased, "")).into_bytes();
            }
            if death == Some(Death::AfterWrite(nth)) && writes {
                *lock(&self.death) = None;
                std::future::pending::<()>().await;
            }
            let late = |what: &str| Err(NetError { sent: Sent::Maybe, what: what.to_owned() });
            if reply.delay > request.bounds.first_byte || reply.delivery == Delivery::Never {
                self.clock.pass(request.bounds.first_byte);
                return late("no answer in time");
            }
            self.clock.pass(reply.delay);
            if let Delivery::Trickle { chunk, pause } = reply.delivery {
                let pieces = u32::try_from(reply.body.len() / chunk + 1).unwrap();
                if pause * pieces > request.bounds.total {
                    self.clock.pass(request.bounds.total);
                    return late("the answer did not end in time");
                }
                self.clock.pass(pause * pieces);
            }
            match reply.delivery {
                Delivery::Drop => late("the connection was closed"),
                Delivery::CloseAfter(_) => late("the connection was closed in the middle of the answer"),
                _ => Ok(Response {
                    status: reply.status,
                    headers: reply.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect(),
                    body: reply.body,
                }),
            }
        })
    }
}

pub struct World {
    pub network: Arc<SimNetwork>,
    pub clock: Arc<ManualClock>,
    pub store: Store,
    pub disk: Disk,
    pub gate: watch::Sender<Gate>,
    pub again: mpsc::UnboundedSender<Again>,
    pub lane: Option<Lane<Kept>>,
    pub epoch: u64,
    pub options: LaneOptions,
    /// What stands in for the evaluation; without it, what is pending stays as it is.
    pub evaluator: Option<Evaluation>,
}

/// What stands in for the evaluation.
pub type Evaluation = Arc<dyn Fn(&World)>;

/// What ended a step.
#[derive(Debug)]
pub enum Ended {
    Did(Step),
    Died,
    Failed(StoreError),
}

impl World {
    /// Functions in a request, requests at once.
    pub fn new(functions: usize, at_once: usize) -> World {
        let mut masters = sim::Masters::default();
        for id in ["V-1", "V-2"] {
            let vendor = sim::Vendor { record_no: 9, id: id.to_owned(), active: true, ..sim::Vendor::default() };
            masters.vendors.insert(id.to_owned(), vendor);
        }
        let account = sim::Account { record_no: 3, number: "6000".to_owned(), active: true, ..sim::Account::default() };
        masters.accounts.insert("6000".to_owned(), account);
        let options = sim::GatewayOptions { multi_entity: false, concurrency: 16, ..sim::GatewayOptions::default() };
        let clock = Arc::new(ManualClock { passed: Mutex::new(Duration::from_secs(5)), apart: Mutex::new(0) });
        let disk = Disk::default();
        let for_store = disk.clone();
        let store = Store::on_backends(move || for_store.again(), 1 << 20, None).unwrap();
        let network = Arc::new(SimNetwork {
            gateway: Mutex::new(sim::Gateway::new(options, masters, 7)),
            clock: clock.clone(),
            death: Mutex::default(),
            writes: Mutex::default(),
            reads: Mutex::default(),
            sent: Mutex::default(),
            store: Mutex::new(Some(store.clone())),
            broken: Mutex::default(),
            erased: Mutex::default(),
        });
        let options = LaneOptions {
            mark_field: DESCRIPTION.to_owned(),
            entity: None,
            quiet_time: QUIET,
            read_lag: READ_LAG,
            max_in_flight: at_once,
            functions_per_request: functions,
            epoch: 0,
            vendors: VendorTools {
                form: VendorForm::default(),
                comparing: Comparing::default(),
                marker: PaymentMarker::of(&[7; 32]).unwrap(),
            },
        };
        let (gate, _) = watch::channel(Gate { may_send: true, may_write_vendors: true, attempt: 0 });
        let (again, _) = mpsc::unbounded_channel();
        let mut world =
            World { network, clock, store, disk, gate, again, lane: None, epoch: 0, options, evaluator: None };
        world.live().unwrap();
        world
    }

    /// A new life on the same store.
    pub fn live(&mut self) -> Result<(), StoreError> {
        self.epoch += 1;
        let chance = Arc::new(SeededChance::new(self.epoch));
        let seams = Seams { clock: self.clock.clone(), chance, tasks: Arc::new(RuntimeTasks) };
        let config = Intacct {
            gateway_url: URL.to_owned(),
            sender_id: "tollgate-demo".to_owned(),
            company_id: "DEMOCO".to_owned(),
            user_id: "ws_tollgate".to_owned(),
            entity: None,
            session_lifetime: Duration::from_secs(1800),
            max_in_flight: self.options.max_in_flight,
            functions_per_request: self.options.functions_per_request,
            allowed_hosts: vec!["*.intacct.com".to_owned()],
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(300),
            base_currency: None,
            bill_number_length: 45,
            description_length: 1000,
            error_catalogue: None,
        };
        let credentials = Credentials {
            sender_password: Secret::new("sender-Secret-demo".to_owned()),
            user_password: Secret::new("user-Secret-demo".to_owned()),
        };
        let network: Arc<dyn Network> = self.network.clone();
        let gateway = Gateway::new(config, network, seams.clone(), credentials, Catalogue::builtin());
        let (again, agains) = mpsc::unbounded_channel();
        self.again = again;
        self.options.epoch = self.epoch;
        let gateway = Arc::new(gateway);
        let mut lane = Lane::new(
            gateway,
            self.store.clone(),
            seams,
            self.options.clone(),
            self.gate.subscribe(),
            Arc::new(Notify::new()),
            agains,
        );
        let recovered = lane.recover().now_or_never().unwrap();
        self.lane = Some(lane);
        recovered
    }

    /// A new life as often as it takes: the disk may fail while it begins.
    pub fn live_again(&mut self) {
        (0..5).find(|_| self.live().is_ok()).unwrap();
    }

    pub fn die(&self, death: Death) {
        *lock(&self.network.death) = Some(death);
    }

    pub fn gateway(&self) -> MutexGuard<'_, sim::Gateway> {
        lock(&self.network.gateway)
    }

    pub fn now(&self) -> Timestamp {
        true_time(self.clock.monotonic())
    }

    /// One step of the lane. A write that came back to the queue was compared anew before it, and stays as it is.
    pub fn step(&mut self) -> Ended {
        let back = self.store.read_now(|reader| {
            let marked = reader.pairs_of(&reader.pended_pairs(usize::MAX)?)?;
            Ok(marked.into_iter().filter(|pair| pair.to_intacct.is_some()).map(|pair| pair.id).collect())
        });
        // A store that fails is what the lane is to find.
        let back: Vec<PairId> = back.unwrap_or_default();
        let any = !back.is_empty();
        if any && self.store.write_now(move |tx| back.iter().try_for_each(|id| tx.unpend_pair(*id))).is_ok() {
            self.again.send(Again::Vendors).unwrap();
        }
        let lane = self.lane.as_mut().unwrap();
        match lane.step().now_or_never() {
            Some(Ok(step)) => Ended::Did(step),
            Some(Err(error)) => Ended::Failed(error),
            None => {
                self.lane = None;
                Ended::Died
            }
        }
    }

    /// Steps until the lane has nothing to do at this moment. Gives when it wants to go on.
    pub fn rest(&mut self) -> Option<Duration> {
        for _ in 0..400 {
            match self.step() {
                Ended::Did(Step::Worked) => {}
                Ended::Did(Step::Rest(until)) => return until,
                Ended::Died => self.live_again(),
                Ended::Failed(_) => self.clock.pass(Duration::from_secs(5)),
            }
        }
        panic!("the lane never rests: {:?}", self.states());
    }

    /// Lets time pass and the lane work until nothing can settle by itself, or so long.
    pub fn settle(&mut self, longest: Duration) {
        let end = self.clock.monotonic() + longest;
        loop {
            let until = self.rest();
            self.evaluate();
            let now = self.clock.monotonic();
            let open = self.documents().iter().any(|document| {
                let asked = document.reasons.iter().any(|reason| reason.code == ReasonCode::Unsettled);
                document.state == State::Queued || (document.state.is_unsettled() && !asked)
            });
            if !open || now >= end {
                return;
            }
            match until {
                Some(until) => self.clock.pass(until.saturating_sub(now).max(Duration::from_millis(1))),
                None => self.clock.pass(Duration::from_secs(1)),
            }
        }
    }

    /// Stands in for the evaluation.
    pub fn evaluate(&self) {
        if let Some(evaluator) = &self.evaluator {
            return evaluator(self);
        }
        let clear = |tx: &mut crate::store::Tx<'_>| {
            for state in State::ALL {
                for id in tx.in_state(state, 0, usize::MAX)? {
                    tx.clear_pending(id)?;
                }
            }
            Ok(())
        };
        let pending = self.store.read_now(|reader| reader.has_pending());
        if pending.unwrap_or(true) {
            // A disk that fails is tried again.
            (0..5).find(|_| self.store.write_now(clear).is_ok()).unwrap();
        }
        while let Ok(Some((_, progress))) = self.store.read_now(|reader| reader.swept(2)) {
            let progress = Arc::new(progress);
            let step = || {
                let progress = progress.clone();
                self.store.write_now(move |tx| tx.progressed(&progress))
            };
            (0..5).find(|_| step().is_ok()).unwrap();
        }
    }

    /// Queues documents numbered from 1 as they would be frozen.
    pub fn queue(&self, count: u64) {
        let at = self.now();
        self.store
            .write_now(move |tx| {
                for _ in 0..count {
                    let id = tx.next_id();
                    let (document, frozen) = queued(id, at);
                    tx.create(document)?;
                    tx.put_frozen(id, &frozen)?;
                }
                Ok(())
            })
            .unwrap();
    }

    pub fn documents(&self) -> Vec<Document> {
        self.store
            .read_now(|reader| {
                let mut all = Vec::new();
                reader.walk(
                    &[],
                    None,
                    crate::store::Walk { oldest_first: true, ..Default::default() },
                    |document| {
                        all.push(document);
                        Ok(true)
                    },
                )?;
                Ok(all)
            })
            .unwrap()
    }

    pub fn document(&self, id: u64) -> Document {
        self.store.read_now(|reader| reader.document(DocumentId(id))).unwrap().unwrap()
    }

    pub fn states(&self) -> Vec<State> {
        self.documents().iter().map(|document| document.state).collect()
    }

    /// Bills that stand with the mark of a document.
    pub fn standing(&self, document: &Document) -> Vec<sim::Bill> {
        let stem = Mark::of(&document.key, Generation(0)).stem;
        let gateway = self.gateway();
        let ours = gateway.ledger().bills().filter(|bill| bill.description.contains(stem.as_str()));
        ours.filter(|bill| bill.state.stands()).cloned().collect()
    }

    /// What breaks the promise, in words.
    pub fn verdict(&self) -> Vec<String> {
        let mut wrong = lock(&self.network.broken).clone();
        for document in self.documents() {
            let standing = self.standing(&document);
            let asked = document.reasons.iter().any(|reason| reason.code == ReasonCode::Unsettled);
            let (id, state) = (document.id, document.state);
            if standing.len() > 1 && document.reasons.iter().all(|reason| reason.code != ReasonCode::Doubled) {
                wrong.push(format!("{id} stands {} times and is {}", standing.len(), state.label()));
            }
            match state {
                State::Posted => match standing.as_slice() {
                    [bill] => {
                        let total = document.posting.as_ref().unwrap().total.amount.to_string();
                        if bill.total.to_string() != total {
                            wrong.push(format!("{id} stands with {}, not {total}", bill.total));
                        }
                        if document.record.as_ref().map(|record| record.0.clone()) != Some(bill.record_no.to_string()) {
                            wrong.push(format!("{id} names another record than stands"));
                        }
                    }
                    _ => wrong.push(format!("{id} is shown as posted and {} stand", standing.len())),
                },
                State::Differs | State::Drafted => {}
                State::Failed | State::Held | State::Withdrawn | State::NotApproved if !standing.is_empty() => {
                    wrong.push(format!("{id} is {} and stands", state.label()));
                }
                State::Failed | State::Held | State::Dismissed | State::Withdrawn | State::NotApproved => {}
                State::InDoubt if asked && standing.is_empty() => {}
                _ => wrong.push(format!("{id} is left {}", state.label())),
            }
        }
        if let Err((number, what)) = self.store.read_now(|reader| reader.audit_verify()).unwrap() {
            wrong.push(format!("audit entry {number}: {what}"));
        }
        wrong
    }

    /// Every event of a document, in order.
    pub fn events(&self, id: u64) -> Vec<String> {
        let entries = self.store.read_now(|reader| reader.audit_of(DocumentId(id))).unwrap();
        let event = |record: &str| between(record, "\"event\":\"", "\"").unwrap().to_owned();
        entries.iter().map(|entry| event(&entry.record)).collect()
    }
}

pub fn bill(number: u64) -> Bill {
    let day = jiff::civil::date(2026, 3, 2);
    let line = |amount: &str| BillLine {
        account: Some("6000".to_owned()),
        account_label: None,
        amount: Amount::parse(amount).unwrap(),
        memo: None,
        dimensions: Dimensions::default(),
    };
    Bill {
        vendor: "V-1".to_owned(),
        number: format!("INV-{number}"),
        date: day,
        posting_date: day,
        due_date: jiff::civil::date(2026, 4, 1),
        term: None,
        currency: Currency::parse("USD").unwrap(),
        base_currency: None,
        reference: None,
        description: format!("Pipette tips {number}"),
        action: BillAction::Submit,
        lines: vec![line(&format!("{number}.25")), line("10.12")],
    }
}

pub fn company() -> Company {
    Company { id: "DEMOCO".to_owned(), entity: None }
}

pub fn key(id: u64) -> DocumentKey {
    DocumentKey::new("acme", DocumentKind::Invoice, &id.to_string())
}

pub fn revision(of: u8) -> Revision {
    Revision([of; 16])
}

/// A document as it stands once it is approved and waits to be evaluated.
pub fn approved(id: DocumentId, at: Timestamp) -> Document {
    Document {
        id,
        kind: DocumentKind::Invoice,
        key: key(id.0),
        state: State::Held,
        since: at,
        first_seen: at,
        version: 1,
        approval: Approval::Approved,
        stamp: None,
        revision: Some(revision(1)),
        raw_version: 1,
        raw_hash: [0; 16],
        summary: Summary::default(),
        reasons: Vec::new(),
        class: None,
        fault: None,
        ledger: None,
        posting: None,
        record: None,
        flags: Vec::new(),
    }
}

pub fn queued(id: DocumentId, at: Timestamp) -> (Document, Frozen) {
    let bill = bill(id.0);
    let generation = Generation(0);
    let mark = Mark::of(&key(id.0), generation);
    let function = create_bill(&bill, &mark, DESCRIPTION, 1000);
    let hash: [u8; 32] = Sha256::digest(&function).into();
    let mut document = approved(id, at);
    document.state = State::Queued;
    document.posting = Some(PostingHead {
        generation,
        control_id: ControlId::of(&document.key, "bill", generation),
        mark,
        revision: revision(1),
        vendor: bill.vendor.clone(),
        total: Money { amount: bill.total(), currency: bill.currency },
        hash: hash[..16].try_into().unwrap(),
        attempts: 0,
        last_attempt: None,
        rounds: 0,
        despite_twin: false,
        natural: ["DEMOCO", "", "V-1", &bill.number, "bill"].join("\u{1f}"),
        not_executed: 0,
        refused: false,
        unclear: false,
    });
    (
        document,
        Frozen {
            generation,
            function: function.into(),
            hash,
            bill,
            mapping: "test".to_owned(),
            revision: revision(1),
            at,
        },
    )
}
