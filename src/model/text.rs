//! Text from outside: data, never a command to a terminal and never a surprise in a request.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that came from outside. It has no `Display`: a person sees it only through [`Text::safe`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// Takes text from outside as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Text(text.into())
    }

    /// The text as it came, for comparing, hashing and building requests; never for a person.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The text made safe for a person's eyes.
    pub fn safe(&self) -> Cow<'_, str> {
        safe(&self.0)
    }

    /// Whether nothing but blanks is there.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(text)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.safe())
    }
}

/// Makes control, bidirectional and invisible characters visible (`‹U+202E›`), so that text from outside can neither move
/// a terminal nor look like other text (CWE-150). Line breaks and tabs become visible too: one record stays one row.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) || !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push('⇥'),
            c if is_unsafe(c) => out.push_str(&format!("‹U+{:04X}›", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether XML 1.0 forbids the character even as a reference: one of these makes the gateway refuse the whole request.
pub fn is_forbidden_in_xml(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// The text without what XML forbids, and how many characters were removed.
pub fn without_forbidden(text: &str) -> (Cow<'_, str>, usize) {
    let removed = text.chars().filter(|c| is_forbidden_in_xml(*c)).count();
    if removed == 0 {
        return (Cow::Borrowed(text), 0);
    }
    (Cow::Owned(text.chars().filter(|c| !is_forbidden_in_xml(*c)).collect()), removed)
}

/// Text for a one-line field: forbidden characters out, line breaks and tabs to blanks, trimmed, at most `max` characters.
pub fn one_line(text: &str, max: usize) -> String {
    // Nearly every text is fit as it stands.
    if text.len() <= max && !text.chars().any(|c| c.is_control() || is_forbidden_in_xml(c)) {
        return text.trim().to_owned();
    }
    let (text, _) = without_forbidden(text);
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    flat.trim().chars().take(max).collect::<String>().trim_end().to_owned()
}

/// Why a text cannot be a bill number as it stands: empty when it can. Removing characters could make two numbers equal, so
/// nothing is removed. Intacct's nominal length is 30; ``" ' & < > # ?`` are known to make trouble in RECORDID.
pub fn bill_number_faults(number: &str, max: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let length = number.chars().count();
    if length > max {
        faults.push(format!("it has {length} characters, Intacct takes {max}"));
    }
    let mut bad: Vec<char> = number
        .chars()
        .filter(|c| c.is_control() || is_unsafe(*c) || matches!(c, '"' | '\'' | '&' | '<' | '>' | '#' | '?'))
        .collect();
    bad.sort_unstable();
    bad.dedup();
    if !bad.is_empty() {
        let list: String = bad.iter().map(|c| format!(" {}", safe(&c.to_string()))).collect();
        faults.push(format!("it holds characters that Intacct does not take in a bill number:{list}"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_terminal_survives() {
        let hostile = "ACME\u{1b}[2J\u{202e}gpj.exe\u{200b}\r\n\u{9b}31m\u{7f}";
        let shown = safe(hostile);
        assert!(!shown.chars().any(is_unsafe), "{shown}");
        assert!(shown.contains("‹U+001B›[2J‹U+202E›gpj.exe‹U+200B›"), "{shown}");
    }

    #[test]
    fn plain_text_of_any_script_stays() {
        for text in ["Harbor Lab Supply", "Ångström & Söner", "株式会社ミライ", "مختبرات النور", "Ελλάς"]
        {
            assert_eq!(safe(text), text);
        }
    }

    #[test]
    fn a_bill_number_is_never_repaired_only_refused() {
        assert!(bill_number_faults("HL-20417/26", 30).is_empty());
        assert_eq!(bill_number_faults("A\u{0}B", 30).len(), 1);
        assert_eq!(bill_number_faults(&"9".repeat(31), 30).len(), 1);
        assert_eq!(bill_number_faults("A&B", 30).len(), 1);
    }
}
