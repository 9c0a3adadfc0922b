//! From text to a query.

mod steps;

use std::fmt;

use floria::{EntityKind, Namespace, Value};

use crate::{Comparison, Condition, Query, Step, Test, Times, Vocabulary, query::kind_word, scan::Scan};

/// The words that mean something by themselves; as names they need quotation marks.
const RESERVED: [&str; 7] = ["in", "not", "or", "limit", "contents", "container", "node"];

/// The words before a colon that every vocabulary has.
const KEYWORDS: [&str; 5] = ["type", "name", "kind", "id", "origin"];

/// How deep conditions may nest.
const NESTING_MAX: usize = 50;

/// A query is written by a person.
const CHARACTERS_MAX: usize = 10_000;

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// Where: characters from 1.
    pub column: usize,
    /// What is wrong there, and what was expected.
    pub problem: String,
    /// The text.
    pub text: String,
}

/// Shows the text, too, with a mark under the place.
impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "column {}: {}\n  {}\n  {:>width$}",
            self.column,
            self.problem,
            self.text,
            "^",
            width = self.column
        )
    }
}

impl Query {
    /// Reads a query, with the keywords of a vocabulary.
    ///
    /// # Errors
    ///
    /// When the text is no query: the first place where it goes wrong, and what was expected there.
    pub fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Self, ParseError> {
        let mut parser =
            Parser { scan: Scan::new(text), vocabulary, kind: None, depth: 0, path: Some(Vec::new()) };
        let parsed = if text.chars().count() > CHARACTERS_MAX {
            parser.scan.fail(format!("a query has at most {CHARACTERS_MAX} characters"))
        } else {
            parser.query()
        };
        parsed.map_err(|(place, problem)| ParseError {
            column: text[..place].chars().count() + 1,
            problem,
            text: text.replace(|character: char| character.is_control(), " "),
        })
    }
}

pub(crate) type Parsed<T> = Result<T, (usize, String)>;

struct Parser<'a> {
    scan: Scan<'a>,
    vocabulary: &'a Vocabulary,
    kind: Option<EntityKind>,
    depth: usize,
    /// What contains the start, outermost first. None: there can be no path any more.
    path: Option<Vec<Condition>>,
}

