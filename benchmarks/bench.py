"""The measurements: what is asked of floors and product, and how they take turns."""

import statistics
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle

import msgspec
from sqlalchemy import URL

from benchmarks import floors, load, salon
from benchmarks.database import plain
from benchmarks.load import Job, Result, request
from benchmarks.machine import BenchmarkError, cores, resident_megabytes
from benchmarks.system import ROLES, System

CLIENTS = 16
MOST_BOOKINGS = 1500
REST_SECONDS = 4.0
READERS, BOOKERS, SIGNERS = range(1, 33), range(101, 165), range(201, 301)


@dataclass(frozen=True)
class Plan:
    """How long a measurement takes, and how often floor and product take turns."""

    seconds: float
    rounds: int


@dataclass
class Series:
    """One figure over the rounds, beside its floor. Each round's ratio is of neighbours in time."""

    rates: list[float] = field(default_factory=list)
    floor_rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    floor_p99s: list[float] = field(default_factory=list)

    def add(self, own: Result, floor: Result) -> None:
        self.rates.append(own.rate)
        self.floor_rates.append(floor.rate)
        self.p99s.append(own.percentile(0.99))
        self.floor_p99s.append(floor.percentile(0.99))

    def ratio(self) -> float:
        return statistics.median(own / floor for own, floor in zip(self.rates, self.floor_rates, strict=True))

    def p99_ratio(self) -> float:
        return statistics.median(own / floor for own, floor in zip(self.p99s, self.floor_p99s, strict=True))


class Bench:
    """Measures a running system; everything that asks runs in one process apart."""

    def __init__(self, running: System, apart: Executor, plan: Plan, providers: Sequence[int]) -> None:
        self._system, self._apart, self._plan = running, apart, plan
        self._today = datetime.now(UTC).date()
        starts = salon.free_starts(providers, self._today)
        self._by_name = [start for start in starts if start.day.toordinal() % 2]
        self._any = [start for start in starts if not start.day.toordinal() % 2]
        self._readers = [self._token(number) for number in READERS]
        self._bookers = [self._token(number) for number in BOOKERS]

    def beside(self, floor: Callable[[], Result], measure: Callable[[], Result]) -> Series:
        """Let floor and product take turns."""
        series = Series()
        for _ in range(self._plan.rounds):
            beneath = floor()
            series.add(measure(), beneath)
        return series

    # Floors

    def one_hop(self) -> Result:
        return self._load("one_hop", [request("GET", "/")])

    def two_hops(self) -> Result:
        return self._load("front", [request("GET", "/")])

    def verifies(self) -> Result:
        return self._apart.submit(floors.verifies, cores(), self._plan.seconds).result()

    def inserts(self, url: URL) -> Result:
        return self._apart.submit(floors.inserts, plain(url), self._plan.seconds).result()

    # The product

    def services(self) -> Result:
        return self._load("logic", [request("GET", "/services")])

    def slots(self) -> Result:
        """Ask for the free times of different days and services, as people do who look for one."""
        days = [self._today + timedelta(days=offset) for offset in range(1, 57)]
        paths = [f"/available-timeslots?date={day}&service_id={1 + number % 20}" for number, day in enumerate(days)]
        return self._load("logic", [request("GET", path) for path in paths])

    def mine(self) -> Result:
        return self._load("logic", [request("GET", "/appointments/me", token) for token in self._readers])

    def booking(self) -> Result:
        return self._booked(self._by_name, by_name=True)

    def booking_any(self) -> Result:
        return self._booked(self._any, by_name=False)

    def logins(self) -> Result:
        """Sign in, by no more clients at once than auth's lane for hashing lets wait (reliability.md §6)."""
        return self._load("auth", [_login(number) for number in SIGNERS], clients=min(CLIENTS, 4 * cores()))

    def memory(self) -> dict[str, float]:
        """Return the resident megabytes of each role when the load is over."""
        time.sleep(REST_SECONDS)
        return {role: resident_megabytes(self._system.pids[role]) for role in ROLES}

    def _booked(self, free: list[salon.Start], *, by_name: bool) -> Result:
        """Book free starts, each once; those that were not asked for are left for the next round."""
        most = int(MOST_BOOKINGS * (self._plan.seconds + 1))
        orders = [_order(start, by_name=by_name) for start in free[:most]]
        requests = [
            request("POST", "/appointments", token, order)
            for order, token in zip(orders, cycle(self._bookers), strict=False)
        ]
        job = Job(self._system.ports["logic"], requests, self._plan.seconds, CLIENTS, expected=201, repeat=False)
        result = self._run(job)
        del free[: result.sent]
        return result

    def _load(self, name: str, requests: list[bytes], clients: int = CLIENTS) -> Result:
        return self._run(Job(self._system.ports[name], requests, self._plan.seconds, clients))

    def _run(self, job: Job) -> Result:
        """Do a job; an answer that should not be there ends the whole run."""
        result = self._apart.submit(load.run, job).result()
        wrong = {status: count for status, count in result.statuses.items() if status != job.expected}
        if wrong:
            raise BenchmarkError(f"Unexpected answers {wrong} beside {dict(result.statuses)}: {result.unexpected}")
        if result.exhausted or not result.latencies:
            raise BenchmarkError(f"{result.sent} requests were too few or too slow for {job.seconds} s.")
        return result

    def _token(self, number: int) -> str:
        url = f"http://127.0.0.1:{self._system.ports['auth']}/auth/login"
        asked = urllib.request.Request(url, _credentials(number), {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own http URL
            token: str = msgspec.json.decode(answer.read())["access_token"]
        return token


def _order(start: salon.Start, *, by_name: bool) -> bytes:
    provider = {"provider_id": start.provider} if by_name else {}
    order = {"service_id": salon.BOOKED_SERVICE, "date": start.day, "time": start.time}
    return msgspec.json.encode(order | provider)


def _credentials(number: int) -> bytes:
    return msgspec.json.encode({"email": f"customer{number}@bench.example", "password": salon.PASSWORD})


def _login(number: int) -> bytes:
    return request("POST", "/auth/login", None, _credentials(number))
