//! Packages in memory.

use diagnostics::{TextStyle, render_text_all};
use khutulun_lowering::{Lowered, Mistakes, Options, SourceFiles, Substituting, lower_with, render};
use tosca::{MemorySources, Sources, model::Model};
use tosca_profiles::WithProfiles;

/// A package of `service.yaml`, which imports the profiles, and a few files.
pub(crate) fn package(text: &str) -> WithProfiles<MemorySources> {
    let head = "tosca_definitions_version: tosca_2_0\n\
                imports: [ { profile: 'khutulun.process:0.1' }, { profile: 'khutulun.podman:0.1' } ]\n";
    let files = MemorySources::new()
        .with("service.yaml", format!("{head}{text}"))
        .with("scripts/start.sh", "#!/bin/sh\n")
        .with("scripts/library.sh", "# nothing\n")
        .with("plugins/web.wasm", "not really\n")
        .with("image.tar", "an image\n");
    WithProfiles::new(files)
}

/// A package of `service.yaml` alone, without profiles.
pub(crate) fn bare(text: &str) -> MemorySources {
    MemorySources::new().with("service.yaml", format!("tosca_definitions_version: tosca_2_0\n{text}"))
}

/// What the compiler makes of a service; None when it refuses it.
pub(crate) fn compiled(sources: &dyn Sources) -> Option<Model> {
    tosca::compile("service.yaml", sources).model
}

/// Compiles and lowers; the error is the diagnostics as a person sees them.
pub(crate) fn lowered(sources: &dyn Sources, entry: &str) -> Result<Lowered, String> {
    lowered_with(sources, entry, &[])
}

/// As [`lowered`], with files that can stand for nodes.
pub(crate) fn lowered_with(sources: &dyn Sources, entry: &str, others: &[&str]) -> Result<Lowered, String> {
    let shown = |diagnostics: &[diagnostics::Diagnostic], compilation: &tosca::Compilation| {
        render_text_all(diagnostics, &compilation.sources, TextStyle::plain())
    };
    let compile = |entry: &str| {
        let compilation = tosca::compile(entry, sources);
        match compilation.model {
            Some(_) => Ok(compilation),
            None => Err(format!("(from the compiler)\n{}", shown(&compilation.diagnostics, &compilation))),
        }
    };
    let own = compile(entry)?;
    let others = others.iter().map(|entry| compile(entry)).collect::<Result<Vec<_>, _>>()?;
    let substituting: Vec<Substituting<'_>> = others
        .iter()
        .filter_map(|other| Some(Substituting { model: other.model.as_ref()?, texts: &other.sources }))
        .collect();
    let options = Options { service: "shop", texts: &own.sources, files: &SourceFiles(sources), root: None };
    let own_model = own.model.as_ref().expect("it was looked at");
    lower_with(own_model, &options, &substituting).map_err(|mistakes| {
        let of = |mistakes: &Mistakes| {
            shown(&mistakes.diagnostics, mistakes.substituting.map_or(&own, |place| &others[place]))
        };
        mistakes.iter().map(of).collect::<Vec<_>>().join("\n")
    })
}

/// The design of a service as text.
pub(crate) fn design(text: &str) -> String {
    match lowered(&package(text), "service.yaml") {
        Ok(lowered) => render(&lowered.design),
        Err(diagnostics) => diagnostics,
    }
}
