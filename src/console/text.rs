//! Text on the screen: widths in cells, cut at graphemes, ages and countdowns that say when they next change.

use jiff::{SignedDuration, Timestamp};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Cells that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `max` cells, cut with `…`.
pub fn cut(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let cells = width(grapheme);
        if used + cells + 1 > max {
            break;
        }
        used += cells;
        out.push_str(grapheme);
    }
    if max > 0 {
        out.push('…');
    }
    out
}

/// Exactly `cells` wide, to the left.
pub fn fit(text: &str, cells: usize) -> String {
    let mut out = cut(text, cells);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(width(&out))));
    out
}

/// Exactly `cells` wide, to the right.
pub fn fit_right(text: &str, cells: usize) -> String {
    let text = cut(text, cells);
    let mut out = " ".repeat(cells.saturating_sub(width(&text)));
    out.push_str(&text);
    out
}

/// Broken at blanks into rows of at most `cells`; longer words are broken at graphemes.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut rows = Vec::new();
    let mut row = String::new();
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let wide = width(word.trim_end());
        if used + wide > cells && used > 0 {
            rows.push(std::mem::take(&mut row).trim_end().to_owned());
            used = 0;
        }
        if wide <= cells {
            row.push_str(word);
            used += width(word);
            continue;
        }
        for grapheme in word.graphemes(true) {
            let wide = width(grapheme);
            if used + wide > cells && !row.is_empty() {
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            row.push_str(grapheme);
            used += wide;
        }
    }
    rows.push(row.trim_end().to_owned());
    rows
}

/// `1204` as `1,204`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of something, in words.
pub fn several(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// How long ago, and when the words change next.
pub fn ago(now: Timestamp, at: Timestamp) -> (String, Option<Timestamp>) {
    let seconds = now.duration_since(at).as_secs().max(0);
    let unit = unit(seconds);
    let next = (seconds / unit + 1) * unit;
    (span(seconds), at.checked_add(SignedDuration::from_secs(next)).ok())
}

/// How long until, and when the words change next. Rounded up, so that zero means now.
pub fn left(now: Timestamp, until: Timestamp) -> (String, Option<Timestamp>) {
    let rest = until.duration_since(now);
    let mut seconds = rest.as_secs().max(0);
    if rest.is_positive() && rest.subsec_nanos() > 0 {
        seconds += 1;
    }
    if seconds == 0 {
        return ("0 s".to_owned(), None);
    }
    // A minute exactly already counts in seconds, or it would stand for a minute and then for 59 s.
    let unit = if seconds <= 60 { 1 } else { unit(seconds) };
    let rounded = (seconds + unit - 1) / unit * unit;
    let words = if unit == 1 { format!("{seconds} s") } else { span(rounded) };
    (words, until.checked_sub(SignedDuration::from_secs(rounded - unit)).ok())
}

fn unit(seconds: i64) -> i64 {
    match seconds {
        ..60 => 1,
        60..86_400 => 60,
        _ => 3600,
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Values as a row of bars, the newest at the right, at most `cells` wide.
pub fn bars(values: &[u64], cells: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = values.get(values.len().saturating_sub(cells)..).unwrap_or_default();
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    shown
        .iter()
        .map(|value| match value {
            0 => '▁',
            value => *BARS.get((value.saturating_mul(7) / most) as usize).unwrap_or(&'█'),
        })
        .collect()
}

/// The same, several rows high, from the top.
pub fn tall_bars(values: &[u64], cells: usize, rows: usize) -> Vec<String> {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = values.get(values.len().saturating_sub(cells)..).unwrap_or_default();
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let eighths = |value: u64| (value.saturating_mul(8 * rows as u64) / most) as usize;
    (0..rows)
        .rev()
        .map(|row| {
            let cell = |value: &u64| eighths(*value).max(1).saturating_sub(8 * row).min(8);
            shown.iter().map(|value| BARS.get(cell(value)).copied().unwrap_or(' ')).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn minutes_show_minutes_and_wake_once_a_minute() {
        assert_eq!(ago(at(125), at(0)), ("2 min".into(), Some(at(180))));
        assert_eq!(ago(at(5), at(0)), ("5 s".into(), Some(at(6))));
        assert_eq!(left(at(0), at(2600)), ("44 min".into(), Some(at(2600 - 43 * 60))));
        assert_eq!(left(at(0), at(45)), ("45 s".into(), Some(at(1))));
        assert_eq!(left(at(10), at(5)).0, "0 s");
        assert_eq!(ago(at(200_000), at(0)).0, "2 d 7 h");
    }

    #[test]
    fn text_breaks_at_blanks_and_long_words_anywhere() {
        assert_eq!(wrap("inactive (BL03, data) now", 12), ["inactive", "(BL03, data)", "now"]);
        assert_eq!(wrap("株式会社ミライ", 6), ["株式会", "社ミラ", "イ"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn bars_fill_their_rows_from_below() {
        assert_eq!(tall_bars(&[0, 4, 8], 10, 2), ["  █", "▁██"]);
        assert_eq!(bars(&[0, 4, 8], 2), "▄█");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1204, 100_000, 1_234_567].map(count), ["0", "999", "1,204", "100,000", "1,234,567"]);
    }

    proptest! {
        #[test]
        fn a_countdown_changes_when_it_says_and_not_before(until in 1i64..300_000, now in 0i64..300_000) {
            let (words, next) = left(at(now), at(until));
            if let Some(next) = next {
                prop_assert!(next > at(now));
                let before = next.checked_sub(SignedDuration::from_millis(1)).unwrap();
                prop_assert_eq!(left(before, at(until)).0, words.clone());
                prop_assert_ne!(left(next, at(until)).0, words);
            }
        }

        #[test]
        fn a_cut_text_fits(text in "\\PC{0,40}", max in 0usize..30) {
            prop_assert!(width(&cut(&text, max)) <= max);
            prop_assert_eq!(width(&fit_right(&text, max)), max);
            let one = |row: &str| row.graphemes(true).count() == 1;
            prop_assert!(wrap(&text, max).iter().all(|row| width(row) <= max.max(1) || one(row)));
        }
    }
}