impl Parser<'_> {
    fn query(&mut self) -> Parsed<Query> {
        let last = self.conditions()?;
        let kind = self.kind.unwrap_or(EntityKind::Vertex);
        // What a path ends with is what was asked for, inside of the rest.
        let mut path = self.path.take().unwrap_or_default().into_iter().chain([last]);
        let start = path.next().unwrap_or(Condition::EVERYTHING);
        let steps = path.map(|inner| (Step::Contents(Times::ONE), inner)).collect();
        let mut query = Query { kind, start, steps, limit: None };
        loop {
            self.scan.space();
            if self.scan.at_end() {
                return Ok(query);
            }
            let place = self.scan.place();
            if self.scan.word("limit") {
                self.scan.space();
                query.limit = Some(self.number("how many entities are wanted")? as usize);
                self.scan.space();
                return if self.scan.at_end() { Ok(query) } else { self.scan.expected("the end") };
            }
            let Some(step) = self.step()? else {
                return self.scan.expected("a step such as `->`, `<-` or `contents`, or the end");
            };
            if !matches!(kind, EntityKind::Vertex | EntityKind::VertexTemplate) {
                let problem = format!(
                    "there are no steps from a `{}`: only from vertexes and their templates",
                    kind_word(kind)
                );
                return self.scan.fail_at(place, problem);
            }
            let condition = self.conditions()?;
            query.steps.push((step, condition));
        }
    }

    /// Reads conditions that must all be true: at least one.
    fn conditions(&mut self) -> Parsed<Condition> {
        let mut all = Vec::new();
        let mut is_empty = true;
        loop {
            self.scan.space();
            if self.scan.at_end()
                || self.scan.sees(')')
                || self.scan.sees(']')
                || self.at_step()
                || self.at_word("or")
                || self.at_word("limit")
            {
                break;
            }
            is_empty = false;
            match self.condition()? {
                Condition::All(conditions) => all.extend(conditions),
                condition => all.push(condition),
            }
        }
        if is_empty {
            return self.scan.expected("a selector such as `web`, `type:Container`, `port=80` or `*`");
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
    }

    fn condition(&mut self) -> Parsed<Condition> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return self.scan.fail(format!("conditions nest deeper than {NESTING_MAX} levels"));
        }
        let condition = self.one_condition()?;
        self.depth -= 1;
        Ok(condition)
    }

    fn one_condition(&mut self) -> Parsed<Condition> {
        if self.scan.eat("*") {
            return Ok(Condition::EVERYTHING);
        }
        if self.scan.eat("(") {
            return self.alternatives(")");
        }
        if self.scan.word("not") {
            self.scan.space();
            let place = self.scan.place();
            let kind = self.kind;
            let condition = self.condition()?;
            if self.kind != kind {
                return self.scan.fail_at(place, "what kind of entities is wanted cannot be negated");
            }
            return Ok(Condition::Not(Box::new(condition)));
        }
        if self.scan.word("in") {
            self.scan.space();
            let namespace = self.value_text("the name of a namespace")?;
            return Ok(Condition::Test(Test::Under(Namespace(namespace))));
        }
        if self.scan.eat("@") {
            let key = self.value_text("a key of metadata")?;
            return match self.comparison()? {
                Some(comparison) => Ok(Condition::Test(Test::Metadata(key, comparison))),
                None => self.scan.expected("a comparison such as `=`, `>` or `~`"),
            };
        }
        self.selector()
    }

    /// Reads conditions of which one must be true, as far as `end`.
    fn alternatives(&mut self, end: &str) -> Parsed<Condition> {
        let mut any = vec![self.conditions()?];
        while self.scan.word("or") {
            any.push(self.conditions()?);
        }
        if !self.scan.eat(end) {
            return self.scan.expected(&format!("`or` or `{end}`"));
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Condition::Any(any) })
    }

    fn selector(&mut self) -> Parsed<Condition> {
        let place = self.scan.place();
        if let Some(name) = self.scan.quoted()? {
            if self.scan.eat(":") {
                return self.in_namespace(name);
            }
            return Ok(Condition::Test(match self.comparison()? {
                Some(comparison) => Test::Property(name, comparison),
                None => Test::Exactly(name),
            }));
        }
        let word = self.scan.bare();
        if word.is_empty() {
            return self.scan.expected("a selector such as `web`, `type:Container`, `port=80` or `*`");
        }
        // A property may have a colon in its name.
        if let Some(comparison) = self.comparison()? {
            return Ok(Condition::Test(Test::Property(word.to_owned(), comparison)));
        }
        let Some((prefix, rest)) = word.split_once(':') else {
            return self.name(place, word, None);
        };
        self.scan.back_to(place + prefix.len() + 1);
        if KEYWORDS.contains(&prefix) || self.vocabulary.meaning(prefix).is_some() {
            return self.keyword(place, prefix);
        }
        if let Some(known) = self.similar(prefix) {
            let problem = format!(
                "there is no keyword `{prefix}`; `{known}` is one (a namespace of this name is written `\"{prefix}\":{rest}`)"
            );
            return self.scan.fail_at(place, problem);
        }
        if ["state", "host"].contains(&prefix) {
            return self.scan.fail_at(
                place,
                format!("keyword `{prefix}` means nothing here; there are {}", self.known()),
            );
        }
        self.in_namespace(prefix.to_owned())
    }

    /// Reads what follows `shop:`.
    fn in_namespace(&mut self, namespace: String) -> Parsed<Condition> {
        let lives_there = Condition::Test(Test::Namespace(Namespace(namespace)));
        let place = self.scan.place();
        if let Some(name) = self.scan.quoted()? {
            return Ok(Condition::All(vec![lives_there, Condition::Test(Test::Exactly(name))]));
        }
        match self.scan.bare() {
            "" => Ok(lives_there),
            word => self.name(place, word, Some(lives_there)),
        }
    }

    fn keyword(&mut self, place: usize, word: &str) -> Parsed<Condition> {
        let content = self.scan.place();
        let text = self.value_text(&format!("what `{word}:` is to be"))?;
        Ok(Condition::Test(match word {
            "type" => Test::Class(text),
            "name" => Test::Exactly(text),
            "origin" => Test::Origin(text),
            "id" => match text.parse() {
                Ok(id) => Test::Id(id),
                Err(_) => return self.scan.fail_at(content, format!("`{text}` is no id: ids are numbers")),
            },
            "kind" => {
                let Some(kind) = EntityKind::ALL.into_iter().find(|kind| kind_word(*kind) == text) else {
                    let kinds = EntityKind::ALL.map(|kind| format!("`{}`", kind_word(kind))).join(", ");
                    return self
                        .scan
                        .fail_at(content, format!("there is no kind `{text}`; there are {kinds}"));
                };
                if self.depth > 1 || self.kind.replace(kind).is_some_and(|other| other != kind) {
                    return self.scan.fail_at(
                        place,
                        "a query is about entities of one kind, which is said at its beginning",
                    );
                }
                return Ok(Condition::EVERYTHING);
            }
            _ => {
                let meaning = self.vocabulary.meaning(word).cloned();
                let Some(meaning) = meaning else { return self.scan.fail_at(place, "no such keyword") };
                Test::Keyword { word: word.to_owned(), meaning, text }
            }
        }))
    }

    /// Reads `web`, `web/3` and `client/impl/software`; `also` is to be true of the outermost of them.
    fn name(&mut self, place: usize, word: &str, also: Option<Condition>) -> Parsed<Condition> {
        if RESERVED.contains(&word) {
            return self
                .scan
                .fail_at(place, format!("`{word}` is a keyword; as a name it is written `\"{word}\"`"));
        }
        let mut names: Vec<Test> = Vec::new();
        for part in word.split('/') {
            let index = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>());
            let test = match (index, names.pop()) {
                // Inside of another, what means something by itself is no name either.
                (None, before)
                    if before.is_none()
                        || !(part.starts_with('-') || part.contains(':') || RESERVED.contains(&part)) =>
                {
                    names.extend(before);
                    Test::Name(part.to_owned())
                }
                (Some(_), None) if word == part => Test::Name(part.to_owned()),
                (Some(Ok(index)), Some(Test::Name(name))) => Test::Representation(name, index),
                _ => {
                    return self.scan.fail_at(
                        place,
                        format!(
                            "`{word}` is no name and number, as in `web/3`, and no path, as in `web/endpoint`"
                        ),
                    );
                }
            };
            names.push(test);
        }
        let mut names: Vec<Condition> = names.into_iter().map(Condition::Test).collect();
        if let (Some(also), Some(first)) = (also, names.first_mut()) {
            *first = Condition::All(vec![also, first.clone()]);
        }
        let last = names.pop().expect("text has a part at least, however it is split");
        if !names.is_empty() {
            match &mut self.path {
                Some(path) if path.is_empty() && self.depth == 1 => *path = names,
                _ => {
                    return self.scan.fail_at(
                        place,
                        format!(
                            "the path `{word}` is not at the beginning; there, each step down is `contents`"
                        ),
                    );
                }
            }
        }
        Ok(last)
    }

    fn comparison(&mut self) -> Parsed<Option<Comparison>> {
        let Some(operator) = ["!=", "<=", ">=", "=", ">", "~"]
            .into_iter()
            .chain(["<"])
            .find(|operator| self.scan.eat(operator))
        else {
            return Ok(None);
        };
        if self.scan.eat("*") {
            return match operator {
                "=" => Ok(Some(Comparison::Present)),
                "!=" => Ok(Some(Comparison::Absent)),
                _ => self.scan.fail(format!("`{operator}` needs a value; `=*` asks whether there is one")),
            };
        }
        let value = self.value()?;
        Ok(Some(match operator {
            "=" => Comparison::Equal(value),
            "!=" => Comparison::NotEqual(value),
            "<" => Comparison::Less(value),
            "<=" => Comparison::LessOrEqual(value),
            ">" => Comparison::Greater(value),
            ">=" => Comparison::GreaterOrEqual(value),
            _ => Comparison::Contains(value),
        }))
    }

    fn value(&mut self) -> Parsed<Value> {
        if let Some(text) = self.scan.quoted()? {
            return Ok(Value::Text(text));
        }
        let word = self.scan.bare();
        Ok(match word {
            "" => return self.scan.expected("a value: a number, a word or text in `\"`"),
            "null" => Value::Null,
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            word => match (word.parse::<i64>(), word.parse::<f64>()) {
                (Ok(integer), _) => Value::Integer(integer),
                // Not the words for what is not finite.
                (_, Ok(float)) if float.is_finite() => Value::Float(float),
                _ => Value::Text(word.to_owned()),
            },
        })
    }

    fn value_text(&mut self, expected: &str) -> Parsed<String> {
        if let Some(text) = self.scan.quoted()? {
            return Ok(text);
        }
        let word = self.scan.bare();
        if word.is_empty() { self.scan.expected(expected) } else { Ok(word.to_owned()) }
    }

    fn number(&mut self, expected: &str) -> Parsed<u32> {
        let digits = self.scan.digits();
        let place = self.scan.place() - digits.len();
        match digits.parse() {
            Ok(number) => Ok(number),
            Err(_) if digits.is_empty() => self.scan.expected(&format!("a number: {expected}")),
            Err(_) => self.scan.fail_at(place, format!("number {digits} is too large")),
        }
    }

    fn at_word(&self, word: &str) -> bool {
        self.scan.clone().word(word)
    }

    fn known(&self) -> String {
        let words: Vec<_> =
            KEYWORDS.into_iter().chain(self.vocabulary.words()).map(|word| format!("`{word}`")).collect();
        words.join(", ")
    }

    /// Returns the keyword that a word is probably meant to be: one letter is wrong, lacking or too many, or two are swapped.
    fn similar(&self, word: &str) -> Option<String> {
        let known = KEYWORDS.into_iter().chain(self.vocabulary.words());
        known.filter(|known| is_similar(word, known)).map(str::to_owned).next()
    }
}

fn is_similar(word: &str, known: &str) -> bool {
    let (word, known) = (word.to_lowercase().into_bytes(), known.as_bytes());
    let start = word.iter().zip(known).take_while(|(a, b)| a == b).count();
    let end = word[start..].iter().rev().zip(known[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (wrong, right) = (&word[start..word.len() - end], &known[start..known.len() - end]);
    // `id` has too many neighbours.
    known.len() > 3
        && match (wrong, right) {
            ([], _) => right.len() <= 1,
            (_, []) => wrong.len() == 1,
            ([_], [_]) => true,
            ([a, b], [c, d]) => (a, b) == (d, c),
            _ => false,
        }
}
