"""What `scripts/chaos` hands over; it explains each."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.settings import Settings
from tests.e2e.settings import settings as of_e2e


@dataclass(frozen=True)
class ChaosSettings:
    e2e: Settings
    expanding: str
    """An image with a migration more, which adds a column."""
    raising: str
    """One whose further migration raises."""
    faulty: str
    """One that answers 500 where the services are listed."""
    rate: float
    outage: float
    rounds: int
    add_node: list[str]
    dns: list[str]
    only: str
    report: Path


def settings() -> ChaosSettings:
    given = os.environ  # noqa: TID251 - the suite's own settings, not the product's
    return ChaosSettings(
        e2e=of_e2e(),
        expanding=given["CHAOS_EXPANDING_IMAGE"],
        raising=given["CHAOS_RAISING_IMAGE"],
        faulty=given["CHAOS_FAULTY_IMAGE"],
        rate=float(given.get("CHAOS_RATE", "100")),
        outage=float(given.get("CHAOS_OUTAGE", "300")),
        rounds=int(given.get("CHAOS_ROUNDS", "20")),
        add_node=shlex.split(given.get("CHAOS_ADD_NODE", "")),
        dns=shlex.split(given.get("CHAOS_DNS", "")),
        only=given.get("CHAOS_ONLY", ""),
        report=Path(given.get("CHAOS_REPORT", "docs/chaos.md")),
    )
