//! `tollgate ping`: tries the real systems step by step, and writes nothing.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::{Global, Json};

/// A remote system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// JAGGAER.
    Jaggaer,
    /// Sage Intacct.
    Intacct,
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

// PLACEHOLDER for the composition: the steps of each system in order, each printed by `print`; `exit` gives the exit code.
/// Runs it.
pub async fn run(_args: &PingArgs, _global: &Global, _terminal: &mut Terminal) -> Result<Exit, CliError> {
    Err(CliError::Failed("pinging is not part of this build".to_owned()))
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
