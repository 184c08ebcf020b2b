"""The least rights: what each kind of transaction may do with which table and column, as a list, and nothing beside it.

A right that a migration gives and this list does not name fails here, so that it is a decision. `SELECT` alone is of
the whole table and its columns to come; `SELECT (a, b)` is of these.
"""

import re

import pytest
from sqlalchemy import URL, text
from tests.support.databases import engine
from tests.support.salon import Salon, made, order

BOOKED = """occurrence_id, seat_no, customer_id, service_id, provider_id, resource_id, location_id, starts_at, ends_at,
    duration, segments, addons, price_minor, currency, buffer_before, buffer_after, cancellation_window,
    idempotency_key, status, hold_until, series_id, visit_id"""
VERSIONS = {"alembic_version": "SELECT", "schema_compat": "SELECT"}
GRANTS: dict[str, dict[str, str]] = {
    "bookmeup_auth": {
        **VERSIONS,
        "users": "SELECT, INSERT, UPDATE (name, email, role)",
        "passwords": "SELECT, INSERT, UPDATE",
        "sessions": "SELECT, INSERT, UPDATE",
        "signing_keys": "SELECT, INSERT, UPDATE, DELETE",
        "idempotency_keys": "SELECT, INSERT, UPDATE",
        "rate_limits": "SELECT, INSERT, UPDATE",
        "audit_log": "INSERT",
        "outbox": "INSERT",
    },
    "bookmeup_logic": {
        **VERSIONS,
        "users": "SELECT, INSERT, UPDATE (name, email)",
        "passwords": "SELECT (user_id), UPDATE (hash, changed_at)",
        "sessions": "SELECT, UPDATE (ended_at)",
        "locations": "SELECT, INSERT (name, timezone, currency, address, locale), UPDATE",
        "closures": "SELECT, INSERT (location_id, starts_at, ends_at, reason), DELETE",
        "services": "SELECT, INSERT, UPDATE, DELETE",
        "addons": """SELECT, INSERT (service_id, name, duration, price_minor),
            UPDATE (name, duration, price_minor, is_active)""",
        "resources": "SELECT, INSERT, UPDATE",
        "providers": "SELECT, INSERT, UPDATE",
        "provider_services": "SELECT, INSERT, UPDATE (duration, price_minor), DELETE",
        "weekly_hours": "SELECT, INSERT, DELETE",
        "availability": "SELECT, INSERT, DELETE",
        "replaced_days": "SELECT, INSERT, UPDATE (minutes), DELETE",
        "time_off": "SELECT, INSERT (provider_id, starts_at, ends_at, reason), DELETE",
        "occurrences": "SELECT, INSERT, UPDATE",
        "appointments": "SELECT, INSERT, UPDATE",
        "occupied": "SELECT, INSERT, UPDATE",
        "series": "SELECT, INSERT (customer_id, rule)",
        "visits": "SELECT, INSERT (customer_id)",
        "waitlist": """SELECT, INSERT (customer_id, service_id, provider_id, location_id, first_date, last_date,
            weekdays, start_minute, end_minute), UPDATE (status)""",
        "offers": "SELECT, UPDATE (status)",
        "idempotency_keys": "SELECT, INSERT, UPDATE",
        "rate_limits": "SELECT, INSERT, UPDATE",
        "audit_log": "SELECT (id, at, actor_id, action, subject, subject_id, details), INSERT",
        "outbox": """SELECT (id, kind, aggregate, attempts, error, done_at), INSERT,
            UPDATE (attempts, not_before)""",
    },
    "bookmeup_outbox": {
        **VERSIONS,
        "sessions": "SELECT, DELETE",
        "locations": "SELECT (id, timezone)",
        "closures": "SELECT (location_id, starts_at, ends_at)",
        "services": "SELECT",
        "addons": "SELECT",
        "resources": "SELECT, UPDATE (id)",
        "providers": "SELECT",
        "provider_services": "SELECT",
        "weekly_hours": "SELECT",
        "availability": "SELECT",
        "replaced_days": "SELECT",
        "time_off": "SELECT (provider_id, starts_at, ends_at)",
        "occurrences": "SELECT, INSERT (service_id, starts_at, ends_at, capacity, provider_id)",
        "appointments": f"""SELECT (id, occurrence_id, seat_no, customer_id, provider_id, resource_id, location_id,
            starts_at, ends_at, status, hold_until), INSERT ({BOOKED}, seats)""",
        "occupied": """SELECT, INSERT (occurrence_id, resource_id, during, status, hold_until),
            UPDATE (status, hold_until)""",
        "waitlist": "SELECT, UPDATE (status)",
        "offers": "SELECT, INSERT (waitlist_id, appointment_id, expires_at)",
        "idempotency_keys": "SELECT, DELETE",
        "rate_limits": "SELECT, DELETE",
        "audit_log": "INSERT",
        "outbox": "SELECT, INSERT (kind, payload, aggregate), UPDATE, DELETE",
    },
    "PUBLIC": {},
}
Rights = dict[str, dict[str, frozenset[str]]]
WHOLE = frozenset({"*"})

