//! How far the fetching of an image is, in lines that are worth reading. Pure.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bollard::models::CreateImageInfo;

use crate::run::Elapsed;

/// The pause between two lines.
const PAUSE: Duration = Duration::from_secs(5);

/// The fetching of one image.
#[derive(Debug)]
pub(super) struct PullProgress {
    image: String,
    said: Elapsed,
    /// Bytes that are here and bytes there are, of each layer that is or was on its way.
    layers: HashMap<String, (i64, i64)>,
    /// Layers that were here before.
    present: HashSet<String>,
}

impl PullProgress {
    pub(super) fn begin(image: &str, now: Elapsed) -> Self {
        Self { image: image.to_owned(), said: now, layers: HashMap::new(), present: HashSet::new() }
    }

    /// Takes what the engine says. A line from time to time.
    pub(super) fn line(&mut self, info: CreateImageInfo, now: Elapsed) -> Option<String> {
        let layer = info.id.unwrap_or_default();
        match info.status.as_deref() {
            Some("Already exists") => {
                self.present.insert(layer);
            }
            Some("Pulling fs layer" | "Waiting") => {
                self.layers.entry(layer).or_default();
            }
            Some("Downloading") => {
                let detail = info.progress_detail.unwrap_or_default();
                self.layers.insert(layer, (detail.current.unwrap_or(0), detail.total.unwrap_or(0)));
            }
            Some("Download complete" | "Extracting" | "Pull complete") => {
                let entry = self.layers.entry(layer).or_default();
                entry.0 = entry.1;
            }
            _ => {}
        }
        if now.since(self.said) < PAUSE || self.layers.is_empty() {
            return None;
        }
        self.said = now;
        let (here, all) = self.bytes();
        Some(format!("fetching the image {}: {} of {} MB, {}", self.image, mega(here), mega(all), self.count()))
    }

    /// The last line.
    pub(super) fn end(&self) -> String {
        format!("fetched the image {}: {} MB, {}", self.image, mega(self.bytes().1), self.count())
    }

    fn bytes(&self) -> (i64, i64) {
        self.layers.values().fold((0, 0), |(here, all), (part, whole)| (here + part, all + whole))
    }

    fn count(&self) -> String {
        let new = self.layers.len();
        let word = if new == 1 { "layer" } else { "layers" };
        match self.present.len() {
            0 => format!("{new} {word}"),
            present => format!("{new} {word} beside {present} that were here"),
        }
    }
}

/// Millions of bytes, with one decimal.
fn mega(bytes: i64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn says(id: &str, status: &str, current: i64, total: i64) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: Some(ProgressDetail { current: Some(current), total: Some(total) }),
            ..CreateImageInfo::default()
        }
    }

    #[test]
    fn a_line_comes_from_time_to_time_and_one_at_the_end() {
        let at = |seconds: u64| Elapsed::from_millis(seconds * 1000);
        let mut pull = PullProgress::begin("x:1", at(0));
        assert_eq!(pull.line(says("a", "Already exists", 0, 0), at(1)), None);
        assert_eq!(pull.line(says("b", "Downloading", 1_000_000, 4_000_000), at(4)), None);
        let line = pull.line(says("c", "Downloading", 500_000, 1_000_000), at(5)).unwrap();
        assert_eq!(line, "fetching the image x:1: 1.5 of 5.0 MB, 2 layers beside 1 that were here");
        assert_eq!(pull.line(says("b", "Extracting", 1, 2), at(6)), None);
        assert_eq!(pull.end(), "fetched the image x:1: 5.0 MB, 2 layers beside 1 that were here");
    }
}
