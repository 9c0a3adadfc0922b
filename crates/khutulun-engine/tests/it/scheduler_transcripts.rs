//! The scheduler, as transcripts: one line for each input, with the effects that follow.

use std::{collections::BTreeMap, fmt::Write as _};

use khutulun_api::{Failure, FailureClass, Outcome, Recovery};
use khutulun_engine::{Conduct, Happened, Known, Order, Scheduler, StepFacts};

/// Reads steps: a name and, after a colon, those that it waits for (`-a`: where `a` fails); after the name `*` for one without
/// code, `!` for one that is tried three times, `?` for one with conditions, `+` for one that gathers.
fn steps(text: &str) -> (Vec<String>, Vec<StepFacts>) {
    let lines: Vec<(&str, &str)> =
        text.split(',').map(|line| line.trim().split_once(':').unwrap_or((line.trim(), ""))).collect();
    let names: Vec<String> =
        lines.iter().map(|(name, _)| name.trim_end_matches(['*', '!', '?', '+', '~']).to_owned()).collect();
    let place = |name: &str| names.iter().position(|known| known == name).expect(name) as u32;
    let facts = lines
        .iter()
        .map(|(name, after)| StepFacts {
            after: after.split_whitespace().filter(|name| !name.starts_with('-')).map(place).collect(),
            otherwise: after
                .split_whitespace()
                .filter_map(|name| name.strip_prefix('-'))
                .map(place)
                .collect(),
            gathers: name.ends_with('+'),
            decides: name.ends_with('?'),
            approval: false,
            early: name.ends_with('~'),
            runs_code: !name.ends_with(['*', '?', '+']),
            attempts_max: if name.ends_with('!') { 3 } else { 1 },
        })
        .collect();
    (names, facts)
}

fn failure(class: FailureClass) -> Outcome {
    Outcome::Failed(Failure { class, message: "no".to_owned(), detail: String::new() })
}

fn outcome(word: &str) -> Outcome {
    match word {
        "ok" => Outcome::Succeeded(BTreeMap::new()),
        "transient" => failure(FailureClass::Transient),
        "unknown" => failure(FailureClass::UnknownOutcome),
        _ => failure(FailureClass::Permanent),
    }
}

fn input(text: &str, names: &[String]) -> Happened {
    let words: Vec<&str> = text.split_whitespace().collect();
    let place = |name: &str| names.iter().position(|known| known == name).expect(name) as u32;
    match *words.as_slice() {
        ["begin"] => Happened::Begin,
        ["cancel"] => Happened::Cancel,
        ["recorded", step] => Happened::Recorded(place(step)),
        ["rested", step] => Happened::Rested(place(step)),
        ["decided", step, word] => Happened::Decided(place(step), Ok((word == "yes").then(BTreeMap::new))),
        ["finished", step, word] => Happened::Finished(place(step), outcome(word)),
        ["recovered", step, "never"] => Happened::Recovered(place(step), Recovery::NeverStarted),
        ["recovered", step, "repeatable"] => Happened::Recovered(place(step), Recovery::Repeatable),
        ["recovered", step, "doubt"] => Happened::Recovered(place(step), Recovery::Unknown("?".to_owned())),
        ["recovered", step, word] => Happened::Recovered(place(step), Recovery::Finished(outcome(word))),
        ["resume", ref known @ ..] => Happened::Resume(
            known
                .iter()
                .map(|word| match *word {
                    "ok" => Known::Succeeded,
                    "flying" => Known::InFlight { attempt: 1 },
                    "failed" => Known::Failed { attempt: 1 },
                    "caught" => Known::Caught,
                    "skipped" => Known::Skipped,
                    _ => Known::Untouched,
                })
                .collect(),
        ),
        ref other => panic!("{other:?}"),
    }
}

