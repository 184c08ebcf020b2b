"""`rotate`: at every moment old and new pods understand each other, wherever it is stopped and called again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.fake_cluster import TOKEN, FakeCluster, FakeDeployment

from bookmeup.cli import rollout, rotate
from bookmeup.cli.cluster import ApiServer, ClusterError
from bookmeup.cli.rotate import DATABASE_PASSWORD, JWT, SERVICES, Rotation

KEYS = ("AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY")
FIRST = {
    "POSTGRES_USER": "bookmeup",
    "POSTGRES_PASSWORD": "first-password",
    "JWT_SECRET_KEY": "first-jwt-secret",
    "AUTH_SERVICE_KEY": "first-auth-key",
    "LOGIC_SERVICE_KEY": "first-logic-key",
}
LONG = 30.0
MANAGED = {"reconcile.external-secrets.io/managed": "true"}


class Business:
    """BookMeUp on the fake cluster: what its pods know, old ones included, and PostgreSQL's login."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.password = FIRST["POSTGRES_PASSWORD"]
        cluster.write(**FIRST)
        passwords = ("POSTGRES_PASSWORD", "POSTGRES_PASSWORD_NEXT")
        wanted = {"db-service": (*passwords, *KEYS), "auth-service": ("JWT_SECRET_KEY", KEYS[0])}
        wanted |= {"logic-service": KEYS[1:], "postgres": passwords[:1]}
        cluster.deployments = {name: FakeDeployment(keys) for name, keys in wanted.items()}
        for found in cluster.deployments.values():
            found.known = {key: FIRST[key] for key in found.keys if key in FIRST}
        self.pods = {name: [dict(found.known)] for name, found in cluster.deployments.items()}
        cluster.on_start = self.started

    def started(self, name: str) -> None:
        """New pods of a Deployment run beside those that have not been waited for."""
        assert name != "postgres", "it is never restarted"
        for other, found in self.cluster.deployments.items():
            if found.steps == 0:
                del self.pods[other][:-1]
        found = self.cluster.deployments[name]
        found.known = {key: value for key, value in self.cluster.values().items() if key in found.keys}
        self.pods[name].append(found.known)
        if name == "db-service":
            self.settle(found.known)
        self.check()

    def settle(self, known: dict[str, str]) -> None:
        """What `migrate` does with the login."""
        if self.password != known["POSTGRES_PASSWORD"]:
            assert self.password == known.get("POSTGRES_PASSWORD_NEXT"), "the new pod is let in"
            self.password = known["POSTGRES_PASSWORD"]

    def check(self) -> None:
        for db in self.pods["db-service"]:
            assert self.password in {db["POSTGRES_PASSWORD"], db.get("POSTGRES_PASSWORD_NEXT")}
            for name, key in zip(("auth-service", "logic-service"), KEYS, strict=True):
                for caller in self.pods[name]:
                    assert caller[key].split(",")[0] in db[key].split(","), "its token is accepted"


