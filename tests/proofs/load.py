"""Requests that are sent each at its time, whether those before them have been answered or not."""

import asyncio
import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import aiohttp
from tests.proofs import crowd
from tests.proofs.conftest import SIZES
from tests.support.api import Answer, Shot, fire
from tests.support.fragile import everything
from tests.support.salon import Person, Salon, order

STEP = 5
CATALOGUE = "/services"


class Exchange(NamedTuple):
    """A request and its only answer, and when it was asked for and told."""

    shot: Shot
    answer: Answer
    asked: float
    told: float

    @property
    def what(self) -> str:
        return f"{self.shot.method} {self.shot.path.partition('?')[0]}"

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def seconds(self) -> float:
        return self.told - self.asked


def mixture(salon: Salon, people: Sequence[Person], days: int) -> Iterator[Shot]:
    """Return a bit of everything and the catalogue, again and again; each booking is of a time of its own."""
    service = salon.make_service(duration=STEP, slot_interval=STEP)
    opened = [salon.open_day("00:00", "24:00") for _ in range(days)]
    free = ((day, f"{n // 60:02d}:{n % 60:02d}") for day in opened for n in range(0, 1440, STEP))
    bookings = (
        (who, Shot(who.api, "POST", "/appointments", order(service, day, at), crowd.key()))
        for who, (day, at) in zip(itertools.cycle(people), free, strict=False)
    )
    catalogue = Shot(salon.anyone, "GET", CATALOGUE)
    return (shot for who, booking in bookings for shot in (*everything(salon, who, booking), catalogue))


@contextlib.contextmanager
def going_on(shots: Iterable[Shot], rate: float) -> Iterator[list[Exchange]]:
    """Send so many a second for as long as the block lasts, and nothing twice; its list grows meanwhile."""
    exchanges: list[Exchange] = []
    over = threading.Event()

    async def one(opened: aiohttp.ClientSession, shot: Shot) -> None:
        asked = time.monotonic()
        exchanges.append(Exchange(shot, await fire(opened, shot), asked, time.monotonic()))

    async def all_of_them() -> None:
        async with crowd.connections() as opened, asyncio.TaskGroup() as group:
            opened._retry_connection = False  # noqa: SLF001 - it would hide a failure
            began = time.monotonic()
            for number, shot in enumerate(shots):
                await asyncio.sleep(began + number / rate - time.monotonic())
                if over.is_set():
                    return
                group.create_task(one(opened, shot))
            raise AssertionError("nothing was left to ask for")

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(asyncio.run, all_of_them())
        try:
            yield exchanges
        finally:
            over.set()
        sending.result()


def succeeded(exchange: Exchange) -> bool:
    """Whether this is what the request gets when all is well; in small sizes the machine may be too busy for some."""
    expected = {"POST /appointments": 201, "POST /auth/login": 401}.get(exchange.what, 200)
    return exchange.status == expected or (exchange.status == 503 and not SIZES.is_full)


def counted(exchanges: Iterable[Exchange]) -> dict[str, int]:
    """Return how many answers there were of each kind."""
    return dict(sorted(Counter(f"{each.what} {each.status}" for each in exchanges).items()))
