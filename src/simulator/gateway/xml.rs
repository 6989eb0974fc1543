//! Reads a request strictly, as a parser in front of a schema does: a single fault refuses the whole document.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// An element with its text and its children, in the order of the document.
#[derive(Clone, Debug, Default)]
pub struct Element<'a> {
    /// The name as written.
    pub name: Cow<'a, str>,
    /// All text directly inside, put together.
    pub text: Cow<'a, str>,
    /// Names and values.
    pub attributes: Vec<(String, String)>,
    /// Child elements.
    pub children: Vec<Element<'a>>,
}

impl<'a> Element<'a> {
    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Element<'a>> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name, without blanks around it.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// How deep elements may be nested.
const MAX_DEPTH: usize = 64;

/// Reads one whole document.
///
/// # Errors
/// What is wrong with it, as the body of an XL03000003.
pub fn parse(body: &[u8]) -> Result<Element<'_>, String> {
    let text = std::str::from_utf8(body).map_err(|error| {
        format!("XML Parse schema error. Fatal Error 9: input is not proper UTF-8 at byte {}", error.valid_up_to())
    })?;
    if let Some((position, byte)) = first_forbidden(body) {
        return Err(format!(
            "XML Parse schema error. Fatal Error 9: PCDATA invalid Char value {byte} at byte {position}"
        ));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut open: Vec<Element<'_>> = Vec::with_capacity(12);
    let mut root: Option<Element<'_>> = None;
    loop {
        let event = reader.read_event().map_err(|error| {
            format!("XML Parse schema error. Fatal Error 76: {error} at byte {}", reader.error_position())
        })?;
        match event {
            Event::Start(start) => {
                if root.is_some() || open.len() >= MAX_DEPTH {
                    return Err(extra_content());
                }
                open.push(element(&start, text)?);
            }
            Event::Empty(start) => {
                let leaf = element(&start, text)?;
                close(leaf, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let finished = open.pop().ok_or_else(extra_content)?;
                close(finished, &mut open, &mut root)?;
            }
            Event::Text(piece) => match open.last_mut() {
                Some(parent) => append(&mut parent.text, piece.xml10_content()),
                None if piece.trim().is_empty() => {}
                None => return Err(extra_content()),
            },
            Event::CData(piece) => match open.last_mut() {
                Some(parent) => append(&mut parent.text, piece.xml10_content()),
                None => return Err(extra_content()),
            },
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) if allowed(character) => character,
                    Ok(Some(character)) => {
                        return Err(format!(
                            "XML Parse schema error. Fatal Error 8: xmlParseCharRef: invalid xmlChar value {}",
                            u32::from(character)
                        ));
                    }
                    Ok(None) => match reference.xml10_content().as_ref() {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        other => {
                            return Err(format!(
                                "XML Parse schema error. Fatal Error 26: Entity '{other}' not defined"
                            ));
                        }
                    },
                    Err(error) => return Err(format!("XML Parse schema error. Fatal Error 8: {error}")),
                };
                match open.last_mut() {
                    Some(parent) => parent.text.to_mut().push(character),
                    None => return Err(extra_content()),
                }
            }
            Event::DocType(_) => {
                return Err("XML Parse schema error. Fatal Error 94: DOCTYPE is not allowed here".to_owned());
            }
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err("XML Parse schema error. Fatal Error 77: Premature end of data".to_owned());
    }
    root.ok_or_else(|| "XML Parse schema error. Fatal Error 4: Start tag expected, '<' not found".to_owned())
}

fn extra_content() -> String {
    "XML Parse schema error. Fatal Error 5: Extra content at the end of the document".to_owned()
}

fn close<'a>(finished: Element<'a>, open: &mut [Element<'a>], root: &mut Option<Element<'a>>) -> Result<(), String> {
    match open.last_mut() {
        Some(parent) => parent.children.push(finished),
        None if root.is_none() => *root = Some(finished),
        None => return Err(extra_content()),
    }
    Ok(())
}

fn append<'a>(to: &mut Cow<'a, str>, piece: Cow<'a, str>) {
    if to.is_empty() {
        *to = piece;
    } else {
        to.to_mut().push_str(&piece);
    }
}

fn element<'a>(start: &BytesStart<'a>, document: &'a str) -> Result<Element<'a>, String> {
    let name = start.name();
    let name = borrowed(name.as_ref(), document);
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute =
            attribute.map_err(|error| format!("XML Parse schema error. Fatal Error 65: attribute: {error}"))?;
        let value = quick_xml::escape::unescape(attribute.value.as_ref())
            .map_err(|error| format!("XML Parse schema error. Fatal Error 38: {error}"))?;
        if !value.chars().all(allowed) {
            return Err("XML Parse schema error. Fatal Error 9: invalid character in an attribute".to_owned());
        }
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element { name, text: Cow::Borrowed(""), attributes, children: Vec::new() })
}

/// The same text as a part of the document, so that it need not be copied.
fn borrowed<'a>(part: &str, document: &'a str) -> Cow<'a, str> {
    let offset = (part.as_ptr() as usize).wrapping_sub(document.as_ptr() as usize);
    match document.get(offset..offset.wrapping_add(part.len())) {
        Some(same) if same == part => Cow::Borrowed(same),
        _ => Cow::Owned(part.to_owned()),
    }
}

/// Whether XML 1.0 allows the character at all.
pub fn allowed(character: char) -> bool {
    !matches!(character, '\u{0}'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

fn first_forbidden(body: &[u8]) -> Option<(usize, u32)> {
    body.iter().enumerate().find_map(|(position, &byte)| match byte {
        b'\t' | b'\n' | b'\r' => None,
        0..=0x1F => Some((position, u32::from(byte))),
        0xEF => match (body.get(position + 1), body.get(position + 2)) {
            (Some(0xBF), Some(&last @ (0xBE | 0xBF))) => Some((position, 0xFF40 + u32::from(last))),
            _ => None,
        },
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_entities_is_put_together() {
        let document = parse(b"<a b='x&amp;y'>1 &lt; 2 &#65;<c/>!</a>").unwrap();
        assert_eq!(document.text, "1 < 2 A!");
        assert_eq!(document.attribute("b"), Some("x&y"));
        assert_eq!(document.children.len(), 1);
    }

    #[test]
    fn every_fault_refuses_the_whole_document() {
        for bad in [
            &b"<a>\x01</a>"[..],
            b"<a>&#0;</a>",
            b"<a>&#xB;</a>",
            b"<a>&#xFFFE;</a>",
            b"<a>\xEF\xBF\xBF</a>",
            b"<a>\xFF</a>",
            b"<a>&nbsp;</a>",
            b"<a><b></a></b>",
            b"<a>",
            b"<a/><b/>",
            b"<a/>text",
            b"",
            b"plain",
            b"<!DOCTYPE a SYSTEM 'x'><a/>",
            b"<a b='1' b='2'/>",
            b"<a>Tom & Jerry</a>",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
