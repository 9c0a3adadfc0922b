//! What a workflow puts out.

use std::collections::BTreeSet;

use floria::{Evaluated, Named, Site, Vertex};
use khutulun_api::names;

use super::{Expansion, Frame};
use crate::{
    applied::properties_at,
    bind::{Bindings, bind},
    document::{OutputTarget, StepAnswer},
    error::PlanError,
    flow,
};

impl<'a> Expansion<'_, 'a> {
    /// The attributes that outputs of the operations of a workflow go to: those that it says, and of other names those that the
    /// workflow around it says.
    pub(super) fn targets(
        &mut self,
        workflow: &'a Vertex,
        inputs: &Bindings,
        around: &Frame,
    ) -> Result<Vec<OutputTarget>, PlanError> {
        let handler = workflow.handlers.get(names::WORKFLOW_OUTPUTS);
        let own = handler.map(|handler| &handler.outputs).into_iter().flatten();
        let mut targets: Vec<OutputTarget> = Vec::new();
        for (output, attribute) in own {
            let wrong = |why: String| PlanError::Step {
                step: format!("{}: output {output}", flow::name_of(workflow)),
                why,
                origin: handler.and_then(|handler| handler.origin.clone()),
            };
            let Some(value) = handler.and_then(|handler| handler.inputs.get(output)) else { continue };
            let value = bind(value, inputs).map_err(wrong)?;
            // Whoever reads it comes to what it is an attribute of.
            let (_, reads) = self
                .evaluator
                .evaluate_with_reads(&value, Site::Vertex(workflow.id))
                .map_err(|error| wrong(error.to_string()))?;
            let sites: BTreeSet<Site> =
                reads.into_iter().filter(|(_, name)| *name == attribute).map(|(site, _)| site).collect();
            for site in sites {
                let property = properties_at(self.graph, site).and_then(|all| all.get(attribute));
                if property.is_none_or(|property| property.read_only || property.updater.is_some()) {
                    return Err(wrong(format!("`{attribute}` there is nothing that could be written")));
                }
                targets.push(OutputTarget { output: output.clone(), site, attribute: attribute.clone() });
            }
        }
        let own: BTreeSet<String> = targets.iter().map(|target| target.output.clone()).collect();
        targets.extend(around.outputs.iter().filter(|target| !own.contains(&target.output)).cloned());
        Ok(targets)
    }

    /// What a workflow puts out when it has ended. None: nothing.
    pub(super) fn answer(
        &mut self,
        workflow: &'a Vertex,
        frame: &Frame,
    ) -> Result<Option<Box<StepAnswer>>, PlanError> {
        let Some(handler) = workflow.handlers.get(names::WORKFLOW_OUTPUTS) else { return Ok(None) };
        let mut values = Named::new();
        for (name, value) in &handler.inputs {
            let wrong = |why: String| PlanError::Step {
                step: format!("{}: output {name}", flow::name_of(workflow)),
                why,
                origin: handler.origin.clone(),
            };
            let value = bind(value, &frame.inputs).map_err(wrong)?;
            // What can never be computed is said before anything is run.
            let _: Evaluated = self
                .evaluator
                .evaluate(&value, Site::Vertex(workflow.id))
                .map_err(|error| wrong(error.to_string()))?;
            values.insert(name.clone(), value);
        }
        Ok(Some(Box::new(StepAnswer { workflow: workflow.id, values })))
    }
}
