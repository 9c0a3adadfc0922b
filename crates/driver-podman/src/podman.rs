//! The commands of Podman that the driver runs.

use khutulun_plugin_sdk::{
    Failure, Request,
    commands::{self, Response},
};

use crate::container::Container;

/// What is asked of a container: a line for each field of [`Found`]. Text that could have several lines comes last.
pub(crate) const INSPECT_FORMAT: &str = concat!(
    "{{.Id}}\n{{.Image}}\n{{.State.Status}}\n{{.State.ExitCode}}\n{{.State.Pid}}\n",
    "{{index .Config.Labels \"khutulun.service\"}}\n{{index .Config.Labels \"khutulun.node\"}}\n",
    "{{index .Config.Labels \"khutulun.operation\"}}\n{{.State.Error}}"
);

/// What Podman knows of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) image: String,
    pub(crate) status: String,
    pub(crate) exit_code: i64,
    pub(crate) pid: i64,
    pub(crate) service: String,
    pub(crate) node: String,
    pub(crate) operation: String,
    pub(crate) error: String,
}

impl Found {
    /// Fails if the container is not the node's: its name alone does not make it so.
    pub(crate) fn belongs_to(&self, request: &Request) -> Result<(), Failure> {
        if self.service == request.service && self.node == request.node {
            return Ok(());
        }
        let name = crate::container::name(request);
        let whose = if self.service.is_empty() {
            "khutulun did not make".to_owned()
        } else {
            format!("belongs to the node `{}` of the service `{}`", self.node, self.service)
        };
        Err(Failure::permanent(format!("there is a container `{name}` that {whose}: it is left alone")))
    }
}

/// Looks at a container. None: there is none.
pub(crate) fn inspect(name: &str) -> Result<Option<Found>, Failure> {
    let response = podman(&["container", "inspect", "--format", INSPECT_FORMAT, name])?;
    if response.exit_code != Some(0) {
        let said = text(&response.stderr);
        // The words of Podman 3 to 5.
        if said.contains("no such container")
            || said.contains("no such object")
            || said.contains("no container with")
        {
            return Ok(None);
        }
        return Err(failed(&format!("look at container `{name}`"), &response));
    }
    let answer = text(&response.stdout);
    parse(&answer).map(Some).ok_or_else(|| {
        Failure::permanent(format!("failed to understand what podman says of container `{name}`"))
            .with_detail(answer)
    })
}

fn parse(answer: &str) -> Option<Found> {
    let mut lines = answer.splitn(9, '\n');
    let mut line = || lines.next().map(|line| line.trim().to_owned());
    // A label that is not there is shown as this, by Go's templates.
    let label = |line: String| if line == "<no value>" { String::new() } else { line };
    Some(Found {
        id: line()?,
        image: line()?,
        status: line()?,
        exit_code: line()?.parse().ok()?,
        pid: line()?.parse().ok()?,
        service: label(line()?),
        node: label(line()?),
        operation: label(line()?),
        error: line()?,
    })
}

/// Loads an image from an archive, and returns its reference.
pub(crate) fn load(path: &str) -> Result<String, Failure> {
    let response = podman(&["load", "--quiet", "--input", path])?;
    succeeded(&response, "load the image")?;
    let answer = text(&response.stdout);
    // `Loaded image: localhost/web:latest`; several are separated by commas in Podman 3, and on lines of their own since.
    let loaded = answer.lines().rev().find_map(|line| line.split_once(": ").map(|(_, reference)| reference));
    let reference = loaded.and_then(|references| references.split(',').next()).map(str::trim);
    reference.filter(|reference| !reference.is_empty()).map(str::to_owned).ok_or_else(|| {
        Failure::permanent("failed to understand which image podman loaded").with_detail(answer.clone())
    })
}

/// Makes a container.
pub(crate) fn create(container: &Container, image: &str, request: &Request) -> Result<(), Failure> {
    let arguments = container.arguments(image, request);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    succeeded(&podman(&arguments)?, &format!("create container `{}`", container.name))
}

/// Starts a container; one that runs is fine.
pub(crate) fn start(name: &str) -> Result<(), Failure> {
    succeeded(&podman(&["start", name])?, &format!("start container `{name}`"))
}

/// Stops a container, killing it after its grace; one that does not run is fine.
pub(crate) fn stop(name: &str, grace_seconds: i64) -> Result<(), Failure> {
    let response = podman(&["stop", "--ignore", &format!("--time={grace_seconds}"), name])?;
    // Podman fails when the container ends just as its grace is over and it is to be killed.
    if response.exit_code != Some(0) && !runs(name)? {
        return Ok(());
    }
    succeeded(&response, &format!("stop container `{name}`"))
}

/// Removes a container, stopping it first if it runs; none is fine.
pub(crate) fn remove(name: &str, grace_seconds: i64) -> Result<(), Failure> {
    let grace = format!("--time={grace_seconds}");
    let remove = || podman(&["rm", "--force", "--ignore", "--volumes", &grace, name]);
    let mut response = remove()?;
    // As in `stop`: then it is still there, and can be removed.
    if response.exit_code != Some(0) && !runs(name)? {
        response = remove()?;
    }
    succeeded(&response, &format!("remove container `{name}`"))
}

/// Returns whether a container has not ended.
fn runs(name: &str) -> Result<bool, Failure> {
    let found = inspect(name)?;
    Ok(found.is_some_and(|found| matches!(found.status.as_str(), "running" | "paused" | "stopping")))
}

/// Returns the last lines that a container wrote, if they can be had.
pub(crate) fn last_lines(name: &str) -> String {
    match podman(&["logs", "--tail=20", name]) {
        Ok(response) => format!("{}{}", text(&response.stdout), text(&response.stderr)),
        Err(_) => String::new(),
    }
}

fn podman(arguments: &[&str]) -> Result<Response, Failure> {
    Ok(commands::run(&commands::Request {
        program: "podman".to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        environment: Vec::new(),
        input: Vec::new(),
        // All that is left: pulling an image takes what it takes.
        timeout_ms: 0,
    })?)
}

fn succeeded(response: &Response, attempt: &str) -> Result<(), Failure> {
    if response.exit_code == Some(0) { Ok(()) } else { Err(failed(attempt, response)) }
}

fn failed(attempt: &str, response: &Response) -> Failure {
    let said = text(&response.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let reason = match (last.strip_prefix("Error: ").unwrap_or(last), response.exit_code, response.signal) {
        ("", Some(code), _) => format!("podman ended with code {code}"),
        ("", None, signal) => format!("signal {} ended podman", signal.unwrap_or_default()),
        (reason, _, _) => reason.to_owned(),
    };
    Failure::permanent(format!("failed to {attempt}: {reason}")).with_detail(said)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
