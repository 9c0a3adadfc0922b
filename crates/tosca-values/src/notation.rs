//! Numbers as YAML's core schema writes them (YAML 1.2.2, 10.3.2).

/// Which kind of number a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// Decimal, `0o17` or `0x1F`.
    Integer,
    /// With a point or exponent, `.inf`, `.nan`.
    Float,
}

impl NumberKind {
    /// The kind of the number that a text is; `None` when it is none.
    #[inline]
    pub fn of(text: &str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'0'..=b'9' | b'+' | b'-' | b'.' if is_integer(text) => Some(Self::Integer),
            b'0'..=b'9' | b'+' | b'-' | b'.' if is_float(text) => Some(Self::Float),
            _ => None,
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

/// The value of a [`NumberKind::Integer`], when it fits 64 bits with a sign.
pub fn parse_integer(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok();
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok();
    }
    text.parse().ok()
}

/// The value of a [`NumberKind::Float`] or [`NumberKind::Integer`], rounded to the nearest double.
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
