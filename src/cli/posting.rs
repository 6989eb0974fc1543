//! `tollgate posting`: the step from observing to posting, taken by a person who types a phrase.

use clap::{Args, Subcommand};

use super::Json;
use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::select::{tell, unexpected};
use super::status::queued;
use crate::messages::{Answer, Command, Link, Outcome, PostingMode, Question};

/// `posting …`
#[derive(Subcommand, Debug)]
pub enum PostingCommand {
    /// Start sending bills to Intacct
    ///
    /// The configuration has to say `mode = "post"` and `from = DATE` under `posting`. What would be sent is shown, and a phrase has to
    /// be typed. Who started it, and when, is kept in the audit trail.
    Start(StartArgs),
    /// Go back to observing: nothing more is sent
    Stop(StopArgs),
}

/// `posting start`
#[derive(Args, Debug)]
pub struct StartArgs {
    /// The phrase, where there is no terminal to type it on
    #[arg(long, value_name = "PHRASE")]
    pub confirm: Option<String>,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `posting stop`
#[derive(Args, Debug)]
pub struct StopArgs {
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub async fn run(command: &PostingCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        PostingCommand::Start(args) => start(args, link, terminal).await,
        PostingCommand::Stop(args) => tell(link, Command::StopPosting, args.json.json, terminal).await,
    }
}

async fn start(args: &StartArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let Answer::Status(snapshot) = link.ask(Question::Status).await? else { return Err(unexpected()) };
    let (from, phrase) = match &snapshot.mode {
        PostingMode::WaitingForStart { from, phrase } => (*from, phrase.clone()),
        PostingMode::Observe => {
            let message = "nothing was started: the configuration says observe; set `mode = \"post\"` and `from` in [posting], \
                           run `tollgate reload`, then start again";
            return Err(CliError::Usage(message.to_owned()));
        }
        PostingMode::Post { .. } => {
            let message = "posting runs already; nothing was changed".to_owned();
            match args.json.json {
                true => terminal.json(&Outcome { message, rows: Vec::new(), done: 0, refused: 0, repeated: false })?,
                false => terminal.note(&message),
            }
            return Ok(Exit::Done);
        }
    };
    let typed = match &args.confirm {
        Some(phrase) => phrase.clone(),
        None if terminal.interactive => {
            let from = from.map(|date| format!(" with a date from {date} on")).unwrap_or_default();
            terminal.note(&format!(
                "Bills will be sent to Intacct company {}: invoices{from}. Now queued: {}.",
                snapshot.intacct,
                queued(&snapshot)
            ));
            terminal.question(&format!("To start, type: {phrase}\n>"))?.unwrap_or_default()
        }
        None => {
            let message = format!("nothing was started: without a terminal, give --confirm with the phrase: {phrase}");
            return Err(CliError::Usage(message));
        }
    };
    // The engine compares as well: here only so that a slip of the keyboard is told at once.
    if typed.trim() != phrase {
        return Err(CliError::Usage("nothing was started: the phrase does not agree".to_owned()));
    }
    tell(link, Command::StartPosting { phrase: typed.trim().to_owned() }, args.json.json, terminal).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::FakeLink;
    use crate::cli::output::testing::terminal;

    fn link() -> FakeLink {
        let link = FakeLink::new(Vec::new());
        let from = Some(jiff::civil::date(2026, 12, 1));
        link.change(|snapshot| snapshot.mode = PostingMode::WaitingForStart { from, phrase: "post to ACME".into() });
        link
    }

    fn args(confirm: Option<&str>) -> PostingCommand {
        PostingCommand::Start(StartArgs { confirm: confirm.map(Into::into), json: Json::default() })
    }

    #[tokio::test]
    async fn only_the_typed_phrase_starts_posting() {
        let link = link();
        for (given, typed) in [(None, None), (None, Some("yes\n")), (None, Some("")), (Some("post to acme"), None)] {
            let (mut term, _, _) = terminal(typed);
            assert_eq!(run(&args(given), &link, &mut term).await.unwrap_err().exit(), Exit::Usage);
        }
        assert!(link.told().is_empty());
        let (mut term, _, err) = terminal(Some("post to ACME\n"));
        run(&args(None), &link, &mut term).await.unwrap();
        assert!(err.text().contains("from 2026-12-01 on. Now queued: no bills"), "{}", err.text());
        let (mut term, _, _) = terminal(None);
        run(&args(Some("post to ACME")), &link, &mut term).await.unwrap();
        assert_eq!(link.told(), vec![Command::StartPosting { phrase: "post to ACME".into() }; 2]);
    }

    #[tokio::test]
    async fn observing_by_configuration_is_not_overruled() {
        let link = link();
        link.change(|snapshot| snapshot.mode = PostingMode::Observe);
        let (mut term, _, _) = terminal(None);
        let error = run(&args(Some("post to ACME")), &link, &mut term).await.unwrap_err();
        assert!(error.to_string().contains("mode = \"post\""), "{error}");
    }
}
