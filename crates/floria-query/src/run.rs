//! Answering a query.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Entity, EntityKey, EntityKind, Index, Page, Snapshot, StoreError};

use crate::{
    Condition, Direction, Explanation, Query, Step, Times,
    explain::Explained,
    plan::{Access, choose, count, describe, vertex_key},
};

/// How many entities are read from an index at once.
const PAGE_ENTITIES: usize = 500;

impl Query {
    /// Returns the entities that it selects, each once, in canonical order.
    ///
    /// Without steps it reads page by page from the narrowest index, until it has as many as are wanted; with steps it keeps the
    /// ids of what it visits.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn run(&self, snapshot: &dyn Snapshot) -> Result<Vec<Entity>, StoreError> {
        let mut run = Run { query: self, snapshot, explanation: None, read: 0 };
        run.run()
    }

    /// Answers it, and says how: the index that it started from, and how much each step was estimated to come to, read and came
    /// to.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn run_explained(&self, snapshot: &dyn Snapshot) -> Result<(Vec<Entity>, Explanation), StoreError> {
        let mut run = Run::explained(self, snapshot);
        let found = run.run()?;
        Ok((found, run.explanation.unwrap_or_default()))
    }

    /// Says how it would be answered, without doing it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn explain(&self, snapshot: &dyn Snapshot) -> Result<Explanation, StoreError> {
        let mut run = Run::explained(self, snapshot);
        let access = choose(snapshot, self.kind, &self.start)?;
        run.explain_start(&access)?;
        let mut estimated = count(snapshot, &access)?;
        for (step, condition) in &self.steps {
            estimated = run.explain_step(step, condition, estimated)?;
        }
        Ok(run.explanation.unwrap_or_default())
    }
}

struct Run<'a> {
    query: &'a Query,
    snapshot: &'a dyn Snapshot,
    /// None where nobody asks: the estimates of steps count all entities of a kind.
    explanation: Option<Explanation>,
    /// How much was read from the store since the last step.
    read: u64,
}

impl<'a> Run<'a> {
    fn explained(query: &'a Query, snapshot: &'a dyn Snapshot) -> Self {
        let explanation =
            Explanation { query: query.to_string(), revision: snapshot.revision().0, steps: Vec::new() };
        Self { query, snapshot, explanation: Some(explanation), read: 0 }
    }

    fn run(&mut self) -> Result<Vec<Entity>, StoreError> {
        let query = self.query;
        let access = choose(self.snapshot, query.kind, &query.start)?;
        self.explain_start(&access)?;
        let limit = query.limit.unwrap_or(usize::MAX);
        // The limit is of what is answered.
        let wanted = if query.steps.is_empty() { limit } else { usize::MAX };
        let mut found = self.start(&access, wanted)?;
        self.came_to(found.len());
        for (number, (step, condition)) in query.steps.iter().enumerate() {
            let from: BTreeSet<u64> = found.keys().filter_map(EntityKey::id).collect();
            self.explain_step(step, condition, from.len() as u64)?;
            let reached = self.step(step, from)?;
            let wanted = if number + 1 == query.steps.len() { limit } else { usize::MAX };
            found = self.filtered(reached, condition, wanted)?;
            self.came_to(found.len());
        }
        Ok(found.into_values().collect())
    }

    fn start(&mut self, access: &Access, wanted: usize) -> Result<BTreeMap<EntityKey, Entity>, StoreError> {
        let mut found = BTreeMap::new();
        let indexes = match access {
            Access::Key(key) => {
                let entity = self.get(key)?;
                found.extend(
                    entity.filter(|entity| self.holds(&self.query.start, entity)).map(|it| (key.clone(), it)),
                );
                return Ok(found);
            }
            Access::Indexes(indexes) => indexes,
        };
        for index in indexes {
            let mut from_this = 0;
            self.pages(
                index,
                |run, entity| {
                    // With several indexes, the lowest keys of all are among the first so many of each.
                    if run.holds(&run.query.start, &entity) {
                        from_this += 1;
                        found.insert(entity.key(), entity);
                    }
                    from_this < wanted
                },
                wanted,
            )?;
        }
        while found.len() > wanted {
            found.pop_last();
        }
        Ok(found)
    }

    /// Reads an index, page by page, while `each` wants more.
    fn pages(
        &mut self,
        index: &Index,
        mut each: impl FnMut(&mut Self, Entity) -> bool,
        wanted: usize,
    ) -> Result<(), StoreError> {
        let mut page = Page { after: None, limit: Some(PAGE_ENTITIES.min(wanted)) };
        while page.limit != Some(0) {
            let entities = self.snapshot.find(index, &page)?;
            self.read += entities.len() as u64;
            let is_last = Some(entities.len()) < page.limit;
            page = Page { after: entities.last().map(Entity::key), limit: Some(PAGE_ENTITIES) };
            for entity in entities {
                if !each(self, entity) {
                    return Ok(());
                }
            }
            if is_last {
                break;
            }
        }
        Ok(())
    }

    fn get(&mut self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        self.read += 1;
        self.snapshot.get(key)
    }

    fn holds(&self, condition: &Condition, entity: &Entity) -> bool {
        condition.holds(entity)
    }

    /// Reads the vertexes of these ids, and keeps those of which the condition is true.
    fn filtered(
        &mut self,
        ids: BTreeSet<u64>,
        condition: &Condition,
        wanted: usize,
    ) -> Result<BTreeMap<EntityKey, Entity>, StoreError> {
        let mut found = BTreeMap::new();
        for id in ids {
            if found.len() == wanted {
                break;
            }
            let key = vertex_key(self.query.kind, id);
            if let Some(entity) = self.get(&key)?.filter(|entity| self.holds(condition, entity)) {
                found.insert(key, entity);
            }
        }
        Ok(found)
    }

