"""Waiting for somebody else's lock ends: for the key's row with 409, for anything else with 503."""

import asyncio

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import DataError
from tests.support.databases import engine
from tests.support.inside import inside
from tests.support.salon import Salon, is_problem, made, order, unique

from bookmeup.db.engine import WRITES
from bookmeup.db.transactions import Caller, Tx, transact
from bookmeup.errors import DeadlinePassed, SlotTaken, Unauthenticated, Unavailable, UnknownReference

LATER = 30.0


def test_while_a_request_with_the_key_is_under_way_another_is_told_to_come_back(
    salon: Salon, worker_database: URL
) -> None:
    service, day, ana, key = salon.make_service(), salon.open_day(), salon.make_customer(), unique()
    with engine(worker_database).connect() as first:
        first.execute(
            text("""INSERT INTO idempotency_keys (actor, route, key, request_hash, expires_at)
            VALUES (:actor, 'POST /appointments', :key, '', now() + interval '1 day')"""),
            {"actor": ana.id, "key": key},
        )
        answered = ana.api.post("/appointments", order(service, day), headers={"idempotency-key": key})
        first.rollback()
    assert is_problem(answered, 409, "key_in_flight")
    assert int(answered.headers["retry-after"]) >= 1
    made(ana.api.post("/appointments", order(service, day), headers={"idempotency-key": key}))


@pytest.mark.parametrize(
    "lock", ["SELECT id FROM resources FOR UPDATE", "LOCK TABLE sessions"], ids=["the provider's row", "all sessions"]
)
def test_while_what_it_needs_is_locked_a_booking_with_a_key_is_503_and_nothing_is_kept(
    salon: Salon, worker_database: URL, lock: str
) -> None:
    service, day, ana, key = salon.make_service(), salon.open_day(), salon.make_customer(), unique()
    with engine(worker_database).connect() as other:
        other.execute(text(lock))
        answered = ana.api.post("/appointments", order(service, day), headers={"idempotency-key": key})
        other.rollback()
    assert answered.status_code == 503
    assert int(answered.headers["retry-after"]) >= 1
    assert ana.api.get("/appointments/me").json() == []
    made(ana.api.post("/appointments", order(service, day), headers={"idempotency-key": key}))


def test_a_time_that_is_taken_is_refused_though_somebody_holds_the_lock(salon: Salon, worker_database: URL) -> None:
    """What is committed decides: the line for one time is as long as its first few."""
    service, ana = salon.make_service(duration=30), salon.make_customer()
    provider = salon.make_provider(services=[service])
    day = salon.open_day(provider=provider)
    salon.book(ana, service, day, "10:00", provider_id=provider)
    with engine(worker_database).connect() as other:
        other.execute(text("SELECT id FROM resources FOR UPDATE"))
        answers = [
            salon.make_customer().api.post(path, order(service, day, "10:00", provider_id=provider))
            for path in ("/appointments", "/holds")
        ]
        late = salon.make_customer().api.post("/appointments", order(service, day, "10:30", provider_id=provider))
        other.rollback()
    assert all(is_problem(answered, 409, "slot_taken") for answered in answers)
    assert late.status_code == 503


def test_what_was_decided_and_who_is_nobody_wait_for_no_lock(salon: Salon, worker_database: URL) -> None:
    service, day, ana, nobody = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    free, closed = order(service, day, "10:00"), order(service, day, "20:00")
    keys = [{"idempotency-key": unique()} for _ in range(4)]
    asked = [("/appointments", free), ("/appointments", closed), ("/holds", order(service, day, "12:00"))]
    first = [ana.api.post(path, body, headers=key) for (path, body), key in zip(asked, keys, strict=False)]
    with engine(worker_database).begin() as connection:
        connection.execute(text("UPDATE sessions SET ended_at = now() WHERE user_id = :id"), {"id": nobody.id})
    with engine(worker_database).connect() as other:
        other.execute(text("SELECT id FROM resources FOR UPDATE"))
        again = [ana.api.post(path, body, headers=key) for (path, body), key in zip(asked, keys, strict=False)]
        reused = ana.api.post("/appointments", closed, headers=keys[0])
        by_nobody = nobody.api.post("/appointments", free, headers=keys[3])
        other.rollback()
    assert [answered.status_code for answered in first] == [201, 422, 201]
    told = [[answered.json() | {"request_id": ""} for answered in answers] for answers in (first, again)]
    assert told[0] == told[1]
    assert is_problem(reused, 422, "key_reused")
    assert is_problem(by_nobody, 401, Unauthenticated.code)


