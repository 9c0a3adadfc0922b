//! YAML, as it is written: a document for each entity, in block style.

use std::io::Write;

use crate::{
    ExchangeError, Format,
    event::{Sink, Written, float_text},
    json_write::write_quoted,
};

/// A longer key is written after a `?`: readers look for the colon of a key within 1,024 characters.
const KEY_OCTETS_MAX: usize = 1_000;

/// A list or map that is open.
enum Open {
    /// Written as `[]` or `{}`.
    Empty,
    List {
        indent: usize,
        /// Whether the line was begun by what is around.
        begun: bool,
    },
    Map {
        indent: usize,
        begun: bool,
        /// What is next.
        next: Next,
    },
}

#[derive(Clone, Copy, PartialEq)]
enum Next {
    Key,
    Value,
    /// The value of a key after a `?`, on a line of its own.
    ValueOfLongKey,
}

/// What a value follows.
struct Lead {
    /// What is between.
    space: &'static str,
    /// Where the lines of a list or map in it begin.
    indent: usize,
    /// Whether the first of these lines is this one.
    begun: bool,
}

pub(crate) struct YamlSink<W> {
    writer: W,
    open: Vec<Open>,
}

impl<W: Write> YamlSink<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer, open: Vec::new() }
    }

    fn put(&mut self, octets: &[u8]) -> Written {
        self.writer.write_all(octets).map_err(ExchangeError::Write)
    }

    fn indent(&mut self, width: usize) -> Written {
        write!(self.writer, "{:width$}", "").map_err(ExchangeError::Write)
    }

    /// Writes what comes before a value.
    fn lead(&mut self) -> Result<Lead, ExchangeError> {
        match self.open.last_mut() {
            Some(Open::List { indent, begun }) => {
                let (indent, begun) = (*indent, std::mem::take(begun));
                if !begun {
                    self.indent(indent)?;
                }
                self.put(b"-")?;
                Ok(Lead { space: " ", indent: indent + 2, begun: true })
            }
            Some(Open::Map { indent, next, .. }) => {
                let begun = *next == Next::ValueOfLongKey;
                *next = Next::Key;
                Ok(Lead { space: " ", indent: *indent + 2, begun })
            }
            Some(Open::Empty) | None => Ok(Lead { space: "", indent: 0, begun: true }),
        }
    }

    fn scalar(&mut self, text: &[u8]) -> Written {
        let lead = self.lead()?;
        self.put(lead.space.as_bytes())?;
        self.put(text)?;
        self.put(b"\n")
    }

    fn container(&mut self, items: usize, empty: &[u8], open: impl Fn(usize, bool) -> Open) -> Written {
        if items == 0 {
            self.scalar(empty)?;
            self.open.push(Open::Empty);
            return Ok(());
        }
        let lead = self.lead()?;
        self.put(if lead.begun { lead.space.as_bytes() } else { b"\n" })?;
        self.open.push(open(lead.indent, lead.begun));
        Ok(())
    }
}

impl<W: Write> Sink for YamlSink<W> {
    fn format(&self) -> Format {
        Format::Yaml
    }

    fn null(&mut self) -> Written {
        self.scalar(b"null")
    }

    fn boolean(&mut self, value: bool) -> Written {
        self.scalar(if value { b"true" } else { b"false" })
    }

    fn integer(&mut self, value: i64) -> Written {
        self.scalar(value.to_string().as_bytes())
    }

    fn float(&mut self, value: f64) -> Written {
        self.scalar(float_text(value).as_bytes())
    }

    fn text(&mut self, text: &str) -> Written {
        let mut quoted = Vec::new();
        let text = if is_plain(text) {
            text.as_bytes()
        } else {
            write_quoted(&mut quoted, text).map_err(ExchangeError::Write)?;
            &quoted
        };
        let Some(Open::Map { indent, begun, next: next @ Next::Key }) = self.open.last_mut() else {
            return self.scalar(text);
        };
        let is_long = text.len() > KEY_OCTETS_MAX;
        *next = if is_long { Next::ValueOfLongKey } else { Next::Value };
        let (indent, begun) = (*indent, std::mem::take(begun));
        if !begun {
            self.indent(indent)?;
        }
        if is_long {
            self.put(b"? ")?;
            self.put(text)?;
            self.put(b"\n")?;
            self.indent(indent)?;
        } else {
            self.put(text)?;
        }
        self.put(b":")
    }

    fn bytes(&mut self, _: &[u8]) -> Written {
        unreachable!("YAML is given no bytes")
    }

    fn list(&mut self, items: Option<usize>) -> Written {
        let items = items.expect("only the entities of one document have no length, and YAML has several");
        self.container(items, b"[]", |indent, begun| Open::List { indent, begun })
    }

    fn map(&mut self, entries: usize) -> Written {
        self.container(entries, b"{}", |indent, begun| Open::Map { indent, begun, next: Next::Key })
    }

    fn end(&mut self) -> Written {
        self.open.pop();
        Ok(())
    }

    fn item(&mut self) -> Written {
        self.put(b"---\n")
    }

    fn finish(&mut self) -> Written {
        self.writer.flush().map_err(ExchangeError::Write)
    }
}

/// Whether every reader of YAML, of version 1.1 too, takes it for text without quotation marks.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    const LENGTH_MAX: usize = 200;
    let middle = |octet: u8| octet.is_ascii_alphanumeric() || b"_-./:".contains(&octet);
    text.len() <= LENGTH_MAX
        && text.bytes().next().is_some_and(|octet| octet.is_ascii_alphabetic())
        && text.bytes().all(middle)
        && !text.ends_with(':')
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}
