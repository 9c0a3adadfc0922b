//! JSON (RFC 8259), event by event.
//!
//! serde_json has no way to be asked for the next event, and gives up below the depth that values may have.

use std::{io::Read, rc::Rc};

use crate::{
    Format, Place,
    event::{Budget, Event, Fault, NESTING_MAX, Source, shortened},
    octets::Octets,
};

/// A number longer than this is nobody's.
const NUMBER_OCTETS_MAX: usize = 1_100;

/// What may come next in the innermost list or map.
#[derive(Clone, Copy, PartialEq)]
enum Expected {
    FirstItem,
    MoreItems,
    FirstKey,
    MoreKeys,
    /// A key was read.
    MemberValue,
}

pub(crate) struct JsonSource<R> {
    octets: Octets<R>,
    budget: Rc<Budget>,
    open: Vec<Expected>,
    /// Whether the outermost value was begun.
    begun: bool,
    place: Place,
}

impl<R: Read> JsonSource<R> {
    pub(crate) fn new(reader: R, budget: Rc<Budget>) -> Self {
        let octets = Octets::new(reader);
        let place = octets.text_place();
        Self { octets, budget, open: Vec::new(), begun: false, place }
    }

    /// Passes white space and returns the octet after it.
    fn visible(&mut self) -> Result<Option<u8>, Fault> {
        while let Some(octet) = self.octets.peek()? {
            if !matches!(octet, b' ' | b'\t' | b'\n' | b'\r') {
                self.place = self.octets.text_place();
                return Ok(Some(octet));
            }
            self.octets.next()?;
        }
        self.place = self.octets.text_place();
        Ok(None)
    }

    fn fault<T>(&self, problem: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::At(self.place, problem.into()))
    }

    fn unexpected<T>(&mut self, octet: Option<u8>, expected: &str) -> Result<T, Fault> {
        match octet {
            None => self.fault(format!("the file ends, where {expected} is expected")),
            Some(octet @ 0x20..=0x7e) => {
                self.fault(format!("`{}` is here, where {expected} is expected", octet as char))
            }
            Some(octet) => self.fault(format!("octet {octet:#04x} is here, where {expected} is expected")),
        }
    }

    fn close(&mut self) -> Result<Event, Fault> {
        self.octets.next()?;
        self.open.pop();
        Ok(Event::End)
    }

    fn value(&mut self, octet: Option<u8>) -> Result<Event, Fault> {
        let event = match octet {
            Some(b'{') => self.open(Expected::FirstKey, Event::Map)?,
            Some(b'[') => self.open(Expected::FirstItem, Event::List)?,
            Some(b'"') => Event::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z') => self.word()?,
            other => return self.unexpected(other, "a value"),
        };
        self.budget.charge_event().or_else(|problem| self.fault(problem))?;
        Ok(event)
    }

    fn open(&mut self, expected: Expected, event: Event) -> Result<Event, Fault> {
        self.octets.next()?;
        if self.open.len() == NESTING_MAX {
            return self.fault(format!("lists and maps nest deeper than {NESTING_MAX} levels"));
        }
        self.open.push(expected);
        Ok(event)
    }

    fn word(&mut self) -> Result<Event, Fault> {
        let mut word = Vec::new();
        while let Some(octet @ b'a'..=b'z') = self.octets.peek()?
            && word.len() < 6
        {
            word.push(octet);
            self.octets.next()?;
        }
        match word.as_slice() {
            b"null" => Ok(Event::Null),
            b"true" => Ok(Event::Boolean(true)),
            b"false" => Ok(Event::Boolean(false)),
            other => {
                let word = String::from_utf8_lossy(other);
                self.fault(format!("`{word}` is here, where a value is expected"))
            }
        }
    }

    fn number(&mut self) -> Result<Event, Fault> {
        let mut number = Vec::new();
        while self.octets.take_while(&mut number, |octet| {
            matches!(octet, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
        })? > 0
        {
            if number.len() > NUMBER_OCTETS_MAX {
                return self.fault(format!("a number has more than {NUMBER_OCTETS_MAX} characters"));
            }
        }
        let text = String::from_utf8(number).unwrap_or_default();
        parse_number(&text).or_else(|problem| self.fault(problem))
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.octets.next()?;
        let mut text = Vec::new();
        loop {
            let plain = |octet| octet != b'"' && octet != b'\\' && octet >= 0x20;
            let count = self.octets.take_while(&mut text, plain)?;
            self.budget.charge(count as u64).or_else(|problem| self.fault(problem))?;
            if count > 0 {
                continue;
            }
            match self.octets.next()? {
                None => return self.fault("the file ends within a text"),
                Some(b'"') => break,
                Some(b'\\') => {
                    let mut octets = [0; 4];
                    let character = self.escape()?;
                    text.extend_from_slice(character.encode_utf8(&mut octets).as_bytes());
                    self.budget.charge(4).or_else(|problem| self.fault(problem))?;
                }
                Some(octet) => {
                    return self.fault(format!("octet {octet:#04x} is in a text and is not escaped"));
                }
            }
        }
        String::from_utf8(text).or_else(|_| self.fault("a text is not UTF-8"))
    }

    fn escape(&mut self) -> Result<char, Fault> {
        Ok(match self.octets.next()? {
            Some(octet @ (b'"' | b'\\' | b'/')) => octet as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hexadecimal()?;
                let code = if (0xd800..0xdc00).contains(&first) {
                    let second = match (self.octets.next()?, self.octets.next()?) {
                        (Some(b'\\'), Some(b'u')) => self.hexadecimal()?,
                        _ => 0,
                    };
                    if !(0xdc00..0xe000).contains(&second) {
                        return self.fault("an escaped surrogate in a text is alone");
                    }
                    0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                let Some(character) = char::from_u32(code) else {
                    return self.fault("an escaped surrogate in a text is alone");
                };
                character
            }
            None => return self.fault("the file ends within a text"),
            Some(_) => return self.fault("a text has an escape that JSON does not know"),
        })
    }

    fn hexadecimal(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let octet = self.octets.next()?;
            let Some(digit) = octet.and_then(|octet| (octet as char).to_digit(16)) else {
                return self.fault("a text has an escape without four hexadecimal digits");
            };
            code = code << 4 | digit;
        }
        Ok(code)
    }
}

