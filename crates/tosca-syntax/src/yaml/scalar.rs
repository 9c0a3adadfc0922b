//! The YAML 1.2 core schema: what a plain scalar is.

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
            b'0'..=b'9' | b'+' | b'-' | b'.' if is_integer(text) => Self::Integer,
            b'0'..=b'9' | b'+' | b'-' | b'.' if is_float(text) => Self::Float,
            _ => Self::String,
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

fn without_sign(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn is_integer(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix("0o") {
        return !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    }
    let digits = without_sign(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let text = without_sign(text);
    if matches!(text, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    if let Some(exponent) = exponent {
        let digits = without_sign(exponent);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// The value of a [`ScalarKind::Integer`], when it fits 64 bits with a sign.
pub fn parse_integer(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok();
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok();
    }
    text.parse().ok()
}

/// The value of a [`ScalarKind::Float`] or [`ScalarKind::Integer`], rounded to the nearest double.
pub fn parse_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    if text.starts_with("0o") || text.starts_with("0x") {
        return parse_integer(text).map(|value| value as f64);
    }
    text.parse().ok()
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

    #[test]
    fn numbers_have_values() {
        assert_eq!(parse_integer("0x1F"), Some(31));
        assert_eq!(parse_integer("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_integer("9223372036854775808"), None);
        assert_eq!(parse_integer("+7"), Some(7));
        assert_eq!(parse_float("1."), Some(1.0));
        assert_eq!(parse_float("-.inf"), Some(f64::NEG_INFINITY));
    }
}
