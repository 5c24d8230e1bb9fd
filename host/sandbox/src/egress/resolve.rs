//! Name lookup that refuses a name as soon as one of its addresses may not be dialled, and hands
//! exactly the checked addresses to the dial: there is no second lookup that could differ.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::grants::Granter;

pub(super) struct CheckedResolver {
    granter: Arc<Granter>,
}

impl CheckedResolver {
    pub(super) fn new(granter: Arc<Granter>) -> Self {
        Self { granter }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let granter = self.granter.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            for address in &found {
                granter
                    .admits(&host, address.ip())
                    .map_err(|reason| Denied(format!("host `{host}`: {reason}")))?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[derive(Debug)]
struct Denied(String);

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Denied {}

/// The reason, if the error is a refusal of ours.
pub(super) fn denied(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(Denied(reason)) = error.downcast_ref::<Denied>() {
            return Some(reason.clone());
        }
        next = error.source();
    }
    None
}
