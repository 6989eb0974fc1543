//! The revision: a hash of what can reach a posting, in an encoding of its own that no library's release changes.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::model::{Amount, Date, Invoice, InvoiceKind, Revision, SplitShare, Text};

/// The revision of an invoice. Trailing zeros of numbers, the source's modification time and status words do not count.
pub fn revision_of(invoice: &Invoice) -> Revision {
    let mut w = Writer(Vec::with_capacity(4096));
    w.bytes(b"tollgate invoice 1");
    w.bytes(invoice.id.as_bytes());
    w.bytes(match invoice.kind {
        InvoiceKind::Invoice => b"invoice",
        InvoiceKind::CreditMemo => b"credit",
    });
    w.text(invoice.number.as_ref());
    w.text(invoice.buyer_number.as_ref());
    for date in [invoice.invoice_date, invoice.due_date, invoice.posting_date] {
        w.date(date);
    }
    w.text(invoice.entity.as_ref());
    w.text(invoice.supplier.number.as_ref());
    w.text(invoice.supplier.network_id.as_ref());
    w.text(invoice.supplier.name.as_ref());
    w.text(invoice.terms.as_ref());
    w.bytes(invoice.currency.as_ref().map_or("", |c| c.code()).as_bytes());
    w.amount(invoice.totals.total);
    w.map(&invoice.custom);
    w.count(invoice.lines.len());
    for line in &invoice.lines {
        w.count(line.number as usize);
        w.bytes(line.kind.word().as_bytes());
        w.text(line.description.as_ref());
        w.amount(line.quantity);
        w.text(line.unit.as_ref());
        w.amount(line.unit_price);
        w.amount(Some(line.amount));
        w.bytes(match line.taxable {
            None => b"",
            Some(true) => b"yes",
            Some(false) => b"no",
        });
        w.text(line.po.as_ref().map(|po| &po.number));
        w.text(line.po.as_ref().and_then(|po| po.line.as_ref()));
        w.map(&line.custom);
        w.count(line.splits.len());
        for split in &line.splits {
            let (word, figure): (&[u8], _) = match split.share {
                SplitShare::Whole => (b"whole", None),
                SplitShare::Percent(figure) => (b"percent", Some(figure)),
                SplitShare::Amount(figure) => (b"amount", Some(figure)),
                SplitShare::Quantity(figure) => (b"quantity", Some(figure)),
            };
            w.bytes(word);
            w.amount(figure);
            w.amount(Some(split.amount));
            w.map(&split.segments);
        }
    }
    let digest = Sha256::digest(&w.0);
    let mut first = [0u8; 16];
    for (to, from) in first.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    Revision(first)
}

/// Length before content, so that no two different invoices are the same bytes.
struct Writer(Vec<u8>);

impl Writer {
    fn count(&mut self, n: usize) {
        self.0.extend_from_slice(&(n as u64).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: Option<&Text>) {
        match text {
            Some(text) => self.bytes(text.raw().as_bytes()),
            None => self.count(usize::MAX),
        }
    }

    fn date(&mut self, date: Option<Date>) {
        match date {
            Some(date) => {
                self.0.extend_from_slice(&[1, date.month().unsigned_abs(), date.day().unsigned_abs()]);
                self.0.extend_from_slice(&date.year().to_le_bytes());
            }
            None => self.0.push(0),
        }
    }

    fn amount(&mut self, amount: Option<Amount>) {
        match amount {
            Some(amount) => {
                self.0.push(1);
                self.0.extend_from_slice(&amount.decimal().normalize().serialize());
            }
            None => self.0.push(0),
        }
    }

    fn map(&mut self, map: &BTreeMap<String, Text>) {
        self.count(map.len());
        for (key, value) in map {
            self.bytes(key.as_bytes());
            self.bytes(value.raw().as_bytes());
        }
    }
}
