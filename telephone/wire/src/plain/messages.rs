use serde::{Deserialize, Deserializer, Serialize};

use super::{Body, Fields};

/// `http_request`: a request that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// What the answer refers to. Unique in its session; nothing else is to be read out of it.
    pub request_id: String,
    /// The method.
    pub method: String,
    /// The path, percent-encoded as the client sent it: `/` first, or `*` alone.
    pub path: String,
    /// The query without its `?`, empty when there is none.
    #[serde(default)]
    pub query: String,
    /// Header fields, names in lower case.
    #[serde(default)]
    pub headers: Fields,
    /// The whole body.
    #[serde(default)]
    pub body: Body,
}

/// `http_response`: the answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// The request's.
    pub request_id: String,
    /// The status of a final response: 200 to 999.
    pub status: u16,
    /// Header fields. What frames the body (`content-length`, `transfer-encoding`, `connection`) is the server's
    /// business and need not be there.
    #[serde(default, deserialize_with = "or_default")]
    pub headers: Fields,
    /// The whole body.
    #[serde(default)]
    pub body: Body,
}

/// `http_error`: the telephone has no answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpError {
    /// The request's.
    pub request_id: String,
    /// The reason for a program, as a word like `local_unreachable`. `timeout` is answered with 504, `busy` with 503,
    /// everything else with 502.
    #[serde(default, deserialize_with = "or_default")]
    pub error: String,
    /// The reason for people.
    #[serde(default, deserialize_with = "or_default")]
    pub message: String,
}

/// `http_cancel`: nobody waits for an answer any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpCancel {
    /// The request's.
    pub request_id: String,
}

/// Some languages write `null` for what is not there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
