//! What all formats come to: a sequence of events. Readers pull them, writers take them; nobody holds more than one.

use std::{cell::Cell, rc::Rc};

use floria::ENCODED_DEPTH_MAX;

use crate::{ExchangeError, Format, Place};

/// How deep lists and maps may nest in a file: a map in the form for keys that are not text takes three levels for one.
pub(crate) const NESTING_MAX: usize = 3 * ENCODED_DEPTH_MAX + 16;

/// How much an event takes in memory, beside its text or octets: a value, and its share of the list or map around it.
const EVENT_OCTETS: u64 = 64;

/// How much a map of values takes in memory before its entries do: one node of a B-tree.
const MAP_OCTETS: u64 = 640;

/// A step through a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// Its items follow, then [`Event::End`].
    List,
    /// Its keys and values follow in turns, then [`Event::End`].
    Map,
    /// The innermost list or map ends.
    End,
    /// Nothing follows.
    Finished,
}

impl Event {
    /// Says what it is, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => format!("`{value}`"),
            Self::Integer(value) => format!("integer {value}"),
            Self::Float(value) => format!("float {value:?}"),
            Self::Text(text) => format!("text `{}`", shortened(text)),
            Self::Bytes(octets) => format!("{} bytes", octets.len()),
            Self::List => "a list".to_owned(),
            Self::Map => "a map".to_owned(),
            Self::End => "the end of a list or map".to_owned(),
            Self::Finished => "the end of the file".to_owned(),
        }
    }
}

/// Cuts what a file says to what fits a message.
pub(crate) fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What one format is read by.
pub(crate) trait Source {
    /// Returns the next event. After an error it is not called again.
    fn next(&mut self) -> Result<Event, Fault>;

    /// Returns where the last event began.
    fn place(&self) -> Place;

    fn format(&self) -> Format;
}

/// Why there is no next event.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The file is wrong here.
    At(Place, String),
    /// The file cannot be read.
    Io(std::io::Error),
}

/// What one entity may still take of memory.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<u64>,
    max: u64,
}

impl Budget {
    pub(crate) fn new(max: u64) -> Rc<Self> {
        Rc::new(Self { left: Cell::new(max), max })
    }

    /// The next entity begins.
    pub(crate) fn renew(&self) {
        self.left.set(self.max);
    }

    /// Returns how much was taken since [`Self::renew`].
    pub(crate) fn taken(&self) -> u64 {
        self.max - self.left.get()
    }

    /// Takes so many octets, if they are left.
    pub(crate) fn charge(&self, octets: u64) -> Result<(), String> {
        match self.left.get().checked_sub(octets) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(format!("what is here takes more than the {} octets that one entity may", self.max)),
        }
    }

    /// Takes what an event takes, but for its text or octets.
    pub(crate) fn charge_event(&self) -> Result<(), String> {
        self.charge(EVENT_OCTETS)
    }

    /// Takes what the first entry of a map of values takes.
    pub(crate) fn charge_map(&self) -> Result<(), String> {
        self.charge(MAP_OCTETS)
    }
}

/// What one format is written by. Lists and maps are opened with how many items or entries follow, and closed.
pub(crate) trait Sink {
    fn format(&self) -> Format;
    fn null(&mut self) -> Written;
    fn boolean(&mut self, value: bool) -> Written;
    fn integer(&mut self, value: i64) -> Written;
    /// Text formats are given finite floats only.
    fn float(&mut self, value: f64) -> Written;
    fn text(&mut self, text: &str) -> Written;
    /// Text formats are not given any.
    fn bytes(&mut self, octets: &[u8]) -> Written;
    fn list(&mut self, items: Option<usize>) -> Written;
    fn map(&mut self, entries: usize) -> Written;
    /// Ends the innermost list or map.
    fn end(&mut self) -> Written;
    /// An entity follows, or the end: a good place for a new line or document.
    fn item(&mut self) -> Written;
    /// Nothing follows.
    fn finish(&mut self) -> Written;
}

pub(crate) type Written = Result<(), ExchangeError>;

/// Returns a finite float as all text formats read it, and nothing but a float: `1.0`, `1.0e+300`.
pub(crate) fn float_text(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}
