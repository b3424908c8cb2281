//! A data directory that is read beside its engine.

use napi::bindgen_prelude::{Buffer, Result};
use napi_derive::napi;
use windlass::run::Seq;
use windlass::store::Position;
use windlass::wire::{self, ArtifactName};
use windlass::{DownloadOptions, EventFilter, Reader};

use crate::arguments::{After, LogPiece, LogTail};
use crate::error::{guarded, guarded_now};
use crate::noun::asked;
use crate::stream::{NativeBytes, NativeEvents};

/// A data directory, opened for reading.
#[napi]
pub struct NativeReader {
    reader: Reader,
}

/// Opens a data directory for reading.
#[napi]
pub fn open_reader(data_dir: String) -> Result<NativeReader> {
    guarded_now("open", || Ok(NativeReader { reader: Reader::open(data_dir)? }))
}

#[napi]
impl NativeReader {
    /// Answers a request.
    #[napi]
    pub async fn ask(&self, request: String, arguments: String) -> Result<String> {
        asked(&self.reader, &request, &arguments).await
    }

    /// What happened after a position in all runs.
    #[napi]
    pub async fn events(&self, after: String, filter: String) -> Result<NativeEvents> {
        guarded("events", async {
            let After { after } = wire::read(&after, "events")?;
            let filter: EventFilter = wire::read(&filter, "events")?;
            Ok(NativeEvents::of(self.reader.events_after(Position(after), filter).await?))
        })
        .await
    }

    /// The events of a run after a number.
    #[napi]
    pub async fn run_events(&self, run: String, after: String) -> Result<NativeEvents> {
        guarded("follow", async {
            let After { after } = wire::read(&after, "follow")?;
            Ok(NativeEvents::of(self.reader.run_events_after(self.reader.find(&run).await?, Seq(after))))
        })
        .await
    }

    /// A piece of a stored log.
    #[napi]
    pub async fn log(&self, run: String, arguments: String) -> Result<Buffer> {
        let bytes = guarded("log", async {
            let LogPiece { task, attempt, from, max } = wire::read(&arguments, "log")?;
            let run = self.reader.find(&run).await?;
            self.reader.log(run, &task, attempt, from, max.unwrap_or(usize::MAX)).await
        })
        .await?;
        Ok(Buffer::from(bytes.to_vec()))
    }

    /// The last lines of a stored log.
    #[napi]
    pub async fn tail(&self, run: String, arguments: String) -> Result<Buffer> {
        let bytes = guarded("log", async {
            let LogTail { task, attempt, lines } = wire::read(&arguments, "log")?;
            self.reader.tail(self.reader.find(&run).await?, &task, attempt, lines.unwrap_or(usize::MAX)).await
        })
        .await?;
        Ok(Buffer::from(bytes.to_vec()))
    }

    /// The logs of a whole run.
    #[napi]
    pub async fn download(&self, run: String, arguments: String) -> Result<NativeBytes> {
        guarded("log", async {
            let options: DownloadOptions = wire::read(&arguments, "log")?;
            Ok(NativeBytes::of(self.reader.download(self.reader.find(&run).await?, options).await?))
        })
        .await
    }

    /// The archive of an artifact.
    #[napi]
    pub async fn artifact(&self, run: String, artifact: String) -> Result<NativeBytes> {
        guarded("artifact", async {
            let name: ArtifactName = wire::read(&artifact, "artifact")?;
            let run = self.reader.find(&run).await?;
            Ok(NativeBytes::of(name.among(self.reader.artifacts(run).await?)?.stream().await?))
        })
        .await
    }
}