impl<R: Read> Source for JsonSource<R> {
    fn next(&mut self) -> Result<Event, Fault> {
        let octet = self.visible()?;
        let Some(expected) = self.open.last_mut() else {
            if !self.begun {
                self.begun = true;
                return self.value(octet);
            }
            return match octet {
                None => Ok(Event::Finished),
                Some(_) => self.fault("something follows the end"),
            };
        };
        match expected {
            Expected::FirstItem => {
                *expected = Expected::MoreItems;
                if octet == Some(b']') { self.close() } else { self.value(octet) }
            }
            Expected::MoreItems => match octet {
                Some(b']') => self.close(),
                Some(b',') => {
                    self.octets.next()?;
                    let octet = self.visible()?;
                    self.value(octet)
                }
                other => self.unexpected(other, "`,` or `]`"),
            },
            Expected::FirstKey | Expected::MoreKeys if octet == Some(b'}') => self.close(),
            Expected::FirstKey | Expected::MoreKeys => {
                let first = *expected == Expected::FirstKey;
                *expected = Expected::MemberValue;
                let mut octet = octet;
                if !first {
                    if octet != Some(b',') {
                        return self.unexpected(octet, "`,` or `}`");
                    }
                    self.octets.next()?;
                    octet = self.visible()?;
                }
                if octet == Some(b'"') { self.value(octet) } else { self.unexpected(octet, "a key in `\"`") }
            }
            Expected::MemberValue => {
                *expected = Expected::MoreKeys;
                if octet != Some(b':') {
                    return self.unexpected(octet, "`:`");
                }
                self.octets.next()?;
                let octet = self.visible()?;
                self.value(octet)
            }
        }
    }

    fn place(&self) -> Place {
        self.place
    }

    fn format(&self) -> Format {
        Format::Json
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a number as JSON has it: without a point and an exponent it is an integer.
pub(crate) fn parse_number(text: &str) -> Result<Event, String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(a, b)| (a, Some(b)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(a, b)| (a, Some(b)));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let well_formed = digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    if !well_formed {
        return Err(format!("`{}` is no number", shortened(text)));
    }
    if fraction.is_none() && exponent.is_none() {
        return text.parse().map(Event::Integer).map_err(|_| too_large(text));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Event::Float(value)),
        _ => Err(format!("float `{}` is out of range", shortened(text))),
    }
}

/// Says that an integer is no Floria integer.
pub(crate) fn too_large(integer: impl std::fmt::Display) -> String {
    format!("integer {} does not fit 64 bits with a sign", shortened(&integer.to_string()))
}
