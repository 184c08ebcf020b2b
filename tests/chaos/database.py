"""PostgreSQL goes. While it is away everything may be refused with 503, for ten seconds more, and nothing else."""

import json
import time
from typing import Any

from tests.chaos.stage import Scenario, Trial, unavailable
from tests.e2e.cluster import kubectl, until

ASSASSIN = "chaos-assassin"
AWAY = "503 while away, +10 s"
# Process 1 of its container cannot be killed from inside, hence a pod that sees the node's processes.
KILL = """for process in /proc/[0-9]*; do
  grep -q "$CONTAINER" $process/cgroup 2>/dev/null || continue
  [ "$(awk '/^NSpid/ {print $NF}' $process/status)" = 1 ] && kill -9 ${process#/proc/} && echo killed
done
exit 0"""


def delete(trial: Trial) -> None:
    (victim,) = trial.environment.names("postgres")
    trial.begin()
    trial.environment.kubectl("delete", "pod", victim)
    heal(trial)


def delete_by_force(trial: Trial) -> None:
    (victim,) = trial.environment.names("postgres")
    trial.begin()
    trial.environment.kubectl("delete", "pod", victim, "--force", "--grace-period=0")
    heal(trial)


def heal(trial: Trial) -> None:
    trial.environment.wait("postgres")
    trial.note(f"PostgreSQL ready after {trial.end():.0f} s")


def kill_postmaster(trial: Trial) -> None:
    environment = trial.environment
    (pod,) = environment.pods("postgres")
    started = environment.sql("SELECT pg_postmaster_start_time()")
    kubectl("create", "-f", "-", given=json.dumps(assassin(pod)))
    trial.begin()
    try:
        kubectl("-n", "default", "wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{ASSASSIN}", "--timeout=60s")
        assert "killed" in kubectl("-n", "default", "logs", ASSASSIN), "no postmaster was found"
    finally:
        kubectl("-n", "default", "delete", "pod", ASSASSIN, "--wait=false")

    def back() -> bool:
        now = environment.kubectl(
            "exec", pod["metadata"]["name"], "-c", "postgres", "--", "psql", "-qXtAc",
            "SELECT pg_postmaster_start_time()", check=False,
        )  # fmt: skip
        return now.startswith("20") and now.strip() != started

    until("another postmaster answers", 120, back)
    environment.wait("postgres")
    trial.note(f"another postmaster ready after {trial.end():.0f} s")


def assassin(victim: Any) -> dict[str, Any]:
    """Return a pod on the victim's node that kills its first process."""
    (status,) = victim["status"]["containerStatuses"]
    (container,) = victim["spec"]["containers"]
    _, _, identity = status["containerID"].partition("://")
    run = {
        "name": "kill",
        "image": container["image"],
        "command": ["sh", "-c", KILL],
        "env": [{"name": "CONTAINER", "value": identity}],
        "securityContext": {"privileged": True, "runAsUser": 0},
    }
    spec = {"hostPID": True, "restartPolicy": "Never", "nodeName": victim["spec"]["nodeName"], "containers": [run]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ASSASSIN, "namespace": "default"}, "spec": spec}


def stay_away(trial: Trial) -> None:
    trial.begin()
    trial.environment.kubectl("scale", "deployment/postgres", "--replicas=0")
    try:
        time.sleep(trial.settings.outage)
    finally:
        trial.environment.kubectl("scale", "deployment/postgres", "--replicas=1")
    heal(trial)


SCENARIOS = (
    Scenario("PostgreSQL's pod deleted", delete, AWAY, unavailable),
    Scenario("PostgreSQL's pod deleted by force", delete_by_force, AWAY, unavailable),
    Scenario("postmaster killed -9", kill_postmaster, AWAY, unavailable),
    Scenario("PostgreSQL at 0 replicas", stay_away, AWAY, unavailable),
)
