//! The server on the control socket: several faces at once, none of which can hold up the engine or another.
//!
//! Each connection has a reader and a writer. Answers wait in a short queue of their own connection; while it is full, nothing
//! more is read from that client. Snapshots are not queued at all: a slow client gets the newest when it is ready. An order
//! that was taken is carried out to its end, also when its client goes away.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::frame::{
    ClientFrame, ClientHello, FrameError, MAX_FRAME, MAX_HELLO, ServerFrame, ServerHello, line_of, raw, read_frame,
};
use super::person::person_of;
use super::socket::{BindError, bind};
use super::{Access, Role};
use crate::messages::{Order, PROTOCOL, Question, Refusal, RefusalKind, Service};
use crate::model::{Person, safe};

/// Faces at once.
const MAX_CLIENTS: usize = 64;
/// Questions and orders of one client at once; more are not read before one is answered.
const MAX_IN_FLIGHT: usize = 16;
/// Answers that wait for one client.
const MAX_ANSWERS: usize = 16;
/// How long a client may take for its hello.
const HELLO_TIME: Duration = Duration::from_secs(10);
/// How long what was begun may take after the shutdown.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A bound control socket.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the socket file, so that only our own is removed.
    file: Option<(u64, u64)>,
    access: Arc<Access>,
}

/// Listens on `path` and serves until `shutdown`; see [`Server`] to learn of a failed start before anything else is done.
pub async fn serve(
    path: &Path,
    service: Arc<dyn Service>,
    access: Access,
    shutdown: CancellationToken,
) -> Result<(), BindError> {
    Server::bind(path, access)?.run(service, shutdown).await;
    Ok(())
}

impl Server {
    /// Takes the socket's path. To be called with the data directory's lock held, in the context of a tokio runtime.
    pub fn bind(path: &Path, access: Access) -> Result<Self, BindError> {
        let listener = bind(path, access.group.as_deref())?;
        let file = identity(path);
        Ok(Server { listener, path: path.to_owned(), file, access: Arc::new(access) })
    }

