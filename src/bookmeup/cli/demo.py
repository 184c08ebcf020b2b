"""`demo`: fill an empty database with a believable salon, and say who can sign in."""

import sys

import click
from sqlalchemy.exc import DBAPIError

from bookmeup.cli import laptop
from bookmeup.db import demo
from bookmeup.settings import load
from bookmeup.web.passwords import Passwords


@click.command("demo")
def command() -> None:
    """Fill an empty database with a demo; safe to repeat, and it stays out of real data."""
    with laptop.database(load("migrate")) as url:
        try:
            made = demo.fill(url, Passwords(1).hash_now(demo.PASSWORD), _say)
        except demo.RealDataError as error:
            click.echo(str(error), err=True)
            sys.exit(1)
        except DBAPIError as error:
            click.echo(f"The demo could not be made: {str(error.orig).strip().partition(chr(10))[0]}", err=True)
            sys.exit(1)
    click.echo("The demo is there." if made else "The demo was there already.")
    for email in (demo.ADMIN, demo.STAFF, demo.CUSTOMER):
        click.echo(f"  {email}  password {demo.PASSWORD}")


def _say(what: str) -> None:
    click.echo(f"Making {what} …")
