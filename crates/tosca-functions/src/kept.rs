//! What functions keep from one call to the next: there is one such thing in an evaluator.

use crate::{coerce::Schemas, path::RelationshipTemplates};

/// All that is kept. None of it is more than what calls could find out again.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) schemas: Schemas,
    pub(crate) relationship_templates: RelationshipTemplates,
}
