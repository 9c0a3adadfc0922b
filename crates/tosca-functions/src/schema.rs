//! Schemas: which values a property takes, as a literal value that travels with it.
//!
//! A schema is a list of types that name each other by index, so that a recursive data type is finite; the first is the
//! root's. [`Schema::to_value`] writes it as a [`Value`]:
//!
//! ```yaml
//! - base: list             # any, nil, boolean, integer, float, string, bytes, timestamp, version, scalar, list, map, structure
//!   entry: 1               # list, map: the type of the entries; absent: any
//! - name: shop:Address     # what messages call it
//!   base: structure
//!   properties:
//!     street: { type: 2 }
//!     port: { type: 3, default: 80 }
//!     next: { type: 1, required: false }
//! - base: string
//! - base: integer
//!   validation:            # clauses that must all hold, in TOSCA's words
//!   - { $less_or_equal: [ { $value: [] }, 65535 ] }
//! - name: shop:DiskSize
//!   base: scalar
//!   scalar:                # its units; each multiplier is a string, so that it is exact
//!     family: shop:Size    # the type directly below `scalar`: what can be compared has the same
//!     canonical_unit: B
//!     integer: true        # absent: the number is a float
//!     units: { B: "1" }
//!     prefixes: { "": "1", k: "1000" } # absent: a unit has none
//! ```
//!
//! A schema of one type that only has a base is written as the base's name, with `?` behind it where it is optional: `integer?`.
//! Most are, and a design has one for each attribute.
//!
//! Besides, a map has `key` (the type of the keys; absent: any), and any type may have `optional: true` (nil is taken and
//! stays nil: what an attribute without a value holds). In a clause, a map with one key that starts with `$` is a call, and
//! `{ $literal: … }` a literal map that only looks like one; everything else is a literal. A call of a function of the design
//! is `{ $custom:name: [ … ] }`, with its [definition](crate::custom) before its arguments.

use std::collections::BTreeMap;

use floria::{Value, ValueMap};
use tosca_values::Decimal;

use crate::clause;

/// What is behind the name of a base where nil is taken.
const OPTIONAL_MARK: &str = "?";

const SCALAR_WITHOUT_UNITS: &str = "a scalar has no units";

/// What the values of a type are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Base {
    /// Anything.
    #[default]
    Any,
    /// Only nil.
    Nil,
    /// A boolean.
    Boolean,
    /// An integer of 64 bits with a sign.
    Integer,
    /// A float of 64 bits. An integer becomes one.
    Float,
    /// A string.
    String,
    /// Octets. Base64 text becomes them.
    Bytes,
    /// An instant. Text by RFC 3339 becomes one.
    Timestamp,
    /// A version. Text becomes one: `1.2.3`.
    Version,
    /// A number with a unit. Text becomes one: `10 GB`.
    Scalar,
    /// A list.
    List,
    /// A map.
    Map,
    /// A map of properties known by name.
    Structure,
}

impl Base {
    const ALL: [Self; 13] = [
        Self::Any,
        Self::Nil,
        Self::Boolean,
        Self::Integer,
        Self::Float,
        Self::String,
        Self::Bytes,
        Self::Timestamp,
        Self::Version,
        Self::Scalar,
        Self::List,
        Self::Map,
        Self::Structure,
    ];

    /// The name: `integer`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Nil => "nil",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Version => "version",
            Self::Scalar => "scalar",
            Self::List => "list",
            Self::Map => "map",
            Self::Structure => "structure",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|base| base.as_str() == name)
    }
}

/// Which values a property takes. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The types; they name each other by index here. The first is the root's.
    pub types: Vec<SchemaType>,
}

/// One type of a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaType {
    /// What messages call it.
    pub name: Option<String>,
    /// What its values are made of.
    pub base: Base,
    /// Whether nil is taken, and stays nil.
    pub optional: bool,
    /// The type of a map's keys.
    pub key: Option<usize>,
    /// The type of a list's or map's entries.
    pub entry: Option<usize>,
    /// The properties of a structure.
    pub properties: BTreeMap<String, SchemaProperty>,
    /// What a scalar is measured in; every scalar has it, and nothing else.
    pub units: Option<Units>,
    /// Clauses that must all hold.
    pub validation: Vec<Value>,
}

