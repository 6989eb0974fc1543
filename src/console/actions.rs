//! The table of named actions: keys, palette and help are made from it.

use super::state::Panel;

/// Where an action can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// In every panel.
    Everywhere,
    /// In every list, and in what is opened from it.
    Rows,
    /// In lists of documents and in one document.
    Lists,
    /// In the list of suppliers and in one supplier.
    Vendors,
    /// In the overview.
    Overview,
    /// In the log.
    Log,
}

impl Scope {
    /// All scopes, in the order of the help.
    pub const ALL: [Scope; 6] =
        [Scope::Everywhere, Scope::Rows, Scope::Lists, Scope::Vendors, Scope::Overview, Scope::Log];

    /// The heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Scope::Everywhere => "Everywhere",
            Scope::Rows => "Lists, and what is opened from them",
            Scope::Lists => "Queue, invoices, failures and one document",
            Scope::Vendors => "Vendors and one supplier",
            Scope::Overview => "Overview",
            Scope::Log => "Log",
        }
    }

    /// Whether actions of this scope work in a panel.
    pub fn covers(self, panel: Panel) -> bool {
        match self {
            Scope::Everywhere => true,
            Scope::Rows => matches!(panel, Panel::Queue | Panel::Invoices | Panel::Failures | Panel::Vendors),
            Scope::Lists => matches!(panel, Panel::Queue | Panel::Invoices | Panel::Failures),
            Scope::Vendors => panel == Panel::Vendors,
            Scope::Overview => panel == Panel::Overview,
            Scope::Log => panel == Panel::Log,
        }
    }

    /// Whether one key could mean both.
    pub fn overlaps(self, other: Scope) -> bool {
        let within = |one: Scope, other: Scope| match one {
            Scope::Everywhere => true,
            Scope::Rows => matches!(other, Scope::Lists | Scope::Vendors),
            _ => one == other,
        };
        self == other || within(self, other) || within(other, self)
    }
}

macro_rules! actions {
    ($($name:ident $word:literal $scope:ident $changes:literal $title:literal;)*) => {
        /// An action that a key or the palette starts.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs, reason = "each has its title in the table")]
        pub enum Action { $($name,)* }

        impl Action {
            /// All actions, in the order of the help.
            pub const ALL: &'static [Action] = &[$(Action::$name,)*];
            /// Its name in key files and the palette.
            pub fn word(self) -> &'static str { match self { $(Action::$name => $word,)* } }
            /// What it does.
            pub fn title(self) -> &'static str { match self { $(Action::$name => $title,)* } }
            /// Where it works.
            pub fn scope(self) -> Scope { match self { $(Action::$name => Scope::$scope,)* } }
            /// Whether it is refused to those who may only look.
            pub fn changes(self) -> bool { match self { $(Action::$name => $changes,)* } }
            /// Finds an action by its name.
            pub fn parse(word: &str) -> Option<Action> { match word { $($word => Some(Action::$name),)* _ => None } }
        }
    };
}

actions! {
    Quit "quit" Everywhere false "Leave; asks when the engine lives here and work is in flight";
    Help "help" Everywhere false "Show the keys";
    Palette "palette" Everywhere false "Find an action by its name";
    Back "back" Everywhere false "Close, or go back one step";
    Overview "overview" Everywhere false "Overview";
    Queue "queue" Everywhere false "Queue: what waits and what is not settled";
    Invoices "invoices" Everywhere false "Invoices: all, newest first";
    Failures "failures" Everywhere false "Failures: what needs a person, by cause";
    Log "log" Everywhere false "Log";
    Vendors "vendors" Everywhere false "Suppliers and vendors: which belong together, and where they differ";
    NextPanel "next_panel" Everywhere false "Next panel";
    PreviousPanel "previous_panel" Everywhere false "Previous panel";
    Up "up" Everywhere false "Up";
    Down "down" Everywhere false "Down";
    Left "left" Everywhere false "To the causes, or out of a document; vendors: the states before";
    Right "right" Everywhere false "To the list, or into a document; vendors: the next states";
    PageUp "page_up" Everywhere false "A page up";
    PageDown "page_down" Everywhere false "A page down";
    Top "top" Everywhere false "To the beginning";
    Bottom "bottom" Everywhere false "To the end";
    Filter "filter" Everywhere false "Filter the lists";
    ClearFilter "clear_filter" Everywhere false "Take the filter away";
    Results "results" Everywhere false "Each document's result of the last order";
    PauseQueue "pause_queue" Everywhere true "Pause posting, or resume it";
    StartPosting "start_posting" Everywhere true "Start posting (typed), or go back to observing";
    Reload "reload" Everywhere true "Read configuration, profile and mapping again";
    Redraw "redraw" Everywhere false "Paint the screen anew and ask again";
    Suspend "suspend" Everywhere false "To the shell; `fg` comes back";
    Open "open" Rows false "Open what is under the cursor";
    Facts "facts" Rows false "Show facts, lines and posting; of a supplier, both sides";
    Audit "audit" Rows false "Show the audit trail";
    Mark "mark" Rows false "Mark, or unmark";
    MarkAll "mark_all" Rows false "Select all that match, now and frozen";
    Unmark "unmark" Rows false "Forget the selection";
    Copy "copy" Rows false "Copy to the terminal's clipboard";
    Write "write" Rows false "Write the view to a file";
    Explain "explain" Lists false "Show the rule that decided each value";
    Replay "replay" Lists true "Replay: post refused ones again, evaluate held ones again";
    Dismiss "dismiss" Lists true "Dismiss: it shall not be posted; asks why";
    Reopen "reopen" Lists true "Take a dismissal back";
    Adopt "adopt" Lists true "Adopt: the bill in Intacct is this document's";
    PostAnyway "post_anyway" Lists true "Post although a twin stands (typed)";
    TakeJaggaer "take_jaggaer" Vendors true "Take JAGGAER's value: of the field, in the list of all in conflict; then y";
    TakeIntacct "take_intacct" Vendors true "Take Intacct's value: of the field, in the list of all in conflict; then y";
    AllJaggaer "all_jaggaer" Vendors true "Take JAGGAER's values of all fields in conflict";
    AllIntacct "all_intacct" Vendors true "Take Intacct's values of all fields in conflict";
    EditValue "edit_value" Vendors true "Give the field a value of your own";
    Always "always" Vendors true "Make it the rule: in the question after taking a side, or on a decided field";
    Undo "undo" Vendors true "Take decisions back that were not sent yet";
    LinkVendor "link_vendor" Vendors true "Link: this vendor is the supplier";
    RefuseVendor "refuse_vendor" Vendors true "Refuse: this vendor is not the supplier, now and for ever";
    Seen "seen" Vendors true "The bank alerts were looked at";
    Retry "retry" Vendors true "Try a refused write again";
    Plan "plan" Vendors false "Show what a start would do";
    StartVendors "start_vendors" Vendors true "Start the vendors (typed), or stop them";
    RunFlow "run_flow" Overview true "Run the chosen flow now";
    PauseFlow "pause_flow" Overview true "Pause the chosen flow, or resume it";
    MoreLog "more_log" Log false "Show more levels";
    LessLog "less_log" Log false "Show fewer levels";
}
