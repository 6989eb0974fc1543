//! Everything that the screen knows. It changes in `update` alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tui_input::Input;
use tui_logger::TuiWidgetState;

use super::dialog::Dialog;
use super::filter;
use super::keymap::Keymap;
use super::list::DocumentList;
use super::memory::Memory;
use super::theme::Theme;
use super::vendors::Vendors;
use crate::messages::{AuditLine, DocumentDetail, Explanation, Filter, LogLevel, Outcome, Snapshot};
use crate::model::{Class, DocumentId, ReasonCode, State};

/// Columns from which a list and a document stand side by side.
pub const WIDE: u16 = 140;

/// The panels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum Panel {
    Overview,
    Queue,
    Invoices,
    Failures,
    Log,
    Vendors,
}

impl Panel {
    /// In the order of the tabs.
    pub const ALL: [Panel; 6] =
        [Panel::Overview, Panel::Queue, Panel::Invoices, Panel::Failures, Panel::Log, Panel::Vendors];

    /// The word on the tab.
    pub fn title(self) -> &'static str {
        match self {
            Panel::Overview => "Overview",
            Panel::Queue => "Queue",
            Panel::Invoices => "Invoices",
            Panel::Failures => "Failures",
            Panel::Log => "Log",
            Panel::Vendors => "Vendors",
        }
    }
}

/// The lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum ListKey {
    Queue,
    Invoices,
    Failures,
}

/// What the failures panel narrows its list to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// All that need a person.
    All,
    /// One cause.
    One(State, ReasonCode, Option<Class>),
    /// Those that stand well but were flagged.
    Flagged,
}

/// What is selected for an order.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Marks {
    /// Nothing: an order goes to the document under the cursor.
    #[default]
    None,
    /// These, each with the version that was seen when it was marked.
    Ids(BTreeMap<DocumentId, u64>),
    /// All that match, frozen: the filter, and how many matched when it was selected.
    All(Box<Filter>, u64),
}

/// Which side of a document is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum Tab {
    #[default]
    Facts,
    Explain,
    Audit,
}

/// One document on the screen.
#[derive(Debug)]
pub struct Detail {
    /// Which.
    pub id: DocumentId,
    /// Its data, once they came.
    pub data: Option<Box<DocumentDetail>>,
    /// Why they did not come.
    pub fault: Option<String>,
    /// When they came.
    pub read: Option<Timestamp>,
    /// A question is on its way.
    pub pending: bool,
    /// Ask again.
    pub stale: bool,
    /// Which side.
    pub tab: Tab,
    /// First row shown.
    pub scroll: usize,
    /// The explanation.
    pub explanation: Option<Result<Box<Explanation>, String>>,
    /// The trail.
    pub trail: Option<Result<Vec<AuditLine>, String>>,
}

impl Detail {
    /// A document whose data are on their way.
    pub fn new(id: DocumentId, tab: Tab) -> Self {
        Detail {
            id,
            data: None,
            fault: None,
            read: None,
            pending: false,
            stale: true,
            tab,
            scroll: 0,
            explanation: None,
            trail: None,
        }
    }
}

/// What lies over the panels.
#[derive(Debug)]
pub enum Overlay {
    /// The keys; first row shown.
    Help(usize),
    /// The palette: what was typed, and which match has the focus.
    Palette(Input, usize),
    /// The filter's field, and what is wrong with it.
    Filter(Input, Option<String>),
    /// A question to the person.
    Dialog(Box<Dialog>),
    /// Each document's result of the last order; first row shown.
    Results(usize),
    /// What a start of the vendors would do; first row shown.
    Plan(usize),
}

/// A line for the person.
#[derive(Clone, PartialEq, Debug)]
pub struct Notice {
    /// The words; safe.
    pub text: String,
    /// Whether it is bad news: it stays until it is closed.
    pub bad: bool,
    /// Since when.
    pub at: Timestamp,
}

