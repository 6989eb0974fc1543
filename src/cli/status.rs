//! `tollgate status`: one screen about everything.

use clap::Args;

use super::exit::{CliError, Exit};
use super::failures::group_table;
use super::output::Terminal;
use super::select::unexpected;
use super::show::{minute, time, totals};
use super::table::{Cell, Style, Table};
use super::{Json, pairs, show};
use crate::messages::{
    AlertLevel, Answer, BillAudit, EnginePhase, FlowState, LaneState, Link, PostingMode, Question, RemoteState,
    Snapshot,
};
use crate::model::{State, safe};

/// `status`
#[derive(Args, Debug, Default)]
pub struct StatusArgs {
    /// JSON output.
    #[command(flatten)]
    pub json: Json,
}

/// Prints the status. The exit code is the status's own: 4 where a remote system is out of reach or refused the credentials,
/// 3 where an alarm stands, or documents or suppliers need a person, or documents wait in a paused queue, else 0.
pub async fn run(args: &StatusArgs, link: &dyn Link, terminal: &mut Terminal) -> Result<Exit, CliError> {
    let Answer::Status(snapshot) = link.ask(Question::Status).await? else { return Err(unexpected()) };
    if args.json.json {
        terminal.json(&snapshot)?
    } else {
        print(&snapshot, terminal)?
    }
    Ok(exit(&snapshot))
}

/// The exit code that a snapshot calls for.
pub fn exit(snapshot: &Snapshot) -> Exit {
    let count = |state: State| snapshot.states.get(&state).map_or(0, |totals| totals.count);
    let waiting = snapshot.pause.is_some() && count(State::Queued) > 0;
    let audited = snapshot.audit.as_ref().is_some_and(BillAudit::needs_attention);
    let attention =
        waiting || audited || State::ALL.into_iter().any(|state| state.needs_attention() && count(state) > 0);
    let attention = attention || snapshot.vendors.needs_attention();
    let alarm = snapshot.alerts.iter().any(|alert| alert.level == AlertLevel::Alarm);
    let exit = if attention || alarm { Exit::Attention } else { Exit::Done };
    let out_of_reach =
        |remote: &RemoteState| matches!(remote, RemoteState::Unreachable { .. } | RemoteState::Refused { .. });
    if out_of_reach(&snapshot.token) || out_of_reach(&snapshot.session) { exit.worse(Exit::Remote) } else { exit }
}

fn print(snapshot: &Snapshot, terminal: &mut Terminal) -> Result<(), CliError> {
    terminal.print(&head(snapshot))?;
    for alert in &snapshot.alerts {
        let level = match alert.level {
            AlertLevel::Notice => "Notice",
            AlertLevel::Warning => "Warning",
            AlertLevel::Alarm => "ALARM",
        };
        let since = time(alert.since);
        let advice = if alert.advice.is_empty() { String::new() } else { format!("\n  {}", alert.advice) };
        terminal.print(&format!("{level}: {} (since {since}){advice}", alert.what.safe()))?;
    }
    terminal.print("\nDocuments")?;
    terminal.table(&states(snapshot))?;
    if snapshot.vendors.is_known() {
        terminal.print("\nSuppliers and vendors")?;
        terminal.print(&pairs::standing(&snapshot.vendors))?;
        terminal.table(&pairs::counts(&snapshot.vendors))?;
    }
    if !snapshot.flows.is_empty() {
        terminal.print("\nFlows")?;
        terminal.table(&flows(snapshot))?;
    }
    if let Some(audit) = &snapshot.audit {
        terminal.print(&format!("\nAudit of the bills: {audit} (ended {})", time(audit.at)))?;
        for line in audit.lines() {
            terminal.print(&format!("  ! {line}"))?;
        }
    }
    // Without an engine nobody is connected to anything, and nothing is known of it.
    if snapshot.phase != EnginePhase::Absent {
        terminal.print(&remotes(snapshot))?;
    }
    if !snapshot.failures.is_empty() {
        terminal.print("\nIn front of a person")?;
        terminal.table(&group_table(&snapshot.failures))?;
    }
    Ok(())
}

