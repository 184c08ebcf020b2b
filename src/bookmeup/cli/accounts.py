"""`create-admin` and `set-password`: through db, with auth's key; in-process on a laptop without a running db."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import click
import msgspec

from bookmeup.cli import laptop
from bookmeup.clients.db import LIMIT, Call, Db
from bookmeup.clients.service_tokens import ServiceTokens
from bookmeup.clients.transport import Http, InProcess
from bookmeup.domain.users import UserRole
from bookmeup.errors import Refusal
from bookmeup.schemas.users import NewPassword, NewUser
from bookmeup.settings import AUTH_KEY, LOGIC_KEY, Settings, load, names_db
from bookmeup.web import logs
from bookmeup.web.passwords import Passwords

SHORTEST, LONGEST = 8, 1024
SECONDS = 10.0


@click.command("create-admin")
@click.option("--email", required=True, help="The address that the admin signs in with.")
@click.option("--name", required=True, help="The admin's name.")
def create_admin(email: str, name: str) -> None:
    """Create an admin; the password is read from standard input."""
    user = _valid(NewUser(name, email, _hashed(), UserRole.ADMIN), NewUser)
    _through_db(lambda call: call.post("/admins", user))
    click.echo(f"Admin {email} created.")


@click.command("set-password")
@click.option("--email", required=True, help="The address of the user.")
def set_password(email: str) -> None:
    """Set a user's password, read from standard input, and end the user's sessions."""
    wanted = _valid(NewPassword(email, _hashed()), NewPassword)
    _through_db(lambda call: call.put("/passwords", wanted))
    click.echo(f"Password of {email} set.")


def _hashed() -> str:
    """Read the password without showing it and hash it here: it goes no further in clear."""
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.buffer.readline().decode(errors="surrogateescape").rstrip("\r\n")
    if not password.isprintable():
        raise click.ClickException("The password must be text in UTF-8.")
    if not SHORTEST <= len(password.encode()) <= LONGEST:
        raise click.ClickException(
            f"The password must have {SHORTEST} to {LONGEST} bytes; it is read from standard input."
        )
    return Passwords(1).hash_now(password)


def _valid(value: msgspec.Struct, kind: type) -> msgspec.Struct:
    try:
        found: msgspec.Struct = msgspec.convert(msgspec.to_builtins(value), kind)
    except msgspec.ValidationError as error:
        member = str(error).rpartition("$.")[2].rstrip("`")
        raise click.ClickException(f"The {member} has a form that is not allowed.") from error
    return found


def _through_db(work: Callable[[Call], Awaitable[object]]) -> None:
    logs.configure("accounts", "error", human=True, out=sys.stderr.buffer)
    try:
        asyncio.run(_called(work))
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal


async def _called(work: Callable[[Call], Awaitable[object]]) -> None:
    async with _db() as db:
        await work(db.by_itself(SECONDS))


@contextlib.asynccontextmanager
async def _db() -> AsyncIterator[Db]:
    """Reach db by HTTP where DB_SERVICE_URL says where it is, else in this process, on the laptop's database."""
    if names_db():
        settings = load("accounts")
        keys = laptop.completed_keys(settings)
        db = Db(Http(settings.db_service_url, LIMIT), ServiceTokens("auth", keys[AUTH_KEY]))
        try:
            yield db
        finally:
            await db.close()
        return
    async with _in_process(load("db")) as db:
        yield db


@contextlib.asynccontextmanager
async def _in_process(settings: Settings) -> AsyncIterator[Db]:
    from bookmeup.db.app import create_app

    keys = laptop.completed_keys(settings)
    with laptop.database(settings) as url:
        service_keys = {"auth": keys[AUTH_KEY], "logic": keys[LOGIC_KEY]}
        app = create_app(url, service_keys, other_password=settings.other_password)
        async with app.router.lifespan_context(app):
            yield Db(InProcess(app, LIMIT), ServiceTokens("auth", keys[AUTH_KEY]))
