//! Rules of templates as text.

use floria::{
    ClassName, Value, VertexTemplate, VertexTemplateId,
    rules::{Count, Making, MappedTarget, MappingCount, Selector, Substitution},
};
use khutulun_api::names;

use crate::render::{Page, Shown};

impl Page<'_> {
    /// How many nodes are made of a template, and how.
    pub(crate) fn making(&mut self, node: &VertexTemplate) {
        let making = match Making::of(&node.rules) {
            Ok(making) => making,
            Err(error) => return self.line(1, format_args!("({error})")),
        };
        if let Some(count) = &making.count {
            self.line(1, format_args!("count {}", Shown(count)));
        }
        let directives: Vec<&str> = making.directives.iter().map(|directive| directive.word()).collect();
        if !directives.is_empty() {
            self.line(1, format_args!("directives {}", directives.join(", ")));
        }
        if let Some(filter) = &making.filter {
            self.line(1, format_args!("where {}", Shown(filter)));
        }
    }

    /// What a service can stand for, and how.
    pub(crate) fn substitution(&mut self, service: &VertexTemplate) {
        let substitution = match Substitution::of(&service.rules) {
            Ok(Some(substitution)) => substitution,
            Ok(None) => return,
            Err(error) => return self.line(1, format_args!("({error})")),
        };
        self.line(1, format_args!("substitutes {}", substitution.class));
        if let Some(condition) = &substitution.condition {
            self.line(1, format_args!("where {}", Shown(condition)));
        }
        for mapped in &substitution.attributes {
            let words = mapped.holder.iter().cloned().chain([Value::from(mapped.name.as_str())]);
            let words: Vec<String> = words.map(|word| word.to_string()).collect();
            self.line(1, format_args!("maps attribute {} ← {}", words.join(", "), Shown(&mapped.value)));
        }
        let target = |target: &MappedTarget| match &target.name {
            Some(name) => format!("{}.{name}", target.node),
            None => target.node.clone(),
        };
        for (name, mapped) in &substitution.capabilities {
            self.line(1, format_args!("maps capability {name} → {}", target(mapped)));
        }
        for mapped in &substitution.requirements {
            let count = match mapped.count {
                MappingCount::Unsaid => String::new(),
                MappingCount::Of(count) => format!(" {count}"),
                MappingCount::Unbounded => " UNBOUNDED".to_owned(),
            };
            let targets: Vec<String> = mapped.targets.iter().map(target).collect();
            self.line(1, format_args!("maps requirement {}{count} → {}", mapped.name, targets.join(", ")));
        }
        for (event, workflow) in &substitution.operations {
            self.line(1, format_args!("maps operation {event} → {workflow}"));
        }
    }

    /// Who may use a capability, where that is restricted.
    pub(crate) fn capability(&mut self, capability: &VertexTemplate) {
        let restrictions = [
            ("valid sources", names::VALID_SOURCES),
            ("valid relationships", names::VALID_RELATIONSHIPS),
            ("directives", names::REACH),
        ];
        for (words, key) in restrictions {
            let Some(list) = capability.metadata.get(key).and_then(Value::as_list) else { continue };
            let list: Vec<&str> = list.iter().filter_map(Value::as_text).collect();
            self.line(2, format_args!("{words} {}", list.join(", ")));
        }
    }

    /// What an edge that looks for its targets leads to.
    pub(crate) fn sought(&self, target: VertexTemplateId, selector: &Selector) -> String {
        let Some(class) = &selector.class else { return self.path(target) };
        let name = selector.name.as_ref().map(|name| format!("capability {name}: ")).unwrap_or_default();
        let node =
            selector.container_class.as_ref().map(|class| format!(" of a node {class}")).unwrap_or_default();
        format!("any {name}{class}{node}")
    }

    /// What it asks for besides.
    pub(crate) fn selector(&mut self, selector: &Selector) {
        let classes = |classes: &[ClassName]| {
            classes.iter().map(|class| class.0.as_str()).collect::<Vec<_>>().join(", ")
        };
        if selector.implicit {
            self.line(2, format_args!("not assigned"));
        }
        match &selector.count {
            Count::One => {}
            Count::All => self.line(2, format_args!("count all")),
            Count::Of(count) => self.line(2, format_args!("count {}", Shown(count))),
        }
        match selector.range {
            None => {}
            Some((min, None)) => self.line(2, format_args!("count range [{min}, UNBOUNDED]")),
            Some((min, Some(max))) => self.line(2, format_args!("count range [{min}, {max}]")),
        }
        if let Some(index) = &selector.index {
            self.line(2, format_args!("index {}", Shown(index)));
        }
        if let Some(valid) = &selector.valid_classes {
            self.line(2, format_args!("valid capabilities {}", classes(valid)));
        }
        if let Some(valid) = &selector.valid_container_classes {
            self.line(2, format_args!("valid nodes {}", classes(valid)));
        }
        for condition in &selector.conditions {
            self.line(2, format_args!("where {}", Shown(condition)));
        }
        for (name, amount) in &selector.allocation {
            self.line(2, format_args!("allocates {name} {}", Shown(amount)));
        }
        if selector.optional {
            self.line(2, format_args!("optional"));
        }
        let reach: Vec<&str> = selector.reach.iter().map(|reach| reach.word()).collect();
        if !reach.is_empty() {
            self.line(2, format_args!("directives {}", reach.join(", ")));
        }
    }
}
