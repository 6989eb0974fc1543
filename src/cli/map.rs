//! `tollgate map`: why a document gets what it gets, and what any document would get.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Json;
use super::exit::{CliError, Exit};
use super::output::Terminal;
use super::select::{resolve, unexpected};
use crate::messages::{Answer, Explanation, Link, Question, Refusal, RefusalKind};
use crate::model::safe;

/// The largest document that is read, in bytes; a frame to the engine holds it and some more.
const LARGEST: u64 = 8 * 1024 * 1024;

/// `map …`
#[derive(Subcommand, Debug)]
pub enum MapCommand {
    /// Why a document gets its vendor, accounts and dimensions, rule by rule
    Explain(ExplainArgs),
    /// The same for any source document in a file, with what would be posted; nothing is stored. Exit code 3 if one would be held
    Test(TestArgs),
}

/// `map explain`
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Number here, JAGGAER's id or bill number
    #[arg(value_name = "ID")]
    pub id: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `map test`
#[derive(Args, Debug)]
pub struct TestArgs {
    /// Source documents as JAGGAER gives them (JSON), `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub async fn run(command: &MapCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        MapCommand::Explain(args) => {
            let row = resolve(link, &args.id).await?;
            let explanation = explanation(link.ask(Question::Explain(row.id)).await?)?;
            if args.json.json {
                terminal.json(&explanation.data)?
            } else {
                terminal.print(&explanation.text)?
            }
            Ok(Exit::Done)
        }
        MapCommand::Test(args) => {
            let mut exit = Exit::Done;
            for file in &args.files {
                exit = exit.worse(test(file, args, link, terminal).await?);
            }
            Ok(exit)
        }
    }
}

/// One file that cannot be read or understood does not stop the others.
async fn test(file: &Path, args: &TestArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let shown = file.display().to_string();
    let text = match read(file) {
        Ok(text) => text,
        Err(why) => {
            terminal.note(&format!("error: {shown}: {why}"));
            return Ok(Exit::Usage);
        }
    };
    let explanation = match link.ask(Question::ExplainText(text)).await {
        Ok(answer) => explanation(answer)?,
        Err(Refusal { kind: RefusalKind::Invalid, message }) => {
            terminal.note(&format!("error: {shown}: {message}"));
            return Ok(Exit::Usage);
        }
        Err(refusal) => return Err(refusal.into()),
    };
    if args.json.json {
        terminal.json(&serde_json::json!({ "file": shown, "explanation": explanation.data }))?;
    } else {
        if args.files.len() > 1 {
            terminal.print(&format!("── {}", safe(&shown)))?;
        }
        terminal.print(&explanation.text)?;
    }
    Ok(if explanation.is_held() { Exit::Attention } else { Exit::Done })
}

fn explanation(answer: Answer) -> Result<Box<Explanation>, CliError> {
    match answer {
        Answer::Explanation(explanation) => Ok(explanation),
        _ => Err(unexpected()),
    }
}

fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(LARGEST + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text))
    };
    let read = read.map_err(|error| format!("cannot be read: {error}"))?;
    if read as u64 > LARGEST { Err(format!("is larger than {} MiB", LARGEST >> 20)) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeLink, row};
    use crate::cli::output::testing::terminal;
    use crate::model::State;

    #[tokio::test]
    async fn one_bad_file_does_not_stop_the_others() {
        let temp = tempfile::tempdir().unwrap();
        let (good, bad, absent) = (temp.path().join("g.json"), temp.path().join("b.json"), temp.path().join("a.json"));
        std::fs::write(&good, "{}").unwrap();
        std::fs::write(&bad, "<html>").unwrap();
        let link = FakeLink::new(Vec::new());
        let args = TestArgs { files: vec![absent, bad, good], json: Json { json: true } };
        let (mut term, out, err) = terminal(None);
        assert_eq!(run(&MapCommand::Test(args), &link, &mut term).await.unwrap(), Exit::Usage);
        assert_eq!(out.text().lines().count(), 1);
        assert!(out.text().contains("\"explanation\":{\"of\":\"{}\""), "{}", out.text());
        assert!(err.text().contains("a.json: cannot be read") && err.text().contains("b.json: this is no JSON"));
    }

    #[tokio::test]
    async fn a_file_that_would_be_held_needs_a_person() {
        let temp = tempfile::tempdir().unwrap();
        let (good, held) = (temp.path().join("g.json"), temp.path().join("h.json"));
        std::fs::write(&good, "{}").unwrap();
        std::fs::write(&held, "{\"held\": 1}").unwrap();
        let link = FakeLink::new(Vec::new());
        for (files, exit) in [(vec![good.clone()], Exit::Done), (vec![held, good], Exit::Attention)] {
            let args = TestArgs { files, json: Json::default() };
            assert_eq!(run(&MapCommand::Test(args), &link, &mut terminal(None).0).await.unwrap(), exit);
        }
    }

    #[tokio::test]
    async fn a_document_is_explained_in_lines() {
        let link = FakeLink::new(vec![row(7, "j", "n", State::Held)]);
        let (mut term, out, _) = terminal(None);
        let args = ExplainArgs { id: "n".into(), json: Json::default() };
        run(&MapCommand::Explain(args), &link, &mut term).await.unwrap();
        assert_eq!(out.text(), "because of 7\nline two\n");
    }
}
