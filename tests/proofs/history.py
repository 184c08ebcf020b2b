"""What clients asked for and were told, with the times of both, while something was broken; and what speaks against it.

A 503 and a broken connection leave open what happened: nothing is concluded from them before the key has settled it.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from tests.proofs import crowd
from tests.support.api import Answer, Shot, fire
from tests.support.salon import Person, order, unique

PAUSE = 0.01
UNTOLD = (0, 503)
"""The statuses of a broken connection and of an outage: what was asked for may have been done."""


class Slot(NamedTuple):
    """A start that can be booked; no two of them overlap."""

    service: int
    day: str
    time: str


class Outcome(Enum):
    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass
class Booking:
    """An appointment that somebody asked for under a key: from when on and until when it may have had its time.

    `slots` are those that it may have in the end; `cancelled` is None where that is unknown.
    """

    shot: Shot
    slot: Slot
    asked: float
    outcome: Outcome = Outcome.UNKNOWN
    told: float = 0.0
    id: int | None = None
    cancelled: bool | None = False
    slots: set[Slot] = field(default_factory=set)

    @property
    def key(self) -> str:
        assert self.shot.headers is not None
        return self.shot.headers["idempotency-key"]


class Taking(NamedTuple):
    """The longest time that a booking may have had a slot."""

    key: str
    slot: Slot
    since: float
    until: float


class Refused(NamedTuple):
    """A slot that somebody was told is taken, and when it was asked for and told."""

    key: str
    slot: Slot
    asked: float
    told: float


@dataclass
class History:
    """All that was asked, by whomever; `faults` are answers that contradict each other."""

    bookings: list[Booking] = field(default_factory=list)
    takings: list[Taking] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unknown: int = 0

    @property
    def answered(self) -> int:
        return sum(booking.outcome is not Outcome.UNKNOWN for booking in self.bookings)

    @property
    def acknowledged(self) -> int:
        return sum(booking.outcome is Outcome.OK for booking in self.bookings)

    def unfounded(self) -> list[Refused]:
        """Return the refusals at whose time nobody else can have had the slot."""
        return [
            no
            for no in self.refused
            if not any(
                t.slot == no.slot and t.key != no.key and t.since <= no.told and t.until >= no.asked
                for t in self.takings
            )
        ]


class Client:
    """Somebody who books, moves and cancels, one thing after the other."""

    def __init__(self, history: History, who: Person, slots: Sequence[Slot], *, only_books: bool) -> None:
        self._history, self._who, self._slots, self._only_books = history, who, slots, only_books
        self._turn = iter(slots)
        self._own: list[Booking] = []
        self._open: list[Booking] = []
        self._leaving: list[Booking] = []

    async def act(self, send: Callable[[Shot], "asyncio.Future[Answer]"]) -> None:
        """Do the next thing: first again whatever has had no answer."""
        self._send = send
        chance = random.random()
        if self._open:
            await self._ask(self._open.pop())
        elif self._leaving:
            await self._cancel(self._leaving.pop())
        elif self._only_books or not self._own or chance < 0.5:
            await self._book()
        elif chance < 0.75:
            await self._cancel(self._own.pop(random.randrange(len(self._own))))
        else:
            await self._move(random.choice(self._own))

    async def _book(self) -> None:
        slot = next(self._turn, None) if self._only_books else random.choice(self._slots)
        if slot is None:
            return
        shot = Shot(self._who.api, "POST", "/appointments", order(*slot), {"idempotency-key": unique()})
        booking = Booking(shot, slot, time.monotonic(), slots={slot})
        self._history.bookings.append(booking)
        await self._ask(booking)

    async def _ask(self, booking: Booking) -> None:
        conclude(self._history, booking, await self._send(booking.shot))
        if booking.outcome is Outcome.OK:
            self._own.append(booking)
        elif booking.outcome is Outcome.UNKNOWN and not self._only_books:
            self._open.append(booking)

    async def _cancel(self, booking: Booking) -> None:
        again, booking.cancelled = booking.cancelled is None, None
        answer = await self._send(Shot(self._who.api, "DELETE", f"/appointments/me/{booking.id}"))
        if answer.status == 200 or (again and answer.status == 404):
            booking.cancelled = True
            self._left(booking, booking.slots)
        elif answer.status in UNTOLD:
            self._history.unknown += 1
            self._leaving.append(booking)
        else:
            self._history.faults.append(f"cancelling {booking.id} was answered by {answer.status}")

    async def _move(self, booking: Booking) -> None:
        target, asked = random.choice(self._slots), time.monotonic()
        was = set(booking.slots)
        booking.slots.add(target)
        self._history.takings.append(Taking(booking.key, target, asked, float("inf")))
        body = {"date": target.day, "time": target.time}
        answer = await self._send(Shot(self._who.api, "PUT", f"/appointments/me/{booking.id}", body))
        if answer.status == 200:
            booking.slots = {target}
            self._left(booking, was - {target})
        elif answer.status == 409:
            booking.slots = was
            self._left(booking, {target} - was)
            self._history.refused.append(Refused(booking.key, target, asked, time.monotonic()))
        elif answer.status in UNTOLD:
            self._history.unknown += 1
        else:
            self._history.faults.append(f"moving {booking.id} was answered by {answer.status}")

    def _left(self, booking: Booking, slots: set[Slot]) -> None:
        """Note that the booking no longer has these slots."""
        now = time.monotonic()
        self._history.takings = [
            taking._replace(until=now)
            if taking.key == booking.key and taking.slot in slots and taking.until > now
            else taking
            for taking in self._history.takings
        ]


def conclude(history: History, booking: Booking, answer: Answer) -> None:
    """Note what a booking's answer says."""
    booking.told = time.monotonic()
    history.takings = [taking for taking in history.takings if taking.key != booking.key]
    if answer.status == 201:
        booking.outcome, booking.id = Outcome.OK, json.loads(answer.body)["object_id"]
    elif answer.status == 409 and "retry-after" not in answer.headers:
        booking.outcome = Outcome.FAIL
        history.refused.append(Refused(booking.key, booking.slot, booking.asked, booking.told))
    elif answer.status in (409, *UNTOLD):
        history.unknown += 1
    else:
        history.faults.append(f"booking {booking.slot} was answered by {answer.status}: {answer.body!r}")
    if booking.outcome is not Outcome.FAIL:
        history.takings.append(Taking(booking.key, booking.slot, booking.asked, float("inf")))


