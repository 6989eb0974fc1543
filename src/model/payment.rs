//! Bank and payment data as they were read: on their way to being marked, and nowhere else.

use std::fmt;

use super::{PAYMENT_ITEMS, PaymentItem, PaymentMark, PaymentMarks, Secret};

/// Payment values of one side as they stand there; `None` where the system does not offer the item or nothing stands in it.
/// They can be neither printed nor written down, and are zeroed when dropped: [`PaymentValues::marked`] is the only way on.
#[derive(Clone, Default)]
pub struct PaymentValues([Option<Secret>; PAYMENT_ITEMS]);

impl PaymentValues {
    /// Sets a value; a blank one is none.
    pub fn set(&mut self, item: PaymentItem, value: &str) {
        let value = value.trim();
        if let Some(place) = self.0.get_mut(item as usize) {
            *place = (!value.is_empty()).then(|| Secret::new(value.to_owned()));
        }
    }

    /// A value, for whoever marks it.
    pub fn get(&self, item: PaymentItem) -> Option<&str> {
        self.0.get(item as usize)?.as_ref().map(Secret::expose)
    }

    /// The marks that may be kept; `mark` is keyed by whoever keeps them.
    pub fn marked(&self, mark: impl Fn(PaymentItem, &str) -> PaymentMark) -> PaymentMarks {
        let mut marks = PaymentMarks::default();
        for item in PaymentItem::ALL {
            marks.set(item, self.get(item).map(|value| mark(item, value)));
        }
        marks
    }
}

/// Says which items there are, never what they say.
impl fmt::Debug for PaymentValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(PaymentItem::ALL.into_iter().filter(|item| self.get(*item).is_some())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Text;

    #[test]
    fn a_payment_value_leaves_only_as_a_mark() {
        let mut values = PaymentValues::default();
        values.set(PaymentItem::Account, " 99004821 ");
        values.set(PaymentItem::Iban, "  ");
        let marks = values.marked(|_, value| {
            let masked = Text::new(format!("••••{}", value.get(value.len() - 4..).unwrap()));
            PaymentMark { masked, digest: [7; 16] }
        });
        assert_eq!(marks.get(PaymentItem::Account).unwrap().masked.raw(), "••••4821");
        assert_eq!(marks.get(PaymentItem::Iban), None);
        assert_eq!(format!("{values:?}"), "[Account]");
    }
}
