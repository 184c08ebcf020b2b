"""Offered starts against a model that counts five-minute cells, over zones and days with changes of the clock."""

from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.wall_clock import STEP, first_showing, reached, wall

from bookmeup.domain.booking import REFUSALS
from bookmeup.domain.clock import instant
from bookmeup.domain.schedule import Addition, Schedule
from bookmeup.domain.slots import Calendar, Terms, offered, why_not
from bookmeup.domain.spans import Span
from bookmeup.errors import Closed, InThePast, Refusal, SlotTaken, TooFarAhead, TooSoon

UTC = ZoneInfo("UTC")
DAY = date(2027, 3, 1)
NEVER_MIND = 400 * 86400
PLACES = [
    ("UTC", date(2027, 3, 1)),
    ("Europe/Bucharest", date(2027, 3, 28)),
    ("Europe/Bucharest", date(2027, 10, 31)),
    ("Australia/Lord_Howe", date(2027, 4, 4)),
    ("Africa/Cairo", date(2027, 4, 30)),
    ("America/Havana", date(2027, 11, 7)),
    ("Pacific/Chatham", date(2027, 9, 26)),
    ("Asia/Kathmandu", date(2027, 3, 1)),
]


class Case(NamedTuple):
    zone: ZoneInfo
    day: date
    calendar: Calendar
    terms: Terms
    now: int


fives = st.integers(0, 288).map(lambda number: number * 5)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    name, day = draw(st.sampled_from(PLACES))
    zone = ZoneInfo(name)
    added = []
    for offset in (-1, 0, 1):
        for start, end in draw(st.lists(st.tuples(fives, fives), max_size=3)):
            if start < end:
                added.append(Addition(day + timedelta(days=offset), start, end))
    noon = reached(day, 720, zone)
    starts = st.tuples(st.integers(-300, 300), st.integers(1, 30))
    occupied = [(noon + at * STEP, noon + (at + long) * STEP) for at, long in draw(st.lists(starts, max_size=5))]
    cells = st.integers(0, 24)
    terms = Terms(
        segments=(draw(st.integers(1, 24)) * STEP,),
        buffer_before=draw(cells) * STEP,
        buffer_after=draw(cells) * STEP,
        slot_interval=draw(st.sampled_from([300, 600, 900, 3600])),
        minimum_notice=draw(st.sampled_from([0, 3600, 86400])),
        booking_horizon=draw(st.sampled_from([NEVER_MIND, 43200])),
    )
    now = noon + draw(st.integers(-600, 100)) * STEP
    return Case(zone, day, Calendar(Schedule((), added), occupied), terms, now)


def cells(start: int, end: int) -> set[int]:
    return set(range(start, end, STEP))


def by_hand(case: Case) -> list[tuple[int, int]]:
    """Return what is offered, by counting cells."""
    schedule = case.calendar.schedule
    free: set[int] = set()
    for day, start, end in schedule.added:
        free |= cells(reached(day, start, case.zone), reached(day, end, case.zone))
    busy = {cell for start, end in case.calendar.occupied for cell in cells(start, end)}
    result = []
    for start, end in schedule.intervals(case.day):
        for minute in range(start, end, case.terms.slot_interval // 60):
            at = first_showing(case.day, case.zone).get(wall(case.day, minute))
            if at is not None and _fits(at, case, free, busy):
                result.append((minute, at))
    return result


def _fits(at: int, case: Case, free: set[int], busy: set[int]) -> bool:
    terms = case.terms
    return (
        max(case.now, case.now + terms.minimum_notice) <= at <= case.now + terms.booking_horizon
        and cells(at, at + terms.duration) <= free
        and not cells(at - terms.buffer_before, at + terms.duration + terms.buffer_after) & busy
    )


@settings(max_examples=400, deadline=None)
@given(cases())
def test_the_offered_starts_are_those_that_counting_by_hand_finds(case: Case) -> None:
    found = dict(offered([case.day], case.calendar, case.terms, case.zone, case.now)).get(case.day, [])
    assert [(minute, instant(case.day, minute, case.zone)) for minute in found] == by_hand(case)


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(-300, 300))
def test_what_is_offered_can_be_booked_and_what_fits_is_refused_by_no_rule(case: Case, steps: int) -> None:
    for _, minutes in offered([case.day], case.calendar, case.terms, case.zone, case.now):
        for minute in minutes:
            start = instant(case.day, minute, case.zone)
            assert start is not None
            assert why_not(start, case.day, case.calendar, case.terms, case.zone, case.now) is None
    at = reached(case.day, 720, case.zone) + steps * STEP
    free: set[int] = set()
    for day, start, end in case.calendar.schedule.added:
        free |= cells(reached(day, start, case.zone), reached(day, end, case.zone))
    busy = {cell for start, end in case.calendar.occupied for cell in cells(start, end)}
    refusal = why_not(at, case.day, case.calendar, case.terms, case.zone, case.now)
    assert (refusal is None) == _fits(at, case, free, busy)


def at(minute: int) -> int:
    return reached(DAY, minute, UTC)


def calendar(*occupied: Span) -> Calendar:
    return Calendar(Schedule((), [Addition(DAY, 540, 1020)]), occupied)


@pytest.mark.parametrize(
    ("minute", "now", "terms", "refusal"),
    [
        (540, 541, Terms((1800,)), InThePast),
        (540, 530, Terms((1800,), minimum_notice=3600), TooSoon),
        (540, 0, Terms((1800,), booking_horizon=3600), TooFarAhead),
        (530, 0, Terms((1800,)), Closed),
        (1000, 0, Terms((1800,)), Closed),
        (600, 0, Terms((1800,)), SlotTaken),
        (570, 0, Terms((1800,), buffer_after=60), SlotTaken),
        (660, 0, Terms((1800,), buffer_before=60), SlotTaken),
        (570, 0, Terms((1800,)), None),
        (660, 0, Terms((1800,)), None),
        (540, 540, Terms((1800,)), None),
        (540, 480, Terms((1800,), minimum_notice=3600), None),
        (990, 0, Terms((1800,), buffer_after=3600), None),
        (540, 0, Terms((1800,), buffer_before=3600), None),
    ],
)
def test_the_first_rule_that_forbids_a_start_is_the_one_that_is_told(
    minute: int, now: int, terms: Terms, refusal: type[Refusal] | None
) -> None:
    found = why_not(at(minute), DAY, calendar((at(600), at(660))), terms, UTC, at(now))
    assert (None if found is None else REFUSALS[found]) is refusal


def test_starts_are_stepped_from_each_opening_of_the_day() -> None:
    schedule = Schedule((), [Addition(DAY, 545, 600), Addition(DAY, 725, 780)])
    found = offered([DAY], Calendar(schedule), Terms((1200,), slot_interval=1200), UTC, at(0))
    assert list(found) == [(DAY, [545, 565, 725, 745])]