/// What the values of a scalar type are measured in (TOSCA 2.0, 9.1.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    /// The type directly below `scalar`, qualified: what can be compared has the same.
    pub family: String,
    /// The unit to calculate in and to show results in; the same in the whole family.
    pub canonical_unit: String,
    /// Whether the numbers are integers.
    pub is_integer: bool,
    /// The units, without prefixes, each with what one is in the canonical unit.
    pub units: BTreeMap<String, Decimal>,
    /// When there are any, one comes before the unit, and may be the empty one.
    pub prefixes: BTreeMap<String, Decimal>,
}

/// A property of a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaProperty {
    /// Its type.
    pub type_index: usize,
    /// Whether it must be there.
    pub required: bool,
    /// What it is when it is not there.
    pub default: Option<Value>,
}

/// Why a value is not a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read type {index} of a schema: {message}")]
pub struct SchemaError {
    /// Which type of it.
    pub index: usize,
    /// What is wrong.
    pub message: String,
}

impl Schema {
    /// A schema of one type.
    pub fn of(root: SchemaType) -> Self {
        Self { types: vec![root] }
    }

    /// Returns whether a clause of it calls a function of the design.
    pub fn calls_custom(&self) -> bool {
        self.types.iter().any(|own| own.validation.iter().any(clause::calls_custom))
    }

    /// Writes it as a value, as the module says.
    pub fn to_value(&self) -> Value {
        if let [only] = self.types.as_slice()
            && *only == (SchemaType { base: only.base, optional: only.optional, ..SchemaType::default() })
        {
            let mark = if only.optional { OPTIONAL_MARK } else { "" };
            return Value::Text(format!("{}{mark}", only.base.as_str()));
        }
        Value::List(self.types.iter().map(SchemaType::to_value).collect())
    }

    /// Reads it from a value.
    ///
    /// # Errors
    /// When the value is none that [`Schema::to_value`] writes.
    pub fn from_value(value: &Value) -> Result<Self, SchemaError> {
        if let Value::Text(text) = value {
            let (name, optional) = match text.strip_suffix(OPTIONAL_MARK) {
                Some(name) => (name, true),
                None => (text.as_str(), false),
            };
            return match Base::named(name) {
                Some(Base::Scalar) => Err(SchemaError { index: 0, message: SCALAR_WITHOUT_UNITS.to_owned() }),
                Some(base) => Ok(Self::of(SchemaType { base, optional, ..SchemaType::default() })),
                None => Err(SchemaError { index: 0, message: format!("there is no base `{name}`") }),
            };
        }
        let entries = value.as_list().filter(|entries| !entries.is_empty());
        let entries = entries.ok_or_else(|| SchemaError { index: 0, message: "there is none".to_owned() })?;
        let types = entries.iter().enumerate().map(|(index, entry)| {
            SchemaType::from_value(entry, entries.len()).map_err(|message| SchemaError { index, message })
        });
        Ok(Self { types: types.collect::<Result<_, _>>()? })
    }
}

impl SchemaType {
    /// A type of a base and nothing else.
    pub fn of(base: Base) -> Self {
        Self { base, ..Self::default() }
    }

    fn to_value(&self) -> Value {
        let mut map = ValueMap::new();
        let mut put = |key: &str, value: Value| map.insert(key.into(), value);
        put("base", self.base.as_str().into());
        if let Some(name) = &self.name {
            put("name", name.as_str().into());
        }
        if self.optional {
            put("optional", true.into());
        }
        if let Some(key) = self.key {
            put("key", index_value(key));
        }
        if let Some(entry) = self.entry {
            put("entry", index_value(entry));
        }
        if !self.properties.is_empty() {
            let properties =
                self.properties.iter().map(|(name, property)| (name.as_str(), property.to_value()));
            put("properties", Value::map(properties));
        }
        if let Some(units) = &self.units {
            put("scalar", units.to_value());
        }
        if !self.validation.is_empty() {
            put("validation", Value::List(self.validation.clone()));
        }
        Value::Map(map)
    }

