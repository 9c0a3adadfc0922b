//! `kill -9` of the real binary, again and again, in the life of one service: deployed, changed, scaled, taken back and destroyed. After
//! each command that was let end the machine is what the command said, and after the last it is as it was before the first.
//!
//! In the ordinary mode a few dozen kills; 300 with `KHUTULUN_LONG=1`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    crash::{Random, SEED, check_nothing_left, kill_at, resume, seed, start},
    sandbox::{Sandbox, finish, variable_of},
};

/// How many commands are killed: those that were still there.
const KILLS: usize = 16;
const KILLS_LONG: usize = 300;

/// How many kills a service lives through before it is destroyed for good.
const KILLS_EACH: usize = 10;

/// How many lines of progress a command has, at most; and how long after a line the moment may be, in microseconds.
const LINES: u64 = 22;
const MORE_MICROSECONDS: u64 = 15_000;

/// What the service is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Intent {
    greeting: &'static str,
    workers: u64,
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Deploy(Intent),
    /// Another greeting.
    Update(&'static str),
    /// Another number of workers.
    Scale(u64),
    /// What was intended at this revision.
    Rollback(u64),
    Restart,
    Destroy,
}

struct World {
    sandbox: Sandbox,
    random: Random,
    kills: usize,
    /// What was intended at each revision. No entry: nobody has looked yet.
    revisions: BTreeMap<u64, Intent>,
    /// What has happened, for whoever has to find out why it failed.
    story: String,
    /// The files outside of the state directory, before anything happened.
    before: BTreeSet<PathBuf>,
}

