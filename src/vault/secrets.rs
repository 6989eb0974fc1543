//! The vault itself: opening, secrets, rotation.

use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE64;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::VaultError;
use super::cipher::{DataCipher, KeyId, Ring};
use super::file::{self, DirectoryLock, Kept, Opened, step};
use super::key::{self, Kek, KeySource};
use super::names::{NAMES, known_name, variable_of};
use crate::model::Secret;

/// How variables of the environment are looked up.
type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Credentials, and the keys of everything encrypted in a data directory.
///
/// Every change locks the data directory, reads the file anew, and replaces it; a change made beside a running engine is
/// seen there after [`Vault::reload`].
pub struct Vault {
    data_dir: PathBuf,
    source: KeySource,
    env: Lookup,
    opened: Opened,
    cipher: DataCipher,
}

/// Where a secret comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretSource {
    /// From `vault.toml`.
    Vault,
    /// From a variable, which wins over the vault.
    Environment,
    /// It is not set.
    Missing,
}

/// What may be told about a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretInfo {
    /// Its name.
    pub name: &'static str,
    /// The variable that sets it too.
    pub variable: String,
    /// When it was put into the vault, if it is there.
    pub set_at: Option<Timestamp>,
    /// Which one is used.
    pub source: SecretSource,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({}, {:?})", file::path_in(&self.data_dir).display(), self.source)
    }
}

impl Vault {
    /// Whether a data directory has a vault.
    pub fn exists(data_dir: &Path) -> bool {
        file::path_in(data_dir).exists()
    }

    /// Opens the vault of a data directory. Variables of the process win over its secrets; see [`Vault::with_environment`].
    pub fn open(data_dir: &Path, source: KeySource) -> Result<Vault, VaultError> {
        let opened = Opened::read(data_dir, &source, None)?;
        Ok(Self::of(data_dir, source, opened))
    }

    /// The same, but makes the vault (and the data directory, mode 0700) where there is none. A vault that is there and does
    /// not open is an error as ever.
    pub fn open_or_create(data_dir: &Path, source: KeySource, now: Timestamp) -> Result<Vault, VaultError> {
        let io = |source| VaultError::Io { path: data_dir.to_owned(), doing: "make the data directory", source };
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(io)?;
        let _lock = DirectoryLock::take(data_dir)?;
        let opened = match Opened::read(data_dir, &source, None) {
            Err(VaultError::NotThere(_)) => {
                let mut opened = Opened::new(Kek::new(&source)?, now)?;
                opened.write(data_dir, None)?;
                opened
            }
            opened => opened?,
        };
        Ok(Self::of(data_dir, source, opened))
    }

    fn of(data_dir: &Path, source: KeySource, opened: Opened) -> Vault {
        let cipher = DataCipher::new(ring(&opened));
        let env: Lookup = Arc::new(|name| std::env::var(name).ok());
        Vault { data_dir: data_dir.to_owned(), source, env, opened, cipher }
    }

    /// Looks variables up elsewhere than in the process.
    pub fn with_environment(mut self, env: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Vault {
        self.env = Arc::new(env);
        self
    }

    /// The cipher of records. It follows later rotations and reloads of this vault.
    pub fn cipher(&self) -> DataCipher {
        self.cipher.clone()
    }

    /// Reads the file again, after another process changed it. On an error everything stays as it was.
    pub fn reload(&mut self) -> Result<(), VaultError> {
        let opened = Opened::read(&self.data_dir, &self.source, Some(&self.opened.kek))?;
        self.take(opened);
        Ok(())
    }

    fn take(&mut self, opened: Opened) {
        self.cipher.replace(ring(&opened));
        self.opened = opened;
    }

    /// Locks, reads, changes, writes. What `change` refuses is not written.
    fn change<T>(&mut self, change: impl FnOnce(&mut Opened) -> Result<T, VaultError>) -> Result<T, VaultError> {
        let _lock = DirectoryLock::take(&self.data_dir)?;
        let mut opened = Opened::read(&self.data_dir, &self.source, Some(&self.opened.kek))?;
        let result = change(&mut opened)?;
        opened.write(&self.data_dir, None)?;
        self.take(opened);
        Ok(result)
    }

    /// A secret: of its variable, else of the vault; `None` if neither has it.
    pub fn get(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        let name = known_name(name)?;
        if let Some(secret) = self.environment_secret(name) {
            return Ok(Some(secret));
        }
        let Some(kept) = self.opened.contents.secret.get(name) else { return Ok(None) };
        opened_secret(&self.cipher.ring(), name, kept).map(Some)
    }

    /// A secret that must be there; the error says how to set it.
    pub fn require(&self, name: &str) -> Result<Secret, VaultError> {
        let name = known_name(name)?;
        self.get(name)?.ok_or_else(|| VaultError::NotSet { name, variable: variable_of(name) })
    }

    fn environment_secret(&self, name: &str) -> Option<Secret> {
        (self.env)(&variable_of(name)).filter(|value| !value.is_empty()).map(Secret::new)
    }

    /// Keeps a secret; the one before is gone.
    pub fn set(&mut self, name: &str, secret: &Secret, now: Timestamp) -> Result<(), VaultError> {
        let name = known_name(name)?;
        let bad = |what| VaultError::BadValue { name: name.to_owned(), what };
        if secret.expose().is_empty() {
            return Err(bad("an empty value is no secret"));
        }
        // Neither an HTTP form nor XML carries them, and they are mostly slips of a paste.
        if secret.expose().chars().any(char::is_control) {
            return Err(bad("a secret of several lines or with control characters is not taken"));
        }
        self.change(|opened| {
            let sealed = ring(opened).seal(&record_name(name), secret.expose().as_bytes())?;
            let kept = Kept { set_at: now, sealed: BASE64.encode(&sealed) };
            opened.contents.secret.insert(name.to_owned(), kept);
            Ok(())
        })
    }

    /// Removes a secret; whether it was there.
    pub fn remove(&mut self, name: &str) -> Result<bool, VaultError> {
        let name = known_name(name)?;
        self.change(|opened| Ok(opened.contents.secret.remove(name).is_some()))
    }

    /// Every known secret, and where it comes from.
    pub fn list(&self) -> Vec<SecretInfo> {
        let info = |name: &'static str| {
            let set_at = self.opened.contents.secret.get(name).map(|kept| kept.set_at);
            let source = match (self.environment_secret(name), set_at) {
                (Some(_), _) => SecretSource::Environment,
                (None, Some(_)) => SecretSource::Vault,
                (None, None) => SecretSource::Missing,
            };
            SecretInfo { name, variable: variable_of(name), set_at, source }
        };
        NAMES.into_iter().map(info).collect()
    }

