//! The key-encryption key: where it comes from, and how it wraps data keys.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aes_gcm::aead::Generate;
use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::VaultError;
use super::cipher::seal_with;
use crate::model::{Secret, safe};

/// Shortest passphrase for a new vault, in characters.
const LEAST_PASSPHRASE: usize = 12;
/// Name of the systemd credential.
const CREDENTIAL: &str = "tollgate.key";

/// Thirty-two bytes that are zeroed when dropped.
pub(super) type Bytes32 = Zeroizing<[u8; 32]>;

/// Where the key-encryption key comes from.
#[derive(Clone)]
pub enum KeySource {
    /// A file of 32 random bytes that only its owner may read.
    File(PathBuf),
    /// The same, handed over by systemd.
    Credential(PathBuf),
    /// A passphrase, stretched with Argon2id.
    Passphrase(Secret),
}

impl KeySource {
    /// The configured key file if it is there, else the systemd credential `tollgate.key` in `$CREDENTIALS_DIRECTORY`, else
    /// `TOLLGATE_PASSPHRASE`.
    pub fn find(key_file: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<KeySource, VaultError> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        // A file that may be there but cannot be reached is told when it is read, not passed over.
        let there = |path: &Path| !matches!(path.metadata(), Err(e) if e.kind() == io::ErrorKind::NotFound);
        if let Some(path) = key_file.filter(|path| there(path)) {
            return Ok(KeySource::File(path.to_owned()));
        }
        if let Some(path) =
            set("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(CREDENTIAL)).filter(|path| there(path))
        {
            return Ok(KeySource::Credential(path));
        }
        if let Some(passphrase) = set("TOLLGATE_PASSPHRASE") {
            return Ok(KeySource::Passphrase(Secret::new(passphrase)));
        }
        Err(key_file.map_or(VaultError::NoKey, |path| VaultError::KeyFileMissing(path.to_owned())))
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        match self {
            KeySource::File(path) => format!("the key file {}", safe(&path.to_string_lossy())),
            KeySource::Credential(path) => format!("the systemd credential {}", safe(&path.to_string_lossy())),
            KeySource::Passphrase(_) => "the passphrase".to_owned(),
        }
    }

    pub(super) fn opens(&self, kind: Kind) -> bool {
        self.kind() == kind
    }

    /// The lock that opens with this key.
    fn kind(&self) -> Kind {
        match self {
            KeySource::File(_) | KeySource::Credential(_) => Kind::Key,
            KeySource::Passphrase(_) => Kind::Passphrase,
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

/// How a lock is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// By 32 random bytes.
    Key,
    /// By a passphrase.
    Passphrase,
}

impl Kind {
    pub fn describe(self) -> &'static str {
        match self {
            Kind::Key => "a key file or systemd credential",
            Kind::Passphrase => "a passphrase",
        }
    }
}

/// What tells a lock from another and derives its key; stored in the open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    pub kind: Kind,
    /// Eight bytes of a hash of the key: tells a wrong key from a damaged file, and nothing about the key.
    pub check: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argon2id: Option<Stretch>,
}

/// Argon2id with its parameters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stretch {
    salt: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Stretch {
    fn new() -> Result<Self, VaultError> {
        let salt = <[u8; 16]>::try_generate().map_err(|_| VaultError::NoRandomness)?;
        Ok(Stretch { salt: BASE64.encode(&salt), memory_kib: 64 * 1024, passes: 3, lanes: 1 })
    }

    /// Parameters from a file are bounded: an altered one must neither weaken the key nor eat the machine.
    fn derive(&self, passphrase: &Secret) -> Result<Bytes32, VaultError> {
        let within = (64 * 1024..=1024 * 1024).contains(&self.memory_kib)
            && (1..=64).contains(&self.passes)
            && (1..=16).contains(&self.lanes);
        if !within {
            return Err(VaultError::Derivation("the stored parameters are out of bounds".to_owned()));
        }
        let failed = |error: argon2::Error| VaultError::Derivation(error.to_string());
        let salt = BASE64
            .decode(self.salt.as_bytes())
            .map_err(|_| VaultError::Derivation("the stored salt is damaged".to_owned()))?;
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(failed)?;
        let mut key = Bytes32::default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), &salt, key.as_mut_slice())
            .map_err(failed)?;
        Ok(key)
    }
}

