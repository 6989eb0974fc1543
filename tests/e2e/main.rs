//! The real program as a process, with real sockets and files, against the simulated systems.

mod bad_input;
mod demo;
mod exit_codes;
mod faults;
mod fence;
mod kill;
mod observe;
mod people;
mod release;
mod restore;
mod secrets;
mod site;
mod vendors;
