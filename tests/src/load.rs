//! A constant load of requests on a page, counted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Requests for a page that says hello, one after another, each on a connection of its own, with a pause between them.
#[derive(Debug)]
pub struct Load {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Counted>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub struct Counted {
    /// How many were answered with the page.
    pub fine: usize,
    /// What the others met.
    pub failed: Vec<String>,
}

const PAUSE: Duration = Duration::from_millis(10);

impl Load {
    /// Begins.
    pub fn begin(address: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let thread = std::thread::spawn(move || {
            let mut counted = Counted::default();
            while !told.load(Ordering::Relaxed) {
                match get(address) {
                    Ok(page) if page.contains("hello") => counted.fine += 1,
                    Ok(page) => counted.failed.push(format!("an odd page: {page:?}")),
                    Err(error) => counted.failed.push(error.to_string()),
                }
                pause();
            }
            counted
        });
        Self { over, thread }
    }

    /// Ends.
    pub fn end(self) -> Counted {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "the rate of the requests is bounded, nothing waits for it")]
fn pause() {
    std::thread::sleep(PAUSE);
}

/// The answer to a request for the first page.
///
/// # Errors
/// When nobody answers.
pub fn get(address: SocketAddr) -> std::io::Result<String> {
    get_path(address, "/")
}

/// The answer to a request.
///
/// # Errors
/// When nobody answers.
pub fn get_path(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: test\r\n\r\n").as_bytes())?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}