/// The state of the screen.
pub struct Ui {
    /// The time of the last tick.
    pub now: Timestamp,
    /// The person's time zone.
    pub zone: TimeZone,
    /// What the engine last published.
    pub snapshot: Arc<Snapshot>,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Colours.
    pub theme: Theme,
    /// Keys.
    pub keymap: Arc<Keymap>,
    /// Orders are refused.
    pub read_only: bool,
    /// Leaving stops the engine.
    pub owns_engine: bool,
    /// The panel.
    pub panel: Panel,
    /// The filter as typed.
    pub filter_text: String,
    /// The filter as understood.
    pub filter: Filter,
    /// What waits or is not settled.
    pub queue: DocumentList,
    /// All.
    pub invoices: DocumentList,
    /// What needs a person.
    pub failures: DocumentList,
    /// The cause chosen there.
    pub cause: Cause,
    /// Whether the focus is on the causes.
    pub on_causes: bool,
    /// The selection.
    pub marks: Marks,
    /// The document shown.
    pub detail: Option<Detail>,
    /// Suppliers and vendors.
    pub vendors: Vendors,
    /// Whether the document, or the supplier, has the focus.
    pub open: bool,
    /// The flow with the focus.
    pub flow: Option<String>,
    /// The state of the log widget.
    pub log: TuiWidgetState,
    /// The last level shown there.
    pub log_level: LogLevel,
    /// What lies over the panels.
    pub overlay: Option<Overlay>,
    /// A line for the person.
    pub notice: Option<Notice>,
    /// Orders under way.
    pub under_way: usize,
    /// Orders that were given together and are not all answered: how many, how many were refused, and what was said first about one of
    /// these, else about any.
    pub together: Option<(usize, usize, String)>,
    /// The last order and what came of it.
    pub outcome: Option<(String, Outcome)>,
    /// What the last order came to, in a sentence, and whether something of it was not done.
    pub last_order: Option<(String, bool)>,
    /// Where idempotency keys come from.
    pub chance: fastrand::Rng,
}

/// What the screen starts with.
pub struct Start {
    /// The time.
    pub now: Timestamp,
    /// The person's time zone.
    pub zone: TimeZone,
    /// The first snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Colours.
    pub theme: Theme,
    /// Keys.
    pub keymap: Arc<Keymap>,
    /// Orders are refused.
    pub read_only: bool,
    /// Leaving stops the engine.
    pub owns_engine: bool,
    /// The filter of the last time.
    pub filter: String,
    /// The vendors' filter of the last time.
    pub vendors_filter: String,
    /// Seed of the idempotency keys.
    pub seed: u64,
}

impl Ui {
    /// A screen before any answer has come.
    pub fn new(start: Start) -> Self {
        // A filter of the last time that is understood no more is forgotten, not shown half.
        let (filter_text, filter) = match Filter::parse(&start.filter, start.now, &start.zone) {
            Ok(filter) => (start.filter, filter),
            Err(_) => (String::new(), Filter::default()),
        };
        let mut ui = Ui {
            now: start.now,
            zone: start.zone,
            snapshot: start.snapshot,
            size: start.size,
            theme: start.theme,
            keymap: start.keymap,
            read_only: start.read_only,
            owns_engine: start.owns_engine,
            panel: Panel::Overview,
            filter_text,
            filter,
            queue: DocumentList::new(None, true),
            invoices: DocumentList::new(None, false),
            failures: DocumentList::new(None, false),
            cause: Cause::All,
            on_causes: true,
            marks: Marks::None,
            detail: None,
            vendors: Vendors::new(start.vendors_filter),
            open: false,
            flow: None,
            log: TuiWidgetState::new().set_default_display_level(log::LevelFilter::Info),
            log_level: LogLevel::Info,
            overlay: None,
            notice: None,
            under_way: 0,
            together: None,
            outcome: None,
            last_order: None,
            chance: fastrand::Rng::with_seed(start.seed),
        };
        ui.query();
        ui
    }

