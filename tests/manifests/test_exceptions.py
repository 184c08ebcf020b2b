"""What kube-score and checkov are told to pass over, each with its reason: a new exception needs a line here."""

import re
from collections.abc import Iterator

import pytest
from tests.manifests.combinations import COMBINATIONS
from tests.manifests.rendering import SERVICES, SLICE, Object, environment, render, text

Exceptions = dict[str, set[str]]
DEPLOYMENTS = {f"Deployment {name}" for name in (*SERVICES, *SLICE)}
JOBS_OF_THE_SERVER_S_IMAGE = {"CronJob backup", "CronJob backup-drill", "CronJob restore"}
TALKS_TO_THE_API_SERVER = {"Job secrets", "CronJob rotate"}
POSTGRES, ADMINER, WORKER = "Deployment postgres", "Deployment adminer", "Deployment worker"
ALL_PODS = DEPLOYMENTS | {POSTGRES, ADMINER, WORKER} | JOBS_OF_THE_SERVER_S_IMAGE | TALKS_TO_THE_API_SERVER

EVERYWHERE: Exceptions = {
    # Version tags, or a digest where a push gave one: what they name never changes, so it need not be pulled again.
    "CKV_K8S_15": ALL_PODS,
    "CKV_K8S_43": ALL_PODS,
    # secretKeyRef is the seed's way, and gives each container just its keys.
    "CKV_K8S_35": DEPLOYMENTS | {POSTGRES, WORKER, "CronJob backup", "CronJob restore"},
    # A token is what they are for.
    "CKV_K8S_38": TALKS_TO_THE_API_SERVER,
    # The image's own user is 999, to whom the data belongs.
    "CKV_K8S_40": {POSTGRES} | JOBS_OF_THE_SERVER_S_IMAGE,
    "container-security-context-user-group-id": {POSTGRES} | JOBS_OF_THE_SERVER_S_IMAGE,
    # One server on one folder, and the old pod goes before the new one comes.
    "deployment-strategy": {POSTGRES},
    # That; a tool that nobody's request waits for; a canary, without which the stable pods take all requests.
    "deployment-replicas": {POSTGRES, ADMINER, *(f"Deployment {name}" for name in SLICE)},
    # The component adminer-nodeport.
    "service-type": {"Service adminer"},
    # Pods that operators make, which stand in no rendering: cert-manager's solver, PostgreSQL's by CloudNativePG.
    "networkpolicy-targets-pod": {f"NetworkPolicy {name}" for name in ("acme-solver", "cloudnative-pg", "postgres")},
}
IN_DEV: Exceptions = {
    # Root with CHOWN alone gives the node's folder to the server.
    "CKV_K8S_25": {POSTGRES},
    # One machine: one of each, and no policies.
    "deployment-replicas": {f"Deployment {name}" for name in SERVICES},
    "pod-networkpolicy": {POSTGRES, ADMINER, *(f"Deployment {name}" for name in SERVICES)},
}


def pairs(table: Exceptions) -> set[tuple[str, str]]:
    return {(thing, exception) for exception, things in table.items() for thing in things}


def annotated(overlay: str) -> Iterator[tuple[str, str]]:
    for thing in render(overlay).objects:
        for exception in passed_over(thing):
            yield f"{thing['kind']} {thing['metadata']['name']}", exception


def passed_over(thing: Object) -> Iterator[str]:
    for name, value in thing["metadata"].get("annotations", {}).items():
        if name.startswith("checkov.io/"):
            exception, reason = value.split("=")
            assert len(reason) > 15, "a reason stands beside it"
            yield exception
        elif name.startswith("kube-score/"):
            assert name == "kube-score/ignore"
            yield from value.split(",")


@pytest.mark.parametrize("overlay", COMBINATIONS)
def test_just_these_are_passed_over(overlay: str) -> None:
    found = list(annotated(overlay))
    assert len(set(found)) == len(found)
    assert set(found) <= pairs(EVERYWHERE) | (pairs(IN_DEV) if environment(overlay) == "dev" else set())


def test_each_of_them_is_there() -> None:
    assert {pair for overlay in COMBINATIONS for pair in annotated(overlay)} == pairs(EVERYWHERE) | pairs(IN_DEV)


@pytest.mark.parametrize("overlay", COMBINATIONS)
def test_nothing_is_passed_over_inside_of_an_object(overlay: str) -> None:
    on_objects = re.findall(r"^    (?:kube-score/|checkov)", text(overlay), re.MULTILINE)
    assert len(re.findall("kube-score/|checkov", text(overlay))) == len(on_objects)
