"""Rotation of secrets, by command, by the CronJob, and as the seed does it: edit the Secret, apply, restart.

Nobody is logged out and nothing is lost.
"""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest
from tests.e2e.cluster import SERVICES, Environment, say
from tests.e2e.load import Load
from tests.e2e.salon import ADMIN, PASSWORD, Salon
from tests.e2e.settings import Settings

pytestmark = pytest.mark.usefixtures("through_ingress")


def edit(environment: Environment, **values: str) -> None:
    patch = json.dumps({"stringData": values})
    environment.kubectl("patch", "secret", "bookmeup-secrets", "--type=merge", "-p", patch)
    environment.apply()


def restart(environment: Environment, *deployments: str) -> float:
    start = time.monotonic()
    for name in deployments:
        environment.kubectl("rollout", "restart", f"deployment/{name}")
    environment.wait(*deployments)
    return time.monotonic() - start


def rotate(environment: Environment, what: str) -> str:
    """Run the command as an administrator does, through kubectl."""
    command = [sys.executable, "-m", "bookmeup", "rotate", "--namespace", environment.namespace, what]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr + environment.complaints()
    return result.stdout


def lets_in(environment: Environment, password: str) -> bool:
    """Whether PostgreSQL lets its login in with this password, asked from a pod that may reach it."""
    ask = (
        "import psycopg2, sys; psycopg2.connect(host='postgres', dbname='bookmeup', user=sys.argv[1], password=input())"
    )
    user = environment.secret()["POSTGRES_USER"]
    pod = ["exec", "-i", "deployment/db-service", "-c", "bookmeup", "--", "python", "-c", ask, user]
    told = environment.kubectl(*pod, given=password + "\n", check=False)
    assert "Traceback" not in told or "password authentication failed" in told, told
    return "Traceback" not in told


def run_the_job(environment: Environment) -> str:
    """Do now what the CronJob does every month: all of them."""
    environment.kubectl("create", "job", "rotate-now", "--from=cronjob/rotate")
    environment.kubectl("wait", "job/rotate-now", "--for=condition=Complete", "--timeout=600s")
    return environment.kubectl("logs", "job/rotate-now")


@pytest.fixture
def cronjob(prod: Environment, make_environment: Callable[..., Environment]) -> Iterator[None]:
    make_environment("prod", "rotation").apply()
    yield
    prod.kubectl("delete", "job/rotate-now", "cronjob/rotate", "--ignore-not-found")
    kinds = ("serviceaccount", "role", "rolebinding", "networkpolicy")
    prod.kubectl("delete", *(f"{kind}/rotation" for kind in kinds))


def test_one_by_command_without_a_failed_request(prod: Environment, salon: Salon, settings: Settings) -> None:
    check_rotation(prod, salon, settings, partial(rotate, prod, "jwt-secret"), {"JWT_SECRET_KEY"})


def test_all_by_the_cronjob_without_a_failed_request(
    prod: Environment, cronjob: None, salon: Salon, settings: Settings
) -> None:
    keys = {"POSTGRES_PASSWORD", "JWT_SECRET_KEY", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY"}
    check_rotation(prod, salon, settings, partial(run_the_job, prod), keys)


def check_rotation(prod: Environment, salon: Salon, settings: Settings, run: Callable[[], str], keys: set[str]) -> None:
    salon.log_in_again()
    before, postgres, people = prod.secret(), prod.names("postgres"), list(salon.customers)
    load = Load(salon.plan, settings.rate / 2.5)
    began = time.monotonic()
    with load:
        time.sleep(3)
        said = run()
        seconds = time.monotonic() - began
        time.sleep(10)
    say(load.report(f"{', '.join(sorted(keys))} rotated: {len(said.splitlines())} steps in {seconds:.0f} s"))
    after = prod.secret()
    assert load.broken == []
    assert {key for key in before | after if before.get(key) != after.get(key)} == keys
    assert prod.names("postgres") == postgres, "PostgreSQL was not restarted"
    assert lets_in(prod, after["POSTGRES_PASSWORD"])
    if "POSTGRES_PASSWORD" in keys:
        assert not lets_in(prod, before["POSTGRES_PASSWORD"])
    assert [person.get("/appointments/me").status for person in people] == [200] * len(people), "nobody is logged out"
    salon.expected |= {json.loads(o.body)["object_id"] for o in load.accepted("book")}
    assert salon.lost() == set()


def test_everything_at_once_as_the_seed_does_it(prod: Environment, salon: Salon, settings: Settings) -> None:
    salon.log_in_again()
    people = list(salon.customers)
    before = prod.secret()
    new = {name: secrets.token_urlsafe(48) for name in ("POSTGRES_PASSWORD", "JWT_SECRET_KEY")}
    load = Load(salon.plan, settings.rate / 5)

    with load:
        time.sleep(3)
        edit(prod, **new)
        seconds = restart(prod, *SERVICES, "postgres")
        time.sleep(15)

    say(load.report(f"password and JWT key edited, applied, four restarts in {seconds:.0f} s"))
    moments = sorted(o.at for o in load.outcomes if not o.failed)
    gap = max(later - earlier for earlier, later in pairwise(moments))
    say(f"failed over {load.outage():.1f} s; longest time without any good answer {gap:.1f} s")
    assert {o.status for o in load.failed} <= {503}
    assert [o for o in load.outcomes if o.status == 401] == []
    assert prod.secret() == before | new, "the apply and the Job left the edited values alone"
    salon.expected |= {json.loads(o.body)["object_id"] for o in load.accepted("book")}
    assert salon.lost() == set()
    assert [person.get("/appointments/me").status for person in people] == [200] * len(people), "nobody is logged out"
    salon.edge.log_in(ADMIN, PASSWORD)
    say(f"{len(people)} tokens from before still good; {len(salon.expected)} appointments, 0 lost")


def test_service_keys_in_three_steps_without_a_failure(prod: Environment, salon: Salon, settings: Settings) -> None:
    """Append the new one; put it first; drop the old one."""
    salon.log_in_again()
    names = ("AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY")
    old = {name: prod.secret()[name] for name in names}
    new = {name: secrets.token_urlsafe(48) for name in names}
    steps = [
        {name: f"{old[name]},{new[name]}" for name in names},
        {name: f"{new[name]},{old[name]}" for name in names},
        new,
    ]
    load = Load(salon.plan, settings.rate / 2.5)
    with load:
        for values in steps:
            edit(prod, **values)
            restart(prod, *SERVICES)
        time.sleep(15)
    say(load.report("service keys replaced in three steps"))
    assert load.broken == []
    salon.expected |= {json.loads(o.body)["object_id"] for o in load.accepted("book")}
    assert salon.lost() == set()