impl World {
    fn new(seed: u64) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("crowd/service.yaml", include_str!("designs/crowd.yaml"));
        sandbox.write("crowd/scripts/ground.sh", include_str!("designs/ground.sh"));
        sandbox.write("crowd/scripts/register.sh", include_str!("designs/register.sh"));
        sandbox.write("scripts.log", "");
        for folder in ["made", "list"] {
            fs::create_dir_all(sandbox.path(folder)).unwrap();
        }
        let before = outside(&sandbox);
        let story = format!("{SEED}={seed}");
        Self { sandbox, random: Random(seed), kills: 0, revisions: BTreeMap::new(), story, before }
    }

    fn note(&mut self, what: &str) {
        self.story += &format!("\n    {what}");
    }

    /// Returns a command that makes sense now.
    fn command(&mut self) -> Command {
        let greeting = ["hello", "welcome", "farewell"][self.random.below(3) as usize];
        let workers = self.random.below(4);
        let deploy = Command::Deploy(Intent { greeting, workers });
        if self.sandbox.roles().is_empty() {
            // What is not there, or not all there, can only be made whole.
            return deploy;
        }
        match self.random.below(10) {
            0 | 1 => Command::Update(greeting),
            2 => Command::Scale(workers),
            3 | 4 => {
                let known: Vec<u64> = self.revisions.keys().copied().collect();
                let place = self.random.below(known.len().max(1) as u64) as usize;
                known.get(place).map_or(deploy, |revision| Command::Rollback(*revision))
            }
            5 => Command::Restart,
            6 | 7 => Command::Destroy,
            _ => deploy,
        }
    }

    /// What the service is to be after a command. None: gone.
    fn intent(&self, command: Command) -> Option<Intent> {
        let last = || *self.revisions.last_key_value().expect("something was deployed").1;
        match command {
            Command::Deploy(intent) => Some(intent),
            Command::Update(greeting) => Some(Intent { greeting, ..last() }),
            Command::Scale(workers) => Some(Intent { workers, ..last() }),
            Command::Rollback(revision) => Some(self.revisions[&revision]),
            Command::Restart => Some(last()),
            Command::Destroy => None,
        }
    }

    fn inputs(&self, Intent { greeting, workers }: Intent) -> Vec<String> {
        let inputs =
            [self.sandbox.mark_input(), format!("greeting={greeting}"), format!("workers={workers}")];
        inputs.into_iter().flat_map(|input| ["-i".to_owned(), input]).collect()
    }

    fn arguments(&self, command: Command) -> Vec<String> {
        let mut words: Vec<String> = match command {
            Command::Deploy(intent) => {
                ["deploy", "crowd"].map(str::to_owned).into_iter().chain(self.inputs(intent)).collect()
            }
            Command::Update(greeting) => vec!["update".into(), "-i".into(), format!("greeting={greeting}")],
            Command::Scale(workers) => vec!["scale".into(), format!("worker={workers}")],
            Command::Rollback(revision) => vec!["rollback".into(), revision.to_string()],
            Command::Restart => vec!["restart".into(), "store".into()],
            Command::Destroy => vec!["destroy".into(), "crowd".into()],
        };
        let parallel = if self.kills.is_multiple_of(2) { "8" } else { "1" };
        words.extend(["--yes", "--parallel", parallel].map(str::to_owned));
        words
    }

    /// Takes in the revisions that a command made.
    fn look_at_history(&mut self, intent: Option<Intent>) {
        let Some(intent) = intent else { return };
        let history = self.sandbox.run(&["history", "crowd", "-o", "json"]);
        if history.code != 0 {
            // Nothing was ever recorded.
            return;
        }
        for entry in history.json()["entries"].as_array().unwrap() {
            if let Some(revision) = entry["revision"].as_u64() {
                self.revisions.entry(revision).or_insert(intent);
            }
        }
    }

    fn kill(&mut self, arguments: &[String]) {
        let (lines, more) =
            (self.random.below(LINES), Duration::from_micros(self.random.below(MORE_MICROSECONDS)));
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let was_there = kill_at(start(&self.sandbox, &words), lines, more);
        self.kills += usize::from(was_there);
        let what = if was_there { "killed" } else { "too late" };
        self.note(&format!("{} after {lines} lines and {more:?}: {what}", arguments.join(" ")));
        self.check_once();
    }

    /// Kills a command, and perhaps its resumptions. Then, where `is_ended`, it is resumed to its end.
    fn kill_all(&mut self, command: Command, is_ended: bool) {
        let (arguments, intent) = (self.arguments(command), self.intent(command));
        self.kill(&arguments);
        while self.random.below(3) == 0 {
            self.kill(&["resume".to_owned()]);
        }
        self.look_at_history(intent);
        if is_ended {
            self.note("resume");
            let story = self.story.clone();
            resume(&self.sandbox, &story);
            self.check_once();
        }
    }

    /// Lets a command end and checks that the machine is what it said.
    fn finish(&mut self, command: Command) {
        let (arguments, intent) = (self.arguments(command), self.intent(command));
        self.note(&arguments.join(" "));
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = self.sandbox.run(&words);
        assert_eq!(ended.code, 0, "{}\n{}\n{}", self.story, ended.stdout, ended.stderr);
        self.look_at_history(intent);
        self.check(intent);
    }

    /// What holds at any moment: nothing is there twice, and no script was run twice or at the same time as another of its node.
    #[track_caller]
    fn check_once(&self) {
        let roles = self.sandbox.roles();
        let each: BTreeSet<&String> = roles.iter().collect();
        assert_eq!(roles.len(), each.len(), "{}\n{roles:?}", self.story);
        self.check_scripts();
    }

    /// Each node's scripts ran one after the other, and it was made and removed in turns. Returns the nodes that are there.
    #[track_caller]
    fn check_scripts(&self) -> BTreeSet<String> {
        let log = fs::read_to_string(self.sandbox.path("scripts.log")).unwrap();
        let mut at_work: BTreeMap<&str, &str> = BTreeMap::new();
        let mut made = BTreeSet::new();
        for line in log.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let &[what, node, operation] = words.as_slice() else { panic!("{}\n{log}", self.story) };
            let is_right = match (what, operation) {
                ("begin", _) => at_work.insert(node, operation).is_none(),
                ("end", "create") => at_work.remove(node) == Some(operation) && made.insert(node.to_owned()),
                ("end", "delete") => at_work.remove(node) == Some(operation) && made.remove(node),
                _ => at_work.remove(node) == Some(operation),
            };
            assert!(is_right, "`{line}` is not in turn\n{}\n{log}", self.story);
        }
        made
    }

    #[track_caller]
    fn check(&self, intent: Option<Intent>) {
        self.check_once();
        let (sandbox, story) = (&self.sandbox, &self.story);
        let processes = sandbox.processes();
        let wanted: Vec<String> = match intent {
            None => Vec::new(),
            Some(Intent { workers, .. }) => {
                let workers = (0..workers).map(|index| format!("worker-{index}"));
                std::iter::once("store".to_owned()).chain(workers).collect()
            }
        };
        let roles: Vec<String> = processes.iter().map(|(role, _)| role.clone()).collect();
        assert_eq!(roles, wanted, "{story}");
        let made: Vec<String> = self.check_scripts().into_iter().collect();
        let there = if intent.is_some() { vec!["ground", "roof"] } else { Vec::new() };
        assert_eq!(made, there, "{story}");
        assert_eq!(names_in(&sandbox.path("made")), there, "{story}");
        let workers: Vec<&String> = roles.iter().filter(|role| *role != "store").collect();
        assert_eq!(names_in(&sandbox.path("list")).iter().collect::<Vec<_>>(), workers, "{story}");
        if sandbox.state().join("khutulun.db").exists() {
            sandbox.run(&["store", "verify"]).expect(0);
        }
        let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
        let Some(intent) = intent else {
            assert_eq!(status["services"].as_array().map(Vec::len), Some(0), "{story}\n{status:#}");
            return;
        };
        // What is recorded is what runs, and it runs with what was asked for.
        let recorded: BTreeMap<&str, u64> = status["services"][0]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|node| Some((node["node"].as_str()?, node["observed"]["pid"].as_u64()?)))
            .collect();
        for (role, pid) in &processes {
            assert_eq!(recorded.get(role.as_str()), Some(&u64::from(*pid)), "{story}\n{status:#}");
            let (variable, value) = match role.as_str() {
                "store" => ("GREETING=", intent.greeting.to_owned()),
                _ => ("PEER=", format!("pid-{}", recorded["store"])),
            };
            assert_eq!(variable_of(*pid, variable), Some(value), "{story}");
        }
        let configured = fs::read_to_string(sandbox.path("made/ground/greeting")).unwrap();
        assert_eq!(configured.trim(), intent.greeting, "{story}");
        let inputs = self.inputs(intent);
        let plan: Vec<&str> =
            ["plan", "crowd"].into_iter().chain(inputs.iter().map(String::as_str)).collect();
        let plan = sandbox.run(&plan);
        assert_eq!(plan.code, 0, "{story}\n{}", plan.stdout);
    }

    /// Destroys the service and checks that the machine is as it was before.
    fn end(&mut self) {
        // What a killed command had no time to remove is gone with the next run.
        self.finish(Command::Deploy(Intent { greeting: "hello", workers: 1 }));
        self.finish(Command::Destroy);
        let story = &self.story;
        check_nothing_left(&self.sandbox, story);
        assert_eq!(outside(&self.sandbox), self.before, "{story}");
        for folder in ["processes", "operations"] {
            let left = names_in(&self.sandbox.state().join(folder));
            assert_eq!(left, Vec::<String>::new(), "{story}\nin {folder}");
        }
        let folder = self.sandbox.path("");
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(folder.to_str().unwrap()), "{story}\n{mounts}");
        let sockets = fs::read_to_string("/proc/net/unix").unwrap();
        assert!(!sockets.contains(folder.to_str().unwrap()), "{story}\n{sockets}");
    }
}

