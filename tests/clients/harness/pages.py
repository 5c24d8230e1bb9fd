"""The website: the pages in `pages/`, and the script of Segment as its package ships it."""

import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from .install import HERE, NODE_MODULES

SEGMENT = NODE_MODULES / "@segment" / "analytics-next" / "dist" / "umd"


class Handler(SimpleHTTPRequestHandler):
    """Serves files; in pages, `{{host}}` stands for the address of the host."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.split("?")[0].split("#")[0]
        if path.startswith("/segment/"):
            found = SEGMENT / path.rsplit("/", 1)[1]
        else:
            # An address without a dot is one within a site that has one page.
            found = HERE / "pages" / (path.strip("/") if "." in path else "own.html")
        if not found.is_file():
            self.send_error(404)
            return
        body = found.read_bytes().replace(b"{{host}}", self.server.host_url.encode())
        kind = "text/html" if found.suffix == ".html" else "text/javascript"
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Pages:
    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def use(self, host_url):
        """Says where the pages find the host."""
        self.server.host_url = host_url

    def close(self):
        self.server.shutdown()
        self.server.server_close()
