"""Half-open spans of instants, in seconds since 1970: one that ends at ten leaves ten free."""

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


def holds(spans: Sequence[Span], start: int, end: int) -> bool:
    """Whether one of these merged spans contains the whole of [start, end)."""
    place = bisect_right(spans, (start, 1 << 62)) - 1
    return place >= 0 and end <= spans[place][1]


def overlaps(spans: Sequence[Span], start: int, end: int) -> bool:
    """Whether [start, end) shares time with one of these merged spans."""
    place = bisect_right(spans, (end - 1, 1 << 62)) - 1
    return place >= 0 and spans[place][1] > start and start < end
