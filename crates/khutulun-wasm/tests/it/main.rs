//! Plugins behind the executor's door, well-behaved and hostile. The plugin is `tests/guests/hostile`, prebuilt; a test of
//! `khutulun-drivers` holds it against its sources.

mod grants;
mod hostile;
mod loading;
mod support;
