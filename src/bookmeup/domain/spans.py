"""Half-open spans of instants, in seconds since 1970: one that ends at ten leaves ten free.

A list of spans is merged when it is sorted and none touches another; everything here takes and gives such lists,
and costs no more than their lengths.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Span = tuple[int, int]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same time in the fewest spans, sorted: those that touch or overlap become one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        elif start < end:
            result.append((start, end))
    return result


def without(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """Return what is left of the spans where others are taken out."""
    result: list[Span] = []
    place = 0
    for start, end in spans:
        while place < len(taken) and taken[place][1] <= start:
            place += 1
        look, free = place, start
        while look < len(taken) and taken[look][0] < end:
            if taken[look][0] > free:
                result.append((free, taken[look][0]))
            free = max(free, taken[look][1])
            look += 1
        if free < end:
            result.append((free, end))
    return result


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """Return the time that lies in both."""
    result: list[Span] = []
    first = second = 0
    while first < len(one) and second < len(other):
        start = max(one[first][0], other[second][0])
        end = min(one[first][1], other[second][1])
        if start < end:
            result.append((start, end))
        if one[first][1] < other[second][1]:
            first += 1
        else:
            second += 1
    return result


def holds(spans: Sequence[Span], start: int, end: int) -> bool:
    """Whether one of these merged spans contains the whole of [start, end)."""
    place = bisect_right(spans, (start, 1 << 62)) - 1
    return place >= 0 and end <= spans[place][1]


def overlaps(spans: Sequence[Span], start: int, end: int) -> bool:
    """Whether [start, end) shares time with one of these merged spans."""
    place = bisect_right(spans, (end - 1, 1 << 62)) - 1
    return place >= 0 and spans[place][1] > start and start < end
