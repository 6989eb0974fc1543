//! A small service for the tests of this room.

use std::sync::{Arc, Mutex};

use tokio::sync::{broadcast, watch};

use crate::messages::{
    Answer, Command, EnginePhase, LogLevel, LogLine, Order, Outcome, Question, Refusal, RefusalKind, Service, Snapshot,
};
use crate::model::{Person, Timestamp};
use crate::seams::Boxed;

pub(crate) struct FakeService {
    snapshots: watch::Sender<Arc<Snapshot>>,
    log: broadcast::Sender<LogLine>,
    told: Mutex<Vec<(String, String)>>,
    /// Orders wait here until the test lets them go.
    pub(crate) gate: tokio::sync::Semaphore,
    pub(crate) begun: tokio::sync::Notify,
}

impl FakeService {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_gate(usize::MAX >> 4)
    }

    pub(crate) fn with_gate(permits: usize) -> Arc<Self> {
        Arc::new(FakeService {
            snapshots: watch::Sender::new(Arc::new(snapshot(1))),
            log: broadcast::Sender::new(16),
            told: Mutex::default(),
            gate: tokio::sync::Semaphore::new(permits),
            begun: tokio::sync::Notify::new(),
        })
    }

    pub(crate) fn told(&self) -> Vec<(String, String)> {
        self.told.lock().unwrap().clone()
    }

    pub(crate) fn publish(&self, revision: u64) {
        self.snapshots.send_replace(Arc::new(snapshot(revision)));
    }

    pub(crate) fn say(&self, message: &str) -> usize {
        let line = LogLine {
            at: Timestamp::UNIX_EPOCH,
            level: LogLevel::Info,
            target: "tollgate::test".into(),
            message: message.into(),
        };
        self.log.send(line).unwrap_or(0)
    }
}

impl Service for FakeService {
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>> {
        Box::pin(async move {
            match question {
                Question::Status => Ok(Answer::Status(self.snapshots.borrow().clone())),
                Question::Log(_) => Ok(Answer::Log(Vec::new())),
                Question::ExplainText(text) => Ok(Answer::Explanation(Box::new(crate::messages::Explanation {
                    data: serde_json::json!({ "length": text.len(), "amount": "1.10" }),
                    text,
                }))),
                _ => Err(Refusal::new(RefusalKind::NotFound, "there is no such document")),
            }
        })
    }

    fn tell(&self, order: Order, by: Person) -> Boxed<'_, Result<Outcome, Refusal>> {
        Box::pin(async move {
            self.begun.notify_one();
            self.gate.acquire().await.unwrap().forget();
            self.told.lock().unwrap().push((order.key, by.name));
            Ok(Outcome { message: "done".into(), rows: Vec::new(), done: 1, refused: 0, repeated: false })
        })
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    fn log(&self) -> broadcast::Receiver<LogLine> {
        self.log.subscribe()
    }
}

pub(crate) fn person(name: &str) -> Person {
    Person { uid: 1000, name: name.into(), as_stated: None }
}

pub(crate) fn order(key: &str) -> Order {
    Order { key: key.into(), command: Command::ResumeQueue }
}

pub(crate) fn snapshot(revision: u64) -> Snapshot {
    Snapshot {
        revision,
        version: "0.1.0".into(),
        pid: 1,
        jaggaer: "acme".into(),
        phase: EnginePhase::Running,
        ..Snapshot::blank(Timestamp::UNIX_EPOCH)
    }
}
