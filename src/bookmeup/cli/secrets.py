"""`bookmeup secrets ensure`: fills in what the cluster's Secret lacks, from a Job inside the cluster."""

import secrets
from collections.abc import Callable, Iterable, Mapping

import click

from bookmeup.cli.cluster import SECRET, ApiServer, change_secret, in_cluster


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


def missing(present: Iterable[str]) -> dict[str, str]:
    """A new value for each key that is not there."""
    there = set(present)
    return {key: make() for key, make in VALUES.items() if key not in there}


def ensure_secret(api: ApiServer) -> list[str]:
    """Add the missing keys and say which. One that is there is never changed, whoever put it there."""
    return change_secret(api, lambda secret: missing(secret.get("data") or {}))


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
