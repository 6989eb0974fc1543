//! Reads the conditions of a rule, each value in the type of its field.

use toml::de::DeValue;

use super::condition::{Condition, Literal, Pattern, Tests};
use super::fault::Wrong;
use super::field::{Field, FieldType, parse_date};
use super::reader::{Item, Reader, at};
use crate::model::{Amount, Currency, Date};

impl Reader<'_> {
    /// All conditions of a rule; those with faults are left out.
    pub(super) fn when(&mut self, item: &Item<'_>, key: &str) -> Vec<Condition> {
        let Some(table) = item.get_ref().as_table() else {
            let what = "must name fields: `when = { \"line.kind\" = \"freight\" }`";
            self.faults.at(at(item), format!("{key}, when"), Wrong::new(what));
            return Vec::new();
        };
        let mut conditions = Vec::new();
        for (name, value) in table.iter() {
            let place = format!("{key}, when \"{}\"", name.get_ref());
            let field = match Field::parse(name.get_ref(), &mut self.raw_paths) {
                Ok(field) => field,
                Err(mut wrong) => {
                    let groups = ["line", "split", "supplier", "dates", "custom", "raw"];
                    if groups.contains(&&**name.get_ref()) && value.get_ref().is_table() {
                        wrong = Wrong::new("write the whole field in quotes: `\"line.kind\" = …`");
                    }
                    self.faults.at(name.span().start, place, wrong);
                    continue;
                }
            };
            let Some(tests) = self.tests(value, &field, &place) else { continue };
            let condition = Condition { field, name: name.get_ref().as_ref().into(), tests };
            if let Some(what) = condition.contradiction() {
                self.faults.at(at(value), place, Wrong::new(what));
            }
            conditions.push(condition);
        }
        conditions
    }

    /// `None` after a fault.
    fn tests(&mut self, item: &Item<'_>, field: &Field, place: &str) -> Option<Tests> {
        let mut tests = Tests::default();
        let Some(table) = item.get_ref().as_table() else {
            if item.get_ref().is_array() {
                self.faults.at(at(item), place, Wrong::new("for several values write `{ one_of = [ … ] }`"));
                return None;
            }
            tests.equal = Some(self.literal(item, field, place)?);
            return Some(tests);
        };
        let mut well = self.known_keys(table, place, &["equal", "one_of", "not", "glob", "from", "to", "present"]);
        for (word, value) in table.iter() {
            let place = format!("{place}, {}", word.get_ref());
            let literals = |reader: &mut Self| -> Option<Vec<Literal>> {
                let list = many(value);
                let read: Vec<_> = list.iter().filter_map(|one| reader.literal(one, field, &place)).collect();
                (read.len() == list.len()).then_some(read)
            };
            match &**word.get_ref() {
                "equal" => tests.equal = self.literal(value, field, &place),
                "one_of" if value.get_ref().as_array().is_none() => {
                    self.faults.at(at(value), &*place, Wrong::new("must be a list"));
                    well = false;
                }
                "one_of" => tests.one_of = literals(self),
                "not" => tests.not = literals(self).unwrap_or_default(),
                "glob" => {
                    for one in many(value) {
                        match one.get_ref().as_str().ok_or("must be a text".to_owned()).and_then(Pattern::parse) {
                            Ok(pattern) => tests.glob.push(pattern),
                            Err(what) => self.faults.at(at(one), &*place, Wrong::new(what)),
                        }
                    }
                }
                "from" => tests.from = self.bound(value, field, &place),
                "to" => tests.to = self.bound(value, field, &place),
                "present" => {
                    tests.present = value.get_ref().as_bool();
                    if tests.present.is_none() {
                        self.faults.at(at(value), &*place, Wrong::new("must be `true` or `false`"));
                    }
                }
                _ => {}
            }
        }
        if let (Some(from), Some(to)) = (&tests.from, &tests.to)
            && std::mem::discriminant(from) != std::mem::discriminant(to)
        {
            self.faults.at(at(item), place, Wrong::new("`from` and `to` must both be numbers or both be dates"));
            well = false;
        }
        if table.is_empty() {
            self.faults.at(at(item), place, Wrong::new("tests nothing; write a value or `{ present = true }`"));
            well = false;
        }
        (well && !tests.is_empty()).then_some(tests)
    }

    /// A value to compare a field with, of the field's own type.
    fn literal(&mut self, item: &Item<'_>, field: &Field, place: &str) -> Option<Literal> {
        let value = item.get_ref();
        let text = value.as_str();
        let read = match field.field_type() {
            FieldType::Text => text
                .map(|text| Literal::Text(text.into()))
                .ok_or_else(|| Wrong::new("must be a text: write it in quotes, so that no zero is lost")),
            FieldType::Number => number(value).map(Literal::Number).ok_or_else(|| Wrong::new("must be a number")),
            FieldType::Date => {
                date(value).map(Literal::Date).ok_or_else(|| Wrong::new("must be a date such as 2026-12-31"))
            }
            FieldType::Bool => match value.as_bool().or(text.and_then(|text| text.parse().ok())) {
                Some(bool) => Ok(Literal::Bool(bool)),
                None => Err(Wrong::new("must be `true` or `false`")),
            },
            FieldType::Currency => match text.and_then(Currency::parse) {
                Some(currency) => Ok(Literal::Text(currency.code().into())),
                None => Err(Wrong::new("must be a currency code of three letters")),
            },
            FieldType::Word(words) => {
                let word = text.unwrap_or("");
                let known = words.contains(&word).then(|| Literal::Text(word.into()));
                known.ok_or_else(|| {
                    Wrong::unknown(format!("must be one of {}", words.join(", ")), word, words.iter().copied())
                })
            }
        };
        read.map_err(|wrong| self.faults.at(at(item), place, wrong)).ok()
    }

    /// A bound of `from` or `to`: a number or a date, also for fields of text.
    fn bound(&mut self, item: &Item<'_>, field: &Field, place: &str) -> Option<Literal> {
        let value = item.get_ref();
        match field.field_type() {
            FieldType::Number | FieldType::Date => self.literal(item, field, place),
            FieldType::Text => {
                let read = number(value).map(Literal::Number).or_else(|| date(value).map(Literal::Date));
                if read.is_none() {
                    self.faults.at(at(item), place, Wrong::new("must be a number or a date"));
                }
                read
            }
            _ => {
                let what = "this field has no order; use a plain value or `one_of`";
                self.faults.at(at(item), place, Wrong::new(what));
                None
            }
        }
    }
}

/// The items of a list, or the one item itself.
fn many<'t, 'i>(item: &'t Item<'i>) -> Vec<&'t Item<'i>> {
    match item.get_ref().as_array() {
        Some(list) => list.iter().collect(),
        None => vec![item],
    }
}

/// A number from TOML's own digits: never through a float.
fn number(value: &DeValue<'_>) -> Option<Amount> {
    match value {
        DeValue::Integer(number) if number.radix() == 10 => Amount::parse(number.as_str()),
        DeValue::Float(number) => Amount::parse(number.as_str()),
        DeValue::String(text) => Amount::parse(text),
        _ => None,
    }
}

fn date(value: &DeValue<'_>) -> Option<Date> {
    match value {
        DeValue::Datetime(datetime) => parse_date(&datetime.date?.to_string()),
        DeValue::String(text) => parse_date(text),
        _ => None,
    }
}
