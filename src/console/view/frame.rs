//! What stands around the panels: title, tabs, whether anything is sent, the line for the person, the keys that matter here.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::super::actions::Action;
use super::super::state::{Overlay, Panel};
use super::super::text::{count, cut, width, wrap};
use super::super::vendors::PairView;
use super::{Pen, marked, vendors};
use crate::messages::{EnginePhase, PostingMode};
use crate::model::{PairState, State, safe};

impl Pen<'_> {
    pub fn title(&self, cells: usize) -> Line<'static> {
        let theme = self.ui.theme;
        let left = format!("  JAGGAER {} → Intacct {}", safe(&self.snapshot.jaggaer), safe(&self.snapshot.intacct));
        let (mut words, style) = match self.snapshot.phase {
            // Who closes the window should know whether the engine goes with it.
            EnginePhase::Running if self.ui.owns_engine => ("● running here".to_owned(), theme.good()),
            EnginePhase::Running => ("● running".to_owned(), theme.good()),
            EnginePhase::Starting => ("◔ starting: settling what was open".to_owned(), theme.moving()),
            EnginePhase::Stopping => ("◑ stopping: finishing what is in flight".to_owned(), theme.warning()),
            EnginePhase::Absent => ("○ no engine runs".to_owned(), theme.warning()),
        };
        if self.ui.read_only {
            words = format!("read-only  {words}");
        }
        let fresh = self.freshness(self.snapshot.at).unwrap_or_else(|| "live".to_owned());
        let stale = fresh != "live";
        let right = width(&words) + 2 + width(&fresh);
        let left = cut(&left, cells.saturating_sub(right + 10));
        let gap = cells.saturating_sub(8 + width(&left) + right);
        Line::from(vec![
            Span::styled("Tollgate", theme.heading()),
            Span::raw(left),
            Span::raw(" ".repeat(gap)),
            Span::styled(words, style),
            Span::raw("  "),
            Span::styled(fresh, if stale { theme.warning() } else { theme.quiet() }),
        ])
    }

    pub fn tabs(&self, cells: usize) -> Line<'static> {
        let counts = |wanted: &dyn Fn(State) -> bool| -> u64 {
            self.snapshot.states.iter().filter(|(state, _)| wanted(**state)).map(|(_, totals)| totals.count).sum()
        };
        let actions =
            [Action::Overview, Action::Queue, Action::Invoices, Action::Failures, Action::Log, Action::Vendors];
        let tabs: Vec<(Panel, String, String)> = Panel::ALL
            .into_iter()
            .zip(actions)
            .map(|(panel, action)| {
                let number = match panel {
                    Panel::Overview | Panel::Log => None,
                    Panel::Queue => Some(counts(&|state| state == State::Queued || state.is_unsettled())),
                    Panel::Invoices => Some(counts(&|_| true)),
                    Panel::Failures => Some(self.snapshot.failures.iter().map(|group| group.count).sum()),
                    Panel::Vendors => Some(self.snapshot.vendors.attention()).filter(|count| *count > 0),
                };
                let mut number = number.map(|number| format!(" {}", count(number))).unwrap_or_default();
                // A bank alert may stand on a pair that nothing else is wrong with.
                if panel == Panel::Vendors && self.snapshot.vendors.alerted > 0 {
                    number.push_str(" ⚑");
                }
                (panel, format!("{} {}", self.key(action), panel.title()), number)
            })
            .collect();
        // Where there is no room for all, the space between them goes first, then the numbers.
        let words: usize = tabs.iter().map(|(_, words, _)| width(words)).sum();
        let numbers: usize = tabs.iter().map(|(_, _, number)| width(number)).sum();
        let (pad, gap) = match cells.saturating_sub(words + numbers) / tabs.len().max(1) {
            3.. => (" ", " "),
            2 => (" ", ""),
            _ => ("", " "),
        };
        let numbered = words + numbers + tabs.len() <= cells + 1;
        let mut spans = Vec::new();
        for (panel, words, number) in tabs {
            let number = if numbered || panel == self.ui.panel { number } else { String::new() };
            let chosen = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
            let style = if panel == self.ui.panel { chosen } else { Style::new() };
            spans.push(Span::styled(format!("{pad}{words}{number}{pad}"), style));
            spans.push(Span::raw(gap));
        }
        Line::from(spans)
    }

    /// Whether anything is sent.
    pub fn banner(&self, cells: usize) -> Line<'static> {
        let theme = self.ui.theme;
        let (style, words) = match (&self.snapshot.pause, &self.snapshot.mode) {
            (None, _) if self.ui.panel == Panel::Vendors => vendors::banner(self),
            (Some(pause), _) => (
                theme.warning(),
                format!(
                    "‖ PAUSED by {} since {}: {} ({} resumes)",
                    safe(&pause.by),
                    self.clock(pause.at),
                    safe(&pause.why),
                    self.key(Action::PauseQueue)
                ),
            ),
            _ if self.snapshot.phase == EnginePhase::Starting => {
                (theme.moving(), "◔ whether bills are sent is not known yet".to_owned())
            }
            (None, PostingMode::Observe) => {
                (theme.moving(), "○ OBSERVE: nothing is sent; everything up to the frozen posting is shown".to_owned())
            }
            (None, PostingMode::WaitingForStart { from, .. }) => {
                let from = from.map(|from| format!(", invoices from {from} on")).unwrap_or_default();
                let key = self.key(Action::StartPosting);
                (theme.warning(), format!("◔ WAITING FOR START: nothing is sent yet; {key} starts posting{from}"))
            }
            (None, PostingMode::Post { from, started }) => {
                let from = from.map(|from| format!(", invoices from {from} on")).unwrap_or_default();
                let by = started
                    .as_ref()
                    .map(|(by, at)| format!(", started by {} {}", safe(by), self.clock(*at)))
                    .unwrap_or_default();
                (theme.good(), format!("● POSTING{from}{by}"))
            }
        };
        Line::styled(cut(&words, cells), style)
    }

    /// The line for the person: news, the selection, orders under way.
    pub fn notice(&self, cells: usize) -> Vec<Line<'static>> {
        let theme = self.ui.theme;
        if let Some(notice) = &self.ui.notice {
            let (glyph, style) = if notice.bad { ("✗", theme.bad()) } else { ("·", theme.heading()) };
            if !notice.bad {
                self.changes(notice.at.checked_add(super::super::update::NEWS).ok());
            }
            let rows = wrap(&format!("{glyph} {}", notice.text), cells);
            return rows.into_iter().take(4).map(|row| Line::styled(row, style)).collect();
        }
        let mut words: Vec<String> = marked(self.ui).into_iter().collect();
        if self.ui.under_way > 0 {
            words.push(format!("{} orders under way…", self.ui.under_way));
        }
        vec![Line::styled(cut(&words.join("  ·  "), cells), theme.heading())]
    }

    /// Whether an action means something for the supplier under the cursor; what concerns all of them always does.
    fn pair_allows(&self, pair: Option<&PairView>, action: Action) -> bool {
        let open = self.ui.open;
        let known = self.snapshot.vendors.is_known();
        let data = pair.and_then(|pair| pair.data.as_deref());
        let row = match open {
            true => data.map(|data| &data.row),
            false => self.ui.vendors.list.current(),
        };
        let suggested = row.is_some_and(|row| row.suggestions > 0);
        match action {
            Action::Back => open,
            Action::Open | Action::Filter => !open,
            Action::TakeJaggaer | Action::TakeIntacct => {
                row.is_some_and(|row| row.in_conflict()) || !self.ui.vendors.marks.is_empty()
            }
            Action::EditValue => open && row.is_some_and(|row| !row.differences.is_empty()),
            Action::LinkVendor => suggested,
            Action::RefuseVendor => suggested || open && row.is_some_and(|row| row.vendor.is_some()),
            Action::Seen => row.is_some_and(|row| row.alerts > 0),
            Action::Retry => row.is_some_and(|row| row.state == PairState::Failed),
            Action::Undo => data.is_some_and(|data| data.fields.iter().any(|view| view.decided.is_some())),
            Action::StartVendors => known && !open,
            Action::Plan => known && !open,
            _ => true,
        }
    }

    /// The keys that matter here.
    pub fn hints(&self, cells: usize) -> Line<'static> {
        let ui = self.ui;
        let started = self.snapshot.vendors.started.is_some();
        let plan = matches!(ui.overlay, Some(Overlay::Plan(_)));
        let actions: &[(Action, &str)] = match ui.panel {
            _ if plan && started => &[(Action::Back, "close"), (Action::StartVendors, "stop"), (Action::Down, "more")],
            _ if plan => &[(Action::Back, "close"), (Action::StartVendors, "start"), (Action::Down, "more")],
            Panel::Vendors => &[
                (Action::Back, "back"),
                (Action::Open, "open"),
                (Action::TakeJaggaer, "JAGGAER's"),
                (Action::TakeIntacct, "Intacct's"),
                (Action::EditValue, "edit"),
                (Action::LinkVendor, "link"),
                (Action::RefuseVendor, "refuse"),
                (Action::Seen, "seen"),
                (Action::Retry, "retry"),
                (Action::Undo, "undo"),
                (Action::Plan, "plan"),
                (Action::StartVendors, if started { "stop" } else { "start" }),
                (Action::Filter, "filter"),
            ],
            _ if ui.open => &[
                (Action::Back, "back"),
                (Action::Facts, "facts"),
                (Action::Explain, "explain"),
                (Action::Audit, "audit"),
                (Action::Replay, "replay"),
                (Action::Dismiss, "dismiss"),
                (Action::Adopt, "adopt"),
                (Action::PostAnyway, "post anyway"),
                (Action::Reopen, "reopen"),
                (Action::Copy, "copy"),
            ],
            Panel::Overview => &[
                (Action::RunFlow, "run flow"),
                (Action::PauseFlow, "pause flow"),
                (Action::PauseQueue, "pause posting"),
                (Action::StartPosting, "start posting"),
                (Action::Reload, "reload"),
            ],
            Panel::Log => &[(Action::MoreLog, "more"), (Action::LessLog, "fewer"), (Action::PageUp, "back")],
            Panel::Failures if ui.on_causes => {
                &[(Action::Open, "list"), (Action::MarkAll, "select all"), (Action::Filter, "filter")]
            }
            _ => &[
                (Action::Open, "open"),
                (Action::Mark, "mark"),
                (Action::MarkAll, "all"),
                (Action::Filter, "filter"),
                (Action::Replay, "replay"),
                (Action::Dismiss, "dismiss"),
            ],
        };
        // Of a document, what the engine says is possible.
        let pair = ui.vendors.pair.as_ref().filter(|_| ui.panel == Panel::Vendors);
        let possible = ui.detail.as_ref().filter(|_| ui.open).and_then(|detail| detail.data.as_ref());
        let fits = |action: &Action| {
            if ui.panel == Panel::Vendors && !plan && !self.pair_allows(pair, *action) {
                return false;
            }
            let decided = matches!(
                action,
                Action::Replay | Action::Dismiss | Action::Adopt | Action::PostAnyway | Action::Reopen
            );
            let named = possible.is_none_or(|data| data.actions.iter().any(|word| word == action.word()));
            !(ui.read_only && action.changes() || decided && !named)
        };
        let always = [(Action::Help, "help"), (Action::Quit, "quit")];
        let cost = |(action, word): &(Action, &str)| width(&self.key(*action)) + width(word) + 3;
        let mut room = (cells + 2).saturating_sub(always.iter().map(cost).sum());
        let mut spans = Vec::new();
        let shown = actions.iter().filter(|(action, _)| fits(action)).take_while(|hint| {
            let left = room.checked_sub(cost(hint));
            room = left.unwrap_or(0);
            left.is_some()
        });
        for (action, word) in shown.chain(&always) {
            spans.push(Span::styled(self.key(*action), ui.theme.heading()));
            spans.push(Span::raw(format!(" {word}  ")));
        }
        Line::from(spans)
    }
}
