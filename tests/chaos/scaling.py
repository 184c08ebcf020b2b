"""More pods and fewer, and too little of the processor."""

import json
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from tests.chaos.stage import Scenario, Trial
from tests.e2e.cluster import SERVICES, kubectl, say, until
from tests.e2e.load import Load, Outcome, Shot
from tests.e2e.salon import CUSTOMERS, PASSWORD
from tests.manifests.combinations import ROOT

AUTOSCALERS = Path(ROOT / "kustomize" / "components" / "hpa" / "autoscalers.yaml")
MOST = 3
CONNECTIONS = 200
"""What PostgreSQL allows."""
STORM_SECONDS = 60
STORM = 20.0
"""Logins a second: some twenty times what a tenth of a core can hash."""


def autoscale(trial: Trial) -> None:
    environment = trial.environment
    environment.kubectl("apply", "-f", str(AUTOSCALERS))
    measured = "items" in kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/pods", check=False)
    how = "by the metric" if measured else "BY THE MINIMUM: THERE IS NO METRICS API"
    until_scaled(trial, MOST, "1m", measured=measured)
    used = int(environment.sql("SELECT count(*) FROM pg_stat_activity"))
    until_scaled(trial, 2, "100", measured=measured)
    trial.note(f"to {MOST} and back to 2, {how}; {used} connections")
    assert used <= CONNECTIONS


def until_scaled(trial: Trial, count: int, target: str, *, measured: bool) -> None:
    """Make the autoscaler want so many, by its target of CPU for a pod where that is measured."""
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": target}}}
    spec = {
        "minReplicas": 2 if measured else count,
        "maxReplicas": MOST,
        "metrics": [cpu],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
    }
    environment = trial.environment
    for name in SERVICES:
        environment.kubectl("patch", "hpa", name, "--type=merge", "-p", json.dumps({"spec": spec}))
    until(f"{count} of each", 240, lambda: all(len(environment.ready(name)) == count for name in SERVICES), 2)


def stop_autoscaling(trial: Trial) -> None:
    trial.environment.kubectl("delete", "-f", str(AUTOSCALERS), "--ignore-not-found")
    for name in SERVICES:
        trial.environment.kubectl("scale", f"deployment/{name}", "--replicas=2")


def throttle(trial: Trial) -> None:
    limits = ["--limits=cpu=100m", "--requests=cpu=20m"]
    trial.environment.kubectl("set", "resources", "deployment/auth-service", "-c", "bookmeup", *limits)
    trial.environment.wait("auth-service")


def free(trial: Trial) -> None:
    """Give the processor back, and forget the tries that the storm's address has used up."""
    trial.environment.kubectl("rollout", "undo", "deployment/auth-service")
    trial.environment.wait("auth-service")
    trial.environment.sql("DELETE FROM rate_limits")


def storm(trial: Trial) -> None:
    def plan() -> Iterator[Shot]:
        for number in cycle(range(CUSTOMERS)):
            body = {"email": f"customer{number}@e2e.example", "password": PASSWORD}
            yield Shot("login", "POST", "/auth/login", trial.edge, (200,), body)

    with Load(plan, STORM) as logins:
        time.sleep(STORM_SECONDS)
    say(logins.report("storm of logins"))
    trial.note(f"{len(logins.outcomes)} logins, {len(logins.accepted('login'))} let in")


def of_auth(trial: Trial, outcome: Outcome) -> bool:
    """What the throttled service did not answer in time; the others have all the processor they had."""
    return outcome.shot.kind in {"keys", "health"} and outcome.status in {0, 502, 503, 504}


SCENARIOS = (
    Scenario("autoscaler up and down", autoscale, restore=stop_autoscaling),
    Scenario("storm of logins on a tenth of a core", storm, "auth's own", of_auth, prepare=throttle, restore=free),
)
