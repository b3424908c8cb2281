//! What BuildKit tells of a build, in lines for a log. Pure.

use std::collections::HashMap;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexStatus};

/// The pause in seconds between two lines about the same download.
const PAUSE: i64 = 5;
/// What BuildKit says of steps that ended because another one failed.
const CANCELLED: &str = "context canceled";

/// The story of one build: which of its steps have a number, and what was said of them. The words are those of
/// `docker build --progress=plain`.
#[derive(Debug, Default)]
pub(super) struct Story {
    steps: HashMap<String, Step>,
    /// When something was last said of what is on its way, by its step and its own name.
    ways: HashMap<(String, String), Way>,
    /// The step whose name or output came last: what it prints can follow at once.
    current: Option<String>,
    /// Whether the last line has no end yet.
    open: bool,
    failed: Option<String>,
}

#[derive(Debug)]
struct Step {
    number: usize,
    name: String,
    said: Said,
}

/// How far the log is with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Begun,
    Ended,
}

/// How far the log is with a download or the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// At this second.
    Told(i64),
    Ended,
}

impl Story {
    /// What is new, as text for the log.
    pub(super) fn text(&mut self, status: StatusResponse) -> Vec<u8> {
        let mut text = Vec::new();
        for vertex in status.vertexes.iter().filter(|vertex| vertex.started.is_some() || vertex.cached) {
            self.begin(vertex, &mut text);
        }
        for way in &status.statuses {
            if let Some(line) = self.way(way) {
                self.line(&way.vertex, &line, &mut text);
            }
        }
        for log in &status.logs {
            self.print(&log.vertex, &log.msg, &mut text);
        }
        for vertex in &status.vertexes {
            self.end(vertex, &mut text);
        }
        for warning in &status.warnings {
            self.line(&warning.vertex, &format!("WARN: {}", String::from_utf8_lossy(&warning.short)), &mut text);
        }
        text
    }

    /// The step that failed, in the words of the Dockerfile.
    pub(super) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    fn begin(&mut self, vertex: &Vertex, text: &mut Vec<u8>) {
        if self.steps.contains_key(&vertex.digest) {
            return;
        }
        let number = self.steps.len() + 1;
        let step = Step { number, name: vertex.name.clone(), said: Said::Begun };
        self.steps.insert(vertex.digest.clone(), step);
        self.heading(&vertex.digest, text);
    }

    fn end(&mut self, vertex: &Vertex, text: &mut Vec<u8>) {
        let Some(completed) = &vertex.completed else { return };
        let Some(step) = self.steps.get_mut(&vertex.digest).filter(|step| step.said == Said::Begun) else { return };
        step.said = Said::Ended;
        let line = if !vertex.error.is_empty() {
            if !vertex.error.contains(CANCELLED) {
                self.failed.get_or_insert_with(|| step.name.clone());
            }
            format!("ERROR: {}", vertex.error)
        } else if vertex.cached {
            "CACHED".to_owned()
        } else {
            let took = vertex.started.as_ref().map_or(0.0, |started| seconds(completed) - seconds(started));
            format!("DONE {took:.1}s")
        };
        self.line(&vertex.digest, &line, text);
    }

    /// A line about a download or the like: when it ends, and otherwise from time to time.
    fn way(&mut self, way: &VertexStatus) -> Option<String> {
        let at = way.timestamp.as_ref().map_or(0, |time| time.seconds);
        let name = if way.name.is_empty() { &way.id } else { &way.name };
        let told = self.ways.entry((way.vertex.clone(), way.id.clone())).or_insert(Way::Told(at));
        let Way::Told(before) = *told else { return None };
        if way.completed.is_some() {
            *told = Way::Ended;
            return Some(if way.total > 0 {
                format!("{name} {} MB done", mega(way.total))
            } else {
                format!("{name} done")
            });
        }
        if at - before < PAUSE || way.total <= 0 {
            return None;
        }
        *told = Way::Told(at);
        Some(format!("{name} {} of {} MB", mega(way.current), mega(way.total)))
    }

    /// A line of ours about a step.
    fn line(&mut self, vertex: &str, line: &str, text: &mut Vec<u8>) {
        let Some(step) = self.steps.get(vertex) else { return };
        if std::mem::take(&mut self.open) {
            text.push(b'\n');
        }
        self.current = None;
        text.extend_from_slice(format!("#{} {}\n", step.number, line.trim_end()).as_bytes());
    }

