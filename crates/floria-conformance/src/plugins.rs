//! Plugins: entities as all others are.

use floria::{
    Change, ClassName, Entity, EntityKey, EntityKind, Index, LogEntry, Page, Plugin, PluginName, Store,
};

use crate::{
    Case, Home,
    build::{class, commit, namespace, plugin, refused, whole_log},
    snapshots::now,
};

pub(crate) const CASES: &[Case] = &[
    ("a plugin comes back as it was", a_plugin_comes_back),
    ("a plugin is replaced by name", a_plugin_is_replaced),
    ("a plugin is deleted by name", a_plugin_is_deleted),
    ("a plugin that is not there cannot be deleted", an_absent_plugin_cannot_be_deleted),
    ("plugins of namespaces are apart", plugins_of_namespaces_are_apart),
    ("a plugin and a class may share a name", a_plugin_and_a_class_may_share_a_name),
    ("changes of plugins are logged", changes_of_plugins_are_logged),
];

fn key(space: &str, name: &str) -> EntityKey {
    EntityKey::Plugin(namespace(space), PluginName(name.to_owned()))
}

fn read(store: &dyn Store, key: &EntityKey) -> Option<Entity> {
    now(store).get(key).unwrap()
}

fn in_namespace(name: &str, mut plugin: Plugin) -> Plugin {
    plugin.namespace = namespace(name);
    plugin
}

fn a_plugin_comes_back(home: &Home) {
    let store = home();
    let mut whole = plugin("tools");
    whole.metadata.insert("wit".to_owned(), "khutulun:operation@0.1".into());
    whole.origin = Some(floria::Origin { source: "service.yaml".into(), line: 3, column: 70_000 });
    commit(&store, [Change::put(whole.clone())]);
    drop(store);
    assert_eq!(read(&home(), &key("shop", "tools")), Some(whole.into()));
}

fn a_plugin_is_replaced(home: &Home) {
    let store = home();
    let mut second = plugin("tools");
    second.artifact.digest = "ff".repeat(32);
    commit(&store, [Change::put(plugin("tools"))]);
    commit(&store, [Change::put(second.clone())]);
    assert_eq!(read(&store, &key("shop", "tools")), Some(second.into()));
    assert_eq!(now(&store).count(&Index::All(EntityKind::Plugin)).unwrap(), 1);
}

fn a_plugin_is_deleted(home: &Home) {
    let store = home();
    commit(&store, [Change::put(plugin("tools")), Change::put(plugin("more"))]);
    commit(&store, [Change::Delete(key("shop", "tools"))]);
    assert_eq!(read(&store, &key("shop", "tools")), None);
    let left = now(&store).find(&Index::All(EntityKind::Plugin), &Page::default()).unwrap();
    assert_eq!(left, [Entity::from(plugin("more"))]);
}

fn an_absent_plugin_cannot_be_deleted(home: &Home) {
    let store = home();
    commit(&store, [Change::put(class("tools")), Change::put(in_namespace("bank", plugin("tools")))]);
    assert_eq!(
        refused(&store, [Change::Delete(key("shop", "tools"))]),
        "there is no plugin `tools` to delete"
    );
    refused(&store, [Change::Delete(key("bank", "tools")), Change::Delete(key("bank", "tools"))]);
}

fn plugins_of_namespaces_are_apart(home: &Home) {
    let store = home();
    let other = in_namespace("bank", plugin("tools"));
    commit(&store, [Change::put(plugin("tools")), Change::put(other.clone())]);
    commit(&store, [Change::Delete(key("shop", "tools"))]);
    assert_eq!(read(&store, &key("bank", "tools")), Some(other.into()));
    assert_eq!(store.namespaces().unwrap(), [namespace("bank")]);
}

fn a_plugin_and_a_class_may_share_a_name(home: &Home) {
    let store = home();
    commit(&store, [Change::put(plugin("Node")), Change::put(class("Node"))]);
    commit(&store, [Change::Delete(key("shop", "Node"))]);
    let class_key = EntityKey::Class(namespace("shop"), ClassName("Node".to_owned()));
    assert_eq!(read(&store, &class_key), Some(class("Node").into()));
    assert_eq!(read(&store, &key("shop", "Node")), None);
}

fn changes_of_plugins_are_logged(home: &Home) {
    let store = home();
    let changes = [Change::put(plugin("tools")), Change::Delete(key("shop", "tools"))];
    for change in changes.clone() {
        commit(&store, [change]);
    }
    let logged: Vec<_> = whole_log(&store).into_iter().map(|row| row.entry).collect();
    assert_eq!(logged, changes.map(LogEntry::Change));
    assert_eq!(store.namespace_revision(&namespace("shop")).unwrap().0, 2);
    let of_namespace = floria::LogQuery { namespace: Some(namespace("shop")), ..Default::default() };
    assert_eq!(store.log(&of_namespace).unwrap().len(), 2);
}
