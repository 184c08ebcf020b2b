"""What a service is made of: work, and time in which it takes effect while the provider is free."""

from collections.abc import Sequence


def unsound(segments: Sequence[int] | None, duration: int) -> str | None:
    """Return what is wrong with segments (minutes, work and processing in turn), None if nothing is."""
    if segments is None:
        return None
    if len(segments) % 2 == 0:
        return "must be work and processing time in turn, work first and last: an odd number of lengths"
    if sum(segments) != duration:
        return f"must add up to the duration, {duration} minutes, not {sum(segments)}"
    return None
