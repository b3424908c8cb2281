//! Files of the workspace, in and out, each by a `tar` of its own in the container.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tar::{Archive, Builder, EntryType, Header};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::host::{Output, Streams};
use super::{Container, Inner, infrastructure};
use crate::executor::local::transfer::{bad_path, checked};
use crate::executor::shell::quoted;
use crate::executor::stream::{Outlet, pipe};
use crate::executor::{ExecutorError, TarStream};

/// Pieces on their way: a slow reader does not fill the memory.
const QUEUE: usize = 8;
/// What a program of ours says last on its standard error when it did all it should.
const DONE: &str = "windlass: done";

impl Container {
    /// A file or folder of the workspace as an archive, whose names begin with the last part of the path.
    pub(in crate::executor) async fn read(&self, path: &str) -> Result<TarStream, ExecutorError> {
        let relative = checked(path)?;
        let place = &self.inner.place;
        let target = quoted(&place_of(&place.workspace, &relative));
        let inside = inside(&place.busybox, &place.workspace, &target);
        let pack = match relative.file_name() {
            Some(_) => "cd \"${w_real%/*}\" && $b tar -cf - -- \"./${w_real##*/}\"",
            None => "cd \"$w_real\" && everything",
        };
        let program = format!(
            "b={b}
everything() {{
  set --
  for one in * .[!.]* ..?*; do if [ -e \"$one\" ] || [ -h \"$one\" ]; then set -- \"$@\" \"./$one\"; fi; done
  if [ $# = 0 ]; then $b dd if=/dev/zero bs=1024 count=1 2>/dev/null; else $b tar -cf - -- \"$@\"; fi
}}
{inside}{pack} && echo {DONE} >&2
",
            b = quoted(&place.busybox)
        );
        let Streams { input, mut output } = self.inner.program(program).await?;
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
        let place = &self.inner.place;
        let target = quoted(&place_of(&place.workspace, &relative));
        let parts: String = relative.iter().map(|part| format!(" {}", quoted(&part.to_string_lossy()))).collect();
        let program = format!(
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
        );
        let Streams { mut input, mut output } = self.inner.program(program).await?;
        let (feed, inlet) = pipe(tar);
        let (sender, mut receiver) = mpsc::channel::<Result<Bytes, ExecutorError>>(QUEUE);
        let checker = tokio::task::spawn_blocking(move || check(inlet, &sender));
        let send = async {
            let mut refused = None;
            while let Some(piece) = receiver.recv().await {
                match piece {
                    Ok(bytes) if input.write_all(&bytes).await.is_ok() => {}
                    Ok(_) => break,
                    Err(error) => refused = Some(error),
                }
            }
            drop(receiver);
            let _ = input.shutdown().await;
            drop(input);
            refused
        };
        let listen = async {
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
        };
        let (fed, refused, complaints) = futures::join!(feed, send, listen);
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
        "w_top=$({b} readlink -f {workspace}) && w_real=$({b} readlink -f {target}) || {{ echo 'there is no such file' >&2; exit 1; }}
case $w_real/ in \"$w_top\"/*) ;; *) echo 'it leads out of the workspace by a symbolic link' >&2; exit 1 ;; esac
[ -e \"$w_real\" ] || {{ echo 'there is no such file' >&2; exit 1; }}
"
    )
}

fn place_of(workspace: &str, relative: &Path) -> String {
    if relative.as_os_str().is_empty() { workspace.to_owned() } else { format!("{workspace}/{}", relative.display()) }
}

fn is_done(complaints: &[u8]) -> bool {
    String::from_utf8_lossy(complaints).trim_end().ends_with(DONE)
}

/// Gives the entries the names that the contract wants.
fn rename(
    archive: impl Read,
    sender: &mpsc::Sender<Result<Bytes, ExecutorError>>,
    wanted: Option<&Path>,
) -> io::Result<()> {
    let mut builder = Builder::new(io::BufWriter::with_capacity(128 * 1024, Outlet(sender.clone())));
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mut parts = path.components().filter(|part| matches!(part, Component::Normal(_)));
        let name: PathBuf = match wanted {
            // The target of a link has the link's name.
            Some(wanted) => {
                parts.next();
                std::iter::once(wanted.to_owned()).chain(parts.map(|part| PathBuf::from(part.as_os_str()))).collect()
            }
            None => parts.collect(),
        };
        copy(&mut builder, &mut entry, &name)?;
    }
    builder.into_inner()?.flush()
}

fn copy<W: Write, R: Read>(builder: &mut Builder<W>, entry: &mut tar::Entry<'_, R>, name: &Path) -> io::Result<()> {
    // A fresh one: names of the old one would shine through shorter ones.
    let mut header = Header::new_gnu();
    let old = entry.header();
    header.set_entry_type(old.entry_type());
    header.set_mode(old.mode()?);
    header.set_mtime(old.mtime()?);
    header.set_size(entry.size());
    match entry.header().entry_type() {
        EntryType::Symlink | EntryType::Link => {
            let target = entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?.into_owned();
            builder.append_link(&mut header, name, target)
        }
        _ => builder.append_data(&mut header, name, entry),
    }
}

/// Passes an archive on, as far as nothing in it leaves the folder into which it is unpacked.
fn check(archive: impl Read, sender: &mpsc::Sender<Result<Bytes, ExecutorError>>) -> Result<(), ExecutorError> {
    let doing = |source| ExecutorError::Io { doing: "writing files into the workspace".to_owned(), source };
    let mut builder = Builder::new(io::BufWriter::with_capacity(128 * 1024, Outlet(sender.clone())));
    let mut links: HashSet<PathBuf> = HashSet::new();
    let mut archive = Archive::new(archive);
    for entry in archive.entries().map_err(doing)? {
        let mut entry = entry.map_err(doing)?;
        let path = entry.path().map_err(doing)?.into_owned();
        let name = checked(&path.to_string_lossy())?;
        if name.ancestors().skip(1).any(|above| links.contains(above)) {
            return Err(bad_path(&path.to_string_lossy(), "goes through a link of the same archive"));
        }
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Directory => {}
            EntryType::Symlink => {
                links.insert(name.clone());
            }
            EntryType::Link => {
                let target = entry.link_name().map_err(doing)?.unwrap_or_default().into_owned();
                checked(&target.to_string_lossy())?;
            }
            other => {
                return Err(bad_path(
                    &path.to_string_lossy(),
                    &format!("is of a kind that is not unpacked: {other:?}"),
                ));
            }
        }
        if !name.as_os_str().is_empty() {
            copy(&mut builder, &mut entry, &name).map_err(doing)?;
        }
    }
    builder.into_inner().and_then(|mut out| out.flush()).map_err(doing)
}

fn failure(path: &str, complaints: &[u8]) -> ExecutorError {
    let text = String::from_utf8_lossy(complaints);
    cut_off(path, text.trim())
}

fn cut_off(path: &str, why: &str) -> ExecutorError {
    infrastructure(
        "transferFailed",
        format!("the path {path:?} of the workspace could not be read or written: {why}"),
        "look whether it is there, and whether the disk of the container engine is full",
    )
}
