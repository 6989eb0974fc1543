//! Reading JSON quickly: the plain form that nearly every document has.
//!
//! Whatever is not certainly plain and sound (an exponent, a surrogate, unusual depth, anything malformed) is not read here:
//! `serde_json` then says what it is. So this can only be quicker, never of another opinion; a property proves it.

use std::borrow::Cow;

use super::json::{Json, NUMBER};

/// Deeper documents are left to `serde_json`, which has a bound of its own.
const DEPTH: usize = 64;

/// The value, if the whole text is one in its plain form.
pub(super) fn read(text: &str) -> Option<Json<'_>> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.blank();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes this byte, after blanks.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.blank();
        self.eat(byte).then_some(())
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, word: &str, value: Json<'t>) -> Option<Json<'t>> {
        self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            value
        })
    }

    fn value(&mut self, depth: usize) -> Option<Json<'t>> {
        if depth > DEPTH {
            return None;
        }
        self.blank();
        match self.peek()? {
            b'"' => Some(Json::Text(self.string()?)),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json<'t>> {
        self.take(b'{')?;
        self.blank();
        if self.eat(b'}') {
            return Some(Json::Object(Vec::new()));
        }
        let mut members = Vec::with_capacity(8);
        loop {
            self.blank();
            let name = self.string()?;
            if name == NUMBER {
                return None;
            }
            self.take(b':')?;
            members.push((name, self.value(depth + 1)?));
            self.blank();
            if self.eat(b'}') {
                return Some(Json::Object(members));
            }
            self.take(b',')?;
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json<'t>> {
        self.take(b'[')?;
        self.blank();
        let mut items = Vec::new();
        if self.eat(b']') {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blank();
            if self.eat(b']') {
                return Some(Json::Array(items));
            }
            self.take(b',')?;
        }
    }

    /// A number without an exponent, as its own text.
    fn number(&mut self) -> Option<Json<'t>> {
        let start = self.at;
        self.eat(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return None;
        }
        if self.eat(b'.') && self.digits() == 0 {
            return None;
        }
        if let Some(b'e' | b'E') = self.peek() {
            return None;
        }
        Some(Json::Number(Cow::Borrowed(self.text.get(start..self.at)?)))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Option<Cow<'t, str>> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.at;
        self.plain();
        if self.peek()? == b'"' {
            let text = self.text.get(start..self.at)?;
            self.at += 1;
            return Some(Cow::Borrowed(text));
        }
        let mut out = String::from(self.text.get(start..self.at)?);
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(Cow::Owned(out));
                }
                b'\\' => out.push(self.escape()?),
                // A bare control character.
                _ => return None,
            }
            let from = self.at;
            self.plain();
            out.push_str(self.text.get(from..self.at)?);
        }
    }

    /// Goes on to the next quote, backslash or control character.
    fn plain(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|b| *b == b'"' || *b == b'\\' || *b < 0x20).unwrap_or(rest.len());
    }

    fn escape(&mut self) -> Option<char> {
        let kind = *self.text.as_bytes().get(self.at + 1)?;
        self.at += 2;
        Some(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                self.at += 4;
                // Half of a surrogate pair is no character.
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn agrees(text: &str) {
        if let Some(quick) = read(text) {
            assert_eq!(serde_json::from_str::<Json<'_>>(text).ok(), Some(quick), "{text}");
        }
    }

    #[test]
    fn plain_documents_are_read_here_and_others_are_left() {
        for plain in
            [r#"{"a":[1,-2.50,{"b":null,"c":"x\"\u00e9\ny"}],"d":true,"e":{}, "f":[]}"#, " 0 ", "\"\"", "-0", "[false]"]
        {
            assert!(read(plain).is_some(), "{plain}");
            agrees(plain);
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        for other in [
            "",
            "00",
            "1.",
            ".5",
            "+1",
            "1e3",
            "-",
            "{",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "\"\t\"",
            "\"\\ud800\"",
            "\"\\x\"",
            "nul",
            "1 2",
            "{1:2}",
            "[1 2]",
            "\"a",
            "\u{a0}1",
            &deep,
        ] {
            assert!(read(other).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn it_never_has_another_opinion_than_serde_json(
            text in r#"([{}\[\],:"\\ \n\t0-9eE+.-]|true|false|null|"[a-zé\\u0-9d]{0,4}"|"a":|\\u[0-9a-f]{4}){0,24}"#
        ) {
            agrees(&text);
        }

        #[test]
        fn nor_of_a_sound_document_with_a_byte_changed(at in any::<prop::sample::Index>(), to in 0u8..128) {
            let sound = br#"{"id": 2600417, "n": "A\u00e9\"b", "t": {"v": -12.50, "c": "EUR"}, "l": [true, null, [], {}, "\\"]}"#;
            let mut bytes = sound.to_vec();
            bytes[at.index(sound.len())] = to;
            agrees(std::str::from_utf8(&bytes).unwrap());
        }
    }
}
