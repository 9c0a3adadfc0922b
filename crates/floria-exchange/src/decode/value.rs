//! Values and expressions, out of events.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use floria::{Call, Custom, ENCODED_DEPTH_MAX, Expression, Value, ValueMap};

use super::{Decoder, Result};
use crate::{
    event::{Event, shortened},
    part::float_of_word,
};

/// How deep an expression may nest. A list in a list takes two levels of [`ENCODED_DEPTH_MAX`], anything else three.
const EXPRESSION_DEPTH_MAX: usize = ENCODED_DEPTH_MAX / 2;

impl Decoder<'_> {
    pub(super) fn expression(&mut self, depth: usize) -> Result<Expression> {
        let event = self.next()?;
        self.expression_of(event, depth)
    }

    fn expression_of(&mut self, event: Event, depth: usize) -> Result<Expression> {
        if event != Event::Map {
            return self.unexpected(&event, "an expression");
        }
        if depth > EXPRESSION_DEPTH_MAX {
            return self.fault(format!("an expression nests deeper than {EXPRESSION_DEPTH_MAX} levels"));
        }
        let word = self.text("`literal`, `list`, `map` or `call`")?;
        let expression = match word.as_str() {
            "literal" => Expression::Literal(self.value(0)?),
            "list" => Expression::List(self.expressions(depth)?),
            "map" => {
                let entries = self.list("a list of pairs", |decoder, event| {
                    decoder.pair(event, |decoder| decoder.expression(depth + 1))
                })?;
                Expression::Map(entries)
            }
            "call" => self.call(depth)?.into(),
            other => {
                let other = shortened(other);
                return self
                    .fault(format!("an expression is `literal`, `list`, `map` or `call`, not `{other}`"));
            }
        };
        self.expect(&Event::End, "the end of an expression")?;
        Ok(expression)
    }

    fn expressions(&mut self, depth: usize) -> Result<Vec<Expression>> {
        self.list("a list of expressions", |decoder, event| decoder.expression_of(event, depth + 1))
    }

    fn call(&mut self, depth: usize) -> Result<Call> {
        let (mut function, mut arguments, mut origin) = (None, Vec::new(), None);
        self.expect(&Event::Map, "a call")?;
        self.fields("a call", |decoder, field| {
            match field {
                "function" => function = Some(decoder.text("the name of a function")?),
                "arguments" => arguments = decoder.expressions(depth)?,
                "origin" => origin = Some(decoder.origin()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Call { function: self.needed(function, "a call", "function")?, arguments, origin })
    }

    pub(super) fn value(&mut self, depth: usize) -> Result<Value> {
        let event = self.next()?;
        self.value_of(event, depth)
    }

    fn value_of(&mut self, event: Event, depth: usize) -> Result<Value> {
        if depth > ENCODED_DEPTH_MAX {
            return self.fault(format!("a value nests deeper than {ENCODED_DEPTH_MAX} levels"));
        }
        Ok(match event {
            Event::Null => Value::Null,
            Event::Boolean(value) => Value::Boolean(value),
            Event::Integer(value) => Value::Integer(value),
            Event::Float(value) => Value::Float(value),
            Event::Text(text) => Value::Text(text),
            Event::Bytes(octets) => Value::Bytes(octets),
            Event::List => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::End => break Value::List(items),
                        event => items.push(self.value_of(event, depth + 1)?),
                    }
                }
            }
            Event::Map => self.map(depth)?,
            Event::End | Event::Finished => return self.unexpected(&event, "a value"),
        })
    }

    fn map(&mut self, depth: usize) -> Result<Value> {
        let mut entries = ValueMap::new();
        loop {
            let key = match self.next()? {
                Event::End => return Ok(Value::Map(entries)),
                Event::Text(tag) if tag.starts_with('$') => {
                    if !entries.is_empty() {
                        return self.fault("a key that begins with `$` is not alone: such a map is a `$map`");
                    }
                    let value = self.tagged(&tag, depth)?;
                    self.expect(&Event::End, "the end of a map whose key begins with `$`")?;
                    return Ok(value);
                }
                event => self.value_of(event, depth + 1)?,
            };
            if entries.contains_key(&key) {
                return self.fault(format!("key `{}` is there twice", shortened(&key.to_string())));
            }
            let value = self.value(depth + 1)?;
            if entries.is_empty() {
                self.budget.charge_map().or_else(|problem| self.fault(problem))?;
            }
            entries.insert(key, value);
        }
    }

    fn tagged(&mut self, tag: &str, depth: usize) -> Result<Value> {
        match tag {
            "$bytes" => {
                let text = self.text("text in base64")?;
                STANDARD.decode(&text).map(Value::Bytes).or_else(|_| self.fault("this is no base64"))
            }
            "$float" => {
                let word = self.text("`nan`, `inf` or `-inf`")?;
                match float_of_word(&word) {
                    Some(value) => Ok(Value::Float(value)),
                    None => self.fault(format!("`{}` is no float", shortened(&word))),
                }
            }
            "$map" => {
                let mut entries = ValueMap::new();
                self.list("a list of pairs", |decoder, event| {
                    let (key, value) = decoder.pair(event, |decoder| decoder.value(depth + 1))?;
                    if let Some(key) = entries.contains_key(&key).then_some(&key) {
                        return decoder
                            .fault(format!("key `{}` is there twice", shortened(&key.to_string())));
                    }
                    if entries.is_empty() {
                        decoder.budget.charge_map().or_else(|problem| decoder.fault(problem))?;
                    }
                    entries.insert(key, value);
                    Ok(())
                })?;
                Ok(Value::Map(entries))
            }
            "$custom" => {
                let (mut type_name, mut order, mut text) = (None, None, None);
                self.expect(&Event::Map, "a custom value")?;
                self.fields("a custom value", |decoder, field| {
                    match field {
                        "type" => type_name = Some(decoder.text("the name of a type")?),
                        "order" => order = Some(decoder.value(depth + 1)?),
                        "text" => text = Some(decoder.text("the text of a custom value")?),
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
                Ok(Value::from(Custom {
                    type_name: self.needed(type_name, "a custom value", "type")?,
                    order: self.needed(order, "a custom value", "order")?,
                    text: self.needed(text, "a custom value", "text")?,
                }))
            }
            other => self.fault(format!("there is no form of values `{}`", shortened(other))),
        }
    }
}
