//! What response headers say about time (`api-contract.md` 6.2).

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap};
use std::time::Duration;

/// Longest wait that a header can order; the SDKs' own cap.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// `x-acs-retry-after`, in milliseconds; 0 and what is no number are ignored.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    millis(headers.get("x-acs-retry-after")?.to_str().ok()?)
}

/// The larger `TimeLeft` of the older headers, which also come with answers that are no throttling.
pub(super) fn time_left(headers: &HeaderMap) -> Option<Duration> {
    let names = ["x-ratelimit-user-api", "x-ratelimit-user"];
    let values = names.into_iter().filter_map(|name| headers.get(name)?.to_str().ok());
    let members = values.flat_map(|value| value.split(','));
    members
        .filter_map(|member| member.split_once(':'))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("TimeLeft"))
        .filter_map(|(_, value)| millis(value))
        .max()
}

/// The server's clock.
pub(in crate::aliyun) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTimeParser::new().parse_timestamp(text).ok()
}

fn millis(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More digits than fit are still a number, and a long one.
    let wait = text.parse().map_or(WAIT_MAX, Duration::from_millis);
    (!wait.is_zero()).then(|| wait.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderName;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_wish_is_in_milliseconds_and_at_most_two_minutes() {
        let wish = |value| retry_after(&headers(&[("x-acs-retry-after", value)]));
        assert_eq!(wish("1500"), Some(Duration::from_millis(1500)));
        assert_eq!(wish(" 7 "), Some(Duration::from_millis(7)));
        assert_eq!(wish("99999999"), Some(WAIT_MAX));
        assert_eq!(wish("99999999999999999999999999"), Some(WAIT_MAX));
        for none in ["", "0", "-5", "1.5", "soon", "5s", "+5"] {
            assert_eq!(wish(none), None, "{none}");
        }
        assert_eq!(retry_after(&headers(&[("retry-after", "5")])), None);
    }

    #[test]
    fn of_two_rate_limits_the_longer_counts() {
        let both = headers(&[
            ("x-ratelimit-user-api", "Limit:100,Remain:0,TimeLeft:2000,Reset:1"),
            ("x-ratelimit-user", "Limit:200, Remain:0, timeleft: 9000"),
        ]);
        assert_eq!(time_left(&both), Some(Duration::from_secs(9)));
        let odd = headers(&[("x-ratelimit-user", "TimeLeft:soon,TimeLeft,:5")]);
        assert_eq!(time_left(&odd), None);
    }

    #[test]
    fn the_date_is_read() {
        let date = |value| date(&headers(&[("date", value)]));
        let expected = "1994-11-15T08:12:31Z".parse().ok();
        assert_eq!(date("Tue, 15 Nov 1994 08:12:31 GMT"), expected);
        assert_eq!(date("yesterday"), None);
    }
}
