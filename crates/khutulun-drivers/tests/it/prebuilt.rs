//! The prebuilt components are what the present sources say.

use std::{fs, path::Path};

use crate::guests::{self, GUESTS};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two folders deep")
}

#[test]
fn every_prebuilt_component_is_from_the_present_sources() {
    for guest in GUESTS {
        let recorded = guests::prebuilt(root(), &guest);
        let present = guests::source_digest(root(), &guest).unwrap();
        assert_eq!(
            recorded.sources, present,
            "the sources of `{}` changed since its component was built: run `cargo xtask drivers`",
            guest.name
        );
        let component = fs::read(root().join(guest.prebuilt)).unwrap();
        assert_eq!(
            guests::digest(&component),
            recorded.component,
            "`{}` was changed by hand",
            guest.prebuilt
        );
    }
}

#[test]
fn every_driver_is_listed_with_the_digest_of_its_bytes() {
    let names: Vec<_> = GUESTS.iter().filter(|guest| guest.driver).map(|guest| guest.name).collect();
    assert_eq!(khutulun_drivers::drivers().iter().map(|driver| driver.name).collect::<Vec<_>>(), names);
    for driver in khutulun_drivers::drivers() {
        assert_eq!(guests::digest(driver.bytes), driver.digest);
        // A component, not a core module: version 13, layer 1.
        assert_eq!(&driver.bytes[..8], b"\0asm\x0d\0\x01\0");
    }
    assert!(khutulun_drivers::driver("no-such").is_none());
}

#[test]
fn no_component_names_a_folder_of_the_machine_that_built_it() {
    for guest in GUESTS {
        let component = fs::read(root().join(guest.prebuilt)).unwrap();
        for folder in [&b"/root/"[..], b"/home/", b".cargo/registry", b"/tmp/"] {
            assert!(
                !component.windows(folder.len()).any(|window| window == folder),
                "`{}` names `{}`",
                guest.prebuilt,
                String::from_utf8_lossy(folder)
            );
        }
    }
}
