//! The thread that hears what happens on the machine, and tells it.

use std::{
    io,
    os::fd::AsFd as _,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use floria::Signal;
use khutulun_api::{Clock, describe_error};
use khutulun_host::ProcessWatch;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::{
    agent::{AgentError, REST, Shared, system},
    alarm::Alarm,
    bell::Bell,
    file::FileWatch,
    teller::Teller,
};

/// What somebody wants the thread to do.
pub(crate) struct Orders {
    pub(crate) bell: Arc<Bell>,
    end: AtomicBool,
}

impl Orders {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { bell: Bell::new()?, end: AtomicBool::new(false) })
    }

    /// It is to end.
    pub(crate) fn end(&self) {
        self.end.store(true, Ordering::SeqCst);
        self.bell.ring();
    }
}

/// Everything that hears.
pub(crate) struct Ears {
    pub(crate) orders: Arc<Orders>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) processes: ProcessWatch,
    pub(crate) files: FileWatch,
    pub(crate) alarm: Alarm,
    pub(crate) teller: Teller,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shared: Arc<Shared>,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, Default)]
struct Todo {
    sources: bool,
    processes: bool,
    files: bool,
    timers: bool,
    retry: bool,
}

impl Todo {
    const ALL: Self = Self { sources: true, processes: true, files: true, timers: true, retry: true };
}

impl Ears {
    /// Hears and tells, until it is to end. Nothing is done between two things that happen.
    pub(crate) fn listen(mut self) {
        let waker = Waker::from(Arc::clone(&self.orders.bell));
        let mut todo = Todo::ALL;
        let mut rest = REST.0;
        while !self.orders.end.load(Ordering::SeqCst) {
            // Before anything is read: what is committed meanwhile (a run that ends, a policy that comes) wakes this thread.
            let seen = self.signal.count();
            let again = match self.work(todo) {
                Ok(()) => {
                    rest = REST.0;
                    None
                }
                Err(error) => {
                    let text = describe_error(&error);
                    self.shared
                        .host
                        .note(&format!("failed to tell what happened, and will try again: {text}"));
                    self.teller.forget_sources();
                    rest = (rest * 2).min(REST.1);
                    Some(rest)
                }
            };
            // Nothing is lost by an error: what was heard of is kept, and looked at again.
            todo = if again.is_some() { Todo::ALL } else { Todo::default() };
            if again.is_none() && self.signal.poll(seen, &mut Context::from_waker(&waker)).is_ready() {
                todo = Todo { sources: true, retry: true, ..todo };
                continue;
            }
            self.wait(again, &mut todo);
        }
    }

    /// Waits for something to happen, and for so long at most.
    fn wait(&mut self, at_most: Option<Duration>, todo: &mut Todo) {
        let timeout = at_most.and_then(|at_most| Timespec::try_from(at_most).ok());
        let mut ready = [
            PollFd::from_borrowed_fd(self.orders.bell.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.processes.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.files.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.alarm.as_fd(), PollFlags::IN),
        ];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return,
            Err(error) => {
                self.shared.host.note(&format!("failed to wait for what happens: {error}"));
                std::thread::sleep(REST.0);
                return;
            }
        }
        let [bell, processes, files, alarm] = ready.map(|ready| !ready.revents().is_empty());
        if bell {
            self.orders.bell.heard();
            todo.retry = true;
            todo.sources = true;
        }
        if alarm {
            self.alarm.heard();
        }
        todo.processes |= processes;
        todo.files |= files;
        todo.timers |= alarm;
    }

    fn work(&mut self, todo: Todo) -> Result<(), AgentError> {
        let now_ms = self.clock.now_ms();
        if todo.processes {
            let changes = self.processes.take()?;
            self.teller.processes(changes)?;
        }
        let mut timers = todo.timers;
        if todo.sources
            && let Some(paths) = self.teller.read_sources(now_ms)?
        {
            self.files.set(&paths).map_err(system("watch files"))?;
            // What changed before it was watched.
            self.teller.files(None)?;
            timers = true;
        }
        if todo.files {
            let touched = self.files.take().map_err(system("watch files"))?;
            self.teller.files(Some(&touched))?;
        }
        if todo.retry {
            self.teller.retry()?;
        }
        if timers {
            let next = self.teller.timers(now_ms)?;
            self.alarm.set(next).map_err(system("set the alarm"))?;
            self.shared.is_alarm_set.store(self.alarm.is_set(), Ordering::Relaxed);
        }
        *self.shared.numbers.lock().unwrap_or_else(PoisonError::into_inner) = self.teller.numbers();
        Ok(())
    }
}
