//! Reading both masters: what changed since the marks is stored, and a mark moves only behind what is stored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::super::build::BuildError;
use super::super::core::Engine;
use super::super::flow::{RunError, VENDORS};
use crate::intacct::query::Query;
use crate::intacct::vendor::vendor;
use crate::messages::FlowCounts;
use crate::model::{Actor, MasterSupplier, MasterVendor, ReferenceKind, Timestamp};
use crate::seams::{Clock, Guards};
use crate::store::{Meta, Reader, Store, StoreError, Tx, at};
use crate::vault::{DataCipher, PaymentMarker, VaultError};
use crate::vendors::{Reading, Taken, suppliers_read, vendors_read, vendors_vanished};

/// Records stored in one commit.
const PIECE: usize = 500;
/// The name that the key of the marks is sealed under.
pub const PAYMENT_KEY: &str = "payment key";

impl From<VaultError> for RunError {
    fn from(error: VaultError) -> Self {
        RunError { what: error.to_string(), unreachable: false, stops: false, second: None }
    }
}

/// When a reading began, by both clocks.
#[derive(Clone)]
pub(in super::super) struct Begun {
    clock: Arc<dyn Clock>,
    read_lag: Duration,
    wall: Timestamp,
    monotonic: Duration,
}

impl Begun {
    pub fn new(clock: Arc<dyn Clock>, read_lag: Duration) -> Begun {
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        Begun { clock, read_lag, wall, monotonic }
    }

    /// The reading that is taken in now, in the commit itself. However the clock was set while it went on, what was read back
    /// meanwhile lies within it.
    pub fn reading(&self) -> Reading {
        let (now, lasted) = (self.clock.now(), self.clock.monotonic().saturating_sub(self.monotonic));
        let begin = self.wall.min(now.checked_sub(lasted).unwrap_or(now));
        Reading {
            from: begin.checked_sub(self.read_lag).unwrap_or(begin),
            to: now.max(self.wall.checked_add(lasted).unwrap_or(now)),
        }
    }
}

impl<G: Guards> Engine<G> {
    /// One run of the vendors flow: the list that bills may name, and where suppliers are read, both masters.
    pub(in super::super) async fn poll_vendors(&self) -> Result<FlowCounts, RunError> {
        if !self.base().reads_jaggaer {
            return self.read_vendors().await;
        }
        let begun = self.begin_reading();
        let known = self.inner.store.read(|reader| reader.master_vendor_ids()).await?;
        let vendors = self.read_vendors().await?;
        self.drop_vanished(known, begun).await?;
        let marker = self.inner.marker.clone();
        self.poll_master_vendors(&marker).await?;
        self.read_missing_vendors(&marker).await?;
        let suppliers = self.poll_suppliers(&marker).await;
        // Vendors were read all the same, and pairs that they concern are evaluated.
        self.inner.evaluate.notify_one();
        let both = |suppliers: FlowCounts| FlowCounts {
            read: vendors.read + suppliers.read,
            new: vendors.new + suppliers.new,
            unchanged: vendors.unchanged + suppliers.unchanged,
        };
        suppliers.map(both).map_err(|error| RunError { second: error.second.map(both), ..error })
    }

    /// A reading begins.
    pub(in super::super) fn begin_reading(&self) -> Begun {
        Begun::new(self.inner.seams.clock.clone(), self.config().posting.read_lag)
    }

    /// Vendors that the complete list does not have any more. Those that came since it began are not among the known ones.
    async fn drop_vanished(&self, mut known: BTreeSet<String>, begun: Begun) -> Result<(), StoreError> {
        for record in self.inner.store.read(|reader| reader.reference_of(ReferenceKind::Vendor)).await? {
            known.remove(&record.id);
        }
        if known.is_empty() {
            return Ok(());
        }
        tracing::info!(vendors = known.len(), "vendors are gone from Intacct");
        let gone = move |tx: &mut Tx<'_>| vendors_vanished(tx, begun.reading(), &known);
        self.inner.store.write(at::VendorsGone, gone).await
    }

    /// Vendors changed since the mark; the first time, and once other fields are asked for, all of them.
    async fn poll_master_vendors(&self, marker: &PaymentMarker) -> Result<(), RunError> {
        let form = self.base().form;
        let by = format!("{} {:?}", env!("CARGO_PKG_VERSION"), form.leave_out);
        let mark = self.inner.store.read({
            let by = by.clone();
            move |reader| Mark::of(reader, VENDORS_READ, &by)
        });
        let mark = mark.await?.since();
        let begun = self.begin_reading();
        let query = mark.map_or_else(|| form.all(), |mark| form.changed_since(mark));
        let vendors = self.ask_for_vendors(&query, marker).await?;
        // Intacct's own clock: ours may be another.
        let reached = vendors.iter().filter_map(|vendor| vendor.modified).max().max(mark);
        // What was left out is read again by the next one.
        let reached = if self.take_vendors(vendors, begun).await? == 0 { reached } else { mark };
        Ok(self.move_master_mark(VENDORS_READ, reached, by).await?)
    }

    /// Vendors that are on the list and not known: they came back without a change of their own, or could not be read when they
    /// changed.
    async fn read_missing_vendors(&self, marker: &PaymentMarker) -> Result<(), RunError> {
        let form = self.base().form;
        let missing = self.inner.store.read(missing_vendors).await?;
        for piece in missing.chunks(PIECE) {
            let begun = self.begin_reading();
            let vendors = self.ask_for_vendors(&form.by_ids(piece.iter().map(String::as_str)), marker).await?;
            self.take_vendors(vendors, begun).await?;
        }
        Ok(())
    }