fn head(snapshot: &Snapshot) -> String {
    let phase = match snapshot.phase {
        EnginePhase::Absent => "no engine runs".to_owned(),
        EnginePhase::Starting => format!("starting, pid {}", snapshot.pid),
        EnginePhase::Running => format!("running, pid {}", snapshot.pid),
        EnginePhase::Stopping => format!("stopping, pid {}", snapshot.pid),
    };
    let mode = match &snapshot.mode {
        PostingMode::Observe => "observing: nothing is sent".to_owned(),
        PostingMode::WaitingForStart { from, .. } => {
            let from = from.map(|date| format!(" for invoices from {date}")).unwrap_or_default();
            format!("waiting for a person to start posting{from}: `tollgate posting start`; nothing is sent")
        }
        PostingMode::Post { from, started } => {
            let from = from.map(|date| format!(" invoices from {date}")).unwrap_or_default();
            let who = started.as_ref().map(|(who, at)| format!(", started by {who} at {}", time(*at)));
            format!("posting{from}{}", who.unwrap_or_default())
        }
    };
    let mut out = format!(
        "Tollgate {} · {phase} · {}\nJAGGAER {} → Intacct {} · as of {}\nMode: {mode}\n",
        snapshot.version,
        snapshot.data_dir,
        snapshot.jaggaer,
        snapshot.intacct,
        time(snapshot.at)
    );
    if let Some(pause) = &snapshot.pause {
        let (by, why) = (safe(&pause.by), safe(&pause.why));
        out.push_str(&format!("Queue PAUSED by {by} at {}: {why}\n", time(pause.at)));
    }
    out
}

fn states(snapshot: &Snapshot) -> Table {
    let mut table = Table::new(&["STATE", "COUNT", "TOTALS"]).right(&[1]).flexible(2);
    for state in State::ALL {
        let of_state = snapshot.states.get(&state).cloned().unwrap_or_default();
        let style = if of_state.count == 0 { Style::Dim } else { Style::of(state) };
        table.row([Cell::styled(state.label(), style), of_state.count.to_string().into(), totals(&of_state).into()]);
    }
    table
}

fn flows(snapshot: &Snapshot) -> Table {
    let mut table = Table::new(&["FLOW", "STATE", "LAST RUN", "NEXT RUN", "RESULT"]).flexible(4);
    for flow in &snapshot.flows {
        let (state, style) = match flow.state {
            FlowState::Waiting => ("waiting", Style::Plain),
            FlowState::Running => ("running", Style::Good),
            FlowState::Paused => ("paused", Style::Waiting),
            FlowState::Stopped => ("stopped", Style::Bad),
        };
        let result = match &flow.last_result {
            None => Cell::default(),
            Some(Ok(what)) => what.as_str().into(),
            Some(Err(why)) if flow.failed_in_a_row > 1 => {
                Cell::styled(format!("failed {} times: {why}", flow.failed_in_a_row), Style::Bad)
            }
            Some(Err(why)) => Cell::styled(format!("failed: {why}"), Style::Bad),
        };
        table.row([
            flow.name.as_str().into(),
            Cell::styled(state, style),
            flow.last_start.map(minute).unwrap_or_else(|| "never".to_owned()).into(),
            flow.next.map(minute).unwrap_or_default().into(),
            result,
        ]);
    }
    table
}

