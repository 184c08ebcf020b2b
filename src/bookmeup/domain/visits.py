"""Several services one after the other for one customer: who does what, and when.

The customer is one person: the next part begins when the one before has ended, its processing time included. Where
the same provider or resource is needed again the buffers of both parts lie between; nothing else may.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bookmeup.domain.slots import Reason, Terms
from bookmeup.domain.spans import Span

MOST_LOOKS = 50_000
"""How many ways a search tries, for all starts of a day together: where each part has many, there are too many."""


class Choice(NamedTuple):
    """One way to have a part: with whom, on what terms, and how many seconds he has booked that day already."""

    provider_id: int
    terms: Terms
    booked: int


class Verdict(NamedTuple):
    """What a calendar says of a start: the rule that forbids it, whether it is a seat in a group, the free rooms."""

    reason: Reason | None
    joins: bool = False
    rooms: Sequence[int] | None = None
    """None where no resource is needed."""


class Part(NamedTuple):
    """A part that is planned."""

    choice: Choice
    start: int
    room: int | None


class Taken(NamedTuple):
    """Time that a part before takes of a provider or a resource."""

    resource_id: int
    span: Span


Ask = Callable[[int, Choice, int], Verdict]
"""What the calendars say, without the other parts: of a part by its place, a choice for it, and a start."""


class Search:
    """Looks for the visit that ends first; among equals for the providers with the least booked."""

    def __init__(self, choices: Sequence[Sequence[Choice]], ask: Ask) -> None:
        self._choices = [sorted(ways, key=lambda way: (way.booked, way.provider_id)) for ways in choices]
        self._ask = ask
        self._reach = [max((way.terms.buffer_before for way in ways), default=0) for ways in choices]
        self._dead: set[tuple[object, ...]] = set()
        self._left = MOST_LOOKS
        self.deepest = 0
        self.reasons: list[Reason] = []
        """What forbade the furthest part that was come to, for a refusal."""

    def plan(self, start: int) -> list[Part] | None:
        """Return the parts from a start on, None if the visit cannot be had then."""
        self._dead.clear()
        return self._from(0, start, ())

    def _from(self, place: int, start: int, taken: tuple[Taken, ...]) -> list[Part] | None:
        if place == len(self._choices):
            return []
        reach = max(self._reach[place:])
        near = tuple(sorted(one for one in taken if one.span[1] > start - reach))
        if (place, start, near) in self._dead:
            return None
        for part, takes in self._ways(place, start, near):
            rest = self._from(place + 1, part.start + part.choice.terms.duration, near + takes)
            if rest is not None:
                return [part, *rest]
        self._dead.add((place, start, near))
        return None

    def _ways(self, place: int, start: int, near: tuple[Taken, ...]) -> Iterator[tuple[Part, tuple[Taken, ...]]]:
        """Yield how this part can be had, the earliest first: at once, or when a buffer of the same visit is over."""
        ways = [
            (at, way)
            for way in self._choices[place]
            for at in {start, *(since for since in _after(near, way.terms) if place and since > start)}
        ]
        for at, way in sorted(ways, key=lambda pair: pair[0]):
            self._left -= 1
            if self._left < 0:
                return
            verdict = self._ask(place, way, at)
            if verdict.reason is not None:
                self._note(place, verdict.reason)
                continue
            found = _fit(way, at, verdict, near)
            if found is None:
                self._note(place, Reason.BUFFER)
            else:
                yield found

    def _note(self, place: int, reason: Reason) -> None:
        if place > self.deepest:
            self.deepest, self.reasons = place, []
        if place == self.deepest:
            self.reasons.append(reason)


def _after(near: Sequence[Taken], terms: Terms) -> Iterator[int]:
    """Yield the starts at which a buffer before begins where what was taken ends."""
    return (one.span[1] + terms.buffer_before for one in near)


def _fit(way: Choice, at: int, verdict: Verdict, near: Sequence[Taken]) -> tuple[Part, tuple[Taken, ...]] | None:
    """Return the part with what it takes, None if it clashes with an earlier one of the same visit."""
    if verdict.joins:
        return Part(way, at, None), ()
    takes = tuple(Taken(way.provider_id, span) for span in way.terms.occupied(at))
    if any(_clash(one, other) for one in near for other in takes):
        return None
    if verdict.rooms is None:
        return Part(way, at, None), takes
    for room in verdict.rooms:
        whole = Taken(room, way.terms.whole(at))
        if not any(_clash(one, whole) for one in near):
            return Part(way, at, room), (*takes, whole)
    return None


def _clash(one: Taken, other: Taken) -> bool:
    return one.resource_id == other.resource_id and one.span[0] < other.span[1] and other.span[0] < one.span[1]
