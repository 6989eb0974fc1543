//! Many ordinary invoices, for measuring and for long runs.

use super::demo::Maker;
use super::invoice::ItemLine;
use super::{World, long_ago};

impl World {
    /// So many invoices of so many lines each, without charges and without trouble: all must be posted.
    pub fn bulk(seed: u64, invoices: usize, lines: usize) -> World {
        let mut maker = Maker::new(World::empty(seed, "bulk"));
        for position in 0..invoices {
            let mut invoice = maker.plain();
            invoice.number = format!("B{seed}-{position:07}");
            invoice.updated = long_ago(position as i64 / 100);
            let mut template: Vec<ItemLine> = std::mem::take(&mut invoice.lines);
            let first = template.first().cloned().unwrap_or_default();
            template.resize(lines.max(1), first);
            invoice.lines = template;
            invoice = maker.without_charges(invoice);
            maker.posted(invoice, "one of many");
        }
        let mut world = maker.world;
        world.first_later = world.invoices.len() / 3;
        world.expected.add_up();
        world
    }
}
