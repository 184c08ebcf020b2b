"""The dates of a standing appointment: a recurrence rule of RFC 5545, expanded in wall-clock time.

Every date has the same local time, whatever the clock does between. Rules that could go on without a date, or whose
first date is not one of them, are refused: what COUNT counts would be unclear.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from bookmeup.errors import BadRule

MOST_DATES = 366
LONGEST = timedelta(days=731)

_INTERVAL = r"[1-9][0-9]{0,2}"
_DAYS = r"(?:MO|TU|WE|TH|FR|SA|SU)"
_PARTS = {
    "FREQ": r"DAILY|WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": _INTERVAL,
    "COUNT": _INTERVAL,
    "UNTIL": r"[0-9]{8}(?:T[0-9]{6}Z?)?",
    "WKST": _DAYS,
    "BYDAY": rf"(?:[+-]?[1-5])?{_DAYS}(?:,(?:[+-]?[1-5])?{_DAYS}){{0,6}}",
    "BYMONTHDAY": r"-?(?:[1-9]|[12][0-9]|3[01])(?:,-?(?:[1-9]|[12][0-9]|3[01])){0,30}",
    "BYSETPOS": r"-?[1-5]",
}
_TAKEN = {
    "DAILY": frozenset[str](),
    "WEEKLY": frozenset({"BYDAY", "WKST"}),
    "MONTHLY": frozenset({"BYDAY", "BYMONTHDAY", "BYSETPOS"}),
    "YEARLY": frozenset[str](),
}
"""Which parts go with which frequency: those with which a rule always has a next date."""
_ALWAYS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL"})


def dates(rule: str, first: date, minute: int, zone: ZoneInfo) -> list[date]:
    """Return the days of a series whose first is `first`, at a wall-clock minute; raises BadRule."""
    parts = _parts(rule)
    began = datetime.combine(first, time()) + timedelta(minutes=minute)
    expanded = _expanded(parts, began, zone)
    within = takewhile(lambda at: at - began <= LONGEST, expanded)
    found = [at.date() for at in islice(within, MOST_DATES + 1)]
    if len(found) > MOST_DATES:
        raise BadRule(f"A series has at most {MOST_DATES} dates.")
    if not found or found[0] != first:
        raise BadRule("The first date is not one of the rule's.")
    if "COUNT" in parts and len(found) < int(parts["COUNT"]):
        raise BadRule("A series lasts two years at most.")
    if "UNTIL" in parts and _until(parts["UNTIL"], zone) - began > LONGEST:
        raise BadRule("A series lasts two years at most.")
    return found


def latest(rule: str, first: date, minute: int) -> date:
    """Return a day that no date of the rule lies after, in whatever zone; raises BadRule."""
    parts = _parts(rule)
    if "COUNT" in parts:
        return dates(rule, first, minute, ZoneInfo("UTC"))[-1]
    until = _until(parts["UNTIL"], ZoneInfo("UTC")).date()
    return min(max(until, first), first + LONGEST) + timedelta(days=1)


def _parts(rule: str) -> dict[str, str]:
    """Return the parts by name; each is there once, is known, and goes with the frequency."""
    pairs = [part.partition("=") for part in rule.upper().removeprefix("RRULE:").split(";")]
    parts = {name: value for name, _, value in pairs}
    for name, value in parts.items():
        if name not in _PARTS or not re.fullmatch(_PARTS[name], value):
            raise BadRule(f"{name or 'An empty part'} of this recurrence rule is not understood here.")
    if len(parts) < len(pairs):
        raise BadRule("A part of this recurrence rule is there twice.")
    if "FREQ" not in parts or ("COUNT" in parts) == ("UNTIL" in parts):
        raise BadRule("A recurrence rule needs FREQ, and either COUNT or UNTIL.")
    _fitting(parts)
    return parts


def _fitting(parts: dict[str, str]) -> None:
    frequency, days = parts["FREQ"], parts.get("BYDAY", "")
    others = parts.keys() - _ALWAYS - _TAKEN[frequency]
    if others:
        raise BadRule(f"{min(others)} is not taken with FREQ={frequency}.")
    if "BYDAY" in parts and "BYMONTHDAY" in parts:
        raise BadRule("BYDAY and BYMONTHDAY are not taken together.")
    numbered = any(figure in days for figure in "12345")
    if numbered and (frequency == "WEEKLY" or "BYSETPOS" in parts):
        raise BadRule("A numbered weekday goes with FREQ=MONTHLY and without BYSETPOS.")
    if "BYSETPOS" in parts and not days:
        raise BadRule("BYSETPOS needs BYDAY.")


def _expanded(parts: dict[str, str], began: datetime, zone: ZoneInfo) -> rrule:
    """Return the rule as dateutil expands it; it is given local times alone, and knows of no zone."""
    plain = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    try:
        if "UNTIL" in parts:
            plain += f";UNTIL={_until(parts['UNTIL'], zone):%Y%m%dT%H%M%S}"
        found = rrulestr(plain, dtstart=began)
    except (ValueError, OverflowError) as error:
        raise BadRule from error
    assert isinstance(found, rrule)  # no EXRULE, no RDATE
    return found


def _until(text: str, zone: ZoneInfo) -> datetime:
    """Return the last local time that still counts: of a date the whole day."""
    try:
        if len(text) == len("20270301"):
            return datetime.combine(datetime.strptime(text, "%Y%m%d").date(), time.max)  # noqa: DTZ007 - a date
        if text.endswith("Z"):
            at = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return at.astimezone(zone).replace(tzinfo=None)
        return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - local time
    except (ValueError, OverflowError) as error:
        raise BadRule("UNTIL is not a date.") from error
