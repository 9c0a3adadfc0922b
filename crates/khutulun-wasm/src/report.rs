//! What a run says of a plugin beside its outcome.

use khutulun_api::Operation;

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the plugin's author.
    Debug,
    /// For the curious.
    Info,
    /// Something is odd.
    Warning,
    /// Something is wrong.
    Error,
}

/// What happened during an operation. Texts are for a person: without control characters, and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The plugin logged a line.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line.
        message: String,
    },
    /// The plugin asked for what it was not granted; what that is, such as "to run `rm -r /`".
    Denied(String),
}

/// Takes reports, while the operation runs, from the thread that runs it.
pub trait Reports: Send + Sync {
    /// Takes one.
    fn report(&self, operation: &Operation, report: &Report);
}

/// Drops all reports.
#[derive(Clone, Copy, Debug)]
pub struct NoReports;

impl Reports for NoReports {
    fn report(&self, _operation: &Operation, _report: &Report) {}
}

/// Makes a plugin's text fit for a terminal and a log: control characters other than line ends and tabs are replaced, so that
/// no escape sequence gets through, and what exceeds `bytes_max` is cut.
pub(crate) fn clean(text: &str, bytes_max: usize) -> String {
    let end = text.floor_char_boundary(bytes_max);
    let mut cleaned: String = text[..end]
        .chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            control if control.is_control() => '\u{fffd}',
            other => other,
        })
        .collect();
    if end < text.len() {
        cleaned.push('…');
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escape_sequences_do_not_get_through() {
        assert_eq!(clean("a\x1b[2Jb\n", 100), "a\u{fffd}[2Jb\n");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(clean("ääää", 5), "ää…");
    }
}
