//! The engine's side of the control socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::task::JoinSet;

use super::address::Address;
use super::file::SocketFile;
use super::heard::{answer_line, read_request};
use super::obey::obey;
use super::protocol::{Done, MAX_REQUEST};
use crate::clock::SharedClock;
use crate::engine::core::Core;
use crate::engine::{Engine, Handle};
use crate::error::{Error, ErrorKind};

/// So many clients are listened to at once.
const MAX_CLIENTS: usize = 32;
/// So many more may wait at the door.
const BACKLOG: u32 = 64;
/// Who says or takes nothing for so long is sent away.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause after the system refused a connection, for example because too many files are open.
const PAUSE: Duration = Duration::from_millis(200);

/// The socket, listening.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
}

impl Door {
    /// Makes the socket, for this user only. It appears under its name when it listens already. Whoever makes one holds the
    /// data directory, so that a file that is there already is that of a dead engine.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, SocketFile)> {
        let new = path.with_extension("new");
        remove(&new)?;
        let address = Address::of(&new)?;
        let socket = UnixSocket::new_stream()?;
        socket.bind(address.path())?;
        let opened = || {
            fs::set_permissions(&new, Permissions::from_mode(0o600))?;
            let listener = socket.listen(BACKLOG)?;
            fs::rename(&new, &path)?;
            Ok(listener)
        };
        match opened() {
            Ok(listener) => Ok((Self { listener }, SocketFile(path))),
            Err(error) => {
                let _ = fs::remove_file(&new);
                Err(error)
            }
        }
    }

    /// Answers clients until the engine is closed. Holds nothing: an engine that is dropped while nothing goes on lets go of
    /// its data directory at once.
    pub(crate) async fn serve(self, engine: Weak<Handle>, core: Arc<Core>) {
        let mut closing = core.closing.subscribe();
        let mut clients = JoinSet::new();
        let own = nix::unistd::geteuid().as_raw();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => break,
                accepted = self.listener.accept() => accepted,
            };
            while clients.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => match refusal(&stream, own, clients.len()) {
                    Some(error) => turn_away(&stream, error),
                    None => drop(clients.spawn(Client::new(stream, &engine, &core.clock).listen())),
                },
                Err(error) => {
                    tracing::debug!(%error, "a client of the control socket could not be let in");
                    let until = core.clock.now().elapsed + PAUSE;
                    tokio::select! {
                        _ = closing.wait_for(|closing| *closing) => break,
                        () = core.clock.sleep_until(until) => {}
                    }
                }
            }
        }
        clients.shutdown().await;
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Why a client is not listened to.
fn refusal(stream: &UnixStream, own: u32, clients: usize) -> Option<Error> {
    let peer = stream.peer_cred().map(|peer| peer.uid());
    if !peer.is_ok_and(|peer| may_speak(peer, own)) {
        let message = "this engine belongs to another user: only that user and root may control it";
        return Some(Error::new(ErrorKind::Conflict, "notYours", "control", message));
    }
    let message = format!("the engine listens to {MAX_CLIENTS} clients already: try again in a moment");
    (clients >= MAX_CLIENTS).then(|| Error::new(ErrorKind::Unavailable, "tooManyClients", "control", message))
}

pub(super) fn may_speak(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

fn turn_away(stream: &UnixStream, error: Error) {
    // A new connection has room for a line; who does not get it is told nothing.
    let _ = stream.try_write(&answer_line::<Done>(&Err(error)));
}

/// One client.
struct Client {
    stream: UnixStream,
    engine: Weak<Handle>,
    clock: SharedClock,
}

impl Client {
    fn new(stream: UnixStream, engine: &Weak<Handle>, clock: &SharedClock) -> Self {
        Self { stream, engine: engine.clone(), clock: clock.clone() }
    }

    /// Answers one line after another until the client leaves, is silent for too long, or talks without end.
    async fn listen(self) {
        let Self { stream, engine, clock } = self;
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        let deadline = || clock.sleep_until(clock.now().elapsed + PATIENCE);
        loop {
            let line = tokio::select! {
                line = next_line(&mut read) => line,
                () = deadline() => return,
            };
            let (answer, last) = match line {
                Line::Whole(line) => (answer(&line, &engine).await, false),
                Line::TooLong => (answer_line::<Done>(&Err(too_long())), true),
                Line::Over => return,
            };
            let written = tokio::select! {
                written = write.write_all(&answer) => written,
                () = deadline() => return,
            };
            if last || written.is_err() {
                return;
            }
        }
    }
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
    Over,
}

async fn next_line(read: &mut BufReader<OwnedReadHalf>) -> Line {
    let mut line = Vec::new();
    let read = read.take(MAX_REQUEST as u64 + 1).read_until(b'\n', &mut line).await;
    match read {
        Ok(1..) if line.ends_with(b"\n") => Line::Whole(line),
        Ok(length) if length > MAX_REQUEST => Line::TooLong,
        _ => Line::Over,
    }
}

async fn answer(line: &[u8], engine: &Weak<Handle>) -> Vec<u8> {
    let request = match read_request(line) {
        Ok(request) => request,
        Err(error) => return answer_line::<Done>(&Err(error)),
    };
    let Some(handle) = engine.upgrade() else {
        let error = Error::new(ErrorKind::Conflict, "engineClosed", "control", "the engine is being closed");
        return answer_line::<Done>(&Err(error));
    };
    answer_line(&obey(request, &Engine { handle }).await)
}

fn too_long() -> Error {
    let message = format!("a request has at most {} KiB", MAX_REQUEST >> 10);
    Error::new(ErrorKind::Invalid, "requestTooLong", "control", message)
}
