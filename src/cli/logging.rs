//! The log: lines on standard error for a headless engine, and the last thousand for the faces.
//!
//! Every message and field passes [`safe`] on its way, whoever wrote it. What other libraries say below `info` is never taken:
//! their traces hold headers and bodies.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use clap::ValueEnum;
use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::messages::{LogLevel, LogLine, LogRing};
use crate::model::{Text, safe};

/// How much is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Verbosity {
    /// Nothing.
    Off,
    /// Errors.
    Error,
    /// And warnings.
    Warn,
    /// And what happens.
    Info,
    /// And details of Tollgate's own.
    Debug,
    /// And everything of Tollgate's own.
    Trace,
}

impl Verbosity {
    fn filter(self) -> LevelFilter {
        match self {
            Verbosity::Off => LevelFilter::OFF,
            Verbosity::Error => LevelFilter::ERROR,
            Verbosity::Warn => LevelFilter::WARN,
            Verbosity::Info => LevelFilter::INFO,
            Verbosity::Debug => LevelFilter::DEBUG,
            Verbosity::Trace => LevelFilter::TRACE,
        }
    }

    /// Whether an event is taken: of other libraries nothing below `info`, at `info` only warnings.
    fn takes(self, metadata: &Metadata<'_>) -> bool {
        let own = metadata.target() == "tollgate" || metadata.target().starts_with("tollgate::");
        let limit = if own {
            self.filter()
        } else if self.filter() > LevelFilter::INFO {
            LevelFilter::INFO
        } else {
            self.filter().min(LevelFilter::WARN)
        };
        *metadata.level() <= limit
    }
}

/// A further layer of the log, such as the one that a panel of the console reads.
pub type Extra = Box<dyn Layer<Registry> + Send + Sync>;

/// Sets the log up for this process; `headless` puts it on standard error. To be called once; a second call changes nothing.
pub fn init(verbosity: Verbosity, headless: bool, ring: Option<LogRing>, extra: Option<Extra>) {
    // On top of each other these would all have to be layers of one another's types; as a list they are of one.
    let mut layers: Vec<Extra> = Vec::new();
    if headless {
        layers.push(Box::new(Stderr));
    }
    if let Some(ring) = ring {
        layers.push(Box::new(ring));
    }
    layers.extend(extra);
    let layers = layers.with_filter(filter_fn(move |metadata| verbosity.takes(metadata)));
    let _ = tracing_subscriber::registry().with(layers).try_init();
}

impl<S: Subscriber> Layer<S> for LogRing {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.push(LogLine {
            at: Timestamp::now(),
            level: level(event.metadata().level()),
            target: event.metadata().target().to_owned(),
            message: Text::new(message(event)),
        });
    }
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// `2026-12-01T08:00:00Z WARN tollgate::lane: the gateway is busy errorno=PL04000002`
struct Stderr;

impl<S: Subscriber> Layer<S> for Stderr {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = line(Timestamp::now(), event.metadata(), &message(event));
        // One write a line, so that lines of several threads stay whole; that nobody reads them is no error.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn line(at: Timestamp, metadata: &Metadata<'_>, message: &str) -> String {
    format!("{at:.3} {:<5} {}: {}\n", metadata.level().as_str(), safe(metadata.target()), safe(message))
}

/// Message and fields in one safe line.
fn message(event: &Event<'_>) -> String {
    let mut parts = Parts::default();
    event.record(&mut parts);
    parts.message.push_str(&parts.fields);
    parts.message.trim_start().to_owned()
}

#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
}

impl Parts {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let value = value.to_string();
        let value = safe(&value);
        // Writing into a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(verbosity: Verbosity, write: impl FnOnce()) -> LogRing {
        let ring = LogRing::new();
        let layer = ring.clone().with_filter(filter_fn(move |metadata| verbosity.takes(metadata)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), write);
        ring
    }

    #[test]
    fn no_message_or_field_can_move_a_terminal() {
        let hostile = "ACME\u{1b}[2J\u{202e}gpj\r\n\u{9b}31m";
        let error = std::io::Error::other(hostile);
        let ring = logged(Verbosity::Info, || {
            tracing::info!(supplier = hostile, debug = ?hostile, error = &error as &dyn std::error::Error, "held {hostile}");
        });
        let lines = ring.last(10);
        let shown = lines[0].message.raw();
        assert!(matches!(safe(shown), std::borrow::Cow::Borrowed(_)), "{shown:?}");
        assert!(shown.starts_with("held ACME‹U+001B›[2J‹U+202E›gpj"), "{shown}");
        assert!(shown.contains(" supplier=ACME‹U+001B›"), "{shown}");
    }

    #[test]
    fn a_line_has_time_level_target_and_message() {
        struct Lines(std::sync::Mutex<Vec<String>>);
        impl<S: Subscriber> Layer<S> for &'static Lines {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                self.0.lock().unwrap().push(line(Timestamp::UNIX_EPOCH, event.metadata(), &message(event)));
            }
        }
        static LINES: Lines = Lines(std::sync::Mutex::new(Vec::new()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(&LINES), || {
            tracing::warn!(target: "tollgate::lane", errorno = "PL04000002", "the gateway is busy");
        });
        let expected = "1970-01-01T00:00:00.000Z WARN  tollgate::lane: the gateway is busy errorno=PL04000002\n";
        assert_eq!(*LINES.0.lock().unwrap(), [expected]);
    }

    #[test]
    fn what_libraries_trace_is_never_taken() {
        let ring = logged(Verbosity::Trace, || {
            tracing::trace!(target: "h2::frame", "authorization: Bearer x");
            tracing::debug!(target: "hyper", "headers");
            tracing::debug!(target: "tollgatex", "not ours");
            tracing::trace!(target: "tollgate::lane", "ours");
        });
        assert_eq!(ring.last(10).iter().map(|line| line.message.raw()).collect::<Vec<_>>(), ["ours"]);
    }

    #[test]
    fn the_last_thousand_are_kept_and_listeners_hear_each() {
        let ring = LogRing::new();
        let mut heard = ring.subscribe();
        let layer = ring.clone();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            for number in 0..1_005 {
                tracing::info!(target: "tollgate", "{number}");
                assert_eq!(heard.try_recv().unwrap().message.raw(), number.to_string());
            }
        });
        assert_eq!(ring.last(5_000).len(), 1_000);
        assert_eq!(ring.last(1)[0].message.raw(), "1004");
    }
}
