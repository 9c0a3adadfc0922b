//! The process driver: a node of the type `Process` is an ordinary process that the host starts, supervises and ends.
//!
//! The life of a node: its properties are read as what to start; `start` hands that to the host, which answers a status; it
//! becomes the outputs `state`, `pid`, `exit_code`, `restarts`, `supervisor`, `name` and `log_files`. `stop` asks the host
//! to end the process and `delete` to forget it. Which process is meant is not this driver's to say: the host knows whose
//! operation runs.

use khutulun_plugin_sdk::{
    Answer, Failure, Manifest, Plugin, Request, Value, export_plugin,
    processes::{self, RestartPolicy, Spec, State, Status},
};

/// The longest delay or grace that a property may ask for, in milliseconds: a day. More is a mistake in units.
const DELAY_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// The signals that can ask a process to end. Others (`STOP`, `SEGV` …) would not, or not in an orderly way.
const STOP_SIGNALS: [&str; 8] = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "KILL"];

/// The process driver.
pub struct Process;

impl Plugin for Process {
    fn manifest() -> Manifest {
        Manifest::new("process", env!("CARGO_PKG_VERSION"))
            .description("processes on this machine, supervised by the host")
            .repeatable()
            .processes()
    }

    /// Makes nothing, but refuses what `start` would refuse, before anything else was made.
    fn create(request: &Request) -> Answer {
        spec(request).map(|_| Value::Map(Vec::new()))
    }

    fn start(request: &Request) -> Answer {
        let spec = spec(request)?;
        let status = processes::start(&spec)?;
        match status.state {
            State::Running | State::Stopped => Ok(outputs(&status)),
            State::Failed | State::Absent => Err(start_failure(&spec, &status)),
        }
    }

    fn stop(_request: &Request) -> Answer {
        Ok(outputs(&processes::stop()?))
    }

    fn delete(_request: &Request) -> Answer {
        processes::stop()?;
        processes::remove()?;
        Ok(Value::map([("state", "absent")]))
    }

    fn observe(_request: &Request) -> Answer {
        Ok(outputs(&processes::observe()?))
    }

    fn logs(request: &Request) -> Answer {
        let status = processes::observe()?;
        if status.log_files.is_empty() {
            return Err(Failure::permanent(format!("process `{}` has no output yet", request.node)));
        }
        Ok(Value::map([("source", Value::map([("file", status.log_files)]))]))
    }
}

export_plugin!(Process);

/// Reads the properties of the profile's type `Process`. Defaults are the profile's.
fn spec(request: &Request) -> Result<Spec, Failure> {
    let properties = request.properties();
    let command = properties.texts("command")?;
    if command.first().is_none_or(String::is_empty) {
        return Err(Failure::permanent("property `command` is empty: it must name a program"));
    }
    let restart = match properties.optional_text("restart")? {
        None | Some("never") => RestartPolicy::Never,
        Some("on-failure") => RestartPolicy::OnFailure,
        Some("always") => RestartPolicy::Always,
        Some(other) => {
            return Err(Failure::permanent(format!(
                "property `restart` is `{other}`, which is not supported; supported: never, on-failure, always"
            )));
        }
    };
    let stop_signal = properties.optional_text("stop_signal")?.unwrap_or("TERM");
    let stop_signal = stop_signal.strip_prefix("SIG").unwrap_or(stop_signal);
    if !STOP_SIGNALS.contains(&stop_signal) {
        return Err(Failure::permanent(format!(
            "property `stop_signal` is `{stop_signal}`, which is not supported; supported: {}",
            STOP_SIGNALS.join(", ")
        )));
    }
    let delay = |name, default| {
        properties.optional_within(name, 0, DELAY_MS_MAX).map(|value| value.unwrap_or(default) as u64)
    };
    Ok(Spec {
        command,
        environment: properties.text_map("environment")?,
        directory: properties.optional_text("directory")?.map(str::to_owned),
        user: properties.optional_text("user")?.map(str::to_owned),
        restart,
        restarts_max: properties.optional_within("restarts_max", 0, u32::MAX.into())?.unwrap_or(5) as u32,
        restart_delay_ms: delay("restart_delay", 1000)?,
        stop_signal: stop_signal.to_owned(),
        stop_grace_ms: delay("stop_grace", 10_000)?,
    })
}

