//! `khutulun graph`: templates or instances as a picture.

use std::{fs, path::Path};

use floria::{Graph, Store as _};
use floria_draw::Drawing;
use serde_json::json;

use crate::{
    answer,
    cli::{Format, GraphArguments, Picture},
    error::CliError,
    exit::Exit,
    intention::Intention,
    inventory::Others,
    proposal::compile_and_lower,
    revision,
    session::Session,
};

pub(crate) fn run(arguments: &GraphArguments, session: &Session) -> Result<Exit, CliError> {
    let drawing = drawing(arguments, session)?;
    let picture = match arguments.picture {
        Picture::Svg => drawing.svg(),
        Picture::Dot => drawing.dot(),
        Picture::Mermaid => drawing.mermaid(),
    };
    session.progress.settle();
    if let Some(file) = &arguments.out {
        return write(file, &picture);
    }
    match session.format {
        Format::Table => answer::write(picture.as_bytes())?,
        format => answer::give_data(
            &json!({ "schema": "khutulun.graph/1", "format": arguments.picture.word(), "picture": picture }),
            format,
        )?,
    }
    Ok(Exit::Success)
}

fn drawing(arguments: &GraphArguments, session: &Session) -> Result<Drawing, CliError> {
    let design = &arguments.design;
    // A path that is there wins over a service of its name, which `shop:` still means.
    let word = design.path.to_str().unwrap_or_default();
    let service = word.strip_suffix(':').unwrap_or(word);
    if !design.path.exists()
        && let Some(store) = session.reader()?
        && let Some(found) = session.services(&store)?.into_iter().find(|known| known.0 == service)
    {
        if arguments.templates {
            let revision = revision::present(session, &store, &found)?;
            let intention = Intention::of_revision(session, &store, &found, &revision)?;
            return Ok(Drawing::of_design(&intention.design));
        }
        let graph = store.graph(&found).map_err(|error| session.store_error(error))?;
        return Ok(Drawing::of_graph(&found, &graph));
    }
    if !arguments.instances {
        if !(design.input.is_empty() && design.inputs.is_empty()) {
            let why = "templates are the same with any inputs";
            return Err(CliError::usage("inputs change nothing", why)
                .next(format!("khutulun graph {} --instances", design.path.display())));
        }
        let (_, lowered) = compile_and_lower(session, &design.path, design.name.as_deref())?;
        return Ok(Drawing::of_design(&lowered.design));
    }
    let intention = Intention::read(session, design)?;
    let others = match session.reader()? {
        Some(store) => Others::of_store(session, &store, &intention.design)?,
        None => Others::default(),
    };
    let resolution = intention.resolve(session, &Graph::default(), &others, &mut (1..))?;
    Ok(Drawing::of_graph(&intention.namespace, &resolution.graph))
}

fn write(file: &Path, picture: &str) -> Result<Exit, CliError> {
    fs::write(file, picture).map_err(|error| {
        CliError::new(Exit::Failed, "failed to write the picture")
            .place(file.display().to_string())
            .cause(&error)
            .unchanged("nothing was deployed or changed; the file may be there in part")
            .next("say another file: --out FILE")
    })?;
    Ok(Exit::Success)
}
