//! The command line: arguments in, exit code out. One file per group of commands.
//!
//! Floor 5. A command that only looks or decides speaks to a [`Link`](crate::messages::Link), so it does the same whether an
//! engine runs or not; those that start something (`run`, `console`, `demo`, `simulate`) compose the other rooms.

pub mod audit;
pub mod check;
pub mod compose;
pub mod conflicts;
pub mod console;
pub mod demo;
pub mod exit;
pub mod failures;
pub mod flow;
pub mod init;
pub mod invoices;
pub mod link;
pub mod logging;
pub mod map;
pub mod output;
pub mod pairs;
pub mod ping;
pub mod posting;
pub mod queue;
pub mod reload;
pub mod run;
pub mod secret;
pub mod select;
pub mod show;
pub mod simulate;
mod starting;
pub mod status;
pub mod table;
pub mod vendors;

#[cfg(test)]
mod fake;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::exit::{CliError, Exit};
use self::link::Need;
use self::logging::Verbosity;
use self::output::{Color, Terminal};

/// Carries approved JAGGAER invoices into Sage Intacct, exactly once, and shows what happens.
///
/// Without a command the console opens: it attaches to the engine that runs on this data directory, or runs one itself. To see
/// everything work without any configuration, start `tollgate demo`.
#[derive(Parser, Debug)]
#[command(name = "tollgate", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What holds for all commands.
    #[command(flatten)]
    pub global: Global,
    /// What to do; the console by default.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of all commands.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// Configuration file [default: ./tollgate.toml, $XDG_CONFIG_HOME/tollgate/, /etc/tollgate/, the first that is there]
    #[arg(
        long,
        global = true,
        help_heading = "Options of all commands",
        value_name = "PATH",
        env = "TOLLGATE_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Data directory, in place of the configuration's `data_dir`
    #[arg(long, global = true, help_heading = "Options of all commands", value_name = "PATH")]
    pub data_dir: Option<PathBuf>,
    /// How much is logged [default: info for an engine, warn for a command]
    #[arg(long, global = true, help_heading = "Options of all commands", value_name = "LEVEL")]
    pub log_level: Option<Verbosity>,
    /// When to colour; NO_COLOR is heeded
    #[arg(long, global = true, help_heading = "Options of all commands", value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Show everything and change nothing
    #[arg(long, global = true, help_heading = "Options of all commands")]
    pub read_only: bool,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Open the console (the default)
    Console(console::ConsoleArgs),
    /// Run the engine without a console
    Run(run::RunArgs),
    /// See everything work on built-in simulators
    Demo(demo::DemoArgs),
    /// Run only the simulators of both systems
    Simulate(simulate::SimulateArgs),
    /// Write a commented configuration and mapping to start from
    Init(init::InitArgs),
    /// Validate configuration, profile and mapping without the network
    Check(check::CheckArgs),
    /// Try the real systems: log in, read, write nothing
    Ping(ping::PingArgs),
    /// Set, list, remove and rotate credentials
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// One screen about everything
    Status(status::StatusArgs),
    /// List and show invoices
    #[command(subcommand)]
    Invoices(invoices::InvoicesCommand),
    /// What failed, is held or differs, and what may be decided about it
    #[command(subcommand)]
    Failures(failures::FailuresCommand),
    /// Suppliers and vendors: which belong together, what is carried over, and its start
    #[command(subcommand)]
    Vendors(vendors::VendorsCommand),
    /// Fields that both systems changed: whose word holds
    #[command(subcommand)]
    Conflicts(conflicts::ConflictsCommand),
    /// Explain and try the mapping
    #[command(subcommand)]
    Map(map::MapCommand),
    /// Stop and restart posting
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Run, pause and resume a flow
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    /// Start posting for the first time, or go back to observing
    #[command(subcommand)]
    Posting(posting::PostingCommand),
    /// Read configuration, profile and mapping again
    Reload(reload::ReloadArgs),
    /// The audit trail: of one record, all of it, and proof that nothing was altered
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

/// `--json` of a command that prints data.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Json {
    /// Print JSON (a line for each element of a list) and nothing else on standard output
    #[arg(long)]
    pub json: bool,
}

/// The definition of all commands, with the exit codes in the long help of each.
pub fn command() -> clap::Command {
    fn with_exit_codes(command: clap::Command) -> clap::Command {
        let own = command.get_after_long_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
        let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        let command = command.after_long_help(format!("{own}{}", exit::HELP));
        names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_exit_codes))
    }
    with_exit_codes(Cli::command())
}

