//! CBOR (RFC 8949), event by event.

use std::{
    io::{self, Read, Write},
    rc::Rc,
};

use ciborium_io::Read as _;
use ciborium_ll::{Decoder, Encoder, Error, Header, simple};

use crate::{
    ExchangeError, Format, Place,
    event::{Budget, Event, Fault, NESTING_MAX, Sink, Source, Written},
    json::too_large,
    octets::Octets,
};

/// How much of a text or of octets is read at once.
const PIECE_OCTETS: usize = 16 * 1024;

pub(crate) struct CborSource<R: Read> {
    decoder: Decoder<Octets<R>>,
    budget: Rc<Budget>,
    /// For each open list or map, how many items it still lacks; for one of indefinite length, how many it had.
    open: Vec<Open>,
    begun: bool,
    place: Place,
}

enum Open {
    Definite(u64),
    Indefinite { map: bool, items: u64 },
}

impl<R: Read> CborSource<R> {
    pub(crate) fn new(reader: R, budget: Rc<Budget>) -> Self {
        let decoder = Decoder::from(Octets::new(reader));
        Self { decoder, budget, open: Vec::new(), begun: false, place: Place::Octet(0) }
    }

    fn fault<T>(&self, problem: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::At(self.place, problem.into()))
    }

    fn charge(&self, octets: u64) -> Result<(), Fault> {
        self.budget.charge(octets).or_else(|problem| self.fault(problem))
    }

    fn header(&mut self) -> Result<Header, Fault> {
        self.decoder.pull().or_else(|error| match error {
            Error::Io(error) => self.io(error),
            Error::Syntax(_) => self.fault("this is no CBOR"),
        })
    }

    fn io<T>(&self, error: io::Error) -> Result<T, Fault> {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.fault("the file ends within an item"),
            _ => Err(Fault::Io(error)),
        }
    }

    fn open(&mut self, length: Option<usize>, map: bool) -> Result<Event, Fault> {
        if self.open.len() == NESTING_MAX {
            return self.fault(format!("lists and maps nest deeper than {NESTING_MAX} levels"));
        }
        let items = length.map(|length| (length as u64).checked_mul(if map { 2 } else { 1 }));
        self.open.push(match items {
            None => Open::Indefinite { map, items: 0 },
            Some(Some(items)) => Open::Definite(items),
            Some(None) => return self.fault("a map has more entries than can be"),
        });
        Ok(if map { Event::Map } else { Event::List })
    }

    /// Reads text or bytes, which may come in pieces.
    fn string(&mut self, text: bool, length: Option<usize>) -> Result<Vec<u8>, Fault> {
        let mut octets = Vec::new();
        if let Some(length) = length {
            self.piece(length, &mut octets)?;
            return Ok(octets);
        }
        loop {
            let piece = match self.header()? {
                Header::Break => return Ok(octets),
                Header::Text(Some(length)) if text => length,
                Header::Bytes(Some(length)) if !text => length,
                _ => return self.fault("a text or bytes in pieces has a piece of another kind"),
            };
            self.charge(1)?;
            let start = octets.len();
            self.piece(piece, &mut octets)?;
            if text && std::str::from_utf8(&octets[start..]).is_err() {
                return self.fault("a text is not UTF-8");
            }
        }
    }

    fn piece(&mut self, length: usize, octets: &mut Vec<u8>) -> Result<(), Fault> {
        self.charge(length as u64)?;
        let mut left = length;
        while left > 0 {
            let start = octets.len();
            let count = left.min(PIECE_OCTETS);
            octets.resize(start + count, 0);
            self.decoder.read_exact(&mut octets[start..]).or_else(|error| self.io(error))?;
            left -= count;
        }
        Ok(())
    }
}

