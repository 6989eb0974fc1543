//! Our own versioned bytes: one version byte, then postcard.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserializer, Visitor};
use serde::ser::Serializer;
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

/// Bytes written and read at once. On disk they are what a list of bytes is, one after the other.
pub mod in_one_piece {
    use super::{Arc, Deserializer, Serializer, Visitor, fmt};

    /// Writes them.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    /// Reads them.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
        struct Piece;
        impl Visitor<'_> for Piece {
            type Value = Arc<[u8]>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Arc<[u8]>, E> {
                Ok(bytes.into())
            }
        }
        deserializer.deserialize_bytes(Piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_one_piece_are_on_disk_what_a_list_of_them_is() {
        #[derive(Serialize, serde::Deserialize)]
        struct Piece(#[serde(with = "in_one_piece")] Arc<[u8]>, u8);
        for length in [0usize, 1, 127, 128, 5_000] {
            let list: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let stored = encode(&(&list, 7u8)).unwrap();
            let read: Piece = decode(&stored).unwrap();
            assert_eq!((&*read.0, read.1), (list.as_slice(), 7));
            assert_eq!(encode(&read).unwrap(), stored);
        }
    }
}
