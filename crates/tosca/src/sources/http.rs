//! Files from the network.

use std::io::Read as _;
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::{Locator, SourceError, Sources, is_fetched, join_paths};

/// What fetching a file may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// The size of a file in bytes: 16 MiB. The largest published TOSCA files have less than one.
    pub bytes_max: u64,
    /// The time of a request, from the look-up of the host to the last byte, in milliseconds: 30 seconds.
    pub request_ms_max: u64,
    /// The redirects from a URL to what is there: 5, as a chain of mirrors is shorter.
    pub redirects_max: u32,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { bytes_max: 16 << 20, request_ms_max: 30_000, redirects_max: 5 }
    }
}

/// Sources that also have the files of `https:` and `http:` URLs.
///
/// A relative path in a fetched file starts at that file's URL as it was asked for, and never leads to a file of the
/// machine. `https:` is checked against the certificates that the machine trusts, and never redirected to `http:`.
/// Proxies are those of the environment (`HTTPS_PROXY` and so on). Nothing is kept: a file is fetched whenever it is read.
#[derive(Debug, Clone)]
pub struct WithHttp<S> {
    behind: S,
    limits: HttpLimits,
    agent: Agent,
}

impl<S: Sources> WithHttp<S> {
    /// Puts the network in front of sources.
    pub fn new(behind: S, limits: HttpLimits) -> Self {
        let config = Agent::config_builder().build();
        Self::with_config(behind, limits, config.proxy().cloned())
    }

    /// Puts the network in front of sources, without a proxy whatever the environment says.
    pub fn direct(behind: S, limits: HttpLimits) -> Self {
        Self::with_config(behind, limits, None)
    }

