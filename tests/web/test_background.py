"""Work beside the requests goes on whatever happens to it, and ends with the process."""

import asyncio

import pytest

from bookmeup.web import background
from bookmeup.web.background import beside


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "AGAIN_SECONDS", 0.01)


class Work:
    """Raises what it is given, one after the other, then works until it is ended."""

    def __init__(self, *raised: BaseException) -> None:
        self.raised = list(raised)
        self.works = asyncio.Event()
        self.ended = False

    async def run(self) -> None:
        if self.raised:
            raise self.raised.pop(0)
        self.works.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


def test_work_that_raised_anything_begins_anew_until_the_process_ends() -> None:
    async def check() -> None:
        work = Work(KeyError("host"), RuntimeError("File descriptor 9 is used"), asyncio.CancelledError())
        async with beside(work.run):
            await asyncio.wait_for(work.works.wait(), 5)
            assert not work.ended
        assert work.ended, "it ends with the block"

    asyncio.run(check())


def test_one_that_fails_does_not_stop_another() -> None:
    async def check() -> None:
        fails, works = Work(*[ValueError() for _ in range(1000)]), Work()
        async with beside(fails.run, works.run):
            await asyncio.wait_for(works.works.wait(), 5)
            await asyncio.sleep(0.1)
            assert len(fails.raised) < 999
            assert not works.ended

    asyncio.run(check())
