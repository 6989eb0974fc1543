//! Values as they are written, each with its line.

use toml::de::DeValue;

/// A value as written, and its line where it stands in the file.
#[derive(Clone)]
pub(super) struct Item {
    pub value: Value,
    pub line: Option<usize>,
}

#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Integer(Option<i64>),
    Flag(bool),
    Date(String),
    List(Vec<Item>),
    Table(Vec<(String, Item)>),
    /// Of a type that no key has.
    Other(&'static str),
}

impl Value {
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "text",
            Value::Integer(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        }
    }
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// A parsed value with the lines of what is in it; without lines where `line` is 0.
pub(super) fn convert(value: &DeValue<'_>, text: &str, line: usize) -> Value {
    let line_at = |start: usize| (line > 0).then(|| line_of(text, start));
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            Value::Integer(i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok())
        }
        DeValue::Float(_) => Value::Other("a number with decimals"),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(moment) if moment.time.is_none() => Value::Date(moment.to_string()),
        DeValue::Datetime(_) => Value::Other("a time"),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Item { value: convert(item.get_ref(), text, line), line: line_at(item.span().start) })
                .collect(),
        ),
        DeValue::Table(entries) => Value::Table(
            entries
                .iter()
                .map(|(key, item)| {
                    let value = convert(item.get_ref(), text, line);
                    (key.get_ref().to_string(), Item { value, line: line_at(key.span().start) })
                })
                .collect(),
        ),
    }
}
