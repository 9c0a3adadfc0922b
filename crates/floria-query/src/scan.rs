//! The characters of a query.

use crate::parse::Parsed;

/// A place in a text.
#[derive(Clone)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    place: usize,
}

/// Whether a character can be in a word without quotation marks.
pub(crate) fn is_bare(character: char) -> bool {
    !character.is_whitespace() && !character.is_control() && !"\"=!<>(){}[]*,@~".contains(character)
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, place: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.place..]
    }

    /// Returns the same text from the place of this one to an end before `after`.
    pub(crate) fn cut(&self, after: usize, end: usize) -> Self {
        Self { text: &self.text[..end.min(after)], place: self.place }
    }

    pub(crate) fn place(&self) -> usize {
        self.place
    }

    pub(crate) fn back_to(&mut self, place: usize) {
        self.place = place;
    }

    pub(crate) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(crate) fn space(&mut self) {
        self.place = self.text.len() - self.rest().trim_start().len();
    }

    pub(crate) fn sees(&self, character: char) -> bool {
        self.rest().starts_with(character)
    }

    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let is_here = self.rest().starts_with(token);
        if is_here {
            self.place += token.len();
        }
        is_here
    }

    /// Takes a word that stands alone.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        let Some(rest) = self.rest().strip_prefix(word) else { return false };
        let alone =
            rest.is_empty() || rest.starts_with(|next: char| next.is_whitespace() || "\"()".contains(next));
        if alone {
            self.place += word.len();
        }
        alone
    }

    /// Takes a word that stands alone, or before how often it is meant.
    pub(crate) fn step_word(&mut self, word: &str) -> bool {
        let Some(rest) = self.rest().strip_prefix(word) else { return false };
        self.word(word) || (rest.starts_with(['*', '{']) && self.eat(word))
    }

    /// Takes the characters of a word, as far as an arrow.
    pub(crate) fn bare(&mut self) -> &'a str {
        let rest = self.rest();
        let mut end = rest.len();
        for (index, character) in rest.char_indices() {
            if !is_bare(character) || rest[index..].starts_with("->") {
                end = index;
                break;
            }
        }
        self.place += end;
        &rest[..end]
    }

    pub(crate) fn digits(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
        self.place += end;
        &rest[..end]
    }

    /// Takes text in quotation marks, if it is here: `\"` and `\\` stand for `"` and `\`.
    pub(crate) fn quoted(&mut self) -> Parsed<Option<String>> {
        let place = self.place;
        if !self.eat("\"") {
            return Ok(None);
        }
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.place += index + 1;
                    return Ok(Some(text));
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    _ => return self.fail_at(self.place + index, "only `\\\"` and `\\\\` are escapes"),
                },
                other => text.push(other),
            }
        }
        self.fail_at(place, "this text has no `\"` at its end")
    }

    /// Takes what comes before `end`, and `end`; None where a space or nothing comes first.
    pub(crate) fn until(&mut self, end: &str) -> Option<(usize, &'a str)> {
        let place = self.place;
        let rest = self.rest();
        let before = &rest[..rest.find(end)?];
        if before.contains(char::is_whitespace) {
            return None;
        }
        self.place += before.len() + end.len();
        Some((place, before))
    }

    /// Takes the name of an edge and the dash after it, as in `<-requires-`; None where the arrow has none.
    pub(crate) fn until_dash(&mut self) -> Option<(usize, &'a str)> {
        let place = self.place;
        let word = self.bare();
        let (name, _) = word.rsplit_once('-').unwrap_or((word, ""));
        if word.is_empty() {
            return None;
        }
        // Without a dash at the end, it is what the arrow leads to.
        if name.len() + 1 != word.len() {
            self.place = place;
            return None;
        }
        Some((place, name))
    }

    pub(crate) fn fail<T>(&self, problem: impl Into<String>) -> Parsed<T> {
        self.fail_at(self.place, problem)
    }

    pub(crate) fn fail_at<T>(&self, place: usize, problem: impl Into<String>) -> Parsed<T> {
        Err((place, problem.into()))
    }

    /// Says that something else is here than what was expected.
    pub(crate) fn expected<T>(&self, expected: &str) -> Parsed<T> {
        let rest = self.rest();
        let found = match rest.split_whitespace().next() {
            None => "the query ends".to_owned(),
            Some(word) => format!("`{}` is here", word.chars().take(40).collect::<String>()),
        };
        self.fail(format!("{found}, where {expected} is expected"))
    }
}
