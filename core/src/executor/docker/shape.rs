//! What tells the containers of a run apart. Pure.

use crate::executor::installation::digest;
use crate::executor::{ExecutorError, StepSpec};
use crate::pipeline::{ContainerOptions, Isolation};

/// Everything that makes one container unlike another: steps of one shape share a warm container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) image: String,
    pub(super) generation: u32,
    /// In billionths of a processor.
    pub(super) cpus: Option<i64>,
    /// In bytes.
    pub(super) memory: Option<u64>,
    pub(super) options: ContainerOptions,
    /// Names by which the step reaches what is beside it in the same network.
    pub(super) services: Vec<String>,
    /// The step whose own container this is.
    pub(super) own: Option<String>,
}

impl Shape {
    /// The shape that a step needs. One with a memory limit has a container of its own, or another step could use it up, and so
    /// has one with services.
    pub(super) fn of(step: &StepSpec) -> Result<Self, ExecutorError> {
        let image = step.image.clone().filter(|image| !image.is_empty()).ok_or_else(|| ExecutorError::BadStep {
            code: "noImage",
            message: format!("the task {} names no image, and its step runs in a container", step.key.task),
            advice: "give the task an `image`, such as debian:12".to_owned(),
        })?;
        let limits = &step.resources.limits;
        let cpus = limits.cpu.as_deref().map(cpus).transpose()?;
        let memory = limits.memory.as_deref().map(bytes).transpose()?;
        // What only concerns the command makes no other container.
        let options = ContainerOptions {
            working_folder: None,
            entrypoint: Vec::new(),
            credential: None,
            ..step.container.options.clone()
        };
        let services: Vec<String> = step.container.services.iter().map(|service| service.name.clone()).collect();
        let alone = step.isolation == Isolation::Task || memory.is_some() || !services.is_empty();
        let own = alone.then(|| step.key.slug());
        Ok(Self { image, generation: step.generation, cpus, memory, options, services, own })
    }

    /// A short word that only this shape has.
    pub(super) fn word(&self) -> String {
        digest(format!("{self:?}").as_bytes(), 12)
    }
}

/// `2`, `0.5`, `500m`.
fn cpus(text: &str) -> Result<i64, ExecutorError> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 1e6),
        None => (text, 1e9),
    };
    let amount = number.parse::<f64>().ok().filter(|amount| *amount > 0.0 && *amount < 1e6);
    amount.map(|amount| (amount * unit) as i64).ok_or_else(|| bad_quantity("cpu", text, "2, 0.5 or 500m"))
}

/// `256Mi`, `1Gi`, `1G`, or a number of bytes.
fn bytes(text: &str) -> Result<u64, ExecutorError> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: f64 = match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return Err(bad_quantity("memory", text, "256Mi, 1Gi or a number of bytes")),
    };
    let amount = number.parse::<f64>().ok().filter(|amount| *amount > 0.0 && amount * unit < 1e18);
    amount
        .map(|amount| (amount * unit) as u64)
        .ok_or_else(|| bad_quantity("memory", text, "256Mi, 1Gi or a number of bytes"))
}

fn bad_quantity(what: &str, text: &str, examples: &str) -> ExecutorError {
    ExecutorError::BadStep {
        code: "badQuantity",
        message: format!("the limit `{what}: {text}` is no quantity"),
        advice: format!("write {examples}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        assert_eq!(cpus("2").unwrap(), 2_000_000_000);
        assert_eq!(cpus("500m").unwrap(), 500_000_000);
        assert_eq!(bytes("256Mi").unwrap(), 256 << 20);
        assert_eq!(bytes("1.5G").unwrap(), 1_500_000_000);
        for bad in ["", "x", "-1", "0", "1Q", "1e", "NaN"] {
            assert!(cpus(bad).is_err() && bytes(bad).is_err(), "{bad:?}");
        }
    }
}
