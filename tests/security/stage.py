"""The requests of the table in `expected`: a business, its callers, and for each request an object that was just made.

Each request would succeed for whoever may make it, so that a refusal is about who asks and about nothing else.
"""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import URL, text
from tests.security.expected import Row
from tests.support.databases import engine
from tests.support.salon import PASSWORD, Person, Salon, made, order, unique

from bookmeup.db.queries.outbox import MOST_TRIES

TIMES = [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in (0, 30)]
LETTERS = "rights:letter"
_far = itertools.count(1000)


def far_day() -> str:
    """Return a date beyond all horizons: the salon's own days are few."""
    return (datetime.now(UTC).date() + timedelta(days=next(_far))).isoformat()


def free_times(salon: Salon) -> Iterator[tuple[str, str]]:
    """Yield days and times that nobody has booked; a day is opened when it is needed."""
    while True:
        day = salon.open_day("00:00", "24:00")
        yield from ((day, time) for time in TIMES)


def tidied(database: URL) -> None:
    """Remove the dead letters: they would wait for ever, and others count what waits."""
    with engine(database).begin() as connection:
        connection.execute(text("DELETE FROM outbox WHERE aggregate = :aggregate"), {"aggregate": LETTERS})


class Stage(NamedTuple):
    """A business, and one of each kind of caller; `approved` is a service that needs approval."""

    salon: Salon
    database: URL
    people: dict[str, Person]
    service: int
    approved: int
    free: Callable[[], tuple[str, str]]

    def appointment(self, owner: str) -> int:
        return self.salon.book(self.people[owner], self.service, *self.free())

    def pending(self, owner: str) -> int:
        return self.salon.book(self.people[owner], self.approved, *self.free())

    def begun(self, owner: str) -> int:
        """Return an appointment that has begun: nobody books one, so its start is moved behind our backs."""
        return self._written(
            """UPDATE appointments SET starts_at = now() - interval '1 hour',
            ends_at = now() - interval '1 hour' + interval '1 millisecond' WHERE id = :id RETURNING id""",
            id=self.appointment(owner),
        )

    def hold(self, owner: str) -> int:
        """Return a new hold; earlier ones are released, because nobody may have more than three."""
        api = self.people[owner].api
        for one in api.get("/appointments/me").json():
            if one["status"] == "hold":
                assert api.delete(f"/holds/{one['id']}").status_code == 200
        return made(api.post("/holds", order(self.service, *self.free())))

    def wish(self, owner: str) -> int:
        """Return a new wish for days on which nothing is ever free; earlier ones are withdrawn."""
        person = self.people[owner]
        for one in person.api.get("/waitlist").json():
            if one["user_id"] == person.id:
                assert person.api.delete(f"/waitlist/{one['id']}").status_code == 200
        return made(person.api.post("/waitlist", wished(self.service)))

    def offer(self, owner: str) -> int:
        """Return an open offer, written as the outbox writes it: a hold for a wish."""
        wish = self.wish(owner)
        return self._written(
            """WITH wish AS (UPDATE waitlist SET status = 'offered' WHERE id = :wish)
            INSERT INTO offers (waitlist_id, appointment_id, expires_at)
            VALUES (:wish, :hold, now() + interval '5 minutes') RETURNING id""",
            wish=wish,
            hold=self.hold(owner),
        )

    def letter(self) -> int:
        return self._written(
            """INSERT INTO outbox (kind, payload, aggregate, attempts, not_before)
            VALUES ('appointment.moved', '{}', :aggregate, :attempts, now() + interval '1 day') RETURNING id""",
            aggregate=LETTERS,
            attempts=MOST_TRIES,
        )

    def _written(self, statement: str, **values: object) -> int:
        with engine(self.database).begin() as connection:
            return int(connection.execute(text(statement), values).scalar_one())


def wished(service: int) -> dict[str, object]:
    day = far_day()
    return {"service_id": service, "first_date": day, "last_date": day}


def span() -> dict[str, object]:
    return {"date": far_day(), "start_time": "09:00", "end_time": "10:00"}


def instants() -> dict[str, object]:
    day = far_day()
    return {"starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T10:00:00Z"}


def visit(stage: Stage, day: str, time: str) -> dict[str, object]:
    return {"date": day, "time": time, "services": [{"service_id": stage.service}]}


def series(stage: Stage, day: str, time: str) -> dict[str, object]:
    return order(stage.service, day, time, rule="FREQ=DAILY;COUNT=1")