    /// The name of a step, after which comes what it prints.
    fn heading(&mut self, vertex: &str, text: &mut Vec<u8>) {
        if let Some(name) = self.steps.get(vertex).map(|step| step.name.clone()) {
            self.line(vertex, &name, text);
            self.current = Some(vertex.to_owned());
        }
    }

    /// What a step printed, as it is: nothing stands between its lines, so that a secret of several lines is masked in it. When
    /// something else was said meanwhile, its name comes before.
    fn print(&mut self, vertex: &str, printed: &[u8], text: &mut Vec<u8>) {
        let Some(last) = printed.last() else { return };
        if self.current.as_deref() != Some(vertex) {
            self.heading(vertex, text);
        }
        text.extend_from_slice(printed);
        self.open = *last != b'\n';
    }
}

fn seconds(time: &Timestamp) -> f64 {
    time.seconds as f64 + f64::from(time.nanos) / 1e9
}

/// Millions of bytes, with one decimal.
fn mega(bytes: i64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::buildkit::v1::VertexLog;

    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    fn vertex(name: &str, started: Option<i64>, completed: Option<i64>) -> Vertex {
        Vertex {
            digest: name.to_owned(),
            name: name.to_owned(),
            started: started.and_then(at),
            completed: completed.and_then(at),
            ..Vertex::default()
        }
    }

    fn log(vertex: &str, msg: &str) -> VertexLog {
        VertexLog { vertex: vertex.to_owned(), msg: msg.into(), ..VertexLog::default() }
    }

    fn tell(story: &mut Story, vertexes: Vec<Vertex>, logs: Vec<VertexLog>) -> String {
        String::from_utf8(story.text(StatusResponse { vertexes, logs, ..StatusResponse::default() })).unwrap()
    }

    #[test]
    fn each_step_has_a_number_a_name_and_an_end_and_what_it_prints_stays_together() {
        let mut story = Story::default();
        let waiting = vec![vertex("later", None, None), vertex("RUN a", Some(1), None)];
        assert_eq!(tell(&mut story, waiting, vec![log("RUN a", "one\ntw")]), "#1 RUN a\none\ntw");
        assert_eq!(tell(&mut story, vec![], vec![log("RUN a", "o\nthree")]), "o\nthree");
        let both = vec![vertex("RUN b", Some(2), None)];
        let text = tell(&mut story, both, vec![log("RUN a", "four\n"), log("RUN a", "five\n"), log("RUN b", "x\n")]);
        assert_eq!(text, "\n#2 RUN b\n#1 RUN a\nfour\nfive\n#2 RUN b\nx\n");
        let ended =
            vec![vertex("RUN a", Some(1), Some(4)), Vertex { cached: true, ..vertex("COPY", Some(4), Some(4)) }];
        assert_eq!(tell(&mut story, ended.clone(), vec![]), "#3 COPY\n#1 DONE 3.0s\n#3 CACHED\n");
        assert_eq!(tell(&mut story, ended, vec![]), "", "nothing is said twice");
        assert_eq!(story.failed(), None);
    }

    #[test]
    fn the_step_that_failed_is_known_and_not_those_that_it_took_along() {
        let mut story = Story::default();
        let with = |name, error: &str| Vertex { error: error.to_owned(), ..vertex(name, Some(1), Some(2)) };
        let other = with("RUN other", "executor failed running: context canceled");
        let text = tell(&mut story, vec![other, with("[2/2] RUN exit 3", "exit code: 3")], vec![]);
        assert!(text.ends_with("#2 ERROR: exit code: 3\n"), "{text}");
        assert_eq!(story.failed(), Some("[2/2] RUN exit 3"));
    }

    #[test]
    fn a_download_is_told_from_time_to_time_and_at_its_end() {
        let mut story = Story::default();
        tell(&mut story, vec![vertex("FROM x", Some(1), None)], vec![]);
        let mut way = |second, current, completed: Option<i64>| {
            let way = VertexStatus {
                id: "sha256:1".to_owned(),
                vertex: "FROM x".to_owned(),
                current,
                total: 4_000_000,
                timestamp: at(second),
                completed: completed.and_then(at),
                ..VertexStatus::default()
            };
            String::from_utf8(story.text(StatusResponse { statuses: vec![way], ..StatusResponse::default() })).unwrap()
        };
        assert_eq!(way(10, 0, None), "");
        assert_eq!(way(14, 1_000_000, None), "");
        assert_eq!(way(15, 2_000_000, None), "#1 sha256:1 2.0 of 4.0 MB\n");
        assert_eq!(way(16, 4_000_000, Some(16)), "#1 sha256:1 4.0 MB done\n");
        assert_eq!(way(30, 4_000_000, Some(16)), "");
    }
}
