//! Orders about the two masters, in a running engine: both records are read again before a decision is taken.

use super::super::core::Engine;
use super::super::flow::VENDORS;
use super::super::orders::done;
use super::decide::{Deciding, Live};
use super::remote;
use crate::intacct::vendor::vendor;
use crate::messages::{Outcome, Refusal, RefusalKind, VendorCommand};
use crate::model::{PairId, Person, Text};
use crate::seams::Guards;
use crate::store::at;

impl<G: Guards> Engine<G> {
    /// Carries out an order about vendors.
    pub(in super::super) async fn order_vendors(
        &self,
        by: &Person,
        command: VendorCommand,
    ) -> Result<Outcome, Refusal> {
        let live = match &command {
            VendorCommand::Link { id, vendor, .. } => self.look(*id, Some(vendor.clone())).await?,
            VendorCommand::Resolve(decision) => self.look(decision.id, None).await?,
            _ => Live::default(),
        };
        let deciding = Deciding { base: self.base(), by: by.clone(), at: self.inner.seams.clock.now() };
        let step = {
            let command = command.clone();
            move |tx: &mut crate::store::Tx<'_>| deciding.decide(tx, &command, &live)
        };
        let store = &self.inner.store;
        let decided = match &command {
            VendorCommand::Start { .. } => store.write(at::VendorsStarted, step).await?,
            VendorCommand::Stop => store.write(at::VendorsStopped, step).await?,
            _ => store.write(at::PairDecided, step).await?,
        };
        // What was read for it is kept also where it was refused.
        self.inner.evaluate.notify_one();
        let message = decided?;
        match &command {
            VendorCommand::Start { .. } | VendorCommand::Stop => {
                self.read_vendor_start().await?;
                self.open_gate();
                if matches!(command, VendorCommand::Start { .. }) && self.schedules() {
                    self.start_flow(VENDORS);
                }
            }
            _ => {}
        }
        Ok(done(message))
    }

    /// Reads the pair's records as they are now.
    async fn look(&self, id: PairId, vendor_id: Option<Text>) -> Result<Live, Refusal> {
        let pair = self.inner.store.read(move |reader| reader.pair(id)).await?;
        let pair = pair.ok_or_else(|| Refusal::new(RefusalKind::NotFound, format!("no supplier is `{id}`")))?;
        let failed = |what: String| Refusal::new(RefusalKind::Failed, format!("{what}; nothing was done"));
        let marker = self.inner.marker.clone();
        let base = self.base();
        let mut live = Live::default();
        if base.reads_jaggaer {
            let read = remote::by_id(&self.client(), &pair.supplier.id, &marker).await;
            let read = read.map_err(|error| {
                failed(format!("the supplier could not be read from JAGGAER: {}", error.sentence()))
            })?;
            let gone = || {
                let what = format!("{} is not in JAGGAER any more; nothing was done", pair.label());
                Refusal::new(RefusalKind::NotFound, what)
            };
            live.supplier = Some(read.ok_or_else(gone)?);
        }
        let Some(wanted) = vendor_id.or_else(|| pair.vendor.clone()) else { return Ok(live) };
        let rows = self.inner.gateway.query_all(&base.form.by_ids([wanted.raw()])).await;
        let rows = rows.map_err(|error| failed(format!("the vendor could not be read from Intacct: {error}")))?;
        for row in &rows {
            let read = vendor(row).map_err(|fault| failed(fault.to_string()))?;
            if read.id == wanted {
                live.vendor = Some(read.marked(|item, value| marker.mark(item, value)));
            }
        }
        Ok(live)
    }
}
