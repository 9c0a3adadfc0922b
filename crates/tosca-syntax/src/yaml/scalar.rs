//! The YAML 1.2 core schema: what a plain scalar is.

use tosca_values::NumberKind;

/// What a scalar is by the core schema (YAML 1.2.2, 10.3.2). Quoted and block scalars are always strings, and
/// nothing of YAML 1.1 (`yes`, `on`, `0755`, `1_000`, `12:30`, dates) is anything but a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarKind {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`, also `True`, `TRUE`, `False`, `FALSE`.
    Boolean,
    /// Decimal, `0o17` or `0x1F`.
    Integer,
    /// With a point or exponent, `.inf`, `.nan`.
    Float,
    /// Anything else.
    String,
}

impl ScalarKind {
    /// The kind of a plain scalar.
    pub fn of_plain(text: &str) -> Self {
        let Some(&first) = text.as_bytes().first() else { return Self::Null };
        match first {
            b'n' | b'N' | b'~' if matches!(text, "null" | "Null" | "NULL" | "~") => Self::Null,
            b't' | b'T' if matches!(text, "true" | "True" | "TRUE") => Self::Boolean,
            b'f' | b'F' if matches!(text, "false" | "False" | "FALSE") => Self::Boolean,
            _ => match NumberKind::of(text) {
                Some(NumberKind::Integer) => Self::Integer,
                Some(NumberKind::Float) => Self::Float,
                None => Self::String,
            },
        }
    }

    /// In the words of the standard: `nil`, `boolean`, `integer`, `float`, `string`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "nil",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::String => "string",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ScalarKind, texts: &[&str]) {
        for text in texts {
            assert_eq!(ScalarKind::of_plain(text), kind, "{text}");
        }
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        check(ScalarKind::Null, &["", "~", "null", "Null", "NULL"]);
        check(ScalarKind::Boolean, &["true", "True", "TRUE", "false", "False", "FALSE"]);
        check(ScalarKind::Integer, &["0", "-0", "+12", "007", "0o17", "0x1F", "99999999999999999999"]);
        check(ScalarKind::Float, &["1.", ".5", "-1.5e3", "1e3", "+.inf", "-.INF", ".nan", "0.0"]);
        check(
            ScalarKind::String,
            &[
                "yes",
                "no",
                "on",
                "off",
                "y",
                "tRUE",
                "nULL",
                "0o8",
                "0xG",
                "0b1",
                "1_000",
                "12:30",
                "2024-01-01",
                "1.2.3",
                "-",
                "+",
                ".",
                "e3",
                "1e",
                "+.nan",
                "-0x1F",
                "1 GB",
                "infinity",
                "NaN",
            ],
        );
    }
}
