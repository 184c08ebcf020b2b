"""`openapi`: write the document, as served, to standard output."""

import click
import msgspec

from bookmeup.auth.routes.accounts import routes as accounts
from bookmeup.logic.routes import public
from bookmeup.web.openapi import document, operations


@click.command("openapi")
def command() -> None:
    """Print the OpenAPI document of the public API."""
    whole = document([*operations(accounts), *operations(public)])
    click.echo(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode())
