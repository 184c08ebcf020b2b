"""`secrets ensure` against a small API server that keeps one Secret, with versions and conflicts as the real one."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.fake_cluster import FakeCluster, make_certificate

from bookmeup.cli import secrets
from bookmeup.cli.cluster import ApiServer, ClusterError, in_cluster


def test_an_empty_secret_is_filled(cluster: FakeCluster, api: ApiServer) -> None:
    added = secrets.ensure_secret(api)

    assert added == ["POSTGRES_USER", "POSTGRES_PASSWORD", "JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY"]
    assert cluster.value("POSTGRES_USER") == "bookmeup"
    made = [cluster.value(key) for key in added[1:]]
    assert len(set(made)) == 4
    assert min(map(len, made)) >= 43
    assert "," not in "".join(made), "a comma would make two service keys of one"


def test_what_is_there_is_never_changed(cluster: FakeCluster, api: ApiServer) -> None:
    cluster.write(JWT_SECRET_KEY="chosen by hand", OTHER="kept")

    added = secrets.ensure_secret(api)

    assert "JWT_SECRET_KEY" not in added
    assert cluster.value("JWT_SECRET_KEY") == "chosen by hand"
    assert cluster.value("OTHER") == "kept"


def test_a_second_time_writes_nothing(cluster: FakeCluster, api: ApiServer) -> None:
    secrets.ensure_secret(api)
    cluster.requests.clear()

    assert secrets.ensure_secret(api) == []
    assert cluster.requests == ["GET"]


def test_of_two_at_once_the_first_wins(cluster: FakeCluster, api: ApiServer) -> None:
    def somebody_else(server: FakeCluster) -> None:
        server.before_patch = None
        server.write(POSTGRES_USER="theirs", POSTGRES_PASSWORD="theirs")

    cluster.before_patch = somebody_else

    assert secrets.ensure_secret(api) == ["JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY"]
    assert cluster.value("POSTGRES_PASSWORD") == "theirs"
    assert cluster.requests == ["GET", "PATCH", "GET", "PATCH"]


def test_endless_conflict_ends(cluster: FakeCluster, api: ApiServer) -> None:
    cluster.before_patch = lambda server: server.write(OTHER="again")

    with pytest.raises(ClusterError, match="changed by others 5 times"):
        secrets.ensure_secret(api)
    assert cluster.data is not None
    assert set(cluster.data) == {"OTHER"}


def test_a_secret_that_is_not_there_is_not_made(cluster: FakeCluster, api: ApiServer) -> None:
    cluster.exists = False

    with pytest.raises(ClusterError, match="secrets/bookmeup-secrets in namespace bookmeup was answered 404"):
        secrets.ensure_secret(api)
    assert cluster.requests == ["GET"]


def test_another_authority_is_not_trusted(
    cluster: FakeCluster, mount: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    make_certificate(elsewhere)
    (mount / "ca.crt").write_bytes((elsewhere / "ca.crt").read_bytes())
    api = in_cluster("localhost", cluster.server_port, mount)

    with pytest.raises(ClusterError, match="cannot be reached"):
        secrets.ensure_secret(api)
    assert cluster.requests == []


def test_the_command_names_keys_and_no_values(
    cluster: FakeCluster, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "in_cluster", lambda: api)

    first, second = (CliRunner().invoke(secrets.group, ["ensure"]) for _ in range(2))

    assert first.exit_code == second.exit_code == 0
    assert first.output.startswith("Secret bookmeup/bookmeup-secrets: added POSTGRES_USER, POSTGRES_PASSWORD,")
    assert second.output == "Secret bookmeup/bookmeup-secrets: nothing was missing.\n"
    assert not any(cluster.value(key) in first.output for key in secrets.VALUES if key != "POSTGRES_USER")


def test_outside_a_cluster_it_says_so() -> None:
    result = CliRunner().invoke(secrets.group, ["ensure"])

    assert result.exit_code == 1
    assert "This works inside a cluster" in result.output
