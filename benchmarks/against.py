"""`python -m benchmarks.against COMMIT`: nothing has become slower since then, told by ratios to floors.

The other commit's own benchmarks measure its tree, in turns with this one's, with the packages that are installed.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from benchmarks.report import Figure, table

HERE = Path(__file__).parents[1]
PARTS = ("services", "slots", "mine", "booking", "any", "login")
LEAST = 0.9
Ratios = dict[str, list[float]]


@click.command()
@click.argument("commit")
@click.option("--rounds", default=3, help="How often the two take turns.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Compare this alone; may be repeated.")
def main(commit: str, rounds: int, only: Sequence[str]) -> None:
    """Compare this tree's rates, as shares of their floors, with those of a commit."""
    then, now = Ratios(), Ratios()
    with _tree_of(commit) as other:
        for number in range(rounds):
            click.echo(f"round {number + 1} of {rounds}", err=True)
            for tree, ratios in ((other, then), (HERE, now)):
                _measure(tree, only or PARTS, ratios)
    click.echo(table([_compared(name, now[name], then[name]) for name in now if name in then]))


@contextlib.contextmanager
def _tree_of(commit: str) -> Iterator[Path]:
    """Give the files of a commit in a folder that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="bookmeup-against-") as folder:
        archive = subprocess.run(["git", "archive", commit], cwd=HERE, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def _measure(tree: Path, parts: Sequence[str], ratios: Ratios) -> None:
    """Run a tree's own benchmarks, and note the ratio of every rate that has a floor."""
    with tempfile.NamedTemporaryFile(suffix=".json") as told:
        chosen = [argument for part in parts for argument in ("--only", part)]
        command = [sys.executable, "-m", "benchmarks", "--quick", "--json", told.name, *chosen]
        paths = os.pathsep.join([str(tree / "src"), str(tree)])
        environment = {"PATH": os.defpath, "PYTHONPATH": paths}
        subprocess.run(command, cwd=tree, env=environment, check=True, capture_output=True)
        for figure in msgspec.json.decode(told.read(), type=list[Figure]):
            if figure.ratio is not None and figure.measured.endswith("/s"):
                ratios.setdefault(figure.name, []).append(figure.ratio)


def _compared(name: str, now: Sequence[float], then: Sequence[float]) -> Figure:
    own, other = statistics.median(now), statistics.median(then)
    ratio = own / other
    return Figure(name, f"{own:.2f} of floor", own, other, ratio, f"≥ {LEAST} of then", ratio >= LEAST)


if __name__ == "__main__":
    main()
