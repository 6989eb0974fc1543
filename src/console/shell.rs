//! The loop: takes in what happened, runs what the screen wants done, draws when something changed.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use jiff::Timestamp;
use ratatui::crossterm::event::Event;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use super::clipboard::{self, Multiplexer};
use super::input::Outside;
use super::message::{Effect, Message};
use super::output::Output;
use super::painter::Painter;
use super::state::{Panel, Ui};
use super::terminal::Device;
use super::update::update;
use super::{logfeed, memory};
use crate::messages::{Answer, Link, LogLine, Question, Refusal, RefusalKind, Snapshot};

/// Frames are gathered for so long.
const FRAME: Duration = Duration::from_millis(33);
/// The same over SSH.
const SLOW_FRAME: Duration = Duration::from_millis(100);
/// A terminal that takes no bytes for so long is not waited for when leaving.
const PATIENCE: Duration = Duration::from_secs(1);
/// Log lines taken in at once.
const LOG_BATCH: usize = 1000;

/// Why the console ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The person left.
    Quit,
    /// The terminal is gone: how that was noticed.
    TerminalGone(String),
    /// The engine is gone, or the way to it.
    LinkLost,
    /// A signal: its number.
    Signal(i32),
}

/// What is around the console.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The terminal is far away.
    pub slow: bool,
    /// What stands between it and us.
    pub multiplexer: Multiplexer,
    /// Where the filter is kept.
    pub state_file: Option<PathBuf>,
}

enum Reply {
    Message(Box<Message>),
    History(Vec<LogLine>),
}

/// The console at work.
pub struct Shell {
    link: Arc<dyn Link>,
    ui: Ui,
    surroundings: Surroundings,
    device: Box<dyn Device>,
    output: Output,
    outside: UnboundedReceiver<Outside>,
    replies: UnboundedReceiver<Reply>,
    reply: UnboundedSender<Reply>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    log: broadcast::Receiver<LogLine>,
    log_open: bool,
    early: Option<Vec<LogLine>>,
    asking: JoinSet<()>,
    painter: Option<Painter>,
    dirty: bool,
    drawn: Option<Instant>,
    next: Option<Timestamp>,
}

impl Shell {
    /// A console before its first frame.
    pub fn new(
        link: Arc<dyn Link>,
        ui: Ui,
        surroundings: Surroundings,
        device: Box<dyn Device>,
        writer: Box<dyn Write + Send>,
        (send, outside): (UnboundedSender<Outside>, UnboundedReceiver<Outside>),
    ) -> Self {
        let (reply, replies) = unbounded_channel();
        let snapshots = link.snapshots();
        let log = link.log();
        Shell {
            link,
            ui,
            surroundings,
            device,
            output: Output::new(writer, send),
            outside,
            replies,
            reply,
            snapshots,
            log,
            log_open: true,
            early: Some(Vec::new()),
            asking: JoinSet::new(),
            painter: None,
            dirty: true,
            drawn: None,
            next: None,
        }
    }

    /// Runs until it ends, and gives the terminal back.
    pub async fn run(mut self) -> Ended {
        let ended = self.work().await;
        self.settle_output().await;
        if !self.output.busy {
            self.device.leave();
        }
        ended
    }

    async fn work(&mut self) -> Ended {
        // The first frame stands before any answer has come.
        self.draw();
        self.ask_history();
        loop {
            let wake = self.wake();
            let ended = tokio::select! {
                biased;
                outside = self.outside.recv() => match outside {
                    Some(outside) => self.take_outside(outside).await,
                    None => Some(Ended::TerminalGone("nobody watches it".to_owned())),
                },
                Some(reply) = self.replies.recv() => self.take_reply(reply).await,
                changed = self.snapshots.changed() => match changed {
                    Ok(()) => self.take_snapshot().await,
                    Err(_) => Some(Ended::LinkLost),
                },
                line = self.log.recv(), if self.log_open => self.take_log(line),
                () = sleep_until(wake), if wake.is_some() => self.take(Message::Tick(Timestamp::now())).await,
            };
            if let Some(ended) = ended {
                return ended;
            }
            // Whatever else is there already belongs to the same frame.
            while let Ok(outside) = self.outside.try_recv() {
                if let Some(ended) = self.take_outside(outside).await {
                    return ended;
                }
            }
            while let Ok(reply) = self.replies.try_recv() {
                if let Some(ended) = self.take_reply(reply).await {
                    return ended;
                }
            }
            while self.asking.try_join_next().is_some() {}
            if self.dirty && self.may_draw() {
                self.draw();
            }
        }
    }

