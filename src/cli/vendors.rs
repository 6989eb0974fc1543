//! `tollgate vendors`: JAGGAER's suppliers and Intacct's vendors, which belong together, and what is carried from one to the other.

use clap::{Args, Subcommand};

use super::exit::{CliError, Exit};
use super::link::Need;
use super::output::Terminal;
use super::select::{PAGE, tell, unexpected};
use super::{Json, pairs};
use crate::messages::{
    Answer, Command, Link, PairDetail, PairFilter, PairPage, PairRequest, PairRow, Question, VendorCommand,
    VendorsPlan, parse_master_field, parse_pair_state,
};
use crate::model::{MasterField, PairState, Text};

/// `vendors …`
#[derive(Subcommand, Debug)]
pub enum VendorsCommand {
    /// List suppliers with the vendors that they are linked with
    List(ListArgs),
    /// Show one supplier and its vendor side by side: what was agreed, what each system says, what becomes of it
    Show(IdArgs),
    /// Say what a start would do; changes nothing
    ///
    /// The first meeting of the two systems: which suppliers and vendors were linked because their number is the same, which look like
    /// each other, how many vendors would be created, and field by field how many values would go where.
    Plan(PlanArgs),
    /// Begin to carry values over, and to create vendors for new suppliers
    ///
    /// What would be written is shown, and a phrase has to be typed. Who started it, and when, is kept in the audit trail. A later start
    /// with other fields replaces what the earlier one said.
    Start(StartArgs),
    /// Write nothing more; what is under way is settled
    Stop(PlanArgs),
    /// Say that a supplier and a vendor belong together
    Link(LinkArgs),
    /// Say that they do not: the vendor is never suggested for the supplier again, and a link between them is undone
    Refuse(LinkArgs),
    /// Say that the changes of bank data were looked at
    Seen(IdArgs),
    /// Try a refused write again
    Retry(IdArgs),
}

impl VendorsCommand {
    /// What it wants to do.
    pub fn need(&self) -> Need {
        match self {
            VendorsCommand::List(_) | VendorsCommand::Show(_) | VendorsCommand::Plan(_) => Need::Look,
            _ => Need::Act,
        }
    }
}

/// `vendors list`, `conflicts list`: which. All conditions have to hold.
#[derive(Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// In one of these states: agreed, differs, writing, suggested, new, conflict, failed, held, closed (several with commas)
    #[arg(long, value_delimiter = ',', value_name = "STATE", value_parser = parse_pair_state)]
    pub state: Vec<PairState>,
    /// Only those whose bank or payment data changed and were not looked at
    #[arg(long)]
    pub alerted: bool,
    /// What the list shows.
    #[command(flatten)]
    pub common: ListCommon,
}

