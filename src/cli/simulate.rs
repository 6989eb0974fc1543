//! `tollgate simulate`: only the simulators, for trying a configuration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::exit::{CliError, Exit};
use super::logging::{self, Verbosity};
use super::output::Terminal;
use super::run::ended;
use super::{Global, Json, compose};
use crate::config::Config;
use crate::model::{Secret, safe};
use crate::simulator::faults::{Behaviour, Fault as GatewayFault, Kind, Trigger};
use crate::simulator::server::{ServerOptions, Simulators};
use crate::simulator::world::World;
use crate::vault::variable_of;

/// `simulate`: both systems over real HTTP on loopback, until SIGINT or SIGTERM. Their addresses and credentials are printed.
///
/// Without --invoices the data are those of `demo`: 120 and more invoices with everything that can go wrong once. With it they
/// are so many ordinary ones, all of which can be posted.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = fault_help())]
pub struct SimulateArgs {
    /// Port of the simulated JAGGAER; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub jaggaer_port: u16,
    /// Port of the simulated Intacct gateway; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub intacct_port: u16,
    /// Port of the interface to look inside and to interfere; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub admin_port: u16,
    /// Seed of the data and of chance; the same seed gives the same data
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// So many ordinary invoices instead of the demo's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub invoices: Option<u32>,
    /// Lines of each of these
    #[arg(long, value_name = "N", default_value_t = 5, requires = "invoices", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub lines: u32,
    /// No invoices, but two supplier masters that meet for the first time: so many suppliers in JAGGAER
    #[arg(long, value_name = "N", conflicts_with = "invoices", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub suppliers: Option<u32>,
    /// And at least so many vendors in Intacct
    #[arg(long, value_name = "N", default_value_t = 0, requires = "suppliers", value_parser = clap::value_parser!(u32).range(0..=200_000))]
    pub vendors: u32,
    /// Let two thirds of the invoices come up over some seconds instead of having all there from the start
    #[arg(long)]
    pub trickle: bool,
    /// How long each answer takes: 20ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub latency: Duration,
    /// A behaviour of the gateway and how often, from 0 to 1; may be given several times: lost-answer=0.05
    #[arg(long = "fault", value_name = "NAME=RATE", value_parser = fault)]
    pub faults: Vec<Fault>,
    /// Write a ready configuration for these simulators into this directory, credentials included
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// A fault and its rate.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// How often, from 0 to 1.
    pub rate: f64,
}

/// A fault that can be asked for by name.
struct Known {
    name: &'static str,
    help: &'static str,
    on: Option<Kind>,
    does: fn() -> Behaviour,
}

/// Every fault with its usual figures; others can be had over the interface to look inside.
const KNOWN: [Known; 26] = [
    known("refuse", "closes the connection, executes nothing", None, || Behaviour::Refuse),
    known("unavailable", "answers 503, executes nothing", None, || Behaviour::Unavailable(503)),
    known("html", "answers 200 with a page, executes nothing", None, || Behaviour::HtmlOk),
    known("throttle", "answers 429, come back in a second", None, || Behaviour::Throttle(Some(1))),
    known("session-expired", "says that the session is over", None, || Behaviour::SessionExpired),
    known("login-refused", "refuses user name and password", Some(Kind::Login), || Behaviour::LoginRefused),
    known("poison", "refuses the whole request as XL03000003", Some(Kind::Write), || Behaviour::Poison),
    known("rolled-back", "executes nothing, calls every function aborted", Some(Kind::Write), || Behaviour::RolledBack),
    known("offline", "functions fail as temporarily off-line", Some(Kind::Write), || Behaviour::Offline),
    known("lost-answer", "executes, then closes the connection", None, || Behaviour::Drop),
    known("bad-gateway", "executes, then answers 502", None, || Behaviour::BadGateway(502)),
    known("late-answer", "executes, answers 3 s later", None, || Behaviour::AnswerLate(3_000)),
    known("silent", "executes and never answers", None, || Behaviour::Silent),
    known("swapped-answer", "executes, gives the answer of the request before", None, || Behaviour::SwapAnswer),
    known("earlier-answer", "executes, gives the answer of the writes before", Some(Kind::Write), || {
        Behaviour::EarlierAnswer
    }),
    known("turned-results", "executes, gives the results in the opposite order", Some(Kind::Write), || {
        Behaviour::TurnedResults
    }),
    known("cut", "executes, cuts the answer after 700 bytes", None, || Behaviour::Cut(700)),
    known("malformed", "executes, answers with XML that is not well formed", None, || Behaviour::Malformed),
    known("trickle", "executes, answers 64 bytes at a time", None, || Behaviour::Trickle(64, 20)),
    known("missing-result", "executes, leaves the last result out", Some(Kind::Write), || Behaviour::MissingResult),
    known("foreign-id", "executes, names control ids nobody sent", Some(Kind::Write), || Behaviour::ForeignControlId),
    known("part", "executes the first function, then closes", Some(Kind::Write), || Behaviour::Part(1)),
    known("late-commit", "closes, and executes a second later", Some(Kind::Write), || Behaviour::CommitLate(1_000)),
    known("stale-reads", "queries miss what is younger than 800 ms", Some(Kind::Read), || Behaviour::StaleReads(800)),
    known("wrong-amount", "stores a bill with a cent more", Some(Kind::Write), || Behaviour::WrongAmount(1)),
    known("reversed", "a person reverses the bills at once", Some(Kind::Write), || Behaviour::ReversedByHand),
];

