"""Who and what gets an appointment: among those who are free the least booked, and the first resource that is free."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bookmeup.domain.slots import Reason
from bookmeup.errors import Closed, InThePast, NoResource, ProviderDoesNot, Refusal, SlotTaken, TooFarAhead, TooSoon

REFUSALS: dict[Reason, type[Refusal]] = {
    Reason.PAST: InThePast,
    Reason.NOTICE: TooSoon,
    Reason.HORIZON: TooFarAhead,
    Reason.CLOSED: Closed,
    Reason.TIME_OFF: Closed,
    Reason.OUTSIDE_HOURS: Closed,
    Reason.OCCUPIED: SlotTaken,
    Reason.BUFFER: SlotTaken,
    Reason.FULL: SlotTaken,
    Reason.NO_RESOURCE: NoResource,
}


class Candidate(NamedTuple):
    """A provider, the rule that keeps him from it if one does, and how many seconds of that day are booked with him."""

    provider_id: int
    reason: Reason | None
    booked: int


def least_booked(candidates: Sequence[Candidate]) -> Candidate:
    """Choose so that work spreads, among equals the lowest id; refuse, by the rule that says most, if none is free."""
    free = [candidate for candidate in candidates if candidate.reason is None]
    if free:
        return min(free, key=lambda candidate: (candidate.booked, candidate.provider_id))
    raise refusal_of(candidate.reason for candidate in candidates)


def refusal_of(reasons: Iterable[Reason | None]) -> Refusal:
    """Return the refusal of several providers: a taken time says more than a closed one."""
    refusals = [REFUSALS[reason] for reason in reasons if reason is not None]
    taken = (kind for kind in refusals if issubclass(kind, SlotTaken | NoResource))
    kind = next(taken, refusals[0] if refusals else ProviderDoesNot)
    return kind()


def free_seat(taken: Iterable[int]) -> int:
    """Return the lowest seat number that is not taken."""
    numbers = set(taken)
    return next(number for number in range(1, len(numbers) + 2) if number not in numbers)
