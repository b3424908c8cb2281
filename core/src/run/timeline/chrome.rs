//! A timeline in the Trace Event Format, which chrome://tracing and Perfetto open.
//!
//! Complete events (`X`) with start and length in microseconds, and metadata (`M`) that names the tracks. Events of one track
//! may lie within one another but not overlap otherwise: so each task has a slice of its own that holds its attempts and
//! waits, and tasks that overlap have different tracks.

use serde_json::{Value, json};

use super::{TaskTimeline, Timeline, lanes};

/// The one process of a trace.
const PROCESS: u64 = 1;
/// The track of the run itself; lanes follow.
const RUN: u64 = 0;

impl Timeline {
    /// The timeline as a trace: save it as a `.json` file and open that with chrome://tracing or <https://ui.perfetto.dev>.
    pub fn to_chrome_trace(&self) -> Value {
        let extents: Vec<_> = self.tasks.iter().filter_map(|task| Some((task, task.extent(self.length_ms)?))).collect();
        let spans: Vec<_> = extents.iter().map(|(_, extent)| *extent).collect();
        let lanes = lanes(&spans);
        let mut events = vec![named("process_name", RUN, &format!("{}#{}", self.pipeline, self.number))];
        events.push(named("thread_name", RUN, "run"));
        events.push(sorted(RUN));
        for lane in 0..lanes.iter().max().map_or(0, |last| last + 1) {
            events.push(named("thread_name", track(lane), &format!("tasks {}", lane + 1)));
            events.push(sorted(track(lane)));
        }
        events.extend(self.run_slices());
        for ((task, extent), lane) in extents.iter().zip(&lanes) {
            events.extend(self.task_slices(task, *extent, track(*lane)));
        }
        let other = json!({"run": self.run, "pipeline": self.pipeline, "number": self.number, "queued": self.queued});
        json!({"traceEvents": events, "displayTimeUnit": "ms", "otherData": other})
    }

    fn run_slices(&self) -> Vec<Value> {
        let mut slices = Vec::new();
        if self.queued.is_some() {
            let queued = self.queued_ms.unwrap_or(self.length_ms);
            slices.push(slice("queued", "queue", RUN, (0, queued), json!({})));
        }
        if let (Some(_), Some(queued)) = (self.started, self.queued_ms) {
            let end = self.duration_ms.map_or(self.length_ms, |duration| queued + duration);
            let name = format!("{}#{}", self.pipeline, self.number);
            slices.push(slice(&name, "run", RUN, (queued, end), json!({"state": self.state})));
        }
        slices
    }

    fn task_slices(&self, task: &TaskTimeline, extent: (u64, u64), track: u64) -> Vec<Value> {
        let args = json!({"stage": task.stage, "state": task.state, "reused": task.reused});
        let mut slices = vec![slice(task.task.as_str(), "task", track, extent, args)];
        for attempt in &task.attempts {
            let span = (attempt.span.offset_ms, attempt.span.end_ms(self.length_ms));
            let name = format!("attempt {}", attempt.attempt);
            slices.push(slice(&name, "attempt", track, span, json!({"state": attempt.state})));
        }
        for wait in &task.waits {
            let span = (wait.span.offset_ms, wait.span.end_ms(self.length_ms));
            let name = format!("waiting: {}", wait.reason.code);
            slices.push(slice(&name, "wait", track, span, json!({"reason": wait.reason.message})));
        }
        slices
    }
}

fn track(lane: usize) -> u64 {
    lane as u64 + 1
}

fn slice(name: &str, category: &str, track: u64, (start, end): (u64, u64), args: Value) -> Value {
    let micros = |millis: u64| millis.saturating_mul(1000);
    json!({
        "name": name,
        "cat": category,
        "ph": "X",
        "ts": micros(start),
        "dur": micros(end.saturating_sub(start)),
        "pid": PROCESS,
        "tid": track,
        "args": args,
    })
}

fn named(what: &str, track: u64, name: &str) -> Value {
    json!({"name": what, "ph": "M", "pid": PROCESS, "tid": track, "args": {"name": name}})
}

fn sorted(track: u64) -> Value {
    json!({"name": "thread_sort_index", "ph": "M", "pid": PROCESS, "tid": track, "args": {"sort_index": track}})
}
