//! The lane against the simulated gateway, and its parts for themselves.

mod apply;
mod audit;
mod branches;
mod classify;
mod fuzz;
mod lane;
mod masters;
mod scenarios;
mod sighting;
pub mod world;
