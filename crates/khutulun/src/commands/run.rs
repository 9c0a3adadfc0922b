//! `khutulun run`: one operation on one node, planned and journalled like any other.

use khutulun_plan::{Basis, plan_run};

use crate::{
    cli::{ConductArguments, OnFailure, RunArguments},
    error::CliError,
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    inputs, instance,
    lock::ServiceLock,
    proposal::{plan_error, read_actual},
    selector::Selector,
    session::{Session, quoted},
};

pub(crate) fn run(arguments: &RunArguments, session: &Session) -> Result<Exit, CliError> {
    let given = inputs::gather(&arguments.input, &arguments.inputs)?;
    // What type an operation's input wants is not known here: YAML decides.
    let values = inputs::values(given, |_| false)?;
    Selector::check(std::slice::from_ref(&arguments.node))?;
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let selector = Selector::read(&arguments.node, &reader)?;
    let named = arguments.name.as_deref().or_else(|| selector.service());
    let service = session.service(&reader, named)?;
    drop(reader);
    let (state, store) = session.writer()?;
    let _lock = ServiceLock::take(&state, &service.0, "run")?;
    refuse_unfinished(session, &store, &service)?;
    let (graph, base) = read_actual(session, &store, &service)?;
    let nodes = instance::nodes(&graph);
    let selected: Vec<&str> = nodes
        .iter()
        .filter(|(_, node)| selector.selects(node, None))
        .map(|(name, _)| name.as_str())
        .collect();
    let node = match selected.as_slice() {
        [node] => *node,
        // The plan's own error lists the nodes that there are.
        [] => arguments.node.as_str(),
        several => {
            return Err(CliError::usage(
                "several nodes could be meant",
                format!("selected are {}", quoted(several)),
            )
            .place(format!("service `{service}`"))
            .next(format!("khutulun run {} {}", several[0], arguments.operation)));
        }
    };
    let basis = Basis::new(&service, base, &*session.functions);
    let plan = plan_run(&basis, &graph, node, &arguments.operation, &values)
        .map_err(|error| plan_error(session, &error))?;
    let conduct = ConductArguments { parallel: 1, on_failure: OnFailure::Stop };
    Execution::new(session, state, store, &conduct).run(&plan)
}
