"""Dates of a series against plain counting, and their local time across the changes of the clock."""

import time
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookmeup.domain.clock import instant, local
from bookmeup.domain.series import LONGEST, dates, latest
from bookmeup.errors import BadRule

PLAIN = ZoneInfo("UTC")
ZONES = [
    ZoneInfo(name) for name in ("Europe/Bucharest", "America/Havana", "Australia/Lord_Howe", "Africa/Cairo", "UTC")
]
days = st.dates(date(2024, 1, 1), date(2029, 12, 31))
DAY_NAMES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


@settings(max_examples=200, deadline=None)
@given(days, st.integers(1, 6), st.integers(1, 17), st.sampled_from(ZONES), st.integers(0, 1439))
def test_every_n_weeks_is_every_7n_days_at_the_same_local_time(
    first: date, interval: int, count: int, zone: ZoneInfo, minute: int
) -> None:
    found = dates(f"FREQ=WEEKLY;INTERVAL={interval};COUNT={count}", first, minute, zone)
    assert found == [first + timedelta(days=7 * interval * number) for number in range(count)]
    for day in found:
        at = instant(day, minute, zone)
        if at is not None:  # else that date has no such time, and is reported
            shown = local(at, zone)
            assert (shown.date(), shown.hour * 60 + shown.minute) == (day, minute)


@settings(max_examples=100, deadline=None)
@given(days, st.sets(st.sampled_from(DAY_NAMES), min_size=1), st.integers(1, 300))
def test_weekdays_until_a_date_are_those_that_counting_finds(first: date, names: set[str], ahead: int) -> None:
    last = first + timedelta(days=ahead)
    while DAY_NAMES[first.weekday()] not in names:
        first += timedelta(days=1)
    last = max(first, last)
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    expected = [day for day in every if DAY_NAMES[day.weekday()] in names]
    rule = f"FREQ=WEEKLY;BYDAY={','.join(sorted(names))};UNTIL={last:%Y%m%d}"
    assert dates(rule, first, 540, PLAIN) == expected


@settings(max_examples=100, deadline=None)
@given(days, st.integers(1, 12))
def test_every_month_skips_the_months_without_that_day(first: date, count: int) -> None:
    def months() -> list[date]:
        found = []
        for number in range(36):
            year, month = divmod(first.month - 1 + number, 12)
            try:
                found.append(first.replace(year=first.year + year, month=month + 1))
            except ValueError:
                continue
        return found

    assert dates(f"FREQ=MONTHLY;COUNT={count}", first, 540, PLAIN) == list(islice(months(), count))


@settings(max_examples=100, deadline=None)
@given(days, st.integers(1, 12))
def test_the_same_weekday_of_the_month(first: date, count: int) -> None:
    number = min((first.day - 1) // 7 + 1, 4)
    first = first - timedelta(days=7) if (first.day - 1) // 7 + 1 > number else first
    found = dates(f"FREQ=MONTHLY;BYDAY={number}{DAY_NAMES[first.weekday()]};COUNT={count}", first, 540, PLAIN)
    assert [(day.weekday(), (day.day - 1) // 7 + 1) for day in found] == [(first.weekday(), number)] * count
    assert all(0 < (later - day).days <= 35 for day, later in pairwise(found))


@settings(max_examples=100, deadline=None)
@given(days, st.sampled_from(ZONES), st.integers(0, 1439), st.integers(0, 60))
def test_an_end_in_utc_counts_by_the_local_clock(first: date, zone: ZoneInfo, minute: int, ahead: int) -> None:
    at = instant(first, minute, zone)
    if at is None:
        return
    until = datetime.fromtimestamp(at, UTC) + timedelta(days=ahead)
    found = dates(f"FREQ=DAILY;UNTIL={until:%Y%m%dT%H%M%SZ}", first, minute, zone)
    last = local(int(until.timestamp()), zone).replace(tzinfo=None)
    wall = datetime.combine(first, datetime.min.time()) + timedelta(minutes=minute)
    assert found == [first + timedelta(days=number) for number in range((last - wall).days + 1)]


def test_a_time_that_one_date_does_not_have_is_still_one_of_the_dates() -> None:
    zone = ZoneInfo("Europe/Bucharest")
    found = dates("FREQ=DAILY;COUNT=3", date(2027, 3, 27), 3 * 60 + 30, zone)
    assert [instant(day, 3 * 60 + 30, zone) is None for day in found] == [False, True, False]


@pytest.mark.parametrize(
    "rule",
    [
        "", "nothing", "FREQ=WEEKLY", "COUNT=3", "FREQ=WEEKLY;COUNT=3;UNTIL=20270401", "FREQ=HOURLY;COUNT=3",
        "FREQ=WEEKLY;COUNT=0", "FREQ=WEEKLY;COUNT=-1", "FREQ=WEEKLY;COUNT=367", "FREQ=DAILY;COUNT=999",
        "FREQ=WEEKLY;COUNT=200", "FREQ=WEEKLY;COUNT=3;COUNT=4", "FREQ=WEEKLY;INTERVAL=0;COUNT=2",
        "FREQ=WEEKLY;COUNT=3;BYHOUR=9", "FREQ=WEEKLY;UNTIL=20279999", "FREQ=WEEKLY;UNTIL=20260101",
        "FREQ=WEEKLY;UNTIL=20990101", "FREQ=YEARLY;UNTIL=99991231", "FREQ=DAILY;BYDAY=TU;INTERVAL=7;COUNT=2",
        "FREQ=WEEKLY;BYDAY=1MO;COUNT=2", "FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=2;COUNT=2", "FREQ=MONTHLY;BYSETPOS=2;COUNT=2",
        "FREQ=WEEKLY;BYDAY=TU;COUNT=2", "FREQ=MONTHLY;BYMONTHDAY=2;COUNT=2", "FREQ=WEEKLY;COUNT=3;X=1", "FREQ=WEEKLY;;",
        "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1;COUNT=2", "FREQ=MONTHLY;BYMONTHDAY=0;COUNT=2", "FREQ=WEEKLY;COUNT=\uff13",
        "FREQ=WEEKLY;COUNT=2\nDTSTART:20200101T000000", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;COUNT=2",
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_booked_is_refused_at_once(rule: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadRule):
        dates(rule, date(2027, 2, 1), 540, PLAIN)
    assert time.monotonic() - began < 1.0


def test_upper_and_lower_case_and_the_name_of_the_property_are_taken() -> None:
    assert len(dates("rrule:freq=weekly;count=3", date(2027, 3, 1), 540, PLAIN)) == 3


def test_a_year_of_days_is_the_most() -> None:
    assert len(dates("FREQ=DAILY;COUNT=366", date(2027, 3, 1), 540, PLAIN)) == 366


@pytest.mark.parametrize(
    ("rule", "last"),
    [
        ("FREQ=WEEKLY;COUNT=3", date(2027, 3, 15)),
        ("FREQ=DAILY;UNTIL=20270305", date(2027, 3, 6)),
        ("FREQ=DAILY;UNTIL=20270305T230000Z", date(2027, 3, 6)),
        ("FREQ=DAILY;UNTIL=20260101", date(2027, 3, 2)),
        ("FREQ=MONTHLY;UNTIL=29990101", date(2027, 3, 1) + LONGEST + timedelta(days=1)),
    ],
)
def test_no_more_days_are_read_than_the_rule_may_reach(rule: str, last: date) -> None:
    assert latest(rule, date(2027, 3, 1), 540) == last