def recorded(
    people: Sequence[Person], slots: Sequence[Slot], breaking: Callable[[History], None], *, only_books: bool = False
) -> History:
    """Have all these people act at once for as long as `breaking` takes, in a thread of its own."""
    history = History()

    async def main() -> None:
        over = asyncio.Event()
        async with crowd.connections() as opened:

            async def one(client: Client) -> None:
                while not over.is_set():
                    await client.act(lambda shot: asyncio.ensure_future(fire(opened, shot)))
                    await asyncio.sleep(PAUSE)

            clients = [
                Client(history, who, slots[n :: len(people)] if only_books else slots, only_books=only_books)
                for n, who in enumerate(people)
            ]
            tasks = [asyncio.create_task(one(client)) for client in clients]
            try:
                await asyncio.to_thread(breaking, history)
            finally:
                over.set()
            await asyncio.gather(*tasks)

    asyncio.run(main())
    return history


def settle(history: History) -> int:
    """Ask again, with its key, for each booking whose outcome is open; return how many those were."""
    unsettled = [booking for booking in history.bookings if booking.outcome is Outcome.UNKNOWN]
    told = crowd.at_once([booking.shot for booking in unsettled])
    for booking, one in zip(unsettled, told, strict=True):
        conclude(history, booking, one.answer)
    return len(unsettled)
