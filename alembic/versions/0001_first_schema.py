"""First schema: users, catalogue, hours, appointments with their occupied time, and what keeps them honest.

The exclusion constraints need no extension: `int8range(id, id, '[]')` stands in for equality.
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The oldest image (by the newest revision it knows) that works on the schema after this migration.
OLDEST_IMAGE = "0001"

# What each kind of transaction may do; the login role has no part in it. bookmeup_logic writes a password's hash and
# reads none; nobody changes the audit log.
RIGHTS = {
    "bookmeup_auth": {
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
        "users": "SELECT, INSERT, UPDATE (name, email)",
        "passwords": "SELECT (user_id), UPDATE (hash, changed_at)",
        "sessions": "SELECT, UPDATE (ended_at)",
        "locations": "SELECT, UPDATE",
        "services": "SELECT, INSERT, UPDATE, DELETE",
        "resources": "SELECT, INSERT, UPDATE",
        "providers": "SELECT, INSERT, UPDATE",
        "provider_services": "SELECT, INSERT, DELETE",
        "weekly_hours": "SELECT, INSERT, DELETE",
        "availability": "SELECT, INSERT, DELETE",
        "occurrences": "SELECT, INSERT, UPDATE",
        "appointments": "SELECT, INSERT, UPDATE",
        "occupied": "SELECT, INSERT, UPDATE",
        "idempotency_keys": "SELECT, INSERT, UPDATE",
        "rate_limits": "SELECT, INSERT, UPDATE",
        "audit_log": "INSERT",
        "outbox": "INSERT",
    },
    "bookmeup_outbox": {
        "outbox": "SELECT, UPDATE, DELETE",
        "sessions": "SELECT, DELETE",
        "idempotency_keys": "SELECT, DELETE",
        "rate_limits": "SELECT, DELETE",
    },
}


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_log_pkey")),
    )
    op.create_index("audit_log_subject_idx", "audit_log", ["subject", "subject_id", "id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "route", "key", name=op.f("idempotency_keys_pkey")),
    )
    op.create_index(op.f("idempotency_keys_expires_at_idx"), "idempotency_keys", ["expires_at"], unique=False)
    op.create_table(
        "locations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("catalogue_version", sa.BigInteger(), server_default="1", nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("locations_currency_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("locations_pkey")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload_version", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("aggregate", sa.Text(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
    )
    op.create_index(
        "outbox_done_idx", "outbox", ["done_at"], unique=False, postgresql_where=sa.text("done_at IS NOT NULL")
    )
    op.create_index(
        "outbox_due_idx", "outbox", ["not_before", "id"], unique=False, postgresql_where=sa.text("done_at IS NULL")
    )
    op.create_table(
        "rate_limits",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("arrival_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject", name=op.f("rate_limits_pkey")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("rate_limits_arrival_at_idx"), "rate_limits", ["arrival_at"], unique=False)
    op.create_table(
        "resources",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('provider', 'resource')", name=op.f("resources_kind_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("resources_pkey")),
    )
    op.create_table(
        "schema_compat",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("oldest_image", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("schema_compat_pkey")),
    )
    op.create_table(
        "services",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("slot_interval", sa.Integer(), server_default="10", nullable=False),
        sa.Column("buffer_before", sa.Integer(), server_default="0", nullable=False),
        sa.Column("buffer_after", sa.Integer(), server_default="0", nullable=False),
        sa.Column("minimum_notice", sa.Integer(), server_default="0", nullable=False),
        sa.Column("booking_horizon", sa.Integer(), server_default=sa.text("525600"), nullable=False),
        sa.Column("cancellation_window", sa.Integer(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "buffer_before BETWEEN 0 AND 720 AND buffer_after BETWEEN 0 AND 720", name=op.f("services_buffers_check")
        ),
        sa.CheckConstraint("duration BETWEEN 1 AND 1440", name=op.f("services_duration_check")),
        sa.CheckConstraint("price_minor >= 0", name=op.f("services_price_check")),
        sa.CheckConstraint("slot_interval BETWEEN 5 AND 1440", name=op.f("services_slot_interval_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("services_pkey")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("signing_keys_pkey")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("contact_email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), server_default="customer", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('customer', 'staff', 'admin')", name=op.f("users_role_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
    )
    op.create_index("users_email_key", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "occurrences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("occurrences_order_check")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("occurrences_service_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("occurrences_pkey")),
    )
    op.create_index(op.f("occurrences_service_id_idx"), "occurrences", ["service_id"], unique=False)
    op.create_table(
        "passwords",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("passwords_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("passwords_pkey")),
    )
    op.create_table(
        "providers",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("performs_all", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["resources.id"], name=op.f("providers_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("providers_pkey")),
    )
    op.create_index(
        "providers_default_key",
        "providers",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default AND retired_at IS NULL"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("sessions_user_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pkey")),
    )
    op.create_index(op.f("sessions_expires_at_idx"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("sessions_user_id_idx"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "appointments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("occurrence_id", sa.BigInteger(), nullable=False),
        sa.Column("seat_no", sa.Integer(), server_default="1", nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), server_default="confirmed", nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("buffer_before", sa.Integer(), nullable=False),
        sa.Column("buffer_after", sa.Integer(), nullable=False),
        sa.Column("cancellation_window", sa.Integer(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('hold', 'pending', 'confirmed', 'completed', 'no_show', 'cancelled')",
            name=op.f("appointments_status_check"),
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("appointments_order_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["users.id"], name=op.f("appointments_customer_id_fkey")),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("appointments_occurrence_id_fkey")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("appointments_provider_id_fkey")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("appointments_service_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("appointments_pkey")),
    )
    op.create_index("appointments_customer_idx", "appointments", ["customer_id", "starts_at", "id"], unique=False)
    op.create_index("appointments_provider_idx", "appointments", ["provider_id", "starts_at"], unique=False)
    op.create_index(
        "appointments_seat_key",
        "appointments",
        ["occurrence_id", "seat_no"],
        unique=True,
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.create_index("appointments_service_idx", "appointments", ["service_id"], unique=False)
    op.create_index("appointments_starts_idx", "appointments", ["starts_at", "id"], unique=False)
    op.create_table(
        "availability",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("start_minute", sa.SmallInteger(), nullable=False),
        sa.Column("end_minute", sa.SmallInteger(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(provider_id, provider_id, '[]')"), "&&"),
            (sa.text("daterange(date, date, '[]')"), "&&"),
            (sa.text("int4range(start_minute, end_minute)"), "&&"),
            using="gist",
            name="availability_no_overlap",
        ),
        sa.CheckConstraint(
            "start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440",
            name=op.f("availability_minutes_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("availability_provider_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("availability_pkey")),
    )
    op.create_index("availability_date_idx", "availability", ["date", "provider_id"], unique=False)
    op.create_table(
        "occupied",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("occurrence_id", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", sa.BigInteger(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(resource_id, resource_id, '[]')"), "&&"),
            (sa.text("during"), "&&"),
            where=sa.text("status IN ('hold', 'pending', 'confirmed')"),
            using="gist",
            name="occupied_no_overlap",
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("occupied_during_check"),
        ),
        sa.CheckConstraint("lower_inc(during) AND NOT upper_inc(during)", name=op.f("occupied_half_open_check")),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrences.id"], name=op.f("occupied_occurrence_id_fkey")),
        sa.ForeignKeyConstraint(["resource_id"], ["resources.id"], name=op.f("occupied_resource_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("occupied_pkey")),
    )
    op.create_index(op.f("occupied_occurrence_id_idx"), "occupied", ["occurrence_id"], unique=False)
    op.create_table(
        "provider_services",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("provider_services_provider_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("provider_services_service_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("provider_id", "service_id", name=op.f("provider_services_pkey")),
    )
    op.create_index(op.f("provider_services_service_id_idx"), "provider_services", ["service_id"], unique=False)
    op.create_table(
        "weekly_hours",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("start_minute", sa.SmallInteger(), nullable=False),
        sa.Column("end_minute", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440",
            name=op.f("weekly_hours_minutes_check"),
        ),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name=op.f("weekly_hours_weekday_check")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("weekly_hours_provider_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("weekly_hours_pkey")),
    )
    op.create_index(op.f("weekly_hours_provider_id_idx"), "weekly_hours", ["provider_id"], unique=False)

    _grant()
    _first_rows()


def _grant() -> None:
    """Roles belong to the whole server, so another database of it may have made them."""
    for role, rights in RIGHTS.items():
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        op.execute(f"GRANT SELECT ON alembic_version, schema_compat TO {role}")
        for table, kinds in rights.items():
            op.execute(f"GRANT {kinds} ON {table} TO {role}")


def _first_rows() -> None:
    """One location; one provider without weekly hours, who performs every service until he is retired."""
    attributes = context.config.attributes
    op.get_bind().execute(
        sa.text("INSERT INTO locations (name, timezone, currency) VALUES ('BookMeUp', :timezone, :currency)"),
        {"timezone": attributes.get("timezone", "UTC"), "currency": attributes.get("currency", "EUR")},
    )
    op.execute(
        "WITH r AS (INSERT INTO resources (kind) VALUES ('provider') RETURNING id) "
        "INSERT INTO providers (id, name, is_default, performs_all) SELECT id, 'BookMeUp', true, true FROM r"
    )
    op.execute("INSERT INTO schema_compat (revision, oldest_image) VALUES ('0001', '0001')")


def downgrade() -> None:
    # The roles stay: other databases of the server may use them.
    op.drop_index(op.f("weekly_hours_provider_id_idx"), table_name="weekly_hours")
    op.drop_table("weekly_hours")
    op.drop_index(op.f("provider_services_service_id_idx"), table_name="provider_services")
    op.drop_table("provider_services")
    op.drop_index(op.f("occupied_occurrence_id_idx"), table_name="occupied")
    op.drop_table("occupied")
    op.drop_index("availability_date_idx", table_name="availability")
    op.drop_table("availability")
    op.drop_index("appointments_starts_idx", table_name="appointments")
    op.drop_index("appointments_service_idx", table_name="appointments")
    op.drop_index("appointments_seat_key", table_name="appointments", postgresql_where=sa.text("status <> 'cancelled'"))
    op.drop_index("appointments_provider_idx", table_name="appointments")
    op.drop_index("appointments_customer_idx", table_name="appointments")
    op.drop_table("appointments")
    op.drop_index(op.f("sessions_user_id_idx"), table_name="sessions")
    op.drop_index(op.f("sessions_expires_at_idx"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(
        "providers_default_key", table_name="providers", postgresql_where=sa.text("is_default AND retired_at IS NULL")
    )
    op.drop_table("providers")
    op.drop_table("passwords")
    op.drop_index(op.f("occurrences_service_id_idx"), table_name="occurrences")
    op.drop_table("occurrences")
    op.drop_index("users_email_key", table_name="users")
    op.drop_table("users")
    op.drop_table("signing_keys")
    op.drop_table("services")
    op.drop_table("schema_compat")
    op.drop_table("resources")
    op.drop_index(op.f("rate_limits_arrival_at_idx"), table_name="rate_limits")
    op.drop_table("rate_limits")
    op.drop_index("outbox_due_idx", table_name="outbox", postgresql_where=sa.text("done_at IS NULL"))
    op.drop_index("outbox_done_idx", table_name="outbox", postgresql_where=sa.text("done_at IS NOT NULL"))
    op.drop_table("outbox")
    op.drop_table("locations")
    op.drop_index(op.f("idempotency_keys_expires_at_idx"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("audit_log_subject_idx", table_name="audit_log")
    op.drop_table("audit_log")
