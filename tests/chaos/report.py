"""The table of a run, failing rows and skipped ones included."""

import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.e2e.cluster import kubectl

HEAD = ("scenario", "seconds", "requests", "failed", "may fail", "p99 ms", "lost", "overlaps", "restarts", "verdict")


@dataclass(frozen=True)
class Row:
    """One scenario. `failed` counts all that failed, `lost` and `overlaps` are what SQL found afterwards."""

    name: str
    allowed: str
    seconds: float = 0.0
    requests: int = 0
    failed: int = 0
    p99: float = 0.0
    lost: int = 0
    overlaps: int = 0
    restarts: int = 0
    faults: Sequence[str] = ()
    skipped: str = ""
    figures: Sequence[str] = field(default_factory=tuple)

    @property
    def verdict(self) -> str:
        return "skipped" if self.skipped else "FAILED" if self.faults else "passed"

    def cells(self) -> list[str]:
        if self.skipped:
            return [self.name, *["-"] * 8, self.verdict]
        counts = (f"{n:,}".replace(",", " ") for n in (self.requests, self.failed))
        found = (str(n) for n in (self.lost, self.overlaps, self.restarts))
        return [self.name, f"{self.seconds:.0f}", *counts, self.allowed, f"{self.p99:.0f}", *found, self.verdict]

    def notes(self) -> list[str]:
        """What the table has no room for."""
        said = [*self.faults, *([self.skipped] if self.skipped else []), *self.figures]
        return [f"- **{self.name}**: {'; '.join(said)}"] if said else []


def table(rows: Sequence[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    server = json.loads(kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    cores = f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB"
    return f"{cores}, Kubernetes {server}, load average at the end {load}"


def document(rows: Sequence[Row], names: Sequence[str], rate: float, outage: float) -> str:
    """`names` are those of all scenarios: what was not run is told too."""
    counts = Counter(row.verdict for row in rows)
    total = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    left = [name for name in names if name not in {row.name for row in rows}]
    total += f"; not run: {', '.join(left)}" if left else ""
    notes = [line for row in rows for line in row.notes()]
    return f"""# Chaos

What `make chaos` measured on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {machine()}.
The cluster, the load and what makes it run one machine, so that the figures hold for want of processor time too.

Open-loop load of {rate:g} requests a second, reads and bookings with an `Idempotency-Key`; nothing is tried again, so a
failed answer counts. PostgreSQL's long absence lasted {outage:g} s. *may fail*: what the scenario allows. *lost*:
acknowledged bookings that are not there exactly once. *overlaps*: by SQL. *restarts*: of containers of ours that
nobody asked for.

{total}.

{table(rows)}

{chr(10).join(notes)}
"""
