//! The agent as a systemd unit. Pure: text only.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// Whose systemd it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitScope {
    /// The system's.
    System,
    /// A user's.
    User,
}

/// The unit of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Whose systemd it is.
    pub scope: UnitScope,
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// The state directory, by its absolute path.
    pub state: PathBuf,
}

impl Unit {
    /// The name of the unit.
    pub const NAME: &'static str = "khutulun-agent.service";

    /// Returns the text of the unit's file.
    ///
    /// # Errors
    /// For paths that a unit cannot hold: those that are not absolute or not text, or have control characters in them.
    pub fn text(&self) -> Result<String, String> {
        let program = quoted(&self.program)?;
        let state = quoted(&self.state)?;
        let wanted_by = match self.scope {
            UnitScope::System => "multi-user.target",
            UnitScope::User => "default.target",
        };
        let mut text = format!(
            "# Written by `khutulun agent install`; `khutulun agent uninstall` removes it.\n\
             [Unit]\n\
             Description=Khutulun's agent: reacts to what happens to services\n\
             Documentation=man:khutulun(1)\n\
             \n\
             [Service]\n\
             Type=exec\n\
             ExecStart={program} --state {state} --progress plain agent\n\
             Restart=on-failure\n\
             RestartSec=2\n\
             # It finishes what runs before it ends.\n\
             TimeoutStopSec=15min\n\
             # Processes of services, and scripts that are at work, go on when the agent ends.\n\
             KillMode=process\n\
             UMask=0077\n\
             LimitNOFILE=65536\n\
             # What its operations need is theirs to say: they start programs, write files and change users, so most of what hardens\n\
             # a unit would end them. This takes away what nobody needs.\n\
             LockPersonality=yes\n\
             RestrictRealtime=yes\n\
             SystemCallArchitectures=native\n"
        );
        if self.scope == UnitScope::System {
            // Of a user's manager these need privileges that it may not have.
            text.push_str(
                "ProtectClock=yes\nProtectKernelLogs=yes\nProtectKernelModules=yes\nProtectHostname=yes\n",
            );
        }
        let _ = write!(text, "\n[Install]\nWantedBy={wanted_by}\n");
        Ok(text)
    }
}

/// A path as a word of a command in a unit (systemd.service(5)): quoted, and with what systemd would replace doubled.
fn quoted(path: &Path) -> Result<String, String> {
    let text = path.to_str().ok_or_else(|| format!("the path `{}` is not text", path.display()))?;
    if !path.is_absolute() {
        return Err(format!("the path `{text}` is not absolute"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("the path `{}` has control characters in it", text.escape_debug()));
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '%' => quoted.push_str("%%"),
            '$' => quoted.push_str("$$"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(state: &str) -> Unit {
        let program = PathBuf::from("/usr/bin/khutulun");
        Unit { scope: UnitScope::System, program, state: PathBuf::from(state) }
    }

    #[test]
    fn paths_are_quoted_as_systemd_reads_them() {
        let text = unit("/var/lib/a \"b\" 100% $HOME\\x").text().unwrap();
        let line = text.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
        assert_eq!(
            line,
            r#"ExecStart="/usr/bin/khutulun" --state "/var/lib/a \"b\" 100%% $$HOME\\x" --progress plain agent"#
        );
    }

    #[test]
    fn what_a_unit_cannot_hold_is_refused() {
        for state in ["state", "/var/lib/a\nExecStartPre=/bin/evil", ""] {
            assert!(unit(state).text().is_err(), "{state:?}");
        }
    }

    #[test]
    fn a_unit_of_a_user_wants_no_privileges() {
        let text = Unit { scope: UnitScope::User, ..unit("/state") }.text().unwrap();
        assert!(text.contains("WantedBy=default.target"));
        assert!(!text.contains("Protect"));
    }
}
