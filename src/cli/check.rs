//! `tollgate check`: is everything that was written usable? Without the network.

use clap::Args;
use serde::Serialize;

use super::exit::{CliError, Exit};
use super::link::configuration;
use super::output::Terminal;
use super::{Global, Json};
use crate::config::{Config, ConfigError, Fault, environment_warnings, process_environment};
use crate::vault::KeySource;

/// `check`: validates configuration, profile and mapping; names file, line and key of each fault. Faults are exit code 2.
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The configuration that was read.
    pub config: Option<String>,
    /// Whether everything can be used.
    pub ok: bool,
    /// What cannot be used.
    pub faults: Vec<Finding>,
    /// What is probably not meant.
    pub warnings: Vec<String>,
}

/// One fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// In which file, or `environment`.
    pub file: String,
    /// In which line.
    pub line: Option<usize>,
    /// At which key.
    pub key: String,
    /// What is wrong, and what to do.
    pub what: String,
    /// What was probably meant.
    pub nearest: Option<String>,
}

impl From<&Fault> for Finding {
    fn from(fault: &Fault) -> Self {
        let Fault { file, line, key, what, nearest } = fault.clone();
        Finding { file, line, key, what, nearest }
    }
}

impl From<&Finding> for Fault {
    fn from(finding: &Finding) -> Self {
        let Finding { file, line, key, what, nearest } = finding.clone();
        Fault { file, line, key, what, nearest }
    }
}

/// Runs it.
pub fn run(args: &CheckArgs, global: &Global, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let report = report(configuration(global))?;
    print(&report, args.json.json, terminal)?;
    Ok(if report.ok { Exit::Done } else { Exit::Usage })
}

fn report(read: Result<Config, CliError>) -> Result<Report, CliError> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut report = Report { warnings: environment_warnings(names), ..Report::default() };
    match read {
        Ok(config) => {
            report.config = Some(config.path.display().to_string());
            report.warnings.splice(0..0, config.warnings.iter().cloned());
            // Not a fault: the key may be given only to the service, as a credential or a variable.
            report.warnings.extend(key_warning(&config));
            report.faults = profile_faults(&config);
            report.faults.extend(mapping_faults(&config));
        }
        Err(CliError::Config(ConfigError::Faults(faults))) => {
            report.faults = faults.iter().map(Finding::from).collect()
        }
        Err(error) => return Err(error),
    }
    report.ok = report.faults.is_empty();
    Ok(report)
}

fn key_warning(config: &Config) -> Option<String> {
    KeySource::find(config.key_file.as_deref(), &process_environment).err().map(|error| error.to_string())
}

// PLACEHOLDER for the composition: what is wrong with the profile that the configuration names.
fn profile_faults(_config: &Config) -> Vec<Finding> {
    Vec::new()
}

// PLACEHOLDER for the composition: what is wrong with the mapping and its tables.
fn mapping_faults(_config: &Config) -> Vec<Finding> {
    Vec::new()
}

fn print(report: &Report, json: bool, terminal: &mut Terminal) -> Result<(), CliError> {
    if json {
        return terminal.json(report);
    }
    for finding in &report.faults {
        terminal.print(&Fault::from(finding).to_string())?;
    }
    for warning in &report.warnings {
        terminal.print(&format!("warning: {warning}"))?;
    }
    let config = report.config.as_deref().unwrap_or_default();
    match report.faults.len() {
        0 => terminal.print(&format!("{config}: configuration, profile and mapping can be used")),
        1 => terminal.print("1 fault"),
        count => terminal.print(&format!("{count} faults")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::testing::terminal;

    #[test]
    fn every_fault_is_named_with_file_line_and_key_in_text_and_json() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("tollgate.toml");
        std::fs::write(&path, "data_dirr = \"/x\"\n[intacct]\nsender_id = 5\n").unwrap();
        let global = Global { config: Some(path), ..Global::default() };
        let (mut term, out, _) = terminal(None);
        assert_eq!(run(&CheckArgs::default(), &global, &mut term).unwrap(), Exit::Usage);
        assert!(out.text().contains("tollgate.toml:1: data_dirr"), "{}", out.text());
        let (mut term, out, _) = terminal(None);
        run(&CheckArgs { json: Json { json: true } }, &global, &mut term).unwrap();
        let value: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
        assert_eq!(value["ok"], false);
        assert_eq!(value["faults"][0]["line"], 1);
    }
}
