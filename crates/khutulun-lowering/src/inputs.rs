//! Inputs that go to attributes (TOSCA 2.0, 9.7).

use diagnostics::Diagnostic;
use floria::{EdgeTemplate, Property, VertexTemplateId};
use tosca::model::{Index, PathStart, Reference, Step};

use crate::{
    expressions,
    lower::{Lowering, NodePlace},
};

impl Lowering<'_, '_> {
    /// What the input says is what the attribute says first.
    pub(crate) fn map_inputs(&mut self, places: &[NodePlace]) {
        for (name, input) in &self.service.inputs {
            let Some(mapping) = &input.mapping else { continue };
            let mut is_known = false;
            for attribute in self.mapped_attributes(mapping, places) {
                attribute.value = None;
                attribute.updater = Some(expressions::input(name));
                is_known = true;
            }
            if !is_known {
                let message = "an input that goes elsewhere than to a whole attribute of a node, of its capability or of \
                               its relationship is not supported yet";
                let counted = match &mapping.path.start {
                    PathStart::Node { template, .. } => Some(self.model.node(*template)),
                    _ => None,
                };
                let counted = counted.filter(|node| node.count.is_some());
                let hint = counted.map(|node| {
                    format!(
                        "`{0}` has a count; the input can go to all its nodes: `[ {0}, ALL, … ]`",
                        node.name
                    )
                });
                self.tell(
                    Diagnostic::error("unsupported-output", message)
                        .at(mapping.name_span)
                        .maybe_hint(hint)
                        .chapter("9.9"),
                );
            }
        }
    }

    /// The whole attributes that a mapping names; none where it is not known which there will be.
    fn mapped_attributes(&mut self, mapping: &Reference, places: &[NodePlace]) -> Vec<&mut Property> {
        if !mapping.nested.is_empty() {
            return Vec::new();
        }
        if let PathStart::Relationship { template } = &mapping.path.start {
            let of_template = |edge: &EdgeTemplate| {
                edge.metadata.get(khutulun_api::names::RELATIONSHIP).and_then(floria::Value::as_text)
                    == Some(template.as_str())
            };
            let edges = match mapping.path.steps.is_empty() {
                true => self.shared.edges.iter_mut().filter(|edge| of_template(edge)).collect(),
                false => Vec::new(),
            };
            return attributes(edges, mapping);
        }
        let PathStart::Node { template, index } = &mapping.path.start else { return Vec::new() };
        let is_one = self.model.node(*template).count.is_none();
        if !(*index == Index::All || is_one && *index == Index::At(0)) {
            return Vec::new();
        }
        let Some(place) = places.get(template.index()) else { return Vec::new() };
        match &mapping.path.steps[..] {
            [] => self.attribute_at(place.vertex, mapping),
            [Step::Capability { capability }] => match place.capabilities.get(capability.as_str()) {
                Some(capability) => self.attribute_at(*capability, mapping),
                None => Vec::new(),
            },
            [Step::Outgoing { requirement, index }] => {
                let edges: Vec<_> = self
                    .shared
                    .edges
                    .iter_mut()
                    .filter(|edge| edge.source == place.vertex && edge.name == requirement.as_str())
                    .collect();
                // Which relationship comes of which assignment is known where each makes one.
                let are_known = edges.iter().all(|edge| edge.rules.is_empty());
                let wanted = |edge: &EdgeTemplate| match index {
                    Index::All => true,
                    Index::At(index) => are_known && u64::from(edge.index) == *index,
                    Index::Computed(_) => false,
                };
                attributes(edges.into_iter().filter(|edge| wanted(edge)).collect(), mapping)
            }
            _ => Vec::new(),
        }
    }

    fn attribute_at(&mut self, vertex: VertexTemplateId, mapping: &Reference) -> Vec<&mut Property> {
        // Ids are positions, from 1.
        let position = usize::try_from(vertex.0).ok().and_then(|id| id.checked_sub(1));
        let template = position.and_then(|position| self.shared.vertexes.get_mut(position));
        template.and_then(|template| template.properties.get_mut(mapping.name.as_str())).into_iter().collect()
    }
}

fn attributes<'e>(edges: Vec<&'e mut EdgeTemplate>, mapping: &Reference) -> Vec<&'e mut Property> {
    edges.into_iter().filter_map(|edge| edge.properties.get_mut(mapping.name.as_str())).collect()
}
