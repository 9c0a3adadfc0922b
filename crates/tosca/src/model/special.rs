//! Values of the special types (TOSCA 2.0, 9.1.2): timestamps, scalars, versions.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::{Name, Number, TypeId};

/// A `timestamp` (9.1.2.1): an instant by RFC 3339. Equal and ordered by the instant, whatever its time zone.
#[derive(Debug, Clone)]
pub struct Timestamp {
    text: Arc<str>,
    /// Since 1970, in UTC; a leap second counts as the second before it, and says so.
    seconds: i64,
    is_leap: bool,
    /// The digits behind the point, without trailing zeros.
    fraction: Box<str>,
}

impl Timestamp {
    /// A date and time by RFC 3339 (section 5.6), or a date alone, which is its midnight in UTC. An unknown time zone
    /// (`-00:00`) is UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = text.get(from..to)?;
            let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
            is_number.then(|| digits.parse().ok()).flatten()
        };
        let separator =
            |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|found| allowed.contains(found));
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let is_date = separator(4, b"-") && separator(7, b"-") && (1..=12).contains(&month);
        if !is_date || !(1..=days_of_month(year, month)).contains(&day) {
            return None;
        }
        let midnight = days_since_1970(year, month, day) * 86_400;
        if bytes.len() == 10 {
            return Some(Self {
                text: text.into(),
                seconds: midnight,
                is_leap: false,
                fraction: Box::default(),
            });
        }
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let is_time = separator(10, b"Tt") && separator(13, b":") && separator(16, b":");
        if !is_time || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let mut at = 19;
        if separator(at, b".") {
            let digits = bytes[at + 1..].iter().take_while(|digit| digit.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            at += 1 + digits;
        }
        let fraction = text.get(20..at).unwrap_or_default().trim_end_matches('0');
        let offset = match bytes.get(at..)? {
            b"Z" | b"z" => 0,
            [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
                let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                (hours * 60 + minutes) * if *sign == b'-' { -60 } else { 60 }
            }
            _ => return None,
        };
        let is_leap = second == 60;
        let seconds = midnight + hour * 3_600 + minute * 60 + second.min(59) - offset;
        // Leap seconds are only at the end of a day in UTC.
        if is_leap && seconds.rem_euclid(86_400) != 86_399 {
            return None;
        }
        Some(Self { text: text.into(), seconds, is_leap, fraction: fraction.into() })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Seconds since the beginning of 1970 in UTC, the fraction left out.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    fn instant(&self) -> (i64, bool, &str) {
        (self.seconds, self.is_leap, &self.fraction)
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.instant() == other.instant()
    }
}

impl Eq for Timestamp {}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        self.instant().cmp(&other.instant())
    }
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, also before it began.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years from March: the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// A `version` (9.1.2.3): `major.minor[.fix[.qualifier[-build]]]`.
#[derive(Debug, Clone)]
pub struct Version {
    text: Arc<str>,
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number; 0 when it is left out.
    pub fix: u64,
    /// A pre-release's name.
    pub qualifier: Option<Box<str>>,
    /// Which build of a pre-release.
    pub build: Option<u64>,
}

impl Version {
    /// A version by the grammar of 9.1.2.3.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |part: &str| -> Option<u64> {
            let is_number = !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
            is_number.then(|| part.parse().ok()).flatten()
        };
        let mut parts = text.splitn(4, '.');
        let (major, minor) = (number(parts.next()?)?, number(parts.next()?)?);
        let fix = parts.next().map_or(Some(0), number)?;
        let mut qualifier = None;
        let mut build = None;
        if let Some(rest) = parts.next() {
            let name = match rest.rsplit_once('-') {
                Some((name, digits)) => {
                    build = Some(number(digits)?);
                    name
                }
                None => rest,
            };
            let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
            if name.is_empty() || !name.chars().all(is_name) {
                return None;
            }
            qualifier = Some(name.into());
        }
        Some(Self { text: text.into(), major, minor, fix, qualifier, build })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it says that there is no version: `0.0`, `0.0.0`.
    pub fn is_none(&self) -> bool {
        (self.major, self.minor, self.fix) == (0, 0, 0) && self.qualifier.is_none()
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    /// A qualified version is older than the one without; different qualifiers cannot be compared.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let numbers = (self.major, self.minor, self.fix).cmp(&(other.major, other.minor, other.fix));
        if numbers.is_ne() {
            return Some(numbers);
        }
        match (&self.qualifier, &other.qualifier) {
            (None, None) => Some(Ordering::Equal),
            (Some(_), None) => Some(Ordering::Less),
            (None, Some(_)) => Some(Ordering::Greater),
            (Some(own), Some(other_qualifier)) if own == other_qualifier => {
                Some(self.build.cmp(&other.build))
            }
            _ => None,
        }
    }
}

