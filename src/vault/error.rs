//! What can go wrong with the vault. No message holds a secret, a key or a passphrase.

use std::io;
use std::path::PathBuf;

use super::KeyId;
use crate::model::safe;

/// Why the vault or one of its records cannot be used. Nothing was changed unless the message says so.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No key is configured.
    #[error(
        "no key for the vault: set key_file (`tollgate init` makes one), give a systemd credential named tollgate.key, or set TOLLGATE_PASSPHRASE"
    )]
    NoKey,
    /// The key file is not there.
    #[error(
        "{}: the key file is not there; put back the one that the vault was made with (for a new installation `tollgate init` makes one)",
        shown(.0)
    )]
    KeyFileMissing(PathBuf),
    /// Others may read the key file.
    #[error("{}: others than its owner may use the key file (mode {mode:04o}); run: chmod 600 {}", shown(.path), shown(.path))]
    KeyFileMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file belongs to somebody else, who could replace it.
    #[error("{}: the key file belongs to user {owner}; it must belong to the user that runs tollgate, or to root", shown(.path))]
    KeyFileOwner {
        /// The file.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
    },
    /// The key file is not 32 bytes long.
    #[error("{}: a key file holds exactly 32 random bytes, this one {found}; make one with: head -c 32 /dev/urandom", shown(.path))]
    KeyFileSize {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// A key file is never overwritten.
    #[error("{}: is there already and is left as it is", shown(.0))]
    KeyFileExists(PathBuf),
    /// Too short to resist guessing.
    #[error("the passphrase is too short: at least {least} characters")]
    WeakPassphrase {
        /// The least number of characters.
        least: usize,
    },
    /// The key is another one.
    #[error(
        "{}: {key} does not open it: it is not what the vault was made with; nothing was changed, put the right one back",
        shown(.path)
    )]
    WrongKey {
        /// The vault.
        path: PathBuf,
        /// Which key was tried.
        key: String,
    },
    /// The vault wants another sort of key.
    #[error("{}: is locked with {wanted}, but {key} was given; nothing was changed", shown(.path))]
    OtherKind {
        /// The vault.
        path: PathBuf,
        /// What it is locked with.
        wanted: &'static str,
        /// Which key was given.
        key: String,
    },
    /// There is no vault yet.
    #[error("{}: there is no vault yet; `tollgate secret set NAME` makes it", shown(.0))]
    NotThere(PathBuf),
    /// The file is not as it was written.
    #[error("{}: is damaged or was altered ({what}); it was left untouched, put back a copy of it", shown(.path))]
    Damaged {
        /// The vault.
        path: PathBuf,
        /// Where it shows.
        what: String,
    },
    /// Written by a later version.
    #[error("{}: was written by a later version of tollgate (format {version}); it was left untouched, use that version", shown(.path))]
    Later {
        /// The vault.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// No such secret.
    #[error("{}: no secret has this name; known are {}{}", safe(.name), super::NAMES.join(", "), meant(.nearest))]
    UnknownName {
        /// The name as given.
        name: String,
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A secret that nobody has set.
    #[error("{name}: is not set; run `tollgate secret set {name}`, or set {variable}")]
    NotSet {
        /// The secret.
        name: &'static str,
        /// The variable that sets it too.
        variable: String,
    },
    /// A value that cannot be a secret.
    #[error("{name}: {what}; nothing was changed")]
    BadValue {
        /// The secret.
        name: String,
        /// What is wrong with the value.
        what: &'static str,
    },
    /// A record does not open.
    #[error("{}: the encrypted record {what}", safe(.name))]
    Record {
        /// The record.
        name: String,
        /// Why.
        what: String,
    },
    /// The data key is still needed.
    #[error("data key {id} is {why} and is kept")]
    KeyInUse {
        /// The key.
        id: KeyId,
        /// What it is needed for.
        why: &'static str,
    },
    /// Only a key file can be replaced in place.
    #[error("{0} cannot be replaced in place; give the new key beside the old one")]
    NotInPlace(String),
    /// A file could not be read or written.
    #[error("{}: cannot {doing}: {source}", shown(.path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers, so nothing can be encrypted")]
    NoRandomness,
    /// Key derivation failed, for want of memory for example.
    #[error("the key cannot be derived from the passphrase: {0}")]
    Derivation(String),
    /// A prompt without an answer.
    #[error("{name}: {what}; nothing was changed")]
    NoAnswer {
        /// What was asked for.
        name: String,
        /// Why there is none.
        what: &'static str,
    },
}

fn shown(path: &std::path::Path) -> String {
    safe(&path.to_string_lossy()).into_owned()
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}
