"""The command line. Commands load what they need when they run, so that a role starts with no more than its own."""

import sys

import click

from bookmeup.settings import SettingsError, role_of


class Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    places = {  # noqa: RUF012 - a constant
        "migrate": "migrate:command",
        "demo": "demo:command",
        "create-admin": "accounts:create_admin",
        "set-password": "accounts:set_password",
        "openapi": "openapi:command",
        "secrets": "secrets:group",
        "rotate": "rotate:group",
        "doctor": "doctor:command",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        place = self.places.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        import importlib

        found: click.Command = getattr(importlib.import_module(f"bookmeup.cli.{module}"), name)
        return found


@click.group(cls=Lazy, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--role", type=click.Choice(["auth", "logic", "db", "worker", "all"]), help="What to serve; else ROLE, else all."
)
@click.option("--host", help="The address to listen on; else BOOKMEUP_HOST, else 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65535), help="5001 auth, 5002 logic, 5003 db, 5004 worker, 8000 all.")
@click.option("--demo", is_flag=True, help="Fill an empty database with the demo first (role all).")
@click.version_option(package_name="bookmeup")
@click.pass_context
def cli(ctx: click.Context, role: str | None, host: str | None, port: int | None, *, demo: bool) -> None:
    """BookMeUp: customers book free times, staff run the calendar. Without a command it serves a role."""
    if ctx.invoked_subcommand is None:
        from bookmeup.cli import serve

        sys.exit(serve.serve(role_of(role), host=host, port=port, demo=demo))


def main() -> None:
    """Run the command line; a wrong configuration is one message and exit code 2."""
    try:
        cli()
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
