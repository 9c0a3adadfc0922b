//! JSON, as it is written: one entity a line.

use std::io::Write;

use crate::{
    ExchangeError, Format,
    event::{Sink, Written, float_text},
};

/// A list or map that is open.
enum Open {
    List {
        first: bool,
    },
    /// Whether a key is next.
    Map {
        first: bool,
        key: bool,
    },
}

pub(crate) struct JsonSink<W> {
    writer: W,
    open: Vec<Open>,
    /// Whether a new line is due before what comes.
    line: bool,
}

impl<W: Write> JsonSink<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer, open: Vec::new(), line: false }
    }

    fn put(&mut self, text: &str) -> Written {
        self.writer.write_all(text.as_bytes()).map_err(ExchangeError::Write)
    }

    fn before(&mut self) -> Written {
        let separator = match self.open.last_mut() {
            None => "",
            Some(Open::List { first }) => {
                if std::mem::take(first) {
                    ""
                } else {
                    ","
                }
            }
            Some(Open::Map { first, key }) => {
                let separator = match (*key, *first) {
                    (true, true) => "",
                    (true, false) => ",",
                    (false, _) => ":",
                };
                (*first, *key) = (false, !*key);
                separator
            }
        };
        self.put(separator)?;
        if std::mem::take(&mut self.line) { self.put("\n") } else { Ok(()) }
    }

    fn scalar(&mut self, text: &str) -> Written {
        self.before()?;
        self.put(text)
    }
}

impl<W: Write> Sink for JsonSink<W> {
    fn format(&self) -> Format {
        Format::Json
    }

    fn null(&mut self) -> Written {
        self.scalar("null")
    }

    fn boolean(&mut self, value: bool) -> Written {
        self.scalar(if value { "true" } else { "false" })
    }

    fn integer(&mut self, value: i64) -> Written {
        self.scalar(&value.to_string())
    }

    fn float(&mut self, value: f64) -> Written {
        self.scalar(&float_text(value))
    }

    fn text(&mut self, text: &str) -> Written {
        self.before()?;
        write_quoted(&mut self.writer, text).map_err(ExchangeError::Write)
    }

    fn bytes(&mut self, _: &[u8]) -> Written {
        unreachable!("JSON is given no bytes")
    }

    fn list(&mut self, _: Option<usize>) -> Written {
        self.scalar("[")?;
        self.open.push(Open::List { first: true });
        Ok(())
    }

    fn map(&mut self, _: usize) -> Written {
        self.scalar("{")?;
        self.open.push(Open::Map { first: true, key: true });
        Ok(())
    }

    fn end(&mut self) -> Written {
        if std::mem::take(&mut self.line) {
            self.put("\n")?;
        }
        let text = if let Some(Open::Map { .. }) = self.open.pop() { "}" } else { "]" };
        self.put(text)
    }

    fn item(&mut self) -> Written {
        self.line = true;
        Ok(())
    }

    fn finish(&mut self) -> Written {
        self.put("\n")?;
        self.writer.flush().map_err(ExchangeError::Write)
    }
}

/// Writes text in quotation marks, as JSON and YAML read it.
pub(crate) fn write_quoted(writer: &mut impl Write, text: &str) -> std::io::Result<()> {
    writer.write_all(b"\"")?;
    let mut done = 0;
    for (start, character) in text.char_indices() {
        let short = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            // What YAML takes for the end of a line, or does not print.
            '\0'..'\u{20}'
            | '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => "",
            _ => continue,
        };
        writer.write_all(&text.as_bytes()[done..start])?;
        if short.is_empty() {
            write!(writer, "\\u{:04x}", character as u32)?;
        } else {
            writer.write_all(short.as_bytes())?;
        }
        done = start + character.len_utf8();
    }
    writer.write_all(&text.as_bytes()[done..])?;
    writer.write_all(b"\"")
}
