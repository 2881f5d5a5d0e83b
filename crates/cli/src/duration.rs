//! Times as people write them: `90s`, `10m`, `1h`, `7d`.

use std::time::Duration;

/// Reads a number with its unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let error = || format!("expected a time such as 90s, 10m, 1h or 7d, received `{text}`");
    let unit = text.chars().last().ok_or_else(error)?;
    let number: u64 = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok())
        .ok_or_else(error)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(error()),
    };
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        for text in ["", "h", "1", "1y", "-1s", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
