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

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
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
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, shut)
    }
}
