//! What a plugin is: a manifest, and a function for each operation.

use crate::{
    Error, Fields, Manifest, Value,
    bindings::{exports::khutulun::plugin::operations as exported, khutulun::plugin::values::Value as Flat},
    flat,
};

/// What an operation answers: a map of outputs, or why not.
pub type Answer = Result<Value, Failure>;

/// Handles operations. The instance is new in every call, so nothing is kept between calls: what lasts is outside.
///
/// An operation may be run again after a crash with the same [`Request::operation`], and must then do no harm; a plugin whose
/// operations cannot promise that leaves [`Manifest::repeatable`] unsaid.
pub trait Plugin {
    /// What the plugin is and what it asks for. Called with an empty grant.
    fn manifest() -> Manifest;

    /// Makes what the node needs before it can be configured. By default nothing.
    fn create(_request: &Request) -> Answer {
        Ok(Value::Map(Vec::new()))
    }

    /// Makes the node what its properties say. By default nothing.
    fn configure(_request: &Request) -> Answer {
        Ok(Value::Map(Vec::new()))
    }

    /// Starts it.
    fn start(request: &Request) -> Answer {
        Err(unsupported(request))
    }

    /// Stops it. Must succeed when it does not run.
    fn stop(request: &Request) -> Answer {
        Err(unsupported(request))
    }

    /// Removes all that the other operations made. Must succeed when there is nothing.
    fn delete(request: &Request) -> Answer {
        Err(unsupported(request))
    }

    /// Looks at reality and changes nothing. The output `state` is `running`, `stopped`, `failed` or `absent`.
    fn observe(request: &Request) -> Answer {
        Err(unsupported(request))
    }

    /// Says where the node's output can be read. The output `source` is a map: either `file`, a list of paths, or `program`
    /// with `arguments` and `follow-arguments`.
    fn logs(request: &Request) -> Answer {
        Err(unsupported(request))
    }

    /// Does an operation that is none of the lifecycle's, by its event, such as `social.greet`.
    fn operation(_event: &str, request: &Request) -> Answer {
        Err(unsupported(request))
    }
}

/// One operation to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The id of the operation: an effect that carries it happens at most once.
    pub operation: String,
    /// The event, such as `lifecycle.start`.
    pub event: String,
    /// The service.
    pub service: String,
    /// The node.
    pub node: String,
    /// The id of the node in the graph, for labels.
    pub vertex: u64,
    /// A map of inputs.
    pub inputs: Value,
    /// What the graph says about the node: a map with `properties`, `attributes`, `capabilities`, `requirements` and
    /// `artifacts`.
    pub context: Value,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
}

impl Request {
    /// Returns the inputs.
    pub fn inputs(&self) -> Fields<'_> {
        Fields::new("input", Some(&self.inputs))
    }

    /// Returns the properties of the node.
    pub fn properties(&self) -> Fields<'_> {
        Fields::new("property", self.context.get("properties"))
    }

    /// Returns the attributes of the node, as last recorded.
    pub fn attributes(&self) -> Fields<'_> {
        Fields::new("attribute", self.context.get("attributes"))
    }

    /// Returns the digest of an artifact of the node, if there is one of that name.
    pub fn artifact_digest(&self, name: &str) -> Option<&str> {
        self.context.get("artifacts")?.get(name)?.get("digest")?.as_text().filter(|digest| !digest.is_empty())
    }
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// May go away by itself.
    Transient,
    /// Will not go away by itself.
    Permanent,
    /// Needs an operator's answer.
    NeedsOperator,
    /// Nobody can tell whether the effect happened.
    UnknownOutcome,
    /// It asked for what was not granted.
    Denied,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure, which decides what happens next.
    pub class: FailureClass,
    /// What and why, in a sentence for a person, without a period.
    pub message: String,
    /// More, such as what a program wrote; may be empty.
    pub detail: String,
}

impl Failure {
    /// Makes a failure that trying again will not mend.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { class: FailureClass::Permanent, message: message.into(), detail: String::new() }
    }

    /// Makes a failure that may go away by itself.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { class: FailureClass::Transient, message: message.into(), detail: String::new() }
    }

    /// Adds detail.
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

/// Takes the host's word, and its class from what kind of error it is.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (class, message) = match error {
            Error::Denied(message) => (FailureClass::Denied, message),
            Error::TimedOut(message) => (FailureClass::Transient, message),
            Error::NotFound(message)
            | Error::TooLarge(message)
            | Error::Refused(message)
            | Error::System(message) => (FailureClass::Permanent, message),
        };
        Self { class, message, detail: String::new() }
    }
}

/// Returns the failure that says that a plugin does not do an operation.
pub fn unsupported(request: &Request) -> Failure {
    Failure::permanent(format!("operation `{}` is not supported by this plugin", request.event))
}

/// Does what an export asks for.
pub fn invoke<P: Plugin>(request: exported::Request) -> Result<Flat, exported::Failure> {
    let unpacked = |what: &str, value: &Flat| {
        flat::unpack(value)
            .map_err(|error| Failure::permanent(format!("failed to read the {what} of the request: {error}")))
    };
    let answer = (|| {
        let request = Request {
            inputs: unpacked("inputs", &request.inputs)?,
            context: unpacked("context", &request.context)?,
            operation: request.operation,
            event: request.event,
            service: request.service,
            node: request.node,
            vertex: request.vertex,
            timeout_ms: request.timeout_ms,
        };
        dispatch::<P>(&request)
    })();
    answer.map(|outputs| flat::pack(&outputs)).map_err(|failure| exported::Failure {
        class: match failure.class {
            FailureClass::Transient => exported::FailureClass::Transient,
            FailureClass::Permanent => exported::FailureClass::Permanent,
            FailureClass::NeedsOperator => exported::FailureClass::NeedsOperator,
            FailureClass::UnknownOutcome => exported::FailureClass::UnknownOutcome,
            FailureClass::Denied => exported::FailureClass::Denied,
        },
        message: failure.message,
        detail: failure.detail,
    })
}

pub(crate) fn dispatch<P: Plugin>(request: &Request) -> Answer {
    match request.event.as_str() {
        "lifecycle.create" => P::create(request),
        "lifecycle.configure" => P::configure(request),
        "lifecycle.start" => P::start(request),
        "lifecycle.stop" => P::stop(request),
        "lifecycle.delete" => P::delete(request),
        "lifecycle.observe" => P::observe(request),
        "lifecycle.logs" => P::logs(request),
        event => P::operation(event, request),
    }
}
