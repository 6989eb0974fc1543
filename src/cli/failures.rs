//! `tollgate failures`: what stands in front of a person, and what that person may decide about it.

use clap::{Args, Subcommand};

use super::Json;
use super::exit::{CliError, Exit};
use super::invoices::{self, ListArgs, ShowArgs};
use super::link::Need;
use super::output::Terminal;
use super::select::{Choice, choose, filter_help, resolve, tell, unexpected};
use super::table::{Cell, Style, Table};
use crate::messages::{Answer, Command, Link, Question};
use crate::model::{RecordNo, State};

/// What stands in front of a person, or needs time.
const IN_FRONT: [State; 4] = [State::Held, State::Failed, State::Differs, State::InDoubt];

/// `failures …`
#[derive(Subcommand, Debug)]
pub enum FailuresCommand {
    /// List what failed, is held, differs or is in doubt
    List(FailureListArgs),
    /// Show one of them in full: every reason, the gateway's error explained, what may be done
    Show(ShowArgs),
    /// Post what Intacct refused again, and evaluate what is held again
    ///
    /// A refused posting gets a new generation: the gateway takes it as another one. Nothing in doubt is ever replayed.
    /// With --all and no state in the filter, only failed ones are meant.
    #[command(after_long_help = filter_help())]
    Replay(ReplayArgs),
    /// Say that they shall not be posted, and why
    #[command(after_long_help = filter_help())]
    Dismiss(DismissArgs),
    /// Take a dismissal back
    #[command(after_long_help = filter_help())]
    Reopen(ReplayArgs),
    /// Say that a bill in Intacct is this document's
    Adopt(AdoptArgs),
    /// Post although the same bill seems to be there already
    PostAnyway(PostAnywayArgs),
}

impl FailuresCommand {
    /// What it wants to do.
    pub fn need(&self) -> Need {
        match self {
            FailuresCommand::List(_) | FailuresCommand::Show(_) => Need::Look,
            _ => Need::Act,
        }
    }
}

/// `failures list`
#[derive(Args, Debug)]
pub struct FailureListArgs {
    /// Show the causes and how many documents each has, instead of the documents
    #[arg(long)]
    pub groups: bool,
    /// Which.
    #[command(flatten)]
    pub list: ListArgs,
}

/// `failures replay`, `failures reopen`
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// Which.
    #[command(flatten)]
    pub choice: Choice,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `failures dismiss`