def body_of(row: Row, stage: Stage) -> dict[str, object] | None:
    bodies: dict[tuple[str, str], Callable[[], dict[str, object]]] = {
        ("POST", "/auth/register"): lambda: {"name": "New", "email": f"{unique()}@new.example", "password": PASSWORD},
        ("POST", "/auth/login"): lambda: {"email": stage.people["B"].email, "password": PASSWORD},
        ("PUT", "/auth/users/{id}/role"): lambda: {"role": "customer"},
        ("PUT", "/profile"): lambda: {"name": "Renamed"},
        ("POST", "/services"): lambda: {"name": f"S {unique()}", "price": "1 EUR", "duration": 10},
        ("PUT", "/services/{id}"): lambda: {"price": "2 EUR"},
        ("POST", "/services/{id}/addons"): lambda: {"name": f"A {unique()}"},
        ("PUT", "/services/{id}/addons/{addon}"): lambda: {"duration": 5},
        ("POST", "/appointments"): lambda: order(stage.service, *stage.free()),
        ("PUT", "/appointments/{id}"): lambda: moved(stage),
        ("PUT", "/appointments/me/{id}"): lambda: moved(stage),
        ("POST", "/holds"): lambda: order(stage.service, *stage.free()),
        ("POST", "/series"): lambda: series(stage, *stage.free()),
        ("POST", "/visits"): lambda: visit(stage, *stage.free()),
        ("POST", "/waitlist"): lambda: wished(stage.service),
        ("PUT", "/location"): lambda: {"address": "Here"},
        ("POST", "/locations"): lambda: {"name": f"L {unique()}"},
        ("PUT", "/locations/{id}"): lambda: {"address": "There"},
        ("POST", "/closures"): instants,
        ("POST", "/resources"): lambda: {"name": f"R {unique()}", "type": "chair"},
        ("PUT", "/resources/{id}"): lambda: {"name": f"R {unique()}"},
        ("POST", "/providers"): lambda: {"name": f"P {unique()}", "services": []},
        ("PUT", "/providers/{id}"): lambda: {"name": f"P {unique()}"},
        ("PUT", "/providers/{id}/days/{date}"): lambda: {"intervals": [{"start_time": "09:00", "end_time": "10:00"}]},
        ("POST", "/providers/{id}/time-off"): instants,
        ("POST", "/availability"): span,
    }
    make = bodies.get((row.method, row.path))
    return make() if make else None


def moved(stage: Stage) -> dict[str, object]:
    return dict(zip(("date", "time"), stage.free(), strict=True))


def query_of(row: Row, stage: Stage) -> str:
    queries: dict[str, Callable[[str, str], str]] = {
        "/available-timeslots": lambda day, _: f"?date={day}&service_id={stage.service}",
        "/available-timeslots/days": lambda day, _: f"?first={day}&last={day}&service_id={stage.service}",
        "/available-timeslots/next": lambda _day, _time: f"?service_id={stage.service}&count=1",
        "/available-timeslots/verdicts": lambda day, time: f"?date={day}&time={time}&service_id={stage.service}",
        "/visit-slots": lambda day, _: f"?date={day}&services={stage.service}",
        "/book/{id}/confirm": lambda day, time: f"?date={day}&time={time}",
    }
    make = queries.get(row.path)
    return make(*stage.free()) if make else ""


def path_of(row: Row, who: str, stage: Stage) -> str:
    """Return the path with an object of its owner in it, made for this request."""
    path = row.path.replace("{date}", far_day()).replace("{name}", "bookmeup.css")
    if "{id}" in path:
        path = path.replace("{id}", str(object_of(row, who, stage)))
    if "{addon}" in path:
        path = path.replace("{addon}", str(part_of(path.rpartition("/")[0], {"name": "Mask"}, stage)))
    if "{time_off}" in path:
        path = path.replace("{time_off}", str(part_of(path.rpartition("/")[0], instants(), stage)))
    if (row.method, row.path) == ("DELETE", "/providers/{id}/days/{date}"):
        assert stage.salon.admin.api.put(path, {"intervals": []}).status_code == 200
    return path + query_of(row, stage)


def part_of(path: str, body: dict[str, object], stage: Stage) -> int:
    return made(stage.salon.admin.api.post(path, body))


def object_of(row: Row, who: str, stage: Stage) -> int:
    owner = {"A's": "A", "staff's": "staff", "own": who if who != "anonymous" else "A"}.get(row.of, "A")
    api, admin = stage.people[owner].api, stage.salon.admin.api
    appointments = {"confirm": stage.pending, "decline": stage.pending, "complete": stage.begun, "no-show": stage.begun}
    make: dict[str, Callable[[], int]] = {
        "appointments": lambda: appointments.get(row.path.rpartition("/")[2], stage.appointment)(owner),
        "my": lambda: stage.appointment(owner),
        "holds": lambda: stage.hold(owner),
        "series": lambda: made(api.post("/series", series(stage, *stage.free()))),
        "visits": lambda: made(api.post("/visits", visit(stage, *stage.free()))),
        "waitlist": lambda: stage.wish(owner),
        "offers": lambda: stage.offer(owner),
        "dead-letters": stage.letter,
        "auth": lambda: stage.salon.make_customer().id,
        "locations": lambda: made(admin.post("/locations", {"name": f"L {unique()}"})),
        "closures": lambda: made(admin.post("/closures", instants())),
        "resources": lambda: made(admin.post("/resources", {"name": f"R {unique()}", "type": "chair"})),
        "providers": lambda: stage.salon.make_provider(services=[]),
        "availability": lambda: made(admin.post("/availability", span())),
        "services": stage.salon.make_service,
        "book": lambda: stage.service,
    }
    return make[row.path.split("/")[1]]()
