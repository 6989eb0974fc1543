//! How single values are written: durations, sizes, dates, addresses, cron patterns, time zones, roles.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use croner::parser::{CronParser, Seconds};
use reqwest::Url;

use super::fault::nearest;
use crate::model::{Date, safe};

/// `250ms`, `30s`, `5m`, `1h`; more than nothing.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{}` is no duration; write it as 250ms, 30s, 5m or 1h", shown(text));
    let (number, unit) = split(text);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let millis = number.checked_mul(millis.ok_or_else(wrong)?).ok_or_else(wrong)?;
    match millis {
        0 => Err("must be longer than nothing".to_owned()),
        // A year; longer is a slip of the hand and would overflow sums of instants.
        1..=31_536_000_000 => Ok(Duration::from_millis(millis)),
        _ => Err("is longer than a year".to_owned()),
    }
}

/// `16MiB`, `512KiB`, `1GiB`, or plain bytes.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let wrong = || format!("`{}` is no size; write it as 16MiB, 512KiB or 1GiB", shown(text));
    let (number, unit) = split(text);
    let number: usize = number.parse().map_err(|_| wrong())?;
    let factor: usize = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    (number, unit.trim())
}

/// `2026-12-01`.
pub(super) fn date(text: &str) -> Result<Date, String> {
    let text = text.trim();
    // Stricter than the library, which also takes times and other forms.
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = if plain { text.parse::<Date>().ok() } else { None };
    date.ok_or_else(|| format!("`{}` is no date; write it as 2026-12-01", shown(text)))
}

/// An address with its host. Credentials travel to it: https, or http on loopback only.
pub(super) fn url(text: &str) -> Result<(String, String), String> {
    let text = text.trim();
    let url = Url::parse(text).map_err(|error| format!("`{}` is no address: {error}", shown(text)))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err("names no host".to_owned());
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&host) => {}
        "http" => {
            return Err(format!("must be https: credentials go to {}; plain http is for loopback only", safe(&host)));
        }
        other => return Err(format!("must be https, is {}", safe(other))),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not hold `?` or `#`".to_owned());
    }
    Ok((text.trim_end_matches('/').to_owned(), host))
}

pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an allow-list entry, an exact name or `*.domain`, covers a host; whole labels only.
pub(super) fn covers(entry: &str, host: &str) -> bool {
    let (entry, host) = (entry.to_ascii_lowercase(), host.to_ascii_lowercase());
    match entry.strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => entry == host,
    }
}

/// An entry of the allow-list.
pub(super) fn host_pattern(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let labels = name.split('.').count();
    if !name.split('.').all(label) || name.parse::<IpAddr>().is_ok() || (text.starts_with("*.") && labels < 2) {
        return Err(format!(
            "`{}` is no host; write a name, api.intacct.com, or *.intacct.com for all below a domain",
            shown(text)
        ));
    }
    Ok(text.to_ascii_lowercase())
}

/// A cron pattern with seconds, as the scheduler takes it.
pub(super) fn cron(text: &str) -> Result<String, String> {
    let text = text.trim();
    match CronParser::builder().seconds(Seconds::Required).build().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) if !text.starts_with('@') && text.split_whitespace().count() == 5 => {
            Err(format!("`{}` has five fields; seconds come first: `0 {}`", shown(text), shown(text)))
        }
        Err(error) => Err(format!("`{}` is no cron pattern: {error}", shown(text))),
    }
}

/// The name of a time zone in its usual spelling, or what is wrong with it and what was probably meant.
pub(super) fn time_zone(text: &str) -> Result<String, (String, Option<String>)> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("UTC") {
        return Ok("UTC".to_owned());
    }
    match jiff::tz::TimeZone::get(text) {
        Ok(zone) => Ok(zone.iana_name().unwrap_or(text).to_owned()),
        Err(_) if jiff::tz::db().is_definitively_empty() => Err((
            "cannot be looked up: this machine has no time zone database (the package is tzdata)".to_owned(),
            None,
        )),
        Err(_) => {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
            let near = nearest(text, names.iter().map(String::as_str)).map(str::to_owned);
            Err((
                format!("`{}` is no time zone of the IANA database; names are like America/Chicago", shown(text)),
                near,
            ))
        }
    }
}

