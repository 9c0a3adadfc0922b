//! Timestamps (TOSCA 2.0, 9.1.2.1).

use std::cmp::Ordering;
use std::sync::Arc;

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

    /// Whether it is in a leap second; [`Self::seconds`] is then the second before it.
    pub fn is_leap(&self) -> bool {
        self.is_leap
    }

    /// The digits behind the point, without trailing zeros.
    pub fn fraction(&self) -> &str {
        &self.fraction
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
}
