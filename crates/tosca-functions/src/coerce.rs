//! The preparer of every typed property: makes a value what its schema says, or says why it is not.

use std::{collections::HashMap, fmt, sync::Arc};

use floria::{Call, Evaluated, EvaluationError, Evaluator, Expression, Site, Value, ValueMap};

use crate::{
    arguments,
    clause::{self, Caller},
    describe::{self, names},
    kept::Kept,
    schema::{Base, Schema, SchemaType, Units},
    special,
};
use tosca_values::{Amount, ScalarError, Timestamp, Version, decode_base64};

/// How deep a value may nest: a bound for what comes from scripts and documents, well within any stack.
pub const VALUE_DEPTH_MAX: usize = 128;

/// How many mistakes of one value are told; more do not help anybody.
const MISTAKES_MAX: usize = 10;

/// What is wrong with a value: every mistake of it, up to ten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CoerceError {
    /// The mistakes, in the order of the value; never empty.
    pub mistakes: Vec<String>,
}

impl fmt::Display for CoerceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.mistakes.join("; "))
    }
}

/// Makes a value what a schema says: an integer for a float becomes one, text becomes the bytes, timestamp,
/// version or scalar that it says, defaults of structures are filled in, and everything is checked. `name` is what messages call the value, with the way inside it: `ports[1].number`.
///
/// # Errors
/// When the value does not fit; the error names what was expected and what was found. Clauses that call functions of the design
/// ([`Schema::calls_custom`]) are taken to hold: those are checked where expressions are evaluated.
pub fn coerce(schema: &Schema, name: &str, value: &Value) -> Result<Value, CoerceError> {
    coerce_with(schema, name, value, None)
}

/// The same where expressions are evaluated: all clauses are checked.
pub(crate) fn coerce_at(
    schema: &Schema,
    name: &str,
    value: &Value,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Value, CoerceError> {
    let mut caller = |function: &str, arguments: &[Value]| {
        let call = Call {
            function: function.to_owned(),
            arguments: arguments.iter().cloned().map(Expression::Literal).collect(),
            origin: None,
        };
        match evaluator.evaluate(&Expression::from(call), site) {
            Ok(Evaluated::Known(value)) => Ok(value),
            Ok(Evaluated::Unknown(_)) => Err("a function of values gave none".to_owned()),
            Err(error) => Err(error.message),
        }
    };
    coerce_with(schema, name, value, Some(&mut caller))
}

fn coerce_with(
    schema: &Schema,
    name: &str,
    value: &Value,
    caller: Option<Caller<'_>>,
) -> Result<Value, CoerceError> {
    let mut coercion = Coercion { schema, mistakes: Vec::new(), caller };
    let coerced = coercion.coerce(0, value, &Way { name, parent: None }, 0);
    match coerced {
        Some(value) if coercion.mistakes.is_empty() => Ok(value),
        _ => Err(CoerceError { mistakes: coercion.mistakes }),
    }
}

/// `tosca:coerce`: a schema; the name that messages use, if any; the value.
pub(crate) fn call(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    let arguments = match arguments::evaluate(&call.arguments, site, evaluator)? {
        Ok(arguments) => arguments,
        Err(unknown) => return Ok(Evaluated::Unknown(unknown)),
    };
    let (schema, name, value) = match arguments.as_slice() {
        [schema, value] => (schema, "", value),
        [schema, Value::Text(name), value] => (schema, name.as_str(), value),
        _ => {
            return Err(EvaluationError::new(
                "`tosca:coerce`: the arguments must be a schema, perhaps a name, and the value",
            ));
        }
    };
    coerce_at(&read_schema(schema)?, name, value, site, evaluator)
        .map(Evaluated::Known)
        .map_err(|error| EvaluationError::new(error.to_string()))
}

/// The same with the value beside the call, as a preparer gets it.
pub(crate) fn prepare(
    preparer: &Call,
    value: Value,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    let (schema, name) = match preparer.arguments.as_slice() {
        [Expression::Literal(schema)] => (schema, ""),
        [Expression::Literal(schema), Expression::Literal(Value::Text(name))] => (schema, name.as_str()),
        _ => {
            let mut with_value = preparer.clone();
            with_value.arguments.push(Expression::Literal(value));
            return call(&with_value, site, evaluator);
        }
    };
    let schemas = &mut evaluator.kept::<Kept>().schemas;
    let schema = match schemas.0.get(schema) {
        Some(schema) => Arc::clone(schema),
        None => {
            let read = Arc::new(read_schema(schema)?);
            schemas.0.insert(schema.clone(), Arc::clone(&read));
            read
        }
    };
    coerce_at(&schema, name, &value, site, evaluator)
        .map(Evaluated::Known)
        .map_err(|error| EvaluationError::new(error.to_string()))
}

/// The schemas that an evaluator has met: few, in many properties, and reading one takes longer than using it.
#[derive(Default)]
pub(crate) struct Schemas(HashMap<Value, Arc<Schema>>);

fn read_schema(schema: &Value) -> Result<Schema, EvaluationError> {
    Schema::from_value(schema).map_err(|error| EvaluationError::new(format!("`tosca:coerce`: {error}")))
}

/// The way to a value inside another; written only when there is a mistake.
struct Way<'a> {
    name: &'a str,
    parent: Option<(&'a Way<'a>, Step<'a>)>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Index(usize),
    Key(&'a Value),
}

impl<'a> Way<'a> {
    fn to(&'a self, step: Step<'a>) -> Way<'a> {
        Way { name: self.name, parent: Some((self, step)) }
    }
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parent {
            None => formatter.write_str(self.name),
            Some((parent, step)) => {
                parent.fmt(formatter)?;
                let first = parent.parent.is_none() && parent.name.is_empty();
                match step {
                    Step::Index(index) => write!(formatter, "[{index}]"),
                    Step::Key(Value::Text(key)) if first => formatter.write_str(key),
                    Step::Key(Value::Text(key)) => write!(formatter, ".{key}"),
                    Step::Key(key) => write!(formatter, "[{key}]"),
                }
            }
        }
    }
}

