//! Plans in files: what was approved is what runs, later, and nothing else.
//!
//! A file is one JSON document: the plan as `plan -o json` shows it, and the same plan without loss, with the ids that its new
//! instances will have. A digest over every byte before it is its last entry. It is no signature: it finds accidents and edits,
//! not somebody who computes it anew; the file is as secret as what is in the state directory, and is written so.

mod check;

pub(crate) use check::record;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use floria::{Design, Store, Value};
use floria_sqlite::SqliteStore;
use khutulun_plan::{Goal, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::{
    answer::Answer as _,
    author,
    error::{CliError, chain},
    exit::Exit,
    intention::{IntendedFile, Intention, Origin},
    proposal::Proposal,
    revision::{self, Beginning, Said},
    session::Session,
    store_identity,
    terminal::harmless,
    time,
};

/// The schema of saved plans, without its number.
const SCHEMA: &str = "khutulun.saved-plan/";

/// The number of the schema that this program writes and reads.
const SCHEMA_NUMBER: u64 = 1;

/// How large a saved plan may be, in bytes: above that of the largest service that can be resolved.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// How much of a file is looked at to know what it is, in bytes: its schema stands at the beginning.
const HEAD_BYTES: u64 = 256;

/// What is between a saved plan and its digest.
const BEFORE_DIGEST: &str = ",\n  \"digest\": \"";

/// What follows the digest.
const AFTER_DIGEST: &str = "\"\n}\n";

/// A plan that was saved.
pub(crate) struct Saved {
    /// The plan, with what was said of it.
    pub(crate) proposal: Proposal,
    /// What it leads to. None: it takes the service away.
    pub(crate) wanted: Option<(Intention, Said)>,
    /// The digest of the file.
    pub(crate) digest: String,
    store: String,
    ground: String,
    drivers: Vec<(String, String)>,
}

/// What is needed to run exactly the plan.
#[derive(Serialize, Deserialize)]
struct Payload {
    plan: Plan,
    notes: Vec<String>,
    waiting: Vec<String>,
    /// The revision's record.
    revision: Option<Value>,
    design: Option<Design>,
    /// Paths and digests.
    files: Vec<(String, String)>,
}

/// Saves a plan in a file: all of it, or nothing. `wanted` is what it leads to; None: it takes the service away.
pub(crate) fn save(
    session: &Session,
    store: &SqliteStore,
    proposal: &Proposal,
    wanted: Option<(&Intention, &Beginning)>,
    file: &Path,
) -> Result<(), CliError> {
    let Proposal { plan, notes, waiting } = proposal;
    let identity = store_identity::make(store).map_err(|error| session.store_error(error))?;
    let ground = ground(session, store, plan)?;
    let files: Vec<(String, String)> =
        wanted.iter().flat_map(|(intention, _)| &intention.files).map(pair).collect();
    let digests: Vec<&String> = files.iter().map(|(_, digest)| digest).collect();
    let mut document = json!({
        "service": plan.namespace.0,
        "base": plan.base.0,
        "store": identity,
        "ground": ground,
        "version": env!("CARGO_PKG_VERSION"),
        "made": time::rfc3339(time::now_ms()),
        "by": author::name(),
        "drivers": drivers(plan).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "artifacts": digests,
        "revision": wanted.map(|(_, beginning)| beginning.document()),
        "plan": proposal.view().document(),
    });
    if let Some(plan) = document["plan"].as_object_mut() {
        // What changes in the graph is most of a large plan, and nothing that somebody approves by reading.
        plan.remove("prepare");
        plan.remove("conclude");
    }
    let payload = Payload {
        plan: plan.clone(),
        notes: notes.clone(),
        waiting: waiting.clone(),
        revision: wanted.map(|(_, beginning)| beginning.said.body(beginning.number)),
        design: wanted.map(|(intention, _)| intention.design.clone()),
        files,
    };
    let octets = floria::encode(&payload).map_err(|error| {
        CliError::new(Exit::InvalidDesign, "the plan cannot be written down")
            .place(format!("service `{}`", plan.namespace))
            .cause(&error)
            .next("let its expressions nest less deep, then run the command again")
    })?;
    document["run"] = BASE64_STANDARD.encode(octets).into();
    write(file, seal(&document).as_bytes()).map_err(|error| {
        CliError::new(Exit::Failed, "failed to save the plan")
            .place(file.display().to_string())
            .cause(&error)
            .unchanged("nothing was changed, and no plan was saved")
            .next("say another file: --save FILE")
    })?;
    let name = harmless(&file.display().to_string());
    session.progress.say(&format!("Saved. To run exactly this: khutulun deploy {name}\n"));
    Ok(())
}

fn pair(file: &IntendedFile) -> (String, String) {
    (file.path.clone(), file.digest.clone())
}

/// The names and digests of the drivers that run a plan.
fn drivers(plan: &Plan) -> Vec<(String, String)> {
    revision::drivers(plan.steps.iter().filter_map(|step| step.implementation.as_ref())).into_iter().collect()
}

/// The digest of what is there: what a plan starts from.
fn ground(session: &Session, store: &SqliteStore, plan: &Plan) -> Result<String, CliError> {
    Ok(store.graph(&plan.namespace).map_err(|error| session.store_error(error))?.digest())
}

/// Writes a document with its schema at its beginning and its digest at its end.
fn seal(document: &Json) -> String {
    let text = format!("{document:#}");
    let inner = text.trim_start_matches("{\n").trim_end_matches("\n}");
    let text = format!("{{\n  \"schema\": \"{SCHEMA}{SCHEMA_NUMBER}\",\n{inner}");
    let digest = sha256(text.as_bytes());
    format!("{text}{BEFORE_DIGEST}{digest}{AFTER_DIGEST}")
}

/// Splits a sealed text into what was sealed and the digest. None: it does not end as one.
fn sealed(text: &str) -> Option<(&str, &str)> {
    let (text, digest) = text.strip_suffix(AFTER_DIGEST)?.rsplit_once(BEFORE_DIGEST)?;
    Some((text, digest))
}

fn sha256(octets: &[u8]) -> String {
    Sha256::digest(octets).iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Writes a file of one's own, whole or not at all, in place of the one of its name.
fn write(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = Path::new(&partial);
    // A program of the same pid left it when it was killed.
    if fs::symlink_metadata(partial).is_ok() {
        fs::remove_file(partial)?;
    }
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial)?;
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(partial, path)
    };
    written().inspect_err(|_| {
        // It is of no use to anybody; where it cannot go, it harms nobody.
        let _ = fs::remove_file(partial);
    })
}

