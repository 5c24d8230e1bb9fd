//! Reading a body. Time and memory are bounded for every request alike; here it is the limit of
//! tracking calls.

use axum::body::Body;
use crosspoint_runtime::live::tracking::{Limits, Refusal};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::answer::Failure;

/// The bytes of a body.
pub(super) async fn read(mut body: Body, limits: Limits) -> Result<Vec<u8>, Failure> {
    let limit_bytes = limits.body_bytes;
    let too_large = || Failure::Refused(Refusal::TooLarge { limit_bytes });
    if body.size_hint().lower() > limit_bytes as u64 {
        return Err(too_large());
    }
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::Broken)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if read.len() + data.len() > limit_bytes {
            return Err(too_large());
        }
        read.extend_from_slice(data);
    }
    Ok(read)
}
