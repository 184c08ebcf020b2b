"""Spans that overlap in part: what is accepted is what a model accepts that ticks off minute by minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import URL
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.engine import Engine, running
from tests.support.races import overlaps
from tests.support.salon import unique

from bookmeup.errors import SlotTaken
from bookmeup.schemas.appointments import AppointmentRequest
from bookmeup.schemas.services import NewService
from bookmeup.schemas.text import clock_text

FIRST = date(2027, 1, 4)
SETS_A_PROVIDER, DAYS_APART = 100, 3


class Want(NamedTuple):
    """An appointment that somebody wants; all in minutes."""

    start: int
    duration: int
    before: int
    after: int


wants = st.builds(
    Want,
    start=st.integers(0, 1439),
    duration=st.sampled_from((1, 5, 10, 20, 30, 45, 60, 240)),
    before=st.sampled_from((0, 5, 15, 60)),
    after=st.sampled_from((0, 5, 15, 60)),
)
near = st.builds(Want._replace, wants, start=st.integers(600, 720))
sets = st.lists(wants | near, min_size=2, max_size=12)


def accepted_by_model(asked: list[Want]) -> list[bool]:
    """Return which of them get their time, one after the other."""
    taken: set[int] = set()
    accepted = []
    for want in asked:
        minutes = set(range(want.start - want.before, want.start + want.duration + want.after))
        accepted.append(taken.isdisjoint(minutes))
        if accepted[-1]:
            taken |= minutes
    return accepted


@pytest.fixture(scope="module")
def engine(database: URL) -> Iterator[Engine]:
    with running(database) as engine:
        engine.set_clock(datetime(2027, 1, 1, tzinfo=UTC))
        yield engine


def test_what_is_accepted_of_partly_overlapping_spans_is_what_the_model_accepts(engine: Engine, figure: Figure) -> None:
    places = count()
    seen = {True: 0, False: 0}

    @cache
    def service(duration: int, before: int, after: int) -> int:
        terms = NewService(name=unique(), price="80", duration=duration, buffer_before=before, buffer_after=after)
        return engine.make("/services", terms)

    @cache
    def provider(_number: int) -> int:
        return engine.make_provider()

    def gets(want: Want, day: date, whom: int) -> bool:
        order = AppointmentRequest(
            date=day, service_id=service(*want[1:]), time=clock_text(want.start), provider_id=whom
        )
        try:
            engine.make("/appointments", order, who=engine.customer)
        except SlotTaken:
            return False
        return True

    @settings(max_examples=SIZES.span_sets, deadline=None, database=None, derandomize=not SIZES.is_full)
    @given(sets)
    def one_set(asked: list[Want]) -> None:
        place = next(places)
        whom = provider(place // SETS_A_PROVIDER)
        day = FIRST + timedelta(days=place % SETS_A_PROVIDER * DAYS_APART)
        accepted = [gets(want, day, whom) for want in asked]
        assert accepted == accepted_by_model(asked)
        for each in accepted:
            seen[each] += 1

    one_set()
    figure("3 spans: sets", next(places))
    figure("3 spans: accepted, refused", (seen[True], seen[False]))
    figure("3 spans: overlaps", overlaps(engine.url))
    assert min(seen.values()) > 0
    assert overlaps(engine.url) == 0
