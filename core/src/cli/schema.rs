//! `windlass schema`.

use super::exit::{Exit, Failure};
use super::open::printed;
use super::output::Output;
use crate::pipeline;

pub(super) fn schema() -> Result<Exit, Failure> {
    let mut out = Output::stdout();
    out.line(format!("{:#}", pipeline::schema()));
    printed(Exit::Succeeded, out.finish())
}
