//! Marks of bank and payment values: whether one changed is seen by a keyed digest, and what is shown of it is masked.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::VaultError;
use super::key::{Bytes32, random_key};
use crate::model::{PaymentItem, PaymentMark, Text};

/// Block of SHA-256, for the keyed digest (RFC 2104).
const BLOCK: usize = 64;
/// What stands for what is hidden.
const HIDDEN: &str = "••••";

/// Makes marks with one key. Without the key a digest says nothing, though there are few account numbers. Cheap to clone.
#[derive(Clone)]
pub struct PaymentMarker(Arc<Bytes32>);

impl PaymentMarker {
    /// A new random key, to be kept sealed: with another one every value would look changed.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub fn new_key() -> Result<Zeroizing<[u8; 32]>, VaultError> {
        random_key()
    }

    /// A marker with a kept key; `None` where it is none.
    pub fn of(key: &[u8]) -> Option<PaymentMarker> {
        Some(PaymentMarker(Arc::new(Zeroizing::new(*key.first_chunk::<32>().filter(|_| key.len() == 32)?))))
    }

    /// The mark of a value. Blanks and punctuation in numbers make no difference.
    pub fn mark(&self, item: PaymentItem, value: &str) -> PaymentMark {
        let plain = Zeroizing::new(match is_number(item) {
            true => value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect::<String>(),
            false => value.split_whitespace().collect::<Vec<_>>().join(" "),
        });
        let full = self.keyed(&[item.word().as_bytes(), b"\n", plain.as_bytes()]);
        let mut digest = [0; 16];
        digest.iter_mut().zip(full).for_each(|(place, byte)| *place = byte);
        PaymentMark { masked: Text::new(masked(item, &plain)), digest }
    }

    fn keyed(&self, parts: &[&[u8]]) -> [u8; 32] {
        let padded = |with: u8| {
            let mut block = Zeroizing::new([with; BLOCK]);
            block.iter_mut().zip(self.0.iter()).for_each(|(place, byte)| *place ^= byte);
            block
        };
        let mut inner = Sha256::new();
        inner.update(*padded(0x36));
        parts.iter().for_each(|part| inner.update(part));
        let mut outer = Sha256::new();
        outer.update(*padded(0x5c));
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

impl fmt::Debug for PaymentMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentMarker(…)")
    }
}

fn is_number(item: PaymentItem) -> bool {
    matches!(item, PaymentItem::Account | PaymentItem::Routing | PaymentItem::Iban)
}

/// Of a number its last characters, never more than half of them; of names and addresses the first two letters of each word. The
/// method of payment is no secret.
fn masked(item: PaymentItem, value: &str) -> String {
    if item == PaymentItem::Method {
        return value.chars().take(40).collect();
    }
    if is_number(item) {
        let length = value.chars().count();
        let shown: String = value.chars().skip(length - (length / 2).min(4)).collect();
        return format!("{HIDDEN}{shown}");
    }
    let word = |word: &str| match word.chars().count() {
        0..=2 => word.to_owned(),
        _ => format!("{}••", word.chars().take(2).collect::<String>()),
    };
    value.split(' ').take(12).map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(byte: u8) -> PaymentMarker {
        PaymentMarker::of(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_mark_shows_a_change_and_little_of_the_value() {
        let old = marker(1).mark(PaymentItem::Account, "000 1234-04821");
        assert_eq!(old.masked.raw(), "••••4821");
        assert_eq!(old, marker(1).mark(PaymentItem::Account, "000123404821"), "another spelling is no change");
        assert_ne!(old.digest, marker(1).mark(PaymentItem::Account, "000123304821").digest, "though both end alike");
        assert_ne!(old.digest, marker(1).mark(PaymentItem::Routing, "000123404821").digest);
        assert_ne!(old.digest, marker(2).mark(PaymentItem::Account, "000123404821").digest, "keyed");
        assert_eq!(marker(1).mark(PaymentItem::Routing, "123").masked.raw(), "••••3");
        assert_eq!(marker(1).mark(PaymentItem::PayeeName, " Halden  Factoring AS").masked.raw(), "Ha•• Fa•• AS");
        assert_eq!(format!("{:?}", marker(1)), "PaymentMarker(…)");
    }

    #[test]
    fn the_digest_is_the_keyed_one_of_rfc_4231() {
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let digest = PaymentMarker::of(&key).unwrap().keyed(&[b"Hi There"]);
        let known = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(data_encoding::HEXLOWER.encode(&digest), known);
        assert!(PaymentMarker::of(&[0; 31]).is_none() && PaymentMarker::of(&[0; 33]).is_none());
    }
}
