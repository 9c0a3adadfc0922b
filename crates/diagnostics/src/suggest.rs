//! "Did you mean": the nearest of the names that would have been right.

/// Beyond this many characters a name is not compared: edit distance costs the product of both lengths.
const COMPARED_CHARACTERS_MAX: usize = 64;

/// The candidate nearest to `wrong`, when one is near enough to have been meant.
///
/// Near enough: differing only in case or in `-`, `_`, `.` and blanks, or an edit distance (insert, delete,
/// replace, swap neighbours) of at most a third of the longer name, at least 1. The first of equals wins, so the
/// answer is as stable as the order of the candidates.
pub fn closest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong_characters: Vec<char> = wrong.chars().collect();
    if wrong_characters.is_empty() || wrong_characters.len() > COMPARED_CHARACTERS_MAX {
        return None;
    }
    let folded = fold(wrong);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate == wrong {
            continue;
        }
        let length = candidate.chars().take(COMPARED_CHARACTERS_MAX + 1).count();
        if length == 0 || length > COMPARED_CHARACTERS_MAX {
            continue;
        }
        let distance = if fold(candidate) == folded {
            0
        } else {
            let allowed = (length.max(wrong_characters.len()) / 3).max(1);
            if length.abs_diff(wrong_characters.len()) > allowed {
                continue;
            }
            let distance = edit_distance(&wrong_characters, &candidate.chars().collect::<Vec<_>>());
            // A distance equal to the shorter length replaces every letter: nothing is left of the name.
            if distance > allowed || distance >= length.min(wrong_characters.len()) {
                continue;
            }
            distance
        };
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// ``did you mean `x`?`` for the [`closest`] candidate.
pub fn did_you_mean<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(wrong, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// A list for people: `` `a`, `b`, `c` ``, shortened with the number of what is left out.
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN_MAX: usize = 16;
    let names: Vec<&str> = names.into_iter().collect();
    let mut text =
        names.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN_MAX {
        text.push_str(&format!(" and {} more", names.len() - SHOWN_MAX));
    }
    text
}

fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Optimal string alignment distance, in three rows.
fn edit_distance(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    let mut row = vec![0; width];
    for i in 1..=left.len() {
        row[0] = i;
        for j in 1..width {
            let replaced = last[j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row[j] = least;
        }
        (before, last, row) = (last, row, before);
    }
    last[width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(closest("Databse", ["Host", "Database"]), Some("Database"));
        assert_eq!(closest("tpye", ["type", "types"]), Some("type"));
        assert_eq!(closest("Node-Types", ["node_types", "data_types"]), Some("node_types"));
        assert_eq!(closest("port", ["address", "protocol"]), None);
        assert_eq!(closest("a", ["b"]), None, "one letter replaced is another name");
        assert_eq!(closest("", ["b"]), None);
        assert_eq!(closest(&"x".repeat(100), ["b"]), None);
    }

    #[test]
    fn lists_are_shortened() {
        assert_eq!(one_of(["a", "b"]), "`a`, `b`");
        let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert!(one_of(many.iter().map(String::as_str)).ends_with("`15` and 4 more"));
    }
}