    fn frame(&self) -> Duration {
        if self.surroundings.slow { SLOW_FRAME } else { FRAME }
    }

    fn may_draw(&self) -> bool {
        !self.output.busy && self.drawn.is_none_or(|drawn| drawn.elapsed() >= self.frame())
    }

    /// When to wake without being called: for a frame that was held back, or for the first thing that changes by itself.
    fn wake(&self) -> Option<Instant> {
        if self.dirty {
            // A busy writer calls when it is ready.
            let frame = self.drawn.map(|drawn| drawn + self.frame());
            return if self.output.busy { None } else { frame.or_else(|| Some(Instant::now())) };
        }
        let list = self.ui.list_key().and_then(|key| self.ui.list(key).due());
        let detail = self.ui.detail.as_ref().filter(|detail| detail.stale && !detail.pending);
        let vendors = &self.ui.vendors;
        let pairs = if self.ui.panel == Panel::Vendors { vendors.list.due() } else { None };
        let pair = vendors.pair.as_ref().filter(|pair| pair.stale && !pair.pending).and_then(|pair| pair.read);
        let again = |read: Timestamp| read.checked_add(jiff::SignedDuration::from_secs(1)).ok();
        let (detail, pair) = (detail.and_then(|detail| again(detail.read?)), pair.and_then(again));
        let next = [self.next, list, detail, pairs, pair].into_iter().flatten().min()?;
        let rest = Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or_default();
        // The clock of the words must have passed the mark when we look.
        Some(Instant::now() + rest + Duration::from_millis(2))
    }

    fn draw(&mut self) {
        self.dirty = false;
        self.drawn = Some(Instant::now());
        let painter = match self.painter.take() {
            Some(painter) => Ok(painter),
            None => Painter::new(self.ui.size),
        };
        match painter.and_then(|mut painter| painter.paint(&self.ui).map(|painted| (painter, painted))) {
            Ok((painter, (bytes, drawn))) => {
                self.painter = Some(painter);
                self.next = drawn.next;
                if let Some(bytes) = bytes {
                    self.output.push(bytes);
                }
            }
            Err(error) => tracing::error!(%error, "a frame could not be made"),
        }
    }

    async fn take(&mut self, message: Message) -> Option<Ended> {
        self.dirty = true;
        let mut effects = Vec::new();
        if !matches!(message, Message::Tick(_)) {
            effects.append(&mut update(&mut self.ui, Message::Tick(Timestamp::now())));
        }
        effects.append(&mut update(&mut self.ui, message));
        for effect in effects {
            if let Some(ended) = self.perform(effect).await {
                return Some(ended);
            }
        }
        None
    }

    async fn take_outside(&mut self, outside: Outside) -> Option<Ended> {
        match outside {
            Outside::Event(Event::Key(key)) => self.take(Message::Key(key)).await,
            Outside::Event(Event::Paste(text)) => self.take(Message::Paste(text)).await,
            Outside::Event(_) => None,
            Outside::Resized => match self.device.size() {
                Ok(size) if size != self.ui.size => {
                    self.painter = None;
                    self.take(Message::Resize(size.0, size.1)).await
                }
                Ok(_) => None,
                Err(error) => Some(Ended::TerminalGone(error.to_string())),
            },
            Outside::Gone(how) => Some(Ended::TerminalGone(how)),
            Outside::End(number) => Some(Ended::Signal(number)),
            Outside::Stop => self.suspend(false).await,
            Outside::Continue => self.resume(),
            Outside::Drained(Ok(())) => {
                self.output.busy = false;
                self.output.push(Vec::new());
                None
            }
            Outside::Drained(Err(error)) => {
                self.output.busy = false;
                Some(Ended::TerminalGone(error.to_string()))
            }
        }
    }