impl<R: Read> Source for CborSource<R> {
    fn next(&mut self) -> Result<Event, Fault> {
        self.place = Place::Octet(self.decoder.offset() as u64);
        match self.open.last_mut() {
            Some(Open::Definite(0)) => {
                self.open.pop();
                return Ok(Event::End);
            }
            Some(Open::Definite(left)) => *left -= 1,
            Some(Open::Indefinite { items, .. }) => *items += 1,
            None if self.begun => {
                let mut octet = [0];
                return match self.decoder.read_exact(&mut octet) {
                    Ok(()) => self.fault("something follows the end"),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Event::Finished),
                    Err(error) => Err(Fault::Io(error)),
                };
            }
            None => self.begun = true,
        }
        let event = match self.header()? {
            Header::Positive(integer) => match i64::try_from(integer) {
                Ok(integer) => Event::Integer(integer),
                Err(_) => return self.fault(too_large(integer)),
            },
            Header::Negative(integer) => match i64::try_from(integer) {
                Ok(integer) => Event::Integer(-1 - integer),
                Err(_) => return self.fault(too_large(-1 - i128::from(integer))),
            },
            Header::Float(float) => Event::Float(float),
            Header::Simple(simple::NULL) => Event::Null,
            Header::Simple(simple::TRUE) => Event::Boolean(true),
            Header::Simple(simple::FALSE) => Event::Boolean(false),
            Header::Simple(number) => return self.fault(format!("simple value {number} means nothing here")),
            Header::Tag(tag) => return self.fault(format!("tag {tag} means nothing here")),
            Header::Bytes(length) => Event::Bytes(self.string(false, length)?),
            Header::Text(length) => {
                let octets = self.string(true, length)?;
                Event::Text(String::from_utf8(octets).or_else(|_| self.fault("a text is not UTF-8"))?)
            }
            Header::Array(length) => self.open(length, false)?,
            Header::Map(length) => self.open(length, true)?,
            Header::Break => match self.open.pop() {
                // This break was counted as an item.
                Some(Open::Indefinite { map, items }) if !map || items % 2 == 1 => return Ok(Event::End),
                _ => return self.fault("a break is where none can be"),
            },
        };
        self.budget.charge_event().or_else(|problem| self.fault(problem))?;
        Ok(event)
    }

    fn place(&self) -> Place {
        self.place
    }

    fn format(&self) -> Format {
        Format::Cbor
    }
}

pub(crate) struct CborSink<W: Write> {
    encoder: Encoder<W>,
    /// For each open list or map, whether its length is indefinite.
    open: Vec<bool>,
}

impl<W: Write> CborSink<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { encoder: Encoder::from(writer), open: Vec::new() }
    }

    fn push(&mut self, header: Header) -> Written {
        self.encoder.push(header).map_err(ExchangeError::Write)
    }
}

impl<W: Write> Sink for CborSink<W> {
    fn format(&self) -> Format {
        Format::Cbor
    }

    fn null(&mut self) -> Written {
        self.push(Header::Simple(simple::NULL))
    }

    fn boolean(&mut self, value: bool) -> Written {
        self.push(Header::Simple(if value { simple::TRUE } else { simple::FALSE }))
    }

    fn integer(&mut self, value: i64) -> Written {
        self.push(match u64::try_from(value) {
            Ok(value) => Header::Positive(value),
            Err(_) => Header::Negative(!value as u64),
        })
    }

    fn float(&mut self, value: f64) -> Written {
        self.push(Header::Float(value))
    }

    fn text(&mut self, text: &str) -> Written {
        self.encoder.text(text, None).map_err(ExchangeError::Write)
    }

    fn bytes(&mut self, octets: &[u8]) -> Written {
        self.encoder.bytes(octets, None).map_err(ExchangeError::Write)
    }

    fn list(&mut self, items: Option<usize>) -> Written {
        self.open.push(items.is_none());
        self.push(Header::Array(items))
    }

    fn map(&mut self, entries: usize) -> Written {
        self.open.push(false);
        self.push(Header::Map(Some(entries)))
    }

    fn end(&mut self) -> Written {
        if self.open.pop() == Some(true) { self.push(Header::Break) } else { Ok(()) }
    }

    fn item(&mut self) -> Written {
        Ok(())
    }

    fn finish(&mut self) -> Written {
        ciborium_io::Write::flush(&mut self.encoder).map_err(ExchangeError::Write)
    }
}
