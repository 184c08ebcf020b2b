"""The kinds of text and numbers that requests are made of."""

from datetime import time
from typing import Annotated

from msgspec import Meta

# `$(?!\n)`: in Python `$` alone would let a last line end through; elsewhere both are the end.

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$(?!\n)",
        description="Something to read, without control characters.",
        examples=["Ana Pop"],
    ),
]
Kind = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$(?!\n)",
        description="A kind of room, chair or device.",
        examples=["treatment room"],
    ),
]
Words = Annotated[str, Meta(max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Email = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=254,
        pattern=r"^[^\x00-\x20\x7f@<>,;:\"\\()]+@[^\x00-\x20\x7f@<>,;:\"\\()]+$(?!\n)",
        examples=["ana@example.com"],
    ),
]
Password = Annotated[
    str, Meta(min_length=1, max_length=1024, description="At most 1024 bytes.", examples=["correct horse"])
]
Phone = Annotated[
    str, Meta(min_length=3, max_length=40, pattern=r"^[+0-9][0-9 ()./-]{2,39}$(?!\n)", examples=["+40 721 000 000"])
]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Minutes = Annotated[int, Meta(ge=0, le=366 * 1440, description="Minutes.")]
Duration = Annotated[int, Meta(ge=1, le=1440, description="Minutes.", examples=[30])]
Interval = Annotated[int, Meta(ge=5, le=1440, description="Minutes between offered starts.", examples=[10])]
ClockTime = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)",
        description="Wall-clock time of the location.",
        examples=["09:00"],
    ),
]
EndTime = Annotated[
    str,
    Meta(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)", description="As a time, or 24:00.", examples=["17:00"]
    ),
]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Rows of a page; 200 is plenty.")]
Cursor = Annotated[
    str,
    Meta(min_length=1, max_length=512, description="Where the page starts: from the Link header of the one before."),
]
IdempotencyKey = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]*$(?!\n)")]


def minute(text: str) -> int:
    """Minutes after midnight of a validated `HH:MM`."""
    return int(text[:2]) * 60 + int(text[3:])


def clock_text(minutes: int) -> str:
    """`HH:MM` of minutes after midnight, 24:00 included."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def wall(at: time) -> str:
    return f"{at.hour:02d}:{at.minute:02d}"
