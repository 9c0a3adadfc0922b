//! The policies that ask for events: timers and files.

use std::path::PathBuf;

use floria::{
    At, ClassName, Entity, EntityKind, Evaluated, Evaluator, Functions, Index, Namespace, Page, Site, Store,
    StoreError, Value, Vertex, VertexId,
};
use khutulun_api::names;

/// The class of policies that are timers.
const TIMER: &str = "khutulun.policies:0.1:Timer";

/// The class of policies that watch a file.
const FILE: &str = "khutulun.policies:0.1:File";

/// What a policy asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The service.
    pub(crate) service: Namespace,
    /// The policy.
    pub(crate) policy: VertexId,
    /// Its name.
    pub(crate) name: String,
    /// What for.
    pub(crate) kind: Kind,
}

/// What a policy asks to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// That so many milliseconds have passed.
    Timer(u64),
    /// That a file changed.
    File(PathBuf),
}

impl Source {
    /// Returns the name of its mark. By the policy's id: one that is made anew begins anew.
    pub(crate) fn mark(&self) -> String {
        let prefix = match self.kind {
            Kind::Timer(_) => TIMER_MARK,
            Kind::File(_) => FILE_MARK,
        };
        format!("{prefix}{}", self.policy)
    }
}

/// What the names of timers' marks begin with.
pub(crate) const TIMER_MARK: &str = "timer ";

/// What the names of files' marks begin with.
pub(crate) const FILE_MARK: &str = "file ";

/// What was found, and what is wrong with the rest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    pub(crate) sources: Vec<Source>,
    pub(crate) problems: Vec<String>,
}

/// Reads what the policies of all services ask for.
pub(crate) fn read(store: &dyn Store, functions: &dyn Functions) -> Result<Sources, StoreError> {
    let snapshot = store.snapshot(At::Now)?;
    let mut found = Sources::default();
    for class in [TIMER, FILE] {
        let index = Index::Class(EntityKind::Vertex, ClassName(class.to_owned()));
        for entity in snapshot.find(&index, &Page::default())? {
            let Entity::Vertex(policy) = entity else { continue };
            let Some(name) = policy.metadata.get(names::POLICY).and_then(Value::as_text) else { continue };
            let name = name.to_owned();
            let property = if class == TIMER { "every" } else { "path" };
            let kind = match value(store, functions, &policy, property)? {
                Some(value) if class == TIMER => milliseconds(&value).map(Kind::Timer),
                Some(value) => value
                    .as_text()
                    .map(PathBuf::from)
                    .filter(|path| path.is_absolute())
                    .ok_or_else(|| "its `path` is not absolute".to_owned())
                    .map(Kind::File),
                None => Err(format!("its `{property}` has no value")),
            };
            match kind {
                Ok(kind) => {
                    let service = policy.namespace.clone();
                    found.sources.push(Source { service, policy: policy.id, name, kind });
                }
                Err(why) => found
                    .problems
                    .push(format!("policy `{name}` of `{}` tells of nothing: {why}", policy.namespace)),
            }
        }
    }
    Ok(found)
}

/// The value of a policy's property; None while it is not known.
fn value(
    store: &dyn Store,
    functions: &dyn Functions,
    policy: &Vertex,
    name: &str,
) -> Result<Option<Value>, StoreError> {
    match policy.properties.get(name) {
        None => Ok(None),
        Some(property) if property.updater.is_none() => Ok(property.value.clone()),
        Some(_) => {
            let graph = store.graph(&policy.namespace)?;
            let evaluated = Evaluator::new(&graph, functions).property(Site::Vertex(policy.id), name);
            Ok(match evaluated {
                Ok(Evaluated::Known(value)) => Some(value),
                _ => None,
            })
        }
    }
}

/// How long a time is: a scalar, whose canonical unit is the millisecond, or a number of them.
fn milliseconds(value: &Value) -> Result<u64, String> {
    let number = match value {
        Value::Custom(custom) => &custom.order,
        other => other,
    };
    number
        .as_integer()
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("its `every` is not a time: {value}"))
}