/// `user`, `group:name` or `*`.
pub(super) fn role(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("group:").unwrap_or(text);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '$');
    if text == "*" || (!name.is_empty() && name.chars().all(plain)) {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is nobody; write a user, group:name, or *", shown(text)))
}

/// A path; relative ones begin at the directory of the configuration file.
pub(super) fn path(text: &str, base: &Path) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text == "~" || text.starts_with("~/") {
        return Err("~ is not expanded here; write the whole path".to_owned());
    }
    if text.contains('\0') {
        return Err("is no path".to_owned());
    }
    Ok(base.join(text))
}

/// One word out of a few.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        format!("must be {}, is `{}`", words.join(" or "), shown(text))
    })
}

/// Text from the file for a message: safe, and not without end.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    safe(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_with_their_unit_and_refused_without() {
        for (text, millis) in [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("50m", 3_000_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in
            ["", "30", "s", "-1s", "1.5h", "0s", "5 minutes", "99999999999999999999s", "18446744073709551615h", "400d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        for (text, bytes) in
            [("16MiB", 16 << 20), ("512KiB", 512 << 10), ("1GiB", 1 << 30), ("4096", 4096), ("2 MB", 2_000_000)]
        {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "MiB", "16M", "-1MiB", "99999999999999999999", "99999999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for text in
            ["https://acme.jaggaer.com/j1p", "http://127.0.0.1:8080/x", "http://localhost:1/", "http://[::1]:8080/x"]
        {
            assert!(url(text).is_ok(), "{text}");
        }
        for text in [
            "http://acme.jaggaer.com/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "ftp://127.0.0.1/",
            "https://user:pw@acme.jaggaer.com/",
            "https://acme.jaggaer.com/?x=1",
            "acme.jaggaer.com",
            "",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
        assert_eq!(url("https://acme.jaggaer.com/api//").unwrap().0, "https://acme.jaggaer.com/api");
    }

    #[test]
    fn an_allow_list_entry_covers_whole_labels_only() {
        assert!(covers("*.intacct.com", "api.intacct.com") && covers("*.intacct.com", "A.B.INTACCT.COM"));
        assert!(!covers("*.intacct.com", "intacct.com") && !covers("*.intacct.com", "evilintacct.com"));
        assert!(!covers("*.intacct.com", ".intacct.com") && !covers("api.intacct.com", "x.api.intacct.com"));
        for text in ["*", "*.com", "https://api.intacct.com", "api.intacct.com:443", "10.0.0.1", "a..b", "*.*.com", ""]
        {
            assert!(host_pattern(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cron_patterns_are_those_the_scheduler_takes() {
        for text in ["0 0 5 * * *", "0 */15 * * * *", "0 5-59/15 * * * *", "0 0 6 * * MON-FRI", "*/2 * * * * *"] {
            assert!(cron(text).is_ok(), "{text}");
        }
        for text in ["", "hourly", "0 61 * * * *", "0 0 25 * * *", "* * * *"] {
            assert!(cron(text).is_err(), "{text}");
        }
        assert!(cron("*/15 * * * *").unwrap_err().contains("seconds come first: `0 */15 * * * *`"));
    }

    #[test]
    fn a_time_zone_that_does_not_exist_names_its_neighbour() {
        assert_eq!(time_zone("America/Chicago").unwrap(), "America/Chicago");
        assert_eq!(time_zone("utc").unwrap(), "UTC");
        assert_eq!(time_zone("America/Chicgo").unwrap_err().1.as_deref(), Some("America/Chicago"));
        assert_eq!(time_zone("Mars/Olympus_Mons_Base_Camp").unwrap_err().1, None);
    }

    #[test]
    fn only_plain_dates_are_dates() {
        assert!(date("2026-12-01").is_ok());
        for text in ["2026-12-32", "2026-2-1", "01.12.2026", "2026-12-01T00:00:00", "20261201", ""] {
            assert!(date(text).is_err(), "{text}");
        }
    }
}
