"""The seed's rotation of secrets: edit the Secret, apply, restart. Nobody is logged out and nothing is lost."""

import json
import secrets
import time
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
    assert len(load.failed) == 0
    salon.expected |= {json.loads(o.body)["object_id"] for o in load.accepted("book")}
    assert salon.lost() == set()
