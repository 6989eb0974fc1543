//! `tollgate ping`: tries the real systems step by step, and writes nothing.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::exit::{CliError, Exit};
use super::link::configuration;
use super::output::Terminal;
use super::{Global, Json, compose};
use crate::config::{Config, process_environment};
use crate::engine::{self, Credentials, PingStep, Probe};
use crate::model::Secret;
use crate::seams::Seams;
use crate::vault::{KeySource, Vault, VaultError, variable_of};

/// A remote system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// JAGGAER.
    Jaggaer,
    /// Sage Intacct.
    Intacct,
}

impl System {
    fn probe(self) -> Probe {
        match self {
            System::Jaggaer => Probe::Jaggaer,
            System::Intacct => Probe::Intacct,
        }
    }
}

/// `ping`: logs in, reads one page of each flow, writes nothing. What fails is told with its reason and what to do.
#[derive(Args, Clone, Debug, Default)]
pub struct PingArgs {
    /// Only this system; both by default
    #[arg(value_enum)]
    pub system: Option<System>,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// One step of it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Which system.
    pub system: System,
    /// What was tried: `token`, `one page of invoices`.
    pub step: String,
    /// Whether it worked.
    pub ok: bool,
    /// What came, or what went wrong. Made safe where it is printed.
    pub what: String,
    /// What to do, where it failed.
    pub advice: Option<String>,
}

impl From<PingStep> for Step {
    fn from(step: PingStep) -> Self {
        let system = if step.system == "jaggaer" { System::Jaggaer } else { System::Intacct };
        let (ok, what, advice) = match step.result {
            Ok(what) => (true, what, None),
            Err((what, advice)) => (false, what, Some(advice).filter(|advice| !advice.is_empty())),
        };
        Step { system, step: step.step, ok, what, advice }
    }
}

/// Prints one step: called as each ends, so that a person sees where it waits.
pub fn print(step: &Step, json: bool, terminal: &mut Terminal) -> Result<(), CliError> {
    if json {
        return terminal.json(step);
    }
    let system = match step.system {
        System::Jaggaer => "JAGGAER",
        System::Intacct => "Intacct",
    };
    let mark = if step.ok { "ok    " } else { "FAILED" };
    terminal.print(&format!("{mark} {system}: {}: {}", step.step, crate::model::safe(&step.what)))?;
    if let Some(advice) = &step.advice {
        terminal.print(&format!("       {advice}"))?;
    }
    terminal.flush()
}

/// The exit code of all steps: 4 where one failed.
pub fn exit(steps: &[Step]) -> Exit {
    if steps.iter().all(|step| step.ok) { Exit::Done } else { Exit::Remote }
}

/// Runs it.
pub async fn run(args: &PingArgs, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let config = configuration(global)?;
    let which: Vec<System> = match args.system {
        Some(system) => vec![system],
        None => vec![System::Jaggaer, System::Intacct],
    };
    let credentials = credentials(&config, &which)?;
    let (mut steps, mut printed) = (Vec::new(), Ok(()));
    let probes: Vec<Probe> = which.iter().map(|system| system.probe()).collect();
    engine::ping(&config, &compose::networks(), &Seams::system(), credentials, &probes, |step| {
        let step = Step::from(step);
        if printed.is_ok() {
            printed = print(&step, args.json.json, terminal);
        }
        steps.push(step);
    })
    .await;
    printed?;
    Ok(exit(&steps))
}

/// The credentials of the systems that are asked; nothing is created for it, and the other system's may be missing.
fn credentials(config: &Config, which: &[System]) -> Result<Credentials, CliError> {
    let vault = match Vault::exists(&config.data_dir) {
        true => {
            Some(Vault::open(&config.data_dir, KeySource::find(config.key_file.as_deref(), &process_environment)?)?)
        }
        false => None,
    };
    let secret = |system: System, name: &'static str| -> Result<Secret, CliError> {
        if !which.contains(&system) {
            return Ok(Secret::new(String::new()));
        }
        let variable = variable_of(name);
        match &vault {
            Some(vault) => Ok(vault.require(name)?),
            None => match process_environment(&variable).filter(|value| !value.is_empty()) {
                Some(value) => Ok(Secret::new(value)),
                None => Err(VaultError::NotSet { name, variable }.into()),
            },
        }
    };
    Ok(Credentials {
        jaggaer: secret(System::Jaggaer, "jaggaer.client_secret")?,
        intacct: crate::intacct::Credentials {
            sender_password: secret(System::Intacct, "intacct.sender_password")?,
            user_password: secret(System::Intacct, "intacct.user_password")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::testing::terminal;

    #[test]
    fn a_failed_step_says_why_and_what_to_do_and_is_exit_code_4() {
        let step = Step {
            system: System::Intacct,
            step: "login".into(),
            ok: false,
            what: "XL03000006\u{1b}[2J\nsecond line".into(),
            advice: Some("Check the user's password.".into()),
        };
        let (mut term, out, _) = terminal(None);
        print(&step, false, &mut term).unwrap();
        let expected = "FAILED Intacct: login: XL03000006‹U+001B›[2J⏎second line\n       Check the user's password.\n";
        assert_eq!(out.text(), expected);
        assert_eq!(exit(&[step]), Exit::Remote);
        assert_eq!(exit(&[]), Exit::Done);
    }
}
