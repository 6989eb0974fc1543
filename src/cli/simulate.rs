//! `tollgate simulate`: only the simulators, for trying a configuration.

use std::time::Duration;

use clap::Args;

use super::Global;
use super::exit::{CliError, Exit};
use super::output::Terminal;
use crate::model::safe;

/// `simulate`: both systems over real HTTP on loopback, until it is stopped. Their addresses and credentials are printed.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    /// Port of the simulated JAGGAER; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub jaggaer_port: u16,
    /// Port of the simulated Intacct gateway; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub intacct_port: u16,
    /// Seed of the data and of chance; the same seed gives the same data
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Invoices
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub invoices: u32,
    /// Suppliers
    #[arg(long, value_name = "N", default_value_t = 24)]
    pub suppliers: u32,
    /// Lines of the longest invoice
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub lines: u32,
    /// How long each answer takes: 20ms, 2s
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub latency: Duration,
    /// A behaviour of the gateway and how often, from 0 to 1; may be given several times: lost-answer=0.05
    #[arg(long = "fault", value_name = "NAME=RATE", value_parser = fault)]
    pub faults: Vec<Fault>,
}

/// A fault and its rate.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// Its name, as the simulator knows it.
    pub name: String,
    /// How often, from 0 to 1.
    pub rate: f64,
}

fn fault(text: &str) -> Result<Fault, String> {
    let (name, rate) = text.split_once('=').ok_or("a fault is written NAME=RATE, for example lost-answer=0.05")?;
    let rate: f64 = rate.parse().map_err(|_| format!("`{}` is no rate from 0 to 1", safe(rate)))?;
    if name.is_empty() || !(0.0..=1.0).contains(&rate) {
        return Err(format!("`{}`: a fault needs a name and a rate from 0 to 1", safe(text)));
    }
    Ok(Fault { name: name.to_owned(), rate })
}

/// Reads a duration with its unit: `50ms`, `30s`, `5m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{}` is no duration; write 50ms, 30s or 5m", safe(text));
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

// PLACEHOLDER for the composition: start both simulators, print where they listen, wait for a signal.
/// Runs it.
pub fn run(_args: &SimulateArgs, _global: &Global, _terminal: &mut Terminal) -> Result<Exit, CliError> {
    Err(CliError::Failed("the simulators are not part of this build".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_faults_are_read_with_their_unit_and_rate() {
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "50", "-5s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(fault("lost-answer=0.05"), Ok(Fault { name: "lost-answer".into(), rate: 0.05 }));
        for wrong in ["lost-answer", "x=2", "x=NaN", "=0.1", "x=-1"] {
            assert!(fault(wrong).is_err(), "{wrong}");
        }
    }
}
