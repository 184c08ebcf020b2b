"""The control: what the races look like without the lock and the constraint, in a scratch database.

If nothing were found here, the races would prove nothing.
"""

from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import URL
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.crowd import counted, rush
from tests.proofs.scratch import arrange
from tests.support.api import Front
from tests.support.processes import Site, running
from tests.support.races import MINUTES, overlaps, times
from tests.support.salon import Person, Salon

CUSTOMERS, ROUNDS = SIZES.control_racers, SIZES.control_slots
TRIES = 20
"""Slots that are raced for until somebody shares one."""


@pytest.fixture(scope="module")
def scratch(database: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(database, tmp_path_factory.mktemp("scratch"), together=True)
    with running(site):
        yield site


@pytest.fixture(scope="module")
def scratch_salon(scratch: Site, client: httpx2.Client) -> Salon:
    return Salon(Front(scratch), client)


@pytest.fixture(scope="module")
def customers(scratch_salon: Salon) -> list[Person]:
    return scratch_salon.make_customers(CUSTOMERS)


def sold(salon: Salon, customers: list[Person], rounds: int) -> Counter[int]:
    """Race for a slot after the other, until somebody shares one."""
    service, day = salon.make_service(duration=MINUTES), salon.open_day()
    seen: Counter[int] = Counter()
    for time in times(rounds):
        answers = counted(rush(customers, salon.anyone, service, day, time))
        seen += answers
        if answers[201] > 1:
            break
    return seen


def test_without_lock_and_constraint_slots_are_sold_twice(
    scratch_salon: Salon, customers: list[Person], database: URL, figure: Figure
) -> None:
    arrange(database, lock=False, constraint=False)
    assert sold(scratch_salon, customers, TRIES)[201] > 1
    figure("2 control: overlaps without lock and constraint (> 0)", overlaps(database))
    assert overlaps(database) > 0


def test_the_constraint_alone_sells_no_slot_twice(scratch_salon: Salon, customers: list[Person], database: URL) -> None:
    arrange(database, lock=False, constraint=True)
    seen = sold(scratch_salon, customers[:8], ROUNDS)
    assert 0 < seen[201] <= ROUNDS
    assert overlaps(database) == 0


def test_the_lock_alone_sells_no_slot_twice(scratch_salon: Salon, customers: list[Person], database: URL) -> None:
    arrange(database, lock=True, constraint=False)
    assert sold(scratch_salon, customers, ROUNDS) == {201: ROUNDS, 409: ROUNDS * (CUSTOMERS - 1)}
    assert overlaps(database) == 0
