//! YAML out of a small tree: block style, short things in flow style on one line.

use std::fmt::Write as _;

use tosca_syntax::yaml::ScalarKind;

/// How long a list or map in flow style may be.
const FLOW_CHARACTERS_MAX: usize = 90;

/// YAML allows keys on one line up to 1024 characters; longer ones need `?`.
const KEY_CHARACTERS_MAX: usize = 1000;

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Yaml {
    /// A string, quoted where it must be.
    Text(String),
    /// A scalar that is no string.
    Plain(String),
    /// A list.
    List(Vec<Yaml>),
    /// A map.
    Map(Vec<(Yaml, Yaml)>),
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The entries of a map, as they come together.
#[derive(Default)]
pub(super) struct Fields(pub(super) Vec<(Yaml, Yaml)>);

impl Fields {
    pub(super) fn put(&mut self, keyname: &str, value: Yaml) {
        self.0.push((keyname.into(), value));
    }

    pub(super) fn maybe(&mut self, keyname: &str, value: Option<Yaml>) {
        if let Some(value) = value {
            self.put(keyname, value);
        }
    }

    pub(super) fn text(&mut self, keyname: &str, text: Option<&str>) {
        self.maybe(keyname, text.map(Yaml::from));
    }

    /// A list or map, unless it is empty.
    pub(super) fn filled(&mut self, keyname: &str, value: Yaml) {
        let is_empty = match &value {
            Yaml::List(items) => items.is_empty(),
            Yaml::Map(entries) => entries.is_empty(),
            _ => false,
        };
        if !is_empty {
            self.put(keyname, value);
        }
    }

    pub(super) fn map(self) -> Yaml {
        Yaml::Map(self.0)
    }
}

impl Yaml {
    /// The document.
    pub(super) fn document(&self) -> String {
        let mut out = String::new();
        self.block(0, &mut out);
        out
    }

    /// Its lines, the first without its indent.
    fn block(&self, indent: usize, out: &mut String) {
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                for (position, (key, value)) in entries.iter().enumerate() {
                    if position > 0 {
                        pad(indent, out);
                    }
                    let key = key.flow();
                    match key.chars().count() > KEY_CHARACTERS_MAX {
                        true => {
                            _ = writeln!(out, "? {key}");
                            pad(indent, out);
                            out.push(':');
                        }
                        false => _ = write!(out, "{key}:"),
                    }
                    value.value_of_key(indent, out);
                }
            }
            Self::List(items) if !items.is_empty() => {
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        pad(indent, out);
                    }
                    out.push_str("- ");
                    match item.is_flow() {
                        true => _ = writeln!(out, "{}", item.flow()),
                        false => item.block(indent + 2, out),
                    }
                }
            }
            other => _ = writeln!(out, "{}", other.flow()),
        }
    }

    fn value_of_key(&self, indent: usize, out: &mut String) {
        if self.is_flow() {
            _ = writeln!(out, " {}", self.flow());
            return;
        }
        out.push('\n');
        let indent = if matches!(self, Self::List(_)) { indent } else { indent + 2 };
        pad(indent, out);
        self.block(indent, out);
    }

    /// Whether it is written in one line.
    fn is_flow(&self) -> bool {
        match self {
            Self::Text(_) | Self::Plain(_) => true,
            Self::List(_) | Self::Map(_) => self.depth() <= 3 && self.flow().len() <= FLOW_CHARACTERS_MAX,
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Text(_) | Self::Plain(_) => 0,
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(entries) => {
                1 + entries.iter().map(|(key, value)| key.depth().max(value.depth())).max().unwrap_or(0)
            }
        }
    }

    fn flow(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Plain(text) => text.clone(),
            Self::List(items) if items.is_empty() => "[]".to_owned(),
            Self::List(items) => {
                format!("[ {} ]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", "))
            }
            Self::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let key = key.flow();
                    let mark = if key.chars().count() > KEY_CHARACTERS_MAX { "? " } else { "" };
                    format!("{mark}{key}: {}", value.flow())
                });
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A string as a scalar: plain where that is a string in every version of YAML, else in double quotes.
fn quoted(text: &str) -> String {
    /// Words that YAML 1.1 takes for Booleans.
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let is_start = |letter: char| letter.is_ascii_alphabetic() || matches!(letter, '_' | '/' | '$');
    let is_plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '/' | '$' | '.' | '-');
    if text.starts_with(is_start)
        && text.chars().all(is_plain)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && ScalarKind::of_plain(text) == ScalarKind::String
    {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{2028}' | '\u{2029}' | '\u{feff}' => _ = write!(out, "\\u{:04x}", u32::from(letter)),
            letter if letter.is_control() => _ = write!(out, "\\x{:02x}", u32::from(letter)),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}
