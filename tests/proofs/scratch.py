"""A scratch database from which the lock, the constraint or both are taken away."""

from sqlalchemy import URL, text
from tests.support.databases import engine

CONSTRAINT = """ALTER TABLE occupied ADD CONSTRAINT occupied_no_overlap
EXCLUDE USING gist (int8range(resource_id, resource_id, '[]') WITH &&, during WITH &&)
WHERE (status IN ('hold', 'pending', 'confirmed'))"""
# A row that a function returns cannot be locked, and FOR UPDATE on a view over it says nothing of that.
NO_LOCK = """
ALTER TABLE resources RENAME TO resources_there;
CREATE FUNCTION resources_of() RETURNS SETOF resources_there LANGUAGE sql STABLE AS 'SELECT * FROM resources_there';
CREATE VIEW resources AS SELECT * FROM resources_of();
GRANT SELECT, UPDATE ON resources, resources_there TO bookmeup_logic;
"""
LOCK = """
DROP VIEW resources;
DROP FUNCTION resources_of;
ALTER TABLE resources_there RENAME TO resources;
"""


def arrange(url: URL, *, lock: bool, constraint: bool) -> None:
    """Empty the calendar, and take away what is not wanted."""
    with engine(url).begin() as connection:
        connection.execute(text("TRUNCATE occurrences CASCADE"))
        connection.execute(text("ALTER TABLE occupied DROP CONSTRAINT IF EXISTS occupied_no_overlap"))
        if constraint:
            connection.execute(text(CONSTRAINT))
        locks = connection.execute(text("SELECT relkind FROM pg_class WHERE relname = 'resources'")).scalar_one() == "r"
        if locks != lock:
            connection.exec_driver_sql(LOCK if lock else NO_LOCK)