/// A key-encryption key in use. It has no `Debug`.
#[derive(Clone)]
pub(super) struct Kek {
    pub lock: Lock,
    key: Bytes32,
}

impl Kek {
    /// The key of a source for a new lock.
    pub fn new(source: &KeySource) -> Result<Kek, VaultError> {
        match source {
            KeySource::File(path) => Ok(Self::of_bytes(read_key_file(path, 0o077)?)),
            // systemd may grant it to the service's user by an access list, which shows as group permissions.
            KeySource::Credential(path) => Ok(Self::of_bytes(read_key_file(path, 0o007)?)),
            KeySource::Passphrase(passphrase) => {
                if passphrase.expose().chars().count() < LEAST_PASSPHRASE {
                    return Err(VaultError::WeakPassphrase { least: LEAST_PASSPHRASE });
                }
                let stretch = Stretch::new()?;
                let key = stretch.derive(passphrase)?;
                let lock = Lock { kind: Kind::Passphrase, check: check_of(&key), argon2id: Some(stretch) };
                Ok(Kek { lock, key })
            }
        }
    }

    pub fn of_bytes(key: Bytes32) -> Kek {
        Kek { lock: Lock { kind: Kind::Key, check: check_of(&key), argon2id: None }, key }
    }

    /// The key of a source that opens one of the locks, and which; `None` if it opens none of its kind.
    pub fn opening<'a>(source: &KeySource, locks: impl Iterator<Item = &'a Lock>) -> Result<Option<Kek>, VaultError> {
        let mut plain = None;
        for lock in locks.filter(|lock| lock.kind == source.kind()) {
            let key = match (source, &lock.argon2id) {
                (KeySource::Passphrase(passphrase), Some(stretch)) => stretch.derive(passphrase)?,
                (KeySource::Passphrase(_), None) => continue,
                _ => {
                    if plain.is_none() {
                        plain = Some(Self::new(source)?.key);
                    }
                    match &plain {
                        Some(key) => key.clone(),
                        None => continue,
                    }
                }
            };
            if check_of(&key) == lock.check {
                return Ok(Some(Kek { lock: lock.clone(), key }));
            }
        }
        Ok(None)
    }

    /// Encrypts a data key under its name.
    pub fn wrap(&self, id: &str, data_key: &Bytes32) -> Result<String, VaultError> {
        let sealed = seal_with(&self.key, format!("tollgate data key\n{id}").as_bytes(), data_key.as_slice())?;
        Ok(BASE64.encode(&sealed))
    }

    /// Decrypts a data key; `None` if it was altered.
    pub fn unwrap(&self, id: &str, wrapped: &str) -> Option<Bytes32> {
        let sealed = BASE64.decode(wrapped.as_bytes()).ok()?;
        let plain = super::cipher::open_with(&self.key, format!("tollgate data key\n{id}").as_bytes(), &sealed)?;
        Some(Zeroizing::new(plain.as_slice().try_into().ok()?))
    }
}

fn check_of(key: &Bytes32) -> String {
    let digest = Sha256::new_with_prefix("tollgate key check\n").chain_update(key.as_slice()).finalize();
    HEXLOWER.encode(digest.get(..8).unwrap_or_default())
}

/// Fresh random bytes.
pub(super) fn random_key() -> Result<Bytes32, VaultError> {
    <[u8; 32]>::try_generate().map(Zeroizing::new).map_err(|_| VaultError::NoRandomness)
}

