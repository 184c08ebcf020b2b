"""prod on an empty cluster, once a run, and the table that its scenarios fill. Only `-m chaos` collects them."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.chaos.report import Row, document, table
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.settings import ChaosSettings
from tests.chaos.settings import settings as read_settings
from tests.chaos.stage import Trial
from tests.e2e.client import Client
from tests.e2e.cluster import MARK, Environment, fetch, generate, kubectl, say, until
from tests.e2e.edge import answers
from tests.e2e.salon import Salon, open_salon
from tests.e2e.tree import Tree, copy
from tests.manifests.combinations import Combination

NAMESPACE = "bookmeup"
DAYS = 300
"""Of free slots: 43 000, more than an hour at a hundred requests a second books."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if config.option.markexpr == "chaos" else True


@pytest.fixture(scope="session")
def settings() -> ChaosSettings:
    return read_settings()


@pytest.fixture(scope="session")
def prod(settings: ChaosSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A namespace that is there already is somebody's: nothing is touched then."""
    found = [n for n in fetch("namespaces")["items"] if n["metadata"]["name"] == NAMESPACE]
    if found:
        ours = MARK in found[0]["metadata"].get("labels", {})
        hint = f"left by a test run: kubectl delete namespace {NAMESPACE}" if ours else "not a test's"
        pytest.exit(f"namespace {NAMESPACE} exists on this cluster ({hint}); nothing was touched", 2)
    if not answers(settings.e2e.url):
        pytest.exit(f"no Ingress answers at {settings.e2e.url}: a port-forward does not survive what is done here", 2)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is harmed is mended on the way out
    folder = generate(settings.e2e, Combination("prod"), tmp_path_factory.mktemp("overlay") / "prod")
    environment = Environment("prod", NAMESPACE, folder)
    try:
        environment.apply()
        environment.wait()
        yield environment
    finally:
        if not settings.e2e.keep:
            kubectl("delete", "namespace", "--ignore-not-found", "--timeout=180s", NAMESPACE)


@pytest.fixture(scope="session")
def edge(prod: Environment, settings: ChaosSettings) -> Client:
    client = Client({"auth": settings.e2e.url, "logic": settings.e2e.url})
    until("the edge answers", 60, lambda: client.get("/health").status == 200)
    return client


@pytest.fixture(scope="session")
def salon(prod: Environment, edge: Client) -> Salon:
    return open_salon(prod, edge, DAYS)


@pytest.fixture(scope="session")
def rows(settings: ChaosSettings) -> Iterator[list[Row]]:
    found: list[Row] = []
    yield found
    say(f"\n{table(found)}\n\n{settings.report}\n")


@pytest.fixture
def keep(rows: list[Row], settings: ChaosSettings) -> Callable[[Row], None]:
    """Written after each: a run that is cut off has shown something too."""
    names = [scenario.name for scenario in SCENARIOS]

    def add(row: Row) -> None:
        rows.append(row)
        settings.report.parent.mkdir(parents=True, exist_ok=True)
        settings.report.write_text(document(rows, names, settings.rate, settings.outage))

    return add


@pytest.fixture
def trial(prod: Environment, edge: Client, salon: Salon, settings: ChaosSettings, tmp_path: Path) -> Trial:
    def make_tree(image: str) -> Tree:
        return copy(prod, image, tmp_path / "kustomize")

    return Trial(prod, edge, salon, settings, make_tree)
