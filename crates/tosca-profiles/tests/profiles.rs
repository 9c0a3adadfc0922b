//! The embedded profiles, as the compiler and people meet them.

use tosca::{Locator, SourceError, Sources};
use tosca_profiles::{WithProfiles, find, list, show};

/// Sources with one file, which imports whatever it is told to.
struct OneFile(String);

impl Sources for OneFile {
    fn locate(&self, url: &str, _: Option<&Locator>) -> Result<Locator, SourceError> {
        Ok(Locator::new(url))
    }

    fn locate_profile(&self, _: &str) -> Option<Locator> {
        None
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        if locator.as_str() == "service.yaml" {
            Ok(self.0.clone().into())
        } else {
            Err(SourceError::NotFound)
        }
    }
}

#[test]
fn every_profile_compiles_without_a_word() {
    assert!(!list().is_empty());
    for profile in list() {
        let text = format!("tosca_definitions_version: tosca_2_0\nimports:\n- profile: {}\n", profile.name);
        let compilation = tosca::compile("service.yaml", &WithProfiles::new(OneFile(text)));
        let told = diagnostics::render_text_all(
            &compilation.diagnostics,
            &compilation.sources,
            diagnostics::TextStyle::plain(),
        );
        assert_eq!(told, "", "{}", profile.name);
        assert!(compilation.model.is_some(), "{}", profile.name);
    }
}

#[test]
fn the_folder_of_a_profile_is_its_name() {
    for profile in list() {
        let root = profile.files.first().expect("a profile has its root file");
        let text = std::str::from_utf8(root.content).expect("a root file is text");
        assert!(text.contains(&format!("\nprofile: {}\n", profile.name)), "{}", root.full_path);
    }
}

#[test]
fn a_profile_is_shown_with_its_types() {
    let sources = WithProfiles::new(OneFile(String::new()));
    let show = |name| show(name, &sources).map(|shown| shown.expect("it is valid"));
    let process = show("khutulun.process:0.1").expect("it is embedded");
    assert!(process.description.is_some_and(|text| text.starts_with("Bare processes")));
    let node = process.types.iter().find(|found| found.name == "Process").expect("it has the type");
    assert_eq!((node.kind, node.derived_from.as_deref()), ("node", None));
    assert!(process.types.iter().all(|found| found.description.is_some()), "every type says what it is for");
    let podman = show("khutulun.podman:0.1").expect("it is embedded");
    assert_eq!(podman.imports, ["khutulun.process:0.1"]);
    assert_eq!(show("khutulun.process:9.9"), None);
}

#[test]
fn embedded_files_are_read_like_others() {
    let sources = WithProfiles::new(OneFile(String::new()));
    let root = sources.locate_profile("khutulun.process:0.1").expect("it is embedded");
    assert_eq!(sources.display_name(&root), "khutulun.process:0.1/profile.yaml");
    let profile = find("khutulun.process:0.1").expect("it is embedded");
    assert_eq!(sources.read(&root).as_deref(), Ok(profile.files[0].content));
    let other = sources.locate("other.yaml", Some(&root)).expect("it would be in the profile");
    assert_eq!(sources.read(&other), Err(SourceError::NotFound));
    assert!(matches!(sources.locate("../../x.yaml", Some(&root)), Err(SourceError::Refused(_))));
    assert_eq!(sources.locate_profile("somebody:1"), None);
    assert!(sources.profiles().contains(&"khutulun.podman:0.1".to_owned()));
}
