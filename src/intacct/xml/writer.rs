//! Writing XML straight into bytes.

use crate::model::{Amount, Date, is_forbidden_in_xml};

/// A growing document. Element names are ours and written as they are; texts are escaped.
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty one with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Writer { out: Vec::with_capacity(capacity) }
    }

    /// `<name>`
    pub fn open(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    /// `<name attribute="value">`
    pub fn open_with(&mut self, name: &str, attribute: &str, value: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b' ');
        self.out.extend_from_slice(attribute.as_bytes());
        self.out.extend_from_slice(b"=\"");
        self.text(value);
        self.out.extend_from_slice(b"\">");
    }

    /// `</name>`
    pub fn close(&mut self, name: &str) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    /// `<name/>`
    pub fn empty(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"/>");
    }

    /// `<name>text</name>`
    pub fn element(&mut self, name: &str, text: &str) {
        self.open(name);
        self.text(text);
        self.close(name);
    }

    /// The element, unless its text is blank: an empty element means *set to nothing* to the gateway.
    pub fn filled(&mut self, name: &str, text: &str) {
        if !text.trim().is_empty() {
            self.element(name, text);
        }
    }

    /// The element, if there is a text and it is not blank.
    pub fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.filled(name, text);
        }
    }

    /// A date as the generic functions want it: `MM/DD/YYYY`.
    pub fn date(&mut self, name: &str, date: Date) {
        self.open(name);
        self.number(date.month().unsigned_abs().into(), 2);
        self.out.push(b'/');
        self.number(date.day().unsigned_abs().into(), 2);
        self.out.push(b'/');
        self.number(date.year().unsigned_abs().into(), 4);
        self.close(name);
    }

    /// An amount with at least `digits` decimals.
    pub fn amount(&mut self, name: &str, amount: Amount, digits: u32) {
        self.open(name);
        self.out.extend_from_slice(amount.fixed(digits).as_bytes());
        self.close(name);
    }

    /// Escaped text. Characters that XML forbids are left out; whoever cares has counted them before.
    pub fn text(&mut self, text: &str) {
        // Runs of plain bytes are copied whole; all that needs care is ASCII, but for the two non-characters.
        let mut rest = text;
        while let Some(at) = rest.bytes().position(needs_care) {
            let (plain, from) = rest.split_at(at);
            self.out.extend_from_slice(plain.as_bytes());
            let mut chars = from.chars();
            match chars.next() {
                Some('&') => self.out.extend_from_slice(b"&amp;"),
                Some('<') => self.out.extend_from_slice(b"&lt;"),
                Some('>') => self.out.extend_from_slice(b"&gt;"),
                Some('"') => self.out.extend_from_slice(b"&quot;"),
                // A reader turns a bare carriage return into a line feed.
                Some('\r') => self.out.extend_from_slice(b"&#13;"),
                Some(c) if !is_forbidden_in_xml(c) => {
                    self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => {}
            }
            rest = chars.as_str();
        }
        self.out.extend_from_slice(rest.as_bytes());
    }

    /// Bytes that are XML already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    fn number(&mut self, value: u32, width: u32) {
        for place in (0..width).rev() {
            let digit = value / 10u32.pow(place) % 10;
            self.out.push(b'0'.saturating_add(u8::try_from(digit).unwrap_or_default()));
        }
    }
}

/// Bytes where a character may begin that is not copied as it is. 0xEF begins U+FFFE and U+FFFF.
fn needs_care(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'&' | b'<' | b'>' | b'"' | 0xEF)
}

/// Whether a text can be the name of an element: ASCII letters, digits, `_`, `-` and `.`, not beginning with a digit.
pub fn is_name(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, b)| {
        b.is_ascii_alphabetic() || b == b'_' || (at > 0 && (b.is_ascii_digit() || matches!(b, b'-' | b'.')))
    }) && !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> String {
        let mut writer = Writer::with_capacity(64);
        write(&mut writer);
        String::from_utf8(writer.finish()).unwrap()
    }

    #[test]
    fn text_is_escaped_and_what_xml_forbids_is_left_out() {
        let text = written(|w| w.element("NAME", "Birch & <Tarn>\u{0}\u{b}\u{ffff}\u{fffd} \"株\" 😀\r\n\t"));
        assert_eq!(text, "<NAME>Birch &amp; &lt;Tarn&gt;\u{fffd} &quot;株&quot; 😀&#13;\n\t</NAME>");
    }

    #[test]
    fn dates_and_amounts_have_the_gateway_s_form() {
        let date = jiff::civil::date(2026, 3, 2);
        assert_eq!(written(|w| w.date("WHENDUE", date)), "<WHENDUE>03/02/2026</WHENDUE>");
        let amount = Amount::parse("18").unwrap();
        assert_eq!(written(|w| w.amount("TRX_AMOUNT", amount, 2)), "<TRX_AMOUNT>18.00</TRX_AMOUNT>");
    }

    #[test]
    fn a_blank_text_writes_no_element() {
        assert_eq!(written(|w| w.optional("TERMNAME", Some(" "))), "");
        assert_eq!(written(|w| w.optional("TERMNAME", None)), "");
    }

    #[test]
    fn names_are_told_from_what_would_break_a_document() {
        for good in ["DESCRIPTION", "TG_MARK", "x1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "1X", "A B", "A>", "Ä", "A/B"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
