//! The vault: credentials at rest, and the cipher of everything that is kept encrypted.
//!
//! Floor 1. A key-encryption key (key file, systemd credential or passphrase) wraps random data keys; a data key encrypts
//! records with AES-256-GCM, bound to their name and key. All of it stands in `vault.toml` in the data directory, replaced
//! atomically; without a key there is no vault, and nothing is ever kept in plain text.

mod cipher;
mod error;
mod file;
mod harden;
mod key;
mod marker;
mod names;
pub mod prompt;
mod secrets;

pub use cipher::{DataCipher, KeyId};
pub use error::VaultError;
pub use harden::harden;
pub use key::{KeySource, create_key_file};
pub use marker::PaymentMarker;
pub use names::{NAMES, known_name, variable_of};
pub use secrets::{SecretInfo, SecretSource, Vault};
