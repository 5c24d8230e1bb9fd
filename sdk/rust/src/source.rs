//! The source role: what a plugin implements to yield records.

use serde::de::DeserializeOwned;

use crate::bindings::source_plugin::crosspoint::connector::errors;
use crate::bindings::source_plugin::exports::crosspoint::connector::source as wit;
use crate::context::Context;
use crate::{Error, settings};

pub use wit::{
    Budget, Deletes, Page, Part, Received, Reject, Stream, WebhookHeader, WebhookRequest,
};

/// Yields records. Every call runs in a fresh instance: nothing is kept in memory in between.
///
/// Exported by [`source!`](crate::source!) or [`connector!`](crate::connector!).
pub trait Source {
    /// The connector's settings, as the manifest declares them. Parsed before every call; what
    /// does not parse never reaches the plugin.
    type Settings: DeserializeOwned;

    /// Which streams there are. Called after load and after every configuration change; does not
    /// reach out unless streams can only be learnt so.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a setting that makes no sense.
    fn streams(ctx: &Context, settings: &Self::Settings) -> Result<Vec<Stream>, Error>;

    /// One page of a stream, from `cursor` on (absent: from the beginning), within `budget`.
    /// Reading again from any earlier cursor gives the same records or newer versions of them.
    ///
    /// # Errors
    /// Any; the host keeps nothing of the page then.
    fn read(
        ctx: &Context,
        settings: &Self::Settings,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, Error>;

    /// One verified webhook call. Must be quick: the vendor waits. What will never be understood
    /// goes into `rejects`, not into an error.
    ///
    /// # Errors
    /// Any; the vendor is answered with 503 and sends again.
    fn receive(
        ctx: &Context,
        settings: &Self::Settings,
        request: WebhookRequest,
    ) -> Result<Received, Error> {
        let _ = (ctx, settings, request);
        Err(Error::Unsupported(
            "this plugin takes no webhooks".to_owned(),
        ))
    }

    /// Tries quarantined input again. The default rejects all of it again.
    ///
    /// # Errors
    /// Any; the input stays in quarantine.
    fn retry(
        ctx: &Context,
        settings: &Self::Settings,
        stream: &str,
        raw: Vec<Vec<u8>>,
    ) -> Result<Page, Error> {
        let _ = (ctx, settings, stream);
        let mut page = Page::empty();
        page.rejects = raw
            .into_iter()
            .map(|raw| Reject {
                locator: "retry".to_owned(),
                field: None,
                reason: "this plugin does not read quarantined input again".to_owned(),
                raw,
            })
            .collect();
        Ok(page)
    }

    /// Cheap proof, without effect, that settings and credentials work.
    ///
    /// # Errors
    /// What stands in the way.
    fn check(ctx: &Context, settings: &Self::Settings) -> Result<(), Error>;
}

impl Page {
    /// A page without anything, with an empty cursor and nothing more to come.
    pub fn empty() -> Self {
        Self {
            records: Vec::new(),
            rejects: Vec::new(),
            next_cursor: Vec::new(),
            more: false,
            notices: Vec::new(),
        }
    }
}

impl Received {
    /// Nothing.
    pub fn empty() -> Self {
        Self {
            parts: Vec::new(),
            poke: Vec::new(),
        }
    }

    /// What there is of a stream so far, to add records or rejects to.
    pub fn part(&mut self, stream: &str) -> &mut Part {
        let index = match self.parts.iter().position(|part| part.stream == stream) {
            Some(index) => index,
            None => {
                self.parts.push(Part {
                    stream: stream.to_owned(),
                    records: Vec::new(),
                    rejects: Vec::new(),
                });
                self.parts.len() - 1
            }
        };
        &mut self.parts[index]
    }
}

impl WebhookRequest {
    /// The first header of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.name == name);
        found.map(|header| header.value.as_str())
    }
}

/// Joins a [`Source`] to the generated export. Used by the macros.
#[doc(hidden)]
pub struct Exported<S>(std::marker::PhantomData<S>);

fn prepare<S: Source>() -> Result<(Context, S::Settings), errors::Error> {
    let json = crate::bindings::imports::crosspoint::connector::settings::get();
    Ok((Context::host(), settings::parse(&json)?))
}

impl<S: Source> Exported<S> {
    pub fn streams() -> Result<Vec<Stream>, errors::Error> {
        let (ctx, settings) = prepare::<S>()?;
        Ok(S::streams(&ctx, &settings)?)
    }

    pub fn read(
        stream: String,
        cursor: Option<Vec<u8>>,
        budget: Budget,
    ) -> Result<Page, errors::Error> {
        let (ctx, settings) = prepare::<S>()?;
        Ok(S::read(
            &ctx,
            &settings,
            &stream,
            cursor.as_deref(),
            budget,
        )?)
    }

    pub fn receive(request: WebhookRequest) -> Result<Received, errors::Error> {
        let (ctx, settings) = prepare::<S>()?;
        Ok(S::receive(&ctx, &settings, request)?)
    }

    pub fn retry(stream: String, raw: Vec<Vec<u8>>) -> Result<Page, errors::Error> {
        let (ctx, settings) = prepare::<S>()?;
        Ok(S::retry(&ctx, &settings, &stream, raw)?)
    }

    pub fn check() -> Result<(), errors::Error> {
        let (ctx, settings) = prepare::<S>()?;
        Ok(S::check(&ctx, &settings)?)
    }
}
