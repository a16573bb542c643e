//! Durations as Go writes them (`time.ParseDuration`), because Pomerium's files do: `1h30m`,
//! `1.5s`, `250ms`, `0`. Whoever writes a bare number meant some unit, so that is refused.

use std::time::Duration;

/// What is wrong with a duration, in words for the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A bare number.
    #[error("has no unit")]
    NoUnit,
    /// A unit that Go does not know, such as `d`.
    #[error("has the unit `{0}`, and the units are h, m, s and ms")]
    UnknownUnit(String),
    /// Not a duration at all.
    #[error("is not a duration")]
    Malformed,
    /// A minus sign.
    #[error("is negative")]
    Negative,
    /// More than 64 bits of nanoseconds (292 years), which Go cannot hold either.
    #[error("is too long to count")]
    TooLong,
}

/// Reads a duration.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::Malformed);
        }
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end).ok_or(DurationError::Malformed)?;
        total = total.saturating_add(nanoseconds(whole, fraction, unit)?);
        rest = next;
    }
    match u64::try_from(total) {
        Ok(nanoseconds) if !text.is_empty() && i64::try_from(nanoseconds).is_ok() => {
            Ok(Duration::from_nanos(nanoseconds))
        }
        _ if text.is_empty() => Err(DurationError::Malformed),
        _ => Err(DurationError::TooLong),
    }
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn nanoseconds(whole: &str, fraction: &str, unit: &str) -> Result<u128, DurationError> {
    let scale: u128 = match unit {
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "µs" | "μs" => 1_000,
        "ns" => 1,
        "" => return Err(DurationError::NoUnit),
        other => return Err(DurationError::UnknownUnit(other.to_owned())),
    };
    let number = |digits: &str| if digits.is_empty() { Ok(0) } else { digits.parse::<u128>() };
    let whole = number(whole).map_err(|_| DurationError::TooLong)?;
    let whole = whole.checked_mul(scale).ok_or(DurationError::TooLong)?;
    // Finer digits than a nanosecond are cut off.
    let fine: String = fraction.chars().take(15).collect();
    let places = u32::try_from(fine.len()).unwrap_or(0);
    let part = number(&fine).map_err(|_| DurationError::Malformed)? * scale / 10u128.pow(places);
    Ok(whole + part)
}

/// Writes a duration the way people write it: `1h30m`, `500ms`, `0`.
pub fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (u128::from(seconds / 3600), "h"),
        (u128::from(seconds / 60 % 60), "m"),
        (u128::from(seconds % 60), "s"),
        (u128::from(duration.subsec_millis()), "ms"),
    ];
    let text: String = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if text.is_empty() { "0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("+5m", 300_000),
            ("1.5s", 1_500),
            (".5s", 500),
            ("1.s", 1_000),
            ("250ms", 250),
            ("2m0.25s", 120_250),
            ("1000us", 1),
            ("14h", 50_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn t87_odd_durations_are_refused_by_name() {
        for (text, error) in [
            ("", DurationError::Malformed),
            (".", DurationError::Malformed),
            ("s", DurationError::Malformed),
            ("30", DurationError::NoUnit),
            ("1h30", DurationError::NoUnit),
            ("1d", DurationError::UnknownUnit("d".into())),
            ("1 h", DurationError::UnknownUnit(" h".into())),
            ("-1s", DurationError::Negative),
            ("3000000h", DurationError::TooLong),
            ("99999999999999999999999999999999999999999h", DurationError::TooLong),
            ("9223372036854775808ns", DurationError::TooLong),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert!(parse("9223372036854775807ns").is_ok());
    }

    #[test]
    fn shows_what_people_write() {
        assert_eq!(shown(Duration::from_millis(5_400_500)), "1h30m500ms");
        assert_eq!(shown(Duration::ZERO), "0");
    }
}
