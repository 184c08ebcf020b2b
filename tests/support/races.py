"""What the races share: what is counted, and how a double booking is seen."""

import json
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, text
from tests.support.api import Answer, Api, Shot, volley
from tests.support.databases import engine
from tests.support.salon import Person, Salon, order, unique

CUSTOMERS = 50
MINUTES = 20
"""The length of the service that is raced for."""

# Seats of a group share a time on purpose, and so may others the time in which a provider is free in between.
# A room is taken for the whole of an appointment.
_AT_ONCE = """a.id < b.id AND a.occurrence_id <> b.occurrence_id
AND a.status IN ('hold', 'pending', 'confirmed') AND b.status IN ('hold', 'pending', 'confirmed')
AND a.starts_at - make_interval(mins => a.buffer_before) < b.ends_at + make_interval(mins => b.buffer_after)
AND b.starts_at - make_interval(mins => b.buffer_before) < a.ends_at + make_interval(mins => a.buffer_after)"""
_OVERLAPS = text(f"""
SELECT (SELECT count(*) FROM appointments a JOIN appointments b ON a.provider_id = b.provider_id AND {_AT_ONCE}
        AND coalesce(cardinality(a.segments), 1) = 1 AND coalesce(cardinality(b.segments), 1) = 1)
     + (SELECT count(*) FROM appointments a JOIN appointments b ON a.resource_id = b.resource_id AND {_AT_ONCE})
""")  # noqa: S608 - constants


def overlaps(url: URL) -> int:
    """Return how many pairs of appointments have a provider or a room at one time: seen in the appointments alone."""
    with engine(url).connect() as connection:
        return int(connection.execute(_OVERLAPS).scalar_one())


def times(rounds: int) -> list[str]:
    """Return so many starts of a day from nine on, none of which touches another's appointment."""
    return [f"{9 + MINUTES * n // 60:02d}:{MINUTES * n % 60:02d}" for n in range(rounds)]


def rush(customers: Sequence[Person], api: Api, service: int, day: str, time: str) -> list[Answer]:
    """Have all these customers want one slot at once."""
    wanted = order(service, day, time)
    return race(
        [
            Shot(api.bearing(who.api.token), "POST", "/appointments", wanted, {"idempotency-key": unique()})
            for who in customers
        ]
    )


def race(shots: Sequence[Shot]) -> list[Answer]:
    """Send all at once; none may be answered by 5xx.

    A request has two seconds of real time. On a machine that has far more to do than it can, some run out of them:
    there they ask again with their keys, as a 503 says, and the rest of the promise is looked at all the same.
    """
    answers = volley(shots)
    for _ in range(10):
        late = [n for n, answer in enumerate(answers) if answer.status == 503]
        if not late:
            break
        assert starved(), f"{len(late)} of {len(shots)} were answered by 503: {answers[late[0]].body!r}"
        for n, answer in zip(late, volley([shots[n] for n in late]), strict=True):
            answers[n] = answer
    return answers


def starved() -> bool:
    """Whether four times as much wants to run as there are cores."""
    if os.getloadavg()[0] <= 4 * (os.cpu_count() or 1):
        return False
    warnings.warn("This machine is too busy for races: some requests were sent again.", stacklevel=3)
    return True


def statuses(answers: Sequence[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def booked(answers: Sequence[Answer]) -> list[int]:
    return [json.loads(answer.body)["object_id"] for answer in answers if answer.status == 201]


def seen(salon: Salon, day: str, service: int) -> list[dict[str, Any]]:
    """Return the appointments of a service that staff see on a day; other tests' series may reach it."""
    rows: list[dict[str, Any]] = salon.admin.api.get(f"/appointments/date/{day}").json()
    return [row for row in rows if row["service"]["id"] == service]


def counted(salon: Salon, day: str, service: int) -> int:
    return len(seen(salon, day, service))