    async fn take_snapshot(&mut self) -> Option<Ended> {
        let snapshot = self.snapshots.borrow_and_update().clone();
        self.take(Message::Snapshot(snapshot)).await
    }

    async fn take_reply(&mut self, reply: Reply) -> Option<Ended> {
        match reply {
            Reply::Message(message) => self.take(*message).await,
            Reply::History(mut history) => {
                // Lines that came while the history was on its way stand in both.
                let early = self.early.take().unwrap_or_default();
                let tail = history.len().saturating_sub(early.len());
                let fresh = early.into_iter().filter(|line| !history.iter().skip(tail).any(|old| old == line));
                let fresh: Vec<LogLine> = fresh.collect();
                history.extend(fresh);
                self.feed(&history);
                None
            }
        }
    }

    fn take_log(&mut self, line: Result<LogLine, RecvError>) -> Option<Ended> {
        let mut lines = Vec::new();
        match line {
            Ok(line) => lines.push(line),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => self.log_open = false,
        }
        while lines.len() < LOG_BATCH {
            match self.log.try_recv() {
                Ok(line) => lines.push(line),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        match &mut self.early {
            Some(early) => early.append(&mut lines),
            None => self.feed(&lines),
        }
        None
    }

    fn feed(&mut self, lines: &[LogLine]) {
        logfeed::feed(lines, &self.ui.zone);
        self.dirty |= self.ui.panel == Panel::Log && !lines.is_empty();
    }

    async fn perform(&mut self, effect: Effect) -> Option<Ended> {
        match effect {
            Effect::Page { list, generation, number, request } => {
                self.ask(Question::Documents(request), move |answer| {
                    let answer = match answer {
                        Ok(Answer::Documents(page)) => Ok(page),
                        other => Err(refusal(other)),
                    };
                    Message::Page { list, generation, number, answer }
                });
            }
            Effect::Document(id) => self.ask(Question::Document(id), move |answer| {
                let answer = match answer {
                    Ok(Answer::Document(detail)) => Ok(detail),
                    other => Err(refusal(other)),
                };
                Message::Document(id, answer)
            }),
            Effect::Explain(id) => self.ask(Question::Explain(id), move |answer| {
                let answer = match answer {
                    Ok(Answer::Explanation(explanation)) => Ok(explanation),
                    other => Err(refusal(other)),
                };
                Message::Explained(id, answer)
            }),
            Effect::Audit(id) => self.ask(Question::Audit(id), move |answer| {
                let answer = match answer {
                    Ok(Answer::Audit(trail)) => Ok(trail),
                    other => Err(refusal(other)),
                };
                Message::Audited(id, answer)
            }),
            Effect::PairPage(generation, number, request) => {
                self.ask(Question::Vendors(request), move |answer| {
                    let answer = match answer {
                        Ok(Answer::Vendors(page)) => Ok(page),
                        other => Err(refusal(other)),
                    };
                    Message::PairPage(generation, number, answer)
                });
            }
            Effect::Pair(id) => self.ask(Question::Vendor(id.to_string()), move |answer| {
                let answer = match answer {
                    Ok(Answer::Vendor(detail)) => Ok(detail),
                    other => Err(refusal(other)),
                };
                Message::Pair(id, answer)
            }),
            Effect::PairAudit(id) => self.ask(Question::PairAudit(id), move |answer| {
                let answer = match answer {
                    Ok(Answer::Audit(trail)) => Ok(trail),
                    other => Err(refusal(other)),
                };
                Message::PairAudited(id, answer)
            }),
            Effect::Plan => self.ask(Question::VendorsPlan, move |answer| {
                Message::Planned(match answer {
                    Ok(Answer::VendorsPlan(plan)) => Ok(plan),
                    other => Err(refusal(other)),
                })
            }),
            Effect::Tell(label, order) => {
                let (link, reply) = (self.link.clone(), self.reply.clone());
                // Not among the questions: an order that is on its way is not cut off when the screen ends.
                tokio::spawn(async move {
                    let answer = AssertUnwindSafe(link.tell(order)).catch_unwind().await;
                    let answer = answer.unwrap_or_else(|_| Err(broken()));
                    let _ = reply.send(Reply::Message(Box::new(Message::Told(label, answer))));
                });
            }
            Effect::Save(kept) => {
                if let Some(path) = self.surroundings.state_file.clone() {
                    self.work_on_files(move || match memory::write(&path, &kept) {
                        Ok(()) => None,
                        Err(error) => Some((format!("The filter cannot be kept in {}: {error}", path.display()), true)),
                    });
                }
            }
            Effect::Write(path, text) => self.work_on_files(move || {
                Some(match memory::write_new(&path, &text) {
                    Ok(()) => (format!("{} bytes written to {}", text.len(), path.display()), false),
                    Err(error) => (format!("{} was not written: {error}", path.display()), true),
                })
            }),
            Effect::Copy(text) => {
                let said = match clipboard::sequence(&text, self.surroundings.multiplexer) {
                    Some(sequence) => {
                        self.output.push(sequence.into_bytes());
                        Message::Say(format!("{} bytes sent to the terminal's clipboard", text.len()), false)
                    }
                    None => Message::Say(
                        format!("{} bytes are too many for a terminal's clipboard: write a file instead", text.len()),
                        true,
                    ),
                };
                update(&mut self.ui, said);
            }
            Effect::Redraw => self.painter = None,
            Effect::Suspend => return self.suspend(true).await,
            Effect::Quit => return Some(Ended::Quit),
        }
        None
    }

    /// Asks in a task of its own; the answer comes back as a message, also where the task panics.
    fn ask(&mut self, question: Question, make: impl FnOnce(Result<Answer, Refusal>) -> Message + Send + 'static) {
        let (link, reply) = (self.link.clone(), self.reply.clone());
        self.asking.spawn(async move {
            let answer = AssertUnwindSafe(link.ask(question)).catch_unwind().await;
            let message = make(answer.unwrap_or_else(|_| Err(broken())));
            let _ = reply.send(Reply::Message(Box::new(message)));
        });
    }

    fn ask_history(&mut self) {
        let (link, reply) = (self.link.clone(), self.reply.clone());
        self.asking.spawn(async move {
            let lines = match link.ask(Question::Log(500)).await {
                Ok(Answer::Log(lines)) => lines,
                _ => Vec::new(),
            };
            let _ = reply.send(Reply::History(lines));
        });
    }

    fn work_on_files(&mut self, work: impl FnOnce() -> Option<(String, bool)> + Send + 'static) {
        let reply = self.reply.clone();
        tokio::task::spawn_blocking(move || {
            if let Some((text, bad)) = work() {
                let _ = reply.send(Reply::Message(Box::new(Message::Say(text, bad))));
            }
        });
    }

    /// Waits until the last frame is out, but not for ever.
    async fn settle_output(&mut self) {
        let until = Instant::now() + PATIENCE;
        while self.output.busy {
            let drained = tokio::select! {
                biased;
                outside = self.outside.recv() => outside,
                () = sleep_until(Some(until)) => return,
            };
            match drained {
                Some(Outside::Drained(_)) => {
                    self.output.busy = false;
                    self.output.push(Vec::new());
                }
                // Keys typed meanwhile are dropped; a second signal means: now.
                Some(Outside::End(_) | Outside::Gone(_)) | None => return,
                Some(_) => {}
            }
        }
    }

    async fn suspend(&mut self, by_key: bool) -> Option<Ended> {
        self.settle_output().await;
        self.device.leave();
        self.device.stop(by_key);
        self.resume()
    }

    fn resume(&mut self) -> Option<Ended> {
        if let Err(error) = self.device.enter() {
            return Some(Ended::TerminalGone(error.to_string()));
        }
        if let Ok(size) = self.device.size() {
            self.ui.size = size;
        }
        self.painter = None;
        self.dirty = true;
        None
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}

fn refusal(answer: Result<Answer, Refusal>) -> Refusal {
    match answer {
        Err(refusal) => refusal,
        Ok(_) => Refusal::new(RefusalKind::Failed, "the engine answered something else: its version differs"),
    }
}

fn broken() -> Refusal {
    Refusal::new(RefusalKind::Failed, "asking the engine failed inside the program: see the log")
}
