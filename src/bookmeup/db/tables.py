"""The schema, as Alembic compares it. Constraint names follow one convention; a violation is known by its name."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ix": "%(table_name)s_%(column_0_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

NOW = text("now()")


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _at(name: str = "created_at", **options: object) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=NOW, **options)  # type: ignore[arg-type]


locations = Table(
    "locations",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("address", Text, nullable=False, server_default=""),
    Column("locale", Text, nullable=False, server_default="en"),
    Column("catalogue_version", BigInteger, nullable=False, server_default="1"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
)

users = Table(
    "users",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("contact_email", Text),
    Column("phone", Text),
    Column("role", Text, nullable=False, server_default="customer"),
    _at(),
    CheckConstraint("role IN ('customer', 'staff', 'admin')", name="role"),
    Index("users_email_key", text("lower(email)"), unique=True),
)

passwords = Table(
    "passwords",
    metadata,
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", Text, nullable=False),
    _at("changed_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    _at(),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    Column("ended_at", DateTime(timezone=True)),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("public_jwk", JSONB, nullable=False),
    Column("sealed", Text, nullable=False),
    _at("published_at"),
    Column("replaced_at", DateTime(timezone=True)),
)

services = Table(
    "services",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("duration", Integer, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("slot_interval", Integer, nullable=False, server_default="10"),
    Column("buffer_before", Integer, nullable=False, server_default="0"),
    Column("buffer_after", Integer, nullable=False, server_default="0"),
    Column("minimum_notice", Integer, nullable=False, server_default="0"),
    Column("booking_horizon", Integer, nullable=False, server_default=text("525600")),
    Column("cancellation_window", Integer),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("category", Text, nullable=False, server_default=""),
    Column("segments", ARRAY(Integer)),
    Column("capacity", Integer, nullable=False, server_default="1"),
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),
    Column("is_hidden", Boolean, nullable=False, server_default=text("false")),
    Column("marks_late", Boolean, nullable=False, server_default=text("false")),
    Column("resource_type", Text),
    _at(),
    CheckConstraint("duration BETWEEN 1 AND 1440", name="duration"),
    CheckConstraint("price_minor >= 0", name="price"),
    CheckConstraint("slot_interval BETWEEN 5 AND 1440", name="slot_interval"),
    CheckConstraint("buffer_before BETWEEN 0 AND 720 AND buffer_after BETWEEN 0 AND 720", name="buffers"),
    CheckConstraint("capacity BETWEEN 1 AND 1000", name="capacity"),
)

resources = Table(
    "resources",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("name", Text),
    Column("type", Text),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False, server_default="1", index=True),
    Column("retired_at", DateTime(timezone=True)),
    CheckConstraint("kind IN ('provider', 'resource')", name="kind"),
)

providers = Table(
    "providers",
    metadata,
    Column("id", BigInteger, ForeignKey("resources.id"), primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("performs_all", Boolean, nullable=False, server_default=text("false")),
    Column("retired_at", DateTime(timezone=True)),
    Index(
        "providers_default_key", "is_default", unique=True, postgresql_where=text("is_default AND retired_at IS NULL")
    ),
)

provider_services = Table(
    "provider_services",
    metadata,
    Column("provider_id", BigInteger, ForeignKey("providers.id", ondelete="CASCADE"), primary_key=True),
    Column("service_id", BigInteger, ForeignKey("services.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("duration", Integer),
    Column("price_minor", BigInteger),
    CheckConstraint("duration BETWEEN 1 AND 1440", name="duration"),
    CheckConstraint("price_minor >= 0", name="price"),
)

weekly_hours = Table(
    "weekly_hours",
    metadata,
    _id(),
    Column("provider_id", BigInteger, ForeignKey("providers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("weekday", SmallInteger, nullable=False),
    Column("start_minute", SmallInteger, nullable=False),
    Column("end_minute", SmallInteger, nullable=False),
    CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),
    CheckConstraint("start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440", name="minutes"),
)

availability = Table(
    "availability",
    metadata,
    _id(),
    Column("provider_id", BigInteger, ForeignKey("providers.id", ondelete="CASCADE"), nullable=False),
    Column("date", Date, nullable=False),
    Column("start_minute", SmallInteger, nullable=False),
    Column("end_minute", SmallInteger, nullable=False),
    CheckConstraint("start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440", name="minutes"),
    ExcludeConstraint(
        (text("int8range(provider_id, provider_id, '[]')"), "&&"),
        (text("daterange(date, date, '[]')"), "&&"),
        (text("int4range(start_minute, end_minute)"), "&&"),
        name="availability_no_overlap",
        using="gist",
    ),
    Index("availability_date_idx", "date", "provider_id"),
)

addons = Table(
    "addons",
    metadata,
    _id(),
    Column("service_id", BigInteger, ForeignKey("services.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("duration", Integer, nullable=False, server_default="0"),
    Column("price_minor", BigInteger, nullable=False, server_default="0"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    CheckConstraint("duration BETWEEN 0 AND 1440", name="duration"),
    CheckConstraint("price_minor >= 0", name="price"),
)

replaced_days = Table(
    "replaced_days",
    metadata,
    Column("provider_id", BigInteger, ForeignKey("providers.id", ondelete="CASCADE"), primary_key=True),
    Column("date", Date, primary_key=True),
    Column("minutes", ARRAY(Integer), nullable=False),
)

time_off = Table(
    "time_off",
    metadata,
    _id(),
    Column("provider_id", BigInteger, ForeignKey("providers.id", ondelete="CASCADE"), nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint("starts_at < ends_at", name="order"),
    Index("time_off_provider_idx", "provider_id", "ends_at"),
)

closures = Table(
    "closures",
    metadata,
    _id(),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint("starts_at < ends_at", name="order"),
    Index("closures_location_idx", "location_id", "ends_at"),
)

series = Table(
    "series",
    metadata,
    _id(),
    Column("customer_id", BigInteger, ForeignKey("users.id"), nullable=False, index=True),
    Column("rule", Text, nullable=False),
    _at(),
)

visits = Table(
    "visits",
    metadata,
    _id(),
    Column("customer_id", BigInteger, ForeignKey("users.id"), nullable=False, index=True),
    _at(),
)

waitlist = Table(
    "waitlist",
    metadata,
    _id(),
    Column("customer_id", BigInteger, ForeignKey("users.id"), nullable=False, index=True),
    Column("service_id", BigInteger, ForeignKey("services.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("provider_id", BigInteger, ForeignKey("providers.id")),
    Column("location_id", BigInteger, ForeignKey("locations.id")),
    Column("first_date", Date, nullable=False),
    Column("last_date", Date, nullable=False),
    Column("weekdays", ARRAY(SmallInteger), nullable=False),
    Column("start_minute", SmallInteger, nullable=False),
    Column("end_minute", SmallInteger, nullable=False),
    Column("status", Text, nullable=False, server_default="waiting"),
    _at(),
    CheckConstraint("status IN ('waiting', 'offered', 'fulfilled', 'withdrawn')", name="status"),
    CheckConstraint("first_date <= last_date AND start_minute < end_minute", name="order"),
    Index("waitlist_waiting_idx", "service_id", "id", postgresql_where=text("status = 'waiting'")),
    Index("waitlist_line_idx", "id", postgresql_where=text("status IN ('waiting', 'offered')")),
)

offers = Table(
    "offers",
    metadata,
    _id(),
    Column("waitlist_id", BigInteger, ForeignKey("waitlist.id"), nullable=False, index=True),
    Column("appointment_id", BigInteger, ForeignKey("appointments.id"), nullable=False, index=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    _at(),
    CheckConstraint("status IN ('open', 'accepted', 'declined', 'expired')", name="status"),
    Index("offers_open_key", "waitlist_id", unique=True, postgresql_where=text("status = 'open'")),
)

occurrences = Table(
    "occurrences",
    metadata,
    _id(),
    Column("service_id", BigInteger, ForeignKey("services.id"), nullable=False, index=True),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("capacity", Integer, nullable=False, server_default="1"),
    Column("provider_id", BigInteger, ForeignKey("providers.id")),
    CheckConstraint("starts_at < ends_at", name="order"),
    Index("occurrences_group_idx", "provider_id", "starts_at", postgresql_where=text("capacity > 1")),
)

appointments = Table(
    "appointments",
    metadata,
    _id(),
    Column("occurrence_id", BigInteger, ForeignKey("occurrences.id"), nullable=False),
    Column("seat_no", Integer, nullable=False, server_default="1"),
    Column("customer_id", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("service_id", BigInteger, ForeignKey("services.id"), nullable=False),
    Column("provider_id", BigInteger, ForeignKey("providers.id"), nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False, server_default="confirmed"),
    Column("duration", Integer, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("buffer_before", Integer, nullable=False),
    Column("buffer_after", Integer, nullable=False),
    Column("cancellation_window", Integer),
    Column("idempotency_key", Text),
    Column("version", Integer, nullable=False, server_default="1"),
    _at(),
    Column("cancelled_at", DateTime(timezone=True)),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False, server_default="1"),
    Column("resource_id", BigInteger, ForeignKey("resources.id")),
    Column("segments", ARRAY(Integer)),
    Column("addons", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("hold_until", DateTime(timezone=True)),
    Column("is_late", Boolean, nullable=False, server_default=text("false")),
    Column("cancel_reason", Text),
    Column("series_id", BigInteger, ForeignKey("series.id"), index=True),
    Column("visit_id", BigInteger, ForeignKey("visits.id"), index=True),
    Column("seats", Integer),
    CheckConstraint("seat_no BETWEEN 1 AND seats", name="seat"),
    CheckConstraint("starts_at < ends_at", name="order"),
    CheckConstraint("status IN ('hold', 'pending', 'confirmed', 'completed', 'no_show', 'cancelled')", name="status"),
    Index(
        "appointments_seat_key", "occurrence_id", "seat_no", unique=True, postgresql_where=text("status <> 'cancelled'")
    ),
    Index("appointments_customer_idx", "customer_id", "starts_at", "id"),
    Index("appointments_starts_idx", "starts_at", "id"),
    Index("appointments_service_idx", "service_id"),
    Index("appointments_provider_idx", "provider_id", "starts_at"),
    Index("appointments_hold_idx", "provider_id", "hold_until", postgresql_where=text("status = 'hold'")),
    Index("appointments_hold_until_idx", "hold_until", postgresql_where=text("status = 'hold'")),
)

occupied = Table(
    "occupied",
    metadata,
    _id(),
    Column("occurrence_id", BigInteger, ForeignKey("occurrences.id"), nullable=False, index=True),
    Column("resource_id", BigInteger, ForeignKey("resources.id"), nullable=False),
    Column("during", TSTZRANGE, nullable=False),
    Column("status", Text, nullable=False),
    Column("hold_until", DateTime(timezone=True)),
    CheckConstraint("NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)", name="during"),
    CheckConstraint("lower_inc(during) AND NOT upper_inc(during)", name="half_open"),
    ExcludeConstraint(
        (text("int8range(resource_id, resource_id, '[]')"), "&&"),
        (text("during"), "&&"),
        name="occupied_no_overlap",
        using="gist",
        where=text("status IN ('hold', 'pending', 'confirmed')"),
    ),
    Index("occupied_hold_idx", "resource_id", "hold_until", postgresql_where=text("status = 'hold'")),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("actor", BigInteger, primary_key=True, autoincrement=False),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger),
    Column("answer", Text),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    _at("at"),
    Column("actor_id", BigInteger),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_id", BigInteger),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("request_id", Text),
    Index("audit_log_subject_idx", "subject", "subject_id", "id"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("payload_version", SmallInteger, nullable=False, server_default="1"),
    Column("payload", JSONB, nullable=False),
    Column("aggregate", Text, nullable=False),
    _at("not_before"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("leased_until", DateTime(timezone=True)),
    Column("done_at", DateTime(timezone=True)),
    Column("error", Text),
    Index("outbox_due_idx", "not_before", "id", postgresql_where=text("done_at IS NULL")),
    Index("outbox_aggregate_idx", "aggregate", "id", postgresql_where=text("done_at IS NULL")),
    Index("outbox_done_idx", "done_at", postgresql_where=text("done_at IS NOT NULL")),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("arrival_at", DateTime(timezone=True), nullable=False, index=True),
    prefixes=["UNLOGGED"],
)

schema_compat = Table(
    "schema_compat",
    metadata,
    Column("revision", Text, primary_key=True),
    Column("oldest_image", Text, nullable=False),
)
