"""What runs in a browser: Segment's script, and our own."""

import json
import os
import subprocess
from collections import Counter

from .host import until
from .install import HERE
from .servers import FAULTS, PROGRAM_SECONDS, told

OWN = "crosspoint.js"
SEGMENT = "@segment/analytics-next 1.84.3"


class Browser:
    """Runs scenarios of `programs/browser.mjs`."""

    def __init__(self, report, host, proxy, pages, chromium):
        self.report = report
        self.host = host
        self.proxy = proxy
        self.environment = dict(
            os.environ,
            CHROMIUM=chromium,
            PAGES=pages.origin,
            CLIENT_URL=proxy.url,
            CLIENT_KEY="wk_website",
        )

    def run(self, scenario, person, what, plan=()):
        """What the scenario saw; None where it failed."""
        self.proxy.arm(plan)
        try:
            done = subprocess.run(
                ["node", HERE / "programs" / "browser.mjs", scenario],
                env=dict(self.environment, CLIENT_PERSON=person),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PROGRAM_SECONDS,
            )
        except subprocess.TimeoutExpired:
            self.report.check(f"{what}: it ends", False, f"runs longer than {PROGRAM_SECONDS} s")
            return None
        if not self.report.check(f"{what}: it ends well", done.returncode == 0, done.stderr[-800:]):
            return None
        saw = json.loads(done.stdout)
        self.report.equal(f"{what}: no error on the page", saw["faults"], [])
        return saw

    def facts(self, identifier, least):
        """Names of a profile's events, counted, once there are as many."""
        found = {}

        def enough():
            profile = self.host.profile(identifier)
            found["profile"] = profile
            return profile and profile["facts_total"] >= least

        until(enough)
        profile = found["profile"] or {"facts": []}
        return Counter(fact["name"] for fact in profile["facts"] if fact["kind"] == "event"), profile


def test(report, host, proxy, pages, chromium, only=None):
    browser = Browser(report, host, proxy, pages, chromium)
    if not only or only in SEGMENT:
        stories(browser, SEGMENT, "segment")
    if not only or only in OWN:
        stories(browser, OWN, "story")
        for scenario in (shop, init, people, consent, beacon, offline, online):
            scenario(browser)


def stories(browser, name, scenario):
    for at, (fault, plan) in enumerate(FAULTS.items()):
        what = f"{name}, {fault}"
        person = f"{scenario}{at}"
        if browser.run(scenario, person, what, plan) is not None:
            told(browser.report, browser.host, what, person, browser.proxy.seen())


def shop(browser):
    """Pages, products, campaign: what the story leaves behind."""
    report, what = browser.report, f"{OWN}, a visit to a shop"
    counts, profile = browser.facts("user-id:story0", 13)
    for name in ("Product Viewed", "Product Added", "Product Removed", "Cart Viewed", "Checkout Started"):
        report.equal(f"{what}: {name} counts", counts[name], 1)
    report.equal(f"{what}: the page and the next address count", counts["page"], 2)
    pages = [fact for fact in profile["facts"] if fact["name"] == "page"]
    pages.sort(key=lambda fact: fact["at"])
    told = json.dumps(pages[-1]["properties"]) if pages else ""
    report.check(f"{what}: the second page has the address and its referrer", "/lessons/2" in told and "utm_source" in told, told)
    report.check(f"{what}: the campaign is kept", all("may" in json.dumps(page["properties"]) for page in pages), told)


def init(browser):
    report, what = browser.report, f"{OWN}, started by hand"
    if browser.run("init", "byhand", what) is None:
        return
    counts, _ = browser.facts("user-id:byhand", 2)
    report.equal(f"{what}: what was said before the script came counts", counts["Early"], 1)
    report.equal(f"{what}: there is the page view that was asked for", counts["page"], 1)
    named = [m.get("name") for call in browser.proxy.seen() for m in call.messages if m["type"] == "page"]
    report.equal(f"{what}: there is no other", named, ["By hand"])


