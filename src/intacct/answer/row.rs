//! A row of a query, small: two allocations, and the column names shared with the rows before it.

use std::sync::Arc;

/// One object of a `data` element. Fields inside of fields are not kept.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Row {
    columns: Arc<[Box<str>]>,
    ends: Box<[u32]>,
    text: Box<str>,
}

impl Row {
    /// A row of these fields.
    pub fn new<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Row {
        let mut builder = RowBuilder::default();
        for (name, value) in fields {
            builder.push(name, value);
        }
        builder.finish()
    }

    /// The value of a field; empty text for null, `None` if the field is not there.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.columns.iter().position(|column| &**column == name)?;
        self.value(at)
    }

    /// The value of a field, trimmed; `None` if it is not there or blank.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Names and values, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().enumerate().filter_map(|(at, name)| Some((&**name, self.value(at)?)))
    }

    fn value(&self, at: usize) -> Option<&str> {
        let start = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start as usize..*self.ends.get(at)? as usize)
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.fields().map(|(name, value)| match is_payment(name) && !value.is_empty() {
                true => (name, "…".to_owned()),
                false => (name, crate::model::safe(value).into_owned()),
            }))
            .finish()
    }
}

/// Whether a field says where or to whom money goes: such a value is never printed.
fn is_payment(name: &str) -> bool {
    ["ACH", "BANK", "PAYTO", "PAYMETHOD", "PRINTAS"].into_iter().any(|part| name.contains(part))
}

/// Builds rows one after another; as long as they have the same fields in the same order, they share the names.
#[derive(Default)]
pub(super) struct RowBuilder {
    shared: Arc<[Box<str>]>,
    /// Own names, once this row has left the common way.
    own: Option<Vec<Box<str>>>,
    ends: Vec<u32>,
    text: String,
}

impl RowBuilder {
    /// The next field of the row.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        let at = self.ends.len();
        match &mut self.own {
            Some(own) => own.push(name.into()),
            None if self.shared.get(at).is_some_and(|known| &**known == name) => {}
            None => {
                let mut own: Vec<Box<str>> = self.shared.iter().take(at).cloned().collect();
                own.push(name.into());
                self.own = Some(own);
            }
        }
        self.text.push_str(value);
        // A document is far smaller than 4 GiB.
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// The row; the builder is ready for the next.
    pub(super) fn finish(&mut self) -> Row {
        let columns = match self.own.take() {
            Some(own) => own.into(),
            None if self.ends.len() == self.shared.len() => Arc::clone(&self.shared),
            None => self.shared.iter().take(self.ends.len()).cloned().collect(),
        };
        self.shared = Arc::clone(&columns);
        let row = Row { columns, ends: self.ends.as_slice().into(), text: self.text.as_str().into() };
        self.ends.clear();
        self.text.clear();
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_says_where_money_goes_is_not_printed() {
        let row = Row::new([("VENDORID", "V-1"), ("ACHACCOUNTNUMBER", "99004821"), ("ACHBANKROUTINGNUMBER", "")]);
        let shown = format!("{row:?}");
        assert_eq!(shown, r#"{"VENDORID": "V-1", "ACHACCOUNTNUMBER": "…", "ACHBANKROUTINGNUMBER": ""}"#);
    }

    proptest! {
        #[test]
        fn every_row_gives_back_its_fields_whatever_came_before(
            rows in proptest::collection::vec(proptest::collection::vec(("[A-C]{1,2}", any::<String>()), 0..6), 0..6)
        ) {
            let mut builder = RowBuilder::default();
            for fields in rows {
                for (name, value) in &fields {
                    builder.push(name, value);
                }
                let row = builder.finish();
                let read: Vec<(String, String)> = row.fields().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                prop_assert_eq!(read, fields);
            }
        }
    }
}
