//! What is told of processes. Pure.

use std::collections::BTreeMap;

use floria::Value;
use khutulun_api::{ProcessState, ProcessStatus, names};
use khutulun_host::ProcessChange;

/// A process ended that nobody asked to end, and nothing starts it again.
pub const EXITED: &str = "process.exited";

/// A process ended, and its supervisor started it again.
pub const RESTARTED: &str = "process.restarted";

/// A process runs on, and somebody ended its supervisor.
pub const UNSUPERVISED: &str = "process.unsupervised";

/// What was told of a process last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The operation that started it.
    operation: String,
    /// How often it had been started again.
    restarts: u32,
    /// Whether its end was told.
    ended: bool,
    /// Whether it was told that nobody keeps it.
    unsupervised: bool,
}

impl Told {
    pub(crate) fn to_value(&self) -> Value {
        Value::map([
            ("operation".to_owned(), Value::from(self.operation.as_str())),
            ("restarts".to_owned(), Value::Integer(self.restarts.into())),
            ("ended".to_owned(), Value::Boolean(self.ended)),
            ("unsupervised".to_owned(), Value::Boolean(self.unsupervised)),
        ])
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let flag = |name| matches!(value.get(name), Some(Value::Boolean(true)));
        Some(Self {
            operation: value.get("operation")?.as_text()?.to_owned(),
            restarts: value.get("restarts")?.as_integer()?.try_into().ok()?,
            ended: flag("ended"),
            unsupervised: flag("unsupervised"),
        })
    }
}

/// Returns what is to be told: the event, what comes with it, and what was told then. None: nothing.
///
/// What was asked for is not told: it is the outcome of the operation that asked. Nor is what never ran.
pub(crate) fn tell(
    told: Option<&Told>,
    change: &ProcessChange,
) -> Option<(&'static str, BTreeMap<String, Value>, Told)> {
    let status = change.status.as_ref()?;
    let operation = status.operation.clone()?;
    let before = told.filter(|told| told.operation == operation);
    let told = Told {
        operation,
        restarts: status.restarts,
        ended: false,
        unsupervised: before.is_some_and(|told| told.unsupervised),
    };
    match status.state {
        ProcessState::Stopped | ProcessState::Failed
            if change.executed && !change.asked && !before.is_some_and(|told| told.ended) =>
        {
            Some((EXITED, data(status), Told { ended: true, ..told }))
        }
        ProcessState::Running if status.word() == names::UNSUPERVISED && !told.unsupervised => {
            Some((UNSUPERVISED, data(status), Told { unsupervised: true, ..told }))
        }
        ProcessState::Running
            if status.restarts > before.map_or(0, |told| told.restarts) && status.pid.is_some() =>
        {
            Some((RESTARTED, data(status), told))
        }
        _ => None,
    }
}

/// Values by the names of the attributes that they are of.
fn data(status: &ProcessStatus) -> BTreeMap<String, Value> {
    let number = |number: Option<i64>| number.map_or(Value::Null, Value::Integer);
    let mut data = BTreeMap::from([
        ("state".to_owned(), Value::from(status.word())),
        ("exit_code".to_owned(), number(status.exit_code.map(i64::from))),
        ("signal".to_owned(), number(status.signal.map(i64::from))),
        ("restarts".to_owned(), Value::Integer(status.restarts.into())),
        ("pid".to_owned(), number(status.pid.map(i64::from))),
    ]);
    if let Some(error) = &status.error {
        data.insert("error".to_owned(), Value::from(error.as_str()));
    }
    data
}

#[cfg(test)]
mod tests {
    use khutulun_api::{NOBODY, ProcessIdentity};

    use super::*;

    fn change(state: ProcessState, operation: &str, restarts: u32) -> ProcessChange {
        ProcessChange {
            identity: ProcessIdentity { service: "shop".to_owned(), node: "web".to_owned() },
            status: Some(ProcessStatus {
                state,
                pid: (state == ProcessState::Running).then_some(7),
                start_ticks: None,
                exit_code: None,
                signal: Some(9),
                restarts,
                operation: Some(operation.to_owned()),
                supervisor: "khutulun".to_owned(),
                name: String::new(),
                log_files: Vec::new(),
                error: None,
            }),
            asked: false,
            executed: true,
        }
    }

    #[track_caller]
    fn check(told: Option<&Told>, change: &ProcessChange, expected: Option<&str>) -> Option<Told> {
        let actual = tell(told, change);
        assert_eq!(actual.as_ref().map(|(name, ..)| *name), expected);
        actual.map(|(_, _, told)| Told::from_value(&told.to_value()).expect("it is read as it was written"))
    }

    #[test]
    fn an_end_is_told_once() {
        let ended = change(ProcessState::Failed, "1-0", 0);
        let told = check(None, &ended, Some(EXITED));
        check(told.as_ref(), &ended, None);
        // Started by another operation, it is another one.
        check(told.as_ref(), &change(ProcessState::Running, "2-0", 0), None);
        check(told.as_ref(), &change(ProcessState::Failed, "2-0", 0), Some(EXITED));
    }

    #[test]
    fn starting_again_is_told_and_the_end_after_it_too() {
        let told = check(None, &change(ProcessState::Running, "1-0", 2), Some(RESTARTED));
        check(told.as_ref(), &change(ProcessState::Running, "1-0", 2), None);
        check(told.as_ref(), &change(ProcessState::Failed, "1-0", 2), Some(EXITED));
    }

    #[test]
    fn that_nobody_keeps_it_is_told_once_and_its_end_after_it_too() {
        let mut alone = change(ProcessState::Running, "1-0", 0);
        alone.status.as_mut().expect("it has one").supervisor = NOBODY.to_owned();
        let told = check(None, &alone, Some(UNSUPERVISED));
        check(told.as_ref(), &alone, None);
        let told = check(told.as_ref(), &change(ProcessState::Failed, "1-0", 0), Some(EXITED));
        assert_eq!(told.map(|told| (told.ended, told.unsupervised)), Some((true, true)));
    }

    #[test]
    fn what_was_asked_for_and_what_never_ran_is_not_told() {
        let ended = change(ProcessState::Stopped, "1-0", 0);
        check(None, &ProcessChange { asked: true, ..ended.clone() }, None);
        check(None, &ProcessChange { executed: false, ..ended.clone() }, None);
        check(None, &ProcessChange { status: None, ..ended }, None);
        check(None, &change(ProcessState::Running, "1-0", 0), None);
    }
}
