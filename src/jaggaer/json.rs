//! JSON as it came: members in order, numbers as the text that stood there, texts borrowed where they can be.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::shape::Shape;

/// With `arbitrary_precision`, serde_json hands a number to a visitor as a map with this one member.
const NUMBER: &str = "$serde_json::private::Number";
/// serde_json reads no deeper than 128; what it passes over is looked at again from so many brackets on.
const BRACKETS: usize = 100;

/// One value. A number is its own text, so that no cent passes through a float and no id loses a zero.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Json<'t> {
    Null,
    Bool(bool),
    Number(Cow<'t, str>),
    Text(Cow<'t, str>),
    Array(Vec<Json<'t>>),
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

impl<'t> Json<'t> {
    /// Reads bytes; a byte order mark is skipped. The error says where, in words.
    pub(crate) fn parse(bytes: &'t [u8]) -> Result<Json<'t>, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| format!("it is no UTF-8 from byte {}", e.valid_up_to()))?;
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|e| e.to_string())
    }

    /// Reads the part of a document that a shape asks for. What it does not ask for is left out, but it must be JSON too.
    pub(crate) fn parse_part(bytes: &'t [u8], shape: &Shape) -> Result<Json<'t>, serde_json::Error> {
        let text = std::str::from_utf8(bytes).map_err(de::Error::custom)?;
        let mut deserializer = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
        let part = Part(shape).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(part)
    }

    /// One value from its text, which serde_json has found the end of.
    fn of_raw(raw: &'t str) -> Result<Json<'t>, serde_json::Error> {
        let inside = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match (inside, raw.bytes().next()) {
            (Some(text), _) if !text.contains('\\') => Ok(Json::Text(Cow::Borrowed(text))),
            (None, Some(b'-' | b'0'..=b'9')) => Ok(Json::Number(Cow::Borrowed(raw))),
            _ => serde_json::from_str(raw),
        }
    }

    /// The member of that name; the last where it stands twice. Case is ignored only if asked and no exact match exists.
    pub(crate) fn member(&self, name: &str, ignore_case: bool) -> Option<&Json<'t>> {
        let Json::Object(members) = self else { return None };
        let exact = members.iter().rev().find(|(key, _)| key == name);
        let found = match exact {
            None if ignore_case => members.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)),
            other => other,
        };
        found.map(|(_, value)| value)
    }

    /// Names of the members that are there, for an error: at most twelve.
    pub(crate) fn member_names(&self) -> String {
        match self {
            Json::Object(members) if members.is_empty() => "none".to_owned(),
            Json::Object(members) => {
                let names: Vec<_> = members.iter().take(12).map(|(key, _)| crate::model::safe(key)).collect();
                let more = if members.len() > 12 { ", …" } else { "" };
                format!("{}{more}", names.join(", "))
            }
            other => format!("none, it is {}", other.type_name()),
        }
    }

    /// What it is, in words.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "a text",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    /// Nothing in it: `null`, `{}`, `[]`, `[{}]`, a blank text.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Json::Null => true,
            Json::Bool(_) | Json::Number(_) => false,
            Json::Text(text) => text.trim().is_empty(),
            Json::Array(items) => items.iter().all(Json::is_empty),
            Json::Object(members) => members.is_empty(),
        }
    }

    /// The same as a `serde_json` value, for the JSONPath engine.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(text) => text.parse().map(Value::Number).unwrap_or(Value::Null),
            Json::Text(text) => Value::String(text.to_string()),
            Json::Array(items) => Value::Array(items.iter().map(Json::to_value).collect()),
            Json::Object(members) => {
                Value::Object(members.iter().map(|(k, v)| (k.to_string(), v.to_value())).collect())
            }
        }
    }

    /// Back from the JSONPath engine.
    pub(crate) fn from_value(value: &Value) -> Json<'static> {
        match value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Number(number) => Json::Number(Cow::Owned(number.to_string())),
            Value::String(text) => Json::Text(Cow::Owned(text.clone())),
            Value::Array(items) => Json::Array(items.iter().map(Json::from_value).collect()),
            Value::Object(members) => {
                Json::Object(members.iter().map(|(k, v)| (Cow::Owned(k.clone()), Json::from_value(v))).collect())
            }
        }
    }

    /// Writes it as compact JSON, numbers as they stood.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Json::Number(text) => out.push_str(text),
            Json::Text(text) => write_text(text, out),
            Json::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    // A text always serialises.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(None))
    }
}