    /// Gives each list its filter anew.
    pub fn query(&mut self) {
        let states = |states: &[State]| Filter { states: states.to_vec(), ..Filter::default() };
        let queue = states(&[State::Sent, State::Claimed, State::InDoubt, State::Queued]);
        let cause = match self.cause {
            Cause::All => states(&[State::Held, State::Failed, State::Differs, State::InDoubt]),
            Cause::One(state, reason, class) => Filter { reason: Some(reason), class, ..states(&[state]) },
            Cause::Flagged => Filter { flagged: true, ..Filter::default() },
        };
        self.queue.set_query(filter::both(&queue, &self.filter));
        self.invoices.set_query(Some(self.filter.clone()));
        self.failures.set_query(filter::both(&cause, &self.filter));
    }

    /// Whether a list and a document stand side by side.
    pub fn wide(&self) -> bool {
        self.size.0 >= WIDE
    }

    /// The list of the panel.
    pub fn list_key(&self) -> Option<ListKey> {
        match self.panel {
            Panel::Queue => Some(ListKey::Queue),
            Panel::Invoices => Some(ListKey::Invoices),
            Panel::Failures => Some(ListKey::Failures),
            Panel::Overview | Panel::Log | Panel::Vendors => None,
        }
    }

    /// A list.
    pub fn list(&self, key: ListKey) -> &DocumentList {
        match key {
            ListKey::Queue => &self.queue,
            ListKey::Invoices => &self.invoices,
            ListKey::Failures => &self.failures,
        }
    }

    /// A list, to change.
    pub fn list_mut(&mut self, key: ListKey) -> &mut DocumentList {
        match key {
            ListKey::Queue => &mut self.queue,
            ListKey::Invoices => &mut self.invoices,
            ListKey::Failures => &mut self.failures,
        }
    }

    /// The causes to choose from: each with its count where it is known, and its title. A chosen cause that is gone stays.
    pub fn causes(&self) -> Vec<(Cause, Option<u64>, String)> {
        let groups = &self.snapshot.failures;
        let mut causes =
            vec![(Cause::All, Some(groups.iter().map(|group| group.count).sum()), "all that need a person".to_owned())];
        causes.extend(groups.iter().map(|group| {
            let title = match group.class {
                Some(class) => format!("{}: {}", crate::model::safe(&group.title), class.word()),
                None => crate::model::safe(&group.title).into_owned(),
            };
            (Cause::One(group.state, group.code, group.class), Some(group.count), title)
        }));
        if let Cause::One(_, code, _) = self.cause
            && !causes.iter().any(|(cause, _, _)| *cause == self.cause)
        {
            causes.push((self.cause, Some(0), format!("{} (none left)", code.title())));
        }
        causes.push((Cause::Flagged, None, "changed after posting, or a twin stands beside it".to_owned()));
        causes
    }

    /// Work that leaving would interrupt, in words.
    pub fn in_flight(&self) -> Vec<String> {
        use crate::messages::{FlowState, LaneState};
        use crate::model::PairState;
        let snapshot = &self.snapshot;
        let mut work = Vec::new();
        let unsettled: u64 =
            snapshot.states.iter().filter(|(state, _)| state.is_unsettled()).map(|(_, totals)| totals.count).sum();
        if unsettled > 0 {
            work.push(format!("{unsettled} sent, claimed or in doubt"));
        }
        if let LaneState::Sending { bills } = snapshot.gateway.lane {
            work.push(format!("{bills} bills on their way to Intacct"));
        }
        let masters = snapshot.vendors.count(PairState::Writing);
        if masters > 0 {
            work.push(format!("{masters} of the suppliers and vendors being written"));
        }
        for flow in snapshot.flows.iter().filter(|flow| flow.state == FlowState::Running) {
            work.push(format!("flow {} runs", crate::model::safe(&flow.name)));
        }
        if self.under_way > 0 {
            work.push(format!("{} orders under way", self.under_way));
        }
        work
    }

    /// What is kept for the next time.
    pub fn memory(&self) -> Memory {
        Memory { filter: self.filter_text.clone(), vendors: self.vendors.filter_text.clone() }
    }

    /// Says something to the person.
    pub fn say(&mut self, text: impl Into<String>, bad: bool) {
        self.notice = Some(Notice { text: text.into(), bad, at: self.now });
    }
}
