//! Literals of the types that are written as strings: bytes, timestamps, versions and scalars (9.1.1.5, 9.1.2).

use std::fmt::Display;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_values::{Amount, ScalarError, decode_base64};

use super::Compiler;
use crate::model::{DataBase, Scalar, Timestamp, TypeId, Units, Value, Version};

impl Compiler<'_> {
    /// The value of a string that is written for a type of these bases. `None` when it was reported.
    pub(super) fn special(
        &self,
        text: &str,
        base: DataBase,
        data_type: TypeId,
        span: Span,
        what: &dyn Display,
    ) -> Option<Value> {
        let wrong = |code: &'static str, wanted: &str, label: &str, hint: &str, chapter: &'static str| {
            self.report(
                Diagnostic::error(code, format!("{what} must be {wanted}"))
                    .at(Place::new(span, label))
                    .hint(hint)
                    .chapter(chapter),
            );
        };
        match base {
            DataBase::Bytes => {
                let bytes = decode_base64(text);
                if bytes.is_none() {
                    let hint = "bytes are written as a Base64 string, with its padding: \"aGVsbG8=\"";
                    wrong("invalid-bytes", "bytes in Base64", "not Base64", hint, "9.1.1.5");
                }
                Some(Value::Bytes(bytes?.into()))
            }
            DataBase::Timestamp => {
                let instant = Timestamp::parse(text);
                if instant.is_none() {
                    let hint = "for example \"2025-04-12T23:20:50.52Z\" or \"1996-12-19T16:39:57-08:00\"";
                    let label = "not a date and time by RFC 3339";
                    wrong("invalid-timestamp", "a timestamp", label, hint, "9.1.2.1");
                }
                Some(Value::Timestamp(Box::new(instant?)))
            }
            DataBase::Version => {
                let version = Version::parse(text);
                if version.is_none() {
                    let hint =
                        "a version is `major.minor[.fix[.qualifier[-build]]]`: \"2.0.1\", \"1.0.0.alpha-10\"";
                    wrong("invalid-version", "a version", "not a version", hint, "9.1.2.3");
                }
                Some(Value::Version(Box::new(version?)))
            }
            DataBase::Scalar => match &self.data(data_type).units {
                Some(units) => self.number_with_unit(text, units, data_type, span, what),
                // Its units could not be read.
                None => Some(Value::String(text.into())),
            },
            _ => Some(Value::String(text.into())),
        }
    }

    fn number_with_unit(
        &self,
        text: &str,
        units: &Units,
        data_type: TypeId,
        span: Span,
        what: &dyn Display,
    ) -> Option<Value> {
        let name = &self.type_of(data_type).name;
        let wrong = |message: String, label: &str| {
            Diagnostic::error("invalid-scalar", message).at(Place::new(span, label)).chapter("9.1.2.2")
        };
        let example = || format!("a `{name}` is a number and a unit: `10 {}`", units.canonical_unit);
        let read = Amount::read(text, units.is_integer, |unit| units.multiplier(unit));
        let amount = read
            .map_err(|error| {
                self.report(match error {
                    ScalarError::NoUnit => {
                        wrong(format!("{what} needs a unit"), "has no unit").hint(example())
                    }
                    ScalarError::NoNumber(number) => {
                        // `10kg`: the number may only lack the space.
                        let digits =
                            number.find(|letter: char| letter.is_alphabetic() && !"eExXoO".contains(letter));
                        let hint = digits
                            .map(|at| number.split_at(at))
                            .filter(|(_, unit)| units.multiplier(unit).is_some())
                            .map(|(number, unit)| {
                                format!("put a space between number and unit: `{number} {unit}`")
                            });
                        wrong(format!("{what} needs a number and a unit"), "does not begin with a number")
                            .hint(hint.unwrap_or_else(example))
                    }
                    ScalarError::UnknownUnit(unit) => {
                        let all = units.all();
                        let names = || all.iter().map(String::as_str);
                        let is_same = |other: &&str| other.eq_ignore_ascii_case(unit);
                        let hint = match names().find(is_same) {
                            Some(other) => format!("units are case-sensitive: did you mean `{other}`?"),
                            None => did_you_mean(unit, names())
                                .unwrap_or_else(|| format!("the units of `{name}` are: {}", one_of(names()))),
                        };
                        wrong(format!("{what} has the unknown unit `{unit}`"), "not a unit of the type")
                            .hint(hint)
                    }
                    ScalarError::NotInteger => {
                        let message = format!("{what} must be an integer with a unit, not a float");
                        wrong(message, "not an integer").hint(example())
                    }
                    ScalarError::TooLarge => {
                        let unit = &units.canonical_unit;
                        wrong(format!("{what} does not fit 64 bits with a sign, in `{unit}`"), "too large")
                    }
                })
            })
            .ok()?;
        Some(Value::Scalar(Box::new(Scalar {
            number: amount.number,
            unit: self.name(amount.unit),
            canonical: amount.canonical,
            canonical_unit: units.canonical_unit.clone(),
            family: units.family,
        })))
    }
}
