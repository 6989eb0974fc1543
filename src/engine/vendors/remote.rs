//! The suppliers' side of JAGGAER: reading what changed, and one supplier as it is now.

use std::sync::atomic::Ordering;

use super::super::core::{Engine, lock};
use super::super::flow::RunError;
use super::poll::{Mark, SUPPLIERS_READ};
use crate::jaggaer::{Client, Detail, JaggaerError, PollError, Profile, suppliers_changed_since};
use crate::messages::FlowCounts;
use crate::model::{MasterSupplier, Text};
use crate::seams::Guards;
use crate::store::StoreError;
use crate::vault::PaymentMarker;
use crate::vendors::Taken;

impl<G: Guards> Engine<G> {
    /// Suppliers changed since the mark; the first time, and with another profile, all of them. The mark moves behind what is stored, and not over what could
    /// not be read. Of a supplier that could not be read nothing is concluded: one that is known stays as it was, and one that is
    /// not comes up once it can be, like any that is new.
    pub(super) async fn poll_suppliers(&self, marker: &PaymentMarker) -> Result<FlowCounts, RunError> {
        let by = format!("{} {}", env!("CARGO_PKG_VERSION"), self.evaluator().profile.version());
        let before = self.inner.store.read({
            let by = by.clone();
            move |reader| Mark::of(reader, SUPPLIERS_READ, &by)
        });
        let before = before.await?;
        let client = self.client();
        client.retry();
        let begun = self.begin_reading();
        let taken = std::sync::Arc::new(std::sync::Mutex::new(Taken::default()));
        let (engine, profile, counted, marks) =
            (self.clone(), self.evaluator().profile.clone(), taken.clone(), marker.clone());
        let sink = move |details: Vec<Detail>| {
            let (engine, profile, counted, marks) = (engine.clone(), profile.clone(), counted.clone(), marks.clone());
            let begun = begun.clone();
            async move {
                let mut suppliers = Vec::with_capacity(details.len());
                for detail in details {
                    match read(&profile, &detail.bytes, &marks) {
                        Ok(supplier) if supplier.id.raw() == detail.listed.id => suppliers.push(supplier),
                        Ok(supplier) => {
                            tracing::warn!(listed = %crate::model::safe(&detail.listed.id), says = ?supplier.id, "a supplier under another id was left out");
                        }
                        Err(what) => tracing::warn!(%what, "a supplier was left out"),
                    }
                }
                let taken = engine.take_suppliers(suppliers, begun).await?;
                let mut counted = lock(&counted);
                counted.news += taken.news;
                counted.left_out += taken.left_out;
                Ok::<(), StoreError>(())
            }
        };
        // What is known as it stands is told by comparing it: a list of whole suppliers costs no request more.
        let outcome = match suppliers_changed_since(&client, before.since(), &|_, _| false, sink).await {
            Ok(outcome) => outcome,
            Err(PollError::Jaggaer(error)) => return Err(failed(&error)),
            Err(PollError::Sink(error)) => return Err(error.into()),
        };
        let Taken { news: new, left_out } = *lock(&taken);
        if !outcome.shifting || before.known.is_some() {
            // What was left out is read again by the next one.
            let mark = if left_out == 0 { outcome.mark } else { before.since() };
            self.move_master_mark(SUPPLIERS_READ, mark, by).await?;
        }
        // The list was read: one that could not be read keeps no other from being written.
        self.inner.suppliers_polled.store(true, Ordering::Release);
        self.open_gate();
        let counts = FlowCounts { read: outcome.read, new, unchanged: outcome.read.saturating_sub(new) };
        match RunError::unread("suppliers", outcome.read, &outcome.failed) {
            // Intacct was read all the same: the flow goes on.
            Some(error) => Err(RunError { stops: false, second: Some(counts), ..error }),
            None if outcome.shifting => Err(RunError { second: Some(counts), ..RunError::shifted("suppliers") }),
            None => Ok(counts),
        }
    }
}

/// A supplier as its bytes say, with its payment values marked.
fn read(profile: &Profile, bytes: &[u8], marker: &PaymentMarker) -> Result<MasterSupplier, String> {
    let row = profile.supplier(bytes).map_err(|unreadable| unreadable.what.safe().into_owned())?;
    if let Some(word) = &row.unknown_status {
        tracing::warn!(supplier = %row.id.safe(), word = %word.safe(), "a status that the profile does not know is not compared");
    }
    Ok(row.marked(|item, value| marker.mark(item, value)))
}

/// A supplier as it is now, by JAGGAER's id; `None` where there is none.
pub async fn by_id(client: &Client, id: &Text, marker: &PaymentMarker) -> Result<Option<MasterSupplier>, JaggaerError> {
    match client.supplier(id.raw()).await {
        Ok(bytes) => match read(client.profile(), &bytes, marker) {
            Ok(supplier) => Ok(Some(supplier).filter(|supplier| supplier.id == *id)),
            // One that cannot be read is there all the same.
            Err(what) => Err(JaggaerError::NotJson {
                target: format!("supplier {}", id.safe()),
                what: format!("what is no supplier ({what})"),
                excerpt: String::new(),
            }),
        },
        Err(JaggaerError::Status { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Intacct was read all the same: the flow stands for the other system too.
fn failed(error: &JaggaerError) -> RunError {
    RunError {
        what: format!("suppliers could not be read: {}", error.told()),
        unreachable: error.is_unreachable(),
        stops: false,
        second: Some(FlowCounts::default()),
    }
}
