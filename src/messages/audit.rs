//! What an audit of the bills found: all that carry our mark, counted and compared with what is known here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Text, Timestamp};

/// What one audit found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BillAudit {
    /// When it ended.
    pub at: Timestamp,
    /// Bills in Intacct with our mark, whatever their state.
    pub bills: u64,
    /// Documents whose bill stands there as it was read back.
    pub standing: u64,
    /// Documents whose bill is another than was read back.
    pub changed: u64,
    /// Documents whose bill was reversed or declined.
    pub fallen: u64,
    /// Documents whose bill is gone.
    pub gone: u64,
    /// Marks that stand more than once.
    pub doubled: u64,
    /// Bills that no document here stands for, and rows that cannot be read: the first of them, in words that may quote text from
    /// outside.
    pub open: Vec<Text>,
    /// How many more of these there are.
    pub more: u64,
}

impl BillAudit {
    /// Everything that it found.
    pub fn found(&self) -> u64 {
        self.of_documents() + self.doubled + self.others()
    }

    /// What documents stand for: they differ now, in front of a person.
    pub fn of_documents(&self) -> u64 {
        self.changed + self.fallen + self.gone
    }

    /// Bills that no document stands for.
    fn others(&self) -> u64 {
        self.open.len() as u64 + self.more
    }

    /// Whether something was found that no document shows: it stands until the next audit finds it settled.
    pub fn needs_attention(&self) -> bool {
        self.others() > 0
    }

    /// These, one line each, made safe.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.open.iter().map(|line| line.safe().into_owned()).collect();
        if self.more > 0 {
            lines.push(format!("and {} more; the trail has the first of them", self.more));
        }
        lines
    }
}

impl fmt::Display for BillAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.bills == 1 { "" } else { "s" };
        // Bills that are too young, reversed or of another entity are counted and compared with nothing.
        let compared = self.standing + self.changed + self.fallen + self.doubled + self.others();
        if self.bills > 0 && compared + self.gone == 0 {
            return write!(f, "{} bill{plural} counted, none compared yet", self.bills);
        }
        write!(f, "{} bill{plural} counted, {} as they were read back", self.bills, self.standing)?;
        let found = [
            (self.changed, "changed"),
            (self.fallen, "reversed or declined"),
            (self.gone, "gone"),
            (self.doubled, "DOUBLED"),
            (self.others(), "that no document stands for"),
        ];
        for (place, (count, what)) in found.into_iter().filter(|(count, _)| *count > 0).enumerate() {
            write!(f, "{} {count} {what}", if place == 0 { ";" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_counted_and_only_what_it_found() {
        let mut audit = BillAudit { bills: 12, standing: 10, ..BillAudit::default() };
        assert_eq!(audit.to_string(), "12 bills counted, 10 as they were read back");
        assert!(!audit.needs_attention());
        audit.standing = 0;
        assert_eq!(audit.to_string(), "12 bills counted, none compared yet", "no word of any that would be wrong");
        (audit.gone, audit.open, audit.more) = (1, vec![Text::from("record 7\u{1b}[2J")], 3);
        let text = audit.to_string();
        assert!(text.ends_with("read back; 1 gone, 4 that no document stands for"), "{text}");
        assert!(audit.needs_attention() && audit.lines().len() == 2 && !audit.lines()[0].contains('\u{1b}'));
        assert_eq!(audit.found(), 5);
    }
}
