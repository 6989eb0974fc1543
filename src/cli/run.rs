//! `tollgate run`: the engine without a console.

use clap::Args;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::compose::{self, Running};
use super::exit::{CliError, Exit};
use super::logging::{self, Verbosity};
use super::output::Terminal;
use super::{Global, Json, link};
use crate::config::{Config, process_environment};
use crate::control::this_person;
use crate::engine::Pass;
use crate::messages::{Command, LogRing, Order, PostingMode, RunSummary, Service, Snapshot};
use crate::model::safe;

/// `run`: for systemd, containers and cron. SIGTERM and SIGINT finish the request in flight and stop; SIGHUP reads the
/// configuration again.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// Poll every flow once, post what can be posted, audit the bills if that is due, print a summary, and end
    #[arg(long)]
    pub once: bool,
    /// With --once: wait until nothing is in doubt any more
    #[arg(long, requires = "once")]
    pub settle: bool,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub fn run(args: &RunArgs, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let log = LogRing::new();
    logging::init(global.log_level.unwrap_or(Verbosity::Info), true, Some(log.clone()), None);
    let path = Config::find(global.config.as_deref(), &process_environment)?;
    let config = link::configuration(global)?;
    let runtime = compose::runtime()?;
    let result = runtime.block_on(async {
        let running = compose::start(config, &path, log, !args.once).await?;
        if args.once {
            let engine = running.engine.clone();
            let exit = once(&running, args, terminal).await;
            running.stop().await;
            compose::lost(&engine)?;
            return exit;
        }
        serve(running).await
    });
    compose::finish(runtime);
    result
}

/// One pass; a signal ends it early and in order.
async fn once(running: &Running, args: &RunArgs, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let engine = running.engine.clone();
    let pass = tokio::select! {
        pass = engine.pass(args.settle) => pass,
        () = ended() => {
            terminal.note("told to stop; the request in flight is finished");
            return Ok(Exit::Attention);
        }
    };
    let snapshot = engine.snapshots().borrow().clone();
    if let Some(why) = kept_back(&snapshot) {
        terminal.note(&why);
    }
    report(pass, args.json.json, terminal)
}

/// Why bills are kept back, where they are.
fn kept_back(snapshot: &Snapshot) -> Option<String> {
    if let Some(pause) = &snapshot.pause {
        let (by, why) = (safe(&pause.by), safe(&pause.why));
        return Some(format!("posting is paused by {by}: {why}; `tollgate queue resume` lets it go on"));
    }
    match &snapshot.mode {
        PostingMode::Observe => Some("nothing was sent: the configuration says observe".to_owned()),
        PostingMode::WaitingForStart { .. } => {
            Some("nothing was sent: nobody has started posting, `tollgate posting start` does".to_owned())
        }
        PostingMode::Post { .. } => None,
    }
}

/// Prints what a pass did and what kept it from doing more; gives the exit code.
pub fn report(mut pass: Pass, json: bool, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let mut exit = compose::attention(pass.summary.needs_attention() || pass.waiting || !pass.found.is_empty());
    for line in &pass.found {
        terminal.note(&format!("audit: {line}"));
    }
    for line in &pass.unreachable {
        terminal.note(&format!("not reached: {line}"));
        exit = exit.worse(Exit::Remote);
    }
    for line in &pass.failed {
        terminal.note(&format!("failed: {line}"));
        exit = exit.worse(Exit::Failed);
    }
    pass.summary.exit_code = exit.code();
    print_summary(&pass.summary, json, terminal)?;
    Ok(exit)
}

/// Serves until a signal comes; SIGHUP reads the configuration again.
async fn serve(running: Running) -> Result<Exit, CliError> {
    let mut hangup = signal(SignalKind::hangup()).ok();
    // Listened to all the time: one that comes while the configuration is read again must not be missed.
    let mut end = End::listen();
    let engine = running.engine.clone();
    loop {
        let again = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = end.comes() => break,
            () = engine.failed() => break,
            _ = again => {
                let order = Order { key: format!("sighup-{}", jiff::Timestamp::now()), command: Command::Reload };
                match engine.tell(order, this_person()).await {
                    Ok(outcome) => tracing::info!("{}", outcome.message),
                    Err(refusal) => tracing::error!("{refusal}"),
                }
            }
        }
    }
    tracing::info!("stopping; the request in flight is finished");
    let failed = engine.has_failed();
    running.stop().await;
    // Asked after the end: what was in flight has come to something by now.
    compose::lost(&engine)?;
    Ok(if failed { Exit::Failed } else { compose::attention(engine.needs_attention()) })
}

/// SIGTERM and SIGINT. What comes after [`End::listen`] is not missed, whatever is done meanwhile.
struct End(Option<(Signal, Signal)>);

impl End {
    fn listen() -> End {
        End(signal(SignalKind::terminate()).ok().zip(signal(SignalKind::interrupt()).ok()))
    }

    /// Waits until one has come.
    async fn comes(&mut self) {
        match &mut self.0 {
            Some((term, int)) => tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} },
            None => std::future::pending().await,
        }
    }
}

/// SIGTERM or SIGINT from now on.
pub async fn ended() {
    End::listen().comes().await;
}

/// Prints what a pass did, as text or as one JSON value.
pub fn print_summary(summary: &RunSummary, json: bool, terminal: &mut Terminal) -> Result<(), CliError> {
    if json { terminal.json(summary) } else { terminal.print(&summary.text()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::testing::terminal;
    use crate::messages::QueuePause;

    #[test]
    fn bills_that_are_kept_back_are_not_passed_over_in_silence() {
        let mut snapshot = Snapshot::blank(jiff::Timestamp::UNIX_EPOCH);
        let said = |snapshot: &Snapshot| kept_back(snapshot).unwrap_or_default();
        snapshot.mode = PostingMode::Observe;
        assert!(said(&snapshot).contains("observe"));
        snapshot.mode = PostingMode::WaitingForStart { from: None, phrase: "post".into() };
        assert!(said(&snapshot).contains("tollgate posting start"));
        snapshot.mode = PostingMode::Post { from: None, started: None };
        assert_eq!(kept_back(&snapshot), None);
        let at = jiff::Timestamp::UNIX_EPOCH;
        snapshot.pause = Some(QueuePause { by: "anna".into(), at, why: "month\u{1b}[2J end".into() });
        assert!(said(&snapshot).contains("paused by anna: month‹U+001B›[2J end"), "{}", said(&snapshot));
    }

    #[test]
    fn the_summary_is_one_json_value_on_one_line() {
        let (mut term, out, _) = terminal(None);
        print_summary(&RunSummary::default(), true, &mut term).unwrap();
        let value: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
        assert_eq!(out.text().lines().count(), 1);
        assert_eq!(value["documents"].as_object().unwrap().len(), 13);
    }
}
