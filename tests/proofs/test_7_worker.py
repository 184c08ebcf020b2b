"""kill -9 of the worker at its work: what freed time leads to is offered to everybody who waits for it, and once."""

import random

from sqlalchemy import URL
from tests.proofs.conftest import SIZES, Figure
from tests.support import outbox
from tests.support.fragile import Worked, mend
from tests.support.processes import Process
from tests.support.salon import Person, Salon, patient
from tests.support.waiting import until

DAYS = 24
"""Days on which time is given back: a day's is one row of work and one offer."""
SLOW = 90.0


def wait_for(who: Person, service: int, day: str, hour: int) -> None:
    """Have somebody wait for this hour of a day and no other."""
    span = {"start_time": f"{hour:02d}:00", "end_time": f"{hour + 1:02d}:00"}
    wish = {"service_id": service, "first_date": day, "last_date": day, **span}
    assert patient(lambda: who.api.post("/waitlist", wish)).status_code == 201


def give_back(who: Person, appointment: int) -> None:
    assert patient(lambda: who.api.delete(f"/appointments/me/{appointment}")).status_code == 200


def waited_for(salon: Salon, holder: Person, people: list[Person], days: list[str], hour: int) -> list[int]:
    """Have one book an hour of each day and each of the others wait for one of them; return the appointments."""
    service = salon.make_service(duration=60)
    booked = [salon.book(holder, service, day, f"{hour:02d}:00") for day in days]
    for who, day in zip(people, days, strict=True):
        wait_for(who, service, day, hour)
    return booked


def given_back(url: URL) -> int:
    """Return of how much time nothing has been made yet; each offer is itself one more row of work."""
    return outbox.rows(url, "done_at IS NULL AND kind = 'appointment.cancelled'")


def kill_at_work(worker: Process, url: URL) -> int:
    """Kill it when some of its work is done; return how much is left."""
    some = random.randrange(1, DAYS)
    until(lambda: given_back(url) <= some, SLOW, 0.001)
    worker.kill()
    return given_back(url)


def offers(people: list[Person], hour: int) -> list[str]:
    """Return the days on which each of them is offered this hour."""
    at = f"{hour:02d}:00"
    return [offer["date"] for who in people for offer in who.api.get("/offers").json() if offer["time"] == at]


def test_a_worker_that_is_killed_at_its_work_leaves_none_of_it_undone_and_does_none_twice(
    fragile: Worked, figure: Figure
) -> None:
    url, salon = fragile.postgres.url(), fragile.salon
    holder, *people = salon.make_customers(1 + DAYS)
    days, left = [salon.open_day("00:00", "24:00") for _ in people], []
    for hour in range(SIZES.other_kills):
        appointments = waited_for(salon, holder, people, days, hour)
        until(lambda: outbox.waiting(url) == 0, SLOW)
        with fragile.worker.paused():
            for appointment in appointments:
                give_back(holder, appointment)
        left.append(kill_at_work(fragile.worker, url))
        mend(fragile)
        until(lambda: outbox.waiting(url) == 0, SLOW)
        assert offers(people, hour) == days
    figure("7 worker: rows of work left when it was killed", left)
    figure("7 worker: rows of work, done, different ones", (outbox.rows(url), *outbox.done(url)))
    assert outbox.done(url) == (outbox.rows(url), outbox.rows(url))
    if SIZES.is_full:
        assert max(left) > 0
