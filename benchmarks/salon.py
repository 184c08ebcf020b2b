"""A salon to measure on: four providers, twenty services, two thousand customers, their appointments.

Every provider works Monday to Saturday from 9 to 18. The mornings are full of appointments; the afternoons are free,
and what the benchmarks book.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from argon2 import PasswordHasher
from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool

PROVIDERS = ("Ana Popescu", "Mihai Ionescu", "Elena Dumitru", "Radu Stan")
SERVICES = (
    ("Fringe trim", 15, 3000), ("Haircut, short hair", 30, 8000), ("Haircut, long hair", 60, 12000),
    ("Blow-dry", 30, 7000), ("Wash and style", 45, 9000), ("Colour, roots", 90, 18000), ("Colour, full", 120, 28000),
    ("Highlights", 150, 35000), ("Toner", 30, 8500), ("Keratin treatment", 180, 50000), ("Scalp massage", 20, 5000),
    ("Beard trim", 20, 5000), ("Shave", 30, 6000), ("Children's cut", 30, 6000), ("Updo", 60, 15000),
    ("Bridal trial", 120, 30000), ("Manicure", 45, 9000), ("Pedicure", 60, 11000), ("Eyebrows", 15, 4000),
    ("Make-up", 60, 14000),
)  # fmt: skip
CUSTOMERS = 2000
DAYS = 320
PASSWORD = "bookmeup-bench"  # noqa: S105 - of accounts that live for a run
BOOKED_SERVICE = 1
BOOKED_MINUTES = 15
FREE_STARTS = range(13 * 60, 18 * 60, BOOKED_MINUTES)

_FILL = (
    "UPDATE providers SET retired_at = now() WHERE is_default",
    """INSERT INTO services (name, description, duration, price_minor, currency, slot_interval)
       SELECT name, 'Wash included. Please come five minutes early.', duration, price, 'RON', 15
       FROM unnest(CAST(:names AS text[]), CAST(:durations AS int[]), CAST(:prices AS bigint[]))
            AS s (name, duration, price)""",
    """WITH r AS (INSERT INTO resources (kind) SELECT 'provider' FROM unnest(CAST(:providers AS text[])) RETURNING id)
       INSERT INTO providers (id, name, performs_all)
       SELECT id, (CAST(:providers AS text[]))[row_number() OVER (ORDER BY id)], true FROM r""",
    """INSERT INTO weekly_hours (provider_id, weekday, start_minute, end_minute)
       SELECT id, weekday, 540, 1080 FROM providers, generate_series(1, 6) weekday WHERE retired_at IS NULL""",
    """WITH made AS (INSERT INTO users (name, email)
                     SELECT 'Customer ' || n, 'customer' || n || '@bench.example' FROM generate_series(1, :customers) n
                     RETURNING id)
       INSERT INTO passwords (user_id, hash) SELECT id, :hash FROM made""",
    """CREATE TEMPORARY TABLE wanted AS
       SELECT row_number() OVER () AS n, p.id AS provider_id, 2 AS service_id,
              (d + make_interval(mins => 540 + 40 * k)) AT TIME ZONE 'Europe/Bucharest' AS starts_at
       FROM providers p, generate_series(CAST(:since AS timestamp), CAST(:until AS timestamp), '1 day') d,
            generate_series(0, 5) k
       WHERE p.retired_at IS NULL AND extract(isodow FROM d) < 7""",
    """INSERT INTO occurrences (service_id, starts_at, ends_at)
       SELECT service_id, starts_at, starts_at + interval '30 minutes' FROM wanted ORDER BY n""",
    """INSERT INTO appointments (occurrence_id, customer_id, service_id, provider_id, starts_at, ends_at, duration,
                                 price_minor, currency, buffer_before, buffer_after)
       SELECT n, (SELECT min(id) FROM users WHERE email IS NOT NULL) + n % :customers, service_id, provider_id,
              starts_at, starts_at + interval '30 minutes', 30, 8000, 'RON', 0, 0
       FROM wanted ORDER BY n""",
    """INSERT INTO occupied (occurrence_id, resource_id, during, status)
       SELECT n, provider_id, tstzrange(starts_at, starts_at + interval '30 minutes'), 'confirmed'
       FROM wanted ORDER BY starts_at""",
)


@dataclass(frozen=True)
class Start:
    """A free start: a provider may be booked then, by name or as anyone of the four."""

    provider: int
    day: date
    time: str


def fill(url: URL, today: date) -> Sequence[int]:
    """Fill an empty, migrated database; return the providers' ids."""
    values = {
        "names": [name for name, _, _ in SERVICES],
        "durations": [minutes for _, minutes, _ in SERVICES],
        "prices": [price for _, _, price in SERVICES],
        "providers": list(PROVIDERS),
        "customers": CUSTOMERS,
        "hash": PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(PASSWORD),
        "since": today - timedelta(days=30),
        "until": today + timedelta(days=DAYS),
    }
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in _FILL:
            connection.execute(text(statement), values)
        ids = connection.execute(text("SELECT id FROM providers WHERE retired_at IS NULL ORDER BY id")).scalars().all()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return ids


def free_starts(providers: Sequence[int], today: date) -> list[Start]:
    """Return all free starts, in an order that mixes providers and days."""
    days = [today + timedelta(days=offset) for offset in range(2, DAYS)]
    starts = [
        Start(provider, day, f"{minute // 60:02d}:{minute % 60:02d}")
        for day in days
        if day.isoweekday() < 7
        for provider in providers
        for minute in FREE_STARTS
    ]
    random.Random(1).shuffle(starts)
    return starts
