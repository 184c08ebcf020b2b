"""How much is asked of PostgreSQL: few statements a booking, and no list or booking that reads a whole table."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import URL, text
from tests.support.databases import engine
from tests.support.holds import let_pass
from tests.support.inside import Actor, Inside, Statement, inside, signed_in
from tests.support.salon import unique

from bookmeup.db.prepared import prepared
from bookmeup.errors import Conflict, NotFound
from bookmeup.schemas.appointments import (
    AppointmentPage,
    AppointmentRequest,
    DaysQuery,
    HoldRequest,
    Move,
    NextQuery,
    SlotsQuery,
    StaffExplainQuery,
    Why,
)
from bookmeup.schemas.together import SeriesRequest, VisitRequest, VisitService, VisitSlotsQuery
from bookmeup.schemas.users import Customer
from bookmeup.schemas.waitlist import Position, WishRequest

MOST = 6
DAY = datetime.now(UTC).date() + timedelta(days=100)
BIG = ("appointments", "occupied", "occurrences", "users", "sessions")
ROWS = 100_000
PROVIDERS = 25


@pytest.fixture(scope="module")
def busy(database: URL) -> URL:
    """A hundred thousand appointments with 25 providers, around a day on which all of them are open.

    Each takes the first 30 of 40 minutes, so that there is room for ten.
    """
    with engine(database).begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # the rows fit each other: no need to look
        for statement in FILL:
            connection.execute(text(statement), {"rows": ROWS, "providers": PROVIDERS, "day": DAY})
    with engine(database, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("ANALYZE"))
    return database


FILL = (
    "UPDATE providers SET retired_at = now()",
    """INSERT INTO services (name, duration, price_minor, currency)
    VALUES ('Cut', 30, 8000, 'EUR'), ('Trim', 10, 8000, 'EUR')""",
    """WITH made AS (INSERT INTO resources (kind) SELECT 'provider' FROM generate_series(1, :providers) RETURNING id)
    INSERT INTO providers (id, name, performs_all) SELECT id, 'Provider ' || id, true FROM made""",
    """INSERT INTO availability (provider_id, date, start_minute, end_minute)
    SELECT id, :day, 0, 1440 FROM providers WHERE retired_at IS NULL""",
    "INSERT INTO users (name, email) SELECT 'Customer', n || '@c.example' FROM generate_series(1, :rows / 50) n",
    "INSERT INTO sessions (id, user_id, expires_at) SELECT gen_random_uuid(), id, now() FROM users",
    """INSERT INTO occurrences (service_id, starts_at, ends_at)
    SELECT s.id, t.at, t.at + interval '30 minutes'
    FROM (SELECT min(id) AS id FROM services) s, generate_series(0, :rows - 1) n,
    LATERAL (SELECT CAST(:day AS timestamptz) + interval '12 hours'
      + (n / :providers - :rows / :providers / 2) * interval '40 minutes' AS at) t""",
    """INSERT INTO appointments (occurrence_id, customer_id, service_id, provider_id, starts_at, ends_at, duration,
      price_minor, currency, buffer_before, buffer_after)
    SELECT o.id, (SELECT min(id) FROM users) + o.id % (:rows / 50), o.service_id, p.least + o.id % :providers,
      o.starts_at, o.ends_at, 30, 8000, 'EUR', 0, 0
    FROM occurrences o, (SELECT min(id) AS least FROM providers WHERE retired_at IS NULL) p""",
    """INSERT INTO occupied (occurrence_id, resource_id, during, status)
    SELECT occurrence_id, provider_id, tstzrange(starts_at, ends_at), 'confirmed' FROM appointments""",
)


@pytest.fixture(scope="module")
def customer(busy: URL) -> Actor:
    return signed_in(busy)


@pytest.fixture(scope="module")
def staff(busy: URL) -> Actor:
    return signed_in(busy, "staff")


@pytest.fixture(scope="module")
def service(busy: URL) -> int:
    with engine(busy).connect() as connection:
        return int(connection.execute(text("SELECT max(id) FROM services")).scalar_one())


def asked_by(url: URL, work: Callable[[Inside], Awaitable[object]]) -> list[Statement]:
    """Return what PostgreSQL is asked while the work runs; a refusal is an answer too."""

    async def main() -> list[Statement]:
        async with inside(url) as db:
            with db.recorded() as statements, contextlib.suppress(Conflict, NotFound):
                await work(db)
            return statements

    return asyncio.run(main())


def order(service: int, time: str, **more: Any) -> AppointmentRequest:
    return AppointmentRequest(date=DAY, service_id=service, time=time, **more)


def counted(statements: list[Statement]) -> int:
    return sum(not statement.is_savepoint for statement in statements)


def test_a_booking_takes_six_statements_at_most_however_many_providers_there_are(
    busy: URL, customer: Actor, service: int
) -> None:
    statements = asked_by(busy, lambda db: db.by(customer, key=unique()).post("/appointments", order(service, "12:30")))
    assert any("INSERT INTO appointments" in statement.text for statement in statements)
    assert counted(statements) <= MOST


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
                number_in((await db.by(who).post("/holds", HoldRequest(DAY, service_id=service, time="20:30"))).body)
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


def number_in(body: bytes) -> int:
    return int(body.split(b'"object_id":')[1].split(b",")[0].rstrip(b"}"))


def test_confirming_declining_cancelling_and_releasing_take_six_statements_at_most(
    busy: URL, customer: Actor, staff: Actor, service: int
) -> None:
    async def main(db: Inside, change: str) -> list[Statement]:
        own, theirs = db.by(customer), db.by(staff)
        if change == "release":
            number = number_in((await own.post("/holds", HoldRequest(DAY, service_id=service, time="16:30"))).body)
        else:
            number = number_in((await own.post("/appointments", order(service, "16:30"))).body)
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
        number = number_in((await own.post("/appointments", order(service, "17:50"))).body)
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
                number = number_in((await db.by(customer).post("/series", body)).body)
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


def plans_of(url: URL, statements: list[Statement]) -> Iterator[tuple[str, str]]:
    """Explain each statement as it is prepared and executed; give the tables read from end to end, with the statement.

    After five times PostgreSQL may plan a prepared statement without looking at its values: that plan counts too.
    """
    with engine(url).connect() as connection:
        for asked in {statement.text: statement for statement in statements if not statement.is_savepoint}.values():
            known = prepared(asked.text)
            if known is None:
                continue
            connection.exec_driver_sql(known.prepare)
            for _ in range(7):
                explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {known.execute}", asked.parameters)
                plan = explained.scalar_one()[0]["Plan"]
                for table in scanned(plan):
                    yield table, asked.text
            print(asked.text, *drawn(plan), sep="\n")  # noqa: T201 - `pytest -s` shows the plans


def scanned(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from scanned(below)


def drawn(plan: dict[str, Any], depth: int = 1) -> Iterator[str]:
    """Yield a line for each node of a plan."""
    of = " ".join(str(plan[name]) for name in ("Relation Name", "Index Name", "CTE Name") if name in plan)
    yield f"{'  ' * depth}{plan['Node Type']} {of}".rstrip()
    for below in plan.get("Plans", ()):
        yield from drawn(below, depth + 1)


def page(**more: Any) -> AppointmentPage:
    return AppointmentPage(limit=51, **more)


def test_no_list_slot_or_booking_reads_a_whole_table(busy: URL, customer: Actor, staff: Actor, service: int) -> None:
    async def everything(db: Inside) -> None:
        own, theirs = db.by(customer, key=unique()), db.by(staff)
        made = await own.post("/appointments", order(service, "14:30"))
        number = int(made.body.rpartition(b":")[2].rstrip(b"}"))
        await own.get("/appointments/mine", page())
        await own.get(f"/appointments/{number}")
        await theirs.get("/appointments", page())
        await theirs.get("/appointments", page(date=DAY))
        await theirs.get("/appointments", page(after_at=datetime.now(UTC), after_id=1))
        await own.get("/slots", SlotsQuery(DAY, service))
        await own.put(f"/appointments/mine/{number}", Move(DAY, "15:10"))
        await own.delete(f"/appointments/mine/{number}")

    statements = asked_by(busy, everything)
    assert sum(prepared(statement.text) is not None for statement in statements) > 20
    assert [(table, asked) for table, asked in plans_of(busy, statements) if table in BIG] == []


def test_no_other_query_of_the_engine_reads_a_whole_table(
    busy: URL, customer: Actor, staff: Actor, service: int
) -> None:
    async def everything(db: Inside) -> None:
        own, theirs = db.by(customer, key=unique()), db.by(staff)
        await own.get("/slots/days", DaysQuery(DAY - timedelta(days=15), DAY + timedelta(days=15), service))
        await own.get("/slots/next", NextQuery(service))
        await theirs.get("/slots/verdicts", StaffExplainQuery(DAY, "14:30", service))
        await own.get("/visit-slots", VisitSlotsQuery(DAY, f"{service},{service}"))
        held = number_in((await own.post("/holds", HoldRequest(DAY, service_id=service, time="21:50"))).body)
        await own.delete(f"/holds/{held}")
        series = SeriesRequest(DAY, service_id=service, time="21:50", rule="FREQ=DAILY;COUNT=1")
        number = number_in((await db.by(customer).post("/series", series)).body)
        await own.get(f"/series/{number}")
        await own.delete(f"/series/{number}")
        visit = VisitRequest(DAY, time="21:50", services=[VisitService(service)])
        number = number_in((await db.by(customer).post("/visits", visit)).body)
        await own.get(f"/visits/{number}")
        await own.delete(f"/visits/{number}")
        number = number_in((await own.post("/appointments", order(service, "21:50"))).body)
        await own.get(f"/appointments/{number}/history")
        await theirs.post(f"/appointments/{number}/decline", Why())
        wish = number_in((await db.by(customer).post("/waitlist", WishRequest(service, DAY, DAY))).body)
        await own.get("/waitlist", Position())
        await own.get("/offers")
        await own.delete(f"/waitlist/{wish}")

    statements = asked_by(busy, everything)
    assert sum(prepared(statement.text) is not None for statement in statements) > 50
    assert [(table, asked) for table, asked in plans_of(busy, statements) if table in BIG] == []


def test_closing_a_date_reads_no_whole_table(busy: URL, staff: Actor) -> None:
    with engine(busy).connect() as connection:
        span = connection.execute(text("SELECT min(id) FROM availability")).scalar_one()
    statements = asked_by(busy, lambda db: db.by(staff).delete(f"/availability/{span}"))
    assert [(table, asked) for table, asked in plans_of(busy, statements) if table in BIG] == []


def test_taking_a_booked_service_off_the_catalogue_reads_no_whole_table(busy: URL, staff: Actor, service: int) -> None:
    statements = asked_by(busy, lambda db: db.by(staff).delete(f"/services/{2**40}"))
    assert [(table, asked) for table, asked in plans_of(busy, statements) if table in BIG] == []
