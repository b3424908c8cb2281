//! Showing a run that another process works on, to its end.

use std::time::Duration;

use super::args::DataDirArg;
use super::exit::{Exit, Failure};
use super::open::data_dir_option;
use super::reporter::Reporter;
use crate::clock::{Clock, SystemClock};
use crate::engine::Reader;
use crate::run::{RunId, Seq};
use crate::store::DataDir;

/// How often it is looked whether there is more.
const POLL: Duration = Duration::from_millis(100);

/// Shows the run until it has ended, or nobody works on it any more.
pub(super) async fn watch(
    reader: &Reader,
    run: RunId,
    data_dir: &DataDirArg,
    reporter: &mut dyn Reporter,
) -> Result<Exit, Failure> {
    let clock = SystemClock::resume(None);
    if reporter.shows_time() {
        reporter.begin(&reader.summary(run).await.map_err(Failure::engine)?);
    }
    let mut seen = Seq::ZERO;
    loop {
        // Asked before the events are read: when it was over by then, or left alone, they are the last ones.
        let status = reader.listing(run).await.map_err(Failure::engine)?.digest.status;
        let alone = DataDir::check_free(&data_dir.data_dir).is_ok();
        let mut events = reader.run_events_after(run, seen);
        while let Some(event) = events.next().await.map_err(Failure::engine)? {
            seen = event.seq;
            reporter.event(&event);
        }
        reporter.flush();
        if status.is_final() {
            if reporter.reports() {
                reporter.end(&reader.summary(run).await.map_err(Failure::engine)?);
            }
            return Ok(Exit::of_run(status));
        }
        if alone {
            let option = data_dir_option(data_dir);
            let message =
                format!("nobody works on run {run} any more: `windlass attach {run}{option}` goes on with it");
            return Err(Failure::engine(message));
        }
        if reporter.shows_time() {
            reporter.tick(clock.now());
        }
        clock.sleep_until(clock.now().elapsed + POLL).await;
    }
}
