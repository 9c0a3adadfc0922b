//! Waking a thread that waits for files.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
};

use rustix::event::{EventfdFlags, eventfd};

/// Becomes readable when somebody rings it.
pub(crate) struct Bell {
    file: OwnedFd,
    rung: AtomicBool,
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Bell {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        let file = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Arc::new(Self { file, rung: AtomicBool::new(false) }))
    }

    pub(crate) fn ring(&self) {
        // Once is enough until it was heard.
        if !self.rung.swap(true, Ordering::SeqCst) {
            let _ = rustix::io::write(&self.file, &1_u64.to_ne_bytes());
        }
    }

    /// Makes it silent again. Who rings from now on is heard.
    pub(crate) fn heard(&self) {
        let mut buffer = [0_u8; 8];
        let _ = rustix::io::read(&self.file, &mut buffer);
        self.rung.store(false, Ordering::SeqCst);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
