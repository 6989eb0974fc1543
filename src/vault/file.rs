//! `vault.toml`: its shape, its seal, and how it is replaced so that a kill at any instant leaves one whole file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use jiff::Timestamp;
use rustix::fs::{FlockOperation, Gid, Uid};
use serde::{Deserialize, Serialize};

use super::cipher::{KeyId, open_with, seal_with};
use super::key::{Bytes32, Kek, KeySource, Lock};
use super::{VaultError, key};

const FILE: &str = "vault.toml";
const FORMAT: u32 = 1;
const HEADER: &str = "# The vault of tollgate: wrapped data keys and encrypted secrets. Change it with `tollgate secret` only:\n\
                      # it is sealed as a whole, and an altered one is refused. Keep a copy of it with the data directory.\n";

/// What stands in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    version: u32,
    /// The data key that new records are encrypted with.
    pub current: KeyId,
    /// When each data key was made.
    pub made: BTreeMap<KeyId, Timestamp>,
    /// The data keys wrapped, once for each lock; two locks only while a key file is being replaced.
    wrapping: Vec<Wrapping>,
    #[serde(default)]
    pub secret: BTreeMap<String, Kept>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapping {
    #[serde(rename = "lock")]
    lock: Lock,
    keys: BTreeMap<KeyId, String>,
}

/// A secret as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub set_at: Timestamp,
    pub sealed: String,
}

/// An opened vault file: its contents, the data keys, and the key that opened it.
pub(super) struct Opened {
    pub contents: Contents,
    pub keys: BTreeMap<KeyId, Bytes32>,
    pub kek: Kek,
}

pub(super) fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

impl Opened {
    /// A new vault with one data key; nothing is written yet.
    pub fn new(kek: Kek, now: Timestamp) -> Result<Opened, VaultError> {
        let (id, key) = (KeyId::random()?, key::random_key()?);
        let contents = Contents {
            version: FORMAT,
            current: id,
            made: BTreeMap::from([(id, now)]),
            wrapping: Vec::new(),
            secret: BTreeMap::new(),
        };
        Ok(Opened { contents, keys: BTreeMap::from([(id, key)]), kek })
    }

    /// Reads and opens the file. `known` spares the derivation of a key that is still the right one.
    pub fn read(data_dir: &Path, source: &KeySource, known: Option<&Kek>) -> Result<Opened, VaultError> {
        let path = path_in(data_dir);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(VaultError::NotThere(path)),
            Err(source) => return Err(VaultError::Io { path, doing: "read", source }),
            Ok(text) => text,
        };
        let damaged = |what: &str| VaultError::Damaged { path: path.clone(), what: what.to_owned() };
        let text = String::from_utf8(text).map_err(|_| damaged("it is not text"))?;
        let (seal, body) = unsealed(&text).ok_or_else(|| damaged("its seal is missing"))?;
        let table: toml::Table = body.parse().map_err(|_| damaged("it is not TOML"))?;
        let version = table.get("version").and_then(toml::Value::as_integer).and_then(|v| u32::try_from(v).ok());
        match version {
            Some(FORMAT) => {}
            Some(version) if version > FORMAT => return Err(VaultError::Later { path, version }),
            _ => return Err(damaged("its version is missing")),
        }
        let contents: Contents = table.try_into().map_err(|error: toml::de::Error| damaged(error.message()))?;
        let (kek, wrapping) = unlocked(&contents, source, known, &path)?;
        let mut keys = BTreeMap::new();
        for (id, wrapped) in &wrapping.keys {
            let key =
                kek.unwrap(&id.to_string(), wrapped).ok_or_else(|| damaged("a wrapped data key does not open"))?;
            keys.insert(*id, key);
        }
        let current = keys.get(&contents.current).ok_or_else(|| damaged("its current data key is missing"))?;
        open_with(current, &sealed_over(&body), &seal).ok_or_else(|| damaged("its seal is broken"))?;
        Ok(Opened { contents, keys, kek })
    }

    /// Replaces the file. Locks other than `also` and the one that opened it are dropped: they belong to a replacement of
    /// the key file that was cut off.
    pub fn write(&mut self, data_dir: &Path, also: Option<&Kek>) -> Result<(), VaultError> {
        let mut wrapping = Vec::new();
        for kek in std::iter::once(&self.kek).chain(also) {
            let mut keys = BTreeMap::new();
            for (id, key) in &self.keys {
                keys.insert(*id, kek.wrap(&id.to_string(), key)?);
            }
            wrapping.push(Wrapping { lock: kek.lock.clone(), keys });
        }
        self.contents.wrapping = wrapping;
        let path = path_in(data_dir);
        let body = toml::to_string(&self.contents).map_err(|error| VaultError::Io {
            path: path.clone(),
            doing: "write",
            source: io::Error::other(error),
        })?;
        let whole = format!("{HEADER}{body}");
        let current = self.keys.get(&self.contents.current).ok_or(VaultError::NoKey)?;
        let seal = BASE64.encode(&seal_with(current, &sealed_over(&whole), b"")?);
        replace(&path, format!("{HEADER}seal = \"{seal}\"\n{body}").as_bytes())
    }
}