fn read_key_file(path: &Path, forbidden: u32) -> Result<Bytes32, VaultError> {
    let io = |source| VaultError::Io { path: path.to_owned(), doing: "read the key file", source };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(VaultError::KeyFileMissing(path.to_owned()));
        }
        file => file.map_err(io)?,
    };
    // Of the open file, so that what was judged is what is read.
    let about = file.metadata().map_err(io)?;
    if !about.is_file() {
        return Err(VaultError::KeyFileSize { path: path.to_owned(), found: "is no file".to_owned() });
    }
    if about.mode() & forbidden != 0 {
        return Err(VaultError::KeyFileMode { path: path.to_owned(), mode: about.mode() & 0o7777 });
    }
    let me = rustix::process::geteuid().as_raw();
    if me != 0 && about.uid() != me && about.uid() != 0 {
        return Err(VaultError::KeyFileOwner { path: path.to_owned(), owner: about.uid() });
    }
    if about.len() != 32 {
        return Err(VaultError::KeyFileSize { path: path.to_owned(), found: about.len().to_string() });
    }
    let mut key = Bytes32::default();
    file.read_exact(key.as_mut_slice()).map_err(io)?;
    Ok(key)
}

/// Makes a key file: 32 random bytes, mode 0600, on disk when this returns. Directories that are not there are made with
/// mode 0700. A file that is there already is an error and stays.
pub fn create_key_file(path: &Path) -> Result<(), VaultError> {
    let io = |source| VaultError::Io { path: path.to_owned(), doing: "make the key file", source };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(io)?;
    }
    write_key_file(path, &random_key()?)
}

pub(super) fn write_key_file(path: &Path, key: &Bytes32) -> Result<(), VaultError> {
    let io = |source| VaultError::Io { path: path.to_owned(), doing: "make the key file", source };
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(VaultError::KeyFileExists(path.to_owned()));
        }
        file => file.map_err(io)?,
    };
    file.write_all(key.as_slice()).and_then(|()| file.sync_all()).map_err(io)?;
    super::file::sync_directory_of(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_made_key_file_is_random_for_its_owner_only_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("a/b/one"), dir.path().join("two"));
        create_key_file(&one).unwrap();
        create_key_file(&two).unwrap();
        assert_eq!(std::fs::metadata(&one).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::metadata(dir.path().join("a")).unwrap().mode() & 0o777, 0o700);
        let before = std::fs::read(&one).unwrap();
        assert_eq!(before.len(), 32);
        assert_ne!(before, std::fs::read(&two).unwrap());
        assert!(matches!(create_key_file(&one), Err(VaultError::KeyFileExists(_))));
        assert_eq!(std::fs::read(&one).unwrap(), before);
    }

    #[test]
    fn a_key_file_that_others_may_use_or_of_another_size_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create_key_file(&path).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let message = Kek::new(&KeySource::File(path.clone())).err().unwrap().to_string();
            assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
        }
        for mode in [0o600, 0o400] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(Kek::new(&KeySource::File(path.clone())).is_ok());
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, [7; 33]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(Kek::new(&KeySource::File(path.clone())), Err(VaultError::KeyFileSize { .. })));
        assert!(matches!(Kek::new(&KeySource::File(dir.path().to_owned())), Err(VaultError::KeyFileSize { .. })));
    }

    #[test]
    fn the_key_file_comes_first_then_the_credential_then_the_passphrase() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let credentials = dir.path().join("credentials");
        create_key_file(&file).unwrap();
        create_key_file(&credentials.join("tollgate.key")).unwrap();
        let env = |name: &str| match name {
            "CREDENTIALS_DIRECTORY" => Some(credentials.display().to_string()),
            "TOLLGATE_PASSPHRASE" => Some("correct horse battery".to_owned()),
            _ => None,
        };
        let absent = dir.path().join("absent");
        assert!(matches!(KeySource::find(Some(&file), &env), Ok(KeySource::File(_))));
        assert!(matches!(KeySource::find(Some(&absent), &env), Ok(KeySource::Credential(_))));
        std::fs::remove_file(credentials.join("tollgate.key")).unwrap();
        let source = KeySource::find(None, &env).unwrap();
        assert!(matches!(source, KeySource::Passphrase(_)));
        assert!(!format!("{source:?}").contains("horse"));
        assert!(matches!(KeySource::find(Some(&absent), &|_| None), Err(VaultError::KeyFileMissing(_))));
        assert!(matches!(KeySource::find(None, &|_| None), Err(VaultError::NoKey)));
    }
}