const fn known(name: &'static str, help: &'static str, on: Option<Kind>, does: fn() -> Behaviour) -> Known {
    Known { name, help, on, does }
}

fn fault_help() -> String {
    let mut text = String::from("Faults of the gateway, for --fault NAME=RATE:\n");
    for Known { name, help, .. } in &KNOWN {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  {name:<16} {help}");
    }
    text.push_str(
        "Any other behaviour, and JAGGAER's, can be asked for while they run: POST to /sim/faults and /sim/troubles.",
    );
    text
}

fn fault(text: &str) -> Result<Fault, String> {
    let (name, rate) = text.split_once('=').ok_or("a fault is written NAME=RATE, for example lost-answer=0.05")?;
    let rate: f64 = rate.parse().map_err(|_| format!("`{}` is no rate from 0 to 1", safe(rate)))?;
    if !(0.0..=1.0).contains(&rate) {
        return Err(format!("`{}`: a rate is a number from 0 to 1", safe(text)));
    }
    match KNOWN.iter().find(|known| known.name == name) {
        Some(known) => Ok(Fault { name: known.name, rate }),
        None => {
            let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
            Err(format!("there is no fault `{}`; there are {}", safe(name), names.join(", ")))
        }
    }
}

impl Fault {
    /// As the gateway takes it.
    fn arm(&self) -> Option<GatewayFault> {
        let known = KNOWN.iter().find(|known| known.name == self.name)?;
        // Between 0 and 1000: checked where it was read.
        let chance = Trigger::PerMille((self.rate * 1_000.0).round() as u32);
        let when = match known.on {
            Some(kind) => Trigger::All(vec![Trigger::Kind(kind), chance]),
            None => chance,
        };
        Some(GatewayFault::always(when, (known.does)()))
    }
}

/// Reads a duration with its unit: `50ms`, `30s`, `5m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{}` is no duration; write 50ms, 30s or 5m", safe(text));
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

/// Where everything is.
#[derive(Serialize)]
struct Where<'a> {
    jaggaer: Jaggaer<'a>,
    intacct: Intacct<'a>,
    secrets: std::collections::BTreeMap<&'static str, String>,
    admin_url: &'a str,
    config: Option<String>,
}

#[derive(Serialize)]
struct Jaggaer<'a> {
    base_url: &'a str,
    issuer: &'a str,
    token_url: &'a str,
    client_id: &'a str,
}

#[derive(Serialize)]
struct Intacct<'a> {
    gateway_url: &'a str,
    sender_id: &'a str,
    company_id: &'a str,
    user_id: &'a str,
}

/// Runs it.
pub fn run(args: &SimulateArgs, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    logging::init(global.log_level.unwrap_or(Verbosity::Warn), true, None, None);
    let runtime = compose::runtime()?;
    let result = runtime.block_on(play(args, terminal));
    compose::finish(runtime);
    result
}

async fn play(args: &SimulateArgs, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let mut world = match (args.invoices, args.suppliers) {
        (None, None) => World::demo(args.seed),
        (None, Some(suppliers)) => World::partners(args.seed, suppliers as usize, args.vendors as usize).0,
        (Some(invoices), _) => World::bulk(args.seed, invoices as usize, args.lines as usize),
    };
    world.faults.extend(args.faults.iter().filter_map(Fault::arm));
    let options = ServerOptions {
        gateway_port: args.intacct_port,
        jaggaer_port: args.jaggaer_port,
        admin_port: args.admin_port,
        trickle: args.trickle,
        gateway_latency: args.latency,
        jaggaer_latency: args.latency,
    };
    let simulators =
        Simulators::start(&world, &options).await.map_err(|error| CliError::io("starting the simulators", error))?;
    let config = match &args.write {
        Some(directory) => Some(write(directory, &world, &simulators)?),
        None => None,
    };
    say(&world, &simulators, config.as_deref(), args.json.json, terminal)?;
    terminal.flush()?;
    ended().await;
    simulators.stop().await;
    Ok(Exit::Done)
}