fn unlocked<'a>(
    contents: &'a Contents,
    source: &KeySource,
    known: Option<&Kek>,
    path: &Path,
) -> Result<(Kek, &'a Wrapping), VaultError> {
    let of_lock = |lock: &Lock| contents.wrapping.iter().find(|wrapping| wrapping.lock == *lock);
    if let Some((kek, wrapping)) = known.and_then(|kek| Some((kek.clone(), of_lock(&kek.lock)?))) {
        return Ok((kek, wrapping));
    }
    let kek = Kek::opening(source, contents.wrapping.iter().map(|wrapping| &wrapping.lock))?;
    if let Some((kek, wrapping)) = kek.and_then(|kek| of_lock(&kek.lock).map(|wrapping| (kek, wrapping))) {
        return Ok((kek, wrapping));
    }
    let (path, key) = (path.to_owned(), source.describe());
    match contents.wrapping.first().map(|wrapping| wrapping.lock.kind) {
        Some(kind) if !source.opens(kind) => Err(VaultError::OtherKind { path, wanted: kind.describe(), key }),
        _ => Err(VaultError::WrongKey { path, key }),
    }
}

/// Takes the seal out of the text: the seal, and everything else, over which it is made.
fn unsealed(text: &str) -> Option<(Vec<u8>, String)> {
    let (head, rest) = text.split_once("seal = \"")?;
    let (seal, tail) = rest.split_once("\"\n")?;
    Some((BASE64.decode(seal.as_bytes()).ok()?, format!("{head}{tail}")))
}

fn sealed_over(body: &str) -> Vec<u8> {
    [b"tollgate vault\n", body.as_bytes()].concat()
}

/// Temporary file, sync, rename, sync of the directory. Whoever runs this, the file belongs to the directory's owner.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let io = |source| VaultError::Io { path: path.to_owned(), doing: "write", source };
    let temporary = path.with_extension("toml.new");
    // A leftover of a killed process; the lock on the directory keeps others away.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(io)?;
    step("temporary made");
    file.write_all(bytes).map_err(io)?;
    own_like(&file, path.parent().unwrap_or(Path::new("."))).map_err(io)?;
    file.sync_all().map_err(io)?;
    step("temporary written");
    std::fs::rename(&temporary, path).map_err(io)?;
    step("renamed");
    sync_directory_of(path)
}

/// Gives a new file to the owner of what is there: a command that root runs must not lock out the service's user.
pub(super) fn own_like(file: &File, model: &Path) -> io::Result<()> {
    let about = std::fs::metadata(model)?;
    if about.uid() != rustix::process::geteuid().as_raw() {
        rustix::fs::fchown(file, Some(Uid::from_raw(about.uid())), Some(Gid::from_raw(about.gid())))?;
    }
    Ok(())
}

/// Makes a rename or a new file in the directory durable.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), VaultError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let sync = || File::open(parent)?.sync_all();
    sync().map_err(|source| VaultError::Io { path: parent.to_owned(), doing: "sync", source })
}

/// Held while the vault is read, changed and written: commands work beside a running engine. Ends with the process.
pub(super) struct DirectoryLock {
    _directory: File,
}

impl DirectoryLock {
    pub fn take(data_dir: &Path) -> Result<Self, VaultError> {
        let io = |source| VaultError::Io { path: data_dir.to_owned(), doing: "lock", source };
        let directory = File::open(data_dir).map_err(io)?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&directory, FlockOperation::LockExclusive))
            .map_err(|error| io(error.into()))?;
        Ok(DirectoryLock { _directory: directory })
    }
}

/// A point at which a test kills the process.
pub(super) fn step(_name: &'static str) {
    #[cfg(test)]
    tests::AFTER_STEP.with_borrow_mut(|hook| {
        if let Some(hook) = hook {
            hook(_name);
        }
    });
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;

    type Hook = Box<dyn FnMut(&'static str)>;

    thread_local! {
        pub static AFTER_STEP: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }
}