fn show(effect: &Order, names: &[String]) -> String {
    let name = |step: &u32| &names[*step as usize];
    match effect {
        Order::RecordIntent { step, attempt } => format!("intend {}#{attempt}", name(step)),
        Order::Execute { step, attempt } => format!("execute {}#{attempt}", name(step)),
        Order::Withdraw { step, attempt } => format!("withdraw {}#{attempt}", name(step)),
        Order::Recover { step, attempt } => format!("recover {}#{attempt}", name(step)),
        Order::Decide { step } => format!("decide {}", name(step)),
        Order::Approve { step } => format!("approve {}", name(step)),
        Order::Skip { step, decided } => {
            format!("skip {}{}", name(step), if *decided { " durably" } else { "" })
        }
        Order::RecordOutcome { step, attempt, outcome, touched, caught } => {
            let word = match outcome {
                Outcome::Succeeded(_) => "ok".to_owned(),
                Outcome::Failed(failure) => format!("{:?}", failure.class),
            };
            let touched = if *touched { "" } else { " untouched" };
            let caught = if *caught { " caught" } else { "" };
            format!("record {}#{attempt} {word}{touched}{caught}", name(step))
        }
        Order::Rest { step, failures } => format!("rest {} {failures}", name(step)),
        Order::Conclude => "conclude".to_owned(),
        Order::Done(result) => result.word().to_owned(),
    }
}

#[track_caller]
fn check_with(conduct: Conduct, design: &str, transcript: &str) {
    let (names, facts) = steps(design);
    let mut core = Scheduler::new(facts, conduct);
    let lines: Vec<&str> = transcript.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut found = String::new();
    for line in &lines {
        let event = line.split("=>").next().unwrap_or_default().trim();
        let effects: Vec<String> =
            core.handle(input(event, &names)).iter().map(|effect| show(effect, &names)).collect();
        let _ = writeln!(found, "{}", format!("{event} => {}", effects.join("; ")).trim());
    }
    assert_eq!(found.lines().collect::<Vec<_>>(), lines, "\n{found}");
}

#[track_caller]
fn check(design: &str, transcript: &str) {
    check_with(Conduct { parallel_max: 8, keep_going: false }, design, transcript);
}

#[test]
fn an_effect_follows_its_durable_intent_and_dependents_follow_outcomes() {
    check(
        "a, b: a, c",
        "
        begin => intend a#1; intend c#1
        recorded a => execute a#1
        finished a ok => record a#1 ok; intend b#1
        recorded c => execute c#1
        recorded b => execute b#1
        finished b ok => record b#1 ok
        finished c ok => record c#1 ok; conclude; succeeded",
    );
}

#[test]
fn an_empty_plan_is_done_at_once() {
    let mut core = Scheduler::new(vec![], Conduct { parallel_max: 1, keep_going: false });
    let effects = core.handle(Happened::Begin);
    assert_eq!(effects.len(), 2);
    assert_eq!(effects[0], Order::Conclude);
}

#[test]
fn no_more_run_at_a_time_than_may() {
    check_with(
        Conduct { parallel_max: 2, keep_going: false },
        "a, b, c, d",
        "
        begin => intend a#1; intend b#1
        recorded a => execute a#1
        finished a ok => record a#1 ok; intend c#1
        recorded b => execute b#1
        finished b ok => record b#1 ok; intend d#1
        recorded c => execute c#1
        recorded d => execute d#1
        finished d ok => record d#1 ok
        finished c ok => record c#1 ok; conclude; succeeded",
    );
}

#[test]
fn steps_without_code_need_no_intent_and_no_place() {
    check_with(
        Conduct { parallel_max: 1, keep_going: false },
        "a, b*, c*: a b, d: c",
        "
        begin => record b#1 ok untouched; intend a#1
        recorded a => execute a#1
        finished a ok => record a#1 ok; record c#1 ok untouched; intend d#1
        recorded d => execute d#1
        finished d ok => record d#1 ok; conclude; succeeded",
    );
}

#[test]
fn after_a_failure_nothing_new_starts_and_what_runs_ends() {
    check(
        "a, b, c: a, d: b",
        "
        begin => intend a#1; intend b#1
        recorded a => execute a#1
        recorded b => execute b#1
        finished a no => record a#1 Permanent
        finished b ok => record b#1 ok; failed",
    );
}

#[test]
fn a_run_that_keeps_going_leaves_out_only_what_depends_on_the_failure() {
    check_with(
        Conduct { parallel_max: 8, keep_going: true },
        "a, b, c: a, d: b",
        "
        begin => intend a#1; intend b#1
        recorded a => execute a#1
        recorded b => execute b#1
        finished a no => record a#1 Permanent
        finished b ok => record b#1 ok; intend d#1
        recorded d => execute d#1
        finished d ok => record d#1 ok; failed",
    );
}

