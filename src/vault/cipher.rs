//! The cipher of records: AES-256-GCM, each record bound to its name and to the key that encrypted it.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::array::Array;
use aes_gcm::aead::{AeadInOut, Generate, KeyInit, Nonce, Tag};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;
use super::key::Bytes32;

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
/// Version, key id, nonce.
const HEAD: usize = 1 + 4 + NONCE;

/// Name of a data key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(u32);

impl KeyId {
    pub(super) fn random() -> Result<Self, VaultError> {
        u32::try_generate().map(KeyId).map_err(|_| VaultError::NoRandomness)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let id = u32::from_str_radix(&text, 16).map(KeyId).map_err(|_| "not a key id")?;
        // One spelling only, so that a name in the file means one key.
        if id.to_string() == text { Ok(id) } else { Err("not a key id") }
    }
}

/// Keys ready for use, with their key schedules made.
pub(super) struct Ring {
    current: KeyId,
    keys: Vec<(KeyId, Aes256Gcm)>,
}

impl Ring {
    pub fn new<'a>(current: KeyId, keys: impl Iterator<Item = (KeyId, &'a Bytes32)>) -> Self {
        Ring { current, keys: keys.map(|(id, key)| (id, Aes256Gcm::new(&Array::from(**key)))).collect() }
    }

    fn key(&self, id: KeyId) -> Option<&Aes256Gcm> {
        self.keys.iter().find(|(known, _)| *known == id).map(|(_, key)| key)
    }

    /// Encrypts under the current key: version, key id, nonce, ciphertext with tag.
    pub fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.key(self.current).ok_or_else(|| record(name, "cannot be written: its key is not loaded"))?;
        let nonce = nonce()?;
        let mut sealed = Vec::with_capacity(HEAD + plain.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.current.0.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let body = sealed.get_mut(HEAD..).unwrap_or_default();
        let tag = key
            .encrypt_inout_detached(&nonce, &bound_to(name, self.current), body.into())
            .map_err(|_| record(name, "cannot be written: it is too large"))?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Decrypts; any change of a byte, of the name or of the key is an error.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let damaged = || record(name, "is damaged or was altered");
        let id = key_of(sealed).ok_or_else(damaged)?;
        let key = self.key(id).ok_or_else(|| {
            record(name, &format!("needs data key {id}, which this vault does not hold; put back the vault.toml that belongs to this data directory"))
        })?;
        let (nonce, tag, body) = parts(sealed.get(HEAD - NONCE..).ok_or_else(damaged)?).ok_or_else(damaged)?;
        let mut plain = body.to_vec();
        key.decrypt_inout_detached(&nonce, &bound_to(name, id), plain.as_mut_slice().into(), &tag)
            .map_err(|_| damaged())?;
        Ok(plain)
    }
}

fn record(name: &str, what: &str) -> VaultError {
    VaultError::Record { name: name.to_owned(), what: what.to_owned() }
}

fn nonce() -> Result<Nonce<Aes256Gcm>, VaultError> {
    Nonce::<Aes256Gcm>::try_generate().map_err(|_| VaultError::NoRandomness)
}

/// The associated data. What comes before the name has a fixed length, so no two records share it.
fn bound_to(name: &str, id: KeyId) -> Vec<u8> {
    let mut bound = Vec::with_capacity(24 + name.len());
    bound.extend_from_slice(b"tollgate record\n");
    bound.push(VERSION);
    bound.extend_from_slice(&id.0.to_be_bytes());
    bound.extend_from_slice(name.as_bytes());
    bound
}

fn key_of(sealed: &[u8]) -> Option<KeyId> {
    let (version, rest) = sealed.split_first()?;
    (*version == VERSION).then_some(())?;
    Some(KeyId(u32::from_be_bytes(*rest.first_chunk()?)))
}

fn parts(sealed: &[u8]) -> Option<(Nonce<Aes256Gcm>, Tag<Aes256Gcm>, &[u8])> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
    let (body, tag) = rest.split_last_chunk::<TAG>()?;
    Some((Array::from(*nonce), Array::from(*tag), body))
}

