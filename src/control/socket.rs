//! The socket's file: where it may stand, whose it is, and what happens to one that was left behind.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Gid;
use tokio::net::UnixListener;

use super::person::group;

/// Bytes of a socket's path that the operating system takes (`sockaddr_un`, less the closing zero).
const MAX_PATH: usize = 107;

/// Why the engine cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The path is too long.
    #[error(
        "the path of the control socket has {length} bytes, and {MAX_PATH} are possible: {path}; set `socket` in [control] to a shorter path",
        path = .path.display()
    )]
    TooLong {
        /// Which path.
        path: PathBuf,
        /// Its bytes.
        length: usize,
    },
    /// An engine answers there.
    #[error("another engine answers on the control socket {}; stop it first, or give this one a data directory of its own", .0.display())]
    Live(PathBuf),
    /// Something else stands there.
    #[error("{} is there and is no socket; it is left untouched: move it away, or set `socket` in [control] to another path", .0.display())]
    NotASocket(PathBuf),
    /// Others could replace the socket.
    #[error("others may write into {}, so anybody could put a socket of their own in the place of the engine's; set its mode to 0750, or choose another directory", .0.display())]
    OpenDirectory(PathBuf),
    /// No such group.
    #[error("the group `{0}` of [control] is not known on this machine; create it, or correct the name")]
    UnknownGroup(String),
    /// The operating system refused.
    #[error("the control socket {path} cannot be set up: {what}: {source}", path = .path.display())]
    Io {
        /// Which path.
        path: PathBuf,
        /// Which step.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Whether the operating system takes a path of this length.
pub(super) fn fits(path: &Path) -> Result<(), BindError> {
    let length = path.as_os_str().len();
    if length > MAX_PATH { Err(BindError::TooLong { path: path.to_owned(), length }) } else { Ok(()) }
}

/// Listens on `path`; makes the directory where it is missing, replaces a socket that nobody answers on.
/// Needs the context of a tokio runtime.
pub(super) fn bind(path: &Path, group_name: Option<&str>) -> Result<UnixListener, BindError> {
    let at = |what: &'static str| move |source: io::Error| BindError::Io { path: path.to_owned(), what, source };
    fits(path)?;
    let gid = match group_name {
        Some(name) => Some(group(name).ok_or_else(|| BindError::UnknownGroup(name.to_owned()))?.gid),
        None => None,
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    prepare_directory(directory, gid).map_err(|error| match error {
        Prepare::Open => BindError::OpenDirectory(directory.to_owned()),
        Prepare::Io(what, source) => at(what)(source),
    })?;
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(at("listening"))?;
    // Until the mode is set, the directory and the check of the peer's user id keep others out.
    if let Some(gid) = gid {
        let gid = Some(Gid::from_raw(gid));
        rustix::fs::chown(path, None, gid).map_err(|e| at("giving the socket to the group")(e.into()))?;
    }
    let mode = if gid.is_some() { 0o660 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(at("setting the socket's mode"))?;
    Ok(listener)
}

enum Prepare {
    Open,
    Io(&'static str, io::Error),
}

/// A directory that is missing is made, 0700 or 0750 with the group. One that is there is left as it is, except that a private
/// one is opened to the group that the configuration names.
fn prepare_directory(directory: &Path, gid: Option<u32>) -> Result<(), Prepare> {
    let made = !directory.exists();
    if made {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|e| Prepare::Io("making its directory", e))?;
    }
    let meta = fs::metadata(directory).map_err(|e| Prepare::Io("looking at its directory", e))?;
    let mode = meta.mode() & 0o7777;
    // A sticky directory such as /tmp keeps others from replacing what is ours.
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        return Err(Prepare::Open);
    }
    let Some(gid) = gid else { return Ok(()) };
    let mine = meta.uid() == rustix::process::geteuid().as_raw();
    if mine && (made || mode & 0o077 == 0) {
        let gid = Some(Gid::from_raw(gid));
        rustix::fs::chown(directory, None, gid)
            .map_err(|e| Prepare::Io("giving its directory to the group", e.into()))?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o750))
            .map_err(|e| Prepare::Io("setting the mode of its directory", e))?;
    }
    Ok(())
}

/// Removes a socket that nobody answers on. The data directory's lock is held by now, so no other engine starts beside us.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    use std::os::unix::fs::FileTypeExt;
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(BindError::Io { path: path.to_owned(), what: "looking at it", source }),
    };
    if !meta.file_type().is_socket() {
        return Err(BindError::NotASocket(path.to_owned()));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(BindError::Io {
                path: path.to_owned(),
                what: "asking whether an engine answers on it",
                source,
            });
        }
        Ok(_) => return Err(BindError::Live(path.to_owned())),
    }
    fs::remove_file(path).map_err(|source| BindError::Io {
        path: path.to_owned(),
        what: "removing the socket that was left behind",
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn socket_and_directory_are_the_owners_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run").join("t.sock");
        let _listener = bind(&path, None).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[tokio::test]
    async fn with_a_group_both_are_opened_to_it_and_to_nobody_else() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run").join("t.sock");
        let own = rustix::process::getegid().as_raw().to_string();
        let _listener = bind(&path, Some(&own)).unwrap();
        assert_eq!(mode(&path), 0o660);
        assert_eq!(mode(path.parent().unwrap()), 0o750);
        let unknown = bind(&temp.path().join("u.sock"), Some("no-such-group")).unwrap_err();
        assert!(unknown.to_string().contains("no-such-group"), "{unknown}");
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_a_live_one_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("t.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = bind(&path, None).unwrap();
        assert!(matches!(bind(&path, None), Err(BindError::Live(_))));
        drop(listener);
        assert!(bind(&path, None).is_ok());
    }

    #[tokio::test]
    async fn what_is_no_socket_stays_and_a_long_path_is_refused_in_words() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("t.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(bind(&path, None), Err(BindError::NotASocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let error = bind(&temp.path().join("x".repeat(120)), None).unwrap_err();
        assert!(error.to_string().contains("107 are possible"), "{error}");
    }

    #[tokio::test]
    async fn a_directory_that_others_may_write_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(bind(&temp.path().join("t.sock"), None), Err(BindError::OpenDirectory(_))));
    }
}
