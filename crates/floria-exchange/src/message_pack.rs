//! MessagePack, event by event.

use std::{
    io::{self, Read, Write},
    rc::Rc,
};

use rmp::{Marker, encode};

use crate::{
    ExchangeError, Format, Place,
    event::{Budget, Event, Fault, NESTING_MAX, Sink, Source, Written},
    json::too_large,
    octets::Octets,
};

pub(crate) struct MessagePackSource<R> {
    octets: Octets<R>,
    budget: Rc<Budget>,
    /// For each open list or map, how many items it still lacks.
    open: Vec<u64>,
    place: Place,
}

impl<R: Read> MessagePackSource<R> {
    pub(crate) fn new(reader: R, budget: Rc<Budget>) -> Self {
        Self { octets: Octets::new(reader), budget, open: Vec::new(), place: Place::Octet(0) }
    }

    fn fault<T>(&self, problem: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::At(self.place, problem.into()))
    }

    fn take(&mut self, length: u64) -> Result<Vec<u8>, Fault> {
        self.octets.take_octets(length).or_else(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.fault("the file ends within an item"),
            _ => Err(Fault::Io(error)),
        })
    }

    /// Reads a number without a sign, of this many octets.
    fn number(&mut self, length: u64) -> Result<u64, Fault> {
        Ok(self.take(length)?.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
    }

    fn text(&mut self, length: u64) -> Result<Event, Fault> {
        self.budget.charge(length).or_else(|problem| self.fault(problem))?;
        let octets = self.take(length)?;
        String::from_utf8(octets).map(Event::Text).or_else(|_| self.fault("a text is not UTF-8"))
    }

    fn bytes(&mut self, length: u64) -> Result<Event, Fault> {
        self.budget.charge(length).or_else(|problem| self.fault(problem))?;
        Ok(Event::Bytes(self.take(length)?))
    }

    fn open(&mut self, items: u64, event: Event) -> Result<Event, Fault> {
        if self.open.len() == NESTING_MAX {
            return self.fault(format!("lists and maps nest deeper than {NESTING_MAX} levels"));
        }
        self.open.push(items);
        Ok(event)
    }
}

impl<R: Read> Source for MessagePackSource<R> {
    fn next(&mut self) -> Result<Event, Fault> {
        self.place = Place::Octet(self.octets.offset());
        match self.open.last_mut() {
            Some(0) => {
                self.open.pop();
                return Ok(Event::End);
            }
            Some(left) => *left -= 1,
            None if self.octets.peek()?.is_none() => return Ok(Event::Finished),
            None => {}
        }
        let marker = Marker::from_u8(self.number(1)? as u8);
        let event = match marker {
            Marker::Null => Event::Null,
            Marker::False => Event::Boolean(false),
            Marker::True => Event::Boolean(true),
            Marker::FixPos(integer) => Event::Integer(i64::from(integer)),
            Marker::FixNeg(integer) => Event::Integer(i64::from(integer)),
            Marker::U8 => Event::Integer(self.number(1)? as i64),
            Marker::U16 => Event::Integer(self.number(2)? as i64),
            Marker::U32 => Event::Integer(self.number(4)? as i64),
            Marker::U64 => {
                let integer = self.number(8)?;
                Event::Integer(i64::try_from(integer).or_else(|_| self.fault(too_large(integer)))?)
            }
            Marker::I8 => Event::Integer(i64::from(self.number(1)? as i8)),
            Marker::I16 => Event::Integer(i64::from(self.number(2)? as i16)),
            Marker::I32 => Event::Integer(i64::from(self.number(4)? as i32)),
            Marker::I64 => Event::Integer(self.number(8)? as i64),
            Marker::F32 => Event::Float(f64::from(f32::from_bits(self.number(4)? as u32))),
            Marker::F64 => Event::Float(f64::from_bits(self.number(8)?)),
            Marker::FixStr(length) => self.text(length.into())?,
            Marker::Str8 => {
                let length = self.number(1)?;
                self.text(length)?
            }
            Marker::Str16 => {
                let length = self.number(2)?;
                self.text(length)?
            }
            Marker::Str32 => {
                let length = self.number(4)?;
                self.text(length)?
            }
            Marker::Bin8 => {
                let length = self.number(1)?;
                self.bytes(length)?
            }
            Marker::Bin16 => {
                let length = self.number(2)?;
                self.bytes(length)?
            }
            Marker::Bin32 => {
                let length = self.number(4)?;
                self.bytes(length)?
            }
            Marker::FixArray(items) => self.open(items.into(), Event::List)?,
            Marker::Array16 => {
                let items = self.number(2)?;
                self.open(items, Event::List)?
            }
            Marker::Array32 => {
                let items = self.number(4)?;
                self.open(items, Event::List)?
            }
            Marker::FixMap(entries) => self.open(2 * u64::from(entries), Event::Map)?,
            Marker::Map16 => {
                let entries = self.number(2)?;
                self.open(2 * entries, Event::Map)?
            }
            Marker::Map32 => {
                let entries = self.number(4)?;
                self.open(2 * entries, Event::Map)?
            }
            Marker::Reserved => return self.fault("this is no MessagePack"),
            Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32 => return self.fault("an extension of MessagePack means nothing here"),
        };
        self.budget.charge_event().or_else(|problem| self.fault(problem))?;
        Ok(event)
    }

    fn place(&self) -> Place {
        self.place
    }

    fn format(&self) -> Format {
        Format::MessagePack
    }
}

pub(crate) struct MessagePackSink<W>(pub(crate) W);

/// The lengths of MessagePack have 32 bits.
fn length(length: usize, what: &str) -> Result<u32, ExchangeError> {
    u32::try_from(length)
        .map_err(|_| ExchangeError::Export(format!("{what} is too large for MessagePack: it has {length}")))
}

fn written<T, E: Into<io::Error>>(result: Result<T, E>) -> Written {
    result.map(drop).map_err(|error| ExchangeError::Write(error.into()))
}

impl<W: Write> Sink for MessagePackSink<W> {
    fn format(&self) -> Format {
        Format::MessagePack
    }

    fn null(&mut self) -> Written {
        written(encode::write_nil(&mut self.0))
    }

    fn boolean(&mut self, value: bool) -> Written {
        written(encode::write_bool(&mut self.0, value))
    }

    fn integer(&mut self, value: i64) -> Written {
        written(encode::write_sint(&mut self.0, value))
    }

    fn float(&mut self, value: f64) -> Written {
        written(encode::write_f64(&mut self.0, value))
    }

    fn text(&mut self, text: &str) -> Written {
        length(text.len(), "a text")?;
        written(encode::write_str(&mut self.0, text))
    }

    fn bytes(&mut self, octets: &[u8]) -> Written {
        length(octets.len(), "a value of bytes")?;
        written(encode::write_bin(&mut self.0, octets))
    }

    fn list(&mut self, items: Option<usize>) -> Written {
        let items =
            items.expect("only the entities of one document have no length, and MessagePack has several");
        written(encode::write_array_len(&mut self.0, length(items, "a list")?))
    }

    fn map(&mut self, entries: usize) -> Written {
        written(encode::write_map_len(&mut self.0, length(entries, "a map")?))
    }

    fn end(&mut self) -> Written {
        Ok(())
    }

    fn item(&mut self) -> Written {
        Ok(())
    }

    fn finish(&mut self) -> Written {
        self.0.flush().map_err(ExchangeError::Write)
    }
}