    fn with_config(behind: S, limits: HttpLimits, proxy: Option<ureq::Proxy>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Redirects are followed here, where it is seen where they lead.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_millis(limits.request_ms_max)))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .proxy(proxy)
            .user_agent(concat!("tosca/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Self { behind, limits, agent }
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, SourceError> {
        let mut url = url.to_owned();
        for _ in 0..=self.limits.redirects_max {
            let response = self.agent.get(&url).call().map_err(|error| failure(&error))?;
            let status = response.status();
            match status.as_u16() {
                200 => return self.content(response),
                301 | 302 | 303 | 307 | 308 => {
                    let location = response.headers().get("location").and_then(|value| value.to_str().ok());
                    let location = location.ok_or_else(|| {
                        SourceError::Unreadable(format!(
                            "the server answers {status} without saying where it is"
                        ))
                    })?;
                    url = redirected(&url, location)?;
                }
                404 | 410 => return Err(SourceError::NotFound),
                _ => return Err(SourceError::Unreadable(format!("the server answers {status}"))),
            }
        }
        Err(SourceError::Unreadable(format!(
            "it is redirected more than {} times",
            self.limits.redirects_max
        )))
    }

    fn content(&self, response: ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, SourceError> {
        let bytes_max = self.limits.bytes_max;
        let mut content = Vec::new();
        // Whatever the server says of its size.
        let reader = response.into_body().into_reader();
        reader
            .take(bytes_max + 1)
            .read_to_end(&mut content)
            .map_err(|error| SourceError::Unreadable(error.to_string()))?;
        match content.len() as u64 > bytes_max {
            true => Err(SourceError::TooLarge { bytes_max }),
            false => Ok(content),
        }
    }
}

fn failure(error: &Error) -> SourceError {
    SourceError::Unreadable(match error {
        Error::Timeout(_) => "the server takes too long".to_owned(),
        other => other.to_string(),
    })
}

/// A URL in the parts that matter here.
struct Url<'a> {
    scheme: &'static str,
    host: &'a str,
    /// The path with its query, from the first `/`.
    path: &'a str,
}

impl<'a> Url<'a> {
    /// Takes a URL apart; None when it is not of the network.
    fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
        // A fragment is a matter of whoever reads the file.
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        Some(Self { scheme, host: &rest[..end], path: &rest[end..] })
    }

    /// The URL, the same for the same file as far as its text can say.
    fn locator(&self) -> Result<Locator, SourceError> {
        if self.host.contains('@') {
            return Err(SourceError::Refused("a URL with a user's name is not fetched".to_owned()));
        }
        let root = if self.path.starts_with('/') { "" } else { "/" };
        Ok(Locator::new(format!("{}://{}{root}{}", self.scheme, self.host.to_ascii_lowercase(), self.path)))
    }

    /// A relative path, seen from this file.
    fn join(&self, path: &str) -> Result<Locator, SourceError> {
        let path = path.split('#').next().unwrap_or_default();
        let (path, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
        let own = self.path.split('?').next().unwrap_or_default();
        let joined = join_paths(own, path)
            .ok_or_else(|| SourceError::Refused("the path leads above the root of its server".to_owned()))?;
        Url { path: &format!("/{joined}{query}"), ..*self }.locator()
    }
}

/// Where a redirect leads.
fn redirected(from: &str, location: &str) -> Result<String, SourceError> {
    let own = Url::parse(from).expect("only URLs of the network are fetched");
    let target = match Url::parse(location) {
        Some(target) if own.scheme == "https" && target.scheme == "http" => {
            return Err(SourceError::Refused(format!(
                "it is redirected from `https:` to `{location}`, which is not protected"
            )));
        }
        Some(target) => target.locator()?,
        // The same scheme on another host.
        None if location.starts_with("//") => {
            return redirected(from, &format!("{}:{location}", own.scheme));
        }
        None if location.split(['/', '?']).next().is_some_and(|start| start.contains(':')) => {
            return Err(SourceError::Refused(format!("it is redirected to `{location}`")));
        }
        None => own.join(location)?,
    };
    Ok(target.as_str().to_owned())
}

impl<S: Sources> Sources for WithHttp<S> {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        if let Some(url) = Url::parse(url) {
            return url.locator();
        }
        match importer.and_then(|importer| Url::parse(importer.as_str())) {
            None => self.behind.locate(url, importer),
            Some(_) if url.contains("://") || url.starts_with("file:") => {
                Err(SourceError::Refused("a file from the network may only name such files".to_owned()))
            }
            Some(importer) => importer.join(url),
        }
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        self.behind.locate_profile(name)
    }

    fn profiles(&self) -> Vec<String> {
        self.behind.profiles()
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        match is_fetched(locator.as_str()) {
            true => self.fetch(locator.as_str()),
            false => self.behind.read(locator),
        }
    }

    fn display_name(&self, locator: &Locator) -> String {
        match is_fetched(locator.as_str()) {
            true => locator.as_str().to_owned(),
            false => self.behind.display_name(locator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_never_lose_protection() {
        let from = "https://example.org/a/b.yaml?x";
        let led = |location| redirected(from, location).ok();
        assert_eq!(led("c.yaml").as_deref(), Some("https://example.org/a/c.yaml"));
        assert_eq!(led("/c.yaml?y#z").as_deref(), Some("https://example.org/c.yaml?y"));
        assert_eq!(led("//Other.example/c.yaml").as_deref(), Some("https://other.example/c.yaml"));
        assert_eq!(led("HTTPS://other.example").as_deref(), Some("https://other.example/"));
        for location in
            ["http://example.org/a/b.yaml", "file:///etc/passwd", "ftp://x/y", "https://me:pass@x/"]
        {
            assert_eq!(led(location), None, "{location}");
        }
        assert_eq!(redirected("http://a/b", "https://a/b").as_deref(), Ok("https://a/b"));
    }

    #[test]
    fn a_fetched_file_names_only_what_can_be_fetched() {
        let sources = WithHttp::direct(super::super::MemorySources::new(), HttpLimits::default());
        let importer = Locator::new("https://example.org/a/b.yaml");
        let locate = |url| sources.locate(url, Some(&importer)).map(|found| found.as_str().to_owned());
        assert_eq!(locate("c/d.yaml").as_deref(), Ok("https://example.org/a/c/d.yaml"));
        assert_eq!(locate("../d.yaml").as_deref(), Ok("https://example.org/d.yaml"));
        assert_eq!(locate("/d.yaml").as_deref(), Ok("https://example.org/d.yaml"));
        assert_eq!(locate("HTTP://Other.example/x#y").as_deref(), Ok("http://other.example/x"));
        for url in ["../../d.yaml", "file:/etc/passwd", "file:///etc/passwd", "https://me@example.org/"] {
            assert!(locate(url).is_err(), "{url}");
        }
    }
}
