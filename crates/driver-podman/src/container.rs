//! A container, as its node's properties describe it.

use khutulun_plugin_sdk::{Failure, Fields, Request};

/// The longest grace that a property may ask for, in milliseconds: a day. More is a mistake in units.
const GRACE_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// What `podman create` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) directory: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) network: String,
    /// As `podman create --publish` takes them.
    pub(crate) ports: Vec<String>,
    pub(crate) grace_seconds: i64,
}

/// Returns the name of the node's container.
pub(crate) fn name(request: &Request) -> String {
    format!("khutulun-{}-{}", request.service, request.node)
}

/// Returns how long the container has to end before it is killed. Podman counts in seconds, so it is rounded up.
pub(crate) fn grace_seconds(request: &Request) -> Result<i64, Failure> {
    let grace_ms = request.properties().optional_within("stop_grace", 0, GRACE_MS_MAX)?;
    Ok(grace_ms.unwrap_or(10_000).saturating_add(999) / 1000)
}

impl Container {
    /// Reads the properties of the profile's type `Container`. Defaults are the profile's.
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let properties = request.properties();
        let network = properties.optional_text("network")?.unwrap_or("host").to_owned();
        let mut ports = Vec::new();
        for port in properties.list("ports")? {
            ports.push(published(Fields::new("property", Some(port)))?);
        }
        if network == "host" && !ports.is_empty() {
            return Err(Failure::permanent(
                "property `ports` is not supported with the network `host`, where every port of the container is one of the \
                 machine's: choose the network `bridge`, or no ports",
            ));
        }
        let environment = properties.text_map("environment")?;
        if let Some((name, _)) = environment.iter().find(|(name, _)| name.is_empty() || name.contains('=')) {
            return Err(Failure::permanent(format!(
                "property `environment` has `{name}`, which is not a name"
            )));
        }
        Ok(Self {
            name: name(request),
            command: properties.texts("command")?,
            environment,
            directory: properties.optional_text("directory")?.map(str::to_owned),
            user: properties.optional_text("user")?.map(str::to_owned),
            network,
            ports,
            grace_seconds: grace_seconds(request)?,
        })
    }

    /// Returns the arguments of `podman create`. Options have their values in the same word, so that no value is ever taken
    /// for an option.
    pub(crate) fn arguments(&self, image: &str, request: &Request) -> Vec<String> {
        let mut arguments = vec![
            "create".to_owned(),
            format!("--name={}", self.name),
            format!("--label=khutulun.service={}", request.service),
            format!("--label=khutulun.node={}", request.node),
            format!("--label=khutulun.vertex={}", request.vertex),
            format!("--label=khutulun.operation={}", request.operation),
            format!("--network={}", self.network),
            format!("--stop-timeout={}", self.grace_seconds),
        ];
        arguments.extend(self.environment.iter().map(|(name, value)| format!("--env={name}={value}")));
        arguments.extend(self.directory.iter().map(|directory| format!("--workdir={directory}")));
        arguments.extend(self.user.iter().map(|user| format!("--user={user}")));
        arguments.extend(self.ports.iter().map(|port| format!("--publish={port}")));
        arguments.push(image.to_owned());
        arguments.extend(self.command.iter().cloned());
        arguments
    }
}

/// Returns a `PortMapping` as Podman writes it.
fn published(port: Fields<'_>) -> Result<String, Failure> {
    let number = |name| {
        let number = port.optional_within(name, 1, 65535)?;
        number.ok_or_else(|| Failure::permanent(format!("property `ports` has an entry without `{name}`")))
    };
    let address = port.optional_text("host_address")?.unwrap_or("127.0.0.1");
    // Podman wants brackets around an IPv6 address.
    let address = if address.contains(':') && !address.starts_with('[') {
        format!("[{address}]")
    } else {
        address.to_owned()
    };
    let protocol = match port.optional_text("protocol")? {
        None => "tcp",
        Some(protocol @ ("tcp" | "udp")) => protocol,
        Some(other) => {
            return Err(Failure::permanent(format!(
                "property `ports` has the protocol `{other}`, which is not supported; supported: tcp, udp"
            )));
        }
    };
    Ok(format!("{address}:{}:{}/{protocol}", number("host_port")?, number("container_port")?))
}
