"""A small API server: one Secret, with versions and conflicts as the real one, and Deployments that are restarted."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TOKEN = "the-account's-token"
HOME = "/namespaces/bookmeup/"
SECRET = f"/api/v1{HOME}secrets/bookmeup-secrets"
DEPLOYMENTS = f"/apis/apps/v1{HOME}deployments"
PODS = f"/api/v1{HOME}pods"


@dataclass
class FakeDeployment:
    """Its pods know what the Secret said when they started: `known`. While `steps` are left, old ones are about."""

    keys: tuple[str, ...]
    known: dict[str, str] = field(default_factory=dict)
    steps: int = 0
    generation: int = 1
    failed: bool = False

    def shown(self, name: str) -> dict[str, Any]:
        refers = [{"valueFrom": {"secretKeyRef": {"name": "bookmeup-secrets", "key": key}}} for key in self.keys]
        done = self.steps <= 1  # then the last old pod is still leaving
        status = {
            "observedGeneration": self.generation,
            "replicas": 2 if done else 3,
            "updatedReplicas": 2 if done else 1,
            "availableReplicas": 2,
            "conditions": [{"reason": "ProgressDeadlineExceeded", "message": "timed out"}] if self.failed else [],
        }
        pod = {"containers": [{"env": [{"name": "ROLE", "value": "x"}, *refers]}]}
        selector = {"matchLabels": {"app": name}}
        spec = {"replicas": 2, "selector": selector, "template": {"spec": pod}}
        return {"metadata": {"name": name, "generation": self.generation}, "spec": spec, "status": status}


class FakeCluster(ThreadingHTTPServer):
    """`before_patch` is what somebody else does just before a patch of the Secret arrives.

    `on_start` is told of each Deployment whose new pods start; `breaks_at` is the request, counted from one, whose
    answer does not arrive.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data: dict[str, str] | None = None
        self.annotations: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.version = 1
        self.requests: list[str] = []
        self.exists = True
        self.before_patch: Callable[[FakeCluster], None] | None = None
        self.deployments: dict[str, FakeDeployment] = {}
        self.on_start: Callable[[str], None] = lambda _: None
        self.breaks_at: int | None = None

    def write(self, **values: str) -> None:
        encoded = {key: b64encode(value.encode()).decode() for key, value in values.items()}
        self.data = (self.data or {}) | encoded
        self.version += 1

    def value(self, key: str) -> str:
        return self.values()[key]

    def values(self) -> dict[str, str]:
        return {key: b64decode(value).decode() for key, value in (self.data or {}).items()}

    def patch_secret(self, patch: dict[str, Any]) -> int:
        if self.before_patch is not None:
            self.before_patch(self)
        if patch["metadata"]["resourceVersion"] != str(self.version):
            return 409
        self.data = merged(self.data or {}, patch["data"])
        self.annotations = merged(self.annotations, patch["metadata"]["annotations"])
        self.version += 1
        return 200

    def patch_deployment(self, name: str, patch: dict[str, Any]) -> None:
        assert patch["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
        deployment = self.deployments[name]
        deployment.generation += 1
        self.on_start(name)
        deployment.steps = 3


def merged(present: dict[str, str], patch: dict[str, str | None]) -> dict[str, str]:
    """RFC 7386, one level of it."""
    return {key: value for key, value in (present | patch).items() if value is not None}


class Handler(BaseHTTPRequestHandler):
    server: FakeCluster

    def do_GET(self) -> None:
        self.answer()

    def do_PATCH(self) -> None:
        patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        self.answer(patch)

    def answer(self, patch: dict[str, Any] | None = None) -> None:
        self.server.requests.append("GET" if patch is None else "PATCH")
        path, _, query = self.path.partition("?")
        body: dict[str, Any]
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            body, status = {"kind": "Status"}, 403
        elif path == SECRET and self.server.exists:
            body, status = self.secret(patch)
        elif path.startswith(DEPLOYMENTS):
            body, status = self.deployment(path.removeprefix(DEPLOYMENTS).strip("/"), patch), 200
        elif path == PODS:
            left = self.server.deployments[query.partition("app%3D")[2]].steps
            body, status = {"items": [{"metadata": {"deletionTimestamp": "now"} if left else {}}]}, 200
        else:
            body, status = {"kind": "Status"}, 404
        if len(self.server.requests) == self.server.breaks_at:
            self.close_connection = True
            return
        self.send(body, status)

    def secret(self, patch: dict[str, Any] | None) -> tuple[dict[str, Any], int]:
        status = 200 if patch is None else self.server.patch_secret(patch)
        if status != 200:
            return {"kind": "Status"}, status
        metadata = {
            "resourceVersion": str(self.server.version),
            "annotations": self.server.annotations,
            "labels": self.server.labels,
        }
        secret: dict[str, Any] = {"kind": "Secret", "metadata": metadata}
        return secret if self.server.data is None else secret | {"data": self.server.data}, status

    def deployment(self, name: str, patch: dict[str, Any] | None) -> dict[str, Any]:
        if not name:
            return {"items": [found.shown(name) for name, found in self.server.deployments.items()]}
        found = self.server.deployments[name]
        if patch is None:
            found.steps = max(0, found.steps - 1)
        else:
            self.server.patch_deployment(name, patch)
        return found.shown(name)

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
