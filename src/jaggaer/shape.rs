//! What of a document a profile asks for. The rest is checked to be JSON and passed over: it is most of a document.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::path::Path;
use super::profile::{Profile, SplitStyle};

/// The members that lead to a value which some path asks for; arrays on the way do not count, as in [`Path`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    whole: bool,
    ignore_case: bool,
    /// Only ever looked up, for each member of every document.
    members: HashMap<String, Shape, BuildHasherDefault<Letters>>,
}

impl Shape {
    /// What a profile reads of an invoice document.
    pub(super) fn of_invoice(p: &Profile) -> Shape {
        let mut document = Shape::default();
        let c = &p.charges;
        let custom = |node: &mut Shape| {
            if let Some(items) = &p.custom.items {
                node.at(Some(items)).ask(&p.custom.key).ask(p.custom.value.as_slice());
            }
        };
        let splits = |node: &mut Shape| {
            let s = &p.splits;
            if s.style != SplitStyle::None {
                let set = node.at(s.groups.as_ref()).at(s.sets.as_ref());
                set.ask(&s.kind);
                let item = set.at(s.items.as_ref()).ask(&s.kind).ask(&s.share).ask(&s.index);
                match &s.values {
                    Some(values) => drop(item.at(Some(values)).ask(&s.key).ask(&s.value)),
                    // Flat splits: every member is a segment.
                    None => item.whole = true,
                }
            }
        };
        let charges = |node: &mut Shape, tax: &[Path]| {
            node.ask(&c.freight).ask(&c.handling).ask(&c.discount).ask(tax);
            if let Some(fees) = &c.fees {
                node.at(Some(fees)).ask(&c.fee_name).ask(&c.fee_amount);
            }
        };

        let header = document.at(p.invoices.header.as_ref());
        let f = &p.fields;
        for paths in [&f.id, &f.stamp, &f.number, &f.buyer_number, &f.invoice_date, &f.due_date, &f.posting_date] {
            header.ask(paths);
        }
        header.ask(&f.entity).ask(&f.supplier_number).ask(&f.supplier_network_id).ask(&f.supplier_name).ask(&f.terms);
        header.ask(&f.total).ask(&f.total_currency).ask(&f.currency).ask(&f.po_number).ask(&p.credit.kind);
        header.ask(&p.status.payment).ask(&p.status.workflow).ask(&p.status.matching).ask(&c.use_tax);
        custom(header);
        splits(header);
        charges(header, &c.tax_header);

        if let Some(lines) = &p.invoices.lines {
            let line = document.at(Some(lines));
            let l = &p.lines;
            line.ask(&l.number).ask(&l.description).ask(&l.quantity).ask(&l.unit).ask(&l.unit_price).ask(&l.amount);
            line.ask(&l.currency).ask(&l.taxable).ask(&l.po_number).ask(&l.po_line).ask(&l.entity);
            custom(line);
            splits(line);
            charges(line, &c.tax_line);
        }
        document
    }

    /// Whether everything below is asked for.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// How many members to make room for.
    pub(super) fn width(&self) -> usize {
        self.members.len()
    }

    /// What is asked for inside a member; `None` if nothing is.
    pub(super) fn member(&self, name: &str) -> Option<&Shape> {
        match self.ignore_case {
            true => self.members.get(&name.to_ascii_lowercase()),
            false => self.members.get(name),
        }
    }

    /// All values of paths, whatever they are.
    fn ask(&mut self, paths: &[Path]) -> &mut Shape {
        for path in paths {
            self.at(Some(path)).whole = true;
        }
        self
    }

    /// The place of a path; the place itself without one.
    fn at(&mut self, path: Option<&Path>) -> &mut Shape {
        let Some(path) = path else { return self };
        let Some((names, ignore_case)) = path.names() else {
            // A path with filters may look at anything.
            self.whole = true;
            return self;
        };
        names.fold(self, |place, name| {
            place.ignore_case = ignore_case;
            let name = if ignore_case { name.to_ascii_lowercase() } else { name.to_owned() };
            place.members.entry(name).or_default()
        })
    }
}

/// Length, first and last letter tell nearly all names of a profile apart, at a glance.
#[derive(Default)]
struct Letters(u64);

impl Hasher for Letters {
    fn write(&mut self, name: &[u8]) {
        let letter = |byte: Option<&u8>| byte.map_or(0, |byte| u64::from(*byte));
        let seen = (name.len() as u64) << 16 | letter(name.first()) << 8 | letter(name.last());
        self.0 = (self.0 ^ seen).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u8(&mut self, _end: u8) {}

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
