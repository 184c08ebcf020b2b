"""Half-open spans against sets of points."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bookmeup.domain.spans import Span, holds, merged, overlaps

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)
span = st.tuples(st.integers(0, 60), st.integers(0, 60)).filter(lambda pair: pair[0] < pair[1])


def points(some: list[Span]) -> set[int]:
    return {point for start, end in some for point in range(start, end)}


@given(spans)
def test_merging_keeps_the_same_time_in_the_fewest_sorted_spans(some: list[Span]) -> None:
    result = merged(some)
    assert points(result) == points(some)
    assert all(start < end for start, end in result)
    assert all(one[1] < other[0] for one, other in pairwise(result))


@given(spans, span)
def test_a_span_is_held_by_one_that_contains_all_of_it(some: list[Span], wanted: Span) -> None:
    assert holds(merged(some), *wanted) == (points([wanted]) <= points(some))


@given(spans, span)
def test_spans_overlap_where_they_share_time(some: list[Span], wanted: Span) -> None:
    assert overlaps(merged(some), *wanted) == bool(points([wanted]) & points(some))


def test_touching_spans_do_not_overlap() -> None:
    assert not overlaps([(10, 20)], 20, 30)
    assert not overlaps([(10, 20)], 0, 10)
    assert overlaps([(10, 20)], 19, 30)
