//! Words for operations: what is done, being done, and was done.

use khutulun_api::names;

/// Returns an event without what everybody knows: `start` for `lifecycle.start`.
pub(crate) fn plain(event: &str) -> &str {
    let own = [names::LIFECYCLE, names::CONFIGURE].into_iter();
    own.filter_map(|prefix| event.strip_prefix(prefix)?.strip_prefix('.')).next().unwrap_or(event)
}

/// Returns what happens while an event is handled: `starting`.
pub(crate) fn doing(event: &str) -> String {
    match plain(event) {
        "create" => "creating".to_owned(),
        "configure" => "configuring".to_owned(),
        "start" => "starting".to_owned(),
        "stop" => "stopping".to_owned(),
        "delete" => "deleting".to_owned(),
        names::OBSERVE => "looking".to_owned(),
        other => format!("running {other}"),
    }
}

/// Returns what went wrong when an event was not handled as it should be: `failed to start: …`.
pub(crate) fn failed(event: &str, why: &str) -> String {
    match event {
        // Of a step that asks for it: who refuses says all that there is to say.
        "approval" => why.to_owned(),
        _ => format!("failed to {}: {why}", plain(event)),
    }
}

/// Returns what a node is after an event was handled: `started`.
pub(crate) fn done(event: &str) -> &str {
    match plain(event) {
        "create" => "created",
        "configure" => "configured",
        "start" => "started",
        "stop" => "stopped",
        "delete" => "deleted",
        names::OBSERVE => "seen",
        _ => "done",
    }
}