    fn step(&mut self, step: &Step, from: BTreeSet<u64>) -> Result<BTreeSet<u64>, StoreError> {
        match step {
            Step::Edges { direction, edge, times } => self.walk(from, *times, |run, id, reached| {
                let kind = edge_kind(run.query.kind);
                let index = match direction {
                    Direction::Out => Index::Outgoing(kind, id),
                    Direction::In => Index::Incoming(kind, id),
                };
                run.pages(
                    &index,
                    |run, entity| {
                        if let Some((source, target)) = entity.ends()
                            && run.holds(edge, &entity)
                        {
                            reached.insert(if *direction == Direction::Out { target } else { source });
                        }
                        true
                    },
                    usize::MAX,
                )
            }),
            Step::Contents(times) => self.walk(from, *times, |run, id, reached| {
                run.pages(
                    &Index::Contents(run.query.kind, id),
                    |_, entity| {
                        reached.extend(entity.key().id());
                        true
                    },
                    usize::MAX,
                )
            }),
            Step::Container(times) => self.walk(from, *times, |run, id, reached| {
                reached.extend(run.container(id)?);
                Ok(())
            }),
            Step::Node => {
                let mut nodes = BTreeSet::new();
                for id in from {
                    nodes.insert(self.node(id)?);
                }
                Ok(nodes)
            }
        }
    }

    fn container(&mut self, id: u64) -> Result<Option<u64>, StoreError> {
        Ok(self.get(&vertex_key(self.query.kind, id))?.and_then(|vertex| vertex.container().flatten()))
    }

    fn node(&mut self, id: u64) -> Result<u64, StoreError> {
        let mut inner = id;
        let Some(mut outer) = self.container(inner)? else { return Ok(id) };
        while let Some(beyond) = self.container(outer)? {
            (inner, outer) = (outer, beyond);
        }
        Ok(inner)
    }

    /// Walks a step as often as is asked for, from all of a set at once; what was visited is not visited again.
    fn walk(
        &mut self,
        from: BTreeSet<u64>,
        times: Times,
        mut neighbours: impl FnMut(&mut Self, u64, &mut BTreeSet<u64>) -> Result<(), StoreError>,
    ) -> Result<BTreeSet<u64>, StoreError> {
        let mut frontier = from;
        let mut one = |run: &mut Self, frontier: &BTreeSet<u64>| {
            let mut reached = BTreeSet::new();
            for id in frontier {
                neighbours(run, *id, &mut reached)?;
            }
            Ok::<_, StoreError>(reached)
        };
        // What must be walked before anything counts may come by the same place again.
        for _ in 1..times.min {
            frontier = one(self, &frontier)?;
        }
        let mut visited = if times.min == 0 { frontier.clone() } else { BTreeSet::new() };
        let mut left = times.max.map(|max| max - times.min.saturating_sub(1));
        while !frontier.is_empty() && left != Some(0) {
            let reached = one(self, &frontier)?;
            frontier = reached.difference(&visited).copied().collect();
            visited.extend(&frontier);
            left = left.map(|left| left - 1);
        }
        Ok(visited)
    }

    fn explain_start(&mut self, access: &Access) -> Result<(), StoreError> {
        if let Some(explanation) = &mut self.explanation {
            explanation.steps.push(Explained {
                step: format!("find {}", self.query.start),
                by: describe(access),
                estimated: count(self.snapshot, access)?,
                read: None,
                actual: None,
            });
        }
        Ok(())
    }

    /// Adds what is known of a step before it is made, and returns the estimate.
    fn explain_step(&mut self, step: &Step, condition: &Condition, from: u64) -> Result<u64, StoreError> {
        let Some(explanation) = &mut self.explanation else { return Ok(0) };
        let vertexes = self.snapshot.count(&Index::All(self.query.kind))?;
        let (by, all) = match step {
            Step::Edges { direction, .. } => {
                let by = if *direction == Direction::Out { "edges out" } else { "edges in" };
                (by, self.snapshot.count(&Index::All(edge_kind(self.query.kind)))?)
            }
            Step::Contents(_) => ("contents", vertexes),
            Step::Container(_) | Step::Node => ("key", vertexes),
        };
        let is_once = match step {
            Step::Edges { times, .. } | Step::Contents(times) | Step::Container(times) => {
                *times == Times::ONE
            }
            Step::Node => true,
        };
        // As many as all vertexes have on average; more than once, anything can be reached.
        let once = (from * all).div_ceil(vertexes.max(1)).min(vertexes);
        let estimated = if is_once { once } else { vertexes };
        let (step, by) = (format!("{step} {condition}"), by.to_owned());
        explanation.steps.push(Explained { step, by, estimated, read: None, actual: None });
        Ok(estimated)
    }

    /// Completes the last step of the explanation.
    fn came_to(&mut self, actual: usize) {
        let read = std::mem::take(&mut self.read);
        if let Some(step) = self.explanation.as_mut().and_then(|explanation| explanation.steps.last_mut()) {
            step.actual = Some(actual as u64);
            step.read = Some(read);
        }
    }
}

fn edge_kind(kind: EntityKind) -> EntityKind {
    if kind == EntityKind::VertexTemplate { EntityKind::EdgeTemplate } else { EntityKind::Edge }
}
