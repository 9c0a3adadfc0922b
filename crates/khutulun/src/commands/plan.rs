//! `khutulun plan`: what `deploy` or `destroy` would do, and why.

use floria::Store;
use khutulun_plan::{Basis, plan_destroy};
use tosca_functions::ToscaFunctions;

use crate::{
    answer,
    cli::PlanArguments,
    error::CliError,
    exit::Exit,
    plan_view::PlanView,
    proposal::{Intention, Proposal, plan_error, read_actual},
    session::Session,
};

pub(crate) fn run(arguments: &PlanArguments, session: &Session) -> Result<Exit, CliError> {
    let intention = Intention::read(session, &arguments.design)?;
    let store = session.reader()?;
    let store = store.as_ref().map(|store| store as &dyn Store);
    let (plan, notes) = match (arguments.destroy, store) {
        (true, Some(store)) => {
            let (actual, base) = read_actual(session, store, &intention.namespace)?;
            let basis = Basis::new(&intention.namespace, base, &ToscaFunctions);
            let plan = plan_destroy(&basis, &actual).map_err(|error| plan_error(session, &error))?;
            (plan, Vec::new())
        }
        (true, None) => return Err(session.nothing_deployed()),
        (false, store) => {
            let Proposal { plan, notes } = intention.preview(session, store)?;
            (plan, notes)
        }
    };
    session.progress.settle();
    answer::give(&PlanView { plan: &plan, notes }, session.format)?;
    Ok(if plan.is_empty() { Exit::Success } else { Exit::Changes })
}
