"""A small business on a site, and people in it. Each factory takes only what a test is about and makes up the rest."""

import itertools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx2
from tests.support.api import Api, Front
from tests.support.databases import ADMIN, ADMIN_PASSWORD

PASSWORD = "correct horse battery"
AT_ONCE = 6
"""People who arrive together: fewer than one auth-service refuses for want of time to hash."""


class Person(NamedTuple):
    """Somebody with an account, and the API as it answers this person."""

    id: int
    name: str
    email: str
    api: Api


class Salon:
    """What the tests of a site share. Each test books on days of its own, so that none meets another's appointments."""

    def __init__(self, front: Front, client: httpx2.Client, *, patient: bool = False) -> None:
        self.anyone = Api(front, client, patient=patient)
        self._days = itertools.count(2)
        self._admin: Person | None = None

    @property
    def admin(self) -> Person:
        """The admin that every database has; signed in once."""
        if self._admin is None:
            self._admin = self.sign_in(ADMIN, ADMIN_PASSWORD)
        return self._admin

    def through(self, front: Front) -> "Salon":
        """Return the same business as other replicas serve it; the days are still everybody's own."""
        other = Salon(front, self.anyone._client)  # noqa: SLF001 - a copy of itself
        other._days, other._admin = self._days, None
        return other

    def fresh_day(self) -> str:
        """Return a date that no other test uses; the provider is closed on it."""
        return (datetime.now(UTC).date() + timedelta(days=next(self._days))).isoformat()

    def open_day(
        self, start: str = "09:00", end: str = "17:00", *, provider: int | None = None, day: str | None = None
    ) -> str:
        """Return a date, of one's own or this one, on which the default provider, or this one, is open."""
        day = day or self.fresh_day()
        body: dict[str, object] = {"date": day, "start_time": start, "end_time": end}
        if provider is not None:
            body["provider_id"] = provider
        self._make(self.admin.api, "/availability", body)
        return day

    def make_service(self, **given: object) -> int:
        """Return the id of a new service of half an hour."""
        body = {"name": f"Service {unique()}", "price": "80 RON", "duration": 30, **given}
        return self._make(self.admin.api, "/services", body)

    def make_provider(self, **given: object) -> int:
        """Return the id of a new provider without hours, who performs every service unless `services` says which."""
        return self._make(self.admin.api, "/providers", {"name": f"Provider {unique()}", **given})

    def make_customer(self, name: str = "Ana", password: str = PASSWORD) -> Person:
        email = f"{unique()}@customers.example"
        body, headers = {"name": name, "email": email, "password": password}, {"idempotency-key": unique()}
        answered = patient(lambda: self.anyone.post("/auth/register", body, headers=headers))
        assert answered.status_code == 201, answered.text
        return self.sign_in(email, password)

    def make_customers(self, number: int) -> list[Person]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda _: self.make_customer(), range(number)))

    def make_staff(self, role: str = "staff") -> Person:
        person = self.make_customer("Staff")
        changed = patient(lambda: self.admin.api.put(f"/auth/users/{person.id}/role", {"role": role}))
        assert changed.status_code == 200, changed.text
        return self.sign_in(person.email)

    def sign_in(self, email: str, password: str = PASSWORD) -> Person:
        answered = patient(lambda: self.anyone.post("/auth/login", {"email": email, "password": password}))
        assert answered.status_code == 200, answered.text
        user, token = answered.json()["user"], answered.json()["access_token"]
        return Person(user["id"], user["name"], user["email"], self.anyone.bearing(token))

    def book(self, who: Person, service: int, day: str, time: str = "09:00", **more: object) -> int:
        """Return the id of a new appointment."""
        return self._make(who.api, "/appointments", order(service, day, time, **more))

    def _make(self, api: Api, path: str, body: object) -> int:
        headers = {"idempotency-key": unique()}
        return made(patient(lambda: api.post(path, body, headers=headers)))

    def slots(self, service: int, day: str, provider: int | None = None) -> list[str]:
        asked: dict[str, object] = {"date": day, "service_id": service}
        if provider is not None:
            asked["provider_id"] = provider
        answered = patient(lambda: self.anyone.get("/available-timeslots", asked))
        assert answered.status_code == 200, answered.text
        found: list[str] = answered.json()["available_slots"]
        return found


def patient(ask: Callable[[], httpx2.Response], seconds: float = 30.0) -> httpx2.Response:
    """Ask again after a 503, as it says: what a test needs is not what it is about, and the machine may be busy."""
    deadline = time.monotonic() + seconds
    while True:
        answered = ask()
        if answered.status_code != 503 or time.monotonic() > deadline:
            return answered
        time.sleep(float(answered.headers["retry-after"]))


def order(service: int, day: str, time: str = "09:00", **more: object) -> dict[str, object]:
    return {"service_id": service, "date": day, "time": time, **more}


def made(answered: httpx2.Response) -> int:
    assert answered.status_code == 201, answered.text
    found: int = answered.json()["object_id"]
    return found


def unique() -> str:
    return uuid.uuid4().hex[:12]


def ids(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def is_problem(answered: httpx2.Response, status: int, code: str) -> bool:
    """Whether it is a problem document of this status and code, with the member that old clients read."""
    told = answered.json()
    assert (answered.status_code, told.get("code")) == (status, code), answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    assert told["status"] == status
    assert told["error"]
    assert told["title"]
    return True
