"""The engine against a model: whatever is booked, moved, cancelled or changed, offered is what the model offers."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import URL
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.engine import Engine, running
from tests.proofs.machine import Machine
from tests.support.races import overlaps


@pytest.fixture(scope="module")
def engine(database: URL) -> Iterator[Engine]:
    with running(database) as engine:
        yield engine


def test_after_each_step_the_offered_starts_are_exactly_the_models(engine: Engine, figure: Figure) -> None:
    Machine.steps = Machine.accepted = Machine.refused = 0
    Machine.engine = engine
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=SIZES.machines,
            stateful_step_count=SIZES.machine_steps,
            deadline=None,
            database=None,
            derandomize=not SIZES.is_full,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
    figure("8 machine: steps, each compared", Machine.steps)
    figure("8 machine: accepted, refused as the model", (Machine.accepted, Machine.refused))
    assert Machine.accepted > 0
    assert Machine.refused > 0
    figure("8 machine: overlaps", overlaps(engine.url))
    assert overlaps(engine.url) == 0
