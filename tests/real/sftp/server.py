"""An OpenSSH server of its own for SFTP only, and a way to it that can be cut."""

import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

PATIENCE_SECONDS = 30
SBIN = "/usr/sbin:/usr/bin:/usr/local/sbin"

CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {keys}/host_ed25519
HostKey {keys}/host_rsa
PidFile {folder}/sshd.pid
AuthorizedKeysFile {keys}/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


def sshd():
    return shutil.which("sshd", path=SBIN)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.05)


def key(path, kind="ed25519", passphrase=""):
    bits = ["-b", "3072"] if kind == "rsa" else []
    command = ["ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-C", "test", "-f", path]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    path.chmod(0o600)


class Server:
    """Serves `folder/files` to whoever holds `folder/keys/user`."""

    def __init__(self, folder):
        self.folder, self.keys, self.files = folder, folder / "keys", folder / "files"
        self.user = getpass.getuser()
        self.port = free_port()
        self.keys.mkdir()
        self.files.mkdir()
        for name in ("user", "stranger"):
            key(self.keys / name)
        key(self.keys / "locked", passphrase="a long passphrase")
        key(self.keys / "user_rsa", "rsa")
        known = [(self.keys / f"{name}.pub").read_text() for name in ("user", "locked", "user_rsa")]
        (self.keys / "authorized_keys").write_text("".join(known))
        key(self.keys / "host_rsa", "rsa")
        self.new_host_key()
        self.process = None
        self.start()

    def new_host_key(self):
        for name in ("host_ed25519", "host_ed25519.pub"):
            (self.keys / name).unlink(missing_ok=True)
        key(self.keys / "host_ed25519")

    def known_hosts(self, port, name="host_ed25519"):
        kind, data = (self.keys / f"{name}.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{port} {kind} {data}\n"

    def start(self):
        config = self.folder / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, keys=self.keys, folder=self.folder))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.log = open(self.folder / "sshd.log", "a")
        command = [sshd(), "-D", "-e", "-f", config]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until(self.answers, "sshd")

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError("sshd ended: " + (self.folder / "sshd.log").read_text()[-2000:])
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Cable:
    """Passes connections on to a port, and cuts each after so many bytes from there."""

    def __init__(self, port):
        self.target = port
        self.cut_after = None
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            threading.Thread(target=self.copy, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, True), daemon=True).start()

    def copy(self, source, target, counts):
        passed = 0
        try:
            while data := source.recv(16384):
                passed += len(data)
                if counts and self.cut_after is not None and passed > self.cut_after:
                    self.cuts += 1
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
