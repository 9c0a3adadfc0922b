//! Questions about the graph.

use floria::{At, Entity, Revision, Snapshot, Store as _, VertexId};
use floria_query::{Explanation, Query};
use serde_json::{Value as Json, json};

use super::reader;
use crate::{
    answer::{self, Answer, Table, to_json},
    cli::StoreQueryArguments,
    error::CliError,
    exit::Exit,
    selector::{vocabulary, wrong},
    session::Session,
    terminal::{Style, harmless},
};

struct Found {
    /// Each with its path.
    entities: Vec<(Entity, String)>,
    explanation: Option<Explanation>,
}

impl Answer for Found {
    fn document(&self) -> Json {
        let mut document = json!({ "schema": "khutulun.store-query/1", "entities": self.items() });
        if let Some(explanation) = &self.explanation {
            document["explanation"] = explanation.to_json();
        }
        document
    }

    fn items(&self) -> Vec<Json> {
        let item = |(entity, path): &(Entity, String)| {
            let values = entity.properties().into_iter().flatten().filter_map(|(name, property)| {
                property.value.as_ref().map(|value| (name.clone(), to_json(value)))
            });
            json!({
                "schema": "khutulun.store-entity/1",
                "kind": entity.kind().word(),
                "id": entity.key().id(),
                "namespace": entity.namespace().0,
                "path": path,
                "classes": entity.classes().map(|class| &class.0).collect::<Vec<_>>(),
                "values": values.collect::<serde_json::Map<_, _>>(),
            })
        };
        self.entities.iter().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        let mut table = Table::new(&["ID", "IN", "WHAT", "CLASS"]);
        for (entity, path) in &self.entities {
            let id = entity.key().id().map_or_else(|| "-".to_owned(), |id| id.to_string());
            let class = entity.classes().next().map_or("-", |class| class.0.as_str());
            table.row(vec![
                id.into(),
                harmless(&entity.namespace().0).into(),
                harmless(path).into(),
                harmless(class).into(),
            ]);
        }
        let found = match self.entities.as_slice() {
            [] => "Nothing was found.\n".to_owned(),
            _ => style.cut(&table.render(style)),
        };
        let explanation = self.explanation.as_ref().map_or_else(String::new, |text| format!("\n{text}"));
        format!("{found}{explanation}")
    }
}

pub(crate) fn run(arguments: &StoreQueryArguments, session: &Session) -> Result<Exit, CliError> {
    let text = arguments.query.join(" ");
    let query = Query::parse(&text, &vocabulary()).map_err(|error| wrong("query", &text, &error))?;
    let store = reader(session)?;
    let at = arguments.at.map_or(At::Now, |revision| At::Revision(Revision(revision)));
    let snapshot = store.snapshot(at).map_err(|error| session.store_error(error))?;
    let answered = if arguments.explain {
        query.run_explained(&*snapshot).map(|(entities, explanation)| (entities, Some(explanation)))
    } else {
        query.run(&*snapshot).map(|entities| (entities, None))
    };
    let (entities, explanation) = answered.map_err(|error| session.store_error(error))?;
    let entities = entities
        .into_iter()
        .map(|entity| path(&entity, &*snapshot).map(|path| (entity, path)))
        .collect::<Result<_, _>>()
        .map_err(|error| session.store_error(error))?;
    answer::give(&Found { entities, explanation }, session.format)?;
    Ok(Exit::Success)
}

/// The names from below the service down to a vertex: `web/endpoint`; for anything else, its name.
fn path(entity: &Entity, snapshot: &dyn Snapshot) -> Result<String, floria::StoreError> {
    let mut path = entity.name().to_owned();
    let Entity::Vertex(vertex) = entity else { return Ok(path) };
    let mut container: Option<VertexId> = vertex.container;
    while let Some(id) = container {
        let Some(Entity::Vertex(outer)) = snapshot.get(&id.into())? else { break };
        if outer.container.is_none() {
            break;
        }
        path = format!("{}/{path}", outer.name);
        container = outer.container;
    }
    Ok(path)
}
