//! Reading XML in a stream, with bounds, to the last byte.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};

use crate::model::is_forbidden_in_xml;

/// Bounds of a document.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Elements inside elements.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Bytes.
    pub size: usize,
}

impl Limits {
    /// Enough for the largest page of a query (2,000 rows), far too little to hurt.
    pub const ANSWER: Limits = Limits { depth: 64, elements: 1_000_000, size: 64 << 20 };
}

/// Why a document cannot be trusted, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why} (byte {at})")]
pub struct Malformed {
    /// What is wrong, in words; names from outside are made safe.
    pub why: String,
    /// Offset in bytes.
    pub at: usize,
}

/// The start of an element.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// Its name.
    pub name: &'a str,
    attributes: &'a str,
    /// Offset of its `<`.
    pub at: usize,
}

impl<'a> Element<'a> {
    /// The value of an attribute. Names are compared exactly.
    pub fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        if self.attributes.is_empty() {
            return None;
        }
        quick_xml::events::attributes::Attributes::new(self.attributes, 0)
            .flatten()
            .find(|attribute| attribute.key.as_ref() == name)
            .and_then(|attribute| attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0).ok())
    }
}

/// A piece of a document.
#[derive(Debug)]
pub enum Token<'a> {
    /// An element begins.
    Open(Element<'a>),
    /// Text, resolved; text in several pieces comes in several tokens.
    Text(Cow<'a, str>),
    /// The innermost element ends, just before this offset.
    Close(usize),
    /// The document is complete.
    End,
}

/// Reads a document from memory, piece by piece.
pub struct Reader<'a> {
    text: &'a str,
    inner: quick_xml::Reader<&'a [u8]>,
    base: usize,
    limits: Limits,
    depth: usize,
    elements: usize,
    /// `<name/>` is told as a beginning and an end.
    close_next: bool,
    root_seen: bool,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of a document, which must be UTF-8 (a byte order mark is allowed).
    pub fn new(bytes: &'a [u8], limits: Limits) -> Result<Self, Malformed> {
        if bytes.len() > limits.size {
            return Err(Malformed { why: format!("it is larger than {} bytes", limits.size), at: limits.size });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Malformed { why: "it is not UTF-8".to_owned(), at: error.valid_up_to() })?;
        let base = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let text = text.get(base..).unwrap_or_default();
        let mut inner = quick_xml::Reader::from_str(text);
        inner.config_mut().check_comments = true;
        Ok(Reader { text, inner, base, limits, depth: 0, elements: 0, close_next: false, root_seen: false })
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Offset of the next piece.
    pub fn position(&self) -> usize {
        self.base + usize::try_from(self.inner.buffer_position()).unwrap_or(usize::MAX)
    }

    /// A complaint about this place.
    pub fn malformed(&self, why: impl Into<String>) -> Malformed {
        Malformed { why: why.into(), at: self.position() }
    }

    /// The next piece. After [`Token::End`] it is the end for ever.
    pub fn next_token(&mut self) -> Result<Token<'a>, Malformed> {
        if std::mem::take(&mut self.close_next) {
            self.depth = self.depth.saturating_sub(1);
            return Ok(Token::Close(self.position()));
        }
        loop {
            let at = self.position();
            let event = match self.inner.read_event() {
                Ok(event) => event,
                Err(error) => return Err(Malformed { why: crate::model::safe(&error.to_string()).into_owned(), at }),
            };
            match event {
                Event::Start(start) => return self.open(&start, at).map(Token::Open),
                Event::Empty(start) => {
                    self.close_next = true;
                    return self.open(&start, at).map(Token::Open);
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Token::Close(self.position()));
                }
                Event::Text(text) => {
                    let text = text.into_inner();
                    if self.depth > 0 {
                        return Ok(Token::Text(cleaned(text)));
                    }
                    if !text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
                        return Err(Malformed { why: "text outside of the root element".to_owned(), at });
                    }
                }
                Event::CData(data) if self.depth > 0 => return Ok(Token::Text(cleaned(data.into_inner()))),
                Event::GeneralRef(reference) if self.depth > 0 => {
                    return resolve(&reference, at).map(Token::Text);
                }
                Event::CData(_) | Event::GeneralRef(_) => {
                    return Err(Malformed { why: "text outside of the root element".to_owned(), at });
                }
                Event::DocType(_) => {
                    return Err(Malformed { why: "it has a document type, which is never accepted".to_owned(), at });
                }
                Event::Decl(declaration) => {
                    if at != self.base {
                        return Err(Malformed {
                            why: "an XML declaration that is not at the beginning".to_owned(),
                            at,
                        });
                    }
                    let plain = match declaration.encoding() {
                        None => true,
                        Some(Ok(name)) => name.eq_ignore_ascii_case("utf-8") || self.text.is_ascii(),
                        Some(Err(_)) => false,
                    };
                    if !plain {
                        return Err(Malformed { why: "it claims another encoding than UTF-8".to_owned(), at });
                    }
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if self.depth > 0 => {
                    return Err(Malformed { why: "it is cut off inside of an element".to_owned(), at });
                }
                Event::Eof if !self.root_seen => {
                    return Err(Malformed { why: "it has no root element".to_owned(), at });
                }
                Event::Eof => return Ok(Token::End),
            }
        }
    }

    /// Reads on to the end of the element that was just opened and returns its own text; elements inside are skipped.
    pub fn text_inside(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let depth = self.depth;
        let mut text = Cow::Borrowed("");
        loop {
            match self.next_token()? {
                Token::Text(piece) if self.depth == depth => {
                    if text.is_empty() {
                        text = piece;
                    } else {
                        text.to_mut().push_str(&piece);
                    }
                }
                Token::Close(_) if self.depth < depth => return Ok(text),
                Token::End => return Err(self.malformed("it ends too early")),
                _ => {}
            }
        }
    }

    /// Reads on to the end of the element that was just opened.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        self.text_inside().map(drop)
    }

    /// The next child of the element in which we are; `None`, and behind the element, when there is none left.
    pub fn child(&mut self) -> Result<Option<Element<'a>>, Malformed> {
        loop {
            match self.next_token()? {
                Token::Open(element) => return Ok(Some(element)),
                Token::Close(_) => return Ok(None),
                Token::Text(_) => {}
                Token::End => return Err(self.malformed("it ends too early")),
            }
        }
    }

    fn open(&mut self, start: &BytesStart<'_>, at: usize) -> Result<Element<'a>, Malformed> {
        if self.depth == 0 && std::mem::replace(&mut self.root_seen, true) {
            return Err(Malformed { why: "it has a second root element".to_owned(), at });
        }
        self.depth += 1;
        self.elements += 1;
        if self.depth > self.limits.depth {
            return Err(Malformed { why: format!("more than {} elements inside each other", self.limits.depth), at });
        }
        if self.elements > self.limits.elements {
            return Err(Malformed { why: format!("more than {} elements", self.limits.elements), at });
        }
        // The event borrows from itself; its place in the document gives the same text for as long as the document lives.
        let (name, attributes) = (start.name().as_ref().len(), start.attributes_raw());
        let from = at - self.base + 1;
        let name = self.text.get(from..from + name).unwrap_or_default();
        let well = name.bytes().enumerate().all(|(i, b)| {
            b.is_ascii_alphabetic()
                || b >= 0x80
                || matches!(b, b'_' | b':')
                || (i > 0 && (b.is_ascii_digit() || matches!(b, b'-' | b'.')))
        });
        if name.is_empty() || !well {
            return Err(Malformed { why: "an element without a proper name".to_owned(), at });
        }
        let attributes = if attributes.trim().is_empty() {
            ""
        } else {
            for attribute in start.attributes() {
                let sound = attribute.is_ok_and(|a| {
                    !a.value.contains('<') && a.normalized_value(quick_xml::XmlVersion::Explicit1_0).is_ok()
                });
                if !sound {
                    return Err(Malformed { why: "an attribute that cannot be read".to_owned(), at });
                }
            }
            self.text.get(from + name.len()..from + name.len() + attributes.len()).unwrap_or_default()
        };
        Ok(Element { name, attributes, at })
    }
}

