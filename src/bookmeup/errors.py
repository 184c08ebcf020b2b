"""Every refusal: a class with a code, a status and a sentence. Nothing else knows status codes.

Refusal
├── Malformed 400
│   ├── NotJson
│   ├── BadCursor
│   └── UnknownHost
├── Unauthenticated 401
│   └── WrongCredentials
├── Forbidden 403
│   ├── RoleNotAllowed
│   └── CallerNotAllowed
├── NotFound 404
├── MethodNotAllowed 405
├── Conflict 409
│   ├── SlotTaken
│   │   └── NoResource
│   ├── AppointmentsAffected    carries which
│   ├── DatesClash              each date of a series that cannot be had
│   ├── EmailTaken
│   ├── AvailabilityOverlaps
│   ├── AvailabilityInUse
│   ├── NameTaken
│   └── KeyInFlight
├── Stale 412
├── TooLarge 413
├── WrongMediaType 415
├── Invalid 422                 every fault of the request, each with its place
├── KeyReused 422
├── RuleBroken 422              a rule of the business
│   ├── UnknownReference
│   ├── WrongState
│   ├── TooManyHolds
│   ├── TooManyWishes
│   ├── BadRule
│   ├── OfferOver
│   ├── Closed
│   ├── InThePast
│   ├── TooSoon
│   ├── TooFarAhead
│   ├── NoSuchTime
│   ├── ProviderDoesNot
│   └── TooLateToCancel
├── TooManyRequests 429
└── Unavailable 503
    ├── OldPassword
    ├── Overloaded
    └── DeadlinePassed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: where (a JSON pointer, or the name of a parameter) and what."""

    pointer: str
    detail: str


