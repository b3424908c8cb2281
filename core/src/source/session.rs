//! How libgit2 reaches our own transports.
//!
//! libgit2 knows transports by the beginning of an address, for the whole process. Ours have beginnings of their own, so
//! that whoever else uses libgit2 in this process is not touched; the rest of the address is the number of a session, in
//! which everything is that a connection needs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use git2::transport::Transport;
use tokio::sync::watch;

use super::access::Access;
use super::error::SourceError;
use super::http::Http;
use super::ssh::Ssh;
use super::url::{Place, RemoteUrl};

/// What a connection needs, and what went wrong on it.
pub(super) struct Session {
    pub(super) remote: RemoteUrl,
    pub(super) access: Access,
    pub(super) waiting: Waiting,
    runtime: tokio::runtime::Handle,
    /// The first thing that went wrong, in our own words. libgit2 carries only text.
    failure: Mutex<Option<SourceError>>,
}

/// Whether somebody still waits for what is being done.
#[derive(Clone)]
pub(super) struct Waiting(watch::Receiver<()>);

impl Waiting {
    /// Somebody waits as long as the sender is there.
    pub(super) fn new(alive: watch::Receiver<()>) -> Self {
        Self(alive)
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.has_changed().is_err()
    }

    async fn over(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

impl Session {
    /// A session without libgit2. Whoever opens it also waits: it ends when that is dropped.
    pub(super) fn alone(remote: &RemoteUrl, access: &Access) -> Self {
        let (_, waiting) = watch::channel(());
        Self {
            remote: remote.clone(),
            access: access.clone(),
            waiting: Waiting(waiting),
            runtime: tokio::runtime::Handle::current(),
            failure: Mutex::new(None),
        }
    }

    /// Waits for something of the network, as long as somebody waits for us.
    pub(super) fn wait<T>(&self, doing: impl Future<Output = T>) -> Result<T, SourceError> {
        let over = self.waiting.clone().over();
        self.runtime.block_on(async {
            tokio::select! {
                done = doing => Ok(done),
                () = over => Err(SourceError::Stopped { url: self.remote.to_string() }),
            }
        })
    }

    /// What went wrong does not matter: something else is tried.
    pub(super) fn forget_failure(&self) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Notes what went wrong and says it to libgit2.
    pub(super) fn fail(&self, error: SourceError) -> std::io::Error {
        let text = error.to_string();
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        std::io::Error::other(text)
    }

    /// What libgit2 says, or what we know better.
    pub(super) fn explain(&self, error: &git2::Error) -> SourceError {
        if self.waiting.is_over() {
            return SourceError::Stopped { url: self.remote.to_string() };
        }
        let known = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        known.unwrap_or_else(|| of_git(&self.remote, error))
    }
}

/// A session that is open as long as this lives.
pub(super) struct Open {
    id: u64,
    pub(super) session: Arc<Session>,
}

static REGISTER: Once = Once::new();
static NEXT: AtomicU64 = AtomicU64::new(1);
static SESSIONS: Mutex<Option<HashMap<u64, Arc<Session>>>> = Mutex::new(None);

fn sessions() -> MutexGuard<'static, Option<HashMap<u64, Arc<Session>>>> {
    SESSIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Open {
    pub(super) fn new(remote: &RemoteUrl, access: &Access, runtime: tokio::runtime::Handle, waiting: Waiting) -> Self {
        REGISTER.call_once(register);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (remote, access) = (remote.clone(), access.clone());
        let session = Arc::new(Session { remote, access, waiting, runtime, failure: Mutex::new(None) });
        sessions().get_or_insert_default().insert(id, session.clone());
        Self { id, session }
    }

    /// The address under which libgit2 gets to the remote.
    pub(super) fn address(&self) -> String {
        match self.session.remote.place() {
            Place::Local(path) => path.to_string_lossy().into_owned(),
            Place::Http(_) => format!("{HTTP}{}", self.id),
            Place::Ssh { .. } => format!("{SSH}{}", self.id),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(sessions) = &mut *sessions() {
            sessions.remove(&self.id);
        }
    }
}

const HTTP: &str = "windlass-http://";
const SSH: &str = "windlass-ssh://";

#[expect(unsafe_code, reason = "libgit2 wants registrations one at a time, which `Once` sees to")]
fn register() {
    // SAFETY: no other registration goes on: this is called once, and the beginnings are ours alone.
    let done = unsafe {
        git2::transport::register(HTTP.trim_end_matches("://"), |remote| {
            let session = session_of(remote, HTTP)?;
            Transport::smart(remote, true, Http::new(session))
        })
        .and_then(|()| {
            git2::transport::register(SSH.trim_end_matches("://"), |remote| {
                let session = session_of(remote, SSH)?;
                Transport::smart(remote, false, Ssh::new(session))
            })
        })
    };
    if let Err(error) = done {
        tracing::error!(%error, "git's transports could not be set up; remotes over HTTP and SSH will not work");
    }
}

fn session_of(remote: &git2::Remote<'_>, beginning: &str) -> Result<Arc<Session>, git2::Error> {
    let id = remote.url().ok().and_then(|url| url.strip_prefix(beginning)?.parse::<u64>().ok());
    let found = id.and_then(|id| sessions().as_ref()?.get(&id).cloned());
    found.ok_or_else(|| git2::Error::from_str("the session is over"))
}

/// What libgit2 says by itself.
pub(super) fn of_git(remote: &RemoteUrl, error: &git2::Error) -> SourceError {
    let url = remote.to_string();
    let text = error.message().to_ascii_lowercase();
    if text.contains("no space left") || text.contains("disk quota") {
        return SourceError::NoSpace { url };
    }
    match error.code() {
        git2::ErrorCode::Owner => SourceError::ForeignOwner { url },
        git2::ErrorCode::NotFound if remote.is_local() => SourceError::NotFound { url },
        _ if remote.is_local() && (text.contains("could not find repository") || text.contains("no such file")) => {
            SourceError::NotFound { url }
        }
        _ => SourceError::Failed { url, why: error.message().to_owned() },
    }
}
