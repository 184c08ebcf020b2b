"""When a provider is open."""

from datetime import date
from zoneinfo import ZoneInfo

from bookmeup.domain.schedule import Addition, Hours, Schedule, around

UTC = ZoneInfo("UTC")
BUCHAREST = ZoneInfo("Europe/Bucharest")
MONDAY, TUESDAY = date(2027, 3, 1), date(2027, 3, 2)


def test_weekly_hours_open_their_weekday_alone() -> None:
    schedule = Schedule([Hours(1, 540, 720), Hours(1, 780, 1020)])
    assert schedule.intervals(MONDAY) == [(540, 720), (780, 1020)]
    assert schedule.intervals(TUESDAY) == []


def test_an_addition_joins_the_hours_that_it_touches() -> None:
    schedule = Schedule([Hours(1, 540, 720)], [Addition(MONDAY, 720, 780), Addition(TUESDAY, 0, 60)])
    assert schedule.intervals(MONDAY) == [(540, 780)]
    assert schedule.intervals(TUESDAY) == [(0, 60)]


def test_what_runs_on_over_midnight_is_one_span() -> None:
    schedule = Schedule((), [Addition(MONDAY, 1320, 1440), Addition(TUESDAY, 0, 120)])
    assert [end - start for start, end in schedule.open_spans(around(MONDAY), UTC)] == [4 * 3600]


def test_nine_o_clock_is_nine_o_clock_on_the_day_the_clock_is_changed() -> None:
    schedule = Schedule([Hours(7, 0, 540)])
    for day, hours in ((date(2027, 3, 28), 8), (date(2027, 10, 31), 10), (date(2027, 3, 21), 9)):
        assert [end - start for start, end in schedule.open_spans([day], BUCHAREST)] == [hours * 3600]


def test_an_interval_that_the_clock_jumps_over_is_no_time() -> None:
    schedule = Schedule((), [Addition(date(2027, 3, 28), 190, 230)])
    assert schedule.open_spans([date(2027, 3, 28)], BUCHAREST) == []
