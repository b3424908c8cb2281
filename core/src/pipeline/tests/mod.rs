//! The behaviour of the room, seen from outside.

pub(crate) mod arbitrary;
mod bad_input;
mod building;
mod conditions;
mod planning;
mod reading;
mod running;
mod schema;
mod templates;
mod writing;
