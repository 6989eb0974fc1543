//! Both remote systems, for the demo, for trying a configuration and for the tests: strict about what is publicly known
//! of them, seeded, with a ledger that can be read back.
//!
//! | module | what lives there |
//! |---|---|
//! | [`gateway`] | the Intacct XML gateway as a state machine without sockets and without a clock |
//! | [`procurement`] | JAGGAER's J1P interface (tokens, invoice list, invoice detail), likewise |
//! | [`disk`] | a disk that fails, fills and forgets, for a store |
//! | [`faults`] | what can go wrong, and when it shall |
//! | [`server`] | both over real HTTP/1.1 on loopback, and an interface to look inside |
//! | [`world`] | the data: masters, invoices, and what must come of each, decided by the generator |
//! | [`judge`] | compares ledger and product with what must come out |
//!
//! Nothing in here uses any other room of the product, and no other room's encoder, decoder or types are used here: a
//! misunderstanding in one cannot hide behind the same misunderstanding in the other.

pub mod disk;
pub mod faults;
pub mod gateway;
pub mod judge;
pub mod procurement;
pub mod server;
pub mod wire;
pub mod world;
