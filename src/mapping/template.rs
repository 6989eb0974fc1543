//! Templates: text with `{field}` and `{table.T[field].column}` in it, compiled when the mapping is read.

use std::borrow::Cow;

use super::explain::Inserted;
use super::fault::Wrong;
use super::field::{Context, Field, Scope};
use super::table::{Cell, Table};
use crate::model::Text;

/// A compiled template. A field's name reaches to the closing brace, so that names with braces cannot be inserted.
#[derive(Debug)]
pub(super) struct Template {
    /// As it stands in the file.
    pub source: Box<str>,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(Box<str>),
    Field { field: Field, name: Box<str> },
    Cell { table: usize, key: Field, key_name: Box<str>, column: usize, expression: Box<str> },
}

/// Why a template gives no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Open {
    /// The document has no such field.
    FieldMissing(String),
    /// The row is there, the cell is empty.
    CellEmpty { table: String, key: String, column: String },
    /// The key is present, the table has no row for it.
    NoRow { table: String, key: String },
}

/// What a template may refer to while it is compiled.
pub(super) struct Names<'a> {
    pub tables: &'a [Table],
    /// Tables that exist but could not be read: naming them is no second fault.
    pub broken: &'a [String],
    pub raw_paths: &'a mut Vec<Box<str>>,
}

impl Template {
    /// Compiles a template. `{{` and `}}` stand for braces.
    pub fn parse(source: &str, names: &mut Names<'_>) -> Result<Template, Wrong> {
        if source.trim().is_empty() {
            return Err(Wrong::new("the value is empty; leave the target out to leave it open"));
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else if let Some(after) = from.strip_prefix('{') {
                let Some((inside, after)) = after.split_once('}') else {
                    return Err(Wrong::new("a `{` has no `}`; write `{{` for the character itself"));
                };
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal).into()));
                }
                parts.push(Self::parse_part(inside.trim(), names)?);
                rest = after;
            } else {
                return Err(Wrong::new("a `}` has no `{`; write `}}` for the character itself"));
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        Ok(Template { source: source.into(), parts })
    }

    fn parse_part(inside: &str, names: &mut Names<'_>) -> Result<Part, Wrong> {
        let Some(look_up) = inside.strip_prefix("table.") else {
            return Ok(Part::Field { field: Field::parse(inside, names.raw_paths)?, name: inside.into() });
        };
        let Some((table_name, key_name, column_name)) = look_up.split_once('[').and_then(|(table, rest)| {
            rest.rsplit_once("].").map(|(key, column)| (table.trim(), key.trim(), column.trim()))
        }) else {
            return Err(Wrong::new(format!("`{{{inside}}}` is no look-up; write `{{table.name[field].column}}`")));
        };
        let key = Field::parse(key_name, names.raw_paths)?;
        let found = names.tables.iter().enumerate().find(|(_, table)| *table.name == *table_name);
        let Some((table, content)) = found else {
            if names.broken.iter().any(|broken| broken == table_name) {
                // The table's own faults are reported; the rules are refused anyway.
                return Ok(Part::Literal("".into()));
            }
            let known = names.tables.iter().map(|table| &*table.name);
            return Err(Wrong::unknown(format!("there is no table `{table_name}`"), table_name, known));
        };
        let Some(column) = content.column(column_name) else {
            let known = content.columns.iter().map(|column| &**column);
            let what = format!("the table `{table_name}` has no column `{column_name}`");
            return Err(Wrong::unknown(what, column_name, known));
        };
        Ok(Part::Cell { table, key, key_name: key_name.into(), column, expression: inside.into() })
    }

    /// The text, if nothing is inserted into it.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// How far its fields reach, and the name of the farthest.
    pub fn scope(&self) -> (Scope, &str) {
        let scopes = self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Field { field, name } => Some((field.scope(), &**name)),
            Part::Cell { key, key_name, .. } => Some((key.scope(), &**key_name)),
        });
        scopes.max_by_key(|(scope, _)| *scope).unwrap_or((Scope::Document, ""))
    }

    /// Whether it gives a value, or holds, for every document: rules behind it never get a turn.
    pub fn always_decides(&self, tables: &[Table], holds_without_row: bool) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Literal(_) => true,
            Part::Field { field, .. } => field.is_always_present(),
            Part::Cell { table, key, column, .. } => {
                holds_without_row
                    && key.is_always_present()
                    && tables.get(*table).is_some_and(|table| table.is_full(*column))
            }
        })
    }

    /// The value for a document, line or split. `inserted` gets each expression and what it gave.
    pub fn render<'a>(
        &'a self,
        tables: &'a [Table],
        context: &Context<'a>,
        mut inserted: Option<&mut Vec<Inserted>>,
    ) -> Result<Cow<'a, str>, Open> {
        // Most templates are one part, and their value stands somewhere already.
        let mut out = Cow::Borrowed("");
        let mut push = |text: Cow<'a, str>| match out.is_empty() {
            true => out = text,
            false => out.to_mut().push_str(&text),
        };
        for part in &self.parts {
            match part {
                Part::Literal(text) => push(Cow::Borrowed(text)),
                Part::Field { field, name } => {
                    let value = field.value(context).ok_or_else(|| Open::FieldMissing(name.to_string()))?;
                    let text = value.text();
                    if let Some(list) = inserted.as_mut() {
                        list.push(Inserted { expression: name.to_string(), value: Text::new(&*text) });
                    }
                    push(text);
                }
                Part::Cell { table, key, key_name, column, expression } => {
                    let value = key.value(context).ok_or_else(|| Open::FieldMissing(key_name.to_string()))?;
                    let key = value.text();
                    let Some(table) = tables.get(*table) else { continue };
                    let cell = match table.look_up(&key, *column) {
                        Cell::Value(cell) => cell,
                        Cell::Empty => {
                            let column = table.columns.get(*column).map(|name| name.to_string()).unwrap_or_default();
                            return Err(Open::CellEmpty {
                                table: table.name.to_string(),
                                key: key.into_owned(),
                                column,
                            });
                        }
                        Cell::NoRow => {
                            return Err(Open::NoRow { table: table.name.to_string(), key: key.into_owned() });
                        }
                    };
                    if let Some(list) = inserted.as_mut() {
                        list.push(Inserted { expression: expression.to_string(), value: cell.into() });
                    }
                    push(Cow::Borrowed(cell));
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> Result<Template, Wrong> {
        let mut table = Table::new("plants", vec!["code".into(), "location".into()]);
        table.add("0004", ["0004", "100"].map(|cell| Some(cell.into())));
        Template::parse(source, &mut Names { tables: &[table], broken: &[], raw_paths: &mut Vec::new() })
    }

    #[test]
    fn braces_are_written_twice() {
        assert_eq!(parse("a{{b}}c").unwrap().constant(), Some("a{b}c"));
        assert!(parse("a{b").is_err() && parse("a}b").is_err());
    }

    #[test]
    fn what_a_template_names_must_exist() {
        assert_eq!(parse("{entty}").unwrap_err().nearest.as_deref(), Some("entity"));
        assert_eq!(parse("{table.plant[entity].location}").unwrap_err().nearest.as_deref(), Some("plants"));
        assert_eq!(parse("{table.plants[entity].locaton}").unwrap_err().nearest.as_deref(), Some("location"));
        assert!(parse("{table.plants.location}").unwrap_err().what.contains("no look-up"));
        assert!(parse("{table.plants[raw.a[0].b].location}").is_ok(), "a raw path may hold brackets");
    }

    #[test]
    fn an_empty_value_is_a_fault() {
        assert!(parse("  ").is_err());
    }
}
