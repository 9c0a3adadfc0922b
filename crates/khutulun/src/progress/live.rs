//! The live tree: a thread that draws frames on the terminal while something happens.

use std::{
    io::{self, Write as _},
    sync::{
        Mutex,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Board, Event, PHASE_SHOWN_AFTER, StepState};
use crate::{
    terminal::{self, Style},
    time,
};

/// How often the frame moves.
const TICK: Duration = Duration::from_millis(100);

enum Message {
    Event(Event),
    Settle(Sender<()>),
    End,
}

/// The drawing thread.
pub(super) struct Live {
    sender: Mutex<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts the thread.
    pub(super) fn start() -> Self {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(move || draw(&receiver)).ok();
        Self { sender: Mutex::new(sender), thread }
    }

    /// Takes an event in.
    pub(super) fn send(&self, event: Event) {
        // Without a thread (no memory, too many) there is no progress; the work goes on.
        let _ = super::lock(&self.sender).send(Message::Event(event));
    }

    /// Draws the last frame, leaves it where it is, and returns once that is done.
    pub(super) fn settle(&self) {
        let (done, wait) = mpsc::channel();
        if super::lock(&self.sender).send(Message::Settle(done)).is_ok() {
            let _ = wait.recv();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = super::lock(&self.sender).send(Message::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is on the terminal.
struct Screen {
    style: Style,
    board: Option<Board>,
    phase: Option<(String, Instant)>,
    /// How many lines of the present frame are above the cursor.
    drawn: usize,
}

fn draw(receiver: &mpsc::Receiver<Message>) {
    let mut screen = Screen { style: Style::stderr(), board: None, phase: None, drawn: 0 };
    let mut next = Instant::now() + PHASE_SHOWN_AFTER;
    loop {
        let idle = screen.board.is_none() && screen.phase.is_none();
        let message = if idle {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(next.saturating_duration_since(Instant::now()))
        };
        match message {
            Ok(Message::Event(event)) => {
                let lasting = matches!(event, Event::Phase(_));
                screen.take(event);
                // Many events at once make one frame.
                let soon = Instant::now() + if lasting { PHASE_SHOWN_AFTER } else { TICK / 4 };
                next = if idle { soon } else { next.min(soon) };
            }
            Ok(Message::Settle(done)) => {
                screen.settle();
                let _ = done.send(());
            }
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => {
                screen.settle();
                return;
            }
            Err(RecvTimeoutError::Timeout) => {
                screen.draw();
                next = Instant::now() + TICK;
            }
        }
    }
}

impl Screen {
    fn take(&mut self, event: Event) {
        let now = Instant::now();
        let mut set = |step: u32, state| {
            if let Some(board) = &mut self.board {
                board.set(step as usize, state, now);
            }
        };
        match event {
            Event::Phase(text) => self.phase = Some((text, now)),
            Event::Began { plan, .. } => {
                self.phase = None;
                self.board = Some(Board::new(&plan, now));
            }
            Event::Started { step } => set(step, StepState::Working(now)),
            Event::Retrying { step, message } => set(step, StepState::Retrying(now, message)),
            Event::Succeeded { step } => set(step, StepState::Done),
            Event::Skipped { step } => set(step, StepState::Skipped),
            Event::Failed { step, message } => set(step, StepState::Failed(message)),
            Event::Ended { .. } => self.settle(),
            Event::Note(text) => match &mut self.board {
                Some(board) => board.note(text),
                None => {
                    self.put(&[]);
                    let _ = io::stderr().write_all(format!("{}\n", self.style.yellow(&text)).as_bytes());
                }
            },
        }
    }

    fn draw(&mut self) {
        let now = Instant::now();
        let (width, height) = terminal::size();
        let lines = match (&self.board, &self.phase) {
            (Some(board), _) => board.frame(now, width, height, self.style),
            (None, Some((text, since))) => {
                let elapsed = now.saturating_duration_since(*since);
                if elapsed < PHASE_SHOWN_AFTER {
                    return;
                }
                let line = format!("  {} {}", text, self.style.dim(&time::elapsed(elapsed)));
                vec![terminal::fit(&line, width.saturating_sub(1))]
            }
            (None, None) => return,
        };
        self.put(&lines);
    }

    /// A board stays where it is with its last state; a phase was only there to wait for, and goes.
    fn settle(&mut self) {
        if self.board.is_some() {
            self.draw();
            self.drawn = 0;
        } else {
            self.put(&[]);
        }
        self.board = None;
        self.phase = None;
    }

    /// Puts lines in place of the present ones.
    fn put(&mut self, lines: &[String]) {
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A\r", self.drawn));
        }
        for line in lines {
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        if self.drawn > 0 {
            text.push_str("\x1b[J");
        }
        self.drawn = lines.len();
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
