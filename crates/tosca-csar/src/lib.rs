//! Reads and makes cloud service archives (CSAR, TOSCA 2.0 chapter 17): a directory, a ZIP archive and a tarball are
//! all one readable [`Package`].
//!
//! The life of a value: a path or some bytes are [opened](Package::from_bytes), which lists the container and refuses
//! what is not honest (an [`Error`]); what the package says about itself is read from its TOSCA.meta ([`Meta`]), and
//! what is wrong with that is in its [`Findings`]; the compiler reads its files through [`tosca::Sources`]. From there
//! it can be [inspected](Package::inspect), [verified](Package::verify), [extracted](Package::extract) or written as
//! [an archive that is the same every time](Package::write_zip).
//!
//! Packages come from strangers. Opening one takes time in proportion to its size and memory in proportion to the
//! number of its entries, both bounded by [`Limits`]; nothing that it holds reaches a panic, a file outside the target
//! or another one's bytes.
//!
//! ```
//! use tosca_csar::{Options, Package};
//!
//! # let mut zip = std::io::Cursor::new(Vec::new());
//! # let mut writer = zip::ZipWriter::new(&mut zip);
//! # writer.start_file("service.yaml", zip::write::SimpleFileOptions::default())?;
//! # std::io::Write::write_all(&mut writer, b"tosca_definitions_version: tosca_2_0\n")?;
//! # writer.finish()?;
//! # let bytes = zip.into_inner();
//! let package = Package::from_bytes("service.csar", bytes, &Options::default())?;
//! assert_eq!(package.entry_definitions(), Some("service.yaml"));
//! assert_eq!(package.csar_version(), Some("2.0"));
//! assert_eq!(package.read("service.yaml")?, b"tosca_definitions_version: tosca_2_0\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bytes;
#[cfg(feature = "file-system")]
mod catalog;
mod entry;
mod error;
mod inspect;
mod limits;
mod meta;
mod name;
mod pack;
mod package;
mod root;
mod sources;
mod tarball;
mod verify;
mod zipped;

#[cfg(feature = "file-system")]
mod create;
#[cfg(feature = "file-system")]
mod directory;
#[cfg(feature = "file-system")]
mod extract;

#[cfg(feature = "file-system")]
pub use catalog::{Catalog, Clash, Skipped, WithCatalog};
#[cfg(feature = "file-system")]
pub use create::{CreateOptions, Created, create};
pub use entry::{Entry, EntryKind};
pub use error::{Error, Exceeded, Refusal};
pub use inspect::Inspection;
pub use limits::{
    Limits, META_BYTES_MAX, NAME_BYTES_MAX, NAME_LEVELS_MAX, NAME_PART_BYTES_MAX, RATIO_FREE_BYTES,
};
pub use meta::{CSAR_VERSION, Meta, Pair};
pub use package::{Format, Options, Package};
pub use root::Findings;
pub use verify::{FileDigest, Verification, content_digest};
