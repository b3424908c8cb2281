//! The log of a Job's containers, followed over connections that break.

use futures::AsyncBufReadExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

/// One container of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Container {
    pub(super) pod: String,
    pub(super) name: String,
}

/// How far a log has been read: the moment of its last line, and how many lines of that moment there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    last: Option<Timestamp>,
    same: usize,
}

/// What a connection that follows a log from a cursor on has brought of the cursor's own moment.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    same: usize,
}

impl Cursor {
    /// Takes a line as the cluster sends it, with its moment before it. Returns its text when it is new: after a connection broke,
    /// the cluster sends lines again from the full second of the last one on.
    pub(super) fn take<'l>(&mut self, line: &'l [u8], replayed: &mut Replayed) -> Option<&'l [u8]> {
        let Some((at, text)) = stamped(line) else { return Some(line) };
        match self.last {
            Some(last) if at < last => return None,
            Some(last) if at == last => {
                replayed.same += 1;
                if replayed.same <= self.same {
                    return None;
                }
                self.same += 1;
            }
            _ => {
                *self = Self { last: Some(at), same: 1 };
                replayed.same = 1;
            }
        }
        Some(text)
    }

    fn since(&self) -> Option<Timestamp> {
        self.last
    }
}

fn stamped(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let end = line.iter().take(40).position(|byte| *byte == b' ')?;
    let at = std::str::from_utf8(&line[..end]).ok()?.parse().ok()?;
    Some((at, &line[end + 1..]))
}

/// Follows the log of a container from a cursor on until the container ends or the connection breaks, and gives each new line to
/// `take`.
pub(super) async fn follow<F: Future<Output = ()>>(
    api: &Api<Pod>,
    container: &Container,
    cursor: &mut Cursor,
    take: impl Fn(Vec<u8>) -> F,
) -> Result<(), kube::Error> {
    let parameters = LogParams {
        container: Some(container.name.clone()),
        follow: true,
        timestamps: true,
        since_time: cursor.since(),
        ..LogParams::default()
    };
    let mut stream = api.log_stream(&container.pod, &parameters).await?;
    let mut replayed = Replayed::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = stream.read_until(b'\n', &mut line).await.map_err(kube::Error::ReadEvents)?;
        if read == 0 {
            return Ok(());
        }
        if let Some(text) = cursor.take(&line, &mut replayed) {
            take(text.to_vec()).await;
        }
    }
}