/// Reads what a shape asks for.
struct Part<'s>(&'s Shape);

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        if self.0.is_whole() {
            Json::of_raw(<&RawValue>::deserialize(deserializer)?.get()).map_err(de::Error::custom)
        } else {
            deserializer.deserialize_any(Reader(Some(self.0)))
        }
    }
}

/// Passes over a value. serde_json does that without reading escapes and without a limit of depth: what could break those
/// rules is read and thrown away.
fn pass_over<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    let raw = map.next_value::<&RawValue>()?.get();
    let is_deep = raw.len() > 2 * BRACKETS && raw.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > BRACKETS;
    if is_deep || raw.contains('\\') {
        serde_json::from_str::<Json<'_>>(raw).map_err(de::Error::custom)?;
    }
    Ok(())
}

/// Reads all, or what a shape asks for.
struct Reader<'s>(Option<&'s Shape>);

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    // Without `arbitrary_precision` integers would still arrive exactly; fractions are refused rather than bent.
    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Cow::Owned(value.to_string())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut items = Vec::new();
        match self.0 {
            Some(shape) => {
                while let Some(item) = seq.next_element_seed(Part(shape))? {
                    items.push(item);
                }
            }
            None => {
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
            }
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        let mut first = true;
        while let Some(Key(key)) = map.next_key()? {
            if std::mem::take(&mut first) && key == NUMBER {
                // A document that spells this name itself gets a number only from text that is one.
                return match map.next_value()? {
                    Json::Text(text) if text.parse::<serde_json::Number>().is_ok() => Ok(Json::Number(text)),
                    _ => Err(de::Error::custom("a number that is none")),
                };
            }
            let value = match self.0.map(|shape| shape.member(&key)) {
                None => map.next_value()?,
                Some(Some(part)) => map.next_value_seed(Part(part))?,
                Some(None) => {
                    pass_over(&mut map)?;
                    continue;
                }
            };
            if members.is_empty() {
                members.reserve(self.0.map_or(8, Shape::width));
            }
            members.push((key, value));
        }
        Ok(Json::Object(members))
    }
}

/// A member's name, borrowed where it holds no escape.
struct Key<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_the_text_that_stood_there() {
        let json = Json::parse(br#"{"a": 10.10, "b": -1e3, "c": 00}"#);
        assert!(json.is_err(), "00 is no JSON number");
        let json = Json::parse(br#"{"a": 10.10, "b": 12345678901234567890123.4500}"#).unwrap();
        assert_eq!(json.member("a", false), Some(&Json::Number("10.10".into())));
        assert_eq!(json.member("b", false), Some(&Json::Number("12345678901234567890123.4500".into())));
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let text = r#"{"a":[1,2.50,{"b":null,"c":"x\"\u0000y"}],"d":true,"e":{}}"#;
        let mut out = String::new();
        Json::parse(text.as_bytes()).unwrap().write(&mut out);
        assert_eq!(out, text);
    }

    #[test]
    fn depth_and_rubbish_are_errors_and_never_panics() {
        assert!(Json::parse(&vec![b'['; 100_000]).is_err());
        assert!(Json::parse(b"<html>").is_err());
        assert!(Json::parse(b"\xff\xfe").is_err());
        assert!(Json::parse(br#"{"$serde_json::private::Number": "abc"}"#).is_err());
        assert!(Json::parse("\u{feff}{}".as_bytes()).is_ok());
    }
}
