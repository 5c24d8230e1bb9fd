"""The order of things: install, start a host, run every client, report."""

import argparse
import subprocess

from . import browsers, install, servers
from .host import Host
from .pages import Pages
from .proxy import Proxy
from .report import Report


def arguments(args):
    parser = argparse.ArgumentParser(prog="tests/clients/run", description=__doc__)
    parser.add_argument("--install", action="store_true", help="install what is needed, and stop")
    parser.add_argument("--only", metavar="TEXT", help="only clients whose name holds this")
    return parser.parse_args(args)


def main(args):
    wanted = arguments(args)
    report = Report()
    try:
        install.python_clients()
        install.node_clients()
        chromium = install.chromium()
    except install.Missing as missing:
        report.check("everything needed is installed", False, missing)
        return report.end()
    if wanted.install:
        return 0
    binary = install.binary()

    check = ["node", install.HERE / "minify.mjs", "--check"]
    made = subprocess.run(check, capture_output=True, text=True)
    report.check("crosspoint.min.js is what crosspoint.js gives", made.returncode == 0, made.stderr)

    pages = Pages()
    host = Host(binary, pages.origin)
    proxy = Proxy(host.port)
    pages.use(proxy.url)
    try:
        servers.test(report, host, proxy, wanted.only)
        browsers.test(report, host, proxy, pages, chromium, wanted.only)
        rejects = host.quarantined()
        report.check("nothing was put into quarantine", not rejects, rejects)
        report.equal("the host stops well", host.stop(), 0)
    finally:
        proxy.close()
        pages.close()
        if report.failed:
            print(host.logged())
        host.close()
    return report.end()
