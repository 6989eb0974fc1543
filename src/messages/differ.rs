//! Where two texts differ, word by word, for showing them side by side.

use unicode_width::UnicodeWidthChar;

/// A run of a text, and whether the other text has it at this place too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The run.
    pub text: String,
    /// The other text has not got it.
    pub differs: bool,
}

/// Words beyond which texts are compared by their common beginning and end only.
const WORDS: usize = 300;

/// The runs of both texts. Joined they are the texts again; the runs that do not differ are the same on both sides, in the
/// same order. Texts that come from outside are made safe before they are compared, so that a mark never falls into an escape.
pub fn differing(left: &str, right: &str) -> (Vec<Part>, Vec<Part>) {
    let (a, b) = (words(left), words(right));
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (rest_a, rest_b) = (a.get(start..).unwrap_or_default(), b.get(start..).unwrap_or_default());
    let end = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = |rest: &[&str]| rest.len() - end;
    let (mid_a, mid_b) =
        (rest_a.get(..middle(rest_a)).unwrap_or_default(), rest_b.get(..middle(rest_b)).unwrap_or_default());
    let (same_a, same_b) = common(mid_a, mid_b);
    let side = |words: &[&str], same: &[bool]| {
        let inside = start..start + same.len();
        let differs = |at: usize| inside.contains(&at) && !same.get(at - start).copied().unwrap_or(true);
        let mut parts: Vec<Part> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            match parts.last_mut().filter(|part| part.differs == differs(at)) {
                Some(part) => part.text.push_str(word),
                None => parts.push(Part { text: (*word).to_owned(), differs: differs(at) }),
            }
        }
        parts
    };
    (side(&a, &same_a), side(&b, &same_b))
}

/// The runs as one text, the differing ones in brackets: in square ones, or in braces where the text itself has square ones.
pub fn marked(parts: &[Part]) -> String {
    let (open, close) = brackets(parts);
    parts
        .iter()
        .map(|part| if part.differs { format!("{open}{}{close}", part.text) } else { part.text.clone() })
        .collect()
}

/// The brackets that [`marked`] takes for these runs.
pub fn brackets(parts: &[Part]) -> (char, char) {
    if parts.iter().any(|part| part.text.contains(['[', ']'])) { ('{', '}') } else { ('[', ']') }
}

/// Words, numbers, and every other character by itself, also those of scripts that set no blanks; what combines with a
/// character before it stays with it.
fn words(text: &str) -> Vec<&str> {
    let joins = |c: char| c.is_alphanumeric() && c < '\u{2E80}';
    let mut words = Vec::new();
    let (mut begin, mut last) = (0, None);
    for (at, c) in text.char_indices() {
        let goes_on = match last {
            None => true,
            Some(last) => c.width() == Some(0) || joins(last) && joins(c),
        };
        if !goes_on {
            words.extend(text.get(begin..at));
            begin = at;
        }
        // What combines does not end a word.
        if c.width() != Some(0) || last.is_none() {
            last = Some(c);
        }
    }
    words.extend(text.get(begin..).filter(|word| !word.is_empty()));
    words
}

/// For each word, whether it belongs to the longest common sequence.
fn common(a: &[&str], b: &[&str]) -> (Vec<bool>, Vec<bool>) {
    let (mut same_a, mut same_b) = (vec![false; a.len()], vec![false; b.len()]);
    if a.len() > WORDS || b.len() > WORDS {
        return (same_a, same_b);
    }
    let wide = b.len() + 1;
    let mut longest = vec![0u16; (a.len() + 1) * wide];
    let at = |row: usize, column: usize| row * wide + column;
    let read = |table: &[u16], place: usize| table.get(place).copied().unwrap_or(0);
    for (row, x) in a.iter().enumerate().rev() {
        for (column, y) in b.iter().enumerate().rev() {
            let value = match x == y {
                true => read(&longest, at(row + 1, column + 1)) + 1,
                false => read(&longest, at(row + 1, column)).max(read(&longest, at(row, column + 1))),
            };
            if let Some(place) = longest.get_mut(at(row, column)) {
                *place = value;
            }
        }
    }
    let mut pairs = Vec::new();
    let (mut row, mut column) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(row), b.get(column)) {
        if x == y {
            pairs.push((row, column));
            (row, column) = (row + 1, column + 1);
        } else if read(&longest, at(row + 1, column)) >= read(&longest, at(row, column + 1)) {
            row += 1;
        } else {
            column += 1;
        }
    }
    for (place, (row, column)) in pairs.iter().enumerate() {
        // A blank alone between two differences would only cut the mark in two.
        let blank = a.get(*row).is_some_and(|word| word.trim().is_empty());
        let before = place.checked_sub(1).and_then(|place| pairs.get(place));
        let apart = before.map_or(*row > 0 || *column > 0, |(r, c)| r + 1 < *row || c + 1 < *column);
        let next = pairs.get(place + 1).copied().unwrap_or((a.len(), b.len()));
        if !(blank && apart && (row + 1 < next.0 || column + 1 < next.1))
            && let (Some(left), Some(right)) = (same_a.get_mut(*row), same_b.get_mut(*column))
        {
            (*left, *right) = (true, true);
        }
    }
    (same_a, same_b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(left: &str, right: &str) -> (String, String) {
        let (a, b) = differing(left, right);
        (marked(&a), marked(&b))
    }

    #[test]
    fn the_words_that_differ_are_marked_within_the_text() {
        for (left, right, marked_left, marked_right) in [
            ("+1 555 0100", "+1 555 0199", "+1 555 [0100]", "+1 555 [0199]"),
            ("ap@harbor.example", "billing@harbor.example", "[ap]@harbor.example", "[billing]@harbor.example"),
            ("12 Main St", "12 Main St Suite 4", "12 Main St", "12 Main St[ Suite 4]"),
            ("12 Main St", "14 Oak St", "[12 Main] St", "[14 Oak] St"),
            ("12 Main St", "14 Main Street", "[12] Main [St]", "[14] Main [Street]"),
            ("same", "same", "same", "same"),
            ("", "N30", "", "[N30]"),
            ("Lab [US]", "Lab [DE]", "Lab [{US}]", "Lab [{DE}]"),
            ("株式会社ミライ", "株式会社ミクイ", "株式会社ミ[ラ]イ", "株式会社ミ[ク]イ"),
            ("Ame\u{301}lie", "Ame\u{301}lia", "[Ame\u{301}lie]", "[Ame\u{301}lia]"),
        ] {
            assert_eq!(both(left, right), (marked_left.to_owned(), marked_right.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_what_is_not_marked_is_the_same(left in "[ab .株]{0,20}|\\PC{0,30}", right in "[ab .株]{0,20}|\\PC{0,30}") {
            let (a, b) = differing(&left, &right);
            let join = |parts: &[Part]| parts.iter().map(|part| part.text.as_str()).collect::<String>();
            let same = |parts: &[Part]| {
                parts.iter().filter(|part| !part.differs).map(|part| part.text.as_str()).collect::<String>()
            };
            prop_assert_eq!(join(&a), left.clone());
            prop_assert_eq!(join(&b), right.clone());
            prop_assert_eq!(same(&a), same(&b));
            prop_assert_eq!(left == right, a.iter().chain(&b).all(|part| !part.differs));
        }
    }
}
