//! The behaviour of the room, seen from outside.

pub(crate) mod arbitrary;
mod reading;
mod writing;