    /// Serves until `shutdown`, lets what was begun come to its end (at most 5 s), and removes the socket.
    pub async fn run(self, service: Arc<dyn Service>, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        let seats = Arc::new(Semaphore::new(MAX_CLIENTS));
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => match Arc::clone(&seats).try_acquire_owned() {
                    Ok(seat) => {
                        let connection = Connection {
                            service: Arc::clone(&service),
                            access: Arc::clone(&self.access),
                            shutdown: shutdown.clone(),
                            tasks: tasks.clone(),
                        };
                        tasks.spawn(async move {
                            connection.serve(stream).await;
                            drop(seat);
                        });
                    }
                    Err(_) => tracing::warn!("a face was turned away: {MAX_CLIENTS} are connected already"),
                },
                Err(error) => {
                    // Out of file descriptors, mostly: to try again at once would only burn the processor.
                    tracing::warn!(%error, "the control socket could not take a connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        tasks.close();
        if tokio::time::timeout(LAST_WORDS, tasks.wait()).await.is_err() {
            tracing::warn!("some faces did not take their last answers in time");
        }
        if self.file.is_some()
            && identity(&self.path) == self.file
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "the control socket could not be removed");
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

struct Connection {
    service: Arc<dyn Service>,
    access: Arc<Access>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

/// Who is at the other end.
struct Peer {
    person: Person,
    role: Role,
    /// The version that the client speaks.
    protocol: u32,
}

impl Connection {
    async fn serve(self, stream: UnixStream) {
        let Ok(credentials) = stream.peer_cred() else { return };
        let (uid, gid) = (credentials.uid(), credentials.gid());
        let access = Arc::clone(&self.access);
        let Ok(role) = tokio::task::spawn_blocking(move || access.role_of(uid, gid)).await else { return };
        let (read, mut write) = stream.into_split();
        let hello = ServerHello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            role: Some(role),
        };
        if send(&mut write, &hello).await.is_err() {
            return;
        }
        let mut reader = BufReader::new(read);
        match self.welcome(&mut reader, uid, role).await {
            Ok(Some(peer)) => self.talk(reader, write, peer).await,
            Ok(None) => {}
            Err(refusal) => {
                let _ = send(&mut write, &ServerFrame { refused: Some(refusal), ..ServerFrame::default() }).await;
            }
        }
    }

    /// Reads the client's hello; `None` where it just left.
    async fn welcome(
        &self,
        reader: &mut BufReader<OwnedReadHalf>,
        uid: u32,
        role: Role,
    ) -> Result<Option<Peer>, Refusal> {
        let mut line = Vec::new();
        let read = tokio::select! {
            () = self.shutdown.cancelled() => return Ok(None),
            read = tokio::time::timeout(HELLO_TIME, read_frame(reader, &mut line, MAX_HELLO)) => read,
        };
        match read {
            Ok(Ok(true)) => {}
            Ok(Ok(false) | Err(FrameError::Cut | FrameError::Io(_))) => return Ok(None),
            Ok(Err(error @ FrameError::TooLong(_))) => return Err(broken(&error.to_string())),
            Err(_) => return Err(broken("no hello came within 10 s")),
        }
        let hello: ClientHello = parse(&line).map_err(|error| broken(&format!("the hello is unreadable: {error}")))?;
        let named = tokio::task::spawn_blocking(move || person_of(uid, hello.as_stated)).await;
        let Ok(person) = named else { return Ok(None) };
        if role == Role::Nobody {
            let label = person.label();
            let message = format!(
                "{label} may neither look nor act here: no entry under `roles` in [control] admits them; ask whoever runs this Tollgate"
            );
            return Err(Refusal::new(RefusalKind::Forbidden, message));
        }
        Ok(Some(Peer { person, role, protocol: hello.protocol }))
    }

    async fn talk(self, mut reader: BufReader<OwnedReadHalf>, write: OwnedWriteHalf, peer: Peer) {
        let (answers, queue) = mpsc::channel(MAX_ANSWERS);
        let (subscribe, subscribed) = watch::channel(false);
        let writer = Writer { write, queue, subscribed, service: Arc::clone(&self.service) };
        let gone = CancellationToken::new();
        let writing = self.tasks.spawn({
            let gone = gone.clone();
            async move {
                writer.run().await;
                gone.cancel();
            }
        });
        let slots = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        let peer = Arc::new(peer);
        loop {
            let mut line = Vec::new();
            let read = tokio::select! {
                () = self.shutdown.cancelled() => break,
                () = gone.cancelled() => break,
                read = read_frame(&mut reader, &mut line, MAX_FRAME) => read,
            };
            let frame: Result<ClientFrame, String> = match read {
                Ok(true) => parse(&line),
                Ok(false) | Err(FrameError::Cut | FrameError::Io(_)) => break,
                Err(error @ FrameError::TooLong(_)) => Err(error.to_string()),
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => {
                    let _ = answers.send(ServerFrame { refused: Some(broken(&error)), ..ServerFrame::default() }).await;
                    break;
                }
            };
            if frame.subscribe {
                subscribe.send_replace(true);
            }
            let Some(id) = frame.id else { continue };
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let (service, peer, answers) = (Arc::clone(&self.service), Arc::clone(&peer), answers.clone());
            // A task of its own, tracked: an order is carried out to its end, also when the client is gone by then.
            self.tasks.spawn(async move {
                let answer = match answer(service.as_ref(), &peer, frame).await {
                    Ok(ok) if ok.get().len() < MAX_FRAME - 1024 => {
                        ServerFrame { id: Some(id), ok: Some(ok), ..ServerFrame::default() }
                    }
                    Ok(_) => refused(
                        id,
                        Refusal::new(RefusalKind::Failed, "the answer is too large for a frame: ask for less at once"),
                    ),
                    Err(refusal) => refused(id, refusal),
                };
                let _ = answers.send(answer).await;
                drop(slot);
            });
        }
        drop(answers);
        let _ = writing.await;
    }
}

fn refused(id: u64, refusal: Refusal) -> ServerFrame {
    ServerFrame { id: Some(id), refused: Some(refusal), ..ServerFrame::default() }
}

/// Answers one frame: enforces the role, then hands on to the service.
async fn answer(service: &dyn Service, peer: &Peer, frame: ClientFrame) -> Result<Box<RawValue>, Refusal> {
    let failed =
        |error: serde_json::Error| Refusal::new(RefusalKind::Failed, format!("the answer has no JSON: {error}"));
    match (frame.ask, frame.tell) {
        (Some(question), None) => {
            let question: Question = known(&question, "question")?;
            raw(&service.ask(question).await?).map_err(failed)
        }
        (None, Some(order)) => {
            may_tell(peer)?;
            let order: Order = known(&order, "order")?;
            raw(&service.tell(order, peer.person.clone()).await?).map_err(failed)
        }
        _ => Err(Refusal::new(RefusalKind::Invalid, "a frame with an id holds either a question or an order")),
    }
}

fn may_tell(peer: &Peer) -> Result<(), Refusal> {
    let who = peer.person.label();
    if peer.role != Role::Operator {
        let message = format!(
            "nothing was done: {who} may look, but not act; `operators` under `roles` in [control] does not admit them"
        );
        return Err(Refusal::new(RefusalKind::Forbidden, message));
    }
    if peer.protocol != PROTOCOL {
        let message = format!(
            "nothing was done: this command speaks version {} of the control messages and the engine version {PROTOCOL}; \
             use the program of the same version as the engine",
            peer.protocol
        );
        return Err(Refusal::new(RefusalKind::Forbidden, message));
    }
    Ok(())
}

fn known<T: DeserializeOwned>(value: &RawValue, what: &str) -> Result<T, Refusal> {
    serde_json::from_str(value.get()).map_err(|error| {
        let message = format!("this engine does not know such a {what}: {}", safe(&error.to_string()));
        Refusal::new(RefusalKind::Invalid, message)
    })
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| safe(&error.to_string()).into_owned())
}

fn broken(what: &str) -> Refusal {
    Refusal::new(RefusalKind::Invalid, format!("the connection is closed: {what}"))
}

async fn send<T: serde::Serialize>(write: &mut OwnedWriteHalf, frame: &T) -> std::io::Result<()> {
    let line = line_of(frame)?;
    write.write_all(&line).await
}

/// Writes to one client: answers first, then the newest snapshot, then log lines.
struct Writer {
    write: OwnedWriteHalf,
    queue: mpsc::Receiver<ServerFrame>,
    subscribed: watch::Receiver<bool>,
    service: Arc<dyn Service>,
}

impl Writer {
    /// Runs until every sender of answers is gone or the client does not take any more.
    async fn run(mut self) {
        let mut feed: Option<Feed> = None;
        loop {
            let frame = tokio::select! {
                biased;
                answer = self.queue.recv() => match answer {
                    Some(answer) => answer,
                    None => return,
                },
                Ok(()) = self.subscribed.changed(), if feed.is_none() => {
                    let mut snapshots = self.service.snapshots();
                    snapshots.mark_changed();
                    feed = Some(Feed { snapshots: Some(snapshots), log: Some(self.service.log()) });
                    continue;
                }
                frame = next(&mut feed) => match frame {
                    Some(frame) => frame,
                    None => continue,
                },
            };
            if send(&mut self.write, &frame).await.is_err() {
                return;
            }
        }
    }
}

/// What a subscriber gets; each part is dropped when its source ends.
struct Feed {
    snapshots: Option<watch::Receiver<Arc<crate::messages::Snapshot>>>,
    log: Option<broadcast::Receiver<crate::messages::LogLine>>,
}

async fn next(feed: &mut Option<Feed>) -> Option<ServerFrame> {
    let Some(feed) = feed else { return std::future::pending().await };
    tokio::select! {
        biased;
        frame = next_snapshot(&mut feed.snapshots) => frame,
        frame = next_log(&mut feed.log) => frame,
    }
}

async fn next_snapshot(source: &mut Option<watch::Receiver<Arc<crate::messages::Snapshot>>>) -> Option<ServerFrame> {
    let Some(snapshots) = source else { return std::future::pending().await };
    if snapshots.changed().await.is_err() {
        *source = None;
        return None;
    }
    let newest = Arc::clone(&snapshots.borrow_and_update());
    let snapshot = raw(&newest).ok()?;
    Some(ServerFrame { snapshot: Some(snapshot), ..ServerFrame::default() })
}

async fn next_log(source: &mut Option<broadcast::Receiver<crate::messages::LogLine>>) -> Option<ServerFrame> {
    let Some(log) = source else { return std::future::pending().await };
    match log.recv().await {
        Ok(line) => Some(ServerFrame { log: Some(line), ..ServerFrame::default() }),
        Err(broadcast::error::RecvError::Lagged(_)) => None,
        Err(broadcast::error::RecvError::Closed) => {
            *source = None;
            None
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