#[derive(Args, Debug)]
pub struct DismissArgs {
    /// Which.
    #[command(flatten)]
    pub choice: Choice,
    /// Why; kept in the audit trail
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `failures adopt`
#[derive(Args, Debug)]
pub struct AdoptArgs {
    /// The document: number here, JAGGAER's id or bill number
    #[arg(value_name = "ID")]
    pub id: String,
    /// Intacct's record number (RECORDNO) of the bill
    #[arg(long, value_name = "N", value_parser = record)]
    pub record: RecordNo,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `failures post-anyway`
#[derive(Args, Debug)]
pub struct PostAnywayArgs {
    /// The document: number here, JAGGAER's id or bill number
    #[arg(value_name = "ID")]
    pub id: String,
    /// Why; kept in the audit trail
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Reads a reason: some words, at most 1,000 characters.
fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("a reason needs words: whoever reads the trail later has nothing else".to_owned()),
        1..=1_000 => Ok(text.to_owned()),
        count => Err(format!("it has {count} characters, and 1,000 are possible")),
    }
}

fn record(text: &str) -> Result<RecordNo, String> {
    RecordNo::parse(text).ok_or_else(|| "a record number is digits only, as Intacct shows it in RECORDNO".to_owned())
}

/// Runs it.
pub async fn run(command: &FailuresCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        FailuresCommand::List(args) if args.groups => groups(args.list.json.json, link, terminal).await,
        FailuresCommand::List(args) => {
            let mut filter = args.list.filter()?;
            // Flagged ones are of interest in whatever state they are.
            if filter.states.is_empty() && !filter.flagged {
                filter.states = IN_FRONT.to_vec();
            }
            invoices::list(&args.list, filter, link, terminal).await
        }
        FailuresCommand::Show(args) => invoices::show_one(args, link, terminal).await,
        FailuresCommand::Replay(args) => {
            match choose(link, &args.choice, &[State::Failed], "posted or evaluated again", terminal).await? {
                Some(which) => tell(link, Command::Replay(which), args.json.json, terminal).await,
                None => Ok(Exit::Done),
            }
        }
        FailuresCommand::Dismiss(args) => {
            match choose(link, &args.choice, &[State::Failed, State::Held], "dismissed", terminal).await? {
                Some(which) => {
                    let command = Command::Dismiss { which, reason: args.reason.clone() };
                    tell(link, command, args.json.json, terminal).await
                }
                None => Ok(Exit::Done),
            }
        }
        FailuresCommand::Reopen(args) => {
            match choose(link, &args.choice, &[State::Dismissed], "reopened", terminal).await? {
                Some(which) => tell(link, Command::Reopen(which), args.json.json, terminal).await,
                None => Ok(Exit::Done),
            }
        }
        FailuresCommand::Adopt(args) => {
            let row = resolve(link, &args.id).await?;
            let command = Command::Adopt { id: row.id, version: Some(row.version), record: args.record.clone() };
            tell(link, command, args.json.json, terminal).await
        }
        FailuresCommand::PostAnyway(args) => {
            let row = resolve(link, &args.id).await?;
            let command = Command::PostAnyway { id: row.id, version: Some(row.version), reason: args.reason.clone() };
            tell(link, command, args.json.json, terminal).await
        }
    }
}

async fn groups(json: bool, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let Answer::Status(snapshot) = link.ask(Question::Status).await? else { return Err(unexpected()) };
    if json {
        snapshot.failures.iter().try_for_each(|group| terminal.json(group))?;
        return Ok(Exit::Done);
    }
    if snapshot.failures.is_empty() {
        terminal.note("nothing stands in front of a person");
        return Ok(Exit::Done);
    }
    terminal.table(&group_table(&snapshot.failures))?;
    Ok(Exit::Done)
}

