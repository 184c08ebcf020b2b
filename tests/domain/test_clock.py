"""Wall clocks and instants, for every zone there is and all the changes of its clock that are known."""

import zoneinfo
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.wall_clock import FIRST, LAST, Change, changes_of, first_showing, reached, wall

from bookmeup.domain.clock import boundary, day_span, instant, local

ZONES = sorted(zoneinfo.available_timezones())
BUCHAREST = ZoneInfo("Europe/Bucharest")
days = st.dates(FIRST, LAST)
zones = st.sampled_from(ZONES).map(ZoneInfo)


@cache
def days_of_change() -> list[tuple[ZoneInfo, date]]:
    """Return the days around each change of each zone's clock, once for zones that change alike."""
    found: dict[Change, ZoneInfo] = {}
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in changes_of(zone):
            found.setdefault(change, zone)
    return [
        (zone, datetime.fromtimestamp(change.at, zone).date() + timedelta(days=near))
        for change, zone in found.items()
        for near in (-1, 0, 1)
    ]


def test_on_every_day_that_any_clock_is_changed_each_time_is_its_first_instant_or_none() -> None:
    assert len(days_of_change()) > 300
    for zone, day in days_of_change():
        model = first_showing(day, zone)
        for minute in range(0, 1441, 5):
            assert instant(day, minute, zone) == model.get(wall(day, minute)), (zone, day, minute)


def test_on_every_such_day_an_edge_of_opening_hours_is_where_the_clock_shows_or_passes_it() -> None:
    for zone, day in days_of_change():
        for minute in range(0, 1441, 15):
            assert boundary(day, minute, zone) == reached(day, minute, zone), (zone, day, minute)


@given(day=days, zone=zones, minute=st.integers(0, 1439))
def test_the_clock_shows_at_an_instant_the_time_it_was_made_from(day: date, zone: ZoneInfo, minute: int) -> None:
    at = instant(day, minute, zone)
    if at is not None:
        assert local(at, zone).replace(tzinfo=None) == wall(day, minute)
        assert at == boundary(day, minute, zone)


@given(day=days, zone=zones)
def test_days_follow_each_other_without_gap_or_overlap(day: date, zone: ZoneInfo) -> None:
    start, end = day_span(day, zone)
    assert start < end
    assert day_span(day + timedelta(days=1), zone)[0] == end


@pytest.mark.parametrize(("day", "hours"), [(date(2027, 3, 28), 23), (date(2027, 10, 31), 25), (date(2027, 6, 1), 24)])
def test_a_day_has_23_24_or_25_hours(day: date, hours: int) -> None:
    start, end = day_span(day, BUCHAREST)
    assert end - start == hours * 3600


def test_a_time_that_the_clock_jumps_over_does_not_exist() -> None:
    assert instant(date(2027, 3, 28), 3 * 60 + 30, BUCHAREST) is None


def test_of_a_time_that_exists_twice_the_first_counts() -> None:
    twice = instant(date(2027, 10, 31), 3 * 60 + 30, BUCHAREST)
    assert twice is not None
    assert local(twice, BUCHAREST).fold == 0


@given(day=days, zone=zones, minute=st.integers(0, 1440))
def test_midnight_at_the_end_of_a_day_is_that_of_the_next(day: date, zone: ZoneInfo, minute: int) -> None:
    assert boundary(day, 1440, zone) == boundary(day + timedelta(days=1), 0, zone)
    assert boundary(day, 0, zone) <= boundary(day, minute, zone) <= boundary(day, 1440, zone)
