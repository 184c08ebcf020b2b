"""One scenario: something is done to the cluster under load, and then is measured what came of it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from subprocess import SubprocessError
from typing import TypeVar

from tests.chaos.report import Row
from tests.chaos.settings import ChaosSettings
from tests.e2e.client import Client
from tests.e2e.cluster import SERVICES, Environment, until
from tests.e2e.load import Load, Outcome, Shot, percentile
from tests.e2e.salon import Salon
from tests.e2e.tree import Tree

HEALING = 10.0
"""Seconds after a cause is gone in which requests may still fail."""
AWAY = f"503 while away, +{HEALING:.0f} s"
"""What a table says of `unavailable`."""
IN_FLIGHT = 1.0
"""Seconds after a pod's sudden death in which a request may still be sent to it."""

ALIVE = 0.95
"""The least share of the requests that the load was to send."""
LONGEST = 3.0
"""Seconds that a refusal may take: the two of a client's budget, and one for a machine that is short of time."""


@dataclass
class Trial:
    """What a scenario gets: the environment, and its say in what the load may meet."""

    environment: Environment
    edge: Client
    salon: Salon
    settings: ChaosSettings
    make_tree: Callable[[str], Tree]
    """The manifests as the project's scripts may write to them; the argument names the canary's image."""
    figures: list[str] = field(default_factory=list)
    plan: Callable[[], Iterator[Shot]] | None = None
    """Other shots than the salon's."""
    began: float = float("inf")
    ended: float = float("inf")

    def begin(self) -> None:
        """Say that the harm is done now."""
        self.began = time.monotonic()

    def end(self) -> float:
        """Say that its cause is gone now, and return how long it lasted."""
        self.ended = time.monotonic()
        return self.ended - self.began

    def note(self, figure: str) -> None:
        self.figures.append(figure)


MayFail = Callable[[Trial, Outcome], bool]
Act = Callable[[Trial], None]
T = TypeVar("T")


def nothing(trial: Trial, outcome: Outcome) -> bool:
    return False


def in_flight(trial: Trial, outcome: Outcome) -> bool:
    """Whether it was under way when the pod died, or began before anybody could know."""
    return outcome.at <= trial.ended + IN_FLIGHT and outcome.at + outcome.seconds >= trial.began


def unavailable(trial: Trial, outcome: Outcome) -> bool:
    """Whether it was refused with 503, in bounded time, while the cause was there or just after."""
    during = trial.began - outcome.seconds <= outcome.at <= trial.ended + HEALING
    return during and outcome.status == 503 and outcome.seconds <= LONGEST


def out_of_time(trial: Trial, outcome: Outcome) -> bool:
    """Whether it was refused with 503 for want of a processor or the disk, which it shares with what was done."""
    return outcome.out_of_time


@dataclass(frozen=True)
class Scenario:
    name: str
    act: Act
    allowed: str = "0"
    may_fail: MayFail = nothing
    missing: Callable[[ChaosSettings], str] = lambda _: ""
    """Why it cannot be done here, if so."""
    prepare: Act | None = None
    """What is done before the load begins."""
    refused_in: float = LONGEST
    """Seconds in which 99 of 100 failed requests had their answer."""
    restore: Act | None = None
    """What is done after it has ended, whatever happened."""
    must_fail: bool = False
    """Whether some requests do fail, or else nothing was done."""
    at_least: int = 0
    """Requests."""
    after: float = 15.0


def play(scenario: Scenario, trial: Trial) -> Row:
    """Raise nothing: a scenario that fails is a row as well."""
    faults: list[str] = []
    attempt(faults, settle, trial)
    try:
        if scenario.prepare is not None:
            attempt(faults, scenario.prepare, trial)
        before, start = attempt(faults, restarts, trial), time.monotonic()
        with Load(trial.plan or trial.salon.plan, trial.settings.rate) as load:
            time.sleep(3)
            attempt(faults, scenario.act, trial)
            time.sleep(scenario.after)
        seconds = time.monotonic() - start
        again = attempt(faults, restarts, trial)  # restoring may replace the pods that tell of them
    finally:
        if scenario.restore is not None:
            attempt(faults, scenario.restore, trial)
    attempt(faults, settle, trial)
    return judge(scenario, trial, load, faults, seconds, (again or Counter()) - (before or Counter()))


def attempt(faults: list[str], act: Callable[[Trial], T], trial: Trial) -> T | None:
    """A chaos run goes on after whatever went wrong, and tells it."""
    try:
        return act(trial)
    except (AssertionError, OSError, ValueError, LookupError, SubprocessError) as error:
        faults.append(f"{type(error).__name__}: {str(error)[:600]}".replace("\n", " "))
    return None


def settle(trial: Trial) -> None:
    """Wait until all is well, as before the scenario; tokens live fifteen minutes."""
    trial.environment.wait(*SERVICES, "postgres")
    until("the services are listed", 60, lambda: answers(trial.edge))
    trial.salon.log_in_again()


def answers(edge: Client) -> bool:
    try:
        return edge.get("/services").status == 200
    except OSError:
        return False


def restarts(trial: Trial) -> Counter[str]:
    services = trial.environment.restarts().items()
    return Counter({pod: number for pod, number in services if pod.startswith(tuple(SERVICES))})


def judge(scenario: Scenario, trial: Trial, load: Load, faults: list[str], seconds: float, again: Counter[str]) -> Row:
    wrong = [outcome for outcome in load.failed if not scenario.may_fail(trial, outcome)]
    if wrong:
        faults.append(f"{len(wrong)} failed that must not: {reasons(wrong)}; first: {(wrong[0].body or '')[:200]}")
    if load.failed:
        slow = percentile(sorted(o.seconds for o in load.failed), 99)
        told = f"{len(load.failed)} failed over {load.outage():.1f} s, 99 of 100 in {slow:.2f} s"
        trial.note(f"{told}: {reasons(load.failed)}")
        if slow > scenario.refused_in:
            faults.append(f"99 of 100 failed in {slow:.2f} s, not in {scenario.refused_in:g}")
    trial.salon.expected |= {json.loads(o.body)["object_id"] for o in load.accepted("book")}
    lost, overlaps = attempt(faults, harm, trial) or (0, 0)
    if lost or overlaps:
        faults.append(f"{lost} acknowledged bookings not there once, {overlaps} overlaps")
    fewest = max(scenario.at_least, ALIVE * trial.settings.rate * seconds)
    if len(load.outcomes) < fewest:
        faults.append(f"{len(load.outcomes)} requests, fewer than {fewest:.0f}")
    if scenario.must_fail and not load.failed:
        faults.append("no request failed: nothing was done")
    if again:
        faults.append(f"restarted: {dict(again)}")
    times = sorted(o.seconds * 1000 for o in load.outcomes)
    counts = (len(times), len(load.failed), percentile(times, 99), lost, overlaps, again.total())
    return Row(scenario.name, scenario.allowed, seconds, *counts, faults, figures=trial.figures)


def harm(trial: Trial) -> tuple[int, int]:
    """Return how many acknowledged bookings are not there once, and the overlaps."""
    return len(trial.salon.lost()) + trial.salon.repeated(), trial.salon.doubled()


def reasons(failed: list[Outcome]) -> dict[str, int]:
    return dict(Counter(f"{o.shot.kind} {o.status or o.error}" for o in failed).most_common(6))
