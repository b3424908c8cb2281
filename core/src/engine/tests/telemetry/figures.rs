//! What a recorder of metrics was told.

use std::collections::BTreeMap;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// Figures by `NAME{LABEL=VALUE,…}`.
pub(super) struct Figures {
    snapshotter: Snapshotter,
    sums: BTreeMap<String, f64>,
    samples: BTreeMap<String, Vec<f64>>,
    /// The units and descriptions by name.
    pub(super) described: BTreeMap<String, (String, String)>,
}

impl Figures {
    pub(super) fn of(recorder: &DebuggingRecorder) -> Self {
        let snapshotter = recorder.snapshotter();
        Self { snapshotter, sums: BTreeMap::new(), samples: BTreeMap::new(), described: BTreeMap::new() }
    }

    /// Takes in what was told since the last time: a snapshot sets gauges and counters back to zero.
    fn read(&mut self) {
        for (key, unit, text, value) in self.snapshotter.snapshot().into_vec() {
            let labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let name = key.key().name().to_owned();
            let unit = unit.map_or("none", |unit| unit.as_str()).to_owned();
            self.described.insert(name.clone(), (unit, text.map(|text| text.to_string()).unwrap_or_default()));
            let key = if labels.is_empty() { name } else { format!("{name}{{{}}}", labels.join(",")) };
            match value {
                DebugValue::Counter(count) => *self.sums.entry(key).or_default() += count as f64,
                DebugValue::Gauge(change) => *self.sums.entry(key).or_default() += change.0,
                DebugValue::Histogram(values) => {
                    self.samples.entry(key).or_default().extend(values.into_iter().map(|value| value.0));
                }
            }
        }
    }

    /// Counters and gauges whose name begins like this, without those that are zero.
    pub(super) fn sums(&mut self, prefix: &str) -> Vec<String> {
        self.read();
        let wanted = self.sums.iter().filter(|(key, value)| key.starts_with(prefix) && **value != 0.0);
        wanted.map(|(key, value)| format!("{key} {value}")).collect()
    }

    /// All gauges that are not zero.
    pub(super) fn gauges(&mut self) -> Vec<String> {
        let gauges = ["cicd.pipeline.run.active", "windlass.queue.length", "windlass.tasks."];
        gauges.iter().flat_map(|prefix| self.sums(prefix)).collect()
    }

    /// Histograms whose name begins like this.
    pub(super) fn samples(&mut self, prefix: &str) -> Vec<String> {
        self.read();
        let wanted = self.samples.iter().filter(|(key, _)| key.starts_with(prefix));
        wanted.map(|(key, values)| format!("{key} {values:?}")).collect()
    }
}
