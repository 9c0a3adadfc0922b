//! YAML 1.2 with its core schema, event by event.
//!
//! yaml_serde reads a whole file before the first document, and gives up below the depth that values may have. Anchors,
//! aliases and tags are refused: a graph has no use for them, and a few octets of them can stand for any amount of memory.

use std::{cell::RefCell, io::Read, rc::Rc};

use saphyr_parser::{BufferedInput, Event as YamlEvent, Marker, Parser, ScalarStyle};

use crate::{
    Format, Place,
    event::{Budget, Event, Fault, NESTING_MAX, Source, shortened},
    json::{parse_number, too_large},
    octets::Octets,
};

/// What the parser keeps for a character that may be a token of its own.
const TOKEN_OCTETS: u64 = 128;

pub(crate) struct YamlSource<'a, R: Read + 'a> {
    parser: Parser<'a, BufferedInput<Characters<R>>>,
    /// Why the characters ended before the file did.
    fault: Rc<RefCell<Option<Fault>>>,
    budget: Rc<Budget>,
    depth: usize,
    place: Place,
}

impl<'a, R: Read + 'a> YamlSource<'a, R> {
    pub(crate) fn new(reader: R, budget: Rc<Budget>) -> Self {
        let fault = Rc::new(RefCell::new(None));
        let characters =
            Characters { octets: Octets::new(reader), budget: budget.clone(), fault: fault.clone() };
        let place = Place::Text { line: 1, column: 1 };
        Self { parser: Parser::new_from_iter(characters), fault, budget, depth: 0, place }
    }

    fn fault<T>(&self, problem: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::At(self.place, problem.into()))
    }

    fn open(&mut self, is_plain: bool, event: Event) -> Result<Event, Fault> {
        if !is_plain {
            return self.fault(NO_ANCHORS);
        }
        if self.depth == NESTING_MAX {
            return self.fault(format!("lists and maps nest deeper than {NESTING_MAX} levels"));
        }
        self.depth += 1;
        Ok(event)
    }

    fn close(&mut self) -> Result<Event, Fault> {
        self.depth = self.depth.saturating_sub(1);
        Ok(Event::End)
    }
}

const NO_ANCHORS: &str = "anchors, aliases and tags mean nothing here";

impl<'a, R: Read + 'a> Source for YamlSource<'a, R> {
    fn next(&mut self) -> Result<Event, Fault> {
        loop {
            let next = self.parser.next_event();
            if let Some(fault) = self.fault.borrow_mut().take() {
                return Err(fault);
            }
            let (event, span) = match next {
                None => return Ok(Event::Finished),
                Some(Err(error)) => {
                    self.place = place(error.marker());
                    return self.fault(format!("this is no YAML: {}", shortened(error.info())));
                }
                Some(Ok(next)) => next,
            };
            self.place = place(&span.start);
            let event = match event {
                YamlEvent::Nothing
                | YamlEvent::StreamStart
                | YamlEvent::DocumentStart(_)
                | YamlEvent::DocumentEnd => continue,
                YamlEvent::StreamEnd => return Ok(Event::Finished),
                YamlEvent::Alias(_) => return self.fault(NO_ANCHORS),
                YamlEvent::Scalar(_, _, anchor, tag) if anchor > 0 || tag.is_some() => {
                    return self.fault(NO_ANCHORS);
                }
                YamlEvent::Scalar(text, ScalarStyle::Plain, ..) => {
                    resolve(text.into_owned()).or_else(|problem| self.fault(problem))?
                }
                YamlEvent::Scalar(text, ..) => Event::Text(text.into_owned()),
                YamlEvent::SequenceStart(anchor, tag) => {
                    self.open(anchor == 0 && tag.is_none(), Event::List)?
                }
                YamlEvent::MappingStart(anchor, tag) => {
                    self.open(anchor == 0 && tag.is_none(), Event::Map)?
                }
                YamlEvent::SequenceEnd | YamlEvent::MappingEnd => return self.close(),
            };
            self.budget.charge_event().or_else(|problem| self.fault(problem))?;
            return Ok(event);
        }
    }

    fn place(&self) -> Place {
        self.place
    }

    fn format(&self) -> Format {
        Format::Yaml
    }
}

fn place(marker: &Marker) -> Place {
    Place::Text { line: marker.line() as u64, column: marker.col() as u64 + 1 }
}

/// Says what a scalar without quotation marks is, by YAML 1.2, 10.3.2.
fn resolve(text: String) -> Result<Event, String> {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Event::Null),
        "true" | "True" | "TRUE" => return Ok(Event::Boolean(true)),
        "false" | "False" | "FALSE" => return Ok(Event::Boolean(false)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Ok(Event::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Ok(Event::Float(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Ok(Event::Float(f64::NAN)),
        _ => {}
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|digit| digit.is_digit(radix))
        {
            return i64::from_str_radix(digits, radix).map(Event::Integer).map_err(|_| too_large(text));
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if !unsigned.is_empty() && digits(unsigned) {
        return text.parse().map(Event::Integer).map_err(|_| too_large(text));
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, "0"), |(a, b)| (a, b));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_float = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !exponent.is_empty()
        && digits(exponent);
    if !is_float {
        return Ok(Event::Text(text));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Event::Float(value)),
        // It can only be out of range; JSON says so in the same words.
        _ => parse_number(&text),
    }
}

/// The characters of a file, as far as they are UTF-8 and within the budget.
struct Characters<R> {
    octets: Octets<R>,
    budget: Rc<Budget>,
    fault: Rc<RefCell<Option<Fault>>>,
}

impl<R: Read> Characters<R> {
    fn read(&mut self) -> Result<Option<char>, Fault> {
        let place = self.octets.text_place();
        let at = |problem: &str| Fault::At(place, problem.to_owned());
        let Some(first) = self.octets.next()? else { return Ok(None) };
        let length = match first {
            0 => return Err(at("a NUL is no character of YAML")),
            0x01..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return Err(at("this is not UTF-8")),
        };
        let mut encoded = [first, 0, 0, 0];
        for octet in &mut encoded[1..length] {
            let Some(next) = self.octets.next()? else { return Err(at("the file ends within a character")) };
            *octet = next;
        }
        let Ok(text) = std::str::from_utf8(&encoded[..length]) else { return Err(at("this is not UTF-8")) };
        let is_token = b",[]{}:?-!%&*".contains(&first);
        let charge = self.budget.charge(if is_token { TOKEN_OCTETS } else { length as u64 });
        charge.map_err(|problem| at(&problem))?;
        Ok(text.chars().next())
    }
}

impl<R: Read> Iterator for Characters<R> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        if self.fault.borrow().is_some() {
            return None;
        }
        match self.read() {
            Ok(next) => next,
            Err(fault) => {
                *self.fault.borrow_mut() = Some(fault);
                None
            }
        }
    }
}
