"""Installs the clients and the browser, by the ordinary package managers, below target/clients."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
TARGET = ROOT / "target" / "clients"
PYTHON = TARGET / "venv" / "bin" / "python"
NODE_MODULES = TARGET / "node" / "node_modules"


class Missing(Exception):
    """Something that this script cannot install."""


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise Missing(f"`{' '.join(map(str, command))}` failed:\n{done.stdout[-2000:]}")


def is_current(stamp, *sources):
    """Whether what was installed came from these very files."""
    wanted = "".join(source.read_text() for source in sources)
    return stamp.exists() and stamp.read_text() == wanted


def python_clients():
    wanted = HERE / "requirements.txt"
    stamp = TARGET / "venv" / "installed"
    if is_current(stamp, wanted):
        return
    shutil.rmtree(TARGET / "venv", ignore_errors=True)
    run([sys.executable, "-m", "venv", TARGET / "venv"])
    run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", wanted])
    stamp.write_text(wanted.read_text())


def node_clients():
    if not shutil.which("npm"):
        raise Missing("npm is not installed: install Node.js 18 or later with npm")
    package, lock = HERE / "package.json", HERE / "package-lock.json"
    stamp = TARGET / "node" / "installed"
    if is_current(stamp, package, lock):
        return
    folder = TARGET / "node"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in (package, lock):
        shutil.copy(source, folder)
    # No client needs a script of its own to be installed; one that ran could reach anything. Not
    # `npm ci`: it refuses the lock file where a registry lacks an optional package.
    quiet = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
    run(["npm", "install", *quiet], cwd=folder)
    stamp.write_text(package.read_text() + lock.read_text())


def chromium():
    """Path of a Chromium, installed as a Debian package where it is missing and this is root."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.geteuid() or not shutil.which("apt-get"):
        raise Missing("Chromium is not installed: install it, as by `apt-get install chromium`")
    quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run(["apt-get", "update", "-q"], env=quiet)
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"], env=quiet)
    if found := shutil.which("chromium"):
        return found
    raise Missing("Chromium was installed, but there is no command `chromium`")


def binary():
    """The host under test: `CROSSPOINT`, else a release build of this tree."""
    if named := os.environ.get("CROSSPOINT"):
        return Path(named).resolve()
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return (ROOT / folder / "release" / "crosspoint").resolve()
