//! Stories of somebody's own design, and what can be said of it.

use floria::{Graph, Handler, Implementation, Value};
use khutulun_api::{Operation, names};
use khutulun_plan::Goal;

use crate::{
    chance::Chance,
    fate::Rates,
    host::Memory,
    planning::Subject,
    story::{Story, drawn_options},
    task::Task,
};

/// In one of so many cases a machine is lost together with what it remembers of a script.
const SCRIPTS_FORGOTTEN: usize = 3;

/// Makes the story of a seed: the design is deployed, deployed again, stopped, restarted, looked at, repaired, taken away, in some
/// order, while the world fails and what is there changes by itself, and taken away at the end.
pub fn own_story(subject: &Subject, seed: u64) -> Story {
    let mut chance = Chance::new(seed ^ 0x0bad_5eed_0000);
    let wants = match chance.below(6) {
        0 => vec![Task::Deploy(0)],
        1 => vec![Task::Deploy(0), Task::Deploy(0)],
        2 => vec![
            Task::Deploy(0),
            Task::Change(chance.one_of(&[Goal::Stop, Goal::Restart]), None),
            Task::Deploy(0),
        ],
        3 | 4 => vec![Task::Deploy(0), Task::Refresh, Task::Repair],
        _ => vec![Task::Deploy(0), Task::Destroy, Task::Deploy(0)],
    };
    let rates = Rates::drawn(&mut chance);
    let options = drawn_options(&mut chance);
    let ends_deployed = chance.permille(600);
    let subject = subject.clone();
    Story { seed, subject, wants, rates, options, memories: memory_of, ends_deployed, bug: None }
}

/// What is known of code before it runs: a driver can do everything again; a script's supervisor keeps its outcome, unless the
/// machine is lost; of a plugin nothing is known.
fn memory_of(operation: &Operation, salt: u64) -> Memory {
    let id = operation.id;
    let mut chance = Chance::new(salt ^ id.run.0 << 40 ^ u64::from(id.step) << 8 ^ u64::from(id.attempt));
    match &operation.implementation {
        Implementation::Driver(_) => Memory::Repeats,
        Implementation::Script { .. } if chance.below(SCRIPTS_FORGOTTEN) > 0 => Memory::Keeps,
        Implementation::Script { .. } | Implementation::Plugin(_) => Memory::Forgets,
    }
}

/// What should be known of a node before it is deployed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// It is created, and nothing deletes it: what it made stays after the service is taken away.
    Remains {
        /// The node.
        node: String,
    },
    /// It is started, and nothing stops it: it runs on after the service is taken away.
    RunsOn {
        /// The node.
        node: String,
    },
    /// Its code is a script that may not be run twice: if nobody knows how it ended, an operator has to say.
    AsksAfterLoss {
        /// The node.
        node: String,
        /// Its operations.
        operations: Vec<String>,
    },
}

/// Looks at what a design becomes.
pub fn findings(graph: &Graph) -> Vec<Finding> {
    let mut found = Vec::new();
    for vertex in graph.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE)) {
        if vertex.metadata.contains_key(names::SELECTED) {
            continue;
        }
        let node = graph.path_of(vertex.id);
        let event = |operation: &str| format!("{}.{operation}", names::LIFECYCLE);
        let code = |operation: &str| {
            let handler = vertex.handlers.get(&event(operation));
            handler.is_some_and(|handler| handler.implementation.is_some())
        };
        if code("create") && !code("delete") {
            found.push(Finding::Remains { node: node.clone() });
        }
        if code("start") && !code("stop") && !code("delete") {
            found.push(Finding::RunsOn { node: node.clone() });
        }
        let lifecycle = names::LIFECYCLE_UP.iter().chain(&names::LIFECYCLE_DOWN);
        let asks = lifecycle.filter(|operation| vertex.handlers.get(&event(operation)).is_some_and(asks));
        let operations: Vec<String> = asks.map(|operation| (*operation).to_owned()).collect();
        if !operations.is_empty() {
            found.push(Finding::AsksAfterLoss { node, operations });
        }
    }
    found.sort();
    found
}

fn asks(handler: &Handler) -> bool {
    let repeatable = handler.metadata.get(names::REPEATABLE).and_then(Value::as_boolean) == Some(true);
    matches!(handler.implementation, Some(Implementation::Script { .. })) && !repeatable
}