    async fn ask_for_vendors(&self, query: &Query, marker: &PaymentMarker) -> Result<Vec<MasterVendor>, RunError> {
        let rows = self.inner.gateway.query_all(query).await?;
        let mut vendors = Vec::with_capacity(rows.len());
        for row in &rows {
            match vendor(row) {
                Ok(vendor) => vendors.push(vendor.marked(|item, value| marker.mark(item, value))),
                Err(fault) => tracing::warn!(%fault, "a vendor was left out"),
            }
        }
        Ok(vendors)
    }

    /// Stores vendors in pieces. Returns how many were left out.
    async fn take_vendors(&self, mut vendors: Vec<MasterVendor>, begun: Begun) -> Result<u64, StoreError> {
        let mut left_out = 0;
        while !vendors.is_empty() {
            let piece: Vec<MasterVendor> = vendors.drain(..vendors.len().min(PIECE)).collect();
            let seeing = self.base().seeing(self.inner.seams.clock.now(), Actor::Flow(VENDORS.to_owned()));
            let begun = begun.clone();
            let take = move |tx: &mut Tx<'_>| vendors_read(tx, &seeing, begun.reading(), &piece);
            left_out += self.inner.store.write(at::VendorsTaken, take).await?.left_out;
        }
        Ok(left_out)
    }

    /// Stores suppliers in pieces.
    pub(super) async fn take_suppliers(
        &self,
        mut suppliers: Vec<MasterSupplier>,
        begun: Begun,
    ) -> Result<Taken, StoreError> {
        let mut all = Taken::default();
        while !suppliers.is_empty() {
            let piece: Vec<MasterSupplier> = suppliers.drain(..suppliers.len().min(PIECE)).collect();
            let seeing = self.base().seeing(self.inner.seams.clock.now(), Actor::Flow(VENDORS.to_owned()));
            let begun = begun.clone();
            let take = move |tx: &mut Tx<'_>| suppliers_read(tx, &seeing, begun.reading(), &piece);
            let taken = self.inner.store.write(at::SuppliersTaken, take).await?;
            (all.news, all.left_out) = (all.news + taken.news, all.left_out + taken.left_out);
        }
        Ok(all)
    }

    pub(super) async fn move_master_mark(
        &self,
        (which, read_by): (Meta, Meta),
        reached: Option<Timestamp>,
        by: String,
    ) -> Result<(), StoreError> {
        let marked = move |tx: &mut Tx<'_>| {
            tx.put_meta(which, &reached)?;
            tx.put_meta(read_by, &by)
        };
        self.inner.store.write(at::MastersRead, marked).await
    }
}

/// Where the mark of a master stands, and how the master was read up to it.
pub(super) type MasterMark = (Meta, Meta);
const VENDORS_READ: MasterMark = (Meta::VendorsRead, Meta::VendorsReadBy);
pub(super) const SUPPLIERS_READ: MasterMark = (Meta::SuppliersRead, Meta::SuppliersReadBy);

/// Up to which change a master was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    /// The mark as it stands; `None` before the first reading.
    pub known: Option<Option<Timestamp>>,
    /// Whether records are asked for and understood as they were then.
    pub as_before: bool,
}

impl Mark {
    /// The mark of a master that is read in this way now.
    pub fn of(reader: &Reader, (which, read_by): MasterMark, by: &str) -> Result<Mark, StoreError> {
        let as_before = reader.meta::<String>(read_by)?.is_some_and(|known| known == by);
        Ok(Mark { known: reader.meta(which)?, as_before })
    }

    /// Since when changes are to be read. What was read in another way says less, or something else: then all are read again.
    pub fn since(self) -> Option<Timestamp> {
        self.known.flatten().filter(|_| self.as_before)
    }
}

/// VENDORIDs on the list that bills may name, of vendors that are not known with what they say.
pub(super) fn missing_vendors(reader: &Reader) -> Result<Vec<String>, StoreError> {
    let known = reader.master_vendor_ids()?;
    let listed = reader.reference_of(ReferenceKind::Vendor)?.into_iter().map(|record| record.id);
    Ok(listed.filter(|id| !known.contains(id)).collect())
}

/// The marker of bank and payment values, with the key that this store keeps. The first time it is made.
pub async fn payment_marker(store: &Store, cipher: &DataCipher) -> Result<PaymentMarker, BuildError> {
    if let Some(sealed) = store.read(|reader| reader.meta::<Vec<u8>>(Meta::PaymentKey)).await? {
        return Ok(open_marker(cipher, &sealed)?);
    }
    let (key, cipher) = (PaymentMarker::new_key()?, cipher.clone());
    let make = move |tx: &mut Tx<'_>| {
        let sealed = cipher.seal(PAYMENT_KEY, key.as_slice()).map_err(|error| StoreError::Rule(error.to_string()))?;
        tx.put_meta(Meta::PaymentKey, &sealed)?;
        Ok(key)
    };
    let key = store.write(at::PaymentKeyMade, make).await?;
    Ok(PaymentMarker::of(key.as_slice()).ok_or(VaultError::NoRandomness)?)
}

/// Opens the kept key.
pub fn open_marker(cipher: &DataCipher, sealed: &[u8]) -> Result<PaymentMarker, VaultError> {
    let key = zeroize::Zeroizing::new(cipher.open(PAYMENT_KEY, sealed)?);
    let damaged = || VaultError::Record { name: PAYMENT_KEY.to_owned(), what: "is no key".to_owned() };
    PaymentMarker::of(&key).ok_or_else(damaged)
}
