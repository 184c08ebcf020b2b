"""Many clients who keep their connections, and who ask again, with their key, when they are told to by a 503."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp
from tests.support.api import Answer, Api, Shot, fire
from tests.support.salon import Person, order, unique

PATIENCE = 60.0


class Told(NamedTuple):
    """The last answer to a request, how long that took, and how many others came before it."""

    answer: Answer
    seconds: float
    repeats: int

    @property
    def status(self) -> int:
        return self.answer.status


async def insist(opened: aiohttp.ClientSession, shot: Shot) -> Told:
    """Ask until the connection holds and the answer does not say when to ask again, as a 503 does."""
    repeats, deadline = 0, time.monotonic() + PATIENCE
    while True:
        began = time.monotonic()
        answer = await fire(opened, shot)
        if (answer.status != 0 and "retry-after" not in answer.headers) or began > deadline:
            return Told(answer, time.monotonic() - began, repeats)
        repeats += 1
        await asyncio.sleep(float(answer.headers.get("retry-after", "0.2")))


async def together(opened: aiohttp.ClientSession, shots: Sequence[Shot]) -> list[Told]:
    """Send all at once; return the answers in the order of the requests."""
    return await asyncio.gather(*(insist(opened, shot) for shot in shots))


def at_once(shots: Sequence[Shot]) -> list[Told]:
    """As `together`, on connections of their own."""

    async def main() -> list[Told]:
        async with connections() as opened:
            return await together(opened, shots)

    return asyncio.run(main())


def rush(customers: Sequence[Person], api: Api, service: int, day: str, time: str) -> list[Told]:
    """Have all these customers want one slot at once."""
    return at_once(bookings(customers, api, order(service, day, time)))


def bookings(customers: Sequence[Person], api: Api, wanted: object) -> list[Shot]:
    return [Shot(api.bearing(who.api.token), "POST", "/appointments", wanted, key()) for who in customers]


def connections() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=30))


def key() -> dict[str, str]:
    return {"idempotency-key": unique()}


def counted(told: Sequence[Told]) -> Counter[int]:
    return Counter(one.status for one in told)


def repeated(told: Sequence[Told]) -> int:
    """Return how many 503s and broken connections there were."""
    return sum(one.repeats for one in told)


def made(told: Sequence[Told]) -> list[int]:
    """Return the ids of what was made."""
    return [json.loads(one.answer.body)["object_id"] for one in told if one.status == 201]
