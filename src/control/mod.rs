//! Carries [`messages`](crate::messages) between an engine and its faces: inside one process, or over the Unix socket.
//!
//! Floor 4. It knows messages, model and seams; it never looks into a store or an engine. Over the socket go lines of JSON
//! ([`frame`]); who is behind a connection is what the operating system says ([`person`]), what that person may do is decided
//! by the server ([`access`]), never by the client.

mod access;
mod client;
mod frame;
mod in_process;
mod person;
mod server;
mod socket;

pub use access::{Access, Role};
pub use client::{Attached, ConnectError};
pub use frame::MAX_FRAME;
pub use in_process::InProcess;
pub use person::{person_of, this_person};
pub use server::{Server, serve};
pub use socket::BindError;

#[cfg(test)]
mod fake;