/// What a reference stands for.
fn resolve(reference: &quick_xml::events::BytesRef<'_>, at: usize) -> Result<Cow<'static, str>, Malformed> {
    match reference.resolve_char_ref() {
        Ok(Some(c)) if is_forbidden_in_xml(c) => return Ok(Cow::Borrowed("\u{fffd}")),
        Ok(Some(c)) => return Ok(Cow::Owned(c.to_string())),
        Ok(None) => {}
        Err(_) => return Err(Malformed { why: "a character reference that names no character".to_owned(), at }),
    }
    Ok(Cow::Borrowed(match reference.as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        name => {
            let why = format!("the entity `{}`, which is not one of the five", crate::model::safe(name));
            return Err(Malformed { why, at });
        }
    }))
}

/// Line ends as XML wants them. A raw character that XML forbids becomes U+FFFD instead of making the whole answer
/// unreadable: one vendor's bad name must not blind us to all other rows.
fn cleaned(text: Cow<'_, str>) -> Cow<'_, str> {
    // 0xEF begins U+FFFE and U+FFFF.
    if !text.bytes().any(|b| (b < 0x20 && b != b'\n' && b != b'\t') || b == 0xEF) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            c if is_forbidden_in_xml(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;
    use proptest::prelude::*;

    /// Reads the whole document: the texts and attribute values in order.
    fn read(bytes: &[u8]) -> Result<Vec<String>, Malformed> {
        let mut reader = Reader::new(bytes, Limits { depth: 8, elements: 50, size: 1 << 16 })?;
        let mut all = Vec::new();
        loop {
            match reader.next_token()? {
                Token::Open(element) => all.extend(element.attribute("a").map(Cow::into_owned)),
                Token::Text(text) => all.push(text.into_owned()),
                Token::Close(_) => {}
                Token::End => return Ok(all),
            }
        }
    }

    #[test]
    fn a_sound_document_is_read_with_its_five_entities_and_numbers() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a a='1 &amp; &#50;'><!-- no --><b/>x&lt;&#x41;&apos;<![CDATA[<&]]></a>\n";
        assert_eq!(read(text.as_bytes()).unwrap().concat(), "1 & 2x<A'<&");
    }

    #[test]
    fn whatever_is_dangerous_or_unsound_is_refused() {
        let deep = "<a>".repeat(9) + &"</a>".repeat(9);
        let many = format!("<a>{}</a>", "<b/>".repeat(50));
        let cases: &[&str] = &[
            "",
            "  ",
            "no xml",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<!DOCTYPE a SYSTEM \"http://127.0.0.1/x\"><a/>",
            "<a>&b;</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&</a>",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "x<a/>",
            "<a",
            "<a></a",
            "<a b></a>",
            "<a b='1' b='2'/>",
            "<a b='&c;'/>",
            "<a b='<'/>",
            "<1/>",
            "<a><?xml version='1.0'?></a>",
            " <?xml version='1.0'?><a/>",
            "<?xml version='1.0' encoding='utf-16'?><a>ä</a>",
            "<a><!-- -- --></a>",
            &deep,
            &many,
        ];
        for case in cases {
            assert!(read(case.as_bytes()).is_err(), "{case}");
        }
        assert!(read(b"<a>\xff</a>").is_err());
        assert!(read(&vec![b' '; (1 << 16) + 1]).is_err());
    }

    #[test]
    fn a_forbidden_character_in_a_text_does_not_hide_the_rest() {
        assert_eq!(read(b"<a>x\x0by&#x1;z\r\n</a>").unwrap().concat(), "x\u{fffd}y\u{fffd}z\n");
    }

    #[test]
    fn every_cut_of_a_sound_document_is_refused() {
        let text = "<?xml version=\"1.0\"?><a b=\"c\"><d>e &amp; f</d><g/></a>";
        for end in 0..text.len() {
            assert!(read(text.get(..end).unwrap().as_bytes()).is_err(), "{end}");
        }
        assert!(read(text.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn hostile_text_survives_writer_and_reader(text in any::<String>(), value in any::<String>()) {
            let mut writer = Writer::with_capacity(64);
            writer.open_with("x", "a", &value);
            writer.text(&text);
            writer.close("x");
            let read = read(&writer.finish()).unwrap();
            let expected = crate::model::without_forbidden(&text).0.into_owned();
            let value = crate::model::without_forbidden(&value).0.replace(['\n', '\t'], " ");
            prop_assert_eq!(read.first().cloned().unwrap_or_default(), value);
            prop_assert_eq!(read.get(1..).unwrap_or_default().concat(), expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn arbitrary_markup_never_panics(text in "[<>/!?a-c&;#x0-9\"'= \\[\\]-]{0,120}") {
            let _ = read(text.as_bytes());
        }
    }
}