/// Tells whether a file is a saved plan, or claims to be something else of ours, by its content.
pub(crate) fn is_one(path: &Path) -> bool {
    let mut head = Vec::new();
    let mut read = || File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head);
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) || read().is_err() {
        return false;
    }
    if !head.trim_ascii_start().starts_with(b"{") {
        return false;
    }
    let has_schema = |text: &[u8]| text.windows(SCHEMA.len()).any(|window| window == SCHEMA.as_bytes());
    has_schema(&head) || schema(path).is_some_and(|schema| schema.starts_with("khutulun."))
}

/// The schema that a JSON document names.
fn schema(path: &Path) -> Option<String> {
    let document: Json = serde_json::from_slice(&octets(path).ok()?).ok()?;
    document.get("schema")?.as_str().map(str::to_owned)
}

fn octets(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(octets)
}

/// Reads a saved plan, if it is exactly what was saved.
pub(crate) fn read(path: &Path) -> Result<Saved, CliError> {
    let refused = |what: &str, why: String| {
        CliError::usage(what, why)
            .place(path.display().to_string())
            .next("make it anew: khutulun plan PATH --save FILE")
    };
    let octets = octets(path).map_err(|error| refused("cannot read the saved plan", error.to_string()))?;
    let damaged = |why: &str| refused("the saved plan is not as it was saved", why.to_owned());
    let text =
        std::str::from_utf8(&octets).map_err(|_| damaged("it is not text: it was edited or damaged"))?;
    let document: Json = serde_json::from_str(text)
        .map_err(|error| damaged(&format!("it is no JSON document: it was cut off or edited ({error})")))?;
    let schema = document.get("schema").and_then(Json::as_str).unwrap_or_default();
    match schema.strip_prefix(SCHEMA).map(str::parse::<u64>) {
        Some(Ok(SCHEMA_NUMBER)) => {}
        Some(Ok(number)) if number > SCHEMA_NUMBER => {
            let why = format!(
                "it has the schema `{schema}`, and this khutulun knows up to {SCHEMA}{SCHEMA_NUMBER}"
            );
            return Err(refused("the saved plan is of a newer khutulun", why));
        }
        _ => {
            let why = match schema {
                "khutulun.plan/1" => "it shows a plan, and lacks what running exactly that needs".to_owned(),
                schema => format!("it has the schema `{}`", harmless(schema)),
            };
            return Err(refused("this is no saved plan", why));
        }
    }
    let Some((sealed, digest)) = sealed(text) else {
        return Err(damaged("it does not end with its digest: it was cut off or edited"));
    };
    if sha256(sealed.as_bytes()) != digest {
        return Err(damaged("its digest is that of another text: it was edited"));
    }
    let unreadable = |why: String| {
        let by = document.get("version").and_then(Json::as_str).unwrap_or("another version");
        refused("cannot read the saved plan", format!("khutulun {} wrote it: {why}", harmless(by)))
    };
    open(&document, digest).map_err(unreadable)
}

