//! Questions, commands, events and snapshots.