/// Causes and their counts in a table.
pub fn group_table(groups: &[crate::messages::FailureGroup]) -> Table {
    let mut table = Table::new(&["COUNT", "STATE", "CAUSE", "CLASS", "CODE", "ONE OF THEM"]).right(&[0, 5]).flexible(2);
    for group in groups {
        table.row([
            group.count.to_string().into(),
            Cell::styled(group.state.label(), Style::of(group.state)),
            group.title.as_str().into(),
            group.class.map(|class| class.word()).unwrap_or_default().into(),
            group.code.word().into(),
            group.example.to_string().into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeLink, row};
    use crate::cli::output::testing::terminal;
    use crate::cli::{self, Cli};
    use crate::messages::Selection;
    use crate::model::DocumentId;

    fn command(line: &str) -> FailuresCommand {
        let args = ["tollgate", "failures"].into_iter().chain(line.split_whitespace());
        let cli: Cli = cli::parse(args.map(Into::into)).unwrap();
        match cli.command {
            Some(cli::Command::Failures(command)) => command,
            other => panic!("{other:?}"),
        }
    }

    fn link() -> FakeLink {
        let mut rows = vec![
            row(1, "jag-1", "A-1", State::Failed),
            row(2, "jag-2", "A-2", State::Failed),
            row(3, "jag-3", "A-3", State::Held),
            row(4, "A-1", "B-9", State::Posted),
        ];
        // Several pages.
        rows.extend((10..2_600).map(|id| row(id, &format!("j{id}"), &format!("N{id}"), State::Dismissed)));
        FakeLink::new(rows)
    }

    #[test]
    fn the_words_of_a_list_are_the_filter_of_the_console() {
        let filter = |line: &str| match command(line) {
            FailuresCommand::List(args) => args.list.filter(),
            other => panic!("{other:?}"),
        };
        let read = filter("list state:held,failed vendor:V-1 glass --flagged").unwrap();
        assert_eq!(read.to_string(), "state:held,failed vendor:V-1 flagged glass");
        let read = filter("list state:held --state failed --vendor V-2 vendor:V-1").unwrap();
        assert_eq!(read.to_string(), "state:failed vendor:V-2", "an option is what is meant");
        let error = filter("list stat:held").unwrap_err();
        assert!(error.to_string().contains("`stat:` is no filter word"), "{error}");
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[tokio::test]
    async fn an_id_that_can_mean_two_documents_is_listed_and_a_prefix_decides() {
        let link = link();
        let (mut term, _, _) = terminal(None);
        let error = run(&command("replay A-1"), &link, &mut term).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("can mean 2 documents"), "{error}");
        assert!(link.told().is_empty());
        run(&command("replay bill:A-1 2 jag-2"), &link, &mut term).await.unwrap();
        let both = vec![(DocumentId(1), Some(11)), (DocumentId(2), Some(12))];
        assert_eq!(link.told(), [Command::Replay(Selection::Ids(both))]);
        let error = run(&command("replay nothing-like-it"), &link, &mut term).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[tokio::test]
    async fn all_asks_first_and_acts_on_exactly_what_was_counted() {
        let link = link();
        let (mut nobody, _, _) = terminal(None);
        let error = run(&command("replay --all"), &link, &mut nobody).await.unwrap_err();
        assert!(error.to_string().contains("2 documents (20.00 USD) match state:failed"), "{error}");
        let (mut doubtful, _, err) = terminal(Some("\n"));
        run(&command("replay --all"), &link, &mut doubtful).await.unwrap();
        assert!(err.text().contains("nothing was done"));
        assert!(link.told().is_empty());
        let (mut sure, _, _) = terminal(Some("y\n"));
        run(&command("replay --all"), &link, &mut sure).await.unwrap();
        run(&command("dismiss --all --where state:held --yes --reason gone"), &link, &mut nobody).await.unwrap();
        run(&command("reopen --all --yes"), &link, &mut nobody).await.unwrap();
        let told = link.told();
        let failed = vec![(DocumentId(2), Some(12)), (DocumentId(1), Some(11))];
        assert_eq!(told[0], Command::Replay(Selection::Ids(failed)));
        let held = Selection::Ids(vec![(DocumentId(3), Some(13))]);
        assert_eq!(told[1], Command::Dismiss { which: held, reason: "gone".into() });
        let Command::Reopen(Selection::Ids(ids)) = &told[2] else { panic!("{told:?}") };
        assert_eq!(ids.len(), 2_590);
    }

    #[tokio::test]
    async fn refused_documents_make_exit_code_3_and_are_named() {
        let link = link();
        link.refuse(DocumentId(2), "it changed since you saw it");
        let (mut term, out, _) = terminal(None);
        assert_eq!(run(&command("replay 1 2"), &link, &mut term).await.unwrap(), Exit::Attention);
        assert!(out.text().contains("2 was refused: it changed since you saw it"), "{}", out.text());
    }

    #[tokio::test]
    async fn a_list_shows_what_stands_in_front_of_a_person_and_json_is_a_line_each() {
        let link = link();
        let (mut term, out, _) = terminal(None);
        run(&command("list"), &link, &mut term).await.unwrap();
        assert!(out.text().contains("A-3") && !out.text().contains("B-9"), "{}", out.text());
        let (mut term, out, err) = terminal(None);
        run(&command("list --state dismissed --json"), &link, &mut term).await.unwrap();
        assert_eq!(out.text().lines().count(), 2_590);
        let first: crate::messages::DocumentRow = serde_json::from_str(out.text().lines().next().unwrap()).unwrap();
        assert_eq!(first.id, DocumentId(2_599));
        assert_eq!(err.text(), "");
    }
}