TABLES = text("""
SELECT table_name, privilege_type FROM information_schema.table_privileges
WHERE table_schema = 'public' AND grantee = :role""")
COLUMNS = text("""
SELECT table_name, privilege_type, column_name FROM information_schema.column_privileges
WHERE table_schema = 'public' AND grantee = :role""")


def written(role: str) -> Rights:
    found: Rights = {}
    for table, rights in GRANTS[role].items():
        found[table] = {
            verb: frozenset(re.split(r",\s*", columns)) if columns else WHOLE
            for verb, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", rights)
        }
    return found


def granted(database: URL, role: str) -> Rights:
    """Return what PostgreSQL says; a right to a whole table is listed for each of its columns as well."""
    found: Rights = {}
    with engine(database).connect() as connection:
        for table, verb in connection.execute(TABLES, {"role": role}):
            found.setdefault(table, {})[verb] = WHOLE
        for table, verb, column in connection.execute(COLUMNS, {"role": role}):
            columns = found.setdefault(table, {}).get(verb, frozenset())
            found[table][verb] = columns if columns == WHOLE else columns | {column}
    return found


@pytest.mark.parametrize("role", GRANTS)
def test_a_role_has_the_rights_of_the_list_and_no_other(database: URL, role: str) -> None:
    assert granted(database, role) == written(role)


def test_who_books_alone_numbers_and_nothing_but_appointments(database: URL) -> None:
    asked = text("SELECT object_name, grantee FROM information_schema.usage_privileges WHERE object_type = 'SEQUENCE'")
    with engine(database).connect() as connection:
        given = {tuple(row) for row in connection.execute(asked) if row.grantee in GRANTS}
    assert given == {("appointments_id_seq", "bookmeup_logic")}


def test_who_books_and_the_outbox_alone_call_the_function_that_ends_holds(database: URL) -> None:
    asked = text("SELECT has_function_privilege(:role, 'end_holds(bigint[])', 'EXECUTE')")
    with engine(database).connect() as connection:
        allowed = {role: connection.scalar(asked, {"role": role.lower()}) for role in GRANTS}
    assert [role for role, may in allowed.items() if may] == ["bookmeup_logic", "bookmeup_outbox"]


def test_the_function_ends_nothing_but_holds_whose_time_is_over(salon: Salon, worker_database: URL) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day, "09:00")
    held = made(ana.api.post("/holds", order(service, day, "10:00")))
    with engine(worker_database).begin() as connection:
        connection.execute(text("SET LOCAL ROLE bookmeup_outbox"))
        ended = connection.scalars(text("SELECT end_holds(:ids)"), {"ids": [booked, held]}).all()
    assert ended == []
    assert [row["status"] for row in ana.api.get("/appointments/me").json()] == ["confirmed", "hold"]
