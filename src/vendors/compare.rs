//! When two values of a field are the same, and what of a value is sent.
//!
//! Everything follows from one canonical form: two values are the same if their forms are equal. So the comparison is the same from
//! either side, holds through a third value, and a value that was sent and comes back is no change.

use std::borrow::Cow;

use crate::model::{MasterField, Text, is_forbidden_in_xml};

/// What is no difference beyond what never is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Comparing {
    /// `Street` and `St.`, `Avenue` and `Ave` and the like are the same in an address.
    pub street_words: bool,
}

/// The longest value that Intacct takes for a field, in characters; what is beyond it is not sent and not compared. `None` where
/// the values are words of a list. Lengths as documented for VENDOR and its display contact; those of e-mail and web site are
/// larger in fact than the 40 and 256 that are written down, and were set to what was seen to be taken.
pub fn limit(field: MasterField) -> Option<usize> {
    use MasterField as F;
    match field {
        F::Name => Some(100),
        F::Address1 | F::Address2 | F::City => Some(80),
        F::State | F::Terms => Some(40),
        F::Zip | F::Phone | F::Fax => Some(30),
        F::Email | F::Website => Some(200),
        F::TaxId => Some(20),
        F::Status | F::Currency | F::Form1099 | F::OnHold | F::Country => None,
    }
}

/// A value as it is sent: one line without doubled blanks, no character that XML forbids, the words of lists in the case that
/// Intacct writes, and not longer than the field. Numbers lose their punctuation before they lose a digit.
pub fn fit(field: MasterField, value: &Text) -> Text {
    Text::new(fitted(field, value.raw()).into_owned())
}

/// Whether two values of a field say the same.
pub fn same(field: MasterField, one: &Text, other: &Text, comparing: &Comparing) -> bool {
    // Nearly all values are equal as they stand.
    one == other || canonical(field, one, comparing) == canonical(field, other, comparing)
}

/// Whether a value says nothing.
pub fn is_blank(field: MasterField, value: &Text) -> bool {
    value.is_blank() || canonical(field, value, &Comparing::default()).is_empty()
}

/// The form in which values are compared: of what is sent, without what makes no difference.
pub fn canonical<'v>(field: MasterField, value: &'v Text, comparing: &Comparing) -> Cow<'v, str> {
    use MasterField as F;
    let sent = fitted(field, value.raw());
    match field {
        F::TaxId if !sent.bytes().all(|b| b.is_ascii_digit()) => Cow::Owned(bare_number(&sent).to_ascii_uppercase()),
        F::Phone | F::Fax if !sent.bytes().all(|b| b.is_ascii_digit()) => Cow::Owned(bare_phone(&sent)),
        F::Email => match sent.rsplit_once('@') {
            Some((person, host)) if host.bytes().any(|b| b.is_ascii_uppercase()) => {
                Cow::Owned(format!("{person}@{}", host.to_ascii_lowercase()))
            }
            _ => sent,
        },
        F::Website => Cow::Owned(bare_address(&sent)),
        F::Address1 | F::Address2 if comparing.street_words => Cow::Owned(shortened_streets(&sent)),
        _ => sent,
    }
}

fn fitted(field: MasterField, value: &str) -> Cow<'_, str> {
    use MasterField as F;
    let clean = match field {
        F::Currency | F::Country => cased(one_line(value), |b| b.is_ascii_lowercase(), str::to_ascii_uppercase),
        F::Status | F::OnHold => cased(one_line(value), |b| b.is_ascii_uppercase(), str::to_ascii_lowercase),
        _ => one_line(value),
    };
    let Some(limit) = limit(field) else { return clean };
    if clean.len() <= limit || clean.chars().count() <= limit {
        return clean;
    }
    let bare = match field {
        F::Phone | F::Fax => Cow::Owned(bare_phone(&clean)),
        F::TaxId => Cow::Owned(bare_number(&clean)),
        _ => clean,
    };
    let cut: String = bare.chars().take(limit).collect();
    Cow::Owned(cut.trim_end().to_owned())
}

