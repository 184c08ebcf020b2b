"""What is in the outbox, and what has been done of it."""

from sqlalchemy import URL, text
from tests.support.databases import engine

_WATCHED = """
CREATE TABLE done_log (id bigint);
GRANT INSERT ON done_log TO bookmeup_outbox;
CREATE FUNCTION log_done() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO done_log VALUES (NEW.id); RETURN NEW; END';
CREATE TRIGGER log_done AFTER UPDATE OF done_at ON outbox FOR EACH ROW EXECUTE FUNCTION log_done();
"""


def watch(url: URL) -> None:
    """Have it written down from now on whenever a row is done."""
    with engine(url).begin() as connection:
        connection.exec_driver_sql(_WATCHED)


def done(url: URL) -> tuple[int, int]:
    """Return how often, since it is written down, a row was done, and how many different ones were."""
    with engine(url).connect() as connection:
        often, different = connection.execute(text("SELECT count(*), count(DISTINCT id) FROM done_log")).one()
    return often, different


def fill(url: URL, rows: int, columns: str = "", values: str = "") -> None:
    """Put in so many rows, each of an aggregate of its own."""
    with engine(url).begin() as connection:
        connection.execute(
            text(f"""INSERT INTO outbox (kind, payload, aggregate {columns})
            SELECT 'test', '{{}}', 'test:' || n {values} FROM generate_series(1, :rows) n"""),  # noqa: S608 - our own
            {"rows": rows},
        )


def waiting(url: URL) -> int:
    """Return how many rows are not done, due or not."""
    return rows(url, "done_at IS NULL")


def rows(url: URL, which: str = "true") -> int:
    with engine(url).connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM outbox WHERE {which}")).scalar_one())  # noqa: S608
