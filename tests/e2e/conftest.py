"""The environments on the cluster, and people in them. Nothing here is collected unless `-m e2e` asks for it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.e2e.client import Client
from tests.e2e.cluster import MARK, Environment, fetch, generate, kubectl, say, until
from tests.e2e.edge import find_edge
from tests.e2e.salon import Salon, open_salon
from tests.e2e.settings import Settings
from tests.e2e.settings import settings as read_settings
from tests.manifests.combinations import Combination

NAMESPACES = {
    "dev": "bookmeup-dev",
    "staging": "bookmeup-staging",
    "prod": "bookmeup",
    "prod-tls": "bookmeup",
    "prod-gateway": "bookmeup",
}
MakeEnvironment = Callable[..., Environment]
"""Takes an overlay's name and those of components to add."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if "e2e" in config.option.markexpr else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("e2e")


@pytest.fixture(scope="session")
def settings() -> Settings:
    return read_settings()


@pytest.fixture(scope="session")
def cluster(settings: Settings) -> Iterator[None]:
    """A cluster without BookMeUp. What this suite did not make, it does not delete."""
    found = {n["metadata"]["name"]: n["metadata"].get("labels", {}) for n in fetch("namespaces")["items"]}
    foreign = [name for name in NAMESPACES.values() if name in found and MARK not in found[name]]
    if foreign:
        pytest.exit(f"namespace {foreign[0]} exists on this cluster and is not this suite's: nothing was touched", 2)
    clear()
    yield
    if not settings.keep:
        clear()


def clear() -> None:
    names = sorted(set(NAMESPACES.values()))
    kubectl("delete", "namespace", "--ignore-not-found", "--timeout=180s", *names)
    volumes = [v for v in fetch("persistentvolumes")["items"] if v["metadata"]["name"] == "postgres-pv"]
    if volumes and (volumes[0]["spec"].get("claimRef") or {}).get("namespace") == NAMESPACES["dev"]:
        kubectl("delete", "persistentvolume", "postgres-pv", "--timeout=60s")


@pytest.fixture(scope="session")
def make_environment(cluster: None, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> MakeEnvironment:
    def make(overlay: str, *components: str) -> Environment:
        folder = generate(settings, Combination(overlay, components), tmp_path_factory.mktemp("overlay") / overlay)
        return Environment(overlay, NAMESPACES[overlay], folder)

    return make


@pytest.fixture(scope="session")
def prod(make_environment: MakeEnvironment) -> Environment:
    """One apply on a cluster that has nothing of ours, and waiting."""
    environment = make_environment("prod")
    lines = environment.apply().splitlines()
    seconds = environment.wait()
    say(f"prod from an empty cluster: {len(lines)} objects by one apply, all pods ready after {seconds:.0f} s")
    return environment


@pytest.fixture(scope="session")
def edges(settings: Settings) -> Iterator[Callable[..., Client]]:
    """How to reach an environment from outside: `edges(environment, host)`."""
    with ExitStack() as stack:
        yield lambda environment, host=None: find_edge(settings.url, environment, host, stack)


@pytest.fixture(scope="session")
def edge(prod: Environment, edges: Callable[..., Client]) -> Client:
    client: Client = edges(prod)
    seconds = until("the edge answers", 60, lambda: client.get("/health").status == 200)
    say(f"the edge answers after {seconds:.1f} s more")
    return client


@pytest.fixture(scope="session")
def through_ingress(edge: Client) -> None:
    """What needs the Ingress: a port-forward leads to one pod and ends with it."""
    if edge.bases["auth"] != edge.bases["logic"]:
        pytest.skip("NO INGRESS ANSWERS: A PORT-FORWARD CANNOT SHOW THIS")


@pytest.fixture(scope="session")
def gateway_class(cluster: None) -> None:
    if "traefik" not in kubectl("get", "gatewayclasses", check=False):
        pytest.skip("THERE IS NO GatewayClass traefik: THE GATEWAY IS NOT TESTED")


@pytest.fixture(scope="session")
def salon(prod: Environment, edge: Client) -> Salon:
    return open_salon(prod, edge)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a made certificate, tls.crt and tls.key, for the host of prod-tls."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout tls.key -out tls.crt -subj /CN=bookmeup-e2e"
    names = ["-addext", "subjectAltName=DNS:bookmeup.example.com"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)
    return folder
