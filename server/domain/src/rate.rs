//! How many requests may come in a time, whoever sends them.

use crate::{RateLimit, RatePer, schema::written_as};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The largest number of requests in a limit.
pub(crate) const MOST_REQUESTS: u32 = 1_000_000;
/// The longest time of a limit of rates: a day, in seconds.
pub(crate) const LONGEST_RATE: u32 = 86_400;

/// So many requests in so many seconds, of a token, an account or a server. As text: `1000/60 burst 2000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct RequestRate {
    requests: u32,
    seconds: u32,
    burst: Option<u32>,
}

/// A limit as JSON.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = RequestRate))]
#[serde(deny_unknown_fields)]
struct Written {
    /// How many, 1 to 1,000,000.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 1_000_000))]
    requests: u32,
    /// In how many seconds, 1 to 86,400.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 86_400))]
    seconds: u32,
    /// How many may come at once after a quiet time; nothing: `requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 1_000_000))]
    burst: Option<u32>,
}

written_as!(RequestRate, Written, "So many requests in so many seconds; `burst` may come at once.");

/// This is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestRateError {
    /// The text is none.
    #[error("a limit is written as requests/seconds, such as 1000/60, or 1000/60 burst 2000")]
    Text,
    /// A number is out of range.
    #[error("a limit has 1 to {MOST_REQUESTS} requests and burst, and 1 to {LONGEST_RATE} seconds")]
    Range,
}

impl TryFrom<Written> for RequestRate {
    type Error = RequestRateError;

    fn try_from(Written { requests, seconds, burst }: Written) -> Result<Self, RequestRateError> {
        let amount = 1..=MOST_REQUESTS;
        let fits = amount.contains(&requests) && burst.is_none_or(|burst| amount.contains(&burst));
        match fits && (1..=LONGEST_RATE).contains(&seconds) {
            true => Ok(Self { requests, seconds, burst }),
            false => Err(RequestRateError::Range),
        }
    }
}

impl From<RequestRate> for Written {
    fn from(RequestRate { requests, seconds, burst }: RequestRate) -> Self {
        Self { requests, seconds, burst }
    }
}

impl RequestRate {
    /// The same as a limit of all clients together.
    pub fn of_all(self) -> RateLimit {
        RateLimit { requests: self.requests, seconds: self.seconds, burst: self.burst, per: RatePer::All }
    }
}

impl FromStr for RequestRate {
    type Err = RequestRateError;

    fn from_str(text: &str) -> Result<Self, RequestRateError> {
        let number = |text: &str| text.parse().map_err(|_| RequestRateError::Text);
        let words: Vec<_> = text.split_whitespace().collect();
        let (rate, burst) = match words.as_slice() {
            [rate] => (*rate, None),
            [rate, "burst", burst] => (*rate, Some(number(burst)?)),
            _ => return Err(RequestRateError::Text),
        };
        let (requests, seconds) = rate.split_once('/').ok_or(RequestRateError::Text)?;
        let seconds = number(seconds.strip_suffix('s').unwrap_or(seconds))?;
        Written { requests: number(requests)?, seconds, burst }.try_into()
    }
}

impl fmt::Display for RequestRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, self.seconds)?;
        self.burst.map_or(Ok(()), |burst| write!(f, " burst {burst}"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn limits_are_written_and_read_alike() {
        for (text, shown) in
            [("100/60", "100/60"), (" 100/60s ", "100/60"), ("1000/1  burst 2000", "1000/1 burst 2000")]
        {
            let rate: RequestRate = text.parse().unwrap();
            assert_eq!(rate.to_string(), shown);
            let json = serde_json::to_string(&rate).unwrap();
            assert_eq!(serde_json::from_str::<RequestRate>(&json).unwrap(), rate);
        }
        for wrong in ["", "100", "100/", "/60", "100/60 client", "100/60 burst", "0/1", "1/0", "1/86401", "1/1 burst 0"]
        {
            assert!(wrong.parse::<RequestRate>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<RequestRate>(r#"{"requests":0,"seconds":1}"#).is_err());
        assert!(serde_json::from_str::<RequestRate>(r#"{"requests":1,"seconds":1,"per":"all"}"#).is_err());
    }
}
