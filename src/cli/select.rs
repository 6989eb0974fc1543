//! Which documents a command means: by id, or all that match a filter, with a person's consent.

use clap::Args;
use jiff::tz::TimeZone;

use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::show;
use crate::messages::{
    Answer, Command, DocumentPage, DocumentRow, FILTER_WORDS, Filter, Link, Order, PageRequest, Question, Refusal,
    RefusalKind, Selection, parse_since,
};
use crate::model::{DocumentId, MoneyTotals, State, Timestamp, safe};
use crate::seams::{Chance, Clock, SystemChance, SystemClock};

/// Rows asked for at once.
pub const PAGE: u32 = 1_000;

/// Documents to act on.
#[derive(Args, Clone, Debug, Default)]
pub struct Choice {
    /// Documents: number here, JAGGAER's id or bill number; `id:`, `jaggaer:` or `bill:` in front says which is meant
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub ids: Vec<String>,
    /// All that match --where; how many that is, is shown and confirmed first
    #[arg(long)]
    pub all: bool,
    /// With --all: state:failed,held class:data vendor:… since:… reason:… flagged, and words to look for
    #[arg(long = "where", value_name = "FILTER", requires = "all", conflicts_with = "ids", value_parser = parse_filter, allow_hyphen_values = true)]
    pub filter: Option<Filter>,
    /// Do not ask for confirmation; needed with --all where there is no terminal
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// A filter as an argument: its dates begin at midnight UTC.
pub fn parse_filter(words: &str) -> Result<Filter, String> {
    Filter::parse(words, SystemClock::new().now(), &TimeZone::UTC)
}

/// `--since` as an argument, in the same way.
pub fn since(text: &str) -> Result<Timestamp, String> {
    parse_since(text, SystemClock::new().now(), &TimeZone::UTC)
}

/// The document that a person means by `given`. Nothing found and several found are errors of usage; the latter lists them.
pub async fn resolve(link: &dyn Link, given: &str) -> Result<DocumentRow, CliError> {
    let (kind, wanted) = match given.split_once(':') {
        Some((kind @ ("id" | "jaggaer" | "bill"), wanted)) => (Some(kind), wanted),
        _ => (None, given),
    };
    let mut rows = page(link, Question::Find(wanted.to_owned())).await?.rows;
    if let Some(kind) = kind {
        rows.retain(|row| match kind {
            "id" => row.id.to_string() == wanted,
            "jaggaer" => row.jaggaer_id.raw() == wanted,
            _ => row.number.as_ref().is_some_and(|number| number.raw() == wanted),
        });
    }
    match rows.len() {
        1 => rows.pop().ok_or_else(|| none(given)),
        0 => Err(none(given)),
        count => {
            let table = show::documents(rows.get(..count.min(20)).unwrap_or_default()).render(None, false);
            Err(CliError::Usage(format!(
                "`{}` can mean {count} documents; say which, as `id:NUMBER` with the number in the first column:\n{table}",
                safe(given)
            )))
        }
    }
}

fn none(given: &str) -> CliError {
    let message = format!(
        "no document has `{}` as its number here, as JAGGAER's id or as its bill number; `tollgate invoices list TEXT` looks for parts",
        safe(given)
    );
    CliError::Refused(Refusal::new(RefusalKind::NotFound, message))
}

/// A page, where the answer to the question is one.
pub async fn page(link: &dyn Link, question: Question) -> Result<DocumentPage, CliError> {
    match link.ask(question).await? {
        Answer::Documents(page) => Ok(page),
        _ => Err(unexpected()),
    }
}

/// The engine answered another question.
pub fn unexpected() -> CliError {
    CliError::Failed("the engine answered another question than was asked: a defect of Tollgate".to_owned())
}

/// Everything that matches, page by page, newest first; stops behind `limit` rows where it is not 0.
pub async fn all(link: &dyn Link, filter: &Filter, limit: u64) -> Result<(Vec<DocumentRow>, DocumentPage), CliError> {
    let mut rows: Vec<DocumentRow> = Vec::new();
    let mut after: Option<DocumentId> = None;
    loop {
        let missing = limit.saturating_sub(rows.len() as u64);
        let size = if limit == 0 { PAGE } else { PAGE.min(u32::try_from(missing).unwrap_or(PAGE)) };
        let request = PageRequest { filter: filter.clone(), after, limit: size, oldest_first: false };
        let mut page = page(link, Question::Documents(request)).await?;
        rows.append(&mut page.rows);
        after = page.next;
        if after.is_none() || (limit > 0 && rows.len() as u64 >= limit) {
            return Ok((rows, page));
        }
    }
}

/// Turns the choice into a selection, each document with the version that was seen; `None` where a person did not confirm.
/// `states` are those that `--all` means where the filter names none, `verb` what will be done: `posted again`.
pub async fn choose(
    link: &dyn Link,
    choice: &Choice,
    states: &[State],
    verb: &str,
    terminal: &mut Terminal,
) -> Result<Option<Selection>, CliError> {
    if !choice.all {
        let mut ids: Vec<(DocumentId, Option<u64>)> = Vec::new();
        for given in &choice.ids {
            let row = resolve(link, given).await?;
            if !ids.iter().any(|(id, _)| *id == row.id) {
                ids.push((row.id, Some(row.version)));
            }
        }
        return Ok(Some(Selection::Ids(ids)));
    }
    let mut filter = choice.filter.clone().unwrap_or_default();
    if filter.states.is_empty() {
        filter.states = states.to_vec();
    }
    // The very documents that are counted here are acted on, not those that match a moment later.
    let (rows, _) = all(link, &filter, 0).await?;
    if rows.is_empty() {
        terminal.note(&format!("nothing matches {filter}"));
        return Ok(None);
    }
    let mut sum = MoneyTotals::default();
    rows.iter().for_each(|row| sum.add(row.total));
    let amount = if sum.totals.is_empty() { String::new() } else { format!(" ({})", show::totals(&sum)) };
    let matching = match sum.count {
        1 => format!("1 document{amount} matches {filter}"),
        count => format!("{count} documents{amount} match {filter}"),
    };
    let what = if sum.count == 1 { "it" } else { "they" };
    let question = format!("{matching}: {what} will be {verb}. Go on?");
    if choice.yes {
        terminal.note(&matching);
    } else if !terminal.confirm(&question, "--yes")? {
        terminal.note("nothing was done");
        return Ok(None);
    }
    Ok(Some(Selection::Ids(rows.iter().map(|row| (row.id, Some(row.version))).collect())))
}

/// Gives an order, prints what came of it; refused documents make [`Exit::Attention`].
pub async fn tell(link: &dyn Link, command: Command, json: bool, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let key = format!("command-{:016x}{:016x}", SystemChance.bits(), SystemChance.bits());
    let outcome = link.tell(Order { key, command }).await?;
    if json {
        terminal.json(&outcome)?;
    } else {
        terminal.print(&show::outcome(&outcome))?;
    }
    Ok(if outcome.refused > 0 { Exit::Attention } else { Exit::Done })
}

/// The words of a filter, for help texts.
pub fn filter_help() -> String {
    format!("Filter words: {FILTER_WORDS}")
}
