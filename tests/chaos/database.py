"""PostgreSQL goes. While it is away everything may be refused with 503, for ten seconds more, and nothing else."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise

from tests.chaos.intruder import identity, intruder
from tests.chaos.stage import AWAY, Scenario, Trial, unavailable
from tests.e2e.cluster import fetch, until

PROMPT = 1.0
"""Seconds in which those who come meanwhile hear that."""
UNREADY = 5.0
"""Seconds in which db's pods must have said that PostgreSQL is away."""
KEPT = ("users", "passwords", "signing_keys", "locations", "services", "providers", "weekly_hours", "availability")
"""Tables that the load does not write to."""
STARTED = "SELECT pg_postmaster_start_time()"
KILL = "kill -9 $(first_of {container}) && echo killed; exit 0"
# A postmaster is a process `postgres` that no other one has begun, and the first of its container: others than ours
# may run on the machine. Ten times a second, for as long as a pod takes to be replaced.
WATCH = """echo watching
turn=0
while [ $turn -lt 200 ]; do
  for file in /proc/[0-9]*/stat; do
    { read -r process name _ parent _ <"$file"; } 2>/dev/null || continue
    [ "$name" = "(postgres)" ] || continue
    { read -r _ above _ <"/proc/$parent/stat"; } 2>/dev/null || continue
    [ "$above" != "(postgres)" ] && first "$process" && echo "postmaster $process $(date +%s.%N)"
  done
  turn=$((turn + 1))
  sleep 0.1
done"""


def delete(trial: Trial) -> None:
    (victim,) = trial.environment.names("postgres")
    trial.begin()
    trial.environment.kubectl("delete", "pod", victim)
    heal(trial)


def delete_by_force(trial: Trial) -> None:
    (victim,) = trial.environment.names("postgres")
    with one_at_a_time(trial), unchanged(trial):
        trial.begin()
        trial.environment.kubectl("delete", "pod", victim, "--force", "--grace-period=0")
        heal(trial)


def delete_deployment(trial: Trial) -> None:
    """And apply prod once more: its claim is found again."""
    with one_at_a_time(trial), unchanged(trial):
        trial.begin()
        trial.environment.kubectl("delete", "deployment", "postgres")
        trial.environment.apply_again()
        heal(trial)


@contextmanager
def one_at_a_time(trial: Trial) -> Iterator[None]:
    """Watch all nodes: one postmaster goes, another comes, and they are never there together."""
    nodes = [node["metadata"]["name"] for node in fetch("nodes")["items"]]
    with ExitStack() as stack:
        watchers = [stack.enter_context(intruder(trial.environment, node, WATCH)) for node in nodes]
        for watcher in watchers:
            watcher.says("watching")
        yield
        seen = [sightings(watcher.ends()) for watcher in watchers]
    spans = sorted((min(times), max(times)) for found in seen for times in found.values())
    assert len(spans) > 1, "another postmaster was not seen"
    for (_, gone), (come, _) in pairwise(spans):
        assert gone < come, f"two postmasters at once, for {gone - come:.1f} s at the least"
    trial.note(f"{len(spans)} postmasters, one after the other, the last {spans[-1][0] - spans[-2][1]:.1f} s later")


def sightings(told: str) -> dict[str, list[float]]:
    """Return when each was seen."""
    found: dict[str, list[float]] = {}
    for process, moment in re.findall(r"postmaster (\d+) ([\d.]+)", told):
        found.setdefault(process, []).append(float(moment))
    return found


@contextmanager
def unchanged(trial: Trial) -> Iterator[None]:
    before = trial.environment.fingerprint(KEPT)
    yield
    assert trial.environment.fingerprint(KEPT) == before, "the checksum over the tables that nobody wrote to differs"
    trial.note(f"checksum of {len(KEPT)} tables {before}, before and after")


def heal(trial: Trial) -> None:
    trial.environment.wait("postgres")
    trial.note(f"PostgreSQL ready after {trial.end():.0f} s")


def kill_postmaster(trial: Trial) -> None:
    environment = trial.environment
    (pod,) = environment.pods("postgres")
    started = environment.sql(STARTED)
    trial.begin()
    with intruder(environment, pod["spec"]["nodeName"], KILL.format(container=identity(pod))) as killer:
        assert "killed" in killer.ends(), "no postmaster was found"

    def back() -> bool:
        command = ["exec", pod["metadata"]["name"], "-c", "postgres", "--", "psql", "-qXtAc", STARTED]
        now = environment.kubectl(*command, check=False)
        return now.startswith("20") and now.strip() != started

    until("another postmaster answers", 120, back)
    heal(trial)


def stay_away(trial: Trial) -> None:
    environment = trial.environment
    trial.begin()
    environment.kubectl("scale", "deployment/postgres", "--replicas=0")
    try:
        seconds = until("db is not ready", 30, lambda: not environment.ready("db-service"), 0.1)
        trial.note(f"db not ready after {seconds:.1f} s")
        time.sleep(trial.settings.outage - seconds)
    finally:
        environment.kubectl("scale", "deployment/postgres", "--replicas=1")
    heal(trial)
    assert seconds <= UNREADY


absence = partial(Scenario, allowed=AWAY, may_fail=unavailable, refused_in=PROMPT, must_fail=True)
SCENARIOS = (
    absence("PostgreSQL's pod deleted", delete),
    absence("PostgreSQL's pod deleted by force", delete_by_force),
    absence("postmaster killed -9", kill_postmaster),
    absence("PostgreSQL's Deployment deleted and applied", delete_deployment),
    absence("PostgreSQL at 0 replicas", stay_away),
)
