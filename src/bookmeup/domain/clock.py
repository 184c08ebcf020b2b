"""The one place that turns wall-clock times of a zone into instants.

A wall-clock time is a date and minutes after its midnight, 0 to 1440; an instant is whole seconds since
1970-01-01T00:00Z. Where the clock is put forward some times do not exist; where it is put back some exist
twice, and the first counts.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_MINUTES = 1440
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch(at: datetime) -> int:
    """Whole seconds since 1970 of an aware datetime."""
    return int((at - _EPOCH).total_seconds())


def moment(seconds: int) -> datetime:
    """Return the aware datetime, in UTC, of seconds since 1970."""
    return _EPOCH + timedelta(seconds=seconds)


def minute_of(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def instant(day: date, minute: int, zone: ZoneInfo) -> int | None:
    """Return when the wall clock shows this time on this day, the first one if twice; None if it never does."""
    start, plain = _midnight(day, zone)
    if plain:
        return start + minute * 60
    wall = _wall(day, minute)
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    return epoch(at) if at.astimezone(zone).replace(tzinfo=None) == wall else None


def boundary(day: date, minute: int, zone: ZoneInfo) -> int:
    """As `instant`, for the edge of opening hours: a time that does not exist is where the clock jumps over it."""
    start, plain = _midnight(day, zone)
    if plain:
        return start + minute * 60
    wall = _wall(day, minute)
    before = epoch(wall.replace(tzinfo=zone, fold=1).astimezone(UTC))
    after = epoch(wall.replace(tzinfo=zone, fold=0).astimezone(UTC))
    if before >= after:  # it exists, once or (fold 1 later) twice
        return after
    return _jump(before, after, zone)


def plain_midnight(day: date, zone: ZoneInfo) -> int | None:
    """Return the instant at which a day starts whose clock runs through without a jump, None for any other day."""
    start, plain = _midnight(day, zone)
    return start if plain else None


def local(seconds: int, zone: ZoneInfo) -> datetime:
    """Return what the wall clock of the zone shows, as an aware datetime."""
    return moment(seconds).astimezone(zone)


def day_span(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """Return the instants between which a day lies: 23, 24 or 25 hours, mostly."""
    return boundary(day, 0, zone), boundary(day, DAY_MINUTES, zone)


def _wall(day: date, minute: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)


def _jump(low: int, high: int, zone: ZoneInfo) -> int:
    """Find the instant between the two at which the offset changes."""
    offset = moment(low).astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if moment(middle).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: ZoneInfo) -> tuple[int, bool]:
    """Return the instant at which the day starts, and whether its clock runs through without a jump.

    The clock is looked at from one day before to two after, so that no change of any zone hides between.
    """
    wall = datetime.combine(day, time())
    hours = (wall + timedelta(hours=hour) for hour in range(-3, 28))
    offsets = {hour.replace(tzinfo=zone, fold=fold).utcoffset() for hour in hours for fold in (0, 1)}
    return epoch(wall.replace(tzinfo=zone).astimezone(UTC)), len(offsets) == 1
