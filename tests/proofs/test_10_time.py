"""Days on which some clock is changed: what is offered is by the wall clock, and what is offered can be booked."""

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import URL
from tests.domain.test_clock import days_of_change
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.engine import Engine, running
from tests.proofs.model import Appointment, Business, Span, Terms
from tests.support.races import overlaps
from tests.support.salon import unique

from bookmeup.schemas.answers import Message
from bookmeup.schemas.appointments import AppointmentRequest, Slots, SlotsQuery
from bookmeup.schemas.business import NewProvider, WeeklyHours
from bookmeup.schemas.services import NewService
from bookmeup.schemas.text import clock_text, minute
from bookmeup.schemas.together import SeriesMade, SeriesRequest

WEEKS = [[(0, 1440)], [(540, 1020)], [(0, 210), (225, 720)], [(60, 150), (160, 200), (1380, 1440)]]
TERMS = Terms((35,), before=5, after=10, step=15)
SHORT = Terms((5,), step=5)
BOOKED_A_DAY = 5
FILLED, ONE_BY_ONE = 4, 32
"""Every so manieth day is booked until it is full, and has each of its starts booked alone; neither a multiple of 3."""
BEFORE = 3
"""Days between the clock at which somebody books and the day."""
_LOCAL = """
SELECT a.id, to_char(a.starts_at AT TIME ZONE l.timezone, 'YYYY-MM-DD HH24:MI')
FROM appointments a JOIN locations l ON l.id = a.location_id WHERE a.id = ANY(:ids)
"""
_SHOWN = """
SELECT to_char(at AT TIME ZONE :zone, 'YYYY-MM-DD HH24:MI')
FROM unnest(CAST(:instants AS timestamptz[])) WITH ORDINALITY AS asked (at, place) ORDER BY place
"""


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

    def cancels(self, appointment: int) -> None:
        self.engine.ask(self.engine.customer, lambda call: call.delete(f"/appointments/mine/{appointment}"), Message)

    def books_weekly(self, first: date, at: int) -> SeriesMade:
        order = SeriesRequest(
            date=first, service_id=self.short, time=clock_text(at), provider_id=self.provider,
            rule="FREQ=WEEKLY;COUNT=3", skip_clashes=True,
        )  # fmt: skip
        return self.engine.ask(self.engine.customer, lambda call: call.post("/series", order), SeriesMade)

    def local_times(self, ids: Iterable[int]) -> dict[int, str]:
        """Return what the wall clock shows at the starts of appointments, as PostgreSQL knows it."""
        return {row.id: row.to_char for row in self.engine.run_sql(_LOCAL, ids=list(ids))}


@pytest.fixture(scope="module")
def engine(database: URL) -> Iterator[Engine]:
    with running(database) as engine:
        yield engine


class Tried(NamedTuple):
    """How many starts of a day were offered, booked beside others, and booked alone; whether none was left."""

    offered: int
    booked: int
    alone: int
    is_full: bool


def a_day(shop: Shop, zone: ZoneInfo, day: date, number: int, chance: random.Random) -> Tried:
    """Compare what is offered on a day, and book of it."""
    model = shop.opens(zone, day, chance.choice(WEEKS))
    offered = shop.offered(shop.short, day)
    assert offered == model.offers(shop.short, day), (zone, day)
    assert len(set(offered)) == len(offered)
    alone = one_by_one(shop, model, day) if number % ONE_BY_ONE == 0 else 0
    most = len(offered) + 1 if number % FILLED == 0 else BOOKED_A_DAY
    booked, is_full = at_random(shop, model, day, most, chance)
    return Tried(len(offered), booked, alone, is_full)


def one_by_one(shop: Shop, model: Business, day: date) -> int:
    """Book each offered start where nothing else is booked, and cancel it again."""
    offered, booked = shop.offered(shop.service, day), dict[int, int]()
    assert offered == model.offers(shop.service, day), (model.zone, day)
    for at in offered:
        made = shop.books(day, at)
        booked[made] = at
        shop.cancels(made)
    assert shop.local_times(booked) == shown(day, booked), (model.zone, day)
    assert shop.offered(shop.service, day) == offered, (model.zone, day)
    return len(offered)


def at_random(shop: Shop, model: Business, day: date, most: int, chance: random.Random) -> tuple[int, bool]:
    """Book starts until none is offered, or so many; after each are offered exactly the model's."""
    booked = dict[int, int]()
    while (offered := shop.offered(shop.service, day)) and len(booked) < most:
        assert offered == model.offers(shop.service, day), (model.zone, day)
        at = chance.choice(offered)
        made = shop.books(day, at)
        start = model.instant(day, at)
        assert start is not None
        model.appointments[made] = Appointment(made, TERMS, start)
        booked[made] = at
    assert offered == model.offers(shop.service, day), (model.zone, day)
    assert shop.local_times(booked) == shown(day, booked), (model.zone, day)
    assert not set(booked.values()) & set(offered)
    return len(booked), not offered


def shown(day: date, booked: Mapping[int, int]) -> dict[int, str]:
    return {made: f"{day} {clock_text(at)}" for made, at in booked.items()}


def has_same_clock(engine: Engine, zone: ZoneInfo, day: date) -> bool:
    """Whether PostgreSQL's clock is Python's around a day: each has rules of its own, which may be of other years."""
    noon = datetime.combine(day, time(12), UTC)
    hours = [noon + timedelta(hours=ahead) for ahead in range(-9 * 24, 9 * 24)]
    shown = engine.run_sql(_SHOWN, zone=zone.key, instants=hours).scalars()
    return list(shown) == [f"{hour.astimezone(zone):%Y-%m-%d %H:%M}" for hour in hours]


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
    assert shop.local_times(ids) == {each.appointment_id: f"{each.date} {clock_text(at)}" for each in had}
    return len(had)


def test_on_days_of_change_starts_are_local_exist_are_offered_once_and_can_be_booked(
    engine: Engine, figure: Figure
) -> None:
    chance = random.Random(None if SIZES.is_full else 10)
    days = days_of_change()
    chosen = days if SIZES.changing_days >= len(days) else chance.sample(days, SIZES.changing_days)
    sample = [(zone, day) for zone, day in chosen if has_same_clock(engine, zone, day)]
    shop, tried, series = Shop(engine), list[Tried](), 0
    for number, (zone, day) in enumerate(sample):
        tried.append(a_day(shop, zone, day, number, chance))
        series += a_series(shop, zone, day, chance)
    offered, booked, alone, full = (sum(column) for column in zip(*tried, strict=True))
    figure("10 time: days around changes of clocks, zones", (len(sample), len({zone.key for zone, _ in sample})))
    figure("10 time: days left out, where PostgreSQL's rules of a zone are not Python's", len(chosen) - len(sample))
    figure("10 time: starts offered as the model's", offered)
    figure("10 time: booked of those offered, dates of series", (booked, series))
    figure("10 time: days booked until nothing was offered", full)
    figure("10 time: offered starts booked, each alone", alone)
    figure("10 time: overlaps", overlaps(engine.url))
    assert booked > 0 < series
    assert full > 0 < alone
    assert len(sample) > len(chosen) / 2
    assert overlaps(engine.url) == 0
