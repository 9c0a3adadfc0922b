//! Versions (TOSCA 2.0, 9.1.2.3).

use std::cmp::Ordering;
use std::sync::Arc;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
