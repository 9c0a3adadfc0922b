//! Names as PostgreSQL can index them.

use sha2::{Digest as _, Sha256};

/// The longest name that is its own key. An entry of a PostgreSQL index has less than 2,704 octets, and a name any number.
const KEY_LENGTH_MAX: usize = 64;

/// Returns what stands for a name in indexes: the name itself where it is short, else its start and its digest. Equal keys mean
/// equal names.
///
/// Names are octets to PostgreSQL: its text can hold no U+0000, and its order may be a language's.
pub(crate) fn key(name: &str) -> Vec<u8> {
    let octets = name.as_bytes();
    if octets.len() <= KEY_LENGTH_MAX {
        return octets.to_vec();
    }
    // Longer than any name that is its own key.
    let digest = Sha256::digest(octets);
    [&octets[..=KEY_LENGTH_MAX - digest.len()], &digest[..]].concat()
}

/// Takes a name out of a row. Only text is ever put in.
pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

// Ids are numbers without a sign to Floria and with one to PostgreSQL. Whoever has an id above `laws::ID_MAX` is refused, so
// those that are kept are the same in both, and the others equal none of them.

pub(crate) fn integer(id: u64) -> i64 {
    id as i64
}

pub(crate) fn natural(integer: i64) -> u64 {
    integer as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_equal_only_for_equal_names() {
        let long = "n".repeat(10_000);
        let names = ["", "a", &long[..63], &long[..64], &long[..65], &long[..66], &long, "nul \0"];
        let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        for (place, other) in keys.iter().enumerate() {
            assert!(other.len() <= KEY_LENGTH_MAX + 1);
            assert_eq!(keys.iter().position(|key| key == other), Some(place));
        }
        assert_eq!(keys[3], long.as_bytes()[..64]);
        assert_eq!(keys[4].len(), 65);
    }
}
