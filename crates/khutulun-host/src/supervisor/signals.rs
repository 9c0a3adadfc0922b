//! The signals that a supervisor waits for.

use std::{
    io,
    os::{fd::AsFd as _, unix::net::UnixStream},
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use rustix::event::{PollFd, PollFlags};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::wait;

/// Signals as files that become readable: waiting for them can have a deadline and company.
pub(super) struct Signals {
    end: UnixStream,
    child: UnixStream,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Happened {
    /// Somebody asked the supervisor to end.
    pub(super) end: bool,
    /// The files beside the signals that are readable or closed, as bits.
    pub(super) files: u32,
}

impl Signals {
    pub(super) fn register() -> io::Result<Self> {
        let pipe = |signal| {
            let (read, write) = UnixStream::pair()?;
            read.set_nonblocking(true)?;
            signal_hook::low_level::pipe::register(signal, write)?;
            io::Result::Ok(read)
        };
        // A terminal's signals, should there be one, are not for a supervisor. Handled rather than ignored, because what is
        // ignored stays ignored in the programs that it starts.
        for signal in [SIGHUP, SIGINT, SIGQUIT] {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
        Ok(Self { end: pipe(SIGTERM)?, child: pipe(SIGCHLD)? })
    }

    /// Waits for a signal, the end of a child, one of the files, or the deadline.
    pub(super) fn wait(&self, files: &[PollFd<'_>], deadline: Option<Instant>) -> io::Result<Happened> {
        let mut polled = Vec::with_capacity(files.len() + 2);
        polled.push(PollFd::from_borrowed_fd(self.end.as_fd(), PollFlags::IN));
        polled.push(PollFd::from_borrowed_fd(self.child.as_fd(), PollFlags::IN));
        polled.extend_from_slice(files);
        let ready = wait::poll(&mut polled, deadline)?;
        if ready & 2 != 0 {
            drain(&self.child);
        }
        Ok(Happened { end: ready & 1 != 0 && drain(&self.end), files: ready >> 2 })
    }
}

/// Empties a pipe; false if it was empty.
fn drain(pipe: &UnixStream) -> bool {
    let mut buffer = [0_u8; 64];
    let mut any = false;
    while matches!(rustix::io::read(pipe, &mut buffer), Ok(1..)) {
        any = true;
    }
    any
}