fn open(document: &Json, digest: &str) -> Result<Saved, String> {
    let text = |key: &str| {
        let text = document.get(key).and_then(Json::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("`{key}` is missing"))
    };
    let octets = BASE64_STANDARD.decode(text("run")?).map_err(|error| error.to_string())?;
    let payload: Payload = floria::decode(&octets).map_err(|error| chain(&error))?;
    let Payload { plan, notes, waiting, revision, design, files } = payload;
    if !plan.is_in_order() {
        return Err("its steps wait for each other".to_owned());
    }
    let wanted = match (revision, design) {
        (Some(revision), Some(design)) => {
            let said = Said::read(&revision).ok_or("its revision cannot be read")?;
            if said.design != design.digest() || design.namespace != plan.namespace {
                return Err("its design is another one than its revision says".to_owned());
            }
            let number = revision.get("number").and_then(Value::as_integer).unwrap_or_default();
            let intention = Intention {
                origin: Origin::Revision(u64::try_from(number).unwrap_or_default()),
                namespace: plan.namespace.clone(),
                design,
                files: files.into_iter().map(|(path, digest)| IntendedFile::kept(path, digest)).collect(),
                inputs: said.inputs.clone(),
                counts: said.counts.clone(),
                source: said.source.clone(),
            };
            Some((intention, said))
        }
        (None, None) if plan.goal == Goal::Destroy => None,
        _ => return Err("what it leads to is missing".to_owned()),
    };
    let drivers = document.get("drivers").and_then(Json::as_object).ok_or("`drivers` is missing")?;
    let driver = |(name, digest): (&String, &Json)| Some((name.clone(), digest.as_str()?.to_owned()));
    Ok(Saved {
        proposal: Proposal { plan, notes, waiting },
        wanted,
        digest: digest.to_owned(),
        store: text("store")?,
        ground: text("ground")?,
        drivers: drivers.iter().map(driver).collect::<Option<_>>().ok_or("`drivers` is of another form")?,
    })
}

#[cfg(test)]
mod tests {
    use floria::{Namespace, Revision};

    use super::*;

    /// A plan that does nothing, as it is saved.
    fn saved() -> String {
        let plan = Plan::empty(&Namespace("shop".to_owned()), Revision(7), Goal::Destroy);
        let payload = Payload {
            plan,
            notes: Vec::new(),
            waiting: Vec::new(),
            revision: None,
            design: None,
            files: Vec::new(),
        };
        let run = BASE64_STANDARD.encode(floria::encode(&payload).unwrap());
        seal(&json!({ "run": run, "store": "s", "ground": "g", "drivers": {} }))
    }

    #[test]
    fn a_file_that_was_edited_or_cut_off_at_any_place_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved");
        let text = saved();
        write(&path, text.as_bytes()).unwrap();
        assert!(is_one(&path));
        assert_eq!(read(&path).unwrap().proposal.plan.base, Revision(7));
        for place in 0..text.len() {
            let mut edited = text.clone().into_bytes();
            for flip in [1, 0x20, 0x80] {
                edited[place] = text.as_bytes()[place] ^ flip;
                fs::write(&path, &edited).unwrap();
                assert!(read(&path).is_err(), "edited at {place}");
            }
            fs::write(&path, &text[..place]).unwrap();
            assert!(read(&path).is_err(), "cut off at {place}");
            fs::write(&path, [&text[..place], &text[place + 1..]].concat()).unwrap();
            assert!(read(&path).is_err(), "without the octet at {place}");
        }
    }

    #[test]
    fn what_a_program_of_the_same_pid_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved");
        fs::write(folder.path().join(format!("saved.{}.partial", std::process::id())), "half").unwrap();
        write(&path, b"whole").unwrap();
        assert_eq!(fs::read(path).unwrap(), b"whole");
    }

    #[test]
    fn a_sealed_text_is_a_document_that_holds_its_digest() {
        let text = seal(&json!({ "a": [1, { "digest": "no" }], "z": "é" }));
        let document: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(document["schema"], "khutulun.saved-plan/1");
        let (content, digest) = sealed(&text).unwrap();
        assert_eq!(
            (document["digest"].as_str(), digest),
            (Some(digest), sha256(content.as_bytes()).as_str())
        );
        for place in 0..text.len() {
            let mut edited = text.clone().into_bytes();
            edited[place] ^= 1;
            let edited = String::from_utf8_lossy(&edited);
            let holds = sealed(&edited).is_some_and(|(content, digest)| sha256(content.as_bytes()) == digest);
            assert!(!holds, "edited at {place}");
            assert!(text.get(..place).is_none_or(|cut| sealed(cut).is_none()), "cut at {place}");
        }
    }
}
