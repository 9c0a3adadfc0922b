//! Where the store is: a PostgreSQL URL, with one option of our own.

use std::{str::FromStr as _, time::Duration};

use floria::StoreError;
use tokio_postgres::{Config, config::SslMode};

use crate::error::unavailable;

/// The schema that is used when the URL names none.
const SCHEMA: &str = "floria";

/// The longest name that PostgreSQL does not cut short, in octets.
const NAME_LENGTH_MAX: usize = 63;

/// How long connecting to one address may take, where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// After how long without a word the other side is asked whether it is still there; and after how long without an answer
/// it is not. The system's own default is two hours, in which a host would wait for a server that is gone.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// What is needed to connect.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// The name of the schema.
    pub(crate) schema: String,
}

impl Settings {
    /// Reads a URL, or words as `libpq` takes them.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        let (url, schema) = without_schema(url);
        let schema = schema.unwrap_or_else(|| SCHEMA.to_owned());
        // The URL may hold a password, so no message shows it.
        let refused = |why: &str| unavailable("connect to PostgreSQL", why.to_owned());
        if schema.is_empty() || schema.len() > NAME_LENGTH_MAX || schema.contains('\0') {
            return Err(refused("the name of a schema has 1 to 63 octets"));
        }
        if schema.starts_with("pg_") || schema == "$user" {
            return Err(refused("`$user` and names of schemas that start with `pg_` are PostgreSQL's own"));
        }
        let mut config =
            Config::from_str(&url).map_err(|error| unavailable("connect to PostgreSQL", error))?;
        if !matches!(config.get_ssl_mode(), SslMode::Disable | SslMode::Prefer) {
            return Err(refused(
                "encrypted connections are not supported: use a unix socket or a tunnel, and `sslmode=disable`",
            ));
        }
        config.ssl_mode(SslMode::Disable);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("floria");
        }
        config.keepalives_idle(SILENCE_MAX).keepalives_interval(SILENCE_MAX / 3).keepalives_retries(3);
        config.tcp_user_timeout(SILENCE_MAX * 2);
        Ok(Self { config, schema })
    }

    /// Returns the name of the schema as SQL takes it.
    pub(crate) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema.replace('"', "\"\""))
    }
}

/// Takes the option `schema` out, which is ours.
fn without_schema(url: &str) -> (String, Option<String>) {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        let (ours, others): (Vec<_>, Vec<_>) =
            url.split_whitespace().partition(|word| word.starts_with("schema="));
        let schema = ours.last().map(|word| word["schema=".len()..].to_owned());
        return if schema.is_none() { (url.to_owned(), None) } else { (others.join(" "), schema) };
    }
    let Some((place, options)) = url.split_once('?') else { return (url.to_owned(), None) };
    let (ours, others): (Vec<_>, Vec<_>) =
        options.split('&').partition(|option| option.starts_with("schema="));
    let schema = ours.last().map(|option| percent_decoded(&option["schema=".len()..]));
    let rest = if others.is_empty() { place.to_owned() } else { format!("{place}?{}", others.join("&")) };
    (rest, schema)
}

fn percent_decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| first == b'%') {
            Some(octet) => {
                octets.push(octet);
                rest = &after[2..];
            }
            None => {
                octets.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn the_schema_is_an_option_of_the_url() {
        for (url, schema) in [
            ("postgres://h/db", "floria"),
            ("postgres://h/db?schema=a", "a"),
            ("postgresql://u:p@h:5433/db?connect_timeout=3&schema=a%22b%20c&sslmode=disable", "a\"b c"),
            ("host=/tmp dbname=db", "floria"),
            ("host=/tmp schema=a dbname=db", "a"),
        ] {
            assert_eq!(Settings::parse(url).unwrap().schema, schema, "{url}");
        }
        assert_eq!(Settings::parse("postgres://h/db?schema=a%22b").unwrap().quoted_schema(), "\"a\"\"b\"");
    }

    #[test]
    fn what_cannot_be_is_refused_without_showing_the_password() {
        for url in [
            "postgres://u:secret@h/db?sslmode=require",
            "postgres://u:secret@h/db?schema=",
            "postgres://u:secret@h/db?schema=pg_x",
            "postgres://u:secret@h/db?schema=%24user",
            "postgres://u:secret@h/db?color=red",
            "postgres://u:secret@h:port/db",
        ] {
            let error = Settings::parse(url).err().unwrap();
            let told = format!("{error}: {}", error.source().unwrap());
            assert!(told.starts_with("failed to connect to PostgreSQL: "), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
