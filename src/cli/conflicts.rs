//! `tollgate conflicts`: what both systems changed, each in its own way, and whose word holds.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::Json;
use super::exit::{CliError, Exit};
use super::link::Need;
use super::output::Terminal;
use super::vendors::{self, IdArgs, ListCommon};
use crate::messages::{Link, PairDecision, PairRow, Take, VendorCommand, parse_master_field};
use crate::model::{MasterField, PairState, Side, Text};

/// `conflicts …`
#[derive(Subcommand, Debug)]
pub enum ConflictsCommand {
    /// List the suppliers with a field that waits for a person's word
    List(ListCommon),
    /// Show a supplier and its vendor side by side
    Show(IdArgs),
    /// Say whose value holds, or give one
    ///
    /// What is decided is compared with both systems again before it is written; if one of them changed meanwhile, it is asked again.
    Resolve(ResolveArgs),
    /// Take decisions back that were not sent yet
    Undo(UndoArgs),
}

impl ConflictsCommand {
    /// What it wants to do.
    pub fn need(&self) -> Need {
        match self {
            ConflictsCommand::List(_) | ConflictsCommand::Show(_) => Need::Look,
            _ => Need::Act,
        }
    }
}

/// A side, as an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SideArg {
    /// JAGGAER's value.
    Jaggaer,
    /// Intacct's value.
    Intacct,
}

impl From<SideArg> for Side {
    fn from(side: SideArg) -> Side {
        match side {
            SideArg::Jaggaer => Side::Jaggaer,
            SideArg::Intacct => Side::Intacct,
        }
    }
}

/// `conflicts resolve`
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("what").required(true).args(["take", "value"])))]
pub struct ResolveArgs {
    /// Supplier number, VENDORID, JAGGAER's id, or the number here: p12
    #[arg(value_name = "VENDOR")]
    pub id: String,
    /// Take this side's value
    #[arg(long, value_name = "SIDE")]
    pub take: Option<SideArg>,
    /// Take a value of your own, for the field that --field names
    #[arg(long, value_name = "TEXT", requires = "field", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// Only this field: phone, tax_id, … [default: all that are in conflict]
    #[arg(long, value_name = "FIELD", value_parser = parse_master_field)]
    pub field: Option<MasterField>,
    /// Make it the rule: from now on this side decides the field, for all suppliers
    #[arg(long, conflicts_with = "value")]
    pub always: bool,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `conflicts undo`
#[derive(Args, Debug)]
pub struct UndoArgs {
    /// Supplier number, VENDORID, JAGGAER's id, or the number here: p12
    #[arg(value_name = "VENDOR")]
    pub id: String,
    /// Only this field [default: all]
    #[arg(long, value_name = "FIELD", value_parser = parse_master_field)]
    pub field: Option<MasterField>,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it.
pub async fn run(command: &ConflictsCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        ConflictsCommand::List(args) => {
            // One that failed or is held may have fields in conflict as well.
            let filter = args.filter(&[PairState::Conflict, PairState::Failed, PairState::Held], false)?;
            vendors::list(args, filter, PairRow::in_conflict, "no field is in conflict", link, terminal).await
        }
        ConflictsCommand::Show(args) => vendors::show(args, link, terminal).await,
        ConflictsCommand::Resolve(args) => {
            let row = vendors::pair(link, &args.id).await?.row;
            let take = match (&args.take, &args.value) {
                (_, Some(value)) => Take::Value(Text::new(value.as_str())),
                (Some(side), None) => Take::Side((*side).into()),
                (None, None) => return Err(CliError::Usage("say --take jaggaer, --take intacct or --value".into())),
            };
            let decision =
                PairDecision { id: row.id, version: Some(row.version), field: args.field, take, always: args.always };
            vendors::order(VendorCommand::Resolve(decision), args.json, link, terminal).await
        }
        ConflictsCommand::Undo(args) => {
            let row = vendors::pair(link, &args.id).await?.row;
            let command = VendorCommand::Undo { id: row.id, version: Some(row.version), field: args.field };
            vendors::order(command, args.json, link, terminal).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeLink, pair};
    use crate::cli::output::testing::terminal;
    use crate::cli::{self, Cli};
    use crate::messages::Command;
    use crate::model::PairId;

    async fn told(line: &str, link: &FakeLink) -> (String, Exit) {
        let args = ["tollgate", "conflicts"].into_iter().chain(line.split_whitespace());
        let cli: Cli = cli::parse(args.map(Into::into)).unwrap();
        let Some(cli::Command::Conflicts(command)) = cli.command else { panic!("{line}") };
        let (mut term, out, _) = terminal(None);
        let exit = run(&command, link, &mut term).await.unwrap();
        (out.text(), exit)
    }

    fn link() -> FakeLink {
        let mut link = FakeLink::new(Vec::new());
        let states = [PairState::Agreed, PairState::Conflict, PairState::Held];
        link.pairs = (1..).zip(states).map(|(id, state)| pair(id, &format!("V-{id}"), "Lab", state)).collect();
        link
    }

    #[tokio::test]
    async fn the_list_shows_what_waits_for_a_word_and_nothing_else() {
        let mut link = link();
        let (text, exit) = told("list --json", &link).await;
        assert_eq!((text.lines().count(), exit), (1, Exit::Attention));
        link.pairs.remove(1);
        assert_eq!(told("list", &link).await, (String::new(), Exit::Done));
    }

    #[tokio::test]
    async fn a_side_or_a_value_of_ones_own_settles_and_undo_takes_it_back() {
        let link = link();
        for line in [
            "resolve V-2 --take intacct",
            "resolve p2 --take jaggaer --field phone --always",
            "resolve p2 --field phone --value +15550100",
            "undo p2 --field phone",
        ] {
            told(line, &link).await;
        }
        let (id, version, phone) = (PairId(2), Some(12), Some(MasterField::Phone));
        let resolve = |field, take, always| VendorCommand::Resolve(PairDecision { id, version, field, take, always });
        let expected = [
            resolve(None, Take::Side(Side::Intacct), false),
            resolve(phone, Take::Side(Side::Jaggaer), true),
            resolve(phone, Take::Value("+15550100".into()), false),
            VendorCommand::Undo { id, version, field: phone },
        ];
        assert_eq!(link.told(), expected.map(Command::Vendors));
    }
}
