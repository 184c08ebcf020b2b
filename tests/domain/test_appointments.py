"""Who may change an appointment, and who gets one."""

from datetime import timedelta

import pytest

from bookmeup.domain.appointments import Actor, Booked, Status, changeable
from bookmeup.domain.booking import Candidate, least_booked
from bookmeup.domain.slots import Reason
from bookmeup.domain.users import UserRole
from bookmeup.errors import Closed, NotFound, ProviderDoesNot, SlotTaken, TooLateToCancel

ANA, ION = Actor(1, UserRole.CUSTOMER), Actor(2, UserRole.CUSTOMER)
STAFF, ADMIN = Actor(3, UserRole.STAFF), Actor(4, UserRole.ADMIN)
NOW = 1_000_000


def booked(status: Status = Status.CONFIRMED, starts: int = NOW + 3600, window: int | None = None) -> Booked:
    return Booked(7, ANA.id, status, starts, None if window is None else timedelta(minutes=window))


@pytest.mark.parametrize("actor", [ANA, STAFF, ADMIN])
def test_its_customer_and_staff_may_change_it(actor: Actor) -> None:
    assert changeable(booked(), actor, NOW).id == 7


def test_somebody_elses_is_not_there() -> None:
    with pytest.raises(NotFound):
        changeable(booked(), ION, NOW)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.COMPLETED, Status.NO_SHOW])
@pytest.mark.parametrize("actor", [ANA, STAFF])
def test_one_that_is_over_is_not_there(actor: Actor, status: Status) -> None:
    with pytest.raises(NotFound):
        changeable(booked(status), actor, NOW)


def test_none_is_not_there() -> None:
    with pytest.raises(NotFound):
        changeable(None, ADMIN, NOW)


def test_within_the_cancellation_window_staff_may_and_the_customer_may_not() -> None:
    late = booked(window=61)
    with pytest.raises(TooLateToCancel):
        changeable(late, ANA, NOW)
    with pytest.raises(TooLateToCancel):
        changeable(late, STAFF, NOW)
    assert changeable(late, STAFF, NOW, overriding=True) is late
    with pytest.raises(TooLateToCancel):
        changeable(late, ANA, NOW, overriding=True)
    assert changeable(booked(window=60), ANA, NOW)


def free(provider: int, booked_seconds: int) -> Candidate:
    return Candidate(provider, None, booked_seconds)


def test_work_goes_to_who_has_the_least_that_day_and_then_to_the_lowest_id() -> None:
    assert least_booked([free(2, 60), free(3, 0), free(1, 60)]).provider_id == 3
    assert least_booked([free(2, 60), free(1, 60)]).provider_id == 1
    assert least_booked([Candidate(1, Reason.OCCUPIED, 0), free(2, 60)]).provider_id == 2


def test_when_nobody_is_free_a_taken_time_says_more_than_a_closed_one() -> None:
    with pytest.raises(SlotTaken):
        least_booked([Candidate(1, Reason.OUTSIDE_HOURS, 0), Candidate(2, Reason.BUFFER, 0)])
    with pytest.raises(Closed):
        least_booked([Candidate(1, Reason.OUTSIDE_HOURS, 0), Candidate(2, Reason.TIME_OFF, 0)])
    with pytest.raises(ProviderDoesNot):
        least_booked([])
