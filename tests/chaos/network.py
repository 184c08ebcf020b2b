"""What the services reach each other by is gone for half a minute."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from tests.chaos.settings import ChaosSettings
from tests.chaos.stage import HEALING, Scenario, Trial, unavailable
from tests.e2e.cluster import fetch, kubectl

SECONDS = 30
KUBE_SYSTEM = ("-n", "kube-system")


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
    found = "coredns" in kubectl(*KUBE_SYSTEM, "get", "deployments", check=False)
    return "" if settings.dns or found else "no Deployment coredns, and no CHAOS_DNS"


@contextmanager
def paused(trial: Trial) -> Iterator[None]:
    """Have nobody answer for names; afterwards as many as before."""
    stop: Callable[[], object]
    start: Callable[[], object]
    if trial.settings.dns:
        tell = partial(subprocess.run, check=True, capture_output=True)
        stop, start = (partial(tell, [*trial.settings.dns, way]) for way in ("stop", "start"))
    else:
        number = fetch(*KUBE_SYSTEM, "deployment/coredns")["spec"]["replicas"]
        scale = partial(kubectl, *KUBE_SYSTEM, "scale", "deployment/coredns")
        stop, start = (partial(scale, f"--replicas={replicas}") for replicas in (0, number))
    stop()
    try:
        yield
    finally:
        start()


def pause_dns(trial: Trial) -> None:
    with paused(trial):
        trial.begin()
        time.sleep(SECONDS)
    trial.end()


SCENARIOS = (
    Scenario("db gone for logic, 30 s", cut_off_db, f"503 while away, +{HEALING:.0f} s", unavailable),
    Scenario("DNS paused, 30 s", pause_dns, f"503 while away, +{HEALING:.0f} s", unavailable, missing=without_dns),
)