/// Encrypts with one key under associated data: nonce, ciphertext, tag.
pub(super) fn seal_with(key: &Bytes32, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce = nonce()?;
    let mut sealed = nonce.to_vec();
    sealed.extend_from_slice(plain);
    let body = sealed.get_mut(NONCE..).unwrap_or_default();
    let tag = Aes256Gcm::new(&Array::from(**key))
        .encrypt_inout_detached(&nonce, bound, body.into())
        .map_err(|_| record("vault", "cannot be written: it is too large"))?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// The other way; `None` if anything was altered.
pub(super) fn open_with(key: &Bytes32, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, tag, body) = parts(sealed)?;
    let mut plain = Zeroizing::new(body.to_vec());
    Aes256Gcm::new(&Array::from(**key))
        .decrypt_inout_detached(&nonce, bound, plain.as_mut_slice().into(), &tag)
        .ok()?;
    Some(plain)
}

/// Encrypts and decrypts records with the vault's data keys. Cheap to clone; all clones follow the vault when it rotates or
/// is read again. The nonce is random, 96 bits: rotate the data key long before 2^32 records.
#[derive(Clone)]
pub struct DataCipher(Arc<RwLock<Arc<Ring>>>);

impl DataCipher {
    pub(super) fn new(ring: Ring) -> Self {
        DataCipher(Arc::new(RwLock::new(Arc::new(ring))))
    }

    pub(super) fn replace(&self, ring: Ring) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    pub(super) fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Encrypts a record under the current data key. The name is bound to it: it opens under no other.
    pub fn seal(&self, record_name: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.ring().seal(record_name, plain)
    }

    /// Decrypts a record; an error if a byte of it, its name or its key is not as it was.
    pub fn open(&self, record_name: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.ring().open(record_name, sealed)
    }

    /// The record encrypted with the current key; `None` where it is already.
    pub fn renew(&self, record_name: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        let ring = self.ring();
        if key_of(sealed) == Some(ring.current) {
            return Ok(None);
        }
        let plain = Zeroizing::new(ring.open(record_name, sealed)?);
        ring.seal(record_name, &plain).map(Some)
    }

    /// The key that new records are encrypted with.
    pub fn current(&self) -> KeyId {
        self.ring().current
    }

    /// The key that a record was encrypted with; `None` if it is no record. Not authenticated: for sorting out what a
    /// rotation has yet to encrypt again.
    pub fn key_of(&self, sealed: &[u8]) -> Option<KeyId> {
        key_of(sealed)
    }
}

impl fmt::Debug for DataCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataCipher({})", self.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Ring {
        Ring::new(KeyId(7), [(KeyId(7), &Zeroizing::new([1; 32])), (KeyId(9), &Zeroizing::new([2; 32]))].into_iter())
    }

    proptest::proptest! {
        #[test]
        fn what_is_sealed_opens_under_its_name_and_no_other(name in "\\PC{0,30}", other in "\\PC{0,30}", plain: Vec<u8>) {
            let ring = ring();
            let sealed = ring.seal(&name, &plain).unwrap();
            proptest::prop_assert_eq!(sealed.len(), HEAD + plain.len() + TAG);
            proptest::prop_assert_eq!(ring.open(&name, &sealed).unwrap(), plain);
            proptest::prop_assert_eq!(ring.open(&other, &sealed).is_ok(), name == other);
        }
    }

    #[test]
    fn every_changed_byte_is_noticed_and_so_is_every_cut() {
        let ring = ring();
        let sealed = ring.seal("document/1", b"account 12-3456").unwrap();
        for index in 0..sealed.len() {
            for bit in [1, 0x80] {
                let mut changed = sealed.clone();
                changed[index] ^= bit;
                assert!(ring.open("document/1", &changed).is_err(), "byte {index}");
            }
            assert!(ring.open("document/1", &sealed[..index]).is_err(), "cut at {index}");
        }
        assert!(!format!("{:?}", DataCipher::new(ring)).contains("[1"));
    }

    #[test]
    fn a_record_moved_under_another_key_id_does_not_open_even_if_the_key_were_the_same() {
        let key = Zeroizing::new([1; 32]);
        let ring = Ring::new(KeyId(7), [(KeyId(7), &key), (KeyId(9), &key)].into_iter());
        let mut sealed = ring.seal("a", b"x").unwrap();
        sealed[4] = 9;
        assert_eq!(key_of(&sealed), Some(KeyId(9)));
        assert!(ring.open("a", &sealed).is_err());
    }

    #[test]
    fn nonces_do_not_repeat() {
        let ring = ring();
        let nonces: std::collections::BTreeSet<Vec<u8>> =
            (0..1000).map(|_| ring.seal("a", b"").unwrap()[5..HEAD].to_vec()).collect();
        assert_eq!(nonces.len(), 1000);
    }
}