#[test]
fn transient_failures_are_tried_again_a_bounded_number_of_times() {
    check(
        "a!, b: a",
        "
        begin => intend a#1
        recorded a => execute a#1
        finished a transient => record a#1 Transient; rest a 1
        rested a => intend a#2
        recorded a => execute a#2
        finished a transient => record a#2 Transient; rest a 2
        rested a => intend a#3
        recorded a => execute a#3
        finished a transient => record a#3 Transient; failed",
    );
}

#[test]
fn a_failure_elsewhere_ends_a_rest() {
    check(
        "a!, b",
        "
        begin => intend a#1; intend b#1
        recorded a => execute a#1
        recorded b => execute b#1
        finished a transient => record a#1 Transient; rest a 1
        finished b no => record b#1 Permanent; failed
        rested a =>",
    );
}

#[test]
fn a_cancelled_run_finishes_what_runs_and_takes_back_what_does_not() {
    check(
        "a, b: a, c",
        "
        begin => intend a#1; intend c#1
        recorded a => execute a#1
        cancel =>
        finished a ok => record a#1 ok
        recorded c => withdraw c#1; cancelled
        finished c ok =>",
    );
}

#[test]
fn intents_are_made_ahead_of_places() {
    let conduct = Conduct { parallel_max: 1, keep_going: false };
    check_with(
        conduct,
        "a~, b~, c: b, d~, e~: a",
        "
        begin => intend a#1; intend b#1; intend d#1
        recorded a => execute a#1
        recorded b =>
        recorded d =>
        finished a ok => record a#1 ok; execute b#1; intend e#1
        recorded e =>
        finished b ok => record b#1 ok; execute d#1
        finished d ok => record d#1 ok; execute e#1
        finished e ok => record e#1 ok; intend c#1
        recorded c => execute c#1
        finished c ok => record c#1 ok; conclude; succeeded",
    );
    check_with(
        conduct,
        "a~, b~, c~",
        "
        begin => intend a#1; intend b#1; intend c#1
        recorded a => execute a#1
        recorded b =>
        finished a no => record a#1 Permanent; withdraw b#1
        recorded c => withdraw c#1; failed",
    );
}

#[test]
fn what_was_interrupted_takes_no_more_places_than_there_are() {
    check_with(
        Conduct { parallel_max: 1, keep_going: false },
        "a~, b~, c~",
        "
        resume flying flying untouched => recover a#1; recover b#1
        recovered a never =>
        recovered b repeatable => execute a#1
        finished a ok => record a#1 ok; execute b#1; intend c#1
        recorded c =>
        finished b ok => record b#1 ok; execute c#1
        finished c ok => record c#1 ok; conclude; succeeded",
    );
}

#[test]
fn an_input_without_a_value_is_a_failure_before_the_intent() {
    check(
        "a, b: a",
        "
        begin => intend a#1
        finished a no => record a#1 Permanent untouched; failed",
    );
}

#[test]
fn a_resumed_run_settles_what_is_in_flight_before_anything_starts() {
    check(
        "a, b, c: a, d: b, e",
        "
        resume flying flying new new failed => recover a#1; recover b#1
        recovered a ok => record a#1 ok
        recovered b repeatable => execute b#1; intend c#1; intend e#2
        recorded e => execute e#2
        finished b ok => record b#1 ok; intend d#1
        finished e ok => record e#2 ok
        recorded c => execute c#1
        recorded d => execute d#1
        finished c ok => record c#1 ok
        finished d ok => record d#1 ok; conclude; succeeded",
    );
}

#[test]
fn what_nobody_can_tell_needs_an_operator_and_nothing_else_starts() {
    check(
        "a, b, c",
        "
        resume flying flying new => recover a#1; recover b#1
        recovered b never =>
        recovered a doubt => needs-operator",
    );
}

#[test]
fn a_run_that_fails_while_it_is_taken_up_leaves_nothing_in_flight() {
    check(
        "a, b",
        "
        resume flying flying => recover a#1; recover b#1
        recovered a repeatable =>
        recovered b no => record b#1 Permanent; record a#1 UnknownOutcome; failed",
    );
}

