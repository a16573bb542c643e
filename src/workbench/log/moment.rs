//! The moment of a line: `2026-11-20T09:15:00.123Z`. Most lines are of the day of the one before.

use crate::base::time::Timestamp;

/// Reads moments; knows the day of the last one.
#[derive(Debug, Default)]
pub(super) struct Moments {
    day: Box<str>,
    /// When it began.
    midnight: i64,
}

impl Moments {
    /// The whole second; `None` where it is not a moment.
    pub(super) fn read(&mut self, text: &str) -> Option<Timestamp> {
        let plain = || text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_second()));
        let Some((day, clock)) = text.split_at_checked(11) else { return plain() };
        let Some(seconds) = seconds(clock.as_bytes()) else { return plain() };
        if day != &*self.day {
            let midnight: jiff::Timestamp = format!("{day}00:00:00Z").parse().ok()?;
            (self.day, self.midnight) = (day.into(), midnight.as_second());
        }
        Some(Timestamp(self.midnight + seconds))
    }
}

/// Seconds since midnight of `09:15:00.123Z`, and of this form alone.
fn seconds(clock: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = clock else { return None };
    let fraction = rest.strip_suffix(b"Z")?;
    let fine = match fraction {
        [] => true,
        [b'.', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let two = |tens: &u8, ones: &u8| {
        let both = tens.is_ascii_digit() && ones.is_ascii_digit();
        both.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let (hours, minutes, seconds) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    let in_range = hours < 24 && minutes < 60 && seconds < 60;
    (fine && in_range).then_some((hours * 60 + minutes) * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_what_the_calendar_says() {
        let mut moments = Moments::default();
        for text in [
            "2026-11-20T09:15:00.123Z",
            "2026-11-20T23:59:59.999Z",
            "2026-11-21T00:00:00Z",
            "2024-02-29T12:00:00.5Z",
            "1969-12-31T23:59:58Z",
            "2026-11-20T09:15:00.123+02:00",
            "2026-11-20 09:15:00Z",
        ] {
            let expected: jiff::Timestamp = text.parse().unwrap();
            assert_eq!(moments.read(text), Some(Timestamp(expected.as_second())), "{text}");
        }
        for text in
            ["", "2026-13-20T09:15:00Z", "2026-11-20T25:00:00Z", "2026-11-20T09:15:00.Z", "now"]
        {
            assert_eq!(moments.read(text), None, "{text}");
        }
    }
}
