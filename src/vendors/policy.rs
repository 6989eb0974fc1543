//! Who decides a field: what is configured, what persons made a rule of since, and the defaults.

use crate::model::{FieldPolicy, MASTER_FIELDS, MasterField};

/// Who decides each field, and who decides that a supplier or vendor goes inactive or becomes active again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policies {
    fields: [FieldPolicy; MASTER_FIELDS],
    inactive: FieldPolicy,
    /// Fields that JAGGAER does not take.
    left: [bool; MASTER_FIELDS],
}

impl Default for Policies {
    fn default() -> Self {
        Policies {
            fields: MasterField::ALL.map(MasterField::default_policy),
            inactive: FieldPolicy::Ask,
            left: [false; MASTER_FIELDS],
        }
    }
}

impl Policies {
    /// The defaults, with what is configured in their place: for fields, and for going inactive.
    pub fn new(
        configured: impl IntoIterator<Item = (MasterField, FieldPolicy)>,
        inactive: Option<FieldPolicy>,
    ) -> Self {
        let mut policies = Policies::default();
        for (field, policy) in configured {
            policies.set(field, policy);
        }
        policies.inactive = inactive.unwrap_or(policies.inactive);
        policies
    }

    /// A rule that a person made of a decision: it goes before what is configured. One about the status is also one about going
    /// inactive, because that is what the person saw.
    #[must_use]
    pub fn overridden(mut self, overrides: impl IntoIterator<Item = (MasterField, FieldPolicy)>) -> Self {
        for (field, policy) in overrides {
            self.set(field, policy);
            if field == MasterField::Status {
                self.inactive = policy;
            }
        }
        self
    }

    /// Without these fields at JAGGAER: its interface does not take them, so what should go there is left.
    #[must_use]
    pub fn leaving(mut self, fields: impl IntoIterator<Item = MasterField>) -> Self {
        for field in fields {
            if let Some(place) = self.left.get_mut(field as usize) {
                *place = true;
            }
        }
        self
    }

    /// Whether JAGGAER takes the field, if it can be written at all.
    pub fn goes_to_jaggaer(&self, field: MasterField) -> bool {
        !self.left.get(field as usize).copied().unwrap_or(true)
    }

    /// Who decides a field that both sides changed, or on which they differ at their first meeting.
    pub fn of(&self, field: MasterField) -> FieldPolicy {
        self.fields.get(field as usize).copied().unwrap_or(FieldPolicy::Ask)
    }

    /// Who decides where one side went inactive, or became active again.
    pub fn inactive(&self) -> FieldPolicy {
        self.inactive
    }

    fn set(&mut self, field: MasterField, policy: FieldPolicy) {
        if let Some(place) = self.fields.get_mut(field as usize) {
            *place = policy;
        }
    }

    /// The same with the sides exchanged.
    #[cfg(test)]
    pub fn swapped(&self) -> Policies {
        let swap = |policy| match policy {
            FieldPolicy::Jaggaer => FieldPolicy::Intacct,
            FieldPolicy::Intacct => FieldPolicy::Jaggaer,
            other => other,
        };
        Policies { fields: self.fields.map(swap), inactive: swap(self.inactive), left: self.left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_made_of_a_decision_goes_before_the_configuration_and_that_before_the_default() {
        let configured = [(MasterField::Name, FieldPolicy::Intacct), (MasterField::Phone, FieldPolicy::Newest)];
        let policies = Policies::new(configured, None).overridden([(MasterField::Name, FieldPolicy::Ask)]);
        assert_eq!(policies.of(MasterField::Name), FieldPolicy::Ask);
        assert_eq!(policies.of(MasterField::Phone), FieldPolicy::Newest);
        assert_eq!(policies.of(MasterField::Terms), FieldPolicy::Intacct);
        assert_eq!(policies.inactive(), FieldPolicy::Ask);
    }

    #[test]
    fn always_said_about_a_status_also_holds_for_going_inactive() {
        let policies = Policies::new([], None).overridden([(MasterField::Status, FieldPolicy::Jaggaer)]);
        assert_eq!(policies.inactive(), FieldPolicy::Jaggaer);
        assert_eq!(Policies::new([(MasterField::Status, FieldPolicy::Jaggaer)], None).inactive(), FieldPolicy::Ask);
    }
}
