"""The search for a visit against all ways there are."""

from itertools import product
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from bookmeup.domain.slots import Reason, Terms
from bookmeup.domain.spans import Span
from bookmeup.domain.visits import MOST_LOOKS, Choice, Part, Search, Verdict


class Day(NamedTuple):
    """Providers' taken spans, rooms' taken spans, and for each part its terms and whether it needs a room."""

    providers: list[list[Span]]
    rooms: list[list[Span]]
    parts: list[tuple[Terms, bool]]


LAST = 40
ROOM = 100
lengths = st.integers(0, 3)


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    found = draw(st.lists(st.tuples(st.integers(0, LAST), st.integers(1, 6)), max_size=3))
    return [(start, start + long) for start, long in found]


@st.composite
def made_days(draw: st.DrawFn) -> Day:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        segments: tuple[int, ...] = (draw(st.integers(1, 4)),)
        if draw(st.booleans()):
            segments += (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
        parts.append((Terms(segments, draw(lengths), draw(lengths)), draw(st.booleans())))
    return Day(draw(st.lists(spans(), min_size=1, max_size=2)), draw(st.lists(spans(), min_size=1, max_size=2)), parts)


def meets(one: Span, others: list[Span]) -> bool:
    return any(one[0] < until and since < one[1] for since, until in others)


def search(day: Day) -> Search:
    choices = [[Choice(number, terms, 0) for number in range(len(day.providers))] for terms, _ in day.parts]

    def ask(place: int, way: Choice, at: int) -> Verdict:
        taken = day.providers[way.provider_id]
        if at + way.terms.duration > LAST or any(meets(span, taken) for span in way.terms.occupied(at)):
            return Verdict(Reason.OCCUPIED)
        if not day.parts[place][1]:
            return Verdict(None)
        free = [ROOM + n for n, spans in enumerate(day.rooms) if not meets(way.terms.whole(at), spans)]
        return Verdict(None, rooms=free) if free else Verdict(Reason.NO_RESOURCE)

    return Search(choices, ask)


def is_sound(day: Day, start: int, parts: list[Part]) -> bool:
    """Whether nothing is taken twice, and each part follows the one before with nothing but buffers between."""
    taken = {number: list(spans) for number, spans in enumerate(day.providers)}
    taken |= {ROOM + number: list(spans) for number, spans in enumerate(day.rooms)}
    end = start
    for (terms, needs), part in zip(day.parts, parts, strict=True):
        takes = [(part.choice.provider_id, span) for span in terms.occupied(part.start)]
        if needs and part.room is not None:
            takes.append((part.room, terms.whole(part.start)))
        if part.start < end or part.start + terms.duration > LAST or needs != (part.room is not None):
            return False
        if any(meets(span, taken[who]) for who, span in takes):
            return False
        for who, span in takes:
            taken[who].append(span)
        end = part.start + terms.duration
    return parts[0].start == start


def any_way(day: Day, start: int) -> bool:
    """Whether some providers and rooms, each part at once or after a buffer of an earlier part, can do it."""
    rooms = [[ROOM + n for n in range(len(day.rooms))] if needs else [None] for _, needs in day.parts]
    for who in product(range(len(day.providers)), repeat=len(day.parts)):
        for where in product(*rooms):
            if _timed(day, [start], list(who), list(where)):
                return True
    return False


def _timed(day: Day, starts: list[int], who: list[int], where: list[int | None]) -> bool:
    place = len(starts)
    if place == len(day.parts):
        parts = [Part(Choice(who[n], day.parts[n][0], 0), starts[n], where[n]) for n in range(place)]
        return is_sound(day, starts[0], parts)
    end = starts[-1] + day.parts[place - 1][0].duration
    gaps = {end}
    for number, begun in enumerate(starts):
        terms = day.parts[number][0]
        ends = [until for _, until in terms.occupied(begun)] + [terms.whole(begun)[1]]
        gaps |= {until + day.parts[place][0].buffer_before for until in ends}
    return any(_timed(day, [*starts, at], who, where) for at in gaps if at >= end)


@settings(max_examples=300, deadline=None)
@given(made_days(), st.integers(0, 30))
def test_a_visit_is_found_exactly_where_there_is_a_way(day: Day, start: int) -> None:
    parts = search(day).plan(start)
    if parts is None:
        assert not any_way(day, start)
    else:
        assert is_sound(day, start, parts)


def test_the_next_part_waits_for_the_processing_time_of_the_one_before() -> None:
    colour, cut = Terms((2, 6, 2)), Terms((3,))
    parts = search(Day([[], []], [[]], [(colour, False), (cut, False)])).plan(0)
    assert parts is not None
    assert parts[1].start == 10


def test_buffers_lie_between_two_parts_with_one_provider_and_not_with_two() -> None:
    terms = Terms((4,), 1, 2)
    alone = search(Day([[]], [[]], [(terms, False), (terms, False)])).plan(5)
    assert alone is not None
    assert [part.start for part in alone] == [5, 12]
    both = search(Day([[], []], [[]], [(terms, False), (terms, False)])).plan(5)
    assert both is not None
    assert [(part.choice.provider_id, part.start) for part in both] == [(0, 5), (1, 9)]


def test_a_search_ends_however_many_ways_there_are() -> None:
    """Eight parts, fifty providers each, buffers between, and nobody for the last: more ways than grains of sand."""
    ways = [[Choice(50 * part + number, Terms((1800,), 900, 900), 0) for number in range(50)] for part in range(8)]
    looks = 0

    def ask(place: int, _way: Choice, _at: int) -> Verdict:
        nonlocal looks
        looks += 1
        return Verdict(Reason.OCCUPIED if place == 7 else None)

    found = Search(ways, ask)
    assert all(found.plan(start) is None for start in range(0, 86400, 600))
    assert looks <= MOST_LOOKS
