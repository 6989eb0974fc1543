//! A face's link over the control socket.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Role;
use super::frame::{
    ClientFrame, ClientHello, MAX_FRAME, MAX_HELLO, ServerFrame, ServerHello, line_of, raw, read_frame,
};
use super::in_process::read_only_refusal;
use super::socket::{BindError, fits};
use crate::messages::{Answer, Link, LogLine, Order, Outcome, PROTOCOL, Question, Refusal, RefusalKind, Snapshot};
use crate::model::{Timestamp, safe};
use crate::seams::Boxed;

/// How long an engine may take to say hello.
const HELLO_TIME: Duration = Duration::from_secs(5);
/// Log lines kept for a slow reader.
const LOG_LINES: usize = 1_000;
/// Frames that wait to be written.
const WAITING: usize = 64;

/// Why no link could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing is there, or nobody answers.
    #[error("no engine answers on {}", .0.display())]
    NotRunning(PathBuf),
    /// The file may not be opened.
    #[error("{} may not be opened by this account; run the command as the account of the engine, or ask to be taken into the group of [control]", .0.display())]
    Denied(PathBuf),
    /// The path is too long.
    #[error(transparent)]
    Path(BindError),
    /// Somebody else's program listens there.
    #[error("{path} is served by user id {uid}, who is neither root, nor you, nor the owner of its directory: nothing was sent; find out who put it there", path = .path.display())]
    Untrusted {
        /// Which socket.
        path: PathBuf,
        /// Whose.
        uid: u32,
    },
    /// The server said no.
    #[error("{0}")]
    Refused(String),
    /// It took the connection and said nothing.
    #[error("the engine behind {path} says nothing: it was stopped, or has too much to do; try again, and look at the process in `tollgate.lock` beside it", path = .0.display())]
    Silent(PathBuf),
    /// What came is not a hello.
    #[error("what answers on {path} is no engine that this program understands: {why}", path = .path.display())]
    Unreadable {
        /// Which socket.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The operating system failed.
    #[error("the control socket {path} failed: {source}", path = .path.display())]
    Io {
        /// Which socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ConnectError {
    /// Whether simply no engine runs.
    pub fn is_not_running(&self) -> bool {
        matches!(self, ConnectError::NotRunning(_))
    }
}

type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Result<Box<RawValue>, Refusal>>>>>>;

/// A link to an engine in another process.
pub struct Attached {
    frames: mpsc::Sender<ClientFrame>,
    waiting: Waiting,
    next: AtomicU64,
    subscribed: AtomicBool,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    log: broadcast::Receiver<LogLine>,
    read_only: bool,
    notice: Option<String>,
    pid: u32,
    version: String,
    _stop: DropGuard,
}

impl Attached {
    /// Attaches to the engine behind `path`. An engine of another version, or one where this person may only look, gives a
    /// read-only link with a [`notice`](Attached::notice).
    pub async fn connect(path: &Path, read_only: bool, as_stated: Option<String>) -> Result<Attached, ConnectError> {
        fits(path).map_err(ConnectError::Path)?;
        let io = |source| ConnectError::Io { path: path.to_owned(), source };
        let stream = UnixStream::connect(path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::NotRunning(path.to_owned()),
            io::ErrorKind::PermissionDenied => ConnectError::Denied(path.to_owned()),
            _ => io(error),
        })?;
        trust(path, stream.peer_cred().map_err(io)?.uid())?;
        let (read, mut write) = stream.into_split();
        let mut reader = BufReader::new(read);
        let hello = tokio::time::timeout(HELLO_TIME, hello(path, &mut reader))
            .await
            .map_err(|_| ConnectError::Silent(path.to_owned()))??;
        // A server that sends us away has closed its end already; what it says is read below.
        let greeting = line_of(&ClientHello { protocol: PROTOCOL, as_stated }).map_err(|error| io(error.into()))?;
        let greeted = write.write_all(&greeting).await;
        if hello.role == Some(Role::Nobody) {
            return Err(ConnectError::Refused(last_words(&mut reader).await));
        }
        greeted.map_err(io)?;

        let notice = notice(&hello);
        let read_only = read_only || notice.is_some();
        let (snapshot_sender, snapshots) = watch::channel(Arc::new(blank(&hello)));
        let (log_sender, log) = broadcast::channel(LOG_LINES);
        let (frames, queue) = mpsc::channel(WAITING);
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let stop = CancellationToken::new();
        tokio::spawn({
            let stop = stop.clone();
            async move { stop.run_until_cancelled(write_all(write, queue)).await }
        });
        tokio::spawn({
            let (stop, waiting) = (stop.clone(), Arc::clone(&waiting));
            let incoming = Incoming { waiting: Arc::clone(&waiting), snapshots: snapshot_sender, log: log_sender };
            async move {
                stop.run_until_cancelled(incoming.read(reader)).await;
                // Whoever waits learns it now; whoever comes later finds no place to wait in.
                drop(lock(&waiting).take());
            }
        });
        let link = Attached {
            frames,
            waiting,
            next: AtomicU64::new(1),
            subscribed: AtomicBool::new(false),
            snapshots,
            log,
            read_only,
            notice,
            pid: hello.pid,
            version: hello.version,
            _stop: stop.drop_guard(),
        };
        Ok(link)
    }

    /// What the person should know about this link: another version, or looking only.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// The engine's process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The engine's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn subscribe(&self) {
        if !self.subscribed.swap(true, Ordering::Relaxed) {
            let frame = ClientFrame { subscribe: true, ..ClientFrame::default() };
            if let Err(mpsc::error::TrySendError::Full(frame)) = self.frames.try_send(frame) {
                let frames = self.frames.clone();
                tokio::spawn(async move { frames.send(frame).await });
            }
        }
    }

    async fn exchange<T: DeserializeOwned>(&self, frame: ClientFrame, what: &str) -> Result<T, Refusal> {
        let gone = || {
            let advice = if what == "order" {
                "whether the order was carried out is not known: look before you repeat it"
            } else {
                "start it again, or run the command again to work without it"
            };
            Refusal::new(RefusalKind::Unavailable, format!("the engine went away before it answered; {advice}"))
        };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        match lock(&self.waiting).as_mut() {
            Some(waiting) => waiting.insert(id, sender),
            None => return Err(gone()),
        };
        let _place = Place { waiting: &self.waiting, id };
        self.frames.send(ClientFrame { id: Some(id), ..frame }).await.map_err(|_| gone())?;
        let answer = answer.await.map_err(|_| gone())??;
        serde_json::from_str(answer.get()).map_err(|error| {
            let message = format!("the engine's answer is not understood: {}", safe(&error.to_string()));
            Refusal::new(RefusalKind::Failed, message)
        })
    }
}

