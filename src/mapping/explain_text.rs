//! The explanation as lines for a person. Every text in it is made safe here.

use std::fmt::{self, Write};

use super::explain::{Check, Decision, Explanation, FellThrough, Origin, Why};
use super::field::describe_line;
use crate::model::{Text, safe};

impl Explanation {
    /// Readable lines, each ended by a line break; safe for a terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "mapping {}", safe(&self.mapping))?;
        writeln!(out, "document")?;
        for decision in &self.document {
            write_decision(out, "  ", decision)?;
        }
        for line in &self.lines {
            let name = describe_line(line.line, line.kind);
            let description = line.description.as_ref().map(|text| format!(" {}", quoted(text))).unwrap_or_default();
            writeln!(out, "{name}{description}, {}", line.amount)?;
            for split in &line.splits {
                let indent = if line.splits.len() > 1 {
                    writeln!(out, "  split {} of {}, {}", split.split, line.splits.len(), split.amount)?;
                    "    "
                } else {
                    "  "
                };
                match split.bill_line {
                    Some(number) => writeln!(out, "{indent}becomes line {number} of the bill")?,
                    None => writeln!(out, "{indent}left out: its amount is zero")?,
                }
                for decision in &split.decisions {
                    write_decision(out, indent, decision)?;
                }
            }
        }
        for note in &self.notes {
            writeln!(out, "note: {}", note.safe())?;
        }
        Ok(())
    }
}

fn write_decision(out: &mut String, indent: &str, decision: &Decision) -> fmt::Result {
    let value = decision.value.as_ref().map_or("-".into(), Text::safe);
    write!(out, "{indent}{:<13} {value}", decision.target.word())?;
    match &decision.origin {
        Origin::Rule { number, name } => write!(out, "  by rule {number} \"{}\"", safe(name))?,
        Origin::Candidate { number } => write!(out, "  by find {number}")?,
        Origin::Default { what } => write!(out, "  {}", safe(what))?,
        Origin::Nothing => write!(out, "  nothing decides it")?,
    }
    if let Some(template) = decision.template.as_ref().filter(|_| !decision.inserted.is_empty()) {
        write!(out, ": {}", safe(template))?;
    }
    writeln!(out)?;
    let deeper = format!("{indent}{:<13} ", "");
    for inserted in &decision.inserted {
        writeln!(out, "{deeper}{} = {}", safe(&inserted.expression), quoted(&inserted.value))?;
    }
    match &decision.check {
        Check::None => {}
        Check::Active { name } => writeln!(out, "{deeper}active in Intacct: {}", name.safe())?,
        Check::Bad { code, what } => writeln!(out, "{deeper}HELD, {}: {}", code.title(), what.safe())?,
    }
    for fell in &decision.fell_through {
        write_fell_through(out, &deeper, fell)?;
    }
    Ok(())
}

fn write_fell_through(out: &mut String, indent: &str, fell: &FellThrough) -> fmt::Result {
    write!(out, "{indent}passed over {} \"{}\": ", fell.number, safe(&fell.name))?;
    match &fell.why {
        Why::Condition { condition, has: Some(has) } => {
            writeln!(out, "asks that {}; it is {}", safe(condition), quoted(has))
        }
        Why::Condition { condition, has: None } => writeln!(out, "asks that {}; it is missing", safe(condition)),
        Why::FieldMissing { field } => writeln!(out, "the document has no {}", safe(field)),
        Why::CellEmpty { table, key, column } => {
            writeln!(out, "table {} has no {} for {}", safe(table), safe(column), quoted(key))
        }
        Why::NoRow { table, key } => writeln!(out, "table {} has no row for {}", safe(table), quoted(key)),
        Why::NotThere { value } => writeln!(out, "{} is not in Intacct", quoted(value)),
        Why::Inactive { value } => writeln!(out, "{} is inactive in Intacct", quoted(value)),
    }
}

fn quoted(text: &Text) -> String {
    format!("\"{}\"", text.safe())
}
