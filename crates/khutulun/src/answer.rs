//! The answer of a command, on standard output and nowhere else.

use std::io::{self, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use floria::Value;
use serde_json::{Value as Json, json};

use crate::{
    cli::Format,
    error::CliError,
    exit::Exit,
    terminal::{self, Style},
};

/// What a command answers, in every format.
pub(crate) trait Answer {
    /// The whole answer as data, with its `schema`.
    fn document(&self) -> Json;

    /// The answer as items, one for each line of `jsonl`.
    fn items(&self) -> Vec<Json> {
        vec![self.document()]
    }

    /// The answer for people; lines end with a line break.
    fn text(&self, style: Style) -> String;
}

/// Writes an answer in a format.
pub(crate) fn give(answer: &dyn Answer, format: Format) -> Result<(), CliError> {
    let text = match format {
        Format::Table => answer.text(Style::stdout()),
        Format::Json | Format::Sarif | Format::Tosca => pretty(&answer.document()),
        Format::Jsonl => answer.items().iter().map(|item| format!("{item}\n")).collect(),
        Format::Yaml => yaml(&answer.document()),
    };
    write(text.as_bytes())
}

/// Writes data in a format that is not for people; for people there is nothing more to say.
pub(crate) fn give_data(document: &Json, format: Format) -> Result<(), CliError> {
    match format {
        // What is no finding has no place in SARIF, and what is no design none in TOSCA.
        Format::Table | Format::Sarif | Format::Tosca => Ok(()),
        Format::Json => write(pretty(document).as_bytes()),
        Format::Jsonl => write(format!("{document}\n").as_bytes()),
        Format::Yaml => write(yaml(document).as_bytes()),
    }
}

fn pretty(document: &Json) -> String {
    format!("{document:#}\n")
}

fn yaml(document: &Json) -> String {
    serde_yaml::to_string(document).expect("JSON's data model is a part of YAML's")
}

/// Writes bytes to standard output. A reader that has gone (`| head`) wants nothing more: that is a quiet end.
pub(crate) fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(CliError::silent(Exit::Success)),
        Err(error) => Err(CliError::new(Exit::Failed, "failed to write the answer")
            .place("standard output")
            .cause(&error)
            .unchanged("what the command did before is done")
            .next("run the command again with another place for its output")),
    }
}

/// A Floria value as JSON. What JSON cannot hold becomes text: keys, octets (base64), numbers that are none.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Float(value) if value.is_finite() => json!(value),
        Value::Float(value) => json!(value.to_string()),
        Value::Text(text) => json!(text),
        Value::Custom(custom) => json!(custom.text),
        Value::Bytes(bytes) => json!(STANDARD.encode(bytes)),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.to_string(), to_json(value))).collect())
        }
    }
}

/// Rows under a head, in columns as wide as their widest cell. Cells may hold escape codes; `plain` is what they say.
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// A cell: what it says, and how it looks.
pub(crate) struct Cell {
    plain: String,
    styled: String,
}

impl Cell {
    /// A cell that looks like another text than it says.
    pub(crate) fn styled(plain: impl Into<String>, paint: impl FnOnce(&str) -> String) -> Self {
        let plain = terminal::harmless(&plain.into());
        let styled = paint(&plain);
        Self { plain, styled }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, str::to_owned)
    }
}

impl Table {
    /// Makes a table without rows.
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Shows the table. The last column is never padded, so that lines have no trailing spaces.
    pub(crate) fn render(&self, style: Style) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| terminal::columns(&cell.plain))
                    .chain([self.head[column].len()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        let mut line = |cells: Vec<(&str, &str)>| {
            let last = cells.iter().rposition(|(plain, _)| !plain.is_empty()).unwrap_or(0);
            for (column, (plain, styled)) in cells.iter().enumerate().take(last + 1) {
                text.push_str(styled);
                if column < last {
                    text.push_str(&" ".repeat(widths[column].saturating_sub(terminal::columns(plain)) + 2));
                }
            }
            text.push('\n');
        };
        let head: Vec<(String, String)> =
            self.head.iter().map(|name| ((*name).to_owned(), style.dim(name))).collect();
        line(head.iter().map(|(plain, styled)| (plain.as_str(), styled.as_str())).collect());
        for row in &self.rows {
            line(row.iter().map(|cell| (cell.plain.as_str(), cell.styled.as_str())).collect());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_spaces() {
        let mut table = Table::new(&["NODE", "STATE"]);
        table.row(vec!["a".into(), "".into()]);
        table.row(vec!["wide-name".into(), "running".into()]);
        assert_eq!(table.render(Style::plain()), "NODE       STATE\na\nwide-name  running\n");
    }
}
