//! Which index a query starts from.

use floria::{
    ClassName, EdgeId, EdgeTemplateId, EntityKey, EntityKind, Index, Page, Snapshot, StoreError, VertexId,
    VertexTemplateId,
};

use crate::{Condition, Test};

/// How many entities of each index are read to see which one ends soonest; then they are counted, which takes as long as there are
/// many, though less for each.
const PROBED_ENTITIES: [usize; 2] = [20, 400];

/// How the first entities are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// By key: one, or none.
    Key(EntityKey),
    /// By what these indexes hold, each entity once; with none, nothing.
    Indexes(Vec<Index>),
}

/// Chooses a narrow access to all of a kind that a condition can be true of: where there are several, the narrowest or one that
/// holds little. Any of them holds less than all.
pub(crate) fn choose(
    snapshot: &dyn Snapshot,
    kind: EntityKind,
    condition: &Condition,
) -> Result<Access, StoreError> {
    let mut candidates = Vec::new();
    usable(snapshot, condition, kind, &mut candidates)?;
    if let Some(key) = candidates.iter().position(|access| matches!(access, Access::Key(_))) {
        return Ok(candidates.swap_remove(key));
    }
    if candidates.len() < 2 {
        return Ok(candidates.pop().unwrap_or_else(|| Access::Indexes(vec![Index::All(kind)])));
    }
    // One that ends soon is narrow enough, and costs no more to find than it holds.
    for entities in PROBED_ENTITIES {
        for (place, candidate) in candidates.iter().enumerate() {
            if ends_within(snapshot, candidate, entities)? {
                return Ok(candidates.swap_remove(place));
            }
        }
    }
    let mut narrowest = None;
    for candidate in candidates {
        let count = count(snapshot, &candidate)?;
        if narrowest.as_ref().is_none_or(|(least, _)| count < *least) {
            narrowest = Some((count, candidate));
        }
    }
    Ok(narrowest.map_or_else(|| Access::Indexes(Vec::new()), |(_, access)| access))
}

/// Whether an access comes to fewer entities than this.
fn ends_within(snapshot: &dyn Snapshot, access: &Access, entities: usize) -> Result<bool, StoreError> {
    let Access::Indexes(indexes) = access else { return Ok(true) };
    let mut left = entities;
    for index in indexes {
        left -= snapshot.find(index, &Page { after: None, limit: Some(left) })?.len();
        if left == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns how many entities an access comes to, at most.
pub(crate) fn count(snapshot: &dyn Snapshot, access: &Access) -> Result<u64, StoreError> {
    match access {
        Access::Key(_) => Ok(1),
        Access::Indexes(indexes) => indexes.iter().map(|index| snapshot.count(index)).sum(),
    }
}

/// Collects the accesses that each find all that the condition can be true of.
fn usable(
    snapshot: &dyn Snapshot,
    condition: &Condition,
    kind: EntityKind,
    candidates: &mut Vec<Access>,
) -> Result<(), StoreError> {
    match condition {
        Condition::All(conditions) => {
            for condition in conditions {
                usable(snapshot, condition, kind, candidates)?;
            }
        }
        Condition::Any(conditions) => {
            // The first access of each, together.
            let mut together = Vec::new();
            for condition in conditions {
                let mut of_one = Vec::new();
                usable(snapshot, condition, kind, &mut of_one)?;
                let first = of_one.into_iter().find_map(|access| match access {
                    Access::Indexes(indexes) => Some(indexes),
                    Access::Key(_) => None,
                });
                match first {
                    Some(indexes) => together.extend(indexes),
                    None => return Ok(()),
                }
            }
            candidates.push(Access::Indexes(together));
        }
        Condition::Not(_) => {}
        Condition::Test(test) => candidates.extend(match test {
            Test::Id(id) => key(kind, *id).map(Access::Key),
            Test::Namespace(namespace) => {
                Some(Access::Indexes(vec![Index::Namespace(kind, namespace.clone())]))
            }
            Test::Under(namespace) => Some(Access::Indexes(vec![Index::Under(kind, namespace.clone())])),
            Test::Origin(source) => Some(Access::Indexes(vec![Index::Origin(kind, source.clone())])),
            Test::Class(name) => {
                // A name without a colon is the last part of others, too.
                let named = match name.contains(':') {
                    true => Some(vec![ClassName(name.clone())]),
                    false => snapshot.classes_called(name)?,
                };
                let index = |class| Index::Class(kind, class);
                named.map(|classes| Access::Indexes(classes.into_iter().map(index).collect()))
            }
            _ => None,
        }),
    }
    Ok(())
}

fn key(kind: EntityKind, id: u64) -> Option<EntityKey> {
    Some(match kind {
        EntityKind::Class | EntityKind::Plugin => return None,
        EntityKind::VertexTemplate => VertexTemplateId(id).into(),
        EntityKind::EdgeTemplate => EdgeTemplateId(id).into(),
        EntityKind::Vertex => VertexId(id).into(),
        EntityKind::Edge => EdgeId(id).into(),
    })
}

/// Returns the key of a vertex, or of a template.
pub(crate) fn vertex_key(kind: EntityKind, id: u64) -> EntityKey {
    match kind {
        EntityKind::VertexTemplate => VertexTemplateId(id).into(),
        _ => VertexId(id).into(),
    }
}

/// Says which index it is, in an explanation.
pub(crate) fn describe(access: &Access) -> String {
    let indexes = match access {
        Access::Key(key) => return format!("key of {key}"),
        Access::Indexes(indexes) if indexes.is_empty() => {
            return "nothing: no class has this name".to_owned();
        }
        Access::Indexes(indexes) => indexes,
    };
    let one = |index: &Index| match index {
        Index::All(kind) => format!("all of kind {}", kind.word()),
        Index::Namespace(_, namespace) => format!("namespace `{namespace}`"),
        Index::Under(_, namespace) => format!("namespaces under `{namespace}`"),
        Index::Class(_, class) => format!("class `{class}`"),
        Index::Origin(_, source) => format!("origin `{source}`"),
        Index::Name(_, _, name) => format!("name `{name}`"),
        Index::Contents(..) => "contents".to_owned(),
        Index::Outgoing(..) => "edges out".to_owned(),
        Index::Incoming(..) => "edges in".to_owned(),
        Index::Readers(..) => "readers".to_owned(),
    };
    indexes.iter().map(one).collect::<Vec<_>>().join(" + ")
}
