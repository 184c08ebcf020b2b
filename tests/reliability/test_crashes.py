"""Orderly ends under load: who is being served is served to the end. For crashes see tests/proofs."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from tests.support.api import Answer, Shot, fire, session
from tests.support.databases import engine
from tests.support.fragile import Fragile
from tests.support.races import MINUTES, times
from tests.support.salon import PASSWORD, Salon, order, unique

KEYED = 5


def shots(fragile: Fragile, day: str) -> list[Shot]:
    """Return keyed bookings of different times of a day."""
    salon = fragile.salon
    service, ana = salon.make_service(duration=MINUTES), salon.make_customer()
    return [
        Shot(ana.api, "POST", "/appointments", order(service, day, time), {"idempotency-key": unique()})
        for time in times(KEYED)
    ]


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
    wanted = shots(fragile, fragile.salon.open_day())
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
