"""More pods and fewer, and too little of the processor."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.stage import Scenario, Trial
from tests.e2e.cluster import SERVICES, generate, kubectl, say, until
from tests.e2e.load import Load, Outcome, Shot
from tests.e2e.salon import PASSWORD
from tests.manifests.combinations import Combination
from tests.manifests.connections import CAPS, OTHERS, needed
from tests.manifests.rendering import render

MOST = 6
PACE = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}
"""One pod of each at a time: on two cores a dozen that start at once leave the others none."""
STORM_SECONDS = 60
STORM = 20.0
"""Logins a second: some four times what a tenth of a core can hash."""
HASHED = 60
"""At the least: one a second."""


def install(trial: Trial) -> None:
    """The component over a prod that runs, as the README says."""
    annotation = "kubectl.kubernetes.io/last-applied-configuration-"
    trial.environment.kubectl("annotate", "deployment", *SERVICES, annotation)
    with TemporaryDirectory() as temporary:
        overlay = generate(trial.settings.e2e, Combination("prod", ("hpa",)), Path(temporary) / "hpa")
        replace(trial.environment, folder=overlay).apply_again()


def autoscale(trial: Trial) -> None:
    measured = "items" in kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/pods", check=False)
    how = "by the metric" if measured else "BY THE MINIMUM: THERE IS NO METRICS API"
    install(trial)
    until_scaled(trial, MOST, "1m", measured=measured)
    still = connections(trial)
    most = max(still, connections_while_rolled(trial))
    until_scaled(trial, 2, "100", measured=measured)
    allowed = needed(render("prod+hpa"))
    trial.note(f"to {MOST} and back to 2, {how}; {still} connections, {most} of {allowed} while db was rolled")
    assert still <= MOST * CAPS["db-service"] + OTHERS
    assert still < most <= allowed


def connections(trial: Trial) -> int:
    return int(trial.environment.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))


def connections_while_rolled(trial: Trial) -> int:
    """Replace all pods of db at their largest number, and return how many connections there were at the most."""
    trial.environment.kubectl("rollout", "restart", "deployment/db-service")
    command = ["kubectl", "-n", trial.environment.namespace, "rollout", "status", "deployment/db-service"]
    with subprocess.Popen([*command, "--timeout=300s"], stdout=subprocess.DEVNULL) as rolling:
        most = 0
        while rolling.poll() is None:
            most = max(most, connections(trial))
    assert rolling.returncode == 0, "db was not rolled"
    return most


def until_scaled(trial: Trial, count: int, target: str, *, measured: bool) -> None:
    """Make the autoscaler want so many, by its target of CPU for a pod where that is measured."""
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": target}}}
    spec = {
        "minReplicas": 2 if measured else count,
        "metrics": [cpu],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}, "scaleUp": PACE},
    }
    environment = trial.environment
    for name in SERVICES:
        environment.kubectl("patch", "hpa", name, "--type=merge", "-p", json.dumps({"spec": spec}))
    until(f"{count} of each", 300, lambda: all(len(environment.ready(name)) == count for name in SERVICES), 2)


def stop_autoscaling(trial: Trial) -> None:
    trial.environment.kubectl("delete", "hpa", *SERVICES, "--ignore-not-found")
    trial.environment.apply_again()


def throttle(trial: Trial) -> None:
    limits = ["--limits=cpu=100m", "--requests=cpu=20m"]
    trial.environment.kubectl("set", "resources", "deployment/auth-service", "-c", "bookmeup", *limits)
    trial.environment.wait("auth-service")


def free(trial: Trial) -> None:
    """Give the processor back, and forget who tried."""
    trial.environment.kubectl("rollout", "undo", "deployment/auth-service")
    trial.environment.wait("auth-service")
    trial.environment.sql("DELETE FROM rate_limits")


def storm(trial: Trial) -> None:
    """Somebody tries address after address: each is hashed before it is refused, and none is counted as tried again."""

    def plan() -> Iterator[Shot]:
        for number in count():
            body = {"email": f"stranger{number}@e2e.example", "password": PASSWORD}
            yield Shot("login", "POST", "/auth/login", trial.edge, (401,), body)

    with Load(plan, STORM) as logins:
        time.sleep(STORM_SECONDS)
    hashed = len(logins.accepted("login"))
    say(logins.report("storm of logins"))
    trial.note(f"{len(logins.outcomes)} logins of strangers, {hashed} hashed and refused")
    assert hashed >= HASHED, "auth had little to do"


def of_auth(trial: Trial, outcome: Outcome) -> bool:
    """What the throttled service did not answer in time; the others have all the processor they had."""
    return outcome.shot.kind in {"keys", "health"} and outcome.status in {0, 502, 503, 504}


SCENARIOS = (
    Scenario("autoscaler up and down", autoscale, restore=stop_autoscaling),
    Scenario("storm of logins on a tenth of a core", storm, "auth's own", of_auth, prepare=throttle, restore=free),
)
