"""The clients that run on servers: each tells the story of one person, with and without faults."""

import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass

from .host import until
from .install import HERE, PYTHON
from .proxy import LOST, PASS

PROGRAM_SECONDS = 120

# What happens to the first calls of a client, in words.
FAULTS = {
    "all well": [],
    "first answer 500": [500],
    "first answer 429": [429],
    "500, then 429": [500, 429],
    "first answer lost": [LOST],
}


@dataclass
class Client:
    """A client and what is known about it."""

    name: str
    command: list
    key: str = "wk_server"
    # Whether it sends again what was refused for now. What does not is lost by the client.
    retries: bool = True


CLIENTS = [
    Client("segment-analytics-python 2.4.0", [PYTHON, "segment_python.py"]),
    Client("rudder-sdk-python 2.1.9", [PYTHON, "rudder_python.py"]),
    Client("@segment/analytics-node 3.1.0", ["node", "segment_node.mjs"]),
    Client("analytics-node 6.2.0", ["node", "analytics_node.mjs"]),
    Client("@rudderstack/rudder-sdk-node 3.0.13", ["node", "rudder_node.mjs"]),
    Client("@jitsu/js 1.11.0", ["node", "jitsu.mjs"], key="kid:secret", retries=False),
]


def test(report, host, proxy, only=None):
    for number, client in enumerate(CLIENTS):
        if only and only not in client.name:
            continue
        for at, (fault, plan) in enumerate(FAULTS.items()):
            person = f"u{number}x{at}"
            tell(report, host, proxy, client, person, fault, plan)


def tell(report, host, proxy, client, person, fault, plan):
    what = f"{client.name}, {fault}"
    proxy.arm(plan)
    program, script = client.command
    environment = dict(
        os.environ, CLIENT_URL=proxy.url, CLIENT_KEY=client.key, CLIENT_PERSON=person
    )
    try:
        done = subprocess.run(
            [program, HERE / "programs" / script],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
        )
    except subprocess.TimeoutExpired:
        report.check(f"{what}: it ends", False, f"runs longer than {PROGRAM_SECONDS} s")
        return
    report.check(f"{what}: it ends well", done.returncode == 0, done.stderr[-800:])
    calls = proxy.seen()
    statuses = [call.status for call in calls]
    expected = [502 if step == LOST else step for step in plan if step != PASS]
    report.check(
        f"{what}: it was answered as planned",
        statuses[: len(expected)] == expected and set(statuses[len(expected) :]) == {200},
        statuses,
    )
    told(report, host, what, person, calls, client.retries)


def told(report, host, what, person, calls, retries=True):
    """Everything that the host was sent is in the profile, and counts once."""
    made = {m["messageId"]: m for call in calls for m in call.messages}
    sent = {id for call in calls if call.reached_host for id in call.ids}
    lost = [made[id] for id in made if id not in sent]
    if retries:
        report.check(f"{what}: nothing is lost", not lost, json.dumps(lost)[:500])
    else:
        # If this fails because nothing is lost, the client has learnt to try again: say so above.
        refused = any(not call.reached_host for call in calls)
        report.equal(f"{what}: it tries nothing again", bool(lost), refused)
    named = Counter(m["event"] for m in made.values() if m["type"] == "track")
    report.equal(
        f"{what}: the client told its story",
        (named["Lesson Viewed"], named["Lesson Done"], named["Order Completed"]),
        (1, 3, 1),
    )
    story(report, host, what, person, [made[id] for id in sent])


def story(report, host, what, person, messages):
    """The profile has the traits, identifiers, events and segments that the messages tell of."""
    named = Counter(m["event"] for m in messages if m["type"] == "track")
    pages = sum(m["type"] == "page" for m in messages)
    identifier = f"user-id:{person}"
    until(lambda: is_complete(host.profile(identifier), sum(named.values())))
    profile = host.profile(identifier)
    if not report.check(f"{what}: there is a profile", profile is not None):
        return
    events = Counter(fact["name"] for fact in profile["facts"] if fact["kind"] == "event")
    for name in ("Lesson Viewed", "Lesson Done"):
        report.equal(f"{what}: {name} counts", events[name], named[name])
    report.equal(f"{what}: page counts", events["page"], pages)
    orders = [
        (fact["id"], fact["total"], fact["currency"], len(fact["lines"]))
        for fact in profile["facts"]
        if fact["kind"] == "order"
    ]
    report.equal(f"{what}: the order", orders, [(f"order-{person}", "12.5", "EUR", 1)])
    traits = profile["traits"]
    # Only an `identify` sets traits.
    identified = any(m["type"] == "identify" for m in messages)
    report.equal(
        f"{what}: traits",
        (traits.get("email"), traits.get("plan")),
        (f"{person}@example.com", "pro") if identified else (None, None),
    )
    anonymous = {m["anonymousId"] for m in messages if m.get("anonymousId")}
    expected = {f"user-id:{person}", f"email:{person}@example.com"}
    expected |= {f"anonymous-id:{id}" for id in anonymous}
    report.check(
        f"{what}: anonymous and known are one person",
        len(anonymous) == 1 and expected <= set(profile["identifiers"]),
        profile["identifiers"],
    )
    report.equal(f"{what}: segments", sorted(profile["segments"]), ["buyers", "learners"])


def is_complete(profile, least):
    """Whether everything has been stepped, as far as numbers tell."""
    return profile and profile["facts_total"] >= least and len(profile["segments"]) == 2
