//! `tollgate audit`: the trail of one record, all of it, and the proof that nothing was altered.

use clap::{Args, Subcommand, ValueEnum};

use super::exit::{CliError, Exit};
use super::output::{Terminal, csv_cell};
use super::select::{resolve, unexpected};
use super::table::{Cell, Style, Table};
use super::{Json, show};
use crate::messages::{Answer, AuditLine, Link, Question};
use crate::model::PairId;

/// `audit …`
#[derive(Subcommand, Debug)]
pub enum AuditCommand {
    /// The trail of one document, or of one supplier and its vendor
    Show(AuditShowArgs),
    /// The whole trail, as JSON Lines or CSV
    Export(ExportArgs),
    /// Check that no entry was altered, removed or put in; a broken trail is exit code 1
    Verify(VerifyArgs),
}

/// `audit show`
#[derive(Args, Debug)]
pub struct AuditShowArgs {
    /// Number here, JAGGAER's id or bill number; p12: of the supplier with this number here
    #[arg(value_name = "ID")]
    pub id: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// How the trail is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// A JSON value on each line, with the record exactly as it is hashed.
    #[default]
    Jsonl,
    /// For spreadsheets; cells that would be formulas are quoted out of harm.
    Csv,
}

/// `audit export`
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Begin with this entry
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub from: u64,
    /// The same as --format jsonl
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// `audit verify`
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub async fn run(command: &AuditCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        AuditCommand::Show(args) => {
            let question = match PairId::parse(&args.id) {
                Some(pair) => Question::PairAudit(pair),
                None => Question::Audit(resolve(link, &args.id).await?.id),
            };
            let lines = lines(link.ask(question).await?)?;
            if args.json.json {
                lines.iter().try_for_each(|line| terminal.json(line))?;
            } else {
                terminal.table(&table(&lines))?;
            }
            Ok(Exit::Done)
        }
        AuditCommand::Export(args) => export(args, link, terminal).await,
        AuditCommand::Verify(args) => verify(args, link, terminal).await,
    }
}

fn lines(answer: Answer) -> Result<Vec<AuditLine>, CliError> {
    match answer {
        Answer::Audit(lines) => Ok(lines),
        _ => Err(unexpected()),
    }
}

fn table(lines: &[AuditLine]) -> Table {
    let mut table = Table::new(&["ENTRY", "TIME", "WHO", "STATE", "WHAT"]).right(&[0]).flexible(4);
    for line in lines {
        let state = line.state.map(|state| Cell::styled(state.label(), Style::of(state))).unwrap_or_default();
        table.row([
            line.number.to_string().into(),
            show::time(line.at).into(),
            line.who.as_str().into(),
            state,
            line.what.safe().into(),
        ]);
    }
    table
}

async fn export(args: &ExportArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    if args.format == Format::Csv {
        terminal.bytes(&csv_row(["number", "at", "who", "what", "state", "record", "hash"].map(String::from))?)?;
    }
    let mut from = args.from;
    loop {
        let lines = lines(link.ask(Question::AuditFrom(from)).await?)?;
        let Some(last) = lines.last() else { return Ok(Exit::Done) };
        let next = last.number.saturating_add(1);
        if next <= from {
            return Err(unexpected());
        }
        from = next;
        for line in &lines {
            match args.format {
                Format::Jsonl => terminal.json(line)?,
                Format::Csv => terminal.bytes(&csv_line(line)?)?,
            }
        }
    }
}

fn csv_line(line: &AuditLine) -> Result<Vec<u8>, CliError> {
    csv_row([
        line.number.to_string(),
        line.at.to_string(),
        csv_cell(&line.who),
        csv_cell(line.what.raw()),
        line.state.map(|state| state.word().to_owned()).unwrap_or_default(),
        csv_cell(&line.record),
        csv_cell(&line.hash),
    ])
}

fn csv_row(cells: [String; 7]) -> Result<Vec<u8>, CliError> {
    let failed = |error: String| CliError::Failed(format!("a row of CSV could not be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).map_err(|error| failed(error.to_string()))?;
    writer.into_inner().map_err(|error| failed(error.to_string()))
}

async fn verify(args: &VerifyArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let Answer::AuditReport(report) = link.ask(Question::AuditVerify).await? else { return Err(unexpected()) };
    if args.json.json {
        terminal.json(&report)?;
    } else {
        match &report.broken {
            None => terminal.print(&format!(
                "{} entries, all as they were written\ncheckpoint to keep elsewhere: {}",
                report.entries, report.head
            ))?,
            Some((number, how)) => terminal.print(&format!(
                "BROKEN at entry {number} of {}: {how}\nEverything before it is as it was written. Keep the data directory as it is, and find out who had access to it.",
                report.entries
            ))?,
        }
    }
    Ok(if report.broken.is_some() { Exit::Failed } else { Exit::Done })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeLink, audit_line};
    use crate::cli::output::testing::terminal;

    fn link() -> FakeLink {
        let mut link = FakeLink::new(Vec::new());
        let trail = ["posted", "=HYPERLINK(\"http://x\")", "a, \"b\"\nc", "-1", "\u{1b}[2J"];
        link.trail = trail.into_iter().enumerate().map(|(n, what)| audit_line(n as u64, what)).collect();
        link
    }

    #[tokio::test]
    async fn the_whole_trail_is_exported_with_no_cell_that_a_spreadsheet_runs() {
        let (mut term, out, _) = terminal(None);
        let args = ExportArgs { format: Format::Csv, from: 0, json: false };
        run(&AuditCommand::Export(args), &link(), &mut term).await.unwrap();
        let mut reader = csv::Reader::from_reader(std::io::Cursor::new(out.text()));
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 5);
        for cell in rows.iter().flatten() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
            assert!(!cell.contains('\u{1b}'));
        }
        assert_eq!(&rows[1][3], "'=HYPERLINK(\"http://x\")");
        assert_eq!(&rows[2][3], "a, \"b\"⏎c");
    }

    #[tokio::test]
    async fn json_lines_keep_every_record_and_begin_where_asked() {
        let (mut term, out, _) = terminal(None);
        let args = ExportArgs { format: Format::Jsonl, from: 3, json: false };
        run(&AuditCommand::Export(args), &link(), &mut term).await.unwrap();
        let lines: Vec<AuditLine> = out.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, link().trail[3..]);
    }

    #[tokio::test]
    async fn a_supplier_has_a_trail_of_its_own() {
        let args = AuditShowArgs { id: "p12".into(), json: Json::default() };
        let (mut term, out, _) = terminal(None);
        run(&AuditCommand::Show(args), &link(), &mut term).await.unwrap();
        assert!(out.text().contains("about p12"), "{}", out.text());
    }

    #[tokio::test]
    async fn a_broken_trail_is_exit_code_1_and_names_the_entry() {
        let mut link = link();
        let args = || AuditCommand::Verify(VerifyArgs { json: Json::default() });
        let (mut term, _, _) = terminal(None);
        assert_eq!(run(&args(), &link, &mut term).await.unwrap(), Exit::Done);
        link.report.broken = Some((2, "its hash does not follow from its record".into()));
        let (mut term, out, _) = terminal(None);
        assert_eq!(run(&args(), &link, &mut term).await.unwrap(), Exit::Failed);
        assert!(out.text().contains("BROKEN at entry 2"), "{}", out.text());
    }
}
