//! What an instance that is made anew keeps of the one that is there.

use floria::{ENGINE_METADATA_PREFIX, Metadata, Properties, rules};

/// The metadata that the resolver writes itself, and the design: what is there of it is of an earlier resolution.
const OURS: [&str; 7] = [
    rules::INDEX,
    rules::WAITING,
    rules::ALLOCATION,
    rules::SELECTED,
    rules::ALLOCATED,
    rules::PROTECTED,
    rules::CHANGE,
];

/// Carries over what the present instance knows and the design cannot.
pub(crate) fn keep(
    properties: &mut Properties,
    metadata: &mut Metadata,
    present_properties: &Properties,
    present_metadata: &Metadata,
) {
    for (name, property) in properties {
        let Some(present) = present_properties.get(name) else { continue };
        // What was computed last stays until it is computed again: the updater decides what it is.
        let is_computed = property.updater.is_some() && present.updater.is_some();
        if is_computed || (!property.read_only && present.value.is_some()) {
            property.value.clone_from(&present.value);
            property.reads.clone_from(&present.reads);
        }
    }
    for (key, value) in present_metadata {
        let is_engines = key.starts_with(ENGINE_METADATA_PREFIX) && !OURS.contains(&key.as_str());
        if is_engines && !metadata.contains_key(key) {
            metadata.insert(key.clone(), value.clone());
        }
    }
}
