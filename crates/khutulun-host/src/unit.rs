//! The text of a systemd unit.

use std::{fmt::Write as _, path::Path};

use khutulun_api::{MachineError, ProcessIdentity, ProcessSpec, RestartPolicy};

use crate::signal_name::parse_signal;

/// The section that says whose unit it is. systemd ignores sections whose names begin with `X-` (systemd.unit(5)).
const OWN_SECTION: &str = "[X-Khutulun]";

/// Returns the name of the unit of a process: `khutulun-SERVICE-NODE.service`. Characters that unit names may not have are
/// written as systemd-escape(1) does.
pub(crate) fn unit_name(identity: &ProcessIdentity) -> String {
    let mut name = String::from("khutulun-");
    for (index, part) in [&identity.service, &identity.node].into_iter().enumerate() {
        if index > 0 {
            name.push('-');
        }
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':') {
                name.push(char::from(byte));
            } else {
                let _ = write!(name, "\\x{byte:02x}");
            }
        }
    }
    name.push_str(".service");
    name
}

/// Returns the first lines of a unit's own section: a file with other ones is not the unit of this process.
pub(crate) fn owner_lines(identity: &ProcessIdentity) -> String {
    format!("{OWN_SECTION}\nService={}\nNode={}\n", identity.service, identity.node)
}

/// Returns the operation that made a unit, from its text.
pub(crate) fn operation_of(text: &str) -> Option<&str> {
    let section = text.split_once(OWN_SECTION)?.1;
    section.lines().find_map(|line| line.strip_prefix("Operation="))
}

/// Returns the text of the unit of a process, whose output goes to files in `folder`.
///
/// # Errors
/// Refuses what a unit cannot say: a line break in a name, path or value, or an unknown signal.
pub(crate) fn unit_text(spec: &ProcessSpec, folder: &Path, user_scope: bool) -> Result<String, MachineError> {
    let refused = |what: &str| Err(MachineError::Refused(what.to_owned()));
    let ProcessIdentity { service, node } = &spec.identity;
    if spec.command.is_empty() {
        return refused("the command of the process is empty");
    }
    let folder_text = folder.to_string_lossy();
    if [service.as_str(), node.as_str(), spec.operation.as_str(), &folder_text]
        .iter()
        .any(|text| text.contains(['\n', '\r']))
    {
        return refused("a name or path has a line break, which a systemd unit cannot have");
    }
    parse_signal(&spec.stop_signal).map_err(MachineError::Refused)?;
    let mut text = String::from("# Made by khutulun; `khutulun destroy` removes it.\n[Unit]\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name}={value}");
    };
    line("Description", &specifiers(&format!("khutulun: {node} of {service}")));
    let burst = u64::from(spec.restarts_max) + 1;
    line("StartLimitIntervalSec", "60");
    line("StartLimitBurst", &burst.to_string());
    line("\n[Service]\nType", "exec");
    let command: Vec<String> = spec.command.iter().map(|argument| quoted(argument, true)).collect();
    line("ExecStart", &command.join(" "));
    let own = [
        ("KHUTULUN_SERVICE", service.as_str()),
        ("KHUTULUN_NODE", node.as_str()),
        ("KHUTULUN_OPERATION", spec.operation.as_str()),
        (crate::supervisor::FOLDER_VARIABLE, &folder_text),
    ];
    let given = spec.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in given.chain(own) {
        line("Environment", &quoted(&format!("{name}={value}"), false));
    }
    let directory = spec.directory.clone().unwrap_or_else(|| folder.join("work"));
    line("WorkingDirectory", &path_value(&directory)?);
    if let Some(user) = &spec.user {
        if user_scope {
            return refused("a systemd user unit cannot run as another user: run khutulun as root");
        }
        line("User", &specifiers(user));
    }
    line(
        "Restart",
        match spec.restart {
            RestartPolicy::Never => "no",
            RestartPolicy::OnFailure => "on-failure",
            RestartPolicy::Always => "always",
        },
    );
    line("RestartSec", &format!("{}ms", spec.restart_delay_ms));
    line("KillSignal", &full_signal(&spec.stop_signal));
    line("TimeoutStopSec", &format!("{}ms", spec.stop_grace_ms.max(1)));
    line("StandardInput", "null");
    line("StandardOutput", &format!("append:{}", path_value(&folder.join("stdout.log"))?));
    line("StandardError", &format!("append:{}", path_value(&folder.join("stderr.log"))?));
    line("\n[Install]\nWantedBy", if user_scope { "default.target" } else { "multi-user.target" });
    let _ = write!(text, "\n{}Operation={}\n", owner_lines(&spec.identity), spec.operation);
    Ok(text)
}

/// Returns a word of a command line or an assignment, quoted (systemd.syntax(7), "Quoting"): always in double quotes, `%`
/// doubled as it begins a specifier, and in a command line `$` doubled as it begins a variable.
fn quoted(text: &str, command_line: bool) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '%' => quoted.push_str("%%"),
            '$' if command_line => quoted.push_str("$$"),
            character if character.is_control() => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(quoted, "\\x{byte:02x}");
                }
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Doubles what would be a specifier.
fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

/// Returns a path as the value of a setting, which takes the rest of its line as it is.
fn path_value(path: &Path) -> Result<String, MachineError> {
    match path.to_str() {
        Some(text) if !text.contains(['\n', '\r']) => Ok(specifiers(text)),
        _ => Err(MachineError::Refused(format!("path `{}` cannot be in a systemd unit", path.display()))),
    }
}

fn full_signal(name: &str) -> String {
    let upper = name.trim().to_ascii_uppercase();
    if upper.starts_with("SIG") || upper.parse::<u32>().is_ok() { upper } else { format!("SIG{upper}") }
}
