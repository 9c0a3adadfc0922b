//! The image that a container is made from.

use khutulun_plugin_sdk::{Failure, Request, files};

use crate::podman;

/// Returns the reference of the image: of the archive that came with the service as the artifact `image`, which is loaded, or
/// what the property `image` says, which Podman pulls where it is missing.
pub(crate) fn provide(request: &Request) -> Result<String, Failure> {
    if let Some(digest) = request.artifact_digest("image") {
        return podman::load(&files::artifact(digest)?);
    }
    let image = request.properties().optional_text("image")?.ok_or_else(|| {
        Failure::permanent(
            "there is neither a property `image` nor an artifact `image`: a container is made from one",
        )
    })?;
    if image.is_empty() || image.starts_with('-') {
        return Err(Failure::permanent(format!(
            "property `image` is `{image}`, which is not the name of an image"
        )));
    }
    Ok(image.to_owned())
}
