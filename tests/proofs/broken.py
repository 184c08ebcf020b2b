"""Clients who book, move and cancel while one thing after the other is broken, and what may be said afterwards."""

import random
from collections.abc import Callable, Sequence

from tests.proofs import history as histories
from tests.proofs import stored
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.history import History, Outcome, Slot
from tests.support.fragile import Fragile, mend
from tests.support.races import MINUTES, times
from tests.support.waiting import until

BETWEEN = 10
"""Bookings that are answered between one fault of a history and the next."""
RARE = 12
"""Slots that all clients of a history share, so that they meet."""
SLOW = 90.0


def lived_through(fragile: Fragile, faults: Sequence[Callable[[], None]], figure: Figure) -> None:
    """Record histories with these faults in some order; nothing that clients were told may be wrong in the end."""
    url, salon, totals = fragile.postgres.url(), fragile.salon, dict.fromkeys(Outcome, 0)
    people, moved, cancelled, unknown = salon.make_customers(SIZES.history_clients), 0, 0, 0
    for _ in range(SIZES.histories):
        service, day = salon.make_service(duration=MINUTES), salon.open_day()
        planned = random.sample(faults, len(faults))

        def breaking(history: History, planned: list[Callable[[], None]] = planned) -> None:
            for fault in planned:
                enough = history.answered + BETWEEN
                until(lambda enough=enough: history.answered >= enough, SLOW, 0.01)  # type: ignore[misc]
                fault()
                mend(fragile)

        history = histories.recorded(people, [Slot(service, day, at) for at in times(RARE)], breaking)
        unknown += history.unknown
        histories.settle(history)
        found = stored.rows(url, service)
        assert stored.contradictions(history, found, url) == []
        for booking in history.bookings:
            totals[booking.outcome] += 1
        moved += sum(row.trail.count("moved") for row in found.values())
        cancelled += sum(row.status == "cancelled" for row in found.values())
    figure("faults", SIZES.histories * len(faults))
    figure("bookings ok, fail", (totals[Outcome.OK], totals[Outcome.FAIL]))
    figure("requests without an answer", unknown)
    figure("moved, cancelled", (moved, cancelled))
    figure("lost, invented, twice", 0)
    assert totals[Outcome.OK] > 0 < totals[Outcome.FAIL]
    assert moved > 0 < cancelled
