"""`bookmeup secrets ensure`: fills in what the cluster's Secret lacks, from a Job inside the cluster.

It knows three calls' worth of the Kubernetes API, which is not worth a client library.
https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/
"""

import json
import secrets
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

import click

SERVER = "kubernetes.default.svc"
MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SECRET = "bookmeup-secrets"  # noqa: S105 - the name of the Secret, not its content
TRIES = 5
TIMEOUT_SECONDS = 10.0


def strong() -> str:
    """48 random bytes, in letters that need no quoting anywhere."""
    return secrets.token_urlsafe(48)


VALUES: Mapping[str, Callable[[], str]] = {
    "POSTGRES_USER": lambda: "bookmeup",
    "POSTGRES_PASSWORD": strong,
    "JWT_SECRET_KEY": strong,
    "AUTH_SERVICE_KEY": strong,
    "LOGIC_SERVICE_KEY": strong,
}


class ClusterError(click.ClickException):
    """The API server refused or could not be reached. The message is for whoever reads the Job's log."""


class ChangedMeanwhileError(Exception):
    """Somebody wrote the Secret between our reading and our writing (409)."""


@dataclass(frozen=True, slots=True)
class ApiServer:
    """The Kubernetes API as the pod's own service account sees it."""

    connect: Callable[[], HTTPConnection]
    namespace: str
    token: str

    def request(self, method: str, name: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        connection = self.connect()
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        try:
            path = f"/api/v1/namespaces/{self.namespace}/secrets/{name}"
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as error:
            raise ClusterError(f"The API server {connection.host} cannot be reached: {error}") from error
        finally:
            connection.close()
        if response.status == HTTPStatus.CONFLICT:
            raise ChangedMeanwhileError
        if response.status != HTTPStatus.OK:
            raise ClusterError(
                f"{method} of Secret {self.namespace}/{name} was answered {response.status} {response.reason}."
            )
        answer: dict[str, Any] = json.loads(content)
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


def missing(present: Iterable[str]) -> dict[str, str]:
    """A new value for each key that is not there."""
    there = set(present)
    return {key: make() for key, make in VALUES.items() if key not in there}


def ensure_secret(api: ApiServer, name: str = SECRET) -> list[str]:
    """Add the missing keys and say which. One that is there is never changed, whoever put it there.

    The patch names the version that was read, so that of two who do this at once one is refused and looks again.
    """
    for _ in range(TRIES):
        secret = api.request("GET", name)
        values = missing(secret.get("data") or {})
        if not values:
            return []
        patch = {
            "metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]},
            "data": {key: b64encode(value.encode()).decode() for key, value in values.items()},
        }
        try:
            api.request("PATCH", name, patch)
        except ChangedMeanwhileError:
            continue
        return list(values)
    raise ClusterError(f"Secret {api.namespace}/{name} was changed by others {TRIES} times in a row; try again.")


@click.group("secrets")
def group() -> None:
    """The cluster's Secret."""


@group.command()
def ensure() -> None:
    """Fill in what the cluster's Secret lacks; change nothing that is there."""
    api = in_cluster()
    added = ensure_secret(api)
    what = f"added {', '.join(added)}" if added else "nothing was missing"
    click.echo(f"Secret {api.namespace}/{SECRET}: {what}.")
