"""Hours never change while an appointment lands, and what a change costs does not grow with the business."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import URL, text
from tests.support.api import Shot, volley
from tests.support.databases import engine
from tests.support.inside import counted, written_down
from tests.support.salon import Salon, order

from bookmeup.db import engine as engines
from bookmeup.db.carefully import carefully
from bookmeup.db.engine import Database
from bookmeup.db.queries import exceptions, locations, standing
from bookmeup.db.transactions import Caller, Tx, transact
from bookmeup.errors import AppointmentsAffected
from bookmeup.schemas.hours import Affected, Consent, SpanRequest

ROUNDS = 8
TOMORROW = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
MANY = text("""
WITH r AS (INSERT INTO resources (kind) SELECT 'provider' FROM generate_series(1, 20) RETURNING id),
p AS (INSERT INTO providers (id, name, performs_all) SELECT id, 'P' || id, true FROM r RETURNING id),
h AS (INSERT INTO weekly_hours (provider_id, weekday, start_minute, end_minute)
  SELECT id, weekday, 540, 1020 FROM p, generate_series(1, 7) AS weekday),
s AS (INSERT INTO services (name, duration, price_minor, currency) VALUES ('Cut', 30, 100, 'EUR') RETURNING id),
u AS (INSERT INTO users (name) VALUES ('Ana') RETURNING id),
o AS (INSERT INTO occurrences (service_id, starts_at, ends_at, provider_id)
  SELECT s.id, CAST(:at AS timestamptz) + day * interval '1 day',
    CAST(:at AS timestamptz) + day * interval '1 day' + interval '30 minutes', p.id
  FROM s, p, generate_series(0, 6) AS day RETURNING *)
INSERT INTO appointments (occurrence_id, customer_id, service_id, provider_id, starts_at, ends_at, duration,
  price_minor, currency, buffer_before, buffer_after)
SELECT o.id, u.id, o.service_id, o.provider_id, o.starts_at, o.ends_at, 30, 100, 'EUR', 0, 0 FROM o, u
""")


@pytest.mark.parametrize("what", ["time off", "closure", "hours", "day", "availability"])
def test_an_appointment_and_a_change_of_hours_never_both_win(salon: Salon, what: str) -> None:
    """Whichever comes first is seen by the other: never a booking with nobody there, unless staff were told."""
    place = salon.admin.api.post("/locations", {"name": "Branch"}).json()
    service, works_at = salon.make_service(), place["provider_id"]
    people = salon.make_customers(3)
    for _ in range(ROUNDS):
        provider, day = _opened(salon, what, works_at, service)
        shots = [Shot(who.api, "POST", "/appointments", order(service, day, f"{9 + n:02d}:00", provider_id=provider))
                 for n, who in enumerate(people)]  # fmt: skip
        answers = volley([shots[0], _change(salon, what, provider, place["object_id"], day), *shots[1:]])
        booked = [answer for answer in (answers[0], *answers[2:]) if answer.status == 201]
        assert {answer.status for answer in (answers[0], *answers[2:])} <= {201, 422}
        changed = answers[1]
        assert changed.status in (200, 201, 409), changed.body
        assert (changed.status == 409) == bool(booked), (changed.body, len(booked))
        if what != "availability" and booked:
            told = {row["id"] for row in json.loads(changed.body)["affected"]}
            assert told <= {json.loads(answer.body)["object_id"] for answer in booked}
            assert told


def _opened(salon: Salon, what: str, provider: int, service: int) -> tuple[int, str]:
    """Return a provider and a day on which he is open, by what is going to be changed."""
    if what not in ("hours", "day"):
        return provider, salon.open_day(provider=provider)
    week = [{"weekday": number, "start_time": "09:00", "end_time": "17:00"} for number in range(1, 8)]
    return salon.make_provider(hours=week, services=[service]), salon.fresh_day()


def _change(salon: Salon, what: str, provider: int, place: int, day: str) -> Shot:
    span = {"starts_at": f"{day}T00:00:00Z", "ends_at": f"{day}T23:00:00Z"}
    if what == "time off":
        return Shot(salon.admin.api, "POST", f"/providers/{provider}/time-off", span)
    if what == "closure":
        return Shot(salon.admin.api, "POST", "/closures", {**span, "location_id": place})
    if what == "hours":
        return Shot(salon.admin.api, "PUT", f"/providers/{provider}", {"hours": []})
    if what == "day":
        return Shot(salon.admin.api, "PUT", f"/providers/{provider}/days/{day}", {"intervals": []})
    rows = salon.admin.api.get(f"/availability/{day}").json()
    number = next(row["id"] for row in rows if row["provider_id"] == provider)
    return Shot(salon.admin.api, "DELETE", f"/availability/{number}")


@pytest.fixture(scope="module")
def busy(database: URL) -> Iterator[Database]:
    """Twenty providers with a week of appointments."""
    with engine(database).begin() as connection:
        connection.execute(MANY, {"at": TOMORROW})
    opened = engines.connect(database)
    yield opened
    opened.drop_idle()


def caller() -> Caller:
    return Caller("logic", None, None, None, time.monotonic() + 10)


def closed(tx: Tx, providers: list[int], consent: Consent) -> int | Affected:
    span = SpanRequest(TOMORROW, TOMORROW + timedelta(days=3))
    return carefully(
        tx, consent, standing.of_providers, providers, "closure.created", lambda tx: exceptions.close(tx, 1, span)
    )


def test_a_change_costs_as_many_statements_for_twenty_providers_as_for_one(busy: Database) -> None:
    with written_down(busy.writes) as sent:
        found = transact(busy, caller(), lambda tx: closed(tx, locations.lock_all(tx, 1), Consent(dry_run=1)))
    assert isinstance(found, Affected)
    assert len(found.affected) == 60
    assert counted(sent) == 6  # begin, the two locks, before, the change, after
    with engine(busy.writes.url).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM closures")).scalar() == 0


def test_what_is_kept_is_one_row_each_of_trail_and_outbox_in_one_statement(busy: Database) -> None:
    with pytest.raises(AppointmentsAffected) as refused:
        transact(busy, caller(), lambda tx: closed(tx, locations.lock_all(tx, 1), Consent()))
    assert len(refused.value.affected) == 60
    with written_down(busy.writes) as sent:
        transact(busy, caller(), lambda tx: closed(tx, locations.lock_all(tx, 1), Consent(keep=1)))
    assert counted(sent) == 7
    with engine(busy.writes.url).connect() as connection:
        kept = "SELECT count(DISTINCT subject_id) FROM audit_log WHERE action = 'kept' AND subject = 'appointment'"
        assert connection.execute(text(kept)).scalar() == 60
        work = "SELECT count(*) FROM outbox WHERE kind = 'appointment.kept'"
        assert connection.execute(text(work)).scalar() == 60


def test_looking_does_not_read_the_whole_table(busy: Database) -> None:
    with engine(busy.writes.url).begin() as connection:
        connection.execute(text("ANALYZE"))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement in (standing._PROVIDERS, standing._RESOURCES):  # noqa: SLF001 - the statements themselves
            plan = connection.execute(text(f"EXPLAIN {statement.text}"), {"ids": [1]}).scalars().all()
            assert not [line for line in plan if "Seq Scan on appointments" in line], "\n".join(plan)
