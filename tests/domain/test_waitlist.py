"""Which starts are a wish's, and how long an offer stands."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bookmeup.domain.clock import instant
from bookmeup.domain.slots import Terms
from bookmeup.domain.waitlist import Wish, stands_until

DAY = date(2027, 3, 1)  # a Monday
ZONE = ZoneInfo("Europe/Bucharest")


def wish(**given: Any) -> Wish:
    return Wish(1, 1, 1, None, DAY, date(2027, 3, 9))._replace(**given)


def fits(one: Wish, minute: int, length: int = 60) -> bool:
    at = instant(DAY, minute, ZONE)
    assert at is not None
    return one.fits(DAY, minute, at, Terms((length * 60,)), ZONE)


def test_the_days_are_those_between_the_dates_on_the_weekdays() -> None:
    every = [date(2027, 2, 22), date(2027, 3, 1), date(2027, 3, 2), date(2027, 3, 8), date(2027, 3, 15)]
    assert wish(weekdays=[1]).days(every) == [date(2027, 3, 1), date(2027, 3, 8)]


@pytest.mark.parametrize(("minute", "fitting"), [(539, False), (540, True), (600, True), (601, False)])
def test_the_appointment_lies_between_the_two_times(minute: int, fitting: bool) -> None:  # noqa: FBT001
    assert fits(wish(start_minute=540, end_minute=660), minute) is fitting


def test_one_that_runs_over_midnight_fits_only_where_the_day_has_no_end() -> None:
    assert fits(wish(), 23 * 60 + 30)
    assert not fits(wish(end_minute=1439), 23 * 60 + 30)


def test_time_that_was_offered_before_is_not_offered_again() -> None:
    at = instant(DAY, 600, ZONE)
    assert at is not None
    before = wish(offered=[(at, at + 3600)])
    assert [fits(before, minute) for minute in (540, 550, 600, 650, 660)] == [True, False, False, False, True]


def test_an_offer_stands_a_quarter_of_an_hour_or_until_the_notice() -> None:
    assert stands_until(10_000, Terms((60,)), 0) == 900
    assert stands_until(10_000, Terms((60,), minimum_notice=9_500), 0) == 500
    assert stands_until(10_000, Terms((60,), minimum_notice=9_950), 0) is None


def test_nobody_is_offered_time_in_which_he_has_an_appointment() -> None:
    at = instant(DAY, 600, ZONE)
    assert at is not None
    terms = Terms((1800,))
    assert not wish(busy=[(at + 1799, at + 3600)]).fits(DAY, 600, at, terms, ZONE)
    assert wish(busy=[(at + 1800, at + 3600)]).fits(DAY, 600, at, terms, ZONE)