fn cased(text: Cow<'_, str>, wrong: impl Fn(u8) -> bool, right: impl Fn(&str) -> String) -> Cow<'_, str> {
    match text.bytes().any(wrong) {
        true => Cow::Owned(right(&text)),
        false => text,
    }
}

/// One line, words apart by one blank, nothing that XML forbids.
fn one_line(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| (0x21..0x7f).contains(&b) || b == b' ';
    let text = text.trim_matches(' ');
    if text.bytes().all(plain) && !text.contains("  ") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_forbidden_in_xml(*c)) {
        if !(c.is_whitespace() || c.is_control()) {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end_matches(' ').len());
    Cow::Owned(out)
}

fn bare_number(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Digits, the letters of an extension, and a plus in front.
fn bare_phone(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || (c == '+' && out.is_empty()) {
            out.push(c.to_ascii_lowercase());
        }
    }
    if out == "+" { String::new() } else { out }
}

/// A web address without its scheme and closing slashes, its host in lower case.
fn bare_address(text: &str) -> String {
    let mut rest = text;
    loop {
        let before = rest.len();
        rest = rest.trim_matches(' ').trim_end_matches('/');
        for scheme in ["https://", "http://", "https:", "http:"] {
            if rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) {
                rest = rest.get(scheme.len()..).unwrap_or_default();
            }
        }
        if rest.len() == before {
            break;
        }
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    format!("{}{path}", host.to_ascii_lowercase())
}

/// What is written in short in an address, and how; never longer than it was, so that a form stays within its field.
const STREET_WORDS: &[(&str, &str)] = &[
    ("street", "st"),
    ("avenue", "av"),
    ("ave", "av"),
    ("road", "rd"),
    ("boulevard", "blvd"),
    ("drive", "dr"),
    ("lane", "ln"),
    ("court", "ct"),
    ("place", "pl"),
    ("square", "sq"),
    ("terrace", "ter"),
    ("highway", "hwy"),
    ("parkway", "pkwy"),
    ("suite", "ste"),
    ("floor", "fl"),
    ("building", "bldg"),
    ("apartment", "apt"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
];

fn shortened_streets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(' ') {
        if !out.is_empty() {
            out.push(' ');
        }
        let bare = word.trim_end_matches(['.', ',']);
        let known = STREET_WORDS
            .iter()
            .find(|(long, short)| bare.eq_ignore_ascii_case(long) || bare.eq_ignore_ascii_case(short));
        match known {
            Some((_, short)) => out.push_str(short),
            None => match ["straße", "strasse", "Straße", "Strasse", "str.", "Str."]
                .iter()
                .find_map(|end| word.strip_suffix(end))
            {
                Some(stem) => {
                    out.push_str(stem);
                    out.push_str("str");
                }
                None => out.push_str(word),
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &str) -> Text {
        Text::new(value)
    }

    const PLAIN: Comparing = Comparing { street_words: false };
    const STREETS: Comparing = Comparing { street_words: true };

    #[test]
    fn what_is_no_difference_is_none() {
        use MasterField as F;
        for (field, one, other) in [
            (F::Name, "  Harbor  Lab Supply ", "Harbor Lab Supply"),
            (F::Name, "Harbor\tLab\r\nSupply", "Harbor Lab Supply"),
            (F::Country, "us", "US"),
            (F::Currency, "eur ", "EUR"),
            (F::Status, "Active", "active"),
            (F::Email, "Ar@Harbor.Example", "Ar@harbor.example"),
            (F::Phone, "+1 (207) 555-0100", "+1 207.555.0100"),
            (F::Fax, "207 555 0101", "(207) 555-0101"),
            (F::Website, "https://Harbor.example/", "harbor.example"),
            (F::Website, "http://harbor.example/Shop/", "HTTPS://harbor.example/Shop"),
            (F::TaxId, "12-3456789", "123456789"),
            (F::TaxId, "de 123.456.789", "DE123456789"),
            (F::Phone, "-", ""),
        ] {
            assert!(same(field, &text(one), &text(other), &PLAIN), "{field}: {one} and {other}");
        }
    }

    #[test]
    fn what_is_a_difference_stays_one() {
        use MasterField as F;
        for (field, one, other) in [
            (F::Name, "Harbor Lab Supply", "HARBOR LAB SUPPLY"),
            (F::Name, "Harbor Lab Supply", "Harbor Lab Supply, Inc."),
            (F::Email, "AR@harbor.example", "ar@harbor.example"),
            (F::Phone, "207 555 0100", "207 555 0100 x1"),
            (F::Website, "harbor.example/a", "harbor.example/A"),
            (F::Address1, "12 Quay Street", "12 Quay St."),
            (F::Zip, "04101", "4101"),
            (F::Terms, "Net 30", "NET 30"),
        ] {
            assert!(!same(field, &text(one), &text(other), &PLAIN), "{field}: {one} and {other}");
        }
    }

    #[test]
    fn street_words_are_the_same_only_where_it_is_configured_and_only_in_addresses() {
        use MasterField as F;
        for (one, other) in [
            ("12 Quay Street", "12 Quay St."),
            ("12 Quay St., Suite 4", "12 Quay STREET Ste 4"),
            ("Hauptstraße 5", "Hauptstr. 5"),
            ("7 North Pier Avenue", "7 N. Pier Ave"),
        ] {
            assert!(same(F::Address1, &text(one), &text(other), &STREETS), "{one} and {other}");
            assert!(!same(F::Address1, &text(one), &text(other), &PLAIN), "{one} and {other}");
            assert!(!same(F::Name, &text(one), &text(other), &STREETS), "{one} and {other}");
        }
        assert!(!same(F::Address1, &text("12 Quay Street"), &text("12 Quay Road"), &STREETS));
    }

    #[test]
    fn what_is_beyond_the_length_of_a_field_is_neither_sent_nor_compared() {
        let long = text(&"ミライ研究所Лаборатория النور ".repeat(20));
        let sent = fit(MasterField::Name, &long);
        assert_eq!(sent.raw().chars().count(), 100);
        assert!(same(MasterField::Name, &long, &sent, &PLAIN));
        let longer = text(&format!("{}and more", long.raw()));
        assert!(same(MasterField::Name, &long, &longer, &PLAIN));
    }

    #[test]
    fn a_long_number_loses_punctuation_before_it_loses_a_digit() {
        let phone = text("+1 (207) 555 - 0100 --- ext. 12345678");
        assert_eq!(fit(MasterField::Phone, &phone).raw(), "+12075550100ext12345678");
        let tax = text("DE - 123 . 456 . 789 / 0001");
        assert_eq!(fit(MasterField::TaxId, &tax).raw(), "DE1234567890001");
    }

    #[test]
    fn what_makes_the_gateway_refuse_a_request_is_not_sent() {
        let hostile = text("Harbor\u{0}\u{b} Lab\u{fffe}\u{202e}ylppuS");
        assert_eq!(fit(MasterField::Name, &hostile).raw(), "Harbor Lab\u{202e}ylppuS");
    }

    fn values() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "Harbor", "LAB", "St.", "Street", "straße", "  ", " ", "\t", "\n", "\u{0}", "\u{202e}", "\u{a0}", "ミ",
            "ß", "İ", "@", "http://", "https:", "/", "//", "+", "-", "(", "1", "9", "٣", "x", ".", ",", "US", "us",
            "\u{fffe}", "é", "e\u{301}",
        ]);
        prop_oneof![
            any::<String>(),
            prop::collection::vec(pieces.clone(), 0..12).prop_map(|parts| parts.concat()),
            prop::collection::vec(pieces, 30..90).prop_map(|parts| parts.concat())
        ]
    }

    fn fields() -> impl Strategy<Value = MasterField> {
        prop::sample::select(MasterField::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn the_canonical_form_of_a_canonical_form_is_itself(field in fields(), value in values(), street_words: bool) {
            let comparing = Comparing { street_words };
            let value = text(&value);
            let once = text(&canonical(field, &value, &comparing));
            prop_assert_eq!(canonical(field, &once, &comparing).into_owned(), once.raw());
        }

        #[test]
        fn what_is_sent_is_the_same_fits_and_is_sent_alike_again(field in fields(), value in values(), street_words: bool) {
            let value = text(&value);
            let sent = fit(field, &value);
            let comparing = Comparing { street_words };
            prop_assert!(same(field, &value, &sent, &comparing));
            prop_assert_eq!(&fit(field, &sent), &sent);
            prop_assert!(limit(field).is_none_or(|limit| sent.raw().chars().count() <= limit));
            prop_assert!(!sent.raw().chars().any(|c| c.is_control() || is_forbidden_in_xml(c)));
            prop_assert_eq!(sent.raw().trim(), sent.raw());
        }

        #[test]
        fn sameness_is_symmetric_and_holds_through_a_third(field in fields(), one in values(), two in values(), three in values()) {
            let (one, two, three) = (text(&one), text(&two), text(&three));
            prop_assert!(same(field, &one, &one, &STREETS));
            prop_assert_eq!(same(field, &one, &two, &STREETS), same(field, &two, &one, &STREETS));
            if same(field, &one, &two, &STREETS) && same(field, &two, &three, &STREETS) {
                prop_assert!(same(field, &one, &three, &STREETS));
            }
        }
    }
}
