//! Signals by name.

use rustix::process::Signal;

/// Returns the signal of a name such as `TERM`, `SIGTERM` or `term`, or of a number such as `15`.
pub(crate) fn parse_signal(name: &str) -> Result<Signal, String> {
    let upper = name.trim().to_ascii_uppercase();
    let number = match upper.parse::<i32>() {
        Ok(number) => Some(number),
        Err(_) => {
            let full = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
            full.parse::<nix::sys::signal::Signal>().ok().map(|signal| signal as i32)
        }
    };
    number.and_then(Signal::from_named_raw).ok_or_else(|| format!("there is no signal `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_short_and_long_names_and_numbers() {
        for name in ["TERM", "SIGTERM", "term", "15"] {
            assert_eq!(parse_signal(name), Ok(Signal::TERM), "{name}");
        }
        assert_eq!(parse_signal("HUGO"), Err("there is no signal `HUGO`".to_owned()));
    }
}
