//! What a run towards a revision begins with, and what was intended then.

use std::collections::BTreeMap;

use floria::{Design, LogEntry, LogQuery, Namespace, Record, Store, StoreError, Value};
use khutulun_api::names;
use serde_json::{Value as Json, json};

use super::{DESIGN, REVISION, Revision, Said, Unwinding, all, current, design_stream};
use crate::{
    answer::to_json,
    error::{CliError, chain},
    exit::Exit,
    intention::{IntendedFile, Intention, Origin},
    session::Session,
};

/// The records that a run towards an intention begins with.
pub(crate) struct Beginning {
    /// The revision's number.
    pub(crate) number: u64,
    /// What is recorded.
    pub(crate) said: Said,
    /// What was intended before, where the service is there.
    pub(crate) before: Option<Revision>,
}

impl Beginning {
    /// Makes out which revision of the service an intention is. `unwinds` says whether a failure leads back.
    pub(crate) fn new(
        session: &Session,
        store: &dyn Store,
        intention: &Intention,
        mut said: Said,
        unwinds: bool,
    ) -> Result<Self, CliError> {
        let service = &intention.namespace;
        let read = || -> Result<_, StoreError> {
            Ok((all(store, service)?.last().map_or(0, |last| last.number), current(store, service)?))
        };
        let (last, before) = read().map_err(|error| session.store_error(error))?;
        let same = before.as_ref().filter(|before| before.said.intends_the_same(&said));
        let number = same.map_or(last + 1, |same| same.number);
        said.unwinding = unwinds.then_some(match (&before, same) {
            (_, Some(_)) => Unwinding::Nowhere,
            (Some(before), None) => Unwinding::To(before.number),
            (None, None) => Unwinding::ToNothing,
        });
        Ok(Self { number, said, before })
    }

    /// A run that goes on towards a revision that is recorded.
    pub(crate) fn again(revision: &Revision) -> Self {
        Self { number: revision.number, said: revision.said.clone(), before: Some(revision.clone()) }
    }

    /// Returns the records. The design is among them unless the store has it.
    pub(crate) fn records(
        &self,
        session: &Session,
        store: &dyn Store,
        intention: &Intention,
    ) -> Result<Vec<Record>, CliError> {
        let stream = design_stream(&self.said.design);
        let known = LogQuery { stream: Some(stream.clone()), limit: Some(1), ..LogQuery::default() };
        let known = store.log(&known).map_err(|error| session.store_error(error))?;
        let mut records = Vec::new();
        if known.is_empty() {
            records.push(design_record(intention, stream)?);
        }
        records.push(Record {
            stream: names::REVISIONS.to_owned(),
            namespace: intention.namespace.clone(),
            kind: REVISION.to_owned(),
            body: self.said.body(self.number),
        });
        Ok(records)
    }

    /// Returns the revision as data.
    pub(crate) fn document(&self) -> Json {
        let Said { verb, design, inputs, counts, source, of, .. } = &self.said;
        let inputs: BTreeMap<_, _> = inputs.iter().map(|(name, value)| (name, to_json(value))).collect();
        json!({
            "number": self.number,
            "what": verb.word(),
            "design": design,
            "inputs": inputs,
            "counts": counts,
            "source": source,
            "of": of,
        })
    }

    /// Tells whether nothing else was intended before.
    pub(crate) fn is_known(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.number == self.number)
    }
}

fn design_record(intention: &Intention, stream: String) -> Result<Record, CliError> {
    let octets = floria::pack(&intention.design).map_err(|error| {
        CliError::new(Exit::InvalidDesign, "the design cannot be recorded")
            .place(intention.place())
            .cause(&error)
            .next("let its expressions nest less deep, then run the command again")
    })?;
    let file =
        |file: &IntendedFile| Value::map([("path", file.path.as_str()), ("digest", file.digest.as_str())]);
    let files = intention.files.iter().map(file).collect();
    Ok(Record {
        stream,
        namespace: intention.namespace.clone(),
        kind: DESIGN.to_owned(),
        body: Value::map([("design", Value::Bytes(octets)), ("files", Value::List(files))]),
    })
}

impl Intention {
    /// Returns what was intended at a revision. Nothing is read but the store.
    pub(crate) fn of_revision(
        session: &Session,
        store: &dyn Store,
        service: &Namespace,
        revision: &Revision,
    ) -> Result<Self, CliError> {
        let digest = &revision.said.design;
        let query = LogQuery { stream: Some(design_stream(digest)), limit: Some(1), ..LogQuery::default() };
        let rows = store.log(&query).map_err(|error| session.store_error(error))?;
        let failed = |why: String, next: &str| {
            CliError::new(
                Exit::Failed,
                format!("found no design of revision {} of `{service}`", revision.number),
            )
            .place(session.root().display().to_string())
            .why(why)
            .next(next)
        };
        let Some(LogEntry::Record(record)) = rows.first().map(|row| &row.entry) else {
            return Err(failed(
                "it was forgotten with the older part of history".to_owned(),
                "khutulun deploy PATH, with the design as it was then",
            ));
        };
        let read = || -> Result<(Design, Vec<IntendedFile>), String> {
            let Some(Value::Bytes(octets)) = record.body.get("design") else {
                return Err("it is not in its record".to_owned());
            };
            let design: Design = floria::unpack(octets).map_err(|error| chain(&error))?;
            if design.digest() != *digest || design.namespace != *service {
                return Err("it is another than its record says".to_owned());
            }
            let files = record.body.get("files").and_then(Value::as_list).unwrap_or_default();
            let file = |file: &Value| {
                let text = |key: &str| file.get(key).and_then(Value::as_text).map(str::to_owned);
                Some(IntendedFile::kept(text("path")?, text("digest")?))
            };
            let files = files.iter().map(file).collect::<Option<_>>();
            Ok((design, files.ok_or_else(|| "its files are not in its record".to_owned())?))
        };
        let (design, files) = read().map_err(|why| failed(why, "khutulun store verify"))?;
        Ok(Self {
            origin: Origin::Revision(revision.number),
            namespace: service.clone(),
            design,
            files,
            inputs: revision.said.inputs.clone(),
            counts: revision.said.counts.clone(),
            source: revision.said.source.clone(),
        })
    }
}
