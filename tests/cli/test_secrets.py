"""`secrets ensure` against a small API server that keeps one Secret, with versions and conflicts as the real one."""

import json
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bookmeup.cli import secrets

TOKEN = "the-account's-token"


class FakeCluster(ThreadingHTTPServer):
    """Keeps one Secret; `before_patch` is what somebody else does just before a patch arrives."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data: dict[str, str] | None = None
        self.version = 1
        self.requests: list[str] = []
        self.exists = True
        self.before_patch: Callable[[FakeCluster], None] | None = None

    def write(self, **values: str) -> None:
        encoded = {key: b64encode(value.encode()).decode() for key, value in values.items()}
        self.data = (self.data or {}) | encoded
        self.version += 1

    def value(self, key: str) -> str:
        assert self.data is not None
        return b64decode(self.data[key]).decode()


class Handler(BaseHTTPRequestHandler):
    server: FakeCluster

    def do_GET(self) -> None:
        self.server.requests.append("GET")
        self.answer()

    def do_PATCH(self) -> None:
        self.server.requests.append("PATCH")
        patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.before_patch is not None:
            self.server.before_patch(self.server)
        if patch["metadata"]["resourceVersion"] != str(self.server.version):
            self.send({"kind": "Status"}, 409)
            return
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        self.server.data = (self.server.data or {}) | patch["data"]
        self.server.version += 1
        self.answer()

    def answer(self) -> None:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.send({"kind": "Status"}, 403)
        elif self.path != "/api/v1/namespaces/bookmeup/secrets/bookmeup-secrets" or not self.server.exists:
            self.send({"kind": "Status"}, 404)
        else:
            secret: dict[str, Any] = {"kind": "Secret", "metadata": {"resourceVersion": str(self.server.version)}}
            self.send(secret if self.server.data is None else secret | {"data": self.server.data}, 200)

    def send(self, body: dict[str, Any], status: int) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def make_certificate(folder: Path) -> Path:
    """One file with a key and a certificate for localhost that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "ca.crt").write_bytes(pem)
    (folder / "server.pem").write_bytes(private + pem)
    return folder / "server.pem"


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """What Kubernetes mounts into a pod: token, namespace, the authority's certificate."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "namespace").write_text("bookmeup\n")
    return tmp_path


@pytest.fixture
def cluster(mount: Path) -> Iterator[FakeCluster]:
    server = FakeCluster()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(mount))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def api(cluster: FakeCluster, mount: Path) -> secrets.ApiServer:
    return secrets.in_cluster("localhost", cluster.server_port, mount)


def test_an_empty_secret_is_filled(cluster: FakeCluster, api: secrets.ApiServer) -> None:
    added = secrets.ensure_secret(api)

    assert added == ["POSTGRES_USER", "POSTGRES_PASSWORD", "JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY"]
    assert cluster.value("POSTGRES_USER") == "bookmeup"
    made = [cluster.value(key) for key in added[1:]]
    assert len(set(made)) == 4
    assert min(map(len, made)) >= 43
    assert "," not in "".join(made), "a comma would make two service keys of one"


def test_what_is_there_is_never_changed(cluster: FakeCluster, api: secrets.ApiServer) -> None:
    cluster.write(JWT_SECRET_KEY="chosen by hand", OTHER="kept")

    added = secrets.ensure_secret(api)

    assert "JWT_SECRET_KEY" not in added
    assert cluster.value("JWT_SECRET_KEY") == "chosen by hand"
    assert cluster.value("OTHER") == "kept"


def test_a_second_time_writes_nothing(cluster: FakeCluster, api: secrets.ApiServer) -> None:
    secrets.ensure_secret(api)
    cluster.requests.clear()

    assert secrets.ensure_secret(api) == []
    assert cluster.requests == ["GET"]


def test_of_two_at_once_the_first_wins(cluster: FakeCluster, api: secrets.ApiServer) -> None:
    def somebody_else(server: FakeCluster) -> None:
        server.before_patch = None
        server.write(POSTGRES_USER="theirs", POSTGRES_PASSWORD="theirs")

    cluster.before_patch = somebody_else

    assert secrets.ensure_secret(api) == ["JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY"]
    assert cluster.value("POSTGRES_PASSWORD") == "theirs"
    assert cluster.requests == ["GET", "PATCH", "GET", "PATCH"]


def test_endless_conflict_ends(cluster: FakeCluster, api: secrets.ApiServer) -> None:
    cluster.before_patch = lambda server: server.write(OTHER="again")

    with pytest.raises(secrets.ClusterError, match="changed by others 5 times"):
        secrets.ensure_secret(api)
    assert cluster.data is not None
    assert set(cluster.data) == {"OTHER"}


def test_a_secret_that_is_not_there_is_not_made(cluster: FakeCluster, api: secrets.ApiServer) -> None:
    cluster.exists = False

    with pytest.raises(secrets.ClusterError, match="Secret bookmeup/bookmeup-secrets was answered 404"):
        secrets.ensure_secret(api)
    assert cluster.requests == ["GET"]


def test_another_authority_is_not_trusted(
    cluster: FakeCluster, mount: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    make_certificate(elsewhere)
    (mount / "ca.crt").write_bytes((elsewhere / "ca.crt").read_bytes())
    api = secrets.in_cluster("localhost", cluster.server_port, mount)

    with pytest.raises(secrets.ClusterError, match="cannot be reached"):
        secrets.ensure_secret(api)
    assert cluster.requests == []


def test_the_command_names_keys_and_no_values(
    cluster: FakeCluster, api: secrets.ApiServer, monkeypatch: pytest.MonkeyPatch
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
