"""`create-admin`, `set-password`: what is wrong with what was typed is said before anything is asked of db."""

import click
import pytest
from click.testing import CliRunner, Result

from bookmeup.cli.accounts import create_admin, set_password

COMMANDS = {"create-admin": (create_admin, ["--name", "Boss"]), "set-password": (set_password, [])}
PASSWORD = "a long enough password"


def typed(name: str, email: str, password: str, *more: str) -> Result:
    command, options = COMMANDS[name]
    assert isinstance(command, click.Command)
    return CliRunner().invoke(command, ["--email", email, *options, *more], input=password)


@pytest.mark.parametrize("password", ["", "\n", "short\n", "1234567", "x" * 1025, "\u00e4" * 513])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_password_too_short_or_too_long_is_refused(name: str, password: str) -> None:
    done = typed(name, "x@salon.example", password)
    assert done.exit_code == 1
    assert "8 to 1024 bytes" in done.stderr
    assert not password.strip() or password.strip() not in done.output


@pytest.mark.parametrize("email", ["", "boss", "boss@", "a b@c", "a@b,c@d", "a@b\n"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_address_is_refused(name: str, email: str) -> None:
    done = typed(name, email, PASSWORD)
    assert done.exit_code == 1
    assert done.stderr == "Error: The email has a form that is not allowed.\n"
    assert PASSWORD not in done.output


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201])
def test_a_wrong_name_is_refused(name: str) -> None:
    done = typed("create-admin", "x@salon.example", PASSWORD, "--name", name)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_address_is_asked_for(name: str) -> None:
    command, _ = COMMANDS[name]
    done = CliRunner().invoke(command, [], input=PASSWORD)
    assert done.exit_code == 2
    assert "--email" in done.stderr
