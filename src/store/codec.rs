//! Our own versioned bytes: one version byte, then postcard.

use serde::{Serialize, de::DeserializeOwned};

use super::StoreError;

/// Version of the records written now.
const VERSION: u8 = 1;

/// Encodes a record.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(VERSION);
    postcard::to_extend(value, bytes).map_err(|error| StoreError::Record(error.to_string()))
}

/// Decodes a record of any version written so far.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|error| StoreError::Record(error.to_string())),
        Some((version, _)) => Err(StoreError::Record(format!("it has version {version}"))),
        None => Err(StoreError::Record("it is empty".to_owned())),
    }
}
