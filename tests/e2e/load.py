"""Open-loop load: requests start at their time, whether the earlier ones were answered or not.

Failed is a transport error or a status that this request must not get. Nothing is tried again.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import aiohttp
from tests.e2e.client import Client

SIMPLE = ("health", "keys", "services")
"""Kinds that one process answers by itself, in a few milliseconds of its time."""
STARVED = 0.5
"""Seconds: where even a simple request takes as long, processes wait for a processor."""
NEAR = 2.0
"""Seconds about a failure, the time that a request has."""


@dataclass(frozen=True)
class Shot:
    """One request and the statuses it may get."""

    kind: str
    method: str
    path: str
    client: Client
    expected: tuple[int, ...] = (200,)
    body: Any = None
    key: str | None = None

    def headers(self) -> dict[str, str]:
        return self.client.headers() | ({"Idempotency-Key": self.key} if self.key else {})


@dataclass
class Outcome:
    shot: Shot
    at: float
    seconds: float
    status: int
    error: str
    body: Any = None

    @property
    def failed(self) -> bool:
        return self.status not in self.shot.expected

    @property
    def out_of_time(self) -> bool:
        """Whether our own refusal came after as long as STARVED: a wait for a processor, a lock or a connection."""
        ours = any(code in (self.body or "") for code in ('"deadline_passed"', '"unavailable"'))
        return self.status == 503 and ours and self.seconds >= STARVED


@dataclass
class Load:
    """Runs beside the test, in a thread of its own, between `with` and its end."""

    plan: Callable[[], Iterator[Shot]]
    rate: float = 50.0
    outcomes: list[Outcome] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> Self:
        self._thread = Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(timeout=60)

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=10)
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=15)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            session._retry_connection = False  # noqa: SLF001 - it would hide a failure
            running: set[asyncio.Task[None]] = set()
            start = time.monotonic()
            for number, shot in zip(count(), self.plan(), strict=False):
                await asyncio.sleep(start + number / self.rate - time.monotonic())
                if self._stop.is_set():
                    break
                task = asyncio.create_task(self._fire(session, shot))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.gather(*running)

    async def _fire(self, session: aiohttp.ClientSession, shot: Shot) -> None:
        start = time.monotonic()
        outcome = Outcome(shot, start, 0.0, 0, "")
        client = shot.client
        url = client.base(shot.path) + shot.path
        secure: dict[str, Any] = {"ssl": client.context, "server_hostname": client.host} if client.context else {}
        try:
            async with session.request(shot.method, url, json=shot.body, headers=shot.headers(), **secure) as response:
                content = await response.read()
                outcome.status = response.status
                outcome.body = content.decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            outcome.error = repr(error)
        outcome.seconds = time.monotonic() - start
        self.outcomes.append(outcome)

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.failed]

    @property
    def broken(self) -> list[Outcome]:
        """What failed for want of something else than time.

        A request has two seconds. Where the machine is so short of processors that simple requests take half a second,
        some run out of theirs, and that says nothing about what is proved here; `report` tells them all the same.
        """
        slow = [o.at for o in self.outcomes if o.shot.kind in SIMPLE and not o.failed and o.seconds >= STARVED]
        return [o for o in self.failed if not (o.out_of_time and any(abs(o.at - at) <= NEAR for at in slow))]

    def accepted(self, kind: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.shot.kind == kind and not outcome.failed]

    def outage(self) -> float:
        """Seconds from the first to the last failed request."""
        times = [outcome.at for outcome in self.failed]
        return max(times) - min(times) if times else 0.0

    def report(self, what: str) -> str:
        kinds = Counter(outcome.shot.kind for outcome in self.outcomes)
        why = Counter(f"{o.shot.kind} {o.status or o.error}" for o in self.failed)
        times = sorted(outcome.seconds * 1000 for outcome in self.outcomes)
        mix = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        p50, p99, longest = (percentile(times, percent) for percent in (50, 99, 100))
        lines = [
            f"{what}: {len(times)} requests ({mix}), {len(self.failed)} failed",
            f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {longest:.0f} ms",
        ]
        lines.append(f"machine: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        if why:
            lines.append(f"failed: {dict(why)}; first: {(self.failed[0].body or '')[:300]}")
        return "; ".join(lines)


def percentile(ordered: Sequence[float], percent: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def mixed(weighted: Sequence[tuple[int, Callable[[], Shot]]], seed: int = 1) -> Iterator[Shot]:
    """Endless shots, chosen by weight."""
    dice = random.Random(seed)
    weights, makers = zip(*weighted, strict=True)
    while True:
        yield dice.choices(makers, weights)[0]()