#[test]
fn echoes_change_nothing() {
    check(
        "a, b: a",
        "
        begin => intend a#1
        recorded b =>
        finished b ok =>
        recovered a ok =>
        recorded a => execute a#1
        recorded a =>
        finished a ok => record a#1 ok; intend b#1
        finished a ok =>",
    );
}

/// What a workflow becomes: a step of the operations `a` and `b`, whose end leads to `two` or to `rescue`, and these to `last`.
const BRANCHES: &str = "one*: , a: one, b: a, end+: one a b, two: end, rescue: -end, last: two rescue";

#[test]
fn where_all_goes_well_what_is_there_for_failures_is_not_run() {
    check(
        BRANCHES,
        "
        begin => record one#1 ok untouched; intend a#1
        recorded a => execute a#1
        finished a ok => record a#1 ok; intend b#1
        recorded b => execute b#1
        finished b ok => record b#1 ok; record end#1 ok untouched; skip rescue; intend two#1
        recorded two => execute two#1
        finished two ok => record two#1 ok; intend last#1
        recorded last => execute last#1
        finished last ok => record last#1 ok; conclude; succeeded",
    );
}

#[test]
fn a_failure_leads_to_what_is_there_for_it_and_the_run_goes_on() {
    check(
        BRANCHES,
        "
        begin => record one#1 ok untouched; intend a#1
        recorded a => execute a#1
        finished a no => record a#1 Permanent caught; skip b; skip two; intend rescue#1
        recorded rescue => execute rescue#1
        finished rescue ok => record rescue#1 ok; intend last#1
        recorded last => execute last#1
        finished last ok => record last#1 ok; conclude; succeeded",
    );
}

#[test]
fn a_failure_of_what_is_there_for_failures_is_one_and_only_that_is_tried_again() {
    check(
        BRANCHES,
        "
        begin => record one#1 ok untouched; intend a#1
        recorded a => execute a#1
        finished a no => record a#1 Permanent caught; skip b; skip two; intend rescue#1
        recorded rescue => execute rescue#1
        finished rescue no => record rescue#1 Permanent; failed",
    );
    check(
        BRANCHES,
        "
        resume ok caught - - - failed - => skip b; skip two; intend rescue#2
        recorded rescue => execute rescue#2
        finished rescue ok => record rescue#2 ok; intend last#1
        recorded last => execute last#1
        finished last ok => record last#1 ok; conclude; succeeded",
    );
}

#[test]
fn a_way_that_was_taken_is_gone_on_with_after_a_crash() {
    check(
        BRANCHES,
        "
        resume ok caught - - - flying - => recover rescue#1; skip b; skip two
        recovered rescue ok => record rescue#1 ok; intend last#1
        recorded last => execute last#1
        finished last ok => record last#1 ok; conclude; succeeded",
    );
}

#[test]
fn what_is_not_known_to_have_failed_or_was_stopped_takes_no_other_way() {
    check(
        BRANCHES,
        "
        begin => record one#1 ok untouched; intend a#1
        recorded a => execute a#1
        finished a unknown => record a#1 UnknownOutcome; failed",
    );
    check(
        BRANCHES,
        "
        begin => record one#1 ok untouched; intend a#1
        recorded a => execute a#1
        cancel =>
        finished a no => record a#1 Permanent; failed",
    );
    // Its attempts are not used up, so it is tried again first.
    check(
        "a!, end+: a, rescue: -end",
        "
        begin => intend a#1
        recorded a => execute a#1
        finished a transient => record a#1 Transient; rest a 1",
    );
}

#[test]
fn what_has_conditions_that_do_not_hold_is_not_run_and_stands_in_nobodys_way() {
    let design = "one*: , only?: one, a: only, end+: one only a, two: end";
    check(
        design,
        "
        begin => record one#1 ok untouched; decide only
        decided only no => skip only durably; skip a; record end#1 ok untouched; intend two#1
        recorded two => execute two#1
        finished two ok => record two#1 ok; conclude; succeeded",
    );
    check(
        design,
        "
        begin => record one#1 ok untouched; decide only
        decided only yes => record only#1 ok untouched; intend a#1",
    );
    check(
        design,
        "
        resume ok skipped - - - => skip a; record end#1 ok untouched; intend two#1",
    );
}
