//! `tollgate invoices`: what is known of them.

use clap::{Args, Subcommand};

use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::select::{all, parse_filter, resolve, since, unexpected};
use super::{Json, show};
use crate::messages::{Answer, DocumentDetail, Filter, Link, Question, parse_class, parse_reason, parse_state};
use crate::model::{Class, ReasonCode, State, Timestamp};

/// `invoices …`
#[derive(Subcommand, Debug)]
pub enum InvoicesCommand {
    /// List invoices, newest first
    List(ListArgs),
    /// Show one invoice in full
    Show(ShowArgs),
}

/// Which documents a list shows. All conditions have to hold.
#[derive(Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// In one of these states: queued, held, failed, posted, in_doubt, … (several with commas)
    #[arg(long, value_delimiter = ',', value_name = "STATE", value_parser = parse_state)]
    pub state: Vec<State>,
    /// Of this supplier number
    #[arg(long, value_name = "SUPPLIER")]
    pub vendor: Option<String>,
    /// First seen at or after this date (from midnight UTC) or instant, or so many days or hours ago: 3d, 2h
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<Timestamp>,
    /// For this reason, by its code
    #[arg(long, value_name = "CODE", value_parser = parse_reason)]
    pub reason: Option<ReasonCode>,
    /// Refused with this class of error: data, period, duplicate, permission, …
    #[arg(long, value_name = "CLASS", value_parser = parse_class)]
    pub class: Option<Class>,
    /// Only flagged ones: changed after posting, twin, adopted
    #[arg(long)]
    pub flagged: bool,
    /// At most so many; 0 for all [default: 50 as a table, all with --json]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Words to look for in numbers, supplier and reasons, or a filter as in the console: state:held vendor:V-100
    #[arg(value_name = "TEXT")]
    pub text: Vec<String>,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

impl ListArgs {
    /// The filter that they make: that of the words, and what the options say in its place.
    pub fn filter(&self) -> Result<Filter, CliError> {
        let words = parse_filter(&self.text.join(" ")).map_err(CliError::Usage)?;
        Ok(Filter {
            states: if self.state.is_empty() { words.states } else { self.state.clone() },
            vendor: self.vendor.clone().or(words.vendor),
            since: self.since.or(words.since),
            text: words.text,
            reason: self.reason.or(words.reason),
            class: self.class.or(words.class),
            flagged: self.flagged || words.flagged,
        })
    }
}

/// One document.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// Number here, JAGGAER's id or bill number; `id:`, `jaggaer:` or `bill:` in front says which is meant
    #[arg(value_name = "ID")]
    pub id: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub async fn run(command: &InvoicesCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        InvoicesCommand::List(args) => list(args, args.filter()?, link, terminal).await,
        InvoicesCommand::Show(args) => show_one(args, link, terminal).await,
    }
}

/// Lists what a filter lets through.
pub async fn list(args: &ListArgs, filter: Filter, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let limit = args.limit.unwrap_or(if args.json.json { 0 } else { 50 });
    let (rows, last) = all(link, &filter, limit).await?;
    if args.json.json {
        rows.iter().try_for_each(|row| terminal.json(row))?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        terminal.note("no documents match");
        return Ok(Exit::Done);
    }
    terminal.table(&show::documents(&rows))?;
    if last.next.is_some() {
        let of = last.total.map(|total| format!(" of {total}")).unwrap_or_default();
        terminal.note(&format!("{}{of} shown, newest first; --limit 0 shows all", rows.len()));
    }
    Ok(Exit::Done)
}

/// Shows one document in full.
pub async fn show_one(args: &ShowArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let row = resolve(link, &args.id).await?;
    let detail: Box<DocumentDetail> = match link.ask(Question::Document(row.id)).await? {
        Answer::Document(detail) => detail,
        _ => return Err(unexpected()),
    };
    if args.json.json {
        terminal.json(&detail)?
    } else {
        terminal.print(&show::detail(&detail))?
    }
    Ok(Exit::Done)
}
