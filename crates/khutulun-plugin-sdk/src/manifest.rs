//! What a plugin says about itself, before anybody trusts it.

use std::fmt::Write as _;

/// Whether files are read or also written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Read,
    /// Read, write and remove.
    Write,
}

/// What a plugin is and what it asks for. An operator grants all, some or none of it; what is not asked for is never granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    name: String,
    version: String,
    description: String,
    repeatable: bool,
    commands: Vec<Command>,
    paths: Vec<(String, Access)>,
    sockets: Vec<String>,
    processes: bool,
    artifacts: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<String>,
}

impl Manifest {
    /// Makes a manifest that asks for nothing.
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned(), ..Self::default() }
    }

    /// Says in a sentence what the plugin is for.
    pub fn description(mut self, description: &str) -> Self {
        self.description = description.to_owned();
        self
    }

    /// Promises that running any operation again with the same operation id does no harm.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Asks to run a program with arguments that match patterns, one pattern an argument: `*` stands for any one argument,
    /// `prefix*` for one that begins so, and `**` at the end for any number of any arguments; all else is taken literally.
    pub fn command(mut self, program: &str, arguments: &[&str]) -> Self {
        self.commands.push(Command {
            program: program.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            environment: Vec::new(),
        });
        self
    }

    /// Asks to set environment variables for the command that was asked for last.
    pub fn environment(mut self, names: &[&str]) -> Self {
        if let Some(command) = self.commands.last_mut() {
            command.environment.extend(names.iter().map(|&name| name.to_owned()));
        }
        self
    }

    /// Asks for a file, or all below a folder, by its absolute path.
    pub fn path(mut self, path: &str, access: Access) -> Self {
        self.paths.push((path.to_owned(), access));
        self
    }

    /// Asks to talk HTTP on a unix socket.
    pub fn socket(mut self, path: &str) -> Self {
        self.sockets.push(path.to_owned());
        self
    }

    /// Asks to start and keep the process of the node whose operation runs.
    pub fn processes(mut self) -> Self {
        self.processes = true;
        self
    }

    /// Asks to learn where artifacts of the service are on the machine.
    pub fn artifacts(mut self) -> Self {
        self.artifacts = true;
        self
    }

    /// Returns the manifest as JSON of the schema `khutulun.manifest/1`.
    pub fn to_json(&self) -> String {
        let mut json = String::from("{\"schema\":\"khutulun.manifest/1\",\"name\":");
        string(&mut json, &self.name);
        json.push_str(",\"version\":");
        string(&mut json, &self.version);
        json.push_str(",\"description\":");
        string(&mut json, &self.description);
        json.push_str(if self.repeatable { ",\"repeatable\":true" } else { ",\"repeatable\":false" });
        json.push_str(",\"asks\":{\"commands\":");
        array(&mut json, &self.commands, |json, command| {
            json.push_str("{\"program\":");
            string(json, &command.program);
            json.push_str(",\"arguments\":");
            array(json, &command.arguments, |json, argument| string(json, argument));
            json.push_str(",\"environment\":");
            array(json, &command.environment, |json, name| string(json, name));
            json.push('}');
        });
        json.push_str(",\"paths\":");
        array(&mut json, &self.paths, |json, (path, access)| {
            json.push_str("{\"path\":");
            string(json, path);
            json.push_str(match access {
                Access::Read => ",\"access\":\"read\"}",
                Access::Write => ",\"access\":\"write\"}",
            });
        });
        json.push_str(",\"sockets\":");
        array(&mut json, &self.sockets, |json, socket| string(json, socket));
        json.push_str(if self.processes { ",\"processes\":true" } else { ",\"processes\":false" });
        json.push_str(if self.artifacts { ",\"artifacts\":true}}" } else { ",\"artifacts\":false}}" });
        json
    }
}

fn array<T>(json: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    json.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        write(json, item);
    }
    json.push(']');
}

fn string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            // Writing to a string cannot fail.
            control if control < ' ' => drop(write!(json, "\\u{:04x}", control as u32)),
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_it_asks_for_as_json() {
        let manifest = Manifest::new("a \"b\"\n", "1.0.0")
            .repeatable()
            .command("podman", &["ps", "**"])
            .environment(&["HOME"])
            .path("/srv", Access::Read)
            .socket("/run/x.sock")
            .processes();
        assert_eq!(
            manifest.to_json(),
            concat!(
                r#"{"schema":"khutulun.manifest/1","name":"a \"b\"\u000a","version":"1.0.0","description":"","#,
                r#""repeatable":true,"asks":{"commands":[{"program":"podman","arguments":["ps","**"],"#,
                r#""environment":["HOME"]}],"paths":[{"path":"/srv","access":"read"}],"sockets":["/run/x.sock"],"#,
                r#""processes":true,"artifacts":false}}"#
            )
        );
    }
}
