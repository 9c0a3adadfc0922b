//! The Podman driver: a node of the type `Container` is an ordinary Podman container.
//!
//! The life of a node: [`create`](Podman) reads its properties, loads or names an image and runs `podman create`; `start`,
//! `stop` and `delete` run the command of their name; `observe` asks `podman container inspect`. The container is called
//! `khutulun-<service>-<node>` and labelled with `khutulun.service`, `khutulun.node`, `khutulun.vertex` and the operation that
//! made it, by which a repeated operation knows its own work and the driver keeps its hands off the containers of others.
//!
//! Images stay when a container goes: they are shared, and Podman's to clean up.

mod container;
mod image;
mod podman;

use khutulun_plugin_sdk::{Answer, Failure, Manifest, Plugin, Request, Value, export_plugin};

use container::Container;
use podman::Found;

/// The driver.
pub struct Podman;

impl Plugin for Podman {
    fn manifest() -> Manifest {
        Manifest::new("podman", env!("CARGO_PKG_VERSION"))
            .description("containers on this machine's Podman")
            .repeatable()
            .artifacts()
            .command("podman", &["container", "inspect", "--format", podman::INSPECT_FORMAT, "khutulun-*"])
            .command("podman", &["load", "--quiet", "--input", "*"])
            .command("podman", &["create", "--name=khutulun-*", "**"])
            .command("podman", &["start", "khutulun-*"])
            .command("podman", &["stop", "--ignore", "--time=*", "khutulun-*"])
            .command("podman", &["rm", "--force", "--ignore", "--volumes", "--time=*", "khutulun-*"])
            .command("podman", &["logs", "--tail=20", "khutulun-*"])
    }

    fn create(request: &Request) -> Answer {
        let container = Container::read(request)?;
        if let Some(found) = podman::inspect(&container.name)? {
            found.belongs_to(request)?;
            if found.operation == request.operation {
                return Ok(outputs(request, &container.name, Some(&found)));
            }
            if found.status == "running" {
                return Err(Failure::permanent(format!(
                    "container `{}` of this node runs already: stop or delete the node first",
                    container.name
                )));
            }
            // What an earlier attempt left, with who knows which properties.
            podman::remove(&container.name, 0)?;
        }
        let image = image::provide(request)?;
        podman::create(&container, &image, request)?;
        Ok(outputs(request, &container.name, podman::inspect(&container.name)?.as_ref()))
    }

    fn start(request: &Request) -> Answer {
        let name = container::name(request);
        let found = podman::inspect(&name)?;
        let found =
            found.ok_or_else(|| Failure::permanent(format!("there is no container `{name}` to start")))?;
        found.belongs_to(request)?;
        podman::start(&name)?;
        let found = podman::inspect(&name)?;
        let answer = outputs(request, &name, found.as_ref());
        match found {
            Some(found) if found.status == "exited" && found.exit_code != 0 => Err(Failure::permanent(
                format!("container `{name}` ended at once with code {}", found.exit_code),
            )
            .with_detail(podman::last_lines(&name))),
            Some(_) => Ok(answer),
            None => Err(Failure::permanent(format!("container `{name}` is gone after its start"))),
        }
    }

    fn stop(request: &Request) -> Answer {
        let name = container::name(request);
        let Some(found) = podman::inspect(&name)? else { return Ok(outputs(request, &name, None)) };
        found.belongs_to(request)?;
        podman::stop(&name, container::grace_seconds(request)?)?;
        let answer = outputs(request, &name, podman::inspect(&name)?.as_ref());
        // Whatever code it ended with: it was asked to.
        Ok(if answer.get("state") == Some(&Value::from("failed")) {
            answer.with("state", "stopped")
        } else {
            answer
        })
    }

    fn delete(request: &Request) -> Answer {
        let name = container::name(request);
        if let Some(found) = podman::inspect(&name)? {
            found.belongs_to(request)?;
            podman::remove(&name, container::grace_seconds(request)?)?;
        }
        Ok(Value::map([("state", "absent")]))
    }

    fn observe(request: &Request) -> Answer {
        let name = container::name(request);
        let found = podman::inspect(&name)?;
        if let Some(found) = &found {
            found.belongs_to(request)?;
        }
        Ok(outputs(request, &name, found.as_ref()))
    }

    fn logs(request: &Request) -> Answer {
        let name = container::name(request);
        let source = Value::map([("program", "podman")])
            .with("arguments", vec!["logs", &name])
            .with("follow-arguments", vec!["logs", "--follow", &name]);
        Ok(Value::map([("source", source)]))
    }
}

export_plugin!(Podman);

/// What Podman knows of the container, as outputs.
fn outputs(request: &Request, name: &str, found: Option<&Found>) -> Value {
    let Some(found) = found else {
        return Value::map([("state", Value::from("absent"))])
            .with("name", name)
            .with("pid", Value::Null)
            .with("exit_code", Value::Null);
    };
    let ended = matches!(found.status.as_str(), "exited" | "stopped");
    Value::map([("state", Value::from(state(request, found)))])
        .with("name", name)
        .with("id", found.id.as_str())
        .with("image_id", found.image.as_str())
        .with("pid", (found.pid > 0).then_some(found.pid))
        .with("exit_code", ended.then_some(found.exit_code))
        .with("error", (!found.error.is_empty()).then_some(found.error.as_str()))
}

/// Maps Podman's word for a container's state to ours.
fn state(request: &Request, found: &Found) -> &'static str {
    match found.status.as_str() {
        "running" | "paused" | "stopping" => "running",
        "exited" | "stopped" => {
            // Podman does not tell an end that was asked for from another; what `stop` recorded does.
            let asked_for = matches!(request.attributes().optional_text("state"), Ok(Some("stopped")));
            if found.exit_code == 0 || asked_for && found.exit_code > 128 { "stopped" } else { "failed" }
        }
        "created" | "configured" | "initialized" | "removing" => "stopped",
        _ => "failed",
    }
}