/// Reads the arguments.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let mut matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// The whole program: reads the arguments, runs the command, reports its error, gives the exit code.
pub fn main() -> ExitCode {
    // A core file would hold credentials; where it cannot be prevented, the work is still to be done.
    let _ = crate::vault::harden();
    std::panic::set_hook(Box::new(tell_panic));
    let cli = match parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() {
                // It quotes the arguments, which a script may have from anywhere: made safe like everything else.
                Terminal::system(Color::Auto).note(&error.render().to_string());
                return Exit::Usage.into();
            }
            // Help and version; that nobody reads them to the end is no error.
            let _ = error.print();
            return Exit::Done.into();
        }
    };
    let mut terminal = Terminal::system(cli.global.color);
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(cli, &mut terminal)));
    let ran = ran.unwrap_or_else(|_| Err(CliError::Failed(DEFECT.to_owned())));
    let exit = match ran.and_then(|exit| terminal.flush().map(|()| exit)) {
        Ok(exit) => exit,
        Err(error) => {
            if !matches!(error, CliError::Closed) {
                terminal.note(&format!("error: {error}"));
            }
            error.exit()
        }
    };
    exit.into()
}

const DEFECT: &str = "Tollgate came into a state that it does not know and stopped; nothing is lost: what was under way is looked up \
                      in Intacct at the next start. If it happens again, check the disk and report it with the line above";

/// One line about a panic: where and what, made safe, because it may quote anything.
fn tell_panic(info: &std::panic::PanicHookInfo<'_>) {
    use std::io::Write as _;
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let what = info.payload_as_str().unwrap_or_default();
    let _ =
        writeln!(std::io::stderr(), "internal error at {}: {}", crate::model::safe(&place), crate::model::safe(what));
}

/// Runs a command.
pub fn run(cli: Cli, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let global = &cli.global;
    let command = cli.command.unwrap_or(Command::Console(console::ConsoleArgs::default()));
    // Those that set their own log up or need none come first; each composes its own runtime where it needs one.
    match command {
        Command::Console(args) => return console::run(&args, global, terminal),
        Command::Run(args) => return run::run(&args, global, terminal),
        Command::Demo(args) => return demo::run(&args, global, terminal),
        Command::Simulate(args) => return simulate::run(&args, global, terminal),
        _ => logging::init(global.log_level.unwrap_or(Verbosity::Warn), true, None, None),
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::io("starting", error))?;
    runtime.block_on(quick(command, global, terminal))
}

