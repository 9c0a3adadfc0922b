//! How nodes really are: by what is seen of them, and by what they need.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use floria::VertexId;

/// How a node is by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It does what it is there for, as far as anybody can tell.
    Well,
    /// It does not; how it is, in a word.
    Not(String),
}

/// Why a node that is well by itself is of no full use: a node that it needs, directly or through others, is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Degraded {
    /// What it needs directly.
    pub(crate) through: VertexId,
    /// What is not well: `through`, or what that needs.
    pub(crate) cause: VertexId,
    /// How that is.
    pub(crate) how: String,
}

/// Returns which of the nodes that are well by themselves need one that is not, each with the nearest cause. Whoever is not in
/// `own` is taken to be well.
pub(crate) fn degraded(
    needs: &BTreeMap<VertexId, BTreeSet<VertexId>>,
    own: &BTreeMap<VertexId, Health>,
) -> BTreeMap<VertexId, Degraded> {
    let mut found = BTreeMap::new();
    for (node, _) in own.iter().filter(|(_, health)| **health == Health::Well) {
        let direct = needs.get(node).into_iter().flatten();
        let mut open: VecDeque<(VertexId, VertexId)> = direct.map(|id| (*id, *id)).collect();
        let mut seen: BTreeSet<VertexId> = BTreeSet::from([*node]);
        while let Some((through, id)) = open.pop_front() {
            if !seen.insert(id) {
                continue;
            }
            if let Some(Health::Not(how)) = own.get(&id) {
                found.insert(*node, Degraded { through, cause: id, how: how.clone() });
                break;
            }
            open.extend(needs.get(&id).into_iter().flatten().map(|next| (through, *next)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_needs_what_is_not_well_is_degraded_by_the_nearest_of_them() {
        let [front, web, db, host, other] = [1, 2, 3, 4, 5].map(VertexId);
        let needs = BTreeMap::from([
            (front, BTreeSet::from([web])),
            (web, BTreeSet::from([db, host])),
            // A circle ends.
            (db, BTreeSet::from([front])),
            (other, BTreeSet::new()),
        ]);
        let well = |id| (id, Health::Well);
        let own = BTreeMap::from([well(front), well(web), (db, Health::Not("failed".into())), well(other)]);
        let found = degraded(&needs, &own);
        let by = |through| Degraded { through, cause: db, how: "failed".into() };
        assert_eq!(found, BTreeMap::from([(front, by(web)), (web, by(db))]));
        let own = BTreeMap::from([well(front), well(web), well(db)]);
        assert_eq!(degraded(&needs, &own), BTreeMap::new());
    }
}
