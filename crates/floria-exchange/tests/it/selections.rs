//! Parts of a store: namespaces and subtrees, and what leads out of them.

use floria::{Entity, EntityKey, Namespace, Property, Site, VertexId, VertexTemplateId};
use floria_conformance::build::{class, edge, edge_template, vertex, vertex_template};
use floria_exchange::{Boundary, ExchangeError, Exported, Format, Selection};

use crate::{read, reason, selected, store_with};

fn in_namespace(namespace: &str, entity: impl Into<Entity>) -> Entity {
    let mut entity = entity.into();
    let place = match &mut entity {
        Entity::Class(class) => &mut class.namespace,
        Entity::Vertex(vertex) => &mut vertex.namespace,
        Entity::Edge(edge) => &mut edge.namespace,
        _ => unreachable!(),
    };
    *place = Namespace(namespace.to_owned());
    entity
}

/// Service 1 in `shop` has 2, which has 3; 4 is in it, but in namespace `shop/web`; 5 is a service in `shopping`.
fn store() -> floria::MemoryStore {
    let mut web = vertex(4, Some(1), "web");
    let read = |id| (Site::Vertex(VertexId(id)), "x".to_owned());
    web.properties.insert("x".to_owned(), Property { reads: vec![read(1), read(5)], ..Property::default() });
    store_with([
        Entity::Class(class("c")),
        in_namespace("shopping", class("d")),
        Entity::VertexTemplate(vertex_template(1, None, "t")),
        Entity::VertexTemplate(vertex_template(2, Some(1), "u")),
        Entity::EdgeTemplate(edge_template(3, 1, "has", 2)),
        Entity::Vertex(vertex(1, None, "shop")),
        Entity::Vertex(vertex(2, Some(1), "db")),
        Entity::Vertex(vertex(3, Some(2), "disk")),
        in_namespace("shop/web", web),
        in_namespace("shopping", vertex(5, None, "shopping")),
        Entity::Edge(edge(10, 2, "uses", 3)),
        in_namespace("shop/web", edge(11, 4, "uses", 2)),
        in_namespace("shop/web", edge(12, 4, "uses", 5)),
        in_namespace("shopping", edge(13, 5, "uses", 2)),
    ])
}

fn keys(
    selection: Selection,
    boundary: Boundary,
) -> Result<(Vec<String>, Exported, Vec<Entity>), ExchangeError> {
    let (file, exported) = selected(&store(), &selection, boundary, Format::Json)?;
    let entities = read(Format::Json, &file).unwrap();
    let keys = entities.iter().map(|entity| entity.key().to_string()).collect();
    assert_eq!(exported.entities, entities.len() as u64);
    Ok((keys, exported, entities))
}

fn under(namespace: &str) -> Selection {
    Selection::Under(Namespace(namespace.to_owned()))
}

#[test]
fn a_namespace_has_those_under_it() {
    let (found, exported, entities) = keys(under("shop"), Boundary::Cut).unwrap();
    let expected = [
        "class `c`",
        "vertex template 1",
        "vertex template 2",
        "edge template 3",
        "vertex 1",
        "vertex 2",
        "vertex 3",
        "vertex 4",
        "edge 10",
        "edge 11",
    ];
    assert_eq!(found, expected);
    assert_eq!(exported, Exported { entities: 10, edges_left_out: 1, containers_cut: 0, reads_left_out: 1 });
    let web = entities.iter().find(|entity| entity.key() == EntityKey::Vertex(VertexId(4))).unwrap();
    assert_eq!(web.properties().unwrap()["x"].reads, [(Site::Vertex(VertexId(1)), "x".to_owned())]);

    let (found, exported, _) = keys(under("shop/web"), Boundary::Cut).unwrap();
    assert_eq!(found, ["vertex 4"]);
    assert_eq!(exported, Exported { entities: 1, edges_left_out: 2, containers_cut: 1, reads_left_out: 2 });
}

#[test]
fn a_subtree_has_the_edges_in_it() {
    let (found, exported, entities) = keys(Selection::Subtree(VertexId(2)), Boundary::Cut).unwrap();
    assert_eq!(found, ["vertex 2", "vertex 3", "edge 10"]);
    assert_eq!(exported, Exported { entities: 3, edges_left_out: 2, containers_cut: 1, reads_left_out: 0 });
    assert_eq!(entities[0].container(), Some(None));

    let (found, ..) = keys(Selection::Subtree(VertexId(1)), Boundary::Cut).unwrap();
    assert_eq!(found, ["vertex 1", "vertex 2", "vertex 3", "vertex 4", "edge 10", "edge 11"]);

    let (found, ..) = keys(Selection::TemplateSubtree(VertexTemplateId(1)), Boundary::Refuse).unwrap();
    assert_eq!(found, ["vertex template 1", "vertex template 2", "edge template 3"]);
}

#[test]
fn what_leads_out_is_kept_or_refused_as_asked() {
    let (found, exported, entities) = keys(Selection::Subtree(VertexId(2)), Boundary::Keep).unwrap();
    assert_eq!(found, ["vertex 2", "vertex 3", "edge 10", "edge 11", "edge 13"]);
    assert_eq!(exported, Exported { entities: 5, ..Exported::default() });
    assert_eq!(entities[0].container(), Some(Some(1)));

    let refused = |selection| reason(&keys(selection, Boundary::Refuse).unwrap_err());
    assert_eq!(
        refused(Selection::Subtree(VertexId(2))),
        "refused to export: vertex 2 leads to vertex 1, which is not selected"
    );
    assert_eq!(
        refused(under("shop")),
        "refused to export: vertex 4 leads to vertex 5, which is not selected"
    );
    assert_eq!(refused(Selection::Subtree(VertexId(77))), "there is no vertex 77 to export");
}

#[test]
fn all_but_a_namespace_is_what_that_namespace_leaves() {
    let without = |namespace: &str| Selection::Without(Namespace(namespace.to_owned()));
    let (all, ..) = keys(Selection::All, Boundary::Keep).unwrap();
    let (of_shop, ..) = keys(under("shop"), Boundary::Keep).unwrap();
    let (rest, exported, _) = keys(without("shop"), Boundary::Keep).unwrap();
    assert_eq!(exported.entities, rest.len() as u64);
    let expected: Vec<&String> = all.iter().filter(|key| !of_shop.contains(key)).collect();
    assert_eq!(rest.iter().collect::<Vec<_>>(), expected);
    assert!(!rest.is_empty() && !of_shop.is_empty());
    // What leads there is cut, or refused.
    assert!(keys(without("shop"), Boundary::Cut).unwrap().0.len() <= rest.len());
    assert_eq!(keys(without("nowhere"), Boundary::Refuse).unwrap().0, all);
}
