//! The suppliers' side of JAGGAER, as far as its profile offers it.

use crate::jaggaer::{Client, JaggaerError, Profile};
use crate::model::{MasterSupplier, Text, Timestamp};
use crate::vault::PaymentMarker;

/// Whether suppliers can be read.
pub fn reads(_: &Profile) -> bool {
    false
}

/// Whether suppliers can be written.
pub fn writes(_: &Profile) -> bool {
    false
}

/// Suppliers changed since a mark, with the next mark.
pub async fn changed_since(
    _: &Client,
    mark: Option<Timestamp>,
    _: &PaymentMarker,
) -> Result<(Vec<MasterSupplier>, Option<Timestamp>), JaggaerError> {
    Ok((Vec::new(), mark))
}

/// A supplier as it is now, by JAGGAER's id.
pub async fn by_id(_: &Client, _: &Text, _: &PaymentMarker) -> Result<Option<MasterSupplier>, JaggaerError> {
    Ok(None)
}