/// A place among the waiting ones, given up when the question is dropped.
struct Place<'a> {
    waiting: &'a Waiting,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = lock(self.waiting).as_mut() {
            waiting.remove(&self.id);
        }
    }
}

impl Link for Attached {
    fn ask(&self, question: Question) -> Boxed<'_, Result<Answer, Refusal>> {
        Box::pin(async move {
            let ask = Some(raw(&question).map_err(|error| inside(&error))?);
            self.exchange(ClientFrame { ask, ..ClientFrame::default() }, "question").await
        })
    }

    fn tell(&self, order: Order) -> Boxed<'_, Result<Outcome, Refusal>> {
        Box::pin(async move {
            if self.read_only {
                return Err(match &self.notice {
                    Some(notice) => Refusal::new(RefusalKind::Forbidden, format!("nothing was done: {notice}")),
                    None => read_only_refusal(),
                });
            }
            let tell = Some(raw(&order).map_err(|error| inside(&error))?);
            self.exchange(ClientFrame { tell, ..ClientFrame::default() }, "order").await
        })
    }

    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.subscribe();
        self.snapshots.clone()
    }

    fn log(&self) -> broadcast::Receiver<LogLine> {
        self.subscribe();
        self.log.resubscribe()
    }

    fn read_only(&self) -> bool {
        self.read_only
    }

    fn owns_engine(&self) -> bool {
        false
    }
}

