"""Closed-loop load: so many keep-alive connections, each of which asks again as soon as it is answered.

It runs in a process of its own, the same for floors and product. On few cores the client's own time counts, so it is
a bare protocol: requests are bytes made beforehand, of an answer only status and length are read.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from time import perf_counter
from typing import cast

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
WARM_UP_SECONDS = 0.3
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Job:
    """What to ask. `repeat`: the requests go round; else each is sent once, and running out is an error."""

    port: int
    requests: list[bytes]
    seconds: float
    clients: int
    expected: int = 200
    repeat: bool = True


@dataclass
class Result:
    """What came of it. `seconds` is the time from the end of the warm-up to the last answer."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    exhausted: bool = False
    unexpected: str = ""

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def request(method: str, path: str, token: str | None = None, body: bytes = b"") -> bytes:
    """Return an HTTP/1.1 request as bytes."""
    head = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    if token is not None:
        head.append(f"authorization: Bearer {token}")
    if body:
        head += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


class Run:
    """What the connections of a job share: the requests, the clock, the result."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.requests: Iterator[bytes] = cycle(job.requests) if job.repeat else iter(job.requests)
        self.result = Result()
        self.begin = perf_counter() + WARM_UP_SECONDS
        self.end = self.begin + job.seconds
        self.busy = 0
        self.done = asyncio.get_running_loop().create_future()

    def next(self, now: float) -> bytes | None:
        """Return the next request, None when the time is over."""
        if now >= self.end:
            return None
        request = next(self.requests, None)
        if request is None:
            self.result.exhausted = True
        else:
            self.result.sent += 1
        return request

    def answered(self, began: float, now: float, status: int, whole: bytes) -> None:
        self.result.statuses[status] += 1
        if status != self.job.expected and not self.result.unexpected:
            self.result.unexpected = whole[-400:].decode("utf-8", "replace")
        if began >= self.begin:
            self.result.latencies.append(now - began)
            self.result.seconds = now - self.begin

    def finished(self) -> None:
        self.busy -= 1
        if self.busy == 0 and not self.done.done():
            self.done.set_result(None)


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.received = b""
        self.began = 0.0
        self.waits = False
        run.busy += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self.send(perf_counter())

    def send(self, now: float) -> None:
        request = self.run.next(now)
        if request is None:
            self.transport.close()
            return
        self.received = b""
        self.began = perf_counter()
        self.waits = True
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        found = LENGTH.search(self.received, 0, end + 2)
        if len(self.received) < end + 4 + (int(found[1]) if found else 0):
            return
        now = perf_counter()
        self.waits = False
        self.run.answered(self.began, now, int(self.received[9:12]), self.received)
        self.send(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waits:
            self.run.result.statuses[0] += 1
            self.run.result.unexpected = self.run.result.unexpected or f"the connection was lost: {exc}"
        self.run.finished()


def run(job: Job) -> Result:
    """Do the job; for a process of its own."""
    return uvloop.run(_run(job))


async def _run(job: Job) -> Result:
    loop = asyncio.get_running_loop()
    run = Run(job)
    for _ in range(job.clients):
        await loop.create_connection(lambda: Client(run), "127.0.0.1", job.port)
    async with asyncio.timeout(job.seconds + PATIENCE_SECONDS):
        await run.done
    return run.result
