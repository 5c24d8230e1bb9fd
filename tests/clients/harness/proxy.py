"""A proxy between a client and the host that answers some requests badly, on request.

It hands over what it gets unchanged, `Host` included, and keeps what it saw. Faults are for
tracking calls only, one a call, in order:

- an integer: the host never sees the call, and the client gets that status;
- `LOST`: the host takes the call, and the client gets a 502 in the place of its answer;
- `PASS`: nothing is done to it.
"""

import gzip
import http.client
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOST = "lost answer"
PASS = "pass"

# What a connection is, not what is said over it.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Call:
    """One tracking request, and what the client was answered."""

    path: str
    ids: list = field(default_factory=list)
    messages: list = field(default_factory=list)
    status: int = 0
    reached_host: bool = False


def messages_in(body):
    """The messages of a request's body, in whatever form a client sends it."""
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    try:
        parsed = json.loads(body)
    except ValueError:
        return []
    if isinstance(parsed, list):
        return parsed
    return parsed["batch"] if "batch" in parsed else [parsed]


class Proxy:
    """Listens on a port of its own until `close`."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.lock = threading.Lock()
        self.faults = []
        self.calls = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError):
                    self.close_connection = True

            def answer(self):
                proxy.handle(self)

            do_GET = do_POST = do_OPTIONS = do_HEAD = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def arm(self, faults):
        """Faults for the next tracking calls; forgets what was seen."""
        with self.lock:
            self.faults = list(faults)
            self.calls = []

    def seen(self):
        """Tracking calls so far."""
        with self.lock:
            return list(self.calls)

    def handle(self, request):
        length = int(request.headers.get("content-length") or 0)
        body = request.rfile.read(length) if length else b""
        if request.headers.get("transfer-encoding", "").lower() == "chunked":
            body = read_chunks(request.rfile)
        call = fault = None
        if request.command == "POST":
            messages = messages_in(body)
            ids = [message.get("messageId") for message in messages]
            call = Call(request.path, ids, messages)
            with self.lock:
                self.calls.append(call)
                fault = self.faults.pop(0) if self.faults else PASS
        if isinstance(fault, int):
            call.status = fault
            retry = [("Retry-After", "1")] if fault == 429 else []
            reply(request, fault, retry + cross_origin(request), b"{}")
            return
        status, headers, answer = self.forward(request, body)
        if call:
            call.reached_host = True
            if fault == LOST:
                status, headers, answer = 502, cross_origin(request), b"{}"
            call.status = status
        reply(request, status, headers, answer)

    def forward(self, request, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        try:
            connection.putrequest(
                request.command, request.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers.items():
                if name.lower() not in HOP:
                    connection.putheader(name, value)
            if request.command == "POST":
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP]
            return response.status, headers, response.read()
        finally:
            connection.close()


def cross_origin(request):
    """What lets a page read an answer that the host did not give."""
    origin = request.headers.get("origin")
    if not origin:
        return []
    return [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "Retry-After")]


def read_chunks(stream):
    body = b""
    while True:
        size = int(stream.readline().split(b";")[0], 16)
        body += stream.read(size)
        stream.readline()
        if size == 0:
            return body


def reply(request, status, headers, body):
    request.send_response_only(status)
    for name, value in headers:
        request.send_header(name, value)
    if status not in (204, 304):
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD" and status not in (204, 304):
        request.wfile.write(body)
