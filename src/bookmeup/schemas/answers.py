"""Answers that many routes give, and the problem document (RFC 9457)."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class Message(Struct):
    """What was done, in a sentence."""

    message: str


class Created(Struct):
    """What was made, and its id."""

    message: str
    object_id: int


class FaultAt(Struct):
    pointer: str
    detail: str


class Problem(Struct, omit_defaults=True):
    """A refusal: RFC 9457 with a stable `code`, and `error`, the short text that old clients read.

    `affected` are the appointments that a change would leave outside, where that is why it is refused.
    """

    title: str
    status: int
    code: str
    error: str
    detail: str
    type: str = "about:blank"
    instance: str | UnsetType = UNSET
    errors: list[FaultAt] | UnsetType = UNSET
    affected: list[dict[str, Any]] | UnsetType = UNSET
    request_id: str | UnsetType = UNSET


class Health(Struct):
    status: str
    role: str
    version: str