fn remotes(snapshot: &Snapshot) -> String {
    let remote = |state: &RemoteState| match state {
        RemoteState::None => "not needed yet".to_owned(),
        RemoteState::Valid { until } => format!("valid until {}", time(*until)),
        RemoteState::Unreachable { why, since } => format!("OUT OF REACH since {}: {why}", time(*since)),
        RemoteState::Refused { why, advice, since } => {
            format!("REFUSED since {}: {why}\n                 {advice}", time(*since))
        }
    };
    let lane = match &snapshot.gateway.lane {
        LaneState::Idle => "idle".to_owned(),
        LaneState::Reading => "reading".to_owned(),
        LaneState::Sending { bills } => format!("sending {bills} bills"),
        LaneState::Waiting { until, why } => format!("waiting until {}: {why}", time(*until)),
        LaneState::CircuitOpen { until, why } => format!("CIRCUIT OPEN, next try {}: {why}", time(*until)),
        LaneState::Stopped { why, advice } => format!("STOPPED: {why}\n                 {advice}"),
    };
    let g = &snapshot.gateway;
    format!(
        "\nJAGGAER token:   {}\nIntacct session: {}\nGateway:         {lane}; {} requests, {} functions, {} transactions, {} logins\n",
        remote(&snapshot.token),
        remote(&snapshot.session),
        g.requests,
        g.functions,
        g.transactions,
        g.logins
    )
}

/// For commands that show a moment of the status beside their own data.
pub fn queued(snapshot: &Snapshot) -> String {
    let queued = snapshot.states.get(&State::Queued).cloned().unwrap_or_default();
    match queued.count {
        0 => "no bills".to_owned(),
        1 => format!("1 bill ({})", show::totals(&queued)),
        count => format!("{count} bills ({})", show::totals(&queued)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::FakeLink;
    use crate::cli::output::testing::terminal;
    use crate::messages::QueuePause;
    use crate::model::{MoneyTotals, Timestamp};

    #[tokio::test]
    async fn one_screen_says_who_runs_what_stands_where_and_what_fails() {
        let link = FakeLink::new(Vec::new());
        let (mut term, out, _) = terminal(None);
        assert_eq!(run(&StatusArgs::default(), &link, &mut term).await.unwrap(), Exit::Done);
        let text = out.text();
        for part in [
            "running, pid 4711",
            "posted",
            "81234.10 USD",
            "invoices",
            "120 read",
            "refused by Intacct",
            "112 transactions",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.lines().count() <= 40, "{text}");
        let (mut term, out, _) = terminal(None);
        run(&StatusArgs { json: Json { json: true } }, &link, &mut term).await.unwrap();
        let back: Snapshot = serde_json::from_str(&out.text()).unwrap();
        assert_eq!(back.pid, 4711);
    }

    #[tokio::test]
    async fn the_vendors_have_a_block_where_they_are_known() {
        use crate::model::PairState;
        let link = FakeLink::new(Vec::new());
        link.change(|snapshot| {
            snapshot.vendors.states = [(PairState::Agreed, 40), (PairState::Conflict, 2)].into();
            (snapshot.vendors.alerted, snapshot.vendors.high) = (2, 1);
            snapshot.vendors.reads_jaggaer = true;
        });
        let (mut term, out, _) = terminal(None);
        assert_eq!(
            run(&StatusArgs::default(), &link, &mut term).await.unwrap(),
            Exit::Done,
            "nothing waits before the start"
        );
        for part in
            ["Suppliers and vendors", "NOT STARTED", "conflict      2", "BANK DATA CHANGED at 2, 1 of them HIGH"]
        {
            assert!(out.text().contains(part), "{part}: {}", out.text());
        }
        link.change(|snapshot| snapshot.vendors.started = Some(("anna".to_owned(), Timestamp::UNIX_EPOCH)));
        assert_eq!(run(&StatusArgs::default(), &link, &mut term).await.unwrap(), Exit::Attention);
    }

    #[test]
    fn the_exit_code_tells_a_script_what_a_person_would_see() {
        let link = FakeLink::new(Vec::new());
        let mut snapshot = (*link.snapshots().borrow().clone()).clone();
        snapshot.states.insert(State::Queued, MoneyTotals { count: 1, ..MoneyTotals::default() });
        assert_eq!(exit(&snapshot), Exit::Done);
        let at = Timestamp::UNIX_EPOCH;
        snapshot.pause = Some(QueuePause { by: "anna".into(), at, why: "month end".into() });
        assert_eq!(exit(&snapshot), Exit::Attention);
        snapshot.session = RemoteState::Unreachable { why: "down".into(), since: at };
        assert_eq!(exit(&snapshot), Exit::Remote);
    }
}