struct Coercion<'a, 'c> {
    schema: &'a Schema,
    mistakes: Vec<String>,
    caller: Option<Caller<'c>>,
}

impl Coercion<'_, '_> {
    fn mistake(&mut self, way: &Way<'_>, message: impl fmt::Display) {
        if self.mistakes.len() < MISTAKES_MAX {
            let way = way.to_string();
            self.mistakes.push(if way.is_empty() {
                message.to_string()
            } else {
                format!("`{way}`: {message}")
            });
        }
    }

    /// The value that it becomes; None when there was a mistake.
    fn coerce(&mut self, index: usize, value: &Value, way: &Way<'_>, depth: usize) -> Option<Value> {
        // Also what ends a structure whose defaults contain two of itself.
        if self.mistakes.len() == MISTAKES_MAX {
            return None;
        }
        if depth > VALUE_DEPTH_MAX {
            self.mistake(way, format_args!("the value nests deeper than {VALUE_DEPTH_MAX} levels"));
            return None;
        }
        let schema = &self.schema.types[index];
        if schema.optional && *value == Value::Null {
            return Some(Value::Null);
        }
        let coerced = match (schema.base, value) {
            (Base::Any, value) => value.clone(),
            (Base::Nil, Value::Null) => Value::Null,
            (Base::Boolean, Value::Boolean(_))
            | (Base::Integer, Value::Integer(_))
            | (Base::Float, Value::Float(_))
            | (Base::String, Value::Text(_)) => value.clone(),
            (Base::Float, Value::Integer(integer)) => match exact_float(*integer) {
                Some(float) => Value::Float(float),
                None => {
                    self.mistake(way, format_args!("the integer {integer} has no float of its value"));
                    return None;
                }
            },
            (Base::List, Value::List(items)) => self.list(schema.entry, items, way, depth)?,
            (Base::Map, Value::Map(entries)) => self.map(schema, entries, way, depth)?,
            (Base::Structure, Value::Map(entries)) => self.structure(schema, entries, way, depth)?,
            (Base::Bytes, Value::Bytes(_)) => value.clone(),
            (Base::Bytes | Base::Timestamp | Base::Version | Base::Scalar, written)
                if let Some(text) = written_text(schema, written) =>
            {
                match read(schema, text) {
                    Ok(value) => value,
                    Err(message) => {
                        self.mistake(way, message);
                        return None;
                    }
                }
            }
            (_, found) => {
                self.mistake(
                    way,
                    format_args!("expected {}, found {}", expected(schema), describe::value(found)),
                );
                return None;
            }
        };
        for clause in &schema.validation {
            if let Some(message) = clause::violated(clause, &coerced, &mut self.caller) {
                self.mistake(way, message);
                return None;
            }
        }
        Some(coerced)
    }

    fn list(&mut self, entry: Option<usize>, items: &[Value], way: &Way<'_>, depth: usize) -> Option<Value> {
        let Some(entry) = entry else { return Some(Value::List(items.to_vec())) };
        let coerced: Vec<Option<Value>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.coerce(entry, item, &way.to(Step::Index(index)), depth + 1))
            .collect();
        coerced.into_iter().collect::<Option<Vec<_>>>().map(Value::List)
    }

    fn map(&mut self, schema: &SchemaType, entries: &ValueMap, way: &Way<'_>, depth: usize) -> Option<Value> {
        let mut coerced = ValueMap::new();
        let mut sound = true;
        for (key, value) in entries {
            let way = way.to(Step::Key(key));
            let new_key = match schema.key {
                Some(index) => self.coerce(index, key, &way, depth + 1),
                None => Some(key.clone()),
            };
            let new_value = match schema.entry {
                Some(index) => self.coerce(index, value, &way, depth + 1),
                None => Some(value.clone()),
            };
            match (new_key, new_value) {
                (Some(new_key), Some(new_value)) => {
                    coerced.insert(new_key, new_value);
                }
                _ => sound = false,
            }
        }
        sound.then_some(Value::Map(coerced))
    }

    fn structure(
        &mut self,
        schema: &SchemaType,
        entries: &ValueMap,
        way: &Way<'_>,
        depth: usize,
    ) -> Option<Value> {
        let mut coerced = ValueMap::new();
        let mut sound = true;
        for key in entries.keys() {
            if !key.as_text().is_some_and(|key| schema.properties.contains_key(key)) {
                let there = names(schema.properties.keys().map(String::as_str));
                self.mistake(way, format_args!("there is no {}; there is {there}", describe::literal(key)));
                sound = false;
            }
        }
        for (name, property) in &schema.properties {
            let key = Value::Text(name.clone());
            match entries.get(&key).or(property.default.as_ref()) {
                Some(value) => {
                    match self.coerce(property.type_index, value, &way.to(Step::Key(&key)), depth + 1) {
                        Some(value) => {
                            coerced.insert(key, value);
                        }
                        None => sound = false,
                    }
                }
                None if property.required => {
                    let expected = expected(&self.schema.types[property.type_index]);
                    self.mistake(
                        &way.to(Step::Key(&key)),
                        format_args!("expected {expected}, found nothing: it is required"),
                    );
                    sound = false;
                }
                None => {}
            }
        }
        sound.then_some(Value::Map(coerced))
    }
}

