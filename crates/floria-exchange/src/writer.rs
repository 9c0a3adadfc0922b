//! Writing a graph, entity by entity.

use std::io::Write;

use floria::{Entity, EntityKey};

use crate::{
    ExchangeError, Format, cbor::CborSink, event::Sink, json_write::JsonSink, message_pack::MessagePackSink,
    part, yaml_write::YamlSink,
};

/// What every file says that it is.
pub const SCHEMA: &str = "floria.graph/1";

/// Writes a graph, entity by entity, in canonical order. Nothing is kept but the last key, and what the file buffers.
pub struct Writer<'a> {
    sink: Box<dyn Sink + 'a>,
    last: Option<EntityKey>,
    count: u64,
}

impl<'a> Writer<'a> {
    /// Begins a file. Give it something buffered: it writes a few octets at a time.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn new(format: Format, file: impl Write + 'a) -> Result<Self, ExchangeError> {
        let mut sink: Box<dyn Sink + 'a> = match format {
            Format::Json => Box::new(JsonSink::new(file)),
            Format::Yaml => Box::new(YamlSink::new(file)),
            Format::Cbor => Box::new(CborSink::new(file)),
            Format::MessagePack => Box::new(MessagePackSink(file)),
        };
        let is_sequence = format.is_sequence();
        if is_sequence {
            sink.item()?;
        }
        sink.map(if is_sequence { 1 } else { 3 })?;
        sink.text("schema")?;
        sink.text(SCHEMA)?;
        if is_sequence {
            sink.end()?;
        } else {
            sink.text("entities")?;
            sink.list(None)?;
        }
        Ok(Self { sink, last: None, count: 0 })
    }

    /// Writes an entity.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; when it does not come after the one before it; when it nests deeper than a store
    /// takes it ([`floria::ENCODED_DEPTH_MAX`]), or is larger than the format can say.
    pub fn write(&mut self, entity: &Entity) -> Result<(), ExchangeError> {
        let key = entity.key();
        if let Some(last) = self.last.replace(key.clone())
            && last >= key
        {
            return Err(ExchangeError::Export(format!(
                "{key} comes after {last}, which is not canonical order"
            )));
        }
        self.count += 1;
        self.sink.item()?;
        part::write(&mut *self.sink, &part::entity(entity))
    }

    /// Ends the file and returns how many entities are in it. A file that was not ended cannot be read.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<u64, ExchangeError> {
        let is_sequence = self.sink.format().is_sequence();
        self.sink.item()?;
        if is_sequence {
            self.sink.map(1)?;
        } else {
            self.sink.end()?;
        }
        self.sink.text("count")?;
        part::write(&mut *self.sink, &part::Part::Count(self.count))?;
        self.sink.end()?;
        self.sink.finish()?;
        Ok(self.count)
    }
}