/// A value of a `scalar` type (9.1.2.2): a number with a unit.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The number as it was written, in `unit`.
    pub number: Number,
    /// The unit as it was written, with its prefix.
    pub unit: Name,
    /// The number in the canonical unit of the type.
    pub canonical: Number,
    /// The canonical unit.
    pub canonical_unit: Name,
    /// The first type below `scalar` that the value's type is derived from: what can be compared has the same.
    pub family: TypeId,
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Scalar {
    /// By the canonical numbers; scalars of different families cannot be compared.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.family != other.family {
            return None;
        }
        match (self.canonical, other.canonical) {
            (Number::Integer(own), Number::Integer(other)) => Some(own.cmp(&other)),
            (own, other) => own.as_float().partial_cmp(&other.as_float()),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.unit)
    }
}

/// The bytes of a Base64 text (RFC 2045, 6.8): white space, as line breaks are, is skipped; padding is needed.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0u32, 0u32, 0u32);
    for letter in text.bytes().filter(|letter| !letter.is_ascii_whitespace()) {
        let value = match letter {
            b'=' => {
                padding += 1;
                continue;
            }
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    match (count, padding) {
        (0, 0) => {}
        (2, 2) => bytes.push((bits >> 4) as u8),
        (3, 1) => bytes.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
        _ => return None,
    }
    Some(bytes)
}

/// Bytes as Base64, without line breaks.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let is_there = place <= group.len();
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if is_there { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn timestamps_are_instants() {
        assert_eq!(timestamp("1970-01-01T00:00:00Z").seconds(), 0);
        assert_eq!(timestamp("2000-03-01T00:00:00Z").seconds(), 951_868_800);
        assert_eq!(timestamp("1996-12-19T16:39:57-08:00"), timestamp("1996-12-20T00:39:57z"));
        assert_eq!(timestamp("2000-02-29"), timestamp("2000-02-29T00:00:00-00:00"));
        assert!(timestamp("1990-12-31T15:59:60-08:00") > timestamp("1990-12-31T23:59:59.9Z"));
        assert!(timestamp("1990-12-31T23:59:60.5Z") < timestamp("1991-01-01T00:00:00Z"));
        assert!(timestamp("2000-01-01T00:00:00.45Z") < timestamp("2000-01-01T00:00:00.5Z"));
        assert_eq!(timestamp("2000-01-01T00:00:00.50Z"), timestamp("2000-01-01T00:00:00.5Z"));
        for wrong in [
            "2001-12-14 21:59:43.10",
            "2001-12-14T21:59:43",
            "2001-02-29T00:00:00Z",
            "2001-13-01",
            "2001-1-1",
            "2001-12-14T24:00:00Z",
            "2001-12-14T12:00:60Z",
            "2001-12-14T12:00:00.Z",
            "2001-12-14T12:00:00+1:00",
            "2001-12-14T12:00:00Z ",
            "äöüäöüäö",
            "",
        ] {
            assert!(Timestamp::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_parts() {
        let order = |left, right| Version::parse(left).unwrap().partial_cmp(&Version::parse(right).unwrap());
        assert_eq!(order("6.1", "6.1.0"), Some(Ordering::Equal));
        assert_eq!(order("6.10", "6.9.9"), Some(Ordering::Greater));
        assert_eq!(order("1.0.0.beta", "1.0.0"), Some(Ordering::Less));
        assert_eq!(order("1.0.0.alpha-2", "1.0.0.alpha-10"), Some(Ordering::Less));
        assert_eq!(order("1.0.0.alpha-2", "1.0.0.beta-1"), None);
        assert_eq!(order("1.0.1.alpha-2", "1.0.0.beta-1"), Some(Ordering::Greater));
        assert!(Version::parse("0.0.0").unwrap().is_none());
        for wrong in
            ["1", "1.", "1.a", "v1.0", "1.0.0.", "1.0.0.alpha-", "1.0.0.-1", "1.0-beta", "1.0.0 ", ""]
        {
            assert!(Version::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn base64_there_and_back() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"foob", b"\x00\xff\xfe"] {
            assert_eq!(decode_base64(&encode_base64(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(encode_base64(b"foob"), "Zm9vYg==");
        assert_eq!(decode_base64("Zm9v\n  Yg==\n").as_deref(), Some(&b"foob"[..]));
        for wrong in ["Zm9vYg", "Zm9vYg=", "Zm9v!", "=", "Zg==Zg==", "Z"] {
            assert!(decode_base64(wrong).is_none(), "{wrong}");
        }
    }
}
