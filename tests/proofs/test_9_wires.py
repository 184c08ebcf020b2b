"""Wires that are slow, cut, or hang: nothing that was acknowledged is lost, and a retry finds the first try."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.proofs.broken import lived_through
from tests.proofs.conftest import SIZES, Figure
from tests.support.fragile import Wired
from tests.support.wire import Wire

LATE = 0.5
"""Seconds that each piece is under way: a booking's time runs out somewhere in its middle."""


def lasting(fault: AbstractContextManager[None]) -> None:
    with fault:
        time.sleep(SIZES.pause)


def faults(wire: Wire) -> list[Callable[[], None]]:
    return [lambda: lasting(wire.slow(LATE)), lambda: lasting(wire.cut()), lambda: lasting(wire.hanging())]


def test_histories_of_clients_fit_what_is_there_whatever_became_of_the_wires(wired_site: Wired, figure: Figure) -> None:
    broken = [*faults(wired_site.to_db), *faults(wired_site.to_postgres)]
    lived_through(wired_site, broken, lambda what, number: figure(f"9 wires: {what}", number))
