//! An engine that is not there yet, as a face sees it: the console stands while the demo's world is still being made.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::messages::{Answer, LogLine, LogRing, Order, Outcome, Question, Refusal, RefusalKind, Service, Snapshot};
use crate::model::Person;
use crate::seams::Boxed;

/// The service until its engine is there, and then the engine's. What is asked before waits.
pub struct Starting {
    engine: watch::Receiver<Option<Arc<dyn Service>>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    log: LogRing,
}

/// The other end. Dropped without an engine, it tells the faces that there will be none.
pub struct Starter {
    engine: watch::Sender<Option<Arc<dyn Service>>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

/// Both ends; the snapshot is shown until the engine has one.
pub fn starting(snapshot: Snapshot, log: LogRing) -> (Starting, Starter) {
    let (engine, to_come) = watch::channel(None);
    let (snapshots, shown) = watch::channel(Arc::new(snapshot));
    (Starting { engine: to_come, snapshots: shown, log }, Starter { engine, snapshots })
}

impl Starter {
    /// The engine is there: what it publishes is handed on, until it goes away or nobody looks any more.
    pub async fn hand_over(self, engine: Arc<dyn Service>) {
        let mut published = engine.snapshots();
        self.engine.send_replace(Some(engine));
        loop {
            let snapshot = published.borrow_and_update().clone();
            self.snapshots.send_replace(snapshot);
            tokio::select! {
                biased;
                () = self.snapshots.closed() => return,
                changed = published.changed() => if changed.is_err() { return },
            }
        }
    }
}

impl Starting {
    async fn engine(&self) -> Result<Arc<dyn Service>, Refusal> {
        let mut engine = self.engine.clone();
        let there = engine.wait_for(Option::is_some).await.ok().and_then(|there| there.clone());
        there.ok_or_else(|| Refusal::new(RefusalKind::Unavailable, "nothing was done: the engine could not be started"))
    }
}

impl Service for Starting {
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>> {
        Box::pin(async move { self.engine().await?.ask(question).await })
    }

    fn tell(&self, order: Order, by: Person) -> Boxed<'_, Result<Outcome, Refusal>> {
        Box::pin(async move { self.engine().await?.tell(order, by).await })
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    fn log(&self) -> broadcast::Receiver<LogLine> {
        self.log.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::control::fake::{FakeService, order, person};
    use crate::model::Timestamp;

    #[tokio::test]
    async fn what_is_asked_before_the_engine_is_there_waits_for_it() {
        let (service, starter) = starting(Snapshot::blank(Timestamp::UNIX_EPOCH), LogRing::new());
        let mut early = service.ask(Question::Status);
        assert!((&mut early).now_or_never().is_none(), "there is nobody to answer yet");
        let engine = FakeService::new();
        let handing = tokio::spawn(starter.hand_over(engine.clone()));
        assert!(matches!(early.await, Ok(Answer::Status(_))));
        let mut snapshots = service.snapshots();
        snapshots.wait_for(|snapshot| snapshot.revision == 1).await.unwrap();
        engine.publish(2);
        snapshots.wait_for(|snapshot| snapshot.revision == 2).await.unwrap();
        assert!(service.tell(order("k"), person("anna")).await.is_ok());
        assert_eq!(engine.told(), [("k".to_owned(), "anna".to_owned())]);
        drop((service, snapshots));
        handing.await.unwrap();
    }

    #[tokio::test]
    async fn without_an_engine_the_faces_are_told() {
        let (service, starter) = starting(Snapshot::blank(Timestamp::UNIX_EPOCH), LogRing::new());
        let mut snapshots = service.snapshots();
        drop(starter);
        assert!(snapshots.changed().await.is_err());
        let refused = service.ask(Question::Status).await.unwrap_err();
        assert_eq!(refused.kind, RefusalKind::Unavailable);
    }
}
