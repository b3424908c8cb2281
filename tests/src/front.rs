//! A front before a server, so that a test can take the server away and bring it back without anybody else noticing.
#![expect(clippy::panic, reason = "a set-up that does not come about ends the test that wants it")]

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A port of this machine that leads to a server as long as it is open.
#[derive(Debug)]
pub struct Front {
    server: SocketAddr,
    address: SocketAddr,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    passing: Arc<Mutex<Passing>>,
    accepting: thread::JoinHandle<()>,
}

/// What passes now; all of it is cut when the front closes.
#[derive(Debug, Default)]
struct Passing {
    closed: bool,
    connections: Vec<TcpStream>,
}

impl Front {
    /// A front that is open.
    pub fn open(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let open = Mutex::new(Some(Open::new(listener, server)));
        Self { server, address, open }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets nobody through any more, and cuts what passes. New connections are refused.
    pub fn close(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(open) = open {
            open.end(self.address);
        }
    }

    /// Lets everybody through again, on the same port.
    pub fn open_again(&self) {
        let listener = TcpListener::bind(self.address).unwrap_or_else(|error| panic!("{}: {error}", self.address));
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(Open::new(listener, self.server));
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.close();
    }
}

impl Open {
    fn new(listener: TcpListener, server: SocketAddr) -> Self {
        let shared = Arc::new(Mutex::new(Passing::default()));
        let passing = shared.clone();
        let accepting = thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let mut passing = passing.lock().unwrap_or_else(PoisonError::into_inner);
                if passing.closed {
                    return;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                let kept = [&client, &server].map(TcpStream::try_clone);
                passing.connections.extend(kept.into_iter().filter_map(Result::ok));
                thread::spawn(move || carry(client, server));
            }
        });
        Self { passing: shared, accepting }
    }

    fn end(self, address: SocketAddr) {
        {
            let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
            passing.closed = true;
            for connection in passing.connections.drain(..) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
        // Wakes the one who accepts, so that the port is free when this returns.
        let _ = TcpStream::connect(address);
        let _ = self.accepting.join();
    }
}

fn carry(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}