/// The names in a folder, in order; none, if it is not there.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// All that is in the sandbox's folder and not in the state directory.
fn outside(sandbox: &Sandbox) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![sandbox.path("")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            assert!(!kind.is_socket() && !kind.is_fifo(), "{} was left", path.display());
            if kind.is_dir() && path != sandbox.state() {
                open.push(path.clone());
            }
            found.insert(path);
        }
    }
    found.remove(&sandbox.state());
    found
}

#[test]
fn a_service_lives_through_kills_of_whatever_is_done_to_it() {
    let kills = if std::env::var_os("KHUTULUN_LONG").is_some() { KILLS_LONG } else { KILLS };
    let first = seed();
    let (mut hits, mut worlds) = (0, 0);
    while hits < kills {
        let mut world = World::new(first + worlds);
        // Where a machine is so fast that every kill comes too late, there is an end nevertheless.
        for _ in 0..3 * KILLS_EACH {
            if world.kills >= KILLS_EACH || hits + world.kills >= kills {
                break;
            }
            let command = world.command();
            // What is to be destroyed need not be finished first.
            let is_left = world.random.below(6) == 0;
            world.kill_all(command, !is_left);
            // The same again, or whatever comes next.
            let next = match world.random.below(2) {
                _ if is_left => Command::Destroy,
                0 if !matches!(command, Command::Restart | Command::Rollback(_)) => command,
                _ => world.command(),
            };
            // Those who depend on what is only restarted are told by whoever comes next.
            let next = match next {
                Command::Restart => Command::Update("hello"),
                next => next,
            };
            world.finish(next);
        }
        world.end();
        eprintln!("{}\n    {} kills", world.story, world.kills);
        hits += world.kills;
        worlds += 1;
        if worlds as usize > kills {
            break;
        }
    }
}

/// How many services are at work at once in one state directory.
const SERVICES: usize = 4;

/// Each of these commands is let run beside the others; all succeed.
fn all_at_once(sandbox: &Sandbox, commands: &[Vec<String>]) {
    let started: Vec<_> = commands
        .iter()
        .map(|words| sandbox.start(&words.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect();
    for (command, child) in commands.iter().zip(started) {
        let ended = finish(child);
        assert_eq!(ended.code, 0, "{command:?}\n{}\n{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn services_are_deployed_changed_and_destroyed_beside_each_other() {
    let sandbox = Sandbox::new();
    sandbox.pair();
    let names: Vec<String> = (0..SERVICES).map(|number| format!("pair-{number}")).collect();
    let deploy = |more: &str| -> Vec<Vec<String>> {
        let words = |name: &String| {
            let mark = sandbox.mark_input();
            let words = ["deploy", "pair", "--name", name, "--yes", "-i", &mark, "-i", more];
            words.map(str::to_owned).to_vec()
        };
        names.iter().map(words).collect()
    };
    let expected: Vec<&str> = ["store"; SERVICES].into_iter().chain(["web"; SERVICES]).collect();
    all_at_once(&sandbox, &deploy("greeting=hello"));
    assert_eq!(sandbox.roles(), expected);
    all_at_once(&sandbox, &deploy("greeting=welcome"));
    assert_eq!(sandbox.roles(), expected);
    for (_, pid) in sandbox.processes().iter().take(SERVICES) {
        assert_eq!(variable_of(*pid, "GREETING="), Some("welcome".to_owned()));
    }
    let words = |name: &String| ["destroy", name, "--yes"].map(str::to_owned).to_vec();
    all_at_once(&sandbox, &names.iter().map(words).collect::<Vec<_>>());
    check_nothing_left(&sandbox, "all are destroyed");
    sandbox.run(&["store", "verify"]).expect(0);
}
