"""`bookmeup rotate …`: new secrets without a failed request, from an administrator's machine or from a Job.

Each rotation is a few changes of the cluster's Secret, and after each a restart of the Deployments that read it, so
that old and new pods always understand each other. How far one has come is an annotation of the Secret, written with
the change itself: whatever stops the command, the same command goes on from there.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from bookmeup.cli.cluster import (
    MOUNT,
    SECRET,
    SECRET_PATH,
    ApiServer,
    ClusterError,
    Values,
    change_secret,
    in_cluster,
    through_kubectl,
    values_of,
)
from bookmeup.cli.rollout import readers, restart
from bookmeup.cli.secrets import strong
from bookmeup.settings import AUTH_KEY, JWT_SECRET, LOGIC_KEY, NEXT_PASSWORD

NOTE = "rotation.bookmeup/"
OF_A_STORE = "reconcile.external-secrets.io/managed"
"""A label that the External Secrets operator gives to whatever it writes, owned by it or not."""
PASSWORD = "POSTGRES_PASSWORD"  # noqa: S105 - the name of a key
SERVICE_KEYS = (AUTH_KEY, LOGIC_KEY)

Change = Callable[[Values], Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class Step:
    """A change of the Secret; when the pods have been restarted after it, `holds` is true."""

    change: Change
    holds: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """`readers`: the keys by which the Deployments to restart are known."""

    name: str
    readers: tuple[str, ...]
    steps: Sequence[Step]


def _swapped(present: Values) -> dict[str, str | None]:
    return {PASSWORD: present[NEXT_PASSWORD], NEXT_PASSWORD: present[PASSWORD]}


def _keys(change: Callable[[list[str]], list[str]]) -> Change:
    """Do the same to the list of keys of each service."""
    return lambda present: {name: ",".join(change(present[name].split(","))) for name in SERVICE_KEYS}


# The login is given the new password by the init container of the first pod after the second step (`migrate`), which
# is let in by the old one only. PostgreSQL itself need not be restarted.
DATABASE_PASSWORD = Rotation(
    "database-password",
    (NEXT_PASSWORD,),
    (
        Step(lambda _: {NEXT_PASSWORD: strong()}, "every process knows both passwords"),
        Step(_swapped, "the login has the new password"),
        Step(lambda _: {NEXT_PASSWORD: None}, "no process knows the old password"),
    ),
)
# Signing keys are sealed under it: a pod that cannot open the newest makes one, which the old pods publish too.
JWT = Rotation("jwt-secret", (JWT_SECRET,), (Step(lambda _: {JWT_SECRET: strong()}, "auth seals with the new secret"),))
SERVICES = Rotation(
    "service-keys",
    SERVICE_KEYS,
    (
        Step(_keys(lambda keys: [*keys, strong()]), "every process accepts the new keys"),
        Step(_keys(lambda keys: [keys[-1], *keys[:-1]]), "every process signs with the new keys"),
        Step(_keys(lambda keys: keys[:1]), "no process accepts the old keys"),
    ),
)


def rotate(api: ApiServer, rotation: Rotation, seconds: float, say: Callable[[str], None]) -> None:
    """Take the steps that are left. Raises ClusterError, and then can be called again.

    `seconds` is how long a restart may take.
    """
    names = readers(api, rotation.readers)
    if not names:
        raise ClusterError(
            f"No Deployment in {api.namespace} reads {' or '.join(rotation.readers)}: apply this version."
        )
    taken = _taken(api, rotation)
    if taken:
        say(f"Going on after step {taken} of {len(rotation.steps)}.")
        restart(api, names, seconds)
    for number, step in enumerate(rotation.steps[taken:], taken + 1):
        note = str(number) if number < len(rotation.steps) else None
        change_secret(api, lambda secret, step=step: step.change(values_of(secret)), {NOTE + rotation.name: note})  # type: ignore[misc]
        restart(api, names, seconds)
        say(f"{number}/{len(rotation.steps)} {', '.join(names)} restarted: {step.holds}.")


def _taken(api: ApiServer, rotation: Rotation) -> int:
    """Return how many steps an earlier call has taken; refuse a Secret that somebody else would set back."""
    metadata = api.request("GET", SECRET_PATH)["metadata"]
    if metadata.get("labels", {}).get(OF_A_STORE) == "true":
        raise ClusterError(f"Secret {SECRET} is written by an ExternalSecret: change it in its store.")
    return int(metadata.get("annotations", {}).get(NOTE + rotation.name, 0))


@click.group("rotate")
@click.option("-n", "--namespace", default="bookmeup", show_default=True, help="Where BookMeUp is; a pod's is its own.")
@click.option("--context", help="The cluster, as kubectl names it; else kubectl's current one.")
@click.option("--timeout", default=600, show_default=True, help="Seconds that a restart may take.")
@click.pass_context
def group(ctx: click.Context, namespace: str, context: str | None, timeout: int) -> None:
    """Replace secrets without a failed request; after an interruption the same command goes on."""
    ctx.obj = (namespace, context, timeout)


@contextlib.contextmanager
def _api(namespace: str, context: str | None) -> Iterator[ApiServer]:
    if (MOUNT / "token").exists():
        yield in_cluster()
    else:
        with through_kubectl(namespace, context) as api:
            yield api


def _run(told: tuple[str, str | None, int], *rotations: Rotation) -> None:
    namespace, context, timeout = told
    with _api(namespace, context) as api:
        for rotation in rotations:
            rotate(api, rotation, timeout, click.echo)


@group.command("database-password")
@click.pass_obj
def database_password(told: tuple[str, str | None, int]) -> None:
    """Give PostgreSQL's login a new password."""
    _run(told, DATABASE_PASSWORD)


@group.command("jwt-secret")
@click.pass_obj
def jwt_secret(told: tuple[str, str | None, int]) -> None:
    """Replace the secret that signing keys are sealed with; nobody is logged out."""
    _run(told, JWT)


@group.command("service-keys")
@click.pass_obj
def service_keys(told: tuple[str, str | None, int]) -> None:
    """Replace the keys that the services know each other by."""
    _run(told, SERVICES)


@group.command("all")
@click.pass_obj
def everything(told: tuple[str, str | None, int]) -> None:
    """Replace all of these, one after the other."""
    _run(told, DATABASE_PASSWORD, JWT, SERVICES)
