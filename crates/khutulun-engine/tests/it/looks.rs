//! Who only looks at reality, alone and beside a run.

use std::collections::BTreeMap;

use floria::{
    Batch, Call, Change, ClassName, Edge, EdgeId, Entity, Expression, Property, Store as _, StoreError,
    Value, Vertex, VertexId,
};
use khutulun_api::{Outcome, names};
use khutulun_engine::{Cancel, RunResult};
use khutulun_plan::{Basis, plan_refresh};

use crate::{
    scenarios::{SHOP, never, summary},
    sketch::{SketchFunctions, namespace},
    world::{Memory, World, block_on},
};

/// Who cannot tell which attributes must stay as they are takes none of them to be what was seen.
#[test]
fn what_must_stay_stays_where_its_policy_has_no_value() {
    block_on(async {
        let world = World::new(Memory::Good);
        let plan = world.deploy_plan("a T @pid create() start()>pid");
        world.run(plan, &never()).await.report();
        let mut a = world.graph().vertexes().find(|vertex| vertex.name == "a").unwrap().clone();
        a.handlers.insert("lifecycle.observe".to_owned(), a.handlers.get("lifecycle.start").unwrap().clone());
        let pid = a.properties.get_mut("pid").unwrap();
        pid.metadata.insert("khutulun.compare".to_owned(), true.into());
        let before = pid.value.clone();
        let call = Call { function: "nobody has this".to_owned(), arguments: Vec::new(), origin: None };
        let compare = Property { updater: Some(Expression::from(call)), ..Property::default() };
        let policy = Vertex {
            id: VertexId(world.store.allocate(1).unwrap().start),
            name: "policy:steady".to_owned(),
            classes: vec![ClassName("khutulun.policies:0.1:Drift".to_owned())],
            properties: [("compare".to_owned(), compare)].into(),
            metadata: [(names::POLICY.to_owned(), "steady".into())].into(),
            handlers: Default::default(),
            ..a.clone()
        };
        let target = Edge {
            id: EdgeId(world.store.allocate(1).unwrap().start),
            namespace: namespace(),
            name: names::TARGET.to_owned(),
            index: 0,
            source: policy.id,
            target: a.id,
            classes: Vec::new(),
            properties: Default::default(),
            handlers: Default::default(),
            metadata: Default::default(),
            origin: None,
        };
        let changes = vec![Change::put(a.clone()), Change::put(policy), Change::put(target)];
        world.store.commit(&Batch { changes, ..Batch::default() }).unwrap();
        let seen = [("state".to_owned(), "running".into()), ("pid".to_owned(), 999.into())];
        let seen = vec![Outcome::Succeeded(seen.into())];
        world.reality.lock().unwrap().scripted.insert("a.observe".to_owned(), seen);
        let base = world.store.namespace_revision(&namespace()).unwrap();
        let (plan, not_asked) = plan_refresh(
            &Basis::new(&namespace(), base, &SketchFunctions),
            &world.graph(),
            &[a.id].into(),
            0,
        );
        assert_eq!(not_asked, BTreeMap::new());
        let report = world.run(plan, &never()).await.report();
        assert_eq!(summary(&report), "a.observe Permanent");
        let after = world.graph().vertex(a.id).unwrap().properties.get("pid").unwrap().value.clone();
        assert_eq!(after, before);
    });
}

#[test]
fn somebody_who_looks_at_reality_meanwhile_does_not_stop_a_run() {
    block_on(async {
        let world = World::new(Memory::Good);
        world.held.0.lock().unwrap().insert("db.create".to_owned());
        let (engine, plan, cancel) = (world.engine(&never()), world.deploy_plan(SHOP), Cancel::new());
        let looker = async {
            while !world.reality.lock().unwrap().seen.contains_key("db.create") {
                tokio::task::yield_now().await;
            }
            // What changes while it is looked at is looked at again.
            loop {
                let expected = vec![(namespace(), world.store.namespace_revision(&namespace()).unwrap())];
                let mut cron = world.graph().vertexes().find(|vertex| vertex.name == "cron").unwrap().clone();
                cron.metadata.insert("seen".to_owned(), Value::from(true));
                let changes = vec![Change::Put(Entity::Vertex(cron))];
                match world.store.commit(&Batch { expected, changes, ..Batch::default() }) {
                    Ok(_) => break,
                    Err(StoreError::Conflict { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            world.held.0.lock().unwrap().clear();
            world.held.1.notify_waiters();
        };
        let (report, ()) = tokio::join!(engine.run(plan, &(), &cancel), looker);
        assert_eq!(report.unwrap().result, RunResult::Succeeded);
        world.check_laws();
        world.check_truth();
    });
}