/// What the host knows of the process, as outputs.
fn outputs(status: &Status) -> Value {
    Value::map([
        ("state", Value::from(state(status))),
        ("pid", status.pid.into()),
        ("exit_code", status.exit_code.into()),
        ("signal", status.signal.into()),
        ("restarts", status.restarts.into()),
        ("supervisor", status.supervisor.as_str().into()),
        ("name", status.name.as_str().into()),
        ("log_files", status.log_files.clone().into()),
        ("error", status.error.clone().into()),
    ])
}

fn state(status: &Status) -> &'static str {
    match status.state {
        // It runs, and its supervisor was ended by somebody: a start gives it a new one.
        State::Running if status.supervisor == "nobody" => "unsupervised",
        State::Running => "running",
        State::Stopped => "stopped",
        State::Failed => "failed",
        State::Absent => "absent",
    }
}

fn start_failure(spec: &Spec, status: &Status) -> Failure {
    let program = spec.command.first().map_or("", String::as_str);
    let why = match (&status.error, status.exit_code, status.signal) {
        (Some(error), _, _) => error.clone(),
        (None, Some(code), _) => format!("it ended with code {code}"),
        (None, None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None, None) => "it is gone".to_owned(),
    };
    Failure::permanent(format!("failed to start `{program}`: {why}"))
        .with_detail(status.log_files.iter().map(|file| format!("its output: {file}\n")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use khutulun_plugin_sdk::{Error, testing};

    struct Host(State);

    impl testing::Host for Host {
        fn start_process(&mut self, spec: &Spec) -> Result<Status, Error> {
            assert_eq!(spec.command, ["sleep", "5"]);
            assert_eq!(spec.environment, [("A".to_owned(), "b".to_owned())]);
            assert_eq!(spec.stop_signal, "INT");
            Ok(Status {
                state: self.0,
                pid: Some(7),
                start_ticks: Some(1),
                exit_code: None,
                signal: None,
                restarts: 0,
                supervisor: "khutulun".into(),
                name: "x".into(),
                log_files: vec!["/log".into()],
                error: None,
            })
        }
    }

    fn request(event: &str, properties: Value) -> Request {
        Request {
            event: event.into(),
            context: Value::map([("properties", properties)]),
            ..Request::default()
        }
    }

    fn sleep() -> Value {
        Value::map([("command", Value::from(vec!["sleep", "5"]))])
            .with("environment", Value::map([("A", "b")]))
            .with("stop_signal", "SIGINT")
    }

    #[test]
    fn start_hands_the_properties_to_the_host_and_answers_its_status() {
        let answer =
            testing::with_host::<Process>(Host(State::Running), &request("lifecycle.start", sleep()))
                .unwrap();
        assert_eq!(answer.get("state"), Some(&Value::from("running")));
        assert_eq!(answer.get("pid"), Some(&Value::Integer(7)));
        assert_eq!(answer.get("exit_code"), Some(&Value::Null));
    }

    #[test]
    fn a_process_that_failed_at_once_fails_the_start() {
        let failure =
            testing::with_host::<Process>(Host(State::Failed), &request("lifecycle.start", sleep()))
                .unwrap_err();
        assert_eq!(failure.message, "failed to start `sleep`: it is gone");
    }

    #[test]
    fn a_value_that_is_not_supported_is_named() {
        let check = |name: &str, value: Value, expected: &str| {
            let properties = Value::map([(name, value)]).with("command", vec!["true"]);
            let failure =
                testing::with_host::<Process>(Host(State::Running), &request("lifecycle.create", properties))
                    .unwrap_err();
            assert_eq!(failure.message, expected);
        };
        check(
            "restart",
            "sometimes".into(),
            "property `restart` is `sometimes`, which is not supported; supported: never, on-failure, always",
        );
        check(
            "stop_signal",
            "SEGV".into(),
            "property `stop_signal` is `SEGV`, which is not supported; supported: TERM, INT, HUP, QUIT, USR1, USR2, WINCH, KILL",
        );
        check(
            "restarts_max",
            Value::Integer(-1),
            "property `restarts_max` is -1, which is not from 0 to 4294967295",
        );
        check("environment", Value::from("A=b"), "property `environment` must be a map, and there is a text");
    }

    #[test]
    fn an_operation_that_is_not_of_the_lifecycle_is_not_supported() {
        let failure =
            testing::with_host::<Process>(Host(State::Running), &request("social.greet", Value::Null))
                .unwrap_err();
        assert_eq!(failure.message, "operation `social.greet` is not supported by this plugin");
    }
}
