"""What the services reach each other by is gone for half a minute."""

import subprocess
import time
from typing import Literal

from tests.chaos.settings import ChaosSettings
from tests.chaos.stage import HEALING, Scenario, Trial, unavailable
from tests.e2e.cluster import kubectl

SECONDS = 30
COREDNS = ("-n", "kube-system", "scale", "deployment/coredns")


def cut_off_db(trial: Trial) -> None:
    """All pods of db go. Taking them out of the Service alone would leave logic its open connections."""
    environment = trial.environment
    trial.begin()
    environment.kubectl("scale", "deployment/db-service", "--replicas=0")
    environment.kubectl("wait", "--for=delete", "pod", "--selector=app=db-service", "--timeout=90s")
    time.sleep(SECONDS)
    environment.kubectl("scale", "deployment/db-service", "--replicas=2")
    environment.wait("db-service")
    trial.note(f"db ready again after {trial.end():.0f} s")


def without_dns(settings: ChaosSettings) -> str:
    found = "coredns" in kubectl("-n", "kube-system", "get", "deployments", check=False)
    return "" if settings.dns or found else "no Deployment coredns, and no CHAOS_DNS"


def switch_dns(trial: Trial, way: Literal["stop", "start"]) -> None:
    if trial.settings.dns:
        subprocess.run([*trial.settings.dns, way], check=True, capture_output=True)
    else:
        kubectl(*COREDNS, f"--replicas={0 if way == 'stop' else 2}")


def pause_dns(trial: Trial) -> None:
    switch_dns(trial, "stop")
    trial.begin()
    try:
        time.sleep(SECONDS)
    finally:
        switch_dns(trial, "start")
    trial.end()


SCENARIOS = (
    Scenario("db gone for logic, 30 s", cut_off_db, f"503 while away, +{HEALING:.0f} s", unavailable),
    Scenario("DNS paused, 30 s", pause_dns, f"503 while away, +{HEALING:.0f} s", unavailable, missing=without_dns),
)
