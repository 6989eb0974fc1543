//! XML as the gateway speaks it: one writer and one reader for everything.
//!
//! The writer escapes, and takes out what XML 1.0 forbids, because one such character makes the gateway refuse a whole
//! request. The reader refuses document types, knows the five predefined entities only, and has bounds for depth, elements and
//! size.

mod reader;
mod writer;

pub use reader::{Element, Limits, Malformed, Reader, Token};
pub use writer::{Writer, is_name};