@pytest.fixture
def business(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> Business:
    monkeypatch.setattr(rollout, "PAUSE_SECONDS", 0.0)
    return Business(cluster)


def turn(api: ApiServer, rotation: Rotation) -> list[str]:
    said: list[str] = []
    rotate.rotate(api, rotation, LONG, said.append)
    return said


def changed(business: Business) -> set[str]:
    now = business.cluster.values()
    assert now.keys() == FIRST.keys(), "nothing is left over"
    return {key for key, value in now.items() if value != FIRST[key]}


def is_over(business: Business) -> None:
    """All pods know what the Secret says and nothing else."""
    assert business.cluster.annotations == {}
    for found in business.cluster.deployments.values():
        if found.generation > 1:
            assert found.known == {k: v for k, v in business.cluster.values().items() if k in found.keys}
        assert found.steps == 0, "it was waited for until the last old pod had ended"


CASES = [
    (DATABASE_PASSWORD, {"POSTGRES_PASSWORD"}, ["db-service"], 3),
    (JWT, {"JWT_SECRET_KEY"}, ["auth-service"], 1),
    (SERVICES, set(KEYS), ["auth-service", "db-service", "logic-service"], 3),
]
each = pytest.mark.parametrize(("rotation", "keys", "restarted", "steps"), CASES, ids=lambda v: getattr(v, "name", ""))


@each
def test_it_replaces_its_own_and_nothing_else(
    business: Business, api: ApiServer, rotation: Rotation, keys: set[str], restarted: list[str], steps: int
) -> None:
    said = turn(api, rotation)
    assert changed(business) == keys
    assert business.password == business.cluster.value("POSTGRES_PASSWORD")
    assert {name: d.generation - 1 for name, d in business.cluster.deployments.items() if d.generation > 1} == (
        dict.fromkeys(restarted, steps)
    )
    is_over(business)
    assert len(said) == steps
    assert not any(
        value in line for line in said for value in business.cluster.values().values() if value != "bookmeup"
    )


@each
def test_it_can_be_stopped_at_any_request_and_called_again(
    business: Business, api: ApiServer, rotation: Rotation, keys: set[str], restarted: list[str], steps: int
) -> None:
    turn(api, rotation)
    requests = len(business.cluster.requests)
    for number in range(1, requests + 1):
        again = Business(business.cluster)
        business.cluster.requests.clear()
        business.cluster.breaks_at = number
        with pytest.raises(ClusterError, match="cannot be reached"):
            turn(api, rotation)
        business.cluster.breaks_at = None
        turn(api, rotation)
        assert changed(again) == keys, f"stopped at request {number}"
        assert again.password == business.cluster.value("POSTGRES_PASSWORD")
        is_over(again)


def test_of_several_service_keys_the_newest_alone_is_left(business: Business, api: ApiServer) -> None:
    business.cluster.write(AUTH_SERVICE_KEY="first-auth-key,older-auth-key")
    turn(api, SERVICES)
    assert "," not in business.cluster.value("AUTH_SERVICE_KEY")


def test_pods_that_do_not_become_ready_are_an_error_and_the_old_ones_go_on(business: Business, api: ApiServer) -> None:
    business.cluster.deployments["db-service"].failed = True
    with pytest.raises(ClusterError, match="db-service do not become ready: timed out"):
        turn(api, DATABASE_PASSWORD)
    assert business.cluster.value("POSTGRES_PASSWORD") == FIRST["POSTGRES_PASSWORD"]
    business.cluster.deployments["db-service"].failed = False
    assert turn(api, DATABASE_PASSWORD)[0] == "Going on after step 1 of 3."
    assert changed(business) == {"POSTGRES_PASSWORD"}


def test_a_restart_that_takes_too_long_says_how_far_it_is(business: Business, api: ApiServer) -> None:
    with pytest.raises(ClusterError, match=r"auth-service has 1 of 2 new pods available after 0 s\. The same command"):
        rotate.rotate(api, JWT, 0.0, lambda _: None)


@pytest.mark.parametrize(
    "spoil", [lambda c: c.deployments.clear(), lambda c: c.labels.update(MANAGED)], ids=["nobody", "of a store"]
)
def test_where_it_cannot_work_nothing_is_changed(
    business: Business, api: ApiServer, spoil: Callable[[FakeCluster], None]
) -> None:
    spoil(business.cluster)
    with pytest.raises(ClusterError, match=r"No Deployment in bookmeup reads|by an ExternalSecret"):
        turn(api, DATABASE_PASSWORD)
    assert changed(business) == set()
    assert "PATCH" not in business.cluster.requests


def test_an_administrator_reaches_the_cluster_as_kubectl_does(
    business: Business, mount: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("THERE IS NO kubectl: THE WAY THROUGH ITS PROXY IS NOT TESTED")
    server = f"https://localhost:{business.cluster.server_port}"
    known = {
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": str(mount / "ca.crt")}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "salon", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **known}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    result = CliRunner().invoke(rotate.group, ["--context", "salon", "jwt-secret"])
    assert (result.exit_code, result.output) == (0, "1/1 auth-service restarted: auth seals with the new secret.\n")
    assert changed(business) == {"JWT_SECRET_KEY"}


def test_kubectl_that_does_not_start_its_proxy_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = CliRunner().invoke(rotate.group, ["jwt-secret"])
    assert result.exit_code == 1
    assert "kubectl cannot be started" in result.output
