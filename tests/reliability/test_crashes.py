"""Crashes and orderly ends under load: what was acknowledged is there, and a retry finds what the first try did."""

import asyncio
import contextlib
import random
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from tests.support.api import Answer, Shot, fire, session
from tests.support.databases import engine
from tests.support.fragile import Fragile
from tests.support.races import MINUTES, booked, counted, overlaps, times
from tests.support.salon import PASSWORD, Salon, order, unique
from tests.support.waiting import until

KEYED = 24


def shots(fragile: Fragile, day: str) -> list[Shot]:
    """Return keyed bookings of different times of a day."""
    salon = fragile.salon
    service, ana = salon.make_service(duration=MINUTES), salon.make_customer()
    return [
        Shot(ana.api, "POST", "/appointments", order(service, day, time), {"idempotency-key": unique()})
        for time in times(KEYED)
    ]


def in_turn(wanted: list[Shot], during: dict[int, object]) -> list[Answer]:
    """Send three at a time; call what is to happen when a request of that number is sent."""

    async def main() -> list[Answer]:
        places = asyncio.Semaphore(3)
        async with session() as opened:

            async def one(number: int, shot: Shot) -> Answer:
                async with places:
                    happens = during.get(number)
                    if callable(happens):
                        happens()
                    return await fire(opened, shot)

            return await asyncio.gather(*(one(number, shot) for number, shot in enumerate(wanted)))

    return asyncio.run(main())


def test_after_kill_9_of_db_under_load_a_retry_gives_the_same_id_and_nothing_is_twice(fragile: Fragile) -> None:
    day = fragile.salon.open_day()
    wanted = shots(fragile, day)
    first = in_turn(wanted, {random.randrange(4, KEYED - 4): fragile.site.db.kill})
    assert {answer.status for answer in first} == {201, 503}
    fragile.site.db.start().wait()
    second = in_turn(wanted, {})
    assert {answer.status for answer in second} == {201}
    for before, after in zip(first, second, strict=True):
        assert before.status != 201 or before.body == after.body
    assert len(set(booked(second))) == KEYED == counted(fragile.salon, day)
    assert overlaps(fragile.postgres.url()) == 0


def test_after_kill_9_of_postgresql_under_load_nothing_that_was_acknowledged_is_missing(fragile: Fragile) -> None:
    day = fragile.salon.open_day()
    wanted = shots(fragile, day)
    first = in_turn(wanted, {random.randrange(4, KEYED - 4): lambda: fragile.postgres.stop("immediate")})
    assert {answer.status for answer in first} <= {201, 503}
    fragile.postgres.start()
    until(fragile.site.db.is_ready)
    found = [row["id"] for row in fragile.salon.admin.api.get(f"/appointments/date/{day}").json()]
    assert set(booked(first)) <= set(found)
    second = in_turn(wanted, {})
    assert {answer.status for answer in second} == {201}
    assert counted(fragile.salon, day) == KEYED
    assert overlaps(fragile.postgres.url()) == 0


@contextlib.contextmanager
def held_up(fragile: Fragile) -> Iterator[None]:
    """Hold the lock that every booking waits for."""
    with engine(fragile.postgres.url()).connect() as connection:
        connection.execute(text("SELECT id FROM resources FOR UPDATE"))
        yield
        connection.rollback()


def waiting(fragile: Fragile) -> int:
    with engine(fragile.postgres.url()).connect() as connection:
        asked = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bookmeup db' AND wait_event_type = 'Lock'"
        )
        return int(connection.execute(text(asked)).scalar_one())


@pytest.mark.parametrize("role", ["logic", "db"])
def test_a_process_that_is_told_to_stop_answers_every_request_that_it_has(fragile: Fragile, role: str) -> None:
    wanted = shots(fragile, fragile.salon.open_day())[:5]
    process = getattr(fragile.site, role)

    async def main() -> list[Answer]:
        async with session() as opened:
            with held_up(fragile):
                tasks = [asyncio.create_task(fire(opened, shot)) for shot in wanted]
                while await asyncio.to_thread(waiting, fragile) < len(wanted):
                    assert not any(task.done() for task in tasks)
                process.popen.terminate()
                await asyncio.sleep(0.1)
            return await asyncio.gather(*tasks)

    answers = asyncio.run(main())
    assert [answer.status for answer in answers] == [201] * len(wanted)
    assert process.popen.wait(45) == 0


def test_auth_that_is_told_to_stop_finishes_the_sign_ins_that_it_has(fragile: Fragile) -> None:
    ana = fragile.salon.make_customer()
    shot = Shot(fragile.salon.anyone, "POST", "/auth/login", {"email": ana.email, "password": PASSWORD})

    async def main() -> list[Answer]:
        async with session() as opened:
            tasks = [asyncio.create_task(fire(opened, shot)) for _ in range(6)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            fragile.site.auth.popen.terminate()
            return await asyncio.gather(*tasks)

    assert {answer.status for answer in asyncio.run(main())} == {200}
    assert fragile.site.auth.popen.wait(45) == 0


def test_a_changed_signing_secret_logs_nobody_out(fragile: Fragile) -> None:
    salon = fragile.salon
    before = salon.make_customer()
    keys = len(salon.anyone.get("/auth/.well-known/jwks.json").json()["keys"])
    fragile.site.auth.terminate()
    fragile.site.auth.settings["JWT_SECRET_KEY"] = "another-" + "s" * 40
    fragile.site.auth.start().wait()
    after = salon.sign_in(before.email)
    assert len(salon.anyone.get("/auth/.well-known/jwks.json").json()["keys"]) == keys + 1
    for person in (before, after):
        assert person.api.get("/profile").status_code == 200
        assert person.api.get("/appointments/me").status_code == 200
    assert before.api.delete("/auth/logout").status_code == 200
    works_with(salon)


def works_with(salon: Salon) -> None:
    ana = salon.make_customer()
    salon.book(ana, salon.make_service(), salon.open_day())
