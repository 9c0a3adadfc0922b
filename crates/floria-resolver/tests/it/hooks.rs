//! Hooks on templates: what they see, what they may change, and what stops them.

use std::collections::BTreeMap;

use floria::{Design, Entity, Expression, Graph, Handler, Property, Value};
use floria_resolver::{
    AFTER_INSTANTIATION, Adaptation, BEFORE_INSTANTIATION, Hook, Hooks, NoHooks, ResolveError, resolve,
};

use crate::support::{design, origin, request};

fn handler(inputs: &[(&str, Value)]) -> Handler {
    let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), Expression::Literal(value.clone())));
    Handler {
        implementation: None,
        inputs: inputs.collect(),
        outputs: Default::default(),
        timeout_ms_max: None,
        metadata: Default::default(),
        origin: Some(origin(7)),
    }
}

/// A design whose second template has both hooks, and a property that a cloud decides.
fn adaptable() -> Design {
    let mut design = design();
    let template = &mut design.vertexes[1];
    template.handlers.insert(BEFORE_INSTANTIATION.to_owned(), handler(&[("cloud", "north".into())]));
    template.handlers.insert(AFTER_INSTANTIATION.to_owned(), handler(&[]));
    template.properties.insert("region".to_owned(), Property::default());
    design
}

/// Keeps what it was asked, and answers by a rule.
struct Recorder<F>(Vec<(String, String, usize)>, F);

impl<F: FnMut(&Hook<'_>) -> Result<Adaptation, String>> Hooks for Recorder<F> {
    fn run(&mut self, hook: &Hook<'_>) -> Result<Adaptation, String> {
        self.0.push((hook.event.to_owned(), hook.path.to_owned(), hook.graph.vertexes().len()));
        (self.1)(hook)
    }
}

fn make(design: &Design, hooks: &mut dyn Hooks) -> Result<Graph, ResolveError> {
    let (inputs, current) = (BTreeMap::new(), Graph::default());
    resolve(&request(design, &inputs, &current), &mut (1..), hooks).map(|resolution| resolution.graph)
}

#[test]
fn a_template_adapts_to_its_cloud() {
    let design = adaptable();
    let name = design.vertexes[1].name.clone();
    let mut recorder = Recorder(Vec::new(), |hook: &Hook<'_>| {
        let mut adaptation = Adaptation::default();
        if let Some(cloud) = hook.inputs.get("cloud") {
            adaptation.properties.insert("region".to_owned(), cloud.clone());
        } else {
            // What was set before is there after.
            let Entity::Vertex(vertex) = hook.instance else { panic!("{:?}", hook.instance) };
            assert_eq!(vertex.properties["region"].value, Some("north".into()));
            adaptation.metadata.insert("seen".to_owned(), true.into());
        }
        Ok(adaptation)
    });
    let graph = make(&design, &mut recorder).unwrap();
    let vertex = graph.vertexes().find(|vertex| vertex.name == name).unwrap();
    assert_eq!(vertex.properties["region"].value, Some("north".into()));
    assert_eq!(vertex.metadata.get("seen"), Some(&true.into()));
    let all = graph.vertexes().len();
    assert_eq!(
        recorder.0,
        [(BEFORE_INSTANTIATION.to_owned(), name.clone(), 1), (AFTER_INSTANTIATION.to_owned(), name, all)]
    );
}

#[test]
fn a_veto_says_who_and_why_and_where() {
    let design = adaptable();
    for refusing in [BEFORE_INSTANTIATION, AFTER_INSTANTIATION] {
        let mut hooks = Recorder(Vec::new(), |hook: &Hook<'_>| {
            if hook.event == refusing {
                Err("no room in the north".to_owned())
            } else {
                Ok(Adaptation::default())
            }
        });
        let error = make(&design, &mut hooks).unwrap_err();
        let name = &design.vertexes[1].name;
        assert_eq!(error.to_string(), format!("`{name}` cannot be made: no room in the north"));
        let ResolveError::Hook { event, origin: place, .. } = error else { panic!("{error:?}") };
        assert_eq!((event.as_str(), place), (refusing, Some(origin(7))));
    }
}

#[test]
fn a_hook_cannot_add_properties() {
    let mut hooks = Recorder(Vec::new(), |_: &Hook<'_>| {
        Ok(Adaptation { properties: [("colour".to_owned(), "red".into())].into(), ..Adaptation::default() })
    });
    let error = make(&adaptable(), &mut hooks).unwrap_err();
    assert!(error.to_string().ends_with("sets property `colour`, which it does not have"), "{error}");
}

#[test]
fn hooks_are_never_left_out_silently() {
    let error = make(&adaptable(), &mut NoHooks).unwrap_err();
    assert!(error.to_string().ends_with("nothing here runs hooks"), "{error}");
}
