"""A running host on a project of its own, and what its command line says about a profile."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

# Long enough for a slow machine; what is right is seen at once.
PATIENCE_SECONDS = 30

PROJECT = """
[project]
name = "clients"

[server]
listen = "127.0.0.1:{port}"

[tracking.server]
description = "Backends, with libraries"
write_keys = ["wk_server"]

[tracking.jitsu]
description = "Its keys have a colon, which takes a reference"
write_keys = ["env:JITSU_KEY"]

[tracking.website]
description = "Pages, with scripts"
write_keys = ["wk_website"]
origins = ["{origin}"]

[lookups]
origins = ["{origin}"]
public_traits = ["plan"]
public_segments = ["learners"]

[traits.plan]
type = "text"

[segments.learners]
when = "events('Lesson Done').count() >= 3"

[segments.buyers]
when = "orders.count() == 1 && spend('EUR') == 12.5"
"""

ENVIRONMENT = dict(os.environ, JITSU_KEY="kid:secret", NO_COLOR="1")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, seconds=PATIENCE_SECONDS):
    """Waits for what another process does. The last value of the condition, true or not."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.05)


class Host:
    def __init__(self, binary, origin):
        self.binary = binary
        self.folder = tempfile.TemporaryDirectory(prefix="crosspoint-clients-")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        project = Path(self.folder.name)
        text = PROJECT.format(port=self.port, origin=origin)
        (project / "crosspoint.toml").write_text(text)
        self.log = open(project / "host.log", "w")
        self.process = subprocess.Popen(
            [binary, "--project", project, "run"],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
        )
        if not until(lambda: self.process.poll() is not None or self.is_ready()):
            raise RuntimeError("the host does not get ready:\n" + self.logged())
        if self.process.poll() is not None:
            raise RuntimeError("the host ended:\n" + self.logged())

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def logged(self):
        return (Path(self.folder.name) / "host.log").read_text()[-4000:]

    def ask(self, *arguments):
        """What a command answers in JSON; None where it fails, as for a profile that is not there."""
        done = subprocess.run(
            [self.binary, "--project", self.folder.name, "--json", "--quiet", *arguments],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None

    def profile(self, identifier):
        return self.ask("profile", "show", identifier, "--facts", "1000")

    def quarantined(self):
        return self.ask("quarantine", "list")

    def stop(self):
        """Stops it as an operator does; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.log.close()

    def close(self):
        self.stop()
        self.folder.cleanup()
