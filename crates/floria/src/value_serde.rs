//! Values in serde's data model: what JSON, YAML and CBOR show.
//!
//! CBOR keeps all of a value. For people (JSON, YAML) a custom value is its text; what has to come back whole is written by
//! an exchange format instead.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, EnumAccess, MapAccess, SeqAccess, VariantAccess as _, Visitor},
    ser::{SerializeMap as _, SerializeSeq as _},
};

use ciborium::tag::Required;

use crate::{Custom, Value, ValueMap};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Custom(custom) if serializer.is_human_readable() => serializer.serialize_str(&custom.text),
            Self::Custom(custom) => {
                Required::<_, CUSTOM_TAG>((&custom.type_name, &custom.order, &custom.text))
                    .serialize(serializer)
            }
        }
    }
}

/// The CBOR tag of a custom value: an array of type, order and text follows. In the range that is registered first come,
/// first served, and unassigned.
const CUSTOM_TAG: u64 = 70_223;

struct ValueVisitor;

/// Takes an integer as it is, or not at all.
fn integer<N: Copy + fmt::Display + TryInto<i64>, E: de::Error>(number: N) -> Result<Value, E> {
    let fits = number.try_into().map(Value::Integer);
    fits.map_err(|_| E::custom(format!("integer {number} does not fit 64 bits with a sign")))
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        integer(value)
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        integer(value)
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        integer(value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn visit_byte_buf<E: de::Error>(self, value: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = ValueMap::new();
        while let Some((key, value)) = access.next_entry::<Value, Value>()? {
            if entries.contains_key(&key) {
                return Err(de::Error::custom(format!("two keys of a map are both `{key}`")));
            }
            entries.insert(key, value);
        }
        Ok(Value::Map(entries))
    }

    /// A tag, as ciborium shows it.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        struct Tagged;

        impl<'de> Visitor<'de> for Tagged {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a tagged value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
                let tag: Option<u64> = access.next_element()?;
                if tag != Some(CUSTOM_TAG) {
                    return Err(de::Error::custom("it has a tag that no value has"));
                }
                let content = access.next_element()?;
                let (type_name, order, text) =
                    content.ok_or_else(|| de::Error::custom("nothing follows a tag"))?;
                Ok(Custom { type_name, order, text }.into())
            }
        }

        match access.variant::<String>()? {
            (name, variant) if name == "@@TAGGED@@" => variant.tuple_variant(2, Tagged),
            _ => Err(de::Error::custom("it is no value")),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}
