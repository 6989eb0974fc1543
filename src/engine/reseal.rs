//! Encrypting the raw documents anew after the data key was rotated: piece by piece, so that it can be cut off anywhere.
//!
//! What is done stays done: a piece is one commit, and the next run passes over what the current key opens. The old key is
//! forgotten only once nothing needs it.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::build::BuildError;
use super::core::{Engine, lock};
use super::vendors::PAYMENT_KEY;
use crate::model::{Actor, Timestamp};
use crate::posting::raw_name;
use crate::seams::Guards;
use crate::store::{Entry, Meta, Store, StoreError, at};
use crate::vault::{DataCipher, KeyId, Vault};

/// Documents in one commit.
const PIECE: usize = 500;
/// And bytes: raw documents of ten thousand lines are large.
const PIECE_BYTES: usize = 4 << 20;

/// What encrypting anew came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resealed {
    /// Raw documents that are now under the current key and were not before.
    pub renewed: u64,
    /// Raw documents that do not open, each with its key and why. They stay as they are, and so does the data key they name.
    pub unreadable: Vec<String>,
    /// Whether it went through to the end; otherwise the next run goes on.
    pub complete: bool,
    needed: BTreeSet<KeyId>,
}

/// Encrypts the raw documents of a store without an engine and forgets the old keys. The caller holds the lock.
///
/// # Errors
/// The store or the vault cannot be written; what was done until then stays done.
pub async fn reseal(store: &Store, vault: &mut Vault, who: Actor, at: Timestamp) -> Result<Resealed, BuildError> {
    let done = walk(store, &vault.cipher(), &CancellationToken::new()).await?;
    let forgotten = forget(vault, &done)?;
    note(store, who, at, &done, &forgotten).await?;
    Ok(done)
}

impl<G: Guards> Engine<G> {
    /// Where a rotation of the data is unfinished, goes on with it beside everything else. Whether there is one.
    pub(super) fn reseal_in_background(&self) -> bool {
        if lock(&self.inner.vault).old_keys().is_empty() {
            return false;
        }
        let engine = self.clone();
        self.spawn("reseal", async move {
            if let Err(error) = engine.reseal().await {
                tracing::error!(%error, "raw documents could not be encrypted anew; it goes on at the next start");
            }
        });
        true
    }

    async fn reseal(&self) -> Result<(), BuildError> {
        let _one_at_a_time = self.inner.resealing.lock().await;
        let cipher = {
            let vault = lock(&self.inner.vault);
            if vault.old_keys().is_empty() {
                return Ok(());
            }
            vault.cipher()
        };
        let done = walk(&self.inner.store, &cipher, &self.inner.stop).await?;
        if !done.complete {
            return Ok(());
        }
        // A round of evaluation that is under way may still hold documents as they were: it ends first.
        let mut evaluated = self.inner.evaluated.subscribe();
        self.inner.evaluate.notify_one();
        tokio::select! {
            biased;
            ended = evaluated.changed() => if ended.is_err() { return Ok(()) },
            () = self.inner.stop.cancelled() => return Ok(()),
        }
        self.inner.store.still_held()?;
        let forgotten = forget(&mut lock(&self.inner.vault), &done)?;
        note(&self.inner.store, Actor::Engine, self.inner.seams.clock.now(), &done, &forgotten).await?;
        tracing::info!(documents = done.renewed, "raw documents are encrypted with the current data key");
        for which in &done.unreadable {
            tracing::error!("a raw document does not open, its data key is kept: {which}");
        }
        Ok(())
    }
}

/// Goes through all raw versions. The cipher must know the new key already.
async fn walk(store: &Store, cipher: &DataCipher, stop: &CancellationToken) -> Result<Resealed, StoreError> {
    let mut done = Resealed::default();
    // Whatever was sealed before the new key came is in the store behind this commit, or seals itself anew.
    store.write(at::SealBarrier, |_| Ok(())).await?;
    let mut after = None;
    loop {
        if stop.is_cancelled() {
            return Ok(done);
        }
        let for_piece = cipher.clone();
        let piece = store.read(move |reader| look(reader.raw_after(after, PIECE, PIECE_BYTES)?, &for_piece)).await?;
        let Some(last) = piece.last else { break };
        after = Some(last);
        done.unreadable.extend(piece.unreadable);
        done.needed.extend(piece.needed);
        if piece.renewed.is_empty() {
            continue;
        }
        done.renewed += store
            .write(at::Resealed, move |tx| {
                let mut count = 0u64;
                for (id, version, seen, sealed) in &piece.renewed {
                    count += u64::from(tx.replace_raw(*id, *version, seen, sealed)?);
                }
                Ok(count)
            })
            .await?;
    }
    let for_key = cipher.clone();
    let key = store
        .write(at::Resealed, move |tx| {
            let Some(sealed) = tx.meta::<Vec<u8>>(Meta::PaymentKey)? else { return Ok(None) };
            match for_key.renew(PAYMENT_KEY, &sealed) {
                Ok(None) => Ok(None),
                Ok(Some(renewed)) => tx.put_meta(Meta::PaymentKey, &renewed).map(|()| None),
                Err(error) => Ok(Some((for_key.key_of(&sealed), error.to_string()))),
            }
        })
        .await?;
    if let Some((needed, what)) = key {
        done.needed.extend(needed);
        done.unreadable.push(format!("the key of the payment marks: {what}"));
    }
    done.complete = true;
    Ok(done)
}

