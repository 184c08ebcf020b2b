"""Figures beside their floors and targets, as a table."""

from collections.abc import Sequence

from msgspec import Struct

HEAD = ("figure", "measured", "floor", "ratio", "target", "holds")


class Figure(Struct):
    """One line. `ratio` is the median over the rounds; `holds` is None where nothing was promised."""

    name: str
    measured: str
    value: float
    floor: float | None = None
    ratio: float | None = None
    target: str = ""
    holds: bool | None = None


def plain(name: str, value: float, unit: str) -> Figure:
    """Return a figure that is only told."""
    return Figure(name, f"{value:,.0f} {unit}", value)


def at_least(name: str, rate: float, floor: float, ratio: float, least: float) -> Figure:
    """Return a rate that is promised as a share of its floor."""
    return Figure(name, f"{rate:,.0f}/s", rate, floor, ratio, f"≥ {least} of floor", ratio >= least)


def at_most(name: str, milliseconds: float, floor: float, ratio: float, most: float) -> Figure:
    """Return a time that is promised as a multiple of its floor."""
    return Figure(name, f"{milliseconds:.1f} ms", milliseconds, floor, ratio, f"≤ {most:g} of floor", ratio <= most)


def below(name: str, value: float, most: float, unit: str, floor: float | None = None) -> Figure:
    """Return a figure with a promise of its own; its floor, in the same unit, says what the machine is."""
    ratio = None if floor is None else value / floor
    return Figure(name, f"{value:.1f} {unit}", value, floor, ratio, f"< {most:g} {unit}", value < most)


def table(figures: Sequence[Figure]) -> str:
    rows = [HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    unit = figure.measured.partition(" ")[2]
    floor = "" if figure.floor is None else f"{figure.floor:,.0f}/s" if not unit else f"{figure.floor:,.2f} {unit}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    holds = {None: "", True: "yes", False: "NO"}[figure.holds]
    return figure.name, figure.measured, floor, ratio, figure.target, holds
