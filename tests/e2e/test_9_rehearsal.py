"""scripts/rehearse: prod's data in staging, with nobody in them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.client import Client
from tests.e2e.cluster import SERVICES, Environment, say, until
from tests.e2e.conftest import MakeEnvironment
from tests.e2e.salon import ADMIN, PASSWORD, Salon
from tests.manifests.combinations import ROOT

HOST = "staging.bookmeup.localhost"
COUNTS = "SELECT count(*), sum(price_minor) FROM appointments"
PEOPLE = "SELECT count(*) FROM users WHERE email LIKE '%e2e.example' OR name LIKE 'Customer%'"


@pytest.fixture
def staging(prod: Environment, make_environment: MakeEnvironment) -> Environment:
    environment = make_environment("staging")
    environment.apply_again()
    environment.wait()
    return environment


def rehearse(**settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **settings}  # noqa: TID251 - handed on unread
    command = [str(ROOT / "scripts" / "rehearse")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_staging_has_prod_s_appointments_and_none_of_its_people(
    prod: Environment, staging: Environment, salon: Salon, edges: Callable[..., Client]
) -> None:
    before = prod.restarts()
    done = rehearse()
    assert done.returncode == 0, done.stdout + done.stderr
    say(done.stdout.strip().splitlines()[-1])
    assert staging.sql(COUNTS) == prod.sql(COUNTS) != "0|"
    assert staging.sql(PEOPLE) == "0" != prod.sql(PEOPLE)
    assert staging.sql("SELECT count(*) FROM outbox") == "0"
    client: Client = edges(staging, HOST)
    until("staging shows prod's services", 60, lambda: "Quick cut" in names(client))
    body = {"email": ADMIN, "password": PASSWORD}
    assert client.call("POST", "/auth/login", body).status == 401, "prod's owner is nobody here"
    assert prod.restarts() == before
    assert salon.lost() == set()


def names(client: Client) -> set[str]:
    answer = client.get("/services")
    return {service["name"] for service in answer.json} if answer.status == 200 else set()


@pytest.fixture
def untouched(staging: Environment) -> Iterator[None]:
    """Staging has what it had, and the same pods."""
    pods, rows = {name for app in SERVICES for name in staging.names(app)}, staging.sql(COUNTS)
    staging.sql("CREATE OR REPLACE VIEW public.in_the_way AS SELECT 1 AS one")
    yield
    assert staging.sql("SELECT one FROM in_the_way") == "1"
    assert staging.sql(COUNTS) == rows
    assert {name for app in SERVICES for name in staging.names(app)} == pods


@pytest.mark.usefixtures("untouched")
def test_a_copy_that_fails_leaves_staging_as_it_was(prod: Environment) -> None:
    prod.sql("CREATE TABLE e2e_people AS SELECT * FROM users")
    try:
        done = rehearse()
    finally:
        prod.sql("DROP TABLE e2e_people")
    assert done.returncode != 0
    assert "nobody has said what of these may be copied: e2e_people" in done.stderr


@pytest.mark.usefixtures("untouched", "prod")
@pytest.mark.parametrize("lines", [3, 40, 400, 1000])
def test_a_dump_that_is_cut_off_without_a_word_leaves_staging_as_it_was(tmp_path: Path, lines: int) -> None:
    shim, real = tmp_path / "kubectl", shutil.which("kubectl")
    cut = f'case $* in *pg_dump*) {real} "$@" | head -n {lines}; exit 0;; *) exec {real} "$@";; esac'
    shim.write_text(f"#!/bin/sh\n{cut}\n")
    shim.chmod(0o755)
    done = rehearse(PATH=f"{tmp_path}:{os.environ['PATH']}")  # noqa: TID251 - handed on unread
    assert done.returncode != 0


def test_production_is_never_written_to(prod: Environment, staging: Environment) -> None:
    rows = prod.fingerprint(("users", "passwords", "appointments"))
    done = rehearse(FROM=staging.namespace, TO=prod.namespace)
    assert (done.returncode, done.stderr.strip()) == (1, "rehearse: bookmeup is production")
    assert prod.fingerprint(("users", "passwords", "appointments")) == rows
