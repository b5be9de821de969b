//! How all files of a run write a time.

/// RFC 3339 in UTC with milliseconds, so that texts sort as times do.
pub(super) const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

/// The time now, RFC 3339 in UTC with milliseconds, as in all files of a run.
#[must_use]
pub fn now() -> String {
    jiff::Timestamp::now().strftime(TIME_FORMAT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_utc_with_milliseconds() {
        let text = now();
        assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
        text.parse::<jiff::Timestamp>().unwrap();
    }
}
