//! The time line of a run for a person: a bar for each task. Pure.

use super::paint::Paint;
use super::text;
use crate::run::timeline::{Span, TaskTimeline, Timeline};

/// The longest bar, in characters.
const WIDTH: u64 = 40;
const WAITED: char = '░';
const WORKED: char = '█';

/// The run's tasks by stage, each with what it waited for and when it worked.
pub(super) fn as_lines(timeline: &Timeline, paint: Paint) -> Vec<String> {
    let name = paint.bold(text::one_line(&format!("{}#{}", timeline.pipeline, timeline.number)));
    let queued =
        timeline.queued_ms.map_or(String::new(), |millis| format!(", {} in the queue", text::duration(millis)));
    let length = text::duration(timeline.length_ms);
    let mut lines = vec![format!("{name}: {length}{queued} ({WAITED} waits, {WORKED} works)")];
    let width = timeline.tasks.iter().map(|task| task.task.as_str().chars().count()).max().unwrap_or(0);
    let mut stage = None;
    for task in &timeline.tasks {
        let own = task.stage.as_deref().unwrap_or("finally");
        if stage != Some(own) {
            lines.push(String::new());
            lines.push(paint.bold(own));
            stage = Some(own);
        }
        lines.push(line(task, width, timeline.length_ms));
    }
    lines
}

fn line(task: &TaskTimeline, width: usize, length: u64) -> String {
    let name = task.task.as_str();
    let padding = " ".repeat(width - name.chars().count());
    let line = format!("  {name}{padding}  {}  {}", bar(task, length), words(task, length));
    line.trim_end().to_owned()
}

/// Whatever took time at all is seen; work covers waits.
fn bar(task: &TaskTimeline, length: u64) -> String {
    let mut bar = [' '; WIDTH as usize];
    let mut draw = |span: &Span, sign: char| {
        let place = |millis: u64| (millis.saturating_mul(WIDTH) / length.max(1)).min(WIDTH - 1) as usize;
        let end = span.offset_ms + took(span, length);
        bar[place(span.offset_ms)..=place(end.saturating_sub(1).max(span.offset_ms))].fill(sign);
    };
    task.waits.iter().for_each(|wait| draw(&wait.span, WAITED));
    task.attempts.iter().for_each(|attempt| draw(&attempt.span, WORKED));
    bar.iter().collect()
}

fn words(task: &TaskTimeline, length: u64) -> String {
    let worked = sum(task.attempts.iter().map(|attempt| &attempt.span), length);
    let waited = sum(task.waits.iter().filter(|wait| wait.attempt.is_none()).map(|wait| &wait.span), length);
    let mut words = Vec::new();
    if !task.attempts.is_empty() {
        words.push(text::duration(worked));
    }
    if task.attempts.len() > 1 {
        words.push(format!("{} attempts", task.attempts.len()));
    }
    if let Some(wait) = task.waits.iter().find(|wait| wait.attempt.is_none()).filter(|_| waited > 0) {
        words.push(format!("waited {}: {}", text::duration(waited), text::one_line(&wait.reason.message)));
    }
    if task.reused.is_some() {
        words.push("done by an earlier run".to_owned());
    }
    words.join(", ")
}

fn sum<'a>(spans: impl Iterator<Item = &'a Span>, length: u64) -> u64 {
    spans.map(|span| took(span, length)).sum()
}

/// What goes on has taken what there was of the run so far.
fn took(span: &Span, length: u64) -> u64 {
    span.duration_ms.unwrap_or(length.saturating_sub(span.offset_ms))
}
