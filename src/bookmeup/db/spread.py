"""A planner over many days, looked at one day at a time: what a day costs does not grow with the days planned."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import msgspec

from bookmeup.db.queries.appointments import Place
from bookmeup.db.queries.calendar import Planner, ProviderTime, Room
from bookmeup.domain.spans import Span

DAY = 86400
AROUND = 3
"""A service lies in the hours of its day and the two beside it, its buffers within half a day of those."""


class Spread:
    """What is taken of each provider and resource, by day."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._taken: dict[tuple[int, int], list[Span]] = defaultdict(list)
        taken = [(provider.id, provider.occupied) for provider in planner.providers]
        for resource, spans in taken + [(room.id, room.taken) for room in planner.rooms]:
            for span in spans:
                self._take(resource, span)

    def _take(self, resource_id: int, span: Span) -> None:
        for day in range(span[0] // DAY, span[1] // DAY + 1):
            self._taken[resource_id, day].append(span)

    def on(self, day: date) -> Planner:
        """Return the planner with the time around one day alone."""
        noon = sum(self._planner.day_span(day)) // 2 // DAY
        days = range(noon - AROUND, noon + AROUND + 1)
        return msgspec.structs.replace(
            self._planner,
            providers=[self._narrow(provider, day, days) for provider in self._planner.providers],
            rooms=[Room(room.id, self._around(room.id, days)) for room in self._planner.rooms],
        )

    def _narrow(self, provider: ProviderTime, day: date, days: range) -> ProviderTime:
        return msgspec.structs.replace(
            provider,
            occupied=self._around(provider.id, days),
            groups=[group for group in provider.groups if group.start // DAY in days],
            added=[one for one in provider.added if abs((one.day - day).days) <= AROUND],
            replaced=[one for one in provider.replaced if abs((one.day - day).days) <= AROUND],
            time_off=_near(provider.time_off, days),
        )

    def _around(self, resource_id: int, days: Iterable[int]) -> list[Span]:
        """Return each span once, though it lies in several days."""
        return list({span: None for day in days for span in self._taken.get((resource_id, day), ())})

    def note(self, place: Place) -> None:
        """Let the days that come know of what was put."""
        for span in place.terms.occupied(place.start):
            self._take(place.provider_id, span)
        if place.resource_id is not None:
            self._take(place.resource_id, place.terms.whole(place.start))


def _near(spans: Iterable[Span], days: range) -> list[Span]:
    return [(start, end) for start, end in spans if start // DAY <= days[-1] and end // DAY >= days[0]]
