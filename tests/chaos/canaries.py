"""A tenth of the requests for another version: counted, faulty, and without a pod."""

from tests.chaos.settings import ChaosSettings
from tests.chaos.stage import HEALING, Scenario, Trial
from tests.e2e.cluster import SERVICES, new_name, until
from tests.e2e.load import Outcome
from tests.e2e.shares import ALWAYS, canaries, load_of_health, serves, shares
from tests.e2e.tree import Tree

REQUESTS = 10_000
TOLERANCE = 0.009
"""A tenth of 10 000 by chance is 1000 ± 90 in 997 of 1000 tries."""


def without_another_version(settings: ChaosSettings) -> str:
    return "" if settings.e2e.next_image else "there is no E2E_NEXT_IMAGE"


def start(trial: Trial, image: str) -> Tree:
    tree = trial.make_tree(image)
    tree.canary("try", new_name(image)["newTag"])
    return tree


def remove(trial: Trial) -> None:
    """Also what a canary that failed half-way left behind."""
    kinds = "ingress,deployment,service,serviceaccount"
    trial.environment.kubectl("delete", kinds, "--selector=track=canary", "--ignore-not-found")
    assert canaries(trial.environment) == []


def measure(trial: Trial) -> None:
    image = trial.settings.e2e.next_image or ""
    tree = start(trial, image)
    until("the edge leads to the canary", 30, lambda: serves(trial.edge, new_name(image)["newTag"], ALWAYS))
    rate = trial.settings.rate
    found = shares(trial.environment, lambda: load_of_health(trial.edge, rate, REQUESTS))
    trial.note(f"the canary's share of {REQUESTS} requests: {found}")
    tree.canary("abort")
    assert all(abs(share - 0.1) <= TOLERANCE for share in found.values()), f"not a tenth: {found}"


def abort_faulty(trial: Trial) -> None:
    trial.begin()
    tree = start(trial, trial.settings.faulty)
    until("the canary answers 500", 60, lambda: sees_error(trial))
    trial.end()
    tree.canary("abort")


def sees_error(trial: Trial) -> bool:
    return trial.edge.call("GET", "/services", headers=ALWAYS).status == 500


def of_the_canary(trial: Trial, outcome: Outcome) -> bool:
    """A 500 of the one faulty route, until ten seconds after the abort was begun."""
    meanwhile = trial.began <= outcome.at <= trial.ended + HEALING
    return meanwhile and outcome.status == 500 and outcome.shot.kind == "services"


def without_pods(trial: Trial) -> None:
    """All of a canary's pods go while the edge still leads to it."""
    tree = start(trial, trial.settings.e2e.next_image or "")
    for name in SERVICES:
        trial.environment.kubectl("scale", f"deployment/{name}-canary", "--replicas=0")
    gone = "the canary's pods are gone"
    until(gone, 120, lambda: not [pod for name in SERVICES for pod in trial.environment.names(name) if "canary" in pod])
    statuses = {trial.edge.get("/services").status for _ in range(100)}
    trial.note(f"a hundred requests while the canary has no pod: {statuses}")
    tree.canary("abort")
    assert statuses == {200}


SCENARIOS = (
    Scenario(f"canary over {REQUESTS} requests", measure, missing=without_another_version, restore=remove),
    Scenario("canary that answers 500, aborted", abort_faulty, "500 until abort +10 s", of_the_canary, restore=remove),
    Scenario("canary without a pod", without_pods, missing=without_another_version, restore=remove),
)
