//! What somebody says who means no good, or did not read on: it is refused in words, and nobody else feels it.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
};

use crate::{
    agent::Agent,
    sandbox::{Sandbox, poll},
};

const SERVICE: &str = "
tosca_definitions_version: tosca_2_0
imports: [ { profile: 'khutulun.process:0.1' } ]
service_template:
  inputs: { mark: { type: string } }
  node_templates:
    web:
      type: Process
      properties: { command: [ sleep, '100000' ], environment: { ROLE: web, MARK: { $get_input: mark } } }
  workflows:
    never:
      precondition: { $equal: [ { $get_attribute: [ web, pid ] }, 1 ] }
      steps: { only: { target: web, activities: [ call_operation: lifecycle.observe ] } }
    circle:
      steps:
        first: { target: web, activities: [ call_operation: lifecycle.observe ], on_success: [ one ] }
        one: { target: web, activities: [ call_operation: lifecycle.observe ], on_success: [ other ] }
        other: { target: web, activities: [ call_operation: lifecycle.observe ], on_success: [ one ] }
    itself:
      steps: { only: { target: web, activities: [ inline: itself ] } }
";

#[test]
fn what_can_never_proceed_or_is_not_there_is_said_at_once() {
    let sandbox = Sandbox::new();
    let design = sandbox.write("shop/service.yaml", SERVICE);
    sandbox.deploy(&design, &[]).expect(0);
    for (arguments, code, why) in [
        (&["run", "never", "--yes"][..], 1, "its precondition does not hold"),
        (&["run", "circle", "--yes"], 3, "one → other → one"),
        (&["run", "itself", "--yes"], 3, "itself → itself"),
        (&["cancel"], 64, "all runs have ended"),
        (&["cancel", "99999"], 64, "there is no run 99999"),
        (&["resume", "99999"], 64, "there is no run 99999"),
        (&["restart", "nobody", "--yes"], 64, "`web`"),
        (&["refresh", "state:"], 64, "column"),
        (&["rollback", "999", "--yes"], 64, "there is only revision 1"),
        (&["deploy", "shop", "--name", ".leases", "--yes"], 64, "letter or a digit"),
        (&["deploy", "shop", "--name", "../shop", "--yes"], 64, "letter or a digit"),
        (&["events", "emit", "no space here"], 64, "name of an event"),
    ] {
        let ended = sandbox.run(arguments).expect(code);
        ended.five_parts();
        assert!(ended.stderr.contains(why), "{arguments:?}\n{}", ended.stderr);
    }
    assert_eq!(sandbox.roles(), ["web"]);
}

#[test]
fn noise_at_the_agents_socket_is_refused_and_the_agent_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.deploy(&sandbox.write("shop/service.yaml", SERVICE), &[]).expect(0);
    let agent = Agent::start(&sandbox);
    let socket = sandbox.state().join("agent.sock");
    let noises = [Vec::new(), b"hello\n".to_vec(), vec![0; 100_000], vec![b'{'; 1_000_000]];
    for noise in noises {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // The agent may hang up before it has read all of it; it does so, or answers.
        let _ = stream.write_all(&noise);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let held: Vec<UnixStream> = (0..200).map_while(|_| UnixStream::connect(&socket).ok()).collect();
    drop(held);
    // More than it serves at once are turned away, until it has noticed that those have gone.
    poll("it answers", || (sandbox.run(&["agent", "status"]).code == 0).then_some(()));
    agent.end();
}
