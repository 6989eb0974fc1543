//! The link inside one process: no frames, no socket.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::messages::{Answer, Link, LogLine, Order, Outcome, Question, Refusal, RefusalKind, Service, Snapshot};
use crate::model::Person;
use crate::seams::Boxed;

/// A link to a service in this process.
pub struct InProcess {
    /// The engine, or a store opened for a moment.
    pub service: Arc<dyn Service>,
    /// Who gives the orders.
    pub person: Person,
    /// Whether orders are refused.
    pub read_only: bool,
}

impl Link for InProcess {
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>> {
        self.service.ask(question)
    }

    fn tell(&self, order: Order) -> Boxed<'_, Result<Outcome, Refusal>> {
        if self.read_only {
            return Box::pin(std::future::ready(Err(read_only_refusal())));
        }
        self.service.tell(order, self.person.clone())
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.service.snapshots()
    }

    fn log(&self) -> broadcast::Receiver<LogLine> {
        self.service.log()
    }

    fn read_only(&self) -> bool {
        self.read_only
    }

    fn owns_engine(&self) -> bool {
        true
    }
}

/// The answer to an order that is given over a read-only link.
pub(super) fn read_only_refusal() -> Refusal {
    let message = "nothing was done: this link is read-only; leave and start again without `--read-only`";
    Refusal::new(RefusalKind::Forbidden, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fake::{FakeService, order, person};

    #[tokio::test]
    async fn an_order_reaches_the_service_with_its_person_and_not_when_read_only() {
        let service = FakeService::new();
        let link = InProcess { service: service.clone(), person: person("anna"), read_only: false };
        assert!(link.tell(order("k1")).await.is_ok());
        let link = InProcess { read_only: true, ..link };
        assert_eq!(link.tell(order("k2")).await.unwrap_err().kind, RefusalKind::Forbidden);
        assert_eq!(service.told(), [("k1".to_owned(), "anna".to_owned())]);
    }
}
