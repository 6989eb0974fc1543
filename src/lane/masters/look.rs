//! Reading the vendors of writes.

use std::collections::BTreeMap;

use crate::intacct::vendor::{VendorForm, vendor};
use crate::intacct::{Gateway, ReadError};
use crate::model::{MasterVendor, MasterWrite};
use crate::vault::PaymentMarker;
use crate::vendors::{Comparing, Seen};

/// How vendors are read and compared.
#[derive(Clone, Debug)]
pub struct VendorTools {
    /// What is asked for and written.
    pub form: VendorForm,
    /// What is no difference.
    pub comparing: Comparing,
    /// Marks payment values.
    pub marker: PaymentMarker,
}

/// Vendors as they are now.
pub struct Look {
    vendors: BTreeMap<String, MasterVendor>,
    unreadable: Option<String>,
}

impl Look {
    /// Reads the vendors of these writes.
    pub async fn take<'w>(
        gateway: &Gateway,
        tools: &VendorTools,
        writes: impl Iterator<Item = &'w MasterWrite>,
    ) -> Result<Self, ReadError> {
        let mut ids: Vec<&str> = writes.map(|write| write.target.raw()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut look = Look { vendors: BTreeMap::new(), unreadable: None };
        for row in gateway.query_all(&tools.form.by_ids(ids)).await? {
            match vendor(&row) {
                Ok(found) => {
                    let found = found.marked(|item, value| tools.marker.mark(item, value));
                    look.vendors.insert(found.id.raw().to_owned(), found);
                }
                Err(fault) => look.unreadable = Some(fault.to_string()),
            }
        }
        Ok(look)
    }

    /// The vendor of a write; `None`: there is none.
    ///
    /// # Errors
    /// It was not seen, and a row that cannot be read may be it.
    pub fn of(&self, write: &MasterWrite) -> Result<Option<Seen>, String> {
        match (self.vendors.get(write.target.raw()), &self.unreadable) {
            (Some(found), _) => Ok(Some(Seen::Vendor(found.clone()))),
            (None, None) => Ok(None),
            (None, Some(why)) => Err(why.clone()),
        }
    }
}
