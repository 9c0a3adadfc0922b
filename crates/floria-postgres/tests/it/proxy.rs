//! A place between a store and its server, where connections break at a chosen moment.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

/// The message by which a commit is asked for, and the end of the answer to it: done, and no transaction open.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives, and the answer does, too.
    Passed,
    /// The connection breaks before the server hears of it.
    Unsent,
    /// The connection breaks when the server has done it, and nobody hears of that.
    Unheard,
}

/// Listens on a socket of its own and passes on, but for the commits: of each, in order, a script says what becomes of it.
/// When the script is over, all are passed.
pub(crate) struct Proxy {
    pub(crate) folder: tempfile::TempDir,
}

impl Proxy {
    pub(crate) fn new(server: &Path, script: Vec<Fate>) -> Self {
        let folder = tempfile::Builder::new().prefix("floria-px").tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let server: PathBuf = server.join(".s.PGSQL.5432");
        let script = Arc::new(Mutex::new(script.into_iter()));
        // It ends with the process: nothing here outlives the tests.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = UnixStream::connect(&server) else { continue };
                let script = script.clone();
                thread::spawn(move || {
                    let unheard = Arc::new(Mutex::new(false));
                    let next = move || script.lock().unwrap().next().unwrap_or(Fate::Passed);
                    let (from_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                    let seen = unheard.clone();
                    thread::spawn(move || answers(from_server, to_client, &seen));
                    requests(client, server, next, &unheard);
                });
            }
        });
        Self { folder }
    }
}

fn requests(mut client: UnixStream, mut server: UnixStream, next: impl Fn() -> Fate, unheard: &Mutex<bool>) {
    let mut held: Vec<u8> = Vec::new();
    let mut buffer = [0; 16_384];
    while let Ok(size @ 1..) = client.read(&mut buffer) {
        held.extend_from_slice(&buffer[..size]);
        while let Some(place) = held.windows(COMMIT.len()).position(|window| window == COMMIT) {
            let rest = held.split_off(place + COMMIT.len());
            match next() {
                Fate::Passed => {}
                Fate::Unsent => {
                    let _ = server.write_all(&held[..place]);
                    return end(&client, &server);
                }
                Fate::Unheard => *unheard.lock().unwrap() = true,
            }
            let _ = server.write_all(&held);
            held = rest;
        }
        // What may be the beginning of a commit waits for its end.
        let start = (1..COMMIT.len()).rev().find(|length| held.ends_with(&COMMIT[..*length])).unwrap_or(0);
        let rest = held.split_off(held.len() - start);
        if server.write_all(&held).is_err() {
            break;
        }
        held = rest;
    }
    end(&client, &server);
}

fn answers(mut server: UnixStream, mut client: UnixStream, unheard: &Mutex<bool>) {
    let mut seen: Vec<u8> = Vec::new();
    let mut buffer = [0; 16_384];
    while let Ok(size @ 1..) = server.read(&mut buffer) {
        if *unheard.lock().unwrap() {
            seen.extend_from_slice(&buffer[..size]);
            if seen.windows(COMMITTED.len()).any(|window| window == COMMITTED) {
                break;
            }
        } else if client.write_all(&buffer[..size]).is_err() {
            break;
        }
    }
    end(&client, &server);
}

fn end(client: &UnixStream, server: &UnixStream) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