fn inside(error: &serde_json::Error) -> Refusal {
    Refusal::new(RefusalKind::Failed, format!("this has no JSON: {error}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Orders go only to a server of root, of ourselves or of the owner of the socket's directory.
fn trust(path: &Path, uid: u32) -> Result<(), ConnectError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let owner = std::fs::metadata(directory).map(|meta| meta.uid()).ok();
    if uid == 0 || uid == rustix::process::geteuid().as_raw() || owner == Some(uid) {
        return Ok(());
    }
    Err(ConnectError::Untrusted { path: path.to_owned(), uid })
}

async fn hello(path: &Path, reader: &mut BufReader<OwnedReadHalf>) -> Result<ServerHello, ConnectError> {
    let unreadable = |why: String| ConnectError::Unreadable { path: path.to_owned(), why };
    let mut line = Vec::new();
    match read_frame(reader, &mut line, MAX_HELLO).await {
        Ok(true) => serde_json::from_slice(&line).map_err(|error| unreadable(safe(&error.to_string()).into_owned())),
        Ok(false) => Err(unreadable("it closed the connection without a word".to_owned())),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// What a server says that sends us away.
async fn last_words(reader: &mut BufReader<OwnedReadHalf>) -> String {
    let mut line = Vec::new();
    let read = tokio::time::timeout(HELLO_TIME, read_frame(reader, &mut line, MAX_HELLO)).await;
    let said = match read {
        Ok(Ok(true)) => serde_json::from_slice::<ServerFrame>(&line).ok().and_then(|frame| frame.refused),
        _ => None,
    };
    said.map_or_else(
        || {
            "the engine does not admit this account; ask whoever runs it for an entry under `roles` in [control]"
                .to_owned()
        },
        |refusal| safe(&refusal.message).into_owned(),
    )
}

fn notice(hello: &ServerHello) -> Option<String> {
    if hello.protocol != PROTOCOL {
        return Some(format!(
            "the engine (version {}) speaks version {} of the control messages and this program version {PROTOCOL}: it can be \
             looked at, not changed; use the program of the engine's version",
            safe(&hello.version),
            hello.protocol
        ));
    }
    if hello.role == Some(Role::Viewer) {
        return Some("you may look, but not act: `operators` under `roles` in [control] does not admit you".to_owned());
    }
    None
}

/// What is shown until the first snapshot comes.
fn blank(hello: &ServerHello) -> Snapshot {
    Snapshot { version: hello.version.clone(), pid: hello.pid, ..Snapshot::blank(Timestamp::UNIX_EPOCH) }
}

async fn write_all(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<ClientFrame>) {
    while let Some(frame) = queue.recv().await {
        let Ok(line) = line_of(&frame) else { continue };
        if write.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// What comes from the engine; dropped when the link is lost, and the senders of snapshots and log lines with it.
struct Incoming {
    waiting: Waiting,
    snapshots: watch::Sender<Arc<Snapshot>>,
    log: broadcast::Sender<LogLine>,
}

impl Incoming {
    async fn read(self, mut reader: BufReader<OwnedReadHalf>) {
        loop {
            let mut line = Vec::new();
            match read_frame(&mut reader, &mut line, MAX_FRAME).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            }
            // A frame of a newer version that is not understood is passed over; its question, if it has one, stays open
            // until the link ends.
            let Ok(frame) = serde_json::from_slice::<ServerFrame>(&line) else { continue };
            if !self.take(frame) {
                return;
            }
        }
    }

    /// Hands a frame to whom it concerns; `false` where the server ends the connection.
    fn take(&self, frame: ServerFrame) -> bool {
        if let Some(id) = frame.id {
            let waiter = lock(&self.waiting).as_mut().and_then(|waiting| waiting.remove(&id));
            let answer = match (frame.ok, frame.refused) {
                (Some(ok), _) => Ok(ok),
                (None, Some(refusal)) => Err(refusal),
                (None, None) => Err(Refusal::new(RefusalKind::Failed, "the engine's answer is empty")),
            };
            if let Some(waiter) = waiter {
                let _ = waiter.send(answer);
            }
            return true;
        }
        if let Some(snapshot) = frame.snapshot
            && let Ok(snapshot) = serde_json::from_str::<Snapshot>(snapshot.get())
        {
            self.snapshots.send_replace(Arc::new(snapshot));
        }
        if let Some(line) = frame.log {
            let _ = self.log.send(line);
        }
        match frame.refused {
            Some(refusal) => {
                for (_, waiter) in lock(&self.waiting).take().unwrap_or_default() {
                    let _ = waiter.send(Err(refusal.clone()));
                }
                false
            }
            None => true,
        }
    }
}
