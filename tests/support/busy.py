"""A business of some years in a database: what is kept of its appointments, its customers, and the work that follows.

Around DAY 25 providers are open all day and take an appointment every 40 minutes, each for the first 30, so that there
is room for ten. Most of the rest is long over, or done, as it is where somebody has worked for years.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import URL, text
from tests.support.databases import engine

DAY = datetime.now(UTC).date() + timedelta(days=100)
ROWS = 100_000
PROVIDERS = 25
SERVICES = 20

# Of the times that are taken in a row seven in ten lie 300 days before the others, in whose middle DAY is.
_FILL = (
    "UPDATE providers SET retired_at = now()",
    """INSERT INTO services (name, duration, price_minor, currency)
    SELECT 'Cut', 30, 8000, 'EUR' FROM generate_series(1, :services) UNION ALL SELECT 'Trim', 10, 8000, 'EUR'""",
    """WITH made AS (INSERT INTO resources (kind) SELECT 'provider' FROM generate_series(1, :providers) RETURNING id)
    INSERT INTO providers (id, name, performs_all) SELECT id, 'Provider ' || id, true FROM made""",
    """INSERT INTO availability (provider_id, date, start_minute, end_minute)
    SELECT id, CAST(:day AS date) - ago, 0, 1440 FROM providers, generate_series(200, 1000) ago
    WHERE retired_at IS NULL UNION ALL SELECT id, :day, 0, 1440 FROM providers WHERE retired_at IS NULL""",
    """INSERT INTO replaced_days (provider_id, date, minutes)
    SELECT id, CAST(:day AS date) - ago, '{}' FROM providers, generate_series(200, 1000) ago""",
    """INSERT INTO time_off (provider_id, starts_at, ends_at)
    SELECT id, now() - ago * interval '1 day', now() - ago * interval '1 day' + interval '1 hour'
    FROM providers, generate_series(2, 1000) ago""",
    """INSERT INTO closures (location_id, starts_at, ends_at)
    SELECT l.id, now() - ago * interval '1 hour', now() - ago * interval '1 hour' + interval '1 minute'
    FROM locations l, generate_series(2, 5000) ago""",
    "INSERT INTO users (name, email) SELECT 'Customer', n || '@c.example' FROM generate_series(1, :rows / 10) n",
    "INSERT INTO passwords (user_id, hash) SELECT id, '' FROM users ON CONFLICT DO NOTHING",
    """INSERT INTO sessions (id, user_id, expires_at)
    SELECT gen_random_uuid(), id, now() + (id % 500 - 30) * interval '1 hour' FROM users""",
    "INSERT INTO series (customer_id, rule) SELECT id, 'FREQ=DAILY;COUNT=1' FROM users",
    "INSERT INTO visits (customer_id) SELECT id FROM users",
    """INSERT INTO occurrences (service_id, starts_at, ends_at, capacity, provider_id)
    SELECT s.id + n % :services, t.at, t.at + interval '30 minutes', CASE WHEN n % 40 = 0 THEN 3 ELSE 1 END,
      p.id + n % :providers
    FROM (SELECT min(id) AS id FROM services) s, (SELECT min(id) AS id FROM providers WHERE retired_at IS NULL) p,
    generate_series(0, :rows - 1) n, LATERAL (SELECT CAST(:day AS timestamptz) + interval '12 hours'
      + (n / :providers - 17 * (:rows / :providers) / 20) * interval '40 minutes'
      - CASE WHEN n < :rows / 10 * 7 THEN interval '300 days' ELSE interval '0' END AS at) t""",
    """INSERT INTO appointments (occurrence_id, customer_id, service_id, provider_id, starts_at, ends_at, duration,
      price_minor, currency, buffer_before, buffer_after, status, series_id, visit_id)
    SELECT o.id, u.least + o.id % (:rows / 10), o.service_id, o.provider_id, o.starts_at, o.ends_at, 30, 8000, 'EUR',
      0, 0, CASE WHEN o.starts_at < now() THEN 'completed' ELSE 'confirmed' END,
      CASE WHEN o.id % 10 = 0 THEN s.least + o.id % (:rows / 10) END,
      CASE WHEN o.id % 10 = 1 THEN v.least + o.id % (:rows / 10) END
    FROM occurrences o, (SELECT min(id) AS least FROM users) u, (SELECT min(id) AS least FROM series) s,
      (SELECT min(id) AS least FROM visits) v""",
    # Of what is over a quarter is enough: this index is the slowest of all to build.
    """INSERT INTO occupied (occurrence_id, resource_id, during, status)
    SELECT occurrence_id, provider_id, tstzrange(starts_at, ends_at), 'confirmed' FROM appointments
    WHERE status = 'confirmed' OR id % 4 = 0""",
    "INSERT INTO audit_log (action, subject, subject_id) SELECT 'booked', 'appointment', id FROM appointments",
    """INSERT INTO outbox (kind, payload, aggregate, not_before, done_at)
    SELECT 'appointment.booked', jsonb_build_object('id', id), 'appointment:' || id, a.at, a.at
    FROM (SELECT id, now() - id % 1500 * interval '1 minute' AS at FROM appointments) a""",
    """INSERT INTO outbox (kind, payload, aggregate, attempts) SELECT 'appointment.cancelled', '{}', 'dead:' || n, 12
    FROM generate_series(1, 50) n""",
    """INSERT INTO idempotency_keys (actor, route, key, request_hash, expires_at)
    SELECT customer_id, 'POST /appointments', id, '', now() + (id % 1500 - 60) * interval '1 minute'
    FROM appointments""",
    """INSERT INTO rate_limits (rule, subject, arrival_at)
    SELECT 'login', email, now() - id % 60 * interval '1 minute' FROM users WHERE email IS NOT NULL""",
    """INSERT INTO waitlist (customer_id, service_id, first_date, last_date, weekdays, start_minute, end_minute, status)
    SELECT u.id, s.id + u.id % :services, CAST(:day AS date) - ago.days, CAST(:day AS date) - ago.days + 3,
      '{1,2,3,4,5,6,7}', 0, 5,
      CASE WHEN ago.days < 90 THEN 'waiting' WHEN u.id % 3 = 0 THEN 'withdrawn' ELSE 'fulfilled' END
    FROM users u, (SELECT min(id) AS id FROM services) s, generate_series(0, 4) n,
    LATERAL (SELECT CAST((u.id * 5 + n) % 5000 AS integer) AS days) ago""",
    """INSERT INTO offers (waitlist_id, appointment_id, expires_at, status)
    SELECT w.id, a.least + w.id, now() - interval '1 day', 'accepted'
    FROM waitlist w, (SELECT min(id) AS least FROM appointments) a WHERE w.status = 'fulfilled'""",
)


def fill(url: URL) -> None:
    """Put all that in; who waits waits for something that nobody has time for."""
    values = {"rows": ROWS, "providers": PROVIDERS, "services": SERVICES, "day": DAY}
    with engine(url).begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # the rows fit each other: no need to look
        for statement in _FILL:
            connection.execute(text(statement), values)
    with engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("ANALYZE"))
