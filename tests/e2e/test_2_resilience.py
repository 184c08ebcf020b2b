"""Pods come and go under load. Failed means a transport error or an answer that the request must not get."""

import json
import time
from collections.abc import Iterator

import pytest
from tests.e2e.cluster import SERVICES, Environment, say, until
from tests.e2e.load import Load
from tests.e2e.salon import Salon
from tests.e2e.settings import Settings

pytestmark = pytest.mark.usefixtures("through_ingress")
AFTERWARDS = 15.0
"""Seconds of load after the last change: a pod that leaves still serves for ten."""


@pytest.fixture(autouse=True)
def fresh_tokens(salon: Salon) -> None:
    salon.log_in_again()


@pytest.fixture
def load(salon: Salon, settings: Settings) -> Iterator[Load]:
    """Keeps what was acknowledged, for the check that it is still there."""
    running = Load(salon.plan, settings.rate)
    yield running
    salon.expected |= {json.loads(o.body)["object_id"] for o in running.accepted("book")}
    lost, doubled = salon.lost(), salon.doubled()
    say(f"acknowledged appointments: {len(salon.expected)}, lost: {len(lost)}, double bookings: {doubled}")
    assert (lost, doubled) == (set(), 0)


def test_scale(prod: Environment, load: Load) -> None:
    with load:
        for count in (3, 2):
            for name in SERVICES:
                prod.kubectl("scale", f"deployment/{name}", f"--replicas={count}")
            seconds = prod.wait(*SERVICES)
            say(f"three services at {count} replicas after {seconds:.0f} s")
            assert all(len(prod.names(name)) == count for name in SERVICES)
        time.sleep(AFTERWARDS)
    say(load.report("kubectl scale to 3 and back to 2"))
    assert load.broken == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_deleted(prod: Environment, load: Load, service: str) -> None:
    with load:
        time.sleep(2)
        victim = prod.names(service)[0]
        prod.kubectl("delete", "pod", victim, "--wait=false")
        seconds = until("two are ready again", 90, lambda: len(set(prod.ready(service)) - {victim}) == 2)
        prod.kubectl("wait", "--for=delete", f"pod/{victim}", "--timeout=90s")
        time.sleep(3)
    say(load.report(f"{service}: a pod deleted, replaced after {seconds:.0f} s"))
    assert load.broken == []


def test_all_roles_are_rolled(prod: Environment, load: Load) -> None:
    before = {name for service in SERVICES for name in prod.names(service)}
    with load:
        time.sleep(2)
        for name in SERVICES:
            prod.kubectl("rollout", "restart", f"deployment/{name}")
        seconds = prod.wait(*SERVICES)
        time.sleep(AFTERWARDS)
    after = {name for service in SERVICES for name in prod.names(service)}
    say(load.report(f"rollout restart of auth, logic and db, {len(before)} pods replaced in {seconds:.0f} s"))
    assert before.isdisjoint(after)
    assert load.broken == []


def test_postgres_is_deleted(prod: Environment, load: Load) -> None:
    restarts = prod.restarts()
    (victim,) = prod.names("postgres")
    with load:
        time.sleep(2)
        start = time.monotonic()
        prod.kubectl("delete", "pod", victim)
        prod.wait("postgres")
        ready = time.monotonic() - start
        time.sleep(AFTERWARDS)
    late = [o for o in load.broken if o.at > start + ready + 10]
    say(load.report(f"postgres' pod deleted, the next one ready after {ready:.0f} s"))
    say(f"requests failed over {load.outage():.1f} s, all of them 503: {all(o.status == 503 for o in load.failed)}")
    assert late == [], "it heals by itself within ten seconds"
    assert {o.status for o in load.failed} <= {503}, "while it is away: 503, not an error of ours"
    services = {pod: number for pod, number in prod.restarts().items() if not pod.startswith("postgres")}
    assert services == {pod: number for pod, number in restarts.items() if not pod.startswith("postgres")}


def test_postgres_is_deleted_by_force(prod: Environment, load: Load) -> None:
    (victim,) = prod.names("postgres")
    with load:
        start = time.monotonic()
        prod.kubectl("delete", "pod", victim, "--force", "--grace-period=0")
        prod.wait("postgres")
        ready = time.monotonic() - start
        time.sleep(AFTERWARDS)
    say(load.report(f"postgres' pod deleted by force, the next one ready after {ready:.0f} s"))
    assert {o.status for o in load.failed} <= {503}


def test_a_second_postmaster_waits_outside(prod: Environment) -> None:
    """A copy of the Deployment on the same claim: what a partitioned node would leave behind."""
    rival = prod.fetch("deployment", "postgres")
    rival["metadata"] = {"name": "rival", "labels": {"app": "rival"}}
    rival["spec"]["selector"]["matchLabels"] = {"app": "rival"}
    rival["spec"]["template"]["metadata"]["labels"] = {"app": "rival"}
    rival["spec"]["template"]["spec"]["containers"][0]["command"][4] = "5"
    del rival["status"]
    started = prod.sql("SELECT pg_postmaster_start_time()")

    prod.kubectl("create", "-f", "-", given=json.dumps(rival))
    try:

        def refused() -> bool:
            states = [s for pod in prod.pods("rival") for s in pod["status"].get("containerStatuses", [])]
            ended = [
                s[when]["terminated"] for s in states for when in ("state", "lastState") if "terminated" in s[when]
            ]
            assert not any(s["ready"] for s in states)
            return any(state["exitCode"] == 1 for state in ended)

        seconds = until("the rival gave up", 90, refused)
        log = prod.kubectl("logs", "--selector=app=rival", "--tail=-1")
    finally:
        prod.kubectl("delete", "deployment", "rival")
    say(f"a second postmaster on the same folder gave up after {seconds:.0f} s, exit 1; its log: {log.strip()!r}")
    assert "starting PostgreSQL" not in log
    assert prod.sql("SELECT pg_postmaster_start_time()") == started
