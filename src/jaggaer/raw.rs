//! The source document, for mapping fields that the canonical invoice has no place for: `raw.header.freightOnBoard`.

use super::json::Json;
use super::path::Path;
use crate::model::Text;

/// A source document, parsed once and asked often.
pub struct RawDocument<'t>(Json<'t>);

impl<'t> RawDocument<'t> {
    /// Parses it; `None` if it is no JSON.
    pub fn parse(bytes: &'t [u8]) -> Option<RawDocument<'t>> {
        Json::parse(bytes).ok().map(RawDocument)
    }

    /// The plain value at a path: names and positions joined by dots (`lineList.invoiceLine.0.lineId`), or a JSONPath that
    /// begins with `$`. `None` where nothing or no plain value stands.
    pub fn value(&self, path: &str) -> Option<Text> {
        if path.starts_with('$') {
            let path = Path::compile(path, false).ok()?;
            return path.all(&self.0).iter().find_map(|value| plain(value));
        }
        let mut here = &self.0;
        for name in path.split('.') {
            here = match here {
                Json::Array(items) => match name.parse::<usize>() {
                    Ok(index) => items.get(index)?,
                    Err(_) => items.first()?.member(name, false)?,
                },
                other => other.member(name, false)?,
            };
        }
        plain(here)
    }
}

/// One value of a document; see [`RawDocument::value`].
pub fn raw_value(bytes: &[u8], path: &str) -> Option<Text> {
    RawDocument::parse(bytes)?.value(path)
}

fn plain(value: &Json<'_>) -> Option<Text> {
    match value {
        Json::Number(text) => Some(Text::new(text.as_ref())),
        Json::Text(text) if !text.trim().is_empty() => Some(Text::new(text.trim())),
        Json::Bool(b) => Some(Text::new(if *b { "true" } else { "false" })),
        Json::Array(items) if items.len() == 1 => plain(items.first()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_names_positions_or_jsonpath() {
        let text = br#"{"header":{"a b":"x","n":10.50,"e":{}},"l":[{"v":"1"},{"v":"2"}]}"#;
        let at = |path: &str| raw_value(text, path).map(|t| t.raw().to_owned());
        assert_eq!(at("header.a b").as_deref(), Some("x"));
        assert_eq!(at("header.n").as_deref(), Some("10.50"));
        assert_eq!(at("l.1.v").as_deref(), Some("2"));
        assert_eq!(at("$.l[?@.v == '2'].v").as_deref(), Some("2"));
        for nothing in ["header.e", "header", "x", "", "l.9.v", "$$", "header.n.x"] {
            assert_eq!(at(nothing), None, "{nothing}");
        }
    }
}
