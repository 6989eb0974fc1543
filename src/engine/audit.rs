//! The audit of all bills, as a flow: what it found stands in the store, and a doubled one closes the gate.

use super::build;
use super::core::{Engine, lock};
use super::flow::{AUDIT, RunError};
use crate::intacct::query::MAX_PAGE;
use crate::lane::{AuditError, AuditOptions, audit};
use crate::messages::BillAudit;
use crate::model::Actor;
use crate::posting::natural_key;
use crate::seams::Guards;
use crate::store::{Meta, PauseRecord};

/// What to do about a bill that no document stands for.
pub const ADVICE: &str =
    "Look at it in Intacct: reverse it, or take the mark out of it; then `tollgate flow run audit`.";

impl From<AuditError> for RunError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Read(error) => {
                let error = RunError::from(error);
                RunError { what: format!("nothing is concluded: {}", error.what), ..error }
            }
            AuditError::Store(error) => error.into(),
        }
    }
}

impl<G: Guards> Engine<G> {
    /// Counts and compares every bill with our mark.
    pub(super) async fn audit_bills(&self) -> Result<BillAudit, RunError> {
        if !self.inner.polled.is_done() {
            let what = "JAGGAER was not polled since the start or the last pause, so a bill of an invoice that is not known here \
                        yet would look like nobody's. Run it after the invoices flow";
            return Err(RunError { what: what.to_owned(), unreachable: false, stops: false, second: None });
        }
        let config = self.config();
        let options = AuditOptions {
            by: Actor::Flow(AUDIT.to_owned()),
            company: build::company(&config),
            natural_key,
            mark_field: config.posting.mark_field.clone(),
            page_size: MAX_PAGE,
            quiet_time: config.posting.quiet_time(),
        };
        let found = audit::<G>(&self.inner.gateway, &self.inner.store, &self.inner.seams, options).await;
        // A pause by the alarm is in the store whatever became of the rest. One that is not there may be a person's of this moment.
        let pause: Option<PauseRecord> = self.inner.store.read(|reader| reader.meta(Meta::Pause)).await?;
        if pause.is_some() {
            lock(&self.inner.posting).pause = pause;
            self.open_gate();
        }
        let found = found?;
        *lock(&self.inner.audited) = Some(found.clone());
        Ok(found)
    }
}
