"""Every scenario, in the order of the tables."""

from collections.abc import Callable

import pytest
from tests.chaos.report import Row
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.settings import ChaosSettings
from tests.chaos.stage import Scenario, Trial, play
from tests.e2e.cluster import say

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_scenario(
    scenario: Scenario, settings: ChaosSettings, request: pytest.FixtureRequest, keep: Callable[[Row], None]
) -> None:
    if settings.only not in scenario.name:
        pytest.skip("CHAOS_ONLY selects others")
    why = scenario.missing(settings)
    if why:
        keep(Row(scenario.name, scenario.allowed, skipped=why))
        pytest.skip(why.upper())
    trial: Trial = request.getfixturevalue("trial")
    row = play(scenario, trial)
    keep(row)
    say(" | ".join(row.cells()))
    for line in row.notes():
        say(line)
    assert row.verdict == "passed", "; ".join(row.faults)
