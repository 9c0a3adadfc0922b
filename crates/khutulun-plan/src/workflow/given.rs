//! What a workflow is given: its inputs, and whether it may run.

use std::collections::BTreeMap;

use floria::{Evaluated, Site, Value, Vertex};
use khutulun_api::{describe_unknown, names};

use super::{Expansion, Frame};
use crate::{
    bind::{Bindings, bind},
    error::PlanError,
    flow,
};

impl<'a> Expansion<'_, 'a> {
    /// Refuses a workflow whose precondition does not hold now.
    pub(super) fn precondition(&mut self, workflow: &Vertex, frame: &Frame) -> Result<(), PlanError> {
        let (conditions, origin) = flow::conditions(workflow);
        for condition in conditions {
            let refused = |why: String| PlanError::NotTriggered {
                workflow: flow::name_of(workflow).to_owned(),
                why,
                origin: origin.cloned(),
            };
            let condition = bind(condition, &frame.inputs).map_err(refused)?;
            match self.evaluator.evaluate(&condition, Site::Vertex(workflow.id)) {
                Ok(Evaluated::Known(Value::Boolean(true))) => {}
                Ok(Evaluated::Known(Value::Boolean(false))) => {
                    return Err(refused("its precondition does not hold".to_owned()));
                }
                Ok(Evaluated::Known(other)) => {
                    return Err(refused(format!("its precondition is {other}, and neither true nor false")));
                }
                Ok(Evaluated::Unknown(missing)) => {
                    let missing = self.describe(&missing);
                    return Err(refused(format!(
                        "its precondition cannot be decided before {missing} has a value"
                    )));
                }
                Err(error) => return Err(refused(format!("its precondition cannot be decided: {error}"))),
            }
        }
        Ok(())
    }

    pub(super) fn describe(&self, missing: &[(Site, String)]) -> String {
        let names: Vec<String> =
            missing.iter().map(|(site, name)| describe_unknown(self.graph, *site, name)).collect();
        names.join(", ")
    }

    /// What a workflow is given, in what is given around it.
    pub(super) fn frame(
        &mut self,
        workflow: &'a Vertex,
        given: &BTreeMap<String, Value>,
        around: &Frame,
    ) -> Result<Frame, PlanError> {
        let inputs = self.bindings(workflow, given, &around.inputs)?;
        let outputs = self.targets(workflow, &inputs, around)?;
        Ok(Frame { inputs, outputs })
    }

    /// The values of a workflow's inputs: those that are given, else those of the same name around it, else the defaults.
    fn bindings(
        &mut self,
        workflow: &'a Vertex,
        given: &BTreeMap<String, Value>,
        around: &Bindings,
    ) -> Result<Bindings, PlanError> {
        let wrong = |input: &str, why: String| PlanError::WorkflowInput {
            workflow: flow::name_of(workflow).to_owned(),
            input: input.to_owned(),
            why,
        };
        if let Some(unknown) = given.keys().find(|name| !workflow.properties.contains_key(*name)) {
            let known: Vec<&str> = workflow.properties.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(wrong(unknown, format!("there is no such input; there are: {known}")));
        }
        let site = Site::Vertex(workflow.id);
        let service = workflow.container.and_then(|id| self.graph.vertex(id));
        let mut bindings = Bindings::new();
        for (name, property) in &workflow.properties {
            let value = if let Some(value) = given.get(name).or_else(|| around.get(name)) {
                let prepared = self.evaluator.prepare(property, value.clone(), site);
                prepared.map_err(|error| wrong(name, error.to_string()))?
            } else if property.value.is_some() || property.updater.is_some() {
                match self.evaluator.property(site, name) {
                    Ok(Evaluated::Known(value)) => value,
                    Ok(Evaluated::Unknown(missing)) => {
                        return Err(wrong(name, format!("its default needs {}", self.describe(&missing))));
                    }
                    Err(error) => return Err(wrong(name, error.to_string())),
                }
            } else if service.is_some_and(|service| service.properties.contains_key(name)) {
                continue;
            } else if property.metadata.get(names::REQUIRED) == Some(&Value::Boolean(true)) {
                return Err(wrong(name, "it must have a value".to_owned()));
            } else {
                Value::Null
            };
            bindings.insert(name.clone(), value);
        }
        Ok(bindings)
    }
}