class Refusal(Exception):
    """The root of the tree. `str(refusal)` is the sentence that clients read."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"
    sentence: ClassVar[str] = "The request was refused."

    def __init__(self, sentence: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(sentence or self.sentence)
        self.retry_after = retry_after

    @property
    def faults(self) -> Sequence[Fault]:
        return ()

    @property
    def affected(self) -> Sequence[Mapping[str, object]]:
        return ()

    @property
    def headers(self) -> Mapping[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class Malformed(Refusal):
    status, code, title = 400, "malformed", "Malformed request"
    sentence = "The request cannot be read."


class NotJson(Malformed):
    code, sentence = "not_json", "The body is not JSON."


class BadCursor(Malformed):
    code, sentence = "bad_cursor", "The cursor is not one of this list's."


class UnknownHost(Malformed):
    code, sentence = "unknown_host", "This host is not served here."


class Unauthenticated(Refusal):
    status, code, title = 401, "unauthenticated", "Not signed in"
    sentence = "Sign in first: the token is missing, invalid or has ended."

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class WrongCredentials(Unauthenticated):
    code, sentence = "wrong_credentials", "The e-mail address or the password is wrong."


class Forbidden(Refusal):
    status, code, title = 403, "forbidden", "Not allowed"
    sentence = "This is not allowed."


class RoleNotAllowed(Forbidden):
    code, sentence = "role_not_allowed", "Your role does not allow this."


class CallerNotAllowed(Forbidden):
    code, sentence = "caller_not_allowed", "This service may not call this route."


class NotFound(Refusal):
    status, code, title = 404, "not_found", "Not found"
    sentence = "There is nothing here."


class MethodNotAllowed(Refusal):
    status, code, title = 405, "method_not_allowed", "Method not allowed"
    sentence = "This address does not take that method."


class Conflict(Refusal):
    status, code, title = 409, "conflict", "Conflict"
    sentence = "The request clashes with what is there."


class SlotTaken(Conflict):
    """Another appointment occupies part of the span with the same provider or resource."""

    code, sentence = "slot_taken", "This time is already taken."


class NoResource(SlotTaken):
    """The provider is free, but no room, chair or device of the kind that the service needs."""

    code, sentence = "no_resource", "Everything that this service needs is taken at this time."


class AppointmentsAffected(Conflict):
    """A change would leave appointments outside; it is made when the client says that it knows."""

    code, sentence = "appointments_affected", "This change would leave appointments outside."

    def __init__(self, sentence: str | None = None, *, affected: Sequence[Mapping[str, object]] = ()) -> None:
        """`affected` are the appointments, as the answer shows them."""
        super().__init__(sentence)
        self._affected = affected

    @property
    def affected(self) -> Sequence[Mapping[str, object]]:
        return self._affected


class DatesClash(Conflict):
    """Dates of a series that cannot be booked, each with its code; nothing was booked."""

    code, sentence = "dates_clash", "Some dates of this series cannot be booked."

    def __init__(
        self, sentence: str | None = None, *, retry_after: int | None = None, faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(sentence, retry_after=retry_after)
        self._faults = tuple(faults)

    @property
    def faults(self) -> Sequence[Fault]:
        return self._faults


class EmailTaken(Conflict):
    code, sentence = "email_taken", "This e-mail address is already registered."


class NameTaken(Conflict):
    code, sentence = "name_taken", "This name is already taken."


class AvailabilityOverlaps(Conflict):
    code, sentence = "availability_overlaps", "This availability overlaps another one."


class AvailabilityInUse(Conflict):
    code, sentence = "availability_in_use", "Appointments lie in this availability."


class KeyInFlight(Conflict):
    code, sentence = "key_in_flight", "A request with this Idempotency-Key is still under way."

    def __init__(self, sentence: str | None = None, *, retry_after: int | None = 1) -> None:
        super().__init__(sentence, retry_after=retry_after)


class Stale(Refusal):
    status, code, title = 412, "stale", "Changed meanwhile"
    sentence = "It has been changed since you read it."


class TooLarge(Refusal):
    status, code, title = 413, "too_large", "Too large"
    sentence = "The body is too large."


class WrongMediaType(Refusal):
    status, code, title = 415, "wrong_media_type", "Unsupported media type"
    sentence = "Send the body as application/json."


class Invalid(Refusal):
    """Carries every fault of the request at once."""

    status, code, title = 422, "invalid", "Invalid request"

    def __init__(self, faults: Sequence[Fault]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{count} in the request: " + "; ".join(f"{f.pointer} {f.detail}".strip() for f in faults))
        self._faults = tuple(faults)

    @property
    def faults(self) -> Sequence[Fault]:
        return self._faults


class KeyReused(Refusal):
    status, code, title = 422, "key_reused", "Idempotency-Key used before"
    sentence = "This Idempotency-Key was used for another request."


class RuleBroken(Refusal):
    status, code, title = 422, "rule_broken", "Not possible"
    sentence = "A rule does not allow this."


class UnknownReference(RuleBroken):
    code, sentence = "unknown_reference", "The body names something that does not exist."


class WrongState(RuleBroken):
    code, sentence = "wrong_state", "The appointment is not in a state that allows this."


class TooManyHolds(RuleBroken):
    code, sentence = "too_many_holds", "You hold three times already. Book or release one first."


class TooManyWishes(RuleBroken):
    code, sentence = "too_many_wishes", "You wait for too many times already. Withdraw a wish first."


class BadRule(RuleBroken):
    """A recurrence rule that RFC 5545 does not know, or that is not taken here."""

    code, sentence = "bad_rule", "This recurrence rule is not one that can be booked."


class OfferOver(RuleBroken):
    code, sentence = "offer_over", "This offer is over."


class Closed(RuleBroken):
    code, sentence = "closed", "This time lies outside the opening hours."


class InThePast(RuleBroken):
    code, sentence = "in_the_past", "This time has passed."


class TooSoon(RuleBroken):
    code, sentence = "too_soon", "This time is too soon to be booked."


class TooFarAhead(RuleBroken):
    code, sentence = "too_far_ahead", "This time is too far ahead to be booked."


class NoSuchTime(RuleBroken):
    code, sentence = "no_such_time", "This time does not exist on that day: the clock is put forward."


class ProviderDoesNot(RuleBroken):
    code, sentence = "provider_does_not", "This provider does not perform this service."


class TooLateToCancel(RuleBroken):
    code, sentence = "too_late_to_cancel", "It is too late to change or cancel this appointment."


class TooManyRequests(Refusal):
    status, code, title = 429, "too_many_requests", "Too many requests"
    sentence = "Too many tries. Wait a moment."


class Unavailable(Refusal):
    status, code, title = 503, "unavailable", "Unavailable for a moment"
    sentence = "This cannot be done right now. Try again in a moment."

    def __init__(self, sentence: str | None = None, *, retry_after: int | None = 1) -> None:
        super().__init__(sentence, retry_after=retry_after)

    @property
    def headers(self) -> Mapping[str, str]:
        """End the connection: a kept one would lead a retry here again, a new one may lead to another replica."""
        return {**super().headers, "Connection": "close"}


class OldPassword(Unavailable):
    """PostgreSQL has another password than this replica was given. One that started later has the new one."""

    code = "old_password"


class Overloaded(Unavailable):
    code, sentence = "overloaded", "Too much is going on right now. Try again in a moment."


class DeadlinePassed(Unavailable):
    code, sentence = "deadline_passed", "This took too long. Try again in a moment."


def _tree(root: type[Refusal]) -> dict[str, type[Refusal]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


BY_CODE: Mapping[str, type[Refusal]] = _tree(Refusal)


def from_code(
    code: str,
    sentence: str,
    faults: Sequence[Fault] = (),
    retry_after: int | None = None,
    affected: Sequence[Mapping[str, object]] = (),
) -> Refusal:
    """Return the refusal that another role raised: it crosses HTTP by its code and is the same class again here."""
    if code == Invalid.code:
        return Invalid(faults)
    if code == AppointmentsAffected.code:
        return AppointmentsAffected(sentence, affected=affected)
    if code == DatesClash.code:
        return DatesClash(sentence, faults=faults)
    refusal = BY_CODE.get(code, Unavailable)(sentence)
    refusal.retry_after = retry_after if retry_after is not None else refusal.retry_after
    return refusal
