"""The proofs of races, crashes and time: in small sizes with the other tests, in full by `make prove` (PROVE=full).

Small ones say nothing about seconds and ask again after a 503; only the full ones, alone on a machine, judge both.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from tests.support.fragile import Worked, worked
from tests.support.postgres import Postgres

Figure = Callable[[str, object], None]
_FIGURES = pytest.StashKey[list[tuple[str, object]]]()
_HERE = Path(__file__).parent


class Sizes(NamedTuple):
    """How much is tried; `is_full` is whether time and 503s are judged too."""

    is_full: bool
    racers: int
    slots: int
    control_racers: int
    control_slots: int
    span_sets: int
    confirmations: int
    seats: int
    seat_racers: int
    repeats: int
    kills: int
    other_kills: int
    bookings_a_kill: int
    control_kills: int
    machines: int
    machine_steps: int
    histories: int
    history_clients: int
    pause: float
    changing_days: int
    oracle_providers: int
    outage: float
    rate: float
    restarts: int


FULL = Sizes(
    is_full=True,
    racers=200,
    slots=100,
    control_racers=50,
    control_slots=20,
    span_sets=2000,
    confirmations=50,
    seats=10,
    seat_racers=500,
    repeats=50,
    kills=30,
    other_kills=10,
    bookings_a_kill=200,
    control_kills=3,
    machines=300,
    machine_steps=30,
    histories=10,
    history_clients=12,
    pause=5.0,
    changing_days=100_000,
    oracle_providers=10,
    outage=30.0,
    rate=50.0,
    restarts=2,
)
SMALL = Sizes(
    is_full=False,
    racers=12,
    slots=6,
    control_racers=12,
    control_slots=4,
    span_sets=30,
    confirmations=10,
    seats=3,
    seat_racers=12,
    repeats=12,
    kills=3,
    other_kills=1,
    bookings_a_kill=30,
    control_kills=1,
    machines=5,
    machine_steps=12,
    histories=1,
    history_clients=4,
    pause=0.5,
    changing_days=4,
    oracle_providers=1,
    outage=2.0,
    rate=20.0,
    restarts=1,
)
SIZES = FULL if os.environ.get("PROVE") == "full" else SMALL  # noqa: TID251 - the tests' own setting


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In full the proofs take longer than a developer waits."""
    if SIZES.is_full:
        for item in items:
            if item.path.is_relative_to(_HERE):
                item.add_marker(pytest.mark.slow)


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Figure:
    """Note a number for the table at the end."""
    figures = pytestconfig.stash.setdefault(_FIGURES, [])
    return lambda name, value: figures.append((name, value))


@pytest.fixture(scope="module")
def fragile_site(
    own_postgres: Postgres, client: httpx2.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worked]:
    """Here the outbox is left to a worker, which is one more process to kill."""
    with worked(own_postgres, client, tmp_path_factory.mktemp("worked")) as site:
        yield site


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    figures = config.stash.get(_FIGURES, [])
    if SIZES.is_full and figures:
        terminalreporter.section("what was proved")
        width = max(len(name) for name, _ in figures)
        for name, value in figures:
            terminalreporter.write_line(f"{name:<{width}}  {value}")
