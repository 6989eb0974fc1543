//! The room as a whole, on masters in memory.

use crate::model::{MasterField, MasterSupplier, PaymentMarks, Text};

/// A supplier with these values.
pub fn supplier(id: &str, number: &str, values: &[(MasterField, &str)]) -> MasterSupplier {
    MasterSupplier {
        id: Text::new(id),
        number: Text::new(number),
        values: values.iter().map(|(field, value)| (*field, Text::new(*value))).collect(),
        merged_into: None,
        modified: None,
        token: None,
        payment: PaymentMarks::default(),
    }
}
