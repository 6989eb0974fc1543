//! By what right a value was overwritten: it was agreed on before, a person decided, or a policy says so and the trail tells it.

use std::collections::BTreeSet;

use tollgate::model::{FieldPolicy, MasterField, Side, Timestamp};

use crate::agreement::{Court, Told};
use crate::history::{By, Says, Write, at, last_agreed, same, was_said};
use crate::lock;
use crate::world::READ_LAG;

/// So long what one side said may be what is known of it, where it is read now and then and with trouble.
const UNREAD: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

impl Court<'_> {
    /// Whose value a write overwrote, and by what right.
    pub fn writing(&self, write: &Write) -> Result<(), String> {
        let field = write.field.field;
        let history = self.histories.of(write.side, write.record, field);
        let Some(now) = history.get(write.place) else { return Ok(()) };
        let others = self.others(write);
        if others.is_empty() {
            return Err("it belongs to no supplier".to_owned());
        }
        let mut why = String::new();
        for (supplier, other) in others {
            let before = write.place.checked_sub(1).and_then(|place| history.get(place));
            match self.right(write, (before, now), supplier, other) {
                Ok(()) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    /// The other side of a write: each supplier that it may be of, and the record there.
    fn others(&self, write: &Write) -> Vec<(u64, u64)> {
        let gateway = self.world.wires.gateway();
        let named = |told: &Told, vendor: &str| told.facts.get("vendor").is_some_and(|id| id == vendor);
        if write.side == Side::Intacct {
            let linked = self.told.iter().filter(|(_, told)| told.iter().any(|told| named(told, &write.vendor)));
            let mut found: BTreeSet<u64> = linked.map(|(id, _)| *id).collect();
            found.extend(self.histories.numbered(&write.vendor));
            return found.into_iter().map(|id| (id, id)).collect();
        }
        let mut ids: BTreeSet<&str> =
            self.histories.numbers.get(&write.record).into_iter().flatten().map(|number| number.trim()).collect();
        for told in self.told.get(&write.record).into_iter().flatten() {
            ids.extend(told.facts.get("vendor").map(String::as_str));
        }
        let records = |id: &&str| -> BTreeSet<u64> {
            let changes = gateway.vendor_changes().iter().filter(|change| change.vendor_id == **id);
            let first = self.partners.first_vendors.get(*id).map(|vendor| vendor.record_no);
            changes.map(|change| change.record_no).chain(first).collect()
        };
        ids.iter().flat_map(records).map(|record| (write.record, record)).collect()
    }

    fn right(
        &self,
        write: &Write,
        (before, now): (Option<&Says>, &Says),
        supplier: u64,
        other: u64,
    ) -> Result<(), String> {
        let field = write.field.field;
        let there = self.histories.of(write.side.other(), other, field);
        let empty = Vec::new();
        let told = self.told.get(&supplier).unwrap_or(&empty);
        let decided = |from: u64| {
            told.iter().any(|it| {
                it.event == "pair_resolved"
                    && it.number >= from
                    && it.facts.get(field.word()).is_some_and(|value| same(field, value, &now.value))
            })
        };
        let begin = there.first().map_or(now.from, |says| says.from);
        // A new vendor is active, whatever nobody says.
        let creates = before.is_none();
        let active = creates && field == MasterField::Status && now.value == "active";
        if !was_said(there, field, &now.value, (begin, now.from)) && !decided(0) && !active {
            return Err("nobody ever said that".to_owned());
        }
        let Some(before) = before else { return Ok(()) };
        if matches!(before.by, By::Program(_)) {
            return Ok(());
        }
        let since = self.entries_until(before.from);
        let retried = told.iter().any(|it| it.event == "write_retried" && it.number >= since);
        if decided(since) || retried {
            return Ok(());
        }
        if self.is_paid_at_address(write, field) {
            return Err("cheques go to that address, and nobody decided".to_owned());
        }
        if let (Side::Intacct, By::Program(Some(control))) = (write.side, &now.by)
            && before.from
                > self.looked(control, &write.vendor, now.from) - jiff::SignedDuration::try_from(READ_LAG).unwrap()
        {
            return Ok(());
        }
        if self.is_hidden(write, before) {
            return Ok(());
        }
        // What both said last, one of them changed since.
        let history = self.histories.of(write.side, write.record, field);
        let agreed = last_agreed(history.get(..write.place).unwrap_or_default(), there, field, now.from);
        let said_by_both = was_said(there, field, &before.value, (before.from - UNREAD, now.from));
        if said_by_both || agreed.as_ref().is_some_and(|(agreed, _)| same(field, agreed, &before.value)) {
            return Ok(());
        }
        let met = |it: &&Told| matches!(it.event.as_str(), "pair_linked" | "vendor_created");
        let linked = told.iter().find(met).map_or(u64::MAX, |it| it.number);
        let first = since <= linked || before.by == By::Beginning;
        // Where they meet, who says nothing gets the other's value: what both said before is known to nobody. And one side may have
        // been read before it said something else.
        let known = agreed.is_some_and(|(_, until)| self.entries_until(until) > linked);
        if before.value.trim().is_empty() && (first || !known) {
            return Ok(());
        }
        if first && was_said(there, field, &before.value, (begin, now.from)) {
            return Ok(());
        }
        self.overruled(write, (before, now), there, told, since)
    }

    /// Whether a person typed what stood there before while nobody could tell whether a write had taken effect, or before a reading
    /// could show that it had: then it seems never to have done so.
    fn is_hidden(&self, write: &Write, typed: &Says) -> bool {
        let history = self.histories.of(write.side, write.record, write.field.field);
        let earlier = history.get(..write.place).unwrap_or_default();
        let seen = |from: Timestamp| typed.from > from + jiff::SignedDuration::try_from(READ_LAG).unwrap();
        earlier.windows(2).any(|pair| {
            matches!(&pair[1].by, By::Program(Some(control)) if self.was_unclear(control) || !seen(pair[1].from))
                && same(write.field.field, &pair[0].value, &typed.value)
        })
    }

    /// The trail of whoever a write may be of, for whoever looks into a failed world.
    pub fn trails(&self, write: &Write) -> String {
        let all: Vec<String> = self.others(write).into_iter().map(|(supplier, _)| self.trail_of(supplier)).collect();
        let line = |side, record| {
            let says = self.histories.of(side, record, write.field.field).iter();
            says.map(|says| {
                format!(
                    "  {:?} {} at entry {}: {:?} `{}`\n",
                    side,
                    says.from,
                    self.entries_until(says.from),
                    says.by,
                    says.value
                )
            })
            .collect::<String>()
        };
        let sides: Vec<String> =
            self.others(write).into_iter().map(|(_, other)| line(write.side.other(), other)).collect();
        format!(
            "{} {}:\n{}{}{}",
            write.record,
            write.vendor,
            line(write.side, write.record),
            sides.join("\n"),
            all.join("\n")
        )
    }

    pub fn trail_of(&self, supplier: u64) -> String {
        let told = self.told.get(&supplier).into_iter().flatten();
        let lines =
            told.map(|told| format!("{supplier} {} {}: {} {:?}\n", told.number, told.event, told.what, told.facts));
        format!("trail of {supplier}:\n{}", lines.collect::<String>())
    }

    /// A value may be overwritten by a policy if both sides had changed it, and the trail tells which one.
    fn overruled(
        &self,
        write: &Write,
        (before, now): (&Says, &Says),
        there: &[Says],
        told: &[Told],
        since: u64,
    ) -> Result<(), String> {
        let (field, winner) = (write.field.field, write.side.other());
        let policy = self.partners.policies.get(&field).copied().unwrap_or(field.default_policy());
        let fits = match policy {
            FieldPolicy::Jaggaer => winner == Side::Jaggaer,
            FieldPolicy::Intacct => winner == Side::Intacct,
            FieldPolicy::Newest => true,
            FieldPolicy::Ask => false,
        };
        if !fits && !self.orders.always.contains(&(field, winner)) {
            return Err("neither a policy nor a person said so".to_owned());
        }
        let (begin, end) =
            (format!("{}: the policy overwrites `", field.label()), format!("` of {}", write.side.label()));
        let named = |it: &&Told| {
            let value = it.what.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end));
            it.event == "value_overwritten"
                && it.number >= since
                && value.is_some_and(|value| same(field, value, &before.value))
        };
        if !told.iter().any(|it| named(&it)) {
            return Err("the trail does not tell it".to_owned());
        }
        // Of the status a policy decides also where one side alone changed it.
        if field == MasterField::Status {
            return Ok(());
        }
        // Both sides said what stands there now, the program knew it, and one side alone changed since.
        let history = self.histories.of(write.side, write.record, field);
        let earlier = write.place.checked_sub(2).and_then(|place| history.get(place));
        let (Some(earlier), Some(other)) = (earlier, at(there, now.from)) else { return Ok(()) };
        if same(field, &earlier.value, &other.value) && other.from < before.from {
            let from = self.entries_until(earlier.from.max(other.from));
            let knew = |it: &&Told| match it.event.as_str() {
                "pair_linked" => earlier.by == By::Beginning && other.by == By::Beginning,
                "vendor_created" | "master_changed" => {
                    it.facts.get(field.word()).is_some_and(|value| same(field, value, &other.value))
                }
                _ => false,
            };
            if told.iter().any(|it| knew(&it) && it.number >= from && it.number < since) {
                return Err("both had agreed, and one side alone changed it".to_owned());
            }
        }
        Ok(())
    }

    /// When a vendor was looked at last before the function was sent that took effect at this moment.
    fn looked(&self, control: &str, vendor: &str, effect: Timestamp) -> Timestamp {
        let sent = lock(&self.world.wires.posts).get(control).cloned().unwrap_or_default();
        let sent = sent.into_iter().filter(|sent| *sent <= effect).max().unwrap_or(effect);
        let name = format!(">{vendor}<");
        let looks = lock(&self.world.wires.looks);
        looks.iter().filter(|(at, body)| *at <= sent && body.contains(&name)).map(|(at, _)| *at).max().unwrap_or(sent)
    }

    /// How many entries the trail had at a moment.
    pub fn entries_until(&self, moment: Timestamp) -> u64 {
        let chapters = &self.world.chapters;
        let exact = chapters.iter().rev().find(|(at, _)| *at == moment);
        exact.or_else(|| chapters.iter().find(|(at, _)| *at > moment)).map_or(u64::MAX, |(_, count)| *count)
    }

    /// Whether cheques went to the address of a vendor all the time.
    fn is_paid_at_address(&self, write: &Write, field: MasterField) -> bool {
        let address =
            matches!(field, MasterField::Address1 | MasterField::City | MasterField::Zip | MasterField::State);
        let gateway = self.world.wires.gateway();
        let by_cheque = |vendor: &&tollgate::simulator::gateway::Vendor| vendor.pay_method == "Printed Check";
        let now = gateway.masters().vendors.get(&write.vendor).filter(by_cheque);
        let before = self.partners.first_vendors.get(&write.vendor).filter(by_cheque);
        write.side == Side::Intacct
            && address
            && now.is_some()
            && before.is_some_and(|one| one.record_no == write.record)
    }
}