    /// Wraps the data keys with another key, in one replacement of the file: before it the old key opens the vault, after it
    /// the new one.
    pub fn rotate_key(&mut self, new: KeySource) -> Result<(), VaultError> {
        let kek = Kek::new(&new)?;
        self.change(|opened| {
            opened.kek = kek;
            Ok(())
        })?;
        self.source = new;
        Ok(())
    }

    /// Replaces the key file by a new one. Killed at any step, the file at its path opens the vault: until the new file has
    /// its name, the vault has a lock for each.
    pub fn rotate_key_file(&mut self) -> Result<(), VaultError> {
        let KeySource::File(path) = &self.source else { return Err(VaultError::NotInPlace(self.source.describe())) };
        let io = |source| VaultError::Io { path: path.clone(), doing: "replace the key file", source };
        // The file itself and not a link to it.
        let path = path.canonicalize().map_err(io)?;
        let mut beside = path.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let _lock = DirectoryLock::take(&self.data_dir)?;
        let mut opened = Opened::read(&self.data_dir, &self.source, Some(&self.opened.kek))?;
        // A leftover of a rotation that was cut off has opened nothing, or lost its lock with the next writing.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let key = key::random_key()?;
        key::write_key_file(&beside, &key)?;
        std::fs::File::open(&beside).and_then(|file| file::own_like(&file, &path)).map_err(io)?;
        step("new key file written");
        let kek = Kek::of_bytes(key);
        opened.write(&self.data_dir, Some(&kek))?;
        step("both locks written");
        std::fs::rename(&beside, &path).map_err(io)?;
        step("key file renamed");
        file::sync_directory_of(&path)?;
        opened.kek = kek;
        opened.write(&self.data_dir, None)?;
        self.take(opened);
        Ok(())
    }

    /// Makes a new data key current and encrypts the secrets with it. Old keys stay until [`Vault::forget_key`], so that
    /// records elsewhere can be encrypted again one by one, in any number of runs. Returns the new key.
    pub fn rotate_data(&mut self, now: Timestamp) -> Result<KeyId, VaultError> {
        self.change(|opened| {
            let before = ring(opened);
            let mut id = KeyId::random()?;
            while opened.keys.contains_key(&id) {
                id = KeyId::random()?;
            }
            opened.keys.insert(id, key::random_key()?);
            opened.contents.made.insert(id, now);
            opened.contents.current = id;
            let after = ring(opened);
            for (name, kept) in &mut opened.contents.secret {
                let secret = opened_secret(&before, name, kept)?;
                kept.sealed = BASE64.encode(&after.seal(&record_name(name), secret.expose().as_bytes())?);
            }
            Ok(id)
        })
    }

    /// Keys that are kept only for records not yet encrypted again; not empty while a rotation of the data is unfinished.
    pub fn old_keys(&self) -> Vec<KeyId> {
        self.opened.keys.keys().copied().filter(|id| *id != self.opened.contents.current).collect()
    }

    /// Drops an old data key for good: whatever is still encrypted with it is lost. The current key and one that a secret
    /// needs are kept, with an error. Whether it was there.
    pub fn forget_key(&mut self, id: KeyId) -> Result<bool, VaultError> {
        self.change(|opened| {
            if opened.contents.current == id {
                return Err(VaultError::KeyInUse { id, why: "the current one" });
            }
            let cipher = DataCipher::new(ring(opened));
            let needed = |kept: &Kept| {
                BASE64.decode(kept.sealed.as_bytes()).is_ok_and(|sealed| cipher.key_of(&sealed) == Some(id))
            };
            if opened.contents.secret.values().any(needed) {
                return Err(VaultError::KeyInUse { id, why: "needed for a secret" });
            }
            opened.contents.made.remove(&id);
            Ok(opened.keys.remove(&id).is_some())
        })
    }
}

fn ring(opened: &Opened) -> Ring {
    Ring::new(opened.contents.current, opened.keys.iter().map(|(id, key)| (*id, key)))
}

fn record_name(name: &str) -> String {
    format!("secret/{name}")
}

fn opened_secret(ring: &Ring, name: &str, kept: &Kept) -> Result<Secret, VaultError> {
    let damaged = || VaultError::Record { name: record_name(name), what: "is damaged".to_owned() };
    let sealed = BASE64.decode(kept.sealed.as_bytes()).map_err(|_| damaged())?;
    let mut plain = Zeroizing::new(ring.open(&record_name(name), &sealed)?);
    match String::from_utf8(std::mem::take(&mut *plain)) {
        Ok(text) => Ok(Secret::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(damaged())
        }
    }
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