/// A piece: what is to be replaced, and how far it goes.
#[derive(Default)]
struct Piece {
    last: Option<(u64, u32)>,
    renewed: Vec<(crate::model::DocumentId, u32, Vec<u8>, Vec<u8>)>,
    unreadable: Vec<String>,
    needed: BTreeSet<KeyId>,
}

fn look(records: Vec<crate::store::RawRecord>, cipher: &DataCipher) -> Result<Piece, StoreError> {
    let mut piece = Piece::default();
    for record in records {
        piece.last = Some((record.id.0, record.version));
        match cipher.renew(&raw_name(&record.key), &record.sealed) {
            Ok(None) => {}
            Ok(Some(sealed)) => piece.renewed.push((record.id, record.version, record.sealed, sealed)),
            Err(error) => {
                piece.needed.extend(cipher.key_of(&record.sealed));
                piece.unreadable.push(format!("document {}: {error}", record.id));
            }
        }
    }
    Ok(piece)
}

/// Forgets the old keys that nothing needs any more.
fn forget(vault: &mut Vault, done: &Resealed) -> Result<Vec<KeyId>, BuildError> {
    let mut forgotten = Vec::new();
    for id in vault.old_keys() {
        if done.complete && !done.needed.contains(&id) && vault.forget_key(id)? {
            forgotten.push(id);
        }
    }
    Ok(forgotten)
}

