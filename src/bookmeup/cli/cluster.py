"""The Kubernetes API, as far as the Secret and the Deployments need it, which is not worth a client library.

Inside a cluster it is reached with the pod's own service account, elsewhere through `kubectl proxy`, which knows every
way to sign in.
https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import contextlib
import json
import socket
import ssl
import subprocess
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

import click

SERVER = "kubernetes.default.svc"
MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SECRET = "bookmeup-secrets"  # noqa: S105 - the name of the Secret, not its content
SECRET_PATH = f"secrets/{SECRET}"
DEPLOYMENTS, PODS = "/apis/apps/v1", "/api/v1"
TRIES = 5
TIMEOUT_SECONDS = 10.0

Values = Mapping[str, str]
Object = dict[str, Any]


class ClusterError(click.ClickException):
    """The API server refused or could not be reached. The message is for whoever reads the Job's log."""


class ChangedMeanwhileError(Exception):
    """Somebody wrote the object between our reading and our writing (409)."""


@dataclass(frozen=True, slots=True)
class ApiServer:
    """The Kubernetes API as somebody sees it who works in one namespace; the token is empty where a proxy has one."""

    connect: Callable[[], HTTPConnection]
    namespace: str
    token: str = ""

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, group: str = PODS) -> Object:
        """Ask for an object of the namespace (`secrets/NAME`), or change it by a merge patch."""
        connection = self.connect()
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        try:
            whole = f"{group}/namespaces/{self.namespace}/{path}"
            connection.request(method, whole, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as error:
            raise ClusterError(f"The API server {connection.host} cannot be reached: {error}") from error
        finally:
            connection.close()
        if response.status == HTTPStatus.CONFLICT:
            raise ChangedMeanwhileError
        if response.status != HTTPStatus.OK:
            what = path.partition("?")[0]
            raise ClusterError(
                f"{method} of {what} in namespace {self.namespace} was answered {response.status} {response.reason}."
            )
        answer: Object = json.loads(content)
        return answer


def in_cluster(server: str = SERVER, port: int = 443, mount: Path = MOUNT) -> ApiServer:
    """The API server that every pod finds under one name, and the account that is mounted into this one."""
    try:
        token, namespace = ((mount / name).read_text().strip() for name in ("token", "namespace"))
        context = ssl.create_default_context(cafile=str(mount / "ca.crt"))
    except OSError as error:
        raise ClusterError(f"This works inside a cluster, with a service account's token: {error}") from error
    return ApiServer(
        lambda: HTTPSConnection(server, port, context=context, timeout=TIMEOUT_SECONDS),
        namespace=namespace,
        token=token,
    )


class _SocketConnection(HTTPConnection):
    """HTTP over a Unix socket, which nobody else on this machine can use."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)  # the proxy accepts no other name
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextlib.contextmanager
def through_kubectl(namespace: str, context: str | None = None) -> Iterator[ApiServer]:
    """The API server of kubectl's current context, or of another, as kubectl's user."""
    with tempfile.TemporaryDirectory(prefix="bookmeup-") as folder:
        path = Path(folder) / "kubectl"
        command = ["kubectl", *(["--context", context] if context else []), "proxy", f"--unix-socket={path}"]
        try:
            proxy = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - kubectl of the user's own path
        except OSError as error:
            raise ClusterError(f"kubectl cannot be started: {error}") from error
        try:
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while not path.exists():
                if proxy.poll() is not None or time.monotonic() > deadline:
                    raise ClusterError("kubectl proxy did not start.")
                time.sleep(0.05)
            yield ApiServer(lambda: _SocketConnection(path), namespace)
        finally:
            proxy.terminate()
            proxy.wait()


def values_of(secret: Object) -> Values:
    return {key: b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}


def change_secret(
    api: ApiServer, change: Callable[[Object], Mapping[str, str | None]], notes: Mapping[str, str | None] | None = None
) -> list[str]:
    """Write what `change` makes of the Secret, None for a key that goes; return the keys that were written.

    The patch names the version that was read, so that of two who do this at once one is refused and looks again.
    `notes` are annotations, written with it.
    """
    for _ in range(TRIES):
        secret = api.request("GET", SECRET_PATH)
        values = change(secret)
        if not values:
            return []
        patch = {
            "metadata": {"resourceVersion": secret["metadata"]["resourceVersion"], "annotations": dict(notes or {})},
            "data": {k: None if v is None else b64encode(v.encode()).decode() for k, v in values.items()},
        }
        try:
            api.request("PATCH", SECRET_PATH, patch)
        except ChangedMeanwhileError:
            continue
        return list(values)
    raise ClusterError(f"Secret {api.namespace}/{SECRET} was changed by others {TRIES} times in a row; try again.")
