//! What the screen knows of suppliers and vendors: which states the list shows, the pair under the cursor, its field under the cursor.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::list::PairList;
use crate::messages::{AuditLine, PairDetail, PairFilter, PairRow, VendorsPlan, VendorsStatus};
use crate::model::{MasterField, PairId, PairState, Text};

/// Which states the list shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum Shown {
    All,
    /// What needs a person by its state.
    Attention,
    /// With a bank alert that nobody has looked at.
    Alerted,
    State(PairState),
}

impl Shown {
    /// In the order in which they stand on the screen.
    pub const ALL: [Shown; 12] = [
        Shown::All,
        Shown::Attention,
        Shown::State(PairState::Conflict),
        Shown::State(PairState::Suggested),
        Shown::State(PairState::Failed),
        Shown::State(PairState::Held),
        Shown::Alerted,
        Shown::State(PairState::Writing),
        Shown::State(PairState::Differs),
        Shown::State(PairState::New),
        Shown::State(PairState::Agreed),
        Shown::State(PairState::Closed),
    ];

    /// The words on the screen.
    pub fn title(self) -> &'static str {
        match self {
            Shown::All => "all",
            Shown::Attention => "needs a person",
            Shown::Alerted => "bank alert",
            Shown::State(state) => state.word(),
        }
    }

    /// How many pairs it has.
    pub fn count(self, status: &VendorsStatus) -> u64 {
        match self {
            Shown::All => status.total(),
            Shown::Attention => status.attention(),
            Shown::Alerted => status.alerted,
            Shown::State(state) => status.count(state),
        }
    }

    fn filter(self) -> PairFilter {
        let states = match self {
            Shown::All | Shown::Alerted => Vec::new(),
            Shown::Attention => PairState::ALL.into_iter().filter(|state| state.needs_attention()).collect(),
            Shown::State(state) => vec![state],
        };
        PairFilter { states, alerted: self == Shown::Alerted, text: None }
    }
}

/// What both filters let through, or `None` where nothing can.
fn both(base: PairFilter, own: &PairFilter) -> Option<PairFilter> {
    let states = match (base.states.is_empty(), own.states.is_empty()) {
        (true, _) => own.states.clone(),
        (_, true) => base.states,
        _ => {
            let shared: Vec<PairState> = base.states.into_iter().filter(|state| own.states.contains(state)).collect();
            if shared.is_empty() {
                return None;
            }
            shared
        }
    };
    Some(PairFilter { states, alerted: base.alerted || own.alerted, text: own.text.clone() })
}

/// What the cursor of a pair can stand on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A field.
    Field(MasterField),
    /// A vendor that looks like the supplier.
    Suggestion(Text),
}

/// Which side of a pair is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum PairTab {
    #[default]
    Fields,
    Trail,
}

/// One pair on the screen.
#[derive(Debug)]
pub struct PairView {
    /// Which.
    pub id: PairId,
    /// Its data, once they came.
    pub data: Option<Box<PairDetail>>,
    /// Why they did not come.
    pub fault: Option<String>,
    /// When they came.
    pub read: Option<Timestamp>,
    /// A question is on its way.
    pub pending: bool,
    /// Ask again.
    pub stale: bool,
    /// Which side.
    pub tab: PairTab,
    /// First row shown.
    pub scroll: usize,
    /// What the cursor stands on; the first item where it is none of the pair's.
    pub at: Option<Item>,
    /// The trail.
    pub trail: Option<Result<Vec<AuditLine>, String>>,
}

impl PairView {
    /// A pair whose data are on their way.
    pub fn new(id: PairId, tab: PairTab) -> Self {
        PairView {
            id,
            data: None,
            fault: None,
            read: None,
            pending: false,
            stale: true,
            tab,
            scroll: 0,
            at: None,
            trail: None,
        }
    }

    /// What the cursor can stand on, from the top: what is undecided comes first.
    pub fn items(&self) -> Vec<Item> {
        let Some(data) = &self.data else { return Vec::new() };
        let fields = data.ordered().0.into_iter().map(|field| Item::Field(field.field));
        let suggestions = data.suggestions.iter().map(|suggestion| Item::Suggestion(suggestion.vendor.clone()));
        match data.row.vendor {
            Some(_) => fields.chain(suggestions).collect(),
            None => suggestions.chain(fields).collect(),
        }
    }

    /// What the cursor stands on.
    pub fn item(&self) -> Option<Item> {
        let items = self.items();
        self.at.clone().filter(|at| items.contains(at)).or_else(|| items.into_iter().next())
    }
}

/// The panel of suppliers and vendors.
#[derive(Debug)]
pub struct Vendors {
    /// The list.
    pub list: PairList,
    /// Which states it shows; `None` until the person chose.
    pub chosen: Option<Shown>,
    /// The filter as typed.
    pub filter_text: String,
    /// The filter as understood.
    pub filter: PairFilter,
    /// What is selected for an order, each with the version that was seen when it was marked.
    pub marks: BTreeMap<PairId, u64>,
    /// The pair under the cursor, or the one that was opened.
    pub pair: Option<PairView>,
    /// What a start would do, or why that is not known; once it was asked for.
    pub plan: Option<Result<Box<VendorsPlan>, String>>,
}

impl Vendors {
    /// Before any answer, with the filter of the last time; one that is understood no more is forgotten.
    pub fn new(filter: String) -> Self {
        let (filter_text, filter) = match PairFilter::parse(&filter) {
            Ok(parsed) => (filter, parsed),
            Err(_) => Default::default(),
        };
        let mut vendors = Vendors {
            list: PairList::new(None, true),
            chosen: None,
            filter_text,
            filter,
            marks: BTreeMap::new(),
            pair: None,
            plan: None,
        };
        vendors.query(&VendorsStatus::default());
        vendors
    }

    /// The states shown: those chosen, else what needs a person where there is something, else bank alerts, else all.
    pub fn shown(&self, status: &VendorsStatus) -> Shown {
        let first = match (status.attention(), status.alerted) {
            (0, 0) => Shown::All,
            (0, _) => Shown::Alerted,
            _ => Shown::Attention,
        };
        self.chosen.unwrap_or(first)
    }

    /// Gives the list its filter anew.
    pub fn query(&mut self, status: &VendorsStatus) {
        let shown = self.shown(status);
        self.list.set_query(both(shown.filter(), &self.filter));
    }

    /// A row or the pair that is shown, whichever is newer.
    pub fn row(&self, id: PairId) -> Option<&PairRow> {
        let detail = self.pair.as_ref().and_then(|pair| pair.data.as_ref()).map(|data| &data.row);
        self.list.loaded().chain(detail).filter(|row| row.id == id).max_by_key(|row| row.version)
    }

    /// The data of a pair, if they are here.
    pub fn data(&self, id: PairId) -> Option<&PairDetail> {
        self.pair.as_ref().filter(|pair| pair.id == id).and_then(|pair| pair.data.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_filters_that_exclude_each_other_leave_nothing() {
        let own = |words: &str| PairFilter::parse(words).unwrap();
        let attention = || Shown::Attention.filter();
        assert_eq!(both(attention(), &own("state:agreed")), None);
        assert_eq!(both(attention(), &own("state:held,agreed lab")), Some(own("state:held lab")));
        assert_eq!(both(Shown::Alerted.filter(), &own("lab")), Some(own("alerted lab")));
        assert_eq!(both(Shown::All.filter(), &own("state:new")), Some(own("state:new")));
    }
}
