//! Entities and values, out of events.

mod entity;
mod value;

use std::{collections::BTreeMap, rc::Rc};

use floria::Named;

use crate::{
    ExchangeError, Malformed, Place,
    event::{Budget, Event, Fault, Source, shortened},
};

type Result<T> = std::result::Result<T, ExchangeError>;

/// Pulls events, and knows which entity they are of.
pub(crate) struct Decoder<'a> {
    pub(crate) source: Box<dyn Source + 'a>,
    pub(crate) budget: Rc<Budget>,
    /// The entity that is read, for messages.
    pub(crate) entity: Option<String>,
}

impl Decoder<'_> {
    pub(crate) fn next(&mut self) -> Result<Event> {
        self.source.next().map_err(|fault| match fault {
            Fault::Io(error) => ExchangeError::Read(error),
            Fault::At(place, problem) => self.malformed(place, problem),
        })
    }

    pub(crate) fn malformed(&self, place: Place, problem: String) -> ExchangeError {
        let (format, entity) = (self.source.format(), self.entity.clone());
        ExchangeError::Malformed(Box::new(Malformed { format, place, entity, problem }))
    }

    /// Says what is wrong with the last event.
    pub(crate) fn fault<T>(&self, problem: impl Into<String>) -> Result<T> {
        Err(self.malformed(self.source.place(), problem.into()))
    }

    fn unexpected<T>(&self, event: &Event, expected: &str) -> Result<T> {
        self.fault(format!("{} is here, where {expected} is expected", event.describe()))
    }

    pub(crate) fn expect(&mut self, wanted: &Event, expected: &str) -> Result<()> {
        let event = self.next()?;
        if event == *wanted { Ok(()) } else { self.unexpected(&event, expected) }
    }

    pub(crate) fn text(&mut self, expected: &str) -> Result<String> {
        match self.next()? {
            Event::Text(text) => Ok(text),
            other => self.unexpected(&other, expected),
        }
    }

    pub(crate) fn count(&mut self, expected: &str) -> Result<u64> {
        match self.next()? {
            Event::Integer(count @ 0..) => Ok(count as u64),
            Event::Text(text) if text.len() == 19 || text.len() == 20 => match text.parse() {
                Ok(count) if count > i64::MAX as u64 => Ok(count),
                _ => self.unexpected(&Event::Text(text), expected),
            },
            other => self.unexpected(&other, expected),
        }
    }

    fn small_count(&mut self, expected: &str) -> Result<u32> {
        let count = self.count(expected)?;
        u32::try_from(count).or_else(|_| self.fault(format!("{count} is too large for {expected}")))
    }

    fn list<T>(&mut self, what: &str, mut item: impl FnMut(&mut Self, Event) -> Result<T>) -> Result<Vec<T>> {
        self.expect(&Event::List, what)?;
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::End => return Ok(items),
                event => items.push(item(self, event)?),
            }
        }
    }

    /// Reads a map whose keys are names.
    fn names<T>(&mut self, what: &str, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Named<T>> {
        self.expect(&Event::Map, what)?;
        // A tree, since a hostile order would cost the square in a sorted list.
        let mut entries = BTreeMap::new();
        loop {
            match self.next()? {
                Event::End => return Ok(entries.into()),
                Event::Text(name) => {
                    if entries.contains_key(&name) {
                        return self.fault(format!("`{}` is there twice", shortened(&name)));
                    }
                    let entry = read(self)?;
                    entries.insert(name, entry);
                }
                other => return self.unexpected(&other, "a name"),
            }
        }
    }

    /// Reads the entries of a map that has begun, whose fields are known: `read` says false for one that is not.
    pub(crate) fn fields(
        &mut self,
        what: &str,
        mut read: impl FnMut(&mut Self, &str) -> Result<bool>,
    ) -> Result<()> {
        let mut seen: Vec<String> = Vec::new();
        loop {
            match self.next()? {
                Event::End => return Ok(()),
                Event::Text(name) => {
                    if seen.contains(&name) {
                        return self.fault(format!("field `{}` is there twice", shortened(&name)));
                    }
                    if !read(self, &name)? {
                        return self.fault(format!("{what} has no field `{}`", shortened(&name)));
                    }
                    seen.push(name);
                }
                other => return self.unexpected(&other, "the name of a field"),
            }
        }
    }

    fn needed<T>(&self, field: Option<T>, what: &str, name: &str) -> Result<T> {
        match field {
            Some(field) => Ok(field),
            None => self.fault(format!("{what} lacks the field `{name}`")),
        }
    }

    /// Reads a map with one entry, whose key says what it is.
    fn one_of<T>(
        &mut self,
        what: &str,
        words: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<Option<T>>,
    ) -> Result<T> {
        self.expect(&Event::Map, what)?;
        let word = self.text(words)?;
        let Some(content) = read(self, &word)? else {
            return self.fault(format!("{what} is {words}, not `{}`", shortened(&word)));
        };
        self.expect(&Event::End, &format!("the end of {what}"))?;
        Ok(content)
    }

    fn pair<T>(&mut self, event: Event, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<(T, T)> {
        if event != Event::List {
            return self.unexpected(&event, "a pair of key and value");
        }
        let pair = (read(self)?, read(self)?);
        self.expect(&Event::End, "the end of a pair of key and value")?;
        Ok(pair)
    }
}
