//! Time, medians, memory.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use windlass::pipeline::Order;

/// Real time: there is nothing else to measure here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// What a benchmark may fail with.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// How long something takes, with what it returns.
pub(crate) fn time<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(f64, T), Failure> {
    let watch = Stopwatch::start();
    let result = work()?;
    Ok((millis(watch.elapsed()), result))
}

/// How many milliseconds something takes on average, done so often in this order.
pub(crate) async fn each<T, F>(count: usize, order: Order, mut work: impl FnMut() -> F) -> Result<f64, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let watch = Stopwatch::start();
    match order {
        Order::Sequential => {
            for _ in 0..count {
                work().await?;
            }
        }
        Order::Parallel => drop(try_join_all((0..count).map(|_| work())).await?),
    }
    Ok(millis(watch.elapsed()) / count as f64)
}

/// Milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Several kinds of work in turns, `repeat` times; the median of each.
pub(crate) fn medians<const N: usize>(
    repeat: usize,
    mut works: [&mut dyn FnMut() -> Result<f64, Failure>; N],
) -> Result<[f64; N], Failure> {
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(repeat));
    for _ in 0..repeat {
        for (work, times) in works.iter_mut().zip(&mut times) {
            times.push(work()?);
        }
    }
    Ok(times.map(median))
}

/// The middle one; the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// A figure of this process from `/proc`, in mebibytes: `VmHWM` is the most memory that it ever held, `VmRSS` what it holds.
pub(crate) fn memory(field: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}

/// A runtime as an embedder has it.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