    fn from_value(value: &Value, types: usize) -> Result<Self, String> {
        let map = value.as_map().ok_or("it is not a map")?;
        let mut schema = Self::default();
        for (key, value) in map {
            match key.as_text().unwrap_or_default() {
                "base" => {
                    schema.base = value.as_text().and_then(Base::named).ok_or("its base is unknown")?;
                }
                "name" => schema.name = Some(value.as_text().ok_or("its name is not a string")?.to_owned()),
                "optional" => schema.optional = value.as_boolean().ok_or("`optional` is not a boolean")?,
                "key" => schema.key = Some(index_from(value, types)?),
                "entry" => schema.entry = Some(index_from(value, types)?),
                "properties" => {
                    for (name, property) in value.as_map().ok_or("`properties` is not a map")? {
                        let name = name.as_text().ok_or("the name of a property is not a string")?;
                        let property = SchemaProperty::from_value(property, types)?;
                        schema.properties.insert(name.to_owned(), property);
                    }
                }
                "scalar" => schema.units = Some(Units::from_value(value)?),
                "validation" => {
                    schema.validation = value.as_list().ok_or("`validation` is not a list")?.to_vec();
                }
                _ => return Err(format!("there is no `{key}`")),
            }
        }
        if (schema.base == Base::Scalar) != schema.units.is_some() {
            return Err(SCALAR_WITHOUT_UNITS.to_owned());
        }
        Ok(schema)
    }
}

impl Units {
    /// What one of a unit (prefix included) is in canonical units.
    pub fn multiplier(&self, unit: &str) -> Option<Decimal> {
        let units = self.units.iter().map(|(own, multiplier)| (own.as_str(), *multiplier));
        let prefix = |prefix: &str| self.prefixes.get(prefix).copied();
        tosca_values::multiplier(units, (!self.prefixes.is_empty()).then_some(prefix), unit)
    }

    fn to_value(&self) -> Value {
        let multipliers = |all: &BTreeMap<String, Decimal>| {
            Value::map(all.iter().map(|(name, multiplier)| (name.as_str(), multiplier.to_string())))
        };
        let mut map = ValueMap::new();
        map.insert("family".into(), self.family.as_str().into());
        map.insert("canonical_unit".into(), self.canonical_unit.as_str().into());
        if self.is_integer {
            map.insert("integer".into(), true.into());
        }
        map.insert("units".into(), multipliers(&self.units));
        if !self.prefixes.is_empty() {
            map.insert("prefixes".into(), multipliers(&self.prefixes));
        }
        Value::Map(map)
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let text = |key: &str| {
            let text = value.get(key).and_then(Value::as_text).map(str::to_owned);
            text.ok_or_else(|| format!("`{key}` of a scalar is not a string"))
        };
        let multipliers = |key: &str| -> Result<BTreeMap<String, Decimal>, String> {
            let Some(entries) = value.get(key) else { return Ok(BTreeMap::new()) };
            let entries = entries.as_map().ok_or_else(|| format!("`{key}` is not a map"))?.iter();
            let read = entries.map(|(name, number)| {
                Some((name.as_text()?.to_owned(), number.as_text().and_then(Decimal::parse)?))
            });
            read.collect::<Option<_>>().ok_or_else(|| format!("one of the `{key}` is not a number"))
        };
        Ok(Self {
            family: text("family")?,
            canonical_unit: text("canonical_unit")?,
            is_integer: value.get("integer").and_then(Value::as_boolean).unwrap_or(false),
            units: multipliers("units")?,
            prefixes: multipliers("prefixes")?,
        })
    }
}

impl SchemaProperty {
    fn to_value(&self) -> Value {
        let mut map = ValueMap::new();
        map.insert("type".into(), index_value(self.type_index));
        if !self.required {
            map.insert("required".into(), false.into());
        }
        if let Some(default) = &self.default {
            map.insert("default".into(), default.clone());
        }
        Value::Map(map)
    }

    fn from_value(value: &Value, types: usize) -> Result<Self, String> {
        Ok(Self {
            type_index: index_from(value.get("type").ok_or("a property has no type")?, types)?,
            required: value.get("required").and_then(Value::as_boolean).unwrap_or(true),
            default: value.get("default").cloned(),
        })
    }
}

fn index_value(index: usize) -> Value {
    Value::Integer(i64::try_from(index).expect("a schema has fewer types than its document bytes"))
}

fn index_from(value: &Value, types: usize) -> Result<usize, String> {
    value
        .as_integer()
        .and_then(|index| usize::try_from(index).ok())
        .filter(|index| *index < types)
        .ok_or_else(|| format!("{value} is not the index of a type"))
}
