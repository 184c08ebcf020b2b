"""Which appointments a change of hours would leave outside."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from tests.domain.wall_clock import reached

from bookmeup.domain.outside import Standing, outside
from bookmeup.domain.schedule import Addition, Hours, Schedule
from bookmeup.domain.segments import unsound

UTC, BUCHAREST = ZoneInfo("UTC"), ZoneInfo("Europe/Bucharest")
MONDAY = date(2027, 3, 1)
OPEN = Schedule([Hours(1, 540, 1020)])


def at(minute: int, day: date = MONDAY, zone: ZoneInfo = UTC) -> int:
    return reached(day, minute, zone)


@pytest.mark.parametrize(("minute", "lies_outside"), [(540, False), (535, True), (990, False), (995, True), (0, True)])
def test_an_appointment_that_sticks_out_of_the_hours_is_outside(minute: int, lies_outside: bool) -> None:  # noqa: FBT001
    assert bool(outside([Standing(7, at(minute), (1800,))], OPEN, UTC)) == lies_outside


def test_processing_time_may_lie_where_he_is_not_open() -> None:
    lunch = Schedule([Hours(1, 540, 720), Hours(1, 780, 1020)])
    assert outside([Standing(7, at(690), (1800, 3600, 1800))], lunch, UTC) == set()
    assert outside([Standing(7, at(690), (7200,))], lunch, UTC) == {7}


def test_what_runs_over_midnight_is_inside_where_both_days_are_open() -> None:
    night = Schedule([Hours(1, 1320, 1440), Hours(2, 0, 120)])
    assert outside([Standing(7, at(1380), (7200,))], night, UTC) == set()
    assert outside([Standing(7, at(1380), (7200,))], Schedule([Hours(1, 1320, 1440)]), UTC) == {7}


def test_closures_time_off_and_replaced_days_leave_outside_and_additions_do_not() -> None:
    one = [Standing(7, at(600), (1800,)), Standing(8, at(900), (1800,))]
    span = [(at(590), at(601))]
    assert outside(one, OPEN._replace(closed=span), UTC) == {7}
    assert outside(one, OPEN._replace(time_off=span), UTC) == {7}
    assert outside(one, OPEN._replace(replaced={MONDAY: [(840, 960)]}), UTC) == {7}
    assert outside(one, OPEN._replace(replaced={MONDAY: []}), UTC) == {7, 8}
    assert outside(one, Schedule((), [Addition(MONDAY, 600, 630)]), UTC) == {8}


def test_hours_of_another_zone_are_other_instants() -> None:
    one = [Standing(7, at(540), (1800,)), Standing(8, at(930), (1800,))]
    assert outside(one, OPEN, UTC) == set()
    assert outside(one, OPEN, BUCHAREST) == {8}


@pytest.mark.parametrize(
    ("segments", "duration", "word"),
    [(None, 30, None), ([30], 30, None), ([10, 5, 15], 30, None), ([10, 20], 30, "odd"), ([10, 5, 10], 30, "add up")],
)
def test_segments_are_work_and_processing_in_turn_and_add_up(
    segments: list[int] | None, duration: int, word: str | None
) -> None:
    told = unsound(segments, duration)
    assert (told is None) if word is None else (told is not None and word in told)
