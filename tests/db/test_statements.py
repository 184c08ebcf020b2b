"""How much is asked of PostgreSQL: few statements a booking, whatever it is of and however much there is."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import URL, text
from tests.support.busy import DAY
from tests.support.databases import engine
from tests.support.holds import let_pass
from tests.support.inside import Actor, Inside, Statement, asked_by, counted, inside, number_in
from tests.support.salon import unique

from bookmeup.db.driver import Transacting
from bookmeup.schemas.appointments import (
    AppointmentRequest,
    DaysQuery,
    HoldRequest,
    Move,
    Why,
)
from bookmeup.schemas.together import SeriesRequest
from bookmeup.schemas.users import Customer

MOST = 6


def order(service: int, time: str, **more: Any) -> AppointmentRequest:
    return AppointmentRequest(date=DAY, service_id=service, time=time, **more)


def test_a_booking_takes_six_statements_at_most_however_many_providers_there_are(
    busy: URL, customer: Actor, service: int
) -> None:
    statements = asked_by(busy, lambda db: db.by(customer, key=unique()).post("/appointments", order(service, "12:30")))
    assert any("INSERT INTO appointments" in statement.text for statement in statements)
    assert counted(statements) <= MOST


def test_a_booking_is_two_messages_to_postgresql(
    busy: URL, customer: Actor, service: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Transacting, bytes]] = []
    told, key = Transacting.message, unique()

    def noted(connection: Transacting, statement: bytes) -> bytes:
        sent.append((connection, told(connection, statement)))
        return sent[-1][1]

    monkeypatch.setattr(Transacting, "message", noted)
    asked_by(busy, lambda db: db.by(customer, key=key).post("/appointments", order(service, "14:30")))
    first = next(number for number, (_, message) in enumerate(sent) if key.encode() in message)
    messages = [message for connection, message in sent[first:] if connection is sent[first][0]]
    assert messages[0].startswith(b"BEGIN")
    assert messages[-1].endswith(b"COMMIT")
    assert len(messages) == 2


def test_a_booking_for_somebody_new_a_refused_one_and_a_repeated_one_take_no_more(
    busy: URL, customer: Actor, staff: Actor, service: int
) -> None:
    key = unique()
    guest = order(service, "13:10", customer=Customer("Walk-in", "0721 000 000"))
    repeated = order(service, "13:50")
    for actor, body in (
        (staff, guest),
        (customer, order(service, "12:00")),
        (customer, repeated),
        (customer, repeated),
    ):
        kept = key if body is repeated else unique()
        statements = asked_by(busy, lambda db, a=actor, k=kept, b=body: db.by(a, key=k).post("/appointments", b))  # type: ignore[misc]
        assert counted(statements) <= MOST


CHAIRS = "INSERT INTO resources (kind, name, type) SELECT 'resource', 'Chair', 'chair' FROM generate_series(1, 2)"
ADDON = "INSERT INTO addons (service_id, name, duration, price_minor) VALUES (:service, 'Wash', 0, 100) RETURNING id"
ORDINARY = """UPDATE services SET resource_type = NULL, capacity = 1, segments = NULL, needs_approval = false
WHERE id = :service"""


@pytest.mark.parametrize(
    ("time", "change"),
    [
        ("11:50", "UPDATE services SET resource_type = 'chair' WHERE id = :service"),
        ("11:10", "UPDATE services SET capacity = 3 WHERE id = :service"),
        ("10:30", "UPDATE services SET segments = '{5,2,3}' WHERE id = :service"),
        ("09:50", "UPDATE services SET needs_approval = true WHERE id = :service"),
    ],
    ids=["room", "group", "segments", "approval"],
)
def test_a_booking_takes_six_statements_at_most_whatever_the_service_is_like(
    busy: URL, customer: Actor, service: int, time: str, change: str
) -> None:
    with engine(busy).begin() as connection:
        connection.execute(text(change), {"service": service})
        connection.execute(text(CHAIRS))
        addon = connection.execute(text(ADDON), {"service": service}).scalar_one()
    wanted = order(service, time, addons=[addon])
    try:
        found = [
            asked_by(busy, lambda db: db.by(customer, key=unique()).post("/appointments", wanted)) for _ in range(2)
        ]
    finally:
        with engine(busy).begin() as connection:
            connection.execute(text(ORDINARY), {"service": service})
    for statements in found:
        assert any("INSERT INTO appointments" in statement.text for statement in statements)
        assert counted(statements) <= MOST


def test_what_a_hold_keeps_is_booked_in_six_statements_at_most_though_other_holds_have_to_be_ended(
    busy: URL, customer: Actor, staff: Actor, service: int
) -> None:
    async def main() -> list[list[Statement]]:
        async with inside(busy) as db:
            held = [
                number_in(await db.by(who).post("/holds", HoldRequest(DAY, service_id=service, time="20:30")))
                for who in (customer, staff)
            ]
            let_pass(busy, held[0])
            with db.recorded() as beside_a_stale_one:
                await db.by(customer, key=unique()).post("/appointments", order(service, "21:10"))
            with db.recorded() as from_a_hold:
                guest = order(service, "20:30", hold_id=held[1], customer=Customer("Walk-in", "0721 000 001"))
                await db.by(staff, key=unique()).post("/appointments", guest)
            return [beside_a_stale_one, from_a_hold]

    for statements in asyncio.run(main()):
        assert counted(statements) <= MOST


def test_a_month_for_all_providers_takes_six_statements_at_most(busy: URL, customer: Actor, service: int) -> None:
    month = DaysQuery(DAY - timedelta(days=15), DAY + timedelta(days=15), service)
    statements = asked_by(busy, lambda db: db.by(customer).get("/slots/days", month))
    assert 0 < counted(statements) <= MOST


def test_confirming_declining_cancelling_and_releasing_take_six_statements_at_most(
    busy: URL, customer: Actor, staff: Actor, service: int
) -> None:
    async def main(db: Inside, change: str) -> list[Statement]:
        own, theirs = db.by(customer), db.by(staff)
        if change == "release":
            number = number_in(await own.post("/holds", HoldRequest(DAY, service_id=service, time="16:30")))
        else:
            number = number_in(await own.post("/appointments", order(service, "16:30")))
        with engine(busy).begin() as connection:
            connection.execute(text("UPDATE appointments SET status = 'pending' WHERE id = :id AND :pending"),
                               {"id": number, "pending": change in ("confirm", "decline")})  # fmt: skip
        with db.recorded() as statements:
            if change in ("confirm", "decline"):
                await theirs.post(f"/appointments/{number}/{change}", Why())
            else:
                await own.delete(f"/{'holds' if change == 'release' else 'appointments/mine'}/{number}")
        if change == "confirm":
            await theirs.delete(f"/appointments/{number}")
        return statements

    async def run(change: str) -> list[Statement]:
        async with inside(busy) as db:
            return await main(db, change)

    for change in ("confirm", "decline", "cancel", "release"):
        assert counted(asyncio.run(run(change))) <= MOST, change


def test_a_hold_and_a_move_take_few_statements_and_a_series_as_many_for_ten_dates_as_for_one(
    busy: URL, customer: Actor, service: int
) -> None:
    """A hold counts the others of its customer; a move leaves one time and takes another."""
    hold = HoldRequest(DAY, service_id=service, time="17:10")
    assert counted(asked_by(busy, lambda db: db.by(customer).post("/holds", hold))) <= MOST + 2

    async def moved(db: Inside) -> None:
        own = db.by(customer, key=unique())
        number = number_in(await own.post("/appointments", order(service, "17:50")))
        with db.recorded() as statements:
            await own.put(f"/appointments/mine/{number}", Move(DAY, "18:30"))
        assert counted(statements) <= MOST + 4

    asked_by(busy, moved)

    with engine(busy).begin() as connection:
        connection.execute(
            text("""INSERT INTO availability (provider_id, date, start_minute, end_minute)
                    SELECT id, CAST(:day AS date) + n, 0, 1440 FROM providers, generate_series(1, 9) n
                    WHERE retired_at IS NULL"""),
            {"day": DAY},
        )

    async def series(db: Inside) -> list[int]:
        found = []
        for count, time in ((1, "19:10"), (10, "19:50")):
            rule = f"FREQ=DAILY;COUNT={count}"
            body = SeriesRequest(DAY, service_id=service, time=time, rule=rule)
            with db.recorded() as statements:
                number = number_in(await db.by(customer).post("/series", body))
            found.append(counted(statements))
            with db.recorded() as statements:
                await db.by(customer).delete(f"/series/{number}")
            found.append(counted(statements))
        return found

    async def main() -> list[int]:
        async with inside(busy) as db:
            return await series(db)

    booking, cancelling, booking_ten, cancelling_ten = asyncio.run(main())
    assert (booking, cancelling) == (booking_ten, cancelling_ten)
    assert booking <= MOST + 2
    assert cancelling <= MOST + 1
