//! Floria used alone, as the inventory of a rack: no TOSCA, no Wasm, no engine.
//!
//! `cargo run -p embed-floria` builds a graph, asks it, watches it change, looks at it as it was, and exports it.

use std::{error::Error, io::Write, sync::Arc};

use floria::{
    At, Author, Batch, Change, ClassName, Edge, EdgeId, EntityKind, Index, LogEntry, MemoryStore, Namespace,
    Page, Property, Revision, Store, Value, Vertex, VertexId, Watch, deletion, history,
};
use floria_exchange::{Boundary, Format, ImportOptions, Selection, export, import};
use floria_query::{Condition, Query, Relations, Vocabulary};

fn main() -> Result<(), Box<dyn Error>> {
    tour(&mut std::io::stdout().lock())
}

/// A machine, or what contains it.
fn vertex(id: u64, container: Option<u64>, name: &str, class: &str, properties: &[(&str, Value)]) -> Vertex {
    let property = |(name, value): &(&str, Value)| {
        ((*name).to_owned(), Property { value: Some(value.clone()), ..Property::default() })
    };
    Vertex {
        id: VertexId(id),
        namespace: Namespace("hall-1".to_owned()),
        name: name.to_owned(),
        container: container.map(VertexId),
        classes: vec![ClassName(class.to_owned()), ClassName("Hardware".to_owned())],
        properties: properties.iter().map(property).collect(),
        handlers: Default::default(),
        metadata: Default::default(),
        origin: None,
    }
}

/// A cable from a server to a switch.
fn cable(id: u64, server: u64, switch: u64, port: i64) -> Edge {
    let port = Property { value: Some(port.into()), ..Property::default() };
    Edge {
        id: EdgeId(id),
        namespace: Namespace("hall-1".to_owned()),
        name: "uplink".to_owned(),
        index: 0,
        source: VertexId(server),
        target: VertexId(switch),
        classes: vec![ClassName("Cable".to_owned())],
        properties: [("port".to_owned(), port)].into_iter().collect(),
        handlers: Default::default(),
        metadata: Default::default(),
        origin: None,
    }
}

