"""What each kind of transaction may do, asked of PostgreSQL itself."""

import pytest
from sqlalchemy import URL, inspect, text
from sqlalchemy.exc import DBAPIError
from tests.support.databases import engine

ROLES = ("bookmeup_auth", "bookmeup_logic", "bookmeup_outbox")
WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
FORBIDDEN = [
    ("bookmeup_logic", "passwords", "hash", "SELECT"),
    ("bookmeup_logic", "users", "role", "UPDATE"),
    ("bookmeup_logic", "users", "id", "UPDATE"),
    ("bookmeup_logic", "sessions", "user_id", "UPDATE"),
    ("bookmeup_logic", "sessions", "expires_at", "UPDATE"),
    ("bookmeup_logic", "signing_keys", "sealed", "SELECT"),
    ("bookmeup_logic", "signing_keys", "sealed", "INSERT"),
    ("bookmeup_logic", "passwords", "hash", "INSERT"),
    ("bookmeup_auth", "appointments", "id", "SELECT"),
    ("bookmeup_auth", "occupied", "status", "UPDATE"),
    ("bookmeup_auth", "services", "price_minor", "UPDATE"),
    ("bookmeup_auth", "audit_log", "details", "SELECT"),
    ("bookmeup_outbox", "users", "email", "SELECT"),
    ("bookmeup_outbox", "passwords", "hash", "SELECT"),
    ("bookmeup_outbox", "signing_keys", "sealed", "SELECT"),
    ("bookmeup_outbox", "appointments", "status", "UPDATE"),
]


@pytest.mark.parametrize(("role", "table", "column", "right"), FORBIDDEN)
def test_a_transaction_cannot_do_what_its_caller_need_not(
    database: URL, role: str, table: str, column: str, right: str
) -> None:
    asked = text("SELECT has_column_privilege(:role, :table, :column, :right)")
    values = {"role": role, "table": table, "column": column, "right": right}
    with engine(database).connect() as connection:
        assert connection.scalar(asked, values) is False


@pytest.mark.parametrize("role", ROLES)
def test_nobody_truncates_and_nobody_touches_the_schemas_own_tables(database: URL, role: str) -> None:
    asked = text("SELECT has_table_privilege(:role, :table, :right)")
    with engine(database).connect() as connection:
        for table in inspect(connection).get_table_names():
            assert not connection.scalar(asked, {"role": role, "table": table, "right": "TRUNCATE"}), table
        for table in ("alembic_version", "schema_compat"):
            for right in WRITES:
                assert not connection.scalar(asked, {"role": role, "table": table, "right": right}), table


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_the_audit_log_is_changed_by_nobody(database: URL, role: str, statement: str) -> None:
    with engine(database).connect() as connection:
        connection.execute(text(f"SET ROLE {role}"))
        with pytest.raises(DBAPIError) as error:
            connection.execute(text(statement))
        assert getattr(error.value.orig, "pgcode", None) == "42501"


@pytest.mark.parametrize("role", ROLES)
def test_the_roles_of_transactions_cannot_sign_in_and_own_nothing(database: URL, role: str) -> None:
    with engine(database).connect() as connection:
        row = connection.execute(
            text("""SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,
            (SELECT count(*) FROM pg_class WHERE relowner = r.oid) FROM pg_roles r WHERE rolname = :role"""),
            {"role": role},
        ).one()
    assert tuple(row) == (False, False, False, False, False, 0)
