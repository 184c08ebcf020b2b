"""The copy of the catalogue: how old it may be, and how often db is asked."""

import asyncio
from typing import cast

import pytest

from bookmeup.clients.db import Db
from bookmeup.clients.transport import Reply
from bookmeup.errors import Unavailable
from bookmeup.logic import catalogue
from bookmeup.logic.catalogue import Catalogue

FRESH, STALE = 0.05, 0.4


class FakeDb:
    """A db that may be away, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.version = 1
        self.seconds = 0.0

    def by_itself(self, _seconds: float) -> "FakeDb":
        return self

    async def get(self, _path: str, *, if_none_match: str | None) -> Reply:
        self.asked += 1
        version = self.version
        await asyncio.sleep(self.seconds)
        if self.away:
            raise Unavailable
        etag = f'"c{version}"'
        return Reply(304 if if_none_match == etag else 200, {"etag": etag}, etag.encode())


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch) -> FakeDb:
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", FRESH)
    monkeypatch.setattr(catalogue, "STALE_SECONDS", STALE)
    return FakeDb()


def copy_of(db: FakeDb) -> Catalogue:
    return Catalogue(cast("Db", db))


def test_many_readers_ask_db_once(db: FakeDb) -> None:
    async def main() -> list[bytes]:
        kept = copy_of(db)
        return await asyncio.gather(*(kept.read() for _ in range(50)))

    assert set(asyncio.run(main())) == {b'"c1"'}
    assert db.asked == 1


def test_a_change_elsewhere_is_seen_when_the_copy_is_no_longer_fresh(db: FakeDb) -> None:
    async def main() -> tuple[bytes, bytes, bytes]:
        kept = copy_of(db)
        first = await kept.read()
        db.version = 2
        second = await kept.read()
        await asyncio.sleep(FRESH)
        return first, second, await kept.read()

    assert asyncio.run(main()) == (b'"c1"', b'"c1"', b'"c2"')


def test_while_db_is_away_the_copy_is_served_until_it_is_too_old(db: FakeDb) -> None:
    async def main() -> None:
        kept = copy_of(db)
        await kept.read()
        db.away = True
        await asyncio.sleep(FRESH)
        assert await kept.read() == b'"c1"'
        await asyncio.sleep(STALE)
        with pytest.raises(Unavailable):
            await kept.read()
        db.away = False
        await asyncio.sleep(FRESH)
        assert await kept.read() == b'"c1"'

    asyncio.run(main())


def test_a_db_that_does_not_answer_holds_up_one_reader_and_not_each_in_turn(db: FakeDb) -> None:
    async def main() -> list[bytes | BaseException]:
        kept = copy_of(db)
        db.away, db.seconds = True, 0.02
        return await asyncio.gather(*(kept.read() for _ in range(20)), return_exceptions=True)

    assert all(isinstance(told, Unavailable) for told in asyncio.run(main()))
    assert db.asked == 1


def test_a_write_here_shows_at_once_even_if_an_answer_was_under_way(db: FakeDb) -> None:
    async def main() -> bytes:
        kept = copy_of(db)
        db.seconds = 0.02
        reading = asyncio.create_task(kept.read())
        await asyncio.sleep(0.01)
        db.version = 2
        kept.drop()
        await reading
        return await kept.read()

    assert asyncio.run(main()) == b'"c2"'
