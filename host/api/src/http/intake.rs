//! How much of request bodies the host takes in, and for how long it waits for them.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// What request bodies may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// Longest body of one request, as it comes; endpoints are stricter.
    pub bytes: usize,
    /// Longest time from a request's headers to the end of its body.
    pub time: Duration,
}

/// Why a body was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooLong,
    TooSlow,
    NoRoom,
}

impl Fault {
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoom => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    pub fn why(self) -> &'static str {
        match self {
            Self::TooLong => "the body of the request is too long",
            Self::TooSlow => "the body of the request came too slowly",
            Self::NoRoom => "the host takes in too much at once; try again",
        }
    }
}

/// What one request has taken in. Its room is free again once this and the body are gone, so
/// whoever answers holds it until the answer is made.
pub(super) struct Intake {
    allowance: Allowance,
    room: Arc<Semaphore>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
    fault: Option<Fault>,
}

impl Intake {
    /// Of one request; `room` are the bytes that the bodies of all requests may hold together.
    pub fn new(allowance: Allowance, room: &Arc<Semaphore>) -> Arc<Self> {
        Arc::new(Self {
            allowance,
            room: Arc::clone(room),
            taken: Mutex::default(),
        })
    }

    /// The body with its bounds.
    pub fn bound(self: &Arc<Self>, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Bounded {
            body,
            intake: Arc::clone(self),
            deadline: Box::pin(tokio::time::sleep(self.allowance.time)),
        })
    }

    /// Why the body was not taken in, if it was not.
    pub fn fault(&self) -> Option<Fault> {
        self.taken().fault
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: usize) -> Result<(), Fault> {
        let mut taken = self.taken();
        taken.bytes = taken.bytes.saturating_add(bytes);
        if taken.bytes > self.allowance.bytes {
            return Err(Fault::TooLong);
        }
        let permits = u32::try_from(bytes).map_err(|_| Fault::TooLong)?;
        let permit = Arc::clone(&self.room)
            .try_acquire_many_owned(permits)
            .map_err(|_| Fault::NoRoom)?;
        match &mut taken.permit {
            Some(before) => before.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }

    /// Remembers the fault and makes the error that ends the body.
    fn fail(&self, fault: Fault) -> axum::Error {
        self.taken().fault = Some(fault);
        axum::Error::new(io::Error::other(fault.why()))
    }
}

struct Bounded {
    body: Body,
    intake: Arc<Intake>,
    deadline: Pin<Box<Sleep>>,
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        // A length that is announced need not be waited for.
        let announced = usize::try_from(this.body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > this.intake.allowance.bytes {
            return Poll::Ready(Some(Err(this.intake.fail(Fault::TooLong))));
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                match this.intake.take(bytes) {
                    Ok(()) => Poll::Ready(Some(Ok(frame))),
                    Err(fault) => Poll::Ready(Some(Err(this.intake.fail(fault)))),
                }
            }
            Poll::Pending => {
                let late = this.deadline.as_mut().poll(cx).is_ready();
                match late {
                    true => Poll::Ready(Some(Err(this.intake.fail(Fault::TooSlow)))),
                    false => Poll::Pending,
                }
            }
            ended => ended,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
