"""The oracle: PostgreSQL's SERIALIZABLE alone, without our lock and constraint, sells what we sell."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import URL
from tests.conftest import NewDatabase
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.engine import Engine, running
from tests.proofs.scratch import arrange
from tests.support.races import overlaps
from tests.support.salon import unique

from bookmeup.db import driver
from bookmeup.errors import SlotTaken, Unavailable
from bookmeup.schemas.appointments import AppointmentRequest
from bookmeup.schemas.services import NewService
from bookmeup.schemas.text import clock_text

DAY = date(2027, 1, 4)
BUNCHES, APART = 12, 120
WISHES, LATER = 12, 5
"""Wishes of a bunch, and how many minutes one starts after the other: each overlaps all others of its bunch."""
MINUTES = 60
AT_ONCE = 8


def sold(url: URL, providers: int, *, guarded: bool = True) -> list[tuple[int, int]]:
    """Have many book at once; return the provider and the bunch of all who got their time.

    `guarded` is whether our lock and constraint are there.
    """
    with running(url) as engine:
        engine.set_clock(datetime(2027, 1, 1, tzinfo=UTC))
        service = engine.make("/services", NewService(name=unique(), price="80", duration=MINUTES))
        ids = [engine.make_provider() for _ in range(providers)]
        if not guarded:
            arrange(url, lock=False, constraint=False)
        wishes = [(n, bunch, wish) for n in range(providers) for bunch in range(BUNCHES) for wish in range(WISHES)]

        def gets(wanted: tuple[int, int, int]) -> bool:
            number, bunch, wish = wanted
            at = clock_text(bunch * APART + wish * LATER)
            return _gets(engine, AppointmentRequest(date=DAY, service_id=service, time=at, provider_id=ids[number]))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [wanted[:2] for wanted, got in zip(wishes, pool.map(gets, wishes), strict=True) if got]


def _gets(engine: Engine, order: AppointmentRequest) -> bool:
    while True:
        try:
            engine.make("/appointments", order, who=engine.customer)
        except SlotTaken:
            return False
        except Unavailable:  # SERIALIZABLE gave up more often than a transaction is repeated
            continue
        return True


def test_serializable_without_lock_and_constraint_sells_what_is_sold_with_them(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    ours = sold(new_database(), SIZES.oracle_providers)
    bare = new_database()
    monkeypatch.setattr(driver, "BEGIN", b"BEGIN ISOLATION LEVEL SERIALIZABLE")
    oracles = sold(bare, SIZES.oracle_providers, guarded=False)
    figure("9 oracle: bunches of overlapping wishes sold by us, by SERIALIZABLE", (len(ours), len(oracles)))
    assert ours == oracles == [(n, bunch) for n in range(SIZES.oracle_providers) for bunch in range(BUNCHES)]
    assert overlaps(bare) == 0
