"""The engine in db's own time: a day and a month of slots, whatever lies outside the window, and a crowded day."""

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import cycle

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from benchmarks import town
from benchmarks.database import PLACE
from benchmarks.machine import BenchmarkError
from benchmarks.report import Figure, at_most, below
from bookmeup.db.engine import connect
from bookmeup.db.migrations import migrate
from bookmeup.db.routes.slots import day_slots, many_days
from bookmeup.schemas.appointments import DaySlots, DaysQuery, SlotsQuery

DAY_MILLISECONDS, MONTH_MILLISECONDS, STATEMENTS = 5.0, 60.0, 6
OUTSIDE_TIMES = 1.1
FEW, MANY = 250, 1000
N_LOG_N = round(MANY * math.log2(MANY) / (FEW * math.log2(FEW)), 2)
"""How much more a thousand cost than 250 where cost grows with n log n."""
MONTH_DAYS = 31
_ROWS = text("""
SELECT provider_id, starts_at, ends_at FROM appointments
WHERE starts_at >= CAST(:first AS date) AND starts_at < CAST(:last AS date) + 1 AND provider_id BETWEEN :from AND :to
""")
"""The floor: what was booked in the time that is asked about, as SQLAlchemy gives it."""
_FIRST_AND_LAST = text("SELECT min(s.id), max(p.id) FROM services s, providers p")


def measure(server: URL, rounds: int) -> Iterator[Figure]:
    """Yield the figures, in two databases that go afterwards: one has ten times the appointments outside the month."""
    month = _first_of_next_month(datetime.now(UTC).date())
    with _town(server, "town", month) as url, _town(server, "city", month) as larger:
        town.more_outside(larger, month)
        with _reading(url) as (engine, connection), _reading(larger) as (_, beside):
            looks = _Looks(connection, month), _Looks(beside, month)
            yield below("engine: statements for a month", looks[0].statements(engine), STATEMENTS + 1, "statements")
            days = _in_turns([*(look.day for look in looks), looks[0].rows_of_a_day], 40 * rounds)
            months = _in_turns([*(look.month for look in looks), looks[0].rows_of_the_month], 6 * rounds)
        a_day, a_month = ([statistics.median(times) for times in each] for each in (days, months))
        yield below("engine: a day, one provider", a_day[0], DAY_MILLISECONDS, "ms", a_day[2])
        yield below("engine: a month, any of 50 providers", a_month[0], MONTH_MILLISECONDS, "ms", a_month[2])
        yield _beside("engine: a day, 10 times outside", days[1], days[0], OUTSIDE_TIMES)
        yield _beside("engine: a month, 10 times outside", months[1], months[0], OUTSIDE_TIMES)
        yield _crowded(url, month, rounds)


class _Looks:
    """What is asked of a town: the days of its month in turn, and the month."""

    def __init__(self, connection: Connection, month: date) -> None:
        service, provider = connection.execute(_FIRST_AND_LAST).one()
        self._connection, self._provider = connection, provider
        self._days = cycle([SlotsQuery(month + timedelta(days=n), service, provider) for n in range(MONTH_DAYS)])
        self._month = DaysQuery(first=month, last=month + timedelta(days=MONTH_DAYS - 1), service_id=service)

    def day(self) -> object:
        return day_slots(self._connection, next(self._days))

    def month(self) -> DaySlots:
        return many_days(self._connection, self._month)

    def rows_of_a_day(self) -> object:
        return self._rows(self._month.first, self._month.first, self._provider)

    def rows_of_the_month(self) -> object:
        return self._rows(self._month.first, self._month.last, 0)

    def _rows(self, first: date, last: date, provider: int) -> object:
        values = {"first": first, "last": last, "from": provider, "to": self._provider}
        return [tuple(row) for row in self._connection.execute(_ROWS, values)]

    def statements(self, engine: Engine) -> int:
        """Return how many statements a month takes, and see that every day of it has free times."""
        asked: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
        if len(self.month().days) < MONTH_DAYS:
            raise BenchmarkError("The town has days without a free time: what is measured is not what is promised.")
        return len(asked)


def _in_turns(works: Sequence[Callable[[], object]], times: int) -> list[list[float]]:
    """Return the milliseconds of each, encoding included; taken in turns, so that all meet the same machine."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for work, milliseconds in zip(works, found, strict=True):
            before = time.perf_counter()
            msgspec.json.encode(work())
            milliseconds.append((time.perf_counter() - before) * 1000)
    return found


def _first_of_next_month(today: date) -> date:
    return (today.replace(day=1) + timedelta(days=40)).replace(day=1)


@contextlib.contextmanager
def _town(server: URL, name: str, month: date) -> Iterator[URL]:
    url = server.set(database=f"bookmeup_bench_{name}")
    guard = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with guard.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {url.database}"))
    try:
        migrate(url, PLACE)
        town.fill(url, month)
        yield url
    finally:
        with guard.connect() as connection:
            connection.execute(text(f"DROP DATABASE {url.database} WITH (FORCE)"))


@contextlib.contextmanager
def _reading(url: URL) -> Iterator[tuple[Engine, Connection]]:
    database = connect(url)
    try:
        engine = database.reads["logic"]
        with engine.connect() as connection:
            yield engine, connection
    finally:
        database.drop_idle()


def _crowded(url: URL, month: date, rounds: int) -> Figure:
    """Return what a day with a thousand appointments costs beside one with 250."""
    days = month + timedelta(days=200), month + timedelta(days=220)
    for day, rows in zip(days, (FEW, MANY), strict=True):
        town.crowd(url, day, rows)
    with _reading(url) as (_, connection):
        service, provider = connection.execute(_FIRST_AND_LAST).one()
        asked = [SlotsQuery(day, service, provider) for day in days]
        few, many = _in_turns([partial(day_slots, connection, one) for one in asked], 20 * rounds)
    return _beside(f"engine: {MANY} on a day beside {FEW}", many, few, N_LOG_N)


def _beside(name: str, times: list[float], floor: list[float], most: float) -> Figure:
    own, other = statistics.median(times), statistics.median(floor)
    return at_most(name, own, other, own / other, most)