def tries(url: URL, work: list[str], deadline: float = LATER, *, with_commit: bool = False) -> int:
    """Run a transaction that asks for one of these statements at each try; return how many tries there were."""
    done: list[str] = []

    def asked(tx: Tx) -> None:
        statement = work[len(done)]
        done.append(statement)
        (tx.soon if with_commit else tx.all)(text(statement))

    async def main() -> None:
        async with inside(url) as db:
            now = asyncio.get_running_loop().time()
            caller = Caller("logic", None, None, None, now + deadline)
            await asyncio.to_thread(transact, db.database, caller, asked)

    asyncio.run(main())
    return len(done)


FINE = "SELECT 1"
DIES = "RESET ROLE; SELECT pg_terminate_backend(pg_backend_pid())"
SERIALIZE = "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"
CLASHES = "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '23P01', CONSTRAINT = 'occupied_no_overlap'; END $$"
UNKNOWN = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '23503', CONSTRAINT = 'visits_customer_id_fkey'; END $$"


@pytest.mark.parametrize("fault", [DIES, SERIALIZE])
def test_a_transaction_that_cannot_have_happened_is_tried_again(database: URL, fault: str) -> None:
    assert tries(database, [fault, fault, FINE]) == 3


def test_after_three_tries_it_is_unavailable(database: URL) -> None:
    with pytest.raises(Unavailable):
        tries(database, [DIES] * 4)


@pytest.mark.parametrize("fault", [SERIALIZE, CLASHES])
def test_what_clashes_with_its_commit_is_decided_anew(database: URL, fault: str) -> None:
    """The next try sees what it clashed with, and its refusal is kept under the key."""
    assert tries(database, [fault, FINE], with_commit=True) == 2


def test_what_is_wrong_with_a_commit_is_told_as_what_it_is(database: URL) -> None:
    with pytest.raises(SlotTaken):
        tries(database, [CLASHES] * 4, with_commit=True)
    with pytest.raises(UnknownReference):
        tries(database, [UNKNOWN], with_commit=True)
    with pytest.raises(Unavailable):
        tries(database, [DIES, FINE], with_commit=True)


def test_what_fails_with_its_commit_keeps_no_lock_and_spoils_no_connection(database: URL) -> None:
    """What needs no answer goes with COMMIT, which then is not reached."""
    everything = text("SELECT id FROM resources FOR UPDATE NOWAIT")

    def fails_late(tx: Tx) -> None:
        tx.all(everything)
        tx.set_savepoint()
        tx.soon(text("SELECT 1 / 0"))

    async def main() -> None:
        async with inside(database) as db:
            caller = Caller("logic", None, None, None, asyncio.get_running_loop().time() + LATER)
            with pytest.raises(DataError):
                await asyncio.to_thread(transact, db.database, caller, fails_late)
            for _ in range(WRITES):
                assert await asyncio.to_thread(transact, db.database, caller, lambda tx: tx.all(everything))

    asyncio.run(main())


def test_a_deadline_that_has_passed_asks_nothing(database: URL) -> None:
    with pytest.raises(DeadlinePassed):
        tries(database, [FINE], deadline=0.01)


def test_whose_session_has_ended_is_nobody(salon: Salon, worker_database: URL) -> None:
    ana = salon.make_customer()
    with engine(worker_database).begin() as connection:
        past = text("UPDATE sessions SET expires_at = now() - interval '1 second' WHERE user_id = :id")
        connection.execute(past, {"id": ana.id})
    assert is_problem(ana.api.get("/profile"), 401, Unauthenticated.code)
    assert is_problem(ana.api.post("/appointments", order(1, "2027-03-01")), 401, Unauthenticated.code)