fn tour(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // Any store will do: `floria_sqlite::SqliteStore::open("rack.db")?` keeps it.
    let store = Arc::new(MemoryStore::new());
    let hall = Namespace("hall-1".to_owned());
    let mut watch = Watch::new(store.clone(), Revision(0), Some(hall.clone()))?;

    // Build: one batch, whole or not at all. Both ends of a cable find it.
    let ids: Vec<u64> = store.allocate(7)?.collect();
    let [rack, switch, s1, s2, s3, c1, c2] = ids[..] else { unreachable!("seven were taken") };
    let author = Some(Author { name: "alice@hall-1".to_owned(), stream: None });
    let changes = vec![
        Change::put(vertex(rack, None, "rack-7", "Rack", &[("height", 42.into())])),
        Change::put(vertex(switch, Some(rack), "switch", "Switch", &[("ports", 48.into())])),
        Change::put(vertex(s1, Some(rack), "s1", "Server", &[("cores", 64.into())])),
        Change::put(vertex(s2, Some(rack), "s2", "Server", &[("cores", 64.into())])),
        Change::put(vertex(s3, Some(rack), "s3", "Server", &[("cores", 128.into())])),
        Change::put(cable(c1, s1, switch, 1)),
        Change::put(cable(c2, s2, switch, 2)),
    ];
    let built = store.commit(&Batch { changes, author: author.clone(), ..Batch::default() })?;
    writeln!(out, "built at revision {}", built.0)?;

    // Ask: by class, by container, by either end of an edge; each is an index.
    let snapshot = store.snapshot(At::Now)?;
    let class = |name: &str| Index::Class(EntityKind::Vertex, ClassName(name.to_owned()));
    writeln!(
        out,
        "hardware: {}, servers: {}",
        snapshot.count(&class("Hardware"))?,
        snapshot.count(&class("Server"))?
    )?;
    for cable in snapshot.find(&Index::Incoming(EntityKind::Edge, switch), &Page::default())? {
        let Some((server, _)) = cable.ends() else { continue };
        let server = snapshot.get(&VertexId(server).into())?;
        writeln!(out, "on the switch: {}", server.as_ref().map_or("?", |server| server.name()))?;
    }

    // Ask in words: what is on the same switch as s1?
    let query = Query::parse("s1 -uplink-> * <-uplink- *", &Vocabulary::default())?;
    for neighbour in query.run(&*snapshot)? {
        writeln!(out, "on the switch of s1: {}", neighbour.name())?;
    }
    // Or have the graph for algorithms: what depends on the switch, however indirectly?
    let relations = Relations::read(&*snapshot, Some(&hall), &Condition::EVERYTHING)?;
    writeln!(out, "without the switch, {} are cut off", relations.dependents(VertexId(switch)).len())?;

    // What would go with the rack, and what forbids that the switch goes alone?
    writeln!(out, "with the rack go {} others", deletion(&*snapshot, VertexId(rack))?.goes.len() - 1)?;
    for forbids in deletion(&*snapshot, VertexId(switch))?.forbids {
        writeln!(out, "the switch stays: {forbids}")?;
    }

    // Change, expecting that nobody else did meanwhile.
    let upgraded = vertex(s1, Some(rack), "s1", "Server", &[("cores", 96.into())]);
    let batch = Batch {
        expected: vec![(hall.clone(), built)],
        changes: vec![Change::put(upgraded), Change::put(cable(store.allocate(1)?.start, s3, switch, 3))],
        author,
        ..Batch::default()
    };
    let changed = store.commit(&batch)?;
    let late = store.commit(&batch).expect_err("the hall has moved on");
    writeln!(out, "the same once more: {late}")?;

    // Watch: every row since the beginning, in order.
    let rows = watch.next(None)?;
    let changes = rows.iter().filter(|row| matches!(row.entry, LogEntry::Change(_))).count();
    writeln!(out, "watched {changes} changes")?;

    // Look back: any revision is a snapshot like the present, and two of them have a difference.
    let before = store.snapshot(At::Revision(built))?;
    writeln!(out, "cables: {} then, {} now", cables(&*before)?, cables(&*store.snapshot(At::Now)?)?)?;
    for difference in history::difference(&store, At::Revision(built), At::Revision(changed), &hall)? {
        let by = difference.commits.iter().filter_map(|commit| commit.author.as_ref());
        let by: Vec<_> = by.map(|author| author.name.as_str()).collect();
        writeln!(out, "differs: {}, by {}", difference.key, by.join(", "))?;
    }

    // Export, and import somewhere else: the same graph has the same digest.
    let mut file = Vec::new();
    export(&*store.snapshot(At::Now)?, &Selection::All, Boundary::Refuse, Format::Yaml, &mut file)?;
    let elsewhere = MemoryStore::new();
    import(&elsewhere, Format::Yaml, file.as_slice(), &ImportOptions::default())?;
    writeln!(
        out,
        "the same elsewhere: {}",
        store.graph(&hall)?.digest() == elsewhere.graph(&hall)?.digest()
    )?;
    Ok(())
}

fn cables(snapshot: &dyn floria::Snapshot) -> Result<u64, floria::StoreError> {
    snapshot.count(&Index::All(EntityKind::Edge))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tour_shows_what_it_says() {
        let mut out = Vec::new();
        super::tour(&mut out).expect("the tour goes on to its end");
        assert_eq!(
            String::from_utf8_lossy(&out),
            "built at revision 1
hardware: 5, servers: 3
on the switch: s1
on the switch: s2
on the switch of s1: s1
on the switch of s1: s2
without the switch, 2 are cut off
with the rack go 6 others
the switch stays: edge 6 `uplink` of vertex 3, which stays, ends at vertex 2
the switch stays: edge 7 `uplink` of vertex 4, which stays, ends at vertex 2
the same once more: namespace `hall-1` is at revision 2, not at 1 as expected
watched 9 changes
cables: 2 then, 3 now
differs: vertex 3, by alice@hall-1
differs: edge 8, by alice@hall-1
the same elsewhere: true
"
        );
    }
}
