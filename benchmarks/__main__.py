"""`python -m benchmarks`: measure, print the table, and say what holds. A target that is missed is no error."""

import multiprocessing
import signal
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from sqlalchemy import URL

from benchmarks import engine, salon
from benchmarks.bench import Bench, Plan, Series
from benchmarks.database import database, folder
from benchmarks.load import Result
from benchmarks.machine import BenchmarkError
from benchmarks.report import Figure, at_least, at_most, below, plain, table
from benchmarks.system import Environments, first_answer_seconds, system

FULL, QUICK = Plan(seconds=2.0, rounds=5), Plan(seconds=0.8, rounds=3)
STARTS = 3
MEGABYTES, START_SECONDS, P99_TIMES = 90.0, 2.0, 3.0
BESIDE_TWO_HOPS: dict[str, tuple[str, float, Callable[[Bench], Result]]] = {
    "services": ("GET /services", 1.5, Bench.services),
    "slots": ("a day's slots", 0.5, Bench.slots),
    "mine": ("my appointments", 0.7, Bench.mine),
    "booking": ("booking, by provider", 0.35, Bench.booking),
    "any": ("booking, any provider", 0.35, Bench.booking_any),
}
PARTS = (*BESIDE_TWO_HOPS, "login", "engine", "start")


@click.command()
@click.option("--quick", is_flag=True, help="A short run, which is less sure.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Measure this alone; may be repeated.")
@click.option("--json", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures to a file too.")
@click.option("--database-url", envvar="DATABASE_URL", help="A PostgreSQL server to use; else an embedded one.")
def main(*, quick: bool, only: tuple[str, ...], to: Path | None, database_url: str | None) -> None:
    """Measure BookMeUp's three processes beside floors of the same run."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    figures: list[Figure] = []
    try:
        for figure in measure(QUICK if quick else FULL, only or PARTS, database_url):
            click.echo(f"{figure.name}: {figure.measured}", err=True)
            figures.append(figure)
    except BenchmarkError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(table(figures))
    if to is not None:
        to.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


def measure(plan: Plan, parts: tuple[str, ...], database_url: str | None) -> Iterator[Figure]:
    """Yield the figures as they become known."""
    with folder() as place:
        data = place / "data"
        data.mkdir()
        with database(database_url, data) as url:
            told = Environments(url, data)
            if set(parts) - {"engine", "start"}:
                yield from _under_load(plan, parts, url, told, place)
            if "engine" in parts:
                yield from engine.measure(url, plan.rounds)
            if "start" in parts and database_url:
                yield _first_answer(told, place)
        if "start" in parts and not database_url:  # PostgreSQL has stopped: its start counts too
            told.embed()
            yield _first_answer(told, place)


def _under_load(plan: Plan, parts: tuple[str, ...], url: URL, told: Environments, place: Path) -> Iterator[Figure]:
    providers = salon.fill(url, datetime.now(UTC).date())
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as apart, system(told, place) as running:
        bench = Bench(running, apart, plan, providers)
        yield plain("floor: one hop", bench.one_hop().rate, "requests/s")
        yield plain("floor: two hops", bench.two_hops().rate, "requests/s")
        yield plain("floor: INSERT under exclusion", bench.inserts(url).rate, "rows/s")
        for part in parts:
            if part in BESIDE_TWO_HOPS:
                yield from _beside_two_hops(bench, part)
        if "login" in parts:
            logins = bench.beside(bench.verifies, bench.logins)
            yield at_least("login (floor: Argon2id)", *_rates(logins), 0.8)
        for role, megabytes in bench.memory().items():
            yield below(f"memory of {role} after load", megabytes, MEGABYTES, "MB")


def _beside_two_hops(bench: Bench, part: str) -> Iterator[Figure]:
    name, least, measure_once = BESIDE_TWO_HOPS[part]
    series = bench.beside(bench.two_hops, lambda: measure_once(bench))
    yield at_least(name, *_rates(series), least)
    own, floor = statistics.median(series.p99s), statistics.median(series.floor_p99s)
    yield at_most(f"{name}: p99", own, floor, series.p99_ratio(), P99_TIMES)


def _rates(series: Series) -> tuple[float, float, float]:
    return statistics.median(series.rates), statistics.median(series.floor_rates), series.ratio()


def _first_answer(told: Environments, place: Path) -> Figure:
    """Start `all` on the database that is there; the slowest of the starts counts."""
    slowest = max(first_answer_seconds(told, place) for _ in range(STARTS))
    return below("role all: start to first answer", slowest, START_SECONDS, "s")


if __name__ == "__main__":
    main()
