//! Files of the workspace, in and out, each by a `tar` of its own in the container.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::archive::{check, rename};
use super::host::{Output, Streams};
use super::place::Place;
use super::{Container, Inner, infrastructure};
use crate::below::{self, Use};
use crate::executor::error::bad_path;
use crate::executor::shell::quoted;
use crate::executor::stream::pipe;
use crate::executor::{ExecutorError, TarStream};

/// Pieces on their way: a slow reader does not fill the memory.
const QUEUE: usize = 8;
/// What a program of ours says last on its standard error when it did all it should.
const DONE: &str = "windlass: done";
/// What it says of a path that is not there.
const MISSING: &str = "windlass: there is no such file";
/// What it says of a path that is elsewhere.
const OUTSIDE: &str = "windlass: it leads out of the workspace by a symbolic link";

impl Container {
    /// A file or folder of the workspace as an archive, whose names begin with the last part of the path.
    pub(in crate::executor) async fn read(&self, path: &str) -> Result<TarStream, ExecutorError> {
        let relative = checked(path)?;
        let Streams { input, mut output } = self.inner.program(reading(&self.inner.place, &relative)).await?;
        // The first piece or the complaint decides whether there is something to read.
        let mut complaints = Vec::new();
        let first = loop {
            match output.next().await {
                Some(Ok(Output::Out(bytes))) => break bytes,
                Some(Ok(Output::Err(bytes))) => complaints.extend_from_slice(&bytes),
                Some(Err(error)) => return Err(cut_off(path, &error.to_string())),
                None => return Err(failure(path, &complaints)),
            }
        };
        let (raw, raw_receiver) = mpsc::channel(QUEUE);
        let (sender, receiver) = mpsc::channel(QUEUE);
        let unpacking = Unpacking { path: path.to_owned(), complaints, output, raw };
        let wanted = relative.file_name().map(PathBuf::from);
        tokio::spawn(async move {
            let (feed, inlet) = pipe(ReceiverStream::new(raw_receiver).boxed());
            let out = sender.clone();
            let renamed = tokio::task::spawn_blocking(move || rename(inlet, &out, wanted.as_deref()));
            let (fed, ()) = futures::join!(feed, unpacking.pump(first));
            drop(input);
            let renamed = renamed.await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
            let doing = "reading files from the workspace".to_owned();
            let result = fed.and(renamed.map_err(|source| ExecutorError::Io { doing, source }));
            if let Err(error) = result {
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(ReceiverStream::new(receiver).boxed())
    }

    /// Unpacks an archive below a folder of the workspace, which is made when it is missing.
    pub(in crate::executor) async fn write(&self, path: &str, tar: TarStream) -> Result<(), ExecutorError> {
        let relative = checked(path)?;
        let Streams { input, output } = self.inner.program(writing(&self.inner.place, &relative)).await?;
        let (feed, inlet) = pipe(tar);
        let (sender, receiver) = mpsc::channel::<Result<Bytes, ExecutorError>>(QUEUE);
        let checker = tokio::task::spawn_blocking(move || check(inlet, &sender));
        let (fed, refused, complaints) = futures::join!(feed, send(input, receiver), complaints(output));
        fed?;
        if let Some(error) = refused {
            return Err(error);
        }
        match checker.await {
            Ok(Ok(())) if is_done(&complaints) => Ok(()),
            Ok(Err(error)) => Err(error),
            _ => Err(failure(path, &complaints)),
        }
    }
}

/// The program that packs a file or folder.
fn reading(place: &Place, relative: &Path) -> String {
    let target = quoted(&place_of(&place.workspace, relative));
    let inside = inside(&place.busybox, &place.workspace, &target);
    let pack = match relative.file_name() {
        Some(_) => "cd \"${w_real%/*}\" && $b tar -cf - -- \"./${w_real##*/}\"",
        None => "cd \"$w_real\" && everything",
    };
    format!(
        "b={b}
everything() {{
  set --
  for one in * .[!.]* ..?*; do if [ -e \"$one\" ] || [ -h \"$one\" ]; then set -- \"$@\" \"./$one\"; fi; done
  if [ $# = 0 ]; then $b dd if=/dev/zero bs=1024 count=1 2>/dev/null; else $b tar -cf - -- \"$@\"; fi
}}
{inside}{pack} && echo {DONE} >&2
",
        b = quoted(&place.busybox)
    )
}

/// The program that makes a folder and unpacks into it.
fn writing(place: &Place, relative: &Path) -> String {
    let target = quoted(&place_of(&place.workspace, relative));
    let parts: String = relative.iter().map(|part| format!(" {}", quoted(&part.to_string_lossy()))).collect();
    format!(
        "b={b}
umask 000
cd {workspace} || exit 1
for part in{parts}; do [ -d \"$part\" ] || $b mkdir \"$part\" || exit 1; cd \"$part\" || exit 1; done
cd /
{inside}cd \"$w_real\" && $b tar -xpf - && echo {DONE} >&2
",
        b = quoted(&place.busybox),
        workspace = quoted(&place.workspace),
        inside = inside(&place.busybox, &place.workspace, &target),
    )
}

type Input = std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>;

/// Sends what passes the check. Why the rest was refused.
async fn send(mut input: Input, mut pieces: mpsc::Receiver<Result<Bytes, ExecutorError>>) -> Option<ExecutorError> {
    let mut refused = None;
    while let Some(piece) = pieces.recv().await {
        match piece {
            Ok(bytes) if input.write_all(&bytes).await.is_ok() => {}
            Ok(_) => break,
            Err(error) => refused = Some(error),
        }
    }
    drop(pieces);
    let _ = input.shutdown().await;
    refused
}

/// What a program says on its standard error until it is done.
async fn complaints(mut output: BoxStream<'static, io::Result<Output>>) -> Vec<u8> {
    let mut complaints = Vec::new();
    while let Some(Ok(piece)) = output.next().await {
        if let Output::Err(bytes) = piece {
            complaints.extend_from_slice(&bytes);
            if is_done(&complaints) {
                break;
            }
        }
    }
    complaints
}

/// What a `tar` in a container says, on its way to whoever reads it.
struct Unpacking {
    path: String,
    complaints: Vec<u8>,
    output: BoxStream<'static, io::Result<Output>>,
    raw: mpsc::Sender<Result<Bytes, ExecutorError>>,
}

impl Unpacking {
    async fn pump(mut self, first: Bytes) {
        let mut piece = Some(io::Result::Ok(Output::Out(first)));
        while let Some(next) = piece {
            let sent = match next {
                Ok(Output::Out(bytes)) => self.raw.send(Ok(bytes)).await,
                Ok(Output::Err(bytes)) => {
                    self.complaints.extend_from_slice(&bytes);
                    Ok(())
                }
                Err(error) => self.raw.send(Err(cut_off(&self.path, &error.to_string()))).await,
            };
            if sent.is_err() {
                return;
            }
            piece = self.output.next().await;
        }
        if !is_done(&self.complaints) {
            let _ = self.raw.send(Err(failure(&self.path, &self.complaints))).await;
        }
    }
}

impl Inner {
    /// Runs a shell text of ours, whose standard input stays free.
    async fn program(&self, text: String) -> Result<Streams, ExecutorError> {
        let argv = vec![self.place.busybox.clone(), "sh".to_owned(), "-c".to_owned(), text];
        self.host.exec(argv).await.map_err(Self::told)
    }
}

/// Shell text that sets `w_real` to where the target really is, when that is in the workspace.
fn inside(busybox: &str, workspace: &str, target: &str) -> String {
    let (b, workspace) = (quoted(busybox), quoted(workspace));
    format!(
        "w_top=$({b} readlink -f {workspace}) && w_real=$({b} readlink -f {target}) || {{ echo '{MISSING}' >&2; exit 1; }}
case $w_real/ in \"$w_top\"/*) ;; *) echo '{OUTSIDE}' >&2; exit 1 ;; esac
[ -e \"$w_real\" ] || {{ echo '{MISSING}' >&2; exit 1; }}
"
    )
}

/// The path below the workspace when it goes nowhere but down.
pub(in crate::executor) fn checked(path: &str) -> Result<PathBuf, ExecutorError> {
    below::checked(Path::new(path), Use::Carried).map_err(|why| bad_path(path, why))
}

fn place_of(workspace: &str, relative: &Path) -> String {
    if relative.as_os_str().is_empty() { workspace.to_owned() } else { format!("{workspace}/{}", relative.display()) }
}

fn is_done(complaints: &[u8]) -> bool {
    String::from_utf8_lossy(complaints).trim_end().ends_with(DONE)
}

fn failure(path: &str, complaints: &[u8]) -> ExecutorError {
    let text = String::from_utf8_lossy(complaints);
    if text.contains(MISSING) {
        let doing = format!("opening {path:?} in the workspace");
        return ExecutorError::Io { doing, source: io::ErrorKind::NotFound.into() };
    }
    if text.contains(OUTSIDE) {
        return bad_path(path, "leads out of the workspace by a symbolic link");
    }
    cut_off(path, text.trim())
}

fn cut_off(path: &str, why: &str) -> ExecutorError {
    infrastructure(
        "transferFailed",
        format!("the path {path:?} of the workspace could not be read or written: {why}"),
        "look whether it is there, and whether the disk of the container engine is full",
    )
}
