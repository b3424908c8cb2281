//! A server that speaks S3 over a folder, checks signatures, and can be held up and taken away.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::path::S3Path;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use windlass_tests::kill::program::{PATIENCE, becomes_true};

pub(crate) const KEY: &str = "windlass";
pub(crate) const SECRET: &str = "the secret of the key";

/// The server. It ends with all its connections when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    root: PathBuf,
    runtime: Option<Runtime>,
    porter: Arc<Porter>,
}

/// Sees every request before it is done.
struct Porter {
    root: PathBuf,
    seen: Mutex<Vec<String>>,
    /// The operation of which one is held up, after so many others.
    hold: Option<(&'static str, usize)>,
    holding: watch::Sender<bool>,
}

impl Server {
    /// Over the buckets in a folder, each of which is a folder in it.
    pub(crate) fn over(root: &Path) -> Self {
        Self::start(root, "127.0.0.1:0", None)
    }

    /// One that never answers to a request of this kind, after so many that it answers to.
    pub(crate) fn holding_up(root: &Path, operation: &'static str, after: usize) -> Self {
        Self::start(root, "127.0.0.1:0", Some((operation, after)))
    }

    /// Another one at the same address.
    pub(crate) fn back_at(root: &Path, address: SocketAddr) -> Self {
        Self::start(root, &address.to_string(), None)
    }

    fn start(root: &Path, at: &str, hold: Option<(&'static str, usize)>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let porter = Arc::new(Porter {
            root: root.to_path_buf(),
            seen: Mutex::default(),
            hold,
            holding: watch::Sender::new(false),
        });
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        builder.set_access(Door(porter.clone()));
        let service = builder.build();
        // One that was there before may need a moment to let its address go.
        let mut listener = None;
        becomes_true(PATIENCE, || {
            listener = std::net::TcpListener::bind(at).ok();
            listener.is_some()
        });
        let listener = listener.unwrap_or_else(|| panic!("the address {at} is taken"));
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move { serve(TcpListener::from_std(listener).unwrap(), service).await });
        Self { address, root: root.to_path_buf(), runtime: Some(runtime), porter }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests of a kind came.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.porter.seen.lock().unwrap().iter().filter(|seen| *seen == operation).count()
    }

    /// Returns once a request is held up.
    pub(crate) async fn until_held_up(&self) {
        self.porter.holding.subscribe().wait_for(|holding| *holding).await.unwrap();
    }

    /// What is left of uploads that did not come to their end.
    pub(crate) fn begun_uploads(&self) -> Vec<String> {
        let names = fs::read_dir(&self.root).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(".upload")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Connections break in the middle of whatever they do.
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            // What breaks is the business of the client.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

struct Door(Arc<Porter>);

#[async_trait::async_trait]
impl S3Access for Door {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied));
        }
        let operation = context.s3_op().name();
        let bucket = match context.s3_path() {
            S3Path::Bucket { bucket } | S3Path::Object { bucket, .. } => bucket.clone(),
            S3Path::Root => return Ok(()),
        };
        self.0.note(operation);
        // The library writes into buckets that nobody made.
        if !self.0.root.join(&*bucket).is_dir() {
            return Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"));
        }
        if self.0.is_held_up(operation) {
            self.0.holding.send_replace(true);
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Porter {
    fn note(&self, operation: &str) {
        self.seen.lock().unwrap().push(operation.to_owned());
    }

    fn is_held_up(&self, operation: &str) -> bool {
        let Some((held, after)) = self.hold.filter(|(held, _)| *held == operation) else { return false };
        self.seen.lock().unwrap().iter().filter(|seen| *seen == held).count() > after
    }
}