/// What a type expects: "an integer", "a `Port` (an integer)".
fn expected(schema: &SchemaType) -> String {
    let base = match schema.base {
        Base::Any => "a value",
        Base::Nil => "nil",
        Base::Boolean => "a boolean",
        Base::Integer => "an integer",
        Base::Float => "a float",
        Base::String => "a string",
        Base::Bytes => "bytes in Base64",
        Base::Timestamp => "a timestamp",
        Base::Version => "a version",
        Base::Scalar => "a number with a unit",
        Base::List => "a list",
        Base::Map => "a map",
        Base::Structure => "a structure",
    };
    match &schema.name {
        Some(name) => format!("`{name}` ({base})"),
        None => base.to_owned(),
    }
}

/// The text of a string, or of what is already of the schema's type: it is read again, so that what it is compared by is
/// always what it says, whoever made it.
fn written_text<'v>(schema: &SchemaType, value: &'v Value) -> Option<&'v str> {
    match (schema.base, &schema.units) {
        (Base::Bytes, _) => value.as_text(),
        (Base::Timestamp, _) => special::timestamp_text(value),
        (Base::Version, _) => special::version_text(value),
        (_, Some(units)) => special::scalar_text(value, &units.family),
        _ => None,
    }
}

/// Reads the text of a special type.
fn read(schema: &SchemaType, text: &str) -> Result<Value, String> {
    let special = match (schema.base, &schema.units) {
        (Base::Bytes, _) => decode_base64(text).map(Value::Bytes),
        (Base::Timestamp, _) => Timestamp::parse(text).map(|timestamp| special::timestamp(&timestamp)),
        (Base::Version, _) => Version::parse(text).map(|version| special::version(&version)),
        (_, Some(units)) => return read_scalar(schema, units, text),
        _ => None,
    };
    special.ok_or_else(|| {
        let example = match schema.base {
            Base::Bytes => "`aGVsbG8=`",
            Base::Timestamp => "`2025-04-12T23:20:50.52Z`",
            _ => "`2.0.1` or `1.0.0.alpha-10`",
        };
        format!("expected {} such as {example}, found {}", expected(schema), describe::value(&text.into()))
    })
}

fn read_scalar(schema: &SchemaType, units: &Units, text: &str) -> Result<Value, String> {
    let unit = &units.canonical_unit;
    let amount = Amount::read(text, units.is_integer, |unit| units.multiplier(unit));
    let amount = amount.map_err(|error| match error {
        ScalarError::NoUnit | ScalarError::NoNumber(_) => format!(
            "expected {} such as `10 {unit}`, found {}",
            expected(schema),
            describe::value(&text.into())
        ),
        ScalarError::UnknownUnit(wrong) => {
            format!("there is no unit {}; there is {}", describe::literal(&wrong.into()), unit_names(units))
        }
        ScalarError::NotInteger => {
            format!("expected an integer with a unit, found {}", describe::value(&text.into()))
        }
        ScalarError::TooLarge => {
            format!("{} does not fit 64 bits with a sign, in `{unit}`", describe::literal(&text.into()))
        }
    })?;
    Ok(special::scalar(&units.family, unit, amount.canonical, text.trim().to_owned()))
}

/// The units with their prefixes, in words.
fn unit_names(units: &Units) -> String {
    let with = |prefix: &str| units.units.keys().map(|unit| format!("{prefix}{unit}")).collect::<Vec<_>>();
    let all = match units.prefixes.is_empty() {
        true => with(""),
        false => units.prefixes.keys().flat_map(|prefix| with(prefix)).collect(),
    };
    names(all.iter().map(String::as_str))
}

/// The float of an integer's value, if there is one.
fn exact_float(integer: i64) -> Option<f64> {
    let float = integer as f64;
    // 2^63 is the one float that an integer can be rounded to and that is no integer itself.
    (float < 9_223_372_036_854_775_808.0 && float as i64 == integer).then_some(float)
}
