//! Why requirements lead where they lead, as data.

use floria::Origin;
use floria_resolver::{
    Explanation,
    explain::{Considered, Requirement, Verdict},
};
use serde_json::{Value as Json, json};

/// An explanation as data.
pub(crate) fn document(explanation: &Explanation) -> Json {
    let mut document = requirement(&explanation.requirement);
    document["asked"] = explanation.asked.iter().map(ToString::to_string).collect();
    document["candidates"] = explanation.candidates.iter().map(candidate).collect();
    document["left_out"] = explanation
        .left_out
        .iter()
        .map(|left_out| json!({ "count": left_out.count, "why": left_out.reason, "where": place(&left_out.origin) }))
        .collect();
    document
}

fn requirement(requirement: &Requirement) -> Json {
    json!({
        "node": requirement.path,
        "requirement": requirement.name,
        "wanted": requirement.wanted,
        "made": requirement.made,
        "optional": requirement.is_optional,
        "implicit": requirement.is_implicit,
        "where": place(&requirement.origin),
    })
}

fn candidate(candidate: &Considered) -> Json {
    let mut document = json!({ "candidate": candidate.path });
    match &candidate.verdict {
        Verdict::Chosen { index } => {
            document["verdict"] = "chosen".into();
            document["index"] = (*index).into();
        }
        Verdict::Fits => document["verdict"] = "fits".into(),
        Verdict::Waits(waits) => {
            document["verdict"] = "waits".into();
            document["waits_for"] = waits.clone().into();
        }
        Verdict::Dropped { reason, origin } => {
            document["verdict"] = "dropped".into();
            document["why"] = reason.to_string().into();
            document["where"] = place(origin).into();
        }
    }
    document
}

fn place(origin: &Option<Origin>) -> Option<String> {
    origin.as_ref().map(ToString::to_string)
}