/// Says where everything is, and how a configuration gets there.
fn say(
    world: &World,
    simulators: &Simulators,
    config: Option<&Path>,
    json: bool,
    terminal: &mut Terminal,
) -> Result<(), CliError> {
    let user = world.gateway.users.keys().next().map(String::as_str).unwrap_or_default();
    let secrets = world.secrets();
    if json {
        return terminal.json(&Where {
            jaggaer: Jaggaer {
                base_url: &simulators.jaggaer_base,
                issuer: &simulators.issuer,
                token_url: &simulators.token_url,
                client_id: &world.procurement.client_id,
            },
            intacct: Intacct {
                gateway_url: &simulators.gateway_url,
                sender_id: &world.gateway.sender_id,
                company_id: &world.gateway.company_id,
                user_id: user,
            },
            secrets: secrets.into_iter().collect(),
            admin_url: &simulators.admin_url,
            config: config.map(|path| path.display().to_string()),
        });
    }
    let mut text = format!(
        "Both systems are simulated: {} invoices, seed {}. Ctrl-C ends them.\n\n\
         [jaggaer]\nbase_url    = \"{}\"\nissuer      = \"{}\"\nclient_id   = \"{}\"\n\n\
         [intacct]\ngateway_url = \"{}\"\nsender_id   = \"{}\"\ncompany_id  = \"{}\"\nuser_id     = \"{user}\"\n\n",
        world.invoices.len(),
        world.seed,
        simulators.jaggaer_base,
        simulators.issuer,
        world.procurement.client_id,
        simulators.gateway_url,
        world.gateway.sender_id,
        world.gateway.company_id,
    );
    match config {
        Some(path) => {
            let path = path.display();
            let _ = writeln!(
                text,
                "A configuration is written, the credentials are in its vault. In another terminal:\n  \
                 tollgate --config {path} ping\n  tollgate --config {path} run --once        # observes: nothing is sent\n  \
                 tollgate --config {path} posting start     # a person says so\n  tollgate --config {path}                   # the console\n"
            );
        }
        None => {
            text.push_str("The credentials, for a configuration of your own:\n");
            for (name, value) in &secrets {
                let _ = writeln!(text, "  printf %s {value} | tollgate secret set {name}");
            }
            text.push_str("or in the environment:\n");
            for (name, value) in &secrets {
                let _ = writeln!(text, "  export {}={value}", variable_of(name));
            }
            text.push('\n');
        }
    }
    let _ =
        writeln!(text, "To look inside: {0}/sim/ledger, /sim/stats, /sim/expected, /sim/faults", simulators.admin_url);
    terminal.print(&text)
}

/// The first words of a configuration that was written here before.
const OURS: &str = "# Made for the built-in simulators";

/// Writes a configuration with its credentials. A configuration of somebody else's is left as it is; the key of an earlier one
/// stays, because its vault needs it.
fn write(directory: &Path, world: &World, simulators: &Simulators) -> Result<PathBuf, CliError> {
    let failed = |error| CliError::io(format!("writing into {}", directory.display()), error);
    let there = directory.join("tollgate.toml");
    if std::fs::read_to_string(&there).is_ok_and(|text| !text.starts_with(OURS)) {
        let what =
            format!("{} was not written by `simulate`; nothing was written, name another directory", there.display());
        return Err(CliError::Usage(what));
    }
    let key = std::fs::read(directory.join("key")).ok();
    let path = world.files(directory, &simulators.addresses()).map_err(failed)?;
    if let Some(key) = key {
        std::fs::write(directory.join("key"), key).map_err(failed)?;
    }
    let config = Config::load(&path, &|_| None)?;
    let mut vault = compose::open_vault(&config)?;
    for (name, value) in world.secrets() {
        vault.set(name, &Secret::new(value), jiff::Timestamp::now())?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::testing::terminal;

    #[test]
    fn durations_and_faults_are_read_with_their_unit_and_rate() {
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "50", "-5s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(fault("lost-answer=0.05"), Ok(Fault { name: "lost-answer", rate: 0.05 }));
        for wrong in ["lost-answer", "cut=2", "cut=NaN", "=0.1", "cut=-1"] {
            assert!(fault(wrong).is_err(), "{wrong}");
        }
        assert!(fault("lost-anwser=0.1").unwrap_err().contains("lost-answer"));
    }

    #[test]
    fn every_fault_that_the_help_names_can_be_armed_at_its_rate() {
        for known in &KNOWN {
            let armed = fault(&format!("{}=0.25", known.name)).unwrap().arm().unwrap();
            assert_eq!(armed.does, (known.does)());
            assert!(format!("{:?}", armed.when).contains("PerMille(250)"), "{:?}", armed.when);
            assert!(fault_help().contains(known.name));
        }
    }

    #[tokio::test]
    async fn a_written_configuration_can_be_used_and_one_of_somebody_else_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let world = World::bulk(3, 4, 2);
        let simulators = Simulators::start(&world, &ServerOptions::default()).await.unwrap();
        for _ in 0..2 {
            let path = write(temp.path(), &world, &simulators).unwrap();
            let config = Config::load(&path, &|_| None).unwrap();
            assert_eq!(config.jaggaer.base_url.as_str(), simulators.jaggaer_base);
            crate::engine::Credentials::from_vault(&compose::open_vault(&config).unwrap()).unwrap();
        }
        let (mut term, out, _) = terminal(None);
        say(&world, &simulators, None, true, &mut term).unwrap();
        let value: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
        assert_eq!(value["intacct"]["gateway_url"], simulators.gateway_url);

        std::fs::write(temp.path().join("tollgate.toml"), "data_dir = \"/x\"\n").unwrap();
        assert_eq!(write(temp.path(), &world, &simulators).unwrap_err().exit(), Exit::Usage);
        assert_eq!(std::fs::read_to_string(temp.path().join("tollgate.toml")).unwrap(), "data_dir = \"/x\"\n");
    }
}
