"""PostgreSQL has a connection for everybody, in the middle of a rollout of everything at once, in every combination."""

import re

import pytest
from tests.manifests.combinations import COMBINATIONS
from tests.manifests.connections import CAPS, needed
from tests.manifests.rendering import Rendering, render


@pytest.mark.parametrize("name", COMBINATIONS)
def test_connections_fit(name: str) -> None:
    rendering = render(name)
    assert needed(rendering) <= max_connections(rendering) == 210


def test_the_largest_combination_needs_nearly_all() -> None:
    """Beside a canary and workers db scales to six pods: counted by hand."""
    db, canary, worker = 6 + 1 + 6, 1 + 1 + 1, 2 + 1 + 2
    assert needed(render("prod-canary+hpa+worker")) == (db + canary) * 12 + worker * 1 + 4 + 2 + 2 + 3 == 208


def max_connections(rendering: Rendering) -> int:
    for cluster in rendering.all("Cluster"):
        return int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
    found = re.search(r"-c max_connections=(\d+)", rendering.config("postgres-start-")["start.sh"])
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("name", COMBINATIONS)
def test_nobody_else_is_given_the_database(name: str) -> None:
    """Whoever is told where PostgreSQL is has been counted."""
    told = {
        pod.name
        for pod in render(name).pods()
        for container in pod.containers
        if {"POSTGRES_HOST", "PGHOST", "ADMINER_DEFAULT_SERVER"} & {e["name"] for e in container.get("env", [])}
    }
    assert told <= {*CAPS, "backup", "restore", "adminer"}