def people(browser):
    report, what = browser.report, f"{OWN}, three people at one browser"
    if browser.run("people", "p", what) is None:
        return
    for number, own in (("first", "Of first"), ("second", "Of second"), ("third", "Of nobody")):
        counts, profile = browser.facts(f"user-id:p-{number}", 1)
        named = {name for name in counts if name.startswith("Of ")}
        report.equal(f"{what}: the {number} has what is theirs", named, {own})
        users = [it for it in profile.get("identifiers", []) if it.startswith("user-id:")]
        report.equal(f"{what}: the {number} is one person", users, [f"user-id:p-{number}"])


def consent(browser):
    report, what = browser.report, f"{OWN}, consent required"
    saw = browser.run("consent", "asked", what)
    if saw is None:
        return
    undecided = saw["undecided"]
    report.equal(f"{what}: undecided, nothing is sent", undecided["calls"], 0)
    report.equal(f"{what}: undecided, there is no cookie", undecided["cookie"], "")
    kept = {key: json.loads(text) for key, text in undecided["storage"].items()}
    report.equal(f"{what}: undecided, the answer alone is kept", kept, {"crosspoint": {"consent": {"ads": False}}})
    granted = saw["granted"]
    report.check(f"{what}: allowed, there is an id", "crosspoint_id=" in granted["cookie"], granted)
    for moment in ("withdrawn", "later"):
        kept = {key: json.loads(text) for key, text in saw[moment]["storage"].items()}
        answers = {"crosspoint": {"consent": {"ads": False, "analytics": False}}}
        report.equal(f"{what}: {moment}, the answer alone is kept", kept, answers)
        report.equal(f"{what}: {moment}, there is no cookie", saw[moment]["cookie"], "")
    report.equal(f"{what}: withdrawn, a later page sends nothing", saw["later"]["calls"], 0)
    counts, _ = browser.facts("user-id:asked", 4)
    report.equal(
        f"{what}: only what was allowed counts",
        (counts["Before"], counts["Held"], counts["Allowed"], counts["After"], counts["Later"]),
        (0, 1, 1, 0, 0),
    )
    wanted = {"ads": "withdrawn", "analytics": "withdrawn"}
    until(lambda: (browser.host.profile("user-id:asked") or {}).get("consents") == wanted)
    profile = browser.host.profile("user-id:asked") or {}
    report.equal(f"{what}: the host knows the withdrawal", profile.get("consents"), wanted)


def beacon(browser):
    report, what = browser.report, f"{OWN}, a page that goes away"
    saw = browser.run("beacon", "leaver", what)
    if saw is None:
        return
    left = [
        at
        for at, call in enumerate(browser.proxy.seen())
        if any(m.get("event") == "Left" for m in call.messages)
    ]
    report.equal(f"{what}: a beacon has it, and the next page again", len(left), 2)
    alone = browser.proxy.seen()[left[0]] if left else None
    report.check(f"{what}: the beacon has nothing else", alone and len(alone.messages) == 1, alone)
    counts, _ = browser.facts("user-id:leaver", 3)
    report.equal(f"{what}: it counts once", counts["Left"], 1)


def offline(browser):
    report, what = browser.report, f"{OWN}, closed while offline"
    saw = browser.run("offline", "cut", what)
    if saw is None:
        return
    report.check(f"{what}: events wait in the browser", saw["waiting"] >= 250, saw["waiting"])
    counts, _ = browser.facts("user-id:cut", 252)
    report.equal(f"{what}: each counts once", counts["Offline"], 250)
    largest = max(len(call.messages) for call in browser.proxy.seen())
    report.check(f"{what}: no batch is too large", largest <= 100, largest)


def online(browser):
    report, what = browser.report, f"{OWN}, back online"
    if browser.run("online", "back", what) is None:
        return
    counts, _ = browser.facts("user-id:back", 3)
    report.equal(f"{what}: the event counts once", counts["Offline"], 1)
