//! The tables and their keys.
//!
//! Documents are numbered in the order of arrival, so between two jumps of the wall clock a range of numbers is a range of time:
//! `since` needs no index, only where the clock jumped back.

use redb::TableDefinition;

/// Document number → document.
pub const DOCUMENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("documents");
/// Document key → number.
pub const KEYS: TableDefinition<&str, u64> = TableDefinition::new("keys");
/// State, number: pages and the queue's order.
pub const STATES: TableDefinition<(u8, u64), ()> = TableDefinition::new("states");
/// Supplier number, document number.
pub const VENDORS: TableDefinition<(&str, u64), ()> = TableDefinition::new("vendors");
/// Natural key, document number: of those that occupy it.
pub const NATURAL: TableDefinition<(&str, u64), ()> = TableDefinition::new("natural");
/// Natural key, document number: of those held because another one here occupies it.
pub const RIVALS: TableDefinition<(&str, u64), ()> = TableDefinition::new("rivals");
/// Document number, raw version → sealed bytes.
pub const RAW: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("raw");
/// Document number, generation → frozen posting.
pub const FROZEN: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("frozen");
/// Documents to be evaluated.
pub const PENDING: TableDefinition<u64, ()> = TableDefinition::new("pending");
/// State → round, and from and up to which number its documents are to be evaluated as a whole.
pub const SWEEPS: TableDefinition<u8, (u64, u64, u64)> = TableDefinition::new("sweeps");
/// Entry number → hash and JSON text.
pub const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
/// Document number, entry number.
pub const AUDIT_BY_DOCUMENT: TableDefinition<(u64, u64), ()> = TableDefinition::new("audit_by_document");
/// Pair number, entry number.
pub const AUDIT_BY_PAIR: TableDefinition<(u64, u64), ()> = TableDefinition::new("audit_by_pair");
/// Kind, id → reference record.
pub const REFERENCE: TableDefinition<(u8, &str), &[u8]> = TableDefinition::new("reference");
/// Flow name → flow record.
pub const FLOWS: TableDefinition<&str, &[u8]> = TableDefinition::new("flows");
/// Idempotency key → what came of the order.
pub const ORDERS: TableDefinition<&str, &[u8]> = TableDefinition::new("orders");
/// State → count and totals.
pub const COUNTERS: TableDefinition<u8, &[u8]> = TableDefinition::new("counters");
/// State, reason, class → count and an example: what stands in front of a person, by cause.
pub const GROUPS: TableDefinition<(u8, u8, u8), (u64, u64)> = TableDefinition::new("groups");
/// Entity and month → closed period.
pub const PERIODS: TableDefinition<&str, &[u8]> = TableDefinition::new("periods");
/// Named single values.
pub const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Pair number → pair.
pub const PAIRS: TableDefinition<u64, &[u8]> = TableDefinition::new("pairs");
/// JAGGAER's id of the supplier → pair number.
pub const PAIR_SUPPLIERS: TableDefinition<&str, u64> = TableDefinition::new("pair_suppliers");
/// Supplier number without blanks around it, pair number.
pub const PAIR_NUMBERS: TableDefinition<(&str, u64), ()> = TableDefinition::new("pair_numbers");
/// JAGGAER's id of the supplier that it was merged into, pair number.
pub const PAIR_MERGED: TableDefinition<(&str, u64), ()> = TableDefinition::new("pair_merged");
/// VENDORID, pair number → whether it is linked; otherwise it is suggested.
pub const PAIR_VENDORS: TableDefinition<(&str, u64), bool> = TableDefinition::new("pair_vendors");
/// VENDORID, number of a pair that is linked with it: found also where many others have to do with the vendor.
pub const PAIR_LINKED: TableDefinition<(&str, u64), ()> = TableDefinition::new("pair_linked");
/// State, pair number.
pub const PAIR_STATES: TableDefinition<(u8, u64), ()> = TableDefinition::new("pair_states");
/// Side, pair number → step of the write to that side.
pub const PAIR_WRITES: TableDefinition<(u8, u64), u8> = TableDefinition::new("pair_writes");
/// Pairs with a bank alert that nobody has looked at → whether one of these is high.
pub const PAIR_ALERTED: TableDefinition<u64, bool> = TableDefinition::new("pair_alerted");
/// VENDORID, pair number: of those linked that hold their invoices.
pub const PAIR_BLOCKED: TableDefinition<(&str, u64), ()> = TableDefinition::new("pair_blocked");
/// Pairs to be evaluated.
pub const PAIR_PENDING: TableDefinition<u64, ()> = TableDefinition::new("pair_pending");
/// VENDORID → vendor.
pub const MASTER_VENDORS: TableDefinition<&str, &[u8]> = TableDefinition::new("master_vendors");
/// VENDORID of a vendor that is gone from Intacct → its RECORDNO: a vendor that comes under its id is another one or the same.
pub const GONE_VENDORS: TableDefinition<&str, &str> = TableDefinition::new("gone_vendors");
/// Matching key, side, id of the supplier or vendor.
pub const MASTER_MATCH: TableDefinition<(&str, u8, &str), ()> = TableDefinition::new("master_match");
/// Side, id → its matching keys.
pub const MASTER_KEYS: TableDefinition<(u8, &str), &[u8]> = TableDefinition::new("master_keys");
