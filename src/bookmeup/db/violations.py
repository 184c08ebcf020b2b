"""What PostgreSQL refuses, as the refusal that it means: a constraint is known by its name."""

import re

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from bookmeup.db.door import REFUSED
from bookmeup.errors import (
    AvailabilityOverlaps,
    Conflict,
    EmailTaken,
    KeyInFlight,
    OldPassword,
    Refusal,
    SlotTaken,
    Unavailable,
    UnknownReference,
)

VIOLATIONS: dict[str, type[Refusal]] = {
    "occupied_no_overlap": SlotTaken,
    "appointments_seat_key": SlotTaken,
    "appointments_seat_check": SlotTaken,
    "users_email_key": EmailTaken,
    "availability_no_overlap": AvailabilityOverlaps,
    "appointments_customer_id_fkey": UnknownReference,
    "series_customer_id_fkey": UnknownReference,
    "visits_customer_id_fkey": UnknownReference,
    "waitlist_customer_id_fkey": UnknownReference,
    "occurrences_service_id_fkey": UnknownReference,
    "provider_services_service_id_fkey": UnknownReference,
    "resources_location_id_fkey": UnknownReference,
    "addons_service_id_fkey": UnknownReference,
    "providers_default_key": Conflict,
}
WAITED_FOR: dict[str, type[Refusal]] = {"idempotency_keys": KeyInFlight}
"""What it means to have waited too long for somebody else's row, by the table that PostgreSQL names in the context."""
_TOO_LONG = ("55P03", "57014")
_AWAY = ("08", "53", "57")
_OLDER_SCHEMA = ("42P01", "42703")
_WAITED = (*_TOO_LONG, "40001", "40P01")
log = structlog.get_logger()


def sqlstate(error: DBAPIError) -> str:
    """Return PostgreSQL's code of an error; nothing if it did not say what was wrong."""
    return getattr(error.orig, "pgcode", None) or ""


def refusal_of(error: DBAPIError) -> Exception:
    """Return the refusal behind a database error; a fault of ours stays the error it is."""
    code = sqlstate(error)
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
    if constraint in VIOLATIONS:
        return VIOLATIONS[constraint]()
    if code in _TOO_LONG:
        context = error.orig.diag.context or ""  # type: ignore[union-attr]  # psycopg2's, as its code says
        for table in WAITED_FOR.keys() & set(re.findall(r'"(\w+)"', context)):
            return WAITED_FOR[table]()
    if code in _WAITED or error.connection_invalidated or code[:2] in _AWAY or (not code and _is_connection(error)):
        log.warning("database unavailable", sqlstate=code or None, reason=type(error.orig).__name__)
        return OldPassword() if REFUSED in str(error.orig) else Unavailable()
    if code in _OLDER_SCHEMA:
        log.error("the schema is not the one that this image needs", sqlstate=code)
        return Unavailable()
    return error


def _is_connection(error: DBAPIError) -> bool:
    """Whether it is the connection that failed, which has no SQLSTATE."""
    return isinstance(error, OperationalError | InterfaceError)