async fn note(
    store: &Store,
    who: Actor,
    at: Timestamp,
    done: &Resealed,
    forgotten: &[KeyId],
) -> Result<(), StoreError> {
    let keys: Vec<String> = forgotten.iter().map(ToString::to_string).collect();
    let gone =
        if keys.is_empty() { "no key is forgotten".to_owned() } else { format!("forgotten: {}", keys.join(", ")) };
    let what = format!("{} raw documents encrypted with the new data key; {gone}", done.renewed);
    store.write(at::Noted, move |tx| tx.audit(&Entry::engine(at, who, "data_key_rotated", what))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DocumentId, DocumentKey, DocumentKind};
    use crate::store::{Mode, StoreError};
    use crate::vault::{KeySource, create_key_file};

    const DOCUMENTS: u64 = 1_203;

    fn key(id: u64) -> DocumentKey {
        DocumentKey::new("acme", DocumentKind::Invoice, &id.to_string())
    }

    fn open_vault(directory: &std::path::Path) -> Vault {
        Vault::open_or_create(directory, KeySource::File(directory.join("key")), Timestamp::UNIX_EPOCH).unwrap()
    }

    /// A data directory with so many documents, each in one raw version, under the first data key.
    async fn filled() -> (tempfile::TempDir, Store, Vault) {
        let temp = tempfile::tempdir().unwrap();
        create_key_file(&temp.path().join("key")).unwrap();
        let vault = open_vault(temp.path());
        let store = Store::open(temp.path(), 1 << 20, Mode::Inline, |_| {}).unwrap();
        let cipher = vault.cipher();
        let arrivals: Vec<_> = (1..=DOCUMENTS).map(|id| arrival(&cipher, id)).collect();
        let actor = Actor::Engine;
        store
            .write(at::Intake, move |tx| crate::posting::intake(tx, Timestamp::UNIX_EPOCH, &actor, &arrivals))
            .await
            .unwrap();
        (temp, store, vault)
    }

    fn arrival(cipher: &DataCipher, id: u64) -> crate::posting::Arrival {
        let what = crate::model::Text::new("made for the test".to_owned());
        let (sealed, hash) = crate::posting::seal_raw(cipher, &key(id), &plain(id)).unwrap();
        let read = Err(crate::jaggaer::Unreadable { what });
        crate::posting::Arrival { key: key(id), stamp: None, hash, sealed, read }
    }

    fn plain(id: u64) -> Vec<u8> {
        format!("{{\"invoiceId\": {id}}}").into_bytes()
    }

    fn every_document_opens(store: &Store, vault: &Vault) {
        let cipher = vault.cipher();
        for id in 1..=DOCUMENTS {
            let sealed = store.read_now(|reader| reader.raw(DocumentId(id), 1)).unwrap().unwrap();
            assert_eq!(crate::posting::unseal_raw(&cipher, &key(id), &sealed), Ok(plain(id)));
        }
    }

    fn under(store: &Store, cipher: &DataCipher, id: KeyId) -> usize {
        let all = store.read_now(|reader| reader.raw_after(None, usize::MAX, usize::MAX)).unwrap();
        all.iter().filter(|record| cipher.key_of(&record.sealed) == Some(id)).count()
    }

    #[tokio::test]
    async fn a_rotation_cut_off_between_two_pieces_goes_on_where_it_was_and_then_the_old_key_is_gone() {
        let (temp, store, mut vault) = filled().await;
        let old = vault.cipher().current();
        let new = vault.rotate_data(Timestamp::UNIX_EPOCH).unwrap();
        assert!(std::fs::read_to_string(temp.path().join("vault.toml")).unwrap().contains(&old.to_string()));
        // The first piece is committed, then the process dies: nothing of it but the files is left.
        let cipher = vault.cipher();
        let piece = store.read_now(|reader| look(reader.raw_after(None, PIECE, usize::MAX)?, &cipher)).unwrap();
        store
            .write(at::Resealed, move |tx| {
                for (id, version, seen, sealed) in &piece.renewed {
                    assert!(tx.replace_raw(*id, *version, seen, sealed)?);
                }
                Ok::<(), StoreError>(())
            })
            .await
            .unwrap();
        store.close();
        drop((store, vault));

        let mut vault = open_vault(temp.path());
        let store = Store::open(temp.path(), 1 << 20, Mode::Inline, |_| {}).unwrap();
        assert_eq!(vault.old_keys(), [old]);
        every_document_opens(&store, &vault);
        assert_eq!(under(&store, &vault.cipher(), new), PIECE);
        let done = reseal(&store, &mut vault, Actor::Engine, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!((done.renewed, done.unreadable.len()), (DOCUMENTS - PIECE as u64, 0));
        assert_eq!(under(&store, &vault.cipher(), new) as u64, DOCUMENTS);
        assert!(!std::fs::read_to_string(temp.path().join("vault.toml")).unwrap().contains(&old.to_string()));
        every_document_opens(&store, &open_vault(temp.path()));
    }

    #[tokio::test]
    async fn the_key_of_the_payment_marks_goes_with_the_rotation_and_marks_the_same() {
        let (temp, store, mut vault) = filled().await;
        let key = crate::vault::PaymentMarker::new_key().unwrap();
        let sealed = vault.cipher().seal(PAYMENT_KEY, key.as_slice()).unwrap();
        store.write(at::PaymentKeyMade, move |tx| tx.put_meta(Meta::PaymentKey, &sealed)).await.unwrap();
        let new = vault.rotate_data(Timestamp::UNIX_EPOCH).unwrap();
        let done = reseal(&store, &mut vault, Actor::Engine, Timestamp::UNIX_EPOCH).await.unwrap();
        assert!(done.unreadable.is_empty() && vault.old_keys().is_empty(), "{done:?}");
        let sealed: Vec<u8> = store.read_now(|reader| reader.meta(Meta::PaymentKey)).unwrap().unwrap();
        let cipher = open_vault(temp.path()).cipher();
        assert_eq!(cipher.key_of(&sealed), Some(new));
        assert_eq!(cipher.open(PAYMENT_KEY, &sealed).unwrap(), key.as_slice());
    }

    #[tokio::test]
    async fn the_key_of_a_document_that_does_not_open_is_kept() {
        let (_temp, store, mut vault) = filled().await;
        let old = vault.cipher().current();
        let mut sealed = store.read_now(|reader| reader.raw(DocumentId(7), 1)).unwrap().unwrap();
        *sealed.last_mut().unwrap() ^= 1;
        store.write(at::Intake, move |tx| tx.put_raw(DocumentId(7), 1, &sealed)).await.unwrap();
        vault.rotate_data(Timestamp::UNIX_EPOCH).unwrap();
        let done = reseal(&store, &mut vault, Actor::Engine, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!((done.renewed, done.unreadable.len()), (DOCUMENTS - 1, 1));
        assert!(done.unreadable[0].starts_with("document 7: "), "{:?}", done.unreadable);
        assert_eq!(vault.old_keys(), [old]);
    }
}
