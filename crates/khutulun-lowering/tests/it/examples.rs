//! The examples are valid.

use khutulun_lowering::{Files, Options, lower};
use tosca::{FileSources, Locator, SourceError, Sources};
use tosca_profiles::WithProfiles;

/// The files of an example, of which those that are made on the user's machine need not be there.
struct Example<'a>(&'a dyn Sources);

impl Files for Example<'_> {
    fn locate(&self, url: &str, importer: &Locator) -> Result<Locator, SourceError> {
        match self.0.locate(url, Some(importer)) {
            Err(SourceError::NotFound) if url == "image.tar" => {
                Ok(Locator::new(importer.as_str().replace("service.yaml", url)))
            }
            found => found,
        }
    }

    fn digest(&self, _: &Locator) -> Result<String, SourceError> {
        Ok("d".repeat(64))
    }
}

fn check(example: &str, files: &[&str]) {
    let folder = format!("{}/../../examples/{example}", env!("CARGO_MANIFEST_DIR"));
    let sources = WithProfiles::new(FileSources::in_folder(folder));
    let compilation = tosca::compile("service.yaml", &sources);
    let shown = |diagnostics: &[diagnostics::Diagnostic]| {
        diagnostics::render_text_all(diagnostics, &compilation.sources, diagnostics::TextStyle::plain())
    };
    assert_eq!(shown(&compilation.diagnostics), "");
    let model = compilation.model.as_ref().expect("without diagnostics there is a model");
    let options =
        Options { service: example, texts: &compilation.sources, files: &Example(&sources), root: None };
    let lowered = lower(model, &options).map_err(|diagnostics| shown(&diagnostics)).expect("it is valid");
    let found: Vec<&str> = lowered.artifacts.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(found, files);
}

#[test]
fn hello_world_is_valid() {
    check("hello-world", &["scripts/configure.sh"]);
}

#[test]
fn hello_functions_is_valid() {
    check("hello-functions", &["scripts/address.sh"]);
}

#[test]
fn hello_web_is_valid() {
    check("hello-web", &["image.tar"]);
}
