//! `windlass schema`.

use super::exit::{Exit, Failure};
use super::open::printed;
use super::output::Output;
use crate::pipeline::Pipeline;

pub(super) fn schema() -> Result<Exit, Failure> {
    let mut out = Output::stdout();
    out.line(format!("{:#}", schemars::schema_for!(Pipeline).as_value()));
    printed(Exit::Succeeded, out.finish())
}
