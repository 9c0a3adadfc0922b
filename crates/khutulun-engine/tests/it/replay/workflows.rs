//! Workflows: ways that meet and part, ways for failures, outputs that go elsewhere, and what the whole puts out.

use floria::{Call, Expression, Site};
use khutulun_engine::outputs_of;
use khutulun_plan::{Action, Basis, OutputTarget, Step, StepAnswer, plan_run};

use super::*;

/// For each step the earlier ones whose success leads to it, and those whose failure does.
type Ways = Vec<(BTreeSet<u8>, BTreeSet<u8>)>;

fn read(node: &str, attribute: &str) -> Expression {
    let arguments = [node, attribute].map(|text| Expression::Literal(text.into())).to_vec();
    Expression::from(Call { function: "get".to_owned(), arguments, origin: None })
}

/// Each step runs an operation of a node of its own, whose output goes to the next node, too. Its end comes after it in the plan.
fn workflow(store: &MemoryStore, ways: &Ways) -> Plan {
    let (namespace, graph) = (namespace(), store.graph(&namespace()).unwrap());
    let basis = Basis::new(&namespace, store.namespace_revision(&namespace).unwrap(), &SketchFunctions);
    let node = |index: usize| format!("n{}", index % ways.len());
    let of = |index| plan_run(&basis, &graph, &node(index), "configure", &BTreeMap::new()).unwrap();
    let earlier = |picked: &BTreeSet<u8>, index: usize| -> Vec<u32> {
        picked
            .iter()
            .filter(|place| usize::from(**place) < index)
            .map(|place| u32::from(*place) * 2 + 1)
            .collect()
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut caught = BTreeSet::new();
    for (index, (after, otherwise)) in ways.iter().enumerate() {
        let next = of(index + 1).steps[0].subject.vertex;
        let target =
            OutputTarget { output: "pid".to_owned(), site: Site::Vertex(next), attribute: "told".to_owned() };
        let step = of(index).steps.remove(0);
        let otherwise = earlier(&(otherwise - after), index);
        caught.extend(otherwise.iter().copied());
        let step = Step { after: earlier(after, index), otherwise, outputs: vec![target], ..step };
        let end = Step {
            implementation: None,
            action: Action::Keep,
            after: vec![u32::try_from(steps.len()).unwrap()],
            otherwise: Vec::new(),
            gathers: true,
            outputs: Vec::new(),
            state: None,
            ..step.clone()
        };
        steps.extend([step, end]);
    }
    let ends = (0..u32::try_from(steps.len()).unwrap()).skip(1).step_by(2);
    let after = ends.filter(|end| !caught.contains(end)).collect();
    let values = (0..ways.len()).map(|index| (node(index), read(&node(index), "told"))).collect();
    let answer = Some(Box::new(StepAnswer { workflow: steps[0].subject.vertex, values }));
    steps.push(Step { after, answer, ..steps[1].clone() });
    Plan { goal: Goal::Workflow, steps, workflow: Some("walk".to_owned()), ..of(0) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_beginning_of_a_workflow_is_left_it_puts_out_the_same(
        ways in prop::collection::vec(
            (prop::collection::btree_set(0..6_u8, 0..3), prop::collection::btree_set(0..6_u8, 0..2)),
            1..7,
        ),
        broken in prop::collection::btree_set(0..6_u8, 0..3),
        shaky in prop::collection::btree_set(0..6_u8, 0..3),
        seed in any::<u64>(),
    ) {
        let keys = |picked: &BTreeSet<u8>| -> BTreeSet<String> {
            picked.iter().map(|node| format!("n{node}.lifecycle.configure")).collect()
        };
        let world = World::new(Memory::Good);
        let lines = (0..ways.len()).map(|index| format!("n{index} T @pid @told configure()>pid\n"));
        let plan = world.deploy_plan(&lines.collect::<String>());
        let mut first = Replay { store: world.store, seed, ..Replay::default() };
        let run = RunId(first.store.allocate(1).unwrap().start);
        let base = plan.base;
        let (machine, effects) = Run::begin(first.setup(run), plan, Graph::default(), base, Vec::new()).unwrap();
        first.drive(machine, effects);
        let deployed = first.commits.len();
        (first.broken, first.shaky) = (keys(&broken), keys(&shaky));

        let run = RunId(first.store.allocate(1).unwrap().start);
        let plan = workflow(&first.store, &ways);
        let present = Present::read(&*first.store, &namespace()).unwrap();
        let (machine, effects) =
            Run::begin(first.setup(run), plan, present.graph, present.revision, Vec::new()).unwrap();
        let report = first.drive(machine, effects);
        let (graph, outputs) = (first.graph(), outputs_of(&*first.store, run).unwrap());

        for count in deployed + 1..=first.commits.len() {
            let mut second = Replay {
                broken: first.broken.clone(),
                shaky: first.shaky.clone(),
                executed: first.commits[count - 1].1.clone(),
                seed: seed ^ count as u64,
                ..Replay::default()
            };
            for (batch, _) in &first.commits[..count] {
                second.store.commit(batch).unwrap();
            }
            let state = RunState::read(&*second.store, run).unwrap();
            if state.end.as_deref() != Some("succeeded") {
                let present = Present::read(&*second.store, &namespace()).unwrap();
                let how = TakeUp::GoOn(BTreeMap::new());
                let (machine, effects) =
                    Run::take_up(second.setup(run), state, present.graph, present.revision, how);
                let again = second.drive(machine, effects);
                prop_assert_eq!(again.result, report.result);
            }
            prop_assert_eq!(&second.graph(), &graph);
            prop_assert_eq!(&outputs_of(&*second.store, run).unwrap(), &outputs);
        }
    }
}
