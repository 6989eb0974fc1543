//! `tollgate check`: is everything that was written usable? Without the network.

use clap::Args;
use serde::Serialize;

use super::exit::{CliError, Exit};
use super::link::configuration;
use super::output::Terminal;
use super::{Global, Json};
use crate::config::{Config, ConfigError, Fault, environment_warnings, process_environment};
use crate::engine::validate;
use crate::jaggaer::Profile;
use crate::mapping::Rules;
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
            report.faults = schedule_faults(&config);
            report.faults.extend(profile_faults(&config));
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

/// What is wrong with the patterns of the schedule.
fn schedule_faults(config: &Config) -> Vec<Finding> {
    let schedule = &config.schedule;
    let text = std::fs::read_to_string(&config.path).unwrap_or_default();
    let patterns = [
        ("dimensions", &schedule.dimensions),
        ("vendors", &schedule.vendors),
        ("purchase_orders", &schedule.purchase_orders),
        ("invoices", &schedule.invoices),
        ("audit", &schedule.audit),
    ];
    let wrong =
        patterns.into_iter().filter_map(|(key, pattern)| Some((key, validate(pattern, &schedule.timezone).err()?)));
    wrong
        .map(|(key, what)| {
            let variable = format!("TOLLGATE_SCHEDULE_{}", key.to_uppercase());
            match process_environment(&variable) {
                Some(_) => Finding { file: "environment".to_owned(), line: None, key: variable, what, nearest: None },
                None => {
                    let file = config.path.display().to_string();
                    Finding {
                        file,
                        line: line_of(&text, "schedule", key),
                        key: format!("schedule.{key}"),
                        what,
                        nearest: None,
                    }
                }
            }
        })
        .collect()
}

/// The line of a key that stands in its section, from 1.
fn line_of(text: &str, section: &str, key: &str) -> Option<usize> {
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if let Some(header) = line.strip_prefix('[') {
            inside = header.split(']').next().map(str::trim) == Some(section);
        } else if inside && line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return Some(number + 1);
        }
    }
    None
}

/// What is wrong with the profile that the configuration names.
fn profile_faults(config: &Config) -> Vec<Finding> {
    let faults = Profile::load(&config.jaggaer.profile).err().unwrap_or_default();
    let finding = |fault: crate::jaggaer::Fault| Finding {
        file: fault.file.display().to_string(),
        line: Some(fault.line).filter(|line| *line > 0),
        key: fault.key,
        what: fault.what,
        nearest: fault.nearest,
    };
    faults.into_iter().map(finding).collect()
}

/// What is wrong with the mapping and its tables.
fn mapping_faults(config: &Config) -> Vec<Finding> {
    let faults = Rules::load(&config.posting.mapping).err().unwrap_or_default();
    let finding = |fault: crate::mapping::Fault| Finding {
        file: fault.file.display().to_string(),
        line: fault.line,
        key: fault.key,
        what: fault.what,
        nearest: fault.nearest,
    };
    faults.into_iter().map(finding).collect()
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

    #[test]
    fn a_wrong_pattern_a_wrong_rule_and_a_profile_that_is_not_there_are_named_in_their_files() {
        let temp = tempfile::tempdir().unwrap();
        let simulated = crate::simulator::world::Addresses {
            jaggaer_base: "http://127.0.0.1:1/j1p/api/public".into(),
            issuer: "http://127.0.0.1:1/auth".into(),
            gateway_url: "http://127.0.0.1:2/ia/xml/xmlgw.phtml".into(),
        };
        let path = crate::simulator::world::World::bulk(1, 1, 1).files(temp.path(), &simulated).unwrap();
        let global = Global { config: Some(path.clone()), ..Global::default() };
        let (mut term, out, _) = terminal(None);
        assert_eq!(run(&CheckArgs::default(), &global, &mut term).unwrap(), Exit::Done, "{}", out.text());

        let good = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, good.replace("\"30 * * * * *\"", "\"30 * * *\"")).unwrap();
        let line = 1 + good.lines().position(|line| line.starts_with("vendors")).unwrap();
        let (mut term, out, _) = terminal(None);
        assert_eq!(run(&CheckArgs::default(), &global, &mut term).unwrap(), Exit::Usage);
        assert!(out.text().contains(&format!("tollgate.toml:{line}: schedule.vendors: ")), "{}", out.text());

        std::fs::write(&path, good.replace("\"j1p\"", "\"mine.toml\"")).unwrap();
        let mapping = temp.path().join("mapping.toml");
        let rules = std::fs::read_to_string(&mapping).unwrap();
        let line = 1 + rules.lines().position(|line| line.contains("project = ")).unwrap();
        std::fs::write(&mapping, rules.replace("project = ", "projekt = ")).unwrap();
        let (mut term, out, _) = terminal(None);
        assert_eq!(run(&CheckArgs::default(), &global, &mut term).unwrap(), Exit::Usage);
        let text = out.text();
        let rule = format!("mapping.toml:{line}: ");
        for part in ["mine.toml: the profile cannot be read", &rule, "project", "2 faults"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn the_examples_of_the_readme_can_be_used_as_they_stand() {
        let temp = tempfile::tempdir().unwrap();
        let blocks = include_str!("../../README.md").split("```toml\n").skip(1);
        let blocks: Vec<&str> = blocks.filter_map(|block| block.split("```").next()).collect();
        for (name, text) in [
            ("tollgate.toml", blocks[0]),
            ("mapping.toml", blocks[1]),
            ("plants.csv", "code,location\n"),
            ("suppliers.csv", "number,vendor\n"),
        ] {
            std::fs::write(temp.path().join(name), text).unwrap();
        }
        let global = Global { config: Some(temp.path().join("tollgate.toml")), ..Global::default() };
        let (mut term, out, _) = terminal(None);
        assert_eq!(run(&CheckArgs::default(), &global, &mut term).unwrap(), Exit::Done, "{}", out.text());
    }
}