/// The commands that do one thing and end.
async fn quick(command: Command, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        Command::Init(args) => init::run(&args, global, terminal),
        Command::Check(args) => check::run(&args, global, terminal),
        Command::Ping(args) => ping::run(&args, global, terminal).await,
        Command::Secret(command) => secret::run(&command, global, terminal).await,
        Command::Status(args) => {
            let link = link::open(global, Need::Look, terminal).await?;
            status::run(&args, link.as_ref(), terminal).await
        }
        Command::Invoices(command) => {
            let link = link::open(global, Need::Look, terminal).await?;
            invoices::run(&command, link.as_ref(), terminal).await
        }
        Command::Failures(command) => {
            let link = link::open(global, command.need(), terminal).await?;
            failures::run(&command, link.as_ref(), terminal).await
        }
        Command::Vendors(command) => {
            let link = link::open(global, command.need(), terminal).await?;
            vendors::run(&command, link.as_ref(), terminal).await
        }
        Command::Conflicts(command) => {
            let link = link::open(global, command.need(), terminal).await?;
            conflicts::run(&command, link.as_ref(), terminal).await
        }
        Command::Map(command) => {
            let link = link::open(global, Need::Look, terminal).await?;
            map::run(&command, link.as_ref(), terminal).await
        }
        Command::Queue(command) => {
            let link = link::open(global, Need::Act, terminal).await?;
            queue::run(&command, link.as_ref(), terminal).await
        }
        Command::Flow(command) => {
            let link = link::open(global, Need::Act, terminal).await?;
            flow::run(&command, link.as_ref(), terminal).await
        }
        Command::Posting(command) => {
            let link = link::open(global, Need::Act, terminal).await?;
            posting::run(&command, link.as_ref(), terminal).await
        }
        Command::Reload(args) => {
            let link = link::open(global, Need::Act, terminal).await?;
            reload::run(&args, link.as_ref(), terminal).await
        }
        Command::Audit(command) => {
            let link = link::open(global, Need::Look, terminal).await?;
            audit::run(&command, link.as_ref(), terminal).await
        }
        Command::Console(_) | Command::Run(_) | Command::Demo(_) | Command::Simulate(_) => Ok(Exit::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_help(path: &[&str]) -> String {
        let mut args = vec!["tollgate"];
        args.extend(path);
        args.push("--help");
        parse(args.into_iter().map(OsString::from)).unwrap_err().to_string()
    }

    fn walk(command: &clap::Command, path: &mut Vec<String>, seen: &mut Vec<Vec<String>>) {
        seen.push(path.clone());
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            path.push(sub.get_name().to_owned());
            walk(sub, path, seen);
            path.pop();
        }
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn the_long_help_of_every_command_names_the_exit_codes() {
        let mut seen = Vec::new();
        walk(&command(), &mut Vec::new(), &mut seen);
        assert!(seen.len() > 35, "{seen:?}");
        for path in seen {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let help = long_help(&path);
            assert!(help.contains("Exit codes:") && help.contains("5  another engine"), "{path:?}: {help}");
        }
    }

    #[test]
    fn the_promised_command_lines_are_understood() {
        for line in [
            "",
            "console --read-only",
            "run --once --settle --json",
            "demo --headless --json --seed 7",
            "simulate --jaggaer-port 8801 --intacct-port 8802 --seed 1 --invoices 50 --latency 20ms --fault lost-answer=0.1",
            "init",
            "check --json",
            "ping jaggaer",
            "ping",
            "secret set jaggaer.client_secret",
            "secret list --json",
            "secret remove intacct.user_password",
            "secret rotate --data",
            "status --json --config /etc/x.toml --data-dir /d --log-level debug --color never",
            "invoices list --state held,failed --vendor V-1 --since 2026-11-01 harbor lab",
            "invoices show 12 --json",
            "failures list",
            "failures show 12",
            "failures replay 12 13",
            "failures replay --all --where state:failed --yes",
            "failures dismiss 12 --reason typed-by-hand",
            "failures reopen 12",
            "failures adopt 12 --record 4711",
            "failures post-anyway 12 --reason checked",
            "vendors list --state conflict,held --alerted --limit 0 harbor lab",
            "vendors show V-10001 --json",
            "vendors plan --json",
            "vendors start --field phone --field e-mail --no-create --confirm phrase",
            "vendors stop",
            "vendors link V-10001 10001",
            "vendors refuse p12 10001",
            "vendors seen p12",
            "vendors retry p12",
            "conflicts list --json harbor",
            "conflicts show p12",
            "conflicts resolve p12 --take jaggaer",
            "conflicts resolve V-10001 --take intacct --field tax-id --always",
            "conflicts resolve V-10001 --field phone --value -5550100",
            "conflicts undo p12 --field phone",
            "map explain 12",
            "map test a.json b.json",
            "queue pause --reason month-end",
            "queue resume",
            "flow run invoices",
            "flow pause invoices",
            "flow resume invoices",
            "posting start --confirm phrase",
            "posting stop",
            "reload",
            "audit show 12",
            "audit show p12",
            "audit export --format csv",
            "audit verify",
        ] {
            let args = std::iter::once("tollgate").chain(line.split_whitespace()).map(OsString::from);
            if let Err(error) = parse(args) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn wrong_usage_is_refused() {
        for line in [
            "secret set",
            "secret set jaggaer.client_secret hunter2",
            "failures dismiss 12",
            "failures adopt 12",
            "failures replay",
            "failures replay 12 --all",
            "failures replay 12 --where state:failed",
            "failures adopt 12 --record x",
            "run --settle",
            "ping sap",
            "invoices list --state lost",
            "vendors list --state posted",
            "vendors start --field colour",
            "vendors link p12",
            "conflicts resolve p12",
            "conflicts resolve p12 --take both",
            "conflicts resolve p12 --value 5550100",
            "conflicts resolve p12 --take jaggaer --field phone --value 5550100",
            "conflicts resolve p12 --field phone --value 5550100 --always",
        ] {
            let args = std::iter::once("tollgate").chain(line.split_whitespace()).map(OsString::from);
            assert!(parse(args).is_err(), "{line}");
        }
    }
}
