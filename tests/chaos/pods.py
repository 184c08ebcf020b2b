"""Pods of ours go, one at a time or all in turn."""

import time
from functools import partial

from tests.chaos.stage import Scenario, Trial, in_flight
from tests.e2e.cluster import SERVICES, until

ROLLS = 3
SECONDS_OF_A_ROLL = 300
REQUESTS = 20_000
"""That come while and between them."""


def delete_gently(service: str, trial: Trial) -> None:
    environment, victim = trial.environment, trial.environment.names(service)[0]
    environment.kubectl("delete", "pod", victim, "--wait=false")
    seconds = until("two are ready again", 120, lambda: len(set(environment.ready(service)) - {victim}) == 2)
    environment.kubectl("wait", "--for=delete", f"pod/{victim}", "--timeout=90s")
    trial.note(f"replaced after {seconds:.0f} s")


def delete_by_force(service: str, trial: Trial) -> None:
    environment, victim = trial.environment, trial.environment.names(service)[0]
    trial.begin()
    environment.kubectl("delete", "pod", victim, "--force", "--grace-period=0")
    trial.end()
    seconds = until("two are ready again", 120, lambda: len(set(environment.ready(service)) - {victim}) == 2)
    trial.note(f"replaced after {seconds:.0f} s")


def roll_all(trial: Trial) -> None:
    """Also sees how many pods of a service were ready at the least."""
    environment, start = trial.environment, time.monotonic()
    ready: list[int] = []

    def all_are_rolled() -> bool:
        states = [environment.fetch("deployment", name) for name in SERVICES]
        ready.extend(state["status"].get("readyReplicas", 0) for state in states)
        return all(is_rolled(state["metadata"]["generation"], **state["status"]) for state in states)

    for number in range(1, ROLLS + 1):
        for name in SERVICES:
            environment.kubectl("rollout", "restart", f"deployment/{name}")
        until("all are rolled", SECONDS_OF_A_ROLL, all_are_rolled, 0)
        environment.wait(*SERVICES)
        time.sleep(max(0, start + number * REQUESTS / ROLLS / trial.settings.rate - time.monotonic()))
    trial.note(f"{ROLLS} rolling updates of {len(SERVICES)} services; at least {min(ready)} pods of each were ready")
    assert min(ready) >= 2, "fewer than two pods were ready"


def is_rolled(
    generation: int,
    observedGeneration: int = 0,  # noqa: N803 - as Kubernetes spells them
    updatedReplicas: int = 0,  # noqa: N803
    replicas: int = 0,
    **_: object,
) -> bool:
    return observedGeneration >= generation and updatedReplicas == replicas == 2


SCENARIOS = (
    *(Scenario(f"pod of {name} deleted", partial(delete_gently, name)) for name in SERVICES),
    *(
        Scenario(f"pod of {name} deleted by force", partial(delete_by_force, name), "in flight", in_flight)
        for name in SERVICES
    ),
    Scenario(f"{ROLLS} rolling updates of all", roll_all, at_least=REQUESTS),
)
