//! The condition of a query, and which index can answer it.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};

use rust_decimal::Decimal;

use super::errors::GatewayError;
use super::ledger::Ledger;
use super::query::{QueryError, expected};
use super::rows::{Object, Row, Value};
use super::text;
use super::xml::Element;

/// A condition.
#[derive(Debug)]
pub enum Filter<'a> {
    /// All hold.
    And(Vec<Filter<'a>>),
    /// One holds.
    Or(Vec<Filter<'a>>),
    /// A field compared with values.
    Test(Operator, &'a str, Vec<&'a str>),
    /// A field that must be (or must not be) one of many values.
    Within(Within<'a>),
}

/// `in` and `notin`, prepared so that many rows can be held against many values.
#[derive(Debug)]
pub struct Within<'a> {
    field: &'a str,
    values: Vec<&'a str>,
    texts: HashSet<&'a str>,
    folded: HashSet<String>,
    /// Nothing if one of the values is no number.
    numbers: Option<HashSet<Decimal>>,
    inside: bool,
}

impl<'a> Within<'a> {
    fn new(field: &'a str, values: Vec<&'a str>, inside: bool) -> Self {
        let texts = values.iter().copied().collect();
        let folded = values.iter().map(|value| value.to_lowercase()).collect();
        let numbers = values.iter().map(|value| value.trim().parse().ok()).collect();
        Within { field, values, texts, folded, numbers, inside }
    }

    fn admits(&self, have: &Value<'_>, fold: bool) -> Result<bool, GatewayError> {
        let found = match (have, &self.numbers) {
            (Value::Text(text), _) if !fold => self.texts.contains(text.as_ref()),
            (Value::Text(text), _) => self.folded.contains(&text.to_lowercase()),
            (Value::Number(number), Some(numbers)) => numbers.contains(number),
            _ => {
                let mut found = false;
                for want in &self.values {
                    found |= ordering(have, want, fold)? == Some(Ordering::Equal);
                }
                found
            }
        };
        Ok(found == self.inside && (found || *have != Value::Null))
    }
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the elements")]
pub enum Operator {
    EqualTo,
    NotEqualTo,
    LessThan,
    LessThanOrEqualTo,
    GreaterThan,
    GreaterThanOrEqualTo,
    Like,
    NotLike,
    Between,
    In,
    NotIn,
    IsNull,
    IsNotNull,
}

/// Reads one operator with what is inside.
///
/// # Errors
/// The schema's complaint.
pub fn read_filter<'a>(element: &'a Element<'a>) -> Result<Filter<'a>, QueryError> {
    use Operator::*;
    let many = |children: &'a [Element<'a>]| {
        if children.len() < 2 {
            return Err(QueryError::Schema(GatewayError::schema(format!(
                "XML Parse schema error. Error 1871: Element '{}': needs two or more conditions.",
                element.name
            ))));
        }
        children.iter().map(read_filter).collect::<Result<Vec<_>, _>>()
    };
    let (operator, least, most) = match element.name.as_ref() {
        "and" => return many(&element.children).map(Filter::And),
        "or" => return many(&element.children).map(Filter::Or),
        "equalto" => (EqualTo, 1, 1),
        "notequalto" => (NotEqualTo, 1, 1),
        "lessthan" => (LessThan, 1, 1),
        "lessthanorequalto" => (LessThanOrEqualTo, 1, 1),
        "greaterthan" => (GreaterThan, 1, 1),
        "greaterthanorequalto" => (GreaterThanOrEqualTo, 1, 1),
        "like" => (Like, 1, 1),
        "notlike" => (NotLike, 1, 1),
        "between" => (Between, 2, 2),
        "in" => (In, 1, 1000),
        "notin" => (NotIn, 1, 1000),
        "isnull" => (IsNull, 0, 0),
        "isnotnull" => (IsNotNull, 0, 0),
        _ => return Err(expected(element)),
    };
    let Some((field, values)) = element.children.split_first().filter(|(field, _)| field.name == "field") else {
        return Err(expected(element));
    };
    if let Some(wrong) = values.iter().find(|value| value.name != "value") {
        return Err(expected(wrong));
    }
    if !(least..=most).contains(&values.len()) {
        return Err(QueryError::Schema(GatewayError::schema(format!(
            "XML Parse schema error. Error 1871: Element '{}': {} values are given, allowed are {least} to {most}.",
            element.name,
            values.len()
        ))));
    }
    let (field, values) = (field.text.trim(), values.iter().map(|value| value.text.as_ref()).collect());
    Ok(match operator {
        In | NotIn => Filter::Within(Within::new(field, values, operator == In)),
        _ => Filter::Test(operator, field, values),
    })
}

impl<'a> Filter<'a> {
    /// The fields that it names.
    pub fn fields(&self, into: &mut Vec<&'a str>) {
        match self {
            Filter::And(all) | Filter::Or(all) => all.iter().for_each(|one| one.fields(into)),
            Filter::Test(_, field, _) => into.push(field),
            Filter::Within(within) => into.push(within.field),
        }
    }

    /// Whether a row satisfies it; `fold` if letters' case does not matter.
    ///
    /// # Errors
    /// A value cannot be compared with the field.
    pub fn admits(&self, row: &Row<'_>, fold: bool) -> Result<bool, GatewayError> {
        match self {
            Filter::And(all) => {
                for one in all {
                    if !one.admits(row, fold)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Or(all) => {
                for one in all {
                    if one.admits(row, fold)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::Test(operator, field, values) => test(*operator, &row.get(field), values, fold),
            Filter::Within(within) => within.admits(&row.get(within.field), fold),
        }
    }

    /// Bills among which all that satisfy the filter are found; nothing if every bill must be looked at.
    pub fn bills(&self, ledger: &Ledger, fold: bool, key: &str) -> Option<BTreeSet<u64>> {
        match self {
            Filter::And(all) => all.iter().filter_map(|one| one.bills(ledger, fold, key)).min_by_key(BTreeSet::len),
            Filter::Or(all) => {
                let mut found = BTreeSet::new();
                for one in all {
                    found.append(&mut one.bills(ledger, fold, key)?);
                }
                Some(found)
            }
            Filter::Test(Operator::EqualTo, field, values) => exactly(ledger, fold, key, field, values),
            Filter::Within(within) if within.inside => exactly(ledger, fold, key, within.field, &within.values),
            Filter::Test(Operator::GreaterThan, field, values) if *field == key => {
                let least: u64 = values.first()?.trim().parse().ok()?;
                Some(ledger.after(least).collect())
            }
            Filter::Test(Operator::Like, field, values)
                if !fold
                    && key == "RECORDNO"
                    && (*field == "DESCRIPTION" || !Object::Bill.fields()?.contains(field)) =>
            {
                let pattern = values.first()?;
                let mark = super::ledger::marks_in(pattern).find(|mark| mark.len() >= 8)?;
                Some(ledger.with_mark(mark))
            }
            Filter::Test(..) | Filter::Within(_) => None,
        }
    }
}

/// Bills whose field is one of the values, where an index knows.
fn exactly(ledger: &Ledger, fold: bool, key: &str, field: &str, values: &[&str]) -> Option<BTreeSet<u64>> {
    if field == key {
        let numbers = values.iter().filter_map(|value| value.trim().parse::<Decimal>().ok());
        return Some(numbers.filter_map(|number| u64::try_from(number).ok()).collect());
    }
    match field {
        _ if fold || key != "RECORDNO" => None,
        "RECORDID" => Some(values.iter().flat_map(|value| ledger.with_number(value)).collect()),
        "VENDORID" => Some(values.iter().flat_map(|value| ledger.of_vendor(value)).collect()),
        _ => None,
    }
}

fn ordering(have: &Value<'_>, want: &str, fold: bool) -> Result<Option<Ordering>, GatewayError> {
    let bad = || {
        GatewayError::new(
            "DL02000001",
            format!("There was an error processing the request: '{want}' cannot be compared."),
        )
    };
    Ok(match have {
        Value::Null if want.is_empty() => Some(Ordering::Equal),
        Value::Null => None,
        Value::Text(have) if fold => Some(have.to_lowercase().cmp(&want.to_lowercase())),
        Value::Text(have) => Some(have.as_ref().cmp(want)),
        Value::Number(have) => Some(have.cmp(&want.trim().parse().map_err(|_| bad())?)),
        Value::Date(have) => Some(have.cmp(&text::read_date(want.trim()).ok_or_else(bad)?)),
        Value::Instant(have) => {
            let seconds = have.as_second();
            Some(seconds.cmp(&text::read_instant(want.trim()).ok_or_else(bad)?.as_second()))
        }
    })
}

fn test(operator: Operator, have: &Value<'_>, values: &[&str], fold: bool) -> Result<bool, GatewayError> {
    let first = values.first().copied().unwrap_or_default();
    let against = |want: &str| ordering(have, want, fold);
    Ok(match operator {
        Operator::EqualTo => against(first)? == Some(Ordering::Equal),
        Operator::NotEqualTo => against(first)?.is_some_and(Ordering::is_ne),
        Operator::LessThan => against(first)?.is_some_and(Ordering::is_lt),
        Operator::LessThanOrEqualTo => against(first)?.is_some_and(Ordering::is_le),
        Operator::GreaterThan => against(first)?.is_some_and(Ordering::is_gt),
        Operator::GreaterThanOrEqualTo => against(first)?.is_some_and(Ordering::is_ge),
        Operator::Between => {
            against(first)?.is_some_and(Ordering::is_ge)
                && against(values.get(1).copied().unwrap_or_default())?.is_some_and(Ordering::is_le)
        }
        Operator::In | Operator::NotIn => {
            Within::new("", values.to_vec(), operator == Operator::In).admits(have, fold)?
        }
        Operator::Like if fold => like(&have.show().to_lowercase(), &first.to_lowercase()),
        Operator::Like => like(&have.show(), first),
        Operator::NotLike if fold => *have != Value::Null && !like(&have.show().to_lowercase(), &first.to_lowercase()),
        Operator::NotLike => *have != Value::Null && !like(&have.show(), first),
        Operator::IsNull => *have == Value::Null,
        Operator::IsNotNull => *have != Value::Null,
    })
}

/// `%` stands for any run, `_` for one character.
pub fn like(text: &str, pattern: &str) -> bool {
    // By far the most frequent form: a text anywhere.
    if let Some(part) = pattern.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'))
        && !part.contains(['%', '_'])
    {
        return text.contains(part);
    }
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                back = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == '_' || Some(wanted) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((percent, from)) => {
                    back = Some((percent, from + 1));
                    p = percent + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_any_run_and_underscore_one_character() {
        for (text, pattern, expected) in [
            ("Glass [TG-AB-0]", "%[TG-AB-%", true),
            ("Glass", "G_ass", true),
            ("Glass", "G_s", false),
            ("", "%", true),
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("aab", "%ab", true),
            ("ab%", "ab", false),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} like {pattern}");
        }
    }

    #[test]
    fn a_mark_in_a_pattern_begins_with_its_letters() {
        assert_eq!(super::super::ledger::marks_in("%TG-ABCDEFGH2345-%").next(), Some("TG-ABCDEFGH2345-"));
    }

    /// The definition, letter by letter.
    fn slow(text: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|skip| slow(&text[skip..], rest)),
            Some((wanted, rest)) => {
                text.split_first().is_some_and(|(first, tail)| (*wanted == '_' || wanted == first) && slow(tail, rest))
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn like_is_what_its_definition_says(text in "[abå]{0,8}", pattern in "[abå%_]{0,6}") {
            let (letters, wanted): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
            proptest::prop_assert_eq!(like(&text, &pattern), slow(&letters, &wanted));
        }
    }
}
