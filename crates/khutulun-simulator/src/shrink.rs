//! The smallest story that breaks the same promise.

use crate::{bug::Bug, chance::Chance, fate::Rates, generated::Sketched, story::Told};

/// With how many other seeds a smaller story is tried: what comes when is different in it, so that the same fault may not be met
/// with the same one.
const SEEDS_MAX: u64 = 40;

/// How many stories are tried in all.
const STORIES_MAX: u32 = 4_000;

/// Makes a story that breaks a promise smaller, as long as a smaller one breaks the same promise, and returns the smallest with
/// what came of it. None: it breaks none.
pub fn shrink(story: &Sketched, bug: Option<Bug>) -> Option<(Sketched, Told)> {
    let promise = tell(story, bug)?.violations.first()?.promise;
    let mut smallest = story.clone();
    let mut tried = 0;
    loop {
        let smaller = candidates(&smallest).into_iter().find_map(|candidate| {
            (0..SEEDS_MAX).find_map(|number| {
                tried += 1;
                let mut candidate = candidate.clone();
                if number > 0 {
                    candidate.seed = Chance::new(story.seed ^ (number << 32)).number();
                }
                (tried < STORIES_MAX && breaks(&candidate, bug, promise)).then_some(candidate)
            })
        });
        match smaller {
            Some(smaller) => smallest = smaller,
            None => break,
        }
    }
    let told = smallest.story(bug)?.tell(true);
    Some((smallest, told))
}

fn tell(story: &Sketched, bug: Option<Bug>) -> Option<Told> {
    Some(story.story(bug)?.tell(false))
}

fn breaks(story: &Sketched, bug: Option<Bug>, promise: u8) -> bool {
    let told = tell(story, bug);
    told.is_some_and(|told| told.violations.first().is_some_and(|violation| violation.promise == promise))
}

/// The stories that are a little smaller.
fn candidates(story: &Sketched) -> Vec<Sketched> {
    let mut all = Vec::new();
    for place in (0..story.wants.len()).rev().filter(|_| story.wants.len() > 1) {
        let mut one = story.clone();
        one.wants.remove(place);
        all.push(one);
    }
    let names: Vec<String> = story.designs.iter().flat_map(|text| text.lines()).map(name_of).collect();
    let mut gone: Vec<&String> = Vec::new();
    for name in &names {
        if !gone.contains(&name) {
            gone.push(name);
            let designs = story.designs.iter().map(|text| without(text, name));
            all.push(Sketched { designs: designs.collect(), ..story.clone() });
        }
    }
    if story.ends_deployed {
        all.push(Sketched { ends_deployed: false, ..story.clone() });
    }
    all.extend(calmer(story.rates).into_iter().map(|rates| Sketched { rates, ..story.clone() }));
    all
}

fn name_of(line: &str) -> String {
    line.split_whitespace().next().unwrap_or_default().to_owned()
}

/// The design without a node, and without what leads to it.
fn without(text: &str, name: &str) -> String {
    let lines = text.lines().filter(|line| name_of(line) != name).map(|line| {
        let leads = |token: &str| token.split(':').next().is_some_and(|token| token == format!("->{name}"));
        let tokens = line.split_whitespace().filter(|token| !leads(token));
        let tokens = tokens.map(|token| token.replace(&format!("(up=${name}.pid)"), "()"));
        tokens.collect::<Vec<_>>().join(" ") + "\n"
    });
    lines.collect()
}

fn calmer(rates: Rates) -> Vec<Rates> {
    let fields: [fn(&mut Rates) -> &mut u32; 12] = [
        |rates| &mut rates.failures,
        |rates| &mut rates.slowness,
        |rates| &mut rates.losses,
        |rates| &mut rates.repeats,
        |rates| &mut rates.delays,
        |rates| &mut rates.store,
        |rates| &mut rates.crashes,
        |rates| &mut rates.jumps,
        |rates| &mut rates.pauses,
        |rates| &mut rates.rivals,
        |rates| &mut rates.cancels,
        |rates| &mut rates.drifts,
    ];
    let mut all: Vec<Rates> = fields
        .iter()
        .filter_map(|field| {
            let mut calmer = rates;
            (std::mem::take(field(&mut calmer)) > 0).then_some(calmer)
        })
        .collect();
    if rates.reorders {
        all.push(Rates { reorders: false, ..rates });
    }
    all
}
