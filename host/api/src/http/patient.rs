//! A connection whose other end must ask and read at a fair pace.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Sleep;

/// Which of a connection's requests is being answered.
#[derive(Default)]
pub(super) struct Attention {
    requests: AtomicU64,
    answers: AtomicBool,
    first: Notify,
}

impl Attention {
    /// A request's headers are there.
    pub fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.answers.store(true, Ordering::Relaxed);
        self.first.notify_one();
    }

    /// Its answer is made.
    pub fn end(&self) {
        self.answers.store(false, Ordering::Relaxed);
    }

    /// Completes once there was a request.
    pub async fn begun(&self) {
        self.first.notified().await;
    }
}

/// After the last answer, for so long and so much is read what the caller still sends. A request that
/// was answered before its body was read, such as one that was refused, may still be on its way;
/// closing at once would make the caller's system throw the answer away (RFC 9112, 9.6).
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// Where a connection is in its end.
enum Closing {
    NotYet,
    /// Nothing more is written; so many more bytes are read, until then.
    Lingers(usize, Pin<Box<Sleep>>),
    Done,
}

/// Fails once nothing could be written for a while, since a caller who does not read holds memory;
/// and once the headers of a request have begun and do not end.
pub(super) struct Patient<S> {
    stream: S,
    stall: Duration,
    headers: Duration,
    attention: Arc<Attention>,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Requests before the one whose headers have begun.
    heading: Option<u64>,
    dragging: Option<Pin<Box<Sleep>>>,
    closing: Closing,
}

impl<S> Patient<S> {
    pub fn new(stream: S, stall: Duration, headers: Duration, attention: &Arc<Attention>) -> Self {
        Self {
            stream,
            stall,
            headers,
            attention: Arc::clone(attention),
            stalled: None,
            heading: None,
            dragging: None,
            closing: Closing::NotYet,
        }
    }

    /// Judges a read that brought nothing yet.
    fn waits(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.attention.requests.load(Ordering::Relaxed);
        let answers = self.attention.answers.load(Ordering::Relaxed);
        if answers || self.heading != Some(before) {
            self.heading = None;
            self.dragging = None;
            return Poll::Pending;
        }
        let headers = self.headers;
        let dragging = self
            .dragging
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(headers)));
        match dragging.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> Patient<S> {
    /// Reads and forgets what still comes; ready at its end, or where nothing was on its way.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Closing::Lingers(left, end) = &mut self.closing else {
            return Poll::Ready(());
        };
        let mut scratch = [0; 4 << 10];
        while *left > 0 {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    *left = left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if *left == LINGER_BYTES => return Poll::Ready(()),
                Poll::Pending => return end.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_pending() {
            return self.waits(cx);
        }
        if buffer.filled().len() > filled && !self.attention.answers.load(Ordering::Relaxed) {
            let before = self.attention.requests.load(Ordering::Relaxed);
            if self.heading != Some(before) {
                self.heading = Some(before);
                self.dragging = None;
            }
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.closing, Closing::NotYet) {
            let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
            match self.judge(cx, shut) {
                Poll::Ready(Ok(())) => {
                    let end = Box::pin(tokio::time::sleep(LINGER));
                    self.closing = Closing::Lingers(LINGER_BYTES, end);
                }
                other => return other,
            }
        }
        if self.linger(cx).is_pending() {
            return Poll::Pending;
        }
        self.closing = Closing::Done;
        Poll::Ready(Ok(()))
    }
}