/// What both lists have.
#[derive(Args, Clone, Debug, Default)]
pub struct ListCommon {
    /// At most so many; 0 for all [default: 50 as a table, all with --json]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Words to look for in numbers, ids and names, or a filter as in the console: state:held alerted
    #[arg(value_name = "TEXT")]
    pub text: Vec<String>,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

impl ListCommon {
    /// The filter that they make: that of the words, with these states in place of its own.
    pub fn filter(&self, states: &[PairState], alerted: bool) -> Result<PairFilter, CliError> {
        let words = PairFilter::parse(&self.text.join(" ")).map_err(CliError::Usage)?;
        let states = if states.is_empty() { words.states } else { states.to_vec() };
        Ok(PairFilter { states, alerted: alerted || words.alerted, text: words.text })
    }
}

/// One supplier.
#[derive(Args, Clone, Debug)]
pub struct IdArgs {
    /// Supplier number, VENDORID, JAGGAER's id, or the number here: p12
    #[arg(value_name = "ID")]
    pub id: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `vendors plan`, `vendors stop`
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `vendors start`
#[derive(Args, Debug)]
pub struct StartArgs {
    /// Carry over only this field: name, status, tax_id, phone, … (give it several times) [default: all]
    #[arg(long = "field", value_name = "FIELD", value_parser = parse_master_field)]
    pub fields: Vec<MasterField>,
    /// Do not create vendors for new suppliers
    #[arg(long)]
    pub no_create: bool,
    /// The phrase, where there is no terminal to type it on
    #[arg(long, value_name = "PHRASE")]
    pub confirm: Option<String>,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// `vendors link`, `vendors refuse`
#[derive(Args, Debug)]
pub struct LinkArgs {
    /// The supplier: its number, JAGGAER's id, or the number here: p12
    #[arg(value_name = "SUPPLIER")]
    pub supplier: String,
    /// The vendor: its VENDORID
    #[arg(value_name = "VENDOR")]
    pub vendor: String,
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Runs it. Commands that look end with [`Exit::Attention`] where what they show needs a person.
pub async fn run(command: &VendorsCommand, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    match command {
        VendorsCommand::List(args) => {
            let filter = args.common.filter(&args.state, args.alerted)?;
            list(&args.common, filter, |_| true, "no suppliers match", link, terminal).await
        }
        VendorsCommand::Show(args) => show(args, link, terminal).await,
        VendorsCommand::Plan(args) => plan(args.json.json, link, terminal).await,
        VendorsCommand::Start(args) => start(args, link, terminal).await,
        VendorsCommand::Stop(args) => order(VendorCommand::Stop, args.json, link, terminal).await,
        VendorsCommand::Link(args) => {
            let (id, version) = version(link, &args.supplier).await?;
            let vendor = Text::new(args.vendor.as_str());
            order(VendorCommand::Link { id, version, vendor }, args.json, link, terminal).await
        }
        VendorsCommand::Refuse(args) => {
            let (id, version) = version(link, &args.supplier).await?;
            let vendor = Text::new(args.vendor.as_str());
            order(VendorCommand::Refuse { id, version, vendor }, args.json, link, terminal).await
        }
        VendorsCommand::Seen(args) => {
            let (id, version) = version(link, &args.id).await?;
            order(VendorCommand::Seen { id, version }, args.json, link, terminal).await
        }
        VendorsCommand::Retry(args) => {
            let (id, version) = version(link, &args.id).await?;
            order(VendorCommand::Retry { id, version }, args.json, link, terminal).await
        }
    }
}

/// Gives an order about the vendors.
pub async fn order(
    command: VendorCommand,
    json: Json,
    link: &dyn Link,
    terminal: &mut Terminal,
) -> Result<Exit, CliError> {
    tell(link, Command::Vendors(command), json.json, terminal).await
}

/// The pair that a person means: by its number here, a supplier number, JAGGAER's id or a VENDORID.
pub async fn pair(link: &dyn Link, given: &str) -> Result<Box<PairDetail>, CliError> {
    match link.ask(Question::Vendor(given.to_owned())).await? {
        Answer::Vendor(detail) => Ok(detail),
        _ => Err(unexpected()),
    }
}

async fn version(link: &dyn Link, given: &str) -> Result<(crate::model::PairId, Option<u64>), CliError> {
    let detail = pair(link, given).await?;
    Ok((detail.row.id, Some(detail.row.version)))
}

/// Shows one pair side by side.
pub async fn show(args: &IdArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let detail = pair(link, &args.id).await?;
    if args.json.json {
        terminal.json(&detail)?;
    } else {
        let text = pairs::detail(&detail, terminal.width);
        terminal.print(&text)?;
    }
    Ok(attention(detail.row.needs_attention()))
}

/// Lists what a filter and a condition let through.
pub async fn list(
    args: &ListCommon,
    filter: PairFilter,
    condition: impl Fn(&PairRow) -> bool,
    nothing: &str,
    link: &dyn Link,
    terminal: &mut Terminal,
) -> Result<Exit, CliError> {
    let limit = args.limit.unwrap_or(if args.json.json { 0 } else { 50 });
    let limit = if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
    let (rows, more) = all(link, &filter, condition, limit).await?;
    if args.json.json {
        rows.iter().try_for_each(|row| terminal.json(row))?;
    } else if rows.is_empty() {
        terminal.note(nothing);
    } else {
        terminal.table(&pairs::list(&rows))?;
        if more {
            terminal.note(&format!("the first {} are shown; --limit 0 shows all", rows.len()));
        }
    }
    Ok(attention(rows.iter().any(PairRow::needs_attention)))
}

/// Everything that a filter and a condition let through, page by page, at most `limit` rows; and whether there is more.
async fn all(
    link: &dyn Link,
    filter: &PairFilter,
    condition: impl Fn(&PairRow) -> bool,
    limit: usize,
) -> Result<(Vec<PairRow>, bool), CliError> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let request = PairRequest { filter: filter.clone(), after, limit: PAGE };
        let Answer::Vendors(PairPage { rows: page, next, .. }) = link.ask(Question::Vendors(request)).await? else {
            return Err(unexpected());
        };
        rows.extend(page.into_iter().filter(&condition));
        after = next;
        if after.is_none() || rows.len() > limit {
            let more = rows.len() > limit;
            rows.truncate(limit);
            return Ok((rows, more));
        }
    }
}

fn attention(needed: bool) -> Exit {
    if needed { Exit::Attention } else { Exit::Done }
}

async fn read_plan(link: &dyn Link) -> Result<Box<VendorsPlan>, CliError> {
    match link.ask(Question::VendorsPlan).await? {
        Answer::VendorsPlan(plan) => Ok(plan),
        _ => Err(unexpected()),
    }
}

async fn plan(json: bool, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let plan = read_plan(link).await?;
    if json {
        terminal.json(&plan)?;
    } else {
        terminal.print(&pairs::plan(&plan))?;
        let fields = pairs::plan_fields(&plan);
        if !fields.is_empty() {
            terminal.print("\n")?;
            terminal.table(&fields)?;
        }
        terminal.print(&format!("\n{}", pairs::plan_end(&plan)))?;
    }
    Ok(attention(plan.conflicts > 0 || plan.suggested > 0 || plan.held.values().any(|count| *count > 0)))
}

async fn start(args: &StartArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let plan = read_plan(link).await?;
    let phrase = plan.phrase.clone();
    let typed = match &args.confirm {
        Some(phrase) => phrase.clone(),
        None if terminal.interactive => {
            terminal.note(&pairs::plan(&plan));
            terminal.note(&what(args, &plan));
            if let Some((who, at)) = &plan.started {
                terminal.note(&format!("{who} started it at {}; this replaces it.", super::show::time(*at)));
            }
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
    let mut fields = args.fields.clone();
    fields.sort_unstable();
    fields.dedup();
    let command = VendorCommand::Start { phrase: typed.trim().to_owned(), fields, create: !args.no_create };
    order(command, args.json, link, terminal).await
}

/// What these options let a start write.
fn what(args: &StartArgs, plan: &VendorsPlan) -> String {
    let wanted = |field: &MasterField| args.fields.is_empty() || args.fields.contains(field);
    let sum = |of: fn(&crate::messages::FieldPlan) -> u64| -> u64 {
        plan.fields.iter().filter(|(field, _)| wanted(field)).map(|(_, counts)| of(counts)).sum()
    };
    let fields = match args.fields.as_slice() {
        [] => "All fields".to_owned(),
        some => format!("Only {}", some.iter().map(|field| field.label()).collect::<Vec<_>>().join(", ")),
    };
    let creates = match args.no_create {
        true => "no vendor is created".to_owned(),
        false => format!("{} vendors are created", plan.create),
    };
    format!(
        "{fields}: {} values go to Intacct, {} to JAGGAER; {creates}. Bank and payment data are never written.",
        sum(|counts| counts.to_intacct),
        sum(|counts| counts.to_jaggaer)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeLink, pair};
    use crate::cli::output::testing::terminal;
    use crate::cli::{self, Cli};
    use crate::messages::{FieldPlan, SuggestionView};
    use crate::model::{MatchTier, PairId, PaymentAlert, PaymentItem, Side, Timestamp};

    fn command(line: &str) -> VendorsCommand {
        let args = ["tollgate", "vendors"].into_iter().chain(line.split_whitespace());
        let cli: Cli = cli::parse(args.map(Into::into)).unwrap();
        match cli.command {
            Some(cli::Command::Vendors(command)) => command,
            other => panic!("{other:?}"),
        }
    }

    fn link() -> FakeLink {
        let mut link = FakeLink::new(Vec::new());
        link.pairs = (1..=8).map(|id| pair(id, &format!("V-{id}"), "Harbor Lab", PairState::Agreed)).collect();
        link.pairs.push(pair(9, "V-9", "Nordic Glass", PairState::Conflict));
        let mut looks_like = pair(10, "V-10", "A\u{1b}[2J\u{202e}B", PairState::Suggested);
        looks_like.row.suggestions = 1;
        looks_like.suggestions = vec![SuggestionView {
            vendor: "10010".into(),
            tier: MatchTier::TaxId,
            fields: vec![(MasterField::Name, "B GmbH".into()), (MasterField::Phone, "+1 555 0155".into())],
            others: vec!["supplier V-11 looks like it as well".into()],
        }];
        link.pairs.push(looks_like);
        link.plan = VendorsPlan {
            suppliers: 10,
            vendors: 14,
            linked: 9,
            agreed: 8,
            create: 3,
            conflicts: 1,
            fields: [(MasterField::Phone, FieldPlan { to_intacct: 4, conflict: 1, ..FieldPlan::default() })].into(),
            phrase: "start ACME".into(),
            ..VendorsPlan::default()
        };
        link
    }

    async fn printed(line: &str, link: &FakeLink) -> (String, Exit) {
        let (mut term, out, _) = terminal(None);
        term.width = Some(100);
        let exit = run(&command(line), link, &mut term).await.unwrap();
        (out.text(), exit)
    }

    #[tokio::test]
    async fn a_list_turns_the_pages_and_ends_with_3_where_a_person_is_needed() {
        let link = link();
        let (text, exit) = printed("list", &link).await;
        assert_eq!((text.lines().count(), exit), (11, Exit::Attention));
        assert!(text.contains("decide: phone") && text.contains("A‹U+001B›[2J‹U+202E›B"), "{text}");
        let (text, exit) = printed("list --state agreed --json", &link).await;
        assert_eq!((text.lines().count(), exit), (8, Exit::Done));
        let (text, _) = printed("list Nordic", &link).await;
        assert!(text.contains("V-9") && !text.contains("V-8"), "{text}");
    }

    #[tokio::test]
    async fn one_pair_stands_side_by_side_with_the_differing_words_in_brackets() {
        let mut link = link();
        link.pairs[8].alerts.push(PaymentAlert {
            at: Timestamp::UNIX_EPOCH,
            side: Side::Intacct,
            item: PaymentItem::Iban,
            old: "••••4821".into(),
            new: "••••9907".into(),
            high: true,
            seen: None,
        });
        let (text, exit) = printed("show V-9", &link).await;
        assert_eq!(exit, Exit::Attention);
        insta::assert_snapshot!(
            "a_conflict",
            text.replace(&crate::cli::show::time(Timestamp::UNIX_EPOCH), "THEN")
                .replace(&crate::cli::show::minute(Timestamp::UNIX_EPOCH), "THEN")
        );
        let (text, _) = printed("show p10", &link).await;
        insta::assert_snapshot!("a_suggestion", text.replace(&crate::cli::show::time(Timestamp::UNIX_EPOCH), "THEN"));
    }

    #[tokio::test]
    async fn the_plan_says_what_would_be_written_and_changes_nothing() {
        let link = link();
        let (text, exit) = printed("plan", &link).await;
        assert_eq!(exit, Exit::Attention, "a conflict waits for a person");
        insta::assert_snapshot!("a_plan", text.replace(&crate::cli::show::time(Timestamp::UNIX_EPOCH), "THEN"));
        assert!(link.told().is_empty());
    }

    #[tokio::test]
    async fn only_the_typed_phrase_starts_it() {
        let link = link();
        for (line, typed) in
            [("start", None), ("start", Some("yes\n")), ("start", Some("")), ("start --confirm start", None)]
        {
            let (mut term, _, _) = terminal(typed);
            assert_eq!(run(&command(line), &link, &mut term).await.unwrap_err().exit(), Exit::Usage);
        }
        assert!(link.told().is_empty());
        let (mut term, _, err) = terminal(Some("start ACME\n"));
        let line = "start --field phone --field name --field phone --no-create";
        run(&command(line), &link, &mut term).await.unwrap();
        let said = err.text();
        assert!(said.contains("Only phone, name, phone: 4 values go to Intacct, 0 to JAGGAER; no vendor"), "{said}");
        let fields = vec![MasterField::Name, MasterField::Phone];
        let start = VendorCommand::Start { phrase: "start ACME".into(), fields, create: false };
        assert_eq!(link.told(), [Command::Vendors(start)]);
    }

    #[tokio::test]
    async fn orders_carry_the_version_that_was_read() {
        let link = link();
        for line in ["link V-10 10010", "refuse p10 10010", "seen p9", "retry V-9", "stop"] {
            printed(line, &link).await;
        }
        let (id, version) = (PairId(10), Some(20));
        let nine = (PairId(9), Some(19));
        let expected = [
            VendorCommand::Link { id, version, vendor: "10010".into() },
            VendorCommand::Refuse { id, version, vendor: "10010".into() },
            VendorCommand::Seen { id: nine.0, version: nine.1 },
            VendorCommand::Retry { id: nine.0, version: nine.1 },
            VendorCommand::Stop,
        ];
        assert_eq!(link.told(), expected.map(Command::Vendors));
    }
}
