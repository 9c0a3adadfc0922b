//! Where an artifact is (TOSCA 2.0, 10.2.1.4).

use floria::{Artifact, Call, Evaluated, EvaluationError, Evaluator, Site, Value};

use crate::{
    describe,
    graph_query::gather,
    marks::ARTIFACTS_MARK,
    path::{self, Place},
    reference,
};

const FUNCTION: &str = "$get_artifact";

/// `$get_artifact`: the location of an artifact, as `artifact://<digest>/<path>`.
///
/// Where the file lies when an operation runs is known to the machine that runs it, and not before: a value that is computed
/// here goes into plans and into the graph, which are the same on every machine. So the location is a URL that says *what* the
/// file is, by its SHA-256, and how it is called ([`Artifact::location`]). Whoever runs an operation puts the path of the file
/// in the place of each text in its inputs and its context that is such a URL as a whole. A URL inside of a longer text, as
/// `$concat` makes one, stays as it is.
pub(crate) fn get_artifact(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    let reference = match reference::follow(FUNCTION, call, site, evaluator)? {
        Ok(reference) => reference,
        Err(unknown) => return Ok(Evaluated::Unknown(unknown)),
    };
    if !reference.way.is_empty() {
        return Err(error("an artifact has no parts"));
    }
    let graph = evaluator.graph();
    let name = reference.name;
    gather(&reference, |place| {
        let words = || path::describe(graph, place);
        let Place::Node(id) = place else {
            return Err(error(&format!("the path must end at a node, not at {}", words())));
        };
        let node = graph.vertex(id).expect("a walk ends at what is in its graph");
        evaluator.depends_on(Site::Vertex(id), ARTIFACTS_MARK);
        let artifacts = node.metadata.get(ARTIFACTS_MARK);
        let file = artifacts.and_then(|artifacts| artifacts.get(name)).ok_or_else(|| {
            let there = artifacts.and_then(Value::as_map).into_iter().flatten();
            let there = describe::names(there.filter_map(|(name, _)| name.as_text()));
            error(&format!("{} has no file `{name}` as an artifact; there is {there}", words()))
        })?;
        let text = |key| file.get(key).and_then(Value::as_text);
        let (Some(digest), Some(path)) = (text("digest"), text("path")) else {
            return Err(error(&format!("the artifact `{name}` of {} has no file", words())));
        };
        let artifact = Artifact { path: path.to_owned(), digest: digest.to_owned() };
        Ok(Evaluated::Known(artifact.location().into()))
    })
}

fn error(message: &str) -> EvaluationError {
    EvaluationError::new(format!("`{FUNCTION}`: {message}"))
}
