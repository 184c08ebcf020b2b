"""The engine and its model, side by side: every step is taken by both, and what they offer and refuse is compared."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.proofs.engine import Engine
from tests.proofs.model import HOLD, MINUTE, Appointment, Business, Span, Terms
from tests.support.salon import unique

from bookmeup import errors
from bookmeup.schemas.answers import Message
from bookmeup.schemas.appointments import AppointmentRequest, DaySlots, DaysQuery, Held, HoldRequest, Move
from bookmeup.schemas.business import LocationMade, NewLocation, ProviderRequest, WeeklyHours
from bookmeup.schemas.hours import ClosureRequest, Consent, DayRequest, Interval, TimeOffRequest
from bookmeup.schemas.services import NewService, ServiceChange
from bookmeup.schemas.text import clock_text

KEEP = Consent(keep=1)
DAYS = 3
MOST_HOLDS = 3


class Place(NamedTuple):
    """Where and when the clock is changed, or is not."""

    zone: str
    first: date


PLACES = (
    Place("Europe/Bucharest", date(2027, 3, 27)),
    Place("Europe/Bucharest", date(2027, 10, 30)),
    Place("America/Havana", date(2027, 3, 13)),
    Place("Australia/Lord_Howe", date(2027, 4, 3)),
    Place("Africa/Cairo", date(2027, 4, 29)),
    Place("Asia/Kathmandu", date(2027, 6, 1)),
)
minutes = st.integers(0, 287).map(lambda n: 5 * n)
spans = st.tuples(minutes, st.integers(1, 120)).map(lambda pair: (pair[0], min(1440, pair[0] + 5 * pair[1])))
hours = st.lists(spans, max_size=2).filter(lambda found: len(found) < 2 or found[0][1] < found[1][0])
weeks = hours.map(lambda found: found or [(0, 1440)])
ahead = st.integers(0, DAYS - 1)
some = st.integers(0, 10_000)


class Machine(RuleBasedStateMachine):
    """One provider at a location of his own, and the same in the model."""

    steps = 0
    accepted = 0
    refused = 0

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.away: list[tuple[str, Span]] = []

    @initialize(place=st.sampled_from(PLACES), weekly=weeks)
    def opens(self, place: Place, weekly: list[Span]) -> None:
        self.first = place.first
        now = datetime.combine(place.first, time(), UTC) - timedelta(days=1)
        self.engine.set_clock(now)
        location = NewLocation(name=unique(), timezone=place.zone)
        made = self.engine.ask(self.engine.staff, lambda call: call.post("/locations", location), LocationMade)
        self.location, self.provider = made.object_id, made.provider_id
        self.customer = self.engine.person("customer")
        services = {
            self._service(duration=40): Terms((40,)),
            self._service(duration=75, segments=[30, 30, 15], buffer_before=10, buffer_after=5, slot_interval=15):
                Terms((30, 30, 15), before=10, after=5, step=15),
        }  # fmt: skip
        self.model = Business(ZoneInfo(place.zone), int(now.timestamp()), services, {})
        self.changes_the_week(weekly)

    def _service(self, **terms: Any) -> int:
        return self.engine.make("/services", NewService(name=unique(), price="80", **terms))

    def _put(self, path: str, body: Any) -> None:
        self.engine.ask(self.engine.staff, lambda call: call.put(path, body, KEEP), Message)

    @rule(weekly=weeks)
    def changes_the_week(self, weekly: list[Span]) -> None:
        wanted = [WeeklyHours(day, clock_text(s), clock_text(e)) for day in range(1, 8) for s, e in weekly]
        self._put(f"/providers/{self.provider}", ProviderRequest(hours=wanted))
        self.model.weekly = {day: list(weekly) for day in range(1, 8)}

    @rule(day=ahead, wanted=hours)
    def replaces_a_day(self, day: int, wanted: list[Span]) -> None:
        on = self._day(day)
        body = DayRequest([Interval(clock_text(s), clock_text(e)) for s, e in wanted])
        self._put(f"/providers/{self.provider}/days/{on}", body)
        self.model.replaced[on] = list(wanted)

    @rule(day=ahead, since=minutes, length=st.integers(1, 60), of_all=st.booleans())
    def is_away(self, day: int, since: int, length: int, of_all: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        start = datetime.combine(self._day(day), time(), UTC) + timedelta(minutes=since)
        end = start + timedelta(minutes=5 * length)
        if of_all:
            made = self.engine.make("/closures", ClosureRequest(start, end, location_id=self.location), KEEP)
            path = f"/closures/{made}"
        else:
            path = f"/providers/{self.provider}/time-off"
            path += f"/{self.engine.make(path, TimeOffRequest(start, end), KEEP)}"
        self.away.append((path, (int(start.timestamp()), int(end.timestamp()))))
        self.model.away = [span for _, span in self.away]

    @precondition(lambda self: self.away)
    @rule(which=some)
    def is_back(self, which: int) -> None:
        path, _ = self.away.pop(which % len(self.away))
        self.engine.ask(self.engine.staff, lambda call: call.delete(path), Message)
        self.model.away = [span for _, span in self.away]

    @rule(
        which=some,
        before=st.sampled_from((0, 5, 20)),
        after=st.sampled_from((0, 10)),
        step=st.sampled_from((5, 10, 25)),
        notice=st.sampled_from((0, 90, 1440)),
        horizon=st.sampled_from((2000, 525600)),
    )
    def changes_a_service(self, which: int, before: int, after: int, step: int, notice: int, horizon: int) -> None:
        service = self._service_of(which)
        change = ServiceChange(buffer_before=before, buffer_after=after, slot_interval=step, minimum_notice=notice,
                               booking_horizon=horizon)  # fmt: skip
        self.engine.ask(self.engine.staff, lambda call: call.put(f"/services/{service}", change), Message)
        kept = self.model.services[service].segments
        self.model.services[service] = Terms(kept, before, after, step, notice, horizon)

    @rule(passed=st.sampled_from((1, 4, 5, 6, 55, 300)))
    def time_passes(self, passed: int) -> None:
        self.model.now += passed * MINUTE
        self.engine.set_clock(datetime.fromtimestamp(self.model.now, UTC))
        self.model.expire()

    @rule(which=some, day=ahead, pick=some, holds=st.booleans())
    def takes_what_is_offered(self, which: int, day: int, pick: int, holds: bool) -> None:  # noqa: FBT001
        service, on = self._service_of(which), self._day(day)
        found = self.model.offers(service, on)
        if found:
            self._wants(service, on, found[pick % len(found)], holds=holds)

    @rule(which=some, day=ahead, minute=minutes, holds=st.booleans())
    def takes_any_start(self, which: int, day: int, minute: int, holds: bool) -> None:  # noqa: FBT001
        self._wants(self._service_of(which), self._day(day), minute, holds=holds)

    def _wants(self, service: int, on: date, minute: int, *, holds: bool) -> None:
        terms = self.model.services[service]
        expected = self.model.takes(terms, on, minute)
        if holds:
            self._holds(service, on, minute, expected=expected)
            return
        order = AppointmentRequest(date=on, service_id=service, time=clock_text(minute), provider_id=self.provider)
        with self._answered(expected=expected):
            self._keeps(self.engine.make("/appointments", order, who=self.customer), terms, on, minute)

    def _holds(self, service: int, on: date, minute: int, *, expected: bool) -> None:
        order = HoldRequest(date=on, service_id=service, time=clock_text(minute), provider_id=self.provider)
        holds = sum(each.until is not None for each in self.model.appointments.values())
        with self._answered(expected=expected and holds < MOST_HOLDS):
            held = self.engine.ask(self.customer, lambda call: call.post("/holds", order), Held)
            self._keeps(held.object_id, self.model.services[service], on, minute).until = self.model.now + HOLD

    @precondition(lambda self: self.model.appointments)
    @rule(which=some)
    def cancels(self, which: int) -> None:
        """Cancel, or release a hold."""
        gone = self._appointment(which)
        who, path = (self.engine.staff, "appointments") if gone.until is None else (self.customer, "holds")
        self.engine.ask(who, lambda call: call.delete(f"/{path}/{gone.id}"), Message)
        del self.model.appointments[gone.id]

    @precondition(lambda self: any(each.until is None for each in self.model.appointments.values()))
    @rule(which=some, day=ahead, minute=minutes)
    def moves(self, which: int, day: int, minute: int) -> None:
        """Move: lengths and buffers are those that were promised, notice and horizon those of now."""
        moved, on = self._appointment(which, held=False), self._day(day)
        terms, begun = self._terms_of_now(moved), moved.start <= self.model.now
        expected = not begun and self.model.takes(terms, on, minute, besides=moved.id)
        change = Move(date=on, time=clock_text(minute))
        with self._answered(expected=expected):
            self.engine.ask(self.customer, lambda call: call.put(f"/appointments/mine/{moved.id}", change), Message)
            start = self.model.instant(on, minute)
            assert start is not None
            moved.start = start

    @precondition(lambda self: any(each.until is not None for each in self.model.appointments.values()))
    @rule(which=some)
    def books_what_is_held(self, which: int) -> None:
        held = self._appointment(which, held=True)
        order = AppointmentRequest(date=self.first, service_id=min(self.model.services), time="00:00", hold_id=held.id)
        assert self.engine.make("/appointments", order, who=self.customer) == held.id
        held.until = None

    @invariant()
    def offered_is_what_the_model_offers(self) -> None:
        Machine.steps += 1
        for service in self.model.services:
            days = [self._day(number) for number in range(DAYS)]
            model = {str(day): [clock_text(m) for m in self.model.offers(service, day)] for day in days}
            assert self._told(service) == {day: found for day, found in model.items() if found}

    def _told(self, service: int) -> dict[str, list[str]]:
        asked = DaysQuery(self.first, self._day(DAYS - 1), service, self.provider)
        return self.engine.ask(self.customer, lambda call: call.get("/slots/days", asked), DaySlots).days

    def _day(self, number: int) -> date:
        return self.first + timedelta(days=number)

    def _service_of(self, which: int) -> int:
        return sorted(self.model.services)[which % len(self.model.services)]

    def _appointment(self, which: int, *, held: bool | None = None) -> Appointment:
        found = [each for each in self.model.appointments.values() if held is None or held == (each.until is not None)]
        return found[which % len(found)]

    def _terms_of_now(self, appointment: Appointment) -> Terms:
        now = next(each for each in self.model.services.values() if each.segments == appointment.terms.segments)
        return appointment.terms._replace(notice=now.notice, horizon=now.horizon)

    def _keeps(self, number: int, terms: Terms, on: date, minute: int) -> Appointment:
        start = self.model.instant(on, minute)
        assert start is not None
        self.model.appointments[number] = Appointment(number, terms, start)
        return self.model.appointments[number]

    @contextlib.contextmanager
    def _answered(self, *, expected: bool) -> Iterator[None]:
        """Whether the rules agree is what the model expects."""
        try:
            yield
        except (errors.SlotTaken, errors.RuleBroken):
            Machine.refused += 1
            assert not expected
        else:
            Machine.accepted += 1
            assert expected
