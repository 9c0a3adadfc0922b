//! Reading a graph, entity by entity.

use std::io::Read;

use floria::{Entity, EntityKey};

use crate::{
    ExchangeError, Format, SCHEMA,
    cbor::CborSource,
    decode::Decoder,
    event::{Budget, Event, Source, shortened},
    json::JsonSource,
    message_pack::MessagePackSource,
    yaml::YamlSource,
};

/// How much a file may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many octets of memory one entity may take, about: values, their texts, and what the parser keeps meanwhile.
    pub entity_octets_max: u64,
    /// How many octets of memory all entities of one batch may take, about.
    pub batch_octets_max: u64,
}

/// An entity may take 256 MiB, which is far more than a store is good for, and a batch 1 GiB.
impl Default for Limits {
    fn default() -> Self {
        Self { entity_octets_max: 256 << 20, batch_octets_max: 1 << 30 }
    }
}

/// Reads what a [`Writer`](crate::Writer) wrote, entity by entity. Nothing is kept but the last key and a buffer.
///
/// As an iterator it ends after the first error. That all of the file was there, and nothing else, is known when it ended
/// without one.
pub struct Reader<'a> {
    decoder: Decoder<'a>,
    state: State,
    last: Option<EntityKey>,
    count: u64,
    octets: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Entities,
    End,
}

impl<'a> Reader<'a> {
    /// Begins to read a file. It is buffered here.
    pub fn new(format: Format, file: impl Read + 'a, limits: &Limits) -> Self {
        let budget = Budget::new(limits.entity_octets_max);
        let source: Box<dyn Source + 'a> = match format {
            Format::Json => Box::new(JsonSource::new(file, budget.clone())),
            Format::Yaml => Box::new(YamlSource::new(file, budget.clone())),
            Format::Cbor => Box::new(CborSource::new(file, budget.clone())),
            Format::MessagePack => Box::new(MessagePackSource::new(file, budget.clone())),
        };
        let decoder = Decoder { source, budget, entity: None };
        Self { decoder, state: State::Start, last: None, count: 0, octets: 0 }
    }

    /// Returns how many octets of memory the last entity took, about.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    fn is_sequence(&self) -> bool {
        self.decoder.source.format().is_sequence()
    }

    fn entity(&mut self) -> Result<Option<Entity>, ExchangeError> {
        if self.state == State::Start {
            self.start()?;
            self.state = State::Entities;
        }
        self.decoder.budget.renew();
        self.decoder.entity = Some(format!("entity {}", self.count + 1));
        match self.decoder.next()? {
            Event::End if !self.is_sequence() => {
                self.decoder.entity = None;
                let word = self.decoder.text("`count`")?;
                return self.end(&word);
            }
            Event::Map => {}
            other => {
                let problem = format!("{} is here, where an entity is expected", other.describe());
                return self.decoder.fault(problem);
            }
        }
        let place = self.decoder.source.place();
        let word = self.decoder.text("the kind of an entity")?;
        if word == "count" && self.is_sequence() {
            self.decoder.entity = None;
            return self.end(&word);
        }
        let entity = self.decoder.entity(self.count + 1, &word)?;
        self.count += 1;
        self.octets = self.decoder.budget.taken();
        let key = entity.key();
        if let Some(last) = self.last.replace(key.clone())
            && last >= key
        {
            let problem = if last == key {
                format!("{key} is there twice")
            } else {
                format!(
                    "{key} comes after {last}: entities are in order of their kinds, then of their names or ids"
                )
            };
            return Err(self.decoder.malformed(place, problem));
        }
        Ok(Some(entity))
    }

    fn start(&mut self) -> Result<(), ExchangeError> {
        self.decoder.expect(&Event::Map, "a graph")?;
        let field = self.decoder.text("`schema`")?;
        if field != "schema" {
            return self
                .decoder
                .fault(format!("`{}` is here, where `schema` is expected", shortened(&field)));
        }
        let schema = self.decoder.text("a schema")?;
        if schema != SCHEMA {
            let schema = shortened(&schema);
            return self
                .decoder
                .fault(format!("schema `{schema}` is not known: only `{SCHEMA}` can be read"));
        }
        if self.is_sequence() {
            return self.decoder.expect(&Event::End, "the end of the header");
        }
        let field = self.decoder.text("`entities`")?;
        if field != "entities" {
            return self
                .decoder
                .fault(format!("`{}` is here, where `entities` is expected", shortened(&field)));
        }
        self.decoder.expect(&Event::List, "a list of entities")
    }

    fn end(&mut self, word: &str) -> Result<Option<Entity>, ExchangeError> {
        if word != "count" {
            return self.decoder.fault(format!("`{}` is here, where `count` is expected", shortened(word)));
        }
        let count = self.decoder.count("how many entities there are")?;
        if count != self.count {
            let problem = format!("there are {} entities, and the end says {count}", self.count);
            return self.decoder.fault(problem);
        }
        self.decoder.expect(&Event::End, "the end")?;
        match self.decoder.next()? {
            Event::Finished => Ok(None),
            _ => self.decoder.fault("something follows the end"),
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Entity, ExchangeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::End {
            return None;
        }
        let next = self.entity().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = State::End;
        }
        next
    }
}
