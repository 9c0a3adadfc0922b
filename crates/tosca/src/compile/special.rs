//! Literals of the types that are written as strings: bytes, timestamps, versions and scalars (9.1.1.5, 9.1.2).

use std::fmt::Display;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::yaml::{ScalarKind, parse_float};

use super::Compiler;
use crate::model::{
    DataBase, Decimal, Number, Scalar, Timestamp, TypeId, Units, Value, Version, decode_base64,
};

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
        let (number, unit) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let unit = unit.trim();
        let kind = ScalarKind::of_plain(number);
        let is_number = matches!(kind, ScalarKind::Integer | ScalarKind::Float);
        if unit.is_empty() || !is_number {
            let (message, label) = match is_number {
                true => (format!("{what} needs a unit"), "has no unit"),
                false => (format!("{what} needs a number and a unit"), "does not begin with a number"),
            };
            // `10kg`: the number may only lack the space.
            let digits = number.find(|letter: char| letter.is_alphabetic() && !"eExXoO".contains(letter));
            let hint = digits
                .map(|at| number.split_at(at))
                .filter(|(_, unit)| units.multiplier(unit).is_some())
                .map(|(number, unit)| format!("put a space between number and unit: `{number} {unit}`"));
            self.report(wrong(message, label).hint(hint.unwrap_or_else(example)));
            return None;
        }
        let Some(multiplier) = units.multiplier(unit) else {
            let all = units.all();
            let names = || all.iter().map(String::as_str);
            let is_same = |other: &&str| other.eq_ignore_ascii_case(unit);
            let hint = match names().find(is_same) {
                Some(other) => format!("units are case-sensitive: did you mean `{other}`?"),
                None => did_you_mean(unit, names())
                    .unwrap_or_else(|| format!("the units of `{name}` are: {}", one_of(names()))),
            };
            let message = format!("{what} has the unknown unit `{unit}`");
            self.report(wrong(message, "not a unit of the type").hint(hint));
            return None;
        };
        if units.is_integer && kind != ScalarKind::Integer {
            let message = format!("{what} must be an integer with a unit, not a float");
            self.report(wrong(message, "not an integer").hint(example()));
            return None;
        }
        let exact = Decimal::parse(number);
        let product = exact.and_then(|exact| exact.times(multiplier));
        let (own, canonical) = if units.is_integer {
            let both = exact.and_then(Decimal::as_integer).zip(product.and_then(Decimal::as_integer));
            let Some((own, canonical)) = both else {
                let message =
                    format!("{what} does not fit 64 bits with a sign, in `{}`", units.canonical_unit);
                self.report(wrong(message, "too large"));
                return None;
            };
            (Number::Integer(own), Number::Integer(canonical))
        } else {
            let own = parse_float(number)?;
            let inexact = || own * multiplier.as_float();
            (Number::Float(own), Number::Float(product.map_or_else(inexact, Decimal::as_float)))
        };
        Some(Value::Scalar(Box::new(Scalar {
            number: own,
            unit: self.name(unit),
            canonical,
            canonical_unit: units.canonical_unit.clone(),
            family: units.family,
        })))
    }
}
