//! Questions to the person before something is done: cancel has the focus, the key that asked never confirms, the gravest
//! are typed.

use tui_input::Input;

use super::keymap::Key;
use crate::messages::{Command, PairDecision, Selection, Take, VendorCommand, parse_master_field};
use crate::model::{DocumentId, MasterField, PairId, RecordNo, Text};

/// What the person is about to do.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "they are the commands")]
pub enum Intent {
    Quit,
    PauseQueue,
    ResumeQueue,
    StartPosting,
    StopPosting,
    PauseFlow(String),
    ResumeFlow(String),
    Replay(Selection),
    Dismiss(Selection),
    Reopen(Selection),
    Adopt(DocumentId, Option<u64>),
    PostAnyway(DocumentId, Option<u64>),
    WriteFile(String),
    Pair(VendorCommand),
    /// The same for each of the selected ones.
    Pairs(Vec<VendorCommand>),
    /// A value that is typed.
    Edit(PairId, u64, MasterField),
    /// A vendor whose id is typed.
    Link(PairId, u64),
    StartVendors,
}

impl Intent {
    /// The order that it becomes with what was typed; `None` for what the engine need not know.
    pub fn command(&self, typed: &[String]) -> Option<Command> {
        let text = |at: usize| typed.get(at).map(|text| text.trim().to_owned()).unwrap_or_default();
        Some(match self.clone() {
            Intent::Quit | Intent::WriteFile(_) | Intent::Pairs(_) => return None,
            Intent::PauseQueue => Command::PauseQueue { why: text(0) },
            Intent::ResumeQueue => Command::ResumeQueue,
            Intent::StartPosting => Command::StartPosting { phrase: text(0) },
            Intent::StopPosting => Command::StopPosting,
            Intent::PauseFlow(name) => Command::PauseFlow(name),
            Intent::ResumeFlow(name) => Command::ResumeFlow(name),
            Intent::Replay(which) => Command::Replay(which),
            Intent::Dismiss(which) => Command::Dismiss { which, reason: text(0) },
            Intent::Reopen(which) => Command::Reopen(which),
            Intent::Adopt(id, version) => Command::Adopt { id, version, record: RecordNo::parse(&text(0))? },
            Intent::PostAnyway(id, version) => Command::PostAnyway { id, version, reason: text(0) },
            Intent::Pair(command) => Command::Vendors(command),
            Intent::Edit(id, version, field) => Command::Vendors(VendorCommand::Resolve(PairDecision {
                id,
                version: Some(version),
                field: Some(field),
                take: Take::Value(Text::new(text(0))),
                always: false,
            })),
            Intent::Link(id, version) => {
                Command::Vendors(VendorCommand::Link { id, version: Some(version), vendor: Text::new(text(0)) })
            }
            Intent::StartVendors => Command::Vendors(VendorCommand::Start {
                fields: fields(&text(0)).ok()?,
                create: yes_no(&text(1))?,
                phrase: text(2),
            }),
        })
    }
}

/// Fields of a supplier as typed, apart by commas; `all` are none named.
fn fields(typed: &str) -> Result<Vec<MasterField>, String> {
    if typed.trim() == "all" {
        return Ok(Vec::new());
    }
    let words = typed.split(',').map(str::trim).filter(|word| !word.is_empty());
    let mut fields = words.map(parse_master_field).collect::<Result<Vec<_>, _>>()?;
    fields.sort_unstable();
    fields.dedup();
    if fields.is_empty() { Err("type all, or some fields with commas".to_owned()) } else { Ok(fields) }
}

fn yes_no(typed: &str) -> Option<bool> {
    match typed.trim() {
        "yes" | "y" => Some(true),
        "no" | "n" => Some(false),
        _ => None,
    }
}

/// What a field takes.
#[derive(Clone, PartialEq, Debug)]
pub enum Check {
    /// Something.
    Something,
    /// Something, or nothing.
    Anything,
    /// Fields of a supplier, or all.
    Fields,
    /// Yes or no.
    YesNo,
    /// Intacct's record number: digits.
    Record,
    /// Exactly this.
    Exactly(String),
}

/// A field.
#[derive(Debug)]
pub struct Field {
    /// What to type.
    pub label: String,
    /// What was typed.
    pub input: Input,
    /// What it takes.
    pub check: Check,
}

impl Field {
    /// A field.
    pub fn new(label: impl Into<String>, check: Check) -> Self {
        Field { label: label.into(), input: Input::default(), check }
    }

    /// What is wrong with what was typed.
    pub fn fault(&self) -> Option<String> {
        let typed = self.input.value().trim();
        match &self.check {
            Check::Something if typed.is_empty() => Some("please type something".to_owned()),
            Check::Record if RecordNo::parse(typed).is_none() => Some("the record number is digits only".to_owned()),
            Check::Fields => fields(typed).err(),
            Check::YesNo if yes_no(typed).is_none() => Some("yes or no".to_owned()),
            Check::Exactly(phrase) if typed != phrase => Some(format!("type exactly: {phrase}")),
            _ => None,
        }
    }
}

/// A question.
#[derive(Debug)]
pub struct Dialog {
    /// What it is about.
    pub title: String,
    /// What the person should know; safe.
    pub body: Vec<String>,
    /// What has to be typed.
    pub fields: Vec<Field>,
    /// The word on the button.
    pub verb: String,
    /// What is done then.
    pub intent: Intent,
    /// The key that asked.
    pub trigger: Option<Key>,
    /// What has the focus: a field, then cancel, then the button.
    pub at: usize,
    /// What is wrong.
    pub fault: Option<String>,
    /// The question that making it a rule turns this one into.
    pub other: Option<Box<Dialog>>,
}

impl Dialog {
    /// A question; the focus is on its first field, or on cancel.
    pub fn new(title: impl Into<String>, verb: impl Into<String>, intent: Intent) -> Self {
        Dialog {
            title: title.into(),
            body: Vec::new(),
            fields: Vec::new(),
            verb: verb.into(),
            intent,
            trigger: None,
            at: 0,
            fault: None,
            other: None,
        }
    }

    /// More to know.
    pub fn line(mut self, text: impl Into<String>) -> Self {
        self.body.push(text.into());
        self
    }

    /// More to type.
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Whether cancel has the focus.
    pub fn on_cancel(&self) -> bool {
        self.at == self.fields.len()
    }

    /// Whether the button has the focus.
    pub fn on_verb(&self) -> bool {
        self.at > self.fields.len()
    }

    /// What was typed, or the first field that is wrong, which then has the focus.
    pub fn typed(&mut self) -> Option<Vec<String>> {
        let wrong = self.fields.iter().enumerate().find_map(|(at, field)| Some((at, field.fault()?)));
        if let Some((at, fault)) = wrong {
            (self.at, self.fault) = (at, Some(fault));
            return None;
        }
        Some(self.fields.iter().map(|field| field.input.value().to_owned()).collect())
    }
}
