//! The thread that finds out what follows from events, and has it done.

use std::{
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
};

use floria::Signal;
use khutulun_api::describe_error;
use khutulun_events::{Due, EventError, Performed, Reactor};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use tokio::runtime::Handle;

use crate::{
    agent::{REST, Shared},
    bell::Bell,
    host::Act,
};

/// What reactions came to that ended, and what wakes the thread.
pub(crate) struct Ended {
    pub(crate) bell: Arc<Bell>,
    reactions: Mutex<Vec<(Due, Option<Performed>)>>,
    end: AtomicBool,
}

impl Ended {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { bell: Bell::new()?, reactions: Mutex::default(), end: AtomicBool::new(false) })
    }

    /// Nothing new is to be begun.
    pub(crate) fn end(&self) {
        self.end.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    fn push(&self, due: Due, performed: Option<Performed>) {
        self.reactions.lock().unwrap_or_else(PoisonError::into_inner).push((due, performed));
        self.bell.ring();
    }

    fn take(&self) -> Vec<(Due, Option<Performed>)> {
        std::mem::take(&mut *self.reactions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes events lead to something.
pub(crate) struct Reacting {
    pub(crate) reactor: Reactor,
    pub(crate) signal: Arc<Signal>,
    pub(crate) ended: Arc<Ended>,
    pub(crate) act: Arc<dyn Act>,
    pub(crate) shared: Arc<Shared>,
    /// Where reactions are performed.
    pub(crate) runtime: Handle,
    pub(crate) at_work: u64,
    /// An error left it in the middle of something: it is to be begun anew, from what is recorded.
    pub(crate) is_broken: bool,
}

impl Reacting {
    /// Looks at events and has done what follows, until nothing new is to be begun and all that was begun has ended.
    pub(crate) fn work(mut self) {
        let waker = Waker::from(Arc::clone(&self.ended.bell));
        let mut rest = REST.0;
        loop {
            // Before anything is read: what comes meanwhile wakes this thread.
            let seen = self.signal.count();
            for (due, performed) in self.ended.take() {
                self.count(self.at_work - 1);
                self.shared.performed.fetch_add(u64::from(performed.is_some()), Ordering::Relaxed);
                self.reactor.ended(due, performed);
            }
            let is_ending = self.ended.end.load(Ordering::SeqCst);
            if is_ending && self.at_work == 0 {
                // What cannot be recorded now is looked at again by the next agent.
                let _ = self.reactor.settle(&*self.shared.store);
                return;
            }
            let handed_out = if is_ending { Ok(false) } else { self.hand_out() };
            match handed_out {
                Ok(true) => continue,
                Ok(false) => rest = REST.0,
                Err(error) => {
                    let text = describe_error(&error);
                    self.shared.host.note(&format!("failed to look at events, and will try again: {text}"));
                    std::thread::sleep(rest);
                    rest = (rest * 2).min(REST.1);
                    self.let_end();
                    continue;
                }
            }
            if self.signal.poll(seen, &mut Context::from_waker(&waker)).is_pending() {
                self.wait();
            }
        }
    }

    /// Reads events and has begun what follows. Returns whether there may be more.
    fn hand_out(&mut self) -> Result<bool, EventError> {
        let shared = Arc::clone(&self.shared);
        let store = &*shared.store;
        if self.is_broken {
            self.reactor = Reactor::open(store)?;
            self.is_broken = false;
        }
        let more = self.reactor.read(store)?;
        self.shared.cursor.store(self.reactor.cursor(), Ordering::Relaxed);
        let due = self.reactor.due(store, &*self.shared.functions)?;
        let is_idle = due.is_empty() && !more;
        for due in due {
            self.perform(due);
        }
        if is_idle {
            self.reactor.settle(store)?;
        }
        Ok(!is_idle)
    }

    fn perform(&mut self, due: Due) {
        self.count(self.at_work + 1);
        let (act, ended, shared) = (Arc::clone(&self.act), Arc::clone(&self.ended), Arc::clone(&self.shared));
        self.runtime.spawn(async move {
            // A panic is a bug; what was begun is in the journal, and the thread must not wait for ever.
            let performing = tokio::spawn({
                let due = due.clone();
                async move { act.perform(&due).await }
            });
            let performed = match performing.await {
                Ok(Ok(performed)) => Some(performed),
                Ok(Err(error)) => {
                    shared
                        .host
                        .note(&format!("failed to react, and will try again: {}", describe_error(&error)));
                    tokio::time::sleep(REST.0 * 10).await;
                    None
                }
                Err(error) => {
                    shared.host.note(&format!("failed to react: {error}"));
                    Some(Performed::default())
                }
            };
            ended.push(due, performed);
        });
    }

    /// After an error all that is at work is waited for, so that the reactor can be begun anew from what is recorded.
    fn let_end(&mut self) {
        while self.at_work > 0 {
            self.wait();
            self.count(self.at_work - self.ended.take().len() as u64);
        }
        self.is_broken = true;
    }

    fn count(&mut self, at_work: u64) {
        self.at_work = at_work;
        self.shared.at_work.store(at_work, Ordering::Relaxed);
    }

    fn wait(&self) {
        let mut ready = [PollFd::from_borrowed_fd(self.ended.bell.as_fd(), PollFlags::IN)];
        match poll(&mut ready, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => std::thread::sleep(REST.0),
        }
        self.ended.bell.heard();
    }
}
