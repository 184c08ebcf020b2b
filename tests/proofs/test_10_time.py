"""Days on which some clock is changed: what is offered is by the wall clock, and what is offered can be booked."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import URL, text
from tests.domain.test_clock import days_of_change
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.engine import Engine, running
from tests.proofs.model import Appointment, Business, Span, Terms
from tests.support import databases
from tests.support.races import overlaps
from tests.support.salon import unique

from bookmeup.schemas.appointments import AppointmentRequest, Slots, SlotsQuery
from bookmeup.schemas.business import NewProvider, WeeklyHours
from bookmeup.schemas.services import NewService
from bookmeup.schemas.text import clock_text, minute
from bookmeup.schemas.together import SeriesMade, SeriesRequest

WEEKS = [[(0, 1440)], [(540, 1020)], [(0, 210), (225, 720)], [(60, 150), (160, 200), (1380, 1440)]]
TERMS = Terms((35,), before=5, after=10, step=15)
SHORT = Terms((5,), step=5)
BOOKED_A_DAY = 5
BEFORE = 3
"""Days between the clock at which somebody books and the day."""
_LOCAL = text("""
SELECT to_char(a.starts_at AT TIME ZONE l.timezone, 'YYYY-MM-DD HH24:MI')
FROM appointments a JOIN locations l ON l.id = a.location_id WHERE a.id = ANY(:ids) ORDER BY a.starts_at
""")


class Shop:
    """The first location, moved from zone to zone; each day has a provider of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.service, self.short = self._service(TERMS), self._service(SHORT)

    def _service(self, terms: Terms) -> int:
        return self.engine.make("/services", NewService(
            name=unique(), price="80", duration=sum(terms.segments), buffer_before=terms.before,
            buffer_after=terms.after, slot_interval=terms.step,
        ))  # fmt: skip

    def opens(self, zone: ZoneInfo, day: date, week: list[Span]) -> Business:
        """Move there, open every day at these hours, and return the same as a model."""
        now = datetime.combine(day - timedelta(days=BEFORE), time(), UTC)
        self.engine.set_clock(now)
        self.engine.run_sql("UPDATE locations SET timezone = :zone", zone=zone.key)
        hours = [WeeklyHours(day, clock_text(s), clock_text(e)) for day in range(1, 8) for s, e in week]
        self.provider = self.engine.make("/providers", NewProvider(name=unique(), hours=hours))
        services = {self.service: TERMS, self.short: SHORT}
        return Business(zone, int(now.timestamp()), services, dict.fromkeys(range(1, 8), week))

    def offered(self, service: int, day: date) -> list[int]:
        asked = SlotsQuery(day, service, self.provider)
        told = self.engine.ask(self.engine.customer, lambda call: call.get("/slots", asked), Slots)
        return [minute(each) for each in told.available_slots]

    def books(self, day: date, at: int) -> int:
        order = AppointmentRequest(date=day, service_id=self.service, time=clock_text(at), provider_id=self.provider)
        return self.engine.make("/appointments", order, who=self.engine.customer)

    def books_weekly(self, first: date, at: int) -> SeriesMade:
        order = SeriesRequest(
            date=first, service_id=self.short, time=clock_text(at), provider_id=self.provider,
            rule="FREQ=WEEKLY;COUNT=3", skip_clashes=True,
        )  # fmt: skip
        return self.engine.ask(self.engine.customer, lambda call: call.post("/series", order), SeriesMade)

    def local_times(self, ids: list[int]) -> list[str]:
        """Return what the wall clock shows at the starts of appointments, as PostgreSQL knows it."""
        with databases.engine(self.engine.url).connect() as connection:
            return list(connection.scalars(_LOCAL, {"ids": ids}))


@pytest.fixture(scope="module")
def engine(database: URL) -> Iterator[Engine]:
    with running(database) as engine:
        yield engine


def a_day(shop: Shop, zone: ZoneInfo, day: date, chance: random.Random) -> tuple[int, int]:
    """Compare and book a day, and a series that passes over it; return how many were offered and booked."""
    model = shop.opens(zone, day, chance.choice(WEEKS))
    first = shop.offered(shop.short, day)
    assert first == model.offers(shop.short, day), (zone, day)
    assert len(set(first)) == len(first)
    booked = []
    for _ in range(BOOKED_A_DAY):
        offered = shop.offered(shop.service, day)
        assert offered == model.offers(shop.service, day), (zone, day)
        if not offered:
            break
        at = chance.choice(offered)
        start = model.instant(day, at)
        assert start is not None
        booked.append(shop.books(day, at))
        model.appointments[booked[-1]] = Appointment(booked[-1], TERMS, start)
        assert shop.local_times([booked[-1]]) == [f"{day} {clock_text(at)}"]
        assert at not in shop.offered(shop.service, day)
    return len(first), len(booked)


def a_series(shop: Shop, zone: ZoneInfo, day: date, chance: random.Random) -> int:
    """Book the same time of three weeks, around the day; return how many dates can be had."""
    first = day - timedelta(days=7)
    model = shop.opens(zone, first, [(0, 1440)])
    at = chance.choice(model.offers(shop.short, first))
    made = shop.books_weekly(first, at)
    dates = [first + timedelta(days=7 * week) for week in range(3)]
    assert [each.date for each in made.dates] == [str(each) for each in dates]
    assert [each.ok for each in made.dates] == [model.takes(SHORT, each, at) for each in dates], (zone, day)
    had = [each for each in made.dates if each.ok]
    ids = [each.appointment_id for each in had if each.appointment_id is not None]
    assert shop.local_times(ids) == [f"{each.date} {clock_text(at)}" for each in had]
    return len(had)


def test_on_days_of_change_starts_are_local_exist_are_offered_once_and_can_be_booked(
    engine: Engine, figure: Figure
) -> None:
    chance = random.Random(None if SIZES.is_full else 10)
    days = days_of_change()
    sample = days if SIZES.changing_days >= len(days) else chance.sample(days, SIZES.changing_days)
    shop, offered, booked, series = Shop(engine), 0, 0, 0
    for zone, day in sample:
        found = a_day(shop, zone, day, chance)
        offered, booked, series = offered + found[0], booked + found[1], series + a_series(shop, zone, day, chance)
    figure("10 time: days around changes of clocks, zones", (len(sample), len({zone.key for zone, _ in sample})))
    figure("10 time: starts offered as the model's", offered)
    figure("10 time: booked of those offered, dates of series", (booked, series))
    figure("10 time: overlaps", overlaps(engine.url))
    assert booked > 0 < series
    assert overlaps(engine.url) == 0
